"""Recall, return, incident, loss: from here an item goes back to the issuing office and never to the door. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

from safehand.kernel.machine import Event
from safehand.kernel.outcome import Refusal
from safehand.link.messages import Reason
from safehand.postal.custody import rules as custody_rules
from safehand.postal.custody.states import RECIPIENT, Custody
from safehand.postal.custody.states import State as Holder
from safehand.postal.order import Order
from safehand.postal.steps import moved
from safehand.postal.undeliverable import commands, events, refusals
from safehand.postal.undeliverable.states import TABLE, WAITING, State, Undeliverable

SEARCH_DUE: Final = timedelta(days=3)
"""How long the manager searches before being reminded that a loss must be declared (assumed)."""
SCAN_IN_DUE: Final = timedelta(hours=24)
"""How long the issuing office may take to scan a return in (assumed)."""
RETURN_SCANS_MAX: Final = 40

RETURN_REASONS: Final = frozenset(
    {
        Reason.ADDRESS_INSUFFICIENT,
        Reason.UNKNOWN_PERSON,
        Reason.MOVED,
        Reason.REFUSED,
        Reason.RECALLED,
        Reason.READDRESS_REQUESTED,
        Reason.DAMAGED,
        Reason.CHARGES_DUE,
        Reason.IDENTITY_NOT_PROVEN,
        Reason.DECEASED,
        Reason.SEAL_BROKEN,
        Reason.MISPRINT,
        Reason.NOT_COLLECTED,
        Reason.ATTEMPTS_USED_UP,
    }
)
INCIDENT_REASONS: Final = frozenset(
    {Reason.LOST, Reason.STOLEN, Reason.DAMAGED, Reason.SEAL_BROKEN, Reason.IDENTITY_NOT_PROVEN}
)
_POST: Final = frozenset(
    {Holder.AT_OFFICE, Holder.IN_VEHICLE, Holder.WITH_COURIER, Holder.AT_COUNTER, Holder.IN_INCIDENT}
)

Decided = Sequence[Event] | Refusal


def decide(  # noqa: C901 - one line per command
    step: Undeliverable,
    order: Order,
    custody: Custody,
    command: commands.UndeliverableCommand,
    now: datetime,
) -> Decided:
    """The events of a command, or the refusal."""
    match command:
        case commands.Recall(reason=reason):
            return _recall(step, custody, reason, now)
        case commands.StartReturn():
            return _start_return(step, custody, command, now)
        case commands.MoveReturn():
            return _move_return(step, custody, command, now)
        case commands.OfferReturn():
            return _offer(step, custody, now)
        case commands.WithdrawOffer():
            if step.state is State.RETURNING:
                return []
            offered = step.state is State.RETURN_OFFERED
            return [events.OfferWithdrawn()] if offered else refusals.NOT_OFFERED(state=step.state)
        case commands.RecordReturnReceived():
            return _received(step, order, custody, now)
        case commands.OpenIncident(reason=reason):
            return _open_incident(step, custody, reason, now)
        case commands.DeclareLoss():
            if step.state is State.LOST:
                return []
            searched = step.state is State.INCIDENT
            return [events.LossDeclared()] if searched else refusals.NO_INCIDENT(state=step.state)
        case commands.Find(place=place):
            if step.state in (State.RETURNING, State.RETURN_OFFERED, State.RETURNED):
                return []
            missing = step.state in (State.INCIDENT, State.LOST)
            found = events.ItemFound(place=place, at=now)
            return [found] if missing else refusals.NOTHING_LOST(state=step.state)
        case commands.Escalate():
            return [events.Escalated()] if step.state in WAITING and not step.escalated else []
        case _:
            assert_never(command)


def _recall(step: Undeliverable, custody: Custody, reason: Reason, now: datetime) -> Decided:
    """Granted as long as the post has the item and no claim is open; an open claim is decided by its answer.

    "After recall accepted no proof may be sealed": so it is never accepted while a claim waits for the authority.
    """
    if step.recalled or step.state is State.RECALL_PENDING:
        return []
    if custody.state is Holder.WITH_RECIPIENT:
        return [events.RecallRefused(reason=Reason.TOO_LATE, at=now)]
    if custody.state not in _POST:
        return [events.RecallRefused(reason=Reason.NOT_IN_CUSTODY, at=now)]
    if custody.pending == RECIPIENT:
        return [events.RecallNoted(reason=reason)]
    accepted = events.RecallAccepted(at=now)
    if custody.state is Holder.IN_INCIDENT and step.state is State.NOT_BEGUN:
        # Left with a neighbour or in a locker: it is stopped, but must be fetched before it can go back.
        return [events.IncidentOpened(reason=Reason.IDENTITY_NOT_PROVEN, at=now), accepted]
    return [accepted]


def _start_return(
    step: Undeliverable, custody: Custody, command: commands.StartReturn, now: datetime
) -> Decided:
    if step.state in (State.RETURNING, State.RETURN_OFFERED):
        return []
    if custody.state not in _POST:
        return refusals.NOT_WITH_POST(holder=custody.state)
    if custody.pending:
        return refusals.CLAIM_OPEN()
    if custody.state is Holder.WITH_COURIER:
        return refusals.WITH_COURIER()
    if custody.state is Holder.IN_INCIDENT and step.state is not State.INCIDENT:
        return refusals.NOT_IN_HAND()
    if command.reason not in RETURN_REASONS:
        return refusals.NOT_A_RETURN_REASON(reason=int(command.reason))
    return custody_rules.check_time(occurred_at=command.occurred_at, now=now) or [
        events.ReturnStarted(
            reason=command.reason,
            place=command.place,
            scan_id=command.scan_id,
            occurred_at=command.occurred_at,
        )
    ]


def _move_return(
    step: Undeliverable, custody: Custody, command: commands.MoveReturn, now: datetime
) -> Decided:
    if command.scan_id in step.scans:
        return []
    if step.state is not State.RETURNING:
        return refusals.NOT_RETURNING(state=step.state)
    if custody.state is Holder.WITH_COURIER:
        return refusals.WITH_COURIER()
    if len(step.scans) >= RETURN_SCANS_MAX:
        return refusals.RETURN_SCANS_USED_UP(scans_max=RETURN_SCANS_MAX)
    late = custody.acted_at is not None and command.occurred_at < custody.acted_at
    account = custody_rules.vehicle(command.leg) if command.leg else custody_rules.office(command.place)
    return custody_rules.check_time(occurred_at=command.occurred_at, now=now) or [
        events.ReturnMoved(
            scan_id=command.scan_id,
            place=command.place,
            account="" if late else account,
            occurred_at=command.occurred_at,
        )
    ]


def _offer(step: Undeliverable, custody: Custody, now: datetime) -> Decided:
    if step.state in (State.RETURN_OFFERED, State.RETURNED):
        return []
    if step.state is not State.RETURNING:
        return refusals.NOT_RETURNING(state=step.state)
    if custody.state is Holder.WITH_COURIER:
        return refusals.WITH_COURIER()
    return [events.ReturnOffered(at=now)]


def _received(step: Undeliverable, order: Order, custody: Custody, now: datetime) -> Decided:
    """The authority has it: true even if the post's own scans are missing, which are then made good."""
    match step.state:
        case State.RETURNED:
            return []
        case State.RETURN_OFFERED | State.IN_HAND:
            # In hand by the recipient's own word: the authority has it nonetheless, and has scanned it in.
            return [events.ReturnReceived()]
        case State.RETURNING if custody.state is Holder.WITH_COURIER:
            brought = events.ReturnMoved(
                scan_id="", place=order.office, account=custody_rules.office(order.office), occurred_at=now
            )
            return [brought, events.ReturnOffered(at=now), events.ReturnReceived()]
        case State.RETURNING:
            return [events.ReturnOffered(at=now), events.ReturnReceived()]
        case State.INCIDENT | State.LOST:
            found = events.ItemFound(place=order.office, at=now)
            return [found, events.ReturnOffered(at=now), events.ReturnReceived()]
        case State.NOT_BEGUN | State.RECALL_PENDING:
            if custody.state not in _POST:
                return refusals.NOT_RETURNING(state=step.state)
            # Somebody else has brought it (a neighbour with whom it was left): here it is missing, and found there.
            gone: list[Event] = [events.IncidentOpened(reason=Reason.LOST, at=now)]
            gone += [events.RecallAccepted(at=now)] if step.state is State.RECALL_PENDING else []
            found = events.ItemFound(place=order.office, at=now)
            return [*gone, found, events.ReturnOffered(at=now), events.ReturnReceived()]
        case _:
            assert_never(step.state)


def _open_incident(step: Undeliverable, custody: Custody, reason: Reason, now: datetime) -> Decided:
    if reason not in INCIDENT_REASONS:
        return refusals.NOT_AN_INCIDENT_REASON(reason=int(reason))
    if step.state is State.LOST or (step.state is State.INCIDENT and step.reason is reason):
        return []
    if custody.state not in _POST:
        return refusals.NOT_WITH_POST(holder=custody.state)
    opened = events.IncidentOpened(reason=reason, at=now)
    if step.state is State.RECALL_PENDING:
        return [opened, events.RecallAccepted(at=now)]
    return [opened]


def fold(step: Undeliverable, event: events.UndeliverableEvent, at: datetime) -> Undeliverable:
    """The step after the event."""
    match event:
        case events.RecallAccepted():
            return moved(step, event, at, TABLE, recalled=True, reason=step.reason or Reason.RECALLED)
        case events.ReturnStarted(reason=reason, scan_id=scan_id):
            return moved(step, event, at, TABLE, reason=reason, scans=(*step.scans, scan_id))
        case events.IncidentOpened(reason=reason):
            return moved(step, event, at, TABLE, reason=reason)
        case events.ReturnMoved(scan_id=scan_id):
            scans = (*step.scans, scan_id) if scan_id else step.scans
            return moved(step, event, at, TABLE, scans=scans)
        case events.Escalated():
            return moved(step, event, at, TABLE, escalated=True)
        case (
            events.RecallNoted()
            | events.RecallRefused()
            | events.ReturnOffered()
            | events.OfferWithdrawn()
            | events.ReturnReceived()
            | events.LossDeclared()
            | events.ItemFound()
            | events.SearchEnded()
        ):
            return moved(step, event, at, TABLE)
        case _:
            assert_never(event)
