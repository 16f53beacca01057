"""Reminders on a real database: in time, once each, and not to whoever has acted."""

from datetime import UTC, datetime
from typing import Any

import pytest

from safehand.authority.application.commands import CorrectApplication
from safehand.authority.examination.commands import AskCorrection
from safehand.authority.notices.reminding import Reminding
from tests.authority.living_authority import START, World, living
from tests.authority.test_notices_sending import applied, rows

pytestmark = pytest.mark.slow


def morning(day: int, hour_utc: int = 1, minute: int = 0) -> datetime:
    """A moment of May 2024; 01:00 UTC is nine o'clock in China."""
    return datetime(2024, 5, day, hour_utc, minute, tzinfo=UTC)


async def told(world: World, word: str) -> list[dict[str, Any]]:
    """What was sent with a word in it, after everything that is due was done."""
    await world.control("chores")
    return [one for one in await world.mailbox() if word in one["text"]]


def test_a_correction_is_reminded_of_two_days_before_and_on_its_last_morning(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            case = await applied(world)
            await world.do(case, AskCorrection(defects=("photo.blurred",)))
            [row] = await rows(dsn, "select due_at from work where queue = 'application.correcting'")
            assert row["due_at"] == morning(13, 16)  # the end of 13 May in China
            await world.move_to(morning(11, 0, 59))
            assert await told(world, "提醒") == []
            await world.move_to(morning(11))
            assert len(await told(world, "提醒：请于2024年5月13日（含当日）前")) == 1
            assert len(await told(world, "提醒")) == 1
            await world.move_to(morning(12, 5))
            assert len(await told(world, "提醒")) == 1
            await world.move_to(morning(13))
            assert len(await told(world, "提醒：请于2024年5月13日")) == 2
            assert await rows(dsn, "select from notice where sent_at is null") == []

    run(scene())


@pytest.mark.parametrize("moment", ["before the reminder is written", "before it leaves"])
def test_whoever_has_corrected_is_reminded_of_nothing(run, fresh_database, tmp_path, moment):
    dsn = fresh_database()
    corrected = CorrectApplication(parts={"photo": "e" * 64})

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            case = await applied(world)
            await world.do(case, AskCorrection(defects=("photo.blurred",)))
            if moment == "before the reminder is written":
                await world.do(case, corrected, actor="ap_one")
            await world.move_to(morning(11))
            await world.control("chores", {"without": ["notices"]})
            if moment == "before it leaves":
                await world.do(case, corrected, actor="ap_one")
            assert await told(world, "提醒") == []
            found = await rows(dsn, "select failed from notice where template = 'correction_reminder'")
            assert [row["failed"] for row in found] == ["overtaken"] * (moment == "before it leaves")

    run(scene())


def test_two_processes_that_look_at_once_remind_once(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            case = await applied(world)
            await world.do(case, AskCorrection(defects=("photo.blurred",)))
            await world.move_to(morning(11))
            house = world.app.state.house
            first, second = Reminding(house=house), Reminding(house=house)
            assert await first.remind() + await second.remind() == 1
            assert await first.remind() == 0
            assert len(await told(world, "提醒")) == 1

    run(scene())


def test_the_night_is_quiet_but_for_what_was_just_done_and_the_door(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            await world.move_to(START.replace(hour=15))  # 23:00 in China
            case = await applied(world)
            await world.do(case, AskCorrection(defects=("photo.blurred",)))
            assert [one["text"][:12] for one in await told(world, "")] == ["【证达】王**，您的申请"]
            await world.move_to(morning(6, 22, 59))
            assert len(await told(world, "")) == 1
            await world.move_to(morning(6, 23))
            assert len(await told(world, "请于2024年5月13日")) == 1

    run(scene())
