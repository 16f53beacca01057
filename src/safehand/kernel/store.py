"""The store as a port: rows of the journal and what is kept beside it, and the few calls that read and write them.

Two stores stand behind this port and must behave alike (`tests/kernel/test_stores_agree.py`): `store_postgres`,
which houses run on, and `store_memory`, which the simulator and quick tests run on.
"""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple, Protocol

from safehand.kernel.machine import StreamKey


class Conflict(Exception):
    """Somebody else wrote first: nothing of this transaction was kept; load again and decide anew."""


class Unavailable(Exception):
    """The database did not answer, or it is not known whether the commit happened: ask again by the same key."""


class EventRow(NamedTuple):
    """One event of one stream. `body` is its JSON; `hash` covers `previous` and every other column."""

    city: int
    stream: str
    version: int
    kind: str
    at: datetime
    actor: str
    body: bytes
    hash: bytes


class StreamRow(NamedTuple):
    """A stream's present state. `expected` is the version that was loaded (0: new), checked when written."""

    city: int
    stream: str
    kind: str
    expected: int
    version: int
    head: bytes
    state: bytes
    units: bytes
    """JSON: unit -> [account, pending or null]; the custody of the units that this stream answers for."""


class WorkRow(NamedTuple):
    """A stream on a worklist (see `machine.Waiting`)."""

    city: int
    stream: str
    queue: str
    narrowed: str
    since: datetime
    due_at: datetime | None
    owner: str | None


class WorkKey(NamedTuple):
    """Which line of which worklist is done."""

    city: int
    stream: str
    queue: str


class ClaimRow(NamedTuple):
    """A unique name and the stream that holds it."""

    name: str
    city: int
    stream: str


class MoveRow(NamedTuple):
    """One line of the custody book, with the event that it is."""

    city: int
    unit: str
    giver: str
    taker: str
    phase: str
    at: datetime
    stream: str
    version: int


class UnitRow(NamedTuple):
    """Where a unit is now; the two `was` columns guard the write."""

    city: int
    unit: str
    stream: str
    account: str
    pending: str | None
    since: datetime
    was_account: str | None
    was_pending: str | None


class MessageRow(NamedTuple):
    """A message to another house, not yet numbered."""

    peer: str
    city: int
    kind: int
    subject: str
    body: bytes
    personal: str | None
    at: datetime


class NoticeRow(NamedTuple):
    """Something to tell a person; the person is found in the vault by `subject`."""

    city: int
    subject: str
    template: str
    facts: bytes
    at: datetime


class AnswerRow(NamedTuple):
    """What was answered to an idempotency key, kept as long as the stream."""

    key: str
    request_hash: bytes
    city: int
    stream: str
    answer: bytes
    at: datetime


class VaultRow(NamedTuple):
    """A sealed record about a person."""

    city: int
    subject: str
    name: str
    sealed: bytes


class VaultKeyRow(NamedTuple):
    """The wrapped key of a subject: destroying it erases the person."""

    city: int
    subject: str
    wrapped: bytes


class BlindRow(NamedTuple):
    """A blind index entry: finds a subject by the keyed hash of a value, never by the value."""

    purpose: str
    digest: bytes
    city: int
    subject: str


class TallyRow(NamedTuple):
    """A change of a count; rolled up later, so that no row is hot."""

    city: int
    name: str
    delta: int


class PositionRow(NamedTuple):
    """How far a peer's numbered log has taken effect here: written with the effects, guarded by `expected`."""

    peer: str
    city: int
    expected: int
    position: int
    head: bytes


class ReceivedRow(NamedTuple):
    """A peer's message as it came, kept as evidence; of its personal part the SHA-256 only, so that it can end."""

    peer: str
    city: int
    number: int
    kind: int
    subject: str
    body: bytes
    part_digest: bytes | None
    hash: bytes
    at: datetime


class ParkedRow(NamedTuple):
    """A message that could not be applied: the position moves on, an owner looks at it.

    Its sealed personal part is kept here until the owner has resolved it.
    """

    peer: str
    city: int
    number: int
    kind: int
    subject: str
    reason: str
    at: datetime
    personal: bytes | None = None


class RunRow(NamedTuple):
    """The signed frame of a run that took effect: with the messages' hashes it is the peer's signature on each."""

    peer: str
    city: int
    first: int
    last: int
    previous: bytes
    head: bytes
    key_id: str
    signature: bytes
    at: datetime


@dataclass(slots=True)
class Writes:
    """All that one transaction writes. Every list may be empty."""

    events: list[EventRow] = field(default_factory=list)
    streams: list[StreamRow] = field(default_factory=list)
    work: list[WorkRow] = field(default_factory=list)
    work_done: list[WorkKey] = field(default_factory=list)
    claims: list[ClaimRow] = field(default_factory=list)
    claims_released: list[ClaimRow] = field(default_factory=list)
    moves: list[MoveRow] = field(default_factory=list)
    units: list[UnitRow] = field(default_factory=list)
    messages: list[MessageRow] = field(default_factory=list)
    notices: list[NoticeRow] = field(default_factory=list)
    answers: list[AnswerRow] = field(default_factory=list)
    vault: list[VaultRow] = field(default_factory=list)
    vault_keys: list[VaultKeyRow] = field(default_factory=list)
    blind: list[BlindRow] = field(default_factory=list)
    tallies: list[TallyRow] = field(default_factory=list)
    positions: list[PositionRow] = field(default_factory=list)
    received: list[ReceivedRow] = field(default_factory=list)
    runs: list[RunRow] = field(default_factory=list)
    parked: list[ParkedRow] = field(default_factory=list)


class Known(NamedTuple):
    """What the store already knows about a batch."""

    answers: Mapping[str, AnswerRow]
    holders: Mapping[str, ClaimRow]


class Transaction(Protocol):
    """One transaction. It commits when its context ends without an exception."""

    async def known(self, *, keys: Sequence[str], names: Sequence[str]) -> Known:
        """The answers kept for these idempotency keys and the holders of these claims."""
        ...

    async def load(self, *, keys: Sequence[StreamKey]) -> Mapping[StreamKey, StreamRow]:
        """Lock these streams, in sorted order, and read them; a stream that does not exist is absent."""
        ...

    async def write(self, *, writes: Writes) -> None:
        """Write everything in one statement. Raises `Conflict` when a guard or a unique name fails."""
        ...


class Store(Protocol):
    """Where a house keeps its journal."""

    def transaction(self) -> AbstractAsyncContextManager[Transaction]:
        """A transaction; raises `Unavailable` when it can't be said to have happened."""
        ...

    async def streams(self, *, keys: Sequence[StreamKey]) -> Mapping[StreamKey, StreamRow]:
        """Read streams without locking them."""
        ...

    async def events(self, *, key: StreamKey, after: int = 0, limit: int = 500) -> Sequence[EventRow]:
        """A stream's events in order, from version `after` + 1."""
        ...

    async def holders(self, *, names: Sequence[str]) -> Mapping[str, ClaimRow]:
        """Who holds these claims."""
        ...

    async def due(self, *, now: datetime, limit: int) -> Sequence[WorkRow]:
        """Lines of worklists whose clock has run out, oldest first."""
        ...

    async def next_due(self) -> datetime | None:
        """When the next clock runs out."""
        ...

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
        ...

    async def tallies(self) -> Mapping[tuple[int, str], int]:
        """Every count, by city and name."""
        ...

    async def accounts(self) -> Mapping[tuple[int, str], int]:
        """How many units stand in each custody account, by city."""
        ...


class AskingTransaction(Transaction, Protocol):
    """A transaction in which a step may also ask by statements of its own."""

    @property
    def connection(self) -> Any:
        """Takes `fetch`, `fetchval` and `execute`, each with a statement and its arguments."""
        ...


class HouseStore(Store, Protocol):
    """What a running house needs beside the journal: its steps' own questions, by statement, and the worklists at once."""

    def transaction(self) -> AbstractAsyncContextManager[AskingTransaction]:
        """See `Store.transaction`."""
        ...

    async def fetch(self, statement: str, *arguments: Any) -> Sequence[Any]:
        """Ask with a statement of a step's `queries`. Raises `Unavailable`."""
        ...

    async def worklists(
        self, *, queues: Sequence[str], states: Sequence[str], since_before: datetime | None, limit: int
    ) -> Sequence[tuple[WorkRow, str | None]]:
        """Several worklists at once, each longest-waiting first; those named in `states` with their streams' states."""
        ...

    async def roll_up(self, *, limit: int = 20_000) -> int:
        """Sum tally changes into tallies; returns how many were summed."""
        ...

    async def close(self) -> None:
        """Give everything back."""
        ...
