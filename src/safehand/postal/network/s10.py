"""Waybill numbers by UPU S10: two letters, eight digits, a check digit, a country; and ranges of them.

The check digit lets about 1.8 % of single wrong digits through (11 and 5 share a digit): a fitting one is no
identity, so a scan is always matched with the list of what is expected.
"""

import re
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from safehand.kernel.check_digits import are_digits
from safehand.kernel.outcome import Refusal
from safehand.postal.network import refusals

WEIGHTS: Final = (8, 6, 4, 2, 3, 5, 9, 7)
SERIALS: Final = 10**8
LENGTH: Final = 13
COUNTRY: Final = "CN"
_INPUT_MAX: Final = 40
_INDICATOR: Final = re.compile("[A-Z]{2}")
_COUNTRIES: Final = frozenset(
    [
        "AD",
        "AE",
        "AF",
        "AG",
        "AI",
        "AL",
        "AM",
        "AO",
        "AQ",
        "AR",
        "AS",
        "AT",
        "AU",
        "AW",
        "AX",
        "AZ",
        "BA",
        "BB",
        "BD",
        "BE",
        "BF",
        "BG",
        "BH",
        "BI",
        "BJ",
        "BL",
        "BM",
        "BN",
        "BO",
        "BQ",
        "BR",
        "BS",
        "BT",
        "BV",
        "BW",
        "BY",
        "BZ",
        "CA",
        "CC",
        "CD",
        "CF",
        "CG",
        "CH",
        "CI",
        "CK",
        "CL",
        "CM",
        "CN",
        "CO",
        "CR",
        "CU",
        "CV",
        "CW",
        "CX",
        "CY",
        "CZ",
        "DE",
        "DJ",
        "DK",
        "DM",
        "DO",
        "DZ",
        "EC",
        "EE",
        "EG",
        "EH",
        "ER",
        "ES",
        "ET",
        "FI",
        "FJ",
        "FK",
        "FM",
        "FO",
        "FR",
        "GA",
        "GB",
        "GD",
        "GE",
        "GF",
        "GG",
        "GH",
        "GI",
        "GL",
        "GM",
        "GN",
        "GP",
        "GQ",
        "GR",
        "GS",
        "GT",
        "GU",
        "GW",
        "GY",
        "HK",
        "HM",
        "HN",
        "HR",
        "HT",
        "HU",
        "ID",
        "IE",
        "IL",
        "IM",
        "IN",
        "IO",
        "IQ",
        "IR",
        "IS",
        "IT",
        "JE",
        "JM",
        "JO",
        "JP",
        "KE",
        "KG",
        "KH",
        "KI",
        "KM",
        "KN",
        "KP",
        "KR",
        "KW",
        "KY",
        "KZ",
        "LA",
        "LB",
        "LC",
        "LI",
        "LK",
        "LR",
        "LS",
        "LT",
        "LU",
        "LV",
        "LY",
        "MA",
        "MC",
        "MD",
        "ME",
        "MF",
        "MG",
        "MH",
        "MK",
        "ML",
        "MM",
        "MN",
        "MO",
        "MP",
        "MQ",
        "MR",
        "MS",
        "MT",
        "MU",
        "MV",
        "MW",
        "MX",
        "MY",
        "MZ",
        "NA",
        "NC",
        "NE",
        "NF",
        "NG",
        "NI",
        "NL",
        "NO",
        "NP",
        "NR",
        "NU",
        "NZ",
        "OM",
        "PA",
        "PE",
        "PF",
        "PG",
        "PH",
        "PK",
        "PL",
        "PM",
        "PN",
        "PR",
        "PS",
        "PT",
        "PW",
        "PY",
        "QA",
        "RE",
        "RO",
        "RS",
        "RU",
        "RW",
        "SA",
        "SB",
        "SC",
        "SD",
        "SE",
        "SG",
        "SH",
        "SI",
        "SJ",
        "SK",
        "SL",
        "SM",
        "SN",
        "SO",
        "SR",
        "SS",
        "ST",
        "SV",
        "SX",
        "SY",
        "SZ",
        "TC",
        "TD",
        "TF",
        "TG",
        "TH",
        "TJ",
        "TK",
        "TL",
        "TM",
        "TN",
        "TO",
        "TR",
        "TT",
        "TV",
        "TW",
        "TZ",
        "UA",
        "UG",
        "UM",
        "US",
        "UY",
        "UZ",
        "VA",
        "VC",
        "VE",
        "VG",
        "VI",
        "VN",
        "VU",
        "WF",
        "WS",
        "YE",
        "YT",
        "ZA",
        "ZM",
        "ZW",
    ]
)


class WaybillRange(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Serials first…last (both included) of one domestic-only indicator.

    ZA to ZZ only: such a number can never be that of a live item on the EMS network (S10: domestic or bilateral).
    """

    indicator: Annotated[str, Meta(pattern="^Z[A-Z]$")]
    first: Annotated[int, Meta(ge=0, lt=SERIALS)]
    last: Annotated[int, Meta(ge=0, lt=SERIALS)]

    @property
    def count(self) -> int:
        """How many numbers the range holds."""
        return self.last - self.first + 1

    def overlaps(self, other: "WaybillRange") -> bool:
        """Whether any number lies in both."""
        return self.indicator == other.indicator and self.first <= other.last and other.first <= self.last


def check_digit(serial: str) -> str:
    """The check digit of eight digits: 11 − (Σ digit × weight mod 11), 10 → 0, 11 → 5. Raises `ValueError`."""
    if len(serial) != 8 or not are_digits(serial):
        raise ValueError("a serial has eight digits")
    rest = 11 - sum(int(digit) * weight for digit, weight in zip(serial, WEIGHTS, strict=True)) % 11
    return {10: "0", 11: "5"}.get(rest) or str(rest)


def make_waybill(*, indicator: str, serial: int, country: str = COUNTRY) -> str:
    """The 13 characters of one number. Raises `ValueError` for an impossible indicator, serial or country."""
    if not _INDICATOR.fullmatch(indicator) or country not in _COUNTRIES:
        raise ValueError("an indicator is two capitals, a country one of ISO 3166-1")
    if not 0 <= serial < SERIALS:
        raise ValueError("a serial lies between 0 and 99999999")
    digits = f"{serial:08d}"
    return f"{indicator}{digits}{check_digit(digits)}{country}"


def read_s10(text: str) -> str | Refusal:
    """A number as scanned or typed (spaces and case don't matter), normalised and checked, or the refusal."""
    number = "".join(text.split()).upper() if len(text) <= _INPUT_MAX else ""
    if (
        len(number) != LENGTH
        or not number.isascii()
        or not (number[:2].isalpha() and are_digits(number[2:11]) and number[11:].isalpha())
    ):
        return refusals.waybill_malformed()
    if number[11:] not in _COUNTRIES:
        return refusals.waybill_country_unknown()
    if check_digit(number[2:10]) != number[10]:
        return refusals.waybill_check_wrong()
    return number


def capacity(ranges: tuple[WaybillRange, ...]) -> int:
    """How many numbers the ranges hold together."""
    return sum(part.count for part in ranges)


def nth_waybill(*, ranges: tuple[WaybillRange, ...], order: int, city: str) -> str | Refusal:
    """The order-th number (from 0) of a city's ranges, one range after the other; refused when they are used up.

    New ranges are only ever added at the end, so an order always means the same number. Raises `ValueError` below 0.
    """
    if order < 0:
        raise ValueError("an order is not negative")
    rest = order
    for part in ranges:
        if rest < part.count:
            return make_waybill(indicator=part.indicator, serial=part.first + rest)
        rest -= part.count
    return refusals.waybills_used_up(city=city, count=capacity(ranges))
