"""How a document comes back, and what becomes of it: sent again, kept, or invalidated and destroyed."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from safehand.authority.returns import commands as c
from safehand.authority.returns import events as e
from safehand.authority.returns import refusals
from safehand.authority.returns.states import TABLE, WAITING, Returns
from safehand.authority.returns.states import ReturnsState as S
from safehand.authority.rulebook import Answer, Moment
from safehand.kernel.steps import clocked, moved
from safehand.link.messages import Reason

OUR_FAULT: Final = frozenset({Reason.RECALLED, Reason.DAMAGED, Reason.SEAL_BROKEN, Reason.MISPRINT})
"""Returned for these reasons a document goes out again without postage."""
_ACTIVE: Final = frozenset({S.RECALL_ASKED, S.COMING_BACK, S.OFFERED})


def recall_asked(m: Moment, reason: Reason) -> e.RecallAsked:
    """The message to the post, with the clock for its answer."""
    due_at = m.in_hours(m.book.clocks.recall_hours)
    return e.RecallAsked(
        order=m.order, waybill=m.waybill, peer=m.peer, reason=int(reason), due_at=due_at, at=m.now
    )


def started(m: Moment, reason: int) -> e.ReturnStarted:
    """On its way back, with the city's clock."""
    return e.ReturnStarted(reason=reason, due_at=m.in_days(m.city_on.delivery.return_days))


def shelved(m: Moment, reason: Reason) -> e.ReturnShelved:
    """From the counter onto the return shelf."""
    return e.ReturnShelved(reason=int(reason), due_at=_shelf(m))


def _shelf(m: Moment) -> datetime:
    return m.in_working_days(m.book.clocks.shelf_working_days)


def recall(step: Returns, command: c.RecallItem, m: Moment) -> Answer:
    """Only what is with the post (the process page looks at tracking before it comes here)."""
    if step.state in _ACTIVE:
        return []
    if step.state is not S.NONE:
        return refusals.not_now(step.state)
    return [recall_asked(m, command.reason)]


def record_recall_accepted(step: Returns, command: c.RecordRecallAccepted, m: Moment) -> Answer:
    """The post has stopped it; from here no proof may be sealed."""
    if command.waybill != m.waybill:
        return refusals.NOT_THIS_ITEM()
    if step.state is not S.RECALL_ASKED:
        return []
    return [e.RecallAccepted(due_at=m.in_days(m.city_on.delivery.return_days))]


def record_recall_refused(step: Returns, command: c.RecordRecallRefused, m: Moment) -> Answer:
    """Too late; what stands, stands."""
    if command.waybill != m.waybill:
        return refusals.NOT_THIS_ITEM()
    return [e.RecallRefused(reason=int(command.reason))] if step.state is S.RECALL_ASKED else []


def record_offered(step: Returns, command: c.RecordReturnOffered, m: Moment) -> Answer:
    """The post offers; only our own scan takes custody (postal facts: an offer alone is no return)."""
    if command.waybill != m.waybill:
        return refusals.NOT_THIS_ITEM()
    if step.state in (S.OFFERED, S.ON_SHELF):
        return []
    return [e.ReturnOffered(reason=int(command.reason), due_at=_shelf(m))]


def receive(step: Returns, command: c.ReceiveReturn, m: Moment) -> Answer:
    """Scanned in: also when the envelope was quicker than its message."""
    if command.waybill != m.waybill:
        return refusals.NOT_THIS_ITEM()
    if step.state is S.ON_SHELF:
        return []
    if step.state not in (S.COMING_BACK, S.OFFERED):
        return refusals.not_expected(step.state)
    return [e.ReturnReceived(order=m.order, waybill=m.waybill, peer=m.peer, due_at=_shelf(m), at=m.now)]


def resend(step: Returns, command: c.ResendReturn, m: Moment) -> Answer:
    """A new order; free when it came back through no fault of the recipient."""
    if step.state is not S.ON_SHELF:
        return refusals.not_now(step.state)
    return [e.ReturnResent(free=step.reason in OUR_FAULT)]


def keep_for_pickup(step: Returns, command: c.KeepForPickup, m: Moment) -> Answer:
    """At the counter, for another ninety days."""
    return [e.ReturnKeptForPickup()] if step.state is S.ON_SHELF else refusals.not_now(step.state)


def invalidate(step: Returns, command: c.InvalidateReturn, m: Moment) -> Answer:
    """From the shelf only: a document out of the house is settled in tracking."""
    if step.state is not S.ON_SHELF:
        return refusals.not_now(step.state)
    return [e.ReturnGivenUp(reason=step.reason, remake=command.remake)]


def report_empty(step: Returns, command: c.ReportEmpty, m: Moment) -> Answer:
    """From the shelf: the envelope was received unopened, and is opened before a second person."""
    if command.second_person == m.actor:
        return refusals.ALONE()
    if step.state is not S.ON_SHELF:
        return refusals.not_now(step.state)
    return [e.EnvelopeEmpty(second_person=command.second_person)]


def expired(step: Returns, command: c.ReturnsExpired, m: Moment) -> Answer:
    """The manager owns what the post or the clerks left lying."""
    if step.state not in WAITING or step.late or step.due_at is None or m.now < step.due_at:
        return []
    return [e.ReturnsRanLate()]


RULES: Final[Mapping[type, Any]] = {
    c.RecallItem: recall,
    c.RecordRecallAccepted: record_recall_accepted,
    c.RecordRecallRefused: record_recall_refused,
    c.RecordReturnOffered: record_offered,
    c.ReceiveReturn: receive,
    c.ResendReturn: resend,
    c.KeepForPickup: keep_for_pickup,
    c.InvalidateReturn: invalidate,
    c.ReportEmpty: report_empty,
    c.ReturnsExpired: expired,
}


def fold(step: Returns, event: e.ReturnsEvent, at: datetime) -> Returns:
    """The step after the event."""
    match event:
        case e.RecallAsked() | e.ReturnStarted() | e.ReturnShelved() | e.ReturnOffered():
            # A reason once known (misprint at the door) outlives a later, emptier one.
            reason = event.reason or step.reason
            recalled = step.recalled or isinstance(event, e.RecallAsked)
            return clocked(step, event, at, TABLE, due_at=event.due_at, reason=reason, recalled=recalled)
        case e.RecallAccepted() | e.ReturnReceived():
            return clocked(step, event, at, TABLE, due_at=event.due_at)
        case e.ReturnsRanLate():
            return moved(step, event, at, TABLE, late=True)
        case (
            e.RecallRefused()
            | e.RecallOvertaken()
            | e.RecallCrossed()
            | e.ReturnCalledOff()
            | e.ReturnInterrupted()
            | e.ReturnResent()
            | e.ReturnKeptForPickup()
            | e.ReturnGivenUp()
            | e.EnvelopeEmpty()
        ):
            return clocked(step, event, at, TABLE, reason=0, recalled=False)
