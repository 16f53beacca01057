"""Counting a bag: what is on the manifest and in the bag is signed for, everything else is a typed difference. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, assert_never

from safehand.kernel.machine import Context, Event
from safehand.kernel.outcome import Refusal
from safehand.link.messages import Reason, RefusedItem
from safehand.postal.acceptance.bags import commands, events, refusals
from safehand.postal.acceptance.bags.states import TABLE, WAITING, Bag, State
from safehand.postal.acceptance.rules import waybill_claim
from safehand.postal.steps import moved

PUT_ASIDE_REASONS: Final = frozenset({Reason.DAMAGED, Reason.SEAL_BROKEN, Reason.RECALLED})

BAG_DUE: Final = timedelta(hours=24)
"""How long after its announcement a bag may come: the next collections are at 11:00 and 16:00 (policy)."""
DIFFERENCE_DUE: Final = timedelta(hours=24)
"""Every difference is a case with an owner and a clock before morning (DESIGN, idea 4)."""

Decided = Sequence[Event] | Refusal


def due(bag: Bag) -> datetime | None:
    """When the bag's clock runs out; none when it has none, or when it ran out already."""
    if bag.since is None or bag.escalated or bag.state not in WAITING:
        return None
    return bag.since + (BAG_DUE if bag.state is State.EXPECTED else DIFFERENCE_DUE)


def decide(bag: Bag, command: commands.BagCommand, context: Context) -> Decided:
    """The events of a command, or the refusal."""
    match command:
        case commands.Expect():
            return _expect(bag, command)
        case commands.Count():
            return _count(bag, command, context)
        case commands.Escalate():
            due_at = due(bag)
            return [events.Escalated()] if due_at is not None and due_at <= context.now else []
        case commands.SettleDifferences(how=how):
            if bag.state is State.SETTLED:
                return []
            if bag.state is not State.DIFFERING:
                return refusals.NOTHING_TO_SETTLE(state=bag.state)
            return [events.DifferencesSettled(how=how)]
        case _:
            assert_never(command)


def _expect(bag: Bag, command: commands.Expect) -> Decided:
    if bag.state is not State.NOT_BEGUN:
        same = bag.manifest == _manifest(command.seal, command.office, command.waybills)
        return [] if same else refusals.BAG_DIFFERS()
    seen: set[str] = set()
    for waybill in command.waybills:
        if waybill in seen:
            return refusals.MANIFEST_REPEATS(waybill=waybill)
        seen.add(waybill)
    return [
        events.BagExpected(
            peer=command.peer,
            seal=command.seal,
            office=command.office,
            waybills=command.waybills,
            offered_at=command.offered_at,
        )
    ]


def _count(bag: Bag, command: commands.Count, context: Context) -> Decided:
    """One count. A waybill read twice by the scanner is one envelope; what the clerk puts aside isn't signed for."""
    if bag.state is State.NOT_BEGUN:
        return refusals.BAG_UNKNOWN()
    seen = _seen(command)
    if bag.state is not State.EXPECTED:
        return [] if bag.seen == seen else refusals.COUNTED_DIFFERENTLY()
    scanned = dict.fromkeys(command.waybills)
    aside: dict[str, RefusedItem] = {}
    for item in command.put_aside:
        if item.waybill in scanned or item.waybill in aside:
            return refusals.PUT_ASIDE_UNSEEN(waybill=item.waybill)
        if item.reason not in PUT_ASIDE_REASONS:
            return refusals.NOT_A_REASON(reason=int(item.reason))
        aside[item.waybill] = item
    accepted, refused = _compared(bag, command.seal_seen, scanned, aside, context.holders)
    counted = events.BagCounted(
        seal_seen=command.seal_seen,
        accepted=tuple(accepted),
        office=command.office,
        clerk=command.clerk,
        seen=seen,
    )
    if not refused:
        return [counted]
    return [counted, events.DifferencesFound(items=tuple(refused), clerk=command.clerk)]


def _compared(
    bag: Bag,
    seal_seen: str,
    scanned: Mapping[str, None],
    aside: Mapping[str, RefusedItem],
    holders: Mapping[str, str],
) -> tuple[list[tuple[str, str]], list[RefusedItem]]:
    """What the post signs for, as (waybill, order), and every difference with its type."""
    if not seal_seen and not scanned and not aside:
        return [], [RefusedItem(waybill=waybill, reason=Reason.SHORT) for waybill in bag.waybills]
    if seal_seen != bag.seal:
        # A bag behind another seal may have been opened on the way: it goes back whole and unopened, so that
        # nobody signs for what he can't vouch for (four-way match of seal and count, postal facts 4.1).
        return [], [RefusedItem(waybill=waybill, reason=Reason.SEAL_BROKEN) for waybill in bag.waybills]
    accepted: list[tuple[str, str]] = []
    refused: list[RefusedItem] = []
    for waybill in bag.waybills:
        order = holders.get(waybill_claim(waybill))
        if waybill in aside:
            refused.append(aside[waybill])
        elif waybill not in scanned:
            refused.append(RefusedItem(waybill=waybill, reason=Reason.SHORT))
        elif order is None:
            refused.append(RefusedItem(waybill=waybill, reason=Reason.UNKNOWN_ITEM))
        else:
            accepted.append((waybill, order))
    expected = set(bag.waybills)
    for waybill in (*scanned, *aside):
        if waybill not in expected:
            known = waybill_claim(waybill) in holders
            reason = Reason.OVER if known else Reason.UNKNOWN_ITEM
            refused.append(RefusedItem(waybill=waybill, reason=reason))
    return accepted, refused


def _manifest(seal: str, office: str, waybills: Sequence[str]) -> bytes:
    return sha256("\x1f".join((seal, office, *sorted(waybills))).encode()).digest()


def _seen(command: commands.Count) -> bytes:
    aside = sorted(f"{item.waybill}={int(item.reason)}" for item in command.put_aside)
    scanned = sorted(set(command.waybills))
    return sha256("\x1f".join((command.seal_seen, *scanned, "", *aside)).encode()).digest()


def fold(bag: Bag, event: events.BagEvent, at: datetime) -> Bag:
    """The bag after the event."""
    match event:
        case events.BagExpected(peer=peer, seal=seal, office=office, waybills=waybills):
            manifest = _manifest(seal, office, waybills)
            return moved(
                bag,
                event,
                at,
                TABLE,
                peer=peer,
                seal=seal,
                office=office,
                waybills=waybills,
                manifest=manifest,
            )
        case events.BagCounted(seen=seen):
            return moved(bag, event, at, TABLE, waybills=(), seen=seen)
        case events.DifferencesFound(items=items):
            return moved(bag, event, at, TABLE, differences=len(items))
        case events.Escalated():
            return moved(bag, event, at, TABLE, escalated=True)
        case events.DifferencesSettled():
            return moved(bag, event, at, TABLE)
        case _:
            assert_never(event)
