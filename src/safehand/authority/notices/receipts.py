"""The job that hears what became of text messages at the phone: delivered, or to be sent again, or failed for good.

Receipts are numbered by the gateway and read from where the last run ended. One that speaks of a message which the sending
job has not written down yet waits for it: whatever is read is applied, once.
"""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from safehand.authority.contact.commands import RecordReached
from safehand.authority.contact.states import QUEUE as UNREACHABLE
from safehand.authority.notices.planning import State
from safehand.authority.notices.rendering import templates
from safehand.authority.ports.calling import ServiceFault, ServiceUnavailable
from safehand.authority.ports.notices import TextMessages, TextReceipt
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.shell import Call

SERVICE: Final = "sms"
ROUNDS_MAX: Final = 20
SENDS_MAX: Final = 3
"""How often a text message that did not arrive is sent in all."""
PAUSE_FIRST: Final = timedelta(minutes=10)
"""It doubles with each sending."""
UNWRITTEN_FOR: Final = timedelta(minutes=5)
"""So long a receipt may be ahead of the sending job; then it speaks of what is not ours."""
_KEY: Final = re.compile(r"notice/([0-9]{1,18})(?:/([0-9]{1,3}))?")
_REASON: Final = re.compile(r"[a-z_.]{1,40}")

POSITION: Final = "select position from receipts_read where service = $1"
TO_AGENTS: Final = sorted(name for name, one in templates().items() if one.aside)
SENT: Final = (
    "select notice, city, subject, sends, exists (select from work w"
    " where w.city = m.city and w.stream = m.subject and w.queue = $2)"
    # What reaches an agent says nothing of whether the applicant is reached.
    " and not exists (select from notice n where n.number = m.notice and n.template = any($3::text[]))"
    " from message m where channel = 'sms' and notice = any($1::bigint[])"
)
# What is to be sent again, or on the other way, is opened once more: the sending job decides which.
HEARD: Final = (
    "with heard as (update message set state = h.state, reason = h.reason, at = h.at"
    " from unnest($1::bigint[], $2::text[], $3::text[], $4::timestamptz[], $5::int[])"
    " as h (notice, state, reason, at, sends)"
    " where message.notice = h.notice and message.channel = 'sms' and message.sends = h.sends),"
    " opened as (update notice set sent_at = null, failed = null, retry_at = o.retry_at"
    " from unnest($6::bigint[], $7::timestamptz[]) as o (number, retry_at) where notice.number = o.number)"
    " insert into receipts_read (service, position) values ($8, $9) on conflict (service) do update"
    " set position = greatest(receipts_read.position, excluded.position)"
)


class _Sent(NamedTuple):
    notice: int
    city: int
    subject: str
    sends: int
    troubled: bool


class _Heard(NamedTuple):
    """What a receipt makes of a message."""

    notice: int
    state: State
    reason: str
    at: datetime
    sends: int


class Receipts:
    """Hears the receipts of one gateway."""

    def __init__(self, *, house: House, texts: TextMessages) -> None:
        self._house = house
        self._texts = texts
        self._after: int | None = None
        """In this process only; what another one has read meanwhile is read once more, and is so already."""

    async def hear(self) -> int:
        """The job: receipts up to the newest, 20 rounds at most; returns how many were taken in."""
        after, heard = self._after, 0
        if after is None:
            rows = await self._house.store.fetch(POSITION, SERVICE)
            after = int(rows[0][0]) if rows else 0
        for _ in range(ROUNDS_MAX):
            try:
                receipts, _ = await self._texts.receipts(after=after)
            except (ServiceUnavailable, ServiceFault):
                break
            taken = await self._take_in(receipts) if receipts else []
            if not taken:
                break
            after = self._after = taken[-1].number
            heard += len(taken)
        return heard

    async def _take_in(self, receipts: Sequence[TextReceipt]) -> Sequence[TextReceipt]:
        now = self._house.clock.now()
        keys = {one.number: _read(one.key) for one in receipts}
        notices = sorted({key[0] for key in keys.values() if key is not None})
        rows = await self._house.store.fetch(SENT, notices, UNREACHABLE, TO_AGENTS)
        sent = {row[0]: _Sent(*row) for row in rows}
        taken = _written(receipts, keys, sent, now)
        if not taken:
            return taken
        heard: dict[int, _Heard] = {}
        reached: dict[StreamKey, None] = {}
        for one in taken:
            key = keys[one.number]
            message = sent.get(key[0]) if key is not None else None
            if key is None or message is None or key[1] != message.sends:
                continue
            heard[message.notice] = _heard(one, message)
            if message.troubled and one.state == "delivered":
                reached[StreamKey(message.city, message.subject)] = None
        if reached:
            calls = [
                Call(stream=key, kind="case", command=RecordReached(), actor="notices") for key in reached
            ]
            await self._house.shell.run(calls)
        await self._write(list(heard.values()), position=taken[-1].number, now=now)
        return taken

    async def _write(self, heard: Sequence[_Heard], *, position: int, now: datetime) -> None:
        opened = [one for one in heard if one.state != "delivered"]
        columns: list[Any] = [[getattr(one, name) for one in heard] for name in _Heard._fields]
        again = [now + PAUSE_FIRST * 2 ** (one.sends - 1) if one.state == "again" else now for one in opened]
        await self._house.store.fetch(
            HEARD, *columns, [one.notice for one in opened], again, SERVICE, position
        )


def _read(key: str) -> tuple[int, int] | None:
    """Notice and sending of a gateway's key; none: not ours."""
    found = _KEY.fullmatch(key)
    return None if found is None else (int(found[1]), int(found[2] or 1))


def _written(
    receipts: Sequence[TextReceipt],
    keys: Mapping[int, tuple[int, int] | None],
    sent: Mapping[int, _Sent],
    now: datetime,
) -> Sequence[TextReceipt]:
    """The receipts up to the first whose message the sending job is still about to write."""
    for place, one in enumerate(receipts):
        key = keys[one.number]
        if key is None or now - one.at > UNWRITTEN_FOR:
            continue
        message = sent.get(key[0])
        if message is None or message.sends < key[1]:
            return receipts[:place]
    return receipts


def _heard(receipt: TextReceipt, message: _Sent) -> _Heard:
    if receipt.state == "delivered":
        return _Heard(message.notice, "delivered", "", receipt.at, message.sends)
    # What stands there is the gateway's word: a code, or nothing that we would keep.
    reason = receipt.reason if _REASON.fullmatch(receipt.reason) else "not_delivered"
    state: State = "again" if message.sends < SENDS_MAX else "failed"
    return _Heard(message.notice, state, reason, receipt.at, message.sends)
