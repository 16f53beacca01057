"""`python -m safehand.house.verify --settings FILE`: does everything that this house's journal says still hold?

Recomputes every stream's chain and every checkpoint of every city from the rows, and compares the checkpoints with
what the peers countersigned. Changes nothing. Exit codes: 0 all holds; 1 something does not (each finding is one line
on standard output); 2 the settings can't be used; 3 the database can't be reached.
"""

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

import asyncpg
import msgspec

from safehand.house.settings import Settings, SettingsRefused, key_ring, read_settings
from safehand.kernel.checkpoints import Break, verify_city
from safehand.kernel.store import Unavailable
from safehand.kernel.store_postgres import PostgresStore
from safehand.link.keys import BadSignature, KeyRing, UnknownKey
from safehand.link.messages import CheckpointCountersigned
from safehand.link.witness import Countersigned, check_countersignature, countersigned, genuine_hashes

EXIT_BROKEN, EXIT_REFUSED, EXIT_UNAVAILABLE = 1, 2, 3


class CityVerified(msgspec.Struct, frozen=True, kw_only=True):
    """What was found in one city: how much was looked at, and what does not hold."""

    city: int
    events: int
    checkpoints: int
    countersigned: int
    forged: int
    """Kept countersignatures that are not the witness's."""
    breaks: list[Break]

    @property
    def holds(self) -> bool:
        """Whether nothing is wrong."""
        return not self.breaks and not self.forged


async def verify_house(*, store: PostgresStore, ring: KeyRing, witness: str) -> list[CityVerified]:
    """Verify every city that has rows, in order. Raises `Unavailable`."""
    rows = await store.fetch(
        "select city from stream union select city from event union select city from checkpoint"
        " union select city from checkpoint_countersigned order by 1"
    )
    return [await _verify(store, ring, witness, row[0]) for row in rows]


async def _verify(store: PostgresStore, ring: KeyRing, witness: str, city: int) -> CityVerified:
    kept = await _kept(store, ring, witness, city)
    # The same signatures are kept twice: as they came, and beside the checkpoints. One place is enough.
    received = await countersigned(store=store, ring=ring, witness=witness, city=city)
    hashes = {**genuine_hashes(received), **genuine_hashes(kept)}
    breaks = await verify_city(store=store, city=city, witnessed=hashes)
    counts = await store.fetch(
        "select (select count(*) from event where city = $1), (select count(*) from checkpoint where city = $1)",
        city,
    )
    return CityVerified(
        city=city,
        events=counts[0][0],
        checkpoints=counts[0][1],
        countersigned=len(hashes),
        forged=sum(not one.genuine for one in kept),
        breaks=breaks,
    )


async def _kept(store: PostgresStore, ring: KeyRing, witness: str, city: int) -> list[Countersigned]:
    rows = await store.fetch(
        "select number, checkpoint, signature, key_id, at from checkpoint_countersigned"
        " where peer = $1 and city = $2 order by number",
        witness,
        city,
    )
    found: list[Countersigned] = []
    for number, checkpoint, signature, key_id, at in rows:
        message = CheckpointCountersigned(number=number, checkpoint=checkpoint, signature=signature)
        try:
            check_countersignature(
                ring=ring, witness=witness, key_id=key_id, city=city, countersigned=message, now=at
            )
            genuine = True
        except (BadSignature, UnknownKey):
            genuine = False
        found.append(Countersigned(number=number, checkpoint=checkpoint, genuine=genuine))
    return found


def lines_of(found: Sequence[CityVerified]) -> list[str]:
    """What is said of each city: one line for what was looked at, one for each finding."""
    lines: list[str] = []
    for one in found:
        lines.append(
            f"{one.city}: {one.events} events, {one.checkpoints} checkpoints, {one.countersigned} countersigned: "
            + ("holds" if one.holds else "DOES NOT HOLD")
        )
        if one.forged:
            lines.append(f"{one.city}:   {one.forged} kept countersignatures are not the witness's")
        lines += [f"{one.city}:   {_line(broken)}" for broken in one.breaks]
    return lines


def _line(broken: Break) -> str:
    place = [
        f"{name} {value}"
        for name, value in (
            ("stream", broken.stream),
            ("version", broken.version),
            ("checkpoint", broken.checkpoint),
        )
        if value
    ]
    return ", ".join([broken.fault, *place])


async def _run(settings: Settings) -> list[CityVerified]:
    store = await PostgresStore.create(dsn=settings.database)
    try:
        return await verify_house(store=store, ring=key_ring(settings), witness=settings.peers[0].name)
    finally:
        await store.close()


def main(arguments: Sequence[str]) -> int:
    """The command; see the module."""
    parser = argparse.ArgumentParser(prog="python -m safehand.house.verify", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="the house's settings file (TOML)")
    options = parser.parse_args(arguments)
    try:
        found = asyncio.run(_run(read_settings(options.settings)))
    except SettingsRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return EXIT_REFUSED
    except (Unavailable, OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as away:
        sys.stderr.write(
            f"The database of the setting `database` can't be read: {away or type(away).__name__}.\n"
            "Start it, or mend the setting, and run this again; nothing was changed.\n"
        )
        return EXIT_UNAVAILABLE
    sys.stdout.write("\n".join([*lines_of(found), ""]))
    return 0 if all(one.holds for one in found) else EXIT_BROKEN


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
