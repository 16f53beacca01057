"""The page on which a recipient has the document brought on another day, or fetches it at the post office."""

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from safehand.authority.cities.post_offices import PostOffice, PostOffices
from safehand.authority.notices.wording import Both, date_words, deadline_words
from safehand.authority.portal.case_visit import CaseVisit, case_sent, case_visit
from safehand.authority.portal.frame import Web, language_of
from safehand.authority.portal.pages import Portal
from safehand.authority.portal.refusals import FORM_NOT_YOURS
from safehand.authority.router import wish_days, wishable
from safehand.authority.rulebook import Rulebook
from safehand.authority.tracking import events as tracking
from safehand.authority.tracking.rules import position
from safehand.authority.wish.rules import asked
from safehand.authority.wish.states import WishState
from safehand.house.runtime import House
from safehand.kernel.outcome import Language, Refusal
from safehand.kernel.working_days import end_of_day, local_day
from safehand.link.messages import WISHES_MAX, Scan

POST_OFFICE: Final = "post_office"
CHOOSE: Final = Both(
    zh="请选择投递日，或选择到邮政网点领取。", en="Choose a day, or that you fetch it at the post office."
)
_PLACES: Final = frozenset({Scan.AT_OFFICE, Scan.OUT_FOR_DELIVERY, Scan.HELD})


@dataclass(frozen=True, kw_only=True)
class WishPage:
    """The routes under `/cases/…/wish`. Nothing goes elsewhere by a wish, so none needs a fresh sign-in."""

    house: House
    portal: Portal
    book: Rulebook
    offices: PostOffices

    def routes(self) -> list[Any]:
        """The page as Litestar handlers; none is part of the API's description."""
        here = "/cases/{city:str}/{case:str}/wish"
        handlers = [get(here)(self.page), post(here)(self.ask)]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    async def page(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/wish: what can be chosen, and what was."""
        visit = await self._visit(request, city, case)
        if isinstance(visit, Response):
            return visit
        refusal = wishable(visit.case)
        if refusal is not None:
            return self.portal.frame.problem(request=request, refusal=refusal)
        return await self._page(visit, {})

    async def ask(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/wish: this day, or the post office."""
        came = await case_sent(house=self.house, portal=self.portal, request=request, city=city, case=case)
        if isinstance(came, Response):
            return came
        visit, sent = came
        chosen = sent["wish"]
        if not chosen:
            return await self._page(visit, {"wish": CHOOSE.in_language(language_of(request))})
        body: dict[str, Any] = {"city": visit.row.city, "case": visit.row.stream}
        body["number"] = int(sent["number"]) if sent["number"] in {str(n) for n in _NUMBERS} else 0
        body |= {"wish": POST_OFFICE} if chosen == POST_OFFICE else {"wish": "another_day", "day": chosen}
        front, name = self.house.front, "wish.ask"
        item = front.read(name=name, body=msgspec.json.encode(body))
        if isinstance(item, Refusal):
            # Only a form that is none of ours names a day that is none, or no wish.
            return self.portal.frame.problem(request=request, refusal=FORM_NOT_YOURS())
        key = f"{visit.row.stream}-wish-{visit.case.tracking.order[-8:]}-{body['number']}"
        done = await front.call(name=name, session=visit.session, item=item, key=key)
        if isinstance(done, Refusal):
            return self.portal.frame.problem(request=request, refusal=done)
        return self.portal.frame.redirect(f"{visit.address}?done=wished")

    # ---- behind the page -------------------------------------------------------------------------------------------

    async def _visit(self, request: Web, city: str, case: str) -> CaseVisit | Response[bytes]:
        return await case_visit(house=self.house, portal=self.portal, request=request, city=city, case=case)

    async def _page(self, visit: CaseVisit, faults: dict[str, str]) -> Response[bytes]:
        language, now = language_of(visit.request), self.house.clock.now()
        days = wish_days(visit.case, now=now, book=self.book, city=visit.row.city)
        rules = self.book.city(visit.row.city, local_day(now))
        offered = rules is not None and rules.reach.post_office != "never"
        office = await self._office(visit, local_day(now)) if offered else None
        before = asked(visit.case.wish, visit.case.tracking.order)
        return self.portal.frame.page(
            request=visit.request,
            template="wish.html",
            status=422 if faults else 200,
            faults=faults,
            address=visit.address,
            csrf=self.portal.forms.token(visit.request),
            number=before + 1,
            left=WISHES_MAX - before,
            days=[(day.isoformat(), date_words(day, language)) for day in days],
            last=date_words(days[-1], language) if days else "",
            at_office=offered,
            office=office.words(language) if office is not None else "",
            kept_days=rules.delivery.held_days if rules is not None else 0,
            held_until=_held_until(visit, language),
            wished=_wished(visit, language) if before else "",
        )

    async def _office(self, visit: CaseVisit, day: date) -> PostOffice | None:
        """The office that has it or had it last, if it is one that the files name."""
        order = visit.case.tracking.order
        place, current = "", ""
        for one in await self.portal.dated(visit.key):
            match one.event:
                case tracking.TrackingOpened():
                    place, current = "", one.event.order
                case tracking.ScanRecorded() if one.event.scan in _PLACES:
                    place = one.event.place
                case _:
                    pass
        return self.offices.find(code=place, day=day) if place and current == order else None


_NUMBERS: Final = range(1, WISHES_MAX + 2)


def _wished(visit: CaseVisit, language: Language) -> str:
    step = visit.case.wish
    if step.state is WishState.POST_OFFICE or step.day is None:
        return AT_OFFICE.in_language(language)
    return date_words(step.day, language)


def _held_until(visit: CaseVisit, language: Language) -> str:
    """By when it must be fetched, if it lies at the counter; else nothing."""
    step = visit.case.tracking
    if step.held_to is None or position(step) is not Scan.HELD:
        return ""
    return deadline_words(end_of_day(step.held_to), language)


AT_OFFICE: Final = Both(zh="到邮政网点领取", en="you fetch it at the post office")
