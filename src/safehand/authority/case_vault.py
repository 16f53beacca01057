"""Sealing something more for a case that there is already: under its own key, to be written with a command."""

from collections.abc import Collection, Mapping, Sequence

from safehand.house.front import Asked
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.store import VaultKeyRow, VaultRow
from safehand.kernel.vault import Unsealable, seal

_KEYS = (
    "select k.city, k.subject, k.wrapped from keys.case_key k"
    " join unnest($1::int[], $2::text[]) as w (city, subject) on k.city = w.city and k.subject = w.subject"
)


async def case_keys(*, house: House, keys: Collection[StreamKey]) -> dict[StreamKey, bytes]:
    """The data keys of cases; a case whose person was erased is absent."""
    if not keys:
        return {}
    rows = await house.store.fetch(_KEYS, [key.city for key in keys], [key.stream for key in keys])
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
    """The records of cases by name, sealed; a case whose person was erased is absent."""
    opened = await case_keys(house=house, keys=sorted(records))
    return {
        key: tuple(
            seal(key=opened[key], city=key.city, subject=key.stream, name=name, plain=plain)
            for name, plain in records[key].items()
        )
        for key in records
        if key in opened
    }


async def blotted_out(house: House, name: str, asked: Sequence[Asked]) -> list[tuple[VaultRow, ...]]:
    """For each request on a case: its record of that name made empty, where there is one."""
    keys = [StreamKey(one.item.city, one.item.case) for one in asked]
    there = await read_persons(house=house, keys=keys, name=name)
    sealed = await sealed_for(house=house, records={key: {name: b""} for key in there})
    return [sealed.get(key, ()) for key in keys]
