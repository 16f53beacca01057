"""No person anywhere but in the vault: not in logs, headers, addresses, or a text column of either house."""

from __future__ import annotations

import json
from urllib.parse import quote

import httpx
import pytest

from safehand.house.commanded import COLLEAGUES
from tests.house.living import Living, new_key, person_of
from tests.house.made_items import whole

pytestmark = pytest.mark.slow
NUMBERS = range(80, 88)
CITY = 310000
STOCK = "st_310000_passport"


def _markers(numbers: range) -> set[str]:
    """Everything by which these people could be recognised, as it is written and as addresses write it."""
    found: set[str] = set()
    for number in numbers:
        person = person_of(number)
        found |= {person.name_zh, person.id_number, person.phone, person.email, person.address.line_zh}
    return found | {quote(one) for one in found if not one.isascii()}


def _travel(living: Living, number: int, seen: list[httpx.Response]) -> None:
    """One application as far as the post's order, with everything said wrongly on the way."""
    token, item = living.applicant(number)
    person = person_of(number)
    applied = living.post("authority", "application.submit", item, token)
    assert applied.status_code == 200, applied.text
    case = {"city": CITY, "case": applied.json()["case"]}
    seen.append(applied)
    seen.append(living.post("authority", "examination.approve", case, living.staff("authority", "examiner")))
    begun = living.post("authority", "payment.begin", case, token)
    assert begun.status_code == 200, begun.text
    seen.append(begun)
    pay = f"{living.world.url('payment')}/v1/payments/{begun.json()['payment']}/pay"
    assert living.client.post(pay, json={"outcome": "paid"}).status_code == 200
    checked = living.post("authority", "payment.check", case, token)
    assert checked.status_code == 200, checked.text
    _make(living, case, seen)
    wrongs = (
        item | {person.name_zh: person.id_number},
        item | {"ground": person.name_zh},
        item | {"city": person.phone},
        item | {"document": person.id_number},
        item | {"phone": f"{person.phone} {person.name_zh}"},
        item | {"office": person.address.line_zh},
    )
    seen.extend(living.post("authority", "application.submit", wrong, token) for wrong in wrongs)
    for action, field in (("examination.refuse", "reason"), ("handover.seal", "waybill")):
        role = min(living.actions["authority"][action].roles)
        said = case | {field: person.id_number, "blank": 1, "second_person": "st_other"}
        seen.append(living.post("authority", action, said, living.staff("authority", role)))


def _make(living: Living, case: dict[str, object], seen: list[httpx.Response]) -> None:
    """Blank, printing and check, by two clerks: then the order goes to the post."""
    first, second = (
        living.token("authority", f"st_clerk{n}", ["production_clerk"], cities=[CITY]) for n in (1, 2)
    )
    drawn = living.post(
        "authority", "stock.draw", {"city": CITY, "stock": STOCK, "case": case["case"]}, first
    )
    assert drawn.status_code == 200, drawn.text
    [[body]] = living.rows(
        "authority", "select body from event where stream = $1 and kind = 'production.started'", case["case"]
    )
    made = {**case, "blank": json.loads(body)["blank"]}
    for action, token in (("production.record_printed", first), ("production.pass_check", second)):
        answer = living.post("authority", action, made, token)
        assert answer.status_code == 200, answer.text
        seen.append(answer)


def _wander(living: Living, number: int, seen: list[httpx.Response]) -> None:
    """Requests that put a person where none belongs."""
    person = person_of(number)
    for house in ("authority", "post"):
        for path in (
            f"/v1/{quote(person.name_zh)}",
            f"/v1/worklists/{quote(person.name_zh)}?narrowed={person.id_number}",
            f"/v1/worklists/examination.reviewing?narrowed={quote(person.name_zh)}",
            f"/{person.phone}",
        ):
            headers = {
                "authorization": f"Bearer {living.staff(house, 'authority_manager')}",
                "user-agent": person.phone,
            }
            seen.append(living.client.get(living.url(house, path), headers=headers))
        login = {"login": person.id_number, "password": person.phone}
        seen.append(living.client.post(living.url(house, "/v1/sessions"), json=login))
        seen.append(living.client.post(living.url(house, "/v1/sessions"), content=person.name_zh.encode()))
        seen.append(
            living.client.get(
                living.url(house, "/health"), headers={"authorization": f"Bearer {person.id_number}"}
            )
        )


def _text_columns(living: Living, house: str) -> list[tuple[str, str]]:
    rows = living.rows(
        house,
        "select table_schema || '.' || table_name, column_name from information_schema.columns"
        " where table_schema not in ('pg_catalog', 'information_schema')"
        " and data_type in ('text', 'character varying', 'json', 'jsonb', 'ARRAY')",
    )
    return [(row[0], row[1]) for row in rows]


def test_a_person_is_in_the_vault_and_nowhere_else(living: Living) -> None:
    seen: list[httpx.Response] = []
    stock = {"city": CITY, "stock": STOCK, "first": 5_001, "last": 5_100}
    role = min(living.actions["authority"]["stock.receive"].roles)
    received = living.post("authority", "stock.receive", stock, living.staff("authority", role))
    assert received.status_code == 200, received.text
    for number in NUMBERS:
        _travel(living, number, seen)
        _wander(living, number, seen)
    assert living.control("authority", "settle", {})["moved"] > 0
    assert living.control("post", "settle", {})["moved"] > 0
    assert living.rows("post", "select count(*) from vault_record")[0][0] >= len(NUMBERS), (
        "the post got its part"
    )
    markers = _markers(NUMBERS)
    assert not [
        answer.url for answer in seen for value in answer.headers.values() if any(m in value for m in markers)
    ]
    for process in living.processes.running:
        if process.name == "sandbox":
            continue
        log = process.log.read_text(encoding="utf-8", errors="replace")
        assert not [marker for marker in markers if marker in log], process.name
    for house in ("authority", "post"):
        columns = _text_columns(living, house)
        assert ("public.event", "body") in columns
        assert ("public.link_sent", "body") in columns
        for table, column in columns:
            clauses = " or ".join(
                f"position(${place} in {column}::text) > 0" for place in range(1, len(markers) + 1)
            )
            hits = living.rows(house, f"select count(*) from {table} where {clauses}", *sorted(markers))[0][0]
            assert hits == 0, (house, table, column)
        sealed = living.rows(house, "select sealed from vault_record")
        assert not [marker for marker in markers for row in sealed if marker.encode() in row[0]], (
            "ciphertext only"
        )


def test_a_refusal_masks_numbers_that_may_be_somebodys(living: Living) -> None:
    token, item = living.applicant(88)
    person = person_of(88)
    answer = living.post(
        "authority", "application.submit", item | {"ground": person.id_number}, token, key=new_key()
    )
    assert answer.status_code == 400
    assert person.id_number not in answer.text


def test_a_colleague_is_named_by_reference_never_by_name(living: Living) -> None:
    fields = [
        (action.name, field, min(action.roles))
        for action in living.actions["authority"].values()
        for field in COLLEAGUES
        if field in action.asks.__struct_fields__
    ]
    assert len(fields) >= 5
    name = person_of(88).name_zh
    for action, field, role in fields:
        shape = living.actions["authority"][action].asks
        item = whole(shape, city=CITY) | {field: name}
        answer = living.post("authority", action, item, living.staff("authority", role))
        assert answer.status_code == 400, (action, field)
        assert f"$.{field}" in answer.json()["title"]
