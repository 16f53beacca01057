"""What people do on pages of their own case: the same functions that the portal's pages call, as doors of the simulated front.

A browser, its session and how fresh the sign-in is are not played here; whose the case is, is looked at as ever.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Annotated, Any, Final, NamedTuple

import msgspec
from msgspec import Meta

from safehand.authority.agent.actions import name_agent
from safehand.authority.agent.person import agent_of
from safehand.authority.agent.refusals import UNFIT
from safehand.authority.app import Ownership
from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.case import Case
from safehand.authority.group.actions import PURPOSE as INVITATION
from safehand.authority.group.actions import Invitations, MemberActs
from safehand.authority.group.joining import Joining
from safehand.authority.group.refusals import OTHER_CITY
from safehand.authority.readdressing.actions import AddressChanges, NewAddress
from safehand.authority.telephone.actions import ask_phone, prove_phone
from safehand.house.commanded import City
from safehand.house.erasure import ERASED
from safehand.house.front import Action, Asked
from safehand.house.persons import read_persons
from safehand.house.problems import NOT_FOUND, UNAVAILABLE
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Done
from safehand.kernel.store import Unavailable

Stream = Annotated[str, Meta(min_length=4, max_length=64)]
Phone = Annotated[str, Meta(pattern=r"^1[3-9][0-9]{9}$")]
Number = Annotated[int, Meta(ge=0, le=999)]
"""As it stands in the form: which invitation, which change, which naming it is."""
APPLICANT: Final = frozenset({"applicant"})


class _Form(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Of one's own case."""

    city: City
    case: Stream


class Joins(_Form, frozen=True, kw_only=True):
    """By a link; to the group's address, if it must be."""

    token: Annotated[str, Meta(max_length=64)]
    together: bool


class Invites(_Form, frozen=True, kw_only=True):
    """A new link."""

    number: Number


class LetsReceive(_Form, frozen=True, kw_only=True):
    """This member may."""

    receiver: Stream
    number: Number


class Moves(_Form, frozen=True, kw_only=True):
    """Another address."""

    address: Annotated[str, Meta(min_length=5, max_length=200)]
    destination: City


class AsksNumber(_Form, frozen=True, kw_only=True):
    """Another telephone."""

    phone: Phone
    change: Number


class Proves(_Form, frozen=True, kw_only=True):
    """The code that was sent to it."""

    code: Annotated[str, Meta(max_length=16)]
    change: Number


class Names(_Form, frozen=True, kw_only=True):
    """Whoever may receive it."""

    name: Annotated[str, Meta(max_length=50)]
    phone: Phone
    number: Number


class Visit(NamedTuple):
    """Somebody's own case, with the person that its vault holds."""

    key: StreamKey
    actor: str
    case: Case
    person: PersonRecord


class Pages:
    """Over an open house. `secret` gives the house's secret for a purpose."""

    def __init__(self, *, house: House, secret: Callable[[str], bytes]) -> None:
        self._house, self._code_secret = house, secret("door code")
        self._owned = Ownership(house).owned
        invitations = Invitations(house=house, secret=secret(INVITATION))
        self._acts = MemberActs(house=house, invitations=invitations)
        self._joining = Joining(house=house, invitations=invitations)

    def actions(self) -> list[Action]:
        """One for each form."""
        forms: Mapping[
            str, tuple[type[msgspec.Struct], Callable[[Visit, Any], Awaitable[Done | Refusal]]]
        ] = {
            "group.join": (Joins, self._join),
            "group.invite": (Invites, self._invite),
            "group.let_receive": (LetsReceive, self._let_receive),
            "readdressing.ask": (Moves, self._move),
            "telephone.ask": (AsksNumber, self._ask_number),
            "telephone.prove": (Proves, self._prove),
            "agent.name": (Names, self._name),
        }
        return [
            Action(name=name, summary=name, roles=APPLICANT, asks=asks, run=self._each(does))
            for name, (asks, does) in forms.items()
        ]

    def _each(
        self, does: Callable[[Visit, Any], Awaitable[Done | Refusal]]
    ) -> Callable[[Sequence[Asked]], Awaitable[Sequence[Done | Refusal]]]:
        """Each form is a request of its own."""

        async def one(asked: Asked) -> Done | Refusal:
            try:
                visit = await self._visit(asked)
                return visit if isinstance(visit, Refusal) else await does(visit, asked.item)
            except Unavailable:
                return UNAVAILABLE()

        async def run(asked: Sequence[Asked]) -> Sequence[Done | Refusal]:
            return [await one(each) for each in asked]

        return run

    async def _visit(self, asked: Asked) -> Visit | Refusal:
        key, actor = StreamKey(asked.item.city, asked.item.case), asked.session.actor
        if not await self._owned([(actor, key)]):
            return NOT_FOUND()
        row = (await self._house.store.streams(keys=[key]))[key]
        record = (await read_persons(house=self._house, keys=[key], name=PERSON_RECORD)).get(key)
        if record is None:
            return ERASED()
        case = msgspec.json.decode(row.state, type=Case)
        return Visit(key, actor, case, msgspec.json.decode(record, type=PersonRecord))

    async def _join(self, visit: Visit, form: Joins) -> Done | Refusal:
        invited = await self._joining.invited(token=form.token)
        if isinstance(invited, Refusal):
            return invited
        own = await self._joining.own(cases=[(visit.key, visit.case)], invited=invited)
        if not own:
            return OTHER_CITY()
        return await self._joining.join(
            invited=invited, mine=own[0], together=form.together, actor=visit.actor
        )

    async def _invite(self, visit: Visit, form: Invites) -> Done | Refusal:
        return await self._acts.invite(key=visit.key, case=visit.case, actor=visit.actor, number=form.number)

    async def _let_receive(self, visit: Visit, form: LetsReceive) -> Done | Refusal:
        return await self._acts.let_receive(
            key=visit.key,
            case=visit.case,
            person=visit.person,
            actor=visit.actor,
            receiver=form.receiver,
            number=form.number,
        )

    async def _move(self, visit: Visit, form: Moves) -> Done | Refusal:
        new = NewAddress(address=form.address, destination=form.destination)
        changes = AddressChanges(house=self._house)
        return await changes.ask(key=visit.key, case=visit.case, actor=visit.actor, new=new)

    async def _ask_number(self, visit: Visit, form: AsksNumber) -> Done | Refusal:
        return await ask_phone(
            house=self._house,
            key=visit.key,
            actor=visit.actor,
            old=visit.person.phone,
            new=form.phone,
            change=form.change,
        )

    async def _prove(self, visit: Visit, form: Proves) -> Done | Refusal:
        return await prove_phone(
            house=self._house,
            secret=self._code_secret,
            key=visit.key,
            case=visit.case,
            actor=visit.actor,
            code=form.code,
            change=form.change,
        )

    async def _name(self, visit: Visit, form: Names) -> Done | Refusal:
        agent = agent_of(
            name=form.name,
            relation="friend",
            phone=form.phone,
            own_name=visit.person.name,
            own_phone=visit.person.phone,
        )
        if isinstance(agent, dict):
            return UNFIT(fields=",".join(sorted(agent)))
        return await name_agent(
            house=self._house,
            key=visit.key,
            case=visit.case,
            actor=visit.actor,
            agent=agent,
            number=form.number,
        )
