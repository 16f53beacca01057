"""The pages of help: the directory of lines, and the questions of one case, asked from a line of its timeline."""

from collections.abc import Mapping
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from safehand.authority.case import Case
from safehand.authority.help.commands import TEXT_CHARACTERS_MAX, TEXT_CHARACTERS_MIN
from safehand.authority.help.events import HelpAnswered, HelpAsked, HelpEvent, HelpReopened
from safehand.authority.help.lines import HelpLines
from safehand.authority.help.rules import DENIAL
from safehand.authority.help.states import HelpState
from safehand.authority.help.texts import HelpTexts
from safehand.authority.notices.wording import Both, deadline_words
from safehand.authority.portal.forms import Sent
from safehand.authority.portal.frame import Web, language_of
from safehand.authority.portal.pages import Portal
from safehand.authority.portal.timeline import Dated, Line
from safehand.authority.portal.words import sentence_of
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Language, Refusal
from safehand.kernel.store import StreamRow
from safehand.kernel.working_days import local_day

TOPICS: Final[Mapping[str, Both]] = {
    "wrong": Both(zh="记录有误", en="Something here is wrong"),
    "where": Both(zh="证件在哪里", en="Where is it?"),
    "other": Both(zh="其他问题", en="Something else"),
}
STARS: Final[Mapping[str, Both]] = {
    "5": Both(zh="5 分：非常满意", en="5: very good"),
    "4": Both(zh="4 分：满意", en="4: good"),
    "3": Both(zh="3 分：一般", en="3: neither good nor bad"),
    "2": Both(zh="2 分：不满意", en="2: bad"),
    "1": Both(zh="1 分：非常不满意", en="1: very bad"),
}
TEXT_WRONG: Final = Both(
    zh=f"请填写 {TEXT_CHARACTERS_MIN} 至 {TEXT_CHARACTERS_MAX} 字。",
    en=f"Write {TEXT_CHARACTERS_MIN} to {TEXT_CHARACTERS_MAX} characters.",
)
TOPIC_WRONG: Final = Both(zh="请选择问题种类。", en="Choose what it is about.")
STARS_WRONG: Final = Both(zh="请选择分数。", en="Choose a number.")
LINE_WRONG: Final = Both(zh="请选择列出的一条记录。", en="Choose a line that is on the list.")
DONE: Final[Mapping[str, Both]] = {
    "ask": Both(
        zh="已提交。答复后会通知您，答复显示在本页。",
        en="Sent. You are told when it is answered, and the answer stands on this page.",
    ),
    "reopen": Both(zh="问题已重新提出。", en="Your question is open again."),
    "rate": Both(zh="谢谢您的评价。", en="Thank you for rating the answer."),
}
NOT_IN_HAND: Final = Both(zh="我没有拿到证件。", en="I don’t have my document.")
ABOUT_DIGITS_MAX: Final = 6
Faults = dict[str, Both]


class HelpPages:
    """`portal` knows the visitor, whose case it is, and whose form."""

    def __init__(self, *, house: House, portal: Portal, lines: HelpLines) -> None:
        self._house, self._portal, self._lines = house, portal, lines
        self._texts = HelpTexts(house=house)
        self._cases = msgspec.json.Decoder(Case)

    def routes(self) -> list[Any]:
        """The pages as Litestar handlers; none is part of the API's description."""
        case = "/cases/{city:str}/{case:str}/help"
        handlers = [
            get("/help")(self.directory),
            get(case)(self.page),
            *(post(f"{case}/{act}", name=f"help-{act}")(self._act(act)) for act in DONE),
        ]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    async def directory(self, request: Web) -> Response[bytes]:
        """GET /help: whom to ring for what."""
        day, language = local_day(self._house.clock.now()), language_of(request)
        rows = [
            (
                number,
                one.name_zh if language == "zh" else one.name_en,
                one.for_zh if language == "zh" else one.for_en,
                one.on_its_way,
            )
            for number, one in self._lines.on(day)
        ]
        return self._portal.frame.page(request=request, template="help_lines.html", rows=rows)

    async def page(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/help: what was asked and answered, and the form to ask. `?line=` picks the line that it is about."""
        row = await self._portal.visited(request, city, case)
        if isinstance(row, Response):
            return row
        return await self._page(request, row, {}, {"about": request.query_params.get("line", "")})

    def _act(self, act: str) -> Any:
        async def handle(request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
            row = await self._portal.visited(request, city, case, posted=True)
            if isinstance(row, Response):
                return row
            sent = await self._portal.forms.sent(request)
            if isinstance(sent, Refusal):
                return self._portal.frame.problem(request=request, refusal=sent)
            item, faults = self._item(act, sent, await self._lines_of(row))
            if faults:
                return await self._page(request, row, faults, sent.fields)
            return await self._done(request, row, act, item, sent)

        handle.__name__ = f"help_{act}"
        return handle

    async def _done(
        self, request: Web, row: StreamRow, act: str, item: Mapping[str, Any], sent: Sent
    ) -> Response[bytes]:
        session = await self._portal.forms.session(request)
        assert session is not None, "whoever visits the own case is signed in"
        front, name = self._house.front, f"help.{act}"
        whole = {"city": row.city, "case": row.stream, **item}
        read = front.read(name=name, body=msgspec.json.encode(whole))
        if isinstance(read, Refusal):
            return self._portal.frame.problem(request=request, refusal=read)
        # The same form sent twice is one question.
        number = sent["texts"] if sent["texts"].isascii() and sent["texts"].isdecimal() else "0"
        key = f"{row.stream}-help-{act}-{number[:ABOUT_DIGITS_MAX]}"
        done = await front.call(name=name, session=session, item=read, key=key)
        if isinstance(done, Refusal):
            return self._portal.frame.problem(request=request, refusal=done)
        return self._portal.frame.redirect(f"/cases/{row.city}/{row.stream}/help?done={act}")

    def _item(self, act: str, sent: Sent, lines: list[Line]) -> tuple[dict[str, Any], Faults]:
        """What the form says, or what is wrong with it."""
        if act == "rate":
            stars = sent["stars"]
            return ({"stars": int(stars)}, {}) if stars in STARS else ({}, {"stars": STARS_WRONG})
        item: dict[str, Any] = {"text": sent["text"].replace("\r\n", "\n")}
        field = "again" if act == "reopen" else "text"
        if act == "reopen":
            item["text"] = sent["again"].replace("\r\n", "\n")
        faults: Faults = {}
        if not TEXT_CHARACTERS_MIN <= len(item["text"]) <= TEXT_CHARACTERS_MAX:
            faults[field] = TEXT_WRONG
        if act == "ask":
            item |= {"topic": sent["topic"], "about": 0}
            if sent["topic"] not in TOPICS:
                faults["topic"] = TOPIC_WRONG
            if sent["about"] in {str(line.version) for line in lines}:
                item["about"] = int(sent["about"])
            elif sent["about"]:
                faults["about"] = LINE_WRONG
        return item, faults

    async def _lines_of(self, row: StreamRow, language: Language = "zh") -> list[Line]:
        """The lines of the timeline that one may ask about, newest first."""
        found: list[Line] = []
        for one in await self._portal.dated(_key_of(row)):
            text = sentence_of(one.event, language)
            if text and not isinstance(one.event, HelpEvent):
                found.append(Line(at=one.at, text=text, version=one.version))
        return found[::-1]

    async def _page(
        self, request: Web, row: StreamRow, faults: Faults, fields: Mapping[str, str]
    ) -> Response[bytes]:
        language, now = language_of(request), self._house.clock.now()
        step, key = self._cases.decode(row.state).help, _key_of(row)
        lines = await self._lines_of(row, language)
        said = DONE.get(request.query_params.get("done", "")) if request.method == "GET" else None
        can_reopen = step.reopen_until is not None and now < step.reopen_until
        return self._portal.frame.page(
            request=request,
            template="help.html",
            status=422 if faults else 200,
            faults={name: both.in_language(language) for name, both in faults.items()},
            note=said.in_language(language) if said is not None else "",
            address=f"/cases/{row.city}/{row.stream}",
            step=step,
            open=step.state is HelpState.OPEN,
            due=deadline_words(step.due_at, language) if step.due_at is not None else "",
            can_reopen=step.state is HelpState.ANSWERED and can_reopen,
            can_rate=step.state is HelpState.ANSWERED and not step.stars,
            told=self._told(await self._portal.dated(key), await self._texts.read(key=key), lines, language),
            topics=[(name, both.in_language(language)) for name, both in TOPICS.items()],
            stars=[(name, both.in_language(language)) for name, both in STARS.items()],
            lines=lines,
            fields=fields,
            letters_max=TEXT_CHARACTERS_MAX,
            csrf=self._portal.forms.token(request),
        )

    def _told(
        self, dated: Any, texts: Mapping[int, str], lines: list[Line], language: Language
    ) -> list[dict[str, Any]]:
        """Questions and answers in order, each with its text."""
        about = {line.version: line for line in lines}
        told: list[dict[str, Any]] = []
        one: Dated
        for one in dated:
            event = one.event
            if isinstance(event, HelpAsked | HelpAnswered | HelpReopened):
                told.append(
                    {
                        "at": one.at,
                        "number": event.number,
                        "by_us": isinstance(event, HelpAnswered),
                        "text": _text_of(event, texts, language),
                        "about": about.get(event.about) if isinstance(event, HelpAsked) else None,
                    }
                )
        return told


def _text_of(
    event: HelpAsked | HelpAnswered | HelpReopened, texts: Mapping[int, str], language: Language
) -> str:
    """What was written; for what nobody wrote, what it is about."""
    if isinstance(event, HelpAsked) and event.topic == DENIAL:
        return NOT_IN_HAND.in_language(language)
    return texts.get(event.text_number, "")


def _key_of(row: StreamRow) -> StreamKey:
    return StreamKey(row.city, row.stream)
