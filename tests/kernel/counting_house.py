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
    Notice,
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


NO_LID = define(
    code="jar.no_lid",
    en="The jar has no lid to hand over, or nobody was offered it.",
    zh="此罐没有可交接的盖子，或尚未提交接。",
    way_out_en="Put something into the jar, or offer its lid first.",
    way_out_zh="请先放入糖果，或先提出交接。",
    owner="tests",
)


class Jar(msgspec.Struct, frozen=True, kw_only=True):
    jar: str = ""
    name: str = ""
    held: int = 0
    since: datetime | None = None
    account: str = ""
    offered_to: str | None = None


class Put(Command, frozen=True, kw_only=True, tag="jar.put"):
    number: int


class Pour(Command, frozen=True, kw_only=True, tag="jar.pour"):
    number: int
    into: str


class Name(Command, frozen=True, kw_only=True, tag="jar.name"):
    name: str


class Unname(Command, frozen=True, kw_only=True, tag="jar.unname"):
    pass


class Lend(Command, frozen=True, kw_only=True, tag="jar.lend"):
    """Give the name to another jar, which asks for it itself."""

    to: str


class Offer(Command, frozen=True, kw_only=True, tag="jar.offer"):
    to: str


class Answer(Command, frozen=True, kw_only=True, tag="jar.answer"):
    accepted: bool


class Label(Command, frozen=True, kw_only=True, tag="jar.label"):
    """Writes any text into the journal, also what no store can take."""

    text: str


class Share(Command, frozen=True, kw_only=True, tag="jar.share"):
    """A bug: opens a unit that another jar may have opened already."""


class Eat(Command, frozen=True, kw_only=True, tag="jar.eat"):
    pass


class Burst(Command, frozen=True, kw_only=True, tag="jar.burst"):
    pass


class WasPut(Event, frozen=True, kw_only=True, tag="jar.was_put"):
    number: int


class WasPoured(Event, frozen=True, kw_only=True, tag="jar.was_poured"):
    number: int
    into: str


class WasNamed(Event, frozen=True, kw_only=True, tag="jar.was_named"):
    name: str


class WasUnnamed(Event, frozen=True, kw_only=True, tag="jar.was_unnamed"):
    name: str
    lent_to: str | None = None


class WasOffered(Event, frozen=True, kw_only=True, tag="jar.was_offered"):
    to: str


class WasAnswered(Event, frozen=True, kw_only=True, tag="jar.was_answered"):
    accepted: bool


class WasLabelled(Event, frozen=True, kw_only=True, tag="jar.was_labelled"):
    text: str


class WasShared(Event, frozen=True, kw_only=True, tag="jar.was_shared"):
    pass


class WasEaten(Event, frozen=True, kw_only=True, tag="jar.was_eaten"):
    number: int


JarEvent = (
    WasPut | WasPoured | WasNamed | WasUnnamed | WasOffered | WasAnswered | WasLabelled | WasShared | WasEaten
)


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
            return _name(state, name, context)
        case Unname():
            return [WasUnnamed(name=state.name)] if state.name else []
        case Lend(to=to):
            return [WasUnnamed(name=state.name, lent_to=to)] if state.name else []
        case Eat():
            return [WasEaten(number=state.held)] if state.held else []
        case _:
            return _decide_custody(state, command)


def _name(state: Jar, name: str, context: Context) -> Sequence[Event] | Refusal:
    holder = context.holders.get(f"jar:{name}")
    if holder == context.key.stream:
        return []
    if holder is not None:
        return TAKEN()
    return [*([WasUnnamed(name=state.name)] if state.name else []), WasNamed(name=name)]


def _decide_custody(state: Jar, command: Command) -> Sequence[Event] | Refusal:
    match command:
        case Offer(to=to):
            return NO_LID() if not state.account or state.offered_to else [WasOffered(to=to)]
        case Answer(accepted=accepted):
            return NO_LID() if state.offered_to is None else [WasAnswered(accepted=accepted)]
        case Label(text=text):
            return [WasLabelled(text=text)]
        case Share():
            return [WasShared()]
        case _:
            raise ValueError("this jar bursts")


def fold(state: Jar, event: Event, at: datetime) -> Jar:
    change = msgspec.structs.replace
    match event:
        case WasPut(number=number):
            return change(state, held=state.held + number, since=at, account=state.account or "shelf")
        case WasPoured(number=number):
            return change(state, held=state.held - number, since=at)
        case WasEaten():
            return change(state, held=0)
        case WasNamed(name=name):
            return change(state, name=name)
        case WasUnnamed():
            return change(state, name="")
        case WasOffered(to=to):
            return change(state, offered_to=to)
        case WasAnswered(accepted=True):
            return change(state, account=state.offered_to or "", offered_to=None)
        case WasAnswered():
            return change(state, offered_to=None)
        case WasLabelled() | WasShared():
            return state
        case _:
            raise AssertionError(event)


def waits(state: Jar, key: StreamKey) -> Sequence[Waiting]:
    if state.since is None or state.held == 0:
        return ()
    due = state.since + timedelta(hours=1) if state.held > 5 else None
    full = Waiting(queue="jar.full", since=state.since, due_at=due, owner="cook", group=state.name)
    if state.offered_to is None:
        return (full,)
    late = state.since + timedelta(hours=2)
    return (full, Waiting(queue="jar.offered", since=state.since, due_at=late, owner=None))


def moves(state: Jar, event: Event) -> Sequence[Move]:
    lid = f"lid-{state.jar}"
    match event:
        case WasPut() if state.account == "":
            return (Move(unit=lid, giver="issued", taker="shelf", phase="opened"),)
        case WasOffered(to=to):
            return (Move(unit=lid, giver=state.account, taker=to, phase="offered"),)
        case WasAnswered(accepted=accepted):
            phase = "accepted" if accepted else "refused"
            return (Move(unit=lid, giver=state.account, taker=state.offered_to or "", phase=phase),)
        case WasShared():
            return (Move(unit="lid-of-all", giver="issued", taker="shelf", phase="opened"),)
        case _:
            return ()


def follows(state: Jar, event: Event, key: StreamKey) -> Sequence[Onward]:
    match event:
        case WasPoured(number=number, into=into):
            return (Onward(key=StreamKey(key.city, into), kind="jar", command=Put(number=number)),)
        case WasUnnamed(name=name, lent_to=str(to)):
            return (Onward(key=StreamKey(key.city, to), kind="jar", command=Name(name=name)),)
        case _:
            return ()


def claims(state: Jar, event: Event) -> Sequence[ClaimChange]:
    match event:
        case WasNamed(name=name):
            return (ClaimChange(name=f"jar:{name}", taken=True),)
        case WasUnnamed(name=name):
            return (ClaimChange(name=f"jar:{name}", taken=False),)
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


def tells(state: Jar, event: Event) -> Sequence[Notice]:
    match event:
        case WasAnswered(accepted=accepted):
            return (Notice(subject=state.jar, template="jar.answered", facts={"accepted": int(accepted)}),)
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
    tells=tells,
    timer=lambda queue: Eat() if queue == "jar.full" else Answer(accepted=False),
    counts=lambda before, after: {"jar.held": after.held - before.held},
)
