"""Gathers concurrent calls into batches, so that many people share one commit.

While one batch is being written the next one fills: under load a commit carries hundreds of calls, and a lone call
waits for nobody. A caller who goes away does not disturb the batch.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from typing import Generic, TypeVar

from safehand.kernel.store import Unavailable

BATCH_MAX = 500
QUEUE_MAX = 20_000

Asked = TypeVar("Asked")
Answered = TypeVar("Answered")


class Overloaded(Exception):
    """So many calls are waiting that another one would only wait in vain: try again later."""


class Gatherer(Generic[Asked, Answered]):
    """Turns `run(batch) -> answers` into `call(one) -> answer`."""

    def __init__(
        self,
        *,
        run: Callable[[Sequence[Asked]], Awaitable[Sequence[Answered]]],
        batch_max: int = BATCH_MAX,
        together_max: int = 2,
    ) -> None:
        self._run = run
        self._batch_max = batch_max
        self._together_max = together_max
        self._waiting: deque[tuple[Asked, asyncio.Future[Answered]]] = deque()
        self._running: set[asyncio.Task[None]] = set()
        self._at_work = 0

    async def call(self, asked: Asked) -> Answered:
        """One call, answered with its own answer. Raises `Overloaded`, or what the batch raised.

        `Unavailable` when the process ends meanwhile: its key tells what became of the call.
        """
        return await self.put(asked)

    def put(self, asked: Asked) -> "asyncio.Future[Answered]":
        """Line a call up; its answer comes in the future, as `call` would give it. Raises `Overloaded`."""
        if len(self._waiting) >= QUEUE_MAX:
            raise Overloaded(f"more than {QUEUE_MAX} calls are waiting")
        future: asyncio.Future[Answered] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        if self._at_work < self._together_max:
            self._at_work += 1
            task = asyncio.ensure_future(self._work())
            self._running.add(task)
            task.add_done_callback(self._running.discard)
        return future

    async def _work(self) -> None:
        """Take batches until nobody waits. Between the last look and leaving nothing else runs: nobody is overlooked."""
        try:
            await self._until_nobody_waits()
        finally:
            self._at_work -= 1

    async def _until_nobody_waits(self) -> None:
        # One turn of the loop lets the other calls of this moment join the batch.
        await asyncio.sleep(0)
        while self._waiting:
            number = min(len(self._waiting), self._batch_max)
            taken = [self._waiting.popleft() for _ in range(number)]
            # Whoever went away before the batch began is not asked for any more.
            taken = [(asked, future) for asked, future in taken if not future.done()]
            if not taken:
                continue
            try:
                answers = await self._run([asked for asked, _ in taken])
                if len(answers) != len(taken):
                    raise RuntimeError(f"{len(answers)} answers came for {len(taken)} calls")
            except BaseException as failed:
                # Also when the loop ends and cancels this work: nobody may wait for ever.
                reason = (
                    failed
                    if isinstance(failed, Exception)
                    else Unavailable("stopped in the middle of a batch")
                )
                for _, future in taken:
                    if not future.done():
                        future.set_exception(reason)
                if not isinstance(failed, Exception):
                    raise
                continue
            for (_, future), answer in zip(taken, answers, strict=True):
                if not future.done():
                    future.set_result(answer)
