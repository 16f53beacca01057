"""The audit from outside finds every kind of row that is missing, doubled or changed, and nothing where all is well."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest

from safehand.kernel.clock import SetClock
from safehand.kernel.ids import DerivedIds
from safehand.kernel.machine import StreamKey
from safehand.kernel.shell import Call, Done, Shell
from safehand.kernel.store_postgres import PostgresStore
from safehand.simulation.crashes.audit import Auditor, Snapshot, found_between, taken
from tests.kernel.counting_house import JAR, Answer, Label, Name, Offer, Pour, Put
from tests.link.two_houses import AUTHORITY, CITY, POST, two_houses

pytestmark = pytest.mark.slow  # databases: left out of ./do fast

Row = tuple[Any, ...]
Change = Callable[[Sequence[Row]], Sequence[Row]]


async def seen(dsn: str) -> Snapshot:
    connection = await asyncpg.connect(dsn)
    try:
        return await taken(connection)
    finally:
        await connection.close()


def without_the_last(rows: Sequence[Row]) -> Sequence[Row]:
    assert rows
    return rows[:-1]


def the_last_twice(rows: Sequence[Row]) -> Sequence[Row]:
    return [*rows, rows[-1]]


def other(place: int, value: Any) -> Change:
    """The last row with another value at a place."""

    def change(rows: Sequence[Row]) -> Sequence[Row]:
        assert rows[-1][place] != value
        return [*rows[:-1], (*rows[-1][:place], value, *rows[-1][place + 1 :])]

    return change


def changed(whole: Snapshot, table: str, change: Change) -> Snapshot:
    rows: Mapping[str, Sequence[Row]] = {**whole.rows, table: change(whole[table])}
    return Snapshot(rows)


JARS_CHANGED: list[tuple[str, Change]] = [
    *((table, change) for table in ("event", "move", "claim", "work", "unit", "notice", "link_outbox", "tally")
      for change in (without_the_last, the_last_twice)),
    ("stream", without_the_last),
    ("event", other(3, "jar.was_eaten_up")),
    ("event", other(5, "somebody else")),
    ("event", other(7, bytes(32))),
    ("stream", other(3, 40)),
    ("stream", other(4, bytes(32))),
    ("stream", other(5, '{"held":9999}')),
    ("stream", other(6, '{"lid":["nowhere",null]}')),
    ("unit", other(3, "nowhere")),
    ("unit", other(4, "nobody")),
    ("claim", other(2, "another")),
    ("work", other(2, "jar.nowhere")),
    ("move", other(4, "moved")),
    ("link_outbox", other(4, "{}")),
    ("tally", other(2, 77)),
    ("answer", other(3, '[2,["jar.was_eaten"]]')),
    ("answer", other(3, '[99,["jar.was_put"]]')),
]  # fmt: skip


def test_every_change_of_what_is_kept_beside_the_journal_is_found(
    emptied_database: Callable[[], str],
) -> None:
    dsn = emptied_database()

    async def go() -> Snapshot:
        store = await PostgresStore.create(dsn=dsn, connections_max=2)
        clock = SetClock(start=datetime(2024, 5, 6, 1, tzinfo=UTC))
        shell = Shell(machines={"jar": JAR}, store=store, clock=clock, ids=DerivedIds(seed="t"))
        commands = (
            Put(number=7),
            Name(name="plum"),
            Offer(to="b"),
            Answer(accepted=True),
            Offer(to="c"),
            Label(text="证"),
            Pour(number=2, into="b"),
        )
        for place, command in enumerate(commands):
            stream = StreamKey(CITY, "a")
            call = Call(stream=stream, kind="jar", command=command, actor="cook", key=f"k{place}")
            assert isinstance((await shell.run([call]))[0], Done)
        await store.close()
        return await seen(dsn)

    whole = asyncio.run(go())
    auditor = Auditor(name="jars", machines={"jar": JAR})
    assert auditor.found(whole) == []
    unfound = [
        (table, change)
        for table, change in JARS_CHANGED
        if not auditor.found(changed(whole, table, change))
        or changed(whole, table, change).digest() == whole.digest()
    ]
    assert unfound == []


LINK_CHANGED: list[tuple[str, str, Change]] = [
    (AUTHORITY, "link_sent", without_the_last),
    (AUTHORITY, "link_sent", the_last_twice),
    (AUTHORITY, "link_sent", other(5, "{}")),
    (AUTHORITY, "link_sent", other(2, 9)),
    (AUTHORITY, "link_head", without_the_last),
    (AUTHORITY, "link_head", other(2, 9)),
    (AUTHORITY, "link_head", other(4, 9)),
    (POST, "link_received", without_the_last),
    (POST, "link_received", the_last_twice),
    (POST, "link_received", other(6, bytes(32))),
    (POST, "link_position", without_the_last),
    (POST, "link_position", other(2, 2)),
    (POST, "link_position", other(3, bytes(32))),
    (POST, "link_parked", lambda rows: [*rows, (AUTHORITY, CITY, 1, "link.unknown_kind", None)]),
]


def test_every_change_of_what_was_said_and_heard_is_found(emptied_database: Callable[[], str]) -> None:
    dsns = [emptied_database() for _ in range(2)]

    async def go() -> tuple[dict[str, Snapshot], dict[str, Auditor]]:
        async with two_houses(dsns) as (authority, post, client):
            await authority.tell([1, 2, 3], to=POST)
            await authority.pump(client).until_quiet()
            snapshots = {
                house.name: await seen(dsn) for house, dsn in zip((authority, post), dsns, strict=True)
            }
            return snapshots, {
                house.name: Auditor(name=house.name, machines=house.shell.machines)
                for house in (authority, post)
            }

    whole, auditors = asyncio.run(go())

    def found(snapshots: Mapping[str, Snapshot]) -> list[str]:
        alone = [fault for name, auditor in auditors.items() for fault in auditor.found(snapshots[name])]
        return [*alone, *found_between(snapshots)]

    assert found(whole) == []
    unfound = [
        (table, change)
        for house, table, change in LINK_CHANGED
        if not found({**whole, house: changed(whole[house], table, change)})
    ]
    assert unfound == []
