"""The vault's part of another telephone number: kept apart while it is proven, then in the place of the old one.

The person's record and the part that goes to the post are sealed anew in the transaction that makes it hold, so no message goes
out between them.
"""

from typing import Final

import msgspec

from safehand.authority.application.persons import PERSON_RECORD, PersonRecord
from safehand.authority.case_vault import sealed_for
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.store import VaultRow
from safehand.link.log import DELIVERY_RECORD
from safehand.link.messages import DeliveryPart

NEW_PHONE_RECORD: Final = "new_phone"
OLD_PHONE_RECORD: Final = "old_phone"
RECORD_OF: Final = {"new": NEW_PHONE_RECORD, "old": OLD_PHONE_RECORD}
"""Of which number a notice is meant for."""


async def to_be_proven(*, house: House, key: StreamKey, old: str, new: str) -> tuple[VaultRow, ...] | None:
    """What is written with the asking: both numbers, each for those who tell it; none: the person was erased."""
    records = {NEW_PHONE_RECORD: new.encode(), OLD_PHONE_RECORD: old.encode()}
    return (await sealed_for(house=house, records={key: records})).get(key)


async def proven(*, house: House, key: StreamKey) -> tuple[VaultRow, ...] | None:
    """What is written when it holds; none: there is no number to prove, or nobody any more whose it is."""
    found = {
        name: (await read_persons(house=house, keys=[key], name=name)).get(key)
        for name in (PERSON_RECORD, DELIVERY_RECORD, NEW_PHONE_RECORD)
    }
    record, part, phone = (found[name] for name in (PERSON_RECORD, DELIVERY_RECORD, NEW_PHONE_RECORD))
    if not record or not part or not phone:
        return None
    person = msgspec.json.decode(record, type=PersonRecord)
    brought = msgspec.json.decode(part, type=DeliveryPart)
    records = {
        PERSON_RECORD: msgspec.json.encode(msgspec.structs.replace(person, phone=phone.decode())),
        DELIVERY_RECORD: msgspec.json.encode(msgspec.structs.replace(brought, phone=phone.decode())),
        NEW_PHONE_RECORD: b"",
    }
    return (await sealed_for(house=house, records={key: records})).get(key)
