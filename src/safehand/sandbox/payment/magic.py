"""Which outcome a payment or refund has in the sandbox: the payer's choice, the order's mark or the amount's last digits."""

from safehand.sandbox.payment.wire import MAGIC_FEN, Outcome, PaymentState, RefundState

_MARKS: dict[str, Outcome] = {
    "declined": "declined",
    "pending_then_paid": "pending_then_paid",
    "pending_then_failed": "pending_then_failed",
    "timeout": "timeout",
    "duplicate_callback": "duplicate_callback",
}
REFUND_FAILS_MARK = "refund_fails"


def outcome_of(*, chosen: Outcome | None, order_ref: str, amount_fen: int) -> Outcome:
    """The outcome: what the payer chose, else the order's ending (`…:declined`), else the fen (`…01`), else paid."""
    if chosen is not None:
        return chosen
    mark = _MARKS.get(order_ref.rpartition(":")[2])
    if mark is not None:
        return mark
    return MAGIC_FEN.get(amount_fen % 100, "paid")


def first_state(outcome: Outcome) -> PaymentState:
    """The state right after the payer's act."""
    match outcome:
        case "paid" | "timeout" | "duplicate_callback":
            return "paid"
        case "declined":
            return "declined"
        case "pending_then_paid" | "pending_then_failed":
            return "pending"


def settled_state(outcome: str) -> PaymentState:
    """The state that a pending payment ends in."""
    return "paid" if outcome == "pending_then_paid" else "failed"


def refund_state(order_ref: str) -> RefundState:
    """Refunds of orders whose reference ends in `:refund_fails` fail; all others succeed."""
    return "failed" if order_ref.rpartition(":")[2] == REFUND_FAILS_MARK else "refunded"
