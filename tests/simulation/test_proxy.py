"""Two houses over real sockets, joined through a proxy that breaks connections: nothing hangs, is lost or is doubled."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import httpx
import pytest
import uvicorn

from safehand.kernel.clock import SetClock
from safehand.kernel.ids import DerivedIds
from safehand.kernel.machine import StreamKey
from safehand.kernel.shell import Call, Done, Shell
from safehand.kernel.store import Unavailable
from safehand.kernel.store_postgres import PostgresStore
from safehand.link.pump import PeerSilent
from safehand.simulation.proxy import SOUND, Cut, Fault, Line, Proxy, drawn, proxied
from tests.kernel.counting_house import JAR, Put
from tests.link.two_houses import AUTHORITY, CITY, OTHER_CITY, POST, URLS, House, two_houses

pytestmark = pytest.mark.slow  # databases, servers and real sockets: left out of ./do fast

EXCHANGE_SECONDS_MAX = 1.0
"""A house gives its peer minutes; the tests give it a second, for the same code."""
ROUND_SECONDS_MAX = 15.0
"""Ends in a finite time: many times what an exchange may take."""
SEED = 20240506

PASSING = {
    "latency": Fault(latency_seconds=0.02),
    "pieces": Fault(piece_bytes=1),
}
BREAKING = {
    "black hole": Fault(black_hole=True),
    "reset at the first byte": Fault(reset_after_bytes=0),
    "reset in mid-stream": Fault(reset_after_bytes=600),
    "truncated answer": Fault(truncate_after_bytes=100),
    "no answer at all": Fault(truncate_after_bytes=0),
    "half open": Fault(half_open_after_bytes=100),
    "a byte now and then": Fault(piece_bytes=1, latency_seconds=EXCHANGE_SECONDS_MAX * 2),
}


class ThroughProxies(httpx.AsyncBaseTransport):
    """Reaches each house at its proxy's socket; the address that was signed stays the house's own."""

    def __init__(self, proxies: dict[str, Proxy]) -> None:
        self._proxies = {httpx.URL(URLS[name]).host: proxy for name, proxy in proxies.items()}
        self._inner = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        address = self._proxies[request.url.host].address
        assert isinstance(address, tuple)
        request.url = request.url.copy_with(host=address[0], port=address[1])
        return await self._inner.handle_async_request(request)

    async def aclose(self) -> None:
        await self._inner.aclose()


class _Served(uvicorn.Server):
    """uvicorn without signal handlers: the test's process keeps its own."""

    @contextlib.contextmanager
    def capture_signals(self):
        yield


@contextlib.asynccontextmanager
async def served(house: House) -> AsyncIterator[tuple[str, int]]:
    """The house's link door on a real socket."""
    config = uvicorn.Config(
        house.app, port=0, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
    )
    server = _Served(config)
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        assert not serving.done()
        await asyncio.sleep(0.005)
    try:
        yield server.servers[0].sockets[0].getsockname()[:2]
    finally:
        server.should_exit = True
        await serving


@dataclass
class Joined:
    """Two houses, and the proxy in front of each."""

    authority: House
    post: House
    proxies: dict[str, Proxy]

    def break_with(self, fault: Fault) -> None:
        for proxy in self.proxies.values():
            proxy.faults = lambda number: fault

    async def push(self, house: House) -> bool:
        """One house pumps until quiet, within a finite time, on connections of its own; whether the peer answered."""
        async with asyncio.timeout(ROUND_SECONDS_MAX):
            async with httpx.AsyncClient(transport=ThroughProxies(self.proxies)) as client:
                try:
                    await house.pump(client, exchange_seconds_max=EXCHANGE_SECONDS_MAX).until_quiet()
                except PeerSilent:
                    return False
                return True


def play(emptied_database: Callable[[], str], scene: Callable[[Joined], Awaitable[None]]) -> None:
    dsns = [emptied_database() for _ in range(2)]

    async def go() -> None:
        async with contextlib.AsyncExitStack() as last:
            authority, post, _ = await last.enter_async_context(two_houses(dsns))
            proxies = {
                house.name: await last.enter_async_context(
                    proxied(target=await last.enter_async_context(served(house)))
                )
                for house in (authority, post)
            }
            await scene(Joined(authority, post, proxies))

    asyncio.run(go())


async def tell_each_other(joined: Joined) -> None:
    await joined.authority.tell([1, 2, 3], to=POST)
    await joined.authority.tell([4], to=POST, order="or_b", person=True)
    await joined.post.tell([5, 6], to=AUTHORITY, city=OTHER_CITY)


async def told_once(joined: Joined) -> None:
    """Everything has arrived, once and in order, and both sides know it."""
    authority, post = joined.authority, joined.post
    assert await post.heard() == (1, 2, 3)
    assert await post.heard(order="or_b_here") == (4,)
    assert await authority.heard(city=OTHER_CITY) == (5, 6)
    assert await authority.position(peer=POST, city=OTHER_CITY) == 2
    assert await post.position(peer=AUTHORITY) == 4
    for house in (authority, post):
        assert await house.log.waiting() == (0, 0)
        assert await house.parked() == []


@pytest.mark.parametrize("name", PASSING)
def test_a_slow_or_splintered_line_only_takes_longer(name: str, emptied_database: Callable[[], str]) -> None:
    async def scene(joined: Joined) -> None:
        await tell_each_other(joined)
        joined.break_with(PASSING[name])
        for house in (joined.authority, joined.post):
            assert await joined.push(house)
        await told_once(joined)
        assert all(proxy.struck[name] for proxy in joined.proxies.values())

    play(emptied_database, scene)


@pytest.mark.parametrize("name", BREAKING)
def test_a_broken_line_ends_the_round_and_loses_nothing(
    name: str, emptied_database: Callable[[], str]
) -> None:
    async def scene(joined: Joined) -> None:
        await tell_each_other(joined)
        joined.break_with(BREAKING[name])
        for house in (joined.authority, joined.post):
            assert not await joined.push(house)
            unnumbered, unacknowledged = await house.log.waiting()
            assert unnumbered == 0
            assert unacknowledged > 0, "nobody has said that it arrived"
        assert all(sum(proxy.struck.values()) for proxy in joined.proxies.values())
        joined.break_with(SOUND)
        for house in (joined.authority, joined.post):
            assert await joined.push(house)
        await told_once(joined)

    play(emptied_database, scene)


def test_a_line_that_is_broken_while_it_stands_is_given_up_and_opened_anew(
    emptied_database: Callable[[], str],
) -> None:
    async def scene(joined: Joined) -> None:
        await tell_each_other(joined)
        proxy = joined.proxies[POST]
        async with httpx.AsyncClient(transport=ThroughProxies(joined.proxies)) as client:
            pump = joined.authority.pump(client, exchange_seconds_max=EXCHANGE_SECONDS_MAX)
            await pump.until_quiet()
            [standing] = proxy.lines.values()
            await joined.authority.tell([7], to=POST, order="or_c")
            standing.fault = Fault(half_open_after_bytes=standing.answered_bytes)
            with pytest.raises(PeerSilent):
                await pump.until_quiet()
            await pump.until_quiet()
            assert max(proxy.lines) > standing.number
        assert await joined.post.heard(order="or_c_here") == (7,)
        assert await joined.push(joined.post)
        assert await joined.authority.log.waiting() == (0, 0)

    play(emptied_database, scene)


def test_on_lines_that_break_by_chance_everything_arrives_once(emptied_database: Callable[[], str]) -> None:
    async def scene(joined: Joined) -> None:
        faults = [one for one in (*PASSING.values(), *BREAKING.values()) if not one.latency_seconds]
        for place, proxy in enumerate(joined.proxies.values()):
            proxy.faults = drawn(seed=SEED + place, faults=faults, share=0.7)
        await tell_each_other(joined)
        answered = [await joined.push(house) for _ in range(12) for house in (joined.authority, joined.post)]
        assert answered.count(False) > 0
        joined.break_with(SOUND)
        for house in (joined.authority, joined.post):
            assert await joined.push(house)
        await told_once(joined)

    play(emptied_database, scene)


def test_what_is_drawn_for_a_connection_depends_on_seed_and_number_alone() -> None:
    def first(seed: int) -> list[Fault]:
        choose = drawn(seed=seed, faults=list(BREAKING.values()), share=0.5)
        return [choose(number) for number in range(1, 200)]

    assert first(1) == first(1)
    assert first(1) != first(2)
    assert 0.3 < first(1).count(SOUND) / 199 < 0.7


def behind(dsn: str, folder: Path) -> tuple[Path, str]:
    """The socket of a DSN, and the same DSN with its socket in another folder."""
    parts = urlsplit(dsn)
    asked = parse_qs(parts.query)
    name = f".s.PGSQL.{asked['port'][0]}"
    return Path(asked["host"][0]) / name, dsn.replace(parts.query, f"host={folder}&port={asked['port'][0]}")


@pytest.mark.parametrize(
    ("cut", "kept"), [("before", [False]), ("in_flight", [False, True]), ("after", [True])]
)
def test_a_connection_cut_inside_the_commit_is_an_unknown_outcome_that_the_key_resolves(
    cut: Cut, kept: Sequence[bool], emptied_database: Callable[[], str], tmp_path: Path
) -> None:
    dsn = emptied_database()
    target, through = behind(dsn, tmp_path)

    async def go() -> None:
        async with proxied(target=target, at=tmp_path / target.name) as proxy:
            store = await PostgresStore.create(dsn=through, connections_max=2)
            clock = SetClock(start=datetime(2024, 5, 6, 1, tzinfo=UTC))
            shell = Shell(machines={"jar": JAR}, store=store, clock=clock, ids=DerivedIds(seed="t"))
            call = Call(stream=StreamKey(CITY, "a"), kind="jar", command=Put(number=3), actor="cook", key="k")

            def rule(line: Line, piece: bytes) -> Cut | None:
                return cut if b"COMMIT;" in piece else None

            proxy.rule = rule
            with pytest.raises(Unavailable):
                await shell.run([call])
            proxy.rule = None
            [again] = await shell.run([call])
            assert isinstance(again, Done)
            assert again.repeated in kept
            assert again.state.held == 3
            assert proxy.struck[f"cut_{cut}"] == 1
            await store.close()

    asyncio.run(go())
