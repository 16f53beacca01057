"""Signing in: chosen and consented to, never by face alone, in the page's language; and proving it again for what matters."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from safehand.authority.portal.sign_in import leads_to, way_in
from safehand.authority.portal.step_up import FRESH_MINUTES, stepped_up
from safehand.authority.ports.sign_in_ways import all_ways, assurances_on, ways_on
from safehand.house.sessions import Session
from tests.authority.living_authority import HOME, SHANGHAI, START, Person, living

DAY = date(2024, 5, 6)
NOW = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
FACE, CARD = "urn:safehand:assurance:high", "urn:safehand:assurance:high:card"


def test_there_is_always_a_way_without_the_face():
    for day in (DAY, date(2025, 6, 1), date(2030, 1, 1)):
        ways = ways_on(day)
        assert [name for name, way in ways.items() if way.compares_faces] == ["face"]
        assert len(ways) == 3
        assert len(assurances_on(day)) == 3
    assert next(iter(all_ways())) == "face"


def test_before_the_first_day_nothing_is_offered():
    assert ways_on(date(2024, 5, 5)) == {}
    assert assurances_on(date(2024, 5, 5)) == frozenset()


@pytest.mark.parametrize(
    "to",
    [
        "/my",
        "/my/data",
        "/apply",
        "/apply/photo",
        "/cases/310000/ca_abcd",
        "/cases/310000/ca_abcd/shared",
        "/cases/310000/ca_abcd/address/change",
    ],
)
def test_a_sign_in_leads_to_pages_of_the_portal(to: str):
    assert leads_to(to) == to


@pytest.mark.parametrize(
    "to",
    [
        "",
        "https://elsewhere.test/",
        "//elsewhere.test/my",
        "/\\elsewhere.test",
        "/my/../v1/cases",
        "/my\r\nset-cookie: a=b",
        "/my?x=1",
        "/my#x",
        "/cases/310000/ca_abcd/a/b/c",
        "/cases/310000/ca_abcd/%2e%2e",
        "/v1/cases/310000/ca_abcd",
        "/cases/910000/ca_abcd",
        "/my" + "/a" * 2_000,
    ],
)
def test_a_sign_in_leads_nowhere_else(to: str):
    assert leads_to(to) == "/my"


def test_the_way_in_says_where_it_leads_and_whether_anew():
    assert way_in(to="/my") == "/sign-in?to=/my"
    assert way_in(to="/my", fresh=True) == "/sign-in?to=/my&fresh=yes"


@pytest.mark.parametrize(
    ("proven_ago", "fresh"),
    [
        (timedelta(), True),
        (timedelta(minutes=FRESH_MINUTES) - timedelta(seconds=1), True),
        (timedelta(minutes=FRESH_MINUTES), False),
        (timedelta(hours=11), False),
        (-timedelta(seconds=60), True),
        (-timedelta(seconds=61), False),
    ],
)
def test_a_proof_is_fresh_for_a_quarter_of_an_hour(proven_ago: timedelta, fresh: bool):
    session = Session(actor="ap_a", roles=frozenset({"applicant"}), proven_at=NOW - proven_ago)
    assert stepped_up(session=session, now=NOW) is fresh


def test_a_session_that_says_nothing_of_its_proof_is_not_stepped_up():
    assert not stepped_up(session=Session(actor="ap_a", roles=frozenset({"applicant"})), now=NOW)


def test_who_asks_for_less_time_gets_less():
    session = Session(actor="ap_a", roles=frozenset({"applicant"}), proven_at=NOW - timedelta(minutes=5))
    assert stepped_up(session=session, now=NOW, within_minutes=6)
    assert not stepped_up(session=session, now=NOW, within_minutes=5)


async def chooses(someone: Person, *, origin: str | None = HOME, **fields: str) -> Any:
    headers = {"origin": origin} if origin is not None else {}
    return await someone.browser.post("/sign-in", data=fields, headers=headers)


def asked_of_the_service(answer: Any) -> dict[str, str]:
    assert answer.status_code == 303, answer.text
    return {name: values[0] for name, values in parse_qs(urlsplit(answer.headers["location"]).query).items()}


@pytest.mark.slow
def test_the_face_is_compared_only_after_consent_on_our_own_page(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person("en")
            page = await someone.page("/sign-in?to=/apply")
            assert 'name="consent" type="checkbox" value="yes"' in page
            assert " checked" not in page
            # No link leads there, whoever made it.
            for how in ("face", "FACE", "fax", "", "face&consent=yes"):
                assert (await someone.browser.get(f"/sign-in?how={how}")).status_code == 200
            without = await chooses(someone, how="face", to="/apply")
            assert without.status_code == 422
            assert "Without your consent your face is not compared." in without.text
            assert 'value="/apply"' in without.text
            nothing = await chooses(someone, consent="yes", to="/apply")
            assert nothing.status_code == 422
            assert "You have not yet chosen" in nothing.text
            for origin in ("http://elsewhere.test", "null", None):
                foreign = await chooses(someone, origin=origin, how="face", consent="yes")
                assert foreign.status_code == 403
                assert "Nothing was done" in foreign.text
            assert (await chooses(someone, how="face", consent="yes", to="x" * 2_001)).status_code == 413
            assert (await chooses(someone, how="f" * 9_000)).status_code == 413
            many = {f"field{number}": "x" for number in range(41)}
            assert (await chooses(someone, **many)).status_code == 413
            assert "sign_in_how" not in someone.browser.cookies

            agreed = await chooses(someone, how="face", consent="yes", to="/apply")
            assert asked_of_the_service(agreed)["acr_values"] == FACE
            kept = next(c for c in agreed.headers.get_list("set-cookie") if c.startswith("sign_in_how="))
            assert {"HttpOnly", "Path=/sign-in", "SameSite=lax"} <= {part.strip() for part in kept.split(";")}
            # It was agreed to in this browser: from now on the way there is one step.
            assert asked_of_the_service(await someone.browser.get("/sign-in"))["acr_values"] == FACE
            other = world.person("en")
            assert (await other.browser.get("/sign-in")).status_code == 200

    run(scene())


@pytest.mark.slow
def test_without_the_face_one_signs_in_just_the_same_and_signing_out_forgets_the_way(
    run, fresh_database, tmp_path
):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person("en")
            begun = await chooses(someone, how="card", to="/my")
            asked = asked_of_the_service(begun)
            assert (asked["acr_values"], asked["ui_locales"]) == (CARD, "en")
            assert "max_age" not in asked
            there = await someone.browser.get(f"{begun.headers['location']}&prompt=none&login_hint=applicant")
            back = await someone.browser.get(there.headers["location"])
            assert (back.status_code, back.headers["location"]) == (303, "/my")
            out = await someone.press(page=await someone.page("/my"), act="sign-out")
            assert out.status_code == 303
            assert (await someone.browser.get("/sign-in")).status_code == 200
            chinese = world.person()
            assert asked_of_the_service(await chooses(chinese, how="bank"))["ui_locales"] == "zh-CN"

    run(scene())


@pytest.mark.slow
def test_a_new_sign_in_ends_the_session_before_it_in_this_browser(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone, thief = world.person("en"), world.person("en")
            await someone.sign_in("applicant")
            old = someone.browser.cookies["session"]
            thief.browser.cookies.set("session", old, domain="authority.test")
            assert (await thief.browser.get("/my")).status_code == 200
            await world.move_to(START + timedelta(seconds=1))
            again = await someone.browser.get("/sign-in?to=/my&fresh=yes&how=card")
            assert asked_of_the_service(again)["max_age"] == "0"
            there = await someone.browser.get(f"{again.headers['location']}&prompt=none&login_hint=applicant")
            assert (await someone.browser.get(there.headers["location"])).headers["location"] == "/my"
            assert someone.browser.cookies["session"] != old
            assert (await thief.browser.get("/my")).status_code == 303

    run(scene())


@pytest.mark.slow
def test_another_persons_proof_does_not_step_up_the_owners_session(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            owner = world.person("en")
            await owner.sign_in("applicant")
            case = (await world.submit(owner, "applicant"))["case"]
            address = f"/cases/{SHANGHAI}/{case}/shared"
            begun = await owner.browser.get(f"/sign-in?to={address}&fresh=yes&how=card")
            there = await owner.browser.get(f"{begun.headers['location']}&prompt=none&login_hint=stranger")
            back = await owner.browser.get(there.headers["location"])
            assert back.headers["location"] == address
            # Whoever proved it is signed in now, and has no such case.
            assert (await owner.browser.get(address)).status_code == 404
            assert case not in await owner.page("/my")

    run(scene())


@pytest.mark.slow
def test_a_service_that_did_not_ask_anew_opens_no_session(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person("en")
            # The service's clock stands while the house's goes on: what it calls now was before the question.
            await world.control("clock", {"now": START + timedelta(minutes=3)})
            begun = await someone.browser.get("/sign-in?to=/my&fresh=yes&how=card")
            there = await someone.browser.get(f"{begun.headers['location']}&prompt=none&login_hint=applicant")
            back = await someone.browser.get(there.headers["location"])
            assert back.status_code == 403
            assert "did not ask you again who you are" in back.text
            assert "session" not in someone.browser.cookies

    run(scene())
