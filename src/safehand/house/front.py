"""The front door: every action of every role, by name. Who may call it is written with it; nobody else may.

One call path serves a person's request over HTTP, a clerk's batch and a rehearsal's crowd: find the action, check the
role, read the request, join the batch of the moment, answer with what happened or with the refusal.
"""

import asyncio
import hashlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import cache
from typing import Any, TypeVar

import msgspec

from safehand.house.problems import KEY_MISSING, NOT_ALLOWED, TOO_MANY, UNAVAILABLE, invalid
from safehand.house.sessions import Session
from safehand.kernel.gather import Gatherer, Overloaded
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Done
from safehand.kernel.store import Unavailable

KEY_CHARACTERS_MIN, KEY_CHARACTERS_MAX = 8, 100
NUL = b"\\u0000"
Read = TypeVar("Read")


class Asked(msgspec.Struct, frozen=True):
    """One request as an action sees it: who, what, and the key under which it takes effect once."""

    session: Session
    item: Any
    key: str
    request_hash: bytes


class Action(msgspec.Struct, frozen=True, kw_only=True):
    """One thing that people or programs can ask of a house.

    `run` takes a batch and answers with one `Done` or `Refusal` per request, in order. `shows` turns what was done into
    the answer's body.
    """

    name: str
    """`step.verb`: also its address, `POST /v1/step/verb`."""
    summary: str
    roles: frozenset[str]
    asks: type[msgspec.Struct]
    run: Callable[[Sequence[Asked]], Awaitable[Sequence[Done | Refusal]]]
    shows: Callable[[Done], Any] | None = None


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """What an action answers unless it shows more: the stream, its version, and the events that happened."""

    stream: str
    city: int
    version: int
    events: tuple[str, ...]
    repeated: bool


def decoded(*, body: bytes, decoder: msgspec.json.Decoder[Read]) -> Read | Refusal:
    """Hostile JSON as a typed value, or the refusal that says what is wrong with it."""
    if NUL in body:
        # PostgreSQL can't keep this character in a text, nor read JSON that has it.
        return invalid("a text holds the character U+0000")
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as broken:
        return invalid(str(broken))
    except RecursionError:
        return invalid("it is nested too deeply")


def _is_key(key: str) -> bool:
    return KEY_CHARACTERS_MIN <= len(key) <= KEY_CHARACTERS_MAX and key.isascii() and key.isprintable()


def _answered(future: "asyncio.Future[Done | Refusal]") -> Done | Refusal:
    try:
        return future.result()
    except Unavailable:
        return UNAVAILABLE()


@cache
def _decoder_of(asks: type[msgspec.Struct]) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(asks)


class Front:
    """All actions of a house, each with its gatherer."""

    def __init__(self, *, actions: Sequence[Action]) -> None:
        self.actions: Mapping[str, Action] = {action.name: action for action in actions}
        if len(self.actions) != len(actions):
            raise ValueError("two actions have the same name")
        for action in actions:
            if not action.roles:
                raise ValueError(f"action {action.name} names no role: nobody could call it")
        self._gatherers: dict[str, Gatherer[Asked, Done | Refusal]] = {}
        """Made when an action is asked for the first time."""
        self._encode = msgspec.json.Encoder().encode

    def _gatherer(self, name: str) -> Gatherer[Asked, Done | Refusal]:
        found = self._gatherers.get(name)
        if found is None:
            found = self._gatherers[name] = Gatherer(run=self.actions[name].run)
        return found

    async def call(self, *, name: str, session: Session, item: Any, key: str | None) -> Done | Refusal:
        """One call with an item that was already read. The answer is what happened, or a refusal."""
        action = self.actions[name]
        asked = self._asked(action, session, item, key)
        if isinstance(asked, Refusal):
            return asked
        try:
            return await self._gatherer(name).call(asked)
        except Overloaded:
            return TOO_MANY()
        except Unavailable:
            return UNAVAILABLE()

    async def call_together(
        self, calls: Sequence[tuple[str, Session, Any, str | None]]
    ) -> list[Done | Refusal]:
        """Calls of many people at one moment, each (action, session, item, key) as in `call`, without a task for each."""
        lined_up: list[asyncio.Future[Done | Refusal] | Refusal] = []
        for name, session, item, key in calls:
            asked = self._asked(self.actions[name], session, item, key)
            if isinstance(asked, Asked):
                try:
                    lined_up.append(self._gatherer(name).put(asked))
                except Overloaded:
                    lined_up.append(TOO_MANY())
            else:
                lined_up.append(asked)
        waiting = [one for one in lined_up if isinstance(one, asyncio.Future)]
        await asyncio.gather(*waiting, return_exceptions=True)
        return [_answered(one) if isinstance(one, asyncio.Future) else one for one in lined_up]

    async def call_all(
        self, *, name: str, session: Session, items: Sequence[tuple[str | None, Any]]
    ) -> list[Done | Refusal]:
        """A clerk's batch: one transaction for all, one answer for each."""
        action = self.actions[name]
        asked = [self._asked(action, session, item, key) for key, item in items]
        whole = [one for one in asked if isinstance(one, Asked)]
        try:
            answered = iter(await action.run(whole) if whole else ())
        except Unavailable:
            return [UNAVAILABLE() for _ in asked]
        return [next(answered) if isinstance(one, Asked) else one for one in asked]

    def read(self, *, name: str, body: bytes) -> Any:
        """Read JSON as the action's request, or answer with a refusal that names the field."""
        return decoded(body=body, decoder=_decoder_of(self.actions[name].asks))

    def answer(self, *, name: str, done: Done) -> Any:
        """What the caller is shown."""
        shows = self.actions[name].shows
        if shows is not None:
            return shows(done)
        return Shown(
            stream=done.stream,
            city=done.city,
            version=done.version,
            events=done.events,
            repeated=done.repeated,
        )

    def _asked(self, action: Action, session: Session, item: Any, key: str | None) -> Asked | Refusal:
        if not action.roles & session.roles:
            return NOT_ALLOWED()
        if isinstance(item, Refusal):
            return item
        if key is None or not _is_key(key):
            return KEY_MISSING()
        try:
            # The fields in their order, not the bytes as sent: white space is no different request.
            request_hash = hashlib.sha256(action.name.encode() + b"\x1f" + self._encode(item)).digest()
        except (OverflowError, ValueError) as broken:
            return invalid(f"a value can't be kept: {broken}")
        return Asked(session, item, f"{session.actor}:{action.name}:{key}", request_hash)
