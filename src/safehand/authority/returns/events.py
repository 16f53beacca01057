"""What can happen to something that comes back."""

from datetime import datetime

from safehand.kernel.machine import Event


class RecallAsked(Event, frozen=True, kw_only=True, tag="returns.recall_asked"):
    """The post is asked to stop the envelope and bring it back."""

    order: str
    waybill: str
    peer: str
    reason: int
    due_at: datetime
    at: datetime


class RecallAccepted(Event, frozen=True, kw_only=True, tag="returns.recall_accepted"):
    """The post has stopped it."""

    due_at: datetime


class RecallRefused(Event, frozen=True, kw_only=True, tag="returns.recall_refused"):
    """Too late, says the post."""

    reason: int


class RecallOvertaken(Event, frozen=True, kw_only=True, tag="returns.recall_overtaken"):
    """It was proven delivered before the post answered."""


class RecallCrossed(Event, frozen=True, kw_only=True, tag="returns.recall_crossed"):
    """The post accepted a recall of what was already proven delivered: the proof stands."""


class ReturnStarted(Event, frozen=True, kw_only=True, tag="returns.started"):
    """It is coming back."""

    reason: int
    due_at: datetime


class ReturnCalledOff(Event, frozen=True, kw_only=True, tag="returns.called_off"):
    """The scan that said so was voided."""


class ReturnInterrupted(Event, frozen=True, kw_only=True, tag="returns.interrupted"):
    """On its way back something went wrong with it."""


class ReturnOffered(Event, frozen=True, kw_only=True, tag="returns.offered"):
    """The post stands at the door with it: custody is pending."""

    reason: int
    due_at: datetime


class ReturnReceived(Event, frozen=True, kw_only=True, tag="returns.received"):
    """Scanned in by our own clerk: custody is ours again."""

    order: str
    waybill: str
    peer: str
    due_at: datetime
    at: datetime


class ReturnShelved(Event, frozen=True, kw_only=True, tag="returns.shelved"):
    """From the counter onto the return shelf."""

    reason: int
    due_at: datetime


class ReturnResent(Event, frozen=True, kw_only=True, tag="returns.resent"):
    """It goes out again under a new order."""

    free: bool


class ReturnKeptForPickup(Event, frozen=True, kw_only=True, tag="returns.kept_for_pickup"):
    """It is kept at the counter."""


class ReturnGivenUp(Event, frozen=True, kw_only=True, tag="returns.given_up"):
    """This document goes out no more; with `remake` another one is made free of charge."""

    reason: int
    remake: bool


class EnvelopeEmpty(Event, frozen=True, kw_only=True, tag="returns.envelope_empty"):
    """What came back is an envelope without its document: an incident, and another document is made."""

    second_person: str


class ReturnsRanLate(Event, frozen=True, kw_only=True, tag="returns.ran_late"):
    """The clock of this state is over: the manager owns it."""


ReturnsEvent = (
    RecallAsked
    | RecallAccepted
    | RecallRefused
    | RecallOvertaken
    | RecallCrossed
    | ReturnStarted
    | ReturnCalledOff
    | ReturnInterrupted
    | ReturnOffered
    | ReturnReceived
    | ReturnShelved
    | ReturnResent
    | ReturnKeptForPickup
    | ReturnGivenUp
    | EnvelopeEmpty
    | ReturnsRanLate
)
