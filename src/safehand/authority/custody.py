"""Which event moves which document from whom to whom: the authority's side of the double-entry book."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Literal

import msgspec

from safehand.authority import made_documents as papers
from safehand.authority.case import Case, CaseEvent
from safehand.authority.handover import events as handover
from safehand.authority.made_documents import Account, MadeDocument, Papers
from safehand.authority.production import events as production
from safehand.authority.returns import events as returns
from safehand.authority.tracking import events as tracking
from safehand.kernel.machine import Event, Move

A = Account
Phase = Literal["offered", "accepted", "refused"]


def unit_of(case: str, make: int) -> str:
    """The name of a document in the book: it tells nothing but which make of which case."""
    return f"{case}#{make}"


def moves(case: Case, event: CaseEvent) -> Sequence[Move]:
    """The lines of the book that the event is; `case` as it was before."""
    kind = type(event)
    taker = _MOVED.get(kind)
    if taker is not None:
        return _moved(case, case.production.make, taker)
    phase = _PHASES.get(kind)
    if phase is not None:
        return _phase(case, case.production.make, *phase)
    own = _OWN_MAKE.get(kind)
    return () if own is None else own(case, event)


def _started(case: Case, make: int) -> Sequence[Move]:
    unit = unit_of(case.case, make)
    return (
        Move(unit=unit, giver=A.ISSUED, taker=A.VAULT, phase="opened"),
        Move(unit=unit, giver=A.VAULT, taker=A.PRODUCTION, phase="moved"),
    )


def _of(case: Case, make: int) -> MadeDocument:
    document = case.papers.find(make)
    if document is None:
        raise LookupError(f"{case.case} has no document {make}")
    return document


def _phase(case: Case, make: int, taker: Account, phase: Phase) -> Sequence[Move]:
    return (Move(unit=unit_of(case.case, make), giver=_of(case, make).account, taker=taker, phase=phase),)


def _moved(case: Case, make: int, taker: Account) -> Sequence[Move]:
    """Straight to an account; what was offered elsewhere is voided first."""
    document = _of(case, make)
    lines: list[Move] = []
    if document.pending is not None:
        lines.extend(_phase(case, make, document.pending, "refused"))
    if document.account is not taker:
        lines.append(Move(unit=unit_of(case.case, make), giver=document.account, taker=taker, phase="moved"))
    return lines


def _received(case: Case, make: int) -> Sequence[Move]:
    """Accepted by our clerk's scan; when the envelope was quicker than its message, the offer is written with it."""
    accepted = _phase(case, make, A.RETURN_SHELF, "accepted")
    if _of(case, make).pending is None:
        return (*_phase(case, make, A.RETURN_SHELF, "offered"), *accepted)
    return accepted


CONTRADICTS: Final = (
    tracking.DeliveryContradicted,
    papers.OldDocumentContradicted,
    papers.OldDocumentFound,
    papers.OldDocumentOffered,
)
"""Events by which the post still has an envelope, whatever was sealed."""


def _make_of(case: Case, event: CaseEvent) -> int:
    return getattr(event, "make", case.production.make)


def contradicted(case: Case, event: CaseEvent) -> MadeDocument | None:
    """The document of which this event says that its envelope never came into its recipient's hands; mostly none."""
    document = case.papers.find(_make_of(case, event)) if isinstance(event, CONTRADICTS) else None
    return document if document is not None and document.envelope == "recipient" else None


def posted(*, case: Case, event: CaseEvent, at: datetime) -> Papers:
    """The case's documents after the event, each where the book now has it."""
    after = _told(case, event)
    lines = moves(case, event)
    if not lines:
        return after
    for move in lines:
        make, taker = int(move.unit.rpartition("#")[2]), Account(move.taker)
        match move.phase:
            case "opened":
                blank = event.blank if isinstance(event, production.ProductionStarted) else 0
                new = MadeDocument(make=make, blank=blank, account=taker, since=at)
                after = msgspec.structs.replace(after, made=(*after.made, new))
            case "offered":
                after = papers.changed(after, make, {"pending": taker})
            case "refused":
                after = papers.changed(after, make, {"pending": None})
            case "accepted" | "moved":
                changes: dict[str, Any] = {"account": taker, "pending": None, "since": at}
                if isinstance(event, tracking.ProofSealed | tracking.ContradictionEnded):
                    changes["envelope"] = "recipient"
                if isinstance(
                    event, handover.DeclaredMissing | returns.ReturnReceived | papers.OldDocumentReceived
                ):
                    changes["envelope"] = "authority"
                after = papers.changed(after, make, changes)
    made = tuple(document for document in after.made if document.account is not A.DESTROYED)
    gone = len(after.made) - len(made)
    return msgspec.structs.replace(after, made=made, destroyed=after.destroyed + gone) if gone else after


def _told(case: Case, event: CaseEvent) -> Papers:
    """What the post says of an envelope without any document's having moved by it."""
    if isinstance(event, CONTRADICTS):
        return papers.changed(case.papers, _make_of(case, event), {"envelope": ""})
    if isinstance(event, papers.OldDocumentInHand):
        return papers.changed(case.papers, event.make, {"envelope": "recipient"})
    return case.papers


_MOVED: Final[Mapping[type[Event], Account]] = {
    handover.HandoverOpened: A.HANDOVER_SHELF,
    handover.ReadyForPickup: A.COUNTER,
    handover.PickedUp: A.RECIPIENT,
    handover.DeclaredMissing: A.INCIDENT,
    tracking.ProofSealed: A.RECIPIENT,
    tracking.IncidentRecorded: A.INCIDENT,
    tracking.DeliveryContradicted: A.INCIDENT,
    tracking.ContradictionEnded: A.RECIPIENT,
    tracking.LossRecorded: A.INCIDENT,
    tracking.FindRecorded: A.POST,
    returns.ReturnShelved: A.RETURN_SHELF,
    returns.EnvelopeEmpty: A.INCIDENT,
}
"""Where the document at work goes at once."""
_PHASES: Final[Mapping[type[Event], tuple[Account, Phase]]] = {
    handover.HandoverOffered: (A.POST, "offered"),
    handover.HandoverAccepted: (A.POST, "accepted"),
    handover.HandoverRefused: (A.POST, "refused"),
    returns.ReturnOffered: (A.RETURN_SHELF, "offered"),
}
"""Where the document at work goes between two hands."""
_OWN_MAKE: Final[Mapping[type[Event], Callable[[Case, Any], Sequence[Move]]]] = {
    production.ProductionStarted: lambda case, event: _started(case, event.make),
    production.DocumentSpoiled: lambda case, event: _moved(
        case, event.make, A.INCIDENT if event.reason == "missing" else A.DESTROYED
    ),
    returns.ReturnReceived: lambda case, event: _received(case, case.production.make),
    papers.OldDocumentFound: lambda case, event: _moved(case, event.make, A.POST),
    papers.OldDocumentInHand: lambda case, event: _moved(case, event.make, A.INCIDENT),
    papers.OldDocumentOffered: lambda case, event: _phase(case, event.make, A.RETURN_SHELF, "offered"),
    papers.OldDocumentReceived: lambda case, event: _received(case, event.make),
    papers.OldDocumentHandedIn: lambda case, event: _moved(case, event.make, A.RETURN_SHELF),
    papers.OldDocumentMissing: lambda case, event: _moved(case, event.make, A.INCIDENT),
    papers.DocumentDestroyed: lambda case, event: _moved(case, event.make, A.DESTROYED),
}
"""What needs more than a look at the table."""
