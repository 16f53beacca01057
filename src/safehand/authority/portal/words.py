"""The pages' words, read from `words.toml`, and how an event's own fields are said in plain words."""

from datetime import date, datetime
from functools import cache
from pathlib import Path
from string import Formatter
from typing import Any, Final

import msgspec

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
from safehand.kernel.machine import Event
from safehand.kernel.outcome import Language

_FILE: Final = Path(__file__).parent / "words.toml"


class EventWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How one event is told: one sentence, or one per value of the field `by`, or not at all (`hidden` says why)."""

    zh: str = ""
    en: str = ""
    by: str = ""
    of: dict[str, Both] = {}
    hidden: str = ""


class WaitWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens next while a case waits; `yours`: it waits for the applicant."""

    zh: str = ""
    en: str = ""
    yours: bool = False
    hidden: str = ""

    def in_language(self, language: Language) -> str:
        """The sentence of one language."""
        return self.zh if language == "zh" else self.en


class OverallWords(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One word for where a case stands, and who has it."""

    word: Both
    holder: Both


class Words(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The whole file."""

    events: dict[str, EventWords]
    waits: dict[str, WaitWords]
    overall: dict[str, OverallWords]


@cache
def words() -> Words:
    """The words. Raises `msgspec.ValidationError` naming what is wrong in the file."""
    return msgspec.toml.decode(_FILE.read_bytes(), type=Words, strict=True)


def sentence_of(event: Event, language: Language) -> str:
    """The sentence of an event; empty when the applicant does not read it.

    Raises `KeyError` for an event without words: a test proves that there is none.
    """
    told = words().events[str(event.__struct_config__.tag)]
    if told.hidden:
        return ""
    text = told.zh if language == "zh" else told.en
    if told.by:
        text = told.of[str(getattr(event, told.by))].in_language(language)
    return "".join(
        literal + (_said(event, field, language) if field is not None else "")
        for literal, field, _, _ in Formatter().parse(text)
    )


def _said(event: Event, field: str, language: Language) -> str:
    if field == "appeal":
        return APPEAL_ZH if language == "zh" else APPEAL_EN
    value: Any = getattr(event, field)
    match field:
        case "due_at":
            return deadline_words(value, language)
        case "reason":
            return reason_words(value, language)
        case "defects":
            return defect_words(tuple(value), language)
        case _ if field.endswith("_fen"):
            return money_words(value, language)
        case _ if type(value) is date:
            return date_words(value, language)
        case _ if isinstance(value, datetime):
            return moment_words(value, language)
        case _:
            return str(value)
