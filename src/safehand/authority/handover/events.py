"""What can happen while a document is handed over."""

from datetime import datetime

from safehand.kernel.machine import Event


class HandoverOpened(Event, frozen=True, kw_only=True, tag="handover.opened"):
    """The document lies on the hand-over shelf."""

    mode: str
    """`post` or `counter`."""
    free: bool
    """No postage: the way back was not the recipient's fault."""
    due_at: datetime


class OrderPlaced(Event, frozen=True, kw_only=True, tag="handover.order_placed"):
    """The post is asked to deliver one envelope. The order reference is drawn by chance; it names no case."""

    order: str
    peer: str
    authority: str
    office: str
    destination: int
    postage_mode: str
    postage_fen: int
    attempts_max: int
    held_days_max: int
    due_at: datetime
    at: datetime


class WaybillRecorded(Event, frozen=True, kw_only=True, tag="handover.waybill_recorded"):
    """The post's number, routing code and token for the label."""

    waybill: str
    routing: str
    token: bytes
    due_at: datetime


class WaybillCameLate(Event, frozen=True, kw_only=True, tag="handover.waybill_came_late"):
    """The post numbered an order that was cancelled meanwhile: both books count an envelope that stays with us."""

    order: str
    waybill: str


class OrderRefused(Event, frozen=True, kw_only=True, tag="handover.order_refused"):
    """The post can't carry it: the applicant fetches it at the authority's counter."""

    order: str
    reason: int
    due_at: datetime


class ChangedToPickup(Event, frozen=True, kw_only=True, tag="handover.changed_to_pickup"):
    """The applicant fetches it instead; the order is cancelled."""

    order: str
    peer: str
    due_at: datetime
    at: datetime


class LabelPrinted(Event, frozen=True, kw_only=True, tag="handover.label_printed"):
    """One label on paper; each print is an event, each reprint has a reason."""

    reason: str
    print_number: int


class EnvelopeSealed(Event, frozen=True, kw_only=True, tag="handover.sealed"):
    """Document, envelope and label were married by two persons who scanned both."""

    second_person: str


class WrongEnvelopeCaught(Event, frozen=True, kw_only=True, tag="handover.wrong_envelope_caught"):
    """The scans at sealing did not belong together: nothing was sealed."""

    what: str
    """`waybill` or `blank`."""


class EnvelopeUnsealed(Event, frozen=True, kw_only=True, tag="handover.unsealed"):
    """Opened by two persons before hand-over."""

    second_person: str
    reason: str


class EnvelopeBagged(Event, frozen=True, kw_only=True, tag="handover.put_in_bag"):
    """The envelope lies in a closed bag."""

    bag: str


class TakenOutOfBag(Event, frozen=True, kw_only=True, tag="handover.taken_out_of_bag"):
    """The bag was opened again before it was offered."""

    due_at: datetime


class HandoverOffered(Event, frozen=True, kw_only=True, tag="handover.offered"):
    """The bag stands ready for the post: custody is pending."""


class HandoverAccepted(Event, frozen=True, kw_only=True, tag="handover.accepted"):
    """The post counted it and signed: custody is the post's."""


class HandoverRefused(Event, frozen=True, kw_only=True, tag="handover.refused"):
    """The post did not find it, or would not take it: it is recounted."""

    reason: int
    due_at: datetime


class FoundOnShelf(Event, frozen=True, kw_only=True, tag="handover.found_on_shelf"):
    """The recount found the envelope, intact: it goes into the next bag."""

    due_at: datetime


class DeclaredMissing(Event, frozen=True, kw_only=True, tag="handover.declared_missing"):
    """The recount did not find it: the document is invalidated and made again."""

    order: str
    peer: str
    at: datetime


class ReadyForPickup(Event, frozen=True, kw_only=True, tag="handover.ready_for_pickup"):
    """It lies at the authority's counter, and the applicant knows."""

    due_at: datetime


class PickedUp(Event, frozen=True, kw_only=True, tag="handover.picked_up"):
    """Identity checked at the counter, document in hand."""


class PickupLapsed(Event, frozen=True, kw_only=True, tag="handover.pickup_expired"):
    """Ninety days are over."""


class RejectedAtCounter(Event, frozen=True, kw_only=True, tag="handover.rejected_at_counter"):
    """The applicant found a mistake in it and did not take it."""

    reason: int


class HandoverRanLate(Event, frozen=True, kw_only=True, tag="handover.ran_late"):
    """The clock of this state is over: the manager owns it."""


OrderEvent = OrderPlaced | WaybillRecorded | WaybillCameLate | OrderRefused | ChangedToPickup
"""What concerns the order with the post."""

HandoverEvent = (
    HandoverOpened
    | OrderPlaced
    | WaybillRecorded
    | WaybillCameLate
    | OrderRefused
    | ChangedToPickup
    | LabelPrinted
    | EnvelopeSealed
    | WrongEnvelopeCaught
    | EnvelopeUnsealed
    | EnvelopeBagged
    | TakenOutOfBag
    | HandoverOffered
    | HandoverAccepted
    | HandoverRefused
    | FoundOnShelf
    | DeclaredMissing
    | ReadyForPickup
    | PickedUp
    | PickupLapsed
    | RejectedAtCounter
    | HandoverRanLate
)
