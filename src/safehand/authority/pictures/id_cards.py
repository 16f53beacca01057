"""Examines the picture of an ID card's side: large, sharp, evenly lit, the whole card. What is printed on it is not read."""

from collections.abc import Iterator
from typing import Final

import msgspec
import numpy as np
from PIL import Image

from safehand.authority.pictures.faces import faces_in
from safehand.authority.pictures.findings import Finding, Outcome, compared, worst
from safehand.authority.pictures.pixels import Floats, Mask, blur_px, luminance, rgb
from safehand.authority.pictures.uploads import Kind, Taken

RULE_SET: Final = "id-card-1"
LOOKED_AT_PX_MAX: Final = 400

# The card's size is that of ISO/IEC 7810 ID-1: 85.60 × 53.98 mm. Every other figure is assumed: ours.
RATIO: Final = 85.60 / 53.98
RATIO_TOLERANCE, RATIO_TOLERANCE_FAILS = 0.12, 0.30
LONG_SIDE_PX_MIN, SHORT_SIDE_PX_MIN = 640, 400
LIGHT_MIN, LIGHT_MAX = 25.0, 92.0
BURNT_MAX, BURNT_FAILS = 3.0, 10.0
CARD_WIDTH_PX: Final = 800.0
"""Blur is told in pixels of a card this long."""
BLUR_PX_MAX, BLUR_PX_FAILS = 2.0, 3.2

BORDER_SHARE: Final = 0.03
APART: Final = 30.0
"""The card is told from what it lies on by at least so much colour (of 255)."""
BORDER_EVEN: Final = 0.92
"""so much of the border must look the same for the card to be told from it,"""
FILLED: Final = 0.93
"""and so much of the rectangle around it must be card."""
TURNS_DEGREES: Final = tuple(range(-20, 21))


class CardMeasures(msgspec.Struct, frozen=True, kw_only=True):
    """What was measured. `corners` are the card's in px of the clean picture, None where it can't be told from its ground."""

    kind: Kind
    width_px: int
    height_px: int
    corners: tuple[tuple[float, float], ...] | None
    ratio: float | None
    light_percent: float
    burnt_percent: float
    blur_px: float | None
    portraits: int
    portraits_doubtful: int


class ExaminedCard(msgspec.Struct, frozen=True, kw_only=True):
    """What was found, with the measures it rests on."""

    measures: CardMeasures
    findings: tuple[Finding, ...]
    verdict: Outcome


def examine_id_card(*, taken: Taken) -> ExaminedCard:
    """Judges one side of an ID card."""
    measures = measured(taken=taken)
    findings = tuple(judged(measures=measures))
    return ExaminedCard(measures=measures, findings=findings, verdict=worst(findings))


def measured(*, taken: Taken) -> CardMeasures:
    """Measures a clean picture of a card."""
    picture = taken.pixels()
    small = picture.copy()
    small.thumbnail((LOOKED_AT_PX_MAX, LOOKED_AT_PX_MAX), Image.Resampling.BOX)
    pixels = rgb(small)
    scale = picture.width / small.width
    found = _rectangle(pixels)
    inside = pixels.reshape(-1, 3) if found is None else pixels[found[1]]
    faces = faces_in(picture=picture)
    long_side = max(picture.size) if found is None else _sides(found[0])[0] * scale
    factor = min(1.0, CARD_WIDTH_PX / long_side)
    size = (max(24, round(picture.width * factor)), max(24, round(picture.height * factor)))
    return CardMeasures(
        kind=taken.kind,
        width_px=taken.width_px,
        height_px=taken.height_px,
        corners=None if found is None else tuple((float(x) * scale, float(y) * scale) for x, y in found[0]),
        ratio=None if found is None else _sides(found[0])[0] / _sides(found[0])[1],
        light_percent=float(np.median(luminance(inside))) / 2.55,
        burnt_percent=float((inside.min(axis=-1) >= 252).mean()) * 100,
        blur_px=blur_px(picture.resize(size, Image.Resampling.LANCZOS)),
        portraits=len(faces.sure),
        portraits_doubtful=faces.doubtful,
    )


def _sides(corners: Floats) -> tuple[float, float]:
    """The longer and the shorter side of a rectangle."""
    one, other = (
        float(np.linalg.norm(corners[1] - corners[0])),
        float(np.linalg.norm(corners[2] - corners[1])),
    )
    return max(one, other), max(min(one, other), 1.0)


def _rectangle(pixels: Floats) -> tuple[Floats, Mask] | None:
    """The card's corners (4 × 2) and its pixels, where it lies on an even ground; else None."""
    height, width = pixels.shape[:2]
    strip = max(2, round(min(height, width) * BORDER_SHARE))
    border = np.ones((height, width), dtype=np.bool_)
    border[strip:-strip, strip:-strip] = False
    ground = np.median(pixels[border], axis=0)
    other = np.abs(pixels - ground).max(axis=-1) > APART
    if float((~other[border]).mean()) < BORDER_EVEN or other.mean() < 0.1:
        return None
    rows, columns = np.nonzero(other)
    points = np.column_stack([columns, rows]).astype(np.float64)
    corners, area = _tightest(points)
    mask = _inside(corners=corners, height=height, width=width)
    return (corners, mask) if other[mask].mean() >= FILLED and area > 0 else None


def _tightest(points: Floats) -> tuple[Floats, float]:
    """Of all turns the rectangle of least area around the points, less their outermost thousandth."""
    best: tuple[float, Floats] | None = None
    for degrees in TURNS_DEGREES:
        angle = np.radians(degrees)
        turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
        low, high = np.percentile(points @ turn.T, (0.1, 99.9), axis=0)
        area = float(np.prod(high - low))
        if best is None or area < best[0]:
            around = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
            best = area, around @ turn
    assert best is not None
    return best[1], best[0]


def _inside(*, corners: Floats, height: int, width: int) -> Mask:
    """The pixels within a rectangle."""
    y, x = np.mgrid[:height, :width]
    along, down = corners[1] - corners[0], corners[3] - corners[0]
    relative = np.stack([x - corners[0, 0], y - corners[0, 1]], axis=-1)
    share_along = relative @ along / max(float(along @ along), 1e-6)
    share_down = relative @ down / max(float(down @ down), 1e-6)
    return (share_along >= 0) & (share_along <= 1) & (share_down >= 0) & (share_down <= 1)


def judged(*, measures: CardMeasures) -> Iterator[Finding]:
    """Every finding of a card's side."""
    long_side, short_side = (
        max(measures.width_px, measures.height_px),
        min(measures.width_px, measures.height_px),
    )
    small = long_side < LONG_SIDE_PX_MIN or short_side < SHORT_SIDE_PX_MIN
    yield Finding(
        code="id_card.size",
        outcome="fails" if small else "fits",
        measured=f"{long_side} × {short_side} px",
        wanted=f"≥ {LONG_SIDE_PX_MIN} × {SHORT_SIDE_PX_MIN} px",
        side="low" if small else "",
    )
    if measures.ratio is None:
        yield Finding(code="id_card.ratio", outcome="examiner", measured="?", wanted=_ratio_wanted())
    else:
        found = compared(
            code="id_card.ratio",
            value=measures.ratio,
            least=RATIO - RATIO_TOLERANCE,
            most=RATIO + RATIO_TOLERANCE,
            fails_below=RATIO - RATIO_TOLERANCE_FAILS,
            fails_above=RATIO + RATIO_TOLERANCE_FAILS,
            digits=2,
        )
        yield found
    yield compared(
        code="id_card.light", value=measures.light_percent, least=LIGHT_MIN, most=LIGHT_MAX, unit=" %"
    )
    yield compared(
        code="id_card.glare",
        value=measures.burnt_percent,
        most=BURNT_MAX,
        fails_above=BURNT_FAILS,
        digits=1,
        unit=" %",
    )
    if measures.blur_px is not None:
        yield compared(
            code="id_card.sharpness",
            value=measures.blur_px,
            most=BLUR_PX_MAX,
            fails_above=BLUR_PX_FAILS,
            digits=1,
            unit=" px",
        )
    yield _side(measures)


def _ratio_wanted() -> str:
    return f"{RATIO - RATIO_TOLERANCE:.2f}–{RATIO + RATIO_TOLERANCE:.2f}"


def _side(measures: CardMeasures) -> Finding:
    """The front bears the portrait: one that is surely there on the back is the wrong side; none on the front may be small."""
    front = measures.kind == "id_card_front"
    wanted = "1" if front else "0"
    outcome: Outcome = "fits"
    if front and measures.portraits == 0:
        outcome = "examiner"
    elif not front and measures.portraits:
        outcome = "fails"
    return Finding(
        code="id_card.side",
        outcome=outcome,
        measured=str(measures.portraits),
        wanted=wanted if not front else "≥ 1",
        side="high" if outcome == "fails" else "",
    )
