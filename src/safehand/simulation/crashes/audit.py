"""Looks at both houses' databases from outside and says what does not hold: the journal is folded anew and compared.

Nothing here goes through a house's store or shell: rows are read with statements of its own, in one snapshot for each
house. What is kept beside the journal (state, units, worklists, claims, moves, messages, notices, counts) is made
anew from the events by the machines' own pure functions and must be the same, row for row.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import permutations
from typing import Any, Final

import asyncpg
import msgspec

from safehand.authority.notices.reminding import QUEUE_OF
from safehand.house.witnessing import KIND as WITNESS
from safehand.kernel.hash_chain import GENESIS, event_hash
from safehand.kernel.ledger import BooksDisagree, Standing, posted
from safehand.kernel.machine import Machine, StreamKey
from safehand.link.envelope import GENESIS as LINK_GENESIS
from safehand.link.envelope import Posted, message_hash

TABLES: Final[Mapping[str, str]] = {
    "stream": "city, stream, kind, version, head, state, units",
    "event": "city, stream, version, kind, at, actor, body, hash",
    "work": "city, stream, queue, narrowed, since, due_at, owner",
    "claim": "name, city, stream",
    "unit": "city, unit, stream, account, pending",
    "move": "city, unit, giver, taker, phase, at, stream, version",
    "answer": "key, city, stream, answer",
    "notice": "city, subject, template, facts",
    "vault_record": "city, subject, name, sealed",
    "keys.case_key": "city, subject, wrapped",
    "blind_index": "purpose, digest, city, subject",
    "link_outbox": "peer, city, kind, subject, body, at",
    "link_sent": "peer, city, number, kind, subject, body, personal, hash, at",
    "link_head": "peer, city, number, hash, acknowledged",
    "link_position": "peer, city, position, head",
    "link_received": "peer, city, number, kind, subject, body, hash",
    "link_parked": "peer, city, number, reason, resolved_at",
    "checkpoint": "city, number, hash",
}
"""What is looked at; columns that an attempt may leave behind without an effect (identities of rows) are left out."""
_COUNTED = "select city, name, sum(count)::int from (select city, name, count from tally union all"
_COUNTED += (
    " select city, name, delta from tally_change) as both_kinds group by city, name having sum(count) <> 0"
)


@dataclass(frozen=True)
class Snapshot:
    """All rows of one house at one moment."""

    rows: Mapping[str, Sequence[tuple[Any, ...]]]

    def __getitem__(self, table: str) -> Sequence[tuple[Any, ...]]:
        return self.rows[table]

    def digest(self) -> bytes:
        """The same for the same rows; how far a peer has acknowledged is no effect and is left out."""
        summed = hashlib.sha256()
        for table, rows in self.rows.items():
            kept = [row[:-1] for row in rows] if table == "link_head" else rows
            summed.update(f"{table}\x1f{sorted(map(repr, kept))}".encode())
        return summed.digest()

    def histories(self) -> list[str]:
        """What happened, without the names of things: each stream's kind and events, in a fixed order.

        Without the witnesses' streams: how much a checkpoint takes depends on which transactions are open at the moment.
        """
        events: dict[tuple[int, str], list[str]] = {}
        for row in sorted(self["event"], key=lambda row: row[:3]):
            events.setdefault(row[:2], []).append(row[3])
        kinds = {row[:2]: row[2] for row in self["stream"]}
        return sorted(
            f"{kinds.get(key, '?')}: {' '.join(told)}"
            for key, told in events.items()
            if kinds.get(key) != WITNESS
        )


async def taken(connection: asyncpg.Connection) -> Snapshot:
    """The rows of one house, all of one moment."""
    async with connection.transaction(isolation="repeatable_read", readonly=True):
        rows: dict[str, Sequence[tuple[Any, ...]]] = {
            table: [tuple(row) for row in await connection.fetch(f"select {columns} from {table}")]  # noqa: S608 - our own names
            for table, columns in TABLES.items()
        }
        rows["tally"] = [tuple(row) for row in await connection.fetch(_COUNTED)]
    return Snapshot(rows)


@dataclass
class _Made:
    """What the events of a house make, beside the streams themselves."""

    work: Counter[Any] = field(default_factory=Counter)
    claims: Counter[Any] = field(default_factory=Counter)
    units: Counter[Any] = field(default_factory=Counter)
    moves: Counter[Any] = field(default_factory=Counter)
    messages: Counter[Any] = field(default_factory=Counter)
    notices: Counter[Any] = field(default_factory=Counter)
    tallies: Counter[Any] = field(default_factory=Counter)


class Auditor:
    """Audits one house. `found` are sentences; none means that everything holds."""

    def __init__(self, *, name: str, machines: Mapping[str, Machine]) -> None:
        self._name, self._machines = name, machines
        self._decoders = {kind: msgspec.json.Decoder(one.event) for kind, one in self._machines.items()}
        self._states = {kind: msgspec.json.Decoder(one.state) for kind, one in self._machines.items()}

    def found(self, seen: Snapshot) -> list[str]:
        """Everything that does not hold in this house."""
        made, faults = _Made(), list[str]()
        events: dict[StreamKey, list[tuple[Any, ...]]] = {}
        for row in sorted(seen["event"], key=lambda row: row[:3]):
            events.setdefault(StreamKey(row[0], row[1]), []).append(row)
        streams = {StreamKey(row[0], row[1]): row for row in seen["stream"]}
        for key in sorted(events.keys() ^ streams.keys()):
            faults.append(f"{key.stream}: has {'events' if key in events else 'a state'} and not the other")
        for key in sorted(events.keys() & streams.keys()):
            faults += self._stream(key, streams[key], events[key], made)
        faults += _compared(seen, made)
        faults += _answers(seen, events)
        faults += _numbered(seen, self._name)
        return [f"{self._name}: {fault}" for fault in faults]

    def _stream(
        self, key: StreamKey, row: tuple[Any, ...], events: list[tuple[Any, ...]], made: _Made
    ) -> Iterable[str]:
        """One stream: its chain, its fold, and what its events make elsewhere."""
        kind, version, head, state_text, units_text = row[2:7]
        machine, previous, state, units = self._machines[kind], GENESIS, None, {}
        state = machine.initial(key)
        if [one[2] for one in events] != list(range(1, version + 1)):
            yield f"{key.stream}: version {version}, but its events are {[one[2] for one in events]}"
        for _, _, number, tag, at, actor, body, kept in events:
            previous = event_hash(
                previous=previous,
                city=key.city,
                stream=key.stream,
                version=number,
                kind=tag,
                at=at,
                actor=actor,
                body=body.encode(),
            )
            if previous != kept:
                yield f"{key.stream}: the chain breaks at version {number}"
            event = self._decoders[kind].decode(body)
            try:
                units = _posted(machine, units, state, event, (key, at, number), made)
            except BooksDisagree as disagree:
                yield f"{key.stream}: {disagree}"
            after = machine.fold(state, event, at)
            _note(machine, key, at, (state, after), event, made)
            state = after
        if head != previous:
            yield f"{key.stream}: its head is not the hash of its last event"
        if self._states[kind].decode(state_text) != state:
            yield f"{key.stream}: its state is not the fold of its events"
        if msgspec.json.decode(units_text, type=dict[str, Standing]) != units:
            yield f"{key.stream}: its units are not those of its events"
        made.units.update(
            (key.city, unit, key.stream, one.account, one.pending) for unit, one in units.items()
        )
        made.work.update(
            (key.city, key.stream, one.queue, one.group, one.since, one.due_at, one.owner)
            for one in machine.waits(state, key)
        )


def _posted(
    machine: Machine,
    units: dict[str, Standing],
    state: Any,
    event: Any,
    where: tuple[StreamKey, datetime, int],
    made: _Made,
) -> dict[str, Standing]:
    key, at, number = where
    for move in machine.moves(state, event):
        units = posted(units=units, move=move)
        made.moves[(key.city, move.unit, move.giver, move.taker, move.phase, at, key.stream, number)] += 1
    return units


def _note(
    machine: Machine, key: StreamKey, at: datetime, states: tuple[Any, Any], event: Any, made: _Made
) -> None:
    before, after = states
    for out in machine.speaks(after, event, key):
        body = msgspec.json.encode(out.body).decode()
        made.messages[(out.peer, key.city, out.kind, out.subject, body, at)] += 1
    for notice in machine.tells(after, event):
        facts = msgspec.json.encode(notice.facts).decode()
        made.notices[(key.city, notice.subject, notice.template, facts)] += 1
    for claim in machine.claims(after, event):
        made.claims[(claim.name, key.city, key.stream)] += 1 if claim.taken else -1
    for name, delta in machine.counts(before, after).items():
        made.tallies[(key.city, name)] += delta


def _compared(seen: Snapshot, made: _Made) -> Iterable[str]:
    """Row for row: what stands in the tables against what the events make."""
    outgoing = Counter(seen["link_outbox"])
    outgoing.update((*row[:2], row[3], row[4], row[5], row[8]) for row in seen["link_sent"])
    claims = Counter({claim: count for claim, count in made.claims.items() if count})
    tallies = Counter({(*key, count): 1 for key, count in made.tallies.items() if count})
    for table, there, wanted in (
        ("work", Counter(seen["work"]), made.work),
        ("claim", Counter(seen["claim"]), claims),
        ("unit", Counter(seen["unit"]), made.units),
        ("move", Counter(seen["move"]), made.moves),
        ("messages", outgoing, made.messages),
        # Reminders come of deadlines that are near, and of no event.
        ("notice", Counter(row for row in seen["notice"] if row[2] not in QUEUE_OF), made.notices),
        ("tally", Counter(seen["tally"]), tallies),
    ):
        for row in there - wanted:
            yield f"{table}: {_short(row)} is there too often"
        for row in wanted - there:
            yield f"{table}: {_short(row)} is missing"


def _short(row: tuple[Any, ...]) -> str:
    return " ".join(str(value)[:60] for value in row)


def _answers(seen: Snapshot, events: Mapping[StreamKey, Sequence[tuple[Any, ...]]]) -> Iterable[str]:
    """Every kept answer tells of events that are in the journal, at the place that it names."""
    for key, city, stream, answer in seen["answer"]:
        version, told = msgspec.json.decode(answer, type=tuple[int, tuple[str, ...]])
        there = [row[3] for row in events.get(StreamKey(city, stream), ())[:version]]
        if len(there) != version or not _stands_in(told, there):
            yield f"answer {key}: tells of {' '.join(told)} up to version {version} of {stream}; not so"


def _stands_in(told: Sequence[str], there: Sequence[str]) -> bool:
    """Whether the events follow each other somewhere (what followed from them may stand behind them)."""
    wanted = list(told)
    return not wanted or any(
        list(there[place : place + len(wanted)]) == wanted for place in range(len(there))
    )


def _numbered(seen: Snapshot, name: str) -> Iterable[str]:
    """Each sequence is numbered from one on without a gap, chained, and its head is its last message."""
    sequences: dict[tuple[str, int], list[tuple[Any, ...]]] = {}
    for row in sorted(seen["link_sent"], key=lambda row: row[:3]):
        sequences.setdefault((row[0], row[1]), []).append(row)
    heads = {(row[0], row[1]): row for row in seen["link_head"]}
    if sequences.keys() != heads.keys():
        yield "link_head and link_sent name different sequences"
    for (peer, city), rows in sequences.items():
        previous, numbers = LINK_GENESIS, [row[2] for row in rows]
        if numbers != list(range(1, len(rows) + 1)):
            yield f"link to {peer}: the numbers are {numbers}"
        for _, _, number, kind, subject, body, personal, kept, at in rows:
            message = Posted(number=number, kind=kind, subject=subject, at=at, body=body, personal=personal)
            previous = message_hash(previous=previous, sender=name, receiver=peer, city=city, message=message)
            if previous != kept:
                yield f"link to {peer}: the chain breaks at {number}"
        head = heads.get((peer, city))
        if head is not None and (head[2], head[3]) != (len(rows), previous):
            yield f"link to {peer}: the head says {head[2]}, the last message is {len(rows)}"
    for peer, _, number, reason, resolved_at in seen["link_parked"]:
        if resolved_at is None:
            yield f"link from {peer}: message {number} is parked: {reason}"


def found_between(seen: Mapping[str, Snapshot]) -> Iterable[str]:
    """What each of two houses, by name, has taken is what the other has said, each message once and in its order.

    Nothing may happen between the two snapshots.
    """
    for here, there in permutations(seen, 2):
        said = {(row[1], row[2]): row[7] for row in seen[there]["link_sent"] if row[0] == here}
        heads = {row[1]: row for row in seen[there]["link_head"] if row[0] == here}
        heard: dict[int, list[tuple[int, bytes]]] = {}
        for row in seen[here]["link_received"]:
            heard.setdefault(row[1], []).append((row[2], row[6]))
        positions = {row[1]: (row[2], row[3]) for row in seen[here]["link_position"]}
        if positions.keys() != heard.keys():
            yield f"{here}: positions and messages received are of different cities"
        for city, messages in heard.items():
            messages.sort()
            position, head = positions.get(city, (0, b""))
            if [number for number, _ in messages] != list(range(1, position + 1)):
                yield f"{here}: position {position}, received {[number for number, _ in messages]}"
            if messages[-1][1] != head or any(said.get((city, n)) != kept for n, kept in messages):
                yield f"{here}: what was received is not what {there} said"
        for city, row in heads.items():
            if row[4] > positions.get(city, (0, b""))[0]:
                yield f"{there}: {row[4]} messages are acknowledged, {here} has taken fewer"
