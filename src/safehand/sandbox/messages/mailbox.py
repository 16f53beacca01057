"""The mailbox: text messages and mails as they arrived, the newest so many, and the receipts of the gateway."""

import hashlib
import hmac
import re
import sqlite3
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from safehand.kernel.ids import Ids, readable
from safehand.kernel.masking import masked_email, masked_phone
from safehand.kernel.outcome import Refusal
from safehand.sandbox.messages import refusals
from safehand.sandbox.messages.wire import Delivered, Kind, NewSms, Receipt
from safehand.sandbox.moments import moment, stamp
from safehand.sandbox.refusals import KEY_WITH_OTHER_BODY
from safehand.sandbox.storage import Storage, content_hash

MAGIC_ENDINGS: Final = {
    "9901": "invalid",
    "9902": "full",
    "9903": "late_receipt",
    "9904": "unreachable",
    "9905": "at_the_third",
}
"""Last four digits of a number that begins with 1990000, so that no other number has magic."""
MAGIC_START: Final = "1990000"
LATE_RECEIPT_SECONDS: Final = 300
TRIES_IN_VAIN: Final = 2
"""So many messages to the number that is reached at the third do not arrive."""
RECEIPTS_KEPT_MAX: Final = 200_000
KEYS_KEPT_MAX: Final = 1_000_000
RECEIPTS_AT_ONCE_MAX: Final = 10_000
ONE_PART_LETTERS: Final = 70
FURTHER_PART_LETTERS: Final = 67
"""A part of a Chinese text message has 70 UCS-2 letters, or 67 when there are several (GSM 03.38, 03.40)."""
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_SCHEMA: Final = """
create table if not exists message (
    number integer primary key autoincrement, id text not null unique, kind text not null, box text not null,
    address text not null, sender text not null, subject text not null, text text not null, at integer not null
) strict;
create index if not exists message_box on message (box, number);
create index if not exists message_address on message (address, number);
create table if not exists accepted (
    number integer primary key autoincrement, key text not null unique, content_hash blob not null, id text not null
) strict;
create table if not exists tried (number integer primary key autoincrement, address text not null) strict;
create index if not exists tried_address on tried (address);
create table if not exists receipt_to_come (
    due_at integer not null, id text not null, key text not null, state text not null, reason text not null
) strict;
create index if not exists receipt_due on receipt_to_come (due_at);
create table if not exists receipt (
    number integer primary key autoincrement, id text not null, key text not null, state text not null,
    reason text not null, at integer not null
) strict;
"""


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """A message on a page: its recipient is masked; `box` names the recipient without telling who it is."""

    number: int
    kind: Kind
    masked: str
    box: str
    sender: str
    subject: str
    text: str
    at: datetime


class MailStore:
    """Everything that was sent, newest `messages_max` kept."""

    def __init__(self, *, file: Path, ids: Ids, box_key: bytes, messages_max: int) -> None:
        self._storage = Storage(file=file, schema=_SCHEMA)
        self._ids = ids
        self._box_key = box_key
        self._messages_max = messages_max

    def close(self) -> None:
        """Close the file."""
        self._storage.close()

    def send(self, items: Sequence[NewSms], *, now: datetime) -> list[tuple[str, int] | Refusal]:
        """Take text messages: (id, parts) each, or why not; the same key is taken once."""
        with self._storage.transaction() as writing:
            outcomes = [self._send_one(writing, item, now=now) for item in items]
            self._trim(writing)
        return outcomes

    def receive_mail(
        self, *, recipients: Sequence[str], sender: str, subject: str, text: str, basis: str, now: datetime
    ) -> None:
        """Put a mail into each recipient's box."""
        with self._storage.transaction() as writing:
            for place, recipient in enumerate(recipients):
                self._put(
                    writing,
                    message_id=self._ids.new(prefix="eml", basis=f"mail\x1f{basis}\x1f{place}"),
                    kind="email",
                    address=recipient,
                    sender=sender,
                    subject=subject,
                    text=text,
                    now=now,
                )
            self._trim(writing)

    def receipts(self, *, after: int, receipts_max: int, now: datetime) -> list[Receipt]:
        """Receipts after a number, in the order they became known."""
        with self._storage.transaction() as writing:
            self._release_receipts(writing, now=now)
            rows = writing.execute(
                "select * from receipt where number > ? order by number limit ?", (after, receipts_max)
            ).fetchall()
        return [
            msgspec.convert({**{name: row[name] for name in row.keys()}, "at": moment(row["at"])}, Receipt)  # noqa: SIM118 - a Row iterates its values
            for row in rows
        ]

    def delivered(self, *, address: str | None, after: int, messages_max: int) -> list[Delivered]:
        """Messages after a number, oldest first, of one address or of all."""
        condition, values = ("address = ? and ", [address]) if address else ("", [])
        rows = self._storage.reading.execute(
            f"select * from message where {condition}number > ? order by number limit ?",  # noqa: S608 - fixed text
            [*values, after, messages_max],
        )
        return [
            Delivered(
                number=row["number"],
                id=row["id"],
                kind=row["kind"],
                to=row["address"],
                sender=row["sender"],
                subject=row["subject"],
                text=row["text"],
                at=moment(row["at"]),
            )
            for row in rows
        ]

    def newest(self, *, box: str | None, before: int | None, messages_max: int) -> list[Shown]:
        """Messages for a page, newest first, of one recipient or of all."""
        conditions: list[str] = ["1 = 1"]
        values: list[object] = []
        if box is not None:
            conditions.append("box = ?")
            values.append(box)
        if before is not None:
            conditions.append("number < ?")
            values.append(before)
        rows = self._storage.reading.execute(
            f"select * from message where {' and '.join(conditions)} order by number desc limit ?",  # noqa: S608 - fixed texts
            [*values, messages_max],
        )
        return [
            Shown(
                number=row["number"],
                kind=row["kind"],
                masked=masked_phone(row["address"]) if row["kind"] == "sms" else masked_email(row["address"]),
                box=row["box"],
                sender=row["sender"],
                subject=row["subject"],
                text=row["text"],
                at=moment(row["at"]),
            )
            for row in rows
        ]

    def _send_one(
        self, writing: sqlite3.Connection, item: NewSms, *, now: datetime
    ) -> tuple[str, int] | Refusal:
        hashed = content_hash(item)
        known = writing.execute("select content_hash, id from accepted where key = ?", (item.key,)).fetchone()
        if known is not None:
            return (
                (known["id"], parts_of(item.text))
                if known["content_hash"] == hashed
                else KEY_WITH_OTHER_BODY()
            )
        magic = MAGIC_ENDINGS.get(item.to[-4:]) if item.to.startswith(MAGIC_START) else None
        if not _MOBILE.fullmatch(item.to) or magic == "invalid":
            return refusals.INVALID_NUMBER()
        if magic == "full":
            return refusals.BOX_FULL()
        message_id = self._ids.new(prefix="sms", basis=f"sms\x1f{item.key}")
        if magic == "at_the_third":
            magic = "unreachable" if self._sent_to(writing, item.to) < TRIES_IN_VAIN else None
        if magic != "unreachable":
            self._put(
                writing,
                message_id=message_id,
                kind="sms",
                address=item.to,
                sender="",
                subject="",
                text=item.text,
                now=now,
            )
        writing.execute(
            "insert into accepted (key, content_hash, id) values (?, ?, ?)", (item.key, hashed, message_id)
        )
        if item.to.startswith(MAGIC_START):
            writing.execute("insert into tried (address) values (?)", (item.to,))
        state, reason = ("failed", "unreachable") if magic == "unreachable" else ("delivered", "")
        delay = LATE_RECEIPT_SECONDS if magic == "late_receipt" else 0
        writing.execute(
            "insert into receipt_to_come (due_at, id, key, state, reason) values (?, ?, ?, ?, ?)",
            (stamp(now + timedelta(seconds=delay)), message_id, item.key, state, reason),
        )
        return message_id, parts_of(item.text)

    def _sent_to(self, writing: sqlite3.Connection, address: str) -> int:
        return writing.execute("select count(*) from tried where address = ?", (address,)).fetchone()[0]

    def _put(
        self,
        writing: sqlite3.Connection,
        *,
        message_id: str,
        kind: Kind,
        address: str,
        sender: str,
        subject: str,
        text: str,
        now: datetime,
    ) -> None:
        writing.execute(
            "insert into message (id, kind, box, address, sender, subject, text, at) values (?, ?, ?, ?, ?, ?, ?, ?)",
            (message_id, kind, self._box_of(address), address, sender, subject, text, stamp(now)),
        )

    def _box_of(self, address: str) -> str:
        return readable(hmac.digest(self._box_key, address.lower().encode(), hashlib.sha256)[:10])

    def _release_receipts(self, writing: sqlite3.Connection, *, now: datetime) -> None:
        """Receipts get their number when they become known: a late one is never slipped in behind a reader's place."""
        due = writing.execute(
            "select rowid, * from receipt_to_come where due_at <= ? order by due_at, rowid limit ?",
            (stamp(now), RECEIPTS_AT_ONCE_MAX),
        ).fetchall()
        writing.executemany(
            "insert into receipt (id, key, state, reason, at) values (?, ?, ?, ?, ?)",
            [(row["id"], row["key"], row["state"], row["reason"], row["due_at"]) for row in due],
        )
        writing.executemany("delete from receipt_to_come where rowid = ?", [(row["rowid"],) for row in due])

    def _trim(self, writing: sqlite3.Connection) -> None:
        """Keep the newest of everything: a sandbox may run for months."""
        for table, kept in (
            ("message", self._messages_max),
            ("receipt", RECEIPTS_KEPT_MAX),
            ("accepted", KEYS_KEPT_MAX),
            ("tried", KEYS_KEPT_MAX),
            ("receipt_to_come", RECEIPTS_KEPT_MAX),
        ):
            column = "rowid" if table == "receipt_to_come" else "number"
            writing.execute(
                f"delete from {table} where {column} <= (select max({column}) from {table}) - ?",  # noqa: S608 - fixed names
                (kept,),
            )


def parts_of(text: str) -> int:
    """In how many parts a text is sent."""
    letters = len(text.encode("utf-16-le")) // 2
    return 1 if letters <= ONE_PART_LETTERS else -(-letters // FURTHER_PART_LETTERS)
