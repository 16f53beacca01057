"""Scans may come late, twice, out of order, or be voided: what each does to where the item is. Pure.

Custody decides. A scan that happened before the last act of custody is late and moves nothing. A later one counts if
an office or a vehicle has the item; if a courier, the counter or somebody else has it, it contradicts custody: it is
kept, it moves nothing, and the manager looks into it (a copied label shows itself so).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

import msgspec

from safehand.kernel.machine import Event
from safehand.kernel.outcome import Refusal
from safehand.link.messages import Scan
from safehand.postal.custody import rules as custody_rules
from safehand.postal.custody.states import Custody
from safehand.postal.custody.states import State as Holder
from safehand.postal.steps import moved
from safehand.postal.transport import commands, events, refusals
from safehand.postal.transport.states import TABLE, WAITING, Scanned, State, Transport

SCANS_MAX: Final = 40
DEPARTURE_DUE: Final = timedelta(hours=24)
"""How long an item may lie at an office or centre (assumed: below the shortest promise but one)."""
ARRIVAL_DUE: Final = timedelta(hours=48)
"""How long a leg may take (assumed)."""

Decided = Sequence[Event] | Refusal
_ScanCommand = commands.Depart | commands.Arrive | commands.ArriveOffice


def decide(step: Transport, custody: Custody, command: commands.TransportCommand, now: datetime) -> Decided:
    """The events of a command, or the refusal."""
    match command:
        case commands.Depart() | commands.Arrive() | commands.ArriveOffice():
            return _scan(step, custody, command, now)
        case commands.VoidScan(scan_id=scan_id):
            return _void(step, custody, scan_id, now)
        case commands.ClearContradiction():
            return [events.ContradictionCleared()] if step.contradicted_at is not None else []
        case commands.Escalate():
            wait = WAITING.get(step.state)
            return [events.Escalated()] if wait is not None and wait.clock and not step.escalated else []
        case _:
            assert_never(command)


def _scan(step: Transport, custody: Custody, command: _ScanCommand, now: datetime) -> Decided:
    if any(scanned.scan_id == command.scan_id for scanned in step.trail):
        return []
    if step.state is State.NOT_BEGUN:
        return refusals.NOT_ACCEPTED()
    if len(step.trail) >= SCANS_MAX:
        return refusals.SCANS_USED_UP(scans_max=SCANS_MAX)
    future = custody_rules.check_time(occurred_at=command.occurred_at, now=now)
    if future is not None:
        return future
    if custody.acted_at is not None and command.occurred_at < custody.acted_at:
        return [_kept(command, events.Kept.LATE)]
    if step.state is State.STOPPED or custody.state not in (Holder.AT_OFFICE, Holder.IN_VEHICLE):
        return [_kept(command, events.Kept.CONTRADICTS)]
    return [_counted(command, custody.account)]


def _counted(command: _ScanCommand, giver: str) -> Event:
    scan_id, place, occurred_at = command.scan_id, command.place, command.occurred_at
    match command:
        case commands.Depart(leg=leg):
            return events.Departed(
                scan_id=scan_id, place=place, leg=leg, occurred_at=occurred_at, giver=giver
            )
        case commands.Arrive():
            return events.ArrivedAtCentre(scan_id=scan_id, place=place, occurred_at=occurred_at, giver=giver)
        case commands.ArriveOffice():
            return events.ArrivedAtOffice(scan_id=scan_id, place=place, occurred_at=occurred_at, giver=giver)
        case _:
            assert_never(command)


def _kept(command: _ScanCommand, why: events.Kept) -> events.ScanKept:
    match command:
        case commands.Depart():
            scan = Scan.DEPARTED
        case commands.Arrive():
            scan = Scan.ARRIVED
        case commands.ArriveOffice():
            scan = Scan.AT_OFFICE
        case _:
            assert_never(command)
    return events.ScanKept(
        scan_id=command.scan_id, scan=scan, place=command.place, occurred_at=command.occurred_at, why=why
    )


def _void(step: Transport, custody: Custody, scan_id: str, now: datetime) -> Decided:
    """Voiding the scan that gave the present position puts the item back into the hands before; any other only marks."""
    scanned = next((one for one in step.trail if one.scan_id == scan_id), None)
    if scanned is None:
        return refusals.SCAN_UNKNOWN()
    if scanned.voided:
        return []
    # The first of them is the acceptance, which has no name and is never voided.
    standing = [one for one in step.trail if one.account and not one.voided]
    gave_position = (
        step.state is not State.STOPPED
        and standing[-1] is scanned
        and custody.account == scanned.account
        and custody.acted_at == scanned.occurred_at
    )
    if not gave_position:
        return [events.ScanVoided(scan_id=scan_id, at=now)]
    # The time goes back with the hands, so that the scan which is to follow doesn't count as late.
    before = standing[-2]
    return [
        events.PositionVoided(scan_id=scan_id, account=scanned.giver, acted_at=before.occurred_at, at=now)
    ]


def fold(step: Transport, event: events.TransportEvent | events.TransportSignal, at: datetime) -> Transport:
    """The step after the event."""
    match event:
        case events.Began(account=account, occurred_at=occurred_at):
            # The acceptance opens the trail: if the first scan is voided, the item is back at this office.
            return moved(step, event, at, TABLE, trail=(Scanned("", account, occurred_at),))
        case events.Departed(scan_id=scan_id, leg=leg, occurred_at=occurred_at, giver=giver):
            scanned = Scanned(scan_id, custody_rules.vehicle(leg), occurred_at, giver)
            return _seen(moved(step, event, at, TABLE, trail=(*step.trail, scanned)), at)
        case (
            events.ArrivedAtCentre(scan_id=scan_id, place=place, occurred_at=occurred_at, giver=giver)
            | events.ArrivedAtOffice(scan_id=scan_id, place=place, occurred_at=occurred_at, giver=giver)
        ):
            scanned = Scanned(scan_id, custody_rules.office(place), occurred_at, giver)
            return _seen(moved(step, event, at, TABLE, trail=(*step.trail, scanned)), at)
        case events.ScanKept(scan_id=scan_id, occurred_at=occurred_at, why=why):
            since = step.contradicted_at or at if why is events.Kept.CONTRADICTS else step.contradicted_at
            trail = (*step.trail, Scanned(scan_id, "", occurred_at))
            return moved(step, event, at, TABLE, trail=trail, contradicted_at=since)
        case events.ScanVoided(scan_id=scan_id) | events.PositionVoided(scan_id=scan_id):
            return moved(step, event, at, TABLE, trail=_marked(step.trail, scan_id))
        case events.ContradictionCleared():
            return moved(step, event, at, TABLE, contradicted_at=None)
        case events.Escalated():
            return moved(step, event, at, TABLE, escalated=True)
        case events.Stopped():
            return moved(step, event, at, TABLE)
        case _:
            assert_never(event)


def _seen(step: Transport, at: datetime) -> Transport:
    """A scan winds the clock anew, also if it leads to the same kind of place (from one centre to the next)."""
    return msgspec.structs.replace(step, since=at, escalated=False)


def _marked(trail: tuple[Scanned, ...], scan_id: str) -> tuple[Scanned, ...]:
    return tuple(
        msgspec.structs.replace(one, voided=True) if one.scan_id == scan_id else one for one in trail
    )
