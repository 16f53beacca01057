"""The front door over HTTP: one address per action, its batch form, worklists, sign-in for staff, and errors.

Nothing is read of a request before it is known who sends it: no session, no role, no body. Every route under /v1 says
in its `opt` who may call it (`roles`); one that does not say so stops the house from starting.
"""

import logging
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Litestar, Request, Response, Router, get, post
from litestar.connection import ASGIConnection
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.handlers import BaseRouteHandler
from litestar.openapi.config import OpenAPIConfig
from litestar.params import Parameter, PathParameter

from safehand.house.description import described_by
from safehand.house.front import Action, Front, decoded
from safehand.house.problems import (
    MEDIA,
    MEDIA_TYPE,
    METHOD,
    NOT_ALLOWED,
    NOT_FOUND,
    SIGN_IN,
    TOO_LARGE,
    TOO_MANY,
    UNAVAILABLE,
    Problem,
    invalid,
    language_of,
    problem_of,
)
from safehand.house.sessions import Session, Sessions
from safehand.house.staff_sign_in import StaffSignIn, address_of
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Language, Refusal
from safehand.kernel.shell import FAILED, Done
from safehand.kernel.store import HouseStore, Unavailable, WorkRow

BODY_BYTES_MAX = 256 * 1024
BATCH_BYTES_MAX = 4 * 1024 * 1024
BATCH_ITEMS_MAX = 2_000
WORKLIST_MAX = 2_000
QUEUE = re.compile(r"[a-z_]{1,60}\.[a-z_]{1,60}")
COOKIE = "session"
APPLICANT = "applicant"
MANAGERS = frozenset({"authority_manager", "postal_manager"})
ANYONE = "anyone"
"""`opt["roles"]` of the one route that needs no session: signing in."""
SIGNED_IN = "signed_in"
"""`opt["roles"]` of routes for everybody who has a session, whatever the role."""
HEADERS = {"cache-control": "no-store", "x-content-type-options": "nosniff"}

log = logging.getLogger("safehand.http")

Web = Request[Any, Any, Any]
Shape = TypeVar("Shape")


class RequestRefused(Exception):
    """Ends a request with a refusal, from wherever it is found out."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class SignIn(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A staff member's login."""

    login: Annotated[str, msgspec.Meta(max_length=100)]
    password: Annotated[str, msgspec.Meta(max_length=200)]


class SignedIn(msgspec.Struct, frozen=True, kw_only=True):
    """The token to send as `Authorization: Bearer …`, and the roles it carries."""

    token: str
    roles: list[str]


class BatchItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One item of a batch with its own idempotency key."""

    key: str
    item: msgspec.Raw


class Batch(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Many of the same action at once: one transaction, an outcome for each."""

    items: list[BatchItem]


class BatchOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one item: what was done, or the problem."""

    done: Any = None
    problem: Problem | None = None


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of a worklist, with the stream's state if it was asked for."""

    city: int
    stream: str
    since: str
    due_at: str | None
    owner: str | None
    narrowed: str
    state: msgspec.Raw | None = None


class Outcomes(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome for each item of a batch, in order."""

    outcomes: list[BatchOutcome]


class Lines(msgspec.Struct, frozen=True, kw_only=True):
    """A worklist."""

    lines: list[Line]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """The session opens nothing any more."""

    ended: bool


async def session_of(*, request: ASGIConnection[Any, Any, Any, Any], sessions: Sessions) -> Session | None:
    """The caller's session by bearer token or cookie."""
    token = _token(request)
    return await sessions.find(token=token) if token else None


def _token(request: ASGIConnection[Any, Any, Any, Any]) -> str:
    bearer = request.headers.get("authorization", "")
    return bearer[7:] if bearer.startswith("Bearer ") else request.cookies.get(COOKIE, "")


def problem_response(*, refusal: Refusal, request: Web) -> Response[Any]:
    """A refusal as a problem document in the caller's language; for a browser as a page, if the house has pages."""
    page = request.app.state.get("problem_page")
    shown = page(request, refusal) if page is not None else None
    if shown is not None:
        return shown
    language = language_of(request.headers.get("accept-language", ""))
    problem = problem_of(refusal, language)
    return Response(
        content=problem,
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers={**HEADERS, "content-language": language, "vary": "accept-language"},
    )


async def body_of(*, request: Web, shape: type[Shape]) -> Shape:
    """The request's JSON body. Raises `RequestRefused` when it is something else, too large, or of another shape."""
    answer = decoded(body=await _json(request), decoder=msgspec.json.Decoder(shape))
    if isinstance(answer, Refusal):
        raise RequestRefused(answer)
    return answer


async def _json(request: Web) -> bytes:
    # Only this media type: a page of another site can make a browser send others, with the cookie, unasked.
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != "application/json":
        raise RequestRefused(MEDIA())
    return await request.body()


def admission(*, sessions: Sessions) -> Callable[[ASGIConnection[Any, Any, Any, Any], BaseRouteHandler], Any]:
    """The guard of everything under /v1: who asks, and whether the route names a role of theirs."""

    async def admit(connection: ASGIConnection[Any, Any, Any, Any], handler: BaseRouteHandler) -> None:
        roles = handler.opt["roles"]
        if roles == ANYONE:
            return
        session = await session_of(request=connection, sessions=sessions)
        if session is None:
            raise RequestRefused(SIGN_IN())
        if roles != SIGNED_IN and not roles & session.roles:
            raise RequestRefused(NOT_ALLOWED())
        connection.state.session = session

    return admit


def action_routes(*, front: Front) -> list[Any]:
    """`POST /v1/step/verb` and `POST /v1/step/verb/batch` for every action."""
    return [
        route
        for action in front.actions.values()
        for route in (_single(action, front), _batch(action, front))
    ]


def _single(action: Action, front: Front) -> Any:
    async def handle(request: Web) -> Response[Any]:
        item = front.read(name=action.name, body=await _json(request))
        key = request.headers.get("idempotency-key")
        outcome = await front.call(name=action.name, session=request.state.session, item=item, key=key)
        if isinstance(outcome, Refusal):
            return problem_response(refusal=outcome, request=request)
        return Response(content=front.answer(name=action.name, done=outcome), status_code=200)

    opt = {"roles": action.roles, "asks": action.asks, "shows": action.shows, "keyed": True}
    return _posted(handle, action, f"/{action.name.replace('.', '/')}", action.summary, opt, BODY_BYTES_MAX)


def _batch(action: Action, front: Front) -> Any:
    async def handle(request: Web) -> Response[Any]:
        batch = await body_of(request=request, shape=Batch)
        if len(batch.items) > BATCH_ITEMS_MAX:
            return problem_response(refusal=TOO_LARGE(), request=request)
        items = [(one.key, front.read(name=action.name, body=bytes(one.item))) for one in batch.items]
        outcomes = await front.call_all(name=action.name, session=request.state.session, items=items)
        language = language_of(request.headers.get("accept-language", ""))
        shown = [_outcome(front, action.name, outcome, language) for outcome in outcomes]
        return Response(content={"outcomes": shown}, status_code=200)

    path = f"/{action.name.replace('.', '/')}/batch"
    opt = {"roles": action.roles, "asks": Batch, "item": action.asks, "shows": Outcomes}
    return _posted(handle, action, path, f"{action.summary} (many at once)", opt, BATCH_BYTES_MAX)


def _outcome(front: Front, name: str, outcome: Done | Refusal, language: Language) -> BatchOutcome:
    if isinstance(outcome, Refusal):
        return BatchOutcome(problem=problem_of(outcome, language))
    return BatchOutcome(done=front.answer(name=name, done=outcome))


def _posted(
    handle: Callable[..., Any],
    action: Action,
    path: str,
    summary: str,
    opt: Mapping[str, Any],
    body_bytes_max: int,
) -> Any:
    name = path.strip("/").replace("/", "_").replace("-", "_")
    setattr(handle, "__name__", name)  # noqa: B010 - not every callable has a name; functions do
    return post(
        path,
        status_code=200,
        summary=summary,
        description=f"Roles: {', '.join(sorted(action.roles))}.",
        tags=[action.name.split(".")[0]],
        operation_id=name,
        request_max_body_size=body_bytes_max,
        opt=opt,
    )(handle)


def staff_routes(
    *,
    front: Front,
    store: HouseStore,
    sessions: Sessions,
    signing_in: StaffSignIn,
) -> list[Any]:
    """Sign-in and sign-out for staff, and their worklists."""
    staff = frozenset({role for action in front.actions.values() for role in action.roles} - {APPLICANT})

    @post(
        "/sessions/end",
        status_code=200,
        summary="Sign out",
        tags=["sessions"],
        opt={"roles": SIGNED_IN, "shows": Ended},
    )
    async def sign_out(request: Web) -> Response[Any]:
        await sessions.end(token=_token(request))
        return Response(content=Ended(ended=True), status_code=200)

    @get(
        "/worklists/{queue:str}",
        summary="What waits for your role",
        tags=["worklists"],
        opt={"roles": staff, "shows": Lines},
    )
    async def worklist(
        request: Web,
        queue: Annotated[str, PathParameter()],
        city: Annotated[int | None, Parameter(ge=110000, le=829999)] = None,
        narrowed: Annotated[str | None, Parameter(max_length=100)] = None,
        limit: Annotated[int, Parameter(ge=1, le=WORKLIST_MAX)] = 100,
        states: Annotated[
            bool, Parameter(description="Also how each stands: no personal data is in it.")
        ] = False,
    ) -> Response[Any]:
        session: Session = request.state.session
        if not QUEUE.fullmatch(queue) or not (narrowed or "").isprintable():
            return problem_response(refusal=NOT_FOUND(), request=request)
        cities = [city] if city is not None else list(session.cities)
        if session.cities and not set(cities) <= set(session.cities):
            return problem_response(refusal=NOT_ALLOWED(), request=request)
        lines = await worklist_lines(
            store=store, queue=queue, cities=cities or None, narrowed=narrowed, limit=limit, states=states
        )
        mine = [line for line in lines if line.owner in session.roles or MANAGERS & session.roles]
        return Response(content=Lines(lines=mine))

    return [_sign_in_route(signing_in=signing_in), sign_out, worklist]


def _sign_in_route(*, signing_in: StaffSignIn) -> Any:
    @post(
        "/sessions",
        status_code=200,
        summary="Sign in as staff",
        tags=["sessions"],
        opt={"roles": ANYONE, "asks": SignIn, "shows": SignedIn},
    )
    async def sign_in(request: Web) -> Response[Any]:
        data = await body_of(request=request, shape=SignIn)
        opened = await signing_in.open(
            login=data.login, password=data.password, address=address_of(request=request)
        )
        if isinstance(opened, Refusal):
            return problem_response(refusal=opened, request=request)
        token, account = opened
        return Response(content=SignedIn(token=token, roles=sorted(account.roles)), status_code=200)

    return sign_in


async def worklist_lines(
    *,
    store: HouseStore,
    queue: str,
    cities: Sequence[int] | None,
    narrowed: str | None,
    limit: int,
    states: bool,
    since_before: Any = None,
    limit_max: int = WORKLIST_MAX,
) -> list[Line]:
    """A worklist as it is shown, longest-waiting first."""
    rows = await store.worklist(
        queue=queue,
        cities=cities,
        narrowed=narrowed,
        since_before=since_before,
        limit=max(1, min(limit, limit_max)),
    )
    found = await store.streams(keys=[StreamKey(r.city, r.stream) for r in rows]) if states and rows else {}
    return [
        line_of(
            row, stream.state.decode() if (stream := found.get(StreamKey(row.city, row.stream))) else None
        )
        for row in rows
    ]


def line_of(row: WorkRow, state: str | None) -> Line:
    """A line of a worklist as it is shown."""
    return Line(
        city=row.city,
        stream=row.stream,
        since=row.since.isoformat(),
        due_at=row.due_at.isoformat() if row.due_at is not None else None,
        owner=row.owner,
        narrowed=row.narrowed,
        state=msgspec.Raw(state.encode()) if state is not None else None,
    )


def make_app(
    *,
    title: str,
    v1: Sequence[Any],
    others: Sequence[Any],
    sessions: Sessions,
    start: Callable[[], Any],
    stop: Callable[[], Any],
) -> Litestar:
    """The house's web application: API under /v1, its description under /schema, errors as problem documents.

    Raises `ValueError` when a route under /v1 does not say who may call it.
    """
    _check_roles(v1)
    router = Router(
        path="/v1",
        route_handlers=list(v1),
        guards=[admission(sessions=sessions)],
        response_headers=HEADERS,
    )
    return Litestar(
        route_handlers=[router, *others],
        exception_handlers={
            RequestRefused: lambda request, error: problem_response(refusal=error.refusal, request=request),
            HTTPException: _http_problem,
            Unavailable: lambda request, _: problem_response(refusal=UNAVAILABLE(), request=request),
            Exception: _bug,
        },
        on_startup=[start],
        on_shutdown=[stop],
        request_max_body_size=BODY_BYTES_MAX,
        logging_config=None,
        openapi_config=OpenAPIConfig(
            title=title,
            version="1",
            path="/schema",
            render_plugins=described_by(title=title, handlers=v1, anyone=ANYONE, signed_in=SIGNED_IN),
        ),
    )


def _check_roles(handlers: Sequence[Any]) -> None:
    """Default deny, at start: a route that forgot its roles must not wait for somebody to find it."""
    for handler in handlers:
        roles = handler.opt.get("roles")
        named = isinstance(roles, frozenset) and roles and all(isinstance(role, str) for role in roles)
        if not named and roles not in (ANYONE, SIGNED_IN):
            raise ValueError(
                f"the route {sorted(handler.paths)} does not say who may call it: give it opt={{'roles': frozenset(…)}}"
            )


_BY_STATUS = {
    401: SIGN_IN,
    403: NOT_ALLOWED,
    404: NOT_FOUND,
    405: METHOD,
    413: TOO_LARGE,
    415: MEDIA,
    429: TOO_MANY,
}


def _http_problem(request: Web, error: HTTPException) -> Response[Any]:
    match error:
        case NotFoundException():
            refusal = NOT_FOUND()
        case MethodNotAllowedException():
            refusal = METHOD()
        case ValidationException(extra=extra):
            refusal = invalid("; ".join(_field(one) for one in extra or [])[:300] or error.detail)
        case ClientException() if error.status_code == 400:
            content_type = request.headers.get("content-type", "")
            refusal = MEDIA() if content_type and "json" not in content_type else invalid(error.detail)
        case _:
            kind = _BY_STATUS.get(error.status_code)
            refusal = kind() if kind is not None else invalid(error.detail)
    response = problem_response(refusal=refusal, request=request)
    if isinstance(error, MethodNotAllowedException) and "Allow" in (error.headers or {}):
        response.headers["Allow"] = (error.headers or {})["Allow"]
    return response


def _field(one: Any) -> str:
    if isinstance(one, dict):
        return f"{one.get('key', '')}: {one.get('message', '')}".strip(": ")
    return str(one)


def _bug(request: Web, error: Exception) -> Response[Any]:
    log.error("request_failed", exc_info=error, extra={"path": request.scope.get("path_template", "")})
    return problem_response(refusal=FAILED(), request=request)
