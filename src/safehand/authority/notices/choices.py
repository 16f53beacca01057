"""What applicants chose to hear by which way: kept beside the case as bits, with nothing of a person."""

from datetime import datetime
from typing import Final

from safehand.authority.notices.planning import Choice
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey

CHOSEN: Final = (
    "select progress, deadlines, delivery, other_way from message_choice where city = $1 and subject = $2"
)
CHOOSE: Final = (
    "insert into message_choice (city, subject, progress, deadlines, delivery, other_way, at)"
    " values ($1, $2, $3, $4, $5, $6, $7) on conflict (city, subject) do update set progress = excluded.progress,"
    " deadlines = excluded.deadlines, delivery = excluded.delivery, other_way = excluded.other_way, at = excluded.at"
)


async def choice_of(*, house: House, key: StreamKey) -> Choice:
    """What was chosen for a case; what holds for everybody, where nothing was."""
    rows = await house.store.fetch(CHOSEN, key.city, key.stream)
    return Choice(*rows[0]) if rows else Choice()


async def choose(*, house: House, key: StreamKey, choice: Choice, now: datetime) -> None:
    """Keep what was chosen, in place of what was chosen before. Whoever chose last has chosen."""
    await house.store.fetch(CHOOSE, key.city, key.stream, *choice, now)
