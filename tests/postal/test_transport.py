"""Scans: missing, late, repeated, out of order, contradicting, voided."""

from datetime import timedelta

from safehand.link.messages import Kind, Reason, Scan
from safehand.postal.transport import commands as to_carry
from safehand.postal.transport.rules import SCANS_MAX
from safehand.postal.undeliverable import commands as to_return
from tests.postal.house import OFFICE, House


def void(house: House, scan_id: str) -> to_carry.VoidScan:
    return to_carry.VoidScan(waybill=house.waybill, scan_id=scan_id)


def test_custody_goes_with_the_scans_from_the_acceptance_office_to_the_delivery_office():
    house = House().accepted()
    accounts = [house.account()]
    for command in (house.departing, house.arriving_at_centre, house.departing, house.arriving):
        house.wait(minutes=20)
        house.do(command())
        accounts.append(house.account())
    assert accounts == [
        "office:310000-A",
        "vehicle:LEG-1",
        "office:310000-C",
        "vehicle:LEG-1",
        f"office:{OFFICE}",
    ]
    assert [body.scan for body in house.bodies(Kind.ITEM_SCANNED)] == [
        Scan.DEPARTED,
        Scan.ARRIVED,
        Scan.DEPARTED,
        Scan.AT_OFFICE,
    ]
    assert house.waits()["delivery.at_office"].group == OFFICE


def test_a_scan_tells_when_the_item_was_promised():
    house = House().at_office()
    assert house.bodies(Kind.ITEM_SCANNED)[0].due_at.isoformat() == "2024-05-07T16:00:00+00:00"


def test_a_missing_scan_hurts_nobody():
    house = House().accepted()
    house.do(house.arriving())
    assert house.account() == f"office:{OFFICE}"


def test_a_scan_told_twice_counts_once():
    house = House().accepted()
    departing = house.departing()
    assert house.do(departing) == ["transport.departed"]
    assert house.do(departing) == []
    assert len(house.bodies(Kind.ITEM_SCANNED)) == 1


def test_a_scan_that_comes_late_is_kept_and_moves_nothing():
    house = House().accepted()
    house.wait(minutes=10)
    departing = house.departing()
    house.wait(minutes=60)
    house.do(house.arriving())
    assert house.do(departing) == ["transport.scan_kept"]
    assert house.account() == f"office:{OFFICE}"
    assert house.bodies(Kind.ITEM_SCANNED)[-1].scan is Scan.DEPARTED
    assert "transport.contradicted" not in house.waits()


def test_scans_that_come_late_while_the_courier_has_it_move_nothing():
    house = House().accepted()
    house.wait(minutes=10)
    late = [house.departing(), house.arriving_at_centre()]
    house.wait(minutes=60)
    house.do(house.arriving())
    house.do(house.taking_out())
    for command in late:
        assert house.do(command) == ["transport.scan_kept"]
    assert house.account() == "courier:co_courier"


def test_a_scan_elsewhere_while_the_courier_has_it_contradicts_and_the_manager_looks_into_it():
    house = House().with_courier()
    house.wait(minutes=10)
    told = len(house.said)
    assert house.do(house.arriving_at_centre()) == ["transport.scan_kept"]
    assert house.account() == "courier:co_courier"
    assert len(house.said) == told
    assert house.waits()["transport.contradicted"].owner == "postal_manager"
    house.wait(minutes=10)
    house.do(house.departing())
    clear = to_carry.ClearContradiction(waybill=house.waybill)
    assert house.do(clear) == ["transport.contradiction_cleared"]
    assert house.do(clear) == []
    assert "transport.contradicted" not in house.waits()


def test_a_copied_label_that_is_scanned_after_the_delivery_contradicts():
    house = House().claimed()
    house.do(house.proof())
    house.wait(minutes=10)
    assert house.do(house.departing()) == ["transport.scan_kept"]
    assert house.account() == "recipient"
    assert "transport.contradicted" in house.waits()


def test_a_scan_of_an_item_that_nobody_signed_for_is_refused():
    house = House().ordered()
    assert house.why_not(house.departing()) == "transport.not_accepted"


def test_a_scan_from_the_future_is_refused_but_a_clock_a_little_ahead_is_not():
    house = House().accepted()
    ahead = house.departing(occurred_at=house.now + timedelta(minutes=4))
    assert (
        house.why_not(house.departing(occurred_at=house.now + timedelta(minutes=6))) == "custody.from_future"
    )
    assert house.do(ahead) == ["transport.departed"]


def test_the_label_of_another_item_is_refused():
    house = House().accepted()
    assert house.why_not(house.departing(waybill="ZA400000029CN")) == "acceptance.other_waybill"


def test_a_device_gone_mad_is_stopped():
    house = House().accepted()
    for _ in range(SCANS_MAX - 1):
        house.do(house.arriving_at_centre())
    assert house.why_not(house.arriving_at_centre()) == "transport.scans_used_up"


def test_voiding_the_last_scan_puts_the_item_back_and_asks_for_a_new_scan():
    house = House().accepted()
    house.wait(minutes=10)
    house.do(house.departing())
    house.wait(minutes=30)
    wrong = house.arriving()
    house.do(wrong)
    house.wait(minutes=5)
    assert house.do(void(house, wrong.scan_id)) == ["transport.position_voided"]
    assert house.do(void(house, wrong.scan_id)) == []
    assert house.account() == "vehicle:LEG-1"
    assert house.bodies(Kind.SCAN_VOIDED)[0].scan_id == wrong.scan_id
    assert house.waits()["transport.rescan"].owner == "sorter"
    assert "delivery.at_office" not in house.waits()
    assert house.why_not(house.taking_out()) == "delivery.not_at_office"
    house.do(house.arriving_at_centre(occurred_at=house.now - timedelta(minutes=10)))
    assert house.account() == "office:310000-C"


def test_voiding_the_first_departure_puts_the_item_back_at_the_acceptance_office():
    house = House().accepted()
    house.wait(minutes=10)
    wrong = house.departing()
    house.do(wrong)
    house.do(void(house, wrong.scan_id))
    assert house.account() == "office:310000-A"


def test_voiding_an_arrival_at_the_centre_puts_the_item_back_into_the_vehicle():
    house = House().accepted()
    house.do(house.departing())
    house.wait(minutes=10)
    wrong = house.arriving_at_centre()
    house.do(wrong)
    house.do(void(house, wrong.scan_id))
    assert house.account() == "vehicle:LEG-1"


def test_voiding_a_scan_on_which_nothing_depends_any_more_only_marks_it():
    house = House().accepted()
    house.do(house.departing())
    house.wait(minutes=10)
    arrived = house.arriving()
    house.do(arrived)
    house.do(house.taking_out())
    assert house.do(void(house, arrived.scan_id)) == ["transport.scan_voided"]
    assert house.account() == "courier:co_courier"


def test_only_a_known_scan_can_be_voided():
    house = House().accepted()
    assert house.why_not(void(house, "sc_nobody")) == "transport.scan_unknown"


def test_an_item_that_was_sorted_wrongly_departs_from_the_office_once_more():
    house = House().at_office()
    house.wait(minutes=10)
    house.do(house.departing(place=OFFICE, leg="LEG-2"))
    assert house.account() == "vehicle:LEG-2"
    assert "delivery.at_office" not in house.waits()
    house.wait(minutes=10)
    house.do(house.arriving(place="310101"))
    assert house.waits()["delivery.at_office"].group == "310101"


def test_an_item_may_be_scanned_at_a_second_office_without_a_departure():
    house = House().at_office()
    house.wait(minutes=10)
    house.do(house.arriving(place="310101"))
    assert house.account() == "office:310101"


def test_silence_goes_to_the_manager_and_the_next_scan_ends_it():
    house = House().accepted()
    assert house.ring("transport.at_origin") == ["transport.escalated"]
    assert house.waits()["transport.at_origin"].owner == "postal_manager"
    house.do(house.departing())
    assert house.waits()["transport.on_the_way"].owner == "driver"
    assert house.ring("transport.on_the_way") == ["transport.escalated"]
    house.do(house.arriving_at_centre())
    assert house.ring("transport.at_centre") == ["transport.escalated"]
    house.do(house.arriving_at_centre(place="310000-D"))
    assert house.waits()["transport.at_centre"].owner == "sorter"


def test_a_scan_of_an_item_that_goes_back_moves_nothing_forward():
    house = House().at_office()
    house.wait(minutes=5)
    late = house.departing()
    house.wait(minutes=5)
    house.do(
        to_return.StartReturn(
            waybill=house.waybill,
            reason=Reason.DAMAGED,
            place=OFFICE,
            scan_id="sc_back",
            occurred_at=house.now,
        )
    )
    assert house.do(late) == ["transport.scan_kept"]
    assert house.account() == f"office:{OFFICE}"


def test_scans_voided_one_after_the_other_lead_back_hand_by_hand():
    house = House().accepted()
    first = house.departing()
    house.do(first)
    house.wait(minutes=10)
    second = house.arriving_at_centre()
    house.do(second)
    for scan, account in ((second, "vehicle:LEG-1"), (first, "office:310000-A")):
        assert house.do(void(house, scan.scan_id)) == ["transport.position_voided"]
        assert house.account() == account
        assert house.waits()["transport.rescan"].owner == "sorter"


def test_voiding_one_of_two_scans_of_the_same_instant_moves_nothing():
    house = House().accepted()
    house.do(house.departing())
    house.wait(minutes=10)
    first, second = house.arriving_at_centre(), house.arriving_at_centre()
    house.do(first)
    house.do(second)
    assert house.do(void(house, first.scan_id)) == ["transport.scan_voided"]
    assert house.account() == "office:310000-C"
    assert house.do(void(house, second.scan_id)) == ["transport.position_voided"]


def test_voiding_an_arrival_leaves_what_was_out_and_is_back_where_it_is():
    house = House().accepted()
    house.do(house.departing())
    house.wait(minutes=10)
    arriving = house.arriving()
    house.do(arriving)
    house.wait(minutes=10)
    house.do(house.taking_out())
    house.wait(minutes=10)
    house.do(house.bringing_back())
    assert house.do(void(house, arriving.scan_id)) == ["transport.scan_voided"]
    assert house.account() == f"office:{OFFICE}"


def test_after_a_void_the_true_scan_counts_though_it_happened_before_the_wrong_one():
    house = House().accepted()
    house.wait(minutes=5)
    true = house.departing()
    house.wait(minutes=5)
    wrong = house.departing(leg="LEG-9")
    house.do(wrong)
    house.do(void(house, wrong.scan_id))
    assert house.do(true) == ["transport.departed"]
    assert house.account() == "vehicle:LEG-1"
