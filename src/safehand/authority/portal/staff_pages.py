"""The manager's pages: sign in as staff, the changes of address that wait for a decision, and one of them with what it takes to decide.

A list names nobody. Whoever opens a line sees a person, so the look is written down first, and its applicant reads of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, NamedTuple, get_args, get_type_hints

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from safehand.authority.addresses.divisions import Divisions
from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.case import Case
from safehand.authority.cities.city import City
from safehand.authority.notices.wording import Both, deadline_words
from safehand.authority.outward import overall
from safehand.authority.portal.frame import Web, language_of
from safehand.authority.portal.keys import is_case_key
from safehand.authority.portal.pages import Portal
from safehand.authority.portal.refusals import FORM_NOT_YOURS
from safehand.authority.portal.words import words
from safehand.authority.readdressing.actions import NewAddress, record_of
from safehand.authority.readdressing.commands import CHANGES_MAX, DenyAddressChange
from safehand.authority.readdressing.refusals import NOTHING_ASKED
from safehand.authority.readdressing.states import ReaddressingState
from safehand.house.erasure import ERASED
from safehand.house.persons import read_persons
from safehand.house.problems import NOT_ALLOWED, NOT_FOUND, TOO_MANY
from safehand.house.reading import ReadLog
from safehand.house.routes import COOKIE
from safehand.house.runtime import House
from safehand.house.sessions import LIFE, Session
from safehand.house.staff_sign_in import address_of
from safehand.kernel.gather import Overloaded
from safehand.kernel.machine import StreamKey
from safehand.kernel.masking import masked_address, masked_name
from safehand.kernel.outcome import Language, Refusal, sentence, status_of, way_out

ROLE: Final = "authority_manager"
QUEUE: Final = "readdressing.asked"
HERE: Final = "/staff/addresses"
LINES_MAX: Final = 200
LOOKED_AT: Final = "address_change"
Reason = Literal["not_confirmed", "too_late"]
REASONS: Final[Mapping[Reason, Both]] = {
    "not_confirmed": Both(
        zh="未能向申请人本人核实", en="The applicant could not be reached, or did not ask for it"
    ),
    "too_late": Both(zh="已来不及召回", en="It is too late to call the envelope back"),
}
assert set(REASONS) == set(get_args(get_type_hints(DenyAddressChange)["reason"])) == set(get_args(Reason))
LOGIN_MISSING: Final = Both(zh="请填写登录名。", en="Give your login.")
PASSWORD_MISSING: Final = Both(zh="请填写密码。", en="Give your password.")
REASON_MISSING: Final = Both(zh="请选择不同意的原因。", en="Choose why it is not approved.")
DONE: Final[Mapping[str, Both]] = {
    "approved": Both(
        zh="已同意：新地址生效，已通知申请人。", en="Approved: the new address holds. The applicant is told."
    ),
    "denied": Both(
        zh="未同意：仍寄往原地址，已通知申请人。",
        en="Not approved: the old address stays. The applicant is told.",
    ),
}


class Waiting(NamedTuple):
    """A line of the list: nobody's name, number or address."""

    link: str
    city: str
    destination: str
    where: str
    since: datetime
    due: str
    late: bool


@dataclass(frozen=True, kw_only=True)
class StaffPages:
    """The routes under `/staff`."""

    house: House
    portal: Portal
    cities: Mapping[int, City]
    divisions: Divisions

    def routes(self) -> list[Any]:
        """The pages as Litestar handlers; none is part of the API's description."""
        one = f"{HERE}/{{city:str}}/{{case:str}}"
        handlers = [
            get("/staff/sign-in")(self.sign_in_form),
            post("/staff/sign-in")(self.sign_in),
            post("/staff/sign-out")(self.sign_out),
            get(HERE)(self.waiting),
            get(one)(self.change),
            post(f"{one}/approve")(self.approve),
            post(f"{one}/deny")(self.deny),
        ]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    async def sign_in_form(self, request: Web) -> Response[bytes]:
        """GET /staff/sign-in."""
        return self._page(request, "staff/sign_in.html", login="")

    async def sign_in(self, request: Web) -> Response[bytes]:
        """POST /staff/sign-in: login and password, tried as in the API and counted with it."""
        sent = await self.portal.forms.unsigned(request)
        if isinstance(sent, Refusal):
            return self._problem(request, sent)
        language, login, password = language_of(request), sent["login"], sent.fields.get("password", "")
        faults = {} if login else {"login": LOGIN_MISSING.in_language(language)}
        faults |= {} if password else {"password": PASSWORD_MISSING.in_language(language)}
        if faults:
            return self._page(request, "staff/sign_in.html", faults=faults, status=422, login=login[:100])
        signing_in = request.app.state.staff_sign_in
        opened = await signing_in.open(
            login=login[:100], password=password[:200], address=address_of(request=request)
        )
        if isinstance(opened, Refusal):
            told = f"{sentence(opened, language)} {way_out(opened, language)}"
            faults, status = {"password": told}, status_of(opened)
            return self._page(request, "staff/sign_in.html", faults=faults, status=status, login=login[:100])
        cookie = self.portal.frame.cookie(COOKIE, opened[0], seconds=int(LIFE.total_seconds()))
        return self.portal.frame.redirect(HERE, cookies=[cookie])

    async def sign_out(self, request: Web) -> Response[bytes]:
        """POST /staff/sign-out."""
        sent = await self.portal.forms.sent(request)
        if isinstance(sent, Refusal):
            return self._problem(request, sent)
        await self.house.sessions.end(token=request.cookies.get(COOKIE, ""))
        gone = self.portal.frame.cookie(COOKIE, "", seconds=0)
        return self.portal.frame.redirect("/staff/sign-in", cookies=[gone])

    async def waiting(self, request: Web) -> Response[bytes]:
        """GET /staff/addresses: what waits, longest first, in the cities that the manager works for."""
        session = await self._manager(request)
        if isinstance(session, Response):
            return session
        rows = await self.house.store.worklist(
            queue=QUEUE, cities=list(session.cities) or None, limit=LINES_MAX
        )
        streams = await self.house.store.streams(keys=[StreamKey(one.city, one.stream) for one in rows])
        language = language_of(request)
        cases = {key: msgspec.json.decode(row.state, type=Case) for key, row in streams.items()}
        lines = [
            self._line(key, cases[key], one.since, one.due_at, language)
            for one in rows
            if (key := StreamKey(one.city, one.stream)) in cases
        ]
        done = DONE.get(request.query_params.get("done", ""))
        note = done.in_language(language) if done is not None else ""
        return self._page(
            request, "staff/addresses.html", lines=lines, note=note, more=len(rows) == LINES_MAX
        )

    async def change(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET /staff/addresses/…: one change, with whom to ring and what to compare."""
        session = await self._manager(request)
        if isinstance(session, Response):
            return session
        return await self._change(request, session, city, case, {})

    async def approve(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/approve: the new address holds, and what is on its way is called back."""
        return await self._decide(request, city, case, "approve")

    async def deny(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/deny: the old address stays."""
        return await self._decide(request, city, case, "deny")

    # ---- behind the pages ------------------------------------------------------------------------------------------

    async def _manager(self, request: Web) -> Session | Response[bytes]:
        token = request.cookies.get(COOKIE, "")
        session = await self.house.sessions.find(token=token) if token else None
        if session is None or "applicant" in session.roles:
            return self.portal.frame.redirect("/staff/sign-in")
        return session if ROLE in session.roles else self._problem(request, NOT_ALLOWED())

    async def _decide(self, request: Web, city: str, case: str, what: str) -> Response[bytes]:
        session = await self._manager(request)
        if isinstance(session, Response):
            return session
        sent = NOT_FOUND() if not is_case_key(city, case) else await self.portal.forms.sent(request)
        if isinstance(sent, Refusal):
            return self._problem(request, sent)
        numbers = {str(number) for number in range(1, CHANGES_MAX + 1)}
        change = int(sent["change"]) if sent["change"] in numbers else 0
        body: dict[str, Any] = {"city": int(city), "case": case, "change": change}
        if what == "deny":
            if sent["reason"] not in REASONS:
                told = {"reason": REASON_MISSING.in_language(language_of(request))}
                return await self._change(request, session, city, case, told)
            body["reason"] = sent["reason"]
        front, name = self.house.front, f"readdressing.{what}"
        item = front.read(name=name, body=msgspec.json.encode(body))
        if isinstance(item, Refusal):
            return self._problem(request, FORM_NOT_YOURS())
        done = await front.call(name=name, session=session, item=item, key=f"{case}-{what}-{change}")
        if isinstance(done, Refusal):
            return self._problem(request, done)
        return self.portal.frame.redirect(f"{HERE}?done={'approved' if what == 'approve' else 'denied'}")

    async def _change(
        self, request: Web, session: Session, city: str, case: str, faults: dict[str, str]
    ) -> Response[bytes]:
        key = StreamKey(int(city), case) if is_case_key(city, case) else None
        if key is None or (session.cities and key.city not in session.cities):
            return self._problem(request, NOT_FOUND())
        row = (await self.house.store.streams(keys=[key])).get(key)
        if row is None or row.kind != "case":
            return self._problem(request, NOT_FOUND())
        state = msgspec.json.decode(row.state, type=Case)
        step = state.readdressing
        if step.state is not ReaddressingState.ASKED or step.since is None:
            return self._problem(request, NOTHING_ASKED())
        try:
            await ReadLog(house=self.house).write(
                key=key, actor=session.actor, what=LOOKED_AT, roles=session.roles, office=session.office
            )
        except Overloaded:
            return self._problem(request, TOO_MANY())
        shown = await self._shown(key, step.changes)
        if isinstance(shown, Refusal):
            return self._problem(request, shown)
        person, new = shown
        language = language_of(request)
        due_at = None if step.late else step.due_at
        return self._page(
            request,
            "staff/address.html",
            faults=faults,
            status=422 if faults else 200,
            line=self._line(key, state, step.since, due_at, language),
            name=masked_name(person.name),
            phone=person.phone,
            new=new.address,
            old=masked_address(person.address),
            change=step.changes,
            reasons=[(code, both.in_language(language)) for code, both in REASONS.items()],
        )

    async def _shown(self, key: StreamKey, change: int) -> tuple[PersonRecord, NewAddress] | Refusal:
        persons = await read_persons(house=self.house, keys=[key], name=PERSON_RECORD)
        news = await read_persons(house=self.house, keys=[key], name=record_of(change))
        if not persons.get(key) or not news.get(key):
            return ERASED()
        person = msgspec.json.decode(persons[key], type=PersonRecord)
        return person, msgspec.json.decode(news[key], type=NewAddress)

    def _line(
        self, key: StreamKey, case: Case, since: datetime, due_at: datetime | None, language: Language
    ) -> Waiting:
        known = self.cities.get(key.city)
        names = {} if known is None else {"zh": known.identity.name_zh, "en": known.identity.name_en}
        return Waiting(
            link=f"{HERE}/{key.city}/{key.stream}",
            city=names.get(language, str(key.city)),
            destination=self.divisions.words(str(case.readdressing.destination)),
            where=words().overall[overall(case)].word.in_language(language),
            since=since,
            due=deadline_words(due_at, language) if due_at is not None else "",
            late=due_at is None,
        )

    def _page(
        self,
        request: Web,
        template: str,
        *,
        faults: Mapping[str, str] | None = None,
        status: int = 200,
        **values: Any,
    ) -> Response[bytes]:
        signed_in = bool(request.cookies.get(COOKIE))
        return self.portal.frame.page(
            request=request,
            template=template,
            faults=faults,
            status=status,
            csrf=self.portal.forms.token(request) if signed_in else "",
            **values,
        )

    def _problem(self, request: Web, refusal: Refusal) -> Response[bytes]:
        language = language_of(request)
        return self._page(
            request,
            "staff/problem.html",
            status=status_of(refusal),
            sentence=sentence(refusal, language),
            way_out=way_out(refusal, language),
            code=refusal.code,
        )
