"""The retention schedule is dated data, and the clock keeps it: pictures go first, then the person; the journal stays."""

import shutil
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from safehand.authority.application.commands import WithdrawApplication
from safehand.authority.application.drafts import Drafts
from safehand.authority.machines import _RELEASING
from safehand.authority.retention.keeping import WALK, Keeping
from safehand.authority.retention.schedule import CLASSES, ENDS, FILE, load_retention
from safehand.authority.tracking.commands import ConfirmReceipt, DenyReceipt, RecordReported
from safehand.kernel.dated import DefectiveRulesError
from tests.authority.house import EVIDENCE
from tests.authority.living_authority import ROOT, SHANGHAI, START, Person, World, living
from tests.authority.test_uploads import UPLOADED, applicant_of, filled, house_of, named

DAY = timedelta(days=1)
MIGRATION = ROOT / "src/safehand/authority/sql/0005_retention.sql"


def schedule(folder: Path, **lines: str) -> Path:
    """The repository's file with the lines of some keys changed; an empty line leaves a key out."""
    text = (ROOT / "documents" / FILE).read_text(encoding="utf-8").splitlines()
    changed = [lines.get(line.split(" = ")[0], line) for line in text]
    (folder / FILE).write_text("\n".join([*changed, lines.get("more", "")]), encoding="utf-8")
    return folder


def entry(days: Any) -> str:
    return f'[{{ from = 2024-05-06, value = {days}, source = "assumed", ref = "a test" }}]'


def test_the_schedule_is_the_one_that_was_agreed():
    kept = load_retention(ROOT / "documents").on(date(2024, 5, 6))
    assert [getattr(kept, name) for name in CLASSES] == [180, 1095, 365, 30, 730]


@pytest.mark.parametrize(
    ("lines", "wrong"),
    [
        ({"person_days": f"person_days = {entry(179)}"}, "the person goes before the pictures"),
        ({"drafts_days": f"drafts_days = {entry(31)}"}, "30"),
        ({"addresses_days": f"addresses_days = {entry(731)}"}, "730"),
        ({"pictures_days": f"pictures_days = {entry(0)}"}, ">= 1"),
        ({"pictures_days": f"pictures_days = {entry('true')}"}, "int"),
        ({"notices_days": ""}, "is missing"),
        ({"more": "surplus_days = 1"}, "not a known key"),
        ({"more": "[other]\nx = 1"}, "not a known section"),
        ({"more": "["}, "TOML"),
    ],
)
def test_a_schedule_that_cannot_be_kept_names_what_is_wrong(tmp_path, lines, wrong):
    with pytest.raises(DefectiveRulesError) as refused:
        load_retention(schedule(tmp_path, **lines))
    assert wrong in str(refused.value)


def test_a_missing_schedule_is_said_to_be_missing(tmp_path):
    with pytest.raises(DefectiveRulesError, match="is missing"):
        load_retention(tmp_path)


def test_every_way_in_which_a_case_ends_is_in_the_index_and_in_the_walk():
    assert set(ENDS) == {str(event.__struct_config__.tag) for event in _RELEASING}
    for text in (MIGRATION.read_text(encoding="utf-8"), WALK):
        assert all(f"'{end}'" in text for end in ENDS)


async def rows(dsn: str, statement: str, *values: Any) -> list[Any]:
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(statement, *values)
    finally:
        await connection.close()


async def withdrawn(someone: Person, done: dict[str, Any]) -> None:
    answer = await someone.browser.post(
        "/v1/application/withdraw",
        json={"city": done["city"], "case": done["case"]},
        headers={"idempotency-key": f"withdraw-{done['case']}", "accept": "application/json"},
    )
    assert answer.status_code == 200, answer.text


async def kept_of(dsn: str, case: str) -> tuple[int, set[str], int]:
    """How much is kept of the person of a case: keys, names of records, ways to find it."""
    [keys] = await rows(dsn, "select count(*) from keys.case_key where subject = $1", case)
    names = await rows(dsn, "select name from vault_record where subject = $1", case)
    [found] = await rows(dsn, "select count(*) from blind_index where subject = $1", case)
    return keys[0], {row[0] for row in names}, found[0]


async def applied_with_pictures(world: World, key: str = "applicant") -> tuple[Any, str]:
    someone, actor = await applicant_of(world, key)
    await filled(Drafts(house=house_of(world)), actor)
    case = (await world.submit(someone, key, **{part: named(part) for part in UPLOADED}))["case"]
    return someone, case


@pytest.mark.slow
def test_pictures_go_after_half_a_year_and_the_person_after_three_and_what_goes_on_stays(
    run, fresh_database, tmp_path
):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            someone, ended = await applied_with_pictures(world)
            _, lives = await applied_with_pictures(world, "father")
            await world.do(ended, WithdrawApplication(), actor="ap_one")
            whole = await kept_of(dsn, ended)
            pictures = {*UPLOADED, *(f"verdict.{part}" for part in UPLOADED)}
            assert (whole[0], whole[1] - pictures, whole[2]) == (1, {"person", "delivery"}, 1)
            assert whole[1] > pictures

            await world.move_to(START + 180 * DAY - timedelta(seconds=1))
            await world.control("chores")
            assert await kept_of(dsn, ended) == whole
            await world.move_to(START + 180 * DAY + timedelta(hours=1))
            await world.control("chores")
            assert await kept_of(dsn, ended) == (1, {"person", "delivery"}, 1)

            await world.move_to(START + 1095 * DAY - timedelta(hours=2))
            await world.control("chores")
            assert (await kept_of(dsn, ended))[0] == 1
            await world.move_to(START + 1095 * DAY + timedelta(hours=1))
            await world.control("chores")
            await world.control("chores")
            assert await kept_of(dsn, ended) == (0, set(), 0)
            said = await rows(
                dsn,
                "select kind, actor, body from event where stream = $1 and kind like 'erasure.%' order by version",
                ended,
            )
            assert [(row["kind"], row["actor"]) for row in said] == [
                ("erasure.ordered", "retention"),
                ("erasure.done", "erasing"),
            ]
            assert "retention_over" in said[0]["body"]
            assert (await kept_of(dsn, lives))[1] > pictures, "what has not ended keeps all"
            await someone.sign_in("applicant")
            gone = await someone.browser.get(f"/cases/{SHANGHAI}/{ended}")
            assert (gone.status_code, "当事人信息已删除" in gone.text) == (409, True)

    run(scene())


@pytest.mark.slow
def test_who_is_still_needed_is_met_again_when_it_is_over(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            _, case = await applied_with_pictures(world)
            order = (await world.bring_to_post(case)).tracking.order
            item = {"order": order, "waybill": "ZA000000005CN"}
            said = RecordReported(**item, carrier_code="50", occurred_at=world.sandbox_clock.now())
            await world.do(case, said, actor="post")
            await world.do(case, ConfirmReceipt(evidence=EVIDENCE), actor="ap_one")
            for _ in range(3):
                await world.control("chores", {"without": ["notices", "close_days", "checkpoints"]})
            keeping = Keeping(house=house_of(world), retention=load_retention(ROOT / "documents"))
            await world.move_to(START + 1094 * DAY)
            assert await keeping.run() > 0, "the pictures, and old notices"
            await world.do(case, DenyReceipt(), actor="ap_one")
            await world.move_to(START + 1096 * DAY)
            await keeping.run()
            await keeping.run()
            assert await rows(dsn, "select from event where kind = 'erasure.ordered'") == []
            assert (await kept_of(dsn, case))[0] == 1

    run(scene())


@pytest.mark.slow
def test_a_walk_in_short_stretches_reaches_everybody_and_then_rests(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            cases = []
            for key in ("applicant", "father"):
                someone, _ = await applicant_of(world, key)
                done = await world.submit(someone, key)
                await withdrawn(someone, done)
                cases.append(done["case"])
            house = house_of(world)
            keeping = Keeping(house=house, retention=load_retention(ROOT / "documents"), at_once=1)
            await world.move_to(START + 1096 * DAY)
            ordered = "select stream from event where kind = 'erasure.ordered'"
            assert await keeping.run() >= 1
            assert len(await rows(dsn, ordered)) == 1
            await keeping.run()
            assert {row[0] for row in await rows(dsn, ordered)} == set(cases)
            assert await keeping.run() == 0, "the end of the lap"
            assert await keeping.run() == 0, "it rests"

    run(scene())


@pytest.mark.slow
def test_of_a_message_only_its_time_is_kept_and_that_for_a_year(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            someone, _ = await applicant_of(world, "applicant")
            await world.submit(someone, "applicant")
            await world.control("chores")
            sent = "select number from notice where sent_at is not null"
            assert len(await rows(dsn, sent)) == len(await rows(dsn, "select from message")) == 1
            never = "insert into notice (city, subject, template, facts, at) values (310000, 'ca_x', 'x', '{}', $1)"
            await rows(dsn, never, START)
            keeping = Keeping(house=house_of(world), retention=load_retention(ROOT / "documents"))
            await world.move_to(START + 365 * DAY - timedelta(hours=2))
            assert await keeping.run() == 0
            await world.move_to(START + 365 * DAY + timedelta(hours=1))
            assert await keeping.run() == 1
            assert await rows(dsn, sent) == await rows(dsn, "select from message") == []
            unsent = await rows(dsn, "select from notice where subject = 'ca_x'")
            assert len(unsent) == 1, "what was never sent is for somebody to see"

    run(scene())


@pytest.mark.slow
def test_a_shorter_schedule_holds_for_what_is_kept_already(run, fresh_database, tmp_path):
    dsn = fresh_database()
    folder = tmp_path / "documents"
    shutil.copytree(ROOT / "documents", folder)
    retention = load_retention(schedule(folder, pictures_days=f"pictures_days = {entry(10)}"))

    async def scene():
        async with living(dsn=dsn, folder=tmp_path / "house") as world:
            _, case = await applied_with_pictures(world)
            await world.do(case, WithdrawApplication(), actor="ap_one")
            await world.move_to(START + 11 * DAY)
            assert await Keeping(house=house_of(world), retention=retention).run() == 1
            assert (await kept_of(dsn, case))[1] == {"person", "delivery"}

    run(scene())
