"""The states of a question, how they follow each other, and who waits where."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from safehand.authority.help import events as e
from safehand.kernel.steps import ClockedStep, Table, Wait


class HelpState(StrEnum):
    """Where the last question of the case stands."""

    NONE = "none"
    OPEN = "open"
    ANSWERED = "answered"


S = HelpState

WORDS: Final = {
    S.NONE: ("nothing was asked", "没有提问"),
    S.OPEN: ("waiting for an answer", "等待答复"),
    S.ANSWERED: ("answered", "已答复"),
}

TABLE: Final[Table] = {
    (S.NONE, e.HelpAsked): S.OPEN,
    (S.OPEN, e.HelpRanLate): S.OPEN,
    (S.OPEN, e.HelpAnswered): S.ANSWERED,
    (S.OPEN, e.HelpDropped): S.NONE,
    (S.ANSWERED, e.HelpRated): S.ANSWERED,
    (S.ANSWERED, e.HelpReopened): S.OPEN,
    (S.ANSWERED, e.HelpAsked): S.OPEN,
}
WAITING: Final = {S.OPEN: Wait("help_agent", "help_working_days", "authority_manager")}
TERMINAL: Final = frozenset({S.ANSWERED})
QUEUE: Final = f"help.{S.OPEN}"


class Help(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """The questions of a case, one after the other."""

    state: HelpState = S.NONE
    number: int = 0
    """Of the last question."""
    texts: int = 0
    """How many texts (questions, answers, and why one was opened again) there are."""
    reopen_until: datetime | None = None
    stars: int = 0
    """Of the last answer; 0: not rated."""
    denial: bool = False
    """The last question is about a document that its recipient does not have."""
