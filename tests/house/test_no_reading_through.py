"""Jobs that run every minute must not read through a table that grows for ever, whenever their plan was made."""

import asyncio
from collections.abc import Callable
from pathlib import Path

from safehand.house.checkpointing import ANYTHING_NEW
from safehand.kernel.clock import SystemClock
from safehand.kernel.store_postgres import PostgresStore
from safehand.postal.app import CLAIMED_LAST_HOUR, OWN_SQL

KERNEL_SQL = Path("src/safehand/kernel/sql").resolve()


def test_the_looks_into_the_journal_go_by_an_index_though_it_was_empty_when_they_were_planned(
    fresh_database: Callable[..., str],
) -> None:
    dsn = fresh_database(kernel=KERNEL_SQL, postal=OWN_SQL)

    async def plans() -> list[str]:
        store = await PostgresStore.create(dsn=dsn)
        now = SystemClock().now()
        looks = ((ANYTHING_NEW, ("wi_",)), (CLAIMED_LAST_HOUR, (["st_some"], now)))
        found = [
            "\n".join(row[0] for row in await store.fetch(f"explain {look}", *given)) for look, given in looks
        ]
        await store.close()
        return found

    news, claims = asyncio.run(plans())
    assert "event_by_transaction" in news
    assert "event_claimed_by_actor" in claims
    assert "Seq Scan" not in news + claims
