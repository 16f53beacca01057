"""Couriers' pictures: whatever is sent, a small clean JPEG or a refusal with a way out; and that the post says who comes."""

import io
import random

import pytest
from PIL import Image

from safehand.kernel.outcome import Refusal, sentence, way_out
from safehand.link.couriers import PICTURE_BYTES_MAX
from safehand.link.messages import Kind
from safehand.postal.couriers.pictures import SHOWN_PX, taken_in
from safehand.postal.couriers.refusals import NO_CARD
from safehand.postal.delivery import commands as to_deliver
from safehand.programme.couriers_drawn import card_of, drawn_face
from tests.postal.house import COURIER, House


def picture(width: int, height: int, kind: str = "PNG", *, noise: bool = False) -> bytes:
    made = Image.new("RGB", (width, height), (200, 180, 160))
    if noise:
        made = Image.frombytes("RGB", (width, height), random.Random(7).randbytes(width * height * 3))
    into = io.BytesIO()
    made.save(into, format=kind, **({"exif": _exif()} if kind == "JPEG" else {}))
    return into.getvalue()


def _exif() -> Image.Exif:
    exif = Image.Exif()
    exif[0x010E] = "MARKER-IN-EXIF"
    return exif


@pytest.mark.parametrize(
    "data",
    [
        picture(300, 400),
        picture(1200, 900, "JPEG"),
        picture(96, 96),
        picture(400, 400, noise=True),
        drawn_face(of="x"),
    ],
    ids=["png", "jpeg", "smallest", "noise", "drawn"],
)
def test_a_picture_becomes_a_small_clean_jpeg(data: bytes):
    made = taken_in(data=data)
    assert isinstance(made, bytes)
    assert len(made) <= PICTURE_BYTES_MAX
    assert b"MARKER-IN-EXIF" not in made
    with Image.open(io.BytesIO(made)) as shown:
        assert shown.format == "JPEG"
        assert shown.width <= SHOWN_PX[0]
        assert shown.height <= SHOWN_PX[1]


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no picture",
        b"%PDF-1.4",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        picture(95, 300),
        picture(4_001, 100),
        picture(300, 400)[:200],
        picture(200, 200, "GIF"),
    ],
    ids=["empty", "text", "pdf", "svg", "too small", "too large", "cut off", "gif"],
)
def test_what_is_no_picture_is_refused_with_a_way_out(data: bytes):
    refused = taken_in(data=data)
    assert isinstance(refused, Refusal)
    assert refused.code == "courier.not_a_picture"
    for language in ("en", "zh"):
        assert sentence(refused, language)
        assert way_out(refused, language)
    assert NO_CARD().code == "courier.no_card"


def test_who_takes_an_item_out_is_named_to_the_authority_and_so_is_who_fetches_it_again():
    house = House().with_courier()
    [named] = house.bodies(Kind.COURIER_NAMED)
    assert (named.courier, named.waybill) == (COURIER, house.waybill)
    assert [one.kind for one in house.said[-2:]] == [Kind.ITEM_SCANNED, Kind.COURIER_NAMED]
    house.wait(minutes=5)
    left = to_deliver.ReportNonconforming(
        waybill=house.waybill, courier=COURIER, carrier_code="50", occurred_at=house.now
    )
    house.do(left)
    house.wait(minutes=5)
    fetched = to_deliver.TakeBack(waybill=house.waybill, courier="co_other", occurred_at=house.now)
    house.do(fetched)
    assert [one.courier for one in house.bodies(Kind.COURIER_NAMED)] == [COURIER, "co_other"]


def test_made_up_couriers_have_drawn_faces_that_are_always_the_same():
    card = card_of(city="440100", home="310000", name="徐军")
    assert card == card_of(city="440100", home="310000", name="徐军")
    assert card["courier"].startswith("st_")
    assert drawn_face(of="a") != drawn_face(of="b")
