"""The page on which an applicant has the document brought elsewhere, and stops what somebody else asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from safehand.authority.addresses.address import Address, one_line
from safehand.authority.addresses.deliverability import deliverable
from safehand.authority.addresses.divisions import Divisions
from safehand.authority.addresses.picking import Picked, pick
from safehand.authority.case import Case
from safehand.authority.cities.city import City
from safehand.authority.handover.states import HandoverState
from safehand.authority.notices.wording import moment_words
from safehand.authority.portal.address_form import faults_of, mark_of, refused_at_place, without_phone
from safehand.authority.portal.case_visit import CaseVisit, case_sent, case_visit
from safehand.authority.portal.frame import Web, language_of
from safehand.authority.portal.pages import Portal
from safehand.authority.process import never_posted
from safehand.authority.readdressing.actions import AddressChanges, NewAddress
from safehand.authority.readdressing.refusals import SAME_ADDRESS
from safehand.authority.readdressing.states import ReaddressingState
from safehand.authority.returns.rules import OUR_FAULT
from safehand.authority.returns.states import ReturnsState
from safehand.authority.router import readdressable
from safehand.house.runtime import House
from safehand.kernel.masking import masked_email, masked_phone
from safehand.kernel.outcome import Refusal, sentence, way_out
from safehand.kernel.working_days import local_day

SEEN: Final = "seen"
_ON_THE_WAY_BACK: Final = frozenset({ReturnsState.COMING_BACK, ReturnsState.OFFERED, ReturnsState.ON_SHELF})


def postage_then(case: Case, *, free: bool) -> Literal["", "stands", "again"]:
    """What becomes of the postage when it goes elsewhere (decision 17). `free`: the city asks for none today.

    Prepaid it pays for the first sending, wherever that goes by now (`stands`). One more is paid at the door (`again`) if
    it came back by the recipient's doing; what is called back for the new address goes out free, so nothing is said.
    """
    being_made_ready = case.handover.state is not HandoverState.ACCEPTED
    if free or (being_made_ready and case.handover.free):
        return ""
    if never_posted(case):
        return "stands" if case.payment.postage_fen else ""
    their_doing = case.returns.state in _ON_THE_WAY_BACK and case.returns.reason not in OUR_FAULT
    return "again" if being_made_ready or their_doing else ""


@dataclass(frozen=True, kw_only=True)
class NewAddressPage:
    """The routes under `/cases/…/address`. Nothing is asked without a fresh sign-in; stopping needs none."""

    house: House
    portal: Portal
    changes: AddressChanges
    divisions: Divisions
    cities: Mapping[int, City]

    def routes(self) -> list[Any]:
        """The page as Litestar handlers; none is part of the API's description."""
        here = "/cases/{city:str}/{case:str}/address"
        handlers = [get(here)(self.page), post(here)(self.ask), post(f"{here}/stop")(self.stop)]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    async def page(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/address: the change that waits, or the form for one."""
        visit = await self._visit(request, city, case)
        if isinstance(visit, Response):
            return visit
        if visit.case.readdressing.state is not ReaddressingState.NONE:
            return self._waiting(visit)
        refusal = readdressable(visit.case)
        if refusal is not None:
            return self.portal.frame.problem(request=request, refusal=refusal)
        proving = await self.portal.freshly_proven(request, to=f"{visit.address}/address")
        if proving is not None:
            return proving
        return self._form(visit, self._picked(visit, {}))

    async def ask(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/address: one list further, a search, or another address asked for."""
        came = await case_sent(house=self.house, portal=self.portal, request=request, city=city, case=case)
        if isinstance(came, Response):
            return came
        visit, sent = came
        proving = await self.portal.freshly_proven(request, to=f"{visit.address}/address")
        if proving is not None:
            return proving
        picked = self._picked(visit, sent.fields)
        if picked.address is None:
            return self._form(visit, picked)
        judged = self._judged(visit, picked.address)
        if isinstance(judged, Refusal):
            return self._form(visit, refused_at_place(picked, judged))
        mark = mark_of(picked.address)
        if picked.hints and sent[SEEN] != mark:
            return self._form(visit, picked, asked=mark)
        done = await self.changes.ask(key=visit.key, case=visit.case, actor=visit.session.actor, new=judged)
        if isinstance(done, Refusal):
            return self.portal.frame.problem(request=request, refusal=done)
        return self.portal.frame.redirect(f"{visit.address}/address")

    async def stop(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/address/stop: the old address stays. No fresh sign-in: to stop must be easier than to ask."""
        came = await case_sent(house=self.house, portal=self.portal, request=request, city=city, case=case)
        if isinstance(came, Response):
            return came
        visit, sent = came
        change = int(sent["change"]) if sent["change"].isascii() and sent["change"].isdecimal() else 0
        front, name = self.house.front, "readdressing.stop"
        body = {"city": visit.row.city, "case": visit.row.stream, "change": change}
        item = front.read(name=name, body=msgspec.json.encode(body))
        if isinstance(item, Refusal):
            return self.portal.frame.problem(request=request, refusal=item)
        key = f"{visit.row.stream}-stop-{change}"
        done = await front.call(name=name, session=visit.session, item=item, key=key)
        if isinstance(done, Refusal):
            return self.portal.frame.problem(request=request, refusal=done)
        return self.portal.frame.redirect(f"{visit.address}?done=address-stays")

    # ---- behind the page -------------------------------------------------------------------------------------------

    async def _visit(self, request: Web, city: str, case: str) -> CaseVisit | Response[bytes]:
        return await case_visit(house=self.house, portal=self.portal, request=request, city=city, case=case)

    def _picked(self, visit: CaseVisit, form: Mapping[str, str]) -> Picked:
        form = {**form, "phone": visit.person.phone}
        day = local_day(self.house.clock.now())
        picked = pick(form=form, divisions=self.divisions, recipient=visit.person.name, day=day)
        return without_phone(picked)

    def _judged(self, visit: CaseVisit, address: Address) -> NewAddress | Refusal:
        """What is to be kept, if it is reached and another one than the present."""
        found = deliverable(
            region=address.region,
            city=self.cities[visit.row.city],
            day=local_day(self.house.clock.now()),
            divisions=self.divisions,
            cities=self.cities,
        )
        if isinstance(found, Refusal):
            return found
        line = one_line(address=address, divisions=self.divisions)
        if line == visit.person.address:
            return SAME_ADDRESS()
        return NewAddress(address=line, destination=found.destination)

    def _waiting(self, visit: CaseVisit) -> Response[bytes]:
        step, language = visit.case.readdressing, language_of(visit.request)
        return self.portal.frame.page(
            request=visit.request,
            template="new_address_waits.html",
            address=visit.address,
            state=str(step.state),
            due=moment_words(step.due_at, language) if step.due_at is not None else "",
            change=step.changes,
            csrf=self.portal.forms.token(visit.request),
        )

    def _form(self, visit: CaseVisit, picked: Picked, *, asked: str = "") -> Response[bytes]:
        language = language_of(visit.request)
        told = faults_of(picked, language)
        rules = self.cities[visit.row.city].on(local_day(self.house.clock.now()))
        return self.portal.frame.page(
            request=visit.request,
            template="new_address.html",
            status=422 if told else 200,
            faults=told,
            address=visit.address,
            csrf=self.portal.forms.token(visit.request),
            language=language,
            picked=picked,
            asked=asked,
            hours=rules.clocks.address_change_hours,
            with_the_post=bool(visit.case.handover.placed),
            postage=postage_then(visit.case, free=rules.postage.mode == "free"),
            told_at=[
                masked_phone(visit.person.phone),
                *([masked_email(visit.person.email)] if visit.person.email else []),
            ],
            sentence=sentence,
            way_out=way_out,
        )
