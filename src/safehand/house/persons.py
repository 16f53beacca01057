"""Opening a person's record for a moment: jobs that must name somebody read it here, and keep it nowhere."""

from collections.abc import Sequence

from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.store import VaultKeyRow, VaultRow
from safehand.kernel.vault import Unsealable, unseal

RECORDS = (
    "select r.city, r.subject, r.sealed, k.wrapped from vault_record r"
    " join keys.case_key k on k.city = r.city and k.subject = r.subject"
    " join unnest($1::int[], $2::text[]) as w (city, subject) on r.city = w.city and r.subject = w.subject"
    " where r.name = $3"
)


async def read_persons(*, house: House, keys: Sequence[StreamKey], name: str) -> dict[StreamKey, bytes]:
    """The vault's record `name` of each subject, opened; an erased person is absent."""
    rows = await house.store.fetch(
        RECORDS,
        [key.city for key in keys],
        [key.stream for key in keys],
        name,
    )
    found: dict[StreamKey, bytes] = {}
    for city, subject, sealed, wrapped in rows:
        try:
            key = house.vault.unwrap(VaultKeyRow(city, subject, wrapped))
            found[StreamKey(city, subject)] = unseal(key=key, row=VaultRow(city, subject, name, sealed))
        except Unsealable:
            continue
    return found
