"""Rehearsal controls: move the clock, play a crowd, settle the link, look at the books. Never opened in live mode.

Every call of a crowd goes through the same front door as a person's request, one by one: its role is checked, its
fields are read, it has its own key and its own outcome. Calls that come at the same moment share a commit.
"""

import asyncio
import hmac
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Any

import msgspec
from litestar import Request, Response, Router, post
from msgspec import Meta

from safehand.house.front import Front, decoded
from safehand.house.jobs import Jobs
from safehand.house.problems import NOT_ALLOWED, NOT_FOUND
from safehand.house.routes import Line, line_of, problem_response
from safehand.house.sessions import Identity, Session, Sessions
from safehand.kernel.clock import SetClock
from safehand.kernel.outcome import Refusal
from safehand.kernel.store import HouseStore

CALLS_MAX = 5_000
BODY_BYTES_MAX = 64_000_000
LINES_MAX = 50_000

Web = Request[Any, Any, Any]
Figures = Callable[[], Awaitable[Any]]


class Person(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Who plays: an actor with roles, and for applicants the identity that the sign-in proved."""

    actor: str
    roles: list[str]
    cities: list[int] = []
    office: str = ""
    name: str = ""
    id_number: str = ""


class PlayedCall(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One action call of one person."""

    action: str
    key: str
    person: Person
    item: msgspec.Raw


class PlayedBatch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A clerk's batch of one action."""

    action: str
    person: Person
    items: list[tuple[str, msgspec.Raw]]


class Crowd(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Calls of many people at one moment, then what clerks do at the next."""

    calls: Annotated[list[PlayedCall], Meta(max_length=CALLS_MAX)] = []
    batches: list[PlayedBatch] = []


class Outcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one call: the stream and its events, or the refusal's code."""

    stream: str = ""
    events: tuple[str, ...] = ()
    refused: str = ""
    facts: dict[str, str | int] = {}


class Moment(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A moment to which the clock is moved."""

    now: datetime


class Wanted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Worklists that are looked at, and on which of them the streams' states are wanted."""

    queues: list[str]
    since_before: datetime | None = None
    limit: int = 2_000
    states: list[str] = []


class Chores(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The house's own jobs, but these."""

    without: list[str] = []


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """Tokens of sessions that were opened for people of a rehearsal."""

    tokens: list[str]


class _Control:
    """Answers the controls of one house."""

    def __init__(
        self,
        *,
        front: Front,
        jobs: Jobs,
        store: HouseStore,
        sessions: Sessions,
        clock: SetClock | None,
        figures: Figures,
    ) -> None:
        self.front, self.jobs, self.store = front, jobs, store
        self.sessions, self.clock, self.figures = sessions, clock, figures

    async def move_clock(self, moment: Moment) -> Any:
        if self.clock is None:
            return NOT_FOUND()
        self.clock.move_to(moment.now)
        told = await self.jobs.run_clocks()
        return {"now": self.clock.now().isoformat(), "clocks_told": told}

    async def play(self, crowd: Crowd) -> Any:
        if any(name not in self.front.actions for name in {c.action for c in (*crowd.calls, *crowd.batches)}):
            return NOT_FOUND()
        read = self.front.read
        called = await self.front.call_together(
            [
                (one.action, _session(one.person), read(name=one.action, body=bytes(one.item)), one.key)
                for one in crowd.calls
            ]
        )
        # Item by item through the front door: what many clerks do at the same moment shares a commit.
        clerks = [(batch, _session(batch.person)) for batch in crowd.batches]
        batched = iter(
            await self.front.call_together(
                [
                    (batch.action, session, read(name=batch.action, body=bytes(item)), key)
                    for batch, session in clerks
                    for key, item in batch.items
                ]
            )
        )
        return {
            "calls": [_shown(outcome) for outcome in called],
            "batches": [[_shown(next(batched)) for _ in batch.items] for batch in crowd.batches],
        }

    async def settle(self, _: Any) -> Any:
        moved = await self.jobs.send_messages()
        return {"moved": moved}

    async def chores(self, wanted: Chores) -> Any:
        return {"done": await self.jobs.run_chores(without=wanted.without)}

    async def worklists(self, wanted: Wanted) -> Any:
        found: dict[str, list[Line]] = {queue: [] for queue in wanted.queues}
        rows = await self.store.worklists(
            queues=wanted.queues,
            states=wanted.states,
            since_before=wanted.since_before,
            limit=min(wanted.limit, LINES_MAX),
        )
        for row, state in rows:
            found[row.queue].append(line_of(row, state))
        return found

    async def next_clock(self, _: Any) -> Any:
        due = await self.store.next_due()
        return {"next_due": due.isoformat() if due is not None else None}

    async def books(self, _: Any) -> Any:
        await self.jobs.roll_up()
        return await self.figures()

    async def open_sessions(self, people: list[Person]) -> Any:
        tokens = await asyncio.gather(
            *(self.sessions.open(session=_session(one), basis=one.actor) for one in people)
        )
        return Opened(tokens=list(tokens))


def _session(person: Person) -> Session:
    identity = Identity(name=person.name, id_number=person.id_number) if person.id_number else None
    return Session(
        actor=person.actor,
        roles=frozenset(person.roles),
        cities=tuple(person.cities),
        office=person.office,
        identity=identity,
    )


def _shown(outcome: Any) -> Outcome:
    if isinstance(outcome, Refusal):
        return Outcome(refused=outcome.code, facts=outcome.facts)
    return Outcome(stream=outcome.stream, events=outcome.events)


def control_routes(
    *,
    secret: str,
    front: Front,
    jobs: Jobs,
    store: HouseStore,
    sessions: Sessions,
    clock: SetClock | None,
    figures: Figures,
) -> Router:
    """`POST /control/…`, each with the header `Safehand-Control: <secret>`."""
    control = _Control(front=front, jobs=jobs, store=store, sessions=sessions, clock=clock, figures=figures)

    def route(name: str, reads: Any, work: Callable[[Any], Awaitable[Any]]) -> Any:
        decoder = msgspec.json.Decoder(reads)

        async def handle(request: Web) -> Response[Any]:
            given = request.headers.get("safehand-control", "")
            if not hmac.compare_digest(given.encode(), secret.encode()):
                return problem_response(refusal=NOT_ALLOWED(), request=request)
            asked = decoded(body=await request.body() or b"{}", decoder=decoder)
            answer = asked if isinstance(asked, Refusal) else await work(asked)
            if isinstance(answer, Refusal):
                return problem_response(refusal=answer, request=request)
            return Response(content=answer, status_code=200)

        handle.__name__ = f"control_{name}"
        return post(f"/{name}", status_code=200, request_max_body_size=BODY_BYTES_MAX)(handle)

    return Router(
        path="/control",
        include_in_schema=False,
        route_handlers=[
            route("clock", Moment, control.move_clock),
            route("play", Crowd, control.play),
            route("settle", dict, control.settle),
            route("chores", Chores, control.chores),
            route("worklists", Wanted, control.worklists),
            route("next-clock", dict, control.next_clock),
            route("books", dict, control.books),
            route("sessions", list[Person], control.open_sessions),
        ],
    )
