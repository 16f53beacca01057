"""What a group needs beside its rules: the job that lets go what has waited, the name of a new one, and invitations."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

import msgspec

from safehand.authority.agent.commands import AGENTS_MAX
from safehand.authority.agent.person import AGENT_RECORDS, AgentRecord, agent_of, agent_records
from safehand.authority.agent.refusals import UNFIT
from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.case import Case
from safehand.authority.documents.numbers import birth_date_of
from safehand.authority.group.commands import INVITATIONS_MAX, EndGroupWait, InviteToGroup, LetReceive
from safehand.authority.group.group import GOING_QUEUE, KIND, Group
from safehand.authority.group.refusals import CHANGED, NOT_OFFERED, TOO_YOUNG
from safehand.authority.group.rules import IN_GROUP
from safehand.house.erasure import ERASED
from safehand.house.front import Asked
from safehand.house.persons import read_persons, sealed_for
from safehand.house.runtime import House
from safehand.kernel.ids import readable
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Call, Done, of_old_form
from safehand.kernel.store import VaultRow
from safehand.kernel.working_days import local_day

AT_ONCE_MAX: Final = 200
PREFIX: Final = "gr"
PURPOSE: Final = "group invitation"
TOKEN_BYTES: Final = 20
RECEIVER_AGE_MIN: Final = 18
"""Civil Code, article 18: an adult answers for what they do."""
_TOKEN: Final = re.compile(r"[a-z2-7]{32}")


class Groups:
    """Lets go what waited, and reads groups."""

    def __init__(self, *, house: House) -> None:
        self._house = house
        self._groups = msgspec.json.Decoder(Group)

    async def read(self, *, key: StreamKey) -> Group | None:
        """A group as it stands; none: there is none of this name."""
        return (await self._read([key])).get(key)

    async def run(self) -> int:
        """The job: places the orders of groups that go; returns how many cases went.

        A job and not the group itself, so that locks are always taken in one order: the cases first, then their group.
        """
        lines = await self._house.store.worklist(queue=GOING_QUEUE, limit=AT_ONCE_MAX)
        if not lines:
            return 0
        groups = await self._read([StreamKey(line.city, line.stream) for line in lines])
        calls = [
            Call(
                stream=StreamKey(key.city, case),
                kind="case",
                command=EndGroupWait(why=group.why),  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]  # the group's own word
                actor="clock",
                token=self._house.ids.token(basis=f"group:{key.stream}:{case}"),
            )
            for key, group in groups.items()
            for case in group.standing("waiting")
        ]
        outcomes = await self._house.shell.run(calls) if calls else ()
        return sum(isinstance(one, Done) and bool(one.events) for one in outcomes)

    async def of_begun(self, asked: Sequence[Asked]) -> Sequence[Mapping[str, Any]]:
        """For each request to begin one: its name, which is chance."""
        return [{"group": self._house.ids.new(prefix=PREFIX, basis=one.key)} for one in asked]

    async def of_leaving(self, asked: Sequence[Asked]) -> Sequence[tuple[VaultRow, ...]]:
        """For each request to leave: what the vaults of others hold of who leaves, since they may receive theirs, made empty."""
        return [await self.forgotten(key=StreamKey(one.item.city, one.item.case)) for one in asked]

    async def forgotten(self, *, key: StreamKey) -> tuple[VaultRow, ...]:
        """The same of one case that goes its own way, by whatever it is that makes it leave."""
        case = (await self._cases([key])).get(key)
        if case is None or case.group.state not in IN_GROUP:
            return ()
        group = await self.read(key=StreamKey(key.city, case.group.group))
        if group is None:
            return ()
        named = [
            StreamKey(key.city, case) for case, one in group.members.items() if one.receiver == key.stream
        ]
        others = [
            other
            for other, its in (await self._cases(named)).items()
            if its.agent.number == its.group.receiver_number and its.group.receiver == key.stream
        ]
        empty: dict[str, bytes] = dict.fromkeys(AGENT_RECORDS, b"")
        sealed = await sealed_for(house=self._house, records=dict.fromkeys(others, empty))
        return tuple(row for rows in sealed.values() for row in rows)

    async def _cases(self, keys: Sequence[StreamKey]) -> dict[StreamKey, Case]:
        rows = await self._house.store.streams(keys=keys) if keys else {}
        return {
            key: msgspec.json.decode(row.state, type=Case) for key, row in rows.items() if row.kind == "case"
        }

    async def _read(self, keys: Sequence[StreamKey]) -> dict[StreamKey, Group]:
        rows = await self._house.store.streams(keys=keys)
        return {key: self._groups.decode(row.state) for key, row in rows.items() if row.kind == KIND}


class Invitations:
    """Tokens of invitations: derived from the house's secret, found by a keyed digest, so that the database opens none."""

    def __init__(self, *, house: House, secret: bytes) -> None:
        self._house, self._secret = house, secret

    def token(self, *, key: StreamKey, number: int) -> str:
        """The token of a group's n-th invitation: 32 letters that nobody guesses and that name nobody."""
        said = f"{PURPOSE}\x1f{key.city}\x1f{key.stream}\x1f{number}".encode()
        return readable(hmac.digest(self._secret, said, hashlib.sha256)[:TOKEN_BYTES])

    def claim(self, *, token: str) -> str:
        """The name under which the group is found."""
        return f"invitation:{self._house.vault.digest(purpose=PURPOSE, value=token).hex()}"

    async def find(self, *, token: str) -> StreamKey | None:
        """The group that a token opens; none if it is no token, or another one took its place."""
        if not _TOKEN.fullmatch(token):
            return None
        name = self.claim(token=token)
        holder = (await self._house.store.holders(names=[name])).get(name)
        return None if holder is None else StreamKey(holder.city, holder.stream)


@dataclass(frozen=True, kw_only=True)
class MemberActs:
    """What a member asks for that is more than a command: an invitation has a token, whoever receives is sealed away.

    Whose the case is, and how fresh the sign-in is, the page has looked at.
    """

    house: House
    invitations: Invitations

    async def invite(self, *, key: StreamKey, case: Case, actor: str, number: int) -> Done | Refusal:
        """A new link; the last one opens nothing any more. `number`: which one it is, as it was read on the page."""
        number = min(max(number, 1), INVITATIONS_MAX + 1)
        group = StreamKey(key.city, case.group.group)
        token = self.invitations.token(key=group, number=number)
        command = InviteToGroup(number=number, claim=self.invitations.claim(token=token))
        # Of this group: who has left another one may have made its first invitation too.
        return await self._given(key, command, actor, f"invite-{number}-{group.stream}", ())

    async def let_receive(
        self, *, key: StreamKey, case: Case, person: PersonRecord, actor: str, receiver: str, number: int
    ) -> Done | Refusal:
        """This member may receive it, like anybody else who is named; why not, if they can't be."""
        agent = await self._receiver(key, case, person, receiver)
        if isinstance(agent, Refusal):
            return agent
        sealed = await sealed_for(house=self.house, records={key: agent_records(agent)})
        if key not in sealed:
            return ERASED()
        number = min(max(number, 1), AGENTS_MAX + 1)
        command = LetReceive(receiver=receiver, number=number)
        outcome = await self._given(key, command, actor, f"receiver-{number}", sealed[key])
        return of_old_form(outcome, changed=CHANGED())

    async def _given(
        self, key: StreamKey, command: Command, actor: str, name: str, vault: tuple[VaultRow, ...]
    ) -> Done | Refusal:
        """A command that nobody gives by itself, with what the vault keeps with it."""
        said = msgspec.json.encode(command)
        call = Call(
            stream=key,
            kind="case",
            command=command,
            actor=actor,
            key=f"{key.stream}-{name}"[:80],
            request_hash=self.house.vault.digest(purpose="group form", value=said.decode()),
            vault=vault,
        )
        [outcome] = await self.house.shell.run([call])
        return outcome

    async def _receiver(
        self, key: StreamKey, case: Case, person: PersonRecord, receiver: str
    ) -> AgentRecord | Refusal:
        """A member as the agent that they would be; why not, if they can't be."""
        group = await Groups(house=self.house).read(key=StreamKey(key.city, case.group.group))
        member = group.members.get(receiver) if group is not None else None
        if member is None or not member.receives:
            return NOT_OFFERED()
        theirs = StreamKey(key.city, receiver)
        record = (await read_persons(house=self.house, keys=[theirs], name=PERSON_RECORD)).get(theirs)
        if record is None:
            return NOT_OFFERED()
        other = msgspec.json.decode(record, type=PersonRecord)
        if not is_adult(person=other, now=self.house.clock.now()):
            return TOO_YOUNG()
        agent = agent_of(
            name=other.name,
            relation="relative",
            phone=other.phone,
            own_name=person.name,
            own_phone=person.phone,
        )
        return UNFIT(fields=",".join(sorted(agent))) if isinstance(agent, dict) else agent


def is_adult(*, person: PersonRecord, now: datetime) -> bool:
    """Whether somebody may answer for what belongs to others."""
    born, today = birth_date_of(person.id_number), local_day(now)
    had_birthday = (today.month, today.day) >= (born.month, born.day)
    return today.year - born.year - (not had_birthday) >= RECEIVER_AGE_MIN
