"""The whole matrix: every way under every kind of strike, two at a time, and what came of it in numbers.

One PostgreSQL and one sandbox serve all walks; each walk has two databases of its own, copied from prepared ones, and
a process of its own, forked from this one, which has the houses put together. Walks whose postmaster is struck have a
second PostgreSQL, one after the other.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import signal
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from random import Random
from typing import Any, Final, Literal

import asyncpg
import msgspec

from safehand.house.runtime import House
from safehand.house.verify import lines_of, verify_house
from safehand.kernel.postgres_server import PostgresServer, RunningServer
from safehand.kernel.store_postgres import PostgresStore
from safehand.link.codes import Code
from safehand.programme.happenings import Life, Resident
from safehand.programme.processes import Processes
from safehand.programme.setting_up import HOUSES, REPOSITORY, SmallWorld, set_up
from safehand.sandbox.cast import load_places, synthetic_person
from safehand.simulation.crashes.audit import Snapshot, taken
from safehand.simulation.crashes.forks import Forks, start_forks
from safehand.simulation.crashes.ground import Ground, Person, put_together
from safehand.simulation.crashes.places import point_of
from safehand.simulation.crashes.strikes import Backend, CutCommit, Nobody, Postmaster, Process, Striker
from safehand.simulation.crashes.walk import START, NotWalked, Tally, Walk, steps_struck
from safehand.simulation.crashes.ways import WAYS
from safehand.simulation.proxy import proxied

Kind = Literal["calm", "process", "backend", "commit", "postmaster"]
STRIKING: Final[tuple[Kind, ...]] = ("postmaster", "process", "backend", "commit")
CITY: Final = 310000
TOGETHER: Final = 2
SERVER_SETTINGS: Final = {
    # No power is cut here. What a killed process, backend or postmaster has committed the kernel of the machine has.
    "fsync": "off",
    "full_page_writes": "off",
    "shared_buffers": "64MB",
    "autovacuum_naptime": "1d",
}
TO_STRIKE: Final = "pg-to-strike"
"""The second PostgreSQL, which is stopped and started again and again."""
WALK_SECONDS_MAX: Final = 240
BLANKS_OF_A_WALK: Final = 10
FINDINGS_SHOWN_MAX: Final = 50
WAYS_OF_THE_POSTMASTER: Final = 6
"""A stop and start of PostgreSQL costs most of a second, so only so many ways are walked under it."""


class Walked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of one walk."""

    way: str
    kind: Kind
    strikes: list[tuple[str, str]] = []
    """Deed and boundary of each."""
    findings: list[str] = []
    audits: int = 0
    histories: dict[str, list[str]] = {}
    seconds: float = 0.0
    failed: str = ""
    """Why it did not come to its end."""


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """One walk that is to be walked."""

    way: str
    kind: Kind
    number: int
    """Of the walk: gives it a person, a roll of blanks and databases of its own."""
    places: frozenset[int] = frozenset()


class _Noted(logging.Handler):
    """Keeps what the houses say as errors: a strike that makes one is looked at."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.said: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if getattr(record, "code", None) == Code.BUSY:
            # A reader that was struck at each of its tries says so, and is sent the same again.
            return
        reason = getattr(record, "reason", getattr(record, "code", ""))
        error = type(record.exc_info[1]).__name__ if record.exc_info and record.exc_info[1] else ""
        self.said.append(f"log: {record.getMessage()} {reason}{error}".strip())


def tasks_of(*, ways: Mapping[str, Sequence[str]], kinds: Sequence[Kind], seed: int) -> list[Task]:
    """The walks under strikes, the longest kinds first."""
    struck = steps_struck(ways)
    chosen = set(Random(f"{seed}:postmaster").sample(sorted(ways), min(WAYS_OF_THE_POSTMASTER, len(ways))))
    chosen |= {next(iter(ways))}
    numbers = iter(range(len(ways), len(ways) * (len(kinds) + 1)))
    return [
        Task(way=way, kind=kind, number=next(numbers), places=struck[way])
        for kind in kinds
        for way in ways
        if struck[way] and (kind != "postmaster" or way in chosen)
    ]


class Matrix:
    """Prepares, walks, sums up."""

    def __init__(self, *, folder: Path, seed: int, say: Callable[[str], None]) -> None:
        self._folder, self._seed, self._say = folder, seed, say

        self.actions: list[str] = []
        """Every action of both houses, as deeds are called; known once the houses are put together."""

    def run(self, *, ways: Mapping[str, Sequence[str]], kinds: Sequence[Kind]) -> list[Walked]:
        """Walk all ways undisturbed, then under each kind of strike; the walks in the order in which they ended."""
        with self._prepared(kinds) as (server, ground):
            self.actions = sorted(
                f"{name}:{action}" for name in HOUSES for action in ground.house(name).front.actions
            )
            calm = [Task(way=way, kind="calm", number=number) for number, way in enumerate(ways)]
            first = list(self._walked(server, ground, calm, ways))
            undisturbed = {one.way: one.histories for one in first}
            walked = list(
                self._walked(server, ground, tasks_of(ways=ways, kinds=kinds, seed=self._seed), ways)
            )
        return [*first, *(_against(one, undisturbed.get(one.way, {})) for one in walked)]

    @contextlib.contextmanager
    def _prepared(self, kinds: Sequence[Kind]) -> Iterator[tuple[RunningServer, Ground]]:
        with contextlib.ExitStack() as last:
            server = last.enter_context(
                PostgresServer().start(folder=self._folder / "pg", settings=SERVER_SETTINGS)
            )
            world = self._world("world", server)
            processes = Processes(folder=self._folder / "processes")
            last.callback(processes.stop)
            sandbox = processes.start(
                name="sandbox",
                module="safehand.sandbox",
                arguments=["--settings", str(world.settings_of("sandbox"))],
            )
            if "postmaster" in kinds:
                last.callback(PostgresServer().stop, folder=self._folder / TO_STRIKE, mode="immediate")
                second = PostgresServer().start(folder=self._folder / TO_STRIKE, settings=SERVER_SETTINGS)
                # Only for the tables that putting together makes; the houses are those on the first server.
                asyncio.run(put_together(self._world(f"world-{TO_STRIKE}", second)))
                second.release()
            processes.wait_healthy(process=sandbox, url=f"{world.url('register')}/health")
            yield server, asyncio.run(put_together(world))

    def _world(self, name: str, server: RunningServer) -> SmallWorld:
        """Keys and settings of both houses, on the databases that the walks' own are copied from."""
        for house in HOUSES:
            server.create_database(name=_template(house))
        dsns = {house: server.dsn(database=_template(house)) for house in HOUSES}
        return set_up(folder=self._folder / name, databases=dsns, rehearsal=True, seed=self._seed)

    def _walked(
        self,
        server: RunningServer,
        ground: Ground,
        tasks: Sequence[Task],
        ways: Mapping[str, Sequence[str]],
    ) -> Iterator[Walked]:
        """Each task in a process of its own, `TOGETHER` at a time."""
        waiting, running = list(tasks), dict[int, tuple[Task, float]]()
        try:
            yield from self._one_after_the_other(server, ground, waiting, running, ways)
        finally:
            for pid in running:
                _end(pid)

    def _one_after_the_other(
        self,
        server: RunningServer,
        ground: Ground,
        waiting: list[Task],
        running: dict[int, tuple[Task, float]],
        ways: Mapping[str, Sequence[str]],
    ) -> Iterator[Walked]:
        while waiting or running:
            while waiting and len(running) < TOGETHER:
                task = _next(waiting, [one.kind for one, _ in running.values()])
                if task is None:
                    break
                waiting.remove(task)
                running[self._forked(server, ground, task, ways[task.way])] = (task, time.monotonic())
            ended, _ = os.waitpid(-1, os.WNOHANG)
            if ended in running:
                task, _ = running.pop(ended)
                yield self._told(task)
                continue
            for pid, (_, began) in running.items():
                if time.monotonic() - began > WALK_SECONDS_MAX:
                    _end(pid)
            time.sleep(0.01)

    def _forked(self, server: RunningServer, ground: Ground, task: Task, way: Sequence[str]) -> int:
        sys.stdout.flush()
        sys.stderr.flush()
        pid = os.fork()
        if pid:
            # Both sides say it, so that it is so whoever comes first.
            with contextlib.suppress(PermissionError, ProcessLookupError):
                os.setpgid(pid, pid)
            return pid
        os.setpgrp()
        walked = Walked(way=task.way, kind=task.kind, failed="it ended before it began")
        try:
            walked = _Driver(server, ground, task, way, self._folder, self._seed).walk()
        except BaseException:
            walked = msgspec.structs.replace(walked, failed=traceback.format_exc(limit=-6))
        finally:
            self._result(task).write_bytes(msgspec.json.encode(walked))
            os._exit(0)

    def _result(self, task: Task) -> Path:
        return self._folder / f"walk-{task.number}.json"

    def _told(self, task: Task) -> Walked:
        try:
            walked = msgspec.json.decode(self._result(task).read_bytes(), type=Walked)
        except OSError:
            walked = Walked(
                way=task.way, kind=task.kind, failed=f"it did not end within {WALK_SECONDS_MAX} seconds"
            )
        self._say(
            f"{task.kind:<10} {task.way:<36} {len(walked.strikes):>4} strikes {walked.seconds:5.1f} s"
            + (f"  {len(walked.findings)} FINDINGS" if walked.findings else "")
            + (f"  FAILED: {walked.failed}" if walked.failed else "")
        )
        return walked


def _end(pid: int) -> None:
    """A walk, with all whom it has forked."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, signal.SIGKILL)


def _next(waiting: Sequence[Task], kinds: Sequence[Kind]) -> Task | None:
    """What is walked next beside walks of these kinds: of those that stop the second server one at a time."""
    return next((one for one in waiting if one.kind != "postmaster" or "postmaster" not in kinds), None)


def _template(house: str) -> str:
    return f"template_{house}"


def _against(walked: Walked, undisturbed: Mapping[str, list[str]]) -> Walked:
    """What happened under strikes must be what happens without them, in every stream of both houses."""
    if walked.failed or walked.histories == undisturbed:
        return walked
    findings = list(walked.findings)
    for house in HOUSES:
        there, wanted = Counter(walked.histories.get(house, [])), Counter(undisturbed.get(house, []))
        findings += [f"{house}: happened under strikes only: {one}" for one in (there - wanted).elements()]
        findings += [f"{house}: happens only undisturbed: {one}" for one in (wanted - there).elements()]
    return msgspec.structs.replace(walked, findings=findings)


class _Driver:
    """One walk, in the process that was forked for it."""

    def __init__(
        self,
        server: RunningServer,
        ground: Ground,
        task: Task,
        way: Sequence[str],
        folder: Path,
        seed: int,
    ) -> None:
        self._server, self._ground, self._task, self._way = server, ground, task, way
        self._folder, self._seed = folder, seed
        self._databases = {house: f"walk_{task.number}_{house}" for house in HOUSES}
        self._connections: dict[str, asyncpg.Connection] = {}
        self._forks: Forks | None = None

    def walk(self) -> Walked:
        """From databases of its own to the last audit."""
        if self._task.kind == "postmaster":
            self._server = PostgresServer().start(folder=self._folder / TO_STRIKE, settings=SERVER_SETTINGS)
        elif self._task.kind == "process":
            # Before there is an event loop or a connection here that a child could inherit.
            self._forks = Forks(start_forks(ground=self._ground)[1])
        try:
            return asyncio.run(self._walk())
        finally:
            if self._task.kind == "postmaster":
                self._server.release()

    async def _walk(self) -> Walked:
        noted, began = _Noted(), time.monotonic()
        logging.getLogger("safehand").addHandler(noted)
        logging.getLogger("safehand").propagate = False
        # It tells of each connection that its pool could not open again while the server was away.
        logging.getLogger("asyncpg").setLevel(logging.CRITICAL)
        async with contextlib.AsyncExitStack() as last:
            dsns = await self._copied()
            last.push_async_callback(self._dropped)
            striker, dsns = await self._striker(last, dsns)
            await last.enter_async_context(self._ground.connected(dsns))
            walk = self._prepared(striker)
            failed = ""
            try:
                await walk.go()
            except NotWalked as refused:
                failed = str(refused)
            tally = walk.tally
            tally.findings += noted.said
            tally.findings += await self._verified()
            return _walked(self._task, tally, failed, time.monotonic() - began)

    async def _copied(self) -> dict[str, str]:
        hand = await asyncpg.connect(self._server.dsn())
        try:
            for house, name in self._databases.items():
                await hand.execute(
                    f'create database "{name}" template "{_template(house)}" strategy file_copy'
                )
        finally:
            await hand.close()
        return {house: self._server.dsn(database=name) for house, name in self._databases.items()}

    async def _dropped(self) -> None:
        for connection in self._connections.values():
            connection.terminate()
        hand = await asyncpg.connect(self._server.dsn())
        for name in self._databases.values():
            await hand.execute(f'drop database if exists "{name}" with (force)')
        await hand.close()

    async def _striker(
        self, last: contextlib.AsyncExitStack, dsns: dict[str, str]
    ) -> tuple[Striker, dict[str, str]]:
        match self._task.kind:
            case "calm":
                return Nobody(ground=self._ground), dsns
            case "process":
                assert self._forks is not None
                return Process(ground=self._ground, forks=self._forks, dsns=dsns), dsns
            case "backend":
                hand = await asyncpg.connect(self._server.dsn())
                last.push_async_callback(hand.close)
                names = list(self._databases.values())
                return Backend(ground=self._ground, hand=hand, databases=names), dsns
            case "postmaster":
                chance = Random(f"{self._seed}:{self._task.way}")
                return Postmaster(ground=self._ground, restart=self._restart, chance=chance), dsns
            case "commit":
                return await self._behind_proxies(last)

    async def _behind_proxies(self, last: contextlib.AsyncExitStack) -> tuple[Striker, dict[str, str]]:
        """The houses reach PostgreSQL through a proxy each; the looking from outside does not."""
        socket_name = f".s.PGSQL.{self._server.port}"
        proxies, dsns = [], {}
        for house, name in self._databases.items():
            folder = Path(last.enter_context(tempfile.TemporaryDirectory(prefix="safehand-cut-")))
            target = Path(self._server.socket_folder) / socket_name
            proxies.append(await last.enter_async_context(proxied(target=target, at=folder / socket_name)))
            dsns[house] = f"postgresql://postgres@/{name}?host={folder}&port={self._server.port}"
        return CutCommit(ground=self._ground, proxies=proxies), dsns

    def _restart(self) -> None:
        self._server.stop("immediate")
        self._server = PostgresServer().start(folder=self._folder / TO_STRIKE, settings=SERVER_SETTINGS)

    def _prepared(self, striker: Striker) -> Walk:
        life, applicant = _life(self._ground.world, self._task, self._way)
        return Walk(
            ground=self._ground,
            life=life,
            applicant=applicant,
            look=self._look,
            striker=striker,
            calm=Nobody(ground=self._ground),
            struck_acts=self._task.places,
            before_deed=striker.draw if isinstance(striker, Postmaster) else lambda deed: None,
        )

    async def _look(self) -> dict[str, Snapshot]:
        """Both houses from outside: the one that hears first, so that it is not the younger picture."""
        seen: dict[str, Snapshot] = {}
        for house in HOUSES:
            for attempt in range(5):
                try:
                    if house not in self._connections:
                        dsn = self._server.dsn(database=self._databases[house])
                        self._connections[house] = await asyncpg.connect(
                            dsn, server_settings={"application_name": "looking on"}
                        )
                    seen[house] = await taken(self._connections[house])
                    break
                except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                    self._connections.pop(house, None)
                    if attempt == 4:
                        raise
        return seen

    async def _verified(self) -> list[str]:
        """The house's own verification of its journal, as an operator would run it."""
        lines: list[str] = []
        for name in HOUSES:
            house: House = self._ground.house(name)
            peer = house.settings.peers[0].name
            assert isinstance(house.store, PostgresStore), "the matrix strikes a real database"
            found = await verify_house(store=house.store, ring=house.ring, witness=peer)
            if not all(one.holds for one in found):
                lines += [f"verify {name}: {line}" for line in lines_of(found)]
        return lines


def _walked(task: Task, tally: Tally, failed: str, seconds: float) -> Walked:
    return Walked(
        way=task.way,
        kind=task.kind,
        strikes=tally.strikes,
        findings=tally.findings,
        audits=tally.audits,
        histories=tally.histories,
        seconds=seconds,
        failed=failed,
    )


def _life(world: SmallWorld, task: Task, way: Sequence[str]) -> tuple[Life, Person]:
    """A resident of Shanghai whom nobody else's walk has, as the register knows them."""
    places = load_places(cast_folder=REPOSITORY / "cast", cities_folder=REPOSITORY / "cities")
    cities = sorted(places.cities)
    number = (task.number + 1) * len(cities) + cities.index(str(CITY))
    person = synthetic_person(
        seed=world.seed, number=number, city=str(CITY), today=START.date(), places=places
    )
    life = Life(
        resident=Resident(who=task.number, city=CITY, happened=tuple(way), rests=()),
        sign_in=person.key,
        phone=person.phone,
        email=person.email,
        address=person.address.line_zh,
        destination=int(person.address.destination_code[:6]),
        facts={"first_blank": task.number * BLANKS_OF_A_WALK + 1},
    )
    applicant = Person(
        actor=f"ap_{person.key.replace('_', '')}",
        roles=("applicant",),
        name=person.name_zh,
        id_number=person.id_number,
    )
    return life, applicant


def summed_up(walked: Sequence[Walked], *, actions: Sequence[str]) -> dict[str, Any]:
    """What is published: strikes by kind and point, which actions were struck and which were not, findings."""
    struck = [(one.kind, deed, boundary) for one in walked for deed, boundary in one.strikes]
    findings = [f"{one.kind}, {one.way}: {fault}" for one in walked for fault in one.findings]
    findings += [f"{one.kind}, {one.way}: not walked: {one.failed}" for one in walked if one.failed]
    deeds = {deed for _, deed, _ in struck}
    return {
        "strikes": len(struck),
        "strikes_by_kind": dict(sorted(Counter(kind for kind, _, _ in struck).items())),
        "strikes_by_point": dict(sorted(Counter(point_of(boundary) for _, _, boundary in struck).items())),
        "boundaries": len({(deed, boundary) for _, deed, boundary in struck}),
        "actions": len(actions),
        "actions_struck": len(deeds & set(actions)),
        "actions_not_struck": sorted(set(actions) - deeds),
        "jobs_struck": sorted(deeds - set(actions)),
        "ways": len({one.way for one in walked}),
        "audits": sum(one.audits for one in walked),
        "violations": len(findings),
        "findings": findings[:FINDINGS_SHOWN_MAX],
        "walks_seconds": round(sum(one.seconds for one in walked), 1),
    }


def prove(
    *, seed: int, ways: Mapping[str, Sequence[str]] = WAYS, kinds: Sequence[Kind] = STRIKING
) -> dict[str, Any]:
    """The whole matrix, in a folder that is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="safehand-crashes-", dir="/tmp") as name:
        folder = Path(name)
        # PostgreSQL runs as another user where this runs as root, and must be let in.
        folder.chmod(0o755)
        began = time.monotonic()
        matrix = Matrix(folder=folder, seed=seed, say=_to_the_terminal)
        walked = matrix.run(ways=ways, kinds=kinds)
        return {**summed_up(walked, actions=matrix.actions), "seconds": round(time.monotonic() - began, 1)}


def _to_the_terminal(line: str) -> None:
    sys.stderr.write(f"{line}\n")
