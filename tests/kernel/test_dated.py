"""Dated values: what holds on a day, and every defect of a file at once."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta

from safehand.kernel.dated import (
    Dated,
    Defect,
    Entry,
    NotInForceError,
    defects_of_entries,
    read_dated,
    read_layered,
    read_toml,
    timeline,
)

START = date(2024, 5, 6)


def entry(from_: date, value: int, until: date | None = None) -> Entry[int]:
    return Entry(from_=from_, value=value, source="assumed", ref="test", until=until)


def test_a_value_holds_from_its_day_until_the_next():
    fee = Dated(name="fee", entries=(entry(START, 120), entry(date(2025, 1, 1), 100)))
    assert fee.value_on(START) == 120
    assert fee.value_on(date(2024, 12, 31)) == 120
    assert fee.value_on(date(2025, 1, 1)) == 100


def test_nothing_holds_before_the_first_day_and_after_the_last():
    fee = Dated(name="fee", entries=(entry(START, 120, until=date(2024, 6, 1)),))
    assert fee.value_on(date(2024, 6, 1)) == 120
    for day in (START - timedelta(days=1), date(2024, 6, 2)):
        with pytest.raises(NotInForceError):
            fee.value_on(day)


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ([], "no entry"),
        ([entry(START, 1), entry(START, 2)], "comes after"),
        ([entry(START, 1, until=date(2024, 7, 1)), entry(date(2024, 7, 1), 2)], "overlaps"),
        ([entry(START, 1, until=date(2024, 7, 1)), entry(date(2024, 7, 3), 2)], "gap"),
        ([entry(START, 1, until=date(2024, 5, 5))], "before it begins"),
    ],
)
def test_gaps_overlaps_and_disorder_are_named(entries: list[Entry[int]], word: str):
    assert [word in str(defect) for defect in defects_of_entries(entries=entries, file="f", key="k")] == [
        True
    ]


@given(st.lists(st.integers(1, 400), min_size=1, max_size=20), st.integers(0, 4000))
def test_the_value_is_always_that_of_the_last_entry_not_after_the_day(steps: list[int], offset: int):
    days = [START]
    for step in steps:
        days.append(days[-1] + timedelta(days=step))
    dated = Dated(name="x", entries=tuple(entry(day, number) for number, day in enumerate(days)))
    day = START + timedelta(days=offset)
    assert dated.value_on(day) == max(number for number, begins in enumerate(days) if begins <= day)


@pytest.mark.parametrize(
    "raw",
    [
        5,
        [{"from": START, "value": 3}],
        [{"from": START, "value": "3", "source": "assumed", "ref": "test"}],
        [{"from": START, "value": 3, "source": "rumour", "ref": "test"}],
        [{"from": START, "value": 3, "source": "assumed", "ref": "test", "note": "?"}],
        [{"from": "someday", "value": 3, "source": "assumed", "ref": "test"}],
    ],
)
def test_an_entry_without_source_or_of_a_wrong_type_is_a_defect(raw: object):
    defects: list[Defect] = []
    assert read_dated(raw=raw, value_type=int, file="f.toml", key="a.b", defects=defects) is None
    assert [(defect.file, defect.key) for defect in defects] == [("f.toml", "a.b")]


class Clocks(msgspec.Struct, frozen=True, kw_only=True):
    pay_days: Annotated[int, Meta(ge=1)]
    correct_days: int


class Rules(msgspec.Struct, frozen=True, kw_only=True):
    clocks: Clocks


def raw(*values: tuple[date, int]) -> list[dict[str, object]]:
    return [{"from": day, "value": value, "source": "assumed", "ref": "test"} for day, value in values]


def test_a_timeline_resolves_all_values_of_a_day():
    tables = {
        "clocks": {"pay_days": raw((START, 7), (date(2025, 1, 1), 10)), "correct_days": raw((START, 5))}
    }
    rules = timeline(shape=Rules, tables=tables, file_of={}, defects=[])
    assert rules is not None
    assert rules.on(START).clocks == Clocks(pay_days=7, correct_days=5)
    assert rules.on(date(2030, 1, 1)).clocks == Clocks(pay_days=10, correct_days=5)
    assert rules.on(date(2024, 6, 1)) is rules.on(date(2024, 7, 1))
    assert rules.values["clocks.pay_days"].entries[0].source == "assumed"
    with pytest.raises(NotInForceError):
        rules.on(START - timedelta(days=1))


def test_all_defects_of_a_table_are_named_at_once():
    defects: list[Defect] = []
    tables = {"clocks": {"pay_days": raw((START, 0)), "pay_dais": raw((START, 3))}}
    assert (
        timeline(shape=Rules, tables=tables, file_of={"clocks.pay_days": "x.toml"}, defects=defects) is None
    )
    assert sorted(defect.key for defect in defects) == [
        "clocks.correct_days",
        "clocks.pay_dais",
        "clocks.pay_days",
    ]


@pytest.mark.parametrize("content", [b"\xff\xfe", b"a = 2024-02-31", b"[[[", b"x = 1\n" * 60_000])
def test_a_file_that_is_no_toml_is_a_defect_and_not_a_crash(tmp_path: Path, content: bytes):
    path = tmp_path / "bad.toml"
    path.write_bytes(content)
    defects: list[Defect] = []
    assert read_toml(path=path, shown_as="bad.toml", defects=defects) == {}
    assert len(defects) == 1


def test_a_thing_holds_only_what_differs_from_the_defaults(tmp_path: Path):
    (tmp_path / "_defaults.toml").write_text("[a]\nx = 1\ny = 2\n")
    for name in ("one", "_ignored"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "t.toml").write_text("[a]\ny = 3\n")
    (layer,) = read_layered(folder=tmp_path, file_name="t.toml", defects=[])
    assert layer.tables == {"a": {"x": 1, "y": 3}}
    assert layer.file_of == {"a.x": "_defaults.toml", "a.y": "one/t.toml"}
