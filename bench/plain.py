"""Starts the plain service on a database of its own and describes it to the race."""

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

import httpx

from bench.http_race import Applying, Service
from safehand.kernel.postgres_server import RunningServer, free_tcp_port
from safehand.programme.processes import Processes
from safehand.sandbox.cast import Person

DATABASE = "plain"
TRAVEL_DAYS = 90


def start_plain_service(*, processes: Processes, server: RunningServer, workers: int = 1) -> Service:
    """The plain service, running and answering. Raises `ProcessFailed`."""
    server.drop_database(name=DATABASE)
    server.create_database(name=DATABASE)
    dsn = server.dsn(database=DATABASE).replace("postgresql://", "postgresql+asyncpg://", 1)
    port, secret = free_tcp_port(), secrets.token_hex(16)
    words = ["--port", str(port), "--dsn", dsn, "--secret", secret, "--workers", str(workers)]
    process = processes.start(name="plain", module="bench.plain_service", arguments=words)
    url = f"http://127.0.0.1:{port}"
    processes.wait_healthy(process=process, url=f"{url}/health")

    def open_sessions(people: Sequence[Person]) -> list[str]:
        with httpx.Client(trust_env=False) as client:
            answer = client.post(
                f"{url}/sessions",
                json={"actors": [person.key for person in people]},
                headers={"service-secret": secret},
                timeout=60,
            )
        return answer.raise_for_status().json()["tokens"]

    return Service("plain service", port, "/applications", body_of, open_sessions)


def digest_of(*, person: Person, part: str) -> str:
    """The SHA-256 of one of a person's pictures, as hexadecimal."""
    return sha256(f"{person.key}:{part}".encode()).hexdigest()


def body_of(applying: Applying) -> Mapping[str, Any]:
    """The fifteen fields that the plain service is sent."""
    person = applying.person
    travel_on = datetime.now(UTC).date() + timedelta(days=TRAVEL_DAYS)
    return {
        "name": person.name_zh,
        "resident_id": person.id_number,
        "phone": person.phone,
        "email": person.email,
        "region": person.household_city,
        "address": person.address.line_zh,
        "document": applying.document,
        "ground": "expiring",
        "delivery": "post",
        "travel_on": travel_on.isoformat(),
        **{part: digest_of(person=person, part=part) for part in ("photo", "signature")},
        **{part: digest_of(person=person, part=part) for part in ("id_card_front", "id_card_back")},
        "consent": True,
    }
