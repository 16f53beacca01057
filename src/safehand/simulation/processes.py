"""What each process of a simulation does first, and which tree it plays."""

import logging
import subprocess
from pathlib import Path
from typing import Final

REPOSITORY: Final = Path(__file__).parents[3]


def silent() -> None:
    """No logs."""
    # Refused messages and lost races are what a simulation is made of; the checker looks at what became of them.
    logging.disable(logging.CRITICAL)


def commit() -> str:
    """The tree that is played."""
    git = subprocess.run(
        ["git", "-C", str(REPOSITORY), "rev-parse", "--short=12", "HEAD"],
        capture_output=True,
        text=True,
        check=False,
    )
    return git.stdout.strip() or "unknown"
