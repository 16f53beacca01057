"""What every sandbox service answers alike: strict JSON in, problem documents out, the sandbox mark on all of it."""

import hmac
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Litestar, Request, Response, get, post
from litestar.datastructures import State
from litestar.exceptions import HTTPException
from litestar.handlers import HTTPRouteHandler
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from safehand.kernel.clock import Clock, SetClock
from safehand.kernel.outcome import Language, Refusal, sentence, status_of, way_out
from safehand.sandbox import refusals

T = TypeVar("T")
AnyRequest = Request[Any, Any, State]
Handler = Callable[..., Any]

SANDBOX_MARK: Final = (b"safehand-sandbox", b"true")
"""On every answer, so that a house in live mode can refuse to work with a service which only plays."""
BATCH_ITEMS_MAX: Final = 500
BODY_BYTES_MAX: Final = 1_000_000
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"
FORM: Final = "application/x-www-form-urlencoded"
PROBLEM_TEXT_MAX: Final = 300

_logger = logging.getLogger("safehand.sandbox")
_templates = Environment(
    loader=FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_style = (Path(__file__).parent / "templates" / "style.css").read_bytes()


class Refused(Exception):
    """Carries a refusal out of a handler; the app turns it into a problem document or, for people, a page."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal.code)
        self.refusal = refusal


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """An RFC 9457 problem document: `code` is stable; the sentences are for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    way_out: str
    detail_zh: str
    way_out_zh: str
    facts: dict[str, str | int]


class ClockMove(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Asks a rehearsal's clock to move on to `now` (aware; an earlier moment leaves it where it is)."""

    now: datetime


def problem_of(refusal: Refusal) -> Problem:
    """The problem document of a refusal."""
    detail = sentence(refusal, "en")
    return Problem(
        type=f"urn:safehand:problem:{refusal.code}",
        title=refusal.code.rpartition(".")[2].replace("_", " "),
        status=status_of(refusal),
        detail=detail,
        code=refusal.code,
        way_out=way_out(refusal, "en"),
        detail_zh=sentence(refusal, "zh"),
        way_out_zh=way_out(refusal, "zh"),
        facts=refusal.facts,
    )


def json_answer(body: object, *, status: int = 200, headers: dict[str, str] | None = None) -> Response[bytes]:
    """A JSON answer with this status."""
    return Response(
        content=msgspec.json.encode(body), media_type=JSON, status_code=status, headers=headers or {}
    )


def redirect(address: str) -> Response[bytes]:
    """A 303: the browser fetches `address` with GET (RFC 9110 §15.4.4)."""
    return Response(content=b"", status_code=303, headers={"location": address}, media_type="text/plain")


def value_of(outcome: T | Refusal) -> T:
    """The value of an outcome. Raises `Refused` for a refusal."""
    if isinstance(outcome, Refusal):
        raise Refused(outcome)
    return outcome


async def json_of(request: AnyRequest, shape: type[T]) -> T:
    """The request's body as `shape`, strictly. Raises `Refused` for another media type, broken JSON or shape."""
    _require_media_type(request, JSON)
    body = await request.body()
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.ValidationError as defect:
        raise Refused(refusals.WRONG_SHAPE(problem=str(defect)[:PROBLEM_TEXT_MAX])) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as defect:
        raise Refused(refusals.NOT_JSON(problem=str(defect)[:PROBLEM_TEXT_MAX])) from None


async def form_of(request: AnyRequest) -> dict[str, str]:
    """The fields of a posted form; a field given twice is refused (RFC 6749 §3.1). Raises `Refused`."""
    _require_media_type(request, FORM)
    fields: dict[str, str] = {}
    for name, value in (await request.form()).multi_items():
        if not isinstance(value, str) or name in fields:
            raise Refused(refusals.WRONG_SHAPE(problem=f"field {name[:40]!r} is given twice or is no text"))
        fields[name] = value
    return fields


def _require_media_type(request: AnyRequest, wanted: str) -> None:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given != wanted:
        raise Refused(refusals.WRONG_MEDIA_TYPE(wanted=wanted))


def require_token(request: AnyRequest, token: str) -> None:
    """Let only the holder of the service's token pass (RFC 6750). Raises `Refused`."""
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), token.encode()):
        raise Refused(refusals.NOT_AUTHORISED())


def whole_number_of(request: AnyRequest, name: str, *, default: int, least: int, most: int) -> int:
    """A whole number from the query, within limits. Raises `Refused`."""
    text = request.query_params.get(name)
    if text is None:
        return default
    if not (text.isascii() and text.isdigit() and len(text) <= 18 and least <= int(text) <= most):
        raise Refused(refusals.WRONG_QUERY(parameter=name, problem=f"a whole number from {least} to {most}"))
    return int(text)


def language_of(request: AnyRequest) -> Language:
    """The language of a page: `?lang=`, else the browser's wish, else Chinese."""
    asked = request.query_params.get("lang")
    if asked == "en":
        return "en"
    if asked == "zh":
        return "zh"
    wish = request.headers.get("accept-language", "").strip().lower()
    return "en" if wish.startswith("en") else "zh"


def page(
    template: str, *, language: Language, status: int = 200, other_language: str = "", **values: object
) -> Response[bytes]:
    """A page from a template; `other_language` is the address of the same page in the other language."""
    text = _templates.get_template(template).render(
        lang=language, zh=language == "zh", other_language=other_language, **values
    )
    return Response(content=text.encode(), media_type="text/html; charset=utf-8", status_code=status)


def build_app(
    *,
    name: str,
    handlers: Sequence[HTTPRouteHandler],
    clock: Clock,
    form_targets: Sequence[str] = (),
) -> ASGIApp:
    """The service's ASGI app: its handlers, `/health`, `/v1/clock`, `/style.css`, problem documents, the sandbox mark.

    `form_targets`: origins beside its own that a posted form may lead to (the redirect after it counts, CSP 3).
    """

    async def health(request: AnyRequest) -> Response[bytes]:
        return json_answer({"service": name, "sandbox": True, "ready": True, "now": clock.now()})

    async def style(request: AnyRequest) -> Response[bytes]:
        return Response(content=_style, media_type="text/css; charset=utf-8")

    async def move_clock(request: AnyRequest) -> Response[bytes]:
        move = await json_of(request, ClockMove)
        if not isinstance(clock, SetClock):
            raise Refused(refusals.CLOCK_NOT_SETTABLE())
        if move.now.tzinfo is None:
            raise Refused(refusals.WRONG_SHAPE(problem="now needs a time zone, like 2024-05-06T01:00:00Z"))
        clock.move_to(move.now)
        return json_answer({"now": clock.now()})

    app = Litestar(
        [*handlers, get("/health")(health), get("/style.css")(style), post("/v1/clock")(move_clock)],
        exception_handlers={Refused: _refused, HTTPException: _http_error, Exception: _fault},
        request_max_body_size=BODY_BYTES_MAX,
        openapi_config=None,
        logging_config=None,
    )
    return _marked(app, form_targets=form_targets)


def _marked(app: ASGIApp, *, form_targets: Sequence[str]) -> ASGIApp:
    targets = " ".join(["'self'", *form_targets])
    policy = f"default-src 'none'; style-src 'self'; form-action {targets}; frame-ancestors 'none'; base-uri 'none'"
    headers = [
        SANDBOX_MARK,
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"referrer-policy", b"no-referrer"),
        (b"cache-control", b"no-store"),
    ]

    async def marked(scope: Scope, receive: Receive, send: Send) -> None:
        async def send_marked(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *headers]
            await send(message)

        await app(scope, receive, send_marked)

    return marked


def _answer(
    request: AnyRequest, refusal: Refusal, *, headers: dict[str, str] | None = None
) -> Response[bytes]:
    if "text/html" in request.headers.get("accept", ""):
        language = language_of(request)
        return page(
            "refusal.html",
            language=language,
            status=status_of(refusal),
            sentence=sentence(refusal, language),
            way_out=way_out(refusal, language),
            code=refusal.code,
        )
    return Response(
        content=msgspec.json.encode(problem_of(refusal)),
        media_type=PROBLEM,
        status_code=status_of(refusal),
        headers=headers or {},
    )


def _refused(request: AnyRequest, refused: Refused) -> Response[bytes]:
    headers = {"www-authenticate": "Bearer"} if status_of(refused.refusal) == 401 else None
    return _answer(request, refused.refusal, headers=headers)


def _http_error(request: AnyRequest, error: HTTPException) -> Response[bytes]:
    headers = {name: value for name, value in (error.headers or {}).items() if name.lower() == "allow"}
    match error.status_code:
        case 404:
            refusal = refusals.NO_SUCH_ADDRESS()
        case 405:
            refusal = refusals.METHOD_NOT_ALLOWED()
        case 413:
            refusal = refusals.BODY_TOO_LARGE()
        case status if status < 500:
            refusal = refusals.NOT_JSON(problem=str(error.detail)[:PROBLEM_TEXT_MAX])
        case _:
            return _fault(request, error)
    return _answer(request, refusal, headers=headers)


def _fault(request: AnyRequest, error: Exception) -> Response[bytes]:
    # The type alone: messages of exceptions may quote personal data.
    _logger.error(
        "sandbox.fault %s", type(error).__name__, exc_info=(type(error), type(error)(), error.__traceback__)
    )
    return _answer(request, refusals.FAULT())
