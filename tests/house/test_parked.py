"""Parked messages: listed for operators, applied after a correction or closed with a reason, once, and emptied of the person."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from safehand.house.parked import REASON_WORDS, CloseReason
from safehand.link.identity_word import identity_word
from safehand.link.messages import ProofMethod
from tests.house.journey import SHANGHAI, Journey
from tests.house.living import Living, new_key, person_of

pytestmark = pytest.mark.slow
NOBODYS = "or_" + "b" * 26


def said(living: Living, kind: int, body: dict[str, Any], *, subject: str, person: str | None = None) -> int:
    """The authority says something that the post can't apply; the number under which it is parked there."""
    living.rows(
        "authority",
        "insert into link_outbox (peer, city, kind, subject, body, personal, at)"
        " values ('post', $1, $2, $3, $4, $5, '2024-05-06T02:00:00Z')",
        SHANGHAI,
        kind,
        subject,
        json.dumps(body),
        person,
    )
    for house in ("authority", "post"):
        living.control(house, "settle", {})
    [row] = living.rows(
        "post", "select max(number) from link_parked where subject = $1 and kind = $2", subject, kind
    )
    assert row[0] is not None, "it was not parked"
    return row[0]


def erase(living: Living, order: str) -> int:
    return said(living, 108, {"order": order, "at": "2024-05-06T02:00:00Z"}, subject=order)


def act(living: Living, what: str, number: int, *, key: str | None = None, **more: Any) -> httpx.Response:
    role, city = more.pop("role", "operator"), more.pop("of", SHANGHAI)
    item = {"city": SHANGHAI, "peer": "authority", "number": number} | more
    return living.post("post", f"parked.{what}", item, living.staff("post", role, city), key=key)


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


def listed(living: Living, role: str = "operator", of: int = SHANGHAI, **query: Any) -> httpx.Response:
    headers = {"authorization": f"Bearer {living.staff('post', role, of)}"}
    return living.client.get(living.url("post", "/v1/parked"), params=query, headers=headers)


def numbers(living: Living) -> list[int]:
    answer = listed(living)
    assert answer.status_code == 200, answer.text
    return [line["number"] for line in answer.json()["lines"]]


def test_every_reason_has_words_in_both_languages() -> None:
    assert set(REASON_WORDS) == set(CloseReason)
    assert all(en.isascii() and not zh.isascii() for en, zh in REASON_WORDS.values())


def test_after_a_correction_a_parked_message_is_applied_once(living: Living) -> None:
    journey = Journey.begun(living, 510).paid().made().with_post().held()
    number = erase(living, journey.order)
    line = next(one for one in listed(living).json()["lines"] if one["number"] == number)
    assert (line["kind"], line["subject"], line["reason"]) == (108, journey.order, "erasure.still_live")
    # Nothing was corrected yet: the item is still live, and the message stays.
    assert code(act(living, "apply", number)) == (409, "erasure.still_live")
    assert number in numbers(living)
    word = identity_word(order=journey.order, id_number=person_of(510).id_number)
    claim = {"method": ProofMethod.COUNTER_IDENTITY, "code": word, "occurred_at": journey.now().isoformat()}
    journey.post("office_clerk", "delivery.claim_at_counter", **claim)
    journey.tell()
    key = new_key()
    first, again = act(living, "apply", number, key=key), act(living, "apply", number, key=key)
    assert (code(first), code(again)) == ((200, ""), (200, ""))
    assert (first.json()["repeated"], again.json()["repeated"]) == (False, True)
    assert journey.item()["erasure"]["state"] == "ordered"
    assert number not in numbers(living)
    assert code(act(living, "apply", number)) == (409, "parked.already_resolved")
    assert code(act(living, "close", number, reason="overtaken")) == (409, "parked.already_resolved")
    ordered = living.rows(
        "post", "select 1 from event where stream = $1 and kind = 'erasure.ordered'", journey.order
    )
    assert len(ordered) == 1


def test_many_who_resolve_the_same_at_once_resolve_it_once(living: Living) -> None:
    number = erase(living, NOBODYS)
    asks = [("apply", {}), *[("close", {"reason": "not_ours"})] * 6]
    with ThreadPoolExecutor(max_workers=7) as crowd:
        answers = list(crowd.map(lambda one: code(act(living, one[0], number, **one[1])), asks))
    assert sorted(answers)[:1] == [(200, "")]
    assert answers.count((200, "")) == 1
    rows = living.rows("post", "select kind from event where stream = $1", f"pk_authority_{number}")
    assert [row[0] for row in rows] == ["parked.closed"]


def test_a_resolved_message_is_emptied_of_its_person(living: Living) -> None:
    journey = Journey.begun(living, 511).paid().made()
    [row] = living.rows(
        "authority", "select body from link_sent where kind = 101 and subject = $1", journey.order
    )
    # The same order once more with other terms: it contradicts the one that is known.
    body = json.loads(row[0]) | {"documents": 2}
    number = said(living, 101, body, subject=journey.order, person=journey.case)
    find = "select personal is not null, resolved_at is not null from link_parked where number = $1 and city = $2"
    assert [tuple(one) for one in living.rows("post", find, number, SHANGHAI)] == [(True, False)]
    before = living.written("post")
    assert code(act(living, "close", number)) == (400, "request.invalid")
    assert code(act(living, "close", number, reason="because I say so")) == (400, "request.invalid")
    assert living.written("post") == before
    assert code(act(living, "close", number, reason="sent_in_error")) == (200, "")
    assert [tuple(one) for one in living.rows("post", find, number, SHANGHAI)] == [(False, True)]
    [event] = living.rows("post", "select body, actor from event where stream = $1", f"pk_authority_{number}")
    assert "sent_in_error" in str(event[0])
    assert event[1] == f"st_operator_{SHANGHAI}"


def test_what_can_not_be_understood_stays_until_it_is_closed(living: Living) -> None:
    number = said(living, 199, {"new": "words"}, subject=NOBODYS)
    answer = act(living, "apply", number)
    assert code(answer) == (409, "parked.not_applicable")
    assert "link.unknown_kind" in answer.json()["title"]
    assert number in numbers(living)
    assert code(act(living, "close", number, reason="settled_otherwise")) == (200, "")


def test_parked_messages_are_for_operators_of_their_city(living: Living) -> None:
    number = erase(living, NOBODYS)
    for role in ("courier", "office_clerk", "acceptance_clerk", "nobody"):
        assert code(listed(living, role=role)) == (403, "role.not_allowed")
        assert code(act(living, "apply", number, role=role)) == (403, "role.not_allowed")
    assert listed(living, of=110000).json()["lines"] == []
    assert code(listed(living, of=110000, city=SHANGHAI)) == (403, "role.not_allowed")
    assert code(act(living, "apply", number, of=110000)) == (403, "role.not_allowed")
    assert code(act(living, "apply", number + 1_000)) == (404, "request.not_found")
    assert code(act(living, "apply", number, peer="another")) == (404, "request.not_found")
    assert code(act(living, "close", number, role="postal_manager", reason="not_ours")) == (200, "")
