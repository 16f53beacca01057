"""What the authority promises in time and allows in number, and what a case that has not begun says."""

from typing import Any

import msgspec

from safehand.authority import machines, process
from safehand.authority.application.rules import REQUIRED_PARTS
from safehand.authority.case import Case
from safehand.authority.documents import numbers
from safehand.authority.examination.rules import CORRECTION_ROUNDS_MAX
from safehand.authority.handover.bag import Bag
from safehand.authority.handover.rules import LABEL_PRINTS_MAX
from safehand.authority.payment.rules import PAYMENTS_MAX
from safehand.authority.production import stock
from safehand.authority.rulebook import HouseClocks
from safehand.authority.tracking import rules as tracking


def test_the_clocks_that_no_source_gives_are_those_that_were_agreed():
    """Another value changes what people are promised: agree it, then change it here too."""
    assert msgspec.structs.asdict(HouseClocks()) == {
        "waybill_hours": 24,
        "handover_working_days": 1,
        "offer_hours": 24,
        "recount_hours": 24,
        "to_counter_working_days": 2,
        "silence_hours": 48,
        "reported_days": 3,
        "dispute_working_days": 5,
        "incident_days": 7,
        "recall_hours": 24,
        "shelf_working_days": 3,
        "contact_working_days": 2,
        "address_change_working_days": 1,
        "help_working_days": 2,
        "help_reopen_days": 30,
        "phone_code_minutes": 30,
    }


def test_the_limits_are_those_that_were_agreed():
    assert (CORRECTION_ROUNDS_MAX, LABEL_PRINTS_MAX, PAYMENTS_MAX) == (10, 20, 20)
    assert (stock.LOW_BLANKS, stock.RANGES_MAX, stock.MISSING_MAX) == (200, 50, 500)
    assert (tracking.CODE_ATTEMPTS_MAX, tracking.CONFIRMATION_MINUTES, tracking.SCANS_KEPT_MAX) == (5, 15, 8)
    assert (machines.EVENTS_PER_COMMAND_MAX, process.ORDER_TOKEN_BYTES) == (32, 16)
    assert (numbers.RECEIPT_DIGITS, numbers.RECEIPT_KEY_BYTES_MIN) == (15, 16)
    assert REQUIRED_PARTS == ("photo", "signature", "id_card_front", "id_card_back")


def said_by(struct: Any) -> dict[str, object]:
    """Every value inside, by its path; steps are looked into."""
    found: dict[str, object] = {}
    for name, value in msgspec.structs.asdict(struct).items():
        if isinstance(value, msgspec.Struct):
            found |= {f"{name}.{inner}": said for inner, said in said_by(value).items()}
        else:
            found[name] = value
    return found


def test_what_has_not_begun_says_nothing():
    """Values at their default are not stored, so another default would change what is stored already."""
    for struct in (Case(case="ca_a"), Bag(), stock.Stock()):
        for name, value in said_by(struct).items():
            assert not value or value == "none" or name == "case", name
