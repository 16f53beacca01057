"""The message service's messages, as they stand on the wire."""

from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from safehand.sandbox.web import BATCH_ITEMS_MAX, Problem

Key = Annotated[str, Meta(min_length=1, max_length=120, pattern=r"^[A-Za-z0-9_.:#/-]+$")]
Kind = Literal["sms", "email"]
ReceiptState = Literal["delivered", "failed"]


class Frozen(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A message with these fields and no others."""


class NewSms(Frozen, frozen=True, kw_only=True):
    """A text message; the same key with the same content is sent once."""

    key: Key
    to: Annotated[str, Meta(min_length=1, max_length=30)]
    text: Annotated[str, Meta(min_length=1, max_length=1_000)]


class SmsBatch(Frozen, frozen=True, kw_only=True):
    """Up to 500 text messages; each stands for itself."""

    messages: Annotated[list[NewSms], Meta(min_length=1, max_length=BATCH_ITEMS_MAX)]


class SmsAnswer(Frozen, frozen=True, kw_only=True):
    """One item of an answer: the message's id and how many parts it was sent in, or why not."""

    key: str
    id: str | None = None
    parts: int = 0
    problem: Problem | None = None


class Receipt(Frozen, frozen=True, kw_only=True):
    """What became of a text message at the recipient's phone."""

    number: int
    id: str
    key: str
    state: ReceiptState
    reason: Literal["", "unreachable"]
    at: datetime


class Receipts(Frozen, frozen=True, kw_only=True):
    """Receipts after a number; ask on from the last one's."""

    receipts: list[Receipt]
    next_after: int


class Delivered(Frozen, frozen=True, kw_only=True):
    """A message in the mailbox, whole: for tests and scripted worlds."""

    number: int
    id: str
    kind: Kind
    to: str
    sender: str
    subject: str
    text: str
    at: datetime


class Mailbox(Frozen, frozen=True, kw_only=True):
    """Messages after a number, oldest first; ask on from the last one's."""

    messages: list[Delivered]
    next_after: int
