"""A simulated house: the real actions, machines, process pages, jobs and link over a simulated disk, clock and wire."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, TypeVar

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey

from safehand.house.front import Action, Front
from safehand.house.runtime import House, put_together
from safehand.house.sessions import Session
from safehand.house.settings import Keys, PeerKeySetting, PeerSetting, Settings
from safehand.kernel.ids import DerivedIds
from safehand.kernel.machine import Machine
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Done
from safehand.kernel.vault import VaultKeys
from safehand.link.endpoint import LinkDoor
from safehand.link.keys import KeyRing, Peer, PeerKey
from safehand.link.pump import Wire
from safehand.link.reader import Border, Reader
from safehand.simulation.lives import PEOPLE_ASK, Life, survived
from safehand.simulation.questions import ANSWERS
from safehand.simulation.store import SimStore

Result = TypeVar("Result")
Chores = Mapping[str, Callable[[], Awaitable[int]]]
NOT_SIMULATED: Final = frozenset({"checkpoints"})
"""Checkpoints live by PostgreSQL's numbering of transactions; they are proven there."""
ASKED: Final = tuple[str, Session, Any, str]


class WorldClock:
    """The one true time of the simulated world."""

    def __init__(self, *, start: datetime) -> None:
        self._now = start

    def now(self) -> datetime:
        """The true time."""
        return self._now

    def move_to(self, moment: datetime) -> None:
        """The world's time never goes back."""
        self._now = max(self._now, moment)

    async def sleep(self, seconds: float) -> None:
        """Nobody waits within a moment."""
        await asyncio.sleep(0)


class HouseClock:
    """A machine's clock: the world's, and what it is off by."""

    def __init__(self, *, world: WorldClock) -> None:
        self._world = world
        self.off = timedelta()

    def now(self) -> datetime:
        """What the machine takes for the time."""
        return self._world.now() + self.off

    async def sleep(self, seconds: float) -> None:
        """Nobody waits within a moment."""
        await asyncio.sleep(0)


class Signing:
    """A house's signing keys, one after the other: derived from the seed, so that a run can be repeated."""

    def __init__(self, *, name: str, seed: int) -> None:
        self.name, self.seed, self.generation = name, seed, 1
        self._secrets: dict[str, bytes] = {}

    def secret(self, purpose: str) -> bytes:
        """32 bytes for one purpose."""
        found = self._secrets.get(purpose)
        if found is None:
            found = self._secrets[purpose] = DerivedIds(seed=f"{self.name}:{self.seed}").token(basis=purpose)
        return found

    def signing(self, generation: int) -> bytes:
        """The signing key of a generation."""
        return self.secret(f"signing {generation}")

    def key_id(self, generation: int) -> str:
        """What it is called."""
        return f"{self.name}-{generation}"


class SimHouse:
    """One house through all its lives. `parts` puts its actions, border and jobs together (the house's own code)."""

    def __init__(
        self,
        *,
        name: str,
        peer: str,
        seed: int,
        clock: HouseClock,
        machines: Callable[[KeyRing], Mapping[str, Machine]],
        parts: Callable[[House], tuple[Sequence[Action], Border, Chores]],
        wire: Wire,
    ) -> None:
        self.name, self.peer, self.seed, self.clock, self.wire = name, peer, seed, clock, wire
        self._machines, self._parts = machines, parts
        self.keys = Signing(name=name, seed=seed)
        self.peer_keys: list[PeerKey] = []
        self.disk = SimStore(answers_to=ANSWERS)
        self.lives = 0
        self._kept: tuple[Any, KeyRing, dict[str, Machine], Settings] | None = None
        self._memory: tuple[House, LinkDoor] | None = None

    def boot(self) -> None:
        """A new life: nothing is in memory yet."""
        self.lives += 1
        self.life = Life(name=self.name, number=self.lives)
        self._memory = None

    @property
    def house(self) -> House:
        """What is in memory."""
        return (self._memory or self._remembered())[0]

    @property
    def door(self) -> LinkDoor:
        """Where the peer knocks."""
        return (self._memory or self._remembered())[1]

    @property
    def ring(self) -> KeyRing:
        """Its keys and its peer's."""
        return self._read()[0]

    def _read(self) -> tuple[KeyRing, dict[str, Machine], Settings]:
        """From files that nobody changes: the same in every life, so read once."""
        keys = (self.keys.generation, tuple(self.peer_keys))
        if self._kept is None or self._kept[0] != keys:
            ring = self._ring()
            self._kept = (keys, ring, dict(self._machines(ring)), self._settings())
        return self._kept[1:]

    def _remembered(self) -> tuple[House, LinkDoor]:
        """Everything in memory is made anew, by the same code that a real house runs at its start.

        When it is first needed: who loses the power twice in a row need not have begun in between (a quarter of the
        time of quiet years, profiled).
        """
        vault = VaultKeys(
            wrapping=self.keys.secret("vault wrapping"), blinding=self.keys.secret("vault blinding")
        )
        ring, machines, settings = self._read()
        house = put_together(
            settings=settings,
            machines=machines,
            store=self.disk,
            clock=self.clock,
            ids=DerivedIds(seed=f"{self.name}:{self.seed}"),
            ring=ring,
            vault=vault,
            wire=self.wire,
            wire_clock=self.clock,
        )
        actions, border, chores = self._parts(house)
        house.front = Front(actions=actions)
        house.jobs.chores |= {name: chore for name, chore in chores.items() if name not in NOT_SIMULATED}
        house.reader = Reader(
            shell=house.shell, store=house.store, ring=house.ring, border=border, clock=house.clock
        )
        door = LinkDoor(ring=house.ring, reader=house.reader, log=house.link_log, wire_clock=self.clock)
        self._memory = (house, door)
        return self._memory

    def crash(self) -> None:
        """The process ends in the middle of everything, and another one starts."""
        self.life.end()
        self.boot()

    def read_again(self) -> None:
        """Its files were changed: it is started anew."""
        self._kept = None
        self.crash()

    async def run(self, work: Callable[[], Awaitable[Result]]) -> Result | None:
        """Something that this house does in its present life; None when the life ended first."""

        async def go() -> Result:
            return await work()

        return await survived(self.life.spawn(go()))

    async def asked(self, calls: Sequence[tuple[str, Session, Any, str]]) -> list[Done | Refusal] | None:
        """Calls of people at this moment, through the front door; None when nobody answered."""
        before = PEOPLE_ASK.set(True)
        try:
            return await self.run(lambda: self.house.front.call_together(calls))
        finally:
            PEOPLE_ASK.reset(before)

    def _ring(self) -> KeyRing:
        generation = self.keys.generation
        sealing = X25519PrivateKey.from_private_bytes(
            Signing(name=self.peer, seed=self.seed).secret("sealing")
        )
        return KeyRing(
            name=self.name,
            key_id=self.keys.key_id(generation),
            signing=self.keys.signing(generation),
            sealing=self.keys.secret("sealing"),
            peers=[
                Peer(
                    name=self.peer,
                    keys=tuple(self.peer_keys),
                    sealing=sealing.public_key().public_bytes_raw(),
                    url=f"http://{self.peer}.simulated",
                )
            ],
        )

    def public_key(self, *, generation: int) -> PeerKey:
        """What the peer is told of a signing key."""
        private = Ed25519PrivateKey.from_private_bytes(self.keys.signing(generation))
        return PeerKey(
            key_id=self.keys.key_id(generation),
            public=private.public_key().public_bytes_raw(),
        )

    def _settings(self) -> Settings:
        nowhere = Path("/nonexistent")
        return Settings(
            name=self.name,
            mode="rehearsal",
            database="postgresql://simulated/simulated",
            keys=Keys(
                key_id=self.keys.key_id(self.keys.generation),
                signing=nowhere,
                sealing=nowhere,
                vault_wrapping=nowhere,
                vault_blinding=nowhere,
            ),
            public_url=f"http://{self.name}.simulated",
            peers=[
                PeerSetting(
                    name=self.peer,
                    url=f"http://{self.peer}.simulated",
                    sealing="",
                    keys=[PeerKeySetting(key_id=key.key_id, public="") for key in self.peer_keys],
                )
            ],
            seed=f"{self.name}:{self.seed}",
        )
