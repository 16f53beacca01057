"""Several envelopes of one door: named whenever, brought together, handed over one by one, and never a reason for anything."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec
import pytest

from safehand.house.front import Asked
from safehand.house.sessions import Session
from safehand.kernel.clock import SetClock
from safehand.kernel.ids import DerivedIds
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Call, Done, Shell
from safehand.kernel.store_memory import MemoryStore
from safehand.link import messages as m
from safehand.link.reader import Heard
from safehand.postal.acceptance import commands as to_accept
from safehand.postal.border.hearing import PostalBorder
from safehand.postal.delivery.stops import commands as to_stop
from safehand.postal.delivery.stops.actions import FailedItem, FailRequest, StopWork
from safehand.postal.delivery.stops.rules import StopItem, in_stops
from safehand.postal.machines import ROLES
from tests.postal.house import CITY, COURIER, OFFICE, ORDER, START, House, an_order, machines

OTHER, DOOR = "or_other", "gp_door"


def naming(*orders: str, peer: str = "authority") -> to_stop.NameStop:
    return to_stop.NameStop(peer=peer, orders=orders or (ORDER, OTHER))


def named(house: House, command: to_stop.NameStop | None = None) -> Any:
    return house.give("stop", DOOR, command or naming())


def test_a_stop_is_told_to_each_of_its_items():
    house = House().accepted()
    house.give("item", OTHER, an_order(order=OTHER))
    assert len(named(house)) == 1
    assert [house.states[one].delivery.stop for one in (ORDER, OTHER)] == [DOOR, DOOR]
    assert house.states[DOOR].orders == (ORDER, OTHER)


def test_it_may_come_before_its_orders_and_they_go_their_way_as_ever():
    house = House()
    named(house)
    assert house.tallies == {}
    assert house.waits() == {}
    assert house.why_not(to_accept.Cancel()) == "acceptance.order_unknown"
    house.claimed()
    house.do(house.proof())
    assert house.item.delivery.state == "delivered"
    assert house.item.delivery.stop == DOOR
    assert {name: n for name, n in house.tallies.items() if n} == {
        "item.delivered": 1,
        "custody.recipient": 1,
    }


def test_told_again_it_is_so_already_and_told_otherwise_it_is_refused():
    house = House().ordered()
    named(house)
    assert named(house) == []
    other = named(house, naming(ORDER, "or_third"))
    assert isinstance(other, Refusal)
    assert other.code == "stop.differs"
    assert "or_third" not in house.states or house.states["or_third"].delivery.stop == ""


def test_what_is_over_stays_as_it_is():
    house = House().claimed()
    house.do(house.proof())
    named(house)
    assert house.item.delivery.stop == ""
    cancelled = House().ordered()
    cancelled.do(to_accept.Cancel())
    named(cancelled)
    assert cancelled.item.delivery.stop == ""


def test_an_authority_names_no_door_of_another_ones_items():
    house = House().ordered()
    named(house, naming(peer="another"))
    assert house.item.delivery.stop == ""


def test_a_name_that_something_else_has_is_refused_and_nothing_is_changed():
    async def play() -> None:
        clock = SetClock(start=START)
        shell = Shell(machines=machines(), store=MemoryStore(), clock=clock, ids=DerivedIds(seed="post"))

        def call(kind: str, stream: str, command: Any) -> Call:
            key = StreamKey(CITY, stream)
            return Call(stream=key, kind=kind, command=command, actor="test", token=b"t" * 32)

        [ordered] = await shell.run([call("item", ORDER, an_order())])
        assert isinstance(ordered, Done)
        [refused] = await shell.run([call("stop", ORDER, naming())])
        assert isinstance(refused, Refusal)
        assert refused.code == "request.other_kind"
        [both] = await shell.run([call("stop", DOOR, naming())])
        assert isinstance(both, Done)

    asyncio.run(play())


def test_the_message_becomes_one_command_and_no_order_twice(post: Any) -> None:
    body = m.OrdersGrouped(group=DOOR, orders=[ORDER, OTHER, ORDER], at=START)
    heard = Heard("authority", CITY, m.Kind.ORDERS_GROUPED, DOOR, body, None, "key-1")
    [call] = asyncio.run(PostalBorder(house=post).calls([heard]))
    assert isinstance(call, Call)
    assert (call.stream, call.kind) == (StreamKey(CITY, DOOR), "stop")
    assert call.command == naming(ORDER, OTHER)


class _Post:
    """Of a house what the border and the actions need."""

    def __init__(self) -> None:
        self.ids = DerivedIds(seed="post")
        self.store = MemoryStore()
        self.shell = Shell(machines=machines(), store=self.store, clock=SetClock(start=START), ids=self.ids)


@pytest.fixture
def post() -> Any:
    """A post in memory."""
    return _Post()


def failing(*items: str, city: int = CITY, **changes: Any) -> FailRequest:
    envelopes = [FailedItem(item=one, waybill="ZA473124829CN", attempt=1) for one in items]
    facts: dict[str, Any] = {"city": city, "place": OFFICE, "occurred_at": START, "items": envelopes}
    return FailRequest(**facts | changes)


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (failing(), "stop.nothing_named"),
        (failing(ORDER, ORDER), "stop.nothing_named"),
        (failing(ORDER, city=110000), "role.not_allowed"),
        (failing(ORDER, occurred_at=START.replace(year=1999)), "request.invalid"),
    ],
)
def test_a_request_that_can_mean_nothing_is_refused_as_a_whole(post: Any, request_: FailRequest, code: str):
    session = Session(actor=COURIER, roles=frozenset({"courier"}), cities=(CITY,))
    [fail] = [one for one in StopWork(house=post).actions() if one.name == "stop.fail"]

    async def asked() -> Any:
        return await fail.run([Asked(session, request_, "key-of-one", b"")])

    [refused] = asyncio.run(asked())
    assert isinstance(refused, Refusal)
    assert refused.code == code


def test_each_envelope_is_answered_by_itself_and_told_twice_counts_once(post: Any):
    async def play() -> None:
        session = Session(actor=COURIER, roles=frozenset({"courier"}), cities=(CITY,))
        [fail] = [one for one in StopWork(house=post).actions() if one.name == "stop.fail"]
        key = StreamKey(CITY, ORDER)
        ordered = Call(stream=key, kind="item", command=an_order(), actor="test", token=b"t" * 32)
        assert isinstance((await post.shell.run([ordered]))[0], Done)
        asked = [Asked(session, failing(ORDER, OTHER), "key-of-one", b"h")]
        for _ in range(2):
            [done] = await fail.run(asked)
            assert isinstance(done, Done)
            outcomes = done.state.outcomes
            assert [one.item for one in outcomes] == [ORDER, OTHER]
            assert outcomes[1].refused == "acceptance.order_unknown"
            assert all(one.said_zh and one.said_en for one in outcomes)

    asyncio.run(play())


@pytest.mark.parametrize("count", [0, 1, m.GROUPED_ORDERS_MAX + 1])
def test_a_door_of_one_or_of_too_many_is_no_message(count: int):
    raw = msgspec.json.encode({"group": DOOR, "orders": [ORDER] * count, "at": START})
    with pytest.raises(msgspec.ValidationError):
        m.DECODERS[m.Kind.ORDERS_GROUPED].decode(raw)


def test_only_the_authority_names_a_door():
    assert ROLES[to_stop.NameStop] == {"authority"}


def line(name: str) -> StopItem:
    return StopItem(city=CITY, item=name, waybill="ZA1", state="with_courier", attempts=0, since=START)


def test_items_are_shown_as_doors_in_the_order_in_which_the_first_of_each_came():
    left = line("or_left")
    found = in_stops(
        items=[(line("or_a"), "gp_x"), (line("or_b"), ""), (line("or_c"), "gp_x"), (line("or_d"), "")],
        at_office={"gp_x": [left]},
    )
    assert [(one.stop, [item.item for item in one.items]) for one in found] == [
        ("gp_x", ["or_a", "or_c"]),
        ("", ["or_b"]),
        ("", ["or_d"]),
    ]
    assert [one.still_at_office for one in found] == [(left,), (), ()]
