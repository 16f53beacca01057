"""The clerk at the authority gets the label that only the post can make: own orders, recorded prints, looks written down."""

from __future__ import annotations

from typing import Any

import httpx
import pypdfium2 as pdfium
import pytest

from safehand.house.settings import key_ring, read_settings
from safehand.kernel.clock import SystemClock
from safehand.link.http_signing import Request, sign_request
from tests.house.journey import SHANGHAI, Journey
from tests.house.living import Living, person_of

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def journey(living: Living) -> Journey:
    return Journey.begun(living, 210).paid().made()


def label(journey: Journey, role: str = "handover_clerk", of: int = SHANGHAI, **asked: Any) -> httpx.Response:
    living = journey.living
    headers = {"authorization": f"Bearer {living.staff('authority', role, of)}", "accept-language": "en"}
    query = {"city": SHANGHAI, "case": journey.case} | asked
    return living.client.get(living.url("authority", "/v1/labels"), params=query, headers=headers)


def looks(journey: Journey) -> tuple[list[str], list[str]]:
    """Who looked at a label, as each house wrote it down."""
    sql = "select actor from read_log where what = 'label' and stream = $1"
    at = {"authority": journey.case, "post": journey.order}
    found = [[row[0] for row in journey.living.rows(house, sql, name)] for house, name in at.items()]
    return found[0], found[1]


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def test_a_label_is_had_only_after_its_print_was_recorded_and_every_look_is_written_down(
    journey: Journey,
) -> None:
    assert code(label(journey)) == (409, "handover.print_first")
    assert looks(journey) == ([], [])
    journey.authority("handover_clerk", "handover.print_label")
    masked = label(journey)
    assert masked.status_code == 200, masked.text
    assert masked.headers["content-type"] == "application/pdf"
    text = "".join(pdfium.PdfDocument(masked.content)[0].get_textpage().get_text_bounded().split())
    person = person_of(journey.number)
    assert journey.waybill in text
    assert person.name_zh not in text
    assert person.phone not in text
    assert person.name_zh[0] in text
    opaque = label(journey, profile="opaque", size="76x130")
    assert opaque.status_code == 200
    assert looks(journey) == (["st_handover_clerk_310000"] * 2, ["authority:authority"])
    assert journey.state()["handover"]["prints"] == 1


def test_others_other_cities_and_what_is_no_case_get_no_label(journey: Journey) -> None:
    for role in ("examiner", "production_clerk", "authority_manager", "applicant", "nobody"):
        assert code(label(journey, role=role)) == (403, "role.not_allowed")
    assert code(label(journey, of=110000)) == (403, "role.not_allowed")
    assert code(label(journey, case="ca_" + "z" * 26)) == (404, "request.not_found")
    assert code(label(journey, case="st_310000_passport")) == (404, "request.not_found")
    junks: list[dict[str, Any]] = [{"case": "x"}, {"profile": "full"}, {"size": "A4"}, {"city": 7}]
    for junk in junks:
        assert code(label(journey, **junk)) == (400, "request.invalid")


def asked_of_post(living: Living, house: str, query: str, *, signed: bool = True) -> httpx.Response:
    """A question at the post's link door, with a house's own key."""
    request = Request("GET", living.url("post", f"/link/v1/labels{query}"), {}, b"")
    if signed:
        ring = key_ring(read_settings(living.world.settings_of(house)))
        sign_request(ring=ring, request=request, now=SystemClock().now())
    return living.client.get(request.url, headers=request.headers)


def test_the_post_answers_only_its_peer_and_what_there_is_not_always_alike(journey: Journey) -> None:
    living = journey.living
    own = f"?city={SHANGHAI}&order={journey.order}"
    assert asked_of_post(living, "authority", own).json()["code"] == 0
    assert asked_of_post(living, "authority", own, signed=False).status_code == 401
    # The post itself is no peer of the post.
    assert asked_of_post(living, "post", own).status_code == 401
    unknown = asked_of_post(living, "authority", f"?city={SHANGHAI}&order=or_{'a' * 26}")
    elsewhere = asked_of_post(living, "authority", f"?city=110000&order={journey.order}")
    assert unknown.content == elsewhere.content == b'{"code":1}'


def test_a_print_opens_the_label_for_a_quarter_of_an_hour(journey: Journey) -> None:
    living = journey.living
    living.control("authority", "clock", {"now": "2024-05-06T11:00:00+08:00"})
    assert code(label(journey)) == (409, "handover.print_first")
    journey.authority("handover_clerk", "handover.print_label", reason="printer_jam")
    assert label(journey).status_code == 200
