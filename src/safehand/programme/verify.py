"""`./do db verify`: do the books of every world on this machine still hold?

Verifies the journals of both houses of `./do run` and of each `./do launch` that was played here, city by city, and
says so in plain words. Changes nothing; a PostgreSQL that stands still is started for it and stopped again. Exit codes:
0 all holds; 1 something does not; 2 there is nothing to verify yet; 3 a database or a settings file can't be read.
"""

import asyncio
import sys
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import asyncpg

from safehand.house.settings import SettingsRefused, key_ring, read_settings
from safehand.house.verify import CityVerified, lines_of, verify_house
from safehand.kernel.postgres_server import PostgresFailed, PostgresRefused, PostgresServer, RunningServer
from safehand.kernel.store import Unavailable
from safehand.kernel.store_postgres import PostgresStore
from safehand.programme.living_world import DATA
from safehand.programme.setting_up import HOUSES, REPOSITORY

EXIT_BROKEN, EXIT_NOTHING, EXIT_UNREADABLE = 1, 2, 3


class Kept(NamedTuple):
    """A world whose databases lie here: the command that made it, and where its settings and PostgreSQL are."""

    command: str
    world: Path
    postgres: Path


def kept_worlds(*, folder: Path) -> list[Kept]:
    """The world of `./do run` and those of `./do launch`, as far as they have begun."""
    found = [Kept("./do run", folder / "run", folder / "postgres")]
    for launch in sorted(folder.glob("launch-*")):
        size, _, seed = launch.name.removeprefix("launch-").partition("-")
        name = f"./do launch --applications {size} --seed {seed}"
        found.append(Kept(name, launch / "world", launch / "postgres"))
    return [one for one in found if _settings_file(one, HOUSES[0]).exists() and one.postgres.exists()]


def city_names(*, folder: Path) -> dict[int, str]:
    """The English name of every city by its code."""
    tables = [tomllib.loads(path.read_text(encoding="utf-8"))["city"] for path in folder.glob("*/city.toml")]
    return {int(city["code"]): city["name_en"] for city in tables}


def main() -> int:
    """The command; see the module."""
    worlds = kept_worlds(folder=DATA)
    if not worlds:
        print(f"There is nothing to verify in {DATA} yet. Begin with: ./do run", file=sys.stderr)
        return EXIT_NOTHING
    cities = city_names(folder=REPOSITORY / "cities")
    holds = True
    for kept in worlds:
        try:
            holds = _verify_world(kept, cities) and holds
        except (PostgresFailed, PostgresRefused, SettingsRefused, Unavailable, asyncpg.PostgresError) as away:
            print(f"{kept.command} can't be verified: {away}\nNothing was changed.", file=sys.stderr)
            return EXIT_UNREADABLE
    print("Everything holds." if holds else f"\n{_WAY_OUT}")
    return 0 if holds else EXIT_BROKEN


_WAY_OUT = (
    "Something does NOT hold. Leave the databases as they are (stop ./do run), and read docs/how-to/verify.md: it says "
    "what each finding means and whose books to compare."
)


def _verify_world(kept: Kept, cities: Mapping[int, str]) -> bool:
    with PostgresServer().start(folder=kept.postgres, join=True) as server:
        holds = True
        for house in HOUSES:
            found = asyncio.run(_verify_house(kept, server, house))
            print(f"\n{kept.command}: the {house}'s journal", flush=True)
            print("\n".join(_told(found, cities)), flush=True)
            holds = holds and all(one.holds for one in found)
    print(flush=True)
    return holds


async def _verify_house(kept: Kept, server: RunningServer, house: str) -> list[CityVerified]:
    settings = read_settings(_settings_file(kept, house))
    # As superuser, since a world of an earlier release may lack a role, and read-only, since this changes nothing.
    dsn = f"{server.dsn(database=house)}&default_transaction_read_only=on"
    store = await PostgresStore.create(dsn=dsn, connections_max=2)
    try:
        return await verify_house(store=store, ring=key_ring(settings), witness=settings.peers[0].name)
    finally:
        await store.close()


def _told(found: list[CityVerified], cities: Mapping[int, str]) -> Iterator[str]:
    """A line for each city, its findings below it, and the house's verdict."""
    for one in found:
        head, *findings = lines_of([one])
        yield f"  {cities.get(one.city, ''):<12}{head}"
        yield from (f"  {'':<12}{finding}" for finding in findings)
    broken = [one for one in found if not one.holds]
    match len(found), len(broken):
        case 0, _:
            yield "  nothing has happened here yet"
        case number, 0:
            yield f"  verdict: holds in every city ({number})"
        case number, wrong:
            yield f"  verdict: does NOT hold in {wrong} of {number} cities"


def _settings_file(kept: Kept, house: str) -> Path:
    return kept.world / f"{house}.toml"


if __name__ == "__main__":
    sys.exit(main())
