"""The day's statement as a stream per city: made, sent, heard, compared; a difference waits for its owner till morning.

Both houses run this. The statement is computed from the house's own book before the call and given to it as facts.
"""

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from typing import Annotated

import msgspec
from msgspec import Meta

from safehand.house.statements import ZONE, Difference
from safehand.kernel.machine import Command, Context, Event, Machine, Outgoing, StreamKey, Waiting
from safehand.kernel.outcome import Refusal, define
from safehand.link.messages import Kind, Statement

KIND = "daybook"
OPEN_DAYS_MAX = 60
DIFFERENCES_KEPT_MAX = 200
DUE_AT = time(8, 0)
"""Every difference has an owner who must have looked by this time of the next morning."""

NO_DIFFERENCE = define(
    code="statement.no_difference",
    en="No difference of {day} is open.",
    zh="{day} 没有待处理的差异。",
    way_out_en="See the list of open differences for the days that wait.",
    way_out_zh="请在待处理差异列表中查看需要处理的日期。",
    owner="house",
    status=409,
)
DAY_ORDER = define(
    code="statement.day_order",
    en="The statement of {day} was made already, or a later one was.",
    zh="{day} 的对账单已生成，或已生成更晚的对账单。",
    way_out_en="Statements are made once, in the order of days; look the made one up.",
    way_out_zh="对账单按日期顺序各生成一次；请查看已生成的对账单。",
    owner="house",
    status=409,
)


class StatementMade(Event, frozen=True, kw_only=True, tag="statement.made"):
    """This house's book of the day was closed and sent to the peer."""

    peer: str
    statement: Statement


class StatementCompared(Event, frozen=True, kw_only=True, tag="statement.compared"):
    """The peer's book of the day was compared with ours, item by item."""

    peer: str
    day: date
    differences: tuple[Difference, ...]
    count: int
    due_at: datetime | None


class DifferenceSettled(Event, frozen=True, kw_only=True, tag="statement.settled"):
    """The manager found out what the differences of the day were."""

    day: date
    cause: str


class MakeStatement(Command, frozen=True, kw_only=True, tag="statement.make"):
    """The job: the day is over, this is what our book says."""

    peer: str
    statement: Statement


class HearStatement(Command, frozen=True, kw_only=True, tag="statement.hear"):
    """Link 303, compared with our own book."""

    peer: str
    day: date
    differences: tuple[Difference, ...]


class SettleDifference(Command, frozen=True, kw_only=True, tag="statement.settle"):
    """Close the differences of a day with their cause."""

    day: date
    cause: Annotated[str, Meta(min_length=3, max_length=200)]


class DifferenceRanLate(Event, frozen=True, kw_only=True, tag="statement.ran_late"):
    """The morning came and the differences of the day are still open."""

    day: date


class DifferenceExpired(Command, frozen=True, kw_only=True, tag="statement.expired"):
    """The clock: it is morning."""


class Daybook(msgspec.Struct, frozen=True, kw_only=True):
    """A city's book: the last closing, and the days with differences."""

    last_day: date | None = None
    closing: dict[str, int] = {}
    compared: int = 0
    differing: dict[str, int] = {}
    """Day -> how many differences, while they are open."""
    since: datetime | None = None
    due_at: datetime | None = None


DaybookEvent = StatementMade | StatementCompared | DifferenceSettled | DifferenceRanLate
ROLES: dict[type[Command], frozenset[str]] = {
    MakeStatement: frozenset({"system"}),
    HearStatement: frozenset({"system"}),
    SettleDifference: frozenset({"authority_manager", "postal_manager"}),
    DifferenceExpired: frozenset({"system"}),
}


def decide(book: Daybook, command: Command, context: Context) -> Sequence[Event] | Refusal:
    """Days close in order; differences wait until somebody names their cause."""
    match command:
        case MakeStatement(peer=peer, statement=statement):
            if book.last_day is not None and statement.day <= book.last_day:
                return DAY_ORDER(day=statement.day.isoformat())
            return [StatementMade(peer=peer, statement=statement)]
        case HearStatement(peer=peer, day=day, differences=differences):
            morning = datetime.combine(context.now.astimezone(ZONE).date() + timedelta(days=1), DUE_AT, ZONE)
            return [
                StatementCompared(
                    peer=peer,
                    day=day,
                    differences=differences[:DIFFERENCES_KEPT_MAX],
                    count=len(differences),
                    due_at=morning if differences else None,
                )
            ]
        case SettleDifference(day=day, cause=cause):
            if day.isoformat() not in book.differing:
                return NO_DIFFERENCE(day=day.isoformat())
            return [DifferenceSettled(day=day, cause=cause)]
        case DifferenceExpired():
            if book.due_at is None or context.now < book.due_at:
                return []
            return [DifferenceRanLate(day=date.fromisoformat(min(book.differing)))]
        case _:
            raise TypeError(f"the daybook knows no {type(command).__name__}")


def fold(book: Daybook, event: DaybookEvent, at: datetime) -> Daybook:
    """The book after the event."""
    match event:
        case StatementMade(statement=statement):
            return msgspec.structs.replace(book, last_day=statement.day, closing=dict(statement.closing))
        case StatementCompared(count=0):
            return msgspec.structs.replace(book, compared=book.compared + 1)
        case StatementCompared():
            open_days = {**book.differing, event.day.isoformat(): event.count}
            kept = dict(sorted(open_days.items())[-OPEN_DAYS_MAX:])
            return msgspec.structs.replace(
                book, compared=book.compared + 1, differing=kept, since=book.since or at, due_at=event.due_at
            )
        case DifferenceSettled():
            left = {day: count for day, count in book.differing.items() if day != event.day.isoformat()}
            return msgspec.structs.replace(
                book,
                differing=left,
                since=book.since if left else None,
                due_at=book.due_at if left else None,
            )
        case DifferenceRanLate():
            return msgspec.structs.replace(book, due_at=None)


def speaks(book: Daybook, event: DaybookEvent, key: StreamKey) -> Sequence[Outgoing]:
    """303: our statement goes to the peer."""
    if not isinstance(event, StatementMade):
        return ()
    return (
        Outgoing(
            peer=event.peer, kind=Kind.STATEMENT, body=event.statement, subject=f"day.{event.statement.day}"
        ),
    )


def waits_for(owner: str):
    """The worklist of differences, owned by the house's manager."""

    def waits(book: Daybook, key: StreamKey) -> Sequence[Waiting]:
        if not book.differing or book.since is None:
            return ()
        return (Waiting(queue="statement.differences", since=book.since, due_at=book.due_at, owner=owner),)

    return waits


def daybook_machine(*, manager: str) -> Machine:
    """The machine of a city's daybook; `manager` is the role that owns its differences."""
    return Machine(
        kind=KIND,
        state=Daybook,
        event=DaybookEvent,
        initial=lambda key: Daybook(),
        decide=decide,
        fold=fold,
        speaks=speaks,
        waits=waits_for(manager),
        timer=lambda queue: DifferenceExpired() if queue == "statement.differences" else None,
    )


def daybook_key(*, city: int, peer: str) -> StreamKey:
    """The stream of a city's daybook with one peer."""
    return StreamKey(city, f"sm_{peer}")
