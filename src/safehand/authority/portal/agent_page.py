"""The page on which an applicant names who else may receive the document, and takes it back."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from safehand.authority.agent.actions import name_agent
from safehand.authority.agent.person import AGENT_RECORD, RELATIONS, AgentRecord
from safehand.authority.agent.states import AgentState
from safehand.authority.portal.agent_form import AGENT_FIELDS, agent_fields, agent_sent, relations_in
from safehand.authority.portal.applying.answers import Faults, said_in
from safehand.authority.portal.case_visit import CaseVisit, case_sent, case_visit
from safehand.authority.portal.frame import Web, language_of
from safehand.authority.portal.pages import Portal
from safehand.authority.portal.refusals import FORM_NOT_YOURS
from safehand.authority.router import agent_nameable
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.masking import masked_phone
from safehand.kernel.outcome import Refusal, sentence

_VERSION: Final = re.compile(r"[0-9]{1,9}")


@dataclass(frozen=True, kw_only=True)
class AgentPage:
    """The routes under `/cases/…/agent`. Nobody is named without a fresh sign-in; releasing needs none."""

    house: House
    portal: Portal

    def routes(self) -> list[Any]:
        """The page as Litestar handlers; none is part of the API's description."""
        here = "/cases/{city:str}/{case:str}/agent"
        handlers = [get(here)(self.page), post(here)(self.name), post(f"{here}/release")(self.release)]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    async def page(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/agent: who is named, and the form to name somebody."""
        visit = await self._visit(request, city, case)
        if isinstance(visit, Response):
            return visit
        proving = await self.portal.freshly_proven(request, to=f"{visit.address}/agent")
        if proving is not None:
            return proving
        return await self._page(visit, agent_fields(None), {})

    async def name(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/agent: this person may, and nobody who was named before."""
        came = await case_sent(house=self.house, portal=self.portal, request=request, city=city, case=case)
        if isinstance(came, Response):
            return came
        visit, sent = came
        proving = await self.portal.freshly_proven(request, to=f"{visit.address}/agent")
        if proving is not None:
            return proving
        agent = agent_sent(sent, visit.session, visit.person.phone)
        if isinstance(agent, dict):
            return await self._page(visit, {field: sent[field] for field in AGENT_FIELDS}, agent)
        number = int(sent["number"]) if sent["number"].isascii() and sent["number"].isdecimal() else 0
        done = await name_agent(
            house=self.house,
            key=visit.key,
            case=visit.case,
            actor=visit.session.actor,
            agent=agent,
            number=number,
        )
        if isinstance(done, Refusal):
            return self.portal.frame.problem(request=request, refusal=done)
        return self.portal.frame.redirect(f"{visit.address}/agent")

    async def release(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/agent/release: only the applicant may."""
        came = await case_sent(house=self.house, portal=self.portal, request=request, city=city, case=case)
        if isinstance(came, Response):
            return came
        visit, sent = came
        if not _VERSION.fullmatch(sent["version"]):
            return self.portal.frame.problem(request=request, refusal=FORM_NOT_YOURS())
        front, name = self.house.front, "agent.release"
        body = {"city": visit.row.city, "case": visit.row.stream}
        item = front.read(name=name, body=msgspec.json.encode(body))
        key = f"{visit.row.stream}-release-{sent['version']}"
        done = await front.call(name=name, session=visit.session, item=item, key=key)
        if isinstance(done, Refusal):
            return self.portal.frame.problem(request=request, refusal=done)
        return self.portal.frame.redirect(f"{visit.address}?done=released")

    # ---- behind the page -------------------------------------------------------------------------------------------

    async def _visit(self, request: Web, city: str, case: str) -> CaseVisit | Response[bytes]:
        return await case_visit(house=self.house, portal=self.portal, request=request, city=city, case=case)

    async def _agent(self, visit: CaseVisit) -> AgentRecord | None:
        if visit.case.agent.state is AgentState.NONE:
            return None
        record = (await read_persons(house=self.house, keys=[visit.key], name=AGENT_RECORD)).get(visit.key)
        return msgspec.json.decode(record, type=AgentRecord) if record else None

    async def _page(self, visit: CaseVisit, typed: Mapping[str, str], faults: Faults) -> Response[bytes]:
        language, named = language_of(visit.request), await self._agent(visit)
        shut = agent_nameable(visit.case)
        return self.portal.frame.page(
            request=visit.request,
            template="agent.html",
            status=422 if faults else 200,
            faults=said_in(faults, language),
            address=visit.address,
            csrf=self.portal.forms.token(visit.request),
            version=visit.row.version,
            number=visit.case.agent.number + 1,
            named=None
            if named is None
            else (named.name, RELATIONS[named.relation].in_language(language), masked_phone(named.phone)),
            shut="" if shut is None else sentence(shut, language),
            typed=typed,
            relations=relations_in(language),
        )
