"""The directory of help lines, as dated data: which number is for what."""

from datetime import date
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from safehand.kernel.dated import Dated, Defect, DefectiveRulesError, NotInForceError, read_dated, read_toml

FILE: Final = "_help_lines.toml"
LINES_MAX: Final = 50
NUMBER_DIGITS_MAX: Final = 12
Text = Annotated[str, Meta(min_length=2, max_length=120)]


class HelpLine(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What one number is for."""

    name_zh: Text
    name_en: Text
    for_zh: Text
    for_en: Text
    on_its_way: bool
    """Whether it can say something about a document on its way."""


class HelpLines(msgspec.Struct, frozen=True, kw_only=True):
    """All numbers over time, in the order of the file."""

    lines: dict[str, Dated[HelpLine]]

    def on(self, day: date) -> list[tuple[str, HelpLine]]:
        """The numbers that there are on a day."""
        found: list[tuple[str, HelpLine]] = []
        for number, line in self.lines.items():
            try:
                found.append((number, line.value_on(day)))
            except NotInForceError:
                continue
        return found


def load_help_lines(folder: Path) -> HelpLines:
    """The directory in a folder (`documents`). Raises `DefectiveRulesError` with everything that is wrong in it."""
    defects: list[Defect] = []
    tables = read_toml(path=folder / FILE, shown_as=FILE, defects=defects)
    raw = tables.get("lines", {})
    lines: dict[str, Dated[HelpLine]] = {}
    for number, entries in raw.items() if isinstance(raw, dict) else ():
        if not (number.isascii() and number.isdecimal() and len(number) <= NUMBER_DIGITS_MAX):
            defects.append(_defect(f"lines.{number[:40]}", "is no number to ring", "write its digits alone"))
            continue
        line = read_dated(raw=entries, value_type=HelpLine, file=FILE, key=f"lines.{number}", defects=defects)
        if line is not None:
            lines[number] = line
    if not defects and (not 0 < len(lines) <= LINES_MAX or set(tables) != {"lines"}):
        defects.append(
            _defect("lines", "is not the one section", f"name 1 to {LINES_MAX} numbers in [lines]")
        )
    if defects:
        raise DefectiveRulesError(defects)
    return HelpLines(lines=lines)


def _defect(key: str, wrong: str, way_out: str) -> Defect:
    return Defect(file=FILE, key=key, wrong=wrong, way_out=way_out)
