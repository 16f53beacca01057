"""The synthetic people: a fixed cast by key, and any number of others made from a seed.

The register of the sandbox answers with `Person.register_facts()`; its field names are those that the authority reads.
"""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from safehand.kernel.check_digits import mod_11_2_character
from safehand.kernel.dated import (
    Defect,
    DefectiveRulesError,
    read_dated,
    read_facts,
    read_layered,
    read_toml,
)
from safehand.kernel.working_days import add_months, age_years

AREA: Final = "999999"
"""Assigned to no place, so these numbers can belong to nobody."""

PEOPLE_MAX: Final = 1_000_000
_FIRST_BIRTH: Final = date(1958, 1, 1).toordinal()
_BIRTH_DAYS: Final = 16_000
_ORDERS: Final = 980
"""Orders 1…980 of a day belong to made people, 981 and up to the fixed cast, so the two never meet."""
_ID_NUMBERS: Final = _BIRTH_DAYS * _ORDERS
# Coprime to the count of numbers (2⁸ · 5⁴ · 7² · 2), so stepping by it visits each number once.
_STRIDE: Final = 6_700_417
_FIRST_PHONE: Final = 19_900_000_000
_CAST_PHONES: Final = 10_000
_MASK: Final = 2**64 - 1

Sex = Literal["male", "female"]
House = Literal["authority", "postal"]
Ground = Literal["expiring", "pages_used", "damaged", "lost", "stolen", "changed_data"]
DocumentStatus = Literal["valid", "suspended", "reported_lost", "cancelled"]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts with no room for a misspelt key."""


class Address(_Strict, frozen=True, kw_only=True):
    """A postal address in parts; `destination_code` is county and township (9 digits)."""

    destination_code: str
    province_zh: str
    city_zh: str
    district_zh: str
    township_zh: str
    street_zh: str
    unit_zh: str
    room_zh: str

    @property
    def line_zh(self) -> str:
        """The address in one line, from large to small; a municipality is named once."""
        province = "" if self.province_zh == self.city_zh else self.province_zh
        return f"{province}{self.city_zh}{self.district_zh}{self.township_zh}{self.street_zh}{self.unit_zh}{self.room_zh}"


class HeldDocument(_Strict, frozen=True, kw_only=True):
    """A document in the sandbox register."""

    kind: str
    number: str
    issued_on: date
    expires_on: date
    status: DocumentStatus = "valid"
    fingerprints_stored: bool = True


class Person(_Strict, frozen=True, kw_only=True):
    """One synthetic person with everything that the sandbox services know."""

    key: str
    name_zh: str
    name_en: str
    sex: Sex
    birth_date: date
    id_number: str
    phone: str
    email: str
    address: Address
    household_city: str
    documents: tuple[HeldDocument, ...]
    state_staff: bool = False
    active_service: bool = False
    exit_restricted: bool = False
    deceased: bool = False
    in_mainland: bool = True

    def register_facts(self) -> dict[str, Any]:
        """What the register answers about this person, ready for JSON."""
        return {
            "household_city": self.household_city,
            "birth_date": self.birth_date,
            "state_staff": self.state_staff,
            "active_service": self.active_service,
            "exit_restricted": self.exit_restricted,
            "deceased": self.deceased,
            "in_mainland": self.in_mainland,
            "documents": self.documents,
        }


class CastMember(_Strict, frozen=True, kw_only=True):
    """A person of the fixed cast: what they apply for, and the codes that they must be refused with (none: eligible)."""

    person: Person
    about: str
    applies_in: str
    document: str
    ground: Ground
    refused: tuple[str, ...]


class StaffMember(_Strict, frozen=True, kw_only=True):
    """Someone who works for one of the houses; without a city they serve the whole country. The key is the login."""

    key: str
    role: str
    house: House
    name_zh: str
    name_en: str
    city: str | None = None


class Cast(_Strict, frozen=True, kw_only=True):
    """The fixed cast by key."""

    people: dict[str, CastMember]
    staff: dict[str, StaffMember]

    def person(self, key: str) -> Person:
        """One of the people. Raises `KeyError`."""
        return self.people[key].person


class District(msgspec.Struct, frozen=True, kw_only=True):
    """A district with a delivery office."""

    code: str
    district_zh: str


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """What addresses in a city are made of."""

    code: str
    name_zh: str
    province_zh: str
    districts: tuple[District, ...] = ()


class DocumentSeries(_Strict, frozen=True, kw_only=True):
    """How numbers of a kind of document are made: prefix and so many digits."""

    kind: str
    prefix: str
    cast_prefix: str
    digits: Annotated[int, Meta(ge=6, le=12)]


class Words(_Strict, frozen=True, kw_only=True):
    """Names, townships, streets and document series (cast/people.toml)."""

    surnames: Annotated[tuple[tuple[str, str], ...], Meta(min_length=1)]
    given: Annotated[tuple[tuple[str, str], ...], Meta(min_length=1)]
    townships: Annotated[tuple[str, ...], Meta(min_length=1, max_length=999)]
    streets: Annotated[tuple[str, ...], Meta(min_length=1)]
    documents: tuple[DocumentSeries, ...]


class Places(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that people are made of; a city added to the cities' folder is here too."""

    words: Words
    cities: dict[str, Place]


class _DocumentRow(_Strict, frozen=True, kw_only=True):
    kind: str
    days_left: int
    status: DocumentStatus = "valid"
    fingerprints_stored: bool = True


class _PersonRow(_Strict, frozen=True, kw_only=True):
    key: Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{1,40}$")]
    name_zh: str
    name_en: str
    sex: Sex
    about: str
    city: str
    district: int
    documents: Annotated[tuple[_DocumentRow, ...], Meta(max_length=10)]
    document: str
    ground: Ground
    refused: tuple[str, ...]
    born: date | None = None
    age_years: int | None = None
    household_city: str | None = None
    applies_in: str | None = None
    state_staff: bool = False
    active_service: bool = False
    exit_restricted: bool = False
    deceased: bool = False
    in_mainland: bool = True


class _CastFile(_Strict, frozen=True, kw_only=True):
    # At most nine people share a birthday safely: their orders are 981 and up.
    people: Annotated[tuple[_PersonRow, ...], Meta(max_length=60)]
    staff: Annotated[tuple[StaffMember, ...], Meta(max_length=200)]


def load_places(*, cast_folder: Path, cities_folder: Path) -> Places:
    """Words and places. Raises `DefectiveRulesError` naming all defects at once."""
    defects: list[Defect] = []
    words = _read(shape=Words, path=cast_folder / "people.toml", defects=defects)
    cities: dict[str, Place] = {}
    for layer in read_layered(folder=cities_folder, file_name="city.toml", defects=defects):
        place = read_facts(shape=Place, layer=layer, section="city", defects=defects)
        offices = read_dated(
            raw=layer.tables.get("offices", {}).get("delivery"),
            value_type=tuple[District, ...],
            file=layer.file,
            key="offices.delivery",
            defects=defects,
        )
        if place is not None and offices is not None:
            cities[place.code] = msgspec.structs.replace(place, districts=offices.entries[-1].value)
    if defects or words is None:
        raise DefectiveRulesError(defects)
    return Places(words=words, cities=cities)


def load_cast(*, cast_folder: Path, places: Places, today: date) -> Cast:
    """The fixed cast as of a day: documents end relative to it, and the children stay children.

    Raises `DefectiveRulesError` naming all defects at once.
    """
    defects: list[Defect] = []
    file = _read(shape=_CastFile, path=cast_folder / "cast.toml", defects=defects)
    if file is None:
        raise DefectiveRulesError(defects)
    keys = [row.key for row in (*file.people, *file.staff)]
    defects += [
        Defect(file="cast.toml", key=key, wrong="is defined twice", way_out="choose another key")
        for key in sorted({key for key in keys if keys.count(key) > 1})
    ]
    for row in file.people:
        defects.extend(_defects_of_row(row=row, places=places))
    if defects:
        raise DefectiveRulesError(defects)
    people = {
        row.key: _member(row=row, order=order, places=places, today=today)
        for order, row in enumerate(file.people)
    }
    return Cast(people=people, staff={member.key: member for member in file.staff})


def synthetic_person(*, seed: int, number: int, city: str, today: date, places: Places) -> Person:
    """The number-th made person of a seed, living and registered in a city: eligible, every document ending soon.

    The same arguments always give the same person. ID numbers, phones and document numbers of different numbers
    never meet. Raises `ValueError` outside 0…999999 and `KeyError` for a city that isn't in the cities' folder.
    """
    if not 0 <= number < PEOPLE_MAX:
        raise ValueError(f"a number lies between 0 and {PEOPLE_MAX - 1}")
    words = places.words
    chance = _mixed(seed * PEOPLE_MAX + number)
    place = (number * _STRIDE + _mixed(seed)) % _ID_NUMBERS
    birth_date = date.fromordinal(_FIRST_BIRTH + place // _ORDERS)
    order = place % _ORDERS + 1
    surname = words.surnames[chance % len(words.surnames)]
    first = words.given[(chance >> 8) % len(words.given)]
    second = words.given[(chance >> 16) % len(words.given)] if chance >> 24 & 3 else ("", "")
    days_left = 40 + (chance >> 26) % 120
    return Person(
        key=f"person_{number}",
        name_zh=f"{surname[0]}{first[0]}{second[0]}",
        name_en=f"{surname[1]} {(first[1] + second[1]).capitalize()}",
        sex="male" if order % 2 else "female",
        birth_date=birth_date,
        id_number=_id_number(birth_date, order),
        phone=str(_FIRST_PHONE + _CAST_PHONES + number),
        email=f"person{number}@mail.example",
        address=_address(words=words, place=places.cities[city], chance=chance >> 33),
        household_city=city,
        documents=_documents(
            series=words.documents, number=number, expires_on=today + timedelta(days=days_left)
        ),
    )


def _documents(
    *, series: tuple[DocumentSeries, ...], number: int, expires_on: date
) -> tuple[HeldDocument, ...]:
    issued_on = add_months(expires_on + timedelta(days=1), -120)
    return tuple(
        HeldDocument(
            kind=one.kind,
            number=f"{one.prefix}{number:0{one.digits}d}",
            issued_on=issued_on,
            expires_on=expires_on,
        )
        for one in series
    )


def _address(*, words: Words, place: Place, chance: int) -> Address:
    district = place.districts[chance % len(place.districts)]
    township = (chance >> 4) % len(words.townships)
    street = words.streets[(chance >> 9) % len(words.streets)]
    return Address(
        destination_code=f"{district.code}{township + 1:03d}",
        province_zh=place.province_zh,
        city_zh=place.name_zh,
        district_zh=district.district_zh,
        township_zh=words.townships[township],
        street_zh=f"{street}{(chance >> 13) % 300 + 1}号",
        unit_zh=f"{(chance >> 21) % 6 + 1}单元",
        room_zh=f"{(chance >> 23) % 18 + 1}{(chance >> 27) % 4 + 1:02d}室",
    )


def _defects_of_row(*, row: _PersonRow, places: Places) -> list[Defect]:
    found: list[Defect] = []
    place = places.cities.get(row.city)
    if place is None or not 0 <= row.district < len(place.districts):
        wrong = f"lives in {row.city}, district {row.district}, which isn't there"
        found.append(
            Defect(file="cast.toml", key=row.key, wrong=wrong, way_out="use a city and district of cities/")
        )
    if (row.born is None) == (row.age_years is None):
        found.append(
            Defect(file="cast.toml", key=row.key, wrong="birth unclear", way_out="give born or age_years")
        )
    kinds = {one.kind for one in places.words.documents}
    if unknown := {row.document, *(document.kind for document in row.documents)} - kinds:
        wrong = f"unknown kinds {sorted(unknown)}"
        found.append(
            Defect(file="cast.toml", key=row.key, wrong=wrong, way_out="add a series to people.toml")
        )
    return found


def _member(*, row: _PersonRow, order: int, places: Places, today: date) -> CastMember:
    # Born in January, so that a child keeps its age the whole year through.
    birth_date = row.born or date(today.year - (row.age_years or 0), 1, 1)
    series = {one.kind: one for one in places.words.documents}
    # Two orders, one for each sex, by place in the list modulo nine; birthdays in the cast differ beyond that.
    sequence = _ORDERS + 2 * (order % 9) + (1 if row.sex == "male" else 2)
    documents = tuple(
        HeldDocument(
            kind=held.kind,
            number=f"{series[held.kind].cast_prefix}{order:0{series[held.kind].digits}d}",
            issued_on=_issued_on(expires_on=today + timedelta(days=held.days_left), birth_date=birth_date),
            expires_on=today + timedelta(days=held.days_left),
            status=held.status,
            fingerprints_stored=held.fingerprints_stored,
        )
        for held in row.documents
    )
    place = msgspec.structs.replace(
        places.cities[row.city], districts=(places.cities[row.city].districts[row.district],)
    )
    person = Person(
        key=row.key,
        name_zh=row.name_zh,
        name_en=row.name_en,
        sex=row.sex,
        birth_date=birth_date,
        id_number=_id_number(birth_date, sequence),
        phone=str(_FIRST_PHONE + 1 + order),
        email=f"{row.key}@mail.example",
        # One home per family: the address depends on the place only.
        address=_address(words=places.words, place=place, chance=_mixed(int(row.city)) >> 33),
        household_city=row.household_city or row.city,
        documents=documents,
        state_staff=row.state_staff,
        active_service=row.active_service,
        exit_restricted=row.exit_restricted,
        deceased=row.deceased,
        in_mainland=row.in_mainland,
    )
    applies_in = row.applies_in or row.city
    return CastMember(
        person=person,
        about=row.about,
        applies_in=applies_in,
        document=row.document,
        ground=row.ground,
        refused=row.refused,
    )


def _issued_on(*, expires_on: date, birth_date: date) -> date:
    """Ten years before the end, or five where the holder was under 16 then."""
    anniversary = expires_on + timedelta(days=1)
    ten_years_before = add_months(anniversary, -120)
    if age_years(birth_date=birth_date, day=ten_years_before) >= 16:
        return ten_years_before
    return add_months(anniversary, -60)


def _read(*, shape: type[Any], path: Path, defects: list[Defect]) -> Any:
    tables = read_toml(path=path, shown_as=path.name, defects=defects)
    try:
        return msgspec.convert(tables, type=shape, builtin_types=(date,), strict=True) if tables else None
    except msgspec.ValidationError as wrong:
        defects.append(
            Defect(file=path.name, key="(file)", wrong=str(wrong), way_out="correct the value named")
        )
        return None


def _id_number(birth_date: date, order: int) -> str:
    year, month, day = birth_date.year, birth_date.month, birth_date.day
    body = f"{AREA}{year:04d}{month:02d}{day:02d}{order:03d}"
    return body + mod_11_2_character(body)


def _mixed(value: int) -> int:
    """64 bits that look like chance but follow from the value (multiply and shift, three times)."""
    value = (value * 0x9E3779B97F4A7C15 + 0x632BE59BD9B4E019) & _MASK
    value = ((value ^ value >> 30) * 0xBF58476D1CE4E5B9) & _MASK
    value = ((value ^ value >> 27) * 0x94D049BB133111EB) & _MASK
    return value ^ value >> 31
