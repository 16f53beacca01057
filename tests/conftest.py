"""What all tests share: one embedded PostgreSQL for the whole run, a new database per test, a way to run coroutines."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import hashlib
import itertools
import os
import shutil
import tempfile
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

import asyncpg
import psutil
import pytest
import uvloop

from safehand.kernel.migrations import migrate
from safehand.kernel.postgres_server import PostgresServer, RunningServer

FOLDER_VARIABLE = "SAFEHAND_TESTS_FOLDER"
"""Tells the workers of pytest-xdist where the run's folder is."""
FOLDER_PREFIX = "safehand-tests-"
IN_MEMORY, ON_DISK = Path("/dev/shm"), Path("/tmp")
FREE_MIN = 2 * 2**30
"""Of bytes: all that a run keeps at one time is 200 MB; the rest is for whoever else is there."""
LONG_FILES = ("tests/simulation/", "tests/programme/", "tests/house/")
CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
MIGRATED_AT = datetime(2024, 5, 6, tzinfo=UTC)
TEST_SETTINGS = {
    # No test cuts the power. A kill -9 of PostgreSQL loses nothing without fsync either; only a crash of the machine would.
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "max_connections": "200",
    "max_wal_size": "1GB",
    "min_wal_size": "128MB",
    "autovacuum_naptime": "1d",
}


class FreshDatabase(Protocol):
    """Makes a new database and returns its DSN."""

    def __call__(self, *, role: str | None = None, **series: Path) -> str:
        """`series` names folders of migrations to apply, in order: `fresh_database(kernel=…, authority=…)`.

        Without any the database is empty. `role`: whom the DSN logs in as (made when missing), else the superuser.
        """
        ...


def pytest_configure(config: pytest.Config) -> None:
    """The controller makes the run's folder; workers find it in their environment."""
    if hasattr(config, "workerinput"):
        return
    _sweep_up_after_killed_runs()
    # Not under pytest's own temporary folder: only its owner may enter that, and as root PostgreSQL is another user.
    folder = Path(tempfile.mkdtemp(prefix=FOLDER_PREFIX, dir=_place()))
    folder.chmod(0o755)
    (folder / "controller").write_text(str(os.getpid()))
    os.environ[FOLDER_VARIABLE] = str(folder)
    config.add_cleanup(lambda: _end_run(folder=folder))


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Who asks for the PostgreSQL is marked `server`; without Chromium the browser tests are skipped, saying why.

    Files whose few tests take long come first: the last of them would else be waited for alone.
    """
    items.sort(key=lambda item: not item.nodeid.startswith(LONG_FILES))
    for item in items:
        if "postgres" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.server)
    if any(shutil.which(name) for name in CHROMIUM_NAMES):
        return
    for item in items:
        if item.get_closest_marker("browser"):
            item.add_marker(pytest.mark.skip(reason="no Chromium; install it: apt-get install -y chromium"))


def _place() -> Path:
    """In memory where there is room: each of some thousand databases is copied from a template, 15 GB in all."""
    with contextlib.suppress(OSError):
        if (
            os.access(IN_MEMORY, os.W_OK)
            and min(shutil.disk_usage(IN_MEMORY).free, psutil.virtual_memory().available) >= FREE_MIN
        ):
            return IN_MEMORY
    return ON_DISK


def _end_run(*, folder: Path) -> None:
    PostgresServer().stop(folder=folder / "pg", mode="immediate")
    shutil.rmtree(folder, ignore_errors=True)


def _sweep_up_after_killed_runs() -> None:
    for folder in (*IN_MEMORY.glob(f"{FOLDER_PREFIX}*"), *ON_DISK.glob(f"{FOLDER_PREFIX}*")):
        with contextlib.suppress(OSError, ValueError):
            if folder.stat().st_uid == os.geteuid() and not psutil.pid_exists(
                int((folder / "controller").read_text())
            ):
                _end_run(folder=folder)


@pytest.fixture(scope="session")
def run_folder() -> Path:
    """A folder shared by all workers of this run; gone afterwards."""
    return Path(os.environ[FOLDER_VARIABLE])


@pytest.fixture(scope="session")
def postgres(run_folder: Path) -> Iterator[RunningServer]:
    """The one embedded PostgreSQL of this run. The first worker that asks starts it, the controller stops it."""
    server = PostgresServer().start(folder=run_folder / "pg", settings=TEST_SETTINGS, join=True, keep=True)
    yield server
    server.release()


_numbers = itertools.count(1)


@pytest.fixture
def fresh_database(postgres: RunningServer, run_folder: Path) -> Iterator[FreshDatabase]:
    """Factory of databases that only this test uses; they are dropped after it."""
    made: list[str] = []

    def make(*, role: str | None = None, **series: Path) -> str:
        name = f"test_{os.environ.get('PYTEST_XDIST_WORKER', 'gw')}_{os.getpid()}_{next(_numbers)}"
        template = _template(server=postgres, run_folder=run_folder, series=series) if series else "template0"
        copy = f'create database "{name}" template "{template}" strategy file_copy'
        postgres.sql(statement=copy)
        made.append(name)
        if role is not None:
            postgres.create_role(name=role)
        return postgres.dsn(database=name, role=role or "postgres")

    yield make
    for name in made:
        postgres.drop_database(name=name)


def _template(*, server: RunningServer, run_folder: Path, series: dict[str, Path]) -> str:
    """A database with these migrations applied, made once per run; its name comes from the files' contents."""
    digest = hashlib.sha256()
    for name, folder in series.items():
        for path in sorted(folder.glob("*.sql")):
            digest.update(f"{name}/{path.name}\0".encode() + path.read_bytes() + b"\0")
    template = f"template_{digest.hexdigest()[:24]}"
    ready = run_folder / template
    if ready.exists():
        return template
    with (run_folder / "template.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not ready.exists():
            server.drop_database(name=template)
            server.create_database(name=template)
            asyncio.run(_migrate_all(dsn=server.dsn(database=template), series=series))
            ready.touch()
    return template


async def _migrate_all(*, dsn: str, series: dict[str, Path]) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        for name, folder in series.items():
            await migrate(connection=connection, folder=folder, now=MIGRATED_AT, series=name)
    finally:
        await connection.close()


@pytest.fixture
def run() -> Iterator[Callable[[Coroutine[object, object, object]], object]]:
    """Runs coroutines one after the other on one event loop of this test: `run(my_coroutine())`."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        yield runner.run
