"""Golden messages: one genuine signed run of every kind, at fixed times, under keys that everybody can compute.

A partner's engineer checks an implementation against them (`docs/link/golden`). The keys are published on purpose:
they are the SHA-256 of a sentence, so no house may ever use them for anything but this.
"""

from datetime import UTC, date, datetime
from hashlib import sha256
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from safehand.kernel.hash_chain import GENESIS, checkpoint_hash, merkle_root
from safehand.link import messages as m
from safehand.link.envelope import Posted, Run, chain, seal_run
from safehand.link.keys import KeyRing, Peer, PeerKey
from safehand.link.proof import sign_proof
from safehand.link.witness import countersign

AUTHORITY, POST = "golden-authority", "golden-post"
KEY_ID = "golden-1"
CITY = 310000
AT = datetime(2024, 5, 6, 1, 2, 3, 456789, tzinfo=UTC)
ORDER, WAYBILL, BAG, SCAN, PERSON = "or_golden", "ZA473124829CN", "bg_golden", "sc_golden", "st_golden"
GROUP, OTHER_ORDER = "gp_golden", "or_another"
ORDER_LINES = ("ZA473124829CN", "ZA123456785CN")


def published_secret(*, house: str, purpose: str) -> bytes:
    """32 bytes that everybody can compute: SHA-256 of `safehand golden <purpose> key of <house>`."""
    return sha256(f"safehand golden {purpose} key of {house}".encode()).digest()


def published_peer(*, house: str, url: str = "") -> Peer:
    """The public half of a house's published keys."""
    signing = Ed25519PrivateKey.from_private_bytes(published_secret(house=house, purpose="signing"))
    sealing = X25519PrivateKey.from_private_bytes(published_secret(house=house, purpose="sealing"))
    return Peer(
        name=house,
        keys=(PeerKey(key_id=KEY_ID, public=signing.public_key().public_bytes_raw()),),
        sealing=sealing.public_key().public_bytes_raw(),
        url=url,
    )


def published_ring(*, house: str, peers: tuple[Peer, ...] = ()) -> KeyRing:
    """A key ring with a house's published keys."""
    return KeyRing(
        name=house,
        key_id=KEY_ID,
        signing=published_secret(house=house, purpose="signing"),
        sealing=published_secret(house=house, purpose="sealing"),
        peers=peers,
    )


def golden_body(kind: m.Kind) -> m.Message:
    """A fixed body of each kind."""
    found = (
        _authority_says(kind)
        or _authority_says_of_recipients(kind)
        or _post_says_of_orders(kind)
        or _post_says_of_items(kind)
        or _post_says_of_searches(kind)
        or _both_say(kind)
    )
    assert found is not None, f"no golden body for {kind.name}"
    return found


def _authority_says(kind: m.Kind) -> m.Message | None:
    match kind:
        case m.Kind.ORDER_PLACED:
            return m.OrderPlaced(
                order=ORDER,
                authority="SH-ENTRY-EXIT",
                office="SH-01",
                destination=CITY,
                documents=2,
                postage_mode=m.PostageMode.ON_DELIVERY,
                postage_fen=2300,
                attempts_max=3,
                held_days_max=7,
                placed_at=AT,
            )
        case m.Kind.ORDER_CANCELLED:
            return m.OrderCancelled(order=ORDER, at=AT)
        case m.Kind.HANDOVER_OFFERED:
            return m.HandoverOffered(
                bag=BAG, seal="SEAL-0001", office="SH-01", waybills=list(ORDER_LINES), offered_at=AT
            )
        case m.Kind.PROOF_SEALED:
            evidence = sha256(b"golden evidence").digest()
            signature = sign_proof(
                ring=published_ring(house=AUTHORITY),
                order=ORDER,
                waybill=WAYBILL,
                method=m.ProofMethod.RECIPIENT_CODE,
                claimed_at=AT,
                sealed_at=AT,
                evidence=evidence,
            )
            return m.ProofSealed(
                order=ORDER,
                waybill=WAYBILL,
                method=m.ProofMethod.RECIPIENT_CODE,
                claimed_at=AT,
                sealed_at=AT,
                evidence=evidence,
                signature=signature,
            )
        case m.Kind.PROOF_REFUSED:
            return m.ProofRefused(
                order=ORDER, waybill=WAYBILL, reason=m.Reason.CODE_WRONG, attempts_left=2, at=AT
            )
        case m.Kind.RECALL_REQUESTED:
            return m.RecallRequested(order=ORDER, waybill=WAYBILL, reason=m.Reason.MISPRINT, at=AT)
        case m.Kind.RETURN_RECEIVED:
            return m.ReturnReceived(order=ORDER, waybill=WAYBILL, at=AT)
        case _:
            return None


def _authority_says_of_recipients(kind: m.Kind) -> m.Message | None:
    match kind:
        case m.Kind.PERSON_ERASED:
            return m.PersonErased(order=ORDER, at=AT)
        case m.Kind.DELIVERY_WISHED:
            return m.DeliveryWished(
                order=ORDER,
                waybill=WAYBILL,
                number=1,
                wish=m.Wish.ANOTHER_DAY,
                day=date(2024, 5, 9),
                at=AT,
            )
        case _:
            return _authority_says_of_receivers(kind)


def _authority_says_of_receivers(kind: m.Kind) -> m.Message | None:
    match kind:
        case m.Kind.RECEIVER_NAMED:
            return m.ReceiverNamed(order=ORDER, number=1, at=AT)
        case m.Kind.RECEIVER_RELEASED:
            return m.ReceiverReleased(order=ORDER, number=1, at=AT)
        case m.Kind.ORDERS_GROUPED:
            return m.OrdersGrouped(group=GROUP, orders=[ORDER, OTHER_ORDER], at=AT)
        case m.Kind.INQUIRY_ASKED:
            return m.InquiryAsked(order=ORDER, waybill=WAYBILL, number=1, at=AT)
        case m.Kind.INQUIRY_ENDED:
            return m.InquiryEnded(order=ORDER, waybill=WAYBILL, number=1, at=AT)
        case _:
            return None


def _post_says_of_orders(kind: m.Kind) -> m.Message | None:
    match kind:
        case m.Kind.WAYBILL_ALLOCATED:
            return m.WaybillAllocated(
                order=ORDER,
                waybill=WAYBILL,
                routing="021-01-007",
                token=sha256(b"golden token").digest(),
                at=AT,
            )
        case m.Kind.ORDER_REFUSED:
            return m.OrderRefused(order=ORDER, reason=m.Reason.AREA_NOT_SERVED, at=AT)
        case m.Kind.HANDOVER_ACCEPTED:
            return m.HandoverAccepted(
                bag=BAG, seal="SEAL-0001", waybills=[ORDER_LINES[0]], clerk=PERSON, at=AT
            )
        case m.Kind.HANDOVER_REFUSED:
            short = m.RefusedItem(waybill=ORDER_LINES[1], reason=m.Reason.SHORT)
            return m.HandoverRefused(bag=BAG, seal="SEAL-0001", items=[short], clerk=PERSON, at=AT)
        case m.Kind.RECALL_ACCEPTED:
            return m.RecallAccepted(order=ORDER, waybill=WAYBILL, at=AT)
        case m.Kind.RECALL_REFUSED:
            return m.RecallRefused(order=ORDER, waybill=WAYBILL, reason=m.Reason.TOO_LATE, at=AT)
        case m.Kind.RETURN_OFFERED:
            return m.ReturnOffered(order=ORDER, waybill=WAYBILL, reason=m.Reason.NOT_COLLECTED, at=AT)
        case m.Kind.POSTAGE_COLLECTED:
            return m.PostageCollected(order=ORDER, waybill=WAYBILL, amount_fen=2300, at=AT)
        case _:
            return None


def _post_says_of_items(kind: m.Kind) -> m.Message | None:
    order, waybill = ORDER, WAYBILL
    match kind:
        case m.Kind.ITEM_SCANNED:
            return m.ItemScanned(
                order=order,
                waybill=waybill,
                scan=m.Scan.OUT_FOR_DELIVERY,
                scan_id=SCAN,
                place="SH-P-07",
                occurred_at=AT,
            )
        case m.Kind.ATTEMPT_FAILED:
            return m.AttemptFailed(
                order=order,
                waybill=waybill,
                reason=m.Reason.ABSENT,
                attempt=1,
                place="SH-P-07",
                occurred_at=AT,
            )
        case m.Kind.DELIVERY_CLAIMED:
            return m.DeliveryClaimed(
                order=order,
                waybill=waybill,
                method=m.ProofMethod.RECIPIENT_CODE,
                code="123456",
                courier=PERSON,
                occurred_at=AT,
            )
        case m.Kind.DELIVERY_NONCONFORMING:
            return m.DeliveryNonconforming(
                order=order, waybill=waybill, carrier_code="LOCKER", occurred_at=AT
            )
        case m.Kind.REJECTED_AT_DOOR:
            return m.RejectedAtDoor(order=order, waybill=waybill, reason=m.Reason.SEAL_BROKEN, occurred_at=AT)
        case m.Kind.SCAN_VOIDED:
            return m.ScanVoided(order=order, waybill=waybill, scan_id=SCAN, at=AT)
        case _:
            return None


def _post_says_of_searches(kind: m.Kind) -> m.Message | None:
    order, waybill = ORDER, WAYBILL
    match kind:
        case m.Kind.INCIDENT_OPENED:
            return m.IncidentOpened(order=order, waybill=waybill, reason=m.Reason.DAMAGED, at=AT)
        case m.Kind.LOSS_DECLARED:
            return m.LossDeclared(order=order, waybill=waybill, at=AT)
        case m.Kind.ITEM_FOUND:
            return m.ItemFound(order=order, waybill=waybill, at=AT)
        case m.Kind.SEARCH_ENDED:
            return m.SearchEnded(order=order, waybill=waybill, at=AT)
        case _:
            return _post_says_of_couriers(kind)


def _post_says_of_couriers(kind: m.Kind) -> m.Message | None:
    match kind:
        case m.Kind.COURIER_NAMED:
            return m.CourierNamed(order=ORDER, waybill=WAYBILL, courier="st_goldencourier", at=AT)
        case m.Kind.COURIER_NEAR:
            return m.CourierNear(order=ORDER, waybill=WAYBILL, at=AT)
        case m.Kind.INQUIRY_ANSWERED:
            return m.InquiryAnswered(
                order=ORDER, waybill=WAYBILL, number=1, finding=m.Finding.NOT_KNOWN, at=AT
            )
        case _:
            return None


def _both_say(kind: m.Kind) -> m.Message | None:
    checkpoint = m.Checkpoint(
        number=1, events=2, root=merkle_root([b"golden 1", b"golden 2"]), previous=GENESIS, at=AT
    )
    match kind:
        case m.Kind.CHECKPOINT:
            return checkpoint
        case m.Kind.CHECKPOINT_COUNTERSIGNED:
            hashed = checkpoint_hash(
                previous=GENESIS, city=CITY, number=1, root=checkpoint.root, events=checkpoint.events
            )
            signature = countersign(
                ring=published_ring(house=POST), owner=AUTHORITY, city=CITY, number=1, checkpoint=hashed
            )
            return m.CheckpointCountersigned(number=1, checkpoint=hashed, signature=signature)
        case m.Kind.STATEMENT:
            orders = sorted((ORDER, "or_goldentwo"))
            lines = [m.StatementLine(order=order, account="post") for order in orders]
            leaves = [f"{line.order}\x1f{line.account}".encode() for line in lines]
            return m.Statement(
                day=date(2024, 5, 6),
                opening={"authority": 2, "post": 0},
                moves={"authority>post": 2},
                closing={"authority": 0, "post": 2},
                lines_root=merkle_root(leaves),
                lines=lines,
            )
        case m.Kind.STATEMENT_PART:
            lines = [
                m.StatementLine(order=order, account="post") for order in sorted((ORDER, "or_goldentwo"))
            ]
            return m.StatementPart(day=date(2024, 5, 6), part=1, lines=lines)
        case _:
            return None


def golden_run(kind: m.Kind) -> Run:
    """A genuine run that holds one message of this kind, as the first of its sequence."""
    sender, receiver = (POST, AUTHORITY) if 200 <= kind < 300 else (AUTHORITY, POST)
    if kind is m.Kind.CHECKPOINT_COUNTERSIGNED:
        sender, receiver = POST, AUTHORITY
    body = msgspec.json.encode(golden_body(kind)).decode()
    subject = getattr(golden_body(kind), "order", "")
    message = Posted(number=1, kind=int(kind), subject=subject, at=AT, body=body)
    [head] = chain(previous=GENESIS, sender=sender, receiver=receiver, city=CITY, messages=[message])
    return seal_run(
        ring=published_ring(house=sender),
        receiver=receiver,
        city=CITY,
        previous=GENESIS,
        head=head,
        messages=[message],
    )


def golden_files() -> dict[str, bytes]:
    """File name -> content: one run per kind, and the public keys."""
    files = {
        f"{int(kind)}-{kind.name.lower().replace('_', '-')}.json": msgspec.json.encode(golden_run(kind))
        for kind in m.Kind
    }
    peers = {house: published_peer(house=house) for house in (AUTHORITY, POST)}
    files["public-keys.json"] = msgspec.json.format(msgspec.json.encode(peers))
    return {name: content + b"\n" for name, content in files.items()}


def write_golden(*, folder: Path) -> list[Path]:
    """Write all golden files; returns their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = [folder / name for name in golden_files()]
    for path, content in zip(paths, golden_files().values(), strict=True):
        path.write_bytes(content)
    return paths
