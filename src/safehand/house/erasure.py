"""Erasing a person: the step that a case and an item have alike. The vault's key is destroyed, the journal stays.

The order is an event (who, why, when; never whom). The house's job then destroys the key and whatever else is kept of the
person beside it (`house.erasing`), and says so by a second event. Only what has ended can be erased.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Literal

from safehand.kernel.machine import Command, Event, StreamKey, Waiting
from safehand.kernel.outcome import Refusal, define
from safehand.kernel.steps import Step, Table, Wait, moved

Cause = Literal["asked_by_person", "retention_over"]

STILL_LIVE = define(
    code="erasure.still_live",
    en="This has not ended yet: the person is still needed for it.",
    zh="该事项尚未结束，仍需使用当事人信息。",
    way_out_en="Wait until it has ended (delivered, fetched, returned or withdrawn, and nothing is owed), then ask again.",
    way_out_zh="请待事项结束（已妥投、领取、退回或撤回，且无待办款项）后再次提出。",
    owner="house",
)
ERASED = define(
    code="erasure.person_erased",
    en="The person of this case has been erased; nothing more can be done for them in it.",
    zh="该申请的当事人信息已删除，无法再为其办理。",
    way_out_en="For a new document a new application is made; questions are answered at 12367.",
    way_out_zh="如需新证件请重新申请；其他问题请拨打 12367。",
    owner="house",
)


class ErasureState(StrEnum):
    """Whether the person is still there."""

    NONE = "none"
    ORDERED = "ordered"
    DONE = "done"


S = ErasureState


class OrderErasure(Command, frozen=True, kw_only=True, tag="erasure.order"):
    """Erase the person of what has ended: name, number, telephone and address can never be read again."""

    cause: Cause = "asked_by_person"


class HearErasure(Command, frozen=True, kw_only=True, tag="erasure.hear"):
    """Link 108: the authority erased the person, and so do we."""


class RecordErased(Command, frozen=True, kw_only=True, tag="erasure.record_done"):
    """The job: the key is destroyed."""


class ErasureOrdered(Event, frozen=True, kw_only=True, tag="erasure.ordered"):
    """The person is to be erased. Says why, never whom."""

    cause: str


class PersonErased(Event, frozen=True, kw_only=True, tag="erasure.done"):
    """The key is destroyed: nobody can read the person any more, here or in any copy of the data."""


ErasureCommand = OrderErasure | HearErasure | RecordErased
ErasureEvent = ErasureOrdered | PersonErased

WORDS: Final = {
    S.NONE: ("kept", "保存中"),
    S.ORDERED: ("being erased", "删除中"),
    S.DONE: ("erased", "已删除"),
}
TABLE: Final[Table] = {(S.NONE, ErasureOrdered): S.ORDERED, (S.ORDERED, PersonErased): S.DONE}
WAITING: Final = {S.ORDERED: Wait(owner="system")}
TERMINAL: Final = frozenset({S.DONE})
QUEUE: Final = "erasure.ordered"


Gone = Callable[[Sequence[StreamKey]], Awaitable[set[StreamKey]]]
"""Of streams: those whose person is erased. They are nobody's any more, and say so to whoever has their reference."""


class Erasure(Step, frozen=True, kw_only=True, omit_defaults=True):
    """Whether the person of a case or an item is still there."""

    state: ErasureState = S.NONE


def decide(step: Erasure, command: ErasureCommand, *, live: bool) -> Sequence[Event] | Refusal:
    """Ordered once, done once. `live`: something is still to come for which the person is needed."""
    match command:
        case OrderErasure() | HearErasure():
            if step.state is not S.NONE:
                return []
            if live:
                return STILL_LIVE()
            return [
                ErasureOrdered(cause=command.cause if isinstance(command, OrderErasure) else "told_by_peer")
            ]
        case RecordErased():
            return [PersonErased()] if step.state is S.ORDERED else []


def fold(step: Erasure, event: Event, at: datetime) -> Erasure:
    """The step after the event."""
    return moved(step, event, at, TABLE)


def waits(step: Erasure, group: str = "") -> Sequence[Waiting]:
    """The job's worklist."""
    if step.state is not S.ORDERED or step.since is None:
        return ()
    return (Waiting(queue=QUEUE, since=step.since, owner="system", group=group),)
