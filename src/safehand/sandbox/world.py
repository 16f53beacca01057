"""The sandbox's world: its people, made from one seed on one day, the same at every later start."""

from datetime import date
from pathlib import Path
from typing import Final

import msgspec

from safehand.kernel.check_digits import are_digits, mod_11_2_character
from safehand.kernel.dated import DefectiveRulesError
from safehand.sandbox import cast
from safehand.sandbox.cast import _FIRST_BIRTH as FIRST_BIRTH
from safehand.sandbox.cast import _ID_NUMBERS as ID_NUMBERS
from safehand.sandbox.cast import _ORDERS as ORDERS
from safehand.sandbox.cast import _STRIDE as STRIDE
from safehand.sandbox.cast import AREA, PEOPLE_MAX, Cast, Person, load_cast, load_places, synthetic_person
from safehand.sandbox.key_files import write_secret
from safehand.sandbox.settings import BadSettings
from safehand.sandbox.sign_in.people import SignInPerson

REPOSITORY: Final = Path(__file__).parents[3]
WORLD_FILE: Final = "world.json"
WORLD_BYTES_MAX: Final = 1_000
_STRIDE_BACK: Final = pow(STRIDE, -1, ID_NUMBERS)


class _WorldNote(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a folder's world was begun with."""

    seed: int
    day: date


class World:
    """Everybody there is: the cast by key, and a million residents by number, none of them stored."""

    def __init__(self, *, seed: int, day: date, cast_folder: Path, cities_folder: Path) -> None:
        self.day = day
        self._seed = seed
        self._places = load_places(cast_folder=cast_folder, cities_folder=cities_folder)
        self.cast: Cast = load_cast(cast_folder=cast_folder, places=self._places, today=day)
        self.cities = tuple(sorted(self._places.cities))
        self._offset = cast._mixed(seed)  # noqa: SLF001 - the inverse of synthetic_person's numbering
        self._cast_by_number = {
            member.person.id_number: member.person for member in self.cast.people.values()
        }

    def cast_person(self, *, id_number: str) -> Person | None:
        """The member of the cast with this ID number."""
        return self._cast_by_number.get(id_number)

    def number_of(self, *, id_number: str) -> int | None:
        """The number of the synthetic resident with this ID number; None when nobody has it.

        Undoes the stepping by which `synthetic_person` gives numbers; the check digit and the birth date must hold.
        """
        birth_date = birth_date_of(id_number)
        order = int(id_number[14:17]) if birth_date is not None else 0
        if birth_date is None or not id_number.startswith(AREA) or not 1 <= order <= ORDERS:
            return None
        place = (birth_date.toordinal() - FIRST_BIRTH) * ORDERS + order - 1
        if not 0 <= place < ID_NUMBERS:
            return None
        number = (place - self._offset) * _STRIDE_BACK % ID_NUMBERS
        return number if number < PEOPLE_MAX else None

    def resident(self, *, number: int, city: str) -> Person:
        """The synthetic resident of a number, registered in a city."""
        return synthetic_person(
            seed=self._seed, number=number, city=city, today=self.day, places=self._places
        )

    def usual_city(self, *, number: int) -> str:
        """Where a resident is registered unless the register was told otherwise: evenly over the open cities."""
        return self.cities[number % len(self.cities)]

    def to_choose_from(self) -> list[SignInPerson]:
        """The cast, for the sign-in's page."""
        return [_signing_in(member.person, about=member.about) for member in self.cast.people.values()]

    def find(self, *, login_hint: str) -> SignInPerson | None:
        """The person of a cast key, of `person_<number>`, or of an ID number; None when there is nobody."""
        member = self.cast.people.get(login_hint)
        person = member.person if member else self.cast_person(id_number=login_hint)
        if person is None:
            number = _resident_number(login_hint)
            number = self.number_of(id_number=login_hint) if number is None else number
            if number is None:
                return None
            person = self.resident(number=number, city=self.usual_city(number=number))
        return _signing_in(person, about="")


def open_world(
    *, folder: Path, seed: int, today: date, cast_folder: str = "", cities_folder: str = ""
) -> World:
    """The world of a folder, begun today when the folder is new. Raises `BadSettings`."""
    note = _noted(folder / WORLD_FILE, seed=seed, today=today)
    cast_path = Path(cast_folder) if cast_folder else REPOSITORY / "cast"
    cities_path = Path(cities_folder) if cities_folder else REPOSITORY / "cities"
    defects = [
        f"{name}: {path} is no folder"
        for name, path in (("cast_folder", cast_path), ("cities_folder", cities_path))
        if not path.is_dir()
    ]
    if defects:
        raise BadSettings(defects)
    try:
        return World(seed=seed, day=note.day, cast_folder=cast_path, cities_folder=cities_path)
    except DefectiveRulesError as defective:
        raise BadSettings([f"cast_folder or cities_folder: {defective}"]) from None


def birth_date_of(id_number: str) -> date | None:
    """The birth date in a resident ID number; None when length, date or check character is wrong (GB 11643-1999)."""
    if (
        len(id_number) != 18
        or not are_digits(id_number[:17])
        or mod_11_2_character(id_number[:17]) != id_number[17]
    ):
        return None
    try:
        return date(int(id_number[6:10]), int(id_number[10:12]), int(id_number[12:14]))
    except ValueError:
        return None


def _noted(file: Path, *, seed: int, today: date) -> _WorldNote:
    if not file.exists():
        note = _WorldNote(seed=seed, day=today)
        write_secret(file, msgspec.json.encode(note))
        return note
    try:
        note = msgspec.json.decode(file.read_bytes()[:WORLD_BYTES_MAX], type=_WorldNote)
    except msgspec.DecodeError as defect:
        raise BadSettings(
            [f"folder: {file} cannot be read as a world ({defect}); remove the folder to begin anew"]
        ) from None
    if note.seed != seed:
        raise BadSettings(
            [f"seed: {file.parent} was begun with seed {note.seed}; use that, or another folder"]
        )
    return note


def _resident_number(login_hint: str) -> int | None:
    prefix, _, digits = login_hint.partition("_")
    if prefix != "person" or not are_digits(digits) or len(digits) > 6:
        return None
    return int(digits)


def _signing_in(person: Person, *, about: str) -> SignInPerson:
    return SignInPerson(
        key=person.key,
        name=person.name_zh,
        name_en=person.name_en,
        resident_id_number=person.id_number,
        phone=person.phone,
        about=about,
    )
