"""The mailer against real SMTP servers: encrypted where that is asked for, one recipient, nothing foreign in a header."""

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from safehand.authority.notices.building import build_mailer
from safehand.authority.ports.calling import ServiceUnavailable
from safehand.authority.ports.notices import Encryption, Mail, SmtpLogin, SmtpMailer
from safehand.house.settings import Keys, Settings
from safehand.kernel.outcome import Refusal

NOW = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
SENDER = "Safehand <no-reply@authority.example>"
CHOICES = "https://authority.example/cases/310000/ca_a/messages"
MAIL = Mail(
    key="notice-7",
    to="applicant@mail.example",
    subject="【证达】申请已收到",
    text="王**，您好：\n\n申请已收到。",
    html='<!doctype html>\n<html lang="zh-CN"><body><p>王**，您好：</p></body></html>\n',
    choices=CHOICES,
)


class Kept:
    """A mail server's inside that keeps what came."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []
        self.recipients: list[list[str]] = []
        self.encrypted: list[bool] = []

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        mail = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(mail, EmailMessage)
        self.mails.append(mail)
        self.recipients.append(list(envelope.rcpt_tos))
        self.encrypted.append(session.ssl is not None)
        return "250 OK"


def certificate(folder: Path) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """The server's certificate for this machine, and a client that believes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(datetime(2020, 1, 1, tzinfo=UTC))
        .not_valid_after(datetime(2020, 1, 1, tzinfo=UTC) + timedelta(days=36_500))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False
        )
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    pem.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + made.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cadata=made.public_bytes(serialization.Encoding.PEM).decode())
    return server, client


@asynccontextmanager
async def serving(
    kept: Kept, *, starttls: ssl.SSLContext | None = None, tls: ssl.SSLContext | None = None, **more: Any
) -> AsyncIterator[int]:
    """A mail server of the library on a free port; yields the port."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(kept, tls_context=starttls, hostname="mail.example", loop=loop, **more),
        "127.0.0.1",
        0,
        ssl=tls,
    )
    async with server:
        yield server.sockets[0].getsockname()[1]


def mailer(port: int, encryption: Encryption = "offered", **more: Any) -> SmtpMailer:
    return SmtpMailer(host="127.0.0.1", port=port, sender=SENDER, encryption=encryption, **more)


def test_a_mail_says_the_same_as_text_and_as_a_page_and_where_to_choose(run):
    async def scene():
        kept = Kept()
        async with serving(kept) as port:
            assert await mailer(port).send(mail=MAIL, now=NOW) is None
        [mail] = kept.mails
        assert kept.recipients == [["applicant@mail.example"]]
        assert mail["To"] == "applicant@mail.example"
        assert mail["From"] == SENDER
        assert mail["Subject"] == MAIL.subject
        assert mail["Message-ID"] == "<notice-7@authority.example>"
        assert mail["Auto-Submitted"] == "auto-generated"
        assert mail["List-Unsubscribe"] == f"<{CHOICES}>"
        plain, page = mail.get_body(("plain",)), mail.get_body(("html",))
        assert plain is not None
        assert page is not None
        assert plain.get_content().replace("\r\n", "\n").strip() == MAIL.text
        assert page.get_content().replace("\r\n", "\n").strip() == MAIL.html.strip()
        assert mail.get_content_type() == "multipart/alternative"

    run(scene())


@pytest.mark.parametrize("way", ["tls", "starttls"])
def test_mail_is_encrypted_by_either_way(run, tmp_path, way):
    server, client = certificate(tmp_path)

    async def scene():
        kept = Kept()
        async with serving(kept, **{way: server}) as port:
            assert await mailer(port, way, trust=client).send(mail=MAIL, now=NOW) is None
            # A server whose certificate nobody vouches for gets nothing.
            with pytest.raises(ServiceUnavailable):
                await mailer(port, way).send(mail=MAIL, now=NOW)
        assert len(kept.mails) == 1
        assert kept.encrypted == [
            way == "starttls"
        ]  # what `tls` encrypted, the server's inside sees in plain

    run(scene())


def test_a_server_without_encryption_gets_nothing_where_encryption_is_demanded(run):
    async def scene():
        kept = Kept()
        async with serving(kept) as port:
            with pytest.raises(ServiceUnavailable):
                await mailer(port, "starttls").send(mail=MAIL, now=NOW)
        assert kept.mails == []

    run(scene())


@pytest.mark.parametrize(("password", "taken"), [("right", True), ("wrong", False)])
def test_the_house_signs_in_at_the_mail_server_and_a_wrong_password_is_no_fault_of_the_recipient(
    run, tmp_path, password, taken
):
    server, client = certificate(tmp_path)

    def known(smtp: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        return AuthResult(success=(data.login, data.password) == (b"house", b"right"), handled=False)

    async def scene():
        kept = Kept()
        login = SmtpLogin(user="house", password=password)
        async with serving(kept, starttls=server, authenticator=known, auth_required=True) as port:
            post = mailer(port, "starttls", trust=client, login=login)
            if taken:
                assert await post.send(mail=MAIL, now=NOW) is None
            else:
                with pytest.raises(ServiceUnavailable) as refused:
                    await post.send(mail=MAIL, now=NOW)
                assert refused.value.reason == "SMTPAuthenticationError", "operators read what is wrong"
        assert len(kept.mails) == int(taken)

    run(scene())


@pytest.mark.parametrize(
    "to",
    [
        "a@mail.example,b@mail.example",
        "a@mail.example b@mail.example",
        "a@mail.example>,<b@mail.example",
        "Somebody <a@mail.example>",
        "friends:a@mail.example;",
        '"a@b"@mail.example',
        "a@mail.example\r\nBcc: b@mail.example",
        "a(comment)@mail.example",
        "a@@mail.example",
        "a@mail.example\x00",
        "@mail.example",
        "",
    ],
)
def test_an_address_is_one_address(run, to):
    async def scene():
        kept = Kept()
        async with serving(kept) as port:
            with pytest.raises(ValueError):
                await mailer(port).send(mail=msgspec.structs.replace(MAIL, to=to), now=NOW)
        assert kept.mails == []

    run(scene())


@pytest.mark.parametrize("field", ["subject", "choices", "key"])
def test_nothing_adds_a_header(run, field):
    foreign = {field: getattr(MAIL, field) + "\r\nBcc: b@mail.example"}

    async def scene():
        kept = Kept()
        async with serving(kept) as port:
            with pytest.raises(ValueError):
                await mailer(port).send(mail=msgspec.structs.replace(MAIL, **foreign), now=NOW)
        assert kept.mails == []

    run(scene())


def test_what_the_server_says_of_the_recipient_is_told_apart_from_what_it_says_of_us(run):
    class Refusing(Kept):
        async def handle_RCPT(self, *asked: Any) -> str:  # noqa: N802
            return "550 5.1.1 No such mailbox"

    class Full(Kept):
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
            return "554 5.6.0 Not taken"

    class Sender(Kept):
        async def handle_MAIL(self, *asked: Any) -> str:  # noqa: N802
            return "550 5.7.1 You may not send from this address"

    async def scene():
        for kept, reply in ((Refusing(), 550), (Full(), 554)):
            async with serving(kept) as port:
                outcome = await mailer(port).send(mail=MAIL, now=NOW)
            assert isinstance(outcome, Refusal)
            assert (outcome.code, outcome.facts["reply"]) == ("notices.mail_refused", reply)
        async with serving(Sender()) as port:
            with pytest.raises(ServiceUnavailable):
                await mailer(port).send(mail=MAIL, now=NOW)

    run(scene())


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("smtps://mail.example", ("tls", 465)),
        ("smtps://mail.example:8465", ("tls", 8465)),
        ("smtp+tls://mail.example", ("starttls", 587)),
        ("smtp://mail.example", ("offered", 25)),
    ],
)
def test_the_address_of_the_mail_server_says_how_it_is_encrypted(address, expected):
    nowhere = Path("/nonexistent")
    keys = Keys(
        key_id="a-1", signing=nowhere, sealing=nowhere, vault_wrapping=nowhere, vault_blinding=nowhere
    )
    settings = Settings(
        name="authority",
        mode="development",
        database="postgresql://a/b",
        keys=keys,
        services={"smtp": address},
    )
    built = build_mailer(settings)
    assert built is not None
    assert (built._encryption, built._port) == expected
    assert build_mailer(msgspec.structs.replace(settings, mode="rehearsal")) is None
    assert build_mailer(msgspec.structs.replace(settings, services={})) is None
