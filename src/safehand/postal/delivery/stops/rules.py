"""Stops: named by the authority, told to each item; and lists of items as the doors that a courier goes to. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec

from safehand.kernel.machine import Context, Event
from safehand.kernel.outcome import Refusal
from safehand.postal.delivery.stops import commands, events, refusals
from safehand.postal.delivery.stops.states import TABLE, State, Stop
from safehand.postal.item import Item
from safehand.postal.steps import moved


def decide(stop: Stop, command: commands.NameStop, context: Context) -> Sequence[Event] | Refusal:
    """Once. Told again it is so already; told otherwise it is refused, and every item goes its way all the same."""
    if stop.state is State.NAMED:
        same = (stop.peer, stop.orders) == (command.peer, command.orders)
        return [] if same else refusals.STOP_DIFFERS()
    return [events.StopNamed(peer=command.peer, orders=command.orders)]


def fold(stop: Stop, event: events.StopEvent, at: datetime) -> Stop:
    """The stop after the event."""
    return moved(stop, event, at, TABLE, peer=event.peer, orders=event.orders)


class StopItem(msgspec.Struct, frozen=True, kw_only=True):
    """One envelope at a door: what the courier scans and says of it. No person is in it."""

    city: int
    item: str
    waybill: str
    state: str
    attempts: int
    since: datetime


class StopShown(msgspec.Struct, frozen=True, kw_only=True):
    """One door: its items, and which of the same door still lie at the office."""

    stop: str
    """The reference of the stop; empty for an item that goes by itself."""
    items: tuple[StopItem, ...]
    still_at_office: tuple[StopItem, ...] = ()


def item_shown(*, city: int, name: str, item: Item) -> StopItem:
    """An item as a line of a courier's list."""
    step = item.delivery
    assert step.since is not None, "an item on a list has come there"
    return StopItem(
        city=city,
        item=name,
        waybill=item.waybill,
        state=str(step.state),
        attempts=step.attempts,
        since=step.since,
    )


def in_stops(
    *, items: Sequence[tuple[StopItem, str]], at_office: Mapping[str, Sequence[StopItem]]
) -> list[StopShown]:
    """Items with the stops that they belong to, as doors: in the order in which the first of each came.

    `at_office`: of each stop what still lies there.
    """
    doors: dict[str, list[StopItem]] = {}
    for line, stop in items:
        doors.setdefault(stop or f"\x1f{line.item}", []).append(line)
    return [
        StopShown(
            stop="" if name.startswith("\x1f") else name,
            items=tuple(lines),
            still_at_office=tuple(at_office.get(name, ())),
        )
        for name, lines in doors.items()
    ]
