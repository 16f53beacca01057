"""Measures one published figure anew and keeps it with what it takes to repeat it: `./do prove NAME`.

A figure is a module `bench/proofs/NAME.py` whose first docstring line says what it shows and whose function
`prove(*, seed: int) -> dict[str, object]` measures it and returns plain numbers and words. The result goes to
`docs/figures/NAME.json`, with the commit, whether the tree had changes, the seed, the command, the machine, and the pace of Python on it.
"""

from __future__ import annotations

import argparse
import ast
import importlib.util
import json
import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).resolve().parents[3]
PROOFS = ROOT / "bench" / "proofs"
FIGURES = ROOT / "docs" / "figures"
NAME_SHAPE = re.compile(r"[a-z][a-z0-9_]{0,60}")
PACE_COUNT = 20_000_000


class ProofRefused(Exception):
    """The figure cannot be measured as asked; the text says why and what to do."""


def known_figures(*, folder: Path) -> dict[str, str]:
    """Name and first line of every figure that is registered."""
    found: dict[str, str] = {}
    for path in sorted(folder.glob("*.py")):
        if NAME_SHAPE.fullmatch(path.stem):
            said = (
                ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or "(says nothing of itself)"
            )
            found[path.stem] = said.splitlines()[0]
    return found


def load_figure(*, folder: Path, name: str) -> ModuleType:
    """The figure's module; ProofRefused when there is none of that name or it has no `prove`."""
    known = known_figures(folder=folder)
    if name not in known:
        raise ProofRefused(f"There is no figure {name!r}. The figures are: {', '.join(known) or 'none yet'}.")
    spec = importlib.util.spec_from_file_location(f"proof_{name}", folder / f"{name}.py")
    if spec is None or spec.loader is None:
        raise ProofRefused(f"{folder / name}.py cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    if not callable(getattr(module, "prove", None)):
        raise ProofRefused(
            f"bench/proofs/{name}.py has no prove(*, seed). Write one; see safehand.programme.prove."
        )
    return module


def _git(*words: str) -> str:
    try:
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, timeout=30)
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _pace() -> float:
    """Seconds that this Python on this machine takes to count to twenty million: how two machines' figures compare."""
    began, count = time.perf_counter(), 0
    while count < PACE_COUNT:
        count += 1
    return round(time.perf_counter() - began, 2)


def measure(*, folder: Path, figures: Path, name: str, seed: int, now: datetime) -> Path:
    """Measures the figure and writes its file; returns the file's path. `now` is recorded, aware UTC."""
    module = load_figure(folder=folder, name=name)
    began = time.monotonic()
    result = module.prove(seed=seed)
    if not isinstance(result, Mapping) or not result:
        raise ProofRefused(f"bench/proofs/{name}.py gave no mapping of results. Nothing was written.")
    record = {
        "name": name,
        "shows": known_figures(folder=folder)[name],
        "result": result,
        "command": f"./do prove {name} --seed {seed}",
        "seed": seed,
        "commit": _git("rev-parse", "HEAD") or "unknown",
        "tree_changed": bool(_git("status", "--porcelain", "--untracked-files=no")),
        "measured_at": now.isoformat(timespec="seconds"),
        "wall_seconds": round(time.monotonic() - began, 3),
        "machine": {
            "cores": os.cpu_count(),
            "kind": platform.machine(),
            "python": platform.python_version(),
            "pace_seconds": _pace(),
        },
    }
    figures.mkdir(parents=True, exist_ok=True)
    unfinished = figures / f".{name}.{os.getpid()}"
    unfinished.write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    return unfinished.replace(figures / f"{name}.json")


def main() -> int:
    """The command line: lists the figures, or measures one."""
    parser = argparse.ArgumentParser(prog="./do prove", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("name", nargs="?")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    if options.name is None:
        for name, said in known_figures(folder=PROOFS).items():
            print(f"{name:<30} {said}")
        return 0
    try:
        path = measure(
            folder=PROOFS, figures=FIGURES, name=options.name, seed=options.seed, now=datetime.now(UTC)
        )
    except ProofRefused as refused:
        print(refused, file=sys.stderr)
        return 2
    print(path.read_text(encoding="utf-8"), end="")
    return 0


if __name__ == "__main__":
    sys.exit(main())
