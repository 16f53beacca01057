"""What a recipient wishes is obeyed: another day, or the counter. It excuses one visit, and keeps nothing for ever."""

from datetime import date, timedelta
from typing import Any

import pytest

from safehand.kernel.working_days import end_of_day, local_day
from safehand.link.messages import WISHES_MAX, Kind, Reason, Scan, Wish
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.delivery.states import Wished
from safehand.postal.undeliverable import commands as to_return
from tests.postal.house import OFFICE, START, House

TODAY = local_day(START)


def day(after: int) -> date:
    return TODAY + timedelta(days=after)


def another(house: House, after: int, number: int = 1) -> to_deliver.HearWish:
    return to_deliver.HearWish(waybill=house.waybill, number=number, wish=Wish.ANOTHER_DAY, day=day(after))


def counter(house: House, number: int = 1) -> to_deliver.HearWish:
    return to_deliver.HearWish(waybill=house.waybill, number=number, wish=Wish.POST_OFFICE)


def wished(house: House) -> Wished:
    assert house.item.delivery.wished is not None
    return house.item.delivery.wished


def to_the_morning(house: House, after: int) -> None:
    house.now = START + timedelta(days=after)


def test_an_item_is_not_taken_out_before_the_day_and_nobody_chases_it_until_then():
    house = House().at_office()
    assert house.do(another(house, 3)) == ["delivery.wish_recorded"]
    refused = house.refuse(house.taking_out())
    assert (refused.code, refused.facts["day"]) == ("delivery.wanted_later", "2024-05-09")
    line = house.waits()["delivery.at_office"]
    assert (line.owner, line.due_at) == ("office_clerk", end_of_day(day(3)))
    to_the_morning(house, 2)
    assert house.why_not(house.taking_out()) == "delivery.wanted_later"
    to_the_morning(house, 3)
    assert house.do(house.taking_out()) == ["delivery.taken_out"]


def test_what_is_not_taken_out_on_the_day_goes_to_the_manager():
    house = House().at_office()
    house.do(another(house, 3))
    assert house.ring("delivery.at_office") == ["delivery.escalated"]
    assert house.waits()["delivery.at_office"].owner == "postal_manager"
    house.do(another(house, 5, 2))
    line = house.waits()["delivery.at_office"]
    assert (line.owner, line.due_at) == ("office_clerk", end_of_day(day(5))), "another day, nobody is late"


def test_for_the_counter_it_is_held_and_goes_out_again_only_if_a_day_is_named():
    house = House().at_office()
    house.do(counter(house))
    assert house.why_not(house.taking_out()) == "delivery.wanted_at_counter"
    assert house.do(house.holding()) == ["delivery.held"]
    assert house.bodies(Kind.ITEM_SCANNED)[-1].scan is Scan.HELD
    assert house.why_not(house.taking_out()) == "delivery.wanted_at_counter"
    house.do(another(house, 2, 2))
    assert house.why_not(house.taking_out()) == "delivery.wanted_later"
    to_the_morning(house, 2)
    assert house.do(house.taking_out()) == ["delivery.taken_out"]


def test_what_nobody_collects_goes_back_whatever_was_wished():
    house = House().held()
    house.do(counter(house))
    house.do(another(house, 30, 2))
    assert "delivery.holding_ended" in house.ring("delivery.held")
    assert house.item.undeliverable.state == "returning"


def test_no_day_is_kept_that_lies_beyond_the_way_and_the_days_of_holding():
    house = House().at_office()
    order = house.item.terms
    house.do(another(house, 300))
    assert wished(house).day == day(order.promise_days + order.held_days_max)


@pytest.mark.parametrize(
    ("reason", "wish"),
    [(Reason.RESCHEDULED_BY_RECIPIENT, Wish.ANOTHER_DAY), (Reason.WANTS_COUNTER, Wish.POST_OFFICE)],
)
def test_a_visit_that_ends_by_the_recipients_wish_is_no_missed_attempt(reason: Reason, wish: Wish):
    house = House().with_courier(attempts_max=1)
    house.do(another(house, 2) if wish is Wish.ANOTHER_DAY else counter(house))
    assert house.do(house.failing(reason)) == ["delivery.attempt_failed"]
    assert (house.item.delivery.attempts, house.item.delivery.excused) == (1, 1)
    assert house.bodies(Kind.ATTEMPT_FAILED)[-1].reason is reason
    house.wait(minutes=5)
    back = house.do(house.bringing_back())
    if wish is Wish.POST_OFFICE:
        assert back == ["delivery.brought_back", "delivery.held"]
        return
    assert back == ["delivery.brought_back"]
    to_the_morning(house, 2)
    assert house.do(house.taking_out()) == ["delivery.taken_out"], "the order's one attempt is still there"


def test_no_courier_makes_a_wish_of_an_own_wish():
    house = House().with_courier()
    house.do(house.failing(Reason.RESCHEDULED_BY_RECIPIENT))
    assert house.item.delivery.excused == 0, "nothing on record"
    house.do(counter(house))
    house.do(house.failing(Reason.RESCHEDULED_BY_RECIPIENT))
    assert house.item.delivery.excused == 0, "something else on record"
    house.do(another(house, 1, 2))
    to_the_morning(house, 1)
    house.do(house.failing(Reason.RESCHEDULED_BY_RECIPIENT))
    assert house.item.delivery.excused == 0, "it was the very day"


def test_one_wish_excuses_one_visit():
    house = House().with_courier()
    house.do(another(house, 1))
    house.do(house.failing(Reason.RESCHEDULED_BY_RECIPIENT))
    house.do(house.failing(Reason.RESCHEDULED_BY_RECIPIENT))
    assert (house.item.delivery.attempts, house.item.delivery.excused) == (2, 1)


def test_what_comes_back_without_a_visit_goes_to_the_counter_as_wished():
    house = House().with_courier()
    house.do(counter(house))
    assert house.do(house.bringing_back()) == ["delivery.brought_back", "delivery.held"]
    assert house.account() == f"counter:{OFFICE}"
    first = house.bodies(Kind.ITEM_SCANNED)[-1].scan_id
    house.do(another(house, 1, 2))
    to_the_morning(house, 1)
    house.do(house.taking_out())
    house.do(counter(house, 3))
    house.do(house.bringing_back())
    assert house.bodies(Kind.ITEM_SCANNED)[-1].scan_id != first


def test_who_refuses_it_at_the_door_gets_it_sent_back_whatever_was_wished():
    house = House().with_courier()
    house.do(counter(house))
    house.do(house.failing(Reason.REFUSED))
    assert house.do(house.bringing_back()) == ["delivery.brought_back", "undeliverable.return_started"]


def test_whoever_opens_the_door_gets_it_at_once_all_the_same():
    house = House().with_courier()
    house.do(another(house, 3))
    house.do(house.claiming())
    house.do(house.proof())
    assert house.account() == "recipient"


def test_what_a_courier_took_before_the_wish_was_heard_is_told_late_and_believed():
    house = House().at_office()
    taken = house.taking_out()
    house.wait(minutes=10)
    house.do(another(house, 2))
    assert house.do(taken) == ["delivery.taken_out"]


def test_the_newest_wish_counts_in_whatever_order_they_come():
    house = House().at_office()
    first, second, third = another(house, 1), counter(house, 2), another(house, 4, 3)
    house.do(second)
    for old in (first, second):
        assert house.do(old) == []
    assert wished(house).wish is Wish.POST_OFFICE
    house.do(third)
    assert wished(house).number == WISHES_MAX


def test_a_wish_before_the_item_is_on_its_way_waits_for_it():
    house = House().accepted()
    house.do(another(house, 2))
    house.do(house.departing())
    house.do(house.arriving())
    assert house.why_not(house.taking_out()) == "delivery.wanted_later"


def test_a_wish_that_comes_too_late_changes_nothing():
    delivered, stopped = House().claimed(), House().at_office()
    delivered.do(delivered.proof())
    stopped.do(to_return.Recall(waybill=stopped.waybill, reason=Reason.RECALLED))
    for house in (delivered, stopped):
        assert house.do(another(house, 2)) == []
        assert house.item.delivery.wished is None


@pytest.mark.parametrize(
    "wrong", [{"wish": Wish.ANOTHER_DAY}, {"wish": Wish.POST_OFFICE, "day": date(2024, 5, 9)}]
)
def test_a_wish_that_says_two_things_is_put_aside(wrong: dict[str, Any]):
    house = House().at_office()
    command = to_deliver.HearWish(waybill=house.waybill, number=1, **wrong)
    assert house.why_not(command) == "delivery.wish_without_day"


def test_the_wish_of_another_item_is_not_this_ones():
    house = House().at_office()
    other = to_deliver.HearWish(waybill="ZA400000029CN", number=1, wish=Wish.POST_OFFICE)
    assert house.why_not(other) == "acceptance.other_waybill"
    assert house.item.delivery.wished is None
