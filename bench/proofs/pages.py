"""Fifty pages a second for a minute, 100,000 cases in the database: how long each kind of page takes, seen from outside.

How it is done: docs/how-to/pages.md, "How fast". The authority's process runs as in a rehearsal (a set clock, jobs that stand still) on
a PostgreSQL with full durability; the cases are made by its own machines (`bench/many_cases.py`). Requests come at random moments,
as people do; each is timed from the moment at which it was due, so that a slow answer is not hidden by the next ones waiting.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import sys
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Any, Final, NamedTuple

import aiohttp
import msgspec

from bench.__main__ import own_database
from bench.many_cases import DOCUMENTS, Made, actor_of, beside_the_authority, make_cases, plan
from bench.proofs.linked_pages import Linked, linked_from
from bench.safehand_services import OPENING_HOUR, start_safehand
from safehand.authority.application.drafts import Drafts
from safehand.authority.portal.applying.picture_steps import PICTURES, SEEN
from safehand.house.routes import COOKIE
from safehand.house.runtime import House
from safehand.house.sessions import Identity, Session
from safehand.programme.processes import Processes, end_left_over
from safehand.sandbox.cast import Person
from tests.authority import pictures_made as made

ROOT = Path(__file__).resolve().parents[2]
FOLDER: Final = ROOT / ".data" / "bench-pages"
CASES: Final = 100_000
RATE_PER_SECOND: Final = 50
SECONDS: Final = 60
WARM_UP_SECONDS: Final = 5
SIGNED_IN: Final = 500
DRAFTS: Final = 50
P95_MS_MAX: Final = 100.0
WEIGHTS: Final = {"case": 30, "my": 12, "start": 8, "apply": 8, "can-i": 6, "any": 36}
"""In each hundred requests. `any`: any page that links lead to, each kind as likely."""
FOLLOWED: Final = 40
"""So many visitors' links are followed; with and without drafts."""
APPLY: Final = (
    "/apply",
    "/apply/contact",
    "/apply/photo",
    "/apply/photo/picture",
    "/apply/signature",
    "/apply/id_card_front",
    "/apply/travel",
    "/apply/delivery",
    "/apply/check",
)
CAN_I: Final = {
    "city": "310000",
    "document": "passport",
    "ground": "expiring",
    "held": "valid",
    "until-year": "2024",
    "until-month": "8",
    "until-day": "1",
    "fingerprints": "unknown",
    "birth-year": "1990",
    "birth-month": "5",
    "birth-day": "31",
    "works": "neither",
    "mainland": "yes",
}
CONNECTIONS_MAX: Final = 100
FAILURES_SHOWN_MAX: Final = 3


class Failed(Exception):
    """Some answer was no page: nothing was measured."""


class Visitor(NamedTuple):
    """Somebody who is signed in, with the addresses of the own cases."""

    actor: str
    cookie: str
    cases: Sequence[str]


class Asked(NamedTuple):
    """One request to come: `due` in seconds from the beginning."""

    due: float
    page: str
    address: str
    cookie: str
    form: Mapping[str, str] | None
    kind: str = ""
    """Of a page that links led to."""


def say(text: str) -> None:
    """One line of progress; the figure alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def prove(*, seed: int) -> dict[str, object]:
    """Make the cases, ask for a minute, and say how long each kind of page took. Raises `Failed`."""
    return measured(seed=seed, cases=CASES, seconds=SECONDS, folder=FOLDER)


def measured(*, seed: int, cases: int, seconds: int, folder: Path) -> dict[str, object]:
    """The same of any size, in a folder that is gone afterwards."""
    shutil.rmtree(folder, ignore_errors=True)
    load_before = os.getloadavg()[0]
    with own_database(folder=folder) as server:
        processes = Processes(folder=folder / "processes")
        end_left_over(folder=processes.folder)
        try:
            world = start_safehand(processes=processes, server=server, folder=folder / "world").world
            say(f"making {cases:,} cases …")
            began = time.monotonic()
            home, settings = world.url("authority"), world.settings_of("authority")
            stages, visitors = _cases(settings, home, cases)
            # What a day of ordinary work would have done meanwhile.
            for statement in ("vacuum analyze", "checkpoint"):
                server.sql(statement=statement, database="authority")
            set_up_seconds = time.monotonic() - began
            say(f"made in {set_up_seconds:.0f} s; {RATE_PER_SECOND} requests a second for {seconds} s …")
            chance = Random(seed)
            some = [one.cookie for one in visitors[DRAFTS - FOLLOWED // 2 : DRAFTS + FOLLOWED // 2]]
            linked = asyncio.run(linked_from(home=home, cookies=some))
            asyncio.run(_ask(home, requests_of(chance, visitors, linked, seconds=WARM_UP_SECONDS)))
            times = asyncio.run(_ask(home, requests_of(chance, visitors, linked, seconds=seconds)))
        finally:
            processes.stop()
    return {
        "cases": cases,
        "cases_by_stage": stages,
        "set_up_seconds": round(set_up_seconds),
        "others_load_before": round(load_before, 1),
        "requests_per_second": RATE_PER_SECOND,
        "seconds": seconds,
        **_told(times),
    }


def _cases(settings_file: Path, home: str, count: int) -> tuple[dict[str, int], list[Visitor]]:
    """Cases, sessions and drafts, beside the running authority and on its database."""
    make_cases(settings_file=settings_file, now=OPENING_HOUR, count=count)

    async def visit() -> tuple[dict[str, int], list[Visitor]]:
        async with beside_the_authority(settings_file=settings_file, now=OPENING_HOUR) as house:
            planned = plan(ids=house.ids, count=count)
            people = {one.person.key: one.person for one in planned[: SIGNED_IN * len(DOCUMENTS)]}
            visitors = [await _visitor(house, person, planned) for person in people.values()]
            await _drafts(house, home, visitors[:DRAFTS])
            return dict(sorted(Counter(one.ends for one in planned).items())), visitors

    return asyncio.run(visit())


async def _visitor(house: House, person: Person, planned: Sequence[Made]) -> Visitor:
    session = Session(
        actor=actor_of(person),
        roles=frozenset({"applicant"}),
        identity=Identity(name=person.name_zh, id_number=person.id_number),
        # Signed in just now: pages that ask for a fresh sign-in open too.
        proven_at=house.clock.now(),
    )
    token = await house.sessions.open(session=session, basis=session.actor)
    first = planned[: SIGNED_IN * len(DOCUMENTS)]
    cases = [f"/cases/{one.key.city}/{one.key.stream}" for one in first if one.person.key == person.key]
    return Visitor(session.actor, f"{COOKIE}={token}", cases)


async def _drafts(house: House, home: str, visitors: Sequence[Visitor]) -> None:
    """One draft filled in on the pages with real pictures; the others have the same answers and pictures under keys of their own."""
    first = visitors[0]
    async with aiohttp.ClientSession(headers={"cookie": first.cookie, "accept": "text/html"}) as client:
        await _fill_in(client, home)
    drafts = Drafts(house=house)
    held = await drafts.read(owner=first.actor)
    assert held is not None
    names = [name for part in PICTURES for name in (str(part), f"{part}{SEEN}")]
    pictures = await drafts.pictures(owner=first.actor, held=held, names=names)
    for number, visitor in enumerate(visitors[1:]):
        draft = msgspec.structs.replace(held.draft, id=f"dr_of_{number}")
        begun = drafts.begun(owner=visitor.actor, draft=draft)
        saved = await drafts.save(owner=visitor.actor, held=begun, draft=draft, pictures=pictures)
        assert saved is not None


async def _fill_in(client: aiohttp.ClientSession, home: str) -> None:
    """Every step of an application but the last, as a browser sends it."""

    async def send(address: str, *, picture: bytes = b"", **fields: str) -> None:
        async with client.get(f"{home}{address}") as answer:
            found = re.search(r'name="csrf" value="([^"]+)"', await answer.text())
        if found is None:
            raise Failed(f"{address} has no form: {answer.status}")
        form = aiohttp.FormData({"csrf": found[1]} | fields, default_to_multipart=bool(picture))
        if picture:
            form.add_field("file", picture, filename="1.jpg", content_type="image/jpeg")
        headers = {"origin": home}
        async with client.post(
            f"{home}{address}", data=form, headers=headers, allow_redirects=False
        ) as answer:
            if answer.status != 303:
                raise Failed(f"{address} was not taken: {answer.status}")

    # Whoever has three live cases may begin a draft all the same: it is judged when it is sent.
    await send("/apply/begin", city="110000", document="passport", ground="expiring")
    await send("/apply/contact", phone="19900000001", email="", language="zh")
    await send("/apply/photo", picture=made.photo())
    await send("/apply/signature", picture=made.signature())
    await send("/apply/id_card_front", picture=made.id_card())
    await send("/apply/id_card_back", picture=made.id_card(seed=2))
    await send("/apply/travel", travels="no")
    there = "示例路100号2幢301室"
    await send("/apply/delivery", mode="post", step="done", place_1="110000", place_2="110101", text=there)


def requests_of(
    chance: Random, visitors: Sequence[Visitor], linked: Sequence[Linked], *, seconds: int
) -> list[Asked]:
    """What is asked when: a random moment for each request, a random page by its weight, a random visitor."""
    by_kind: dict[str, list[Linked]] = {}
    for one in linked:
        by_kind.setdefault(one.kind, []).append(one)
    pages = chance.choices(list(WEIGHTS), weights=list(WEIGHTS.values()), k=RATE_PER_SECOND * seconds)
    dues = sorted(chance.uniform(0, seconds) for _ in pages)
    return [_one(chance, visitors, by_kind, page, due) for page, due in zip(pages, dues, strict=True)]


def _one(
    chance: Random, visitors: Sequence[Visitor], linked: Mapping[str, Sequence[Linked]], page: str, due: float
) -> Asked:
    visitor = chance.choice(visitors)
    match page:
        case "case":
            return Asked(due, page, chance.choice(visitor.cases), visitor.cookie, None)
        case "my":
            return Asked(due, page, "/my", visitor.cookie, None)
        case "start":
            return Asked(due, page, "/", chance.choice(("", visitor.cookie)), None)
        case "apply":
            return Asked(due, page, chance.choice(APPLY), chance.choice(visitors[:DRAFTS]).cookie, None)
        case "any":
            one = chance.choice(linked[chance.choice(list(linked))])
            return Asked(due, page, one.address, one.cookie, None, one.kind)
        case _:
            return Asked(due, page, "/can-i", "", chance.choice((None, CAN_I)))


async def _ask(home: str, plan: Sequence[Asked]) -> dict[str, list[float]]:
    """Every request at its moment; milliseconds from then to the last byte, by page. Raises `Failed`."""
    times: dict[str, list[float]] = {page: [] for page in WEIGHTS if page != "any"}
    failures: list[str] = []
    connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
    jar = aiohttp.DummyCookieJar()
    async with aiohttp.ClientSession(connector=connector, cookie_jar=jar) as client:
        began = time.perf_counter()

        async def do(asked: Asked) -> None:
            await asyncio.sleep(max(0.0, began + asked.due - time.perf_counter()))
            headers = {"cookie": asked.cookie, "accept": "text/html", "accept-language": "zh-CN"}
            method = "GET" if asked.form is None else "POST"
            if asked.form is not None:
                headers["origin"] = home
            async with client.request(
                method, f"{home}{asked.address}", headers=headers, data=asked.form, allow_redirects=False
            ) as answer:
                await answer.read()
            times.setdefault(asked.kind or asked.page, []).append(
                (time.perf_counter() - began - asked.due) * 1000
            )
            if answer.status != 200:
                failures.append(f"{asked.kind or asked.page}: {answer.status}")

        await asyncio.gather(*(do(one) for one in plan))
    if failures:
        raise Failed(f"{len(failures)} of {len(plan)} answers were no page: {failures[:FAILURES_SHOWN_MAX]}")
    return times


def _told(times: Mapping[str, list[float]]) -> dict[str, object]:
    """Milliseconds by page, and which pages were too slow."""
    pages: dict[str, dict[str, Any]] = {}
    for page, found in sorted(times.items()):
        # What was asked for once (in a short run) is all that is known of it.
        hundredths = quantiles(found if len(found) > 1 else found * 2, n=100, method="inclusive")
        pages[page] = {
            "requests": len(found),
            "p50_ms": round(hundredths[49], 1),
            "p95_ms": round(hundredths[94], 1),
            "p99_ms": round(hundredths[98], 1),
            "max_ms": round(max(found), 1),
        }
    slow = [page for page, told in pages.items() if told["p95_ms"] > P95_MS_MAX]
    return {"pages": pages, "p95_ms_wanted": P95_MS_MAX, "slower_than_wanted": slow}
