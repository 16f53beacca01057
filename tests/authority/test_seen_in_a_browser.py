"""From signing in to sharing, in a real browser without script: by keyboard, on a phone and a desk, in both languages, and on paper.

Chromium asks the real authority in this process; the host name leads to its socket. Pictures lie in `.data/screenshots-timeline` afterwards.
"""

import re
import shutil
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Browser, Page, async_playwright

from safehand.kernel.outcome import Language
from tests.authority.living_authority import HOME, SHANGHAI, World, living
from tests.authority.test_looked import looks
from tests.conftest import CHROMIUM_NAMES

pytestmark = [pytest.mark.slow, pytest.mark.browser]

PICTURES: Final = Path(__file__).parents[2] / ".data" / "screenshots-timeline"
AXE: Final = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
WIDTHS: Final = {"phone": 360, "desk": 1280}
HEIGHT: Final = 800
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
)
TABS_MAX: Final = 40
MAKE: Final[dict[Language, str]] = {"zh": "生成链接", "en": "Make a link"}
CONTINUE: Final[dict[Language, str]] = {"zh": "继续", "en": "Continue"}


EXPECTED: Final = (
    # Every browser asks for an icon by itself, and the link that was ended is no page any more.
    "status of 404",
    # The form that was sent without consent comes back with its status.
    "status of 422",
    # The test's host has no certificate.
    "Cross-Origin-Opener-Policy header has been ignored, because the URL's origin was untrustworthy",
)


def _hear(text: str, url: str, complaints: list[str]) -> None:
    if not any(known in text for known in EXPECTED):
        complaints.append(f"{url}: {text}")


async def visitor(browser: Browser, language: Language, complaints: list[str]) -> Page:
    """Somebody whose browser wishes for this language and runs no script of a page."""
    context = await browser.new_context(
        locale="zh-CN" if language == "zh" else "en-GB", viewport={"width": WIDTHS["phone"], "height": HEIGHT}
    )
    page = await context.new_page()
    page.on("console", lambda said: _hear(said.text, page.url, complaints))
    return page


async def look(page: Page, name: str, language: Language, complaints: list[str]) -> None:
    """The page at each width: a picture, what axe-core finds, and whether it must be pushed sideways."""
    assert await page.get_attribute("html", "lang") == ("zh-CN" if language == "zh" else "en")
    for wide, width in WIDTHS.items():
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        await page.screenshot(path=PICTURES / f"{name}-{language}-{wide}.png", full_page=True)
        if await page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            complaints.append(f"{name} ({language}, {width} px) is wider than the window")
        door = await page.context.new_cdp_session(page)
        await door.send("Runtime.evaluate", {"expression": AXE})
        run = f"axe.run(document, {{runOnly: {list(RULES)}, resultTypes: ['violations']}}).then(r => r.violations)"
        answer: dict[str, Any] = await door.send(
            "Runtime.evaluate", {"expression": run, "awaitPromise": True, "returnByValue": True}
        )
        await door.detach()
        assert "exceptionDetails" not in answer, answer
        for found in answer["result"]["value"]:
            complaints += [
                f"{name} ({language}): {found['id']}: {one['html'][:120]}" for one in found["nodes"]
            ]


async def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the focus is there: a field's name and value, or a button's words."""
    for _ in range(TABS_MAX):
        await page.keyboard.press("Tab")
        here = await page.evaluate(
            "(e => e.name ? e.name + '=' + e.value : e.innerText.trim())(document.activeElement)"
        )
        if here == wanted:
            return
    raise AssertionError(f"{wanted} is not reached in {TABS_MAX} steps")


async def signs_in(page: Page, language: Language, complaints: list[str]) -> None:
    """By the face, as a person without a mouse does it: first without consent, then with it, then at the service."""
    await page.goto(f"{HOME}/sign-in")
    await look(page, "sign-in", language, complaints)
    await tab_to(page, "how=face")
    await page.keyboard.press("Space")
    await page.keyboard.press("Enter")
    await page.wait_for_selector(".govuk-error-summary")
    await look(page, "sign-in-without-consent", language, complaints)
    assert await page.locator("input[value=face]").is_checked(), "what was chosen stays chosen"
    await page.click(".govuk-error-summary a")
    assert await page.evaluate("document.activeElement.name") == "consent"
    await page.keyboard.press("Space")
    await tab_to(page, CONTINUE[language])
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/authorize?*")
    # The service speaks the page's language.
    assert await page.get_attribute("html", "lang") == ("zh-CN" if language == "zh" else "en")
    assert await page.locator("input[type=radio][value=high]").is_checked()
    await page.click('button[value="applicant"]')
    await page.wait_for_url(f"{HOME}/my")


async def applied(world: World, page: Page) -> str:
    """The case of whoever is signed in at this page, submitted in the same session."""
    someone = world.person()
    cookies = {one["name"]: one["value"] for one in await page.context.cookies(HOME)}  # pyright: ignore[reportTypedDictNotRequiredAccess]
    someone.browser.cookies.set("session", cookies["session"], domain=urlsplit(HOME).hostname or "")
    case = (await world.submit(someone, "applicant"))["case"]
    await looks(world, someone, case)
    return f"{HOME}/cases/{SHANGHAI}/{case}"


async def shares(browser: Browser, page: Page, case: str, language: Language, complaints: list[str]) -> None:
    """Make a link by keyboard, look at it as somebody else, end it."""
    await page.goto(f"{case}/shared")
    await tab_to(page, MAKE[language])
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/shared?done=made")
    await look(page, "sharing", language, complaints)
    link = await page.locator(".look-copied a").get_attribute("href")
    assert link is not None
    other = await visitor(browser, language, complaints)
    await other.goto(link)
    await look(other, "shared", language, complaints)
    assert not await other.locator("main form").count()
    await page.click("section.look-card button")
    await page.wait_for_url("**/shared?done=revoked")
    ended = await other.goto(link)
    assert ended is not None
    assert ended.status == 404
    await other.context.close()


async def looks_at_paper(page: Page, name: str, shown: tuple[str, ...]) -> None:
    """What can't be pressed on paper is not there; what it says, and whom to ask, is."""
    await page.emulate_media(media="print")
    hidden = (".look-header", ".look-footer", ".govuk-back-link", ".look-acts", ".look-more", "main details")
    for selector in hidden:
        for one in await page.query_selector_all(selector):
            assert not await one.is_visible(), selector
    for selector in (".look-paper", ".look-status dd", ".look-timeline li", *shown):
        assert await page.locator(selector).first.is_visible(), selector
    pages = len(re.findall(rb"/Type\s*/Page\b", await page.pdf(path=PICTURES / f"{name}.pdf", format="A4")))
    assert pages <= 2
    await page.emulate_media(media="screen")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_timeline_is_seen_all_the_way_without_a_fault(run, fresh_database, tmp_path, language: Language):
    async def scene():
        complaints: list[str] = []
        PICTURES.mkdir(parents=True, exist_ok=True)
        async with (
            living(dsn=fresh_database(), folder=tmp_path, served=True) as world,
            async_playwright() as playwright,
        ):
            path = next(found for found in map(shutil.which, CHROMIUM_NAMES) if found)
            where = urlsplit(world.callback_address).netloc
            rules = f"--host-resolver-rules=MAP {urlsplit(HOME).netloc}:80 {where}"
            browser = await playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, rules])
            page = await visitor(browser, language, complaints)
            await signs_in(page, language, complaints)
            case = await applied(world, page)
            await page.goto(f"{case}?done=submitted")
            await look(page, "receipt", language, complaints)
            await looks_at_paper(page, f"receipt-{language}", (".govuk-panel", ".govuk-summary-list"))
            await page.goto(case)
            await look(page, "case", language, complaints)
            await looks_at_paper(page, f"case-{language}", ())
            await page.goto(f"{case}/looked")
            assert await page.locator(".look-timeline li").count() == 1
            await look(page, "looked", language, complaints)
            await shares(browser, page, case, language, complaints)
            out = await visitor(browser, language, complaints)
            await out.goto(f"{HOME}/sign-in?to={urlsplit(case).path}/shared&fresh=yes")
            await look(out, "sign-in-again", language, complaints)
            await browser.close()
        assert complaints == []

    run(scene())
