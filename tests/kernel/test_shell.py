"""One batch, one transaction, one outcome per item: the same on both stores."""

import asyncio
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from safehand.kernel.clock import SetClock
from safehand.kernel.hash_chain import GENESIS, event_hash
from safehand.kernel.ids import DerivedIds
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Call, Done, Outcome, Shell
from safehand.kernel.store_memory import MemoryStore
from safehand.kernel.store_postgres import PostgresStore
from tests.kernel.counting_house import JAR, Burst, Name, Pour, Put

CITY = 310000
SQL = Path("src/safehand/kernel/sql").resolve()
START = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)

Check = Callable[[Shell], Coroutine[Any, Any, None]]


def call(jar: str, command: Command, *, key: str | None = None, request_hash: bytes = b"") -> Call:
    return Call(
        stream=StreamKey(CITY, jar),
        kind="jar",
        command=command,
        actor="cook",
        key=key,
        request_hash=request_hash,
    )


@pytest.fixture(params=["memory", pytest.param("postgres", marks=pytest.mark.server)])
def on_store(request: pytest.FixtureRequest) -> Callable[[Check], None]:
    """Run a check against a shell on each of the two stores."""

    dsn = ""
    if request.param == "postgres":
        dsn = request.getfixturevalue("fresh_database")(kernel=SQL)

    def play(check: Check) -> None:
        async def go() -> None:
            clock, ids = SetClock(start=START), DerivedIds(seed="test")
            if request.param == "memory":
                await check(Shell(machines={"jar": JAR}, store=MemoryStore(), clock=clock, ids=ids))
                return
            store = await PostgresStore.create(dsn=dsn)
            try:
                await check(Shell(machines={"jar": JAR}, store=store, clock=clock, ids=ids))
            finally:
                await store.close()

        asyncio.run(go())

    return play


def done(outcome: Outcome) -> Done:
    assert isinstance(outcome, Done), outcome
    return outcome


def test_a_call_appends_its_events_and_keeps_the_state_beside_them(on_store: Callable[[Check], None]) -> None:
    async def check(shell: Shell) -> None:
        [outcome] = await shell.run([call("a", Put(number=3))])
        assert done(outcome).state.held == 3
        events = await shell.store.events(key=StreamKey(CITY, "a"))
        assert [(e.version, e.kind) for e in events] == [(1, "jar.was_put")]
        assert await shell.store.tallies() == {(CITY, "jar.held"): 3}
        assert await shell.store.accounts() == {(CITY, "shelf"): 1}

    on_store(check)


def test_events_are_chained_and_the_chain_verifies_from_the_rows(on_store: Callable[[Check], None]) -> None:
    async def check(shell: Shell) -> None:
        await shell.run([call("a", Put(number=3)), call("a", Put(number=4))])
        head = GENESIS
        for e in await shell.store.events(key=StreamKey(CITY, "a")):
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
            assert e.hash == head

    on_store(check)


def test_a_refused_call_leaves_no_trace_and_its_neighbours_stand(on_store: Callable[[Check], None]) -> None:
    async def check(shell: Shell) -> None:
        outcomes = await shell.run(
            [call("a", Put(number=3)), call("a", Pour(number=9, into="b")), call("a", Put(number=1))]
        )
        assert isinstance(outcomes[1], Refusal)
        assert outcomes[1].code == "jar.empty"
        assert done(outcomes[2]).state.held == 4
        assert len(await shell.store.events(key=StreamKey(CITY, "a"))) == 2

    on_store(check)


def test_a_call_that_fails_is_answered_alone(on_store: Callable[[Check], None]) -> None:
    async def check(shell: Shell) -> None:
        outcomes = await shell.run([call("a", Put(number=3)), call("a", Burst()), call("b", Put(number=1))])
        assert isinstance(outcomes[1], Refusal)
        assert outcomes[1].code == "request.failed"
        assert done(outcomes[2]).state.held == 1

    on_store(check)


def test_what_follows_on_another_stream_happens_in_the_same_transaction(
    on_store: Callable[[Check], None],
) -> None:
    async def check(shell: Shell) -> None:
        await shell.run([call("a", Put(number=9))])
        await shell.run([call("a", Pour(number=2, into="b")), call("a", Pour(number=3, into="c"))])
        held = await shell.store.streams(keys=[StreamKey(CITY, name) for name in "abc"])
        assert [row.version for row in held.values()].count(0) == 0
        assert (await shell.store.tallies())[CITY, "jar.held"] == 9
        [work] = [w for w in await shell.store.worklist(queue="jar.full") if w.stream == "a"]
        assert work.due_at is None

    on_store(check)


def test_the_same_key_gets_the_same_answer_and_another_body_is_refused(
    on_store: Callable[[Check], None],
) -> None:
    async def check(shell: Shell) -> None:
        first = call("a", Put(number=3), key="k1", request_hash=b"one")
        [answer] = await shell.run([first])
        [again, other] = await shell.run([first, call("a", Put(number=5), key="k1", request_hash=b"two")])
        assert done(again).repeated
        assert done(again).version == done(answer).version
        assert isinstance(other, Refusal)
        assert other.code == "request.key_reused"
        assert (await shell.store.tallies())[CITY, "jar.held"] == 3

    on_store(check)


def test_the_same_key_twice_in_one_batch_takes_effect_once(on_store: Callable[[Check], None]) -> None:
    async def check(shell: Shell) -> None:
        same = call("a", Put(number=3), key="k1", request_hash=b"one")
        outcomes = await shell.run([same, same])
        assert done(outcomes[1]).repeated
        assert (await shell.store.tallies())[CITY, "jar.held"] == 3

    on_store(check)


def test_a_unique_name_is_held_by_one_stream_only(on_store: Callable[[Check], None]) -> None:
    async def check(shell: Shell) -> None:
        outcomes = await shell.run([call("a", Name(name="plum")), call("b", Name(name="plum"))])
        assert isinstance(outcomes[1], Refusal)
        assert outcomes[1].code == "jar.name_taken"
        racing = await asyncio.gather(*(shell.run([call(f"r{n}", Name(name="fig"))]) for n in range(8)))
        assert sum(isinstance(o, Done) for [o] in racing) == 1

    on_store(check)


def test_racing_batches_on_one_stream_lose_nothing(on_store: Callable[[Check], None]) -> None:
    async def check(shell: Shell) -> None:
        racing = [shell.run([call("a", Put(number=1)), call(f"x{n}", Put(number=1))]) for n in range(20)]
        outcomes = await asyncio.gather(*racing)
        taken = sum(
            isinstance(o, Done)
            for batch in outcomes
            for o in batch
            if isinstance(o, Done) and o.stream == "a"
        )
        events = await shell.store.events(key=StreamKey(CITY, "a"))
        assert len(events) == taken
        assert [e.version for e in events] == list(range(1, taken + 1))

    on_store(check)


def test_a_message_is_written_with_the_fact_that_it_tells(on_store: Callable[[Check], None]) -> None:
    async def check(shell: Shell) -> None:
        await shell.run([call("a", Put(number=3)), call("a", Pour(number=2, into="b"))])
        match shell.store:
            case MemoryStore(outbox=outbox):
                bodies = [row.body for row in outbox]
            case PostgresStore() as store:
                bodies = [
                    r[0].encode() for r in await store.fetch("select body from link_outbox order by id")
                ]
            case _:
                raise AssertionError("an unknown store")
        assert bodies == [b'{"held":1}']

    on_store(check)
