"""What can happen to an application."""

from collections.abc import Mapping
from datetime import datetime
from typing import Literal

from safehand.authority.cities.city import PostageChoice
from safehand.kernel.machine import Event


class ApplicationSubmitted(Event, frozen=True, kw_only=True, tag="application.submitted"):
    """Eligible by the rules of the day and taken in. Digests are SHA-256 of what was uploaded."""

    document: str
    ground: str
    mode: str
    destination: int
    office: str
    travels: bool
    """The applicant was warned about the old document and travels before the new one will come."""
    claim: str
    receipt: str = ""
    """The national claim upon the receipt number (a blind index); it is never given back."""
    draw: int = 0
    agent: bool = False
    """Somebody is named who may receive it."""
    postage: PostageChoice | Literal[""] = ""
    """How the postage is paid, as the applicant chose; empty: nothing was chosen."""
    ruleset: str
    parts: Mapping[str, str]


class CorrectionOpened(Event, frozen=True, kw_only=True, tag="application.correction_opened"):
    """The applicant must send these parts again, all named at once, by the deadline."""

    asked: tuple[str, ...]
    defects: tuple[str, ...]
    due_at: datetime


class ApplicationCorrected(Event, frozen=True, kw_only=True, tag="application.corrected"):
    """Exactly the parts that were asked for came again."""

    parts: Mapping[str, str]


class ApplicationWithdrawn(Event, frozen=True, kw_only=True, tag="application.withdrawn"):
    """By the applicant, before production."""


class ApplicationDeemedWithdrawn(Event, frozen=True, kw_only=True, tag="application.deemed_withdrawn"):
    """The correction or the payment did not come in time."""

    cause: str
    """`correction` or `payment`."""


class ApplicationRefused(Event, frozen=True, kw_only=True, tag="application.refused"):
    """The examiner refused, in writing."""

    reason: str


class ApplicationCompleted(Event, frozen=True, kw_only=True, tag="application.completed"):
    """The document is proven in the applicant's hands."""


class ApplicationReopened(Event, frozen=True, kw_only=True, tag="application.reopened"):
    """A completed application goes on: its document turned out not to be in hand."""


class ApplicationEndedUndelivered(Event, frozen=True, kw_only=True, tag="application.ended_undelivered"):
    """The document came back, was never fetched, and was invalidated."""


class ApplicationReaddressed(Event, frozen=True, kw_only=True, tag="application.readdressed"):
    """The envelope goes to an address in this city from now on."""

    destination: int


ApplicationEvent = (
    ApplicationSubmitted
    | CorrectionOpened
    | ApplicationCorrected
    | ApplicationWithdrawn
    | ApplicationDeemedWithdrawn
    | ApplicationRefused
    | ApplicationCompleted
    | ApplicationReopened
    | ApplicationEndedUndelivered
    | ApplicationReaddressed
)
