"""The register's book: people are made from their numbers when asked; only what changed is kept."""

import sqlite3
from bisect import bisect_right
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from pathlib import Path
from typing import Final, TypeVar

import msgspec

from safehand.kernel.outcome import Refusal
from safehand.sandbox.cast import PEOPLE_MAX, HeldDocument, Person
from safehand.sandbox.moments import stamp
from safehand.sandbox.refusals import KEY_WITH_OTHER_BODY
from safehand.sandbox.register import refusals
from safehand.sandbox.register.wire import (
    CancelledDocument,
    Change,
    Facts,
    IssuedDocument,
    Settlement,
    SuspendedDocument,
)
from safehand.sandbox.storage import Storage, content_hash, marks
from safehand.sandbox.world import World, birth_date_of

DOCUMENTS_MAX: Final = 50
SETTLEMENTS_MAX: Final = 5_000
_STATUS_OF: Final = {
    "lost": "reported_lost",
    "stolen": "reported_lost",
    "replaced": "cancelled",
    "damaged": "cancelled",
    "withdrawn": "cancelled",
}
_SCHEMA: Final = """
create table if not exists changed_person (id_number text primary key, facts blob not null) strict, without rowid;
create table if not exists entry (
    key text primary key, content_hash blob not null, at integer not null
) strict, without rowid;
create table if not exists issued (number text primary key, id_number text not null) strict, without rowid;
create table if not exists settlement (
    place integer primary key autoincrement, city text not null, first integer not null, count integer not null
) strict;
"""

Entry = TypeVar("Entry", IssuedDocument, CancelledDocument, SuspendedDocument)
_facts_decoder = msgspec.json.Decoder(Facts)


class RegisterBook:
    """Everybody's facts. Batches are one transaction; every item of one stands for itself."""

    def __init__(self, *, file: Path, world: World) -> None:
        self._storage = Storage(file=file, schema=_SCHEMA)
        self._world = world
        self._run_starts: list[int] = []
        self._run_cities: list[str] = []
        self._read_settlements()

    def close(self) -> None:
        """Close the file."""
        self._storage.close()

    def lookup(self, id_numbers: Sequence[str]) -> list[Facts | Refusal]:
        """The facts of these people, in their order."""
        changed = self._changed(self._storage.reading, id_numbers)
        return [changed.get(id_number) or self._as_made(id_number) for id_number in id_numbers]

    def issue(self, entries: Sequence[IssuedDocument], *, now: datetime) -> list[Refusal | None]:
        """Enter documents; None where the register now holds it, or did already under the same key."""
        return self._enter(entries, self._issued, now=now)

    def cancel(self, entries: Sequence[CancelledDocument], *, now: datetime) -> list[Refusal | None]:
        """Cancel documents; one that is cancelled already stays so."""
        return self._enter(entries, self._cancelled, now=now)

    def suspend(self, entries: Sequence[SuspendedDocument], *, now: datetime) -> list[Refusal | None]:
        """Suspend documents; one that is cancelled stays so."""
        return self._enter(entries, partial(self._turned, before="valid", after="suspended"), now=now)

    def restore(self, entries: Sequence[SuspendedDocument], *, now: datetime) -> list[Refusal | None]:
        """Make suspended documents valid again; one that is cancelled stays so."""
        return self._enter(entries, partial(self._turned, before="suspended", after="valid"), now=now)

    def change(self, changes: Sequence[Change]) -> list[Refusal | None]:
        """Let something happen to people."""
        outcomes: list[Refusal | None] = []
        with self._storage.transaction() as writing:
            for change in changes:
                facts = self._facts(writing, change.id_number)
                if isinstance(facts, Refusal):
                    outcomes.append(facts)
                    continue
                given = {
                    name: value
                    for name in change.__struct_fields__
                    if name != "id_number" and (value := getattr(change, name)) is not None
                }
                _keep(writing, change.id_number, msgspec.structs.replace(facts, **given))
                outcomes.append(None)
        return outcomes

    def settle(self, settlements: Sequence[Settlement]) -> bool:
        """Register runs of residents in cities; False when there are too many runs."""
        with self._storage.transaction() as writing:
            held = writing.execute("select count(*) from settlement").fetchone()[0]
            known = {
                (row["city"], row["first"], row["count"])
                for row in writing.execute("select city, first, count from settlement")
            }
            # A world that is built a second time changes nothing.
            new = [one for one in settlements if (one.city, one.first, one.count) not in known]
            if held + len(new) > SETTLEMENTS_MAX:
                return False
            writing.executemany(
                "insert into settlement (city, first, count) values (?, ?, ?)",
                [(one.city, one.first, one.count) for one in new],
            )
        self._read_settlements()
        return True

    def _read_settlements(self) -> None:
        """Cut the runs at every border, the newest on top, so that a look-up is one bisection."""
        rows = self._storage.reading.execute(
            "select city, first, count from settlement order by place"
        ).fetchall()
        borders = sorted(
            {0}
            | {row["first"] for row in rows}
            | {min(row["first"] + row["count"], PEOPLE_MAX) for row in rows}
        )
        cities = [""] * len(borders)
        place_of = {border: place for place, border in enumerate(borders)}
        for row in rows:
            first, end = place_of[row["first"]], place_of[min(row["first"] + row["count"], PEOPLE_MAX)]
            cities[first:end] = [row["city"]] * (end - first)
        self._run_starts, self._run_cities = borders, cities

    def _city_of(self, number: int) -> str:
        return self._run_cities[bisect_right(self._run_starts, number) - 1] or self._world.usual_city(
            number=number
        )

    def _as_made(self, id_number: str) -> Facts | Refusal:
        person = self._world.cast_person(id_number=id_number)
        if person is None:
            number = self._world.number_of(id_number=id_number)
            if number is None:
                known_shape = birth_date_of(id_number) is not None
                return refusals.NOBODY() if known_shape else refusals.NOT_A_NUMBER()
            person = self._world.resident(number=number, city=self._city_of(number))
        return _facts_of(person)

    def _changed(self, reading: sqlite3.Connection, id_numbers: Sequence[str]) -> dict[str, Facts]:
        rows = reading.execute(
            f"select id_number, facts from changed_person where id_number in ({marks(len(id_numbers))})",  # noqa: S608 - marks only
            list(id_numbers),
        )
        return {row["id_number"]: _facts_decoder.decode(row["facts"]) for row in rows}

    def _facts(self, reading: sqlite3.Connection, id_number: str) -> Facts | Refusal:
        return self._changed(reading, [id_number]).get(id_number) or self._as_made(id_number)

    def _enter(
        self,
        entries: Sequence[Entry],
        enter: Callable[[sqlite3.Connection, Entry], Refusal | None],
        *,
        now: datetime,
    ) -> list[Refusal | None]:
        """Each entry once: a known key with the same content is done already, with another it is refused."""
        outcomes: list[Refusal | None] = []
        with self._storage.transaction() as writing:
            for entry in entries:
                hashed = content_hash(entry)
                known = writing.execute(
                    "select content_hash from entry where key = ?", (entry.key,)
                ).fetchone()
                if known is not None:
                    outcomes.append(None if known["content_hash"] == hashed else KEY_WITH_OTHER_BODY())
                    continue
                outcome = enter(writing, entry)
                if outcome is None:
                    writing.execute(
                        "insert into entry (key, content_hash, at) values (?, ?, ?)",
                        (entry.key, hashed, stamp(now)),
                    )
                outcomes.append(outcome)
        return outcomes

    def _issued(self, writing: sqlite3.Connection, entry: IssuedDocument) -> Refusal | None:
        if entry.expires_on < entry.issued_on:
            return refusals.DATES_WRONG()
        facts = self._facts(writing, entry.id_number)
        if isinstance(facts, Refusal):
            return facts
        if facts.deceased:
            return refusals.DECEASED()
        if len(facts.documents) >= DOCUMENTS_MAX:
            return refusals.TOO_MANY_DOCUMENTS(documents_max=DOCUMENTS_MAX)
        taken = writing.execute("select 1 from issued where number = ?", (entry.number,)).fetchone()
        if taken is not None or any(held.number == entry.number for held in facts.documents):
            return refusals.NUMBER_TAKEN()
        document = HeldDocument(
            kind=entry.kind,
            number=entry.number,
            issued_on=entry.issued_on,
            expires_on=entry.expires_on,
            fingerprints_stored=entry.fingerprints_stored,
        )
        writing.execute(
            "insert into issued (number, id_number) values (?, ?)", (entry.number, entry.id_number)
        )
        _keep(
            writing, entry.id_number, msgspec.structs.replace(facts, documents=(*facts.documents, document))
        )
        return None

    def _cancelled(self, writing: sqlite3.Connection, entry: CancelledDocument) -> Refusal | None:
        facts = self._facts(writing, entry.id_number)
        if isinstance(facts, Refusal):
            return facts
        if all(held.number != entry.number for held in facts.documents):
            return refusals.NO_SUCH_DOCUMENT()
        documents = tuple(
            msgspec.structs.replace(held, status=_STATUS_OF[entry.reason])
            if held.number == entry.number and held.status in ("valid", "suspended")
            else held
            for held in facts.documents
        )
        _keep(writing, entry.id_number, msgspec.structs.replace(facts, documents=documents))
        return None

    def _turned(
        self, writing: sqlite3.Connection, entry: SuspendedDocument, *, before: str, after: str
    ) -> Refusal | None:
        facts = self._facts(writing, entry.id_number)
        if isinstance(facts, Refusal):
            return facts
        if all(held.number != entry.number for held in facts.documents):
            return refusals.NO_SUCH_DOCUMENT()
        documents = tuple(
            msgspec.structs.replace(held, status=after)
            if held.number == entry.number and held.status == before
            else held
            for held in facts.documents
        )
        _keep(writing, entry.id_number, msgspec.structs.replace(facts, documents=documents))
        return None


def _facts_of(person: Person) -> Facts:
    return Facts(**person.register_facts())


def _keep(writing: sqlite3.Connection, id_number: str, facts: Facts) -> None:
    writing.execute(
        "insert into changed_person (id_number, facts) values (?, ?)"
        " on conflict (id_number) do update set facts = excluded.facts",
        (id_number, msgspec.json.encode(facts)),
    )
