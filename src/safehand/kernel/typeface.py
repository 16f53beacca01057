"""The font of labels and papers: where it lies, and which characters it can print."""

import struct
import unicodedata
from functools import cache
from pathlib import Path
from typing import Final

from pylopdf_fonts_zh_cn import sans_path

FONT_FAMILY: Final = "Noto Sans SC"
_UNICODE_FULL: Final = 12
_TABLES_MAX: Final = 64
_GROUPS_MAX: Final = 60_000


def font_folder() -> Path:
    """The folder that holds Noto Sans SC (SIL Open Font License)."""
    return sans_path().parent


@cache
def printable_code_points() -> frozenset[int]:
    """The code points that the font has a glyph for (its cmap table, format 12 of ISO/IEC 14496-22).

    Raises `ValueError` when the font file is not as expected: a broken installation.
    """
    font = sans_path().read_bytes()
    cmap = _table(font, b"cmap")
    (count,) = struct.unpack_from(">H", font, cmap + 2)
    for index in range(min(count, _TABLES_MAX)):
        _, _, offset = struct.unpack_from(">HHI", font, cmap + 4 + 8 * index)
        if struct.unpack_from(">H", font, cmap + offset)[0] == _UNICODE_FULL:
            return _groups(font, cmap + offset)
    raise ValueError("the label font has no full Unicode character map")


def first_unprintable(text: str) -> str | None:
    """The first character that must not reach the printer: not in the font, invisible, or stacking on others.

    Control characters, direction overrides and combining marks could hide or overprint what stands beside them.
    """
    for letter in text:
        if ord(letter) not in printable_code_points() or unicodedata.category(letter)[0] in "CM":
            return letter
        if letter in "\u2028\u2029":
            return letter
    return None


def plain(text: str) -> str:
    """The text with letters and their marks joined into one character (é), where it has loose marks."""
    # Only then: normalising plain Chinese would replace compatibility ideographs, which are other characters in a name.
    if any(unicodedata.category(letter)[0] == "M" for letter in text):
        return unicodedata.normalize("NFC", text)
    return text


def _table(font: bytes, tag: bytes) -> int:
    (count,) = struct.unpack_from(">H", font, 4)
    for index in range(min(count, _TABLES_MAX)):
        name, _, offset, _ = struct.unpack_from(">4sIII", font, 12 + 16 * index)
        if name == tag:
            return offset
    raise ValueError(f"the label font has no table {tag.decode()}")


def _groups(font: bytes, start: int) -> frozenset[int]:
    (count,) = struct.unpack_from(">I", font, start + 12)
    if count > _GROUPS_MAX:
        raise ValueError("the label font's character map is too large")
    points: set[int] = set()
    for first, last, _ in struct.iter_unpack(">III", font[start + 16 : start + 16 + 12 * count]):
        points.update(range(first, last + 1))
    return frozenset(points)
