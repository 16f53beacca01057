"""Double entry of custody: a unit is in exactly one account, and no move contradicts the book."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safehand.kernel.ledger import BooksDisagree, Standing, posted
from safehand.kernel.machine import Move

PHASES = ("opened", "offered", "accepted", "refused", "moved")
ACCOUNTS = ("vault", "shelf", "courier")


def move(unit: str, giver: str, taker: str, phase: str) -> Move:
    return Move(unit=unit, giver=giver, taker=taker, phase=phase)  # pyright: ignore[reportArgumentType]


def book(*moves: Move) -> dict[str, Standing]:
    units: dict[str, Standing] = {}
    for one in moves:
        units = posted(units=units, move=one)
    return units


OPENED = move("d1", "issued", "vault", "opened")
OFFERED = move("d1", "vault", "shelf", "offered")


def test_an_offer_leaves_the_unit_with_its_giver_until_it_is_accepted() -> None:
    assert book(OPENED, OFFERED) == {"d1": Standing("vault", "shelf")}
    assert book(OPENED, OFFERED, move("d1", "vault", "shelf", "accepted")) == {"d1": Standing("shelf")}


def test_a_refused_offer_changes_nothing_in_the_end() -> None:
    assert book(OPENED, OFFERED, move("d1", "vault", "shelf", "refused")) == book(OPENED)


@pytest.mark.parametrize(
    ("before", "wrong"),
    [
        ((OPENED,), OPENED),
        ((), OFFERED),
        ((OPENED, OFFERED), OFFERED),
        ((OPENED, OFFERED), move("d1", "vault", "courier", "offered")),
        ((OPENED, OFFERED), move("d1", "vault", "courier", "accepted")),
        ((OPENED, OFFERED), move("d1", "shelf", "vault", "refused")),
        ((OPENED, OFFERED), move("d1", "vault", "shelf", "moved")),
        ((OPENED,), move("d1", "shelf", "courier", "moved")),
        ((OPENED,), move("d1", "vault", "shelf", "accepted")),
        ((OPENED,), move("d2", "vault", "shelf", "moved")),
    ],
)
def test_a_move_that_the_book_contradicts_is_a_bug(before: tuple[Move, ...], wrong: Move) -> None:
    with pytest.raises(BooksDisagree, match=wrong.unit):
        posted(units=book(*before), move=wrong)


moves = st.builds(
    move,
    st.sampled_from(("d1", "d2")),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(ACCOUNTS),
    st.sampled_from(PHASES),
)


@settings(max_examples=60, deadline=None)
@given(st.lists(moves, max_size=40))
def test_whatever_is_tried_no_unit_is_lost_or_doubled_and_no_other_unit_is_touched(tried: list[Move]) -> None:
    units: dict[str, Standing] = {}
    opened: set[str] = set()
    for one in tried:
        try:
            after = posted(units=units, move=one)
        except BooksDisagree:
            continue
        opened.add(one.unit)
        assert after.keys() == opened
        assert all(after[other] == standing for other, standing in units.items() if other != one.unit)
        units = after
