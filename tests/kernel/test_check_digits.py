"""Check digits: what is no run of digits has none."""

import pytest

from safehand.kernel.check_digits import DIGITS_MAX, mod_11_2_character, mod_11_10_digit, weights_731_digit


@pytest.mark.parametrize("length", [1, DIGITS_MAX])
def test_one_to_sixty_four_digits_have_a_check_digit(length: int):
    assert DIGITS_MAX == 64
    assert mod_11_10_digit("1" * length).isdigit()
    assert weights_731_digit("1" * length) in range(10)


@pytest.mark.parametrize("text", ["", "1" * (DIGITS_MAX + 1), "12a", "１２"])
def test_anything_else_has_none(text: str):
    with pytest.raises(ValueError, match="digits are needed"):
        mod_11_10_digit(text)


@pytest.mark.parametrize("text", ["1" * 16, "1" * 18, "1" * 16 + "x"])
def test_an_identity_number_has_seventeen_digits_before_its_check_character(text: str):
    with pytest.raises(ValueError, match="seventeen"):
        mod_11_2_character(text)
