"""What a group needs beside its rules: the job that lets go what has waited, the name of a new one, and invitations."""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import msgspec

from safehand.authority.agent.person import AGENT_RECORDS
from safehand.authority.case import Case
from safehand.authority.group.commands import EndGroupWait
from safehand.authority.group.group import GOING_QUEUE, KIND, Group
from safehand.house.front import Asked
from safehand.house.persons import sealed_for
from safehand.house.runtime import House
from safehand.kernel.ids import readable
from safehand.kernel.machine import StreamKey
from safehand.kernel.shell import Call, Done
from safehand.kernel.store import VaultRow

AT_ONCE_MAX: Final = 200
PREFIX: Final = "gr"
PURPOSE: Final = "group invitation"
TOKEN_BYTES: Final = 20
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
        return [await self._forgotten(StreamKey(one.item.city, one.item.case)) for one in asked]

    async def _forgotten(self, key: StreamKey) -> tuple[VaultRow, ...]:
        cases = await self._cases([key])
        group = await self.read(key=StreamKey(key.city, cases[key].group.group)) if key in cases else None
        if group is None:
            return ()
        named = [
            StreamKey(key.city, case) for case, one in group.members.items() if one.receiver == key.stream
        ]
        others = [
            other
            for other, case in (await self._cases(named)).items()
            if case.agent.number == case.group.receiver_number and case.group.receiver == key.stream
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
