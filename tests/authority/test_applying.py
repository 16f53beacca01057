"""Applying on the pages: begun, filled in, mended, sent once; and sent again what the examiners asked for."""

from __future__ import annotations

import re
from typing import Any, Final

import httpx
import pytest
from msgspec.structs import replace

from safehand.authority.examination.commands import AskCorrection
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from tests.authority import pictures_made as made
from tests.authority.living_authority import HOME, SHANGHAI, Person, World, living

pytestmark = pytest.mark.slow

PHONE: Final = "19900001234"
BEGIN: Final = {"city": "310000", "document": "passport", "ground": "expiring"}
DOOR: Final = {
    "mode": "post",
    "step": "done",
    "place_1": "310000",
    "text": "中山东一路100号2幢301室",
}


def house_of(world: World) -> House:
    return world.app.state.house


def uploads_needed(settings: Any) -> Any:
    return replace(settings, pictures_declared=False)


def token_of(page: str) -> str:
    return page.split('name="csrf" value="')[1].split('"')[0]


async def send(person: Person, to: str, *, page: str = "", **fields: str) -> httpx.Response:
    """A form of the page (or of the one that is named) posted as a browser posts it."""
    form = await person.page(page or to)
    return await person.browser.post(to, data={"csrf": token_of(form)} | fields, headers={"origin": HOME})


async def upload(person: Person, address: str, data: bytes, name: str = "me.jpg") -> httpx.Response:
    form = await person.page(address)
    return await person.browser.post(
        address,
        data={"csrf": token_of(form)},
        files={"file": (name, data, "image/jpeg")},
        headers={"origin": HOME},
    )


def leads_to(answer: httpx.Response) -> str:
    assert answer.status_code == 303, answer.text
    return answer.headers["location"]


async def applicant(world: World, key: str = "applicant", language: str = "en") -> Person:
    person = world.person(language)
    assert (await person.sign_in(key)).status_code == 303
    return person


async def filled_in(person: Person) -> None:
    """Everything but the last look."""
    assert leads_to(await send(person, "/apply/begin", **BEGIN)) == "/apply/contact"
    contact = {"phone": "+86 199 0000 1234", "email": "", "language": "en"}
    assert leads_to(await send(person, "/apply/contact", **contact)) == "/apply/photo"
    for part, data in (
        ("photo", made.photo()),
        ("signature", made.signature()),
        ("id_card_front", made.id_card()),
        ("id_card_back", made.id_card(seed=2)),
    ):
        assert leads_to(await upload(person, f"/apply/{part}", data)) == f"/apply/{part}"
    assert leads_to(await send(person, "/apply/travel", travels="no")) == "/apply/delivery"
    door = DOOR | {"place_2": "310101", "region": ""}
    assert leads_to(await send(person, "/apply/delivery", **door)) == "/apply/postage"
    assert leads_to(await send(person, "/apply/postage", postage="on_delivery")) == "/apply/check"


def test_the_whole_application_by_pages_alone_is_one_application(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path, change=uploads_needed) as world:
            person = await applicant(world)
            assert (await person.browser.get("/apply")).headers["location"] == "/apply/begin"
            begin = await person.page("/apply/begin")
            assert "What the register knows of you" in begin
            await filled_in(person)
            check = await person.page("/apply/check")
            for words in (PHONE, "中山东一路100号2幢301室", "CNY 120.00", "7 working days"):
                assert words in check, words
            undeclared = await send(person, "/apply/send", page="/apply/check")
            assert undeclared.status_code == 422
            assert "Confirm that what is above is true" in undeclared.text
            form = {"csrf": token_of(check), "true": "yes"}
            sent = await person.browser.post("/apply/send", data=form, headers={"origin": HOME})
            case = re.fullmatch(r"/cases/310000/(ca_[^?]+)\?done=submitted", leads_to(sent))
            assert case is not None
            assert "It is sent" in await person.page(leads_to(sent))
            # The draft is done with; the same button again finds nothing to send.
            again = await person.browser.post("/apply/send", data=form, headers={"origin": HOME})
            assert leads_to(again) == "/apply/begin"
            key = StreamKey(SHANGHAI, case[1])
            [photo] = (await read_persons(house=house_of(world), keys=[key], name="photo")).values()
            assert photo[:2] == b"\xff\xd8"
            assert b"Exif" not in photo
            assert (await person.page("/my")).count("/cases/310000/") == 1

    run(scene())


def test_whoever_may_not_apply_reads_every_reason_and_nothing_is_kept(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await applicant(world)
            asked = BEGIN | {"city": "440100", "ground": "pages_used", "document": "taiwan-permit"}
            answer = await send(person, "/apply/begin", **asked)
            assert answer.status_code == 200
            assert "applied for online" in answer.text
            assert "The household registration is not in Guangzhou." in answer.text
            assert "Used-up pages are a ground for passports only" in answer.text
            assert (await person.browser.get("/apply")).headers["location"] == "/apply/begin"

    run(scene())


def test_what_is_wrong_is_said_at_its_field_and_kept_nowhere(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await applicant(world)
            for wrong in ({"city": "999"}, {"city": "９"}, {"document": "x" * 900}, {"ground": ""}):
                answer = await send(person, "/apply/begin", **(BEGIN | wrong))
                assert answer.status_code == 422, wrong
                assert "Please mend this first" in answer.text
            await send(person, "/apply/begin", **BEGIN)
            wrongs = (
                ("/apply/contact", {"phone": "12345", "email": "", "language": "en"}, "#phone"),
                ("/apply/contact", {"phone": PHONE, "email": "a b@c", "language": "en"}, "#email"),
                ("/apply/contact", {"phone": PHONE, "email": "", "language": "fr"}, "#language"),
                ("/apply/travel", {"travels": "perhaps"}, "#travels"),
                ("/apply/delivery", {"mode": "post", "step": "done", "text": "x"}, "#text"),
                ("/apply/delivery", {"mode": "counter", "step": "done", "office": "no"}, "#office"),
            )
            for address, fields, fault in wrongs:
                answer = await send(person, address, **fields)
                assert answer.status_code == 422, (address, fields, answer.text)
                assert f'href="{fault}"' in answer.text, (address, fields)
            # The Enter key in the box for a name presses the button beside it, not the first one of the form.
            entered = await send(person, "/apply/delivery", mode="post", step="enter", q="黄浦区", text="")
            assert "上海市黄浦区" in entered.text
            assert 'name="found"' in entered.text
            steps = await person.page("/apply")
            assert "Done" not in steps
            # Nothing is missing for the last page, or it is not shown.
            assert (await person.browser.get("/apply/check")).headers["location"] == "/apply"
            for foreign in ({"origin": "http://elsewhere.test"}, {}):
                stolen = await person.browser.post("/apply/discard", data={"csrf": "x"}, headers=foreign)
                assert stolen.status_code == 403
            assert leads_to(await send(person, "/apply/discard")) == "/my"
            assert (await person.browser.get("/apply")).headers["location"] == "/apply/begin"

    run(scene())


def test_a_picture_says_what_is_wrong_with_it_and_is_cropped_on_wish(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person, stranger = await applicant(world), await applicant(world, "stranger")
            await send(person, "/apply/begin", **BEGIN)
            nothing = await upload(person, "/apply/photo", b"")
            assert nothing.status_code == 422
            for data in (b"<svg xmlns='http://www.w3.org/2000/svg'/>", b"GIF89a" + bytes(50), b"%PDF-1.7"):
                refused = await upload(person, "/apply/photo", data)
                assert refused.status_code == 422
                assert 'href="#file"' in refused.text
            await upload(person, "/apply/photo", made.big_photo())
            page = await person.page("/apply/photo")
            assert "It does not fit" in page
            assert "Crop it for me" in page
            picture = await person.browser.get("/apply/photo/picture")
            assert (picture.status_code, picture.headers["content-type"]) == (200, "image/jpeg")
            assert picture.headers["cache-control"] == "no-store"
            for other in ("/apply/photo/picture", "/apply/form/picture"):
                theirs = await stranger.browser.get(other)
                assert theirs.headers.get("content-type") != "image/jpeg"
            mended = await send(person, "/apply/photo/mend", page="/apply/photo")
            assert leads_to(mended) == "/apply/photo"
            page = await person.page("/apply/photo")
            assert "It does not fit" not in page
            # What fits leads on to the next step that is not done.
            assert '<a href="/apply/signature" class="govuk-button">Continue</a>' in page
            await upload(person, "/apply/signature", made.signature(ruled=True))
            assert "It does not fit" in await person.page("/apply/signature")
            assert "To be mended" in await person.page("/apply")

    run(scene())


def test_what_the_examiners_ask_for_is_sent_again_and_nothing_else(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path, change=uploads_needed) as world:
            person, stranger = await applicant(world), await applicant(world, "stranger")
            await filled_in(person)
            sent = await send(person, "/apply/send", page="/apply/check", true="yes")
            case = leads_to(sent).partition("?")[0]
            assert (await person.browser.get(f"{case}/correct")).headers["location"] == case
            asked = AskCorrection(defects=("signature.faint", "form.incomplete", "photo.blurred"))
            stream = case.rpartition("/")[2]
            await world.do(stream, asked)
            theirs = await stranger.browser.get(f"{case}/correct")
            nobodys = await stranger.browser.get(f"{case[:-4]}aaaa/correct")
            assert (theirs.status_code, theirs.content) == (404, nobodys.content)

            assert f'href="{case}/correct"' in await person.page(case)
            list_of = await person.page(f"{case}/correct")
            for words in (
                "Sign with a black pen.",
                "The photo is not sharp.",
                "Fill in all required fields.",
            ):
                assert words in list_of
            assert (await person.browser.get(f"{case}/correct/id_card_front")).status_code == 404
            assert leads_to(await upload(person, f"{case}/correct/photo", made.photo()))
            assert leads_to(await upload(person, f"{case}/correct/signature", made.signature()))
            assert "Send the correction" not in await person.page(f"{case}/correct")
            form = {"phone": "19900004321", "email": "", "language": "en", "address": "中山东一路200号"}
            wrong = await send(person, f"{case}/correct/form", **(form | {"address": "x"}))
            assert wrong.status_code == 422
            assert leads_to(await send(person, f"{case}/correct/form", **form)) == f"{case}/correct"
            done = await send(person, f"{case}/correct", page=f"{case}/correct")
            assert leads_to(done) == f"{case}?done=corrected"
            assert "You sent the correction." in await person.page(case)
            key = StreamKey(SHANGHAI, stream)
            [record] = (await read_persons(house=house_of(world), keys=[key], name="person")).values()
            assert b"19900004321" in record

    run(scene())
