"""The port to the population and document register, and its client over HTTP."""

from collections.abc import Sequence
from datetime import date
from typing import Final, Literal, Protocol

import msgspec

from safehand.authority.ports.calling import ServiceCaller, ServiceFault
from safehand.authority.ports.refusals import ID_NUMBER_INVALID, PERSON_UNKNOWN, REGISTER_ENTRY_REFUSED
from safehand.authority.register.facts import RegisterFacts
from safehand.kernel.outcome import Refusal

BATCH_ITEMS_MAX: Final = 500
CancelReason = Literal["lost", "stolen", "replaced", "damaged", "withdrawn"]
_NOT_A_NUMBER: Final = "register_service.not_an_id_number"
_NOBODY: Final = "register_service.nobody"


class DocumentToEnter(msgspec.Struct, frozen=True, kw_only=True):
    """A document that was issued. The key names the entry for good: `<case>/issue/<make>`, say."""

    key: str
    id_number: str
    kind: str
    number: str
    issued_on: date
    expires_on: date
    fingerprints_stored: bool


class DocumentToCancel(msgspec.Struct, frozen=True, kw_only=True):
    """A document that is valid no longer."""

    key: str
    id_number: str
    number: str
    reason: CancelReason


class DocumentToSuspend(msgspec.Struct, frozen=True, kw_only=True):
    """A document that opens no border for a while, or does again. The key names which time: `<case>/suspend/<make>/<turn>`."""

    key: str
    id_number: str
    number: str


class Register(Protocol):
    """What the authority asks of the register. Every method takes many and answers one outcome each, in order."""

    async def lookup(self, *, id_numbers: Sequence[str]) -> list[RegisterFacts | Refusal]:
        """The facts of these people. Raises `ServiceUnavailable`, `ServiceFault`."""
        ...

    async def enter(self, *, documents: Sequence[DocumentToEnter]) -> list[Refusal | None]:
        """Enter issued documents; None is done. Repeating is harmless. Raises as `lookup`."""
        ...

    async def cancel(self, *, documents: Sequence[DocumentToCancel]) -> list[Refusal | None]:
        """Cancel documents; None is done. Repeating is harmless. Raises as `lookup`."""
        ...

    async def suspend(self, *, documents: Sequence[DocumentToSuspend]) -> list[Refusal | None]:
        """Suspend valid documents; None is done. Repeating is harmless. Raises as `lookup`."""
        ...

    async def restore(self, *, documents: Sequence[DocumentToSuspend]) -> list[Refusal | None]:
        """Make suspended documents valid again; None is done. Repeating is harmless. Raises as `lookup`."""
        ...


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    code: str


class _Looked(msgspec.Struct, frozen=True, kw_only=True):
    facts: RegisterFacts | None = None
    problem: _Problem | None = None


class _LookedAll(msgspec.Struct, frozen=True, kw_only=True):
    outcomes: list[_Looked]


class _Entered(msgspec.Struct, frozen=True, kw_only=True):
    done: bool
    problem: _Problem | None = None


class _EnteredAll(msgspec.Struct, frozen=True, kw_only=True):
    outcomes: list[_Entered]


class HttpRegister:
    """The register over HTTP, in batches of at most 500."""

    def __init__(self, *, caller: ServiceCaller) -> None:
        self._caller = caller

    async def lookup(self, *, id_numbers: Sequence[str]) -> list[RegisterFacts | Refusal]:
        """See `Register.lookup`."""
        outcomes: list[RegisterFacts | Refusal] = []
        for first in range(0, len(id_numbers), BATCH_ITEMS_MAX):
            asked = list(id_numbers[first : first + BATCH_ITEMS_MAX])
            answer = await self._caller.read(
                method="POST", path="/v1/lookup", json={"id_numbers": asked}, shape=_LookedAll
            )
            self._require_count(len(asked), len(answer.outcomes))
            outcomes.extend(self._looked(one) for one in answer.outcomes)
        return outcomes

    async def enter(self, *, documents: Sequence[DocumentToEnter]) -> list[Refusal | None]:
        """See `Register.enter`."""
        return await self._entries("/v1/documents/issue", documents)

    async def cancel(self, *, documents: Sequence[DocumentToCancel]) -> list[Refusal | None]:
        """See `Register.cancel`."""
        return await self._entries("/v1/documents/cancel", documents)

    async def suspend(self, *, documents: Sequence[DocumentToSuspend]) -> list[Refusal | None]:
        """See `Register.suspend`."""
        return await self._entries("/v1/documents/suspend", documents)

    async def restore(self, *, documents: Sequence[DocumentToSuspend]) -> list[Refusal | None]:
        """See `Register.restore`."""
        return await self._entries("/v1/documents/restore", documents)

    async def _entries(
        self,
        path: str,
        documents: Sequence[DocumentToEnter] | Sequence[DocumentToCancel] | Sequence[DocumentToSuspend],
    ) -> list[Refusal | None]:
        outcomes: list[Refusal | None] = []
        for first in range(0, len(documents), BATCH_ITEMS_MAX):
            batch = list(documents[first : first + BATCH_ITEMS_MAX])
            answer = await self._caller.read(
                method="POST", path=path, json={"documents": batch}, shape=_EnteredAll
            )
            self._require_count(len(batch), len(answer.outcomes))
            outcomes.extend(self._entered(one) for one in answer.outcomes)
        return outcomes

    def _looked(self, one: _Looked) -> RegisterFacts | Refusal:
        if one.facts is not None:
            return one.facts
        match one.problem:
            case _Problem(code=code) if code == _NOBODY:
                return PERSON_UNKNOWN()
            case _Problem(code=code) if code == _NOT_A_NUMBER:
                return ID_NUMBER_INVALID()
            case _:
                raise ServiceFault(service=self._caller.service, reason="neither facts nor a known reason")

    def _entered(self, one: _Entered) -> Refusal | None:
        if one.done:
            return None
        if one.problem is None:
            raise ServiceFault(service=self._caller.service, reason="an entry refused without a reason")
        return REGISTER_ENTRY_REFUSED(reason=one.problem.code)

    def _require_count(self, asked: int, answered: int) -> None:
        if asked != answered:
            raise ServiceFault(
                service=self._caller.service, reason=f"{answered} outcomes for {asked} questions"
            )
