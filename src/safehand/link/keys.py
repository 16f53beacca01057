"""Keys of the link: this house's own, and the peers' with the time in which each is valid. One algorithm per key."""

from collections.abc import Mapping, Sequence
from datetime import datetime

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey


class UnknownKey(Exception):
    """No such key of this peer is valid at this time."""


class BadSignature(Exception):
    """The signature does not fit the key and the bytes."""


class PeerKey(msgspec.Struct, frozen=True, kw_only=True):
    """A peer's public signing key (Ed25519, RFC 8032) and when it may be used."""

    key_id: str
    public: bytes
    not_before: datetime | None = None
    not_after: datetime | None = None
    revoked_at: datetime | None = None


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Another house: its name, its keys, where it answers, and the cities it may speak of."""

    name: str
    keys: tuple[PeerKey, ...]
    sealing: bytes
    """X25519 public key (RFC 7748) to which personal parts are sealed."""
    url: str = ""
    cities: tuple[int, ...] = ()
    """Empty: all cities."""


class KeyRing:
    """Signs as this house and verifies as its peers; keys that overlap in time allow rotation under traffic."""

    def __init__(
        self, *, name: str, key_id: str, signing: bytes, sealing: bytes, peers: Sequence[Peer] = ()
    ) -> None:
        self.name = name
        self.key_id = key_id
        self.private = Ed25519PrivateKey.from_private_bytes(signing)
        self.sealing = X25519PrivateKey.from_private_bytes(sealing)
        self.peers: Mapping[str, Peer] = {peer.name: peer for peer in peers}
        self._public = {
            (peer.name, key.key_id): (Ed25519PublicKey.from_public_bytes(key.public), key)
            for peer in peers
            for key in peer.keys
        }
        self._sealing = {peer.name: X25519PublicKey.from_public_bytes(peer.sealing) for peer in peers}

    def sign(self, message: bytes) -> bytes:
        """An Ed25519 signature by this house's present key."""
        return self.private.sign(message)

    def public_key(self, *, peer: str, key_id: str, now: datetime) -> Ed25519PublicKey:
        """A peer's key, if it may be used now. Raises `UnknownKey`."""
        found = self._public.get((peer, key_id))
        if found is None:
            raise UnknownKey(f"{peer} has no key {key_id}")
        public, key = found
        for limit, broken in ((key.not_before, -1), (key.not_after, 1), (key.revoked_at, 1)):
            if limit is not None and (now < limit if broken < 0 else now >= limit):
                raise UnknownKey(f"key {key_id} of {peer} is not valid at this time")
        return public

    def verify(self, message: bytes, signature: bytes, *, peer: str, key_id: str, now: datetime) -> None:
        """Raises `UnknownKey` or `BadSignature`."""
        try:
            self.public_key(peer=peer, key_id=key_id, now=now).verify(signature, message)
        except InvalidSignature:
            raise BadSignature(f"a signature of {peer} with key {key_id} does not hold") from None

    def verify_as_of(self, message: bytes, signature: bytes, *, peer: str, at: datetime) -> None:
        """Whether a peer signed this with any key that was valid at `at`. Raises `BadSignature`.

        For what was signed before the run that brings it: the peer may have changed its key in between, and the run's
        own signature vouches for the time.
        """
        for name, key_id in self._public:
            if name != peer:
                continue
            try:
                self.verify(message, signature, peer=peer, key_id=key_id, now=at)
            except (BadSignature, UnknownKey):
                continue
            return
        raise BadSignature(f"no key of {peer} that was valid at the time has made this signature")

    def sealing_key(self, *, peer: str) -> X25519PublicKey:
        """The key to which personal parts for this peer are sealed. Raises `UnknownKey`."""
        found = self._sealing.get(peer)
        if found is None:
            raise UnknownKey(f"{peer} has no sealing key")
        return found
