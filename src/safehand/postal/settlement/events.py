"""What has happened to an item's postage."""

from datetime import datetime

from safehand.kernel.machine import Event


class PostageCollected(Event, frozen=True, kw_only=True, tag="settlement.postage_collected"):
    """The recipient paid the postage: at the door with the delivery, or before at the counter (217)."""

    amount_fen: int
    collector: str
    at: datetime


class Owed(Event, frozen=True, kw_only=True, tag="settlement.owed"):
    """Signal, never journaled: postage is due on delivery."""

    amount_fen: int


class NothingOwed(Event, frozen=True, kw_only=True, tag="settlement.nothing_owed"):
    """Signal, never journaled: prepaid or free."""


class Waived(Event, frozen=True, kw_only=True, tag="settlement.waived"):
    """Signal, never journaled: there will be no delivery, so nobody owes postage for it."""


SettlementEvent = PostageCollected
SettlementSignal = Owed | NothingOwed | Waived
