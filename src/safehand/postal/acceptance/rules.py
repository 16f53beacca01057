"""Acceptance: which orders the post carries, how they get a number, and what it signs for. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, assert_never

from safehand.kernel.machine import Context, Event
from safehand.kernel.outcome import Refusal
from safehand.kernel.working_days import local_day
from safehand.link.messages import PostageMode, Reason
from safehand.postal.acceptance import commands, events, refusals
from safehand.postal.acceptance.states import TABLE, Acceptance, State
from safehand.postal.network.offices import Network
from safehand.postal.order import Order
from safehand.postal.steps import moved

NUMBER_RETRY: Final = timedelta(hours=4)
NUMBER_WAIT_MAX: Final = timedelta(hours=24)
"""An order asks for a number every four hours for a day (assumed); then the authority is told it isn't carried."""
HANDOVER_DUE: Final = timedelta(days=3)
"""How long after the order the envelope may come (assumed: production is over, and there are two collections a day)."""
PRINTS_MAX: Final = 20
TOKEN_BYTES: Final = 16

Decided = Sequence[Event] | Refusal


def waybill_claim(waybill: str) -> str:
    """The national claim of a number; it is never given back, so no number is ever used twice."""
    return f"waybill:{waybill}"


def decide(
    step: Acceptance,
    order: Order | None,
    command: commands.AcceptanceCommand,
    context: Context,
    network: Network,
) -> Decided:
    """The events of a command, or the refusal. `order` is what was received before, if anything."""
    match command:
        case commands.ReceiveOrder():
            return _receive(order, command, context, network)
        case commands.Allocate(waybill=waybill):
            return _allocate(step, waybill, context)
        case commands.HearNoNumber():
            if step.since is not None and context.now >= step.since + NUMBER_WAIT_MAX:
                return [events.NumberMissed(), events.OrderRefused(reason=Reason.TOO_LATE)]
            return [events.NumberMissed()]
        case commands.SeekNumber():
            return [events.NumberSought()] if step.state is State.AWAITING_NUMBER else []
        case commands.Cancel():
            return _cancel(step)
        case commands.PrintLabel():
            return _print_label(step, command)
        case commands.Escalate():
            waits = step.state is State.AWAITING_HANDOVER and not step.escalated
            return [events.Escalated()] if waits else []
        case commands.TakeIn():
            return _take_in(step, command)
        case _:
            assert_never(command)


def _receive(
    known: Order | None, command: commands.ReceiveOrder, context: Context, network: Network
) -> Decided:
    route = network.route(
        city=context.key.city,
        destination=command.destination,
        order=command.order,
        county=command.county,
        day=local_day(context.now),
    )
    order = Order(
        order=command.order,
        peer=command.peer,
        authority=command.authority,
        office=command.office,
        destination=command.destination,
        documents=command.documents,
        postage_mode=command.postage_mode,
        postage_fen=command.postage_fen,
        attempts_max=command.attempts_max,
        held_days_max=command.held_days_max,
        placed_at=command.placed_at,
        delivery_office=route.office if route else "",
        routing=route.routing if route else "",
        promise_days=route.promise_days if route else 0,
        return_days=route.return_days if route else 0,
    )
    if known is not None:
        return [] if _terms(known) == _terms(order) else refusals.ORDER_DIFFERS()
    if route is None:
        return [events.OrderTurnedAway(order=order, reason=Reason.AREA_NOT_SERVED)]
    # Free means that nobody pays (remade and resent at the houses' own expense): an amount contradicts it.
    if command.postage_mode is PostageMode.FREE and command.postage_fen:
        return [events.OrderTurnedAway(order=order, reason=Reason.MALFORMED)]
    return [events.OrderReceived(order=order)]


def number_retry_at(step: Acceptance) -> datetime | None:
    """When a number is asked for again; none before the order came."""
    return step.since + min(NUMBER_RETRY * max(step.tries, 1), NUMBER_WAIT_MAX) if step.since else None


def _terms(order: Order) -> tuple[object, ...]:
    """What the authority said; the post's own part (office, route) may have changed since with its data."""
    return (
        order.peer,
        order.authority,
        order.office,
        order.destination,
        order.documents,
        order.postage_mode,
        order.postage_fen,
        order.attempts_max,
        order.held_days_max,
    )


def _allocate(step: Acceptance, waybill: str, context: Context) -> Decided:
    if step.state is not State.AWAITING_NUMBER:
        return refusals.NOTHING_TO_LABEL(state=step.state)
    if context.holders.get(waybill_claim(waybill), context.key.stream) != context.key.stream:
        return refusals.WAYBILL_TAKEN(waybill=waybill)
    if not context.token:
        raise ValueError("an item's token needs chance: give the call a token")
    secret = b"item token\x1f" + context.key.stream.encode() + b"\x1f" + context.token
    return [events.WaybillAllocated(waybill=waybill, token=sha256(secret).digest()[:TOKEN_BYTES])]


def _cancel(step: Acceptance) -> Decided:
    match step.state:
        case State.CANCELLED | State.REFUSED:
            return []
        case State.ACCEPTED:
            return refusals.TOO_LATE_TO_CANCEL()
        case State.AWAITING_NUMBER | State.AWAITING_HANDOVER:
            return [events.OrderCancelled()]
        case State.NOT_BEGUN:
            return refusals.ORDER_UNKNOWN()
        case _:
            assert_never(step.state)


def _print_label(step: Acceptance, command: commands.PrintLabel) -> Decided:
    if step.state not in (State.AWAITING_HANDOVER, State.ACCEPTED):
        return refusals.NOTHING_TO_LABEL(state=step.state)
    if step.prints and command.reason is events.ReprintReason.FIRST_PRINT:
        return refusals.REPRINT_NEEDS_REASON()
    if step.prints >= PRINTS_MAX:
        return refusals.PRINTS_USED_UP(prints_max=PRINTS_MAX)
    return [events.LabelPrinted(reason=command.reason, clerk=command.clerk)]


def _take_in(step: Acceptance, command: commands.TakeIn) -> Decided:
    if step.state is State.ACCEPTED and step.bag == command.bag:
        return []
    if step.state is not State.AWAITING_HANDOVER:
        return refusals.NOT_TAKEN_IN(waybill=command.waybill, state=step.state)
    return [events.Accepted(bag=command.bag, office=command.office, clerk=command.clerk)]


def fold(step: Acceptance, event: events.AcceptanceEvent, at: datetime) -> Acceptance:
    """The step after the event."""
    match event:
        case events.NumberMissed():
            return moved(step, event, at, TABLE, tries=step.tries + 1)
        case events.WaybillAllocated(waybill=waybill, token=token):
            return moved(step, event, at, TABLE, waybill=waybill, token=token)
        case events.LabelPrinted():
            return moved(step, event, at, TABLE, prints=step.prints + 1)
        case events.Escalated():
            return moved(step, event, at, TABLE, escalated=True)
        case events.Accepted(bag=bag):
            return moved(step, event, at, TABLE, bag=bag)
        case (
            events.OrderReceived()
            | events.OrderTurnedAway()
            | events.NumberSought()
            | events.OrderRefused()
            | events.OrderCancelled()
        ):
            return moved(step, event, at, TABLE)
        case _:
            assert_never(event)
