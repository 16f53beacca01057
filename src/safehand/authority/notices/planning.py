"""On which ways a notice goes out, what is still to be sent of it, and when it has been told. Pure."""

from collections.abc import Mapping
from typing import Final, Literal, NamedTuple

from safehand.authority.contact.commands import Channel
from safehand.authority.notices.rendering import Group

CHANNELS: Final[tuple[Channel, ...]] = ("sms", "email")
BY_SMS: Final = 1
BY_EMAIL: Final = 2
BOTH: Final = BY_SMS | BY_EMAIL
_BIT: Final[Mapping[Channel, int]] = {"sms": BY_SMS, "email": BY_EMAIL}

State = Literal["sent", "delivered", "again", "failed"]
"""Of a message: taken by the gateway; at the phone; it did not arrive and is sent once more; it failed for good."""
States = Mapping[Channel, State]
"""What became of a notice by way; what was not sent yet is absent."""


class Choice(NamedTuple):
    """What an applicant chose for each group, as bits of the ways; who chose nothing has both, and one for the other."""

    progress: int = BOTH
    deadlines: int = BOTH
    delivery: int = BOTH
    other_way: bool = True
    """What does not arrive on the chosen way is tried on the other one."""


class Ways(NamedTuple):
    """The ways of a notice: at first these, and if all of them failed, those."""

    first: tuple[Channel, ...] = ()
    then: tuple[Channel, ...] = ()


def ways_of(*, group: Group, always: bool, choice: Choice, has: frozenset[Channel]) -> Ways:
    """The ways of one notice. `has`: on which the person can be told at all; `always`: nobody can switch it off."""
    chosen = BOTH if always else getattr(choice, group)
    if not chosen:
        return Ways()
    first: tuple[Channel, ...] = tuple(way for way in CHANNELS if way in has and chosen & _BIT[way])
    if not (always or choice.other_way):
        return Ways(first)
    then: tuple[Channel, ...] = tuple(way for way in CHANNELS if way in has and way not in first)
    return Ways(first, then)


def to_send(ways: Ways, states: States) -> tuple[Channel, ...]:
    """The ways on which the notice must still go out."""
    first: tuple[Channel, ...] = tuple(way for way in ways.first if _is_open(states.get(way)))
    if first or is_told(states):
        return first
    then: tuple[Channel, ...] = tuple(way for way in ways.then if _is_open(states.get(way)))
    return then


def is_told(states: States) -> bool:
    """Whether it arrived on one way, as far as anybody knows."""
    return any(state in ("sent", "delivered") for state in states.values())


def _is_open(state: State | None) -> bool:
    return state is None or state == "again"
