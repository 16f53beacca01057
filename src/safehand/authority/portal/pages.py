"""The pages as addresses: start, my applications, one application with what its owner can do, the national table."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from safehand.authority.application.actions import OWNER, ReceiptOf
from safehand.authority.application.drafts import Drafts
from safehand.authority.case import Case, CaseEvent
from safehand.authority.cities.city import City, CityOn
from safehand.authority.documents.document import Document
from safehand.authority.group.actions import Groups
from safehand.authority.group.states import MembershipState
from safehand.authority.help.states import HelpState
from safehand.authority.help.texts import HelpTexts
from safehand.authority.notices.seen import trouble_of
from safehand.authority.notices.wording import Both
from safehand.authority.outward import overall
from safehand.authority.pace import paces_of
from safehand.authority.payment.refusals import NOT_PAID_YET
from safehand.authority.portal.can_i import CanI
from safehand.authority.portal.comers import Comers
from safehand.authority.portal.forms import Forms
from safehand.authority.portal.frame import Frame, Web, language_of, wants_page
from safehand.authority.portal.keys import is_case_key
from safehand.authority.portal.nation import tables
from safehand.authority.portal.receipt import costs_of, receipt_words, terms_of
from safehand.authority.portal.refusals import FORM_NOT_YOURS
from safehand.authority.portal.sign_in import SigningIn, forgotten_way, leads_to, way_in
from safehand.authority.portal.step_up import step_up
from safehand.authority.portal.timeline import Dated, Timeline, acts_of, timeline
from safehand.authority.portal.under_way import UnderWay
from safehand.authority.portal.words import words
from safehand.authority.ports.sign_in import SignIn
from safehand.authority.rulebook import Rulebook
from safehand.authority.tracking.refusals import nothing_to_deny
from safehand.authority.tracking.states import TrackingState
from safehand.house.commanded import Owned
from safehand.house.erasure import ERASED, Gone
from safehand.house.look.design import design_route
from safehand.house.look.frame import icon_route, style_route
from safehand.house.problems import NOT_FOUND
from safehand.house.routes import COOKIE
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Language, Refusal
from safehand.kernel.store import StreamRow
from safehand.kernel.working_days import local_day

CASES_SHOWN_MAX: Final = 100
EVENTS_AT_ONCE: Final = 500
EVENTS_SHOWN_MAX: Final = 2_000
_VERSION: Final = re.compile(r"[0-9]{1,9}")

ACTS: Final[Mapping[str, str]] = {
    "at-door": "tracking.confirm_at_door",
    "have-it": "tracking.confirm_receipt",
    "not-here": "tracking.deny_receipt",
    "withdraw": "application.withdraw",
    "pay": "payment.begin",
    "go-now": "group.go_now",
}
"""The buttons of a case and the actions behind them; each goes through the same front door as the API."""
DONE: Final[Mapping[str, Both]] = {
    "at-door": Both(
        zh="已记录：正在交给您。请让投递员现在完成投递（15 分钟内有效）。",
        en="Noted: you are being given it. The courier can complete the delivery now (within 15 minutes).",
    ),
    "have-it": Both(zh="已记录：证件在您手中。谢谢。", en="Noted: you have it. Thank you."),
    "not-here": Both(
        zh="已记录：您没有拿到。证件已冻结，主管人员会调查，服务人员会答复您。",
        en="Noted: you don't have it. It is frozen; the manager looks into it, and you are answered.",
    ),
    "corrected": Both(zh="补正已提交，审核继续。", en="Your correction is sent. The review goes on."),
    "address-stays": Both(
        zh="变更已停止，仍寄往原地址。", en="The change is stopped: the old address stays."
    ),
    "released": Both(zh="已取消代收人，仅限您本人签收。", en="Only you may receive it now."),
    "phone-changed": Both(zh="新手机号已启用。", en="The new telephone number holds. The old one is told."),
    "phone-stays": Both(zh="更换已停止，仍使用原手机号。", en="The change is stopped: the old number stays."),
    "phone-lapsed": Both(
        zh="验证码多次有误，仍使用原手机号。", en="The code was wrong too often: the old number stays."
    ),
    "wished": Both(zh="已按您的选择通知邮政。", en="The post is told what you chose."),
    "go-now": Both(zh="已不再等待，您的证件现在寄出。", en="It waits no longer: your document goes out now."),
    "left-group": Both(
        zh="已退出同行组，本件单独办理。", en="You have left the group: this one goes by itself."
    ),
    "withdraw": Both(zh="申请已撤回。", en="The application is withdrawn."),
    "paid": Both(zh="缴费成功，谢谢。", en="Your payment arrived. Thank you."),
    "paid-back": Both(
        zh="您的缴费已收到，但逾期或重复，不能用于本次申请，将原路退回给您。",
        en="Your payment arrived too late or twice. It can't be used, and goes back to you the way it came.",
    ),
    "not-paid": Both(
        zh="尚未收到您的缴费。如刚刚缴费，请稍后刷新本页；如缴费未成功，请重新缴费。",
        en="Your payment has not arrived. If you have just paid, look again in a moment; else pay again.",
    ),
}
SUBMITTED: Final = "submitted"
"""`?done=` of an application that was just sent: its page begins with the receipt."""
GOES_BACK: Final = frozenset({"payment.came_late", "payment.came_twice"})
"""Events by which money that came is taken in to be given back."""


class Portal:
    """The pages but those of applying. `owned` tells whose case it is, `gone` whether it is nobody's any more; `form_secret` makes the tokens that bind forms to sessions."""

    def __init__(
        self,
        *,
        house: House,
        address: str,
        sign_in: SignIn,
        under_way: UnderWay,
        owned: Owned,
        gone: Gone,
        cities: Mapping[int, City],
        documents: Mapping[str, Document],
        book: Rulebook,
        form_secret: bytes,
        receipt_of: ReceiptOf,
    ) -> None:
        self._house = house
        self._book = book
        self._receipt_of = receipt_of
        self._owned = owned
        self._gone = gone
        self._cities = cities
        self._documents = documents
        settings = house.settings
        self.frame = Frame(
            address=address,
            pays_at=settings.services.get("payment", ""),
            signs_in_at=settings.services.get("sign_in", ""),
            live=settings.mode == "live",
        )
        self.form_secret = form_secret
        self._drafts = Drafts(house=house)
        self.comers = Comers(house=house)
        self.forms = Forms(house=house, frame=self.frame, secret=form_secret)
        self._signing_in = SigningIn(
            house=house, frame=self.frame, forms=self.forms, sign_in=sign_in, under_way=under_way
        )
        self._can_i = CanI(
            frame=self.frame,
            cities=cities,
            documents=documents,
            book=book,
            clock=house.clock,
            secret=form_secret,
        )
        self._texts = HelpTexts(house=house)
        self._groups = Groups(house=house)
        self._cases = msgspec.json.Decoder(Case)
        self._events = msgspec.json.Decoder(CaseEvent)

    def routes(self) -> list[Any]:
        """Every page as a Litestar handler; none is part of the API's description."""
        case = "/cases/{city:str}/{case:str}"
        handlers = [
            get("/")(self.start),
            style_route(),
            icon_route(),
            get("/nation")(self.nation),
            get("/my")(self.mine),
            post("/sign-out")(self.sign_out),
            get(case)(self.case),
            get(f"{case}/withdraw")(self.ask_withdraw),
            get(f"{case}/not-here")(self.ask_not_here),
            get(f"{case}/paid")(self.paid),
            *(post(f"{case}/{act}", name=f"act-{act}")(self._act(act)) for act in ACTS),
            *self._signing_in.routes(),
            *self._can_i.routes(),
            *([] if self.frame.live else [design_route(frame=self.frame, now=self._house.clock.now)]),
        ]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    def problem(self, request: Web, refusal: Refusal) -> Response[bytes] | None:
        """The page of a refusal where a browser asks, else none: programs get the problem document."""
        return self.frame.problem(request=request, refusal=refusal) if wants_page(request) else None

    async def start(self, request: Web) -> Response[bytes]:
        """GET /: what this is."""
        session = await self.forms.session(request)
        return self.frame.page(request=request, template="start.html", signed_in=session is not None)

    async def nation(self, request: Web) -> Response[bytes]:
        """GET /nation: how the nation stands, from the rolled-up counts; no person, no case."""
        shown = tables(
            tallies=await self._house.store.tallies(), cities=self._cities, language=language_of(request)
        )
        now = self._house.clock.now()
        return self.frame.page(request=request, template="nation.html", tables=shown, now=now)

    async def mine(self, request: Web) -> Response[bytes]:
        """GET /my: one's own applications, newest first."""
        session = await self.forms.session(request)
        if session is None:
            return self.frame.redirect("/sign-in?to=/my")
        language = language_of(request)
        cases = [
            (
                f"/cases/{key.city}/{key.stream}",
                self.document_words(case, language),
                words().overall[overall(case)].word.in_language(language),
                at,
            )
            for key, case, at in await self.cases_of(session)
        ]
        return self.frame.page(
            request=request,
            template="my.html",
            cases=cases,
            draft=await self._drafts.read(owner=session.actor) is not None,
            csrf=self.forms.token(request),
        )

    async def case(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET /cases/{city}/{case}: the timeline. Another person's case answers exactly as an unknown one."""
        session = await self.forms.session(request)
        if session is None:
            return self._to_sign_in(city, case)
        row = await self._own(session, city, case)
        if row is None:
            return self.frame.problem(request=request, refusal=await self._missing(city, case))
        language = language_of(request)
        state = self._cases.decode(row.state)
        key = StreamKey(row.city, row.stream)
        now = self._house.clock.now()
        done = request.query_params.get("done", "")
        said = DONE.get(done)
        receipt = self._receipt_of(city=row.city, case=row.stream, draw=state.application.draw)
        return self.frame.page(
            request=request,
            template="case.html",
            address=f"/cases/{row.city}/{row.stream}",
            kind=self.document_words(state, language),
            case=await self.told(key=key, case=state, now=now, language=language),
            note=said.in_language(language) if said is not None else "",
            just_sent=done == SUBMITTED,
            receipt=receipt_words(receipt),
            terms=[
                (term.what.in_language(language), term.length.in_language(language))
                for term in terms_of(book=self._book, case=state, city=row.city, day=local_day(now))
            ],
            costs=costs_of(book=self._book, case=state, city=row.city, day=local_day(now), language=language),
            comer=await self.comers.who(city=row.city, case=state),
            trouble=await trouble_of(house=self._house, key=key),
            waits_for=await self._waits_for(key, state),
            asked=state.help,
            answer=await self._answer(key, state),
            version=row.version,
            csrf=self.forms.token(request),
            now=now,
        )

    async def _answer(self, key: StreamKey, case: Case) -> str:
        """The text of the last answer, if the last question is answered."""
        if case.help.state is not HelpState.ANSWERED:
            return ""
        return (await self._texts.read(key=key)).get(case.help.texts, "")

    async def _waits_for(self, key: StreamKey, case: Case) -> int:
        """For how many of its group a document waits."""
        if case.group.state is not MembershipState.WAITING:
            return 0
        group = await self._groups.read(key=StreamKey(key.city, case.group.group))
        return len(group.standing("pending")) if group is not None else 0

    async def ask_withdraw(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/withdraw: asked once more, because it can't be undone."""
        session = await self.forms.session(request)
        if session is None:
            return self._to_sign_in(city, case)
        row = await self._own(session, city, case)
        if row is None:
            return self.frame.problem(request=request, refusal=await self._missing(city, case))
        return self.frame.page(
            request=request,
            template="withdraw.html",
            address=f"/cases/{row.city}/{row.stream}",
            version=row.version,
            csrf=self.forms.token(request),
        )

    async def ask_not_here(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/not-here: what happens when one says so, and one button. Stopping asks for no fresh sign-in."""
        row = await self.visited(request, city, case)
        if isinstance(row, Response):
            return row
        state = self._cases.decode(row.state)
        address, tracked = f"/cases/{row.city}/{row.stream}", state.tracking.state
        if tracked in (TrackingState.DENIED, TrackingState.DISPUTED):
            return self.frame.redirect(address)
        if "not-here" not in acts_of(state):
            return self.frame.problem(request=request, refusal=nothing_to_deny(tracked))
        return self.frame.page(
            request=request,
            template="not_here.html",
            address=address,
            version=row.version,
            csrf=self.forms.token(request),
        )

    async def paid(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/paid: back from paying. The payment service is asked; coming back proves nothing."""
        session = await self.forms.session(request)
        if session is None:
            return self._to_sign_in(city, case)
        if not is_case_key(city, case):
            return self.frame.problem(request=request, refusal=NOT_FOUND())
        outcome = await self._call("payment.check", session, city, case, key=f"back-{case}")
        if isinstance(outcome, Refusal) and outcome.code != NOT_PAID_YET.code:
            return self.frame.problem(request=request, refusal=outcome)
        if isinstance(outcome, Refusal):
            done = "not-paid"
        else:
            done = "paid-back" if GOES_BACK.intersection(outcome.events) else "paid"
        return self.frame.redirect(f"/cases/{city}/{case}?done={done}")

    async def sign_out(self, request: Web) -> Response[bytes]:
        """POST /sign-out."""
        sent = await self.forms.sent(request)
        if isinstance(sent, Refusal):
            return self.frame.problem(request=request, refusal=sent)
        await self._house.sessions.end(token=request.cookies.get(COOKIE, ""))
        gone = [self.frame.cookie(COOKIE, "", seconds=0), forgotten_way(self.frame)]
        return self.frame.redirect("/", cookies=gone)

    def _act(self, act: str) -> Any:
        async def handle(request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
            session = await self.forms.session(request)
            if session is None:
                return self._to_sign_in(city, case)
            sent = NOT_FOUND() if not is_case_key(city, case) else await self.forms.sent(request)
            if isinstance(sent, Refusal):
                return self.frame.problem(request=request, refusal=sent)
            version = sent["version"]
            if not _VERSION.fullmatch(version):
                return self.frame.problem(request=request, refusal=FORM_NOT_YOURS())
            # The same button on the same page is the same request, however often it is pressed.
            key = f"{case}-{act}-{version}"
            outcome = await self._call(ACTS[act], session, city, case, key=key)
            if isinstance(outcome, Refusal):
                return self.frame.problem(request=request, refusal=outcome)
            address = f"/cases/{city}/{case}?done={act}" if act in DONE else _pay_address(outcome)
            return self.frame.redirect(address)

        handle.__name__ = f"act_{act.replace('-', '_')}"
        return handle

    async def visited(
        self, request: Web, city: str, case: str, *, posted: bool = False
    ) -> StreamRow | Response[bytes]:
        """The visitor's own case; else the answer: to the sign-in, or a page that betrays nothing.

        `posted`: it must also be a form of our own page.
        """
        session = await self.forms.session(request)
        if session is None:
            # Back to this very page; what was posted would be lost, so then to the case.
            return (
                self._to_sign_in(city, case)
                if posted
                else self.frame.redirect(way_in(to=leads_to(request.url.path)))
            )
        refusal = NOT_FOUND() if not is_case_key(city, case) else None
        if refusal is None and posted:
            sent = await self.forms.sent(request)
            refusal = sent if isinstance(sent, Refusal) else None
        row = await self._own(session, city, case) if refusal is None else None
        if row is None:
            return self.frame.problem(request=request, refusal=refusal or await self._missing(city, case))
        return row

    async def told(self, *, key: StreamKey, case: Case, now: datetime, language: Language) -> Timeline:
        """What the page of a case says, from its state and its events."""
        waits = self._house.shell.machines["case"].waits(case, key)
        events = await self.dated(key)
        paces = await paces_of(store=self._house.store, city=key.city, document=case.application.document)
        return timeline(case=case, waits=waits, events=events, now=now, language=language, paces=paces)

    async def freshly_proven(self, request: Web, *, to: str) -> Response[bytes] | None:
        """None if whoever asks has just proven who they are; else the way through the sign-in and back to `to`."""
        session = await self.forms.session(request)
        if session is None:
            return self.frame.redirect(way_in(to=to))
        return step_up(session=session, to=to, frame=self.frame, now=self._house.clock.now())

    async def _missing(self, city: str, case: str) -> Refusal:
        """Why somebody is not shown a case: its person was erased and it is nobody's; else it is unknown, or another's."""
        key = StreamKey(int(city), case) if is_case_key(city, case) else None
        return ERASED() if key is not None and await self._gone([key]) else NOT_FOUND()

    async def _call(self, name: str, session: Session, city: str, case: str, *, key: str) -> Any:
        """Through the front door; the shown answer, or a refusal."""
        front = self._house.front
        item = front.read(name=name, body=msgspec.json.encode({"city": int(city), "case": case}))
        done = await front.call(name=name, session=session, item=item, key=key)
        return done if isinstance(done, Refusal) else front.answer(name=name, done=done)

    def _to_sign_in(self, city: str, case: str) -> Response[bytes]:
        to = f"/cases/{city}/{case}" if is_case_key(city, case) else "/my"
        return self.frame.redirect(f"/sign-in?to={to}")

    async def _own(self, session: Session, city: str, case: str) -> StreamRow | None:
        if not is_case_key(city, case):
            return None
        key = StreamKey(int(city), case)
        own = await self._owned([(session.actor, key)])
        return (await self._house.store.streams(keys=[key])).get(key) if own else None

    async def cases_of(self, session: Session) -> list[tuple[StreamKey, Case, datetime]]:
        """The applicant's cases with the time of submission, newest first."""
        found = await self._house.store.fetch(
            "select b.city, b.subject, e.at, s.state from blind_index b"
            " join stream s on s.city = b.city and s.stream = b.subject"
            " join event e on e.city = b.city and e.stream = b.subject and e.version = 1"
            " where b.purpose = $1 and b.digest = $2 order by e.at desc, b.subject limit $3",
            OWNER,
            self._house.vault.digest(purpose=OWNER, value=session.actor),
            CASES_SHOWN_MAX,
        )
        return [(StreamKey(row[0], row[1]), self._cases.decode(row[3]), row[2]) for row in found]

    async def dated(self, key: StreamKey) -> Sequence[Dated]:
        """The events of a case with their moments, oldest first."""
        dated: list[Dated] = []
        after = 0
        while len(dated) < EVENTS_SHOWN_MAX:
            rows = await self._house.store.events(key=key, after=after, limit=EVENTS_AT_ONCE)
            dated += [Dated(self._events.decode(row.body), row.at, row.version) for row in rows]
            if len(rows) < EVENTS_AT_ONCE:
                break
            after = rows[-1].version
        return dated

    def city_on(self, code: int) -> CityOn:
        """The rules of a city today."""
        return self._cities[code].on(local_day(self._house.clock.now()))

    def document_words(self, case: Case, language: str) -> str:
        """The name of a case's document."""
        document = self._documents.get(case.application.document)
        if document is None:
            return case.application.document
        return document.identity.name_zh if language == "zh" else document.identity.name_en


def _pay_address(opened: Any) -> str:
    address = str(opened.pay_url)
    if urlsplit(address).scheme not in ("http", "https"):
        raise ValueError("the payment service gave no web address")
    return address
