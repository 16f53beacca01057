"""Measures a photo: what `photo_rules` compares with the limits; nothing is judged here."""

from typing import Final

import msgspec
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from safehand.authority.pictures.faces import Face, Faces, faces_in
from safehand.authority.pictures.pixels import (
    WHITE,
    Colour,
    Floats,
    Mask,
    blur_px,
    chroma,
    colour_of,
    eroded,
    hsl_light,
    luminance,
    rgb,
    smooth_runs,
    spread,
)
from safehand.authority.pictures.uploads import Source, Taken

LOOKED_AT_WIDTH_PX: Final = 360
"""Background and light are measured in a copy of this width: about that of the smallest photo."""
STEP_MAX: Final = 12.0
"""A step of more than 5 % of white within two pixels is an edge, not a shadow."""
EDGE_PX: Final = 4
"""So near to an edge a blurred picture mixes both its sides."""
BORDER_SHARE: Final = 0.03
SHADOW_PERCENT_MAX: Final = 30.0
"""A shadow beside the head is at most so much darker than the rest of the background; hair is darker."""
HAIR_WIDE, HAIR_TALL = 1.05, 1.0
"""Half axes of head and hair, in widths of the face and heights from forehead to chin."""
CLEAR_SHARE_MIN: Final = 0.02
"""Less than this of the picture is too little background to be called hidden."""
SKIN_SHARE: Final = 0.82
"""The face is measured within its outline drawn in to this share: outside there may be hair."""
HEAD_SHARE: Final = 0.30
"""The crown is looked for this share of the face's width to both sides of its middle."""
FACE_PX_OF_PHOTO: Final = 188.0
"""The face in a photo of 354 pixels, guide A's narrowest (0.53): blur is told in pixels of that."""
BURNT: Final = 250.0
COLOURLESS_PERCENT: Final = 3.0
"""A picture whose skin has less chroma than this is grey, whatever its file says."""


class BackgroundMeasures(msgspec.Struct, frozen=True, kw_only=True):
    """Background colour, the spread of its light in percent, and how much of it is hidden by things with edges.

    `colour` is None where the head leaves no background to be seen.
    """

    colour: Colour | None
    spread_percent: float
    hidden_percent: float


class FaceMeasures(msgspec.Struct, frozen=True, kw_only=True):
    """Shares of the photo's width; of its height for head and eye line. Angles in degrees, light in percent of white.

    `head_height_share` is from chin to crown, None where the background does not show where the hair ends.
    """

    width_share: float
    eye_distance_share: float
    head_height_share: float | None
    crown_px: float | None
    eye_line_share: float
    light_percent: float
    burnt_percent: float
    shadow_percent: float
    chroma_percent: float
    blur_px: float | None


class PhotoMeasures(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that was measured in one photo. Places are in px of the clean picture."""

    width_px: int
    height_px: int
    bytes: int
    dots_per_inch: int
    source: Source
    faces: Faces
    background: BackgroundMeasures
    face: FaceMeasures | None

    @property
    def one(self) -> Face | None:
        """The face, where exactly one was found."""
        return self.faces.sure[0] if len(self.faces.sure) == 1 else None


def measured(*, taken: Taken) -> PhotoMeasures:
    """Measures a clean photo."""
    picture = taken.pixels()
    faces = faces_in(picture=picture)
    scale = min(1.0, LOOKED_AT_WIDTH_PX / picture.width)
    size = (max(24, round(picture.width * scale)), max(24, round(picture.height * scale)))
    # A picture is looked at slightly blurred: grain and the blocks of JPEG are no edges.
    small = picture.resize(size, Image.Resampling.BOX, reducing_gap=2.0)
    pixels = rgb(small.filter(ImageFilter.GaussianBlur(1.0)))
    face = faces.sure[0] if len(faces.sure) == 1 else None
    background, crown = _background(pixels=pixels, face=face, scale=size[0] / picture.width)
    return PhotoMeasures(
        width_px=taken.width_px,
        height_px=taken.height_px,
        bytes=len(taken.cleaned),
        dots_per_inch=round(picture.info.get("dpi", (0, 0))[0]),
        source=taken.source,
        faces=faces,
        background=background,
        face=None
        if face is None
        else _face(
            picture=picture, pixels=rgb(small), face=face, crown_px=crown, scale=size[0] / picture.width
        ),
    )


def _background(
    *, pixels: Floats, face: Face | None, scale: float
) -> tuple[BackgroundMeasures, float | None]:
    """The background above the chin, and the row (px of the picture) where the hair begins."""
    height, width = pixels.shape[:2]
    chin = height if face is None else int(np.clip(face.chin[1] * scale, 8, height))
    above = pixels[:chin]
    strip = max(2, round(width * BORDER_SHARE))
    # In a dark picture every step is smaller.
    step_max = STEP_MAX * max(0.15, float(np.percentile(above, 90)) / WHITE)
    reached, rows = smooth_runs(above, step_max=step_max, length_min=strip)
    whole, reached = reached, eroded(reached, by_px=EDGE_PX)
    border = np.zeros(above.shape[:2], dtype=np.bool_)
    border[:strip] = True
    clear = np.ones(above.shape[:2], dtype=np.bool_) if face is None else _clear_of_head(above, face, scale)
    # Hair and collar may reach the border as well. Beside the head only what looks like the rest is background.
    light, seen = hsl_light(above), reached & clear
    usual = float(np.median(light[seen if seen.any() else border]))
    background = seen | (reached & (np.abs(light - usual) <= SHADOW_PERCENT_MAX))
    told = clear.mean() >= CLEAR_SHARE_MIN
    if not background.any():
        background = border
    even = BackgroundMeasures(
        colour=colour_of(above[background]) if told else None,
        spread_percent=spread(light[background], low=3, high=97),
        hidden_percent=100 * float((~whole[clear]).mean()) if told else 0.0,
    )
    if face is None:
        return even, None
    middle = (face.left_side[0] + face.right_side[0]) / 2 * scale
    reach = face.width_px * scale * HEAD_SHARE
    low, high = int(max(0, middle - reach)), int(min(width, middle + reach + 1))
    if high - low < 3:
        return even, None
    crown = float(np.percentile(rows[low:high], 5)) / scale
    # White hair before a white wall, or none: the run goes on down to the forehead and tells nothing of the crown.
    return even, crown if crown < face.top[1] else None


def _clear_of_head(pixels: Floats, face: Face, scale: float) -> Mask:
    """Above the eyes and outside a generous oval around head and hair: nothing of the person should be there."""
    y, x = np.mgrid[: pixels.shape[0], : pixels.shape[1]]
    top, chin = np.array(face.top) * scale, np.array(face.chin) * scale
    tall, middle = float(np.linalg.norm(chin - top)), (top + chin) / 2
    half_width, half_height = HAIR_WIDE * face.width_px * scale, HAIR_TALL * tall
    away = ((x - middle[0]) / half_width) ** 2 + ((y - middle[1]) / half_height) ** 2
    return (away > 1) & (y < face.eye_line_px * scale)


def _skin(*, face: Face, size: tuple[int, int], scale: float) -> Mask:
    outline = np.array(face.outline)
    middle = outline.mean(axis=0)
    inner = (middle + (outline - middle) * SKIN_SHARE) * scale
    mask = Image.new("1", size)
    ImageDraw.Draw(mask).polygon([(float(x), float(y)) for x, y in inner], fill=1)
    return np.asarray(mask, dtype=np.bool_)


def _face(
    *, picture: Image.Image, pixels: Floats, face: Face, crown_px: float | None, scale: float
) -> FaceMeasures:
    height, width = pixels.shape[:2]
    skin = _skin(face=face, size=(width, height), scale=scale)
    seen = pixels[skin]
    if seen.size == 0:
        seen = pixels.reshape(-1, 3)
    light = luminance(seen)
    return FaceMeasures(
        width_share=face.width_px / picture.width,
        eye_distance_share=face.eye_distance_px / picture.width,
        head_height_share=None if crown_px is None else (face.chin[1] - crown_px) / picture.height,
        crown_px=crown_px,
        eye_line_share=face.eye_line_px / picture.height,
        light_percent=float(np.median(light)) / 2.55,
        burnt_percent=float((seen.min(axis=-1) >= BURNT).mean()) * 100,
        shadow_percent=_shadow(pixels=pixels, skin=skin, face=face, scale=scale),
        chroma_percent=float(np.median(chroma(seen))),
        blur_px=_blur(picture=picture, face=face),
    )


def _shadow(*, pixels: Floats, skin: Mask, face: Face, scale: float) -> float:
    """By how much the darker half of the face is darker, in percent of the brighter one."""
    rows, columns = np.nonzero(skin)
    if rows.size == 0:
        return 0.0
    top, chin = np.array(face.top) * scale, np.array(face.chin) * scale
    along = chin - top
    side = along[0] * (rows - top[1]) - along[1] * (columns - top[0])
    light = luminance(pixels[skin])
    halves = (
        [float(light[side > 0].mean()), float(light[side <= 0].mean())]
        if 0 < (side > 0).sum() < side.size
        else [1.0, 1.0]
    )
    return (1 - min(halves) / max(*halves, 1.0)) * 100


def _blur(*, picture: Image.Image, face: Face) -> float | None:
    """The blur in the face, in px of a photo 354 px wide; a smaller face is measured as it is."""
    outline = np.array(face.outline)
    low, high = outline.min(axis=0), outline.max(axis=0)
    room = 0.1 * face.width_px
    box = (
        max(0.0, low[0] - room),
        max(0.0, low[1] - room),
        min(float(picture.width), high[0] + room),
        min(float(picture.height), high[1] + room),
    )
    crop = picture.crop((int(box[0]), int(box[1]), int(box[2]), int(box[3])))
    factor = FACE_PX_OF_PHOTO / face.width_px
    if factor < 1 and min(crop.size) * factor >= 24:
        size = (round(crop.width * factor), round(crop.height * factor))
        return blur_px(crop.resize(size, Image.Resampling.LANCZOS, reducing_gap=3.0))
    found = blur_px(crop)
    return None if found is None else found * factor if factor > 1 else found
