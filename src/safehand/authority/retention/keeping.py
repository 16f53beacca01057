"""The job that keeps the schedule: whose time is over is ordered erased, pictures go before, old notices go.

It walks along the index of endings, oldest first, a bounded stretch each time, and keeps only where it is: a lap that is cut
off begins anew and finds done what is done. A case that ended twice is looked at where it ended last; one that is not over
yet after all (money is owed, a dispute is open) is met again in the next lap. Of the case the journal stays: what was proven
is proven, without the person.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

import msgspec

from safehand.authority.addresses.keeping import AddressBooks
from safehand.authority.application.drafts import Drafts
from safehand.authority.application.states import TERMINAL
from safehand.authority.application.uploads import UPLOADED, VERDICT
from safehand.authority.case import Case
from safehand.authority.retention.schedule import Retention
from safehand.house.erasure import OrderErasure
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.shell import Call, Done
from safehand.kernel.working_days import local_day

WALKED_AT_ONCE_MAX: Final = 2_000
NOTICES_AT_ONCE_MAX: Final = 1_000
REST: Final = timedelta(hours=1)
"""Between two laps."""
PICTURES: Final = (*UPLOADED, *(f"{VERDICT}{part}" for part in UPLOADED))
"""The names of a case's records that go with its pictures."""

WALK: Final = """
    with stretch as (
        select at, city, stream, version from event
        where kind in ('application.completed', 'application.withdrawn', 'application.deemed_withdrawn',
            'application.refused', 'application.ended_undelivered')
        and (at, city, stream, version) > ($1::timestamptz, $2::int, $3::text, $4::int) and at <= $5
        order by at, city, stream, version limit $6),
    kept as (
        select e.at, e.city, e.stream, e.version, s.state, exists (
            select from vault_record r where r.city = e.city and r.subject = e.stream and r.name = any($7::text[])
        ) as pictured
        from stretch e join keys.case_key k on k.city = e.city and k.subject = e.stream
        join stream s on s.city = e.city and s.stream = e.stream
        where not exists (
            select from event later where later.city = e.city and later.stream = e.stream
            and later.version > e.version and later.kind in ('application.completed', 'application.withdrawn',
            'application.deemed_withdrawn', 'application.refused', 'application.ended_undelivered'))),
    acts as (select * from kept where pictured or at <= $8)
    (select at, city, stream, version, null as state, false as pictured from stretch
        order by at desc, city desc, stream desc, version desc limit 1)
    union all select at, city, stream, version, state, pictured from acts"""
WITHOUT_PICTURES: Final = (
    "delete from vault_record r using unnest($1::int[], $2::text[]) as w (city, subject)"
    " where r.city = w.city and r.subject = w.subject and r.name = any($3::text[]) returning 1"
)
# Numbers are given in order of time, so the oldest are the lowest. What was never sent stays until somebody has seen why.
NOTICES: Final = """
    with old as (
        select number from notice where number in (select number from notice order by number limit $2)
        and at <= $1 and (sent_at is not null or failed is not null)),
    gone as (delete from notice n using old where n.number = old.number returning n.number, n.city, n.subject),
    messages_gone as (delete from message m using gone where m.notice = gone.number),
    reminders_gone as (
        delete from reminder r using (select distinct city, subject from gone) as g
        where r.city = g.city and r.subject = g.subject and r.due_at <= $1)
    select number from gone"""


class _Place(NamedTuple):
    """How far a lap has come along the index."""

    at: datetime
    city: int = 0
    stream: str = ""
    version: int = 0


class Keeping:
    """Keeps the schedule for one house. `at_once`: how many endings one stretch looks at."""

    def __init__(self, *, house: House, retention: Retention, at_once: int = WALKED_AT_ONCE_MAX) -> None:
        self._house, self._retention, self._at_once = house, retention, at_once
        self._cases = msgspec.json.Decoder(Case)
        self._place: _Place | None = None
        self._rests_until: datetime | None = None

    async def run(self) -> int:
        """The job: one stretch; returns how many cases lost their pictures or their person, and how many notices went."""
        now = self._house.clock.now()
        if self._rests_until is not None and now < self._rests_until:
            return 0
        kept = self._retention.on(local_day(now))
        pictures_over = now - timedelta(days=kept.pictures_days)
        person_over = now - timedelta(days=kept.person_days)
        place = self._place or _Place(datetime.fromtimestamp(0, now.tzinfo))
        rows = await self._house.store.fetch(
            WALK, *place, pictures_over, self._at_once, list(PICTURES), person_over
        )
        acts = [tuple(row) for row in rows if row[4] is not None]
        done = await self._erased(acts, person_over) + await self._without_pictures(acts, person_over)
        gone = await self._house.store.fetch(
            NOTICES, now - timedelta(days=kept.notices_days), NOTICES_AT_ONCE_MAX
        )
        self._place = next((_Place(*tuple(row)[:4]) for row in rows if row[4] is None), None)
        if self._place is None and len(gone) < NOTICES_AT_ONCE_MAX:
            self._rests_until = now + REST
        return done + len(gone)

    async def _erased(self, acts: Sequence[Any], over: datetime) -> int:
        """Order the erasure of whose time is over. Who is still needed is refused, and asked for again in the next lap."""
        calls = [
            Call(
                stream=StreamKey(city, stream),
                kind="case",
                command=OrderErasure(cause="retention_over"),
                actor="retention",
            )
            for at, city, stream, *_ in acts
            if at <= over
        ]
        outcomes = await self._house.shell.run(calls) if calls else []
        return sum(isinstance(one, Done) and bool(one.events) for one in outcomes)

    async def _without_pictures(self, acts: Sequence[Any], over: datetime) -> int:
        """Take the pictures out of what has ended; what goes on by now (a proof that was taken back) keeps them."""
        gone = [
            StreamKey(city, stream)
            for at, city, stream, _, state, pictured in acts
            if pictured and at > over and self._cases.decode(state).application.state in TERMINAL
        ]
        if gone:
            cities, cases = [key.city for key in gone], [key.stream for key in gone]
            await self._house.store.fetch(WITHOUT_PICTURES, cities, cases, list(PICTURES))
        return len(gone)


def retention_chores(
    *, house: House, retention: Retention, drafts: Drafts, books: AddressBooks
) -> dict[str, Callable[[], Awaitable[int]]]:
    """The jobs that keep the schedule, by name."""

    def period(name: str) -> timedelta:
        return retention.period(name=name, day=local_day(house.clock.now()))

    async def old_drafts() -> int:
        return await drafts.sweep(kept_for=period("drafts_days"))

    async def unused_addresses() -> int:
        return await books.sweep(now=house.clock.now(), kept_for=period("addresses_days"))

    return {
        "retention": Keeping(house=house, retention=retention).run,
        "old_drafts": old_drafts,
        "unused_addresses": unused_addresses,
    }
