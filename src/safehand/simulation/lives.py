"""The lives of simulated processes: a house that crashes loses everything but its disk, in the middle of whatever it did.

Every task that runs for a house belongs to one of its lives. When the life ends, all its tasks are cancelled where they
stand, and none of them reaches the disk again.
"""

import asyncio
import selectors
from collections.abc import Coroutine
from contextvars import ContextVar
from typing import Any, TypeVar

Result = TypeVar("Result")


class Crashed(BaseException):
    """The process has ended here. Nobody catches it but the simulator."""


class Life:
    """One life of one process."""

    def __init__(self, *, name: str, number: int) -> None:
        self.name, self.number = name, number
        self.alive = True
        self.tasks: dict[asyncio.Task[Any], None] = {}

    def spawn(self, work: Coroutine[Any, Any, Result]) -> "asyncio.Task[Result]":
        """Run something for this life; its own tasks, and theirs, belong to it too."""
        before = LIFE.set(self)
        try:
            return asyncio.get_running_loop().create_task(work)
        finally:
            LIFE.reset(before)

    def end(self) -> None:
        """The process ends: its tasks stop where they wait."""
        self.alive = False
        here = asyncio.current_task()
        for task in list(self.tasks):
            if task is not here:
                task.cancel()


LIFE: ContextVar[Life | None] = ContextVar("life", default=None)
"""Whose code is running."""


PEOPLE_ASK: ContextVar[bool] = ContextVar("people ask", default=False)
"""Whether a life does what people asked of it."""


def tasks_belong_to_lives(loop: asyncio.AbstractEventLoop) -> None:
    """From now on each task is entered with the life for which it was made."""

    def make(
        running: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, Any], **more: Any
    ) -> "asyncio.Task[Any]":
        task = asyncio.Task(work, loop=running, **more)
        life = LIFE.get()
        if life is not None:
            life.tasks[task] = None
            task.add_done_callback(life.tasks.pop)
        return task

    factory: Any = make
    loop.set_task_factory(factory)


class _NobodyRings(selectors.DefaultSelector):
    """Asks the system for news only when there is nothing else to do: in a simulation nothing comes from outside."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Nothing, while there is something to do."""
        return [] if timeout == 0 else super().select(timeout)


def still_loop() -> asyncio.AbstractEventLoop:
    """A loop for a simulation."""
    return asyncio.SelectorEventLoop(_NobodyRings())


async def survived(task: "asyncio.Task[Result]") -> Result | None:
    """What a task of some life came to; None when the life ended first."""
    try:
        return await asyncio.shield(task)
    except (Crashed, asyncio.CancelledError):
        if not task.done() or task.cancelled():
            await asyncio.sleep(0)
        return None
