"""What all pages share: language, look, headers that let nothing foreign in, and the page of a refusal."""

import hashlib
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response
from litestar.datastructures import Cookie

from safehand.authority.notices.wording import moment_words
from safehand.house.problems import language_of as first_language
from safehand.kernel.outcome import Language, Refusal, sentence, status_of, way_out

Web = Request[Any, Any, Any]
HTML: Final = "text/html; charset=utf-8"
LANGUAGE_COOKIE: Final = "lang"
LANGUAGE_KEPT_SECONDS: Final = 365 * 24 * 3600
_FOLDER: Final = Path(__file__).parent / "templates"
STYLE: Final = (_FOLDER / "portal.css").read_bytes()
STYLE_ADDRESS: Final = f"/portal-{hashlib.sha256(STYLE).hexdigest()[:12]}.css"
"""The name changes with the content, so it may be kept for ever."""


def language_of(request: Web) -> Language:
    """`?lang=`, else what was chosen before, else the browser's wish, else Chinese."""
    for asked in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if asked == "en":
            return "en"
        if asked == "zh":
            return "zh"
    return first_language(request.headers.get("accept-language", "") or "zh")


def wants_page(request: Web) -> bool:
    """Whether a person's browser asks; programs get problem documents."""
    return "text/html" in request.headers.get("accept", "")


class Frame:
    """Renders pages. `pays_at`: the origin of the payment service, to which the pay button may lead."""

    def __init__(self, *, address: str, pays_at: str, live: bool) -> None:
        parts = urlsplit(address)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.secure = parts.scheme == "https"
        self._live = live
        self._templates = Environment(
            loader=FileSystemLoader(_FOLDER),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        payer = urlsplit(pays_at)
        # A redirect after a posted form counts as its target (CSP 3, form-action).
        targets = " ".join(["'self'", *([f"{payer.scheme}://{payer.netloc}"] if payer.netloc else [])])
        self._headers = {
            "content-security-policy": f"default-src 'none'; style-src 'self'; form-action {targets};"
            " frame-ancestors 'none'; base-uri 'none'",
            "x-content-type-options": "nosniff",
            "x-frame-options": "DENY",
            # Not `no-referrer`: with it browsers send no Origin with forms, which tells where a form came from.
            "referrer-policy": "same-origin",
            "cross-origin-opener-policy": "same-origin",
            "permissions-policy": "camera=(), geolocation=(), microphone=()",
            "cache-control": "no-store",
            "vary": "accept-language, cookie",
        }
        if self.secure:
            self._headers["strict-transport-security"] = "max-age=31536000"

    def page(self, *, request: Web, template: str, status: int = 200, **values: Any) -> Response[bytes]:
        """A page from a template, in the visitor's language."""
        language = language_of(request)

        def said(zh: str, en: str) -> str:
            return zh if language == "zh" else en

        def moment(at: datetime) -> str:
            return moment_words(at, language)

        text = self._templates.get_template(template).render(
            lang="zh-CN" if language == "zh" else "en",
            other="en" if language == "zh" else "zh",
            # Another language can be had only where a plain visit leads to this page again.
            turns=request.method == "GET",
            said=said,
            moment=moment,
            style=STYLE_ADDRESS,
            live=self._live,
            **values,
        )
        chosen = request.query_params.get("lang") in ("zh", "en")
        cookies = [self.cookie(LANGUAGE_COOKIE, language, seconds=LANGUAGE_KEPT_SECONDS)] if chosen else []
        return Response(
            content=text.encode(), status_code=status, media_type=HTML, headers=self._headers, cookies=cookies
        )

    def problem(self, *, request: Web, refusal: Refusal) -> Response[bytes]:
        """The page of a refusal: what is wrong and the way out. It names no address, so it betrays none."""
        language = language_of(request)
        return self.page(
            request=request,
            template="problem.html",
            status=status_of(refusal),
            sentence=sentence(refusal, language),
            way_out=way_out(refusal, language),
            code=refusal.code,
        )

    def redirect(self, address: str, *, cookies: Sequence[Cookie] = ()) -> Response[bytes]:
        """A 303: the browser fetches `address` with GET (RFC 9110 §15.4.4)."""
        return Response(
            content=b"",
            status_code=303,
            media_type=HTML,
            headers=self._headers | {"location": address},
            cookies=list(cookies),
        )

    def cookie(self, key: str, value: str, *, seconds: int, path: str = "/") -> Cookie:
        """A cookie that no script reads and no foreign form sends; `seconds` 0 ends it."""
        return Cookie(
            key=key,
            value=value,
            max_age=seconds,
            path=path,
            httponly=True,
            samesite="lax",
            secure=self.secure,
        )
