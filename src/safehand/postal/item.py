"""One item: the order's terms, who has it, and one small record for each step. Small enough to be read at a glance."""

from typing import Final

import msgspec

from safehand.house.erasure import Erasure, ErasureEvent
from safehand.postal.acceptance.events import AcceptanceEvent
from safehand.postal.acceptance.states import Acceptance
from safehand.postal.custody.states import Custody
from safehand.postal.custody.states import State as Holder
from safehand.postal.delivery.events import DeliveryEvent
from safehand.postal.delivery.states import TERMINAL as DELIVERY_OVER
from safehand.postal.delivery.states import Delivery
from safehand.postal.delivery.states import State as DeliveryState
from safehand.postal.identity_check.states import Asked
from safehand.postal.inquiry.events import InquiryEvent
from safehand.postal.inquiry.states import Inquiry
from safehand.postal.order import Order
from safehand.postal.receiver.events import ReceiverEvent
from safehand.postal.receiver.states import Receiver
from safehand.postal.settlement.events import SettlementEvent
from safehand.postal.settlement.states import Settlement
from safehand.postal.transport.events import TransportEvent
from safehand.postal.transport.states import State as TransportState
from safehand.postal.transport.states import Transport
from safehand.postal.undeliverable.events import UndeliverableEvent
from safehand.postal.undeliverable.states import State as UndeliverableState
from safehand.postal.undeliverable.states import Undeliverable

ItemEvent = (
    AcceptanceEvent
    | TransportEvent
    | DeliveryEvent
    | UndeliverableEvent
    | SettlementEvent
    | ReceiverEvent
    | InquiryEvent
    | ErasureEvent
)
"""What the journal of an item may hold."""


class Item(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The state of an item's stream."""

    order: Order | None = None
    acceptance: Acceptance = Acceptance()
    custody: Custody = Custody()
    transport: Transport = Transport()
    delivery: Delivery = Delivery()
    undeliverable: Undeliverable = Undeliverable()
    settlement: Settlement = Settlement()
    asked: Asked = Asked()
    receiver: Receiver = Receiver()
    inquiry: Inquiry = Inquiry()
    erasure: Erasure = Erasure()

    @property
    def terms(self) -> Order:
        """The order. Raises `LookupError` before there is one."""
        if self.order is None:
            raise LookupError("this item has no order yet")
        return self.order

    @property
    def waybill(self) -> str:
        """The item's number; empty until it is allocated."""
        return self.acceptance.waybill


IN_TRANSIT: Final = "in_transit"
_UNTOUCHED: Final = frozenset({UndeliverableState.NOT_BEGUN, UndeliverableState.RECALL_PENDING})


def overall(item: Item) -> str:
    """One word for where the item is, for tables and lists."""
    if item.undeliverable.state not in _UNTOUCHED:
        return item.undeliverable.state
    if item.delivery.state is not DeliveryState.NOT_BEGUN:
        return item.delivery.state
    if item.transport.state is not TransportState.NOT_BEGUN:
        return IN_TRANSIT
    return item.acceptance.state


def is_over(item: Item) -> bool:
    """Whether it can be handed to nobody any more: it is delivered, or was stopped, or never came."""
    return item.delivery.state in DELIVERY_OVER or is_ended(item)


def is_ended(item: Item) -> bool:
    """Whether nothing more is to come, but for the finding of a lost item."""
    return item.custody.state in (Holder.WITH_RECIPIENT, Holder.RETURNED) or overall(item) in (
        "cancelled",
        "refused",
        "lost",
    )
