"""How a document is made: one blank at a time, two persons, and a spoiled blank costs the applicant nothing."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from safehand.authority.production import commands as c
from safehand.authority.production import events as e
from safehand.authority.production import refusals
from safehand.authority.production.states import TABLE, WAITING, Production
from safehand.authority.production.states import ProductionState as S
from safehand.authority.rulebook import Answer, Moment
from safehand.kernel.outcome import Refusal
from safehand.kernel.steps import clocked, moved


def start(step: Production, command: c.StartProduction, m: Moment) -> Answer:
    """Only a case that waits for a blank takes one, of its own kind; else the draw itself is undone."""
    if step.state is not S.WAITING_BLANK:
        return refusals.not_now(step.state)
    if command.document != m.document:
        return refusals.STOCK_OF_ANOTHER_KIND(document=m.document)
    return [e.ProductionStarted(blank=command.blank, make=step.make + 1)]


def record_printed(step: Production, command: c.RecordPrinted, m: Moment) -> Answer:
    """The blank that was drawn, and no other."""
    if step.state is S.PRINTED and step.blank == command.blank:
        return []
    return _wrong(step, command.blank, S.STARTED) or [e.DocumentPrinted(printed_by=m.actor)]


def pass_check(step: Production, command: c.PassCheck, m: Moment) -> Answer:
    """A person other than the printer checks; passing is the issue."""
    if step.state is S.ISSUED and step.blank == command.blank:
        return []
    if wrong := _wrong(step, command.blank, S.PRINTED):
        return wrong
    if m.actor == step.printed_by:
        return refusals.SAME_PERSON()
    return [e.DocumentIssued(blank=step.blank, make=step.make)]


def spoil(step: Production, command: c.SpoilDocument, m: Moment) -> Answer:
    """Only before issue; with a witness."""
    if wrong := _wrong(step, command.blank, S.STARTED, S.PRINTED):
        return wrong
    if command.witness == m.actor:
        return refusals.SAME_PERSON()
    return [
        e.DocumentSpoiled(blank=step.blank, make=step.make, reason=command.reason, witness=command.witness)
    ]


def expired(step: Production, command: c.ProductionExpired, m: Moment) -> Answer:
    """Policy: "production after payment: at most 3 working days"; over: the manager must act."""
    if step.state not in WAITING or step.late or step.due_at is None or m.now < step.due_at:
        return []
    return [e.ProductionRanLate()]


def _wrong(step: Production, blank: int, *states: S) -> Refusal | None:
    if step.state not in states:
        return refusals.not_now(step.state)
    if step.blank != blank:
        return refusals.WRONG_BLANK(blank=blank, expected=step.blank)
    return None


RULES: Final[Mapping[type, Any]] = {
    c.StartProduction: start,
    c.RecordPrinted: record_printed,
    c.PassCheck: pass_check,
    c.SpoilDocument: spoil,
    c.ProductionExpired: expired,
}


def fold(step: Production, event: e.ProductionEvent, at: datetime) -> Production:
    """The step after the event. The production clock runs from payment to issue, whatever happens between."""
    match event:
        case e.ProductionOpened():
            return clocked(
                step, event, at, TABLE, due_at=event.due_at, blank=0, printed_by="", cause=event.cause
            )
        case e.ProductionStarted():
            return moved(step, event, at, TABLE, blank=event.blank, make=event.make)
        case e.DocumentPrinted():
            return moved(step, event, at, TABLE, printed_by=event.printed_by)
        case e.DocumentSpoiled():
            return moved(step, event, at, TABLE, blank=0, printed_by="")
        case e.ProductionRanLate():
            return moved(step, event, at, TABLE, late=True)
        case e.DocumentIssued() | e.ProductionClosed():
            return clocked(step, event, at, TABLE)
