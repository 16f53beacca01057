"""The second book of custody: envelopes, the items that both houses count, in the treaty's three accounts.

An item is opened when the post has given it a number, and follows its document only where it crosses between the
houses: what goes wrong inside a house is that house's own affair, and an item that is lost is lost in the post's hands.
"""

from collections.abc import Sequence
from typing import Final

from safehand.authority import custody
from safehand.authority.case import Case, CaseEvent
from safehand.authority.handover import events as handover
from safehand.authority.made_documents import Account, OldDocumentInHand
from safehand.house.statements import TreatyAccount
from safehand.kernel.machine import Move

_POST: Final = (Account.POST, Account.INCIDENT)
"""What the post is responsible for: an incident after acceptance changes nothing about that."""


def treaty_account(account: str) -> TreatyAccount:
    """An item's account in the authority's book is the treaty's already."""
    match account:
        case "authority" | "post" | "recipient":
            return account
        case _:
            raise ValueError(f"{account} is not an account of the treaty")


def moves(case: Case, event: CaseEvent) -> Sequence[Move]:
    """The lines of the documents' book, and those of the envelopes'; `case` as it was before the event."""
    papers = custody.moves(case, event)
    if isinstance(event, handover.WaybillRecorded):
        opened = Move(unit=case.handover.order, giver="issued", taker="authority", phase="opened")
        return (*papers, opened)
    if isinstance(event, handover.WaybillCameLate):
        opened = Move(unit=event.order, giver="issued", taker="authority", phase="opened")
        return (*papers, opened)
    crossing = [line for move in papers if (line := _crossing(case, move)) is not None]
    contradicted = custody.contradicted(case, event)
    if contradicted is not None:
        crossing.insert(0, _line(contradicted.order, "recipient", "post"))
    if isinstance(event, OldDocumentInHand) and (old := case.papers.find(event.make)) is not None:
        crossing.append(_line(old.order, "post", "recipient"))
    return (*papers, *crossing) if crossing else papers


def _crossing(case: Case, move: Move) -> Move | None:
    """The envelope's line for a document's line, if it is one of the three crossings; a move to itself is none."""
    document = case.papers.find(int(move.unit.rpartition("#")[2]))
    if document is None or not document.order:
        return None
    match move.phase, move.giver, move.taker:
        case "accepted", Account.HANDOVER_SHELF, Account.POST:
            return _line(document.order, "authority", "post")
        case "moved", giver, Account.RECIPIENT if giver in _POST:
            return _line(document.order, "post", "recipient")
        case "accepted", giver, Account.RETURN_SHELF if giver in _POST:
            return _line(document.order, "post", "authority")
        case _:
            return None


def _line(order: str, giver: TreatyAccount, taker: TreatyAccount) -> Move:
    return Move(unit=order, giver=giver, taker=taker, phase="moved")
