"""`python -m safehand.authority --settings FILE`: starts one house, or says exactly which setting is wrong."""

import argparse
import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

import uvloop
from litestar import Litestar

from safehand.house.database import DatabaseRefused, migrate_database
from safehand.house.runtime import serve
from safehand.house.settings import Settings, SettingsRefused, public_keys, read_settings
from safehand.kernel.dated import DefectiveRulesError
from safehand.kernel.migrations import MigrationRefused
from safehand.kernel.store import Unavailable

EXIT_REFUSED = 2
EXIT_UNAVAILABLE = 3


def run_house(
    *,
    name: str,
    make: Callable[[Settings], Awaitable[Litestar]],
    arguments: list[str],
    services: Sequence[str] = (),
    secrets: Sequence[str] = (),
    sql: Path | None = None,
) -> int:
    """Run until told to stop: 0; 2 when the settings or data can't be used; 3 when the database can't be reached.

    `services` and `secrets` name the settings that this house can't do without; `sql` holds its own migrations.
    """
    parser = argparse.ArgumentParser(prog=f"python -m safehand.{name}", description=__doc__)
    parser.add_argument("--settings", type=Path, required=True, help="the house's settings file (TOML)")
    parser.add_argument("--check", action="store_true", help="read and check the settings, then stop")
    parser.add_argument(
        "--public", action="store_true", help="print the public keys, as the peer puts them into its settings"
    )
    parser.add_argument(
        "--migrate",
        action="store_true",
        help="as database_owner, bring the tables up to date and give the role of database its rights, then stop",
    )
    options = parser.parse_args(arguments)
    try:
        settings = read_settings(options.settings, services=services, secrets=secrets)
        if options.public:
            sys.stdout.write(public_keys(settings))
        if options.check or options.public:
            return 0
        if options.migrate:
            new = asyncio.run(migrate_database(settings=settings, own=sql))
            sys.stdout.write(f"{', '.join(new) or 'nothing new'}; the application has its rights\n")
            return 0
        uvloop.run(serve(settings=settings, make=lambda: make(settings)))
    except (SettingsRefused, MigrationRefused, DatabaseRefused, DefectiveRulesError, ValueError) as refused:
        sys.stderr.write(f"{refused}\n")
        return EXIT_REFUSED
    except (Unavailable, OSError) as away:
        sys.stderr.write(
            f"The database of the setting `database` can't be reached: {away}.\n"
            "Start it, or mend the setting, and start again; nothing was changed.\n"
        )
        return EXIT_UNAVAILABLE
    return 0
