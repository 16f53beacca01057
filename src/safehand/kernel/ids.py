"""Identifiers and chance as a port: unguessable in production, repeatable in a rehearsal."""

import hashlib
import hmac
import secrets
from base64 import b32encode
from typing import Protocol

ID_BITS = 128
"""Public identifiers carry 128 random bits, so that none can be guessed (threat 26)."""


class Ids(Protocol):
    """Makes identifiers and secrets."""

    def new(self, *, prefix: str, basis: str) -> str:
        """A new identifier `prefix_…`; `basis` names what it is for, once and for all.

        In production the basis is ignored and the identifier is random. In a rehearsal the same basis gives
        the same identifier, so that a run that was cut off and begun again names things alike.
        """
        ...

    def token(self, *, basis: str) -> bytes:
        """32 bytes that nobody can guess, for codes and nonces; `basis` as in `new`."""
        ...


def readable(raw: bytes) -> str:
    """Bytes as lower-case base32 without padding: safe in URLs, file names and speech."""
    return b32encode(raw).decode("ascii").rstrip("=").lower()


class SystemIds:
    """Random identifiers from the operating system."""

    def new(self, *, prefix: str, basis: str) -> str:
        """A random identifier; the basis is not used."""
        return f"{prefix}_{readable(secrets.token_bytes(ID_BITS // 8))}"

    def token(self, *, basis: str) -> bytes:
        """32 random bytes; the basis is not used."""
        return secrets.token_bytes(32)


class DerivedIds:
    """Identifiers derived from a seed and their basis: for rehearsals, the launch replay and tests only."""

    def __init__(self, *, seed: str) -> None:
        self._seed = seed.encode()

    def new(self, *, prefix: str, basis: str) -> str:
        """The identifier that this seed gives to this basis, always the same."""
        return f"{prefix}_{readable(self._digest(prefix, basis)[: ID_BITS // 8])}"

    def token(self, *, basis: str) -> bytes:
        """The 32 bytes that this seed gives to this basis, always the same."""
        # No identifier has an empty prefix, so none gives away half of a token.
        return self._digest("", basis)

    def _digest(self, label: str, basis: str) -> bytes:
        return hmac.digest(self._seed, f"{label}\x1f{basis}".encode(), hashlib.sha256)
