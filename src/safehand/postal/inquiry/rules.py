"""Inquiries: opened and ended by the authority, answered by the manager, answered once. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final, assert_never

import msgspec

from safehand.kernel.machine import Event
from safehand.kernel.outcome import Refusal
from safehand.postal.inquiry import commands, events, refusals
from safehand.postal.inquiry.states import TABLE, Inquiry, State
from safehand.postal.steps import moved

INQUIRY_DUE: Final = timedelta(days=2)
"""Assumed (A): two days, so that the authority's manager, who has five working days for the dispute, can use what was found."""


def decide(step: Inquiry, command: commands.InquiryCommand, now: datetime) -> Sequence[Event] | Refusal:
    """The events of a command, or the refusal. A question that was heard before changes nothing."""
    match command:
        case commands.HearInquiry(number=number):
            return [] if number <= step.number else [events.InquiryOpened(number=number)]
        case commands.HearInquiryEnded(number=number):
            old = number < step.number or step.state is not State.OPEN
            return [] if old else [events.InquiryEnded(number=number)]
        case commands.AnswerInquiry(finding=finding):
            if step.state is State.ANSWERED and step.finding is finding:
                return []
            if step.state is not State.OPEN:
                return refusals.NOTHING_ASKED()
            return [events.InquiryAnswered(number=step.number, finding=finding, at=now)]
        case commands.Escalate():
            return [events.Escalated()] if step.state is State.OPEN and not step.escalated else []
        case _:
            assert_never(command)


def fold(step: Inquiry, event: events.InquiryEvent, at: datetime) -> Inquiry:
    """The step after the event."""
    match event:
        case events.InquiryOpened(number=number):
            # Whoever asks again is owed an answer in the same time.
            opened = moved(step, event, at, TABLE, number=number, finding=None)
            return msgspec.structs.replace(opened, since=at, escalated=False)
        case events.InquiryEnded(number=number):
            return moved(step, event, at, TABLE, number=number)
        case events.InquiryAnswered(finding=finding):
            return moved(step, event, at, TABLE, finding=finding)
        case events.Escalated():
            return moved(step, event, at, TABLE, escalated=True)
        case _:
            assert_never(event)
