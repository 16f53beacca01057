"""Lifecycles end to end: a small `./do launch` in a folder of its own, timed by itself."""

import contextlib
import importlib.util
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

from safehand.kernel.postgres_server import PostgresServer
from safehand.programme.processes import end_left_over

APPLICATIONS = 600
APPLICATIONS_QUICK = 60
LAUNCH_SECONDS_MAX = 60.0
STOP_SECONDS_MAX = 30.0
SAID_CHARACTERS_MAX = 1_000
MODULE = "safehand.programme.launch"


class LaunchFailed(Exception):
    """The launch did not end well; the text has the end of what it said."""


def is_built() -> bool:
    """Whether there is a launch to run."""
    return importlib.util.find_spec(f"{MODULE}.__main__") is not None


def lifecycles_per_second(*, folder: Path, applications: int) -> float:
    """Run the launch with so many applications and return its own figure. Raises `LaunchFailed`."""
    result = folder / "launch.json"
    result.unlink(missing_ok=True)
    words = ["--applications", str(applications), "--fresh", "--json", str(result)]
    code, text = _run(folder=folder, words=words)
    if code != 0:
        raise LaunchFailed(f"the launch ended with {code}:\n{text[-SAID_CHARACTERS_MAX:]}")
    said = json.loads(result.read_text(encoding="utf-8"))
    if said["differences"] != 0:
        raise LaunchFailed(f"the houses differ in {said['differences']} places; no rate is worth that")
    return float(said["lifecycles_per_second"])


def _run(*, folder: Path, words: list[str]) -> tuple[int, str]:
    """Exit code and what the launch said; past its time it is asked to stop, so that it ends its own processes."""
    said = folder / "launch.log"
    with said.open("wb") as log:
        launch = subprocess.Popen(
            [sys.executable, "-m", MODULE, *words],
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            # Its own databases: the launch of whoever works in this copy is left alone.
            env={**os.environ, "SAFEHAND_DATA": str(folder / "launch")},
        )
        try:
            code = launch.wait(timeout=LAUNCH_SECONDS_MAX)
        except subprocess.TimeoutExpired:
            code = -signal.SIGALRM
        finally:
            if launch.poll() is None:
                launch.send_signal(signal.SIGINT)
                with contextlib.suppress(subprocess.TimeoutExpired):
                    launch.wait(timeout=STOP_SECONDS_MAX)
                launch.kill()
                launch.wait()
            for processes in (folder / "launch").glob("**/processes"):
                end_left_over(folder=processes)
            PostgresServer().remove(folder=folder / "launch" / "postgres")
    text = said.read_text(encoding="utf-8", errors="replace")
    if code == -signal.SIGALRM:
        raise LaunchFailed(f"it took over {LAUNCH_SECONDS_MAX:.0f} s:\n{text[-SAID_CHARACTERS_MAX:]}")
    return code, text
