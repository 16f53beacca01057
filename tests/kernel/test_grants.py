"""The application's role can do everything that a house does, and can't rewrite what happened."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from safehand.kernel.checkpoints import take_checkpoints, verify_city
from safehand.kernel.clock import SetClock
from safehand.kernel.grants import APPEND_ONLY, grant_application_role
from safehand.kernel.ids import DerivedIds
from safehand.kernel.machine import StreamKey
from safehand.kernel.shell import Call, Done, Shell
from safehand.kernel.store import BlindRow, VaultKeyRow, VaultRow
from safehand.kernel.store_postgres import PostgresStore
from tests.kernel.counting_house import JAR, Answer, Eat, Lend, Name, Offer, Pour, Put, Unname
from tests.link.two_houses import AUTHORITY, CITY, POST, two_houses

SQL = Path("src/safehand/kernel/sql").resolve()
START = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
ROLE = "safehand_application"
Database = Callable[..., str]


async def granted(owner: str) -> None:
    connection = await asyncpg.connect(owner)
    try:
        await grant_application_role(connection=connection, role=ROLE)
    finally:
        await connection.close()


def as_role(fresh_database: Database) -> tuple[str, str]:
    """DSNs of one database: for its owner, and for the application."""
    application = fresh_database(kernel=SQL, role=ROLE)
    owner = application.replace(f"{ROLE}@", "postgres@").replace(f"user={ROLE}", "user=postgres")
    assert owner != application
    return owner, application


def call(jar: str, command: object, *, key: str | None = None) -> Call:
    return Call(
        stream=StreamKey(CITY, jar),
        kind="jar",
        command=command,  # pyright: ignore[reportArgumentType]
        actor="cook",
        key=key,
        vault=(VaultRow(CITY, jar, "person", b"sealed"),),
        blind=(BlindRow("id", b"digest", CITY, jar),),
        vault_keys=(VaultKeyRow(CITY, jar, b"wrapped"),) if isinstance(command, Put) else (),
    )


def test_the_application_role_runs_everything_that_a_house_does(fresh_database: Database) -> None:
    owner, application = as_role(fresh_database)

    async def go() -> None:
        await granted(owner)
        store = await PostgresStore.create(dsn=application, connections_max=2)
        try:
            shell = Shell(
                machines={"jar": JAR}, store=store, clock=SetClock(start=START), ids=DerivedIds(seed="t")
            )
            for commands in (
                [Put(number=9), Name(name="plum"), Offer(to="cook")],
                [Answer(accepted=True), Pour(number=2, into="b"), Lend(to="b")],
                [Eat(), Offer(to="guest"), Answer(accepted=False)],
            ):
                outcomes = await shell.run([call("a", command, key=str(command)) for command in commands[:1]])
                outcomes += await shell.run([call("a", command) for command in commands[1:]])
                assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
            assert isinstance((await shell.run([call("b", Unname())]))[0], Done)
            await store.roll_up()
            await store.tallies()
            await take_checkpoints(store=store, now=START)
            assert await verify_city(store=store, city=CITY) == []
        finally:
            await store.close()

    asyncio.run(go())


def test_the_application_role_runs_the_link_both_ways(fresh_database: Database) -> None:
    dsns = [as_role(fresh_database) for _ in range(2)]

    async def go() -> None:
        for owner, _ in dsns:
            await granted(owner)
        async with two_houses([application for _, application in dsns]) as (authority, post, client):
            await authority.tell([1, 2, 1013], to=POST, person=True)
            await post.tell([3], to=AUTHORITY)
            await authority.pump(client).until_quiet()
            await post.pump(client).until_quiet()
            assert await post.heard() == (1, 2)
            assert await authority.heard() == (3,)
            assert len(await post.parked()) == 1

    asyncio.run(go())


@pytest.mark.parametrize("table", [table for table in APPEND_ONLY if table != "schema_migration"])
def test_what_happened_can_not_be_rewritten_by_the_application(table: str, fresh_database: Database) -> None:
    owner, application = as_role(fresh_database)

    async def go() -> None:
        await granted(owner)
        connection = await asyncpg.connect(application)
        try:
            for statement in (
                f"update {table} set city = 1",
                f"update {table} set at = now()",
                f"delete from {table}",
                f"truncate {table}",
                f"drop table {table}",
                f"alter table {table} add column x int",
                f"create trigger t before insert on {table} for each row execute function now()",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
            assert await connection.fetch(f"select * from {table}") == []
        finally:
            await connection.close()

    asyncio.run(go())


def test_the_application_can_not_say_that_a_migration_was_applied(fresh_database: Database) -> None:
    owner, application = as_role(fresh_database)

    async def go() -> None:
        await granted(owner)
        connection = await asyncpg.connect(application)
        try:
            assert await connection.fetchval("select count(*) from schema_migration") > 0
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute("delete from schema_migration")
        finally:
            await connection.close()

    asyncio.run(go())


def test_a_name_that_is_no_roles_is_refused(fresh_database: Database) -> None:
    dsn = fresh_database(kernel=SQL)

    async def go() -> None:
        connection = await asyncpg.connect(dsn)
        try:
            with pytest.raises(ValueError, match="no name of a role"):
                await grant_application_role(connection=connection, role='x"; drop table event; --')
        finally:
            await connection.close()

    asyncio.run(go())
