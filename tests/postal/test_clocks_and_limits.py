"""What the post promises in time and allows in number, and what an item that has not begun says."""

from datetime import timedelta
from typing import Any

import msgspec

from safehand.link.identity_word import WORD_CHARACTERS
from safehand.postal.acceptance import rules as acceptance
from safehand.postal.acceptance.bags import rules as bags
from safehand.postal.acceptance.bags.states import Bag
from safehand.postal.acceptance.waybills.rules import NEARLY_USED_UP_PARTS
from safehand.postal.acceptance.waybills.states import Numbers
from safehand.postal.custody.rules import CLOCK_SKEW_MAX
from safehand.postal.delivery import rules as delivery
from safehand.postal.delivery.states import After
from safehand.postal.identity_check import rules as identity_check
from safehand.postal.item import Item
from safehand.postal.transport import rules as transport
from safehand.postal.undeliverable import rules as undeliverable


def test_the_clocks_are_those_that_were_agreed():
    """Another value changes what the authority and people are promised: agree it, then change it here too."""
    hours = timedelta(hours=1)
    assert (4 * hours, 24 * hours) == (acceptance.NUMBER_RETRY, acceptance.NUMBER_WAIT_MAX)
    assert 72 * hours == acceptance.HANDOVER_DUE
    assert (24 * hours, 24 * hours) == (bags.BAG_DUE, bags.DIFFERENCE_DUE)
    assert (24 * hours, 48 * hours) == (transport.DEPARTURE_DUE, transport.ARRIVAL_DUE)
    assert (delivery.ROUND_FIRST_HOUR, delivery.ROUND_LAST_HOUR) == (6, 21)
    assert (hours / 2, 24 * hours) == (delivery.ANSWER_DUE, delivery.NONCONFORMING_DUE)
    assert (hours / 60, hours / 12) == (delivery.STALE_ANSWER, CLOCK_SKEW_MAX)
    assert (72 * hours, 24 * hours) == (undeliverable.SEARCH_DUE, undeliverable.SCAN_IN_DUE)
    assert 24 * hours == identity_check.ITEM_WINDOW


def test_the_limits_are_those_that_were_agreed():
    assert (acceptance.PRINTS_MAX, acceptance.TOKEN_BYTES, WORD_CHARACTERS) == (20, 16, 4)
    assert NEARLY_USED_UP_PARTS == 20
    assert (transport.SCANS_MAX, undeliverable.RETURN_SCANS_MAX) == (40, 40)
    assert (identity_check.ITEM_QUESTIONS_MAX, identity_check.COURIER_QUESTIONS_PER_HOUR_MAX) == (6, 60)


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
    for struct in (Item(), Bag(), Numbers()):
        for name, value in said_by(struct).items():
            assert not value or value in ("none", "not_begun", After.TRY_AGAIN), name
