"""What can happen to a payment. References are the payment service's, never a person's account."""

from datetime import datetime
from typing import Literal

from safehand.kernel.machine import Event

Part = Literal["", "amends", "postage"]
"""What goes back of a payment: empty, all that there is to give back of it; or a part, while the rest of it stays."""


class _OfFeeAndPostage(Event, frozen=True, kw_only=True):
    """The official fee and the postage stay apart, also where both are one sum."""

    postage_fen: int = 0
    """What is prepaid for the sending; 0: nothing is."""

    @property
    def prepaid(self) -> bool:
        """Whether there is postage in it."""
        return self.postage_fen > 0


class PaymentOpened(_OfFeeAndPostage, frozen=True, kw_only=True, tag="payment.opened"):
    """The fee of the day of approval, with the postage if it is prepaid, and the last moment to pay both."""

    fee_fen: int
    due_at: datetime


class PaymentSettled(_OfFeeAndPostage, frozen=True, kw_only=True, tag="payment.settled"):
    """Paid in full and in time."""

    reference: str
    amount_fen: int
    """Fee and postage together, as they came."""


class PaymentLapsed(Event, frozen=True, kw_only=True, tag="payment.lapsed"):
    """Not paid in time."""


class PaymentClosed(Event, frozen=True, kw_only=True, tag="payment.closed"):
    """Withdrawn before it was paid."""


class PaymentCameLate(Event, frozen=True, kw_only=True, tag="payment.came_late"):
    """Money for an application that has ended: it goes back."""

    reference: str
    amount_fen: int


class PaymentCameTwice(Event, frozen=True, kw_only=True, tag="payment.came_twice"):
    """A second payment: it goes back, the application goes on."""

    reference: str
    amount_fen: int


class RefundOwed(_OfFeeAndPostage, frozen=True, kw_only=True, tag="payment.refund_owed"):
    """Withdrawn after payment: of the fee this much goes back by the dated policy, and the prepaid postage whole."""

    reference: str
    amount_fen: int
    """Both together."""

    @property
    def fee_kept(self) -> bool:
        """Whether it is the postage alone."""
        return self.amount_fen == self.postage_fen


class PaymentKept(Event, frozen=True, kw_only=True, tag="payment.kept"):
    """Withdrawn after payment, and by the dated policy nothing goes back."""


class RefundRecorded(Event, frozen=True, kw_only=True, tag="payment.refund_recorded"):
    """The payment service gave one sum back; others may be owed, or the fee itself stays."""

    reference: str
    refund_reference: str
    amount_fen: int
    part: Part = ""


class RefundsDone(Event, frozen=True, kw_only=True, tag="payment.refunds_done"):
    """Nothing is owed any more."""


class PromiseMissed(Event, frozen=True, kw_only=True, tag="payment.promise_missed"):
    """A promise to the applicant was missed: by the dated rule this much goes back, once in a case."""

    promise: str
    """`examination`, `production` or `post`."""
    amount_fen: int


class AmendsOwed(Event, frozen=True, kw_only=True, tag="payment.amends_owed"):
    """It goes back now, out of what was paid; the fee itself stays."""

    reference: str
    amount_fen: int
    part: Part = ""
    """Empty in events from before postage could be prepaid: what they began to give back is known by that name."""


class PostageOwed(Event, frozen=True, kw_only=True, tag="payment.postage_owed"):
    """The case has ended and nothing was ever posted: what was prepaid for that goes back; the fee itself stays."""

    reference: str
    amount_fen: int


PaymentEvent = (
    PaymentOpened
    | PaymentSettled
    | PaymentLapsed
    | PaymentClosed
    | PaymentCameLate
    | PaymentCameTwice
    | RefundOwed
    | PaymentKept
    | RefundRecorded
    | RefundsDone
    | PromiseMissed
    | AmendsOwed
    | PostageOwed
)
