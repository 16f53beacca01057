"""Nobody is woken for what can wait, and a deadline is told of in time."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from safehand.authority.notices.hours import quiet_until, reminded_up_to
from safehand.kernel.working_days import end_of_day

CHINA = timezone(timedelta(hours=8))


def china(day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2024, 5, day, hour, minute, tzinfo=CHINA).astimezone(UTC)


@pytest.mark.parametrize(
    ("now", "until"),
    [
        (china(6, 7), None),
        (china(6, 21, 59), None),
        (china(6, 22), china(7, 7)),
        (china(6, 23, 59), china(7, 7)),
        (china(7, 0), china(7, 7)),
        (china(7, 6, 59), china(7, 7)),
        (china(31, 22), datetime(2024, 5, 31, 23, tzinfo=UTC)),
    ],
)
def test_the_night_in_china_lasts_from_ten_to_seven(now: datetime, until: datetime | None):
    assert quiet_until(now) == until


def test_a_day_of_reminders_begins_at_nine():
    last_day = china(8, 0).astimezone(CHINA).date()
    deadline = end_of_day(last_day)
    for days_left in (2, 0):
        day = 8 - days_left
        assert reminded_up_to(china(day, 8, 59), days_left=days_left) < deadline
        assert reminded_up_to(china(day, 9), days_left=days_left) == deadline
        assert reminded_up_to(china(day, 23, 59), days_left=days_left) == deadline
