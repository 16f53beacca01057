"""What can happen to an envelope that is with the post. Courier and place are codes, never names."""

from datetime import date, datetime

from safehand.kernel.machine import Event
from safehand.link.messages import Finding


class TrackingOpened(Event, frozen=True, kw_only=True, tag="tracking.opened"):
    """The post has custody; `due_at` is its promise and the slack after it."""

    order: str
    waybill: str
    peer: str
    due_at: datetime
    promised_on: date | None = None
    """The day by which it was promised to be at the door."""


class ScanRecorded(Event, frozen=True, kw_only=True, tag="tracking.scanned"):
    """Somewhere a scan saw it. The peer's clock (`occurred_at`) is kept and decides nothing."""

    scan: int
    scan_id: str
    place: str
    occurred_at: datetime
    due_at: datetime
    held_to: date | None = None
    """Of what lies at the counter: the last day on which it can be fetched, by the post's word."""


class PutOff(Event, frozen=True, kw_only=True, tag="tracking.put_off"):
    """The recipient wishes another day: the post may be silent until then. `until` none: the post office, at once."""

    until: date | None
    due_at: datetime


class ScanVoidRecorded(Event, frozen=True, kw_only=True, tag="tracking.scan_voided"):
    """The named scan did not happen; it stays in the journal."""

    scan_id: str


class AttemptRecorded(Event, frozen=True, kw_only=True, tag="tracking.attempt_failed"):
    """The courier stood at the door in vain."""

    reason: int
    attempt: int
    place: str
    occurred_at: datetime
    due_at: datetime


class CourierNamed(Event, frozen=True, kw_only=True, tag="tracking.courier_named"):
    """The post says who brings it: a reference, by which the post shows the courier for as long as they have it."""

    courier: str
    at: datetime


class CourierNear(Event, frozen=True, kw_only=True, tag="tracking.courier_near"):
    """The recipient is the courier's next stop, and is told so, with the code once more."""

    at: datetime


class ConfirmedAtDoor(Event, frozen=True, kw_only=True, tag="tracking.confirmed_at_door"):
    """The recipient says in an own session "I am being given it": valid for a claim of the next minutes."""


class ClaimRefused(Event, frozen=True, kw_only=True, tag="tracking.claim_refused"):
    """The claim at the door did not prove the right person and envelope."""

    order: str
    waybill: str
    peer: str
    reason: int
    attempts_left: int
    counted: bool
    """A wrong code was used up."""
    at: datetime


class ProofSealed(Event, frozen=True, kw_only=True, tag="tracking.proof_sealed"):
    """Delivered, proven: the right person, the recipient's word, this envelope. `evidence`: SHA-256 of the record."""

    order: str
    waybill: str
    peer: str
    method: int
    claimed_at: datetime
    evidence: bytes
    at: datetime


class DeliveryReported(Event, frozen=True, kw_only=True, tag="tracking.reported"):
    """The carrier says delivered, but not as the service requires: reported, not delivered."""

    carrier_code: str
    occurred_at: datetime
    due_at: datetime


class ReceiptDenied(Event, frozen=True, kw_only=True, tag="tracking.receipt_denied"):
    """The recipient says "I don't have it": frozen, recalled where possible, investigated."""

    due_at: datetime
    reissue: bool = False
    """Another one may be made for this case, should it be given up: no other case has the claim for it."""


class InquiryAnswered(Event, frozen=True, kw_only=True, tag="tracking.inquiry_answered"):
    """What the post found out of what its recipient does not have (221)."""

    finding: Finding


class DeliveryContradicted(Event, frozen=True, kw_only=True, tag="tracking.delivery_contradicted"):
    """A sealed proof came too late for the door: the post still has the envelope, and says so. Nothing was handed over."""

    due_at: datetime


class SearchOvertaken(Event, frozen=True, kw_only=True, tag="tracking.search_overtaken"):
    """The post began to search before the recipient's own word was sealed, and did not know it: the word ends the search."""


class ContradictionEnded(Event, frozen=True, kw_only=True, tag="tracking.contradiction_ended"):
    """What the post said of a search had crossed the recipient's own word; the post has heard the word now, and goes by it."""


class DisputeSettled(Event, frozen=True, kw_only=True, tag="tracking.dispute_settled"):
    """A sealed delivery was denied, and the investigation (or the recipient) found it to stand."""

    by_recipient: bool = False
    """By the recipient's own word."""


class RejectionRecorded(Event, frozen=True, kw_only=True, tag="tracking.rejected"):
    """Handed back at the door: a misprint, a broken seal."""

    reason: int


class TurnedBack(Event, frozen=True, kw_only=True, tag="tracking.turned_back"):
    """It is on its way back: from here no proof may be sealed."""

    reason: int
    scan_id: str
    """The scan that said so, if it was one: voiding it takes this back."""


class TurnVoided(Event, frozen=True, kw_only=True, tag="tracking.turn_voided"):
    """The scan that said "return" was voided: it goes on to the door."""

    due_at: datetime


class IncidentRecorded(Event, frozen=True, kw_only=True, tag="tracking.incident_opened"):
    """Something is wrong with it; the post searches."""

    reason: int
    due_at: datetime


class FindRecorded(Event, frozen=True, kw_only=True, tag="tracking.found"):
    """Found before it was given up: it comes back, never to the door."""


class LossRecorded(Event, frozen=True, kw_only=True, tag="tracking.lost"):
    """Given up: by the post's declaration, or because it is proven not to be in the recipient's hands."""

    by: str
    """`post` or `authority`."""


class TrackingRanLate(Event, frozen=True, kw_only=True, tag="tracking.overdue"):
    """The clock of this state is over: the manager owns it."""


TrackingEvent = (
    TrackingOpened
    | ScanRecorded
    | PutOff
    | ScanVoidRecorded
    | AttemptRecorded
    | CourierNamed
    | CourierNear
    | ConfirmedAtDoor
    | ClaimRefused
    | ProofSealed
    | DeliveryReported
    | ReceiptDenied
    | InquiryAnswered
    | DeliveryContradicted
    | SearchOvertaken
    | ContradictionEnded
    | DisputeSettled
    | RejectionRecorded
    | TurnedBack
    | TurnVoided
    | IncidentRecorded
    | FindRecorded
    | LossRecorded
    | TrackingRanLate
)
