"""Everything that the authority keeps of one applicant, gathered from where it lies: for the page and the copy of one's own data."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from safehand.authority.addresses.book import Book
from safehand.authority.addresses.keeping import AddressBooks
from safehand.authority.agent.person import AGENT_RECORD, AgentRecord
from safehand.authority.application.commands import Part
from safehand.authority.application.drafts import Draft, Drafts, Picture, correction_of
from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.application.states import TERMINAL as ENDED
from safehand.authority.application.uploads import UPLOADED, VERDICT
from safehand.authority.case import Case
from safehand.authority.help.texts import RECORD
from safehand.authority.notices.planning import Choice
from safehand.authority.portal.pages import Portal
from safehand.authority.readdressing.actions import NewAddress, record_of
from safehand.authority.retention.schedule import ENDS
from safehand.authority.telephone.actions import NEW_PHONE_RECORD, OLD_PHONE_RECORD
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.kernel.machine import StreamKey
from safehand.kernel.store import VaultKeyRow, VaultRow
from safehand.kernel.vault import Unsealable, unseal
from safehand.link.log import DELIVERY_RECORD, RECEIVER_RECORD
from safehand.link.messages import DeliveryPart

ADDRESS: Final = record_of(0).removesuffix("0")
"""Before a number: the record of a change of address."""
PHONES: Final = (OLD_PHONE_RECORD, NEW_PHONE_RECORD)
"""Of a change of the telephone number."""
KNOWN: Final = frozenset({PERSON_RECORD, DELIVERY_RECORD, AGENT_RECORD, RECEIVER_RECORD, *UPLOADED, *PHONES})
LOOKS_MAX: Final = 1_000
# Pictures are only named here: each is opened when it is shown.
_RECORDS: Final = (
    "select r.city, r.subject, r.name, case when r.name = any($3::text[]) then null else r.sealed end, k.wrapped"
    " from vault_record r join unnest($1::int[], $2::text[]) as w (city, subject)"
    " on r.city = w.city and r.subject = w.subject"
    " join keys.case_key k on k.city = r.city and k.subject = r.subject"
)
_PICTURE: Final = (
    "select r.name, r.sealed, k.wrapped from vault_record r"
    " join keys.case_key k on k.city = r.city and k.subject = r.subject"
    " where r.city = $1 and r.subject = $2 and r.name = any($3::text[])"
)
_ENDED: Final = (
    "select e.city, e.stream, max(e.at) from event e join unnest($1::int[], $2::text[]) as w (city, stream)"
    " on e.city = w.city and e.stream = w.stream where e.kind = any($3::text[]) group by e.city, e.stream"
)
_CHOICES: Final = (
    "select c.city, c.subject, c.progress, c.deadlines, c.delivery, c.other_way from message_choice c"
    " join unnest($1::int[], $2::text[]) as w (city, subject) on c.city = w.city and c.subject = w.subject"
)
_LOOKS: Final = (
    "select l.city, l.stream, l.at from read_log l join unnest($1::int[], $2::text[]) as w (city, stream)"
    " on l.city = w.city and l.stream = w.stream order by l.at desc limit $3"
)


class CaseKept(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept of an applicant in one case."""

    key: StreamKey
    case: Case
    submitted_at: datetime
    ended_at: datetime | None
    """None: it goes on."""
    person: PersonRecord | None
    """None: the person is erased, or being erased."""
    delivery: DeliveryPart | None
    """The part of it that goes to the post."""
    agent: AgentRecord | None
    """Who else may receive it."""
    pictures: tuple[Part, ...]
    verdicts: Mapping[Part, Picture]
    """What the rules said of each picture."""
    choice: Choice | None
    """None: nothing was chosen."""
    addresses: tuple[NewAddress, ...]
    """Other addresses that were asked for after submission."""
    phones: Mapping[str, str]
    """`PHONES` -> the number: what it was before it was changed, and what waits to be proven."""
    texts: tuple[str, ...]
    """Questions and answers, oldest first."""
    others: Mapping[str, Any]
    """Records of other kinds, as they are: whatever is sealed for the case is in the copy, also what no page knows yet."""
    looks: tuple[datetime, ...]
    """When staff looked at it through the register of looks, newest first."""


class Kept(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that is kept of one applicant."""

    cases: tuple[CaseKept, ...]
    """Newest first."""
    draft: Draft | None
    corrections: Mapping[StreamKey, Draft]
    book: Book
    signed_in_until: datetime | None


async def kept_of(
    *, house: House, portal: Portal, drafts: Drafts, books: AddressBooks, session: Session, token: str
) -> Kept:
    """Gather it; `token` is that of the session, whose own end is told too."""
    cases = await portal.cases_of(session)
    keys = [key for key, _, _ in cases]
    corrections = {correction_of(actor=session.actor, case=key.stream): key for key in keys}
    helds = await drafts.read_all(owners=[session.actor, *corrections])
    own = helds.get(session.actor)
    return Kept(
        cases=tuple(await _cases(house, cases)) if cases else (),
        draft=None if own is None else own.draft,
        corrections={corrections[owner]: held.draft for owner, held in helds.items() if owner in corrections},
        book=await books.read(actor=session.actor, now=house.clock.now()),
        signed_in_until=await house.sessions.ends_at(token=token),
    )


async def pictures_of(*, house: House, key: StreamKey, names: Sequence[str]) -> dict[str, bytes]:
    """The pictures of a case by their part, opened. Whose case it is, is for the caller to know."""
    found: dict[str, bytes] = {}
    for name, sealed, wrapped in await house.store.fetch(_PICTURE, key.city, key.stream, list(names)):
        opened = _opened(house, key, name, sealed, wrapped)
        if opened is not None:
            found[name] = opened
    return found


async def _cases(house: House, cases: Sequence[tuple[StreamKey, Case, datetime]]) -> list[CaseKept]:
    columns = [key.city for key, _, _ in cases], [key.stream for key, _, _ in cases]
    records: dict[StreamKey, dict[str, bytes]] = {}
    for city, subject, name, sealed, wrapped in await house.store.fetch(_RECORDS, *columns, list(UPLOADED)):
        key = StreamKey(city, subject)
        opened = b"" if sealed is None else _opened(house, key, name, sealed, wrapped)
        if opened is not None:
            records.setdefault(key, {})[name] = opened
    ended = {
        StreamKey(row[0], row[1]): row[2] for row in await house.store.fetch(_ENDED, *columns, list(ENDS))
    }
    choices = {
        StreamKey(row[0], row[1]): Choice(*tuple(row)[2:])
        for row in await house.store.fetch(_CHOICES, *columns)
    }
    looks: dict[StreamKey, list[datetime]] = {}
    for city, stream, at in await house.store.fetch(_LOOKS, *columns, LOOKS_MAX):
        looks.setdefault(StreamKey(city, stream), []).append(at)
    return [
        _case(key, case, at, records.get(key, {}), ended.get(key), choices.get(key), looks.get(key, ()))
        for key, case, at in cases
    ]


def _case(
    key: StreamKey,
    case: Case,
    at: datetime,
    records: Mapping[str, bytes],
    ended_at: datetime | None,
    choice: Choice | None,
    looks: Sequence[datetime],
) -> CaseKept:
    person, delivery = records.get(PERSON_RECORD), records.get(DELIVERY_RECORD)
    agent = records.get(AGENT_RECORD)
    return CaseKept(
        key=key,
        case=case,
        submitted_at=at,
        ended_at=ended_at if case.application.state in ENDED else None,
        person=None if person is None else msgspec.json.decode(person, type=PersonRecord),
        delivery=None if delivery is None else msgspec.json.decode(delivery, type=DeliveryPart),
        agent=msgspec.json.decode(agent, type=AgentRecord) if agent else None,
        pictures=tuple(part for part in UPLOADED if part in records),
        verdicts={
            part: msgspec.json.decode(records[f"{VERDICT}{part}"], type=Picture)
            for part in UPLOADED
            if f"{VERDICT}{part}" in records
        },
        choice=choice,
        addresses=tuple(
            msgspec.json.decode(plain, type=NewAddress)
            for name, plain in sorted(records.items())
            if name.startswith(ADDRESS) and plain  # blotted out, where it came to nothing
        ),
        phones={name: records[name].decode() for name in PHONES if records.get(name)},
        texts=tuple(
            text.decode()
            for _, text in sorted(
                (int(name.removeprefix(RECORD)), plain)
                for name, plain in records.items()
                if name.startswith(RECORD)
            )
        ),
        others={
            name: _plain(plain)
            for name, plain in sorted(records.items())
            if plain and name not in KNOWN and not name.startswith((RECORD, ADDRESS, VERDICT))
        },
        looks=tuple(looks),
    )


def _opened(house: House, key: StreamKey, name: str, sealed: bytes, wrapped: Any) -> bytes | None:
    try:
        data_key = house.vault.unwrap(VaultKeyRow(key.city, key.stream, wrapped))
        return unseal(key=data_key, row=VaultRow(key.city, key.stream, name, sealed))
    except Unsealable:
        # Sealed under other keys of the house, or altered: nobody can read it, its owner no more than we.
        return None


def _plain(plain: bytes) -> Any:
    try:
        return msgspec.json.decode(plain)
    except msgspec.DecodeError:
        return plain.decode(errors="replace")
