"""Acceptance of one item: ordered, numbered, signed for. State × event → state."""

from enum import StrEnum
from typing import Final

from safehand.kernel.steps import Table, Wait
from safehand.postal.acceptance import events
from safehand.postal.steps import PostalStep


class State(StrEnum):
    """How far the item is on its way into the post's hands."""

    NOT_BEGUN = "not_begun"
    AWAITING_NUMBER = "awaiting_number"
    AWAITING_HANDOVER = "awaiting_handover"
    ACCEPTED = "accepted"
    CANCELLED = "cancelled"
    REFUSED = "refused"


class Acceptance(PostalStep, frozen=True, kw_only=True, omit_defaults=True):
    """The number, its label and the bag in which the item came."""

    state: State = State.NOT_BEGUN
    tries: int = 0
    """How often no number was left."""
    waybill: str = ""
    token: bytes = b""
    """What the label's QR code holds: opaque, and of no use without the post."""
    prints: int = 0
    bag: str = ""


TABLE: Final[Table] = {
    (State.NOT_BEGUN, events.OrderReceived): State.AWAITING_NUMBER,
    (State.NOT_BEGUN, events.OrderTurnedAway): State.REFUSED,
    (State.AWAITING_NUMBER, events.NumberMissed): State.AWAITING_NUMBER,
    (State.AWAITING_NUMBER, events.NumberSought): State.AWAITING_NUMBER,
    (State.AWAITING_NUMBER, events.OrderRefused): State.REFUSED,
    (State.AWAITING_NUMBER, events.OrderCancelled): State.CANCELLED,
    (State.AWAITING_NUMBER, events.WaybillAllocated): State.AWAITING_HANDOVER,
    (State.AWAITING_HANDOVER, events.LabelPrinted): State.AWAITING_HANDOVER,
    (State.AWAITING_HANDOVER, events.OrderCancelled): State.CANCELLED,
    (State.AWAITING_HANDOVER, events.Escalated): State.AWAITING_HANDOVER,
    (State.AWAITING_HANDOVER, events.Accepted): State.ACCEPTED,
    (State.ACCEPTED, events.LabelPrinted): State.ACCEPTED,
}
WAITING: Final[dict[State, Wait]] = {
    # Numbers are added to the city's file by the manager; the clock asks again by itself.
    State.AWAITING_NUMBER: Wait(owner="postal_manager", clock="number_retry"),
    State.AWAITING_HANDOVER: Wait(owner="acceptance_clerk", clock="handover_due"),
}
TERMINAL: Final = frozenset({State.ACCEPTED, State.CANCELLED, State.REFUSED})
