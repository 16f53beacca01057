"""Where a command for an item goes, what it touches beside it, and how its person is erased."""

from datetime import timedelta

import pytest

from safehand.house.erasure import HearErasure, RecordErased
from safehand.kernel.machine import StreamKey
from safehand.link.messages import Kind, ProofMethod, Reason, RefusedItem, Scan
from safehand.postal.acceptance import commands as to_accept
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.identity_check.rules import COURIER_QUESTIONS_PER_HOUR_MAX
from safehand.postal.settlement.states import State as SettlementState
from safehand.postal.transport import commands as to_carry
from safehand.postal.undeliverable.commands import Recall
from tests.postal.house import CITY, CLERK, OFFICE, ORDER, House, a_bag, a_count, an_order

KEY = StreamKey(CITY, ORDER)


def test_an_order_that_needs_a_number_touches_the_range_of_its_city_and_nothing_else_does():
    machine = House().machines["item"]
    ranged = (StreamKey(CITY, f"wr_{CITY}"),)
    assert tuple(machine.touches(an_order(), KEY)) == ranged
    assert tuple(machine.touches(to_accept.SeekNumber(), KEY)) == ranged
    assert tuple(machine.touches(to_accept.Cancel(), KEY)) == ()


def test_a_count_asks_for_every_number_that_was_seen_once():
    machine = House().machines["bag"]
    aside = RefusedItem(waybill="ZA000000002CN", reason=Reason.DAMAGED)
    asked = machine.asks(a_count("ZA000000001CN", "ZA000000001CN", put_aside=(aside,)))
    assert [name.rpartition(":")[2] for name in asked] == ["ZA000000001CN", "ZA000000002CN"]


def test_the_person_of_an_item_is_erased_once_it_has_ended_and_not_before():
    house = House().claimed()
    assert house.why_not(HearErasure()) == "erasure.still_live"
    house.do(house.proof())
    assert house.do(HearErasure()) == ["erasure.ordered"]
    assert house.waits()["erasure.ordered"].owner == "system"
    assert house.do(HearErasure()) == []
    assert house.do(RecordErased()) == ["erasure.done"]
    assert house.waits() == {}


def test_an_item_without_an_order_has_nobody_to_erase():
    assert House().why_not(HearErasure()) == "acceptance.order_unknown"


def test_questions_at_the_counter_are_limited_like_those_at_the_door():
    house = House().held()
    too_many = house.claiming_at_counter(clerk_asked_last_hour=COURIER_QUESTIONS_PER_HOUR_MAX)
    assert house.why_not(too_many) == "identity_check.courier_asked_too_often"
    assert house.do(house.claiming_at_counter(clerk_asked_last_hour=0)) == ["delivery.claimed"]


def test_a_question_of_a_day_ago_counts_no_more():
    house = House().with_courier()
    asked_at = house.now
    for _ in range(6):
        house.do(house.claiming())
        house.do(house.proof_refusal())
    house.now = asked_at + timedelta(hours=24) - timedelta(microseconds=1)
    assert house.why_not(house.claiming()) == "identity_check.item_asked_too_often"
    house.now = asked_at + timedelta(hours=24)
    assert house.do(house.claiming()) == ["delivery.claimed"]


def test_a_clock_of_one_step_is_not_that_of_another():
    house = House().with_courier()
    house.now = house.waits()["delivery.with_courier"].due_at or house.now
    assert house.do(to_carry.Escalate()) == []
    assert house.do(to_deliver.Escalate()) == ["delivery.escalated"]


def test_a_voided_scan_is_told_to_the_authority_whether_it_gave_the_position_or_not():
    house = House().accepted()
    house.do(house.departing())
    house.wait(minutes=10)
    arrived = house.arriving()
    house.do(arrived)
    house.do(house.taking_out())
    house.do(to_carry.VoidScan(waybill=house.waybill, scan_id=arrived.scan_id))
    assert [body.scan_id for body in house.bodies(Kind.SCAN_VOIDED)] == [arrived.scan_id]


@pytest.mark.parametrize(
    ("scan", "told"),
    [("departing", Scan.DEPARTED), ("arriving_at_centre", Scan.ARRIVED), ("arriving", Scan.AT_OFFICE)],
)
def test_a_late_scan_is_told_as_what_it_was(scan: str, told: Scan):
    house = House().at_office()
    house.wait(minutes=10)
    house.do(house.taking_out())
    late = getattr(house, scan)(occurred_at=house.now - timedelta(minutes=5))
    assert house.do(late) == ["transport.scan_kept"]
    said = house.bodies(Kind.ITEM_SCANNED)[-1]
    assert (said.scan, said.scan_id) == (told, late.scan_id)


def test_a_scan_voided_behind_another_one_only_is_marked():
    house = House().accepted()
    first = house.departing()
    house.do(first)
    house.wait(minutes=10)
    house.do(house.arriving_at_centre())
    void = to_carry.VoidScan(waybill=house.waybill, scan_id=first.scan_id)
    assert house.do(void) == ["transport.scan_voided"]
    assert house.account() == "office:310000-C"


def test_a_stopped_item_is_not_put_back_by_a_void():
    house = House().accepted()
    scan = house.departing()
    house.do(scan)
    house.do(Recall(waybill=house.waybill, reason=Reason.RECALLED))
    assert house.do(to_carry.VoidScan(waybill=house.waybill, scan_id=scan.scan_id)) == [
        "transport.scan_voided"
    ]


def test_a_cancelled_order_owes_no_postage():
    house = House().ordered()
    house.do(to_accept.Cancel())
    assert house.item.settlement.state is SettlementState.WAIVED


def test_postage_waits_at_the_counter_too():
    house = House().held(postage_fen=2200)
    assert house.waits()["settlement.due"].group == OFFICE
    house.do(house.claiming_at_counter())
    proof = house.proof(method=ProofMethod.COUNTER_IDENTITY)
    assert house.do(proof) == ["delivery.proof_recorded", "settlement.postage_collected"]


def test_the_last_failed_code_is_the_next_attempt():
    house = House().claimed()
    house.do(house.proof_refusal(attempts_left=1))
    assert house.item.delivery.attempts == 0
    house.do(house.claiming())
    house.do(house.proof_refusal(attempts_left=0))
    assert house.item.delivery.attempts == 1
    assert house.item.delivery.claims == 2


def test_three_attempts_in_vain_are_the_reason_to_keep_it():
    house = House().at_office()
    for _ in range(3):
        house.do(house.taking_out())
        house.wait(minutes=5)
        house.do(house.failing())
        house.wait(minutes=5)
        house.do(house.bringing_back())
        house.wait(minutes=5)
    [held] = [event for _, event in house.journal if type(event).__name__ == "Held"]
    assert held.reason is Reason.ATTEMPTS_USED_UP  # type: ignore[attr-defined]
    moved = House().with_courier()
    moved.do(moved.failing(Reason.MOVED))
    moved.do(moved.bringing_back())
    [held] = [event for _, event in moved.journal if type(event).__name__ == "Held"]
    assert held.reason is Reason.MOVED  # type: ignore[attr-defined]


def test_a_bag_that_nothing_was_taken_from_is_accepted_with_nothing():
    house = House().ordered()
    house.count(a_bag(house.waybill))
    house.count(a_count(seal_seen="", clerk=CLERK))
    assert house.bodies(Kind.HANDOVER_ACCEPTED) == []
