"""How facts are said in plain words: moments, deadlines, sums, reasons. For notices and pages alike."""

from datetime import date, datetime, time, timedelta
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from safehand.authority.examination.reasons import DEFECTS, REASONS
from safehand.kernel.money import Fen, yuan_text
from safehand.kernel.outcome import Language
from safehand.kernel.working_days import SHANGHAI

_MONTHS: Final = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS: Final = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_FOLDER: Final = Path(__file__).parent


class Both(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One thing said in both languages."""

    zh: str
    en: str

    def in_language(self, language: Language) -> str:
        """The text of one language."""
        return self.zh if language == "zh" else self.en


@cache
def reasons() -> dict[str, Both]:
    """The words of every typed reason by its code (numbers: the link's reasons; words: the authority's own)."""
    path = _FOLDER / "reasons.toml"
    return msgspec.toml.decode(path.read_bytes(), type=dict[str, Both], strict=True)


def day_words(moment: datetime, language: Language) -> str:
    """The day in China: `2024年5月6日`, `6 May 2024`."""
    local = moment.astimezone(SHANGHAI)
    if language == "zh":
        return f"{local.year}年{local.month}月{local.day}日"
    return f"{local.day} {_MONTHS[local.month - 1]} {local.year}"


def date_words(day: date, language: Language) -> str:
    """A day with its weekday, as one plans by it: `2024年5月9日（周四）`, `Thursday, 9 May 2024`."""
    if language == "zh":
        return f"{day.year}年{day.month}月{day.day}日（周{'一二三四五六日'[day.weekday()]}）"
    return f"{_WEEKDAYS[day.weekday()]}, {day.day} {_MONTHS[day.month - 1]} {day.year}"


def moment_words(moment: datetime, language: Language) -> str:
    """Day and time in China: `2024年5月6日 09:30`, `6 May 2024, 09:30`."""
    local = moment.astimezone(SHANGHAI)
    joint = " " if language == "zh" else ", "
    return f"{day_words(moment, language)}{joint}{local.hour:02d}:{local.minute:02d}"


def deadline_words(due_at: datetime, language: Language) -> str:
    """Until when: a deadline of whole days is the first instant of the next day, so its last day is named.

    `2024年5月12日（含当日）`, `the end of 12 May 2024`; otherwise the moment.
    """
    local = due_at.astimezone(SHANGHAI)
    if local.time() != time():
        return moment_words(due_at, language)
    last = day_words(due_at - timedelta(seconds=1), language)
    return f"{last}（含当日）" if language == "zh" else f"the end of {last}"


def money_words(amount_fen: int, language: Language) -> str:
    """A sum: `120.00元`, `CNY 120.00`."""
    return yuan_text(amount=Fen(amount_fen), language=language)


def reason_words(reason: str | int, language: Language) -> str:
    """A typed reason in plain words; a code that nobody has worded yet is said to be unknown, never shown raw."""
    if isinstance(reason, str) and reason in REASONS:
        english, chinese = REASONS[reason]
        return chinese if language == "zh" else english
    both = reasons().get(str(reason)) or reasons()["0"]
    return both.in_language(language)


def defect_words(codes: tuple[str, ...], language: Language) -> str:
    """All defects of an application, each with its sentence."""
    known = [DEFECTS[code] for code in codes if code in DEFECTS]
    return (
        "".join(one.zh for one in known) if language == "zh" else " ".join(one.en for one in known)
    ) or reason_words(0, language)
