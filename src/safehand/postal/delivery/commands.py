"""What may be told from doors and counters, and who may tell it."""

from datetime import date, datetime
from typing import Annotated, Final

from msgspec import Meta

from safehand.kernel.machine import Command
from safehand.link.messages import WISHES_MAX, Office, ProofMethod, Reason, Reference, Waybill, Wish
from safehand.postal.receiver.papers import Paper, Who

Papers = Annotated[tuple[Paper, ...], Meta(max_length=len(Paper))]


class TakeOut(Command, frozen=True, kw_only=True, tag="delivery.take_out"):
    """A courier takes the item for a round."""

    waybill: Waybill
    courier: Reference
    office: Office
    scan_id: Reference
    occurred_at: datetime


class Approach(Command, frozen=True, kw_only=True, tag="delivery.approach"):
    """The recipient is the next stop: they are told that the courier is near."""

    waybill: Waybill
    courier: Reference
    occurred_at: datetime


class Claim(Command, frozen=True, kw_only=True, tag="delivery.claim"):
    """At the door: the recipient gave the code, or confirms in the own session; or an agent gave the agent's code."""

    waybill: Waybill
    courier: Reference
    method: ProofMethod
    occurred_at: datetime
    code: Annotated[str, Meta(max_length=12, pattern=r"^[0-9A-Z]*$")] = ""
    receiver: Who = "recipient"
    papers_seen: Papers = ()
    """What the courier looked at; asked for when it is not the recipient who stands there."""
    courier_asked_last_hour: int = 0
    """A fact: how many claims this courier made within the last hour (identity check)."""


class ClaimAtCounter(Command, frozen=True, kw_only=True, tag="delivery.claim_at_counter"):
    """At the post-office counter; `clerk` saw the person. With the identity document, `code` is its identity word."""

    waybill: Waybill
    clerk: Reference
    method: ProofMethod
    occurred_at: datetime
    code: Annotated[str, Meta(max_length=12, pattern=r"^[0-9A-Z]*$")] = ""
    receiver: Who = "recipient"
    papers_seen: Papers = ()
    clerk_asked_last_hour: int = 0


class RecordProof(Command, frozen=True, kw_only=True, tag="delivery.record_proof"):
    """Link 104. `proof_verified`: the border checked the authority's signature over exactly these fields."""

    waybill: Waybill
    method: ProofMethod
    evidence: bytes
    claimed_at: datetime
    sealed_at: datetime
    proof_verified: bool


class RecordProofRefusal(Command, frozen=True, kw_only=True, tag="delivery.record_proof_refusal"):
    """Link 105."""

    waybill: Waybill
    reason: Reason
    attempts_left: Annotated[int, Meta(ge=0, le=10)]
    at: datetime


class VoidClaim(Command, frozen=True, kw_only=True, tag="delivery.void"):
    """The claim was a mistake and the envelope was not handed over. `courier`: who claimed (also the counter's clerk)."""

    waybill: Waybill
    courier: Reference


class Fail(Command, frozen=True, kw_only=True, tag="delivery.fail"):
    """The attempt failed. `attempt` is its number for this item, from 1: told twice it counts once."""

    waybill: Waybill
    courier: Reference
    reason: Reason
    attempt: Annotated[int, Meta(ge=1, le=50)]
    place: Office
    occurred_at: datetime


class BringBack(Command, frozen=True, kw_only=True, tag="delivery.bring_back"):
    """The courier gives the item back to an office at the end of the round (or when delivery was stopped)."""

    waybill: Waybill
    courier: Reference
    place: Office
    scan_id: Reference
    occurred_at: datetime


class Hold(Command, frozen=True, kw_only=True, tag="delivery.hold"):
    """The counter keeps the item: the recipient wants to collect it, or no attempt is left."""

    waybill: Waybill
    reason: Reason
    place: Office
    scan_id: Reference
    occurred_at: datetime


class EndHolding(Command, frozen=True, kw_only=True, tag="delivery.end_holding"):
    """The clock of holding ran out."""


class RejectAtDoor(Command, frozen=True, kw_only=True, tag="delivery.reject_at_door"):
    """The recipient found a misprint, damage or a broken seal. `courier` may be the counter's clerk."""

    waybill: Waybill
    courier: Reference
    reason: Reason
    occurred_at: datetime


class ReportNonconforming(Command, frozen=True, kw_only=True, tag="delivery.report_nonconforming"):
    """It was left with a neighbour, in a locker, at the door: the carrier's own code says where."""

    waybill: Waybill
    courier: Reference
    carrier_code: Annotated[str, Meta(min_length=1, max_length=16, pattern=r"^[0-9A-Za-z._-]+$")]
    occurred_at: datetime


class TakeBack(Command, frozen=True, kw_only=True, tag="delivery.take_back"):
    """The courier fetched it again from where it should not have been left."""

    waybill: Waybill
    courier: Reference
    occurred_at: datetime


class HearWish(Command, frozen=True, kw_only=True, tag="delivery.hear_wish"):
    """Link 111."""

    waybill: Waybill
    number: Annotated[int, Meta(ge=1, le=WISHES_MAX)]
    wish: Wish
    day: date | None = None


class JoinStop(Command, frozen=True, kw_only=True, tag="delivery.join_stop"):
    """Follows from a stop that was named (112): this item is one of it."""

    stop: Reference
    peer: str


class Escalate(Command, frozen=True, kw_only=True, tag="delivery.escalate"):
    """A clock of delivery ran out."""


DeliveryCommand = (
    TakeOut
    | Approach
    | Claim
    | ClaimAtCounter
    | RecordProof
    | RecordProofRefusal
    | VoidClaim
    | Fail
    | BringBack
    | Hold
    | EndHolding
    | RejectAtDoor
    | ReportNonconforming
    | TakeBack
    | HearWish
    | JoinStop
    | Escalate
)

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    TakeOut: frozenset({"courier"}),
    Approach: frozenset({"courier"}),
    Claim: frozenset({"courier"}),
    ClaimAtCounter: frozenset({"office_clerk"}),
    RecordProof: frozenset({"authority"}),
    RecordProofRefusal: frozenset({"authority"}),
    VoidClaim: frozenset({"courier", "office_clerk", "postal_manager"}),
    Fail: frozenset({"courier"}),
    BringBack: frozenset({"courier", "office_clerk"}),
    Hold: frozenset({"office_clerk"}),
    EndHolding: frozenset({"system"}),
    RejectAtDoor: frozenset({"courier", "office_clerk"}),
    ReportNonconforming: frozenset({"courier", "postal_manager"}),
    TakeBack: frozenset({"courier"}),
    HearWish: frozenset({"authority"}),
    JoinStop: frozenset(),
    Escalate: frozenset({"system"}),
}
