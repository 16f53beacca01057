"""What may be told of items that can't be delivered, and who may tell it."""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta

from safehand.kernel.machine import Command
from safehand.link.messages import Office, Reason, Reference, Waybill


class Recall(Command, frozen=True, kw_only=True, tag="undeliverable.recall"):
    """Link 106."""

    waybill: Waybill
    reason: Reason


class StartReturn(Command, frozen=True, kw_only=True, tag="undeliverable.start_return"):
    """An office sends the item back."""

    waybill: Waybill
    reason: Reason
    place: Office
    scan_id: Reference
    occurred_at: datetime


class MoveReturn(Command, frozen=True, kw_only=True, tag="undeliverable.move_return"):
    """A scan on the way back: into the vehicle on `leg`, or (no leg) at the office or centre `place`."""

    waybill: Waybill
    place: Office
    scan_id: Reference
    occurred_at: datetime
    leg: Annotated[str, Meta(max_length=32, pattern=r"^[A-Z0-9-]*$")] = ""


class OfferReturn(Command, frozen=True, kw_only=True, tag="undeliverable.offer_return"):
    """The driver stands at the issuing office's door."""

    waybill: Waybill


class WithdrawOffer(Command, frozen=True, kw_only=True, tag="undeliverable.withdraw_offer"):
    """The office was closed or did not take it."""

    waybill: Waybill


class RecordReturnReceived(Command, frozen=True, kw_only=True, tag="undeliverable.record_return_received"):
    """Link 107."""

    waybill: Waybill


class OpenIncident(Command, frozen=True, kw_only=True, tag="undeliverable.open_incident"):
    """Something is wrong with the item."""

    waybill: Waybill
    reason: Reason


class DeclareLoss(Command, frozen=True, kw_only=True, tag="undeliverable.declare_loss"):
    """The search is closed without the item."""

    waybill: Waybill


class Find(Command, frozen=True, kw_only=True, tag="undeliverable.find"):
    """The item reappeared at an office."""

    waybill: Waybill
    place: Office


class Escalate(Command, frozen=True, kw_only=True, tag="undeliverable.escalate"):
    """A clock ran out."""


UndeliverableCommand = (
    Recall
    | StartReturn
    | MoveReturn
    | OfferReturn
    | WithdrawOffer
    | RecordReturnReceived
    | OpenIncident
    | DeclareLoss
    | Find
    | Escalate
)

_STAFF: Final = frozenset({"office_clerk", "postal_manager"})
ROLES: Final[dict[type[Command], frozenset[str]]] = {
    Recall: frozenset({"authority"}),
    StartReturn: _STAFF,
    MoveReturn: frozenset({"sorter", "driver", "office_clerk"}),
    OfferReturn: frozenset({"driver", "office_clerk"}),
    WithdrawOffer: frozenset({"driver", "office_clerk"}),
    RecordReturnReceived: frozenset({"authority"}),
    OpenIncident: frozenset({"courier", "driver", "sorter", "acceptance_clerk"}) | _STAFF,
    DeclareLoss: frozenset({"postal_manager"}),
    Find: _STAFF | {"sorter", "driver"},
    Escalate: frozenset({"system"}),
}
