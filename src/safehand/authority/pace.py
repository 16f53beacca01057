"""How long it really takes: each night the applications that have ended are counted by how long they stood in each waiting state.

A page reads a handful of rows made beforehand; nothing behind it grows with the number of cases. Counted are stays: the time from
entering a waiting state to leaving it, nights, weekends and the applicant's own delays included. With fewer than 30 stays of the same
city and document in 90 days nothing is made: a range from five cases would be an invention.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from safehand.authority.application import events as application
from safehand.authority.case import Case, CaseEvent
from safehand.kernel.clock import Clock
from safehand.kernel.machine import Event, StreamKey, Waiting
from safehand.kernel.store import HouseStore
from safehand.kernel.working_days import local_day

HISTORY_DAYS: Final = 90
STAYS_MIN: Final = 30
MADE_AT_HOUR: Final = timedelta(hours=3)
"""In China: when the fewest people wait for a page."""
CASES_AT_ONCE: Final = 25
"""Folding so many keeps the process from answering for some hundredths of a second."""
ENDED_AT_ONCE: Final = 1_000
ROUNDS_MAX: Final = 1_000
EVENTS_MAX: Final = CASES_AT_ONCE * 2_000
STEP: Final = 1.15
FIRST_SECONDS: Final = 600
BUCKET_MAX: Final = 80
WHOLE: Final = "whole"
"""In place of a queue: from submission until it is in the applicant's hands."""
_END_EVENTS: Final = (
    application.ApplicationWithdrawn,
    application.ApplicationDeemedWithdrawn,
    application.ApplicationRefused,
    application.ApplicationCompleted,
    application.ApplicationEndedUndelivered,
)
ENDS: Final = tuple(sorted(str(one.__struct_config__.tag) for one in _END_EVENTS))

# Ordered by the column, not by its text, in which 1000 comes before 999.
_ENDED: Final = """
    select e.written_by::text as xid, e.city, e.stream, e.version from event e
    where e.written_by >= $1::text::xid8 and e.written_by < pg_snapshot_xmin(pg_current_snapshot())
    and (e.written_by, e.city, e.stream, e.version) > ($1::text::xid8, $2::int, $3::text collate "C", $4::int)
    and e.kind = any($5::text[]) order by e.written_by, e.city, e.stream, e.version limit $6"""
_EVENTS: Final = """
    select e.city, e.stream, e.version, e.at, e.body from event e
    join unnest($1::int[], $2::text[]) as w (city, stream) on e.city = w.city and e.stream = w.stream
    order by e.city, e.stream, e.version limit $3"""
# The position moves in the statement that counts, so that nothing is counted twice by another process or after a kill.
_COUNT: Final = """
    with moved as (
        update pace_read set upto = $1::text::xid8, city = $2, stream = $3, version = $4
        where (upto, city, stream, version) = ($5::text::xid8, $6::int, $7::text collate "C", $8::int) returning 1)
    insert into pace_day (city, document, queue, day, bucket, stays)
    select n.* from unnest($9::int[], $10::text[], $11::text[], $12::date[], $13::smallint[], $14::int[]) as n, moved
    on conflict (city, document, queue, day, bucket) do update set stays = pace_day.stays + excluded.stays"""
_MAKE: Final = """
    with counted as (
        select city, document, queue, bucket, sum(stays) as stays from pace_day where day > $1 group by 1, 2, 3, 4),
    running as (
        select city, document, queue, bucket,
            sum(stays) over (partition by city, document, queue order by bucket) as upto,
            sum(stays) over (partition by city, document, queue) as stays from counted),
    made as (
        select city, document, queue, stays, min(bucket) filter (where upto * 2 >= stays) as half,
            min(bucket) filter (where upto * 10 >= stays * 9) as nine_of_ten
        from running where stays >= $2 group by 1, 2, 3, 4),
    gone as (
        delete from pace p where not exists (
            select from made m where (m.city, m.document, m.queue) = (p.city, p.document, p.queue))),
    old as (delete from pace_day where day <= $1),
    today as (update pace_read set made_for = $3)
    insert into pace (city, document, queue, stays, half, nine_of_ten) select * from made
    on conflict (city, document, queue) do update
    set stays = excluded.stays, half = excluded.half, nine_of_ten = excluded.nine_of_ten"""

Waits = Callable[[Case, StreamKey], Sequence[Waiting]]
Fold = Callable[[Case, Event, datetime], Case]


class Pace(NamedTuple):
    """How long a waiting state lasted: half of the stays no longer than `half`, nine of ten no longer than `nine_of_ten`."""

    half: timedelta
    nine_of_ten: timedelta


class Stay(NamedTuple):
    """One stay in a waiting state that is over."""

    queue: str
    lasted: timedelta


class Happened(NamedTuple):
    """An event of a case with its place and moment."""

    version: int
    at: datetime
    event: Event


class _Position(NamedTuple):
    upto: str
    city: int
    stream: str
    version: int


class _Line(NamedTuple):
    """What is counted together."""

    city: int
    document: str
    queue: str
    day: date
    bucket: int


def bucket_of(lasted: timedelta) -> int:
    """The place of a length on the scale: the first whose edge it does not exceed."""
    seconds = lasted.total_seconds()
    if seconds <= FIRST_SECONDS:
        return 0
    return min(BUCKET_MAX, math.ceil(round(math.log(seconds / FIRST_SECONDS, STEP), 9)))


def edge_of(bucket: int) -> timedelta:
    """The longest length of a place: what is told is never shorter than what was measured, and at most 15 % longer."""
    return timedelta(seconds=round(FIRST_SECONDS * STEP**bucket))


def stays_of(
    *, key: StreamKey, initial: Case, happened: Sequence[Happened], until: int, fold: Fold, waits: Waits
) -> tuple[list[Stay], Case]:
    """The stays that were over when the case ended with event `until`, and the case then.

    What follows from an end happens in its own moment and belongs to it. Of a case that ended before and was opened again
    only what came after that counts: the rest was counted then.
    """
    state, open_since, stays = initial, dict[tuple[str, datetime], None](), list[Stay]()
    ended_at = next((one.at for one in happened if one.version == until), None)
    counted_up_to: datetime | None = None
    for one in happened:
        if ended_at is None or (one.version > until and one.at > ended_at):
            break
        state = fold(state, one.event, one.at)
        now_open = {(line.queue, line.since): None for line in waits(state, key)}
        left = [Stay(queue, one.at - since) for queue, since in open_since if (queue, since) not in now_open]
        open_since = now_open
        if isinstance(one.event, _END_EVENTS) and one.version < until:
            counted_up_to = one.at
            stays.clear()
        elif counted_up_to is None or one.at > counted_up_to:
            stays += left
        if one.version == until and isinstance(one.event, application.ApplicationCompleted):
            stays.append(Stay(WHOLE, one.at - happened[0].at))
    return stays, state


async def paces_of(*, store: HouseStore, city: int, document: str) -> dict[str, Pace]:
    """How long each waiting state lasts for a document in a city; absent where history is too thin to say."""
    rows = await store.fetch(
        "select queue, half, nine_of_ten from pace where city = $1 and document = $2", city, document
    )
    return {row[0]: Pace(edge_of(row[1]), edge_of(row[2])) for row in rows}


class Pacing:
    """The nightly count. `fold`, `waits` and `initial` are those of the case's machine."""

    def __init__(
        self,
        *,
        store: HouseStore,
        clock: Clock,
        initial: Callable[[StreamKey], Case],
        fold: Fold,
        waits: Waits,
    ) -> None:
        self._store, self._clock = store, clock
        self._initial, self._fold, self._waits = initial, fold, waits
        self._events = msgspec.json.Decoder(CaseEvent)
        self._made_for = date.min
        """Spares this process the question for the rest of the day."""

    async def run(self) -> int:
        """The job: once a day from three in the morning; returns how many ended applications were counted."""
        day = local_day(self._clock.now() - MADE_AT_HOUR)
        if day <= self._made_for:
            return 0
        [row] = await self._store.fetch("select made_for, upto::text, city, stream, version from pace_read")
        counted = 0
        if row[0] < day:
            counted = await self._count_all(_Position(row[1], row[2], row[3], row[4]))
            await self._store.fetch(_MAKE, day - timedelta(days=HISTORY_DAYS), STAYS_MIN, day)
        self._made_for = day
        return counted

    async def _count_all(self, position: _Position) -> int:
        counted = 0
        for _ in range(ROUNDS_MAX):
            ended = await self._store.fetch(_ENDED, *position, list(ENDS), ENDED_AT_ONCE)
            for first in range(0, len(ended), CASES_AT_ONCE):
                position = await self._count(ended[first : first + CASES_AT_ONCE], position)
            counted += len(ended)
            if len(ended) < ENDED_AT_ONCE:
                break
        return counted

    async def _count(self, ended: Sequence[Any], position: _Position) -> _Position:
        """Count these ends, which follow on `position`; returns where that leads."""
        further = _Position(*ended[-1])
        lines = await self._lines([(StreamKey(row[1], row[2]), row[3]) for row in ended])
        columns = [list(column) for column in zip(*lines, strict=True)] or [[] for _ in _Line._fields]
        await self._store.fetch(_COUNT, *further, *position, *columns, list(lines.values()))
        return further

    async def _lines(self, ended: Sequence[tuple[StreamKey, int]]) -> Counter[_Line]:
        keys = sorted({key for key, _ in ended})
        rows: Sequence[Any] = await self._store.fetch(
            _EVENTS, [key.city for key in keys], [key.stream for key in keys], EVENTS_MAX
        )
        happened: dict[StreamKey, list[Happened]] = {}
        for city, stream, version, at, body in rows:
            happened.setdefault(StreamKey(city, stream), []).append(
                Happened(version, at, self._events.decode(body))
            )
        lines: Counter[_Line] = Counter()
        for key, until in ended:
            lines.update(self._counted(key, until, happened))
        return lines

    def _counted(
        self, key: StreamKey, until: int, happened: Mapping[StreamKey, Sequence[Happened]]
    ) -> Counter[_Line]:
        events = happened.get(key, ())
        ended_at = next((one.at for one in events if one.version == until), None)
        if ended_at is None:
            return Counter()
        stays, case = stays_of(
            key=key,
            initial=self._initial(key),
            happened=events,
            until=until,
            fold=self._fold,
            waits=self._waits,
        )
        day = local_day(ended_at)
        return Counter(
            _Line(key.city, case.application.document, stay.queue, day, bucket_of(stay.lasted))
            for stay in stays
        )
