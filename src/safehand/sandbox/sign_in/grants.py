"""Authorization codes and access tokens: short-lived, in memory, each code good for one use (RFC 6749, 7636)."""

import hashlib
from base64 import urlsafe_b64encode
from datetime import datetime, timedelta
from typing import Final

import msgspec

from safehand.kernel.ids import Ids, readable

CODE_SECONDS: Final = 60
TOKEN_SECONDS: Final = 600
GRANTS_MAX: Final = 100_000


class Grant(msgspec.Struct, frozen=True, kw_only=True):
    """What a person agreed to: who, for which client, at which address, with which proof of the asker."""

    client_id: str
    redirect_uri: str
    person_key: str
    nonce: str
    code_challenge: str
    assurance: str
    signed_in_at: datetime
    scope: str


class _Code(msgspec.Struct, kw_only=True):
    grant: Grant
    until: datetime
    token: str | None = None


class Grants:
    """The open codes and tokens of this process; a restart forgets them, people then sign in again."""

    def __init__(self, *, ids: Ids) -> None:
        self._ids = ids
        self._issued = 0
        self._codes: dict[str, _Code] = {}
        self._tokens: dict[str, tuple[Grant, datetime]] = {}

    def new_code(self, grant: Grant, *, now: datetime) -> str | None:
        """A code for a grant; None when too many are open."""
        self._forget(now=now)
        if len(self._codes) >= GRANTS_MAX or len(self._tokens) >= GRANTS_MAX:
            return None
        code = self._secret("code")
        self._codes[code] = _Code(grant=grant, until=now + timedelta(seconds=TOKEN_SECONDS))
        return code

    def exchange(
        self, *, code: str, client_id: str, redirect_uri: str, code_verifier: str, now: datetime
    ) -> tuple[Grant, str] | None:
        """The grant of a code and a new access token; None when the code isn't good.

        A code used twice was stolen by somebody: what it gave the first time is taken back (RFC 6749 §4.1.2).
        """
        held = self._codes.get(code)
        if held is None:
            return None
        if held.token is not None:
            self._tokens.pop(held.token, None)
            return None
        grant = held.grant
        if (
            now >= grant.signed_in_at + timedelta(seconds=CODE_SECONDS)
            or grant.client_id != client_id
            or grant.redirect_uri != redirect_uri
            or grant.code_challenge != s256(code_verifier)
        ):
            # One guess only: whoever asks wrongly burns the code.
            del self._codes[code]
            return None
        held.token = self._secret("access")
        self._tokens[held.token] = (grant, now + timedelta(seconds=TOKEN_SECONDS))
        return grant, held.token

    def grant_of(self, *, token: str, now: datetime) -> Grant | None:
        """The grant behind an access token; None when it is unknown or over."""
        held = self._tokens.get(token)
        return held[0] if held is not None and now < held[1] else None

    def _secret(self, kind: str) -> str:
        self._issued += 1
        return readable(self._ids.token(basis=f"sign-in\x1f{kind}\x1f{self._issued}"))

    def _forget(self, *, now: datetime) -> None:
        """Drop what is over; both tables are in the order of their ends, so only the front is looked at."""
        while self._codes and (first := next(iter(self._codes.items())))[1].until <= now:
            del self._codes[first[0]]
        while self._tokens and (front := next(iter(self._tokens.items())))[1][1] <= now:
            del self._tokens[front[0]]


def s256(code_verifier: str) -> str:
    """The challenge of a verifier by method S256 (RFC 7636 §4.2)."""
    return urlsafe_b64encode(hashlib.sha256(code_verifier.encode()).digest()).rstrip(b"=").decode()
