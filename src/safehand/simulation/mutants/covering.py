"""Which tests come through which lines of the mutated modules, and what happens already while they are imported.

Recorded once, by running the tests under a trace of the mutated files alone.
"""

import gc
import sys
import threading
from collections.abc import Callable, Generator, Sequence
from functools import _lru_cache_wrapper  # pyright: ignore[reportPrivateUsage]  # the class has no public name
from types import FrameType
from typing import Any

import msgspec
import pytest

Trace = Callable[[FrameType, str, Any], Any]


class Cover(msgspec.Struct, frozen=True, kw_only=True):
    """What the recording found. Files are full paths, tests are numbers in `tests`."""

    tests: tuple[str, ...]
    seconds: tuple[float, ...]
    lines: dict[str, dict[int, list[int]]]
    """Of mutated files every line; of the others the first line of each function."""
    at_import: dict[str, frozenset[int]]
    """For each file, those of tests with them, the first lines of the functions that ran before any test did."""

    def through(self, *, path: str, lines: frozenset[int]) -> list[int]:
        """The tests that come through one of these lines, the quickest first."""
        of_file = self.lines.get(path, {})
        found = {test for line in lines for test in of_file.get(line, ())}
        return sorted(found, key=lambda test: (self.seconds[test], test))


class Recorder:
    """A plugin of pytest. Must be made before the mutated modules are imported."""

    def __init__(self, files: frozenset[str], *, folders: tuple[str, ...]) -> None:
        """`files` are mutated; `folders` hold all the code that may use them, tests with them."""
        self._files = files
        self._folders = folders
        self._now: set[tuple[str, int]] = set()
        self._by_test: dict[str, set[tuple[str, int]]] = {}
        self._shared: dict[str, set[tuple[str, int]]] = {}
        self._fixtures: dict[str, tuple[str, ...]] = {}
        self._seconds: dict[str, float] = {}
        self._at_import: dict[str, set[int]] = {}
        self._importing = True
        self._caches: list[Any] = []
        threading.settrace(self._called)
        sys.settrace(self._called)

    def _called(self, frame: FrameType, event: str, argument: Any) -> Trace | None:
        code = frame.f_code
        if not code.co_filename.startswith(self._folders):
            return None
        if self._importing:
            self._at_import.setdefault(code.co_filename, set()).add(code.co_firstlineno)
            return None
        self._now.add((code.co_filename, code.co_firstlineno))
        return self._at_line if code.co_filename in self._files else None

    def _at_line(self, frame: FrameType, event: str, argument: Any) -> Trace:
        self._now.add((frame.f_code.co_filename, frame.f_lineno))
        return self._at_line

    @pytest.hookimpl
    def pytest_collection_finish(self, session: pytest.Session) -> None:
        """From here on something runs because a test asks for it."""
        self._importing = False
        self._caches = caches()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Generator[None, bool, bool]:
        """Everything that happens meanwhile is this test's."""
        # What one test has put into a cache the next would not come through again.
        for cache in self._caches:
            cache.cache_clear()
        self._now = self._by_test.setdefault(item.nodeid, set())
        # A test that runs into the depth of recursion has taken the trace off.
        sys.settrace(self._called)
        self._fixtures[item.nodeid] = tuple(getattr(item, "fixturenames", ()))
        return (yield)

    @pytest.hookimpl(wrapper=True)
    def pytest_fixture_setup(self, fixturedef: pytest.FixtureDef[Any]) -> Generator[None, object, object]:
        """What is set up for many tests counts for each of them."""
        if fixturedef.scope == "function":
            return (yield)
        before = self._now
        self._now = self._shared.setdefault(fixturedef.argname, set())
        try:
            return (yield)
        finally:
            self._now = before

    @pytest.hookimpl
    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """How long it took, with setting up and taking down."""
        self._seconds[report.nodeid] = self._seconds.get(report.nodeid, 0.0) + report.duration

    def cover(self, items: Sequence[pytest.Item] = ()) -> Cover:
        """What was found; ends the recording. `items` are known though they have not run."""
        sys.settrace(None)
        threading.settrace(None)  # pyright: ignore[reportArgumentType]  # documented, but not in the stub
        for item in items:
            self._by_test.setdefault(item.nodeid, set())
        tests = tuple(self._by_test)
        lines: dict[str, dict[int, list[int]]] = {}
        for number, test in enumerate(tests):
            seen = set(self._by_test[test])
            for fixture in self._fixtures.get(test, ()):
                seen |= self._shared.get(fixture, set())
            for file, line in sorted(seen):
                lines.setdefault(file, {}).setdefault(line, []).append(number)
        seconds = tuple(round(self._seconds.get(test, 0.0), 4) for test in tests)
        at_import = {file: frozenset(found) for file, found in self._at_import.items()}
        return Cover(tests=tests, seconds=seconds, lines=lines, at_import=at_import)


def caches() -> list[Any]:
    """Every cache of ours that exists now."""
    found: list[Any] = []
    for one in gc.get_objects():
        if type(one) is _lru_cache_wrapper:
            module = str(getattr(one, "__module__", ""))
            if module.startswith(("safehand.", "tests.", "test_")):
                found.append(one)
    return found


def functions_run_by(act: Callable[[], object], *, folders: tuple[str, ...]) -> frozenset[tuple[str, int]]:
    """File and first line of every function in these folders that runs meanwhile."""
    ran: set[tuple[str, int]] = set()

    def called(frame: FrameType, event: str, argument: Any) -> None:
        code = frame.f_code
        if code.co_filename.startswith(folders):
            ran.add((code.co_filename, code.co_firstlineno))

    sys.settrace(called)
    try:
        act()
    finally:
        sys.settrace(None)
    return frozenset(ran)
