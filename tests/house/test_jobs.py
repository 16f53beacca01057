"""Clocks of a house: one that rang in vain rings again later, and hides no other meanwhile."""

import asyncio
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

from safehand.house.jobs import ASIDE_FIRST, ASIDE_LONGEST, Jobs
from safehand.kernel.clock import SetClock
from safehand.kernel.ids import DerivedIds
from safehand.kernel.shell import BUSY, Done
from safehand.kernel.store import WorkRow

NOON = datetime(2024, 5, 6, 4, 0, tzinfo=UTC)
LATE, OTHER = (
    WorkRow(310000, stream, "examination.reviewing", "310000-1", NOON, NOON, "examiner")
    for stream in ("ca_late", "ca_other")
)


class Shell:
    """Has one kind of clock; what rings for `ca_late` changes nothing until it is `ready`."""

    def __init__(self) -> None:
        self.machines = {"case": SimpleNamespace(kind="case", timer=lambda queue: "expired")}
        self.ready = False
        self.rung: list[str] = []

    async def run(self, calls: Any) -> list[Any]:
        self.rung += [call.stream.stream for call in calls]
        return [self._outcome(call.stream.stream) for call in calls]

    def _outcome(self, stream: str) -> Any:
        if stream == "ca_late" and not self.ready:
            return BUSY()
        return Done(stream=stream, city=310000, version=1, events=("examination.ran_late",), state=None)


class Store:
    """Whatever has not rung well is still due."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell

    async def due(self, *, now: datetime, limit: int) -> list[WorkRow]:
        done = set() if "ca_other" not in self._shell.rung else {"ca_other"}
        return [row for row in (LATE, OTHER) if row.stream not in done][:limit]


def test_a_clock_that_rang_in_vain_rings_again_later_and_hides_no_other() -> None:
    async def scene() -> None:
        shell, clock = Shell(), SetClock(start=NOON)
        nobody: Any = None
        jobs = Jobs(
            shell=shell,  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            store=Store(shell),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
            pump=nobody,
            clock=clock,
            ids=DerivedIds(seed="jobs"),
        )
        assert await jobs.run_clocks() == 1
        assert shell.rung == ["ca_late", "ca_other"]
        assert await jobs.run_clocks() == 0
        assert shell.rung == ["ca_late", "ca_other"], "it is left alone for a while"
        clock.move_to(NOON + ASIDE_FIRST)
        await jobs.run_clocks()
        assert shell.rung == ["ca_late", "ca_other", "ca_late"], "and not for ever"
        shell.ready = True
        clock.move_to(NOON + ASIDE_FIRST + ASIDE_LONGEST + timedelta(seconds=1))
        assert await jobs.run_clocks() >= 1

    asyncio.run(scene())
