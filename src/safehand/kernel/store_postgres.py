"""The store on PostgreSQL: batches as arrays, one statement to write, guards counted, commits never cancelled."""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, NamedTuple

import asyncpg

from safehand.kernel.machine import StreamKey
from safehand.kernel.points import passed
from safehand.kernel.store import (
    AnswerRow,
    ClaimRow,
    Conflict,
    EventRow,
    Known,
    StreamRow,
    Unavailable,
    WorkRow,
    Writes,
)

STATEMENT_SECONDS_MAX = 30.0
COMMIT_SECONDS_MAX = 60.0
POOL_CONNECTIONS_MAX = 6
STATEMENTS_CACHED_MAX = 1_000

Connection = asyncpg.pool.PoolConnectionProxy | asyncpg.Connection

_LOST = (
    OSError,
    asyncpg.InterfaceError,
    # A connection that ended between two messages: asyncpg calls it a fault of its own, and the outcome is unknown.
    asyncpg.InternalClientError,
    asyncpg.PostgresConnectionError,
    # Stopping, starting, failing over, cancelled by its operator, or out of connections, memory or disk.
    asyncpg.exceptions.OperatorInterventionError,
    asyncpg.exceptions.InsufficientResourcesError,
    asyncpg.exceptions.ReadOnlySQLTransactionError,
)
_RACES = (
    asyncpg.UniqueViolationError,
    asyncpg.SerializationError,
    asyncpg.DeadlockDetectedError,
    asyncpg.exceptions.LockNotAvailableError,
)


@dataclass(frozen=True, slots=True)
class _Part:
    """One table's share of the writing statement: `sql` with one `{u}` for its unnested arrays."""

    name: str
    types: tuple[str, ...]
    sql: str
    text: frozenset[int] = frozenset()
    unique: int = 0
    """So many first columns name the row: of two rows in one batch the later one counts. 0: every row counts."""
    moment: tuple[int, ...] = ()
    """Columns that are the batch's own `now` in all rows (rows of other moments may still be mixed)."""


class _Shape(NamedTuple):
    """A part as one batch needs it: with new rows, with known rows; columns of one value, and joined columns."""

    part: _Part
    new: bool
    known: bool
    alike: frozenset[int]
    joined: frozenset[int]


def _insert(
    name: str,
    table: str,
    columns: str,
    types: str,
    *,
    text: Iterable[int] = (),
    tail: str = "",
    unique: int = 0,
    moment: tuple[int, ...] = (),
) -> _Part:
    """An insert of all the columns, in the row's order; columns in `text` are JSON bytes kept as text."""
    kinds = tuple(types.split())
    sql = f"insert into {table} ({columns}) select * from {{u}} as n {tail} returning 1"  # noqa: S608 - our own names
    return _Part(name, kinds, sql, frozenset(text), unique, moment)


# New streams are inserted (a duplicate is a lost race) and known ones updated under their version.
_STREAM_INSERT = """
    insert into stream (city, stream, kind, version, head, state, units)
    select city, stream, kind, version, head, state, units
    from {u} as n (city, stream, kind, expected, version, head, state, units) where expected = 0
    on conflict do nothing returning 1"""
_STREAM_UPDATE = """
    update stream set version = n.version, head = n.head, state = n.state, units = n.units
    from {u} as n (city, stream, kind, expected, version, head, state, units)
    where stream.city = n.city and stream.stream = n.stream and stream.version = n.expected returning 1"""
_UNIT_INSERT = """
    insert into unit (city, unit, stream, account, pending, since)
    select city, unit, stream, account, pending, since
    from {u} as n (city, unit, stream, account, pending, since, was_account, was_pending)
    where was_account is null
    on conflict do nothing returning 1"""
_UNIT_UPDATE = """
    update unit set account = n.account, pending = n.pending, since = n.since
    from {u} as n (city, unit, stream, account, pending, since, was_account, was_pending)
    where unit.city = n.city and unit.unit = n.unit and unit.account = n.was_account
      and unit.pending is not distinct from n.was_pending returning 1"""
_WORK_UPSERT = """
    insert into work (city, stream, queue, narrowed, since, due_at, owner) select * from {u} as n
    on conflict (city, stream, queue) do update
    set narrowed = excluded.narrowed, since = excluded.since, due_at = excluded.due_at, owner = excluded.owner
    returning 1"""
_WORK_DONE = """
    delete from work using {u} as n (city, stream, queue)
    where work.city = n.city and work.stream = n.stream and work.queue = n.queue returning 1"""
_POSITION = """
    insert into link_position (peer, city, position, head)
    select peer, city, position, head from {u} as n (peer, city, expected, position, head)
    where expected = 0 or exists (
        select from link_position p where p.peer = n.peer and p.city = n.city and p.position = n.expected)
    on conflict (peer, city) do update set position = excluded.position, head = excluded.head
    where link_position.position = (
        select n.expected from {u} as n (peer, city, expected, position, head)
        where n.peer = excluded.peer and n.city = excluded.city)
    returning 1"""

_S8 = "int text text int int bytea text text"
_U8 = "int text text text text timestamptz text text"
_PARTS: tuple[_Part, ...] = (
    _insert(
        "events",
        "event",
        "city, stream, version, kind, at, actor, body, hash",
        "int text int text timestamptz text text bytea",
        text=(6,),
        moment=(4,),
    ),
    _Part("streams", tuple(_S8.split()), "", frozenset((6, 7))),
    _Part("units", tuple(_U8.split()), "", moment=(5,)),
    _Part(
        "work",
        ("int", "text", "text", "text", "timestamptz", "timestamptz", "text"),
        _WORK_UPSERT,
    ),
    _Part("work_done", ("int", "text", "text"), _WORK_DONE),
    _insert("claims", "claim", "name, city, stream", "text int text", tail="on conflict do nothing"),
    _Part(
        "claims_released",
        ("text", "int", "text"),
        "delete from claim using {u} as n (name, city, stream) where claim.name = n.name "
        "and claim.city = n.city and claim.stream = n.stream returning 1",
    ),
    _insert(
        "moves",
        "move",
        "city, unit, giver, taker, phase, at, stream, version",
        "int text text text text timestamptz text int",
        moment=(5,),
    ),
    _insert(
        "messages",
        "link_outbox",
        "peer, city, kind, subject, body, personal, at",
        "text int int text text text timestamptz",
        text=(4,),
        moment=(6,),
    ),
    _insert(
        "notices",
        "notice",
        "city, subject, template, facts, at",
        "int text text text timestamptz",
        text=(3,),
        moment=(4,),
    ),
    _insert(
        "answers",
        "answer",
        "key, request_hash, city, stream, answer, at",
        "text bytea int text text timestamptz",
        text=(4,),
        tail="on conflict do nothing",
        moment=(5,),
    ),
    _insert(
        "vault",
        "vault_record",
        "city, subject, name, sealed",
        "int text text bytea",
        # What a person corrects replaces what was kept; the event that it belongs to says that it changed.
        tail="on conflict (city, subject, name) do update set sealed = excluded.sealed",
        unique=3,
    ),
    # Never replaced: the records that were sealed under the first key would be lost.
    _insert(
        "vault_keys",
        "keys.case_key",
        "city, subject, wrapped",
        "int text bytea",
        tail="on conflict do nothing",
    ),
    _insert(
        "blind",
        "blind_index",
        "purpose, digest, city, subject",
        "text bytea int text",
        # The update changes nothing; it counts an entry that is there already as written.
        tail="on conflict (purpose, digest, city, subject) do update set subject = excluded.subject",
        unique=4,
    ),
    _insert("tallies", "tally_change", "city, name, delta", "int text int"),
    _Part("positions", ("text", "int", "bigint", "bigint", "bytea"), _POSITION),
    _insert(
        "received",
        "link_received",
        "peer, city, number, kind, subject, body, part_digest, hash, at",
        "text int bigint int text text bytea bytea timestamptz",
        text=(5,),
    ),
    _insert(
        "runs",
        "link_run_received",
        "peer, city, first, last, previous, head, key_id, signature, at",
        "text int bigint bigint bytea bytea text bytea timestamptz",
    ),
    _insert(
        "parked",
        "link_parked",
        "peer, city, number, kind, subject, reason, at, personal",
        "text int bigint int text text timestamptz bytea",
    ),
)


class _KeptConnection(asyncpg.Connection):
    """A connection that keeps nothing between its users, so that nothing must be reset when it is given back.

    Every setting of ours is `local` to a transaction, locks are a transaction's, nobody listens. The reset that
    asyncpg would send is a round trip for each statement (measured: half of all statements of a busy house).
    """

    def get_reset_query(self) -> str:
        return ""


SEPARATOR, NOTHING = "\x1f", "\x1e"
"""Between the values of a joined column, and in place of a null: no text of ours holds them, and it is looked at."""
_JOINABLE = {
    "text": f"string_to_array($%d::text, '{SEPARATOR}', '{NOTHING}')",
    "int": "string_to_array($%d::text, ',')::int[]",
    "bigint": "string_to_array($%d::text, ',')::bigint[]",
}


def _rows(first: int, shape: "_Shape") -> str:
    """The rows of a part from its parameters: one a column, which `_Shape` says how to read."""
    types, alike, joined = shape.part.types, shape.alike, shape.joined
    arrays = [
        _JOINABLE[kind] % (first + place) if place in joined else f"${first + place}::{kind}[]"
        for place, kind in enumerate(types)
        if place not in alike
    ]
    unnested = f"unnest({', '.join(arrays)})"
    if not alike:
        return unnested
    named = ", ".join(f"c{place}" for place in range(len(types)) if place not in alike)
    columns = ", ".join(
        f"${first + place}::{kind}" if place in alike else f"c{place}" for place, kind in enumerate(types)
    )
    return f"(select {columns} from {unnested} as u ({named}))"  # noqa: S608 - our own names


def _shaped(part: _Part, rows: Sequence[tuple[Any, ...]]) -> tuple["_Shape", list[Any]]:
    """How this batch's rows of a part are sent, and the parameters, one a column.

    asyncpg looks at every element of an array (measured: a quarter of a busy house's time), so texts and numbers go
    as one joined text, and the batch's own moment as one value.
    """
    arguments: list[Any] = []
    alike: set[int] = set()
    joined: set[int] = set()
    for place, column in enumerate(zip(*rows, strict=True)):
        one = _joined(part.types[place], column, json=place in part.text)
        if one is not None:
            joined.add(place)
            arguments.append(one)
        elif place in part.moment and column.count(column[0]) == len(column):
            alike.add(place)
            arguments.append(column[0])
        else:
            arguments.append([value.decode() for value in column] if place in part.text else column)
    return _Shape(part, *_new_and_known(part, rows), frozenset(alike), frozenset(joined)), arguments


def _joined(kind: str, column: Sequence[Any], *, json: bool) -> str | None:
    """The column as one text; none when it can't be told apart again, or is of another kind."""
    match kind:
        case "int" | "bigint":
            return ",".join(map(str, column))
        case "text":
            if json:
                one = SEPARATOR.encode().join(column).decode()
            else:
                one = SEPARATOR.join([NOTHING if value is None else value for value in column])
            # An empty text would be read as no value at all; whoever sends a separator gets the slower way.
            whole = one.count(SEPARATOR) == len(column) - 1 and one.count(NOTHING) == column.count(None)
            return one if one and whole else None
        case _:
            return None


def _sql_of(part: _Part, new: bool, known: bool) -> list[str]:
    """The statements of a part: streams and units have one for new rows and one for known rows."""
    if part.name == "streams":
        return [_STREAM_INSERT] * new + [_STREAM_UPDATE] * known
    if part.name == "units":
        return [_UNIT_INSERT] * new + [_UNIT_UPDATE] * known
    return [part.sql]


def _new_and_known(part: _Part, rows: Sequence[tuple[Any, ...]]) -> tuple[bool, bool]:
    """Whether any of the rows is new, and whether any is known (streams and units; others have one statement)."""
    match part.name:
        case "streams":
            return any(row[3] == 0 for row in rows), any(row[3] != 0 for row in rows)
        case "units":
            return any(row[6] is None for row in rows), any(row[6] is not None for row in rows)
        case _:
            return True, True


def _statement(shapes: Sequence[_Shape]) -> str:
    """One statement that writes all parts and counts what each wrote."""
    pieces: list[str] = []
    counts: list[str] = []
    first = 1
    for shape in shapes:
        part = shape.part
        rows = _rows(first, shape)
        first += len(part.types)
        names: list[str] = []
        for number, sql in enumerate(_sql_of(part, shape.new, shape.known)):
            name = f"{part.name}_{number}"
            names.append(name)
            pieces.append(f"{name} as ({sql.replace('{u}', rows)})")
        counts.append(" + ".join(f"(select count(*) from {name})" for name in names))  # noqa: S608 - our own names
    return "with " + ",\n".join(pieces) + "\nselect " + ", ".join(counts)


class PostgresTransaction:
    """See `store.Transaction`."""

    def __init__(self, *, connection: Connection, statements: dict[Any, str]) -> None:
        self.connection = connection
        self._statements = statements

    async def known(self, *, keys: Sequence[str], names: Sequence[str]) -> Known:
        """The answers and claim holders, in one round trip."""
        rows = await self.connection.fetch(
            "select key, request_hash, city, stream, answer, at, true as answered from answer"
            " where key = any($1::text[])"
            " union all select name, ''::bytea, city, stream, '', 'epoch'::timestamptz, false from claim"
            " where name = any($2::text[])",
            keys,
            names,
            timeout=STATEMENT_SECONDS_MAX,
        )
        answers: dict[str, AnswerRow] = {}
        holders: dict[str, ClaimRow] = {}
        for key, request_hash, city, stream, answer, at, answered in rows:
            if answered:
                answers[key] = AnswerRow(key, request_hash, city, stream, answer.encode(), at)
            else:
                holders[key] = ClaimRow(key, city, stream)
        await passed("store.looked_up")
        return Known(answers, holders)

    async def load(self, *, keys: Sequence[StreamKey]) -> Mapping[StreamKey, StreamRow]:
        """Lock in sorted order (so that two batches never wait for each other in a circle) and read."""
        rows = await self.connection.fetch(
            "select s.city, s.stream, s.kind, s.version, s.head, s.state, s.units from stream s"
            " join unnest($1::int[], $2::text[]) as k (city, stream) on s.city = k.city and s.stream = k.stream"
            " order by s.city, s.stream for update of s",
            [key.city for key in keys],
            [key.stream for key in keys],
            timeout=STATEMENT_SECONDS_MAX,
        )
        await passed("store.locked")
        return {StreamKey(row[0], row[1]): _stream(row) for row in rows}

    async def write(self, *, writes: Writes) -> None:
        """One statement for all tables; a guard that did not hold raises `Conflict`."""
        taken = {row.name for row in writes.claims}
        if taken and any(row.name in taken for row in writes.claims_released):
            # A name that changes hands is given back first: parts of one statement don't see one another.
            await self._write(Writes(claims_released=writes.claims_released))
            writes = replace(writes, claims_released=[])
        await self._write(writes)

    async def _write(self, writes: Writes) -> None:
        shapes: list[_Shape] = []
        arguments: list[Any] = []
        wanted: list[int] = []
        for part in _PARTS:
            rows: list[tuple[Any, ...]] = getattr(writes, part.name)
            if not rows:
                continue
            if part.unique:
                rows = list({row[: part.unique]: row for row in rows}.values())
            shape, columns = _shaped(part, rows)
            shapes.append(shape)
            arguments += columns
            wanted.append(len(rows))
        if not shapes:
            return
        statement_key = tuple((one.part.name, *one[1:]) for one in shapes)
        statement = self._statements.get(statement_key)
        if statement is None:
            statement = self._statements[statement_key] = _statement(shapes)
        counts = await self.connection.fetchrow(statement, *arguments, timeout=STATEMENT_SECONDS_MAX)
        assert counts is not None
        for shape, count, want in zip(shapes, counts, wanted, strict=True):
            if count != want:
                raise Conflict(f"{shape.part.name}: {count} of {want} rows written")
        await passed("store.written")


class PostgresStore:
    """See `store.Store`. `create` opens the pool; `close` ends it."""

    def __init__(self, *, pool: asyncpg.Pool) -> None:
        self.pool = pool
        self._statements: dict[Any, str] = {}

    @classmethod
    async def create(cls, *, dsn: str, connections_max: int = POOL_CONNECTIONS_MAX) -> "PostgresStore":
        """Open a pool on `dsn`. Raises `Unavailable` when the database can't be reached."""
        try:
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=connections_max,
                connection_class=_KeptConnection,
                server_settings={
                    "timezone": "UTC",
                    "application_name": "safehand",
                    # The statements take arrays: one plan is as good for ten rows as for a thousand, and planning
                    # the writing statement anew each time costs more than a small batch itself.
                    "plan_cache_mode": "force_generic_plan",
                    # A plan made while a table was still empty would read all of it ever after: each statement of ours
                    # goes by an index (measured: a look for new events took 50 ms instead of 0.1 on a table of 90,000).
                    "enable_seqscan": "off",
                    "jit": "off",
                },
                statement_cache_size=STATEMENTS_CACHED_MAX,
            )
        except (*_LOST, asyncpg.PostgresError, TimeoutError) as lost:
            raise Unavailable(f"the database can't be reached: {lost}") from lost
        return cls(pool=pool)

    async def close(self) -> None:
        """Give all connections back and close them."""
        await self.pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[PostgresTransaction]:
        """One transaction. The commit is shielded: a cancelled request never leaves it half known."""
        try:
            async with self.pool.acquire() as connection:
                started = connection.transaction()
                await started.start()
                try:
                    await passed("store.begun")
                    yield PostgresTransaction(connection=connection, statements=self._statements)
                except BaseException:
                    await _to_the_end(started.rollback(), connection=connection)
                    raise
                await _to_the_end(started.commit(), connection=connection)
                await passed("store.committed")
        except _RACES as race:
            raise Conflict(str(race)) from race
        except (*_LOST, TimeoutError) as lost:
            raise Unavailable(f"the database did not answer: {lost}") from lost

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Read with a statement of a step's `queries`. Raises `Unavailable`."""
        try:
            rows = await self.pool.fetch(statement, *arguments, timeout=STATEMENT_SECONDS_MAX)
            await passed("store.asked")
            return rows
        except (*_LOST, TimeoutError) as lost:
            raise Unavailable(f"the database did not answer: {lost}") from lost

    async def streams(self, *, keys: Sequence[StreamKey]) -> Mapping[StreamKey, StreamRow]:
        """Read streams without locking them."""
        rows = await self.fetch(
            "select s.city, s.stream, s.kind, s.version, s.head, s.state, s.units from stream s"
            " join unnest($1::int[], $2::text[]) as k (city, stream) on s.city = k.city and s.stream = k.stream",
            [key.city for key in keys],
            [key.stream for key in keys],
        )
        return {StreamKey(row[0], row[1]): _stream(row) for row in rows}

    async def events(self, *, key: StreamKey, after: int = 0, limit: int = 500) -> Sequence[EventRow]:
        """A stream's events in order."""
        rows = await self.fetch(
            "select city, stream, version, kind, at, actor, body, hash from event"
            " where city = $1 and stream = $2 and version > $3 order by version limit $4",
            key.city,
            key.stream,
            after,
            limit,
        )
        return [EventRow(r[0], r[1], r[2], r[3], r[4], r[5], r[6].encode(), r[7]) for r in rows]

    async def holders(self, *, names: Sequence[str]) -> Mapping[str, ClaimRow]:
        """Who holds these claims."""
        rows = await self.fetch("select name, city, stream from claim where name = any($1::text[])", names)
        return {row[0]: ClaimRow(*row) for row in rows}

    async def due(self, *, now: datetime, limit: int) -> Sequence[WorkRow]:
        """Lines of worklists whose clock has run out, oldest first."""
        rows = await self.fetch(
            "select city, stream, queue, narrowed, since, due_at, owner from work"
            " where due_at <= $1 order by due_at, city, stream, queue limit $2",
            now,
            limit,
        )
        return [WorkRow(*row) for row in rows]

    async def next_due(self) -> datetime | None:
        """When the next clock runs out."""
        rows = await self.fetch("select min(due_at) from work where due_at is not null")
        return rows[0][0]

    async def worklist(
        self,
        *,
        queue: str,
        cities: Sequence[int] | None = None,
        narrowed: str | None = None,
        since_before: datetime | None = None,
        limit: int = 500,
    ) -> Sequence[WorkRow]:
        """A worklist, longest-waiting first."""
        rows = await self.fetch(
            "select city, stream, queue, narrowed, since, due_at, owner from work where queue = $1"
            " and ($2::int[] is null or city = any($2)) and ($3::text is null or narrowed = $3)"
            " and ($4::timestamptz is null or since <= $4) order by since, city, stream limit $5",
            queue,
            cities,
            narrowed,
            since_before,
            limit,
        )
        return [WorkRow(*row) for row in rows]

    async def worklists(
        self, *, queues: Sequence[str], states: Sequence[str], since_before: datetime | None, limit: int
    ) -> list[tuple[WorkRow, str | None]]:
        """Several worklists at once, each longest-waiting first; those named in `states` with their streams' states."""
        rows = await self.fetch(
            "select w.city, w.stream, w.queue, w.narrowed, w.since, w.due_at, w.owner, s.state"
            " from unnest($1::text[]) as q (queue) cross join lateral (select * from work"
            " where work.queue = q.queue and ($2::timestamptz is null or work.since <= $2)"
            " order by work.since, work.city, work.stream limit $3) w"
            " left join stream s on w.queue = any($4::text[]) and s.city = w.city and s.stream = w.stream"
            " order by w.queue, w.since, w.city, w.stream",
            queues,
            since_before,
            limit,
            states,
        )
        return [(WorkRow(*row[:7]), row[7]) for row in map(tuple, rows)]

    async def tallies(self) -> Mapping[tuple[int, str], int]:
        """Rolled-up counts plus what has not been rolled up yet."""
        rows = await self.fetch(
            "select city, name, sum(count)::bigint from (select city, name, count from tally"
            " union all select city, name, delta from tally_change) as both_kinds group by city, name"
        )
        return {(row[0], row[1]): row[2] for row in rows if row[2]}

    async def roll_up(self, *, limit: int = 20_000) -> int:
        """Sum tally changes into tallies; returns how many were summed."""
        rows = await self.fetch(
            "with taken as (delete from tally_change where number in"
            " (select number from tally_change order by number limit $1 for update skip locked)"
            " returning city, name, delta),"
            " added as (insert into tally (city, name, count) select city, name, sum(delta) from taken"
            " group by city, name on conflict (city, name) do update set count = tally.count + excluded.count)"
            " select count(*) from taken",
            limit,
        )
        return rows[0][0]

    async def accounts(self) -> Mapping[tuple[int, str], int]:
        """How many units stand in each custody account, by city."""
        rows = await self.fetch("select city, account, count(*) from unit group by city, account")
        return {(row[0], row[1]): row[2] for row in rows}


async def _to_the_end(ending: Coroutine[Any, Any, None], *, connection: Connection) -> None:
    """Await a commit or rollback to its end, even if the caller is cancelled meanwhile.

    Cancelling a commit that waits for a standby would report success and lose the write (measured: 14 of 14), so it
    is never cancelled and has no statement timeout; past the limit the socket is closed, and the outcome is unknown.
    """
    task = asyncio.ensure_future(ending)
    cancelled: asyncio.CancelledError | None = None
    loop = asyncio.get_running_loop()
    until = loop.time() + COMMIT_SECONDS_MAX
    while not task.done():
        left = until - loop.time()
        if left <= 0:
            connection.terminate()
            task.add_done_callback(_look_at)
            raise Unavailable("the commit was not answered in time; whether it happened is read by its key")
        try:
            await asyncio.wait({task}, timeout=left)
        except asyncio.CancelledError as asked:
            cancelled = asked
    task.result()
    if cancelled is not None:
        raise cancelled


def _look_at(ended: "asyncio.Task[None]") -> None:
    """What became of an ending that nobody waits for any more is told by its key, not by its exception."""
    if not ended.cancelled():
        ended.exception()


def _stream(row: Any) -> StreamRow:
    city, stream, kind, version, head, state, units = row
    return StreamRow(city, stream, kind, version, version, head, state.encode(), units.encode())
