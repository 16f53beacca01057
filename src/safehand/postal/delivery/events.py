"""What has happened at doors and counters."""

from datetime import date, datetime

from safehand.kernel.machine import Event
from safehand.link.messages import ProofMethod, Reason, Wish
from safehand.postal.receiver.papers import Paper, Who


class TakenOut(Event, frozen=True, kw_only=True, tag="delivery.taken_out"):
    """A courier took the item for a round and answers for it."""

    courier: str
    office: str
    scan_id: str
    occurred_at: datetime


class Approached(Event, frozen=True, kw_only=True, tag="delivery.approached"):
    """The recipient is the courier's next stop (220)."""

    occurred_at: datetime


class Claimed(Event, frozen=True, kw_only=True, tag="delivery.claimed"):
    """The facts at the door or counter (207). A claim: the authority's proof decides.

    The code that the recipient gave travels in it. It is no personal data, opens this one order only, and is worth
    nothing once it is answered.
    """

    method: ProofMethod
    code: str
    courier: str
    occurred_at: datetime
    receiver: Who = "recipient"
    """Who stood there, by the word of whoever claimed."""
    papers: tuple[Paper, ...] = ()
    """What was looked at, by the same word."""


class ProofRecorded(Event, frozen=True, kw_only=True, tag="delivery.proof_recorded"):
    """The authority sealed the proof (104) and its signature holds: delivered."""

    method: ProofMethod
    evidence: bytes
    sealed_at: datetime


class ClaimRefused(Event, frozen=True, kw_only=True, tag="delivery.claim_refused"):
    """The claim did not prove the right person (105): the envelope stays where it is."""

    reason: Reason
    attempts_left: int


class ClaimVoided(Event, frozen=True, kw_only=True, tag="delivery.claim_voided"):
    """The claim was a mistake; the envelope was not handed over."""


class OldClaimAnswered(Event, frozen=True, kw_only=True, tag="delivery.old_claim_answered"):
    """A refusal of a claim that was voided before; it changes nothing."""

    reason: Reason


class ProofCameLate(Event, frozen=True, kw_only=True, tag="delivery.proof_came_late"):
    """A proof for a claim that does not stand any more: the authority says delivered, yet the post has the envelope."""

    evidence: bytes
    sealed_at: datetime


class AttemptFailed(Event, frozen=True, kw_only=True, tag="delivery.attempt_failed"):
    """The courier stood at the door and could not hand over (206)."""

    reason: Reason
    attempt: int
    place: str
    occurred_at: datetime
    by_wish: bool = False
    """It ended by the recipient's own wish, which is on record: it is none of the attempts that the order allows."""


class BroughtBack(Event, frozen=True, kw_only=True, tag="delivery.brought_back"):
    """The courier gave the item back to an office."""

    place: str
    scan_id: str
    occurred_at: datetime


class Held(Event, frozen=True, kw_only=True, tag="delivery.held"):
    """The post-office counter keeps the item for its recipient."""

    place: str
    reason: Reason
    scan_id: str
    occurred_at: datetime


class HoldingEnded(Event, frozen=True, kw_only=True, tag="delivery.holding_ended"):
    """Nobody collected the item in time; it goes back."""


class RejectedAtDoor(Event, frozen=True, kw_only=True, tag="delivery.rejected_at_door"):
    """The recipient found a fault and gave the envelope back (209)."""

    reason: Reason
    occurred_at: datetime


class ReportedNonconforming(Event, frozen=True, kw_only=True, tag="delivery.reported_nonconforming"):
    """Handed over, but not into the recipient's own hands (208): nothing is delivered."""

    carrier_code: str
    occurred_at: datetime


class TakenBack(Event, frozen=True, kw_only=True, tag="delivery.taken_back"):
    """The courier fetched it again from where it should not have been left."""

    courier: str
    occurred_at: datetime


class WishRecorded(Event, frozen=True, kw_only=True, tag="delivery.wish_recorded"):
    """The recipient wants it on another day, or fetches it at the counter (111)."""

    number: int
    wish: Wish
    day: date | None
    """No later than the post may keep it."""


class Escalated(Event, frozen=True, kw_only=True, tag="delivery.escalated"):
    """A clock ran out: the manager sees to it."""


class Ready(Event, frozen=True, kw_only=True, tag="delivery.ready"):
    """Signal, never journaled: the item is at its delivery office."""

    office: str


class Left(Event, frozen=True, kw_only=True, tag="delivery.left"):
    """Signal, never journaled: the item left the delivery office for another, or never was there."""


class Stopped(Event, frozen=True, kw_only=True, tag="delivery.stopped"):
    """Signal, never journaled: recall, return or incident: from here no delivery is allowed."""


class StopJoined(Event, frozen=True, kw_only=True, tag="delivery.stop_joined"):
    """The authority named other items that go to the same door (112)."""

    stop: str


DeliveryEvent = (
    TakenOut
    | Approached
    | Claimed
    | ProofRecorded
    | ClaimRefused
    | ClaimVoided
    | OldClaimAnswered
    | ProofCameLate
    | AttemptFailed
    | BroughtBack
    | Held
    | HoldingEnded
    | RejectedAtDoor
    | ReportedNonconforming
    | TakenBack
    | WishRecorded
    | Escalated
    | StopJoined
)
DeliverySignal = Ready | Left | Stopped
