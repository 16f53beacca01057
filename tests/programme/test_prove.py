"""Published figures: measured anew, kept with what it takes to repeat them."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from safehand.programme.prove import ProofRefused, known_figures, measure

NOW = datetime(2024, 5, 6, 1, tzinfo=UTC)


def test_a_figure_is_measured_and_kept_with_seed_command_and_commit(tmp_path):
    (tmp_path / "sum.py").write_text(
        '"""Shows a sum."""\ndef prove(*, seed):\n    return {"sum": seed + 2}\n'
    )
    path = measure(folder=tmp_path, figures=tmp_path / "figures", name="sum", seed=5, now=NOW)
    record = json.loads(path.read_text())
    assert record["result"] == {"sum": 7}
    assert record["shows"] == "Shows a sum."
    assert record["command"] == "./do prove sum --seed 5"
    assert record["measured_at"] == "2024-05-06T01:00:00+00:00"
    assert 0 < record["machine"]["pace_seconds"] < 60
    assert len(record["commit"]) == 40 or record["commit"] == "unknown"


@pytest.mark.parametrize(
    ("text", "name", "says"),
    [
        ('"""x"""', "other", "no figure 'other'. The figures are: one"),
        ('"""x"""', "one", "has no prove"),
        ('"""x"""\ndef prove(*, seed):\n    return {}', "one", "no mapping of results"),
    ],
)
def test_a_figure_that_cannot_be_measured_is_refused_and_writes_nothing(tmp_path, text, name, says):
    (tmp_path / "one.py").write_text(text)
    with pytest.raises(ProofRefused, match=says):
        measure(folder=tmp_path, figures=tmp_path / "figures", name=name, seed=1, now=NOW)
    assert not (tmp_path / "figures").exists()


def test_a_figure_that_fails_leaves_the_last_one_standing(tmp_path):
    (tmp_path / "one.py").write_text('"""x"""\ndef prove(*, seed):\n    return {"n": 1 // seed}\n')
    path = measure(folder=tmp_path, figures=tmp_path / "figures", name="one", seed=1, now=NOW)
    before = path.read_text()
    with pytest.raises(ZeroDivisionError):
        measure(folder=tmp_path, figures=tmp_path / "figures", name="one", seed=0, now=NOW)
    assert path.read_text() == before


def test_figures_are_listed_by_their_first_line(tmp_path):
    (tmp_path / "b.py").write_text('"""Second.\n\nMore."""')
    (tmp_path / "a.py").write_text('"""First."""')
    (tmp_path / "__init__.py").write_text('"""x"""')
    assert known_figures(folder=tmp_path) == {"a": "First.", "b": "Second."}
