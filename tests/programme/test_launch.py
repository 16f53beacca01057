"""The launch from outside: to its end, through kills of either house, and with a row altered behind its back."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from safehand.kernel.postgres_server import PostgresServer

pytestmark = pytest.mark.slow

APPLICATIONS, SEED = 60, 11
SECONDS_MAX = 150
SAME = ("cities", "provinces", "exceptions", "custody", "documents_issued", "differences")
"""What an interrupted launch must end with like an uninterrupted one."""


def command(*more: str) -> list[str]:
    return [
        sys.executable,
        "-m",
        "safehand.programme.launch",
        "--applications",
        str(APPLICATIONS),
        "--seed",
        str(SEED),
        *more,
    ]


def play(folder: Path, *more: str) -> dict[str, Any]:
    report = folder / "report.json"
    done = subprocess.run(
        command("--json", str(report), *more),
        env={**os.environ, "SAFEHAND_DATA": str(folder)},
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
    )
    assert done.returncode == 0, done.stdout[-2_000:] + done.stderr[-2_000:]
    return json.loads(report.read_text())


def launch_folder(folder: Path) -> Path:
    return folder / f"launch-{APPLICATIONS}-{SEED}"


@pytest.fixture(scope="module")
def uninterrupted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    folder = tmp_path_factory.mktemp("launch")
    return folder, play(folder, "--fresh")


def test_a_launch_ends_with_every_case_ended_and_the_books_in_agreement(
    uninterrupted: tuple[Path, dict[str, Any]],
) -> None:
    _, report = uninterrupted
    assert report["differences"] == 0
    assert report["parked"] == 0
    assert report["lifecycles"] == APPLICATIONS == sum(city["applications"] for city in report["cities"])
    ended = {"completed", "withdrawn", "deemed_withdrawn", "refused", "not_delivered"}
    assert {state for city in report["cities"] for state in city["states"]} <= ended
    assert sum(report["custody"].values()) == report["documents_issued"]
    assert sum(city["delivered_with_proof"] for city in report["cities"]) > APPLICATIONS / 2
    assert report["http_calls"] > 0


def test_one_altered_row_makes_a_difference(uninterrupted: tuple[Path, dict[str, Any]]) -> None:
    folder, _ = uninterrupted
    with PostgresServer().start(folder=launch_folder(folder) / "postgres") as server:
        server.sql(
            database="post",
            statement="update unit set account = 'returned' where unit = "
            "(select unit from unit where account = 'recipient' order by unit limit 1)",
        )
    assert play(folder, "--report")["differences"] > 0


@pytest.mark.parametrize("house", ["authority", "post"])
def test_a_launch_whose_house_was_killed_goes_on_and_ends_alike(
    house: str, uninterrupted: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    _, whole = uninterrupted
    running = subprocess.Popen(
        command("--fresh"),
        env={**os.environ, "SAFEHAND_DATA": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    _wait_until(launch_folder(tmp_path) / "progress.json", moment="2024-05-10", running=running)
    os.kill(int((launch_folder(tmp_path) / "processes" / f"{house}.pid").read_text()), signal.SIGKILL)
    said, _ = running.communicate(timeout=SECONDS_MAX)
    assert running.returncode == 3, said
    assert "goes on from here" in said
    report = play(tmp_path)
    assert {name: report[name] for name in SAME} == {name: whole[name] for name in SAME}


def _wait_until(progress: Path, *, moment: str, running: "subprocess.Popen[str]") -> None:
    """Until the launch has come so far in its own time."""
    until = time.monotonic() + SECONDS_MAX
    while time.monotonic() < until:
        assert running.poll() is None, running.communicate()[0]
        if progress.exists() and (json.loads(progress.read_text())["moment"] or "") >= moment:
            return
        time.sleep(0.05)
    raise AssertionError(f"the launch did not come to {moment} in {SECONDS_MAX} s")
