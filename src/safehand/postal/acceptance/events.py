"""What has happened to an item until the post signed for it."""

from enum import IntEnum

from safehand.kernel.machine import Event
from safehand.link.messages import Reason
from safehand.postal.order import Order


class ReprintReason(IntEnum):
    """Why a label is printed again: numbers, since free text might name a person."""

    FIRST_PRINT = 0
    DAMAGED = 1
    UNREADABLE = 2
    PRINTER_FAILED = 3
    LOST = 4


class OrderReceived(Event, frozen=True, kw_only=True, tag="acceptance.order_received"):
    """The authority's order (101) can be carried. A number is drawn at once."""

    order: Order


class OrderTurnedAway(Event, frozen=True, kw_only=True, tag="acceptance.order_turned_away"):
    """The order can't be carried: its destination isn't served, or its terms contradict each other."""

    order: Order
    reason: Reason


class NumberMissed(Event, frozen=True, kw_only=True, tag="acceptance.number_missed"):
    """All numbers of the city are used: the order waits for new ones."""


class NumberSought(Event, frozen=True, kw_only=True, tag="acceptance.number_sought"):
    """A number is asked for again."""


class OrderRefused(Event, frozen=True, kw_only=True, tag="acceptance.order_refused"):
    """No number came in time: the authority is told and offers its own counter instead."""

    reason: Reason


class WaybillAllocated(Event, frozen=True, kw_only=True, tag="acceptance.waybill_allocated"):
    """The order has its number. The number is never given again, whatever becomes of the order."""

    waybill: str
    token: bytes


class LabelPrinted(Event, frozen=True, kw_only=True, tag="acceptance.label_printed"):
    """One physical label was made by the post; every print is an event."""

    reason: ReprintReason
    clerk: str


class OrderCancelled(Event, frozen=True, kw_only=True, tag="acceptance.order_cancelled"):
    """The authority withdrew the order (102) before handing over; its number is burned."""


class Escalated(Event, frozen=True, kw_only=True, tag="acceptance.escalated"):
    """The envelope didn't come in time: the manager asks the authority."""


class Accepted(Event, frozen=True, kw_only=True, tag="acceptance.accepted"):
    """Counted out of the bag: the post signs for it (203)."""

    bag: str
    office: str
    clerk: str


AcceptanceEvent = (
    OrderReceived
    | OrderTurnedAway
    | NumberMissed
    | NumberSought
    | OrderRefused
    | WaybillAllocated
    | LabelPrinted
    | OrderCancelled
    | Escalated
    | Accepted
)
