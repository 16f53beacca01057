"""When something may be asked, answered, opened again and rated."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from safehand.authority.help import commands as c
from safehand.authority.help import events as e
from safehand.authority.help import refusals
from safehand.authority.help.states import TABLE, Help
from safehand.authority.help.states import HelpState as S
from safehand.authority.rulebook import Answer, Moment
from safehand.kernel.outcome import Refusal
from safehand.kernel.steps import clocked, moved

DENIAL: Final = "not_in_hand"
"""The topic of a question that nobody wrote: the document is not where the books have it."""
TEXTS_MAX: Final = 60
"""Of one case: the last is an answer, since two are kept free for it and for saying that it did not settle the matter."""


def ask(step: Help, command: c.AskHelp, m: Moment) -> Answer:
    """One question at a time."""
    if step.state is S.OPEN:
        return refusals.ALREADY_OPEN()
    wrong = _written(step, command.text_number, most=TEXTS_MAX - 1)
    if wrong is not None:
        return wrong
    asked = e.HelpAsked(
        number=step.number + 1,
        topic=command.topic,
        about=command.about,
        text_number=command.text_number,
        due_at=m.in_working_days(m.book.clocks.help_working_days),
    )
    return [asked]


def about_denial(step: Help, m: Moment) -> list[e.HelpAsked]:
    """Who says "I don't have it" has asked without a text of their own; not beside a question that is open already."""
    if step.state is S.OPEN or step.texts >= TEXTS_MAX:
        return []
    due_at = m.in_working_days(m.book.clocks.help_working_days)
    return [e.HelpAsked(number=step.number + 1, topic=DENIAL, about=0, text_number=0, due_at=due_at)]


def answer(step: Help, command: c.AnswerHelp, m: Moment) -> Answer:
    """Whoever answers says what became of it."""
    if step.state is not S.OPEN:
        return refusals.NOTHING_OPEN()
    wrong = _written(step, command.text_number, most=TEXTS_MAX)
    if wrong is not None:
        return wrong
    answered = e.HelpAnswered(
        number=step.number,
        outcome=command.outcome,
        text_number=command.text_number,
        reopen_until=m.in_days(m.book.clocks.help_reopen_days),
    )
    return [answered]


def reopen(step: Help, command: c.ReopenHelp, m: Moment) -> Answer:
    """For a while after the answer."""
    if step.state is not S.ANSWERED or step.reopen_until is None:
        return refusals.NOT_ANSWERED()
    if m.now >= step.reopen_until:
        return refusals.TOO_LATE(days=m.book.clocks.help_reopen_days)
    wrong = _written(step, command.text_number, most=TEXTS_MAX - 1)
    if wrong is not None:
        return wrong
    due_at = m.in_working_days(m.book.clocks.help_working_days)
    return [e.HelpReopened(number=step.number, text_number=command.text_number, due_at=due_at)]


def rate(step: Help, command: c.RateHelp, m: Moment) -> Answer:
    """Once for each answer."""
    if step.state is not S.ANSWERED:
        return refusals.NOT_ANSWERED()
    return refusals.ALREADY_RATED() if step.stars else [e.HelpRated(number=step.number, stars=command.stars)]


def expired(step: Help, command: c.HelpExpired, m: Moment) -> Answer:
    """It goes to the manager, and is shown as late."""
    if step.state is not S.OPEN or step.late or step.due_at is None or m.now < step.due_at:
        return []
    return [e.HelpRanLate()]


def _written(step: Help, text_number: int, *, most: int) -> Refusal | None:
    """The text was sealed under the next number; if that was taken meanwhile, it would stand in another's place."""
    if step.texts >= most:
        return refusals.TOO_MANY(most=TEXTS_MAX)
    return None if text_number == step.texts + 1 else refusals.CHANGED_MEANWHILE()


RULES: Final[Mapping[type, Any]] = {
    c.AskHelp: ask,
    c.AnswerHelp: answer,
    c.ReopenHelp: reopen,
    c.RateHelp: rate,
    c.HelpExpired: expired,
}


def fold(step: Help, event: e.HelpEvent, at: datetime) -> Help:
    """The step after the event."""
    match event:
        case e.HelpAsked():
            return clocked(
                step,
                event,
                at,
                TABLE,
                due_at=event.due_at,
                number=event.number,
                texts=event.text_number or step.texts,
                denial=event.topic == DENIAL,
                reopen_until=None,
                stars=0,
            )
        case e.HelpReopened():
            return clocked(
                step,
                event,
                at,
                TABLE,
                due_at=event.due_at,
                texts=event.text_number,
                reopen_until=None,
                stars=0,
            )
        case e.HelpAnswered():
            return clocked(step, event, at, TABLE, texts=event.text_number, reopen_until=event.reopen_until)
        case e.HelpRated():
            return moved(step, event, at, TABLE, stars=event.stars)
        case e.HelpRanLate():
            return moved(step, event, at, TABLE, late=True)
        case e.HelpDropped():
            return clocked(step, event, at, TABLE)
