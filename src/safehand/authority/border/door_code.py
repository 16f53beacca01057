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


def agent_code(*, secret: bytes, order: str, number: int) -> str:
    """The code of a case's n-th agent for one order: another one than the recipient's, and than any agent's before."""
    return door_code(secret=secret, order=f"{order}\x1fagent\x1f{number}")


def phone_code(*, secret: bytes, case: str, change: int) -> str:
    """The code that proves a case's n-th other telephone number."""
    return door_code(secret=secret, order=f"{case}\x1fphone\x1f{change}")


def proves_phone(*, secret: bytes, case: str, change: int, given: str) -> bool:
    """Whether it is that code, compared in constant time."""
    right = phone_code(secret=secret, case=case, change=change)
    return hmac.compare_digest(right.encode(), given.strip().encode())


def agent_of(*, secret: bytes, order: str, given: str, most: int) -> int:
    """Which agent's code it is, of `most` that there may have been; 0: none's."""
    said = given.strip().encode()
    found = 0
    for number in range(1, most + 1):  # all of them, however early one fits
        if hmac.compare_digest(agent_code(secret=secret, order=order, number=number).encode(), said):
            found = number
    return found


def fits(*, secret: bytes, order: str, given: str) -> bool:
    """Whether the code is this order's, compared in constant time."""
    return hmac.compare_digest(door_code(secret=secret, order=order).encode(), given.strip().encode())
