"""Picking an address in a real browser: by keyboard alone, without a script (the policy lets none in), on a phone and a desk, in both languages.

The form is the macro's, the answers are `pick`'s; only the page around it belongs to the test.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from importlib.resources import files
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl

import pytest
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from playwright.sync_api import Browser, Page, Route, sync_playwright

from safehand.authority.addresses import Picked, load_divisions, one_line, pick
from safehand.kernel.outcome import Language, sentence, way_out
from tests.conftest import CHROMIUM_NAMES

pytestmark = [pytest.mark.slow, pytest.mark.browser]

ROOT: Final = Path(__file__).parents[2]
STYLE: Final = ROOT / "web/node_modules/govuk-frontend/dist/govuk/govuk-frontend.min.css"
AXE: Final = (files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8")
HOME: Final = "http://authority.test/address"
POLICY: Final = "default-src 'none'; style-src 'self'; form-action 'self'; base-uri 'none'"
FRAME: Final = (
    "{% import 'address.html' as address with context %}<!doctype html>"
    '<html lang="{{ lang }}" class="govuk-template"><head><meta charset="utf-8"><title>{{ said("收件地址", "Address") }}</title>'
    '<meta name="viewport" content="width=device-width, initial-scale=1"><link rel="stylesheet" href="/style.css"></head>'
    '<body class="govuk-template__body"><main class="govuk-width-container govuk-main-wrapper">'
    '<h1 class="govuk-heading-l">{{ said("收件地址", "Where to?") }}</h1>'
    '{% if line %}<p class="govuk-body" id="line" lang="zh-CN">{{ line }}</p>{% else %}'
    '<form method="post" novalidate>{{ address.pick(picked, language) }}</form>{% endif %}</main></body></html>'
)
PICTURES: Final = ROOT / ".data" / "screenshots-address"
RULES: Final = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
WIDTHS: Final = {"phone": 360, "desk": 1280}
HEIGHT: Final = 800
# Chromium's own sandbox wants rights that containers do not have, and nothing here is for the network outside.
ARGUMENTS: Final = (
    "--no-sandbox",
    "--disable-gpu",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-sync",
)
DIVISIONS: Final = load_divisions()
ENVIRONMENT: Final = Environment(
    loader=FileSystemLoader(ROOT / "src/safehand/authority/portal/templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
NEXT_LIST: Final[dict[Language, str]] = {"zh": "下一级", "en": "Next list"}
TEMPLATE: Final = ENVIRONMENT.from_string(FRAME)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = next(found for found in map(shutil.which, CHROMIUM_NAMES) if found)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(ARGUMENTS))
        yield browser
        browser.close()


def _answer(picked: Picked, language: Language) -> str:
    def said(zh: str, en: str) -> str:
        return zh if language == "zh" else en

    line = one_line(address=picked.address, divisions=DIVISIONS) if picked.address else ""
    return TEMPLATE.render(
        picked=picked,
        line=line,
        language=language,
        lang=said("zh-CN", "en"),
        said=said,
        sentence=sentence,
        way_out=way_out,
    )


def _opened(browser: Browser, language: Language) -> Page:
    """A visitor before the empty form; whatever the browser posts goes to `pick` as it came."""

    def serve(route: Route) -> None:
        request = route.request
        if request.url.endswith("/style.css"):
            route.fulfill(body=STYLE.read_text(), content_type="text/css")
            return
        form = dict(parse_qsl(request.post_data or "", keep_blank_values=True))
        picked = pick(form=form, divisions=DIVISIONS, recipient="测试一", day=date(2025, 1, 1))
        headers = {"content-security-policy": POLICY}
        route.fulfill(
            body=_answer(picked, language), content_type="text/html; charset=utf-8", headers=headers
        )

    window: Any = {"width": WIDTHS["phone"], "height": HEIGHT}
    page = browser.new_context(viewport=window).new_page()
    page.route("**/*", serve)
    page.goto(HOME)
    return page


def _faults(page: Page, name: str) -> list[str]:
    """What axe-core finds at each width, and whether the page must be pushed sideways; takes a picture."""
    found: list[str] = []
    PICTURES.mkdir(parents=True, exist_ok=True)
    door = page.context.new_cdp_session(page)
    door.send("Runtime.evaluate", {"expression": AXE})
    run = (
        f"axe.run(document, {{runOnly: {list(RULES)}, resultTypes: ['violations']}}).then(r => r.violations)"
    )
    for width_name, width in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": HEIGHT})
        page.screenshot(path=PICTURES / f"{name}-{width_name}.png", full_page=True)
        sideways = door.send(
            "Runtime.evaluate", {"expression": "document.documentElement.scrollWidth > window.innerWidth"}
        )
        if sideways["result"]["value"]:
            found.append(f"{name}: wider than {width} px")
        answer = door.send(
            "Runtime.evaluate", {"expression": run, "awaitPromise": True, "returnByValue": True}
        )
        found += [
            f"{name}, {width} px: {one['id']}: {one['nodes'][0]['html'][:160]}"
            for one in answer["result"]["value"]
        ]
    return found


def _focused(page: Page) -> str:
    door = page.context.new_cdp_session(page)
    answer = door.send(
        "Runtime.evaluate", {"expression": "document.activeElement.id || document.activeElement.value"}
    )
    return str(answer["result"].get("value", ""))


def _tab_to(page: Page, wanted: str) -> None:
    """Presses Tab until the field or button has the focus, as somebody without a mouse does."""
    for _ in range(60):
        if _focused(page) == wanted:
            return
        page.keyboard.press("Tab")
    pytest.fail(f"{wanted} can't be reached by the keyboard")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_address_is_found_by_its_name_with_the_keyboard_alone(browser: Browser, language: Language):
    page = _opened(browser, language)
    faults = _faults(page, f"empty-{language}")
    _tab_to(page, "q")
    page.keyboard.insert_text("朝阳区")
    page.keyboard.press("Enter")
    page.wait_for_selector("#found-1")
    faults += _faults(page, f"found-{language}")
    _tab_to(page, "found-1")
    page.keyboard.press("Space")
    page.keyboard.press("Enter")
    page.wait_for_selector("#place_3")
    _tab_to(page, "text")
    page.keyboard.insert_text("丰巢")
    page.keyboard.press("Enter")
    page.wait_for_selector("#text-error")
    faults += _faults(page, f"errors-{language}")
    _tab_to(page, "text")
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("工体北路８号")
    _tab_to(page, "phone")
    page.keyboard.press("Control+A")
    page.keyboard.insert_text("199 0000 0001")
    page.keyboard.press("Enter")
    page.wait_for_selector("#line")
    assert page.inner_text("#line") == "北京市朝阳区工体北路8号"
    assert faults == []
    page.context.close()


@pytest.mark.parametrize("language", ["zh", "en"])
def test_an_address_is_found_list_by_list(browser: Browser, language: Language):
    page = _opened(browser, language)
    for field, code in (("place_1", "440000"), ("place_2", "441900")):
        page.select_option(f"#{field}", code)
        page.get_by_role("button", name=NEXT_LIST[language]).click()
    page.select_option("#place_3", label="南城街道")
    page.fill("#text", "鸿福路8号")
    page.fill("#phone", "19900000001")
    faults = _faults(page, f"whole-{language}")
    page.click("button[value=done]")
    assert page.inner_text("#line") == "广东省东莞市南城街道鸿福路8号"
    assert faults == []
    page.context.close()
