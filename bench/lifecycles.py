"""Lifecycles end to end: a small `./do launch` in a folder of its own, timed by itself."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

APPLICATIONS = 600
APPLICATIONS_QUICK = 200
LAUNCH_SECONDS_MAX = 120.0
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
    try:
        done = subprocess.run(
            [sys.executable, "-m", MODULE, *words],
            capture_output=True,
            text=True,
            timeout=LAUNCH_SECONDS_MAX,
            # Its own databases: the launch of whoever works in this copy is left alone.
            env={**os.environ, "SAFEHAND_DATA": str(folder / "launch")},
        )
    except subprocess.TimeoutExpired:
        raise LaunchFailed(f"the launch took over {LAUNCH_SECONDS_MAX:.0f} s") from None
    if done.returncode != 0:
        raise LaunchFailed(f"the launch ended with {done.returncode}:\n{done.stderr[-2000:]}")
    said = json.loads(result.read_text(encoding="utf-8"))
    if said["differences"] != 0:
        raise LaunchFailed(f"the houses differ in {said['differences']} places; no rate is worth that")
    return float(said["lifecycles_per_second"])
