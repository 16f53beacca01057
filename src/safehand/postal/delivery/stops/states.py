"""A stop is named once, and never changes: what goes together was decided when it went."""

from enum import StrEnum
from typing import Final

from safehand.kernel.steps import Table, Wait
from safehand.postal.delivery.stops import events
from safehand.postal.steps import PostalStep


class State(StrEnum):
    """Whether it is named."""

    NOT_BEGUN = "not_begun"
    NAMED = "named"


class Stop(PostalStep, frozen=True, kw_only=True, omit_defaults=True):
    """The orders of one door."""

    state: State = State.NOT_BEGUN
    peer: str = ""
    orders: tuple[str, ...] = ()


TABLE: Final[Table] = {(State.NOT_BEGUN, events.StopNamed): State.NAMED}
WAITING: Final[dict[State, Wait]] = {}
TERMINAL: Final = frozenset({State.NAMED})
