"""The payment service's messages, as they stand on the wire."""

from datetime import datetime
from typing import Annotated, Final, Literal

import msgspec
from msgspec import Meta

from safehand.kernel.money import AMOUNT_FEN_MAX
from safehand.sandbox.web import BATCH_ITEMS_MAX, Problem

Key = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_.:#/-]+$")]
AmountFen = Annotated[int, Meta(ge=1, le=AMOUNT_FEN_MAX)]

Outcome = Literal[
    "paid",
    "declined",
    "pending_then_paid",
    "pending_then_failed",
    "timeout",
    "duplicate_callback",
]
"""What becomes of a payment once its payer acts; the payer of a sandbox chooses it, or a magic value does."""
PaymentState = Literal["open", "pending", "paid", "declined", "failed"]
RefundState = Literal["refunded", "failed"]

MAGIC_FEN: Final[dict[int, Outcome]] = {
    1: "declined",
    2: "pending_then_paid",
    3: "pending_then_failed",
    4: "timeout",
    5: "duplicate_callback",
}
"""By the last two digits of the amount: 120.01 yuan is declined, 120.02 pends and is then paid, and so on."""


class Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message with these fields and no others."""


class NewPayment(Frozen, frozen=True, kw_only=True):
    """Asks for a payment; the same key with the same content is the same payment."""

    key: Key
    amount_fen: AmountFen
    order_ref: Key
    return_url: Annotated[str, Meta(max_length=500, pattern=r"^(https?://[!-~]+)?$")] = ""
    outcome: Outcome | None = None
    """Only with the batch that also pays: what the payer's act leads to."""


class PaymentBatch(Frozen, frozen=True, kw_only=True):
    """Creates and, with `pay`, also pays up to 500 at once. `quiet`: without callbacks."""

    payments: Annotated[list[NewPayment], Meta(min_length=1, max_length=BATCH_ITEMS_MAX)]
    pay: bool = False
    quiet: bool = False


class PayAct(Frozen, frozen=True, kw_only=True):
    """The payer's act."""

    outcome: Outcome | None = None


class StatusBatch(Frozen, frozen=True, kw_only=True):
    """Asks for the payments of these keys."""

    keys: Annotated[list[Key], Meta(min_length=1, max_length=BATCH_ITEMS_MAX)]


class NewRefund(Frozen, frozen=True, kw_only=True):
    """Asks to give back a part of a payment or all of it."""

    key: Key
    payment_id: Key
    amount_fen: AmountFen


class RefundBatch(Frozen, frozen=True, kw_only=True):
    """Up to 500 refunds; each stands for itself."""

    refunds: Annotated[list[NewRefund], Meta(min_length=1, max_length=BATCH_ITEMS_MAX)]


class Payment(Frozen, frozen=True, kw_only=True):
    """A payment as it stands. `pay_url` is where its payer pays."""

    id: str
    key: str
    order_ref: str
    amount_fen: int
    refunded_fen: int
    state: PaymentState
    pay_url: str
    created_at: datetime
    settled_at: datetime | None


class Refund(Frozen, frozen=True, kw_only=True):
    """A refund as it stands."""

    id: str
    key: str
    payment_id: str
    amount_fen: int
    state: RefundState
    created_at: datetime


class PaymentAnswer(Frozen, frozen=True, kw_only=True):
    """One item of a batch's answer: the payment, or why not."""

    key: str
    payment: Payment | None = None
    problem: Problem | None = None


class RefundAnswer(Frozen, frozen=True, kw_only=True):
    """One item of a batch's answer: the refund, or why not."""

    key: str
    refund: Refund | None = None
    problem: Problem | None = None


class StatementLine(Frozen, frozen=True, kw_only=True):
    """Money that moved: a payment received or a refund given, once each."""

    number: int
    at: datetime
    kind: Literal["payment", "refund"]
    id: str
    key: str
    payment_id: str
    order_ref: str
    amount_fen: int


class Statement(Frozen, frozen=True, kw_only=True):
    """One day (Beijing time) of the merchant's account; `next_after` when there is more to fetch."""

    day: str
    closed: bool
    payments: int
    payments_fen: int
    refunds: int
    refunds_fen: int
    lines: list[StatementLine]
    next_after: int | None


class CallbackEvent(Frozen, frozen=True, kw_only=True):
    """The body of a callback: thin, it names the payment and says nothing of the payer."""

    type: Literal[
        "payment.paid",
        "payment.declined",
        "payment.pending",
        "payment.failed",
        "refund.done",
        "refund.failed",
    ]
    timestamp: datetime
    payment_id: str
    key: str
    """The key of the payment or refund."""
    order_ref: str
