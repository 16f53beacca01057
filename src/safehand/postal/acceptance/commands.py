"""What may be asked of an item until the post has signed for it, and who may ask."""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta

from safehand.kernel.machine import Command
from safehand.link.messages import CityCode, Fen, Office, PostageMode, Reference, Waybill
from safehand.postal.acceptance.events import ReprintReason


class ReceiveOrder(Command, frozen=True, kw_only=True, tag="acceptance.receive_order"):
    """Link 101 without its sealed part, which goes to the vault. Needs `Context.token` for the label's QR code."""

    order: Reference
    peer: str
    authority: Office
    office: Office
    destination: CityCode
    documents: Annotated[int, Meta(ge=1, le=20)]
    postage_mode: PostageMode
    postage_fen: Fen
    attempts_max: Annotated[int, Meta(ge=1, le=10)]
    held_days_max: Annotated[int, Meta(ge=1, le=90)]
    placed_at: datetime
    county: Annotated[str, Meta(pattern=r"^([0-9]{6})?$")] = ""
    """The district (GB/T 2260) of the sealed address, if the border could read it: chooses the delivery office."""


class Allocate(Command, frozen=True, kw_only=True, tag="acceptance.allocate"):
    """The city's range gave a number (follows from `range.draw`)."""

    waybill: Waybill


class HearNoNumber(Command, frozen=True, kw_only=True, tag="acceptance.hear_no_number"):
    """The city's range has no number left (follows from `range.draw`)."""


class SeekNumber(Command, frozen=True, kw_only=True, tag="acceptance.seek_number"):
    """Ask for a number again: by the clock, or by the manager who added a range."""


class Cancel(Command, frozen=True, kw_only=True, tag="acceptance.cancel"):
    """Link 102."""


class PrintLabel(Command, frozen=True, kw_only=True, tag="acceptance.print_label"):
    """A label is printed by the post; a second one needs a reason."""

    clerk: Reference
    reason: ReprintReason = ReprintReason.FIRST_PRINT


class Escalate(Command, frozen=True, kw_only=True, tag="acceptance.escalate"):
    """The clock of the hand-over ran out."""


class TakeIn(Command, frozen=True, kw_only=True, tag="acceptance.take_in"):
    """The item was counted out of a bag and is signed for (follows from `bag.count`)."""

    waybill: Waybill
    bag: Reference
    office: Office
    clerk: Reference


AcceptanceCommand = (
    ReceiveOrder | Allocate | HearNoNumber | SeekNumber | Cancel | PrintLabel | Escalate | TakeIn
)

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    ReceiveOrder: frozenset({"authority"}),
    Allocate: frozenset(),  # follows only
    HearNoNumber: frozenset(),  # follows only
    SeekNumber: frozenset({"postal_manager", "system"}),
    Cancel: frozenset({"authority"}),
    PrintLabel: frozenset({"acceptance_clerk", "office_clerk"}),
    Escalate: frozenset({"system"}),
    TakeIn: frozenset(),  # follows only
}
