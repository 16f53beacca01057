"""Recall, return, incident, loss: from here an item goes back and never to the door."""

from datetime import timedelta
from typing import Any

import pytest

from safehand.link.messages import Kind, ProofMethod, Reason, Scan
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.delivery.rules import round_end
from safehand.postal.undeliverable import commands as to_return
from safehand.postal.undeliverable.rules import RETURN_SCANS_MAX
from tests.postal.house import COURIER, ISSUING, OFFICE, House

RETURN_REASONS = {
    Reason.ADDRESS_INSUFFICIENT,
    Reason.UNKNOWN_PERSON,
    Reason.MOVED,
    Reason.REFUSED,
    Reason.RECALLED,
    Reason.READDRESS_REQUESTED,
    Reason.DAMAGED,
    Reason.CHARGES_DUE,
    Reason.IDENTITY_NOT_PROVEN,
    Reason.DECEASED,
    Reason.SEAL_BROKEN,
    Reason.MISPRINT,
    Reason.NOT_COLLECTED,
    Reason.ATTEMPTS_USED_UP,
}
INCIDENT_REASONS = {
    Reason.LOST,
    Reason.STOLEN,
    Reason.DAMAGED,
    Reason.SEAL_BROKEN,
    Reason.IDENTITY_NOT_PROVEN,
}


def recalling(house: House) -> to_return.Recall:
    return to_return.Recall(waybill=house.waybill, reason=Reason.RECALLED)


def starting(house: House, **changes: Any) -> to_return.StartReturn:
    facts: dict[str, Any] = {
        "waybill": house.waybill,
        "reason": Reason.UNKNOWN_PERSON,
        "place": OFFICE,
        "scan_id": house.scan_id(),
        "occurred_at": house.now,
    }
    return to_return.StartReturn(**facts | changes)


def moving(house: House, **changes: Any) -> to_return.MoveReturn:
    facts: dict[str, Any] = {
        "waybill": house.waybill,
        "place": "310000-C",
        "scan_id": house.scan_id(),
        "occurred_at": house.now,
    }
    return to_return.MoveReturn(**facts | changes)


def incident(house: House, reason: Reason = Reason.LOST) -> to_return.OpenIncident:
    return to_return.OpenIncident(waybill=house.waybill, reason=reason)


def of(house: House, kind: type[Any], **facts: Any) -> Any:
    return kind(waybill=house.waybill, **facts)


def left_elsewhere(house: House) -> House:
    house.with_courier()
    report = of(
        house, to_deliver.ReportNonconforming, courier=COURIER, carrier_code="20", occurred_at=house.now
    )
    house.do(report)
    return house


# Recall ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("bring", [House.accepted, House.at_office, House.with_courier, House.held])
def test_a_recall_is_accepted_while_the_post_has_the_item_and_stops_its_delivery(bring: Any):
    house = bring(House())
    account = house.account()
    assert house.do(recalling(house)) == ["undeliverable.recall_accepted"]
    assert house.do(recalling(house)) == []
    assert len(house.bodies(Kind.RECALL_ACCEPTED)) == 1
    assert house.account() == account
    assert list(house.waits()) == ["undeliverable.returning"]
    for command in (house.taking_out(), house.claiming(), house.holding(), house.failing()):
        assert house.why_not(command) == "delivery.stopped"


def test_a_recalled_item_is_brought_back_by_its_courier_the_same_day():
    house = House().with_courier()
    house.do(recalling(house))
    assert house.waits()["undeliverable.returning"].due_at == round_end(house.now)
    assert house.why_not(of(house, to_return.OfferReturn)) == "undeliverable.with_courier"
    assert house.why_not(moving(house)) == "undeliverable.with_courier"
    house.do(house.bringing_back())
    assert house.account() == f"office:{OFFICE}"


def test_before_the_hand_over_there_is_nothing_to_recall():
    house = House().ordered()
    assert house.do(recalling(house)) == ["undeliverable.recall_refused"]
    assert house.bodies(Kind.RECALL_REFUSED)[0].reason is Reason.NOT_IN_CUSTODY


def test_after_the_delivery_it_is_too_late_to_recall():
    house = House().claimed()
    house.do(house.proof())
    house.do(recalling(house))
    assert house.bodies(Kind.RECALL_REFUSED)[0].reason is Reason.TOO_LATE


def test_after_the_return_there_is_nothing_to_recall():
    house = House().at_office()
    house.do(starting(house))
    house.do(of(house, to_return.RecordReturnReceived))
    house.do(recalling(house))
    assert house.bodies(Kind.RECALL_REFUSED)[0].reason is Reason.NOT_IN_CUSTODY


def test_a_recall_during_a_claim_waits_and_the_sealed_proof_wins():
    house = House().claimed()
    assert house.do(recalling(house)) == ["undeliverable.recall_noted"]
    assert house.do(recalling(house)) == []
    assert house.bodies(Kind.RECALL_ACCEPTED) == []
    assert house.waits()["undeliverable.recall_pending"].owner == "authority"
    events = house.do(house.proof())
    assert events[-1] == "undeliverable.recall_refused"
    assert house.bodies(Kind.RECALL_REFUSED)[0].reason is Reason.TOO_LATE
    assert house.account() == "recipient"


@pytest.mark.parametrize("left", [3, 0])
def test_a_recall_during_a_claim_is_accepted_once_the_claim_is_refused(left: int):
    house = House().claimed()
    house.do(recalling(house))
    events = house.do(house.proof_refusal(attempts_left=left))
    assert events[-1] == "undeliverable.recall_accepted"
    assert house.why_not(house.claiming()) == "delivery.stopped"
    assert house.account() == "courier:co_courier"


def test_a_recall_during_a_claim_is_accepted_once_the_claim_is_voided_or_the_envelope_given_back():
    voided = House().claimed()
    voided.do(recalling(voided))
    events = voided.do(of(voided, to_deliver.VoidClaim, courier=COURIER))
    assert events == ["delivery.claim_voided", "undeliverable.recall_accepted"]
    rejected = House().claimed()
    rejected.do(recalling(rejected))
    rejection = of(
        rejected,
        to_deliver.RejectAtDoor,
        courier=COURIER,
        reason=Reason.MISPRINT,
        occurred_at=rejected.now,
    )
    assert rejected.do(rejection) == ["delivery.rejected_at_door", "undeliverable.recall_accepted"]


def test_a_recall_that_waits_too_long_goes_to_the_manager():
    house = House().claimed()
    house.do(recalling(house))
    assert house.ring("undeliverable.recall_pending") == ["undeliverable.escalated"]
    assert house.waits()["undeliverable.recall_pending"].owner == "postal_manager"


def test_a_claimed_item_that_turns_out_left_elsewhere_is_recalled_as_an_incident():
    house = House().claimed()
    house.do(recalling(house))
    report = of(
        house, to_deliver.ReportNonconforming, courier=COURIER, carrier_code="20", occurred_at=house.now
    )
    assert house.do(report)[1:] == ["undeliverable.incident_opened", "undeliverable.recall_accepted"]
    assert house.account() == "incident"


def test_what_was_left_elsewhere_is_recalled_as_an_incident_and_must_be_fetched():
    house = left_elsewhere(House())
    assert house.do(recalling(house)) == ["undeliverable.incident_opened", "undeliverable.recall_accepted"]
    assert house.item.undeliverable.state == "incident"
    house.do(of(house, to_return.Find, place=OFFICE))
    assert house.account() == f"office:{OFFICE}"


def test_a_recall_of_what_goes_back_or_is_missing_is_granted_and_changes_nothing():
    returning, missing = House().at_office(), House().at_office()
    returning.do(starting(returning))
    missing.do(incident(missing))
    missing.do(of(missing, to_return.DeclareLoss))
    for house in (returning, missing):
        state = house.item.undeliverable.state
        assert house.do(recalling(house)) == ["undeliverable.recall_accepted"]
        assert house.item.undeliverable.state == state


# Return ------------------------------------------------------------------------------------------------------


def test_a_return_goes_step_by_step_and_custody_passes_when_the_authority_scans_it_in():
    house = House().at_office()
    house.do(starting(house))
    house.wait(hours=1)
    house.do(moving(house, place=OFFICE, leg="LEG-9"))
    assert house.account() == "vehicle:LEG-9"
    house.wait(hours=1)
    house.do(moving(house))
    assert house.account() == "office:310000-C"
    assert house.do(of(house, to_return.OfferReturn)) == ["undeliverable.return_offered"]
    assert house.do(of(house, to_return.OfferReturn)) == []
    assert (house.account(), house.pending()) == ("office:310000-C", "returned")
    assert house.bodies(Kind.RETURN_OFFERED)[0].reason is Reason.UNKNOWN_PERSON
    received = of(house, to_return.RecordReturnReceived)
    assert house.do(received) == ["undeliverable.return_received"]
    assert house.do(received) == []
    assert (house.account(), house.pending()) == ("returned", None)
    assert house.waits() == {}
    assert [body.scan for body in house.bodies(Kind.ITEM_SCANNED)][-3:] == [
        Scan.RETURN_STARTED,
        Scan.RETURN_MOVED,
        Scan.RETURN_MOVED,
    ]


def test_a_return_must_be_back_within_the_days_of_policy():
    house = House().at_office()
    house.do(starting(house))
    line = house.waits()["undeliverable.returning"]
    assert line.due_at is not None
    assert line.due_at.isoformat() == "2024-05-08T16:00:00+00:00"
    assert line.group == ISSUING
    assert house.ring("undeliverable.returning") == ["undeliverable.escalated"]
    assert house.waits()["undeliverable.returning"].owner == "postal_manager"


def test_a_return_whose_scans_are_missing_is_made_good_by_the_authoritys_scan():
    house = House().with_courier()
    house.do(recalling(house))
    events = house.do(of(house, to_return.RecordReturnReceived))
    assert events == [
        "undeliverable.return_moved",
        "undeliverable.return_offered",
        "undeliverable.return_received",
    ]
    assert house.account() == "returned"


def test_a_return_that_was_not_taken_is_offered_again():
    house = House().at_office()
    house.do(starting(house))
    house.do(of(house, to_return.OfferReturn))
    withdraw = of(house, to_return.WithdrawOffer)
    assert house.do(withdraw) == ["undeliverable.offer_withdrawn"]
    assert house.do(withdraw) == []
    assert house.pending() is None
    house.do(of(house, to_return.OfferReturn))
    assert house.ring("undeliverable.return_offered") == ["undeliverable.escalated"]


def test_return_scans_are_counted_once_kept_when_late_and_limited():
    house = House().at_office()
    house.wait(minutes=5)
    late = moving(house)
    house.wait(minutes=5)
    house.do(starting(house))
    vehicle = moving(house, leg="LEG-9")
    house.do(vehicle)
    assert house.do(vehicle) == []
    house.do(late)
    assert house.account() == "vehicle:LEG-9"
    while len(house.item.undeliverable.scans) < RETURN_SCANS_MAX:
        house.do(moving(house))
    assert house.why_not(moving(house)) == "undeliverable.scans_used_up"


def test_a_return_is_started_once_and_for_a_reason():
    house = House().at_office()
    for reason in set(Reason) - RETURN_REASONS:
        assert house.why_not(starting(house, reason=reason)) == "undeliverable.not_a_return_reason"
    ahead = starting(house, occurred_at=house.now + timedelta(hours=1))
    assert house.why_not(ahead) == "custody.from_future"
    house.do(starting(house))
    assert house.do(starting(house)) == []


def test_a_return_can_start_on_the_way_or_at_the_counter():
    for bring in (House.accepted, House.held):
        house = bring(House())
        assert house.do(starting(house)) == ["undeliverable.return_started"]
        house.do(moving(house, leg="LEG-9"))
        assert house.account() == "vehicle:LEG-9"


def test_a_return_waits_for_courier_claim_and_hands():
    assert House().with_courier().why_not(starting(House().with_courier())) == "undeliverable.with_courier"
    claimed, ordered, elsewhere = House().claimed(), House().ordered(), left_elsewhere(House())
    assert claimed.why_not(starting(claimed)) == "undeliverable.claim_open"
    assert ordered.why_not(starting(ordered)) == "undeliverable.not_with_post"
    assert elsewhere.why_not(starting(elsewhere)) == "undeliverable.not_in_hand"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (to_return.OfferReturn, "undeliverable.not_returning"),
        (to_return.WithdrawOffer, "undeliverable.not_offered"),
        (to_return.DeclareLoss, "undeliverable.no_incident"),
    ],
)
def test_what_needs_a_return_or_an_incident_is_refused_without_one(kind: type[Any], code: str):
    house = House().at_office()
    assert house.why_not(of(house, kind)) == code


def test_only_a_returning_item_moves_back_and_only_a_missing_one_is_found():
    house = House().at_office()
    assert house.why_not(moving(house)) == "undeliverable.not_returning"
    assert house.why_not(of(house, to_return.Find, place=OFFICE)) == "undeliverable.nothing_lost"


# Incident and loss ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "bring", [House.accepted, House.at_office, House.with_courier, House.claimed, House.held, left_elsewhere]
)
def test_an_incident_takes_the_item_into_the_managers_account_from_wherever_it_was(bring: Any):
    house = bring(House())
    assert house.do(incident(house)) == ["undeliverable.incident_opened"]
    assert house.do(incident(house)) == []
    assert (house.account(), house.pending()) == ("incident", None)
    assert house.waits()["undeliverable.incident"].owner == "postal_manager"
    assert house.why_not(house.claiming()) == "delivery.stopped"
    assert house.bodies(Kind.INCIDENT_OPENED)[0].reason is Reason.LOST


def test_a_lost_item_that_is_found_goes_back_and_never_to_the_door():
    house = House().with_courier()
    house.do(incident(house))
    assert house.ring("undeliverable.incident") == ["undeliverable.escalated"]
    lost = of(house, to_return.DeclareLoss)
    assert house.do(lost) == ["undeliverable.loss_declared"]
    assert house.do(lost) == []
    assert house.do(incident(house)) == []
    assert house.bodies(Kind.LOSS_DECLARED)
    assert house.waits() == {}
    house.wait(days=20)
    found = of(house, to_return.Find, place=OFFICE)
    assert house.do(found) == ["undeliverable.item_found"]
    assert house.do(found) == []
    assert house.bodies(Kind.ITEM_FOUND)
    assert house.account() == f"office:{OFFICE}"
    assert house.why_not(house.taking_out()) == "delivery.stopped"
    house.do(of(house, to_return.RecordReturnReceived))
    assert house.account() == "returned"


@pytest.mark.parametrize("declared", [False, True])
def test_a_missing_item_that_turns_up_at_the_authority_is_found_and_returned(declared: bool):
    house = House().at_office()
    house.do(incident(house))
    if declared:
        house.do(of(house, to_return.DeclareLoss))
    events = house.do(of(house, to_return.RecordReturnReceived))
    assert events[0] == "undeliverable.item_found"
    assert house.account() == "returned"


@pytest.mark.parametrize("where", ["at_office", "with_courier", "held", "claimed", "nonconforming"])
def test_what_somebody_else_has_brought_to_the_authority_is_returned_wherever_the_post_believed_it(
    where: str,
):
    house = House().claimed() if where == "nonconforming" else getattr(House(), where)()
    if where == "nonconforming":
        house.do(
            to_deliver.ReportNonconforming(
                waybill=house.waybill, courier=COURIER, carrier_code="20", occurred_at=house.now
            )
        )
    events = house.do(of(house, to_return.RecordReturnReceived))
    assert events[0] == "undeliverable.incident_opened"
    assert events[-1] == "undeliverable.return_received"
    assert house.account() == "returned"
    assert house.pending() is None
    assert house.waits() == {} or set(house.waits()) <= {"settlement.due"}


def test_what_was_never_accepted_can_not_come_back():
    house = House().ordered()
    assert house.why_not(of(house, to_return.RecordReturnReceived)) == "undeliverable.not_returning"


def test_what_is_in_hand_by_word_alone_may_still_come_to_the_authority():
    house = House().at_office()
    house.do(incident(house))
    house.do(house.proof(method=ProofMethod.RECIPIENT_WORD))
    assert house.account() == "recipient"
    assert house.do(of(house, to_return.RecordReturnReceived)) == ["undeliverable.return_received"]
    assert house.account() == "returned"
    assert house.do(of(house, to_return.RecordReturnReceived)) == []


def test_a_damaged_item_that_is_at_hand_goes_back():
    house = House().at_office()
    house.do(incident(house, Reason.DAMAGED))
    assert house.do(starting(house, reason=Reason.DAMAGED)) == ["undeliverable.return_started"]
    assert house.account() == f"office:{OFFICE}"


def test_a_damaged_item_may_turn_out_stolen():
    house = House().at_office()
    house.do(incident(house, Reason.DAMAGED))
    assert house.do(incident(house, Reason.STOLEN)) == ["undeliverable.incident_opened"]


def test_an_item_may_be_lost_on_its_way_back_or_at_the_authoritys_door():
    house = House().at_office()
    house.do(starting(house))
    house.do(incident(house))
    assert house.account() == "incident"
    offered = House().at_office()
    offered.do(starting(offered))
    offered.do(of(offered, to_return.OfferReturn))
    offered.do(incident(offered))
    assert (offered.account(), offered.pending()) == ("incident", None)


def test_an_incident_during_a_recalled_claim_grants_the_recall():
    house = House().claimed()
    house.do(recalling(house))
    assert house.do(incident(house)) == ["undeliverable.incident_opened", "undeliverable.recall_accepted"]


def test_an_incident_has_its_reasons_and_needs_an_item_of_the_post():
    house = House().at_office()
    for reason in set(Reason) - INCIDENT_REASONS:
        assert house.why_not(incident(house, reason)) == "undeliverable.not_an_incident_reason"
    for bring in (House.ordered, House.claimed):
        house = bring(House())
        if house.item.delivery.state == "claimed":
            house.do(house.proof())
        assert house.why_not(incident(house)) == "undeliverable.not_with_post"


@pytest.mark.parametrize("reason", sorted(RETURN_REASONS))
def test_each_reason_to_return_starts_a_return(reason: Reason):
    house = House().at_office()
    assert house.do(starting(house, reason=reason)) == ["undeliverable.return_started"]
    assert house.item.undeliverable.reason is reason


@pytest.mark.parametrize("reason", sorted(INCIDENT_REASONS))
def test_each_kind_of_incident_is_opened_once_and_another_kind_is_another_one(reason: Reason):
    house = House().at_office()
    assert house.do(incident(house, reason)) == ["undeliverable.incident_opened"]
    assert house.do(incident(house, reason)) == []
    other = Reason.STOLEN if reason is not Reason.STOLEN else Reason.LOST
    assert house.do(incident(house, other)) == ["undeliverable.incident_opened"]


@pytest.mark.parametrize(
    "bring", [House.accepted, House.at_office, House.with_courier, House.held, left_elsewhere]
)
def test_an_incident_or_a_recall_may_meet_the_item_wherever_the_post_has_it(bring: Any):
    house = bring(House())
    assert house.do(incident(house))[0] == "undeliverable.incident_opened"
    assert "undeliverable.recall_accepted" in (house := bring(House())).do(recalling(house))
    driven = House().accepted()
    driven.do(driven.departing())
    assert driven.do(recalling(driven)) == ["undeliverable.recall_accepted"]
    assert driven.do(recalling(driven)) == []


def test_a_recall_is_answered_by_whose_hands_it_is_in():
    delivered = House().claimed()
    delivered.do(delivered.proof())
    delivered.do(recalling(delivered))
    assert delivered.bodies(Kind.RECALL_REFUSED)[0].reason is Reason.TOO_LATE
    ordered = House().ordered()
    ordered.do(recalling(ordered))
    assert ordered.bodies(Kind.RECALL_REFUSED)[0].reason is Reason.NOT_IN_CUSTODY


def test_a_loss_is_declared_once_and_what_is_found_or_back_is_found_once():
    house = House().at_office()
    house.do(incident(house))
    assert house.do(of(house, to_return.DeclareLoss)) == ["undeliverable.loss_declared"]
    assert house.do(of(house, to_return.DeclareLoss)) == []
    finding = of(house, to_return.Find, place=OFFICE)
    assert house.do(finding) == ["undeliverable.item_found"]
    assert house.do(finding) == []
    house.do(of(house, to_return.OfferReturn))
    assert house.do(finding) == []
    assert house.do(of(house, to_return.OfferReturn)) == []
    assert house.do(starting(house)) == []
    house.do(of(house, to_return.RecordReturnReceived))
    assert house.do(finding) == []
    assert house.do(of(house, to_return.OfferReturn)) == []
    assert house.do(of(house, to_return.RecordReturnReceived)) == []


def test_an_offer_that_was_withdrawn_is_no_offer():
    house = House().at_office()
    house.do(starting(house))
    assert house.do(of(house, to_return.WithdrawOffer)) == []
    house.do(of(house, to_return.OfferReturn))
    assert house.do(of(house, to_return.WithdrawOffer)) == ["undeliverable.offer_withdrawn"]
    assert House().at_office().why_not(of(house, to_return.WithdrawOffer)) == "undeliverable.not_offered"


def test_the_manager_hears_of_a_return_once():
    house = House().at_office()
    assert house.do(to_return.Escalate()) == []
    house.do(starting(house))
    house.ring("undeliverable.returning")
    assert house.do(to_return.Escalate()) == []


def opened(house: House) -> list[Reason]:
    return [body.reason for body in house.bodies(Kind.INCIDENT_OPENED)]


def test_what_was_left_elsewhere_and_is_recalled_is_searched_for_since_nobody_proved_who_they_are():
    house = left_elsewhere(House())
    house.do(recalling(house))
    assert opened(house)[-1] is Reason.IDENTITY_NOT_PROVEN


def test_what_comes_to_the_authority_while_a_recall_waits_answers_the_recall_as_well():
    end = ["undeliverable.item_found", "undeliverable.return_offered", "undeliverable.return_received"]
    plain = House().at_office()
    assert plain.do(of(plain, to_return.RecordReturnReceived)) == ["undeliverable.incident_opened", *end]
    assert opened(plain) == [Reason.LOST]
    house = House().claimed()
    house.do(recalling(house))
    assert house.item.undeliverable.state == "recall_pending"
    assert house.do(of(house, to_return.RecordReturnReceived)) == [
        "undeliverable.incident_opened",
        "undeliverable.recall_accepted",
        *end,
    ]
    assert len(house.bodies(Kind.RECALL_ACCEPTED)) == 1
    assert house.account() == "returned"


def test_what_is_recalled_goes_back_for_that_and_what_was_lost_before_stays_lost():
    recalled, lost = House().at_office(), House().at_office()
    recalled.do(recalling(recalled))
    assert recalled.item.undeliverable.reason is Reason.RECALLED
    lost.do(incident(lost))
    assert lost.do(recalling(lost)) == ["undeliverable.recall_accepted"]
    assert lost.item.undeliverable.reason is Reason.LOST
    assert lost.do(incident(lost)) == [], "told again"


def test_no_scan_of_the_way_back_counts_twice_though_it_was_damaged_and_started_anew():
    house = House().at_office()
    start = starting(house)
    house.do(start)
    assert house.do(moving(house, scan_id=start.scan_id)) == [], "the device's own word for the start"
    house.wait(minutes=5)
    move = moving(house)
    house.do(move)
    house.do(incident(house, Reason.DAMAGED))
    house.do(starting(house, reason=Reason.DAMAGED))
    assert house.do(move) == []
