"""Lost races, killed backends, callers who go away: nothing is lost, nothing doubled, and the key tells the truth."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from safehand.kernel.clock import SetClock
from safehand.kernel.ids import DerivedIds
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.points import hooked
from safehand.kernel.shell import Call, Done, Outcome, Shell
from safehand.kernel.store import Conflict, Unavailable
from safehand.kernel.store_memory import MemoryStore
from safehand.kernel.store_postgres import PostgresStore, PostgresTransaction
from tests.kernel.counting_house import JAR, Label, Lend, Name, Pour, Put, Share, Unname

pytestmark = pytest.mark.slow  # databases and long sequences: left out of ./do fast

SQL = Path("src/safehand/kernel/sql").resolve()
START = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
CITY = 310000
Database = Callable[..., str]


def call(jar: str, command: Command, *, key: str | None = None) -> Call:
    return Call(stream=StreamKey(CITY, jar), kind="jar", command=command, actor="cook", key=key)


def shell_on(store: PostgresStore | MemoryStore) -> Shell:
    return Shell(machines={"jar": JAR}, store=store, clock=SetClock(start=START), ids=DerivedIds(seed="t"))


async def held(store: PostgresStore) -> int:
    return (await store.tallies()).get((CITY, "jar.held"), 0)


def play(
    fresh_database: Database, scene: Callable[[PostgresStore, asyncpg.Connection], Awaitable[None]]
) -> None:
    """A store, and a second way into its database for the test's own hand."""
    dsn = fresh_database(kernel=SQL)

    async def go() -> None:
        store = await PostgresStore.create(dsn=dsn, connections_max=4)
        other = await asyncpg.connect(dsn)
        try:
            await scene(store, other)
        finally:
            await other.close()
            await store.close()

    asyncio.run(go())


class AtTheWrite(PostgresStore):
    """The real store; before each transaction writes it does what the test says, once."""

    act: Callable[[PostgresTransaction], Awaitable[None]] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        async with super().transaction() as transaction:
            yield Watched(transaction, self)


class Watched(PostgresTransaction):
    def __init__(self, inner: PostgresTransaction, store: AtTheWrite) -> None:
        super().__init__(connection=inner.connection, statements=inner._statements)
        self._store = store

    async def write(self, *, writes: object) -> None:
        act, self._store.act = self._store.act, None
        if act is not None:
            await act(self)
        await super().write(writes=writes)  # pyright: ignore[reportArgumentType]


def test_a_batch_that_lost_a_race_for_a_new_stream_is_decided_anew(fresh_database: Database) -> None:
    async def scene(store: PostgresStore, other: asyncpg.Connection) -> None:
        slow = AtTheWrite(pool=store.pool)

        async def somebody_is_faster(_: PostgresTransaction) -> None:
            await shell_on(store).run([call("a", Put(number=5))])

        slow.act = somebody_is_faster
        [outcome] = await shell_on(slow).run([call("a", Put(number=2))])
        assert isinstance(outcome, Done)
        assert (outcome.version, outcome.state.held) == (2, 7)
        assert await held(store) == 7

    play(fresh_database, scene)


def test_a_lost_race_for_a_key_gives_the_first_answer_and_one_effect(fresh_database: Database) -> None:
    async def scene(store: PostgresStore, other: asyncpg.Connection) -> None:
        slow = AtTheWrite(pool=store.pool)

        async def the_same_request_elsewhere(_: PostgresTransaction) -> None:
            await shell_on(store).run([call("b", Put(number=3), key="k")])

        slow.act = the_same_request_elsewhere
        [outcome] = await shell_on(slow).run([call("a", Put(number=3), key="k")])
        assert isinstance(outcome, Done)
        assert outcome.repeated
        assert outcome.stream == "b"
        assert await held(store) == 3

    play(fresh_database, scene)


def test_with_rows_of_the_caller_beside_it_a_lost_race_is_raised(fresh_database: Database) -> None:
    async def scene(store: PostgresStore, other: asyncpg.Connection) -> None:
        slow = AtTheWrite(pool=store.pool)

        async def somebody_is_faster(_: PostgresTransaction) -> None:
            await shell_on(store).run([call("a", Put(number=5))])

        slow.act = somebody_is_faster
        with pytest.raises(Conflict):
            await shell_on(slow).run([call("a", Put(number=2))], beside=lambda outcomes, writes: None)
        assert await held(store) == 5

    play(fresh_database, scene)


def test_a_backend_killed_before_the_commit_leaves_nothing_and_the_retry_takes_effect_once(
    fresh_database: Database,
) -> None:
    async def scene(store: PostgresStore, other: asyncpg.Connection) -> None:
        fragile = AtTheWrite(pool=store.pool)

        async def kill(transaction: PostgresTransaction) -> None:
            await terminated(
                other, int(await transaction.connection.fetchval("select pg_backend_pid()") or 0)
            )

        fragile.act = kill
        mine = [call("a", Put(number=3), key="k")]
        with pytest.raises(Unavailable):
            await shell_on(fragile).run(mine)
        assert await held(store) == 0
        [first] = await shell_on(fragile).run(mine)
        [second] = await shell_on(fragile).run(mine)
        assert isinstance(first, Done)
        assert isinstance(second, Done)
        assert (first.repeated, second.repeated) == (False, True)
        assert await held(store) == 3

    play(fresh_database, scene)


def test_a_driver_that_loses_its_way_after_the_commit_never_says_that_nothing_was_changed(
    fresh_database: Database,
) -> None:
    """asyncpg calls a connection that ends between two messages an internal fault, no lost connection."""

    async def lose_the_way(point: str) -> None:
        if point == "store.committed":
            raise asyncpg.InternalClientError("got result for unknown protocol state")

    async def scene(store: PostgresStore, other: asyncpg.Connection) -> None:
        mine = [call("a", Put(number=3), key="k")]
        with hooked(lose_the_way), pytest.raises(Unavailable):
            await shell_on(store).run(mine)
        [again] = await shell_on(store).run(mine)
        assert isinstance(again, Done)
        assert again.repeated
        assert await held(store) == 3

    play(fresh_database, scene)


async def terminated(other: asyncpg.Connection, pid: int) -> None:
    """End a backend, and wait until it has gone."""
    await other.execute("select pg_terminate_backend($1, 5000)", pid)


SLOW_COMMIT = """
    create function wait_at_commit() returns trigger language plpgsql as $$
    begin perform pg_advisory_xact_lock(77); return null; end $$;
    create constraint trigger slow after insert on answer deferrable initially deferred
    for each row execute function wait_at_commit()"""
"""Makes every commit of an answer wait for the lock 77: as it would wait for a standby."""


async def waiting(other: asyncpg.Connection, running: "asyncio.Task[list[Outcome]]") -> int:
    """The backend in which the call waits for a lock; a call that ends without waiting fails the test."""
    while not running.done():
        pid = await other.fetchval(
            "select pid from pg_locks join pg_database on oid = database and datname = current_database()"
            " where not granted union all"
            " select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'"
        )
        if pid is not None:
            return int(pid)
    raise AssertionError(f"the call did not wait: {running}")


def test_a_backend_killed_inside_the_commit_is_an_unknown_outcome_that_the_key_resolves(
    fresh_database: Database,
) -> None:
    async def scene(store: PostgresStore, other: asyncpg.Connection) -> None:
        await other.execute(SLOW_COMMIT)
        await other.execute("select pg_advisory_lock(77)")
        mine = [call("a", Put(number=3), key="k")]
        running = asyncio.ensure_future(shell_on(store).run(mine))
        await terminated(other, await waiting(other, running))
        with pytest.raises(Unavailable):
            await running
        await other.execute("select pg_advisory_unlock(77)")
        [again] = await shell_on(store).run(mine)
        assert isinstance(again, Done)
        assert await held(store) == 3

    play(fresh_database, scene)


def test_a_caller_who_goes_away_during_the_commit_does_not_undo_it(fresh_database: Database) -> None:
    async def scene(store: PostgresStore, other: asyncpg.Connection) -> None:
        await other.execute(SLOW_COMMIT)
        await other.execute("select pg_advisory_lock(77)")
        mine = [call("a", Put(number=3), key="k")]
        running = asyncio.ensure_future(shell_on(store).run(mine))
        await waiting(other, running)
        running.cancel()
        running.cancel()
        await asyncio.sleep(0)
        assert not running.done(), "the commit is never abandoned"
        await other.execute("select pg_advisory_unlock(77)")
        with pytest.raises(asyncio.CancelledError):
            await running
        [again] = await shell_on(store).run(mine)
        assert isinstance(again, Done)
        assert again.repeated
        assert await held(store) == 3

    play(fresh_database, scene)


def test_a_caller_who_goes_away_before_the_write_leaves_nothing(fresh_database: Database) -> None:
    async def scene(store: PostgresStore, other: asyncpg.Connection) -> None:
        await shell_on(store).run([call("a", Put(number=1))])
        async with other.transaction():
            await other.execute("select 1 from stream for update")
            running = asyncio.ensure_future(shell_on(store).run([call("a", Put(number=3), key="k")]))
            await waiting(other, running)
            running.cancel()
            with pytest.raises(asyncio.CancelledError):
                await running
        [again] = await shell_on(store).run([call("a", Put(number=3), key="k")])
        assert isinstance(again, Done)
        assert not again.repeated
        assert await held(store) == 4

    play(fresh_database, scene)


def test_a_database_that_is_not_there_is_unavailable(fresh_database: Database) -> None:
    dsn = fresh_database(kernel=SQL)

    async def go() -> None:
        with pytest.raises(Unavailable, match="can't be reached"):
            await PostgresStore.create(dsn=dsn.replace("/test_", "/no_such_"))

    asyncio.run(go())


def codes(outcomes: list[Outcome]) -> list[str]:
    return [outcome.code if isinstance(outcome, Refusal) else "done" for outcome in outcomes]


def test_a_row_that_the_database_can_not_take_fails_its_own_call_only(fresh_database: Database) -> None:
    async def scene(store: PostgresStore, other: asyncpg.Connection) -> None:
        actor_with_nul = Call(
            stream=StreamKey(CITY, "b"), kind="jar", command=Put(number=1), actor="co\x00ok"
        )
        outcomes = await shell_on(store).run(
            [call("a", Put(number=1)), actor_with_nul, call("c", Put(number=1)), call("d", Label(text="证"))]
        )
        assert codes(outcomes) == ["done", "request.failed", "done", "done"]
        assert await held(store) == 2

    play(fresh_database, scene)


def test_a_call_that_contradicts_the_books_for_ever_does_not_hold_up_its_neighbours(
    fresh_database: Database,
) -> None:
    async def scene(store: PostgresStore, other: asyncpg.Connection) -> None:
        await shell_on(store).run([call("z", Share())])
        outcomes = await shell_on(store).run(
            [call("a", Put(number=1)), call("b", Share()), call("c", Put(number=1))]
        )
        assert codes(outcomes) == ["done", "request.busy", "done"]

    play(fresh_database, scene)


@pytest.mark.parametrize("kind", ["memory", "postgres"])
def test_a_name_may_change_hands_any_number_of_times_in_one_batch(
    kind: str, fresh_database: Database
) -> None:
    async def check(store: PostgresStore | MemoryStore) -> None:
        shell = shell_on(store)
        outcomes = await shell.run(
            [
                call("a", Name(name="plum")),
                call("a", Unname()),
                call("b", Name(name="plum")),
                call("b", Lend(to="c")),
                call("c", Name(name="fig")),
                call("a", Name(name="plum")),
                call("b", Name(name="fig")),
            ]
        )
        assert codes(outcomes) == ["done"] * 6 + ["jar.name_taken"]
        if isinstance(store, PostgresStore):
            rows = await store.fetch("select count(distinct written_by) from event")
            assert rows[0][0] == 1, "the batch was not halved: one transaction wrote it all"
        holders = await shell.store.holders(names=["jar:plum", "jar:fig"])
        assert {name: row.stream for name, row in holders.items()} == {"jar:plum": "a", "jar:fig": "c"}
        outcomes = await shell.run(
            [call("a", Lend(to="d")), call("d", Unname()), call("a", Name(name="plum"))]
        )
        assert codes(outcomes) == ["done"] * 3
        outcomes = await shell.run([call("a", Lend(to="e")), call("e", Lend(to="f"))])
        assert codes(outcomes) == ["done"] * 2
        assert (await shell.store.holders(names=["jar:plum"]))["jar:plum"].stream == "f"

    async def on_postgres(dsn: str) -> None:
        store = await PostgresStore.create(dsn=dsn, connections_max=1)
        try:
            await check(store)
        finally:
            await store.close()

    asyncio.run(check(MemoryStore()) if kind == "memory" else on_postgres(fresh_database(kernel=SQL)))


def test_what_follows_asks_for_claims_of_its_own(fresh_database: Database) -> None:
    async def scene(store: PostgresStore, other: asyncpg.Connection) -> None:
        shell = shell_on(store)
        await shell.run([call("a", Name(name="plum")), call("b", Name(name="fig"))])
        [taken] = await shell.run([call("a", Lend(to="b"))])
        assert codes([taken]) == ["done"], "b gives its own name back and takes the other"
        holders = await store.holders(names=["jar:plum", "jar:fig"])
        assert {name: row.stream for name, row in holders.items()} == {"jar:plum": "b"}

    play(fresh_database, scene)


def test_a_thousand_calls_that_each_need_another_stream_are_done_in_one_batch(
    fresh_database: Database,
) -> None:
    async def scene(store: PostgresStore, other: asyncpg.Connection) -> None:
        shell = shell_on(store)
        await shell.run([call("a", Put(number=2_000))])
        outcomes = await shell.run([call("a", Pour(number=1, into=f"j{n}")) for n in range(1_000)])
        assert set(codes(outcomes)) == {"done"}
        assert await held(store) == 2_000

    play(fresh_database, scene)
