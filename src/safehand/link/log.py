"""What this house says to its peers: the outbox is numbered after commit, by one numberer, into a signed log.

Numbers are given after the commit, so that none becomes visible late and no business transaction waits for a hot
counter. There is one numberer per house (an advisory lock); what it writes is never changed again.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from safehand.kernel.points import passed
from safehand.kernel.store import HouseStore, VaultKeyRow, VaultRow
from safehand.kernel.vault import Unsealable, VaultKeys, unseal
from safehand.link.envelope import GENESIS, RUN_BYTES_MAX, Posted, Run, message_hash, seal_run
from safehand.link.keys import KeyRing
from safehand.link.messages import Kind
from safehand.link.sealing import Sealer, link_key

NUMBERED_AT_ONCE_MAX = 2_000
RUN_MESSAGES_MAX = 500
RUNS_AT_ONCE_MAX = 40
NUMBERER_LOCK = 5_240_001
_BYTES = "sum(octet_length(s.body) + 2 * coalesce(octet_length(s.personal), 0) + 256)"
"""About how long the messages so far are on the wire; the receiver's limit leaves room for escapes (times four)."""
_SIZED = f"""
    select city, number, kind, subject, body, personal, hash, at from (
        select s.*, {_BYTES} over said as bytes, row_number() over said as place from {{said}} s
        window said as (order by s.city, s.number)) sized
    where bytes <= {RUN_BYTES_MAX} or place = 1 order by city, number"""  # noqa: S608 - our own text
BEHIND = _SIZED.format(
    said="""(select m.* from (
        select city, acknowledged from link_head
        where peer = $1 and acknowledged < number and city <> all($4::int[]) order by city limit $3) h
    cross join lateral (
        select * from link_sent where peer = $1 and city = h.city and number > h.acknowledged
        order by number limit $2) m)"""
)
AFTER = _SIZED.format(
    said="(select * from link_sent where peer = $1 and city = $2 and number > $3 order by number limit $4)"
)
ONE_NUMBERER = "select pg_try_advisory_xact_lock($1)"
TAKEN_OUT = (
    # What is said to a house that this one does not know yet waits; it stops nobody else.
    "delete from link_outbox where id in"
    " (select id from link_outbox where peer = any($2::text[]) order by id limit $1)"
    " returning id, peer, city, kind, subject, body, personal, at"
)
PERSONS = (
    "select r.city, r.subject, r.sealed, k.wrapped from vault_record r"
    " join keys.case_key k on k.city = r.city and k.subject = r.subject"
    " join unnest($1::int[], $2::text[]) as w (city, subject) on r.city = w.city and r.subject = w.subject"
    " where r.name = $3"
)
HEADS = (
    "select h.peer, h.city, h.number, h.hash from link_head h"
    " join unnest($1::text[], $2::int[]) as w (peer, city) on h.peer = w.peer and h.city = w.city"
)
KEEP_SENT = (
    "with s as (insert into link_sent (peer, city, number, kind, subject, body, personal, hash, at)"
    " select * from unnest($1::text[], $2::int[], $3::bigint[], $4::int[], $5::text[], $6::text[],"
    " $7::bytea[], $8::bytea[], $9::timestamptz[]))"
    " insert into link_head (peer, city, number, hash)"
    " select * from unnest($10::text[], $11::int[], $12::bigint[], $13::bytea[])"
    " on conflict (peer, city) do update set number = excluded.number, hash = excluded.hash"
)
SENT_HASHES = (
    # One look into the index for each city, whatever the planner thinks of the arrays' length.
    "select w.city, s.hash from unnest($2::int[], $3::bigint[]) as w (city, number) cross join lateral"
    " (select hash from link_sent where peer = $1 and city = w.city and number = w.number limit 1) s"
)
ACKNOWLEDGE = (
    "update link_head h set acknowledged = w.position from unnest($2::int[], $3::bigint[]) as w (city, position)"
    " where h.peer = $1 and h.city = w.city and w.position > h.acknowledged and w.position <= h.number"
)
SEND_AGAIN = (
    "update link_head h set acknowledged = w.position from unnest($2::int[], $3::bigint[]) as w (city, position)"
    " where h.peer = $1 and h.city = w.city and w.position >= 0 and w.position < h.acknowledged"
)
WAITING = (
    "select (select count(*) from link_outbox),"
    " (select coalesce(sum(number - acknowledged), 0)::bigint from link_head)"
)
DELIVERY_RECORD = "delivery"
"""The vault record that holds what a peer may know of the person (JSON of `messages.DeliveryPart`)."""
RECEIVER_RECORD = "receiver"
"""The same of somebody else who may receive it (JSON of `messages.ReceiverPart`); empty when nobody may any more."""
RECORDS: Mapping[int, str] = {Kind.RECEIVER_NAMED: RECEIVER_RECORD}
"""Which record is sealed into a message of a kind; into any other DELIVERY_RECORD."""


class _Head(NamedTuple):
    number: int
    hash: bytes


class LinkLog:
    """Numbers, keeps and hands out this house's messages."""

    def __init__(self, *, store: HouseStore, ring: KeyRing, vault: VaultKeys) -> None:
        self._store = store
        self._ring = ring
        self._vault = vault

    async def number(self, *, limit: int = NUMBERED_AT_ONCE_MAX) -> int:
        """Number what was committed since; returns how many. Another numberer at work: 0."""
        async with self._store.transaction() as transaction:
            connection = transaction.connection
            if not await connection.fetchval(ONE_NUMBERER, NUMBERER_LOCK):
                return 0
            rows = await connection.fetch(TAKEN_OUT, limit, list(self._ring.peers))
            if not rows:
                return 0
            rows.sort(key=lambda row: row["id"])
            await passed("link.numbering")
            parts = await self._parts(connection, rows)
            heads = await _heads(connection, {(row["peer"], row["city"]) for row in rows})
            await _keep(connection, *self._numbered(rows, heads, parts))
        return len(rows)

    def _numbered(
        self, rows: Sequence[Any], heads: dict[tuple[str, int], _Head], parts: Mapping[int, bytes]
    ) -> tuple[list[tuple[Any, ...]], dict[tuple[str, int], _Head]]:
        sent: list[tuple[Any, ...]] = []
        for row in rows:
            sequence = (row["peer"], row["city"])
            head = heads.get(sequence, _Head(0, GENESIS))
            message = Posted(
                number=head.number + 1,
                kind=row["kind"],
                subject=row["subject"],
                at=row["at"],
                body=row["body"],
                personal=parts.get(row["id"]),
            )
            hashed = message_hash(
                previous=head.hash,
                sender=self._ring.name,
                receiver=row["peer"],
                city=row["city"],
                message=message,
            )
            heads[sequence] = _Head(message.number, hashed)
            sent.append(
                (
                    row["peer"],
                    row["city"],
                    message.number,
                    message.kind,
                    message.subject,
                    message.body,
                    message.personal,
                    hashed,
                    message.at,
                )
            )
        return sent, heads

    async def _parts(self, connection: Any, rows: Sequence[Any]) -> dict[int, bytes]:
        """Seal the personal parts; a person who was erased meanwhile has none, nor has a record that is empty by now."""
        wanted = [row for row in rows if row["personal"] is not None]
        if not wanted:
            return {}
        sealers = {
            peer: Sealer(ring=self._ring, peer=peer) for peer in sorted({row["peer"] for row in wanted})
        }
        parts: dict[int, bytes] = {}
        for name in sorted({_record_of(row) for row in wanted}):
            of_name = [row for row in wanted if _record_of(row) == name]
            await self._parts_of(connection, name, of_name, sealers, parts)
        return parts

    async def _parts_of(
        self,
        connection: Any,
        name: str,
        rows: Sequence[Any],
        sealers: Mapping[str, Sealer],
        parts: dict[int, bytes],
    ) -> None:
        """The parts of messages that are sealed from the record `name`."""
        found = await connection.fetch(
            PERSONS, [row["city"] for row in rows], [row["personal"] for row in rows], name
        )
        records = {(city, subject): (sealed, wrapped) for city, subject, sealed, wrapped in found}
        for row in rows:
            record = records.get((row["city"], row["personal"]))
            if record is None:
                continue
            try:
                key = self._vault.unwrap(VaultKeyRow(row["city"], row["personal"], record[1]))
                plain = unseal(key=key, row=VaultRow(row["city"], row["personal"], name, record[0]))
            except Unsealable:
                continue
            if not plain:
                continue
            parts[row["id"]] = sealers[row["peer"]].seal(
                key=link_key(case_key=key, peer=row["peer"]),
                city=row["city"],
                subject=row["subject"],
                plain=plain,
            )

    async def behind(self, *, peer: str, without: Sequence[int] = ()) -> list[Run]:
        """One run per city of what the peer has not acknowledged, oldest first, a bounded number of bytes at a time.

        `without` names cities to leave out (the peer refused them a moment ago), so that they don't block others.
        """
        rows = await self._store.fetch(
            BEHIND,
            peer,
            RUN_MESSAGES_MAX,
            RUNS_AT_ONCE_MAX,
            list(without),
        )
        by_city: dict[int, list[Any]] = {}
        for row in rows:
            by_city.setdefault(row["city"], []).append(row)
        before = await self._hashes_before(
            peer, {city: lines[0]["number"] for city, lines in by_city.items()}
        )
        return [self._run(peer, city, before[city], lines) for city, lines in by_city.items()]

    async def after(
        self, *, peer: str, city: int, position: int, limit: int = RUN_MESSAGES_MAX
    ) -> Run | None:
        """The run that follows a peer's position, for pulling; asking acknowledges what came before."""
        await self.acknowledge(peer=peer, positions={city: position})
        rows = await self._store.fetch(
            AFTER,
            peer,
            city,
            position,
            min(limit, RUN_MESSAGES_MAX),
        )
        if not rows:
            return None
        before = await self._hashes_before(peer, {city: rows[0]["number"]})
        return self._run(peer, city, before[city], rows)

    async def _hashes_before(self, peer: str, firsts: Mapping[int, int]) -> dict[int, bytes]:
        if not firsts:
            return {}
        rows = await self._store.fetch(
            SENT_HASHES,
            peer,
            list(firsts),
            [number - 1 for number in firsts.values()],
        )
        return {**dict.fromkeys(firsts, GENESIS), **{row["city"]: row["hash"] for row in rows}}

    def _run(self, peer: str, city: int, previous: bytes, rows: Sequence[Any]) -> Run:
        messages = [
            Posted(
                number=row["number"],
                kind=row["kind"],
                subject=row["subject"],
                at=row["at"],
                body=row["body"],
                personal=row["personal"],
            )
            for row in rows
        ]
        head = rows[-1]["hash"]
        return seal_run(
            ring=self._ring, receiver=peer, city=city, previous=previous, head=head, messages=messages
        )

    async def acknowledge(self, *, peer: str, positions: Mapping[int, int]) -> None:
        """Keep how far the peer has come; never backward and never past what was said."""
        await self._store.fetch(
            ACKNOWLEDGE,
            peer,
            list(positions),
            list(positions.values()),
        )

    async def send_again(self, *, peer: str, positions: Mapping[int, int]) -> None:
        """The peer asks for what follows an earlier position than it acknowledged (it was restored, say)."""
        await self._store.fetch(
            SEND_AGAIN,
            peer,
            list(positions),
            list(positions.values()),
        )

    async def waiting(self) -> tuple[int, int]:
        """How many messages are not yet numbered, and how many not yet acknowledged."""
        rows = await self._store.fetch(WAITING)
        return rows[0][0], rows[0][1]


def _record_of(row: Any) -> str:
    return RECORDS.get(row["kind"], DELIVERY_RECORD)


async def _heads(connection: Any, sequences: set[tuple[str, int]]) -> dict[tuple[str, int], _Head]:
    named = sorted(sequences)
    rows = await connection.fetch(
        HEADS,
        [peer for peer, _ in named],
        [city for _, city in named],
    )
    return {(row[0], row[1]): _Head(row[2], row[3]) for row in rows}


async def _keep(
    connection: Any, sent: Sequence[tuple[Any, ...]], heads: Mapping[tuple[str, int], _Head]
) -> None:
    columns = [list(column) for column in zip(*sent, strict=True)]
    named = sorted(heads)
    await connection.execute(
        KEEP_SENT,
        *columns,
        [peer for peer, _ in named],
        [city for _, city in named],
        [heads[name].number for name in named],
        [heads[name].hash for name in named],
    )
