"""Personal parts of messages: sealed under a key per case, wrapped for the receiver; signatures cover ciphertext.

The sender derives a link key from the case's vault key, so destroying the case key ends that too. The link key is
wrapped with a key agreed by X25519 (RFC 7748) between an ephemeral key, used for one batch of messages, and the
receiver's sealing key, through HKDF-SHA-256 (RFC 5869). Sealing and wrapping are AES-256-GCM; both are bound to
sender, receiver, city and subject, so that a part can't be moved to another message.

A part on the wire: ephemeral public key (32 bytes), nonce (12), wrapped link key (48), nonce (12), ciphertext.
"""

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from safehand.kernel.entropy import random_bytes
from safehand.link.keys import KeyRing

PART_BYTES_MAX = 4_096
_EPHEMERAL, _NONCE, _WRAPPED = 32, 12, 48
AGREED_MAX = 256
"""How many agreed keys a receiver remembers (one per batch of the sender)."""


class Unopenable(Exception):
    """A personal part does not open: altered, moved to another message, or not sealed for this house."""


def link_key(*, case_key: bytes, peer: str) -> bytes:
    """The key under which one case's part for one peer is sealed."""
    return _derive(secret=case_key, info=f"safehand link key for {peer}")


class Sealer:
    """Seals the personal parts of one batch of messages for one peer."""

    def __init__(self, *, ring: KeyRing, peer: str) -> None:
        ephemeral = X25519PrivateKey.from_private_bytes(random_bytes(_EPHEMERAL))
        self._public = ephemeral.public_key().public_bytes_raw()
        shared = ephemeral.exchange(ring.sealing_key(peer=peer))
        self._wrapping = AESGCM(
            _derive(secret=shared + self._public, info=f"safehand wrap {ring.name} {peer}")
        )
        self._from_to = f"{ring.name}\x1f{peer}"

    def seal(self, *, key: bytes, city: int, subject: str, plain: bytes) -> bytes:
        """The part for one message; `key` as `link_key` gives it."""
        bound = f"{self._from_to}\x1f{city}\x1f{subject}".encode()
        wrap_nonce, nonce = random_bytes(_NONCE), random_bytes(_NONCE)
        wrapped = self._wrapping.encrypt(wrap_nonce, key, bound)
        return self._public + wrap_nonce + wrapped + nonce + AESGCM(key).encrypt(nonce, plain, bound)


class Opener:
    """Opens the personal parts that peers sealed for this house."""

    def __init__(self, *, ring: KeyRing) -> None:
        self._ring = ring
        self._agreed: dict[tuple[str, bytes], AESGCM] = {}

    def open(
        self, part: bytes, *, peer: str, city: int, subject: str, bytes_max: int = PART_BYTES_MAX
    ) -> bytes:
        """What the sender put in. Raises `Unopenable`."""
        head = _EPHEMERAL + _NONCE + _WRAPPED + _NONCE
        if not head < len(part) <= bytes_max:
            raise Unopenable("a personal part has the wrong length")
        wrap_nonce = part[_EPHEMERAL : _EPHEMERAL + _NONCE]
        wrapped = part[_EPHEMERAL + _NONCE : _EPHEMERAL + _NONCE + _WRAPPED]
        nonce, sealed = part[head - _NONCE : head], part[head:]
        bound = f"{peer}\x1f{self._ring.name}\x1f{city}\x1f{subject}".encode()
        try:
            key = self._wrapping(peer=peer, ephemeral=part[:_EPHEMERAL]).decrypt(wrap_nonce, wrapped, bound)
            return AESGCM(key).decrypt(nonce, sealed, bound)
        except (InvalidTag, ValueError):
            raise Unopenable(f"the personal part about {subject} does not open") from None

    def _wrapping(self, *, peer: str, ephemeral: bytes) -> AESGCM:
        known = self._agreed.get((peer, ephemeral))
        if known is None:
            if len(self._agreed) >= AGREED_MAX:
                self._agreed.clear()
            shared = self._ring.sealing.exchange(X25519PublicKey.from_public_bytes(ephemeral))
            info = f"safehand wrap {peer} {self._ring.name}"
            known = self._agreed[peer, ephemeral] = AESGCM(_derive(secret=shared + ephemeral, info=info))
        return known


def _derive(*, secret: bytes, info: str) -> bytes:
    return HKDF(algorithm=hashes.SHA256(), length=32, salt=None, info=info.encode()).derive(secret)
