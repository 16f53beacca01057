"""The register over HTTP: look-ups, entries and cancellations of documents, and the sandbox's changes to the world."""

from collections.abc import Sequence
from pathlib import Path

from litestar import Response, post

from safehand.kernel.clock import Clock
from safehand.kernel.outcome import Refusal
from safehand.sandbox.refusals import BUSY
from safehand.sandbox.register.book import RegisterBook
from safehand.sandbox.register.wire import (
    CancelBatch,
    ChangeBatch,
    EntryAnswer,
    IssueBatch,
    Lookup,
    LookupAnswer,
    SettlementBatch,
    SuspendBatch,
)
from safehand.sandbox.settings import RegisterSettings
from safehand.sandbox.web import (
    AnyRequest,
    Refused,
    build_app,
    json_answer,
    json_of,
    problem_of,
    require_token,
)
from safehand.sandbox.world import World


class RegisterService:
    """Answers for the cast and for a million synthetic residents."""

    name = "register"

    def __init__(
        self, *, settings: RegisterSettings, world: World, folder: Path, base_url: str, clock: Clock
    ) -> None:
        self._token = settings.token
        self._base_url = base_url
        self._clock = clock
        self._book = RegisterBook(file=folder / "register.sqlite", world=world)
        self.app = build_app(
            name=self.name,
            clock=clock,
            handlers=[
                post("/v1/lookup")(self.lookup),
                post("/v1/documents/issue")(self.issue),
                post("/v1/documents/cancel")(self.cancel),
                post("/v1/documents/suspend")(self.suspend),
                post("/v1/documents/restore")(self.restore),
                post("/v1/people/change")(self.change),
                post("/v1/people/settle")(self.settle),
            ],
        )

    def ready_facts(self) -> dict[str, str | int]:
        """Its address."""
        return {"address": self._base_url}

    async def run(self) -> None:
        """Nothing goes on in the background."""

    def stop(self) -> None:
        """No request is held back here."""

    def close(self) -> None:
        """Close the book."""
        self._book.close()

    async def lookup(self, request: AnyRequest) -> Response[bytes]:
        """POST /v1/lookup: the facts of up to 500 people, in the order asked."""
        require_token(request, self._token)
        asked = await json_of(request, Lookup)
        outcomes = self._book.lookup(asked.id_numbers)
        answers = [
            LookupAnswer(problem=problem_of(outcome))
            if isinstance(outcome, Refusal)
            else LookupAnswer(facts=outcome)
            for outcome in outcomes
        ]
        return json_answer({"outcomes": answers})

    async def issue(self, request: AnyRequest) -> Response[bytes]:
        """POST /v1/documents/issue: enter up to 500 documents."""
        require_token(request, self._token)
        batch = await json_of(request, IssueBatch)
        outcomes = self._book.issue(batch.documents, now=self._clock.now())
        return _entry_answers([entry.key for entry in batch.documents], outcomes)

    async def cancel(self, request: AnyRequest) -> Response[bytes]:
        """POST /v1/documents/cancel: cancel up to 500 documents."""
        require_token(request, self._token)
        batch = await json_of(request, CancelBatch)
        outcomes = self._book.cancel(batch.documents, now=self._clock.now())
        return _entry_answers([entry.key for entry in batch.documents], outcomes)

    async def suspend(self, request: AnyRequest) -> Response[bytes]:
        """POST /v1/documents/suspend: up to 500 documents open no border for a while."""
        require_token(request, self._token)
        batch = await json_of(request, SuspendBatch)
        outcomes = self._book.suspend(batch.documents, now=self._clock.now())
        return _entry_answers([entry.key for entry in batch.documents], outcomes)

    async def restore(self, request: AnyRequest) -> Response[bytes]:
        """POST /v1/documents/restore: up to 500 suspended documents are valid again."""
        require_token(request, self._token)
        batch = await json_of(request, SuspendBatch)
        outcomes = self._book.restore(batch.documents, now=self._clock.now())
        return _entry_answers([entry.key for entry in batch.documents], outcomes)

    async def change(self, request: AnyRequest) -> Response[bytes]:
        """POST /v1/people/change: somebody moves, dies, travels."""
        require_token(request, self._token)
        batch = await json_of(request, ChangeBatch)
        outcomes = self._book.change(batch.people)
        return _entry_answers([str(place) for place in range(len(outcomes))], outcomes)

    async def settle(self, request: AnyRequest) -> Response[bytes]:
        """POST /v1/people/settle: runs of synthetic residents are registered in cities."""
        require_token(request, self._token)
        batch = await json_of(request, SettlementBatch)
        if not self._book.settle(batch.settlements):
            raise Refused(BUSY())
        return json_answer({"settled": len(batch.settlements)})


def _entry_answers(keys: Sequence[str], outcomes: Sequence[Refusal | None]) -> Response[bytes]:
    answers = [
        EntryAnswer(key=key, done=outcome is None, problem=None if outcome is None else problem_of(outcome))
        for key, outcome in zip(keys, outcomes, strict=True)
    ]
    return json_answer({"outcomes": answers})
