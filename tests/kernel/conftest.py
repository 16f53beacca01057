"""Databases that a module keeps and empties between its tests: making one anew takes most of a short test's time."""

import asyncio
import itertools
import os
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from safehand.kernel.migrations import migrate
from safehand.kernel.postgres_server import RunningServer

SQL = Path("src/safehand/kernel/sql").resolve()
MIGRATED_AT = datetime(2024, 5, 6, tzinfo=UTC)
EMPTY = """
    do $$ declare named text; begin
        for named in select format('%I.%I', schemaname, tablename) from pg_tables
            where schemaname in ('public', 'keys') and tablename <> 'schema_migration'
        loop execute 'delete from ' || named; end loop;
    end $$"""

_numbers = itertools.count(1)


async def _with(dsn: str, *, first: bool) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        if first:
            await migrate(connection=connection, folder=SQL, now=MIGRATED_AT, series="kernel")
        await connection.execute(EMPTY)
    finally:
        await connection.close()


@pytest.fixture(scope="module")
def kept_databases(postgres: RunningServer) -> Iterator[list[str]]:
    """The names of this module's databases; they are dropped after it."""
    names: list[str] = []
    yield names
    for name in names:
        postgres.drop_database(name=name)


@pytest.fixture
def emptied_database(postgres: RunningServer, kept_databases: list[str]) -> Callable[[], str]:
    """Factory of DSNs of databases with the kernel's tables, all empty, and with nothing else changed.

    For tests that only write rows; a test that alters tables or needs a role takes `fresh_database`.
    """
    handed = itertools.count()

    def make() -> str:
        place = next(handed)
        first = place == len(kept_databases)
        if first:
            worker = os.environ.get("PYTEST_XDIST_WORKER", "gw")
            kept_databases.append(f"kept_{worker}_{os.getpid()}_{next(_numbers)}")
            postgres.create_database(name=kept_databases[place])
        dsn = postgres.dsn(database=kept_databases[place])
        asyncio.run(_with(dsn, first=first))
        return dsn

    return make
