"""Worklists: who must act on what until when, and what the system does when a clock runs out.

A queue is named `<step>.<state>`. When its clock runs out, the work passes to the postal manager (without a clock),
except where the clock itself acts: a number is asked for again, an item that nobody collected goes back.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from safehand.house import erasure
from safehand.kernel.machine import Command, StreamKey, Waiting
from safehand.kernel.steps import Wait
from safehand.kernel.working_days import add_days
from safehand.postal.acceptance import commands as to_accept
from safehand.postal.acceptance.bags import commands as to_count
from safehand.postal.acceptance.bags import states as bag_states
from safehand.postal.acceptance.bags.rules import due
from safehand.postal.acceptance.rules import HANDOVER_DUE, number_retry_at
from safehand.postal.acceptance.states import WAITING as ACCEPTANCE
from safehand.postal.acceptance.waybills import states as number_states
from safehand.postal.custody.states import State as Holder
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.delivery.rules import ANSWER_DUE, NONCONFORMING_DUE, held_until, round_end, take_out_due
from safehand.postal.delivery.states import WAITING as DELIVERY
from safehand.postal.delivery.states import State as DeliveryState
from safehand.postal.inquiry import commands as to_find_out
from safehand.postal.inquiry.rules import INQUIRY_DUE
from safehand.postal.inquiry.states import WAITING as INQUIRY
from safehand.postal.item import Item, is_over
from safehand.postal.receiver import rules as receiver
from safehand.postal.settlement.states import WAITING as SETTLEMENT
from safehand.postal.steps import PostalStep
from safehand.postal.transport import commands as to_carry
from safehand.postal.transport.rules import ARRIVAL_DUE, DEPARTURE_DUE
from safehand.postal.transport.states import WAITING as TRANSPORT
from safehand.postal.undeliverable import commands as to_return
from safehand.postal.undeliverable.rules import SCAN_IN_DUE, SEARCH_DUE
from safehand.postal.undeliverable.states import WAITING as UNDELIVERABLE

MANAGER: Final = "postal_manager"
CONTRADICTED: Final = "transport.contradicted"
BAG_QUEUE: Final = "bag."
CLOCKS: Final[dict[str, Callable[[Item, datetime], datetime | None]]] = {
    "number_retry": lambda item, since: number_retry_at(item.acceptance),
    "handover_due": lambda item, since: since + HANDOVER_DUE,
    "departure_due": lambda item, since: since + DEPARTURE_DUE,
    "arrival_due": lambda item, since: since + ARRIVAL_DUE,
    "take_out_due": lambda item, since: take_out_due(item.delivery, since),
    "round_end": lambda item, since: round_end(since),
    "answer_due": lambda item, since: since + ANSWER_DUE,
    "held_until": lambda item, since: held_until(item.delivery, item.terms),
    "nonconforming_due": lambda item, since: since + NONCONFORMING_DUE,
    "return_due": lambda item, since: return_due(item, since),  # noqa: PLW0108 - defined below
    "scan_in_due": lambda item, since: since + SCAN_IN_DUE,
    "search_due": lambda item, since: since + SEARCH_DUE,
    "inquiry_due": lambda item, since: since + INQUIRY_DUE,
}
"""What each clock's name in the steps' tables means: (item, since when the state holds) -> when it runs out."""

TIMERS: Final[dict[str, Command]] = {
    "acceptance.awaiting_number": to_accept.SeekNumber(),
    "acceptance.awaiting_handover": to_accept.Escalate(),
    "delivery.held": to_deliver.EndHolding(),
    **{f"transport.{state}": to_carry.Escalate() for state in TRANSPORT},
    **{f"delivery.{state}": to_deliver.Escalate() for state in DELIVERY if state is not DeliveryState.HELD},
    **{f"undeliverable.{state}": to_return.Escalate() for state in UNDELIVERABLE},
    **{f"inquiry.{state}": to_find_out.Escalate() for state in INQUIRY},
    **{f"{BAG_QUEUE}{state}": to_count.Escalate() for state in bag_states.WAITING},
}
"""The command that the system gives when the clock of a worklist runs out."""


def timer_of_item(queue: str) -> Command | None:
    """What a clock says that ran out on a worklist of items (see `TIMERS`)."""
    return None if queue.startswith(BAG_QUEUE) else TIMERS.get(queue)


def timer_of_bag(queue: str) -> Command | None:
    """What a clock says that ran out on a worklist of bags: no other machine may answer, it would be told the wrong thing."""
    return TIMERS.get(queue) if queue.startswith(BAG_QUEUE) else None


def return_due(item: Item, since: datetime) -> datetime:
    """A return must be at the issuing office in time; from a courier it must be back at the office the same day."""
    if item.custody.state is Holder.WITH_COURIER:
        return round_end(since)
    return add_days(since, item.terms.return_days)


def waits_of_item(item: Item, key: StreamKey) -> Sequence[Waiting]:
    """Every worklist on which an item stands."""
    if item.order is None:
        return ()
    office, delivery = item.order.office, item.delivery
    by_courier = delivery.state not in (DeliveryState.AT_OFFICE, DeliveryState.HELD)
    place = item.custody.account.partition(":")[2]
    found = [
        _waiting("acceptance", item.acceptance, ACCEPTANCE, item, office),
        _waiting("transport", item.transport, TRANSPORT, item, place),
        _waiting("delivery", delivery, DELIVERY, item, delivery.courier if by_courier else delivery.office),
        _waiting("undeliverable", item.undeliverable, UNDELIVERABLE, item, office),
        _waiting("inquiry", item.inquiry, INQUIRY, item, office),
    ]
    # Postage waits with whoever has the item for hand-over; before that nobody can collect it.
    if item.custody.state in (Holder.WITH_COURIER, Holder.AT_COUNTER):
        found.append(_waiting("settlement", item.settlement, SETTLEMENT, item, place))
    if item.transport.contradicted_at is not None:
        since = item.transport.contradicted_at
        found.append(Waiting(queue=CONTRADICTED, since=since, owner=MANAGER, group=office))
    found += receiver.waits(item.receiver, over=is_over(item), group=office)
    found += erasure.waits(item.erasure, office)
    return [one for one in found if one is not None]


def _waiting(
    name: str, step: PostalStep, waiting: Mapping[Any, Wait], item: Item, group: str
) -> Waiting | None:
    wait = waiting.get(step.state)
    if wait is None or step.since is None:
        return None
    queue = f"{name}.{step.state}"
    if step.escalated:
        return Waiting(queue=queue, since=step.since, owner=MANAGER, group=group)
    due_at = CLOCKS[wait.clock](item, step.since) if wait.clock else None
    return Waiting(queue=queue, since=step.since, due_at=due_at, owner=wait.owner, group=group)


def waits_of_bag(bag: bag_states.Bag, key: StreamKey) -> Sequence[Waiting]:
    """The worklist on which a bag stands."""
    wait = bag_states.WAITING.get(bag.state)
    if wait is None or bag.since is None:
        return ()
    queue = f"{BAG_QUEUE}{bag.state}"
    owner = MANAGER if bag.escalated else wait.owner
    return (Waiting(queue=queue, since=bag.since, due_at=due(bag), owner=owner, group=bag.office),)


def waits_of_range(numbers: number_states.Numbers, key: StreamKey) -> Sequence[Waiting]:
    """Few or no numbers left: the manager's, without a clock, since the orders have theirs."""
    wait = number_states.WAITING.get(numbers.state)
    if wait is None or numbers.since is None:
        return ()
    return (Waiting(queue=f"range.{numbers.state}", since=numbers.since, owner=wait.owner),)
