"""Somebody named at the authority receives it from the post's courier, and is nowhere but in two vaults on the way."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import httpx
import msgspec
import pytest

from safehand.authority.app import secret_for
from safehand.authority.border.door_code import agent_code, door_code
from safehand.house.settings import read_key, read_settings
from safehand.kernel.store import VaultKeyRow, VaultRow
from safehand.kernel.vault import VaultKeys, unseal
from tests.house.journey import SHANGHAI, Journey
from tests.house.living import Living

pytestmark = pytest.mark.slow
HOUSES = ("authority", "post")
AGENT = {"name": "岳代收标记", "relation": "sibling", "phone": "19900007391"}
MARKERS = (AGENT["name"], AGENT["phone"], quote(AGENT["name"]), AGENT["name"].encode().hex())
PAPERS = ["agent_id_card", "applicant_id_card", "receipt"]


def named(living: Living, number: int) -> Journey:
    """Applied, with somebody named who may receive it."""
    token, item = living.applicant(number)
    answer = living.post("authority", "application.submit", item | {"agent": AGENT}, token)
    assert answer.status_code == 200, answer.text
    return Journey(living=living, number=number, case=answer.json()["case"], applicant=token)


def out(journey: Journey) -> Journey:
    """With a courier."""
    journey.post("courier", "delivery.take_out", **_taking_out(journey))
    journey.tell()
    return journey


def _taking_out(journey: Journey) -> dict[str, Any]:
    scan = journey.scanned("d", "310115")
    return {"scan_id": scan["scan_id"], "office": scan["place"], "occurred_at": scan["occurred_at"]}


def codes(journey: Journey) -> tuple[str, str]:
    """The recipient's and the agent's."""
    secret = secret_for(read_settings(journey.living.world.settings_of("authority")), "door code")
    own = door_code(secret=secret, order=journey.order)
    return own, agent_code(secret=secret, order=journey.order, number=1)


def claimed(journey: Journey, code: str, **changes: Any) -> tuple[int, str]:
    item = {
        "city": SHANGHAI,
        "item": journey.order,
        "waybill": journey.waybill,
        "method": 1,
        "code": code,
        "occurred_at": journey.now().isoformat(),
        **changes,
    }
    answer = journey.asked("post", "courier", "delivery.claim", item)
    journey.tell()
    return answer.status_code, answer.json().get("code", "")


def shown(journey: Journey, actor: str = "st_courier") -> httpx.Response:
    token = journey.living.token("post", actor, ["courier"], cities=[SHANGHAI])
    path = f"/v1/items/{SHANGHAI}/{journey.order}/receivers"
    return journey.living.client.get(
        journey.living.url("post", path), headers={"authorization": f"Bearer {token}"}
    )


def kept(journey: Journey, house: str) -> bytes | None:
    """What the vault has of whoever is named; none: no record at all."""
    living = journey.living
    subject = journey.case if house == "authority" else journey.order
    rows = living.rows(
        house,
        "select r.sealed, k.wrapped from vault_record r join keys.case_key k using (city, subject)"
        " where subject = $1 and name = 'receiver'",
        subject,
    )
    if not rows:
        return None
    own = read_settings(living.world.settings_of(house)).keys
    keys = VaultKeys(wrapping=read_key(own.vault_wrapping), blinding=read_key(own.vault_blinding))
    key = keys.unwrap(VaultKeyRow(SHANGHAI, subject, rows[0][1]))
    return unseal(key=key, row=VaultRow(SHANGHAI, subject, "receiver", rows[0][0]))


def chores(journey: Journey) -> None:
    for house in HOUSES:
        journey.living.control(house, "chores", {"without": ["notices", "close_days"]})
    journey.tell()


def nowhere(living: Living) -> None:
    """Neither name nor telephone is in any table of either house, nor in a log."""
    for house in HOUSES:
        tables = living.rows(
            house,
            "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('public', 'keys')",
        )
        for [table] in tables:
            clauses = " or ".join(
                f"position(${place} in t::text) > 0" for place in range(1, len(MARKERS) + 1)
            )
            hits = living.rows(house, f"select count(*) from {table} t where {clauses}", *MARKERS)
            assert hits[0][0] == 0, (house, table)
    for process in living.processes.running:
        if process.name != "sandbox":
            log = process.log.read_text(encoding="utf-8", errors="replace")
            assert not [marker for marker in MARKERS if marker in log], process.name


def test_whoever_is_named_is_known_at_the_door_receives_it_and_is_forgotten(living: Living) -> None:
    journey = out(named(living, 520).paid().made().with_post())
    assert journey.item()["receiver"] == {
        "state": "named",
        "number": 1,
        "since": journey.item()["receiver"]["since"],
    }
    part = {"name": AGENT["name"], "phone": AGENT["phone"]}
    assert [msgspec.json.decode(kept(journey, house) or b"0") for house in HOUSES] == [part, part]
    answer = shown(journey)
    assert answer.status_code == 200, answer.text
    assert answer.json()["agent"] == part
    assert not [value for value in answer.headers.values() if any(m in value for m in MARKERS)]
    assert shown(journey, "st_colleague").json()["code"] == "receiver.not_shown_now"
    nowhere(living)

    own, theirs = codes(journey)
    agent = {"receiver": "agent"}
    assert claimed(journey, theirs, **agent) == (422, "receiver.papers_not_seen")
    assert claimed(journey, theirs, **agent, papers_seen=["passport"]) == (400, "request.invalid")
    assert claimed(journey, theirs, **agent, papers_seen=[*PAPERS, "receipt"])[0] == 400
    assert claimed(journey, "", method=2, **agent, papers_seen=PAPERS) == (422, "receiver.by_code_only")
    assert journey.item()["delivery"]["state"] == "with_courier", "nothing was changed"
    assert claimed(journey, theirs, **agent, papers_seen=PAPERS) == (200, "")
    assert journey.item()["delivery"]["state"] == "delivered"
    case = journey.state()
    assert (case["tracking"]["state"], case["agent"]["state"]) == ("delivered", "received")

    chores(journey)
    assert journey.item()["receiver"]["state"] == "forgotten"
    assert kept(journey, "post") == b""
    assert shown(journey).json()["code"] == "receiver.not_shown_now"
    nowhere(living)
    assert own != theirs

    for _ in range(2):
        chores(journey)  # the register hears of the new document and of the old one, each in its turn
    journey.authority("applicant", "erasure.order")
    for _ in range(2):
        chores(journey)
    assert kept(journey, "authority") is kept(journey, "post") is None


def test_who_is_taken_back_on_the_way_receives_nothing_and_the_recipient_does(living: Living) -> None:
    journey = out(named(living, 521).paid().made().with_post())
    own, theirs = codes(journey)
    journey.authority("applicant", "agent.release")
    # Until the post has heard of it, the authority's word is what counts.
    item = {"receiver": "agent", "papers_seen": PAPERS}
    assert claimed(journey, theirs, **item) == (200, "")
    assert journey.item()["delivery"]["state"] == "with_courier"
    assert journey.item()["receiver"]["state"] == "released"
    assert kept(journey, "authority") == kept(journey, "post") == b""
    assert shown(journey).json()["agent"] is None
    assert claimed(journey, theirs, **item) == (409, "receiver.no_longer")
    assert claimed(journey, own) == (200, "")
    assert journey.item()["delivery"]["state"] == "delivered"
    assert "state" not in journey.state()["agent"], "as before anybody was named"


def test_without_anybody_named_an_agent_is_refused_and_what_is_named_and_released_in_one_breath_is_nothing(
    living: Living,
) -> None:
    journey = named(living, 522).paid()
    journey.authority("applicant", "agent.release")
    journey.made().with_post()
    assert "receiver" not in journey.item() or journey.item()["receiver"] == {"state": "none"}
    out(journey)
    item = {"receiver": "agent", "papers_seen": PAPERS}
    assert claimed(journey, codes(journey)[1], **item) == (409, "receiver.nobody_named")
    assert claimed(journey, codes(journey)[0]) == (200, "")
    assert journey.item()["delivery"]["state"] == "delivered"
    assert not living.rows("post", "select 1 from link_parked where subject = $1", journey.order)
