"""Who sends a form, and whether it is one of ours: the applicant's session, and the token that binds a form to it."""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from litestar.datastructures import UploadFile

from safehand.authority.portal.frame import Frame, Web
from safehand.authority.portal.refusals import FORM_NOT_OURS, FORM_NOT_YOURS
from safehand.house.problems import TOO_LARGE
from safehand.house.routes import COOKIE
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.kernel.ids import readable
from safehand.kernel.outcome import Refusal

URL_ENCODED: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
FIELDS_MAX: Final = 40
FIELD_CHARACTERS_MAX: Final = 2_000


@dataclass(frozen=True, kw_only=True)
class Sent:
    """A form of our own that came back: its fields as text, and what was uploaded with it."""

    fields: Mapping[str, str]
    files: Mapping[str, bytes]

    def __getitem__(self, name: str) -> str:
        """A field without the white space around it; empty when it is not there."""
        return self.fields.get(name, "").strip()


class Forms:
    """Opens forms for a session, and takes back only those. `secret` makes the tokens."""

    def __init__(self, *, house: House, frame: Frame, secret: bytes) -> None:
        self._house, self._frame, self._secret = house, frame, secret

    async def session(self, request: Web) -> Session | None:
        """The applicant's session by cookie; pages take no bearer tokens."""
        token = request.cookies.get(COOKIE, "")
        session = await self._house.sessions.find(token=token) if token else None
        return session if session is not None and "applicant" in session.roles else None

    def token(self, request: Web) -> str:
        """Bound to the session: another session's token, or a foreign site's guess, opens nothing."""
        cookie = request.cookies.get(COOKIE, "")
        return readable(hmac.digest(self._secret, f"form\x1f{cookie}".encode(), hashlib.sha256))

    async def unsigned(self, request: Web) -> Sent | Refusal:
        """A form of somebody who has no session yet: no token can bind it, so it must come from our own page."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != URL_ENCODED or _origin(request) != self._frame.origin:
            return FORM_NOT_OURS()
        items = list((await request.form()).multi_items())
        fields = {str(name): value for name, value in items if isinstance(value, str)}
        if len(items) > FIELDS_MAX or any(len(value) > FIELD_CHARACTERS_MAX for value in fields.values()):
            return TOO_LARGE()
        return Sent(fields=fields, files={})

    async def sent(self, request: Web, *, uploads: bool = False) -> Sent | Refusal:
        """The form, if it carries its session's token and came from our own page."""
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != (MULTIPART if uploads else URL_ENCODED) or not request.cookies.get(COOKIE):
            return FORM_NOT_YOURS()
        # Before the form is read: what another site sends is not worth reading.
        if _origin(request) != self._frame.origin:
            return FORM_NOT_YOURS()
        items = list((await request.form()).multi_items())
        if len(items) > FIELDS_MAX:
            return TOO_LARGE()
        fields = {str(name): value for name, value in items if isinstance(value, str)}
        if any(len(value) > FIELD_CHARACTERS_MAX for value in fields.values()):
            return TOO_LARGE()
        if not hmac.compare_digest(fields.get("csrf", "").encode(), self.token(request).encode()):
            return FORM_NOT_YOURS()
        files = {str(name): await value.read() for name, value in items if isinstance(value, UploadFile)}
        return Sent(fields=fields, files=files)


def _origin(request: Web) -> str:
    origin = request.headers.get("origin")
    if origin is None:
        # Old browsers send no Origin with a form; the address that it came from says the same.
        came_from = urlsplit(request.headers.get("referer", ""))
        origin = f"{came_from.scheme}://{came_from.netloc}"
    return origin
