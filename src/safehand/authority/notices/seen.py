"""Which messages did not arrive, for the page of a case: the way, and the masked number or address that was tried."""

from typing import Final

import msgspec

from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.contact.commands import Channel
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.masking import masked_email, masked_phone

NEWEST: Final = (
    "select distinct on (channel) channel, state from message where city = $1 and subject = $2"
    " order by channel, notice desc"
)
NOT_ARRIVED: Final = frozenset({"again", "failed"})


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """The newest message on one way did not arrive."""

    channel: Channel
    masked: str


async def trouble_of(*, house: House, key: StreamKey) -> list[Trouble]:
    """The ways on which the applicant of a case was last told in vain; empty for whoever is erased."""
    rows = await house.store.fetch(NEWEST, key.city, key.stream)
    ways = [channel for channel, state in rows if state in NOT_ARRIVED]
    if not ways:
        return []
    record = (await read_persons(house=house, keys=[key], name=PERSON_RECORD)).get(key)
    if record is None:
        return []
    person = msgspec.json.decode(record, type=PersonRecord)
    masked = {"sms": masked_phone(person.phone), "email": masked_email(person.email)}
    return [Trouble(channel=channel, masked=masked[channel]) for channel in ways]
