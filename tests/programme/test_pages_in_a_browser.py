"""Every page of the authority's portal in a real browser: on a phone and a desk, in both languages, for everybody.

Looks for what the accessibility rules of axe-core find (WCAG 2.2 AA among them), for pages that must be pushed sideways,
and for anything that the content security policy stopped. Pictures of all pages lie in `.data/screenshots` afterwards.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from typing import Any, Final, Literal, NamedTuple

import pytest
from playwright.sync_api import Browser, Page, Response, sync_playwright

from safehand.authority.portal.answers import CHOICES, DATES, QUESTIONS
from safehand.programme.inhabitants import lives_of
from safehand.programme.living_world import SEED
from safehand.programme.setting_up import REPOSITORY, SmallWorld
from tests.authority.house import loaded
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
    "hears_nothing": "authority:contact.unreachable",
}
"""Who is looked at, by what they wait for; together they can do everything that an applicant can do."""
ACTS: Final = ("pay", "withdraw", "at-door", "have-it", "not-here")


EVERYBODYS: Final = {
    "start": "/",
    "can-i": "/can-i",
    "nation": "/nation",
    "design": "/design",
    "sign-in": "/sign-in",
    "sign-in-again": "/sign-in?to=/my&fresh=yes",
    "sign-in-first": "/cases/310000/ca_none",
}
"""What anybody can open."""
BYTES_MAX, SCRIPT_BYTES_MAX = 150_000, 60_000
"""Of the first load of a page, before packing."""
TABS_MAX: Final = 60
MAIN_ROLES: Final = ("heading", "combobox", "group", "radio", "textbox", "button", "link")


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
    for name, address in EVERYBODYS.items():
        joint = "&" if "?" in address else "?"
        page.goto(f"{looker.home}{address}{joint}lang={language}")
        _look(looker, page, name, language)
    page.goto(f"{looker.home}/sign-in/back?code=x&lang={language}")
    _look(looker, page, "problem", language)
    page.context.close()
    # The page of a problem comes with its status, which the console repeats.
    looker.faults[:] = [fault for fault in looker.faults if "status of 401" not in fault]
    _no_faults(looker)


@pytest.mark.parametrize("name", EVERYBODYS)
def test_the_first_load_of_a_page_is_light(looker: Looker, name: str):
    page = _page(looker, "zh")
    weighed: dict[str, int] = {}
    scripts: dict[str, int] = {}

    def weigh(answer: Response) -> None:
        if answer.status == 200:
            weighed[answer.url] = len(answer.body())
            if answer.request.resource_type == "script":
                scripts[answer.url] = weighed[answer.url]

    page.on("response", weigh)
    page.goto(f"{looker.home}{EVERYBODYS[name]}", wait_until="networkidle")
    page.context.close()
    assert any(url.endswith(".css") for url in weighed)
    assert sum(weighed.values()) <= BYTES_MAX, weighed
    assert sum(scripts.values()) <= SCRIPT_BYTES_MAX, scripts


def _fill(page: Page, **changes: str) -> None:
    """Answer `/can-i` as somebody who may renew online, but for the changes."""
    until = datetime.now(UTC).date() + timedelta(days=90)
    chosen = {
        "document": "passport",
        "ground": "expiring",
        "held": "valid",
        "fingerprints": "unknown",
        "works": "neither",
        "mainland": "yes",
    }
    page.select_option("#city", "310000")
    for name, value in (chosen | changes).items():
        page.locator(f'label[for="{page.get_attribute(f"input[name={name}][value={value}]", "id")}"]').click()
    for name, day in (("until", until), ("birth", date(1990, 5, 31))):
        for part in ("year", "month", "day"):
            page.fill(f'[name="{name}-{part}"]', str(getattr(day, part)))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_answers_to_can_i_have_no_fault(looker: Looker, language: Language):
    page = _page(looker, language)
    page.goto(f"{looker.home}/can-i?lang={language}")
    page.click("main button")
    _look(looker, page, "can-i-faults", language)
    assert page.title().startswith("有误：" if language == "zh" else "Error: ")
    page.click(".govuk-error-summary a >> nth=1")
    assert page.evaluate("document.activeElement.name") == "document"
    _fill(page)
    page.click("main button")
    _look(looker, page, "can-i-yes", language)
    assert page.get_attribute("main a.govuk-button", "href") == "/apply"
    page.click("button[name=change]")
    _look(looker, page, "can-i-changed", language)
    _fill(page, works="state_staff", mainland="no", ground="changed_data")
    page.click("main button")
    _look(looker, page, "can-i-no", language)
    assert page.locator(".look-card--no").count() == 3
    # What was said is in no address.
    assert page.url == f"{looker.home}/can-i"
    page.context.close()
    looker.faults[:] = [fault for fault in looker.faults if "status of 422" not in fault]
    _no_faults(looker)


def _tab_to(page: Page, wanted: str) -> None:
    """Press Tab until the focus is on the field or link of that name, as a person without a mouse does."""
    for _ in range(TABS_MAX):
        page.keyboard.press("Tab")
        name = page.evaluate("(e => e.name || e.getAttribute('href') || e.tagName)(document.activeElement)")
        if name == wanted:
            return
    raise AssertionError(f"{wanted} is not reached in {TABS_MAX} steps")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_keyboard_alone_gets_the_answer_to_can_i(looker: Looker, language: Language):
    page = _page(looker, language)
    page.goto(f"{looker.home}/?lang={language}")
    _tab_to(page, "#main")
    page.keyboard.press("Enter")
    _tab_to(page, "/can-i")
    page.keyboard.press("Enter")
    page.wait_for_url(f"{looker.home}/can-i")
    _tab_to(page, "#main")
    page.keyboard.press("Enter")
    _tab_to(page, "city")
    for _ in range(TABS_MAX):
        if page.input_value("#city") == "310000":
            break
        page.keyboard.press("ArrowDown")
    assert page.input_value("#city") == "310000"
    until = datetime.now(UTC).date() + timedelta(days=90)
    days = {"until": until, "birth": date(1990, 5, 31)}
    steps = {"document": 1, "ground": 0, "held": 0, "fingerprints": 2, "works": 0, "mainland": 0}
    for name in [name for name in QUESTIONS if name != "city"]:
        if name in days:
            for part in ("year", "month", "day"):
                _tab_to(page, f"{name}-{part}")
                page.keyboard.type(str(getattr(days[name], part)))
        else:
            _tab_to(page, name)
            page.keyboard.press("Space")
            for _ in range(steps[name]):
                page.keyboard.press("ArrowDown")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    page.wait_for_selector(".govuk-panel")
    _tab_to(page, "/apply")
    page.context.close()


def _tree(page: Page) -> list[tuple[str, str]]:
    """Role and name of what assistive technology meets in the main part, in its order."""
    lines = page.locator("main").aria_snapshot().splitlines()
    found = [re.match(r'\s*- (\w+)(?: "((?:[^"\\]|\\.)*)")?', line) for line in lines]
    return [(one[1], one[2] or "") for one in found if one is not None and one[1] in MAIN_ROLES]


@pytest.mark.parametrize("language", ["zh", "en"])
def test_assistive_technology_meets_the_questions_in_their_order_by_role_and_name(
    looker: Looker, language: Language
):
    page = _page(looker, language)
    page.goto(f"{looker.home}/?lang={language}")
    link = "看看能否网上办理" if language == "zh" else "See whether you can do it online"
    page.get_by_role("link", name=link).click()
    _, documents = loaded()
    kinds = {
        code: one.identity.name_zh if language == "zh" else one.identity.name_en
        for code, one in documents.items()
    }
    parts = ("年", "月", "日") if language == "zh" else ("Year", "Month", "Day")
    title = "能否网上办理？" if language == "zh" else "Can I do this online?"
    wanted = [("heading", title)]
    for name, question in QUESTIONS.items():
        words = question.in_language(language)
        wanted.append(("combobox" if name == "city" else "group", words))
        if name in DATES:
            wanted += [("textbox", part) for part in parts]
        choices = CHOICES.get(name, {})
        wanted += [("radio", both.in_language(language)) for both in choices.values()]
        if name == "document":
            wanted += [("radio", words) for words in kinds.values()]
    wanted.append(("button", "查看结果" if language == "zh" else "See the answer"))
    assert _tree(page) == wanted

    _fill(page)
    page.click("main button")
    done = (
        ("可以网上办理", "开始申请")
        if language == "zh"
        else ("You can do this online", "Start the application")
    )
    assert _tree(page)[:2] == [("heading", done[0]), ("link", done[1])]
    page.context.close()


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("who", PEOPLE)
def test_whoever_signs_in_finds_pages_without_fault(looker: Looker, who: str, language: Language):
    page = _page(looker, language)
    page.goto(f"{looker.home}/sign-in?how=card")
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
        if number == 0 and who in ("pays", "has_it"):
            page.goto(f"{looker.home}{case}/messages")
            _look(looker, page, f"messages-{who}", language)
            # By keyboard alone: the first box is unticked, and the form sent.
            page.locator("#progress-sms").focus()
            page.keyboard.press("Space")
            page.keyboard.press("Enter")
            page.wait_for_url("**/messages?saved=yes")
            assert not page.locator("#progress-sms").is_checked()
            assert page.locator("#deadlines-sms").is_checked()
            _look(looker, page, f"messages-saved-{who}", language)
            page.locator("#progress-sms").check()
            page.locator("main button").click()
        if "withdraw" in actions and who == "pays":
            page.goto(f"{looker.home}{case}/withdraw")
            _look(looker, page, "withdraw", language)
    if who in ("pays", "has_it"):
        _look_at_own_data(looker, page, who, language)
    if who == "has_it":
        _look_at_paper(page, f"paper-{language}")
    page.context.close()
    _no_faults(looker)


def _look_at_own_data(looker: Looker, page: Page, who: str, language: Language) -> None:
    """What is kept of somebody, the copy of it, and what stands before an erasure."""
    case = page.url
    page.goto(f"{looker.home}/my/data")
    page.locator("details").first.click()
    _look(looker, page, f"my-data-{who}", language)
    with page.expect_download() as saved:
        page.locator("main button").first.click()
    assert saved.value.suggested_filename == "safehand-my-data.zip"
    page.locator('a[href$="/erase"]').first.click()
    _look(looker, page, f"erase-{who}", language)
    page.goto(case)


def _look_at_paper(page: Page, name: str) -> None:
    """The page as it is printed: what can't be pressed on paper is not there, what has happened is."""
    page.emulate_media(media="print")
    for hidden in (".look-header", ".look-footer", ".look-rehearsal", ".govuk-back-link", ".look-acts"):
        assert not any(one.is_visible() for one in page.query_selector_all(hidden)), hidden
    assert page.is_visible(".look-timeline li")
    assert page.is_visible(".look-status dd")
    page.pdf(path=PICTURES / f"{name}.pdf", format="A4")


def test_together_these_people_could_do_all_that_an_applicant_can_do(looker: Looker):
    assert looker.acts >= set(ACTS)
    pictures = {path.name for path in PICTURES.iterdir()}
    assert len(pictures) >= 2 * 2 * (len(PEOPLE) + 8)
