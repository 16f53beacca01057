"""A city as the post sees it: promise, attempts, tariff, delivery offices and its ranges of waybill numbers."""

import itertools
from datetime import date, time
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from safehand.kernel.dated import (
    Defect,
    DefectiveRulesError,
    Entry,
    Layered,
    Timeline,
    read_facts,
    read_layered,
    refuse_unknown_sections,
    timeline,
)
from safehand.postal.network.s10 import WaybillRange
from safehand.postal.network.service_areas import Zone, city_of

PostageMode = Literal["on_delivery", "prepaid", "free"]
CityCode = Annotated[str, Meta(pattern=r"^[1-9][0-9]{5}$")]
Text = Annotated[str, Meta(min_length=1, max_length=120)]
Days = Annotated[int, Meta(ge=1, le=365)]
Weekdays = Annotated[tuple[Annotated[int, Meta(ge=1, le=7)], ...], Meta(min_length=1, max_length=7)]
AmountFen = Annotated[int, Meta(ge=0, le=100_000)]
_SECTIONS: Final = frozenset(
    {
        "city",
        "launch",
        "clocks",
        "handover",
        "delivery",
        "postage",
        "reach",
        "counters",
        "offices",
        "waybills",
    }
)


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts with no room for a misspelt key."""


class Handover(_Strict, frozen=True, kw_only=True):
    """Local times at which the post collects."""

    collections: Annotated[tuple[time, ...], Meta(min_length=1, max_length=24)]


class DaysByZone(_Strict, frozen=True, kw_only=True):
    """Days by how far the destination lies."""

    in_city: Days
    in_province: Days
    elsewhere: Days


class Delivery(_Strict, frozen=True, kw_only=True):
    """Days to the door, attempts, holding, return."""

    promise_days: DaysByZone
    attempts_max: Annotated[int, Meta(ge=1, le=20)]
    attempts_window_days: Days
    held_days: Days
    return_days: Days
    weekdays: Weekdays
    """On which it is brought; 1 is Monday."""

    def days_to_door(self, zone: Zone) -> int:
        """The promise for a zone."""
        return getattr(self.promise_days, zone)


class FenByZone(_Strict, frozen=True, kw_only=True):
    """Postage by how far the destination lies."""

    in_city: AmountFen
    in_province: AmountFen
    elsewhere: AmountFen


class Postage(_Strict, frozen=True, kw_only=True):
    """The tariff and the mode that is used unless an order says otherwise."""

    mode: PostageMode
    choices: tuple[PostageMode, ...]
    """The authority's: what its applicants may choose between. The order says what holds."""
    on_delivery: FenByZone
    prepaid: FenByZone
    free: FenByZone
    missed_promise_percent: Annotated[int, Meta(ge=0, le=100)]
    """So much of the postage the authority pays back when a promise was missed; 0: nothing."""

    def amount_fen(self, *, zone: Zone, mode: PostageMode | None = None) -> int:
        """The postage of one item in fen."""
        tariff: FenByZone = getattr(self, mode or self.mode)
        return getattr(tariff, zone)


class Waybills(_Strict, frozen=True, kw_only=True):
    """The ranges, in the order in which they are used up."""

    ranges: Annotated[tuple[WaybillRange, ...], Meta(min_length=1, max_length=50)]


class DeliveryOffice(_Strict, frozen=True, kw_only=True):
    """A delivery office; its code is that of the district which it serves (GB/T 2260)."""

    code: CityCode
    district_zh: Text
    district_en: Text
    name_zh: Text
    name_en: Text
    address_zh: Text
    address_en: Text
    hours_zh: Text
    hours_en: Text


class Offices(_Strict, frozen=True, kw_only=True):
    """The delivery offices, and how many rounds each may have."""

    rounds_max: Annotated[int, Meta(ge=1, le=99)]
    delivery: Annotated[tuple[DeliveryOffice, ...], Meta(min_length=1, max_length=500)]


class PostalRules(_Strict, frozen=True, kw_only=True):
    """Everything of a city that has a date and concerns the post."""

    handover: Handover
    delivery: Delivery
    postage: Postage
    waybills: Waybills
    offices: Offices

    def office_for(self, destination_code: str) -> DeliveryOffice | None:
        """The office that serves a destination within the city, if the city's file names it."""
        return next((office for office in self.offices.delivery if office.code == destination_code[:6]), None)


class PostalCityIdentity(_Strict, frozen=True, kw_only=True):
    """Code (GB/T 2260), names, province, and the day on which the city opens."""

    code: CityCode
    name_zh: Text
    name_en: Text
    province_code: CityCode
    province_zh: Text
    province_en: Text
    opens_on: Entry[date]


class PostalCity(msgspec.Struct, frozen=True, kw_only=True):
    """A city with the post's dated rules."""

    identity: PostalCityIdentity
    rules: Timeline[PostalRules]

    @property
    def code(self) -> str:
        """GB/T 2260, six digits."""
        return self.identity.code

    def on(self, day: date) -> PostalRules:
        """The rules of a day; before the opening, those that will hold on it. Raises `NotInForceError` after an end."""
        return self.rules.on(max(day, self.identity.opens_on.value, self.rules.first_day))


def load_postal_cities(folder: Path, defaults: str = "_defaults.toml") -> dict[str, PostalCity]:
    """Every city in a folder by its code. Raises `DefectiveRulesError` naming all defects of all files at once.

    No number may lie in the ranges of two cities, on whatever day.
    """
    defects: list[Defect] = []
    cities: dict[str, PostalCity] = {}
    claimed: list[tuple[str, str, WaybillRange]] = []
    for layer in read_layered(folder=folder, file_name="city.toml", defaults_name=defaults, defects=defects):
        city = _city(layer, defects)
        if city is None:
            continue
        if city.code in cities:
            wrong = f"code {city.code} is used twice"
            defects.append(
                Defect(file=layer.file, key="city.code", wrong=wrong, way_out="give each city one folder")
            )
            continue
        cities[city.code] = city
        latest = {part for view in city.rules.views for part in view.waybills.ranges}
        claimed += [
            (city.code, layer.file, part)
            for part in sorted(latest, key=lambda part: (part.indicator, part.first))
        ]
        defects.extend(_defects_of_city(city=city, layer=layer))
    defects.extend(_defects_of_ranges(claimed))
    if defects:
        raise DefectiveRulesError(defects)
    return cities


def _city(layer: Layered, defects: list[Defect]) -> PostalCity | None:
    refuse_unknown_sections(layer=layer, known=_SECTIONS, defects=defects)
    identity = read_facts(shape=PostalCityIdentity, layer=layer, section="city", defects=defects)
    rules = timeline(shape=PostalRules, tables=layer.tables, file_of=layer.file_of, defects=defects)
    return None if identity is None or rules is None else PostalCity(identity=identity, rules=rules)


def _defects_of_city(*, city: PostalCity, layer: Layered) -> list[Defect]:
    found: list[Defect] = []
    views = city.rules.views
    for office in {office.code for view in views for office in view.offices.delivery}:
        if city_of(office) != city.code:
            wrong = f"office {office} lies in another city"
            found.append(
                Defect(
                    file=layer.file, key="offices.delivery", wrong=wrong, way_out="use a district of the city"
                )
            )
    for earlier, later in itertools.pairwise(views):
        before, after = earlier.waybills.ranges, later.waybills.ranges
        if after[: len(before)] != before:
            wrong = "ranges were taken away or moved"
            found.append(
                Defect(
                    file=layer.file, key="waybills.ranges", wrong=wrong, way_out="only add ranges at the end"
                )
            )
    return found


def _defects_of_ranges(claimed: list[tuple[str, str, WaybillRange]]) -> list[Defect]:
    key = "waybills.ranges"
    found = [
        Defect(
            file=file,
            key=key,
            wrong=f"{part.indicator} {part.first} to {part.last}",
            way_out="first before last",
        )
        for _, file, part in claimed
        if part.first > part.last
    ]
    ordered = sorted(claimed, key=lambda claim: (claim[2].indicator, claim[2].first))
    for (city, _, part), (other, file, following) in itertools.pairwise(ordered):
        if part.overlaps(following):
            wrong = f"{following.indicator} {following.first} to {following.last} of {other} overlaps a range of {city}"
            found.append(
                Defect(file=file, key=key, wrong=wrong, way_out="choose free serials or another indicator")
            )
    return found
