"""The vault's part of a change of address: the new one kept apart while it waits, then in the place of the old one.

The person's record and the part that goes to the post are sealed anew in the transaction that makes the change hold, so neither
an order nor a message can go out between them.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, NamedTuple

import msgspec

from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.application.states import ApplicationState
from safehand.authority.case import Case
from safehand.authority.group.actions import Groups
from safehand.authority.readdressing.commands import AskAddressChange, MakeAddressHold
from safehand.authority.readdressing.refusals import ALREADY_ASKED, NOTHING_ASKED
from safehand.authority.readdressing.states import DUE_QUEUE, ReaddressingState
from safehand.house.erasure import ERASED
from safehand.house.front import Asked
from safehand.house.persons import data_keys, read_persons, sealed_for
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Call, Done, of_old_form
from safehand.kernel.store import VaultRow
from safehand.kernel.vault import seal
from safehand.link.log import DELIVERY_RECORD
from safehand.link.messages import DeliveryPart

AT_ONCE_MAX: Final = 200


class NewAddress(msgspec.Struct, frozen=True, kw_only=True):
    """What waits: the one line of an order, and the city that it lies in (GB/T 2260)."""

    address: str
    destination: int


class Opened(NamedTuple):
    """A case's person with the address that waits, for as long as it takes to seal them anew."""

    key: bytes
    person: PersonRecord
    new: NewAddress


def record_of(change: int) -> str:
    """The vault's record of a case's n-th change of address."""
    return f"address.{change}"


class AddressChanges:
    """Keeps new addresses, and puts them in the place of the old ones."""

    def __init__(self, *, house: House) -> None:
        self._house = house
        self._cases = msgspec.json.Decoder(Case)
        self._persons = msgspec.json.Decoder(PersonRecord)
        self._news = msgspec.json.Decoder(NewAddress)

    async def kept(self, *, key: StreamKey, change: int, new: NewAddress) -> tuple[VaultRow, ...] | None:
        """The record to be written with the command that asks for it; none: the person was erased."""
        records = {key: {record_of(change): msgspec.json.encode(new)}}
        return (await sealed_for(house=self._house, records=records)).get(key)

    async def ask(self, *, key: StreamKey, case: Case, actor: str, new: NewAddress) -> Done | Refusal:
        """Another address asked for, after a fresh sign-in: the command with the sealed address, in one transaction; or why not."""
        change = case.readdressing.changes + 1
        records = await self.kept(key=key, change=change, new=new)
        if records is None:
            return ERASED()
        # Before the hand-over whoever asks leaves the family's group, and receives for none of it.
        forgotten = await Groups(house=self._house).forgotten(key=key)
        name = f"{key.stream}-address-{change}"
        call = Call(
            stream=key,
            kind="case",
            command=AskAddressChange(change=change, destination=new.destination),
            actor=actor,
            key=name,
            # Keyed: of what was typed nothing can be guessed from it.
            request_hash=self._house.vault.digest(purpose="address form", value=new.address),
            token=self._house.ids.token(basis=name),
            vault=(*records, *forgotten),
        )
        [outcome] = await self._house.shell.run([call])
        return of_old_form(outcome, changed=ALREADY_ASKED())

    async def run(self) -> int:
        """The job: makes hold what nobody has stopped; returns how many. What is being corrected waits for the correction."""
        lines = await self._house.store.worklist(queue=DUE_QUEUE, limit=AT_ONCE_MAX)
        if not lines:
            return 0
        streams = await self._house.store.streams(keys=[StreamKey(line.city, line.stream) for line in lines])
        due: dict[StreamKey, int] = {}
        for key, row in streams.items():
            case = self._cases.decode(row.state)
            if case.application.state is ApplicationState.RECEIVED:
                due[key] = case.readdressing.changes
        opened = await self._opened(due)
        calls = [
            Call(
                stream=key,
                kind="case",
                command=MakeAddressHold(change=due[key]),
                actor="clock",
                token=self._house.ids.token(basis=f"readdressing:{key.stream}:{due[key]}"),
                vault=_put_in_place(key, due[key], one),
            )
            for key, one in opened.items()
        ]
        return sum(isinstance(one, Done) for one in (await self._house.shell.run(calls) if calls else ()))

    async def of_approvals(self, asked: Sequence[Asked]) -> list[tuple[VaultRow, ...] | Refusal]:
        """For each approval what the vault gets with it."""
        named = {StreamKey(one.item.city, one.item.case): one.item.change for one in asked}
        opened = await self._opened(named)
        waiting = await self._waiting(named)
        rows: list[tuple[VaultRow, ...] | Refusal] = []
        for one in asked:
            key = StreamKey(one.item.city, one.item.case)
            found = opened.get(key) if named[key] == one.item.change else None
            if found is not None:
                rows.append(_put_in_place(key, one.item.change, found))
            else:
                # What was approved before is told once more by the idempotency key; what waits can't hold without its address.
                rows.append(NOTHING_ASKED() if waiting.get(key) == one.item.change else ())
        return rows

    async def of_endings(self, asked: Sequence[Asked]) -> list[tuple[VaultRow, ...]]:
        """For each change that is stopped or denied: its address is blotted out."""
        named = {StreamKey(one.item.city, one.item.case): one.item.change for one in asked}
        opened = await self._opened(named)
        rows: list[tuple[VaultRow, ...]] = []
        for one in asked:
            key = StreamKey(one.item.city, one.item.case)
            found = opened.get(key) if named[key] == one.item.change else None
            blank = () if found is None else (_sealed(found.key, key, record_of(one.item.change), b""),)
            rows.append(blank)
        return rows

    async def of_stops(self, asked: Sequence[Asked]) -> list[tuple[VaultRow, ...]]:
        """The same of those that are stopped: without the group's address a case is in the group no more (group)."""
        groups, ended = Groups(house=self._house), await self.of_endings(asked)
        return [
            (*rows, *await groups.forgotten(key=StreamKey(one.item.city, one.item.case)))
            for rows, one in zip(ended, asked, strict=True)
        ]

    async def _waiting(self, keys: Iterable[StreamKey]) -> dict[StreamKey, int]:
        """Of cases those on which the manager decides, with the number of the change."""
        rows = await self._house.store.streams(keys=list(keys))
        cases = {key: self._cases.decode(row.state) for key, row in rows.items() if row.kind == "case"}
        return {
            key: case.readdressing.changes
            for key, case in cases.items()
            if case.readdressing.state is ReaddressingState.ASKED
        }

    async def _opened(self, changes: Mapping[StreamKey, int]) -> dict[StreamKey, Opened]:
        """Of cases and the numbers of their changes: those of which both records are there."""
        news: dict[StreamKey, bytes] = {}
        for change in sorted(set(changes.values())):
            keys = [key for key, number in changes.items() if number == change]
            found = await read_persons(house=self._house, keys=keys, name=record_of(change))
            news |= {key: plain for key, plain in found.items() if plain}
        if not news:
            return {}
        persons = await read_persons(house=self._house, keys=list(news), name=PERSON_RECORD)
        opened = await data_keys(house=self._house, keys=persons)
        return {
            key: Opened(opened[key], self._persons.decode(persons[key]), self._news.decode(news[key]))
            for key in news
            if key in persons and key in opened
        }


def _put_in_place(key: StreamKey, change: int, one: Opened) -> tuple[VaultRow, ...]:
    person = msgspec.structs.replace(one.person, address=one.new.address)
    part = DeliveryPart(
        name=person.name, phone=person.phone, region=one.new.destination, address=one.new.address
    )
    records: dict[str, Any] = {
        PERSON_RECORD: msgspec.json.encode(person),
        DELIVERY_RECORD: msgspec.json.encode(part),
        record_of(change): b"",
    }
    return tuple(_sealed(one.key, key, name, plain) for name, plain in records.items())


def _sealed(case_key: bytes, key: StreamKey, name: str, plain: bytes) -> VaultRow:
    return seal(key=case_key, city=key.city, subject=key.stream, name=name, plain=plain)
