"""Sets of photo rules as data: numbers only, read from `documents/_photo/<code>.toml`; nothing here looks at a photo."""

from datetime import date
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from safehand.kernel.dated import (
    Defect,
    DefectiveRulesError,
    Layered,
    Timeline,
    read_facts,
    read_toml,
    refuse_unknown_sections,
    timeline,
)

Count = Annotated[int, Meta(ge=0, le=100_000_000)]
Share = Annotated[float, Meta(ge=0, le=1)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Degrees = Annotated[int, Meta(ge=0, le=360)]


class _Strict(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Facts with no room for a misspelt key."""


class PhotoFile(_Strict, frozen=True, kw_only=True):
    """Limits of the file."""

    formats: tuple[str, ...]
    quality_min: Percent
    bits: Count
    dpi_min: Count
    dpi_max: Count
    bytes_min: Count
    bytes_max: Count


class Picture(_Strict, frozen=True, kw_only=True):
    """Limits of the picture."""

    width_px_min: Count
    width_px_max: Count
    height_px_min: Count
    height_px_max: Count
    age_months_max: Count


class Face(_Strict, frozen=True, kw_only=True):
    """Limits of the face; shares are of the picture's width."""

    width_share_min: Share
    width_share_max: Share
    eye_distance_share_min: Share
    eye_distance_share_max: Share
    yaw_degrees_max: Degrees
    pitch_degrees_max: Degrees
    roll_degrees_max: Degrees


class Background(_Strict, frozen=True, kw_only=True):
    """Limits of the background."""

    neutral_light_percent_min: Percent
    blue_hue_degrees: Degrees
    blue_light_percent_min: Percent


class PhotoLimits(_Strict, frozen=True, kw_only=True):
    """All limits of one set."""

    file: PhotoFile
    picture: Picture
    face: Face
    background: Background


class RuleSetIdentity(_Strict, frozen=True, kw_only=True):
    """Code and names."""

    code: str
    name_zh: str
    name_en: str


class PhotoRules(msgspec.Struct, frozen=True, kw_only=True):
    """One set of photo rules over time."""

    identity: RuleSetIdentity
    limits: Timeline[PhotoLimits]

    def on(self, day: date) -> PhotoLimits:
        """The limits of a day. Raises `NotInForceError` when none hold."""
        return self.limits.on(day)


def load_photo_rules(folder: Path) -> dict[str, PhotoRules]:
    """Every rule set in a folder (`documents/_photo`) by its code. Raises `DefectiveRulesError` with all defects."""
    defects: list[Defect] = []
    found: dict[str, PhotoRules] = {}
    for path in sorted(folder.glob("*.toml")):
        tables = read_toml(path=path, shown_as=path.name, defects=defects)
        layer = Layered(folder=folder.name, file=path.name, tables=tables, file_of={"": path.name})
        refuse_unknown_sections(
            layer=layer,
            known=frozenset({"rule_set", "file", "picture", "face", "background"}),
            defects=defects,
        )
        identity = read_facts(shape=RuleSetIdentity, layer=layer, section="rule_set", defects=defects)
        limits = timeline(shape=PhotoLimits, tables=tables, file_of=layer.file_of, defects=defects)
        if identity is not None and limits is not None:
            found[identity.code] = PhotoRules(identity=identity, limits=limits)
    if defects:
        raise DefectiveRulesError(defects)
    return found
