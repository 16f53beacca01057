"""The daily custody statement: what this house's own book says of every item that the two houses share.

The double entry of custody (`move` rows) is folded per item into the treaty's three accounts: `authority`, `post`
and `recipient`. What is lost is lost in the post's hands. A statement has opening, moves and closing of one city and day, and a line for each item that
moved. Both houses make theirs from their own database and compare item by item; every difference has an owner.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from safehand.kernel.hash_chain import merkle_root
from safehand.kernel.store import HouseStore
from safehand.link.messages import Statement, StatementLine

ZONE = ZoneInfo("Asia/Shanghai")
ITEM_PREFIX = "or_"
"""Units that both houses know are items, named by the order reference."""
MOVES = (
    "select city, unit, giver, taker, at from move where at >= $1 and at < $2 and starts_with(unit, $3)"
    " and phase in ('opened', 'accepted', 'moved') order by at, stream, version"
)
ISSUED = "issued"
"""Whence a unit comes that is opened."""

TreatyAccount = Literal["authority", "post", "recipient"]
Accounts = Callable[[str], TreatyAccount]


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Something on which two statements do not agree: a case for a person before morning."""

    city: int
    day: date
    kind: Literal["opening", "closing", "moves", "missing_here", "missing_there", "account", "book"]
    item: str
    here: str
    there: str


class _Move(NamedTuple):
    unit: str
    giver: TreatyAccount | None
    """None: the item is new."""
    taker: TreatyAccount


async def statements(
    *,
    store: HouseStore,
    accounts: Accounts,
    first_day: date,
    last_day: date,
    openings: Mapping[int, Mapping[str, int]] | None = None,
) -> dict[tuple[int, date], Statement]:
    """Every city's statements of these days, from the moves of these days; a day without moves has none.

    `accounts` turns the house's own account into the treaty's. `openings` are the closings before `first_day`; without
    them `first_day` must be the first day of all. Reads one index range; memory holds one line per item that moved.
    """
    by_city = await _moves(store, accounts, first_day, last_day)
    made: dict[tuple[int, date], Statement] = {}
    for city, by_day in by_city.items():
        closing = dict((openings or {}).get(city, {}))
        for day in sorted(by_day):
            statement = _statement(day, closing, by_day[day])
            made[city, day] = statement
            closing = dict(statement.closing)
    return made


def _statement(day: date, opening: Mapping[str, int], moves: Sequence[_Move]) -> Statement:
    crossed: dict[str, int] = {}
    closing = dict(opening)
    standing: dict[str, TreatyAccount] = {}
    for move in moves:
        standing[move.unit] = move.taker
        if move.giver is not None:
            closing[move.giver] = closing.get(move.giver, 0) - 1
        closing[move.taker] = closing.get(move.taker, 0) + 1
        name = f"{move.giver or 'new'}>{move.taker}"
        crossed[name] = crossed.get(name, 0) + 1
    lines = [StatementLine(order=unit, account=standing[unit]) for unit in sorted(standing)]
    return Statement(
        day=day,
        opening=_without_nothing(opening),
        moves=dict(sorted(crossed.items())),
        closing=_without_nothing(closing),
        lines_root=lines_root(lines),
        lines=lines,
    )


async def _moves(
    store: HouseStore, accounts: Accounts, first_day: date, last_day: date
) -> dict[int, dict[date, list[_Move]]]:
    start = datetime.combine(first_day, time(), ZONE)
    end = datetime.combine(last_day + timedelta(days=1), time(), ZONE)
    rows = await store.fetch(
        MOVES,
        start,
        end,
        ITEM_PREFIX,
    )
    found: dict[int, dict[date, list[_Move]]] = {}
    for city, unit, giver, taker, at in rows:
        day = at.astimezone(ZONE).date()
        move = _Move(unit, None if giver == ISSUED else accounts(giver), accounts(taker))
        # What goes from hand to hand inside one house is that house's own affair.
        if move.giver != move.taker:
            found.setdefault(city, {}).setdefault(day, []).append(move)
    return found


def _without_nothing(counts: Mapping[str, int]) -> dict[str, int]:
    return {name: count for name, count in sorted(counts.items()) if count}


def lines_root(lines: Sequence[StatementLine]) -> bytes:
    """The Merkle root over a statement's lines, in their order."""
    return merkle_root([f"{line.order}\x1f{line.account}".encode() for line in lines])


def compare(*, city: int, here: Statement, there: Statement) -> list[Difference]:
    """Every difference between two statements of one city and day, item by item."""
    found: list[Difference] = []

    def differ(kind: Any, item: str, ours: object, theirs: object) -> None:
        if ours != theirs:
            found.append(
                Difference(city=city, day=here.day, kind=kind, item=item, here=str(ours), there=str(theirs))
            )

    ours = {line.order: line.account for line in here.lines}
    theirs = {line.order: line.account for line in there.lines}
    for item in sorted(ours.keys() | theirs.keys()):
        if item not in theirs:
            differ("missing_there", item, ours[item], "")
        elif item not in ours:
            differ("missing_here", item, "", theirs[item])
        else:
            differ("account", item, ours[item], theirs[item])
    for kind, mine, other in (
        ("opening", here.opening, there.opening),
        ("moves", here.moves, there.moves),
        ("closing", here.closing, there.closing),
    ):
        for name in sorted(mine.keys() | other.keys()):
            differ(kind, name, mine.get(name, 0), other.get(name, 0))
    return found


def compare_all(
    *, here: Mapping[tuple[int, date], Statement], there: Mapping[tuple[int, date], Statement]
) -> list[Difference]:
    """Compare all statements of two houses; a statement that only one of them has is compared with an empty one."""
    found: list[Difference] = []
    for city, day in sorted(here.keys() | there.keys()):
        empty = Statement(day=day, opening={}, moves={}, closing={}, lines_root=b"", lines=[])
        found += compare(city=city, here=here.get((city, day), empty), there=there.get((city, day), empty))
    return found


async def book_differences(*, store: HouseStore, day: date) -> list[Difference]:
    """Where the house's own book contradicts itself: a unit must stand where its moves have left it."""
    rows = await store.fetch(
        "select coalesce(u.city, m.city), coalesce(u.unit, m.unit), u.account, m.taker from unit u"
        " full join (select distinct on (city, unit) city, unit, taker from move"
        " where phase in ('opened', 'accepted', 'moved')"
        # A unit may be opened and moved on by one command: then it stands where it was moved to.
        " order by city, unit, at desc, version desc, phase = 'opened') m"
        " on m.city = u.city and m.unit = u.unit where u.account is distinct from m.taker limit 1000"
    )
    return [
        Difference(city=row[0], day=day, kind="book", item=row[1], here=row[2] or "", there=row[3] or "")
        for row in rows
    ]
