"""Puts known bugs into the running code, one at a time, and sees that the simulator finds each, or else the quick tests.

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
from typing import Any, Final, NamedTuple

from safehand.simulation.mutants.in_a_child import in_a_child
from safehand.simulation.plan import Plan
from safehand.simulation.processes import REPOSITORY, commit, silent
from safehand.simulation.run import play

BUGS: Final = Path(__file__).with_name("bugs.toml")
SEEDS_MAX: Final = 40
TEST_SECONDS_MAX: Final = 300
TEST_FOLDERS: Final = tuple(f"tests/{name}" for name in ("authority", "postal", "link", "kernel", "house"))
QUICK: Final = (
    "-q",
    "-m",
    "not server and not browser and not slow",
    "-p",
    "no:cacheprovider",
    "-p",
    "no:xdist",
)
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
    """What became of a bug: found by which seed (0: none, but by this test) and invariant, or not."""

    bug: str
    seeds: int
    found_by: str
    """The invariant or the test; empty: nothing found it."""
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
    os.chdir(REPOSITORY)
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
    test = _found_by_tests(bug)
    return Verdict(bug.name, 0 if test else SEEDS_MAX, test, time.monotonic() - began)


def _found_by_tests(bug: Bug) -> str:
    """The quick test that first fails with the bug; empty when none does."""

    def act() -> str | None:
        import pytest

        first = _FirstFailure()
        with planted(bug):
            pytest.main([*QUICK, "-x", *TEST_FOLDERS], plugins=[first])
        return first.test

    found = in_a_child(act, seconds=TEST_SECONDS_MAX)
    return found if found is not None and "::" in found else ""


class _FirstFailure:
    """A plugin of pytest."""

    def __init__(self) -> None:
        self.test: str | None = None

    def pytest_runtest_logreport(self, report: Any) -> None:
        """Keep the first test that failed."""
        if report.failed and self.test is None:
            self.test = report.nodeid


def hunt_all(*, jobs: int) -> dict[str, Any]:
    """Hunt every bug, tell of each as it is found, and give the score."""
    began = time.monotonic()
    bugs = read_bugs()
    verdicts: list[Verdict] = []
    with ProcessPoolExecutor(max_workers=jobs, initializer=_ready) as pool:
        for one in pool.map(hunt, bugs):
            verdicts.append(one)
            by = f"seed {one.seeds}" if one.seeds else "no seed, but a test"
            how = f"{by}: {one.found_by}" if one.found_by else "NOT FOUND"
            print(f"{one.bug:64}{how} ({one.seconds:.0f} s)", flush=True)
    found = sum(bool(one.found_by) for one in verdicts)
    seconds = time.monotonic() - began
    print(f"\n{found} of {len(bugs)} found in {seconds:.0f} s")
    return {
        "mutants": [found, len(bugs)],
        "found_by_seeds": sum(one.seeds > 0 and bool(one.found_by) for one in verdicts),
        "found_by_tests_only": {one.bug: one.found_by for one in verdicts if not one.seeds},
        "seeds_needed": {one.bug: one.seeds for one in verdicts if one.found_by and one.seeds},
        "invariants": {one.bug: one.found_by for one in verdicts if one.found_by and one.seeds},
        "not_found": [one.bug for one in verdicts if not one.found_by],
        "seeds_max": SEEDS_MAX,
        "jobs": jobs,
        "wall_seconds": round(seconds, 1),
    }


def main(*, jobs: int, path: Path | None) -> int:
    """`./do sim --mutants`: 0 when every bug was found."""
    result = hunt_all(jobs=jobs) | {"commit": commit()}
    if path is not None:
        path.write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return 1 if result["not_found"] else 0


if __name__ == "__main__":
    sys.exit(main(jobs=os.cpu_count() or 1, path=None))
