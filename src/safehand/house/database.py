"""A house's database at start: its owner brings the tables up to date, its application's role does everything else.

The role that serves requests can't change or delete what happened (`kernel/grants.py`). In live mode a house whose role
could does not start: an error of the program, or a stolen password, would be enough to rewrite the journal.
"""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import asyncpg

from safehand.house.settings import Settings
from safehand.kernel.clock import SystemClock
from safehand.kernel.grants import APPEND_ONLY, grant_application_role, rewritable_tables
from safehand.kernel.migrations import migrate, read_migrations
from safehand.kernel.store import Unavailable

CONNECT_SECONDS_MAX = 10
KERNEL_SQL = Path(__file__).parents[1] / "kernel" / "sql"
GRANTING_LOCK = 0x5AFE_0002
"""Two processes that start at once must not write the same rights at the same time."""


class DatabaseRefused(Exception):
    """The database is there, but must not be used as the settings say; the text names the setting and the way out."""


async def prepare_database(*, settings: Settings, own: Path | None = None) -> None:
    """Make the database ready to be run on, or say why it can't be; `own` holds the house's own migrations.

    With `database_owner` its owner migrates and grants. Without it, in development and rehearsal, the one role does
    all; in live mode the database must have been prepared before. Raises `Unavailable`, `DatabaseRefused`,
    `MigrationRefused`.
    """
    async with _connected(settings.database) as application:
        role = await _role_of(application)
        if settings.database_owner:
            await migrate_database(settings=settings, role=role, own=own)
        elif settings.mode == "live":
            await _check_is_up_to_date(application, own)
        else:
            await _migrate(application, own)
        if settings.mode == "live":
            await _check_role(application, role)


async def migrate_database(*, settings: Settings, role: str = "", own: Path | None = None) -> list[str]:
    """As the owner: bring the tables up to date and give the application's role its rights; returns what was new.

    Raises `Unavailable`, `DatabaseRefused`, `MigrationRefused`.
    """
    if not settings.database_owner:
        raise DatabaseRefused(
            "database_owner: is missing; the tables are changed by their owner. Add the owner's DSN to the settings "
            "file with which you say --migrate"
        )
    if not role:
        async with _connected(settings.database) as application:
            role = await _role_of(application)
    async with _connected(settings.database_owner, setting="database_owner") as owner:
        if await _role_of(owner) == role and settings.mode == "live":
            raise DatabaseRefused(_way_out("database_owner: is the application's own role", role))
        await owner.execute("select pg_advisory_lock($1)", GRANTING_LOCK)
        new = await _migrate(owner, own)
        try:
            await grant_application_role(connection=owner, role=role)
        except (asyncpg.InsufficientPrivilegeError, ValueError) as refused:
            raise DatabaseRefused(
                f"database_owner: can't give the role {role!r} of `database` its rights ({refused}); name the role "
                "that owns the tables"
            ) from None
    return new


async def _role_of(connection: asyncpg.Connection) -> str:
    return str(await connection.fetchval("select current_user"))


def _series(own: Path | None) -> list[tuple[str, Path]]:
    """The kernel's migrations, then those of the house, whose series is called after the house's package."""
    return [("kernel", KERNEL_SQL), *([(own.parent.name, own)] if own is not None else [])]


async def _migrate(connection: asyncpg.Connection, own: Path | None) -> list[str]:
    now, new = SystemClock().now(), list[str]()
    for series, folder in _series(own):
        new += await migrate(connection=connection, folder=folder, now=now, series=series)
    return new


async def _check_is_up_to_date(application: asyncpg.Connection, own: Path | None) -> None:
    for series, folder in _series(own):
        last = read_migrations(folder=folder)[-1]
        try:
            applied = await application.fetchval(
                "select max(number) from schema_migration where series = $1",
                series,
                timeout=CONNECT_SECONDS_MAX,
            )
        except (asyncpg.UndefinedTableError, asyncpg.InsufficientPrivilegeError):
            applied = None
        if applied != last.number:
            raise DatabaseRefused(
                f"database: its tables are at {applied or 'nothing'}, this release needs {last.label}; run this "
                "program once with --migrate and a settings file that has database_owner"
            )


async def _check_role(application: asyncpg.Connection, role: str) -> None:
    if tables := await rewritable_tables(connection=application):
        shown = "event" if "event" in tables else tables[0]
        others = f" and {len(tables) - 1} more of {len(APPEND_ONLY)}" if len(tables) > 1 else ""
        raise DatabaseRefused(
            _way_out(f"database: its role {role!r} could change or delete rows of {shown}{others}", role)
        )


def _way_out(defect: str, role: str) -> str:
    return (
        f"{defect}; what happened must not be rewritten by who serves requests. Make a role of its own (create role "
        f"{'house_app' if role != 'house_app' else 'house_run'} login password '…'), put its DSN into database and the "
        "owner's into database_owner, and run this program once with --migrate"
    )


@contextlib.asynccontextmanager
async def _connected(dsn: str, *, setting: str = "database") -> AsyncIterator[asyncpg.Connection]:
    try:
        connection = await asyncpg.connect(dsn, timeout=CONNECT_SECONDS_MAX)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as away:
        # The text of the database's own error names role, database and host, never the password.
        raise Unavailable(
            f"{setting}: {away}" if str(away) else f"{setting}: {type(away).__name__}"
        ) from away
    try:
        yield connection
    finally:
        await connection.close()
