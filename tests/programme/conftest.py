"""One living world for each file of tests."""

from collections.abc import Iterator

import pytest

from safehand.kernel.postgres_server import PostgresServer
from tests.programme.running_world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("a living world")  # a path with a space
    world = World(folder)
    world.start()
    yield world
    if world.process is not None and world.process.poll() is None:
        world.stop()
    PostgresServer().remove(folder=folder / "postgres")
