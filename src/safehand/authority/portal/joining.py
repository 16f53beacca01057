"""The page of an invitation to a group. Without a sign-in it shows nothing; without the right link it answers as an unknown one."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec
from litestar import Response, get, post
from litestar.params import FromPath

from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.case import Case
from safehand.authority.group.actions import Groups, Invitations
from safehand.authority.group.commands import JoinGroup
from safehand.authority.group.group import Group, joinable
from safehand.authority.group.refusals import INVITATION_OVER, OTHER_CITY
from safehand.authority.group.states import MembershipState
from safehand.authority.notices.wording import Both
from safehand.authority.portal.applying.answers import Faults, said_in
from safehand.authority.portal.forms import Sent
from safehand.authority.portal.frame import Web, language_of
from safehand.authority.portal.group_page import JOIN
from safehand.authority.portal.pages import Portal
from safehand.authority.portal.refusals import INVITATION_UNKNOWN
from safehand.authority.portal.sharing import SEEN_BY_NOBODY_ELSE
from safehand.authority.portal.sign_in import leads_to, way_in
from safehand.authority.readdressing.actions import AddressChanges, NewAddress
from safehand.authority.router import groupable, readdressable
from safehand.house.erasure import ERASED
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.kernel.machine import StreamKey
from safehand.kernel.masking import masked_name
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Call
from safehand.kernel.store import VaultRow

CHOOSE: Both = Both(zh="请选择要加入的申请。", en="Choose the application that joins.")
ADDRESS: Both = Both(
    zh="该申请的收件地址与同行组不同。如同意改寄同行组的地址，请勾选。",
    en="This application goes to another address than the group’s. Tick the box if it may go to the group’s.",
)


class Invited(NamedTuple):
    """What a link leads to, for somebody who is signed in."""

    session: Session
    key: StreamKey
    group: Group
    claim: str
    whose: str
    """The masked name of the member at whose address the group is."""
    place: NewAddress


class Own(NamedTuple):
    """A case of one's own that could join."""

    key: StreamKey
    case: Case
    same_address: bool


@dataclass(frozen=True, kw_only=True)
class JoinPage:
    """The routes `/join/{token}`."""

    house: House
    portal: Portal
    invitations: Invitations

    def routes(self) -> list[Any]:
        """The pages as Litestar handlers; none is part of the API's description."""
        here = f"{JOIN}/{{token:str}}"
        handlers = [get(here)(self.page), post(here)(self.join)]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    async def page(self, request: Web, token: FromPath[str]) -> Response[bytes]:
        """GET /join/{token}: what one would join, and with which application."""
        return _quiet(await self._page(request, token))

    async def join(self, request: Web, token: FromPath[str]) -> Response[bytes]:
        """POST /join/{token}: with this application, and if it must be, to the group's address."""
        return _quiet(await self._join(request, token))

    async def _page(self, request: Web, token: str) -> Response[bytes]:
        found = await self._found(request, token)
        if isinstance(found, Response):
            return found
        invited, own = found
        return self._form(request, token, invited, own, chosen=own[0].key.stream if len(own) == 1 else "")

    async def _join(self, request: Web, token: str) -> Response[bytes]:
        found = await self._found(request, token)
        if isinstance(found, Response):
            return found
        sent = await self.portal.forms.sent(request)
        if isinstance(sent, Refusal):
            return self.portal.frame.problem(request=request, refusal=sent)
        invited, own = found
        mine = next((one for one in own if one.key.stream == sent["case"]), None)
        if mine is None:
            return self._form(request, token, invited, own, faults={"case": CHOOSE})
        if not mine.same_address:
            if sent["address"] != "theirs":
                return self._form(
                    request, token, invited, own, chosen=mine.key.stream, faults={"address": ADDRESS}
                )
            proving = await self.portal.freshly_proven(request, to=f"{JOIN}/{token}")
            if proving is not None:
                return proving
        refusal = await self._joined(invited, mine, sent)
        if refusal is not None:
            return self.portal.frame.problem(request=request, refusal=refusal)
        return self.portal.frame.redirect(f"/cases/{mine.key.city}/{mine.key.stream}/group")

    # ---- behind the pages -------------------------------------------------------------------------------------------

    async def _found(self, request: Web, token: str) -> tuple[Invited, Sequence[Own]] | Response[bytes]:
        """The invitation and one's own cases that can join, at least one; else the answer."""
        session = await self.portal.forms.session(request)
        if session is None:
            return self.portal.frame.redirect(way_in(to=leads_to(f"{JOIN}/{token}")))
        invited = await self._invited(session, token)
        if isinstance(invited, Refusal):
            return self.portal.frame.problem(request=request, refusal=invited)
        cases = await self.portal.cases_of(session)
        member = next((key for key, case, _ in cases if case.group.group == invited.key.stream), None)
        # Who is in it already is led to it; but one person may join with passport and permit.
        own = await self._own([(key, case) for key, case, _ in cases], invited)
        if own:
            return invited, own
        if member is not None:
            return self.portal.frame.redirect(f"/cases/{member.city}/{member.stream}/group")
        return self.portal.frame.problem(request=request, refusal=OTHER_CITY())

    async def _invited(self, session: Session, token: str) -> Invited | Refusal:
        key = await self.invitations.find(token=token)
        group = await Groups(house=self.house).read(key=key) if key is not None else None
        if key is None or group is None:
            return INVITATION_UNKNOWN()
        claim, now = self.invitations.claim(token=token), self.house.clock.now()
        refusal = joinable(group, invitation=claim, now=now)
        if refusal is not None:
            return INVITATION_UNKNOWN() if refusal.code == INVITATION_OVER.code else refusal
        keys = [StreamKey(key.city, case) for case in group.members]
        rows = await self.house.store.streams(keys=keys)
        persons = await read_persons(house=self.house, keys=keys, name=PERSON_RECORD)
        for one in keys:
            if one not in persons or one not in rows:
                continue
            person = msgspec.json.decode(persons[one], type=PersonRecord)
            case = msgspec.json.decode(rows[one].state, type=Case)
            # Who joined from another address and still cools down is not at the group's door yet.
            if case.readdressing.destination:
                continue
            place = NewAddress(address=person.address, destination=case.application.destination)
            return Invited(session, key, group, claim, masked_name(person.name), place)
        return INVITATION_UNKNOWN()

    async def _own(self, cases: Sequence[tuple[StreamKey, Case]], invited: Invited) -> list[Own]:
        fit = {
            key: case
            for key, case in cases
            if key.city == invited.key.city
            and case.group.state is MembershipState.NONE
            and groupable(case) is None
        }
        persons = await read_persons(house=self.house, keys=list(fit), name=PERSON_RECORD)
        own: list[Own] = []
        for key, case in fit.items():
            if key not in persons:
                continue
            person = msgspec.json.decode(persons[key], type=PersonRecord)
            place = NewAddress(address=person.address, destination=case.application.destination)
            own.append(Own(key, case, _plain(place) == _plain(invited.place)))
        return own

    async def _joined(self, invited: Invited, mine: Own, sent: Sent) -> Refusal | None:
        """Joined, with the change of address that it needs, in one transaction; why not, if it can't be."""
        change = 0 if mine.same_address else mine.case.readdressing.changes + 1
        records: tuple[VaultRow, ...] | None = ()
        if change:
            refusal = readdressable(mine.case)
            if refusal is not None:
                return refusal
            changes = AddressChanges(house=self.house)
            records = await changes.kept(key=mine.key, change=change, new=invited.place)
        if records is None:
            return ERASED()
        joining = JoinGroup(
            group=invited.key.stream,
            invitation=invited.claim,
            together=sent["together"] == "yes",
            change=change,
            destination=invited.place.destination if change else 0,
        )
        call = Call(stream=mine.key, kind="case", command=joining, actor=invited.session.actor, vault=records)
        [outcome] = await self.house.shell.run([call])
        return outcome if isinstance(outcome, Refusal) else None

    def _form(
        self,
        request: Web,
        token: str,
        invited: Invited,
        own: Sequence[Own],
        *,
        chosen: str = "",
        faults: Faults | None = None,
    ) -> Response[bytes]:
        language = language_of(request)
        city = self.portal.city_on(invited.key.city)
        return self.portal.frame.page(
            request=request,
            template="join.html",
            status=422 if faults else 200,
            faults=said_in(faults or {}, language),
            here=f"{JOIN}/{token}",
            csrf=self.portal.forms.token(request),
            whose=invited.whose,
            count=len(invited.group.members),
            together=invited.group.together,
            days=city.clocks.group_wait_working_days,
            hours=city.clocks.address_change_hours,
            cases=[(one.key.stream, self.portal.document_words(one.case, language)) for one in own],
            chosen=chosen,
            elsewhere=any(not one.same_address for one in own),
        )


def _plain(place: NewAddress) -> tuple[int, str]:
    """Without the white space in it: the same door is written with and without."""
    return place.destination, "".join(place.address.split())


def _quiet(answer: Response[bytes]) -> Response[bytes]:
    answer.headers |= SEEN_BY_NOBODY_ELSE
    return answer
