"""Waybill numbers: check digits against the standard's vectors, ranges, and what is no number."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safehand.kernel.outcome import Refusal
from safehand.postal.network.s10 import (
    WaybillRange,
    capacity,
    check_digit,
    make_waybill,
    nth_waybill,
    read_s10,
)
from safehand.postal.network.waybill_formats import format_of, read_waybill

VECTORS = {
    "47312482": "9",
    "12345678": "5",
    "87654321": "6",
    "00000008": "0",
    "00000015": "5",
    "00000000": "5",
    "99999999": "5",
    "00000001": "4",
    "00000004": "5",
    "11112222": "9",
}


@pytest.mark.parametrize(("serial", "digit"), VECTORS.items())
def test_the_check_digit_is_that_of_the_standard(serial: str, digit: str):
    assert check_digit(serial) == digit


@pytest.mark.parametrize(
    "text",
    ["EA473124829CN", "RB123456785GB", "RB123456785US", "RB123456785CV", " R B 1 2 3 4 5 6 7 8 5 C F "],
)
def test_numbers_of_the_standard_are_accepted(text: str):
    assert read_s10(text) == text.replace(" ", "")


def test_typing_in_small_letters_is_forgiven():
    assert read_s10("ea473124829cn") == "EA473124829CN"


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("RB123456786US", "waybill.check_wrong"),
        ("RB123456785XX", "waybill.country_unknown"),
        ("RB12345678US", "waybill.malformed"),
        ("R1123456785US", "waybill.malformed"),
        ("RB１２３４５６７８５US", "waybill.malformed"),
        ("", "waybill.malformed"),
        ("RB123456785US" * 9, "waybill.malformed"),
        ("ßB123456785US", "waybill.malformed"),
    ],
)
def test_what_is_no_number_is_refused_with_its_reason(text: str, code: str):
    outcome = read_s10(text)
    assert isinstance(outcome, Refusal)
    assert outcome.code == code


@settings(max_examples=60)
@given(st.integers(0, 10**8 - 1))
def test_every_number_made_is_read(serial: int):
    number = make_waybill(indicator="ZA", serial=serial)
    assert read_s10(number) == number
    assert read_waybill(number) == number


@pytest.mark.parametrize(
    ("indicator", "serial", "country"),
    [
        ("za", 1, "CN"),
        ("Z1", 1, "CN"),
        ("ZAA", 1, "CN"),
        ("ZA", -1, "CN"),
        ("ZA", 10**8, "CN"),
        ("ZA", 1, "XX"),
    ],
)
def test_impossible_numbers_are_not_made(indicator: str, serial: int, country: str):
    with pytest.raises(ValueError, match="indicator|serial"):
        make_waybill(indicator=indicator, serial=serial, country=country)


RANGES = (WaybillRange(indicator="ZA", first=10, last=12), WaybillRange(indicator="ZB", first=0, last=1))


def test_a_citys_numbers_follow_each_other_through_its_ranges():
    numbers = [nth_waybill(ranges=RANGES, order=order, city="310000") for order in range(5)]
    assert [str(number)[:10] for number in numbers] == [
        "ZA00000010",
        "ZA00000011",
        "ZA00000012",
        "ZB00000000",
        "ZB00000001",
    ]
    assert capacity(RANGES) == 5


def test_a_used_up_stock_is_refused_and_never_starts_again():
    outcome = nth_waybill(ranges=RANGES, order=5, city="310000")
    assert isinstance(outcome, Refusal)
    assert (outcome.code, outcome.facts) == ("waybill.range_used_up", {"city": "310000", "count": 5})


def test_overlapping_ranges_are_seen():
    assert RANGES[0].overlaps(WaybillRange(indicator="ZA", first=12, last=99))
    assert not RANGES[0].overlaps(WaybillRange(indicator="ZA", first=13, last=99))
    assert not RANGES[0].overlaps(WaybillRange(indicator="ZC", first=10, last=12))


def test_thirteen_digits_are_an_opaque_number():
    assert read_waybill(" 1234567890123 ") == "1234567890123"
    assert format_of("9812345678901") == "digits_13"
    for text in ("123456789012", "12345678901234", "123456789012x", "１２３４５６７８９０１２３"):
        outcome = read_waybill(text)
        assert isinstance(outcome, Refusal), text
        assert outcome.code == "waybill.malformed"


@given(st.text(max_size=60))
def test_no_text_breaks_the_reader(text: str):
    outcome = read_waybill(text)
    assert isinstance(outcome, Refusal) or len(outcome) == 13


def test_the_sandbox_uses_domestic_only_indicators():
    text = "".join(path.read_text() for path in (Path(__file__).parents[2] / "cities").glob("*/city.toml"))
    assert text.count("indicator = ") == text.count('indicator = "Z')
