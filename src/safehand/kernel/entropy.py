"""Random bytes for keys and nonces: the operating system's, unless a simulator replays a run bit for bit.

Only a simulator, in a process of its own, may put another source here; a house never does (`tests/kernel/test_entropy.py`
looks for callers). Identifiers and tokens come from `kernel.ids`.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Source = Callable[[int], bytes]
_source: list[Source] = [os.urandom]


def random_bytes(count: int) -> bytes:
    """So many bytes that nobody can guess."""
    return _source[-1](count)


@contextmanager
def drawn_from(source: Source) -> Iterator[None]:
    """Within: all keys and nonces come from `source`, so that the same seed makes the same bytes."""
    _source.append(source)
    try:
        yield
    finally:
        _source.pop()
