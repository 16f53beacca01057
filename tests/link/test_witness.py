"""Each house is the other's witness: a journal made anew is betrayed by the other's signature."""

from collections.abc import Callable

import httpx
import msgspec
import pytest

from safehand.kernel.checkpoints import take_checkpoints, verify_city
from safehand.kernel.hash_chain import GENESIS
from safehand.link.golden import KEY_ID, published_peer, published_ring
from safehand.link.keys import BadSignature, UnknownKey
from safehand.link.messages import Checkpoint, CheckpointCountersigned, Kind
from safehand.link.witness import (
    NotContinued,
    check_countersignature,
    countersign,
    countersigned,
    genuine_hashes,
    witnessed_hash,
)
from tests.link.two_houses import AUTHORITY, CITY, POST, START, House, a_run, play, posted

pytestmark = pytest.mark.slow  # databases and long sequences: left out of ./do fast

Database = Callable[..., str]
OWNER = published_ring(house=AUTHORITY, peers=(published_peer(house=POST),))
WITNESS = published_ring(house=POST, peers=(published_peer(house=AUTHORITY),))
HASH = bytes([5]) * 32


def signed(*, number: int = 1, checkpoint: bytes = HASH, city: int = CITY) -> CheckpointCountersigned:
    signature = countersign(ring=WITNESS, owner=AUTHORITY, city=city, number=number, checkpoint=checkpoint)
    return CheckpointCountersigned(number=number, checkpoint=checkpoint, signature=signature)


def check(
    message: CheckpointCountersigned, *, city: int = CITY, witness: str = POST, key_id: str = KEY_ID
) -> None:
    check_countersignature(
        ring=OWNER, witness=witness, key_id=key_id, city=city, countersigned=message, now=START
    )


def test_a_countersignature_holds_for_its_own_checkpoint_and_no_other() -> None:
    check(signed())
    for wrong in (
        msgspec.structs.replace(signed(), number=2),
        msgspec.structs.replace(signed(), checkpoint=bytes(32)),
        msgspec.structs.replace(signed(), checkpoint=HASH[:31]),
        msgspec.structs.replace(signed(), signature=bytes(64)),
        signed(city=440100),
    ):
        with pytest.raises(BadSignature):
            check(wrong)
    with pytest.raises(UnknownKey):
        check(signed(), witness="stranger")
    with pytest.raises(UnknownKey):
        check(signed(), key_id="golden-2")


def a_checkpoint(number: int = 1, *, previous: bytes = GENESIS, root: bytes = HASH) -> Checkpoint:
    return Checkpoint(number=number, events=3, root=root, previous=previous, at=START)


def test_a_witness_signs_only_what_continues_what_it_signed_before() -> None:
    first = witnessed_hash(city=CITY, checkpoint=a_checkpoint(), last_number=0, last_hash=GENESIS)
    second = a_checkpoint(2, previous=first)
    assert witnessed_hash(city=CITY, checkpoint=second, last_number=1, last_hash=first) != first
    for wrong, last_number, last_hash in (
        (a_checkpoint(2), 1, first),
        (a_checkpoint(3, previous=first), 1, first),
        (a_checkpoint(1), 1, first),
        (a_checkpoint(1, previous=HASH), 0, GENESIS),
        (a_checkpoint(root=bytes(31)), 0, GENESIS),
    ):
        with pytest.raises(NotContinued, match="checkpoint"):
            witnessed_hash(city=CITY, checkpoint=wrong, last_number=last_number, last_hash=last_hash)


def test_a_rewritten_journal_is_found_by_what_the_other_house_signed(emptied_database: Database) -> None:
    async def scene(authority: House, post: House, client: httpx.AsyncClient) -> None:
        await authority.tell([1, 2], to=POST)
        taken_now = []
        for _ in range(100_000):  # transactions of other tests on this server are waited for
            taken_now = await take_checkpoints(store=authority.store, now=START)
            if taken_now:
                break
        [taken] = taken_now
        told = Checkpoint(
            number=taken.number, events=taken.events, root=taken.root, previous=taken.previous, at=taken.at
        )
        seen = witnessed_hash(city=CITY, checkpoint=told, last_number=0, last_hash=GENESIS)
        assert seen == taken.hash
        messages = [
            posted(
                n,
                0,
                kind=int(Kind.CHECKPOINT_COUNTERSIGNED),
                subject="",
                body=msgspec.json.encode(body).decode(),
            )
            for n, body in enumerate((signed(checkpoint=seen), signed(number=2)), start=1)
        ]
        forged = msgspec.structs.replace(signed(number=3), signature=bytes(64))
        messages.append(posted(3, 0, kind=302, subject="", body=msgspec.json.encode(forged).decode()))
        run = a_run(messages, sender=POST, receiver=AUTHORITY)
        await authority.reader.apply(peer=POST, runs=[run])
        found = await countersigned(store=authority.store, ring=OWNER, witness=POST, city=CITY)
        assert [(one.number, one.genuine) for one in found] == [(1, True), (2, True), (3, False)]
        hashes = genuine_hashes(found)
        assert hashes == {1: taken.hash, 2: HASH}
        own = {number: hashed for number, hashed in hashes.items() if number == 1}
        assert await verify_city(store=authority.store, city=CITY, witnessed=own) == []
        await authority.store.fetch("update checkpoint set hash = $1", bytes(32))
        faults = {b.fault for b in await verify_city(store=authority.store, city=CITY, witnessed=own)}
        assert "checkpoint contradicted by the witness" in faults

    play(emptied_database, scene)
