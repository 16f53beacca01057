"""What an application may do: submit once eligible, correct what was asked, withdraw in time."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from safehand.authority.application import commands as c
from safehand.authority.application import events as e
from safehand.authority.application import refusals
from safehand.authority.application.states import TABLE, Application
from safehand.authority.application.states import ApplicationState as S
from safehand.authority.cities.city import CityOn
from safehand.authority.eligibility.rules import EligibilityRequest, judge
from safehand.authority.rulebook import Answer, Moment
from safehand.kernel.outcome import Refusal
from safehand.kernel.steps import clocked, moved

REQUIRED_PARTS: Final = ("photo", "signature", "id_card_front", "id_card_back")
"""Policy, steps: production photo, signature on white paper, ID card front and back."""


def submit(step: Application, command: c.SubmitApplication, m: Moment) -> Answer:
    """Judge all conditions at once; take the national claim; refuse a second live case of the kind."""
    if step.state is not S.NONE:
        same = (step.claim, step.ground, step.mode) == (command.claim, command.ground, command.mode)
        return [] if same else refusals.ALREADY_SUBMITTED()
    document = m.book.document(command.document, m.today)
    if document is None:
        return refusals.DOCUMENT_UNKNOWN(document=command.document[:40])
    city = m.book.city(m.city, m.today)
    verdict = judge(
        person=command.facts,
        request=EligibilityRequest(ground=command.ground),
        city=city,
        document=document,
        today=m.today,
    )
    if not verdict.is_eligible:
        # Without their common prefix all codes fit into one fact (FACT_TEXT_MAX).
        codes = ",".join(code.removeprefix("eligibility.") for code in verdict.codes)
        return refusals.NOT_ELIGIBLE(count=len(verdict.codes), conditions=codes)
    if city is not None and all(counter.code != command.office for counter in city.counters):
        return refusals.OFFICE_UNKNOWN(office=command.office)
    if command.postage and (refusal := _not_offered(command, city)) is not None:
        return refusal
    missing = [part for part in REQUIRED_PARTS if not command.parts.get(part)]
    if missing:
        return refusals.PARTS_MISSING(parts=",".join(missing))
    if m.holders.get(command.claim, m.stream) != m.stream:
        return refusals.ALREADY_LIVE()
    if m.holders.get(command.receipt, m.stream) != m.stream:
        return refusals.RECEIPT_TAKEN()
    return [
        e.ApplicationSubmitted(
            document=command.document,
            ground=command.ground,
            mode=command.mode,
            destination=command.destination,
            office=command.office,
            travels=command.travels,
            claim=command.claim,
            receipt=command.receipt,
            draw=command.draw,
            agent=command.agent,
            postage=command.postage,
            ruleset=verdict.ruleset,
            parts=_digests(command.parts),
        )
    ]


def _not_offered(command: c.SubmitApplication, city: CityOn | None) -> Refusal | None:
    """What is fetched at the counter costs no postage, so there nothing is offered either."""
    offered = city.postage.offered if city is not None and command.mode == "post" else ()
    return None if command.postage in offered else refusals.postage_not_offered(offered)


def correct(step: Application, command: c.CorrectApplication, m: Moment) -> Answer:
    """Only what was asked, and all of it."""
    if step.state is not S.CORRECTING:
        return refusals.not_now(step.state)
    if step.due_at is not None and m.now >= step.due_at:
        return refusals.CORRECTION_TOO_LATE()
    given = {part for part, digest in command.parts.items() if digest}
    if more := given - set(step.asked):
        return refusals.PARTS_NOT_ASKED(parts=",".join(sorted(more)))
    if missing := set(step.asked) - given:
        return refusals.PARTS_MISSING(parts=",".join(sorted(missing)))
    return [e.ApplicationCorrected(parts=_digests(command.parts))]


def withdraw(step: Application, command: c.WithdrawApplication, m: Moment) -> Answer:
    """Until production starts (the process page asks production before it comes here)."""
    if step.state is S.WITHDRAWN:
        return []
    if step.state not in (S.RECEIVED, S.CORRECTING):
        return refusals.not_now(step.state)
    return [e.ApplicationWithdrawn()]


def correction_expired(step: Application, command: c.CorrectionExpired, m: Moment) -> Answer:
    """Policy: "applicant corrects data: 7 days, else deemed withdrawn"."""
    if step.state is not S.CORRECTING or step.due_at is None or m.now < step.due_at:
        return []
    return [e.ApplicationDeemedWithdrawn(cause="correction")]


def _digests(parts: Mapping[c.Part, c.Digest]) -> dict[str, str]:
    return {str(part): digest for part, digest in parts.items()}


RULES: Final[Mapping[type, Any]] = {
    c.SubmitApplication: submit,
    c.CorrectApplication: correct,
    c.WithdrawApplication: withdraw,
    c.CorrectionExpired: correction_expired,
}


def fold(step: Application, event: e.ApplicationEvent, at: datetime) -> Application:
    """The step after the event."""
    match event:
        case e.ApplicationSubmitted():
            return clocked(
                step,
                event,
                at,
                TABLE,
                document=event.document,
                draw=event.draw,
                ground=event.ground,
                mode=event.mode,
                destination=event.destination,
                office=event.office,
                postage=event.postage,
                claim=event.claim,
            )
        case e.CorrectionOpened():
            return clocked(step, event, at, TABLE, due_at=event.due_at, asked=event.asked)
        case e.ApplicationCorrected():
            return clocked(step, event, at, TABLE, asked=())
        case e.ApplicationReaddressed():
            return moved(step, event, at, TABLE, destination=event.destination)
        case (
            e.ApplicationWithdrawn()
            | e.ApplicationDeemedWithdrawn()
            | e.ApplicationRefused()
            | e.ApplicationCompleted()
            | e.ApplicationReopened()
            | e.ApplicationEndedUndelivered()
        ):
            return clocked(step, event, at, TABLE)
