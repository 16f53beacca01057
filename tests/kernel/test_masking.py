"""Masks hide at least what GB/T 41833-2022 asks for, whatever they are given."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehand.kernel.masking import masked_address, masked_email, masked_name, masked_number, masked_phone


@pytest.mark.parametrize(
    ("name", "masked"),
    [
        ("张三", "张*"),
        ("欧阳静文", "欧***"),
        ("John Smith", "J*** S****"),
        ("王", "*"),
        ("  ", "***"),
        ("", "***"),
        ("\u200b\u0000", "***"),
        ("买买提·艾力", "买*****"),
    ],
)
def test_a_name_keeps_its_first_character(name: str, masked: str):
    assert masked_name(name) == masked


@pytest.mark.parametrize(
    ("phone", "masked"),
    [
        ("19900000001", "199******01"),
        ("１９９００００００１２", "199******12"),
        ("+86 199-0000-0003", "861********03"),
        ("6543210", "******0"),
        ("12367", "*****"),
        ("no phone", "***"),
        ("", "***"),
    ],
)
def test_a_phone_shows_five_digits_at_most(phone: str, masked: str):
    assert masked_phone(phone) == masked


@pytest.mark.parametrize(
    ("address", "masked"),
    [
        ("上海市浦东新区世纪大道100号3单元1502室", "上海市浦东新区世纪大道100号***"),
        ("上海市浦东新区示例路88弄12号502", "上海市浦东新区示例路88弄***"),
        ("杭州市西湖区和平花园3号楼2单元501室", "杭州市西湖区和平花园***"),
        ("广州市天河区示例路１号A座1201房", "广州市天河区示例路1号***"),
        ("5 Shili Road, Unit 3, Room 1502, Shanghai", "5 Shili Road***"),
        ("示例小区1502室", "示例小区***"),
        ("", "***"),
    ],
)
def test_unit_and_room_of_an_address_are_hidden(address: str, masked: str):
    assert masked_address(address) == masked


def test_an_address_that_cannot_be_told_apart_loses_its_second_half():
    assert masked_address("甲乙丙丁戊己庚辛") == "甲乙丙丁***"


@pytest.mark.parametrize(
    ("email", "masked"),
    [
        ("anning@mail.example", "a***@mail.example"),
        ("a@mail.example", "***@mail.example"),
        ("not an address", "***"),
        ("a@b@c", "***"),
        ("@x", "***"),
    ],
)
def test_an_email_keeps_its_domain(email: str, masked: str):
    assert masked_email(email) == masked


@pytest.mark.parametrize(
    ("number", "masked"),
    [("999999199001010016", "9****************6"), ("E12345678", "E*******8"), ("123", "***"), ("", "***")],
)
def test_a_number_keeps_its_ends(number: str, masked: str):
    assert masked_number(number) == masked


@given(st.text(max_size=80))
def test_no_text_breaks_a_mask_or_comes_out_whole(text: str):
    for mask in (masked_name, masked_phone, masked_address, masked_email, masked_number):
        assert "*" in mask(text)
        assert len(mask(text)) < 600


@given(st.text(alphabet="0123456789 +-", max_size=30))
def test_six_digits_of_a_phone_are_always_hidden(phone: str):
    digits = sum(letter.isdigit() for letter in phone)
    assert sum(letter.isdigit() for letter in masked_phone(phone)) <= max(0, digits - 6)


@given(st.integers(1, 999), st.integers(1, 40), st.integers(1, 3999))
def test_a_room_number_never_shows(house: int, unit: int, room: int):
    assert (
        masked_address(f"示例市示例区示例路{house}号{unit}单元{room}室") == f"示例市示例区示例路{house}号***"
    )
