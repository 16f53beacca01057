"""Puts the pages of applying and correcting together."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safehand.authority.addresses.divisions import Divisions
from safehand.authority.addresses.keeping import AddressBooks
from safehand.authority.application.drafts import Drafts
from safehand.authority.cities.city import City
from safehand.authority.documents.document import Document
from safehand.authority.documents.photo_rules import load_photo_rules
from safehand.authority.pictures.examining import Examining
from safehand.authority.portal.address_book import AddressBookPage
from safehand.authority.portal.applying.correcting import Correcting
from safehand.authority.portal.applying.delivery import DeliveryStep
from safehand.authority.portal.applying.looking import Looking
from safehand.authority.portal.applying.pages import Applying
from safehand.authority.portal.applying.picture_steps import PictureSteps
from safehand.authority.portal.pages import Portal
from safehand.authority.ports.register import Register
from safehand.authority.rulebook import Rulebook
from safehand.house.commanded import Owned
from safehand.house.runtime import House


@dataclass(frozen=True, kw_only=True)
class ApplyingPages:
    """The routes, and what must be ended with the house."""

    routes: list[Any]
    looking: Looking


def build_applying(
    *,
    house: House,
    portal: Portal,
    drafts: Drafts,
    register: Register,
    book: Rulebook,
    owned: Owned,
    cities: Mapping[int, City],
    documents: Mapping[str, Document],
    folder: Path,
    divisions: Divisions,
    books: AddressBooks,
) -> ApplyingPages:
    """`folder` holds `documents/_photo`."""
    looking = Looking(examining=Examining(photo_rules=load_photo_rules(folder / "documents" / "_photo")))
    steps = PictureSteps(frame=portal.frame, forms=portal.forms, drafts=drafts, looking=looking)
    applying = Applying(
        house=house,
        frame=portal.frame,
        forms=portal.forms,
        drafts=drafts,
        steps=steps,
        register=register,
        book=book,
        delivery=DeliveryStep(
            house=house,
            frame=portal.frame,
            forms=portal.forms,
            divisions=divisions,
            books=books,
            cities=cities,
            documents=documents,
        ),
        form_secret=portal.form_secret,
        city_names={
            code: (city.identity.name_zh, city.identity.name_en) for code, city in sorted(cities.items())
        },
        document_names={
            code: (one.identity.name_zh, one.identity.name_en) for code, one in sorted(documents.items())
        },
    )
    correcting = Correcting(house=house, owned=owned, steps=steps, book=book)
    book_page = AddressBookPage(
        house=house, frame=portal.frame, forms=portal.forms, divisions=divisions, books=books
    )
    routes = [*applying.routes(), *correcting.routes(), *book_page.routes()]
    return ApplyingPages(routes=routes, looking=looking)
