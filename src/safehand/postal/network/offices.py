"""The post's offices and numbers of a city: who accepts, who sorts, who delivers, and the next waybill number.

The cities' files name the delivery offices; a city has one acceptance office (`310000-A`) and one sorting centre
(`310000-C`).
"""

from collections.abc import Mapping
from datetime import date
from typing import Final
from zlib import crc32

import msgspec

from safehand.kernel.outcome import Refusal
from safehand.postal.network.cities import PostalCity
from safehand.postal.network.s10 import capacity, nth_waybill
from safehand.postal.network.service_areas import city_of, routing_code, zone_of

_ACCEPTANCE: Final = "A"
_CENTRE: Final = "C"


def acceptance_office(city: int) -> str:
    """The office at which a city's authority hands over."""
    return f"{city}-{_ACCEPTANCE}"


def sorting_centre(city: int) -> str:
    """The centre through which a city's items go."""
    return f"{city}-{_CENTRE}"


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where an order goes and by when: the delivery office, the label's routing code, days to the door and back."""

    office: str
    routing: str
    promise_days: int
    return_days: int


class Network:
    """The cities that the post serves, by code. Pure: answers depend on the city files and the day alone."""

    def __init__(self, *, cities: Mapping[str, PostalCity]) -> None:
        self._cities = dict(cities)

    def route(self, *, city: int, destination: int, order: str, day: date, county: str = "") -> Route | None:
        """The way from a city to a destination (GB/T 2260); none when either isn't served.

        `county` (six digits, read from the sealed address by the border) chooses the delivery office. Without it
        the orders of a city are spread over its offices, each order always to the same one.
        """
        origin = self._cities.get(str(city))
        target = self._cities.get(city_of(str(destination)))
        if origin is None or target is None:
            return None
        rules = target.on(day)
        offices = rules.offices.delivery
        office = rules.office_for(county) if county else None
        code = office.code if office is not None else offices[crc32(order.encode()) % len(offices)].code
        delivery = origin.on(day).delivery
        return Route(
            office=code,
            routing=routing_code(destination_code=code, rounds_max=rules.offices.rounds_max),
            promise_days=delivery.days_to_door(zone_of(city=str(city), destination_code=str(destination))),
            return_days=delivery.return_days,
        )

    def delivery_offices(self, *, city: int, day: date) -> tuple[str, ...]:
        """The codes of a city's delivery offices; empty for a city that isn't served."""
        found = self._cities.get(str(city))
        return tuple(office.code for office in found.on(day).offices.delivery) if found is not None else ()

    def waybill(self, *, city: int, nth: int, day: date) -> str | Refusal:
        """The nth number (from 0) of a city's ranges, or the refusal that they are used up."""
        found = self._cities.get(str(city))
        ranges = found.on(day).waybills.ranges if found is not None else ()
        return nth_waybill(ranges=ranges, order=nth, city=str(city))

    def numbers(self, *, city: int, day: date) -> int:
        """How many numbers the city's ranges hold together."""
        found = self._cities.get(str(city))
        return capacity(found.on(day).waybills.ranges) if found is not None else 0
