"""The store of a simulated house: memory, with transactions that overlap, and with commits of which nobody hears.

It is `kernel.store_memory` (proven equal to PostgreSQL by the same generated sequences), and more like a database in
three ways. Transactions run side by side, and one that read a stream which another has changed meanwhile loses the race
(PostgreSQL would have let it wait, or have refused it). At every point of `kernel.points` the simulator may end the house,
or leave its caller without an answer. And the steps' own questions are answered (`simulation.questions`).
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, NamedTuple

from safehand.kernel.machine import StreamKey
from safehand.kernel.points import passed
from safehand.kernel.store import Conflict, Known, NoticeRow, StreamRow, WorkRow, Writes
from safehand.kernel.store_memory import MemoryStore

Answer = Callable[..., Sequence[Any]]


@dataclass(slots=True, frozen=True, eq=False)
class SentRow:
    """A numbered message. While the houses are cut apart it is asked for again and again; so its answer is made once."""

    city: int
    number: int
    kind: int
    subject: str
    body: str
    personal: bytes | None
    hash: bytes
    at: datetime
    answer: Mapping[Any, Any]
    """Its columns by name and by place."""
    size: int
    """Bytes on the wire, as the log counts them."""


class Head(NamedTuple):
    """The end of a sequence, and how far the peer has acknowledged it."""

    number: int
    hash: bytes
    acknowledged: int


class Telling(NamedTuple):
    """What became of a notice."""

    sent_at: datetime | None = None
    failed: str | None = None
    retry_at: datetime | None = None
    attempts: int = 0


class Sending(NamedTuple):
    """What became of a notice on one way."""

    state: str | None
    reason: str
    sends: int
    city: int
    subject: str


NOT_SENT: Final = Sending(None, "", 0, 0, "")


class SimStore(MemoryStore):
    """A house's disk: it outlives every life of the house. `answers`: statement -> what it does here."""

    def __init__(self, *, answers_to: Mapping[str, Answer]) -> None:
        super().__init__()
        self.answers_to = answers_to
        self.outbox_numbered: list[tuple[int, Any]] = []
        self.outbox_ids = 0
        self.sent: dict[tuple[str, int], list[SentRow]] = {}
        self.heads: dict[tuple[str, int], Head] = {}
        self.resolved: dict[tuple[str, int, int], datetime] = {}
        self.told: list[Telling] = []
        self.untold: set[int] = set()
        """Numbers of the notices that are neither told nor given up."""
        self.texted: dict[int, Sending] = {}
        self.mailed: dict[int, Sending] = {}
        self.receipts_read = 0
        self.reminded: set[tuple[Any, ...]] = set()
        self.owners: dict[tuple[str, bytes], list[tuple[int, str]]] = {}
        self.claimed: dict[str, list[datetime]] = {}
        self.queues: dict[str, dict[StreamKey, WorkRow]] = {}
        self.lines: dict[StreamKey, set[str]] = {}
        """On which worklists a stream stands."""
        self.numberer: SimTransaction | None = None
        self.touched: dict[StreamKey, None] = {}
        """Streams that were written since somebody last looked (`checker`)."""

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator["SimTransaction"]:
        """One transaction among others; see the module."""
        transaction = SimTransaction(store=self)
        try:
            await passed("store.begun")
            yield transaction
            transaction.commit()
        finally:
            if self.numberer is transaction:
                self.numberer = None
        await passed("store.committed")

    async def fetch(self, statement: str, *arguments: Any) -> Sequence[Any]:
        """Answer a step's question. A statement that nobody taught the simulator is a fault of the simulator."""
        rows = self.answers_to[statement](self, *arguments)
        await passed("store.asked")
        return rows

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
            for row in self.queues.get(queue, {}).values()
            if (cities is None or row.city in cities)
            and (narrowed is None or row.narrowed == narrowed)
            and (since_before is None or row.since <= since_before)
        ]
        rows.sort(key=lambda row: (row.since, row.city, row.stream))
        return rows[:limit]

    async def worklists(
        self, *, queues: Sequence[str], states: Sequence[str], since_before: datetime | None, limit: int
    ) -> Sequence[tuple[WorkRow, str | None]]:
        """Several worklists at once."""
        found: list[tuple[WorkRow, str | None]] = []
        for queue in sorted(queues):
            for row in await self.worklist(queue=queue, since_before=since_before, limit=limit):
                state = self.rows[StreamKey(row.city, row.stream)].state if queue in states else None
                found.append((row, state.decode() if state is not None else None))
        return found

    async def roll_up(self, *, limit: int = 20_000) -> int:
        """Counts are never apart here."""
        return 0

    async def close(self) -> None:
        """Nothing is open."""

    def apply(self, writes: Writes) -> None:
        """Do what was checked, and keep the indexes."""
        super().apply(writes)
        self.touched.update((StreamKey(row.city, row.stream), None) for row in writes.streams)
        for message in writes.messages:
            self.outbox_ids += 1
            self.outbox_numbered.append((self.outbox_ids, message))
        for _ in writes.notices:
            self.told.append(Telling())
            self.untold.add(len(self.told))
        for row in writes.blind:
            self.owners.setdefault((row.purpose, row.digest), []).append((row.city, row.subject))
        for event in writes.events:
            if event.kind == "delivery.claimed":
                self.claimed.setdefault(event.actor, []).append(event.at)
        for done in writes.work_done:
            key = StreamKey(done.city, done.stream)
            self.queues.get(done.queue, {}).pop(key, None)
            self.lines.get(key, set()).discard(done.queue)
        for line in writes.work:
            key = StreamKey(line.city, line.stream)
            self.queues.setdefault(line.queue, {})[key] = line
            self.lines.setdefault(key, set()).add(line.queue)

    def tell(self, notice: NoticeRow) -> None:
        """A notice that no event brought: of a deadline that is near."""
        self.notices.append(notice)
        self.told.append(Telling())
        self.untold.add(len(self.told))

    def retell(self, number: int, telling: Telling) -> None:
        """What became of a notice; or it is opened once more."""
        self.told[number - 1] = telling
        if telling.sent_at is None and telling.failed is None:
            self.untold.add(number)
        else:
            self.untold.discard(number)

    def notice(self, number: int) -> NoticeRow:
        """A notice by its number, from 1."""
        return self.notices[number - 1]


class SimTransaction:
    """See `store.AskingTransaction`. What was read is looked at again at the commit: whoever comes second has lost."""

    def __init__(self, *, store: SimStore) -> None:
        self.store = store
        self.read: dict[StreamKey, int] = {}
        self.writes: list[Writes] = []
        self.effects: list[Callable[[], None]] = []
        self.connection = self

    async def known(self, *, keys: Sequence[str], names: Sequence[str]) -> Known:
        """The answers and claim holders."""
        store = self.store
        answers = {key: store.answers[key] for key in keys if key in store.answers}
        found = Known(answers, {name: store.claims[name] for name in names if name in store.claims})
        await passed("store.looked_up")
        return found

    async def load(self, *, keys: Sequence[StreamKey]) -> Mapping[StreamKey, StreamRow]:
        """Read streams; `expected` becomes the version that was read."""
        rows = self.store.rows
        found: dict[StreamKey, StreamRow] = {}
        for key in sorted(set(keys)):
            row = rows.get(key)
            self.read[key] = row.version if row is not None else 0
            if row is not None:
                found[key] = row._replace(expected=row.version)
        await passed("store.locked")
        return found

    async def write(self, *, writes: Writes) -> None:
        """Check every guard; the rows are there after the commit."""
        self.store.check(writes)
        self.writes.append(writes)
        await passed("store.written")

    def commit(self) -> None:
        """All or nothing, at one moment. Raises `Conflict`."""
        rows = self.store.rows
        for key, version in self.read.items():
            row = rows.get(key)
            if (row.version if row is not None else 0) != version:
                raise Conflict(f"streams: {key.stream} was changed meanwhile")
        for writes in self.writes:
            self.store.check(writes)
        for writes in self.writes:
            self.store.apply(writes)
        for effect in self.effects:
            effect()

    async def fetch(self, statement: str, *arguments: Any) -> Sequence[Any]:
        """A question within the transaction."""
        return self.store.answers_to[statement](self, *arguments)

    async def fetchval(self, statement: str, *arguments: Any) -> Any:
        """The first value of the first row."""
        return (await self.fetch(statement, *arguments))[0][0]

    async def execute(self, statement: str, *arguments: Any) -> None:
        """A statement without an answer."""
        await self.fetch(statement, *arguments)
