"""What a house does without being asked: clocks that run out, messages that leave, counts that are rolled up.

In development and live mode each job runs on its own beat. In a rehearsal they stand still until they are told, so
that a run of weeks can be played in a minute and gives the same result each time.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from datetime import datetime, timedelta
from typing import NamedTuple

from safehand.kernel.clock import Clock
from safehand.kernel.ids import Ids
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.points import mark
from safehand.kernel.shell import Call, Shell
from safehand.kernel.store import HouseStore, Unavailable, WorkRow
from safehand.link.pump import PeerSilent, Pump

DUE_AT_ONCE_MAX = 500
DUE_ROUNDS_MAX = 1_000
BEAT_SECONDS = 0.5
SLOW_BEAT_SECONDS = 10.0
BACK_OFF_SECONDS_MAX = 60.0

ASIDE_FIRST = timedelta(minutes=1)
ASIDE_LONGEST = timedelta(hours=1)
ASIDE_MAX = 10_000
STUCK_AFTER = 5

log = logging.getLogger("safehand.jobs")
_Clock = tuple[int, str, str, datetime | None]


class _Aside(NamedTuple):
    """A clock that rang in vain: how often, and until when it is left alone."""

    row: WorkRow
    times: int
    until: datetime


def _clock_of(row: WorkRow) -> _Clock:
    return (row.city, row.stream, row.queue, row.due_at)


class Jobs:
    """The jobs of one house; `start` sets them going, or call each by hand."""

    def __init__(self, *, shell: Shell, store: HouseStore, pump: Pump, clock: Clock, ids: Ids) -> None:
        self.chores: dict[str, Callable[[], Awaitable[int]]] = {}
        """The house's own jobs by name (refunds, register entries, notices, closing the day): each says how much it did."""
        self._shell = shell
        self._store = store
        self._pump = pump
        self._clock = clock
        self._ids = ids
        self._aside: dict[_Clock, _Aside] = {}
        self._tasks: list[asyncio.Task[None]] = []

    async def run_clocks(self) -> int:
        """Tell the machines whose clock has run out; returns how many clocks were told."""
        told = 0
        for _ in range(DUE_ROUNDS_MAX):
            now = self._clock.now()
            due = await self._store.due(now=now, limit=DUE_AT_ONCE_MAX + len(self._aside))
            lines = [row for row in due if self._may_ring(row, now)]
            calls = [(row, call) for row in lines[:DUE_AT_ONCE_MAX] if (call := self._call(row)) is not None]
            if not calls:
                return told
            outcomes = await self._shell.run([call for _, call in calls])
            for (row, _), outcome in zip(calls, outcomes, strict=True):
                if isinstance(outcome, Refusal) or not outcome.events:
                    reason = outcome.code if isinstance(outcome, Refusal) else "nothing happened"
                    self._set_aside(row, now, reason)
                else:
                    mark("jobs.clock_rang")
                    self._aside.pop(_clock_of(row), None)
                    told += 1
        return told

    def stuck(self) -> list[WorkRow]:
        """Clocks that rang in vain again and again: a bug, of which an operator is told."""
        return [aside.row for aside in self._aside.values() if aside.times >= STUCK_AFTER]

    def _may_ring(self, row: WorkRow, now: datetime) -> bool:
        aside = self._aside.get(_clock_of(row))
        return aside is None or aside.until <= now

    def _set_aside(self, row: WorkRow, now: datetime, reason: str) -> None:
        """A clock that changed nothing rings again later: the machine's clock may have jumped, or a race was lost.

        What rings in vain again and again pauses for up to an hour, so that it hides no other clock.
        """
        if len(self._aside) > ASIDE_MAX:
            self._aside.clear()
        before = self._aside.get(_clock_of(row))
        times = before.times + 1 if before is not None else 1
        pause = min(ASIDE_FIRST * 2 ** min(times - 1, 10), ASIDE_LONGEST)
        self._aside[_clock_of(row)] = _Aside(row, times, now + pause)
        if times >= STUCK_AFTER:
            log.error("clock_stuck", extra={"queue": row.queue, "stream": row.stream, "reason": reason})

    def _call(self, row: WorkRow) -> Call | None:
        for machine in self._shell.machines.values():
            command = machine.timer(row.queue)
            if command is not None:
                key = StreamKey(row.city, row.stream)
                token = self._ids.token(basis=f"clock:{row.stream}:{row.queue}:{row.due_at}")
                return Call(stream=key, kind=machine.kind, command=command, actor="clock", token=token)
        log.error("clock_unknown", extra={"queue": row.queue, "stream": row.stream})
        self._set_aside(row, self._clock.now(), "nobody knows it")
        return None

    async def send_messages(self) -> int:
        """Number and push until quiet; returns how many messages the peers acknowledged."""
        return await self._pump.until_quiet()

    async def run_chores(self, *, without: Collection[str] = ()) -> int:
        """Run each of the house's own jobs once, but those named; returns how much they did."""
        return sum([await chore() for name, chore in self.chores.items() if name not in without])

    async def roll_up(self) -> int:
        """Sum the changes of counts."""
        return await self._store.roll_up()

    def start(self) -> None:
        """Set all jobs going on their beats."""
        for name, work, seconds in (
            ("clocks", self.run_clocks, BEAT_SECONDS * 4),
            ("messages", self.send_messages, BEAT_SECONDS),
            ("roll_up", self.roll_up, SLOW_BEAT_SECONDS),
            *((name, chore, BEAT_SECONDS * 2) for name, chore in self.chores.items()),
        ):
            self._tasks.append(asyncio.create_task(self._beat(name, work, seconds), name=name))

    async def stop(self) -> None:
        """End all jobs; what they had begun in the database is committed or not, never half."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks.clear()

    async def _beat(self, name: str, work: Callable[[], Awaitable[int]], seconds: float) -> None:
        pause = seconds
        while True:
            try:
                await work()
                pause = seconds
            except (PeerSilent, Unavailable) as silent:
                pause = min(pause * 2, BACK_OFF_SECONDS_MAX)
                log.warning("job_waits", extra={"job": name, "reason": str(silent)})
            except Exception:
                pause = min(pause * 2, BACK_OFF_SECONDS_MAX)
                log.exception("job_failed", extra={"job": name})
            await self._clock.sleep(pause)
