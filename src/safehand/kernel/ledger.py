"""Double entry of custody: each unit is in exactly one account; a move needs a giver and a taker.

`offered` is pending (the unit stays with the giver), `accepted` posts it, `refused` voids it. The book refuses
every move that does not fit what it says: a unit can't leave an account where it is not.
"""

from collections.abc import Mapping

import msgspec

from safehand.kernel.machine import Move


class BooksDisagree(Exception):
    """A machine wrote a move that the book of custody contradicts: a bug, never a user's mistake."""


class Standing(msgspec.Struct, frozen=True, array_like=True):
    """Where a unit stands, and to whom it has been offered, if so."""

    account: str
    pending: str | None = None


Units = Mapping[str, Standing]


def posted(*, units: Units, move: Move) -> dict[str, Standing]:
    """The book after one move. Raises `BooksDisagree` when the move contradicts the book."""
    standing = units.get(move.unit)
    match move.phase:
        case "opened":
            fits, after = standing is None, Standing(move.taker)
        case "offered":
            fits, after = standing == Standing(move.giver), Standing(move.giver, move.taker)
        case "accepted":
            fits, after = standing == Standing(move.giver, move.taker), Standing(move.taker)
        case "refused":
            fits, after = standing == Standing(move.giver, move.taker), Standing(move.giver)
        case "moved":
            fits, after = standing == Standing(move.giver), Standing(move.taker)
    if not fits:
        raise BooksDisagree(
            f"{move.unit}: {move.phase} {move.giver} -> {move.taker}, but the book has {standing}"
        )
    return {**units, move.unit: after}
