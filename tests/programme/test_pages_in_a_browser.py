"""Every page of the authority's portal in a real browser: on a phone and a desk, in both languages, for everybody.

Looks for what the accessibility rules of axe-core find (WCAG 2.2 AA among them), for pages that must be pushed sideways,
and for anything that the content security policy stopped. Pictures of all pages lie in `.data/screenshots` afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from typing import Final

import pytest
from playwright.sync_api import Page, Response

from safehand.authority.portal.answers import CHOICES, DATES, QUESTIONS
from safehand.programme.inhabitants import lives_of
from safehand.programme.living_world import SEED
from safehand.programme.setting_up import SmallWorld
from tests.authority.house import loaded
from tests.programme.looking import (
    LANGUAGES,
    MAY,
    PICTURES,
    Language,
    Looker,
    can_i_by_keyboard,
    leave_by,
    looking,
    tab_to,
    tree,
)
from tests.programme.running_world import World

pytestmark = [pytest.mark.slow, pytest.mark.browser]

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
ACTS: Final = ("pay", "correct", "withdraw", "at-door", "have-it", "not-here")


EVERYBODYS: Final = {
    "start": "/",
    "can-i": "/can-i",
    "nation": "/nation",
    "help": "/help",
    "design": "/design",
    "sign-in-first": "/cases/310000/ca_none",
}
"""What anybody can open."""
BYTES_MAX, SCRIPT_BYTES_MAX = 150_000, 60_000
"""Of the first load of a page, before packing."""


class Town(Looker):
    """The looker of a world with people in it."""

    keys: dict[str, str]
    """Who of PEOPLE signs in as whom."""
    acts: set[str]


@pytest.fixture(scope="module")
def looker(world: World) -> Iterator[Town]:
    """Chromium, and the people of the world by what they wait for."""
    ports: dict[str, int] = {}
    small = SmallWorld(folder=world.folder / "run", ports=ports, secret="", seed=SEED)
    keys: dict[str, str] = {}
    for life in lives_of(world=small):
        for name, rest in PEOPLE.items():
            if rest in life.resident.rests and name not in keys:
                keys[name] = life.sign_in
    assert set(keys) == set(PEOPLE)
    with looking(home=world.address("AUTHORITY"), kind=Town) as looker:
        looker.keys, looker.acts = keys, set()
        yield looker


@pytest.mark.parametrize("language", LANGUAGES)
def test_pages_that_everybody_may_see_have_no_fault(looker: Town, language: Language):
    page = looker.visitor(language)
    for name, address in EVERYBODYS.items():
        joint = "&" if "?" in address else "?"
        page.goto(f"{looker.home}{address}{joint}lang={language}")
        looker.look(page, name, language)
    page.goto(f"{looker.home}/sign-in/back?code=x&lang={language}")
    looker.look(page, "problem", language)
    page.context.close()
    # The page of a problem comes with its status, which the console repeats.
    looker.no_faults(expected="400")


@pytest.mark.parametrize("name", EVERYBODYS)
def test_the_first_load_of_a_page_is_light(looker: Town, name: str):
    page = looker.visitor("zh")
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
    page.select_option("#city", "310000")
    for name, value in (MAY | changes).items():
        page.locator(f'label[for="{page.get_attribute(f"input[name={name}][value={value}]", "id")}"]').click()
    for name, day in (("until", until), ("birth", date(1990, 5, 31))):
        for part in ("year", "month", "day"):
            page.fill(f'[name="{name}-{part}"]', str(getattr(day, part)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_answers_to_can_i_have_no_fault(looker: Town, language: Language):
    page = looker.visitor(language)
    page.goto(f"{looker.home}/can-i?lang={language}")
    leave_by(page, "main button")
    looker.look(page, "can-i-faults", language)
    assert page.title().startswith("有误：" if language == "zh" else "Error: ")
    page.click(".govuk-error-summary a >> nth=1")
    assert page.evaluate("document.activeElement.name") == "document"
    _fill(page)
    leave_by(page, "main button")
    looker.look(page, "can-i-yes", language)
    assert page.get_attribute("main a.govuk-button", "href") == "/apply"
    leave_by(page, "button[name=change]")
    looker.look(page, "can-i-changed", language)
    _fill(page, works="state_staff", mainland="no", ground="changed_data")
    leave_by(page, "main button")
    looker.look(page, "can-i-no", language)
    assert page.locator(".look-card--no").count() == 3
    # What was said is in no address.
    assert page.url == f"{looker.home}/can-i"
    page.context.close()
    looker.no_faults(expected="422")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_keyboard_alone_gets_the_answer_to_can_i(looker: Town, language: Language):
    page = looker.visitor(language)
    page.goto(f"{looker.home}/?lang={language}")
    can_i_by_keyboard(page, city="310000", today=datetime.now(UTC).date())
    page.wait_for_selector(".govuk-panel")
    tab_to(page, "/apply")
    page.context.close()


@pytest.mark.parametrize("language", LANGUAGES)
def test_assistive_technology_meets_the_questions_in_their_order_by_role_and_name(
    looker: Town, language: Language
):
    page = looker.visitor(language)
    page.goto(f"{looker.home}/?lang={language}")
    link = "看看能否网上办理" if language == "zh" else "See whether you can do it online"
    with page.expect_navigation():
        page.get_by_role("link", name=link).click()
    _, documents = loaded()
    kinds = {
        code: one.identity.name_zh if language == "zh" else one.identity.name_en
        for code, one in documents.items()
    }
    parts = ("年", "月", "日") if language == "zh" else ("Year", "Month", "Day")
    title = "能否网上办理？" if language == "zh" else "Can I do this online?"
    wanted = [f"heading {title}"]
    for name, question in QUESTIONS.items():
        words = question.in_language(language)
        wanted.append(f"{'combobox' if name == 'city' else 'group'} {words}")
        if name in DATES:
            wanted += [f"textbox {part}" for part in parts]
        choices = CHOICES.get(name, {})
        wanted += [f"radio {both.in_language(language)}" for both in choices.values()]
        if name == "document":
            wanted += [f"radio {words}" for words in kinds.values()]
    wanted.append("button 查看结果" if language == "zh" else "button See the answer")
    assert tree(page) == wanted

    _fill(page)
    leave_by(page, "main button")
    done = (
        ["heading 可以网上办理", "link 开始申请"]
        if language == "zh"
        else ["heading You can do this online", "link Start the application"]
    )
    assert tree(page)[:2] == done
    page.context.close()


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("who", PEOPLE)
def test_whoever_signs_in_finds_pages_without_fault(looker: Town, who: str, language: Language):
    page = looker.visitor(language)
    page.goto(f"{looker.home}/sign-in?how=card")
    if who == "pays":
        page.goto(f"{page.url}&lang={language}")
        looker.look(page, "sign-in", language)
    page.goto(f"{page.url}&prompt=none&login_hint={looker.keys[who]}")
    assert page.url == f"{looker.home}/my"
    page.goto(f"{looker.home}/my?lang={language}")
    if who in ("pays", "has_it"):
        looker.look(page, f"my-{who}", language)
    cases = [link.get_attribute("href") for link in page.query_selector_all(".look-cards a")]
    assert cases
    for number, case in enumerate(cases):
        page.goto(f"{looker.home}{case}")
        looker.look(page, f"case-{who}-{number}", language)
        actions = re.findall(r'(?:action|href)="/cases/[^"]*/([a-z-]+)"', page.content())
        looker.acts.update(actions)
        if number == 0 and who in ("pays", "has_it"):
            page.goto(f"{looker.home}{case}/messages")
            looker.look(page, f"messages-{who}", language)
            # By keyboard alone: the first box is unticked, and the form sent.
            page.locator("[name=progress][value=sms]").focus()
            page.keyboard.press("Space")
            page.keyboard.press("Enter")
            page.wait_for_url("**/messages?saved=yes")
            assert not page.locator("[name=progress][value=sms]").is_checked()
            assert page.locator("[name=deadlines][value=sms]").is_checked()
            looker.look(page, f"messages-saved-{who}", language)
            page.locator("[name=progress][value=sms]").check()
            leave_by(page, "main button")
        if "not-here" in actions and who == "has_it":
            _look_at_a_denial(looker, page, language, f"{looker.home}{case}")
        if "withdraw" in actions and who == "pays":
            page.goto(f"{looker.home}{case}/withdraw")
            looker.look(page, "withdraw", language)
    if who in ("pays", "has_it"):
        _look_at_questions(looker, page, who, language, f"{looker.home}{cases[0]}")
        _look_at_own_data(looker, page, who, language)
    if who == "has_it":
        _look_at_paper(page, f"paper-{language}")
    page.context.close()
    looker.no_faults()


def _look_at_a_denial(looker: Looker, page: Page, language: Language, case: str) -> None:
    """ "I don't have it", and that it was found after all: by keyboard alone, without another sign-in."""
    page.goto(case)
    page.locator('a[href$="/not-here"]').focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/not-here")
    looker.look(page, "not-here", language)
    page.locator("main form button").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**?done=not-here")
    looker.look(page, "case-frozen", language)
    page.locator('form[action$="/have-it"] button').focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**?done=have-it")
    assert page.locator('a[href$="/not-here"]').count()


def _look_at_questions(looker: Looker, page: Page, who: str, language: Language, case: str) -> None:
    """A question is asked from a line of the timeline, by keyboard alone, and waits on the page of the case."""
    page.goto(case)
    page.locator(".look-ask").first.focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/help?line=*")
    if page.locator("textarea").count():
        looker.look(page, f"help-ask-{who}", language)
    # Each asks in one language, so that both forms are seen; what was asked is then seen in both.
    if (who, language) in (("pays", "zh"), ("has_it", "en")):
        page.locator("#topic").focus()
        page.keyboard.press("Space")
        page.locator("#text").focus()
        page.keyboard.type("Where is it?")
        page.keyboard.press("Tab")
        page.keyboard.press("Enter")
        page.wait_for_url("**/help?done=ask")
    looker.look(page, f"help-asked-{who}", language)
    page.goto(case)
    looker.look(page, f"case-asked-{who}", language)


def _look_at_own_data(looker: Looker, page: Page, who: str, language: Language) -> None:
    """What is kept of somebody, the copy of it, and what stands before an erasure."""
    case = page.url
    page.goto(f"{looker.home}/my/data")
    for one in page.locator("details").all():
        one.click()
    looker.look(page, f"my-data-{who}", language)
    with page.expect_download() as saved:
        page.locator("main button").first.click()
    assert saved.value.suggested_filename == "safehand-my-data.zip"
    leave_by(page, 'a[href$="/erase"]')
    looker.look(page, f"erase-{who}", language)
    page.goto(case)


def _look_at_paper(page: Page, name: str) -> None:
    """The page as it is printed: what can't be pressed on paper is not there, what has happened is."""
    page.emulate_media(media="print")
    for hidden in (".look-header", ".look-footer", ".look-rehearsal", ".govuk-back-link", ".look-acts"):
        assert not any(one.is_visible() for one in page.query_selector_all(hidden)), hidden
    assert page.is_visible(".look-timeline li")
    assert page.is_visible(".look-status dd")
    page.pdf(path=PICTURES / f"{name}.pdf", format="A4")


def test_together_these_people_could_do_all_that_an_applicant_can_do(looker: Town):
    assert looker.acts >= set(ACTS)
    pictures = {path.name for path in PICTURES.iterdir()}
    assert len(pictures) >= 2 * 2 * (len(PEOPLE) + 8)
