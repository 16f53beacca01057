"""The pages of delivery in a real browser, over the real authority: on a phone and a desk, in both languages, with nothing for axe-core to find.

Every address that the browser asks for is answered by the authority in this process; no script gets in (its policy lets none).
Pictures lie in `.data/screenshots-delivery` afterwards.
"""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal

import pytest
from msgspec import structs
from playwright.async_api import Page, Route, async_playwright

from safehand.authority.examination.commands import Approve
from safehand.authority.portal.staff_pages import HERE
from safehand.kernel.working_days import end_of_day
from safehand.link.messages import Scan
from tests.authority.living_authority import HOME, SHANGHAI, START, Person, World, living
from tests.authority.test_agent import FORM
from tests.authority.test_applying import BEGIN, applicant, filled_in, leads_to, send, uploads_needed
from tests.authority.test_delivery_choices import DOOR
from tests.authority.test_readdressing import ask, case_of
from tests.authority.test_staff_pages import asked_after_handover, page_of, signed_in, with_staff
from tests.conftest import CHROMIUM_NAMES

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ROOT: Final = Path(__file__).parents[2]
PICTURES: Final = ROOT / ".data" / "screenshots-delivery"
AXE: Final = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
WIDTHS: Final = {"phone": 360, "desk": 1280}
HEIGHT: Final = 800
# Chromium's own sandbox wants rights that containers do not have, and nothing here is for the network outside.
ARGUMENTS: Final = ("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking")
Language = Literal["zh", "en"]


class Looker:
    """A browser whose every request one person's session answers, and that writes down what is wrong."""

    def __init__(self, page: Page, person: Person, language: Language) -> None:
        self.page, self.person, self.language = page, person, language
        self.faults: list[str] = []
        page.on("console", lambda said: self.faults.append(f"{page.url}: the console says {said.text}"))

    async def answer(self, route: Route) -> None:
        """What the authority says."""
        asked = route.request
        headers = {"content-type": asked.headers.get("content-type", ""), "origin": HOME}
        said = await self.person.browser.request(
            asked.method, asked.url, content=asked.post_data_buffer, headers=headers, follow_redirects=True
        )
        kept = {
            name: value
            for name, value in said.headers.items()
            if name in ("content-type", "content-security-policy")
        }
        # A page of a refusal is looked at, too; the console would only say that it is one.
        await route.fulfill(status=200 if said.status_code < 500 else 500, headers=kept, body=said.content)

    async def open(self, address: str, name: str) -> None:
        """A page, and a look at it."""
        await self.page.goto(f"{HOME}{address}")
        await self.look(name)

    async def press(self, step: str, name: str) -> None:
        """A button, and a look at what comes."""
        async with self.leaving():
            await self.page.click(f'button[name="step"][value="{step}"]')
        await self.look(name)

    def leaving(self) -> AbstractAsyncContextManager[object]:
        """Around what leads to another page: it ends when that page is there.

        To wait for the page to have loaded is not enough: the page that is being left has.
        """
        return self.page.expect_navigation()

    async def look(self, name: str) -> None:
        """The page as it is now, at each width: a picture, and every fault."""
        PICTURES.mkdir(parents=True, exist_ok=True)
        for width_name, width in WIDTHS.items():
            await self.page.set_viewport_size({"width": width, "height": HEIGHT})
            await self.page.screenshot(
                path=PICTURES / f"{name}-{self.language}-{width_name}.png", full_page=True
            )
            if await self.page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                self.faults.append(f"{name} ({self.language}, {width} px): is wider than the window")
            self.faults += [f"{name} ({self.language}, {width} px): {one}" for one in await self._found()]

    async def _found(self) -> list[str]:
        """What axe-core finds. It goes in by the debugger's door: the pages let no script in."""
        door = await self.page.context.new_cdp_session(self.page)
        await door.send("Runtime.evaluate", {"expression": AXE})
        run = (
            f"axe.run(document, {{runOnly: {list(RULES)}, resultTypes: ['violations']}})"
            ".then(r => r.violations.map(v => v.id + ' ' + v.nodes.map(n => n.html).join(' | ')))"
        )
        wanted = {"expression": run, "awaitPromise": True, "returnByValue": True}
        found: dict[str, Any] = await door.send("Runtime.evaluate", wanted)
        await door.detach()
        return found["result"]["value"]


@asynccontextmanager
async def looking(person: Person, language: Language) -> AsyncIterator[Looker]:
    path = next(found for found in map(shutil.which, CHROMIUM_NAMES) if found)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        context = await browser.new_context(locale="zh-CN" if language == "zh" else "en-GB")
        page = await context.new_page()
        looker = Looker(page, person, language)
        await page.route("**/*", looker.answer)
        yield looker
        await browser.close()


async def before_submission(looker: Looker) -> None:
    """The step with nothing chosen, with a place, with a question, with an error; the book; who else may receive it."""
    person, page = looker.person, looker.page
    await send(person, "/apply/begin", **BEGIN)
    await send(person, "/apply/contact", phone="19900001234", email="", language=looker.language)
    await looker.open("/addresses", "addresses-none")
    await looker.open("/apply/delivery", "delivery")
    await page.select_option("#place_1", "310000")
    await looker.press("next", "delivery-next")
    await page.select_option("#place_2", "310101")
    await looker.press("next", "delivery-ways")
    await page.fill("#text", "外滩旁边的老房子")
    await looker.press("done", "delivery-asked")
    await page.fill("#text", "x")
    await looker.press("done", "delivery-wrong")
    await send(person, "/apply/delivery", **DOOR, keep="yes")
    await looker.open("/apply/delivery", "delivery-book")
    await looker.open("/addresses", "addresses")
    await looker.open("/apply/agent", "apply-agent")
    await looker.press("name", "apply-agent-wrong")


async def after_submission(world: World, looker: Looker) -> None:
    """Another address and somebody else, from the page of the case; and a sign-in that is too old."""
    person = looker.person
    case = (await world.submit(person, "applicant"))["case"]
    address = f"/cases/{SHANGHAI}/{case}"
    await looker.open(address, "case")
    await looker.open(f"{address}/address", "address")
    await ask(person, address)
    await looker.open(f"{address}/address", "address-waits")
    await looker.open(f"{address}/agent", "agent")
    await send(person, f"{address}/agent", **FORM, number="1")
    await looker.open(f"{address}/agent", "agent-named")
    await looker.open(address, "case-after")
    assert case_of(address).stream == case
    await world.move_to(START + timedelta(minutes=20))
    await looker.open(f"{address}/agent", "sign-in-again")


async def while_the_post_has_it(world: World, looker: Looker) -> None:
    """Another day, or the post office: nothing chosen, something chosen, at the counter, and no more choices."""
    person = looker.person
    case = (await world.submit(person, "applicant"))["case"]
    address = f"/cases/{SHANGHAI}/{case}"
    order = (await world.bring_to_post(case)).tracking.order
    await looker.open(f"{address}/wish", "wish")
    await looker.press("choose", "wish-nothing-chosen")
    await send(person, f"{address}/wish", number="1", wish="2024-05-10")
    await looker.open(f"{address}?done=wished", "case-wished")
    held = structs.replace(world.scan(order, Scan.HELD), place="310115", due_at=end_of_day(date(2024, 5, 13)))
    await world.do(case, held, actor="post")
    await looker.open(f"{address}/wish", "wish-at-counter")
    for number, wish in ((2, "post_office"), (3, "2024-05-08")):
        await send(person, f"{address}/wish", number=str(number), wish=wish)
    await looker.open(f"{address}/wish", "wish-no-more")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_of_another_telephone_number_has_no_fault(run, fresh_database, tmp_path, language: Language):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await applicant(world, language="zh-CN" if language == "zh" else "en")
            case = (await world.submit(person, "applicant"))["case"]
            address = f"/cases/{SHANGHAI}/{case}"
            async with looking(person, language) as looker:
                await looker.open(f"{address}/phone", "phone")
                await looker.press("ask", "phone-wrong")
                await looker.page.fill("#phone", "19900004074")
                await looker.press("ask", "phone-proving")
                await looker.page.fill("#code", "12345678")
                await looker.press("prove", "phone-code-wrong")
                assert looker.faults == []

    run(scene())


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_page_of_a_wish_has_no_fault(run, fresh_database, tmp_path, language: Language):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await applicant(world, language="zh-CN" if language == "zh" else "en")
            async with looking(person, language) as looker:
                await while_the_post_has_it(world, looker)
                assert looker.faults == []

    run(scene())


async def paying_before(world: World, looker: Looker) -> None:
    """How the postage is paid, looked over, sent, and asked for with the fee; and what the first page says of it."""
    person = looker.person
    await filled_in(person)
    await looker.open("/apply/postage", "postage")
    await looker.page.check('input[name="postage"][value="prepaid"]')
    async with looker.leaving():
        await looker.page.click("form[action='/apply/postage'] button")
    await looker.look("check-prepaid")
    sent = await send(person, "/apply/send", page="/apply/check", true="yes")
    address = leads_to(sent)
    await looker.open(address, "receipt-prepaid")
    case = address.partition("?")[0].rpartition("/")[2]
    await world.do(case, Approve())
    await looker.open(f"/cases/{SHANGHAI}/{case}", "to-pay-prepaid")
    await looker.open(f"/cases/{SHANGHAI}/{case}/address", "address-prepaid")
    await looker.open("/can-i", "can-i")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_pages_of_postage_have_no_fault(run, fresh_database, tmp_path, language: Language):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path, change=uploads_needed) as world:
            person = await applicant(world, language="zh-CN" if language == "zh" else "en")
            async with looking(person, language) as looker:
                await paying_before(world, looker)
                assert looker.faults == []

    run(scene())


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_managers_pages_have_no_fault(run, fresh_database, tmp_path, language: Language):
    async def scene():
        staff = with_staff(tmp_path)
        async with living(dsn=fresh_database(), folder=tmp_path, change=staff) as world:
            _, address = await asked_after_handover(world)
            manager = await signed_in(world, "mei", "zh-CN" if language == "zh" else "en")
            async with looking(manager, language) as looker:
                await looker.open(HERE, "staff-addresses")
                await looker.open(page_of(address), "staff-address")
                async with looker.leaving():
                    await looker.page.click("form[action$='/deny'] button")
                await looker.look("staff-address-no-reason")
                async with looker.leaving():
                    await looker.page.click("form[action$='/approve'] button")
                await looker.look("staff-approved")
                await looker.open(page_of(address), "staff-problem")
                await looker.open("/staff/sign-in", "staff-sign-in")
                assert looker.faults == []

    run(scene())


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_pages_of_delivery_have_no_fault(run, fresh_database, tmp_path, language: Language):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            person = await applicant(world, language="zh-CN" if language == "zh" else "en")
            async with looking(person, language) as looker:
                await before_submission(looker)
                await after_submission(world, looker)
                assert looker.faults == []

    run(scene())
