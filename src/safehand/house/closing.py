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
        rows = await self._house.store.fetch(
            "select min(at) from move where starts_with(unit, $1)", ITEM_PREFIX
        )
        return rows[0][0].astimezone(ZONE).date() if rows[0][0] is not None else None

    async def heard(self, *, city: int, statement: Statement) -> Call:
        """The call that a peer's statement asks for: compared with our own book of that city and day."""
        key = daybook_key(city=city, peer=self._peer)
        book = (await self._read_books()).get(city, Daybook())
        own = await self._own(city, statement.day, book)
        differences = compare(city=city, here=own, there=statement)
        return Call(
            stream=key,
            kind=KIND,
            command=HearStatement(peer=self._peer, day=statement.day, differences=tuple(differences)),
            actor=f"link:{self._peer}",
        )

    async def kept_parts(self, *, peer: str, city: int, subject: str) -> list[StatementPart]:
        """The parts of a peer's statement that came in earlier runs."""
        rows = await self._house.store.fetch(
            "select body from link_received where peer = $1 and city = $2 and kind = $3 and subject = $4"
            " order by number",
            peer,
            city,
            int(Kind.STATEMENT_PART),
            subject,
        )
        return [msgspec.json.decode(row[0], type=StatementPart) for row in rows]

    async def _own(self, city: int, day: date, book: Daybook) -> Statement:
        """Our statement of the day: as made, if it was; else from the book as it is."""
        rows = await self._house.store.fetch(
            "select body::json -> 'statement' from event where city = $1 and stream = $2"
            " and kind = 'statement.made' and body::json -> 'statement' ->> 'day' = $3",
            city,
            daybook_key(city=city, peer=self._peer).stream,
            day.isoformat(),
        )
        if rows:
            return msgspec.json.decode(rows[0][0], type=Statement)
        made = await statements(
            store=self._house.store,
            accounts=self._accounts,
            first_day=day,
            last_day=day,
            openings={city: book.closing},
        )
        nothing = Statement(day=day, opening={}, moves={}, closing={}, lines_root=b"", lines=[])
        return made.get((city, day), nothing)


class DayBorder:
    """A house's border that also hears the peers' statements."""

    def __init__(self, *, inner: Border, closing: Closing) -> None:
        self._inner = inner
        self._closing = closing

    async def calls(self, heard: Sequence[Heard]) -> Sequence[Call | str | None]:
        """Statements are compared here; everything else is the house's own."""
        others = [one for one in heard if not isinstance(one.body, Statement | StatementPart)]
        translated = iter(await self._inner.calls(others) if others else ())
        found: list[Call | str | None] = []
        for one in heard:
            match one.body:
                case StatementPart():
                    found.append(None)  # kept as it came; the statement that follows it asks for it
                case Statement() as statement:
                    found.append(await self._compared(one, statement, heard))
                case _:
                    found.append(next(translated))
        return found

    async def _compared(self, one: Heard, statement: Statement, heard: Sequence[Heard]) -> Call | str:
        """The comparison, or why there is none: a part that is missing or altered must not look like a difference."""
        lines = statement.lines or await self._parts(one, statement, heard)
        if (lines or statement.lines_root) and lines_root(lines) != statement.lines_root:
            return PARTS_MISSING
        whole = msgspec.structs.replace(statement, lines=lines)
        return await self._closing.heard(city=one.city, statement=whole)

    async def _parts(self, one: Heard, statement: Statement, heard: Sequence[Heard]) -> list[StatementLine]:
        """The lines that came before the statement: kept since earlier runs, or beside it in this one."""
        parts = await self._closing.kept_parts(peer=one.peer, city=one.city, subject=one.subject)
        for other in heard:
            if (other.peer, other.city) == (one.peer, one.city) and isinstance(other.body, StatementPart):
                parts.append(other.body)
        own = {part.part: part.lines for part in parts if part.day == statement.day}
        return [line for part in sorted(own) for line in own[part]]
