"""Opens a service's SQLite file and runs one transaction per batch."""

import hashlib
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import msgspec

BUSY_MS_MAX: Final = 5_000


class Storage:
    """One SQLite database of one service: a file in write-ahead mode, used from one thread.

    `schema` is a script of `create … if not exists` statements. A killed process loses nothing committed
    (`synchronous = normal` in write-ahead mode survives that; only a crash of the machine could cost the last commits).
    """

    def __init__(self, *, file: Path, schema: str) -> None:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        self._connection = sqlite3.connect(file, isolation_level=None, timeout=BUSY_MS_MAX / 1000)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("pragma journal_mode = wal")
        self._connection.execute("pragma synchronous = normal")
        self._connection.execute("pragma foreign_keys = on")
        self._connection.executescript(schema)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """Everything inside is kept or nothing is."""
        self._connection.execute("begin immediate")
        try:
            yield self._connection
        except BaseException:
            self._connection.execute("rollback")
            raise
        self._connection.execute("commit")

    @property
    def reading(self) -> sqlite3.Connection:
        """The connection, for statements which only read."""
        return self._connection

    def close(self) -> None:
        """Write what is left and close the file; closing twice does nothing."""
        self._connection.close()


def content_hash(item: msgspec.Struct) -> bytes:
    """SHA-256 of a request in one fixed form: the same key must always come with the same content."""
    return hashlib.sha256(msgspec.json.encode(item, order="deterministic")).digest()


def marks(count: int) -> str:
    """`?,?,?`: placeholders for a list of values."""
    return ",".join("?" * count)
