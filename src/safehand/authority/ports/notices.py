"""The ports for notices: text messages over HTTP, mail over SMTP."""

import re
import ssl
from collections.abc import Sequence
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
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
Encryption = Literal["tls", "starttls", "offered"]
_ADDRESS: Final = re.compile(
    r"[^\s@,;:<>()\[\]\\\"\x00-\x1f\x7f]{1,64}@[^\s@,;:<>()\[\]\\\"\x00-\x1f\x7f]{1,190}"
)
"""One bare address, without quotes, comments, lists or groups (RFC 5322 §3.4 has them all; no applicant needs them)."""
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
    """A mail, as plain text and the same as HTML. `key` becomes its Message-ID: a server that has seen it may drop the second."""

    key: str
    to: str
    subject: str
    text: str
    html: str = ""
    """Empty: plain text only."""
    choices: str = ""
    """Address of the page on which the recipient chooses what comes by mail; told to the mail program (RFC 2369)."""


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


class SmtpLogin(msgspec.Struct, frozen=True, kw_only=True):
    """The house's account at the mail server."""

    user: str
    password: str


class SmtpMailer:
    """Mail over SMTP (RFC 5321), each in a conversation of its own.

    `encryption`: `tls` from the first byte (RFC 8314), `starttls` demanded, or `offered`: where the server offers it, which
    only a sandbox may. `trust`: whose certificates are believed; none: those that the system believes.
    """

    def __init__(
        self,
        *,
        host: str,
        port: int,
        sender: str,
        encryption: Encryption,
        login: SmtpLogin | None = None,
        trust: ssl.SSLContext | None = None,
    ) -> None:
        self._host = host
        self._port = port
        self._sender = sender
        self._encryption: Encryption = encryption
        self._login = login
        self._trust = trust

    async def send(self, *, mail: Mail, now: datetime) -> Refusal | None:
        """See `Mailer.send`. Raises `ValueError` for what can't be one mail to one address: see `_composed`."""
        message = self._composed(mail, now=now)
        user, password = (self._login.user, self._login.password) if self._login is not None else (None, None)
        try:
            await aiosmtplib.send(
                message,
                recipients=[mail.to],
                hostname=self._host,
                port=self._port,
                username=user,
                password=password,
                use_tls=self._encryption == "tls",
                start_tls={"tls": False, "starttls": True, "offered": None}[self._encryption],
                tls_context=self._trust,
                timeout=SMTP_SECONDS_MAX,
            )
        except aiosmtplib.SMTPRecipientsRefused as refused:
            return _recipient_refused(refused.recipients[0].code)
        except aiosmtplib.SMTPDataError as refused:
            return _recipient_refused(refused.code)
        except (aiosmtplib.SMTPException, OSError) as failure:
            # Also a sender or a login that the server does not know: that is ours to mend, and no fault of the recipient's.
            raise ServiceUnavailable(service="smtp", reason=type(failure).__name__) from None
        return None

    def _composed(self, mail: Mail, *, now: datetime) -> EmailMessage:
        """Raises `ValueError` for text beyond its limit, line breaks in a header, or an address that is not just one."""
        if len(mail.subject) > SUBJECT_LETTERS_MAX or len(mail.text) > TEXT_LETTERS_MAX:
            raise ValueError("a mail's subject or text exceeds its limit")
        if _ADDRESS.fullmatch(mail.to) is None:
            raise ValueError("this is not one mail address")
        # The library refuses line breaks in headers: nobody can add a recipient through a subject.
        message = EmailMessage(policy=SMTP)
        message["From"] = self._sender
        message["To"] = mail.to
        message["Subject"] = mail.subject
        message["Date"] = format_datetime(now)
        message["Message-ID"] = f"<{mail.key}@{self._sender.rpartition('@')[2].rstrip('>')}>"
        message["Auto-Submitted"] = "auto-generated"
        if mail.choices:
            message["List-Unsubscribe"] = f"<{mail.choices}>"
        message.set_content(mail.text)
        if mail.html:
            message.add_alternative(mail.html, subtype="html")
        return message


def _recipient_refused(code: int) -> Refusal:
    if code in _PERMANENT:
        return MAIL_REFUSED(reply=code)
    raise ServiceUnavailable(service="smtp", reason=f"not now ({code})")
