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
    (S.PAID, e.PostageOwed): S.PAID,
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
    """A sum that must go back: for which payment, how much, and which part of it.

    Two parts of one payment may be owed at once, and one may have gone back already: so each has a name, under which it
    goes back once.
    """

    reference: str
    amount_fen: int
    part: e.Part = ""

    @property
    def name(self) -> str:
        """Its name within the case; the payment service keeps the refund under it."""
        return f"{self.reference}/{self.part}" if self.part else self.reference


class Payment(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """The fee, with the postage if it is prepaid, and every payment that came for them."""

    state: PaymentState = S.NONE
    fee_fen: int = 0
    postage_fen: int = 0
    """What is prepaid with the fee; 0: the postage is paid at the door, or none is."""
    references: tuple[str, ...] = ()
    """Every payment taken in, the one that settled first: none may count, or go back, twice."""
    owed: tuple[Owed, ...] = ()
    missed: str = ""
    """Which promise was missed first; the others make it no more."""
    amends_fen: int = 0
    amends_owed: bool = False
    """They are owed, or went back."""
    postage_back_fen: int = 0
    """So much of the prepaid postage is owed, or went back, since nothing was posted."""

    @property
    def due_fen(self) -> int:
        """What must be paid: the fee, and the postage if it is prepaid."""
        return self.fee_fen + self.postage_fen

    @property
    def amends_due_fen(self) -> int:
        """What a missed promise is worth; never more than was paid in all."""
        return min(self.amends_fen, self.due_fen - self.postage_back_fen)
