"""Production: blanks in order, two persons, and a spoiled blank costs the applicant nothing."""

import pytest

from safehand.authority.production.commands import (
    PassCheck,
    ProductionExpired,
    RecordPrinted,
    SpoilDocument,
    StartProduction,
)
from safehand.authority.production.stock import (
    LOW_BLANKS,
    MISSING_MAX,
    RANGES_MAX,
    DrawBlank,
    ReceiveBlanks,
    ReportMissing,
)
from safehand.kernel.machine import StreamKey
from safehand.kernel.working_days import add_working_days
from tests.authority.house import CASE, CITY, MONDAY, STOCK, House


def spoil(blank: int = 1, reason: str = "misprint", witness: str = "st_witness") -> SpoilDocument:
    return SpoilDocument(blank=blank, reason=reason, witness=witness)  # pyright: ignore[reportArgumentType]


def test_the_production_clock_is_three_working_days():
    line = House().paid().waits()["production.waiting_blank"]
    assert line.due_at == add_working_days(MONDAY, 3)
    assert (line.owner, line.group) == ("production_clerk", "passport")


def test_blanks_are_consumed_in_order():
    house = House().paid()
    house.ok(ReceiveBlanks(first=7, last=9), stream=STOCK)
    assert house.ok(DrawBlank(case=CASE), stream=STOCK) == ["stock.drawn"]
    assert house.case.production.blank == 7
    assert house.account == "production"


def test_a_draw_for_a_case_that_does_not_wait_leaves_the_blank_in_the_vault():
    house = House().drawn()
    left = house.state(STOCK).left
    assert house.no(DrawBlank(case=CASE), stream=STOCK) == "production.not_now"
    assert house.state(STOCK).left == left


def test_an_empty_stock_refuses_and_a_low_one_has_an_owner():
    house = House().paid()
    assert house.no(DrawBlank(case=CASE), stream=STOCK) == "stock.exhausted"
    house.ok(ReceiveBlanks(first=1, last=LOW_BLANKS), stream=STOCK)
    assert house.waits(STOCK) == {}
    house.ok(DrawBlank(case=CASE), stream=STOCK)
    assert house.waits(STOCK)["stock.low"].owner == "production_clerk"
    house.ok(ReceiveBlanks(first=1000, last=2000), stream=STOCK)
    assert house.waits(STOCK) == {}


def test_deliveries_rise_and_never_overlap():
    house = House()
    house.ok(ReceiveBlanks(first=10, last=20), stream=STOCK)
    assert house.no(ReceiveBlanks(first=20, last=30), stream=STOCK) == "stock.range_wrong"
    assert house.no(ReceiveBlanks(first=40, last=30), stream=STOCK) == "stock.range_wrong"


def test_a_blank_of_another_kind_is_never_drawn_for_a_case():
    house = House().paid()
    other = f"st_{CITY}_taiwan-permit"
    house.ok(ReceiveBlanks(first=1, last=5), stream=other)
    assert house.no(DrawBlank(case=CASE), stream=other) == "stock.of_another_kind"
    assert house.state(other).left == 5, "nothing was drawn"


@pytest.mark.parametrize(
    "name", [f"st_{CITY}_driving-licence", "st_320500_passport", "st_passport", f"st_{CITY}_"]
)
def test_there_is_one_stock_for_each_kind_and_city_and_no_other(name: str):
    house = House().paid()
    for command in (ReceiveBlanks(first=1, last=5), DrawBlank(case=CASE), ReportMissing(blank=1)):
        assert house.no(command, stream=name) == "stock.unknown"


def test_the_stock_has_limits():
    house = House()
    for number in range(RANGES_MAX):
        house.ok(ReceiveBlanks(first=number * 1000 + 1, last=number * 1000 + 999), stream=STOCK)
    assert house.no(ReceiveBlanks(first=900_001, last=900_002), stream=STOCK) == "stock.too_many"
    for blank in range(1, MISSING_MAX + 1):
        house.ok(ReportMissing(blank=blank), stream=STOCK)
    assert house.no(ReportMissing(blank=MISSING_MAX + 1), stream=STOCK) == "stock.too_many"


def test_a_missing_blank_is_skipped():
    house = House().paid()
    house.ok(ReceiveBlanks(first=1, last=3), stream=STOCK)
    assert house.ok(ReportMissing(blank=1), stream=STOCK) == ["stock.blank_missing"]
    assert house.ok(ReportMissing(blank=1), stream=STOCK) == []
    assert house.no(ReportMissing(blank=4), stream=STOCK) == "stock.blank_not_in_stock"
    house.draw()
    assert house.case.production.blank == 2
    assert house.state(STOCK).left == 1
    assert house.no(ReportMissing(blank=2), stream=STOCK) == "stock.blank_not_in_stock"


def test_the_printer_can_not_pass_the_check():
    house = House().drawn()
    assert house.ok(RecordPrinted(blank=1), actor="st_a") == ["production.printed"]
    assert house.no(PassCheck(blank=1), actor="st_a") == "production.same_person"
    issued = house.ok(PassCheck(blank=1), actor="st_b")
    assert issued[:3] == ["production.issued", "register.entry_due", "register.entry_due"]
    assert house.case.papers.made[0].valid


def test_only_the_blank_of_the_case_can_be_worked_on():
    house = House().drawn()
    assert house.no(RecordPrinted(blank=2)) == "production.wrong_blank"
    assert house.no(PassCheck(blank=1)) == "production.not_now"
    assert house.no(spoil(blank=2)) == "production.wrong_blank"


def test_what_is_done_already_is_already_so():
    house = House().drawn()
    house.ok(RecordPrinted(blank=1), actor="st_a")
    assert house.ok(RecordPrinted(blank=1), actor="st_a") == []
    house.ok(PassCheck(blank=1), actor="st_b")
    assert house.ok(PassCheck(blank=1), actor="st_b") == []


def test_a_spoiled_blank_is_burned_before_a_witness_and_another_one_is_drawn_free_of_charge():
    house = House().drawn()
    assert house.no(spoil(), actor="st_witness") == "production.same_person"
    assert house.ok(spoil()) == ["production.spoiled"]
    assert house.tally["custody.destroyed"] == house.tally["exception.spoiled"] == 1
    assert "payment.awaiting" not in house.waits()
    house.draw()
    house.make()
    assert [document.make for document in house.case.papers.made] == [2]


def test_a_spoiled_print_keeps_the_first_clock():
    house = House().drawn()
    due_at = house.waits()["production.started"].due_at
    house.ok(RecordPrinted(blank=1))
    house.ok(spoil(reason="check_failed"))
    assert house.waits()["production.waiting_blank"].due_at == due_at


def test_a_blank_that_is_missing_in_production_is_an_incident_and_not_destroyed():
    house = House().drawn()
    house.ok(spoil(reason="missing"))
    assert house.tally["custody.incident"] == 1


def test_an_issued_document_can_not_be_spoiled():
    assert House().issued().no(spoil()) == "production.not_now"


def test_late_production_is_the_managers_in_each_of_its_states():
    house = House().paid()
    assert house.ok(ProductionExpired()) == []
    house.ring("production.waiting_blank")
    assert house.waits()["production.waiting_blank"].owner == "authority_manager"
    house.draw()
    assert house.waits()["production.started"].owner == "authority_manager"
    assert house.ok(ProductionExpired()) == []
    fresh = House().drawn()
    fresh.ring("production.started")
    printed = House().drawn()
    printed.ok(RecordPrinted(blank=1))
    assert printed.ring("production.printed") == [
        "production.ran_late",
        "payment.promise_missed",
        "payment.amends_owed",
    ]


def test_nobody_starts_production_of_an_unpaid_case():
    assert House().approved().no(StartProduction(blank=1, document="passport")) == "production.not_now"


def test_every_blank_of_a_range_is_there_from_its_first_to_its_last():
    house = House().paid()
    house.ok(ReceiveBlanks(first=5, last=5), stream=STOCK)
    house.ok(ReceiveBlanks(first=6, last=8), stream=STOCK)
    assert house.state(STOCK).left == 4
    for blank in (5, 8):
        assert house.ok(ReportMissing(blank=blank), stream=STOCK) == ["stock.blank_missing"]
    assert house.state(STOCK).left == 2
    house.ok(ReportMissing(blank=6), stream=STOCK)
    house.ok(DrawBlank(case=CASE), stream=STOCK)
    assert house.case.production.blank == 7
    stock = house.state(STOCK)
    assert [(span.first, span.last) for span in stock.ranges] == [(8, 8)]
    assert (stock.missing, stock.left) == ((8,), 0)
    assert house.no(DrawBlank(case="ca_b"), stream=STOCK) == "stock.exhausted"


def test_a_range_that_is_used_up_leaves_the_stock():
    house = House().paid()
    house.ok(ReceiveBlanks(first=1, last=1), stream=STOCK)
    house.ok(DrawBlank(case=CASE), stream=STOCK)
    assert house.state(STOCK).ranges == ()


def test_only_a_draw_needs_its_case_at_hand():
    machine = House().machines["stock"]
    key = StreamKey(310000, STOCK)
    assert machine.touches(DrawBlank(case=CASE), key) == (StreamKey(310000, CASE),)
    assert machine.touches(ReceiveBlanks(first=1, last=2), key) == ()


def test_between_two_blanks_the_case_has_none():
    house = House().drawn()
    house.ok(spoil(blank=house.case.production.blank))
    assert house.case.production.blank == 0
