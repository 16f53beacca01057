"""What can be wished of an envelope with the post. The last wish counts."""

from datetime import date, datetime

from safehand.kernel.machine import Event


class AnotherDayWished(Event, frozen=True, kw_only=True, tag="wish.another_day"):
    """Brought on that day, and not before."""

    number: int
    day: date
    order: str
    waybill: str
    peer: str
    at: datetime


class PostOfficeWished(Event, frozen=True, kw_only=True, tag="wish.post_office"):
    """Held at the post office, where its recipient fetches it."""

    number: int
    order: str
    waybill: str
    peer: str
    at: datetime


WishEvent = AnotherDayWished | PostOfficeWished
