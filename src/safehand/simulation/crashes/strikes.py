"""How a deed is struck: its process, its backend, the postmaster, or the connection in the middle of a commit.

Every striker carries a deed out and strikes at boundaries that were not struck yet. A deed is over when an attempt
meets no such boundary any more.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from random import Random
from typing import Any, NamedTuple, Protocol, get_args

import asyncpg

from safehand.kernel.points import hooked
from safehand.simulation.crashes.forks import Forks, Order
from safehand.simulation.crashes.ground import Deed, Ground, Push, Said
from safehand.simulation.crashes.places import Passings
from safehand.simulation.proxy import Cut, Line, Proxy

LOOKS_MAX, LOOK_SECONDS = 5_000, 0.001
_THEIRS = "from pg_stat_activity where datname = any($1::text[]) and application_name = 'safehand'"
COMMIT = b"COMMIT;"
COMMITS_MAX = 2
"""How many commits of one attempt are told apart."""


class Struck(NamedTuple):
    """What became of one attempt."""

    boundaries: tuple[str, ...]
    """Where it was struck, in order. More than one: what runs inside tried again by itself and was struck again."""
    commits: int | None
    """How often it had committed when it ended; none: nobody can know."""
    said: Said | None
    """What was answered, if anybody lived to hear it."""


class Striker(Protocol):
    """One way of striking."""

    async def attempt(self, deed: Deed, passed_by: Collection[str]) -> Struck:
        """Carry out the deed, striking at boundaries that are not among `passed_by`."""
        ...


class Nobody:
    """Strikes nowhere."""

    def __init__(self, *, ground: Ground) -> None:
        self._ground = ground

    async def attempt(self, deed: Deed, passed_by: Collection[str]) -> Struck:
        """The deed, undisturbed."""
        return Struck((), None, await self._ground.carry_out(deed))


class Process:
    """SIGKILL of the process that carries the deed out."""

    def __init__(self, *, ground: Ground, forks: Forks, dsns: Mapping[str, str]) -> None:
        self._ground, self._forks, self._dsns = ground, forks, dsns

    async def attempt(self, deed: Deed, passed_by: Collection[str]) -> Struck:
        """See `Striker`; raises `TimeoutError` when the child neither ends nor comes to a boundary."""
        now = self._ground.house(deed.house).clock.now()
        order = Order(deed=deed, now=now, dsns=self._dsns, passed_by=list(passed_by))
        ended = await self._forks.run(order)
        if not ended.boundary and ended.said is None:
            raise TimeoutError("the child neither answered nor came to a boundary")
        return Struck((ended.boundary,) if ended.boundary else (), ended.commits, ended.said)


class _InThisProcess:
    """Strikes at points while the deed goes on in this process."""

    def __init__(self, *, ground: Ground) -> None:
        self._ground = ground

    async def strike(self) -> None:
        raise NotImplementedError

    def wants(self) -> bool:
        """Whether the boundary that is passed now, and was not struck yet, is struck."""
        return True

    async def attempt(self, deed: Deed, passed_by: Collection[str]) -> Struck:
        """See `Striker`."""
        passings, struck = Passings(), list[str]()

        async def at_the_point(point: str) -> None:
            boundary = passings.next(point)
            known = not boundary or boundary in passed_by or boundary in struck
            if not known and self.wants():
                struck.append(boundary)
                await self.strike()

        with hooked(at_the_point):
            said = await self._ground.carry_out(deed)
        return Struck(tuple(struck), passings.commits, said)


class Backend(_InThisProcess):
    """`pg_terminate_backend` of the houses' connections."""

    def __init__(self, *, ground: Ground, hand: asyncpg.Connection, databases: list[str]) -> None:
        super().__init__(ground=ground)
        self._hand, self._databases = hand, databases

    async def strike(self) -> None:
        """All connections of both houses end, and have ended when this returns."""
        ended = [
            row[1]
            for row in await self._hand.fetch(
                f"select pg_terminate_backend(pid), pid {_THEIRS}", self._databases
            )
        ]
        for _ in range(LOOKS_MAX):
            # Waiting inside the statement would look only ten times a second.
            if not await self._hand.fetchval(
                f"select count(*) {_THEIRS} and pid = any($2::int[])", self._databases, ended
            ):
                return
            await asyncio.sleep(LOOK_SECONDS)
        raise TimeoutError("a backend that was terminated does not end")


class Postmaster(_InThisProcess):
    """Immediate stop of the whole PostgreSQL, and its start with recovery; once a deed, at a boundary drawn by chance."""

    def __init__(self, *, ground: Ground, restart: Callable[[], None], chance: Random) -> None:
        super().__init__(ground=ground)
        self._restart, self._chance = restart, chance
        self._left = 0

    def draw(self, deed: Deed) -> None:
        """Draw at which of its boundaries the next deed is struck; a round of the link has many more than an act."""
        self._left = self._chance.randrange(20 if isinstance(deed, Push) else 5)

    def wants(self) -> bool:
        """Counts down to the boundary that was drawn."""
        self._left -= 1
        return self._left == -1

    async def strike(self) -> None:
        """The server is gone, and back."""
        await asyncio.to_thread(self._restart)


class CutCommit:
    """The connection ends in the middle of a commit: before it, on its way, or after it, with the answer never heard."""

    def __init__(self, *, ground: Ground, proxies: list[Proxy]) -> None:
        self._ground, self._proxies = ground, proxies

    async def attempt(self, deed: Deed, passed_by: Collection[str]) -> Struck:
        """See `Striker`; the boundary is which commit of the attempt it was, and when it was cut."""
        struck, commits = list[str](), 0

        def rule(line: Line, piece: bytes) -> Cut | None:
            nonlocal commits
            if COMMIT not in piece:
                return None
            commits += 1
            known = {*passed_by, *struck}
            wanted: Any = next(
                (cut for cut in get_args(Cut) if f"commit.{cut} #{commits}" not in known), None
            )
            if wanted is None or commits > COMMITS_MAX:
                return None
            struck.append(f"commit.{wanted} #{commits}")
            return wanted

        for proxy in self._proxies:
            proxy.rule = rule
        try:
            said = await self._ground.carry_out(deed)
        finally:
            for proxy in self._proxies:
                proxy.rule = None
        return Struck(tuple(struck), None, said)
