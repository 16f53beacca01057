"""Two tiny houses for tests of the link: each keeps a book of amounts that it told and heard, on its own database.

They speak one real kind of message (217, postage collected). Some amounts are trouble on purpose.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any

import httpx
import msgspec
from litestar import Litestar

from safehand.kernel.clock import SetClock
from safehand.kernel.ids import DerivedIds
from safehand.kernel.machine import Command, Context, Event, Machine, Move, Outgoing, StreamKey
from safehand.kernel.outcome import Refusal, define
from safehand.kernel.shell import Call, Outcome, Shell
from safehand.kernel.store_postgres import PostgresStore
from safehand.kernel.vault import VaultKeys, seal_all
from safehand.link.endpoint import LinkDoor, link_routes
from safehand.link.envelope import GENESIS, Posted, Run, chain, seal_run
from safehand.link.golden import published_peer, published_ring
from safehand.link.keys import KeyRing
from safehand.link.log import DELIVERY_RECORD, LinkLog
from safehand.link.messages import Kind, PostageCollected
from safehand.link.pump import EXCHANGE_SECONDS_MAX, HttpWire, Pump
from safehand.link.reader import Heard, Reader

START = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
CITY, OTHER_CITY = 310000, 440100
AUTHORITY, POST = "test-authority", "test-post"
URLS = {AUTHORITY: "http://authority.test", POST: "http://post.test"}
NAME = "张三"

REFUSED_FEN, BROKEN_FEN, UNKEEPABLE_FEN, CONTRADICTING_FEN = 1013, 1666, 1777, 1888
"""The receiver refuses the first, its border breaks on the second, its store on the third, its books on the fourth."""

UNWANTED = define(
    code="book.unwanted",
    en="This amount is not wanted.",
    zh="不接受此金额。",
    way_out_en="Send another one.",
    way_out_zh="请发送其他金额。",
    owner="tests",
)


class Book(msgspec.Struct, frozen=True, kw_only=True):
    told: tuple[int, ...] = ()
    heard: tuple[int, ...] = ()
    persons: tuple[str, ...] = ()
    at: datetime | None = None


class Tell(Command, frozen=True, kw_only=True, tag="book.tell"):
    amount: int
    to: str
    personal: bool = False


class Hear(Command, frozen=True, kw_only=True, tag="book.hear"):
    amount: int
    person: str = ""


class WasTold(Event, frozen=True, kw_only=True, tag="book.was_told"):
    amount: int
    to: str
    personal: bool


class WasHeard(Event, frozen=True, kw_only=True, tag="book.was_heard"):
    amount: int
    person: str


def _decide(state: Book, command: Command, context: Context) -> Sequence[Event] | Refusal:
    match command:
        case Tell(amount=amount, to=to, personal=personal):
            return [WasTold(amount=amount, to=to, personal=personal)]
        case Hear(amount=amount, person=person):
            return UNWANTED() if amount == REFUSED_FEN else [WasHeard(amount=amount, person=person)]
        case _:
            raise AssertionError(command)


def _fold(state: Book, event: Event, at: datetime) -> Book:
    match event:
        case WasTold(amount=amount):
            return msgspec.structs.replace(state, told=(*state.told, amount), at=at)
        case WasHeard(amount=amount, person=person):
            return msgspec.structs.replace(
                state, heard=(*state.heard, amount), persons=(*state.persons, person), at=at
            )
        case _:
            raise AssertionError(event)


def _speaks(state: Book, event: Event, key: StreamKey) -> Sequence[Outgoing]:
    match event:
        case WasTold(amount=amount, to=to, personal=personal):
            assert state.at is not None
            body = PostageCollected(order=key.stream, waybill="ZA473124829CN", amount_fen=amount, at=state.at)
            person = key.stream if personal else None
            return (Outgoing(peer=to, kind=217, body=body, subject=key.stream, personal=person),)
        case _:
            return ()


def _moves(state: Book, event: Event) -> Sequence[Move]:
    match event:
        case WasHeard(amount=amount) if amount == CONTRADICTING_FEN:
            return (Move(unit="the only one", giver="issued", taker="shelf", phase="opened"),)
        case _:
            return ()


BOOK = Machine(
    kind="book",
    state=Book,
    event=WasTold | WasHeard,
    initial=lambda key: Book(),
    decide=_decide,
    fold=_fold,
    speaks=_speaks,
    moves=_moves,
)


class BookBorder:
    """Writes every postage that is heard into the book of its order; the other kinds it does not know."""

    async def calls(self, heard: Sequence[Heard]) -> Sequence[Call | str]:
        return [self._call(one) for one in heard]

    def _call(self, one: Heard) -> Call | str:
        match one.body:
            case PostageCollected(amount_fen=amount):
                if amount == BROKEN_FEN:
                    raise ValueError("the border breaks on this amount")
                person = one.part.decode() if one.part is not None else ""
                if amount == UNKEEPABLE_FEN:
                    person = "\x00"
                return Call(
                    stream=StreamKey(one.city, f"{one.subject}_here"),
                    kind="book",
                    command=Hear(amount=amount, person=person),
                    actor=one.peer,
                )
            case _:
                return "tests.not_for_us"


class House:
    """One tiny house: store, shell, log, reader, door, and a pump on a client of the test's choice."""

    def __init__(self, *, name: str, peers: Sequence[str], store: PostgresStore, clock: SetClock) -> None:
        self.name = name
        self.store = store
        self.clock = clock
        self.ring: KeyRing = published_ring(
            house=name, peers=tuple(published_peer(house=peer, url=URLS.get(peer, "")) for peer in peers)
        )
        self.vault = VaultKeys(wrapping=bytes([1]) * 32, blinding=bytes([2]) * 32)
        self.shell = Shell(machines={"book": BOOK}, store=store, clock=clock, ids=DerivedIds(seed=name))
        self.log = LinkLog(store=store, ring=self.ring, vault=self.vault)
        self.reader = Reader(
            shell=self.shell,
            store=store,
            ring=self.ring,
            border=BookBorder(),
            clock=clock,
            cities=(CITY, OTHER_CITY),
        )
        self.door = LinkDoor(ring=self.ring, reader=self.reader, log=self.log, wire_clock=clock)
        self.app = Litestar(route_handlers=[link_routes(door=self.door)])

    def pump(self, client: httpx.AsyncClient, *, exchange_seconds_max: float = EXCHANGE_SECONDS_MAX) -> Pump:
        wire = HttpWire(client=client, exchange_seconds_max=exchange_seconds_max)
        return Pump(log=self.log, ring=self.ring, wire=wire, wire_clock=self.clock)

    async def tell(
        self, amounts: Sequence[int], *, to: str, city: int = CITY, order: str = "or_a", person: bool = False
    ) -> list[Outcome]:
        """Tell the peer these amounts in one batch."""
        calls = [
            Call(
                stream=StreamKey(city, order),
                kind="book",
                command=Tell(amount=amount, to=to, personal=person),
                actor="clerk",
            )
            for amount in amounts
        ]
        if person:
            wrapped, rows = seal_all(
                keys=self.vault, city=city, subject=order, records={DELIVERY_RECORD: NAME.encode()}
            )
            calls[0] = msgspec.structs.replace(calls[0], vault=rows, vault_keys=(wrapped,))
        return await self.shell.run(calls)

    async def book(self, *, city: int = CITY, order: str = "or_a_here") -> Book:
        """What this house has heard."""
        rows = await self.store.streams(keys=[StreamKey(city, order)])
        return msgspec.json.decode(rows[StreamKey(city, order)].state, type=Book) if rows else Book()

    async def heard(self, *, city: int = CITY, order: str = "or_a_here") -> tuple[int, ...]:
        return (await self.book(city=city, order=order)).heard

    async def position(self, *, peer: str, city: int = CITY) -> int:
        return (await self.reader.positions(peer=peer, cities=[city]))[city][0]

    async def parked(self) -> list[tuple[int, str]]:
        """Number and reason of every parked message, in order."""
        rows = await self.store.fetch("select number, reason from link_parked order by peer, city, number")
        return [(row[0], row[1]) for row in rows]

    async def rows(self) -> dict[str, list[Any]]:
        """Every row that hearing a message can write: to show that something changed nothing."""
        tables = (
            "event",
            "stream",
            "move",
            "link_position",
            "link_received",
            "link_run_received",
            "link_parked",
        )
        return {
            t: [tuple(r.values()) for r in await self.store.fetch(f"select * from {t} order by 1, 2, 3")]
            for t in tables
        }


class ByName(httpx.AsyncBaseTransport):
    """Carries each request to the house that answers at its address, inside this process."""

    def __init__(self, houses: Sequence[House]) -> None:
        self._doors = {
            httpx.URL(URLS[house.name]).host: httpx.ASGITransport(app=house.app)  # pyright: ignore[reportArgumentType]
            for house in houses
        }

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._doors[request.url.host].handle_async_request(request)


@asynccontextmanager
async def two_houses(dsns: Sequence[str]) -> AsyncIterator[tuple[House, House, httpx.AsyncClient]]:
    """An authority, a post, and a client that reaches both."""
    clock = SetClock(start=START)
    stores = [await PostgresStore.create(dsn=dsn, connections_max=3) for dsn in dsns]
    try:
        authority = House(name=AUTHORITY, peers=[POST], store=stores[0], clock=clock)
        post = House(name=POST, peers=[AUTHORITY], store=stores[1], clock=clock)
        async with httpx.AsyncClient(transport=ByName([authority, post])) as client:
            yield authority, post, client
    finally:
        for store in stores:
            await store.close()


Play = Callable[[House, House, httpx.AsyncClient], Awaitable[None]]


def play(emptied_database: Callable[..., str], scene: Play) -> None:
    """Run a scene with two fresh houses."""
    dsns = [emptied_database() for _ in range(2)]

    async def go() -> None:
        async with two_houses(dsns) as (authority, post, client):
            await scene(authority, post, client)

    asyncio.run(go())


def posted(number: int, amount: int, *, order: str = "or_a", **changes: Any) -> Posted:
    """One message of kind 217."""
    body = PostageCollected(order=order, waybill="ZA473124829CN", amount_fen=amount, at=START)
    fields: dict[str, Any] = {
        "number": number,
        "kind": int(Kind.POSTAGE_COLLECTED),
        "subject": order,
        "at": START,
        "body": msgspec.json.encode(body).decode(),
    }
    return Posted(**{**fields, **changes})


def a_run(
    messages: Sequence[Posted],
    *,
    sender: str = AUTHORITY,
    receiver: str = POST,
    city: int = CITY,
    previous: bytes = GENESIS,
    ring: KeyRing | None = None,
) -> Run:
    """A genuine run of these messages."""
    hashes = chain(previous=previous, sender=sender, receiver=receiver, city=city, messages=messages)
    return seal_run(
        ring=ring or published_ring(house=sender),
        receiver=receiver,
        city=city,
        previous=previous,
        head=hashes[-1],
        messages=list(messages),
    )
