"""Can I do this online? One short form before any account, and its answer: every failed condition with its way out.

Nothing is changed and nothing kept but the start of the application in the visitor's own browser, so the form needs no
session; the birth date comes in the body, and stands in no address and no log.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl

from litestar import Response, get, post
from litestar.exceptions import HTTPException

from safehand.authority.cities.city import City
from safehand.authority.documents.document import Document
from safehand.authority.portal.answers import (
    CHOICES,
    DATES,
    ELSEWHERE,
    FIELDS,
    LETTERS_MAX,
    PARTS,
    QUESTIONS,
    Answers,
    day_in_words,
    read,
    terms,
    unjudged,
    verdict_of,
    with_days,
)
from safehand.authority.portal.frame import Frame, Web, language_of
from safehand.authority.portal.refusals import FORM_UNREADABLE
from safehand.authority.portal.start import Start, start_cookie
from safehand.authority.rulebook import Rulebook
from safehand.kernel.clock import Clock
from safehand.kernel.outcome import Language, Refusal, sentence, way_out
from safehand.kernel.working_days import local_day

BODY_BYTES_MAX: Final = 8_192
FIELDS_MAX: Final = 40
FORM_MEDIA: Final = "application/x-www-form-urlencoded"


class CanI:
    """The page `/can-i`. `secret` signs the start of the application."""

    def __init__(
        self,
        *,
        frame: Frame,
        cities: Mapping[int, City],
        documents: Mapping[str, Document],
        book: Rulebook,
        clock: Clock,
        secret: bytes,
    ) -> None:
        self._frame = frame
        self._cities = cities
        self._documents = documents
        self._book = book
        self._clock = clock
        self._secret = secret

    def routes(self) -> list[Any]:
        """The form and its answer, as Litestar handlers."""
        return [
            get("/can-i")(self.ask),
            post("/can-i", status_code=200, request_max_body_size=BODY_BYTES_MAX)(self.answer),
        ]

    async def ask(self, request: Web) -> Response[bytes]:
        """GET /can-i: the questions."""
        return self._form(request, {}, {})

    async def answer(self, request: Web) -> Response[bytes]:
        """POST /can-i: the answer, or the questions again with what is wrong at each."""
        fields = await _fields(request)
        if isinstance(fields, Refusal):
            return self._form(request, {}, {"city": fields})
        if "change" in fields:
            return self._form(request, fields, {})
        now = self._clock.now()
        today = local_day(now)
        answers = read(fields, cities=self._cities, documents=self._documents, today=today)
        if not isinstance(answers, Answers):
            return self._form(request, fields, answers)
        language = language_of(request)
        city = None if answers.city == ELSEWHERE else self._book.city(int(answers.city), today)
        document = self._book.document(answers.document, today)
        if document is None:
            # Its rules have ended: it is on the list no more when the page is loaded anew.
            return self._form(request, fields, {"document": FORM_UNREADABLE()})
        verdict = verdict_of(answers, city=city, document=document, today=today)
        start = Start(int(answers.city), answers.document, answers.ground) if verdict.is_eligible else None
        return self._frame.page(
            request=request,
            template="can_i_answer.html",
            cookies=[start_cookie(frame=self._frame, start=start, secret=self._secret, now=now)],
            eligible=verdict.is_eligible,
            failed=[
                (with_days(sentence(one, language), language), with_days(way_out(one, language), language))
                for one in verdict.failed
            ],
            unjudged=[one.in_language(language) for one in unjudged(answers, document=document)],
            terms=terms(city=city, document=document, language=language) if city is not None else [],
            said_before=self._said_before(answers, language),
            fields={name: fields.get(name, "") for name in FIELDS},
            judged_on=day_in_words(today, language),
        )

    def _form(self, request: Web, fields: Mapping[str, str], wrong: Mapping[str, Refusal]) -> Response[bytes]:
        language = language_of(request)
        choices = {
            name: [(value, both.in_language(language)) for value, both in found.items()]
            for name, found in CHOICES.items()
        }
        choices["document"] = [
            (code, one.identity.name_zh if language == "zh" else one.identity.name_en)
            for code, one in self._documents.items()
        ]
        return self._frame.page(
            request=request,
            template="can_i.html",
            status=422 if wrong else 200,
            faults={name: _fault(one, language) for name, one in wrong.items()},
            questions={name: both.in_language(language) for name, both in QUESTIONS.items()},
            choices=choices,
            places=self._places(language),
            chosen={name: fields.get(name, "") for name in FIELDS},
            dates={name: {part: fields.get(f"{name}-{part}", "") for part in PARTS} for name in DATES},
        )

    def _places(self, language: Language) -> list[tuple[str, Any]]:
        """Cities by province for the list to choose from; one that opens later says when."""
        today = local_day(self._clock.now())
        provinces: dict[str, list[tuple[str, str]]] = {}
        for code in sorted(self._cities):
            city = self._cities[code]
            one = city.identity
            name = one.name_zh if language == "zh" else one.name_en
            if not city.is_open(today):
                day = day_in_words(city.opens_on, language)
                name = f"{name}（{day}起）" if language == "zh" else f"{name} (from {day})"
            province = one.province_zh if language == "zh" else one.province_en
            provinces.setdefault(province, []).append((str(code), name))
        nothing = ("", "请选择" if language == "zh" else "Please choose")
        elsewhere = (ELSEWHERE, "其他地方" if language == "zh" else "Another place")
        return [nothing, *provinces.items(), elsewhere]

    def _said_before(self, answers: Answers, language: Language) -> list[tuple[str, str]]:
        """The questions with what was answered."""
        values = {
            name: choices[getattr(answers, name)].in_language(language) for name, choices in CHOICES.items()
        }
        document = self._documents[answers.document].identity
        values["document"] = document.name_zh if language == "zh" else document.name_en
        values["birth"] = day_in_words(answers.birth, language)
        if answers.until is not None:
            values["until"] = day_in_words(answers.until, language)
        city = self._cities.get(int(answers.city)) if answers.city != ELSEWHERE else None
        if city is not None:
            values["city"] = city.identity.name_zh if language == "zh" else city.identity.name_en
        else:
            values["city"] = "其他地方" if language == "zh" else "Another place"
        return [
            (question.in_language(language), values[name])
            for name, question in QUESTIONS.items()
            if name in values
        ]


async def _fields(request: Web) -> dict[str, str] | Refusal:
    """The fields of the form that we know, each cut to what any good answer needs."""
    media = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media != FORM_MEDIA:
        return FORM_UNREADABLE()
    try:
        body = await request.body()
        pairs = parse_qsl(
            body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX, errors="replace"
        )
    except (HTTPException, ValueError):
        # Larger than is taken, not ASCII (a browser writes everything else as %XX), or more fields than there are.
        return FORM_UNREADABLE()
    known = {*FIELDS, "change"}
    return {name: value[:LETTERS_MAX] for name, value in pairs if name in known}


def _fault(refusal: Refusal, language: Language) -> str:
    joint = "" if language == "zh" else " "
    return with_days(f"{sentence(refusal, language)}{joint}{way_out(refusal, language)}", language)
