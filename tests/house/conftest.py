"""Both houses and the sandbox as real processes, once per worker."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from safehand.kernel.postgres_server import RunningServer
from safehand.programme.living_world import databases, start_all
from safehand.programme.processes import Processes
from safehand.programme.setting_up import set_up
from tests.house.living import SEED, Living, registries


@pytest.fixture(scope="session")
def living(postgres: RunningServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Living]:
    """Both houses, the register and the payment service, running; one world per worker."""
    folder = tmp_path_factory.mktemp("houses")
    dsns = databases(postgres, prefix=f"house_{os.getpid()}_")
    world = set_up(folder=folder / "world", databases=dsns, rehearsal=True, seed=SEED)
    for house in ("authority", "post"):
        # Identifiers as they are in production, so that nothing here holds only because they repeat.
        _without_line(world.settings_of(house), "seed")
    actions, routes = asyncio.run(registries(world))
    processes = Processes(folder=folder / "processes")
    try:
        start_all(world=world, processes=processes)
        with httpx.Client(trust_env=False, timeout=30) as client:
            living = Living(
                world=world, processes=processes, dsns=dsns, client=client, actions=actions, routes=routes
            )
            for house in ("authority", "post"):
                living.control(house, "clock", {"now": "2024-05-06T09:00:00+08:00"})
            yield living
    finally:
        processes.stop()


def _without_line(path: Path, setting: str) -> None:
    lines = [line for line in path.read_text().splitlines() if not line.startswith(f"{setting} =")]
    path.write_text("\n".join(lines) + "\n")
