"""Each command of an item to its step, and what must hold of the item as a whole before and after."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, assert_never

import msgspec

from safehand.house import erasure
from safehand.kernel.machine import ClaimChange, Command, Context, Event, Move
from safehand.kernel.outcome import Refusal
from safehand.postal.acceptance import commands as to_accept
from safehand.postal.acceptance import events as acceptance_events
from safehand.postal.acceptance import refusals
from safehand.postal.acceptance import rules as acceptance
from safehand.postal.custody import events as custody_events
from safehand.postal.custody import rules as custody
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.delivery import events as delivery_events
from safehand.postal.delivery import rules as delivery
from safehand.postal.identity_check import rules as identity_check
from safehand.postal.inquiry import commands as to_find_out
from safehand.postal.inquiry import events as inquiry_events
from safehand.postal.inquiry import rules as inquiry
from safehand.postal.item import Item, ItemEvent, is_ended, is_over, overall
from safehand.postal.network.offices import Network
from safehand.postal.process import adds, signals
from safehand.postal.receiver import commands as to_name
from safehand.postal.receiver import events as receiver_events
from safehand.postal.receiver import rules as receiver
from safehand.postal.settlement import commands as to_settle
from safehand.postal.settlement import events as settlement_events
from safehand.postal.settlement import rules as settlement
from safehand.postal.transport import commands as to_carry
from safehand.postal.transport import events as transport_events
from safehand.postal.transport import rules as transport
from safehand.postal.undeliverable import commands as to_return
from safehand.postal.undeliverable import events as undeliverable_events
from safehand.postal.undeliverable import rules as undeliverable
from safehand.postal.waiting import waits_of_item

ItemCommand = (
    to_accept.AcceptanceCommand
    | to_carry.TransportCommand
    | to_deliver.DeliveryCommand
    | to_return.UndeliverableCommand
    | to_settle.SettlementCommand
    | to_name.ReceiverCommand
    | to_find_out.InquiryCommand
    | erasure.ErasureCommand
)

_ESCALATIONS: Final[dict[type[Command], str]] = {
    to_accept.Escalate: "acceptance.",
    to_carry.Escalate: "transport.",
    to_deliver.Escalate: "delivery.",
    to_return.Escalate: "undeliverable.",
    to_find_out.Escalate: "inquiry.",
}
_STEP_OF: Final[dict[type[Event], str]] = {
    kind: step
    for step, union in (
        ("acceptance", acceptance_events.AcceptanceEvent),
        ("custody", custody_events.CustodyEvent),
        ("transport", transport_events.TransportEvent | transport_events.TransportSignal),
        ("delivery", delivery_events.DeliveryEvent | delivery_events.DeliverySignal),
        ("undeliverable", undeliverable_events.UndeliverableEvent),
        ("settlement", settlement_events.PostageCollected | settlement_events.SettlementSignal),
        ("receiver", receiver_events.ReceiverEvent),
        ("inquiry", inquiry_events.InquiryEvent),
        ("erasure", erasure.ErasureEvent),
    )
    for kind in union.__args__
}
_FOLDS: Final[dict[str, Any]] = {
    "acceptance": acceptance.fold,
    "custody": custody.fold,
    "transport": transport.fold,
    "delivery": delivery.fold,
    "undeliverable": undeliverable.fold,
    "settlement": settlement.fold,
    "receiver": receiver.fold,
    "inquiry": inquiry.fold,
    "erasure": erasure.fold,
}


def decide(
    item: Item, command: ItemCommand, context: Context, *, network: Network
) -> Sequence[Event] | Refusal:
    """The events of a command and of what it means for the item's other steps, or the refusal."""
    if isinstance(command, to_deliver.JoinStop):
        return _joined(item, command)
    if not isinstance(command, to_accept.ReceiveOrder):
        refused = _is_this_item(item, command)
        if refused is not None:
            return refused
    if type(command) in _ESCALATIONS and not _is_due(item, _ESCALATIONS[type(command)], context):
        return []
    decided = _decide_step(item, command, context, network)
    if isinstance(decided, Refusal):
        return decided
    added = [more for event in decided for more in adds(item, event, context.now)]
    return [*decided, *added] if added else decided


def _joined(item: Item, command: to_deliver.JoinStop) -> Sequence[Event] | Refusal:
    """Also before there is an order. Another authority's item is none of its business; what has ended, nobody's."""
    if item.order is not None and (item.terms.peer != command.peer or is_ended(item)):
        return []
    return delivery.join_stop(item.delivery, command)


def _is_this_item(item: Item, command: ItemCommand) -> Refusal | None:
    """Commands name the waybill that was read from the envelope: it must be this order's."""
    if item.order is None:
        return refusals.ORDER_UNKNOWN()
    given = getattr(command, "waybill", None)
    if given is not None and given != item.waybill and not isinstance(command, to_accept.Allocate):
        return refusals.OTHER_WAYBILL(waybill=given)
    return None


def _is_due(item: Item, step: str, context: Context) -> bool:
    """Whether a clock of the step has run out: a timer may come when its state is long past."""
    return any(
        line.queue.startswith(step) and line.due_at is not None and line.due_at <= context.now
        for line in waits_of_item(item, context.key)
    )


def _decide_step(
    item: Item, command: ItemCommand, context: Context, network: Network
) -> Sequence[Event] | Refusal:
    now = context.now
    if isinstance(command, to_accept.AcceptanceCommand):
        return acceptance.decide(item.acceptance, item.order, command, context, network)
    if isinstance(command, to_carry.TransportCommand):
        return transport.decide(item.transport, item.custody, command, now)
    if isinstance(command, to_deliver.DeliveryCommand):
        decided = delivery.decide(
            item.delivery, item.terms, item.custody, command, now, accepted_at=item.acceptance.since
        )
        if not _asks(decided):
            return decided
        return _not_theirs(item, command) or _asked_too_often(item, command, now) or decided
    if isinstance(command, to_return.UndeliverableCommand):
        return undeliverable.decide(item.undeliverable, item.terms, item.custody, command, now)
    if isinstance(command, to_settle.SettlementCommand):
        return settlement.decide(item.settlement, item.custody, command, now)
    if isinstance(command, to_name.ReceiverCommand):
        return receiver.decide(item.receiver, command, over=is_over(item))
    if isinstance(command, to_find_out.InquiryCommand):
        return inquiry.decide(item.inquiry, command, now)
    if isinstance(command, erasure.ErasureCommand):
        return erasure.decide(item.erasure, command, live=not is_ended(item))
    assert_never(command)


def _asks(decided: Sequence[Event] | Refusal) -> bool:
    return not isinstance(decided, Refusal) and any(isinstance(e, delivery_events.Claimed) for e in decided)


def _not_theirs(item: Item, command: ItemCommand) -> Refusal | None:
    """Why it can't be handed to whoever stands there; nothing here stops the recipient."""
    match command:
        case (
            to_deliver.Claim(receiver="agent", method=method, papers_seen=papers)
            | to_deliver.ClaimAtCounter(receiver="agent", method=method, papers_seen=papers)
        ):
            return receiver.may_receive(item.receiver, method=method, papers=papers)
        case _:
            return None


def _asked_too_often(item: Item, command: ItemCommand, now: datetime) -> Refusal | None:
    match command:
        case (
            to_deliver.Claim(courier_asked_last_hour=asked)
            | to_deliver.ClaimAtCounter(clerk_asked_last_hour=asked)
        ):
            return identity_check.may_ask(asked=item.asked, courier_asked_last_hour=asked, now=now)
        case _:
            return None


def fold(item: Item, event: ItemEvent, at: datetime) -> Item:
    """The item after an event: its own step, and what the process page derives for the others."""
    changes: dict[str, Any] = {}
    for one in (event, *signals(item, event, at)):
        step = _STEP_OF[type(one)]
        before = changes[step] if step in changes else getattr(item, step)
        changes[step] = _FOLDS[step](before, one, at)
    match event:
        case acceptance_events.OrderReceived(order=order) | acceptance_events.OrderTurnedAway(order=order):
            changes["order"] = order
        case delivery_events.Claimed():
            changes["asked"] = identity_check.asked_again(item.asked, at)
        case _:
            pass
    return msgspec.structs.replace(item, **changes)


def moves(item: Item, event: ItemEvent) -> Sequence[Move]:
    """The lines of the book of custody that an event writes; `item` is as before it."""
    held, lines = item.custody, []
    at = held.acted_at or _LONG_AGO
    for one in signals(item, event, at):
        if _STEP_OF[type(one)] != "custody":
            continue
        unit = item.terms.order
        line = custody.move(held, one, unit)  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]  # the table above says that it is custody's
        if line is not None:
            lines.append(line)
        held = custody.fold(held, one, at)  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]
    return lines


_LONG_AGO: Final = datetime.fromisoformat("2000-01-01T00:00:00+00:00")
"""The book's lines don't depend on when; any instant does for deriving them."""


def claims(item: Item, event: Event) -> Sequence[ClaimChange]:
    """A number is claimed nationally and never given back: so it is never used twice."""
    if isinstance(event, acceptance_events.WaybillAllocated):
        return (ClaimChange(name=acceptance.waybill_claim(event.waybill), taken=True),)
    return ()


def asks(command: Command) -> Sequence[str]:
    """A number that is about to be allocated: whether another order has it."""
    return (acceptance.waybill_claim(command.waybill),) if isinstance(command, to_accept.Allocate) else ()


def counts(before: Item, after: Item) -> Mapping[str, int]:
    """Changes of the tallies `item.<overall state>` and `custody.<kind of holder>`."""
    changes: dict[str, int] = {}
    if after.order is None:
        return changes
    was, now = overall(before) if before.order else "", overall(after)
    if was != now:
        changes[f"item.{now}"] = 1
        if was:
            changes[f"item.{was}"] = -1
    giver, taker = before.custody.state, after.custody.state
    if giver is not taker:
        changes[f"custody.{taker}"] = 1
        if before.custody.account:
            changes[f"custody.{giver}"] = -1
    return changes
