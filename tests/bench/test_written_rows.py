"""The rows that a transaction wrote are found, written again alike, and turned into a script for pgbench."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from bench.limit import LimitFailed, pgbench_tps, script_of
from bench.written_rows import (
    Image,
    copy_all,
    counts_of,
    insert_all,
    make_room,
    next_transaction,
    rows_in,
    tables_of,
    written_since,
)
from safehand.kernel.clock import SetClock
from safehand.kernel.ids import DerivedIds
from safehand.kernel.machine import StreamKey
from safehand.kernel.postgres_server import RunningServer
from safehand.kernel.shell import Call, Shell
from safehand.kernel.store_postgres import PostgresStore
from tests.kernel.counting_house import JAR, Name, Put

pytestmark = pytest.mark.slow  # databases and long sequences: left out of ./do fast

KERNEL_SQL = Path(__file__).parents[2] / "src" / "safehand" / "kernel" / "sql"
NOW = datetime(2024, 5, 6, 2, tzinfo=UTC)


async def _call(shell: Shell, calls: list[tuple[str, Any]]) -> None:
    """Put and name jars in one transaction."""
    await shell.run(
        [
            Call(
                stream=StreamKey(310000, jar),
                kind="jar",
                command=command,
                actor="cook",
                key=f"{jar}:{command!r}",
            )
            for jar, command in calls
        ]
    )


async def _written_by(dsn: str, *batches: list[tuple[str, Any]]) -> list[list[Image]]:
    """The rows of each batch, each one transaction."""
    store = await PostgresStore.create(dsn=dsn)
    eye = await asyncpg.connect(dsn)
    found: list[list[Image]] = []
    try:
        shell = Shell(
            machines={"jar": JAR}, store=store, clock=SetClock(start=NOW), ids=DerivedIds(seed="bench")
        )
        tables = await tables_of(connection=eye)
        for calls in batches:
            before = await next_transaction(connection=eye)
            await _call(shell, calls)
            written = await written_since(connection=eye, tables=tables, transaction=before)
            assert len(written) == 1
            found += written.values()
    finally:
        await eye.close()
        await store.close()
    return found


async def _contents(dsn: str) -> dict[str, list[Any]]:
    connection = await asyncpg.connect(dsn)
    try:
        return {
            table.name: sorted(
                map(tuple, await connection.fetch(f"select {table.listed} from {table.name}")), key=repr
            )
            for table in await tables_of(connection=connection)
        }
    finally:
        await connection.close()


def test_every_row_of_every_table_that_a_transaction_wrote_is_found(fresh_database, run: Callable[..., Any]):
    (images,) = run(
        _written_by(fresh_database(kernel=KERNEL_SQL), [("ja_a", Put(number=9)), ("ja_b", Put(number=1))])
    )
    counts = counts_of(images)
    # Two jars: an event, a state, a line of work, a unit, its move and an answer each; one count for both.
    assert counts == {
        "answer": 2,
        "event": 2,
        "move": 2,
        "stream": 2,
        "tally_change": 1,
        "unit": 2,
        "work": 2,
    }
    assert rows_in(images) == sum(counts.values())


@pytest.mark.parametrize("write", [insert_all, copy_all])
def test_the_rows_written_plainly_are_the_rows_that_the_house_wrote(
    fresh_database, run: Callable[..., Any], write: Any
):
    house, twin = fresh_database(kernel=KERNEL_SQL), fresh_database(kernel=KERNEL_SQL)
    batches = run(
        _written_by(
            house,
            [("ja_a", Put(number=9)), ("ja_b", Put(number=1))],
            [("ja_a", Put(number=2)), ("ja_a", Name(name="plum"))],
        )
    )

    async def replay() -> None:
        connection = await asyncpg.connect(twin)
        try:
            for images in batches:
                await make_room(connection=connection, images=images)
                await write(connection=connection, images=images)
        finally:
            await connection.close()

    run(replay())
    assert run(_contents(twin)) == run(_contents(house))


def test_pgbench_writes_as_many_rows_as_the_house_and_none_twice(
    fresh_database, postgres: RunningServer, run: Callable[..., Any], tmp_path: Path
):
    house, twin = fresh_database(kernel=KERNEL_SQL), fresh_database(kernel=KERNEL_SQL)
    first, second = run(
        _written_by(house, [("ja_aaaaaaaaaaaaa", Put(number=9))], [("ja_bbbbbbbbbbbbb", Put(number=9))])
    )
    script = tmp_path / "rows.pgbench"
    script.write_text(script_of(first=first, second=second))
    database = twin.partition("@/")[2].partition("?")[0]
    for number in range(2):
        assert pgbench_tps(
            server=postgres, database=database, script=script, clients=2, seconds=1, run=number
        )
    written = {name: len(rows) for name, rows in run(_contents(twin)).items() if rows}
    once = {image.table.name: len(image.rows) for image in first}
    transactions = written['"public"."event"'] // once['"public"."event"']
    assert transactions > 10
    assert written == {name: count * transactions for name, count in once.items()}


def test_two_applications_of_different_shape_make_no_script(fresh_database, run: Callable[..., Any]):
    first, second = run(
        _written_by(
            fresh_database(kernel=KERNEL_SQL),
            [("ja_aaaaaaaaaaaaa", Put(number=9))],
            [("ja_bbbbbbbbbbbbb", Put(number=9)), ("ja_bbbbbbbbbbbbb", Put(number=1))],
        )
    )
    with pytest.raises(LimitFailed, match="different numbers of rows"):
        script_of(first=first, second=second)
