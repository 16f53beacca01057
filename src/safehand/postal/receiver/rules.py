"""Who else may receive an item: the latest that the authority said, until the item is over. Pure.

The authority is the judge: it alone knows whose code was said. What is refused here keeps a courier from handing it to
somebody of whom the post knows that they may not have it, or whose papers nobody has looked at.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Final, assert_never

from safehand.kernel.machine import Event, Waiting
from safehand.kernel.outcome import Refusal
from safehand.link.messages import ProofMethod
from safehand.postal.receiver import commands, events, refusals
from safehand.postal.receiver.papers import WORDS, Paper
from safehand.postal.receiver.states import TABLE, Receiver, State
from safehand.postal.steps import moved

QUEUE: Final = "receiver.to_forget"


def decide(step: Receiver, command: commands.ReceiverCommand, *, over: bool) -> Sequence[Event] | Refusal:
    """The events of a command; what is old, told twice or about what is over changes nothing.

    `over`: the item can be handed to nobody any more.
    """
    match command:
        case commands.NameReceiver(number=number):
            return [] if over or number <= step.number else [events.ReceiverNamed(number=number)]
        case commands.ReleaseReceiver(number=number):
            said = number < step.number or (number == step.number and step.state is not State.NAMED)
            return [] if over or said else [events.ReceiverReleased(number=number)]
        case commands.RecordForgotten():
            return [events.ReceiverForgotten()] if over and step.state is State.NAMED else []
        case _:
            assert_never(command)


def may_receive(step: Receiver, *, method: ProofMethod, papers: Collection[Paper]) -> Refusal | None:
    """Why somebody who is not the recipient can't be claimed for."""
    match step.state:
        case State.NONE | State.FORGOTTEN:
            return refusals.NOBODY_NAMED()
        case State.RELEASED:
            return refusals.NO_LONGER()
        case State.NAMED:
            pass
        case _:
            assert_never(step.state)
    # The own session says that the applicant has it; the identity word is the applicant's own document.
    if method is not ProofMethod.RECIPIENT_CODE:
        return refusals.BY_CODE_ONLY()
    missing = [paper for paper in Paper if paper not in papers]
    if not missing:
        return None
    return refusals.PAPERS_NOT_SEEN(
        missing_en=", ".join(WORDS[paper][0] for paper in missing),
        missing_zh="、".join(WORDS[paper][1] for paper in missing),
    )


def waits(step: Receiver, *, over: bool, group: str = "") -> Sequence[Waiting]:
    """The worklist of the job that forgets whoever was named for what is over."""
    if not over or step.state is not State.NAMED or step.since is None:
        return ()
    return (Waiting(queue=QUEUE, since=step.since, owner="system", group=group),)


def fold(step: Receiver, event: events.ReceiverEvent, at: datetime) -> Receiver:
    """The step after the event."""
    match event:
        case events.ReceiverNamed(number=number) | events.ReceiverReleased(number=number):
            return moved(step, event, at, TABLE, number=number)
        case events.ReceiverForgotten():
            return moved(step, event, at, TABLE)
        case _:
            assert_never(event)
