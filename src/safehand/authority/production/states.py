"""The states of production, how they follow each other, and who waits where."""

from enum import StrEnum
from typing import Final

from safehand.authority.production import events as e
from safehand.kernel.steps import ClockedStep, Table, Wait


class ProductionState(StrEnum):
    """Where the making of the document stands."""

    NONE = "none"
    WAITING_BLANK = "waiting_blank"
    STARTED = "started"
    PRINTED = "printed"
    ISSUED = "issued"
    CLOSED = "closed"


S = ProductionState

WORDS: Final = {
    S.NONE: ("not in production", "尚未进入制作"),
    S.WAITING_BLANK: ("waiting for a blank", "待领用空白证件"),
    S.STARTED: ("being personalised", "制作中"),
    S.PRINTED: ("waiting for the second check", "待复核"),
    S.ISSUED: ("issued", "已签发"),
    S.CLOSED: ("closed", "已终止"),
}

TABLE: Final[Table] = {
    (S.NONE, e.ProductionOpened): S.WAITING_BLANK,
    (S.WAITING_BLANK, e.ProductionStarted): S.STARTED,
    (S.WAITING_BLANK, e.ProductionRanLate): S.WAITING_BLANK,
    (S.WAITING_BLANK, e.ProductionClosed): S.CLOSED,
    (S.STARTED, e.DocumentPrinted): S.PRINTED,
    (S.STARTED, e.DocumentSpoiled): S.WAITING_BLANK,
    (S.STARTED, e.ProductionRanLate): S.STARTED,
    (S.PRINTED, e.DocumentIssued): S.ISSUED,
    (S.PRINTED, e.DocumentSpoiled): S.WAITING_BLANK,
    (S.PRINTED, e.ProductionRanLate): S.PRINTED,
    # The issued document was lost, spoiled or rejected: another one, free of charge.
    (S.ISSUED, e.ProductionOpened): S.WAITING_BLANK,
}
_MAKING: Final = Wait("production_clerk", "produce_working_days", "authority_manager")
WAITING: Final = {S.WAITING_BLANK: _MAKING, S.STARTED: _MAKING, S.PRINTED: _MAKING}
HANDED_ON: Final = frozenset({S.ISSUED})
TERMINAL: Final = frozenset({S.CLOSED})


class Production(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """Which document is being made, from which blank."""

    state: ProductionState = S.NONE
    blank: int = 0
    """The blank's ordinal in its stock."""
    make: int = 0
    """How many blanks this case has drawn; also names the document at work."""
    printed_by: str = ""
    cause: str = ""
    """`paid`, or why it is made anew."""
