"""Writes the keys that the sandbox makes for itself at first start."""

import os
from pathlib import Path


def write_secret(file: Path, content: bytes) -> None:
    """Write a new file that only its owner may read; a half-written one is never seen."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    half = file.with_suffix(".new")
    half.unlink(missing_ok=True)
    with os.fdopen(os.open(half, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(content)
    half.replace(file)
