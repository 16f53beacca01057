"""Who applies when: eight days of May 2024 in twenty cities, by the figures that were published and each city's size.

Shanghai passed 1,600 and Guangdong's three cities passed 4,000 by 13 May (policy facts); the others share the rest.
People come from 7 in the morning to 11 at night, most in the evening; the first day is the busiest.
"""

import tomllib
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import NamedTuple

from safehand.programme.launch.chance import Chance

FIRST_DAY = date(2024, 5, 6)
DAYS = 8
MIDNIGHT = datetime(2024, 5, 5, 16, 0, tzinfo=UTC)
"""The first day begins in China."""
DAY_WEIGHTS = (20, 16, 13, 12, 11, 9, 9, 10)
HOUR_WEIGHTS = (0, 0, 0, 0, 0, 0, 0, 2, 4, 7, 8, 7, 5, 5, 6, 6, 6, 6, 6, 8, 10, 9, 5, 0)


class Place(NamedTuple):
    """A city of the launch and how many apply there by the data's own figure."""

    code: int
    name: str
    province: str
    applications: int


class Arrival(NamedTuple):
    """One applicant: the n-th of a city, and the moment of the application."""

    city: int
    number: int
    at: datetime


def read_places(*, folder: Path) -> list[Place]:
    """The cities with their published or assumed numbers of the first week, by code."""
    places: list[Place] = []
    for path in sorted(folder.glob("*/city.toml")):
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        city = table["city"]
        week_one = table["launch"]["applications_week_one"][0]["value"]
        places.append(Place(int(city["code"]), city["name_en"], city["province_en"], week_one))
    return sorted(places)


def shares(*, places: list[Place], applications: int) -> Mapping[int, int]:
    """How many of `applications` fall to each city: in proportion, by largest remainder, together exactly all."""
    total = sum(place.applications for place in places)
    exact = {place.code: applications * place.applications / total for place in places}
    whole = {code: int(value) for code, value in exact.items()}
    rest = applications - sum(whole.values())
    for code in sorted(exact, key=lambda code: (whole[code] - exact[code], code))[:rest]:
        whole[code] += 1
    return whole


def arrivals(*, places: list[Place], applications: int, chance: Chance) -> list[Arrival]:
    """Every applicant of the week in order of time. The same seed gives the same list."""
    found: list[Arrival] = []
    for code, count in sorted(shares(places=places, applications=applications).items()):
        for number in range(count):
            day = _weighted(DAY_WEIGHTS, chance.share("day", code, number))
            hour = _weighted(HOUR_WEIGHTS, chance.share("hour", code, number))
            seconds = int(3600 * chance.share("second", code, number))
            found.append(Arrival(code, number, MIDNIGHT + timedelta(days=day, hours=hour, seconds=seconds)))
    return sorted(found, key=lambda arrival: (arrival.at, arrival.city, arrival.number))


def _weighted(weights: tuple[int, ...], share: float) -> int:
    left = share * sum(weights)
    for place, weight in enumerate(weights):
        left -= weight
        if left < 0:
            return place
    return len(weights) - 1
