"""Who looked at my file: an examiner's look shows on the owner's page, as a role and an office and never as a name."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from safehand.authority.portal.looked import LOOKS_SHOWN_MAX, ROLES, look_of
from safehand.authority.router import ROLES as CASE_ROLES
from safehand.house.commanded import NOT_PEOPLE
from safehand.house.sessions import Session
from tests.authority.living_authority import SHANGHAI, START, Person, World, living

AT = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
NAMES = {"": "Shanghai", "310000-1": "The counter"}


def test_every_role_that_may_read_a_case_has_words():
    readers = {role for roles in CASE_ROLES.values() for role in roles} - NOT_PEOPLE - {"applicant"}
    assert set(ROLES) == readers


@pytest.mark.parametrize(
    ("role", "office", "what", "told"),
    [
        ("examiner", "310000-1", "state", ("Examiner", "The counter", "Your application as it stood")),
        ("examiner", "", "label", ("Examiner", "Shanghai", "The address label")),
        (
            "authority_manager,examiner",
            "310000-9",
            "events",
            ("Manager, Examiner", "310000-9", "The record of what has happened"),
        ),
        ("", "", "", ("Staff of the authority", "Shanghai", "Your application")),
        ("new_role", "", "new", ("Staff of the authority", "Shanghai", "Your application")),
    ],
)
def test_a_look_is_told_by_role_and_office(role: str, office: str, what: str, told: tuple[str, str, str]):
    look = look_of(AT, role, office, what, offices=NAMES, language="en")
    assert (look.who, look.office, look.what) == told


async def looks(world: World, someone: Person, case: str, *, times: int = 1, **who: Any) -> None:
    """Staff reads the case by the API, as the examiner's screen does."""
    defaults: dict[str, Any] = {"roles": frozenset({"examiner"}), "cities": (SHANGHAI,), "office": "310000-1"}
    session = Session(actor="st_marker_li", **(defaults | who))
    token = await world.app.state.house.sessions.open(session=session, basis=f"clerk {who}")
    for _ in range(times):
        answer = await world.person().browser.get(
            f"/v1/cases/{SHANGHAI}/{case}",
            headers={"authorization": f"Bearer {token}", "accept": "application/json"},
        )
        assert answer.status_code == 200, answer.text


@pytest.mark.slow
def test_an_examiners_look_is_on_the_owners_page_and_names_nobody(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            someone = world.person("en")
            await someone.sign_in("applicant")
            case = (await world.submit(someone, "applicant"))["case"]
            address = f"/cases/{SHANGHAI}/{case}"
            assert f'href="{address}/looked"' in await someone.page(address)
            before = await someone.page(f"{address}/looked")
            assert "Nobody has looked at it yet." in before
            await looks(world, someone, case)
            await world.move_to(START + timedelta(minutes=5))
            await looks(world, someone, case, roles=frozenset({"authority_manager"}), office="")
            page = await someone.page(f"{address}/looked")
            shown = page.split('<ol class="look-timeline"')[1].split("</ol>")[0]
            assert shown.count("<li>") == 2
            newest, oldest = shown.split("<li>")[1:]
            assert "Manager</strong>, Shanghai" in newest
            assert "Examiner</strong>, " in oldest
            assert "6 May 2024, 09:05" in newest
            assert "310000-1" not in oldest, "the counter has a name"
            assert "st_marker_li" not in page
            # The owner's own visits are no looks.
            assert "Nobody has looked" not in await someone.page(f"{address}/looked")
            assert (await someone.page(f"{address}/looked")).count("<li><time") == 2
            assert "谁查看过我的申请" in await someone.page(f"{address}/looked?lang=zh")

    run(scene())


@pytest.mark.slow
def test_the_page_of_looks_is_bounded_and_another_persons_is_unknown(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            owner, stranger = world.person("en"), world.person("en")
            await owner.sign_in("applicant")
            await stranger.sign_in("stranger")
            case = (await world.submit(owner, "applicant"))["case"]
            await looks(world, owner, case, times=LOOKS_SHOWN_MAX + 1)
            page = await owner.page(f"/cases/{SHANGHAI}/{case}/looked")
            assert page.count("<li><time") == LOOKS_SHOWN_MAX
            assert f"These are the last {LOOKS_SHOWN_MAX}." in page
            unknown = f"ca_{'a' * (len(case) - 3)}"
            theirs, nobodys = [
                await stranger.browser.get(f"/cases/{SHANGHAI}/{one}/looked") for one in (case, unknown)
            ]
            assert theirs.status_code == nobodys.status_code == 404
            assert theirs.content == nobodys.content
            for hostile in ("ca_';drop table read_log", "x", "ca_" + "9" * 300):
                assert (await owner.browser.get(f"/cases/{SHANGHAI}/{hostile}/looked")).status_code == 404
            address = f"/cases/{SHANGHAI}/{case}/looked"
            away = await world.person().browser.get(address)
            assert (away.status_code, away.headers["location"]) == (303, f"/sign-in?to={address}")
            hostile = await world.person().browser.get(f"/cases/{SHANGHAI}/ca_%0d%0aset-cookie:a/looked")
            assert (hostile.status_code, hostile.headers["location"]) == (303, "/sign-in?to=/my")

    run(scene())
