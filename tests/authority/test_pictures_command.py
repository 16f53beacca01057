"""`./do photos` checks a folder: every file gets its line, and a failing one makes the command fail."""

import json
from pathlib import Path

import pytest

from safehand.authority.pictures.__main__ import FINE, NOT_AS_ASKED, SOME_FAIL, main
from tests.authority.picture_corpus import LARGE, Made, content_of


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    place = tmp_path / "photos"
    place.mkdir()
    (place / "a-finished.jpg").write_bytes(content_of(Made()))
    (place / "b-camera.jpg").write_bytes(content_of(LARGE))
    return place


def test_a_folder_of_good_photos_is_fine_and_every_measure_is_written(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    report = tmp_path / "report.json"
    assert main([str(folder), "--json", str(report)]) == FINE
    said = capsys.readouterr().out
    assert "2 pictures: 1 fits, 1 mends, 0 examiner, 0 fails" in said
    told = json.loads(report.read_text())
    assert [(one["file"], one["verdict"], one["rule_set"]) for one in told] == [
        ("a-finished.jpg", "fits", "photo-guide-a"),
        ("b-camera.jpg", "mends", "photo-guide-a"),
    ]
    assert all(finding["measured"] and finding["wanted"] for one in told for finding in one["findings"])
    assert told[1]["offer"]["width_px"] == 480


def test_one_photo_that_fails_or_is_none_makes_the_command_fail_and_is_told_why(
    folder: Path, capsys: pytest.CaptureFixture[str]
):
    (folder / "c-tilted.png").write_bytes(content_of(Made(roll_degrees=14.0)))
    (folder / "d-text.jpg").write_text("no picture")
    assert main([str(folder), "--language", "zh"]) == SOME_FAIL
    said = capsys.readouterr().out
    assert "2 fails" in said
    assert "头部左右倾斜" in said
    assert "仅接受JPEG" in said


@pytest.mark.parametrize("words", [["--rules", "nobody-s"], ["--day", "2020-01-01"]])
def test_rules_that_do_not_hold_check_nothing(
    folder: Path, words: list[str], capsys: pytest.CaptureFixture[str]
):
    assert main([str(folder), *words]) == NOT_AS_ASKED
    assert "photo-guide-a" in capsys.readouterr().out


def test_an_empty_folder_and_none_at_all_are_told_so(tmp_path: Path):
    assert main([str(tmp_path)]) == NOT_AS_ASKED
    assert main([str(tmp_path / "nowhere")]) == NOT_AS_ASKED
