"""What can be asked of an envelope with the post, and by whom."""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta

from safehand.kernel.machine import Command
from safehand.link.messages import Finding, Office, ProofMethod, Reason, Reference, Scan, Waybill

Evidence = Annotated[bytes, Meta(min_length=32, max_length=32)]
"""SHA-256 of the record which the authority keeps of what was shown."""
Claim = Annotated[str, Meta(max_length=160)]


class RecordScan(Command, frozen=True, kw_only=True, tag="tracking.record_scan"):
    """Link 205."""

    order: Reference
    waybill: Waybill
    scan: Scan
    scan_id: Reference
    place: Office
    occurred_at: datetime
    due_at: datetime | None = None


class RecordVoid(Command, frozen=True, kw_only=True, tag="tracking.record_void"):
    """Link 216."""

    order: Reference
    waybill: Waybill
    scan_id: Reference


class RecordAttempt(Command, frozen=True, kw_only=True, tag="tracking.record_attempt"):
    """Link 206."""

    order: Reference
    waybill: Waybill
    reason: Reason
    attempt: Annotated[int, Meta(ge=1, le=50)]
    place: Office
    occurred_at: datetime


class RecordCourier(Command, frozen=True, kw_only=True, tag="tracking.record_courier"):
    """Link 219."""

    order: Reference
    waybill: Waybill
    courier: Reference
    at: datetime


class RecordInquiry(Command, frozen=True, kw_only=True, tag="tracking.record_inquiry"):
    """Link 221."""

    order: Reference
    waybill: Waybill
    number: int
    finding: Finding


class RecordNear(Command, frozen=True, kw_only=True, tag="tracking.record_near"):
    """Link 220."""

    order: Reference
    waybill: Waybill
    at: datetime


class ConfirmAtDoor(Command, frozen=True, kw_only=True, tag="tracking.confirm_at_door"):
    """The recipient's own session, while the courier stands there."""


class JudgeClaim(Command, frozen=True, kw_only=True, tag="tracking.judge_claim"):
    """Link 207, with what the authority itself found out: whether the code, session, identity or grade holds."""

    order: Reference
    waybill: Waybill
    method: ProofMethod
    code_matches: bool
    session_confirmed: bool
    identity_confirmed: bool = False
    evidence_accepted: bool = False
    agent: Annotated[int, Meta(ge=0, le=9)] = 0
    """Whose code it is among all who were ever named to receive it; 0: nobody's of them."""
    claimed_at: datetime
    evidence: Evidence


class RecordReported(Command, frozen=True, kw_only=True, tag="tracking.record_reported"):
    """Link 208."""

    order: Reference
    waybill: Waybill
    carrier_code: Annotated[str, Meta(max_length=16)]
    occurred_at: datetime


class ConfirmReceipt(Command, frozen=True, kw_only=True, tag="tracking.confirm_receipt"):
    """The recipient's own session: "I have it"."""

    evidence: Evidence


class DenyReceipt(Command, frozen=True, kw_only=True, tag="tracking.deny_receipt"):
    """The recipient's own session: "I don't have it"."""

    claim: Claim = ""
    """The case's claim: whether another one may be made for this case, should it be given up."""


class Settle(Command, frozen=True, kw_only=True, tag="tracking.settle"):
    """The manager ends what is reported, denied, disputed or searched for: in hand, or not."""

    in_hand: bool
    grade_accepted: bool
    """The carrier's file declares an evidence grade that the authority accepts, and this evidence has it."""
    claim: Claim
    """The case's claim, taken again if a completed case is reopened."""
    evidence: Evidence


class RecordRejected(Command, frozen=True, kw_only=True, tag="tracking.record_rejected"):
    """Link 209."""

    order: Reference
    waybill: Waybill
    reason: Reason


class RecordIncident(Command, frozen=True, kw_only=True, tag="tracking.record_incident"):
    """Link 213."""

    order: Reference
    waybill: Waybill
    reason: Reason


class RecordLoss(Command, frozen=True, kw_only=True, tag="tracking.record_loss"):
    """Link 214."""

    order: Reference
    waybill: Waybill


class RecordFound(Command, frozen=True, kw_only=True, tag="tracking.record_found"):
    """Link 215."""

    order: Reference
    waybill: Waybill


class RecordSearchEnded(Command, frozen=True, kw_only=True, tag="tracking.record_search_ended"):
    """Link 218."""

    order: Reference
    waybill: Waybill


class TrackingExpired(Command, frozen=True, kw_only=True, tag="tracking.expired"):
    """The clock of the present state."""


TrackingCommand = (
    RecordScan
    | RecordVoid
    | RecordAttempt
    | RecordCourier
    | RecordNear
    | RecordInquiry
    | ConfirmAtDoor
    | JudgeClaim
    | RecordReported
    | ConfirmReceipt
    | DenyReceipt
    | Settle
    | RecordRejected
    | RecordIncident
    | RecordLoss
    | RecordFound
    | RecordSearchEnded
    | TrackingExpired
)

_POST: Final = frozenset({"post"})
_APPLICANT: Final = frozenset({"applicant"})
ROLES: Final[dict[type[Command], frozenset[str]]] = {
    RecordScan: _POST,
    RecordVoid: _POST,
    RecordAttempt: _POST,
    RecordCourier: _POST,
    RecordNear: _POST,
    RecordInquiry: _POST,
    ConfirmAtDoor: _APPLICANT,
    JudgeClaim: _POST,
    RecordReported: _POST,
    ConfirmReceipt: _APPLICANT,
    DenyReceipt: _APPLICANT,
    Settle: frozenset({"authority_manager"}),
    RecordRejected: _POST,
    RecordIncident: _POST,
    RecordLoss: _POST,
    RecordFound: _POST,
    RecordSearchEnded: _POST,
    TrackingExpired: frozenset({"system"}),
}
