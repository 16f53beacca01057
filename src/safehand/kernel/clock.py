"""The clock as a port: decisions never ask the machine for the time, they are told it."""

import asyncio
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """Tells the time (aware, UTC) and waits."""

    def now(self) -> datetime:
        """The present moment, aware, in UTC."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Wait so many seconds of this clock."""
        ...


class SystemClock:
    """The machine's own clock: what every house uses in live mode."""

    def now(self) -> datetime:
        """The machine's time in UTC."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Wait in real time."""
        await asyncio.sleep(seconds)


class SetClock:
    """A clock that stands still until it is moved: rehearsals, the launch replay and tests.

    It only ever moves forward: a journal whose times ran backwards would prove nothing.
    """

    def __init__(self, *, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError("a clock needs an aware start time: pass tzinfo=UTC")
        self._now = start.astimezone(UTC)
        self._moved = asyncio.Event()

    def now(self) -> datetime:
        """The moment the clock was last moved to."""
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Move the clock forward to `moment`; an earlier moment leaves it where it is."""
        if moment.tzinfo is None:
            raise ValueError("a clock is moved to an aware time: pass tzinfo=UTC")
        self._now = max(self._now, moment.astimezone(UTC))
        self._moved.set()
        self._moved = asyncio.Event()

    async def sleep(self, seconds: float) -> None:
        """Wait until the clock has been moved so many seconds on."""
        until = self._now.timestamp() + seconds
        while self._now.timestamp() < until:
            await self._moved.wait()
