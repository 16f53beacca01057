"""What may be told of a stop."""

from typing import Final

from safehand.kernel.machine import Command
from safehand.link.messages import Reference


class NameStop(Command, frozen=True, kw_only=True, tag="stop.name"):
    """Link 112: these orders go to one door."""

    peer: str
    orders: tuple[Reference, ...]


ROLES: Final[dict[type[Command], frozenset[str]]] = {NameStop: frozenset({"authority"})}
