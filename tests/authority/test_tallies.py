"""The one word for where a case stands, and the tallies that it moves."""

from typing import Any

import pytest

from safehand.authority.handover.commands import ChangeToPickup
from safehand.authority.outward import overall
from safehand.authority.production.commands import PassCheck, RecordPrinted, SpoilDocument
from safehand.authority.returns.commands import RecordReturnOffered
from safehand.authority.tracking.commands import RecordReported
from safehand.link.messages import Reason
from tests.authority.house import WITHDRAW, House


def changed(house: House, act: Any) -> dict[str, int]:
    """What an act changes in the tallies."""
    before = dict(house.tally)
    act(house)
    return {
        name: after - before.get(name, 0)
        for name, after in house.tally.items()
        if after != before.get(name, 0)
    }


def fetched(house: House) -> House:
    house.issued().ok(ChangeToPickup())
    return house


def offered_back(house: House) -> House:
    house.with_post()
    house.ok(RecordReturnOffered(**house.item(), reason=Reason.NOT_COLLECTED), actor="postal")
    return house


def withdrawn_after_payment(house: House) -> House:
    house.paid().ok(WITHDRAW)
    return house


@pytest.mark.parametrize(
    ("bring", "word"),
    [
        (House.submitted, "under_review"),
        (House.approved, "awaiting_payment"),
        (House.paid, "in_production"),
        (House.drawn, "in_production"),
        (House.issued, "in_handover"),
        (House.sealed, "in_handover"),
        (House.offered, "in_handover"),
        (House.at_counter, "ready_for_pickup"),
        (fetched, "in_handover"),
        (House.with_post, "with_the_post"),
        (House.delivered, "completed"),
        (offered_back, "coming_back"),
        (House.returned, "coming_back"),
        (withdrawn_after_payment, "withdrawn"),
    ],
)
def test_each_case_has_one_word_and_is_counted_under_it_alone(bring: Any, word: str):
    house = House()
    bring(house)
    assert overall(house.case) == word
    counted = {name for name, count in house.tally.items() if name.startswith("application.") and count}
    assert f"application.{word}" in counted


def test_a_print_that_is_spoiled_is_counted_and_one_that_passes_is_issued():
    house = House().drawn()
    blank = house.case.production.blank
    printed = changed(house, lambda house: house.ok(RecordPrinted(blank=blank), actor="st_printer"))
    assert printed == {}
    spoil = SpoilDocument(blank=blank, reason="misprint", witness="st_two")
    assert changed(house, lambda house: house.ok(spoil)) == {
        "exception.spoiled": 1,
        "custody.production": -1,
        "custody.destroyed": 1,
    }
    house.draw()
    spoil = SpoilDocument(blank=house.case.production.blank, reason="misprint", witness="st_two")
    assert changed(house, lambda house: house.ok(spoil))["exception.spoiled"] == 1
    house.draw()
    blank = house.case.production.blank
    house.ok(RecordPrinted(blank=blank), actor="st_printer")
    passed = changed(house, lambda house: house.ok(PassCheck(blank=blank), actor="st_checker"))
    assert passed["document.issued"] == 1
    assert "exception.spoiled" not in passed


def test_a_document_is_counted_when_it_is_drawn():
    house = House().paid()
    drawn = changed(house, lambda house: house.draw())
    assert (drawn["document.made"], drawn["custody.production"]) == (1, 1)


def test_what_changes_no_number_counts_nothing():
    house = House().with_post()
    reported = RecordReported(**house.item(), carrier_code="50", occurred_at=house.now)
    house.ok(reported, actor="postal")
    assert changed(house, lambda house: house.ok(reported, actor="postal")) == {}
