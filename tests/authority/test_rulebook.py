"""How far a destination lies, and what the dated rules promise there."""

from datetime import timedelta

import pytest

from safehand.authority.rulebook import HouseClocks, Moment, Rulebook, zone_of
from safehand.kernel.working_days import add_days, add_working_days
from tests.authority.house import MONDAY, House, loaded


def moment(city: int = 440100) -> Moment:
    cities, documents = loaded()
    book = Rulebook(cities=cities, documents=documents, clocks=HouseClocks(), authority="NIA", post="postal")
    return Moment(city=city, now=MONDAY, actor="st_one", book=book, document="passport")


@pytest.mark.parametrize(
    ("city", "destination", "zone"),
    [
        (440100, 440100, "in_city"),
        (440100, 440106, "in_city"),
        (440100, 440300, "in_province"),
        (440100, 450100, "elsewhere"),
        (449999, 450000, "elsewhere"),
        (440100, 440000, "in_province"),
        (110000, 110105, "in_city"),
        (120000, 120225, "in_city"),
        (310000, 310115, "in_city"),
        (310000, 310230, "in_city"),
        (500000, 500240, "in_city"),
        (110000, 120000, "elsewhere"),
        (130100, 130200, "in_province"),
        (320100, 320200, "in_province"),
        (510100, 510300, "in_province"),
    ],
)
def test_a_municipality_is_one_city_and_a_province_has_many(city: int, destination: int, zone: str):
    assert zone_of(city=city, destination=destination) == zone


def test_the_post_promises_more_days_the_farther_it_goes():
    m = moment()
    days = m.city_on.delivery.promise_days
    assert days.in_city < days.in_province < days.elsewhere
    assert m.promised(destination=440100) == add_days(MONDAY, days.in_city)
    assert m.promised(destination=440300) == add_days(MONDAY, days.in_province)
    assert m.promised(destination=310000) == add_days(MONDAY, days.elsewhere)


def test_hours_run_days_end_with_the_day_and_working_days_leave_out_the_others():
    m = moment()
    assert m.in_hours(24) == MONDAY + timedelta(hours=24)
    assert m.in_days(3) == add_days(MONDAY, 3)
    assert m.in_working_days(5) == add_working_days(MONDAY, 5)
    assert m.today.isoformat() == "2024-05-06"


def test_what_is_no_city_or_document_of_ours_has_no_rules():
    book = moment().book
    assert book.city(999999, moment().today) is None
    assert book.document("driving-licence", moment().today) is None


def test_an_item_with_the_post_has_its_promise_and_the_slack_after_it():
    house = House().with_post()
    [opened] = [event for _, event in house.events if type(event).__name__ == "TrackingOpened"]
    m = moment(310000)
    days = m.city_on.delivery.promise_days.in_city
    assert opened.due_at == add_days(house.now, days) + timedelta(hours=48)  # type: ignore[attr-defined]
