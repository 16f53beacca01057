"""Application: who may submit, what may be corrected, and until when one may withdraw."""

from datetime import date, timedelta
from typing import Any

import msgspec
import pytest

from safehand.authority.application import refusals
from safehand.authority.application.commands import CorrectApplication, CorrectionExpired
from safehand.authority.examination.commands import Approve, AskCorrection
from safehand.authority.machines import build_machines
from safehand.kernel.outcome import Refusal, way_out
from tests.authority.house import (
    CITY,
    CLAIM,
    DIGEST,
    PARTS,
    WITHDRAW,
    House,
    application,
    register_facts,
    with_postage,
)

CORRECTION = CorrectApplication(parts={"photo": DIGEST})


def correcting() -> House:
    house = House().submitted()
    house.ok(AskCorrection(defects=("photo.background", "photo.pose")))
    return house


def test_an_eligible_application_goes_before_an_examiner():
    house = House()
    assert house.ok(application()) == ["application.submitted", "examination.opened"]
    assert house.waits()["examination.reviewing"].owner == "examiner"
    assert house.tally["application.under_review"] == 1


def test_all_failed_conditions_are_named_at_once():
    facts = register_facts(
        household_city="320100",
        birth_date=date(2010, 1, 1),
        state_staff=True,
        active_service=True,
        exit_restricted=True,
        deceased=True,
        in_mainland=False,
        documents=(),
    )
    outcome = House().do(application(facts=facts, ground="changed_data"))
    assert isinstance(outcome, Refusal)
    assert outcome.code == "application.not_eligible"
    named = str(outcome.facts["conditions"]).split(",")
    assert len(named) == outcome.facts["count"] == 9
    assert {"too_young", "household_elsewhere", "first_document", "changed_data", "not_in_mainland"} <= set(
        named
    )


@pytest.mark.parametrize("chosen", ["", "on_delivery", "prepaid"])
def test_how_the_postage_is_paid_is_the_applicants_choice(chosen: Any):
    house = House().submitted(postage=chosen)
    assert house.case.application.postage == chosen


@pytest.mark.parametrize(
    ("offered", "mode", "chosen"),
    [
        ({"choices": ("on_delivery",)}, "post", "prepaid"),
        ({"choices": ("prepaid",), "mode": "prepaid"}, "post", "on_delivery"),
        ({"mode": "free"}, "post", "prepaid"),
        ({}, "counter", "prepaid"),
        ({}, "counter", "on_delivery"),
    ],
)
def test_what_is_not_offered_is_refused_with_what_is(offered: Any, mode: Any, chosen: Any):
    cities, documents = with_postage(CITY, **offered)
    house = House(build_machines(cities=cities, documents=documents))
    assert house.no(application(mode=mode, postage=chosen)) == "application.postage_not_offered"
    house.ok(application(mode=mode))
    assert house.case.application.postage == ""


def test_the_refusal_names_what_may_be_chosen_in_words():
    one = refusals.postage_not_offered(("on_delivery", "prepaid"))
    assert "paid to the courier at the door, paid together with the fee" in way_out(one, "en")
    assert "收件时付给投递员、与证件费一并缴纳" in way_out(one, "zh")
    assert "nothing" in way_out(refusals.postage_not_offered(()), "en")


def test_a_second_live_application_for_the_same_kind_is_refused():
    house = House().submitted()
    assert house.no(application(), stream="ca_b") == "application.already_live"


def test_after_the_end_of_the_first_another_application_is_taken():
    house = House().submitted()
    house.ok(WITHDRAW)
    house.ok(application(), stream="ca_b")


def test_the_same_submission_again_changes_nothing_and_another_one_is_refused():
    house = House().submitted()
    assert house.ok(application()) == []
    assert house.no(application(ground="damaged")) == "application.already_submitted"


def test_a_missing_photo_is_named():
    house = House()
    outcome = house.do(application(parts={part: DIGEST for part in PARTS if part != "photo"}))
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.facts["parts"]) == ("application.parts_missing", "photo")


def test_an_unknown_kind_of_document_is_refused():
    assert House().no(application(document="driving-licence")) == "application.document_unknown"


def test_a_counter_that_the_city_does_not_have_is_refused():
    assert House().no(application(office="440100-1")) == "application.office_unknown"
    assert House().no(application(office="310000-99")) == "application.office_unknown"


@pytest.mark.parametrize(("ground", "told"), [("lost", True), ("stolen", True), ("expiring", False)])
def test_only_a_lost_or_stolen_document_is_cancelled_at_acceptance(ground: str, told: bool):
    house = House().submitted(ground=ground)
    assert ("register.due" in house.waits()) is told


def test_the_old_document_is_cancelled_once():
    house = House().issued(ground="lost")
    assert sum(entry.work == "cancel_old" for entry in house.case.papers.owed) == 1


def test_a_correction_must_hold_all_that_was_asked_and_nothing_else():
    house = correcting()
    assert house.waits()["application.correcting"].owner == "applicant"
    both = CorrectApplication(parts={"photo": DIGEST, "signature": DIGEST})
    assert house.no(both) == "application.parts_not_asked"
    assert house.no(CorrectApplication(parts={})) == "application.parts_missing"
    assert house.ok(CORRECTION) == ["application.corrected", "examination.resumed"]


def test_a_correction_after_its_deadline_is_refused_even_before_the_clock_was_heard():
    house = correcting()
    house.later(days=9)
    assert house.no(CORRECTION) == "application.correction_too_late"


def test_without_a_correction_the_application_is_deemed_withdrawn():
    house = correcting()
    assert house.ring("application.correcting") == ["application.deemed_withdrawn", "examination.closed"]
    assert house.waits() == {}
    assert all(name.startswith("receipt:") for name in house.holders)


def test_a_clock_that_rings_too_early_or_again_changes_nothing():
    house = correcting()
    assert house.ok(CorrectionExpired()) == []
    house.ring("application.correcting")
    assert house.ok(CorrectionExpired()) == []


def test_nothing_can_be_corrected_that_nobody_asked_for():
    assert House().submitted().no(CORRECTION) == "application.not_now"


def test_one_may_withdraw_while_correcting_and_before_payment():
    house = correcting()
    assert house.ok(WITHDRAW) == ["application.withdrawn", "examination.closed"]
    house = House().approved()
    assert house.ok(WITHDRAW) == ["application.withdrawn", "payment.closed"]


def test_a_paid_application_is_withdrawn_with_its_refund():
    house = House().paid()
    assert house.ok(WITHDRAW) == ["application.withdrawn", "payment.refund_owed", "production.closed"]
    assert house.case.payment.owed[0].amount_fen == 12000


def test_a_paid_application_is_not_deemed_withdrawn_by_the_dead_clock():
    house = House().paid()
    house.later(days=30)
    assert house.ok(CorrectionExpired()) == []


def test_once_a_blank_is_drawn_it_is_too_late_to_withdraw():
    assert House().drawn().no(WITHDRAW) == "application.production_begun"


def test_withdrawing_twice_is_already_so_and_withdrawing_nothing_is_refused():
    house = House().submitted()
    house.ok(WITHDRAW)
    assert house.ok(WITHDRAW) == []
    assert House().no(WITHDRAW) == "application.not_now"
    assert house.no(Approve()) == "examination.not_now"


def test_nothing_of_the_person_enters_the_journal():
    house = House().submitted()
    journal = b"".join(msgspec.json.encode(event) for _, event in house.events)
    for private in (b"E00000001", b"1990", b"household"):
        assert private not in journal


def test_on_the_first_instant_after_the_deadline_a_correction_is_too_late_and_just_before_it_is_not():
    due_at = correcting().waits()["application.correcting"].due_at
    for early, taken in ((timedelta(microseconds=1), True), (timedelta(0), False)):
        house = correcting()
        house.now = due_at - early
        assert (house.do(CORRECTION) == ["application.corrected", "examination.resumed"]) is taken


def test_an_empty_part_is_not_a_part():
    house = correcting()
    assert house.no(CorrectApplication(parts={"photo": ""})) == "application.parts_missing"
    assert house.ok(CorrectApplication(parts={"photo": DIGEST, "signature": ""})) == [
        "application.corrected",
        "examination.resumed",
    ]


def test_each_way_to_end_has_its_own_name():
    house = correcting()
    house.ring("application.correcting")
    assert house.case.application.state == "deemed_withdrawn"
    house = correcting()
    house.ok(WITHDRAW)
    assert house.case.application.state == "withdrawn"
    house = House().submitted()
    house.ok(WITHDRAW)
    assert house.case.application.state == "withdrawn"
    house = House().approved()
    house.ring("payment.awaiting")
    assert house.case.application.state == "deemed_withdrawn"


def test_an_application_without_a_receipt_takes_its_claim_alone():
    house = House().submitted(receipt="")
    assert house.holders == {CLAIM: "ca_a"}
