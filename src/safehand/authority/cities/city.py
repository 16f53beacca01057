"""A city as the authority sees it, read from `cities/<folder>/city.toml` laid over `cities/_defaults.toml`."""

from datetime import date, time
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from safehand.kernel.dated import (
    Dated,
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

Zone = Literal["in_city", "in_province", "elsewhere"]
PostageMode = Literal["on_delivery", "prepaid", "free"]
PostageChoice = Literal["on_delivery", "prepaid"]
CityCode = Annotated[str, Meta(pattern=r"^[1-9][0-9]{5}$")]
Text = Annotated[str, Meta(min_length=1, max_length=120)]
Days = Annotated[int, Meta(ge=1, le=365)]
Weekdays = Annotated[tuple[Annotated[int, Meta(ge=1, le=7)], ...], Meta(min_length=1, max_length=7)]
AmountFen = Annotated[int, Meta(ge=0, le=100_000)]

# The post reads its own sections of the same files (ranges of waybills, delivery offices); the launch its weights.
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


class Counter(_Strict, frozen=True, kw_only=True):
    """An authority counter: where a person goes when the online way is closed, and where documents are picked up."""

    code: Text
    name_zh: Text
    name_en: Text
    address_zh: Text
    address_en: Text
    hours_zh: Text
    hours_en: Text


class Clocks(_Strict, frozen=True, kw_only=True):
    """The applicant's clocks in days (the cooling time of an address in hours), the authority's and a group's in working days."""

    correct_days: Days
    pay_days: Days
    review_working_days: Days
    produce_working_days: Days
    pickup_days: Days
    address_change_hours: Annotated[int, Meta(ge=1, le=168)]
    group_wait_working_days: Annotated[int, Meta(ge=1, le=10)]
    """How long an issued document waits at most for those of its group."""


class Handover(_Strict, frozen=True, kw_only=True):
    """Local times at which the post collects."""

    collections: Annotated[tuple[time, ...], Meta(min_length=1, max_length=24)]


class DaysByZone(_Strict, frozen=True, kw_only=True):
    """Days by how far the destination lies."""

    in_city: Days
    in_province: Days
    elsewhere: Days


class Delivery(_Strict, frozen=True, kw_only=True):
    """What the post promises: days to the door, attempts, holding, return."""

    promise_days: DaysByZone
    attempts_max: Annotated[int, Meta(ge=1, le=20)]
    attempts_window_days: Days
    held_days: Days
    return_days: Days
    weekdays: Weekdays
    """On which it is brought; 1 is Monday."""


class FenByZone(_Strict, frozen=True, kw_only=True):
    """Postage by how far the destination lies."""

    in_city: AmountFen
    in_province: AmountFen
    elsewhere: AmountFen


class Postage(_Strict, frozen=True, kw_only=True):
    """The tariff, what the applicant may choose, and the mode that holds for whoever chose nothing."""

    mode: PostageMode
    choices: Annotated[tuple[PostageChoice, ...], Meta(min_length=1, max_length=2)]
    on_delivery: FenByZone
    prepaid: FenByZone
    free: FenByZone
    missed_promise_percent: Annotated[int, Meta(ge=0, le=100)]
    """So much of the postage the authority pays back when a promise was missed; 0: nothing."""

    @property
    def offered(self) -> tuple[PostageChoice, ...]:
        """What the applicant may choose between; nothing where no postage is asked."""
        return () if self.mode == "free" else self.choices

    def amount_fen(self, *, zone: Zone, mode: PostageMode | None = None) -> int:
        """The postage of one item in fen."""
        tariff: FenByZone = getattr(self, mode or self.mode)
        return getattr(tariff, zone)


class NotReached(_Strict, frozen=True, kw_only=True):
    """A division (2, 4, 6 or 9 digits) to which nothing is brought, with everything in it, and why."""

    code: Annotated[str, Meta(pattern=r"^[1-9][0-9]([0-9]{2}|[0-9]{4}|[0-9]{7})?$")]
    reason_zh: Text
    reason_en: Text


class Reach(_Strict, frozen=True, kw_only=True):
    """Where documents of this city can be brought.

    `to_door`: to the cities that have a folder of their own, or anywhere in the mainland; less what is `not_to_door`.
    `post_office`: whether the post keeps an item at one of its counters, when it is asked to on the way.
    """

    to_door: Literal["cities", "mainland"]
    not_to_door: Annotated[tuple[NotReached, ...], Meta(max_length=2_000)]
    post_office: Literal["on_the_way", "never"]


class Counters(_Strict, frozen=True, kw_only=True):
    """The counters open in the city."""

    open: Annotated[tuple[Counter, ...], Meta(min_length=1, max_length=200)]


class CityRules(_Strict, frozen=True, kw_only=True):
    """Everything of a city that has a date."""

    clocks: Clocks
    handover: Handover
    delivery: Delivery
    postage: Postage
    reach: Reach
    counters: Counters


class CityIdentity(_Strict, frozen=True, kw_only=True):
    """Code (GB/T 2260), names, province, and the day on which the city opens to online applications."""

    code: CityCode
    name_zh: Text
    name_en: Text
    province_code: CityCode
    province_zh: Text
    province_en: Text
    opens_on: Entry[date]


class CityOn(msgspec.Struct, frozen=True, kw_only=True):
    """A city resolved for one day; the same object for all days between two changes, so it costs nothing to ask."""

    code: str
    name_zh: str
    name_en: str
    province_code: str
    province_zh: str
    province_en: str
    opens_on: date
    clocks: Clocks
    handover: Handover
    delivery: Delivery
    postage: Postage
    reach: Reach
    counters: tuple[Counter, ...]

    def is_open(self, day: date) -> bool:
        """Whether online applications are taken on a day."""
        return day >= self.opens_on


class City(msgspec.Struct, frozen=True, kw_only=True):
    """A city with all its dated rules; `rules.values` keeps the source of each value."""

    identity: CityIdentity
    rules: Timeline[CityRules]
    resolved: Timeline[CityOn]

    @property
    def code(self) -> str:
        """GB/T 2260, six digits."""
        return self.identity.code

    @property
    def opens_on(self) -> date:
        """The first day of online applications."""
        return self.identity.opens_on.value

    def is_open(self, day: date) -> bool:
        """Whether online applications are taken on a day."""
        return day >= self.opens_on

    def on(self, day: date) -> CityOn:
        """The rules of a day; before the opening, those that will hold on it. Raises `NotInForceError` after an end."""
        return self.resolved.on(max(day, self.opens_on))


def load_cities(folder: Path, defaults: str = "_defaults.toml") -> dict[str, City]:
    """Every city in a folder by its code. Raises `DefectiveRulesError` naming all defects of all files at once."""
    defects: list[Defect] = []
    cities: dict[str, City] = {}
    files: dict[str, str] = {}
    for layer in read_layered(folder=folder, file_name="city.toml", defaults_name=defaults, defects=defects):
        city = _city(layer, defects)
        if city is None:
            continue
        if city.code in cities:
            wrong = f"code {city.code} also stands in {files[city.code]}"
            defects.append(
                Defect(file=layer.file, key="city.code", wrong=wrong, way_out="give each city one folder")
            )
        cities[city.code], files[city.code] = city, layer.file
    if defects:
        raise DefectiveRulesError(defects)
    return cities


def _city(layer: Layered, defects: list[Defect]) -> City | None:
    refuse_unknown_sections(layer=layer, known=_SECTIONS, defects=defects)
    identity = read_facts(shape=CityIdentity, layer=layer, section="city", defects=defects)
    rules = timeline(shape=CityRules, tables=layer.tables, file_of=layer.file_of, defects=defects)
    if identity is None or rules is None:
        return None
    late = _late_rules(identity=identity, values=rules.values, layer=layer)
    if late:
        defects.extend(late)
        return None
    wrong = _wrong_postage(rules=rules, layer=layer)
    if wrong:
        defects.extend(wrong)
        return None
    views = tuple(_resolved(identity, view) for view in rules.views)
    resolved = Timeline(changes=rules.changes, views=views, values=rules.values, last_day=rules.last_day)
    return City(identity=identity, rules=rules, resolved=resolved)


def _late_rules(*, identity: CityIdentity, values: dict[str, Dated], layer: Layered) -> list[Defect]:
    return [
        Defect(
            file=layer.file_of.get(key, layer.file),
            key=key,
            wrong=f"begins {value.entries[0].from_}, after the city opens on {identity.opens_on.value}",
            way_out="let it hold from the opening day on",
        )
        for key, value in values.items()
        if value.entries[0].from_ > identity.opens_on.value
    ]


def _wrong_postage(*, rules: Timeline[CityRules], layer: Layered) -> list[Defect]:
    """On no day may what holds for whoever chose nothing be missing from the choices, or what is chosen to be prepaid cost nothing."""
    found: list[Defect] = []
    for day, view in zip(rules.changes, rules.views, strict=True):
        postage = view.postage
        for wrong, way_out in _wrongs_of(postage):
            if postage.offered:
                found.append(
                    Defect(
                        file=layer.file, key="postage.choices", wrong=f"from {day}: {wrong}", way_out=way_out
                    )
                )
    return found


def _wrongs_of(postage: Postage) -> list[tuple[str, str]]:
    found: list[tuple[str, str]] = []
    if postage.mode not in postage.choices:
        found.append(
            (f'mode "{postage.mode}" is not among the choices', "add it to the choices, or change the mode")
        )
    if len(set(postage.choices)) != len(postage.choices):
        found.append(("a choice stands there twice", "name each once"))
    prepaid = postage.prepaid
    if "prepaid" in postage.choices and not min(prepaid.in_city, prepaid.in_province, prepaid.elsewhere):
        # What was paid tells later whether anything was prepaid; so a choice to pay nothing is none.
        found.append(
            ("prepaid costs nothing somewhere", 'set its tariff, leave it out, or set the mode to "free"')
        )
    return found


def _resolved(identity: CityIdentity, rules: CityRules) -> CityOn:
    return CityOn(
        code=identity.code,
        name_zh=identity.name_zh,
        name_en=identity.name_en,
        province_code=identity.province_code,
        province_zh=identity.province_zh,
        province_en=identity.province_en,
        opens_on=identity.opens_on.value,
        clocks=rules.clocks,
        handover=rules.handover,
        delivery=rules.delivery,
        postage=rules.postage,
        reach=rules.reach,
        counters=rules.counters.open,
    )
