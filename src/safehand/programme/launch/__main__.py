"""`./do launch`: the pilot's launch week through both houses' real services, and everything until its end."""

import argparse
import asyncio
import os
import shutil
import sys
import time
from datetime import timedelta
from pathlib import Path

import aiohttp
import msgspec
import uvloop

from safehand.kernel.postgres_server import PostgresFailed, PostgresRefused, PostgresServer
from safehand.programme.launch.arrivals import arrivals, read_places
from safehand.programme.launch.chance import Chance
from safehand.programme.launch.houses import TIMEOUT_SECONDS, HouseLost, HouseRefused
from safehand.programme.launch.people import People
from safehand.programme.launch.play import Launch, Progress
from safehand.programme.launch.report import Report, make_report, print_report
from safehand.programme.living_world import databases, start_all
from safehand.programme.processes import Processes, ProcessFailed, end_left_over
from safehand.programme.setting_up import REPOSITORY, SmallWorld, set_up

DATA = Path(os.environ.get("SAFEHAND_DATA", REPOSITORY / ".data"))
APPLICATIONS = 9_000
APPLICATIONS_MIN, APPLICATIONS_MAX = 20, 40_000
SEED = 20240506
SAY_SECONDS = 1.0
CONNECTIONS_MAX = 48
EXIT_CUT_OFF = 3


def main(arguments: list[str]) -> int:
    """Play the launch; 0 at its end, 3 when a house was lost (the same command goes on), 1 when nothing came up."""
    options = _options(arguments)
    began = time.monotonic()
    folder = DATA / f"launch-{options.applications}-{options.seed}"
    if options.fresh:
        _remove(folder)
    progress = _read_progress(folder)
    if options.report:
        if progress.moment is None:
            print("There is no launch of this size and seed to report: play one first.", file=sys.stderr)
            return 1
    elif progress.finished:
        print("· the last launch of this size and seed had ended: beginning anew", flush=True)
        _remove(folder)
        progress = Progress()
    elif progress.moment is not None:
        print(f"· going on with the launch that was cut off at {_local(progress)}", flush=True)
    try:
        return _run(options, folder, progress, began)
    except (HouseLost, ProcessFailed, PostgresFailed, PostgresRefused) as lost:
        print(f"\n{lost}\nNothing is lost: the same command goes on from here.", file=sys.stderr, flush=True)
        return EXIT_CUT_OFF
    except KeyboardInterrupt:
        print("\nCut off. The same command goes on from here; --fresh begins anew.", flush=True)
        return EXIT_CUT_OFF


def _options(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="./do launch", description=__doc__)
    parser.add_argument("--applications", type=int, default=APPLICATIONS, help="how many people apply (9000)")
    parser.add_argument("--seed", type=int, default=SEED, help="what chance is made from")
    parser.add_argument("--fresh", action="store_true", help="begin anew, also where a launch was cut off")
    parser.add_argument(
        "--report",
        action="store_true",
        help="play nothing: report the last launch from its databases as they are",
    )
    parser.add_argument("--json", type=Path, help="write the report to this file too")
    options = parser.parse_args(arguments)
    if not APPLICATIONS_MIN <= options.applications <= APPLICATIONS_MAX:
        parser.error(f"--applications: between {APPLICATIONS_MIN} and {APPLICATIONS_MAX}")
    return options


def _run(options: argparse.Namespace, folder: Path, progress: Progress, began: float) -> int:
    processes = Processes(folder=folder / "processes")
    end_left_over(folder=processes.folder)
    print("· starting two houses, their databases and the sandbox services …", flush=True)
    with PostgresServer().start(folder=folder / "postgres") as server:
        world = set_up(
            folder=folder / "world", databases=databases(server), rehearsal=True, seed=options.seed % 1_000
        )
        try:
            start_all(world=world, processes=processes)
            report = uvloop.run(_play(options, folder, progress, world, processes, began))
        finally:
            processes.stop()
    print_report(report)
    if options.json is not None:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n")
    return 0


async def _play(
    options: argparse.Namespace,
    folder: Path,
    progress: Progress,
    world: SmallWorld,
    processes: Processes,
    began: float,
) -> Report:
    chance = Chance(seed=options.seed)
    places = read_places(folder=REPOSITORY / "cities")
    week = arrivals(places=places, applications=options.applications, chance=chance)
    people = People(seed=world.seed, chance=chance, cities=[place.code for place in places])
    before = progress.seconds
    said = [0.0]

    def keep() -> None:
        progress.seconds = before + time.monotonic() - began
        part = folder / "progress.json.part"
        part.write_bytes(msgspec.json.encode(progress))
        part.replace(folder / "progress.json")

    def say(now: Progress) -> None:
        if time.monotonic() - said[0] >= SAY_SECONDS:
            said[0] = time.monotonic()
            print(f"· {_local(now)}  {now.applied:,} of {len(week):,} applied  {now.acts:,} acts", flush=True)

    limits = aiohttp.TCPConnector(limit=CONNECTIONS_MAX)
    patience = aiohttp.ClientTimeout(total=TIMEOUT_SECONDS)
    async with aiohttp.ClientSession(connector=limits, timeout=patience) as client:
        launch = Launch(
            world=world, arrivals=week, people=people, chance=chance, progress=progress, client=client
        )
        if options.report:
            await launch.remember()
        else:
            await launch.run(keep=keep, say=say)
        figures, post = await asyncio.gather(launch.authority.books(), launch.post.books())
    peak = sum(process.peak_rss_bytes() for process in processes.running)
    return make_report(
        authority=figures,
        post=post,
        places=places,
        progress=progress,
        seed=options.seed,
        wall_seconds=before if options.report else before + time.monotonic() - began,
        peak_rss_bytes=peak + _own_peak(),
    )


def _own_peak() -> int:
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) * 1024
    return 0


def _read_progress(folder: Path) -> Progress:
    path = folder / "progress.json"
    return msgspec.json.decode(path.read_bytes(), type=Progress) if path.exists() else Progress()


def _remove(folder: Path) -> None:
    end_left_over(folder=folder / "processes")
    PostgresServer().remove(folder=folder / "postgres")
    shutil.rmtree(folder, ignore_errors=True)


def _local(progress: Progress) -> str:
    moment = progress.moment
    return (moment + timedelta(hours=8)).strftime("%Y-%m-%d %H:%M") if moment is not None else "the beginning"


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except HouseRefused as refused:
        print(f"\nThe launch stopped: {refused}", file=sys.stderr, flush=True)
        sys.exit(1)
