"""How the document comes: what may be chosen for an address, the address book, what is asked once, and what is not reached."""

from __future__ import annotations

import re
from typing import Any, Final

import httpx
import pytest
from msgspec.structs import replace

from safehand.authority.addresses.book import ADDRESSES_MAX
from safehand.authority.addresses.keeping import AddressBooks
from safehand.authority.application.drafts import Drafts
from safehand.authority.portal.sign_in import actor_of
from safehand.kernel.ids import SystemIds
from tests.authority.living_authority import Person, World, living
from tests.authority.test_applying import BEGIN, applicant, filled_in, house_of, leads_to, send

pytestmark = pytest.mark.slow

HERE: Final = "/apply/delivery"
MARKER: Final = "中山东一路4071号2幢301室"
DOOR: Final = {"mode": "post", "step": "done", "place_1": "310000", "place_2": "310101", "text": MARKER}
KINMEN: Final = {"place_1": "350000", "place_2": "350500", "place_3": "350527"}
SUZHOU: Final = {"place_1": "320000", "place_2": "320500", "place_3": "320506"}


async def at_the_step(world: World, key: str = "applicant", language: str = "en") -> Person:
    person = await applicant(world, key, language)
    assert leads_to(await send(person, "/apply/begin", **BEGIN)) == "/apply/contact"
    contact = {"phone": "199 0000 1234", "email": "", "language": "en"}
    assert leads_to(await send(person, "/apply/contact", **contact)) == "/apply/photo"
    return person


async def draft_of(world: World, key: str = "applicant") -> Any:
    house = house_of(world)
    actor = actor_of(house=house, id_number=world.cast.people[key].person.id_number)
    held = await Drafts(house=house).read(owner=actor)
    assert held is not None
    return held.draft


def books_of(world: World) -> AddressBooks:
    house = house_of(world)
    return AddressBooks(store=house.store, vault=house.vault, ids=SystemIds())


def saved(answer: httpx.Response) -> bool:
    return answer.status_code == 303


def field(page: str, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', page)
    assert found is not None, name
    return found[1]


def test_for_a_chosen_place_every_way_is_named_with_its_price_its_days_and_what_to_bring(
    run, fresh_database, tmp_path
):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await at_the_step(world)
            assert "What may be chosen for this place" not in await person.page(HERE)
            there = {"place_1": "310000", "place_2": "310101", "mode": "post", "step": "next"}
            page = (await send(person, HERE, **there)).text
            for words in (
                "Postage CNY 14.00; within 1 day of the hand-over to the post; bring your resident ID card",
                "You fetch it at a post office",
                "choose it on the page of your application once the post has it, or tell the courier",
                "No postage; kept for 90 days; bring your resident ID card and the receipt number",
            ):
                assert words in page, words
            far = {"place_1": "440000", "place_2": "440100", "place_3": "440103", "mode": "post"}
            page = (await send(person, HERE, **far, step="next")).text
            assert re.search(r"Postage CNY 2[0-9].00; within 3 days", page)

    run(scene())


@pytest.mark.parametrize(
    ("place", "says"),
    [(SUZHOU, "Documents are not brought to"), (KINMEN, "does not deliver there")],
)
def test_a_place_that_nothing_is_brought_to_is_refused_on_the_page_with_the_way_out(
    run, fresh_database, tmp_path, place, says
):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await at_the_step(world)
            answer = await send(person, HERE, mode="post", step="done", text=MARKER, **place)
            assert answer.status_code == 422
            assert says in answer.text
            assert "fetch the document yourself" in answer.text
            assert 'href="#place_3"' in answer.text
            assert (await draft_of(world)).address == ""

    run(scene())


def test_what_may_be_a_mistake_is_asked_once_and_hinders_nobody(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await at_the_step(world)
            vague = DOOR | {"text": "中山东一路外滩旁边"}
            asked = await send(person, HERE, **vague)
            assert asked.status_code == 200
            assert "Please look at the address once more" in asked.text
            assert "No house number and no building is named" in asked.text
            assert (await draft_of(world)).address == ""
            mark = field(asked.text, "seen")
            # Another vague address is another question.
            other = await send(person, HERE, **(vague | {"text": "南京东路步行街旁边", "seen": mark}))
            assert other.status_code == 200
            assert saved(await send(person, HERE, **vague, seen=mark))
            assert (await draft_of(world)).address.endswith("中山东一路外滩旁边")

    run(scene())


def test_a_kept_address_is_chosen_the_next_time_and_stands_first(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await at_the_step(world)
            assert saved(await send(person, HERE, **DOOR, keep="yes"))
            second = DOOR | {"text": "西藏中路268号"}
            assert saved(await send(person, HERE, **second, keep="yes"))
            page = await person.page(HERE)
            assert page.index("西藏中路268号") < page.index(MARKER)
            names = re.findall(r'name="kept"[^>]*value="(ad_[^"]+)"', page)
            assert len(names) == 2
            assert saved(await send(person, HERE, step="kept", kept=names[1]))
            draft = await draft_of(world)
            assert (draft.mode, draft.destination) == ("post", 310000)
            assert draft.address == f"上海市黄浦区{MARKER}"
            page = await person.page(HERE)
            assert page.index(MARKER) < page.index("西藏中路268号"), "the last used one stands first"
            unknown = await send(person, HERE, step="kept", kept="ad_nobody")
            assert unknown.status_code == 422
            assert "not in your address book" in unknown.text

    run(scene())


def test_without_the_tick_nothing_is_kept_and_a_full_book_says_so(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await at_the_step(world)
            assert saved(await send(person, HERE, **DOOR))
            assert "To an address of your book" not in await person.page(HERE)
            for number in range(ADDRESSES_MAX):
                each = DOOR | {"text": f"西藏中路{number + 1}号"}
                assert saved(await send(person, HERE, **each, keep="yes"))
            full = await send(person, HERE, **DOOR, keep="yes")
            assert full.status_code == 422
            assert "Your address book is full" in full.text
            assert saved(await send(person, HERE, **DOOR))

    run(scene())


def test_the_book_is_shown_to_its_owner_alone_and_forgotten_when_asked(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person, stranger = await at_the_step(world), await applicant(world, "stranger")
            away = await world.person().browser.get("/addresses")
            assert away.headers["location"] == "/sign-in?to=/addresses"
            assert saved(await send(person, HERE, **DOOR, keep="yes"))
            assert saved(await send(person, HERE, **(DOOR | {"text": "西藏中路268号"}), keep="yes"))
            page = await person.page("/addresses")
            assert MARKER in page
            assert "199******34" in page
            assert "19900001234" not in page
            assert MARKER not in await stranger.page("/addresses")
            name = re.findall(r'name="name" value="(ad_[^"]+)"', page)[0]
            stolen = await send(stranger, "/addresses", page="/my", name=name)
            assert stolen.status_code == 404
            assert saved(await send(person, "/addresses", name=name))
            page = await person.page("/addresses")
            assert ("西藏中路268号" in page, MARKER in page) == (False, True)
            for wrong in ("", "ad_x", "'; drop table address_book; --", "x" * 2_000):
                assert (await send(person, "/addresses", name=wrong)).status_code == 404
            assert saved(await send(person, "/addresses", name="all"))
            assert "No address is kept" in await person.page("/addresses")

    run(scene())


def test_hostile_forms_lead_to_the_page_again_and_keep_nothing(run, fresh_database, tmp_path, caplog):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await at_the_step(world)
            hostile: tuple[dict[str, str], ...] = (
                {"mode": "post", "step": "done", "region": "999999", "text": MARKER},
                {"mode": "post", "step": "done", "place_1": "<script>", "text": MARKER},
                {"mode": "post", "step": "done", "found": "' or 1=1", "text": "x" * 1_900},
                {"mode": "nonsense", "step": "done", **{k: DOOR[k] for k in ("place_1", "place_2", "text")}},
                {"mode": "counter", "step": "done", "office": MARKER},
                {"step": "kept", "kept": "x" * 1_900},
                {"step": "kept"},
                {**DOOR, "text": f"{MARKER}丰巢柜"},
                {**DOOR, "text": f"{MARKER} 13800138000123"},
            )
            for form in hostile:
                answer = await send(person, HERE, **form)
                assert answer.status_code == 422, form
                assert "<script>" not in answer.text.replace('<script src="', "")
            assert (await draft_of(world)).mode == ""
            assert (
                await person.browser.post(HERE, data=DOOR, headers={"origin": "http://elsewhere.test"})
            ).status_code == 403
            assert MARKER not in caplog.text

    run(scene())


def test_an_application_to_where_nothing_is_brought_is_refused_and_one_for_the_counter_is_not(
    run, fresh_database, tmp_path
):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await applicant(world)
            for destination, code in (
                (320500, "addresses.city_not_reached"),
                (350527, "addresses.area_not_reached"),
                (829999, "addresses.division_unknown"),
            ):
                answer = await _submitted(world, person, f"to-{destination}", destination=destination)
                assert answer.status_code == 422, answer.text
                assert answer.json()["code"] == code
                assert answer.json()["way_out"]
            fetched = await _submitted(world, person, "fetched", destination=320500, mode="counter")
            assert fetched.status_code == 200, fetched.text

    run(scene())


def test_a_rehearsal_may_let_them_through_so_that_the_post_says_no(run, fresh_database, tmp_path):
    def unchecked(settings: Any) -> Any:
        return replace(settings, destinations_unchecked=True)

    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path, change=unchecked) as world:
            person = await applicant(world)
            assert (await _submitted(world, person, "far", destination=320500)).status_code == 200

    run(scene())


def test_what_is_no_longer_reached_when_it_is_sent_is_not_sent(run, fresh_database, tmp_path):
    def uploads_needed(settings: Any) -> Any:
        return replace(settings, pictures_declared=False)

    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path, change=uploads_needed) as world:
            person = await applicant(world)
            await filled_in(person)
            drafts = Drafts(house=house_of(world))
            actor = actor_of(house=house_of(world), id_number=world.cast.people["applicant"].person.id_number)
            held = await drafts.read(owner=actor)
            assert held is not None
            # A draft of last month, chosen when the post still went there.
            await drafts.save(owner=actor, held=held, draft=replace(held.draft, region="350527"))
            refused = await send(person, "/apply/send", page="/apply/check", true="yes")
            assert refused.status_code == 422
            assert "does not deliver there" in refused.text
            assert (await draft_of(world)).region == "350527"

    run(scene())


async def _submitted(world: World, person: Person, key: str, **changes: Any) -> httpx.Response:
    return await person.browser.post(
        "/v1/application/submit",
        json=world.whole_application("applicant") | changes,
        headers={"idempotency-key": f"submit-{key}", "accept": "application/json"},
    )
