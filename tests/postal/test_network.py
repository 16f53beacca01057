"""The post's network: zones, routing codes, the cities' files, and what carriers' codes mean."""

import shutil
from datetime import date
from pathlib import Path

import pytest

from safehand.kernel.dated import DefectiveRulesError
from safehand.kernel.outcome import Refusal
from safehand.postal.network.carriers import Carrier, load_carriers
from safehand.postal.network.cities import load_postal_cities
from safehand.postal.network.service_areas import city_of, destination, routing_code, zone_of

ROOT = Path(__file__).parents[2]
LAUNCH = date(2024, 5, 6)


@pytest.fixture(scope="module")
def ems() -> Carrier:
    return load_carriers(ROOT / "carriers")["china-post-ems"]


@pytest.mark.parametrize(
    ("city", "to", "zone"),
    [
        ("310000", "310115007", "in_city"),
        ("310000", "310230", "in_city"),
        ("500000", "500243", "in_city"),
        ("440100", "440106001", "in_city"),
        ("440100", "440305001", "in_province"),
        ("330200", "330106", "in_province"),
        ("330200", "310115", "elsewhere"),
    ],
)
def test_a_destination_lies_in_a_zone(city: str, to: str, zone: str):
    assert zone_of(city=city, destination_code=to) == zone


def test_a_routing_code_sorts_without_a_phone():
    assert routing_code(destination_code="310000007") == "31-0000-07"
    assert routing_code(destination_code="310115027", rounds_max=20) == "31-0115-07"
    assert routing_code(destination_code="310115") == "31-0115-00"
    assert routing_code(destination_code="310115001", round_number=9) == "31-0115-09"
    with pytest.raises(ValueError, match="rounds"):
        routing_code(destination_code="310115", rounds_max=0)


@pytest.mark.parametrize("text", ["", "31011", "3101150071", "09011500", "990000", "３１０１１５", "31011x"])
def test_what_is_no_destination_is_refused(text: str):
    assert isinstance(destination(text), Refusal)


def test_the_post_reads_twenty_cities_whose_numbers_never_meet():
    cities = load_postal_cities(ROOT / "cities")
    assert len(cities) == 20
    ranges = [part for city in cities.values() for part in city.on(LAUNCH).waybills.ranges]
    assert not any(one.overlaps(other) for place, one in enumerate(ranges) for other in ranges[:place])
    for code, city in cities.items():
        rules = city.on(LAUNCH)
        assert all(city_of(office.code) == code for office in rules.offices.delivery)
        assert rules.postage.amount_fen(zone="in_city") in range(1300, 2201)
    assert cities["310000"].on(LAUNCH).office_for("310115007") is not None
    assert cities["310000"].on(LAUNCH).office_for("440106001") is None


def test_overlapping_ranges_and_foreign_offices_are_named_together(tmp_path: Path):
    shutil.copytree(ROOT / "cities", tmp_path / "cities")
    file = tmp_path / "cities" / "440100-guangzhou" / "city.toml"
    text = file.read_text()
    taken = 'indicator = "ZA", first = 45000000, last = 45000009'
    start = text.index("indicator = ")
    file.write_text(
        (text[:start] + taken + text[text.index(" }", start) :]).replace('code = "440106"', 'code = "450106"')
    )
    with pytest.raises(DefectiveRulesError) as caught:
        load_postal_cities(tmp_path / "cities")
    assert {defect.key for defect in caught.value.defects} == {"waybills.ranges", "offices.delivery"}


def test_only_the_code_for_in_person_completes_a_delivery(ems: Carrier):
    codes = ems.on(LAUNCH).codes
    assert len(codes.delivered) == 24
    for way in codes.delivered:
        reading = ems.read(code="704", delivered_code=way.code, day=LAUNCH)
        assert (reading.event == "delivery.completed") == (way.code == "10"), way
        assert not reading.accepted_as_proof


def test_a_delivery_in_a_way_nobody_knows_is_alarmed_and_proves_nothing(ems: Carrier):
    for code in ("", "999"):
        reading = ems.read(code="704", delivered_code=code, day=LAUNCH)
        assert (reading.known, reading.event, reading.grade, reading.alarm) == (
            False,
            "delivery.nonconforming",
            "none",
            True,
        )


def test_delivered_back_to_the_sender_is_not_delivered(ems: Carrier):
    assert ems.read(code="711", day=LAUNCH).event == "return.in_transit"


def test_voids_name_what_they_take_back(ems: Carrier):
    voids = {
        code: ems.read(code=code, day=LAUNCH).voids for code in ("207", "212", "742", "743", "744", "EDAD")
    }
    assert voids == {"207": "203", "212": "208", "742": "702", "743": "704", "744": "705", "EDAD": "EDA"}


def test_an_unknown_code_is_alarmed_and_never_guessed(ems: Carrier):
    reading = ems.read(code="O_011", day=LAUNCH)
    assert (reading.known, reading.event, reading.alarm) == (False, None, True)


def test_all_sixteen_reasons_are_known_and_a_missing_one_is_alarmed(ems: Carrier):
    for number in range(1, 17):
        assert ems.read(code="705", failed_code=str(number), day=LAUNCH).known
    assert ems.read(code="705", failed_code="7", day=LAUNCH).reason == "refused"
    assert ems.read(code="705", day=LAUNCH).alarm


def test_a_change_of_address_on_the_way_is_an_incident(ems: Carrier):
    for code in ("756", "802", "803"):
        reading = ems.read(code=code, day=LAUNCH)
        assert (reading.event, reading.alarm) == ("incident.opened", True)


def test_a_fictional_carrier_is_added_as_a_file(tmp_path: Path):
    text = (ROOT / "carriers" / "china-post-ems.toml").read_text()
    text = text.replace('"china-post-ems"', '"moon-mail"').replace(
        "value = [], source", 'value = ["in_person"], source'
    )
    (tmp_path / "moon-mail.toml").write_text(text)
    reading = load_carriers(tmp_path)["moon-mail"].read(code="704", delivered_code="10", day=LAUNCH)
    assert reading.accepted_as_proof


def test_a_code_with_two_meanings_is_a_defect(tmp_path: Path):
    text = (ROOT / "carriers" / "china-post-ems.toml").read_text().replace('code = "743"', 'code = "704"')
    (tmp_path / "x.toml").write_text(text)
    with pytest.raises(DefectiveRulesError, match="704 twice"):
        load_carriers(tmp_path)
