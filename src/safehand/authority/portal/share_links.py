"""Share links as they are kept: made for one case, found by a keyed digest of their token, ended by time or by their maker.

A token is derived from the house's secret and a salt of its own, so that its maker can read it again while the database alone opens
nothing. With the person erased the link shows nothing more.
"""

import hashlib
import hmac
import re
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from safehand.kernel.ids import Ids, readable
from safehand.kernel.machine import StreamKey
from safehand.kernel.store import HouseStore
from safehand.kernel.vault import VaultKeys

KEPT_FOR: Final = timedelta(days=30)
LINKS_MAX: Final = 5
"""Open links of one case at once."""
SWEPT_AT_ONCE_MAX: Final = 5_000
SALT_BYTES: Final = 16
TOKEN_BYTES: Final = 20
PURPOSE: Final = "share link"
_TOKEN: Final = re.compile(r"[a-z2-7]{32}")
_MAKE: Final = """
    insert into share_link (city, subject, number, salt, digest, made_at, expires_at)
    select $1::int, $2::text, $3::int + 1, $4::bytea, $5::bytea, $6::timestamptz, $7::timestamptz
    where (select coalesce(max(number), 0) from share_link where city = $1 and subject = $2) = $3
    and (select count(*) from share_link where city = $1 and subject = $2 and expires_at > $6) < $8
    on conflict do nothing returning 1"""
_FIND: Final = """
    select l.city, l.subject, l.expires_at from share_link l
    join keys.case_key k on k.city = l.city and k.subject = l.subject
    where l.digest = $1 and l.expires_at > $2"""
_OPEN: Final = """
    select number, salt, made_at, expires_at from share_link
    where city = $1 and subject = $2 and expires_at > $3 order by number desc limit $4"""


class Link(NamedTuple):
    """An open link of one's own."""

    number: int
    token: str
    made_at: datetime
    expires_at: datetime


class Shown(NamedTuple):
    """What a link leads to, and until when."""

    key: StreamKey
    expires_at: datetime


class ShareLinks:
    """Makes, finds and ends share links. `secret` makes their tokens."""

    def __init__(self, *, store: HouseStore, vault: VaultKeys, ids: Ids, secret: bytes) -> None:
        self._store, self._vault, self._ids, self._secret = store, vault, ids, secret

    async def make(self, *, key: StreamKey, after: int, now: datetime) -> bool:
        """One link more, after link `after` (0: the first). False: there are already as many as there may be, or one with that number."""
        salt = self._ids.token(basis=f"share link\x1f{key.stream}\x1f{after}")[:SALT_BYTES]
        digest = self._digest(self._token(key, salt))
        until = now + KEPT_FOR
        rows = await self._store.fetch(
            _MAKE, key.city, key.stream, after, salt, digest, now, until, LINKS_MAX
        )
        return bool(rows)

    async def open_of(self, *, key: StreamKey, now: datetime) -> list[Link]:
        """The open links of a case, newest first."""
        rows = await self._store.fetch(_OPEN, key.city, key.stream, now, LINKS_MAX)
        return [Link(row[0], self._token(key, row[1]), row[2], row[3]) for row in rows]

    async def last_of(self, *, key: StreamKey) -> int:
        """The number of the newest link that is kept, open or over; 0: none."""
        rows = await self._store.fetch(
            "select coalesce(max(number), 0) from share_link where city = $1 and subject = $2",
            key.city,
            key.stream,
        )
        return rows[0][0]

    async def find(self, *, token: str, now: datetime) -> Shown | None:
        """What a token leads to; none if it is no token, is over, was revoked, or the person is erased."""
        if not _TOKEN.fullmatch(token):
            return None
        rows = await self._store.fetch(_FIND, self._digest(token), now)
        return Shown(StreamKey(rows[0][0], rows[0][1]), rows[0][2]) if rows else None

    async def revoke(self, *, key: StreamKey, number: int) -> None:
        """It opens nothing from now on; revoked already is fine."""
        await self._store.fetch(
            "delete from share_link where city = $1 and subject = $2 and number = $3",
            key.city,
            key.stream,
            number,
        )

    async def sweep(self, *, now: datetime) -> int:
        """Forget links whose time is over; returns how many."""
        rows = await self._store.fetch(
            "delete from share_link where digest in"
            " (select digest from share_link where expires_at <= $1 order by expires_at limit $2) returning 1",
            now,
            SWEPT_AT_ONCE_MAX,
        )
        return len(rows)

    def _token(self, key: StreamKey, salt: bytes) -> str:
        said = b"\x1f".join((PURPOSE.encode(), str(key.city).encode(), key.stream.encode(), salt))
        return readable(hmac.digest(self._secret, said, hashlib.sha256)[:TOKEN_BYTES])

    def _digest(self, token: str) -> bytes:
        return self._vault.digest(purpose=PURPOSE, value=token)
