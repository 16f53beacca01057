"""Both stores behave alike: the same generated batches leave the same rows in memory and in PostgreSQL."""

import asyncio
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from safehand.kernel.clock import SetClock
from safehand.kernel.ids import DerivedIds
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.shell import Call, Outcome, Shell
from safehand.kernel.store import BlindRow, Conflict, PositionRow, VaultKeyRow, VaultRow, WorkKey, Writes
from safehand.kernel.store_memory import MemoryStore
from safehand.kernel.store_postgres import PostgresStore
from tests.kernel.counting_house import JAR, Answer, Burst, Lend, Name, Offer, Pour, Put, Share, Unname

pytestmark = pytest.mark.slow  # databases and long sequences: left out of ./do fast

SQL = Path("src/safehand/kernel/sql").resolve()
START = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
CITIES = (310000, 440100)
JARS = ("a", "b", "c")

Batch = tuple[int, tuple[Call, ...]]
"""Minutes to move the clock on, and the calls."""

TABLES = {
    "stream": "city, stream, kind, version, head, state, units",
    "event": "city, stream, version, kind, at, actor, body, hash",
    "work": "city, stream, queue, narrowed, since, due_at, owner",
    "claim": "name, city, stream",
    "unit": "city, unit, stream, account, pending, since",
    "move": "city, unit, giver, taker, phase, at, stream, version",
    "link_outbox": "peer, city, kind, subject, body, personal, at",
    "notice": "city, subject, template, facts, at",
    "answer": "key, request_hash, city, stream, answer, at",
    "vault_record": "city, subject, name, sealed",
    "keys.case_key": "city, subject, wrapped",
    "blind_index": "purpose, digest, city, subject",
}


def _jars() -> st.SearchStrategy[str]:
    return st.sampled_from(JARS)


def _commands() -> st.SearchStrategy[Command]:
    numbers = st.integers(0, 9)
    return st.one_of(
        st.builds(Put, number=numbers),
        st.builds(Pour, number=numbers, into=_jars()),
        st.builds(Name, name=st.sampled_from(("plum", "fig"))),
        st.just(Unname()),
        st.builds(Lend, to=_jars()),
        st.builds(Offer, to=st.sampled_from(("cook", "guest"))),
        st.builds(Answer, accepted=st.booleans()),
        st.just(Share()),
        st.just(Burst()),
    )


@st.composite
def _calls(draw: st.DrawFn) -> Call:
    city, jar = draw(st.sampled_from(CITIES)), draw(_jars())
    kept = draw(st.booleans())
    key = draw(st.none() | st.sampled_from(("k1", "k2", "k3", "k4", "k5")))
    return Call(
        stream=StreamKey(city, jar),
        kind="jar",
        command=draw(_commands()),
        actor=draw(st.sampled_from(("cook", "guest"))),
        key=key,
        request_hash=draw(st.sampled_from((b"one", b"two"))) if key is not None else b"",
        vault=(VaultRow(city, jar, "person", draw(st.binary(min_size=1, max_size=3))),) if kept else (),
        blind=(BlindRow("id", draw(st.sampled_from((b"x", b"y"))), city, jar),) if kept else (),
    )


def _batches() -> st.SearchStrategy[list[Batch]]:
    calls = st.lists(_calls(), min_size=1, max_size=6).map(tuple)
    return st.lists(st.tuples(st.integers(0, 90), calls), min_size=1, max_size=8)


def _row(row: Sequence[Any]) -> tuple[Any, ...]:
    """PostgreSQL keeps JSON as text; the port's rows hold it as bytes."""
    return tuple(
        value.encode() if isinstance(value, str) and value.startswith(("{", "[")) else value for value in row
    )


def _memory_rows(store: MemoryStore) -> dict[str, list[tuple[Any, ...]]]:
    rows: dict[str, list[Sequence[Any]]] = {
        "stream": [(*row[:3], *row[4:]) for row in store.rows.values()],
        "event": [event for events in store.journal.values() for event in events],
        "work": list(store.work.values()),
        "claim": list(store.claims.values()),
        "unit": [row[:6] for row in store.units.values()],
        "move": list(store.moves),
        "link_outbox": list(store.outbox),
        "notice": list(store.notices),
        "answer": list(store.answers.values()),
        "vault_record": [(*key, sealed) for key, sealed in store.vault.items()],
        "keys.case_key": [(*key, wrapped) for key, wrapped in store.vault_keys.items()],
        "blind_index": list(store.blind),
    }
    return {name: sorted(map(_row, found), key=repr) for name, found in rows.items()}


async def _postgres_rows(store: PostgresStore) -> dict[str, list[tuple[Any, ...]]]:
    return {
        name: sorted(
            (_row(tuple(row)) for row in await store.fetch(f"select {columns} from {name}")), key=repr
        )
        for name, columns in TABLES.items()
    }


async def _read(store: MemoryStore | PostgresStore, now: datetime) -> dict[str, Any]:
    """Everything that the port can be asked for."""
    keys = [StreamKey(city, jar) for city in CITIES for jar in JARS]
    queues = [
        await store.worklist(queue=queue, cities=cities, narrowed=narrowed, since_before=before, limit=limit)
        for queue in ("jar.full", "jar.offered")
        for cities, narrowed, before, limit in (
            (None, None, None, 500),
            ([CITIES[0]], None, None, 500),
            (None, "plum", None, 500),
            (None, None, now - timedelta(hours=1), 2),
        )
    ]
    return {
        "streams": await store.streams(keys=keys),
        "events": [list(await store.events(key=key)) for key in keys],
        "some events": [list(await store.events(key=key, after=1, limit=2)) for key in keys],
        "holders": await store.holders(names=["jar:plum", "jar:fig", "jar:nobody"]),
        "due": [list(await store.due(now=now, limit=limit)) for limit in (2, 100)],
        "next due": await store.next_due(),
        "worklists": [list(rows) for rows in queues],
        "tallies": await store.tallies(),
        "accounts": await store.accounts(),
    }


async def _play(store: MemoryStore | PostgresStore, batches: Sequence[Batch]) -> list[Any]:
    """The outcomes of all batches, with what the clocks that ran out did between them."""
    clock = SetClock(start=START)
    shell = Shell(machines={"jar": JAR}, store=store, clock=clock, ids=DerivedIds(seed="agree"))
    seen: list[list[Outcome]] = []
    for minutes, calls in batches:
        clock.move_to(clock.now() + timedelta(minutes=minutes))
        late = await store.due(now=clock.now(), limit=3)
        timers = [
            Call(stream=StreamKey(w.city, w.stream), kind="jar", command=command, actor="clock")
            for w in late
            if (command := JAR.timer(w.queue)) is not None
        ]
        seen.append(await shell.run([*timers, *calls]))
    return [seen, await _read(store, clock.now())]


def _agree(dsn: str, batches: Sequence[Batch]) -> None:
    async def go() -> None:
        memory = MemoryStore()
        postgres = await PostgresStore.create(dsn=dsn, connections_max=1)
        try:
            await postgres.fetch(f"truncate {', '.join(TABLES)}, tally, tally_change")
            expected = await _play(memory, batches)
            assert await _play(postgres, batches) == expected
            assert await _postgres_rows(postgres) == _memory_rows(memory)
            await postgres.roll_up(limit=3)
            assert await postgres.tallies() == await memory.tallies()
        finally:
            await postgres.close()

    asyncio.run(go())


def _generated(examples: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    def decorate(test: Callable[..., None]) -> Callable[..., None]:
        rules = settings(
            max_examples=examples,
            deadline=None,
            derandomize=True,
            database=None,
            phases=(Phase.explicit, Phase.generate, Phase.shrink),
            suppress_health_check=(HealthCheck.too_slow, HealthCheck.data_too_large),
        )
        return rules(given(batches=_batches())(test))

    return decorate


def test_both_stores_keep_the_same_rows_for_a_few_generated_batches(
    fresh_database: Callable[..., str],
) -> None:
    dsn = fresh_database(kernel=SQL)

    @_generated(5)
    def agree(batches: list[Batch]) -> None:
        _agree(dsn, batches)

    agree()


@pytest.mark.slow
def test_both_stores_keep_the_same_rows_for_many_generated_batches(
    fresh_database: Callable[..., str],
) -> None:
    dsn = fresh_database(kernel=SQL)

    @_generated(60)
    def agree(batches: list[Batch]) -> None:
        _agree(dsn, batches)

    agree()


LOST_RACES = {
    "a position that is not where the reader left it": Writes(
        positions=[PositionRow("post", CITIES[0], 5, 6, b"h")]
    ),
    "a line of a worklist that is not there": Writes(work_done=[WorkKey(CITIES[0], "a", "jar.full")]),
    "a second key for a person": Writes(vault_keys=[VaultKeyRow(CITIES[0], "kept", b"other")]),
}


@pytest.mark.parametrize("what", LOST_RACES)
def test_both_stores_refuse(what: str, fresh_database: Callable[..., str]) -> None:
    async def refused(store: MemoryStore | PostgresStore) -> None:
        async with store.transaction() as transaction:
            await transaction.write(writes=Writes(vault_keys=[VaultKeyRow(CITIES[0], "kept", b"first")]))
        with pytest.raises(Conflict):
            async with store.transaction() as transaction:
                await transaction.write(writes=LOST_RACES[what])

    dsn = fresh_database(kernel=SQL)

    async def go() -> None:
        await refused(MemoryStore())
        postgres = await PostgresStore.create(dsn=dsn, connections_max=1)
        try:
            await refused(postgres)
        finally:
            await postgres.close()

    asyncio.run(go())


def test_a_state_is_the_fold_of_its_events_after_any_batches() -> None:
    @_generated(15)
    def folds(batches: list[Batch]) -> None:
        async def go() -> None:
            store = MemoryStore()
            await _play(store, batches)
            for key, row in store.rows.items():
                state = JAR.initial(key)
                for event in store.journal[key]:
                    state = JAR.fold(state, msgspec.json.decode(event.body, type=JAR.event), event.at)
                assert msgspec.json.encode(state) == row.state

        asyncio.run(go())

    folds()
