"""The manager's pages: what waits names nobody, who looks is written down, and a change is approved or denied with a reason."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

import httpx
import pytest
from msgspec import structs

from safehand.authority.portal.staff_pages import HERE, LOOKED_AT
from safehand.house.sessions import secret_of
from safehand.house.settings import Settings
from tests.authority.living_authority import HOME, SHANGHAI, Person, World, living
from tests.authority.test_applying import leads_to
from tests.authority.test_notices_sending import rows
from tests.authority.test_readdressing import LINE, addressed, applied, ask, case_of

pytestmark = pytest.mark.slow

PASSWORD: Final = "a long made-up password"
ACCOUNTS: Final = {
    "mei": ("st_manager", "authority_manager", SHANGHAI),
    "far": ("st_far", "authority_manager", 440100),
    "exa": ("st_examiner", "examiner", SHANGHAI),
}


def with_staff(folder: Path) -> Callable[[Settings], Settings]:
    """A staff file with a manager here, one elsewhere, and an examiner."""
    path, secret = folder / "staff.toml", secret_of(password=PASSWORD, salt=b"s" * 16)
    path.write_text(
        "\n".join(
            f'[[accounts]]\nlogin = "{login}"\nactor = "{actor}"\nsecret = "{secret}"\n'
            f'roles = ["{role}"]\ncities = [{city}]\noffice = "310000-1"'
            for login, (actor, role, city) in ACCOUNTS.items()
        )
    )
    return lambda settings: structs.replace(settings, staff=path)


async def signed_in(world: World, login: str, language: str = "en") -> Person:
    """Somebody of the staff with a browser."""
    person = world.person(language)
    answer = await send(person, "/staff/sign-in", login=login, password=PASSWORD)
    assert leads_to(answer) == HERE
    return person


async def send(person: Person, to: str, **fields: str) -> httpx.Response:
    return await person.browser.post(to, data=fields, headers={"origin": HOME})


def token_on(page: str) -> str:
    return page.split('name="csrf" value="')[1].split('"')[0]


async def asked_after_handover(world: World) -> tuple[Person, str]:
    person, address = await applied(world)
    await world.bring_to_post(case_of(address).stream)
    await ask(person, address)
    return person, address


def page_of(address: str) -> str:
    return address.replace("/cases/", f"{HERE}/")


def test_a_manager_finds_it_looks_rings_and_approves(run, fresh_database, tmp_path, caplog):
    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path, change=with_staff(tmp_path)) as world:
            person, address = await asked_after_handover(world)
            phone = world.whole_application("applicant")["phone"]
            manager = await signed_in(world, "mei")
            listed = await manager.page(HERE)
            assert page_of(address) in listed
            assert "Shanghai, to 广东省广州市" in listed
            for personal in (phone, LINE, world.cast.people["applicant"].person.name_zh):
                assert personal not in listed
            assert await rows(dsn, "select from read_log") == [], "a list shows nobody"

            shown = await manager.page(page_of(address))
            assert phone in shown
            assert LINE in shown
            old = (await addressed(world, address))[0]
            assert old not in shown, "the old one is only hinted at"
            assert world.cast.people["applicant"].person.name_zh not in shown
            [look] = await rows(dsn, "select actor, what, role, office from read_log")
            assert tuple(look) == ("st_manager", LOOKED_AT, "authority_manager", "310000-1")
            looked = await person.page(f"{address}/looked")
            assert "The change of address that was asked for" in looked

            done = await send(manager, f"{page_of(address)}/approve", csrf=token_on(shown), change="1")
            assert leads_to(done) == f"{HERE}?done=approved"
            after = await manager.page(leads_to(done))
            assert "Approved: the new address holds" in after
            assert "Nothing waits for you" in after
            assert (await addressed(world, address))[0] == LINE
            # Pressed twice it is one decision; and there is nothing left to look at.
            again = await send(manager, f"{page_of(address)}/approve", csrf=token_on(shown), change="1")
            assert leads_to(again) == f"{HERE}?done=approved"
            assert (await manager.browser.get(page_of(address))).status_code == 409
            assert len(await rows(dsn, "select from read_log")) == 1
            assert phone not in caplog.text
            assert PASSWORD not in caplog.text

    run(scene())


def test_it_is_denied_with_a_reason_and_not_without(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path, change=with_staff(tmp_path)) as world:
            person, address = await asked_after_handover(world)
            old = await addressed(world, address)
            manager = await signed_in(world, "mei", "zh-CN")
            shown = await manager.page(page_of(address))
            fields = {"csrf": token_on(shown), "change": "1"}
            for reason in ("", "because", "'; --"):
                missing = await send(manager, f"{page_of(address)}/deny", reason=reason, **fields)
                assert missing.status_code == 422
                assert "请选择不同意的原因" in missing.text
            done = await send(manager, f"{page_of(address)}/deny", reason="not_confirmed", **fields)
            assert leads_to(done) == f"{HERE}?done=denied"
            assert await addressed(world, address) == old
            assert "could not confirm with you" in await person.page(address)

    run(scene())


def test_only_a_manager_of_the_city_sees_and_decides(run, fresh_database, tmp_path):
    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path, change=with_staff(tmp_path)) as world:
            person, address = await asked_after_handover(world)
            one = page_of(address)
            nobody, far, examiner = world.person("en"), await signed_in(world, "far"), None
            examiner = await signed_in(world, "exa")
            for visitor in (nobody, person):
                assert leads_to(await visitor.browser.get(HERE)) == "/staff/sign-in"
                assert leads_to(await visitor.browser.get(one)) == "/staff/sign-in"
                assert leads_to(await send(visitor, f"{one}/approve", change="1")) == "/staff/sign-in"
            assert "Nothing waits for you" in await far.page(HERE)
            unknown = f"{HERE}/{SHANGHAI}/ca_{'a' * 20}"
            theirs, none = await far.browser.get(one), await far.browser.get(unknown)
            assert theirs.status_code == none.status_code == 404
            assert theirs.content == none.content
            token = token_on(await far.page(HERE))
            far_away = await send(far, f"{one}/approve", csrf=token, change="1")
            assert far_away.status_code == 403
            assert (await examiner.browser.get(HERE)).status_code == 403
            assert (await examiner.browser.get(one)).status_code == 403
            manager = await signed_in(world, "mei")
            token = token_on(await manager.page(HERE))
            for wrong in ({"csrf": token}, {"csrf": "x", "change": "1"}, {"csrf": token, "change": "5"}):
                assert (await send(manager, f"{one}/approve", **wrong)).status_code in (403, 409, 422)
            foreign = await manager.browser.post(
                f"{one}/approve", data={"csrf": token, "change": "1"}, headers={"origin": "https://evil.test"}
            )
            assert foreign.status_code == 403
            assert await rows(dsn, "select from read_log") == []
            assert await rows(dsn, "select from event where kind = 'readdressing.approved'") == []

    run(scene())


def test_a_wrong_password_is_counted_like_in_the_api_and_signing_out_ends_it(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path, change=with_staff(tmp_path)) as world:
            manager = await signed_in(world, "mei")
            page = await manager.page(HERE)
            assert leads_to(await send(manager, "/staff/sign-out", csrf=token_on(page))) == "/staff/sign-in"
            assert leads_to(await manager.browser.get(HERE)) == "/staff/sign-in"
            guesser = world.person("en")
            empty = await send(guesser, "/staff/sign-in", login="", password="")
            assert empty.status_code == 422
            assert "Give your login." in empty.text
            assert "Give your password." in empty.text
            for login in ("mei", "nobody"):
                wrong = await send(guesser, "/staff/sign-in", login=login, password="wrong")
                assert wrong.status_code == 401
                assert "do not fit" in wrong.text
            tried = [
                (await send(guesser, "/staff/sign-in", login="mei", password="wrong")).status_code
                for _ in range(5)
            ]
            assert tried[-1] == 429
            by_api = await guesser.browser.post(
                "/v1/sessions",
                json={"login": "mei", "password": PASSWORD},
                headers={"accept": "application/json"},
            )
            assert by_api.status_code == 429, "one count for both doors"
            elsewhere = await guesser.browser.post(
                "/staff/sign-in",
                data={"login": "exa", "password": PASSWORD},
                headers={"origin": "https://evil.test"},
            )
            assert elsewhere.status_code == 403

    run(scene())
