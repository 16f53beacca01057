"""The post's delivery offices as the authority names them to people: name, address, hours. Dated, from the cities' files."""

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from safehand.authority.cities.city import CityCode, Text
from safehand.kernel.dated import (
    Defect,
    DefectiveRulesError,
    NotInForceError,
    Timeline,
    read_layered,
    timeline,
)
from safehand.kernel.outcome import Language


class PostOffice(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A delivery office; its code, which its scans name as their place, is that of the district that it serves."""

    code: CityCode
    district_zh: Text
    district_en: Text
    name_zh: Text
    name_en: Text
    address_zh: Text
    address_en: Text
    hours_zh: Text
    hours_en: Text

    def words(self, language: Language) -> str:
        """Name, address and hours."""
        if language == "zh":
            return f"{self.name_zh}，{self.address_zh}，{self.hours_zh}"
        return f"{self.name_en}, {self.address_en}, {self.hours_en}"


class _Offices(msgspec.Struct, frozen=True, kw_only=True):
    rounds_max: int
    delivery: Annotated[tuple[PostOffice, ...], Meta(min_length=1, max_length=500)]


class _Rules(msgspec.Struct, frozen=True, kw_only=True):
    offices: _Offices


class PostOffices:
    """Finds an office by its code."""

    def __init__(self, *, cities: Mapping[str, Timeline[_Rules]]) -> None:
        self._cities = dict(cities)

    def find(self, *, code: str, day: date) -> PostOffice | None:
        """The office of a code on a day; none for another place (a sorting centre, another carrier's)."""
        for city in self._cities.values():
            try:
                offices = city.on(max(day, city.first_day)).offices.delivery
            except NotInForceError:
                continue
            for office in offices:
                if office.code == code:
                    return office
        return None


def load_post_offices(folder: Path, defaults: str = "_defaults.toml") -> PostOffices:
    """The offices of every city in a folder. Raises `DefectiveRulesError` naming all defects of all files at once."""
    defects: list[Defect] = []
    cities: dict[str, Timeline[_Rules]] = {}
    for layer in read_layered(folder=folder, file_name="city.toml", defaults_name=defaults, defects=defects):
        if "delivery" not in layer.tables.get("offices", {}):
            continue  # a city in which nothing is delivered has none to name
        rules = timeline(shape=_Rules, tables=layer.tables, file_of=layer.file_of, defects=defects)
        if rules is not None:
            cities[layer.folder] = rules
    if defects:
        raise DefectiveRulesError(defects)
    return PostOffices(cities=cities)
