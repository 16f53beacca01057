"""Delivery of one item: at the office, with the courier, claimed, delivered, held. State × event → state."""

from datetime import date, datetime
from enum import StrEnum
from typing import Final

import msgspec

from safehand.kernel.steps import Table, Wait
from safehand.link.messages import Reason, Wish
from safehand.postal.delivery import events
from safehand.postal.steps import PostalStep


class State(StrEnum):
    """How near the item is to its recipient's hands."""

    NOT_BEGUN = "not_begun"
    AT_OFFICE = "at_office"
    WITH_COURIER = "with_courier"
    ATTEMPTED = "attempted"
    CLAIMED = "claimed"
    HELD = "held"
    CLAIMED_AT_COUNTER = "claimed_at_counter"
    NONCONFORMING = "nonconforming"
    DELIVERED = "delivered"
    STOPPED = "stopped"


class After(StrEnum):
    """What becomes of an item after a failed attempt, once it is back at the office."""

    TRY_AGAIN = "try_again"
    COUNTER = "counter"
    RETURN = "return"


class Wished(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The recipient's last wish. Couriers and clerks read it with the item on their worklist."""

    number: int
    wish: Wish
    day: date | None = None
    since: datetime
    """When the post heard it: what was done before was done rightly."""
    used: bool = False
    """A visit ended by it already: one wish excuses one."""


class Delivery(PostalStep, frozen=True, kw_only=True, omit_defaults=True):
    """The round, the attempts, the claim and the proof."""

    state: State = State.NOT_BEGUN
    office: str = ""
    courier: str = ""
    """The last courier or counter clerk who had it for hand-over."""
    attempts: int = 0
    """All visits that failed, by which they are numbered."""
    excused: int = 0
    """Those among them that ended by the recipient's own wish."""
    wished: Wished | None = None
    reason: Reason | None = None
    """Of the last failed attempt."""
    after: After = After.TRY_AGAIN
    claims: int = 0
    reported: bool = False
    """It was once left elsewhere: its recipient may confirm that to the authority, whatever has become of it since."""
    held_at: datetime | None = None
    """When holding began; claims at the counter don't lengthen it."""
    stop: str = ""
    """Of items that go to the same door; empty: it goes by itself."""
    scan_id: str = ""
    """Of the last taking out, bringing back or holding."""
    evidence: bytes = b""
    nears: int = 0
    """How often its recipient was told in this round that the courier is near."""


_AT_DOOR: Final = (State.WITH_COURIER, State.ATTEMPTED)
_CLAIMED: Final = (State.CLAIMED, State.CLAIMED_AT_COUNTER)
_UNPROVEN: Final = (*_AT_DOOR, *_CLAIMED, State.AT_OFFICE, State.HELD, State.NONCONFORMING)

TABLE: Final[Table] = {
    (State.NOT_BEGUN, events.Ready): State.AT_OFFICE,
    (State.AT_OFFICE, events.Ready): State.AT_OFFICE,
    (State.AT_OFFICE, events.Left): State.NOT_BEGUN,
    (State.AT_OFFICE, events.TakenOut): State.WITH_COURIER,
    (State.AT_OFFICE, events.Held): State.HELD,
    (State.HELD, events.TakenOut): State.WITH_COURIER,
    (State.HELD, events.Claimed): State.CLAIMED_AT_COUNTER,
    (State.HELD, events.HoldingEnded): State.STOPPED,
    (State.HELD, events.RejectedAtDoor): State.STOPPED,
    **{(state, events.Approached): state for state in _AT_DOOR},
    **{(state, events.Claimed): State.CLAIMED for state in _AT_DOOR},
    **{(state, events.AttemptFailed): State.ATTEMPTED for state in _AT_DOOR},
    **{(state, events.BroughtBack): State.AT_OFFICE for state in _AT_DOOR},
    **{(state, events.RejectedAtDoor): State.STOPPED for state in (*_AT_DOOR, *_CLAIMED)},
    **{(state, events.ReportedNonconforming): State.NONCONFORMING for state in (*_AT_DOOR, State.CLAIMED)},
    # The only ways to DELIVERED: a sealed proof, and nothing else.
    **{(state, events.ProofRecorded): State.DELIVERED for state in (*_CLAIMED, State.NONCONFORMING)},
    # Nobody at the post knows where it is; its recipient told the authority, which sealed it.
    (State.STOPPED, events.ProofRecorded): State.DELIVERED,
    # A stop is named whenever the authority says so, also before the order has come.
    **{(state, events.StopJoined): state for state in (*_UNPROVEN, State.NOT_BEGUN)},
    (State.CLAIMED, events.ClaimRefused): State.WITH_COURIER,
    (State.CLAIMED, events.ClaimVoided): State.WITH_COURIER,
    (State.CLAIMED_AT_COUNTER, events.ClaimRefused): State.HELD,
    (State.CLAIMED_AT_COUNTER, events.ClaimVoided): State.HELD,
    (State.NONCONFORMING, events.TakenBack): State.WITH_COURIER,
    # A courier who still has a stopped item brings it back with the same act as ever.
    (State.STOPPED, events.BroughtBack): State.STOPPED,
    (State.STOPPED, events.ProofCameLate): State.STOPPED,
    **{(state, events.ProofCameLate): State.STOPPED for state in (*_AT_DOOR, State.AT_OFFICE, State.HELD)},
    # It was at a door, was brought back, and has left the office once more (sorted wrongly).
    (State.NOT_BEGUN, events.ProofCameLate): State.STOPPED,
    **{
        (state, events.OldClaimAnswered): state
        for state in (*_UNPROVEN, State.NOT_BEGUN, State.DELIVERED, State.STOPPED)
    },
    **{
        (state, events.Escalated): state
        for state in (*_AT_DOOR, *_CLAIMED, State.AT_OFFICE, State.NONCONFORMING)
    },
    **{(state, events.WishRecorded): state for state in (*_UNPROVEN, State.NOT_BEGUN)},
    **{(state, events.Stopped): State.STOPPED for state in (*_UNPROVEN, State.NOT_BEGUN, State.STOPPED)},
}
WAITING: Final[dict[State, Wait]] = {
    State.AT_OFFICE: Wait(owner="office_clerk", clock="take_out_due"),
    # An item must not stay with a courier overnight.
    State.WITH_COURIER: Wait(owner="courier", clock="round_end"),
    State.ATTEMPTED: Wait(owner="courier", clock="round_end"),
    State.CLAIMED: Wait(owner="authority", clock="answer_due"),
    State.HELD: Wait(owner="office_clerk", clock="held_until"),
    State.CLAIMED_AT_COUNTER: Wait(owner="authority", clock="answer_due"),
    State.NONCONFORMING: Wait(owner="postal_manager", clock="nonconforming_due"),
}
TERMINAL: Final = frozenset({State.DELIVERED, State.STOPPED})
