"""Who may do what: every route by every role, on the own case, another's, an unknown one, and in another city."""

from __future__ import annotations

from typing import Any

import httpx
import pytest
from litestar import post

from safehand.house.commanded import MANAGERS, NOT_PEOPLE, ONESELF
from safehand.house.front import Action, Front
from safehand.house.routes import ANYONE, SIGNED_IN, make_app
from safehand.house.sessions import Sessions
from tests.house.living import Living, new_key
from tests.house.made_items import whole

pytestmark = pytest.mark.slow
HOUSES = ("authority", "post")
SHANGHAI, BEIJING = 310000, 110000
UNKNOWN = "ca_aaaaaaaaaaaaaaaaaaaaaaaaaa"
STREAM_FIELDS = ("case", "bag", "stock", "daybook", "item", "range")


def _roles(living: Living, house: str) -> list[str]:
    return sorted({role for action in living.actions[house].values() for role in action.roles})


def _session(living: Living, house: str, role: str) -> str:
    return (
        living.applicant(60)[0] if (house, role) == ("authority", "applicant") else living.staff(house, role)
    )


def _stream_field(action: Action) -> str | None:
    names = action.asks.__struct_fields__
    return next((name for name in STREAM_FIELDS if name in names[:2]), None)


def _body(answer: httpx.Response) -> dict[str, Any]:
    assert answer.headers["content-type"].startswith("application/problem+json"), answer.text
    return answer.json()


@pytest.mark.parametrize("house", HOUSES)
def test_without_a_session_every_route_asks_to_sign_in(living: Living, house: str) -> None:
    asked = 0
    for path, methods in living.routes[house].items():
        if not path.startswith("/v1/") or path == "/v1/sessions":
            continue
        url = living.url(house, path.replace("{queue:str}", "examination.reviewing"))
        for method in methods - {"OPTIONS"}:
            for headers in (
                {},
                {"authorization": "Bearer nobody"},
                {"authorization": "Basic eDp5"},
                {"cookie": "session=nobody"},
                {"authorization": "Bearer " + "x" * 5_000},
            ):
                # No body at all: who asks is known before anything is read.
                answer = living.client.request(method, url, headers=headers)
                assert answer.status_code == 401, (method, path, answer.text)
                assert _body(answer)["code"] == "session.required"
                asked += 1
    assert asked > 100


@pytest.mark.parametrize("house", HOUSES)
def test_a_role_that_is_not_named_is_refused_whatever_it_sends(living: Living, house: str) -> None:
    before = living.written(house)
    roles = [*_roles(living, house), "nobody", *sorted(NOT_PEOPLE)]
    for action in living.actions[house].values():
        assert not action.roles & NOT_PEOPLE, "clocks and peers have no address"
        for role in roles:
            if role in action.roles:
                continue
            token = _session(living, house, role)
            for batch in (False, True):
                item = (
                    {"items": [{"key": new_key(), "item": whole(action.asks)}]}
                    if batch
                    else whole(action.asks)
                )
                answer = living.post(house, action.name, item, token, batch=batch)
                assert answer.status_code == 403, (action.name, role, answer.text)
                assert _body(answer)["code"] == "role.not_allowed"
    assert living.written(house) == before


@pytest.mark.parametrize("house", HOUSES)
def test_a_named_role_passes_the_door(living: Living, house: str) -> None:
    for action in living.actions[house].values():
        for role in action.roles:
            given = {"city": SHANGHAI, "office": "310000-1", **dict.fromkeys(ONESELF)}
            answer = living.post(
                house, action.name, whole(action.asks, **given), _session(living, house, role)
            )
            if answer.status_code != 200:
                code = _body(answer)["code"]
                assert code not in ("session.required", "role.not_allowed", "request.invalid"), (
                    action.name,
                    code,
                )


@pytest.mark.parametrize("house", HOUSES)
def test_staff_act_in_their_own_cities_only(living: Living, house: str) -> None:
    before = living.written(house)
    for action in living.actions[house].values():
        for role in action.roles - {"applicant"}:
            token = living.token(house, f"st_{role}_bj", [role], cities=[BEIJING])
            answer = living.post(house, action.name, whole(action.asks, city=SHANGHAI), token)
            assert answer.status_code == 403, (action.name, role, answer.text)
            assert _body(answer)["code"] == "role.not_allowed"
    assert living.written(house) == before


def test_anothers_case_answers_exactly_as_an_unknown_one(living: Living) -> None:
    theirs = living.case_of(61)
    own = living.case_of(62)
    token, _ = living.applicant(62)
    before = living.written("authority")
    for action in living.actions["authority"].values():
        if "applicant" not in action.roles or "case" not in action.asks.__struct_fields__:
            continue
        for language in ("zh", "en"):
            answers = [
                living.post(
                    "authority",
                    action.name,
                    whole(action.asks, city=city, case=case),
                    token,
                    language=language,
                )
                for city, case in (
                    (SHANGHAI, theirs),
                    (SHANGHAI, UNKNOWN),
                    (BEIJING, own),
                    (BEIJING, UNKNOWN),
                )
            ]
            assert {answer.status_code for answer in answers} == {404}, action.name
            assert len({answer.content for answer in answers}) == 1, "byte by byte"
            assert len({frozenset(_without_date(answer).items()) for answer in answers}) == 1
    assert living.written("authority") == before


def _without_date(answer: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name != "date"}


def test_the_own_case_is_reached(living: Living) -> None:
    own = living.case_of(63)
    token, _ = living.applicant(63)
    answer = living.post("authority", "application.withdraw", {"city": SHANGHAI, "case": own}, token)
    assert answer.status_code == 200, answer.text
    assert "application.withdrawn" in answer.json()["events"]


@pytest.mark.parametrize("house", HOUSES)
def test_nobody_but_a_manager_acts_in_anothers_name(living: Living, house: str) -> None:
    seen = 0
    for action in living.actions[house].values():
        fields = [name for name in ONESELF if name in action.asks.__struct_fields__]
        for role in action.roles - {"applicant"} if fields else ():
            for field in fields:
                item = whole(action.asks, city=SHANGHAI) | {field: "st_somebodyelse"}
                answer = living.post(house, action.name, item, living.staff(house, role))
                code = "" if answer.status_code == 200 else _body(answer)["code"]
                assert (code == "role.not_allowed") == (role not in MANAGERS), (
                    action.name,
                    role,
                    field,
                    code,
                )
                seen += 1
    assert seen > 0 or house == "authority"


def test_a_name_of_another_kind_is_not_found(living: Living) -> None:
    clerk = living.staff("authority", "production_clerk")
    manager = living.staff("authority", "authority_manager")
    stock = {"city": SHANGHAI, "stock": "st_310000_passport", "first": 1, "last": 10}
    opened = [living.post("authority", "stock.receive", stock, one) for one in (clerk, manager)]
    # Who came before may have filled it already.
    said = {_body(answer)["code"] if answer.is_error else "received" for answer in opened}
    assert said & {"received", "stock.range_wrong"}, opened[0].text
    before = living.written("authority")
    for action in living.actions["authority"].values():
        field = _stream_field(action)
        if field in (None, "stock") or "applicant" in action.roles:
            continue
        item = whole(action.asks, city=SHANGHAI, office="310000-1") | {field: "st_310000_passport"}
        answer = living.post("authority", action.name, item, living.staff("authority", min(action.roles)))
        assert answer.status_code == 404, (action.name, answer.text)
        assert _body(answer)["code"] == "request.other_kind"
    assert living.written("authority") == before


def test_applicants_have_no_worklists_and_staff_see_their_cities_alone(living: Living) -> None:
    living.case_of(64)
    url = living.url("authority", "/v1/worklists/examination.reviewing")

    def ask(token: str, query: str = "") -> httpx.Response:
        return living.client.get(url + query, headers={"authorization": f"Bearer {token}"})

    assert ask(living.applicant(64)[0]).status_code == 403
    assert ask(living.staff("authority", "examiner"), "?city=110000").status_code == 403
    assert {line["city"] for line in ask(living.staff("authority", "examiner")).json()["lines"]} == {SHANGHAI}
    assert ask(living.staff("authority", "examiner", BEIJING)).json()["lines"] == []
    assert ask(living.staff("authority", "handover_clerk")).json()["lines"] == [], "another role's work"


@pytest.mark.parametrize("house", HOUSES)
def test_the_controls_open_with_their_secret_only(living: Living, house: str) -> None:
    names = [path.removeprefix("/control/") for path in living.routes[house] if path.startswith("/control/")]
    assert len(names) >= 8
    before = living.written(house)
    for name in names:
        for headers in (
            {},
            {"safehand-control": ""},
            {"safehand-control": "wrong"},
            {"safehand-control": "wrong" * 100},
        ):
            answer = living.client.post(living.url(house, f"/control/{name}"), json={}, headers=headers)
            assert answer.status_code == 403, (name, answer.text)
        for body in (b"{", b"[]", b'{"now": "yesterday"}', b"[" * 10_000):
            answer = living.client.post(
                living.url(house, f"/control/{name}"),
                content=body,
                headers={"safehand-control": living.world.secret},
            )
            assert answer.status_code in (200, 400), (name, answer.text)
    assert living.written(house) == before


@pytest.mark.parametrize("house", HOUSES)
def test_every_address_is_a_known_one(living: Living, house: str) -> None:
    actions = {
        f"/v1/{name.replace('.', '/')}{tail}" for name in living.actions[house] for tail in ("", "/batch")
    }
    own = {"/v1/parked", "/v1/sessions", "/v1/sessions/end", "/v1/worklists/{queue:str}"}
    things = "cases" if house == "authority" else "items"
    own |= {f"/v1/{things}/{{city:str}}/{{stream:str}}{tail}" for tail in ("", "/events")}
    receivers = "/v1/items/{city:str}/{stream:str}/receivers"
    # Who may set a card: tests/house/test_courier_ahead.py.
    cards = {"/v1/couriers/card", "/v1/couriers/card/remove"}
    theirs = {
        "authority": {"/v1/eligibility", "/v1/help"},
        "post": {"/v1/manifests", "/v1/stops", receivers, *cards},
    }
    own |= {"/v1/labels", *theirs[house]}
    v1 = {path for path in living.routes[house] if path.startswith("/v1")}
    assert v1 == actions | own
    firsts = {f"/{path.split('/')[1]}" for path in living.routes[house]}
    house_own = {"/v1", "/link", "/health", "/schema", "/control"}
    pages = firsts - house_own
    assert house == "authority" or not pages
    assert {path for path in living.routes[house] if path.startswith("/link")} == {
        "/link/v1/runs",
        *(["/link/v1/labels", "/link/v1/couriers"] if house == "post" else []),
    }


@pytest.mark.parametrize("roles", [None, frozenset(), "examiner", ["examiner"], True, frozenset({1})])
def test_a_route_that_does_not_say_who_may_call_it_keeps_the_house_from_starting(roles: Any) -> None:
    @post("/forgotten", opt={} if roles is None else {"roles": roles})
    async def forgotten() -> None: ...

    def nothing() -> None: ...

    with pytest.raises(ValueError, match="forgotten"):
        make_app(title="x", v1=[forgotten], others=[], sessions=_no_sessions(), start=nothing, stop=nothing)


def _no_sessions() -> Sessions:
    return Sessions.__new__(Sessions)


def test_an_action_without_roles_keeps_the_house_from_starting(living: Living) -> None:
    known = living.actions["post"]["bag.count"]
    with pytest.raises(ValueError, match="names no role"):
        Front(
            actions=[
                Action(name="x.y", summary="", roles=frozenset(), asks=known.asks, run=known.run),
            ]
        )
    assert {ANYONE, SIGNED_IN}.isdisjoint(known.roles)
