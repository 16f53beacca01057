"""Each house is the other's witness: a stream per city of checkpoints sent, countersigned, and witnessed of the peer.

Both houses run this. A checkpoint of the peer is countersigned only if it continues the last one that was; a gap or a
fork says that the peer's past has changed, and waits for a manager. A witness that stays silent is an alarm too.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Annotated, Literal, assert_never

import msgspec
from msgspec import Meta

from safehand.kernel.hash_chain import GENESIS
from safehand.kernel.machine import Command, Context, Event, Machine, Outgoing, StreamKey, Waiting
from safehand.kernel.outcome import Refusal, define
from safehand.link.keys import KeyRing
from safehand.link.messages import Checkpoint, CheckpointCountersigned, Kind
from safehand.link.witness import NotContinued, countersign, witnessed_hash

KIND = "witness"
ALARM_QUEUE, SILENT_QUEUE = "witness.alarm", "witness.silent"
ALARM_DUE = timedelta(hours=4)
"""A contradicted journal can't wait for the morning: whoever rewrote it goes on."""
SILENT_DUE = timedelta(hours=24)
"""Countersignatures come within seconds; a link may be down for a night."""

Contradiction = Literal["gap", "fork", "malformed", "countersignature", "silent"]

NO_ALARM = define(
    code="witness.no_alarm",
    en="No alarm of the witness is open in this city.",
    zh="该城市没有待处理的见证警报。",
    way_out_en="See the worklist witness.alarm for the cities that wait.",
    way_out_zh="请在 witness.alarm 工作列表中查看待处理的城市。",
    owner="house",
    status=409,
)


class CheckpointSent(Event, frozen=True, kw_only=True, tag="witness.checkpoint_sent"):
    """This house's checkpoint went to the peer."""

    peer: str
    checkpoint: Checkpoint
    hash: bytes


class PeerWitnessed(Event, frozen=True, kw_only=True, tag="witness.peer_witnessed"):
    """The peer's checkpoint continues what was witnessed; this house countersigned it."""

    peer: str
    number: int
    hash: bytes
    anew: bool = False
    """It begins the chain again, as the manager decided after an alarm."""


class Contradicted(Event, frozen=True, kw_only=True, tag="witness.contradicted"):
    """What came does not fit what was witnessed, or nothing came: an alarm."""

    peer: str
    why: Contradiction
    number: int
    expected: int
    hash: bytes = b""


class OursCountersigned(Event, frozen=True, kw_only=True, tag="witness.ours_countersigned"):
    """The peer signed this house's checkpoint."""

    peer: str
    number: int
    hash: bytes


class AlarmSettled(Event, frozen=True, kw_only=True, tag="witness.alarm_settled"):
    """The manager found out what it was."""

    cause: str
    begin_anew: bool


class AlarmRanLate(Event, frozen=True, kw_only=True, tag="witness.alarm_ran_late"):
    """Nobody looked in time."""


class SendCheckpoint(Command, frozen=True, kw_only=True, tag="witness.send_checkpoint"):
    """The job: this checkpoint was taken."""

    peer: str
    checkpoint: Checkpoint
    hash: bytes


class HearCheckpoint(Command, frozen=True, kw_only=True, tag="witness.hear_checkpoint"):
    """Link 301."""

    peer: str
    checkpoint: Checkpoint


class HearCountersigned(Command, frozen=True, kw_only=True, tag="witness.hear_countersigned"):
    """Link 302, with what the border found out: whether the signature holds, and over which of our hashes."""

    peer: str
    number: int
    hash: bytes
    genuine: bool


class SettleAlarm(Command, frozen=True, kw_only=True, tag="witness.settle_alarm"):
    """Close the witness's alarm with its cause; `begin_anew` takes the peer's next checkpoint as a new beginning."""

    cause: Annotated[str, Meta(min_length=3, max_length=200)]
    begin_anew: bool = False


class AlarmExpired(Command, frozen=True, kw_only=True, tag="witness.alarm_expired"):
    """The clock of an alarm."""


class WitnessSilent(Command, frozen=True, kw_only=True, tag="witness.silence_expired"):
    """The clock of a checkpoint that nobody signed."""


WitnessEvent = CheckpointSent | PeerWitnessed | Contradicted | OursCountersigned | AlarmSettled | AlarmRanLate
ROLES: dict[type[Command], frozenset[str]] = {
    SendCheckpoint: frozenset({"system"}),
    HearCheckpoint: frozenset({"system"}),
    HearCountersigned: frozenset({"system"}),
    SettleAlarm: frozenset({"authority_manager", "postal_manager"}),
    AlarmExpired: frozenset({"system"}),
    WitnessSilent: frozenset({"system"}),
}


class Witness(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """How far both chains of a city are, and the alarm, if one is open."""

    sent: int = 0
    countersigned: int = 0
    seen: int = 0
    """The last checkpoint of the peer that was witnessed, and its hash."""
    seen_hash: bytes = GENESIS
    begin_anew: bool = False
    silent_since: datetime | None = None
    """When the oldest checkpoint was sent that waits for its countersignature."""
    silent_due_at: datetime | None = None
    alarm: str = ""
    alarm_since: datetime | None = None
    alarm_due_at: datetime | None = None


def decide(witness: Witness, command: Command, context: Context) -> Sequence[Event] | Refusal:
    """Checkpoints go out in order; the peer's are witnessed only as a chain."""
    match command:
        case SendCheckpoint(peer=peer, checkpoint=checkpoint, hash=hashed):
            if checkpoint.number <= witness.sent:
                return []
            return [CheckpointSent(peer=peer, checkpoint=checkpoint, hash=hashed)]
        case HearCheckpoint(peer=peer, checkpoint=checkpoint):
            return [_judged(witness, peer, checkpoint, context.key.city)]
        case HearCountersigned():
            return [_checked(witness, command)]
        case SettleAlarm(cause=cause, begin_anew=begin_anew):
            if not witness.alarm:
                return NO_ALARM()
            return [AlarmSettled(cause=cause, begin_anew=begin_anew)]
        case AlarmExpired():
            return [AlarmRanLate()] if _is_over(witness.alarm_due_at, context.now) else []
        case WitnessSilent():
            if not _is_over(witness.silent_due_at, context.now):
                return []
            awaited = witness.countersigned + 1
            return [Contradicted(peer="", why="silent", number=witness.sent, expected=awaited)]
        case _:
            raise TypeError(f"the witness knows no {type(command).__name__}")


def _is_over(due_at: datetime | None, now: datetime) -> bool:
    return due_at is not None and now >= due_at


def _checked(witness: Witness, heard: HearCountersigned) -> Event:
    if heard.genuine:
        return OursCountersigned(peer=heard.peer, number=heard.number, hash=heard.hash)
    return Contradicted(
        peer=heard.peer,
        why="countersignature",
        number=heard.number,
        expected=witness.countersigned + 1,
        hash=heard.hash,
    )


def _judged(witness: Witness, peer: str, checkpoint: Checkpoint, city: int) -> Event:
    last, last_hash = witness.seen, witness.seen_hash
    if witness.begin_anew:
        last, last_hash = checkpoint.number - 1, checkpoint.previous
    try:
        hashed = witnessed_hash(city=city, checkpoint=checkpoint, last_number=last, last_hash=last_hash)
    except NotContinued:
        why: Contradiction = "gap" if checkpoint.number > last + 1 else "fork"
        if len(checkpoint.root) != len(GENESIS):
            why = "malformed"
        return Contradicted(
            peer=peer, why=why, number=checkpoint.number, expected=last + 1, hash=checkpoint.previous
        )
    return PeerWitnessed(peer=peer, number=checkpoint.number, hash=hashed, anew=witness.begin_anew)


def fold(witness: Witness, event: WitnessEvent, at: datetime) -> Witness:
    """The witness after the event."""
    change = msgspec.structs.replace
    match event:
        case CheckpointSent(checkpoint=checkpoint):
            since = witness.silent_since or at
            due = witness.silent_due_at or at + SILENT_DUE
            return change(witness, sent=checkpoint.number, silent_since=since, silent_due_at=due)
        case PeerWitnessed(number=number, hash=hashed):
            return change(witness, seen=number, seen_hash=hashed, begin_anew=False)
        case Contradicted(why=why):
            due = witness.alarm_due_at or at + ALARM_DUE
            alarmed = change(witness, alarm=why, alarm_since=witness.alarm_since or at, alarm_due_at=due)
            # Said once: from here on the alarm waits, and the next checkpoint sent sets the clock again.
            return change(alarmed, silent_since=None, silent_due_at=None) if why == "silent" else alarmed
        case OursCountersigned(number=number):
            reached = max(witness.countersigned, number)
            still = reached < witness.sent
            return change(
                witness,
                countersigned=reached,
                silent_since=at if still else None,
                silent_due_at=at + SILENT_DUE if still else None,
            )
        case AlarmSettled(begin_anew=begin_anew):
            return change(witness, alarm="", alarm_since=None, alarm_due_at=None, begin_anew=begin_anew)
        case AlarmRanLate():
            return change(witness, alarm_due_at=None)
        case _:
            assert_never(event)


def _waits_for(owner: str):
    def waits(witness: Witness, key: StreamKey) -> Sequence[Waiting]:
        lines: list[Waiting] = []
        if witness.alarm_since is not None:
            lines.append(
                Waiting(
                    queue=ALARM_QUEUE,
                    since=witness.alarm_since,
                    due_at=witness.alarm_due_at,
                    owner=owner,
                    group=witness.alarm,
                )
            )
        if witness.silent_since is not None:
            lines.append(
                Waiting(queue=SILENT_QUEUE, since=witness.silent_since, due_at=witness.silent_due_at)
            )
        return lines

    return waits


def _speaks_as(ring: KeyRing):
    def speaks(witness: Witness, event: WitnessEvent, key: StreamKey) -> Sequence[Outgoing]:
        """301 with our checkpoint, 302 with our signature over the peer's. Ed25519 is deterministic: a retry signs alike."""
        match event:
            case CheckpointSent(peer=peer, checkpoint=checkpoint):
                subject = f"checkpoint.{checkpoint.number}"
                return (Outgoing(peer=peer, kind=Kind.CHECKPOINT, body=checkpoint, subject=subject),)
            case PeerWitnessed(peer=peer, number=number, hash=hashed):
                signature = countersign(
                    ring=ring, owner=peer, city=key.city, number=number, checkpoint=hashed
                )
                body = CheckpointCountersigned(number=number, checkpoint=hashed, signature=signature)
                subject = f"checkpoint.{number}"
                return (Outgoing(peer=peer, kind=Kind.CHECKPOINT_COUNTERSIGNED, body=body, subject=subject),)
            case _:
                return ()

    return speaks


_TIMERS: dict[str, Command] = {ALARM_QUEUE: AlarmExpired(), SILENT_QUEUE: WitnessSilent()}


def witness_machine(*, manager: str, ring: KeyRing) -> Machine:
    """The machine of a city's witness; `manager` is the role that owns its alarms, `ring` signs for this house."""
    return Machine(
        kind=KIND,
        state=Witness,
        event=WitnessEvent,
        initial=lambda key: Witness(),
        decide=decide,
        fold=fold,
        speaks=_speaks_as(ring),
        waits=_waits_for(manager),
        timer=_TIMERS.get,
    )


STREAM_PREFIX = "wi_"


def witness_key(*, city: int, peer: str) -> StreamKey:
    """The stream of a city's witness with one peer."""
    return StreamKey(city, f"{STREAM_PREFIX}{peer}")
