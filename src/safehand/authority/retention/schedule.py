"""The retention schedule: for each class of record how many days it is kept, dated, with its source. Pure but for its reading."""

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from safehand.authority.addresses.book import KEPT_FOR as ADDRESSES_LONGEST
from safehand.authority.application.drafts import KEPT_FOR as DRAFTS_LONGEST
from safehand.kernel.dated import (
    Defect,
    DefectiveRulesError,
    Entry,
    Layered,
    Timeline,
    read_toml,
    refuse_unknown_sections,
    timeline,
)

FILE: Final = "_retention.toml"
CLASSES: Final = ("pictures_days", "person_days", "notices_days", "drafts_days", "addresses_days")
"""Every class of record, in the order of the page."""
ENDS: Final = (
    "application.completed",
    "application.withdrawn",
    "application.deemed_withdrawn",
    "application.refused",
    "application.ended_undelivered",
)
"""The events with which a case ends; the migration's index and the job's statement name the same."""

Days = Annotated[int, Meta(ge=1, le=36_500)]


class Kept(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Days by class of record."""

    pictures_days: Days
    """After a case has ended: its pictures, and what the rules said of them."""
    person_days: Days
    """After a case has ended: the person. Never shorter than the pictures."""
    notices_days: Days
    """After it was sent: that a message went out, and whether it arrived."""
    drafts_days: Annotated[int, Meta(ge=1, le=DRAFTS_LONGEST.days)]
    """After it was last touched."""
    addresses_days: Annotated[int, Meta(ge=1, le=ADDRESSES_LONGEST.days)]
    """After it was last used."""


class Periods(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The file's one section."""

    kept: Kept


class Retention(msgspec.Struct, frozen=True, kw_only=True):
    """The schedule over time."""

    periods: Timeline[Periods]

    def on(self, day: date) -> Kept:
        """The periods of a day. Raises `NotInForceError` before the first."""
        return self.periods.on(day).kept

    def period(self, *, name: str, day: date) -> timedelta:
        """How long a class is kept, by the schedule of a day. `name`: one of `CLASSES`."""
        return timedelta(days=getattr(self.on(day), name))

    def entry(self, *, name: str, day: date) -> Entry[int]:
        """The value of a class with its source and since when it holds."""
        return self.periods.values[f"kept.{name}"].entry_on(day)


def load_retention(folder: Path) -> Retention:
    """The schedule in a folder (`documents`). Raises `DefectiveRulesError` with everything that is wrong in it."""
    defects: list[Defect] = []
    tables = read_toml(path=folder / FILE, shown_as=FILE, defects=defects)
    layer = Layered(folder=folder.name, file=FILE, tables=tables, file_of={"": FILE})
    refuse_unknown_sections(layer=layer, known=frozenset({"kept"}), defects=defects)
    periods = timeline(shape=Periods, tables=tables, file_of=layer.file_of, defects=defects)
    for since, view in zip(periods.changes, periods.views, strict=True) if periods is not None else ():
        if view.kept.person_days < view.kept.pictures_days:
            wrong = f"on {since} the person goes before the pictures"
            defects.append(
                Defect(file=FILE, key="kept.person_days", wrong=wrong, way_out="keep pictures no longer")
            )
    if defects or periods is None:
        raise DefectiveRulesError(defects)
    return Retention(periods=periods)
