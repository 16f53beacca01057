"""What may happen to the fee: settle in full and in time, lapse, and give back what is not ours."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from safehand.authority.payment import commands as c
from safehand.authority.payment import events as e
from safehand.authority.payment import refusals
from safehand.authority.payment.states import TABLE, Owed, Payment
from safehand.authority.payment.states import PaymentState as S
from safehand.authority.rulebook import Answer, Moment
from safehand.kernel.steps import clocked, moved

PAYMENTS_MAX: Final = 20
"""How many payments one application takes in before the payment service must sort it out."""


def settle(step: Payment, command: c.SettlePayment, m: Moment) -> Answer:
    """In full and in time it settles; late or double it is taken in to be given back, never lost."""
    reference, amount = command.reference, command.amount_fen
    if reference in step.references:
        return []
    if step.state is S.NONE:
        return refusals.not_now(step.state)
    if len(step.references) >= PAYMENTS_MAX:
        return refusals.TOO_MANY(count=len(step.references))
    if step.state is S.PAID:
        return [e.PaymentCameTwice(reference=reference, amount_fen=amount)]
    if step.state is not S.AWAITING:
        return [e.PaymentCameLate(reference=reference, amount_fen=amount)]
    # The applicant's act counts, not when we heard of it; but once the clock has been acted upon it is too late.
    if step.due_at is not None and command.paid_at >= step.due_at:
        return [e.PaymentLapsed(), e.PaymentCameLate(reference=reference, amount_fen=amount)]
    if amount != step.fee_fen:
        return refusals.AMOUNT_DIFFERS(fee_fen=step.fee_fen, amount_fen=amount)
    return [e.PaymentSettled(reference=reference, amount_fen=amount)]


def expired(step: Payment, command: c.PaymentExpired, m: Moment) -> Answer:
    """Policy: "applicant pays: 7 days after approval, else deemed withdrawn"."""
    if step.state is not S.AWAITING or step.due_at is None or m.now < step.due_at:
        return []
    return [e.PaymentLapsed()]


def record_refund(step: Payment, command: c.RecordRefund, m: Moment) -> Answer:
    """A refund is recorded once, for exactly what was owed."""
    if Owed(command.reference, command.amount_fen) not in step.owed:
        known = command.reference in step.references
        owed = any(owed.reference == command.reference for owed in step.owed)
        settles = step.state is S.PAID and command.reference == step.references[0] and not step.amends_owed
        if known and not owed and not settles:
            return []
        return refusals.REFUND_NOT_OWED(amount_fen=command.amount_fen)
    recorded = e.RefundRecorded(
        reference=command.reference, refund_reference=command.refund_reference, amount_fen=command.amount_fen
    )
    if step.state is S.REFUND_DUE and len(step.owed) == 1:
        return [recorded, e.RefundsDone()]
    return [recorded]


def on_withdrawal(step: Payment, refund_fen: int) -> Answer:
    """What becomes of the fee when the application is withdrawn; `refund_fen` by the dated policy."""
    match step.state:
        case S.AWAITING:
            return [e.PaymentClosed()]
        case S.PAID if refund_fen > 0:
            return [e.RefundOwed(reference=step.references[0], amount_fen=refund_fen)]
        case S.PAID:
            return [e.PaymentKept()]
        case _:
            return []


def amends(step: Payment) -> list[e.AmendsOwed]:
    """What a missed promise costs, out of the fee, once nothing else can go back of it (production has begun)."""
    if not step.missed or step.amends_owed or step.state is not S.PAID:
        return []
    amount_fen = min(step.amends_fen, step.fee_fen)
    return [e.AmendsOwed(reference=step.references[0], amount_fen=amount_fen)]


RULES: Final[Mapping[type, Any]] = {
    c.SettlePayment: settle,
    c.PaymentExpired: expired,
    c.RecordRefund: record_refund,
}


def fold(step: Payment, event: e.PaymentEvent, at: datetime) -> Payment:
    """The step after the event."""
    match event:
        case e.PaymentOpened():
            return clocked(step, event, at, TABLE, due_at=event.due_at, fee_fen=event.fee_fen)
        case e.PaymentSettled():
            return clocked(step, event, at, TABLE, references=(event.reference,))
        case e.PaymentCameLate() | e.PaymentCameTwice():
            references = (*step.references, event.reference)
            owed = (*step.owed, Owed(event.reference, event.amount_fen))
            return clocked(step, event, at, TABLE, references=references, owed=owed)
        case e.RefundOwed():
            return clocked(step, event, at, TABLE, owed=(*step.owed, Owed(event.reference, event.amount_fen)))
        case e.PromiseMissed():
            return moved(step, event, at, TABLE, missed=event.promise, amends_fen=event.amount_fen)
        case e.AmendsOwed():
            owed = (*step.owed, Owed(event.reference, event.amount_fen))
            return moved(step, event, at, TABLE, owed=owed, amends_owed=True)
        case e.RefundRecorded():
            left = tuple(owed for owed in step.owed if owed.reference != event.reference)
            return moved(step, event, at, TABLE, owed=left)
        case e.PaymentLapsed() | e.PaymentClosed() | e.PaymentKept() | e.RefundsDone():
            return clocked(step, event, at, TABLE)
