"""The documentation's checks find what they should, and the pages are as the code is."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="module")
def ci() -> Any:
    """The scripts of `.ci`, which is no package."""
    sys.path.insert(0, str(ROOT / ".ci"))
    try:
        spec = importlib.util.spec_from_file_location("check_docs", ROOT / ".ci" / "check_docs.py")
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    finally:
        sys.path.remove(str(ROOT / ".ci"))


def test_every_state_of_every_step_is_in_the_process_page_as_the_code_has_it(ci: Any):
    text = (ROOT / "docs" / "process.md").read_text()
    assert len(ci.process_page.modules()) >= 16
    assert list(ci.unnamed_states(text=text)) == []


def test_a_table_that_is_no_longer_the_codes_is_noticed(ci: Any):
    text = (ROOT / "docs" / "process.md").read_text()
    [line] = ci.unnamed_states(text=text.replace("lapsed → `lapsed`", "lapsed → `paid`"))
    assert "./do docs" in line


def test_a_step_without_a_table_and_a_state_without_a_name_are_noticed(ci: Any):
    text = (ROOT / "docs" / "process.md").read_text()
    without = text.replace("states: postal.settlement.states", "states of nothing")
    assert any(
        "the states of postal.settlement.states are in no table" in line
        for line in ci.unnamed_states(text=without)
    )
    unnamed = list(ci.unnamed_states(text=text.replace("`nothing_due`", "`nothing`")))
    assert any("the state nothing_due of postal.settlement.states" in line for line in unnamed)


def test_a_word_whose_place_is_gone_is_noticed(ci: Any, tmp_path: Path):
    page = tmp_path / "glossary.md"
    page.write_text(
        "| item | 邮件 | An envelope. | `postal/gone.py` |\n| item | 邮件 | Again. | `postal/item.py` |\n"
    )
    assert [line.partition(": ")[2] for line in ci.misplaced_words(page=page)] == [
        "item is there twice. Keep one.",
        "item: there is no postal/gone.py. Name the place where the word lives now.",
    ]


def test_the_glossary_knows_both_languages_of_the_words_that_the_code_uses():
    text = (ROOT / "docs" / "glossary.md").read_text()
    for word in [
        "journal",
        "stream",
        "vault",
        "custody",
        "account",
        "item",
        "envelope",
        "order",
        "waybill",
        "bag",
        "seal",
        "manifest",
        "run",
        "statement",
        "checkpoint",
        "witness",
        "proof",
        "claim",
        "case",
        "blank",
        "clock",
        "worklist",
        "unit",
        "move",
        "make",
        "actor",
        "house",
        "link",
    ]:
        assert f"\n| {word} | " in text, word
