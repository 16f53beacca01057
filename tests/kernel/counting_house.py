"""A tiny house for tests of the kernel: jars that hold sweets, named uniquely, pouring into one another."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import msgspec

from safehand.kernel.machine import (
    ClaimChange,
    Command,
    Context,
    Event,
    Machine,
    Move,
    Onward,
    Outgoing,
    StreamKey,
    Waiting,
)
from safehand.kernel.outcome import Refusal, define

EMPTY = define(
    code="jar.empty",
    en="The jar holds {held}, fewer than {asked}.",
    zh="罐中有 {held} 颗，少于 {asked} 颗。",
    way_out_en="Ask for fewer.",
    way_out_zh="请少取一些。",
    owner="tests",
)
TAKEN = define(
    code="jar.name_taken",
    en="Another jar has this name.",
    zh="此名已被其他罐使用。",
    way_out_en="Choose another name.",
    way_out_zh="请另取一名。",
    owner="tests",
)


class Jar(msgspec.Struct, frozen=True, kw_only=True):
    jar: str = ""
    name: str = ""
    held: int = 0
    since: datetime | None = None
    account: str = ""


class Put(Command, frozen=True, kw_only=True, tag="jar.put"):
    number: int


class Pour(Command, frozen=True, kw_only=True, tag="jar.pour"):
    number: int
    into: str


class Name(Command, frozen=True, kw_only=True, tag="jar.name"):
    name: str


class Burst(Command, frozen=True, kw_only=True, tag="jar.burst"):
    pass


class WasPut(Event, frozen=True, kw_only=True, tag="jar.was_put"):
    number: int


class WasPoured(Event, frozen=True, kw_only=True, tag="jar.was_poured"):
    number: int
    into: str


class WasNamed(Event, frozen=True, kw_only=True, tag="jar.was_named"):
    name: str


JarEvent = WasPut | WasPoured | WasNamed


class Word(msgspec.Struct, frozen=True, kw_only=True):
    held: int


def decide(state: Jar, command: Command, context: Context) -> Sequence[Event] | Refusal:
    match command:
        case Put(number=number):
            return [WasPut(number=number)] if number else []
        case Pour(number=number, into=into):
            if number > state.held:
                return EMPTY(held=state.held, asked=number)
            return [WasPoured(number=number, into=into)]
        case Name(name=name):
            holder = context.holders.get(f"jar:{name}")
            if holder == context.key.stream:
                return []
            return TAKEN() if holder is not None else [WasNamed(name=name)]
        case _:
            raise ValueError("this jar bursts")


def fold(state: Jar, event: Event, at: datetime) -> Jar:
    match event:
        case WasPut(number=number):
            return msgspec.structs.replace(state, held=state.held + number, since=at, account="shelf")
        case WasPoured(number=number):
            return msgspec.structs.replace(state, held=state.held - number, since=at, account="table")
        case WasNamed(name=name):
            return msgspec.structs.replace(state, name=name)
        case _:
            raise AssertionError(event)


def waits(state: Jar, key: StreamKey) -> Sequence[Waiting]:
    if state.since is None or state.held == 0:
        return ()
    due = state.since + timedelta(hours=1) if state.held > 5 else None
    return (Waiting(queue="jar.full", since=state.since, due_at=due, owner="cook"),)


def moves(state: Jar, event: Event) -> Sequence[Move]:
    match event:
        case WasPut() if state.account == "":
            return (Move(unit=f"lid-{state.jar}", giver="issued", taker="shelf", phase="opened"),)
        case _:
            return ()


def follows(state: Jar, event: Event, key: StreamKey) -> Sequence[Onward]:
    match event:
        case WasPoured(number=number, into=into):
            return (Onward(key=StreamKey(key.city, into), kind="jar", command=Put(number=number)),)
        case _:
            return ()


def claims(state: Jar, event: Event) -> Sequence[ClaimChange]:
    match event:
        case WasNamed(name=name):
            return (ClaimChange(name=f"jar:{name}", taken=True),)
        case _:
            return ()


def asks(command: Command) -> Sequence[str]:
    return (f"jar:{command.name}",) if isinstance(command, Name) else ()


def speaks(state: Jar, event: Event, key: StreamKey) -> Sequence[Outgoing]:
    match event:
        case WasPoured():
            return (Outgoing(peer="neighbour", kind=1, body=Word(held=state.held), subject=key.stream),)
        case _:
            return ()


JAR = Machine(
    kind="jar",
    state=Jar,
    event=JarEvent,
    initial=lambda key: Jar(jar=key.stream),
    decide=decide,
    fold=fold,
    waits=waits,
    asks=asks,
    claims=claims,
    moves=moves,
    follows=follows,
    speaks=speaks,
    counts=lambda before, after: {"jar.held": after.held - before.held},
)
