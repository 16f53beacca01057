"""A browser that writes down what is wrong with each page it sees: for everybody, at each width, in both languages."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date, timedelta
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

from playwright.sync_api import Browser, Page, sync_playwright

from safehand.authority.portal.answers import QUESTIONS
from safehand.programme.setting_up import REPOSITORY
from tests.conftest import CHROMIUM_NAMES

PICTURES: Final = REPOSITORY / ".data" / "screenshots"
AXE: Final = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
WIDTHS: Final = {"phone": 360, "desk": 1280}
"""The narrowest phone that is still sold, and an ordinary window."""
HEIGHT: Final = 800
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
"""Its own sandbox wants rights that containers do not have, and nothing here is for the network outside."""
TABS_MAX: Final = 60
MAIN_ROLES: Final = ("heading", "combobox", "group", "radio", "checkbox", "textbox", "button", "link", "img")
MAY: Final = {
    "document": "passport",
    "ground": "expiring",
    "held": "valid",
    "fingerprints": "unknown",
    "works": "neither",
    "mainland": "yes",
}
"""What somebody answers on `/can-i` who may renew online."""
Language = Literal["zh", "en"]
LANGUAGES: Final[tuple[Language, ...]] = ("zh", "en")


class Looker:
    """Chromium before the pages of one authority, at `home`."""

    def __init__(self, *, browser: Browser, home: str, pictures: Path) -> None:
        self.browser, self.home, self.pictures = browser, home, pictures
        self.faults: list[str] = []

    def visitor(self, language: Language) -> Page:
        """A new visitor on a phone, whose browser wishes for this language."""
        window: Any = {"width": WIDTHS["phone"], "height": HEIGHT}
        locale = "zh-CN" if language == "zh" else "en-GB"
        page = self.browser.new_context(viewport=window, locale=locale).new_page()
        page.on("console", lambda said: self.faults.append(f"{page.url}: the console says {said.text}"))
        page.on("pageerror", lambda error: self.faults.append(f"{page.url}: {error}"))
        return page

    def look(self, page: Page, name: str, language: Language) -> None:
        """The page as it is now, at each width: a picture, and every fault."""
        wanted = "zh-CN" if language == "zh" else "en"
        if page.get_attribute("html", "lang") not in (wanted, language):
            self.faults.append(f"{name} ({language}): the page says another language")
        self.pictures.mkdir(parents=True, exist_ok=True)
        for width_name, width in WIDTHS.items():
            page.set_viewport_size({"width": width, "height": HEIGHT})
            page.screenshot(path=self.pictures / f"{name}-{language}-{width_name}.png", full_page=True)
            place = f"{name} ({language}, {width} px)"
            if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
                self.faults.append(f"{place}: is wider than the window")
            self.faults.extend(f"{place}: {fault}" for fault in violations(page))

    def no_faults(self, *, expected: str = "") -> None:
        """Nothing was found but what the console says of the status `expected`; then begins anew."""
        found, self.faults[:] = list(self.faults), []
        left = [fault for fault in found if not expected or f"status of {expected}" not in fault]
        assert not left, "\n".join(left)


Kind = TypeVar("Kind", bound=Looker)


@contextmanager
def looking(
    *, kind: type[Kind], home: str, pictures: Path = PICTURES, arguments: tuple[str, ...] = ()
) -> Iterator[Kind]:
    """The system's Chromium, while the block lasts; `pictures` of an earlier time are taken away."""
    for old in pictures.glob("*.p*"):
        old.unlink()
    path = next(found for found in map(shutil.which, CHROMIUM_NAMES) if found)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*ARGUMENTS, *arguments])
        yield kind(browser=browser, home=home, pictures=pictures)
        browser.close()


def violations(page: Page) -> Iterator[str]:
    """What axe-core finds. It goes in by the debugger's door: the pages let no script in, and shall not for a test."""
    door = page.context.new_cdp_session(page)
    known: dict[str, Any] = door.send("Runtime.evaluate", {"expression": "typeof axe"})
    if known["result"]["value"] == "undefined":
        door.send("Runtime.evaluate", {"expression": AXE})
    run = (
        f"axe.run(document, {{runOnly: {list(RULES)}, resultTypes: ['violations']}}).then(r => r.violations)"
    )
    wanted = {"expression": run, "awaitPromise": True, "returnByValue": True}
    answer: dict[str, Any] = door.send("Runtime.evaluate", wanted)
    door.detach()
    assert "exceptionDetails" not in answer, answer
    for found in answer["result"]["value"]:
        for node in found["nodes"]:
            yield f"{found['id']} ({found['impact']}): {found['help']}: {node['html'][:120]}"


def leave_by(page: Page, selector: str) -> None:
    """Click what leads to another page, and come back when that page is there.

    To wait for the page to have loaded is not enough: the page that is being left has.
    """
    with page.expect_navigation():
        page.locator(selector).first.click()


def tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the focus is on the field or link of that name, as a person without a mouse does.

    `wanted`: a field's name, a link's address, or for a button without a name `BUTTON` and what stands on it.
    """
    found = (
        "(e => e.name || e.getAttribute('href') || `${e.tagName} ${e.textContent.trim()}`)"
        "(document.activeElement)"
    )
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        if page.evaluate(found) == wanted:
            return
    raise AssertionError(f"{wanted} is not reached in {TABS_MAX} steps on {page.url}")


def tree(page: Page) -> list[str]:
    """Role and name of what assistive technology meets in the main part, in its order: `button Save`.

    Groups without a name are left out: whatever unfolds is one.
    """
    lines = page.locator("main").aria_snapshot().splitlines()
    # A line that holds a colon is quoted as YAML quotes it.
    plain = [
        re.sub(r"^(\s*)- '(.*?)'(:.*)?$", lambda one: f"- {one[2]}".replace("''", "'"), line)
        for line in lines
    ]
    found = [re.match(r'\s*- (\w+)(?: "((?:[^"\\]|\\.)*)")?', line) for line in plain]
    met = [(one[1], one[2] or "") for one in found if one is not None and one[1] in MAIN_ROLES]
    return [f"{role} {name}" for role, name in met if name or role != "group"]


def choose(page: Page, name: str, value: str) -> None:
    """In the list of that name, which has the focus: down until `value` is chosen."""
    for _ in range(TABS_MAX):
        if page.input_value(f"select[name={name}]") == value:
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{value} is not in the list {name}")


def mark(page: Page, name: str, value: str) -> None:
    """Go to the group of radio buttons of that name, and down until `value` is marked."""
    tab_to(page, name)
    page.keyboard.press("Space")
    for _ in range(TABS_MAX):
        if page.locator(f"input[name={name}][value={value}]").is_checked():
            return
        page.keyboard.press("ArrowDown")
    raise AssertionError(f"{value} is not among {name}")


def can_i_by_keyboard(page: Page, *, city: str, today: date) -> None:
    """From the start page over all questions of `/can-i` to the answer: as somebody who may renew a passport online."""
    tab_to(page, "#main")
    page.keyboard.press("Enter")
    tab_to(page, "/can-i")
    page.keyboard.press("Enter")
    page.wait_for_url("**/can-i")
    tab_to(page, "#main")
    page.keyboard.press("Enter")
    tab_to(page, "city")
    choose(page, "city", city)
    days = {"until": today + timedelta(days=90), "birth": date(1990, 5, 31)}
    for name in QUESTIONS:
        if name in days:
            for part in ("year", "month", "day"):
                tab_to(page, f"{name}-{part}")
                page.keyboard.type(str(getattr(days[name], part)))
        elif name != "city":
            mark(page, name, MAY[name])
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".govuk-panel")
