"""A real SMTP server (RFC 5321) which delivers nothing: every mail ends in the mailbox."""

import asyncio
import hashlib
import logging
from collections.abc import Awaitable, Callable
from email import message_from_bytes, policy
from email.errors import MessageError
from email.message import EmailMessage
from typing import Final

from aiosmtpd.smtp import SMTP, Envelope, Session

from safehand.kernel.clock import Clock
from safehand.sandbox.messages.mailbox import MailStore

MAIL_BYTES_MAX: Final = 262_144
RECIPIENTS_MAX: Final = 50
ADDRESS_LENGTH_MAX: Final = 254
TEXT_LENGTH_MAX: Final = 20_000
SUBJECT_LENGTH_MAX: Final = 300
SILENCE_SECONDS_MAX: Final = 30
MAGIC_ANSWERS: Final = {
    "unknown": "550 5.1.1 No such mailbox: use another address",
    "full": "552 5.2.2 Mailbox full: send again later",
    "later": "451 4.3.0 Not now: send again later",
}
"""By the part before the @: these recipients are refused, the last one only for the time being."""

Listen = Callable[[Callable[[], asyncio.Protocol]], Awaitable[asyncio.Server]]
"""Starts a server at the address that was kept for mail; given by whoever opened the socket."""


class MailDoor:
    """What the SMTP server asks at each step of a mail."""

    def __init__(self, *, store: MailStore, clock: Clock) -> None:
        self._store = store
        self._clock = clock

    async def handle_RCPT(  # noqa: N802 - the server's name for it
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        """One recipient."""
        local, at, domain = address.rpartition("@")
        if (
            not at
            or not local
            or not domain
            or len(address) > ADDRESS_LENGTH_MAX
            or not address.isprintable()
        ):
            return "553 5.1.3 Not an address: write it like name@mail.example"
        if len(envelope.rcpt_tos) >= RECIPIENTS_MAX:
            return f"452 4.5.3 At most {RECIPIENTS_MAX} recipients: send the rest in another mail"
        if (answer := MAGIC_ANSWERS.get(local.lower())) is not None:
            return answer
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(rcpt_options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        """The mail itself."""
        raw = envelope.content or b""
        raw = raw if isinstance(raw, bytes) else raw.encode()
        subject, text = read_mail(raw)
        now = self._clock.now()
        self._store.receive_mail(
            recipients=envelope.rcpt_tos,
            sender=(envelope.mail_from or "")[:ADDRESS_LENGTH_MAX],
            subject=subject,
            text=text,
            basis=f"{hashlib.sha256(raw).hexdigest()}\x1f{now.isoformat()}",
            now=now,
        )
        return "250 2.0.0 Kept in the sandbox's mailbox"


async def serve_mail(*, door: MailDoor, listen: Listen) -> None:
    """Serve until cancelled."""
    # The library writes every recipient down; what is no fault belongs in no log.
    logging.getLogger("mail.log").setLevel(logging.WARNING)
    loop = asyncio.get_running_loop()
    server = await listen(
        lambda: SMTP(
            door,
            data_size_limit=MAIL_BYTES_MAX,
            enable_SMTPUTF8=True,
            hostname="sandbox.example",
            ident="Safehand sandbox",
            timeout=SILENCE_SECONDS_MAX,
            loop=loop,
        )
    )
    async with server:
        await server.serve_forever()


def read_mail(raw: bytes) -> tuple[str, str]:
    """Subject and plain text of a mail; a broken one is shown as it came rather than lost."""
    try:
        mail = message_from_bytes(raw, policy=policy.default)
        subject = str(mail.get("subject", ""))
        body = mail.get_body(preferencelist=("plain", "html")) if isinstance(mail, EmailMessage) else None
        text = str(body.get_content()) if body is not None else ""
    except (MessageError, LookupError, ValueError, TypeError, AttributeError):
        subject, text = "", raw.decode("utf-8", "replace")
    return _storable(subject)[:SUBJECT_LENGTH_MAX], _storable(text)[:TEXT_LENGTH_MAX]


def _storable(text: str) -> str:
    """Plain line ends, and without the half characters of broken mails: SQLite stores whole ones only."""
    return text.replace("\r\n", "\n").encode("utf-8", "replace").decode()
