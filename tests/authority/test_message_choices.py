"""The applicant chooses what comes by SMS and by e-mail; what the law wants told comes whatever was chosen."""

import re
from typing import Any

import msgspec
import pytest

from safehand.authority.examination.commands import Approve, AskCorrection
from safehand.authority.notices.planning import BOTH, BY_EMAIL, BY_SMS, Choice
from safehand.authority.portal.messages import choice_from
from safehand.authority.portal.refusals import CHOICE_UNKNOWN
from safehand.authority.tracking.commands import RecordAttempt
from safehand.house.settings import Settings
from safehand.kernel.outcome import Refusal
from safehand.link.messages import Reason, Scan
from tests.authority.living_authority import HOME, SHANGHAI, Person, World, living
from tests.authority.test_notices_sending import rows

EVERYTHING = {
    "progress": ["sms", "email"],
    "deadlines": ["sms", "email"],
    "delivery": ["sms", "email"],
    "other_way": "yes",
}


def with_mail(settings: Settings) -> Settings:
    return msgspec.structs.replace(settings, mail_in_rehearsal=True)


async def chooses(someone: Person, address: str, **wanted: Any) -> Any:
    """Open the page, tick just these boxes, save."""
    page = await someone.page(f"{address}/messages")
    form = {"csrf": page.split('name="csrf" value="')[1].split('"')[0], **wanted}
    return await someone.browser.post(f"{address}/messages", data=form, headers={"origin": HOME})


async def applied(world: World, **changes: Any) -> tuple[Person, str]:
    """Somebody who is signed in and has applied, and the address of the case."""
    someone = world.person()
    await someone.sign_in("applicant")
    case = (await world.submit(someone, "applicant", **changes))["case"]
    return someone, f"/cases/{SHANGHAI}/{case}"


def ticked(page: str) -> set[str]:
    """The boxes that are ticked: what is chosen, and the way."""

    def of(word: str, box: str) -> str:
        found = re.search(f'{word}="([^"]*)"', box)
        assert found is not None, box
        return found[1]

    boxes = re.findall(r'<input class="govuk-checkboxes__input"[^>]*>', page)
    assert boxes
    names = [(of("name", box), of("value", box)) for box in boxes if " checked" in box]
    return {f"{name}-{value}" for name, value in names}


async def kinds(world: World) -> list[str]:
    """Which ways everything that was sent went, in order."""
    await world.control("chores")
    return [one["kind"] for one in await world.mailbox()]


@pytest.mark.parametrize(
    ("fields", "choice"),
    [
        ([], Choice(0, 0, 0, False)),
        ([("progress", "sms"), ("csrf", "x")], Choice(BY_SMS, 0, 0, False)),
        ([("delivery", "email"), ("delivery", "sms"), ("other_way", "yes")], Choice(0, 0, BOTH, True)),
        ([("deadlines", "email"), ("deadlines", "email")], Choice(0, BY_EMAIL, 0, False)),
    ],
)
def test_a_form_says_what_is_ticked(fields: Any, choice: Choice):
    assert choice_from(fields) == choice


@pytest.mark.parametrize(
    "field",
    [
        ("progress", "fax"),
        ("progress", ""),
        ("other_way", "no"),
        ("always", "sms"),
        ("PROGRESS", "sms"),
        ("", ""),
    ],
)
def test_what_the_page_does_not_offer_is_no_choice(field: Any):
    refused = choice_from([("delivery", "sms"), field])
    assert isinstance(refused, Refusal)
    assert refused.code == CHOICE_UNKNOWN.code


@pytest.mark.slow
def test_who_chose_nothing_finds_everything_ticked_and_what_was_chosen_is_kept(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path, change=with_mail) as world:
            someone, address = await applied(world)
            assert f'href="{address}/messages"' in await someone.page(address)
            page = await someone.page(f"{address}/messages")
            ways = {
                f"{group}-{way}"
                for group in ("progress", "deadlines", "delivery")
                for way in ("sms", "email")
            }
            assert ticked(page) == ways | {"other_way-yes"}
            person = world.cast.person("applicant")
            for marker in (person.phone, person.email, person.name_zh, person.id_number):
                assert marker not in page
            saved = await chooses(someone, address, progress=["email"], deadlines=["sms", "email"])
            assert (saved.status_code, saved.headers["location"]) == (303, f"{address}/messages?saved=yes")
            again = await someone.page(saved.headers["location"] + "&lang=en")
            assert "Saved." in again
            assert ticked(again) == {"progress-email", "deadlines-sms", "deadlines-email"}
            [row] = await rows(dsn, "select * from message_choice")
            assert set(dict(row)) == {
                "city",
                "subject",
                "progress",
                "deadlines",
                "delivery",
                "other_way",
                "at",
            }
            assert (row["progress"], row["deadlines"], row["delivery"], row["other_way"]) == (2, 3, 0, False)

    run(scene())


@pytest.mark.slow
def test_a_message_takes_the_way_that_was_chosen_and_decisions_take_every_way(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path, change=with_mail) as world:
            someone, address = await applied(world)
            await chooses(someone, address, progress=["email"])
            assert await kinds(world) == ["email"]
            case = address.rpartition("/")[2]
            await world.do(case, AskCorrection(defects=("photo.blurred",)))
            assert sorted((await kinds(world))[1:]) == ["email", "sms"]
            [mail] = [one for one in await world.mailbox() if "申请已收到" in one["subject"]]
            assert f"{HOME}{address}/messages" in mail["text"]
            # The address opens nothing without the owner's own sign-in.
            outside = await world.person().browser.get(f"{address}/messages")
            assert outside.status_code == 303
            assert outside.headers["location"].startswith("/sign-in")

    run(scene())


@pytest.mark.slow
def test_the_code_for_the_door_comes_to_whoever_wants_no_news_of_the_delivery(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            someone, address = await applied(world)
            await chooses(someone, address)
            case = address.rpartition("/")[2]
            order = (await world.bring_to_post(case)).tracking.order
            await world.do(case, world.scan(order, Scan.OUT_FOR_DELIVERY), actor="post")
            failed = RecordAttempt(
                order=order,
                waybill="ZA000000005CN",
                reason=Reason.ABSENT,
                attempt=1,
                place="SH-PO-1",
                occurred_at=world.sandbox_clock.now(),
            )
            await world.do(case, failed, actor="post")
            await world.control("chores")
            told = [one["text"] for one in await world.mailbox()]
            assert [text[:20] for text in told if "投递码：" in text]
            found = await rows(dsn, "select template, failed from notice order by number")
            left_out = {row["template"] for row in found if row["failed"] == "declined"}
            assert left_out == {"application_received", "payment_received", "with_the_post", "attempt_failed"}
            assert len(told) == len(found) - len(left_out)

    run(scene())


@pytest.mark.slow
@pytest.mark.parametrize("other_way", [True, False])
def test_what_does_not_arrive_takes_the_other_way_if_that_is_wanted(run, fresh_database, tmp_path, other_way):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path, change=with_mail) as world:
            someone, address = await applied(world, phone="19900009901")
            await chooses(someone, address, progress=["sms"], **({"other_way": "yes"} if other_way else {}))
            assert await kinds(world) == (["email"] if other_way else [])
            waits = await rows(dsn, "select owner from work where queue = 'contact.unreachable'")
            assert [row["owner"] for row in waits] == ([] if other_way else ["authority_manager"])

    run(scene())


@pytest.mark.slow
def test_only_the_owners_own_form_chooses(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            someone, address = await applied(world)
            stranger = world.person()
            await stranger.sign_in("stranger")
            unknown = f"/cases/{SHANGHAI}/ca_{'a' * 26}"
            theirs, nobodys = [await stranger.browser.get(f"{one}/messages") for one in (address, unknown)]
            assert theirs.status_code == nobodys.status_code == 404
            assert theirs.content == nobodys.content
            token = (await stranger.page("/my")).split('name="csrf" value="')[1].split('"')[0]
            for one in (address, unknown):
                taken = await stranger.browser.post(
                    f"{one}/messages", data=EVERYTHING | {"csrf": token}, headers={"origin": HOME}
                )
                assert taken.status_code == 404
            page = await someone.page(f"{address}/messages")
            own = page.split('name="csrf" value="')[1].split('"')[0]
            wrongs: list[tuple[dict[str, Any], str, int]] = [
                ({"csrf": "x" * 52}, HOME, 403),
                ({"csrf": own}, "http://elsewhere.test", 403),
                ({"csrf": own, "progress": "fax"}, HOME, 422),
                ({"csrf": own, "surplus": "1"}, HOME, 422),
            ]
            for form, origin, status in wrongs:
                refused = await someone.browser.post(
                    f"{address}/messages", data=form, headers={"origin": origin}
                )
                assert refused.status_code == status, form
            for case in ("ca_';drop table notice", "x", "ca_" + "9" * 300):
                refused = await someone.browser.get(f"/cases/{SHANGHAI}/{case}/messages")
                assert refused.status_code == 404
            assert await rows(dsn, "select from message_choice") == []

    run(scene())


@pytest.mark.slow
def test_whoever_gave_no_address_is_offered_no_mail_and_whoever_is_erased_nothing(
    run, fresh_database, tmp_path
):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            someone, address = await applied(world, email="")
            page = await someone.page(f"{address}/messages")
            assert ticked(page) == {"progress-sms", "deadlines-sms", "delivery-sms"}
            assert "未填写邮箱" in page
            await world.do(address.rpartition("/")[2], Approve())
            await rows(dsn, "delete from keys.case_key")
            gone = await someone.browser.get(f"{address}/messages")
            assert gone.status_code == 409
            assert "当事人信息已删除" in gone.text

    run(scene())
