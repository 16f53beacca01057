"""One's own data: seen, copied, corrected where it can be, erased when it has ended; and nobody else's."""

import io
import json
import re
import zipfile
from typing import Any

import msgspec
import pytest

from safehand.authority.addresses.address import Address
from safehand.authority.addresses.book import Book, KeptAddress
from safehand.authority.addresses.keeping import AddressBooks
from safehand.authority.agent.person import AGENT_RECORD, AgentRecord
from safehand.authority.application.drafts import Draft, Drafts, correction_of
from safehand.authority.application.persons import PersonRecord
from safehand.authority.application.uploads import UPLOADED
from safehand.authority.notices.planning import Choice
from safehand.authority.portal.data_copy import FIELDS, JSON_NAME, OUTCOMES, PICTURE_NAMES, WAYS
from safehand.authority.portal.data_kept import PHONES
from safehand.authority.portal.my_data import CLASS_WORDS, DONE, FORGOTTEN
from safehand.authority.readdressing.actions import NewAddress, record_of
from safehand.authority.retention.schedule import CLASSES
from safehand.kernel.ids import SystemIds
from safehand.kernel.store import VaultKeyRow
from safehand.kernel.vault import seal
from safehand.link.messages import DeliveryPart
from tests.authority.living_authority import HOME, SHANGHAI, START, Person, World, living
from tests.authority.test_retention import kept_of, rows, withdrawn
from tests.authority.test_uploads import MARK, applicant_of, filled, house_of, named

slow = pytest.mark.slow
PLACE = Address(recipient="周玲", region="310101", text="中山东一路100号2幢301室", phone="19900007777")


def token_of(page: str) -> str:
    return page.split('name="csrf" value="')[1].split('"')[0]


async def posts(someone: Person, address: str, *, origin: str = HOME, **fields: str) -> Any:
    """A form of one's own page."""
    form = {"csrf": token_of(await someone.page("/my/data"))} | fields
    return await someone.browser.post(address, data=form, headers={"origin": origin})


async def applied(world: World, key: str = "applicant") -> tuple[Person, str, dict[str, Any]]:
    """Somebody who applied with pictures: the person, the actor, the application."""
    someone, actor = await applicant_of(world, key)
    await filled(Drafts(house=house_of(world)), actor)
    done = await world.submit(someone, key, **{part: named(part) for part in UPLOADED})
    return someone, actor, done


def books_of(world: World) -> AddressBooks:
    house = house_of(world)
    return AddressBooks(store=house.store, vault=house.vault, ids=SystemIds())


async def sealed(world: World, case: str, name: str, plain: bytes) -> None:
    """One more record of a case, as the vault keeps it."""
    house = house_of(world)
    [row] = await house.store.fetch("select wrapped from keys.case_key where subject = $1", case)
    key = house.vault.unwrap(VaultKeyRow(SHANGHAI, case, row[0]))
    record = seal(key=key, city=SHANGHAI, subject=case, name=name, plain=plain)
    await house.store.fetch("insert into vault_record values ($1, $2, $3, $4)", *record)


def test_every_field_that_is_kept_has_plain_words_in_both_languages():
    kept = (PersonRecord, DeliveryPart, NewAddress, AgentRecord, Draft, KeptAddress, Choice)
    fields = {
        name
        for struct in kept
        for name in getattr(struct, "__struct_fields__", None) or getattr(struct, "_fields", ())
    }
    assert fields - {"pictures"} | set(PHONES) == set(FIELDS)
    assert set(PICTURE_NAMES) == set(UPLOADED)
    assert set(CLASS_WORDS) == set(CLASSES)
    assert set(DONE) == {*FORGOTTEN, "erase"}
    assert set(WAYS) == {0, 1, 2, 3}
    for both in (*FIELDS.values(), *PICTURE_NAMES.values(), *OUTCOMES.values(), *WAYS.values()):
        assert both.en.isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in both.zh)


@slow
def test_the_page_tells_all_that_is_kept_how_long_and_where_it_is_corrected(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone, actor, done = await applied(world)
            member = world.cast.person("applicant")
            await filled(Drafts(house=house_of(world)), actor, ("photo",))
            await books_of(world).use(actor=actor, address=PLACE, now=START)
            assert 'href="/my/data"' in await someone.page("/my")
            page = await someone.page("/my/data")
            for words in (
                member.name_zh,
                member.phone,
                member.email,
                member.address.line_zh,
                "普通护照",
                PLACE.text,
                PLACE.phone,
                "申请结束以后",
                "1095 天",
                "180 天",
                "365 天",
                "30 天",
                "730 天",
                "派出所",
                "2024年5月6日 21:00",
                f'href="/my/data/{SHANGHAI}/{done["case"]}/picture/photo"',
                'action="/my/data/draft/forget"',
                'action="/my/data/addresses/forget"',
            ):
                assert words in page, words
            assert member.id_number not in page, "it is seen over one's shoulder"
            assert f"{member.id_number[0]}****************{member.id_number[-1]}" in page
            assert member.name_zh not in re.search("<title>(.*?)</title>", page)[1]
            english = await someone.page("/my/data?lang=en")
            for words in ("after it has ended", "1095 days after its end", "police station", "Mobile phone"):
                assert words in english, words
            photo = await someone.browser.get(f"/my/data/{SHANGHAI}/{done['case']}/picture/photo")
            assert (photo.status_code, photo.headers["content-type"]) == (200, "image/jpeg")
            assert photo.content == MARK + b"photo"
            assert photo.headers["cache-control"] == "no-store"

    run(scene())


@slow
@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_copy_is_one_file_with_everything_in_plain_words(run, fresh_database, tmp_path, language):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone, actor, done = await applied(world)
            member = world.cast.person("applicant")
            drafts = Drafts(house=house_of(world))
            await filled(drafts, actor, ("photo",))
            await filled(drafts, correction_of(actor=actor, case=done["case"]), ("signature",))
            await books_of(world).use(actor=actor, address=PLACE, now=START)
            await someone.page(f"/my/data?lang={language}")
            new = NewAddress(address=f"{PLACE.text}又", destination=SHANGHAI)
            await sealed(world, done["case"], record_of(1), msgspec.json.encode(new))
            await sealed(world, done["case"], record_of(2), b"")
            agent = AgentRecord(name="MARKER-a6e7", relation="friend", phone="19900006666")
            await sealed(world, done["case"], AGENT_RECORD, msgspec.json.encode(agent))
            assert "MARKER-a6e7" in await someone.page("/my/data")
            await sealed(world, done["case"], "later.1", b'{"said": "MARKER-4d1e"}')
            answer = await posts(someone, "/my/data/copy")
            assert answer.status_code == 200
            assert answer.headers["content-disposition"] == 'attachment; filename="safehand-my-data.zip"'
            assert answer.headers["cache-control"] == "no-store"
            archive = zipfile.ZipFile(io.BytesIO(answer.content))
            assert archive.testzip() is None
            parts = [part.replace("_", "-") for part in UPLOADED]
            pictures = {f"pictures/1-{part}.jpg" for part in parts} | {
                "pictures/draft-photo.jpg",
                "pictures/correction-1-signature.jpg",
            }
            assert set(archive.namelist()) == pictures | {JSON_NAME}
            assert archive.read("pictures/1-id-card-front.jpg") == MARK + b"id_card_front"
            text = archive.read(JSON_NAME).decode()
            told = json.loads(text)
            words = {
                "zh": ("申请", "当事人", "公民身份号码", "地址簿", "提供给邮政的信息"),
                "en": ("applications", "person", "ID number", "address book", "what the post learns"),
            }[language]
            [case] = told[words[0]]
            assert case[words[1]][words[2]] == member.id_number
            assert case[words[4]]
            assert len(told[words[3]]) == 1
            for marker in (
                member.name_zh,
                member.phone,
                member.email,
                PLACE.text,
                done["case"],
                "19900000001",
            ):
                assert marker in text, marker
            assert ("fits" if language == "en" else "符合要求") in text
            assert f"{PLACE.text}又" in text
            assert "MARKER-a6e7" in text
            assert ("Chinese" if language == "en" else "中文") in text
            assert ("less than 6 months left" if language == "en" else "有效期不满 6 个月") in text
            assert ("friend" if language == "en" else "朋友") in text
            assert "MARKER-4d1e" in text, "a kind of record that no page knows is in the copy, too"
            # A copy of the words in the other language would be plain, too, but one is enough.
            assert ("当事人" in text) is (language == "zh")

    run(scene())


@slow
def test_what_has_not_ended_says_why_not_and_what_has_ended_is_erased_once_and_for_all(
    run, fresh_database, tmp_path
):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            someone, actor, done = await applied(world)
            stranger = world.person("en")
            await stranger.sign_in("stranger")
            case = done["case"]
            data, address = f"/my/data/{SHANGHAI}/{case}", f"/cases/{SHANGHAI}/{case}"
            assert "何时可以删除" in await someone.page("/my/data")
            not_yet = await someone.page(f"{data}/erase")
            for words in ("现在还不能删除", "审核人员审核您的申请", "2024年5月14日", "1095 天后自动删除"):
                assert words in not_yet, words
            assert "<form" not in not_yet.split("<main")[1].split("</main>")[0]
            refused = await posts(someone, f"{data}/erase")
            assert (refused.status_code, "尚未结束" in refused.text) == (409, True)

            await withdrawn(someone, done)
            drafts = Drafts(house=house_of(world))
            await filled(drafts, correction_of(actor=actor, case=case), ("signature",))
            asked = await someone.page(f"{data}/erase")
            assert "删除后不能恢复" in asked
            ordered = await someone.press(page=asked, act="erase")
            assert (ordered.status_code, ordered.headers["location"]) == (303, "/my/data?done=erase")
            assert "正在删除" in await someone.page(ordered.headers["location"])
            assert await drafts.read(owner=correction_of(actor=actor, case=case)) is None
            await world.control("chores")
            assert await kept_of(dsn, case) == (0, set(), 0)
            assert case not in await someone.page("/my/data")
            # It is nobody's: whoever has its address reads that, and nothing else.
            for person in (someone, stranger):
                for there in (address, f"{address}/messages", f"{data}/erase", f"{data}/picture/photo"):
                    gone = await person.browser.get(f"{there}?lang=en")
                    assert gone.status_code == 409, there
                    assert "has been erased" in gone.text
            again = await someone.press(page=asked, act="erase")
            assert again.status_code == 409
            said = await rows(
                dsn, "select body from event where stream = $1 and kind = 'erasure.ordered'", case
            )
            assert ["asked_by_person" in row["body"] for row in said] == [True]

    run(scene())


@slow
def test_drafts_corrections_and_addresses_go_at_once(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            someone, actor, done = await applied(world)
            drafts, books = Drafts(house=house_of(world)), books_of(world)
            correction = correction_of(actor=actor, case=done["case"])
            await filled(drafts, actor, ("photo",))
            await filled(drafts, correction, ("photo",))
            await books.use(actor=actor, address=PLACE, now=START)
            for what in FORGOTTEN:
                answer = await posts(someone, f"/my/data/{what}/forget")
                assert (answer.status_code, answer.headers["location"]) == (303, f"/my/data?done={what}")
                said = await someone.page(answer.headers["location"])
                assert DONE[what].zh in said
                assert f"/my/data/{what}/forget" not in said
            assert await drafts.read(owner=actor) is None
            assert await drafts.read(owner=correction) is None
            assert await books.read(actor=actor, now=START) == Book()
            [left] = await rows(dsn, "select count(*) from keys.case_key where subject not like 'ca_%'")
            assert left[0] == 0
            assert (await posts(someone, "/my/data/draft/forget")).status_code == 303, "told twice it is done"

    run(scene())


@slow
def test_nobody_else_sees_copies_or_erases_and_hostile_requests_get_an_answer(
    run, fresh_database, tmp_path, caplog
):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone, _, done = await applied(world)
            await withdrawn(someone, done)
            stranger, visitor = world.person(), world.person()
            await stranger.sign_in("stranger")
            theirs, unknown = done["case"], f"ca_{'a' * (len(done['case']) - 3)}"
            for rest in ("erase", "picture/photo"):
                answers = [
                    await stranger.browser.get(f"/my/data/{SHANGHAI}/{case}/{rest}")
                    for case in (theirs, unknown)
                ]
                assert answers[0].status_code == answers[1].status_code == 404
                assert answers[0].content == answers[1].content
            for case in (theirs, unknown):
                assert (await posts(stranger, f"/my/data/{SHANGHAI}/{case}/erase")).status_code == 404
            copied = zipfile.ZipFile(io.BytesIO((await posts(stranger, "/my/data/copy")).content))
            assert copied.namelist() == [JSON_NAME]
            assert theirs.encode() not in copied.read(JSON_NAME)

            assert (await visitor.browser.get("/my/data")).headers["location"] == "/sign-in?to=/my/data"
            for address in ("/my/data/copy", "/my/data/draft/forget"):
                sent = await visitor.browser.post(address, data={"csrf": "x"}, headers={"origin": HOME})
                assert sent.headers["location"] == "/sign-in?to=/my/data"
                assert (await someone.browser.get(address)).status_code in (404, 405)
                for wrong in ({"csrf": "x" * 52}, {"csrf": ""}):
                    assert (await posts(someone, address, **wrong)).status_code == 403
                assert (await posts(someone, address, origin="http://elsewhere.test")).status_code == 403
            for part in ("person", "delivery", "verdict.photo", "..%2fperson", "%00", "x" * 3_000):
                refused = await someone.browser.get(f"/my/data/{SHANGHAI}/{theirs}/picture/{part}")
                assert refused.status_code == 404, part
            for city, case in (("0", theirs), ("9" * 30, theirs), ("310000", "ca_';--"), ("x", "y")):
                assert (await someone.browser.get(f"/my/data/{city}/{case}/erase")).status_code == 404
            member = world.cast.person("applicant")
            for marker in (member.name_zh, member.id_number, member.phone, member.email):
                assert marker not in caplog.text
                for visited in (someone.browser, stranger.browser):
                    assert marker not in str(visited.base_url)

    run(scene())


@slow
def test_what_does_not_open_any_more_is_left_out_and_breaks_nothing(run, fresh_database, tmp_path):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            someone, _, done = await applied(world)
            await rows(
                dsn, "update vault_record set sealed = sealed || '\\x00' where name in ('person', 'photo')"
            )
            page = await someone.page("/my/data")
            assert world.cast.person("applicant").phone not in page
            answer = await posts(someone, "/my/data/copy")
            names = zipfile.ZipFile(io.BytesIO(answer.content)).namelist()
            assert "pictures/1-photo.jpg" not in names
            assert "pictures/1-signature.jpg" in names
            assert (
                await someone.browser.get(f"/my/data/{SHANGHAI}/{done['case']}/picture/photo")
            ).status_code == 404

    run(scene())
