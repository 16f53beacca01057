"""A promise that was missed is worth the postage: noted and told at once, once, and paid back out of the fee."""

from __future__ import annotations

from datetime import timedelta

import pytest

from safehand.authority.examination.commands import Approve
from safehand.authority.machines import build_machines
from safehand.authority.payment.commands import RecordRefund, SettlePayment
from safehand.authority.payment.states import Owed, PaymentState
from safehand.authority.tracking.commands import RecordAttempt, RecordIncident, RecordLoss, RecordReported
from safehand.authority.wish.commands import AskWish
from safehand.kernel.machine import Machine
from safehand.kernel.working_days import local_day
from safehand.link.messages import Reason, Scan
from tests.authority.house import CITY, WITHDRAW, House, with_postage

POSTAGE_FEN = 1400


def attempt(house: House, number: int = 1, reason: Reason = Reason.ABSENT) -> RecordAttempt:
    return RecordAttempt(**house.item(), reason=reason, attempt=number, place="310115", occurred_at=house.now)


def amends(house: House) -> int:
    """What has been owed so far because of a missed promise."""
    return sum(
        getattr(event, "amount_fen", 0) for _, event in house.events if "Amends" in type(event).__name__
    )


def refund(amount_fen: int = POSTAGE_FEN) -> RecordRefund:
    return RecordRefund(reference="pay-1", refund_reference="back", amount_fen=amount_fen, part="amends")


def reviewed_late() -> House:
    house = House().submitted()
    assert house.ring("examination.reviewing")[:2] == ["examination.ran_late", "payment.promise_missed"]
    return house


def test_a_late_review_is_told_at_once_and_goes_back_once_the_document_is_being_made():
    house = reviewed_late()
    told = {one.template: dict(one.facts) for one in house.notices}
    assert told["promise_missed"] == {"step": "examination", "amount_fen": POSTAGE_FEN}
    assert "running_late" in told
    house.ok(Approve())
    house.ok(SettlePayment(reference="pay-1", amount_fen=12000, paid_at=house.now))
    assert house.case.payment.owed == (), "until then the whole fee may have to go back"
    house.draw()
    assert house.case.payment.owed == (Owed("pay-1", POSTAGE_FEN, "amends"),)
    assert house.case.payment.state is PaymentState.PAID
    assert house.waits()["payment.refund_due"].owner == "system"
    assert house.ok(refund()) == ["payment.refund_recorded"]
    assert house.ok(refund()) == [], "told twice"
    assert house.notices[-1].template == "payment_refunded"
    assert "payment.refund_due" not in house.waits()


def test_whoever_withdraws_after_a_late_review_gets_the_whole_fee_and_nothing_twice():
    house = reviewed_late()
    house.ok(Approve())
    house.ok(SettlePayment(reference="pay-1", amount_fen=12000, paid_at=house.now))
    house.ok(WITHDRAW)
    assert house.case.payment.owed == (Owed("pay-1", 12000),)
    assert amends(house) == 0


def test_one_case_is_made_good_once_however_often_it_is_late():
    house = reviewed_late()
    house.ok(Approve())
    house.ok(SettlePayment(reference="pay-1", amount_fen=12000, paid_at=house.now))
    assert house.ring("production.waiting_blank") == ["production.ran_late"]
    house.draw()
    assert amends(house) == POSTAGE_FEN


def test_late_production_is_owed_when_it_begins_and_at_once_when_it_has_begun():
    waiting, begun = House().paid(), House().drawn()
    assert waiting.ring("production.waiting_blank")[1:] == ["payment.promise_missed"]
    waiting.draw()
    late = begun.ring("production.started")
    assert late == ["production.ran_late", "payment.promise_missed", "payment.amends_owed"]
    for house in (waiting, begun):
        assert house.case.payment.owed == (Owed("pay-1", POSTAGE_FEN, "amends"),)


@pytest.mark.parametrize("days", [1, 2])
def test_the_first_visit_after_the_promised_day_is_late_and_none_before_it(days: int):
    house = House().with_post()
    house.later(days=days)
    assert ("payment.amends_owed" in house.ok(attempt(house))) is (days == 2)


def test_a_visit_in_time_keeps_the_promise_whatever_comes_after():
    house = House().with_post()
    house.later(days=1)
    house.ok(attempt(house))
    house.later(days=3)
    house.ok(attempt(house, 2))
    house.ok(house.claim())
    assert amends(house) == 0


def test_what_is_proven_or_reported_late_without_a_visit_before_is_late():
    proven, reported, silent = House().with_post(), House().with_post(), House().with_post()
    for house in (proven, reported):
        house.later(days=2)
    assert "payment.amends_owed" in proven.ok(proven.claim())
    assert "payment.amends_owed" in reported.ok(
        RecordReported(**reported.item(), carrier_code="50", occurred_at=reported.now)
    )
    assert silent.ring("tracking.on_the_way")[0] == "tracking.overdue"
    assert amends(silent) == POSTAGE_FEN
    silent.ok(silent.claim())
    assert amends(silent) == POSTAGE_FEN


def test_whoever_wished_another_day_was_promised_that_one():
    house, late, fetched = House().with_post(), House().with_post(), House().with_post()
    day = local_day(house.now) + timedelta(days=4)
    for one in (house, late):
        one.ok(AskWish(number=1, wish="another_day", day=day))
    fetched.ok(AskWish(number=1, wish="post_office"))
    house.later(days=4)
    house.ok(house.claim())
    late.later(days=5)
    late.ok(late.claim())
    fetched.later(days=5)
    fetched.ok(fetched.scan(Scan.HELD, "sc_held"), actor="postal")
    fetched.ok(fetched.claim())
    assert [amends(one) for one in (house, late, fetched)] == [0, POSTAGE_FEN, 0]


def test_nothing_where_no_postage_is_paid():
    counter = House().submitted(mode="counter")
    assert counter.ring("examination.reviewing") == ["examination.ran_late"]
    again = House().with_post()
    again.ok(RecordIncident(**again.item(), reason=Reason.LOST))
    again.ok(RecordLoss(**again.item()))
    again.ring("production.waiting_blank")
    again.draw()
    again.make()
    assert again.case.handover.free
    again.label()
    again.seal()
    again.offer("bg_b")
    again.accept("bg_b")
    again.later(days=5)
    again.ok(again.claim())
    assert amends(again) == 0


def with_percent(percent: int) -> dict[str, Machine]:
    cities, documents = with_postage(CITY, missed_promise_percent=percent)
    return build_machines(cities=cities, documents=documents)


@pytest.mark.parametrize(("percent", "fen"), [(0, 0), (33, 462), (50, 700)])
def test_the_share_is_the_citys_dated_choice(percent: int, fen: int):
    house = House(with_percent(percent)).with_post()
    house.later(days=2)
    house.ok(house.claim())
    assert amends(house) == fen
