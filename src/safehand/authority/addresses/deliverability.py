"""Whether a document can be brought to an address, by when and for how much; and what else the applicant may choose.

Pure, from the authority's own dated data: the city's files say where the post reaches. The post has the last word when the
order comes, and turns away what it doesn't serve; what is said here spares the applicant that.
"""

from collections.abc import Mapping
from datetime import date
from typing import Final, Literal, get_args

import msgspec

from safehand.authority.addresses import refusals
from safehand.authority.addresses.divisions import Divisions
from safehand.authority.application.commands import Mode
from safehand.authority.cities.city import City, CityOn, Counter, PostageMode, Zone
from safehand.authority.documents.document import Document
from safehand.authority.notices.wording import Both
from safehand.authority.rulebook import zone_of
from safehand.kernel.outcome import Refusal

Way = Literal["door", "post_office", "authority_counter"]
MODES: Final[tuple[PostageMode, ...]] = get_args(PostageMode)


class Deliverable(msgspec.Struct, frozen=True, kw_only=True):
    """It can be brought. `destination`: the city by GB/T 2260; `promise_days`: from hand-over to the post to the door.

    `postage_fen`: for one envelope, by mode; `mode` is the one that holds unless a case says otherwise.
    """

    destination: int
    zone: Zone
    promise_days: int
    mode: PostageMode
    postage_fen: Mapping[PostageMode, int]


class Option(msgspec.Struct, frozen=True, kw_only=True):
    """One way in which the document comes into its holder's hands.

    `mode`: what the application says of it. `when`: chosen now, or asked for while the post has it (then `mode` is the post).
    `promise_days`: from hand-over to the post; none where nothing is brought. `kept_days`: how long it waits there to be fetched.
    """

    way: Way
    mode: Mode
    when: Literal["now", "on_the_way"]
    postage_mode: PostageMode
    postage_fen: int
    promise_days: int | None
    kept_days: int
    counters: tuple[Counter, ...]
    bring: Both


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """All ways that are open, the door first; for each that isn't, why and what to do instead."""

    offered: tuple[Option, ...]
    closed: Mapping[Way, Refusal]


def deliverable(
    *, region: str, city: City, day: date, divisions: Divisions, cities: Mapping[int, City]
) -> Deliverable | Refusal:
    """Whether documents of `city` are brought to a division on a day. `cities`: all that have a folder, by their codes.

    Raises `NotInForceError` when the city's rules have ended.
    """
    rules = city.on(day)
    found = divisions.find(region)
    if found is None:
        return refusals.DIVISION_UNKNOWN()
    if not divisions.is_whole(region):
        return refusals.DIVISION_OPEN(level_zh="城市或区县", level_en="city, district or county")
    if (refusal := _out_of_reach(found.code, rules, divisions, cities)) is not None:
        return refusal
    destination = divisions.city_of(region)
    zone = zone_of(city=int(city.code), destination=destination)
    tariff = rules.postage
    return Deliverable(
        destination=destination,
        zone=zone,
        promise_days=getattr(rules.delivery.promise_days, zone),
        mode=tariff.mode,
        postage_fen={mode: tariff.amount_fen(zone=zone, mode=mode) for mode in MODES},
    )


def not_reached(
    *, code: str, city: City, day: date, divisions: Divisions, cities: Mapping[int, City]
) -> Refusal | None:
    """Why nothing of `city` is brought to a division of any level (6 or 9 digits); none when it is. Raises like `deliverable`.

    An application names no more than the city or county; who has the whole address asks `deliverable`.
    """
    found = divisions.find(code)
    if found is None:
        return refusals.DIVISION_UNKNOWN()
    return _out_of_reach(found.code, city.on(day), divisions, cities)


def options(
    *,
    city: City,
    document: Document,
    region: str,
    day: date,
    divisions: Divisions,
    cities: Mapping[int, City],
) -> Options:
    """What the applicant may choose for a document of `city` that is to go to a division. Raises like `deliverable`."""
    rules = city.on(day)
    offered: list[Option] = []
    closed: dict[Way, Refusal] = {}
    reached = deliverable(region=region, city=city, day=day, divisions=divisions, cities=cities)
    if isinstance(reached, Refusal):
        closed = {"door": reached, "post_office": reached}
    else:
        offered.append(_by_post("door", reached, rules))
        if rules.reach.post_office == "never":
            closed["post_office"] = refusals.POST_OFFICE_NEVER()
        else:
            offered.append(_by_post("post_office", reached, rules))
    offered.append(_at_counter(rules, document, day))
    return Options(offered=tuple(offered), closed=closed)


def _out_of_reach(
    code: str, rules: CityOn, divisions: Divisions, cities: Mapping[int, City]
) -> Refusal | None:
    """Why a division is not reached: its own part of the country, or its city."""
    counter = rules.counters[0]
    facts = {
        "counter_zh": f"{counter.name_zh}，{counter.address_zh}，{counter.hours_zh}",
        "counter_en": f"{counter.name_en}, {counter.address_en}, {counter.hours_en}",
        "place": divisions.words(code),
    }
    above = {one.code for one in divisions.path(code)}
    for area in rules.reach.not_to_door:
        listed = divisions.find(area.code)
        if listed is not None and listed.code in above:
            return refusals.AREA_NOT_REACHED(reason_zh=area.reason_zh, reason_en=area.reason_en, **facts)
    if rules.reach.to_door == "cities" and divisions.city_of(code) not in cities:
        named = [cities[one].identity for one in sorted(cities)]
        return refusals.CITY_NOT_REACHED(
            cities_zh="、".join(one.name_zh for one in named),
            cities_en=", ".join(one.name_en for one in named),
            **facts,
        )
    return None


def _by_post(way: Literal["door", "post_office"], reached: Deliverable, rules: CityOn) -> Option:
    bring = {
        "door": Both(
            zh="本人居民身份证；投递员到达时，报出我们发给您的投递码或在网上确认",
            en="your resident ID card; at the door, the delivery code that we send you, or your confirmation online",
        ),
        "post_office": Both(
            zh="本人居民身份证，到投递员告知的邮政网点领取",
            en="your resident ID card, to the post office that the courier names",
        ),
    }
    return Option(
        way=way,
        mode="post",
        when="now" if way == "door" else "on_the_way",
        postage_mode=reached.mode,
        postage_fen=reached.postage_fen[reached.mode],
        promise_days=reached.promise_days,
        kept_days=rules.delivery.held_days,
        counters=(),
        bring=bring[way],
    )


def _at_counter(rules: CityOn, document: Document, day: date) -> Option:
    zh, en = "本人居民身份证和受理编号", "your resident ID card and the receipt number"
    definition = document.on(day)
    if not definition.old_document.kept_by_holder:
        zh, en = f"{zh}，以及原{definition.name_zh}", f"{en}, and your old {definition.name_en}"
    return Option(
        way="authority_counter",
        mode="counter",
        when="now",
        postage_mode="free",
        postage_fen=0,
        promise_days=None,
        kept_days=rules.clocks.pickup_days,
        counters=rules.counters,
        bring=Both(zh=zh, en=en),
    )
