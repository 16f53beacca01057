"""Working days of the national calendar, deadlines in whole days, and a clock that stops and runs.

How days are counted: the day on which a clock starts doesn't count; a deadline is the end of its last day, given as
the first instant of the next one, so `now >= deadline` means that it has passed.
"""

from collections.abc import Hashable
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Final, Protocol
from zoneinfo import ZoneInfo

import chinese_calendar
import msgspec

SHANGHAI: Final = ZoneInfo("Asia/Shanghai")
DAYS_MAX: Final = 1000
SPAN_DAYS_MAX: Final = 4000
_DAY: Final = timedelta(days=1)


class DayKind(msgspec.Struct, frozen=True):
    """Whether a day is worked, and whether the calendar knows it or fell back to the rule for weekdays."""

    working: bool
    published: bool


class WorkingCalendar(Hashable, Protocol):
    """Says which days are worked."""

    def kind_of(self, day: date) -> DayKind:
        """Working day or not, and whether that is published."""
        ...


class NationalCalendar:
    """China's calendar with public holidays and make-up working days, as the State Council announces each autumn.

    For a year that isn't announced yet (or was before the library's first) Monday to Friday count as worked and
    the day is flagged `published=False`: a deadline in such a year is computed again after the announcement.
    """

    def kind_of(self, day: date) -> DayKind:
        """See `WorkingCalendar`."""
        return _national_kind(day)


class WeekdayCalendar:
    """Monday to Friday and nothing else; every day is flagged unpublished. For places without a national calendar."""

    def kind_of(self, day: date) -> DayKind:
        """See `WorkingCalendar`."""
        return DayKind(day.weekday() < 5, False)


NATIONAL: Final = NationalCalendar()


@lru_cache(maxsize=8192)
def _national_kind(day: date) -> DayKind:
    try:
        return DayKind(bool(chinese_calendar.is_workday(day)), True)
    except NotImplementedError:
        return DayKind(day.weekday() < 5, False)


def local_day(at: datetime, zone: ZoneInfo = SHANGHAI) -> date:
    """The local day of an instant. Raises `ValueError` for an instant without a zone."""
    if at.tzinfo is None:
        raise ValueError("an instant needs a zone")
    return at.astimezone(zone).date()


@lru_cache(maxsize=8192)
def end_of_day(day: date, zone: ZoneInfo = SHANGHAI) -> datetime:
    """The end of a local day: the first instant of the next, in UTC."""
    return datetime.combine(day + _DAY, time(), tzinfo=zone).astimezone(UTC)


def last_day(deadline: datetime, zone: ZoneInfo = SHANGHAI) -> date:
    """The local day to name to people for a deadline: the last on which one may still act."""
    return local_day(deadline - timedelta(microseconds=1), zone)


def is_working_day(day: date, calendar: WorkingCalendar = NATIONAL) -> bool:
    """Whether a day is worked."""
    return calendar.kind_of(day).working


def is_published(*, first: date, last: date, calendar: WorkingCalendar = NATIONAL) -> bool:
    """Whether the calendar knows every day from first to last, so that deadlines between them are firm."""
    return all(calendar.kind_of(first + _DAY * n).published for n in range(_span(first, last) + 1))


def add_working_days(
    start: datetime, days: int, *, calendar: WorkingCalendar = NATIONAL, zone: ZoneInfo = SHANGHAI
) -> datetime:
    """The end, in UTC, of the `days`-th working day after the start's local day; of that day itself for 0.

    Raises `ValueError` for a start without zone or days outside 0…1000.
    """
    return end_of_day(_working_day_after(local_day(start, zone), _checked(days), calendar), zone)


def add_days(start: datetime, days: int, *, zone: ZoneInfo = SHANGHAI) -> datetime:
    """The end, in UTC, of the `days`-th calendar day after the start's local day."""
    return end_of_day(local_day(start, zone) + _DAY * _checked(days), zone)


def working_days_between(
    start: datetime, end: datetime, *, calendar: WorkingCalendar = NATIONAL, zone: ZoneInfo = SHANGHAI
) -> int:
    """Working days after the start's local day up to and with the end's; 0 when the end isn't later.

    Additive: a to b and b to c make a to c, so stopping and starting on one day gains nobody a day.
    """
    return _working_days(local_day(start, zone), local_day(end, zone), calendar)


def add_months(day: date, months: int) -> date:
    """The same day of another month, or that month's last day where it has no such day (31 August + 6 → 28 February)."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    following = date(year + month // 11, (month + 1) % 12 + 1, 1)
    return min(date(year, month + 1, 1) + _DAY * (day.day - 1), following - _DAY)


def age_years(*, birth_date: date, day: date) -> int:
    """Completed years of age on a day; one turns a year older on the birthday (29 February: on 1 March)."""
    return day.year - birth_date.year - ((day.month, day.day) < (birth_date.month, birth_date.day))


@lru_cache(maxsize=16384)
def _working_day_after(day: date, days: int, calendar: WorkingCalendar) -> date:
    for _ in range(SPAN_DAYS_MAX):
        if days == 0:
            return day
        day += _DAY
        days -= calendar.kind_of(day).working
    raise ValueError(f"the calendar has no working day within {SPAN_DAYS_MAX} days")


@lru_cache(maxsize=16384)
def _working_days(first: date, last: date, calendar: WorkingCalendar) -> int:
    return sum(calendar.kind_of(first + _DAY * n).working for n in range(1, _span(first, last) + 1))


def _span(first: date, last: date) -> int:
    span = (last - first).days
    if span > SPAN_DAYS_MAX:
        raise ValueError(f"at most {SPAN_DAYS_MAX} days can be counted, not {span}")
    return span


def _checked(days: int) -> int:
    if not 0 <= days <= DAYS_MAX:
        raise ValueError(f"days must lie between 0 and {DAYS_MAX}")
    return days


class WorkClock(msgspec.Struct, frozen=True, kw_only=True):
    """A budget of working days that runs and stops: `running_since` is empty while it stands.

    The review clock stands while the applicant corrects (policy: "stopped while waiting for the applicant").
    """

    budget_days: int
    consumed_days: int = 0
    running_since: datetime | None = None

    @property
    def is_running(self) -> bool:
        """Whether it runs."""
        return self.running_since is not None

    def started(self, *, at: datetime) -> "WorkClock":
        """The clock running from an instant on. Raises `ValueError` when it runs already."""
        if self.running_since is not None:
            raise ValueError("the clock runs already")
        local_day(at)
        return msgspec.structs.replace(self, running_since=at)

    def stopped(
        self, *, at: datetime, calendar: WorkingCalendar = NATIONAL, zone: ZoneInfo = SHANGHAI
    ) -> "WorkClock":
        """The clock standing, the working days since its start consumed. Raises `ValueError` when it stands."""
        if self.running_since is None:
            raise ValueError("the clock stands already")
        used = self.used_days(at=at, calendar=calendar, zone=zone)
        return msgspec.structs.replace(self, consumed_days=used, running_since=None)

    def used_days(
        self, *, at: datetime, calendar: WorkingCalendar = NATIONAL, zone: ZoneInfo = SHANGHAI
    ) -> int:
        """Working days used up to an instant."""
        if self.running_since is None:
            return self.consumed_days
        return self.consumed_days + working_days_between(self.running_since, at, calendar=calendar, zone=zone)

    def deadline(self, *, calendar: WorkingCalendar = NATIONAL, zone: ZoneInfo = SHANGHAI) -> datetime | None:
        """When the budget ends if it goes on running; None while it stands.

        A clock started again after its budget was overdrawn is due at once.
        """
        if self.running_since is None:
            return None
        left = self.budget_days - self.consumed_days
        if left < 0:
            return self.running_since
        return add_working_days(self.running_since, left, calendar=calendar, zone=zone)
