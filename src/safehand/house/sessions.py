"""Who is asking: sessions of applicants and staff, opened by sign-in, known by a random token, ended by time.

The database keeps the token's SHA-256, never the token. A session may carry a proven identity (name and ID number
from the real-person sign-in); it is used to fill in an application and is never taken from a request. In the database
it is sealed under the token, so any process of the house can open it, but only when its owner asks.
"""

import asyncio
import hashlib
import hmac
import re
from collections import OrderedDict
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path

import msgspec

from safehand.kernel.clock import Clock
from safehand.kernel.ids import Ids, readable
from safehand.kernel.store import HouseStore
from safehand.kernel.vault import Unsealable, VaultKeys

LIFE = timedelta(hours=12)
TOKEN_CHARACTERS_MAX = 100
CACHED_MAX = 200_000
LOOKED_AGAIN_SECONDS = 5.0
"""A sign-out at another process of the house is known here after so long."""
PURPOSE = "identity of a session"
SWEPT_AT_ONCE_MAX = 5_000
STAFF_MAX = 100_000
SECRET = re.compile(r"scrypt:(?:[0-9a-f]{2}){16,64}:[0-9a-f]{128}")
SCRYPT = {"n": 2**14, "r": 8, "p": 1}


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A proven real person. Stays in memory or sealed; never in a log, a message or the journal."""

    name: str
    id_number: str


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """One signed-in person: an opaque actor id, roles, and the cities and office that staff work for."""

    actor: str
    roles: frozenset[str]
    cities: tuple[int, ...] = ()
    office: str = ""
    identity: Identity | None = None
    proven_at: datetime | None = None
    """When the person last proved who they are (by the sign-in service's word); sensitive changes ask how long ago."""


class Account(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A staff account; `secret` is `scrypt:salt:hash` in hexadecimal (see `secret_of`)."""

    login: str
    actor: str
    secret: str
    roles: list[str]
    cities: list[int] = []
    office: str = ""


class Staff(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The staff file."""

    accounts: list[Account]


def read_staff(path: Path) -> dict[str, Account]:
    """Accounts by login. Raises `ValueError` naming what is wrong."""
    try:
        staff = msgspec.toml.decode(path.read_bytes(), type=Staff)
    except (OSError, msgspec.MsgspecError) as broken:
        raise ValueError(f"staff file {path}: {broken}") from None
    if len(staff.accounts) > STAFF_MAX:
        raise ValueError(f"staff file {path}: more than {STAFF_MAX} accounts")
    _check_accounts(path, staff)
    by_login = {account.login: account for account in staff.accounts}
    if len(by_login) != len(staff.accounts):
        raise ValueError(f"staff file {path}: a login is there twice")
    return by_login


def _check_accounts(path: Path, staff: Staff) -> None:
    for account in staff.accounts:
        if SECRET.fullmatch(account.secret) is None:
            raise ValueError(f"staff file {path}: the secret of {account.login} is not scrypt:salt:hash")
        if not account.roles or not account.actor or not account.login:
            raise ValueError(
                f"staff file {path}: {account.login or 'an account'} needs a login, an actor and a role"
            )


def secret_of(*, password: str, salt: bytes) -> str:
    """What the staff file keeps of a password (scrypt, RFC 7914)."""
    digest = hashlib.scrypt(password.encode(), salt=salt, **SCRYPT)
    return f"scrypt:{salt.hex()}:{digest.hex()}"


def secret_fits(*, secret: str, password: str) -> bool:
    """Whether a password fits, compared in constant time."""
    kind, _, rest = secret.partition(":")
    salt, _, digest = rest.partition(":")
    if kind != "scrypt":
        return False
    tried = hashlib.scrypt(password.encode(), salt=bytes.fromhex(salt), **SCRYPT)
    return hmac.compare_digest(tried.hex(), digest)


class Sessions:
    """Opens, finds and ends sessions."""

    def __init__(self, *, store: HouseStore, clock: Clock, ids: Ids, vault: VaultKeys) -> None:
        self._store = store
        self._vault = vault
        self._clock = clock
        self._ids = ids
        self._cache: OrderedDict[bytes, tuple[Session, datetime, float]] = OrderedDict()

    async def open(self, *, session: Session, basis: str) -> str:
        """Open a session; returns its token, which is told to the person once."""
        token = readable(self._ids.token(basis=f"session:{basis}"))
        digest, until = _digest(token), self._clock.now() + LIFE
        await self._store.fetch(
            "insert into session (digest, body, expires_at, identity) values ($1, $2, $3, $4)"
            " on conflict (digest) do update set expires_at = excluded.expires_at, identity = excluded.identity",
            digest,
            msgspec.json.encode(_without_identity(session)).decode(),
            until,
            self._sealed(session.identity, token),
        )
        self._remember(digest, session, until)
        return token

    async def find(self, *, token: str) -> Session | None:
        """The session of a token, if it is still open."""
        if not 0 < len(token) <= TOKEN_CHARACTERS_MAX:
            return None
        digest = _digest(token)
        known = self._cache.get(digest)
        if known is None or known[2] < _running_seconds() - LOOKED_AGAIN_SECONDS:
            known = await self._look(token, digest, known)
        return known[0] if known is not None and self._clock.now() < known[1] else None

    async def ends_at(self, *, token: str) -> datetime | None:
        """Until when the session of a token is open; none when it is not."""
        rows = await self._store.fetch("select expires_at from session where digest = $1", _digest(token))
        return rows[0][0] if rows and self._clock.now() < rows[0][0] else None

    async def _look(
        self, token: str, digest: bytes, known: tuple[Session, datetime, float] | None
    ) -> tuple[Session, datetime, float] | None:
        """The database's word on a session, also on one that another process opened."""
        rows: Sequence = await self._store.fetch(
            "select body, expires_at, identity from session where digest = $1", digest
        )
        session = None
        if rows:
            session = known[0] if known is not None else self._opened(token, rows[0][0], rows[0][2])
        if session is None:
            self._cache.pop(digest, None)
            return None
        self._remember(digest, session, rows[0][1])
        return self._cache[digest]

    def _sealed(self, identity: Identity | None, token: str) -> bytes | None:
        if identity is None:
            return None
        return self._vault.seal_for(purpose=PURPOSE, token=token, plain=msgspec.json.encode(identity))

    def _opened(self, token: str, body: str, sealed: bytes | None) -> Session | None:
        session = msgspec.json.decode(body, type=Session)
        if sealed is None:
            return session
        try:
            plain = self._vault.unseal_for(purpose=PURPOSE, token=token, sealed=sealed)
        except Unsealable:
            # Opened before the house's keys were changed, or altered: its owner signs in again.
            return None
        return msgspec.structs.replace(session, identity=msgspec.json.decode(plain, type=Identity))

    async def end(self, *, token: str) -> None:
        """Sign out: the token opens nothing any more, here or after a restart."""
        digest = _digest(token)
        await self._store.fetch("delete from session where digest = $1", digest)
        self._cache.pop(digest, None)

    async def sweep(self) -> int:
        """The job: forget sessions whose time is over; returns how many."""
        rows = await self._store.fetch(
            "delete from session where digest in"
            " (select digest from session where expires_at <= $1 order by expires_at limit $2) returning 1",
            self._clock.now(),
            SWEPT_AT_ONCE_MAX,
        )
        return len(rows)

    def _remember(self, digest: bytes, session: Session, until: datetime) -> None:
        self._cache.pop(digest, None)
        if len(self._cache) >= CACHED_MAX:
            # The one that was not looked at for longest; its owner signs in again at worst.
            self._cache.popitem(last=False)
        self._cache[digest] = (session, until, _running_seconds())


def _running_seconds() -> float:
    # Real time that only goes forward, also where the house's clock stands still.
    return asyncio.get_running_loop().time()


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode()).digest()


def _without_identity(session: Session) -> Session:
    # It lies beside the body, sealed.
    return msgspec.structs.replace(session, identity=None)
