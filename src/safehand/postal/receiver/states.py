"""Whether somebody else may receive an item. State × event → state. Who it is, is in the vault."""

from enum import StrEnum
from typing import Final

from safehand.kernel.steps import Table, Wait
from safehand.postal.receiver import events
from safehand.postal.steps import PostalStep


class State(StrEnum):
    """Whether somebody is named."""

    NONE = "none"
    NAMED = "named"
    RELEASED = "released"
    FORGOTTEN = "forgotten"


class Receiver(PostalStep, frozen=True, kw_only=True, omit_defaults=True):
    """The latest that the authority said."""

    state: State = State.NONE
    number: int = 0
    """Of who was named, or released, last; what has a lower one is old."""


TABLE: Final[Table] = {
    (State.NONE, events.ReceiverNamed): State.NAMED,
    (State.NAMED, events.ReceiverNamed): State.NAMED,
    (State.RELEASED, events.ReceiverNamed): State.NAMED,
    (State.NAMED, events.ReceiverReleased): State.RELEASED,
    # The release came first: whoever has that number is named no more.
    (State.NONE, events.ReceiverReleased): State.RELEASED,
    (State.RELEASED, events.ReceiverReleased): State.RELEASED,
    (State.NAMED, events.ReceiverForgotten): State.FORGOTTEN,
}
# Nobody waits for whoever is named: the door will show who comes. Once the item is over, a job forgets them (rules).
WAITING: Final[dict[State, Wait]] = {}
HANDED_ON: Final = frozenset({State.NAMED, State.RELEASED})
TERMINAL: Final = frozenset({State.FORGOTTEN})
