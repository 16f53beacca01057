"""Moments as whole microseconds for SQLite, and the day of Beijing that a moment falls on."""

from datetime import UTC, date, datetime, timedelta, timezone
from typing import Final

BEIJING: Final = timezone(timedelta(hours=8), "Beijing")
"""China has one time zone without summer time (since 1992); statements and days follow it."""
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)


def stamp(moment: datetime) -> int:
    """Microseconds since 1970, exact."""
    return (moment - _EPOCH) // _MICROSECOND


def moment(stamp: int) -> datetime:
    """The moment of a stamp, aware, in UTC."""
    return _EPOCH + stamp * _MICROSECOND


def beijing_day(moment: datetime) -> date:
    """The day in Beijing."""
    return moment.astimezone(BEIJING).date()
