"""Picking an address without a script: step by step or by a name, with every hostile form answered by a form."""

from collections.abc import Mapping
from datetime import date
from html import unescape
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from safehand.authority.addresses import Picked, load_divisions, pick
from safehand.authority.addresses.picking import PLACES
from safehand.kernel.outcome import LANGUAGES, Language, sentence, way_out

TODAY = date(2025, 1, 1)
PHONE = "19900000001"
DIVISIONS = load_divisions()
TEMPLATES = Path(__file__).parents[2] / "src/safehand/authority/portal/templates"
HOUSE = {"text": "工体北路8号", "phone": PHONE}


def picked(form: Mapping[str, str]) -> Picked:
    return pick(form=form, divisions=DIVISIONS, recipient="测试一", day=TODAY)


def errors(state: Picked) -> dict[str, list[str]]:
    return {
        field: [one.code.removeprefix("addresses.") for one in refused]
        for field, refused in state.errors.items()
    }


def walked(*names: str) -> Picked:
    """Chooses in list after list by name, pressing the button after each, as somebody without a script does."""
    state, form = picked({}), dict[str, str]()
    for name in names:
        last = state.selects[-1]
        [code] = [one.code for one in last.choices if one.name == name]
        form = {one.field: one.chosen for one in state.selects} | {last.field: code, "step": "next"}
        state = picked(form)
    return state


def test_a_form_that_nobody_filled_in_shows_the_provinces_and_complains_of_nothing():
    state = picked({})
    assert [one.field for one in state.selects] == ["place_1"]
    assert len(state.selects[0].choices) == 34
    assert state.errors == {}
    assert state.region == ""
    assert state.address is None


@pytest.mark.parametrize(
    ("names", "words", "lists"),
    [
        (("北京市", "朝阳区"), "北京市朝阳区", 3),
        (("北京市", "朝阳区", "三里屯街道"), "北京市朝阳区三里屯街道", 3),
        (("广东省", "广州市", "天河区"), "广东省广州市天河区", 4),
        (("广东省", "东莞市"), "广东省东莞市", 3),
        (("广东省", "中山市", "石岐街道"), "广东省中山市石岐街道", 3),
        (("海南省", "儋州市", "那大镇"), "海南省儋州市那大镇", 3),
        (("甘肃省", "嘉峪关市", "雄关街道"), "甘肃省嘉峪关市雄关街道", 3),
        (("河南省", "济源市"), "河南省济源市", 3),
        (("重庆市", "城口县"), "重庆市城口县", 3),
    ],
)
def test_list_after_list_leads_to_the_place_without_a_level_that_means_nothing(
    names: tuple[str, ...], words: str, lists: int
):
    state = walked(*names)
    assert state.errors == {}
    assert state.region_words == words
    assert len(state.selects) == lists
    form = {one.field: one.chosen for one in state.selects} | HOUSE | {"step": "done"}
    done = picked(form)
    assert done.errors == {}
    assert done.address is not None
    assert done.address.region == state.region
    assert done.address.recipient == "测试一"


def test_the_last_list_may_be_left_open_and_says_so():
    state = walked("北京市", "朝阳区")
    assert [one.optional for one in state.selects] == [False, False, True]
    assert "不清楚" in state.selects[-1].label.zh


def test_whoever_goes_on_without_choosing_is_told_what_is_missing():
    assert errors(picked({"place_1": "", "step": "next"})) == {"place_1": ["division_open"]}
    state = picked({"place_1": "440000", "place_2": "", "step": "next"})
    assert errors(state) == {"place_2": ["division_open"]}
    assert "城市" in sentence(state.errors["place_2"][0], "zh")
    everything = picked({"place_1": "440000", "step": "done"})
    assert errors(everything) == {
        "place_2": ["division_open"],
        "text": ["text_too_short"],
        "phone": ["phone_malformed"],
    }
    assert everything.address is None


def test_whoever_changes_a_list_chooses_anew_below_it_and_is_not_blamed():
    state = picked({"place_1": "320000", "place_2": "440100", "place_3": "440106", "step": "next"})
    assert [one.chosen for one in state.selects] == ["320000", ""]
    assert state.errors == {"place_2": state.errors["place_2"]}
    assert errors(state) == {"place_2": ["division_open"]}
    assert picked({"place_1": "320000", "place_2": "440100"}).errors == {}


def test_a_name_leads_there_too():
    searched = picked({"place_1": "", "q": "上海陆家嘴", "step": "search"} | HOUSE)
    assert searched.errors == {}
    [found] = searched.found
    assert found.name == "上海市浦东新区陆家嘴街道"
    assert (searched.text, searched.phone) == (HOUSE["text"], PHONE)
    taken = picked({"place_1": "", "q": "上海陆家嘴", "found": found.code, "step": "next"} | HOUSE)
    assert taken.region == found.code
    assert [one.chosen for one in taken.selects] == ["310000", "310115", found.code]
    assert taken.query == ""


def test_the_key_enter_presses_the_button_that_comes_next():
    assert picked({"place_1": "", "q": "陆家嘴", "step": "enter"}).found
    assert errors(picked({"place_1": "", "step": "enter"})) == {"place_1": ["division_open"]}
    assert picked({"place_1": "110000", "place_2": "110105", "step": "enter"} | HOUSE).address is not None


def test_a_found_city_leads_on_to_its_districts():
    [city] = [
        one.code for one in picked({"q": "广州市", "step": "search"}).found if one.name == "广东省广州市"
    ]
    state = picked({"found": city, "step": "next"})
    assert [one.chosen for one in state.selects] == ["440000", "440100", ""]
    assert state.region == ""


@pytest.mark.parametrize(
    ("query", "refused"),
    [
        ("", "query_too_short"),
        ("市", "query_too_short"),
        ("x" * 10_000, "query_too_short"),
        ("没有这个地方", "nothing_found"),
        ("\u202e\u202e\u202e", "nothing_found"),
        ("香港", "outside_mainland"),
        ("台湾省", "outside_mainland"),
        ("Macao", "outside_mainland"),
    ],
)
def test_a_search_that_finds_nothing_says_why(query: str, refused: str):
    assert errors(picked({"q": query, "step": "search"})) == {"q": [refused]}


def test_a_street_that_is_called_after_hong_kong_is_found_all_the_same():
    state = picked({"q": "香港中路", "step": "search"})
    assert state.errors == {}
    assert [one.name for one in state.found] == ["山东省青岛市市南区香港中路街道"]


def test_hong_kong_macao_and_taiwan_can_be_chosen_and_are_refused_with_the_way_out():
    for code in ("710000", "810000", "820000"):
        for step in ("next", "done"):
            state = picked({"place_1": code, "step": step} | HOUSE)
            assert errors(state)["place_1"] == ["outside_mainland"]
            assert state.address is None
            assert len(state.selects) == 1


def test_a_draft_begins_with_its_place():
    state = picked({"region": "441900003"} | HOUSE)
    assert [one.chosen for one in state.selects] == ["440000", "441900", "441900003"]
    assert state.errors == {}
    assert picked({"region": "441900003", "place_1": "110000"}).selects[0].chosen == "110000"


CODES = st.sampled_from(
    ["", "110000", "110105", "440000", "441900", "44", "710000", "999999", "1101", "a", "1" * 5_000]
)
FORMS = st.dictionaries(
    keys=st.one_of(
        st.sampled_from([*PLACES, "q", "found", "text", "phone", "step", "region"]), st.text(max_size=5)
    ),
    values=st.one_of(CODES, st.sampled_from(["next", "search", "done", "enter"]), st.text(max_size=50)),
    max_size=12,
)


@settings(max_examples=300, deadline=None)
@given(form=FORMS)
def test_whatever_form_comes_in_a_bounded_form_goes_out(form: dict[str, str]):
    state = picked(form)
    assert 1 <= len(state.selects) <= len(PLACES)
    for one in state.selects:
        assert 1 <= len(one.choices) <= 100
        assert one.chosen == "" or one.chosen in {choice.code for choice in one.choices}
    assert len(state.found) <= 20
    assert len(state.query) <= 41
    assert len(state.text) <= 600
    assert state.region == "" or DIVISIONS.is_whole(state.region)
    assert (state.address is None) or not state.errors
    again = {one.field: one.chosen for one in state.selects}
    assert [one.chosen for one in picked(again).selects] == [one.chosen for one in state.selects]
    for language in LANGUAGES:
        assert rendered(state, language).count("<select") == len(state.selects)


ENVIRONMENT = Environment(
    loader=FileSystemLoader(TEMPLATES),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
PAGE = ENVIRONMENT.from_string(
    "{% import 'address.html' as address with context %}<form method=post>{{ address.pick(picked, language) }}</form>"
)


def rendered(state: Picked, language: Language) -> str:
    def said(zh: str, en: str) -> Any:
        return zh if language == "zh" else en

    return PAGE.render(
        picked=state,
        language=language,
        lang="zh-CN" if language == "zh" else "en",
        said=said,
        sentence=sentence,
        way_out=way_out,
    )


def test_the_form_shows_what_is_wrong_beside_its_field_in_both_languages():
    state = picked({"place_1": "", "text": '"><script>x</script>', "phone": "1", "step": "done"})
    for language in LANGUAGES:
        escaped = rendered(state, language)
        assert "<script>" not in escaped
        text = unescape(escaped)
        for field, refused in state.errors.items():
            assert f'id="{field}-error"' in text
            assert f"{field}-error" in text.split("aria-describedby=", 1)[1]
            for one in refused:
                assert sentence(one, language) in text
                assert way_out(one, language) in text
    assert "Choose one" in rendered(state, "en")
    assert "请选择" in rendered(state, "zh")


def test_what_is_chosen_stays_chosen_on_the_page():
    text = rendered(walked("广东省", "东莞市"), "zh")
    assert '<option value="440000" selected>广东省</option>' in text
    assert '<option value="441900" selected>东莞市</option>' in text
    assert "寄往：" in text
