"""Makes sheets with a scrawl on them, ruled or not, tinted or not, and says what each must be judged."""

from collections.abc import Iterator

import msgspec
import numpy as np
from PIL import Image, ImageDraw, ImageFilter

from safehand.authority.pictures import Taken, taken_in
from safehand.authority.pictures.findings import Outcome
from safehand.authority.pictures.signatures import ExaminedSignature, examine_signature
from tests.authority.picture_corpus import encoded

Colour = tuple[int, int, int]
WIDTH, HEIGHT = 1_600, 1_000
PRINT: Colour = (150, 190, 230)
FAINT: Colour = (215, 228, 240)


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """What a sheet is made with, and what must be found: the verdict, and the codes that do not fit."""

    name: str
    verdict: Outcome
    found: frozenset[str] = frozenset()
    lines: int = 0
    columns: int = 0
    print_colour: Colour = PRINT
    paper: Colour = (250, 250, 248)
    ink: Colour | None = (20, 20, 25)
    falls: float = 0.0
    """By what share the light falls towards the right edge."""
    blur_px: float = 0.0
    grain: float = 3.0
    degrees: float = 0.0
    size: float = 1.0
    moved: float = 0.0
    """By what share of the width the scrawl is moved."""
    lamp: Colour = (255, 255, 255)


def drawn(sheet: Sheet) -> Image.Image:
    """The sheet as a phone takes it."""
    size = (WIDTH * 2, HEIGHT * 2)
    picture = Image.new("RGB", size, sheet.paper)
    draw = ImageDraw.Draw(picture)
    for row in range(1, sheet.lines + 1):
        y = size[1] * row // (sheet.lines + 1)
        draw.line([(0, y), (size[0], y)], fill=sheet.print_colour, width=5)
    for column in range(1, sheet.columns + 1):
        x = size[0] * column // (sheet.columns + 1)
        draw.line([(x, 0), (x, size[1])], fill=sheet.print_colour, width=5)
    if sheet.ink is not None:
        along = np.linspace(0, 1, 400)
        x = size[0] * (0.5 + sheet.moved + 0.4 * sheet.size * (along - 0.5) * 2 * 0.9)
        y = HEIGHT * (1 + sheet.size * (0.28 * np.sin(18 * along) + 0.12 * np.sin(31 * along)))
        draw.line(list(zip(x.tolist(), y.tolist(), strict=True)), fill=sheet.ink, width=14, joint="curve")
        lower = list(zip((x[::-1] + 30).tolist(), (y + 60 * sheet.size).tolist(), strict=True))
        draw.line(lower, fill=sheet.ink, width=10)
    if sheet.degrees:
        picture = picture.rotate(sheet.degrees, Image.Resampling.BICUBIC, fillcolor=sheet.paper)
    pixels = np.asarray(picture.resize((WIDTH, HEIGHT), Image.Resampling.BOX), dtype=np.float64)
    pixels *= (1 - sheet.falls * np.linspace(0, 1, WIDTH) ** 2)[None, :, None]
    pixels *= np.array(sheet.lamp) / 255
    pixels += np.random.default_rng(1).normal(0, sheet.grain, pixels.shape)
    taken = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
    return taken.filter(ImageFilter.GaussianBlur(sheet.blur_px)) if sheet.blur_px else taken


def sheets() -> Iterator[Sheet]:
    """All of them."""
    ruled, tinted = frozenset({"signature.ruled"}), frozenset({"signature.paper"})
    yield Sheet(name="plain", verdict="fits")
    for degrees in (-6.0, -2.5, 4.0):
        yield Sheet(name=f"plain, turned {degrees}", verdict="fits", degrees=degrees)
    yield Sheet(name="grainy", verdict="fits", grain=10.0)
    yield Sheet(name="blue-black", verdict="fits", ink=(30, 32, 55))
    yield Sheet(name="a little shade", verdict="fits", falls=0.2)
    yield Sheet(name="warm lamp", verdict="fits", lamp=(255, 250, 236))
    for lines in (4, 8, 14):
        for degrees in (0.0, 3.0, -5.0):
            yield Sheet(name=f"{lines} lines, turned {degrees}", verdict="fails", found=ruled, lines=lines, degrees=degrees)  # fmt: skip
    yield Sheet(name="faint lines", verdict="fails", found=ruled, lines=8, print_colour=FAINT)
    yield Sheet(name="grey lines, grainy", verdict="fails", found=ruled, lines=8, print_colour=(180, 180, 180), grain=8.0)  # fmt: skip
    yield Sheet(name="squares", verdict="fails", found=ruled, lines=9, columns=15)
    yield Sheet(name="squares, turned", verdict="fails", found=ruled, lines=9, columns=15, degrees=2.0)
    yield Sheet(name="columns", verdict="fails", found=ruled, columns=12)
    yield Sheet(name="one line", verdict="examiner", found=ruled, lines=1)
    for paper in ((250, 235, 150), (160, 220, 250), (250, 180, 190), (150, 230, 150)):
        yield Sheet(name=f"paper {paper}", verdict="fails", found=tinted, paper=paper)
    yield Sheet(name="cream", verdict="examiner", found=tinted, paper=(250, 240, 205))
    yield Sheet(name="dark", verdict="fails", found=tinted, lamp=(80, 80, 80))
    yield Sheet(name="blue pen", verdict="fails", found=frozenset({"signature.black"}), ink=(30, 50, 160))
    yield Sheet(name="red pen", verdict="fails", found=frozenset({"signature.black"}), ink=(190, 30, 30))
    yield Sheet(name="nothing", verdict="fails", found=frozenset({"signature.ink"}), ink=None)
    yield Sheet(name="cut off", verdict="fails", found=frozenset({"signature.whole"}), moved=0.3)
    yield Sheet(name="shade", verdict="examiner", found=frozenset({"signature.shadow"}), falls=0.43)
    yield Sheet(name="deep shade", verdict="fails", found=frozenset({"signature.shadow"}), falls=0.7)
    yield Sheet(name="blurred", verdict="fails", found=frozenset({"signature.sharpness"}), blur_px=9.0)


def examined(sheet: Sheet) -> tuple[Taken, ExaminedSignature]:
    """The sheet, taken in and judged."""
    taken = taken_in(data=encoded(drawn(sheet), quality=92), kind="signature")
    assert isinstance(taken, Taken)
    return taken, examine_signature(taken=taken)


def told_wrong(sheet: Sheet) -> str:
    """In what the judgement differs from what must be found; empty where in nothing."""
    _, answer = examined(sheet)
    found = frozenset(one.code for one in answer.findings if one.outcome != "fits")
    measured = [(one.code, one.measured) for one in answer.findings if one.code in found ^ sheet.found]
    fine = answer.verdict == sheet.verdict and found == sheet.found
    # A sheet that is out of focus hides its ink as well.
    fine |= sheet.blur_px > 0 and answer.verdict == sheet.verdict and sheet.found <= found
    return (
        ""
        if fine
        else f"{sheet.name}: {answer.verdict}, {measured}; must be {sheet.verdict}, {set(sheet.found)}"
    )
