"""The mutation score: of all mutants of the deciding modules, how many the project's tests find out.

A survivor is a decision that no test holds. Write the test that would have failed, or take out what has no effect; a
mutant that decides the same as the program is named in `equivalent.json` with the reason.
"""

import json
import os
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import msgspec

from safehand.simulation.mutants.by_tests import PROCESS_PAGE, SLOW_TOO, record
from safehand.simulation.mutants.covering import Cover
from safehand.simulation.mutants.generate import Mutant, mutants_of
from safehand.simulation.mutants.in_a_child import OUT_OF_TIME
from safehand.simulation.mutants.targets import ROOT, targets
from safehand.simulation.mutants.worker import Job, Tried, tried_in

EQUIVALENT: Final = Path(__file__).with_name("equivalent.json")
FIGURE: Final = ROOT / "docs" / "figures" / "mutants.json"
"""Its `likely` names for each module the tests that killed most of its mutants; the sample tries them first."""
EQUIVALENT_PERCENT_MAX: Final = 3
LIKELY_TESTS_MAX: Final = 15
PROCESSES_MAX: Final = 8


class Reviewed(msgspec.Struct, frozen=True, kw_only=True):
    """A mutant that somebody has looked at: it decides as the program does."""

    mutant: str
    """Its name without the line, which moves: `kernel.money: what`."""
    reason: str


def reviewed() -> dict[str, str]:
    """Mutants by their name without the line, with the reason why no test can find them out."""
    listed = msgspec.json.decode(EQUIVALENT.read_bytes(), type=list[Reviewed])
    return {one.mutant: one.reason for one in listed}


def without_line(mutant: Mutant | str) -> str:
    """The name (of a mutant) as long as the code stays the same, wherever it moves to in its file."""
    module, _, what = (mutant if isinstance(mutant, str) else mutant.name).split(":", 2)
    return f"{module}:{what}"


def all_mutants() -> list[Mutant]:
    """Every mutant of every deciding module, those reviewed with them."""
    return [mutant for target in targets() for mutant in mutants_of(target)]


def try_all(
    mutants: Sequence[Mutant],
    *,
    cover: Cover | None,
    seed: int,
    processes: int,
    likely: Mapping[str, list[str]] | None = None,
) -> list[Tried]:
    """Tries the mutants, so many at a time. The seed shuffles them, that the processes end at about the same time.

    Without `cover` only by the tests that are named after their modules, and by those that are `likely`.
    """
    shuffled = random.Random(seed).sample(list(mutants), len(mutants))
    with tempfile.TemporaryDirectory(prefix="safehand-mutants-") as folder:
        running: list[tuple[subprocess.Popen[bytes], Path]] = []
        for number in range(processes):
            job, results = Path(folder, f"job-{number}"), Path(folder, f"results-{number}")
            share = sorted(shuffled[number::processes], key=lambda one: (one.module, one.line))
            job.write_bytes(msgspec.json.encode(Job(mutants=share, cover=cover, likely=dict(likely or {}))))
            words = [sys.executable, "-m", "safehand.simulation.mutants.worker", str(job), str(results)]
            process = subprocess.Popen(words, cwd=ROOT, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL)
            running.append((process, results))
        tried: list[Tried] = []
        for process, results in running:
            process.wait()
            tried += tried_in(results)
    if len(tried) != len(mutants):
        raise RuntimeError(f"{len(mutants) - len(tried)} of {len(mutants)} mutants were not tried")
    return sorted(tried, key=lambda one: (one.mutant.module, one.mutant.line, one.mutant.name))


def sample(*, seed: int, count: int) -> list[Tried]:
    """Tries some mutants, drawn by the seed, in one process: by the tests that are named after their modules or likely.

    Those that the figure names as survivors are counted there, and not drawn again: a sample is to find new ones.
    """
    figure = json.loads(FIGURE.read_text(encoding="utf-8"))["result"] if FIGURE.exists() else {}
    left_out = {*reviewed(), *map(without_line, figure.get("survivors", ()))}
    wanted = [mutant for mutant in all_mutants() if without_line(mutant) not in left_out]
    drawn = random.Random(seed).sample(wanted, count)
    return try_all(drawn, cover=None, seed=seed, processes=1, likely=figure.get("likely", {}))


def likely_killers(tried: Sequence[Tried]) -> dict[str, list[str]]:
    """For each module the tests that killed most of its mutants, of the quick ones."""
    counts: dict[str, Counter[str]] = {}
    for one in tried:
        if one.killer is not None and "::" in one.killer and one.killer.split("::")[0] not in SLOW_TOO:
            counts.setdefault(one.mutant.module, Counter())[one.killer] += 1
    return {
        module: sorted(count, key=lambda test, count=count: (-count[test], test))[:LIKELY_TESTS_MAX]
        for module, count in sorted(counts.items())
    }


def prove(*, seed: int) -> dict[str, object]:
    """Tries every mutant and returns the figure (`./do prove mutants`)."""
    began = time.monotonic()
    known = reviewed()
    everything = all_mutants()
    equivalent = [mutant for mutant in everything if without_line(mutant) in known]
    wanted = [mutant for mutant in everything if without_line(mutant) not in known]
    cover = record()
    recorded = time.monotonic() - began
    tried = try_all(wanted, cover=cover, seed=seed, processes=min(os.cpu_count() or 1, PROCESSES_MAX))
    survivors = [one.mutant.name for one in tried if one.killer is None]
    killed = len(tried) - len(survivors)
    return {
        "generated": len(everything),
        "equivalent_by_review": len(equivalent),
        "tried": len(tried),
        "killed": killed,
        "killed_by_time": sum(one.killer == OUT_OF_TIME for one in tried),
        "killed_by_the_process_page_alone": sum((one.killer or "").startswith(PROCESS_PAGE) for one in tried),
        "score": round(killed / len(tried), 4),
        "modules": len({one.mutant.module for one in tried}),
        "tests": len(cover.tests),
        "seconds": round(time.monotonic() - began, 1),
        "seconds_to_record_cover": round(recorded, 1),
        "survivors": survivors,
        "likely": likely_killers(tried),
    }
