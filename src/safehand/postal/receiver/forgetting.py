"""The job that forgets who was named for items that are over: the vault's record is made empty with the event that says so.

In one transaction, so that whoever is named at this very moment is never forgotten in place of another.
"""

from typing import Final

from safehand.house.persons import sealed_for
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.shell import Call, Done
from safehand.link.log import RECEIVER_RECORD
from safehand.postal.process import ITEM
from safehand.postal.receiver.commands import RecordForgotten
from safehand.postal.receiver.rules import QUEUE

FORGOTTEN_AT_ONCE_MAX: Final = 500


class Forgetting:
    """Of one house."""

    def __init__(self, *, house: House) -> None:
        self._house = house

    async def run(self) -> int:
        """Forget them; how many. Whose person is erased has nothing left that could be made empty."""
        lines = await self._house.store.worklist(queue=QUEUE, limit=FORGOTTEN_AT_ONCE_MAX)
        if not lines:
            return 0
        keys = sorted({StreamKey(line.city, line.stream) for line in lines})
        empty = await sealed_for(house=self._house, records={key: {RECEIVER_RECORD: b""} for key in keys})
        calls = [
            Call(
                stream=key,
                kind=ITEM,
                command=RecordForgotten(),
                actor="forgetting",
                vault=empty.get(key, ()),
            )
            for key in keys
        ]
        outcomes = await self._house.shell.run(calls)
        return sum(isinstance(one, Done) for one in outcomes)
