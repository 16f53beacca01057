"""What each act does to the physical world once the system has said yes to it."""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

from safehand.simulation.world import GONE, Make, Place, World

Effect = Callable[[World, Mapping[str, Any], Mapping[str, Any], datetime], None]
"""(world, the act's item, the stream's state before, now)."""


def make_of(item: Mapping[str, Any], state: Mapping[str, Any]) -> Make:
    """The document at work of a case."""
    return Make(item["city"], item["case"], state["production"]["make"])


def _order(item: Mapping[str, Any]) -> str:
    return item["item"]


def _put(place: Place) -> Effect:
    def effect(world: World, item: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> None:
        world.put(make_of(item, state), place)

    return effect


def _move(kind: Any, field: str) -> Effect:
    def effect(world: World, item: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> None:
        world.move(_order(item), Place(kind, item[field]))

    return effect


def _printed(world: World, item: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> None:
    world.made(make_of(item, state), item["blank"])


def _spoiled(world: World, item: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> None:
    make = make_of(item, state)
    world.made(make, item["blank"])
    world.put(make, Place("destroyed"))


def _sealed(world: World, item: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> None:
    order, make = state["handover"]["order"], make_of(item, state)
    world.seal(order, make)
    if item["blank"] != state["production"]["blank"] and order in world.envelopes:
        # The system said yes to another document: this one lies where it lay, and the envelope holds a stranger's.
        world.open(order, Place("shelf"))


def _unsealed(world: World, item: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> None:
    world.open(state["handover"]["order"], Place("shelf"))
    world.envelopes.pop(state["handover"]["order"], None)


def _bagged(world: World, item: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> None:
    for order in item["orders"]:
        world.move(order, Place("bag", item["bag"]))


def _found(world: World, item: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> None:
    world.move(state["handover"]["order"], Place("shelf"))


def _not_found(world: World, item: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> None:
    order = state["handover"]["order"]
    envelope = world.envelopes.get(order)
    if envelope is not None and envelope.place.kind not in GONE:
        world.take_away(order, Place("lost"), now, "not found at the recount")


def _counted(world: World, item: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> None:
    # The clerk may hear late that the count was taken: what has left the bag meanwhile lies where it lies.
    for orders, place in (
        (item["orders"], Place("office", item["office"])),
        (item["left_out"], Place("shelf")),
    ):
        for order in orders:
            envelope = world.envelopes.get(order)
            if envelope is not None and envelope.place == Place("bag", item["bag"]):
                world.move(order, place)


def _received(world: World, item: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> None:
    for order, envelope in world.envelopes.items():
        if envelope.label_of.case == item["case"] and item.get("order") == order:
            world.open(order, Place("return_shelf"))


def _destroyed(world: World, item: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> None:
    make = Make(item["city"], item["case"], item["make"])
    if make in world.documents:
        world.put(make, Place("destroyed"))


def _left_elsewhere(world: World, item: Mapping[str, Any], state: Mapping[str, Any], now: datetime) -> None:
    world.move(_order(item), Place("neighbour"))


EFFECTS: Final[Mapping[str, Effect]] = {
    "production.record_printed": _printed,
    "production.spoil": _spoiled,
    "production.pass_check": _put(Place("shelf")),
    "handover.seal": _sealed,
    "handover.unseal": _unsealed,
    "handover.ready_for_pickup": _put(Place("counter")),
    "handover.pick_up": _put(Place("recipient")),
    "handover.reject_at_counter": _put(Place("return_shelf")),
    "handover.found_on_shelf": _found,
    "handover.declare_missing": _not_found,
    "bag.close": _bagged,
    "bag.count": _counted,
    "transport.depart": _move("vehicle", "leg"),
    "transport.arrive": _move("office", "place"),
    "transport.arrive_office": _move("office", "place"),
    "delivery.take_out": _move("courier", "courier"),
    "delivery.bring_back": _move("office", "place"),
    "delivery.hold": _move("office", "place"),
    "undeliverable.find": _move("office", "place"),
    "delivery.report_nonconforming": _left_elsewhere,
    "delivery.take_back": _move("courier", "courier"),
    "returns.receive": _received,
    "returns.keep_for_pickup": _put(Place("shelf")),
    "returns.resend": _put(Place("shelf")),
    "returns.destroy": _destroyed,
}
"""Acts without a line here move nothing that can be touched."""
DONE_BY: Final[Mapping[str, str]] = {
    "handover.seal": "handover.sealed",
    "transport.depart": "transport.departed",
    "transport.arrive": "transport.arrived",
    # A scan of what was stopped on its way is kept and moves nothing: the driver takes it along and back.
    "transport.arrive_office": "transport.arrived_at_office",
}
"""Acts that may be answered with something else than what was wanted -> the event that says it was done."""
