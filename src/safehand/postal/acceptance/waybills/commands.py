"""What may be asked of a city's numbers."""

from typing import Final

from safehand.kernel.machine import Command
from safehand.link.messages import Reference


class Draw(Command, frozen=True, kw_only=True, tag="range.draw"):
    """The next number, for an order (follows from the order)."""

    order: Reference


RangeCommand = Draw

ROLES: Final[dict[type[Command], frozenset[str]]] = {Draw: frozenset()}  # follows only
