"""The job that erases: destroys the key of everybody whose erasure was ordered, and what else is kept beside the journal.

One statement for all; told twice it finds nothing left. The sealed records go with their key, so that not even ciphertext
is kept for a day on which it could be broken; the blind index goes, so that nobody is found any more; parked messages
lose the sealed part. Sessions hold no identity, read logs and journal hold nobody.
"""

from safehand.house.erasure import QUEUE, RecordErased
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.shell import Call, Done

ERASED_AT_ONCE_MAX = 500
DESTROY = """
    with w as (select * from unnest($1::int[], $2::text[]) as w (city, subject)),
    keys_gone as (delete from keys.case_key k using w where k.city = w.city and k.subject = w.subject),
    records_gone as (delete from vault_record r using w where r.city = w.city and r.subject = w.subject),
    found_no_more as (delete from blind_index b using w where b.city = w.city and b.subject = w.subject)
    update link_parked p set personal = null from w
    where p.city = w.city and p.subject = w.subject and p.personal is not null"""


class Erasing:
    """Erases the persons of one kind of stream (cases, items)."""

    def __init__(self, *, house: House, kind: str) -> None:
        self._house, self._kind = house, kind

    async def run(self) -> int:
        """Destroy first, record then: a crash between the two is repeated, and never says erased before it is."""
        lines = await self._house.store.worklist(queue=QUEUE, limit=ERASED_AT_ONCE_MAX)
        if not lines:
            return 0
        keys = sorted({StreamKey(line.city, line.stream) for line in lines})
        await self._house.store.fetch(DESTROY, [key.city for key in keys], [key.stream for key in keys])
        calls = [Call(stream=key, kind=self._kind, command=RecordErased(), actor="erasing") for key in keys]
        outcomes = await self._house.shell.run(calls)
        return sum(isinstance(one, Done) for one in outcomes)
