"""What can be asked of a payment, and by whom."""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta

from safehand.authority.payment.events import Part
from safehand.kernel.machine import Command

PaymentReference = Annotated[str, Meta(min_length=1, max_length=64, pattern=r"^[A-Za-z0-9_-]+$")]
AmountFen = Annotated[int, Meta(ge=1, le=10_000_000)]


class SettlePayment(Command, frozen=True, kw_only=True, tag="payment.settle"):
    """The payment service reports money: `paid_at` is when it was paid there."""

    reference: PaymentReference
    amount_fen: AmountFen
    paid_at: datetime


class PaymentExpired(Command, frozen=True, kw_only=True, tag="payment.expired"):
    """The clock: seven days without payment."""


class RecordRefund(Command, frozen=True, kw_only=True, tag="payment.record_refund"):
    """The payment service gave a sum back for the payment `reference`, or for a part of it."""

    reference: PaymentReference
    refund_reference: PaymentReference
    amount_fen: AmountFen
    part: Part = ""


PaymentCommand = SettlePayment | PaymentExpired | RecordRefund

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    SettlePayment: frozenset({"system"}),
    PaymentExpired: frozenset({"system"}),
    RecordRefund: frozenset({"system"}),
}
