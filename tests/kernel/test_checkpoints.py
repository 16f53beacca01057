"""Checkpoints: nothing can be altered, taken away or put into the past without being named."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime

import pytest

from safehand.kernel.checkpoints import (
    EVENTS_AT_ONCE_MAX,
    Break,
    Checkpoint,
    ClockOfTransactionsRanBackward,
    take_checkpoints,
    verify_city,
)
from safehand.kernel.clock import SetClock
from safehand.kernel.hash_chain import GENESIS, checkpoint_hash, event_hash, merkle_root
from safehand.kernel.ids import DerivedIds
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.shell import Call, Shell
from safehand.kernel.store_postgres import PostgresStore
from tests.kernel.counting_house import JAR, Label, Name, Put

START = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
CITY, OTHER = 310000, 440100
LOOKS_MAX = 100_000
"""So many times a test looks whether its neighbours' transactions have ended (half a minute, about)."""
Database = Callable[..., str]
Scene = Callable[[PostgresStore, Shell], Awaitable[None]]


def play(emptied_database: Database, scene: Scene) -> None:
    dsn = emptied_database()

    async def go() -> None:
        store = await PostgresStore.create(dsn=dsn, connections_max=4)
        try:
            clock = SetClock(start=START)
            await scene(
                store, Shell(machines={"jar": JAR}, store=store, clock=clock, ids=DerivedIds(seed="t"))
            )
        finally:
            await store.close()

    asyncio.run(go())


def call(jar: str, command: Command, *, city: int = CITY) -> Call:
    return Call(stream=StreamKey(city, jar), kind="jar", command=command, actor="cook")


async def settled(store: PostgresStore) -> None:
    """Wait for transactions of other tests on this server: they, too, may not be overtaken by a checkpoint."""
    over = (
        "select pg_snapshot_xmin(pg_current_snapshot()) >"
        " (select coalesce(max(written_by), '0'::xid8) from event)"
    )
    for _ in range(LOOKS_MAX):
        if (await store.fetch(over))[0][0]:
            return
    raise AssertionError("another transaction on this server does not end")


async def covered(store: PostgresStore, *, limit: int = EVENTS_AT_ONCE_MAX) -> list[Checkpoint]:
    """Checkpoints over all that was written."""
    await settled(store)
    return await take_checkpoints(store=store, now=START, limit=limit)


async def three_checkpoints(store: PostgresStore, shell: Shell) -> dict[int, bytes]:
    """Two cities with a few jars, three checkpoints each; the hashes of CITY's, by number."""
    hashes: dict[int, bytes] = {}
    for n in (1, 2, 3):
        for city in (CITY, OTHER):
            await shell.run([call("a", Put(number=n), city=city), call("b", Put(number=1), city=city)])
            await shell.run([call(f"only{n}", Name(name=f"{city}-{n}"), city=city)])
        taken = await covered(store)
        assert [(c.city, c.number, c.events) for c in taken] == [(CITY, n, 3), (OTHER, n, 3)]
        hashes[n] = taken[0].hash
    return hashes


def faults(breaks: Sequence[Break]) -> set[tuple[str, str, int, int]]:
    return {(b.fault, b.stream, b.version, b.checkpoint) for b in breaks}


def test_an_untouched_journal_holds_and_a_quiet_minute_takes_no_checkpoint(
    emptied_database: Database,
) -> None:
    async def scene(store: PostgresStore, shell: Shell) -> None:
        witnessed = await three_checkpoints(store, shell)
        assert await take_checkpoints(store=store, now=START) == []
        for city in (CITY, OTHER):
            assert await verify_city(store=store, city=city) == []
        assert await verify_city(store=store, city=CITY, witnessed=witnessed) == []
        await shell.run([call("a", Put(number=9))])
        assert await verify_city(store=store, city=CITY, witnessed=witnessed) == [], (
            "the newest wait for theirs"
        )

    play(emptied_database, scene)


def test_checkpoints_are_chained_and_their_root_is_over_the_events_hashes(emptied_database: Database) -> None:
    async def scene(store: PostgresStore, shell: Shell) -> None:
        await shell.run([call("b", Put(number=1)), call("a", Put(number=1)), call("a", Put(number=2))])
        [first] = await covered(store)
        events = [
            *await store.events(key=StreamKey(CITY, "a")),
            *await store.events(key=StreamKey(CITY, "b")),
        ]
        assert first.root == merkle_root([e.hash for e in events])
        assert first.previous == GENESIS
        await shell.run([call("a", Put(number=3))])
        [second] = await covered(store)
        assert second.previous == first.hash
        assert second.hash == checkpoint_hash(
            previous=first.hash, city=CITY, number=2, root=second.root, events=1
        )

    play(emptied_database, scene)


def test_an_open_transaction_can_not_add_to_the_past_afterwards(emptied_database: Database) -> None:
    async def scene(store: PostgresStore, shell: Shell) -> None:
        await shell.run([call("before", Put(number=1))])
        await settled(store)
        async with store.pool.acquire() as slow:
            opened = slow.transaction()
            await opened.start()
            await slow.execute("insert into tally_change (city, name, delta) values (1, 'x', 1)")
            await shell.run([call("after", Put(number=1))])
            first = await take_checkpoints(store=store, now=START)
            assert sum(c.events for c in first) <= 1, "only what came before the open transaction"
            head = event_hash(
                previous=GENESIS,
                city=CITY,
                stream="slow",
                version=1,
                kind="k",
                at=START,
                actor="x",
                body=b"{}",
            )
            await slow.execute(
                "insert into event (city, stream, version, kind, at, actor, body, hash)"
                " values ($1, 'slow', 1, 'k', $2, 'x', '{}', $3)",
                CITY,
                START,
                head,
            )
            await slow.execute("insert into stream values ($1, 'slow', 'jar', 1, $2, '{}', '{}')", CITY, head)
            assert await take_checkpoints(store=store, now=START) == []
            await opened.commit()
        [second] = await covered(store)
        assert second.events + sum(c.events for c in first) == 3
        assert await verify_city(store=store, city=CITY) == []

    play(emptied_database, scene)


def test_a_long_backlog_is_covered_in_pieces_that_never_split_a_transaction(
    emptied_database: Database,
) -> None:
    async def scene(store: PostgresStore, shell: Shell) -> None:
        for size in (1, 2, 7, 1, 3, 1, 1):
            await shell.run([call(f"j{n}", Put(number=1)) for n in range(size)])
        sizes: list[int] = []
        while taken := await covered(store, limit=3):
            sizes += [c.events for c in taken]
        assert sizes == [3, 7, 1, 3, 2]
        assert await verify_city(store=store, city=CITY) == []

    play(emptied_database, scene)


def test_two_takers_at_once_cover_everything_once(emptied_database: Database) -> None:
    async def scene(store: PostgresStore, shell: Shell) -> None:
        for n in range(5):
            await shell.run([call(f"j{n}", Put(number=1))])
        await settled(store)
        taken = await asyncio.gather(*(take_checkpoints(store=store, now=START) for _ in range(4)))
        assert sum(c.events for made in taken for c in made) == 5
        assert await verify_city(store=store, city=CITY) == []

    play(emptied_database, scene)


def test_a_database_that_counts_transactions_anew_is_refused_with_the_way_out(
    emptied_database: Database,
) -> None:
    async def scene(store: PostgresStore, shell: Shell) -> None:
        await shell.run([call("a", Put(number=1))])
        await covered(store)
        await store.fetch("update checkpoint set upto = '9000000000000'")
        with pytest.raises(ClockOfTransactionsRanBackward, match="9000000000000"):
            await take_checkpoints(store=store, now=START)

    play(emptied_database, scene)


async def rehash(store: PostgresStore, stream: str) -> None:
    """What a thief does who knows the format: make every hash of the stream anew, and its head."""
    head = GENESIS
    for e in await store.events(key=StreamKey(CITY, stream)):
        head = event_hash(
            previous=head,
            city=e.city,
            stream=e.stream,
            version=e.version,
            kind=e.kind,
            at=e.at,
            actor=e.actor,
            body=e.body,
        )
        await store.fetch(
            "update event set hash = $1 where city = $2 and stream = $3 and version = $4",
            head,
            CITY,
            stream,
            e.version,
        )
    await store.fetch("update stream set head = $1 where city = $2 and stream = $3", head, CITY, stream)


async def remake_checkpoints(store: PostgresStore) -> None:
    """And then every checkpoint of the city."""
    previous, low = GENESIS, "0"
    for row in await store.fetch(
        "select number, upto::text as upto from checkpoint where city = $1 order by number", CITY
    ):
        events = await store.fetch(
            "select hash from event where city = $1 and written_by >= $2::text::xid8 and written_by < $3::text::xid8"
            " order by written_by, stream, version",
            CITY,
            low,
            row["upto"],
        )
        root, low = merkle_root([e["hash"] for e in events]), row["upto"]
        previous = checkpoint_hash(
            previous=previous, city=CITY, number=row["number"], root=root, events=len(events)
        )
        await store.fetch(
            "update checkpoint set root = $1, hash = $2, events = $3 where city = $4 and number = $5",
            root,
            previous,
            len(events),
            CITY,
            row["number"],
        )


async def _alter_and_rehash(store: PostgresStore) -> None:
    await store.fetch(
        "update event set body = '{\"number\":8}' where city = $1 and stream = 'a' and version = 2", CITY
    )
    await rehash(store, "a")


async def _cut_the_tail(store: PostgresStore) -> None:
    await store.fetch("delete from event where city = $1 and stream = 'a' and version = 3", CITY)
    await store.fetch(
        "update stream s set version = 2, head = e.hash from event e where s.city = $1 and s.stream = 'a'"
        " and e.city = $1 and e.stream = 'a' and e.version = 2",
        CITY,
    )


async def _forget_a_stream(store: PostgresStore) -> None:
    for table in ("event", "stream", "claim", "move", "unit", "work"):
        await store.fetch(f"delete from {table} where city = $1 and stream = 'b'", CITY)


async def _put_into_the_past(store: PostgresStore) -> None:
    head = event_hash(
        previous=GENESIS,
        city=CITY,
        stream="new",
        version=1,
        kind="jar.was_put",
        at=START,
        actor="x",
        body=b"{}",
    )
    await store.fetch(
        "insert into event select $1, 'new', 1, 'jar.was_put', $2, 'x', '{}', $3, written_by from event"
        " where city = $1 and stream = 'a' and version = 1",
        CITY,
        START,
        head,
    )
    await store.fetch("insert into stream values ($1, 'new', 'jar', 1, $2, '{}', '{}')", CITY, head)


def _sql(*statements: str) -> Callable[[PostgresStore], Awaitable[None]]:
    async def tamper(store: PostgresStore) -> None:
        for statement in statements:
            await store.fetch(statement.replace("CITY", str(CITY)))

    return tamper


CONTRADICTED = "checkpoint contradicted by the journal"
A2 = "where city = CITY and stream = 'a' and version = 2"
TAMPERINGS: dict[str, tuple[Callable[[PostgresStore], Awaitable[None]], set[tuple[str, str, int, int]]]] = {
    "a body altered": (
        _sql(f"update event set body = '{{}}' {A2}"),
        {("event altered", "a", 2, 0)},
    ),
    "an actor altered": (
        _sql(f"update event set actor = 'nobody' {A2}"),
        {("event altered", "a", 2, 0)},
    ),
    "a time moved by a microsecond": (
        _sql(f"update event set at = at + interval '1 microsecond' {A2}"),
        {("event altered", "a", 2, 0)},
    ),
    "an event taken out of the middle": (
        _sql(f"delete from event {A2}"),
        {("event missing", "a", 2, 0), (CONTRADICTED, "", 0, 2)},
    ),
    "the tail cut off, with the state set back": (_cut_the_tail, {(CONTRADICTED, "", 0, 3)}),
    "the state alone set back": (
        _sql("update stream set version = 2 where city = CITY and stream = 'a'"),
        {("state does not end the chain", "a", 3, 0)},
    ),
    "the events of a stream deleted": (
        _sql("delete from event where city = CITY and stream = 'b'", "delete from stream where city = CITY and stream = 'b'"),
        {("stream missing", "b", 0, 0), *((CONTRADICTED, "", 0, n) for n in (1, 2, 3))},
    ),
    "a stream deleted with everything that speaks of it": (
        _forget_a_stream,
        {(CONTRADICTED, "", 0, n) for n in (1, 2, 3)},
    ),
    "the state of a stream deleted": (
        _sql("delete from stream where city = CITY and stream = 'b'"),
        {("state does not end the chain", "b", 3, 0)},
    ),
    "an event altered and its whole stream hashed anew": (
        _alter_and_rehash,
        {(CONTRADICTED, "", 0, 2), (CONTRADICTED, "", 0, 3)},
    ),
    "an event put into the past": (_put_into_the_past, {(CONTRADICTED, "", 0, 1)}),
    "an event moved to another transaction": (
        _sql(f"update event set written_by = (select written_by from event e where e.city = CITY and e.stream = 'a' and e.version = 1) {A2}"),
        {(CONTRADICTED, "", 0, 1), (CONTRADICTED, "", 0, 2)},
    ),
    "a checkpoint taken away": (
        _sql("delete from checkpoint where city = CITY and number = 2"),
        {("checkpoint missing", "", 0, 2), (CONTRADICTED, "", 0, 3)},
    ),
    "the last checkpoint taken away": (
        _sql("delete from checkpoint where city = CITY and number = 3"),
        {("events outside of every checkpoint", "", 3, 0)},
    ),
    "a checkpoint altered": (
        _sql("update checkpoint set events = 2 where city = CITY and number = 2"),
        {("checkpoint broken", "", 0, 2), (CONTRADICTED, "", 0, 2)},
    ),
}  # fmt: skip


@pytest.mark.parametrize("what", TAMPERINGS)
def test_tampering_is_found_and_named(what: str, emptied_database: Database) -> None:
    tamper, expected = TAMPERINGS[what]

    async def scene(store: PostgresStore, shell: Shell) -> None:
        await three_checkpoints(store, shell)
        await tamper(store)
        assert faults(await verify_city(store=store, city=CITY)) == expected
        assert await verify_city(store=store, city=OTHER) == []

    play(emptied_database, scene)


def test_a_journal_made_anew_with_all_its_checkpoints_is_betrayed_by_the_witness_alone(
    emptied_database: Database,
) -> None:
    async def scene(store: PostgresStore, shell: Shell) -> None:
        witnessed = await three_checkpoints(store, shell)
        await _alter_and_rehash(store)
        await remake_checkpoints(store)
        assert await verify_city(store=store, city=CITY) == []
        contradicted = "checkpoint contradicted by the witness"
        found = await verify_city(store=store, city=CITY, witnessed=witnessed)
        assert faults(found) == {(contradicted, "", 0, 2), (contradicted, "", 0, 3)}

    play(emptied_database, scene)


def test_checkpoints_cut_off_at_the_end_are_missed_by_the_witness(emptied_database: Database) -> None:
    async def scene(store: PostgresStore, shell: Shell) -> None:
        witnessed = await three_checkpoints(store, shell)
        await store.fetch("delete from checkpoint where number = 3")
        assert await verify_city(store=store, city=CITY) == []
        found = await verify_city(store=store, city=CITY, witnessed=witnessed)
        assert faults(found) == {("checkpoint missing", "", 0, 3)}

    play(emptied_database, scene)


def test_labels_of_any_text_verify_from_the_rows(emptied_database: Database) -> None:
    async def scene(store: PostgresStore, shell: Shell) -> None:
        texts = ["证达 😀", "a\x1fb", '"\\', "\u2028", "x" * 10_000]
        await shell.run([call("a", Label(text=text)) for text in texts])
        assert [c.events for c in await covered(store)] == [5]
        assert await verify_city(store=store, city=CITY) == []

    play(emptied_database, scene)
