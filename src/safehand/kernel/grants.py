"""What the application role may do: everything that a house needs, and never to change or delete what happened.

The role that migrates owns the tables; the role that serves requests gets the grants below. So not even a program
error, or somebody who has the application's password, can rewrite the journal.
"""

import re

from safehand.kernel.store_postgres import Connection

APPEND_ONLY = (
    "event",
    "move",
    "link_sent",
    "link_received",
    "link_run_received",
    "checkpoint",
    "checkpoint_countersigned",
    "read_log",
    "schema_migration",
)
"""Rows are added and read; none of them is ever changed or deleted by the application."""
_ROLE = re.compile(r"[a-z][a-z0-9_]{0,62}")


async def grant_application_role(*, connection: Connection, role: str) -> None:
    """Grant `role` what a house needs on all tables of this database, and take back everything else.

    Run it as the owner of the tables, after every migration (new tables are not granted by themselves). The role
    must exist. Tables of APPEND_ONLY get insert and select (`schema_migration` select only: it is the migrator's);
    all others select, insert, update and delete. Nobody gets truncate, references or triggers. Raises `ValueError`
    for a name that is no role's.
    """
    if not _ROLE.fullmatch(role):
        raise ValueError(f"{role!r} is no name of a role: lower-case letters, digits and _, 63 at most")
    tables = await connection.fetch(
        "select schemaname, tablename, format('%I.%I', schemaname, tablename) as name from pg_tables"
        " where schemaname in ('public', 'keys') order by 1, 2"
    )
    async with connection.transaction():
        await connection.execute(f'grant usage on schema public, keys to "{role}"')
        for table in tables:
            rights = "select, insert, update, delete"
            if table["schemaname"] == "public" and table["tablename"] in APPEND_ONLY:
                rights = "select" if table["tablename"] == "schema_migration" else "select, insert"
            await connection.execute(f'revoke all on {table["name"]} from "{role}"')
            await connection.execute(f'grant {rights} on {table["name"]} to "{role}"')
        await connection.execute(f'grant usage on all sequences in schema public, keys to "{role}"')


async def rewritable_tables(*, connection: Connection) -> list[str]:
    """The tables of APPEND_ONLY in which this connection's role could change or delete rows; empty: it is as it should be.

    Rights that come through another role count, and so do those that an owner or a superuser can give itself.
    """
    rows = await connection.fetch(
        "select tablename from pg_tables where schemaname = 'public' and tablename = any($1) and ("
        " has_table_privilege(format('public.%I', tablename), 'update, delete, truncate')"
        " or has_any_column_privilege(format('public.%I', tablename), 'update')"
        " or pg_has_role(tableowner, 'member')) order by 1",
        list(APPEND_ONLY),
    )
    return [row["tablename"] for row in rows]
