"""The second book of custody: envelopes, the items that both houses count, in the treaty's four accounts.

An item is opened when the post has given it a number, and follows its document only where it crosses between the houses: what
goes wrong before the post has accepted it is the authority's own affair. The daily statements are made from these.
"""

from collections.abc import Sequence
from typing import Final

from safehand.authority import custody
from safehand.authority.case import Case, CaseEvent
from safehand.authority.handover import events as handover
from safehand.authority.made_documents import Account
from safehand.house.statements import TreatyAccount
from safehand.kernel.machine import Move

_OUTSIDE: Final[dict[str, TreatyAccount]] = {
    Account.POST: "post",
    Account.RECIPIENT: "recipient",
    Account.INCIDENT: "incident",
}


def treaty_account(account: str) -> TreatyAccount:
    """An item's account in the authority's book is the treaty's already."""
    match account:
        case "authority" | "post" | "recipient" | "incident":
            return account
        case _:
            raise ValueError(f"{account} is not an account of the treaty")


def moves(case: Case, event: CaseEvent) -> Sequence[Move]:
    """The lines of the documents' book, and those of the envelopes'; `case` as it was before the event."""
    papers = custody.moves(case, event)
    if isinstance(event, handover.WaybillRecorded):
        opened = Move(unit=case.handover.order, giver="issued", taker="authority", phase="opened")
        return (*papers, opened)
    crossing = [line for move in papers if (line := _crossing(case, move)) is not None]
    return (*papers, *crossing) if crossing else papers


def _crossing(case: Case, move: Move) -> Move | None:
    """The envelope's line for a document's line, if it crosses from one treaty account to another."""
    if move.phase not in ("accepted", "moved"):
        return None
    document = case.papers.find(int(move.unit.rpartition("#")[2]))
    if document is None or not document.order:
        return None
    giver, taker = _outside(move.giver), _outside(move.taker)
    accepted = giver != "authority" or move.taker == Account.POST
    if giver == taker or not accepted:
        return None
    return Move(unit=document.order, giver=giver, taker=taker, phase="moved")


def _outside(account: str) -> TreatyAccount:
    return _OUTSIDE.get(account, "authority")
