"""The states of an application, how they follow each other, and who waits where."""

from enum import StrEnum
from typing import Final, Literal

from safehand.authority.application import events as e
from safehand.authority.cities.city import PostageChoice
from safehand.kernel.steps import ClockedStep, Table, Wait


class ApplicationState(StrEnum):
    """Where the applicant stands."""

    NONE = "none"
    RECEIVED = "received"
    CORRECTING = "correcting"
    COMPLETED = "completed"
    WITHDRAWN = "withdrawn"
    DEEMED_WITHDRAWN = "deemed_withdrawn"
    REFUSED = "refused"
    NOT_DELIVERED = "not_delivered"


S = ApplicationState

WORDS: Final = {
    S.NONE: ("not submitted", "尚未提交"),
    S.RECEIVED: ("being handled", "办理中"),
    S.CORRECTING: ("waiting for your correction", "待补正"),
    S.COMPLETED: ("completed", "已办结"),
    S.WITHDRAWN: ("withdrawn", "已撤回"),
    S.DEEMED_WITHDRAWN: ("deemed withdrawn", "视为撤回"),
    S.REFUSED: ("refused", "不予批准"),
    S.NOT_DELIVERED: ("ended without delivery", "未领取已终止"),
}

TABLE: Final[Table] = {
    (S.NONE, e.ApplicationSubmitted): S.RECEIVED,
    (S.RECEIVED, e.CorrectionOpened): S.CORRECTING,
    (S.CORRECTING, e.ApplicationCorrected): S.RECEIVED,
    (S.CORRECTING, e.ApplicationDeemedWithdrawn): S.DEEMED_WITHDRAWN,
    (S.CORRECTING, e.ApplicationWithdrawn): S.WITHDRAWN,
    (S.RECEIVED, e.ApplicationDeemedWithdrawn): S.DEEMED_WITHDRAWN,
    (S.RECEIVED, e.ApplicationWithdrawn): S.WITHDRAWN,
    (S.RECEIVED, e.ApplicationRefused): S.REFUSED,
    (S.RECEIVED, e.ApplicationCompleted): S.COMPLETED,
    (S.RECEIVED, e.ApplicationEndedUndelivered): S.NOT_DELIVERED,
    (S.COMPLETED, e.ApplicationReopened): S.RECEIVED,
    (S.RECEIVED, e.ApplicationReaddressed): S.RECEIVED,
}
WAITING: Final = {S.CORRECTING: Wait(owner="applicant", clock="correct_days")}
HANDED_ON: Final = frozenset({S.RECEIVED})
TERMINAL: Final = frozenset({S.COMPLETED, S.WITHDRAWN, S.DEEMED_WITHDRAWN, S.REFUSED, S.NOT_DELIVERED})


class Application(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """What was asked for and how it stands. No person: who applies is in the vault."""

    state: ApplicationState = S.NONE
    document: str = ""
    ground: str = ""
    mode: str = ""
    destination: int = 0
    """GB/T 2260 code of the city that the envelope goes to."""
    office: str = ""
    """The issuing office; for pick-up its counter."""
    postage: PostageChoice | Literal[""] = ""
    """How the applicant chose to pay the postage; empty: nothing was chosen, and the city's own mode holds."""
    claim: str = ""
    """The national claim on one live case per person and kind (a blind index, no person)."""
    draw: int = 0
    """Which drawing the receipt number is from."""
    asked: tuple[str, ...] = ()
    """The parts that must come again."""
