"""The delivery code: made from the house's secret and the order, so that no copy of it lies anywhere.

The recipient gets it from the authority when the courier is on the way; the courier keys in what the recipient says;
only the authority can tell whether it fits. The post never holds it before the recipient has said it.
"""

import hashlib
import hmac

CODE_DIGITS = 8


def door_code(*, secret: bytes, order: str) -> str:
    """The code of one order: 8 digits. A wrong guess uses up one of the five tries that a case has."""
    digest = hmac.digest(secret, f"door code\x1f{order}".encode(), hashlib.sha256)
    return f"{int.from_bytes(digest[:8], 'big') % 10**CODE_DIGITS:0{CODE_DIGITS}d}"


def fits(*, secret: bytes, order: str, given: str) -> bool:
    """Whether the code is this order's, compared in constant time."""
    return hmac.compare_digest(door_code(secret=secret, order=order).encode(), given.strip().encode())
