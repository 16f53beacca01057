"""A photo gets the verdict that follows from what it was made with, and what can be mended is mended as promised."""

import io
from datetime import date
from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace
from PIL import Image

from safehand.authority.documents import PhotoRules, load_photo_rules
from safehand.authority.pictures import (
    Judged,
    Taken,
    examine,
    examine_photo,
    jpeg,
    mended,
    reopened,
    taken_in,
)
from safehand.authority.pictures.faces import faces_in
from safehand.authority.pictures.findings import Words, words
from safehand.kernel.outcome import Refusal
from tests.authority.picture_corpus import (
    LARGE,
    Made,
    cases,
    content_of,
    difference,
    encoded,
    portraits,
    turned_head,
)

ROOT = Path(__file__).parents[2]
DAY = date(2026, 1, 1)
RULES = load_photo_rules(ROOT / "documents" / "_photo")
GUIDE_A = RULES["photo-guide-a"]
SAMPLE_STEP = 5
"""Every fifth of the corpus within the suite; all of it is the figure `photos`."""


def judged(content: bytes, *, rules: PhotoRules = GUIDE_A) -> Judged:
    taken = taken_in(data=content, kind="photo")
    assert isinstance(taken, Taken)
    return examine(taken=taken, rule_set=rules, day=DAY)


def test_the_corpus_has_sixty_variants_and_more():
    assert len(list(portraits())) >= 60


def test_a_sample_of_the_corpus_is_judged_by_what_it_was_made_with():
    tried = list(cases(GUIDE_A.on(DAY), step=SAMPLE_STEP))
    assert len(tried) >= 15
    assert len({case.verdict for case in tried}) == 4
    assert [told for case in tried if (told := difference(case, judged(case.content)))] == []


@pytest.mark.parametrize("rules", RULES.values(), ids=list(RULES))
def test_a_mended_photo_fits_and_is_the_file_that_production_wants(rules: PhotoRules):
    large = content_of(replace(LARGE, roll_degrees=3.0))
    before = judged(large, rules=rules)
    assert (before.verdict, before.verdict_offered, before.stands) == ("fails", "fits", "fits")
    assert before.offer is not None
    after = mended(taken=before.taken, mend=before.offer)
    assert examine_photo(taken=after, rule_set=rules, day=DAY).verdict == "fits"
    limits = rules.on(DAY)
    with Image.open(io.BytesIO(after.cleaned)) as photo:
        quality = jpeg.quality_of(photo)
        assert (photo.format, photo.mode, photo.width * 4) == ("JPEG", "RGB", photo.height * 3)
        assert limits.picture.width_px_min <= photo.width <= limits.picture.width_px_max
        assert quality is not None
        assert quality >= limits.file.quality_min
        assert limits.file.dpi_min <= photo.info["dpi"][0] <= limits.file.dpi_max
        assert not photo.getexif()
    assert limits.file.bytes_min <= len(after.cleaned) <= limits.file.bytes_max
    assert after.digest != before.digest


def test_the_same_picture_is_judged_differently_by_another_set_of_rules():
    finished = content_of(Made(width_px=480, height_px=640))
    assert judged(finished).verdict == "fits"
    other = judged(finished, rules=RULES["photo-beijing-table"])
    assert other.rule_set == "photo-beijing-table"
    assert {one.code for one in other.findings if one.outcome == "fails"} == {"photo.size"}


def test_a_verdict_carries_the_day_since_which_its_limits_hold():
    answer = judged(content_of(Made()))
    assert (answer.rule_set, answer.since) == ("photo-guide-a", date(2024, 5, 6))


def test_a_picture_that_was_kept_is_judged_again_as_it_was():
    first = judged(content_of(Made(quality=50)))
    kept = reopened(cleaned=first.cleaned, kind="photo", source=first.source)
    again = examine(taken=kept, rule_set=GUIDE_A, day=DAY)
    assert (again.digest, again.findings, again.verdict) == (first.digest, first.findings, "fails")


def test_all_defects_are_named_at_once_with_measured_and_wanted_values():
    bad = Made(
        face_share=0.45, roll_degrees=12.0, background=(40, 60, 200), blur_px=4.0, quality=50, eye_line=0.45
    )
    found = {one.code: one for one in judged(content_of(bad)).findings if one.outcome == "fails"}
    assert {
        "photo.quality", "photo.face_width", "photo.eye_distance", "photo.roll", "photo.background_colour", "photo.sharpness",
    } <= found.keys()  # fmt: skip
    assert (found["photo.quality"].measured, found["photo.quality"].wanted) == ("50", "≥ 85")
    assert found["photo.face_width"].wanted == "0.53–0.80"
    assert float(found["photo.roll"].measured.removesuffix("°")) == pytest.approx(12.0, abs=1.2)
    for one in found.values():
        assert one.measured in one.sentence("en")
        assert one.wanted in one.sentence("zh")
        assert one.advice("en")
        assert one.advice("zh")


def test_every_side_that_can_fail_has_its_advice_in_both_languages():
    for code, one in words().items():
        for field in Words.__struct_fields__:
            if field.endswith("_en"):
                assert bool(getattr(one, field)) == bool(getattr(one, field[:-3] + "_zh")), (code, field)
        assert any("\u4e00" <= letter <= "\u9fff" for letter in one.name_zh), code


def test_what_is_wrong_is_drawn_in_red_and_what_fits_is_not():
    def red(content: bytes) -> int:
        with Image.open(io.BytesIO(judged(content).annotated)) as drawn:
            pixels = np.asarray(drawn.convert("RGB")).astype(int)
        return int(((pixels[..., 0] > 170) & (pixels[..., 1] < 70) & (pixels[..., 2] < 70)).sum())

    fine, tilted = (content_of(Made(roll_degrees=roll)) for roll in (0.0, 14.0))
    assert red(tilted) > red(fine) + 100


def test_a_picture_without_a_face_is_told_so_and_nothing_is_guessed_of_a_face():
    answer = judged(encoded(Image.new("RGB", (450, 600), (240, 240, 240))))
    codes = {one.code for one in answer.findings}
    assert answer.verdict == "fails"
    assert "photo.faces" in codes
    assert not codes & {"photo.roll", "photo.face_width", "photo.sharpness", "photo.background_colour"}


def test_a_photo_rule_set_that_does_not_hold_yet_judges_nothing():
    taken = taken_in(data=content_of(Made()), kind="photo")
    assert not isinstance(taken, Refusal)
    with pytest.raises(LookupError):
        examine_photo(taken=taken, rule_set=GUIDE_A, day=date(2020, 1, 1))


def test_a_head_that_is_turned_reads_as_turned_to_that_side_and_the_more_the_further():
    def yaw(degrees: float) -> float:
        [face] = faces_in(picture=turned_head(yaw_degrees=degrees)).sure
        return face.yaw_degrees

    read = [yaw(degrees) for degrees in (-30.0, -15.0, 0.0, 15.0, 30.0)]
    assert read == sorted(read)
    assert abs(read[2]) < 3
    for one, degrees in zip(read, (-30, -15, 0, 15, 30), strict=True):
        assert abs(one - 0.7 * degrees) < 4


def test_a_head_that_nods_reads_as_nodding_that_way_and_the_more_the_further():
    def pitch(degrees: float) -> float:
        [face] = faces_in(picture=turned_head(pitch_degrees=degrees)).sure
        return face.pitch_degrees

    read = [pitch(degrees) for degrees in (-20.0, 0.0, 20.0)]
    assert read == sorted(read)
    assert read[-1] - read[0] > 25


def test_a_head_turned_far_is_never_said_to_fit():
    for degrees in (-30.0, 20.0):
        found = {one.code: one for one in judged(encoded(turned_head(yaw_degrees=degrees))).findings}
        assert found["photo.yaw"].outcome in {"examiner", "fails"}
        assert found["photo.yaw"].advice("zh")
