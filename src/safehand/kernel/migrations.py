"""Brings a database to the newest shape: numbered SQL files, each applied once, in order, in a transaction of its own.

A file is called `NNNN_name.sql` (0001 first, no number left out). What was applied is kept with the file's SHA-256 in the
table `schema_migration` of the same database. Several processes may start at once: an advisory lock lets one work and
the others wait and then find nothing to do.

A file that cannot run inside a transaction (`create index concurrently`) says so in its first line:
`-- no transaction`; it must hold a single statement that may be run again after an interruption.

A database may take several series, each from a folder of its own and numbered on its own: first the kernel's, then
the house's.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import msgspec

FILE_SHAPE = re.compile(r"(?P<number>\d{4})_(?P<name>[a-z0-9_]{1,80})\.sql")
FILE_BYTES_MAX = 2_000_000
FILES_MAX = 2_000
LOCK_KEY = 7_233_428_946_017
"""Any number will do, as long as nothing else takes an advisory lock of that number in this database."""
NO_TRANSACTION = "-- no transaction"

LOCK_SECONDS_MAX = 300.0
"""How long to wait for another process that migrates the same database."""
TABLE_LOCK_SECONDS_MAX = 30
"""How long a migration may wait for a table that others use."""
SERIES_SHAPE = re.compile(r"[a-z][a-z0-9_]{0,39}")
OWN_TRANSACTION = re.compile(
    r"^\s*(begin|commit|rollback|start\s+transaction)(\s+(work|transaction))?\s*;",
    re.IGNORECASE | re.MULTILINE,
)
"""A line that would begin or end a transaction; the `begin` of a function's body has no semicolon."""

CREATE_TABLE = """
create table if not exists schema_migration (
    series text not null,
    number integer not null check (number > 0),
    name text not null,
    sha256 text not null check (length(sha256) = 64),
    applied_at timestamptz not null,
    primary key (series, number)
)
"""


class MigrationRefused(Exception):
    """The files and the database do not fit together; the text says which and what to do. Nothing was applied."""


class Migration(msgspec.Struct, frozen=True, kw_only=True):
    """One numbered file: its text and the fingerprint by which a later change of it is noticed."""

    number: int
    name: str
    text: str
    sha256: str

    @property
    def label(self) -> str:
        """The file's name without its ending."""
        return f"{self.number:04d}_{self.name}"


def read_migrations(*, folder: Path) -> list[Migration]:
    """The folder's migrations in order.

    Raises MigrationRefused for a name of another shape, a number that is missing or there twice, an empty or over-long
    file, or text that is not UTF-8.
    """
    if not folder.is_dir():
        raise MigrationRefused(f"There is no folder of migrations at {folder}. Check the path.")
    files = sorted(path for path in folder.iterdir() if path.suffix == ".sql")
    if len(files) > FILES_MAX:
        raise MigrationRefused(f"{folder} holds {len(files)} files; {FILES_MAX} are the most.")
    found = [_read_migration(path=path) for path in files]
    for expected, migration in enumerate(found, start=1):
        if migration.number == expected:
            continue
        if expected > 1 and migration.number == found[expected - 2].number:
            raise MigrationRefused(
                f"Number {migration.number:04d} is there twice: {found[expected - 2].label} and {migration.label}. "
                f"Give the younger one the next free number, {found[-1].number + 1:04d}."
            )
        raise MigrationRefused(
            f"Number {expected:04d} is missing in {folder} (next is {migration.label}). "
            "Restore that file from version control; numbers run on without a gap."
        )
    return found


def _read_migration(*, path: Path) -> Migration:
    shape = FILE_SHAPE.fullmatch(path.name)
    if shape is None:
        raise MigrationRefused(
            f"{path.name} is no name of a migration. Call it NNNN_name.sql: four digits, then small letters, digits, _."
        )
    raw = path.read_bytes()
    if not raw.strip() or len(raw) > FILE_BYTES_MAX:
        raise MigrationRefused(f"{path.name} has {len(raw)} bytes; a migration has 1 to {FILE_BYTES_MAX}.")
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        raise MigrationRefused(
            f"{path.name} is not UTF-8 at byte {error.start}. Save it as UTF-8."
        ) from error
    if (control := OWN_TRANSACTION.search(text)) is not None:
        line = text.count("\n", 0, control.end()) + 1
        raise MigrationRefused(
            f"{path.name} line {line} steers the transaction itself ({control.group().strip()}). Take that line out: "
            "the runner gives each file its own transaction."
        )
    return Migration(
        number=int(shape["number"]), name=shape["name"], text=text, sha256=hashlib.sha256(raw).hexdigest()
    )


async def migrate(
    *, connection: asyncpg.Connection, folder: Path, now: datetime, series: str = "main"
) -> list[str]:
    """Applies what is missing and returns the labels of what it applied (`0003_custody`), oldest first.

    `connection` must not be in a transaction; `now` (aware) is recorded as the time of application; `series` keeps the
    numbers of several folders apart in one database.

    Raises MigrationRefused, before anything is applied, when an applied file was changed or is gone or the numbering is
    wrong; and, naming the file, when a file's SQL fails: that file then has no effect, those before it stay applied.
    """
    if now.tzinfo is None:
        raise MigrationRefused("The time of application has no time zone. Pass an aware UTC time.")
    if connection.is_in_transaction():
        raise MigrationRefused(
            "The connection is in a transaction; each migration needs one of its own. End it."
        )
    if SERIES_SHAPE.fullmatch(series) is None:
        raise MigrationRefused(f"{series!r} is no series: small letters, digits and _, a letter first.")
    migrations = read_migrations(folder=folder)
    try:
        await connection.execute("select pg_advisory_lock($1)", LOCK_KEY, timeout=LOCK_SECONDS_MAX)
    except TimeoutError as error:
        raise MigrationRefused(
            f"Another process has been migrating this database for {LOCK_SECONDS_MAX:.0f} s. Wait for it, or end it."
        ) from error
    try:
        await connection.execute(CREATE_TABLE)
        applied = await connection.fetch(
            "select number, name, sha256 from schema_migration where series = $1 order by number", series
        )
        _check_applied(migrations=migrations, applied=applied)
        waiting = migrations[len(applied) :]
        for migration in waiting:
            await _apply(connection=connection, migration=migration, series=series, now=now)
    finally:
        if not connection.is_closed():
            await connection.execute("select pg_advisory_unlock($1)", LOCK_KEY)
    return [migration.label for migration in waiting]


def _check_applied(*, migrations: Sequence[Migration], applied: Sequence[asyncpg.Record]) -> None:
    if len(applied) > len(migrations):
        newest = applied[-1]
        raise MigrationRefused(
            f"The database is ahead: it has {newest['number']:04d}_{newest['name']}, the files end at "
            f"{len(migrations):04d}. Run the release that brought it, or restore the files."
        )
    for migration, row in zip(migrations, applied, strict=False):
        if row["number"] != migration.number:
            raise MigrationRefused(
                f"The database has no record of {migration.label} but of later ones. "
                "Its table schema_migration was edited by hand; restore the database."
            )
        if row["sha256"] != migration.sha256:
            raise MigrationRefused(
                f"{migration.label} was changed after it was applied (then {row['sha256'][:12]}…, now "
                f"{migration.sha256[:12]}…). Restore the file as it was and put the change into a new file, "
                f"{len(migrations) + 1:04d}_….sql. A database for trying out can be made anew: ./do db reset."
            )


async def _apply(*, connection: asyncpg.Connection, migration: Migration, series: str, now: datetime) -> None:
    record = (
        "insert into schema_migration (series, number, name, sha256, applied_at) values ($1, $2, $3, $4, $5)"
    )
    values = (series, migration.number, migration.name, migration.sha256, now.astimezone(UTC))
    try:
        if migration.text.startswith(NO_TRANSACTION):
            await connection.execute(migration.text)
            await connection.execute(record, *values)
            return
        async with connection.transaction():
            # A migration that waits for a lock makes everybody else wait behind it.
            await connection.execute(f"set local lock_timeout = '{TABLE_LOCK_SECONDS_MAX}s'")
            await connection.execute(migration.text)
            await connection.execute(record, *values)
    except asyncpg.PostgresError as error:
        where = _line_of(text=migration.text, position=getattr(error, "position", None))
        raise MigrationRefused(
            f"{migration.label} failed{where}: {error}. It has had no effect; mend the file and start again."
        ) from error


def _line_of(*, text: str, position: str | None) -> str:
    """Turns PostgreSQL's position, which counts characters from 1, into words."""
    if position is None or not position.isdigit():
        return ""
    return f" at line {text.count(chr(10), 0, int(position) - 1) + 1}"
