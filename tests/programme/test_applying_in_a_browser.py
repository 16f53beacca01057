"""Applying and correcting in a real browser, by keyboard alone: on a phone and a desk, in both languages, for everybody.

Nothing but the file dialog is helped along: a page can't open one without a hand on the mouse or the keyboard of the system.
Pictures of all pages lie in `.data/screenshots/applying` afterwards.
"""

from __future__ import annotations

import asyncio
import difflib
import threading
from collections.abc import Coroutine, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar
from urllib.parse import urlsplit

import pytest

from safehand.authority.examination.commands import AskCorrection
from safehand.kernel.postgres_server import RunningServer
from tests.authority import pictures_made as made
from tests.authority.living_authority import HOME, START, World, living
from tests.programme.looking import (
    LANGUAGES,
    PICTURES,
    TABS_MAX,
    Language,
    Looker,
    can_i_by_keyboard,
    looking,
    mark,
    tab_to,
    tree,
)

pytestmark = [pytest.mark.slow, pytest.mark.browser]

Answer = TypeVar("Answer")
WAIT_SECONDS_MAX: Final = 60.0
MAIN_PATH: Final = Path(__file__).with_name("main_path.txt")
ROLE_WIDTH: Final = 10
APPLICANTS: Final[dict[Language, tuple[str, str]]] = {
    "zh": ("applicant", "310000"),
    "en": ("father", "440100"),
}
"""Who applies in which language, and where they live."""


class Authority:
    """The authority with its sandbox on sockets, on a loop of its own beside the browser's."""

    def __init__(self, *, dsn: str, folder: Path) -> None:
        self._loop = asyncio.new_event_loop()
        self._over = asyncio.Event()
        self._open: threading.Event = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(dsn, folder), daemon=True)
        self._failed: BaseException | None = None
        self.world: World

    def _run(self, dsn: str, folder: Path) -> None:
        try:
            self._loop.run_until_complete(self._live(dsn, folder))
        except BaseException as failed:
            self._failed = failed
        self._open.set()

    async def _live(self, dsn: str, folder: Path) -> None:
        async with living(dsn=dsn, folder=folder, served=True) as self.world:
            self._open.set()
            await self._over.wait()

    def start(self) -> None:
        self._thread.start()
        assert self._open.wait(WAIT_SECONDS_MAX)
        if self._failed is not None:
            raise self._failed

    def do(self, wanted: Coroutine[Any, Any, Answer]) -> Answer:
        """Something on the world's loop, from the browser's thread."""
        return asyncio.run_coroutine_threadsafe(wanted, self._loop).result(WAIT_SECONDS_MAX)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(WAIT_SECONDS_MAX)
        assert not self._thread.is_alive()


@pytest.fixture(scope="module")
def authority(postgres: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """One authority for this file; its address is a name that only this browser resolves."""
    postgres.create_database(name="applying_in_a_browser")
    authority = Authority(
        dsn=postgres.dsn(database="applying_in_a_browser"), folder=tmp_path_factory.mktemp("applying")
    )
    authority.start()
    yield authority
    authority.stop()
    postgres.drop_database(name="applying_in_a_browser")


@pytest.fixture(scope="module")
def looker(authority: Authority) -> Iterator[Looker]:
    port = authority.world.callback_address.split(":")[2].partition("/")[0]
    rules = f"--host-resolver-rules=MAP authority.test:80 127.0.0.1:{port}"
    # Over https in earnest; what browsers keep for safe addresses is tried here as well.
    safe = f"--unsafely-treat-insecure-origin-as-secure={HOME}"
    with looking(kind=Looker, home=HOME, pictures=PICTURES / "applying", arguments=(rules, safe)) as looker:
        yield looker


def main_path(language: Language) -> dict[str, list[str]]:
    """What each page means to say: page -> role and name of everything in its main part, in order."""
    pages: dict[str, list[str]] = {}
    for page in MAIN_PATH.read_text(encoding="utf-8").split("\n== ")[1:]:
        name, *lines = page.strip().splitlines()
        told = [(line[:ROLE_WIDTH].strip(), *line[ROLE_WIDTH:].split(" | ")) for line in lines]
        pages[name] = [f"{role} {zh if language == 'zh' else en}" for role, zh, en in told]
    return pages


class Applicant:
    """Somebody without a mouse, in one language. `city` is where they live, `who` their key in the cast."""

    def __init__(self, *, looker: Looker, language: Language, who: str = "") -> None:
        self.looker = looker
        self.language: Language = language
        self.who, self.city = APPLICANTS[language]
        self.who = who or self.who
        self.page = looker.visitor(language)
        self.meant = main_path(language)

    def said(self, zh: str, en: str) -> str:
        return zh if self.language == "zh" else en

    def arrives(self, name: str, address: str) -> None:
        """The page is there; it has no fault, and says by role and name what it means to say."""
        self.page.wait_for_url(address)
        self.sees(name)

    def sees(self, name: str) -> None:
        self.looker.look(self.page, name, self.language)
        met = tree(self.page)
        if met != self.meant[name]:
            told = "\n".join(difflib.unified_diff(self.meant[name], met, "meant", "met", lineterm="", n=1))
            self.looker.faults.append(f"{name} ({self.language}): {told}")

    def goes_to(self, wanted: str, key: str = "Enter") -> None:
        """To a field, link or button, and press it."""
        tab_to(self.page, wanted)
        self.page.keyboard.press(key)

    def presses(self, zh: str, en: str) -> None:
        self.goes_to(f"BUTTON {self.said(zh, en)}")

    def types(self, name: str, text: str) -> None:
        """In a field, instead of what stands there."""
        tab_to(self.page, name)
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text(text)

    def uploads(self, name: str, data: bytes) -> None:
        """A picture, and what was found in it. The dialog of the system belongs to no page: it is left out."""
        before = self.page.locator(".look-picture").count() and self.page.get_attribute(
            ".look-picture", "src"
        )
        tab_to(self.page, "file")
        self.page.set_input_files("#file", {"name": "1.jpg", "mimeType": "image/jpeg", "buffer": data})
        self.presses("上传并检查", "Upload and check it")
        self.page.wait_for_selector(f'.look-picture:not([src="{before or ""}"])')
        self.sees(name)

    # ---- the way of an application ---------------------------------------------------------------------------------

    def signs_in(self) -> None:
        """From the start page over `/can-i` and the sandbox's page."""
        self.page.goto(f"{self.looker.home}/?lang={self.language}")
        can_i_by_keyboard(self.page, city=self.city, today=START.date())
        self.goes_to("/apply")
        self.arrives("sign-in", "**/sign-in**")
        mark(self.page, "how", "card")
        self.page.keyboard.press("Enter")
        self.page.wait_for_url("**/authorize?*")
        for _ in range(TABS_MAX):
            self.page.keyboard.press("Tab")
            if self.page.evaluate("document.activeElement.value") == self.who:
                break
        self.page.keyboard.press("Enter")

    def is_signed_in(self) -> None:
        """At once, without the sandbox's page."""
        self.page.goto(f"{self.looker.home}/sign-in?how=card&lang={self.language}")
        self.page.goto(f"{self.page.url}&prompt=none&login_hint={self.who}")
        self.page.goto(f"{self.looker.home}/my?lang={self.language}")

    def gives_contact(self) -> None:
        self.presses("继续", "Continue")
        self.arrives("contact", "**/apply/contact")
        self.types("phone", "1234")
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(".govuk-error-summary")
        self.sees("contact-faults")
        self.goes_to("#phone")
        assert self.page.evaluate("document.activeElement.name") == "phone"
        self.page.keyboard.press("Control+A")
        self.page.keyboard.insert_text("199 0000 1234")
        self.types("email", "someone@example.cn")
        self.page.keyboard.press("Enter")

    def gives_pictures(self) -> None:
        """A photo that must be cropped, a signature on ruled paper and then on white, both sides of the card."""
        self.arrives("photo-none", "**/apply/photo")
        self.uploads("photo-wrong", made.big_photo())
        self.presses("替我裁剪", "Crop it for me")
        self.page.wait_for_selector(".govuk-tag--green")
        self.sees("photo")
        self.goes_to("/apply/signature")
        self.page.wait_for_url("**/apply/signature")
        self.uploads("signature-wrong", made.signature(ruled=True))
        self.goes_to("/apply")
        self.arrives("steps", "**/apply")
        self.goes_to("/apply/signature")
        self.page.wait_for_url("**/apply/signature")
        self.uploads("signature", made.signature())
        self.goes_to("/apply/id_card_front")
        self.page.wait_for_url("**/apply/id_card_front")
        self.uploads("id_card_front", made.id_card())
        self.goes_to("/apply/id_card_back")
        self.page.wait_for_url("**/apply/id_card_back")
        self.uploads("id_card_back", made.id_card(seed=2))
        self.goes_to("/apply/travel")

    def says_where(self) -> None:
        """Travel plans; then an address that is found by its name."""
        self.arrives("travel", "**/apply/travel")
        mark(self.page, "travels", "no")
        self.page.keyboard.press("Enter")
        self.arrives("delivery", "**/apply/delivery")
        self.types("q", "黄浦区")
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector("[name=found]")
        self.sees("delivery-found")
        self.goes_to("found", "Space")
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector("[name=place_3]")
        self.types("text", "丰巢")
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(".govuk-error-summary")
        self.sees("delivery-faults")
        self.types("text", "中山东一路100号2幢301室")
        self.page.keyboard.press("Enter")
        self.arrives("postage", "**/apply/postage")
        mark(self.page, "postage", "prepaid")
        self.page.keyboard.press("Enter")

    def sends(self) -> str:
        """Looks it over and sends it; the address of the case."""
        self.arrives("check", "**/apply/check")
        self.goes_to("true", "Space")
        self.page.keyboard.press("Enter")
        self.arrives("submitted", "**?done=submitted")
        return urlsplit(self.page.url).path

    # ---- the way of a correction -----------------------------------------------------------------------------------

    def corrects(self, case: str) -> None:
        """From the list of applications to all that was asked for, sent at once."""
        self.page.goto(f"{self.looker.home}/my")
        self.sees("my")
        self.goes_to(case)
        self.arrives("correcting", f"**{case}")
        self.goes_to(f"{case}/correct")
        self.arrives("correct", "**/correct")
        self.goes_to(f"{case}/correct/photo")
        self.page.wait_for_url("**/photo")
        self.uploads("correct-photo", made.photo())
        self.goes_to(f"{case}/correct")
        self.page.wait_for_url("**/correct")
        self.goes_to(f"{case}/correct/form")
        self.arrives("correct-form", "**/form")
        self.types("phone", "12")
        self.page.keyboard.press("Enter")
        self.page.wait_for_selector(".govuk-error-summary")
        self.sees("correct-form-faults")
        self.types("phone", "19900001235")
        self.page.keyboard.press("Enter")
        self.arrives("correct-whole", "**/correct")
        self.presses("提交补正", "Send the correction")
        self.arrives("corrected", "**?done=corrected")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_keyboard_alone_completes_an_application_and_its_correction(
    looker: Looker, authority: Authority, language: Language
):
    applicant = Applicant(looker=looker, language=language)
    applicant.signs_in()
    applicant.arrives("begin", "**/apply/begin")
    applicant.gives_contact()
    applicant.gives_pictures()
    applicant.says_where()
    case = applicant.sends()
    city, _, stream = case.removeprefix("/cases/").partition("/")
    asked = AskCorrection(defects=("photo.blurred", "form.incomplete"))
    authority.do(authority.world.do(stream, asked, city=int(city)))
    applicant.corrects(case)
    applicant.page.context.close()
    # A form that is shown again comes with its status, which the console repeats.
    looker.no_faults(expected="422")


@pytest.mark.parametrize("language", LANGUAGES)
def test_whoever_may_not_apply_reads_why_and_a_draft_can_be_deleted(looker: Looker, language: Language):
    applicant = Applicant(looker=looker, language=language, who="mother")
    applicant.is_signed_in()
    applicant.sees("my-none")
    applicant.goes_to("/apply")
    applicant.page.wait_for_url("**/apply/begin")
    applicant.presses("继续", "Continue")
    applicant.page.wait_for_selector(".govuk-error-summary")
    applicant.sees("begin-faults")
    mark(applicant.page, "document", "taiwan-permit")
    mark(applicant.page, "ground", "pages_used")
    applicant.page.keyboard.press("Enter")
    applicant.page.wait_for_selector("#not-online")
    applicant.sees("begin-no")
    mark(applicant.page, "document", "passport")
    applicant.page.keyboard.press("Enter")
    applicant.page.wait_for_url("**/apply/contact")
    applicant.goes_to("/apply")
    applicant.page.wait_for_url("**/apply")
    applicant.goes_to("/apply/discard")
    applicant.arrives("discard", "**/apply/discard")
    applicant.presses("删除", "Delete it")
    applicant.page.wait_for_url("**/my")
    applicant.page.goto(f"{looker.home}/apply")
    assert applicant.page.url.endswith("/apply/begin")
    applicant.page.context.close()
    looker.no_faults(expected="422")
