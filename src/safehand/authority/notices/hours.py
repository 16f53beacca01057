"""When people are told: not in the night, and of a deadline in time. Pure; days and hours are China's."""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from safehand.kernel.working_days import SHANGHAI, end_of_day, local_day

QUIET_FROM: Final = time(22)
QUIET_UNTIL: Final = time(7)
"""Between these nobody is woken by what can wait."""
REMINDERS_FROM: Final = time(9)
"""On the day of a reminder it goes out from this hour."""


def quiet_until(now: datetime) -> datetime | None:
    """When the night ends in which `now` lies (aware UTC); none by day."""
    local = now.astimezone(SHANGHAI)
    if QUIET_UNTIL <= local.time() < QUIET_FROM:
        return None
    morning = local.date() + timedelta(days=1 if local.time() >= QUIET_FROM else 0)
    return _at(morning, QUIET_UNTIL)


def reminded_up_to(now: datetime, *, days_left: int) -> datetime:
    """Every deadline up to this moment has had its reminder `days_left` days before its last day (0: on its morning).

    A deadline of whole days ends with its last day, so one that ends today is due on this morning.
    """
    day = local_day(now)
    if now < _at(day, REMINDERS_FROM):
        day -= timedelta(days=1)
    return end_of_day(day + timedelta(days=days_left))


def _at(day: date, hour: time) -> datetime:
    return datetime.combine(day, hour, SHANGHAI).astimezone(UTC)
