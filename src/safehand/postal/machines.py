"""The post's four kinds of streams as machines for the shell, and who may give which command."""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final

from safehand.house import erasure
from safehand.kernel.machine import Command, Machine, StreamKey
from safehand.postal import router, speaking, waiting
from safehand.postal.acceptance import commands as to_accept
from safehand.postal.acceptance.bags import commands as to_count
from safehand.postal.acceptance.bags import rules as bags
from safehand.postal.acceptance.bags.events import BagEvent
from safehand.postal.acceptance.bags.states import Bag
from safehand.postal.acceptance.rules import waybill_claim
from safehand.postal.acceptance.waybills import commands as to_number
from safehand.postal.acceptance.waybills import rules as waybills
from safehand.postal.acceptance.waybills.events import RangeEvent
from safehand.postal.acceptance.waybills.rules import range_stream
from safehand.postal.acceptance.waybills.states import Numbers
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.delivery.stops import commands as to_stop
from safehand.postal.delivery.stops import rules as stops
from safehand.postal.delivery.stops.events import StopEvent
from safehand.postal.delivery.stops.states import Stop
from safehand.postal.inquiry import commands as to_find_out
from safehand.postal.item import Item, ItemEvent
from safehand.postal.network.cities import PostalCity
from safehand.postal.network.offices import Network
from safehand.postal.process import BAG, ITEM, RANGE, STOP, follows
from safehand.postal.receiver import commands as to_name
from safehand.postal.settlement import commands as to_settle
from safehand.postal.transport import commands as to_carry
from safehand.postal.undeliverable import commands as to_return

ROLES: Final[Mapping[type[Command], frozenset[str]]] = {
    **to_accept.ROLES,
    **to_number.ROLES,
    **to_count.ROLES,
    **to_carry.ROLES,
    **to_deliver.ROLES,
    **to_stop.ROLES,
    **to_return.ROLES,
    **to_settle.ROLES,
    **to_name.ROLES,
    **to_find_out.ROLES,
    erasure.OrderErasure: frozenset({"postal_manager"}),
    erasure.HearErasure: frozenset({"authority"}),
    erasure.RecordErased: frozenset({"system"}),
}
"""Who may give a command; none: it only ever follows from another. What isn't here may nobody give."""


def build_machines(*, cities: Mapping[str, PostalCity]) -> dict[str, Machine]:
    """The machines by kind: `item` (stream: the order's reference), `bag` (the authority's), `range` (`wr_<city>`), `stop` (the authority's)."""
    network = Network(cities=cities)
    item = Machine(
        kind=ITEM,
        state=Item,
        event=ItemEvent,
        initial=lambda key: Item(),
        decide=partial(router.decide, network=network),
        fold=router.fold,
        waits=waiting.waits_of_item,
        asks=router.asks,
        touches=_touches,
        claims=router.claims,
        moves=router.moves,
        follows=lambda item, event, key: follows(event, key),
        speaks=speaking.of_item,
        counts=router.counts,
        timer=waiting.timer_of_item,
    )
    bag = Machine(
        kind=BAG,
        state=Bag,
        event=BagEvent,
        initial=lambda key: Bag(),
        decide=bags.decide,
        fold=bags.fold,
        waits=waiting.waits_of_bag,
        asks=_asks_of_bag,
        follows=lambda bag, event, key: follows(event, key),
        speaks=speaking.of_bag,
        timer=waiting.timer_of_bag,
    )
    numbers = Machine(
        kind=RANGE,
        state=Numbers,
        event=RangeEvent,
        initial=lambda key: Numbers(),
        decide=partial(waybills.decide, network=network),
        fold=waybills.fold,
        waits=waiting.waits_of_range,
        follows=lambda numbers, event, key: follows(event, key),
    )
    stop = Machine(
        kind=STOP,
        state=Stop,
        event=StopEvent,
        initial=lambda key: Stop(),
        decide=stops.decide,
        fold=stops.fold,
        follows=lambda stop, event, key: follows(event, key),
        touches=_touched_by_stop,
    )
    return {ITEM: item, BAG: bag, RANGE: numbers, STOP: stop}


def _touches(command: Command, key: StreamKey) -> Sequence[StreamKey]:
    """An order draws its number from the city's range."""
    if isinstance(command, to_accept.ReceiveOrder | to_accept.SeekNumber):
        return (StreamKey(key.city, range_stream(key.city)),)
    return ()


def _touched_by_stop(command: Command, key: StreamKey) -> Sequence[StreamKey]:
    """The items of the door."""
    orders = command.orders if isinstance(command, to_stop.NameStop) else ()
    return [StreamKey(key.city, order) for order in orders]


def _asks_of_bag(command: Command) -> Sequence[str]:
    """Whose each scanned number is."""
    if not isinstance(command, to_count.Count):
        return ()
    seen = (*command.waybills, *(one.waybill for one in command.put_aside))
    return [waybill_claim(waybill) for waybill in dict.fromkeys(seen)]
