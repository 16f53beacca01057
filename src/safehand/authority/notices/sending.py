"""The job that sends: takes unsent notices, opens each person for a moment, texts and mails, and writes what came of it.

A notice is taken for two minutes before anything leaves (`retry_at`), so two senders never work on the same one and a
killed sender's notices come up again. The gateway knows each text message by its key and sends it once however often
it is repeated. Mail comes last, when the text message is settled, because mail has no such key.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from safehand.authority.application.actions import PERSON_RECORD, PersonRecord
from safehand.authority.notices.hours import quiet_until
from safehand.authority.notices.reminding import QUEUE_OF
from safehand.authority.notices.rendering import Renderer, Texts, templates
from safehand.authority.ports.calling import ServiceFault, ServiceUnavailable
from safehand.authority.ports.notices import Mail, Mailer, TextMessage, TextMessages
from safehand.authority.ports.refusals import SMS_REFUSED
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Language, Refusal

AT_ONCE_MAX: Final = 500
ROUNDS_MAX: Final = 20
MAILS_AT_ONCE_MAX: Final = 8
ATTEMPTS_MAX: Final = 10
TAKEN_FOR: Final = timedelta(minutes=2)
PAUSE_FIRST: Final = timedelta(minutes=1)
PAUSE_MAX: Final = timedelta(hours=1)
"""Pauses between attempts double from one minute to an hour: ten attempts last about five hours."""
ERASED: Final = "erased"
"""The person's key is destroyed: there is nobody to tell any more."""
UNREADABLE: Final = "template"
"""No text can be made of it: a bug; the log names the template."""
TOO_OLD: Final = "too_old"
"""It could not be sent while it was still news."""
OVERTAKEN: Final = "overtaken"
"""A reminder of what was done meanwhile."""
NEWS_FOR: Final[Mapping[str, timedelta]] = {
    "courier_on_the_way": timedelta(hours=14),
    **dict.fromkeys(QUEUE_OF, timedelta(hours=13)),
}
"""How long a notice is still true; "today" and a code for the door must not come tomorrow."""
NEWS_FOR_USUALLY: Final = timedelta(days=7)

TAKE: Final = (
    "update notice set retry_at = $1, attempts = attempts + 1 where number in ("
    " select number from notice where sent_at is null and failed is null"
    " and (retry_at is null or retry_at <= $2) order by number limit $3 for update skip locked)"
    " returning number, city, subject, template, facts, at, attempts"
)
STILL_DUE: Final = (
    "select w.city, w.stream, w.queue, w.due_at from work w"
    " join unnest($1::int[], $2::text[], $3::text[]) as a (city, stream, queue)"
    " on w.city = a.city and w.stream = a.stream and w.queue = a.queue"
)
SETTLE: Final = (
    "update notice set sent_at = n.sent_at, failed = n.failed, retry_at = n.retry_at"
    " from unnest($1::bigint[], $2::timestamptz[], $3::text[], $4::timestamptz[])"
    " as n (number, sent_at, failed, retry_at) where notice.number = n.number"
)

log = logging.getLogger("safehand.notices")


class _Taken(NamedTuple):
    number: int
    city: int
    subject: str
    template: str
    facts: str
    at: datetime
    attempts: int


class _Ready(NamedTuple):
    """A notice with its person, for as long as it takes to send it."""

    taken: _Taken
    person: PersonRecord
    texts: Texts


class _Settled(NamedTuple):
    """What became of a notice; all empty: to be tried again."""

    number: int
    sent_at: datetime | None = None
    failed: str | None = None
    retry_at: datetime | None = None


class Notices:
    """Sends what the process has to tell. `mailer` none: e-mail is not sent (a rehearsal's default)."""

    def __init__(
        self, *, house: House, renderer: Renderer, texts: TextMessages, mailer: Mailer | None
    ) -> None:
        self._house = house
        self._renderer = renderer
        self._texts = texts
        self._mailer = mailer
        self._mailing = asyncio.Semaphore(MAILS_AT_ONCE_MAX)
        self._persons = msgspec.json.Decoder(PersonRecord)

    async def send_notices(self) -> int:
        """The job: send what is due, up to 20 rounds of 500; returns how many were sent."""
        sent = 0
        for _ in range(ROUNDS_MAX):
            taken = await self._take()
            settled = await self._round(taken) if taken else []
            now_sent = sum(one.sent_at is not None for one in settled)
            sent += now_sent
            if len(taken) < AT_ONCE_MAX or not now_sent:
                break
        return sent

    async def _take(self) -> list[_Taken]:
        now = self._house.clock.now()
        rows = await self._house.store.fetch(TAKE, now + TAKEN_FOR, now, AT_ONCE_MAX)
        return sorted(_Taken(*row) for row in rows)

    async def _round(self, taken: Sequence[_Taken]) -> list[_Settled]:
        now = self._house.clock.now()
        aside = _set_aside(taken, now) | await self._overtaken(taken)
        ready, settled = await self._made_ready([one for one in taken if one.number not in aside])
        settled += aside.values()
        settled += await self._sent(ready, now)
        await self._house.store.fetch(
            SETTLE,
            [one.number for one in settled],
            [one.sent_at for one in settled],
            [one.failed for one in settled],
            [one.retry_at for one in settled],
        )
        failed = sum(one.failed is not None for one in settled)
        if failed:
            log.warning("notices_failed", extra={"count": failed})
        return settled

    async def _overtaken(self, taken: Sequence[_Taken]) -> dict[int, _Settled]:
        """Reminders of a deadline that has been met, or was set anew, since they were written."""
        reminders = [one for one in taken if one.template in QUEUE_OF]
        if not reminders:
            return {}
        keys = sorted({(one.city, one.subject, QUEUE_OF[one.template]) for one in reminders})
        rows = await self._house.store.fetch(STILL_DUE, *[list(column) for column in zip(*keys, strict=True)])
        due = {(city, stream, queue): due_at for city, stream, queue, due_at in rows}
        return {
            one.number: _Settled(one.number, failed=OVERTAKEN)
            for one in reminders
            if due.get((one.city, one.subject, QUEUE_OF[one.template])) != _due_at(one)
        }

    async def _made_ready(self, taken: Sequence[_Taken]) -> tuple[list[_Ready], list[_Settled]]:
        """Open the persons in one statement and make the texts; whom nobody can tell is settled at once."""
        records = await read_persons(
            house=self._house, keys=list({StreamKey(t.city, t.subject) for t in taken}), name=PERSON_RECORD
        )
        ready: list[_Ready] = []
        settled: list[_Settled] = []
        for one in taken:
            record = records.get(StreamKey(one.city, one.subject))
            if record is None:
                settled.append(_Settled(one.number, failed=ERASED))
                continue
            person = self._persons.decode(record)
            try:
                texts = self._renderer.render(
                    template=one.template,
                    facts=msgspec.json.decode(one.facts, type=dict[str, str | int]),
                    city=one.city,
                    name=person.name,
                    language=language_of(person),
                )
            except (LookupError, ValueError, msgspec.MsgspecError) as broken:
                # One broken notice must not hold up the others.
                log.error("notice_unreadable", extra={"kind": one.template, "reason": type(broken).__name__})
                settled.append(_Settled(one.number, failed=UNREADABLE))
                continue
            ready.append(_Ready(one, person, texts))
        return ready, settled

    async def _sent(self, ready: Sequence[_Ready], now: datetime) -> list[_Settled]:
        if not ready:
            return []
        messages = [
            TextMessage(key=f"notice/{one.taken.number}", to=one.person.phone, text=one.texts.sms)
            for one in ready
        ]
        try:
            outcomes = await self._texts.send(messages=messages)
        except (ServiceUnavailable, ServiceFault) as silent:
            log.warning("text_messages_wait", extra={"count": len(ready), "reason": type(silent).__name__})
            # The gateway's silence is no fault of the notice: it waits until it is no news any more.
            return [_later(one.taken, now) for one in ready]
        return list(
            await asyncio.gather(
                *(self._with_mail(one, outcome, now) for one, outcome in zip(ready, outcomes, strict=True))
            )
        )

    async def _with_mail(self, one: _Ready, texted: Refusal | None, now: datetime) -> _Settled:
        """The mail, once the text message is settled; either channel alone is enough to have told somebody."""
        if texted is not None and _may_come_later(texted):
            used_up = one.taken.attempts >= ATTEMPTS_MAX
            return _ended(one.taken, texted, now) if used_up else _later(one.taken, now)
        if self._mailer is None or not one.person.email:
            return _ended(one.taken, texted, now)
        mail = Mail(
            key=f"notice-{one.taken.number}",
            to=one.person.email,
            subject=one.texts.subject,
            text=one.texts.body,
            html=one.texts.html,
        )
        try:
            async with self._mailing:
                mailed = await self._mailer.send(mail=mail, now=now)
        except ServiceUnavailable:
            if one.taken.attempts >= ATTEMPTS_MAX:
                return _ended(one.taken, texted, now)
            return _later(one.taken, now)
        except ValueError:
            # An address that can't stand in a mail's head.
            return _ended(one.taken, texted, now)
        return _ended(one.taken, None if mailed is None else texted, now)


def _set_aside(taken: Sequence[_Taken], now: datetime) -> dict[int, _Settled]:
    """What is no news any more, and what can wait until the morning."""
    morning = quiet_until(now)
    aside: dict[int, _Settled] = {}
    for one in taken:
        if now - one.at > NEWS_FOR.get(one.template, NEWS_FOR_USUALLY):
            aside[one.number] = _Settled(one.number, failed=TOO_OLD)
        elif morning is not None and not _at_once(one.template):
            aside[one.number] = _Settled(one.number, retry_at=morning)
    return aside


def _at_once(template: str) -> bool:
    known = templates().get(template)
    return known is None or known.at_once


def _due_at(reminder: _Taken) -> datetime:
    return datetime.fromisoformat(msgspec.json.decode(reminder.facts, type=dict[str, str])["due_at"])


def language_of(person: PersonRecord) -> Language:
    """The language that the person chose when applying."""
    return "en" if person.language == "en" else "zh"


def _may_come_later(refusal: Refusal) -> bool:
    return refusal.code == SMS_REFUSED.code


def _ended(taken: _Taken, refusal: Refusal | None, now: datetime) -> _Settled:
    if refusal is None:
        return _Settled(taken.number, sent_at=now)
    return _Settled(taken.number, failed=refusal.code)


def _later(taken: _Taken, now: datetime) -> _Settled:
    doublings = min(taken.attempts - 1, ATTEMPTS_MAX)
    return _Settled(taken.number, retry_at=now + min(PAUSE_MAX, PAUSE_FIRST * 2**doublings))
