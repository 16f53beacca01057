"""What the steps ask their database by statements of their own, answered from memory.

Each entry has the statement as the step's code holds it, so a statement that is changed there is missing here and fails at
once. `tests/simulation/test_questions.py` asks PostgreSQL and this module the same and compares.
"""

import json
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from safehand.authority.app import OWNED
from safehand.authority.notices import receipts, reminding, sending
from safehand.house import closing, erasing, parking, persons, statements
from safehand.kernel.machine import StreamKey
from safehand.kernel.store import NoticeRow
from safehand.link import log, reader
from safehand.link.envelope import RUN_BYTES_MAX
from safehand.postal.app import CLAIMED_LAST_HOUR
from safehand.simulation.store import (
    NOT_SENT,
    Answer,
    Head,
    Sending,
    SentRow,
    SimStore,
    SimTransaction,
    Telling,
)

OVERHEAD_BYTES = 256
"""Of each message on the wire, as the log counts them."""


class Named(dict[Any, Any]):
    """A row whose columns are asked for by name or by place."""

    def __init__(self, **columns: Any) -> None:
        super().__init__(columns)
        self.update(enumerate(columns.values()))


def _one_numberer(transaction: SimTransaction, lock: int) -> Sequence[Any]:
    free = transaction.store.numberer is None
    if free:
        transaction.store.numberer = transaction
    return [(free,)]


def _taken_out(transaction: SimTransaction, limit: int, peers: Sequence[str]) -> Sequence[Any]:
    store = transaction.store
    taken = [(number, row) for number, row in store.outbox_numbered if row.peer in peers][:limit]
    gone = {number for number, _ in taken}

    def take() -> None:
        store.outbox_numbered = [one for one in store.outbox_numbered if one[0] not in gone]

    transaction.effects.append(take)
    return [
        Named(
            id=number,
            peer=row.peer,
            city=row.city,
            kind=row.kind,
            subject=row.subject,
            body=row.body.decode(),
            personal=row.personal,
            at=row.at,
        )
        for number, row in taken
    ]


def _records(
    asked: SimStore | SimTransaction, cities: Sequence[int], subjects: Sequence[str], name: str
) -> Sequence[Any]:
    store = asked.store if isinstance(asked, SimTransaction) else asked
    return [
        (city, subject, store.vault[city, subject, name], store.vault_keys[city, subject])
        for city, subject in dict.fromkeys(zip(cities, subjects, strict=True))
        if (city, subject, name) in store.vault and (city, subject) in store.vault_keys
    ]


def _case_keys(store: SimStore, cities: Sequence[int], subjects: Sequence[str]) -> Sequence[Any]:
    return [
        (city, subject, store.vault_keys[city, subject])
        for city, subject in zip(cities, subjects, strict=True)
        if (city, subject) in store.vault_keys
    ]


def _heads(transaction: SimTransaction, peers: Sequence[str], cities: Sequence[int]) -> Sequence[Any]:
    heads = transaction.store.heads
    return [
        (peer, city, heads[peer, city].number, heads[peer, city].hash)
        for peer, city in zip(peers, cities, strict=True)
        if (peer, city) in heads
    ]


def _keep_sent(transaction: SimTransaction, *columns: Sequence[Any]) -> Sequence[Any]:
    store = transaction.store

    def keep() -> None:
        for row in zip(*columns[:9], strict=True):
            peer, city, number, kind, subject, body, personal, hashed, at = row
            log_of = store.sent.setdefault((peer, city), [])
            assert number == len(log_of) + 1, "numbers have no gap"
            columns_of = {
                "city": city,
                "number": number,
                "kind": kind,
                "subject": subject,
                "body": body,
                "personal": personal,
                "hash": hashed,
                "at": at,
            }
            size = len(body.encode()) + 2 * len(personal or b"") + OVERHEAD_BYTES
            log_of.append(SentRow(**columns_of, answer=Named(**columns_of), size=size))
        for peer, city, number, hashed in zip(*columns[9:], strict=True):
            old = store.heads.get((peer, city))
            store.heads[peer, city] = Head(number, hashed, old.acknowledged if old is not None else 0)

    transaction.effects.append(keep)
    return []


def _sized(rows: Sequence[SentRow]) -> Sequence[Any]:
    """As many as fit into one request, at least one."""
    found: list[Any] = []
    total = 0
    for place, row in enumerate(rows):
        total += row.size
        if total <= RUN_BYTES_MAX or place == 0:
            found.append(row.answer)
    return found


def _behind(store: SimStore, peer: str, messages: int, cities: int, without: Sequence[int]) -> Sequence[Any]:
    behind = [
        city
        for (name, city), head in sorted(store.heads.items())
        if name == peer and head.acknowledged < head.number and city not in without
    ][:cities]
    return _sized(
        [
            row
            for city in behind
            for row in store.sent[peer, city][store.heads[peer, city].acknowledged :][:messages]
        ]
    )


def _after(store: SimStore, peer: str, city: int, position: int, limit: int) -> Sequence[Any]:
    return _sized(store.sent.get((peer, city), [])[position : position + limit])


def _sent_hashes(store: SimStore, peer: str, cities: Sequence[int], numbers: Sequence[int]) -> Sequence[Any]:
    return [
        Named(city=city, hash=store.sent[peer, city][number - 1].hash)
        for city, number in zip(cities, numbers, strict=True)
        if 0 < number <= len(store.sent.get((peer, city), ()))
    ]


def _acknowledge(
    store: SimStore, peer: str, cities: Sequence[int], positions: Sequence[int]
) -> Sequence[Any]:
    for city, position in zip(cities, positions, strict=True):
        head = store.heads.get((peer, city))
        if head is not None and head.acknowledged < position <= head.number:
            store.heads[peer, city] = head._replace(acknowledged=position)
    return []


def _send_again(store: SimStore, peer: str, cities: Sequence[int], positions: Sequence[int]) -> Sequence[Any]:
    for city, position in zip(cities, positions, strict=True):
        head = store.heads.get((peer, city))
        if head is not None and 0 <= position < head.acknowledged:
            store.heads[peer, city] = head._replace(acknowledged=position)
    return []


def _waiting(store: SimStore) -> Sequence[Any]:
    unacknowledged = sum(head.number - head.acknowledged for head in store.heads.values())
    return [(len(store.outbox_numbered), unacknowledged)]


def _positions(store: SimStore, peer: str, cities: Sequence[int]) -> Sequence[Any]:
    found = store.positions
    return [
        (city, found[peer, city].position, found[peer, city].head) for city in cities if (peer, city) in found
    ]


def _received_hashes(
    store: SimStore, peer: str, cities: Sequence[int], numbers: Sequence[int]
) -> Sequence[Any]:
    return [
        (city, store.received[peer, city, number].hash)
        for city, number in zip(cities, numbers, strict=True)
        if (peer, city, number) in store.received
    ]


def _owned(store: SimStore, purpose: str, digests: Sequence[bytes]) -> Sequence[Any]:
    return [
        (digest, city, subject)
        for digest in digests
        for city, subject in store.owners.get((purpose, digest), ())
        if (city, subject) in store.vault_keys
    ]


def _first_move(store: SimStore, prefix: str) -> Sequence[Any]:
    return [(next((move.at for move in store.moves if move.unit.startswith(prefix)), None),)]


def _moves(store: SimStore, start: datetime, end: datetime, prefix: str) -> Sequence[Any]:
    first = bisect_left(store.moves, start, key=lambda move: move.at)
    last = bisect_left(store.moves, end, key=lambda move: move.at)
    found = [
        move
        for move in store.moves[first:last]
        if move.unit.startswith(prefix) and move.phase in ("opened", "accepted", "moved")
    ]
    found.sort(key=lambda move: (move.at, move.stream, move.version))
    return [(move.city, move.unit, move.giver, move.taker, move.at) for move in found]


def _parts(store: SimStore, peer: str, city: int, kind: int, subject: str) -> Sequence[Any]:
    return [
        (row.body.decode(),)
        for (name, where, _), row in sorted(store.received.items(), key=lambda one: one[0])
        if (name, where, row.kind, row.subject) == (peer, city, kind, subject)
    ]


def _made(store: SimStore, cities: Sequence[int], days: Sequence[str], stream: str) -> Sequence[Any]:
    found: list[Any] = []
    for city, day in zip(cities, days, strict=True):
        for event in store.journal.get(StreamKey(city, stream), ()):
            if event.kind == "statement.made":
                statement = json.loads(event.body)["statement"]
                if statement["day"] == day:
                    found.append((city, day, json.dumps(statement)))
                    break
    return found


def _destroy(store: SimStore, cities: Sequence[int], subjects: Sequence[str]) -> Sequence[Any]:
    gone = set(zip(cities, subjects, strict=True))
    for place in gone:
        store.vault_keys.pop(place, None)
    store.vault = {place: sealed for place, sealed in store.vault.items() if place[:2] not in gone}
    store.blind = {row for row in store.blind if (row[2], row[3]) not in gone}
    for place, row in store.parked.items():
        if (row.city, row.subject) in gone:
            store.parked[place] = row._replace(personal=None)
    return []


def _find_parked(store: SimStore, peer: str, city: int, number: int) -> Sequence[Any]:
    row = store.parked.get((peer, city, number))
    if row is None:
        return []
    key_id = next(
        (
            run.key_id
            for run in sorted(store.runs, key=lambda run: run.last)
            if (run.peer, run.city) == (peer, city) and run.first <= number <= run.last
        ),
        "",
    )
    body = store.received[peer, city, number].body.decode()
    return [(row.kind, row.subject, row.reason, row.personal, body, key_id)]


def _tidy(store: SimStore, now: datetime, kind: str) -> Sequence[Any]:
    tidied: list[Any] = []
    for place, row in store.parked.items():
        peer, city, number = place
        stream = store.rows.get(StreamKey(city, f"pk_{peer}_{number}"))
        if place not in store.resolved and stream is not None and stream.kind == kind:
            store.resolved[place] = now
            store.parked[place] = row._replace(personal=None)
            tidied.append((1,))
    return tidied


def _take_notices(
    store: SimStore, until: datetime, now: datetime, limit: int, unreachable: str
) -> Sequence[Any]:
    due: list[int] = []
    for number in sorted(store.untold):
        retry_at = store.told[number - 1].retry_at
        if retry_at is None or retry_at <= now:
            due.append(number)
    found: list[Any] = []
    for number in due[:limit]:
        told, row = store.told[number - 1], store.notice(number)
        store.told[number - 1] = told._replace(retry_at=until, attempts=told.attempts + 1)
        sms, email = store.texted.get(number, NOT_SENT), store.mailed.get(number, NOT_SENT)
        found.append(
            (
                number,
                row.city,
                row.subject,
                row.template,
                row.facts.decode(),
                row.at,
                told.attempts + 1,
                *(None, None, None, None),  # nobody chooses in the simulator
                *(sms.state, sms.sends, email.state, email.sends),
                sms.reason or email.reason,
                StreamKey(row.city, row.subject) in store.queues.get(unreachable, {}),
            )
        )
    return found


def _settle_notices(
    store: SimStore,
    numbers: Sequence[int],
    sent: Sequence[datetime | None],
    failed: Sequence[str | None],
    retry: Sequence[datetime | None],
    *messages: Sequence[Any],
) -> Sequence[Any]:
    for notice, channel, city, subject, state, reason, sends, _ in zip(*messages, strict=True):
        kept = store.texted if channel == "sms" else store.mailed
        if state == "failed" or sends > kept.get(notice, NOT_SENT).sends:
            kept[notice] = Sending(state, reason, sends, city, subject)
    for number, sent_at, why, retry_at in zip(numbers, sent, failed, retry, strict=True):
        store.retell(number, Telling(sent_at, why, retry_at, store.told[number - 1].attempts))
    return []


def _receipts_read(store: SimStore, service: str) -> Sequence[Any]:
    return [(store.receipts_read,)] if store.receipts_read else []


def _sent_texts(
    store: SimStore, notices: Sequence[int], unreachable: str, to_agents: Sequence[str]
) -> Sequence[Any]:
    waiting = store.queues.get(unreachable, {})
    known = [(notice, store.texted[notice]) for notice in notices if notice in store.texted]
    return [
        (
            notice,
            one.city,
            one.subject,
            one.sends,
            StreamKey(one.city, one.subject) in waiting and store.notice(notice).template not in to_agents,
        )
        for notice, one in known
    ]


def _heard_receipts(
    store: SimStore,
    notices: Sequence[int],
    states: Sequence[str],
    reasons: Sequence[str],
    at: Sequence[datetime],
    sends: Sequence[int],
    *opened: Any,
) -> Sequence[Any]:
    for notice, state, reason, which in zip(notices, states, reasons, sends, strict=True):
        one = store.texted.get(notice)
        if one is not None and one.sends == which:
            store.texted[notice] = one._replace(state=state, reason=reason)
    numbers, retry, _, position = opened
    for number, retry_at in zip(numbers, retry, strict=True):
        store.retell(number, Telling(None, None, retry_at, store.told[number - 1].attempts))
    store.receipts_read = max(store.receipts_read, position)
    return []


def _near_deadlines(
    store: SimStore,
    queues: Sequence[str],
    templates: Sequence[str],
    days_left: Sequence[int],
    after: Sequence[datetime],
    until: Sequence[datetime],
    limit: int,
) -> Sequence[Any]:
    near = [
        (row.city, row.stream, template, row.due_at, days, row.narrowed)
        for queue, template, days, first, last in zip(queues, templates, days_left, after, until, strict=True)
        for row in store.queues.get(queue, {}).values()
        if row.due_at is not None
        and first < row.due_at <= last
        and (row.city, row.stream, template, row.due_at, days) not in store.reminded
    ]
    return near[:limit]


def _remind(store: SimStore, *columns: Any) -> Sequence[Any]:
    *keys, facts, now = columns
    told: list[Any] = []
    for *key, said in zip(*keys, facts, strict=True):
        if tuple(key) not in store.reminded:
            store.reminded.add(tuple(key))
            store.tell(NoticeRow(key[0], key[1], key[2], said.encode(), now))
            told.append((len(store.told),))
    return told


def _still_due(
    store: SimStore, cities: Sequence[int], streams: Sequence[str], queues: Sequence[str]
) -> Sequence[Any]:
    asked = zip(cities, streams, queues, strict=True)
    rows = [store.queues.get(queue, {}).get(StreamKey(city, stream)) for city, stream, queue in asked]
    return [(row.city, row.stream, row.queue, row.due_at) for row in rows if row is not None]


def _claimed_last_hour(store: SimStore, actors: Sequence[str], now: datetime) -> Sequence[Any]:
    since = now - timedelta(hours=1)
    counts = {actor: sum(at > since for at in store.claimed.get(actor, ())) for actor in actors}
    return [(actor, count) for actor, count in counts.items() if count]


ANSWERS: Final[Mapping[str, Answer]] = {
    log.ONE_NUMBERER: _one_numberer,
    log.TAKEN_OUT: _taken_out,
    log.PERSONS: _records,
    log.HEADS: _heads,
    log.KEEP_SENT: _keep_sent,
    log.BEHIND: _behind,
    log.AFTER: _after,
    log.SENT_HASHES: _sent_hashes,
    log.ACKNOWLEDGE: _acknowledge,
    log.SEND_AGAIN: _send_again,
    log.WAITING: _waiting,
    reader.POSITIONS: _positions,
    reader.RECEIVED_HASHES: _received_hashes,
    OWNED: _owned,
    persons.RECORDS: _records,
    persons.KEYS: _case_keys,
    closing.FIRST_MOVE: _first_move,
    closing.PARTS: _parts,
    closing.MADE: _made,
    statements.MOVES: _moves,
    erasing.DESTROY: _destroy,
    parking.FIND: _find_parked,
    parking.TIDY: _tidy,
    sending.TAKE: _take_notices,
    sending.SETTLE: _settle_notices,
    sending.STILL_DUE: _still_due,
    receipts.POSITION: _receipts_read,
    receipts.SENT: _sent_texts,
    receipts.HEARD: _heard_receipts,
    reminding.NEAR: _near_deadlines,
    reminding.REMIND: _remind,
    CLAIMED_LAST_HOUR: _claimed_last_hour,
}
