"""The runner of migrations, on a real PostgreSQL: order, once only, and a refusal that teaches for everything else."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest

from safehand.kernel.migrations import MigrationRefused, migrate, read_migrations

NOW = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)


def _folder(*, at: Path, **files: str) -> Path:
    at.mkdir(exist_ok=True)
    for name, text in files.items():
        (at / f"{name.removeprefix('_')}.sql").write_text(text)
    return at


def _migrate(*, dsn: str, folder: Path, series: str = "main", now: datetime = NOW) -> list[str]:
    async def go() -> list[str]:
        connection = await asyncpg.connect(dsn)
        try:
            return await migrate(connection=connection, folder=folder, now=now, series=series)
        finally:
            await connection.close()

    return asyncio.run(go())


def _rows(*, dsn: str, query: str) -> list[tuple[object, ...]]:
    async def go() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(dsn)
        try:
            return [tuple(row) for row in await connection.fetch(query)]
        finally:
            await connection.close()

    return asyncio.run(go())


APPLIED = "select number, name, applied_at from schema_migration order by series, number"


def test_files_are_applied_in_order_once_and_recorded(fresh_database, tmp_path):
    dsn = fresh_database()
    folder = _folder(
        at=tmp_path / "m",
        _0001_first="create table first (n int)",
        _0002_second="alter table first add m int",
    )
    assert _migrate(dsn=dsn, folder=folder) == ["0001_first", "0002_second"]
    assert _migrate(dsn=dsn, folder=folder) == []
    assert _rows(dsn=dsn, query=APPLIED) == [(1, "first", NOW), (2, "second", NOW)]


def test_a_new_file_is_applied_to_a_database_that_has_the_older_ones(fresh_database, tmp_path):
    dsn = fresh_database()
    folder = _folder(at=tmp_path / "m", _0001_first="create table first (n int)")
    _migrate(dsn=dsn, folder=folder)
    _folder(at=folder, _0002_second="insert into first values (7)")
    assert _migrate(dsn=dsn, folder=folder) == ["0002_second"]
    assert _rows(dsn=dsn, query="select n from first") == [(7,)]


def test_two_series_number_on_their_own_in_one_database(fresh_database, tmp_path):
    dsn = fresh_database()
    kernel = _folder(at=tmp_path / "kernel", _0001_journal="create table journal (n int)")
    house = _folder(at=tmp_path / "house", _0001_cases="create table cases (n int)")
    assert _migrate(dsn=dsn, folder=kernel, series="kernel") == ["0001_journal"]
    assert _migrate(dsn=dsn, folder=house, series="house") == ["0001_cases"]


def test_a_file_changed_after_it_was_applied_is_refused_with_the_way_out(fresh_database, tmp_path):
    dsn = fresh_database()
    folder = _folder(at=tmp_path / "m", _0001_first="create table first (n int)")
    _migrate(dsn=dsn, folder=folder)
    _folder(
        at=folder, _0001_first="create table first (n bigint)", _0002_second="create table second (n int)"
    )
    with pytest.raises(MigrationRefused, match="0001_first was changed after it was applied.*0003_"):
        _migrate(dsn=dsn, folder=folder)
    assert _rows(dsn=dsn, query="select to_regclass('second')") == [(None,)]


def test_an_older_release_refuses_a_database_that_is_ahead_of_it(fresh_database, tmp_path):
    dsn = fresh_database()
    folder = _folder(at=tmp_path / "m", _0001_a="create table a (n int)", _0002_b="create table b (n int)")
    _migrate(dsn=dsn, folder=folder)
    (folder / "0002_b.sql").unlink()
    with pytest.raises(MigrationRefused, match="ahead: it has 0002_b, the files end at 0001"):
        _migrate(dsn=dsn, folder=folder)


def test_a_record_removed_by_hand_is_noticed(fresh_database, tmp_path):
    dsn = fresh_database()
    folder = _folder(at=tmp_path / "m", _0001_a="create table a (n int)", _0002_b="create table b (n int)")
    _migrate(dsn=dsn, folder=folder)
    _rows(dsn=dsn, query="delete from schema_migration where number = 1 returning 1")
    with pytest.raises(MigrationRefused, match="no record of 0001_a"):
        _migrate(dsn=dsn, folder=folder)


def test_a_failing_file_has_no_effect_and_is_named_with_its_line(fresh_database, tmp_path):
    dsn = fresh_database()
    broken = "create table half (n int);\n\ncreate tabel oops (n int);"
    folder = _folder(at=tmp_path / "m", _0001_good="create table good (n int)", _0002_broken=broken)
    with pytest.raises(MigrationRefused, match=r"0002_broken failed at line 3: .*tabel"):
        _migrate(dsn=dsn, folder=folder)
    assert _rows(dsn=dsn, query="select to_regclass('half')") == [(None,)]
    assert [row[1] for row in _rows(dsn=dsn, query=APPLIED)] == ["good"]
    _folder(at=folder, _0002_broken="create table half (n int)")
    assert _migrate(dsn=dsn, folder=folder) == ["0002_broken"]


def test_processes_that_start_at_once_apply_each_file_once(fresh_database, tmp_path):
    dsn = fresh_database()
    folder = _folder(
        at=tmp_path / "m", **{f"_{n:04d}_step": f"create table step_{n} (n int)" for n in range(1, 6)}
    )

    async def one() -> list[str]:
        connection = await asyncpg.connect(dsn)
        try:
            return await migrate(connection=connection, folder=folder, now=NOW)
        finally:
            await connection.close()

    async def all_at_once() -> list[list[str]]:
        return await asyncio.gather(*(one() for _ in range(6)))

    done = asyncio.run(all_at_once())
    assert sorted(map(len, done)) == [0, 0, 0, 0, 0, 5]


def test_a_file_may_ask_to_run_outside_a_transaction(fresh_database, tmp_path):
    dsn = fresh_database()
    index = "-- no transaction\ncreate index concurrently if not exists first_n on first (n)"
    folder = _folder(at=tmp_path / "m", _0001_first="create table first (n int)", _0002_index=index)
    assert _migrate(dsn=dsn, folder=folder) == ["0001_first", "0002_index"]
    assert _rows(dsn=dsn, query="select to_regclass('first_n') is not null") == [(True,)]


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"_0001_a": "select 1", "_0003_c": "select 1"}, "0002 is missing.*next is 0003_c"),
        ({"_0002_b": "select 1"}, "0001 is missing"),
        ({"_0001_a": "select 1", "_0001_b": "select 1"}, "0001 is there twice: 0001_a and 0001_b.*0002"),
        ({"_1_a": "select 1"}, "1_a.sql is no name of a migration"),
        ({"_0001_Big": "select 1"}, "no name of a migration"),
        ({"_0001_a": "  \n"}, "a migration has 1 to"),
        ({"_0001_a": "create table a (n int);\nCOMMIT;\n"}, "line 2 steers the transaction"),
    ],
)
def test_wrong_files_are_refused_before_anything_happens(tmp_path, files, says):
    with pytest.raises(MigrationRefused, match=says):
        read_migrations(folder=_folder(at=tmp_path / "m", **files))


def test_a_file_that_is_not_utf_8_is_refused_by_the_byte(tmp_path):
    folder = _folder(at=tmp_path / "m")
    (folder / "0001_a.sql").write_bytes(b"select '\xff'")
    with pytest.raises(MigrationRefused, match="not UTF-8 at byte 8"):
        read_migrations(folder=folder)


def test_a_folder_that_is_not_there_is_refused(tmp_path):
    with pytest.raises(MigrationRefused, match="no folder of migrations"):
        read_migrations(folder=tmp_path / "nowhere")


def test_a_function_body_may_begin_and_end(tmp_path):
    body = "create function f() returns int language plpgsql as $$\nbegin\n  return 1;\nend;\n$$;"
    assert [m.label for m in read_migrations(folder=_folder(at=tmp_path / "m", _0001_f=body))] == ["0001_f"]


def test_a_time_without_zone_and_a_wrong_series_are_refused(fresh_database, tmp_path):
    dsn = fresh_database()
    folder = _folder(at=tmp_path / "m", _0001_a="select 1")
    with pytest.raises(MigrationRefused, match="no time zone"):
        _migrate(dsn=dsn, folder=folder, now=datetime(2024, 5, 6))  # noqa: DTZ001 — the very mistake
    with pytest.raises(MigrationRefused, match="is no series"):
        _migrate(dsn=dsn, folder=folder, series="Drop Table")
