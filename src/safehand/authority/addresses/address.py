"""An address as somebody wrote it: made regular, and every defect of it at once. Pure."""

import re
import unicodedata
from collections.abc import Sequence
from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from safehand.authority.addresses import refusals
from safehand.authority.addresses.divisions import Divisions
from safehand.kernel.dated import Dated, Defect, DefectiveRulesError, read_dated, read_toml
from safehand.kernel.outcome import Refusal
from safehand.kernel.typeface import first_unprintable

TEXT_CHARACTERS_MIN: Final = 5
TEXT_CHARACTERS_MAX: Final = 120
READ_CHARACTERS_MAX: Final = 600
"""Of what was typed no more is looked at."""
LINE_CHARACTERS_MAX: Final = 200
"""What an order's address may have."""
NAME_CHARACTERS_MAX: Final = 100
PHONE: Final = re.compile(r"1[3-9][0-9]{9}")
OUTSIDE: Final = {"710000": ("台湾", "Taiwan"), "810000": ("香港", "Hong Kong"), "820000": ("澳门", "Macao")}
"""By GB/T 2260; the service delivers in the mainland (policy, the pilot)."""
OUTSIDE_NAMES: Final = frozenset(
    f"{zh}{ending}" for zh, _ in OUTSIDE.values() for ending in ("", "省", "特别行政区", "特区")
)
"""Searched for, they mean the place itself; as part of a name they are roads and towns in the mainland too."""

_WORDS: Final = Path(__file__).parent / "not_in_person.toml"
# Full-width letters, digits and signs become plain ones; Chinese punctuation stays as it is.
_NARROW: Final = {0xFF01 + n: 0x21 + n for n in range(94) if chr(0xFF01 + n) not in "，；：？！"}
_HAN: Final = "\u3007\u3400-\u4dbf\u4e00-\u9fff\U00020000-\U000323af"
_BLANKS: Final = re.compile(" {2,}")
_BETWEEN_HAN: Final = re.compile(f"(?<=[{_HAN}]) (?=[{_HAN}])")
_EDGES: Final = " ,，、。.;；:："
_NUMBER_OR_BUILDING: Final = re.compile(
    r"[0-9]|[一二三四五六七八九十百][号栋幢座楼层室组队]|号|楼|栋|幢|座|单元|室|大厦|广场|公寓|小区|花园|院|组|队|屯|学校|大学|中学|小学|酒店|宾馆|商场|中心"
    r"|(?i:building|tower|block|house|room|hotel|plaza)"
)
_SIGNS: Final = re.compile(r"[\W_]+")
_LONG_NUMBER: Final = re.compile(r"[0-9](?:[ \-–—]?[0-9]){10,}[Xx]?")
_PICTURES: Final = (
    (0x1F000, 0x1FAFF),
    (0x2600, 0x27BF),
    (0x2B00, 0x2BFF),
    (0xFE00, 0xFE0F),
    (0xE0000, 0xE007F),
    (0x20E3, 0x20E3),
)
"""Blocks of pictures, with what joins and colours them (Unicode 17, emoji-data)."""


class Address(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where and to whom. `region`: a county or township by its code (or a city without any); `recipient`: from the sign-in."""

    region: Annotated[str, Meta(pattern=r"^[1-9][0-9]{5}([0-9]{3})?$")]
    text: Annotated[str, Meta(min_length=TEXT_CHARACTERS_MIN, max_length=TEXT_CHARACTERS_MAX)]
    recipient: Annotated[str, Meta(min_length=1, max_length=NAME_CHARACTERS_MAX)]
    phone: Annotated[str, Meta(pattern=r"^1[3-9][0-9]{9}$")]


class Checked(msgspec.Struct, frozen=True, kw_only=True):
    """What was made of an address: the address, or everything wrong with it. `hints` hinder nobody."""

    address: Address | None
    region: tuple[Refusal, ...] = ()
    text: tuple[Refusal, ...] = ()
    phone: tuple[Refusal, ...] = ()
    hints: tuple[Refusal, ...] = ()

    @property
    def refusals(self) -> tuple[Refusal, ...]:
        """All of them, in the order of the form."""
        return (*self.region, *self.text, *self.phone)


def check_address(
    *, divisions: Divisions, region: str, text: str, recipient: str, phone: str, day: date
) -> Checked:
    """Normalise and judge. The recipient's name is proven and not judged: what the font lacks, an opaque label carries."""
    of_region = _defects_of_region(divisions, region)
    path = () if of_region else tuple(one.name for one in divisions.path(region))
    written = normalised(text=text, path=path)
    of_text = _defects_of_text(written, day)
    digits = normalised_phone(phone)
    of_phone = () if PHONE.fullmatch(digits) else (refusals.PHONE_MALFORMED(),)
    hints = () if of_text else _hints(written, path, divisions)
    if of_region or of_text or of_phone:
        return Checked(address=None, region=of_region, text=of_text, phone=of_phone, hints=hints)
    found = divisions.find(region)
    assert found is not None, "it was looked up"
    address = Address(region=found.code, text=written, recipient=recipient, phone=digits)
    return Checked(address=address, hints=hints)


def one_line(*, address: Address, divisions: Divisions) -> str:
    """The address as orders and labels have it: the divisions in words, then the text; at most 200 characters.

    Neither name nor telephone, and never a number of an identity card.
    """
    words = divisions.words(address.region)
    gap = " " if address.text[:1].isascii() and address.text[:1].isalpha() else ""
    return f"{words}{gap}{address.text}"


def normalised(*, text: str, path: Sequence[str] = ()) -> str:
    """Plain letters for full-width ones, single blanks, and without the chosen divisions where they were typed again.

    Done twice it changes nothing more. What may not be in an address stays in, to be refused by name.
    """
    narrow = text[:READ_CHARACTERS_MAX].translate(_NARROW)
    if any(unicodedata.category(letter)[0] == "M" for letter in narrow):
        narrow = unicodedata.normalize("NFC", narrow).translate(_NARROW)
    spaced = "".join(" " if _is_blank(letter) else letter for letter in narrow)
    written = _BETWEEN_HAN.sub("", _BLANKS.sub(" ", spaced))
    written = written.strip(_EDGES)
    while (shorter := _without(path, written)) != written:
        written = shorter
    return written


def normalised_phone(phone: str) -> str:
    """The digits of a mobile number, without +86, blanks and hyphens."""
    plain = "".join(unicodedata.normalize("NFKC", phone[:40]).split()).replace("-", "")
    return plain.removeprefix("+86").removeprefix("0086") if plain[:1] in "+0" else plain


def outside_mainland(text: str) -> Refusal | None:
    """Why a code or a name that somebody searches for is out of reach, when it lies in Hong Kong, Macao or Taiwan."""
    for code, (zh, en) in OUTSIDE.items():
        if (text[:2] == code[:2] and text.isdigit()) or zh in text or en.casefold() in text.casefold():
            return refusals.OUTSIDE_MAINLAND(place_zh=zh, place_en=en)
    return None


def _defects_of_region(divisions: Divisions, region: str) -> tuple[Refusal, ...]:
    if region.isdigit() and (refusal := outside_mainland(region)) is not None:
        return (refusal,)
    if not region:
        return (refusals.DIVISION_OPEN(level_zh="省份", level_en="province"),)
    if divisions.find(region) is None:
        return (refusals.DIVISION_UNKNOWN(),)
    if not divisions.is_whole(region):
        return (refusals.DIVISION_OPEN(level_zh="城市或区县", level_en="city, district or county"),)
    return ()


def _defects_of_text(text: str, day: date) -> tuple[Refusal, ...]:
    found: list[Refusal] = []
    if len(text) < TEXT_CHARACTERS_MIN:
        found.append(refusals.TEXT_TOO_SHORT(count=len(text), least=TEXT_CHARACTERS_MIN))
    if len(text) > TEXT_CHARACTERS_MAX:
        found.append(refusals.TEXT_TOO_LONG(count=len(text), most=TEXT_CHARACTERS_MAX))
    if (refusal := _unfit_character(text)) is not None:
        found.append(refusal)
    if (word := _not_in_person(text, day)) is not None:
        found.append(refusals.NOT_IN_PERSON(word=word))
    if _LONG_NUMBER.search(text):
        found.append(refusals.NUMBER_OF_PERSON())
    return tuple(found)


def _hints(text: str, path: Sequence[str], divisions: Divisions) -> tuple[Refusal, ...]:
    """What may be a mistake: no house, or the name of another province or city in front."""
    found: list[Refusal] = []
    if not _NUMBER_OR_BUILDING.search(text):
        found.append(refusals.NUMBER_MISSING())
    provinces = divisions.children()
    for division in (
        *provinces,
        *(one for province in provinces for one in divisions.children(province.code)),
    ):
        if division.level != "county" and text.startswith(division.name) and division.name not in path:
            found.append(refusals.OTHER_PLACE(place=division.name))
            break
    return tuple(found)


def _unfit_character(text: str) -> Refusal | None:
    """The first character that no label may carry."""
    for letter in text:
        point = f"U+{ord(letter):04X}"
        if any(low <= ord(letter) <= high for low, high in _PICTURES):
            return refusals.EMOJI(character=letter if letter.isprintable() else "?", code_point=point)
        if first_unprintable(letter) is None:
            continue
        if unicodedata.category(letter)[0] in "CMZ":
            return refusals.CHARACTER_HIDDEN(code_point=point)
        return refusals.CHARACTER_NOT_PRINTABLE(character=letter, code_point=point)
    return None


def _not_in_person(text: str, day: date) -> str | None:
    """The word by which the address names a locker, a box or a station."""
    plain = _SIGNS.sub("", text.casefold())
    anywhere, ending = _words()
    for word in anywhere.value_on(day):
        if word in plain:
            return word
    return next((word for word in ending.value_on(day) if plain.endswith(word)), None)


@cache
def _words() -> tuple[Dated[list[str]], Dated[list[str]]]:
    """The dated words of `not_in_person.toml`. Raises `DefectiveRulesError`."""
    defects: list[Defect] = []
    tables = read_toml(path=_WORDS, shown_as=_WORDS.name, defects=defects).get("words", {})
    anywhere, ending = (
        read_dated(
            raw=tables.get(key), value_type=list[str], file=_WORDS.name, key=f"words.{key}", defects=defects
        )
        for key in ("anywhere", "ending")
    )
    if anywhere is None or ending is None:
        raise DefectiveRulesError(defects)
    return anywhere, ending


def _is_blank(letter: str) -> bool:
    return letter in "\t\r\n" or unicodedata.category(letter) == "Zs"


def _without(path: Sequence[str], text: str) -> str:
    """Without two or more of the chosen divisions at the beginning: one alone may be part of a road's name."""
    for first in range(len(path) - 1):
        for last in range(len(path), first + 1, -1):
            again = "".join(path[first:last])
            if text.startswith(again):
                return text[len(again) :].strip(_EDGES)
    return text
