"""What has happened to a bag at the post's side of the counter."""

from datetime import datetime
from enum import IntEnum

from safehand.kernel.machine import Event
from safehand.link.messages import RefusedItem


class Settlement(IntEnum):
    """How the differences of a count were cleared up with the authority."""

    GIVEN_BACK = 1
    """What was too much is with the authority again."""
    FOUND_AT_AUTHORITY = 2
    """What was short never left the authority's shelf; it comes with a later bag."""
    MISSING = 3
    """What was short is nowhere: the authority treats it as lost before hand-over."""


class BagExpected(Event, frozen=True, kw_only=True, tag="bag.expected"):
    """A closed bag stands on the authority's shelf (103)."""

    peer: str
    seal: str
    office: str
    waybills: tuple[str, ...]
    offered_at: datetime


class BagCounted(Event, frozen=True, kw_only=True, tag="bag.counted"):
    """The clerk compared seal and content with the manifest; the post signs for the accepted items (203)."""

    seal_seen: str
    accepted: tuple[tuple[str, str], ...]
    """(waybill, order) of each item that the post signs for."""
    office: str
    clerk: str
    seen: bytes


class DifferencesFound(Event, frozen=True, kw_only=True, tag="bag.differences_found"):
    """What was short, over, unknown, put aside or behind a wrong seal (204). Custody of these doesn't move."""

    items: tuple[RefusedItem, ...]
    clerk: str


class Escalated(Event, frozen=True, kw_only=True, tag="bag.escalated"):
    """The bag didn't come, or its differences weren't cleared up, in time."""


class DifferencesSettled(Event, frozen=True, kw_only=True, tag="bag.differences_settled"):
    """The manager cleared the differences up with the authority."""

    how: Settlement


BagEvent = BagExpected | BagCounted | DifferencesFound | Escalated | DifferencesSettled
