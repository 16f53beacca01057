"""A signature is black pen on plain white paper; an ID card is whole, sharp, and the side that was asked for."""

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image, ImageDraw, ImageFilter

from safehand.authority.pictures import Taken, mended, taken_in
from safehand.authority.pictures.findings import Finding
from safehand.authority.pictures.id_cards import ExaminedCard, examine_id_card
from safehand.authority.pictures.signatures import examine_signature
from tests.authority.picture_corpus import Made, encoded, portrait
from tests.authority.signature_corpus import examined, sheets, told_wrong

SHEETS = {sheet.name: sheet for sheet in sheets()}
SAMPLE = (
    "plain, turned 4.0",
    "8 lines, turned 3.0",
    "faint lines",
    "squares, turned",
    "one line",
    "cream",
    "cut off",
)
"""Some of them within the suite; all are part of the figure `photos`."""


@pytest.mark.parametrize("name", SAMPLE)
def test_a_sheet_is_judged_by_what_it_was_made_with(name: str):
    assert told_wrong(SHEETS[name]) == ""


def test_a_signature_is_offered_cropped_to_its_ink_on_pure_white():
    taken, answer = examined(replace(SHEETS["a little shade"], lamp=(255, 250, 240)))
    assert (answer.verdict, answer.verdict_offered) == ("fits", "fits")
    assert answer.offer is not None
    after = mended(taken=taken, mend=answer.offer)
    pixels = np.asarray(after.pixels())
    assert after.width_px < taken.width_px
    assert (pixels.min(axis=-1) >= 250).mean() > 0.7
    assert (pixels.max(axis=-1) < 100).mean() > 0.005


def test_a_signature_on_paper_that_fails_is_offered_nothing():
    _, answer = examined(SHEETS["squares"])
    assert (answer.verdict, answer.offer, answer.verdict_offered) == ("fails", None, None)
    [ruled] = [one for one in answer.findings if one.code == "signature.ruled"]
    assert int(ruled.measured) >= 20
    assert "无格线" in ruled.sentence("zh")


def test_a_picture_too_small_for_a_signature_is_told_so():
    taken = taken_in(data=encoded(Image.new("RGB", (240, 110), (250, 250, 250))), kind="signature")
    assert isinstance(taken, Taken)
    size = examine_signature(taken=taken).findings[0]
    assert (size.code, size.outcome, size.measured) == ("signature.size", "fails", "240 × 110 px")


TABLE = (60, 45, 35)


def card(
    *,
    ratio: float = 1.585,
    degrees: float = 0.0,
    table: tuple[int, int, int] = TABLE,
    face: bool = True,
    blur_px: float = 0.0,
    glare: float = 0.0,
    width: int = 1_500,
) -> Image.Image:
    """A made-up card, which is none of a person's, on a table: bars for print, and the corpus's face for the portrait."""
    long_side = round(width * 0.7)
    size = (long_side, round(long_side / ratio))
    plate = Image.new("RGB", size, (205, 215, 225))
    draw = ImageDraw.Draw(plate)
    for row in range(6):
        y = size[1] * (row + 1) // 8
        for word in range(5):
            x = size[0] * (word + 1) // 12
            draw.rectangle((x, y, x + size[0] // 20, y + size[1] // 30), fill=(40, 40, 50))
    if face:
        photo = portrait(Made(width_px=size[0] // 4, height_px=size[0] // 3))
        plate.paste(photo, (size[0] * 2 // 3, size[1] // 6))
    if glare:
        radius = (glare * size[0] * size[1] / np.pi) ** 0.5
        middle = (size[0] * 0.35, size[1] * 0.5)
        box = (middle[0] - radius, middle[1] - radius, middle[0] + radius, middle[1] + radius)
        draw.ellipse(box, fill=(255, 255, 255))
    picture = Image.new("RGB", (width, width * 3 // 4), table)
    picture.paste(plate, ((width - size[0]) // 2, (picture.height - size[1]) // 2))
    picture = picture.rotate(degrees, Image.Resampling.BICUBIC, fillcolor=table)
    return picture.filter(ImageFilter.GaussianBlur(blur_px)) if blur_px else picture


def examined_card(
    picture: Image.Image, *, kind: str = "id_card_front"
) -> tuple[ExaminedCard, dict[str, Finding]]:
    taken = taken_in(data=encoded(picture, quality=92), kind=kind)
    assert isinstance(taken, Taken)
    answer = examine_id_card(taken=taken)
    return answer, {one.code.removeprefix("id_card."): one for one in answer.findings}


@pytest.mark.parametrize("degrees", [0.0, 6.0, -11.0])
def test_a_card_on_a_dark_table_is_found_and_its_ratio_measured(degrees: float):
    answer, found = examined_card(card(degrees=degrees))
    assert answer.verdict == "fits", answer.findings
    assert answer.measures.corners is not None
    assert float(found["ratio"].measured) == pytest.approx(1.585, abs=0.06)


@pytest.mark.parametrize(
    ("picture", "code"),
    [
        (card(ratio=1.0), "ratio"),
        (card(ratio=2.2), "ratio"),
        (card(blur_px=8.0), "sharpness"),
        (card(glare=0.2), "glare"),
        (card(width=500), "size"),
    ],
    ids=["square", "long", "blurred", "glare", "small"],
)
def test_what_is_wrong_with_a_card_is_named(picture: Image.Image, code: str):
    answer, found = examined_card(picture)
    assert answer.verdict == "fails"
    assert found[code].outcome == "fails"
    assert found[code].advice("en")


def test_a_card_whose_edges_do_not_stand_out_is_left_to_the_examiner():
    _, found = examined_card(card(table=(205, 215, 225)))
    assert (found["ratio"].outcome, found["ratio"].measured) == ("examiner", "?")


def test_the_side_with_the_portrait_is_no_back_and_one_without_is_for_the_examiner():
    assert examined_card(card(), kind="id_card_back")[1]["side"].outcome == "fails"
    assert examined_card(card(face=False), kind="id_card_back")[1]["side"].outcome == "fits"
    assert examined_card(card(face=False))[1]["side"].outcome == "examiner"
