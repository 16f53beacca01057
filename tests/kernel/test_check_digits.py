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


@pytest.mark.parametrize("place", range(17))
def test_every_digit_of_an_identity_number_counts_with_its_weight(place: int):
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    digits = "0" * place + "1" + "0" * (16 - place)
    assert mod_11_2_character(digits) == "10X98765432"[weights[place] % 11]


@pytest.mark.parametrize(("letter", "value"), [("A", 10), ("B", 11), ("Z", 35), ("<", 0), ("9", 9)])
def test_letters_count_from_ten_on(letter: str, value: int):
    assert weights_731_digit(letter) == value * 7 % 10
    assert weights_731_digit("00" + letter) == value % 10


@pytest.mark.parametrize("text", ["[", "@", "a", "10["])
def test_nothing_beside_letters_digits_and_the_filler_counts(text: str):
    with pytest.raises(ValueError, match="only A-Z"):
        weights_731_digit(text)
