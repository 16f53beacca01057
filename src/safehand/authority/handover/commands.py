"""What can be asked of a hand-over, and by whom."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from safehand.kernel.machine import Command
from safehand.link.messages import Reason, Reference, Waybill

Person = Annotated[str, Meta(min_length=1, max_length=64)]
LabelReason = Literal["", "unreadable", "damaged", "wrong_printer", "printer_jam"]
UnsealReason = Literal["wrong_document", "envelope_damaged", "label_wrong", "asked_by_applicant"]


class RecordWaybill(Command, frozen=True, kw_only=True, tag="handover.record_waybill"):
    """Link 201: the post's number for the order."""

    order: Reference
    waybill: Waybill
    routing: Annotated[str, Meta(min_length=1, max_length=32)]
    token: bytes


class RecordOrderRefused(Command, frozen=True, kw_only=True, tag="handover.record_order_refused"):
    """Link 202: the post can't carry the order."""

    order: Reference
    reason: Reason


class ChangeToPickup(Command, frozen=True, kw_only=True, tag="handover.change_to_pickup"):
    """Fetch it at the authority's counter instead; possible until the envelope is in a bag."""


class PrintLabel(Command, frozen=True, kw_only=True, tag="handover.print_label"):
    """Print the label; a second print needs a reason."""

    reason: LabelReason = ""


class SealEnvelope(Command, frozen=True, kw_only=True, tag="handover.seal"):
    """Marry document and label: both as scanned, by the actor and a second person."""

    waybill: Annotated[str, Meta(max_length=40)]
    blank: int
    second_person: Person


class UnsealEnvelope(Command, frozen=True, kw_only=True, tag="handover.unseal"):
    """Open a sealed envelope before hand-over."""

    second_person: Person
    reason: UnsealReason


class PutInBag(Command, frozen=True, kw_only=True, tag="handover.put_in_bag"):
    """Follows the closing of a bag."""

    bag: Reference
    waybill: Waybill


class TakeOutOfBag(Command, frozen=True, kw_only=True, tag="handover.take_out_of_bag"):
    """Follows the opening of a bag that was closed and not offered."""

    bag: Reference


class OfferHandover(Command, frozen=True, kw_only=True, tag="handover.offer"):
    """Follows the offering of a bag."""

    bag: Reference


class RecordAcceptance(Command, frozen=True, kw_only=True, tag="handover.record_acceptance"):
    """Follows link 203."""

    bag: Reference


class RecordRefusal(Command, frozen=True, kw_only=True, tag="handover.record_refusal"):
    """Follows link 204."""

    bag: Reference
    reason: Reason


class FindOnShelf(Command, frozen=True, kw_only=True, tag="handover.found_on_shelf"):
    """The recount found the envelope (its waybill scanned), sealed and intact."""

    waybill: Annotated[str, Meta(max_length=40)]


class DeclareMissing(Command, frozen=True, kw_only=True, tag="handover.declare_missing"):
    """The recount did not find it; two persons searched."""

    second_person: Person


class MakeReadyForPickup(Command, frozen=True, kw_only=True, tag="handover.ready_for_pickup"):
    """The document (its blank scanned) lies at the counter now."""

    blank: int


class PickUp(Command, frozen=True, kw_only=True, tag="handover.pick_up"):
    """The counter checked who stands there; an agent needs the receipt and both ID cards (policy, at the door)."""

    blank: int
    is_applicant: bool
    face_matches: bool
    id_card_valid: bool
    agent_authorised: bool = False


class PickupExpired(Command, frozen=True, kw_only=True, tag="handover.pickup_expired"):
    """The clock: ninety days."""


class RejectAtCounter(Command, frozen=True, kw_only=True, tag="handover.reject_at_counter"):
    """The applicant found a mistake in the document: misprint or damaged."""

    reason: Reason


class HandoverExpired(Command, frozen=True, kw_only=True, tag="handover.expired"):
    """The clock of the present state."""


HandoverCommand = (
    RecordWaybill
    | RecordOrderRefused
    | ChangeToPickup
    | PrintLabel
    | SealEnvelope
    | UnsealEnvelope
    | PutInBag
    | TakeOutOfBag
    | OfferHandover
    | RecordAcceptance
    | RecordRefusal
    | FindOnShelf
    | DeclareMissing
    | MakeReadyForPickup
    | PickUp
    | PickupExpired
    | RejectAtCounter
    | HandoverExpired
)

_CLERK: Final = frozenset({"handover_clerk"})
_POST: Final = frozenset({"post"})
_COUNTER: Final = frozenset({"authority_counter_clerk"})
_SYSTEM: Final = frozenset({"system"})
ROLES: Final[dict[type[Command], frozenset[str]]] = {
    RecordWaybill: _POST,
    RecordOrderRefused: _POST,
    ChangeToPickup: frozenset({"applicant", "handover_clerk"}),
    PrintLabel: _CLERK,
    SealEnvelope: _CLERK,
    UnsealEnvelope: _CLERK,
    PutInBag: frozenset(),  # follows only
    TakeOutOfBag: frozenset(),  # follows only
    OfferHandover: frozenset(),  # follows only
    RecordAcceptance: _POST,
    RecordRefusal: _POST,
    FindOnShelf: _CLERK,
    DeclareMissing: frozenset({"handover_clerk", "authority_manager"}),
    MakeReadyForPickup: frozenset({"handover_clerk", "authority_counter_clerk"}),
    PickUp: _COUNTER,
    PickupExpired: _SYSTEM,
    RejectAtCounter: _COUNTER,
    HandoverExpired: _SYSTEM,
}
