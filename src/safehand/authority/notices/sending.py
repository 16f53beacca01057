"""The job that sends: takes unsent notices, opens each person for a moment, texts and mails, and writes what came of it.

A notice is taken for two minutes before anything leaves (`retry_at`), so two senders never work on the same one and a
killed sender's notices come up again. The gateway knows each text message by its key and sends it once however often
it is repeated; mail has no such key, and a killed sender may have sent it. What became of a notice is kept by way
(`planning.py`): what failed on one is tried on the other, and whom nothing reached is told by a manager (`contact/`).
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec

from safehand.authority.agent.person import AGENT_RECORD, AgentRecord
from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.contact.commands import Channel, RecordReached, RecordUnreachable
from safehand.authority.contact.states import QUEUE as UNREACHABLE
from safehand.authority.notices.hours import quiet_until
from safehand.authority.notices.planning import Choice, State, Ways, is_told, to_send, ways_of
from safehand.authority.notices.reminding import QUEUE_OF
from safehand.authority.notices.rendering import Renderer, Texts, templates
from safehand.authority.ports.calling import ServiceFault, ServiceUnavailable
from safehand.authority.ports.notices import Mail, Mailer, TextMessage, TextMessages
from safehand.authority.ports.refusals import SMS_REFUSED
from safehand.authority.telephone.actions import RECORD_OF
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Language, Refusal
from safehand.kernel.shell import Call

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
DECLINED: Final = "declined"
"""The applicant wants no messages of this group, or none on a way on which there is one."""
SILENT: Final = "mail_silent"
"""The mail server could not take it, ten times in a row."""
UNFIT: Final = "mail_unfit"
"""The address can't stand in a mail's head."""
NEWS_FOR: Final[Mapping[str, timedelta]] = {
    "courier_on_the_way": timedelta(hours=14),
    "courier_near": timedelta(hours=1),
    "agent_awaits_courier": timedelta(hours=14),
    "phone_code": timedelta(minutes=30),
    **dict.fromkeys(QUEUE_OF, timedelta(hours=13)),
}
"""How long a notice is still true; "today" and a code for the door must not come tomorrow."""
NEWS_FOR_USUALLY: Final = timedelta(days=7)

TAKE: Final = (
    "with taken as (update notice set retry_at = $1, attempts = attempts + 1 where number in ("
    " select number from notice where sent_at is null and failed is null"
    " and (retry_at is null or retry_at <= $2) order by number limit $3 for update skip locked)"
    " returning number, city, subject, template, facts, at, attempts)"
    " select t.number, t.city, t.subject, t.template, t.facts, t.at, t.attempts,"
    " c.progress, c.deadlines, c.delivery, c.other_way, s.state, coalesce(s.sends, 0), e.state, coalesce(e.sends, 0),"
    " coalesce(nullif(s.reason, ''), e.reason, ''),"
    " exists (select from work w where w.city = t.city and w.stream = t.subject and w.queue = $4)"
    " from taken t left join message_choice c on c.city = t.city and c.subject = t.subject"
    " left join message s on s.notice = t.number and s.channel = 'sms'"
    " left join message e on e.notice = t.number and e.channel = 'email'"
)
STILL_DUE: Final = (
    "select w.city, w.stream, w.queue, w.due_at from work w"
    " join unnest($1::int[], $2::text[], $3::text[]) as a (city, stream, queue)"
    " on w.city = a.city and w.stream = a.stream and w.queue = a.queue"
)
# A receipt may have been heard of the same sending before this: it knows better.
SETTLE: Final = (
    "with told as (insert into message (notice, channel, city, subject, state, reason, sends, at)"
    " select * from unnest($5::bigint[], $6::text[], $7::int[], $8::text[], $9::text[], $10::text[], $11::int[],"
    " $12::timestamptz[]) on conflict (notice, channel) do update set state = excluded.state,"
    " reason = excluded.reason, sends = excluded.sends, at = excluded.at"
    " where excluded.sends > message.sends or excluded.state = 'failed')"
    " update notice set sent_at = n.sent_at, failed = n.failed, retry_at = n.retry_at"
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
    progress: int | None
    deadlines: int | None
    delivery: int | None
    other_way: bool | None
    sms: State | None
    sms_sends: int
    email: State | None
    email_sends: int
    reason: str
    """Why it failed on one way, if it did."""
    troubled: bool
    """Somebody whom the last message did not reach: a manager waits to tell them."""

    @property
    def choice(self) -> Choice:
        if self.progress is None or self.deadlines is None or self.delivery is None:
            return Choice()
        return Choice(self.progress, self.deadlines, self.delivery, bool(self.other_way))

    @property
    def states(self) -> dict[Channel, State]:
        known: tuple[tuple[Channel, State | None], ...] = (("sms", self.sms), ("email", self.email))
        return {channel: state for channel, state in known if state is not None}

    def sends(self, channel: Channel) -> int:
        return self.sms_sends if channel == "sms" else self.email_sends


class _Ready(NamedTuple):
    """A notice with its person, for as long as it takes to send it."""

    taken: _Taken
    person: PersonRecord
    texts: Texts
    ways: Ways
    now_by: tuple[Channel, ...]


class _Settled(NamedTuple):
    """What became of a notice; all empty: to be tried again."""

    number: int
    sent_at: datetime | None = None
    failed: str | None = None
    retry_at: datetime | None = None


class _Message(NamedTuple):
    """What became of it on one way."""

    notice: int
    channel: Channel
    city: int
    subject: str
    state: State
    reason: str
    sends: int
    at: datetime


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
        """The job: send what is due, up to 20 rounds of 500; returns how many were told."""
        told = 0
        for _ in range(ROUNDS_MAX):
            taken = await self._take()
            settled = await self._round(taken) if taken else []
            now_told = sum(one.sent_at is not None for one in settled)
            told += now_told
            now = self._house.clock.now()
            on_the_other_way = any(one.retry_at is not None and one.retry_at <= now for one in settled)
            if not on_the_other_way and (len(taken) < AT_ONCE_MAX or not now_told):
                break
        return told

    async def _take(self) -> list[_Taken]:
        now = self._house.clock.now()
        rows = await self._house.store.fetch(TAKE, now + TAKEN_FOR, now, AT_ONCE_MAX, UNREACHABLE)
        return sorted(_Taken(*row) for row in rows)

    async def _round(self, taken: Sequence[_Taken]) -> list[_Settled]:
        now = self._house.clock.now()
        aside = _set_aside(taken, now) | await self._overtaken(taken)
        ready, settled = await self._made_ready([one for one in taken if one.number not in aside])
        settled += aside.values()
        messages = _given_up(taken, aside, now)
        calls: list[Call] = []
        for one, came in await self._sent(ready, now):
            states = _states_after(one, came)
            messages += came
            settled.append(_settled(one, states, came, now))
            calls += _about_contact(one, settled[-1], states, came)
        if calls:
            # Before the notice is settled: a job that is killed in between says it once more, and it is so already.
            await self._house.shell.run(calls)
        await self._write(settled, messages)
        return settled

    async def _write(self, settled: Sequence[_Settled], messages: Sequence[_Message]) -> None:
        await self._house.store.fetch(
            SETTLE,
            *[[getattr(one, name) for one in settled] for name in _Settled._fields],
            *[[getattr(one, name) for one in messages] for name in _Message._fields],
        )
        failed = sum(one.failed not in (None, DECLINED, OVERTAKEN) for one in settled)
        if failed:
            log.warning("notices_failed", extra={"count": failed})

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
        agents = await self._agents(taken)
        phones = await self._other_phones(taken)
        ready: list[_Ready] = []
        settled: list[_Settled] = []
        for one in taken:
            key = StreamKey(one.city, one.subject)
            record = records.get(key)
            phone = phones.get((key, _to_phone(one.template)), "")
            nobody = (_to_agent(one.template) and key not in agents) or (
                _to_phone(one.template) and not phone
            )
            if record is None or nobody:
                # Erased; or who was named is released, or the number proven or stopped, meanwhile.
                settled.append(_Settled(one.number, failed=ERASED if record is None else OVERTAKEN))
                continue
            person = self._persons.decode(record)
            if _to_agent(one.template):
                person = msgspec.structs.replace(person, phone=agents[key].phone, email="")
            elif phone:
                email = person.email if _to_phone(one.template) == "old" else ""
                person = msgspec.structs.replace(person, phone=phone, email=email)
            try:
                texts = self._renderer.render(
                    template=one.template,
                    facts=msgspec.json.decode(one.facts, type=dict[str, str | int]),
                    city=one.city,
                    case=one.subject,
                    name=person.name,
                    language=language_of(person),
                )
            except (LookupError, ValueError, msgspec.MsgspecError) as broken:
                # One broken notice must not hold up the others.
                log.error("notice_unreadable", extra={"kind": one.template, "reason": type(broken).__name__})
                settled.append(_Settled(one.number, failed=UNREADABLE))
                continue
            ways = self._ways(one, person)
            now_by = to_send(ways, one.states)
            if now_by or "failed" in one.states.values():
                ready.append(_Ready(one, person, texts, ways, now_by))
            else:
                # Whatever was sent of it once is told; else nobody wants to be told.
                settled.append(_told(one) if is_told(one.states) else _Settled(one.number, failed=DECLINED))
        return ready, settled

    async def _agents(self, taken: Sequence[_Taken]) -> dict[StreamKey, AgentRecord]:
        """Who is named to receive it, for the notices that go to them."""
        keys = sorted({StreamKey(t.city, t.subject) for t in taken if _to_agent(t.template)})
        if not keys:
            return {}
        records = await read_persons(house=self._house, keys=keys, name=AGENT_RECORD)
        return {key: msgspec.json.decode(plain, type=AgentRecord) for key, plain in records.items() if plain}

    async def _other_phones(self, taken: Sequence[_Taken]) -> dict[tuple[StreamKey, str], str]:
        """The numbers that are being proven, and those that stood there before, for the notices that go to them."""
        found: dict[tuple[StreamKey, str], str] = {}
        for which, name in RECORD_OF.items():
            keys = sorted({StreamKey(t.city, t.subject) for t in taken if _to_phone(t.template) == which})
            records = await read_persons(house=self._house, keys=keys, name=name) if keys else {}
            found |= {(key, which): plain.decode() for key, plain in records.items() if plain}
        return found

    def _ways(self, one: _Taken, person: PersonRecord) -> Ways:
        has: set[Channel] = {"sms"} if person.phone else set()
        if self._mailer is not None and person.email:
            has.add("email")
        template = templates()[one.template]
        assert template.group is not None, "a notice has a group"
        return ways_of(group=template.group, always=template.always, choice=one.choice, has=frozenset(has))

    async def _sent(self, ready: Sequence[_Ready], now: datetime) -> list[tuple[_Ready, list[_Message]]]:
        """Each notice with what became of it on the ways that were tried; nothing where it must be tried again."""
        if not ready:
            return []
        texted = await self._texted([one for one in ready if "sms" in one.now_by], now)
        mailed = await self._mailed([one for one in ready if "email" in one.now_by], now)
        return [
            (one, [*texted.get(one.taken.number, ()), *mailed.get(one.taken.number, ())]) for one in ready
        ]

    async def _texted(self, ready: Sequence[_Ready], now: datetime) -> dict[int, list[_Message]]:
        if not ready:
            return {}
        messages = [
            TextMessage(
                key=text_key(one.taken.number, one.taken.sms_sends), to=one.person.phone, text=one.texts.sms
            )
            for one in ready
        ]
        try:
            outcomes = await self._texts.send(messages=messages)
        except (ServiceUnavailable, ServiceFault) as silent:
            log.warning("text_messages_wait", extra={"count": len(ready), "reason": type(silent).__name__})
            # The gateway's silence is no fault of the notice: it waits until it is no news any more.
            return {}
        return {
            one.taken.number: [_message(one.taken, "sms", "" if outcome is None else outcome.code, now)]
            for one, outcome in zip(ready, outcomes, strict=True)
            if outcome is None or not _may_come_later(outcome) or one.taken.attempts >= ATTEMPTS_MAX
        }

    async def _mailed(self, ready: Sequence[_Ready], now: datetime) -> dict[int, list[_Message]]:
        if not ready or self._mailer is None:
            return {}
        reasons = await asyncio.gather(*(self._mail(self._mailer, one, now) for one in ready))
        return {
            one.taken.number: [_message(one.taken, "email", reason, now)]
            for one, reason in zip(ready, reasons, strict=True)
            if reason is not None
        }

    async def _mail(self, mailer: Mailer, one: _Ready, now: datetime) -> str | None:
        """Why it failed for good; empty: it was taken; none: to be tried again."""
        mail = Mail(
            key=f"notice-{one.taken.number}",
            to=one.person.email,
            subject=one.texts.subject,
            text=one.texts.body,
            html=one.texts.html,
            choices=one.texts.choices,
        )
        try:
            async with self._mailing:
                refused = await mailer.send(mail=mail, now=now)
        except ServiceUnavailable:
            return SILENT if one.taken.attempts >= ATTEMPTS_MAX else None
        except ValueError:
            return UNFIT
        return "" if refused is None else refused.code


def text_key(notice: int, sends: int) -> str:
    """What the gateway knows a text message by: the notice, and from the second sending on, which one."""
    return f"notice/{notice}/{sends + 1}" if sends else f"notice/{notice}"


def _set_aside(taken: Sequence[_Taken], now: datetime) -> dict[int, _Settled]:
    """What is no news any more, and what can wait until the morning."""
    morning = quiet_until(now)
    aside: dict[int, _Settled] = {}
    for one in taken:
        if now - one.at > NEWS_FOR.get(one.template, NEWS_FOR_USUALLY):
            aside[one.number] = _told(one) if is_told(one.states) else _Settled(one.number, failed=TOO_OLD)
        elif morning is not None and not _at_once(one.template):
            aside[one.number] = _Settled(one.number, retry_at=morning)
    return aside


def _given_up(taken: Sequence[_Taken], aside: Mapping[int, _Settled], now: datetime) -> list[_Message]:
    """What was to be sent once more, and is no news any more."""
    return [
        _Message(one.number, "sms", one.city, one.subject, "failed", TOO_OLD, one.sms_sends, now)
        for one in taken
        if one.sms == "again" and one.number in aside and aside[one.number].retry_at is None
    ]


def _settled(
    one: _Ready, states: Mapping[Channel, State], came: Sequence[_Message], now: datetime
) -> _Settled:
    number, still = one.taken.number, to_send(one.ways, states)
    if still:
        newly = not set(still) & set(one.now_by)
        return _Settled(number, retry_at=now) if newly else _later(one.taken, now)
    if is_told(states):
        return _Settled(number, sent_at=now)
    return _Settled(number, failed=came[-1].reason if came else one.taken.reason)


def _states_after(one: _Ready, came: Sequence[_Message]) -> dict[Channel, State]:
    states = dict(one.taken.states)
    for message in came:
        states[message.channel] = message.state
    return states


def _about_contact(
    one: _Ready, settled: _Settled, states: Mapping[Channel, State], came: Sequence[_Message]
) -> list[Call]:
    """What the case must know: nothing reached the applicant, or a mail does again (a text message says so by receipt)."""
    taken, command = one.taken, None
    if taken.template in templates() and templates()[taken.template].aside:
        return []  # says nothing of whether the applicant is reached
    if settled.failed is not None:
        failed: tuple[Channel, ...] = tuple(way for way, state in states.items() if state == "failed")
        command = RecordUnreachable(template=taken.template, channels=failed, reason=settled.failed)
    elif taken.troubled and any(message.channel == "email" and message.state == "sent" for message in came):
        command = RecordReached()
    if command is None:
        return []
    return [Call(stream=StreamKey(taken.city, taken.subject), kind="case", command=command, actor="notices")]


def _message(taken: _Taken, channel: Channel, reason: str, now: datetime) -> _Message:
    state: State = "failed" if reason else "sent"
    sends = taken.sends(channel) + 1
    return _Message(taken.number, channel, taken.city, taken.subject, state, reason, sends, now)


def _told(one: _Taken) -> _Settled:
    return _Settled(one.number, sent_at=one.at)


def _to_agent(template: str) -> bool:
    known = templates().get(template)
    return known is not None and known.to_agent


def _to_phone(template: str) -> str:
    known = templates().get(template)
    return known.to_phone if known is not None else ""


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


def _later(taken: _Taken, now: datetime) -> _Settled:
    doublings = min(taken.attempts - 1, ATTEMPTS_MAX)
    return _Settled(taken.number, retry_at=now + min(PAUSE_MAX, PAUSE_FIRST * 2**doublings))
