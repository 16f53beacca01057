"""The operators' list of parked messages, and the two ways to resolve one: apply it after all, or close it with a reason.

Applying goes through the same border as when the message came, after what stood in its way was corrected. Its effects and
its resolution are one transaction, so it takes effect once, whoever presses the button how often. The sealed part of a
resolved message is emptied.
"""

import logging
from collections.abc import Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from litestar import Request, Response, get
from litestar.params import Parameter
from msgspec import Meta

from safehand.house.commanded import City
from safehand.house.front import Action, Asked
from safehand.house.parked import KIND, NOT_APPLICABLE, CloseReason, ResolveParked, parked_key
from safehand.house.problems import NOT_ALLOWED, NOT_FOUND
from safehand.house.routes import problem_response
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import BUSY, FAILED, Call, Done, Outcome
from safehand.kernel.store import Conflict, Unavailable, Writes
from safehand.link.messages import DECODERS, Kind
from safehand.link.reader import Border, Heard
from safehand.link.sealing import Opener, Unopenable

OPERATOR: Final = "operator"
ATTEMPTS_MAX: Final = 4
LISTED_MAX: Final = 500
NUMBER_MAX: Final = 2**63 - 1
FIND = """
    select p.kind, p.subject, p.reason, p.personal, r.body, coalesce((
        select key_id from link_run_received u
        where u.peer = p.peer and u.city = p.city and u.last >= p.number and u.first <= p.number
        order by u.last limit 1), '') as key_id
    from link_parked p join link_received r using (peer, city, number)
    where p.peer = $1 and p.city = $2 and p.number = $3"""
TIDY = """
    update link_parked p set resolved_at = $1, personal = null from stream s
    where p.resolved_at is null and s.city = p.city and s.stream = 'pk_' || p.peer || '_' || p.number and s.kind = $2
    returning 1"""

log = logging.getLogger("safehand.link")
Peer = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9_]{1,31}$")]
Number = Annotated[int, Meta(ge=1, le=NUMBER_MAX)]
Web = Request[Any, Any, Any]


class ApplyAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which message: the sender, the city and the number under which it came."""

    city: City
    peer: Peer
    number: Number


class CloseAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which message, and why it shall never take effect."""

    city: City
    peer: Peer
    number: Number
    reason: CloseReason


class ParkedLine(msgspec.Struct, frozen=True, kw_only=True):
    """One message that waits for an operator. Neither its body nor its person is shown."""

    city: int
    peer: str
    number: int
    kind: int
    subject: str
    reason: str
    since: str


class ParkedLines(msgspec.Struct, frozen=True, kw_only=True):
    """The list, oldest first."""

    lines: list[ParkedLine]


class _Row(NamedTuple):
    kind: int
    subject: str
    reason: str
    personal: bytes | None
    body: str
    key_id: str


class _Undone(Exception):
    """Ends a transaction of which nothing may be kept."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class Parking:
    """The parked messages of one house. `manager` is the role that may do what operators may."""

    def __init__(self, *, house: House, border: Border, manager: str) -> None:
        self._house, self._border = house, border
        self.roles = frozenset({OPERATOR, manager})
        self._opener = Opener(ring=house.ring)

    def actions(self) -> list[Action]:
        """`parked.apply` and `parked.close`."""
        return [
            Action(
                name="parked.apply",
                summary="Apply a parked message after all, once what stood in its way was corrected",
                roles=self.roles,
                asks=ApplyAsked,
                run=self._resolve_all,
            ),
            Action(
                name="parked.close",
                summary="Close a parked message that shall never take effect",
                roles=self.roles,
                asks=CloseAsked,
                run=self._resolve_all,
            ),
        ]

    async def lines(self, *, session: Session, city: int | None, limit: int) -> ParkedLines | Refusal:
        """What is open, oldest first."""
        cities = [city] if city is not None else list(session.cities)
        if session.cities and not set(cities) <= set(session.cities):
            return NOT_ALLOWED()
        rows = await self._house.store.fetch(
            "select city, peer, number, kind, subject, reason, at from link_parked"
            " where resolved_at is null and (cardinality($1::int[]) = 0 or city = any($1)) order by at limit $2",
            cities,
            limit,
        )
        return ParkedLines(
            lines=[
                ParkedLine(
                    city=row[0],
                    peer=row[1],
                    number=row[2],
                    kind=row[3],
                    subject=row[4],
                    reason=row[5],
                    since=row[6].isoformat(),
                )
                for row in rows
            ]
        )

    async def tidy(self) -> int:
        """The job: what is resolved leaves the list, and its sealed part is emptied; also after a kill in between."""
        return len(await self._house.store.fetch(TIDY, self._house.clock.now(), KIND))

    async def _resolve_all(self, asked: Sequence[Asked]) -> Sequence[Done | Refusal]:
        """One after the other: each is a transaction of its own, since each may fail in its own way."""
        outcomes = [await self._resolve(one) for one in asked]
        await self.tidy()
        return outcomes

    async def _resolve(self, one: Asked) -> Done | Refusal:
        session, item = one.session, one.item
        if session.cities and item.city not in session.cities:
            return NOT_ALLOWED()
        rows = await self._house.store.fetch(FIND, item.peer, item.city, item.number)
        if not rows:
            return NOT_FOUND()
        row = _Row(*rows[0])
        for _ in range(ATTEMPTS_MAX):
            try:
                return await self._attempt(one, row)
            except _Undone as undone:
                return undone.refusal
            except Conflict:
                continue
            except Unavailable:
                raise
            except Exception:
                log.exception(
                    "parked_failed", extra={"peer": item.peer, "city": item.city, "number": item.number}
                )
                return FAILED()
        return BUSY()

    async def _attempt(self, one: Asked, row: _Row) -> Done | Refusal:
        """The message's effect, if it has one, and its resolution, or nothing of either."""
        reason = one.item.reason if isinstance(one.item, CloseAsked) else None
        resolution = self._resolution(one, row, reason)
        resolved = resolution.stream in await self._house.store.streams(keys=[resolution.stream])
        effect = await self._effect(one, row) if reason is None and not resolved else None
        if isinstance(effect, Refusal):
            return effect
        calls = [resolution] if effect is None else [resolution, effect]

        def all_or_nothing(outcomes: Sequence[Outcome], _: Writes) -> None:
            for outcome in outcomes:
                if isinstance(outcome, Refusal):
                    raise _Undone(outcome)
            if effect is not None and isinstance(outcomes[0], Done) and outcomes[0].repeated:
                # Somebody was faster with the same key: look again, and only say what was done.
                raise Conflict

        outcomes = await self._house.shell.run(calls, beside=all_or_nothing)
        return outcomes[0]

    def _resolution(self, one: Asked, row: _Row, reason: CloseReason | None) -> Call:
        item = one.item
        return Call(
            stream=parked_key(city=item.city, peer=item.peer, number=item.number),
            kind=KIND,
            command=ResolveParked(
                peer=item.peer, number=item.number, kind=row.kind, parked_for=row.reason, reason=reason
            ),
            actor=one.session.actor,
            key=one.key,
            request_hash=one.request_hash,
        )

    async def _effect(self, one: Asked, row: _Row) -> Call | Refusal | None:
        """The call that the border makes of the message today; none when there is nothing to do any more."""
        heard = self._heard(one, row)
        if isinstance(heard, str):
            return NOT_APPLICABLE(reason=heard)
        [call] = await self._border.calls([heard])
        return NOT_APPLICABLE(reason=call) if isinstance(call, str) else call

    def _heard(self, one: Asked, row: _Row) -> Heard | str:
        item = one.item
        try:
            kind = Kind(row.kind)
        except ValueError:
            return "link.unknown_kind"
        try:
            body = DECODERS[kind].decode(row.body)
        except (msgspec.DecodeError, RecursionError):
            return "link.malformed_body"
        part = None
        if row.personal is not None:
            try:
                part = self._opener.open(row.personal, peer=item.peer, city=item.city, subject=row.subject)
            except Unopenable:
                return "link.part_unopenable"
        return Heard(item.peer, item.city, kind, row.subject, body, part, row.key_id)


def parked_route(*, parking: Parking) -> Any:
    """`GET /v1/parked`."""

    @get(
        "/parked",
        summary="Messages of the other house that could not be applied",
        description=f"Roles: {', '.join(sorted(parking.roles))}. Oldest first; resolve each by `parked.apply` or `parked.close`.",
        tags=["parked"],
        opt={"roles": parking.roles, "shows": ParkedLines},
    )
    async def read_parked(
        request: Web,
        city: Annotated[int | None, Parameter(ge=110000, le=829999)] = None,
        limit: Annotated[int, Parameter(ge=1, le=LISTED_MAX)] = 100,
    ) -> Response[Any]:
        found = await parking.lines(session=request.state.session, city=city, limit=limit)
        if isinstance(found, Refusal):
            return problem_response(refusal=found, request=request)
        return Response(content=found)

    return read_parked
