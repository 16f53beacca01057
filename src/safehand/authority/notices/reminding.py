"""The job that reminds: whoever has two days left, and again on the last morning, is told once; who has acted is not.

Deadlines stand on the worklists as they are, so nothing is written ahead and nothing has to be taken back: whoever has
corrected or paid is on no such list any more. The days' first run looks; the others find the day done.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

import msgspec

from safehand.authority.notices.hours import reminded_up_to
from safehand.house.runtime import House

AT_ONCE_MAX: Final = 500
ROUNDS_MAX: Final = 1_000


class Reminder(NamedTuple):
    """What is told of a deadline, and how many days before its last one."""

    template: str
    days_left: tuple[int, ...]


REMINDERS: Final[Mapping[str, Reminder]] = {
    "application.correcting": Reminder("correction_reminder", (2, 0)),
    "payment.awaiting": Reminder("payment_reminder", (2, 0)),
    "handover.ready_for_pickup": Reminder("pickup_reminder", (2, 0)),
    "tracking.reported": Reminder("receipt_reminder", (0,)),
}
"""Worklist on which the applicant's own clock runs -> what is told."""
QUEUE_OF: Final[Mapping[str, str]] = {one.template: queue for queue, one in REMINDERS.items()}

NEAR: Final = (
    "select w.city, w.stream, a.template, w.due_at, a.days_left, w.narrowed from work w"
    " join unnest($1::text[], $2::text[], $3::int[], $4::timestamptz[], $5::timestamptz[])"
    " as a (queue, template, days_left, after, until)"
    " on a.queue = w.queue where w.due_at > a.after and w.due_at <= a.until and not exists ("
    " select from reminder r where r.city = w.city and r.subject = w.stream and r.template = a.template"
    " and r.due_at = w.due_at and r.days_left = a.days_left) limit $6"
)
# Two processes may look at the same time: whoever writes the reminder first writes its notice.
REMIND: Final = (
    "with new as (insert into reminder (city, subject, template, due_at, days_left)"
    " select * from unnest($1::int[], $2::text[], $3::text[], $4::timestamptz[], $5::int[]) on conflict do nothing"
    " returning city, subject, template, due_at, days_left)"
    " insert into notice (city, subject, template, facts, at)"
    " select city, subject, template, n.facts, $7 from new join"
    " unnest($1::int[], $2::text[], $3::text[], $4::timestamptz[], $5::int[], $6::text[])"
    " as n (city, subject, template, due_at, days_left, facts) using (city, subject, template, due_at, days_left)"
    " returning number"
)


class Reminding:
    """Reminds the applicants of one house."""

    def __init__(self, *, house: House) -> None:
        self._house = house
        self._done_up_to: tuple[datetime, ...] = ()
        """In this process only: another one that looks again finds that everybody was told."""

    async def remind(self) -> int:
        """The job: a notice for each deadline that has come near; returns how many."""
        now = self._house.clock.now()
        today = max(now, reminded_up_to(now, days_left=0))
        asked = [
            # Whoever is reminded today, on the last morning, is not also told that two days are left.
            (
                queue,
                one.template,
                days_left,
                today if days_left else now,
                reminded_up_to(now, days_left=days_left),
            )
            for queue, one in REMINDERS.items()
            for days_left in one.days_left
        ]
        up_to = tuple(until for *_, until in asked)
        if up_to == self._done_up_to:
            return 0
        told = 0
        for _ in range(ROUNDS_MAX):
            columns = [list(column) for column in zip(*asked, strict=True)]
            near = await self._house.store.fetch(NEAR, *columns, AT_ONCE_MAX)
            if near:
                told += await self._write(near, now)
            if len(near) < AT_ONCE_MAX:
                self._done_up_to = up_to
                break
        return told

    async def _write(self, near: Sequence[Any], now: datetime) -> int:
        facts = [
            msgspec.json.encode(_facts(template, due_at, office)).decode()
            for _, _, template, due_at, _, office in near
        ]
        columns = [list(column) for column in zip(*[tuple(row)[:5] for row in near], strict=True)]
        return len(await self._house.store.fetch(REMIND, *columns, facts, now))


def _facts(template: str, due_at: datetime, office: str) -> dict[str, str]:
    told = {"due_at": due_at.isoformat()}
    return told | {"office": office} if template == REMINDERS["handover.ready_for_pickup"].template else told
