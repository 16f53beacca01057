"""The ports for notices: text messages over HTTP, mail over SMTP."""

from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final, Literal, Protocol

import aiosmtplib
import msgspec

from safehand.authority.ports.calling import ServiceCaller, ServiceFault, ServiceUnavailable
from safehand.authority.ports.refusals import MAIL_REFUSED, SMS_NUMBER_INVALID, SMS_REFUSED
from safehand.kernel.outcome import Refusal

BATCH_ITEMS_MAX: Final = 500
SMTP_SECONDS_MAX: Final = 15.0
SUBJECT_LETTERS_MAX: Final = 200
TEXT_LETTERS_MAX: Final = 20_000
_INVALID_NUMBER: Final = "messages_service.invalid_number"
_PERMANENT: Final = range(500, 600)


class TextMessage(msgspec.Struct, frozen=True, kw_only=True):
    """A text message; the key names it for good, so that it is sent once."""

    key: str
    to: str
    text: str


class TextReceipt(msgspec.Struct, frozen=True, kw_only=True):
    """What became of a text message."""

    number: int
    key: str
    state: Literal["delivered", "failed"]
    reason: str
    at: datetime


class Mail(msgspec.Struct, frozen=True, kw_only=True):
    """A plain-text mail. `key` becomes its Message-ID: a mail server that has seen it may drop the second."""

    key: str
    to: str
    subject: str
    text: str


class TextMessages(Protocol):
    """The SMS gateway. May raise `ServiceUnavailable`, `ServiceFault`."""

    async def send(self, *, messages: Sequence[TextMessage]) -> list[Refusal | None]:
        """Send; None was taken. Repeating is harmless."""
        ...

    async def receipts(self, *, after: int) -> tuple[list[TextReceipt], int]:
        """Receipts after a number, and the number to ask on from."""
        ...


class Mailer(Protocol):
    """The mail server. May raise `ServiceUnavailable`."""

    async def send(self, *, mail: Mail, now: datetime) -> Refusal | None:
        """Send; None was taken by the server."""
        ...


class _Problem(msgspec.Struct, frozen=True, kw_only=True):
    code: str


class _Sent(msgspec.Struct, frozen=True, kw_only=True):
    id: str | None = None
    problem: _Problem | None = None


class _SentAll(msgspec.Struct, frozen=True, kw_only=True):
    outcomes: list[_Sent]


class _Receipts(msgspec.Struct, frozen=True, kw_only=True):
    receipts: list[TextReceipt]
    next_after: int


class HttpTextMessages:
    """The SMS gateway over HTTP, in batches of at most 500."""

    def __init__(self, *, caller: ServiceCaller) -> None:
        self._caller = caller

    async def send(self, *, messages: Sequence[TextMessage]) -> list[Refusal | None]:
        """See `TextMessages.send`."""
        outcomes: list[Refusal | None] = []
        for first in range(0, len(messages), BATCH_ITEMS_MAX):
            batch = list(messages[first : first + BATCH_ITEMS_MAX])
            answer = await self._caller.read(
                method="POST", path="/v1/sms", json={"messages": batch}, shape=_SentAll
            )
            if len(answer.outcomes) != len(batch):
                raise ServiceFault(
                    service=self._caller.service, reason="another number of outcomes than asked"
                )
            outcomes.extend(self._sent(one) for one in answer.outcomes)
        return outcomes

    async def receipts(self, *, after: int) -> tuple[list[TextReceipt], int]:
        """See `TextMessages.receipts`."""
        answer = await self._caller.read(method="GET", path=f"/v1/receipts?after={after}", shape=_Receipts)
        return answer.receipts, answer.next_after

    def _sent(self, one: _Sent) -> Refusal | None:
        match one:
            case _Sent(id=str()):
                return None
            case _Sent(problem=_Problem(code=code)) if code == _INVALID_NUMBER:
                return SMS_NUMBER_INVALID()
            case _Sent(problem=_Problem(code=code)):
                return SMS_REFUSED(reason=code)
            case _:
                raise ServiceFault(service=self._caller.service, reason="neither an id nor a reason")


class SmtpMailer:
    """Mail over SMTP. `encrypted`: STARTTLS is demanded; without, it is used where the server offers it."""

    def __init__(self, *, host: str, port: int, sender: str, encrypted: bool) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._encrypted = encrypted

    async def send(self, *, mail: Mail, now: datetime) -> Refusal | None:
        """See `Mailer.send`. Raises `ValueError` for text that can't be a mail: line breaks in address or subject."""
        message = self._composed(mail, now=now)
        try:
            await aiosmtplib.send(
                message,
                hostname=self._host,
                port=self._port,
                start_tls=True if self._encrypted else None,
                timeout=SMTP_SECONDS_MAX,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return _recipient_refused(refused.recipients[0].code)
        except aiosmtplib.SMTPResponseException as refused:
            return _recipient_refused(refused.code)
        except (aiosmtplib.SMTPException, OSError) as failure:
            raise ServiceUnavailable(service="smtp", reason=type(failure).__name__) from None
        return None

    def _composed(self, mail: Mail, *, now: datetime) -> EmailMessage:
        if len(mail.subject) > SUBJECT_LETTERS_MAX or len(mail.text) > TEXT_LETTERS_MAX:
            raise ValueError("a mail's subject or text exceeds its limit")
        message = EmailMessage()
        # The library refuses line breaks in headers: nobody can add a recipient through a subject.
        message["From"] = self._sender
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{mail.key}@{self._sender.rpartition('@')[2].rstrip('>')}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(mail.text)
        return message


def _recipient_refused(code: int) -> Refusal:
    if code in _PERMANENT:
        return MAIL_REFUSED(reply=code)
    raise ServiceUnavailable(service="smtp", reason=f"not now ({code})")
