"""A step of a process: its state moves only through its table, and whoever waits has a clock or an owner."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

import msgspec

from safehand.kernel.machine import Event, Waiting
from safehand.kernel.points import edge, watched


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step inside a stream's state. Subclasses give `state` their own enum and a first value."""

    state: Any
    since: datetime | None = None
    """When the step came into its state (aware UTC); none: not yet begun."""


class ClockedStep(Step, frozen=True, kw_only=True, omit_defaults=True):
    """A step whose states may have a clock, which either ends the state or raises its owner to a higher one."""

    due_at: datetime | None = None
    """When the clock of this state runs out."""
    late: bool = False
    """The clock has run out and the state went on: `Wait.escalates` owns it now."""


Table = Mapping[tuple[Any, type[Event]], StrEnum]
"""(state, class of event) -> next state: the whole truth about how a step moves."""

S = TypeVar("S", bound=Step)
C = TypeVar("C", bound=ClockedStep)


class MoveNotInTable(Exception):
    """A bug: a step decided an event which its table doesn't know in that state. A decision must refuse first."""


class Wait(NamedTuple):
    """Why a state may wait: the role that must act, the name of the clock that ends it, or both."""

    owner: str | None = None
    clock: str | None = None
    escalates: str | None = None
    """Who owns the state once its clock has run out; none: the clock ends the state."""


def moved(step: S, event: Event, at: datetime, table: Table, **changes: Any) -> S:
    """The step after the event: its next state by the table, `since` (only if the state changes), and `changes`.

    Raises `MoveNotInTable` when the table has no such edge.
    """
    state = table.get((step.state, type(event)))
    if watched():
        edge(type(step).__name__, str(step.state), type(event).__name__)
    if state is None:
        raise MoveNotInTable(f"{type(step).__name__}.{step.state} does not take {type(event).__name__}")
    if state is step.state:
        return msgspec.structs.replace(step, **changes) if changes else step
    return msgspec.structs.replace(step, state=state, since=at, **changes)


def clocked(
    step: C, event: Event, at: datetime, table: Table, *, due_at: datetime | None = None, **changes: Any
) -> C:
    """As `moved`, and the clock is set anew: a new state never inherits the old one's clock or lateness."""
    return moved(step, event, at, table, due_at=due_at, late=False, **changes)


def waiting_of(*, name: str, step: ClockedStep, waits: Mapping[Any, Wait], group: str = "") -> Waiting | None:
    """The step's line on a worklist (`name.state`), or none when its state does not wait."""
    wait = waits.get(step.state)
    if wait is None or step.since is None:
        return None
    owner = wait.escalates if step.late else wait.owner
    due_at = None if step.late else step.due_at
    return Waiting(queue=f"{name}.{step.state}", since=step.since, due_at=due_at, owner=owner, group=group)


def defects_of_step(
    *,
    states: Iterable[StrEnum],
    first: StrEnum,
    table: Table,
    waiting: Mapping[Any, Wait],
    terminal: Iterable[Any],
    handed_on: Iterable[Any] = (),
) -> list[str]:
    """Everything wrong with a step's tables; empty when it is sound. Tests of both houses prove it of every step.

    Sound: each state after the first is reached; each waits (for a clock or an owner), or is terminal, or has
    handed on to a step which waits instead; exactly one of these. `first` is "not begun" and need not wait.
    """
    known, ends = set(states), {*terminal, *handed_on}
    reached = {first, *table.values()}
    defects = [f"{state} is never reached" for state in known if state not in reached]
    defects += [f"{state} is not a state" for state in {*reached, *waiting, *ends} if state not in known]
    defects += [f"{source} is not a state" for source, _ in table if source not in known]
    for state in known - {first}:
        if (state in waiting) == (state in ends):
            defects.append(f"{state} must either wait, or be terminal, or have handed on")
    for state, wait in waiting.items():
        if wait.owner is None and wait.clock is None:
            defects.append(f"{state} has neither clock nor owner")
        if wait.escalates is not None and wait.clock is None:
            defects.append(f"{state} escalates without a clock")
    return sorted(defects)
