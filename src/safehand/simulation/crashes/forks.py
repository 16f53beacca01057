"""Children that end themselves: forked from a process that has everything loaded, each carries out one deed.

At the wanted boundary a child tells where it is and sends itself SIGKILL, in the middle of whatever it was doing: no
connection is closed, no transaction rolled back, nothing is said to anybody. The forking process runs no event loop
and holds no connection, so that a child begins like a process that was started, only without the seconds for loading.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import os
import select
import signal
import socket
import struct
import time
from collections.abc import Mapping
from datetime import datetime

import msgspec

from safehand.kernel.points import hooked
from safehand.simulation.crashes.ground import Deed, Ground, Said
from safehand.simulation.crashes.places import Passings

CHILD_SECONDS_MAX = 30.0
_HEAD = struct.Struct("!I")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a child is to do, and the boundaries at which it is not to end."""

    deed: Deed
    now: datetime
    dsns: Mapping[str, str]
    passed_by: list[str]


class Ended(msgspec.Struct, frozen=True, kw_only=True):
    """How a child ended: killed at a boundary, or with an answer; neither: it did not end in time, or failed."""

    boundary: str = ""
    commits: int = 0
    said: Said | None = None
    signal: int = 0


class Forks:
    """The driver's end: orders a child and waits for its end."""

    def __init__(self, end: socket.socket) -> None:
        self._end = end

    async def run(self, order: Order) -> Ended:
        """One child, from fork to end."""
        return await asyncio.to_thread(self._run, order)

    def _run(self, order: Order) -> Ended:
        _send(self._end, msgspec.msgpack.encode(order))
        answer = _receive(self._end)
        if answer is None:
            raise ConnectionError("the forking process has ended")
        return msgspec.msgpack.decode(answer, type=Ended)


def start_forks(*, ground: Ground) -> tuple[int, socket.socket]:
    """Forks the forking process; returns its id and the driver's end. It ends when that end is closed."""
    ours, theirs = socket.socketpair()
    pid = os.fork()
    if pid == 0:
        ours.close()
        code = 1
        with contextlib.suppress(BaseException):
            _serve(theirs, ground)
            code = 0
        os._exit(code)
    theirs.close()
    return pid, ours


def _serve(end: socket.socket, ground: Ground) -> None:
    gc.freeze()
    while (asked := _receive(end)) is not None:
        order = msgspec.msgpack.decode(asked, type=Order)
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            end.close()
            os.close(read)
            with contextlib.suppress(BaseException):
                asyncio.run(_carry_out(ground, order, write))
            # Not `sys.exit`: what the parent had prepared for its own end is not the child's to do.
            os._exit(1)
        os.close(write)
        told = _read_until_closed(read, seconds_max=CHILD_SECONDS_MAX)
        os.close(read)
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
        _, status = os.waitpid(pid, 0)
        ended = msgspec.msgpack.decode(told, type=Ended) if told else Ended()
        killed = os.WTERMSIG(status) if os.WIFSIGNALED(status) else 0
        _send(end, msgspec.msgpack.encode(msgspec.structs.replace(ended, signal=killed)))


async def _carry_out(ground: Ground, order: Order, write: int) -> None:
    gc.disable()
    logging.disable(logging.CRITICAL)
    passings, passed_by = Passings(), frozenset(order.passed_by)

    async def end_here(point: str) -> None:
        boundary = passings.next(point)
        if boundary and boundary not in passed_by:
            os.write(write, msgspec.msgpack.encode(Ended(boundary=boundary, commits=passings.commits)))
            os.kill(os.getpid(), signal.SIGKILL)
            await asyncio.Event().wait()

    ground.move_clocks(order.now)
    async with ground.connected(order.dsns):
        with hooked(end_here):
            said = await ground.carry_out(order.deed)
        os.write(write, msgspec.msgpack.encode(Ended(commits=passings.commits, said=said)))
        # It is over by a kill in any case: closing in good order takes time and shows nothing.
        os.kill(os.getpid(), signal.SIGKILL)


def _read_until_closed(read: int, *, seconds_max: float) -> bytes:
    """What a child says until it is gone; nothing when it takes too long."""
    told, until = bytearray(), time.monotonic() + seconds_max
    while (left := until - time.monotonic()) > 0:
        if select.select([read], [], [], left)[0]:
            piece = os.read(read, 65_536)
            if not piece:
                return bytes(told)
            told += piece
    return b""


def _send(end: socket.socket, content: bytes) -> None:
    end.sendall(_HEAD.pack(len(content)) + content)


def _receive(end: socket.socket) -> bytes | None:
    head = _exactly(end, _HEAD.size)
    return _exactly(end, _HEAD.unpack(head)[0]) if head is not None else None


def _exactly(end: socket.socket, size: int) -> bytes | None:
    content = bytearray()
    while len(content) < size:
        piece = end.recv(size - len(content))
        if not piece:
            return None
        content += piece
    return bytes(content)
