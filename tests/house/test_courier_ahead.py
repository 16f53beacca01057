"""Who comes is shown ahead: to the one who waits, while the courier is on the way, and nowhere else."""

from __future__ import annotations

import base64
import io
from datetime import timedelta
from typing import Any

import httpx
import pytest
from PIL import Image

from safehand.house.settings import key_ring, read_settings
from safehand.kernel.clock import SystemClock
from safehand.link.http_signing import Request, sign_request
from safehand.programme.couriers_drawn import drawn_face
from tests.house.journey import SHANGHAI, Journey
from tests.house.living import Living

pytestmark = pytest.mark.slow

NAME = "标记投递员甲"
NUMBER = "SH-770123"
COURIER = "st_courier"


@pytest.fixture(scope="module")
def journey(living: Living) -> Journey:
    return Journey.begun(living, 530).paid().made().with_post()


def set_card(living: Living, role: str = "postal_manager", **changes: Any) -> httpx.Response:
    card = {"courier": COURIER, "name": NAME, "number": NUMBER} | changes
    return sent(living, "/v1/couriers/card", card, role)


def sent(living: Living, path: str, body: Any, role: str = "postal_manager") -> httpx.Response:
    headers = {"authorization": f"Bearer {living.staff('post', role)}", "accept-language": "en"}
    return living.client.post(living.url("post", path), json=body, headers=headers)


def page(journey: Journey, below: str = "", *, token: str | None = None, lang: str = "en") -> httpx.Response:
    """A page of the case as its owner's browser gets it, or somebody else's."""
    living, session = journey.living, token or journey.applicant
    address = living.url("authority", f"/cases/{SHANGHAI}/{journey.case}{below}")
    headers = {"cookie": f"session={session}; lang={lang}", "accept": "text/html"}
    return living.client.get(address, headers=headers, follow_redirects=False)


def later(living: Living, **span: float) -> None:
    """Let time pass at both houses: what is kept of a courier is kept for two minutes."""
    now = Journey(living=living, number=0, case="", applicant="").now() + timedelta(**span)
    for house in ("post", "authority"):
        living.control(house, "clock", {"now": now.isoformat()})


def asked_of_post(living: Living, house: str, query: str) -> httpx.Response:
    request = Request("GET", living.url("post", f"/link/v1/couriers{query}"), {}, b"")
    ring = key_ring(read_settings(living.world.settings_of(house)))
    sign_request(ring=ring, request=request, now=SystemClock().now())
    return living.client.get(request.url, headers=request.headers)


def taken_out(journey: Journey, letter: str) -> None:
    scan = journey.scanned(letter, "")
    scan.pop("place")
    journey.post("courier", "delivery.take_out", office="310115", **scan)
    journey.tell()


def test_a_card_is_the_managers_and_only_a_picture_is_one(living: Living) -> None:
    for role in ("courier", "office_clerk", "acceptance_clerk"):
        assert set_card(living, role).status_code == 403
    junks: list[dict[str, Any]] = [
        {"number": "a b"},
        {"name": ""},
        {"courier": "x"},
        {"more": 1},
        {"picture": "~"},
    ]
    for junk in junks:
        assert set_card(living, **junk).status_code == 400
    text = base64.b64encode(b"no picture").decode()
    refused = set_card(living, picture=text)
    assert (refused.status_code, refused.json()["code"]) == (422, "courier.not_a_picture")
    gone = sent(living, "/v1/couriers/card/remove", {"courier": COURIER})
    assert (gone.status_code, gone.json()["code"]) == (404, "courier.no_card")


def test_who_waits_sees_who_comes_while_they_are_on_the_way_and_nobody_else_does(journey: Journey) -> None:
    living = journey.living
    assert "The courier is on the way" not in page(journey).text.split("What has happened")[0]
    taken_out(journey, "q")
    assert journey.state()["tracking"]["courier"] == COURIER
    without = page(journey).text
    assert "The post has no picture and no number of this courier" in without
    assert page(journey, "/courier").status_code == 404

    face = base64.b64encode(drawn_face(of="courier")).decode()
    kept = set_card(living, picture=face)
    assert kept.json() == {"courier": COURIER, "card": True, "picture": True}
    later(living, minutes=3)
    for lang, words in (("en", "say nothing and ring 11183"), ("zh", "不要交出投递码")):
        shown = page(journey, lang=lang).text
        assert NAME in shown
        assert NUMBER in shown
        assert words in shown
        assert f'src="/cases/{SHANGHAI}/{journey.case}/courier"' in shown
    picture = page(journey, "/courier")
    assert picture.headers["content-type"] == "image/jpeg"
    assert picture.headers["cache-control"] == "no-store"
    with Image.open(io.BytesIO(picture.content)) as opened:
        assert opened.format == "JPEG"

    journey.post("courier", "delivery.approach", occurred_at=journey.now().isoformat())
    journey.tell()
    near = page(journey).text
    assert "The courier is near</h2>" in near
    assert "You were sent the delivery code once more." in near
    facts = "select facts from notice where subject = $1 and template = 'courier_near'"
    [[told]] = living.rows("authority", facts, journey.case)
    assert journey.order in str(told)
    assert NAME not in str(told)

    stranger, _ = living.applicant(531)
    for below in ("", "/courier"):
        away = page(journey, below, token=stranger)
        assert away.status_code == 404
        assert NAME not in away.text
    nobody = page(journey, "/courier", token="x")
    assert nobody.headers["location"].startswith("/sign-in?to=/cases/")

    journey.post("courier", "delivery.bring_back", **journey.scanned("r", "310115"))
    journey.tell()
    back = page(journey)
    assert NAME not in back.text
    assert page(journey, "/courier").status_code == 404
    assert journey.state()["tracking"].get("courier", "") == ""


def test_the_post_shows_a_courier_to_its_peer_and_only_with_that_courier_s_item(journey: Journey) -> None:
    living = journey.living
    own = f"?city={SHANGHAI}&order={journey.order}&courier={COURIER}"
    assert asked_of_post(living, "authority", own).content == b'{"code":1}', "it is back at the office"
    later(living, minutes=10)
    taken_out(journey, "s")
    shown = asked_of_post(living, "authority", own)
    assert shown.json()["code"] == 0
    assert NAME.encode() not in shown.content
    assert NUMBER.encode() not in shown.content, "sealed for the one that asks"
    assert asked_of_post(living, "post", own).status_code == 401
    other = own.replace(COURIER, "st_somebody")
    unknown = own.replace(journey.order, f"or_{'a' * 26}")
    elsewhere = own.replace(str(SHANGHAI), "110000")
    answers = [asked_of_post(living, "authority", one).content for one in (other, unknown, elsewhere)]
    assert answers == [b'{"code":1}'] * 3
    looks = living.rows(
        "post", "select actor from read_log where what = 'courier' and stream = $1", journey.order
    )
    assert {row[0] for row in looks} == {"authority:authority"}


def test_a_card_that_was_taken_away_is_shown_no_more_and_nobody_is_named_outside_of_the_vault(
    journey: Journey,
) -> None:
    living = journey.living
    gone = sent(living, "/v1/couriers/card/remove", {"courier": COURIER})
    assert gone.json() == {"courier": COURIER, "card": False, "picture": False}
    assert living.rows("post", "select 1 from keys.case_key where subject = $1", COURIER) == []
    later(living, minutes=3)
    assert NAME not in page(journey).text
    for process in living.processes.running:
        if process.name != "sandbox":
            log = process.log.read_text(encoding="utf-8", errors="replace")
            assert NAME not in log
            assert NUMBER not in log
    tables = (
        "event.body",
        "link_sent.body",
        "link_received.body",
        "notice.facts",
        "answer.answer",
        "read_log.what",
    )
    for house in ("authority", "post"):
        for place in tables:
            table, column = place.split(".")
            found = living.rows(
                house,
                f"select count(*) from {table} where position($1::bytea in convert_to({column}::text, 'UTF8')) > 0"
                f" or position($2 in {column}::text) > 0",
                NUMBER.encode(),
                NAME,
            )
            assert found[0][0] == 0, f"{house} {place}"
