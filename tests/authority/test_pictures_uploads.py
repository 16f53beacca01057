"""Whatever is sent as a picture is answered: by a clean picture, or by a refusal with a way out."""

from datetime import date
from pathlib import Path

import pytest
from PIL import Image

from safehand.authority.documents import load_photo_rules
from safehand.authority.pictures import KINDS, Taken, examine, taken_in
from safehand.kernel.outcome import Refusal, sentence, way_out
from tests.authority.hostile_uploads import (
    bombs,
    damaged,
    defects_of,
    others,
    peak_bytes,
    saved,
    still,
    stowaways,
)

ROOT = Path(__file__).parents[2]
DAY = date(2026, 1, 1)
SEED = 20260101
DAMAGED = 210
"""Within the suite; the figure `photos` tries thousands."""
GROWTH_BYTES_MAX = 600_000_000


def refused(content: bytes, *, kind: str = "photo") -> str:
    answer = taken_in(data=content, kind=kind)
    assert isinstance(answer, Refusal)
    for language in ("en", "zh"):
        assert sentence(answer, language)
        assert way_out(answer, language)
    return answer.code


def test_a_bomb_is_told_by_its_header_and_costs_little_memory():
    before = peak_bytes()
    answers = {}
    for number, (name, content) in enumerate(bombs()):
        answer, wrong = defects_of(content=content, number=number)
        assert wrong == [], name
        answers[name] = answer.code if isinstance(answer, Refusal) else "taken"
    assert answers["PNG of 50,000 × 50,000"] == "picture.too_many_pixels"
    assert answers["WebP of 50,000 × 50,000"] == "picture.too_many_pixels"
    assert answers["JPEG of 65,500 × 65,500"] == "picture.too_many_pixels"
    assert answers["progressive JPEG of 49 million"] == "picture.too_many_pixels"
    assert answers["too many bytes"] == "picture.too_many_bytes"
    assert answers["zip"] == "picture.not_a_picture"
    assert peak_bytes() - before < GROWTH_BYTES_MAX


def test_what_is_no_picture_is_named_for_what_it_is():
    answers = {name: taken_in(data=content, kind="photo") for name, content in others()}
    codes = {name: one.code for name, one in answers.items() if isinstance(one, Refusal)}
    assert codes["nothing"] == "picture.empty"
    assert codes["heic"] == codes["avif"] == "picture.heic"
    assert codes["1 × 1"] == codes["99 × 99"] == "picture.too_small"
    assert codes["100 × 20001"] == codes["20001 × 100"] == "picture.too_many_pixels"
    for name in (
        "SVG with a script",
        "SVG after blanks",
        "HTML",
        "PDF with a JPEG",
        "GIF",
        "BMP",
        "TIFF",
        "program",
    ):
        assert codes[name] == "picture.not_a_picture", name
    svg = answers["SVG with a script"]
    assert isinstance(svg, Refusal)
    assert "SVG" in sentence(svg, "zh")


@pytest.mark.parametrize(("name", "content"), list(stowaways()), ids=[name for name, _ in stowaways()])
def test_nothing_travels_along_with_a_picture(name: str, content: bytes):
    answer, wrong = defects_of(content=content, number=0)
    assert wrong == []
    assert isinstance(answer, Refusal) == name.startswith("moving")


def test_of_two_things_at_once_only_the_picture_is_taken():
    for name, content in others():
        if name.startswith(("JPEG", "PNG,")):
            answer, wrong = defects_of(content=content, number=0)
            assert isinstance(answer, Taken), name
            assert wrong == []


def test_damaged_pictures_are_taken_clean_or_refused_and_judging_them_never_fails():
    rules = load_photo_rules(ROOT / "documents" / "_photo")["photo-guide-a"]
    taken = 0
    for number, (name, content) in enumerate(damaged(seed=SEED, count=DAMAGED)):
        answer, wrong = defects_of(content=content, number=number)
        assert wrong == [], name
        if isinstance(answer, Taken):
            taken += 1
            if taken % 8 == 0:
                assert examine(taken=answer, rule_set=rules, day=DAY).findings
    assert 0 < taken < DAMAGED


def test_a_picture_is_upright_whatever_way_the_camera_was_held():
    exif = Image.Exif()
    exif[0x0112] = 6
    answer = taken_in(data=saved(still(width=300, height=200), "JPEG", exif=exif), kind="photo")
    assert isinstance(answer, Taken)
    assert (answer.width_px, answer.height_px, answer.source.turned) == (200, 300, True)


def test_what_is_transparent_becomes_paper():
    clear = Image.new("RGBA", (200, 120), (0, 0, 0, 0))
    answer = taken_in(data=saved(clear, "PNG"), kind="signature")
    assert isinstance(answer, Taken)
    assert answer.pixels().getextrema() == ((255, 255), (255, 255), (255, 255))


def test_the_quality_of_a_jpeg_is_read_off_its_tables():
    for quality in (30, 60, 85, 95):
        answer = taken_in(data=saved(still(), "JPEG", quality=quality), kind="photo")
        assert isinstance(answer, Taken)
        assert answer.source.quality == quality


def test_a_kind_that_does_not_exist_is_refused_with_those_that_do():
    assert refused(saved(still(), "JPEG"), kind="passport") == "picture.unknown_kind"
    for kind in KINDS:
        assert isinstance(taken_in(data=saved(still(), "JPEG"), kind=kind), Taken)


SHAPES = ((100, 100), (100, 20_000), (20_000, 100), (101, 377), (1_920, 100))


@pytest.mark.parametrize("kind", KINDS)
def test_pictures_of_nothing_and_of_any_shape_are_judged(kind: str):
    rules = load_photo_rules(ROOT / "documents" / "_photo")["photo-guide-a"]
    for size in SHAPES:
        for picture in (
            Image.new("RGB", size),
            Image.new("RGB", size, (255, 255, 255)),
            still().resize(size),
        ):
            answer = taken_in(data=saved(picture, "PNG"), kind=kind)
            assert isinstance(answer, Taken)
            assert examine(taken=answer, rule_set=rules, day=DAY).verdict == "fails", (size, kind)
