"""Examines the photo of a signature: black pen on plain white paper, "no ruled, grid or tinted paper" (policy, steps)."""

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np
from PIL import Image

from safehand.authority.pictures.findings import Finding, Outcome, compared, worst
from safehand.authority.pictures.mending import Mend, mended
from safehand.authority.pictures.paper import evened, ink_of, paper_light, ruled_lines
from safehand.authority.pictures.pixels import (
    Colour,
    blur_px,
    colour_of,
    luminance,
    rgb,
    spread,
)
from safehand.authority.pictures.uploads import Taken

RULE_SET: Final = "signature-1"
LOOKED_AT_PX_MAX: Final = 1_000

# That it is black pen on plain white paper is the policy's; every figure below is assumed: ours.
WIDTH_PX_MIN, HEIGHT_PX_MIN = 300, 120
PAPER_LIGHT_MIN, PAPER_LIGHT_DARK = 60.0, 42.0
PAPER_CHROMA_MAX, PAPER_CHROMA_FAILS = 14.0, 24.0
LINES_FAILS: Final = 2
INK_PERCENT_MIN, INK_PERCENT_NONE = 0.3, 0.05
INK_PERCENT_MAX, INK_PERCENT_MUCH = 15.0, 25.0
INK_CHROMA_MAX, INK_CHROMA_FAILS = 20.0, 32.0
ROOM_PERCENT_MIN: Final = 1.0
SHADE_PERCENT_MAX, SHADE_PERCENT_FAILS = 30.0, 50.0
INK_WIDTH_PX: Final = 600.0
"""Blur is told in pixels of a signature this wide."""
BLUR_PX_MAX, BLUR_PX_FAILS = 2.6, 4.0
AFTER_CROP: Final = frozenset({"signature.size", "signature.whole", "signature.sharpness"})
ROOM_OFFERED: Final = 0.12
OFFERED_WIDTH_PX_MAX: Final = 1_200
INK_PERCENTILE: Final = 0.2
"""A speck of dust is not the edge of a signature: so many percent of the ink are left out on each side."""


class SignatureMeasures(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured; `box` is the ink's (left, top, right, bottom) in px of the clean picture, None without ink."""

    width_px: int
    height_px: int
    paper: Colour
    lines: int
    ink_percent: float
    ink: Colour | None
    box: tuple[float, float, float, float] | None
    room_percent: float
    shade_percent: float
    blur_px: float | None


class ExaminedSignature(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, with the measures it rests on."""

    measures: SignatureMeasures
    findings: tuple[Finding, ...]
    verdict: Outcome
    offer: Mend | None
    verdict_offered: Outcome | None


def examine_signature(*, taken: Taken) -> ExaminedSignature:
    """Judges a signature. What nothing speaks against is offered cropped to the ink and on white."""
    measures = measured(taken=taken)
    findings = tuple(judged(measures=measures))
    offer = _offer(measures=measures) if worst(findings) != "fails" else None
    offered: Outcome | None = None
    if offer is not None:
        # Paper, lines and ink were judged before the crop whitened the one and filled itself with the other.
        after = judged(measures=measured(taken=mended(taken=taken, mend=offer), lines=measures.lines))
        offered = worst((*findings, *(one for one in after if one.code in AFTER_CROP)))
        offer, offered = (None, None) if offered == "fails" else (offer, offered)
    return ExaminedSignature(
        measures=measures, findings=findings, verdict=worst(findings), offer=offer, verdict_offered=offered
    )


def measured(*, taken: Taken, lines: int | None = None) -> SignatureMeasures:
    """Measures paper and ink of a clean picture; lines are looked for unless their number is known."""
    picture = taken.pixels()
    small = picture.copy()
    small.thumbnail((LOOKED_AT_PX_MAX, LOOKED_AT_PX_MAX), Image.Resampling.BOX)
    pixels = rgb(small)
    grey = luminance(pixels)
    even = evened(grey)
    ink = ink_of(even)
    scale = picture.width / small.width
    light = paper_light(grey)
    paper = pixels[~ink] if (~ink).any() else pixels.reshape(-1, 3)
    box = _box_of(ink)
    return SignatureMeasures(
        width_px=taken.width_px,
        height_px=taken.height_px,
        paper=colour_of(paper),
        lines=ruled_lines(picture) if lines is None else lines,
        ink_percent=float(ink.mean()) * 100,
        ink=colour_of(pixels[even <= np.percentile(even[ink], 50)]) if box is not None else None,
        box=None if box is None else (box[0] * scale, box[1] * scale, box[2] * scale, box[3] * scale),
        room_percent=_room(box=box, width=small.width, height=small.height),
        shade_percent=spread(light, low=3, high=97) / max(float(light.max()), 1.0) * 100,
        blur_px=None if box is None else _blur(picture=picture, box=box, scale=scale),
    )


def _box_of(ink: np.ndarray) -> tuple[float, float, float, float] | None:
    rows, columns = np.nonzero(ink)
    if rows.size < 20:
        return None
    ends = (INK_PERCENTILE, 100 - INK_PERCENTILE)
    (left, right), (top, bottom) = np.percentile(columns, ends), np.percentile(rows, ends)
    return float(left), float(top), float(right) + 1, float(bottom) + 1


def _room(*, box: tuple[float, float, float, float] | None, width: int, height: int) -> float:
    """The narrowest margin between ink and edge, in percent of that side."""
    if box is None:
        return 100.0
    return 100 * min(box[0] / width, (width - box[2]) / width, box[1] / height, (height - box[3]) / height)


def _blur(*, picture: Image.Image, box: tuple[float, float, float, float], scale: float) -> float | None:
    room = 8.0
    crop = picture.crop(
        (
            int(max(0, box[0] * scale - room)),
            int(max(0, box[1] * scale - room)),
            int(min(picture.width, box[2] * scale + room)),
            int(min(picture.height, box[3] * scale + room)),
        )
    )
    factor = INK_WIDTH_PX / max(crop.width, 1)
    if factor < 1 and crop.height * factor >= 24:
        crop = crop.resize(
            (round(crop.width * factor), round(crop.height * factor)), Image.Resampling.LANCZOS
        )
    return blur_px(crop)


def judged(*, measures: SignatureMeasures) -> Iterator[Finding]:
    """Every finding of a signature."""
    small = measures.width_px < WIDTH_PX_MIN or measures.height_px < HEIGHT_PX_MIN
    yield Finding(
        code="signature.size",
        outcome="fails" if small else "fits",
        measured=f"{measures.width_px} × {measures.height_px} px",
        wanted=f"≥ {WIDTH_PX_MIN} × {HEIGHT_PX_MIN} px",
        side="low" if small else "",
    )
    yield _paper(measures.paper)
    lines = measures.lines
    yield Finding(
        code="signature.ruled",
        outcome="fails" if lines >= LINES_FAILS else "examiner" if lines else "fits",
        measured=str(lines),
        wanted="0",
        side="high" if lines else "",
    )
    yield _ink_found(measures.ink_percent)
    if measures.ink is not None:
        yield compared(
            code="signature.black",
            value=measures.ink.chroma_percent,
            most=INK_CHROMA_MAX,
            fails_above=INK_CHROMA_FAILS,
            unit=" % C",
        )
        yield compared(
            code="signature.whole", value=measures.room_percent, least=ROOM_PERCENT_MIN, digits=1, unit=" %"
        )
    yield compared(
        code="signature.shadow",
        value=measures.shade_percent,
        most=SHADE_PERCENT_MAX,
        fails_above=SHADE_PERCENT_FAILS,
        unit=" %",
    )
    if measures.blur_px is not None:
        yield compared(
            code="signature.sharpness",
            value=measures.blur_px,
            most=BLUR_PX_MAX,
            fails_above=BLUR_PX_FAILS,
            digits=1,
            unit=" px",
        )


def _paper(paper: Colour) -> Finding:
    dark = compared(
        code="signature.paper", value=paper.light_percent, least=PAPER_LIGHT_MIN, fails_below=PAPER_LIGHT_DARK
    )
    tint = compared(
        code="signature.paper",
        value=paper.chroma_percent,
        most=PAPER_CHROMA_MAX,
        fails_above=PAPER_CHROMA_FAILS,
    )
    outcome = worst((dark, tint))
    return Finding(
        code="signature.paper",
        outcome=outcome,
        measured=f"L {paper.light_percent:.0f} %, C {paper.chroma_percent:.0f} %",
        wanted=f"L ≥ {PAPER_LIGHT_MIN:.0f} %, C ≤ {PAPER_CHROMA_MAX:.0f} %",
        side="" if outcome == "fits" else "low" if dark.outcome == outcome else "high",
    )


def _ink_found(percent: float) -> Finding:
    return compared(
        code="signature.ink",
        value=percent,
        least=INK_PERCENT_MIN,
        most=INK_PERCENT_MAX,
        fails_below=INK_PERCENT_NONE,
        fails_above=INK_PERCENT_MUCH,
        digits=2,
        unit=" %",
    )


def _offer(*, measures: SignatureMeasures) -> Mend | None:
    """The ink with a margin, on white."""
    if measures.box is None:
        return None
    left, top, right, bottom = measures.box
    room = ROOM_OFFERED * max(right - left, bottom - top)
    box = (
        max(0.0, left - room),
        max(0.0, top - room),
        min(float(measures.width_px), right + room),
        min(float(measures.height_px), bottom + room),
    )
    width, height = box[2] - box[0], box[3] - box[1]
    factor = max(1.0, width / OFFERED_WIDTH_PX_MAX)
    if width / factor < WIDTH_PX_MIN or height / factor < HEIGHT_PX_MIN:
        return None
    return Mend(
        rotation_degrees=0.0,
        box=box,
        width_px=round(width / factor),
        height_px=round(height / factor),
        whiten=True,
    )
