"""The twenty cities as data: what holds, where it comes from, and every defect at once."""

import shutil
from datetime import date, time
from pathlib import Path

import pytest

from safehand.authority.cities import City, load_cities
from safehand.kernel.dated import DefectiveRulesError, NotInForceError

ROOT = Path(__file__).parents[2]
LAUNCH = date(2024, 5, 6)
PILOT = (
    "110000 120000 210100 230100 310000 320100 330100 330200 340100 350200 370100 370200 410100 440100 440300 "
    "440400 500000 510100 530100 610100"
)


@pytest.fixture(scope="module")
def cities() -> dict[str, City]:
    return load_cities(ROOT / "cities")


def test_the_twenty_pilot_cities_open_on_the_sixth_of_may(cities: dict[str, City]):
    assert sorted(cities) == PILOT.split()
    assert {city.opens_on for city in cities.values()} == {LAUNCH}
    assert all(city.identity.province_code == code[:2] + "0000" for code, city in cities.items())
    assert not cities["310000"].is_open(date(2024, 5, 5))


def test_the_clocks_are_those_of_the_policy(cities: dict[str, City]):
    for city in cities.values():
        clocks = city.on(LAUNCH).clocks
        assert (clocks.correct_days, clocks.pay_days) == (7, 7)
        assert (clocks.review_working_days, clocks.produce_working_days, clocks.pickup_days) == (7, 3, 90)
        assert city.on(LAUNCH).handover.collections == (time(11), time(16))


def test_postage_lies_between_13_and_22_yuan(cities: dict[str, City]):
    for city in cities.values():
        tariff = city.on(LAUNCH).postage
        amounts = [tariff.amount_fen(zone=zone) for zone in ("in_city", "in_province", "elsewhere")]
        assert amounts == sorted(amounts)
        assert amounts[0] >= 1300
        assert amounts[-1] <= 2200
        assert tariff.amount_fen(zone="elsewhere", mode="free") == 0


def test_every_value_of_every_city_names_its_source(cities: dict[str, City]):
    for city in cities.values():
        for value in city.rules.values.values():
            assert all(entry.source in ("published", "assumed") and entry.ref for entry in value.entries)
        assert city.rules.values["clocks.pay_days"].entries[0].source == "published"
        assert city.rules.values["counters.open"].entries[0].source == "assumed"


def test_asking_for_a_day_builds_nothing(cities: dict[str, City]):
    assert cities["310000"].on(LAUNCH) is cities["310000"].on(date(2026, 1, 1))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shutil.copytree(ROOT / "cities", tmp_path / "cities")
    return tmp_path / "cities"


def test_a_dated_change_holds_from_its_day(folder: Path):
    file = folder / "_defaults.toml"
    old = 'ref = "policy: applicant pays within 7 days after approval, else deemed withdrawn" }'
    new = (
        old
        + ', { from = 2025-01-01, value = 10, source = "assumed", ref = "a later rule", until = 2025-12-31 }'
    )
    file.write_text(file.read_text().replace(old, new))
    city = load_cities(folder)["310000"]
    assert city.on(date(2024, 12, 31)).clocks.pay_days == 7
    assert city.on(date(2025, 1, 1)).clocks.pay_days == 10
    assert city.on(date(2025, 1, 1)).clocks.correct_days == 7
    with pytest.raises(NotInForceError):
        city.on(date(2026, 1, 1))


def test_all_defects_of_all_files_are_named_at_once(folder: Path):
    def change(name: str, old: str, new: str) -> None:
        file = folder / name / "city.toml"
        assert old in file.read_text()
        file.write_text(file.read_text().replace(old, new))

    change("310000-shanghai", "[postage]", "[postagge]")
    change("110000-beijing", 'name_en = "Beijing"', "name_en = 7")
    change("440100-guangzhou", 'code = "440100"', 'code = "440300"')
    change(
        "320100-nanjing",
        "[waybills]",
        "[clocks]\npay_days = [{ from = 2024-05-06, value = 0, source = 'assumed', ref = 'wrong' }]\n\n[waybills]",
    )
    change(
        "330100-hangzhou",
        "[waybills]",
        "[clocks]\npay_days = [{ from = 2024-05-07, value = 5, source = 'assumed', ref = 'late' }]\n\n[waybills]",
    )
    (folder / "610100-xian" / "city.toml").write_text("[city")
    with pytest.raises(DefectiveRulesError) as caught:
        load_cities(folder)
    found = {(defect.file.split("/")[0], defect.key) for defect in caught.value.defects}
    assert {
        ("310000-shanghai", "postagge"),
        ("110000-beijing", "city"),
        ("320100-nanjing", "clocks.pay_days"),
        ("330100-hangzhou", "clocks.pay_days"),
        ("440300-shenzhen", "city.code"),
        ("610100-xian", "(file)"),
    } <= found
    assert all(defect.way_out for defect in caught.value.defects)


@pytest.mark.parametrize(
    ("keys", "wrong"),
    [
        ({"choices": '["prepaid"]'}, 'mode "on_delivery" is not among the choices'),
        ({"mode": '"prepaid"', "choices": '["on_delivery"]'}, 'mode "prepaid" is not among the choices'),
        ({"choices": '["on_delivery", "on_delivery"]'}, "stands there twice"),
        ({"prepaid": "{ in_city = 1300, in_province = 0, elsewhere = 2200 }"}, "costs nothing somewhere"),
        ({"choices": '["on_delivery", "free"]'}, "free"),
        ({"choices": "[]"}, "length"),
    ],
)
def test_what_may_be_chosen_of_the_postage_must_make_sense(folder: Path, keys: dict[str, str], wrong: str):
    with pytest.raises(DefectiveRulesError) as caught:
        load_cities(with_postage(folder, keys))
    [defect] = caught.value.defects
    assert (defect.key, defect.file) == ("postage.choices", "310000-shanghai/city.toml")
    assert wrong in defect.wrong
    assert defect.way_out


@pytest.mark.parametrize("choices", ['["on_delivery"]', '["on_delivery", "prepaid"]'])
def test_where_postage_is_free_there_is_nothing_to_choose(folder: Path, choices: str):
    keys = {
        "mode": '"free"',
        "choices": choices,
        "prepaid": "{ in_city = 0, in_province = 0, elsewhere = 0 }",
    }
    city = load_cities(with_postage(folder, keys))["310000"]
    assert city.on(LAUNCH).postage.offered == ()


def test_what_is_not_offered_may_cost_nothing(folder: Path):
    keys = {"choices": '["on_delivery"]', "prepaid": "{ in_city = 0, in_province = 0, elsewhere = 0 }"}
    postage = load_cities(with_postage(folder, keys))["310000"].on(LAUNCH).postage
    assert (postage.offered, postage.mode) == (("on_delivery",), "on_delivery")


def test_a_city_may_offer_more_from_a_day_on(folder: Path):
    keys = {
        "choices": '["on_delivery"], source = "assumed", ref = "at first", until = 2024-12-31 },'
        ' { from = 2025-01-01, value = ["on_delivery", "prepaid"]'
    }
    city = load_cities(with_postage(folder, keys))["310000"]
    assert city.on(LAUNCH).postage.offered == ("on_delivery",)
    assert city.on(date(2025, 1, 1)).postage.offered == ("on_delivery", "prepaid")


def with_postage(folder: Path, keys: dict[str, str]) -> Path:
    """Shanghai with other values of these keys."""
    file = folder / "310000-shanghai" / "city.toml"
    lines = [
        line for line in file.read_text(encoding="utf-8").splitlines() if line.partition(" = ")[0] not in keys
    ]
    place = lines.index("[postage]") + 1
    lines[place:place] = [
        f'{key} = [{{ from = 2024-05-06, value = {value}, source = "assumed", ref = "a test" }}]'
        for key, value in keys.items()
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    return folder


def test_a_missing_folder_is_a_defect(tmp_path: Path):
    with pytest.raises(DefectiveRulesError, match="is missing"):
        load_cities(tmp_path / "nowhere")
