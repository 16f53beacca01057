"""Numbers with which one house answers the other's runs. Programs decide on numbers; nobody reads sentences."""

from enum import IntEnum


class Code(IntEnum):
    """What became of a run of messages, or of a whole request."""

    TAKEN = 0
    """Applied, or already applied before; the position says how far."""
    GAP = 1
    """The run begins after the next number: send from `position` + 1."""
    FORK = 2
    """The run contradicts what was received before under the same numbers: an alarm, nothing is applied."""
    BAD_SIGNATURE = 3
    UNKNOWN_KEY = 4
    """The key is unknown, not yet or no longer valid, or revoked."""
    WRONG_RECEIVER = 5
    WRONG_SENDER = 6
    UNKNOWN_CITY = 7
    MALFORMED = 8
    TOO_LARGE = 9
    BROKEN_CHAIN = 10
    """The hashes inside the run do not lead from `previous` to `head`: cut, reordered or altered."""
    BUSY = 11
    """Not now: send again later. Nothing was applied."""
    PAUSED = 12
    """The city is paused by its operators; it catches up later."""
