"""A city's waybill numbers: open, nearly used up, used up."""

from enum import StrEnum
from typing import Final

from safehand.kernel.steps import Table, Wait
from safehand.postal.acceptance.waybills import events
from safehand.postal.steps import PostalStep


class State(StrEnum):
    """How much is left."""

    NOT_BEGUN = "not_begun"
    OPEN = "open"
    NEARLY_USED_UP = "nearly_used_up"
    USED_UP = "used_up"


class Numbers(PostalStep, frozen=True, kw_only=True, omit_defaults=True):
    """How many numbers of the city's ranges are gone; the ranges themselves are in the city's file."""

    state: State = State.NOT_BEGUN
    drawn: int = 0


TABLE: Final[Table] = {
    (State.NOT_BEGUN, events.WaybillDrawn): State.OPEN,
    (State.OPEN, events.WaybillDrawn): State.OPEN,
    (State.NEARLY_USED_UP, events.WaybillDrawn): State.NEARLY_USED_UP,
    (State.OPEN, events.NearlyUsedUp): State.NEARLY_USED_UP,
    (State.NOT_BEGUN, events.DrawMissed): State.USED_UP,
    (State.OPEN, events.DrawMissed): State.USED_UP,
    (State.NEARLY_USED_UP, events.DrawMissed): State.USED_UP,
    (State.USED_UP, events.DrawMissed): State.USED_UP,
    (State.NEARLY_USED_UP, events.Widened): State.OPEN,
    (State.USED_UP, events.Widened): State.OPEN,
}
# An open range waits for nothing: it is always ready.
WAITING: Final[dict[State, Wait]] = {
    State.NEARLY_USED_UP: Wait(owner="postal_manager"),
    State.USED_UP: Wait(owner="postal_manager"),
}
TERMINAL: Final = frozenset({State.OPEN})
