"""Whatever is told to the post in whatever order: its books hold, and every edge of every table is reached."""

import copy
import random
from collections import Counter
from datetime import timedelta
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from safehand.kernel.machine import Command
from safehand.kernel.outcome import Refusal, all_refusal_kinds
from safehand.kernel.steps import defects_of_step
from safehand.kernel.working_days import local_day
from safehand.link.messages import WISHES_MAX, Finding, PostageMode, ProofMethod, Reason, RefusedItem, Wish
from safehand.postal.acceptance import commands as to_accept
from safehand.postal.acceptance import states as acceptance
from safehand.postal.acceptance.bags import commands as to_count
from safehand.postal.acceptance.bags import states as bag
from safehand.postal.acceptance.bags.events import Settlement
from safehand.postal.acceptance.events import ReprintReason
from safehand.postal.acceptance.waybills import commands as to_number
from safehand.postal.acceptance.waybills import states as numbers
from safehand.postal.custody import states as custody
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.delivery import states as delivery
from safehand.postal.delivery.stops import commands as to_stop
from safehand.postal.delivery.stops import states as stop
from safehand.postal.inquiry import commands as to_find_out
from safehand.postal.inquiry import states as inquiry
from safehand.postal.item import Item, is_ended, overall
from safehand.postal.machines import ROLES
from safehand.postal.network.s10 import WaybillRange
from safehand.postal.receiver import commands as to_name
from safehand.postal.receiver import states as receiver
from safehand.postal.receiver.papers import Paper
from safehand.postal.receiver.rules import QUEUE as TO_FORGET
from safehand.postal.router import ItemCommand
from safehand.postal.settlement import commands as to_settle
from safehand.postal.settlement import states as settlement
from safehand.postal.transport import commands as to_carry
from safehand.postal.transport import states as transport
from safehand.postal.undeliverable import commands as to_return
from safehand.postal.undeliverable import states as undeliverable
from safehand.postal.waiting import CLOCKS, CONTRADICTED, TIMERS
from tests.postal.house import (
    BAG,
    CLERK,
    COURIER,
    OFFICE,
    ORDER,
    SEAL,
    STRANGER,
    House,
    a_bag,
    a_count,
    an_order,
)
from tests.postal.test_acceptance import order_more, with_ranges

STEPS: dict[str, Any] = {
    "acceptance": acceptance,
    "bag": bag,
    "range": numbers,
    "custody": custody,
    "transport": transport,
    "delivery": delivery,
    "undeliverable": undeliverable,
    "settlement": settlement,
    "receiver": receiver,
    "inquiry": inquiry,
    "stop": stop,
}
ROLE_NAMES = {
    "acceptance_clerk",
    "sorter",
    "driver",
    "courier",
    "office_clerk",
    "postal_manager",
    "system",
    "authority",
}
STATE_BYTES_MAX = 1_600


# Tables ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", STEPS)
def test_every_state_is_reached_and_every_waiting_state_has_a_clock_or_an_owner(name: str):
    step = STEPS[name]
    # A lost item may be found: LOST is an end that a table may leave; the check looks at waiting and reaching alone.
    assert (
        defects_of_step(
            states=step.State,
            first=next(iter(step.State)),
            table=step.TABLE,
            waiting=step.WAITING,
            terminal=step.TERMINAL,
            handed_on=getattr(step, "HANDED_ON", ()),
        )
        == []
    )


def test_every_clock_that_a_table_names_is_a_clock_and_gives_a_command():
    for name in ("acceptance", "transport", "delivery", "undeliverable"):
        for state, wait in STEPS[name].WAITING.items():
            if wait.clock:
                assert wait.clock in CLOCKS
                assert f"{name}.{state}" in TIMERS
    assert {f"bag.{state}" for state in bag.WAITING} <= set(TIMERS)


def test_only_a_sealed_proof_leads_to_delivered_and_to_the_recipients_hands():
    to_delivered = {event.__name__ for (_, event), to in delivery.TABLE.items() if to == "delivered"}
    assert to_delivered - {"OldClaimAnswered"} == {"ProofRecorded"}
    to_recipient = {event.__name__ for (_, event), to in custody.TABLE.items() if to == "recipient"}
    assert to_recipient == {"TakenByRecipient"}


def test_nothing_leads_away_from_the_authority_and_only_its_own_receipt_away_from_the_recipient():
    ends = {"recipient", "returned"}
    away = [(state, event.__name__) for state, event in custody.TABLE if state in ends]
    assert away == [("recipient", "TakenBySender")]


def test_who_may_give_a_command_stands_beside_every_command():
    commands = {*get_args(ItemCommand), *get_args(to_count.BagCommand), to_number.Draw, to_stop.NameStop}
    assert set(ROLES) == commands
    for roles in ROLES.values():
        assert roles <= ROLE_NAMES


# The walk ----------------------------------------------------------------------------------------------------


def some_command(house: House, chance: random.Random) -> tuple[str, str, Command]:
    """Anything that anybody might tell the post, sensible more often than not."""
    waybill = house.waybill if chance.random() < 0.98 else "ZA400000029CN"
    then = house.now + timedelta(minutes=chance.choice((0, 0, 0, 0, 0, -3, -200, 4, 60)))
    who = COURIER if chance.random() < 0.95 else STRANGER
    scan: dict[str, Any] = {"waybill": waybill, "scan_id": house.scan_id(), "occurred_at": then}
    place = chance.choice((OFFICE, OFFICE, "310101", "310000-C"))
    reason = chance.choice(list(Reason))
    door = chance.choice((Reason.ABSENT, Reason.ABSENT, Reason.REFUSED, Reason.WANTS_COUNTER, reason))
    trail = [one.scan_id for one in house.item.transport.trail if one.scan_id]
    known = chance.choice(trail[-1:] * 3 + trail) if trail else "sc_nobody"
    method = chance.choice(list(ProofMethod))
    code = "482913" if method is ProofMethod.RECIPIENT_CODE else ""
    attempt = house.item.delivery.attempts + chance.choice((1, 1, 1, 0, 2))
    wb: dict[str, Any] = {"waybill": waybill}
    on: dict[str, Any] = {"occurred_at": then}
    items: list[Command] = [
        to_accept.Cancel() if chance.random() < 0.05 else to_accept.SeekNumber(),
        to_accept.PrintLabel(clerk=CLERK, reason=chance.choice(list(ReprintReason))),
        an_order(documents=chance.choice((1, 1, 2))),
        to_carry.Depart(**scan, place=place, leg=chance.choice(("LEG-1", "LEG-2"))),
        to_carry.Arrive(**scan, place="310000-C"),
        to_carry.ArriveOffice(**scan, place=place),
        to_carry.ArriveOffice(**scan, place=OFFICE),
        to_carry.VoidScan(**wb, scan_id=known),
        to_carry.ClearContradiction(**wb),
        to_deliver.TakeOut(**scan, courier=who, office=OFFICE),
        to_deliver.TakeOut(**scan, courier=who, office=OFFICE),
        to_deliver.Approach(**wb, **on, courier=who),
        to_deliver.Claim(**wb, **on, courier=who, method=method, code=code),
        to_deliver.Claim(**wb, **on, courier=who, method=ProofMethod.RECIPIENT_CODE, code="482913"),
        to_deliver.ClaimAtCounter(**wb, **on, clerk=CLERK, method=method, code=code),
        some_proof(house, chance) if chance.random() < 0.3 else to_deliver.EndHolding(),
        house.proof_refusal(attempts_left=chance.choice((0, 1, 3)), at=then),
        to_deliver.VoidClaim(**wb, courier=chance.choice((COURIER, CLERK))),
        to_deliver.Fail(**wb, **on, courier=who, reason=door, attempt=attempt, place=OFFICE),
        to_deliver.BringBack(**scan, courier=who, place=OFFICE),
        to_deliver.Hold(**scan, place=OFFICE, reason=chance.choice((Reason.WANTS_COUNTER, reason))),
        to_deliver.RejectAtDoor(**wb, **on, courier=who, reason=reason),
        to_deliver.ReportNonconforming(**wb, **on, courier=who, carrier_code="50"),
        to_deliver.TakeBack(**wb, **on, courier=who),
        to_settle.RecordCollected(**wb, amount_fen=chance.choice((1400, 1)), collector=COURIER),
        to_return.MoveReturn(**scan, place=place, leg=chance.choice(("", "LEG-9"))),
        to_return.OfferReturn(**wb),
        to_return.WithdrawOffer(**wb),
    ]
    # What ends an item comes less often, so that walks go deep.
    rare: list[Command] = [
        to_return.Recall(**wb, reason=Reason.RECALLED),
        to_return.StartReturn(**scan, place=OFFICE, reason=reason),
        to_return.RecordReturnReceived(**wb),
        to_return.OpenIncident(**wb, reason=chance.choice((Reason.LOST, Reason.DAMAGED, reason))),
        to_return.DeclareLoss(**wb),
        to_return.Find(**wb, place=OFFICE),
    ]
    if chance.random() < 0.12:
        return some_bag_command(house, chance)
    return "item", ORDER, chance.choice(rare if chance.random() < 0.06 else items)


def some_word_of_receivers(house: House, chance: random.Random) -> Command:
    """Anything about whoever else may receive it, in any order."""
    papers = chance.choice((tuple(Paper), tuple(Paper), tuple(Paper)[:2], ()))
    if chance.random() < 0.2:
        return house.claiming(
            receiver="agent", papers_seen=papers, method=ProofMethod(chance.choice((1, 1, 2)))
        )
    if chance.random() < 0.3:
        return to_name.RecordForgotten()
    kind = chance.choice((to_name.NameReceiver, to_name.NameReceiver, to_name.ReleaseReceiver))
    return kind(number=chance.randint(1, 9), at=house.now)


def some_proof(house: House, chance: random.Random) -> to_deliver.RecordProof:
    """Of a claim, or the recipient's own word, which is given and sealed at the same moment."""
    return house.proof(
        proof_verified=chance.random() < 0.8,
        evidence=bytes([chance.randrange(2)]) * 32,
        claimed_at=house.now - timedelta(seconds=chance.randrange(2)),
    )


def some_wish(house: House, chance: random.Random) -> to_deliver.HearWish:
    """The counter or a day: the next wish, an old one, or one that makes no sense."""
    number = house.item.delivery.wished.number + 1 if house.item.delivery.wished is not None else 1
    day = chance.choice((None, None, *(local_day(house.now) + timedelta(days=n) for n in (0, 1, 9))))
    wish = Wish.POST_OFFICE if day is None and chance.random() < 0.8 else Wish.ANOTHER_DAY
    return to_deliver.HearWish(waybill=house.waybill, number=min(number, WISHES_MAX), wish=wish, day=day)


def some_bag_command(house: House, chance: random.Random) -> tuple[str, str, Command]:
    """Anything that might be told of a bag."""
    here = chance.choice((house.waybill, house.waybill, "ZZ999999991CN"))
    name = chance.choice((BAG, "bg_later"))
    aside = (RefusedItem(waybill=here, reason=chance.choice((Reason.DAMAGED, Reason.ABSENT))),)
    return (
        "bag",
        name,
        chance.choice(
            (
                a_bag(here),
                a_bag(house.waybill),
                a_count(here, seal_seen=chance.choice((SEAL, SEAL, SEAL, "OTHER", ""))),
                a_count(put_aside=aside),
                to_count.SettleDifferences(how=Settlement.GIVEN_BACK),
            )
        ),
    )


def ring_something(house: House, chance: random.Random) -> None:
    """Let one of the clocks run out, wherever it stands."""
    streams = [name for name in house.states if name in house.kinds]
    lines = [(stream, line) for stream in streams for line in house.waits(stream).values() if line.due_at]
    if lines:
        stream, line = chance.choice(lines)
        house.ring(line.queue, stream)


def check(house: House) -> None:
    """What must hold at every moment."""
    item = house.item
    standing = house.units.get(ORDER)
    if standing is not None:
        assert (standing.account, standing.pending or "") == (item.custody.account, item.custody.pending)
    assert sum(n for name, n in house.tallies.items() if name.startswith("custody.")) == len(house.units)
    delivered = item.delivery.state == "delivered"
    assert delivered == (item.custody.account == "recipient")
    if delivered:
        searched = item.undeliverable.state == "in_hand"
        assert item.delivery.claims > 0 or item.delivery.reported or searched
        assert item.delivery.evidence
    if not is_ended(item) and item.order is not None:
        lines = house.waits().values()
        assert lines, f"{overall(item)} waits for nobody"
        assert all(line.due_at or line.owner for line in lines)
    elif item.custody.account in ("recipient", "returned"):
        assert set(house.waits()) <= {CONTRADICTED, TO_FORGET}


def walk(seed: int, steps: int, *, named: bool = False) -> House:
    """`named`: somebody else may receive it, and then may not; every other step is about that."""
    chance = random.Random(seed)
    house = House()
    mode = chance.choice(list(PostageMode))
    house.do(an_order(postage_mode=mode, postage_fen=0 if mode is PostageMode.FREE else 1400))
    start = chance.choice(
        (None, House.accepted, House.at_office, House.with_courier, House.claimed, House.held)
    )
    if start is not None:
        house = start(House())
    proofs = 0
    for _ in range(steps):
        house.wait(minutes=chance.choice((0, 1, 7, 30)))
        if named and chance.random() < 0.5:
            house.give("item", ORDER, some_word_of_receivers(house, chance))
        if chance.random() < 0.05:
            ring_something(house, chance)
        else:
            kind, stream, command = some_command(house, chance)
            if chance.random() < 0.01:
                kind, stream, command = "item", ORDER, some_wish(house, chance)
            was = house.account() if house.units else ""
            decided = house.give(kind, stream, command)
            if house.units and was != "recipient" == house.account():
                assert isinstance(command, to_deliver.RecordProof)
                assert command.proof_verified
                proofs += 1
            if not isinstance(decided, Refusal) and was in ("recipient", "returned"):
                assert house.account() == was
        check(house)
    assert proofs <= 1
    return house


def used_up() -> House:
    """The edges of numbers that run out."""
    house = with_ranges(WaybillRange(indicator="ZY", first=0, last=0))
    house.ordered()
    wide = with_ranges(WaybillRange(indicator="ZY", first=0, last=500)).machines
    order_more(house, 1)
    house.give("item", "or_bbbbb", to_accept.SeekNumber())
    house.give("item", "or_aaaaa", to_accept.SeekNumber())
    for _ in range(10):
        lines = (
            house.waits("or_aaaaa") if house.states["or_aaaaa"].acceptance.state == "awaiting_number" else {}
        )
        if lines:
            house.ring("acceptance.awaiting_number", "or_aaaaa")
    house.give("item", "or_ccccc", an_order(order="or_ccccc"))
    house.give("item", "or_ccccc", to_accept.Cancel())
    house.give("item", "or_away", an_order(order="or_away", destination=659000))
    house.machines = wide
    house.give("item", "or_ddddd", an_order(order="or_ddddd"))
    few = with_ranges(WaybillRange(indicator="ZY", first=0, last=19))
    order_more(few, 20)
    few.give("item", "or_eeeee", an_order(order="or_eeeee"))
    few.machines = wide
    order_more(few, 21)
    wider = with_ranges(WaybillRange(indicator="ZY", first=0, last=19))
    order_more(wider, 19)
    wider.machines = wide
    order_more(wider, 20)
    empty = with_ranges()
    empty.give("item", ORDER, an_order())
    one = with_ranges(WaybillRange(indicator="ZY", first=0, last=99))
    order_more(one, 3)
    one.machines = with_ranges(WaybillRange(indicator="ZY", first=0, last=2)).machines
    one.give("item", "or_fffff", an_order(order="or_fffff"))
    house.edges |= few.edges | wider.edges | empty.edges | one.edges
    return house


def rare_ways() -> set[tuple[str, str, Any]]:
    """Edges that chance seldom finds."""
    house = House().with_courier()
    house.wait(minutes=1)
    house.do(house.departing())
    house.do(house.bringing_back())
    clear = to_carry.ClearContradiction(waybill=house.waybill)
    first = house.item.transport.trail[1].scan_id
    leaving = house.departing(place=OFFICE)
    house.do(leaving)
    on_the_way = House(states=dict(house.states), kinds=dict(house.kinds), units=dict(house.units))
    on_the_way.do(clear)
    house.do(to_carry.VoidScan(waybill=house.waybill, scan_id=leaving.scan_id))
    house.do(to_carry.VoidScan(waybill=house.waybill, scan_id=first))
    house.do(clear)
    attempted, counter, held = House().with_courier(), House().held(), House().held()
    fresh = House().with_courier()
    attempted.do(attempted.failing())
    counter.do(counter.claiming_at_counter())
    for one in (fresh, attempted, counter, held):
        facts: dict[str, Any] = {"waybill": one.waybill, "courier": COURIER, "occurred_at": one.now}
        one.do(to_deliver.RejectAtDoor(reason=Reason.MISPRINT, **facts))
    ways = (*found_in_hand(), *came_late(), *wished(), *stops_named())
    others = (on_the_way, asked_after(), fresh, attempted, counter, held, named(), *ways)
    return house.edges.union(*(one.edges for one in others)) | rare_counters() | rare_scans()


def named() -> House:
    """Somebody named after a release that came first, released, another one released first, and forgotten at the end."""
    house = House().claimed()
    for command, number in (
        (to_name.ReleaseReceiver, 1),
        (to_name.ReleaseReceiver, 2),
        (to_name.NameReceiver, 3),
        (to_name.NameReceiver, 4),
        (to_name.ReleaseReceiver, 4),
        (to_name.NameReceiver, 5),
    ):
        house.do(command(number=number, at=house.now))
    house.do(house.proof())
    house.do(to_name.RecordForgotten())
    fresh = House().ordered()
    fresh.do(to_name.NameReceiver(number=1, at=fresh.now))
    house.edges |= fresh.edges
    return house


def asked_after() -> House:
    """Asked after, late, asked again, answered, and asked after once more, and no more."""
    house = House().claimed()
    house.do(house.proof())
    for number in (1, 2):
        house.do(to_find_out.HearInquiry(waybill=house.waybill, number=number))
    house.wait(hours=50)
    house.do(to_find_out.Escalate())
    house.do(to_find_out.AnswerInquiry(waybill=house.waybill, finding=Finding.NOT_KNOWN))
    for number in (3, 4):
        house.do(to_find_out.HearInquiry(waybill=house.waybill, number=number))
        house.do(to_find_out.HearInquiryEnded(waybill=house.waybill, number=number))
    return house


def stops_named() -> list[House]:
    """Named before there is an order, and in every state that an item can be in until it is delivered."""
    houses = [House()]
    begun = (
        *("ordered", "accepted", "at_office", "with_courier", "attempted", "claimed", "held"),
        "claimed_at_counter",
        "nonconforming",
    )
    for start in begun:
        if start == "attempted":
            house = House().with_courier()
            house.do(house.failing())
        elif start == "claimed_at_counter":
            house = House().held()
            house.wait(minutes=5)
            house.do(house.claiming_at_counter())
        elif start == "nonconforming":
            house = House().with_courier()
            house.do(
                to_deliver.ReportNonconforming(
                    waybill=house.waybill, courier=COURIER, carrier_code="50", occurred_at=house.now
                )
            )
        else:
            house = getattr(House(), start)()
        houses.append(house)
    for house in houses:
        named = house.give("stop", "gp_door", to_stop.NameStop(peer="authority", orders=(ORDER, "or_other")))
        assert not isinstance(named, Refusal), named
        assert house.item.delivery.stop == "gp_door"
    return houses


def came_late() -> list[House]:
    """A proof for a claim that was voided and brought back to the office, or sent on; a recall of what was given up as lost."""
    proof, recall = House().claimed(), House().with_courier()
    answer = proof.proof()
    proof.do(to_deliver.VoidClaim(waybill=proof.waybill, courier=COURIER))
    proof.do(proof.bringing_back())
    gone = copy.deepcopy(proof)
    gone.wait(minutes=5)
    gone.do(gone.departing(place=OFFICE))
    again = House().claimed()
    again.do(to_deliver.VoidClaim(waybill=again.waybill, courier=COURIER))
    again.do(again.failing())
    again.do(again.proof())
    for one in (proof, gone):
        one.do(answer)
    recall.do(to_return.OpenIncident(waybill=recall.waybill, reason=Reason.LOST))
    recall.do(to_return.DeclareLoss(waybill=recall.waybill))
    recall.do(to_return.Recall(waybill=recall.waybill, reason=Reason.RECALLED))
    return [proof, gone, again, recall]


def wished() -> list[House]:
    """A wish wherever an item may be."""
    elsewhere = House().with_courier()
    elsewhere.do(
        to_deliver.ReportNonconforming(
            waybill=elsewhere.waybill, courier=COURIER, carrier_code="50", occurred_at=elsewhere.now
        )
    )
    attempted, counter = House().with_courier(), House().held()
    attempted.do(attempted.failing())
    counter.do(counter.claiming_at_counter())
    others = [
        House().accepted(),
        House().at_office(),
        House().with_courier(),
        House().claimed(),
        House().held(),
    ]
    houses = [elsewhere, attempted, counter, *others]
    for one in houses:
        wish = to_deliver.HearWish(waybill=one.waybill, number=1, wish=Wish.POST_OFFICE)
        assert one.do(wish) == ["delivery.wish_recorded"]
    return houses


def found_in_hand() -> list[House]:
    """Searched for, or given up, and then the recipient says that she has it."""
    searched, lost = House().with_courier(), House().with_courier()
    for one in (searched, lost):
        one.do(to_return.OpenIncident(waybill=one.waybill, reason=Reason.LOST))
    lost.do(to_return.DeclareLoss(waybill=lost.waybill))
    for one in (searched, lost):
        one.do(one.proof(method=ProofMethod.RECIPIENT_WORD))
        one.do(to_return.Recall(waybill=one.waybill, reason=Reason.RECALLED))
    searched.do(to_return.RecordReturnReceived(waybill=searched.waybill))
    return [searched, lost]


def rare_counters() -> set[tuple[str, str, Any]]:
    """A claim at the counter and each of its answers; a recall that waits for one."""
    proven, voided, stopped, recalled = House().held(), House().held(), House().held(), House().claimed()
    answered = voided.proof_refusal()
    for one in (proven, voided, stopped):
        one.wait(minutes=5)
        one.do(one.claiming_at_counter())
    proven.do(proven.proof(method=ProofMethod.COUNTER_IDENTITY))
    voided.do(answered)
    voided.ring("delivery.claimed_at_counter")
    voided.do(to_deliver.VoidClaim(waybill=voided.waybill, courier=CLERK))
    stopped.do(to_return.OpenIncident(waybill=stopped.waybill, reason=Reason.LOST))
    recalled.do(to_return.Recall(waybill=recalled.waybill, reason=Reason.RECALLED))
    missed = copy.deepcopy(recalled)
    recalled.ring("undeliverable.recall_pending")
    late = House().held()
    late.do(late.claiming_at_counter())
    late.do(to_deliver.VoidClaim(waybill=late.waybill, courier=CLERK))
    late.do(late.proof(method=ProofMethod.COUNTER_IDENTITY))
    missed.do(to_return.OpenIncident(waybill=missed.waybill, reason=Reason.LOST))
    recalled.do(recalled.proof())
    return set().union(*(one.edges for one in (proven, voided, stopped, recalled, missed, late)))


def rare_scans() -> set[tuple[str, str, Any]]:
    """A late scan voided at the first office, two scans voided in a row; a contradiction cleared at a centre again."""
    early, centre, twice = House().accepted(), House().with_courier(), House().accepted()
    scans = [twice.departing(), twice.arriving_at_centre()]
    for scan in scans:
        twice.do(scan)
    for scan in reversed(scans):
        twice.do(to_carry.VoidScan(waybill=twice.waybill, scan_id=scan.scan_id))
    twice.do(twice.departing(occurred_at=twice.now - timedelta(hours=1)))
    twice.do(to_return.OpenIncident(waybill=twice.waybill, reason=Reason.LOST))
    late = early.departing(occurred_at=early.now - timedelta(hours=1))
    early.do(late)
    early.do(to_carry.VoidScan(waybill=early.waybill, scan_id=late.scan_id))
    centre.wait(minutes=1)
    centre.do(centre.departing())
    centre.do(centre.bringing_back())
    centre.do(centre.arriving_at_centre())
    centre.do(to_carry.ClearContradiction(waybill=centre.waybill))
    return early.edges | centre.edges | twice.edges


@pytest.fixture(scope="module")
def walks() -> list[House]:
    """Many walks of one item each, and the numbers running out."""
    others = [walk(seed, 90, named=True) for seed in range(260, 300)]
    return [walk(seed, 90) for seed in range(260)] + others + [used_up()]


@pytest.mark.slow
def test_whatever_is_told_the_books_hold_and_only_a_proof_delivers(walks: list[House]):
    ends = Counter(overall(house.item) for house in walks)
    assert ends["delivered"] > 5
    assert ends["returned"] > 5
    assert Counter(str(house.item.receiver.state) for house in walks)["forgotten"] > 5


@pytest.mark.slow
def test_every_edge_of_every_table_is_walked(walks: list[House]):
    walked = {edge for house in walks for edge in house.edges} | rare_ways()
    missing = [
        f"{name}: {state} × {event.__name__}"
        for name, step in STEPS.items()
        for state, event in step.TABLE
        if (name, state, event) not in walked
    ]
    assert missing == []


@pytest.mark.slow
def test_a_state_stays_small_and_survives_its_own_json(walks: list[House]):
    for house in walks:
        if ORDER not in house.states:
            continue
        item = house.item
        raw = msgspec.json.encode(item)
        assert msgspec.json.decode(raw, type=Item) == item
        if len(item.transport.trail) <= 6 and len(item.asked.at) <= 3:
            assert len(raw) < STATE_BYTES_MAX


@pytest.mark.slow
def test_the_journal_folds_to_the_same_state_again(walks: list[House]):
    house = walks[0]
    machine = house.machines["item"]
    at, state = house.now, machine.initial(None)  # type: ignore[arg-type]
    for stream, event in house.journal:
        if stream == ORDER:
            state = machine.fold(state, event, at)
    assert (state.custody.account, overall(state)) == (house.item.custody.account, overall(house.item))


def test_every_refusal_of_the_steps_is_met_by_a_test():
    sentences = "".join(path.read_text() for path in Path(__file__).parent.glob("test_*.py"))
    kinds = [kind for kind in all_refusal_kinds() if kind.owner.startswith("postal.")]
    assert len(kinds) > 50
    assert [kind.code for kind in kinds if f'"{kind.code}"' not in sentences] == []
