"""Prepaid postage: asked for with the fee and kept apart from it, and given back whole when nothing was posted."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

import msgspec
import pytest
from msgspec.structs import replace

from safehand.authority.examination.commands import Approve
from safehand.authority.machines import build_machines
from safehand.authority.payment import events as e
from safehand.authority.payment.commands import RecordRefund, SettlePayment
from safehand.authority.payment.rules import amends, fold, postage_unused
from safehand.authority.payment.states import Owed, Payment, PaymentState
from safehand.kernel.machine import Machine
from tests.authority.house import CITY, MONDAY, WITHDRAW, House, application, with_postage
from tests.authority.test_payment import machines_that_keep_the_fee

FEE_FEN: Final = 12000
POSTAGE_FEN: Final = 1400
BOTH_FEN: Final = FEE_FEN + POSTAGE_FEN
PREPAID: Final[dict[str, Any]] = {"postage": "prepaid"}


def pay(amount_fen: int = BOTH_FEN, reference: str = "pay-1", at: datetime = MONDAY) -> SettlePayment:
    return SettlePayment(reference=reference, amount_fen=amount_fen, paid_at=at)


def back(amount_fen: int, part: Any = "", reference: str = "pay-1") -> RecordRefund:
    return RecordRefund(
        reference=reference, refund_reference=f"back-{part or 'all'}", amount_fen=amount_fen, part=part
    )


def by_rules(**changes: Any) -> dict[str, Machine]:
    """The repository's rules, with other rules of postage in the case's city."""
    cities, documents = with_postage(CITY, **changes)
    return build_machines(cities=cities, documents=documents)


def facts_of(house: House, template: str) -> dict[str, Any]:
    return next(dict(one.facts) for one in reversed(house.notices) if one.template == template)


# What is asked for -------------------------------------------------------------------------------------------------


def test_fee_and_postage_are_asked_for_together_and_kept_apart():
    house = House().approved(**PREPAID)
    step = house.case.payment
    assert (step.fee_fen, step.postage_fen, step.due_fen) == (FEE_FEN, POSTAGE_FEN, BOTH_FEN)
    told = facts_of(house, "payment_due_with_postage")
    assert (told["fee_fen"], told["postage_fen"], told["amount_fen"]) == (FEE_FEN, POSTAGE_FEN, BOTH_FEN)


@pytest.mark.parametrize("amount_fen", [FEE_FEN, BOTH_FEN - 1, BOTH_FEN + 1])
def test_only_both_together_settle(amount_fen: int):
    assert House().approved(**PREPAID).no(pay(amount_fen)) == "payment.amount_differs"


def test_both_in_one_sum_open_production():
    house = House().approved(**PREPAID)
    assert house.ok(pay()) == ["payment.settled", "production.opened"]
    told = facts_of(house, "payment_received_with_postage")
    assert told == {"amount_fen": BOTH_FEN, "fee_fen": FEE_FEN, "postage_fen": POSTAGE_FEN}
    assert house.case.payment.postage_fen == POSTAGE_FEN


@pytest.mark.parametrize("changes", [{}, {"postage": "on_delivery"}, {"mode": "counter"}])
def test_whoever_pays_at_the_door_or_fetches_it_is_asked_for_the_fee_alone(changes: Any):
    house = House().approved(**changes)
    assert (house.case.payment.postage_fen, house.case.payment.due_fen) == (0, FEE_FEN)
    assert facts_of(house, "payment_due")["fee_fen"] == FEE_FEN
    assert house.ok(pay(FEE_FEN)) == ["payment.settled", "production.opened"]
    assert facts_of(house, "payment_received") == {"amount_fen": FEE_FEN}


def test_the_postage_is_that_of_the_day_of_approval_and_of_where_it_goes():
    far = House().approved(**PREPAID, destination=440100)
    assert far.case.payment.postage_fen == 2000
    house = House().submitted(**PREPAID)
    house.machines = by_rules(prepaid=msgspec.convert(DEARER, type(RULES.prepaid)))
    house.ok(Approve())
    assert house.case.payment.postage_fen == 1700


RULES: Final = with_postage(CITY)[0][CITY].resolved.views[-1].postage
DEARER: Final = {"in_city": 1700, "in_province": 1700, "elsewhere": 2500}


def test_where_the_citys_mode_is_to_prepay_whoever_chose_nothing_prepays():
    house = House(by_rules(mode="prepaid")).approved()
    assert house.case.payment.postage_fen == POSTAGE_FEN
    fetched = House(by_rules(mode="prepaid")).approved(mode="counter")
    assert fetched.case.payment.postage_fen == 0


def test_what_was_chosen_holds_though_it_is_offered_no_more_and_free_is_free_for_all():
    house = House().submitted(**PREPAID)
    house.machines = by_rules(choices=("on_delivery",))
    house.ok(Approve())
    assert house.case.payment.postage_fen == POSTAGE_FEN
    free = House().submitted(**PREPAID)
    free.machines = by_rules(mode="free")
    free.ok(Approve())
    assert free.case.payment.postage_fen == 0


def test_a_case_of_before_there_was_a_choice_reads_as_it_was():
    was = b'{"event":"payment.opened","fee_fen":12000,"due_at":"2024-05-13T16:00:00Z"}'
    opened = msgspec.json.decode(was, type=e.PaymentOpened)
    step = fold(Payment(), opened, MONDAY)
    assert (step.due_fen, step.postage_fen, opened.prepaid) == (FEE_FEN, 0, False)
    owed = msgspec.json.decode(
        b'{"state":"paid","references":["pay-1"],"owed":[["pay-1",1400]]}', type=Payment
    )
    assert owed.owed == (Owed("pay-1", 1400, ""),)
    assert owed.owed[0].name == "pay-1", "what was begun to be given back goes on under its old name"


# What goes back ----------------------------------------------------------------------------------------------------


def test_whoever_withdraws_gets_the_fee_by_the_policy_and_the_postage_whole():
    house = House().paid(**PREPAID)
    house.ok(WITHDRAW)
    assert house.case.payment.owed == (Owed("pay-1", BOTH_FEN),)
    assert house.ok(back(BOTH_FEN)) == ["payment.refund_recorded", "payment.refunds_done"]
    assert house.ok(back(BOTH_FEN)) == []


def test_where_the_policy_keeps_the_fee_the_postage_goes_back_all_the_same():
    house = House(machines_that_keep_the_fee()).paid(**PREPAID)
    assert "payment.refund_owed" in house.ok(WITHDRAW)
    assert house.case.payment.owed == (Owed("pay-1", POSTAGE_FEN),)
    assert facts_of(house, "fee_kept_postage_back") == {"postage_fen": POSTAGE_FEN}
    assert house.no(back(BOTH_FEN)) == "payment.refund_not_owed"
    assert house.ok(back(POSTAGE_FEN))[-1] == "payment.refunds_done"
    assert house.case.payment.state is PaymentState.REFUNDED
    none = House(machines_that_keep_the_fee()).paid()
    assert "payment.kept" in none.ok(WITHDRAW)


def test_nobody_is_told_that_the_fee_is_kept_when_it_goes_back():
    house = House().paid(**PREPAID)
    house.ok(WITHDRAW)
    assert "fee_kept_postage_back" not in {one.template for one in house.notices}


def test_late_and_double_payments_go_back_whole_with_the_postage_in_them():
    house = House().paid(**PREPAID)
    assert house.ok(pay(reference="pay-2")) == ["payment.came_twice"]
    assert house.case.payment.owed == (Owed("pay-2", BOTH_FEN),)
    late = House().approved(**PREPAID)
    late.ring("payment.awaiting")
    assert late.ok(pay()) == ["payment.came_late"]
    assert late.case.payment.owed == (Owed("pay-1", BOTH_FEN),)


# Several parts of one payment --------------------------------------------------------------------------------------


def paid(**changes: Any) -> Payment:
    step = Payment(
        state=PaymentState.PAID,
        since=MONDAY,
        fee_fen=FEE_FEN,
        postage_fen=POSTAGE_FEN,
        references=("pay-1",),
    )
    return replace(step, **changes)


def after(step: Payment, *events: Any) -> Payment:
    for event in events:
        step = fold(step, event, MONDAY)
    return step


def test_amends_and_postage_of_one_payment_are_two_debts_with_names_of_their_own():
    step = paid(missed="post", amends_fen=1400)
    step = after(step, *amends(step))
    step = after(step, *postage_unused(step))
    assert [one.name for one in step.owed] == ["pay-1/amends", "pay-1/postage"]
    assert (amends(step), postage_unused(step)) == ([], [])


@pytest.mark.parametrize("first", ["amends", "postage"])
def test_each_part_goes_back_once_in_whatever_order_and_however_often_it_is_told(first: str):
    house = House().submitted(**PREPAID)
    house.ring("examination.reviewing")
    house.ok(Approve())
    house.ok(pay(at=house.now))
    house.draw()
    house.make()
    house.streams["ca_a"] = _with_postage_owed(house)
    second = "postage" if first == "amends" else "amends"
    assert house.ok(back(1400, first)) == ["payment.refund_recorded"]
    assert [one.part for one in house.case.payment.owed] == [second]
    assert house.ok(back(1400, first)) == []
    assert house.no(back(1399, second)) == "payment.refund_not_owed"
    assert house.ok(back(1400, second)) == ["payment.refund_recorded"]
    for part in (first, second):
        assert house.ok(back(1400, part)) == []
    assert house.case.payment.owed == ()
    assert house.case.payment.state is PaymentState.PAID


def _with_postage_owed(house: House) -> tuple[str, Any, Any]:
    """The same case, but its postage is owed, as if it had been handed out at the counter."""
    kind, case, units = house.streams["ca_a"]
    step = after(case.payment, *postage_unused(case.payment))
    return kind, replace(case, payment=step), units


@pytest.mark.parametrize("part", ["amends", "postage"])
def test_a_part_that_was_never_owed_never_goes_back(part: str):
    assert House().paid(**PREPAID).no(back(POSTAGE_FEN, part)) == "payment.refund_not_owed"
    house = House().paid(**PREPAID)
    house.ok(pay(reference="pay-2"))
    assert house.no(back(POSTAGE_FEN, part, "pay-2")) == "payment.refund_not_owed"
    assert house.no(back(POSTAGE_FEN, part, "pay-9")) == "payment.refund_not_owed"


def test_an_owed_part_is_not_recorded_under_another_name():
    step = paid(missed="post", amends_fen=1400)
    assert [one.part for one in after(step, *amends(step)).owed] == ["amends"]
    house = House().submitted(**PREPAID)
    house.ring("examination.reviewing")
    house.ok(Approve())
    house.ok(pay(at=house.now))
    house.draw()
    assert house.no(back(1400, "postage")) == "payment.refund_not_owed"
    assert house.case.payment.owed == (Owed("pay-1", 1400, "amends"),)


@pytest.mark.parametrize(
    ("promised", "amends_fen", "postage_fen"),
    [(1400, 1400, 1400), (12_600, 12_600, 800), (13_400, 13_400, 0), (99_000, 13_400, 0)],
)
def test_never_more_goes_back_than_was_paid_in_all(promised: int, amends_fen: int, postage_fen: int):
    step = paid(missed="post", amends_fen=promised)
    step = after(step, *amends(step))
    assert step.owed == (Owed("pay-1", amends_fen, "amends"),)
    step = after(step, *postage_unused(step))
    assert sum(one.amount_fen for one in step.owed) == amends_fen + postage_fen <= BOTH_FEN
    late = after(paid(), *postage_unused(paid()))
    late = replace(late, missed="post", amends_fen=99_000)
    [made_good] = amends(late)
    assert made_good.amount_fen == FEE_FEN


@pytest.mark.parametrize("state", [one for one in PaymentState if one is not PaymentState.PAID])
def test_postage_goes_back_as_a_part_only_of_a_payment_that_stands(state: PaymentState):
    assert postage_unused(paid(state=state)) == []


def test_who_prepaid_nothing_gets_no_postage_back():
    assert postage_unused(paid(postage_fen=0)) == []


def test_the_choice_stands_on_the_application():
    house = House()
    house.ok(application(**PREPAID))
    assert house.events[0][1].postage == "prepaid"  # type: ignore[attr-defined]
