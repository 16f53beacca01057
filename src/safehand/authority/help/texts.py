"""The texts of questions and answers: sealed under the case's key with the command that brings them, and opened for who may read."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.params import Parameter

from safehand.authority.case import Case
from safehand.authority.help.commands import AGENTS, WITH_TEXT
from safehand.house.commanded import Facts, Records
from safehand.house.erasure import ERASED
from safehand.house.front import Asked
from safehand.house.persons import sealed_for
from safehand.house.problems import NOT_ALLOWED, NOT_FOUND, TOO_MANY
from safehand.house.reading import ReadLog
from safehand.house.routes import problem_response
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.kernel.gather import Overloaded
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.store import VaultKeyRow, VaultRow
from safehand.kernel.vault import Unsealable, unseal

RECORD: Final = "help."
"""Before a text's number: the name of its record."""
LOOK: Final = "help"
"""What is written down of a look by staff."""
NUMBERED: Final = frozenset({"text_number"})
_TEXTS: Final = (
    "select r.name, r.sealed, k.wrapped from vault_record r"
    " join keys.case_key k on k.city = r.city and k.subject = r.subject"
    " where r.city = $1 and r.subject = $2 and r.name like 'help.%'"
)


class TextShown(msgspec.Struct, frozen=True, kw_only=True):
    """One text by its number; which of them asks and which answers is in the case's events."""

    number: int
    text: str


class HelpShown(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked and answered about a case, oldest first."""

    state: str
    number: int
    due_at: datetime | None
    not_in_hand: bool
    """The question is that the document is not where the books have it; nobody wrote it."""
    texts: list[TextShown]


class HelpTexts:
    """Seals and opens."""

    def __init__(self, *, house: House) -> None:
        self._house = house
        self._cases = msgspec.json.Decoder(Case)
        self._log = ReadLog(house=house)

    def facts(self) -> dict[type[Command], tuple[frozenset[str], Facts]]:
        """What commands with a text do not say themselves: its number."""
        return dict.fromkeys(WITH_TEXT, (NUMBERED, self._numbers))

    def records(self) -> dict[type[Command], Records]:
        """What the vault keeps with them."""
        return dict.fromkeys(WITH_TEXT, self._sealed)

    async def read(self, *, key: StreamKey) -> dict[int, str]:
        """The texts of a case by their numbers; none of an erased person. Whose case it is, is for the caller to know."""
        found: dict[int, str] = {}
        for name, sealed, wrapped in await self._house.store.fetch(_TEXTS, key.city, key.stream):
            try:
                data_key = self._house.vault.unwrap(VaultKeyRow(key.city, key.stream, wrapped))
                plain = unseal(key=data_key, row=VaultRow(key.city, key.stream, name, sealed))
            except Unsealable:
                continue
            found[int(name.removeprefix(RECORD))] = plain.decode()
        return dict(sorted(found.items()))

    async def shown(self, *, session: Session, key: StreamKey) -> HelpShown | Refusal:
        """For an agent of that city; the look is written down before anything is shown."""
        if session.cities and key.city not in session.cities:
            return NOT_ALLOWED()
        row = (await self._house.store.streams(keys=[key])).get(key)
        if row is None or row.kind != "case":
            return NOT_FOUND()
        try:
            await self._log.write(
                key=key, actor=session.actor, what=LOOK, roles=session.roles, office=session.office
            )
        except Overloaded:
            return TOO_MANY()
        step = self._cases.decode(row.state).help
        texts = await self.read(key=key)
        return HelpShown(
            state=step.state,
            number=step.number,
            due_at=step.due_at,
            not_in_hand=step.denial,
            texts=[TextShown(number=number, text=text) for number, text in texts.items()],
        )

    async def _numbers(self, asked: Sequence[Asked]) -> Sequence[Mapping[str, Any]]:
        nexts = await self._nexts(asked)
        return [{"text_number": nexts.get(_key_of(one), 1)} for one in asked]

    async def _sealed(self, asked: Sequence[Asked]) -> Sequence[Sequence[VaultRow] | Refusal]:
        keys = [_key_of(one) for one in asked]
        if len(set(keys)) < len(keys):
            # Two at once about one case: each is sealed by itself, so that neither gets the other's text.
            return [(await self._sealed([one]))[0] for one in asked]
        nexts = await self._nexts(asked)
        texts = {
            key: {f"{RECORD}{nexts[key]}": one.item.text.encode()}
            for key, one in zip(keys, asked, strict=True)
            if key in nexts
        }
        sealed = await sealed_for(house=self._house, records=texts)
        # What is no case, the shell says so; a case without a key is that of an erased person.
        return [sealed.get(key, ERASED()) if key in nexts else () for key in keys]

    async def _nexts(self, asked: Sequence[Asked]) -> dict[StreamKey, int]:
        """The number of each case's next text."""
        rows = await self._house.store.streams(keys=sorted({_key_of(one) for one in asked}))
        return {
            key: self._cases.decode(row.state).help.texts + 1
            for key, row in rows.items()
            if row.kind == "case"
        }


def _key_of(one: Asked) -> StreamKey:
    return StreamKey(one.item.city, one.item.case)


def help_route(*, texts: HelpTexts) -> Any:
    """`GET /v1/help?city=…&case=…`: what was asked and answered."""

    @get(
        "/help",
        summary="What was asked and answered about a case",
        description=f"Roles: {', '.join(sorted(AGENTS))}. Every look is written down.",
        tags=["help"],
        operation_id="read_help",
        opt={"roles": AGENTS, "shows": HelpShown},
    )
    async def read_help(
        request: Request[Any, Any, Any],
        city: Annotated[int, Parameter(ge=110000, le=829999)],
        case: Annotated[str, Parameter(max_length=64, pattern=r"^[a-z]{2}_[A-Za-z0-9_-]{1,61}$")],
    ) -> Response[Any]:
        found = await texts.shown(session=request.state.session, key=StreamKey(city, case))
        if isinstance(found, Refusal):
            return problem_response(refusal=found, request=request)
        return Response(content=found)

    return read_help
