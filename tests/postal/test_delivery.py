"""At doors and counters: who may take out, claim, fail, hold; and that only a sealed proof writes *delivered*."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from safehand.kernel.working_days import end_of_day, local_day
from safehand.link.messages import Kind, PostageMode, ProofMethod, Reason, Scan, Wish
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.delivery.events import Held
from safehand.postal.delivery.rules import NEARS_MAX, round_end
from safehand.postal.delivery.states import After
from safehand.postal.identity_check.rules import COURIER_QUESTIONS_PER_HOUR_MAX, ITEM_QUESTIONS_MAX
from safehand.postal.steps import scan_name
from safehand.postal.undeliverable import commands as to_return
from tests.postal.house import CLERK, COURIER, EVIDENCE, OFFICE, ORDER, START, STRANGER, House


def rejecting(house: House, reason: Reason = Reason.MISPRINT, **changes: Any) -> to_deliver.RejectAtDoor:
    facts: dict[str, Any] = {
        "waybill": house.waybill,
        "courier": COURIER,
        "reason": reason,
        "occurred_at": house.now,
    }
    return to_deliver.RejectAtDoor(**facts | changes)


def leaving_elsewhere(house: House, **changes: Any) -> to_deliver.ReportNonconforming:
    facts: dict[str, Any] = {
        "waybill": house.waybill,
        "courier": COURIER,
        "carrier_code": "50",
        "occurred_at": house.now,
    }
    return to_deliver.ReportNonconforming(**facts | changes)


def taking_back(house: House) -> to_deliver.TakeBack:
    return to_deliver.TakeBack(waybill=house.waybill, courier=COURIER, occurred_at=house.now)


def voiding(house: House) -> to_deliver.VoidClaim:
    return to_deliver.VoidClaim(waybill=house.waybill, courier=COURIER)


# Claim and proof --------------------------------------------------------------------------------------------


def test_a_claim_is_no_delivery_and_the_sealed_proof_is():
    house = House().claimed()
    assert house.item.delivery.state == "claimed"
    assert (house.account(), house.pending()) == ("courier:co_courier", "recipient")
    [said] = house.bodies(Kind.DELIVERY_CLAIMED)
    assert (said.code, said.courier, said.method) == ("482913", COURIER, ProofMethod.RECIPIENT_CODE)
    house.do(house.proof())
    assert house.item.delivery.state == "delivered"
    assert (house.account(), house.pending()) == ("recipient", None)
    assert house.waits() == {}


def test_a_proof_whose_signature_does_not_hold_delivers_nothing():
    house = House().claimed()
    assert house.why_not(house.proof(proof_verified=False)) == "delivery.proof_not_verified"
    assert house.account() == "courier:co_courier"


def test_a_proof_without_any_claim_is_refused():
    house = House().with_courier()
    assert house.why_not(house.proof()) == "delivery.no_claim"
    assert House().ordered().why_not(House().ordered().proof()) == "delivery.no_claim"


def test_a_proof_told_twice_is_one_and_another_one_is_refused():
    house = House().claimed()
    house.do(house.proof())
    assert house.do(house.proof()) == []
    assert (
        house.why_not(house.proof(evidence=b"f" * 32, claimed_at=house.now - timedelta(minutes=1)))
        == "delivery.proof_differs"
    )


def test_a_refused_proof_leaves_the_envelope_with_the_courier_who_may_ask_again():
    house = House().claimed()
    assert house.do(house.proof_refusal()) == ["delivery.claim_refused"]
    assert (house.account(), house.pending()) == ("courier:co_courier", None)
    house.do(house.claiming(code="482914"))
    house.do(house.proof())
    assert house.account() == "recipient"


def test_when_no_code_is_left_the_visit_has_failed_and_the_item_waits_at_the_counter():
    house = House().claimed()
    events = house.do(house.proof_refusal(attempts_left=0))
    assert events == ["delivery.claim_refused", "delivery.attempt_failed"]
    assert house.bodies(Kind.ATTEMPT_FAILED)[0].reason is Reason.CODE_ATTEMPTS_USED_UP
    assert house.do(house.bringing_back()) == ["delivery.brought_back", "delivery.held"]
    assert house.account() == f"counter:{OFFICE}"


def test_an_answer_to_no_claim_is_refused():
    house = House().with_courier()
    assert house.why_not(house.proof_refusal()) == "delivery.no_claim"


def test_a_claim_made_by_mistake_is_voided_and_its_late_refusal_changes_nothing():
    house = House().claimed()
    answered = house.proof_refusal()
    house.wait(minutes=1)
    assert house.do(voiding(house)) == ["delivery.claim_voided"]
    assert house.why_not(voiding(house)) == "delivery.not_claimed"
    assert house.pending() is None
    assert house.do(answered) == ["delivery.old_claim_answered"]
    house.wait(minutes=5)
    house.do(house.claiming())
    assert house.do(answered) == ["delivery.old_claim_answered"]
    assert house.item.delivery.state == "claimed"


def test_a_proof_for_a_claim_that_was_voided_opens_an_incident():
    house = House().claimed()
    house.do(voiding(house))
    events = house.do(house.proof())
    assert events == ["delivery.proof_came_late", "undeliverable.incident_opened"]
    assert house.account() == "incident"
    assert house.bodies(Kind.INCIDENT_OPENED)[0].reason is Reason.PROOF_TOO_LATE
    assert house.do(house.proof()) == []


def test_the_recipients_own_word_ends_a_search():
    house = House().claimed()
    house.do(voiding(house))
    house.do(house.proof())
    word = house.proof(evidence=b"\x07" * 32, method=ProofMethod.RECIPIENT_WORD)
    assert house.do(word)[:2] == ["delivery.proof_recorded", "undeliverable.search_ended"]
    assert len(house.bodies(Kind.SEARCH_ENDED)) == 1, "so that the authority knows what its word came to"
    assert house.account() == "recipient"
    assert house.do(word) == []


def test_a_proof_of_the_same_instant_that_answers_a_claim_is_no_word_of_the_recipients_own():
    house = House().claimed()
    house.do(to_return.OpenIncident(waybill=house.waybill, reason=Reason.LOST))
    assert house.do(house.proof(claimed_at=house.now)) == ["delivery.proof_came_late"]
    assert house.account() == "incident"


def test_a_proof_that_comes_when_the_item_has_left_the_office_again_is_not_lost():
    house = House().claimed()
    house.do(voiding(house))
    house.do(house.bringing_back())
    house.wait(minutes=5)
    house.do(house.departing(place=OFFICE, leg="LEG-2"))
    assert house.item.delivery.state == "not_begun"
    assert house.do(house.proof()) == ["delivery.proof_came_late", "undeliverable.incident_opened"]
    assert house.account() == "incident"


def test_a_claim_without_an_answer_goes_to_the_manager_after_half_an_hour_and_stays_pending():
    house = House().claimed()
    line = house.waits()["delivery.claimed"]
    assert (line.owner, line.group) == ("authority", COURIER)
    assert line.due_at == house.now + timedelta(minutes=30)
    assert house.ring("delivery.claimed") == ["delivery.escalated"]
    assert house.waits()["delivery.claimed"].owner == "postal_manager"
    assert house.pending() == "recipient"
    house.do(house.proof())
    assert house.account() == "recipient"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"code": ""}, "delivery.code_missing"),
        ({"method": ProofMethod.RECIPIENT_SESSION}, "delivery.code_superfluous"),
        ({"method": ProofMethod.COUNTER_IDENTITY, "code": ""}, "delivery.method_not_here"),
        ({"method": ProofMethod.EVIDENCE_GRADE, "code": ""}, "delivery.method_not_here"),
        ({"method": ProofMethod.RECIPIENT_WORD, "code": ""}, "delivery.method_not_here"),
        ({"method": ProofMethod.AUTHORITY_DECISION, "code": ""}, "delivery.method_not_here"),
        ({"courier": STRANGER}, "delivery.with_other_courier"),
        ({"occurred_at": START + timedelta(days=1)}, "custody.from_future"),
    ],
)
def test_a_claim_that_can_not_be_true_is_refused(changes: dict[str, Any], code: str):
    house = House().with_courier()
    assert house.why_not(house.claiming(**changes)) == code


def test_the_recipients_own_session_needs_no_code():
    house = House().with_courier()
    house.do(house.claiming(method=ProofMethod.RECIPIENT_SESSION, code=""))
    assert house.bodies(Kind.DELIVERY_CLAIMED)[0].code == ""


def test_while_a_claim_is_open_nothing_else_is_done_at_the_door():
    house = House().claimed()
    for command in (house.claiming(), house.failing(), house.bringing_back(), house.taking_out()):
        assert house.why_not(command) == "delivery.claim_pending"


def test_a_delivered_item_is_delivered():
    house = House().claimed()
    house.do(house.proof())
    for command in (
        house.claiming(),
        house.failing(),
        house.taking_out(scan_id="sc_again"),
        rejecting(house),
    ):
        assert house.why_not(command) == "delivery.already_delivered"


def test_questions_about_a_person_are_limited_by_item_and_by_courier():
    house = House().with_courier()
    too_many = house.claiming(courier_asked_last_hour=COURIER_QUESTIONS_PER_HOUR_MAX)
    assert house.why_not(too_many) == "identity_check.courier_asked_too_often"
    for _ in range(ITEM_QUESTIONS_MAX):
        house.wait(minutes=2)
        house.do(house.claiming())
        house.do(house.proof_refusal())
    assert house.why_not(house.claiming()) == "identity_check.item_asked_too_often"
    house.wait(hours=24)
    assert house.do(house.claiming()) == ["delivery.claimed"]


# Rounds and attempts ------------------------------------------------------------------------------------------


def test_a_courier_takes_an_item_out_once_and_answers_for_it():
    house = House().at_office()
    taking = house.taking_out()
    assert house.do(taking) == ["delivery.taken_out"]
    assert house.do(taking) == []
    assert house.do(house.taking_out()) == []
    assert house.why_not(house.taking_out(courier=STRANGER)) == "delivery.with_other_courier"
    line = house.waits()["delivery.with_courier"]
    assert (line.owner, line.group) == ("courier", COURIER)
    assert line.due_at == round_end(house.now)
    said = house.bodies(Kind.ITEM_SCANNED)[-1]
    assert (said.scan, said.place) == (Scan.OUT_FOR_DELIVERY, OFFICE)


def test_a_round_ends_at_nine_in_the_evening_local_time():
    assert round_end(START).isoformat() == "2024-05-06T13:00:00+00:00"
    evening = datetime.fromisoformat("2024-05-06T13:00:00+00:00")
    assert round_end(evening) == evening + timedelta(days=1)


def test_nobody_takes_items_out_at_night():
    house = House().at_office()
    house.wait(hours=12)
    assert house.why_not(house.taking_out()) == "delivery.outside_rounds"


def test_an_item_that_stays_with_the_courier_overnight_goes_to_the_manager():
    house = House().with_courier()
    assert house.ring("delivery.with_courier") == ["delivery.escalated"]
    line = house.waits()["delivery.with_courier"]
    assert (line.owner, line.group) == ("postal_manager", COURIER)
    house.do(house.bringing_back())
    assert house.waits()["delivery.at_office"].owner == "office_clerk"


def test_an_item_that_nobody_takes_out_goes_to_the_manager():
    house = House().at_office()
    assert house.ring("delivery.at_office") == ["delivery.escalated"]


def test_an_item_must_be_at_the_office_to_be_taken_out():
    house = House().accepted()
    assert house.why_not(house.taking_out()) == "delivery.not_at_office"


def test_only_the_courier_who_has_the_item_may_act_at_the_door():
    house = House().with_courier()
    for command in (
        house.failing(courier=STRANGER),
        house.bringing_back(courier=STRANGER),
        rejecting(house, courier=STRANGER),
        leaving_elsewhere(house, courier=STRANGER),
    ):
        assert house.why_not(command) == "delivery.with_other_courier"


def test_at_the_door_of_an_item_at_the_office_nothing_can_be_done():
    house = House().at_office()
    for command in (
        house.claiming(),
        house.failing(),
        house.bringing_back(),
        rejecting(house),
        leaving_elsewhere(house),
    ):
        assert house.why_not(command) == "delivery.not_with_courier"


def test_three_attempts_and_the_counter_keeps_it():
    house = House().at_office()
    for attempt in (1, 2, 3):
        house.do(house.taking_out())
        house.wait(minutes=5)
        house.do(house.failing())
        house.wait(minutes=5)
        events = house.do(house.bringing_back())
        assert house.bodies(Kind.ATTEMPT_FAILED)[-1].attempt == attempt
        house.wait(minutes=5)
    assert events == ["delivery.brought_back", "delivery.held"]
    assert house.account() == f"counter:{OFFICE}"
    assert house.bodies(Kind.ITEM_SCANNED)[-1].scan is Scan.HELD
    assert house.why_not(house.taking_out()) == "delivery.attempts_used_up"


def test_an_attempt_told_twice_counts_once():
    house = House().with_courier()
    failing = house.failing()
    house.do(failing)
    assert house.do(failing) == []
    assert house.item.delivery.attempts == 1
    assert house.why_not(house.failing(attempt=3)) == "delivery.attempt_out_of_turn"


def test_a_second_visit_on_the_same_round_is_a_second_attempt():
    house = House().with_courier()
    house.do(house.failing())
    house.do(house.failing())
    assert [body.attempt for body in house.bodies(Kind.ATTEMPT_FAILED)] == [1, 2]
    house.do(house.failing())
    assert house.why_not(house.failing()) == "delivery.attempts_used_up"
    assert house.do(house.claiming()) == ["delivery.claimed"]


def test_a_recipient_who_comes_after_all_gets_it_on_the_same_round():
    house = House().with_courier()
    house.do(house.failing())
    house.do(house.claiming())
    house.do(house.proof())
    assert house.account() == "recipient"


CONSEQUENCES = {
    Reason.ABSENT: After.TRY_AGAIN,
    Reason.RESCHEDULED_BY_RECIPIENT: After.TRY_AGAIN,
    Reason.IDENTITY_NOT_PROVEN: After.TRY_AGAIN,
    Reason.CHARGES_DUE: After.TRY_AGAIN,
    Reason.ADDRESS_INSUFFICIENT: After.COUNTER,
    Reason.UNKNOWN_PERSON: After.COUNTER,
    Reason.MOVED: After.COUNTER,
    Reason.READDRESS_REQUESTED: After.COUNTER,
    Reason.WANTS_COUNTER: After.COUNTER,
    Reason.REFUSED: After.RETURN,
    Reason.DECEASED: After.RETURN,
}


@pytest.mark.parametrize("reason", sorted(CONSEQUENCES))
def test_each_reason_at_the_door_has_its_consequence(reason: Reason):
    house = House().with_courier()
    house.do(house.failing(reason))
    house.wait(minutes=5)
    events = house.do(house.bringing_back())
    match CONSEQUENCES[reason]:
        case After.TRY_AGAIN:
            assert events == ["delivery.brought_back"]
            assert house.do(house.taking_out()) == ["delivery.taken_out"]
        case After.COUNTER:
            assert events == ["delivery.brought_back", "delivery.held"]
            assert house.item.delivery.reason is reason
        case After.RETURN:
            assert events == ["delivery.brought_back", "undeliverable.return_started"]
            assert house.item.undeliverable.reason is reason
            assert house.why_not(house.taking_out()) == "delivery.stopped"


def test_loss_and_the_like_are_no_reasons_for_a_failed_attempt():
    house = House().with_courier()
    for reason in set(Reason) - set(CONSEQUENCES):
        assert house.why_not(house.failing(reason)) == "delivery.not_a_door_reason"


def test_a_round_without_a_visit_is_no_attempt():
    house = House().with_courier()
    back = house.bringing_back()
    assert house.do(back) == ["delivery.brought_back"]
    assert house.do(back) == []
    assert house.item.delivery.attempts == 0
    assert house.bodies(Kind.ITEM_SCANNED)[-1].scan is Scan.AT_OFFICE


# The counter ----------------------------------------------------------------------------------------------------


def test_the_counter_hands_over_against_the_same_proof():
    house = House().held()
    assert house.do(house.claiming_at_counter()) == ["delivery.claimed"]
    assert house.account() == f"counter:{OFFICE}"
    house.do(house.proof(method=ProofMethod.COUNTER_IDENTITY))
    assert house.account() == "recipient"


@pytest.mark.parametrize("code", ["", "ABC", "ABCDE", "AB1D", "999999199001011"[:12], "12345678901X"])
def test_the_counter_passes_on_a_word_and_never_a_number(code: str):
    house = House().held()
    assert house.why_not(house.claiming_at_counter(code=code)) == "delivery.identity_word_missing"
    assert house.item.delivery.state == "held"


def test_a_refused_claim_at_the_counter_leaves_it_held_and_does_not_lengthen_holding():
    house = House().held()
    due_at = house.waits()["delivery.held"].due_at
    house.wait(days=2)
    house.do(house.claiming_at_counter())
    house.do(house.proof_refusal(attempts_left=0))
    assert house.item.delivery.state == "held"
    assert house.waits()["delivery.held"].due_at == due_at
    house.do(house.claiming_at_counter())
    assert house.ring("delivery.claimed_at_counter") == ["delivery.escalated"]
    assert house.why_not(voiding(house)) == "delivery.with_other_courier"
    house.do(to_deliver.VoidClaim(waybill=house.waybill, courier=CLERK))
    assert house.item.delivery.state == "held"


def test_the_counter_keeps_it_for_the_days_of_the_order_and_then_it_goes_back():
    house = House().held(held_days_max=7)
    assert house.do(to_deliver.EndHolding()) == []
    events = house.ring("delivery.held")
    assert events == ["delivery.holding_ended", "undeliverable.return_started"]
    assert house.now.isoformat() == "2024-05-13T16:00:00+00:00"
    said = house.bodies(Kind.ITEM_SCANNED)[-1]
    assert said.scan is Scan.RETURN_STARTED
    assert house.item.undeliverable.reason is Reason.NOT_COLLECTED


def test_an_item_at_the_counter_may_go_out_once_more():
    house = House().held()
    house.wait(minutes=5)
    house.do(house.taking_out())
    assert house.account() == "courier:co_courier"


HOLD_REASONS = {
    Reason.WANTS_COUNTER,
    Reason.ATTEMPTS_USED_UP,
    Reason.RESCHEDULED_BY_RECIPIENT,
    Reason.ADDRESS_INSUFFICIENT,
    Reason.MOVED,
    Reason.READDRESS_REQUESTED,
}


def test_holding_has_its_reasons():
    house = House().at_office()
    for reason in set(Reason) - HOLD_REASONS:
        assert house.why_not(house.holding(reason=reason)) == "delivery.not_a_hold_reason"
    for reason in HOLD_REASONS:
        assert House().at_office().do(house.holding(reason=reason)) == ["delivery.held"]
    house.do(house.holding())
    assert house.do(house.holding()) == []


def test_what_is_not_held_can_not_be_claimed_at_the_counter_nor_held_from_a_round():
    house = House().with_courier()
    assert house.why_not(house.claiming_at_counter()) == "delivery.not_held"
    assert house.why_not(house.holding()) == "delivery.not_at_office"


# Faults ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [Reason.MISPRINT, Reason.SEAL_BROKEN, Reason.DAMAGED])
def test_each_fault_that_the_recipient_finds_sends_it_back(reason: Reason):
    house = House().with_courier()
    assert house.do(rejecting(house, reason))[0] == "delivery.rejected_at_door"
    assert house.item.undeliverable.reason is reason


@pytest.mark.parametrize("bring", [House.with_courier, House.claimed, House.held])
def test_a_misprint_found_by_the_recipient_goes_back(bring: Any):
    house = bring(House())
    events = house.do(rejecting(house))
    assert events == ["delivery.rejected_at_door", "undeliverable.return_started"]
    assert house.bodies(Kind.REJECTED_AT_DOOR)[0].reason is Reason.MISPRINT
    assert house.pending() is None
    assert house.why_not(house.claiming()) == "delivery.stopped"


def test_a_rejected_envelope_comes_back_with_the_courier_the_same_day():
    house = House().with_courier()
    house.do(rejecting(house))
    assert house.waits()["undeliverable.returning"].due_at == round_end(house.now)
    assert house.do(house.bringing_back()) == ["delivery.brought_back"]
    assert house.account() == f"office:{OFFICE}"


def test_a_proof_that_crossed_a_rejection_is_kept_and_the_return_goes_on():
    house = House().claimed()
    house.do(rejecting(house))
    assert house.do(house.proof()) == ["delivery.proof_came_late"]
    assert house.item.undeliverable.state == "returning"
    assert house.account() == "courier:co_courier"


def test_who_simply_refuses_has_found_no_fault():
    house = House().with_courier()
    faults = {Reason.MISPRINT, Reason.SEAL_BROKEN, Reason.DAMAGED}
    for reason in set(Reason) - faults:
        assert house.why_not(rejecting(house, reason)) == "delivery.not_a_rejection_reason"


def test_what_was_left_in_a_locker_is_not_delivered():
    house = House().with_courier()
    house.do(leaving_elsewhere(house))
    assert house.do(leaving_elsewhere(house)) == []
    assert house.account() == "incident"
    [said] = house.bodies(Kind.DELIVERY_NONCONFORMING)
    assert said.carrier_code == "50"
    assert house.why_not(house.claiming()) == "delivery.left_elsewhere"
    assert house.ring("delivery.nonconforming") == ["delivery.escalated"]


def test_what_was_left_elsewhere_is_fetched_and_delivered_properly():
    house = House().claimed()
    house.do(leaving_elsewhere(house))
    assert house.pending() is None
    house.do(taking_back(house))
    assert house.do(taking_back(house)) == []
    assert house.account() == "courier:co_courier"
    house.do(house.claiming())
    house.do(house.proof())
    assert house.account() == "recipient"


def test_what_was_left_elsewhere_is_delivered_if_the_authority_seals_it_with_the_recipient():
    house = House().with_courier()
    house.do(leaving_elsewhere(house))
    house.do(house.proof(method=ProofMethod.RECIPIENT_SESSION))
    assert house.account() == "recipient"


def test_only_what_was_left_elsewhere_is_taken_back():
    house = House().at_office()
    assert house.why_not(taking_back(house)) == "delivery.not_left_elsewhere"


# Postage -----------------------------------------------------------------------------------------------------


def test_with_the_proof_the_postage_counts_as_collected():
    house = House().claimed(postage_mode=PostageMode.ON_DELIVERY, postage_fen=2200)
    assert house.do(house.proof()) == ["delivery.proof_recorded", "settlement.postage_collected"]
    assert house.bodies(Kind.POSTAGE_COLLECTED)[0].amount_fen == 2200
    assert house.item.delivery.evidence == EVIDENCE


@pytest.mark.parametrize(("hour", "goes_out"), [(5, False), (6, True), (20, True), (21, False)])
def test_rounds_begin_at_six_and_the_last_goes_out_before_nine_in_the_evening(hour: int, goes_out: bool):
    house = House().at_office()
    tomorrow = house.now + timedelta(days=1)
    house.now = tomorrow.replace(hour=(hour - 8) % 24, minute=0, second=0) + timedelta(days=hour < 8)
    if goes_out:
        assert house.do(house.taking_out()) == ["delivery.taken_out"]
    else:
        assert house.why_not(house.taking_out()) == "delivery.outside_rounds"


def test_a_refusal_written_a_minute_before_the_claim_still_answers_it_and_an_older_one_does_not():
    for older, events in (
        (timedelta(minutes=1), ["delivery.claim_refused"]),
        (timedelta(minutes=1, seconds=1), ["delivery.old_claim_answered"]),
    ):
        house = House().claimed()
        assert house.do(house.proof_refusal(at=house.now - older)) == events


def test_a_proof_for_what_never_was_claimed_is_refused_wherever_the_item_is():
    for bring in (House.at_office, House.with_courier, House.held):
        house = bring(House())
        assert house.why_not(house.proof()) == "delivery.no_claim"


def test_a_late_proof_told_twice_is_one():
    house = House().claimed()
    house.do(voiding(house))
    house.do(house.proof())
    assert house.do(house.proof()) == []
    assert house.do(house.proof(evidence=b"f" * 32)) == ["delivery.proof_came_late"]


def test_the_manager_hears_of_each_state_once():
    house = House().with_courier()
    house.ring("delivery.with_courier")
    assert house.do(to_deliver.Escalate()) == []
    assert House().held().do(to_deliver.Escalate()) == []


# Near -------------------------------------------------------------------------------------------------------


def nearing(house: House, **changes: Any) -> to_deliver.Approach:
    facts: dict[str, Any] = {"waybill": house.waybill, "courier": COURIER, "occurred_at": house.now}
    return to_deliver.Approach(**facts | changes)


def test_the_next_stop_is_told_a_few_times_in_a_round():
    house = House().with_courier()
    for number in range(1, NEARS_MAX + 1):
        house.wait(minutes=3)
        house.do(nearing(house))
        assert len(house.bodies(Kind.COURIER_NEAR)) == number
    assert house.bodies(Kind.COURIER_NEAR)[-1].at == house.now
    assert house.why_not(nearing(house)) == "delivery.near_said"
    house.do(house.bringing_back())
    assert house.why_not(nearing(house)) == "delivery.not_with_courier"
    house.wait(minutes=3)
    house.do(house.taking_out())
    house.do(nearing(house))
    assert len(house.bodies(Kind.COURIER_NEAR)) == NEARS_MAX + 1, "another round"


def test_only_who_has_it_says_to_be_near_and_only_on_the_way_to_the_door():
    house = House().with_courier()
    assert house.why_not(nearing(house, courier=STRANGER)) == "delivery.with_other_courier"
    house.do(house.claiming())
    assert house.why_not(nearing(house)) == "delivery.claim_pending"
    house.do(house.proof())
    assert house.why_not(nearing(house)) == "delivery.already_delivered"
    assert House().held().why_not(nearing(House().held())) == "delivery.not_with_courier"
    stopped = House().with_courier()
    stopped.do(to_return.Recall(waybill=stopped.waybill, reason=Reason.RECALLED))
    assert stopped.why_not(nearing(stopped)) == "delivery.stopped"


def test_near_is_said_three_times_in_a_round():
    house = House().with_courier()
    for _ in range(3):
        house.wait(minutes=3)
        house.do(nearing(house))
    house.wait(minutes=3)
    assert house.why_not(nearing(house)) == "delivery.near_said"


# Told again, told late, told of what is over -----------------------------------------------------------------


def own_word(house: House) -> to_deliver.RecordProof:
    return house.proof(evidence=b"\x07" * 32, method=ProofMethod.RECIPIENT_WORD)


def recalling(house: House) -> to_return.Recall:
    return to_return.Recall(waybill=house.waybill, reason=Reason.RECALLED)


def test_the_recipients_own_word_delivers_nothing_that_is_on_its_way_back():
    house = House().at_office()
    house.do(recalling(house))
    assert house.do(own_word(house))[0] == "delivery.proof_came_late"
    assert house.account() == f"office:{OFFICE}"
    assert house.do(own_word(house)) == []
    house.do(to_return.OpenIncident(waybill=house.waybill, reason=Reason.LOST))
    assert house.do(own_word(house)) == [], "this very word was heard before the search"
    assert House().at_office().why_not(own_word(House().at_office())) == "delivery.no_claim"


def test_a_search_that_begins_after_a_late_proof_says_that_the_proof_was_heard():
    """Else the authority believes that its proof is still on its way, and will end the search (seeds 154 and 170)."""
    house = House().at_office()
    house.do(recalling(house))
    house.do(own_word(house))
    house.do(to_return.OpenIncident(waybill=house.waybill, reason=Reason.LOST))
    assert [said.reason for said in house.bodies(Kind.INCIDENT_OPENED)] == [Reason.PROOF_TOO_LATE]
    assert house.item.undeliverable.reason is Reason.LOST, "the post's own book keeps why it searches"


def test_a_word_about_what_was_left_elsewhere_and_fetched_again_is_kept():
    house = House().with_courier()
    house.do(leaving_elsewhere(house))
    house.do(taking_back(house))
    assert house.do(own_word(house))[0] == "delivery.proof_came_late"


def test_a_taking_out_told_again_changes_nothing_whatever_has_happened_at_the_door():
    house = House().at_office()
    out = house.taking_out()
    house.do(out)
    house.do(house.claiming())
    assert house.do(out) == []
    house.do(house.proof())
    assert house.do(out) == []


def test_what_is_kept_at_the_counter_is_chased_by_nobody():
    house = House().held()
    due_at = house.waits()["delivery.held"].due_at
    assert due_at is not None
    house.now = due_at
    assert house.do(to_deliver.Escalate()) == [], "the clock itself ends the holding"


def test_a_door_that_is_named_again_or_of_what_goes_back_is_no_news():
    join = to_deliver.JoinStop(stop="gp_door", peer="authority")
    house = House().at_office()
    assert house.do(join) == ["delivery.stop_joined"]
    assert house.do(join) == []
    stopped = House().at_office()
    stopped.do(recalling(stopped))
    assert stopped.do(join) == []
    assert stopped.item.delivery.stop == ""


def test_only_the_courier_who_has_it_ends_an_open_claim_otherwise():
    house = House().claimed()
    assert house.why_not(rejecting(house, courier=STRANGER)) == "delivery.with_other_courier"


# Wishes and what the counter keeps ---------------------------------------------------------------------------


def wishing(house: House, *, after: int | None = None, number: int = 1) -> to_deliver.HearWish:
    day = None if after is None else local_day(house.now) + timedelta(days=after)
    wish = Wish.POST_OFFICE if day is None else Wish.ANOTHER_DAY
    return to_deliver.HearWish(waybill=house.waybill, number=number, wish=wish, day=day)


def test_however_late_a_day_is_wished_it_is_kept_no_longer_than_from_its_acceptance():
    soon, late = House().at_office(), House().at_office()
    soon.do(wishing(soon, after=60))
    late.wait(days=3)
    late.do(wishing(late, after=60))
    kept = [house.item.delivery.wished for house in (soon, late)]
    assert kept[0] is not None
    assert kept[1] is not None
    assert kept[0].day == kept[1].day


def test_a_visit_that_the_recipient_put_off_uses_up_no_attempt():
    house = House().with_courier()
    house.do(wishing(house, after=2))
    house.do(house.failing(Reason.RESCHEDULED_BY_RECIPIENT))
    for _ in range(3):
        assert house.do(house.failing()) == ["delivery.attempt_failed"]
    assert house.why_not(house.failing()) == "delivery.attempts_used_up"


def test_what_the_recipient_will_fetch_is_kept_for_that_and_by_a_scan_of_its_own():
    house = House().with_courier()
    house.do(wishing(house))
    assert house.do(house.bringing_back()) == ["delivery.brought_back", "delivery.held"]
    [kept] = [event for _, event in house.journal if isinstance(event, Held)]
    assert kept.reason is Reason.WANTS_COUNTER
    assert kept.scan_id == scan_name(order=ORDER, what="wish", number=1)
    visited = House().with_courier()
    visited.do(wishing(visited))
    visited.do(visited.failing(Reason.MOVED))
    visited.do(visited.bringing_back())
    [kept] = [event for _, event in visited.journal if isinstance(event, Held)]
    assert kept.scan_id == scan_name(order=ORDER, what="held", number=1)


def test_what_the_recipient_will_fetch_and_is_recalled_meanwhile_is_only_brought_back():
    house = House().with_courier()
    house.do(wishing(house))
    house.do(recalling(house))
    assert "delivery.held" not in house.do(house.bringing_back())
    assert house.item.delivery.state == "stopped"


def test_an_item_at_the_office_goes_out_or_to_the_counter_by_the_end_of_the_next_day():
    house = House().at_office()
    today = local_day(house.now)
    assert house.waits()["delivery.at_office"].due_at == end_of_day(today + timedelta(days=1))
    house.wait(days=1)
    house.do(wishing(house))
    assert house.waits()["delivery.at_office"].due_at == end_of_day(today + timedelta(days=2))


def test_a_new_round_begins_afresh():
    house = House().with_courier()
    house.do(house.failing(Reason.MOVED))
    house.do(house.bringing_back())
    assert house.item.delivery.held_at is not None
    house.wait(minutes=5)
    house.do(house.taking_out())
    step = house.item.delivery
    assert (step.reason, step.after, step.held_at) == (None, After.TRY_AGAIN, None)
