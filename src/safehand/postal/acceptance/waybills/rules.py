"""Waybill numbers are given one after the other through all ranges of a city, and never twice. Pure.

A draw that finds nothing is no refusal but an event: the order must go on (wait, ask again, be refused at last), and
the manager must hear of it.
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, assert_never

from safehand.kernel.machine import Context, Event
from safehand.kernel.outcome import Refusal
from safehand.kernel.working_days import local_day
from safehand.postal.acceptance.waybills import commands, events
from safehand.postal.acceptance.waybills.states import TABLE, Numbers, State
from safehand.postal.network.offices import Network
from safehand.postal.steps import moved

NEARLY_USED_UP_PARTS: Final = 20
"""The manager is told when a twentieth is left: over two weeks of numbers even if a range lasts a year (assumed)."""


def range_stream(city: int) -> str:
    """The stream of a city's numbers."""
    return f"wr_{city}"


def decide(
    step: Numbers, command: commands.RangeCommand, context: Context, network: Network
) -> Sequence[Event]:
    """The next number or the news that there is none; with either, the warning that few are left."""
    day, city = local_day(context.now), context.key.city
    waybill = network.waybill(city=city, nth=step.drawn, day=day)
    if isinstance(waybill, Refusal):
        return [events.DrawMissed(order=command.order)]
    numbers = network.numbers(city=city, day=day)
    left, few = numbers - step.drawn - 1, numbers // NEARLY_USED_UP_PARTS
    drawn = events.WaybillDrawn(order=command.order, waybill=waybill, nth=step.drawn)
    match step.state:
        case State.USED_UP:
            return [events.Widened(left=left + 1), drawn]
        case State.NEARLY_USED_UP:
            return [events.Widened(left=left + 1), drawn] if left > few else [drawn]
        case State.NOT_BEGUN | State.OPEN:
            return [drawn, events.NearlyUsedUp(left=left)] if left <= few else [drawn]
        case _:
            assert_never(step.state)


def fold(step: Numbers, event: events.RangeEvent, at: datetime) -> Numbers:
    """The numbers after the event."""
    match event:
        case events.WaybillDrawn(nth=nth):
            return moved(step, event, at, TABLE, drawn=nth + 1)
        case events.NearlyUsedUp() | events.DrawMissed() | events.Widened():
            return moved(step, event, at, TABLE)
        case _:
            assert_never(event)
