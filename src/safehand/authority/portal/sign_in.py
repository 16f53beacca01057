"""Signing in: the way is chosen and consented to, then off to the real-person service and back with a session.

Face comparison is asked for apart and is never the only way (see `ports/sign_in_ways.py`): no link alone leads to it, only the
form on our own page, or the memory of having agreed there in this browser. A sign-in that is begun at one process of the house
may be finished at another (see `under_way`).
"""

import logging
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import quote

from litestar import Response, get, post
from litestar.datastructures import Cookie

from safehand.authority.portal.forms import Forms
from safehand.authority.portal.frame import Frame, Web, language_of
from safehand.authority.portal.refusals import CONSENT_MISSING, SIGN_IN_LOST, SIGN_IN_SILENT, WAY_MISSING
from safehand.authority.portal.under_way import PENDING_FOR, Pending, UnderWay, digest_of
from safehand.authority.ports.calling import ServiceFault, ServiceUnavailable
from safehand.authority.ports.sign_in import ProvenPerson, SignIn, SignInAsked
from safehand.authority.ports.sign_in_ways import Way, ways_on
from safehand.house.routes import COOKIE
from safehand.house.runtime import House
from safehand.house.sessions import LIFE, Identity, Session
from safehand.kernel.ids import readable
from safehand.kernel.outcome import Refusal, sentence, way_out
from safehand.kernel.working_days import local_day

PENDING_COOKIE: Final = "sign_in"
WAY_COOKIE: Final = "sign_in_how"
"""The way that was chosen, in this browser; for one that compares faces it also says that this was agreed to. Signing out forgets it."""
WAY_KEPT_SECONDS: Final = 180 * 24 * 3_600
PATH: Final = "/sign-in"
PARAMETERS_MAX: Final = 10
PARAMETER_LETTERS_MAX: Final = 2_000
BODY_BYTES_MAX: Final = 4_000
ACTOR_BYTES: Final = 16
YES: Final = "yes"
_TO: Final = re.compile(
    r"/(?:my|apply|addresses)(?:/[a-z][a-z-]{1,30})?|/join/[a-z2-7]{32}|/cases/[1-8][0-9]{5}/ca_[A-Za-z0-9_-]{4,60}(?:/[a-z][a-z-]{1,30}){0,2}"
)
"""Where a sign-in may lead: pages of the portal, never another site."""

log = logging.getLogger("safehand.portal")


def actor_of(*, house: House, id_number: str) -> str:
    """The same person is always the same actor, and nobody without the house's key can tell who."""
    digest = house.vault.digest(purpose="actor", value=id_number.upper())
    return f"ap_{readable(digest[:ACTOR_BYTES])}"


def way_in(*, to: str, fresh: bool = False) -> str:
    """The address that lets somebody sign in and leads them to `to` then; `fresh`: even who is signed in proves it again."""
    return f"{PATH}?to={quote(to)}{f'&fresh={YES}' if fresh else ''}"


def leads_to(to: str) -> str:
    """Where a sign-in really leads: to the page that was asked for, or to one's own applications."""
    return to if _TO.fullmatch(to) else "/my"


def forgotten_way(frame: Frame) -> Cookie:
    """Takes back the choice of a way, and with it the consent to face comparison."""
    return frame.cookie(WAY_COOKIE, "", seconds=0, path=PATH)


class SigningIn:
    """The routes `/sign-in` and `/sign-in/back`."""

    def __init__(
        self, *, house: House, frame: Frame, forms: Forms, sign_in: SignIn, under_way: UnderWay
    ) -> None:
        self._house = house
        self._frame = frame
        self._forms = forms
        self._sign_in = sign_in
        self._under_way = under_way

    def routes(self) -> list[Any]:
        """All, as Litestar handlers."""
        return [
            get(PATH)(self.begin),
            post(PATH, request_max_body_size=BODY_BYTES_MAX)(self.choose),
            get(f"{PATH}/back")(self.back),
        ]

    async def begin(self, request: Web) -> Response[bytes]:
        """GET /sign-in?to=&fresh=&how=: what it is and how, or at once away by a way that was chosen before.

        `how` names a way that compares no faces; for one that does, a link is no consent.
        """
        asked = request.query_params
        to, fresh = asked.get("to", ""), asked.get("fresh") == YES
        ways = self._ways()
        how = asked.get("how", "")
        if how in ways and not ways[how].compares_faces:
            return await self._away(request, ways[how], to=to, fresh=fresh)
        kept = request.cookies.get(WAY_COOKIE, "")
        if kept in ways and "how" not in asked:
            return await self._away(request, ways[kept], to=to, fresh=fresh)
        return self._page(request, ways, to=to, fresh=fresh, how=how if how in ways else "")

    async def choose(self, request: Web) -> Response[bytes]:
        """POST /sign-in: the way, with consent where it compares faces; then off to the service."""
        sent = await self._forms.unsigned(request)
        if isinstance(sent, Refusal):
            return self._frame.problem(request=request, refusal=sent)
        ways = self._ways()
        how, to, fresh = sent["how"], sent["to"], sent["fresh"] == YES
        way = ways.get(how)
        if way is None:
            return self._page(request, ways, to=to, fresh=fresh, wrong={"how": WAY_MISSING()})
        if way.compares_faces and sent["consent"] != YES:
            return self._page(
                request, ways, to=to, fresh=fresh, how=how, wrong={"consent": CONSENT_MISSING()}
            )
        kept = self._frame.cookie(WAY_COOKIE, how, seconds=WAY_KEPT_SECONDS, path=PATH)
        return await self._away(request, way, to=to, fresh=fresh, cookies=[kept])

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
        if before := request.cookies.get(COOKIE, ""):
            # Nobody holds two sessions in one browser; whoever took the old token can't keep it.
            await self._house.sessions.end(token=before)
        cookies = [
            self._frame.cookie(COOKIE, token, seconds=int(LIFE.total_seconds())),
            self._frame.cookie(PENDING_COOKIE, "", seconds=0, path=PATH),
        ]
        return self._frame.redirect(pending.to, cookies=cookies)

    def _ways(self) -> dict[str, Way]:
        return ways_on(local_day(self._house.clock.now()))

    async def _away(
        self, request: Web, way: Way, *, to: str, fresh: bool, cookies: Sequence[Cookie] = ()
    ) -> Response[bytes]:
        now = self._house.clock.now()
        token = self._under_way.new_token()
        asked = SignInAsked(
            assurance=way.assurance_on(local_day(now)), language=language_of(request), fresh=fresh
        )
        try:
            begun = await self._sign_in.begin(basis=digest_of(token).hex(), now=now, asked=asked)
        except (ServiceUnavailable, ServiceFault) as silent:
            return self._silent(request, silent)
        await self._under_way.keep(token=token, pending=Pending(begun=begun, to=leads_to(to)), now=now)
        seconds = int(PENDING_FOR.total_seconds())
        cookie = self._frame.cookie(PENDING_COOKIE, token, seconds=seconds, path=PATH)
        return self._frame.redirect(begun.address, cookies=[cookie, *cookies])

    def _page(
        self,
        request: Web,
        ways: Mapping[str, Way],
        *,
        to: str,
        fresh: bool,
        how: str = "",
        wrong: Mapping[str, Refusal] | None = None,
    ) -> Response[bytes]:
        language = language_of(request)
        joint = "" if language == "zh" else " "
        return self._frame.page(
            request=request,
            template="sign_in.html",
            status=422 if wrong else 200,
            faults={
                name: f"{sentence(one, language)}{joint}{way_out(one, language)}"
                for name, one in (wrong or {}).items()
            },
            ways=[
                (name, way.name.in_language(language), way.hint.in_language(language))
                for name, way in ways.items()
            ],
            chosen=how,
            to=leads_to(to),
            fresh=fresh,
        )

    async def _open(self, person: ProvenPerson, *, basis: str) -> str:
        session = Session(
            actor=actor_of(house=self._house, id_number=person.resident_id_number),
            roles=frozenset({"applicant"}),
            identity=Identity(name=person.name, id_number=person.resident_id_number.upper()),
            proven_at=person.signed_in_at,
        )
        return await self._house.sessions.open(session=session, basis=f"{session.actor}:{basis}")

    def _silent(self, request: Web, silent: Exception) -> Response[bytes]:
        log.warning("sign_in_silent", extra={"reason": type(silent).__name__})
        return self._frame.problem(request=request, refusal=SIGN_IN_SILENT())
