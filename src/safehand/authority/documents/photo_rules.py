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
Pixels = Annotated[float, Meta(ge=0, le=100)]
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
    ratio_min: Share
    ratio_max: Share
    age_months_max: Count


class Face(_Strict, frozen=True, kw_only=True):
    """Limits of the face; shares are of the picture's width, those of head and eye line of its height.

    Where a set gives no figure, the limits are 0 and 1. A `doubt` is how far a measure may be out; what lies within
    it, and between a limit and the one beyond which it `fails`, is for the examiner.
    """

    width_share_min: Share
    width_share_max: Share
    eye_distance_share_min: Share
    eye_distance_share_max: Share
    head_height_share_min: Share
    head_height_share_max: Share
    eye_line_share_min: Share
    eye_line_share_max: Share
    yaw_degrees_max: Degrees
    pitch_degrees_max: Degrees
    roll_degrees_max: Degrees
    yaw_doubt_degrees: Degrees
    pitch_doubt_degrees: Degrees
    eye_opening_percent_min: Percent
    mouth_gap_percent_max: Percent


class Background(_Strict, frozen=True, kw_only=True):
    """Limits of the background."""

    neutral_light_percent_min: Percent
    neutral_chroma_percent_max: Percent
    blue_hue_degrees: Degrees
    blue_hue_tolerance_degrees: Degrees
    blue_light_percent_min: Percent
    spread_percent_max: Percent
    spread_percent_fails: Percent
    hidden_percent_max: Percent
    hidden_percent_fails: Percent


class Light(_Strict, frozen=True, kw_only=True):
    """Limits of the light on the face, in percent of white; between a limit and the next the examiner looks."""

    face_percent_min: Percent
    face_percent_dark: Percent
    face_percent_max: Percent
    face_percent_bright: Percent
    burnt_percent_max: Percent
    burnt_percent_fails: Percent
    shadow_percent_max: Percent
    shadow_percent_fails: Percent


class Sharpness(_Strict, frozen=True, kw_only=True):
    """Limits of blur: the standard deviation in pixels of a photo 354 pixels wide."""

    blur_px_max: Pixels
    blur_px_fails: Pixels


class PhotoLimits(_Strict, frozen=True, kw_only=True):
    """All limits of one set."""

    file: PhotoFile
    picture: Picture
    face: Face
    background: Background
    light: Light
    sharpness: Sharpness


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

    def since(self, day: date) -> date:
        """The day since which the limits of `day` hold. Raises `NotInForceError` when none hold."""
        self.limits.on(day)
        return max(change for change in self.limits.changes if change <= day)


def load_photo_rules(folder: Path) -> dict[str, PhotoRules]:
    """Every rule set in a folder (`documents/_photo`) by its code. Raises `DefectiveRulesError` with all defects."""
    defects: list[Defect] = []
    found: dict[str, PhotoRules] = {}
    for path in sorted(folder.glob("*.toml")):
        tables = read_toml(path=path, shown_as=path.name, defects=defects)
        layer = Layered(folder=folder.name, file=path.name, tables=tables, file_of={"": path.name})
        refuse_unknown_sections(
            layer=layer,
            known=frozenset({"rule_set", *PhotoLimits.__struct_fields__}),
            defects=defects,
        )
        identity = read_facts(shape=RuleSetIdentity, layer=layer, section="rule_set", defects=defects)
        limits = timeline(shape=PhotoLimits, tables=tables, file_of=layer.file_of, defects=defects)
        if identity is not None and limits is not None:
            found[identity.code] = PhotoRules(identity=identity, limits=limits)
    if defects:
        raise DefectiveRulesError(defects)
    return found
