"""The daily custody statement: what this house's own book says of every item that the two houses share.

The double entry of custody (`move` rows) is folded per item into the treaty's four accounts: `authority`, `post`,
`recipient`, `incident`. A statement has opening, moves and closing of one city and day, and a line for each item that
moved. Both houses make theirs from their own database and compare item by item; every difference has an owner.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date, datetime, time, timedelta
from typing import Any, Literal, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from safehand.kernel.hash_chain import merkle_root
from safehand.kernel.store_postgres import PostgresStore
from safehand.link.messages import Statement, StatementLine

ZONE = ZoneInfo("Asia/Shanghai")
ITEM_PREFIX = "or_"
"""Units that both houses know are items, named by the order reference."""

TreatyAccount = Literal["authority", "post", "recipient", "incident"]
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
    giver: TreatyAccount
    taker: TreatyAccount
    day: date


async def statements(
    *, store: PostgresStore, accounts: Accounts, cities: Sequence[int], last_day: date
) -> dict[tuple[int, date], Statement]:
    """Every statement of these cities up to `last_day`, folded from the moves; days without moves are left out.

    `accounts` turns the house's own account into the treaty's. Memory holds one line per item of a city.
    """
    made: dict[tuple[int, date], Statement] = {}
    for city in cities:
        by_day = await _moves_by_day(store, accounts, city, last_day)
        standing: dict[str, TreatyAccount] = {}
        for day in sorted(by_day):
            opening = _counted(standing.values())
            crossed: dict[str, int] = {}
            touched: set[str] = set()
            for move in by_day[day]:
                standing[move.unit] = move.taker
                touched.add(move.unit)
                if move.giver != move.taker:
                    name = f"{move.giver}>{move.taker}"
                    crossed[name] = crossed.get(name, 0) + 1
            lines = [StatementLine(order=unit, account=standing[unit]) for unit in sorted(touched)]
            made[city, day] = Statement(
                day=day,
                opening=opening,
                moves=dict(sorted(crossed.items())),
                closing=_counted(standing.values()),
                lines_root=lines_root(lines),
                lines=lines,
            )
    return made


async def _moves_by_day(
    store: PostgresStore, accounts: Accounts, city: int, last_day: date
) -> dict[date, list[_Move]]:
    end = datetime.combine(last_day + timedelta(days=1), time(), ZONE)
    rows = await store.fetch(
        "select unit, giver, taker, at from move where city = $1 and at < $2 and starts_with(unit, $3)"
        " and phase in ('opened', 'accepted', 'moved') order by at, stream, version",
        city,
        end,
        ITEM_PREFIX,
    )
    by_day: dict[date, list[_Move]] = {}
    for unit, giver, taker, at in rows:
        day = at.astimezone(ZONE).date()
        by_day.setdefault(day, []).append(_Move(unit, _treaty(accounts, giver), accounts(taker), day))
    return by_day


def _treaty(accounts: Accounts, giver: str) -> TreatyAccount:
    # An item is opened inside the authority: before that there was nothing to hand over.
    return "authority" if giver == "issued" else accounts(giver)


def _counted(standing: Iterable[str]) -> dict[str, int]:
    counts: dict[str, int] = {}
    for account in standing:
        counts[account] = counts.get(account, 0) + 1
    return dict(sorted(counts.items()))


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


async def book_differences(*, store: PostgresStore, day: date) -> list[Difference]:
    """Where the house's own book contradicts itself: a unit must stand where its moves have left it."""
    rows = await store.fetch(
        "select coalesce(u.city, m.city), coalesce(u.unit, m.unit), u.account, m.taker from unit u"
        " full join (select distinct on (city, unit) city, unit, taker from move"
        " where phase in ('opened', 'accepted', 'moved') order by city, unit, at desc, version desc) m"
        " on m.city = u.city and m.unit = u.unit where u.account is distinct from m.taker limit 1000"
    )
    return [
        Difference(city=row[0], day=day, kind="book", item=row[1], here=row[2] or "", there=row[3] or "")
        for row in rows
    ]
