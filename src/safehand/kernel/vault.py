"""The vault: persons, sealed under a key per subject; found only by blind index; erased by destroying the key.

Each subject (a case, an item) has a data key of its own, wrapped by the house's key-encryption key. A record is
AES-256-GCM (NIST SP 800-38D) with a random 96-bit nonce, bound to its place (city, subject, name) as associated
data, so that a sealed record moved to another row does not open. A data key seals a handful of records, far below
the bound for random nonces (2^32).
"""

import hashlib
import hmac
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from safehand.kernel.entropy import random_bytes
from safehand.kernel.store import BlindRow, VaultKeyRow, VaultRow

KEY_BYTES = 32
NONCE_BYTES = 12


class Unsealable(Exception):
    """A sealed record does not open: a wrong key, a moved or altered record, or an erased person."""


class VaultKeys:
    """The house's secrets of the vault: one to wrap data keys, one to blind what is searched for."""

    def __init__(self, *, wrapping: bytes, blinding: bytes) -> None:
        if len(wrapping) != KEY_BYTES or len(blinding) != KEY_BYTES:
            raise ValueError(f"vault keys are {KEY_BYTES} bytes each; make new ones with `./do new keys`")
        self._wrapping = AESGCM(wrapping)
        self._blinding = blinding

    def new_key(self, *, city: int, subject: str) -> tuple[bytes, VaultKeyRow]:
        """A fresh data key for a subject, and the row that keeps it wrapped."""
        key = random_bytes(KEY_BYTES)
        nonce = random_bytes(NONCE_BYTES)
        wrapped = nonce + self._wrapping.encrypt(nonce, key, _place(city, subject, "key"))
        return key, VaultKeyRow(city, subject, wrapped)

    def unwrap(self, row: VaultKeyRow) -> bytes:
        """The data key of a subject. Raises `Unsealable`."""
        nonce, sealed = row.wrapped[:NONCE_BYTES], row.wrapped[NONCE_BYTES:]
        try:
            return self._wrapping.decrypt(nonce, sealed, _place(row.city, row.subject, "key"))
        except (InvalidTag, ValueError):
            raise Unsealable(f"the key of {row.subject} does not open") from None

    def blind(self, *, purpose: str, value: str, city: int, subject: str) -> BlindRow:
        """The blind index entry that finds `subject` by `value`."""
        return BlindRow(purpose, self.digest(purpose=purpose, value=value), city, subject)

    def seal_for(self, *, purpose: str, token: str, plain: bytes) -> bytes:
        """Seal something for whoever has this token.

        The key is made of the house's secret and the token, of which the database holds a hash only: neither a copy of
        the database nor the house's keys open it without the bearer. A token seals one record, so no nonce comes twice.
        """
        nonce = random_bytes(NONCE_BYTES)
        return nonce + self._bearers(purpose, token).encrypt(nonce, plain, purpose.encode())

    def unseal_for(self, *, purpose: str, token: str, sealed: bytes) -> bytes:
        """Open what was sealed for this token. Raises `Unsealable`."""
        try:
            return self._bearers(purpose, token).decrypt(
                sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], purpose.encode()
            )
        except (InvalidTag, ValueError):
            raise Unsealable(f"{purpose}: what was sealed for a token does not open") from None

    def _bearers(self, purpose: str, token: str) -> AESGCM:
        return AESGCM(self.digest(purpose=f"key of a bearer: {purpose}", value=token))

    def digest(self, *, purpose: str, value: str) -> bytes:
        """The keyed hash by which a value is looked for; says nothing without the key."""
        return hmac.digest(self._blinding, f"{purpose}\x1f{value}".encode(), hashlib.sha256)


def seal(*, key: bytes, city: int, subject: str, name: str, plain: bytes) -> VaultRow:
    """Seal one record under a subject's data key."""
    nonce = random_bytes(NONCE_BYTES)
    return VaultRow(
        city, subject, name, nonce + AESGCM(key).encrypt(nonce, plain, _place(city, subject, name))
    )


def unseal(*, key: bytes, row: VaultRow) -> bytes:
    """Open one record. Raises `Unsealable` when it was altered, moved, or sealed under another key."""
    nonce, sealed = row.sealed[:NONCE_BYTES], row.sealed[NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, sealed, _place(row.city, row.subject, row.name))
    except (InvalidTag, ValueError):
        raise Unsealable(f"the record {row.name} of {row.subject} does not open") from None


def seal_all(
    *, keys: VaultKeys, city: int, subject: str, records: Mapping[str, bytes]
) -> tuple[VaultKeyRow, tuple[VaultRow, ...]]:
    """A new subject with all its records."""
    key, wrapped = keys.new_key(city=city, subject=subject)
    rows = tuple(
        seal(key=key, city=city, subject=subject, name=name, plain=plain) for name, plain in records.items()
    )
    return wrapped, rows


def _place(city: int, subject: str, name: str) -> bytes:
    return f"{city}\x1f{subject}\x1f{name}".encode()
