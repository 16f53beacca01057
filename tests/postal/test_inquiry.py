"""The authority asks after what was proven delivered: opened, answered once, shown as late, asked anew; nothing moves by it."""

from datetime import timedelta

import pytest

from safehand.link.messages import Finding, InquiryAnswered, Kind
from safehand.postal.inquiry.commands import ROLES, AnswerInquiry, Escalate, HearInquiry
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


@pytest.mark.parametrize(
    ("command", "roles"),
    [(HearInquiry, {"authority"}), (AnswerInquiry, {"postal_manager"}), (Escalate, {"system"})],
)
def test_who_may_ask_and_answer(command, roles):
    assert ROLES[command] == roles
