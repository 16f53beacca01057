"""Applying on the pages leaves a person nowhere but in the vault, sealed: marker values, looked for in everything else."""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import quote, quote_plus

import asyncpg
import httpx
import pytest

from safehand.authority.examination.commands import AskCorrection
from safehand.house.persons import read_persons
from safehand.kernel.machine import StreamKey
from tests.authority import pictures_made as made
from tests.authority.living_authority import HOME, SHANGHAI, Person, World, living
from tests.authority.test_applying import house_of, leads_to, send, token_of, upload, uploads_needed

pytestmark = pytest.mark.slow

PHONE: Final = "19900007642"
EMAIL: Final = "marker-of-nobody@example.cn"
STREET: Final = "记号路777号8幢901室"
PHONE_LATER: Final = "19900007643"
STREET_LATER: Final = "记号路778号9幢902室"
TYPED: Final = (PHONE, EMAIL, STREET, PHONE_LATER, STREET_LATER)
PICTURE_BYTES: Final = slice(600, 632)
"""Of a picture: behind its tables, where two pictures differ."""
ANYBODYS: Final = (
    "/",
    "/can-i",
    "/nation",
    "/design",
    "/health",
    "/my",
    "/apply",
    "/apply/begin",
    "/cases/310000/ca_none",
)
STEPS: Final = (
    "contact",
    "photo",
    "signature",
    "id_card_front",
    "id_card_back",
    "travel",
    "delivery",
    "check",
    "discard",
)
ECHOES: Final = 422
"""The status of a form that is shown again with what was typed: to whoever typed it, and nobody else."""
BY_HAND: Final = "x-by-hand"
"""Marks an address that no page of the house leads to: what stands in it is the visitor's own doing."""
COLUMNS: Final = (
    "select table_schema, table_name, column_name, data_type from information_schema.columns"
    " where table_schema not in ('pg_catalog', 'information_schema') and is_generated = 'NEVER'"
    " and data_type in ('text', 'character varying', 'json', 'jsonb', 'ARRAY', 'bytea', 'name')"
)


@dataclass
class Trail:
    """Everything that came out of the house on the way."""

    addresses: list[str] = field(default_factory=list)
    titles: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    pages: int = 0

    async def note(self, answer: httpx.Response) -> None:
        """An answer, as it comes: where it leads, what it is called, what it says when something is wrong."""
        if not str(answer.request.url).startswith(HOME):
            return
        await answer.aread()
        self.addresses += answer.headers.values()
        if not answer.request.headers.get(BY_HAND):
            self.addresses.append(str(answer.request.url))
        if "html" not in answer.headers.get("content-type", ""):
            if answer.status_code >= 400:
                self.problems.append(answer.text)
            return
        self.pages += 1
        self.titles += re.findall(r"<title>(.*?)</title>", answer.text, re.DOTALL)
        self.addresses += re.findall(r'(?:href|src|action|formaction)="([^"]*)"', answer.text)
        if answer.status_code >= 400 and answer.status_code != ECHOES:
            self.problems.append(answer.text)


def markers_of(person: Any) -> set[str]:
    """All by which this person could be recognised, plainly and as addresses write it."""
    plain = {person.name_zh, person.name_en, person.id_number, person.id_number[6:17], *TYPED}
    return plain | {quote(one) for one in plain} | {quote_plus(one) for one in plain}


def hits(markers: Iterable[str], texts: Iterable[str]) -> list[tuple[str, str]]:
    """Where a marker stands, with a little of what is around it."""
    return [
        (marker, text[max(0, place - 40) : place + 60])
        for text in texts
        for marker in markers
        if (place := text.find(marker)) >= 0
    ]


async def stored(dsn: str, needles: Sequence[bytes]) -> tuple[list[str], set[str]]:
    """Where in the database any of these stands, in any column that can hold text or bytes; and which columns were looked at."""
    connection = await asyncpg.connect(dsn)
    try:
        found: list[str] = []
        seen: set[str] = set()
        for schema, table, column, kind in await connection.fetch(COLUMNS):
            as_bytes = f'"{column}"' if kind == "bytea" else f"convert_to(\"{column}\"::text, 'UTF8')"
            if kind == "ARRAY":
                # An array of bytes is written in hexadecimal.
                as_bytes = f"convert_to(array_to_string(\"{column}\", ' ', ''), 'UTF8')"
            count = await connection.fetchval(
                f'select count(*) from "{schema}"."{table}" t'
                f" where exists (select from unnest($1::bytea[]) as n (needle) where position(needle in {as_bytes}) > 0)",
                list(needles),
            )
            seen.add(f"{table}.{column}")
            if count:
                found.append(f"{schema}.{table}.{column}: {count} rows")
        return found, seen
    finally:
        await connection.close()


async def wander(person: Person) -> None:
    """Every page there is, in both languages; and a person where none belongs."""
    for language in ("zh", "en"):
        for address in (*ANYBODYS, *(f"/apply/{step}" for step in STEPS)):
            await person.browser.get(f"{address}?lang={language}")
    for step in STEPS:
        await person.browser.get(f"/apply/{step}/picture")


async def fills_in(person: Person) -> None:
    """Wrong and right, with the markers in every field that takes them."""
    begin = {"city": "310000", "document": "passport", "ground": "expiring"}
    await send(person, "/apply/begin", **(begin | {"ground": STREET, "city": PHONE}))
    assert leads_to(await send(person, "/apply/begin", **begin)) == "/apply/contact"
    form = {"phone": PHONE, "email": EMAIL, "language": "zh"}
    assert (
        await send(person, "/apply/contact", **(form | {"email": f"{EMAIL} {PHONE}"}))
    ).status_code == ECHOES
    await send(person, "/apply/contact", **form)
    assert (await upload(person, "/apply/photo", b"no picture", name=f"{STREET}.jpg")).status_code == ECHOES
    for part, data in (
        ("photo", made.photo()),
        ("signature", made.signature()),
        ("id_card_front", made.id_card()),
        ("id_card_back", made.id_card(seed=2)),
    ):
        assert leads_to(await upload(person, f"/apply/{part}", data, name=f"{PHONE}.jpg"))
    await send(person, "/apply/travel", travels="no")
    door = {"mode": "post", "step": "done", "place_1": "310000", "place_2": "310101", "text": STREET}
    await send(person, "/apply/delivery", **(door | {"step": "search", "q": STREET}))
    assert leads_to(await send(person, "/apply/delivery", **door)) == "/apply/postage"
    assert leads_to(await send(person, "/apply/postage", postage="prepaid")) == "/apply/check"


async def goes_wrong(person: Person, case: str) -> None:
    """Requests that are refused, with the markers in them."""
    for address in (f"/{quote(STREET)}", f"/cases/310000/{PHONE}", f"/v1/{EMAIL}"):
        answer = await person.browser.get(address, headers={BY_HAND: "yes"})
        assert answer.status_code == 404
    for headers in ({"origin": HOME}, {"origin": "http://elsewhere.test"}):
        await person.browser.post(f"{case}/withdraw", data={"version": PHONE, "csrf": EMAIL}, headers=headers)
    whole = {"phone": f"{PHONE} {STREET}", "address": STREET, EMAIL: PHONE}
    for accept in ("text/html", "application/json"):
        answer = await person.browser.post(
            "/v1/application/submit", json=whole, headers={"accept": accept, "idempotency-key": "leaks-0001"}
        )
        assert answer.status_code >= 400


async def corrects(world: World, person: Person, case: str) -> None:
    """All that is asked for again, with other markers."""
    await world.do(case.rpartition("/")[2], AskCorrection(defects=("form.incomplete", "photo.blurred")))
    for language in ("zh", "en"):
        for page in ("", "/correct", "/correct/form", "/correct/photo", "/messages", "/withdraw"):
            await person.page(f"{case}{page}?lang={language}")
    await upload(person, f"{case}/correct/photo", made.photo())
    form = {"phone": PHONE_LATER, "email": EMAIL, "language": "zh", "address": STREET_LATER}
    wrong = form | {"phone": f"{PHONE_LATER}{PHONE_LATER}"}
    assert (await send(person, f"{case}/correct/form", **wrong)).status_code == ECHOES
    assert leads_to(await send(person, f"{case}/correct/form", **form)) == f"{case}/correct"
    assert leads_to(await send(person, f"{case}/correct", page=f"{case}/correct")) == f"{case}?done=corrected"
    await person.page(f"{case}?done=corrected")


async def pictures_of(world: World, case: str) -> list[bytes]:
    """A piece of each picture as the vault gives it back: what must be nowhere outside of it, and not in it unsealed."""
    key = StreamKey(SHANGHAI, case.rpartition("/")[2])
    pieces: list[bytes] = []
    for part in ("photo", "signature", "id_card_front", "id_card_back"):
        [picture] = (await read_persons(house=house_of(world), keys=[key], name=part)).values()
        assert picture[:2] == b"\xff\xd8"
        pieces.append(picture[len(picture) // 2 :][: PICTURE_BYTES.stop - PICTURE_BYTES.start])
    return pieces


def test_an_application_leaves_a_person_nowhere_but_sealed_in_the_vault(
    run, fresh_database, tmp_path, caplog: pytest.LogCaptureFixture
):
    caplog.set_level(logging.DEBUG)
    caplog.set_level(logging.DEBUG, "safehand")

    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path, change=uploads_needed) as world:
            trail, person = Trail(), world.person()
            person.browser.event_hooks["response"].append(trail.note)
            markers = markers_of(world.cast.people["applicant"].person)
            needles = [one.encode() for one in markers]
            await person.sign_in("applicant")
            await wander(person)
            await fills_in(person)
            await wander(person)
            # While it is a draft already.
            assert (await stored(dsn, needles))[0] == []
            check = await person.page("/apply/check")
            assert PHONE in check, "the page shows its owner what was typed"
            form = {"csrf": token_of(check), "true": "yes"}
            sent = await person.browser.post("/apply/send", data=form, headers={"origin": HOME})
            case = leads_to(sent).partition("?")[0]
            await goes_wrong(person, case)
            await corrects(world, person, case)
            await world.bring_to_post(case.rpartition("/")[2])
            await world.control("chores")
            await wander(person)
            await person.page(f"{case}/messages")
            told = [one for one in await world.mailbox() if PHONE_LATER in str(one) or EMAIL in str(one)]
            assert len(told) >= 3
            public = [
                await person.page(address) for address in ("/nation", "/health", "/", "/can-i", "/design")
            ]
            public.append(str(await world.control("books")))
            found, seen = await stored(dsn, [*needles, *await pictures_of(world, case)])
            assert found == []
            assert {
                "event.body",
                "stream.state",
                "vault_record.sealed",
                "notice.facts",
                "link_sent.body",
            } <= seen
        assert trail.pages > 60
        assert trail.problems
        for what, texts in (
            ("addresses", trail.addresses),
            ("titles", trail.titles),
            ("problems", trail.problems),
            ("figures and what anybody sees", public),
            ("messages", [f"{one.get('subject', '')} {one.get('text', '')}" for one in told]),
            ("logs", [f"{one.getMessage()} {one.__dict__}" for one in caplog.records if is_ours(one)]),
        ):
            assert hits(markers, texts) == [], what

    run(scene())


def is_ours(record: logging.LogRecord) -> bool:
    """What the test's own browser and the sandbox write down is no log of the house."""
    return record.name.split(".")[0] not in (
        "httpx",
        "httpcore",
        "mail",
        "faker",
    ) and not record.name.startswith("safehand.sandbox")
