"""The register's messages, as they stand on the wire."""

from datetime import date
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from safehand.sandbox.cast import PEOPLE_MAX, HeldDocument
from safehand.sandbox.web import BATCH_ITEMS_MAX, Problem

Key = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_.:#/-]+$")]
IdNumber = Annotated[str, Meta(min_length=1, max_length=30)]
CityCode = Annotated[str, Meta(pattern=r"^[1-9][0-9]{5}$")]
DocumentKind = Annotated[str, Meta(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
DocumentNumber = Annotated[str, Meta(pattern=r"^[A-Z]{1,2}[0-9]{6,12}$")]
CancelReason = Literal["lost", "stolen", "replaced", "damaged", "withdrawn"]


class Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message with these fields and no others."""


class Lookup(Frozen, frozen=True, kw_only=True):
    """Asks for the facts of up to 500 people."""

    id_numbers: Annotated[list[IdNumber], Meta(min_length=1, max_length=BATCH_ITEMS_MAX)]


class Facts(Frozen, frozen=True, kw_only=True):
    """One person as the register knows them now. `household_city` comes from the register, never from the number."""

    household_city: str
    birth_date: date
    state_staff: bool
    active_service: bool
    exit_restricted: bool
    deceased: bool
    in_mainland: bool
    documents: tuple[HeldDocument, ...]


class LookupAnswer(Frozen, frozen=True, kw_only=True):
    """One item of a look-up's answer: the facts, or why there are none; in the order that was asked."""

    facts: Facts | None = None
    problem: Problem | None = None


class IssuedDocument(Frozen, frozen=True, kw_only=True):
    """A document that the authority issued."""

    key: Key
    id_number: IdNumber
    kind: DocumentKind
    number: DocumentNumber
    issued_on: date
    expires_on: date
    fingerprints_stored: bool


class IssueBatch(Frozen, frozen=True, kw_only=True):
    """Enters up to 500 documents; each stands for itself."""

    documents: Annotated[list[IssuedDocument], Meta(min_length=1, max_length=BATCH_ITEMS_MAX)]


class CancelledDocument(Frozen, frozen=True, kw_only=True):
    """A document that is valid no longer."""

    key: Key
    id_number: IdNumber
    number: DocumentNumber
    reason: CancelReason


class CancelBatch(Frozen, frozen=True, kw_only=True):
    """Cancels up to 500 documents; each stands for itself."""

    documents: Annotated[list[CancelledDocument], Meta(min_length=1, max_length=BATCH_ITEMS_MAX)]


class SuspendedDocument(Frozen, frozen=True, kw_only=True):
    """A document that opens no border for a while, or does again; each time under a key of its own."""

    key: Key
    id_number: IdNumber
    number: DocumentNumber


class SuspendBatch(Frozen, frozen=True, kw_only=True):
    """Suspends or restores up to 500 documents; each stands for itself."""

    documents: Annotated[list[SuspendedDocument], Meta(min_length=1, max_length=BATCH_ITEMS_MAX)]


class EntryAnswer(Frozen, frozen=True, kw_only=True):
    """One item of an answer to entries: `done` when the register holds it (now or already), or why not."""

    key: str
    done: bool
    problem: Problem | None = None


class Change(Frozen, frozen=True, kw_only=True):
    """What the world does to one person between two questions; only what is given changes. For the sandbox alone."""

    id_number: IdNumber
    household_city: CityCode | None = None
    state_staff: bool | None = None
    active_service: bool | None = None
    exit_restricted: bool | None = None
    deceased: bool | None = None
    in_mainland: bool | None = None


class ChangeBatch(Frozen, frozen=True, kw_only=True):
    """Changes up to 500 people."""

    people: Annotated[list[Change], Meta(min_length=1, max_length=BATCH_ITEMS_MAX)]


class Settlement(Frozen, frozen=True, kw_only=True):
    """Registers the synthetic residents of a run of numbers in one city. For the sandbox alone."""

    city: CityCode
    first: Annotated[int, Meta(ge=0, lt=PEOPLE_MAX)]
    count: Annotated[int, Meta(ge=1, le=PEOPLE_MAX)]


class SettlementBatch(Frozen, frozen=True, kw_only=True):
    """Settles several runs; a later run takes precedence over an earlier one."""

    settlements: Annotated[list[Settlement], Meta(min_length=1, max_length=BATCH_ITEMS_MAX)]
