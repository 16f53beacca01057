"""The divisions: every code of the published list resolves, no level without a meaning, names are found as people write them."""

import json
import shutil
import time
import tracemalloc
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safehand.authority.addresses import Divisions, DivisionsMissing, load_divisions
from safehand.authority.addresses.divisions import CHILDREN_MAX, FILE, FOUND_MAX
from safehand.authority.cities import load_cities
from safehand.postal.network.service_areas import city_of as city_of_the_post
from tests.authority.test_eligibility_additions import CITY as CLOUDTOWN

ROOT = Path(__file__).parents[2]
RETAINED_BYTES_MAX = 15_000_000
LOAD_SECONDS_MAX = 5.0
SEARCH_SECONDS_MAX = 0.5


@pytest.fixture(scope="module")
def divisions() -> Divisions:
    return load_divisions()


def listed() -> Iterator[tuple[str, str, str]]:
    """Code, name and parent's code of everything in the published list."""
    waiting = [(one, "") for one in json.loads(FILE.read_text())]
    while waiting:
        one, parent = waiting.pop()
        yield one["code"], one["name"], parent
        waiting += [(child, one["code"]) for child in one.get("children", [])]


def names(divisions: Divisions, code: str) -> list[str]:
    return [one.name for one in divisions.children(code)]


def test_every_code_of_the_list_leads_to_its_division(divisions: Divisions):
    count = 0
    for code, name, parent in listed():
        found = divisions.find(code)
        assert found is not None, code
        if len(code) in (2, 9):
            assert found.name == name
        path = divisions.path(code)
        assert path[-1] == found
        assert [one.code for one in divisions.path(found.code)] == [one.code for one in path]
        assert len(code) == 2 or divisions.find(parent) in path
        count += 1
    assert count > 44_000
    assert count > len(divisions) > count - 20, "only levels without a meaning are left out"


def test_whoever_walks_down_meets_every_township_and_no_list_is_too_long(divisions: Divisions):
    met: set[str] = set()
    waiting = [""]
    while waiting:
        code = waiting.pop()
        inside = divisions.children(code)
        assert len(inside) <= CHILDREN_MAX
        assert len({one.code for one in inside}) == len(inside)
        met |= {one.code for one in inside}
        waiting += [one.code for one in inside]
    found = [divisions.find(code) for code, _, _ in listed() if len(code) == 9]
    assert {one.code for one in found if one is not None} <= met
    assert len(met) == len(divisions)


@pytest.mark.parametrize("code", ["110000", "120000", "310000", "500000"])
def test_the_districts_of_a_municipality_stand_right_below_it(divisions: Divisions, code: str):
    inside = divisions.children(code)
    assert {one.level for one in inside} == {"county"}
    assert not {"市辖区", "县"} & set(names(divisions, code))
    assert all(divisions.city_of(one.code) == int(code) for one in inside)
    assert divisions.city_of(code) == int(code)


def test_chongqing_has_its_districts_and_its_counties_in_one_list(divisions: Divisions):
    assert {"渝中区", "城口县", "彭水苗族土家族自治县"} <= set(names(divisions, "500000"))
    assert len(names(divisions, "500000")) == 38


@pytest.mark.parametrize(
    ("province", "county", "city"),
    [
        ("410000", "419001", 419000),
        ("420000", "429004", 429000),
        ("460000", "469001", 469000),
        ("650000", "659001", 659000),
    ],
)
def test_counties_directly_below_a_province_stand_among_its_cities(
    divisions: Divisions, province: str, county: str, city: int
):
    inside = {one.code: one for one in divisions.children(province)}
    assert inside[county].level == "county"
    assert not [one for one in inside.values() if "直辖县级" in one.name]
    assert divisions.city_of(county) == city
    assert divisions.is_whole(county)


@pytest.mark.parametrize(
    ("city", "name", "township"),
    [
        ("441900", "广东省东莞市", "南城街道"),
        ("442000", "广东省中山市", "石岐街道"),
        ("460400", "海南省儋州市", "那大镇"),
        ("620200", "甘肃省嘉峪关市", "雄关街道"),
    ],
)
def test_a_city_without_counties_leads_straight_to_its_townships(
    divisions: Divisions, city: str, name: str, township: str
):
    assert divisions.words(city) == name
    assert township in names(divisions, city)
    [found] = [one for one in divisions.children(city) if one.name == township]
    assert [one.level for one in divisions.path(found.code)] == ["province", "city", "township"]
    assert divisions.city_of(found.code) == int(city)


def test_both_houses_name_the_same_city(divisions: Divisions):
    counties = [code for code, _, _ in listed() if len(code) == 6]
    assert len(counties) > 2_900
    for county in counties:
        assert str(divisions.city_of(county)) == city_of_the_post(county), county


def test_the_twenty_cities_are_in_the_list(divisions: Divisions):
    for code, city in load_cities(ROOT / "cities").items():
        found = divisions.find(code)
        assert found is not None
        assert found.name == city.identity.name_zh
        assert divisions.path(code)[0].name == city.identity.province_zh
        assert divisions.city_of(divisions.children(code)[0].code) == int(code)


def test_a_city_that_the_list_does_not_know_comes_from_its_own_file(tmp_path: Path):
    shutil.copytree(ROOT / "cities", tmp_path / "cities")
    (tmp_path / "cities" / "999900-cloudtown").mkdir()
    (tmp_path / "cities" / "999900-cloudtown" / "city.toml").write_text(CLOUDTOWN)
    divisions = load_divisions(cities=load_cities(tmp_path / "cities").values())
    assert divisions.words("999900") == "虚省云上市"
    assert names(divisions, "990000") == ["云上市"]
    assert divisions.is_whole("999900")
    assert divisions.city_of("999900") == 999900
    assert [one.code for one in divisions.search("云上")][:1] == ["999900"]
    assert len(divisions) == len(load_divisions()) + 2


@pytest.mark.parametrize(
    ("asked", "first"),
    [
        ("朝阳", "辽宁省朝阳市"),
        ("朝阳区", "北京市朝阳区"),
        ("北京朝阳", "北京市朝阳区"),
        ("北京市 朝阳区 三里屯", "北京市朝阳区三里屯街道"),
        ("三里屯镇", "北京市朝阳区三里屯街道"),
        ("广东省广州市天河区", "广东省广州市天河区"),
        ("广东天河", "广东省广州市天河区"),
        ("上海陆家嘴", "上海市浦东新区陆家嘴街道"),
        ("恩施利川", "湖北省恩施土家族苗族自治州利川市"),
        ("石家庄长安", "河北省石家庄市长安区"),
        ("新疆", "新疆维吾尔自治区"),
        ("内蒙古赤峰", "内蒙古自治区赤峰市"),
        ("河南济源", "河南省济源市"),
        ("东莞南城街道", "广东省东莞市南城街道"),
        ("嘉峪关", "甘肃省嘉峪关市"),
        ("ＸＸ", ""),
    ],
)
def test_names_are_found_as_people_write_them(divisions: Divisions, asked: str, first: str):
    found = divisions.search(asked)
    assert (divisions.words(found[0].code) if found else "") == first


@pytest.mark.parametrize(
    "asked", ["", "市", "街道", "自治区", " ", "\n", "\n\n\n", "没有这样的地方", "城" * 41, "a" * 10_000]
)
def test_what_is_no_name_finds_nothing(divisions: Divisions, asked: str):
    assert divisions.search(asked) == ()


@pytest.mark.parametrize(
    "asked",
    [
        "路街道",
        "城关",
        "新疆" * 20,
        "城关" * 20,
        "新城新城新城新城",
        "市市",
        "内蒙古赤峰市内蒙古赤峰市内蒙古",
    ],
)
def test_no_search_takes_long_or_answers_much(divisions: Divisions, asked: str):
    begun = time.perf_counter()
    assert len(divisions.search(asked)) <= FOUND_MAX
    assert time.perf_counter() - begun < SEARCH_SECONDS_MAX


@settings(max_examples=200, deadline=None)
@given(text=st.text(max_size=60))
def test_whatever_is_searched_for_the_answer_is_bounded_and_real(text: str):
    divisions = _kept()
    found = divisions.search(text)
    assert len(found) <= FOUND_MAX
    assert all(divisions.find(one.code) == one for one in found)


@settings(max_examples=200, deadline=None)
@given(code=st.one_of(st.text(max_size=12), st.from_regex(r"[0-9]{2,9}", fullmatch=True)))
def test_whatever_code_is_asked_for_it_is_a_division_or_none(code: str):
    divisions = _kept()
    found = divisions.find(code)
    if found is None:
        assert divisions.path(code) == divisions.children(code or "x") == ()
        assert divisions.words(code) == ""
        assert not divisions.is_whole(code)
        with pytest.raises(LookupError):
            divisions.city_of(code)
    else:
        assert divisions.path(code)[-1] == found


_DIVISIONS: list[Divisions] = []


def _kept() -> Divisions:
    if not _DIVISIONS:
        _DIVISIONS.append(load_divisions())
    return _DIVISIONS[0]


def test_they_are_read_quickly_and_kept_small():
    begun = time.perf_counter()
    load_divisions()
    assert time.perf_counter() - begun < LOAD_SECONDS_MAX
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        kept = load_divisions()
        assert tracemalloc.get_traced_memory()[0] - before < RETAINED_BYTES_MAX
        assert len(kept) > 44_000
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    "text",
    [None, "", "{", "[{}]", '[{"code": "1x", "name": "x"}]', '[{"code": "11", "name": ""}]', "[" * 10_000],
)
def test_a_list_that_is_missing_or_broken_is_said_to_be(tmp_path: Path, text: str | None):
    file = tmp_path / "list.json"
    if text is not None:
        file.write_text(text)
    with pytest.raises(DivisionsMissing, match=r"\./do"):
        load_divisions(file=file)


def test_a_list_that_is_too_long_is_not_read(tmp_path: Path):
    file = tmp_path / "list.json"
    with file.open("wb") as opened:
        opened.truncate(8_000_001)
    with pytest.raises(DivisionsMissing, match="larger"):
        load_divisions(file=file)
