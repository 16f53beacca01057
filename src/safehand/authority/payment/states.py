"""The states of a payment, how they follow each other, and who waits where."""

from enum import StrEnum
from typing import Final

import msgspec

from safehand.authority.payment import events as e
from safehand.kernel.steps import ClockedStep, Table, Wait


class PaymentState(StrEnum):
    """Where the fee stands."""

    NONE = "none"
    AWAITING = "awaiting"
    PAID = "paid"
    LAPSED = "lapsed"
    CLOSED = "closed"
    REFUND_DUE = "refund_due"
    REFUNDED = "refunded"


S = PaymentState

WORDS: Final = {
    S.NONE: ("not yet due", "尚未到缴费环节"),
    S.AWAITING: ("waiting for payment", "待缴费"),
    S.PAID: ("paid", "已缴费"),
    S.LAPSED: ("lapsed", "逾期未缴费"),
    S.CLOSED: ("closed", "已终止"),
    S.REFUND_DUE: ("being refunded", "退款中"),
    S.REFUNDED: ("refunded", "已退款"),
}

TABLE: Final[Table] = {
    (S.NONE, e.PaymentOpened): S.AWAITING,
    (S.AWAITING, e.PaymentSettled): S.PAID,
    (S.AWAITING, e.PaymentLapsed): S.LAPSED,
    (S.AWAITING, e.PaymentClosed): S.CLOSED,
    (S.PAID, e.PaymentCameTwice): S.PAID,
    (S.PAID, e.RefundRecorded): S.PAID,
    (S.PAID, e.RefundOwed): S.REFUND_DUE,
    (S.PAID, e.PaymentKept): S.CLOSED,
    (S.LAPSED, e.PaymentCameLate): S.REFUND_DUE,
    (S.CLOSED, e.PaymentCameLate): S.REFUND_DUE,
    (S.REFUND_DUE, e.PaymentCameLate): S.REFUND_DUE,
    (S.REFUND_DUE, e.RefundRecorded): S.REFUND_DUE,
    (S.REFUND_DUE, e.RefundsDone): S.REFUNDED,
    (S.REFUNDED, e.PaymentCameLate): S.REFUND_DUE,
    **{(state, e.PromiseMissed): state for state in (S.NONE, S.PAID)},
    (S.PAID, e.AmendsOwed): S.PAID,
    # A double payment may still be owed when the policy keeps the fee itself.
    (S.CLOSED, e.RefundRecorded): S.CLOSED,
}
WAITING: Final = {
    S.AWAITING: Wait(owner="applicant", clock="pay_days"),
    S.REFUND_DUE: Wait(owner="system"),
}
HANDED_ON: Final = frozenset({S.PAID})
TERMINAL: Final = frozenset({S.LAPSED, S.CLOSED, S.REFUNDED})


class Owed(msgspec.Struct, frozen=True, array_like=True):
    """A sum that must go back: for which payment, how much."""

    reference: str
    amount_fen: int


class Payment(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """The fee and every payment that came for it."""

    state: PaymentState = S.NONE
    fee_fen: int = 0
    references: tuple[str, ...] = ()
    """Every payment taken in, the one that settled first: none may count, or go back, twice."""
    owed: tuple[Owed, ...] = ()
    missed: str = ""
    """Which promise was missed first; the others make it no more."""
    amends_fen: int = 0
    amends_owed: bool = False
    """They are owed, or went back."""
