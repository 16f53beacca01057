"""When another number holds: once its holder has said the code that was sent to it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from safehand.authority.rulebook import Answer, Moment
from safehand.authority.telephone import commands as c
from safehand.authority.telephone import events as e
from safehand.authority.telephone import refusals
from safehand.authority.telephone.states import TABLE, Telephone
from safehand.authority.telephone.states import TelephoneState as S
from safehand.kernel.steps import clocked, moved


def ask(step: Telephone, command: c.AskPhoneChange, m: Moment) -> Answer:
    """One at a time (router.py looks how far the case is)."""
    if step.state is not S.NONE:
        return refusals.ALREADY_ASKED()
    if step.changes >= c.CHANGES_MAX:
        return refusals.TOO_OFTEN(most=c.CHANGES_MAX)
    if command.change != step.changes + 1:
        return refusals.NOTHING_ASKED()  # the page is old: another window asked meanwhile
    due_at = m.now + timedelta(minutes=m.book.clocks.phone_code_minutes)
    return [e.PhoneChangeAsked(change=command.change, due_at=due_at)]


def prove(step: Telephone, command: c.ProvePhone, m: Moment) -> Answer:
    """The last wrong code ends it, and a code that comes after its time proves nothing."""
    over = step.due_at is None or m.now >= step.due_at
    if step.state is not S.PROVING or command.change != step.changes or over:
        return refusals.NOTHING_ASKED()
    if command.code_matches:
        return [e.PhoneChanged()]
    last = step.wrong_codes + 1 >= c.CODES_MAX
    return [e.PhoneCodeWrong(), *([e.PhoneChangeLapsed()] if last else [])]


def stop(step: Telephone, command: c.StopPhoneChange, m: Moment) -> Answer:
    """Until it holds."""
    if step.state is not S.PROVING or command.change != step.changes:
        return refusals.NOTHING_ASKED()
    return [e.PhoneChangeStopped()]


def expired(step: Telephone, command: c.PhoneChangeExpired, m: Moment) -> Answer:
    """Nobody said it in time."""
    if step.state is not S.PROVING or step.due_at is None or m.now < step.due_at:
        return []
    return [e.PhoneChangeLapsed()]


RULES: Final[Mapping[type, Any]] = {
    c.AskPhoneChange: ask,
    c.ProvePhone: prove,
    c.StopPhoneChange: stop,
    c.PhoneChangeExpired: expired,
}


def fold(step: Telephone, event: e.TelephoneEvent, at: datetime) -> Telephone:
    """The step after the event."""
    match event:
        case e.PhoneChangeAsked():
            changes = {"changes": event.change, "wrong_codes": 0}
            return clocked(step, event, at, TABLE, due_at=event.due_at, **changes)
        case e.PhoneCodeWrong():
            return moved(step, event, at, TABLE, wrong_codes=step.wrong_codes + 1)
        case e.PhoneChanged():
            return clocked(step, event, at, TABLE, changed_at=at)
        case e.PhoneChangeStopped() | e.PhoneChangeLapsed():
            return clocked(step, event, at, TABLE)
