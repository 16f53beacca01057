"""The link's own HTTP door: peers push runs and pull runs. Signed both ways; no session, no role, no person."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Annotated, Any

import msgspec
from litestar import Request as WebRequest
from litestar import Response, Router, get, post
from litestar.params import Parameter

from safehand.kernel.clock import Clock, SystemClock
from safehand.link.codes import Code
from safehand.link.couriers import CardAnswer, CardCode, CardKeeper, sealed_answer
from safehand.link.envelope import CITY_MAX, RUN_BYTES_MAX, Run
from safehand.link.http_signing import Answer, Request, sign_answer, verify_request
from safehand.link.keys import BadSignature, KeyRing, UnknownKey
from safehand.link.labels import LabelAnswer, LabelMaker, LabelProfile, LabelSize
from safehand.link.log import RUN_MESSAGES_MAX, LinkLog
from safehand.link.pump import RunAnswers, Runs
from safehand.link.reader import RUNS_PER_REQUEST_MAX, Reader, RunAnswer

REQUEST_BYTES_MAX = RUN_BYTES_MAX * 4
POSITION_MAX = 2**63 - 1
_REFERENCE = r"^[a-z]{2,4}_[a-z2-7]+$"

Web = WebRequest[Any, Any, Any]


class Refused(msgspec.Struct, frozen=True, kw_only=True):
    """Why a whole request was not taken: a `codes.Code`."""

    code: int


class _RawRuns(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`pump.Runs` before its runs are looked at: one malformed run must not stop the other cities."""

    runs: list[msgspec.Raw]


_RUN = msgspec.json.Decoder(Run)


class LinkDoor:
    """Verifies requests, hands them to reader and log, signs answers."""

    def __init__(
        self, *, ring: KeyRing, reader: Reader, log: LinkLog, wire_clock: Clock | None = None
    ) -> None:
        self._ring = ring
        self._reader = reader
        self._log = log
        self._clock = wire_clock or SystemClock()

    async def push(self, *, request: Request) -> Answer:
        """Runs that a peer brings. 200 with an answer per run; 400/401/413/415 with a code when none was looked at."""
        if len(request.body) > REQUEST_BYTES_MAX:
            return self._signed(request, 413, Refused(code=Code.TOO_LARGE))
        peer = self._peer(request)
        if isinstance(peer, Answer):
            return peer
        if _media_type(request) != "application/json":
            return self._signed(request, 415, Refused(code=Code.MALFORMED))
        try:
            runs = msgspec.json.decode(request.body, type=_RawRuns).runs
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
            return self._signed(request, 400, Refused(code=Code.MALFORMED))
        if len(runs) > RUNS_PER_REQUEST_MAX:
            return self._signed(request, 413, Refused(code=Code.TOO_LARGE))
        return self._signed(request, 200, RunAnswers(answers=await self._apply(peer, runs)))

    async def _apply(self, peer: str, raw: Sequence[msgspec.Raw]) -> list[RunAnswer]:
        """Apply what can be read; a run that can't be read is MALFORMED, and its neighbours stand."""
        answers: list[RunAnswer | None] = [None] * len(raw)
        read: list[Run] = []
        for place, one in enumerate(raw):
            try:
                read.append(_RUN.decode(one))
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                answers[place] = RunAnswer(city=0, code=Code.MALFORMED, position=-1)
        applied = iter(await self._reader.apply(peer=peer, runs=read))
        return [answer if answer is not None else next(applied) for answer in answers]

    async def pull(self, *, request: Request, city: int, after: int, limit: int) -> Answer:
        """The run after a position: the same bytes that a push would bring. 204-like: an empty list of runs."""
        peer = self._peer(request)
        if isinstance(peer, Answer):
            return peer
        run = await self._log.after(peer=peer, city=city, position=after, limit=limit)
        return self._signed(request, 200, Runs(runs=[run] if run is not None else []))

    async def card(self, *, cards: CardKeeper, peer: str, city: int, order: str, courier: str) -> CardAnswer:
        """Who brings an item, sealed for the peer that asks."""
        found = await cards.card(peer=peer, city=city, order=order, courier=courier)
        if isinstance(found, CardCode):
            return CardAnswer(code=found)
        return sealed_answer(ring=self._ring, peer=peer, city=city, order=order, card=found)

    async def answered(
        self, *, request: Request, answer: Callable[[str], Awaitable[msgspec.Struct]]
    ) -> Answer:
        """A question that is no run: who asks is verified, and the answer is signed."""
        peer = self._peer(request)
        return peer if isinstance(peer, Answer) else self._signed(request, 200, await answer(peer))

    def _peer(self, request: Request) -> str | Answer:
        try:
            return verify_request(ring=self._ring, request=request, now=self._clock.now())
        except UnknownKey:
            return self._signed(request, 401, Refused(code=Code.UNKNOWN_KEY))
        except BadSignature:
            return self._signed(request, 401, Refused(code=Code.BAD_SIGNATURE))

    def _signed(self, request: Request, status: int, body: msgspec.Struct) -> Answer:
        answer = Answer(status, {"Content-Type": "application/json"}, request, msgspec.json.encode(body))
        # An answer to a request without a signature can't be bound to it: it is sent unsigned.
        if any(name.lower() == "signature" for name in request.headers):
            try:
                sign_answer(ring=self._ring, answer=answer, now=self._clock.now())
            except BadSignature:
                return Answer(status, {"Content-Type": "application/json"}, request, answer.body)
        return answer


def _media_type(request: Request) -> str:
    found = next((value for name, value in request.headers.items() if name.lower() == "content-type"), "")
    return found.partition(";")[0].strip().lower()


async def _as_signed(request: Web) -> Request:
    # The body is read in pieces so that an endless one is cut off at the limit.
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > REQUEST_BYTES_MAX:
            break
    return Request(request.method.upper(), str(request.url), dict(request.headers), bytes(body))


def _response(answer: Answer) -> Response[bytes]:
    return Response(
        content=answer.body,
        status_code=answer.status_code,
        headers={k: v for k, v in answer.headers.items() if k.lower() != "content-type"},
        media_type="application/json",
    )


def link_routes(
    *, door: LinkDoor, labels: LabelMaker | None = None, cards: CardKeeper | None = None
) -> Router:
    """`POST /link/v1/runs`, `GET /link/v1/runs?city=…&after=…&limit=…`; where labels are made and couriers go out,

    `GET /link/v1/labels?…`, `GET /link/v1/couriers?…`.
    """

    @post("/runs", status_code=200, summary="Push signed runs of messages", tags=["link"])
    async def push_runs(request: Web) -> Response[bytes]:
        return _response(await door.push(request=await _as_signed(request)))

    @get("/runs", summary="Pull the run after a position", tags=["link"])
    async def pull_runs(
        request: Web,
        city: Annotated[int, Parameter(ge=0, le=CITY_MAX)],
        after: Annotated[int, Parameter(ge=0, le=POSITION_MAX)] = 0,
        limit: Annotated[int, Parameter(ge=1, le=RUN_MESSAGES_MAX)] = RUN_MESSAGES_MAX,
    ) -> Response[bytes]:
        signed = await _as_signed(request)
        return _response(await door.pull(request=signed, city=city, after=after, limit=limit))

    # The body is bounded by `_as_signed`; the framework's own limit is lower and would answer unsigned.
    handlers = [
        push_runs,
        pull_runs,
        *([_label_route(door, labels)] if labels is not None else []),
        *([_courier_route(door, cards)] if cards is not None else []),
    ]
    return Router(path="/link/v1", route_handlers=handlers, request_max_body_size=None)


def _label_route(door: LinkDoor, labels: LabelMaker) -> Any:
    @get("/labels", summary="The label of one of the peer's own orders", tags=["link"])
    async def pull_label(
        request: Web,
        city: Annotated[int, Parameter(ge=0, le=CITY_MAX)],
        order: Annotated[str, Parameter(min_length=4, max_length=64, pattern=r"^[a-z]{2,4}_[a-z2-7]+$")],
        profile: Annotated[LabelProfile, Parameter()] = "opaque",
        size: Annotated[LabelSize, Parameter()] = "100x180",
    ) -> Response[bytes]:
        async def answer(peer: str) -> LabelAnswer:
            return await labels.label(peer=peer, city=city, order=order, profile=profile, size=size)

        return _response(await door.answered(request=await _as_signed(request), answer=answer))

    return pull_label


def _courier_route(door: LinkDoor, cards: CardKeeper) -> Any:
    @get("/couriers", summary="Who brings one of the peer's own orders", tags=["link"])
    async def pull_courier(
        request: Web,
        city: Annotated[int, Parameter(ge=0, le=CITY_MAX)],
        order: Annotated[str, Parameter(min_length=4, max_length=64, pattern=_REFERENCE)],
        courier: Annotated[str, Parameter(min_length=4, max_length=64, pattern=_REFERENCE)],
    ) -> Response[bytes]:
        async def answer(peer: str) -> CardAnswer:
            return await door.card(cards=cards, peer=peer, city=city, order=order, courier=courier)

        return _response(await door.answered(request=await _as_signed(request), answer=answer))

    return pull_courier
