"""Where documents are brought, by when and for how much: the twenty cities, a made-up one, and what the post would say."""

import shutil
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import pytest

from safehand.authority.addresses import Divisions, load_divisions
from safehand.authority.addresses.deliverability import Deliverable, Options, Way, deliverable, options
from safehand.authority.cities import City, load_cities
from safehand.authority.documents import load_documents
from safehand.kernel.dated import DefectiveRulesError
from safehand.kernel.outcome import LANGUAGES, Refusal, sentence, way_out
from safehand.postal.network.cities import load_postal_cities
from safehand.postal.network.offices import Network
from tests.authority.test_eligibility_additions import CITY as CLOUDTOWN

ROOT = Path(__file__).parents[2]
LAUNCH = date(2024, 5, 6)
TODAY = date(2025, 1, 1)
DIVISIONS = load_divisions()
CITIES = load_cities(ROOT / "cities")
BY_CODE = {int(code): city for code, city in CITIES.items()}
PASSPORT = load_documents(ROOT / "documents")["passport"]


def asked(
    city: str, region: str, *, cities: Mapping[str, City] = CITIES, day: date = TODAY
) -> Deliverable | Refusal:
    return deliverable(
        region=region,
        city=cities[city],
        day=day,
        divisions=DIVISIONS,
        cities={int(code): one for code, one in cities.items()},
    )


def chosen(
    city: City, region: str, *, divisions: Divisions = DIVISIONS, cities: Mapping[int, City] = BY_CODE
) -> Options:
    return options(city=city, document=PASSPORT, region=region, day=TODAY, divisions=divisions, cities=cities)


def changed(tmp_path: Path, old: str, new: str) -> dict[str, City]:
    """The cities with a change in their defaults."""
    shutil.copytree(ROOT / "cities", tmp_path / "cities")
    file = tmp_path / "cities" / "_defaults.toml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    return load_cities(tmp_path / "cities")


@pytest.mark.parametrize(
    ("city", "region", "zone", "days"),
    [
        ("440100", "440106", "in_city", 1),
        ("440100", "440305", "in_province", 2),
        ("440100", "110105", "elsewhere", 3),
        ("110000", "110105", "in_city", 1),
        ("500000", "500229", "in_city", 1),
        ("310000", "440402", "elsewhere", 3),
        ("330100", "330203", "in_province", 2),
    ],
)
def test_zone_promise_and_postage_go_by_both_cities(city: str, region: str, zone: str, days: int):
    found = asked(city, region)
    assert isinstance(found, Deliverable)
    assert (found.zone, found.promise_days) == (zone, days)
    tariff = CITIES[city].on(TODAY).postage
    assert found.mode == tariff.mode == "on_delivery"
    assert found.postage_fen == {
        mode: getattr(getattr(tariff, mode), zone) for mode in ("on_delivery", "prepaid", "free")
    }
    assert found.destination == DIVISIONS.city_of(region)


def test_the_authority_offers_just_what_the_post_delivers_to():
    network = Network(cities=load_postal_cities(ROOT / "cities"))
    counties = [county for province in DIVISIONS.children() for county in _counties(province.code)]
    assert len(counties) > 2_900
    reached = 0
    for county in counties:
        answer = asked("310000", county)
        destination = DIVISIONS.city_of(county)
        route = network.route(city=310000, destination=destination, order="or_a", day=TODAY)
        assert isinstance(answer, Deliverable) == (route is not None), county
        if isinstance(answer, Deliverable) and route is not None:
            assert (answer.promise_days, answer.destination) == (route.promise_days, destination)
            reached += 1
    assert reached > 200


def _counties(code: str) -> list[str]:
    return [
        one
        for child in DIVISIONS.children(code)
        for one in ([child.code] if DIVISIONS.is_whole(child.code) else _counties(child.code))
    ]


@pytest.mark.parametrize("code", sorted(CITIES))
def test_each_of_the_twenty_cities_brings_documents_to_each_of_them(code: str):
    for other in CITIES:
        [*_, county] = DIVISIONS.children(other)
        found = asked(code, county.code, day=LAUNCH)
        assert isinstance(found, Deliverable)
        assert found.destination == int(other)
        assert found.zone == (
            "in_city" if code == other else "in_province" if code[:2] == other[:2] else "elsewhere"
        )


@pytest.mark.parametrize(
    ("region", "refused"),
    [
        ("", "division_unknown"),
        ("x", "division_unknown"),
        ("999901", "division_unknown"),
        ("440000", "division_open"),
        ("440100", "division_open"),
        ("320505", "city_not_reached"),
        ("441900", "city_not_reached"),
        ("429004", "city_not_reached"),
        ("350527", "area_not_reached"),
        ("350527000", "area_not_reached"),
    ],
)
def test_where_nothing_is_brought_the_refusal_names_the_place_and_the_counter(region: str, refused: str):
    refusal = asked("440100", region)
    assert isinstance(refusal, Refusal)
    assert refusal.code == f"addresses.{refused}"
    for language in LANGUAGES:
        told = sentence(refusal, language) + way_out(refusal, language)
        if refused.endswith("not_reached"):
            assert DIVISIONS.words(region) in told
            counter = CITIES["440100"].on(TODAY).counters[0]
            assert (counter.address_zh if language == "zh" else counter.address_en) in told
            assert (counter.hours_zh if language == "zh" else counter.hours_en) in told
        if refused == "city_not_reached":
            named = [
                one.identity.name_zh if language == "zh" else one.identity.name_en for one in CITIES.values()
            ]
            assert all(name in told for name in named)


def test_a_post_that_reaches_the_whole_mainland_is_a_dated_line(tmp_path: Path):
    old = 'to_door = [{ from = 2024-05-06, value = "cities", source'
    new = (
        'to_door = [{ from = 2024-05-06, value = "cities", source = "assumed", ref = "till then" },'
        ' { from = 2025-06-01, value = "mainland", source'
    )
    cities = changed(tmp_path, old, new)
    refusal = asked("440100", "441900", cities=cities, day=date(2025, 5, 31))
    assert isinstance(refusal, Refusal)
    found = asked("440100", "441900", cities=cities, day=date(2025, 6, 1))
    assert isinstance(found, Deliverable)
    assert (found.zone, found.destination) == ("in_province", 441900)
    below_province = asked("440100", "429004", cities=cities, day=date(2025, 6, 1))
    assert isinstance(below_province, Deliverable)
    assert (below_province.zone, below_province.destination) == ("elsewhere", 429000)
    assert isinstance(asked("440100", "350527", cities=cities, day=date(2025, 6, 1)), Refusal)


def test_a_part_of_a_city_may_be_out_of_reach_for_a_while(tmp_path: Path):
    old = "not_to_door = [{ from = 2024-05-06, value = ["
    new = (
        'not_to_door = [{ from = 2024-05-06, value = [], until = 2025-02-28, source = "assumed", ref = "before" }, '
        '{ from = 2025-03-01, value = [{ code = "440106", reason_zh = "洪水", reason_en = "flood" },'
    )
    cities = changed(tmp_path, old, new)
    assert isinstance(asked("440100", "440106", cities=cities, day=date(2025, 2, 28)), Deliverable)
    refusal = asked("440100", DIVISIONS.children("440106")[0].code, cities=cities, day=date(2025, 3, 1))
    assert isinstance(refusal, Refusal)
    assert "flood" in sentence(refusal, "en")
    assert "洪水" in sentence(refusal, "zh")
    assert isinstance(asked("440100", "440104", cities=cities, day=date(2025, 3, 1)), Deliverable)


def test_a_misspelt_reach_is_named_with_its_file(tmp_path: Path):
    with pytest.raises(DefectiveRulesError, match=r"_defaults\.toml: reach\.to_door"):
        changed(tmp_path, 'value = "cities", source', 'value = "everywhere", source')


def ways(found: Options) -> dict[Way, str]:
    return {one.way: one.when for one in found.offered}


def test_what_may_be_chosen_has_price_days_place_and_what_to_bring():
    city = CITIES["440100"]
    found = chosen(city, "440106")
    assert ways(found) == {"door": "now", "post_office": "on_the_way", "authority_counter": "now"}
    assert found.closed == {}
    door, office, counter = found.offered
    rules = city.on(TODAY)
    assert (door.mode, door.postage_mode, door.postage_fen) == ("post", "on_delivery", 1300)
    assert (door.promise_days, door.kept_days, office.kept_days) == (1, 7, 7)
    assert (counter.mode, counter.postage_fen, counter.promise_days) == ("counter", 0, None)
    assert counter.kept_days == rules.clocks.pickup_days
    assert counter.counters == rules.counters
    assert counter.counters[0].hours_en
    for one in found.offered:
        assert "身份证" in one.bring.zh
        assert "ID card" in one.bring.en


def test_where_nothing_is_brought_the_authority_counter_stays():
    found = chosen(CITIES["440100"], "320505")
    assert ways(found) == {"authority_counter": "now"}
    assert {way: one.code for way, one in found.closed.items()} == {
        "door": "addresses.city_not_reached",
        "post_office": "addresses.city_not_reached",
    }


def test_a_post_without_counters_keeps_the_door(tmp_path: Path):
    cities = changed(tmp_path, 'value = "on_the_way"', 'value = "never"')
    found = chosen(cities["440100"], "440106")
    assert ways(found) == {"door": "now", "authority_counter": "now"}
    assert found.closed["post_office"].code == "addresses.post_office_never"


def test_an_old_document_that_is_not_kept_is_brought_to_the_counter(tmp_path: Path):
    shutil.copytree(ROOT / "documents", tmp_path / "documents")
    for file in (tmp_path / "documents").rglob("*.toml"):
        text = file.read_text()
        file.write_text(
            text.replace(
                "kept_by_holder = [{ from = 2024-05-06, value = true",
                "kept_by_holder = [{ from = 2024-05-06, value = false",
            )
        )
    document = load_documents(tmp_path / "documents")["passport"]
    taken = options(
        city=CITIES["440100"],
        document=document,
        region="440106",
        day=TODAY,
        divisions=DIVISIONS,
        cities=BY_CODE,
    )
    assert "your old ordinary passport" in taken.offered[-1].bring.en
    assert "old" not in chosen(CITIES["440100"], "440106").offered[-1].bring.en


def test_a_made_up_city_is_reached_and_reaches_others(tmp_path: Path):
    shutil.copytree(ROOT / "cities", tmp_path / "cities")
    (tmp_path / "cities" / "999900-cloudtown").mkdir()
    (tmp_path / "cities" / "999900-cloudtown" / "city.toml").write_text(CLOUDTOWN)
    cities = load_cities(tmp_path / "cities")
    divisions = load_divisions(cities=cities.values())
    by_code = {int(code): city for code, city in cities.items()}
    for city, region, zone in (
        ("999900", "999900", "in_city"),
        ("999900", "440106", "elsewhere"),
        ("440100", "999900", "elsewhere"),
    ):
        found = deliverable(region=region, city=cities[city], day=TODAY, divisions=divisions, cities=by_code)
        assert isinstance(found, Deliverable)
        assert found.zone == zone
    offered = chosen(cities["999900"], "999900", divisions=divisions, cities=by_code).offered
    assert offered[-1].counters[0].name_en == "Cloud Hall"
