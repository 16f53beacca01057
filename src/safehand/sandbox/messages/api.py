"""The message service over HTTP: sending text messages, their receipts, the mailbox for tests and for people."""

import hashlib
from pathlib import Path
from typing import Final

from litestar import Response, get, post
from litestar.params import FromPath

from safehand.kernel.clock import Clock
from safehand.kernel.ids import Ids
from safehand.kernel.outcome import Refusal
from safehand.sandbox.messages import refusals
from safehand.sandbox.messages.mail_server import Listen, MailDoor, serve_mail
from safehand.sandbox.messages.mailbox import MailStore
from safehand.sandbox.messages.wire import Mailbox, Receipts, SmsAnswer, SmsBatch
from safehand.sandbox.moments import BEIJING
from safehand.sandbox.settings import MessagesSettings
from safehand.sandbox.web import (
    AnyRequest,
    Refused,
    build_app,
    json_answer,
    json_of,
    language_of,
    page,
    problem_of,
    require_token,
    whole_number_of,
)

PAGE_MESSAGES_MAX: Final = 50
ANSWER_MESSAGES_MAX: Final = 500
NUMBER_MAX: Final = 10**15


class MessagesService:
    """Sends nothing anywhere, and shows it."""

    name = "messages"

    def __init__(
        self,
        *,
        settings: MessagesSettings,
        folder: Path,
        base_url: str,
        smtp_port: int,
        listen: Listen,
        clock: Clock,
        ids: Ids,
    ) -> None:
        self._token = settings.token
        self._base_url = base_url
        self._smtp_port = smtp_port
        self._listen = listen
        self._clock = clock
        self._store = MailStore(
            file=folder / "messages.sqlite",
            ids=ids,
            box_key=hashlib.sha256(f"boxes\x1f{settings.token}".encode()).digest(),
            messages_max=settings.messages_max,
        )
        self.app = build_app(
            name=self.name,
            clock=clock,
            handlers=[
                post("/v1/sms")(self.send),
                get("/v1/receipts")(self.receipts),
                get("/v1/mailbox")(self.mailbox),
                get("/")(self.all_boxes),
                get("/box/{box:str}")(self.one_box),
            ],
        )

    def ready_facts(self) -> dict[str, str | int]:
        """Its address and the port for mail."""
        return {"address": self._base_url, "smtp_port": self._smtp_port}

    async def run(self) -> None:
        """Take mail."""
        await serve_mail(door=MailDoor(store=self._store, clock=self._clock), listen=self._listen)

    def stop(self) -> None:
        """No request is held back here."""

    def close(self) -> None:
        """Close the mailbox."""
        self._store.close()

    async def send(self, request: AnyRequest) -> Response[bytes]:
        """POST /v1/sms: up to 500 text messages."""
        require_token(request, self._token)
        batch = await json_of(request, SmsBatch)
        outcomes = self._store.send(batch.messages, now=self._clock.now())
        answers = [
            SmsAnswer(key=item.key, problem=problem_of(outcome))
            if isinstance(outcome, Refusal)
            else SmsAnswer(key=item.key, id=outcome[0], parts=outcome[1])
            for item, outcome in zip(batch.messages, outcomes, strict=True)
        ]
        return json_answer({"outcomes": answers})

    async def receipts(self, request: AnyRequest) -> Response[bytes]:
        """GET /v1/receipts?after=&limit=: what became of the text messages."""
        require_token(request, self._token)
        after = whole_number_of(request, "after", default=0, least=0, most=NUMBER_MAX)
        found = self._store.receipts(after=after, receipts_max=_limit(request), now=self._clock.now())
        return json_answer(Receipts(receipts=found, next_after=found[-1].number if found else after))

    async def mailbox(self, request: AnyRequest) -> Response[bytes]:
        """GET /v1/mailbox?address=&after=&limit=: messages in full, oldest first, for tests."""
        require_token(request, self._token)
        after = whole_number_of(request, "after", default=0, least=0, most=NUMBER_MAX)
        address = request.query_params.get("address")
        found = self._store.delivered(address=address, after=after, messages_max=_limit(request))
        return json_answer(Mailbox(messages=found, next_after=found[-1].number if found else after))

    async def all_boxes(self, request: AnyRequest) -> Response[bytes]:
        """GET /: the newest messages of everybody, recipients masked."""
        return self._page(request, box=None)

    async def one_box(self, request: AnyRequest, box: FromPath[str]) -> Response[bytes]:
        """GET /box/{box}: one recipient's messages."""
        return self._page(request, box=box)

    def _page(self, request: AnyRequest, *, box: str | None) -> Response[bytes]:
        before = whole_number_of(request, "before", default=NUMBER_MAX, least=1, most=NUMBER_MAX)
        found = self._store.newest(box=box, before=before, messages_max=PAGE_MESSAGES_MAX + 1)
        if box is not None and not found:
            raise Refused(refusals.NO_SUCH_BOX())
        language = language_of(request)
        shown = found[:PAGE_MESSAGES_MAX]
        path = "/" if box is None else f"/box/{box}"
        return page(
            "mailbox.html",
            language=language,
            other_language=f"{path}?lang={'en' if language == 'zh' else 'zh'}",
            messages=[(message, message.at.astimezone(BEIJING)) for message in shown],
            box=box,
            path=path,
            older=shown[-1].number if len(found) > PAGE_MESSAGES_MAX else None,
        )


def _limit(request: AnyRequest) -> int:
    return whole_number_of(request, "limit", default=ANSWER_MESSAGES_MAX, least=1, most=ANSWER_MESSAGES_MAX)
