"""A small proxy for TCP and unix sockets that breaks connections on purpose: between two houses, or a house and its database.

Real sockets fail in ways that no exception thrown inside a process shows: a peer that accepts and never answers, an
answer that ends in the middle, a line that is open at one end only. Each connection gets a `Fault`; which one is set
from outside at any time, for the connections to come (`Proxy.faults`) or for one that stands (`Line.fault`).
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, Literal

CHUNK_BYTES: Final = 65_536
CLOSE_SECONDS_MAX: Final = 2.0
_RESET_AT_CLOSE: Final = struct.pack("ii", 1, 0)

Address = tuple[str, int] | Path
"""Host and port, or the path of a unix socket."""
Cut = Literal["before", "in_flight", "after"]
"""When a question is cut: before it is passed on, the moment it was, or once its answer has come back to the proxy."""


@dataclass(frozen=True, kw_only=True)
class Fault:
    """What is wrong with a connection; nothing, if nothing is said."""

    latency_seconds: float = 0.0
    """Each piece waits so long, in both directions."""
    piece_bytes: int = 0
    """Everything is passed on in pieces of so many bytes, each in a packet of its own."""
    black_hole: bool = False
    """The connection is accepted; nothing is passed on and nothing ever comes back."""
    reset_after_bytes: int | None = None
    """Both ends are reset once so many bytes of the question have been passed on."""
    truncate_after_bytes: int | None = None
    """Of the answer only so many bytes come; then the connection is closed in good order."""
    half_open_after_bytes: int | None = None
    """Of the answer only so many bytes come; then it is silent, and nobody is told that the other end is gone."""


SOUND: Final = Fault()
Chooser = Callable[[int], Fault]
"""The number of a connection, from 1 on -> what is wrong with it."""


def drawn(*, seed: int, faults: Sequence[Fault], share: float) -> Chooser:
    """So large a share of the connections has one of the faults; which, depends on the seed and the number alone."""

    def choose(number: int) -> Fault:
        chance = Random(f"{seed}:{number}")
        return chance.choice(list(faults)) if chance.random() < share else SOUND

    return choose


class Line:
    """One connection through the proxy: `fault` may be changed while it stands."""

    def __init__(self, *, number: int, fault: Fault) -> None:
        self.number = number
        self.fault = fault
        self.asked_bytes = 0
        self.answered_bytes = 0
        self.cut: Cut | None = None
        """A rule has decided that this connection is cut with the question that is on its way."""


Rule = Callable[[Line, bytes], Cut | None]
"""Looks at each piece of a question, and says whether the connection is cut there (a commit that is never answered)."""


class _CutNow(Exception):
    """The line ends here, at both ends, without a word."""


class Proxy:
    """Listens at `address` and passes on to `target`. Use `proxied`."""

    def __init__(self, *, target: Address) -> None:
        self.target = target
        self.address: Address = ("127.0.0.1", 0)
        self.faults: Chooser = lambda number: SOUND
        self.rule: Rule | None = None
        self.lines: dict[int, Line] = {}
        """The connections that stand now."""
        self.struck: Counter[str] = Counter()
        """How often a fault has made itself felt, by its name."""
        self._number = 0
        self._tasks: set[asyncio.Task[None]] = set()

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._number += 1
        line = self.lines[self._number] = Line(number=self._number, fault=self.faults(self._number))
        try:
            await self._serve(line, reader, writer)
        except asyncio.CancelledError:
            # The proxy is closed; a cancelled callback of the server would be reported as a failure.
            _reset(writer)
        finally:
            del self.lines[line.number]
            self._tasks.discard(task)

    async def _serve(self, line: Line, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if line.fault.black_hole:
            self.struck["black_hole"] += 1
            await _until_gone(reader)
            _reset(writer)
            return
        try:
            there_reader, there_writer = await _opened(self.target)
        except OSError:
            _reset(writer)
            return
        answered = asyncio.Event()
        ways = [
            asyncio.ensure_future(self._asking(line, reader, there_writer, answered)),
            asyncio.ensure_future(self._answering(line, there_reader, writer, answered)),
        ]
        try:
            done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            cut = any(isinstance(one.exception(), _CutNow) for one in done)
        finally:
            for one in ways:
                one.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
        for end in (writer, there_writer):
            if cut:
                _reset(end)
            else:
                await _closed(end)

    async def _asking(
        self,
        line: Line,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answered: asyncio.Event,
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(CHUNK_BYTES):
                answered.clear()
                line.cut = self.rule(line, piece) if self.rule is not None else None
                if line.cut == "before":
                    self.struck["cut_before"] += 1
                    raise _CutNow
                limit = line.fault.reset_after_bytes
                if limit is not None and line.asked_bytes + len(piece) > limit:
                    await self._pass_on(line, writer, piece[: max(0, limit - line.asked_bytes)])
                    self.struck["reset"] += 1
                    raise _CutNow
                line.asked_bytes += len(piece)
                await self._pass_on(line, writer, piece)
                if line.cut is not None:
                    await self._cut(line.cut, answered)
        # One end is silent for good where the other is only slow to notice: a line that is half open.
        if line.fault.half_open_after_bytes is not None:
            await asyncio.Event().wait()

    async def _cut(self, cut: Cut, answered: asyncio.Event) -> None:
        if cut == "after":
            await answered.wait()
        self.struck[f"cut_{cut}"] += 1
        raise _CutNow

    async def _answering(
        self,
        line: Line,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        answered: asyncio.Event,
    ) -> None:
        with contextlib.suppress(ConnectionError):
            while piece := await reader.read(CHUNK_BYTES):
                answered.set()
                if line.cut is not None:
                    # The answer has come as far as here, and nobody will ever hear it.
                    await asyncio.Event().wait()
                fault = line.fault
                for limit, name in (
                    (fault.truncate_after_bytes, "truncated"),
                    (fault.half_open_after_bytes, "half_open"),
                ):
                    if limit is not None and line.answered_bytes + len(piece) > limit:
                        await self._pass_on(line, writer, piece[: max(0, limit - line.answered_bytes)])
                        self.struck[name] += 1
                        if name == "truncated":
                            return
                        await asyncio.Event().wait()
                line.answered_bytes += len(piece)
                await self._pass_on(line, writer, piece)

    async def _pass_on(self, line: Line, writer: asyncio.StreamWriter, content: bytes) -> None:
        fault = line.fault
        if fault.latency_seconds:
            self.struck["latency"] += 1
            await asyncio.sleep(fault.latency_seconds)
        size = fault.piece_bytes or len(content)
        if fault.piece_bytes:
            self.struck["pieces"] += 1
        for first in range(0, len(content), size or 1):
            writer.write(content[first : first + size])
            await writer.drain()
            if fault.piece_bytes:
                # Let the piece leave on its own before the next one is written.
                await asyncio.sleep(0)

    async def end(self) -> None:
        """Cut all connections that still stand."""
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def proxied(*, target: Address, at: Path | None = None) -> AsyncIterator[Proxy]:
    """A proxy in front of `target` while the block lasts: at a free port of this machine, or at a unix socket `at`."""
    proxy = Proxy(target=target)
    if at is None:
        server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
        proxy.address = server.sockets[0].getsockname()[:2]
    else:
        server = await asyncio.start_unix_server(proxy.accept, path=at)
        proxy.address = at
    try:
        yield proxy
    finally:
        server.close()
        await proxy.end()
        await server.wait_closed()


async def _opened(target: Address) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    if isinstance(target, Path):
        return await asyncio.open_unix_connection(path=target)
    reader, writer = await asyncio.open_connection(*target)
    # Pieces must not be put together again on their way.
    writer.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return reader, writer


async def _until_gone(reader: asyncio.StreamReader) -> None:
    """Whoever asked has given up."""
    with contextlib.suppress(ConnectionError):
        while await reader.read(CHUNK_BYTES):
            pass


def _reset(writer: asyncio.StreamWriter) -> None:
    """End without a farewell: the other end is told by a reset, not by a close."""
    held = writer.get_extra_info("socket")
    if held is not None and held.family != socket.AF_UNIX:
        with contextlib.suppress(OSError):
            held.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
    writer.transport.abort()


async def _closed(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with contextlib.suppress(ConnectionError, TimeoutError):
        await asyncio.wait_for(writer.wait_closed(), CLOSE_SECONDS_MAX)
