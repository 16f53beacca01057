"""All that a house's books say, for a rehearsal's report: counts, custody, journal, parked messages, statements."""

from datetime import date, timedelta

import msgspec

from safehand.house.runtime import House
from safehand.house.statements import ZONE, Accounts, Difference, book_differences, statements
from safehand.link.messages import Statement

FIRST_DAY = date(2000, 1, 1)


class CityStatement(msgspec.Struct, frozen=True, kw_only=True):
    """A statement with its city."""

    city: int
    statement: Statement


class Parked(msgspec.Struct, frozen=True, kw_only=True):
    """A message that could not be applied."""

    city: int
    number: int
    kind: int
    reason: str


class Books(msgspec.Struct, frozen=True, kw_only=True):
    """The books of one house at one moment."""

    tallies: dict[str, int]
    """`city:name` -> count."""
    accounts: dict[str, int]
    """`city:document:account` or `city:item:account` -> units."""
    journal_events: int
    parked: list[Parked]
    statements: list[CityStatement]
    own_differences: list[Difference]
    daybook_differences: int
    unsent: int


async def read_books(*, house: House, accounts: Accounts) -> Books:
    """Read everything from the house's own database."""
    store = house.store
    today = house.clock.now().astimezone(ZONE).date()
    made = await statements(
        store=store, accounts=accounts, first_day=FIRST_DAY, last_day=today + timedelta(days=1)
    )
    units = await store.fetch(
        "select city, case when starts_with(unit, 'or_') then 'item' else 'document' end, account, count(*)"
        " from unit group by 1, 2, 3"
    )
    parked = await store.fetch(
        "select city, number, kind, reason from link_parked where resolved_at is null order by at limit 1000"
    )
    differing = await store.fetch("select count(*) from work where queue = 'statement.differences'")
    events = await store.fetch("select count(*) from event")
    outbox, unacknowledged = await house.link_log.waiting()
    return Books(
        tallies={f"{city}:{name}": count for (city, name), count in (await store.tallies()).items()},
        accounts={f"{row[0]}:{row[1]}:{row[2]}": row[3] for row in units},
        journal_events=events[0][0],
        parked=[Parked(city=row[0], number=row[1], kind=row[2], reason=row[3]) for row in parked],
        statements=[CityStatement(city=city, statement=one) for (city, _), one in sorted(made.items())],
        own_differences=await book_differences(store=store, day=today),
        daybook_differences=differing[0][0],
        unsent=outbox + unacknowledged,
    )
