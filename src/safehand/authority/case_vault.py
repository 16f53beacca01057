"""Blotting out what is sealed for a case: under its own key, to be written with a command."""

from collections.abc import Sequence

from safehand.house.front import Asked
from safehand.house.persons import read_persons, sealed_for
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.store import VaultRow


async def blotted_out(
    house: House, names: tuple[str, ...], asked: Sequence[Asked]
) -> list[tuple[VaultRow, ...]]:
    """For each request on a case: its records of those names made empty, where there are any."""
    keys = [StreamKey(one.item.city, one.item.case) for one in asked]
    empty: dict[StreamKey, dict[str, bytes]] = {}
    for name in names:
        for key in await read_persons(house=house, keys=keys, name=name):
            empty.setdefault(key, {})[name] = b""
    sealed = await sealed_for(house=house, records=empty)
    return [sealed.get(key, ()) for key in keys]
