"""What scanners between the offices have seen."""

from datetime import datetime
from enum import IntEnum

from safehand.kernel.machine import Event
from safehand.link.messages import Scan


class Kept(IntEnum):
    """Why a scan is kept but moves nothing."""

    LATE = 1
    """It happened before the last act of custody: a device without a network told it late."""
    CONTRADICTS = 2
    """It happened later, yet somebody else has the item: a wrong scan, or a copy of the label."""


class Departed(Event, frozen=True, kw_only=True, tag="transport.departed"):
    """Left an office or centre in a vehicle."""

    scan_id: str
    place: str
    leg: str
    occurred_at: datetime
    giver: str
    """The account that had it."""


class ArrivedAtCentre(Event, frozen=True, kw_only=True, tag="transport.arrived"):
    """Seen at a sorting centre."""

    scan_id: str
    place: str
    occurred_at: datetime
    giver: str


class ArrivedAtOffice(Event, frozen=True, kw_only=True, tag="transport.arrived_at_office"):
    """Seen at a delivery office: the delivery step may begin."""

    scan_id: str
    place: str
    occurred_at: datetime
    giver: str


class ScanKept(Event, frozen=True, kw_only=True, tag="transport.scan_kept"):
    """A scan that moves nothing; it stays in the journal."""

    scan_id: str
    scan: Scan
    place: str
    occurred_at: datetime
    why: Kept


class ScanVoided(Event, frozen=True, kw_only=True, tag="transport.scan_voided"):
    """The scan did not happen or was wrong; nothing depends on it any more."""

    scan_id: str
    at: datetime


class PositionVoided(Event, frozen=True, kw_only=True, tag="transport.position_voided"):
    """The scan that gave the present position was wrong: the holder before it has the item, somebody must look."""

    scan_id: str
    account: str
    acted_at: datetime
    at: datetime


class ContradictionCleared(Event, frozen=True, kw_only=True, tag="transport.contradiction_cleared"):
    """The manager found out why a scan contradicted custody."""


class Escalated(Event, frozen=True, kw_only=True, tag="transport.escalated"):
    """No scan in time: the manager looks for the item."""


class Began(Event, frozen=True, kw_only=True, tag="transport.began"):
    """Signal, never journaled: the item is accepted and stands at the acceptance office."""

    account: str
    occurred_at: datetime


class Stopped(Event, frozen=True, kw_only=True, tag="transport.stopped"):
    """Signal, never journaled: the item goes back, is in an incident or is gone."""


TransportEvent = (
    Departed
    | ArrivedAtCentre
    | ArrivedAtOffice
    | ScanKept
    | ScanVoided
    | PositionVoided
    | ContradictionCleared
    | Escalated
)
TransportSignal = Began | Stopped
