"""What a kind of stream is: how it decides, folds, waits, hands over and speaks. Pure; the shell does the rest.

A **stream** is everything that happened to one thing (a case, an item, a bag). Its events are appended, never
changed; its state is the fold of its events, kept beside them. A **machine** describes one kind of stream with
pure functions. The shell (`kernel.shell`) runs them inside one transaction.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, NamedTuple

import msgspec

from safehand.kernel.outcome import Refusal


class StreamKey(NamedTuple):
    """The name of a stream. The city (GB/T 2260 code as a number) is the first part of every key."""

    city: int
    stream: str


class Event(msgspec.Struct, frozen=True, kw_only=True, tag_field="event"):
    """A fact that has happened. Subclasses set `tag="step.past_tense"` and hold no personal data, ever."""


class Folded(list[Event]):
    """What a decision returns that has folded its events already: the shell need not do it again.

    `states[n]` is the state after event n, made by the machine's own `fold` at the context's `now`.
    """

    def __init__(self, events: Iterable[Event], *, states: Sequence[Any]) -> None:
        super().__init__(events)
        self.states = states


class Command(msgspec.Struct, frozen=True, kw_only=True, tag_field="command"):
    """Something that somebody wants done. Subclasses set `tag="step.verb"`."""


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """What a decision may know beside the state and the command: all of it given, nothing fetched."""

    key: StreamKey
    now: datetime
    actor: str
    holders: Mapping[str, str] = {}
    """For each claim that the command asks about (`Machine.asks`): the stream that holds it."""
    token: bytes = b""
    """32 bytes that nobody can guess, for this call alone (door codes, item tokens)."""


class Waiting(msgspec.Struct, frozen=True, kw_only=True):
    """A state in which something waits: on a worklist, with a clock or an owner, or both (never neither)."""

    queue: str
    """`step.state`: the worklist it stands on."""
    since: datetime
    due_at: datetime | None = None
    """When the clock runs out and the machine is told (`timer`); none: the owner alone must act."""
    owner: str | None = None
    """The role that must act."""
    group: str = ""
    """What the list can be narrowed by: an office, a courier, a kind of document."""


class Move(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the double-entry book of custody: a unit goes, or is offered, from one account to another.

    `offered` is pending: the unit stays with the giver. `accepted` posts it, `refused` voids it. `moved` is a move
    that one act completes (giver and taker in the same scan, or inside one pair of hands).
    """

    unit: str
    giver: str
    taker: str
    phase: Literal["opened", "offered", "accepted", "refused", "moved"]


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A message for the other house, written in the same transaction as the fact; numbered after commit."""

    peer: str
    kind: int
    body: msgspec.Struct
    subject: str
    """The stream that it speaks of, as the receiver knows it (an order reference, never a case)."""
    personal: str | None = None
    """The vault subject whose delivery part must be sealed into it for the receiver; none: no personal part."""


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """Something to tell a person by SMS or e-mail: names the template and the vault subject, holds no person."""

    subject: str
    template: str
    facts: Mapping[str, str | int] = {}


class Onward(msgspec.Struct, frozen=True, kw_only=True):
    """A command which follows from an event (the process page): carried out in the same transaction."""

    key: StreamKey
    kind: str
    """The kind of machine that answers for the stream, should it be new."""
    command: Command


class ClaimChange(msgspec.Struct, frozen=True, kw_only=True):
    """A unique name taken or given back by a stream (one live case per person and kind, say)."""

    name: str
    taken: bool


@dataclass(frozen=True, kw_only=True)
class Machine:
    """One kind of stream, as pure functions. `state` and `event` types are msgspec structs.

    decide   (state, command, context) -> events, or one refusal. An empty list of events is "already so"; a `Folded`
             list brings the states along.
    fold     (state, event, at) -> the next state.
    waits    (state, key) -> all worklists on which the stream now stands.
    waited   (state before, state after, key) -> lines before and lines after, without those that can't differ: for
             machines of many steps, of which one call moves one or two. None: `waits` of both.
    asks     (command) -> names of the claims whose holders the decision needs to know.
    touches  (command, key) -> other streams that the command is likely to need: loaded with the first, in one go.
    claims   (state after, event) -> claims taken or given back by the event.
    moves    (state before, event) -> custody moves that the event is.
    follows  (state after, event, key) -> commands for other streams of the house.
    speaks   (state after, event, key) -> messages for other houses.
    tells    (state after, event) -> notices to people.
    counts   (state before, state after) -> changes of the tallies (name -> +1 / -1).
    timer    (queue) -> the command that a clock which ran out on that worklist gives.
    """

    kind: str
    state: type[Any]
    event: Any
    initial: Callable[[StreamKey], Any]
    decide: Callable[[Any, Any, Context], Sequence[Event] | Refusal]
    fold: Callable[[Any, Any, datetime], Any]
    waits: Callable[[Any, StreamKey], Sequence[Waiting]] = lambda state, key: ()
    waited: Callable[[Any, Any, StreamKey], tuple[Sequence[Waiting], Sequence[Waiting]]] | None = None
    asks: Callable[[Any], Sequence[str]] = lambda command: ()
    touches: Callable[[Any, StreamKey], Sequence[StreamKey]] = lambda command, key: ()
    claims: Callable[[Any, Any], Sequence[ClaimChange]] = lambda state, event: ()
    moves: Callable[[Any, Any], Sequence[Move]] = lambda state, event: ()
    follows: Callable[[Any, Any, StreamKey], Sequence[Onward]] = lambda state, event, key: ()
    speaks: Callable[[Any, Any, StreamKey], Sequence[Outgoing]] = lambda state, event, key: ()
    tells: Callable[[Any, Any], Sequence[Notice]] = lambda state, event: ()
    counts: Callable[[Any, Any], Mapping[str, int]] = lambda before, after: {}
    timer: Callable[[str], Command | None] = lambda queue: None
