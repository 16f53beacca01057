"""`./do run`: both organisations, the link and the sandbox services on this machine, until Ctrl-C.

Everything is kept in `.data/`: a second start finds the first one's people and documents.
"""

import argparse
import contextlib
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safehand.kernel.postgres_server import PostgresFailed, PostgresRefused, PostgresServer, RunningServer
from safehand.programme.processes import Processes, ProcessFailed, end_left_over
from safehand.programme.setting_up import (
    HOUSE_OF_STAFF,
    REHEARSAL_FIRST_DAY,
    REPOSITORY,
    STAFF_PASSWORD,
    SmallWorld,
    set_up,
)
from safehand.sandbox.cast import Cast, load_cast, load_places

DATA = Path(os.environ.get("SAFEHAND_DATA", REPOSITORY / ".data"))
SEED = 20240506


class Stop(Exception):
    """Somebody asked the world to stop."""


def main(arguments: list[str]) -> int:
    """Run until told to stop; 0 after a clean stop, 1 when something did not come up."""
    parser = argparse.ArgumentParser(prog="./do run", description=__doc__)
    parser.add_argument("--once", action="store_true", help="start, check that everything answers, and stop")
    parser.add_argument(
        "--empty", action="store_true", help="do not put people in every state of the process"
    )
    options = parser.parse_args(arguments)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stopped)
    began = time.monotonic()
    try:
        with world_running() as (world, _):
            if not options.empty:
                populate(world)
            _tell(world, seconds=time.monotonic() - began)
            while not options.once:
                signal.pause()
    except Stop:
        print("\nStopped. Everything is kept; `./do run` goes on from here.", flush=True)
    except (ProcessFailed, PostgresFailed, PostgresRefused) as failed:
        print(f"{failed}", file=sys.stderr, flush=True)
        return 1
    return 0


def _stopped(*_: Any) -> None:
    raise Stop


@contextlib.contextmanager
def world_running() -> Iterator[tuple[SmallWorld, Processes]]:
    """The database, the sandbox, the post and the authority, each answering; stopped in reverse order."""
    folder = DATA / "run"
    processes = Processes(folder=folder / "processes")
    end_left_over(folder=processes.folder)
    _say("database …")
    with PostgresServer().start(folder=DATA / "postgres", join=True) as server:
        world = set_up(folder=folder, databases=databases(server), rehearsal=False, seed=SEED)
        try:
            _say("sandbox services, the post, the authority …")
            start_all(world=world, processes=processes)
            yield world, processes
        finally:
            processes.stop()


def databases(server: RunningServer, *, prefix: str = "") -> dict[str, str]:
    """One database per organisation, each owned by a role of its own."""
    dsns: dict[str, str] = {}
    for house in ("authority", "post"):
        server.create_database(name=f"{prefix}{house}", owner=house)
        dsns[house] = server.dsn(database=f"{prefix}{house}", role=house)
    return dsns


def start_all(*, world: SmallWorld, processes: Processes) -> None:
    """Start everything at once, then wait until each answers. Raises `ProcessFailed`."""
    modules = {"sandbox": "safehand.sandbox", "post": "safehand.postal", "authority": "safehand.authority"}
    started = {
        name: processes.start(
            name=name, module=module, arguments=["--settings", str(world.settings_of(name))]
        )
        for name, module in modules.items()
    }
    for name, address in (("sandbox", "register"), ("post", "post"), ("authority", "authority")):
        processes.wait_healthy(process=started[name], url=f"{world.url(address)}/health")


def populate(world: SmallWorld) -> None:
    """People in every state of the process, once."""
    # Kept apart so that starting an empty world needs none of it.
    from safehand.programme.inhabitants import settle_in

    settle_in(world=world, say=_say)


def _tell(world: SmallWorld, *, seconds: float) -> None:
    cast = the_cast()
    lines = [
        "",
        f"Safehand is running ({seconds:.1f} s). Stop it with Ctrl-C.",
        "",
        f"  authority          {world.url('authority')}/          national table: /nation   API: /schema",
        f"  post               {world.url('post')}/          API: /schema",
        f"  sign-in (sandbox)  {world.url('sign_in')}/",
        f"  payment (sandbox)  {world.url('payment')}/",
        f"  mailbox (sandbox)  {world.url('messages')}/          SMS and e-mail that went out",
        "",
        f"  Staff sign in with their login and the password {STAFF_PASSWORD!r}:",
    ]
    for login, member in cast.staff.items():
        house = HOUSE_OF_STAFF[member.house]
        lines.append(f"    {login:<24} {member.role:<24} {house:<10} {member.name_en}")
    lines += ["", "  Applicants choose themselves on the sign-in page, among them:"]
    for key in ("applicant", "father", "mother", "stranger"):
        lines.append(f"    {key:<24} {cast.people[key].person.name_en}")
    print("\n".join(lines), flush=True)


def the_cast() -> Cast:
    """The fixed synthetic cast."""
    places = load_places(cast_folder=REPOSITORY / "cast", cities_folder=REPOSITORY / "cities")
    return load_cast(cast_folder=REPOSITORY / "cast", places=places, today=REHEARSAL_FIRST_DAY)


def _say(text: str) -> None:
    print(f"· {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
