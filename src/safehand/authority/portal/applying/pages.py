"""The addresses under `/apply`: begin, the list of steps, each step, the last look, and off it goes.

Every page works on the draft alone (`application/drafts.py`); only the last button is an application, and it goes through the
house's front door like every call. A draft's own identifier is its key, so pressing twice applies once.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath
from msgspec.structs import replace

from safehand.authority.application.actions import facts_of
from safehand.authority.application.commands import Part
from safehand.authority.application.drafts import Draft, Drafts
from safehand.authority.cities.city import CityOn
from safehand.authority.documents.document import DocumentOn
from safehand.authority.eligibility.rules import EligibilityRequest, Verdict, judge
from safehand.authority.notices.wording import money_words
from safehand.authority.portal.agent_form import (
    AGENT_FIELDS,
    NOBODY,
    agent_fields,
    agent_sent,
    relations_in,
)
from safehand.authority.portal.applying import answers, postage
from safehand.authority.portal.applying.answers import Faults, Step
from safehand.authority.portal.applying.delivery import DeliveryStep
from safehand.authority.portal.applying.looking import LOOKED_BYTES_MAX
from safehand.authority.portal.applying.picture_steps import HERE, PICTURES, PictureSteps, Visit
from safehand.authority.portal.forms import Forms, Sent
from safehand.authority.portal.frame import Frame, Web, language_of
from safehand.authority.portal.start import start_of
from safehand.authority.ports.register import Register
from safehand.authority.register.facts import RegisterFacts
from safehand.authority.rulebook import Rulebook
from safehand.house.problems import NOT_FOUND
from safehand.house.runtime import House
from safehand.house.sessions import Identity, Session
from safehand.kernel.masking import masked_name
from safehand.kernel.outcome import Language, Refusal, sentence, way_out
from safehand.kernel.working_days import local_day


@dataclass(frozen=True, kw_only=True)
class Applying:
    """The pages. Everything is given; nothing is kept between two requests."""

    house: House
    frame: Frame
    forms: Forms
    drafts: Drafts
    steps: PictureSteps
    register: Register
    book: Rulebook
    delivery: DeliveryStep
    form_secret: bytes
    city_names: Mapping[int, tuple[str, str]]
    """Code -> Chinese and English name of the cities in the files, in the order of their codes."""
    document_names: Mapping[str, tuple[str, str]]

    def routes(self) -> list[Any]:
        """Every address as a Litestar handler; none is part of the API's description."""
        handlers = [
            get("/apply")(self.overview),
            get("/apply/begin")(self.ask_begin),
            post("/apply/begin")(self.begin),
            get("/apply/check")(self.look_over),
            post("/apply/send")(self.send),
            get("/apply/discard")(self.ask_discard),
            post("/apply/discard")(self.discard),
            get("/apply/contact")(self.step_page("contact")),
            post("/apply/contact")(self.save_contact),
            get("/apply/travel")(self.step_page("travel")),
            post("/apply/travel")(self.save_travel),
            get("/apply/delivery")(self.ask_delivery),
            post("/apply/delivery")(self.save_delivery),
            get("/apply/postage")(self.ask_postage),
            post("/apply/postage")(self.save_postage),
            get("/apply/agent")(self.ask_agent),
            post("/apply/agent")(self.save_agent),
            *(get(f"/apply/{part}")(self.picture_page(part)) for part in PICTURES),
            *(
                post(f"/apply/{part}", request_max_body_size=LOOKED_BYTES_MAX)(self.take_picture(part))
                for part in PICTURES
            ),
            *(post(f"/apply/{part}/mend")(self.mend_picture(part)) for part in PICTURES),
            get("/apply/{part:str}/picture")(self.picture),
        ]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    # ---- who, and with what ----------------------------------------------------------------------------------------

    async def _visit(self, request: Web) -> Visit | Response[bytes]:
        """The applicant with a draft; else the page to go to."""
        session = await self.forms.session(request)
        if session is None:
            return self.frame.redirect("/sign-in?to=/apply")
        held = await self.drafts.read(owner=session.actor)
        if held is None:
            return self.frame.redirect("/apply/begin")
        today = local_day(self.house.clock.now())
        document = self.book.document(held.draft.document, today)
        return Visit(
            request=request,
            session=session,
            owner=session.actor,
            base=HERE,
            held=held,
            day=today,
            language=language_of(request),
            rules=document.photo_rule_set if document is not None else "",
        )

    async def _posted(self, request: Web, *, uploads: bool = False) -> tuple[Visit, Sent] | Response[bytes]:
        """A form of ours by an applicant with a draft; else the answer that says why not."""
        visit = await self._visit(request)
        if isinstance(visit, Response):
            return visit
        sent = await self.forms.sent(request, uploads=uploads)
        if isinstance(sent, Refusal):
            return self.frame.problem(request=request, refusal=sent)
        return visit, sent

    async def _saved(self, visit: Visit, draft: Draft, step: Step) -> Response[bytes]:
        """Keep the draft, and on to the next step that is not done."""
        return await self.steps.save(visit, draft, visit.with_draft(draft).after(step))

    def _page(self, visit: Visit, template: str, **values: Any) -> Response[bytes]:
        return self.steps.page(visit, template, **values)

    # ---- begin -----------------------------------------------------------------------------------------------------

    async def overview(self, request: Web) -> Response[bytes]:
        """GET /apply: the steps as they stand."""
        visit = await self._visit(request)
        if isinstance(visit, Response):
            return visit
        draft = visit.held.draft
        return self._page(
            visit,
            "steps",
            tasks=answers.tasks(draft),
            whole=answers.is_whole(draft),
            what=self._what(draft, visit.language),
        )

    async def ask_begin(self, request: Web) -> Response[bytes]:
        """GET /apply/begin: city, document, ground; what was answered before sign-in is filled in."""
        session = await self.forms.session(request)
        if session is None:
            return self.frame.redirect("/sign-in?to=/apply")
        if await self.drafts.read(owner=session.actor) is not None:
            return self.frame.redirect("/apply")
        now = self.house.clock.now()
        start = start_of(request=request, secret=self.form_secret, now=now)
        chosen = (start.city, start.document, start.ground) if start is not None else (0, "", "")
        return await self._begin_page(request, session, chosen, {})

    async def _begin_page(
        self,
        request: Web,
        session: Session,
        chosen: tuple[int, str, str],
        faults: Faults,
        verdict: Verdict | None = None,
    ) -> Response[bytes]:
        language = language_of(request)
        [known] = await facts_of(register=self.register, sessions=[session])
        if isinstance(known, Refusal):
            return self.frame.problem(request=request, refusal=known)
        person, facts = known
        household = int(facts.household_city)
        city, document, ground = chosen
        return self.frame.page(
            request=request,
            template="apply/begin.html",
            status=422 if faults else 200,
            faults=answers.said_in(faults, language),
            csrf=self.forms.token(request),
            person=_shown(person, facts, language, self.city_names),
            cities=[(code, names[language == "en"]) for code, names in self.city_names.items()],
            city=city or (household if household in self.city_names else 0),
            documents=[(code, names[language == "en"]) for code, names in self.document_names.items()],
            document=document,
            ground=ground,
            failed=[
                (sentence(one, language), way_out(one, language))
                for one in (verdict.failed if verdict else ())
            ],
        )

    async def begin(self, request: Web) -> Response[bytes]:
        """POST /apply/begin: judged by the register at once; who may apply has a draft from here on."""
        session = await self.forms.session(request)
        if session is None:
            return self.frame.redirect("/sign-in?to=/apply")
        sent = await self.forms.sent(request)
        if isinstance(sent, Refusal):
            return self.frame.problem(request=request, refusal=sent)
        chosen, faults = self._chosen(sent)
        if faults:
            return await self._begin_page(request, session, chosen, faults)
        verdict = await self._judged(session, chosen)
        if isinstance(verdict, Refusal):
            return self.frame.problem(request=request, refusal=verdict)
        if not verdict.is_eligible:
            return await self._begin_page(request, session, chosen, {}, verdict)
        city, document, ground = chosen
        draft = Draft(
            id=self.house.ids.new(prefix="dr", basis=f"{session.actor} {self.house.clock.now().isoformat()}"),
            city=city,
            document=document,
            ground=ground,
            language=language_of(request),
        )
        held = self.drafts.begun(owner=session.actor, draft=draft)
        saved = await self.drafts.save(owner=session.actor, held=held, draft=draft)
        # Begun in another window at the same moment: that one is shown.
        return self.frame.redirect("/apply" if saved is None else "/apply/contact")

    def _chosen(self, sent: Sent) -> tuple[tuple[int, str, str], Faults]:
        code = int(sent["city"]) if sent["city"].isascii() and sent["city"].isdecimal() else 0
        faults: Faults = {}
        if code not in self.city_names:
            faults["city"] = answers.CITY_WRONG
        if sent["document"] not in self.document_names:
            faults["document"] = answers.DOCUMENT_WRONG
        if sent["ground"] not in answers.GROUNDS:
            faults["ground"] = answers.GROUND_WRONG
        return (code, sent["document"][:40], sent["ground"][:40]), faults

    async def _judged(self, session: Session, chosen: tuple[int, str, str]) -> Verdict | Refusal:
        city, code, ground = chosen
        today = local_day(self.house.clock.now())
        document = self.book.document(code, today)
        if document is None:
            return NOT_FOUND()
        [known] = await facts_of(register=self.register, sessions=[session])
        if isinstance(known, Refusal):
            return known
        return judge(
            person=known[1],
            request=msgspec.convert({"ground": ground}, EligibilityRequest),
            city=self.book.city(city, today),
            document=document,
            today=today,
        )

    async def ask_discard(self, request: Web) -> Response[bytes]:
        """GET /apply/discard: asked once more."""
        visit = await self._visit(request)
        return visit if isinstance(visit, Response) else self._page(visit, "discard")

    async def discard(self, request: Web) -> Response[bytes]:
        """POST /apply/discard: the draft and everything uploaded is deleted."""
        posted = await self._posted(request)
        if isinstance(posted, Response):
            return posted
        await self.drafts.forget(owners=[posted[0].session.actor])
        return self.frame.redirect("/my")

    # ---- the plain steps -------------------------------------------------------------------------------------------

    def step_page(self, step: Step) -> Any:
        """GET of a step that needs nothing but the draft."""

        async def show(request: Web) -> Response[bytes]:
            visit = await self._visit(request)
            return visit if isinstance(visit, Response) else self._page(visit, step)

        show.__name__ = f"show_{step}"
        return show

    async def save_contact(self, request: Web) -> Response[bytes]:
        """POST /apply/contact."""
        posted = await self._posted(request)
        if isinstance(posted, Response):
            return posted
        visit, sent = posted
        draft, faults = answers.contact(visit.held.draft, sent)
        if faults:
            return self._page(visit.with_draft(draft), "contact", faults=faults)
        return await self._saved(visit, draft, "contact")

    async def save_travel(self, request: Web) -> Response[bytes]:
        """POST /apply/travel."""
        posted = await self._posted(request)
        if isinstance(posted, Response):
            return posted
        visit, sent = posted
        draft, faults = answers.travel(visit.held.draft, sent)
        if faults:
            return self._page(visit, "travel", faults=faults)
        return await self._saved(visit, draft, "travel")

    # ---- how one gets it -------------------------------------------------------------------------------------------

    async def ask_delivery(self, request: Web) -> Response[bytes]:
        """GET /apply/delivery."""
        visit = await self._visit(request)
        return visit if isinstance(visit, Response) else await self.delivery.show(visit)

    async def save_delivery(self, request: Web) -> Response[bytes]:
        """POST /apply/delivery: one list further, a search, an address of the book, or done."""
        posted = await self._posted(request)
        if isinstance(posted, Response):
            return posted
        visit, taken = posted[0], await self.delivery.take(*posted)
        if isinstance(taken, Response):
            return taken
        if postage.is_asked(taken, self._city(visit)):
            # Where it goes is settled, and with it what it costs.
            return await self.steps.save(visit, taken, f"{HERE}/{postage.FIELD}")
        return await self._saved(visit, taken, "delivery")

    async def ask_postage(self, request: Web) -> Response[bytes]:
        """GET /apply/postage: what it costs, and how it is paid; where there is nothing to choose one is led on."""
        visit = await self._visit(request)
        if isinstance(visit, Response):
            return visit
        if not postage.is_asked(visit.held.draft, self._city(visit)):
            return self.frame.redirect(f"{HERE}/delivery")
        return self._postage_page(visit, {})

    async def save_postage(self, request: Web) -> Response[bytes]:
        """POST /apply/postage."""
        posted = await self._posted(request)
        if isinstance(posted, Response):
            return posted
        visit, sent = posted
        if not postage.is_asked(visit.held.draft, self._city(visit)):
            return self.frame.redirect(f"{HERE}/delivery")
        draft, faults = postage.taken(visit.held.draft, self._city(visit), sent)
        return self._postage_page(visit, faults) if faults else await self._saved(visit, draft, "delivery")

    def _postage_page(self, visit: Visit, faults: Faults) -> Response[bytes]:
        draft, city = visit.held.draft, self._city(visit)
        mode, _ = postage.holds(draft, city)
        choices = postage.radios(draft, city, visit.language)
        return self._page(visit, postage.FIELD, faults=faults, choices=choices, chosen=mode)

    async def ask_agent(self, request: Web) -> Response[bytes]:
        """GET /apply/agent: who else may receive it; nobody has to."""
        visit = await self._visit(request)
        if isinstance(visit, Response):
            return visit
        agent = visit.held.draft.agent
        return self._agent_page(visit, agent_fields(agent), {})

    async def save_agent(self, request: Web) -> Response[bytes]:
        """POST /apply/agent: named, or nobody."""
        posted = await self._posted(request)
        if isinstance(posted, Response):
            return posted
        visit, sent = posted
        agent = None if sent["step"] == NOBODY else agent_sent(sent, visit.session, visit.held.draft.phone)
        if isinstance(agent, dict):
            return self._agent_page(visit, {field: sent[field] for field in AGENT_FIELDS}, agent)
        return await self._saved(visit, replace(visit.held.draft, agent=agent), "delivery")

    def _agent_page(self, visit: Visit, typed: Mapping[str, str], faults: Faults) -> Response[bytes]:
        relations = relations_in(visit.language)
        return self._page(visit, "agent", faults=faults, typed=typed, relations=relations)

    # ---- pictures --------------------------------------------------------------------------------------------------

    def picture_page(self, part: Part) -> Any:
        """GET of a picture's step."""

        async def show(request: Web) -> Response[bytes]:
            visit = await self._visit(request)
            return visit if isinstance(visit, Response) else self.steps.show(visit, part)

        show.__name__ = f"show_{part}"
        return show

    def take_picture(self, part: Part) -> Any:
        """POST of a picture."""

        async def take(request: Web) -> Response[bytes]:
            posted = await self._posted(request, uploads=True)
            if isinstance(posted, Response):
                return posted
            return await self.steps.take(posted[0], posted[1], part)

        take.__name__ = f"take_{part}"
        return take

    def mend_picture(self, part: Part) -> Any:
        """POST …/mend."""

        async def mend(request: Web) -> Response[bytes]:
            posted = await self._posted(request)
            return posted if isinstance(posted, Response) else await self.steps.mend(posted[0], part)

        mend.__name__ = f"mend_{part}"
        return mend

    async def picture(self, request: Web, part: FromPath[str]) -> Response[bytes]:
        """GET …/picture."""
        visit = await self._visit(request)
        return visit if isinstance(visit, Response) else await self.steps.seen(visit, part)

    # ---- the last look, and off ------------------------------------------------------------------------------------

    async def look_over(self, request: Web) -> Response[bytes]:
        """GET /apply/check: every answer once more, the fee, the clocks."""
        visit = await self._visit(request)
        if isinstance(visit, Response):
            return visit
        if not answers.is_whole(visit.held.draft):
            return self.frame.redirect("/apply")
        return self._check_page(visit, {})

    def _check_page(self, visit: Visit, faults: Faults) -> Response[bytes]:
        draft, city, document = visit.held.draft, self._city(visit), self._document(visit)
        mode, postage_fen = postage.holds(draft, city)
        return self._page(
            visit,
            "check",
            faults=faults,
            what=self._what(draft, visit.language),
            city=city,
            document=document,
            postage=postage.in_words(mode, postage_fen, visit.language),
            postage_asked=postage.is_asked(draft, city),
            online_fen=document.fee_fen + postage_fen if mode == "prepaid" else 0,
            name=_masked(visit.session),
            money=partial(money_words, language=visit.language),
        )

    async def send(self, request: Web) -> Response[bytes]:
        """POST /apply/send: the application itself."""
        posted = await self._posted(request)
        if isinstance(posted, Response):
            return posted
        visit, sent = posted
        draft, faults = answers.declared(visit.held.draft, sent)
        if faults:
            return self._check_page(visit.with_draft(draft), faults)
        if not answers.is_whole(draft):
            return self.frame.redirect("/apply")
        if (away := self.delivery.away(visit)) is not None:
            # What reaches an address is dated: it may have changed since the draft was begun.
            return self.frame.problem(request=request, refusal=away)
        draft = postage.still_offered(draft, self._city(visit))
        front, item = self.house.front, answers.request_of(draft)
        outcome = await front.call(
            name="application.submit", session=visit.session, item=item, key=visit.held.draft.id
        )
        if isinstance(outcome, Refusal):
            return self.frame.problem(request=request, refusal=outcome)
        await self.drafts.forget(owners=[visit.session.actor])
        return self.frame.redirect(f"/cases/{outcome.city}/{outcome.stream}?done=submitted")

    # ---- words and rules -------------------------------------------------------------------------------------------

    def _city(self, visit: Visit) -> CityOn:
        found = self.book.city(visit.held.draft.city, visit.day)
        if found is None:
            raise LookupError("the city of a draft is in the files")
        return found

    def _document(self, visit: Visit) -> DocumentOn:
        found = self.book.document(visit.held.draft.document, visit.day)
        if found is None:
            raise LookupError("the document of a draft is in the files")
        return found

    def _what(self, draft: Draft, language: Language) -> tuple[str, str, str]:
        """Document, city and ground in words."""
        english = language == "en"
        document = self.document_names.get(draft.document, (draft.document, draft.document))[english]
        city = self.city_names.get(draft.city, ("", ""))[english]
        return document, city, answers.GROUNDS[draft.ground].in_language(language)


def _masked(session: Session) -> str:
    return masked_name(session.identity.name) if session.identity is not None else ""


def _shown(
    person: Identity, facts: RegisterFacts, language: Language, cities: Mapping[int, tuple[str, str]]
) -> dict[str, str]:
    """What the register knows, so that nobody types it: the number only by its ends."""
    number = person.id_number
    household = cities.get(int(facts.household_city))
    return {
        "name": person.name,
        "number": f"{number[:4]}{'*' * (len(number) - 8)}{number[-4:]}",
        "household": household[language == "en"] if household is not None else "",
    }
