"""`./do bench --quick` from command to figures: everything is started, measured, reported and taken away again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.database import Undurable, check_durable, connected, make_twin
from bench.written_rows import tables_of
from safehand.kernel.postgres_server import RunningServer

ROOT = Path(__file__).parents[2]
ISSUE_KEYS = {
    "http_application_rps",
    "plain_service_rps",
    "limit_tps",
    "link_rows_per_second",
    "insert_rows_per_second",
    "lifecycles_per_second",
}
RATIO_KEYS = {"http_vs_plain", "http_vs_limit", "link_vs_inserts"}
QUICK_SECONDS_MAX = 600


@pytest.mark.slow
def test_the_bench_measures_both_services_the_limits_and_the_link(tmp_path: Path):
    pytest.importorskip(
        "fastapi", reason="the bench's dependencies are missing; ./do bench --help installs them"
    )
    pytest.importorskip("sqlalchemy")
    result, folder = tmp_path / "bench.json", tmp_path / "bench"
    done = subprocess.run(
        [sys.executable, "-m", "bench", "--quick", "--json", str(result), "--folder", str(folder)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=QUICK_SECONDS_MAX,
    )
    # A ratio that a busy machine misses is said and ends with 1; what failed to be measured writes no file.
    assert result.exists(), done.stderr
    said = json.loads(result.read_text())
    assert said.keys() >= ISSUE_KEYS | RATIO_KEYS
    for key in ISSUE_KEYS - {"lifecycles_per_second"} | RATIO_KEYS:
        assert said[key] > 0, key
    for key in ("http_application_rps", "plain_service_rps", "limit_tps"):
        assert len(said["rounds"][key]) == 2
        assert min(said["rounds"][key]) <= said[key] <= max(said["rounds"][key])
    for line in ("by the plain service", "by plain multi-row inserts", "Machine: "):
        assert line in done.stdout
    assert list(folder.iterdir()) == []


def test_a_database_without_its_guarantees_is_not_measured(postgres: RunningServer, run):
    with pytest.raises(Undurable, match="fsync is off"):
        run(check_durable(dsn=postgres.dsn()))


def test_a_twin_has_the_tables_of_its_original_and_no_rows(fresh_database, postgres: RunningServer, run):
    dsn = fresh_database(kernel=ROOT / "src" / "safehand" / "kernel" / "sql")
    database = dsn.partition("@/")[2].partition("?")[0]
    postgres.sql(statement="insert into claim values ('x', 1, 'y')", database=database)
    make_twin(server=postgres, database=database, twin="test_twin")
    try:
        assert run(_tables(postgres.dsn(database="test_twin"))) == run(_tables(dsn))
        assert postgres.sql(statement="select count(*) from claim", database="test_twin") == ["0"]
        indexes = "select count(*) from pg_indexes where schemaname in ('public', 'keys')"
        there = postgres.sql(statement=indexes, database="test_twin")
        assert there == postgres.sql(statement=indexes, database=database)
    finally:
        postgres.drop_database(name="test_twin")


async def _tables(dsn: str) -> object:
    async with connected(dsn=dsn) as connection:
        return await tables_of(connection=connection)
