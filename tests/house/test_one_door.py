"""Two of a family through both living houses: joined by a link, issued on different days, one stop at the post, one of them not there."""

from __future__ import annotations

import re
from typing import Any, Final

import httpx
import pytest

from safehand.link.messages import ProofMethod, Reason
from tests.house.journey import SHANGHAI, Journey
from tests.house.living import Living

pytestmark = pytest.mark.slow
OFFICE: Final = "310115"


def browser(journey: Journey) -> httpx.Client:
    """The applicant's, signed in."""
    home = journey.living.world.url("authority")
    headers = {"accept": "text/html", "accept-language": "en", "origin": home}
    return httpx.Client(
        base_url=home, trust_env=False, cookies={"session": journey.applicant}, headers=headers
    )


def send(web: httpx.Client, page: str, to: str, **fields: str) -> httpx.Response:
    shown = web.get(page)
    assert shown.status_code == 200, shown.text
    csrf = shown.text.split('name="csrf" value="')[1].split('"')[0]
    return web.post(to, data={"csrf": csrf} | fields)


def joined(first: Journey, second: Journey) -> None:
    """The first begins a group, the second joins it by the link."""
    first.authority("applicant", "group.begin", together=True)
    page = f"/cases/{SHANGHAI}/{first.case}/group"
    with browser(first) as web:
        assert send(web, page, f"{page}/invite", number="1").status_code == 303
        [link] = set(re.findall(r"/join/[a-z2-7]{32}", web.get(page).text))
    with browser(second) as web:
        done = send(web, link, link, case=second.case, together="yes")
        assert done.headers.get("location", "").endswith(f"{second.case}/group"), done.text


def stops(journey: Journey, role: str, query: str = "") -> list[dict[str, Any]]:
    token = journey.living.token("post", f"st_{role.replace('_', '')}", [role], cities=[SHANGHAI])
    answer = journey.living.client.get(
        journey.living.url("post", f"/v1/stops{query}"), headers={"authorization": f"Bearer {token}"}
    )
    assert answer.status_code == 200, answer.text
    mine = {journey.order}
    return [one for one in answer.json()["stops"] if mine & {item["item"] for item in one["items"]}]


def test_they_wait_go_together_are_one_stop_and_are_handed_over_one_by_one(living: Living) -> None:
    home = {"address": "上海市浦东新区示例一街道中山路204号2单元702室", "destination": SHANGHAI}
    first, second = (Journey.begun(living, number, **home).paid() for number in (340, 341))
    joined(first, second)
    first.made()
    assert (first.state()["group"]["state"], first.order) == ("waiting", "")
    second.made()
    living.control("authority", "chores", {})
    for journey in (first, second):
        journey.tell()
        handover = journey.state()["handover"]
        journey.order, journey.waybill = handover["order"], handover["waybill"]
        assert journey.waybill
        journey.with_post()
    [door] = stops(first, "office_clerk", f"?office={OFFICE}")
    assert {one["item"] for one in door["items"]} == {first.order, second.order}
    assert door["stop"].startswith("gp_")
    assert first.item()["delivery"]["stop"] == second.item()["delivery"]["stop"] == door["stop"]

    # One is taken out alone by mistake: the list says what of that door still lies at the office.
    first.post("courier", "delivery.take_out", **taking(first), office=OFFICE)
    [mine] = stops(first, "courier")
    assert [one["item"] for one in mine["still_at_office"]] == [second.order]
    everything = {
        "city": SHANGHAI,
        "office": OFFICE,
        "occurred_at": first.now().isoformat(),
        "items": [
            {"item": one.order, "waybill": one.waybill, "scan_id": taking(one)["scan_id"]}
            for one in (first, second)
        ],
    }
    taken = first.asked("post", "courier", "stop.take_out", everything)
    assert taken.status_code == 200, taken.text
    outcomes = taken.json()["outcomes"]
    assert [one.get("events", []) for one in outcomes] == [[], ["delivery.taken_out"]]
    [mine] = stops(first, "courier")
    assert {one["item"] for one in mine["items"]} == {first.order, second.order}
    first.tell()
    at_the_door(first, second)


def at_the_door(first: Journey, second: Journey) -> None:
    """The first is there, the second is not."""
    first.authority("applicant", "tracking.confirm_at_door")
    claim = {"method": ProofMethod.RECIPIENT_SESSION, "code": "", "occurred_at": first.now().isoformat()}
    first.post("courier", "delivery.claim", **claim)
    first.tell()
    assert first.item()["delivery"]["state"] == "delivered"
    failing = {
        "city": SHANGHAI,
        "place": OFFICE,
        "occurred_at": first.now().isoformat(),
        "items": [{"item": one.order, "waybill": one.waybill, "attempt": 1} for one in (first, second)],
    }
    failed = first.asked("post", "courier", "stop.fail", failing)
    assert failed.status_code == 200, failed.text
    here, away = failed.json()["outcomes"]
    assert (here["refused"], away["events"]) == ("delivery.already_delivered", ["delivery.attempt_failed"])
    assert here["said_zh"]
    assert here["said_en"]
    assert second.item()["delivery"]["reason"] == Reason.ABSENT
    first.tell()
    assert first.state()["application"]["state"] == "completed"
    assert second.state()["tracking"]["attempts"] == 1
    twice = {**failing, "items": failing["items"][1:] * 2}
    assert first.asked("post", "courier", "stop.fail", twice).json()["code"] == "stop.nothing_named"
    elsewhere = first.asked("post", "courier", "stop.fail", {**failing, "city": 110000})
    assert elsewhere.status_code == 403


def taking(journey: Journey) -> dict[str, Any]:
    scanned = journey.scanned("d", OFFICE)
    return {"scan_id": scanned["scan_id"], "occurred_at": scanned["occurred_at"]}
