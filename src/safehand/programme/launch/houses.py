"""The launch's hands on the two houses: their rehearsal controls, and the applicants' own HTTP door."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

import aiohttp
import msgspec

TIMEOUT_SECONDS = 120.0
LINES_MAX = 50_000


class HouseLost(Exception):
    """A house does not answer: it was stopped or killed. The same command goes on where this one ended."""


class HouseRefused(Exception):
    """A house refused a control: a bug of the launch, not of the world that it plays."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a worklist with the stream's state."""

    city: int
    stream: str
    since: datetime
    due_at: datetime | None
    owner: str | None
    narrowed: str
    state: dict[str, Any] | None


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What became of one call."""

    stream: str = ""
    events: tuple[str, ...] = ()
    refused: str = ""
    facts: dict[str, str | int] = {}


class Played(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a crowd: calls in order, then each batch's items in order."""

    calls: list[Outcome]
    batches: list[list[Outcome]]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One person's action call."""

    action: str
    key: str
    person: Mapping[str, Any]
    item: Mapping[str, Any]


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One clerk's batch of one action: (key, item) pairs."""

    action: str
    person: Mapping[str, Any]
    items: list[tuple[str, Mapping[str, Any]]]


async def sent(
    *, client: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str], who: str
) -> tuple[int, bytes]:
    """One POST: status and content. Raises `HouseLost` when nobody answers."""
    try:
        async with client.post(url, data=body, headers=headers) as answer:
            return answer.status, await answer.read()
    except (aiohttp.ClientError, TimeoutError) as lost:
        raise HouseLost(f"{who} does not answer ({type(lost).__name__})") from lost


async def asked(
    *, client: aiohttp.ClientSession, url: str, body: bytes, headers: Mapping[str, str], who: str
) -> bytes:
    """One POST that must succeed: its content. Raises `HouseLost` and `HouseRefused`."""
    status, content = await sent(client=client, url=url, body=body, headers=headers, who=who)
    if status != 200:
        text = content[:500].decode(errors="replace")
        raise HouseRefused(f"{who} refused {url.rpartition('/')[2]}: {status} {text}")
    return content


class HouseControl:
    """The rehearsal controls of one house."""

    def __init__(self, *, name: str, url: str, secret: str, client: aiohttp.ClientSession) -> None:
        self.name = name
        self.url = url
        self._headers = {"safehand-control": secret, "content-type": "application/json"}
        self._client = client
        self._lines = msgspec.json.Decoder(dict[str, list[Line]])
        self._played = msgspec.json.Decoder(Played)

    async def _post(self, path: str, body: Any) -> bytes:
        return await asked(
            client=self._client,
            url=f"{self.url}/control/{path}",
            body=msgspec.json.encode(body),
            headers=self._headers,
            who=self.name,
        )

    async def move_clock(self, moment: datetime) -> int:
        """Move the house's clock and let the clocks ring that ran out; returns how many rang."""
        return msgspec.json.decode(await self._post("clock", {"now": moment}))["clocks_told"]

    async def next_clock(self) -> datetime | None:
        """When the next clock runs out."""
        due = msgspec.json.decode(await self._post("next-clock", {}))["next_due"]
        return datetime.fromisoformat(due) if due else None

    async def play(self, *, calls: Sequence[Call] = (), batches: Sequence[Batch] = ()) -> Played:
        """Calls of many people at one moment, then clerks' batches."""
        return self._played.decode(await self._post("play", {"calls": calls, "batches": batches}))

    async def settle(self) -> int:
        """Carry messages to the other house until this one has none left; returns how many."""
        return msgspec.json.decode(await self._post("settle", {}))["moved"]

    async def chores(self, *, without: Sequence[str] = ()) -> int:
        """Let the house do its own jobs once (refunds, register entries, closing the day); returns how much it did."""
        return msgspec.json.decode(await self._post("chores", {"without": list(without)}))["done"]

    async def worklists(
        self,
        queues: Sequence[str],
        *,
        since_before: datetime | None = None,
        states: Sequence[str] | None = None,
    ) -> dict[str, list[Line]]:
        """Whole worklists, longest-waiting first, with the states of the streams on those in `states` (none: on all)."""
        with_state = [queue for queue in queues if states is None or queue in states]
        wanted = {
            "queues": list(queues),
            "since_before": since_before,
            "limit": LINES_MAX,
            "states": with_state,
        }
        return self._lines.decode(await self._post("worklists", wanted))

    async def books(self) -> dict[str, Any]:
        """Counts, custody accounts, journal, parked messages, statements."""
        return msgspec.json.decode(await self._post("books", {}))

    async def sessions(self, people: Sequence[Mapping[str, Any]]) -> list[str]:
        """Open sessions for people who use the HTTP door; returns their tokens."""
        return msgspec.json.decode(await self._post("sessions", list(people)))["tokens"]
