"""When an applicant counts as not reached, and when as reached again."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from safehand.authority.contact import commands as c
from safehand.authority.contact import events as e
from safehand.authority.contact import refusals
from safehand.authority.contact.states import TABLE, Contact
from safehand.authority.contact.states import ContactState as S
from safehand.authority.rulebook import Answer, Moment
from safehand.kernel.steps import clocked, moved


def record_unreachable(step: Contact, command: c.RecordUnreachable, m: Moment) -> Answer:
    """Once: the manager tells the applicant where the case stands, not each message that failed."""
    if step.state is S.UNREACHABLE:
        return []
    due_at = m.in_working_days(m.book.clocks.contact_working_days)
    lost = e.ContactLost(
        template=command.template, channels=command.channels, reason=command.reason, due_at=due_at
    )
    return [lost]


def record_reached(step: Contact, command: c.RecordReached, m: Moment) -> Answer:
    """A message that arrived says itself where the case stands."""
    return [] if step.state is S.NONE else [e.ContactRegained(by="message")]


def settle(step: Contact, command: c.SettleContact, m: Moment) -> Answer:
    """The manager says how."""
    return refusals.NOTHING_TO_SETTLE() if step.state is S.NONE else [e.ContactRegained(by=command.outcome)]


def expired(step: Contact, command: c.ContactExpired, m: Moment) -> Answer:
    """It stays the manager's, and is shown as late."""
    if step.state is S.NONE or step.late or step.due_at is None or m.now < step.due_at:
        return []
    return [e.ContactRanLate()]


RULES: Final[Mapping[type, Any]] = {
    c.RecordUnreachable: record_unreachable,
    c.RecordReached: record_reached,
    c.SettleContact: settle,
    c.ContactExpired: expired,
}


def fold(step: Contact, event: e.ContactEvent, at: datetime) -> Contact:
    """The step after the event."""
    match event:
        case e.ContactLost():
            return clocked(step, event, at, TABLE, due_at=event.due_at)
        case e.ContactRegained():
            return clocked(step, event, at, TABLE)
        case e.ContactRanLate():
            return moved(step, event, at, TABLE, late=True)
