"""Whether the authority asks after an item. State × event → state. It moves nothing: who has the item, the custody says."""

from enum import StrEnum
from typing import Final

from safehand.kernel.steps import Table, Wait
from safehand.link.messages import Finding
from safehand.postal.inquiry import events
from safehand.postal.steps import PostalStep


class State(StrEnum):
    """Whether somebody must find out."""

    NONE = "none"
    OPEN = "open"
    ANSWERED = "answered"
    ENDED = "ended"


class Inquiry(PostalStep, frozen=True, kw_only=True, omit_defaults=True):
    """The last one; an item may be asked after more than once."""

    state: State = State.NONE
    number: int = 0
    finding: Finding | None = None


TABLE: Final[Table] = {
    (State.NONE, events.InquiryOpened): State.OPEN,
    # Asked again before there was an answer: the last question is the one to answer.
    (State.OPEN, events.InquiryOpened): State.OPEN,
    (State.ANSWERED, events.InquiryOpened): State.OPEN,
    (State.ENDED, events.InquiryOpened): State.OPEN,
    # It is in hand after all, or the authority has settled it: nobody is to look for it in vain.
    (State.OPEN, events.InquiryEnded): State.ENDED,
    (State.OPEN, events.Escalated): State.OPEN,
    (State.OPEN, events.InquiryAnswered): State.ANSWERED,
}
WAITING: Final[dict[State, Wait]] = {State.OPEN: Wait(owner="postal_manager", clock="inquiry_due")}
HANDED_ON: Final = frozenset({State.ANSWERED, State.ENDED})
TERMINAL: Final = frozenset[State]()
