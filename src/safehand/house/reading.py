"""Reading one stream over HTTP: its state and its events, for those who may; every look by staff is written down.

A stream of another kind, of another person, and one that does not exist answer alike to an applicant. The look is
written before anything is shown; looks of the same moment share one statement.
"""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, NamedTuple

import msgspec
from litestar import Request, Response, get
from litestar.params import PathParameter

from safehand.house.commanded import Owned
from safehand.house.erasure import ERASED, Gone
from safehand.house.problems import NOT_ALLOWED, NOT_FOUND, TOO_MANY
from safehand.house.routes import APPLICANT, problem_response
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.kernel.gather import Gatherer, Overloaded
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.store import StreamRow

EVENTS_MAX = 2_000
_CITY = re.compile(r"[1-8][0-9]{5}")
_STREAM = re.compile(r"[a-z]{2}_[A-Za-z0-9_-]{1,61}")

Web = Request[Any, Any, Any]


class StreamShown(msgspec.Struct, frozen=True, kw_only=True):
    """One case or item as it stands: no personal data is in it."""

    city: int
    stream: str
    version: int
    state: dict[str, Any]


class EventShown(msgspec.Struct, frozen=True, kw_only=True):
    """One fact of the journal, with the hash that chains it (hexadecimal)."""

    version: int
    kind: str
    at: datetime
    actor: str
    body: dict[str, Any]
    hash: str


class EventsShown(msgspec.Struct, frozen=True, kw_only=True):
    """The journal of one case or item, oldest first; at most 2,000 events."""

    events: list[EventShown]


class _Look(NamedTuple):
    city: int
    stream: str
    actor: str
    what: str
    at: datetime
    role: str
    office: str


def key_of(*, city: str, stream: str) -> StreamKey | None:
    """The stream of an address; none where nothing can have that name."""
    if not _CITY.fullmatch(city) or not _STREAM.fullmatch(stream):
        return None
    return StreamKey(int(city), stream)


class ReadLog:
    """Who of the staff looked at what."""

    def __init__(self, *, house: House) -> None:
        self._house = house
        self._gatherer = Gatherer[_Look, None](run=self._write)

    async def write(
        self, *, key: StreamKey, actor: str, what: str, roles: Collection[str] = (), office: str = ""
    ) -> None:
        """Keep one look, with what the looker was at that time; it is kept when this returns.

        Raises `Overloaded` and `Unavailable`.
        """
        now, role = self._house.clock.now(), ",".join(sorted(roles))
        await self._gatherer.call(_Look(key.city, key.stream, actor, what, now, role, office))

    async def _write(self, looks: Sequence[_Look]) -> Sequence[None]:
        await self._house.store.fetch(
            "insert into read_log (city, stream, actor, what, at, role, office) select * from"
            " unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::text[], $7::text[])",
            *[list(column) for column in zip(*looks, strict=True)],
        )
        return [None] * len(looks)


class Reading:
    """Finds one stream for one session, or says why not."""

    def __init__(
        self,
        *,
        house: House,
        kind: str,
        hidden: Mapping[str, Sequence[str]],
        owned: Owned | None = None,
        gone: Gone | None = None,
    ) -> None:
        self._house, self._kind, self._owned, self._gone = house, kind, owned, gone
        self._hidden = hidden
        self._log = ReadLog(house=house)

    async def state(self, *, session: Session, city: str, stream: str) -> StreamShown | Refusal:
        """The stream as it stands, without what nobody needs to see."""
        found = await self._found(session, city, stream, "state")
        if isinstance(found, Refusal):
            return found
        state: dict[str, Any] = msgspec.json.decode(found.state)
        for step, fields in self._hidden.items():
            for name in fields:
                state.get(step, {}).pop(name, None)
        return StreamShown(city=found.city, stream=found.stream, version=found.version, state=state)

    async def events(self, *, session: Session, city: str, stream: str) -> EventsShown | Refusal:
        """The stream's journal."""
        found = await self._found(session, city, stream, "events")
        if isinstance(found, Refusal):
            return found
        rows = await self._house.store.fetch(
            "select version, kind, at, actor, body, hash from event where city = $1 and stream = $2"
            " order by version limit $3",
            found.city,
            found.stream,
            EVENTS_MAX,
        )
        return EventsShown(
            events=[
                EventShown(
                    version=row[0],
                    kind=row[1],
                    at=row[2],
                    actor=row[3],
                    body=msgspec.json.decode(row[4]),
                    hash=row[5].hex(),
                )
                for row in rows
            ]
        )

    async def _found(self, session: Session, city: str, stream: str, what: str) -> StreamRow | Refusal:
        key = key_of(city=city, stream=stream)
        if key is None:
            return NOT_FOUND()
        refusal = await self._refused(session, key)
        if refusal is not None:
            return refusal
        row = (await self._house.store.streams(keys=[key])).get(key)
        if row is None or row.kind != self._kind:
            return NOT_FOUND()
        if APPLICANT not in session.roles:
            try:
                await self._log.write(
                    key=key, actor=session.actor, what=what, roles=session.roles, office=session.office
                )
            except Overloaded:
                return TOO_MANY()
        return row

    async def _refused(self, session: Session, key: StreamKey) -> Refusal | None:
        if APPLICANT in session.roles:
            own = await self._owned([(session.actor, key)]) if self._owned is not None else set()
            if (session.actor, key) in own:
                return None
            return ERASED() if self._gone is not None and await self._gone([key]) else NOT_FOUND()
        return NOT_ALLOWED() if session.cities and key.city not in session.cities else None


def reading_routes(
    *,
    reading: Reading,
    things: str,
    summary: str,
    roles: frozenset[str],
    auditors: frozenset[str] = frozenset(),
) -> list[Any]:
    """`GET /v1/<things>/{city}/{name}` for `roles`, and `…/events` for `auditors`."""
    routes = [_route(reading.state, f"/{things}/{{city:str}}/{{stream:str}}", summary, roles, StreamShown)]
    if auditors:
        path, summary = f"/{things}/{{city:str}}/{{stream:str}}/events", f"{summary}: its journal"
        routes.append(_route(reading.events, path, summary, auditors, EventsShown))
    return routes


def _route(
    read: Callable[..., Any], path: str, summary: str, roles: frozenset[str], shows: type[msgspec.Struct]
) -> Any:
    things = path.split("/")[1]

    async def handle(
        request: Web, city: Annotated[str, PathParameter()], stream: Annotated[str, PathParameter()]
    ) -> Response[Any]:
        found = await read(session=request.state.session, city=city, stream=stream)
        if isinstance(found, Refusal):
            return problem_response(refusal=found, request=request)
        return Response(content=found)

    handle.__name__ = f"read_{things}_{shows.__name__}".lower()
    return get(
        path,
        summary=summary,
        description=f"Roles: {', '.join(sorted(roles))}. Every look by staff is written down.",
        tags=[things],
        operation_id=handle.__name__,
        opt={"roles": roles, "shows": shows},
    )(handle)
