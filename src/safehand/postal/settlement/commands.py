"""What may be told about postage, and who may tell it."""

from typing import Final

from safehand.kernel.machine import Command
from safehand.link.messages import Fen, Reference, Waybill


class RecordCollected(Command, frozen=True, kw_only=True, tag="settlement.record_collected"):
    """Postage was paid before the delivery (at the counter, by code). A sealed proof records it by itself otherwise."""

    waybill: Waybill
    amount_fen: Fen
    collector: Reference


SettlementCommand = RecordCollected

ROLES: Final[dict[type[Command], frozenset[str]]] = {RecordCollected: frozenset({"courier", "office_clerk"})}
