"""What may be asked of a bag, and who may ask."""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta

from safehand.kernel.machine import Command
from safehand.link.messages import ITEMS_PER_MANIFEST_MAX, Office, Reference, RefusedItem, Seal, Waybill
from safehand.postal.acceptance.bags.events import Settlement


class Expect(Command, frozen=True, kw_only=True, tag="bag.expect"):
    """Link 103."""

    peer: str
    seal: Seal
    office: Office
    waybills: Annotated[tuple[Waybill, ...], Meta(min_length=1, max_length=ITEMS_PER_MANIFEST_MAX)]
    offered_at: datetime


class Count(Command, frozen=True, kw_only=True, tag="bag.count"):
    """What the clerk saw. No seal and no waybills: the bag did not come at all."""

    seal_seen: Annotated[str, Meta(max_length=32, pattern=r"^[A-Z0-9-]*$")]
    waybills: Annotated[tuple[Waybill, ...], Meta(max_length=ITEMS_PER_MANIFEST_MAX)]
    office: Office
    """The post's acceptance office."""
    clerk: Reference
    put_aside: Annotated[tuple[RefusedItem, ...], Meta(max_length=ITEMS_PER_MANIFEST_MAX)] = ()
    """Items that are there but that the post can't sign for (damaged, seal of the envelope broken)."""


class Escalate(Command, frozen=True, kw_only=True, tag="bag.escalate"):
    """A clock of the bag ran out."""


class SettleDifferences(Command, frozen=True, kw_only=True, tag="bag.settle_differences"):
    """The manager cleared the differences up."""

    how: Settlement


BagCommand = Expect | Count | Escalate | SettleDifferences

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    Expect: frozenset({"authority"}),
    Count: frozenset({"acceptance_clerk"}),
    Escalate: frozenset({"system"}),
    SettleDifferences: frozenset({"postal_manager"}),
}
