"""`./do run`: both organisations, the link and the sandbox services on this machine, until Ctrl-C.

Everything is kept in `.data/`: a second start finds the first one's people and documents.
"""

import argparse
import contextlib
import fcntl
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safehand.kernel.postgres_server import PostgresFailed, PostgresRefused, PostgresServer, RunningServer
from safehand.programme.processes import Processes, ProcessFailed, end_left_over
from safehand.programme.setting_up import (
    HOUSE_OF_STAFF,
    REHEARSAL_FIRST_DAY,
    REPOSITORY,
    STAFF_PASSWORD,
    USUAL_PORTS,
    SmallWorld,
    set_up,
)
from safehand.sandbox.cast import Cast, load_cast, load_places
from safehand.sandbox.settings import BadSettings

DATA = Path(os.environ.get("SAFEHAND_DATA", REPOSITORY / ".data"))
SEED = 20240506
WATCH_SECONDS = 0.5
QUIET_SECONDS = 2.0
STOP_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


class Stop(Exception):
    """Somebody asked the world to stop."""


class AlreadyRunning(Exception):
    """Another `./do run` has this folder; the text says which."""


class Bell:
    """Rings when somebody asks to stop. While something must not be cut in two it rings only afterwards, and once."""

    def __init__(self) -> None:
        self._held = 0
        self._rung = False
        self._heard = False
        for number in STOP_SIGNALS:
            signal.signal(number, self._ring)

    def _ring(self, *_: Any) -> None:
        self._rung = True
        if not self._held:
            self._answer()

    def _answer(self) -> None:
        # A second Ctrl-C while everything is being stopped must not leave half of it running.
        if self._rung and not self._heard:
            self._heard = True
            raise Stop

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Within, nobody is interrupted."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if not self._held:
            self._answer()


@dataclass(frozen=True)
class Running:
    """What runs, to be watched."""

    world: SmallWorld
    processes: Processes
    server: RunningServer


def main(arguments: list[str]) -> int:
    """Run until told to stop; 0 after a clean stop, 1 when something did not come up or ended by itself."""
    parser = argparse.ArgumentParser(prog="./do run", description=__doc__)
    parser.add_argument("--once", action="store_true", help="start, check that everything answers, and stop")
    parser.add_argument(
        "--empty", action="store_true", help="do not put people in every state of the process"
    )
    options = parser.parse_args(arguments)
    # Imported here so that an empty world needs nothing of the inhabitants.
    from safehand.programme.inhabitants import SettlingFailed

    began, bell = time.monotonic(), Bell()
    try:
        with world_running(bell=bell) as running:
            if not options.empty:
                populate(running.world)
            _tell(running.world, seconds=time.monotonic() - began)
            while not options.once:
                watch(running)
                time.sleep(WATCH_SECONDS)
    except Stop:
        print("\nStopped. Everything is kept; `./do run` goes on from here.", flush=True)
    except (
        ProcessFailed,
        PostgresFailed,
        PostgresRefused,
        AlreadyRunning,
        SettlingFailed,
        BadSettings,
    ) as failed:
        print(f"{failed}", file=sys.stderr, flush=True)
        return 1
    return 0


@contextlib.contextmanager
def world_running(*, bell: Bell) -> Iterator[Running]:
    """The database, the sandbox, the post and the authority, each answering; stopped in reverse order.

    Raises `AlreadyRunning`, `ProcessFailed`, `PostgresFailed`, `PostgresRefused`, `Stop`.
    """
    folder = DATA / "run"
    processes = Processes(folder=folder / "processes")
    with alone(folder=folder), contextlib.ExitStack() as last:
        ended = end_left_over(folder=processes.folder)
        if ended:
            _say(f"an earlier run was killed; ended what it had left: {', '.join(ended)}")
        with bell.held(), progress("database"):
            server = PostgresServer().start(folder=DATA / "postgres", join=True)
            last.callback(_quietly(bell, server.__exit__, None, None, None))
            world = set_up(folder=folder, databases=databases(server), rehearsal=False, seed=SEED)
        _say_ports(world)
        last.callback(_quietly(bell, processes.stop))
        with progress("sandbox services, the post, the authority"):
            start_all(world=world, processes=processes)
        yield Running(world, processes, server)


def _quietly(bell: Bell, work: Callable[..., object], *arguments: object) -> Callable[[], None]:
    """Work of stopping that nobody may interrupt."""

    def stop() -> None:
        with contextlib.suppress(Stop), bell.held():
            work(*arguments)

    return stop


@contextlib.contextmanager
def alone(*, folder: Path) -> Iterator[None]:
    """Hold the folder for this process alone; the hold ends with it, however it ends. Raises `AlreadyRunning`."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = folder / "lock"
    with lock.open("a+", encoding="utf-8") as held:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = lock.read_text(encoding="utf-8").strip() or "?"
            raise AlreadyRunning(
                f"Safehand runs here already (process {holder}). Use that one, or stop it with Ctrl-C in its "
                f"window (`kill {holder}`). A second world needs a folder of its own: SAFEHAND_DATA=/some/folder ./do run"
            ) from None
        held.truncate(0)
        held.write(str(os.getpid()))
        held.flush()
        yield


def watch(running: Running) -> None:
    """Raises `ProcessFailed` when a part ended by itself, with its name, the end of its log and the way out."""
    for process in running.processes.running:
        if not process.is_running():
            code = process.popen.returncode
            how = f"was killed by signal {-code}" if code < 0 else f"ended with code {code}"
            raise ProcessFailed(
                f"{process.name} {how} while it should run. Its log ({process.log}) ends with:\n"
                f"{process.tail()}\nEverything else is stopped now and nothing is lost; start again with ./do run."
            )
    if not running.server.is_running():
        raise ProcessFailed(
            f"PostgreSQL ended while it should run; its log is {running.server.folder / 'postgres.log'}. "
            "Everything else is stopped now; ./do run starts it again and recovers what was committed."
        )


@contextlib.contextmanager
def progress(label: str) -> Iterator[None]:
    """Say what begins, and every two seconds that it goes on."""
    began, over = time.monotonic(), threading.Event()
    _say(f"{label} …")

    def tick() -> None:
        while not over.wait(QUIET_SECONDS):
            _say(f"{label} … {time.monotonic() - began:.0f} s")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        yield
    finally:
        over.set()
        ticker.join()


def _say_ports(world: SmallWorld) -> None:
    others = [f"{name} {usual} -> {world.ports[name]}" for name, usual in USUAL_PORTS.items()]
    moved = [
        line
        for line, (name, usual) in zip(others, USUAL_PORTS.items(), strict=True)
        if world.ports[name] != usual
    ]
    if moved:
        _say(f"usual ports are taken, others are used: {', '.join(moved)}")


def databases(server: RunningServer, *, prefix: str = "") -> dict[str, str]:
    """One database per organisation: the DSN of its application's role, and below `…_owner` of who owns its tables."""
    dsns: dict[str, str] = {}
    for house in ("authority", "post"):
        server.create_database(name=f"{prefix}{house}", owner=house)
        server.create_role(name=f"{house}_app")
        dsns[house] = server.dsn(database=f"{prefix}{house}", role=f"{house}_app")
        dsns[f"{house}_owner"] = server.dsn(database=f"{prefix}{house}", role=house)
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
    """People in every state of the process, once. Raises `SettlingFailed`."""
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
        f"  Staff sign in with their login and the password {STAFF_PASSWORD!r}",
        "  (in another city than Shanghai with the city's code behind it: examiner-440100):",
    ]
    for login, member in cast.staff.items():
        house = HOUSE_OF_STAFF[member.house]
        lines.append(f"    {login:<24} {member.role:<24} {house:<10} {member.name_en}")
    lines += ["", "  Applicants choose themselves on the sign-in page, among them:"]
    for key in ("applicant", "father", "mother", "stranger"):
        lines.append(f"    {key:<24} {cast.people[key].person.name_en}")
    lines += [
        "",
        f"  For curl: . {shlex.quote(str(write_for_curl(world)))}   (see docs/how-to/one-application.md)",
    ]
    print("\n".join(lines), flush=True)


def write_for_curl(world: SmallWorld) -> Path:
    """Addresses and secrets of this sandbox as shell variables, readable by its owner alone."""
    values = {
        "AUTHORITY": world.url("authority"),
        "POST": world.url("post"),
        "PAYMENT": world.url("payment"),
        "PASSWORD": STAFF_PASSWORD,
        "CONTROL": world.secret,
    }
    path = world.folder / "for-curl.sh"
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={shlex.quote(value)}\n" for name, value in values.items()))
    return path


def the_cast() -> Cast:
    """The fixed synthetic cast."""
    places = load_places(cast_folder=REPOSITORY / "cast", cities_folder=REPOSITORY / "cities")
    return load_cast(cast_folder=REPOSITORY / "cast", places=places, today=REHEARSAL_FIRST_DAY)


def _say(text: str) -> None:
    print(f"· {text}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
