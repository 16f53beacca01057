"""Reading a case or an item: only who may, nothing that nobody needs, and every look of staff is written down."""

from __future__ import annotations

import httpx
import pytest

from tests.house.living import Living

pytestmark = pytest.mark.slow
CITY = 310000
UNKNOWN = "ca_aaaaaaaaaaaaaaaaaaaaaaaaaa"


def read(
    living: Living,
    token: str,
    stream: str,
    *,
    city: object = CITY,
    events: bool = False,
    house: str = "authority",
) -> httpx.Response:
    things = "cases" if house == "authority" else "items"
    path = f"/v1/{things}/{city}/{stream}" + ("/events" if events else "")
    return living.client.get(
        living.url(house, path), headers={"authorization": f"Bearer {token}", "accept-language": "en"}
    )


def looks(living: Living, stream: str) -> list[tuple[str, str]]:
    rows = living.rows("authority", "select actor, what from read_log where stream = $1 order by at", stream)
    return [(row[0], row[1]) for row in rows]


def test_an_applicant_reads_the_own_case_and_nobody_elses(living: Living) -> None:
    token, _ = living.applicant(201)
    case, others = living.case_of(201), living.case_of(202)
    own = read(living, token, case)
    assert own.status_code == 200, own.text
    assert own.json()["state"]["case"] == case
    assert "claim" not in own.json()["state"]["application"]
    strange, missing = read(living, token, others), read(living, token, UNKNOWN)
    assert (strange.status_code, missing.status_code) == (404, 404)
    assert strange.content == missing.content
    assert looks(living, case) == []
    assert read(living, token, case, events=True).status_code == 403


def test_every_look_of_staff_at_a_case_is_written_down(living: Living) -> None:
    case = living.case_of(203)
    examiner = living.staff("authority", "examiner")
    shown = read(living, examiner, case)
    assert shown.status_code == 200, shown.text
    assert "claim" not in shown.json()["state"]["application"]
    assert looks(living, case) == [(f"st_examiner_{CITY}", "state")]
    assert read(living, examiner, case, events=True).status_code == 403
    manager = living.staff("authority", "authority_manager")
    events = read(living, manager, case, events=True)
    assert events.status_code == 200, events.text
    assert [one["version"] for one in events.json()["events"]] == list(
        range(1, len(events.json()["events"]) + 1)
    )
    assert looks(living, case)[1:] == [(f"st_authority_manager_{CITY}", "events")]


def test_staff_of_another_city_and_names_of_nothing_are_refused(living: Living) -> None:
    case = living.case_of(203)
    before = looks(living, case)
    assert read(living, living.staff("authority", "examiner", 110000), case).status_code == 403
    examiner = living.staff("authority", "examiner")
    for city, stream in ((CITY, UNKNOWN), ("x", case), (10**30, case), (CITY, "wi_post"), (CITY, "%00")):
        answer = read(living, examiner, stream, city=city)
        assert (answer.status_code, answer.headers["content-type"]) in (
            (404, "application/problem+json"),
            (403, "application/problem+json"),
        ), answer.text
    assert looks(living, case) == before
    clerk = living.staff("post", "acceptance_clerk")
    assert read(living, clerk, "or_aaaaaaaaaaaa", house="post").status_code == 404
