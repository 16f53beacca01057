"""The pages of a family's documents in a real browser, by keyboard, on a phone and a desk, in both languages; axe-core finds nothing.

Pictures lie in `.data/screenshots-delivery` afterwards.
"""

from __future__ import annotations

from typing import Final

import pytest

from safehand.kernel.outcome import Language
from tests.authority.living_authority import HOME, World, living
from tests.authority.test_delivery_in_a_browser import Looker, looking
from tests.authority.test_group_pages import ELSEWHERE, Member, member

pytestmark = [pytest.mark.slow, pytest.mark.browser]

TABS_MAX: Final = 60
WORDS: Final[dict[Language, dict[str, str]]] = {
    "en": {
        "begin": "Begin a group",
        "invite": "Make a link",
        "join": "Join",
        "offer": "I would receive for them",
        "name": "Name this person",
        "go": "Don’t wait: send mine now",
    },
    "zh": {
        "begin": "新建同行组",
        "invite": "生成链接",
        "join": "加入",
        "offer": "我可以代收",
        "name": "指定",
        "go": "不再等待，现在寄出",
    },
}


async def reach(looker: Looker, button: str) -> None:
    """Tab to the button of these words, as a person without a mouse does, and press it."""
    said = "document.activeElement.tagName + ' ' + document.activeElement.textContent.trim()"
    for _ in range(TABS_MAX):
        await looker.page.keyboard.press("Tab")
        if await looker.page.evaluate(said) == f"BUTTON {button}":
            async with looker.leaving():
                await looker.page.keyboard.press("Enter")
            return
    raise AssertionError(f"{button} is not reached in {TABS_MAX} steps on {looker.page.url}")


async def begun(looker: Looker, father: Member, words: dict[str, str]) -> str:
    """From the case to a group with an invitation; its link."""
    await looker.open(father.address, "group-case")
    await looker.open(father.group_page, "group-begin")
    await reach(looker, words["begin"])
    await looker.look("group-alone")
    await reach(looker, words["invite"])
    await looker.look("group-invited")
    return (await looker.page.locator(".look-copied a").inner_text()).removeprefix(HOME)


async def joined(looker: Looker, link: str, words: dict[str, str]) -> None:
    """From the link, with another address, by keyboard; first without the tick."""
    await looker.open(link, "join")
    await reach(looker, words["join"])
    await looker.look("join-asked")
    await looker.page.check('input[name="address"]')
    await reach(looker, words["join"])
    await looker.look("group-of-two")
    await reach(looker, words["offer"])
    await looker.look("group-offered")


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_familys_pages_have_no_fault(run, fresh_database, tmp_path, language: Language):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            await looked_through(world, language)

    run(scene())


async def looked_through(world: World, language: Language) -> None:
    wish, words = "zh-CN" if language == "zh" else "en", WORDS[language]
    father = await member(world, "father", language=wish)
    mother = await member(world, "mother", language=wish, address=ELSEWHERE)
    async with looking(father.person, language) as looker:
        link = await begun(looker, father, words)
        assert looker.faults == []
    async with looking(mother.person, language) as looker:
        await joined(looker, link, words)
        assert looker.faults == []
    await father.issue(1)
    async with looking(father.person, language) as looker:
        await looker.open(father.group_page, "group-waits")
        await looker.page.check('input[name="member"]')
        await reach(looker, words["name"])
        await looker.look("group-named")
        await looker.open(father.address, "group-case-waits")
        await reach(looker, words["go"])
        await looker.look("group-gone")
        await looker.open(father.group_page, "group-over")
        await looker.open(f"/join/{'a' * 32}", "join-unknown")
        assert looker.faults == []
