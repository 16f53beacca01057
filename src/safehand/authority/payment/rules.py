"""What may happen to the fee and prepaid postage: settle in full and in time, lapse, and give back what is not ours."""

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
    if amount != step.due_fen:
        return refusals.AMOUNT_DIFFERS(
            due_fen=step.due_fen, fee_fen=step.fee_fen, postage_fen=step.postage_fen, amount_fen=amount
        )
    return [e.PaymentSettled(reference=reference, amount_fen=amount, postage_fen=step.postage_fen)]


def expired(step: Payment, command: c.PaymentExpired, m: Moment) -> Answer:
    """Policy: "applicant pays: 7 days after approval, else deemed withdrawn"."""
    if step.state is not S.AWAITING or step.due_at is None or m.now < step.due_at:
        return []
    return [e.PaymentLapsed()]


def record_refund(step: Payment, command: c.RecordRefund, m: Moment) -> Answer:
    """A refund is recorded once, for exactly what was owed; told again it is already so."""
    told = Owed(command.reference, command.amount_fen, command.part)
    if told not in step.owed:
        owed = any(one.name == told.name for one in step.owed)
        if not owed and _went_back(step, told):
            return []
        return refusals.REFUND_NOT_OWED(amount_fen=command.amount_fen)
    recorded = e.RefundRecorded(
        reference=command.reference,
        refund_reference=command.refund_reference,
        amount_fen=command.amount_fen,
        part=command.part,
    )
    if step.state is S.REFUND_DUE and len(step.owed) == 1:
        return [recorded, e.RefundsDone()]
    return [recorded]


def _went_back(step: Payment, told: Owed) -> bool:
    """Whether this part of a payment was owed once, and is no more."""
    if told.reference not in step.references:
        return False
    settled = told.reference == step.references[0]
    match told.part:
        case "amends":
            return settled and step.amends_owed
        case "postage":
            return settled and step.postage_back_fen > 0
        case _:
            # Amends of before parts had names went back under the payment's own.
            return not settled or step.state is not S.PAID or step.amends_owed


def on_withdrawal(step: Payment, refund_fen: int) -> Answer:
    """What becomes of the money when the application is withdrawn; `refund_fen`: of the fee, by the dated policy.

    Prepaid postage goes back whole whatever the policy keeps: production has not begun, so nothing was posted.
    """
    amount_fen = refund_fen + step.postage_fen
    match step.state:
        case S.AWAITING:
            return [e.PaymentClosed()]
        case S.PAID if amount_fen > 0:
            return [
                e.RefundOwed(
                    reference=step.references[0], amount_fen=amount_fen, postage_fen=step.postage_fen
                )
            ]
        case S.PAID:
            return [e.PaymentKept()]
        case _:
            return []


def amends(step: Payment) -> list[e.AmendsOwed]:
    """What a missed promise costs, out of what was paid, once it can't go back whole any more (production has begun)."""
    if not step.missed or step.amends_owed or step.state is not S.PAID:
        return []
    return [e.AmendsOwed(reference=step.references[0], amount_fen=step.amends_due_fen, part="amends")]


def postage_unused(step: Payment) -> list[e.PostageOwed]:
    """What was prepaid for a sending that never was; once, and never more than amends have left of the payment."""
    if step.state is not S.PAID or step.postage_back_fen:
        return []
    left_fen = step.due_fen - (step.amends_due_fen if step.amends_owed else 0)
    amount_fen = min(step.postage_fen, left_fen)
    return [e.PostageOwed(reference=step.references[0], amount_fen=amount_fen)] if amount_fen else []


RULES: Final[Mapping[type, Any]] = {
    c.SettlePayment: settle,
    c.PaymentExpired: expired,
    c.RecordRefund: record_refund,
}


def fold(step: Payment, event: e.PaymentEvent, at: datetime) -> Payment:
    """The step after the event."""
    match event:
        case e.PaymentOpened():
            fee_fen, postage_fen = event.fee_fen, event.postage_fen
            due_at = event.due_at
            return clocked(step, event, at, TABLE, due_at=due_at, fee_fen=fee_fen, postage_fen=postage_fen)
        case e.PaymentSettled():
            paid = (event.reference,)
            return clocked(step, event, at, TABLE, references=paid, postage_fen=event.postage_fen)
        case e.PaymentCameLate() | e.PaymentCameTwice():
            references = (*step.references, event.reference)
            owed = (*step.owed, Owed(event.reference, event.amount_fen))
            return clocked(step, event, at, TABLE, references=references, owed=owed)
        case e.RefundOwed():
            owed = (*step.owed, Owed(event.reference, event.amount_fen))
            return clocked(step, event, at, TABLE, owed=owed, postage_fen=event.postage_fen)
        case e.PromiseMissed():
            return moved(step, event, at, TABLE, missed=event.promise, amends_fen=event.amount_fen)
        case e.AmendsOwed():
            owed = (*step.owed, Owed(event.reference, event.amount_fen, event.part))
            return moved(step, event, at, TABLE, owed=owed, amends_owed=True)
        case e.PostageOwed():
            owed = (*step.owed, Owed(event.reference, event.amount_fen, "postage"))
            return moved(step, event, at, TABLE, owed=owed, postage_back_fen=event.amount_fen)
        case e.RefundRecorded():
            back = Owed(event.reference, event.amount_fen, event.part).name
            left = tuple(owed for owed in step.owed if owed.name != back)
            return moved(step, event, at, TABLE, owed=left)
        case e.PaymentLapsed() | e.PaymentClosed() | e.PaymentKept() | e.RefundsDone():
            return clocked(step, event, at, TABLE)
