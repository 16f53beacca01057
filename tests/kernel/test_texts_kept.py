"""Whatever text comes, it is kept to the letter: joined columns can be told apart again, or are not joined."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safehand.kernel.store import NoticeRow, WorkRow, Writes
from safehand.kernel.store_postgres import NOTHING, SEPARATOR, PostgresStore

AT = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
CITY = 310000
HOSTILE = [
    "",
    " ",
    SEPARATOR,
    NOTHING,
    f"a{SEPARATOR}b",
    f"{NOTHING}{SEPARATOR}",
    "NULL",
    "{}",
    '"',
    "\\",
    ",",
    "张三 😀",
]
TEXTS = st.lists(
    st.sampled_from(HOSTILE) | st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00")),
    min_size=1,
    max_size=12,
)


async def _kept(dsn: str, texts: list[str]) -> list[str]:
    store = await PostgresStore.create(dsn=dsn)
    try:
        await store.fetch("delete from notice")
        rows = [NoticeRow(CITY, text, "some_template", b'{"n":"\\u001f"}', AT) for text in texts]
        async with store.transaction() as transaction:
            await transaction.write(writes=Writes(notices=rows))
        return [row[0] for row in await store.fetch("select subject from notice order by number")]
    finally:
        await store.close()


@given(texts=TEXTS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_every_list_of_texts_is_kept_as_it_is(emptied_database: Callable[[], str], texts: list[str]) -> None:
    assert asyncio.run(_kept(emptied_database(), texts)) == texts


def test_nothing_is_kept_as_nothing_and_an_empty_text_as_an_empty_text(
    emptied_database: Callable[[], str],
) -> None:
    dsn = emptied_database()

    async def play() -> None:
        store = await PostgresStore.create(dsn=dsn)
        owners = [None, "examiner", None]
        rows = [WorkRow(CITY, f"ca_{n}", "some.queue", "", AT, AT, owner) for n, owner in enumerate(owners)]
        for written in (rows, [rows[0]], [rows[1]]):
            async with store.transaction() as transaction:
                await transaction.write(writes=Writes(work=written))
        kept = await store.worklist(queue="some.queue")
        assert [row.owner for row in kept] == owners
        assert {row.narrowed for row in kept} == {""}
        await store.close()

    asyncio.run(play())
