"""Puts known bugs into the running code, one at a time, and sees that the simulator finds each: a survivor is a bug of its checker.

A bug is a change of a few words (`bugs.toml`). Its module is compiled with the change, and the code of the functions in
which it stands is exchanged in place, so whoever holds the function already runs the changed one.
"""

import dis
import gc
import importlib
import json
import os
import signal
import sys
import time
import tomllib
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FunctionType
from typing import Final, NamedTuple

from safehand.simulation.processes import commit, silent
from safehand.simulation.run import Plan, play

BUGS: Final = Path(__file__).with_name("bugs.toml")
SEEDS_MAX: Final = 40
SECONDS_MAX: Final = 120
"""A run with a bug may never end; on the busiest machine an honest one of this size takes a tenth of it."""
PLANS: Final = ((40, 20), (60, 40))
"""Small runs find bugs sooner than large ones: people and days, in turn."""


class Bug(NamedTuple):
    """A change of a few words."""

    name: str
    module: str
    old: str
    new: str


class Verdict(NamedTuple):
    """What became of a bug: found by which seed and invariant, or not."""

    bug: str
    seeds: int
    invariant: str
    seconds: float


def read_bugs() -> list[Bug]:
    """All bugs of the list."""
    return [Bug(**one) for one in tomllib.loads(BUGS.read_text(encoding="utf-8"))["bug"]]


def source_of(bug: Bug) -> tuple[Path, str]:
    """The module's file and its text with the bug. Raises `ValueError` when the text has changed, so that nobody tests nothing."""
    path = Path(str(importlib.import_module(bug.module).__file__))
    text = path.read_text(encoding="utf-8")
    if text.count(bug.old) != 1:
        raise ValueError(
            f"{bug.name}: {bug.module} has {text.count(bug.old)} times: {bug.old!r}; mend bugs.toml"
        )
    if bug.old.count("\n") != bug.new.count("\n"):
        raise ValueError(f"{bug.name}: the bug must have as many lines as what it replaces")
    return path, text.replace(bug.old, bug.new)


def _codes(code: CodeType) -> Iterator[CodeType]:
    for one in code.co_consts:
        if isinstance(one, CodeType):
            yield one
            yield from _codes(one)


def _same(one: CodeType, other: CodeType) -> bool:
    told = [
        (step.opname, repr(step.argval))
        for step in dis.get_instructions(one)
        if not isinstance(step.argval, CodeType)
    ]
    return told == [
        (step.opname, repr(step.argval))
        for step in dis.get_instructions(other)
        if not isinstance(step.argval, CodeType)
    ]


@contextmanager
def planted(bug: Bug) -> Iterator[int]:
    """Within: the bug is in the running code. Gives how many functions were changed; none is an error."""
    path, text = source_of(bug)
    changed = {(one.co_qualname, one.co_firstlineno): one for one in _codes(compile(text, str(path), "exec"))}
    before: list[tuple[FunctionType, CodeType]] = []
    for function in [one for one in gc.get_objects() if isinstance(one, FunctionType)]:
        code = function.__code__
        new = changed.get((code.co_qualname, code.co_firstlineno))
        if code.co_filename == str(path) and new is not None and not _whole_same(code, new):
            before.append((function, code))
            function.__code__ = new
    if not before:
        raise ValueError(f"{bug.name}: no function holds this text")
    try:
        yield len(before)
    finally:
        for function, code in before:
            function.__code__ = code


def _whole_same(one: CodeType, other: CodeType) -> bool:
    ours, theirs = [one, *_codes(one)], [other, *_codes(other)]
    return len(ours) == len(theirs) and all(_same(a, b) for a, b in zip(ours, theirs, strict=True))


def _never_ended(signum: int, frame: object) -> None:
    raise TimeoutError("the run never ended")


def _ready() -> None:
    silent()
    signal.signal(signal.SIGALRM, _never_ended)


def hunt(bug: Bug) -> Verdict:
    """Play seeds with the bug until something is wrong."""
    began = time.monotonic()
    with planted(bug):
        for seed in range(1, SEEDS_MAX + 1):
            people, days = PLANS[seed % len(PLANS)]
            signal.alarm(SECONDS_MAX)
            try:
                ended = play(Plan(seed=seed, people=people, arrival_days=days))
            except Exception as failure:
                # The simulator itself fell over what the bug made of the books.
                return Verdict(
                    bug.name, seed, f"the run broke: {type(failure).__name__}", time.monotonic() - began
                )
            finally:
                signal.alarm(0)
            if ended.violations:
                return Verdict(bug.name, seed, ended.violations[0].invariant, time.monotonic() - began)
    return Verdict(bug.name, SEEDS_MAX, "", time.monotonic() - began)


def prove(*, jobs: int, path: Path | None) -> int:
    """Hunt every bug; 0 when all were found."""
    began = time.monotonic()
    bugs = read_bugs()
    with ProcessPoolExecutor(max_workers=jobs, initializer=_ready) as pool:
        verdicts: list[Verdict] = []
        for one in pool.map(hunt, bugs):
            verdicts.append(one)
            how = f"seed {one.seeds}: {one.invariant}" if one.invariant else "NOT FOUND"
            print(f"{one.bug:62}{how} ({one.seconds:.0f} s)", flush=True)
    found = sum(bool(one.invariant) for one in verdicts)
    print(f"\n{found} of {len(bugs)} found in {time.monotonic() - began:.0f} s")
    if path is not None:
        result = {
            "mutants": [found, len(bugs)],
            "seeds_needed": {one.bug: one.seeds for one in verdicts if one.invariant},
            "found_by": {one.bug: one.invariant for one in verdicts if one.invariant},
            "not_found": [one.bug for one in verdicts if not one.invariant],
            "commit": commit(),
            "jobs": jobs,
            "cores": os.cpu_count(),
            "wall_seconds": round(time.monotonic() - began, 1),
        }
        path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 0 if found == len(bugs) else 1


if __name__ == "__main__":
    sys.exit(prove(jobs=os.cpu_count() or 1, path=None))
