"""Failed sign-ins, counted: guessing passwords stops, and nobody can lock somebody else out from elsewhere.

Three counts within one window: of one login from one address, of one address, and of one login from everywhere. The
last one holds back strangers only: an address from which this login has signed in before may still try.

The counts are in the house's database, so that guessing at several of its processes is one guessing. Logins and
addresses are there as keyed digests only.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from safehand.kernel.store import HouseStore
from safehand.kernel.vault import VaultKeys

LOGIN_AND_ADDRESS_MAX = 5
ADDRESS_MAX = 30
LOGIN_MAX = 100
WINDOW = timedelta(minutes=15)
KNOWN_FOR = timedelta(days=180)
"""So long after its last sign-in from an address a login is known there."""
SWEPT_AT_ONCE_MAX = 5_000
PURPOSE = "attempts to sign in"

_MAX = {"both": LOGIN_AND_ADDRESS_MAX, "address": ADDRESS_MAX, "login": LOGIN_MAX}


class Attempts:
    """Counts attempts for all processes of a house."""

    def __init__(self, *, store: HouseStore, vault: VaultKeys) -> None:
        self._store = store
        self._vault = vault

    async def minutes_to_wait(self, *, login: str, address: str, now: datetime) -> int:
        """How long this login must not be tried from this address; 0: it may be tried now."""
        names = self._names(login, address)
        rows = await self._store.fetch(
            "select name, since, count, exists (select from sign_in_known where name = $2) from sign_in_attempt"
            " where name = any($1) and since > $3",
            list(names.values()),
            names["both"],
            now - WINDOW,
        )
        kinds = {name: kind for kind, name in names.items()}
        until = [
            since + WINDOW
            for name, since, count, known in rows
            if count >= _MAX[kinds[name]] and not (kinds[name] == "login" and known)
        ]
        return max((int((end - now).total_seconds()) // 60 + 1 for end in until), default=0)

    async def count(self, *, login: str, address: str, now: datetime) -> None:
        """An attempt begins; until it succeeds it counts as a failure."""
        await self._store.fetch(
            "insert into sign_in_attempt as kept (name, since, count)"
            # In one order everywhere, so that two processes never wait for each other.
            " select name, $2, 1 from unnest($1::bytea[]) name order by name"
            " on conflict (name) do update set"
            " since = case when kept.since <= $3 then excluded.since else kept.since end,"
            " count = case when kept.since <= $3 then 1 else kept.count + 1 end",
            list(self._names(login, address).values()),
            now,
            now - WINDOW,
        )

    async def forgive(self, *, login: str, address: str, now: datetime) -> None:
        """The password was right: this attempt was none, and the person comes from here."""
        names = self._names(login, address)
        await self._store.fetch(
            "with known as (insert into sign_in_known (name, at) values ($1, $3)"
            " on conflict (name) do update set at = excluded.at),"
            " kept as (select name from sign_in_attempt where name = $1 or name = any($2) order by name for update)"
            # Of the others only this one is taken back: a guesser with one good account must not clear their counts.
            " update sign_in_attempt set count = case when sign_in_attempt.name = $1 then 0"
            " else greatest(0, count - 1) end from kept where sign_in_attempt.name = kept.name",
            names["both"],
            [names["address"], names["login"]],
            now,
        )

    async def sweep(self, *, now: datetime) -> int:
        """Forget what counts no more; returns how many."""
        rows = await self._store.fetch(
            "with gone as (delete from sign_in_known where name in"
            " (select name from sign_in_known where at <= $2 order by at limit $3) returning 1),"
            " over as (delete from sign_in_attempt where name in"
            " (select name from sign_in_attempt where since <= $1 order by since limit $3) returning 1)"
            " select (select count(*) from gone) + (select count(*) from over)",
            now - WINDOW,
            now - KNOWN_FOR,
            SWEPT_AT_ONCE_MAX,
        )
        return int(rows[0][0])

    def _names(self, login: str, address: str) -> Mapping[str, bytes]:
        parts = {"both": f"{login}\x1f{address}", "address": address, "login": login}
        return {
            kind: self._vault.digest(purpose=f"{PURPOSE}: {kind}", value=part) for kind, part in parts.items()
        }
