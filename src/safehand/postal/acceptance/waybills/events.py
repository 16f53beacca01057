"""What has happened to a city's waybill numbers."""

from safehand.kernel.machine import Event


class WaybillDrawn(Event, frozen=True, kw_only=True, tag="range.waybill_drawn"):
    """The nth number (from 0) of the city's ranges was given to an order."""

    order: str
    waybill: str
    nth: int


class NearlyUsedUp(Event, frozen=True, kw_only=True, tag="range.nearly_used_up"):
    """Few numbers are left: the manager adds a range to the city's file."""

    left: int


class DrawMissed(Event, frozen=True, kw_only=True, tag="range.draw_missed"):
    """An order asked, and there was no number."""

    order: str


class Widened(Event, frozen=True, kw_only=True, tag="range.widened"):
    """The city's file has new numbers."""

    left: int


RangeEvent = WaybillDrawn | NearlyUsedUp | DrawMissed | Widened
