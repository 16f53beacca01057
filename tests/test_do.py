"""The one command, run as a person runs it: from anywhere, with hardly any environment."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
COMMANDS = (
    "run",
    "test",
    "check",
    "fast",
    "launch",
    "story",
    "rehearse",
    "sim",
    "bench",
    "prove",
    "photos",
    "db",
    "new",
    "docs",
)


def do(*words: str, folder: Path = ROOT, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "do"), *words],
        cwd=folder,
        env={"PATH": os.defpath, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


def test_alone_it_lists_every_command_with_a_sentence():
    said = do()
    assert said.returncode == 0
    listed = dict(re.findall(r"^  (\w+) +(\S.+)$", said.stdout, re.MULTILINE))
    assert tuple(listed) == COMMANDS


def test_an_unknown_command_is_refused_with_the_list():
    said = do("dance")
    assert said.returncode == 2
    assert "There is no command 'dance'" in said.stderr
    assert "launch" in said.stderr


def test_it_may_be_said_from_any_folder_without_home(tmp_path):
    said = do("docs", folder=tmp_path)
    assert "docs/how-to/set-up.md" in said.stdout


def test_bad_words_to_the_database_are_refused_before_anything_is_set_up():
    said = do("db", "explode")
    assert said.returncode == 2
    assert "start | stop | status" in said.stderr


def test_nothing_to_verify_is_said_with_the_way_to_something(tmp_path):
    said = do("db", "verify", SAFEHAND_DATA=str(tmp_path))
    assert said.returncode == 2
    assert "Begin with: ./do run" in said.stderr


def test_the_words_of_verifying_take_no_others():
    said = do("db", "verify", "everything")
    assert said.returncode == 2
    assert "verify" in said.stderr


def test_databases_are_not_deleted_without_a_yes():
    said = do("db", "reset")
    assert said.returncode == 2
    assert "--yes" in said.stderr


def test_an_unknown_check_is_refused_with_their_names():
    said = do("check", "vibes")
    assert said.returncode == 2
    assert "types" in said.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("city", "32", "Suzhou"),
        ("city", "110000", "Beijing"),
        ("city", "320500", "suzhou;"),
        ("document", "Bad Code", "x"),
    ],
)
def test_new_refuses_what_would_not_be_a_city_or_document(words):
    said = do("new", *words)
    assert said.returncode == 2
    assert said.stderr


def test_the_tool_that_fetches_the_others_is_pinned_by_version_and_hash():
    text = (ROOT / "do").read_text()
    assert re.search(r'^UV_VERSION = "\d+\.\d+\.\d+"$', text, re.MULTILINE)
    assert len(set(re.findall(r'^    "([0-9a-f]{64})",', text, re.MULTILINE))) >= 3


def test_what_runs_before_a_change_is_taken_in_runs_the_checks_and_all_tests():
    script = ROOT / ".ci" / "run"
    assert os.access(script, os.X_OK)
    assert script.read_text().startswith("#!/usr/bin/env bash\n")
    assert "./do check" in script.read_text()
    assert "./do test" in script.read_text()
