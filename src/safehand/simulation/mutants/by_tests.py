"""Kills mutants by the project's own quick tests, each mutant in a forked child of a process that has them all ready.

Two kinds of process are forked from: one in which everything is imported and collected, for mutants that can be put in
then; and one in which only what is not ours is imported, for those that must be imported (`patching.py` says which).
"""

import ast
import importlib
import os
import sys
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, cast

import hypothesis
import pytest
from _pytest.runner import runtestprotocol
from msgspec import json

from safehand.simulation.mutants.covering import Cover, Recorder
from safehand.simulation.mutants.generate import Mutant, Site
from safehand.simulation.mutants.in_a_child import in_a_child
from safehand.simulation.mutants.patching import (
    Finder,
    Loaded,
    NewCode,
    NewImport,
    NewValue,
    Patch,
    Patches,
    Uses,
)
from safehand.simulation.mutants.targets import ROOT, SOURCES, Target, targets

PROCESS_PAGE: Final = "tests/test_docs.py"
"""Holds every table of states to the process page, which says in words what the table is to say."""
TEST_FOLDERS: Final = (
    *(f"tests/{name}" for name in ("authority", "house", "kernel", "link", "postal")),
    PROCESS_PAGE,
)
OUR_FOLDERS: Final = tuple(
    str(path) + os.sep for path in (SOURCES / "safehand", ROOT / "tests", ROOT / ".ci")
)
QUICK: Final = ("-q", "-m", "not server and not browser", "-p", "no:cacheprovider", "-p", "no:xdist")
SLOW_TOO: Final = frozenset({"tests/authority/test_walk.py", "tests/postal/test_walk.py"})
"""The walks need no server; they take seconds and come last, for mutants which all the quick tests have let live."""
WALKS: Final = (
    "tests/authority/test_walk.py::test_whatever_commands_come_the_books_hold[0]",
    "tests/postal/test_walk.py::",
)
"""Those of them that are run. The others walk on for longer, or look whether every edge of a table is reached."""
NOT_MUTATED: Final = SOURCES / "safehand" / "simulation"
SECONDS_MAX: Final = 20.0
"""For one mutant beyond three times what its tests take without it."""
RECORD_SECONDS_MAX: Final = 600.0
LIKELIEST: Final = 4
AT_IMPORT: Final = "it can't be imported"


def be_repeatable() -> None:
    """Generated examples are the same in every run, none is kept, and none is made smaller."""
    phases = (hypothesis.Phase.explicit, hypothesis.Phase.generate)
    hypothesis.settings.register_profile(
        "mutants", database=None, derandomize=True, deadline=None, phases=phases
    )
    hypothesis.settings.load_profile("mutants")


def code_files() -> list[Path]:
    """Every file that may use what is mutated, tests with them."""
    ours = [path for path in (SOURCES / "safehand").rglob("*.py") if not path.is_relative_to(NOT_MUTATED)]
    folders = [ROOT / ".ci", *(ROOT / folder for folder in TEST_FOLDERS if (ROOT / folder).is_dir())]
    theirs = [path for folder in folders for path in folder.rglob("*.py")]
    return sorted([*ours, *theirs, ROOT / "tests" / "conftest.py", ROOT / PROCESS_PAGE])


def _ask(act: Callable[[], str], *, seconds: float) -> str:
    said = in_a_child(act, seconds=seconds)
    if said is None or not said.startswith(("[", "{")):
        raise RuntimeError(
            f"without any mutant the tests must pass, and they did not ({said}): run ./do fast, mend, then try again"
        )
    return said


def new_recorder() -> Recorder:
    """A recorder of what is mutated. What is ours may not have been imported yet."""
    files = frozenset(str(target.path) for target in targets())
    return Recorder(files, folders=OUR_FOLDERS)


def record() -> Cover:
    """Runs the quick tests once under the trace. Raises `RuntimeError` when they fail without any mutant."""

    def act() -> str:
        be_repeatable()
        recorder = new_recorder()
        ended = pytest.main([*QUICK, *TEST_FOLDERS], plugins=[recorder, OnlyQuick()])
        return json.encode(recorder.cover()).decode() if ended == pytest.ExitCode.OK else str(ended)

    return json.decode(_ask(act, seconds=RECORD_SECONDS_MAX), type=Cover)


def imported_not_ours() -> list[str]:
    """The names of all modules imported here beside our own."""
    here = (str(SOURCES), str(ROOT / "tests"), str(ROOT / ".ci"))
    return [
        name
        for name, module in list(sys.modules.items())
        if not str(getattr(module, "__file__", None) or "").startswith(here)
        and not name.startswith(("safehand", "tests", "__", "_pytest"))
    ]


def import_all(names: Iterable[str]) -> None:
    """Imports them here, so that children need not."""
    for name in names:
        # What only exists once something else has run is made again by whoever needs it.
        with suppress(Exception):
            importlib.import_module(name)


class OnlyQuick:
    """A plugin of pytest: leaves the quick tests and the walks."""

    @pytest.hookimpl(tryfirst=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """See `WALKS`."""
        items[:] = [
            one for one in items if one.get_closest_marker("slow") is None or one.nodeid.startswith(WALKS)
        ]


class _FirstFailure(OnlyQuick):
    """A plugin of pytest: leaves only these tests and keeps which one failed first."""

    def __init__(self, *, known: Collection[str], wanted: Collection[str]) -> None:
        self._known = known
        self._wanted = wanted
        self.failed: str | None = None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """A test that nobody knows came with the mutant and is run too."""
        super().pytest_collection_modifyitems(items)
        items[:] = [one for one in items if one.nodeid in self._wanted or one.nodeid not in self._known]

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """See `failed`."""
        if report.failed and self.failed is None:
            self.failed = report.nodeid


class Judge:
    """What is known of all mutants: how each is put in and which tests may kill it."""

    def __init__(self, cover: Cover) -> None:
        self.cover = cover
        self.uses = Uses(code_files(), cover.at_import)
        self._patches = Patches(self.uses)
        self._targets = {target.module: target for target in targets()}
        self._killers: dict[str, list[int]] = {}
        self._first_by_test = {test: number for number, test in enumerate(cover.tests)}

    def plan(self, mutant: Mutant) -> tuple[Patch, list[int]]:
        """How it is put in, and its tests: those first that have killed others of its module, then the quickest."""
        target = self._targets[mutant.module]
        patch, site = self._patches.patch_for(mutant, target)
        tests = self._tests(patch, site, target)
        before = [test for test in self._killers.get(mutant.module, ()) if test in tests]
        before = [test for test in before if self.file_of(test) not in (PROCESS_PAGE, *SLOW_TOO)]
        return patch, [*before, *(test for test in self._nearest_first(tests, target) if test not in before)]

    def _tests(self, patch: Patch, site: Site, target: Target) -> set[int]:
        path = str(target.path)
        if site.function is not None:
            return set(self.cover.through(path=path, lines=site.lines))
        name = _name_of(site.statement)
        readers = self._through_functions(self.uses.readers(target.module, name))
        if isinstance(patch, NewValue):
            return readers
        files = {path, *self.uses.importers.get(target.module, set())}
        users = {
            test for file in files for tests in self.cover.lines.get(file, {}).values() for test in tests
        }
        near = tuple(near_files(target.module))
        if isinstance(site.statement, ast.ClassDef):
            # Whoever builds something with it comes through no line of it.
            near = (f"tests/{target.module.split('.')[1]}/",)
        nearby = {test for test in range(len(self.cover.tests)) if self.file_of(test).startswith(near)}
        return readers | users | nearby

    def _through_functions(self, functions: Iterable[tuple[str, int]]) -> set[int]:
        return {test for path, line in functions for test in self.cover.lines.get(path, {}).get(line, ())}

    def _nearest_first(self, tests: Iterable[int], target: Target) -> list[int]:
        near = set(near_files(target.module))
        return sorted(
            tests,
            key=lambda test: (
                # What a test of behaviour finds out is better found than what only differs from the page.
                self.file_of(test) in SLOW_TOO,
                self.file_of(test) == PROCESS_PAGE,
                self.file_of(test) not in near,
                self.cover.seconds[test],
                test,
            ),
        )

    def file_of(self, test: int) -> str:
        """The file that a test stands in."""
        return self.cover.tests[test].split("::")[0]

    def killed(self, mutant: Mutant, by: str) -> None:
        """The latest killers of a module are tried first on its next mutant."""
        test = self._first_by_test.get(by)
        if test is not None:
            known = self._killers.setdefault(mutant.module, [])
            if test in known:
                known.remove(test)
            known.insert(0, test)

    def seconds(self, tests: Iterable[int]) -> float:
        """How long these tests may take."""
        return SECONDS_MAX + 3 * sum(self.cover.seconds[test] for test in tests)


def _name_of(statement: ast.stmt) -> str:
    match statement:
        case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
            return name
        case ast.ClassDef(name=name):
            return name
        case _:
            return ""


class NearJudge(Judge):
    """Judges without a recording: by the tests that are named after the module and those that killed its mutants before."""

    def __init__(self, cover: Cover, *, likely: Mapping[str, Sequence[str]]) -> None:
        super().__init__(cover)
        self._likely = likely

    def _tests(self, patch: Patch, site: Site, target: Target) -> set[int]:
        near = set(near_files(target.module))
        likely = set(self._likely.get(target.module, ()))
        return {
            number
            for number, test in enumerate(self.cover.tests)
            if test in likely or test.split("::")[0] in near - SLOW_TOO
        }

    def _nearest_first(self, tests: Iterable[int], target: Target) -> list[int]:
        order = {test: number for number, test in enumerate(self._likely.get(target.module, ()))}
        return sorted(tests, key=lambda test: (order.get(self.cover.tests[test], len(order)), test))


def near_files(module: str) -> list[str]:
    """The test files that are named after the module or its folder: `authority.handover.bag` -> `test_handover.py`."""
    _, house, *rest = module.split(".")
    words = {word for part in rest for word in part.split("_")}
    folder = ROOT / "tests" / house
    found = [path for path in sorted(folder.glob("test_*.py")) if words & set(path.stem.split("_"))]
    whole = [path for word in ("walk", "process", "folds") for path in sorted(folder.glob(f"test_{word}.py"))]
    return [str(path.relative_to(ROOT)) for path in [*found, *(one for one in whole if one not in found)]]


class ByImporting:
    """A killer that imports everything anew in a child. Nothing of ours that is mutated may be imported here."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge

    def killed_by(self, mutant: Mutant) -> str | None:
        """See `Killer`."""
        patch, tests = self._judge.plan(mutant)
        assert isinstance(patch, NewImport)
        files = {self._judge.file_of(test) for test in tests[:LIKELIEST]}
        first = [test for test in tests if self._judge.file_of(test) in files]
        # Collecting costs more than running: most mutants need only the likeliest files collected.
        for some in (first, [test for test in tests if test not in set(first)]):
            if some:
                found = in_a_child(
                    lambda some=some: self._run(patch, some), seconds=self._judge.seconds(some)
                )
                if found is not None:
                    self._judge.killed(mutant, found)
                    return found
        return None

    def _run(self, patch: NewImport, tests: Sequence[int]) -> str | None:
        sys.meta_path.insert(0, Finder(patch))
        known = self._judge.cover.tests
        plugin = _FirstFailure(known=set(known), wanted={known[test] for test in tests})
        files = sorted({self._judge.file_of(test) for test in tests})
        ended = pytest.main([*QUICK, "-x", *files], plugins=[plugin])
        if ended in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
            return None
        return plugin.failed or AT_IMPORT


class ByCalling:
    """A killer inside a pytest session that has everything imported and collected; the child puts the mutant in."""

    def __init__(self, judge: Judge, session: pytest.Session) -> None:
        self._judge = judge
        self._items = {item.nodeid: item for item in session.items}
        self._loaded = Loaded()

    def killed_by(self, mutant: Mutant) -> str | None:
        """See `Killer`."""
        patch, tests = self._judge.plan(mutant)
        assert not isinstance(patch, NewImport)
        if not tests:
            return None
        found = in_a_child(lambda: self._run(patch, tests), seconds=self._judge.seconds(tests))
        if found is not None:
            self._judge.killed(mutant, found)
        return found

    def _run(self, patch: NewCode | NewValue, tests: Sequence[int]) -> str | None:
        try:
            self._loaded.put_in(patch, self._judge.uses)
        except Exception:
            return AT_IMPORT
        named = (self._items.get(self._judge.cover.tests[test]) for test in tests)
        items = [item for item in named if item is not None]
        for item, following in zip(items, [*items[1:], None], strict=True):
            if fails(item, following):
                return item.nodeid
        return None


def fails(item: pytest.Item, following: pytest.Item | None) -> bool:
    """Runs one test and says whether any of it failed; what is set up for the following one as well stays."""
    reports = cast(list[Any], runtestprotocol(item, log=False, nextitem=following))
    return any(report.failed for report in reports)
