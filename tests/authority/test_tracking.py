"""Tracking: scans may be wrong, late and repeated; delivered is proven, never said."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from safehand.authority.help.commands import AskHelp
from safehand.authority.made_documents import RecordRegisterDone
from safehand.authority.returns.commands import (
    DestroyDocument,
    InvalidateReturn,
    RecallItem,
    ReceiveReturn,
    RecordRecallAccepted,
    RecordReturnOffered,
    ResendReturn,
)
from safehand.authority.tracking.commands import (
    ConfirmAtDoor,
    ConfirmReceipt,
    DenyReceipt,
    JudgeClaim,
    RecordAttempt,
    RecordCourier,
    RecordFound,
    RecordIncident,
    RecordInquiry,
    RecordLoss,
    RecordNear,
    RecordRejected,
    RecordReported,
    RecordScan,
    RecordSearchEnded,
    RecordVoid,
    Settle,
    TrackingExpired,
)
from safehand.authority.tracking.events import TurnedBack
from safehand.authority.tracking.rules import CODE_ATTEMPTS_MAX, NEARS_TOLD_MAX, SCANS_KEPT_MAX, position
from safehand.authority.wish.commands import AskWish
from safehand.link.messages import (
    INQUIRIES_MAX,
    Finding,
    Kind,
    ProofMethod,
    ProofRefused,
    ProofSealed,
    Reason,
    Scan,
)
from tests.authority.house import CASE, CLAIM, EVIDENCE, House, application, counting_envelopes

CONFIRM = ConfirmReceipt(evidence=EVIDENCE)
DENY = DenyReceipt()
POST = "postal"


def owed(house: House) -> list[str]:
    """What the register must still be told."""
    return [entry.name for entry in house.case.papers.owed if entry.work != "cancel_old"]


def settle(*, in_hand: bool, grade: bool = False) -> Settle:
    return Settle(in_hand=in_hand, grade_accepted=grade, claim=CLAIM, evidence=EVIDENCE)


def attempt(house: House, number: int) -> RecordAttempt:
    return RecordAttempt(
        **house.item(), reason=Reason.ABSENT, attempt=number, place="SH-PO-1", occurred_at=house.now
    )


def reported() -> House:
    house = House().with_post()
    house.ok(RecordReported(**house.item(), carrier_code="50", occurred_at=house.now), actor=POST)
    return house


def denied() -> House:
    house = reported()
    house.ok(DENY, actor="ap_one")
    return house


def disputed() -> House:
    house = House().delivered()
    house.ok(DENY, actor="ap_one")
    return house


def searched() -> House:
    house = House().with_post()
    house.ok(RecordIncident(**house.item(), reason=Reason.LOST), actor=POST)
    return house


# Scans


def test_the_position_is_the_furthest_scan_whatever_order_they_come_in():
    house = House().with_post()
    house.ok(house.scan(Scan.OUT_FOR_DELIVERY, "sc_c"))
    house.ok(house.scan(Scan.DEPARTED, "sc_a", occurred_at=house.now + timedelta(days=9)))
    assert position(house.case.tracking) is Scan.OUT_FOR_DELIVERY


def test_a_repeated_scan_is_already_so():
    house = House().with_post()
    assert house.ok(house.scan(Scan.ARRIVED, "sc_a")) == ["tracking.scanned"]
    assert house.ok(house.scan(Scan.ARRIVED, "sc_a")) == []


def test_only_the_last_scans_are_remembered():
    house = House().with_post()
    for number in range(SCANS_KEPT_MAX * 3):
        house.ok(house.scan(Scan.ARRIVED, f"sc_{number}"))
    assert len(house.case.tracking.scans) == SCANS_KEPT_MAX


def test_a_voided_scan_no_longer_says_where_it_is():
    house = House().with_post()
    house.ok(house.scan(Scan.ARRIVED, "sc_a"))
    house.ok(house.scan(Scan.OUT_FOR_DELIVERY, "sc_b"))
    void = RecordVoid(**house.item(), scan_id="sc_b")
    assert house.ok(void) == ["tracking.scan_voided"]
    assert house.ok(void) == []
    assert position(house.case.tracking) is Scan.ARRIVED


def test_a_void_may_overtake_its_scan():
    house = House().with_post()
    house.ok(RecordVoid(**house.item(), scan_id="sc_a"))
    house.ok(house.scan(Scan.RETURN_STARTED, "sc_a"))
    assert position(house.case.tracking) is None
    assert house.case.tracking.state == "on_the_way"


def test_a_failed_attempt_begins_a_new_round_at_the_office():
    house = House().with_post()
    house.ok(house.scan(Scan.OUT_FOR_DELIVERY, "sc_a"))
    assert house.ok(attempt(house, 1)) == ["tracking.attempt_failed"]
    assert house.ok(attempt(house, 1)) == []
    assert position(house.case.tracking) is Scan.AT_OFFICE
    assert house.tally["exception.attempt_failed"] == 1


def test_late_news_of_an_earlier_order_changes_nothing():
    house = House().with_post()
    old = house.scan(Scan.ARRIVED, "sc_a", order="or_other")
    assert house.ok(old) == []
    assert house.ok(RecordVoid(order="or_other", waybill="ZA1", scan_id="sc_a")) == []


def test_a_scan_with_a_strange_waybill_is_refused():
    house = House().with_post()
    assert house.no(house.scan(Scan.ARRIVED, "sc_a", waybill="ZA999999999CN")) == "tracking.not_this_item"
    assert House().no(house.scan(Scan.ARRIVED, "sc_a")) == "tracking.not_this_order"


def test_scans_after_delivery_are_kept_and_move_nothing():
    house = House().delivered()
    assert house.ok(house.scan(Scan.ARRIVED, "sc_late")) == ["tracking.scanned"]
    assert house.ok(RecordVoid(**house.item(), scan_id="sc_late")) == ["tracking.scan_voided"]
    assert house.case.tracking.state == "delivered"


def test_silence_has_a_clock_and_then_an_owner_and_a_scan_winds_it_again():
    house = House().with_post()
    assert house.ok(TrackingExpired()) == []
    assert house.ring("tracking.on_the_way")[0] == "tracking.overdue"
    assert house.waits()["tracking.on_the_way"].owner == "authority_manager"
    house.ok(house.scan(Scan.ARRIVED, "sc_a"))
    line = house.waits()["tracking.on_the_way"]
    assert line.owner == "post"
    assert line.due_at is not None
    assert line.due_at > house.now


# At the door


def test_the_right_code_seals_the_proof_and_completes_the_application():
    house = House().with_post()
    assert house.ok(house.claim(), actor=POST) == ["tracking.proof_sealed", "application.completed"]
    body = house.messages[-1].body
    assert isinstance(body, ProofSealed)
    assert (body.method, body.evidence) == (ProofMethod.RECIPIENT_CODE, EVIDENCE)
    assert house.account == "recipient"
    assert house.ok(house.claim(), actor=POST) == []


def test_a_stranger_is_always_refused_and_five_wrong_codes_end_the_code():
    house = House().with_post()
    for left in range(CODE_ATTEMPTS_MAX - 1, -1, -1):
        assert house.ok(house.claim(right=False)) == ["tracking.claim_refused"]
        body = house.messages[-1].body
        assert isinstance(body, ProofRefused)
        assert (body.reason, body.attempts_left) == (Reason.CODE_WRONG, left)
    house.ok(house.claim(right=True))
    body = house.messages[-1].body
    assert isinstance(body, ProofRefused)
    assert body.reason is Reason.CODE_ATTEMPTS_USED_UP
    assert house.account == "post"


def test_after_the_code_is_used_up_the_recipients_session_still_proves():
    house = House().with_post()
    for _ in range(CODE_ATTEMPTS_MAX):
        house.ok(house.claim(right=False))
    by_session = house.claim(method=ProofMethod.RECIPIENT_SESSION, session_confirmed=True)
    assert house.ok(by_session)[0] == "tracking.proof_sealed"


@pytest.mark.parametrize(
    "method", [ProofMethod.RECIPIENT_SESSION, ProofMethod.COUNTER_IDENTITY, ProofMethod.EVIDENCE_GRADE]
)
def test_a_right_code_proves_no_other_method(method: ProofMethod):
    house = House().with_post()
    house.ok(house.claim(method=method, code_matches=True))
    body = house.messages[-1].body
    assert isinstance(body, ProofRefused)
    # A word that was asked about can be guessed, and costs an attempt; the others can't.
    cost = method is ProofMethod.COUNTER_IDENTITY
    assert (body.reason, body.attempts_left) == (Reason.IDENTITY_NOT_PROVEN, CODE_ATTEMPTS_MAX - cost)


def test_identity_at_the_post_office_counter_and_an_accepted_grade_prove_their_own():
    house = House().with_post()
    at_counter = house.claim(method=ProofMethod.COUNTER_IDENTITY, identity_confirmed=True)
    assert house.ok(at_counter)[0] == "tracking.proof_sealed"
    house = House().with_post()
    by_grade = house.claim(method=ProofMethod.EVIDENCE_GRADE, evidence_accepted=True)
    assert house.ok(by_grade)[0] == "tracking.proof_sealed"


def test_wrong_codes_and_wrong_identities_share_their_attempts_and_end_alike():
    house = House().with_post()
    stranger = house.claim(method=ProofMethod.COUNTER_IDENTITY)
    for _ in range(CODE_ATTEMPTS_MAX - 1):
        house.ok(stranger)
    house.ok(house.claim(right=False))
    house.ok(house.claim(method=ProofMethod.COUNTER_IDENTITY, identity_confirmed=True))
    body = house.messages[-1].body
    assert isinstance(body, ProofRefused)
    assert (body.reason, body.attempts_left) == (Reason.CODE_ATTEMPTS_USED_UP, 0)
    assert house.account == "post"
    by_session = house.claim(method=ProofMethod.RECIPIENT_SESSION, session_confirmed=True)
    assert house.ok(by_session)[0] == "tracking.proof_sealed"


def test_the_recipients_word_at_the_door_holds_for_some_minutes():
    house = House().with_post()
    claim = house.claim(method=ProofMethod.RECIPIENT_SESSION)
    assert house.ok(ConfirmAtDoor(), actor="ap_one") == ["tracking.confirmed_at_door"]
    house.later(minutes=16)
    assert house.ok(claim) == ["tracking.claim_refused"]
    house.ok(ConfirmAtDoor(), actor="ap_one")
    house.later(minutes=14)
    assert house.ok(claim)[0] == "tracking.proof_sealed"


def test_a_claim_with_another_envelope_is_refused_at_the_door_and_costs_no_attempt():
    house = House().with_post()
    house.ok(house.claim(waybill="ZA999999999CN"))
    body = house.messages[-1].body
    assert isinstance(body, ProofRefused)
    assert (body.reason, body.attempts_left) == (Reason.NOT_THIS_ITEM, CODE_ATTEMPTS_MAX)


def test_a_claim_for_a_strange_order_is_refused():
    house = House().with_post()
    assert house.no(house.claim(order="or_other")) == "tracking.not_this_order"


# Reported, denied, disputed


def test_a_locker_is_reported_and_not_delivered():
    house = reported()
    assert house.account == "post"
    assert house.tally["application.reported"] == 1
    assert house.notices[-1].template == "please_confirm_receipt"
    again = RecordReported(**house.item(), carrier_code="50", occurred_at=house.now)
    assert house.ok(again) == []


def test_the_recipients_confirmation_makes_it_delivered():
    house = reported()
    assert house.ok(CONFIRM, actor="ap_one") == ["tracking.proof_sealed", "application.completed"]
    assert house.ok(CONFIRM, actor="ap_one") == []
    assert house.sent()[-1] == 104


def test_more_paper_does_not_make_a_report_a_delivery_but_the_recipients_code_does():
    house = reported()
    by_grade = house.claim(method=ProofMethod.EVIDENCE_GRADE, evidence_accepted=True)
    assert house.ok(by_grade) == ["tracking.claim_refused"]
    assert house.ok(house.claim())[0] == "tracking.proof_sealed"


def test_an_unanswered_report_becomes_the_managers_who_needs_an_accepted_grade():
    house = reported()
    house.ring("tracking.reported")
    assert house.waits()["tracking.reported"].owner == "authority_manager"
    assert house.no(settle(in_hand=True)) == "tracking.evidence_too_weak"
    assert house.ok(settle(in_hand=True, grade=True))[0] == "tracking.proof_sealed"


def test_i_do_not_have_it_freezes_recalls_and_has_an_owner():
    house = reported()
    assert house.ok(DENY, actor="ap_one") == [
        "tracking.receipt_denied",
        "returns.recall_asked",
        "document.frozen",
        "help.asked",
        "register.entry_due",
    ]
    assert house.ok(DENY, actor="ap_one") == []
    assert house.sent()[-1] == 106
    assert house.waits()["tracking.denied"].owner == "authority_manager"
    assert house.ok(house.claim()) == ["tracking.claim_refused"], "frozen: no code seals it now"


def test_a_denial_may_be_taken_back_by_the_recipient_alone():
    house = denied()
    sealed = house.ok(CONFIRM, actor="ap_one")
    assert sealed == [
        "tracking.proof_sealed",
        "document.released",
        "application.completed",
        "returns.recall_overtaken",
        "help.dropped",
        "register.entry_due",
    ]
    assert owed(house) == ["issue:1", "suspend:1:1", "restore:1:1"]
    assert "help.open" not in house.waits()
    assert CLAIM not in house.holders


def test_a_denial_that_holds_invalidates_and_remakes():
    house = denied()
    assert house.ok(settle(in_hand=False)) == [
        "tracking.lost",
        "returns.interrupted",
        "document.invalidated",
        "register.entry_due",
        "production.opened",
    ]
    assert house.account == "incident"


def test_a_denial_after_the_proof_is_a_dispute():
    house = disputed()
    assert house.tally["application.disputed"] == 1
    assert house.account == "recipient"
    assert 106 not in house.sent(), "there is nothing left to stop"
    house.ring("tracking.disputed")


def test_a_dispute_ends_by_the_recipient_or_the_manager():
    ended = ["tracking.dispute_settled", "document.released"]
    by_word, by_manager = disputed(), disputed()
    assert by_word.ok(CONFIRM, actor="ap_one") == [*ended, "help.dropped", "register.entry_due"]
    assert by_manager.ok(settle(in_hand=True)) == [*ended, "register.entry_due"]
    assert "help.open" in by_manager.waits(), "who said that they don't have it is still answered"
    for house in (by_word, by_manager):
        assert CLAIM not in house.holders
        assert not house.case.papers.made[0].frozen


def test_a_dispute_that_holds_reopens_the_application():
    house = disputed()
    house.ok(settle(in_hand=False))
    assert house.account == "incident"
    assert house.holders[CLAIM] == "ca_a"
    assert house.tally["application.in_production"] == 1
    house.draw()
    house.make()
    assert sum(document.valid for document in house.case.papers.made) == 1


def test_a_completed_application_is_not_reopened_beside_another_live_one():
    house = House().delivered()
    house.ok(application(), stream="ca_b")
    house.ok(DenyReceipt(claim=CLAIM), actor="ap_one")
    document = house.case.papers.made[0]
    assert (document.frozen, document.reissue) == (True, False)
    assert house.no(settle(in_hand=False)) == "tracking.another_case_live"
    assert house.ok(CONFIRM, actor="ap_one")[:2] == ["tracking.dispute_settled", "document.released"]
    assert house.holders[CLAIM] == "ca_b"


def test_while_it_is_denied_another_one_is_authorised_and_needs_no_application_of_its_own():
    house = House().delivered()
    house.ok(DenyReceipt(claim=CLAIM), actor="ap_one")
    assert house.holders[CLAIM] == "ca_a"
    assert house.no(application(), stream="ca_b") == "application.already_live"
    document = house.case.papers.made[0]
    assert (document.frozen, document.reissue, document.valid) == (True, True, True)
    item = house.item()
    assert house.ok(RecordIncident(**item, reason=Reason.PROOF_TOO_LATE)) == [
        "tracking.delivery_contradicted"
    ]
    assert house.ok(RecordLoss(**item)) == [
        "tracking.lost",
        "document.invalidated",
        "register.entry_due",
        "application.reopened",
        "production.opened",
    ]
    assert house.holders[CLAIM] == "ca_a"
    assert owed(house) == ["issue:1", "suspend:1:1", "invalidate:1"]
    house.draw()
    house.make()


def test_a_loss_alone_settles_no_dispute_about_which_the_recipient_said_nothing():
    house = House().delivered()
    item = house.item()
    house.ok(RecordIncident(**item, reason=Reason.PROOF_TOO_LATE))
    assert house.ok(RecordLoss(**item)) == []
    assert house.case.tracking.state == "disputed"


def test_what_was_denied_and_comes_back_is_frozen_until_it_goes_out_again():
    house = denied()
    waybill = house.item()["waybill"]
    house.ok(RecordRecallAccepted(**house.item()))
    house.ok(ReceiveReturn(waybill=waybill))
    assert house.case.papers.made[0].frozen
    assert house.ok(ResendReturn())[:2] == ["returns.resent", "document.released"]
    assert not house.case.papers.made[0].frozen


def test_the_register_is_told_each_time_in_turn():
    house = disputed()
    house.ok(CONFIRM, actor="ap_one")
    house.ok(DENY, actor="ap_one")
    assert owed(house) == ["issue:1", "suspend:1:1", "restore:1:1", "suspend:1:2"]
    for entry in house.case.papers.owed:
        done = RecordRegisterDone(work=entry.work, make=entry.make, turn=entry.turn)
        assert house.ok(done, actor="register") == ["register.entry_done"]
        assert house.ok(done, actor="register") == []
    assert house.case.papers.owed == ()
    told = set(house.case.papers.told) - {"cancel_old:0"}
    assert told == {"issue:1", "restore:1:1", "suspend:1:2"}, "of each the last"


def found_out(house: House, number: int, finding: Finding) -> RecordInquiry:
    return RecordInquiry(**house.item(), number=number, finding=finding)


def asked(house: House) -> list[tuple[str, str, int]]:
    said: list[Any] = [one.body for one in house.messages if one.kind == Kind.INQUIRY_ASKED]
    return [(one.order, one.waybill, one.number) for one in said]


def test_after_a_proof_the_post_is_asked_and_its_answer_is_kept_for_the_manager():
    house = House().delivered()
    item = house.item()
    house.ok(DENY, actor="ap_one")
    assert asked(house) == [(item["order"], item["waybill"], 1)]
    assert house.ok(DENY, actor="ap_one") == []
    assert house.ok(found_out(house, 1, Finding.ELSEWHERE), actor=POST) == ["tracking.inquiry_answered"]
    assert house.ok(found_out(house, 1, Finding.ELSEWHERE), actor=POST) == []
    assert house.case.tracking.finding is Finding.ELSEWHERE
    assert house.case.tracking.state == "disputed", "the manager decides"


def no_longer_asked(house: House) -> list[tuple[str, str, int]]:
    said: list[Any] = [one.body for one in house.messages if one.kind == Kind.INQUIRY_ENDED]
    return [(one.order, one.waybill, one.number) for one in said]


@pytest.mark.parametrize("ends", ["recipient", "manager", "lost"])
def test_the_post_hears_that_nobody_asks_any_more_unless_it_has_answered(ends: str):
    def end(house: House) -> None:
        if ends == "recipient":
            house.ok(CONFIRM, actor="ap_one")
        else:
            house.ok(settle(in_hand=ends == "manager"))

    house = House().delivered()
    item = house.item()
    house.ok(DENY, actor="ap_one")
    assert no_longer_asked(house) == []
    end(house)
    assert no_longer_asked(house) == [(item["order"], item["waybill"], 1)]

    house = House().delivered()
    house.ok(DENY, actor="ap_one")
    house.ok(found_out(house, 1, Finding.ELSEWHERE), actor=POST)
    end(house)
    assert no_longer_asked(house) == []


def test_each_denial_is_asked_about_by_its_own_number_and_old_answers_change_nothing():
    house = House().delivered()
    house.ok(DENY, actor="ap_one")
    house.ok(found_out(house, 1, Finding.NOT_KNOWN), actor=POST)
    house.ok(CONFIRM, actor="ap_one")
    assert house.ok(found_out(house, 1, Finding.ELSEWHERE), actor=POST) == [], "nobody waits for it any more"
    house.ok(DENY, actor="ap_one")
    assert [number for *_, number in asked(house)] == [1, 2]
    assert house.case.tracking.finding is None
    assert house.ok(found_out(house, 1, Finding.ELSEWHERE), actor=POST) == []
    assert house.ok(found_out(house, 2, Finding.HANDED_OVER), actor=POST) == ["tracking.inquiry_answered"]


def test_the_post_is_not_asked_without_end_nor_while_it_may_still_stop_it():
    house = House().delivered()
    for _ in range(INQUIRIES_MAX + 1):
        house.ok(DENY, actor="ap_one")
        house.ok(CONFIRM, actor="ap_one")
    assert len(asked(house)) == INQUIRIES_MAX
    house = reported()
    house.ok(DENY, actor="ap_one")
    assert asked(house) == [], "it is called back"


def test_an_answer_about_another_envelope_is_refused_and_about_an_earlier_order_is_late_news():
    house = House().delivered()
    house.ok(DENY, actor="ap_one")
    other = msgspec.structs.replace(found_out(house, 1, Finding.ELSEWHERE), waybill="ZA999999999CN")
    assert house.no(other, actor=POST) == "tracking.not_this_item"
    old = msgspec.structs.replace(found_out(house, 1, Finding.ELSEWHERE), order="or_another")
    assert house.ok(old, actor=POST) == []


def test_who_has_asked_already_is_asked_about_nothing_more():
    house = reported()
    house.ok(AskHelp(topic="where", text="where is it", text_number=1), actor="ap_one")
    assert "help.asked" not in house.ok(DENY, actor="ap_one")
    assert "help.dropped" not in house.ok(CONFIRM, actor="ap_one"), "their own question stays"


def courier(house: House, who: str = "st_courier", **after: float) -> RecordCourier:
    at = house.now + timedelta(**after)
    return RecordCourier(**house.item(), courier=who, at=at)


def test_who_is_on_the_way_is_known_until_something_else_is_heard_of_it():
    named = ["tracking.courier_named"]
    for ends in (
        lambda h: attempt(h, 1),
        lambda h: RecordScan(**h.item(), scan=Scan.AT_OFFICE, scan_id="sc_b", place="A", occurred_at=h.now),
        lambda h: RecordReported(**h.item(), carrier_code="20", occurred_at=h.now),
        lambda h: RecordIncident(**h.item(), reason=Reason.LOST),
        lambda h: h.claim(),
    ):
        house = House().with_post()
        assert house.ok(courier(house), actor=POST) == named
        assert house.case.tracking.courier == "st_courier"
        house.later(hours=1)
        house.ok(ends(house), actor=POST)
        assert house.case.tracking.courier == ""


def test_a_late_scan_does_not_hide_the_courier_who_stands_at_the_door():
    house = House().with_post()
    house.ok(courier(house), actor=POST)
    late = RecordScan(
        **house.item(),
        scan=Scan.ARRIVED,
        scan_id="sc_late",
        place="A",
        occurred_at=house.now - timedelta(hours=3),
    )
    house.ok(late, actor=POST)
    house.ok(house.scan(Scan.OUT_FOR_DELIVERY, "sc_out"), actor=POST)
    assert house.case.tracking.courier == "st_courier"


def test_who_comes_is_heard_once_and_old_news_of_it_changes_nothing():
    house = House().with_post()
    first, second = courier(house), courier(house, "st_second", hours=2)
    house.ok(second, actor=POST)
    assert house.ok(second, actor=POST) == []
    assert house.ok(first, actor=POST) == [], "the one before came late"
    assert house.case.tracking.courier == "st_second"
    strange = msgspec.structs.replace(second, waybill="ZA999999999CN", at=house.now + timedelta(hours=5))
    assert house.no(strange, actor=POST) == "tracking.not_this_item"
    other_order = msgspec.structs.replace(second, order="or_aaaa")
    assert house.ok(other_order, actor=POST) == [], "news of an earlier order"
    house.ok(house.claim(), actor=POST)
    assert house.ok(courier(house, hours=9), actor=POST) == [], "it is in hand"


def near(house: House, **after: float) -> RecordNear:
    return RecordNear(**house.item(), at=house.now + timedelta(**after))


def test_near_is_told_a_few_times_in_a_round_and_anew_in_the_next():
    house = House().with_post()
    house.ok(courier(house), actor=POST)
    for number in range(1, NEARS_TOLD_MAX + 1):
        assert house.ok(near(house, minutes=number), actor=POST) == ["tracking.courier_near"]
    assert house.ok(near(house, minutes=9), actor=POST) == [], "enough for one round"
    house.ok(courier(house, "st_second", minutes=30), actor=POST)
    assert house.ok(near(house, minutes=31), actor=POST) == ["tracking.courier_near"]


def test_near_is_no_news_when_it_is_old_repeated_or_of_what_is_over():
    house = House().with_post()
    house.ok(courier(house), actor=POST)
    first = near(house, minutes=5)
    assert house.ok(near(house, minutes=-1), actor=POST) == [], "of a round before"
    assert house.ok(first, actor=POST) == ["tracking.courier_near"]
    assert house.ok(first, actor=POST) == []
    house.later(hours=3)
    assert house.ok(near(house, minutes=-61), actor=POST) == [], "it lay too long on its way"
    assert house.ok(msgspec.structs.replace(near(house), order="or_aaaa"), actor=POST) == []
    assert house.no(msgspec.structs.replace(near(house), waybill="ZA999999999CN")) == (
        "tracking.not_this_item"
    )
    house.ok(house.claim(), actor=POST)
    assert house.ok(near(house), actor=POST) == []
    assert House().no(RecordNear(order="or_aaaa", waybill="ZA999999999CN", at=house.now)) == (
        "tracking.not_this_order"
    )


def test_there_is_nothing_to_confirm_or_deny_on_the_way():
    house = House().with_post()
    assert house.no(CONFIRM) == "tracking.nothing_to_confirm"
    assert house.no(DENY) == "tracking.nothing_to_deny"
    assert house.no(settle(in_hand=True)) == "tracking.not_now"
    assert House().delivered().no(ConfirmAtDoor()) == "tracking.nothing_to_confirm"


# Trouble


def test_an_incident_moves_the_document_there_and_has_a_clock():
    house = searched()
    assert house.account == "incident"
    assert house.ok(RecordIncident(**house.item(), reason=Reason.LOST)) == []
    house.ring("tracking.incident")
    assert house.waits()["tracking.incident"].owner == "authority_manager"
    assert house.ok(house.claim()) == ["tracking.claim_refused"]


def test_during_a_search_only_the_recipient_can_say_that_it_is_in_hand():
    house = searched()
    assert house.no(settle(in_hand=True, grade=True)) == "tracking.evidence_too_weak"
    assert house.ok(CONFIRM)[0] == "tracking.proof_sealed"
    assert house.account == "recipient"


def test_what_is_found_comes_back_and_never_goes_to_the_door():
    house = searched()
    assert house.ok(RecordFound(**house.item())) == ["tracking.found", "returns.started"]
    assert house.ok(RecordFound(**house.item())) == []
    assert house.account == "post"
    assert house.ok(house.claim()) == ["tracking.claim_refused"]


def test_a_loss_invalidates_at_once_and_another_document_is_made():
    house = searched()
    loss = RecordLoss(**house.item())
    assert house.ok(loss) == [
        "tracking.lost",
        "document.invalidated",
        "register.entry_due",
        "production.opened",
    ]
    assert house.ok(loss) == []
    assert house.case.papers.made[0].valid is False
    assert house.notices[-1].template == "document_made_again"


def test_nothing_that_is_not_with_the_post_can_be_lost_there():
    house = House().delivered()
    assert house.no(RecordLoss(**house.item())) == "tracking.not_now"
    contradicted = house.ok(RecordIncident(**house.item(), reason=Reason.LOST))
    assert contradicted == ["tracking.delivery_contradicted"], (
        "what was sealed is disputed, and nothing is lost yet"
    )
    assert house.ok(RecordLoss(**house.item())) == []
    assert house.ok(RecordFound(**house.item())) == []
    assert house.ok(RecordRejected(**house.item(), reason=Reason.MISPRINT)) == [], "that too is settled first"
    back = House().returned()
    assert back.ok(RecordLoss(**back.item())) == [], "late news of what was received back meanwhile"
    assert back.ok(RecordIncident(**back.item(), reason=Reason.LOST)) == []
    never = House().sealed()
    order = {"order": never.case.handover.order, "waybill": never.case.handover.waybill}
    assert never.no(RecordLoss(**order)) == "tracking.not_this_order"


def test_nothing_can_be_found_that_was_not_searched_for():
    house = House().with_post()
    assert house.no(RecordFound(**house.item())) == "tracking.not_now"


def test_a_report_during_a_search_is_refused():
    house = searched()
    late = RecordReported(**house.item(), carrier_code="10", occurred_at=house.now)
    assert house.no(late) == "tracking.not_now"


def test_what_is_rejected_at_the_door_comes_back():
    house = House().with_post()
    reject = RecordRejected(**house.item(), reason=Reason.MISPRINT)
    assert house.ok(reject) == ["tracking.rejected", "returns.started"]
    assert house.ok(reject) == []
    assert house.ok(house.claim()) == ["tracking.claim_refused"]


def test_news_with_the_wrong_waybill_is_refused_whatever_it_says():
    house = House().with_post()
    wrong = {"order": house.item()["order"], "waybill": "ZA999999999CN"}
    for command in (
        RecordLoss(**wrong),
        RecordFound(**wrong),
        RecordIncident(**wrong, reason=Reason.LOST),
        RecordRejected(**wrong, reason=Reason.MISPRINT),
        RecordReported(**wrong, carrier_code="50", occurred_at=house.now),
        RecordVoid(**wrong, scan_id="sc_a"),
    ):
        assert house.no(command) == "tracking.not_this_item"


def test_a_failed_attempt_after_the_end_changes_nothing():
    house = House().delivered()
    assert house.ok(attempt(house, 1)) == []


# Races


def test_after_an_accepted_recall_no_proof_is_sealed():
    house = House().with_post()
    house.ok(RecallItem(reason=Reason.RECALLED))
    house.ok(RecordRecallAccepted(**house.item()), actor=POST)
    assert house.ok(house.claim()) == ["tracking.claim_refused"]
    assert house.account == "post"


def test_a_proof_before_the_answer_overtakes_the_recall():
    house = House().with_post()
    house.ok(RecallItem(reason=Reason.RECALLED))
    assert house.ok(house.claim())[-1] == "returns.recall_overtaken"
    crossed = house.ok(RecordRecallAccepted(**house.item()))
    assert crossed == ["returns.recall_crossed", "tracking.delivery_contradicted"]
    assert house.account == "incident", "the post stopped what was sealed: the manager settles it"
    assert house.waits()["tracking.disputed"].owner == "authority_manager"


def test_a_return_of_what_was_proven_delivered_is_a_dispute_that_a_proof_of_its_own_ends():
    house = House().delivered()
    offer = RecordReturnOffered(**house.item(), reason=Reason.NOT_COLLECTED)
    assert house.ok(offer) == ["tracking.delivery_contradicted"]
    assert house.ok(offer) == []
    assert house.no(settle(in_hand=True)) == "tracking.evidence_too_weak"
    assert house.ok(CONFIRM, actor="ap_one") == ["tracking.proof_sealed"]
    assert house.sent()[-1] == 104, "the post hears it, and ends its search"
    assert house.account == "recipient"


def envelope(house: House, order: str) -> str:
    return house.streams[CASE][2][order].account


def test_the_post_may_contradict_a_proof_that_came_too_late_for_the_door():
    house = counting_envelopes().delivered()
    order = house.case.handover.order
    assert envelope(house, order) == "recipient"
    assert house.ok(RecordIncident(**house.item(), reason=Reason.IDENTITY_NOT_PROVEN)) == [
        "tracking.delivery_contradicted"
    ]
    assert house.account == "incident"
    assert envelope(house, order) == "post", "both houses count the envelope with the post again"
    assert house.notices[-1].template == "incident_opened"
    item = house.item()
    assert house.ok(RecordReturnOffered(**item, reason=Reason.LOST)) == [], "the dispute is settled first"
    settled = house.ok(settle(in_hand=False))
    assert settled[:2] == ["tracking.lost", "document.invalidated"]
    assert house.ok(RecordReturnOffered(**item, reason=Reason.LOST)) == ["document.old_offered"]
    assert house.waits()["returns.old_coming_back"].owner == "handover_clerk"
    assert house.ok(ReceiveReturn(waybill=item["waybill"])) == ["document.old_received"]
    assert envelope(house, order) == "authority"


def test_a_rejection_at_the_door_that_crossed_the_proof_contradicts_it():
    for house in (counting_envelopes().delivered(), disputed()):
        rejected = RecordRejected(**house.item(), reason=Reason.REFUSED)
        assert house.ok(rejected, actor="postal") == ["tracking.delivery_contradicted"]
        assert house.ok(rejected, actor="postal") == [], "told again"
        assert house.ok(RecordReturnOffered(**house.item(), reason=Reason.REFUSED)) == []


@pytest.mark.parametrize("method", [ProofMethod.RECIPIENT_WORD, ProofMethod.AUTHORITY_DECISION])
def test_no_courier_can_claim_by_what_only_the_authority_gives(method: ProofMethod):
    house = House().with_post()
    claim = house.claim(
        method=method, session_confirmed=True, identity_confirmed=True, evidence_accepted=True
    )
    assert house.ok(claim, actor="postal") == ["tracking.claim_refused"]


def test_a_search_of_which_is_heard_after_the_recipients_own_word_is_ended_by_it():
    house = counting_envelopes().with_post()
    order, item = house.case.handover.order, house.item()
    house.ok(RecordReported(**item, carrier_code="20", occurred_at=house.now))
    house.ok(RecallItem(reason=Reason.RECALLED))
    house.later(hours=1)
    assert "tracking.proof_sealed" in house.ok(CONFIRM, actor="ap_one")
    news = RecordIncident(**item, reason=Reason.IDENTITY_NOT_PROVEN)
    assert house.ok(news, actor="postal") == ["tracking.search_overtaken"]
    assert house.ok(news, actor="postal") == []
    assert house.ok(RecordLoss(**item), actor="postal") == [], "and before it has given up"
    assert house.ok(RecordRecallAccepted(**item), actor="postal") == ["returns.recall_crossed"]
    assert (house.case.tracking.state, envelope(house, order)) == ("delivered", "recipient")
    later = RecordIncident(**item, reason=Reason.PROOF_TOO_LATE)
    assert house.ok(later, actor="postal") == ["tracking.delivery_contradicted"], "it had heard the word"


def word_that_crossed_a_find() -> House:
    """Left elsewhere, searched for, found by the post; meanwhile its recipient has said: I have it."""
    house = counting_envelopes().with_post()
    item = house.item()
    house.ok(RecordReported(**item, carrier_code="20", occurred_at=house.now))
    house.ok(CONFIRM, actor="ap_one")
    house.ok(RecordIncident(**item, reason=Reason.LOST))
    assert house.ok(RecordFound(**item)) == ["tracking.delivery_contradicted"]
    return house


def test_when_the_post_goes_by_the_recipients_own_word_after_all_both_books_agree():
    house = word_that_crossed_a_find()
    order, item = house.case.handover.order, house.item()
    assert (house.account, envelope(house, order)) == ("incident", "post")
    ended = RecordSearchEnded(**item)
    assert house.ok(ended) == ["tracking.contradiction_ended"]
    assert (house.account, envelope(house, order)) == ("recipient", "recipient")
    assert "tracking.disputed" not in house.waits()
    assert house.ok(ended) == []


def test_the_same_of_a_document_that_is_invalid_by_then():
    house = word_that_crossed_a_find()
    order, item = house.case.handover.order, house.item()
    house.ok(settle(in_hand=False))
    house.ok(RecordReturnOffered(**item, reason=Reason.LOST))
    assert "returns.old_coming_back" in house.waits()
    assert house.ok(RecordSearchEnded(**item)) == ["document.old_in_hand"]
    assert envelope(house, order) == "recipient"
    assert house.case.papers.made[0].account == "incident", "who has it knows that it is invalid"
    assert "returns.old_coming_back" not in house.waits()
    assert house.ok(RecordSearchEnded(**item)) == []


def test_news_of_an_invalid_document_under_another_waybill_is_refused():
    house = counting_envelopes().delivered()
    item = house.item()
    house.ok(DenyReceipt(), actor="ap_one")
    house.ok(settle(in_hand=False))
    strange = item | {"waybill": "ZA999999999CN"}
    for news in (
        RecordIncident(**strange, reason=Reason.LOST),
        RecordLoss(**strange),
        RecordFound(**strange),
        RecordSearchEnded(**strange),
    ):
        assert house.no(news) == "tracking.not_this_item"
    assert house.no(RecordReturnOffered(**strange, reason=Reason.LOST)) == "returns.not_this_item"


def test_no_search_ends_by_a_word_that_nobody_gave():
    lost = House().with_post()
    lost.ok(RecordIncident(**lost.item(), reason=Reason.LOST))
    assert lost.no(RecordSearchEnded(**lost.item())) == "tracking.not_now"
    assert House().delivered().ok(RecordSearchEnded(**House().delivered().item())) == []
    contradicted = counting_envelopes().delivered()
    contradicted.ok(RecordIncident(**contradicted.item(), reason=Reason.LOST))
    assert contradicted.ok(RecordSearchEnded(**contradicted.item())) == [], "a claim's proof is no such word"


def test_an_invalid_document_that_was_sealed_as_delivered_is_put_right_in_the_book_when_the_post_has_it():
    house = counting_envelopes().delivered()
    order, item = house.case.handover.order, house.item()
    house.ok(DenyReceipt(), actor="ap_one")
    house.ok(settle(in_hand=False))
    assert envelope(house, order) == "recipient", "nobody has said yet that it is anywhere else"
    assert house.ok(RecordIncident(**item, reason=Reason.LOST)) == ["document.old_contradicted"]
    assert envelope(house, order) == "post"
    assert house.ok(RecordIncident(**item, reason=Reason.LOST)) == []


def test_a_document_of_a_settled_dispute_that_somebody_hands_in_is_received_and_stays_delivered_for_the_post():
    house = counting_envelopes().delivered()
    order, item, make = house.case.handover.order, house.item(), house.case.production.make
    house.ok(DenyReceipt(), actor="ap_one")
    house.ok(settle(in_hand=False))
    said = len(house.messages)
    assert house.ok(ReceiveReturn(waybill=item["waybill"])) == ["document.old_handed_in"]
    document = house.case.papers.find(make)
    assert document is not None
    assert document.account == "return_shelf"
    assert house.waits()["returns.to_destroy"].owner == "handover_clerk"
    assert envelope(house, order) == "recipient", "as in the post's book"
    assert len(house.messages) == said, "the post has nothing to do with it"
    assert house.ok(ReceiveReturn(waybill=item["waybill"])) == []
    offer = RecordReturnOffered(**item, reason=Reason.NOT_COLLECTED)
    assert house.ok(offer, actor="postal") == ["document.old_contradicted"]
    assert envelope(house, order) == "post"


def test_late_news_of_a_destroyed_document_changes_nothing_though_the_next_one_is_in_hand():
    house = House().returned()
    item, old = house.item(), house.case.papers.made[0]
    house.ok(InvalidateReturn(remake=True))
    house.ok(DestroyDocument(make=old.make, blank=old.blank, first_witness="st_a", second_witness="st_b"))
    house.draw()
    house.make()
    house.label()
    house.seal()
    house.offer("bg_b")
    house.accept("bg_b")
    house.ok(house.claim(), actor="postal")
    assert house.account == "recipient"
    assert house.ok(RecordIncident(**item, reason=Reason.LOST), actor="postal") == []
    assert house.account == "recipient"


def test_what_was_left_elsewhere_and_fetched_again_may_be_confirmed_at_the_door():
    house = House().with_post()
    house.ok(RecordReported(**house.item(), carrier_code="20", occurred_at=house.now))
    assert house.ok(ConfirmAtDoor(), actor="ap_one") == ["tracking.confirmed_at_door"]
    assert house.ok(house.claim(method=ProofMethod.RECIPIENT_SESSION, code_matches=False))[0] == (
        "tracking.proof_sealed"
    )


def test_a_dispute_is_disputed_once():
    house = disputed()
    assert house.ok(DENY, actor="ap_one") == []
    assert house.ok(CONFIRM, actor="ap_one")[0] == "tracking.dispute_settled"
    assert house.case.tracking.state == "delivered"


def test_scans_and_attempts_wind_no_clock_but_that_of_silence():
    house = reported()
    due_at = house.waits()["tracking.reported"].due_at
    house.later(hours=1)
    house.ok(house.scan(Scan.ARRIVED, "sc_late"), actor=POST)
    house.ok(attempt(house, 1), actor=POST)
    assert house.waits()["tracking.reported"].due_at == due_at
    quiet = House().with_post()
    before = quiet.waits()["tracking.on_the_way"].due_at
    quiet.later(days=2)
    quiet.ok(quiet.scan(Scan.ARRIVED, "sc_a"), actor=POST)
    assert quiet.waits()["tracking.on_the_way"].due_at == quiet.now + timedelta(hours=48) != before


def test_news_about_its_next_arrival_sets_the_clock_by_what_the_post_promised():
    house = House().with_post()
    promised = house.now + timedelta(days=3)
    house.ok(house.scan(Scan.ARRIVED, "sc_a", due_at=promised), actor=POST)
    assert house.waits()["tracking.on_the_way"].due_at == promised + timedelta(hours=48)
    house.ok(house.scan(Scan.ARRIVED, "sc_b", due_at=house.now - timedelta(days=3)), actor=POST)
    assert house.waits()["tracking.on_the_way"].due_at == house.now + timedelta(hours=48)


def test_the_recipients_word_holds_for_exactly_a_quarter_of_an_hour():
    for minutes, tag in ((15, "tracking.proof_sealed"), (15.001, "tracking.claim_refused")):
        house = House().with_post()
        house.ok(ConfirmAtDoor(), actor="ap_one")
        house.later(minutes=minutes)
        assert house.ok(house.claim(method=ProofMethod.RECIPIENT_SESSION))[0] == tag


def test_a_search_or_loss_told_twice_is_one_and_of_what_is_in_hand_it_is_a_contradiction():
    house = searched()
    again = RecordIncident(**house.item(), reason=Reason.LOST)
    assert house.ok(again, actor=POST) == []
    delivered = House().delivered()
    assert delivered.no(RecordLoss(**delivered.item()), actor=POST) == "tracking.not_now"
    news = RecordIncident(**delivered.item(), reason=Reason.LOST)
    assert House().delivered().ok(news, actor=POST) == ["tracking.delivery_contradicted"]
    rejected = RecordRejected(**delivered.item(), reason=Reason.MISPRINT)
    assert House().delivered().ok(rejected, actor=POST) == ["tracking.delivery_contradicted"]


def test_a_turn_by_a_scan_says_no_reason_and_of_a_denied_one_no_scan():
    house = House().with_post()
    house.ok(house.scan(Scan.RETURN_STARTED, "sc_r"), actor=POST)
    [turned] = [event for _, event in house.events if isinstance(event, TurnedBack)]
    assert (turned.reason, turned.scan_id) == (0, "sc_r")
    frozen = denied()
    frozen.ok(frozen.scan(Scan.RETURN_MOVED, "sc_r"), actor=POST)
    [turned] = [event for _, event in frozen.events if isinstance(event, TurnedBack)]
    assert turned.scan_id == ""


def test_each_wrong_answer_says_how_many_are_left_and_only_guesses_are_counted():
    house = House().with_post()
    for left in (4, 3, 2, 1, 0):
        house.ok(house.claim(right=False), actor=POST)
        body = house.messages[-1].body
        assert isinstance(body, ProofRefused)
        assert (body.reason, body.attempts_left) == (Reason.CODE_WRONG, left)
    fresh = House().with_post()
    fresh.ok(fresh.claim(method=ProofMethod.RECIPIENT_SESSION), actor=POST)
    body = fresh.messages[-1].body
    assert isinstance(body, ProofRefused)
    assert (body.reason, body.attempts_left) == (Reason.IDENTITY_NOT_PROVEN, CODE_ATTEMPTS_MAX)


def test_what_was_reported_or_denied_or_is_in_hand_is_not_reported_again():
    for house in (reported(), denied(), House().delivered(), disputed()):
        again = RecordReported(**house.item(), carrier_code="50", occurred_at=house.now)
        assert house.ok(again, actor=POST) == []


def test_each_way_to_seal_names_its_method():
    house = reported()
    house.ok(CONFIRM, actor="ap_one")
    body = house.messages[-1].body
    assert isinstance(body, ProofSealed)
    assert body.method is ProofMethod.RECIPIENT_WORD
    house = reported()
    house.ok(settle(in_hand=True, grade=True))
    body = house.messages[-1].body
    assert isinstance(body, ProofSealed)
    assert body.method is ProofMethod.AUTHORITY_DECISION


@pytest.mark.parametrize("stage", [reported, denied])
def test_a_reported_or_denied_envelope_may_still_turn_back_fail_or_be_rejected(stage: Any):
    for act in ("scan", "attempt", "reject"):
        house: House = stage()
        match act:
            case "scan":
                assert "tracking.turned_back" in house.ok(house.scan(Scan.RETURN_STARTED, "sc_r"), actor=POST)
            case "attempt":
                assert house.ok(attempt(house, 1), actor=POST) == ["tracking.attempt_failed"]
            case _:
                reject = RecordRejected(**house.item(), reason=Reason.MISPRINT)
                assert house.ok(reject, actor=POST)[0] == "tracking.rejected"


def test_a_claim_for_what_was_turned_back_is_refused_by_its_reason():
    house = House().with_post()
    house.ok(house.scan(Scan.RETURN_STARTED, "sc_r"), actor=POST)
    house.ok(house.claim(), actor=POST)
    body = house.messages[-1].body
    assert isinstance(body, ProofRefused)
    assert (body.reason, body.attempts_left) == (Reason.NOT_IN_CUSTODY, CODE_ATTEMPTS_MAX)


def test_voids_are_remembered_for_scans_that_are_still_to_come():
    house = House().with_post()
    for scan_id in ("sc_a", "sc_b"):
        house.ok(RecordVoid(**house.item(), scan_id=scan_id), actor=POST)
    assert house.case.tracking.voided == ("sc_a", "sc_b")
    assert house.ok(RecordVoid(**house.item(), scan_id="sc_a"), actor=POST) == []


def test_a_late_clock_rings_once_and_only_where_something_waits():
    house = House().with_post()
    house.ring("tracking.on_the_way")
    assert house.ok(TrackingExpired()) == []
    done = House().delivered()
    done.later(days=60)
    assert done.ok(TrackingExpired()) == []


def test_nothing_is_confirmed_before_the_post_has_it():
    assert House().sealed().no(CONFIRM) == "tracking.nothing_to_confirm"
    assert House().submitted().no(house_claim()) == "tracking.not_this_order"


def house_claim() -> JudgeClaim:
    """A claim for an order without a name."""
    house = House().with_post()
    return house.claim(order="")


# News that comes twice, late, or of another envelope


def test_who_comes_and_who_is_near_is_said_of_what_was_left_elsewhere_too():
    house = reported()
    assert house.ok(courier(house), actor=POST) == ["tracking.courier_named"]
    assert house.ok(near(house, minutes=1), actor=POST) == ["tracking.courier_near"]


def test_near_is_news_for_a_whole_hour_three_times_in_a_round():
    house = House().with_post()
    house.later(hours=2)
    assert house.ok(near(house, minutes=-60), actor=POST) == ["tracking.courier_near"]
    assert house.ok(near(house, minutes=-59), actor=POST) == ["tracking.courier_near"]
    assert house.ok(near(house, minutes=-58), actor=POST) == ["tracking.courier_near"]
    assert house.ok(near(house, minutes=-57), actor=POST) == []


def test_that_one_courier_was_near_says_nothing_of_the_next():
    house = House().with_post()
    house.ok(courier(house), actor=POST)
    house.ok(near(house, minutes=5), actor=POST)
    house.ok(courier(house, "st_second", minutes=4), actor=POST)
    assert house.case.tracking.near_at is None
    assert house.ok(near(house, minutes=5), actor=POST) == ["tracking.courier_near"]


def test_a_scan_elsewhere_at_the_very_instant_ends_the_couriers_way():
    house = House().with_post()
    house.ok(courier(house), actor=POST)
    house.ok(house.scan(Scan.AT_OFFICE, "sc_back"), actor=POST)
    assert house.case.tracking.courier == ""


def test_a_later_scan_does_not_shorten_how_long_the_counter_keeps_it():
    house = House().with_post()
    until = house.now + timedelta(days=7)
    house.ok(house.scan(Scan.HELD, "sc_held", due_at=until), actor=POST)
    kept = house.case.tracking.held_to
    assert kept is not None
    house.ok(house.scan(Scan.AT_OFFICE, "sc_late"), actor=POST)
    assert house.case.tracking.held_to == kept


def test_whoever_will_fetch_it_makes_no_clock_ring_sooner():
    house = House().with_post(destination=440100)
    promised = house.waits()["tracking.on_the_way"].due_at
    house.ok(AskWish(number=1, wish="post_office"), actor="ap_one")
    assert house.waits()["tracking.on_the_way"].due_at == promised


def test_what_is_said_of_another_envelope_is_refused_whatever_is_said():
    house, strange = House().with_post(), {"order": "or_other", "waybill": "ZA999999999CN"}
    item = house.item() | {"waybill": strange["waybill"]}
    assert house.no(RecordVoid(**item, scan_id="sc_a"), actor=POST) == "tracking.not_this_item"
    failed = msgspec.structs.replace(attempt(house, 1), waybill=strange["waybill"])
    assert house.no(failed, actor=POST) == "tracking.not_this_item"
    unknown = house.item() | {"order": strange["order"]}
    assert house.no(RecordFound(**unknown), actor=POST) == "tracking.not_this_order"
    delivered = House().delivered()
    item = delivered.item() | {"waybill": strange["waybill"]}
    assert delivered.no(RecordSearchEnded(**item), actor=POST) == "tracking.not_this_item"


def test_what_is_searched_for_is_rejected_at_no_door():
    house = searched()
    rejected = RecordRejected(**house.item(), reason=Reason.REFUSED)
    assert house.no(rejected, actor=POST) == "tracking.not_now"
    assert house.account == "incident"


def test_a_word_that_ends_a_search_makes_the_loss_that_crossed_it_no_news():
    house = searched()
    house.ok(CONFIRM, actor="ap_one")
    assert house.ok(RecordLoss(**house.item()), actor=POST) == []
    again = RecordIncident(**house.item(), reason=Reason.LOST)
    assert house.ok(again, actor=POST) == [], "the search that the word has ended"
    believed = word_that_crossed_a_find()
    believed.ok(RecordSearchEnded(**believed.item()), actor=POST)
    assert believed.ok(RecordLoss(**believed.item()), actor=POST) == []
