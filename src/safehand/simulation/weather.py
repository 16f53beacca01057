"""What goes wrong in a run: between the houses and in their machines at each moment, and at each named point of their code."""

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final

import msgspec

from safehand.kernel.store import Conflict, Unavailable
from safehand.link.keys import PeerKey
from safehand.simulation.faults import CRASHES
from safehand.simulation.house import SimHouse
from safehand.simulation.lives import LIFE, PEOPLE_ASK, Crashed, Life
from safehand.simulation.nonsense import acknowledged_ahead
from safehand.simulation.plan import Plan

if TYPE_CHECKING:
    from safehand.simulation.run import Run

BEDLAM: Final = {
    "mischief": 1.0,
    "course": 1.0,
    "nonsense_said": 0.3,
    "configuration_changed": 0.02,
    "outage_of_a_week": 0.01,
    "paid_too_little": 0.1,
    "paid_twice": 0.05,
    "paid_without_end": 0.1,
}
LATE_BEDLAM: Final = {
    **BEDLAM,
    "mischief": 0.5,
    "outage_of_a_week": 0.002,
    "partition": 0.05,
    "power_cut": 0.1,
    "crash_before_commit": 0.01,
    "crash_after_commit": 0.01,
    "crash_between": 0.002,
    "database_gone": 0.002,
}
"""Where it begins at the door, things must get there: less bad weather than that of the worst seeds."""
CRASHES_IN_A_MOMENT_MAX: Final = 4
"""Where every life is shorter than the work of a moment, nothing is ever done, and nothing tested."""
RACES_IN_A_ROW: Final = 7
"""One more than a batch is tried: it is halved, and its first half loses too."""
ADDED_IN_TIME_SHARE: Final = 0.2
"""At each moment at which few numbers are left."""
POINTS_MAX: Final = 20_000
"""So many points of the code passed in one moment of the world mean that somebody turns in a circle."""
ROTATION_OVERLAP: Final = timedelta(days=2)
BAD_POINTS: Final[Mapping[str, tuple[str, ...]]] = {
    "store.begun": ("crash_between", "database_silent"),
    "store.locked": ("crash_between", "race_lost"),
    "store.looked_up": ("crash_between",),
    "store.written": ("crash_before_commit", "commit_unknown_lost", "race_lost"),
    "store.committed": ("crash_after_commit", "commit_unknown_kept"),
    "store.asked": ("crash_between", "database_silent"),
    "link.numbering": ("crash_between",),
    "link.sending": ("crash_between",),
    "link.verified": ("crash_between",),
    "link.taken": ("crash_after_commit",),
}
"""What may happen at which point."""


def at_least(plan: Plan) -> Mapping[str, float]:
    """Kind of fault -> its rate, for what every run of this plan has."""
    if plan.late:
        return LATE_BEDLAM
    return BEDLAM if plan.bedlam else {}


class Weather:
    """Of one run."""

    def __init__(self, *, run: "Run") -> None:
        self.run = run
        self.points = 0
        """Of the code, passed in this moment."""
        self.keys_to_tell: list[tuple[SimHouse, PeerKey]] = []
        """New keys of a house of which its peer has not been told yet."""
        self.races: Counter[str] = Counter()
        """How many commits of a house will still be lost to somebody who is faster."""
        self.gone: set[str] = set()
        """Houses whose database does not answer in this moment."""
        self.crashed: Counter[str] = Counter()
        """How often each house came to its end in this moment."""

    def begins(self) -> None:
        """A new moment."""
        self.points = 0
        self.crashed.clear()
        self.changes()

    def may_crash(self, name: str) -> bool:
        """Whether a house has lived long enough in this moment to come to its end again."""
        return self.crashed[name] < CRASHES_IN_A_MOMENT_MAX

    def crash(self, house: SimHouse) -> None:
        """A process ends."""
        self.crashed[house.name] += 1
        house.crash()

    def changes(self) -> None:
        """What changes between the houses and in their machines at this moment."""
        faults, chance, now = self.run.faults, self.run.faults.chance, self.run.clock.now()
        self.tell_keys()
        if not self.run.network.cut and faults.happens("outage_of_a_week"):
            self.run.network.cut_until = now + timedelta(days=7)
        # The manager is warned when few numbers are left, and may add some in time.
        warned = bool(self.run.post.disk.queues.get("range.nearly_used_up"))
        in_time = warned and chance.random() < ADDED_IN_TIME_SHARE
        if not self.run.files.final and (in_time or faults.happens("configuration_changed")):
            self.new_files()
        self.gone = {name for name in self.run.houses if faults.happens("database_gone")}
        for house in self.run.houses.values():
            house.clock.off = timedelta()
            if faults.happens("clock_skewed"):
                house.clock.off = timedelta(seconds=chance.uniform(-300, 300))
            elif faults.happens("clock_jumped_back"):
                house.clock.off = -timedelta(seconds=chance.uniform(0, 3600))
            if faults.happens("races_in_a_row"):
                self.races[house.name] = RACES_IN_A_ROW
            if faults.happens("nonsense_said"):
                self.run.nonsense.say(house, self.run.houses[house.peer], now, self.run.orders)
            if faults.happens("acknowledged_ahead"):
                acknowledged_ahead(house, chance)
            self._keys(house)

    def new_files(self) -> None:
        """The post's files change, and it reads them."""
        self.run.files.change()
        self.run.post.read_again()

    def _keys(self, house: SimHouse) -> None:
        """A key is changed: the old one stays good for what is on its way (rotated), or is good no longer (revoked).

        The peer keeps every old key, with the time until which it was good: what was signed then must verify for ever.
        """
        revoked = self.run.faults.happens("key_revoked")
        if not revoked and not self.run.faults.happens("key_rotated"):
            return
        peer, old, now = self.run.houses[house.peer], house.keys.generation, self.run.clock.now()
        house.keys.generation += 1
        ends = {"revoked_at": now} if revoked else {"not_after": now + ROTATION_OVERLAP}
        peer.peer_keys = [
            msgspec.structs.replace(key, **ends) if key.key_id == house.keys.key_id(old) else key
            for key in peer.peer_keys
        ]
        self.keys_to_tell.append((peer, house.public_key(generation=house.keys.generation)))
        house.crash()
        if not self.run.faults.happens("key_told_late"):
            self.tell_keys()

    def tell_keys(self) -> None:
        """Each peer learns the keys of which it has not heard yet."""
        for peer, key in self.keys_to_tell:
            peer.peer_keys.append(key)
            peer.crash()
        self.keys_to_tell.clear()

    async def at_point(self, point: str) -> None:
        """Every point of the code under test comes by here."""
        life = LIFE.get()
        if life is None:
            return
        if not life.alive:
            raise Crashed
        self.points += 1
        if self.points > POINTS_MAX:
            self._turning(point, life.name)
        faults = self.run.faults
        if not faults.on:
            return
        if life.name in self.gone and point in ("store.begun", "store.asked"):
            raise Unavailable("the simulator says that the database is gone")
        if point == "store.written":
            self._race(life.name)
        long_enough = self.may_crash(life.name)
        for kind in BAD_POINTS[point]:
            if (long_enough or kind not in CRASHES) and faults.happens(kind):
                self._strike(kind, life.name)
        if faults.happens("slow_point"):
            await self._slowly(life)

    async def _slowly(self, life: Life) -> None:
        for _ in range(self.run.faults.chance.randrange(1, 8)):
            await asyncio.sleep(0)
        if not life.alive:
            raise Crashed

    def _race(self, name: str) -> None:
        # A message that loses every race is parked for a person; so it is only people who lose this often.
        if self.races[name] and PEOPLE_ASK.get():
            self.races[name] -= 1
            raise Conflict("the simulator says that somebody else was faster again")

    def _turning(self, point: str, name: str) -> None:
        self.run.checker.say("liveness", f"the {name} turns in a circle at {point}")
        self.run.houses[name].crash()
        raise Crashed

    def _strike(self, kind: str, name: str) -> None:
        match kind:
            case "race_lost":
                raise Conflict("the simulator says that somebody else was faster")
            case "commit_unknown_lost" | "commit_unknown_kept" | "database_silent":
                raise Unavailable("the simulator says that the database does not answer")
            case _:
                self.crash(self.run.houses[name])
                raise Crashed
