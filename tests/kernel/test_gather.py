"""The gatherer: many callers share a batch, and none disturbs another."""

import asyncio
from collections.abc import Sequence

import pytest

from safehand.kernel.gather import QUEUE_MAX, Gatherer, Overloaded
from safehand.kernel.store import Unavailable


class Writer:
    """Answers each number with its double, in batches that wait at a gate; bursts at -1, cheats at -2."""

    def __init__(self, *, gate: bool = False) -> None:
        self.batches: list[list[int]] = []
        self.gate = asyncio.Event()
        self.together = self.together_most = 0
        if not gate:
            self.gate.set()

    async def run(self, batch: Sequence[int]) -> list[int]:
        self.batches.append(list(batch))
        self.together += 1
        self.together_most = max(self.together_most, self.together)
        try:
            await self.gate.wait()
        finally:
            self.together -= 1
        if -1 in batch:
            raise ValueError("a batch with -1 bursts")
        return [2 * number for number in batch if number != -2]


def test_concurrent_calls_share_batches_and_each_gets_its_own_answer() -> None:
    async def go() -> None:
        writer = Writer()
        gatherer = Gatherer(run=writer.run, batch_max=50)
        answers = await asyncio.gather(*(gatherer.call(n) for n in range(220)))
        assert answers == [2 * n for n in range(220)]
        assert sorted(n for batch in writer.batches for n in batch) == list(range(220))
        assert len(writer.batches) == 5

    asyncio.run(go())


def test_a_lone_call_waits_for_nobody() -> None:
    async def go() -> None:
        writer = Writer()
        assert await Gatherer(run=writer.run).call(3) == 6
        assert writer.batches == [[3]]

    asyncio.run(go())


def test_no_more_batches_run_together_than_allowed_and_the_next_one_fills_meanwhile() -> None:
    async def go() -> None:
        writer = Writer(gate=True)
        gatherer = Gatherer(run=writer.run, together_max=2)
        calls = []
        for n in range(10):
            calls.append(asyncio.ensure_future(gatherer.call(n)))
            for _ in range(3):
                await asyncio.sleep(0)
        assert [len(batch) for batch in writer.batches] == [1, 1]
        writer.gate.set()
        assert await asyncio.gather(*calls) == [2 * n for n in range(10)]
        assert writer.batches[2:] == [[2, 3, 4, 5, 6, 7, 8, 9]]
        assert writer.together_most == 2

    asyncio.run(go())


def test_a_caller_who_goes_away_disturbs_nobody() -> None:
    async def go() -> None:
        writer = Writer(gate=True)
        gatherer = Gatherer(run=writer.run, together_max=1)
        first = [asyncio.ensure_future(gatherer.call(n)) for n in range(3)]
        for _ in range(3):
            await asyncio.sleep(0)
        second = [asyncio.ensure_future(gatherer.call(n)) for n in range(3, 6)]
        await asyncio.sleep(0)
        first[1].cancel()
        second[0].cancel()
        await asyncio.sleep(0)
        writer.gate.set()
        answers = await asyncio.gather(*first, *second, return_exceptions=True)
        assert [a for a in answers if isinstance(a, int)] == [0, 4, 8, 10]
        assert sum(isinstance(a, asyncio.CancelledError) for a in answers) == 2
        assert writer.batches == [[0, 1, 2], [4, 5]], "who left before the batch began is not asked for"

    asyncio.run(go())


def test_an_exception_reaches_only_the_callers_of_its_batch() -> None:
    async def go() -> None:
        writer = Writer()
        gatherer = Gatherer(run=writer.run, batch_max=2, together_max=1)
        answers = await asyncio.gather(
            *(gatherer.call(n) for n in (1, 2, -1, 4, 5, 6)), return_exceptions=True
        )
        assert [type(a) for a in answers] == [int, int, ValueError, ValueError, int, int]

    asyncio.run(go())


def test_a_wrong_number_of_answers_is_an_error_for_all_rather_than_silence_for_one() -> None:
    async def go() -> None:
        gatherer = Gatherer(run=Writer().run)
        answers = await asyncio.gather(*(gatherer.call(n) for n in (1, -2)), return_exceptions=True)
        assert [type(a) for a in answers] == [RuntimeError, RuntimeError]
        assert await gatherer.call(4) == 8

    asyncio.run(go())


def test_who_can_not_be_served_in_time_is_turned_away_and_the_others_are_served() -> None:
    async def go() -> None:
        writer = Writer(gate=True)
        gatherer = Gatherer(run=writer.run, together_max=100)
        running = asyncio.ensure_future(gatherer.call(0))
        for _ in range(3):
            await asyncio.sleep(0)
        waiting = [asyncio.ensure_future(gatherer.call(n)) for n in range(QUEUE_MAX)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded, match=str(QUEUE_MAX)):
            await gatherer.call(1)
        writer.gate.set()
        assert await running == 0
        assert len(await asyncio.gather(*waiting)) == QUEUE_MAX

    asyncio.run(go())


def test_when_the_loop_ends_in_the_middle_of_a_batch_its_callers_are_told() -> None:
    async def go() -> list[object]:
        gatherer = Gatherer(run=Writer(gate=True).run)
        calls = [asyncio.ensure_future(gatherer.call(n)) for n in range(2)]
        for _ in range(3):
            await asyncio.sleep(0)
        for task in asyncio.all_tasks() - {asyncio.current_task(), *calls}:
            task.cancel()
        return await asyncio.gather(*calls, return_exceptions=True)

    assert [type(a) for a in asyncio.run(go())] == [Unavailable, Unavailable]


def test_a_call_that_comes_as_the_last_batch_ends_is_not_overlooked() -> None:
    async def double(batch: Sequence[int]) -> Sequence[int]:
        return [2 * one for one in batch]

    async def go() -> None:
        gatherer = Gatherer[int, int](run=double, together_max=1)
        for number in range(50):
            # The answer wakes this caller in the very turn in which the worker ends.
            assert await asyncio.wait_for(gatherer.call(number), timeout=5) == 2 * number

    asyncio.run(go())
