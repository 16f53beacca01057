"""Does something in a forked child with a time limit, and brings back the text that it says."""

import os
import select
import signal
import sys
import time
from collections.abc import Callable
from typing import Final, NoReturn

OUT_OF_TIME: Final = "time ran out"
DIED: Final = "the process died"
TEXT_MAX: Final = 100_000_000
_PIECE: Final = 1 << 16


def in_a_child(act: Callable[[], str | None], *, seconds: float) -> str | None:
    """What `act` returned in the child. `OUT_OF_TIME` after so many seconds, `DIED` if it ended otherwise.

    The child's output goes nowhere, and nothing that it does to memory is seen here.
    """
    reading, writing = os.pipe()
    sys.stdout.flush()
    sys.stderr.flush()
    child = os.fork()
    if child == 0:
        os.close(reading)
        _be_the_child(act, writing)
    os.close(writing)
    try:
        return _heard(child, reading, time.monotonic() + seconds)
    finally:
        os.close(reading)


def _be_the_child(act: Callable[[], str | None], writing: int) -> NoReturn:
    code = 1
    try:
        # A group of its own: whatever it has started is ended with it.
        os.setpgid(0, 0)
        nowhere = os.open(os.devnull, os.O_RDWR)
        for stream in (0, 1, 2):
            os.dup2(nowhere, stream)
        said = act()
        with os.fdopen(writing, "wb") as pipe:
            pipe.write(b"-" if said is None else b"+" + said.encode())
        code = 0
    finally:
        os._exit(code)


def _heard(child: int, reading: int, until: float) -> str | None:
    pieces: list[bytes] = []
    while True:
        left = until - time.monotonic()
        if left <= 0 or not select.select([reading], [], [], left)[0]:
            _end(child)
            return OUT_OF_TIME
        piece = os.read(reading, _PIECE)
        if not piece:
            break
        pieces.append(piece)
    _, status = os.waitpid(child, 0)
    said = b"".join(pieces)
    if status != 0 or not said:
        return DIED
    return None if said == b"-" else said[1:].decode()


def _end(child: int) -> None:
    try:
        os.killpg(child, signal.SIGKILL)
    except ProcessLookupError:
        os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
