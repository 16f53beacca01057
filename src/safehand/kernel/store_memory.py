"""The store in memory: one small class that behaves as PostgreSQL does, for the simulator and quick tests."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import NamedTuple

from safehand.kernel.machine import StreamKey
from safehand.kernel.store import (
    AnswerRow,
    ClaimRow,
    Conflict,
    EventRow,
    Known,
    MessageRow,
    MoveRow,
    NoticeRow,
    ParkedRow,
    ReceivedRow,
    RunRow,
    StreamRow,
    Transaction,
    UnitRow,
    WorkRow,
    Writes,
)


class Position(NamedTuple):
    """How far a peer's log has taken effect."""

    position: int
    head: bytes


class MemoryStore:
    """See `store.Store`. Transactions run one after the other; a failed one leaves nothing."""

    def __init__(self) -> None:
        self.rows: dict[StreamKey, StreamRow] = {}
        self.journal: dict[StreamKey, list[EventRow]] = {}
        self.work: dict[tuple[int, str, str], WorkRow] = {}
        self.claims: dict[str, ClaimRow] = {}
        self.units: dict[tuple[int, str], UnitRow] = {}
        self.moves: list[MoveRow] = []
        self.outbox: list[MessageRow] = []
        self.notices: list[NoticeRow] = []
        self.answers: dict[str, AnswerRow] = {}
        self.vault: dict[tuple[int, str, str], bytes] = {}
        self.vault_keys: dict[tuple[int, str], bytes] = {}
        self.blind: set[tuple[str, bytes, int, str]] = set()
        self.counts: dict[tuple[int, str], int] = {}
        self.positions: dict[tuple[str, int], Position] = {}
        self.received: dict[tuple[str, int, int], ReceivedRow] = {}
        self.runs: list[RunRow] = []
        self.parked: dict[tuple[str, int, int], ParkedRow] = {}
        self._lock = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """One transaction; its writes are checked as they come and done at its end, all at once."""
        async with self._lock:
            transaction = MemoryTransaction(store=self)
            yield transaction
            for writes in transaction.written:
                self.apply(writes)

    async def streams(self, *, keys: Sequence[StreamKey]) -> Mapping[StreamKey, StreamRow]:
        """Read streams."""
        rows = self.rows
        return {key: rows[key]._replace(expected=rows[key].version) for key in keys if key in rows}

    async def events(self, *, key: StreamKey, after: int = 0, limit: int = 500) -> Sequence[EventRow]:
        """A stream's events in order."""
        return self.journal.get(key, [])[after : after + limit]

    async def holders(self, *, names: Sequence[str]) -> Mapping[str, ClaimRow]:
        """Who holds these claims."""
        return {name: self.claims[name] for name in names if name in self.claims}

    async def due(self, *, now: datetime, limit: int) -> Sequence[WorkRow]:
        """Lines of worklists whose clock has run out, oldest first."""
        late = [
            (row.due_at, row) for row in self.work.values() if row.due_at is not None and row.due_at <= now
        ]
        late.sort(key=lambda pair: (pair[0], pair[1].city, pair[1].stream, pair[1].queue))
        return [row for _, row in late[:limit]]

    async def next_due(self) -> datetime | None:
        """When the next clock runs out."""
        return min((row.due_at for row in self.work.values() if row.due_at is not None), default=None)

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
        rows = [
            row
            for row in self.work.values()
            if row.queue == queue
            and (cities is None or row.city in cities)
            and (narrowed is None or row.narrowed == narrowed)
            and (since_before is None or row.since <= since_before)
        ]
        rows.sort(key=lambda row: (row.since, row.city, row.stream))
        return rows[:limit]

    async def tallies(self) -> Mapping[tuple[int, str], int]:
        """Every count that is not zero."""
        return {key: count for key, count in self.counts.items() if count}

    async def accounts(self) -> Mapping[tuple[int, str], int]:
        """How many units stand in each custody account, by city."""
        sums: dict[tuple[int, str], int] = {}
        for row in self.units.values():
            sums[row.city, row.account] = sums.get((row.city, row.account), 0) + 1
        return sums

    def check(self, writes: Writes) -> None:
        """Raises `Conflict` when a guard or a unique name fails."""
        self._check_versions(writes)
        self._check_names(writes)

    def _check_versions(self, writes: Writes) -> None:
        for row in writes.streams:
            old = self.rows.get(StreamKey(row.city, row.stream))
            if (old.version if old is not None else 0) != row.expected:
                raise Conflict(f"streams: {row.stream} is not at version {row.expected}")
        if len({(row.city, row.unit) for row in writes.units}) != len(writes.units):
            raise Conflict("units: one unit is moved by two streams")
        for row in writes.units:
            old_unit = self.units.get((row.city, row.unit))
            was = (old_unit.account, old_unit.pending) if old_unit is not None else (None, None)
            if was != (row.was_account, row.was_pending):
                raise Conflict(f"units: {row.unit} is not where the transaction left it")
        for row in writes.positions:
            position = self.positions.get((row.peer, row.city), Position(0, b""))
            if position.position != row.expected:
                raise Conflict(f"positions: {row.peer} {row.city} is not at {row.expected}")

    def _check_names(self, writes: Writes) -> None:
        names = [row.name for row in writes.claims]
        free = {row.name for row in writes.claims_released}
        if len(set(names)) != len(names) or any(n in self.claims and n not in free for n in names):
            raise Conflict("claims: a name is held already")
        for done in writes.work_done:
            if (done.city, done.stream, done.queue) not in self.work:
                raise Conflict(f"work: {done.stream} does not stand on {done.queue}")
        for row in writes.vault_keys:
            if (row.city, row.subject) in self.vault_keys:
                raise Conflict(f"vault keys: {row.subject} has one already")
        for released in writes.claims_released:
            if self.claims.get(released.name) != released:
                raise Conflict(f"claims: {released.name} is not held by the stream that gives it back")
        keys = [row.key for row in writes.answers]
        if len(set(keys)) != len(keys) or any(key in self.answers for key in keys):
            raise Conflict("answers: a key was answered already")

    def apply(self, writes: Writes) -> None:
        """Do what was checked."""
        for row in writes.streams:
            self.rows[StreamKey(row.city, row.stream)] = row
        for row in writes.events:
            self.journal.setdefault(StreamKey(row.city, row.stream), []).append(row)
        for done in writes.work_done:
            self.work.pop((done.city, done.stream, done.queue), None)
        for row in writes.work:
            self.work[row.city, row.stream, row.queue] = row
        for row in writes.claims_released:
            self.claims.pop(row.name, None)
        self.claims.update((row.name, row) for row in writes.claims)
        self.units.update(((row.city, row.unit), row) for row in writes.units)
        self.moves.extend(writes.moves)
        self.outbox.extend(writes.messages)
        self.notices.extend(writes.notices)
        self.answers.update((row.key, row) for row in writes.answers)
        self.vault.update(((row.city, row.subject, row.name), row.sealed) for row in writes.vault)
        self.vault_keys.update(((row.city, row.subject), row.wrapped) for row in writes.vault_keys)
        self.blind.update(writes.blind)
        for city, name, delta in writes.tallies:
            self.counts[city, name] = self.counts.get((city, name), 0) + delta
        for row in writes.positions:
            self.positions[row.peer, row.city] = Position(row.position, row.head)
        self.received.update(((row.peer, row.city, row.number), row) for row in writes.received)
        self.runs.extend(writes.runs)
        self.parked.update(((row.peer, row.city, row.number), row) for row in writes.parked)


class MemoryTransaction:
    """See `store.Transaction`."""

    def __init__(self, *, store: MemoryStore) -> None:
        self.store = store
        self.written: list[Writes] = []

    async def known(self, *, keys: Sequence[str], names: Sequence[str]) -> Known:
        """The answers and claim holders."""
        store = self.store
        answers = {key: store.answers[key] for key in keys if key in store.answers}
        return Known(answers, {name: store.claims[name] for name in names if name in store.claims})

    async def load(self, *, keys: Sequence[StreamKey]) -> Mapping[StreamKey, StreamRow]:
        """Read streams; `expected` becomes the version that was read."""
        rows = self.store.rows
        return {
            key: rows[key]._replace(expected=rows[key].version) for key in sorted(set(keys)) if key in rows
        }

    async def write(self, *, writes: Writes) -> None:
        """Check every guard; the rows are there when the transaction ends."""
        self.store.check(writes)
        self.written.append(writes)
