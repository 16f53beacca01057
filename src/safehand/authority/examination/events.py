"""What can happen in an examination."""

from datetime import datetime

from safehand.kernel.machine import Event


class ExaminationOpened(Event, frozen=True, kw_only=True, tag="examination.opened"):
    """The application lies before the examiners; the review clock runs."""

    budget_days: int
    due_at: datetime


class CorrectionAsked(Event, frozen=True, kw_only=True, tag="examination.correction_asked"):
    """All defects at once; the review clock stands."""

    defects: tuple[str, ...]
    used_days: int


class ExaminationResumed(Event, frozen=True, kw_only=True, tag="examination.resumed"):
    """The correction came; the review clock runs on."""

    due_at: datetime


class ExaminationRanLate(Event, frozen=True, kw_only=True, tag="examination.ran_late"):
    """Seven working days are over: the manager owns it too; it stays examinable."""


class ExaminationApproved(Event, frozen=True, kw_only=True, tag="examination.approved"):
    """The document may be issued once it is paid."""


class ExaminationRefused(Event, frozen=True, kw_only=True, tag="examination.refused"):
    """Refused for a typed reason, with a written notice that names the right of appeal."""

    reason: str


class ExaminationClosed(Event, frozen=True, kw_only=True, tag="examination.closed"):
    """Nothing left to examine: the application was withdrawn."""


ExaminationEvent = (
    ExaminationOpened
    | CorrectionAsked
    | ExaminationResumed
    | ExaminationRanLate
    | ExaminationApproved
    | ExaminationRefused
    | ExaminationClosed
)
