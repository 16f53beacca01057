"""Whoever tries out numbers of cases learns nothing: another person's case answers as one that there never was.

The addresses and actions are collected from the running authority, so a new one is tried without being named here.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Final, NamedTuple

import httpx
import msgspec
import pytest
from asyncpg.connection import LoggedQuery
from litestar.routes import HTTPRoute

from safehand.authority.examination.commands import AskCorrection
from tests.authority import pictures_made as made
from tests.authority.living_authority import HOME, SHANGHAI, Person, World, living

pytestmark = pytest.mark.slow

PART: Final = "photo"
"""What stands for any other part of an address."""
METHODS: Final = ("GET", "POST")
FOR_STAFF: Final = {
    "GET /v1/cases/{city}/{case}/events",
    "GET /staff/addresses/{city}/{case}",
    "POST /staff/addresses/{city}/{case}/approve",
    "POST /staff/addresses/{city}/{case}/deny",
}
"""No applicant may ask there, whosever case it is."""
FORM: Final = {
    "version": "1",
    "phone": "19900001234",
    "email": "",
    "language": "en",
    "address": "中山东一路200号",
}
FIELDS: Final[dict[str, Any]] = {
    "parts": {PART: "a" * 64},
    "cause": "asked_by_person",
    "change": 1,
    "topic": "where",
    "about": 1,
    "text": "Where is it?",
    "stars": 3,
    "number": 1,
    "wish": "post_office",
    "day": None,
    "together": True,
    "receives": True,
}
"""What actions ask for beside city and case."""


class Try(NamedTuple):
    """One way to name a case. `address` and `body` hold `{city}` and `{case}`."""

    method: str
    address: str
    kind: str
    body: dict[str, Any]


class Heard(NamedTuple):
    """All that comes back, less the case that was asked for; and how much the database was asked."""

    status: int
    headers: tuple[tuple[str, str], ...]
    content: bytes
    statements: tuple[str, ...]


def tries(world: World) -> Iterator[Try]:
    """Every address that names a case, by each method and with each kind of body; every action that an applicant may ask for."""
    for route in world.app.routes:
        if not isinstance(route, HTTPRoute) or not {"{city}", "{case}", "{stream}"} & set(
            route.path_format.split("/")
        ):
            continue
        address = re.sub(r"\{(?!city|case)[a-z_]+\}", PART, route.path_format.replace("{stream}", "{case}"))
        for method in sorted(route.methods & set(METHODS)):
            kinds = ("page", "program") if method == "GET" else ("form", "upload")
            yield from (Try(method, address, kind, FORM) for kind in kinds)
    for name, action in world.app.state.house.front.actions.items():
        asked = {field.name for field in msgspec.structs.fields(action.asks)}
        if "applicant" in action.roles and "case" in asked:
            body = {"city": "{city}", "case": "{case}"} | {
                field: FIELDS[field] for field in asked - {"city", "case"}
            }
            yield Try("POST", f"/v1/{name.replace('.', '/')}", "program", body)


async def ask(person: Person, one: Try, *, city: int, case: str, token: str, number: int) -> httpx.Response:
    """Do it as a browser or a program would."""
    address = one.address.format(city=city, case=case)
    browser = person.browser
    match one.kind:
        case "page":
            return await browser.get(address)
        case "program" if one.method == "GET":
            return await browser.get(address, headers={"accept": "application/json"})
        case "program":
            said = one.body | {"city": city, "case": case}
            headers = {"accept": "application/json", "idempotency-key": f"a-try-{number:06d}"}
            return await browser.post(address, json=said, headers=headers)
        case "form":
            return await browser.post(address, data={"csrf": token} | one.body, headers={"origin": HOME})
        case _:
            picture = {"file": ("me.jpg", made.signature(), "image/jpeg")}
            return await browser.post(address, data={"csrf": token}, files=picture, headers={"origin": HOME})


@contextmanager
def counted(said: list[LoggedQuery], into: list[str]) -> Iterator[None]:
    """The statements that the house sends to its database while the block lasts."""
    said.clear()
    yield
    # Those by which the driver gets to know a connection are its own affair.
    into += [
        one.query for one in said if "typeinfo_tree" not in one.query and "current_setting" not in one.query
    ]


async def listened(world: World) -> list[LoggedQuery]:
    """What the house asks its database from here on."""
    said: list[LoggedQuery] = []
    pool = world.app.state.house.store.pool
    connections = [await pool.acquire() for _ in range(pool.get_max_size())]
    for one in connections:
        one.add_query_logger(said.append)
    for one in connections:
        await pool.release(one)
    return said


def heard(answer: httpx.Response, *, city: int, case: str, statements: Iterable[str]) -> Heard:
    """An answer as it would read whichever case was asked for."""

    def plain(text: bytes) -> bytes:
        return text.replace(case.encode(), b"CASE").replace(str(city).encode(), b"CITY")

    headers = tuple(
        sorted(
            (name, plain(value.encode()).decode()) for name, value in answer.headers.items() if name != "date"
        )
    )
    return Heard(answer.status_code, headers, plain(answer.content), tuple(statements))


async def someones_case(world: World) -> str:
    """A case of the applicant in which there is something for each page to show: a correction is asked for."""
    owner = world.person("en")
    await owner.sign_in("applicant")
    submitted = await world.submit(owner, "applicant")
    case = submitted.get("case") or submitted["stream"]
    await world.do(case, AskCorrection(defects=("photo.blurred", "form.incomplete")))
    assert (await owner.browser.get(f"/cases/{SHANGHAI}/{case}/correct")).status_code == 200
    return case


async def all_heard(world: World, person: Person, *, token: str) -> tuple[list[str], set[str]]:
    """What differs between somebody else's case and none; and the addresses where it came to whose case it is."""
    case = await someones_case(world)
    none = f"{case[:-6]}{'aaaaaa' if not case.endswith('aaaaaa') else 'bbbbbb'}"
    asked = [(SHANGHAI, case), (SHANGHAI, none), (110000, case)]
    said, differences, denied, number = await listened(world), list[str](), set[str](), 0
    for one in tries(world):
        answers: list[Heard] = []
        for city, named in asked:
            statements: list[str] = []
            number += 1
            with counted(said, statements):
                answer = await ask(person, one, city=city, case=named, token=token, number=number)
                await asyncio.sleep(0)
            answers.append(heard(answer, city=city, case=named, statements=statements))
        if answers[0].status == 404:
            denied.add(f"{one.method} {one.address}")
        what = f"{one.method} {one.address} ({one.kind}): {answers[0].status}"
        differences += [
            f"{what}: {field}: {getattr(answers[0], field)!r} / {getattr(other, field)!r}"
            for other in answers[1:]
            for field in Heard._fields
            if getattr(answers[0], field) != getattr(other, field)
        ]
    return differences, denied


def test_another_persons_case_answers_byte_for_byte_as_an_unknown_one_and_costs_the_same(
    run, fresh_database, tmp_path
):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            stranger = world.person("en")
            await stranger.sign_in("stranger")
            token = (await stranger.page("/my")).split('name="csrf" value="')[1].split('"')[0]
            differences, denied = await all_heard(world, stranger, token=token)
            assert not differences, "\n".join(differences)
            found = list(tries(world))
            assert {"page", "program", "form", "upload"} == {one.kind for one in found}
            assert {f"{one.method} {one.address}" for one in found} - denied == FOR_STAFF

    run(scene())


def test_whoever_is_not_signed_in_hears_of_no_case_whether_it_is_there(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            differences, denied = await all_heard(world, world.person("en"), token="x")
            assert not differences, "\n".join(differences)
            assert not denied

    run(scene())
