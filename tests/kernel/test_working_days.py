"""Working days: holidays, make-up days, unknown years, and the clock that stops and runs."""

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safehand.kernel.working_days import (
    NATIONAL,
    SHANGHAI,
    WeekdayCalendar,
    WorkClock,
    add_days,
    add_months,
    add_working_days,
    age_years,
    is_published,
    is_working_day,
    last_day,
    working_days_between,
)


def noon(year: int, month: int, day: int) -> datetime:
    return datetime(year, month, day, 12, tzinfo=SHANGHAI).astimezone(UTC)


INSTANTS = st.integers(0, 3 * 365 * 24 * 60).map(
    lambda minutes: datetime(2023, 1, 1, tzinfo=UTC) + timedelta(minutes=minutes)
)


def test_labour_day_2024_is_off_and_its_make_up_days_are_worked():
    assert not is_working_day(date(2024, 5, 1))
    assert not is_working_day(date(2024, 5, 3))
    assert is_working_day(date(2024, 4, 28))  # a Sunday
    assert is_working_day(date(2024, 5, 11))  # a Saturday
    assert not is_working_day(date(2024, 5, 12))


def test_seven_working_days_from_the_launch_end_on_the_fourteenth():
    deadline = add_working_days(noon(2024, 5, 6), 7)
    # 7, 8, 9, 10, the make-up Saturday 11, 13, 14
    assert last_day(deadline) == date(2024, 5, 14)
    assert deadline == datetime(2024, 5, 14, 16, tzinfo=UTC)


def test_calendar_days_end_with_the_local_day():
    assert add_days(noon(2024, 5, 6), 7) == datetime(2024, 5, 13, 16, tzinfo=UTC)


def test_the_local_day_counts_and_not_that_of_utc():
    late_evening_utc = datetime(2024, 5, 6, 17, tzinfo=UTC)  # 01:00 on the 7th in Shanghai
    assert last_day(add_working_days(late_evening_utc, 1)) == date(2024, 5, 8)


def test_an_unknown_year_falls_back_to_weekdays_and_says_so():
    assert NATIONAL.kind_of(date(2049, 10, 1)).working  # a Friday, surely a holiday once announced
    assert not NATIONAL.kind_of(date(2049, 10, 1)).published
    assert not is_published(first=date(2024, 12, 30), last=date(2049, 1, 1) - timedelta(days=5400))
    assert is_published(first=date(2024, 5, 1), last=date(2024, 12, 31))


@pytest.mark.parametrize("days", [-1, 1001])
def test_impossible_numbers_of_days_are_refused(days: int):
    with pytest.raises(ValueError, match="days"):
        add_working_days(noon(2024, 5, 6), days)


def test_an_instant_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="zone"):
        add_working_days(datetime(2024, 5, 6), 1)  # noqa: DTZ001


def test_a_span_of_ages_is_refused_and_not_counted():
    with pytest.raises(ValueError, match="at most"):
        working_days_between(noon(1900, 1, 1), noon(2024, 1, 1))


@settings(max_examples=60)
@given(INSTANTS, st.integers(0, 60))
def test_as_many_working_days_lie_before_a_deadline_as_were_given(start: datetime, days: int):
    deadline = add_working_days(start, days)
    assert working_days_between(start, deadline - timedelta(seconds=1)) == days
    assert days == 0 or is_working_day(last_day(deadline))


@settings(max_examples=60)
@given(st.lists(INSTANTS, min_size=3, max_size=3))
def test_working_days_add_up(instants: list[datetime]):
    first, middle, last = sorted(instants)
    whole = working_days_between(first, last)
    assert working_days_between(first, middle) + working_days_between(middle, last) == whole
    assert working_days_between(last, first) == 0


def test_the_review_clock_stands_while_the_applicant_corrects():
    clock = WorkClock(budget_days=7).started(at=noon(2024, 5, 6))
    assert clock.deadline() == add_working_days(noon(2024, 5, 6), 7)
    stopped = clock.stopped(at=noon(2024, 5, 8))
    assert (stopped.consumed_days, stopped.is_running, stopped.deadline()) == (2, False, None)
    again = stopped.started(at=noon(2024, 5, 20))
    assert again.deadline() == add_working_days(noon(2024, 5, 20), 5)
    assert again.used_days(at=noon(2024, 5, 22)) == 4


def test_an_overdrawn_clock_is_due_at_once_when_it_runs_again():
    overdrawn = WorkClock(budget_days=1).started(at=noon(2024, 5, 6)).stopped(at=noon(2024, 5, 9))
    assert overdrawn.started(at=noon(2024, 5, 13)).deadline() == noon(2024, 5, 13)


def test_a_clock_is_not_started_or_stopped_twice():
    with pytest.raises(ValueError, match="runs already"):
        WorkClock(budget_days=1).started(at=noon(2024, 5, 6)).started(at=noon(2024, 5, 6))
    with pytest.raises(ValueError, match="stands already"):
        WorkClock(budget_days=1).stopped(at=noon(2024, 5, 6))


@settings(max_examples=40)
@given(st.lists(INSTANTS, min_size=2, max_size=6, unique=True))
def test_stopping_and_starting_at_once_gains_nobody_a_day(instants: list[datetime]):
    instants = sorted(instants)
    through = WorkClock(budget_days=900).started(at=instants[0])
    broken = through
    for at in instants[1:-1]:
        broken = broken.stopped(at=at).started(at=at)
    assert broken.used_days(at=instants[-1]) == through.used_days(at=instants[-1])


def test_another_calendar_fits_the_same_port():
    assert last_day(add_working_days(noon(2024, 4, 30), 1, calendar=WeekdayCalendar())) == date(2024, 5, 1)


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [
        (date(2024, 8, 31), 6, date(2025, 2, 28)),
        (date(2023, 8, 31), 6, date(2024, 2, 29)),
        (date(2024, 12, 31), 2, date(2025, 2, 28)),
        (date(2024, 3, 31), -1, date(2024, 2, 29)),
        (date(2024, 1, 15), -1, date(2023, 12, 15)),
        (date(2024, 11, 30), 1, date(2024, 12, 30)),
    ],
)
def test_months_end_where_the_month_ends(day: date, months: int, expected: date):
    assert add_months(day, months) == expected


def test_one_turns_older_on_the_birthday():
    assert age_years(birth_date=date(2008, 5, 6), day=date(2024, 5, 5)) == 15
    assert age_years(birth_date=date(2008, 5, 6), day=date(2024, 5, 6)) == 16
    assert age_years(birth_date=date(2008, 2, 29), day=date(2025, 2, 28)) == 16
    assert age_years(birth_date=date(2008, 2, 29), day=date(2025, 3, 1)) == 17


def test_a_calendar_of_weekdays_works_from_monday_to_friday_and_publishes_nothing():
    monday = date(2024, 5, 6)
    for number in range(7):
        kind = WeekdayCalendar().kind_of(monday + timedelta(days=number))
        assert (kind.working, kind.published) == (number < 5, False)


def test_in_a_year_without_announcement_weekdays_are_worked():
    monday = date(2049, 6, 7)
    for number in range(7):
        kind = NATIONAL.kind_of(monday + timedelta(days=number))
        assert (kind.working, kind.published) == (number < 5, False)


def test_a_single_day_is_published_or_not():
    published, unknown = date(2024, 12, 31), date(2049, 1, 1)
    assert is_published(first=published, last=published)
    assert not is_published(first=unknown, last=unknown)
    eve = date(2003, 12, 31)
    first_known = eve + timedelta(days=1)
    assert NATIONAL.kind_of(first_known).published
    assert not is_published(first=eve, last=first_known)
    assert not is_published(first=eve, last=eve)


def test_the_last_day_of_a_deadline_is_the_one_whose_end_it_is():
    midnight = datetime(2024, 5, 6, 16, tzinfo=UTC)
    assert last_day(midnight) == date(2024, 5, 6)
    assert last_day(midnight + timedelta(microseconds=1)) == date(2024, 5, 7)
    assert last_day(midnight + timedelta(microseconds=2)) == date(2024, 5, 7)


def test_a_standing_clock_has_used_what_it_had_used():
    clock = WorkClock(budget_days=7, consumed_days=3)
    assert clock.used_days(at=noon(2024, 5, 20)) == 3
    assert clock.deadline() is None


def test_a_budget_that_is_just_used_up_ends_with_the_day_on_which_the_clock_runs_again():
    clock = WorkClock(budget_days=2, consumed_days=2).started(at=noon(2024, 5, 13))
    assert clock.deadline() == add_working_days(noon(2024, 5, 13), 0)


def test_a_clock_is_started_at_an_instant_with_a_zone():
    with pytest.raises(ValueError, match="zone"):
        WorkClock(budget_days=1).started(at=datetime(2024, 5, 6))  # noqa: DTZ001


def test_four_thousand_days_are_counted_and_no_more():
    start = noon(2010, 1, 1)
    assert working_days_between(start, start + timedelta(days=4000)) > 2000
    with pytest.raises(ValueError, match="at most 4000"):
        working_days_between(start, start + timedelta(days=4001))
