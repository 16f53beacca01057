"""A house at run time: its settings, store, shell, link, front door and jobs, put together once.

Each house's `app.py` gives its machines, actions, border and pages; everything that both need is here.
"""

import asyncio
import contextlib
import gc
import json
import logging
import logging.config
import sys
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import uvicorn
from litestar import Litestar, get

from safehand.house.attempts import Attempts
from safehand.house.control import control_routes
from safehand.house.database import prepare_database
from safehand.house.front import Action, Front
from safehand.house.jobs import Jobs
from safehand.house.routes import action_routes, make_app, staff_routes
from safehand.house.sessions import Sessions, read_staff
from safehand.house.settings import Settings, key_ring, read_key
from safehand.house.staff_sign_in import StaffSignIn
from safehand.kernel.clock import Clock, SetClock, SystemClock
from safehand.kernel.ids import DerivedIds, Ids, SystemIds
from safehand.kernel.machine import Machine
from safehand.kernel.shell import Shell
from safehand.kernel.store import HouseStore
from safehand.kernel.store_postgres import PostgresStore
from safehand.kernel.vault import VaultKeys
from safehand.link.couriers import CardKeeper
from safehand.link.endpoint import LinkDoor, link_routes
from safehand.link.keys import KeyRing
from safehand.link.labels import LabelMaker
from safehand.link.log import LinkLog
from safehand.link.pump import HttpWire, Pump, Wire
from safehand.link.reader import Border, Reader

GARBAGE_OBJECTS = 50_000
REHEARSAL_START = datetime(2024, 5, 5, 16, 0, tzinfo=UTC)
"""Midnight in China before the pilot's first day; a rehearsal's clock only ever moves forward from here."""
_LOG_FIELDS = frozenset(
    [
        "stream",
        "city",
        "command",
        "peer",
        "number",
        "kind",
        "code",
        "reason",
        "queue",
        "job",
        "path",
        "seconds",
        "events",
        "action",
        "count",
    ]
)
"""What a log line may carry beside its event name: identifiers and numbers, never a person (threat 24)."""


@dataclass(kw_only=True)
class House:
    """Everything that runs in one house's process."""

    settings: Settings
    clock: Clock
    ids: Ids
    ring: KeyRing
    vault: VaultKeys
    store: HouseStore
    shell: Shell
    sessions: Sessions
    link_log: LinkLog
    pump: Pump
    jobs: Jobs
    wire: Wire
    front: Front = field(default_factory=lambda: Front(actions=()))
    reader: Reader | None = None

    @property
    def set_clock(self) -> SetClock | None:
        """The clock that can be moved, in a rehearsal."""
        return self.clock if isinstance(self.clock, SetClock) else None


REPOSITORY = Path(__file__).parents[3]


def data_folder(settings: Settings) -> Path:
    """The folder that holds `cities/`, `documents/` and `carriers/`."""
    return settings.data_folder if settings.data_folder != Path() else REPOSITORY


async def open_house(*, settings: Settings, machines: dict[str, Machine], sql: Path | None = None) -> House:
    """Connect and put together; `sql` holds the house's own migrations. Raises what `prepare_database` raises."""
    await prepare_database(settings=settings, own=sql)
    rehearsal = settings.mode == "rehearsal"
    clock: Clock = SetClock(start=REHEARSAL_START) if rehearsal else SystemClock()
    ids: Ids = DerivedIds(seed=settings.seed) if settings.seed else SystemIds()
    ring = key_ring(settings)
    vault = VaultKeys(
        wrapping=read_key(settings.keys.vault_wrapping), blinding=read_key(settings.keys.vault_blinding)
    )
    store = await PostgresStore.create(dsn=settings.database)
    client = httpx.AsyncClient(limits=httpx.Limits(max_connections=20), trust_env=False)
    return put_together(
        settings=settings,
        machines=machines,
        store=store,
        clock=clock,
        ids=ids,
        ring=ring,
        vault=vault,
        wire=HttpWire(client=client),
    )


def put_together(
    *,
    settings: Settings,
    machines: Mapping[str, Machine],
    store: HouseStore,
    clock: Clock,
    ids: Ids,
    ring: KeyRing,
    vault: VaultKeys,
    wire: Wire,
    wire_clock: Clock | None = None,
) -> House:
    """A house over the ports that it is given; nothing is opened and nothing begins to run."""
    shell = Shell(machines=machines, store=store, clock=clock, ids=ids)
    link_log = LinkLog(store=store, ring=ring, vault=vault)
    pump = Pump(log=link_log, ring=ring, wire=wire, wire_clock=wire_clock)
    return House(
        settings=settings,
        clock=clock,
        ids=ids,
        ring=ring,
        vault=vault,
        store=store,
        shell=shell,
        # Tokens are secrets, also where identifiers are repeatable.
        sessions=Sessions(store=store, clock=clock, ids=SystemIds(), vault=vault),
        link_log=link_log,
        pump=pump,
        jobs=Jobs(shell=shell, store=store, pump=pump, clock=clock, ids=ids),
        wire=wire,
    )


def house_app(
    *,
    house: House,
    title: str,
    actions: Sequence[Action],
    border: Border,
    routes: Sequence[Any] = (),
    pages: Sequence[Any] = (),
    figures: Callable[[], Awaitable[Any]],
    labels: LabelMaker | None = None,
    cards: CardKeeper | None = None,
) -> Litestar:
    """The web application of a house: its actions, worklists, link, health, and in a rehearsal the controls."""
    settings = house.settings
    house.front = Front(actions=actions)
    house.reader = Reader(
        shell=house.shell, store=house.store, ring=house.ring, border=border, clock=house.clock
    )
    door = LinkDoor(ring=house.ring, reader=house.reader, log=house.link_log)
    attempts = Attempts(store=house.store, vault=house.vault)
    accounts = read_staff(settings.staff) if settings.staff is not None else {}
    signing_in = StaffSignIn(sessions=house.sessions, accounts=accounts, attempts=attempts)

    others: list[Any] = [link_routes(door=door, labels=labels, cards=cards), _health_route(house), *pages]
    if settings.control_secret and settings.mode != "live":
        others.append(_controls(house, figures))

    async def start() -> None:
        if settings.mode != "rehearsal":
            house.jobs.start()

    async def stop() -> None:
        await house.jobs.stop()
        await house.wire.close()
        await house.store.close()

    v1 = [
        *action_routes(front=house.front),
        *staff_routes(
            front=house.front,
            store=house.store,
            sessions=house.sessions,
            signing_in=signing_in,
        ),
        *routes,
    ]
    house.jobs.chores["ended_sessions"] = house.sessions.sweep
    # Guessing happens in real time, also where the house's clock stands still.
    house.jobs.chores["old_attempts"] = lambda: attempts.sweep(now=SystemClock().now())
    app = make_app(title=title, v1=v1, others=others, sessions=house.sessions, start=start, stop=stop)
    app.state.house = house
    app.state.staff_sign_in = signing_in
    return app


def _controls(house: House, figures: Callable[[], Awaitable[Any]]) -> Any:
    return control_routes(
        secret=house.settings.control_secret,
        front=house.front,
        jobs=house.jobs,
        store=house.store,
        sessions=house.sessions,
        clock=house.set_clock,
        figures=figures,
    )


def _health_route(house: House) -> Any:
    @get("/health", include_in_schema=False)
    async def health() -> dict[str, str]:
        await house.store.fetch("select 1")
        now = house.clock.now().isoformat()
        return {"house": house.settings.name, "mode": house.settings.mode, "now": now}

    return health


_SPEAK_FREELY = ("safehand", "uvicorn")


class _JsonLines(logging.Formatter):
    """One JSON object a line: time, level, event, and the allowed fields; an exception's kind and place, not its text."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(),
            "level": record.levelname.lower(),
            "event": _event_of(record),
        }
        line |= {name: getattr(record, name) for name in sorted(_LOG_FIELDS) if hasattr(record, name)}
        error = record.exc_info[1] if record.exc_info else None
        if error is not None:
            line["error"] = type(error).__name__
            trace, places = error.__traceback__, []
            while trace is not None:
                places.append(f"{Path(trace.tb_frame.f_code.co_filename).name}:{trace.tb_lineno}")
                trace = trace.tb_next
            # Texts of exceptions may quote data; where it happened says enough to find the bug.
            line["places"] = places[-6:]
        return json.dumps(line, ensure_ascii=False, default=str)


def _event_of(record: logging.LogRecord) -> str:
    # Libraries put what they were given into their texts, and that may be a person: of them only the name is kept.
    if record.name.startswith(_SPEAK_FREELY):
        return str(record.msg) if not record.args else record.getMessage()
    return f"said by {record.name}"


def log_as_json() -> None:
    """Send all logs to standard error as JSON lines."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_JsonLines())
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(logging.WARNING)
    logging.getLogger("safehand").setLevel(logging.INFO)
    # It would name every address that is called; what is called is in the journal.
    logging.getLogger("httpx").setLevel(logging.WARNING)


async def serve(*, settings: Settings, make: Callable[[], Awaitable[Litestar]]) -> None:
    """Run a house until it is told to stop (SIGTERM, SIGINT)."""
    log_as_json()
    app = await make()
    # What is there now stays: only what requests make is looked through for cycles, and less often, since a batch of
    # hundreds makes many objects and hardly a cycle (measured: a tenth of a busy house's time).
    gc.collect()
    gc.freeze()
    gc.set_threshold(GARBAGE_OBJECTS, 20, 50)
    config = uvicorn.Config(
        app,
        host=settings.host,
        port=settings.port,
        log_config=None,
        access_log=False,
        lifespan="on",
        timeout_graceful_shutdown=5,
        h11_max_incomplete_event_size=64 * 1024,
        timeout_keep_alive=60,
    )
    server = uvicorn.Server(config)
    with contextlib.suppress(asyncio.CancelledError, KeyboardInterrupt):
        await server.serve()
