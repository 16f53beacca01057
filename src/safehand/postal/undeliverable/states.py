"""What can't be delivered: recalled, returning, in an incident, lost. State × event → state."""

from enum import StrEnum
from typing import Final

from safehand.kernel.steps import Table, Wait
from safehand.link.messages import Reason
from safehand.postal.steps import PostalStep
from safehand.postal.undeliverable import events


class State(StrEnum):
    """How far the item is on its way back."""

    NOT_BEGUN = "not_begun"
    RECALL_PENDING = "recall_pending"
    RETURNING = "returning"
    RETURN_OFFERED = "return_offered"
    RETURNED = "returned"
    INCIDENT = "incident"
    LOST = "lost"
    IN_HAND = "in_hand"


class Undeliverable(PostalStep, frozen=True, kw_only=True, omit_defaults=True):
    """Why it goes back, whether the authority recalled it, and the scans on the way."""

    state: State = State.NOT_BEGUN
    reason: Reason | None = None
    recalled: bool = False
    scans: tuple[str, ...] = ()


_UNDER_WAY: Final = (State.RETURNING, State.RETURN_OFFERED, State.INCIDENT)

TABLE: Final[Table] = {
    (State.NOT_BEGUN, events.RecallNoted): State.RECALL_PENDING,
    (State.NOT_BEGUN, events.RecallAccepted): State.RETURNING,
    (State.NOT_BEGUN, events.RecallRefused): State.NOT_BEGUN,
    (State.RECALL_PENDING, events.RecallAccepted): State.RETURNING,
    (State.RECALL_PENDING, events.RecallRefused): State.NOT_BEGUN,
    # It goes back already, or is being searched for: the recall is granted and changes nothing else.
    **{(state, events.RecallAccepted): state for state in (*_UNDER_WAY, State.LOST)},
    (State.RETURNED, events.RecallRefused): State.RETURNED,
    (State.IN_HAND, events.RecallRefused): State.IN_HAND,
    (State.NOT_BEGUN, events.ReturnStarted): State.RETURNING,
    (State.INCIDENT, events.ReturnStarted): State.RETURNING,
    (State.RETURNING, events.ReturnMoved): State.RETURNING,
    (State.RETURNING, events.ReturnOffered): State.RETURN_OFFERED,
    (State.RETURN_OFFERED, events.OfferWithdrawn): State.RETURNING,
    (State.RETURN_OFFERED, events.ReturnReceived): State.RETURNED,
    (State.IN_HAND, events.ReturnReceived): State.RETURNED,
    **{
        (state, events.IncidentOpened): State.INCIDENT
        for state in (State.NOT_BEGUN, State.RECALL_PENDING, *_UNDER_WAY)
    },
    (State.INCIDENT, events.LossDeclared): State.LOST,
    (State.INCIDENT, events.ItemFound): State.RETURNING,
    (State.LOST, events.ItemFound): State.RETURNING,
    (State.INCIDENT, events.SearchEnded): State.IN_HAND,
    (State.LOST, events.SearchEnded): State.IN_HAND,
    **{(state, events.Escalated): state for state in (State.RECALL_PENDING, *_UNDER_WAY)},
}
WAITING: Final[dict[State, Wait]] = {
    State.RECALL_PENDING: Wait(owner="authority", clock="answer_due"),
    State.RETURNING: Wait(owner="office_clerk", clock="return_due"),
    State.RETURN_OFFERED: Wait(owner="authority", clock="scan_in_due"),
    State.INCIDENT: Wait(owner="postal_manager", clock="search_due"),
}
TERMINAL: Final = frozenset({State.RETURNED, State.LOST, State.IN_HAND})
"""A lost item may still be found."""
