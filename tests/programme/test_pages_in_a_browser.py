"""Every page of the authority's portal in a real browser: on a phone and a desk, in both languages, for everybody.

Looks for what the accessibility rules of axe-core find (WCAG 2.2 AA among them), for pages that must be pushed sideways,
and for anything that the content security policy stopped. Pictures of all pages lie in `.data/screenshots` afterwards.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from importlib.resources import files
from typing import Any, Final, Literal, NamedTuple

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

from safehand.programme.inhabitants import lives_of
from safehand.programme.living_world import SEED
from safehand.programme.setting_up import REPOSITORY, SmallWorld
from tests.conftest import CHROMIUM_NAMES
from tests.programme.running_world import World

pytestmark = [pytest.mark.slow, pytest.mark.browser]

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
Language = Literal["zh", "en"]

PEOPLE: Final = {
    "pays": "authority:payment.awaiting",
    "corrects": "authority:application.correcting",
    "was_refused": "authority:application.refused",
    "withdrew": "authority:application.withdrawn",
    "waits_for_a_blank": "authority:production.waiting_blank",
    "sees_the_courier": "post:delivery.with_courier",
    "fetches_it": "authority:handover.ready_for_pickup",
    "says_no": "authority:tracking.disputed",
    "gets_it_back": "authority:returns.coming_back",
    "has_it": "authority:application.completed",
}
"""Who is looked at, by what they wait for; together they can do everything that an applicant can do."""
ACTS: Final = ("pay", "withdraw", "at-door", "have-it", "not-here")


class Looker(NamedTuple):
    """A browser that writes down what is wrong with each page it sees."""

    browser: Browser
    home: str
    keys: dict[str, str]
    """Who of PEOPLE signs in as whom."""
    faults: list[str]
    acts: set[str]


@pytest.fixture(scope="module")
def looker(world: World) -> Iterator[Looker]:
    """Chromium, and the people of the world by what they wait for."""
    shutil.rmtree(PICTURES, ignore_errors=True)
    ports: dict[str, int] = {}
    small = SmallWorld(folder=world.folder / "run", ports=ports, secret="", seed=SEED)
    keys: dict[str, str] = {}
    for life in lives_of(world=small):
        for name, rest in PEOPLE.items():
            if rest in life.resident.rests and name not in keys:
                keys[name] = life.sign_in
    assert set(keys) == set(PEOPLE)
    path = next(found for found in map(shutil.which, CHROMIUM_NAMES) if found)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield Looker(browser, world.address("AUTHORITY"), keys, [], set())
        browser.close()


def _page(looker: Looker, language: Language) -> Page:
    """A new visitor, whose browser wishes for this language."""
    window: Any = {"width": WIDTHS["phone"], "height": HEIGHT}
    locale = "zh-CN" if language == "zh" else "en-GB"
    page = looker.browser.new_context(viewport=window, locale=locale).new_page()
    page.on("console", lambda said: looker.faults.append(f"{page.url}: the console says {said.text}"))
    page.on("pageerror", lambda error: looker.faults.append(f"{page.url}: {error}"))
    return page


def _look(looker: Looker, page: Page, name: str, language: Language) -> None:
    """The page as it is now, at each width: a picture, and every fault."""
    wanted = "zh-CN" if language == "zh" else "en"
    if page.get_attribute("html", "lang") not in (wanted, language):
        looker.faults.append(f"{name} ({language}): the page says another language")
    for width_name, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": HEIGHT})
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / f"{name}-{language}-{width_name}.png", full_page=True)
        place = f"{name} ({language}, {width} px)"
        if page.evaluate("document.documentElement.scrollWidth > window.innerWidth"):
            looker.faults.append(f"{place}: is wider than the window")
        looker.faults.extend(f"{place}: {fault}" for fault in _violations(page))


def _violations(page: Page) -> Iterator[str]:
    """What axe-core finds. It goes in by the debugger's door: the pages let no script in, and shall not for a test."""
    door = page.context.new_cdp_session(page)
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


def _no_faults(looker: Looker) -> None:
    faults, looker.faults[:] = list(looker.faults), []
    assert not faults, "\n".join(faults)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_pages_that_everybody_may_see_have_no_fault(looker: Looker, language: Language):
    page = _page(looker, language)
    for name, address in (("start", "/"), ("nation", "/nation"), ("no-such-case", "/cases/310000/ca_none")):
        page.goto(f"{looker.home}{address}?lang={language}")
        _look(looker, page, name if "case" not in name else "sign-in-first", language)
    page.goto(f"{looker.home}/sign-in/back?code=x&lang={language}")
    _look(looker, page, "problem", language)
    page.context.close()
    # The page of a problem comes with its status, which the console repeats.
    looker.faults[:] = [fault for fault in looker.faults if "status of 401" not in fault]
    _no_faults(looker)


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("who", PEOPLE)
def test_whoever_signs_in_finds_pages_without_fault(looker: Looker, who: str, language: Language):
    page = _page(looker, language)
    page.goto(f"{looker.home}/sign-in")
    if who == "pays":
        page.goto(f"{page.url}&lang={language}")
        _look(looker, page, "sign-in", language)
    page.goto(f"{page.url}&prompt=none&login_hint={looker.keys[who]}")
    assert page.url == f"{looker.home}/my"
    page.goto(f"{looker.home}/my?lang={language}")
    if who in ("pays", "has_it"):
        _look(looker, page, f"my-{who}", language)
    cases = [link.get_attribute("href") for link in page.query_selector_all(".look-cards a")]
    assert cases
    for number, case in enumerate(cases):
        page.goto(f"{looker.home}{case}")
        _look(looker, page, f"case-{who}-{number}", language)
        actions = re.findall(r'(?:action|href)="/cases/[^"]*/([a-z-]+)"', page.content())
        looker.acts.update(actions)
        if "withdraw" in actions and who == "pays":
            page.goto(f"{looker.home}{case}/withdraw")
            _look(looker, page, "withdraw", language)
    page.context.close()
    _no_faults(looker)


def test_together_these_people_could_do_all_that_an_applicant_can_do(looker: Looker):
    assert looker.acts >= set(ACTS)
    pictures = {path.name for path in PICTURES.iterdir()}
    assert len(pictures) >= 2 * 2 * (len(PEOPLE) + 8)
