"""The simulator's store and PostgreSQL answer alike: a whole simulated world runs on both at once, question by question."""

import asyncio
from pathlib import Path
from typing import Any, NamedTuple

import asyncpg
import pytest

from safehand.authority.app import OWN_SQL as AUTHORITY_SQL
from safehand.house import closing, erasing, parking, persons
from safehand.house.database import KERNEL_SQL
from safehand.kernel.migrations import migrate
from safehand.kernel.store_postgres import PostgresStore
from safehand.link import log, reader
from safehand.postal.app import OWN_SQL
from safehand.simulation.plan import START, Ended, Plan, shaped
from safehand.simulation.questions import ANSWERS
from safehand.simulation.run import Run
from tests.simulation.both_stores import BothStores, rows_of

pytestmark = pytest.mark.slow  # two databases and a whole world

SQL_OF = {"authority": AUTHORITY_SQL, "post": OWN_SQL}
SEED, PEOPLE, DAYS = 3, 24, 10


class Played(NamedTuple):
    """What came of it."""

    ended: Ended
    asked: set[str]
    differences: list[str]
    ends: list[tuple[str, Any, Any]]


async def _prepared(dsn: str, own: Path | None) -> PostgresStore:
    connection = await asyncpg.connect(dsn)
    try:
        await migrate(connection=connection, folder=KERNEL_SQL, now=START, series="kernel")
        if own is not None:
            await migrate(connection=connection, folder=own, now=START, series=own.parent.name)
    finally:
        await connection.close()
    return await PostgresStore.create(dsn=dsn)


async def _asked_by_hand(store: BothStores) -> None:
    """What only an operator, an erasure or a peer that lost its place asks."""
    [(peer, city), *_] = sorted(store.heads)
    numbers = [1, 2, len(store.sent[peer, city]), 999]
    await store.fetch(log.SENT_HASHES, peer, [city] * 4, numbers)
    await store.fetch(log.AFTER, peer, city, 1, 3)
    await store.fetch(log.SEND_AGAIN, peer, [city, city], [1, 10_000])
    await store.fetch(log.BEHIND, peer, 5, 3, [])
    await store.fetch(log.WAITING)
    [(sender, there), *_] = sorted(store.positions)
    first = store.received[sender, there, 1]
    await store.fetch(closing.PARTS, sender, there, first.kind, first.subject)
    await store.fetch(reader.RECEIVED_HASHES, sender, [there] * 3, [1, 2, 999])
    for place in [*store.parked, ("nobody", 310000, 1)][:3]:
        await store.fetch(parking.FIND, *place)
    gone = sorted(store.vault_keys)[:2]
    asked = [*gone, (310000, "nobody"), gone[0]]
    await store.fetch(persons.KEYS, [one[0] for one in asked], [one[1] for one in asked])
    await store.fetch(erasing.DESTROY, [one[0] for one in gone], [one[1] for one in gone])


async def _tables(store: BothStores) -> list[tuple[str, Any, Any]]:
    """What is left in each at the end."""
    kept = {
        "select city, stream, version, head from stream": [
            (row.city, row.stream, row.version, row.head) for row in store.rows.values()
        ],
        "select peer, city, number, hash, acknowledged from link_head": [
            (*place, *head) for place, head in store.heads.items()
        ],
        "select city, subject, name, sealed from vault_record": [(*k, v) for k, v in store.vault.items()],
        "select city, subject, wrapped from keys.case_key": [(*k, v) for k, v in store.vault_keys.items()],
    }
    return [
        (statement, rows_of(rows, ""), rows_of(await store.real.fetch(statement), ""))
        for statement, rows in kept.items()
    ]


async def _play(dsns: dict[str, str]) -> Played:
    run = Run(shaped(Plan(seed=SEED, people=PEOPLE, arrival_days=DAYS, faults=False)))
    stores: list[BothStores] = []
    for name, house in run.houses.items():
        house.disk = BothStores(real=await _prepared(dsns[name], SQL_OF[name]))
        stores.append(house.disk)
    ended = await run.play()
    for store in stores:
        await _asked_by_hand(store)
    ends = [row for store in stores for row in await _tables(store)]
    for store in stores:
        await store.real.close()
    asked = {statement for store in stores for statement in store.asked}
    return Played(ended, asked, [one for store in stores for one in store.differences], ends)


@pytest.fixture(scope="module")
def played(postgres: Any) -> Any:
    names = {house: f"both_{house}" for house in ("authority", "post")}
    for name in names.values():
        postgres.create_database(name=name)
    yield asyncio.run(_play({house: postgres.dsn(database=name) for house, name in names.items()}))
    for name in names.values():
        postgres.drop_database(name=name)


def test_a_whole_world_on_both_stores_hears_the_same_answers(played: Played) -> None:
    assert played.ended.lifecycles > PEOPLE // 2, "some may not apply; most do"
    assert played.ended.violations == []
    assert played.differences == [], "\n".join(played.differences[:3])


def test_both_stores_end_equal(played: Played) -> None:
    for statement, memory, postgres in played.ends:
        assert memory, statement
        assert memory == postgres, statement


def test_every_question_that_the_simulator_answers_was_asked(played: Played) -> None:
    assert [statement for statement in ANSWERS if statement not in played.asked] == []
