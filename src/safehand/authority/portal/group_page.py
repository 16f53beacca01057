"""The page of a family's documents: all of them in one timeline, how they go, who may receive for whom."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from safehand.authority.agent.states import AgentState
from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.case import Case
from safehand.authority.group.actions import Groups, MemberActs, is_adult
from safehand.authority.group.group import Group
from safehand.authority.group.refusals import TOO_YOUNG
from safehand.authority.group.rules import IN_GROUP
from safehand.authority.group.states import MembershipState
from safehand.authority.portal.case_visit import CaseVisit, case_sent, case_visit
from safehand.authority.portal.forms import Sent
from safehand.authority.portal.frame import Web, language_of
from safehand.authority.portal.pages import Portal
from safehand.authority.portal.refusals import FORM_NOT_YOURS
from safehand.authority.portal.sharing import SharedState, shared_state
from safehand.authority.router import agent_nameable, groupable
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.masking import masked_name
from safehand.kernel.outcome import Language, Refusal, sentence
from safehand.kernel.shell import Done

JOIN: Final = "/join"
REFERENCE_LETTERS: Final = 16
_VERSION: Final = re.compile(r"[0-9]{1,9}")


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One member as the others see them: the name masked, the state and no more."""

    reference: str
    name: str
    own: bool
    told: SharedState | None
    """None: the person is erased."""
    waits: bool
    receives: bool


@dataclass(frozen=True, kw_only=True)
class GroupPage:
    """The routes under `/cases/…/group`: of one's own case, so nobody else's group has an address."""

    house: House
    portal: Portal
    acts: MemberActs

    def routes(self) -> list[Any]:
        """The pages as Litestar handlers; none is part of the API's description."""
        here = "/cases/{city:str}/{case:str}/group"
        handlers = [
            get(here)(self.page),
            post(f"{here}/begin")(self.begin),
            post(f"{here}/invite")(self.invite),
            post(f"{here}/split")(self.split),
            post(f"{here}/offer")(self.offer),
            post(f"{here}/receiver")(self.receiver),
            post(f"{here}/leave")(self.leave),
        ]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    async def page(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """GET …/group: the group of this case, or how to begin one."""
        visit = await case_visit(house=self.house, portal=self.portal, request=request, city=city, case=case)
        if isinstance(visit, Response):
            return visit
        group = await self._group(visit)
        return self._beginning(visit) if group is None else await self._shown(visit, group)

    async def begin(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/group/begin: together, or each by itself."""
        sent = await self._sent(request, city, case)
        if isinstance(sent, Response):
            return sent
        visit, form = sent
        if form["together"] not in ("yes", "no"):
            return self._problem(visit, FORM_NOT_YOURS())
        return await self._act(visit, form, "begin", {"together": form["together"] == "yes"})

    async def split(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/group/split: nobody waits any more."""
        sent = await self._sent(request, city, case)
        return sent if isinstance(sent, Response) else await self._act(*sent, "split", {})

    async def offer(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/group/offer: whether the others may name one."""
        sent = await self._sent(request, city, case)
        if isinstance(sent, Response):
            return sent
        visit, form = sent
        receives = form["receives"] == "yes"
        if receives and not is_adult(person=visit.person, now=self.house.clock.now()):
            return self._problem(visit, TOO_YOUNG())
        return await self._act(visit, form, "offer", {"receives": receives})

    async def leave(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/group/leave: one's own way again."""
        sent = await self._sent(request, city, case)
        if isinstance(sent, Response):
            return sent
        visit, form = sent
        done = await self._act(visit, form, "leave", {})
        left = done.status_code == 303
        return self.portal.frame.redirect(f"{visit.address}?done=left-group") if left else done

    async def invite(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/group/invite: a new link; the last one opens nothing any more."""
        sent = await self._sent(request, city, case)
        if isinstance(sent, Response):
            return sent
        visit, form = sent
        done = await self.acts.invite(
            key=visit.key, case=visit.case, actor=visit.session.actor, number=_number(form["number"])
        )
        return self._shown_again(visit, done)

    async def receiver(self, request: Web, city: FromPath[str], case: FromPath[str]) -> Response[bytes]:
        """POST …/group/receiver: this one may receive mine. Only after a fresh sign-in, like anybody who is named."""
        sent = await self._sent(request, city, case)
        if isinstance(sent, Response):
            return sent
        visit, form = sent
        proving = await self.portal.freshly_proven(request, to=f"{visit.address}/group")
        if proving is not None:
            return proving
        done = await self.acts.let_receive(
            key=visit.key,
            case=visit.case,
            person=visit.person,
            actor=visit.session.actor,
            receiver=await self._member(visit, form["member"]),
            number=_number(form["number"]),
        )
        return self._shown_again(visit, done)

    # ---- behind the pages -------------------------------------------------------------------------------------------

    async def _sent(self, request: Web, city: str, case: str) -> tuple[CaseVisit, Sent] | Response[bytes]:
        return await case_sent(house=self.house, portal=self.portal, request=request, city=city, case=case)

    def _problem(self, visit: CaseVisit, refusal: Refusal) -> Response[bytes]:
        return self.portal.frame.problem(request=visit.request, refusal=refusal)

    async def _act(self, visit: CaseVisit, form: Sent, act: str, said: Mapping[str, Any]) -> Response[bytes]:
        """A button, through the front door like every call; pressed twice on one page, it is one request."""
        if not _VERSION.fullmatch(form["version"]):
            return self._problem(visit, FORM_NOT_YOURS())
        front, name = self.house.front, f"group.{act}"
        body = {"city": visit.row.city, "case": visit.row.stream, **said}
        item = front.read(name=name, body=msgspec.json.encode(body))
        key = f"{visit.row.stream}-group-{act}-{form['version']}"
        done = await front.call(name=name, session=visit.session, item=item, key=key)
        return self._shown_again(visit, done)

    def _shown_again(self, visit: CaseVisit, done: Done | Refusal) -> Response[bytes]:
        if isinstance(done, Refusal):
            return self._problem(visit, done)
        return self.portal.frame.redirect(f"{visit.address}/group")

    async def _group(self, visit: CaseVisit) -> Group | None:
        if visit.case.group.state is MembershipState.NONE:
            return None
        return await Groups(house=self.house).read(key=StreamKey(visit.key.city, visit.case.group.group))

    def _reference(self, case: str) -> str:
        """How a form names a member: by nothing that means anything elsewhere."""
        return self.house.vault.digest(purpose="group member", value=case).hex()[:REFERENCE_LETTERS]

    async def _member(self, visit: CaseVisit, reference: str) -> str:
        """The case of the member meant; empty: there is none."""
        group = await self._group(visit)
        members = group.members if group is not None else {}
        return next((one for one in members if self._reference(one) == reference), "")

    def _beginning(self, visit: CaseVisit) -> Response[bytes]:
        language, shut = language_of(visit.request), groupable(visit.case)
        return self.portal.frame.page(
            request=visit.request,
            template="group_begin.html",
            address=visit.address,
            csrf=self.portal.forms.token(visit.request),
            version=visit.row.version,
            days=self._days(visit),
            shut="" if shut is None else sentence(shut, language),
        )

    def _days(self, visit: CaseVisit) -> int:
        return self.portal.city_on(visit.key.city).clocks.group_wait_working_days

    async def _shown(self, visit: CaseVisit, group: Group) -> Response[bytes]:
        language, now = language_of(visit.request), self.house.clock.now()
        key = StreamKey(visit.key.city, visit.case.group.group)
        case, member = visit.case, group.members[visit.row.stream]
        named = case.agent.state is AgentState.NAMED and case.agent.number == case.group.receiver_number
        invited = group.invited_until is not None and group.invited_until > now
        token = self.acts.invitations.token(key=key, number=group.invitations)
        return self.portal.frame.page(
            request=visit.request,
            template="group.html",
            address=visit.address,
            csrf=self.portal.forms.token(visit.request),
            version=visit.row.version,
            members=await self._members(visit, group, language),
            together=group.together,
            days=self._days(visit),
            link=f"{self.portal.frame.origin}{JOIN}/{token}" if invited else "",
            until=group.invited_until,
            invitation=group.invitations + 1,
            leaves=case.group.state in IN_GROUP,
            waits=case.group.state is MembershipState.WAITING,
            receives=member.receives,
            grown=is_adult(person=visit.person, now=self.house.clock.now()),
            receiver=self._reference(member.receiver) if named and member.receiver else "",
            names_somebody=case.agent.state is not AgentState.NONE,
            may_name=agent_nameable(case) is None,
            number=case.agent.number + 1,
            now=now,
        )

    async def _members(self, visit: CaseVisit, group: Group, language: Language) -> list[Shown]:
        keys = [StreamKey(visit.key.city, case) for case in group.members]
        rows = await self.house.store.streams(keys=keys)
        persons = await read_persons(house=self.house, keys=keys, name=PERSON_RECORD)
        now = self.house.clock.now()
        shown: list[Shown] = []
        for key in keys:
            member, told, name = group.members[key.stream], None, "***"
            if key in persons and key in rows:
                case = msgspec.json.decode(rows[key].state, type=Case)
                timeline = await self.portal.told(key=key, case=case, now=now, language=language)
                told = shared_state(case=case, told=timeline, language=language)
                name = masked_name(msgspec.json.decode(persons[key], type=PersonRecord).name)
            shown.append(
                Shown(
                    reference=self._reference(key.stream),
                    name=name,
                    own=key == visit.key,
                    told=told,
                    waits=member.standing == "waiting",
                    receives=member.receives and told is not None,
                )
            )
        return shown


def _number(text: str) -> int:
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 10 else 0
