"""A notice as text: its template filled with plain facts, the masked name, and for the door the code of this moment."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import cache
from html import escape
from pathlib import Path
from string import Formatter
from typing import Final, Literal

import msgspec

from safehand.authority.border.door_code import agent_code, door_code, phone_code
from safehand.authority.examination.reasons import APPEAL_EN, APPEAL_ZH
from safehand.authority.notices.wording import (
    Both,
    date_words,
    deadline_words,
    defect_words,
    moment_words,
    money_words,
    reason_words,
)
from safehand.kernel.masking import masked_name
from safehand.kernel.outcome import Language

_FILE: Final = Path(__file__).parent / "templates.toml"
FRAME: Final = "frame"
SMS_LETTERS_MAX: Final = 500
"""What the longest text may come to; gateways cut it into parts of about 67 Chinese letters."""

CAUSES: Final[Mapping[str, Both]] = {
    "correction": Both(zh="未在期限内补正", en="the correction did not come in time"),
    "payment": Both(zh="未在期限内缴费", en="the fee was not paid in time"),
}

STEPS: Final[Mapping[str, Both]] = {
    "examination": Both(zh="审核", en="the review"),
    "production": Both(zh="制证", en="making your document"),
    "handover": Both(zh="证件的交接", en="handing over your document"),
    "post": Both(zh="邮政寄递", en="the delivery by the post"),
    "search": Both(zh="邮政的查找", en="the search by the post"),
    "inquiry": Both(zh="调查", en="the inquiry"),
    "returns": Both(zh="退件处理", en="handling what came back"),
}
"""What runs late, as an applicant may read it."""

Group = Literal["progress", "deadlines", "delivery"]
Facts = Mapping[str, str | int]
CounterWords = Callable[[int, str, Language], str]
"""(city, office, language) -> name and address of the authority's counter."""


class Template(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One notice in both channels and both languages."""

    group: Group | None = None
    """What its channels are chosen by; only the frame has none."""
    always: bool = False
    """Goes out whatever was chosen: a decision that the law wants told, the code, what guards against fraud."""
    at_once: bool = False
    """Does not wait for the morning."""
    to_agent: bool = False
    """Goes to the telephone of who is named to receive it, and to nobody else."""
    to_phone: Literal["", "new", "old"] = ""
    """Goes to the number that is being proven, or to the one that stood there before, by SMS; the old one's also by e-mail."""
    sms_zh: str
    sms_en: str
    subject_zh: str
    subject_en: str
    body_zh: str
    body_en: str

    @property
    def aside(self) -> bool:
        """Whether it says nothing of whether the applicant is reached: it goes to another telephone."""
        return self.to_agent or bool(self.to_phone)

    def text(self, field: str, language: Language) -> str:
        """`sms`, `subject` or `body` of one language."""
        return getattr(self, f"{field}_{language}")


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """What goes out: a text message, and a mail's subject and body."""

    sms: str
    subject: str
    body: str
    html: str
    """The body once more: paragraphs and links to our own site, nothing else."""
    choices: str
    """Address of the page on which the applicant chooses what comes by which way; it opens to its owner only."""


@cache
def templates() -> dict[str, Template]:
    """Every template by name, and the frame. Raises `msgspec.ValidationError` naming what is wrong in the file."""
    return msgspec.toml.decode(_FILE.read_bytes(), type=dict[str, Template], strict=True)


class Renderer:
    """Fills templates. Holds the house's secret for door codes, so that a code exists only while a text is made."""

    def __init__(self, *, address: str, code_secret: bytes, counter: CounterWords) -> None:
        self._address = address
        self._site = f"{address}/my"
        self._code_secret = code_secret
        self._counter = counter

    def render(
        self, *, template: str, facts: Facts, city: int, case: str, name: str, language: Language
    ) -> Texts:
        """The texts of one notice. Raises `LookupError` for an unknown template or a fact that is missing."""
        one, frame = templates()[template], templates()[FRAME]
        words = {"name": masked_name(name), "site": self._site} | {
            said: value
            for fact in facts
            for said, value in self._said(fact, facts[fact], city, language).items()
        }
        said = {field: _fill(one.text(field, language), words) for field in ("sms", "subject", "body")}
        choices = f"{self._address}/cases/{city}/{case}/messages"
        body = _fill(frame.text("body", language), words | {"text": said["body"], "choices": choices})
        return Texts(
            sms=_fill(frame.text("sms", language), {"text": said["sms"]})[:SMS_LETTERS_MAX],
            subject=_fill(frame.text("subject", language), {"subject": said["subject"]}),
            body=body,
            html=_as_html(body, language=language, links=(self._site, choices)),
            choices=choices,
        )

    def _said(self, fact: str, value: str | int, city: int, language: Language) -> dict[str, str]:
        """A fact as templates may say it; under the placeholder's name."""
        match fact:
            case "due_at" | "holds_at" | "day":
                return _when(fact, str(value), language)
            case "fee_fen" | "postage_fen" | "amount_fen":
                return {fact.removesuffix("_fen"): money_words(int(value), language)}
            case "defects":
                return {"defects": defect_words(tuple(str(value).split(",")), language)}
            case "reason":
                appeal = APPEAL_ZH if language == "zh" else APPEAL_EN
                return {"reason": reason_words(value, language), "appeal": appeal}
            case "cause":
                return {"cause": CAUSES[str(value)].in_language(language)}
            case "step":
                return {"step": STEPS[str(value)].in_language(language)}
            case "office":
                return {"office": self._counter(city, str(value), language)}
            case "order" | "agents_order":
                return {"code": self._code(str(value))}
            case "phone_change":
                return {"phone_code": self._phone_code(str(value))}
            case _:
                return {fact: str(value)}

    def _phone_code(self, change: str) -> str:
        """The code of a case's change of the telephone number."""
        case, _, number = change.partition(" ")
        return phone_code(secret=self._code_secret, case=case, change=int(number))

    def _code(self, order: str) -> str:
        """The recipient's code of an order; after a blank comes the number of the agent whose it is."""
        order, _, number = order.partition(" ")
        if number:
            return agent_code(secret=self._code_secret, order=order, number=int(number))
        return door_code(secret=self._code_secret, order=order)


def _when(fact: str, value: str, language: Language) -> dict[str, str]:
    """A deadline, a moment or a day."""
    if fact == "day":
        return {"day": date_words(date.fromisoformat(value), language)}
    moment = datetime.fromisoformat(value)
    if fact == "due_at":
        return {"due": deadline_words(moment, language)}
    return {"holds": moment_words(moment, language)}


def _fill(text: str, words: Mapping[str, str]) -> str:
    # Values are put in as they are, never read as a format.
    return "".join(
        [literal + (words[field] if field is not None else "") for literal, field in _parsed(text)]
    )


@cache
def _parsed(template: str) -> tuple[tuple[str, str | None], ...]:
    """A template as literal texts, each with the placeholder that stands after it."""
    return tuple((literal, field) for literal, field, _, _ in Formatter().parse(template))


def _linked(text: str, links: Sequence[str]) -> str:
    """Every address of our own in an escaped text as a link; the longest first, since one may begin another.

    Each text has addresses of its own: to compile a pattern of them was two fifths of the work on a notice (profiled).
    """
    marked = sorted({escape(link) for link in links if link}, key=len, reverse=True)
    for place, link in enumerate(marked):
        text = text.replace(link, f"\0{place}\0")
    for place, link in enumerate(marked):
        text = text.replace(f"\0{place}\0", f'<a href="{link}">{link}</a>')
    return text


def _as_html(body: str, *, language: Language, links: Sequence[str]) -> str:
    """A page of plain paragraphs. Only addresses of our own become links: whatever else stands in a text stays text."""
    paragraphs = [_linked(escape(one), links).replace("\n", "<br>") for one in body.strip().split("\n\n")]
    inside = "".join(f"<p>{one}</p>\n" for one in paragraphs)
    lang = "zh-CN" if language == "zh" else "en"
    return f'<!doctype html>\n<html lang="{lang}"><meta charset="utf-8"><body>\n{inside}</body></html>\n'
