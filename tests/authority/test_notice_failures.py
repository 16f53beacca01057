"""Messages that do not arrive are seen: sent again, tried on the other way, and at last told by a manager."""

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from safehand.authority.contact.commands import RecordUnreachable
from safehand.authority.contact.states import QUEUE
from safehand.authority.examination.commands import Approve
from safehand.house.settings import Settings
from tests.authority.living_authority import SHANGHAI, START, World, living
from tests.authority.test_notices_sending import applied, rows

pytestmark = pytest.mark.slow
NO_NUMBER, FULL, LATE, UNREACHABLE = ("19900009901", "19900009902", "19900009903", "19900009904")
AT_THE_THIRD = "19900009905"
NOWHERE = "unknown@mail.example"


def with_mail(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, mail_in_rehearsal=True)


async def messages(dsn: str) -> list[tuple[Any, ...]]:
    """What became of each message, in order."""
    found = await rows(dsn, "select notice, channel, state, reason, sends from message order by 1, 2 desc")
    return [tuple(row)[1:] for row in found]


async def on_the_list(dsn: str) -> list[Any]:
    return [row["owner"] for row in await rows(dsn, f"select owner from work where queue = '{QUEUE}'")]


async def passes(world: World, **span: float) -> None:
    """Time passes in small steps, and everything that is due is done."""
    end = world.sandbox_clock.now() + timedelta(**span)
    while world.sandbox_clock.now() < end:
        await world.move_to(world.sandbox_clock.now() + timedelta(minutes=10))
        await world.control("chores")


def test_what_the_gateway_took_is_sent_and_what_the_phone_took_is_delivered(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            await applied(world, phone=LATE)
            await world.control("chores")
            assert await messages(dsn) == [("sms", "sent", "", 1)]
            await passes(world, minutes=10)
            assert await messages(dsn) == [("sms", "delivered", "", 1)]
            assert len(await world.mailbox()) == 1

    run(scene())


def test_a_phone_that_is_never_reached_is_tried_three_times_and_then_the_manager_tells(
    run, fresh_database, tmp_path
):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            case = await applied(world, phone=UNREACHABLE)
            await world.control("chores")
            assert await messages(dsn) == [("sms", "again", "unreachable", 1)]
            assert await on_the_list(dsn) == []
            await passes(world, minutes=20)
            assert await messages(dsn) == [("sms", "again", "unreachable", 2)]
            await passes(world, minutes=30)
            assert await messages(dsn) == [("sms", "failed", "unreachable", 3)]
            assert await on_the_list(dsn) == ["authority_manager"]
            [notice] = await rows(dsn, "select failed, sent_at from notice")
            assert tuple(notice) == ("unreachable", None)
            events = await rows(dsn, "select body from event where kind = 'contact.lost'")
            assert len(events) == 1
            assert UNREACHABLE not in str(events)
            assert case
            # The next message fails too, and puts nobody on the list twice.
            await world.do(case, Approve())
            await passes(world, hours=1)
            assert len(await rows(dsn, "select from event where kind = 'contact.lost'")) == 1

    run(scene())


def test_a_phone_that_is_reached_at_the_third_time_was_told_once(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            await applied(world, phone=AT_THE_THIRD)
            await passes(world, hours=1)
            assert await messages(dsn) == [("sms", "delivered", "", 3)]
            assert len(await world.mailbox()) == 1
            assert await on_the_list(dsn) == []
            assert await rows(dsn, "select from notice where sent_at is null") == []

    run(scene())


@pytest.mark.parametrize("phone", [NO_NUMBER, UNREACHABLE])
def test_a_mail_that_was_taken_is_enough(run, fresh_database, tmp_path, phone):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path, change=with_mail) as world:
            await applied(world, phone=phone)
            await passes(world, hours=1)
            sms, mail = await messages(dsn)
            assert sms[:2] == ("sms", "failed")
            assert mail == ("email", "sent", "", 1)
            assert [one["kind"] for one in await world.mailbox()] == ["email"]
            assert await on_the_list(dsn) == []
            assert await rows(dsn, "select from notice where sent_at is null") == []

    run(scene())


def test_whom_neither_way_reaches_is_the_managers_at_once(run, fresh_database, tmp_path, caplog):
    caplog.set_level("DEBUG", logger="safehand")
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path, change=with_mail) as world:
            await applied(world, phone=NO_NUMBER, email=NOWHERE)
            await world.control("chores")
            assert await messages(dsn) == [
                ("sms", "failed", "notices.sms_number_invalid", 1),
                ("email", "failed", "notices.mail_refused", 1),
            ]
            assert await on_the_list(dsn) == ["authority_manager"]
            stored = ""
            for table in ("notice", "message", "event", "stream", "work"):
                found = await rows(dsn, f"select to_jsonb(t)::text as line from {table} t")
                stored += "".join(row["line"] for row in found)
            for marker in (NO_NUMBER, NOWHERE, world.cast.person("applicant").name_zh):
                assert marker not in stored + caplog.text

    run(scene())


def test_the_page_says_on_which_way_somebody_could_not_be_reached_and_shows_no_number(
    run, fresh_database, tmp_path
):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path, change=with_mail) as world:
            someone = world.person()
            await someone.sign_in("applicant")
            case = (await world.submit(someone, "applicant", phone=UNREACHABLE, email=NOWHERE))["case"]
            page = f"/cases/{SHANGHAI}/{case}"
            assert "未能通过" not in await someone.page(page)
            await passes(world, hours=1)
            chinese, english = await someone.page(page), await someone.page(f"{page}?lang=en")
            assert "我们未能通过短信联系到您：199******04" in chinese
            assert "我们未能通过电子邮件联系到您：u***@mail.example" in chinese
            assert "We could not reach you by SMS at 199******04." in english
            assert "Our messages did not reach you." in english
            assert UNREACHABLE not in chinese + english
            assert NOWHERE not in chinese + english
            stranger = world.person()
            await stranger.sign_in("stranger")
            assert (await stranger.browser.get(page)).status_code == 404

    run(scene())


def test_an_address_that_is_a_list_is_never_written_to(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path, change=with_mail) as world:
            await applied(world, email="one,two@mail.example")
            await world.control("chores")
            assert await messages(dsn) == [
                ("sms", "delivered", "", 1),
                ("email", "failed", "mail_unfit", 1),
            ]

    run(scene())


def test_a_full_phone_is_tried_ten_times_and_then_counts_as_failed(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            await applied(world, phone=FULL)
            await passes(world, hours=6)
            assert await messages(dsn) == [("sms", "failed", "notices.sms_refused", 1)]
            [notice] = await rows(dsn, "select attempts, failed from notice")
            assert tuple(notice) == (10, "notices.sms_refused")
            assert await on_the_list(dsn) == ["authority_manager"]

    run(scene())


def test_a_later_message_that_arrives_takes_the_case_off_the_list(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            case = await applied(world)
            await world.control("chores")
            lost = RecordUnreachable(template="application_received", channels=("sms",), reason="unreachable")
            await world.do(case, lost)
            assert await on_the_list(dsn) == ["authority_manager"]
            await world.do(case, Approve())
            await world.control("chores")
            assert await on_the_list(dsn) == []
            [regained] = await rows(dsn, "select body from event where kind = 'contact.regained'")
            assert '"by":"message"' in regained["body"]

    run(scene())


def test_receipts_are_read_once_and_a_message_that_is_not_written_yet_is_waited_for(
    run, fresh_database, tmp_path
):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            await applied(world)
            await world.control("chores", {"without": ["receipts"]})
            # As if the receipt had overtaken the job that sends.
            kept = await rows(dsn, "delete from message returning notice, city, subject, at")
            await world.control("chores")
            assert await rows(dsn, "select position from receipts_read") == []
            [row] = kept
            await rows(
                dsn,
                "insert into message values"
                f" ({row['notice']}, 'sms', {row['city']}, '{row['subject']}', 'sent', '', 1, '{START.isoformat()}')",
            )
            await world.control("chores")
            assert [one[1] for one in await messages(dsn)] == ["delivered"]
            [position] = await rows(dsn, "select position from receipts_read")
            assert position["position"] == 1
            await rows(dsn, "update message set state = 'sent'")
            await world.control("chores")
            assert [one[1] for one in await messages(dsn)] == ["sent"]

    run(scene())


def test_a_receipt_for_what_nobody_knows_holds_up_the_others_for_five_minutes_at_most(
    run, fresh_database, tmp_path
):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            await applied(world)
            await world.control("chores", {"without": ["receipts"]})
            await rows(dsn, "delete from message")
            await world.move_to(START + timedelta(minutes=6))
            await world.control("chores")
            [position] = await rows(dsn, "select position from receipts_read")
            assert position["position"] == 1

    run(scene())


def test_news_that_is_old_is_not_sent_again(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            await applied(world, phone=UNREACHABLE)
            await world.control("chores")
            await world.move_to(START + timedelta(days=8))
            await world.control("chores")
            assert await messages(dsn) == [("sms", "failed", "too_old", 1)]
            [notice] = await rows(dsn, "select failed from notice where template = 'application_received'")
            assert notice["failed"] == "too_old"

    run(scene())
