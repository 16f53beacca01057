"""The states of an agent, and how they follow each other. Nobody waits here: who receives it, the door will show."""

from enum import StrEnum
from typing import Final

from safehand.authority.agent import events as e
from safehand.kernel.steps import ClockedStep, Table, Wait


class AgentState(StrEnum):
    """Whether somebody may receive it."""

    NONE = "none"
    NAMED = "named"
    RECEIVED = "received"


S = AgentState

WORDS: Final = {
    S.NONE: ("nobody else may receive it", "未指定代收人"),
    S.NAMED: ("somebody is named who may receive it", "已指定代收人"),
    S.RECEIVED: ("the one who was named received it", "代收人已领取"),
}

TABLE: Final[Table] = {
    (S.NONE, e.AgentNamed): S.NAMED,
    (S.NAMED, e.AgentNamed): S.NAMED,
    (S.NAMED, e.AgentReleased): S.NONE,
    (S.NAMED, e.AgentReceived): S.RECEIVED,
    # What the agent was said to have received was disputed, and goes out again.
    (S.RECEIVED, e.AgentNamed): S.NAMED,
    (S.RECEIVED, e.AgentReleased): S.NONE,
    (S.RECEIVED, e.AgentReceived): S.RECEIVED,
}
WAITING: Final[dict[AgentState, Wait]] = {}
HANDED_ON: Final = frozenset({S.NAMED, S.RECEIVED})
TERMINAL: Final = frozenset[AgentState]()


class Agent(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """Whether there is one. Who it is, is in the vault."""

    state: AgentState = S.NONE
    number: int = 0
    """How many were named: the code of one who was named before opens nothing any more."""
