"""What can happen to a payment. References are the payment service's, never a person's account."""

from datetime import datetime

from safehand.kernel.machine import Event


class PaymentOpened(Event, frozen=True, kw_only=True, tag="payment.opened"):
    """The fee of the day of approval and the last moment to pay it."""

    fee_fen: int
    due_at: datetime


class PaymentSettled(Event, frozen=True, kw_only=True, tag="payment.settled"):
    """Paid in full and in time."""

    reference: str
    amount_fen: int


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


class RefundOwed(Event, frozen=True, kw_only=True, tag="payment.refund_owed"):
    """Withdrawn after payment: by the dated policy this much goes back."""

    reference: str
    amount_fen: int


class PaymentKept(Event, frozen=True, kw_only=True, tag="payment.kept"):
    """Withdrawn after payment, and by the dated policy nothing goes back."""


class RefundRecorded(Event, frozen=True, kw_only=True, tag="payment.refund_recorded"):
    """The payment service gave one sum back; others may be owed, or the fee itself stays."""

    reference: str
    refund_reference: str
    amount_fen: int


class RefundsDone(Event, frozen=True, kw_only=True, tag="payment.refunds_done"):
    """Nothing is owed any more."""


class PromiseMissed(Event, frozen=True, kw_only=True, tag="payment.promise_missed"):
    """A promise to the applicant was missed: by the dated rule this much goes back, once in a case."""

    promise: str
    """`examination`, `production` or `post`."""
    amount_fen: int


class AmendsOwed(Event, frozen=True, kw_only=True, tag="payment.amends_owed"):
    """It goes back now, out of the fee that was paid; the fee itself stays."""

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
)
