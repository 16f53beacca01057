"""The vault: what is sealed opens only in its place, under its key; nothing of a person is in any row."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import pytest

from safehand.kernel.clock import SetClock
from safehand.kernel.ids import DerivedIds
from safehand.kernel.machine import StreamKey
from safehand.kernel.shell import Call, Shell
from safehand.kernel.store import BlindRow, VaultKeyRow, VaultRow
from safehand.kernel.store_postgres import PostgresStore
from safehand.kernel.vault import Unsealable, VaultKeys, seal, seal_all, unseal
from tests.kernel.counting_house import JAR, Put

SQL = Path("src/safehand/kernel/sql").resolve()
START = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
CITY = 310000
NAME, PHONE, NUMBER = "张三", "19900000001", "999999199001010016"
RECORDS = {"person": f'{{"name":"{NAME}","id":"{NUMBER}"}}'.encode(), "delivery": PHONE.encode()}


def keys(*, wrapping: int = 1, blinding: int = 2) -> VaultKeys:
    return VaultKeys(wrapping=bytes([wrapping]) * 32, blinding=bytes([blinding]) * 32)


def test_what_was_sealed_opens_in_its_place() -> None:
    wrapped, rows = seal_all(keys=keys(), city=CITY, subject="a", records=RECORDS)
    key = keys().unwrap(wrapped)
    assert {row.name: unseal(key=key, row=row) for row in rows} == RECORDS


def test_a_record_moved_to_another_place_does_not_open() -> None:
    wrapped, (row, _) = seal_all(keys=keys(), city=CITY, subject="a", records=RECORDS)
    key = keys().unwrap(wrapped)
    for moved in (row._replace(city=440100), row._replace(subject="b"), row._replace(name="delivery")):
        with pytest.raises(Unsealable, match="does not open"):
            unseal(key=key, row=moved)
    for stolen in (wrapped._replace(city=440100), wrapped._replace(subject="b")):
        with pytest.raises(Unsealable, match="does not open"):
            keys().unwrap(stolen)


def test_no_altered_or_cut_byte_goes_unnoticed() -> None:
    wrapped, (row, _) = seal_all(keys=keys(), city=CITY, subject="a", records=RECORDS)
    key = keys().unwrap(wrapped)
    for place in range(len(row.sealed)):
        for altered in (
            bytes([*row.sealed[:place], row.sealed[place] ^ 1, *row.sealed[place + 1 :]]),
            row.sealed[:place],
        ):
            with pytest.raises(Unsealable):
                unseal(key=key, row=row._replace(sealed=altered))
    for place in range(len(wrapped.wrapped)):
        altered = bytes([*wrapped.wrapped[:place], wrapped.wrapped[place] ^ 1, *wrapped.wrapped[place + 1 :]])
        for broken in (altered, wrapped.wrapped[:place]):
            with pytest.raises(Unsealable):
                keys().unwrap(wrapped._replace(wrapped=broken))


def test_another_persons_key_and_another_houses_key_open_nothing() -> None:
    wrapped, (row, _) = seal_all(keys=keys(), city=CITY, subject="a", records=RECORDS)
    other, _ = seal_all(keys=keys(), city=CITY, subject="b", records={})
    with pytest.raises(Unsealable):
        unseal(key=keys().unwrap(other), row=row)
    with pytest.raises(Unsealable):
        keys(wrapping=3).unwrap(wrapped)


def test_the_same_record_sealed_twice_looks_different() -> None:
    key, _ = keys().new_key(city=CITY, subject="a")
    sealed = {seal(key=key, city=CITY, subject="a", name="n", plain=b"same").sealed for _ in range(100)}
    assert len(sealed) == 100


def test_the_blind_index_finds_by_value_and_says_nothing_without_the_key() -> None:
    digest = keys().digest(purpose="id", value=NUMBER)
    assert digest == keys().digest(purpose="id", value=NUMBER)
    different = {
        digest,
        keys().digest(purpose="phone", value=NUMBER),
        keys().digest(purpose="id", value=PHONE),
        keys(blinding=9).digest(purpose="id", value=NUMBER),
    }
    assert len(different) == 4
    assert keys().blind(purpose="id", value=NUMBER, city=CITY, subject="a") == BlindRow(
        "id", digest, CITY, "a"
    )


def test_keys_of_a_wrong_length_are_refused_with_the_way_out() -> None:
    with pytest.raises(ValueError, match=r"32 bytes.*\./do new keys"):
        VaultKeys(wrapping=b"short", blinding=bytes(32))


async def _every_text(store: PostgresStore) -> bytes:
    """Everything in every column of every table, as PostgreSQL prints it and as raw bytes."""
    tables = await store.fetch(
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('public', 'keys')"
    )
    found = b""
    for (table,) in tables:
        for row in await store.fetch(f"select * from {table}"):
            found += b"\n".join(v if isinstance(v, bytes) else str(v).encode() for v in row.values())
    return found


def _jar_with(vault: VaultKeys, jar: str) -> Call:
    wrapped, rows = seal_all(keys=vault, city=CITY, subject=jar, records=RECORDS)
    return Call(
        stream=StreamKey(CITY, jar),
        kind="jar",
        command=Put(number=1),
        actor="cook",
        vault=rows,
        vault_keys=(wrapped,),
        blind=(vault.blind(purpose="id", value=NUMBER, city=CITY, subject=jar),),
    )


def test_no_row_holds_a_person_and_an_erased_person_can_not_be_opened(
    fresh_database: Callable[..., str],
) -> None:
    dsn = fresh_database(kernel=SQL)

    async def go() -> None:
        store = await PostgresStore.create(dsn=dsn, connections_max=2)
        try:
            vault = keys()
            shell = Shell(
                machines={"jar": JAR}, store=store, clock=SetClock(start=START), ids=DerivedIds(seed="t")
            )
            await shell.run([_jar_with(vault, "a"), _jar_with(vault, "b")])
            written = await _every_text(store)
            assert b"jar.was_put" in written
            for secret in (NAME, PHONE, NUMBER, NUMBER[-6:], NAME[0]):
                assert secret.encode() not in written
            found = await store.fetch(
                "select subject from blind_index where purpose = 'id' and digest = $1 order by subject",
                vault.digest(purpose="id", value=NUMBER),
            )
            assert [row[0] for row in found] == ["a", "b"]
            await store.fetch("delete from keys.case_key where subject = 'a'")
            wrapped = [VaultKeyRow(*row) for row in await store.fetch("select * from keys.case_key")]
            assert [row.subject for row in wrapped] == ["b"]
            [kept] = await store.fetch("select * from vault_record where subject = 'a' and name = 'person'")
            with pytest.raises(Unsealable):
                unseal(key=vault.unwrap(wrapped[0]), row=VaultRow(*kept))
        finally:
            await store.close()

    asyncio.run(go())


def test_a_request_that_changed_nothing_replaces_nothing_of_the_person(
    fresh_database: Callable[..., str],
) -> None:
    dsn = fresh_database(kernel=SQL)

    async def go() -> None:
        store = await PostgresStore.create(dsn=dsn, connections_max=1)
        try:
            shell = Shell(
                machines={"jar": JAR}, store=store, clock=SetClock(start=START), ids=DerivedIds(seed="t")
            )

            def put(number: int, sealed: bytes) -> Call:
                record = VaultRow(CITY, "a", "person", sealed)
                return Call(
                    stream=StreamKey(CITY, "a"),
                    kind="jar",
                    command=Put(number=number),
                    actor="cook",
                    vault=(record,),
                )

            await shell.run([put(1, b"first")])
            await shell.run([put(0, b"by the way")])
            [kept] = await store.fetch("select sealed from vault_record")
            assert kept[0] == b"first"
            await shell.run([put(2, b"second"), put(3, b"third")])
            [kept] = await store.fetch("select sealed from vault_record")
            assert kept[0] == b"third"
        finally:
            await store.close()

    asyncio.run(go())
