"""Named points in running code at which a simulator may slow a house down, or end it; nothing happens there otherwise.

Beside them: marks of rare branches, which a simulator counts to know that it came by, and every move of a step by its
table (`edge`).

They stand at the boundaries of what must be whole: around each statement of a transaction, before and after its commit,
before a message is numbered, and between a peer's message taking effect and its acknowledgement. A production process
never sets a hook, and then a point costs one comparison.
"""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

POINTS: Final = (
    "store.begun",
    "store.locked",
    "store.looked_up",
    "store.written",
    "store.committed",
    "store.asked",
    "link.numbering",
    "link.sending",
    "link.verified",
    "link.taken",
)
"""Every point, in the order in which a message's life passes them."""

MARKS: Final = (
    "shell.race_decided_anew",
    "shell.batch_halved",
    "shell.streams_missing",
    "shell.answer_repeated",
    "link.run_refused",
    "link.run_known",
    "link.run_partly_known",
    "link.gap_asked",
    "link.taken_alone",
    "link.parked",
    "link.sent_again",
    "link.city_stuck",
    "jobs.clock_rang",
)
"""Branches that are rarely taken; a simulation that never takes one has not tested it."""

Hook = Callable[[str], Awaitable[None]]
Watch = Callable[[str, str, str], None]
"""(step, state before, event): a move by a step's table."""
_marks: list[Counter[str]] = []
_watches: list[Watch] = []
_hooks: list[Hook] = []
"""None, or the one that is set."""


async def passed(point: str) -> None:
    """The code has come to this point. The hook may wait here, or raise what ends the house."""
    if _hooks:
        await _hooks[0](point)


def mark(name: str) -> None:
    """A rare branch was taken."""
    if _marks:
        _marks[0][name] += 1


def edge(step: str, state: str, event: str) -> None:
    """A step moves by its table."""
    if _watches:
        _watches[0](step, state, event)


def watched() -> bool:
    """Whether anybody wants to know of moves."""
    return bool(_watches)


@contextmanager
def counted(marks: Counter[str]) -> Iterator[None]:
    """Within: every mark that is passed is counted."""
    _marks.append(marks)
    try:
        yield
    finally:
        _marks.clear()


@contextmanager
def watching(watch: Watch) -> Iterator[None]:
    """Within: every move of a step is told to `watch`."""
    _watches.append(watch)
    try:
        yield
    finally:
        _watches.clear()


@contextmanager
def hooked(hook: Hook) -> Iterator[None]:
    """Within: every point that is passed calls `hook` with its name. One hook at a time."""
    if _hooks:
        raise RuntimeError("points are hooked already: one simulator at a time in a process")
    _hooks.append(hook)
    try:
        yield
    finally:
        _hooks.clear()
