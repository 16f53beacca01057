"""Joining a group by its link: what it leads to, which of one's own cases can join, and joining with one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.case import Case
from safehand.authority.group.actions import Groups, Invitations
from safehand.authority.group.commands import JoinGroup
from safehand.authority.group.group import Group, joinable
from safehand.authority.group.refusals import INVITATION_OVER
from safehand.authority.group.states import MembershipState
from safehand.authority.readdressing.actions import AddressChanges, NewAddress
from safehand.authority.router import groupable, readdressable
from safehand.house.erasure import ERASED
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.masking import masked_name
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Call, Done
from safehand.kernel.store import VaultRow


class Invited(NamedTuple):
    """What a link leads to, for somebody who is signed in."""

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
class Joining:
    """Over an open house. Whose the cases are, and how fresh the sign-in is, the page has looked at."""

    house: House
    invitations: Invitations

    async def invited(self, *, token: str) -> Invited | Refusal:
        """What the link leads to; a link that is none, or leads nowhere any more, is over."""
        key = await self.invitations.find(token=token)
        group = await Groups(house=self.house).read(key=key) if key is not None else None
        if key is None or group is None:
            return INVITATION_OVER()
        claim, now = self.invitations.claim(token=token), self.house.clock.now()
        refusal = joinable(group, invitation=claim, now=now)
        if refusal is not None:
            return refusal
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
            return Invited(key, group, claim, masked_name(person.name), place)
        return INVITATION_OVER()

    async def own(self, *, cases: Sequence[tuple[StreamKey, Case]], invited: Invited) -> list[Own]:
        """Of one's cases those that can join."""
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

    async def join(self, *, invited: Invited, mine: Own, together: bool, actor: str) -> Done | Refusal:
        """Joined, with the change of address that it needs, in one transaction; why not, if it can't be.

        `together`: as it was read on the page.
        """
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
            together=together,
            change=change,
            destination=invited.place.destination if change else 0,
        )
        call = Call(stream=mine.key, kind="case", command=joining, actor=actor, vault=records)
        [outcome] = await self.house.shell.run([call])
        return outcome


def _plain(place: NewAddress) -> tuple[int, str]:
    """Without the white space in it: the same door is written with and without."""
    return place.destination, "".join(place.address.split())
