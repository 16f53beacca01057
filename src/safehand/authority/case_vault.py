"""Sealing something more for a case that there is already: under its own key, to be written with a command."""

from collections.abc import Mapping, Sequence

from safehand.house.front import Asked
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.store import VaultKeyRow, VaultRow
from safehand.kernel.vault import Unsealable, seal

_KEYS = (
    "select k.city, k.subject, k.wrapped from keys.case_key k"
    " join unnest($1::int[], $2::text[]) as w (city, subject) on k.city = w.city and k.subject = w.subject"
)


async def sealed_for(
    *, house: House, records: Mapping[StreamKey, Mapping[str, bytes]]
) -> dict[StreamKey, tuple[VaultRow, ...]]:
    """The records of cases by name, sealed; a case whose person was erased is absent."""
    keys = sorted(records)
    rows = await house.store.fetch(_KEYS, [key.city for key in keys], [key.stream for key in keys])
    sealed: dict[StreamKey, tuple[VaultRow, ...]] = {}
    for city, subject, wrapped in rows:
        key = StreamKey(city, subject)
        try:
            case_key = house.vault.unwrap(VaultKeyRow(city, subject, wrapped))
        except Unsealable:
            continue
        sealed[key] = tuple(
            seal(key=case_key, city=city, subject=subject, name=name, plain=plain)
            for name, plain in records[key].items()
        )
    return sealed


async def blotted_out(house: House, name: str, asked: Sequence[Asked]) -> list[tuple[VaultRow, ...]]:
    """For each request on a case: its record of that name made empty."""
    keys = [StreamKey(one.item.city, one.item.case) for one in asked]
    sealed = await sealed_for(house=house, records={key: {name: b""} for key in keys})
    return [sealed.get(key, ()) for key in keys]
