"""How commands run: lock, decide, fold, follow, write, commit. One batch, one transaction, one outcome per item.

A call that is refused, or that fails, leaves no trace and does not disturb its neighbours. Work that follows on
other streams of the house is done in the same transaction, until quiet. Nothing leaves the house before commit.
"""

import logging
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any, NamedTuple

import msgspec

from safehand.kernel.clock import Clock
from safehand.kernel.hash_chain import GENESIS, event_hash
from safehand.kernel.ids import Ids
from safehand.kernel.ledger import Standing, Units, posted
from safehand.kernel.machine import Command, Context, Event, Folded, Machine, StreamKey, Waiting
from safehand.kernel.outcome import Refusal, define
from safehand.kernel.points import mark
from safehand.kernel.store import (
    AnswerRow,
    BlindRow,
    ClaimRow,
    Conflict,
    EventRow,
    Known,
    MessageRow,
    MoveRow,
    NoticeRow,
    Store,
    StreamRow,
    TallyRow,
    Transaction,
    Unavailable,
    UnitRow,
    VaultKeyRow,
    VaultRow,
    WorkKey,
    WorkRow,
    Writes,
)

ATTEMPTS_MAX = 6
"""How often a batch that lost a race is decided anew before its callers are told to try again."""
ROUNDS_MAX = 8
"""How many times a batch may find that it needs yet another stream."""
FOLLOWING_MAX = 20_000
"""How many commands may follow from one call (a bag's items, and what follows from each)."""

NO_UNITS = b"{}"
"""How a stream is kept that answers for nothing."""

log = logging.getLogger("safehand.shell")

KEY_REUSED = define(
    code="request.key_reused",
    en="This idempotency key was already used for a different request.",
    zh="该幂等键已用于另一份不同的请求。",
    way_out_en="Send the first request again unchanged, or use a new key for a new request.",
    way_out_zh="请原样重发第一次的请求，或为新请求使用新的幂等键。",
    owner="kernel",
    status=422,
)


def of_old_form(outcome: "Done | Refusal", *, changed: Refusal) -> "Done | Refusal":
    """The outcome of a form that names its own key; whoever sends other things with a form that was used is told `changed`."""
    reused = isinstance(outcome, Refusal) and outcome.code == KEY_REUSED.code
    return changed if reused else outcome


BUSY = define(
    code="request.busy",
    en="Too many people are changing the same thing at this moment. Nothing was changed.",
    zh="此刻有太多人在更改同一事项，未作任何更改。",
    way_out_en="Try again in a moment with the same idempotency key.",
    way_out_zh="请稍后用同一幂等键重试。",
    owner="kernel",
    status=503,
)
OTHER_KIND = define(
    code="request.other_kind",
    en="Under this name there is something of another kind.",
    zh="此名称下是另一类事项。",
    way_out_en="Check the number: it belongs to another step.",
    way_out_zh="请核对编号：它属于另一环节。",
    owner="kernel",
    status=404,
)
FAILED = define(
    code="request.failed",
    en="Our system failed at this request. Nothing was changed, and our operators have been told.",
    zh="系统处理此请求时出错，未作任何更改，已通知运行人员。",
    way_out_en="Try again later with the same idempotency key, or ask the helpline.",
    way_out_zh="请稍后用同一幂等键重试，或联系服务热线。",
    owner="kernel",
    status=500,
)


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One command for one stream, with who gives it and what is kept beside it if it succeeds."""

    stream: StreamKey
    kind: str
    command: Command
    actor: str
    key: str | None = None
    """Idempotency key: the same key and request get the first answer again."""
    request_hash: bytes = b""
    token: bytes = b""
    vault: tuple[VaultRow, ...] = ()
    vault_keys: tuple[VaultKeyRow, ...] = ()
    blind: tuple[BlindRow, ...] = ()


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """A call that took effect (or had already): the stream, its version, the events that it caused there."""

    stream: str
    city: int
    version: int
    events: tuple[str, ...]
    state: Any = None
    """The stream's state after the call; for a repeated call, as it is now."""
    repeated: bool = False


Outcome = Done | Refusal


class Live(NamedTuple):
    """A stream in the hands of a transaction."""

    machine: Machine
    version: int
    head: bytes
    state: Any
    units: Units


class _Missing(Exception):
    """A call needs streams that were not loaded yet."""


@dataclass(slots=True)
class _Batch:
    """The streams and effects of one transaction; a call's part is cut off again when the call is refused."""

    now: datetime
    loaded: dict[StreamKey, StreamRow | None]
    live: dict[StreamKey, Live] = field(default_factory=dict)
    first: dict[StreamKey, Live] = field(default_factory=dict)
    """The streams as they were loaded."""
    writes: Writes = field(default_factory=Writes)
    holders: dict[str, str] = field(default_factory=dict)
    names: set[str] = field(default_factory=set)
    """The claims whose holders were looked up."""
    missing: dict[StreamKey, None] = field(default_factory=dict)
    missing_names: dict[str, None] = field(default_factory=dict)
    before: dict[StreamKey, Live | None] = field(default_factory=dict)
    """What the present call has changed, as it was: taken back when the call is refused."""
    held_before: dict[str, str | None] = field(default_factory=dict)
    failures: list[tuple[Call, Exception]] = field(default_factory=list)

    def put(self, key: StreamKey, live: Live) -> None:
        """Keep a stream's new state, and for the first time in a call the old one."""
        if key not in self.before:
            self.before[key] = self.live.get(key)
        self.live[key] = live

    def hold(self, name: str, stream: str | None) -> None:
        """A claim taken (by a stream) or given back (none)."""
        if name not in self.held_before:
            self.held_before[name] = self.holders.get(name)
        if stream is None:
            self.holders.pop(name, None)
        else:
            self.holders[name] = stream

    def take_back(self) -> None:
        """As it was before the present call."""
        for key, live in self.before.items():
            if live is None:
                self.live.pop(key, None)
            else:
                self.live[key] = live
        for name, holder in self.held_before.items():
            if holder is None:
                self.holders.pop(name, None)
            else:
                self.holders[name] = holder


@cache
def _decoder_of(state: type) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(state)


class Shell:
    """Runs commands of one house. Give it the house's machines, its store, and its clock and ids."""

    def __init__(self, *, machines: Mapping[str, Machine], store: Store, clock: Clock, ids: Ids) -> None:
        self.machines = dict(machines)
        self.store = store
        self.clock = clock
        self.ids = ids
        self._states = {m.kind: _decoder_of(m.state) for m in machines.values()}
        self._encode = msgspec.json.Encoder().encode
        self._units = msgspec.json.Decoder(dict[str, Standing])
        self._tags: dict[type, str] = {}

    async def run(
        self,
        calls: Sequence[Call],
        *,
        beside: Callable[[Sequence[Outcome], Writes], None] | None = None,
    ) -> list[Outcome]:
        """Carry out a batch in one transaction; the outcomes are in the order of the calls.

        `beside` may add rows (a link position, parked messages) that must be written with the effects. Races lost
        are decided anew, ATTEMPTS_MAX times. A batch that still loses, or that fails as a whole (rows that the
        store can't take), is halved until the culprit stands alone: only that call is answered BUSY or FAILED.
        With `beside` given both are raised instead (`Conflict`, or the failure), since the caller's rows are then
        out of date too. Raises `Unavailable` when the database can't be reached.
        """
        for _ in range(ATTEMPTS_MAX):
            try:
                async with self.store.transaction() as transaction:
                    return await self._attempt(transaction, calls, beside)
            except Conflict:
                mark("shell.race_decided_anew")
                if beside is not None:
                    raise
            except Unavailable:
                raise
            except Exception:
                if beside is not None:
                    raise
                if len(calls) > 1:
                    break
                log.exception("batch_failed", extra={"streams": [call.stream.stream for call in calls]})
                return [FAILED() for _ in calls]
        if len(calls) > 1:
            mark("shell.batch_halved")
            half = len(calls) // 2
            return [*await self.run(calls[:half]), *await self.run(calls[half:])]
        return [BUSY() for _ in calls]

    async def _attempt(
        self,
        transaction: Transaction,
        calls: Sequence[Call],
        beside: Callable[[Sequence[Outcome], Writes], None] | None,
    ) -> list[Outcome]:
        names = {name for call in calls for name in self.machines[call.kind].asks(call.command)}
        keys = [call.key for call in calls if call.key is not None]
        wanted = sorted(
            {call.stream for call in calls}
            | {key for call in calls for key in self.machines[call.kind].touches(call.command, call.stream)}
        )
        loaded: dict[StreamKey, StreamRow | None] = dict.fromkeys(wanted)
        loaded.update(await transaction.load(keys=wanted))
        # Asked after the locks are held: what these streams claim, or answered, can't change any more.
        known = await transaction.known(keys=keys, names=sorted(names)) if keys or names else Known({}, {})
        holders = {name: row.stream for name, row in known.holders.items()}
        now = self.clock.now()
        for _ in range(ROUNDS_MAX):
            batch = _Batch(now=now, loaded=loaded, holders=dict(holders), names=names)
            answers = dict(known.answers)
            outcomes = [self._one(batch, call, answers) for call in calls]
            if not batch.missing and not batch.missing_names:
                break
            if batch.missing:
                mark("shell.streams_missing")
                more = sorted(batch.missing)
                loaded.update(dict.fromkeys(more))
                loaded.update(await transaction.load(keys=more))
            if batch.missing_names:
                found = await transaction.known(keys=[], names=sorted(batch.missing_names))
                holders.update((name, row.stream) for name, row in found.holders.items())
                names |= batch.missing_names.keys()
        else:
            raise RuntimeError(f"a batch needed more than {ROUNDS_MAX} rounds of streams")
        for call, failure in batch.failures:
            extra = {"stream": call.stream.stream, "command": type(call.command).__name__}
            log.error("call_failed", exc_info=failure, extra=extra)
        self._finish(batch)
        if beside is not None:
            beside(outcomes, batch.writes)
        await transaction.write(writes=batch.writes)
        return outcomes

    def _one(self, batch: _Batch, call: Call, answers: dict[str, AnswerRow]) -> Outcome:
        """One call: its answer if it was given before, else its decision with all that follows from it."""
        kept = answers.get(call.key) if call.key is not None else None
        if kept is not None:
            return self._again(batch, call, kept)
        writes, marks = batch.writes, _marks(batch.writes)
        batch.before.clear()
        batch.held_before.clear()
        try:
            outcome = self._carry_out(batch, call)
        except _Missing:
            # Never answered: the round is run again. What the call did so far stays, so that the next call of this
            # round asks for what it will need itself (the next number, not the same one again).
            return BUSY()
        except Exception as failure:
            batch.failures.append((call, failure))
            outcome = FAILED()
        if isinstance(outcome, Refusal):
            _cut(writes, marks)
            batch.take_back()
            return outcome
        if call.key is not None:
            answer = AnswerRow(
                call.key,
                call.request_hash,
                call.stream.city,
                call.stream.stream,
                self._encode((outcome.version, outcome.events)),
                batch.now,
            )
            writes.answers.append(answer)
            answers[call.key] = answer
        if outcome.events:
            # "Already so" changes nothing: a repeated request must not replace what is kept of the person.
            writes.vault.extend(call.vault)
            writes.vault_keys.extend(call.vault_keys)
            writes.blind.extend(call.blind)
        return outcome

    def _again(self, batch: _Batch, call: Call, kept: AnswerRow) -> Outcome:
        if kept.request_hash != call.request_hash:
            return KEY_REUSED()
        version, events = msgspec.json.decode(kept.answer, type=tuple[int, tuple[str, ...]])
        key = StreamKey(kept.city, kept.stream)
        if key not in batch.loaded:
            batch.missing[key] = None
            return BUSY()
        live = self._open(batch, key, call.kind)
        mark("shell.answer_repeated")
        return Done(
            stream=key.stream, city=key.city, version=version, events=events, state=live.state, repeated=True
        )

    def _carry_out(self, batch: _Batch, call: Call) -> Outcome:
        """Decide the call, then everything that follows from it, until quiet."""
        waiting: deque[tuple[StreamKey, str, Command]] = deque([(call.stream, call.kind, call.command)])
        kinds: list[str] = []
        followed = 0
        while waiting:
            key, kind, command = waiting.popleft()
            decided = self._decide(batch, key, kind, command, call)
            if isinstance(decided, Refusal):
                return decided
            if followed == 0:
                kinds = [self._tag(event) for event in decided]
            states = decided.states if isinstance(decided, Folded) else [None] * len(decided)
            caused = [
                on
                for event, state in zip(decided, states, strict=True)
                for on in self._happen(batch, key, event, state, call.actor)
            ]
            unloaded = [target for target, _, _ in caused if target not in batch.loaded]
            if unloaded:
                batch.missing.update(dict.fromkeys(unloaded))
                raise _Missing
            waiting.extend(caused)
            followed += 1
            if followed > FOLLOWING_MAX:
                raise RuntimeError(f"more than {FOLLOWING_MAX} commands followed from one call")
        live = batch.live[call.stream]
        return Done(
            stream=call.stream.stream,
            city=call.stream.city,
            version=live.version,
            events=tuple(kinds),
            state=live.state,
        )

    def _decide(
        self, batch: _Batch, key: StreamKey, kind: str, command: Command, call: Call
    ) -> Sequence[Event] | Refusal:
        live = self._open(batch, key, kind)
        if live.machine.kind != kind:
            # Whoever guesses names may name a bag as a case; its machine would not know the command.
            return OTHER_KIND()
        asked = live.machine.asks(command)
        unasked = [name for name in asked if name not in batch.names]
        if unasked:
            # The round is run again with their holders; it goes on so that it finds out what else is needed.
            batch.missing_names.update(dict.fromkeys(unasked))
        context = Context(
            key=key,
            now=batch.now,
            actor=call.actor,
            holders={name: batch.holders[name] for name in asked if name in batch.holders} if asked else {},
            token=call.token,
        )
        return live.machine.decide(live.state, command, context)

    def _open(self, batch: _Batch, key: StreamKey, kind: str) -> Live:
        live = batch.live.get(key)
        if live is not None:
            return live
        row = batch.loaded[key]
        machine = self.machines[row.kind if row is not None else kind]
        if row is None:
            live = Live(machine, 0, GENESIS, machine.initial(key), {})
        else:
            state = self._states[machine.kind].decode(row.state)
            units = {} if row.units == NO_UNITS else self._units.decode(row.units)
            live = batch.first[key] = Live(machine, row.version, row.head, state, units)
        batch.put(key, live)
        return live

    def _happen(
        self, batch: _Batch, key: StreamKey, event: Event, after: Any, actor: str
    ) -> list[tuple[StreamKey, str, Command]]:
        """Append one event: fold it (unless it was), chain it, and collect what it moves, claims, says and causes."""
        machine, version, head, before, units = batch.live[key]
        writes, now = batch.writes, batch.now
        version += 1
        if after is None:
            after = machine.fold(before, event, now)
        body, tag = self._encode(event), self._tag(event)
        head = event_hash(
            previous=head,
            city=key.city,
            stream=key.stream,
            version=version,
            kind=tag,
            at=now,
            actor=actor,
            body=body,
        )
        writes.events.append(EventRow(key.city, key.stream, version, tag, now, actor, body, head))
        for move in machine.moves(before, event):
            units = posted(units=units, move=move)
            writes.moves.append(
                MoveRow(key.city, move.unit, move.giver, move.taker, move.phase, now, key.stream, version)
            )
        for claim in machine.claims(after, event):
            row = ClaimRow(claim.name, key.city, key.stream)
            (writes.claims if claim.taken else writes.claims_released).append(row)
            batch.hold(claim.name, key.stream if claim.taken else None)
        for out in machine.speaks(after, event, key):
            writes.messages.append(
                MessageRow(
                    out.peer, key.city, out.kind, out.subject, self._encode(out.body), out.personal, now
                )
            )
        for notice in machine.tells(after, event):
            facts = self._encode(notice.facts)
            writes.notices.append(NoticeRow(key.city, notice.subject, notice.template, facts, now))
        for name, delta in machine.counts(before, after).items():
            writes.tallies.append(TallyRow(key.city, name, delta))
        batch.put(key, Live(machine, version, head, after, units))
        return [(on.key, on.kind, on.command) for on in machine.follows(after, event, key)]

    def _tag(self, event: Event) -> str:
        kind = type(event)
        tag = self._tags.get(kind)
        if tag is None:
            tag = self._tags[kind] = str(kind.__struct_config__.tag)
        return tag

    def _finish(self, batch: _Batch) -> None:
        """Turn the streams' last states into rows: state, units, worklists, and tallies summed up."""
        writes = batch.writes
        for key, live in batch.live.items():
            first = batch.first.get(key)
            expected = first.version if first is not None else 0
            if live.version == expected:
                continue
            machine = live.machine
            writes.streams.append(
                StreamRow(
                    key.city,
                    key.stream,
                    machine.kind,
                    expected,
                    live.version,
                    live.head,
                    self._encode(live.state),
                    self._encode(live.units),
                )
            )
            before = first.units if first is not None else {}
            if live.units is not before:
                writes.units.extend(_unit_rows(key, before, live.units, batch.now))
            _work_rows(key, *_lines(machine, first, live, key), writes)
        writes.tallies = _summed(writes.tallies)
        writes.claims, writes.claims_released = _net_claims(writes.claims, writes.claims_released)


def _unit_rows(key: StreamKey, first: Units, last: Units, now: datetime) -> list[UnitRow]:
    rows: list[UnitRow] = []
    for unit, standing in last.items():
        was = first.get(unit)
        if was != standing:
            old_account, old_pending = (was.account, was.pending) if was is not None else (None, None)
            rows.append(
                UnitRow(
                    key.city,
                    unit,
                    key.stream,
                    standing.account,
                    standing.pending,
                    now,
                    old_account,
                    old_pending,
                )
            )
    return rows


def _lines(
    machine: Machine, first: Live | None, live: Live, key: StreamKey
) -> tuple[Sequence[Waiting], Sequence[Waiting]]:
    """On which worklists the stream stood, and on which it stands; what is on both need not be there."""
    if first is None:
        return (), machine.waits(live.state, key)
    if machine.waited is not None:
        return machine.waited(first.state, live.state, key)
    return machine.waits(first.state, key), machine.waits(live.state, key)


def _work_rows(key: StreamKey, waited: Sequence[Waiting], waits: Sequence[Waiting], writes: Writes) -> None:
    old = {line.queue: line for line in waited}
    if len({line.queue for line in waits}) != len(waits):
        raise RuntimeError(f"{key.stream} stands on one worklist twice")
    for line in waits:
        if line.due_at is None and line.owner is None:
            raise RuntimeError(f"{line.queue} waits with neither a clock nor an owner")
        if old.pop(line.queue, None) != line:
            writes.work.append(
                WorkRow(key.city, key.stream, line.queue, line.group, line.since, line.due_at, line.owner)
            )
    writes.work_done.extend(WorkKey(key.city, key.stream, queue) for queue in old)


def _net_claims(taken: list[ClaimRow], released: list[ClaimRow]) -> tuple[list[ClaimRow], list[ClaimRow]]:
    """What a batch does to each name in the end: a name taken and given back within the batch is not written."""
    if not taken or not released:
        return taken, released
    took: dict[str, list[ClaimRow]] = {}
    gave: dict[str, list[ClaimRow]] = {}
    for row in taken:
        took.setdefault(row.name, []).append(row)
    for row in released:
        gave.setdefault(row.name, []).append(row)
    last: list[ClaimRow] = []
    first: list[ClaimRow] = []
    for name in took.keys() | gave.keys():
        takes, gives = took.get(name, []), gave.get(name, [])
        # Takes and gives of one name alternate, so their numbers tell how it began and how it ends.
        if takes == gives or (len(takes) == len(gives) and gives[0] == takes[-1]):
            continue
        if len(gives) >= len(takes):
            first.append(gives[0])
        if len(takes) >= len(gives):
            last.append(takes[-1])
    return sorted(last), sorted(first)


def _summed(rows: list[TallyRow]) -> list[TallyRow]:
    sums: dict[tuple[int, str], int] = {}
    for city, name, delta in rows:
        sums[city, name] = sums.get((city, name), 0) + delta
    return [TallyRow(city, name, delta) for (city, name), delta in sums.items() if delta]


def _marks(writes: Writes) -> tuple[int, ...]:
    return (
        len(writes.events),
        len(writes.moves),
        len(writes.claims),
        len(writes.claims_released),
        len(writes.messages),
        len(writes.notices),
        len(writes.tallies),
    )


def _cut(writes: Writes, marks: tuple[int, ...]) -> None:
    events, moves, claims, released, messages, notices, tallies = marks
    del writes.events[events:]
    del writes.moves[moves:]
    del writes.claims[claims:]
    del writes.claims_released[released:]
    del writes.messages[messages:]
    del writes.notices[notices:]
    del writes.tallies[tallies:]
