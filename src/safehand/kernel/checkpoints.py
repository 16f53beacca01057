"""Checkpoints: per city one Merkle root over all events since the last one, chained; and the proof that all still holds.

A checkpoint covers the events of whole transactions, told apart by `event.written_by`: it takes only transactions
older than every one that is still open (`pg_snapshot_xmin`), so none can add to the past afterwards. Its leaves are
the events' hashes, in the order of transaction, stream and version.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from safehand.kernel.hash_chain import GENESIS, checkpoint_hash, event_hash, merkle_root
from safehand.kernel.store import HouseStore
from safehand.kernel.store_postgres import Connection, PostgresStore

EVENTS_AT_ONCE_MAX = 200_000
BREAKS_MAX = 1_000
"""So many findings are named; more say no more."""
CHECKPOINTER_LOCK = 5_240_002
HASH_BYTES = 32
_PREFETCH = 5_000


class ClockOfTransactionsRanBackward(Exception):
    """The database counts transactions from a lower number than its last checkpoint: it was restored by a dump.

    The way out: restore by a physical backup (it keeps the numbers), or start the journal's database anew with
    `pg_resetwal --next-transaction-id` beyond the last checkpoint's.
    """


class Checkpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One checkpoint of one city. `hash` is what the other house counter-signs."""

    city: int
    number: int
    events: int
    root: bytes
    previous: bytes
    hash: bytes
    at: datetime


Fault = Literal[
    "event altered",
    "event missing",
    "state does not end the chain",
    "stream missing",
    "checkpoint broken",
    "checkpoint missing",
    "checkpoint contradicted by the journal",
    "checkpoint contradicted by the witness",
    "events outside of every checkpoint",
]


class Break(msgspec.Struct, frozen=True, kw_only=True):
    """Something that does not hold: what, and where."""

    city: int
    fault: Fault
    stream: str = ""
    version: int = 0
    checkpoint: int = 0


class _Taken(NamedTuple):
    """A row of the table `checkpoint`."""

    number: int
    events: int
    root: bytes
    hash: bytes
    upto: int


# ---------------------------------------------------------------- taking


async def take_checkpoints(
    *, store: HouseStore, now: datetime, limit: int = EVENTS_AT_ONCE_MAX
) -> list[Checkpoint]:
    """One checkpoint for every city with events that none covers yet; at most about `limit` events at once.

    A transaction is never split, so one that is larger than `limit` is covered whole. Called again it goes on;
    an empty list says that nothing is left, or that another process is taking them. Raises `Unavailable` and
    `ClockOfTransactionsRanBackward`.
    """
    if limit < 1:
        raise ValueError("a checkpoint covers at least one event: limit is 1 or more")
    async with store.transaction() as transaction:
        connection = transaction.connection
        if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", CHECKPOINTER_LOCK):
            return []
        low, high = await _span(connection, limit)
        # One row a city: the hashes one behind the other cross the wire as one value.
        rows = await connection.fetch(
            "select city, string_agg(hash, ''::bytea order by written_by, stream, version) as hashes from event"
            " where written_by >= $1::text::xid8 and written_by < $2::text::xid8 group by city order by city",
            str(low),
            str(high),
        )
        last = await _last_of_cities(connection, [row["city"] for row in rows])
        made = [_next(row["city"], last.get(row["city"]), _split(row["hashes"]), now) for row in rows]
        if made:
            await connection.execute(
                "insert into checkpoint (city, number, events, root, hash, upto, at)"
                " select w.*, $6::text::xid8, $7 from"
                " unnest($1::int[], $2::int[], $3::int[], $4::bytea[], $5::bytea[]) as w",
                *(
                    [getattr(one, name) for one in made]
                    for name in ("city", "number", "events", "root", "hash")
                ),
                str(high),
                now,
            )
    return made


async def _span(connection: Connection, limit: int) -> tuple[int, int]:
    """From the first transaction that is not covered to (not with) the first one that may not be covered yet."""
    low, open_from = (
        int(value)
        for value in await _one(
            connection,
            "select coalesce((select max(upto) from checkpoint), '0'::xid8)::text,"
            " pg_snapshot_xmin(pg_current_snapshot())::text",
        )
    )
    if open_from < low:
        raise ClockOfTransactionsRanBackward(f"transaction {open_from} comes after the checkpoint at {low}")
    rows = await connection.fetch(
        "select written_by::text as xid, count(*) as events from event"
        " where written_by >= $1::text::xid8 and written_by < $2::text::xid8"
        " group by written_by order by written_by limit $3",
        str(low),
        str(open_from),
        limit,
    )
    total, high = 0, open_from if len(rows) < limit else int(rows[-1]["xid"]) + 1
    for row in rows:
        total += row["events"]
        if total > limit:
            first = row is rows[0]
            high = int(row["xid"]) + 1 if first else int(row["xid"])
            break
    return low, high


async def _one(connection: Connection, statement: str) -> Sequence[Any]:
    row = await connection.fetchrow(statement)
    assert row is not None
    return tuple(row)


async def _last_of_cities(connection: Connection, cities: Sequence[int]) -> dict[int, tuple[int, bytes]]:
    rows = await connection.fetch(
        "select c.city, c.number, c.hash from unnest($1::int[]) as w (city) cross join lateral"
        " (select city, number, hash from checkpoint where city = w.city order by number desc limit 1) c",
        cities,
    )
    return {row["city"]: (row["number"], row["hash"]) for row in rows}


def _split(hashes: bytes) -> list[bytes]:
    return [hashes[place : place + HASH_BYTES] for place in range(0, len(hashes), HASH_BYTES)]


def _next(city: int, last: tuple[int, bytes] | None, leaves: Sequence[bytes], now: datetime) -> Checkpoint:
    number, previous = last if last is not None else (0, GENESIS)
    root = merkle_root(leaves)
    hashed = checkpoint_hash(previous=previous, city=city, number=number + 1, root=root, events=len(leaves))
    return Checkpoint(
        city=city,
        number=number + 1,
        events=len(leaves),
        root=root,
        previous=previous,
        hash=hashed,
        at=now,
    )


# ---------------------------------------------------------------- verifying


async def verify_city(
    *, store: PostgresStore, city: int, witnessed: Mapping[int, bytes] | None = None
) -> list[Break]:
    """Recompute every chain and every checkpoint of a city from its rows; an empty list says that all holds.

    `witnessed` holds what the other house counter-signed (checkpoint number -> hash; `link.witness`): without it a
    journal that was rewritten together with all its checkpoints can't be told from a genuine one.
    """
    breaks: list[Break] = []
    async with _one_picture(store) as connection:
        await _verify_chains(connection, city, breaks)
        await _verify_references(connection, city, breaks)
        taken = await _verify_checkpoints(connection, city, breaks)
        await _verify_roots(connection, city, taken, breaks)
    _verify_witness(city, taken, witnessed or {}, breaks)
    return breaks[:BREAKS_MAX]


@asynccontextmanager
async def _one_picture(store: PostgresStore) -> AsyncIterator[Connection]:
    """A connection that sees the database as it is at this moment, and can't change it."""
    async with store.transaction() as transaction:
        await transaction.connection.execute("set transaction isolation level repeatable read, read only")
        yield transaction.connection


async def _verify_chains(connection: Connection, city: int, breaks: list[Break]) -> None:
    """Each stream: versions without a gap, every hash made anew, and the stream's row at the end of its chain."""
    rows = connection.cursor(
        "select coalesce(e.stream, s.stream) as stream, e.version, e.kind, e.at, e.actor, e.body, e.hash,"
        " s.version as last, s.head from (select * from event where city = $1) e"
        " full join (select * from stream where city = $1) s on s.stream = e.stream"
        " order by 1, e.version",
        city,
        prefetch=_PREFETCH,
    )
    stream, version, head, ends = "", 0, GENESIS, (0, GENESIS)

    def end() -> None:
        if stream and ends != (version, head):
            breaks.append(
                Break(city=city, fault="state does not end the chain", stream=stream, version=version)
            )

    async for row in rows:
        if len(breaks) >= BREAKS_MAX:
            return
        if row["stream"] != stream:
            end()
            stream, version, head = row["stream"], 0, GENESIS
            ends = (row["last"], row["head"])
        if row["version"] is None:
            continue
        if row["version"] != version + 1:
            breaks.append(Break(city=city, fault="event missing", stream=stream, version=version + 1))
        expected = event_hash(
            previous=head,
            city=city,
            stream=stream,
            version=row["version"],
            kind=row["kind"],
            at=row["at"],
            actor=row["actor"],
            body=row["body"].encode(),
        )
        if expected != row["hash"] and row["version"] == version + 1:
            breaks.append(Break(city=city, fault="event altered", stream=stream, version=row["version"]))
        # The chain goes on from what is written, so that one altered event is one finding.
        version, head = row["version"], row["hash"]
    end()


async def _verify_references(connection: Connection, city: int, breaks: list[Break]) -> None:
    """Streams that other rows speak of must be there: this names the streams that were taken away."""
    rows = await connection.fetch(
        "select stream from (select stream from move where city = $1 union select stream from unit where city = $1"
        " union select stream from claim where city = $1 union select stream from work where city = $1) named"
        " where not exists (select from event e where e.city = $1 and e.stream = named.stream)"
        " order by stream limit $2",
        city,
        BREAKS_MAX,
    )
    breaks.extend(Break(city=city, fault="stream missing", stream=row["stream"]) for row in rows)


async def _verify_checkpoints(connection: Connection, city: int, breaks: list[Break]) -> list[_Taken]:
    """Numbers without a gap, each hash chained to the one before."""
    rows = await connection.fetch(
        "select number, events, root, hash, upto::text from checkpoint where city = $1 order by number", city
    )
    taken = [_Taken(number, events, root, hashed, int(upto)) for number, events, root, hashed, upto in rows]
    number, previous, upto = 0, GENESIS, 0
    for one in taken:
        missing = range(number + 1, one.number)
        breaks.extend(
            Break(city=city, fault="checkpoint missing", checkpoint=n) for n in missing[:BREAKS_MAX]
        )
        expected = checkpoint_hash(
            previous=previous, city=city, number=one.number, root=one.root, events=one.events
        )
        if not missing and (expected != one.hash or one.upto <= upto):
            breaks.append(Break(city=city, fault="checkpoint broken", checkpoint=one.number))
        number, previous, upto = one.number, one.hash, one.upto
    return taken


async def _verify_roots(
    connection: Connection, city: int, taken: Sequence[_Taken], breaks: list[Break]
) -> None:
    """Each checkpoint's root and count, made anew from the events of its transactions."""
    upto_all = int((await _one(connection, "select coalesce(max(upto), '0'::xid8)::text from checkpoint"))[0])
    leaves: dict[int, list[bytes]] = {one.number: [] for one in taken}
    outside = 0
    waiting = iter(taken)
    current = next(waiting, None)
    async for row in connection.cursor(
        "select written_by::text as xid, hash from event where city = $1 order by written_by, stream, version",
        city,
        prefetch=_PREFETCH,
    ):
        xid = int(row["xid"])
        while current is not None and xid >= current.upto:
            _compare(city, current, leaves.pop(current.number), breaks)
            current = next(waiting, None)
        if current is not None:
            leaves[current.number].append(row["hash"])
        elif xid < upto_all:
            outside += 1
    while current is not None:
        _compare(city, current, leaves.pop(current.number), breaks)
        current = next(waiting, None)
    if outside:
        breaks.append(Break(city=city, fault="events outside of every checkpoint", version=outside))


def _compare(city: int, one: _Taken, leaves: Sequence[bytes], breaks: list[Break]) -> None:
    if len(leaves) != one.events or merkle_root(leaves) != one.root:
        breaks.append(Break(city=city, fault="checkpoint contradicted by the journal", checkpoint=one.number))


def _verify_witness(
    city: int, taken: Sequence[_Taken], witnessed: Mapping[int, bytes], breaks: list[Break]
) -> None:
    """What the other house signed must be what this house has."""
    ours = {one.number: one.hash for one in taken}
    for number, hashed in sorted(witnessed.items()):
        if number not in ours:
            breaks.append(Break(city=city, fault="checkpoint missing", checkpoint=number))
        elif ours[number] != hashed:
            breaks.append(Break(city=city, fault="checkpoint contradicted by the witness", checkpoint=number))
