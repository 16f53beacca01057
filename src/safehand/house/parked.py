"""A parked message as a stream: it begins with its resolution, which happens once. Applied after all, or closed with a reason."""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Final

import msgspec

from safehand.kernel.machine import Command, Context, Event, Machine, StreamKey
from safehand.kernel.outcome import Refusal, define

KIND: Final = "parked"

ALREADY_RESOLVED = define(
    code="parked.already_resolved",
    en="This message was resolved already: it was {how}.",
    zh="该报文已处理：{how}。",
    way_out_en="Nothing is left to do; the list shows what is still open.",
    way_out_zh="无需再处理；列表中显示仍待处理的报文。",
    owner="house",
)
NOT_APPLICABLE = define(
    code="parked.not_applicable",
    en="This message still can't be applied: {reason}.",
    zh="该报文仍无法生效：{reason}。",
    way_out_en="Correct what the reason names, or ask the peer; close it with a reason when it shall never take effect.",
    way_out_zh="请按原因更正或与对方核实；如确定不再生效，请注明原因后关闭。",
    owner="house",
)


class CloseReason(StrEnum):
    """Why a parked message shall never take effect."""

    SETTLED_OTHERWISE = "settled_otherwise"
    OVERTAKEN = "overtaken"
    SENT_IN_ERROR = "sent_in_error"
    NOT_OURS = "not_ours"
    PERSON_ERASED = "person_erased"


REASON_WORDS: Final[Mapping[CloseReason, tuple[str, str]]] = {
    CloseReason.SETTLED_OTHERWISE: ("what it says was done in another way", "所述事项已通过其他方式处理"),
    CloseReason.OVERTAKEN: ("later messages say more", "已被后续报文取代"),
    CloseReason.SENT_IN_ERROR: ("the peer says that it was sent in error", "对方确认系误发"),
    CloseReason.NOT_OURS: ("it is about nothing of this house", "与本机构无关"),
    CloseReason.PERSON_ERASED: ("its person has been erased", "当事人信息已删除"),
}


class MessageApplied(Event, frozen=True, kw_only=True, tag="parked.applied"):
    """It took effect after all, in the transaction of this event."""

    peer: str
    number: int
    kind: int
    parked_for: str


class MessageClosed(Event, frozen=True, kw_only=True, tag="parked.closed"):
    """It shall never take effect."""

    peer: str
    number: int
    kind: int
    parked_for: str
    reason: CloseReason


class ResolveParked(Command, frozen=True, kw_only=True, tag="parked.resolve"):
    """Resolve it; without a reason it was applied."""

    peer: str
    number: int
    kind: int
    parked_for: str
    reason: CloseReason | None = None


class Parked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of it."""

    resolved: bool = False
    reason: CloseReason | None = None


def decide(parked: Parked, command: ResolveParked, context: Context) -> Sequence[Event] | Refusal:
    """Once and for all."""
    if parked.resolved:
        en, zh = REASON_WORDS[parked.reason] if parked.reason is not None else ("", "")
        return ALREADY_RESOLVED(
            how_en=f"closed, since {en}" if en else "applied", how_zh=f"已关闭，{zh}" if zh else "已生效"
        )
    said = {
        "peer": command.peer,
        "number": command.number,
        "kind": command.kind,
        "parked_for": command.parked_for,
    }
    if command.reason is None:
        return [MessageApplied(**said)]
    return [MessageClosed(**said, reason=command.reason)]


def fold(parked: Parked, event: MessageApplied | MessageClosed, at: object) -> Parked:
    """The message after its resolution."""
    return Parked(resolved=True, reason=event.reason if isinstance(event, MessageClosed) else None)


PARKED_MACHINE: Final = Machine(
    kind=KIND,
    state=Parked,
    event=MessageApplied | MessageClosed,
    initial=lambda key: Parked(),
    decide=decide,
    fold=fold,
)


def parked_key(*, city: int, peer: str, number: int) -> StreamKey:
    """The stream of one parked message."""
    return StreamKey(city, f"pk_{peer}_{number}")
