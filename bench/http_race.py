"""One application over HTTP: both services take turns under the same load, and so does pgbench on the bare tables.

Every request has its own idempotency key and its own live case (a person applies for each kind of document once);
sessions are opened beforehand and known to the service's memory, on both sides.
"""

import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import msgspec

from bench.load import Measured
from safehand.sandbox.cast import Person

LOAD_SECONDS_MAX = 150.0
DOCUMENTS = ("passport", "hong-kong-macao-permit", "taiwan-permit")
"""What one person may apply for at the same time."""
SESSIONS_AT_ONCE_MAX = 1_000
SAID_CHARACTERS_MAX = 3_000


class RaceFailed(Exception):
    """A round could not be run; the text says why."""


class Applying(NamedTuple):
    """One application to come: who, for what, and the session's token."""

    person: Person
    document: str
    token: str
    key: str


class Service(NamedTuple):
    """A service in the race: where it listens and how it is asked."""

    label: str
    port: int
    path: str
    body_of: Callable[[Applying], Mapping[str, Any]]
    open_sessions: Callable[[Sequence[Person]], list[str]]


def applications(*, service: Service, people: Sequence[Person]) -> list[Applying]:
    """Every application that these people can send to a service, after their sessions are opened there."""
    tokens: list[str] = []
    for first in range(0, len(people), SESSIONS_AT_ONCE_MAX):
        tokens += service.open_sessions(people[first : first + SESSIONS_AT_ONCE_MAX])
    # By document first, so that nobody's applications follow one another at once.
    return [
        Applying(person, document, token, f"bench-{person.key}-{document}")
        for document in DOCUMENTS
        for person, token in zip(people, tokens, strict=True)
    ]


def request_of(*, service: Service, applying: Applying) -> bytes:
    """A whole HTTP/1.1 request, ready to be written to a socket."""
    body = msgspec.json.encode(service.body_of(applying))
    head = (
        f"POST {service.path} HTTP/1.1\r\n"
        f"Host: 127.0.0.1:{service.port}\r\n"
        f"Authorization: Bearer {applying.token}\r\n"
        f"Idempotency-Key: {applying.key}\r\n"
        "Content-Type: application/json\r\n"
        "Accept: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body


def one_round(*, service: Service, applying: Sequence[Applying], connections: int, folder: Path) -> Measured:
    """Send these applications from a process of its own. Raises `RaceFailed` with what the service answered."""
    path = folder / "requests.msgpack"
    path.write_bytes(msgspec.msgpack.encode([request_of(service=service, applying=one) for one in applying]))
    words = ["--port", str(service.port), "--requests", str(path), "--connections", str(connections)]
    try:
        done = subprocess.run(
            [sys.executable, "-m", "bench.load", *words],
            capture_output=True,
            text=True,
            timeout=LOAD_SECONDS_MAX,
        )
    except subprocess.TimeoutExpired:
        raise RaceFailed(f"{service.label} did not answer within {LOAD_SECONDS_MAX:.0f} s") from None
    finally:
        path.unlink(missing_ok=True)
    if done.returncode != 0:
        raise RaceFailed(
            f"{service.label}: nothing was measured.\n{done.stderr.strip()[:SAID_CHARACTERS_MAX]}"
        )
    return msgspec.json.decode(done.stdout, type=Measured)


def send_one(*, service: Service, applying: Applying) -> httpx.Response:
    """Send one application alone, for looking at what it writes. Raises `RaceFailed` unless it was taken."""
    head, _, body = request_of(service=service, applying=applying).partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")[1:]
    headers = dict(line.split(": ", 1) for line in lines)
    with httpx.Client(trust_env=False) as client:
        answer = client.post(
            f"http://127.0.0.1:{service.port}{service.path}", content=body, headers=headers, timeout=30
        )
    if not answer.is_success:
        raise RaceFailed(f"{service.label} answered {answer.status_code}: {answer.text[:1000]}")
    return answer
