"""The documents a case has made: which is valid, where each is, and what the national register must still be told.

Usually one. A document that was invalidated (lost, misprinted, never fetched) stays here until it is destroyed, on
its own worklist, so that the case itself can go on with the next one.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from safehand.authority.returns import commands as returns
from safehand.authority.returns import refusals
from safehand.authority.rulebook import Answer, Moment
from safehand.authority.tracking import commands as tracking
from safehand.kernel.machine import Command, Event, Waiting
from safehand.kernel.outcome import define
from safehand.link.messages import Reason


class Account(StrEnum):
    """The accounts of the authority's book of custody; each unit is one document."""

    ISSUED = "issued"
    """Where a unit comes from: no document is ever in it."""
    VAULT = "vault"
    PRODUCTION = "production"
    HANDOVER_SHELF = "handover_shelf"
    POST = "post"
    RECIPIENT = "recipient"
    COUNTER = "counter"
    RETURN_SHELF = "return_shelf"
    INCIDENT = "incident"
    DESTROYED = "destroyed"


RegisterWork = Literal["cancel_old", "issue", "suspend", "restore", "invalidate"]


class MadeDocument(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One document, from its blank to its end."""

    make: int
    blank: int
    account: Account
    pending: Account | None = None
    """To whom it is offered."""
    valid: bool = False
    frozen: bool = False
    """Its recipient says that they do not have it: it opens no border until it is found, or settled."""
    freezes: int = 0
    """How often it was frozen: names what the register is told each time."""
    reissue: bool = False
    """While it is frozen: another one is authorised, should it be given up."""
    claimed: bool = False
    """For that the case, which was completed, has its claim again."""
    since: datetime
    order: str = ""
    waybill: str = ""
    peer: str = ""
    envelope: Literal["", "recipient", "authority"] = ""
    """Where its last envelope is by the treaty's book, if not with the post: sealed as delivered; received back, with or
    without its document; or never handed over."""


class RegisterEntry(msgspec.Struct, frozen=True, array_like=True):
    """Something that the national register must be told."""

    work: RegisterWork
    make: int
    since: datetime
    blank: int = 0
    """Kept here, since the document may be destroyed before the register was told."""
    turn: int = 0
    """Which time, of what may be told more than once."""

    @property
    def name(self) -> str:
        """By which it is known as done."""
        return f"{self.work}:{self.make}" + (f":{self.turn}" if self.turn else "")


class DocumentInvalidated(Event, frozen=True, kw_only=True, tag="document.invalidated"):
    """From now on it opens no border; it may still have to be found and destroyed."""

    make: int
    reason: str
    remake: bool


class DocumentFrozen(Event, frozen=True, kw_only=True, tag="document.frozen"):
    """Its recipient says "I don't have it": until that is settled it opens no border, and the register is told so."""

    make: int
    turn: int
    reissue: bool
    """If it is given up, another one is made without a new application."""
    claimed: bool = False
    """The case was completed, and takes its claim again for that."""


class DocumentReleased(Event, frozen=True, kw_only=True, tag="document.released"):
    """It is valid as before: its recipient has it, or it was found and goes out again."""

    make: int
    turn: int
    claimed: bool = False
    """The completed case gives its claim back."""


class OldDocumentContradicted(Event, frozen=True, kw_only=True, tag="document.old_contradicted"):
    """The post says that it still has an envelope which had been sealed as delivered; the document is invalid already."""

    make: int


class OldDocumentInHand(Event, frozen=True, kw_only=True, tag="document.old_in_hand"):
    """Its envelope is in its recipient's hands by the recipient's own word, as the post's book has it; invalid it stays."""

    make: int


class OldDocumentFound(Event, frozen=True, kw_only=True, tag="document.old_found"):
    """An invalid document reappeared at the post: it comes back, never to the door."""

    make: int


class OldDocumentOffered(Event, frozen=True, kw_only=True, tag="document.old_offered"):
    """The post stands at the door with it."""

    make: int


class OldDocumentReceived(Event, frozen=True, kw_only=True, tag="document.old_received"):
    """Scanned in; it waits for its destruction."""

    make: int
    order: str
    waybill: str
    peer: str
    at: datetime


class OldDocumentHandedIn(Event, frozen=True, kw_only=True, tag="document.old_handed_in"):
    """Scanned in, and not from the post: sealed as delivered, or never offered to it, and now found or brought by somebody.

    The post hears nothing of it: its own book says, and goes on saying, that the recipient or we have the envelope.
    """

    make: int


class OldDocumentMissing(Event, frozen=True, kw_only=True, tag="document.old_missing"):
    """Its envelope came back without it, or the post has lost it again; it opens no border, and is still to be found."""

    make: int
    second_person: str = ""
    """Who saw the empty envelope beside the actor; empty: the post's own news."""


class OldClaimRefused(Event, frozen=True, kw_only=True, tag="document.old_claim_refused"):
    """A courier claimed to hand out an invalid document: it must come back."""

    order: str
    waybill: str
    peer: str
    reason: int
    at: datetime


class DocumentDestroyed(Event, frozen=True, kw_only=True, tag="document.destroyed"):
    """Destroyed before two witnesses."""

    make: int
    first_witness: str
    second_witness: str


class RegisterEntryDue(Event, frozen=True, kw_only=True, tag="register.entry_due"):
    """The national register must be told."""

    work: RegisterWork
    make: int
    turn: int = 0


class RegisterEntryDone(Event, frozen=True, kw_only=True, tag="register.entry_done"):
    """It was told, and said yes."""

    work: RegisterWork
    make: int
    turn: int = 0


MadeDocumentEvent = (
    DocumentInvalidated
    | DocumentFrozen
    | DocumentReleased
    | OldDocumentContradicted
    | OldDocumentInHand
    | OldDocumentFound
    | OldDocumentOffered
    | OldDocumentReceived
    | OldDocumentHandedIn
    | OldDocumentMissing
    | OldClaimRefused
    | DocumentDestroyed
    | RegisterEntryDue
    | RegisterEntryDone
)


class RecordRegisterDone(Command, frozen=True, kw_only=True, tag="register.record_done"):
    """The national register confirmed an entry."""

    work: RegisterWork
    make: Annotated[int, Meta(ge=0, le=1_000)]
    turn: Annotated[int, Meta(ge=0)] = 0


ROLES: Final[dict[type[Command], frozenset[str]]] = {RecordRegisterDone: frozenset({"system"})}

REGISTER_NOT_DUE = define(
    code="register.not_due",
    en="The register was never to be told this (“{work}”) for this case.",
    zh="本件没有此项（{work}）登记事项。",
    way_out_en="Compare with the list of entries that are due.",
    way_out_zh="请核对待登记清单。",
    owner="register",
)


class Papers(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """All documents of a case that still exist, and the register's unfinished entries."""

    made: tuple[MadeDocument, ...] = ()
    destroyed: int = 0
    """How many exist no more."""
    owed: tuple[RegisterEntry, ...] = ()
    told: tuple[str, ...] = ()
    """Entries done, as `work:make`, and of those that come again the last, with its turn."""

    def find(self, make: int) -> MadeDocument | None:
        """The document by its number within the case."""
        for document in self.made:
            if document.make == make:
                return document
        return None

    def old_by_order(self, order: str) -> MadeDocument | None:
        """An invalid document that once went out under this order."""
        return next((d for d in self.made if not d.valid and d.order == order and order), None)

    def old_by_waybill(self, waybill: str) -> MadeDocument | None:
        """An invalid document that once went out under this waybill."""
        return next((d for d in self.made if not d.valid and d.waybill == waybill and waybill), None)


_NEVER: Final = datetime.min.replace(tzinfo=UTC)


def record_register_done(papers: Papers, command: RecordRegisterDone) -> Answer:
    """Once per entry."""
    said = RegisterEntry(command.work, command.make, _NEVER, turn=command.turn).name
    if any(entry.name == said for entry in papers.owed):
        return [RegisterEntryDone(work=command.work, make=command.make, turn=command.turn)]
    if said in papers.told:
        return []
    return REGISTER_NOT_DUE(work=command.work)


def destroy(papers: Papers, command: returns.DestroyDocument) -> Answer:
    """Postal facts, document.destroyed: physical destruction, two witnesses; only what is invalid and in the house."""
    if command.first_witness == command.second_witness:
        return refusals.SAME_PERSON()
    document = papers.find(command.make)
    if document is None or document.valid or document.pending or not _may_lie_here(document):
        return refusals.NOTHING_TO_DESTROY(make=command.make)
    if document.blank != command.blank:
        return refusals.WRONG_BLANK(make=command.make)
    return [
        DocumentDestroyed(
            make=command.make, first_witness=command.first_witness, second_witness=command.second_witness
        )
    ]


def _may_lie_here(document: MadeDocument) -> bool:
    """On the shelf; or given up, and its envelope is not with the post: else the post would offer for ever what is gone.

    What lies before a clerk and is with the post by the book is received first, under its waybill.
    """
    with_the_post = bool(document.order) and not document.envelope
    given_up = document.account is Account.INCIDENT and not with_the_post
    return given_up or document.account is Account.RETURN_SHELF


def report_missing(papers: Papers, command: returns.ReportEmpty, m: Moment) -> Answer | None:
    """An invalid document that is not in its envelope; none: it is about the document at work."""
    document = papers.find(command.make)
    if document is None or document.valid:
        return None
    if document.account is Account.INCIDENT:
        return []
    if command.second_person == m.actor:
        return refusals.ALONE()
    if document.account is not Account.RETURN_SHELF:
        return refusals.NOTHING_TO_DESTROY(make=command.make)
    return [OldDocumentMissing(make=document.make, second_person=command.second_person)]


OldCommand = tracking.JudgeClaim | tracking.RecordFound | returns.RecordReturnOffered | returns.ReceiveReturn


def about_old(document: MadeDocument, command: OldCommand, m: Moment) -> Answer:
    """What the post does with a document that is invalid by now: it may only come back to be destroyed."""
    account, pending = document.account, document.pending
    by_post = not isinstance(command, tracking.JudgeClaim | returns.ReceiveReturn)
    if document.envelope == "authority" and by_post:
        return []  # its envelope came back already, with it or empty: late news
    match command:
        case tracking.JudgeClaim():
            return [
                OldClaimRefused(
                    order=command.order,
                    waybill=command.waybill,
                    peer=document.peer,
                    reason=int(Reason.NOT_IN_CUSTODY),
                    at=m.now,
                )
            ]
        case tracking.RecordFound():
            return [OldDocumentFound(make=document.make)] if account is Account.INCIDENT else []
        case returns.RecordReturnOffered():
            if account is Account.RETURN_SHELF and document.envelope == "recipient":
                return [OldDocumentContradicted(make=document.make)]
            waits = account in (Account.INCIDENT, Account.POST) and pending is None
            return [OldDocumentOffered(make=document.make)] if waits else []
        case returns.ReceiveReturn():
            if account is Account.RETURN_SHELF:
                return []
            if document.envelope:
                return [OldDocumentHandedIn(make=document.make)]
            return [
                OldDocumentReceived(
                    make=document.make,
                    order=document.order,
                    waybill=document.waybill,
                    peer=document.peer,
                    at=m.now,
                )
            ]


def fold(papers: Papers, event: MadeDocumentEvent, at: datetime) -> Papers:
    """Validity and register entries after the event; where each document is follows from `custody`."""
    match event:
        case DocumentInvalidated():
            return _changed(papers, event.make, valid=False, frozen=False, reissue=False)
        case DocumentFrozen():
            return _changed(
                papers,
                event.make,
                frozen=True,
                freezes=event.turn,
                reissue=event.reissue,
                claimed=event.claimed,
            )
        case DocumentReleased():
            return _changed(papers, event.make, frozen=False, reissue=False, claimed=False)
        case RegisterEntryDue():
            document = papers.find(event.make)
            blank = document.blank if document is not None else 0
            entry = RegisterEntry(event.work, event.make, at, blank, event.turn)
            return msgspec.structs.replace(papers, owed=(*papers.owed, entry))
        case RegisterEntryDone():
            done = RegisterEntry(event.work, event.make, at, turn=event.turn).name
            owed = tuple(entry for entry in papers.owed if entry.name != done)
            # Of what comes again and again only the last is kept.
            before = f"{event.work}:{event.make}:"
            told = tuple(one for one in papers.told if not one.startswith(before))
            return msgspec.structs.replace(papers, owed=owed, told=(*told, done))
        case (
            OldDocumentContradicted()
            | OldDocumentInHand()
            | OldDocumentFound()
            | OldDocumentOffered()
            | OldDocumentReceived()
            | OldDocumentHandedIn()
            | OldDocumentMissing()
            | OldClaimRefused()
            | DocumentDestroyed()
        ):
            return papers


def _changed(papers: Papers, make: int, **changes: Any) -> Papers:
    made = tuple(msgspec.structs.replace(d, **changes) if d.make == make else d for d in papers.made)
    return msgspec.structs.replace(papers, made=made)


def changed(papers: Papers, make: int, changes: Mapping[str, Any]) -> Papers:
    """The papers with one document changed."""
    return _changed(papers, make, **changes)


def waits(papers: Papers, group: str) -> Sequence[Waiting]:
    """The register's queue, and invalid documents that are coming back or wait for their destruction."""
    lines: list[Waiting] = []
    if papers.owed:
        first = papers.owed[0]
        lines.append(Waiting(queue="register.due", since=first.since, owner="system", group=first.work))
    invalid = [document for document in papers.made if not document.valid]
    for queue, stands in _OLD_QUEUES.items():
        since = [document.since for document in invalid if stands(document)]
        if since:
            lines.append(Waiting(queue=queue, since=min(since), owner="handover_clerk", group=group))
    return lines


_OLD_QUEUES: Final[Mapping[str, Callable[[MadeDocument], bool]]] = {
    # Also what nobody found before it stood at the door: given up, and offered all the same.
    "returns.old_coming_back": lambda document: (
        document.account is Account.POST or document.pending is Account.RETURN_SHELF
    ),
    "returns.to_destroy": lambda document: document.account is Account.RETURN_SHELF,
}
