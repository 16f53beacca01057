"""Both houses in this process on databases of their own, and what can be carried out there, whole or until a kill.

The houses are the applications of `authority.app` and `postal.app`, put together once and without connections; whoever
is forked from this process connects them to databases of its own. The same deed is carried out by the same function in
a child that kills itself and in the process that looks on.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx
import msgspec

from safehand.authority.app import make_app as make_authority
from safehand.house.runtime import House
from safehand.house.sessions import Identity, Session
from safehand.house.settings import read_settings
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Done
from safehand.kernel.store import Unavailable
from safehand.kernel.store_postgres import PostgresStore
from safehand.link.pump import HttpWire, PeerSilent, Pump
from safehand.postal.app import make_app as make_post
from safehand.programme.setting_up import HOUSES, SmallWorld

CONNECTIONS_MAX = 3
UNAVAILABLE = "unavailable"
"""What is said when the database went away: nobody knows what happened, and the key will tell."""


class Person(msgspec.Struct, frozen=True, kw_only=True):
    """Who acts: a reference, roles, and for an applicant whom the sign-in has proven."""

    actor: str
    roles: tuple[str, ...]
    name: str = ""
    id_number: str = ""


class Act(msgspec.Struct, frozen=True, kw_only=True, tag="act"):
    """One action call through a house's front door, under its key."""

    house: str
    action: str
    person: Person
    item: bytes
    key: str


class Push(msgspec.Struct, frozen=True, kw_only=True, tag="push"):
    """A house numbers what it has to say, sends it, the peer takes it, and the acknowledgement is kept."""

    house: str


class Clocks(msgspec.Struct, frozen=True, kw_only=True, tag="clocks"):
    """A house tells the machines whose clocks have run out."""

    house: str


class Chore(msgspec.Struct, frozen=True, kw_only=True, tag="chore"):
    """One of a house's own jobs."""

    house: str
    name: str


Deed = Act | Push | Clocks | Chore


def name_of(deed: Deed) -> str:
    """What the deed is called in figures and findings."""
    match deed:
        case Act(house=house, action=action):
            return f"{house}:{action}"
        case Push(house=house):
            return f"{house}:link"
        case Clocks(house=house):
            return f"{house}:clocks"
        case Chore(house=house, name=name):
            return f"{house}:{name}"


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What was answered: what happened, or why not."""

    refused: str = ""
    stream: str = ""
    version: int = 0
    events: tuple[str, ...] = ()
    repeated: bool = False
    count: int = 0
    """How much a job did."""
    shown: Any = None


class _Doors(httpx.AsyncBaseTransport):
    """Carries the link's requests to the house that answers at the port, inside this process."""

    def __init__(self, apps: Mapping[int, Any]) -> None:
        self._doors = {port: httpx.ASGITransport(app=app) for port, app in apps.items()}

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        return await self._doors[request.url.port or 80].handle_async_request(request)


@dataclass(kw_only=True)
class Ground:
    """Both houses, put together and not connected."""

    world: SmallWorld
    apps: Mapping[str, Any]
    pumps: dict[str, Pump] = field(default_factory=dict)

    def house(self, name: str) -> House:
        """One of the houses."""
        return self.apps[name].state.house

    @contextlib.asynccontextmanager
    async def connected(self, dsns: Mapping[str, str]) -> AsyncIterator[None]:
        """Within: the houses run on these databases."""
        stores = [
            await PostgresStore.create(dsn=dsns[name], connections_max=CONNECTIONS_MAX) for name in HOUSES
        ]
        doors = _Doors({self.world.ports[name]: self.apps[name] for name in HOUSES})
        async with httpx.AsyncClient(transport=doors) as client:
            for name, store in zip(HOUSES, stores, strict=True):
                house = self.house(name)
                assert isinstance(house.store, PostgresStore), "the matrix strikes a real database"
                house.store.pool = store.pool
                pump = Pump(log=house.link_log, ring=house.ring, wire=HttpWire(client=client))
                self.pumps[name] = pump
            try:
                yield
            finally:
                for store in stores:
                    store.pool.terminate()

    def move_clocks(self, now: datetime) -> None:
        """Both houses' clocks, forward."""
        for name in HOUSES:
            clock = self.house(name).set_clock
            assert clock is not None, "the houses of the matrix run in rehearsal mode"
            clock.move_to(now)

    async def carry_out(self, deed: Deed) -> Said:
        """Do it; what the database or the peer did not answer is said, not raised."""
        try:
            match deed:
                case Act():
                    return await self._act(deed)
                case Push(house=house):
                    return Said(count=await self.pumps[house].until_quiet())
                case Clocks(house=house):
                    return Said(count=await self.house(house).jobs.run_clocks())
                case Chore(house=house, name=name):
                    return Said(count=await self.house(house).jobs.chores[name]())
        except (Unavailable, PeerSilent):
            return Said(refused=UNAVAILABLE)

    async def _act(self, act: Act) -> Said:
        front = self.house(act.house).front
        person = act.person
        identity = Identity(name=person.name, id_number=person.id_number) if person.id_number else None
        session = Session(actor=person.actor, roles=frozenset(person.roles), cities=(), identity=identity)
        item = front.read(name=act.action, body=act.item)
        outcome = await front.call(name=act.action, session=session, item=item, key=act.key)
        if isinstance(outcome, Refusal):
            return Said(refused=UNAVAILABLE if outcome.code == "request.unavailable" else outcome.code)
        assert isinstance(outcome, Done)
        shown = msgspec.to_builtins(front.answer(name=act.action, done=outcome))
        return Said(
            stream=outcome.stream,
            version=outcome.version,
            events=outcome.events,
            repeated=outcome.repeated,
            shown=shown,
        )


async def put_together(world: SmallWorld) -> Ground:
    """Both applications from the world's settings, their tables made; connected to nothing afterwards."""
    apps: dict[str, Any] = {}
    for name, make in (("authority", make_authority), ("post", make_post)):
        # Identifiers as they are in production: a repeated request draws new ones, and must not get by by luck.
        settings = msgspec.structs.replace(read_settings(world.settings_of(name)), seed="")
        app = await make(settings)
        house: House = app.state.house
        await house.wire.close()
        await house.store.close()
        apps[name] = app
    return Ground(world=world, apps=apps)
