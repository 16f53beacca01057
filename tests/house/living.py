"""A running world for the tests of the front door: what can be asked of it and looked at in it."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import asyncpg
import httpx

from safehand.authority.app import make_app as make_authority
from safehand.house.front import Action
from safehand.house.runtime import House
from safehand.house.settings import read_settings
from safehand.postal.app import make_app as make_post
from safehand.programme.processes import Processes
from safehand.programme.setting_up import REPOSITORY, SmallWorld
from safehand.sandbox.cast import load_places, synthetic_person

SEED = 7
TODAY = date(2024, 5, 6)
PERSONS_STEP = 20
"""Every 20th synthetic person has the register's magic case in which all is well."""

_keys = itertools.count(1)


def new_key() -> str:
    """An idempotency key that nobody used."""
    return f"key-{os.getpid()}-{next(_keys)}"


@dataclass(kw_only=True)
class Living:
    """The running world and what is known of it."""

    world: SmallWorld
    processes: Processes
    dsns: Mapping[str, str]
    client: httpx.Client
    actions: Mapping[str, Mapping[str, Action]]
    routes: Mapping[str, Mapping[str, set[str]]]
    """House -> path -> methods."""
    tokens: dict[tuple[str, ...], str] = field(default_factory=dict)

    def url(self, house: str, path: str) -> str:
        """An address of a house."""
        return self.world.url(house) + path

    def control(self, house: str, name: str, body: Any) -> Any:
        """A rehearsal control."""
        answer = self.client.post(
            self.url(house, f"/control/{name}"), json=body, headers={"safehand-control": self.world.secret}
        )
        assert answer.status_code == 200, answer.text
        return answer.json()

    def token(
        self, house: str, actor: str, roles: Sequence[str], *, cities: Sequence[int] = (), person: Any = None
    ) -> str:
        """A session's token; the same person has one session."""
        known = (house, actor, *roles, *map(str, cities))
        if known not in self.tokens:
            one: dict[str, Any] = {"actor": actor, "roles": list(roles), "cities": list(cities)}
            if person is not None:
                one |= {"name": person.name_zh, "id_number": person.id_number}
            self.tokens[known] = self.control(house, "sessions", [one])["tokens"][0]
        return self.tokens[known]

    def post(
        self,
        house: str,
        action: str,
        item: Any,
        token: str,
        *,
        key: str | None = None,
        language: str = "en",
        batch: bool = False,
    ) -> httpx.Response:
        """One action call over HTTP."""
        headers = {
            "authorization": f"Bearer {token}",
            "idempotency-key": key or new_key(),
            "accept-language": language,
        }
        path = f"/v1/{action.replace('.', '/')}" + ("/batch" if batch else "")
        return self.client.post(self.url(house, path), json=item, headers=headers)

    def rows(self, house: str, sql: str, *values: Any) -> list[Any]:
        """Rows of a house's database."""

        async def ask() -> list[Any]:
            connection = await asyncpg.connect(self.dsns[house])
            try:
                return await connection.fetch(sql, *values)
            finally:
                await connection.close()

        return asyncio.run(ask())

    def written(self, house: str) -> tuple[int, ...]:
        """How many rows the journal and all that is kept beside it have."""
        tables = (
            "event",
            "stream",
            "answer",
            "claim",
            "work",
            "move",
            "link_outbox",
            "notice",
            "vault_record",
        )
        counts = ", ".join(f"(select count(*) from {table})" for table in tables)
        return tuple(self.rows(house, f"select {counts}")[0])

    def staff(self, house: str, role: str, city: int = 310000) -> str:
        """A token of somebody with this role in one city."""
        return self.token(house, f"st_{role}_{city}", [role], cities=[city])

    def applicant(self, number: int) -> tuple[str, dict[str, Any]]:
        """A token and a whole application of a synthetic person whom the register finds in order."""
        person = person_of(number)
        token = self.token("authority", f"ap_{number}", ["applicant"], person=person)
        return token, application_of(person)

    def case_of(self, number: int, **changes: Any) -> str:
        """The case of a synthetic person who has applied."""
        token, item = self.applicant(number)
        answer = self.post("authority", "application.submit", item | changes, token, key=f"submit-{number}")
        assert answer.status_code == 200, answer.text
        return answer.json()["case"]


_PLACES = load_places(cast_folder=REPOSITORY / "cast", cities_folder=REPOSITORY / "cities")


def person_of(number: int) -> Any:
    """A synthetic person of Shanghai."""
    return synthetic_person(
        seed=SEED, number=number * PERSONS_STEP + 4, city="310000", today=TODAY, places=_PLACES
    )


def application_of(person: Any) -> dict[str, Any]:
    """The application that this person fills in."""
    return {
        "city": 310000,
        "document": "passport",
        "ground": "expiring",
        "mode": "post",
        "office": "310000-1",
        "phone": person.phone,
        "email": person.email,
        "destination": int(person.address.destination_code[:6]),
        "address": person.address.line_zh,
        "travels": False,
        "consents_to_face_comparison": True,
        "photo": "a" * 64,
        "signature": "b" * 64,
        "id_card_front": "c" * 64,
        "id_card_back": "d" * 64,
    }


async def registries(
    world: SmallWorld,
) -> tuple[dict[str, Mapping[str, Action]], dict[str, dict[str, set[str]]]]:
    """Each house's actions and routes, from an application that is put together and not served."""
    actions: dict[str, Mapping[str, Action]] = {}
    routes: dict[str, dict[str, set[str]]] = {}
    for name, make in (("authority", make_authority), ("post", make_post)):
        app = await make(read_settings(world.settings_of(name)))
        house: House = app.state.house
        actions[name] = house.front.actions
        routes[name] = {route.path: {str(m) for m in getattr(route, "methods", ())} for route in app.routes}
        await house.wire.close()
        await house.store.close()
    return actions, routes


def free_port() -> int:
    """A port of this machine that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
