"""A request that is repeated takes effect once: alone, in a batch, at the same moment, by its own sender only."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.house.living import Living, new_key

pytestmark = pytest.mark.slow
AT_ONCE = 20


def test_a_repeated_application_gets_the_first_receipt_again(living: Living) -> None:
    token, item = living.applicant(1)
    key = new_key()
    first = living.post("authority", "application.submit", item, token, key=key).json()
    before = living.written("authority")
    again = living.post("authority", "application.submit", item, token, key=key)
    assert again.status_code == 200
    assert (again.json()["case"], again.json()["receipt"]) == (first["case"], first["receipt"])
    assert (first["repeated"], again.json()["repeated"]) == (False, True)
    assert living.written("authority") == before


def test_twenty_at_the_same_moment_have_one_effect(living: Living) -> None:
    token, item = living.applicant(2)
    key = new_key()
    events, answers_kept, *_ = living.written("authority")[0], living.written("authority")[2]

    def send(_: int) -> httpx.Response:
        return living.post("authority", "application.submit", item, token, key=key)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(send, range(AT_ONCE)))
    assert {answer.status_code for answer in answers} == {200}, [answer.text for answer in answers][:3]
    assert len({answer.json()["case"] for answer in answers}) == 1
    assert [answer.json()["repeated"] for answer in answers].count(False) == 1
    case = answers[0].json()["case"]
    journal = living.rows("authority", "select kind from event where stream = $1", case)
    assert [row[0] for row in journal].count("application.submitted") == 1
    after = living.written("authority")
    assert after[2] - answers_kept == 1, "one answer is kept"
    assert after[0] - events == len(journal)


def test_twenty_keys_for_one_person_still_give_one_live_case(living: Living) -> None:
    token, item = living.applicant(3)

    def send(_: int) -> httpx.Response:
        return living.post("authority", "application.submit", item, token)

    with ThreadPoolExecutor(AT_ONCE) as pool:
        answers = list(pool.map(send, range(AT_ONCE)))
    codes = [answer.status_code for answer in answers]
    assert codes.count(200) == 1
    assert codes.count(409) == AT_ONCE - 1
    assert {answer.json()["code"].split(".")[0] for answer in answers if answer.status_code == 409} == {
        "application"
    }


def test_a_repeated_batch_changes_nothing_and_answers_the_same(living: Living) -> None:
    cases = [living.case_of(number) for number in range(4, 9)]
    token = living.staff("authority", "examiner")
    items = [{"key": new_key(), "item": {"city": 310000, "case": case}} for case in cases]
    items.append({"key": new_key(), "item": {"city": 310000, "case": "ca_unknownunknown"}})
    first = living.post("authority", "examination.approve", {"items": items}, token, batch=True).json()[
        "outcomes"
    ]
    before = living.written("authority")
    again = living.post("authority", "examination.approve", {"items": items}, token, batch=True).json()[
        "outcomes"
    ]
    assert living.written("authority") == before
    assert [one["done"]["repeated"] for one in first[:-1]] == [False] * 5
    assert [one["done"]["repeated"] for one in again[:-1]] == [True] * 5
    for one, other in zip(first[:-1], again[:-1], strict=True):
        assert {**one["done"], "repeated": True} == other["done"]
    assert "problem" in first[-1]
    assert first[-1] == again[-1], "a refusal leaves the others standing"


def test_the_same_key_twice_in_one_batch_takes_effect_once(living: Living) -> None:
    case = living.case_of(9)
    token = living.staff("authority", "examiner")
    items = [{"key": "twice-in-one", "item": {"city": 310000, "case": case}}] * 2
    outcomes = living.post("authority", "examination.approve", {"items": items}, token, batch=True).json()[
        "outcomes"
    ]
    assert [one["done"]["repeated"] for one in outcomes] == [False, True]


def test_a_key_belongs_to_its_sender_and_its_action(living: Living) -> None:
    key = new_key()
    (first, one), (second, other) = living.applicant(10), living.applicant(11)
    answers = [
        living.post("authority", "application.submit", item, token, key=key)
        for token, item in ((first, one), (second, other))
    ]
    assert {answer.status_code for answer in answers} == {200}
    assert len({answer.json()["case"] for answer in answers}) == 2, (
        "nobody gets another's answer by guessing a key"
    )
    case = answers[0].json()["case"]
    begun = living.post("authority", "application.withdraw", {"city": 310000, "case": case}, first, key=key)
    assert begun.status_code == 200, "the same key for another action is another key"


def test_white_space_and_order_make_no_other_request(living: Living) -> None:
    token, item = living.applicant(12)
    key = new_key()
    assert living.post("authority", "application.submit", item, token, key=key).status_code == 200
    turned = dict(reversed(item.items()))
    again = living.post("authority", "application.submit", turned, token, key=key)
    assert again.status_code == 200
    assert again.json()["repeated"] is True
