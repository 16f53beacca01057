"""What a run is made of, and what it came to."""

from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from safehand.simulation import couriers
from safehand.simulation.checker import Violation

START: Final = datetime(2024, 5, 5, 16, 0, tzinfo=UTC)
"""Midnight in Beijing before the pilot's first day."""
CITIES: Final = (310000, 440100)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a run is made of."""

    seed: int
    people: int = 0
    """0: drawn from the seed, as is `arrival_days`: crowded weeks, or quiet years."""
    arrival_days: int = 0
    cities: tuple[int, ...] = CITIES
    faults: bool = True
    bedlam: bool = False
    """Everybody is confused all the time: seldom reached states are reached."""

    @property
    def late(self) -> bool:
        """In three of five of those they know what they do until the envelope is with the post: else hardly any would get there."""
        return self.bedlam and self.seed % 5 > 1

    @property
    def scarce(self) -> bool:
        """In one of five the post's numbers and the authority's blanks run out: little is delivered until more come."""
        return self.bedlam and self.seed % 5 == 0


SHAPES: Final = (
    (600, 20, False),
    (3, 1500, False),
    (300, 30, False),
    (600, 20, False),
    (3, 1500, False),
    (600, 20, False),
    (3, 1500, False),
    (80, 30, True),
    (600, 20, False),
    (3, 1500, False),
    (80, 30, True),
    (600, 20, False),
    (3, 1500, False),
    (300, 30, False),
    (300, 20, False),
    (600, 20, False),
)
"""People, days, and whether they are confused: of sixteen seeds nine are crowded weeks, five quiet years, two bedlam."""


def shaped(plan: Plan) -> Plan:
    """The plan with its people and days, drawn where they were not given."""
    people, days, bedlam = SHAPES[plan.seed % len(SHAPES)]
    return replace(
        plan,
        people=plan.people or people,
        arrival_days=plan.arrival_days or days,
        bedlam=bedlam and plan.faults,
    )


@dataclass(kw_only=True)
class Ended:
    """What a run came to."""

    seed: int
    lifecycles: int
    days: float
    events: int
    faults: Counter[str]
    bad_messages: int
    crashes: int
    partitions: int
    refusals: Counter[str]
    edges: Counter[str]
    marks: Counter[str]
    thefts: list[couriers.Theft]
    violations: list[Violation]
    fingerprint: str
    story: list[str] = field(default_factory=list)
