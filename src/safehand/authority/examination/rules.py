"""What an examiner may decide: approve, ask for all corrections at once, or refuse with a reason."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from safehand.authority.examination import commands as c
from safehand.authority.examination import events as e
from safehand.authority.examination import refusals
from safehand.authority.examination.reasons import DEFECTS, REASONS
from safehand.authority.examination.states import TABLE, Examination
from safehand.authority.examination.states import ExaminationState as S
from safehand.authority.rulebook import Answer, Moment
from safehand.kernel.steps import clocked, moved
from safehand.kernel.working_days import WorkClock

CORRECTION_ROUNDS_MAX: Final = 10


def approve(step: Examination, command: c.Approve, m: Moment) -> Answer:
    """Approve; a late one too."""
    if step.state is S.APPROVED:
        return []
    if step.state is not S.REVIEWING:
        return refusals.not_now(step.state)
    return [e.ExaminationApproved()]


def ask_correction(step: Examination, command: c.AskCorrection, m: Moment) -> Answer:
    """All defects at once, typed; the review clock stops for the applicant (policy, clocks)."""
    if step.state is not S.REVIEWING or step.clock is None:
        return refusals.not_now(step.state)
    if not command.defects:
        return refusals.NO_DEFECT_NAMED()
    if unknown := [code for code in command.defects if code not in DEFECTS]:
        return refusals.DEFECT_UNKNOWN(defects=",".join(unknown))
    if step.rounds >= CORRECTION_ROUNDS_MAX:
        return refusals.CORRECTIONS_USED_UP(rounds=step.rounds)
    defects = tuple(dict.fromkeys(command.defects))
    return [e.CorrectionAsked(defects=defects, used_days=step.clock.used_days(at=m.now))]


def refuse(step: Examination, command: c.RefuseApplication, m: Moment) -> Answer:
    """In writing, with a typed reason and the right of appeal."""
    if step.state is not S.REVIEWING:
        return refusals.not_now(step.state)
    if command.reason not in REASONS:
        return refusals.REASON_UNKNOWN(reason=command.reason[:40])
    return [e.ExaminationRefused(reason=command.reason)]


def review_expired(step: Examination, command: c.ReviewExpired, m: Moment) -> Answer:
    """Policy: "review and issue: at most 7 working days"; over: the manager must act."""
    if step.state is not S.REVIEWING or step.late or step.due_at is None or m.now < step.due_at:
        return []
    return [e.ExaminationRanLate()]


def resumed(step: Examination, m: Moment) -> e.ExaminationResumed:
    """The review clock runs on from where it stopped. Raises `ValueError` when it was not stopped."""
    if step.clock is None:
        raise ValueError("no review clock")
    due_at = step.clock.started(at=m.now).deadline()
    assert due_at is not None
    return e.ExaminationResumed(due_at=due_at)


RULES: Final[Mapping[type, Any]] = {
    c.Approve: approve,
    c.AskCorrection: ask_correction,
    c.RefuseApplication: refuse,
    c.ReviewExpired: review_expired,
}


def fold(step: Examination, event: e.ExaminationEvent, at: datetime) -> Examination:
    """The step after the event."""
    match event:
        case e.ExaminationOpened():
            clock = WorkClock(budget_days=event.budget_days, running_since=at)
            return clocked(step, event, at, TABLE, due_at=event.due_at, clock=clock)
        case e.CorrectionAsked():
            assert step.clock is not None, "what is under review has its clock"
            clock = msgspec.structs.replace(step.clock, consumed_days=event.used_days, running_since=None)
            return clocked(step, event, at, TABLE, clock=clock, rounds=step.rounds + 1)
        case e.ExaminationResumed():
            assert step.clock is not None, "what goes on has stopped"
            clock = msgspec.structs.replace(step.clock, running_since=at)
            return clocked(step, event, at, TABLE, due_at=event.due_at, clock=clock)
        case e.ExaminationRanLate():
            return moved(step, event, at, TABLE, late=True)
        case e.ExaminationApproved() | e.ExaminationRefused() | e.ExaminationClosed():
            return clocked(step, event, at, TABLE)
