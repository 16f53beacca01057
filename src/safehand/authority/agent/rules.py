"""Who may be named when: until the post has the envelope; released: always."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from safehand.authority.agent import commands as c
from safehand.authority.agent import events as e
from safehand.authority.agent import refusals
from safehand.authority.agent.states import TABLE, Agent
from safehand.authority.agent.states import AgentState as S
from safehand.authority.rulebook import Answer, Moment
from safehand.kernel.steps import moved


def name(step: Agent, command: c.NameAgent, m: Moment) -> Answer:
    """One at most: another takes the place of the first (router.py looks where the envelope is)."""
    if step.number >= c.AGENTS_MAX:
        return refusals.TOO_MANY(most=c.AGENTS_MAX)
    if command.number != step.number + 1:
        return refusals.CHANGED()
    return [e.AgentNamed(number=command.number)]


def release(step: Agent, command: c.ReleaseAgent, m: Moment) -> Answer:
    """At once, wherever the envelope is: the code is judged when it is said."""
    return refusals.NOBODY_NAMED() if step.state is S.NONE else [e.AgentReleased()]


RULES: Final[Mapping[type, Any]] = {c.NameAgent: name, c.ReleaseAgent: release}


def fold(step: Agent, event: e.AgentEvent, at: datetime) -> Agent:
    """The step after the event."""
    match event:
        case e.AgentNamed():
            # Since when this one is named, not since when anybody is.
            return msgspec.structs.replace(moved(step, event, at, TABLE, number=event.number), since=at)
        case e.AgentReleased() | e.AgentReceived():
            return moved(step, event, at, TABLE)
