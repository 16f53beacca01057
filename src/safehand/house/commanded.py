"""Actions that are one command each: made from a step's commands and their roles, so that none is forgotten.

The request holds the city, the stream, and the command's own fields. Commands that only clocks or the link may give
(`system`, or the name of a peer) get no address at all.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Any, Final, NamedTuple, Optional

import msgspec
from msgspec import Meta

from safehand.house.erasure import ERASED, Gone
from safehand.house.front import Action, Asked
from safehand.house.problems import NOT_ALLOWED, NOT_FOUND, invalid
from safehand.kernel.ids import Ids
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Call, Done, Shell
from safehand.kernel.store import VaultRow

City = Annotated[int, Meta(ge=110000, le=829999, description="GB/T 2260 code of the city")]
Stream = Annotated[str, Meta(min_length=4, max_length=64, pattern=r"^[a-z]{2}_[A-Za-z0-9_-]+$")]

Colleague = Annotated[str, Meta(min_length=4, max_length=64, pattern=r"^[a-z]{2}_[A-Za-z0-9_-]+$")]

NOT_PEOPLE = frozenset({"system", "post", "authority"})
"""Roles that clocks and peers act in: they come through jobs and the link, never through the front door."""

ONESELF = ("courier", "clerk", "collector")
"""Fields that say who acts: a person acts as oneself; a manager may name another."""
COLLEAGUES = ("second_person", "witness", "first_witness", "second_witness")
"""Fields that name somebody of the house: a staff reference. They are journaled, where a person's name must not be."""
MANAGERS = frozenset({"postal_manager", "authority_manager"})

Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with its offset")]
_AWARE: Mapping[Any, Any] = {datetime: Moment, datetime | None: Optional[Moment]}  # noqa: UP045 - an Annotated alias takes no |
TIME_MIN, TIME_MAX = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""No moment of ours is outside; arithmetic at the ends of the calendar overflows."""

Facts = Callable[[Sequence[Asked]], Awaitable[Sequence[Mapping[str, Any]]]]
"""For each request: the fields of the command that the house finds out itself and nobody may send."""

Records = Callable[[Sequence[Asked]], Awaitable[Sequence[Sequence[VaultRow] | Refusal]]]
"""For each request: what the vault is to keep with the command, in the same transaction; or why it can't be done."""

Owned = Callable[[Sequence[tuple[str, StreamKey]]], Awaitable[set[tuple[str, StreamKey]]]]
"""Of pairs (actor, stream): those in which the stream is the actor's own."""


def command_actions(
    *,
    shell: Shell,
    ids: Ids,
    kind: str,
    names_stream: str,
    roles: Mapping[type[Command], frozenset[str]],
    owned: Owned | None = None,
    facts: Mapping[type[Command], tuple[frozenset[str], Facts]] | None = None,
    records: Mapping[type[Command], Records] | None = None,
    gone: Gone | None = None,
) -> list[Action]:
    """One action per command that people may give. `names_stream` is the request's field for the stream.

    `gone` knows the streams that are nobody's any more since their person was erased: an applicant is told so. `facts` names, for a command, the fields that are no part of the request, and what finds them out; `records`, what the
    vault keeps with it.
    """
    actions: list[Action] = []
    for command, allowed in roles.items():
        found_out, finder = (facts or {}).get(command, (_NOTHING, None))
        asked = _asked_of(command, allowed, names_stream, found_out)
        if asked is not None:
            run = _runner(
                shell,
                ids,
                kind,
                names_stream,
                command,
                owned,
                asked.fields,
                finder,
                (records or {}).get(command),
                gone,
            )
            actions.append(
                Action(
                    name=asked.name, summary=asked.summary, roles=asked.people, asks=asked.request, run=run
                )
            )
    return actions


class _AskedOf(NamedTuple):
    """What an action is for people."""

    name: str
    summary: str
    people: frozenset[str]
    request: type[msgspec.Struct]
    fields: tuple[str, ...]
    """Of the command, that come with the request."""


_NOTHING: Final = frozenset[str]()


@cache
def _asked_of(
    command: type[Command], allowed: frozenset[str], names_stream: str, found_out: frozenset[str]
) -> _AskedOf | None:
    """None when no person may give the command."""
    people = allowed - NOT_PEOPLE
    if not people:
        return None
    name = str(command.__struct_config__.tag)
    return _AskedOf(
        name=name,
        summary=(command.__doc__ or name).split("\n")[0],
        people=people,
        request=_request_of(command, names_stream, name, without=found_out),
        fields=tuple(field for field in command.__struct_fields__ if field not in found_out),
    )


def _request_of(
    command: type[Command], names_stream: str, name: str, *, without: frozenset[str]
) -> type[msgspec.Struct]:
    """The request's shape: city and stream, then the command's fields with their limits and defaults."""
    fields: list[Any] = [("city", City), (names_stream, Stream)]
    for one in msgspec.structs.fields(command):
        if one.name in without:
            continue
        kind: Any = Colleague if one.name in COLLEAGUES else _AWARE.get(one.type, one.type)
        if one.name in ONESELF:
            fields.append((one.name, kind | None, None))
        elif one.required:
            fields.append((one.name, kind))
        elif one.default_factory is not msgspec.NODEFAULT:
            fields.append((one.name, kind, msgspec.field(default_factory=one.default_factory)))
        else:
            fields.append((one.name, kind, one.default))
    title = "".join(part.capitalize() for part in name.replace(".", "_").split("_")) + "Request"
    return msgspec.defstruct(
        title, fields, frozen=True, kw_only=True, forbid_unknown_fields=True, module=command.__module__
    )


def _runner(
    shell: Shell,
    ids: Ids,
    kind: str,
    names_stream: str,
    command: type[Command],
    owned: Owned | None,
    names: Sequence[str],
    finder: Facts | None,
    keeper: Records | None,
    gone: Gone | None,
) -> Callable[[Sequence[Asked]], Awaitable[Sequence[Done | Refusal]]]:
    async def run(asked: Sequence[Asked]) -> Sequence[Done | Refusal]:
        keys = [StreamKey(one.item.city, getattr(one.item, names_stream)) for one in asked]
        applicants = [
            (one.session.actor, key)
            for one, key in zip(asked, keys, strict=True)
            if "applicant" in one.session.roles
        ]
        own = await owned(applicants) if applicants and owned is not None else set()
        refusals = [_refused(one, key, own) for one, key in zip(asked, keys, strict=True)]
        strange = [key for key, refusal in zip(keys, refusals, strict=True) if _is_strange(refusal)]
        erased = await gone(strange) if strange and gone is not None else set()
        refusals = [
            ERASED() if key in erased and _is_strange(refusal) else refusal
            for key, refusal in zip(keys, refusals, strict=True)
        ]
        kept = await _kept(asked, refusals, keeper)
        refusals = [one if isinstance(one, Refusal) else None for one in kept]
        whole = [one for one, refusal in zip(asked, refusals, strict=True) if refusal is None]
        found = iter(await finder(whole) if finder is not None and whole else [{} for _ in whole])
        calls = [
            Call(
                stream=key,
                kind=kind,
                command=command(**_fields(one, names), **next(found)),
                actor=one.session.actor,
                key=one.key,
                request_hash=one.request_hash,
                token=ids.token(basis=one.key),
                vault=tuple(rows),
            )
            for one, key, rows in zip(asked, keys, kept, strict=True)
            if not isinstance(rows, Refusal)
        ]
        answered = iter(await shell.run(calls) if calls else ())
        return [next(answered) if refusal is None else refusal for refusal in refusals]

    return run


async def _kept(
    asked: Sequence[Asked], refusals: Sequence[Refusal | None], keeper: Records | None
) -> list[Sequence[VaultRow] | Refusal]:
    """For each request its refusal, else what the vault keeps with it."""
    whole = [one for one, refusal in zip(asked, refusals, strict=True) if refusal is None]
    found = iter(await keeper(whole) if keeper is not None and whole else [() for _ in whole])
    return [next(found) if refusal is None else refusal for refusal in refusals]


def _fields(one: Asked, names: Sequence[str]) -> dict[str, Any]:
    fields = {name: getattr(one.item, name) for name in names}
    for name in ONESELF:
        if name in fields and fields[name] is None:
            fields[name] = one.session.actor
    return fields


def _is_strange(refusal: Refusal | None) -> bool:
    return refusal is not None and refusal.code == NOT_FOUND.code


def _refused(one: Asked, key: StreamKey, own: set[tuple[str, StreamKey]]) -> Refusal | None:
    """Another's case answers exactly as an unknown one; staff act in their own cities and as themselves only."""
    session = one.session
    if "applicant" in session.roles:
        return None if (session.actor, key) in own else NOT_FOUND()
    if session.cities and key.city not in session.cities:
        return NOT_ALLOWED()
    moments = (value for value in msgspec.structs.astuple(one.item) if isinstance(value, datetime))
    if not all(TIME_MIN <= moment < TIME_MAX for moment in moments):
        return invalid("a time is before the year 2000 or after 2099")
    named = {getattr(one.item, name, None) for name in ONESELF} - {None, session.actor}
    return NOT_ALLOWED() if named and not MANAGERS & session.roles else None
