"""Where a destination lies seen from a city, and the routing code that sorts without a phone.

A destination is a code by GB/T 2260: 6 digits (province 2, city 2, county 2), or 9 with the township's 3 (GB/T 10114).
Routing code `PP-CCOO-RR`: province, city and delivery office (the county), delivery round. `310115007` → `31-0115-07`.
"""

from typing import Final, Literal

from safehand.kernel.check_digits import are_digits
from safehand.kernel.outcome import Refusal
from safehand.postal.network import refusals

Zone = Literal["in_city", "in_province", "elsewhere"]
# Municipalities have no city level: their counties are numbered below 01 and 02 (Chongqing's counties).
MUNICIPALITIES: Final = frozenset({"11", "12", "31", "50"})
ROUNDS_MAX: Final = 99


def destination(text: str) -> str | Refusal:
    """A destination code of 6 or 9 digits with a province 11…82, or the refusal."""
    if len(text) not in (6, 9) or not are_digits(text) or not "11" <= text[:2] <= "82":
        return refusals.destination_malformed()
    return text


def city_of(destination_code: str) -> str:
    """The city (six digits) that a checked destination lies in; a municipality is its own city."""
    if destination_code[:2] in MUNICIPALITIES:
        return destination_code[:2] + "0000"
    return destination_code[:4] + "00"


def province_of(destination_code: str) -> str:
    """The province (six digits) that a checked destination lies in."""
    return destination_code[:2] + "0000"


def zone_of(*, city: str, destination_code: str) -> Zone:
    """How far a checked destination lies from the city of posting."""
    if city_of(destination_code) == city_of(city):
        return "in_city"
    return "in_province" if destination_code[:2] == city[:2] else "elsewhere"


def office_of(destination_code: str) -> str:
    """The delivery office that serves a checked destination: the county's six digits."""
    return destination_code[:6]


def routing_code(
    *, destination_code: str, rounds_max: int = ROUNDS_MAX, round_number: int | None = None
) -> str:
    """The code on label and bag. Without a given round, townships are spread over the rounds in order; 00 is unknown.

    Raises `ValueError` for rounds outside 1…99.
    """
    if not 1 <= rounds_max <= ROUNDS_MAX or (
        round_number is not None and not 1 <= round_number <= rounds_max
    ):
        raise ValueError(f"rounds lie between 1 and {ROUNDS_MAX}")
    township = int(destination_code[6:9] or "0")
    chosen = round_number or ((township - 1) % rounds_max + 1 if township else 0)
    return f"{destination_code[:2]}-{destination_code[2:6]}-{chosen:02d}"
