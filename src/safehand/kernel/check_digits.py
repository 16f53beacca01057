"""Check digits: the pure arithmetic that several houses' numbers share (ISO 7064, 7-3-1)."""

from typing import Final

_MOD_11_2_CHARACTERS: Final = "10X98765432"
_MOD_11_2_WEIGHTS: Final = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_731_VALUES: Final = {"<": 0} | {str(n): n for n in range(10)} | {chr(65 + n): 10 + n for n in range(26)}
DIGITS_MAX: Final = 64


def are_digits(text: str) -> bool:
    """Whether every character is one of 0–9; full-width and other scripts' digits are not."""
    return text.isascii() and text.isdigit()


def mod_11_2_character(digits: str) -> str:
    """The check character of 17 digits: `0`–`9` or `X` (GB 11643-1999, ISO 7064 MOD 11-2).

    Raises `ValueError` unless given exactly 17 digits.
    """
    if len(digits) != 17 or not are_digits(digits):
        raise ValueError("seventeen digits are needed")
    return _MOD_11_2_CHARACTERS[
        sum(int(digit) * weight for digit, weight in zip(digits, _MOD_11_2_WEIGHTS, strict=True)) % 11
    ]


def mod_11_10_digit(digits: str) -> str:
    """The check digit of any run of digits (ISO 7064 MOD 11,10): finds every single wrong digit.

    Raises `ValueError` unless given 1 to 64 digits.
    """
    if not 1 <= len(digits) <= DIGITS_MAX or not are_digits(digits):
        raise ValueError("1 to 64 digits are needed")
    product = 10
    for digit in digits:
        total = (product + int(digit)) % 10 or 10
        product = total * 2 % 11
    return str((11 - product) % 10)


def weights_731_digit(text: str) -> int:
    """The check digit of a machine-readable field (ICAO 9303: weights 7 3 1; A–Z are 10–35, `<` is 0).

    Raises `ValueError` for any other character and for fields over 64 characters.
    """
    if len(text) > DIGITS_MAX:
        raise ValueError("at most 64 characters")
    try:
        return sum(_731_VALUES[letter] * (7, 3, 1)[place % 3] for place, letter in enumerate(text)) % 10
    except KeyError as unknown:
        raise ValueError(f"only A-Z, 0-9 and < occur in a machine-readable field, not {unknown}") from None
