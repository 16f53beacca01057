"""Paper and what is written on it: evens out the light, tells ink from paper, finds ruled lines."""

from itertools import pairwise
from typing import Final

import numpy as np
from PIL import Image, ImageFilter

from safehand.authority.pictures.pixels import Floats, Mask, luminance, rgb

BLOCKS: Final = 24
"""The paper's light is taken from so many blocks along the longer side: coarser than a stroke, finer than a shadow."""
PAPER_PERCENT: Final = 80.0
"""Most of a block is paper; its brighter part is that for certain."""
INK_BELOW: Final = 0.65
"""Ink is darker than this share of the paper around it."""
INK_BLACK: Final = 0.30
WHITE_FROM: Final = 0.85

LINES_LOOKED_AT_PX: Final = 420
LINE_DEGREES_MAX: Final = 8.0
LINE_DEGREES_STEP: Final = 0.3
LINE_DEPTH_MIN: Final = 0.025
"""A line is at least this share darker than its paper: pale blue print on white is 0.1 to 0.3."""
LINE_NOISE_TIMES: Final = 8.0
"""and stands out from the grain of the paper this many times."""
LINE_WIDTH_PX_MAX: Final = 6
NARROW_PX: Final = 24
"""In a strip as narrow as this there is no line to be told from a dot."""
PARTS: Final = 3
"""A ruled line runs through at least two thirds of the picture; a stroke of a pen seldom does, and is then but one."""


def paper_light(grey: Floats) -> Floats:
    """The light of the paper at every pixel (0 to 255): from block to block, without what is written on it."""
    height, width = grey.shape
    across = max(2, round(BLOCKS * width / max(height, width)))
    down = max(2, round(BLOCKS * height / max(height, width)))
    rows = np.linspace(0, height, down + 1).astype(int)
    columns = np.linspace(0, width, across + 1).astype(int)
    blocks = np.array(
        [
            [np.percentile(grey[top:bottom, left:right], PAPER_PERCENT) for left, right in pairwise(columns)]
            for top, bottom in pairwise(rows)
        ],
        dtype=np.float32,
    )
    coarse = Image.fromarray(blocks)
    return np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC), dtype=np.float64)


def evened(grey: Floats) -> Floats:
    """Each pixel as a share of the paper's light around it: paper is 1, whatever the shadow."""
    return np.clip(grey / np.maximum(paper_light(grey), 8.0), 0.0, 1.3)


def ink_of(even: Floats) -> Mask:
    """What is ink."""
    return even < INK_BELOW


def whitened(picture: Image.Image) -> Image.Image:
    """The writing on pure white: the paper's shade and shadows go, the strokes keep their edges."""
    even = evened(luminance(rgb(picture)))
    stretched = np.clip((even - INK_BLACK) / (WHITE_FROM - INK_BLACK), 0.0, 1.0)
    return Image.fromarray((stretched * 255).round().astype(np.uint8)).convert("RGB")


def ruled_lines(picture: Image.Image) -> int:
    """How many ruled lines run across or down the paper; a grid has both."""
    grey = picture.convert("L")
    # Thin lines must survive the scaling down: each pixel takes on the darkest of its neighbours first.
    if min(grey.size) > 2 * LINES_LOOKED_AT_PX // 3:
        grey = grey.filter(ImageFilter.MinFilter(3))
    grey.thumbnail((LINES_LOOKED_AT_PX, LINES_LOOKED_AT_PX), Image.Resampling.BOX)
    even = np.clip(evened(np.asarray(grey, dtype=np.float64)), 0.5, 1.0).astype(np.float32)
    return _lines_across(even) + _lines_across(np.ascontiguousarray(even.T))


def _lines_across(even: Floats) -> int:
    """Lines that run from left to right, give or take a few degrees: the most that any one direction shows."""
    height, width = even.shape
    if min(height, width) < NARROW_PX:
        return 0
    edges = np.linspace(0, width, PARTS + 1).astype(int)
    best = 0
    for degrees in np.arange(-LINE_DEGREES_MAX, LINE_DEGREES_MAX + 0.01, LINE_DEGREES_STEP):
        counts: list[int] = []
        for left, right in pairwise(edges):
            part = even[:, left:right]
            shift = np.round(np.arange(right - left) * np.tan(np.radians(degrees))).astype(int)
            rows = np.clip(np.arange(height)[:, None] + shift[None, :], 0, height - 1)
            counts.append(_dips(np.median(np.take_along_axis(part, rows, axis=0), axis=1)))
        best = max(best, sorted(counts)[-2])
    return best


def _dips(profile: Floats) -> int:
    """Narrow dark places in the medians of a picture's rows: writing covers less than half of a row and leaves none."""
    reach = LINE_WIDTH_PX_MAX
    padded = np.pad(profile, reach, mode="edge")
    around = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1)
    depth = around - profile
    noise = float(np.median(np.abs(depth))) * 1.4826
    deep = depth > max(LINE_DEPTH_MIN, LINE_NOISE_TIMES * noise)
    return int((np.diff(deep.astype(np.int8), prepend=0) == 1).sum())
