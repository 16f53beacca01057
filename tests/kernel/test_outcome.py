"""Refusals: both languages, the way out, matching placeholders, and no personal data."""

import importlib
import pkgutil

import pytest

import safehand
from safehand.kernel.outcome import (
    Refusal,
    RefusalKind,
    all_refusal_kinds,
    defects_of,
    define,
    sentence,
    split,
    status_of,
    way_out,
)

late = define(
    code="outcome_test.deadline_passed",
    en="The deadline was {day}.",
    zh="截止日期为{day}。",
    way_out_en="Go to {counter}.",
    way_out_zh="请前往{counter}办理。",
    status=410,
    owner="tests",
)


def a_kind(**changes: str | int) -> RefusalKind:
    fields: dict[str, str | int] = {
        "code": "outcome_test.other",
        "en": "No {x}.",
        "zh": "没有{x}。",
        "way_out_en": "Try again.",
        "way_out_zh": "请重试。",
        "status": 409,
        "owner": "tests",
    }
    return RefusalKind(**(fields | changes))  # type: ignore[arg-type]


def test_every_refusal_of_the_whole_program_has_both_languages_and_a_way_out():
    for module in pkgutil.walk_packages(safehand.__path__, prefix="safehand."):
        if module.name.rpartition(".")[2] == "refusals":
            importlib.import_module(module.name)
    kinds = all_refusal_kinds()
    assert late in kinds
    assert [defect for kind in kinds for defect in defects_of(kind)] == []


def test_a_refusal_speaks_both_languages():
    refusal = late(day="2024-05-13", counter_en="Window 3", counter_zh="3号窗口")
    assert isinstance(refusal, Refusal)
    assert sentence(refusal, "en") == "The deadline was 2024-05-13."
    assert sentence(refusal, "zh") == "截止日期为2024-05-13。"
    assert way_out(refusal, "en") == "Go to Window 3."
    assert way_out(refusal, "zh") == "请前往3号窗口办理。"
    assert status_of(refusal) == 410


def test_a_fact_that_holds_braces_stays_plain_text():
    assert sentence(late(day="{counter}{0.__class__}", counter="A"), "en") == (
        "The deadline was {counter}{0.__class__}."
    )


@pytest.mark.parametrize("facts", [{}, {"day": "x"}, {"day": "x", "counter": "y", "more": 1}])
def test_missing_and_superfluous_facts_are_a_bug(facts: dict[str, str | int]):
    with pytest.raises(TypeError):
        late(**facts)


def test_a_fact_of_another_type_is_a_bug():
    with pytest.raises(TypeError):
        late(day=1.5, counter="x")  # type: ignore[arg-type]


def test_numbers_of_persons_never_stay_in_facts():
    refusal = late(day="id 999999199001010016, tel 19900000001.", counter=7)
    assert refusal.facts == {"day": "id ***, tel ***.", "counter": 7}


def test_long_facts_are_cut():
    assert len(late(day="x" * 5000, counter="y").facts["day"]) == 500  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"code": "NoDots"}, "code"),
        ({"zh": "No {x}."}, "Chinese"),
        ({"zh": "没有{y}。"}, "placeholders"),
        ({"way_out_en": " "}, "empty"),
        ({"way_out_zh": "去{where}"}, "placeholders"),
        ({"status": 200}, "status"),
        ({"owner": ""}, "owner"),
        ({"en": "No {x!r}.", "zh": "没有{x!r}。"}, "plain name"),
        ({"en": "No {x.y}.", "zh": "没有{x.y}。"}, "plain name"),
        ({"en": "No {id_number}.", "zh": "没有{id_number}。"}, "personal"),
        ({"en": "No {x.", "zh": "没有{x}。"}, "expected"),
    ],
)
def test_a_defective_declaration_is_named(changes: dict[str, str | int], word: str):
    assert any(word in defect for defect in defects_of(a_kind(**changes)))


def test_a_code_is_defined_only_once():
    with pytest.raises(ValueError, match="already"):
        define(code=late.code, en="a", zh="甲", way_out_en="b", way_out_zh="乙", owner="tests")


def test_a_refusal_nobody_defined_is_an_error():
    with pytest.raises(LookupError):
        sentence(Refusal(code="nobody.knows", facts={}), "en")


def test_a_batch_splits_into_values_and_refusals():
    no = late(day="a", counter="b")
    assert split([1, no, 2]) == ([1, 2], [no])
