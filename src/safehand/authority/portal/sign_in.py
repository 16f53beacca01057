"""Signing in by OpenID Connect; what begins at one process of the house may be finished at another (see `under_way`)."""

import logging
import re
from typing import Any, Final

from litestar import Response, get

from safehand.authority.portal.frame import Frame, Web
from safehand.authority.portal.refusals import SIGN_IN_LOST, SIGN_IN_SILENT
from safehand.authority.portal.under_way import PENDING_FOR, Pending, UnderWay, digest_of
from safehand.authority.ports.calling import ServiceFault, ServiceUnavailable
from safehand.authority.ports.sign_in import ProvenPerson, SignIn
from safehand.house.routes import COOKIE
from safehand.house.runtime import House
from safehand.house.sessions import LIFE, Identity, Session
from safehand.kernel.ids import readable
from safehand.kernel.outcome import Refusal

PENDING_COOKIE: Final = "sign_in"
PARAMETERS_MAX: Final = 10
PARAMETER_LETTERS_MAX: Final = 2_000
ACTOR_BYTES: Final = 16
_TO: Final = re.compile(r"/my|/apply|/cases/[0-9]{6}/ca_[A-Za-z0-9_-]{4,60}")
"""Where a sign-in may lead: pages of the portal, never another site."""

log = logging.getLogger("safehand.portal")


def actor_of(*, house: House, id_number: str) -> str:
    """The same person is always the same actor, and nobody without the house's key can tell who."""
    digest = house.vault.digest(purpose="actor", value=id_number.upper())
    return f"ap_{readable(digest[:ACTOR_BYTES])}"


class SigningIn:
    """The routes `/sign-in` and `/sign-in/back`."""

    def __init__(self, *, house: House, frame: Frame, sign_in: SignIn, under_way: UnderWay) -> None:
        self._house = house
        self._frame = frame
        self._sign_in = sign_in
        self._under_way = under_way

    def routes(self) -> list[Any]:
        """Both, as Litestar handlers."""
        return [get("/sign-in")(self.begin), get("/sign-in/back")(self.back)]

    async def begin(self, request: Web) -> Response[bytes]:
        """GET /sign-in?to=: off to the sign-in service."""
        now = self._house.clock.now()
        to = request.query_params.get("to", "")
        token = self._under_way.new_token()
        try:
            begun = await self._sign_in.begin(basis=digest_of(token).hex(), now=now)
        except (ServiceUnavailable, ServiceFault) as silent:
            return self._silent(request, silent)
        pending = Pending(begun=begun, to=to if _TO.fullmatch(to) else "/my")
        await self._under_way.keep(token=token, pending=pending, now=now)
        seconds = int(PENDING_FOR.total_seconds())
        cookie = self._frame.cookie(PENDING_COOKIE, token, seconds=seconds, path="/sign-in")
        return self._frame.redirect(begun.address, cookies=[cookie])

    async def back(self, request: Web) -> Response[bytes]:
        """GET /sign-in/back: who it is, or why not. The sign-in is used up either way."""
        now = self._house.clock.now()
        pending = await self._under_way.take(token=request.cookies.get(PENDING_COOKIE, ""), now=now)
        answer = dict(request.query_params.items())
        too_much = len(answer) > PARAMETERS_MAX or any(
            len(str(value)) > PARAMETER_LETTERS_MAX for value in answer.values()
        )
        if pending is None or too_much:
            return self._frame.problem(request=request, refusal=SIGN_IN_LOST())
        try:
            person = await self._sign_in.finish(begun=pending.begun, answer=answer, now=now)
        except (ServiceUnavailable, ServiceFault) as silent:
            return self._silent(request, silent)
        if isinstance(person, Refusal):
            return self._frame.problem(request=request, refusal=person)
        token = await self._open(person, basis=pending.begun.state)
        cookies = [
            self._frame.cookie(COOKIE, token, seconds=int(LIFE.total_seconds())),
            self._frame.cookie(PENDING_COOKIE, "", seconds=0, path="/sign-in"),
        ]
        return self._frame.redirect(pending.to, cookies=cookies)

    async def _open(self, person: ProvenPerson, *, basis: str) -> str:
        session = Session(
            actor=actor_of(house=self._house, id_number=person.resident_id_number),
            roles=frozenset({"applicant"}),
            identity=Identity(name=person.name, id_number=person.resident_id_number.upper()),
        )
        return await self._house.sessions.open(session=session, basis=f"{session.actor}:{basis}")

    def _silent(self, request: Web, silent: Exception) -> Response[bytes]:
        log.warning("sign_in_silent", extra={"reason": type(silent).__name__})
        return self._frame.problem(request=request, refusal=SIGN_IN_SILENT())
