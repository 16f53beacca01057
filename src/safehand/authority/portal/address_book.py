"""The page of one's own address book: what is kept, taken out one by one, or all of it forgotten."""

from dataclasses import dataclass
from typing import Any, Final

from litestar import Response, get, post

from safehand.authority.addresses.divisions import Divisions
from safehand.authority.addresses.keeping import AddressBooks
from safehand.authority.portal.forms import Forms
from safehand.authority.portal.frame import Frame, Web
from safehand.house.runtime import House
from safehand.kernel.masking import masked_phone
from safehand.kernel.outcome import Refusal

ALL: Final = "all"


@dataclass(frozen=True, kw_only=True)
class AddressBookPage:
    """The routes under `/addresses`. An address is named by what was drawn for it; nothing of it stands in the web's address."""

    house: House
    frame: Frame
    forms: Forms
    divisions: Divisions
    books: AddressBooks

    def routes(self) -> list[Any]:
        """The page as Litestar handlers; none is part of the API's description."""
        handlers = [get("/addresses")(self.page), post("/addresses")(self.remove)]
        for handler in handlers:
            handler.include_in_schema = False
        return handlers

    async def page(self, request: Web) -> Response[bytes]:
        """GET /addresses: the book, the last used address first."""
        session = await self.forms.session(request)
        if session is None:
            return self.frame.redirect("/sign-in?to=/addresses")
        book = await self.books.read(actor=session.actor, now=self.house.clock.now())
        return self.frame.page(
            request=request,
            template="address_book.html",
            addresses=[
                (one.name, self.divisions.words(one.region), one.text, masked_phone(one.phone), one.used_at)
                for one in book.addresses
            ],
            csrf=self.forms.token(request),
        )

    async def remove(self, request: Web) -> Response[bytes]:
        """POST /addresses: one address out of it, or the whole book forgotten."""
        session = await self.forms.session(request)
        if session is None:
            return self.frame.redirect("/sign-in?to=/addresses")
        sent = await self.forms.sent(request)
        if isinstance(sent, Refusal):
            return self.frame.problem(request=request, refusal=sent)
        if sent["name"] == ALL:
            await self.books.forget(actor=session.actor)
            return self.frame.redirect("/addresses")
        changed = await self.books.remove(actor=session.actor, name=sent["name"])
        if isinstance(changed, Refusal):
            return self.frame.problem(request=request, refusal=changed)
        return self.frame.redirect("/addresses")
