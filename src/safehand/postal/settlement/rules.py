"""Postage on delivery: who owes what, and when it counts as collected. Pure.

Policy: paid on delivery by default. A sealed proof means that the envelope was handed over against its postage, so
the process page records it then; the courier owes the office that sum (daily sums are queries).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import assert_never

from safehand.kernel.machine import Event
from safehand.kernel.outcome import Refusal
from safehand.link.messages import PostageMode
from safehand.postal.custody.states import Custody
from safehand.postal.custody.states import State as Holder
from safehand.postal.order import Order
from safehand.postal.settlement import commands, events, refusals
from safehand.postal.settlement.states import TABLE, Settlement, State
from safehand.postal.steps import moved


def opening(order: Order) -> events.Owed | events.NothingOwed:
    """What an order means for postage."""
    if order.postage_mode is PostageMode.ON_DELIVERY and order.postage_fen > 0:
        return events.Owed(amount_fen=order.postage_fen)
    return events.NothingOwed()


def decide(
    step: Settlement, custody: Custody, command: commands.SettlementCommand, now: datetime
) -> Sequence[Event] | Refusal:
    """The events of a command, or the refusal."""
    if step.state is State.COLLECTED and command.amount_fen == step.amount_fen:
        return []
    if step.state is not State.DUE:
        return refusals.NOTHING_DUE()
    if custody.state not in (Holder.WITH_COURIER, Holder.AT_COUNTER):
        return refusals.NOT_AT_THE_DOOR()
    if command.amount_fen != step.amount_fen:
        return refusals.AMOUNT_DIFFERS(due_fen=step.amount_fen, amount_fen=command.amount_fen)
    return [events.PostageCollected(amount_fen=command.amount_fen, collector=command.collector, at=now)]


def fold(
    step: Settlement, event: events.SettlementEvent | events.SettlementSignal, at: datetime
) -> Settlement:
    """The step after the event."""
    match event:
        case events.Owed(amount_fen=amount_fen):
            return moved(step, event, at, TABLE, amount_fen=amount_fen)
        case events.NothingOwed() | events.Waived() | events.PostageCollected():
            return moved(step, event, at, TABLE)
        case _:
            assert_never(event)
