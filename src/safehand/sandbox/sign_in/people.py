"""What the sign-in needs to know of people; the cast and the synthetic residents fill it."""

from typing import Protocol

import msgspec


class SignInPerson(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who can sign in. `key` is what a login hint names; `about` says what the person is good for."""

    key: str
    name: str
    name_en: str
    resident_id_number: str
    phone: str
    about: str


class People(Protocol):
    """Everybody who can sign in."""

    def to_choose_from(self) -> list[SignInPerson]:
        """Those whom the page offers."""
        ...

    def find(self, *, login_hint: str) -> SignInPerson | None:
        """The person of a key or of a resident ID number; None when there is nobody."""
        ...
