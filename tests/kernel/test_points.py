"""Points cost nothing and do nothing until they are hooked, and every named point stands somewhere in the code."""

import asyncio
import re
from pathlib import Path

import pytest

from safehand.kernel.points import MARKS, POINTS, hooked, passed


def test_an_unhooked_point_does_nothing() -> None:
    asyncio.run(passed("store.begun"))


def test_a_hook_is_called_with_the_name_and_only_within_its_block() -> None:
    seen: list[str] = []

    async def note(point: str) -> None:
        seen.append(point)

    with hooked(note):
        asyncio.run(passed("store.begun"))
    asyncio.run(passed("store.committed"))
    assert seen == ["store.begun"]


def test_two_hooks_at_once_are_refused() -> None:
    async def nothing(point: str) -> None: ...

    with hooked(nothing), pytest.raises(RuntimeError, match="one simulator at a time"), hooked(nothing):
        pass


def test_every_point_of_the_list_stands_in_the_code_and_no_other() -> None:
    found = {
        name
        for path in Path("src/safehand").rglob("*.py")
        for name in re.findall(r'await passed\("([a-z._]+)"\)', path.read_text(encoding="utf-8"))
    }
    assert found == set(POINTS)


def test_every_mark_of_the_list_stands_in_the_code_and_no_other() -> None:
    found = {
        name
        for path in Path("src/safehand").rglob("*.py")
        for name in re.findall(r'\bmark\("([a-z._]+)"\)', path.read_text(encoding="utf-8"))
    }
    assert found == set(MARKS)
