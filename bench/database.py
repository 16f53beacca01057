"""The bench's own PostgreSQL: on the disk, with full durability (else it refuses to measure), gone afterwards."""

import os
import platform
import subprocess
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import asyncpg

from safehand.kernel.postgres_server import SUPERUSER, RunningServer

GUARANTEES = {"fsync": "on", "synchronous_commit": "on", "full_page_writes": "on"}
"""What every measured commit must be given; PostgreSQL's own defaults."""
IN_MEMORY = frozenset({"tmpfs", "ramfs"})
FLUSHES = 100
FLUSH_BYTES = 8_192


class Undurable(Exception):
    """A commit would not survive a power cut here, so no number would mean anything."""


@asynccontextmanager
async def connected(*, dsn: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection that is closed at the end."""
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


async def check_durable(*, dsn: str) -> None:
    """Raises `Undurable` unless this database gives every commit PostgreSQL's own guarantees, on a real disk."""
    async with connected(dsn=dsn) as connection:
        found = {name: await connection.fetchval(f"show {name}") for name in GUARANTEES}
        folder = Path(str(await connection.fetchval("show data_directory")))
    wrong = [f"{name} is {found[name]}" for name, wanted in GUARANTEES.items() if found[name] != wanted]
    if wrong:
        raise Undurable(f"{', '.join(wrong)}: turn it on; the bench measures durable commits only")
    if file_system_of(folder=folder) in IN_MEMORY:
        raise Undurable(f"{folder} is in memory: name a folder on a disk with --folder")


def file_system_of(*, folder: Path) -> str:
    """The type of the file system that holds a folder (Linux: /proc/mounts); empty when unknown."""
    best, kind = "", ""
    try:
        mounts = Path("/proc/mounts").read_text().splitlines()
    except OSError:
        return ""
    for line in mounts:
        _, place, found, *_ = line.split()
        if (folder / "x").is_relative_to(place) and len(place) >= len(best):
            best, kind = place, found
    return kind


def make_twin(*, server: RunningServer, database: str, twin: str) -> None:
    """A new database with the tables and indexes of another and no rows."""
    server.drop_database(name=twin)
    server.create_database(name=twin)
    where = {"PATH": os.defpath, "PGHOST": str(server.socket_folder), "PGPORT": str(server.port)}
    dumped = subprocess.run(
        [server.binaries / "pg_dump", "-U", SUPERUSER, "--schema-only", "--no-owner", "--no-acl", database],
        env=where,
        capture_output=True,
        text=True,
        check=True,
    )
    server.sql(statement=dumped.stdout, database=twin)


def flush_milliseconds(*, folder: Path) -> float:
    """How long this disk takes to make 8 KiB durable (median of FLUSHES appends, each with fdatasync)."""
    path = folder / "flush"
    taken: list[float] = []
    try:
        with path.open("wb", buffering=0) as file:
            for _ in range(FLUSHES):
                began = time.perf_counter()
                file.write(bytes(FLUSH_BYTES))
                os.fdatasync(file.fileno())
                taken.append(time.perf_counter() - began)
    finally:
        path.unlink(missing_ok=True)
    return median(taken) * 1000


def machine_line(*, folder: Path, server_version: str) -> str:
    """What was measured on: processor, cores, memory, disk, versions."""
    model = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines() if Path("/proc/cpuinfo").exists() else ():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    cores = len(os.sched_getaffinity(0))
    return (
        f"{model}, {cores} cores, {memory:.0f} GiB; {file_system_of(folder=folder) or 'unknown file system'}, "
        f"8 KiB durable in {flush_milliseconds(folder=folder):.2f} ms; PostgreSQL {server_version}, "
        f"Python {platform.python_version()}, {platform.system()} {platform.release()}"
    )
