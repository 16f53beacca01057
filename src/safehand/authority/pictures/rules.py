"""Judges the measures of a photo by a dated set of limits: every finding at once, pure."""

import math
from collections.abc import Iterator
from typing import Final

from safehand.authority.documents.photo_rules import Background, PhotoLimits
from safehand.authority.pictures.findings import Finding, compared
from safehand.authority.pictures.photos import (
    COLOURLESS_PERCENT,
    BackgroundMeasures,
    FaceMeasures,
    PhotoMeasures,
)
from safehand.authority.pictures.pixels import Colour

ROOM_ABOVE_MIN: Final = 0.01
"""A head that begins within a hundredth of the height below the upper edge counts as cut off (assumed)."""
FOREHEAD_ROOM_MIN: Final = 0.15
"""From the forehead to the crown it is a third of the face's height; with less than half of that the head is cut."""
SCALED_ENOUGH: Final = 0.5
"""Scaling to half or less averages four pixels into one: what a coarse JPEG spoiled is gone (assumed)."""


def judged(*, measures: PhotoMeasures, limits: PhotoLimits) -> tuple[Finding, ...]:
    """Every finding of a photo, in the order of the rules. Head and background are judged where one face stands in them."""
    found = [*_of_file(measures, limits), *_of_face_found(measures)]
    if measures.face is not None:
        found += _of_place(measures.face, limits)
        found += _of_pose(measures, limits)
        found += _of_background(measures.background, limits)
        found += _of_light(measures.face, limits)
    return tuple(found)


def _of_file(measures: PhotoMeasures, limits: PhotoLimits) -> Iterator[Finding]:
    size, file = limits.picture, limits.file
    # Whatever was sent, the clean picture is a JPEG; what can't become one was refused at the door.
    yield Finding(
        code="photo.format",
        outcome="fits",
        measured="jpeg" if measures.source.format == "jpeg" else f"{measures.source.format} → jpeg",
        wanted=", ".join(file.formats),
    )
    yield compared(
        code="photo.dpi", value=measures.dots_per_inch, least=file.dpi_min, most=file.dpi_max, unit=" dpi"
    )
    width, height = measures.width_px, measures.height_px
    low = width < size.width_px_min or height < size.height_px_min
    high = width > size.width_px_max or height > size.height_px_max
    yield Finding(
        code="photo.size",
        outcome="fails" if low or high else "fits",
        measured=f"{width} × {height} px",
        wanted=_between((size.width_px_min, size.height_px_min), (size.width_px_max, size.height_px_max)),
        side="low" if low else "high" if high else "",
    )
    yield compared(
        code="photo.ratio", value=width / height, least=size.ratio_min, most=size.ratio_max, digits=3
    )
    yield compared(
        code="photo.bytes",
        value=measures.bytes / 1000,
        least=file.bytes_min / 1000,
        most=file.bytes_max / 1000,
        digits=1,
        unit=" KB",
    )
    if measures.source.quality is not None:
        yield compared(code="photo.quality", value=measures.source.quality, least=file.quality_min)
    grey = measures.source.bits < file.bits or (
        measures.face is not None and measures.face.chroma_percent < COLOURLESS_PERCENT
    )
    yield Finding(
        code="photo.colour",
        outcome="fails" if grey else "fits",
        measured="8 bit" if grey else f"{file.bits} bit",
        wanted=f"{file.bits} bit",
        side="low" if grey else "",
    )


def _between(least: tuple[int, int], most: tuple[int, int]) -> str:
    low, high = (f"{width} × {height}" for width, height in (least, most))
    return f"{low} px" if low == high else f"{low} – {high} px"


def _of_face_found(measures: PhotoMeasures) -> Iterator[Finding]:
    sure, doubtful = len(measures.faces.sure), measures.faces.doubtful
    unclear = doubtful > 0 and sure <= 1
    yield Finding(
        code="photo.faces",
        outcome="examiner" if unclear else "fits" if sure == 1 else "fails",
        measured=f"{sure} + {doubtful}?" if unclear else str(sure),
        wanted="1",
        side="" if unclear or sure == 1 else "low" if sure == 0 else "high",
    )


def _of_place(face: FaceMeasures, limits: PhotoLimits) -> Iterator[Finding]:
    wanted = limits.face
    for code, value, least, most in (
        ("photo.face_width", face.width_share, wanted.width_share_min, wanted.width_share_max),
        (
            "photo.eye_distance",
            face.eye_distance_share,
            wanted.eye_distance_share_min,
            wanted.eye_distance_share_max,
        ),
        ("photo.eye_line", face.eye_line_share, wanted.eye_line_share_min, wanted.eye_line_share_max),
    ):
        if (least, most) != (0, 1):
            yield compared(code=code, value=value, least=least, most=most, digits=2)


def _of_head(measures: PhotoMeasures, face: FaceMeasures, limits: PhotoLimits) -> Iterator[Finding]:
    """Crown and head height; only a plain background shows where the hair ends."""
    wanted, one, background = limits.face, measures.one, measures.background
    if one is not None and one.top[1] < FOREHEAD_ROOM_MIN * (one.chin[1] - one.top[1]):
        # The forehead itself is at the edge: whatever the background, there is no room for a crown.
        yield compared(code="photo.head_whole", value=0.0, least=ROOM_ABOVE_MIN, digits=2)
        return
    told = (
        background.colour is not None and background.hidden_percent <= limits.background.hidden_percent_fails
    )
    if face.crown_px is None or face.head_height_share is None or not told:
        yield Finding(
            code="photo.head_whole", outcome="examiner", measured="?", wanted=f"≥ {ROOM_ABOVE_MIN:.2f}"
        )
        return
    room = face.crown_px / measures.height_px
    yield compared(code="photo.head_whole", value=room, least=ROOM_ABOVE_MIN, digits=2)
    if (wanted.head_height_share_min, wanted.head_height_share_max) != (0, 1):
        yield compared(
            code="photo.head_height",
            value=face.head_height_share,
            least=wanted.head_height_share_min,
            most=wanted.head_height_share_max,
            digits=2,
        )


def _of_pose(measures: PhotoMeasures, limits: PhotoLimits) -> Iterator[Finding]:
    one, face, wanted = measures.one, measures.face, limits.face
    if one is None or face is None:
        return
    yield from _of_head(measures, face, limits)
    yield compared(
        code="photo.roll", value=abs(one.roll_degrees), most=wanted.roll_degrees_max, digits=1, unit="°"
    )
    for code, value, most, doubt in (
        ("photo.yaw", one.yaw_degrees, wanted.yaw_degrees_max, wanted.yaw_doubt_degrees),
        ("photo.pitch", one.pitch_degrees, wanted.pitch_degrees_max, wanted.pitch_doubt_degrees),
    ):
        yield _turned(code=code, value=abs(value), most=most, doubt=doubt)
    # The mesh follows lids and lips only roughly: what it says of them is never more than a question to the examiner.
    yield compared(
        code="photo.eyes_open",
        value=one.eye_opening * 100,
        least=wanted.eye_opening_percent_min,
        fails_below=0,
        unit=" %",
    )
    yield compared(
        code="photo.mouth_closed",
        value=one.mouth_gap * 100,
        most=wanted.mouth_gap_percent_max,
        fails_above=math.inf,
        unit=" %",
    )


def _turned(*, code: str, value: float, most: int, doubt: int) -> Finding:
    """Yaw and pitch may be out by `doubt`: up to the limit and that nothing speaks against the picture; beyond as much
    again as three times the doubt it fails for certain."""
    found = compared(
        code=code, value=value, most=most + doubt, fails_above=most + 3 * doubt, digits=0, unit="°"
    )
    return Finding(
        code=code,
        outcome=found.outcome,
        measured=f"{found.measured} ± {doubt}°",
        wanted=f"≤ {most}°",
        side=found.side,
    )


def _of_background(background: BackgroundMeasures, limits: PhotoLimits) -> Iterator[Finding]:
    wanted, colour = limits.background, background.colour
    wanted_colour = _wanted_colour(wanted)
    if colour is None:
        for code, text in (
            ("photo.background_colour", wanted_colour),
            ("photo.background_even", f"≤ {wanted.spread_percent_max} %"),
        ):
            yield Finding(code=code, outcome="examiner", measured="?", wanted=text)
        return
    yield _of_colour(colour=colour, wanted=wanted)
    yield compared(
        code="photo.background_even",
        value=background.spread_percent,
        most=wanted.spread_percent_max,
        fails_above=wanted.spread_percent_fails,
        unit=" %",
    )
    yield compared(
        code="photo.background_plain",
        value=background.hidden_percent,
        most=wanted.hidden_percent_max,
        fails_above=wanted.hidden_percent_fails,
        unit=" %",
    )


def _wanted_colour(wanted: Background) -> str:
    low, high = (wanted.blue_hue_degrees + sign * wanted.blue_hue_tolerance_degrees for sign in (-1, 1))
    return (
        f"L ≥ {wanted.neutral_light_percent_min} %, C ≤ {wanted.neutral_chroma_percent_max} %; "
        f"L ≥ {wanted.blue_light_percent_min} %, H {low}–{high}°"
    )


def _of_colour(*, colour: Colour, wanted: Background) -> Finding:
    """White, light grey or pale blue."""
    neutral = (
        colour.light_percent >= wanted.neutral_light_percent_min
        and colour.chroma_percent <= wanted.neutral_chroma_percent_max
    )
    off = abs((colour.hue_degrees - wanted.blue_hue_degrees + 180) % 360 - 180)
    blue = (
        colour.light_percent >= wanted.blue_light_percent_min and off <= wanted.blue_hue_tolerance_degrees
        and colour.chroma_percent > wanted.neutral_chroma_percent_max
    )  # fmt: skip
    dark = colour.light_percent < wanted.blue_light_percent_min or (
        colour.chroma_percent <= wanted.neutral_chroma_percent_max
    )
    return Finding(
        code="photo.background_colour",
        outcome="fits" if neutral or blue else "fails",
        measured=f"L {colour.light_percent:.0f} %, C {colour.chroma_percent:.0f} %, H {colour.hue_degrees:.0f}°",
        wanted=_wanted_colour(wanted),
        side="" if neutral or blue else "low" if dark else "high",
    )


def _of_light(face: FaceMeasures, limits: PhotoLimits) -> Iterator[Finding]:
    light, sharpness = limits.light, limits.sharpness
    yield compared(
        code="photo.light",
        value=face.light_percent,
        least=light.face_percent_min,
        most=light.face_percent_max,
        fails_below=light.face_percent_dark,
        fails_above=light.face_percent_bright,
        unit=" %",
    )
    yield compared(
        code="photo.glare",
        value=face.burnt_percent,
        most=light.burnt_percent_max,
        fails_above=light.burnt_percent_fails,
        digits=1,
        unit=" %",
    )
    yield compared(
        code="photo.face_shadow",
        value=face.shadow_percent,
        most=light.shadow_percent_max,
        fails_above=light.shadow_percent_fails,
        unit=" %",
    )
    if face.blur_px is None:
        yield Finding(
            code="photo.sharpness",
            outcome="fails",
            measured="?",
            wanted=f"≤ {sharpness.blur_px_max:.1f} px",
            side="high",
        )
        return
    yield compared(
        code="photo.sharpness",
        value=face.blur_px,
        most=sharpness.blur_px_max,
        fails_above=sharpness.blur_px_fails,
        digits=1,
        unit=" px",
    )
