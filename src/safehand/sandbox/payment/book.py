"""The payment service's books: payments, refunds, statement lines and waiting callbacks, one transaction per batch."""

import sqlite3
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from safehand.kernel.ids import Ids
from safehand.kernel.outcome import Refusal
from safehand.sandbox.moments import beijing_day, moment, stamp
from safehand.sandbox.payment import refusals
from safehand.sandbox.payment.magic import first_state, outcome_of, refund_state, settled_state
from safehand.sandbox.payment.wire import (
    CallbackEvent,
    NewPayment,
    NewRefund,
    Outcome,
    Payment,
    Refund,
    Statement,
    StatementLine,
)
from safehand.sandbox.refusals import BUSY, KEY_WITH_OTHER_BODY
from safehand.sandbox.storage import Storage, content_hash, marks
from safehand.sandbox.web import Refused

PENDING_SECONDS: Final = 60
"""How long a pending payment pends."""
CALLBACKS_WAITING_MAX: Final = 200_000
GIVEN_UP_KEPT_MAX: Final = 10_000
SETTLED_AT_ONCE_MAX: Final = 1_000
SETTLE_ROUNDS_MAX: Final = 10_000
CALLBACK_DELAYS_SECONDS: Final = (0, 5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400)
"""When a callback is tried, counted from the try before (schedule of Standard Webhooks 1.0)."""

_SCHEMA: Final = """
create table if not exists payment (
    id text primary key, key text not null unique, content_hash blob not null, order_ref text not null,
    amount_fen integer not null, refunded_fen integer not null default 0, state text not null, outcome text,
    return_url text not null, quiet integer not null, created_at integer not null, settled_at integer, due_at integer,
    check (refunded_fen between 0 and amount_fen)
) strict;
create index if not exists payment_due on payment (due_at) where due_at is not null;
create table if not exists refund (
    id text primary key, key text not null unique, content_hash blob not null,
    payment_id text not null references payment (id), amount_fen integer not null, state text not null,
    created_at integer not null
) strict;
create table if not exists statement_line (
    number integer primary key autoincrement, day text not null, at integer not null, kind text not null, id text not null,
    key text not null, payment_id text not null, order_ref text not null, amount_fen integer not null
) strict;
create index if not exists statement_day on statement_line (day, number);
create table if not exists callback (
    number integer primary key autoincrement, message_id text not null, body blob not null, state text not null,
    tries integer not null default 0, next_at integer not null, last_answer text not null default ''
) strict;
create index if not exists callback_open on callback (next_at) where state = 'waiting';
"""


class Callback(msgspec.Struct, frozen=True, kw_only=True):
    """A callback that is due: try it and tell the book what came of it."""

    number: int
    message_id: str
    body: bytes
    tries: int


class CallbackResult(msgspec.Struct, frozen=True, kw_only=True):
    """What a try came to: `delivered`, or the HTTP status or failure in words."""

    callback: Callback
    delivered: bool
    answer: str


class PaymentBook:
    """All money of the sandbox. Amounts in fen, moments aware; nothing is refunded that wasn't paid."""

    def __init__(self, *, file: Path, ids: Ids, base_url: str, with_callbacks: bool) -> None:
        self._storage = Storage(file=file, schema=_SCHEMA)
        self._ids = ids
        self._base_url = base_url
        self._with_callbacks = with_callbacks
        with self._storage.transaction() as writing:
            # A merchant's 410 stops callbacks until the next start.
            writing.execute("update callback set state = 'waiting' where state = 'stopped'")
        self.stopped = False

    def close(self) -> None:
        """Close the file."""
        self._storage.close()

    def create(
        self, items: Sequence[NewPayment], *, pay: bool, quiet: bool, now: datetime
    ) -> tuple[list[Payment | Refusal], list[str]]:
        """Create payments, with `pay` paid at once; answers one outcome each, and the keys that are new.

        A key that is known answers as it did, or is refused when its content differs.
        """
        outcomes: list[Payment | Refusal] = []
        new: list[str] = []
        with self._storage.transaction() as writing:
            self._settle_due(writing, now=now)
            self._require_room(writing)
            for item in items:
                hashed = content_hash(item)
                row = writing.execute("select * from payment where key = ?", (item.key,)).fetchone()
                if row is not None and row["content_hash"] != hashed:
                    outcomes.append(KEY_WITH_OTHER_BODY())
                    continue
                if row is None:
                    row = self._insert(writing, item, hashed=hashed, quiet=quiet, now=now)
                    new.append(item.key)
                if pay and row["state"] == "open":
                    row = self._act(writing, row, chosen=item.outcome, now=now)
                outcomes.append(self._payment(row))
        return outcomes, new

    def pay(
        self, *, payment_id: str, chosen: Outcome | None, now: datetime
    ) -> tuple[Payment | Refusal, bool]:
        """The payer's act, and whether it was this call that did it. A second act of the payer changes nothing."""
        with self._storage.transaction() as writing:
            self._settle_due(writing, now=now)
            row = writing.execute("select * from payment where id = ?", (payment_id,)).fetchone()
            if row is None:
                return refusals.UNKNOWN_PAYMENT(), False
            match row["state"]:
                case "open":
                    return self._payment(self._act(writing, row, chosen=chosen, now=now)), True
                case "paid" | "pending":
                    return self._payment(row), False
                case state:
                    return refusals.NOT_OPEN(state=state), False

    def act_all(self, *, keys: Sequence[str], now: datetime) -> list[Payment | Refusal]:
        """The payers' acts on the payments of these keys; a second act changes nothing."""
        with self._storage.transaction() as writing:
            self._settle_due(writing, now=now)
            rows = writing.execute(f"select * from payment where key in ({marks(len(keys))})", list(keys))  # noqa: S608 - marks only
            found = {row["key"]: row for row in rows.fetchall()}
            acted = {
                key: self._payment(
                    self._act(writing, row, chosen=None, now=now) if row["state"] == "open" else row
                )
                for key, row in found.items()
            }
        return [acted.get(key) or refusals.UNKNOWN_PAYMENT() for key in keys]

    def payment(self, *, payment_id: str, now: datetime) -> tuple[Payment, str] | Refusal:
        """One payment and its return address."""
        with self._storage.transaction() as writing:
            self._settle_due(writing, now=now)
            row = writing.execute("select * from payment where id = ?", (payment_id,)).fetchone()
        if row is None:
            return refusals.UNKNOWN_PAYMENT()
        return self._payment(row), row["return_url"]

    def status(self, *, keys: Sequence[str], now: datetime) -> list[Payment | Refusal]:
        """The payments of these keys, in their order."""
        with self._storage.transaction() as writing:
            self._settle_due(writing, now=now)
            rows = writing.execute(f"select * from payment where key in ({marks(len(keys))})", list(keys))  # noqa: S608 - marks only
            found = {row["key"]: self._payment(row) for row in rows}
        return [found.get(key) or refusals.UNKNOWN_PAYMENT() for key in keys]

    def refund(self, items: Sequence[NewRefund], *, now: datetime) -> list[Refund | Refusal]:
        """Give money back; one outcome each, idempotent by key, never more than was paid."""
        with self._storage.transaction() as writing:
            self._settle_due(writing, now=now)
            self._require_room(writing)
            return [self._refund_one(writing, item, now=now) for item in items]

    def statement(
        self, *, day: date, after: int, lines_max: int, now: datetime, open_too: bool
    ) -> Statement | Refusal:
        """The lines of a day (Beijing time) after a line number, and the day's totals."""
        closed = beijing_day(now) > day
        if not closed and not open_too:
            return refusals.NO_STATEMENT_YET(day=day.isoformat())
        with self._storage.transaction() as writing:
            self._settle_due(writing, now=now)
            rows = writing.execute(
                "select * from statement_line where day = ? and number > ? order by number limit ?",
                (day.isoformat(), after, lines_max + 1),
            ).fetchall()
            totals = {
                row["kind"]: (row["lines"], row["fen"])
                for row in writing.execute(
                    "select kind, count(*) as lines, sum(amount_fen) as fen from statement_line where day = ? group by kind",
                    (day.isoformat(),),
                )
            }
        lines = [_line_of(row) for row in rows[:lines_max]]
        payments, payments_fen = totals.get("payment", (0, 0))
        refunds, refunds_fen = totals.get("refund", (0, 0))
        return Statement(
            day=day.isoformat(),
            closed=closed,
            payments=payments,
            payments_fen=payments_fen,
            refunds=refunds,
            refunds_fen=refunds_fen,
            lines=lines,
            next_after=lines[-1].number if len(rows) > lines_max else None,
        )

    def due_callbacks(self, *, now: datetime, callbacks_max: int) -> list[Callback]:
        """The callbacks to try now, oldest first. Pending payments whose time has come are settled on the way."""
        with self._storage.transaction() as writing:
            self._settle_due(writing, now=now)
            rows = writing.execute(
                "select number, message_id, body, tries from callback"
                " where state = 'waiting' and next_at <= ? order by next_at, number limit ?",
                (stamp(now), callbacks_max),
            ).fetchall()
        return [msgspec.convert(dict(row), Callback) for row in rows]

    def record_callbacks(self, results: Sequence[CallbackResult], *, now: datetime) -> None:
        """What the tries came to: delivered ones go, others wait for their next try or are given up."""
        with self._storage.transaction() as writing:
            for result in results:
                callback = result.callback
                if result.delivered:
                    writing.execute("delete from callback where number = ?", (callback.number,))
                    continue
                tries = callback.tries + 1
                over = tries >= len(CALLBACK_DELAYS_SECONDS)
                delay = 0 if over else CALLBACK_DELAYS_SECONDS[tries]
                writing.execute(
                    "update callback set tries = ?, state = ?, next_at = ?, last_answer = ? where number = ?",
                    (
                        tries,
                        "given_up" if over else "waiting",
                        stamp(now + timedelta(seconds=delay)),
                        result.answer[:200],
                        callback.number,
                    ),
                )
            writing.execute(
                "delete from callback where state = 'given_up' and number <= (select number from callback"
                " where state = 'given_up' order by number desc limit 1 offset ?)",
                (GIVEN_UP_KEPT_MAX,),
            )

    def stop_callbacks(self) -> None:
        """The merchant said 410 (gone): nothing more is sent until the service starts again."""
        self.stopped = True
        with self._storage.transaction() as writing:
            writing.execute("update callback set state = 'stopped' where state = 'waiting'")

    def next_moment(self) -> datetime | None:
        """When the next callback or pending payment is due; None when nothing waits."""
        row = self._storage.reading.execute(
            "select min(due) from (select min(next_at) as due from callback where state = 'waiting'"
            " union all select min(due_at) from payment where due_at is not null)"
        ).fetchone()
        return None if row[0] is None else moment(row[0])

    def callback_counts(self) -> dict[str, int]:
        """How many callbacks are waiting, stopped and given up."""
        rows = self._storage.reading.execute("select state, count(*) from callback group by state")
        return {"waiting": 0, "stopped": 0, "given_up": 0} | {row[0]: row[1] for row in rows}

    def _insert(
        self, writing: sqlite3.Connection, item: NewPayment, *, hashed: bytes, quiet: bool, now: datetime
    ) -> sqlite3.Row:
        return writing.execute(
            "insert into payment (id, key, content_hash, order_ref, amount_fen, state, outcome, return_url, quiet, created_at)"
            " values (?, ?, ?, ?, ?, 'open', ?, ?, ?, ?) returning *",
            (
                self._ids.new(prefix="pay", basis=f"payment\x1f{item.key}"),
                item.key,
                hashed,
                item.order_ref,
                item.amount_fen,
                item.outcome,
                item.return_url,
                int(quiet),
                stamp(now),
            ),
        ).fetchone()

    def _act(
        self, writing: sqlite3.Connection, row: sqlite3.Row, *, chosen: Outcome | None, now: datetime
    ) -> sqlite3.Row:
        outcome = outcome_of(chosen=chosen, order_ref=row["order_ref"], amount_fen=row["amount_fen"])
        state = first_state(outcome)
        pending = state == "pending"
        row = writing.execute(
            "update payment set state = ?, outcome = ?, settled_at = ?, due_at = ? where id = ? returning *",
            (
                state,
                outcome,
                None if pending else stamp(now),
                stamp(now + timedelta(seconds=PENDING_SECONDS)) if pending else None,
                row["id"],
            ),
        ).fetchone()
        self._settled(writing, row, at=now, copies=2 if outcome == "duplicate_callback" else 1)
        return row

    def _settle_due(self, writing: sqlite3.Connection, *, now: datetime) -> None:
        """End the pending payments whose time has come, dated when it came: a closed statement never changes."""
        for _ in range(SETTLE_ROUNDS_MAX):
            due = writing.execute(
                "select id, outcome, due_at from payment where due_at <= ? order by due_at limit ?",
                (stamp(now), SETTLED_AT_ONCE_MAX),
            ).fetchall()
            for found in due:
                row = writing.execute(
                    "update payment set state = ?, settled_at = due_at, due_at = null where id = ? returning *",
                    (settled_state(found["outcome"]), found["id"]),
                ).fetchone()
                self._settled(writing, row, at=moment(found["due_at"]), copies=1)
            if len(due) < SETTLED_AT_ONCE_MAX:
                return

    def _settled(self, writing: sqlite3.Connection, row: sqlite3.Row, *, at: datetime, copies: int) -> None:
        if row["state"] == "paid":
            self._line(
                writing, row, kind="payment", line_id=row["id"], key=row["key"], fen=row["amount_fen"], at=at
            )
        if not row["quiet"]:
            self._tell(writing, row, kind=f"payment.{row['state']}", key=row["key"], at=at, copies=copies)

    def _line(
        self,
        writing: sqlite3.Connection,
        row: sqlite3.Row,
        *,
        kind: str,
        line_id: str,
        key: str,
        fen: int,
        at: datetime,
    ) -> None:
        writing.execute(
            "insert into statement_line (day, at, kind, id, key, payment_id, order_ref, amount_fen)"
            " values (?, ?, ?, ?, ?, ?, ?, ?)",
            (beijing_day(at).isoformat(), stamp(at), kind, line_id, key, row["id"], row["order_ref"], fen),
        )

    def _tell(
        self, writing: sqlite3.Connection, row: sqlite3.Row, *, kind: str, key: str, at: datetime, copies: int
    ) -> None:
        if not self._with_callbacks:
            return
        event = msgspec.convert(
            {
                "type": kind,
                "timestamp": at,
                "payment_id": row["id"],
                "key": key,
                "order_ref": row["order_ref"],
            },
            CallbackEvent,
        )
        message_id = self._ids.new(prefix="msg", basis=f"callback\x1f{kind}\x1f{key}")
        state = "stopped" if self.stopped else "waiting"
        for _ in range(copies):
            writing.execute(
                "insert into callback (message_id, body, state, next_at) values (?, ?, ?, ?)",
                (message_id, msgspec.json.encode(event), state, stamp(at)),
            )

    def _refund_one(self, writing: sqlite3.Connection, item: NewRefund, *, now: datetime) -> Refund | Refusal:
        hashed = content_hash(item)
        known = writing.execute("select * from refund where key = ?", (item.key,)).fetchone()
        if known is not None:
            return _refund(known) if known["content_hash"] == hashed else KEY_WITH_OTHER_BODY()
        payment = writing.execute("select * from payment where id = ?", (item.payment_id,)).fetchone()
        if payment is None:
            return refusals.UNKNOWN_PAYMENT()
        if payment["state"] != "paid":
            return refusals.NOT_PAID(state=payment["state"])
        left_fen = payment["amount_fen"] - payment["refunded_fen"]
        if item.amount_fen > left_fen:
            return refusals.REFUND_EXCEEDS_PAID(refund_fen=item.amount_fen, left_fen=left_fen)
        state = refund_state(payment["order_ref"])
        row = writing.execute(
            "insert into refund (id, key, content_hash, payment_id, amount_fen, state, created_at)"
            " values (?, ?, ?, ?, ?, ?, ?) returning *",
            (
                self._ids.new(prefix="ref", basis=f"refund\x1f{item.key}"),
                item.key,
                hashed,
                item.payment_id,
                item.amount_fen,
                state,
                stamp(now),
            ),
        ).fetchone()
        if state == "refunded":
            writing.execute(
                "update payment set refunded_fen = refunded_fen + ? where id = ?",
                (item.amount_fen, payment["id"]),
            )
            self._line(
                writing, payment, kind="refund", line_id=row["id"], key=item.key, fen=item.amount_fen, at=now
            )
        if not payment["quiet"]:
            kind = "refund.done" if state == "refunded" else "refund.failed"
            self._tell(writing, payment, kind=kind, key=item.key, at=now, copies=1)
        return _refund(row)

    def _require_room(self, writing: sqlite3.Connection) -> None:
        waiting = writing.execute(
            "select count(*) from callback where state in ('waiting', 'stopped')"
        ).fetchone()[0]
        if waiting >= CALLBACKS_WAITING_MAX:
            raise Refused(BUSY())

    def _payment(self, row: sqlite3.Row) -> Payment:
        return Payment(
            id=row["id"],
            key=row["key"],
            order_ref=row["order_ref"],
            amount_fen=row["amount_fen"],
            refunded_fen=row["refunded_fen"],
            state=row["state"],
            pay_url=f"{self._base_url}/pay/{row['id']}",
            created_at=moment(row["created_at"]),
            settled_at=None if row["settled_at"] is None else moment(row["settled_at"]),
        )


def _refund(row: sqlite3.Row) -> Refund:
    return Refund(
        id=row["id"],
        key=row["key"],
        payment_id=row["payment_id"],
        amount_fen=row["amount_fen"],
        state=row["state"],
        created_at=moment(row["created_at"]),
    )


def _line_of(row: sqlite3.Row) -> StatementLine:
    return StatementLine(
        number=row["number"],
        at=moment(row["at"]),
        kind=row["kind"],
        id=row["id"],
        key=row["key"],
        payment_id=row["payment_id"],
        order_ref=row["order_ref"],
        amount_fen=row["amount_fen"],
    )
