"""Sign-ins under way: kept between a visitor's leaving for the sign-in service and coming back, for ten minutes.

They are in the house's database, so that the visitor may come back to any of its processes; sealed under the token that
only the visitor's browser has, so that nobody who reads the database can finish a sign-in.
"""

import hashlib
from datetime import datetime, timedelta
from typing import Final

import msgspec

from safehand.authority.ports.sign_in import SignInBegun
from safehand.kernel.ids import Ids, readable
from safehand.kernel.store import HouseStore
from safehand.kernel.vault import Unsealable, VaultKeys

PENDING_MAX: Final = 10_000
"""Sign-ins under way at once; the oldest give way, and their visitors sign in again."""
PENDING_FOR: Final = timedelta(minutes=10)
SWEPT_AT_ONCE_MAX: Final = 5_000
TOKEN_CHARACTERS_MAX: Final = 100
PURPOSE: Final = "sign-in under way"


class Pending(msgspec.Struct, frozen=True, kw_only=True):
    """One sign-in under way, and where it leads."""

    begun: SignInBegun
    to: str


class UnderWay:
    """Keeps and gives back sign-ins under way."""

    def __init__(self, *, store: HouseStore, vault: VaultKeys, ids: Ids) -> None:
        self._store = store
        self._vault = vault
        self._ids = ids

    def new_token(self) -> str:
        """The token by which a browser gets its sign-in back."""
        return readable(self._ids.token(basis="browser of a sign-in"))

    async def keep(self, *, token: str, pending: Pending, now: datetime) -> None:
        """Keep it for ten minutes; what is too many gives way in the same statement."""
        sealed = self._vault.seal_for(purpose=PURPOSE, token=token, plain=msgspec.json.encode(pending))
        await self._store.fetch(
            "with gone as (delete from sign_in_under_way where digest in ("
            " select digest from sign_in_under_way order by expires_at desc offset $4))"
            " insert into sign_in_under_way (digest, sealed, expires_at) values ($1, $2, $3)",
            digest_of(token),
            sealed,
            now + PENDING_FOR,
            PENDING_MAX - 1,
        )

    async def take(self, *, token: str, now: datetime) -> Pending | None:
        """The sign-in of this token, once: it is used up, also when its time was over."""
        if not 0 < len(token) <= TOKEN_CHARACTERS_MAX:
            return None
        rows = await self._store.fetch(
            "delete from sign_in_under_way where digest = $1 returning sealed, expires_at", digest_of(token)
        )
        if not rows or rows[0][1] <= now:
            return None
        try:
            plain = self._vault.unseal_for(purpose=PURPOSE, token=token, sealed=rows[0][0])
        except Unsealable:
            # Begun before the house's keys were changed: the visitor begins again.
            return None
        return msgspec.json.decode(plain, type=Pending)

    async def sweep(self, *, now: datetime) -> int:
        """Forget those whose time is over; returns how many."""
        rows = await self._store.fetch(
            "delete from sign_in_under_way where digest in (select digest from sign_in_under_way"
            " where expires_at <= $1 order by expires_at limit $2) returning 1",
            now,
            SWEPT_AT_ONCE_MAX,
        )
        return len(rows)


def digest_of(token: str) -> bytes:
    """What the database knows a token by."""
    return hashlib.sha256(token.encode()).digest()
