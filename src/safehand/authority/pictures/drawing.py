"""Draws into a picture what was measured and what is wanted: lines and colours only; the words stand beside it."""

from typing import Final

from PIL import Image, ImageDraw

from safehand.authority.documents.photo_rules import PhotoLimits
from safehand.authority.pictures import jpeg
from safehand.authority.pictures.faces import Face
from safehand.authority.pictures.findings import Finding, Outcome
from safehand.authority.pictures.id_cards import CardMeasures
from safehand.authority.pictures.mending import Mend, turned_point
from safehand.authority.pictures.photos import PhotoMeasures
from safehand.authority.pictures.signatures import SignatureMeasures
from safehand.authority.pictures.uploads import Taken

SIDE_PX_MAX: Final = 800
QUALITY: Final = 88
COLOURS: Final[dict[Outcome, tuple[int, int, int]]] = {
    "fits": (0, 112, 60),
    "examiner": (184, 112, 0),
    "fails": (212, 20, 20),
}
"""Green, amber, red; a line that fails is also dashed, for those to whom the colours look alike."""
WANTED: Final = (29, 112, 184)
"""Blue: what is wanted, and what the offer would cut out."""
OUTSIDE: Final = (0, 0, 0, 110)

Point = tuple[float, float]


class Canvas:
    """A copy of the picture to draw on, in px of the clean picture."""

    def __init__(self, *, taken: Taken) -> None:
        self.picture = taken.pixels()
        self.picture.thumbnail((SIDE_PX_MAX, SIDE_PX_MAX), Image.Resampling.BILINEAR)
        self.scale = self.picture.width / taken.width_px
        self._draw = ImageDraw.Draw(self.picture)
        self._width = max(2, round(max(self.picture.size) / 220))

    def line(self, *, start: Point, end: Point, outcome: Outcome) -> None:
        """A line in the colour of its outcome, on a white edge so that it shows on any ground; dashed where it fails."""
        self._stroke(start=start, end=end, colour=COLOURS[outcome], dashed=outcome == "fails")

    def wanted(self, *, start: Point, end: Point) -> None:
        """A line where something is wanted to be."""
        self._stroke(start=start, end=end, colour=WANTED, dashed=False)

    def outline(self, *, points: tuple[Point, ...], outcome: Outcome | None) -> None:
        """A closed line; without an outcome in the colour of what is wanted."""
        for start, end in zip(points, (*points[1:], points[0]), strict=True):
            if outcome is None:
                self.wanted(start=start, end=end)
            else:
                self.line(start=start, end=end, outcome=outcome)

    def shade_outside(self, *, points: tuple[Point, ...]) -> None:
        """Darkens what the offer would leave out."""
        shade = Image.new("RGBA", self.picture.size, OUTSIDE)
        ImageDraw.Draw(shade).polygon([self._at(point) for point in points], fill=(0, 0, 0, 0))
        self.picture.paste(Image.alpha_composite(self.picture.convert("RGBA"), shade).convert("RGB"))

    def jpeg(self) -> bytes:
        """The drawn picture."""
        return jpeg.encoded(picture=self.picture, quality=QUALITY)

    def _at(self, point: Point) -> Point:
        return point[0] * self.scale, point[1] * self.scale

    def _stroke(self, *, start: Point, end: Point, colour: tuple[int, int, int], dashed: bool) -> None:
        (x0, y0), (x1, y1) = self._at(start), self._at(end)
        length = ((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5
        pieces = max(1, round(length / (self._width * 5))) if dashed else 1
        self._draw.line([(x0, y0), (x1, y1)], fill=(255, 255, 255), width=self._width + 2)
        for piece in range(0, pieces, 2) if pieces > 1 else range(1):
            a, b = piece / pieces, min(1.0, (piece + 1) / pieces)
            self._draw.line(
                [(x0 + (x1 - x0) * a, y0 + (y1 - y0) * a), (x0 + (x1 - x0) * b, y0 + (y1 - y0) * b)],
                fill=colour,
                width=self._width,
            )


def photo_annotated(
    *,
    taken: Taken,
    measures: PhotoMeasures,
    findings: tuple[Finding, ...],
    offer: Mend | None,
    limits: PhotoLimits,
) -> bytes:
    """A JPEG of at most 800 px: each face with its box and eye line, head and crown, the wanted eye line, the offer's cut."""
    canvas = Canvas(taken=taken)
    outcomes: dict[str, Outcome] = {finding.code: finding.outcome for finding in findings}
    if offer is not None:
        corners = offer_corners(taken=taken, offer=offer)
        canvas.shade_outside(points=corners)
        canvas.outline(points=corners, outcome=None)
    _background(canvas=canvas, measures=measures, outcomes=outcomes)
    for face in measures.faces.sure:
        _face(canvas=canvas, face=face, measures=measures, outcomes=outcomes)
    wanted = limits.face
    if (
        measures.one is not None
        and offer is None
        and (wanted.eye_line_share_min, wanted.eye_line_share_max) != (0, 1)
    ):
        for share in (wanted.eye_line_share_min, wanted.eye_line_share_max):
            height = share * measures.height_px
            canvas.wanted(start=(0, height), end=(measures.width_px * 0.12, height))
            canvas.wanted(start=(measures.width_px * 0.88, height), end=(measures.width_px, height))
    return canvas.jpeg()


def offer_corners(*, taken: Taken, offer: Mend) -> tuple[Point, ...]:
    """Where the corners of the offered cut lie in the picture as it is."""
    left, top, right, bottom = offer.box
    return tuple(
        turned_point(point=corner, size=(taken.width_px, taken.height_px), degrees=-offer.rotation_degrees)
        for corner in ((left, top), (right, top), (right, bottom), (left, bottom))
    )


def _background(*, canvas: Canvas, measures: PhotoMeasures, outcomes: dict[str, Outcome]) -> None:
    """A frame in the colour of what is wrong with the background, where something is."""
    found = (outcomes.get("photo.background_colour", "fits"), outcomes.get("photo.background_even", "fits"))
    worst_of = "fails" if "fails" in found else "examiner" if "examiner" in found else None
    if worst_of is None:
        return
    inset = 4 / canvas.scale
    right, bottom = measures.width_px - inset, measures.height_px - inset
    canvas.outline(
        points=((inset, inset), (right, inset), (right, bottom), (inset, bottom)), outcome=worst_of
    )


def _face(*, canvas: Canvas, face: Face, measures: PhotoMeasures, outcomes: dict[str, Outcome]) -> None:
    def worst_of(*codes: str) -> Outcome:
        found = [outcomes.get(code, "fits") for code in codes]
        return "fails" if "fails" in found else "examiner" if "examiner" in found else "fits"

    alone = measures.one is not None
    inside: Outcome = (
        worst_of(
            "photo.light", "photo.glare", "photo.face_shadow", "photo.sharpness", "photo.yaw", "photo.pitch"
        )
        if alone
        else "fails"
    )
    canvas.outline(points=face.outline, outcome=inside)
    eyes: Outcome = (
        worst_of("photo.eye_distance", "photo.eye_line", "photo.roll", "photo.eyes_open")
        if alone
        else "fails"
    )
    canvas.line(start=face.left_eye, end=face.right_eye, outcome=eyes)
    canvas.line(
        start=face.left_side, end=face.right_side, outcome=worst_of("photo.face_width") if alone else "fails"
    )
    if measures.face is not None and measures.face.crown_px is not None:
        head = worst_of("photo.head_height", "photo.head_whole")
        reach = face.width_px * 0.35
        for height, middle in ((measures.face.crown_px, face.top[0]), (face.chin[1], face.chin[0])):
            canvas.line(start=(middle - reach, height), end=(middle + reach, height), outcome=head)


def signature_annotated(*, taken: Taken, measures: SignatureMeasures, offer: Mend | None) -> bytes:
    """A JPEG of at most 800 px: the ink's box, and the offer's cut."""
    canvas = Canvas(taken=taken)
    if offer is not None:
        corners = offer_corners(taken=taken, offer=offer)
        canvas.shade_outside(points=corners)
        canvas.outline(points=corners, outcome=None)
    if measures.box is not None:
        left, top, right, bottom = measures.box
        canvas.outline(points=((left, top), (right, top), (right, bottom), (left, bottom)), outcome="fits")
    return canvas.jpeg()


def id_card_annotated(*, taken: Taken, measures: CardMeasures) -> bytes:
    """A JPEG of at most 800 px: the card's edges, where they were found."""
    canvas = Canvas(taken=taken)
    if measures.corners is not None:
        canvas.outline(points=measures.corners, outcome="fits")
    return canvas.jpeg()
