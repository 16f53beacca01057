"""A house's store twice: the simulator's memory and PostgreSQL get the same calls at the same time, and must say the same."""

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from contextvars import ContextVar
from typing import Any

from safehand.kernel.machine import StreamKey
from safehand.kernel.store import Known, StreamRow, Writes
from safehand.kernel.store_postgres import PostgresStore, PostgresTransaction
from safehand.simulation.questions import ANSWERS, Named
from safehand.simulation.store import SimStore, SimTransaction

_WITHIN: ContextVar[bool] = ContextVar("within a transaction", default=False)


def plain(value: Any) -> Any:
    """Bytes and text of JSON are the same; so are all kinds of numbers and of rows."""
    if isinstance(value, (bytes, str)):
        try:
            return json.loads(value) if value[:1] in (b"{", b"[", "{", "[") else value
        except ValueError:
            return value
    if isinstance(value, Named):
        return tuple(plain(value[place]) for place in range(len(value) // 2))
    return tuple(map(plain, value)) if isinstance(value, Sequence) else value


def rows_of(found: Sequence[Any], statement: str) -> list[Any]:
    """Rows to compare: in their order where the question asks for one."""
    rows = [plain(row) if isinstance(row, Named) else plain(tuple(row)) for row in found]
    asks_for_order = "order by" in statement and "returning" not in statement
    return rows if asks_for_order else sorted(rows, key=repr)


class BothStores(SimStore):
    """See the module. One transaction after the other, so that both see the same world."""

    def __init__(self, *, real: PostgresStore) -> None:
        super().__init__(answers_to=ANSWERS)
        self.real = real
        self.asked: Counter[str] = Counter()
        self.differences: list[str] = []
        self._turn = asyncio.Lock()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        """Commits on PostgreSQL first; what it refuses does not happen in memory either."""
        async with self._turn:
            within = _WITHIN.set(True)
            try:
                async with super().transaction() as simulated, self.real.transaction() as real:
                    yield BothTransactions(stores=self, simulated=simulated, real=real)
            finally:
                _WITHIN.reset(within)

    def same(self, statement: str, arguments: Any, simulated: Any, real: Any) -> None:
        """Keep what differs."""
        if simulated != real:
            self.differences.append(
                f"{statement}\n{arguments!r}\nmemory:     {simulated}\nPostgreSQL: {real}"
            )

    async def fetch(self, statement: str, *arguments: Any) -> Sequence[Any]:
        """The question to both."""
        if _WITHIN.get():
            return await self._fetch(statement, *arguments)
        async with self._turn:
            return await self._fetch(statement, *arguments)

    async def _fetch(self, statement: str, *arguments: Any) -> Sequence[Any]:
        self.asked[statement] += 1
        found = await super().fetch(statement, *arguments)
        real = await self.real.fetch(statement, *arguments)
        self.same(statement, arguments, rows_of(found, statement), rows_of(real, statement))
        return found


class BothTransactions:
    """A transaction on both."""

    def __init__(self, *, stores: BothStores, simulated: SimTransaction, real: PostgresTransaction) -> None:
        self.stores, self.simulated, self.real = stores, simulated, real
        self.connection = self

    async def known(self, *, keys: Sequence[str], names: Sequence[str]) -> Known:
        """What both know."""
        found = await self.simulated.known(keys=keys, names=names)
        real = await self.real.known(keys=keys, names=names)
        self.stores.same("known", (keys, names), plain(_known(found)), plain(_known(real)))
        return found

    async def load(self, *, keys: Sequence[StreamKey]) -> Mapping[StreamKey, StreamRow]:
        """The streams as both have them."""
        found, real = await self.simulated.load(keys=keys), await self.real.load(keys=keys)
        self.stores.same("load", keys, plain(sorted(found.values())), plain(sorted(real.values())))
        return found

    async def write(self, *, writes: Writes) -> None:
        """To both."""
        await self.simulated.write(writes=writes)
        await self.real.write(writes=writes)

    async def fetch(self, statement: str, *arguments: Any) -> Sequence[Any]:
        """A question within the transaction, to both."""
        self.stores.asked[statement] += 1
        found = await self.simulated.fetch(statement, *arguments)
        real = await self.real.connection.fetch(statement, *arguments)
        self.stores.same(statement, arguments, rows_of(found, statement), rows_of(real, statement))
        return found

    async def fetchval(self, statement: str, *arguments: Any) -> Any:
        """The first value of the first row."""
        return (await self.fetch(statement, *arguments))[0][0]

    async def execute(self, statement: str, *arguments: Any) -> None:
        """A statement without an answer."""
        await self.fetch(statement, *arguments)


def _known(known: Known) -> list[Any]:
    return [sorted(known.answers.values()), sorted(known.holders.values())]
