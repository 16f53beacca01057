"""The day's statement as a stream per city: made, sent, heard, compared; a difference waits for its owner till morning.

Both houses run this. The statement is computed from the house's own book before the call and given to it as facts.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from safehand.house.statements import ZONE, Difference
from safehand.kernel.machine import Command, Context, Event, Machine, Outgoing, StreamKey, Waiting
from safehand.kernel.outcome import Refusal, define
from safehand.link.messages import STATEMENT_LINES_MAX, Kind, Statement, StatementPart

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


class DifferenceCause(StrEnum):
    """What a difference between two statements turned out to be."""

    SCAN_CAME_LATE = "scan_came_late"
    SCAN_MISSING = "scan_missing"
    ACROSS_MIDNIGHT = "across_midnight"
    COUNTED_WRONGLY = "counted_wrongly"
    MESSAGE_PARKED = "message_parked"
    WRONG_ITEM = "wrong_item"
    ITEM_MISSING = "item_missing"
    SYSTEM_FAULT = "system_fault"


CAUSE_WORDS: Final[Mapping[DifferenceCause, tuple[str, str]]] = {
    DifferenceCause.SCAN_CAME_LATE: ("a scan was told after the day was closed", "扫描信息在关账后才送达"),
    DifferenceCause.SCAN_MISSING: ("a scan was never made; it was made up for", "漏扫，已补录"),
    DifferenceCause.ACROSS_MIDNIGHT: (
        "the houses count the move on different days; the next statement agrees",
        "双方将该次移交记在不同日期，次日对账已一致",
    ),
    DifferenceCause.COUNTED_WRONGLY: (
        "a bag was counted wrongly; it was counted again",
        "清点有误，已重新清点",
    ),
    DifferenceCause.MESSAGE_PARKED: ("a message was parked; it has been resolved", "报文曾被搁置，现已处理"),
    DifferenceCause.WRONG_ITEM: ("another item was scanned in its place", "误扫其他邮件"),
    DifferenceCause.ITEM_MISSING: ("the item is missing; an incident is open", "邮件下落不明，已立案查找"),
    DifferenceCause.SYSTEM_FAULT: (
        "a fault of a system; the operators have it",
        "系统故障，已交运行人员处理",
    ),
}
"""Each cause as people read it, in English and Chinese."""
CauseReference = Annotated[
    str, Meta(max_length=64, pattern=r"^([a-z]{2,4}_[a-z2-7]+|[A-Z]{2}[0-9]{9}[A-Z]{2})?$")
]
"""An order, a case, a bag or a waybill, or nothing: no place for a person's name or number."""


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
    cause: DifferenceCause
    reference: str = ""


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
    """Close the differences of a day with their cause, and with the order, bag or waybill that shows it."""

    day: date
    cause: DifferenceCause
    reference: CauseReference = ""


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
        case SettleDifference(day=day, cause=cause, reference=reference):
            if day.isoformat() not in book.differing:
                return NO_DIFFERENCE(day=day.isoformat())
            return [DifferenceSettled(day=day, cause=cause, reference=reference)]
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
    """303: our statement goes to the peer, after its lines (304) if one message can't take them."""
    if not isinstance(event, StatementMade):
        return ()
    statement, subject = event.statement, f"day.{event.statement.day}"
    bodies: list[tuple[Kind, msgspec.Struct]] = []
    if len(statement.lines) > STATEMENT_LINES_MAX:
        starts = range(0, len(statement.lines), STATEMENT_LINES_MAX)
        bodies = [
            (
                Kind.STATEMENT_PART,
                StatementPart(
                    day=statement.day, part=part, lines=statement.lines[start : start + STATEMENT_LINES_MAX]
                ),
            )
            for part, start in enumerate(starts, start=1)
        ]
        statement = msgspec.structs.replace(statement, lines=[])
    bodies.append((Kind.STATEMENT, statement))
    return [Outgoing(peer=event.peer, kind=kind, body=body, subject=subject) for kind, body in bodies]


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
