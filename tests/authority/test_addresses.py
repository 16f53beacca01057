"""Addresses: made regular, judged with all defects at once, and never anything on a label that may not be there."""

import unicodedata
from datetime import date

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from safehand.authority.addresses import Checked, check_address, load_divisions, one_line
from safehand.authority.addresses.address import (
    LINE_CHARACTERS_MAX,
    TEXT_CHARACTERS_MAX,
    TEXT_CHARACTERS_MIN,
    normalised,
    normalised_phone,
    outside_mainland,
)
from safehand.kernel.outcome import LANGUAGES, sentence, way_out
from safehand.kernel.typeface import first_unprintable

TODAY = date(2025, 1, 1)
PHONE = "19900000001"
SANLITUN = "110105016"
DIVISIONS = load_divisions()


def checked(text: str, *, region: str = "110105", phone: str = PHONE) -> Checked:
    return check_address(
        divisions=DIVISIONS, region=region, text=text, recipient="测试一", phone=phone, day=TODAY
    )


def codes(result: Checked) -> list[str]:
    return [one.code.removeprefix("addresses.") for one in result.refusals]


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("工体北路8号院2号楼1503", "工体北路8号院2号楼1503"),
        ("　工体北路８号院　２号楼１５０３　", "工体北路8号院 2号楼1503"),
        ("工体 北路 8号\r\n2单元", "工体北路 8号 2单元"),
        ("，工体北路8号（北门）。", "工体北路8号(北门)"),
        ("No. 8 Gongti North Road", "No. 8 Gongti North Road"),
        ("ｔｏｗｅｒ　Ｂ－１２０１，工体北路", "tower B-1201，工体北路"),
    ],
)
def test_what_is_typed_is_made_regular(typed: str, kept: str):
    result = checked(typed)
    assert result.address is not None
    assert result.address.text == kept


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("北京市朝阳区三里屯街道工体北路8号", "工体北路8号"),
        ("朝阳区三里屯街道工体北路8号", "工体北路8号"),
        ("北京市朝阳区 北京市朝阳区，工体北路8号", "工体北路8号"),
        ("北京市场路8号院", "北京市场路8号院"),
        ("朝阳区医院宿舍3号", "朝阳区医院宿舍3号"),
        ("上海市浦东新区世纪大道1号", "上海市浦东新区世纪大道1号"),
    ],
)
def test_divisions_that_are_typed_again_are_taken_out_but_no_roads_that_are_called_so(typed: str, kept: str):
    [sanlitun] = [one.code for one in DIVISIONS.search("北京朝阳三里屯街道")]
    result = checked(typed, region=sanlitun)
    assert result.address is not None
    assert result.address.text == kept


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("", ["text_too_short"]),
        ("8号楼", ["text_too_short"]),
        ("工体北路8号" * 21, ["text_too_long"]),
        ("工体北路8号\u202e楼", ["character_hidden"]),
        ("工体北路8号\u200b楼", ["character_hidden"]),
        ("工体北路8号\x00楼", ["character_hidden"]),
        ("工体北路8号\x1b[31m", ["character_hidden"]),
        ("工体北路8号\u2028楼", ["character_hidden"]),
        ("工体北路8号\ud800楼", ["character_hidden"]),
        ("工体北路8号\U000e0101", ["character_hidden"]),
        ("工体北路8号o\u0338\u0338楼", ["character_hidden"]),
        ("工体北路8号😀", ["emoji"]),
        ("工体北路8号❤️", ["emoji"]),
        ("工体北路8号🇨🇳", ["emoji"]),
        ("工体北路8号ཀ楼", ["character_not_printable"]),
        ("小区南门丰巢快递柜3号", ["not_in_person"]),
        ("小区南门丰 巢３号柜", ["not_in_person"]),
        ("工体北路8号菜鸟驿站", ["not_in_person"]),
        ("工体北路8号楼下驿站。", ["not_in_person"]),
        ("8号楼1层快递柜旁", ["not_in_person"]),
        ("工体北路8号物业代收点", ["not_in_person"]),
        ("北京2015信箱3分箱", ["not_in_person"]),
        ("P. O. Box 123 Beijing", ["not_in_person"]),
        ("Beijing PO-Box 123", ["not_in_person"]),
        ("小区南门丰-巢（3号）", ["not_in_person"]),
        ("工体北路8号菜鸟·驿站", ["not_in_person"]),
        ("8 Gongti Road, Parcel Locker 3", ["not_in_person"]),
        (f"工体北路8号 {PHONE}", ["number_of_person"]),
        ("工体北路8号 199-0000-0001", ["number_of_person"]),
        ("工体北路8号 999999199001010018", ["number_of_person"]),
        ("丰巢" + PHONE + "😀\u202e", ["emoji", "not_in_person", "number_of_person"]),
        ("x\u202e", ["text_too_short", "character_hidden"]),
    ],
)
def test_what_no_label_may_carry_is_refused_with_all_reasons_at_once(text: str, refused: list[str]):
    result = checked(text)
    assert result.address is None
    assert codes(result) == refused
    for one in result.refusals:
        for language in LANGUAGES:
            assert sentence(one, language)
            assert way_out(one, language)
            assert PHONE not in sentence(one, language)


@pytest.mark.parametrize(
    "text",
    [
        "驿站路8号",
        "古驿站酒店201室",
        "快乐家园8号",
        "信义街18号",
        "代家村3组",
        "高柜子胡同5号",
        "云龙大厦5层",
    ],
)
def test_roads_and_houses_that_only_sound_like_a_station_are_taken(text: str):
    assert checked(text).address is not None


def test_an_address_without_a_number_is_taken_with_a_hint():
    result = checked("工体北路东口路南")
    assert result.address is not None
    assert [one.code for one in result.hints] == ["addresses.number_missing"]
    assert checked("工体北路8号").hints == ()
    assert checked("幸福里小区物业旁").hints == ()


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("上海市浦东新区世纪大道1号", "上海市"),
        ("广东省深圳市福田区1号", "广东省"),
        ("石家庄市长安区1号", "石家庄市"),
        ("上海路8号", ""),
        ("北京市工体北路8号", ""),
        ("朝阳区工体北路8号", ""),
    ],
)
def test_an_address_that_begins_with_another_city_is_taken_with_a_hint(text: str, place: str):
    result = checked(text)
    assert result.address is not None
    assert [one.facts["place"] for one in result.hints] == ([place] if place else [])


@pytest.mark.parametrize(
    ("region", "refused"),
    [
        ("", "division_open"),
        ("110000", "division_open"),
        ("440000", "division_open"),
        ("440100", "division_open"),
        ("123456", "division_unknown"),
        ("110105999", "division_unknown"),
        ("１１０１０５", "division_unknown"),
        ("x'; drop", "division_unknown"),
        ("710000", "outside_mainland"),
        ("810001", "outside_mainland"),
        ("820000", "outside_mainland"),
    ],
)
def test_a_place_that_is_not_exact_or_not_in_the_mainland_is_refused(region: str, refused: str):
    result = checked("工体北路8号", region=region)
    assert result.address is None
    assert codes(result) == [refused]


@pytest.mark.parametrize("region", ["441900", "441900003", "620200", "620201", "419001", "469001", "110105"])
def test_a_county_a_township_and_a_city_without_counties_are_exact_enough(region: str):
    result = checked("幸福路8号", region=region)
    assert result.address is not None
    found = DIVISIONS.find(region)
    assert found is not None
    assert result.address.region == found.code


def test_hong_kong_macao_and_taiwan_are_named_in_the_refusal():
    for asked, zh, en in (
        ("香港中环", "香港", "Hong Kong"),
        ("MACAO", "澳门", "Macao"),
        ("台湾台北", "台湾", "Taiwan"),
        ("810000", "香港", "Hong Kong"),
    ):
        refusal = outside_mainland(asked)
        assert refusal is not None
        assert zh in sentence(refusal, "zh")
        assert en in sentence(refusal, "en")
    assert outside_mainland("北京") is None


@pytest.mark.parametrize(
    ("typed", "digits"),
    [
        ("19900000001", PHONE),
        (" 199 0000 0001 ", PHONE),
        ("+86 199-0000-0001", PHONE),
        ("0086 19900000001", PHONE),
        ("１９９００００００01", PHONE),
    ],
)
def test_a_mobile_number_is_taken_however_it_is_written(typed: str, digits: str):
    assert normalised_phone(typed) == digits
    result = checked("工体北路8号", phone=typed)
    assert result.address is not None
    assert result.address.phone == digits


@pytest.mark.parametrize(
    "phone", ["", "110", "01065001234", "199000000012", "+1 202 555 0123", "x" * 9_999, "٠١٢٣٤٥٦٧٨٩٠"]
)
def test_what_is_no_mobile_number_is_refused(phone: str):
    assert codes(checked("工体北路8号", phone=phone)) == ["phone_malformed"]


def test_the_one_line_has_the_divisions_first_and_fits_an_order_wherever_it_goes():
    [nancheng] = [one.code for one in DIVISIONS.search("东莞南城街道")]
    result = checked("鸿福路8号", region=nancheng)
    assert result.address is not None
    assert one_line(address=result.address, divisions=DIVISIONS) == "广东省东莞市南城街道鸿福路8号"
    english = checked("Hongfu Road 8", region=nancheng)
    assert english.address is not None
    assert one_line(address=english.address, divisions=DIVISIONS) == "广东省东莞市南城街道 Hongfu Road 8"
    waiting, longest = [""], 0
    while waiting:
        inside = DIVISIONS.children(waiting.pop())
        longest = max([longest, *(len(DIVISIONS.words(one.code)) for one in inside)])
        waiting += [one.code for one in inside]
    assert 30 < longest < LINE_CHARACTERS_MAX - TEXT_CHARACTERS_MAX


HOSTILE = st.text(
    alphabet=st.one_of(
        st.sampled_from("北京市朝阳区三里屯街道号楼 　８8ａＡ-，。\t\n\r\u202e\u200d\ufe0f😀é̸"),
        st.characters(),
    ),
    max_size=150,
)


@settings(max_examples=400, deadline=None)
@given(text=HOSTILE)
@example("北京市朝阳区北京市朝阳区 三里屯 ，。")
@example("\u3000" * 700)
def test_whatever_is_typed_is_made_regular_once_and_for_all(text: str):
    path = tuple(one.name for one in DIVISIONS.path("110105"))
    once = normalised(text=text, path=path)
    assert normalised(text=once, path=path) == once
    assert normalised(text=once) == once


@settings(max_examples=400, deadline=None)
@given(text=HOSTILE)
def test_whatever_is_typed_no_label_gets_what_it_may_not_carry(text: str):
    result = checked(text)
    if result.address is None:
        assert result.text
        return
    kept = result.address.text
    assert TEXT_CHARACTERS_MIN <= len(kept) <= TEXT_CHARACTERS_MAX
    assert first_unprintable(kept) is None
    assert not [letter for letter in kept if unicodedata.category(letter)[0] in "CM"]
    assert len(one_line(address=result.address, divisions=DIVISIONS)) <= LINE_CHARACTERS_MAX
    again = checked(kept)
    assert again.address == result.address
