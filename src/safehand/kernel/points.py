"""Named points in running code at which a simulator may slow a house down, or end it; nothing happens there otherwise.

They stand at the boundaries of what must be whole: around each statement of a transaction, before and after its commit,
before a message is numbered, and between a peer's message taking effect and its acknowledgement. A production process
never sets a hook, and then a point costs one comparison.
"""

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Final

POINTS: Final = (
    "store.begun",
    "store.locked",
    "store.looked_up",
    "store.written",
    "store.committed",
    "store.asked",
    "link.numbering",
    "link.sending",
    "link.verified",
    "link.taken",
)
"""Every point, in the order in which a message's life passes them."""

Hook = Callable[[str], Awaitable[None]]
_hooks: list[Hook] = []
"""None, or the one that is set."""


async def passed(point: str) -> None:
    """The code has come to this point. The hook may wait here, or raise what ends the house."""
    if _hooks:
        await _hooks[0](point)


@contextmanager
def hooked(hook: Hook) -> Iterator[None]:
    """Within: every point that is passed calls `hook` with its name. One hook at a time."""
    if _hooks:
        raise RuntimeError("points are hooked already: one simulator at a time in a process")
    _hooks.append(hook)
    try:
        yield
    finally:
        _hooks.clear()
