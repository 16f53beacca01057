"""The synthetic people: fixed by key, made from a seed, and nobody real."""

from datetime import date
from pathlib import Path

import pytest

from safehand.kernel.dated import DefectiveRulesError
from safehand.sandbox.cast import Places, load_cast, load_places, synthetic_person

ROOT = Path(__file__).parents[2]
LAUNCH = date(2024, 5, 6)


@pytest.fixture(scope="module")
def places() -> Places:
    return load_places(cast_folder=ROOT / "cast", cities_folder=ROOT / "cities")


@pytest.mark.parametrize("today", [LAUNCH, date(2026, 12, 31), date(2028, 2, 29)])
def test_no_two_of_the_cast_share_a_number(places: Places, today: date):
    cast = load_cast(cast_folder=ROOT / "cast", places=places, today=today)
    people = [member.person for member in cast.people.values()]
    documents = [document.number for person in people for document in person.documents]
    for numbers in ([one.id_number for one in people], [one.phone for one in people], documents):
        assert len(set(numbers)) == len(numbers)


def test_the_cast_has_everyone_that_the_process_needs(places: Places):
    cast = load_cast(cast_folder=ROOT / "cast", places=places, today=LAUNCH)
    assert {"applicant", "father", "mother", "child_17", "child_12", "stranger"} <= cast.people.keys()
    assert {
        "examiner",
        "production_clerk",
        "handover_clerk",
        "acceptance_clerk",
        "courier",
    } <= cast.staff.keys()
    assert {"counter_clerk", "help_agent", "city_manager", "headquarters", "operator"} <= cast.staff.keys()


def test_a_family_lives_together(places: Places):
    cast = load_cast(cast_folder=ROOT / "cast", places=places, today=LAUNCH)
    homes = {cast.person(key).address.line_zh for key in ("father", "mother", "child_17", "child_12")}
    assert len(homes) == 1


def test_the_same_seed_makes_the_same_person(places: Places):
    one = synthetic_person(seed=1, number=7, city="310000", today=LAUNCH, places=places)
    assert one == synthetic_person(seed=1, number=7, city="310000", today=LAUNCH, places=places)
    assert one != synthetic_person(seed=2, number=7, city="310000", today=LAUNCH, places=places)


def test_thousands_of_people_share_no_number_with_each_other_or_with_the_cast(places: Places):
    numbers = [*range(4000), *range(0, 1_000_000, 997)]
    people = [
        synthetic_person(seed=3, number=n, city="440300", today=LAUNCH, places=places) for n in set(numbers)
    ]
    cast = load_cast(cast_folder=ROOT / "cast", places=places, today=LAUNCH)
    everyone = people + [member.person for member in cast.people.values()]
    assert len({person.id_number for person in everyone}) == len(everyone)
    assert len({person.phone for person in everyone}) == len(everyone)
    assert {person.id_number[:6] for person in everyone} == {"999999"}
    assert {person.phone[:3] for person in everyone} == {"199"}
    assert len({person.birth_date for person in people}) > 2000
    assert len({person.name_zh for person in people}) > 1000
    assert len({person.address.line_zh for person in people}) > 3000


def test_the_last_number_is_a_person_and_the_next_is_refused(places: Places):
    synthetic_person(seed=1, number=999_999, city="310000", today=LAUNCH, places=places)
    with pytest.raises(ValueError, match="number"):
        synthetic_person(seed=1, number=1_000_000, city="310000", today=LAUNCH, places=places)


def test_defects_of_the_cast_are_named_together(places: Places, tmp_path: Path):
    text = (ROOT / "cast" / "cast.toml").read_text()
    text = text.replace('key = "mother"', 'key = "father"').replace('city = "330100"', 'city = "999900"')
    (tmp_path / "cast.toml").write_text(text)
    with pytest.raises(DefectiveRulesError) as caught:
        load_cast(cast_folder=tmp_path, places=places, today=LAUNCH)
    assert [defect.key for defect in caught.value.defects] == ["father", "household_elsewhere"]
