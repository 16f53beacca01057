"""The joint to Safehand: starts its real services from settings files and says how they are asked.

A rehearsal's set-up: the same processes, code and databases as in live mode, with a clock that is set and jobs that
stand still, so that nothing else runs while a round is measured. Everything else of the bench knows no house.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import aiohttp
import msgspec

from bench.database import make_twin
from bench.http_race import Applying, Service
from bench.link_batch import BATCH_MESSAGES, Heading, Spoken, signed_batches
from bench.people import SEED, residents
from bench.plain import digest_of
from safehand.house.settings import key_ring, read_settings
from safehand.kernel.ids import SystemIds
from safehand.kernel.postgres_server import RunningServer
from safehand.link.http_signing import Request
from safehand.link.keys import KeyRing
from safehand.link.messages import DeliveryPart, Kind, OrderPlaced, PostageMode
from safehand.link.sealing import Sealer, link_key
from safehand.programme.launch.houses import HouseControl
from safehand.programme.processes import Processes
from safehand.programme.setting_up import SmallWorld, set_up
from safehand.sandbox.cast import Person

MODULES = {"sandbox": "safehand.sandbox", "post": "safehand.postal", "authority": "safehand.authority"}
OPENING_HOUR = datetime(2024, 5, 6, 2, 0, tzinfo=UTC)
"""Ten in the morning of the pilot's first day, in China."""
LINK_CITY = 310000
LINK_PEOPLE_FIRST = 500_000
TWINS: Mapping[str, tuple[str, ...]] = {
    "authority": ("authority_limit",),
    "post": ("post_inserts", "post_copies"),
}
"""Databases with the same tables and indexes, into which the same rows are written plainly."""


Answered = TypeVar("Answered")


@dataclass(frozen=True, kw_only=True)
class Safehand:
    """Both houses and the sandbox, running."""

    world: SmallWorld
    server: RunningServer


def start_safehand(*, processes: Processes, server: RunningServer, folder: Path) -> Safehand:
    """Start the sandbox, the post and the authority on new databases. Raises `ProcessFailed`."""
    databases: dict[str, str] = {}
    for house in ("authority", "post"):
        server.drop_database(name=house)
        server.create_database(name=house, owner=house)
        databases[house] = server.dsn(database=house, role=house)
    world = set_up(folder=folder, databases=databases, rehearsal=True, seed=SEED)
    started = {
        name: processes.start(
            name=name, module=module, arguments=["--settings", str(world.settings_of(name))]
        )
        for name, module in MODULES.items()
    }
    for name, address in (("sandbox", "register"), ("post", "post"), ("authority", "authority")):
        processes.wait_healthy(process=started[name], url=f"{world.url(address)}/health")
    for house, twins in TWINS.items():
        for twin in twins:
            make_twin(server=server, database=house, twin=twin)
    safehand = Safehand(world=world, server=server)
    for house in ("authority", "post"):
        _controlled(safehand, house, lambda control: control.move_clock(OPENING_HOUR))
    return safehand


def _controlled(
    safehand: Safehand, house: str, work: Callable[[HouseControl], Awaitable[Answered]]
) -> Answered:
    """Use the house's rehearsal controls."""
    world = safehand.world

    async def ask() -> Answered:
        async with aiohttp.ClientSession() as client:
            control = HouseControl(name=house, url=world.url(house), secret=world.secret, client=client)
            return await work(control)

    return asyncio.run(ask())


def intake(*, safehand: Safehand) -> Service:
    """The authority's door for applicants, as the race asks it."""

    def open_sessions(people: Sequence[Person]) -> list[str]:
        asked = [
            {
                "actor": f"applicant:{person.key}",
                "roles": ["applicant"],
                "name": person.name_zh,
                "id_number": person.id_number,
            }
            for person in people
        ]
        return _controlled(safehand, "authority", lambda control: control.sessions(asked))

    port = safehand.world.ports["authority"]
    return Service("safehand", port, "/v1/application/submit", _body_of, open_sessions)


def _body_of(applying: Applying) -> Mapping[str, Any]:
    """An application as the portal sends it; name and ID number come from the session."""
    person, city = applying.person, int(applying.person.household_city)
    return {
        "city": city,
        "document": applying.document,
        "ground": "expiring",
        "mode": "post",
        "office": f"{city}-1",
        "phone": person.phone,
        "email": person.email,
        "destination": city,
        "address": person.address.line_zh,
        "travels": False,
        "consents_to_face_comparison": True,
        "language": "zh",
        **{part: digest_of(person=person, part=part) for part in ("photo", "signature")},
        **{part: digest_of(person=person, part=part) for part in ("id_card_front", "id_card_back")},
    }


def authority_limit() -> tuple[str, str]:
    """The authority's database and the twin into which pgbench writes the rows of applications."""
    return "authority", TWINS["authority"][0]


class LinkSide(NamedTuple):
    """What `measure_link` needs to know of one kind of batch."""

    label: str
    requests: list[Request]
    house: str
    twins: tuple[str, str]


def link_sides(*, safehand: Safehand, batches: int) -> list[LinkSide]:
    """Every kind of batch that is measured. The house is the name of its database."""
    people = residents(first=LINK_PEOPLE_FIRST, count=batches * BATCH_MESSAGES)
    inserts, copies = TWINS["post"]
    orders = order_batches(safehand=safehand, batches=batches, people=people)
    return [LinkSide("orders placed at the post", orders, "post", (inserts, copies))]


def order_batches(*, safehand: Safehand, batches: int, people: Sequence[Person]) -> list[Request]:
    """Runs of ORDER_PLACED as the authority would push them to the post, each with its sealed personal part."""
    ring = key_ring(read_settings(safehand.world.settings_of("authority")))
    messages: list[Spoken] = []
    for number in range(batches):
        some = people[number * BATCH_MESSAGES : (number + 1) * BATCH_MESSAGES]
        messages += _orders(ring=ring, people=some)
    heading = Heading(ring, "post", ring.peers["post"].url, LINK_CITY)
    return signed_batches(heading=heading, messages=messages, at=OPENING_HOUR)


def _orders(*, ring: KeyRing, people: Sequence[Person]) -> list[Spoken]:
    sealer, ids = Sealer(ring=ring, peer="post"), SystemIds()
    spoken: list[Spoken] = []
    for person in people:
        order = ids.new(prefix="or", basis="")
        part = DeliveryPart(
            name=person.name_zh, phone=person.phone, region=LINK_CITY, address=person.address.line_zh
        )
        sealed = sealer.seal(
            key=link_key(case_key=os.urandom(32), peer="post"),
            city=LINK_CITY,
            subject=order,
            plain=msgspec.json.encode(part),
        )
        body = OrderPlaced(
            order=order,
            authority="NIA",
            office=f"{LINK_CITY}-1",
            destination=LINK_CITY,
            documents=1,
            postage_mode=PostageMode.ON_DELIVERY,
            postage_fen=1400,
            attempts_max=3,
            held_days_max=15,
            placed_at=OPENING_HOUR,
        )
        spoken.append(Spoken(Kind.ORDER_PLACED, order, body, sealed))
    return spoken
