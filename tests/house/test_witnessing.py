"""Each house witnesses the other's checkpoints: over the link, in order, and with an alarm when the past has changed."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import httpx
import msgspec
import pytest
from litestar import Litestar

from safehand.house.checkpointing import Checkpointing, WitnessBorder
from safehand.house.verify import lines_of, verify_house
from safehand.house.witnessing import (
    ALARM_QUEUE,
    NO_ALARM,
    SILENT_DUE,
    HearCheckpoint,
    SettleAlarm,
    Witness,
    WitnessSilent,
    witness_key,
    witness_machine,
)
from safehand.kernel.checkpoints import Break
from safehand.kernel.clock import SetClock
from safehand.kernel.hash_chain import GENESIS, checkpoint_hash, event_hash, merkle_root
from safehand.kernel.outcome import Refusal
from safehand.kernel.points import hooked
from safehand.kernel.shell import Call, Done, Shell
from safehand.kernel.store import Unavailable, WorkRow
from safehand.kernel.store_postgres import PostgresStore
from safehand.link.endpoint import LinkDoor, link_routes
from safehand.link.messages import Checkpoint
from safehand.link.reader import Reader
from tests.kernel.conftest import emptied_database, kept_databases
from tests.kernel.test_checkpoints import settled
from tests.link.two_houses import AUTHORITY, BOOK, CITY, OTHER_CITY, POST, START, BookBorder, ByName, House

pytestmark = pytest.mark.slow  # databases and long sequences: left out of ./do fast

__all__ = ["emptied_database", "kept_databases"]

Database = Callable[..., str]
Scene = Callable[["Side", "Side"], Awaitable[None]]


class Side:
    """One of the tiny houses with its checkpoints, wired as the real houses are."""

    def __init__(self, house: House, peer: str) -> None:
        self.house, self.peer = house, peer
        self.client: httpx.AsyncClient
        machine = witness_machine(manager=f"{house.name}_manager", ring=house.ring)
        house.shell = Shell(
            machines={"book": BOOK, machine.kind: machine},
            store=house.store,
            clock=house.clock,
            ids=house.shell.ids,
        )
        self.checkpointing = Checkpointing(
            store=house.store,
            shell=house.shell,
            ring=house.ring,
            clock=house.clock,
            cities=[CITY, OTHER_CITY],
            peer=peer,
            daily=False,
        )
        house.reader = Reader(
            shell=house.shell,
            store=house.store,
            ring=house.ring,
            border=WitnessBorder(inner=BookBorder(), checkpointing=self.checkpointing),
            clock=house.clock,
        )
        house.door = LinkDoor(ring=house.ring, reader=house.reader, log=house.log, wire_clock=house.clock)
        house.app = Litestar(route_handlers=[link_routes(door=house.door)])

    async def checkpoints(self) -> int:
        """A minute later the job runs."""
        await settled(self.house.store)
        return await self.checkpointing.run()

    async def push(self) -> None:
        """What was said goes to the peer."""
        await self.house.pump(self.client).until_quiet()

    async def witness(self, city: int = CITY) -> Witness:
        """The state of the city's witness here."""
        key = witness_key(city=city, peer=self.peer)
        rows = await self.house.store.streams(keys=[key])
        return msgspec.json.decode(rows[key].state, type=Witness) if rows else Witness()

    async def alarms(self) -> list[WorkRow]:
        """The worklist of the manager."""
        return list(await self.house.store.worklist(queue=ALARM_QUEUE, cities=None, narrowed=None, limit=10))

    async def faults(self) -> list[Break]:
        """What the verification of the whole house finds."""
        found = await verify_house(store=self.house.store, ring=self.house.ring, witness=self.peer)
        return [broken for one in found for broken in one.breaks]


@asynccontextmanager
async def sides(dsns: list[str]) -> AsyncIterator[tuple[Side, Side]]:
    """The authority and the post, each reachable by the other."""
    clock = SetClock(start=START)
    stores = [await PostgresStore.create(dsn=dsn, connections_max=3) for dsn in dsns]
    try:
        made = [
            Side(House(name=name, peers=[peer], store=store, clock=clock), peer)
            for name, peer, store in zip((AUTHORITY, POST), (POST, AUTHORITY), stores, strict=True)
        ]
        async with httpx.AsyncClient(transport=ByName([side.house for side in made])) as client:
            for side in made:
                side.client = client
            yield made[0], made[1]
    finally:
        for store in stores:
            await store.close()


def play(emptied_database: Database, scene: Scene) -> None:
    dsns = [emptied_database() for _ in range(2)]

    async def go() -> None:
        async with sides(dsns) as (authority, post):
            await scene(authority, post)

    asyncio.run(go())


def a_minute_later(side: Side) -> None:
    side.house.clock.move_to(side.house.clock.now() + timedelta(minutes=1))


async def exchange(authority: Side, post: Side) -> None:
    """A minute passes: both take checkpoints, tell each other, and sign."""
    a_minute_later(authority)
    for side in (authority, post):
        await side.checkpoints()
    for _ in range(2):
        for side in (authority, post):
            await side.push()


def test_a_checkpoint_that_a_lost_connection_cut_off_is_sent_at_the_next_beat(
    emptied_database: Database,
) -> None:
    lost: list[str] = []

    async def lose_the_connection(point: str) -> None:
        if point == "store.written" and not lost:
            lost.append(point)
            raise asyncpg.ConnectionDoesNotExistError("connection was closed in the middle of operation")

    async def scene(authority: Side, post: Side) -> None:
        await authority.house.tell([1], to=POST)
        with hooked(lose_the_connection), pytest.raises(Unavailable):
            await authority.checkpoints()
        assert (await authority.witness()).sent == 0
        assert await authority.checkpoints() == 1, "the clock has not moved: it is still due"

    play(emptied_database, scene)


def test_checkpoints_of_both_houses_are_countersigned_by_the_other(emptied_database: Database) -> None:
    async def scene(authority: Side, post: Side) -> None:
        await authority.house.tell([1, 2], to=POST)
        await authority.house.tell([3], to=POST, city=OTHER_CITY)
        await authority.push()
        await exchange(authority, post)
        for side, other in ((authority, post), (post, authority)):
            for city in (CITY, OTHER_CITY):
                ours, theirs = await side.witness(city), await other.witness(city)
                assert (ours.sent, ours.countersigned, theirs.seen) == (1, 1, 1)
                assert ours.silent_since is None
            rows = await side.house.store.fetch(
                "select count(*) from checkpoint_countersigned s join checkpoint c"
                " on c.city = s.city and c.number = s.number and c.hash = s.checkpoint"
            )
            assert rows[0][0] == 2
            assert await side.alarms() == []
            assert await side.faults() == []

    play(emptied_database, scene)


def test_two_quiet_houses_fall_silent(emptied_database: Database) -> None:
    async def scene(authority: Side, post: Side) -> None:
        await authority.house.tell([1], to=POST)
        await authority.push()
        await exchange(authority, post)
        before = [await side.house.store.fetch("select count(*) from event") for side in (authority, post)]
        for _ in range(3):
            await exchange(authority, post)
        after = [await side.house.store.fetch("select count(*) from event") for side in (authority, post)]
        assert after == before

    play(emptied_database, scene)


def test_within_a_minute_no_second_checkpoint_is_taken(emptied_database: Database) -> None:
    async def scene(authority: Side, post: Side) -> None:
        await authority.house.tell([1], to=POST)
        assert await authority.checkpoints() == 1
        await authority.house.tell([2], to=POST)
        assert await authority.checkpoints() == 0
        a_minute_later(authority)
        assert await authority.checkpoints() == 1
        assert (await authority.witness()).sent == 2

    play(emptied_database, scene)


async def rewrite(house: House) -> None:
    """Somebody with all rights changes an event, and makes every hash and every checkpoint anew."""
    store = house.store
    await store.fetch("update event set body = replace(body, '\"amount\":1', '\"amount\":9')")
    rows = await store.fetch(
        "select city, stream, version, kind, at, actor, body from event order by city, stream, version"
    )
    heads: dict[tuple[int, str], bytes] = {}
    for city, stream, version, kind, at, actor, body in rows:
        previous = heads.get((city, stream), GENESIS)
        hashed = event_hash(
            previous=previous,
            city=city,
            stream=stream,
            version=version,
            kind=kind,
            at=at,
            actor=actor,
            body=body.encode(),
        )
        heads[city, stream] = hashed
        await store.fetch(
            "update event set hash = $4 where city = $1 and stream = $2 and version = $3",
            city,
            stream,
            version,
            hashed,
        )
    for (city, stream), head in heads.items():
        await store.fetch("update stream set head = $3 where city = $1 and stream = $2", city, stream, head)
    taken = await store.fetch("select city, number, upto::text as upto from checkpoint order by city, number")
    before: dict[int, tuple[bytes, str]] = {}
    for city, number, upto in taken:
        previous, low = before.get(city, (GENESIS, "0"))
        leaves = await store.fetch(
            "select hash from event where city = $1 and written_by >= $2::text::xid8"
            " and written_by < $3::text::xid8 order by written_by, stream, version",
            city,
            low,
            upto,
        )
        root = merkle_root([row[0] for row in leaves])
        hashed = checkpoint_hash(previous=previous, city=city, number=number, root=root, events=len(leaves))
        await store.fetch(
            "update checkpoint set root = $3, hash = $4 where city = $1 and number = $2",
            city,
            number,
            root,
            hashed,
        )
        before[city] = hashed, upto


@pytest.mark.parametrize("also", [None, "checkpoint_countersigned", "link_received"])
def test_a_journal_made_anew_is_found_by_the_countersigned_hashes(
    also: str | None, emptied_database: Database
) -> None:
    async def scene(authority: Side, post: Side) -> None:
        await authority.house.tell([1, 2], to=POST)
        await exchange(authority, post)
        assert await authority.faults() == []
        await rewrite(authority.house)
        if also is not None:
            # One of the two places in which the signatures are kept is enough.
            await authority.house.store.fetch(f"delete from {also}")
        assert await authority.faults() == [
            Break(city=CITY, fault="checkpoint contradicted by the witness", checkpoint=1)
        ]

    play(emptied_database, scene)


def test_the_witness_raises_an_alarm_when_the_past_has_changed(emptied_database: Database) -> None:
    async def scene(authority: Side, post: Side) -> None:
        await authority.house.tell([1, 2], to=POST)
        await exchange(authority, post)
        await rewrite(authority.house)
        await authority.house.tell([3], to=POST)
        await exchange(authority, post)
        [line] = await post.alarms()
        assert (line.city, line.owner, line.narrowed) == (CITY, f"{POST}_manager", "fork")
        assert line.due_at is not None
        assert line.due_at > post.house.clock.now()
        assert (await post.witness()).seen == 1
        # Without a countersignature the house itself is alarmed a day later.
        assert (await authority.witness()).countersigned == 1
        assert (await authority.witness()).silent_since is not None

    play(emptied_database, scene)


def heard(side: Side, checkpoint: Checkpoint) -> Call:
    return Call(
        stream=witness_key(city=CITY, peer=side.peer),
        kind="witness",
        command=HearCheckpoint(peer=side.peer, checkpoint=checkpoint),
        actor=f"link:{side.peer}",
    )


def test_a_gap_waits_for_the_manager_who_may_begin_the_chain_anew(emptied_database: Database) -> None:
    async def scene(authority: Side, post: Side) -> None:
        later = Checkpoint(
            number=7, events=1, root=bytes(32), previous=bytes([3]) * 32, at=post.house.clock.now()
        )
        settle = Call(
            stream=witness_key(city=CITY, peer=AUTHORITY),
            kind="witness",
            command=SettleAlarm(cause="restored from a dump", begin_anew=True),
            actor="st_manager",
        )
        [refused] = await post.house.shell.run([settle])
        assert isinstance(refused, Refusal)
        assert refused.code == NO_ALARM().code
        [gap] = await post.house.shell.run([heard(post, later)])
        assert isinstance(gap, Done)
        assert gap.events == ("witness.contradicted",)
        assert [line.narrowed for line in await post.alarms()] == ["gap"]
        await post.house.shell.run([settle])
        assert await post.alarms() == []
        [anew] = await post.house.shell.run([heard(post, later)])
        assert isinstance(anew, Done)
        assert anew.events == ("witness.peer_witnessed",)
        assert (await post.witness()).seen == 7

    play(emptied_database, scene)


def test_a_witness_that_signs_nothing_for_a_day_is_an_alarm(emptied_database: Database) -> None:
    async def scene(authority: Side, post: Side) -> None:
        await authority.house.tell([1], to=POST)
        await authority.checkpoints()
        key = witness_key(city=CITY, peer=POST)
        clock = Call(stream=key, kind="witness", command=WitnessSilent(), actor="clock")
        [early] = await authority.house.shell.run([clock])
        assert isinstance(early, Done)
        assert early.events == ()
        authority.house.clock.move_to(authority.house.clock.now() + SILENT_DUE)
        [late] = await authority.house.shell.run([clock])
        assert isinstance(late, Done)
        assert late.events == ("witness.contradicted",)
        assert [line.narrowed for line in await authority.alarms()] == ["silent"]
        assert (await authority.witness()).silent_due_at is None

    play(emptied_database, scene)


def test_a_forged_kept_countersignature_and_an_altered_event_are_named(emptied_database: Database) -> None:
    async def scene(authority: Side, post: Side) -> None:
        await authority.house.tell([1, 2], to=POST)
        await exchange(authority, post)
        store = authority.house.store
        await store.fetch("update checkpoint_countersigned set signature = $1", bytes(64))
        await store.fetch(
            "update event set actor = 'nobody' where city = $1 and stream = 'or_a' and version = 2", CITY
        )
        said = "\n".join(lines_of(await verify_house(store=store, ring=authority.house.ring, witness=POST)))
        assert "DOES NOT HOLD" in said
        assert "1 kept countersignatures are not the witness's" in said
        assert "event altered, stream or_a, version 2" in said

    play(emptied_database, scene)
