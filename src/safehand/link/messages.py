"""The treaty: every message that the two houses may send each other, with its number and its exact shape.

A message never holds a sentence, an ID number, a document's number or kind, a photo or a case's name: the houses
share an **order** (one envelope to be put into one person's hands) under a reference which the authority drew by
chance. What the post must know of the person (name, phone, address) is a `DeliveryPart`, sealed beside the body; of
whoever else may receive it (name, phone), a `ReceiverPart`.

Kinds are numbers so that nobody matches words; 1xx speak from the authority to the post, 2xx from the post to the
authority, 3xx go both ways. A kind, once published, keeps its shape; a changed shape is a new number.
"""

from datetime import date, datetime
from enum import IntEnum
from typing import Annotated

import msgspec
from msgspec import Meta

Reference = Annotated[str, Meta(min_length=4, max_length=64, pattern=r"^[a-z]{2,4}_[a-z2-7]+$")]
Waybill = Annotated[str, Meta(min_length=8, max_length=20, pattern=r"^[A-Z0-9]+$")]
Seal = Annotated[str, Meta(min_length=4, max_length=32, pattern=r"^[A-Z0-9-]+$")]
Office = Annotated[str, Meta(min_length=1, max_length=32, pattern=r"^[A-Z0-9-]+$")]
CityCode = Annotated[int, Meta(ge=110000, le=829999)]
Count = Annotated[int, Meta(ge=0, le=100_000)]
Fen = Annotated[int, Meta(ge=0, le=1_000_000)]

ITEMS_PER_MANIFEST_MAX = 2_000
MESSAGES_PER_RUN_MAX = 2_000
GROUPED_ORDERS_MAX = 20
STATEMENT_LINES_MAX = 1_500
"""So many lines of a statement fit into one message, however long their references are."""


class Kind(IntEnum):
    """The number of each message."""

    ORDER_PLACED = 101
    ORDER_CANCELLED = 102
    HANDOVER_OFFERED = 103
    PROOF_SEALED = 104
    PROOF_REFUSED = 105
    RECALL_REQUESTED = 106
    RETURN_RECEIVED = 107
    PERSON_ERASED = 108
    RECEIVER_NAMED = 109
    RECEIVER_RELEASED = 110
    DELIVERY_WISHED = 111
    ORDERS_GROUPED = 112
    INQUIRY_ASKED = 113
    INQUIRY_ENDED = 114
    WAYBILL_ALLOCATED = 201
    ORDER_REFUSED = 202
    HANDOVER_ACCEPTED = 203
    HANDOVER_REFUSED = 204
    ITEM_SCANNED = 205
    ATTEMPT_FAILED = 206
    DELIVERY_CLAIMED = 207
    DELIVERY_NONCONFORMING = 208
    REJECTED_AT_DOOR = 209
    RECALL_ACCEPTED = 210
    RECALL_REFUSED = 211
    RETURN_OFFERED = 212
    INCIDENT_OPENED = 213
    LOSS_DECLARED = 214
    ITEM_FOUND = 215
    SCAN_VOIDED = 216
    POSTAGE_COLLECTED = 217
    SEARCH_ENDED = 218
    COURIER_NAMED = 219
    COURIER_NEAR = 220
    INQUIRY_ANSWERED = 221
    CHECKPOINT = 301
    CHECKPOINT_COUNTERSIGNED = 302
    STATEMENT = 303
    STATEMENT_PART = 304


class Scan(IntEnum):
    """Where a scan saw an item (UPU EMSEVT in brackets)."""

    DEPARTED = 10  # EDE
    ARRIVED = 11  # EDD
    AT_OFFICE = 12  # EMG
    OUT_FOR_DELIVERY = 13  # EDG
    HELD = 14  # EDH
    RETURN_STARTED = 15  # EMH, action: return
    RETURN_MOVED = 16


class Reason(IntEnum):
    """Why an attempt failed, a hand-over was refused, a return began (our own numbers; postal facts section 6)."""

    ABSENT = 1
    ADDRESS_INSUFFICIENT = 2
    UNKNOWN_PERSON = 3
    MOVED = 4
    RESCHEDULED_BY_RECIPIENT = 5
    REFUSED = 6
    WANTS_COUNTER = 7
    RECALLED = 8
    READDRESS_REQUESTED = 9
    LOST = 10
    STOLEN = 11
    DAMAGED = 12
    CHARGES_DUE = 13
    IDENTITY_NOT_PROVEN = 14
    DECEASED = 15
    SEAL_BROKEN = 16
    MISPRINT = 17
    SHORT = 18
    OVER = 19
    UNKNOWN_ITEM = 20
    NOT_COLLECTED = 21
    ATTEMPTS_USED_UP = 22
    AREA_NOT_SERVED = 23
    MALFORMED = 24
    CODE_WRONG = 25
    CODE_ATTEMPTS_USED_UP = 26
    NOT_THIS_ITEM = 27
    TOO_LATE = 28
    NOT_IN_CUSTODY = 29
    PROOF_TOO_LATE = 30


class PostageMode(IntEnum):
    """Who pays the postage and when."""

    ON_DELIVERY = 1
    PREPAID = 2
    FREE = 3


class ProofMethod(IntEnum):
    """How the recipient was proven to be the right person. Only the authority judges it."""

    RECIPIENT_CODE = 1
    RECIPIENT_SESSION = 2
    COUNTER_IDENTITY = 3
    EVIDENCE_GRADE = 4
    RECIPIENT_WORD = 5
    """The recipient's own word to the authority: no claim came before it, and none may be made by it."""
    AUTHORITY_DECISION = 6
    """The authority's manager, on evidence of an accepted grade: the same."""


class Finding(IntEnum):
    """What the post found out about an item that was proven delivered and whose recipient does not have it."""

    HANDED_OVER = 1
    """To whoever gave the proof; nothing says otherwise."""
    ELSEWHERE = 2
    """Into other hands, or left somewhere."""
    NOT_KNOWN = 3


class Wish(IntEnum):
    """What a recipient wishes of an item that the post has and has not delivered."""

    ANOTHER_DAY = 1
    POST_OFFICE = 2


INQUIRIES_MAX = 10
"""For one order."""
WISHES_MAX = 3
"""For one order: whoever plans the days of its couriers must be able to rely on the last."""

WITHOUT_CLAIM = frozenset({ProofMethod.RECIPIENT_WORD, ProofMethod.AUTHORITY_DECISION})


class Message(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What all bodies share: nothing is optional silently and nothing unknown is let in."""


class DeliveryPart(Message, frozen=True, kw_only=True):
    """What the post learns of the person, and no more."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    phone: Annotated[str, Meta(min_length=5, max_length=20)]
    region: CityCode
    """GB/T 2260 code of the destination city (the county's first four digits and 00)."""
    address: Annotated[str, Meta(min_length=2, max_length=300)]


class ReceiverPart(Message, frozen=True, kw_only=True):
    """What the post learns of somebody else who may receive it: no relation, no number of a card."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    phone: Annotated[str, Meta(min_length=5, max_length=20)]


class OrderPlaced(Message, frozen=True, kw_only=True):
    """101: deliver one envelope into its recipient's hands. The sealed part goes with it."""

    order: Reference
    authority: Office
    office: Office
    """The issuing office that hands over (and takes returns)."""
    destination: CityCode
    documents: Annotated[int, Meta(ge=1, le=20)]
    postage_mode: PostageMode
    postage_fen: Fen
    attempts_max: Annotated[int, Meta(ge=1, le=10)]
    held_days_max: Annotated[int, Meta(ge=1, le=90)]
    placed_at: datetime


class OrderCancelled(Message, frozen=True, kw_only=True):
    """102: the order is withdrawn before it was handed over."""

    order: Reference
    at: datetime


class HandoverOffered(Message, frozen=True, kw_only=True):
    """103: a closed bag with its manifest stands on the shelf for the next collection. Custody is pending."""

    bag: Reference
    seal: Seal
    office: Office
    waybills: Annotated[list[Waybill], Meta(min_length=1, max_length=ITEMS_PER_MANIFEST_MAX)]
    offered_at: datetime


class ProofSealed(Message, frozen=True, kw_only=True):
    """104: the authority proved the right person, the recipient's word and this envelope. Now it is delivered.

    A recipient's word that answers no claim (while the post searches for it, say) has `claimed_at` equal to `sealed_at`.
    """

    order: Reference
    waybill: Waybill
    method: ProofMethod
    claimed_at: datetime
    sealed_at: datetime
    evidence: bytes
    """SHA-256 of the evidence record that the authority keeps."""
    signature: bytes
    """Ed25519 by the authority over the fields above (`link.proof`)."""


class ProofRefused(Message, frozen=True, kw_only=True):
    """105: the claim at the door did not prove the right person; the envelope stays with the courier."""

    order: Reference
    waybill: Waybill
    reason: Reason
    attempts_left: Annotated[int, Meta(ge=0, le=10)]
    at: datetime


class RecallRequested(Message, frozen=True, kw_only=True):
    """106: stop the item and bring it back."""

    order: Reference
    waybill: Waybill
    reason: Reason
    at: datetime


class ReturnReceived(Message, frozen=True, kw_only=True):
    """107: the authority scanned the returned item in: custody is the authority's again."""

    order: Reference
    waybill: Waybill
    at: datetime


class PersonErased(Message, frozen=True, kw_only=True):
    """108: the authority erased the order's person, and the post does the same: nothing of them is needed any more."""

    order: Reference
    at: datetime


class ReceiverNamed(Message, frozen=True, kw_only=True):
    """109: somebody else may receive it, too, and nobody who was named before. Who, is in the sealed part.

    Without the part it says nothing: whoever it was is released again, or erased, before it could be sent.
    """

    order: Reference
    number: Annotated[int, Meta(ge=1, le=100)]
    """The how-manieth that was named: what has a lower number than what is known is old."""
    at: datetime


class ReceiverReleased(Message, frozen=True, kw_only=True):
    """110: whoever has this number, or a lower one, may not receive it any more; nothing is to be kept of them."""

    order: Reference
    number: Annotated[int, Meta(ge=1, le=100)]
    at: datetime


class DeliveryWished(Message, frozen=True, kw_only=True):
    """111: the recipient wants it on another day, or fetches it at the post office. A higher `number` takes the place of a lower.

    A wish that comes too late changes nothing, and no answer is given: scans (205) and attempts (206) say what was done.
    """

    order: Reference
    waybill: Waybill
    number: Annotated[int, Meta(ge=1, le=WISHES_MAX)]
    wish: Wish
    day: date | None = None
    """With ANOTHER_DAY, and only with it: the day in the destination's time on which it is to be brought, and not before."""
    at: datetime


class InquiryAsked(Message, frozen=True, kw_only=True):
    """113: its recipient says "I don't have it" of what was proven delivered. Find out, and answer (221); nothing moves by it.

    A higher `number` takes the place of a lower.
    """

    order: Reference
    waybill: Waybill
    number: Annotated[int, Meta(ge=1, le=INQUIRIES_MAX)]
    at: datetime


class InquiryEnded(Message, frozen=True, kw_only=True):
    """114: nobody asks any more (113): it is in hand after all, or the authority has settled it. No answer is owed."""

    order: Reference
    waybill: Waybill
    number: Annotated[int, Meta(ge=1, le=INQUIRIES_MAX)]
    at: datetime


class InquiryAnswered(Message, frozen=True, kw_only=True):
    """221: what the post found out. The authority decides."""

    order: Reference
    waybill: Waybill
    number: Annotated[int, Meta(ge=1, le=INQUIRIES_MAX)]
    finding: Finding
    at: datetime


class OrdersGrouped(Message, frozen=True, kw_only=True):
    """112: these orders go to one door and are to be brought in one round. Never a reason to hold one of them back."""

    group: Reference
    """Drawn by chance for these orders alone; it names neither case nor family."""
    orders: Annotated[list[Reference], Meta(min_length=2, max_length=GROUPED_ORDERS_MAX)]
    at: datetime


class WaybillAllocated(Message, frozen=True, kw_only=True):
    """201: the post's number for the order, with what the label needs."""

    order: Reference
    waybill: Waybill
    routing: Annotated[str, Meta(min_length=1, max_length=32)]
    token: bytes
    """The item's opaque token for the label's QR code."""
    at: datetime


class OrderRefused(Message, frozen=True, kw_only=True):
    """202: the post can't carry the order."""

    order: Reference
    reason: Reason
    at: datetime


class HandoverAccepted(Message, frozen=True, kw_only=True):
    """203: the post counted the bag and signs for these items: their custody is the post's."""

    bag: Reference
    seal: Seal
    waybills: Annotated[list[Waybill], Meta(max_length=ITEMS_PER_MANIFEST_MAX)]
    clerk: Reference
    at: datetime


class RefusedItem(Message, frozen=True, kw_only=True):
    """One item of a bag that the post did not take."""

    waybill: Waybill
    reason: Reason


class HandoverRefused(Message, frozen=True, kw_only=True):
    """204: items on the manifest which the post did not find, or could not take: custody does not move."""

    bag: Reference
    seal: Seal
    items: Annotated[list[RefusedItem], Meta(min_length=1, max_length=ITEMS_PER_MANIFEST_MAX)]
    clerk: Reference
    at: datetime


class ItemScanned(Message, frozen=True, kw_only=True):
    """205: where the item is. `scan_id` names the scan so that it can be voided."""

    order: Reference
    waybill: Waybill
    scan: Scan
    scan_id: Reference
    place: Office
    occurred_at: datetime
    due_at: datetime | None = None


class AttemptFailed(Message, frozen=True, kw_only=True):
    """206: the courier stood at the door and could not hand over."""

    order: Reference
    waybill: Waybill
    reason: Reason
    attempt: Annotated[int, Meta(ge=1, le=50)]
    place: Office
    occurred_at: datetime


class DeliveryClaimed(Message, frozen=True, kw_only=True):
    """207: the facts at the door. A claim, not a delivery: the authority's proof decides."""

    order: Reference
    waybill: Waybill
    method: ProofMethod
    code: Annotated[str, Meta(max_length=12, pattern=r"^[0-9A-Z]*$")]
    """The delivery code that the recipient gave; the identity word with COUNTER_IDENTITY; else empty."""
    courier: Reference
    occurred_at: datetime


class DeliveryNonconforming(Message, frozen=True, kw_only=True):
    """208: handed over, but not as the service requires (a locker, a neighbour): an incident for the authority."""

    order: Reference
    waybill: Waybill
    carrier_code: Annotated[str, Meta(max_length=16)]
    occurred_at: datetime


class RejectedAtDoor(Message, frozen=True, kw_only=True):
    """209: the recipient found a misprint or a broken seal and gave the envelope back."""

    order: Reference
    waybill: Waybill
    reason: Reason
    occurred_at: datetime


class RecallAccepted(Message, frozen=True, kw_only=True):
    """210: the item is stopped; from here no delivery is allowed."""

    order: Reference
    waybill: Waybill
    at: datetime


class RecallRefused(Message, frozen=True, kw_only=True):
    """211: too late, with the reason that shows it."""

    order: Reference
    waybill: Waybill
    reason: Reason
    at: datetime


class ReturnOffered(Message, frozen=True, kw_only=True):
    """212: the item stands at the issuing office's door. Custody is pending until the authority scans it in."""

    order: Reference
    waybill: Waybill
    reason: Reason
    at: datetime


class IncidentOpened(Message, frozen=True, kw_only=True):
    """213: something is wrong with the item; it stands in the incident account until that ends."""

    order: Reference
    waybill: Waybill
    reason: Reason
    at: datetime


class LossDeclared(Message, frozen=True, kw_only=True):
    """214: the search is closed without the item."""

    order: Reference
    waybill: Waybill
    at: datetime


class ItemFound(Message, frozen=True, kw_only=True):
    """215: a lost item reappeared; it goes back to the issuing office, never to the door."""

    order: Reference
    waybill: Waybill
    at: datetime


class ScanVoided(Message, frozen=True, kw_only=True):
    """216: the named scan did not happen or was wrong. The scan stays in the journal."""

    order: Reference
    waybill: Waybill
    scan_id: Reference
    at: datetime


class SearchEnded(Message, frozen=True, kw_only=True):
    """218: the recipient's own word (or the manager's decision) ended the search: by it the item is in its recipient's hands.

    Said so that both books agree whatever else was said while the word was on its way.
    """

    order: Reference
    waybill: Waybill
    at: datetime


class CourierNamed(Message, frozen=True, kw_only=True):
    """219: who brings the item, as a reference. Name, number and picture can be asked for while that courier has it."""

    order: Reference
    waybill: Waybill
    courier: Reference
    at: datetime


class CourierNear(Message, frozen=True, kw_only=True):
    """220: the recipient is the courier's next stop. Said at most a few times in a round; it may also never be said."""

    order: Reference
    waybill: Waybill
    at: datetime


class PostageCollected(Message, frozen=True, kw_only=True):
    """217: postage that was paid at the door."""

    order: Reference
    waybill: Waybill
    amount_fen: Fen
    at: datetime


class Checkpoint(Message, frozen=True, kw_only=True):
    """301: the sender's journal of the city up to here, to be counter-signed."""

    number: Annotated[int, Meta(ge=1)]
    events: Annotated[int, Meta(ge=0)]
    root: bytes
    previous: bytes
    at: datetime


class CheckpointCountersigned(Message, frozen=True, kw_only=True):
    """302: the receiver's signature over the sender's checkpoint: each is the other's witness."""

    number: Annotated[int, Meta(ge=1)]
    checkpoint: bytes
    signature: bytes


class StatementLine(Message, frozen=True, kw_only=True):
    """One item that moved on the day, and which of the treaty's accounts the sender's book has it in at the end."""

    order: Reference
    account: Annotated[str, Meta(max_length=32)]


class Statement(Message, frozen=True, kw_only=True):
    """303: the custody statement of one city and day, as the sender's own database has it.

    With more lines than STATEMENT_LINES_MAX they come before it, in parts (304), and `lines` is empty; `lines_root` proves
    that all are there.

    Accounts are the treaty's: `authority`, `post`, `recipient`. `moves` counts items by `giver>taker`.
    """

    day: date
    opening: dict[str, Count]
    moves: dict[str, Count]
    closing: dict[str, Count]
    lines_root: bytes
    """Merkle root over the day's lines, sorted by order."""
    lines: list[StatementLine]


class StatementPart(Message, frozen=True, kw_only=True):
    """304: lines of a statement that has more than one message takes. The statement (303) follows the parts, without lines."""

    day: date
    part: Annotated[int, Meta(ge=1, le=100_000)]
    lines: Annotated[list[StatementLine], Meta(min_length=1, max_length=STATEMENT_LINES_MAX)]


BODIES: dict[Kind, type[Message]] = {
    Kind.ORDER_PLACED: OrderPlaced,
    Kind.ORDER_CANCELLED: OrderCancelled,
    Kind.HANDOVER_OFFERED: HandoverOffered,
    Kind.PROOF_SEALED: ProofSealed,
    Kind.PROOF_REFUSED: ProofRefused,
    Kind.RECALL_REQUESTED: RecallRequested,
    Kind.RETURN_RECEIVED: ReturnReceived,
    Kind.PERSON_ERASED: PersonErased,
    Kind.RECEIVER_NAMED: ReceiverNamed,
    Kind.RECEIVER_RELEASED: ReceiverReleased,
    Kind.DELIVERY_WISHED: DeliveryWished,
    Kind.ORDERS_GROUPED: OrdersGrouped,
    Kind.INQUIRY_ASKED: InquiryAsked,
    Kind.INQUIRY_ENDED: InquiryEnded,
    Kind.WAYBILL_ALLOCATED: WaybillAllocated,
    Kind.ORDER_REFUSED: OrderRefused,
    Kind.HANDOVER_ACCEPTED: HandoverAccepted,
    Kind.HANDOVER_REFUSED: HandoverRefused,
    Kind.ITEM_SCANNED: ItemScanned,
    Kind.ATTEMPT_FAILED: AttemptFailed,
    Kind.DELIVERY_CLAIMED: DeliveryClaimed,
    Kind.DELIVERY_NONCONFORMING: DeliveryNonconforming,
    Kind.REJECTED_AT_DOOR: RejectedAtDoor,
    Kind.RECALL_ACCEPTED: RecallAccepted,
    Kind.RECALL_REFUSED: RecallRefused,
    Kind.RETURN_OFFERED: ReturnOffered,
    Kind.INCIDENT_OPENED: IncidentOpened,
    Kind.LOSS_DECLARED: LossDeclared,
    Kind.ITEM_FOUND: ItemFound,
    Kind.SCAN_VOIDED: ScanVoided,
    Kind.POSTAGE_COLLECTED: PostageCollected,
    Kind.SEARCH_ENDED: SearchEnded,
    Kind.COURIER_NAMED: CourierNamed,
    Kind.COURIER_NEAR: CourierNear,
    Kind.INQUIRY_ANSWERED: InquiryAnswered,
    Kind.CHECKPOINT: Checkpoint,
    Kind.CHECKPOINT_COUNTERSIGNED: CheckpointCountersigned,
    Kind.STATEMENT: Statement,
    Kind.STATEMENT_PART: StatementPart,
}
DECODERS: dict[Kind, msgspec.json.Decoder[Message]] = {
    kind: msgspec.json.Decoder(body) for kind, body in BODIES.items()
}
