"""Values that hold from a day on, with the source of each: rules as data, read from TOML, all defects at once."""

import tomllib
from bisect import bisect_right
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Annotated, Any, Final, Generic, Literal, TypeVar, get_type_hints

import msgspec

T = TypeVar("T")
Source = Literal["published", "assumed"]
"""`published`: an official text or press says so. `assumed`: ours, until the city or an operator changes it."""

FILE_BYTES_MAX: Final = 256 * 1024
ENTRIES_MAX: Final = 200
_DAY: Final = timedelta(days=1)


class NotInForceError(LookupError):
    """Nothing holds on the day asked for."""


class Defect(msgspec.Struct, frozen=True, kw_only=True):
    """One thing wrong in a file of rules: where, what, and what to do about it."""

    file: str
    key: str
    wrong: str
    way_out: str

    def __str__(self) -> str:
        return f"{self.file}: {self.key}: {self.wrong} → {self.way_out}"


class DefectiveRulesError(Exception):
    """Files of rules can't be used; `defects` names everything wrong in all of them at once."""

    def __init__(self, defects: list[Defect]) -> None:
        super().__init__("\n".join(str(defect) for defect in defects))
        self.defects = tuple(defects)


class Entry(msgspec.Struct, Generic[T], frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One value, the day it begins to hold, the last day it holds (none: until the next), and its source."""

    from_: date = msgspec.field(name="from")
    value: T
    source: Source
    ref: Annotated[str, msgspec.Meta(min_length=3, max_length=300)]
    until: date | None = None


class Dated(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A value over time: entries in order of their days, without gap or overlap."""

    name: str
    entries: tuple[Entry[T], ...]

    def entry_on(self, day: date) -> Entry[T]:
        """The entry that holds on a day. Raises `NotInForceError` before the first and after the last one."""
        place = bisect_right(self.entries, day, key=lambda entry: entry.from_) - 1
        if place < 0 or (self.entries[place].until or day) < day:
            raise NotInForceError(f"{self.name}: nothing holds on {day}")
        return self.entries[place]

    def value_on(self, day: date) -> T:
        """The value that holds on a day. Raises `NotInForceError` when none does."""
        return self.entry_on(day).value


def defects_of_entries(*, entries: list[Entry[T]], file: str, key: str) -> list[Defect]:
    """Gaps, overlaps, disorder and emptiness in a list of entries."""

    def defect(wrong: str, way_out: str) -> Defect:
        return Defect(file=file, key=key, wrong=wrong, way_out=way_out)

    if not entries:
        return [defect("has no entry", "add one with from, value, source and ref")]
    if len(entries) > ENTRIES_MAX:
        return [defect(f"has {len(entries)} entries", f"keep at most {ENTRIES_MAX}")]
    found: list[Defect] = []
    for entry, following in zip(entries, [*entries[1:], None], strict=True):
        if entry.until is not None and entry.until < entry.from_:
            found.append(defect(f"ends {entry.until} before it begins {entry.from_}", "put until after from"))
        if following is None:
            continue
        if following.from_ <= entry.from_:
            found.append(defect(f"{following.from_} comes after {entry.from_}", "order the entries by from"))
        elif entry.until is not None and following.from_ <= entry.until:
            found.append(
                defect(
                    f"overlaps: until {entry.until}, next from {following.from_}",
                    "end it a day before the next",
                )
            )
        elif entry.until is not None and following.from_ > entry.until + _DAY:
            found.append(defect(f"gap: until {entry.until}, next from {following.from_}", "close the gap"))
    return found


def read_dated(
    *, raw: object, value_type: Any, file: str, key: str, defects: list[Defect]
) -> Dated[Any] | None:
    """Raw TOML entries as one `Dated`; what's wrong is added to `defects` and None returned.

    A single table stands for a list of one.
    """
    try:
        entries: list[Entry[Any]] = msgspec.convert(
            [raw] if isinstance(raw, dict) else raw,
            type=list[Entry[value_type]],
            builtin_types=(date, datetime, time),
            strict=True,
        )
    except msgspec.ValidationError as wrong:
        defects.append(
            Defect(file=file, key=key, wrong=str(wrong), way_out="write [{ from, value, source, ref }, …]")
        )
        return None
    found = defects_of_entries(entries=entries, file=file, key=key)
    defects.extend(found)
    return None if found else Dated(name=key, entries=tuple(entries))


class Timeline(msgspec.Struct, Generic[T], frozen=True, kw_only=True):
    """A whole set of dated values, resolved once per day of change: `on(day)` costs one bisection.

    `views[i]` holds from `changes[i]` until the next; `values` keeps each value with its sources.
    """

    changes: tuple[date, ...]
    views: tuple[T, ...]
    values: dict[str, Dated[Any]]
    last_day: date | None = None

    @property
    def first_day(self) -> date:
        """The first day on which every value holds."""
        return self.changes[0]

    def on(self, day: date) -> T:
        """All values of a day. Raises `NotInForceError` before the first day and after the last."""
        place = bisect_right(self.changes, day) - 1
        if place < 0 or (self.last_day is not None and day > self.last_day):
            raise NotInForceError(f"these rules don't hold on {day}; they begin {self.first_day}")
        return self.views[place]


def timeline(
    *, shape: type[T], tables: dict[str, Any], file_of: dict[str, str], defects: list[Defect]
) -> Timeline[T] | None:
    """Dated tables as a timeline of `shape`, a struct of structs (section → key → value type).

    `tables` is section → key → raw entries; `file_of` names the file that `section.key` came from. Missing,
    unknown and broken keys are added to `defects`, all of them; None is returned when there is any.
    """
    before = len(defects)
    sections = get_type_hints(shape, include_extras=True)
    values: dict[str, Dated[Any]] = {}
    anywhere = next(iter(file_of.values()), "")
    for section, section_shape in sections.items():
        keys = get_type_hints(section_shape, include_extras=True)
        table = tables.get(section)
        table = table if isinstance(table, dict) else {}
        for key, value_type in keys.items():
            path = f"{section}.{key}"
            file = file_of.get(path, anywhere)
            if key not in table:
                defects.append(
                    Defect(file=file, key=path, wrong="is missing", way_out="add it here or in the defaults")
                )
                continue
            value = read_dated(raw=table[key], value_type=value_type, file=file, key=path, defects=defects)
            if value is not None:
                values[path] = value
        for key in sorted(table.keys() - keys.keys()):
            path = f"{section}.{key}"
            defects.append(
                Defect(
                    file=file_of.get(path, anywhere),
                    key=path,
                    wrong="is not a known key",
                    way_out=f"use one of {', '.join(sorted(keys))}",
                )
            )
    if len(defects) > before:
        return None
    return _resolve(shape=shape, sections=sections, values=values)


def _resolve(*, shape: type[T], sections: dict[str, Any], values: dict[str, Dated[Any]]) -> Timeline[T]:
    start = max(value.entries[0].from_ for value in values.values())
    ends = [value.entries[-1].until for value in values.values()]
    last_day = min((end for end in ends if end is not None), default=None)
    days = {entry.from_ for value in values.values() for entry in value.entries}
    changes = tuple(
        sorted({start} | {day for day in days if day > start and (last_day is None or day <= last_day)})
    )
    views = tuple(
        shape(
            **{
                section: section_shape(
                    **{key: values[f"{section}.{key}"].value_on(day) for key in get_type_hints(section_shape)}
                )
                for section, section_shape in sections.items()
            }
        )
        for day in changes
    )
    return Timeline(changes=changes, views=views, values=values, last_day=last_day)


def read_toml(*, path: Path, shown_as: str, defects: list[Defect]) -> dict[str, Any]:
    """A TOML file as tables; unreadable, oversized and malformed files become defects and an empty table."""
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise ValueError(f"larger than {FILE_BYTES_MAX} bytes")
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        defects.append(Defect(file=shown_as, key="(file)", wrong="is missing", way_out="create it"))
    except (OSError, ValueError, RecursionError) as wrong:
        defects.append(
            Defect(file=shown_as, key="(file)", wrong=str(wrong), way_out="write it as TOML in UTF-8")
        )
    return {}


class Layered(msgspec.Struct, frozen=True, kw_only=True):
    """One thing's tables laid over the defaults, and the file each `section.key` came from."""

    folder: str
    file: str
    tables: dict[str, Any]
    file_of: dict[str, str]


def read_layered(
    *,
    folder: Path,
    file_name: str,
    defects: list[Defect],
    defaults_name: str = "_defaults.toml",
    things_max: int = 2000,
) -> list[Layered]:
    """Every `folder/*/file_name` laid over `folder/_defaults.toml`, key by key: a thing holds only what differs.

    Folders that begin with `_` or `.` are no things. The list is in order of the folders' names.
    """
    if not folder.is_dir():
        defects.append(Defect(file=str(folder), key="(folder)", wrong="is missing", way_out="create it"))
        return []
    base_path = folder / defaults_name
    base = read_toml(path=base_path, shown_as=base_path.name, defects=defects) if base_path.exists() else {}
    names = sorted(child.name for child in folder.iterdir() if child.is_dir() and child.name[0] not in "_.")
    if len(names) > things_max:
        wrong = f"holds {len(names)} folders"
        defects.append(
            Defect(file=str(folder), key="(folder)", wrong=wrong, way_out=f"keep at most {things_max}")
        )
        return []
    layers: list[Layered] = []
    for name in names:
        shown = f"{name}/{file_name}"
        own = read_toml(path=folder / name / file_name, shown_as=shown, defects=defects)
        tables: dict[str, Any] = {}
        file_of: dict[str, str] = {}
        for source, shown_as in ((base, defaults_name), (own, shown)):
            for section, table in source.items():
                if not isinstance(table, dict):
                    wrong, out = "stands outside a section", "put it below a [section]"
                    defects.append(Defect(file=shown_as, key=section, wrong=wrong, way_out=out))
                    continue
                tables.setdefault(section, {}).update(table)
                file_of.update({f"{section}.{key}": shown_as for key in table})
        layers.append(Layered(folder=name, file=shown, tables=tables, file_of=file_of))
    return layers


def read_facts(*, shape: type[T], layer: Layered, section: str, defects: list[Defect]) -> T | None:
    """An undated section (an identity: code and names) as a struct; what's wrong becomes a defect and None."""
    try:
        return msgspec.convert(
            layer.tables.get(section, {}), type=shape, builtin_types=(date, datetime, time), strict=True
        )
    except msgspec.ValidationError as wrong:
        way_out = f"correct the section [{section}]"
        defects.append(Defect(file=layer.file, key=section, wrong=str(wrong), way_out=way_out))
        return None


def refuse_unknown_sections(*, layer: Layered, known: frozenset[str], defects: list[Defect]) -> None:
    """A misspelt section would be ignored in silence; name it instead."""
    for section in sorted(layer.tables.keys() - known):
        way_out = f"use one of {', '.join(sorted(known))}"
        defects.append(Defect(file=layer.file, key=section, wrong="is not a known section", way_out=way_out))
