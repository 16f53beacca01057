"""The machine's limit for one application: the same rows in the same tables and indexes, written by pgbench.

The rows are those which one lone application really wrote. pgbench writes them by one prepared statement in one
durable commit; what differed between two lone applications in a unique column differs from run to run here too.
"""

import os
import re
import subprocess
from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

from bench.written_rows import Image
from safehand.kernel.postgres_server import RunningServer

PGBENCH_SECONDS_MAX = 120.0
_TPS = re.compile(r"^tps = ([0-9.]+)", re.MULTILINE)
_FAILED = re.compile(r"^number of failed transactions: ([0-9]+)", re.MULTILINE)
VARIED_CHARACTERS_MIN = 12
"""Shorter varied texts would meet each other by chance."""


class LimitFailed(Exception):
    """The limit could not be measured; the text says why."""


def _literal(value: Any, kind: str) -> str:
    """A constant; colons are written as escapes, since pgbench takes `:word` for a variable even inside quotes."""
    match value:
        case None:
            return f"null::{kind}"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value)
        case bytes():
            return f"'\\x{value.hex()}'::{kind}"
        case datetime() | date():
            text = value.isoformat()
        case str():
            text = value
        case _:
            raise LimitFailed(f"a column of type {kind} can't be written by pgbench: teach bench/limit.py")
    escaped = text.replace("\\", "\\\\").replace("'", "''").replace(":", "\\x3a")
    return f"E'{escaped}'::{kind}"


def _varied(value: Any, kind: str) -> str:
    """The same value with its tail replaced by what no other transaction of the run has."""
    match value:
        case bytes():
            return f"substr(decode(md5(:n::text) || md5('-' || :n::text), 'hex'), 1, {len(value)})"
        case str() if len(value) >= VARIED_CHARACTERS_MIN:
            # As many characters as the original, up to the 32 of an MD5: indexes grow as ours do.
            kept = max(len(value) - 32, 3)
            return f"{_literal(value[:kept], 'text')} || substr(md5(:n::text), 1, {len(value) - kept})"
        case str():
            return f"{_literal(value, 'text')} || :n::text"
        case _:
            # A number (the city) stays: the text beside it in the same index differs already.
            return _literal(value, kind)


def script_of(*, first: Sequence[Image], second: Sequence[Image]) -> str:
    """A pgbench script that writes the rows of `first`; `second` is what another application wrote."""
    others = {image.table.name: image for image in second}
    inserts: list[str] = []
    for table, rows in first:
        other = others.get(table.name)
        if other is None or len(other.rows) != len(rows):
            raise LimitFailed(f"two applications wrote different numbers of rows to {table.name}")
        lines: list[str] = []
        for row, twin in zip(sorted(rows, key=repr), sorted(other.rows, key=repr), strict=True):
            cells = [
                _varied(value, kind) if unique and value != that else _literal(value, kind)
                for value, that, kind, unique in zip(row, twin, table.types, table.unique, strict=True)
            ]
            lines.append(f"({', '.join(cells)})")
        inserts.append(f"insert into {table.name} ({table.listed}) values {', '.join(lines)}")
    *before, last = inserts
    parts = ", ".join(f"w{number} as ({insert})" for number, insert in enumerate(before))
    statement = f"with {parts} {last}" if parts else last
    # `i` lives as long as the client; runs and clients never share a number.
    return f"\\set i :i + 1\n\\set n (:run * 1000 + :client_id) * 100000000 + :i\n{statement};\n"


def pgbench_tps(
    *, server: RunningServer, database: str, script: Path, clients: int, seconds: int, run: int
) -> float:
    """Transactions per second of the script with prepared statements. Raises `LimitFailed`.

    `run` is a number that no other call has for this database.
    """
    words = ["-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds)]
    done = subprocess.run(
        [server.binaries / "pgbench", *words, "-D", "i=0", "-D", f"run={run}", "-f", script, database],
        env={
            "PATH": os.defpath,
            "PGHOST": str(server.socket_folder),
            "PGPORT": str(server.port),
            "PGUSER": "postgres",
        },
        capture_output=True,
        text=True,
        timeout=PGBENCH_SECONDS_MAX,
    )
    found, failed = _TPS.search(done.stdout), _FAILED.search(done.stdout)
    if done.returncode != 0 or found is None or (failed is not None and int(failed[1])):
        raise LimitFailed(
            f"pgbench ended with {done.returncode}:\n{done.stderr.strip()[:2000]}\n{done.stdout}"
        )
    return float(found[1])
