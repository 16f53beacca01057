"""Closing the day: make every city's statement from the book, and compare the peers' statements with it."""

from collections.abc import Sequence
from datetime import date, timedelta

import msgspec

from safehand.house.daybook import KIND, Daybook, HearStatement, MakeStatement, daybook_key
from safehand.house.runtime import House
from safehand.house.statements import ITEM_PREFIX, ZONE, Accounts, compare, lines_root, statements
from safehand.kernel.shell import Call, Done
from safehand.link.messages import Kind, Statement, StatementLine, StatementPart
from safehand.link.reader import Border, Heard

DAYS_AT_ONCE_MAX = 400
PARTS_MISSING = "statement.parts_missing"
"""Why a statement is parked whose lines are not those that its root proves."""

FIRST_MOVE = "select min(at) from move where starts_with(unit, $1)"
PARTS = "select body from link_received where peer = $1 and city = $2 and kind = $3 and subject = $4 order by number"
MADE = (
    "select w.city, w.day, e.statement from unnest($1::int[], $2::text[]) as w (city, day)"
    " cross join lateral (select body::json -> 'statement' as statement from event"
    " where city = w.city and stream = $3 and kind = 'statement.made'"
    " and body::json -> 'statement' ->> 'day' = w.day limit 1) e"
)


class Closing:
    """Makes and compares statements of one house."""

    def __init__(self, *, house: House, accounts: Accounts, cities: Sequence[int], peer: str) -> None:
        self._house = house
        self._accounts = accounts
        self._cities = cities
        self._peer = peer
        self._books = msgspec.json.Decoder(Daybook)

    async def close_days(self) -> int:
        """Make the statements of all days that are over and not yet closed; returns how many were made."""
        today = self._house.clock.now().astimezone(ZONE).date()
        books = await self._read_books()
        first = await self._first_open_day(books)
        if first is None or first >= today:
            return 0
        openings = {city: book.closing for city, book in books.items()}
        last = min(today - timedelta(days=1), first + timedelta(days=DAYS_AT_ONCE_MAX))
        made = await statements(
            store=self._house.store,
            accounts=self._accounts,
            first_day=first,
            last_day=last,
            openings=openings,
        )
        calls = [
            Call(
                stream=daybook_key(city=city, peer=self._peer),
                kind=KIND,
                command=MakeStatement(peer=self._peer, statement=statement),
                actor="clock",
            )
            for (city, day), statement in sorted(made.items())
            if (closed := books[city].last_day) is None or day > closed
        ]
        outcomes = await self._house.shell.run(calls) if calls else []
        return sum(isinstance(one, Done) for one in outcomes)

    async def _read_books(self) -> dict[int, Daybook]:
        keys = {city: daybook_key(city=city, peer=self._peer) for city in self._cities}
        rows = await self._house.store.streams(keys=list(keys.values()))
        return {
            city: self._books.decode(row.state) if (row := rows.get(key)) is not None else Daybook()
            for city, key in keys.items()
        }

    async def _first_open_day(self, books: dict[int, Daybook]) -> date | None:
        """The day after the last that any city closed: cities without moves have nothing to close."""
        closed = [book.last_day for book in books.values() if book.last_day is not None]
        if closed:
            return max(closed) + timedelta(days=1)
        rows = await self._house.store.fetch(FIRST_MOVE, ITEM_PREFIX)
        return rows[0][0].astimezone(ZONE).date() if rows[0][0] is not None else None

    async def heard(self, *, told: Sequence[tuple[int, Statement]]) -> list[Call]:
        """The calls that a peer's statements (city, statement) ask for: each compared with our own book of that day."""
        own = await self._own([(city, statement.day) for city, statement in told])
        return [
            Call(
                stream=daybook_key(city=city, peer=self._peer),
                kind=KIND,
                command=HearStatement(
                    peer=self._peer,
                    day=statement.day,
                    differences=tuple(compare(city=city, here=own[city, statement.day], there=statement)),
                ),
                actor=f"link:{self._peer}",
            )
            for city, statement in told
        ]

    async def kept_parts(self, *, peer: str, city: int, subject: str) -> list[StatementPart]:
        """The parts of a peer's statement that came in earlier runs."""
        rows = await self._house.store.fetch(
            PARTS,
            peer,
            city,
            int(Kind.STATEMENT_PART),
            subject,
        )
        return [msgspec.json.decode(row[0], type=StatementPart) for row in rows]

    async def _own(self, wanted: Sequence[tuple[int, date]]) -> dict[tuple[int, date], Statement]:
        """Our statements of these cities and days: as made, where they were; else from the book as it is."""
        found = await self._made(wanted)
        open_days = sorted({day for city, day in wanted if (city, day) not in found})
        if open_days:
            openings = {city: book.closing for city, book in (await self._read_books()).items()}
            for day in open_days:
                made = await statements(
                    store=self._house.store,
                    accounts=self._accounts,
                    first_day=day,
                    last_day=day,
                    openings=openings,
                )
                found = {**made, **found}
        for city, day in wanted:
            nothing = Statement(day=day, opening={}, moves={}, closing={}, lines_root=b"", lines=[])
            found.setdefault((city, day), nothing)
        return found

    async def _made(self, wanted: Sequence[tuple[int, date]]) -> dict[tuple[int, date], Statement]:
        rows = await self._house.store.fetch(
            MADE,
            [city for city, _ in wanted],
            [day.isoformat() for _, day in wanted],
            daybook_key(city=0, peer=self._peer).stream,
        )
        return {
            (row[0], date.fromisoformat(row[1])): msgspec.json.decode(row[2], type=Statement) for row in rows
        }


class DayBorder:
    """A house's border that also hears the peers' statements."""

    def __init__(self, *, inner: Border, closing: Closing) -> None:
        self._inner = inner
        self._closing = closing

    async def calls(self, heard: Sequence[Heard]) -> Sequence[Call | str | None]:
        """Statements are compared here; everything else is the house's own."""
        others = [one for one in heard if not isinstance(one.body, Statement | StatementPart)]
        translated = iter(await self._inner.calls(others) if others else ())
        whole = [await self._whole(one, heard) for one in heard if isinstance(one.body, Statement)]
        told = [one for one in whole if not isinstance(one, str)]
        compared = iter(await self._closing.heard(told=told) if told else ())
        judged = iter([one if isinstance(one, str) else next(compared) for one in whole])
        found: list[Call | str | None] = []
        for one in heard:
            match one.body:
                case StatementPart():
                    found.append(None)  # kept as it came; the statement that follows it asks for it
                case Statement():
                    found.append(next(judged))
                case _:
                    found.append(next(translated))
        return found

    async def _whole(self, one: Heard, heard: Sequence[Heard]) -> tuple[int, Statement] | str:
        """City and statement with all its lines, or why it can't be compared: a missing part is no difference."""
        statement = one.body
        assert isinstance(statement, Statement)
        if not statement.lines and not statement.lines_root:
            return one.city, statement
        lines = statement.lines or await self._parts(one, statement, heard)
        if lines_root(lines) != statement.lines_root:
            return PARTS_MISSING
        return one.city, msgspec.structs.replace(statement, lines=lines)

    async def _parts(self, one: Heard, statement: Statement, heard: Sequence[Heard]) -> list[StatementLine]:
        """The lines that came before the statement: kept since earlier runs, or beside it in this one."""
        parts = await self._closing.kept_parts(peer=one.peer, city=one.city, subject=one.subject)
        for other in heard:
            if (other.peer, other.city) == (one.peer, one.city) and isinstance(other.body, StatementPart):
                parts.append(other.body)
        own = {part.part: part.lines for part in parts if part.day == statement.day}
        return [line for part in sorted(own) for line in own[part]]
