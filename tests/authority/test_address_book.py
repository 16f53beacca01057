"""The address book: ten addresses at most, sealed under a key of the person, forgotten when asked and when unused."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from safehand.authority.addresses import Address
from safehand.authority.addresses.book import (
    ADDRESSES_MAX,
    KEPT_FOR,
    Book,
    with_address,
    without_address,
    without_unused,
)
from safehand.authority.addresses.keeping import RECORD, AddressBooks
from safehand.authority.app import OWN_SQL
from safehand.house.database import KERNEL_SQL
from safehand.kernel.grants import grant_application_role
from safehand.kernel.ids import SystemIds
from safehand.kernel.outcome import Refusal
from safehand.kernel.store_postgres import PostgresStore
from safehand.kernel.vault import VaultKeys

NOW = datetime(2024, 5, 6, 4, tzinfo=UTC)
ME, OTHER = "pe_me", "pe_other"
STREET = "示例路"
TABLES = ("address_book", "vault_record", "keys.case_key")
NOTHING: dict[str, list[str]] = {table: [] for table in TABLES}


def address(number: int) -> Address:
    return Address(
        region="110105", text=f"{STREET}{number}号", recipient="测试一", phone=f"1990000{number:04d}"
    )


def filled(count: int) -> Book:
    book = Book()
    for number in range(count):
        changed = with_address(
            book=book, address=address(number), name=f"ad_{number}", now=NOW + timedelta(days=number)
        )
        assert isinstance(changed, Book)
        book = changed
    return book


def texts(book: Book | Refusal) -> list[str]:
    assert isinstance(book, Book)
    return [one.text.removeprefix(STREET).removesuffix("号") for one in book.addresses]


# ---------------------------------------------------------------- the book


def test_the_last_used_address_stands_first_and_none_stands_twice():
    book = filled(3)
    assert texts(book) == ["2", "1", "0"]
    again = with_address(book=book, address=address(0), name="ad_new", now=NOW + timedelta(days=9))
    assert texts(again) == ["0", "2", "1"]
    assert isinstance(again, Book)
    assert again.addresses[0].name == "ad_0", "a form that was opened before still names it"
    assert again.addresses[0].used_at == NOW + timedelta(days=9)


def test_an_eleventh_is_refused_and_a_known_one_is_not():
    book = filled(ADDRESSES_MAX)
    now = NOW + timedelta(days=20)
    refused = with_address(book=book, address=address(10), name="ad_10", now=now)
    assert isinstance(refused, Refusal)
    assert refused.code == "addresses.book_full"
    assert len(texts(with_address(book=book, address=address(4), name="ad_4", now=now))) == ADDRESSES_MAX


def test_what_is_past_its_time_makes_room():
    book = filled(ADDRESSES_MAX)
    assert texts(with_address(book=book, address=address(10), name="ad_10", now=NOW + KEPT_FOR))[0] == "10"


def test_an_address_is_taken_out_by_its_name_only():
    book = filled(2)
    assert texts(without_address(book=book, name="ad_1")) == ["0"]
    for name in ("", "ad_2", "ad_1'; --", "x" * 10_000):
        refused = without_address(book=book, name=name)
        assert isinstance(refused, Refusal)
        assert refused.code == "addresses.not_in_book"
    assert book.find("ad_1") is book.addresses[0]
    assert book.find("") is None


def test_two_years_are_counted_from_the_last_use():
    book = filled(3)
    assert texts(without_unused(book=book, now=NOW + KEPT_FOR - timedelta(seconds=1))) == ["2", "1", "0"]
    assert texts(without_unused(book=book, now=NOW + KEPT_FOR)) == ["2", "1"]
    assert texts(without_unused(book=book, now=NOW + KEPT_FOR + timedelta(days=2))) == []


@given(st.lists(st.tuples(st.booleans(), st.integers(0, 14), st.integers(0, 400)), max_size=60))
def test_whatever_is_done_to_a_book_it_stays_a_book(deeds: list[tuple[bool, int, int]]):
    book, now = Book(), NOW
    for drawn, (puts_in, number, days) in enumerate(deeds):
        now += timedelta(days=days)
        changed = (
            with_address(book=book, address=address(number), name=f"ad_{drawn}", now=now)
            if puts_in
            else without_address(book=book, name=book.addresses[0].name if book.addresses else "")
        )
        book = book if isinstance(changed, Refusal) else changed
        assert len(book.addresses) <= ADDRESSES_MAX
        assert len({one.name for one in book.addresses}) == len(book.addresses)
        assert len({one.text for one in book.addresses}) == len(book.addresses)
        times = [one.used_at for one in book.addresses]
        assert times == sorted(times, reverse=True)


# ---------------------------------------------------------------- kept


@asynccontextmanager
async def books_in(dsn: str, *, wrapping: bytes = b"w" * 32) -> AsyncIterator[AddressBooks]:
    store = await PostgresStore.create(dsn=dsn, connections_max=6)
    try:
        vault = VaultKeys(wrapping=wrapping, blinding=b"b" * 32)
        yield AddressBooks(store=store, vault=vault, ids=SystemIds())
    finally:
        await store.close()


async def rows_in(dsn: str) -> dict[str, list[str]]:
    connection = await asyncpg.connect(dsn)
    try:
        return {
            table: [row[0] for row in await connection.fetch(f"select t::text from {table} t")]
            for table in TABLES
        }
    finally:
        await connection.close()


@pytest.fixture
def dsn(fresh_database) -> str:
    return fresh_database(kernel=KERNEL_SQL, authority=OWN_SQL)


def test_a_book_is_given_back_to_its_owner_alone_and_lies_there_sealed(run, dsn):
    async def scene():
        async with books_in(dsn) as books:
            assert await books.read(actor=ME, now=NOW) == Book()
            assert texts(await books.use(actor=ME, address=address(1), now=NOW)) == ["1"]
            assert texts(await books.use(actor=ME, address=address(2), now=NOW)) == ["2", "1"]
            mine = await books.read(actor=ME, now=NOW)
            assert texts(mine) == ["2", "1"]
            assert await books.read(actor=OTHER, now=NOW) == Book()
            refused = await books.remove(actor=OTHER, name=mine.addresses[0].name)
            assert isinstance(refused, Refusal)
            assert texts(await books.read(actor=ME, now=NOW)) == ["2", "1"]
        rows = await rows_in(dsn)
        assert {table: len(found) for table, found in rows.items()} == dict.fromkeys(TABLES, 1)
        for secret in (ME, STREET, "1990000", "110105", mine.addresses[0].name):
            for found in rows.values():
                assert secret not in found[0]
                assert secret.encode().hex() not in found[0]

    run(scene())


def test_whose_last_address_goes_has_no_key_left(run, dsn):
    async def scene():
        async with books_in(dsn) as books:
            for number in (1, 2):
                await books.use(actor=ME, address=address(number), now=NOW)
            for left in (1, 0):
                book = await books.read(actor=ME, now=NOW)
                assert len(texts(await books.remove(actor=ME, name=book.addresses[0].name))) == left
            assert await rows_in(dsn) == NOTHING
            assert texts(await books.use(actor=ME, address=address(3), now=NOW)) == ["3"]

    run(scene())


def test_a_forgotten_book_leaves_nothing_and_others_keep_theirs(run, dsn):
    async def scene():
        async with books_in(dsn) as books:
            for actor in (ME, OTHER):
                await books.use(actor=actor, address=address(1), now=NOW)
            assert await books.forget(actor=ME)
            assert not await books.forget(actor=ME)
            assert await books.read(actor=ME, now=NOW) == Book()
            assert texts(await books.read(actor=OTHER, now=NOW)) == ["1"]
            assert {table: len(found) for table, found in (await rows_in(dsn)).items()} == dict.fromkeys(
                TABLES, 1
            )
            assert await books.forget(actor=OTHER)
        assert await rows_in(dsn) == NOTHING

    run(scene())


def test_windows_at_the_same_time_lose_nothing_of_each_other(run, dsn):
    async def scene():
        async with books_in(dsn) as books:
            answers = await asyncio.gather(
                *(books.use(actor=ME, address=address(number), now=NOW) for number in range(4))
            )
            saved = [one for one in answers if isinstance(one, Book)]
            refused = [one for one in answers if isinstance(one, Refusal)]
            assert {one.code for one in refused} <= {"addresses.book_busy"}
            assert len(texts(await books.read(actor=ME, now=NOW))) == len(saved) >= 1

    run(scene())


def test_nothing_is_saved_into_a_book_that_is_being_forgotten(run, dsn):
    async def scene():
        async with books_in(dsn) as books:
            for _ in range(30):
                await books.use(actor=ME, address=address(1), now=NOW)
                await asyncio.gather(
                    books.use(actor=ME, address=address(2), now=NOW),
                    books.forget(actor=ME),
                    books.use(actor=ME, address=address(3), now=NOW),
                )
                rows = await rows_in(dsn)
                assert len({len(found) for found in rows.values()}) == 1, (
                    "book, key and record are there, or none"
                )
                assert len(texts(await books.read(actor=ME, now=NOW))) <= 3
                await books.forget(actor=ME)

    run(scene())


def test_the_eleventh_address_is_refused_and_the_ten_stay(run, dsn):
    async def scene():
        async with books_in(dsn) as books:
            for number in range(ADDRESSES_MAX):
                await books.use(actor=ME, address=address(number), now=NOW)
            refused = await books.use(actor=ME, address=address(10), now=NOW)
            assert isinstance(refused, Refusal)
            assert refused.code == "addresses.book_full"
            assert len((await books.read(actor=ME, now=NOW)).addresses) == ADDRESSES_MAX

    run(scene())


def test_what_nobody_used_for_two_years_is_swept_and_the_key_with_the_last(run, dsn):
    async def scene():
        later = NOW + timedelta(days=100)
        async with books_in(dsn) as books:
            await books.use(actor=ME, address=address(1), now=NOW)
            await books.use(actor=ME, address=address(2), now=later)
            await books.use(actor=OTHER, address=address(3), now=NOW)
            assert await books.sweep(now=NOW + KEPT_FOR - timedelta(seconds=1)) == 0
            assert await books.sweep(now=NOW + KEPT_FOR) == 2
            assert await books.sweep(now=NOW + KEPT_FOR) == 0
            assert texts(await books.read(actor=ME, now=NOW + KEPT_FOR)) == ["2"]
            assert {table: len(found) for table, found in (await rows_in(dsn)).items()} == dict.fromkeys(
                TABLES, 1
            )
            assert await books.read(actor=ME, now=later + KEPT_FOR) == Book(), "before the sweep came, too"
            assert await books.sweep(now=later + KEPT_FOR) == 1
        assert await rows_in(dsn) == NOTHING

    run(scene())


def test_a_book_of_other_keys_reads_empty_and_is_replaced_only_by_its_owner(run, dsn):
    async def scene():
        async with books_in(dsn) as books:
            await books.use(actor=ME, address=address(1), now=NOW)
            await books.use(actor=OTHER, address=address(1), now=NOW)
        async with books_in(dsn, wrapping=b"x" * 32) as changed:
            assert await changed.read(actor=ME, now=NOW) == Book()
            assert texts(await changed.use(actor=OTHER, address=address(2), now=NOW)) == ["2"]
            assert texts(await changed.read(actor=OTHER, now=NOW)) == ["2"]
        async with books_in(dsn) as books:
            assert texts(await books.read(actor=ME, now=NOW)) == ["1"], "the misplaced keys are back"
        async with books_in(dsn, wrapping=b"x" * 32) as changed:
            assert await changed.sweep(now=NOW + KEPT_FOR) == 2
        assert await rows_in(dsn) == NOTHING

    run(scene())


def test_a_record_that_was_moved_to_another_person_does_not_open(run, dsn):
    async def scene():
        async with books_in(dsn) as books:
            await books.use(actor=ME, address=address(1), now=NOW)
            await books.use(actor=OTHER, address=address(2), now=NOW)
            connection = await asyncpg.connect(dsn)
            try:
                await connection.execute(
                    "update vault_record a set sealed = b.sealed from vault_record b"
                    " where a.subject <> b.subject and a.name = $1",
                    RECORD,
                )
            finally:
                await connection.close()
            for actor in (ME, OTHER):
                assert await books.read(actor=actor, now=NOW) == Book()

    run(scene())


def test_the_role_that_serves_requests_may_do_all_of_it(run, fresh_database, postgres):
    dsn = fresh_database(kernel=KERNEL_SQL, authority=OWN_SQL)
    database = dsn.rpartition("/")[2].partition("?")[0]
    postgres.create_role(name="book_app")
    role_dsn = postgres.dsn(database=database, role="book_app")

    async def scene():
        owner = await asyncpg.connect(dsn)
        try:
            await grant_application_role(connection=owner, role="book_app")
        finally:
            await owner.close()
        served = await asyncpg.connect(role_dsn)
        try:
            assert await served.fetchval("select current_user") == "book_app"
        finally:
            await served.close()
        async with books_in(role_dsn) as books:
            await books.use(actor=ME, address=address(1), now=NOW)
            await books.use(actor=ME, address=address(2), now=NOW)
            assert await books.sweep(now=NOW + KEPT_FOR) == 1
        assert await rows_in(dsn) == NOTHING

    run(scene())
