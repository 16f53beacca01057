"""Runs the sandbox's services in one process: a socket each, one event loop, a clean stop."""

import asyncio
import contextlib
import logging
import socket
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Final

import uvicorn
from litestar.types import ASGIApp

from safehand.kernel.clock import Clock, SetClock, SystemClock
from safehand.kernel.ids import DerivedIds, Ids, SystemIds
from safehand.sandbox.messages.api import MessagesService
from safehand.sandbox.moments import beijing_day
from safehand.sandbox.payment.api import PaymentService
from safehand.sandbox.register.api import RegisterService
from safehand.sandbox.service import Service
from safehand.sandbox.settings import SERVICE_NAMES, BadSettings, Settings
from safehand.sandbox.sign_in.api import SignInService
from safehand.sandbox.world import open_world

STOP_SECONDS_MAX: Final = 3
BACKLOG: Final = 512
REQUESTS_AT_ONCE_MAX: Final = 1_000
SMTP: Final = "smtp"

_logger = logging.getLogger("safehand.sandbox")


class _Server(uvicorn.Server):
    """uvicorn without signal handlers of its own: one signal must stop all services together."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def clock_of(settings: Settings) -> Clock:
    """The machine's clock, or for a rehearsal one that stands at `start` until it is moved."""
    return SetClock(start=settings.start) if settings.rehearsal and settings.start else SystemClock()


def ids_of(settings: Settings) -> Ids:
    """Random identifiers, or for a rehearsal repeatable ones."""
    return DerivedIds(seed=str(settings.seed)) if settings.rehearsal else SystemIds()


@asynccontextmanager
async def running(*, settings: Settings, clock: Clock | None = None) -> AsyncIterator[Mapping[str, Service]]:
    """The services of these settings, answering while the block lasts; `service.ready_facts()` has their addresses.

    Raises `BadSettings` when a port is taken or the folder can't be used.
    """
    clock = clock or clock_of(settings)
    folder = Path(settings.folder)
    async with contextlib.AsyncExitStack() as stack:
        sockets = _bind_all(settings, stack)
        try:
            services = _build_all(settings, folder=folder, sockets=sockets, clock=clock)
        except (OSError, ValueError, sqlite3.Error) as failure:
            raise BadSettings([f"folder: {folder} cannot be used ({failure})"]) from None
        for service in services.values():
            stack.callback(service.close)
        servers = [(service.app, sockets[name]) for name, service in services.items()]
        await stack.enter_async_context(_serving(servers))
        for service in services.values():
            await stack.enter_async_context(_working(service))
        for service in services.values():
            stack.callback(service.stop)
        yield services


def _bind_all(settings: Settings, stack: contextlib.AsyncExitStack) -> dict[str, socket.socket]:
    """A listening socket for each service, and one for SMTP. Raises `BadSettings` naming every port that is taken."""
    wanted = {name: section.port for name in SERVICE_NAMES if (section := getattr(settings, name))}
    if settings.messages:
        wanted[SMTP] = settings.messages.smtp_port
    sockets: dict[str, socket.socket] = {}
    defects: list[str] = []
    for name, port in wanted.items():
        try:
            bound = socket.create_server((settings.host, port), backlog=BACKLOG)
            sockets[name] = stack.enter_context(contextlib.closing(bound))
        except OSError as failure:
            setting = "messages.smtp_port" if name == SMTP else f"{name}.port"
            defects.append(f"{setting}: {settings.host}:{port} can't be listened on ({failure.strerror})")
    if defects:
        raise BadSettings(defects)
    return sockets


def _build_all(
    settings: Settings, *, folder: Path, sockets: Mapping[str, socket.socket], clock: Clock
) -> dict[str, Service]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    services: dict[str, Service] = {}
    ids = ids_of(settings)
    base = {
        name: f"http://{settings.host}:{bound.getsockname()[1]}"
        for name, bound in sockets.items()
        if name != SMTP
    }
    if settings.register or settings.sign_in:
        world = open_world(
            folder=folder,
            seed=settings.seed,
            today=beijing_day(clock.now()),
            cast_folder=settings.cast_folder,
            cities_folder=settings.cities_folder,
        )
        if settings.register:
            services["register"] = RegisterService(
                settings=settings.register, world=world, folder=folder, base_url=base["register"], clock=clock
            )
        if settings.sign_in:
            services["sign_in"] = SignInService(
                settings=settings.sign_in,
                people=world,
                subject_seed=str(settings.seed),
                folder=folder,
                base_url=base["sign_in"],
                clock=clock,
                ids=ids,
            )
    if settings.payment:
        services["payment"] = PaymentService(
            settings=settings.payment, folder=folder, base_url=base["payment"], clock=clock, ids=ids
        )
    if settings.messages:
        services["messages"] = MessagesService(
            settings=settings.messages,
            folder=folder,
            base_url=base["messages"],
            smtp_port=sockets[SMTP].getsockname()[1],
            listen=partial(_listen, sockets[SMTP]),
            clock=clock,
            ids=ids,
        )
    return services


async def _listen(bound: socket.socket, protocol: Callable[[], asyncio.Protocol]) -> asyncio.Server:
    return await asyncio.get_running_loop().create_server(protocol, sock=bound)


@asynccontextmanager
async def _serving(served: Sequence[tuple[ASGIApp, socket.socket]]) -> AsyncIterator[None]:
    """Serve each app at its socket; they stop together, so that a stop takes as long as one of them."""
    servers = [(_server_of(app), bound) for app, bound in served]
    tasks = [asyncio.create_task(server.serve(sockets=[bound])) for server, bound in servers]
    try:
        for (server, _), task in zip(servers, tasks, strict=True):
            while not server.started:
                if task.done():
                    await task
                await asyncio.sleep(0)
        yield
    finally:
        for server, _ in servers:
            server.should_exit = True
        await asyncio.gather(*tasks)


def _server_of(app: ASGIApp) -> _Server:
    return _Server(
        uvicorn.Config(
            app,  # pyright: ignore[reportArgumentType] - litestar's and uvicorn's ASGI types differ in name only
            lifespan="off",
            access_log=False,
            log_config=None,
            server_header=False,
            timeout_graceful_shutdown=STOP_SECONDS_MAX,
            limit_concurrency=REQUESTS_AT_ONCE_MAX,
        )
    )


@asynccontextmanager
async def _working(service: Service) -> AsyncIterator[None]:
    task = asyncio.create_task(service.run())
    task.add_done_callback(lambda ended: _report(service.name, ended))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


def _report(name: str, ended: "asyncio.Task[None]") -> None:
    """Work that ends by a fault says so: else callbacks would stop without anybody knowing."""
    if not ended.cancelled() and (fault := ended.exception()) is not None:
        _logger.error("sandbox.background_fault %s %s", name, type(fault).__name__, exc_info=fault)
