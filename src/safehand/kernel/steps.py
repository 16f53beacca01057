"""A step of a process: its state moves only through its table, and whoever waits has a clock or an owner."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

import msgspec

from safehand.kernel.machine import Event


class Step(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One step inside a stream's state. Subclasses give `state` their own enum and a first value."""

    state: Any
    since: datetime | None = None
    """When the step came into its state (aware UTC); none: not yet begun."""


Table = Mapping[tuple[Any, type[Event]], StrEnum]
"""(state, class of event) -> next state: the whole truth about how a step moves."""

S = TypeVar("S", bound=Step)


class MoveNotInTable(Exception):
    """A bug: a step decided an event which its table doesn't know in that state. A decision must refuse first."""


class Wait(NamedTuple):
    """Why a state may wait: the role that must act, the name of the clock that ends it, or both."""

    owner: str | None = None
    clock: str | None = None


def moved(step: S, event: Event, at: datetime, table: Table, **changes: Any) -> S:
    """The step after the event: its next state by the table, `since` (only if the state changes), and `changes`.

    Raises `MoveNotInTable` when the table has no such edge.
    """
    state = table.get((step.state, type(event)))
    if state is None:
        raise MoveNotInTable(f"{type(step).__name__}.{step.state} does not take {type(event).__name__}")
    if state is step.state:
        return msgspec.structs.replace(step, **changes) if changes else step
    return msgspec.structs.replace(step, state=state, since=at, **changes)


def defects_of_step(
    *,
    states: Iterable[StrEnum],
    first: StrEnum,
    table: Table,
    waiting: Mapping[Any, Wait],
    terminal: Iterable[Any],
) -> list[str]:
    """Everything wrong with a step's tables; empty when it is sound. Tests of both houses prove it of every step.

    Sound: each state after the first is reached; each state either waits (for a clock or an owner) or is terminal,
    never both; no clock or owner is written for a state that isn't there. `first` is "not begun" and need not wait.
    """
    known, ends = set(states), set(terminal)
    reached = {first, *table.values()}
    defects = [f"{state} is never reached" for state in known if state not in reached]
    defects += [f"{state} is not a state" for state in {*reached, *waiting, *ends} if state not in known]
    defects += [f"{source} is not a state" for source, _ in table if source not in known]
    for state in known - {first}:
        wait = waiting.get(state)
        if (wait is None) == (state not in ends):
            defects.append(f"{state} must either wait or be terminal")
    defects += [f"{state} has neither clock nor owner" for state, wait in waiting.items() if not any(wait)]
    return sorted(defects)
