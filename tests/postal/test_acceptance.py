"""Orders, numbers, labels, bags: what the post takes in, and what it signs for."""

from datetime import timedelta

import msgspec
import pytest

from safehand.kernel.dated import Timeline
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.working_days import local_day
from safehand.link.messages import Kind, PostageMode, Reason, RefusedItem
from safehand.postal.acceptance import commands as to_accept
from safehand.postal.acceptance.bags import commands as to_count
from safehand.postal.acceptance.bags.events import Settlement
from safehand.postal.acceptance.events import ReprintReason
from safehand.postal.acceptance.rules import PRINTS_MAX
from safehand.postal.machines import build_machines
from safehand.postal.network.cities import PostalCity
from safehand.postal.network.offices import Network
from safehand.postal.network.s10 import WaybillRange, read_s10
from tests.postal.house import (
    BAG,
    CITY,
    CLERK,
    ISSUING,
    OFFICE,
    ORDER,
    SEAL,
    START,
    House,
    a_bag,
    a_count,
    an_order,
    cities,
)

RANGE = f"wr_{CITY}"
STRANGE = "ZZ999999991CN"


def with_ranges(*ranges: WaybillRange) -> House:
    """A post whose city has just these numbers."""
    city = cities()[str(CITY)]
    views = tuple(
        msgspec.structs.replace(view, waybills=msgspec.structs.replace(view.waybills, ranges=ranges))
        for view in city.rules.views
    )
    rules = Timeline(
        changes=city.rules.changes, views=views, values=city.rules.values, last_day=city.rules.last_day
    )
    changed = PostalCity(identity=city.identity, rules=rules)
    return House(machines=build_machines(cities={**cities(), str(CITY): changed}))


def order_more(house: House, count: int) -> list[str]:
    """Orders beside the one; their numbers (empty: none)."""
    found: list[str] = []
    for number in range(count):
        name = "or_" + "abcdefgh"[number // 8] * 4 + "abcdefgh"[number % 8]
        assert not isinstance(house.give("item", name, an_order(order=name)), Refusal)
        found.append(house.states[name].waybill)
    return found


# Orders ----------------------------------------------------------------------------------------------------


def test_an_order_gets_a_number_with_a_right_check_digit_and_the_authority_is_told_it():
    house = House().ordered()
    [said] = house.bodies(Kind.WAYBILL_ALLOCATED)
    assert read_s10(said.waybill) == said.waybill
    assert (said.order, said.routing) == (ORDER, "31-0115-00")
    assert len(said.token) == 16
    assert house.account() == "sender"


def test_each_order_gets_a_number_and_a_token_of_its_own():
    house = House()
    numbers = order_more(house, 20)
    assert len(set(numbers)) == 20
    tokens = {body.token for body in house.bodies(Kind.WAYBILL_ALLOCATED)}
    assert len(tokens) == 20


def test_an_order_told_twice_takes_one_number():
    house = House().ordered()
    assert house.do(an_order()) == []
    assert house.states[RANGE].drawn == 1


def test_an_order_told_again_with_other_terms_is_refused():
    assert House().ordered().why_not(an_order(documents=2)) == "acceptance.order_differs"


def test_an_order_to_a_place_that_is_not_served_is_sent_back_without_a_number():
    house = House()
    house.do(an_order(destination=659000))
    [said] = house.bodies(Kind.ORDER_REFUSED)
    assert said.reason is Reason.AREA_NOT_SERVED
    assert RANGE not in house.states
    assert house.units == {}


def test_free_postage_with_an_amount_contradicts_itself():
    house = House()
    house.do(an_order(postage_mode=PostageMode.FREE, postage_fen=100))
    assert house.bodies(Kind.ORDER_REFUSED)[0].reason is Reason.MALFORMED


def test_without_a_county_orders_are_spread_over_the_offices_each_always_to_the_same():
    network = Network(cities=cities())

    def office(number: int) -> str:
        day = local_day(START)
        route = network.route(city=CITY, destination=CITY, order=f"or_{number}", day=day)
        assert route is not None
        return route.office

    spread = {office(number) for number in range(200)}
    assert spread == set(network.delivery_offices(city=CITY, day=local_day(START)))
    assert office(7) == office(7)


def test_the_county_of_the_address_chooses_the_office():
    assert House().ordered(county="310101").item.terms.delivery_office == "310101"


def test_nothing_can_be_done_with_an_order_that_nobody_placed():
    assert House().why_not(to_accept.Cancel()) == "acceptance.order_unknown"


# Cancelling ------------------------------------------------------------------------------------------------


def test_a_cancelled_order_burns_its_number_for_ever():
    house = House().ordered()
    burned = house.waybill
    assert house.do(to_accept.Cancel()) == ["acceptance.order_cancelled"]
    assert house.do(to_accept.Cancel()) == []
    assert burned not in order_more(house, 10)
    assert house.claims[f"waybill:{burned}"] == ORDER
    assert house.waits() == {}


def test_after_acceptance_an_order_is_recalled_not_cancelled():
    assert House().accepted().why_not(to_accept.Cancel()) == "acceptance.too_late_to_cancel"


def test_a_cancelled_envelope_in_the_bag_is_put_aside_by_the_clerk():
    house = House().ordered()
    house.count(a_bag(house.waybill))
    house.do(to_accept.Cancel())
    refused = house.give("bag", BAG, a_count(house.waybill))
    assert isinstance(refused, Refusal)
    assert refused.code == "acceptance.not_taken_in"
    aside = RefusedItem(waybill=house.waybill, reason=Reason.RECALLED)
    assert house.count(a_count(put_aside=(aside,))) == ["bag.counted", "bag.differences_found"]
    assert house.bodies(Kind.HANDOVER_REFUSED)[0].items == [aside]
    assert house.account() == "sender"


# Numbers ---------------------------------------------------------------------------------------------------


def test_when_a_range_is_used_up_the_next_one_goes_on():
    house = with_ranges(
        WaybillRange(indicator="ZY", first=7, last=8), WaybillRange(indicator="ZX", first=0, last=40)
    )
    numbers = order_more(house, 3)
    assert [number[:2] for number in numbers] == ["ZY", "ZY", "ZX"]


def test_the_manager_is_told_when_few_numbers_are_left():
    house = with_ranges(WaybillRange(indicator="ZY", first=0, last=19))
    order_more(house, 18)
    assert house.waits(RANGE) == {}
    order_more(house, 19)
    assert house.waits(RANGE)["range.nearly_used_up"].owner == "postal_manager"
    order_more(house, 20)


def test_without_a_number_an_order_waits_asks_again_and_goes_on_with_a_new_range():
    house = with_ranges(WaybillRange(indicator="ZY", first=0, last=0))
    order_more(house, 1)
    house.ordered()
    assert house.waybill == ""
    line = house.waits()["acceptance.awaiting_number"]
    assert line.owner == "postal_manager"
    assert line.due_at == house.now + timedelta(hours=4)
    house.machines = with_ranges(WaybillRange(indicator="ZY", first=0, last=60)).machines
    assert house.ring("acceptance.awaiting_number") == ["acceptance.number_sought"]
    assert house.waybill != ""
    assert house.waits(RANGE) == {}


def test_after_a_day_without_a_number_the_authority_is_told():
    house = with_ranges(WaybillRange(indicator="ZY", first=0, last=0))
    order_more(house, 1)
    house.ordered()
    rings = 0
    while "acceptance.awaiting_number" in house.waits():
        house.ring("acceptance.awaiting_number")
        rings += 1
        assert rings < 10
    assert rings == 6
    assert house.bodies(Kind.ORDER_REFUSED)[0].reason is Reason.TOO_LATE
    assert house.waits() == {}


def test_a_manager_who_asks_often_does_not_use_up_the_order():
    house = with_ranges(WaybillRange(indicator="ZY", first=0, last=0))
    order_more(house, 1)
    house.ordered()
    for _ in range(20):
        house.do(to_accept.SeekNumber())
    assert "acceptance.awaiting_number" in house.waits()


def test_an_order_that_waits_for_a_number_can_be_cancelled():
    house = with_ranges(WaybillRange(indicator="ZY", first=0, last=0))
    order_more(house, 1)
    house.ordered()
    assert house.do(to_accept.Cancel()) == ["acceptance.order_cancelled"]
    assert house.do(to_accept.SeekNumber()) == []


def test_a_number_that_another_order_holds_is_never_allocated():
    house = House()
    house.claims["waybill:ZA400000001CN"] = "or_other"
    refused = house.give("item", ORDER, an_order())
    assert isinstance(refused, Refusal)
    assert refused.code == "acceptance.waybill_taken"


def test_a_number_cannot_be_given_to_an_order_twice():
    house = House().ordered()
    assert house.why_not(to_accept.Allocate(waybill=STRANGE)) == "acceptance.nothing_to_label"


# Labels ----------------------------------------------------------------------------------------------------


def test_every_print_of_a_label_is_an_event_and_a_second_needs_a_reason():
    house = House().ordered()
    house.do(to_accept.PrintLabel(clerk=CLERK))
    assert house.why_not(to_accept.PrintLabel(clerk=CLERK)) == "acceptance.reprint_needs_reason"
    again = to_accept.PrintLabel(clerk=CLERK, reason=ReprintReason.DAMAGED)
    assert house.do(again) == ["acceptance.label_printed"]
    for _ in range(PRINTS_MAX - 2):
        house.do(again)
    assert house.why_not(again) == "acceptance.prints_used_up"


def test_a_cancelled_order_gets_no_label():
    house = House().ordered()
    house.do(to_accept.Cancel())
    assert house.why_not(to_accept.PrintLabel(clerk=CLERK)) == "acceptance.nothing_to_label"


def test_a_damaged_label_can_be_replaced_on_the_way():
    house = House().accepted()
    assert house.do(to_accept.PrintLabel(clerk=CLERK)) == ["acceptance.label_printed"]


# Bags ------------------------------------------------------------------------------------------------------


def test_what_is_counted_out_of_a_bag_is_signed_for():
    house = House().accepted()
    [said] = house.bodies(Kind.HANDOVER_ACCEPTED)
    assert (said.bag, said.seal, said.waybills, said.clerk) == (BAG, SEAL, [house.waybill], CLERK)
    assert house.bodies(Kind.HANDOVER_REFUSED) == []
    assert house.account() == "office:310000-A"
    assert house.waits(BAG) == {}


def test_an_envelope_that_does_not_come_goes_to_the_manager_after_three_days():
    house = House().ordered()
    assert house.ring("acceptance.awaiting_handover") == ["acceptance.escalated"]
    line = house.waits()["acceptance.awaiting_handover"]
    assert (line.owner, line.due_at) == ("postal_manager", None)
    house.count(a_bag(house.waybill))
    house.count(a_count(house.waybill))
    assert house.account() == "office:310000-A"


def test_a_timer_that_comes_too_early_does_nothing():
    house = House().ordered()
    assert house.do(to_accept.Escalate()) == []


def test_short_over_and_unknown_are_typed_and_belong_to_the_manager():
    house = House().ordered()
    there, over = order_more(house, 2)
    house.count(a_bag(house.waybill, there))
    assert house.count(a_count(there, over, STRANGE)) == ["bag.counted", "bag.differences_found"]
    [refused] = house.bodies(Kind.HANDOVER_REFUSED)
    assert {item.waybill: item.reason for item in refused.items} == {
        house.waybill: Reason.SHORT,
        over: Reason.OVER,
        STRANGE: Reason.UNKNOWN_ITEM,
    }
    assert house.bodies(Kind.HANDOVER_ACCEPTED)[0].waybills == [there]
    assert house.account() == "sender"
    assert house.waits(BAG)["bag.differing"].owner == "postal_manager"
    settle = to_count.SettleDifferences(how=Settlement.FOUND_AT_AUTHORITY)
    assert house.count(settle) == ["bag.differences_settled"]
    assert house.count(settle) == []
    assert house.waits(BAG) == {}


def test_what_was_short_is_accepted_with_a_later_bag():
    house = House().ordered()
    house.count(a_bag(house.waybill))
    house.count(a_count())
    assert not isinstance(house.give("bag", "bg_later", a_bag(house.waybill)), Refusal)
    assert not isinstance(house.give("bag", "bg_later", a_count(house.waybill)), Refusal)
    assert house.account() == "office:310000-A"


def test_behind_another_seal_nothing_is_signed_for():
    house = House().ordered()
    house.count(a_bag(house.waybill))
    house.count(a_count(house.waybill, seal_seen="SEAL-2"))
    assert house.bodies(Kind.HANDOVER_REFUSED)[0].items[0].reason is Reason.SEAL_BROKEN
    assert house.account() == "sender"


def test_a_bag_that_never_came_is_short_of_everything():
    house = House().ordered()
    house.count(a_bag(house.waybill))
    house.count(a_count(seal_seen=""))
    assert house.bodies(Kind.HANDOVER_REFUSED)[0].items[0].reason is Reason.SHORT


def test_a_number_on_the_manifest_that_the_post_never_gave_is_unknown():
    house = House()
    house.count(a_bag(STRANGE))
    house.count(a_count(STRANGE))
    assert house.bodies(Kind.HANDOVER_REFUSED)[0].items[0].reason is Reason.UNKNOWN_ITEM


def test_a_damaged_envelope_is_put_aside_with_its_reason():
    house = House().ordered()
    house.count(a_bag(house.waybill))
    aside = RefusedItem(waybill=house.waybill, reason=Reason.DAMAGED)
    house.count(a_count(put_aside=(aside,)))
    assert house.bodies(Kind.HANDOVER_REFUSED)[0].items == [aside]


def test_an_announcement_told_twice_is_one_and_told_otherwise_is_refused():
    house = House().accepted()
    assert house.count(a_bag(house.waybill)) == []
    for changed in (a_bag(house.waybill, seal="OTHER"), a_bag(STRANGE), a_bag(house.waybill, office="SH-2")):
        refused = house.give("bag", BAG, changed)
        assert isinstance(refused, Refusal)
        assert refused.code == "bag.announced_differently"


def test_a_count_told_twice_is_one_and_a_second_different_count_is_refused():
    house = House().accepted()
    assert house.count(a_count(house.waybill, house.waybill)) == []
    refused = house.give("bag", BAG, a_count())
    assert isinstance(refused, Refusal)
    assert refused.code == "bag.counted_differently"


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (a_count(STRANGE), "bag.unknown"),
        (a_bag(STRANGE, STRANGE), "bag.manifest_repeats"),
        (to_count.SettleDifferences(how=Settlement.MISSING), "bag.nothing_to_settle"),
    ],
)
def test_what_makes_no_sense_for_a_new_bag_is_refused(
    command: to_count.Expect | to_count.Count | to_count.SettleDifferences, code: str
):
    refused = House().give("bag", BAG, command)
    assert isinstance(refused, Refusal)
    assert refused.code == code


def test_an_envelope_is_counted_once_and_put_aside_for_a_reason():
    house = House().ordered()
    house.count(a_bag(house.waybill))
    aside = RefusedItem(waybill=house.waybill, reason=Reason.DAMAGED)
    for command, code in (
        (a_count(house.waybill, put_aside=(aside,)), "bag.put_aside_unseen"),
        (a_count(put_aside=(aside, aside)), "bag.put_aside_unseen"),
        (
            a_count(put_aside=(RefusedItem(waybill=house.waybill, reason=Reason.ABSENT),)),
            "bag.not_a_reason_to_put_aside",
        ),
    ):
        refused = house.give("bag", BAG, command)
        assert isinstance(refused, Refusal)
        assert refused.code == code


def test_a_bag_that_does_not_come_and_a_difference_that_lies_go_to_the_manager():
    house = House().ordered()
    house.count(a_bag(house.waybill))
    assert house.waits(BAG)["bag.expected"].group == ISSUING
    assert house.ring("bag.expected", BAG) == ["bag.escalated"]
    assert house.waits(BAG)["bag.expected"].owner == "postal_manager"
    house.count(a_count())
    assert house.waits(BAG)["bag.differing"].due_at is not None
    assert house.ring("bag.differing", BAG) == ["bag.escalated"]
    assert house.waits(BAG)["bag.differing"].due_at is None


def test_a_bag_of_five_hundred_is_one_decision():
    house = House()
    names = ["or_" + "".join("abcdefgh"[n // 8**p % 8] for p in range(4)) for n in range(500)]
    for name in names:
        assert not isinstance(house.give("item", name, an_order(order=name)), Refusal)
    numbers = [house.states[name].waybill for name in names]
    house.count(a_bag(*numbers))
    house.count(a_count(*numbers))
    assert house.tallies["custody.office"] == 500
    assert house.tallies["custody.sender"] == 0
    assert {standing.account for standing in house.units.values()} == {"office:310000-A"}


def test_the_streams_of_an_order_keep_to_its_city():
    machine = House().machines["range"]
    house = House().ordered()
    [drawn] = [event for stream, event in house.journal if stream == RANGE]
    [onward] = machine.follows(house.states[RANGE], drawn, StreamKey(CITY, RANGE))
    assert onward.key == StreamKey(CITY, ORDER)
    assert house.item.terms.delivery_office == OFFICE


@pytest.mark.parametrize(
    "changes",
    [
        {"peer": "other"},
        {"authority": "OTHER"},
        {"office": "SH-2"},
        {"destination": 110000, "county": ""},
        {"documents": 2},
        {"postage_mode": PostageMode.PREPAID},
        {"postage_fen": 1500},
        {"attempts_max": 2},
        {"held_days_max": 8},
    ],
)
def test_every_term_of_an_order_stands(changes: dict[str, object]):
    assert House().ordered().why_not(an_order(**changes)) == "acceptance.order_differs"


def test_an_order_that_is_turned_away_has_no_route_and_no_promise():
    house = House()
    house.do(an_order(destination=659000))
    terms = house.item.terms
    assert (terms.delivery_office, terms.routing, terms.promise_days, terms.return_days) == ("", "", 0, 0)
    assert house.do(to_accept.Cancel()) == []


def test_an_envelope_that_was_counted_is_counted_in_its_bag_alone():
    house = House().accepted()
    again = to_accept.TakeIn(waybill=house.waybill, bag=BAG, office="310000-A", clerk=CLERK)
    assert house.do(again) == []
    other = msgspec.structs.replace(again, bag="bg_other")
    assert house.why_not(other) == "acceptance.not_taken_in"
    waiting = House().ordered()
    assert waiting.do(msgspec.structs.replace(other, waybill=waiting.waybill)) == ["acceptance.accepted"]


def test_the_manager_hears_once_of_an_envelope_that_does_not_come():
    house = House().ordered()
    house.ring("acceptance.awaiting_handover")
    assert house.do(to_accept.Escalate()) == []
    assert House().accepted().do(to_accept.Escalate()) == []


@pytest.mark.parametrize("reason", [Reason.DAMAGED, Reason.SEAL_BROKEN, Reason.RECALLED])
def test_each_reason_to_put_an_envelope_aside_is_told_to_the_authority(reason: Reason):
    house = House().ordered()
    house.count(a_bag(house.waybill))
    aside = RefusedItem(waybill=house.waybill, reason=reason)
    house.count(a_count(put_aside=(aside,)))
    assert house.bodies(Kind.HANDOVER_REFUSED)[0].items == [aside]


def test_an_empty_scan_means_that_no_bag_came_and_anything_seen_means_that_one_did():
    for changes in ({"seal_seen": ""}, {"seal_seen": "SEAL-2"}):
        house = House().ordered()
        house.count(a_bag(house.waybill))
        house.count(a_count(**changes))
        told = house.bodies(Kind.HANDOVER_REFUSED)[0].items[0].reason
        assert told is (Reason.SEAL_BROKEN if changes["seal_seen"] else Reason.SHORT)
    house = House().ordered()
    aside = RefusedItem(waybill=house.waybill, reason=Reason.DAMAGED)
    house.count(a_bag(house.waybill))
    house.count(a_count(seal_seen="", put_aside=(aside,)))
    assert house.bodies(Kind.HANDOVER_REFUSED)[0].items[0].reason is Reason.SEAL_BROKEN
    house = House().ordered()
    house.count(a_bag(house.waybill))
    house.count(a_count(house.waybill, seal_seen=""))
    assert house.bodies(Kind.HANDOVER_REFUSED)[0].items[0].reason is Reason.SEAL_BROKEN


def test_an_envelope_put_aside_that_is_not_on_the_manifest_is_over_or_unknown():
    house = House().ordered()
    [other] = order_more(house, 1)
    house.count(a_bag(house.waybill))
    strays = tuple(RefusedItem(waybill=waybill, reason=Reason.DAMAGED) for waybill in (other, STRANGE))
    house.count(a_count(house.waybill, put_aside=strays))
    items = house.bodies(Kind.HANDOVER_REFUSED)[0].items
    assert {item.waybill: item.reason for item in items} == {other: Reason.OVER, STRANGE: Reason.UNKNOWN_ITEM}


def test_a_second_count_differs_by_its_seal_its_scans_or_what_was_put_aside():
    house = House().ordered()
    aside = RefusedItem(waybill=house.waybill, reason=Reason.DAMAGED)
    house.count(a_bag(house.waybill))
    first = a_count(put_aside=(aside,))
    house.count(first)
    assert house.count(first) == []
    for other in (
        a_count(put_aside=(aside,), seal_seen="SEAL-2"),
        a_count(),
        a_count(house.waybill),
        a_count(put_aside=(RefusedItem(waybill=house.waybill, reason=Reason.RECALLED),)),
    ):
        refused = house.give("bag", BAG, other)
        assert isinstance(refused, Refusal)
        assert refused.code == "bag.counted_differently"


def test_a_bag_and_a_difference_have_a_day_each_and_ring_at_that_very_instant():
    for act in (None, a_count()):
        house = House().ordered()
        house.count(a_bag(house.waybill))
        house.wait(hours=3)
        if act is not None:
            house.count(act)
        [line] = house.waits(BAG).values()
        since = START if act is None else house.now
        due_at = since + timedelta(hours=24)
        assert line.due_at == due_at
        house.now = due_at - timedelta(microseconds=1)
        assert house.count(to_count.Escalate()) == []
        house.now = due_at
        assert house.count(to_count.Escalate()) == ["bag.escalated"]
        assert house.count(to_count.Escalate()) == []
    counted = House().accepted()
    counted.wait(days=30)
    assert counted.count(to_count.Escalate()) == []
    assert counted.waits(BAG) == {}
