"""Which rows a transaction wrote, read back from the tables, and the same rows written again by plain inserts.

Nothing here knows what the rows mean: PostgreSQL says which transaction wrote a row (`xmin`), which columns it fills
in itself, and which columns are unique.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import asyncpg

ROWS_MAX = 200_000
_NOT_OURS = ("pg_catalog", "information_schema")
_COLUMNS = """
    select n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod),
           exists (select from pg_index i where i.indrelid = c.oid and i.indisunique and a.attnum = any (i.indkey)),
           exists (select from pg_index i where i.indrelid = c.oid and i.indisprimary and a.attnum = any (i.indkey))
    from pg_class c
    join pg_namespace n on n.oid = c.relnamespace
    join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
    left join pg_attrdef d on d.adrelid = c.oid and d.adnum = a.attnum
    where c.relkind = 'r' and n.nspname <> all ($1::text[]) and c.relname <> 'schema_migration'
      and a.attidentity = '' and a.attgenerated = ''
      -- a default that is computed (the transaction's number) is computed again by whoever inserts
      and coalesce(pg_get_expr(d.adbin, d.adrelid), '') !~ '\\('
    order by n.nspname, c.relname, a.attnum"""


class Table(NamedTuple):
    """A table's columns that an insert has to give."""

    name: str
    columns: tuple[str, ...]
    types: tuple[str, ...]
    unique: tuple[bool, ...]
    """Which columns are part of a unique index."""
    primary: tuple[bool, ...]
    """Which columns are part of the primary key."""

    @property
    def listed(self) -> str:
        """The columns as SQL."""
        return ", ".join(f'"{column}"' for column in self.columns)

    @property
    def unnested(self) -> str:
        """The columns as arrays of parameters."""
        return ", ".join(f"${place}::{kind}[]" for place, kind in enumerate(self.types, start=1))


class Image(NamedTuple):
    """The rows that one transaction wrote to one table."""

    table: Table
    rows: list[tuple[Any, ...]]


async def tables_of(*, connection: asyncpg.Connection) -> list[Table]:
    """Every table of the database that is not PostgreSQL's own."""
    found: dict[str, list[tuple[str, str, bool, bool]]] = {}
    for schema, name, column, kind, unique, primary in await connection.fetch(_COLUMNS, _NOT_OURS):
        found.setdefault(f'"{schema}"."{name}"', []).append((column, kind, unique, primary))
    return [Table(name, *zip(*columns, strict=True)) for name, columns in found.items()]


async def next_transaction(*, connection: asyncpg.Connection) -> int:
    """A number of its own: every transaction that begins to write after this has a higher one.

    Asking for the oldest that is still open would not do: that one may be of another database of the server.
    """
    return int(str(await connection.fetchval("select pg_current_xact_id()::text")))


async def written_since(
    *, connection: asyncpg.Connection, tables: Sequence[Table], transaction: int
) -> dict[int, list[Image]]:
    """For each transaction from this number on: the rows that stand as it wrote them, inserted or updated.

    Rows which it deleted are not seen. Numbers wrap at 2^32, which a database made for the bench never reaches.
    """
    written: dict[int, list[Image]] = {}
    for table in tables:
        rows = await connection.fetch(
            f"select xmin::text::bigint, {table.listed} from {table.name}"
            f" where xmin::text::bigint >= $1 order by ctid limit {ROWS_MAX}",
            transaction,
        )
        by_writer: dict[int, list[tuple[Any, ...]]] = {}
        for row in rows:
            by_writer.setdefault(row[0], []).append(tuple(row)[1:])
        for writer, mine in by_writer.items():
            written.setdefault(writer, []).append(Image(table, mine))
    return written


def merged(written: Iterable[Sequence[Image]]) -> list[Image]:
    """The rows of several transactions as if one had written them; each row as it stood at the end."""
    by_table: dict[str, Image] = {}
    for images in written:
        for table, rows in images:
            by_table.setdefault(table.name, Image(table, [])).rows.extend(rows)
    return list(by_table.values())


def rows_in(images: Sequence[Image]) -> int:
    """How many rows all images hold together."""
    return sum(len(image.rows) for image in images)


async def make_room(*, connection: asyncpg.Connection, images: Sequence[Image]) -> None:
    """Take away what stands under the same keys (from an earlier batch that updated the same row). Not timed."""
    for table, rows in images:
        keys = [place for place, primary in enumerate(table.primary) if primary]
        if not keys:
            continue
        arrays = ", ".join(f"${n}::{table.types[place]}[]" for n, place in enumerate(keys, start=1))
        names = ", ".join(f"k{n}" for n in range(len(keys)))
        same = " and ".join(f't."{table.columns[place]}" = k.k{n}' for n, place in enumerate(keys))
        await connection.execute(
            f"delete from {table.name} t using unnest({arrays}) as k ({names}) where {same}",
            *([row[place] for row in rows] for place in keys),
        )


async def insert_all(*, connection: asyncpg.Connection, images: Sequence[Image]) -> None:
    """The same rows by one plain multi-row insert per table, in one transaction with one durable commit."""
    async with connection.transaction():
        for table, rows in images:
            await connection.execute(
                f"insert into {table.name} ({table.listed}) select * from unnest({table.unnested})",
                *map(list, zip(*rows, strict=True)),
            )


async def copy_all(*, connection: asyncpg.Connection, images: Sequence[Image]) -> None:
    """The same rows by one binary COPY per table, in one transaction with one durable commit."""
    async with connection.transaction():
        for table, rows in images:
            schema, _, name = table.name.replace('"', "").partition(".")
            await connection.copy_records_to_table(
                name, schema_name=schema, columns=table.columns, records=rows
            )


def counts_of(images: Sequence[Image]) -> Mapping[str, int]:
    """How many rows each table got, by name."""
    return {table.name.replace('"', "").removeprefix("public."): len(rows) for table, rows in images}
