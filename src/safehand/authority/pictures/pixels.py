"""Measures of light, colour, edges and blur over pixels; knows nothing of faces or paper."""

import colorsys
from typing import Final

import msgspec
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageFilter

Floats = NDArray[np.floating]
Mask = NDArray[np.bool_]

WHITE: Final = 255.0
BLUR_STEP_PX: Final = 1.0
EDGE_PERCENT: Final = 3.0
"""Blur is read off the steepest of all edges only: a cheek is smooth however sharp the picture is."""
SHARPEST_PERCENT: Final = 25.0
BLUR_PX_CAP: Final = 9.9
FLAT_STEEPNESS: Final = 1.0
"""Below this step from pixel to pixel (of 255) there is no edge to read anything off."""


class Colour(msgspec.Struct, frozen=True, kw_only=True):
    """A colour in HSL: light and chroma in percent, hue in degrees."""

    light_percent: float
    chroma_percent: float
    hue_degrees: float


def rgb(picture: Image.Image) -> Floats:
    """Shape (height, width, 3), 0 to 255."""
    return np.asarray(picture.convert("RGB"), dtype=np.float64)


def luminance(pixels: Floats) -> Floats:
    """Brightness as the eye weighs it (ITU-R BT.601), 0 to 255."""
    return pixels @ np.array([0.299, 0.587, 0.114])


def hsl_light(pixels: Floats) -> Floats:
    """Light of HSL, in percent: half of the strongest and the weakest colour."""
    return (pixels.max(axis=-1) + pixels.min(axis=-1)) / 2 / WHITE * 100


def chroma(pixels: Floats) -> Floats:
    """How far from grey, in percent: the strongest less the weakest colour."""
    return (pixels.max(axis=-1) - pixels.min(axis=-1)) / WHITE * 100


def colour_of(pixels: Floats) -> Colour:
    """The median colour of pixels of shape (n, 3)."""
    middle = np.median(pixels, axis=0)
    hue, light, _ = colorsys.rgb_to_hls(*(middle / WHITE))
    return Colour(
        light_percent=light * 100, chroma_percent=float(chroma(middle)), hue_degrees=(hue * 360) % 360
    )


def spread(values: Floats, *, low: float, high: float) -> float:
    """The distance between two percentiles."""
    if values.size == 0:
        return 0.0
    lower, upper = np.percentile(values, (low, high))
    return float(upper - lower)


def steepness(grey: Floats) -> Floats:
    """The step from pixel to pixel, whatever its direction."""
    down, across = np.gradient(grey)
    return np.hypot(down, across)


def blur_px(picture: Image.Image) -> float | None:
    """The standard deviation, in pixels, of the blur at the sharpest edges; None where there are no edges.

    Blurring the picture once more by a known amount flattens a sharp edge much and a blurred one little: the ratio of
    both slopes gives the blur that was there (Zhuo and Sim, 2011, defocus from a single image).
    """
    grey = picture.convert("L")
    if min(grey.size) < 24:
        return None
    before = steepness(np.asarray(grey, dtype=np.float64))[4:-4, 4:-4]
    again = grey.filter(ImageFilter.GaussianBlur(BLUR_STEP_PX))
    after = steepness(np.asarray(again, dtype=np.float64))[4:-4, 4:-4]
    bound = max(float(np.percentile(before, 100 - EDGE_PERCENT)), FLAT_STEEPNESS)
    edges = before >= bound
    if edges.sum() < 12:
        return None
    ratio = np.maximum(before[edges] / np.maximum(after[edges], 1e-6), 1.0001)
    found = float(np.percentile(BLUR_STEP_PX / np.sqrt(ratio**2 - 1), SHARPEST_PERCENT))
    return min(found, BLUR_PX_CAP)


def smooth_runs(pixels: Floats, *, step_max: float, length_min: int) -> tuple[Mask, NDArray[np.intp]]:
    """What can be reached from the left, right and top border without a step of more than `step_max` (of 255).

    A shadow or a gradient has no steps and stays part of it; hair, skin and furniture end it. A run of less than
    `length_min` pixels is none. With the mask comes, for each column, how many rows are reached from the top.
    """
    # Over two pixels: an edge of a slightly blurred picture is two pixels wide.
    sideways = np.zeros(pixels.shape[:2])
    sideways[:, 1:-1] = np.abs(pixels[:, 2:] - pixels[:, :-2]).max(axis=-1)
    upright = np.zeros(pixels.shape[:2])
    upright[1:-1] = np.abs(pixels[2:] - pixels[:-2]).max(axis=-1)
    steps = np.maximum(sideways, upright) > step_max
    from_left = _long_enough(np.cumsum(steps, axis=1) == 0, length_min=length_min, axis=1)
    from_right = _long_enough(np.cumsum(steps[:, ::-1], axis=1)[:, ::-1] == 0, length_min=length_min, axis=1)
    from_top = np.cumsum(steps, axis=0) == 0
    return from_left | from_right | _long_enough(from_top, length_min=length_min, axis=0), from_top.sum(
        axis=0
    )


def _long_enough(runs: Mask, *, length_min: int, axis: int) -> Mask:
    return runs & (runs.sum(axis=axis, keepdims=True) >= length_min)


def eroded(mask: Mask, *, by_px: int) -> Mask:
    """The mask less what lies within `by_px` of its edge; the picture's own edge is none."""
    picture = Image.fromarray(mask.astype(np.uint8))
    return np.asarray(picture.filter(ImageFilter.MinFilter(2 * by_px + 1)), dtype=np.bool_)
