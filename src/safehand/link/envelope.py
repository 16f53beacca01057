"""The one envelope: a signed run of consecutive messages of one sequence (sender, receiver, city).

Each message's hash covers the hash before it, so a run's signature over its first and last hash covers every
message in it, and whatever is left out, put in, altered or put in another order breaks the chain. A personal part
enters by its digest alone: the evidence outlives the part's erasure. Pushed and pulled runs are the same bytes.
"""

from collections.abc import Sequence
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from typing import Annotated

import msgspec
from msgspec import Meta

from safehand.link.keys import KeyRing
from safehand.link.messages import MESSAGES_PER_RUN_MAX
from safehand.link.sealing import PART_BYTES_MAX

GENESIS = bytes(32)
BODY_CHARACTERS_MAX = 200_000
RUN_BYTES_MAX = 8_000_000
CITY_MAX = 2_147_483_647
YEAR_MIN, YEAR_MAX = 2000, 2200
_NO_PART = bytes(32)


class BrokenChain(Exception):
    """The messages of a run do not lead from its `previous` to its `head`."""


class Posted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One message in a run. `body` is JSON text, hashed as it stands; `personal` is a sealed part or none."""

    number: Annotated[int, Meta(ge=1)]
    kind: Annotated[int, Meta(ge=1, le=999)]
    subject: Annotated[str, Meta(max_length=64, pattern=r"^[A-Za-z0-9_.:-]*$")]
    at: Annotated[datetime, Meta(tz=True)]
    body: Annotated[str, Meta(max_length=BODY_CHARACTERS_MAX)]
    personal: Annotated[bytes, Meta(max_length=PART_BYTES_MAX)] | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Consecutive messages of one sequence, signed."""

    sender: Annotated[str, Meta(max_length=64)]
    receiver: Annotated[str, Meta(max_length=64)]
    city: Annotated[int, Meta(ge=0, le=CITY_MAX)]
    previous: bytes
    messages: list[Posted]
    head: bytes
    key_id: Annotated[str, Meta(max_length=64)]
    signature: bytes


def can_be_kept(run: Run) -> bool:
    """Whether every message can be kept as evidence, byte for byte: what can't was never in a genuine log.

    PostgreSQL's text holds no NUL, and a time far outside of any process overflows on its way through time zones.
    """
    return all("\x00" not in m.body and YEAR_MIN <= m.at.year <= YEAR_MAX for m in run.messages)


def message_hash(*, previous: bytes, sender: str, receiver: str, city: int, message: Posted) -> bytes:
    """SHA-256 over the hash before, the sequence's name, and every part of the message.

    Fields are separated by 0x1f; `at` enters as whole microseconds since 1970; the personal part as its SHA-256.
    """
    part = sha256(message.personal).digest() if message.personal is not None else _NO_PART
    microseconds = round(message.at.timestamp() * 1_000_000)
    head = (
        f"{sender}\x1f{receiver}\x1f{city}\x1f{message.number}\x1f{message.kind}"
        f"\x1f{message.subject}\x1f{microseconds}\x1f"
    )
    return sha256(previous + head.encode() + part + message.body.encode()).digest()


def chain(
    *, previous: bytes, sender: str, receiver: str, city: int, messages: Sequence[Posted]
) -> list[bytes]:
    """The hash of each message in order."""
    hashes: list[bytes] = []
    for message in messages:
        previous = message_hash(
            previous=previous, sender=sender, receiver=receiver, city=city, message=message
        )
        hashes.append(previous)
    return hashes


def signing_input(run: Run) -> bytes:
    """The bytes that are signed: the sequence's name, first and last number, previous hash and head."""
    first, last = run.messages[0].number, run.messages[-1].number
    name = f"safehand run 1\x1f{run.sender}\x1f{run.receiver}\x1f{run.city}\x1f{first}\x1f{last}\x1f"
    return name.encode() + run.previous + run.head


def seal_run(
    *, ring: KeyRing, receiver: str, city: int, previous: bytes, head: bytes, messages: list[Posted]
) -> Run:
    """Sign consecutive messages as one run; `head` is the hash of the last one."""
    run = Run(
        sender=ring.name,
        receiver=receiver,
        city=city,
        previous=previous,
        messages=messages,
        head=head,
        key_id=ring.key_id,
        signature=b"",
    )
    return msgspec.structs.replace(run, signature=ring.sign(signing_input(run)))


def verified_hashes(*, run: Run, ring: KeyRing, now: datetime) -> list[bytes]:
    """The hash of each message of a genuine run.

    Raises `BrokenChain` (also for numbers that are not consecutive), `UnknownKey` or `BadSignature`.
    """
    if not 0 < len(run.messages) <= MESSAGES_PER_RUN_MAX:
        raise BrokenChain(f"a run holds 1 to {MESSAGES_PER_RUN_MAX} messages")
    if len(run.previous) != len(GENESIS) or run.messages[0].number < 1:
        raise BrokenChain("a run begins with a number above 0 and a hash of 32 bytes")
    if any(b.number != a.number + 1 for a, b in pairwise(run.messages)):
        raise BrokenChain("the numbers of a run are consecutive")
    ring.verify(signing_input(run), run.signature, peer=run.sender, key_id=run.key_id, now=now)
    hashes = chain(
        previous=run.previous, sender=run.sender, receiver=run.receiver, city=run.city, messages=run.messages
    )
    if hashes[-1] != run.head:
        raise BrokenChain("the messages of a run do not lead to its head")
    return hashes
