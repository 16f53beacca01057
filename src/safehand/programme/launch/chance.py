"""Chance that is a function of the seed and of what it decides: the same question gets the same answer, always.

No question depends on the order of others, so a launch that was cut off and resumed decides everything alike.
"""

import hashlib
from datetime import timedelta


class Chance:
    """Draws by name."""

    def __init__(self, *, seed: int) -> None:
        self._seed = str(seed).encode()

    def share(self, *about: object) -> float:
        """A number in [0, 1) for this question."""
        text = "\x1f".join(map(str, about)).encode()
        digest = hashlib.blake2b(text, key=self._seed, digest_size=8).digest()
        return int.from_bytes(digest, "big") / 2**64

    def happens(self, share: float, *about: object) -> bool:
        """Whether something that happens to this share of cases happens to this one."""
        return self.share(*about) < share

    def between(self, least: timedelta, most: timedelta, *about: object) -> timedelta:
        """A time span, evenly spread."""
        return least + (most - least) * self.share(*about)

    def token(self, *about: object) -> str:
        """64 hexadecimal characters, for digests of pictures that nobody took."""
        text = "\x1f".join(map(str, about)).encode()
        return hashlib.blake2b(text, key=self._seed, digest_size=32).hexdigest()
