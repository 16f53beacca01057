"""Opening a person's record for a moment, and sealing another beside it: jobs read it here, and keep it nowhere."""

from collections.abc import Collection, Mapping, Sequence

from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.store import VaultKeyRow, VaultRow
from safehand.kernel.vault import Unsealable, seal, unseal

RECORDS = (
    "select r.city, r.subject, r.sealed, k.wrapped from vault_record r"
    " join keys.case_key k on k.city = r.city and k.subject = r.subject"
    " join unnest($1::int[], $2::text[]) as w (city, subject) on r.city = w.city and r.subject = w.subject"
    " where r.name = $3"
)

KEYS = (
    "select k.city, k.subject, k.wrapped from keys.case_key k"
    " join unnest($1::int[], $2::text[]) as w (city, subject) on k.city = w.city and k.subject = w.subject"
)


async def read_persons(*, house: House, keys: Sequence[StreamKey], name: str) -> dict[StreamKey, bytes]:
    """The vault's record `name` of each subject, opened; an erased person is absent."""
    rows = await house.store.fetch(
        RECORDS,
        [key.city for key in keys],
        [key.stream for key in keys],
        name,
    )
    found: dict[StreamKey, bytes] = {}
    for city, subject, sealed, wrapped in rows:
        try:
            key = house.vault.unwrap(VaultKeyRow(city, subject, wrapped))
            found[StreamKey(city, subject)] = unseal(key=key, row=VaultRow(city, subject, name, sealed))
        except Unsealable:
            continue
    return found


async def data_keys(*, house: House, keys: Collection[StreamKey]) -> dict[StreamKey, bytes]:
    """The data keys of subjects; one whose person was erased is absent."""
    if not keys:
        return {}
    rows = await house.store.fetch(KEYS, [key.city for key in keys], [key.stream for key in keys])
    opened: dict[StreamKey, bytes] = {}
    for city, subject, wrapped in rows:
        try:
            opened[StreamKey(city, subject)] = house.vault.unwrap(VaultKeyRow(city, subject, wrapped))
        except Unsealable:
            continue
    return opened


async def sealed_for(
    *, house: House, records: Mapping[StreamKey, Mapping[str, bytes]]
) -> dict[StreamKey, tuple[VaultRow, ...]]:
    """The records of subjects by name, sealed under the keys they have; one whose person was erased is absent."""
    opened = await data_keys(house=house, keys=sorted(records))
    return {
        key: tuple(
            seal(key=opened[key], city=key.city, subject=key.stream, name=name, plain=plain)
            for name, plain in records[key].items()
        )
        for key in records
        if key in opened
    }
