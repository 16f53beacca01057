"""What can be asked of an examination, and by whom."""

from typing import Annotated, Final

from msgspec import Meta

from safehand.kernel.machine import Command

Code = Annotated[str, Meta(max_length=40)]


class Approve(Command, frozen=True, kw_only=True, tag="examination.approve"):
    """The application is right; the applicant may pay."""


class AskCorrection(Command, frozen=True, kw_only=True, tag="examination.ask_correction"):
    """Name every defect (codes of `reasons.DEFECTS`), all at once."""

    defects: Annotated[tuple[Code, ...], Meta(max_length=20)]


class RefuseApplication(Command, frozen=True, kw_only=True, tag="examination.refuse"):
    """Refuse for a reason (codes of `reasons.REASONS`)."""

    reason: Code


class ReviewExpired(Command, frozen=True, kw_only=True, tag="examination.review_expired"):
    """The clock: the working days for the review are used up."""


ExaminationCommand = Approve | AskCorrection | RefuseApplication | ReviewExpired

_EXAMINERS: Final = frozenset({"examiner", "authority_manager"})
ROLES: Final[dict[type[Command], frozenset[str]]] = {
    Approve: _EXAMINERS,
    AskCorrection: _EXAMINERS,
    RefuseApplication: _EXAMINERS,
    ReviewExpired: frozenset({"system"}),
}
