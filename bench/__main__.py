"""`./do bench`: measures Safehand, a plain service and the machine's limit in turns, and prints the ratios."""

import argparse
import asyncio
import contextlib
import json
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

from bench import lifecycles
from bench.database import Undurable, check_durable, connected, machine_line
from bench.http_race import Applying, RaceFailed, Service, applications, one_round, send_one
from bench.limit import LimitFailed, pgbench_tps, script_of
from bench.link_batch import BATCH_MESSAGES, WARM_UP_BATCHES, LinkFailed, LinkResult, measure_link
from bench.load import CONNECTIONS, Measured
from bench.people import residents
from bench.plain import start_plain_service
from bench.report import Report, Series, as_json, as_text, series
from bench.safehand_services import Safehand, authority_limit, intake, link_sides, start_safehand
from bench.written_rows import Image, next_transaction, tables_of, written_since
from safehand.kernel.postgres_server import PostgresFailed, PostgresRefused, PostgresServer, RunningServer
from safehand.programme.processes import Processes, ProcessFailed, end_left_over

ROOT = Path(__file__).parents[1]
FOLDER_NAME = "bench"
"""What this command makes, and takes away at the end, in the folder that it is given."""
EXPECTED = (Undurable, RaceFailed, LimitFailed, LinkFailed, ProcessFailed)


class Size(NamedTuple):
    """How much is measured."""

    rounds: int
    requests: int
    pgbench_seconds: int
    batches: int
    applications: int


FULL = Size(rounds=5, requests=3_000, pgbench_seconds=4, batches=24, applications=lifecycles.APPLICATIONS)
QUICK = Size(rounds=2, requests=600, pgbench_seconds=2, batches=6, applications=lifecycles.APPLICATIONS_QUICK)


@dataclass(kw_only=True)
class Rounds:
    """What was measured so far."""

    http: list[float] = field(default_factory=list)
    plain: list[float] = field(default_factory=list)
    limit: list[float] = field(default_factory=list)
    link: list[float] = field(default_factory=list)
    inserts: list[float] = field(default_factory=list)
    copies: list[float] = field(default_factory=list)
    lifecycles: list[float] = field(default_factory=list)
    latencies: list[tuple[Measured, Measured]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def say(text: str) -> None:
    """One line of progress; the table alone goes to standard output."""
    print(text, file=sys.stderr, flush=True)


def main() -> int:
    """Measure and report: 0 when all was measured and every ratio that must be reached is, else 1."""
    parser = argparse.ArgumentParser(prog="./do bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds: a look, no figure")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there, too")
    parser.add_argument("--folder", type=Path, default=ROOT / ".data", help="where the databases lie")
    parser.add_argument("--connections", type=int, default=CONNECTIONS, help="how many clients at once")
    parser.add_argument("--plain-workers", type=int, default=1, help="processes of the plain service")
    asked = parser.parse_args()
    began = time.monotonic()
    try:
        report = measure(size=QUICK if asked.quick else FULL, asked=asked, began=began)
    except (*EXPECTED, PostgresFailed, PostgresRefused) as failed:
        say(f"\nNothing is reported: {failed}")
        return 1
    print(as_text(report))
    if asked.json is not None:
        asked.json.write_text(json.dumps(as_json(report), indent=2, ensure_ascii=False) + "\n")
    for line in report.missed():
        say(f"MISSED: {line}")
    return 1 if report.missed() else 0


def measure(*, size: Size, asked: argparse.Namespace, began: float) -> Report:
    """Start everything, measure, stop everything, take the databases away."""
    folder: Path = asked.folder.absolute() / FOLDER_NAME
    rounds = Rounds()
    if asked.quick:
        rounds.notes.append("--quick: rounds too short for a figure to be quoted")
    with own_database(folder=folder) as server:
        asyncio.run(check_durable(dsn=server.dsn()))
        version = server.sql(statement="show server_version")[0]
        machine = machine_line(folder=folder, server_version=version)
        processes = Processes(folder=folder / "processes")
        end_left_over(folder=processes.folder)
        try:
            _with_services(size, asked, server, processes, folder, rounds)
        finally:
            processes.stop()
        server.stop()
        _lifecycles(size, folder, rounds)
    return Report(
        series=_all_series(rounds),
        machine=machine,
        notes=tuple(rounds.notes),
        seconds=time.monotonic() - began,
    )


@contextlib.contextmanager
def own_database(*, folder: Path) -> Iterator[RunningServer]:
    """A PostgreSQL for this run alone; afterwards the folder is gone. Another bench at work there: PostgresRefused."""
    folder.mkdir(parents=True, exist_ok=True)
    server = PostgresServer().start(folder=folder / "postgres")
    try:
        yield server
    finally:
        server.stop()
        PostgresServer().remove(folder=folder / "postgres")
        shutil.rmtree(folder, ignore_errors=True)


def _with_services(
    size: Size,
    asked: argparse.Namespace,
    server: RunningServer,
    processes: Processes,
    folder: Path,
    rounds: Rounds,
) -> None:
    say("starting Safehand's services …")
    safehand = start_safehand(processes=processes, server=server, folder=folder / "world")
    say("starting the plain service …")
    plain = start_plain_service(processes=processes, server=server, workers=asked.plain_workers)
    _race(size, asked.connections, safehand, plain, folder, rounds)
    for side in link_sides(safehand=safehand, batches=size.batches + WARM_UP_BATCHES):
        say(f"link: {size.batches} batches of {BATCH_MESSAGES}, {side.label}, and their rows plainly …")
        _keep_link(asyncio.run(measure_link(server=server, **side._asdict())), rounds)


def _race(
    size: Size, connections: int, safehand: Safehand, plain: Service, folder: Path, rounds: Rounds
) -> None:
    """Warm up, look at what one application writes, then take turns."""
    ours, server = intake(safehand=safehand), safehand.server
    needed = 2 + size.requests * (size.rounds + 1)
    people = residents(first=0, count=-(-needed // 3))
    say(f"opening {len(people):,} sessions at both services …")
    mine, theirs = (applications(service=one, people=people) for one in (ours, plain))
    house, twin = authority_limit()
    first, second = (_lone(ours, server, house, mine.pop()) for _ in range(2))
    counts = ", ".join(f"{image.table.name} {len(image.rows)}" for image in first).replace('"', "")
    rounds.notes.append(f"one application writes {sum(len(i.rows) for i in first)} rows: {counts}")
    script = folder / "application.pgbench"
    script.write_text(script_of(first=first, second=second), encoding="utf-8")
    for number in range(size.rounds + 1):
        span = slice(number * size.requests, (number + 1) * size.requests)
        say(f"applications over HTTP: round {number} of {size.rounds}" + (" (warm-up)" * (not number)) + " …")
        found = one_round(service=ours, applying=mine[span], connections=connections, folder=folder)
        other = one_round(service=plain, applying=theirs[span], connections=connections, folder=folder)
        tps = pgbench_tps(
            server=server,
            database=twin,
            script=script,
            clients=connections,
            seconds=size.pgbench_seconds if number else 1,
            run=number,
        )
        if number:
            rounds.http.append(found.requests_per_second)
            rounds.plain.append(other.requests_per_second)
            rounds.limit.append(tps)
            rounds.latencies.append((found, other))
    ours_last, theirs_last = rounds.latencies[-1]
    rounds.notes.append(
        f"latency with {connections} connections, last round (p50 / p99): Safehand {ours_last.latency_p50_ms:.0f} / "
        f"{ours_last.latency_p99_ms:.0f} ms, plain service {theirs_last.latency_p50_ms:.0f} / "
        f"{theirs_last.latency_p99_ms:.0f} ms"
    )


def _lone(service: Service, server: RunningServer, house: str, applying: Applying) -> Sequence[Image]:
    """The rows that one application wrote when nobody else was there."""

    async def before() -> int:
        async with connected(dsn=server.dsn(database=house)) as eye:
            return await next_transaction(connection=eye)

    async def after(transaction: int) -> dict[int, list[Image]]:
        async with connected(dsn=server.dsn(database=house)) as eye:
            tables = await tables_of(connection=eye)
            return await written_since(connection=eye, tables=tables, transaction=transaction)

    transaction = asyncio.run(before())
    send_one(service=service, applying=applying)
    written = asyncio.run(after(transaction))
    if len(written) != 1:
        raise LimitFailed(f"one application was written by {len(written)} transactions; who else is writing?")
    return next(iter(written.values()))


def _keep_link(result: LinkResult, rounds: Rounds) -> None:
    rounds.link += [batch.rows / batch.applied_seconds for batch in result.batches]
    rounds.inserts += [batch.rows / batch.inserted_seconds for batch in result.batches]
    rounds.copies += [batch.rows / batch.copied_seconds for batch in result.batches]
    rows = result.batches[-1].rows
    tables = ", ".join(f"{name} {count}" for name, count in result.tables.items())
    rounds.notes.append(f"a batch of {BATCH_MESSAGES}, {result.label}, writes {rows} rows: {tables}")
    if result.transactions_max > 1:
        rounds.notes.append(
            f"{result.label}: a batch took up to {result.transactions_max} transactions where one should do"
        )


def _lifecycles(size: Size, folder: Path, rounds: Rounds) -> None:
    if not lifecycles.is_built():
        rounds.notes.append("lifecycles were not measured: there is no ./do launch yet")
        return
    say(f"lifecycles: ./do launch --applications {size.applications} …")
    try:
        found = lifecycles.lifecycles_per_second(folder=folder, applications=size.applications)
    except lifecycles.LaunchFailed as failed:
        # Nothing else was measured beside it, so the rest stands; `Report.missed` makes the command end with 1.
        rounds.notes.append(f"lifecycles were not measured: {failed}")
        return
    rounds.lifecycles.append(found)


def _all_series(rounds: Rounds) -> tuple[Series, ...]:
    return tuple(
        series(key=key, says=says, unit=unit, rounds=found)
        for key, says, unit, found in (
            ("http_application_rps", "Safehand: one application over HTTP", "requests/s", rounds.http),
            ("plain_service_rps", "plain service: one application over HTTP", "requests/s", rounds.plain),
            ("limit_tps", "pgbench: the same rows, prepared", "transactions/s", rounds.limit),
            ("link_rows_per_second", "link: batch of 500 verified and applied", "rows/s", rounds.link),
            ("insert_rows_per_second", "the same rows by multi-row inserts", "rows/s", rounds.inserts),
            ("copy_rows_per_second", "the same rows by COPY", "rows/s", rounds.copies),
            ("lifecycles_per_second", "from application to in hand", "lifecycles/s", rounds.lifecycles),
        )
    )


if __name__ == "__main__":
    sys.exit(main())
