"""The sending job on a real database and real gateways: once each, nobody who is erased, nothing lost when all is silent."""

from datetime import timedelta
from typing import Any

import asyncpg
import msgspec
import pytest

from safehand.authority.border.door_code import door_code
from safehand.authority.examination.commands import AskCorrection
from safehand.house.settings import Settings
from safehand.link.messages import Scan
from tests.authority.living_authority import SHANGHAI, START, World, living

pytestmark = pytest.mark.slow


async def rows(dsn: str, statement: str) -> list[Any]:
    """Look into the authority's database, or change it as nobody else may."""
    connection = await asyncpg.connect(dsn)
    try:
        return await connection.fetch(statement)
    finally:
        await connection.close()


async def applied(world: World, key: str = "applicant", **changes: Any) -> str:
    """Somebody of the cast signs in and applies."""
    someone = world.person()
    await someone.sign_in(key)
    return (await world.submit(someone, key, **changes))["case"]


def test_a_notice_is_sent_once_in_the_language_that_was_chosen(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            await applied(world)
            await applied(world, "father", language="en")
            await world.control("chores")
            await world.control("chores")
            sent = await world.mailbox()
            assert [(one["kind"], one["to"]) for one in sent] == [
                ("sms", world.cast.person("applicant").phone),
                ("sms", world.cast.person("father").phone),
            ]
            assert sent[0]["text"].startswith("【证达】王**，您的申请已收到")
            assert sent[1]["text"].startswith("[Safehand] 陈**, your application has arrived")
            # Even if the gateway's answer got lost and the notice is sent again.
            await rows(dsn, "update notice set sent_at = null, retry_at = null")
            await world.control("chores")
            assert len(await world.mailbox()) == 2
            assert await rows(dsn, "select from notice where sent_at is null") == []

    run(scene())


def test_the_door_code_goes_to_the_recipient_and_lies_nowhere(run, fresh_database, tmp_path, caplog):
    caplog.set_level("DEBUG", logger="safehand")
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            case = await applied(world)
            order = (await world.bring_to_post(case)).tracking.order
            await world.do(case, world.scan(order, Scan.OUT_FOR_DELIVERY), actor="post")
            await world.control("chores")
            [told] = [one for one in await world.mailbox() if "投递码：" in one["text"]]
            code = told["text"].split("投递码：")[1][:8]
            assert code.isdigit()
            assert code == door_code(secret=world.code_secret, order=order)
            stored = ""
            for table in ("notice", "event", "stream", "answer", "link_outbox"):
                found = await rows(dsn, f"select to_jsonb(t)::text as line from {table} t")
                stored += "".join(row["line"] for row in found)
            assert order in stored
            assert code not in stored
            assert code not in caplog.text
            assert told["to"] not in stored + caplog.text

    run(scene())


def test_whoever_is_erased_hears_nothing_and_the_others_do(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            erased = await applied(world)
            await applied(world, "father")
            await rows(dsn, f"delete from keys.case_key where subject = '{erased}'")
            await world.control("chores")
            assert [one["to"] for one in await world.mailbox()] == [world.cast.person("father").phone]
            [row] = await rows(dsn, "select subject, failed, sent_at from notice where failed is not null")
            assert (row["subject"], row["failed"], row["sent_at"]) == (erased, "erased", None)

    run(scene())


def test_a_broken_notice_holds_up_no_other(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            case = await applied(world)
            insert = "insert into notice (city, subject, template, facts, at) values"
            at = START.isoformat()
            await rows(dsn, f"{insert} ({SHANGHAI}, '{case}', 'payment_due', '{{}}', '{at}')")
            await rows(dsn, f"{insert} ({SHANGHAI}, '{case}', 'unheard_of', '{{}}', '{at}')")
            await world.do(case, AskCorrection(defects=("photo.blurred",)))
            await world.control("chores")
            received, correct = [one["text"] for one in await world.mailbox()]
            assert received.startswith("【证达】王**，您的申请已收到")
            assert correct.startswith("【证达】王**，您的申请需要补正：照片不清晰。")
            failed = await rows(dsn, "select failed from notice where failed is not null")
            assert [row["failed"] for row in failed] == ["template", "template"]

    run(scene())


def test_when_the_gateway_is_silent_nothing_is_lost_and_old_news_is_not_told(run, fresh_database, tmp_path):
    dsn = fresh_database()

    def nowhere(settings: Settings) -> Settings:
        services = settings.services | {"sms": "http://127.0.0.1:9"}
        return msgspec.structs.replace(settings, services=services)

    async def scene():
        async with living(dsn=dsn, folder=tmp_path / "first", change=nowhere) as world:
            case = await applied(world)
            order = (await world.bring_to_post(case)).tracking.order
            await world.do(case, world.scan(order, Scan.OUT_FOR_DELIVERY), actor="post")
            await world.control("chores")
            waiting = await rows(dsn, "select template, attempts, retry_at from notice where sent_at is null")
            assert len(waiting) == 5
            assert {(row["attempts"], row["retry_at"]) for row in waiting} == {
                (1, START + timedelta(minutes=1))
            }
            # Before its time it is not taken again.
            await world.control("chores")
            assert {row["attempts"] for row in await rows(dsn, "select attempts from notice")} == {1}
        async with living(dsn=dsn, folder=tmp_path / "second") as world:
            await world.move_to(START + timedelta(days=1))
            await world.control("chores")
            told = " ".join(one["text"] for one in await world.mailbox())
            assert "您的申请已收到" in told
            assert "投递码：" not in told
            [old] = await rows(dsn, "select template, failed from notice where failed is not null")
            assert (old["template"], old["failed"]) == ("courier_on_the_way", "too_old")

    run(scene())


def test_mail_goes_out_too_where_it_is_asked_for(run, fresh_database, tmp_path):
    dsn = fresh_database()

    def with_mail(settings: Settings) -> Settings:
        return msgspec.structs.replace(settings, mail_in_rehearsal=True)

    async def scene():
        async with living(dsn=dsn, folder=tmp_path, change=with_mail) as world:
            await applied(world)
            await applied(world, "father", email="")
            await world.control("chores")
            await world.control("chores")
            sent = await world.mailbox()
            assert sorted(one["kind"] for one in sent) == ["email", "sms", "sms"]
            [mail] = [one for one in sent if one["kind"] == "email"]
            person = world.cast.person("applicant")
            assert mail["to"] == person.email
            assert mail["subject"] == "【证达】申请已收到"
            assert mail["text"].startswith("王**，您好：")
            assert "http://authority.test/my" in mail["text"]
            assert "no-reply@" in mail["sender"]
            assert not any(word in mail["text"] for word in (person.name_zh, person.phone, person.id_number))

    run(scene())
