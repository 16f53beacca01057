"""Money: whole fen only."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehand.kernel.money import AMOUNT_FEN_MAX, Fen, fen, fen_of_yuan, total_fen, yuan_digits, yuan_text


@given(st.integers(0, AMOUNT_FEN_MAX))
def test_what_is_written_is_read_again(amount: int):
    assert fen_of_yuan(yuan_digits(fen(amount))) == amount


@pytest.mark.parametrize(("text", "amount"), [("120", 12000), ("13.5", 1350), ("0.05", 5), ("0", 0)])
def test_yuan_are_read(text: str, amount: int):
    assert fen_of_yuan(text) == amount


@pytest.mark.parametrize(
    "text", ["", "-1", "+1", "1.234", "01", "1e3", "１２", "1,000", " 1", ".5", "1.", "9" * 30]
)
def test_what_is_no_amount_is_refused(text: str):
    with pytest.raises(ValueError, match="amount"):
        fen_of_yuan(text)


@pytest.mark.parametrize("amount", [-1, AMOUNT_FEN_MAX + 1])
def test_amounts_have_limits(amount: int):
    with pytest.raises(ValueError, match="amount"):
        fen(amount)


@pytest.mark.parametrize("amount", [1.0, "1", True, None])
def test_an_amount_is_a_whole_number(amount: object):
    with pytest.raises(TypeError):
        fen(amount)  # type: ignore[arg-type]


def test_a_sum_beyond_the_limit_is_refused():
    assert total_fen([Fen(1), Fen(2)]) == 3
    with pytest.raises(ValueError, match="amount"):
        total_fen([Fen(AMOUNT_FEN_MAX), Fen(1)])


def test_people_read_amounts_in_their_language():
    assert yuan_text(amount=Fen(123450), language="en") == "CNY 1,234.50"
    assert yuan_text(amount=Fen(123450), language="zh") == "1,234.50元"


def test_the_limit_is_a_hundred_million_yuan():
    assert AMOUNT_FEN_MAX == 10_000_000_000
    assert fen(0) == 0
    assert fen(AMOUNT_FEN_MAX) == AMOUNT_FEN_MAX


def test_fen_are_written_with_two_digits():
    assert yuan_digits(Fen(5)) == "0.05"
    assert yuan_digits(Fen(12050)) == "120.50"
    assert yuan_text(amount=Fen(100), language="en") == "CNY 1.00"
