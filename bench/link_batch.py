"""A link batch of 500 messages, verified and applied, against the very rows that it wrote written by plain inserts.

Batch by batch: a signed request is pushed to the running house over HTTP, as its peer would push it (HTTP signature,
run signature, hash chain, decoding, opening of personal parts, decisions, one transaction, signed answer); then the
rows which it wrote are read back and written into a twin database with the same tables and indexes by plain multi-row
inserts, and into another by COPY. Taking turns at each batch lets the machine's drift hit all alike.
"""

import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import NamedTuple

import asyncpg
import httpx
import msgspec

from bench.database import connected
from bench.written_rows import (
    Image,
    copy_all,
    counts_of,
    insert_all,
    make_room,
    merged,
    next_transaction,
    rows_in,
    tables_of,
    written_since,
)
from safehand.kernel.postgres_server import RunningServer
from safehand.link.codes import Code
from safehand.link.envelope import GENESIS, Posted, chain, seal_run
from safehand.link.http_signing import Request, sign_request
from safehand.link.keys import KeyRing
from safehand.link.messages import Kind, Message
from safehand.link.pump import RunAnswers, Runs

BATCH_MESSAGES = 500
TIMEOUT_SECONDS = 60.0
RUNS_PATH = "/link/v1/runs"
WARM_UP_BATCHES = 2
"""The first batches prepare statements and fill caches; they are applied and replayed but not counted."""


class LinkFailed(Exception):
    """A batch was not taken whole, so there is nothing to compare."""


class Spoken(NamedTuple):
    """One message to be sent: kind, subject, body, and the sealed personal part if there is one."""

    kind: Kind
    subject: str
    body: Message
    personal: bytes | None = None


class Heading(NamedTuple):
    """Where a sequence of batches goes: from whom to whom, for which city, from which hash and number on."""

    ring: KeyRing
    receiver: str
    url: str
    city: int
    previous: bytes = GENESIS
    last: int = 0


class Timed(NamedTuple):
    """One batch: what it wrote and how long each way of writing it took."""

    rows: int
    applied_seconds: float
    inserted_seconds: float
    copied_seconds: float


class LinkResult(NamedTuple):
    """All measured batches of one kind of message, and one batch's rows by table."""

    label: str
    batches: list[Timed]
    tables: dict[str, int]
    transactions_max: int
    """In how many transactions a house wrote a batch: 1, unless it had to take the messages one by one."""


def signed_batches(*, heading: Heading, messages: Sequence[Spoken], at: datetime) -> list[Request]:
    """Cut the messages into runs of BATCH_MESSAGES, each a signed request as the pump would send it."""
    requests: list[Request] = []
    previous, number = heading.previous, heading.last
    for first in range(0, len(messages), BATCH_MESSAGES):
        posted: list[Posted] = []
        for one in messages[first : first + BATCH_MESSAGES]:
            number += 1
            body = msgspec.json.encode(one.body).decode()
            posted.append(
                Posted(
                    number=number, kind=one.kind, subject=one.subject, at=at, body=body, personal=one.personal
                )
            )
        names = {"sender": heading.ring.name, "receiver": heading.receiver, "city": heading.city}
        head = chain(previous=previous, messages=posted, **names)[-1]
        run = seal_run(
            ring=heading.ring,
            receiver=heading.receiver,
            city=heading.city,
            previous=previous,
            head=head,
            messages=posted,
        )
        body = msgspec.json.encode(Runs(runs=[run]))
        request = Request("POST", heading.url.rstrip("/") + RUNS_PATH, {}, body)
        sign_request(ring=heading.ring, request=request, now=datetime.now(UTC))
        requests.append(request)
        previous = head
    return requests


async def _apply(*, client: httpx.AsyncClient, request: Request) -> float:
    """Seconds from sending to the answer. Raises `LinkFailed` unless the run took effect."""
    began = time.perf_counter()
    answer = await client.post(
        request.url, content=request.body, headers=request.headers, timeout=TIMEOUT_SECONDS
    )
    taken = time.perf_counter() - began
    if answer.status_code != 200:
        raise LinkFailed(f"the house answered {answer.status_code}: {answer.text[:1000]}")
    said = msgspec.json.decode(answer.content, type=RunAnswers).answers
    if [one.code for one in said] != [Code.TAKEN]:
        raise LinkFailed(f"the run was not taken: {said}")
    return taken


async def _replay(*, twin: asyncpg.Connection, images: Sequence[Image], copied: bool) -> float:
    await make_room(connection=twin, images=images)
    began = time.perf_counter()
    await (copy_all if copied else insert_all)(connection=twin, images=images)
    return time.perf_counter() - began


async def measure_link(
    *,
    label: str,
    requests: Sequence[Request],
    server: RunningServer,
    house: str,
    twins: tuple[str, str],
) -> LinkResult:
    """Apply every request and replay what it wrote.

    `house` is the name of the house's database, `twins` two databases with the same migrations: one for multi-row
    inserts, one for COPY. Raises `LinkFailed` when a message was parked.
    """
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(httpx.AsyncClient(trust_env=False))
        eye, inserting, copying = [
            await stack.enter_async_context(connected(dsn=server.dsn(database=name)))
            for name in (house, *twins)
        ]
        tables = await tables_of(connection=eye)
        batches: list[Timed] = []
        last: Sequence[Image] = ()
        transactions_max = 0
        for number, request in enumerate(requests):
            before = await next_transaction(connection=eye)
            applied = await _apply(client=client, request=request)
            written = await written_since(connection=eye, tables=tables, transaction=before)
            transactions_max = max(transactions_max, len(written))
            images = merged(written.values())
            if any(image.table.name.endswith('"link_parked"') for image in images):
                reasons = await eye.fetch("select reason, count(*) from link_parked group by 1")
                raise LinkFailed(f"messages were parked: {dict(map(tuple, reasons))}")
            pair = [
                await _replay(twin=inserting, images=images, copied=False),
                await _replay(twin=copying, images=images, copied=True),
            ]
            if number >= WARM_UP_BATCHES:
                batches.append(Timed(rows_in(images), applied, *pair))
            last = images
    return LinkResult(label, batches, dict(counts_of(last)), transactions_max)
