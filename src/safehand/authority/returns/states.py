"""The states of a return, how they follow each other, and who waits where."""

from enum import StrEnum
from typing import Final

from safehand.authority.returns import events as e
from safehand.kernel.steps import ClockedStep, Table, Wait


class ReturnsState(StrEnum):
    """Where the way back stands; `none` when nothing comes back."""

    NONE = "none"
    RECALL_ASKED = "recall_asked"
    COMING_BACK = "coming_back"
    OFFERED = "offered"
    ON_SHELF = "on_shelf"


S = ReturnsState

WORDS: Final = {
    S.NONE: ("not coming back", "无退回"),
    S.RECALL_ASKED: ("recalled, not yet answered", "已要求撤回，待答复"),
    S.COMING_BACK: ("coming back", "退回途中"),
    S.OFFERED: ("at the door of the office", "退回待签收"),
    S.ON_SHELF: ("on the return shelf", "退回待处理"),
}

TABLE: Final[Table] = {
    (S.NONE, e.RecallAsked): S.RECALL_ASKED,
    (S.NONE, e.RecallCrossed): S.NONE,
    (S.NONE, e.ReturnStarted): S.COMING_BACK,
    (S.NONE, e.ReturnOffered): S.OFFERED,
    (S.NONE, e.ReturnShelved): S.ON_SHELF,
    (S.RECALL_ASKED, e.RecallAccepted): S.COMING_BACK,
    (S.RECALL_ASKED, e.RecallRefused): S.NONE,
    (S.RECALL_ASKED, e.RecallOvertaken): S.NONE,
    (S.RECALL_ASKED, e.ReturnStarted): S.COMING_BACK,
    (S.RECALL_ASKED, e.ReturnOffered): S.OFFERED,
    (S.RECALL_ASKED, e.ReturnInterrupted): S.NONE,
    (S.RECALL_ASKED, e.ReturnsRanLate): S.RECALL_ASKED,
    (S.COMING_BACK, e.ReturnOffered): S.OFFERED,
    (S.COMING_BACK, e.ReturnReceived): S.ON_SHELF,
    (S.COMING_BACK, e.ReturnCalledOff): S.NONE,
    (S.COMING_BACK, e.ReturnInterrupted): S.NONE,
    (S.COMING_BACK, e.ReturnsRanLate): S.COMING_BACK,
    (S.OFFERED, e.ReturnReceived): S.ON_SHELF,
    (S.OFFERED, e.ReturnInterrupted): S.NONE,
    (S.OFFERED, e.ReturnsRanLate): S.OFFERED,
    (S.ON_SHELF, e.ReturnResent): S.NONE,
    (S.ON_SHELF, e.ReturnKeptForPickup): S.NONE,
    (S.ON_SHELF, e.ReturnGivenUp): S.NONE,
    (S.ON_SHELF, e.EnvelopeEmpty): S.NONE,
    (S.ON_SHELF, e.ReturnsRanLate): S.ON_SHELF,
}
_SHELF: Final = Wait("handover_clerk", "shelf_working_days", "authority_manager")
WAITING: Final = {
    S.RECALL_ASKED: Wait("post", "recall_hours", "authority_manager"),
    S.COMING_BACK: Wait("post", "return_days", "authority_manager"),
    S.OFFERED: _SHELF,
    S.ON_SHELF: _SHELF,
}
TERMINAL: Final = frozenset[ReturnsState]()


class Returns(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """One way back."""

    state: ReturnsState = S.NONE
    reason: int = 0
    recalled: bool = False
    """We asked for it: no voided scan lets it go on to the door."""
