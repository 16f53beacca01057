"""Which wishes are taken: a few for each order, on days that there are."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from safehand.authority.rulebook import Answer, Moment
from safehand.authority.wish import commands as c
from safehand.authority.wish import events as e
from safehand.authority.wish import refusals
from safehand.authority.wish.states import TABLE, Wish
from safehand.kernel.outcome import Refusal
from safehand.kernel.steps import moved
from safehand.link.messages import WISHES_MAX


def asked(step: Wish, order: str) -> int:
    """How many wishes there were of an order: an envelope that goes out anew begins anew."""
    return step.number if step.order == order else 0


def ask(step: Wish, command: c.AskWish, m: Moment, *, days: Sequence[date] = ()) -> Answer:
    """The last one counts. `days`: on which it can be brought (router.py)."""
    before = asked(step, m.order)
    if command.number != before + 1:
        return refusals.CHANGED() if before < WISHES_MAX else refusals.TOO_MANY(most=WISHES_MAX)
    if before >= WISHES_MAX:
        return refusals.TOO_MANY(most=WISHES_MAX)
    refusal = _way(command, m, days)
    if refusal is not None:
        return refusal
    if before and (step.state, step.day) == (command.wish, command.day):
        return []
    facts: dict[str, Any] = {
        "number": command.number,
        "order": m.order,
        "waybill": m.waybill,
        "peer": m.peer,
        "at": m.now,
    }
    if command.day is None:
        return [e.PostOfficeWished(**facts)]
    return [e.AnotherDayWished(day=command.day, **facts)]


def _way(command: c.AskWish, m: Moment, days: Sequence[date]) -> Refusal | None:
    if command.wish == "post_office":
        if command.day is not None:
            return refusals.NOT_THAT_DAY(days=_said(days))
        never = m.city_on.reach.post_office == "never"
        return refusals.NO_POST_OFFICE() if never else None
    if not days:
        return refusals.NO_DAY_LEFT()
    return None if command.day in days else refusals.NOT_THAT_DAY(days=_said(days))


def _said(days: Sequence[date]) -> str:
    return ", ".join(day.isoformat() for day in days)


RULES: Final[Mapping[type, Any]] = {c.AskWish: ask}


def fold(step: Wish, event: e.WishEvent, at: datetime) -> Wish:
    """The step after the event."""
    day = event.day if isinstance(event, e.AnotherDayWished) else None
    return moved(step, event, at, TABLE, number=event.number, day=day, order=event.order)
