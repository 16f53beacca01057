"""What has happened to an item that can't be delivered."""

from datetime import datetime

from safehand.kernel.machine import Event
from safehand.link.messages import Reason


class RecallNoted(Event, frozen=True, kw_only=True, tag="undeliverable.recall_noted"):
    """A recall (106) came while a claim was open: the authority's own answer to the claim decides it."""

    reason: Reason


class RecallAccepted(Event, frozen=True, kw_only=True, tag="undeliverable.recall_accepted"):
    """The item is stopped and goes back (210)."""

    at: datetime


class RecallRefused(Event, frozen=True, kw_only=True, tag="undeliverable.recall_refused"):
    """Too late, or not ours to stop (211)."""

    reason: Reason
    at: datetime


class ReturnStarted(Event, frozen=True, kw_only=True, tag="undeliverable.return_started"):
    """The item goes back to the issuing office (205, return started)."""

    reason: Reason
    place: str
    scan_id: str
    occurred_at: datetime


class ReturnMoved(Event, frozen=True, kw_only=True, tag="undeliverable.return_moved"):
    """A scan on the way back (205, return moved)."""

    scan_id: str
    place: str
    account: str
    """Who has it now; empty for a scan that came late and moves nothing."""
    occurred_at: datetime


class ReturnOffered(Event, frozen=True, kw_only=True, tag="undeliverable.return_offered"):
    """It stands at the issuing office's door (212). Custody is pending."""

    at: datetime


class OfferWithdrawn(Event, frozen=True, kw_only=True, tag="undeliverable.offer_withdrawn"):
    """The office was closed or did not take it; it is offered again."""


class ReturnReceived(Event, frozen=True, kw_only=True, tag="undeliverable.return_received"):
    """The authority scanned it in (107): custody is the authority's."""


class IncidentOpened(Event, frozen=True, kw_only=True, tag="undeliverable.incident_opened"):
    """Lost, stolen, damaged, or delivered to nobody knows whom (213)."""

    reason: Reason
    at: datetime


class LossDeclared(Event, frozen=True, kw_only=True, tag="undeliverable.loss_declared"):
    """The search is closed without the item (214)."""


class ItemFound(Event, frozen=True, kw_only=True, tag="undeliverable.item_found"):
    """It reappeared (215). It goes back, never to the door: its document may be invalid by now."""

    place: str
    at: datetime


class SearchEnded(Event, frozen=True, kw_only=True, tag="undeliverable.search_ended"):
    """While it was searched for, or given up, its recipient confirmed to the authority to have it: the proof ends the search."""


class Escalated(Event, frozen=True, kw_only=True, tag="undeliverable.escalated"):
    """A clock ran out: the manager sees to it."""


UndeliverableEvent = (
    RecallNoted
    | RecallAccepted
    | RecallRefused
    | ReturnStarted
    | ReturnMoved
    | ReturnOffered
    | OfferWithdrawn
    | ReturnReceived
    | IncidentOpened
    | LossDeclared
    | ItemFound
    | SearchEnded
    | Escalated
)
