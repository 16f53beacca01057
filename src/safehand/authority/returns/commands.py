"""What can be asked of something that comes back, and by whom."""

from typing import Annotated, Final

from msgspec import Meta

from safehand.kernel.machine import Command
from safehand.link.messages import Reason, Reference, Waybill

Person = Annotated[str, Meta(min_length=1, max_length=64)]


class RecallItem(Command, frozen=True, kw_only=True, tag="returns.recall"):
    """Stop the envelope and bring it back."""

    reason: Reason


class RecordRecallAccepted(Command, frozen=True, kw_only=True, tag="returns.record_recall_accepted"):
    """Link 210."""

    order: Reference
    waybill: Waybill


class RecordRecallRefused(Command, frozen=True, kw_only=True, tag="returns.record_recall_refused"):
    """Link 211."""

    order: Reference
    waybill: Waybill
    reason: Reason


class RecordReturnOffered(Command, frozen=True, kw_only=True, tag="returns.record_offered"):
    """Link 212."""

    order: Reference
    waybill: Waybill
    reason: Reason


class ReceiveReturn(Command, frozen=True, kw_only=True, tag="returns.receive"):
    """The clerk scans the envelope's waybill in."""

    waybill: Annotated[str, Meta(max_length=40)]


class ResendReturn(Command, frozen=True, kw_only=True, tag="returns.resend"):
    """Send the returned document out again, with a new order."""


class KeepForPickup(Command, frozen=True, kw_only=True, tag="returns.keep_for_pickup"):
    """Keep the returned document at the counter."""


class InvalidateReturn(Command, frozen=True, kw_only=True, tag="returns.invalidate"):
    """The document goes out no more: make another one, or end the application without one."""

    remake: bool


class DestroyDocument(Command, frozen=True, kw_only=True, tag="returns.destroy"):
    """Destroy an invalid document (the `make`-th of the case, its blank scanned) before two witnesses."""

    make: Annotated[int, Meta(ge=1, le=1_000)]
    blank: int
    first_witness: Person
    second_witness: Person


class ReportEmpty(Command, frozen=True, kw_only=True, tag="returns.report_empty"):
    """The envelope was opened, and the document (the `make`-th of the case) is not in it; two persons saw it."""

    make: Annotated[int, Meta(ge=1, le=1_000)]
    second_person: Person


class ReturnsExpired(Command, frozen=True, kw_only=True, tag="returns.expired"):
    """The clock of the present state."""


ReturnsCommand = (
    RecallItem
    | RecordRecallAccepted
    | RecordRecallRefused
    | RecordReturnOffered
    | ReceiveReturn
    | ResendReturn
    | KeepForPickup
    | InvalidateReturn
    | DestroyDocument
    | ReportEmpty
    | ReturnsExpired
)

_CLERKS: Final = frozenset({"handover_clerk", "authority_manager"})
_POST: Final = frozenset({"post"})
ROLES: Final[dict[type[Command], frozenset[str]]] = {
    RecallItem: _CLERKS,
    RecordRecallAccepted: _POST,
    RecordRecallRefused: _POST,
    RecordReturnOffered: _POST,
    ReceiveReturn: frozenset({"handover_clerk"}),
    ResendReturn: _CLERKS,
    KeepForPickup: _CLERKS,
    InvalidateReturn: _CLERKS,
    DestroyDocument: _CLERKS,
    ReportEmpty: _CLERKS,
    ReturnsExpired: frozenset({"system"}),
}
