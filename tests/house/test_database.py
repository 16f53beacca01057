"""The owner of a house's database changes its tables; who serves requests can't rewrite what happened."""

from __future__ import annotations

import asyncio
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import asyncpg
import pytest

from safehand.house.database import DatabaseRefused, migrate_database, prepare_database
from safehand.house.settings import Keys, Settings
from safehand.kernel.grants import APPEND_ONLY
from safehand.kernel.postgres_server import RunningServer
from safehand.kernel.store import Unavailable

OWNER, APPLICATION = "a_house", "a_house_app"
_numbers = itertools.count(1)


class Dsns(NamedTuple):
    """The same database as its owner, its application and a superuser see it."""

    owner: str
    application: str
    superuser: str


@pytest.fixture
def dsns(postgres: RunningServer) -> Iterator[Dsns]:
    """A database of its own without any table."""
    name = f"roles_{os.getpid()}_{next(_numbers)}"
    postgres.create_role(name=APPLICATION)
    postgres.create_database(name=name, owner=OWNER)
    yield Dsns(*(postgres.dsn(database=name, role=role) for role in (OWNER, APPLICATION, "postgres")))
    postgres.drop_database(name=name)


def settings(
    *, database: str, owner: str = "", mode: Literal["development", "rehearsal", "live"] = "live"
) -> Settings:
    nowhere = Path("/nowhere")
    keys = Keys(
        key_id="a-1", signing=nowhere, sealing=nowhere, vault_wrapping=nowhere, vault_blinding=nowhere
    )
    return Settings(name="authority", mode=mode, database=database, database_owner=owner, keys=keys)


def prepare(**given: str) -> None:
    asyncio.run(prepare_database(settings=settings(**given)))  # type: ignore[arg-type]


def refusal(**given: str) -> str:
    with pytest.raises(DatabaseRefused) as refused:
        prepare(**given)
    return str(refused.value)


async def _said(dsn: str, *statements: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


def say(dsn: str, *statements: str) -> None:
    asyncio.run(_said(dsn, *statements))


@pytest.mark.parametrize("mode", ["development", "rehearsal", "live"])
def test_with_two_dsns_the_owner_makes_the_tables_and_the_application_can_not_rewrite(mode: str, dsns: Dsns):
    for _ in range(2):
        prepare(database=dsns.application, owner=dsns.owner, mode=mode)
    say(dsns.application, "select * from event", "delete from session")
    for table in APPEND_ONLY:
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            say(dsns.application, f"delete from {table}")


def test_two_processes_may_prepare_the_same_database_at_once(dsns: Dsns):
    async def both() -> None:
        wanted = settings(database=dsns.application, owner=dsns.owner)
        await asyncio.gather(*(prepare_database(settings=wanted) for _ in range(4)))

    asyncio.run(both())


def test_one_role_does_all_in_development_as_long_as_no_owner_is_named(dsns: Dsns):
    prepare(database=dsns.owner, mode="development")
    say(dsns.owner, "delete from event")


def test_live_mode_refuses_the_owners_role_and_says_which_setting_and_how_to_mend_it(dsns: Dsns):
    prepare(database=dsns.application, owner=dsns.owner)
    said = refusal(database=dsns.owner)
    assert said.startswith(f"database: its role '{OWNER}' could change or delete rows of event")
    for word in ("create role", "database_owner", "--migrate"):
        assert word in said


@pytest.mark.parametrize(
    ("way", "undone"),
    [
        ("grant update on event to {role}", "revoke update on event from {role}"),
        ("grant delete on event to {role}", "revoke delete on event from {role}"),
        ("grant update (body) on event to {role}", "revoke update (body) on event from {role}"),
        ("grant delete on event to public", "revoke delete on event from public"),
        ("grant {owner} to {role}", "revoke {owner} from {role}"),
    ],
)
def test_live_mode_finds_every_way_by_which_the_application_could_rewrite(way: str, undone: str, dsns: Dsns):
    asyncio.run(migrate_database(settings=settings(database=dsns.application, owner=dsns.owner)))
    prepare(database=dsns.application)
    say(dsns.superuser, way.format(role=APPLICATION, owner=OWNER))
    try:
        assert "could change or delete rows of event" in refusal(database=dsns.application)
    finally:
        # Membership in a role outlives the database of this test.
        say(dsns.superuser, undone.format(role=APPLICATION, owner=OWNER))
    prepare(database=dsns.application)


def test_live_mode_refuses_a_superuser(dsns: Dsns):
    prepare(database=dsns.application, owner=dsns.owner)
    assert "its role 'postgres' could change or delete" in refusal(database=dsns.superuser)


def test_live_mode_refuses_an_owner_that_is_the_application_itself(dsns: Dsns):
    other = dsns.application + "&application_name=owner"
    assert "database_owner: is the application's own role" in refusal(database=dsns.application, owner=other)


def test_live_mode_without_an_owner_wants_a_database_that_was_prepared(dsns: Dsns):
    said = refusal(database=dsns.application)
    assert said.startswith("database: its tables are at nothing")
    assert "--migrate" in said
    new = asyncio.run(migrate_database(settings=settings(database=dsns.application, owner=dsns.owner)))
    assert new[0] == "0001_journal"
    prepare(database=dsns.application)
    say(
        dsns.superuser,
        "delete from schema_migration where number = (select max(number) from schema_migration)",
    )
    assert "this release needs" in refusal(database=dsns.application)


def test_an_owner_that_does_not_own_the_tables_is_named(dsns: Dsns):
    prepare(database=dsns.application, owner=dsns.superuser)
    say(dsns.superuser, f"grant all on all tables in schema public, keys to {OWNER}")
    said = refusal(database=dsns.application, owner=dsns.owner)
    assert "name the role that owns the tables" in said


def test_the_tables_are_not_migrated_without_an_owner(dsns: Dsns):
    with pytest.raises(DatabaseRefused, match="database_owner: is missing"):
        asyncio.run(migrate_database(settings=settings(database=dsns.application)))


def test_an_owner_who_can_not_come_in_is_named_by_its_setting(dsns: Dsns):
    with pytest.raises(Unavailable, match="database_owner: "):
        prepare(database=dsns.application, owner=dsns.owner.replace("/roles_", "/no_roles_"))
