"""The front door over HTTP: one address per action, its batch form, worklists, sign-in for staff, and errors."""

import logging
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any

import msgspec
from litestar import Litestar, Request, Response, Router, get, post
from litestar.exceptions import (
    ClientException,
    HTTPException,
    MethodNotAllowedException,
    NotFoundException,
    ValidationException,
)
from litestar.openapi.config import OpenAPIConfig
from litestar.openapi.spec import Components, SecurityScheme
from litestar.params import Parameter

from safehand.house.front import Action, Front
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
from safehand.house.sessions import Account, Session, Sessions, secret_fits
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal, define
from safehand.kernel.shell import FAILED, Done
from safehand.kernel.store import Unavailable
from safehand.kernel.store_postgres import PostgresStore

BODY_BYTES_MAX = 256 * 1024
BATCH_ITEMS_MAX = 2_000
WORKLIST_MAX = 2_000
QUEUE = re.compile(r"[a-z_]+\.[a-z_]+")
COOKIE = "session"

log = logging.getLogger("safehand.http")

Web = Request[Any, Any, Any]
IdempotencyKey = Annotated[
    str | None, Parameter(header="Idempotency-Key", description="Repeat it to repeat safely.")
]

SIGN_IN_FAILED = define(
    code="session.sign_in_failed",
    en="This login and password do not fit.",
    zh="登录名或密码不正确。",
    way_out_en="Check both; after several failures wait a few minutes, or ask your manager for a new password.",
    way_out_zh="请核对后重试；多次失败请等待几分钟，或向主管申请新密码。",
    owner="house",
    status=401,
)


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
    item: Any
    """The action's own request, read by the action."""


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


async def session_of(*, request: Web, sessions: Sessions) -> Session | None:
    """The caller's session by bearer token or cookie."""
    bearer = request.headers.get("authorization", "")
    token = bearer[7:] if bearer.startswith("Bearer ") else request.cookies.get(COOKIE, "")
    return await sessions.find(token=token) if token else None


def problem_response(*, refusal: Refusal, request: Web) -> Response[Any]:
    """A refusal as a problem document in the caller's language."""
    problem = problem_of(refusal, language_of(request.headers.get("accept-language", "")))
    return Response(content=problem, status_code=problem.status, media_type=MEDIA_TYPE)


def action_routes(*, front: Front, sessions: Sessions) -> list[Any]:
    """`POST /v1/step/verb` and `POST /v1/step/verb/batch` for every action."""
    return [
        route
        for action in front.actions.values()
        for route in (_single(action, front, sessions), _batch(action, front, sessions))
    ]


def _single(action: Action, front: Front, sessions: Sessions) -> Any:
    async def handle(request: Web, data: Any, idempotency_key: IdempotencyKey = None) -> Response[Any]:
        session = await session_of(request=request, sessions=sessions)
        if session is None:
            return problem_response(refusal=SIGN_IN(), request=request)
        outcome = await front.call(name=action.name, session=session, item=data, key=idempotency_key)
        if isinstance(outcome, Refusal):
            return problem_response(refusal=outcome, request=request)
        return Response(content=front.answer(name=action.name, done=outcome), status_code=200)

    handle.__annotations__["data"] = action.asks
    return _posted(handle, action, f"/{action.name.replace('.', '/')}", action.summary)


def _batch(action: Action, front: Front, sessions: Sessions) -> Any:
    async def handle(request: Web, data: Batch) -> Response[Any]:
        session = await session_of(request=request, sessions=sessions)
        if session is None:
            return problem_response(refusal=SIGN_IN(), request=request)
        if len(data.items) > BATCH_ITEMS_MAX:
            return problem_response(refusal=TOO_LARGE(), request=request)
        items = [(one.key, front.read(name=action.name, body=one.item)) for one in data.items]
        outcomes = await front.call_all(name=action.name, session=session, items=items)
        language = language_of(request.headers.get("accept-language", ""))
        shown = [_outcome(front, action.name, outcome, language) for outcome in outcomes]
        return Response(content={"outcomes": shown}, status_code=200)

    return _posted(
        handle, action, f"/{action.name.replace('.', '/')}/batch", f"{action.summary} (many at once)"
    )


def _outcome(front: Front, name: str, outcome: Done | Refusal, language: Any) -> BatchOutcome:
    if isinstance(outcome, Refusal):
        return BatchOutcome(problem=problem_of(outcome, language))
    return BatchOutcome(done=front.answer(name=name, done=outcome))


def _posted(handle: Callable[..., Any], action: Action, path: str, summary: str) -> Any:
    handle.__name__ = path.strip("/").replace("/", "_").replace("-", "_")
    return post(
        path,
        status_code=200,
        summary=summary,
        description=f"Roles: {', '.join(sorted(action.roles))}.",
        tags=[action.name.split(".")[0]],
        operation_id=handle.__name__,
    )(handle)


def staff_routes(*, store: PostgresStore, sessions: Sessions, accounts: dict[str, Account]) -> list[Any]:
    """Sign-in and sign-out for staff, and their worklists."""

    @post("/sessions", status_code=200, summary="Sign in as staff", tags=["sessions"])
    async def sign_in(request: Web, data: SignIn) -> Response[Any]:
        account = accounts.get(data.login)
        # An unknown login costs the same time as a wrong password.
        secret = account.secret if account is not None else "scrypt:00:00"
        if not secret_fits(secret=secret, password=data.password) or account is None:
            return problem_response(refusal=SIGN_IN_FAILED(), request=request)
        session = Session(
            actor=account.actor,
            roles=frozenset(account.roles),
            cities=tuple(account.cities),
            office=account.office,
        )
        token = await sessions.open(
            session=session, basis=f"{account.actor}:{request.headers.get('date', '')}"
        )
        return Response(content=SignedIn(token=token, roles=sorted(account.roles)), status_code=200)

    @post("/sessions/end", status_code=200, summary="Sign out", tags=["sessions"])
    async def sign_out(request: Web) -> dict[str, bool]:
        bearer = request.headers.get("authorization", "")
        await sessions.end(
            token=bearer[7:] if bearer.startswith("Bearer ") else request.cookies.get(COOKIE, "")
        )
        return {"ended": True}

    @get("/worklists/{queue:str}", summary="What waits for your role", tags=["worklists"])
    async def worklist(
        request: Web,
        queue: str,
        city: int | None = None,
        narrowed: str | None = None,
        limit: int = 100,
        states: bool = False,
    ) -> Response[Any]:
        session = await session_of(request=request, sessions=sessions)
        if session is None:
            return problem_response(refusal=SIGN_IN(), request=request)
        if not QUEUE.fullmatch(queue):
            return problem_response(refusal=NOT_FOUND(), request=request)
        cities = [city] if city is not None else list(session.cities)
        if session.cities and not set(cities) <= set(session.cities):
            return problem_response(refusal=NOT_ALLOWED(), request=request)
        lines = await worklist_lines(
            store=store, queue=queue, cities=cities or None, narrowed=narrowed, limit=limit, states=states
        )
        mine = [line for line in lines if line.owner in session.roles or "authority_manager" in session.roles]
        return Response(content={"lines": mine})

    return [sign_in, sign_out, worklist]


async def worklist_lines(
    *,
    store: PostgresStore,
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
        Line(
            city=row.city,
            stream=row.stream,
            since=row.since.isoformat(),
            due_at=row.due_at.isoformat() if row.due_at is not None else None,
            owner=row.owner,
            narrowed=row.narrowed,
            state=msgspec.Raw(stream.state)
            if (stream := found.get(StreamKey(row.city, row.stream))) is not None
            else None,
        )
        for row in rows
    ]


def make_app(
    *,
    title: str,
    v1: Sequence[Any],
    others: Sequence[Any],
    start: Callable[[], Any],
    stop: Callable[[], Any],
) -> Litestar:
    """The house's web application: API under /v1, its description under /schema, errors as problem documents."""
    return Litestar(
        route_handlers=[Router(path="/v1", route_handlers=list(v1)), *others],
        exception_handlers={
            HTTPException: _http_problem,
            Unavailable: lambda request, _: problem_response(refusal=UNAVAILABLE(), request=request),
            msgspec.DecodeError: lambda request, error: problem_response(
                refusal=invalid(str(error)), request=request
            ),
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
            components=Components(
                security_schemes={"session": SecurityScheme(type="http", scheme="bearer")},
            ),
        ),
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
    return problem_response(refusal=refusal, request=request)


def _field(one: Any) -> str:
    if isinstance(one, dict):
        return f"{one.get('key', '')}: {one.get('message', '')}".strip(": ")
    return str(one)


def _bug(request: Web, error: Exception) -> Response[Any]:
    log.error("request_failed", exc_info=error, extra={"path": request.url.path})
    return problem_response(refusal=FAILED(), request=request)
