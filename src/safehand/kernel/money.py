"""Money as whole fen: no fractions, no floating point, a named limit."""

import re
from typing import Final, Literal, NewType

Fen = NewType("Fen", int)
AMOUNT_FEN_MAX: Final = 100_000_000_00
"""A hundred million yuan: no amount of this service comes near; a larger one is a mistake or an attack."""

_YUAN = re.compile(r"(0|[1-9][0-9]{0,8})(?:\.([0-9]{1,2}))?")


def fen(amount_fen: int) -> Fen:
    """A checked amount. Raises `TypeError` for anything but a whole number, `ValueError` outside 0…limit."""
    if type(amount_fen) is not int:
        raise TypeError(f"an amount is a whole number of fen, not {type(amount_fen).__name__}")
    if not 0 <= amount_fen <= AMOUNT_FEN_MAX:
        raise ValueError(f"an amount lies between 0 and {AMOUNT_FEN_MAX} fen")
    return Fen(amount_fen)


def fen_of_yuan(text: str) -> Fen:
    """`"120"`, `"13.5"`, `"13.50"` as fen. Raises `ValueError` for signs, spaces, a third decimal and the like."""
    match = _YUAN.fullmatch(text)
    if match is None:
        raise ValueError("write an amount in yuan like 120 or 13.50")
    return fen(int(match[1]) * 100 + int((match[2] or "0").ljust(2, "0")))


def total_fen(amounts: list[Fen]) -> Fen:
    """The sum. Raises `ValueError` beyond the limit."""
    return fen(sum(amounts))


def yuan_digits(amount: Fen) -> str:
    """`"120.00"`: yuan with two decimals, for machines."""
    return f"{amount // 100}.{amount % 100:02d}"


def yuan_text(*, amount: Fen, language: Literal["en", "zh"]) -> str:
    """`"CNY 1,234.50"` or `"1,234.50元"`, for people."""
    digits = f"{amount // 100:,}.{amount % 100:02d}"
    return f"{digits}元" if language == "zh" else f"CNY {digits}"
