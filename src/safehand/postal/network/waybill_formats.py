"""The formats of waybill numbers that are accepted; apart from its format a number is an opaque string."""

from collections.abc import Callable
from typing import Final, Literal

from safehand.kernel.check_digits import are_digits
from safehand.kernel.outcome import Refusal
from safehand.postal.network import refusals
from safehand.postal.network.s10 import LENGTH, read_s10

WaybillFormat = Literal["s10", "digits_13"]
_INPUT_MAX: Final = 40


def read_digits_13(text: str) -> str | Refusal:
    """A domestic EMS number of 13 digits. No rule for a check digit is published, so none is applied."""
    number = "".join(text.split()) if len(text) <= _INPUT_MAX else ""
    return number if len(number) == LENGTH and are_digits(number) else refusals.waybill_malformed()


READERS: Final[dict[WaybillFormat, Callable[[str], str | Refusal]]] = {
    "s10": read_s10,
    "digits_13": read_digits_13,
}


def read_waybill(text: str) -> str | Refusal:
    """A number in any accepted format, normalised, or the refusal of the format it comes closest to."""
    return READERS[format_of(text)](text)


def format_of(text: str) -> WaybillFormat:
    """The format that a number claims by its first character: a digit, or a letter."""
    return "digits_13" if text.strip()[:1].isdigit() else "s10"
