"""Whom no message reached is told by a manager: once on the list, off it by a message, by hand, or with the person."""

import pytest

from safehand.authority.contact.commands import (
    ContactExpired,
    RecordReached,
    RecordUnreachable,
    SettleContact,
)
from safehand.authority.contact.states import QUEUE, ContactState
from safehand.authority.machines import ROLES
from safehand.authority.made_documents import RecordRegisterDone
from safehand.authority.tracking.commands import DenyReceipt
from safehand.house.erasure import OrderErasure, RecordErased
from safehand.kernel.outcome import Refusal
from tests.authority.house import House

LOST = RecordUnreachable(template="payment_due", channels=("sms", "email"), reason="unreachable")


def code(outcome: object) -> str:
    assert isinstance(outcome, Refusal)
    return outcome.code


def test_whom_nothing_reached_stands_on_the_managers_list_once_with_a_clock():
    house = House().approved()
    assert house.ok(LOST, actor="system") == ["contact.lost"]
    line = house.waits()[QUEUE]
    assert (line.owner, line.group) == ("authority_manager", house.case.application.office)
    assert line.due_at is not None
    assert house.do(LOST, actor="system") == []
    house.ring(QUEUE)
    late = house.waits()[QUEUE]
    assert (late.owner, late.due_at, house.case.contact.late) == ("authority_manager", None, True)


def test_a_clock_that_rings_for_nobody_too_early_or_twice_changes_nothing():
    house = House().approved()
    assert house.ok(ContactExpired(), actor="system") == []
    house.later(days=60)
    assert house.ok(ContactExpired(), actor="system") == []
    house.ok(LOST, actor="system")
    assert house.ok(ContactExpired(), actor="system") == []
    house.ring(QUEUE)
    house.later(days=60)
    assert house.ok(ContactExpired(), actor="system") == []


@pytest.mark.parametrize("outcome", ["told_by_phone", "told_in_person", "told_by_letter", "tried_in_vain"])
def test_the_manager_settles_it_by_saying_what_was_done(outcome):
    house = House().approved()
    assert code(house.do(SettleContact(outcome=outcome))) == "contact.nothing_to_settle"
    house.ok(LOST, actor="system")
    assert house.ok(SettleContact(outcome=outcome)) == ["contact.regained"]
    assert QUEUE not in house.waits()
    assert code(house.do(SettleContact(outcome=outcome))) == "contact.nothing_to_settle"
    assert house.ok(LOST, actor="system") == ["contact.lost"]


def test_a_message_that_arrives_ends_it_by_itself():
    house = House().approved()
    assert house.do(RecordReached(), actor="system") == []
    house.ok(LOST, actor="system")
    assert house.ok(RecordReached(), actor="system") == ["contact.regained"]
    assert house.case.contact.state is ContactState.NONE


def test_only_the_manager_settles_and_only_the_house_says_whom_it_did_not_reach():
    assert ROLES[SettleContact] == {"authority_manager"}
    assert ROLES[RecordUnreachable] == ROLES[RecordReached] == {"system"}


def test_it_holds_up_neither_the_case_nor_an_erasure():
    house = House().delivered()
    house.ok(LOST, actor="system")
    for entry in house.case.papers.owed:
        house.ok(RecordRegisterDone(work=entry.work, make=entry.make), actor="system")
    assert house.ok(OrderErasure()) == ["erasure.ordered", "contact.regained"]
    assert QUEUE not in house.waits()
    house.ok(RecordErased(), actor="system")
    assert house.do(LOST, actor="system") == []
    assert code(house.do(DenyReceipt())) == "erasure.person_erased"
