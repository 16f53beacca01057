"""Makes portraits with known faults from one real face that a package carries, and says what each must be judged.

The face is NASA's picture of the astronaut Eileen Collins, in the public domain, which scikit-image carries. Its places
were measured by hand in the picture itself; from them, and from what a variant was made with, follows what must be found.
"""

import io
import math
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import Any, Final, Literal

import msgspec
import numpy as np
from msgspec.structs import replace
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter
from scipy import interpolate
from scipy import ndimage as untyped_ndimage

from safehand.authority.pictures import faces

Pixels = NDArray[np.float64]
ndimage: Any = untyped_ndimage
"""Its own types say less than what it returns."""
Expected = Literal["fits", "mends", "examiner", "fails"]

CUT: Final = (110, 0, 340, 300)
"""The astronaut's head and shoulders in the picture."""
LARGER: Final = 4
EYES: Final = ((203.8, 101.3), (246.9, 104.0))
FACE_WIDTH, EYE_DISTANCE = 93.8, 43.1
CROWN, FOREHEAD, MIDDLE_OF_EYES, CHIN = 17.0, 67.8, 102.6, 174.5
MOUTH: Final = ((203.4, 139.7), (242.9, 143.3))
GAP: Final = 7.0
"""Between the lips; a sixth of the mouth's width: the astronaut smiles."""
LIGHT_PERCENT, SHADOW_PERCENT, BLUR_PX = 73.0, 13.0, 0.73
"""Of the face as it is in the picture, enlarged and sharpened: its median light, the difference of its halves, its blur in
a photo 354 pixels wide."""
WHITE: Final = (248, 248, 248)


class Made(msgspec.Struct, frozen=True, kw_only=True):
    """What a portrait is made with. Shares are of the width, `eye_line` of the height; light in percent of white."""

    width_px: int = 450
    height_px: int = 600
    face_share: float = 0.61
    eye_line: float = 0.46
    off_middle: float = 0.0
    roll_degrees: float = 0.0
    background: tuple[int, int, int] = WHITE
    falls_percent: float = 0.0
    """By how much the background's light falls from left to right."""
    corner_percent: float = 0.0
    """By how much it falls towards the right edge, over the last third."""
    wallpaper: bool = False
    blur_px: float = 0.0
    """Blur added, in pixels of a photo 354 wide."""
    gain: float = 1.0
    half_shadow: float = 0.0
    """By what share the darker half of the face is darker still."""
    burnt_share: float = 0.0
    """The share of the face that is covered by pure white spots."""
    mouth: float = 0.0
    """The gap between the lips as a share of what the astronaut's smile has."""
    faces: int = 1
    grey: bool = False
    quality: int = 96
    file_format: str = "JPEG"
    orientation: int = 1
    """Turned as a camera stores it, with the Exif value that undoes it."""


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """One variant: its bytes, and what must be found."""

    name: str
    content: bytes
    verdict: Expected
    failing: frozenset[str]
    doubtful: frozenset[str]
    made: Made | None = None


def package_picture(name: str) -> Image.Image:
    """A picture that scikit-image carries."""
    content = (files("skimage") / "data" / f"{name}.png").read_bytes()
    return Image.open(io.BytesIO(content)).convert("RGB")


@cache
def _person(mouth: float) -> tuple[Image.Image, Image.Image]:
    """The astronaut, enlarged and sharpened, and the mask that cuts her out; `mouth` as in `Made`."""
    picture = package_picture("astronaut").crop(CUT)
    pixels = np.asarray(picture, dtype=np.float64)
    bright, dull = pixels.max(axis=-1), pixels.max(axis=-1) - pixels.min(axis=-1)
    labels, _ = ndimage.label((dull < 38) & (bright > 135))
    border = set(labels[0]) | set(labels[:150, 0]) | set(labels[:150, -1])
    wall = np.isin(labels, list(border - {0}))
    wall |= ndimage.binary_closing(wall, iterations=2)
    person = ndimage.binary_opening(ndimage.binary_fill_holes(~wall), iterations=2)
    labels, count = ndimage.label(person)
    sizes = ndimage.sum(person, labels, range(1, count + 1))
    person = ndimage.binary_erosion(labels == 1 + int(np.argmax(sizes)), iterations=1)
    size = (picture.width * LARGER, picture.height * LARGER)
    mask = Image.fromarray((person * 255).astype(np.uint8)).resize(size, Image.Resampling.BICUBIC)
    large = picture.resize(size, Image.Resampling.LANCZOS)
    large = large.filter(ImageFilter.UnsharpMask(LARGER * 0.8, 150, 0))
    return _with_mouth(large, mouth=mouth), mask.filter(ImageFilter.GaussianBlur(3))


def _with_mouth(picture: Image.Image, *, mouth: float) -> Image.Image:
    """Moves the lower lip and the chin's skin so that the gap between the lips is `mouth` times the astronaut's."""
    (left, left_y), (right, right_y) = (((x - CUT[0]) * LARGER, (y - CUT[1]) * LARGER) for x, y in MOUTH)
    y, x = np.mgrid[: picture.height, : picture.width].astype(np.float64)
    along = np.clip((x - left) / (right - left), 0, 1)
    lens = 4 * along * (1 - along)
    top = left_y + (right_y - left_y) * along + 1.0 * LARGER * lens
    gap, chin = GAP * LARGER * lens, (CHIN - CUT[1]) * LARGER + 4 * LARGER
    moved = (1 - mouth) * gap
    inside = (y > top) & (y < chin) & (along > 0) & (along < 1)
    fade = np.clip((chin - y) / np.maximum(chin - top, 1), 0, 1)
    shift = np.where(inside, moved * fade, 0)
    # Within a gap that opens, its own rows are stretched; one that closes is left out.
    stretched = inside & (mouth > 0) & (y < top + gap * mouth)
    rows = np.where(stretched, top + (y - top) / max(mouth, 1e-6), y + shift)
    source = np.asarray(picture, dtype=np.float64)
    layers = [
        ndimage.map_coordinates(source[..., one], [rows, x], order=1, mode="nearest") for one in range(3)
    ]
    return Image.fromarray(np.clip(np.stack(layers, axis=-1), 0, 255).astype(np.uint8))


def _background(made: Made) -> Pixels:
    size = (made.height_px, made.width_px)
    wall = np.ones((*size, 3)) * np.array(made.background, dtype=np.float64)
    across = np.linspace(0, 1, made.width_px)[None, :, None]
    wall -= made.falls_percent * 2.55 * across
    wall -= made.corner_percent * 2.55 * np.clip((across - 0.66) / 0.34, 0, 1)
    if made.wallpaper:
        step = max(6, made.width_px // 24)
        y, x = np.mgrid[: size[0], : size[1]]
        wall -= 70.0 * (((x // step + y // step) % 2)[..., None])
    return np.clip(wall, 0, 255)


def _placed(made: Made, *, middle: float, share: float) -> tuple[Pixels, Pixels]:
    """The person on a canvas of the photo's size, and how opaque: the eyes level at the eye line, less the roll."""
    person, mask = _person(made.mouth)
    scale = share * made.width_px / FACE_WIDTH / LARGER
    (left_x, left_y), (right_x, right_y) = EYES
    eyes = ((left_x + right_x) / 2 - CUT[0]) * LARGER, ((left_y + right_y) / 2 - CUT[1]) * LARGER
    own = math.atan2(right_y - left_y, right_x - left_x)
    turn = own - math.radians(made.roll_degrees)
    across, down = math.cos(turn) / scale, math.sin(turn) / scale
    goal = (middle * made.width_px, made.eye_line * made.height_px)
    affine = (
        across, -down, eyes[0] - across * goal[0] + down * goal[1],
        down, across, eyes[1] - down * goal[0] - across * goal[1],
    )  # fmt: skip
    size = (made.width_px, made.height_px)
    if scale < 0.5:
        # What is made much smaller is averaged first, as a camera's pixels do.
        factor = 0.5 / scale
        blurred = ImageFilter.GaussianBlur(factor * 0.5)
        person, mask = person.filter(blurred), mask.filter(blurred)
    placed = person.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC)
    opaque = mask.transform(size, Image.Transform.AFFINE, affine, Image.Resampling.BICUBIC)
    return np.asarray(placed, dtype=np.float64), np.asarray(opaque, dtype=np.float64)[..., None] / 255


def portrait(made: Made) -> Image.Image:
    """The picture of what was asked for, before it is encoded."""
    canvas = _background(made)
    for index in range(made.faces):
        middle = 0.5 + made.off_middle if made.faces == 1 else (index + 0.5) / made.faces
        person, opaque = _placed(made, middle=middle, share=made.face_share)
        canvas = canvas * (1 - opaque) + _lit(made, person, middle=middle) * opaque
    picture = Image.fromarray(np.clip(canvas * made.gain, 0, 255).astype(np.uint8))
    if made.blur_px:
        picture = picture.filter(
            ImageFilter.GaussianBlur(made.blur_px * made.face_share * made.width_px / 188)
        )
    if made.burnt_share:
        picture = _burnt(made, picture)
    return picture.convert("L") if made.grey else picture


def _lit(made: Made, person: Pixels, *, middle: float) -> Pixels:
    """The half of the face that is the darker one already (to the picture's right), darker still."""
    if not made.half_shadow:
        return person
    darker = np.arange(made.width_px)[None, :, None] > middle * made.width_px
    return person * np.where(darker, 1 - made.half_shadow, 1.0)


def _burnt(made: Made, picture: Image.Image) -> Image.Image:
    """White spots on both cheeks. The face's inner oval is about 0.82 times as wide and as high as the face."""
    face = made.face_share * made.width_px
    tall = face * (CHIN - FOREHEAD) / FACE_WIDTH
    oval = math.pi / 4 * (0.82 * face) * (0.82 * tall)
    radius = math.sqrt(made.burnt_share * oval / 2 / math.pi)
    draw = ImageDraw.Draw(picture)
    for side in (-1, 1):
        x, y = (
            (0.5 + made.off_middle) * made.width_px + side * face * 0.2,
            made.eye_line * made.height_px + tall * 0.25,
        )
        draw.ellipse((x - radius, y - radius, x + radius, y + radius), fill=(255, 255, 255))
    return picture


_STORED: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def encoded(
    picture: Image.Image, *, file_format: str = "JPEG", quality: int = 96, orientation: int = 1
) -> bytes:
    """The picture as a file; with an orientation, stored as a camera stores it that was held so."""
    into = io.BytesIO()
    options: dict[str, Any] = {}
    if orientation in _STORED:
        picture = picture.transpose(_STORED[orientation])
        exif = Image.Exif()
        exif[0x0112] = orientation
        options["exif"] = exif
    if file_format == "JPEG":
        options |= {"quality": quality, "subsampling": 0}
    picture.save(into, file_format, **options)
    return into.getvalue()


# What must be found follows from what a portrait was made with.

CLEARANCE: Final = 0.10
"""Every value lies at least a tenth of a limit away from it."""
MENDED_BY_CROP: Final = frozenset(
    {"photo.size", "photo.ratio", "photo.face_width", "photo.eye_distance", "photo.roll"}
)
UPPER_SHARE: Final = 0.33 / (EYE_DISTANCE / FACE_WIDTH)
"""The widest face whose eyes are still near enough to each other."""


class Found(msgspec.Struct):
    """Collects what must fail and what the examiner must look at."""

    failing: set[str] = msgspec.field(default_factory=set)
    doubtful: set[str] = msgspec.field(default_factory=set)

    def value(self, code: str, value: float, *, least: float | None = None, most: float | None = None,
              fails_below: float | None = None, fails_above: float | None = None) -> None:  # fmt: skip
        """Notes on which side of its limits a value lies; a value too near to one has no place in the corpus."""
        for limit in (least, most, fails_below, fails_above):
            if limit:
                assert abs(value - limit) >= CLEARANCE * limit - 1e-9, (
                    f"{code}: {value} is too near to {limit}"
                )
        low, high = least is not None and value < least, most is not None and value > most
        if low or high:
            far = (low and (fails_below is None or value < fails_below)) or (
                high and (fails_above is None or value > fails_above)
            )
            (self.failing if far else self.doubtful).add(code)


def derived(made: Made, limits: Any) -> tuple[Expected, frozenset[str], frozenset[str]]:
    """Verdict, failing and doubtful codes of a portrait by the limits of guide A."""
    found, face = Found(), limits.face
    size = limits.picture
    if (
        made.width_px < size.width_px_min
        or made.height_px < size.height_px_min
        or made.width_px > size.width_px_max
        or made.height_px > size.height_px_max
    ):
        found.failing.add("photo.size")
    if not size.ratio_min <= made.width_px / made.height_px <= size.ratio_max:
        found.failing.add("photo.ratio")
    if made.file_format == "JPEG":
        found.value("photo.quality", made.quality, least=limits.file.quality_min)
    if made.grey:
        found.failing.add("photo.colour")
    found.value("photo.face_width", made.face_share, least=face.width_share_min, most=face.width_share_max)
    eyes = made.face_share * EYE_DISTANCE / FACE_WIDTH
    found.value(
        "photo.eye_distance", eyes, least=face.eye_distance_share_min, most=face.eye_distance_share_max
    )
    found.value("photo.roll", abs(made.roll_degrees), most=face.roll_degrees_max)
    room = (
        made.eye_line
        - (MIDDLE_OF_EYES - CROWN) / FACE_WIDTH * made.face_share * made.width_px / made.height_px
    )
    if room > -0.1:
        found.value("photo.head_whole", room, least=0.01)
    else:
        # The head fills the picture: no background is seen, and only a forehead at the edge tells that it is cut.
        found.doubtful |= {"photo.background_colour", "photo.background_even"}
        tall = (CHIN - FOREHEAD) / FACE_WIDTH * made.face_share * made.width_px
        above = made.eye_line * made.height_px - tall * (MIDDLE_OF_EYES - FOREHEAD) / (CHIN - FOREHEAD)
        assert abs(above / tall - 0.15) >= CLEARANCE * 0.15
        (found.failing if above / tall < 0.15 else found.doubtful).add("photo.head_whole")
    if made.mouth:
        found.doubtful.add("photo.mouth_closed")
    _derived_background(made, limits, found)
    _derived_light(made, limits, found)
    return _verdict(made, found), frozenset(found.failing), frozenset(found.doubtful)


def _derived_background(made: Made, limits: Any, found: Found) -> None:
    wanted = limits.background
    if "photo.background_colour" in found.doubtful:
        return
    strongest, weakest = max(made.background) * made.gain, min(made.background) * made.gain
    light, colour = (min(255.0, strongest) + min(255.0, weakest)) / 5.1, (strongest - weakest) / 2.55
    light -= made.falls_percent / 2
    if colour > wanted.neutral_chroma_percent_max:
        picture = Image.new("RGB", (1, 1), made.background).convert("HSV")
        hue = np.asarray(picture)[0, 0, 0] / 255 * 360
        off = abs(hue - wanted.blue_hue_degrees)
        assert abs(off - wanted.blue_hue_tolerance_degrees) >= CLEARANCE * wanted.blue_hue_tolerance_degrees
        if off > wanted.blue_hue_tolerance_degrees:
            found.failing.add("photo.background_colour")
        else:
            found.value("photo.background_colour", light, least=wanted.blue_light_percent_min)
    else:
        found.value("photo.background_colour", light, least=wanted.neutral_light_percent_min)
    # From the 3rd to the 97th percent of a light that falls evenly; and of one that falls over a third only.
    spread = 27.4 if made.wallpaper else made.falls_percent * 0.94 + made.corner_percent * (1 - 0.03 / 0.34)
    found.value("photo.background_even", spread * made.gain, most=wanted.spread_percent_max, fails_above=wanted.spread_percent_fails)  # fmt: skip
    if made.wallpaper:
        found.failing.add("photo.background_plain")
        found.doubtful.add("photo.head_whole")


def _derived_light(made: Made, limits: Any, found: Found) -> None:
    light, sharp = limits.light, limits.sharpness
    found.value(
        "photo.light", min(100.0, LIGHT_PERCENT * made.gain), least=light.face_percent_min, most=light.face_percent_max,
        fails_below=light.face_percent_dark, fails_above=light.face_percent_bright,
    )  # fmt: skip
    if made.gain <= 1:
        found.value("photo.glare", made.burnt_share * 100, most=light.burnt_percent_max, fails_above=light.burnt_percent_fails)  # fmt: skip
    else:
        found.failing.add("photo.glare")
    shadow = 100 - (100 - SHADOW_PERCENT) * (1 - made.half_shadow)
    found.value(
        "photo.face_shadow", shadow, most=light.shadow_percent_max, fails_above=light.shadow_percent_fails
    )
    blur = math.hypot(BLUR_PX, made.blur_px)
    found.value("photo.sharpness", blur, most=sharp.blur_px_max, fails_above=sharp.blur_px_fails)


def _verdict(made: Made, found: Found) -> Expected:
    if not found.failing:
        return "examiner" if found.doubtful else "fits"
    face_px = made.face_share * made.width_px
    widest = min(made.width_px, made.height_px * 0.75)
    cut = face_px / 0.53 >= 354 * (1 + CLEARANCE) and face_px / widest < UPPER_SHARE * (1 - CLEARANCE)
    small = min(made.width_px - 354, made.height_px - 472) < 0
    turned = abs(made.roll_degrees) <= 10 * (1 - CLEARANCE)
    return "mends" if found.failing <= MENDED_BY_CROP and cut and turned and not small else "fails"


LARGE: Final = Made(width_px=1500, height_px=2000, face_share=0.32, eye_line=0.4)
"""As a camera takes it: more of everything than a finished photo has."""


def _sizes() -> Iterator[tuple[str, Made]]:
    for width, height in ((354, 472), (390, 520), (420, 560), (450, 600), (480, 640)):
        yield f"finished {width}x{height}", Made(width_px=width, height_px=height)
    for share in (0.585, 0.60, 0.625, 0.645):
        yield f"face {share}", Made(face_share=share, eye_line=0.49)
    for share in (0.30, 0.38, 0.45, 0.90):
        yield f"face {share} of 480", Made(width_px=480, height_px=640, face_share=share, eye_line=0.45)
    yield "face 0.95, at the edge", Made(width_px=480, height_px=640, face_share=0.95, eye_line=0.35)
    for share in (0.26, 0.32, 0.40):
        yield f"camera, face {share}", replace(LARGE, face_share=share)
    for file_format in ("PNG", "WEBP"):
        yield f"finished {file_format}", Made(file_format=file_format)
    yield "camera PNG", replace(LARGE, file_format="PNG")
    yield "small", Made(width_px=240, height_px=320)
    yield "square", Made(width_px=900, height_px=900, face_share=0.36)
    yield "wide", Made(width_px=1600, height_px=1200, face_share=0.20)
    yield "grey", Made(grey=True)
    for quality in (95, 75, 50, 20):
        yield f"quality {quality}", Made(quality=quality)
    for orientation in range(2, 9):
        yield f"stored turned {orientation}", Made(orientation=orientation)
    yield "camera, stored turned", replace(LARGE, orientation=6)


def _heads() -> Iterator[tuple[str, Made]]:
    for degrees in (-16.0, -7.0, -4.0, 4.0, 7.0, 14.0, 25.0):
        yield f"roll {degrees}", Made(roll_degrees=degrees)
    for degrees in (-8.9, 8.9):
        yield f"camera, roll {degrees}", replace(LARGE, roll_degrees=degrees)
    for blur in (0.6, 1.0, 1.85, 3.0, 4.5):
        yield f"blur {blur}", Made(blur_px=blur)
    yield "camera, blur 3", replace(LARGE, blur_px=3.0)
    yield "smile", Made(mouth=1.0)
    yield "camera, smile", replace(LARGE, mouth=1.0)


FITTING_WALLS: Final = ((238, 238, 238), (252, 250, 245), (205, 231, 244), (190, 226, 250))
OTHER_WALLS: Final = (
    (185, 185, 185), (110, 110, 110), (20, 20, 20),
    (250, 190, 190), (200, 240, 190), (250, 240, 170), (40, 60, 200), (60, 130, 160),
)  # fmt: skip


def _lights() -> Iterator[tuple[str, Made]]:
    for colour in (*FITTING_WALLS, *OTHER_WALLS):
        yield f"background {colour}", Made(background=colour)
    yield "light falls by 8", Made(falls_percent=8, background=(254, 254, 254))
    for percent in (16.5, 30.0, 45.0):
        yield f"corner falls by {percent}", Made(corner_percent=percent)
    yield "wallpaper", Made(wallpaper=True)
    for gain in (0.93, 0.60, 0.28, 0.15, 1.5):
        yield f"gain {gain}", Made(gain=gain, background=(255, 255, 255))
    for shadow in (0.27, 0.5, 0.7):
        yield f"half in shadow {shadow}", Made(half_shadow=shadow)
    for share in (0.08, 0.20):
        yield f"glare {share}", Made(burnt_share=share)


def portraits() -> Iterator[tuple[str, Made]]:
    """Every portrait of the corpus with its name."""
    yield from _sizes()
    yield from _heads()
    yield from _lights()


def content_of(made: Made) -> bytes:
    """The portrait as the file that was asked for."""
    return encoded(
        portrait(made), file_format=made.file_format, quality=made.quality, orientation=made.orientation
    )


def cases(limits: Any, *, step: int = 1) -> Iterator[Case]:
    """The corpus: every `step`-th portrait, and what is none."""
    for name, made in list(portraits())[::step]:
        verdict, failing, doubtful = derived(made, limits)
        yield Case(
            name=name,
            content=content_of(made),
            verdict=verdict,
            failing=failing,
            doubtful=doubtful,
            made=made,
        )
    yield from list(without_one_face())[::step]


def without_one_face() -> Iterator[Case]:
    """Nobody, an animal, things, two people, somebody upside down."""
    two = Made(width_px=1000, height_px=640, face_share=0.28, faces=2)
    three = Made(width_px=1500, height_px=640, face_share=0.18, faces=3)
    pictures = {
        "wall": Image.fromarray(_background(Made()).astype(np.uint8)),
        "cat": package_picture("chelsea").resize((1353, 900), Image.Resampling.BICUBIC),
        "cat, near": package_picture("chelsea").crop((100, 20, 325, 300)).resize((450, 560)),
        "cup": package_picture("coffee"),
        "motor cycle": package_picture("motorcycle_left"),
        "text": package_picture("text").resize((900, 600)),
        "two": portrait(two),
        "three": portrait(three),
        "headless": portrait(Made()).crop((0, 330, 450, 600)).resize((450, 600)),
    }
    for name, picture in pictures.items():
        yield Case(
            name=name,
            content=encoded(picture),
            verdict="fails",
            failing=frozenset({"photo.faces"}),
            doubtful=frozenset(),
        )


def difference(case: Case, answer: Any) -> str:
    """In what a judged picture differs from what must be found; empty where in nothing. The bytes depend on the encoder."""
    outcomes = {
        outcome: frozenset(one.code for one in answer.findings if one.outcome == outcome) - {"photo.bytes"}
        for outcome in ("fails", "examiner")
    }
    verdict = "mends" if answer.offer is not None and answer.verdict == "fails" else answer.verdict
    told = (
        f"{case.name}: {verdict}, fails {sorted(outcomes['fails'])}, examiner {sorted(outcomes['examiner'])}"
    )
    wanted = f"must be {case.verdict}, {sorted(case.failing)}, {sorted(case.doubtful)}"
    same = (
        (outcomes["fails"], outcomes["examiner"]) == (case.failing, case.doubtful)
        if case.made is not None
        else case.failing <= outcomes["fails"]
    )
    return "" if same and verdict == case.verdict else f"{told}; {wanted}"


def turned_head(*, yaw_degrees: float = 0.0, pitch_degrees: float = 0.0) -> Image.Image:
    """A portrait whose face is turned in space, as far as one picture allows: by the depths of its own mesh.

    The mesh is the one that measures, and it is shallower than a face: what such a head shows is the direction of a turn and
    that more of it reads as more, not its degrees.
    """
    base = portrait(Made(width_px=480, height_px=640, face_share=0.5, eye_line=0.45))
    [(_, points), *_] = faces._candidates(picture=base)
    _, mesh = faces._refined(picture=base, points=points)
    depth = mesh[:, 2] - (mesh[234, 2] + mesh[454, 2]) / 2
    middle, reach = mesh[:, :2].mean(axis=0), np.ptp(mesh[:, :2], axis=0) * 0.95
    turned = mesh[:, :2].copy()
    for axis, degrees in enumerate((yaw_degrees, pitch_degrees)):
        angle = math.radians(degrees)
        turned[:, axis] = (
            middle[axis] + (mesh[:, axis] - middle[axis]) * math.cos(angle) - depth * math.sin(angle)
        )
    around = np.linspace(0, 2 * math.pi, 40, endpoint=False)
    ring = middle + np.column_stack([reach[0] * np.cos(around), reach[1] * np.sin(around)])
    still = np.concatenate(
        [ring, [[0, 0], [base.width - 1, 0], [0, base.height - 1], [base.width - 1, base.height - 1]]]
    )
    find: Any = interpolate.LinearNDInterpolator(
        np.concatenate([turned, still]), np.concatenate([mesh[:, :2], still])
    )
    y, x = np.mgrid[: base.height, : base.width]
    found = find(np.column_stack([x.ravel(), y.ravel()])).reshape(base.height, base.width, 2)
    source = np.asarray(base, dtype=np.float64)
    layers = [
        ndimage.map_coordinates(source[..., one], [found[..., 1], found[..., 0]], order=1, mode="nearest")
        for one in range(3)
    ]
    return Image.fromarray(np.clip(np.stack(layers, axis=-1), 0, 255).astype(np.uint8))
