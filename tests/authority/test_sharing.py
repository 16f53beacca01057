"""Share links: made by whoever has just proven who they are, ended at any time, and showing no person to anybody."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from safehand.authority.examination.commands import RefuseApplication
from safehand.authority.portal.share_links import KEPT_FOR, LINKS_MAX, ShareLinks
from safehand.authority.portal.sharing import shared_words
from safehand.authority.portal.words import words
from safehand.house.database import KERNEL_SQL
from safehand.kernel.ids import SystemIds
from safehand.kernel.machine import StreamKey
from safehand.kernel.store import VaultKeyRow
from safehand.kernel.store_postgres import PostgresStore
from safehand.kernel.vault import VaultKeys
from tests.authority.living_authority import HOME, SHANGHAI, START, Person, living
from tests.authority.test_notices_sending import rows

NOW = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
OWN_SQL = KERNEL_SQL.parents[1] / "authority" / "sql"
KEY = StreamKey(SHANGHAI, "ca_a")
HOSTILE = ("x", "a" * 31, "A" * 32, "a" * 33, "1" * 32, "ａ" * 32, "..%2f..%2fmy", "a" * 3_000, "';--" * 8)


def test_every_state_has_words_for_others_and_none_speaks_to_the_applicant():
    told = shared_words()
    assert set(told) == set(words().overall)
    for state, said in told.items():
        for both in (said.word, said.next):
            assert "您" not in both.zh, state
            assert not re.search(r"\byour?s?\b", both.en, re.IGNORECASE), state


def test_how_it_ended_without_a_document_is_not_told_apart():
    told = shared_words()
    assert {told[one].word.en for one in ("refused", "withdrawn", "deemed_withdrawn", "not_delivered")} == {
        "Ended"
    }
    # Neither a defect nor a fee is anybody's business.
    assert told["correcting"].word == told["awaiting_payment"].word


async def kept(dsn: str) -> tuple[PostgresStore, ShareLinks]:
    store = await PostgresStore.create(dsn=dsn, connections_max=2)
    vault = VaultKeys(wrapping=b"w" * 32, blinding=b"b" * 32)
    _, row = vault.new_key(city=KEY.city, subject=KEY.stream)
    await store.fetch("insert into keys.case_key values ($1, $2, $3)", *_fields(row))
    return store, ShareLinks(store=store, vault=vault, ids=SystemIds(), secret=b"s" * 32)


def _fields(row: VaultKeyRow) -> tuple[int, str, bytes]:
    return row.city, row.subject, row.wrapped


@pytest.mark.slow
def test_a_link_opens_for_thirty_days_and_to_its_token_alone(run, fresh_database):
    dsn = fresh_database(kernel=KERNEL_SQL, authority=OWN_SQL)

    async def scene():
        store, links = await kept(dsn)
        try:
            assert await links.make(key=KEY, after=0, now=NOW)
            [link] = await links.open_of(key=KEY, now=NOW)
            assert re.fullmatch(r"[a-z2-7]{32}", link.token)
            found = await links.find(token=link.token, now=NOW + KEPT_FOR - timedelta(seconds=1))
            assert found is not None
            assert (found.key, found.expires_at) == (KEY, NOW + KEPT_FOR)
            assert await links.find(token=link.token, now=NOW + KEPT_FOR) is None
            assert await links.open_of(key=KEY, now=NOW + KEPT_FOR) == []
            for wrong in ("", *HOSTILE, link.token[:-1] + ("a" if link.token[-1] != "a" else "b")):
                assert await links.find(token=wrong, now=NOW) is None
            [row] = await store.fetch("select l::text from share_link l")
            assert link.token not in row[0]
            assert link.token.encode().hex() not in row[0]
            assert await links.sweep(now=NOW + KEPT_FOR - timedelta(seconds=1)) == 0
            assert await links.sweep(now=NOW + KEPT_FOR) == 1
        finally:
            await store.close()

    run(scene())


@pytest.mark.slow
def test_the_same_button_makes_one_link_and_there_are_five_at_most(run, fresh_database):
    dsn = fresh_database(kernel=KERNEL_SQL, authority=OWN_SQL)

    async def scene():
        store, links = await kept(dsn)
        try:
            assert await links.make(key=KEY, after=0, now=NOW)
            assert not await links.make(key=KEY, after=0, now=NOW)
            for number in range(1, LINKS_MAX):
                assert await links.make(key=KEY, after=number, now=NOW)
            assert not await links.make(key=KEY, after=LINKS_MAX, now=NOW)
            tokens = {one.token for one in await links.open_of(key=KEY, now=NOW)}
            assert len(tokens) == LINKS_MAX
            # One that is over makes room, another case's does not count.
            assert await links.make(key=KEY, after=LINKS_MAX, now=NOW + KEPT_FOR)
            assert await links.make(key=StreamKey(SHANGHAI, "ca_b"), after=0, now=NOW)
        finally:
            await store.close()

    run(scene())


@pytest.mark.slow
def test_a_revoked_link_and_an_erased_persons_open_nothing(run, fresh_database):
    dsn = fresh_database(kernel=KERNEL_SQL, authority=OWN_SQL)

    async def scene():
        store, links = await kept(dsn)
        try:
            await links.make(key=KEY, after=0, now=NOW)
            await links.make(key=KEY, after=1, now=NOW)
            second, first = await links.open_of(key=KEY, now=NOW)
            await links.revoke(key=StreamKey(SHANGHAI, "ca_b"), number=first.number)
            assert await links.find(token=first.token, now=NOW) is not None
            for _ in range(2):
                await links.revoke(key=KEY, number=first.number)
            assert await links.find(token=first.token, now=NOW) is None
            assert await links.find(token=second.token, now=NOW) is not None
            await store.fetch("delete from keys.case_key")
            assert await links.find(token=second.token, now=NOW) is None
        finally:
            await store.close()

    run(scene())


async def makes(someone: Person, address: str, *, origin: str = HOME, **changes: str) -> Any:
    page = await someone.page(f"{address}/shared")
    form = dict(re.findall(r'<input type="hidden" name="(csrf|after)" value="([^"]*)"', page))
    return await someone.browser.post(f"{address}/shared", data=form | changes, headers={"origin": origin})


def links_on(page: str) -> list[str]:
    return re.findall(rf'href="{HOME}(/shared/[a-z2-7]{{32}})"', page)


@pytest.mark.slow
def test_a_link_shows_the_state_and_no_person_to_whoever_has_it(run, fresh_database, tmp_path, caplog):
    caplog.set_level("DEBUG", logger="safehand")
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            owner, other = world.person("en"), world.person("en")
            await owner.sign_in("applicant")
            sent = await world.submit(owner, "applicant")
            case, address = sent["case"], f"/cases/{SHANGHAI}/{sent['case']}"
            assert f'href="{address}/shared"' in await owner.page(address)
            made = await makes(owner, address)
            assert made.headers["location"] == f"{address}/shared?done=made"
            page = await owner.page(made.headers["location"])
            assert "The link is made." in page
            [link] = links_on(page)
            order = (await world.bring_to_post(case)).tracking.order
            for language in ("en", "zh"):
                seen = await other.browser.get(f"{link}?lang={language}")
                assert seen.status_code == 200
                assert ("With the post" if language == "en" else "邮政寄递中") in seen.text
                assert ("6 May 2024, 09:00" if language == "en" else "2024年5月6日 09:00") in seen.text
                assert seen.headers["x-robots-tag"] == "noindex, nofollow, noarchive"
                assert seen.headers["referrer-policy"] == "no-referrer"
                assert seen.headers["cache-control"] == "no-store"
                person = world.cast.person("applicant")
                markers = (
                    *(person.id_number, person.phone, person.name_zh, person.name_en, person.email),
                    *(person.documents[0].number, case, order, sent["receipt"], sent["receipt"][:5]),
                    *("ZA000000005CN", "CNY", "310000"),
                )
                assert [one for one in markers if one in seen.text] == []
                # The help lines below speak of passports in general.
                shown = seen.text.split("<main")[1].split("</main>")[0]
                assert [one for one in ("passport", "护照", "上海", "Shanghai", "元") if one in shown] == []
                assert link not in seen.text
            assert not any(
                link.rpartition("/")[2] in record.getMessage()
                for record in caplog.records
                if record.name.startswith("safehand")
            )

            form = dict(re.findall(r'<input type="hidden" name="(csrf|number)" value="([^"]*)"', page))
            ended = await owner.browser.post(f"{address}/shared/revoke", data=form, headers={"origin": HOME})
            assert ended.headers["location"] == f"{address}/shared?done=revoked"
            gone, unknown = [
                await other.browser.get(f"{one}?lang=en") for one in (link, f"/shared/{'a' * 32}")
            ]
            assert gone.status_code == unknown.status_code == 404
            assert gone.content == unknown.content
            assert "Ask the applicant for a new link." in gone.text
            assert gone.headers["x-robots-tag"] == "noindex, nofollow, noarchive"
            for hostile in HOSTILE:
                assert (await other.browser.get(f"/shared/{hostile}")).status_code == 404, hostile

    run(scene())


@pytest.mark.slow
def test_a_refusal_looks_to_others_like_any_other_end(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            owner = world.person("en")
            await owner.sign_in("applicant")
            case = (await world.submit(owner, "applicant"))["case"]
            address = f"/cases/{SHANGHAI}/{case}"
            await makes(owner, address)
            [link] = links_on(await owner.page(f"{address}/shared"))
            await world.do(case, RefuseApplication(reason="conditions_not_met"))
            seen = await world.person("en").page(link)
            assert "Ended" in seen
            assert "refus" not in seen.lower()

    run(scene())


@pytest.mark.slow
def test_a_link_is_made_only_after_a_fresh_proof_on_the_own_page_of_the_own_case(
    run, fresh_database, tmp_path
):
    dsn = fresh_database()

    async def scene():
        async with living(dsn=dsn, folder=tmp_path) as world:
            owner, stranger = world.person("en"), world.person("en")
            await owner.sign_in("applicant")
            await stranger.sign_in("stranger")
            case = (await world.submit(owner, "applicant"))["case"]
            address = f"/cases/{SHANGHAI}/{case}"
            wrongs: list[tuple[dict[str, str], int]] = [
                ({"origin": "http://elsewhere.test"}, 403),
                ({"csrf": "x" * 52}, 403),
                ({"after": ""}, 403),
                ({"after": "-1"}, 403),
                ({"after": "9" * 7}, 403),
                ({"after": "１"}, 403),
            ]
            for wrong, status in wrongs:
                assert (await makes(owner, address, **wrong)).status_code == status, wrong
            token = (await stranger.page("/my")).split('name="csrf" value="')[1].split('"')[0]
            for act in ("shared", "shared/revoke"):
                for one in (case, f"ca_{'a' * (len(case) - 3)}"):
                    taken = await stranger.browser.post(
                        f"/cases/{SHANGHAI}/{one}/{act}",
                        data={"csrf": token, "after": "0", "number": "1"},
                        headers={"origin": HOME},
                    )
                    assert taken.status_code == 404
            assert (await stranger.browser.get(f"{address}/shared")).status_code == 404

            await world.move_to(START + timedelta(minutes=16))
            old = await makes(owner, address)
            assert old.headers["location"] == f"/sign-in?to={address}/shared&fresh=yes"
            assert await rows(dsn, "select from share_link") == []
            begun = await owner.browser.get(f"{old.headers['location']}&how=card")
            assert "max_age=0" in begun.headers["location"]
            there = await owner.browser.get(f"{begun.headers['location']}&prompt=none&login_hint=applicant")
            back = await owner.browser.get(there.headers["location"])
            assert back.headers["location"] == f"{address}/shared"
            for _ in range(LINKS_MAX):
                assert (await makes(owner, address)).status_code == 303
            page = await owner.page(f"{address}/shared")
            assert len(links_on(page)) == LINKS_MAX
            assert 'name="after"' not in page
            full = await makes(owner, address, after=str(LINKS_MAX))
            assert full.status_code == 409
            assert "End one of them" in full.text

    run(scene())
