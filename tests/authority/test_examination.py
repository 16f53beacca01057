"""Examination: approve, ask for everything at once, refuse in writing; and a clock that stops for the applicant."""

from safehand.authority.application.commands import CorrectApplication
from safehand.authority.examination.commands import Approve, AskCorrection, RefuseApplication, ReviewExpired
from safehand.authority.examination.reasons import APPEAL_EN, APPEAL_ZH, DEFECTS, REASONS
from safehand.authority.examination.rules import CORRECTION_ROUNDS_MAX
from safehand.kernel.working_days import add_working_days
from tests.authority.house import CLAIM, DIGEST, MONDAY, House, application

BAD_PHOTO = AskCorrection(defects=("photo.blurred",))
NEW_PHOTO = CorrectApplication(parts={"photo": DIGEST})


def test_the_review_clock_is_seven_working_days():
    due_at = House().submitted().waits()["examination.reviewing"].due_at
    assert due_at == add_working_days(MONDAY, 7)


def test_the_review_clock_stands_while_the_applicant_corrects():
    house = House().submitted()
    house.later(days=2)
    house.ok(BAD_PHOTO)
    assert "examination.reviewing" not in house.waits()
    house.later(days=5)
    house.ok(NEW_PHOTO)
    assert house.waits()["examination.reviewing"].due_at == add_working_days(house.now, 5)


def test_defects_are_named_all_at_once_and_the_parts_asked_once_each():
    house = House().submitted()
    asked = AskCorrection(
        defects=("photo.pose", "photo.background", "signature.ruled_paper", "id_card_front.unreadable")
    )
    assert house.ok(asked) == ["examination.correction_asked", "application.correction_opened"]
    assert house.case.application.asked == ("photo", "signature", "id_card_front")
    assert house.notices[-1].template == "correction_asked"


def test_a_correction_needs_known_defects():
    house = House().submitted()
    assert house.no(AskCorrection(defects=())) == "examination.no_defect_named"
    assert house.no(AskCorrection(defects=("photo.ugly",))) == "examination.defect_unknown"
    assert house.no(RefuseApplication(reason="because")) == "examination.reason_unknown"


def test_nobody_is_asked_to_correct_for_ever():
    house = House().submitted()
    for _ in range(CORRECTION_ROUNDS_MAX):
        house.ok(BAD_PHOTO)
        house.ok(NEW_PHOTO)
    assert house.no(BAD_PHOTO) == "examination.corrections_used_up"


def test_a_late_review_is_the_managers_and_can_still_be_decided():
    house = House().submitted()
    assert house.ring("examination.reviewing") == ["examination.ran_late", "payment.promise_missed"]
    assert house.waits()["examination.reviewing"].owner == "authority_manager"
    assert house.waits()["examination.reviewing"].due_at is None
    assert house.ok(ReviewExpired()) == []
    assert house.ok(Approve()) == ["examination.approved", "payment.opened"]


def test_a_review_in_time_is_not_late():
    assert House().submitted().ok(ReviewExpired()) == []


def test_a_refusal_ends_the_application_and_tells_the_reason():
    house = House().submitted()
    assert house.ok(RefuseApplication(reason="false_statement")) == [
        "examination.refused",
        "application.refused",
    ]
    assert house.notices[-1].template == "application_refused"
    assert house.notices[-1].facts == {"reason": "false_statement"}
    assert house.waits() == {}


def test_an_approval_twice_is_already_so_and_nothing_else_is_decided_after_it():
    house = House().approved()
    assert house.ok(Approve()) == []
    assert house.no(BAD_PHOTO) == "examination.not_now"
    assert house.no(RefuseApplication(reason="duplicate")) == "examination.not_now"


def test_every_defect_and_reason_speaks_both_languages():
    sentences = [(defect.en, defect.zh) for defect in DEFECTS.values()] + list(REASONS.values())
    for en, zh in [*sentences, (APPEAL_EN, APPEAL_ZH)]:
        assert en.isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)
    for code, defect in DEFECTS.items():
        assert code.startswith(f"{defect.part}.")


def test_after_a_refusal_another_application_may_be_made():
    house = House().submitted()
    house.ok(RefuseApplication(reason="false_statement"))
    assert CLAIM not in house.holders
    house.ok(application(), stream="ca_b")
    assert house.holders[CLAIM] == "ca_b"
