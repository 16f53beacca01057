"""Each house is the other's witness: it counter-signs the other's checkpoints, and only those that continue its own.

A house that rewrites its journal, with every hash and every checkpoint made anew, can't make the other house's
signatures anew. What was counter-signed is kept as it came (`link_received`), so anybody can check it later with the
witness's public key alone.
"""

from collections.abc import Mapping
from datetime import datetime

import msgspec

from safehand.kernel.hash_chain import GENESIS, checkpoint_hash
from safehand.kernel.store import HouseStore
from safehand.link.keys import BadSignature, KeyRing, UnknownKey
from safehand.link.messages import Checkpoint, CheckpointCountersigned, Kind

HASH_BYTES = 32


class NotContinued(Exception):
    """A peer's checkpoint does not follow the last one that was counter-signed: it is not signed; an alarm."""


class Countersigned(msgspec.Struct, frozen=True, kw_only=True):
    """A checkpoint of this house that the witness signed."""

    number: int
    checkpoint: bytes
    genuine: bool
    """Whether the signature holds by a key that was the witness's when the message came."""


def witness_input(*, owner: str, witness: str, city: int, number: int, checkpoint: bytes) -> bytes:
    """The signed bytes: whose checkpoint, by which witness, its place in the chain, and its hash (32 bytes)."""
    name = f"safehand witness 1\x1f{owner}\x1f{witness}\x1f{city}\x1f{number}\x1f"
    return name.encode() + checkpoint


def countersign(*, ring: KeyRing, owner: str, city: int, number: int, checkpoint: bytes) -> bytes:
    """This house's Ed25519 signature (RFC 8032) over a peer's checkpoint hash."""
    return ring.sign(
        witness_input(owner=owner, witness=ring.name, city=city, number=number, checkpoint=checkpoint)
    )


def check_countersignature(
    *,
    ring: KeyRing,
    witness: str,
    key_id: str,
    city: int,
    countersigned: CheckpointCountersigned,
    now: datetime,
) -> None:
    """Raises `UnknownKey` or `BadSignature` when the witness did not sign this house's checkpoint."""
    if len(countersigned.checkpoint) != HASH_BYTES:
        raise BadSignature("a checkpoint's hash has 32 bytes")
    signed = witness_input(
        owner=ring.name,
        witness=witness,
        city=city,
        number=countersigned.number,
        checkpoint=countersigned.checkpoint,
    )
    ring.verify(signed, countersigned.signature, peer=witness, key_id=key_id, now=now)


def witnessed_hash(*, city: int, checkpoint: Checkpoint, last_number: int, last_hash: bytes) -> bytes:
    """The hash of a peer's checkpoint which follows the last one that was witnessed (0 and GENESIS: none yet).

    Raises `NotContinued`, also for one that was witnessed before with another hash: the peer's past has changed.
    """
    if checkpoint.number != last_number + 1 or checkpoint.previous != (last_hash or GENESIS):
        raise NotContinued(
            f"checkpoint {checkpoint.number} of city {city} does not follow checkpoint {last_number}"
        )
    if len(checkpoint.root) != HASH_BYTES:
        raise NotContinued(f"checkpoint {checkpoint.number} of city {city} has no root of 32 bytes")
    return checkpoint_hash(
        previous=checkpoint.previous,
        city=city,
        number=checkpoint.number,
        root=checkpoint.root,
        events=checkpoint.events,
    )


async def countersigned(*, store: HouseStore, ring: KeyRing, witness: str, city: int) -> list[Countersigned]:
    """What the witness signed of this house's checkpoints of a city, from the evidence as it came, in order."""
    rows = await store.fetch(
        "select m.body, r.key_id, m.at from link_received m join link_run_received r"
        " on r.peer = m.peer and r.city = m.city and m.number between r.first and r.last"
        " where m.peer = $1 and m.city = $2 and m.kind = $3 order by m.number",
        witness,
        city,
        int(Kind.CHECKPOINT_COUNTERSIGNED),
    )
    found: list[Countersigned] = []
    for body, key_id, at in rows:
        message = msgspec.json.decode(body, type=CheckpointCountersigned)
        try:
            check_countersignature(
                ring=ring, witness=witness, key_id=key_id, city=city, countersigned=message, now=at
            )
            genuine = True
        except (BadSignature, UnknownKey):
            genuine = False
        found.append(Countersigned(number=message.number, checkpoint=message.checkpoint, genuine=genuine))
    return found


def genuine_hashes(found: list[Countersigned]) -> Mapping[int, bytes]:
    """Checkpoint number -> hash that the witness signed; the first one counts, since it can't be taken back."""
    hashes: dict[int, bytes] = {}
    for one in found:
        if one.genuine:
            hashes.setdefault(one.number, one.checkpoint)
    return hashes
