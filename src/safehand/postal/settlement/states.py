"""Postage of one item: due, collected, waived. State × event → state."""

from enum import StrEnum
from typing import Final

from safehand.kernel.steps import Table, Wait
from safehand.postal.settlement import events
from safehand.postal.steps import PostalStep


class State(StrEnum):
    """Whether anybody owes postage."""

    NOT_BEGUN = "not_begun"
    DUE = "due"
    NOTHING_DUE = "nothing_due"
    COLLECTED = "collected"
    WAIVED = "waived"


class Settlement(PostalStep, frozen=True, kw_only=True, omit_defaults=True):
    """The amount; whoever collected it stands in the event."""

    state: State = State.NOT_BEGUN
    amount_fen: int = 0


TABLE: Final[Table] = {
    (State.NOT_BEGUN, events.Owed): State.DUE,
    (State.NOT_BEGUN, events.NothingOwed): State.NOTHING_DUE,
    (State.DUE, events.PostageCollected): State.COLLECTED,
    (State.DUE, events.Waived): State.WAIVED,
    # Paid before, then not delivered: the money stays recorded; the manager refunds it by the daily sums.
    (State.COLLECTED, events.Waived): State.COLLECTED,
    (State.NOTHING_DUE, events.Waived): State.NOTHING_DUE,
    (State.WAIVED, events.Waived): State.WAIVED,
}
# It is collected with the delivery, whose worklists and clocks bring the courier to the door.
WAITING: Final[dict[State, Wait]] = {State.DUE: Wait(owner="courier")}
TERMINAL: Final = frozenset({State.NOTHING_DUE, State.COLLECTED, State.WAIVED})
