"""Hash chains and Merkle trees: how a journal shows that nothing in it was changed or taken away.

Each stream is a chain: an event's hash covers the hash before it. A checkpoint is a Merkle root over the hashes
of all events since the last checkpoint of the city, chained to that one; the other organisation counter-signs it.
Leaf and node hashes have different prefixes, as in RFC 9162 (2.1.1), so that a node can't be shown as a leaf.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256

GENESIS = bytes(32)
"""What stands before a stream's first event and a city's first checkpoint."""

_SEPARATOR = b"\x1f"
_SEPARATORS = 5


def event_hash(
    *, previous: bytes, city: int, stream: str, version: int, kind: str, at: datetime, actor: str, body: bytes
) -> bytes:
    """SHA-256 over the hash before and every column of the event, in this order, separated by 0x1f.

    `at` enters as whole microseconds since 1970 (PostgreSQL keeps no more), so that the stored row gives the
    same bytes again. The body comes last: it may contain any byte.
    """
    microseconds = round(at.timestamp() * 1_000_000)
    head = f"{city}\x1f{stream}\x1f{version}\x1f{kind}\x1f{microseconds}\x1f{actor}".encode()
    if head.count(_SEPARATOR) != _SEPARATORS:
        raise ValueError("0x1f separates the columns of an event and may not be part of one")
    return sha256(previous + head + _SEPARATOR + body).digest()


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The Merkle tree hash of RFC 9162 section 2.1.1 over `leaves`; of none: the hash of nothing."""
    if not leaves:
        return sha256(b"").digest()
    level = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    while len(level) > 1:
        # An odd last node rises unchanged: for such trees this equals the RFC's split at a power of two.
        paired = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(level) - len(level) % 2 :]
    return level[0]


def inclusion_proof(leaves: Sequence[bytes], *, index: int) -> list[tuple[str, bytes]]:
    """The hashes that lead from leaf `index` to the root, each with the side ("left"/"right") it stands on."""
    level = [sha256(b"\x00" + leaf).digest() for leaf in leaves]
    proof: list[tuple[str, bytes]] = []
    while len(level) > 1:
        if index % 2 == 1:
            proof.append(("left", level[index - 1]))
        elif index + 1 < len(level):
            proof.append(("right", level[index + 1]))
        paired = [sha256(b"\x01" + level[i] + level[i + 1]).digest() for i in range(0, len(level) - 1, 2)]
        level = paired + level[len(level) - len(level) % 2 :]
        index //= 2
    return proof


def proves(*, leaf: bytes, proof: Sequence[tuple[str, bytes]], root: bytes) -> bool:
    """Whether `proof` leads from `leaf` to `root`."""
    node = sha256(b"\x00" + leaf).digest()
    for side, sibling in proof:
        node = sha256(b"\x01" + (sibling + node if side == "left" else node + sibling)).digest()
    return node == root


def checkpoint_hash(*, previous: bytes, city: int, number: int, root: bytes, events: int) -> bytes:
    """The chained hash of one checkpoint: what is signed and counter-signed."""
    return sha256(previous + f"{city}\x1f{number}\x1f{events}\x1f".encode() + root).digest()
