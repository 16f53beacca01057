"""When another address holds: after a cooling time before the hand-over, by the manager's word after it."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from safehand.authority.readdressing import commands as c
from safehand.authority.readdressing import events as e
from safehand.authority.readdressing import refusals
from safehand.authority.readdressing.states import TABLE, Readdressing
from safehand.authority.readdressing.states import ReaddressingState as S
from safehand.authority.rulebook import Answer, Moment
from safehand.kernel.steps import clocked, moved


def ask(step: Readdressing, command: c.AskAddressChange, m: Moment, *, handed_over: bool = False) -> Answer:
    """One at a time. `handed_over`: the post has the envelope, or had it: then nothing cools, the manager decides."""
    if step.state is not S.NONE:
        return refusals.ALREADY_ASKED()
    if step.changes >= c.CHANGES_MAX:
        return refusals.TOO_OFTEN(most=c.CHANGES_MAX)
    if command.change != step.changes + 1:
        return refusals.NOTHING_ASKED()  # the page is old: another window asked and stopped meanwhile
    if handed_over:
        due_at = m.in_working_days(m.book.clocks.address_change_working_days)
        return [
            e.AddressChangePutToManager(change=command.change, destination=command.destination, due_at=due_at)
        ]
    holds_at = m.in_hours(m.city_on.clocks.address_change_hours)
    return [e.AddressChangeAsked(change=command.change, destination=command.destination, holds_at=holds_at)]


def stop(step: Readdressing, command: c.StopAddressChange, m: Moment) -> Answer:
    """Until it holds. Whose the actor is, the front door has looked at."""
    if step.state is S.NONE or command.change != step.changes:
        return refusals.NOTHING_ASKED()
    return [e.AddressChangeStopped(by="applicant" if m.actor.startswith("ap_") else "authority")]


def expired(step: Readdressing, command: c.AddressChangeExpired, m: Moment) -> Answer:
    """A cooling time ends in the change; the manager's time ends in lateness."""
    if step.due_at is None or m.now < step.due_at or step.late:
        return []
    return [e.AddressChangeCooled() if step.state is S.COOLING else e.AddressChangeRanLate()]


def make_hold(step: Readdressing, command: c.MakeAddressHold, m: Moment) -> Answer:
    """What was stopped at the last moment does not hold."""
    if step.state is not S.DUE or command.change != step.changes:
        return refusals.NOTHING_ASKED()
    return [e.AddressChanged(destination=step.destination)]


def approve(step: Readdressing, command: c.ApproveAddressChange, m: Moment) -> Answer:
    """The manager, after the hand-over."""
    refusal = _to_decide(step, command.change)
    return refusal or [e.AddressChangeApproved(destination=step.destination)]


def deny(step: Readdressing, command: c.DenyAddressChange, m: Moment) -> Answer:
    """The manager, with a reason."""
    refusal = _to_decide(step, command.change)
    return refusal or [e.AddressChangeDenied(reason=command.reason)]


def _to_decide(step: Readdressing, change: int) -> Any:
    if step.state is S.NONE or change != step.changes:
        return refusals.NOTHING_ASKED()
    return None if step.state is S.ASKED else refusals.NOT_TO_DECIDE()


RULES: Final[Mapping[type, Any]] = {
    c.AskAddressChange: ask,
    c.StopAddressChange: stop,
    c.AddressChangeExpired: expired,
    c.MakeAddressHold: make_hold,
    c.ApproveAddressChange: approve,
    c.DenyAddressChange: deny,
}


def fold(step: Readdressing, event: e.ReaddressingEvent, at: datetime) -> Readdressing:
    """The step after the event."""
    match event:
        case e.AddressChangeAsked() | e.AddressChangePutToManager():
            due_at = event.holds_at if isinstance(event, e.AddressChangeAsked) else event.due_at
            changes = {"changes": event.change, "destination": event.destination}
            return clocked(step, event, at, TABLE, due_at=due_at, **changes)
        case e.AddressChangeCooled():
            return clocked(step, event, at, TABLE)
        case e.AddressChangeRanLate():
            return moved(step, event, at, TABLE, late=True)
        case (
            e.AddressChanged()
            | e.AddressChangeStopped()
            | e.AddressChangeApproved()
            | e.AddressChangeDenied()
            | e.AddressChangeLapsed()
        ):
            return clocked(step, event, at, TABLE, destination=0)
