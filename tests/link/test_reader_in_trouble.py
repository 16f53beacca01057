"""A reader whose database does not answer says that it is busy, and never that it has taken anything."""

import asyncio
from typing import Any

import pytest

from safehand.kernel.clock import SetClock
from safehand.kernel.store import Conflict, Unavailable
from safehand.link.codes import Code
from safehand.link.golden import published_peer, published_ring
from safehand.link.reader import Reader
from tests.link.two_houses import AUTHORITY, POST, START, a_run, posted

NOBODY: Any = None


class Gone(Reader):
    """Nothing that it writes is ever kept."""

    def __init__(self, failure: Exception) -> None:
        ring = published_ring(house=POST, peers=(published_peer(house=AUTHORITY),))
        super().__init__(shell=NOBODY, store=NOBODY, ring=ring, border=NOBODY, clock=SetClock(start=START))
        self.failure = failure

    async def _apply_genuine(self, *_: Any, **__: Any) -> Any:
        raise self.failure


@pytest.mark.parametrize("failure", [Unavailable("gone"), Conflict("too late")])
def test_what_was_not_kept_was_not_taken(failure: Exception) -> None:
    [answer] = asyncio.run(Gone(failure).apply(peer=AUTHORITY, runs=[a_run([posted(1, 2_000)])]))
    assert (answer.code, answer.position) == (Code.BUSY, -1)
