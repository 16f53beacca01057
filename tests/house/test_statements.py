"""The day's statements between two houses: of any size, compared item by item, and closed with a typed cause."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import date, timedelta
from typing import Any

import httpx
import msgspec
import pytest
from litestar import Litestar

from safehand.house.closing import PARTS_MISSING, Closing, DayBorder
from safehand.house.daybook import (
    CAUSE_WORDS,
    KIND,
    Daybook,
    DifferenceCause,
    DifferenceSettled,
    SettleDifference,
    StatementMade,
    daybook_key,
    daybook_machine,
    decide,
    fold,
    speaks,
)
from safehand.house.statements import lines_root
from safehand.kernel.clock import SetClock
from safehand.kernel.machine import Context
from safehand.kernel.shell import Shell
from safehand.kernel.store_postgres import PostgresStore
from safehand.link.endpoint import LinkDoor, link_routes
from safehand.link.envelope import BODY_CHARACTERS_MAX
from safehand.link.messages import STATEMENT_LINES_MAX, Kind, Statement, StatementLine, StatementPart
from safehand.link.reader import Reader
from tests.kernel.conftest import emptied_database, kept_databases
from tests.link.two_houses import AUTHORITY, BOOK, CITY, POST, START, BookBorder, ByName, House

slow = pytest.mark.slow
__all__ = ["emptied_database", "kept_databases"]

Database = Callable[..., str]
ITEMS = 20_000
DAY = date(2024, 5, 6)


def statement(lines: int, *, reference_characters: int = 29) -> Statement:
    letters = reference_characters - 8
    made = [
        StatementLine(order=f"or_{'a' * letters}{_letters(one)}", account="recipient") for one in range(lines)
    ]
    return Statement(
        day=DAY,
        opening={"post": lines},
        moves={"post>recipient": lines},
        closing={"recipient": lines},
        lines_root=lines_root(made),
        lines=made,
    )


def _letters(number: int) -> str:
    return "".join("abcdefghij"[int(digit)] for digit in f"{number:05d}")


@pytest.mark.parametrize("lines", [0, 1, STATEMENT_LINES_MAX, STATEMENT_LINES_MAX + 1, ITEMS])
def test_whatever_its_size_every_message_of_a_statement_fits_the_link(lines: int) -> None:
    made = statement(lines, reference_characters=64)
    said = speaks(Daybook(), StatementMade(peer=POST, statement=made), daybook_key(city=CITY, peer=POST))
    assert all(len(msgspec.json.encode(one.body)) < BODY_CHARACTERS_MAX for one in said)
    assert [one.kind for one in said[:-1]] == [Kind.STATEMENT_PART] * (len(said) - 1)
    assert said[-1].kind == Kind.STATEMENT
    together = [line for one in said if isinstance(one.body, StatementPart) for line in one.body.lines]
    last = said[-1].body
    assert isinstance(last, Statement)
    assert (together or last.lines) == made.lines
    assert last.lines_root == lines_root(made.lines)


def test_a_cause_is_one_of_those_that_there_are_and_its_reference_names_no_person() -> None:
    assert set(CAUSE_WORDS) == set(DifferenceCause)
    assert all(en.isascii() and not zh.isascii() for en, zh in CAUSE_WORDS.values())
    decoder = msgspec.json.Decoder(SettleDifference)
    for reference in ("", "or_abcdefgh", "bg_abc", "ZA473124829CN"):
        decoder.decode(msgspec.json.encode(_settling(reference=reference)))
    for wrong in (
        {"cause": "the courier Zhang San forgot it"},
        {"cause": ""},
        {"reference": "张三"},
        {"reference": "99999919900101123X"},
        {"reference": "19900000001"},
        {"reference": "or_abc def"},
        {"reference": "or_" + "a" * 90},
    ):
        with pytest.raises(msgspec.ValidationError):
            decoder.decode(msgspec.json.encode(_settling(**wrong)))


def _settling(**changes: str) -> dict[str, str]:
    return {"command": "statement.settle", "day": "2024-05-06", "cause": "scan_missing"} | changes


def test_differences_are_settled_once_with_their_cause() -> None:
    book = Daybook(differing={"2024-05-06": 2}, since=START, due_at=START)
    context = Context(key=daybook_key(city=CITY, peer=POST), now=START, actor="st_manager")
    settling = SettleDifference(day=DAY, cause=DifferenceCause.WRONG_ITEM, reference="or_abcdefgh")
    events = decide(book, settling, context)
    assert isinstance(events, list)
    [event] = events
    assert isinstance(event, DifferenceSettled)
    assert (event.cause, event.reference) == (DifferenceCause.WRONG_ITEM, "or_abcdefgh")
    after = fold(book, event, START)
    assert after.differing == {}
    assert decide(after, settling, context).code == "statement.no_difference"  # pyright: ignore[reportAttributeAccessIssue]


class Side:
    """One of the tiny houses with its daybook, wired as the real houses are."""

    def __init__(self, house: House, peer: str) -> None:
        self.house, self.peer = house, peer
        self.client: httpx.AsyncClient
        machines = {"book": BOOK, KIND: daybook_machine(manager=f"{house.name}_manager")}
        house.shell = Shell(machines=machines, store=house.store, clock=house.clock, ids=house.shell.ids)
        wired: Any = house
        self.closing = Closing(house=wired, accounts=lambda account: account, cities=[CITY], peer=peer)  # pyright: ignore[reportArgumentType]
        house.reader = Reader(
            shell=house.shell,
            store=house.store,
            ring=house.ring,
            border=DayBorder(inner=BookBorder(), closing=self.closing),
            clock=house.clock,
        )
        house.door = LinkDoor(ring=house.ring, reader=house.reader, log=house.log, wire_clock=house.clock)
        house.app = Litestar(route_handlers=[link_routes(door=house.door)])

    async def moved(self, items: int, *, without: int = 0) -> None:
        """So many items went from the authority to the post this day; `without` of them this house did not see."""
        await self.house.store.fetch(
            "insert into move (city, unit, giver, taker, phase, at, stream, version)"
            " select $1, 'or_' || translate(lpad(n::text, 26, '0'), '0123456789', 'abcdefghij'), giver, taker, phase,"
            " $2::timestamptz + later, 'x', n from generate_series(1, $3::int) n, (values"
            " ('issued', 'authority', 'opened', interval '0'), ('authority', 'post', 'moved', interval '1 minute'))"
            " as step (giver, taker, phase, later) where n > $4",
            CITY,
            START,
            items,
            without,
        )

    async def close_and_tell(self) -> None:
        await self.closing.close_days()
        await self.house.pump(self.client).until_quiet()

    async def book(self) -> Daybook:
        key = daybook_key(city=CITY, peer=self.peer)
        rows = await self.house.store.streams(keys=[key])
        return msgspec.json.decode(rows[key].state, type=Daybook)


@asynccontextmanager
async def sides(dsns: list[str]) -> AsyncIterator[tuple[Side, Side]]:
    clock = SetClock(start=START)
    stores = [await PostgresStore.create(dsn=dsn, connections_max=3) for dsn in dsns]
    try:
        made = [
            Side(House(name=name, peers=[peer], store=store, clock=clock), peer)
            for name, peer, store in zip((AUTHORITY, POST), (POST, AUTHORITY), stores, strict=True)
        ]
        async with httpx.AsyncClient(transport=ByName([side.house for side in made])) as client:
            for side in made:
                side.client = client
            yield made[0], made[1]
    finally:
        for store in stores:
            await store.close()


def play(database: Database, scene: Callable[[Side, Side], Awaitable[None]]) -> None:
    dsns = [database(), database()]

    async def go() -> None:
        async with sides(dsns) as (authority, post):
            await scene(authority, post)

    asyncio.run(go())


@slow
@pytest.mark.parametrize("missing", [0, 3])
def test_twenty_thousand_items_of_one_city_and_day_are_compared(
    emptied_database: Database, missing: int
) -> None:
    async def scene(authority: Side, post: Side) -> None:
        await authority.moved(ITEMS)
        await post.moved(ITEMS, without=missing)
        post.house.clock.move_to(START + timedelta(days=1))
        for side in (authority, post):
            await side.close_and_tell()
        for side in (authority, post):
            book = await side.book()
            assert book.compared == 1
            # The items, and the count of moves and of either closing.
            assert book.differing == ({} if not missing else {"2024-05-06": missing + 3})
            assert await side.house.parked() == []
            kinds = await side.house.store.fetch(
                "select kind, count(*) from link_received group by 1 order by 1"
            )
            parts = -(-(ITEMS - (missing if side is authority else 0)) // STATEMENT_LINES_MAX)
            assert [tuple(row) for row in kinds] == [(303, 1), (304, parts)]

    play(emptied_database, scene)


@slow
def test_a_statement_without_its_lines_is_parked_and_no_difference(emptied_database: Database) -> None:
    async def scene(authority: Side, post: Side) -> None:
        await authority.moved(STATEMENT_LINES_MAX * 2)
        await post.moved(STATEMENT_LINES_MAX * 2)
        post.house.clock.move_to(START + timedelta(days=1))
        await authority.closing.close_days()
        await authority.house.store.fetch(
            "delete from link_outbox where kind = $1 and id = (select min(id) from link_outbox)",
            int(Kind.STATEMENT_PART),
        )
        await authority.house.pump(authority.client).until_quiet()
        assert [reason for _, reason in await post.house.parked()] == [PARTS_MISSING]

    play(emptied_database, scene)
