"""One process that tries its share of the mutants: `python -m safehand.simulation.mutants.worker JOB RESULTS`.

First, in a child, everything is imported and collected, and each mutant that can be put in then is tried in a child of
that. Then those that must be imported with the mutant in, each in a child of this process.
"""

import gc
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final

import msgspec
import pytest

from safehand.simulation.mutants.by_tests import (
    QUICK,
    TEST_FOLDERS,
    ByCalling,
    ByImporting,
    Judge,
    NearJudge,
    OnlyQuick,
    be_repeatable,
    code_files,
    import_all,
    imported_not_ours,
    near_files,
    new_recorder,
)
from safehand.simulation.mutants.covering import Cover, Recorder
from safehand.simulation.mutants.generate import Mutant
from safehand.simulation.mutants.in_a_child import in_a_child
from safehand.simulation.mutants.killing import Killer, killed_by
from safehand.simulation.mutants.patching import NewImport, read_all

SESSION_SECONDS_MAX: Final = 6 * 3600.0

WORTH_PREPARING: Final = 8
"""From so many mutants on it is quicker to import beforehand what is not ours."""


class Job(msgspec.Struct, frozen=True, kw_only=True):
    """What one worker is to do."""

    mutants: list[Mutant]
    cover: Cover | None = None
    """Without it only the tests are tried that are named after the module, and `likely`."""
    likely: dict[str, list[str]] = {}
    """For a module the tests that killed its mutants before."""

    def files(self) -> Sequence[str]:
        """Where the tests are that may be needed."""
        if self.cover is not None:
            return TEST_FOLDERS
        modules = {mutant.module for mutant in self.mutants}
        likely = {test.split("::")[0] for module in modules for test in self.likely.get(module, ())}
        return sorted(likely | {file for module in modules for file in near_files(module)})


class Tried(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one mutant."""

    mutant: Mutant
    killer: str | None
    seconds: float


class _Loop:
    """A plugin of pytest that tries mutants instead of running the tests once."""

    def __init__(self, job: Job, results: Path, recorder: Recorder | None) -> None:
        self._job = job
        self._results = results
        self._recorder = recorder
        self.cover = job.cover

    def pytest_runtestloop(self, session: pytest.Session) -> bool:
        """Everything is imported and collected now."""
        if self.cover is None:
            assert self._recorder is not None
            self.cover = self._recorder.cover(session.items)
        judge = _judge(self._job, self.cover)
        killer = ByCalling(judge, session)
        # Children would copy every page that the collector touches. (What is frozen it no longer finds: so not earlier.)
        gc.collect()
        gc.freeze()
        now = [one for one in self._job.mutants if not isinstance(judge.plan(one)[0], NewImport)]
        _try(now, killers=[killer], results=self._results)
        return True


def _judge(job: Job, cover: Cover) -> Judge:
    return Judge(cover) if job.cover is not None else NearJudge(cover, likely=job.likely)


def _try(mutants: Sequence[Mutant], *, killers: Sequence[Killer], results: Path) -> None:
    with results.open("ab") as file:
        for mutant in mutants:
            began = time.monotonic()
            killer = killed_by(mutant, killers=killers)
            seconds = round(time.monotonic() - began, 3)
            file.write(msgspec.json.encode(Tried(mutant=mutant, killer=killer, seconds=seconds)) + b"\n")
            file.flush()


class _Session(msgspec.Struct, frozen=True, kw_only=True):
    """What the process with everything imported leaves to the one without."""

    cover: Cover
    imported: list[str]


def _in_one_session(job: Job, results: Path) -> str:
    recorder = new_recorder() if job.cover is None else None
    loop = _Loop(job, results, recorder)
    pytest.main([*QUICK, *job.files()], plugins=[loop, OnlyQuick(), *filter(None, [recorder])])
    assert loop.cover is not None, "the tests can be collected"
    return msgspec.json.encode(_Session(cover=loop.cover, imported=imported_not_ours())).decode()


def tried_in(results: Path) -> list[Tried]:
    """What a file of results holds."""
    lines = results.read_bytes().splitlines() if results.exists() else []
    return [msgspec.json.decode(line, type=Tried) for line in lines]


def main(job_file: Path, results: Path) -> int:
    """Tries every mutant of the job and adds a line to the results for each."""
    be_repeatable()
    job = msgspec.json.decode(job_file.read_bytes(), type=Job)
    read_all(code_files())
    said = in_a_child(lambda: _in_one_session(job, results), seconds=SESSION_SECONDS_MAX)
    if said is None or not said.startswith("{"):
        return 1
    done = {one.mutant.name for one in tried_in(results)}
    rest = [mutant for mutant in job.mutants if mutant.name not in done]
    session = msgspec.json.decode(said, type=_Session)
    if len(rest) >= WORTH_PREPARING:
        import_all(session.imported)
    judge = _judge(job, session.cover)
    _try(rest, killers=[ByImporting(judge)], results=results)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
