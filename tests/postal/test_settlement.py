"""Postage: due, collected, waived."""

import pytest

from safehand.link.messages import Kind, PostageMode, Reason
from safehand.postal.settlement import commands as to_settle
from safehand.postal.undeliverable import commands as to_return
from tests.postal.house import COURIER, House


def collecting(house: House, amount_fen: int = 1400) -> to_settle.RecordCollected:
    return to_settle.RecordCollected(waybill=house.waybill, amount_fen=amount_fen, collector=COURIER)


@pytest.mark.parametrize(
    ("mode", "fen"),
    [(PostageMode.PREPAID, 1400), (PostageMode.FREE, 0), (PostageMode.ON_DELIVERY, 0)],
)
def test_prepaid_and_free_items_owe_nothing(mode: PostageMode, fen: int):
    house = House().claimed(postage_mode=mode, postage_fen=fen)
    assert house.why_not(collecting(house, fen or 1400)) == "settlement.nothing_due"
    assert house.do(house.proof()) == ["delivery.proof_recorded"]
    assert house.bodies(Kind.POSTAGE_COLLECTED) == []


def test_postage_paid_before_the_proof_is_collected_once():
    house = House().with_courier()
    assert house.waits()["settlement.due"].group == COURIER
    assert house.do(collecting(house)) == ["settlement.postage_collected"]
    assert house.do(collecting(house)) == []
    assert "settlement.due" not in house.waits()
    house.do(house.claiming())
    assert house.do(house.proof()) == ["delivery.proof_recorded"]
    assert len(house.bodies(Kind.POSTAGE_COLLECTED)) == 1


def test_another_amount_is_refused():
    house = House().with_courier()
    assert house.why_not(collecting(house, 1300)) == "settlement.amount_differs"


def test_postage_is_collected_by_whoever_has_the_item_for_hand_over():
    house = House().at_office()
    assert house.why_not(collecting(house)) == "settlement.not_at_the_door"


def test_what_goes_back_owes_nothing_any_more():
    house = House().at_office()
    house.do(to_return.Recall(waybill=house.waybill, reason=Reason.RECALLED))
    assert house.item.settlement.state == "waived"


def test_what_was_paid_and_then_goes_back_stays_recorded():
    house = House().with_courier()
    house.do(collecting(house))
    house.do(to_return.Recall(waybill=house.waybill, reason=Reason.RECALLED))
    assert house.item.settlement.state == "collected"
