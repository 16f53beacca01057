"""Telling the national register: issued, suspended, restored, cancelled, invalidated. A job; each entry is made once, by its key."""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.case import Case
from safehand.authority.documents.numbers import number_of_blank
from safehand.authority.made_documents import RecordRegisterDone, RegisterEntry
from safehand.authority.ports.calling import ServiceFault, ServiceUnavailable
from safehand.authority.ports.register import (
    CancelReason,
    DocumentToCancel,
    DocumentToEnter,
    DocumentToSuspend,
    Register,
)
from safehand.authority.register.facts import RegisterFacts
from safehand.authority.rulebook import Rulebook
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Call, Done
from safehand.kernel.working_days import local_day

QUEUE = "register.due"
AT_ONCE_MAX = 500


class Due(NamedTuple):
    """An entry that a case owes, with all that it takes to make it."""

    key: StreamKey
    case: Case
    entry: RegisterEntry
    person: PersonRecord
    facts: RegisterFacts


class RegisterEntries:
    """Carries out the entries that cases owe the register."""

    def __init__(self, *, house: House, register: Register, book: Rulebook) -> None:
        self._house = house
        self._register = register
        self._book = book
        self._cases = msgspec.json.Decoder(Case)
        self._persons = msgspec.json.Decoder(PersonRecord)

    async def run(self) -> int:
        """The job: tell what is due; returns how many entries were made. A silent register is asked again later."""
        lines = await self._house.store.worklist(queue=QUEUE, limit=AT_ONCE_MAX)
        if not lines:
            return 0
        keys = [StreamKey(line.city, line.stream) for line in lines]
        rows = await self._house.store.streams(keys=keys)
        sealed = await read_persons(house=self._house, keys=keys, name=PERSON_RECORD)
        persons = {key: self._persons.decode(plain) for key, plain in sealed.items()}
        numbers = sorted({person.id_number for person in persons.values()})
        try:
            looked = dict(zip(numbers, await self._register.lookup(id_numbers=numbers), strict=True))
            due = self._due(rows, persons, looked)
            outcomes = await self._tell(due)
        except (ServiceUnavailable, ServiceFault):
            return 0
        calls = [
            Call(
                stream=one.key,
                kind="case",
                command=RecordRegisterDone(work=one.entry.work, make=one.entry.make, turn=one.entry.turn),
                actor="register",
            )
            for one, outcome in zip(due, outcomes, strict=True)
            if outcome is None
        ]
        return sum(isinstance(one, Done) for one in (await self._house.shell.run(calls) if calls else ()))

    def _due(self, rows, persons, looked) -> list[Due]:
        due: list[Due] = []
        for key, row in rows.items():
            person = persons.get(key)
            facts = looked.get(person.id_number) if person is not None else None
            if person is None or not isinstance(facts, RegisterFacts):
                continue
            case = self._cases.decode(row.state)
            # Entries of one case go in order: the first that is owed, each time.
            due.append(Due(key, case, case.papers.owed[0], person, facts))
        return due

    async def _tell(self, due: Sequence[Due]) -> list[Refusal | None]:
        enter = [one for one in due if one.entry.work == "issue"]
        cancel = [one for one in due if one.entry.work in ("cancel_old", "invalidate")]
        suspend = [one for one in due if one.entry.work == "suspend"]
        restore = [one for one in due if one.entry.work == "restore"]
        entered = await self._register.enter(documents=[self._entry(one) for one in enter])
        cancellations = [self.cancellation(one) for one in cancel]
        wanted = [one for one in cancellations if one is not None]
        cancelled = iter(await self._register.cancel(documents=wanted))
        by_entry = dict(zip([(one.key, one.entry) for one in enter], entered, strict=True))
        for ones, tell in ((suspend, self._register.suspend), (restore, self._register.restore)):
            told = await tell(documents=[self.suspension(one) for one in ones])
            by_entry |= dict(zip([(one.key, one.entry) for one in ones], told, strict=True))
        by_entry |= {
            (one.key, one.entry): next(cancelled) if asked is not None else None
            for one, asked in zip(cancel, cancellations, strict=True)
        }
        return [by_entry[one.key, one.entry] for one in due]

    def number_of(self, *, kind: str, blank: int, city: int, day: date) -> str:
        """The printed number of a document: its blank's place in the city's roll (policy: pre-printed, in order)."""
        rules = self._book.document(kind, day)
        assert rules is not None
        # Each city has a roll of its own; the rolls lie one behind the other in the national range.
        template = rules.numbers.issued
        return number_of_blank(template=template, serial=_first_blank(template, city) + blank)

    def _entry(self, one: Due) -> DocumentToEnter:
        """The same however often it is told, and on whatever day: an answer that was lost must find its entry again."""
        day, kind = local_day(one.entry.since), one.case.application.document
        rules = self._book.document(kind, day)
        assert rules is not None
        return DocumentToEnter(
            key=f"{one.case.case}/issue/{one.entry.make}",
            id_number=one.person.id_number,
            kind=kind,
            number=self.number_of(kind=kind, blank=one.entry.blank, city=one.key.city, day=day),
            issued_on=day,
            expires_on=rules.expires_on(issued_on=day, birth_date=one.facts.birth_date),
            fingerprints_stored=True,
        )

    def suspension(self, one: Due) -> DocumentToSuspend:
        """Told twice it is the same; each new time has its own turn."""
        entry, kind = one.entry, one.case.application.document
        day = local_day(entry.since)
        return DocumentToSuspend(
            key=f"{one.case.case}/{entry.work}/{entry.make}/{entry.turn}",
            id_number=one.person.id_number,
            number=self.number_of(kind=kind, blank=entry.blank, city=one.key.city, day=day),
        )

    def cancellation(self, one: Due) -> DocumentToCancel | None:
        """The document to cancel; none when there is nothing to cancel. The same however often it is told, as above:

        so the old document is found by its date alone (it is older than any that this case has made, also than those which
        exist no more), not by its status, which a first telling may have changed.
        """
        key, kind = f"{one.case.case}/{one.entry.work}/{one.entry.make}", one.case.application.document
        day = local_day(one.entry.since)
        if one.entry.work == "invalidate":
            number = self.number_of(kind=kind, blank=one.entry.blank, city=one.key.city, day=day)
            return DocumentToCancel(key=key, id_number=one.person.id_number, number=number, reason="lost")
        held = [
            document for document in one.facts.documents if document.kind == kind and document.issued_on < day
        ]
        if not held:
            return None
        old = max(held, key=lambda document: (document.issued_on, document.number))
        reason = _REASONS.get(one.case.application.ground, "replaced")
        return DocumentToCancel(key=key, id_number=one.person.id_number, number=old.number, reason=reason)


_REASONS: dict[str, CancelReason] = {"lost": "lost", "stolen": "stolen", "damaged": "damaged"}
ROLL_BLANKS = 9_000
"""How many blanks of a kind a city's roll may number (assumed: ours to choose until the printer's rolls are known)."""


def _first_blank(template: str, city: int) -> int:
    """Where a city's roll begins: in the upper half of the numbers, by the city's code, so that no two rolls meet."""
    numbers = 10 ** template.count("#") * 24 ** template.count("@")
    return numbers // 2 + (city // 100 - 1100) * ROLL_BLANKS
