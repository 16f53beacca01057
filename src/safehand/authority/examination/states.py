"""The states of an examination, how they follow each other, and who waits where."""

from enum import StrEnum
from typing import Final

from safehand.authority.examination import events as e
from safehand.kernel.steps import ClockedStep, Table, Wait
from safehand.kernel.working_days import WorkClock


class ExaminationState(StrEnum):
    """Where the examination stands."""

    NONE = "none"
    REVIEWING = "reviewing"
    STOPPED = "stopped"
    APPROVED = "approved"
    REFUSED = "refused"
    CLOSED = "closed"


S = ExaminationState

WORDS: Final = {
    S.NONE: ("not before an examiner", "尚未进入审核"),
    S.REVIEWING: ("under review", "审核中"),
    S.STOPPED: ("waiting for the applicant", "等待申请人补正"),
    S.APPROVED: ("approved", "已批准"),
    S.REFUSED: ("refused", "不予批准"),
    S.CLOSED: ("closed", "已终止"),
}

TABLE: Final[Table] = {
    (S.NONE, e.ExaminationOpened): S.REVIEWING,
    (S.REVIEWING, e.CorrectionAsked): S.STOPPED,
    (S.REVIEWING, e.ExaminationRanLate): S.REVIEWING,
    (S.REVIEWING, e.ExaminationApproved): S.APPROVED,
    (S.REVIEWING, e.ExaminationRefused): S.REFUSED,
    (S.REVIEWING, e.ExaminationClosed): S.CLOSED,
    (S.STOPPED, e.ExaminationResumed): S.REVIEWING,
    (S.STOPPED, e.ExaminationClosed): S.CLOSED,
}
WAITING: Final = {S.REVIEWING: Wait("examiner", "review_working_days", "authority_manager")}
HANDED_ON: Final = frozenset({S.STOPPED, S.APPROVED})
TERMINAL: Final = frozenset({S.REFUSED, S.CLOSED})


class Examination(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """How the review stands, with its clock of working days."""

    state: ExaminationState = S.NONE
    clock: WorkClock | None = None
    rounds: int = 0
    """How often the applicant was asked to correct."""
