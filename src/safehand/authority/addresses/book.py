"""The addresses that a person keeps for the next application: what is in the book, and how it changes. Pure."""

from datetime import datetime, timedelta
from typing import Annotated, Final

import msgspec
from msgspec import Meta

from safehand.authority.addresses.address import Address
from safehand.authority.addresses.refusals import BOOK_FULL, NOT_IN_BOOK
from safehand.kernel.outcome import Refusal

ADDRESSES_MAX: Final = 10
KEPT_FOR: Final = timedelta(days=730)
"""Counted from the last time that it was used: longer than anybody needs it for, less than it takes to become somebody else's."""


class KeptAddress(msgspec.Struct, frozen=True, kw_only=True):
    """One address. The recipient's name is not in it: it comes from each sign-in anew."""

    name: Annotated[str, Meta(max_length=64)]
    """By which a form names it; drawn, and says nothing."""
    region: str
    text: str
    phone: str
    used_at: datetime


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """All addresses of a person, the last used first."""

    addresses: tuple[KeptAddress, ...] = ()

    def find(self, name: str) -> KeptAddress | None:
        """The address of a name; none when there is none (any more)."""
        return next((one for one in self.addresses if one.name == name), None)


def with_address(*, book: Book, address: Address, name: str, now: datetime) -> Book | Refusal:
    """The book after this address was used: it stands first; `name` is for it if it is new.

    An eleventh is refused: none is thrown away that somebody may rely on.
    """
    rest = [one for one in without_unused(book=book, now=now).addresses if not _is_same(one, address)]
    if len(rest) >= ADDRESSES_MAX:
        return BOOK_FULL(most=ADDRESSES_MAX)
    known = next((one.name for one in book.addresses if _is_same(one, address)), name)
    first = KeptAddress(
        name=known, region=address.region, text=address.text, phone=address.phone, used_at=now
    )
    return Book(addresses=(first, *rest))


def without_address(*, book: Book, name: str) -> Book | Refusal:
    """The book without one address."""
    rest = tuple(one for one in book.addresses if one.name != name)
    return Book(addresses=rest) if len(rest) < len(book.addresses) else NOT_IN_BOOK()


def without_unused(*, book: Book, now: datetime, kept_for: timedelta = KEPT_FOR) -> Book:
    """The book without what was not used for so long (two years at most)."""
    return Book(addresses=tuple(one for one in book.addresses if one.used_at > now - kept_for))


def _is_same(kept: KeptAddress, address: Address) -> bool:
    return (kept.region, kept.text, kept.phone) == (address.region, address.text, address.phone)
