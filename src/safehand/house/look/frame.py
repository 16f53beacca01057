"""What all pages share: language, look, headers that let nothing foreign in. A house adds its own templates."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, StrictUndefined
from litestar import Request, Response, get
from litestar.datastructures import Cookie

from safehand.house.look.sheet import sheet
from safehand.house.problems import language_of as first_language
from safehand.kernel.outcome import Language

Web = Request[Any, Any, Any]
HTML: Final = "text/html; charset=utf-8"
LANGUAGE_COOKIE: Final = "lang"
LANGUAGE_KEPT_SECONDS: Final = 365 * 24 * 3600
ICON: Final = "/icon.svg"
FOLDER: Final = Path(__file__).parent / "templates"


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


def environment(folder: Path) -> Environment:
    """The templates of a folder, over those of the look: `{% extends 'look/page.html' %}`, `{% import 'look/form.html' … %}`."""
    return Environment(
        loader=ChoiceLoader([FileSystemLoader(folder), FileSystemLoader(FOLDER)]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


def style_route() -> Any:
    """The Litestar handler of the style sheet; it may be kept for ever, since its name changes with its content."""
    made = sheet()
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "vary": "accept-encoding",
        "x-content-type-options": "nosniff",
    }

    async def style(request: Web) -> Response[bytes]:
        packs = takes_gzip(request.headers.get("accept-encoding", ""))
        return Response(
            content=made.packed if packs else made.plain,
            media_type="text/css; charset=utf-8",
            headers=headers | ({"content-encoding": "gzip"} if packs else {}),
        )

    return get(made.address, include_in_schema=False)(style)


def icon_route() -> Any:
    """The Litestar handler of the small picture in a browser's tab, which every browser asks for."""
    headers = {"cache-control": "public, max-age=86400", "x-content-type-options": "nosniff"}
    picture = (Path(__file__).parent / "icon.svg").read_bytes()

    async def icon() -> Response[bytes]:
        return Response(content=picture, media_type="image/svg+xml", headers=headers)

    return get(ICON, include_in_schema=False)(icon)


def takes_gzip(header: str) -> bool:
    """Whether `Accept-Encoding` names gzip and does not refuse it (RFC 9110 §12.5.3)."""
    for part in header.lower().split(","):
        name, _, weight = part.partition(";")
        if name.strip() in ("gzip", "*"):
            return weight.replace(" ", "").rstrip("0") not in ("q=", "q=0.")
    return False


class Frame:
    """Renders a house's pages.

    `templates`: the house's own; `moment` writes a moment in a language; `address` is the house's public one; `leads_to`:
    origins (`https://host`) beside its own to which a form may lead; `live` hides what belongs to rehearsals.
    """

    def __init__(
        self,
        *,
        templates: Path,
        moment: Callable[[datetime, Language], str],
        address: str,
        live: bool,
        leads_to: Sequence[str] = (),
    ) -> None:
        parts = urlsplit(address)
        self.origin = f"{parts.scheme}://{parts.netloc}"
        self.secure = parts.scheme == "https"
        self.live = live
        self._moment = moment
        self._templates = environment(templates)
        self._style = sheet().address
        # A redirect after a posted form counts as its target (CSP 3, form-action).
        targets = " ".join(["'self'", *leads_to])
        self._headers = {
            "content-security-policy": f"default-src 'none'; style-src 'self'; img-src 'self'; form-action {targets};"
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

    def page(
        self,
        *,
        request: Web,
        template: str,
        status: int = 200,
        faults: Mapping[str, str] | None = None,
        cookies: Sequence[Cookie] = (),
        **values: Any,
    ) -> Response[bytes]:
        """A page from a template, in the visitor's language. `faults`: field -> what is wrong with it, in that language."""
        language = language_of(request)

        def said(zh: str, en: str) -> str:
            return zh if language == "zh" else en

        def moment(at: datetime) -> str:
            return self._moment(at, language)

        text = self._templates.get_template(template).render(
            lang="zh-CN" if language == "zh" else "en",
            other="en" if language == "zh" else "zh",
            # Another language can be had only where a plain visit leads to this page again.
            turns=request.method == "GET",
            said=said,
            moment=moment,
            style=self._style,
            icon=ICON,
            live=self.live,
            faults=dict(faults or {}),
            **values,
        )
        chosen = request.query_params.get("lang") in ("zh", "en")
        kept = [self.cookie(LANGUAGE_COOKIE, language, seconds=LANGUAGE_KEPT_SECONDS)] if chosen else []
        return Response(
            content=text.encode(),
            status_code=status,
            media_type=HTML,
            headers=self._headers,
            cookies=[*kept, *cookies],
        )

    def picture(self, data: bytes) -> Response[bytes]:
        """A JPEG that is for its owner alone: shown within a page, kept nowhere."""
        headers = self._headers
        return Response(content=data, media_type="image/jpeg", headers=headers)

    def download(self, data: bytes, *, media_type: str, name: str) -> Response[bytes]:
        """A file for its owner alone, offered to be saved as `name` (letters, digits, `-`, `.`)."""
        headers = self._headers | {"content-disposition": f'attachment; filename="{name}"'}
        return Response(content=data, status_code=200, media_type=media_type, headers=headers)

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
