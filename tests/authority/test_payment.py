"""Payment: in full and in time; what came late or twice goes back, and nothing is ever lost."""

from datetime import datetime, timedelta

from msgspec.structs import replace

from safehand.authority.documents.document import Refund
from safehand.authority.machines import build_machines
from safehand.authority.payment.commands import PaymentExpired, RecordRefund, SettlePayment
from safehand.authority.payment.rules import PAYMENTS_MAX
from safehand.kernel.machine import Machine
from safehand.kernel.working_days import add_days
from tests.authority.house import MONDAY, WITHDRAW, House, loaded


def pay(reference: str = "pay-1", amount_fen: int = 12000, paid_at: datetime = MONDAY) -> SettlePayment:
    return SettlePayment(reference=reference, amount_fen=amount_fen, paid_at=paid_at)


def refund(reference: str = "pay-1", amount_fen: int = 12000) -> RecordRefund:
    return RecordRefund(reference=reference, refund_reference=f"back-{reference}", amount_fen=amount_fen)


def machines_that_keep_the_fee() -> dict[str, Machine]:
    """The repository's rules, but nothing comes back on withdrawal."""
    cities, documents = loaded()
    passport = documents["passport"]
    keep = Refund(withdrawn_before_production_percent=0, withdrawn_later_percent=0)
    views = tuple(replace(view, refund=keep) for view in passport.resolved.views)
    strict = replace(passport, resolved=replace(passport.resolved, views=views))
    return build_machines(cities=cities, documents={"passport": strict})


def lapsed() -> House:
    house = House().approved()
    house.ring("payment.awaiting")
    return house


def test_the_fee_is_due_seven_days_after_approval():
    house = House().approved()
    assert house.waits()["payment.awaiting"].due_at == add_days(MONDAY, 7)
    assert house.case.payment.fee_fen == 12000


def test_a_payment_in_full_opens_production():
    house = House().approved()
    assert house.ok(pay()) == ["payment.settled", "production.opened"]
    assert house.ok(pay()) == []


def test_another_amount_is_refused():
    assert House().approved().no(pay(amount_fen=11999)) == "payment.amount_differs"


def test_nothing_can_be_paid_before_approval():
    assert House().submitted().no(pay()) == "payment.not_now"


def test_without_payment_the_application_is_deemed_withdrawn():
    house = House().approved()
    assert house.ok(PaymentExpired()) == []
    assert house.ring("payment.awaiting") == ["payment.lapsed", "application.deemed_withdrawn"]
    assert all(name.startswith("receipt:") for name in house.holders)


def test_money_that_comes_after_the_end_is_taken_in_to_be_given_back():
    house = lapsed()
    assert house.ok(pay()) == ["payment.came_late"]
    assert house.waits()["payment.refund_due"].owner == "system"
    assert house.ok(refund()) == ["payment.refund_recorded", "payment.refunds_done"]
    assert house.waits() == {}


def test_a_payment_made_too_late_lapses_the_application_even_before_the_clock_was_heard():
    house = House().approved()
    house.later(days=8)
    assert house.ok(pay(paid_at=house.now)) == [
        "payment.lapsed",
        "payment.came_late",
        "application.deemed_withdrawn",
    ]


def test_a_payment_made_in_time_counts_although_we_hear_of_it_late():
    house = House().approved()
    house.later(days=8)
    assert house.ok(pay(paid_at=MONDAY + timedelta(days=1))) == ["payment.settled", "production.opened"]


def test_a_second_payment_goes_back_and_the_application_goes_on():
    house = House().paid()
    assert house.ok(pay("pay-2")) == ["payment.came_twice"]
    assert {"payment.refund_due", "production.waiting_blank"} <= set(house.waits())
    assert house.ok(refund("pay-2")) == ["payment.refund_recorded"]
    assert "payment.refund_due" not in house.waits()


def test_several_late_payments_all_go_back():
    house = lapsed()
    house.ok(pay("pay-1"))
    house.ok(pay("pay-2"))
    assert house.ok(refund("pay-1")) == ["payment.refund_recorded"]
    assert house.ok(refund("pay-2")) == ["payment.refund_recorded", "payment.refunds_done"]
    assert house.ok(pay("pay-3")) == ["payment.came_late"]


def test_no_payment_goes_back_twice_or_in_another_amount():
    house = lapsed()
    house.ok(pay())
    assert house.no(refund(amount_fen=1)) == "payment.refund_not_owed"
    house.ok(refund())
    assert house.ok(refund()) == []
    assert house.ok(pay()) == []


def test_the_fee_of_a_running_application_never_goes_back():
    assert House().paid().no(refund()) == "payment.refund_not_owed"


def test_a_payment_after_withdrawal_goes_back():
    house = House().approved()
    house.ok(WITHDRAW)
    assert house.ok(pay()) == ["payment.came_late"]


def test_where_the_dated_policy_keeps_the_fee_only_a_double_payment_goes_back():
    house = House(machines_that_keep_the_fee()).paid()
    house.ok(pay("pay-2"))
    assert house.ok(WITHDRAW) == ["application.withdrawn", "payment.kept", "production.closed"]
    assert house.waits()["payment.refund_due"].owner == "system"
    assert house.ok(refund("pay-2")) == ["payment.refund_recorded"]
    assert house.waits() == {}


def test_there_is_a_limit_to_the_payments_of_one_application():
    house = lapsed()
    for number in range(PAYMENTS_MAX):
        house.ok(pay(f"pay-{number}"))
    assert house.no(pay("one-more")) == "payment.too_many"


def test_paid_at_the_very_end_of_the_seven_days_is_too_late_and_just_before_it_is_not():
    house = House().approved()
    due_at = house.waits()["payment.awaiting"].due_at
    assert house.ok(pay(paid_at=due_at - timedelta(microseconds=1)))[0] == "payment.settled"
    assert House().approved().ok(pay(paid_at=due_at))[0] == "payment.lapsed"


def test_all_that_is_owed_is_remembered_until_it_has_gone_back():
    house = House().paid()
    house.ok(pay("pay-2"))
    house.ok(pay("pay-3"))
    assert [owed.reference for owed in house.case.payment.owed] == ["pay-2", "pay-3"]
    house.ok(refund("pay-2"))
    assert [owed.reference for owed in house.case.payment.owed] == ["pay-3"]
    assert house.ok(refund("pay-2")) == []
    house.ok(WITHDRAW)
    assert [owed.reference for owed in house.case.payment.owed] == ["pay-3", "pay-1"]


def test_what_was_never_paid_never_goes_back():
    assert House().paid().no(refund("pay-9")) == "payment.refund_not_owed"
    assert House().submitted().no(refund("pay-1")) == "payment.refund_not_owed"
