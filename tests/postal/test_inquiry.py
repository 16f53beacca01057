"""The authority asks after what was proven delivered: opened, answered once, shown as late, asked anew; nothing moves by it."""

from datetime import timedelta

import pytest

from safehand.link.messages import Finding, InquiryAnswered, Kind
from safehand.postal.inquiry.commands import ROLES, AnswerInquiry, Escalate, HearInquiry, HearInquiryEnded
from safehand.postal.inquiry.rules import INQUIRY_DUE
from safehand.postal.inquiry.states import State
from tests.postal.house import House

QUEUE = "inquiry.open"


def delivered() -> House:
    house = House().claimed()
    house.do(house.proof())
    return house


def hear(house: House, number: int) -> list[str]:
    return house.do(HearInquiry(waybill=house.waybill, number=number))


def answer(house: House, finding: Finding) -> list[str]:
    return house.do(AnswerInquiry(waybill=house.waybill, finding=finding))


def test_it_is_the_managers_for_two_days_and_its_answer_goes_to_the_authority():
    house = delivered()
    before = house.item.custody
    assert hear(house, 1) == ["inquiry.opened"]
    line = house.waits()[QUEUE]
    assert (line.owner, line.due_at) == ("postal_manager", house.now + INQUIRY_DUE)
    assert answer(house, Finding.ELSEWHERE) == ["inquiry.answered"]
    assert QUEUE not in house.waits()
    assert house.item.custody == before, "custody stays where the proof put it"
    [said] = house.bodies(Kind.INQUIRY_ANSWERED)
    assert isinstance(said, InquiryAnswered)
    assert (said.number, said.finding, said.at) == (1, Finding.ELSEWHERE, house.now)


def test_what_was_heard_before_or_answered_the_same_way_changes_nothing():
    house = delivered()
    hear(house, 2)
    assert hear(house, 2) == hear(house, 1) == []
    answer(house, Finding.NOT_KNOWN)
    assert answer(house, Finding.NOT_KNOWN) == hear(house, 2) == []
    assert house.why_not(AnswerInquiry(waybill=house.waybill, finding=Finding.ELSEWHERE)) == (
        "inquiry.nothing_asked"
    )
    assert house.item.inquiry.finding is Finding.NOT_KNOWN


def test_nothing_is_answered_that_nobody_asked():
    house = delivered()
    assert house.why_not(AnswerInquiry(waybill=house.waybill, finding=Finding.ELSEWHERE)) == (
        "inquiry.nothing_asked"
    )
    assert house.item.inquiry.state is State.NONE


def test_a_late_one_is_shown_as_late_and_one_that_is_asked_anew_has_its_whole_time():
    house = delivered()
    hear(house, 1)
    house.wait(hours=47)
    assert house.do(Escalate()) == []
    house.wait(hours=1)
    assert house.do(Escalate()) == ["inquiry.escalated"]
    assert house.do(Escalate()) == []
    assert (house.waits()[QUEUE].owner, house.waits()[QUEUE].due_at) == ("postal_manager", None)
    assert hear(house, 2) == ["inquiry.opened"]
    assert house.waits()[QUEUE].due_at == house.now + timedelta(days=2)
    answer(house, Finding.HANDED_OVER)
    assert hear(house, 3) == ["inquiry.opened"]
    assert house.item.inquiry.finding is None
    house.wait(hours=49)
    answer(house, Finding.NOT_KNOWN)
    assert house.do(Escalate()) == []


def end(house: House, number: int) -> list[str]:
    return house.do(HearInquiryEnded(waybill=house.waybill, number=number))


def test_what_nobody_asks_any_more_is_looked_for_no_more_and_may_be_asked_anew():
    house = delivered()
    assert end(house, 1) == [], "nobody has asked"
    hear(house, 2)
    assert end(house, 1) == [], "that was another question"
    assert end(house, 2) == ["inquiry.ended"]
    assert QUEUE not in house.waits()
    assert end(house, 2) == hear(house, 2) == []
    assert house.why_not(AnswerInquiry(waybill=house.waybill, finding=Finding.ELSEWHERE)) == (
        "inquiry.nothing_asked"
    )
    assert house.bodies(Kind.INQUIRY_ANSWERED) == []
    assert hear(house, 3) == ["inquiry.opened"]
    answer(house, Finding.ELSEWHERE)
    assert end(house, 3) == [], "it was answered"
    assert house.item.inquiry.state is State.ANSWERED


def test_the_end_of_a_question_that_was_never_heard_is_the_end_of_the_one_before():
    house = delivered()
    hear(house, 1)
    assert end(house, 4) == ["inquiry.ended"]
    assert hear(house, 4) == [], "it came after its own end"
    assert hear(house, 5) == ["inquiry.opened"]


@pytest.mark.parametrize(
    ("command", "roles"),
    [
        (HearInquiry, {"authority"}),
        (HearInquiryEnded, {"authority"}),
        (AnswerInquiry, {"postal_manager"}),
        (Escalate, {"system"}),
    ],
)
def test_who_may_ask_and_answer(command, roles):
    assert ROLES[command] == roles
