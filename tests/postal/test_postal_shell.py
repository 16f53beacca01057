"""The post's machines inside the real shell: batches of many items, in one transaction each."""

import asyncio
from typing import Any

import msgspec

from safehand.kernel.clock import SetClock
from safehand.kernel.ids import DerivedIds
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Call, Done, Shell
from safehand.kernel.store_memory import MemoryStore
from safehand.link.messages import ProofMethod
from safehand.postal import waiting
from safehand.postal.acceptance import commands as to_accept
from safehand.postal.acceptance.bags.rules import BAG_DUE
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.item import overall
from safehand.postal.transport import commands as to_carry
from tests.postal.house import BAG, CITY, COURIER, EVIDENCE, OFFICE, START, a_bag, a_count, an_order, machines

ORDERS = ["or_" + "".join("abcdefgh"[n // 8**place % 8] for place in range(4)) for n in range(120)]


def call(kind: str, stream: str, command: Command) -> Call:
    return Call(
        stream=StreamKey(CITY, stream), kind=kind, command=command, actor="test", token=stream.encode() * 4
    )


async def done(shell: Shell, calls: list[Call]) -> list[Done]:
    outcomes = await shell.run(calls)
    assert [one for one in outcomes if isinstance(one, Refusal)] == []
    return [one for one in outcomes if isinstance(one, Done)]


def test_a_hundred_items_go_the_whole_way_in_batches():
    async def play() -> None:
        store = MemoryStore()
        shell = Shell(
            machines=machines(), store=store, clock=SetClock(start=START), ids=DerivedIds(seed="post")
        )
        ordered = [call("item", name, an_order(order=name)) for name in ORDERS]
        await done(shell, ordered)
        items = await store.streams(keys=[StreamKey(CITY, name) for name in ORDERS])
        states = {
            name: msgspec.json.decode(items[StreamKey(CITY, name)].state, type=machines()["item"].state)
            for name in ORDERS
        }
        waybills = {name: state.waybill for name, state in states.items()}
        await done(shell, [call("bag", BAG, a_bag(*waybills.values()))])
        await done(shell, [call("bag", BAG, a_count(*waybills.values()))])

        def each(make: Any) -> list[Call]:
            return [call("item", name, make(name, waybills[name])) for name in ORDERS]

        def scan(name: str, waybill: str) -> dict[str, Any]:
            return {"waybill": waybill, "scan_id": f"sc_{name[3:]}", "occurred_at": START}

        await done(shell, each(lambda n, w: to_carry.ArriveOffice(place=OFFICE, **scan(n, w))))
        taking = each(lambda n, w: to_deliver.TakeOut(courier=COURIER, office=OFFICE, **scan(n, w)))
        await done(shell, taking)
        code = ProofMethod.RECIPIENT_CODE
        await done(
            shell,
            each(
                lambda n, w: to_deliver.Claim(
                    waybill=w, courier=COURIER, method=code, code="482913", occurred_at=START
                )
            ),
        )
        proven = await done(
            shell,
            each(
                lambda n, w: to_deliver.RecordProof(
                    waybill=w,
                    method=code,
                    evidence=EVIDENCE,
                    claimed_at=START,
                    sealed_at=START,
                    proof_verified=True,
                )
            ),
        )
        assert {overall(one.state) for one in proven} == {"delivered"}
        assert await store.accounts() == {(CITY, "recipient"): len(ORDERS)}
        assert {name: n for (_, name), n in (await store.tallies()).items() if n} == {
            "item.delivered": len(ORDERS),
            "custody.recipient": len(ORDERS),
        }

    asyncio.run(play())


def test_a_bag_with_one_cancelled_envelope_is_refused_as_a_whole_and_counts_without_it():
    async def play() -> None:
        store = MemoryStore()
        shell = Shell(
            machines=machines(), store=store, clock=SetClock(start=START), ids=DerivedIds(seed="post")
        )
        await done(shell, [call("item", name, an_order(order=name)) for name in ORDERS[:3]])
        items = await store.streams(keys=[StreamKey(CITY, name) for name in ORDERS[:3]])
        state = machines()["item"].state
        waybills = [msgspec.json.decode(row.state, type=state).waybill for row in items.values()]
        await done(shell, [call("bag", BAG, a_bag(*waybills))])
        cancelled = msgspec.json.decode(items[StreamKey(CITY, ORDERS[0])].state, type=state).waybill
        await done(shell, [call("item", ORDERS[0], to_accept.Cancel())])
        [refused] = await shell.run([call("bag", BAG, a_count(*waybills))])
        assert isinstance(refused, Refusal)
        assert refused.code == "acceptance.not_taken_in"
        rest = [waybill for waybill in waybills if waybill != cancelled]
        await done(shell, [call("bag", BAG, a_count(*rest))])
        assert (await store.accounts())[CITY, "office:310000-A"] == 2

    asyncio.run(play())


def test_a_clock_is_answered_by_the_machine_of_its_own_stream_and_by_no_other():
    # The item's machine once answered for bags too: the clock of a bag that never came was told to the wrong machine.
    for queue in waiting.TIMERS:
        answering = [kind for kind, machine in machines().items() if machine.timer(queue) is not None]
        assert answering == ["bag" if queue.startswith("bag.") else "item"], queue


def test_a_bag_that_never_comes_passes_to_the_manager_when_its_clock_runs_out():
    async def play() -> None:
        store, clock = MemoryStore(), SetClock(start=START)
        shell = Shell(machines=machines(), store=store, clock=clock, ids=DerivedIds(seed="post"))
        await done(shell, [call("item", ORDERS[0], an_order(order=ORDERS[0]))])
        row = (await store.streams(keys=[StreamKey(CITY, ORDERS[0])]))[StreamKey(CITY, ORDERS[0])]
        waybill = msgspec.json.decode(row.state, type=machines()["item"].state).waybill
        await done(shell, [call("bag", BAG, a_bag(waybill))])
        clock.move_to(START + 2 * BAG_DUE)
        [line] = [line for line in await store.due(now=clock.now(), limit=10) if line.stream == BAG]
        command = machines()["bag"].timer(line.queue)
        assert command is not None
        await done(shell, [call("bag", BAG, command)])
        [late] = await store.worklist(queue="bag.expected")
        assert (late.owner, late.due_at) == ("postal_manager", None)

    asyncio.run(play())
