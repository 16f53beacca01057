"""Each limit of a photo, from both sides: what lies on it fits, what lies beyond it does not."""

from datetime import date
from pathlib import Path
from typing import Any

import msgspec
import pytest

from safehand.authority.documents import load_photo_rules
from safehand.authority.pictures.faces import Face, Faces
from safehand.authority.pictures.findings import Finding, Outcome, compared, worst
from safehand.authority.pictures.photos import BackgroundMeasures, FaceMeasures, PhotoMeasures
from safehand.authority.pictures.pixels import Colour
from safehand.authority.pictures.rules import judged
from safehand.authority.pictures.uploads import Source

RULES = load_photo_rules(Path(__file__).parents[2] / "documents" / "_photo")
DAY = date(2026, 1, 1)

FACE = Face(
    left_eye=(180.0, 290.0), right_eye=(300.0, 290.0), left_side=(100.0, 320.0), right_side=(380.0, 320.0),
    chin=(240.0, 500.0), top=(240.0, 190.0), outline=((100.0, 320.0), (380.0, 320.0), (240.0, 500.0)),
    width_px=280.0, eye_distance_px=125.0, roll_degrees=0.0, yaw_degrees=0.0, pitch_degrees=0.0,
    eye_opening=0.25, mouth_gap=0.05,
)  # fmt: skip
GOOD = PhotoMeasures(
    width_px=480,
    height_px=640,
    bytes=60_000,
    dots_per_inch=350,
    source=Source(format="jpeg", bytes=70_000, width_px=480, height_px=640, quality=95, bits=24, turned=False),
    faces=Faces(sure=(FACE,), doubtful=0),
    background=BackgroundMeasures(
        colour=Colour(light_percent=95.0, chroma_percent=2.0, hue_degrees=60.0),
        spread_percent=3.0,
        hidden_percent=0.0,
    ),
    face=FaceMeasures(
        width_share=0.60, eye_distance_share=0.27, head_height_share=0.80, crown_px=32.0, eye_line_share=0.45,
        light_percent=60.0, burnt_percent=0.0, shadow_percent=10.0, chroma_percent=20.0, blur_px=0.8,
    ),
)  # fmt: skip


def _changed(of: Any, path: list[str], value: Any) -> Any:
    name, *rest = path
    if name == "one":
        return msgspec.structs.replace(of, faces=Faces(sure=(_changed(FACE, rest, value),), doubtful=0))
    inner = _changed(getattr(of, name), rest, value) if rest else value
    return msgspec.structs.replace(of, **{name: inner})


def with_(**changes: Any) -> PhotoMeasures:
    """The good photo with some measures changed: `face__blur_px=2.0`; `one__` is the face's own geometry."""
    measures = GOOD
    for path, value in changes.items():
        measures = _changed(measures, path.split("__"), value)
    return measures


def outcomes(measures: PhotoMeasures, rules: str = "photo-guide-a") -> dict[str, Finding]:
    found = judged(measures=measures, limits=RULES[rules].on(DAY))
    assert len({one.code for one in found}) == len(found)
    return {one.code: one for one in found}


def test_a_good_photo_fits_by_every_rule():
    found = outcomes(GOOD)
    assert {code for code, one in found.items() if one.outcome != "fits"} == set()
    assert len(found) == 23
    assert all(one.side == "" for one in found.values())


LIMITS: list[tuple[str, str, list[tuple[Any, Outcome]]]] = [
    ("photo.size", "width_px", [(353, "fails"), (354, "fits"), (480, "fits"), (481, "fails")]),
    ("photo.size", "height_px", [(471, "fails"), (472, "fits"), (640, "fits"), (641, "fails")]),
    ("photo.ratio", "width_px", [(473, "fails"), (474, "fits"), (486, "fits"), (487, "fails")]),
    ("photo.bytes", "bytes", [(19_999, "fails"), (20_000, "fits"), (80_000, "fits"), (80_001, "fails")]),
    ("photo.dpi", "dots_per_inch", [(299, "fails"), (300, "fits"), (600, "fits"), (601, "fails")]),
    ("photo.quality", "source__quality", [(84, "fails"), (85, "fits"), (100, "fits")]),
    ("photo.colour", "source__bits", [(8, "fails"), (24, "fits")]),
    ("photo.colour", "face__chroma_percent", [(2.9, "fails"), (3.0, "fits")]),
    ("photo.face_width", "face__width_share", [(0.529, "fails"), (0.53, "fits"), (0.80, "fits"), (0.801, "fails")]),
    ("photo.eye_distance", "face__eye_distance_share", [(0.229, "fails"), (0.23, "fits"), (0.33, "fits"), (0.331, "fails")]),
    ("photo.head_whole", "face__crown_px", [(6.3, "fails"), (6.4, "fits"), (None, "examiner")]),
    ("photo.roll", "one__roll_degrees", [(-8.1, "fails"), (-8.0, "fits"), (8.0, "fits"), (8.1, "fails")]),
    ("photo.yaw", "one__yaw_degrees", [(9.0, "fits"), (-9.1, "examiner"), (17.0, "examiner"), (17.1, "fails"), (-17.1, "fails")]),
    ("photo.pitch", "one__pitch_degrees", [(13.0, "fits"), (-13.1, "examiner"), (29.0, "examiner"), (29.1, "fails")]),
    ("photo.eyes_open", "one__eye_opening", [(0.159, "examiner"), (0.0, "examiner"), (0.16, "fits")]),
    ("photo.mouth_closed", "one__mouth_gap", [(0.15, "fits"), (0.151, "examiner"), (2.0, "examiner")]),
    ("photo.background_even", "background__spread_percent", [(12.0, "fits"), (12.1, "examiner"), (20.0, "examiner"), (20.1, "fails")]),
    ("photo.background_plain", "background__hidden_percent", [(20.0, "fits"), (20.1, "examiner"), (40.0, "examiner"), (40.1, "fails")]),
    ("photo.light", "face__light_percent", [(14.9, "fails"), (15.0, "examiner"), (24.9, "examiner"), (25.0, "fits"), (82.0, "fits"), (82.1, "examiner"), (90.0, "examiner"), (90.1, "fails")]),
    ("photo.glare", "face__burnt_percent", [(4.0, "fits"), (4.1, "examiner"), (12.0, "examiner"), (12.1, "fails")]),
    ("photo.face_shadow", "face__shadow_percent", [(25.0, "fits"), (25.1, "examiner"), (45.0, "examiner"), (45.1, "fails")]),
    ("photo.sharpness", "face__blur_px", [(1.6, "fits"), (1.61, "examiner"), (2.4, "examiner"), (2.41, "fails"), (None, "fails")]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("code", "path", "values"), LIMITS, ids=[f"{code}-{path}" for code, path, _ in LIMITS]
)
def test_what_lies_on_a_limit_fits_and_what_lies_beyond_does_not(
    code: str, path: str, values: list[tuple[Any, Outcome]]
):
    assert [outcomes(with_(**{path: value}))[code].outcome for value, _ in values] == [
        outcome for _, outcome in values
    ]


@pytest.mark.parametrize(
    ("light", "chroma", "hue", "outcome"),
    [
        (82.0, 10.0, 0.0, "fits"),
        (81.9, 10.0, 0.0, "fails"),
        (82.0, 10.1, 0.0, "fails"),
        (70.0, 10.1, 200.0, "fits"),
        (69.9, 10.1, 200.0, "fails"),
        (75.0, 20.0, 180.0, "fits"),
        (75.0, 20.0, 179.9, "fails"),
        (75.0, 20.0, 220.0, "fits"),
        (75.0, 20.0, 220.1, "fails"),
        (75.0, 10.0, 200.0, "fails"),
        (75.0, 20.0, 359.0, "fails"),
    ],
)
def test_a_background_is_white_light_grey_or_pale_blue(
    light: float, chroma: float, hue: float, outcome: Outcome
):
    colour = Colour(light_percent=light, chroma_percent=chroma, hue_degrees=hue)
    found = outcomes(with_(background__colour=colour))["photo.background_colour"]
    assert found.outcome == outcome
    assert (found.side == "") == (outcome == "fits")


def test_a_dark_background_is_told_to_need_light_and_a_coloured_one_another_wall():
    def advice(**of: float) -> str:
        return outcomes(with_(background__colour=Colour(**of)))["photo.background_colour"].advice("en")

    assert "light on it" in advice(light_percent=40.0, chroma_percent=2.0, hue_degrees=0.0)
    assert "light on it" in advice(light_percent=78.0, chroma_percent=10.0, hue_degrees=0.0)
    assert "light on it" in advice(light_percent=69.9, chroma_percent=30.0, hue_degrees=0.0)
    assert "light on it" not in advice(light_percent=70.0, chroma_percent=30.0, hue_degrees=0.0)


def test_where_no_background_is_seen_the_examiner_looks():
    found = outcomes(with_(background__colour=None))
    doubtful = {code for code, one in found.items() if one.outcome == "examiner"}
    assert doubtful == {"photo.background_colour", "photo.background_even", "photo.head_whole"}
    assert "photo.background_plain" not in found


def test_a_pattern_behind_the_head_hides_the_crown_and_a_shadow_does_not():
    assert outcomes(with_(background__hidden_percent=40.1))["photo.head_whole"].outcome == "examiner"
    assert outcomes(with_(background__hidden_percent=40.0))["photo.head_whole"].outcome == "fits"
    assert outcomes(with_(background__spread_percent=60.0))["photo.head_whole"].outcome == "fits"


def test_a_forehead_at_the_edge_leaves_no_room_for_a_crown():
    # The chin is at 500: 0.15 of the height from forehead to chin is reached at 65.2.
    assert outcomes(with_(one__top=(240.0, 65.0), face__crown_px=None))["photo.head_whole"].outcome == "fails"
    assert (
        outcomes(with_(one__top=(240.0, 66.0), face__crown_px=None))["photo.head_whole"].outcome == "examiner"
    )


@pytest.mark.parametrize(
    ("sure", "doubtful", "outcome", "measured"),
    [
        (0, 0, "fails", "0"),
        (0, 1, "examiner", "0 + 1?"),
        (1, 0, "fits", "1"),
        (1, 1, "examiner", "1 + 1?"),
        (2, 0, "fails", "2"),
        (2, 1, "fails", "2"),
    ],
)
def test_exactly_one_face_is_wanted(sure: int, doubtful: int, outcome: Outcome, measured: str):
    faces = Faces(sure=(FACE,) * sure, doubtful=doubtful)
    found = outcomes(msgspec.structs.replace(GOOD, faces=faces, face=GOOD.face if sure == 1 else None))
    assert (found["photo.faces"].outcome, found["photo.faces"].measured) == (outcome, measured)
    assert ("photo.roll" in found) == (sure == 1)
    assert ("photo.background_even" in found) == (sure == 1)
    if outcome == "fails":
        assert ("No face" in found["photo.faces"].advice("en")) == (sure == 0)


def test_a_lossless_picture_has_no_quality_to_judge_and_is_told_to_become_a_jpeg():
    found = outcomes(with_(source__quality=None, source__format="png"))
    assert "photo.quality" not in found
    assert (found["photo.format"].outcome, found["photo.format"].measured) == ("fits", "png → jpeg")


def test_each_side_of_a_range_has_its_own_advice():
    small, large = (outcomes(with_(face__width_share=share))["photo.face_width"] for share in (0.3, 0.9))
    assert (small.side, large.side) == ("low", "high")
    assert "closer" in small.advice("en")
    assert "back" in large.advice("en")
    few, many = (outcomes(with_(width_px=width))["photo.size"] for width in (300, 3_000))
    assert (few.side, many.side) == ("low", "high")
    assert few.wanted == "354 × 472 – 480 × 640 px"
    assert outcomes(with_(height_px=300))["photo.size"].side == "low"


BEIJING: list[tuple[str, str, list[tuple[float, Outcome]]]] = [
    ("photo.head_height", "face__head_height_share", [(0.749, "fails"), (0.75, "fits"), (0.85, "fits"), (0.851, "fails")]),
    ("photo.eye_line", "face__eye_line_share", [(0.319, "fails"), (0.32, "fits"), (0.52, "fits"), (0.521, "fails")]),
]  # fmt: skip


@pytest.mark.parametrize(("code", "path", "values"), BEIJING)
def test_the_beijing_table_limits_head_and_eye_line_where_guide_a_limits_the_face(
    code: str, path: str, values: list[tuple[float, Outcome]]
):
    for value, outcome in values:
        found = outcomes(with_(**{path: value}), rules="photo-beijing-table")
        assert found[code].outcome == outcome
        assert not found.keys() & {"photo.face_width", "photo.eye_distance"}
    assert not outcomes(GOOD).keys() & {"photo.head_height", "photo.eye_line"}
    assert outcomes(GOOD, rules="photo-beijing-table")["photo.size"].wanted == "354 × 472 px"


def test_yaw_and_pitch_tell_how_far_they_may_be_out():
    found = outcomes(with_(one__yaw_degrees=-7.4))["photo.yaw"]
    assert (found.measured, found.wanted) == ("7° ± 4°", "≤ 5°")


def test_the_verdict_is_the_worst_finding():
    fits, looks, fails = (
        Finding(code="photo.roll", outcome=outcome, measured="", wanted="")
        for outcome in ("fits", "examiner", "fails")
    )
    assert [worst(of) for of in ((), (fits,), (fits, looks), (looks, fails, fits))] == [
        "fits",
        "fits",
        "examiner",
        "fails",
    ]


def test_a_finding_tells_its_range_in_words_of_the_measure():
    assert compared(code="photo.roll", value=1, least=2, most=3).wanted == "2–3"
    assert compared(code="photo.roll", value=1, least=2).wanted == "≥ 2"
    assert compared(code="photo.roll", value=1, most=3, unit="°").wanted == "≤ 3°"
    mended = msgspec.structs.replace(compared(code="photo.roll", value=4, most=3), mends=True)
    assert mended.sentence("en").endswith("Crop, rotation and scaling mend it.")
    assert "自动修正" in mended.sentence("zh")
