"""How far a destination lies, and what the dated rules promise there."""

from datetime import timedelta
from typing import Any

import pytest

from safehand.authority.rulebook import HouseClocks, Moment, Rulebook, zone_of
from safehand.kernel.working_days import add_days, add_working_days
from tests.authority.house import MONDAY, House, loaded, with_postage


def moment(city: int = 440100) -> Moment:
    cities, documents = loaded()
    book = Rulebook(cities=cities, documents=documents, clocks=HouseClocks(), authority="NIA", post="postal")
    return Moment(city=city, now=MONDAY, actor="st_one", book=book, document="passport")


def moment_where(**postage: Any) -> Moment:
    """In Guangzhou, with other rules of postage."""
    cities, documents = with_postage(440100, **postage)
    book = Rulebook(cities=cities, documents=documents, clocks=HouseClocks(), authority="NIA", post="postal")
    return Moment(city=440100, now=MONDAY, actor="st_one", book=book, document="passport")


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


def test_postage_goes_by_what_was_chosen_and_else_by_the_citys_own_mode():
    m = moment()
    tariff = m.city_on.postage
    assert m.postage(destination=440300, free=False) == ("on_delivery", tariff.on_delivery.in_province)
    assert m.postage(destination=310000, free=False, chosen="prepaid") == (
        "prepaid",
        tariff.prepaid.elsewhere,
    )
    assert m.postage(destination=310000, free=True, chosen="prepaid") == ("free", 0)


@pytest.mark.parametrize("chosen", ["", "on_delivery", "prepaid"])
def test_where_the_city_asks_no_postage_a_choice_of_before_costs_nothing(chosen: Any):
    m = moment_where(mode="free")
    assert m.postage(destination=310000, free=False, chosen=chosen) == ("free", 0)


def test_whoever_chose_nothing_pays_as_the_city_has_it():
    m = moment_where(mode="prepaid")
    assert m.postage(destination=440100, free=False)[0] == "prepaid"
    assert m.postage(destination=440100, free=False, chosen="on_delivery")[0] == "on_delivery"


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
