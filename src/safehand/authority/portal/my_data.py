"""The page of one's own data: what is kept, how long, a copy of it, where it is corrected, and how it is erased."""

import asyncio
from datetime import timedelta
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from safehand.authority.addresses.keeping import AddressBooks
from safehand.authority.application.drafts import Drafts, correction_of
from safehand.authority.application.states import TERMINAL, ApplicationState
from safehand.authority.application.uploads import UPLOADED
from safehand.authority.case import Case
from safehand.authority.notices.wording import Both
from safehand.authority.outward import overall
from safehand.authority.portal.data_copy import (
    FILE_NAME,
    PICTURE_NAMES,
    agent_rows,
    copy_of,
    packed,
    phone_rows,
    picture_name,
    rows_of,
)
from safehand.authority.portal.data_kept import CaseKept, Kept, kept_of, pictures_of
from safehand.authority.portal.frame import Web, language_of
from safehand.authority.portal.pages import Portal
from safehand.authority.portal.timeline import waiting_lines
from safehand.authority.portal.words import words
from safehand.authority.retention.schedule import CLASSES, Retention
from safehand.house.erasure import ErasureState, OrderErasure
from safehand.house.problems import NOT_FOUND
from safehand.house.routes import COOKIE
from safehand.house.runtime import House
from safehand.house.sessions import LIFE, Session
from safehand.kernel.machine import Context, StreamKey
from safehand.kernel.masking import masked_number
from safehand.kernel.outcome import Language, Refusal, sentence, way_out
from safehand.kernel.store import StreamRow
from safehand.kernel.working_days import local_day

PAGE: Final = "/my/data"
TO_SIGN_IN: Final = f"/sign-in?to={PAGE}"
CLASS_WORDS: Final[dict[str, tuple[Both, Both]]] = {
    "pictures_days": (
        Both(zh="申请的图片及检查结论", en="Pictures of an application, and what the rules said of them"),
        Both(zh="申请结束后", en="after its end"),
    ),
    "person_days": (
        Both(
            zh="申请中的姓名、号码、电话、邮箱和地址",
            en="Name, number, phone, e-mail and address of an application",
        ),
        Both(zh="申请结束后", en="after its end"),
    ),
    "notices_days": (
        Both(
            zh="何时发过短信或邮件、是否送达（不含内容）",
            en="That a message was sent and whether it arrived, never its text",
        ),
        Both(zh="发送后", en="after it was sent"),
    ),
    "drafts_days": (
        Both(zh="未提交的申请", en="An application that was not sent"),
        Both(zh="最后一次修改后", en="after it was last touched"),
    ),
    "addresses_days": (
        Both(zh="地址簿中的地址", en="An address in the address book"),
        Both(zh="最后一次使用后", en="after it was last used"),
    ),
}
"""What each class of record is called, and from when its time counts."""
DONE: Final[dict[str, Both]] = {
    "erase": Both(
        zh="已受理：该申请中的个人信息正在删除，片刻后完成，不能恢复。",
        en="Ordered: your data of that application is being erased. In a moment it is gone for good.",
    ),
    "draft": Both(zh="未提交的申请已删除。", en="The application that was not sent is deleted."),
    "corrections": Both(zh="未提交的补正已删除。", en="The corrections that were not sent are deleted."),
    "addresses": Both(zh="地址簿已删除。", en="Your address book is deleted."),
}
FORGOTTEN: Final = ("draft", "corrections", "addresses")


class MyData:
    """The pages. `portal` knows the visitor, whose case it is, and whose form."""

    def __init__(
        self,
        *,
        house: House,
        portal: Portal,
        drafts: Drafts,
        books: AddressBooks,
        retention: Retention,
    ) -> None:
        self._house, self._portal = house, portal
        self._drafts, self._books, self._retention = drafts, books, retention
        self._cases = msgspec.json.Decoder(Case)

    def routes(self) -> list[Any]:
        """The pages as Litestar handlers; none is part of the API's description."""
        case = f"{PAGE}/{{city:str}}/{{case:str}}"
        handlers = [
            get(PAGE)(self.page),
            post(f"{PAGE}/copy")(self.copy),
            *(post(f"{PAGE}/{what}/forget", name=f"forget-{what}")(self._forget(what)) for what in FORGOTTEN),
            get(f"{case}/erase")(self.ask_erase),
            post(f"{case}/erase")(self.erase),
            get(f"{case}/picture/{{part:str}}")(self.picture),
        ]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    async def page(self, request: Web) -> Response[bytes]:
        """GET /my/data: everything that is kept."""
        session = await self._portal.forms.session(request)
        if session is None:
            return self._portal.frame.redirect(TO_SIGN_IN)
        kept, language = await self._kept(request, session), language_of(request)
        said = DONE.get(request.query_params.get("done", ""))
        return self._portal.frame.page(
            request=request,
            template="my_data.html",
            note=said.in_language(language) if said is not None else "",
            cases=[self._shown(one, session, language) for one in kept.cases],
            draft=rows_of(kept.draft, language) if kept.draft is not None else [],
            corrections=len(kept.corrections),
            addresses=[dict(rows_of(one, language)) for one in kept.book.addresses],
            signed_in_until=kept.signed_in_until,
            sign_in_hours=int(LIFE.total_seconds()) // 3600,
            schedule=self._schedule(language),
            csrf=self._portal.forms.token(request),
        )

    async def copy(self, request: Web) -> Response[bytes]:
        """POST /my/data/copy: one ZIP of all of it. A form, so that no address leads to it."""
        session = await self._posted(request)
        if isinstance(session, Response):
            return session
        kept, language = await self._kept(request, session), language_of(request)
        names = {one.key: self._portal.document_words(one.case, language) for one in kept.cases}
        pictures: dict[str, bytes] = {}
        for number, one in enumerate(kept.cases, start=1):
            found = await pictures_of(house=self._house, key=one.key, names=one.pictures)
            pictures |= {picture_name(number=number, part=part): data for part, data in found.items()}
        pictures |= await self._of_drafts(session, kept)
        now = self._house.clock.now()
        told = copy_of(kept=kept, documents=names, language=language, now=now)
        data = await asyncio.to_thread(packed, told=told, pictures=pictures, now=now)
        return self._portal.frame.download(data, media_type="application/zip", name=FILE_NAME)

    async def picture(
        self, request: Web, city: FromPath[str], case: FromPath[str], part: FromPath[str]
    ) -> Response[bytes]:
        """GET …/picture/{part}: one's own picture."""
        row = await self._portal.visited(request, city, case)
        if isinstance(row, Response):
            return row
        names = [part] if part in UPLOADED else []
        found = await pictures_of(house=self._house, key=StreamKey(row.city, row.stream), names=names)
        if part not in found:
            return self._portal.frame.problem(request=request, refusal=NOT_FOUND())
        return self._portal.frame.picture(found[part])

    async def ask_erase(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/erase: asked once more of whoever has just proven who they are, as it can't be undone; or why not yet."""
        row = await self._portal.visited(request, city, case)
        if isinstance(row, Response):
            return row
        session = await self._portal.forms.session(request)
        assert session is not None, "whoever visits the own case is signed in"
        state, language, key = self._cases.decode(row.state), language_of(request), _key_of(row)
        refusal = self._refused(key, state, session)
        proving = await self._portal.freshly_proven(request, to=PAGE) if refusal is None else None
        if proving is not None:
            return proving
        now = self._house.clock.now()
        waits = self._house.shell.machines["case"].waits(state, key)
        lines = waiting_lines(waits=waits, paces={}, now=now, language=language)
        return self._portal.frame.page(
            request=request,
            template="my_data_erase.html",
            case_address=f"/cases/{row.city}/{row.stream}",
            action=f"{PAGE}/{row.city}/{row.stream}",
            kind=self._portal.document_words(state, language),
            refused=None if refusal is None else (sentence(refusal, language), way_out(refusal, language)),
            lines=lines if refusal is not None else (),
            days=self._retention.on(local_day(now)).person_days,
            version=row.version,
            csrf=self._portal.forms.token(request),
        )

    async def erase(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/erase: order it, through the same front door as the API."""
        row = await self._portal.visited(request, city, case, posted=True)
        if isinstance(row, Response):
            return row
        proving = await self._portal.freshly_proven(request, to=PAGE)
        if proving is not None:
            return proving
        session = await self._portal.forms.session(request)
        assert session is not None, "whoever visits the own case is signed in"
        front, name = self._house.front, "erasure.order"
        item = front.read(name=name, body=msgspec.json.encode({"city": row.city, "case": row.stream}))
        done = await front.call(name=name, session=session, item=item, key=f"{row.stream}-erase")
        if isinstance(done, Refusal):
            return self._portal.frame.problem(request=request, refusal=done)
        await self._drafts.forget(owners=[correction_of(actor=session.actor, case=row.stream)])
        return self._portal.frame.redirect(f"{PAGE}?done=erase")

    def _forget(self, what: str) -> Any:
        async def handle(request: Web) -> Response[bytes]:
            session = await self._posted(request)
            if isinstance(session, Response):
                return session
            if what == "addresses":
                await self._books.forget(actor=session.actor)
            elif what == "draft":
                await self._drafts.forget(owners=[session.actor])
            else:
                cases = await self._portal.cases_of(session)
                owners = [correction_of(actor=session.actor, case=key.stream) for key, _, _ in cases]
                await self._drafts.forget(owners=owners)
            return self._portal.frame.redirect(f"{PAGE}?done={what}")

        handle.__name__ = f"forget_{what}"
        return handle

    async def _posted(self, request: Web) -> Session | Response[bytes]:
        """Who sent a form of our own."""
        session = await self._portal.forms.session(request)
        if session is None:
            return self._portal.frame.redirect(TO_SIGN_IN)
        sent = await self._portal.forms.sent(request)
        return (
            self._portal.frame.problem(request=request, refusal=sent)
            if isinstance(sent, Refusal)
            else session
        )

    async def _kept(self, request: Web, session: Session) -> Kept:
        return await kept_of(
            house=self._house,
            portal=self._portal,
            drafts=self._drafts,
            books=self._books,
            session=session,
            token=request.cookies.get(COOKIE, ""),
        )

    async def _of_drafts(self, session: Session, kept: Kept) -> dict[str, bytes]:
        """The pictures of what was not sent yet, by their place in the copy."""
        places = {session.actor: "draft"}
        for number, key in enumerate(kept.corrections, start=1):
            places[correction_of(actor=session.actor, case=key.stream)] = f"correction-{number}"
        helds = await self._drafts.read_all(owners=list(places))
        found = await self._drafts.pictures_of(helds=helds, names=UPLOADED) if helds else {}
        return {
            f"pictures/{places[owner]}-{part.replace('_', '-')}.jpg": data
            for owner, pictures in found.items()
            for part, data in pictures.items()
        }

    def _refused(self, key: StreamKey, case: Case, session: Session) -> Refusal | None:
        """Why the case can't be erased now: the machine's own answer, without its effect."""
        context = Context(key=key, now=self._house.clock.now(), actor=session.actor)
        answer = self._house.shell.machines["case"].decide(case, OrderErasure(), context)
        return answer if isinstance(answer, Refusal) else None

    def _shown(self, one: CaseKept, session: Session, language: Language) -> dict[str, Any]:
        """A case for the page. The number is masked there: a page is seen over one's shoulder; the copy has it whole."""
        person = one.person
        if person is not None:
            person = msgspec.structs.replace(person, id_number=masked_number(person.id_number))
        days = self._retention.on(local_day(self._house.clock.now()))
        state = one.case.application.state
        return {
            "address": f"/cases/{one.key.city}/{one.key.stream}",
            "data": f"{PAGE}/{one.key.city}/{one.key.stream}",
            "kind": self._portal.document_words(one.case, language),
            "word": words().overall[overall(one.case)].word.in_language(language),
            "at": one.submitted_at,
            "ended_at": one.ended_at,
            "person": [
                *(rows_of(person, language) if person is not None else []),
                *phone_rows(one.phones, language),
                *agent_rows(one.agent, language),
            ],
            "pictures": [(part, PICTURE_NAMES[part].in_language(language)) for part in one.pictures],
            "pictures_gone": not one.pictures and state in TERMINAL,
            "looks": len(one.looks),
            "kept_until": None if one.ended_at is None else one.ended_at + timedelta(days=days.person_days),
            "pictures_until": None
            if one.ended_at is None
            else one.ended_at + timedelta(days=days.pictures_days),
            "being_erased": one.case.erasure.state is not ErasureState.NONE,
            "can_erase": self._refused(one.key, one.case, session) is None,
            "correcting": state is ApplicationState.CORRECTING,
        }

    def _schedule(self, language: Language) -> list[list[str]]:
        """The retention schedule as the rows of a table."""
        day = local_day(self._house.clock.now())
        rows: list[list[str]] = []
        for name in CLASSES:
            what, since = CLASS_WORDS[name]
            days = self._retention.entry(name=name, day=day).value
            rows.append(
                [
                    what.in_language(language),
                    f"{since.in_language(language)} {days} 天"
                    if language == "zh"
                    else f"{days} days {since.in_language(language)}",
                ]
            )
        return rows


def _key_of(row: StreamRow) -> StreamKey:
    return StreamKey(row.city, row.stream)
