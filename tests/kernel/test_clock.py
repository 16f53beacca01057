"""Clocks: aware, in UTC, and a set clock moves only forward and wakes who waits for it."""

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from safehand.kernel.clock import SetClock, SystemClock

START = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)


def test_the_system_clock_tells_utc() -> None:
    assert SystemClock().now().utcoffset() == timedelta(0)


def test_a_set_clock_never_goes_back() -> None:
    clock = SetClock(start=START)
    clock.move_to(START + timedelta(hours=1))
    clock.move_to(START)
    assert clock.now() == START + timedelta(hours=1)


def test_a_set_clock_takes_any_zone_and_tells_utc() -> None:
    clock = SetClock(start=START.astimezone(timezone(timedelta(hours=8))))
    assert clock.now() == START
    assert clock.now().utcoffset() == timedelta(0)


def test_a_time_without_zone_is_refused_with_the_way_out() -> None:
    naive = datetime(2024, 5, 6)  # noqa: DTZ001 -- the very mistake
    with pytest.raises(ValueError, match="tzinfo=UTC"):
        SetClock(start=naive)
    with pytest.raises(ValueError, match="tzinfo=UTC"):
        SetClock(start=START).move_to(naive)


def test_a_sleeper_wakes_when_the_clock_has_been_moved_far_enough_and_not_before() -> None:
    async def go() -> None:
        clock = SetClock(start=START)
        woken: list[int] = []

        async def sleeper(number: int, seconds: float) -> None:
            await clock.sleep(seconds)
            woken.append(number)

        sleepers = [asyncio.ensure_future(sleeper(n, s)) for n, s in ((1, 60), (2, 30), (3, 0))]
        await asyncio.sleep(0)
        for expected, seconds in (([3], 29), ([3, 2], 30), ([3, 2], 59.9), ([3, 2, 1], 60)):
            clock.move_to(START + timedelta(seconds=seconds))
            for _ in range(4):
                await asyncio.sleep(0)
            assert woken == expected
        await asyncio.gather(*sleepers)

    asyncio.run(go())
