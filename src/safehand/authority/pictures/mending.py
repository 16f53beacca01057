"""Crop, rotation and scaling that make a photo fit: searched for, then made."""

import math
from collections.abc import Iterator
from itertools import product
from typing import Final

import msgspec
from PIL import Image

from safehand.authority.documents.photo_rules import PhotoLimits
from safehand.authority.pictures import jpeg, uploads
from safehand.authority.pictures.faces import Face
from safehand.authority.pictures.paper import whitened
from safehand.authority.pictures.photos import PhotoMeasures
from safehand.authority.pictures.rules import ROOM_ABOVE_MIN, SCALED_ENOUGH
from safehand.authority.pictures.uploads import Taken

ROTATION_DEGREES_MAX: Final = 10.0
"""A few degrees: more would show at the shoulders, and the pose is then better taken anew."""
ROTATION_DEGREES_MIN: Final = 1.0
"""A smaller tilt is not worth the sharpness that a rotation costs."""
SIZES_TRIED: Final = 24
ROOMS_ABOVE_TRIED: Final = (0.03, 0.05, 0.07, 0.09, 0.12, 0.15, 0.18)
SHIFTS_TRIED: Final = (0.0, -0.03, 0.03, -0.06, 0.06)
ROOM_UNKNOWN: Final = 0.35
"""Where the crown is not known, it is taken to be this share of the face's height above the forehead."""

Box = tuple[float, float, float, float]
Point = tuple[float, float]


class Mend(msgspec.Struct, frozen=True, kw_only=True):
    """An offer: turn the clean picture counter-clockwise about its middle, cut out the box (left, top, right, bottom, in
    px of the turned picture), scale it to `width_px` × `height_px`. `whiten`: the paper of a signature becomes white."""

    rotation_degrees: float
    box: Box
    width_px: int
    height_px: int
    whiten: bool = False


def mended(*, taken: Taken, mend: Mend) -> Taken:
    """The picture that the offer promises: a new clean picture with a digest of its own."""
    picture = taken.pixels()
    if mend.whiten:
        picture = whitened(picture)
    box, size = mend.box, (mend.width_px, mend.height_px)
    if mend.rotation_degrees:
        # What is far larger than the end needs no turning in full: twice the end's size keeps every edge.
        factor = min(1.0, 2 * mend.width_px / (box[2] - box[0]))
        small = (round(picture.width * factor), round(picture.height * factor))
        across, down = small[0] / picture.width, small[1] / picture.height
        picture = picture.resize(small, Image.Resampling.BICUBIC, reducing_gap=2.0)
        picture = picture.rotate(mend.rotation_degrees, Image.Resampling.BICUBIC)
        box = (box[0] * across, box[1] * down, box[2] * across, box[3] * down)
    # Half a pixel beyond the edge is allowed to an offer, not to a resize.
    inside = (max(0.0, box[0]), max(0.0, box[1]), min(picture.width, box[2]), min(picture.height, box[3]))
    picture = picture.resize(size, Image.Resampling.LANCZOS, box=inside, reducing_gap=3.0)
    scale = mend.width_px / (mend.box[2] - mend.box[0]) * taken.width_px / taken.source.width_px
    source = taken.source
    if scale <= SCALED_ENOUGH:
        source = msgspec.structs.replace(source, quality=jpeg.QUALITIES[0])
    return uploads.encoded(picture=picture, kind=taken.kind, source=source)


def best_mend(*, measures: PhotoMeasures, limits: PhotoLimits) -> Mend | None:
    """The crop whose measures lie farthest within the limits, by the places of the one face; None where none does."""
    face = measures.one
    if face is None:
        return None
    turns = [0.0]
    if ROTATION_DEGREES_MIN <= abs(face.roll_degrees) <= ROTATION_DEGREES_MAX:
        turns.insert(0, face.roll_degrees)
    for turn in turns:
        if abs(face.roll_degrees - turn) > limits.face.roll_degrees_max:
            continue
        tried = [
            (margin, box)
            for box in _boxes(measures=measures, face=face, turn=turn, limits=limits)
            if (margin := _margin(box=box, measures=measures, face=face, turn=turn, limits=limits)) > 0
        ]
        if tried:
            return _sized(turn=turn, box=max(tried)[1], limits=limits)
    return None


def turned_point(*, point: Point, size: tuple[int, int], degrees: float) -> Point:
    """Where a point of a picture lies once that is turned counter-clockwise about its middle."""
    angle = math.radians(degrees)
    x, y = point[0] - size[0] / 2, point[1] - size[1] / 2
    return (
        x * math.cos(angle) + y * math.sin(angle) + size[0] / 2,
        -x * math.sin(angle) + y * math.cos(angle) + size[1] / 2,
    )


def _turned(*, point: Point, measures: PhotoMeasures, turn: float) -> Point:
    return turned_point(point=point, size=(measures.width_px, measures.height_px), degrees=turn)


def _crown(*, measures: PhotoMeasures, face: Face, turn: float) -> float:
    """Height of the crown in the turned picture."""
    known = measures.face.crown_px if measures.face is not None else None
    top = _turned(point=face.top, measures=measures, turn=turn)[1]
    if known is not None and known < face.top[1]:
        return top - (face.top[1] - known)
    return top - ROOM_UNKNOWN * math.dist(face.top, face.chin)


def _boxes(*, measures: PhotoMeasures, face: Face, turn: float, limits: PhotoLimits) -> Iterator[Box]:
    """Boxes of the wanted ratio around the face, none of them to be scaled up."""
    ratio = limits.picture.width_px_min / limits.picture.height_px_min
    widest = min(measures.width_px, measures.height_px * ratio)
    narrowest = float(limits.picture.width_px_min)
    if widest < narrowest:
        return
    left, right = (
        _turned(point=eye, measures=measures, turn=turn) for eye in (face.left_eye, face.right_eye)
    )
    middle, crown = (left[0] + right[0]) / 2, _crown(measures=measures, face=face, turn=turn)
    for step, room, shift in product(range(SIZES_TRIED + 1), ROOMS_ABOVE_TRIED, SHIFTS_TRIED):
        width = widest * (narrowest / widest) ** (step / SIZES_TRIED)
        height = width / ratio
        x, y = middle + shift * width - width / 2, crown - room * height
        yield x, y, x + width, y + height


def _margin(*, box: Box, measures: PhotoMeasures, face: Face, turn: float, limits: PhotoLimits) -> float:
    """How far within the limits the narrowest measure lies, as a share of its range; 0 or less: outside."""
    if not _inside(box=box, measures=measures, turn=turn):
        return 0.0
    width, height = box[2] - box[0], box[3] - box[1]
    wanted = limits.face
    left, right, chin = (
        _turned(point=point, measures=measures, turn=turn)
        for point in (face.left_eye, face.right_eye, face.chin)
    )
    crown = _crown(measures=measures, face=face, turn=turn)
    ranges = (
        (face.width_px / width, wanted.width_share_min, wanted.width_share_max),
        (face.eye_distance_px / width, wanted.eye_distance_share_min, wanted.eye_distance_share_max),
        ((chin[1] - crown) / height, wanted.head_height_share_min, wanted.head_height_share_max),
        (((left[1] + right[1]) / 2 - box[1]) / height, wanted.eye_line_share_min, wanted.eye_line_share_max),
        ((crown - box[1]) / height, ROOM_ABOVE_MIN, 0.25),
        ((box[3] - chin[1]) / height, 0.02, 0.5),
    )
    off_middle = abs((left[0] + right[0]) / 2 - (box[0] + box[2]) / 2) / width
    return min(min(value - low, high - value) / (high - low) for value, low, high in ranges) - off_middle / 4


def _inside(*, box: Box, measures: PhotoMeasures, turn: float) -> bool:
    """Whether all four corners of the box, turned back, lie within the picture."""
    for x, y in product((box[0], box[2]), (box[1], box[3])):
        back_x, back_y = _turned(point=(x, y), measures=measures, turn=-turn)
        if not (-0.5 <= back_x <= measures.width_px + 0.5 and -0.5 <= back_y <= measures.height_px + 0.5):
            return False
    return True


def _sized(*, turn: float, box: Box, limits: PhotoLimits) -> Mend:
    """The box with the largest size that is allowed and needs no scaling up; whole steps keep the ratio exact."""
    size = limits.picture
    shared = math.gcd(size.width_px_min, size.height_px_min)
    step = size.width_px_min // shared
    width = min(size.width_px_max, math.floor(box[2] - box[0] + 0.5)) // step * step
    width = max(width, size.width_px_min)
    height = width // step * (size.height_px_min // shared)
    return Mend(rotation_degrees=round(turn, 2), box=box, width_px=width, height_px=height)
