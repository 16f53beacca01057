"""Keeps address books: one sealed record for each person, under a key of its own, found by a keyed digest of whose it is.

Every change says which version it was made from, in one statement with the record: two windows can't undo each other, and
nothing is saved into a book that is being forgotten. Whose last address goes, loses the key with it.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from safehand.authority.addresses.address import Address
from safehand.authority.addresses.book import KEPT_FOR, Book, with_address, without_address, without_unused
from safehand.authority.addresses.refusals import BOOK_BUSY
from safehand.kernel.ids import Ids, readable
from safehand.kernel.outcome import Refusal
from safehand.kernel.store import HouseStore, VaultKeyRow, VaultRow
from safehand.kernel.vault import Unsealable, VaultKeys, seal, unseal

NO_CITY: Final = 0
"""A book belongs to no city."""
RECORD: Final = "address_book"
SUBJECT_BYTES: Final = 16
TRIES_MAX: Final = 5
SWEPT_AT_ONCE_MAX: Final = 200

_READ: Final = (
    "select b.subject, b.version, k.wrapped, r.sealed from address_book b"
    " left join keys.case_key k on k.city = $1 and k.subject = b.subject"
    " left join vault_record r on r.city = $1 and r.subject = b.subject and r.name = $3"
    " where b.subject = any($2::text[])"
)
_SAVE: Final = """
    with begun as (
        insert into address_book (subject, version, oldest_at) select $2::text, 1, $6::timestamptz where $4::int = 0
        on conflict (subject) do nothing returning version),
    changed as (
        update address_book set version = version + 1, oldest_at = $6 where subject = $2 and version = $4
        returning version),
    saved as (select version from begun union all select version from changed),
    keyed as (
        insert into keys.case_key (city, subject, wrapped) select $1::int, $2, $3::bytea from begun
        on conflict (city, subject) do update set wrapped = excluded.wrapped),
    sealed as (
        insert into vault_record (city, subject, name, sealed) select $1, $2, $7::text, $5::bytea from saved
        on conflict (city, subject, name) do update set sealed = excluded.sealed)
    select version from saved"""
_FORGET: Final = """
    with gone as (
        delete from address_book b using unnest($2::text[], $3::int[]) as w (subject, version)
        where b.subject = w.subject and w.version in (0, b.version) returning b.subject),
    keys_gone as (delete from keys.case_key k using gone where k.city = $1 and k.subject = gone.subject),
    records_gone as (delete from vault_record r using gone where r.city = $1 and r.subject = gone.subject)
    select subject from gone"""
_UNUSED: Final = "select subject from address_book where oldest_at <= $1 order by oldest_at limit $2"
_ANY_VERSION: Final = 0


class _Held(msgspec.Struct, frozen=True, kw_only=True):
    """A book as it was read, with what is needed to save it again. `version` 0: never saved."""

    subject: str
    version: int
    book: Book
    key: bytes
    wrapped: bytes


class AddressBooks:
    """Keeps, gives back and forgets. `actor`: the applicant, as sessions know them."""

    def __init__(self, *, store: HouseStore, vault: VaultKeys, ids: Ids) -> None:
        self._store = store
        self._vault = vault
        self._ids = ids
        self._decoder = msgspec.json.Decoder(Book)

    async def read(self, *, actor: str, now: datetime) -> Book:
        """The person's addresses, the last used first; empty when there are none, or none that still opens."""
        opened, _ = await self._opened([self._subject_of(actor)])
        return without_unused(book=opened[0].book, now=now) if opened else Book()

    async def use(self, *, actor: str, address: Address, now: datetime) -> Book | Refusal:
        """Put an address that is used now to the front, or into the book; `BOOK_FULL`, `BOOK_BUSY`."""
        name = self._ids.new(prefix="ad", basis=f"{actor}:{now.isoformat()}:{address.region}")
        return await self._change(
            actor=actor,
            change=lambda book: with_address(book=book, address=address, name=name, now=now),
        )

    async def remove(self, *, actor: str, name: str) -> Book | Refusal:
        """Take one address out; `NOT_IN_BOOK`, `BOOK_BUSY`."""
        return await self._change(actor=actor, change=lambda book: without_address(book=book, name=name))

    async def forget(self, *, actor: str) -> bool:
        """Erase the whole book, the key first of all; whether there was one. Told twice it finds nothing left."""
        return bool(await self._forget([(self._subject_of(actor), _ANY_VERSION)]))

    async def sweep(self, *, now: datetime, kept_for: timedelta = KEPT_FOR) -> int:
        """The job: takes out what nobody used for so long; returns how many books became shorter or went."""
        rows = await self._store.fetch(_UNUSED, now - kept_for, SWEPT_AT_ONCE_MAX)
        if not rows:
            return 0
        opened, broken = await self._opened([row[0] for row in rows])
        swept = len(await self._forget(broken)) if broken else 0
        for held in opened:
            # Whoever uses the book at this moment has saved another version: the next sweep looks again.
            shorter = without_unused(book=held.book, now=now, kept_for=kept_for)
            swept += await self._saved(held, shorter)
        return swept

    def _subject_of(self, actor: str) -> str:
        digest = self._vault.digest(purpose="address book", value=actor)
        return f"ab_{readable(digest[:SUBJECT_BYTES])}"

    async def _change(self, *, actor: str, change: Callable[[Book], Book | Refusal]) -> Book | Refusal:
        for _ in range(TRIES_MAX):
            held = await self._held(self._subject_of(actor))
            changed = change(held.book)
            if isinstance(changed, Refusal) or await self._saved(held, changed):
                return changed
        return BOOK_BUSY()

    async def _held(self, subject: str) -> _Held:
        """A book to be changed. One that opens no more gives way to a new one, now that its owner wants to write."""
        opened, broken = await self._opened([subject])
        if opened:
            return opened[0]
        if broken:
            await self._forget(broken)
        key, row = self._vault.new_key(city=NO_CITY, subject=subject)
        return _Held(subject=subject, version=0, book=Book(), key=key, wrapped=row.wrapped)

    async def _opened(self, subjects: Sequence[str]) -> tuple[list[_Held], list[tuple[str, int]]]:
        """The books of subjects; apart from them, with their versions, those that do not open.

        Such a book was kept under other keys of the house. Reading doesn't destroy it: the keys may only be misplaced.
        """
        rows = await self._store.fetch(_READ, NO_CITY, list(subjects), RECORD)
        opened: list[_Held] = []
        broken: list[tuple[str, int]] = []
        for row in rows:
            try:
                opened.append(self._open(row))
            except (Unsealable, msgspec.MsgspecError):
                broken.append((row[0], row[1]))
        return opened, broken

    def _open(self, row: Any) -> _Held:
        subject, version, wrapped, sealed = row
        if wrapped is None or sealed is None:
            raise Unsealable("an address book without its key or record")
        key = self._vault.unwrap(VaultKeyRow(NO_CITY, subject, wrapped))
        plain = unseal(key=key, row=VaultRow(NO_CITY, subject, RECORD, sealed))
        book = self._decoder.decode(plain)
        return _Held(subject=subject, version=version, book=book, key=key, wrapped=wrapped)

    async def _saved(self, held: _Held, book: Book) -> bool:
        """Save what was made of a book, unless it was changed meanwhile; an empty book is forgotten."""
        if not book.addresses:
            return held.version == 0 or bool(await self._forget([(held.subject, held.version)]))
        row = seal(
            key=held.key,
            city=NO_CITY,
            subject=held.subject,
            name=RECORD,
            plain=msgspec.json.encode(book),
        )
        oldest = min(one.used_at for one in book.addresses)
        rows = await self._store.fetch(
            _SAVE, NO_CITY, held.subject, held.wrapped, held.version, row.sealed, oldest, RECORD
        )
        return bool(rows)

    async def _forget(self, books: Sequence[tuple[str, int]]) -> Sequence[Any]:
        """Forget books of these versions (`_ANY_VERSION`: whatever they are)."""
        return await self._store.fetch(
            _FORGET, NO_CITY, [subject for subject, _ in books], [version for _, version in books]
        )
