"""Keeps couriers' cards in the vault, each under a key of its own, and shows one while its courier has an item."""

import asyncio
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, post
from msgspec import Meta

from safehand.house.persons import read_persons
from safehand.house.problems import TOO_MANY
from safehand.house.reading import ReadLog
from safehand.house.routes import body_of, problem_response
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.kernel.gather import Overloaded
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.vault import seal_all
from safehand.link.couriers import CardCode, CourierCard
from safehand.link.messages import Reference
from safehand.postal.couriers.pictures import UPLOAD_BYTES_MAX, taken_in
from safehand.postal.couriers.refusals import NO_CARD
from safehand.postal.delivery.states import State
from safehand.postal.item import Item
from safehand.postal.process import ITEM

ROLES: Final = frozenset({"postal_manager"})
NO_CITY: Final = 0
"""A courier's card belongs to no city."""
RECORD: Final = "courier_card"
LOOK: Final = "courier"
OUT: Final = frozenset({State.WITH_COURIER, State.ATTEMPTED, State.CLAIMED})
"""While an item stands so, its courier is on the way with it, or at the door."""
SAVE: Final = (
    "with keyed as (insert into keys.case_key (city, subject, wrapped) values ($1::int, $2::text, $3::bytea)"
    " on conflict (city, subject) do update set wrapped = excluded.wrapped)"
    " insert into vault_record (city, subject, name, sealed) values ($1, $2, $4::text, $5::bytea)"
    " on conflict (city, subject, name) do update set sealed = excluded.sealed"
)
FORGET: Final = (
    "with gone as (delete from keys.case_key where city = $1 and subject = $2 returning 1),"
    " also as (delete from vault_record where city = $1 and subject = $2) select * from gone"
)


class CardToSet(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A courier's card as the manager gives it."""

    courier: Reference
    name: Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f]+$")]
    number: Annotated[str, Meta(min_length=2, max_length=16, pattern=r"^[0-9A-Z-]+$")]
    picture: Annotated[bytes, Meta(max_length=UPLOAD_BYTES_MAX)] = b""
    """A JPEG or PNG; empty: none."""


class CardToRemove(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Whose card."""

    courier: Reference


class CardSet(msgspec.Struct, frozen=True, kw_only=True):
    """What is kept now; not who it is."""

    courier: str
    card: bool
    picture: bool


class Cards:
    """See `link.couriers.CardKeeper`."""

    def __init__(self, *, house: House) -> None:
        self._house = house
        self._items = msgspec.json.Decoder(Item)
        self._log = ReadLog(house=house)

    async def put(self, *, session: Session, asked: CardToSet) -> CardSet | Refusal:
        """Keep a card in the place of the courier's last one, under a new key."""
        picture: bytes | Refusal = b""
        if asked.picture:
            picture = await asyncio.to_thread(taken_in, data=asked.picture)
        if isinstance(picture, Refusal):
            return picture
        if not await self._written_down(session, asked.courier):
            return TOO_MANY()
        card = CourierCard(name=asked.name, number=asked.number, picture=picture)
        key, [record] = seal_all(
            keys=self._house.vault,
            city=NO_CITY,
            subject=asked.courier,
            records={RECORD: msgspec.json.encode(card)},
        )
        await self._house.store.fetch(SAVE, NO_CITY, asked.courier, key.wrapped, RECORD, record.sealed)
        return CardSet(courier=asked.courier, card=True, picture=bool(picture))

    async def remove(self, *, session: Session, asked: CardToRemove) -> CardSet | Refusal:
        """Forget a card, its key first of all."""
        if not await self._written_down(session, asked.courier):
            return TOO_MANY()
        if not await self._house.store.fetch(FORGET, NO_CITY, asked.courier):
            return NO_CARD()
        return CardSet(courier=asked.courier, card=False, picture=False)

    async def card(self, *, peer: str, city: int, order: str, courier: str) -> CourierCard | CardCode:
        """See `link.couriers.CardKeeper`: to the house that placed the order, while this courier has its item."""
        key = StreamKey(city, order)
        row = (await self._house.store.streams(keys=[key])).get(key)
        item = self._items.decode(row.state) if row is not None and row.kind == ITEM else None
        if item is None or item.order is None or item.terms.peer != peer:
            return CardCode.UNKNOWN
        if item.delivery.state not in OUT or item.delivery.courier != courier:
            return CardCode.UNKNOWN
        try:
            await self._log.write(key=key, actor=f"authority:{peer}", what=LOOK)
        except Overloaded:
            return CardCode.NO_CARD
        place = StreamKey(NO_CITY, courier)
        plain = (await read_persons(house=self._house, keys=[place], name=RECORD)).get(place)
        return CardCode.NO_CARD if plain is None else msgspec.json.decode(plain, type=CourierCard)

    async def _written_down(self, session: Session, courier: str) -> bool:
        try:
            await self._log.write(
                key=StreamKey(NO_CITY, courier),
                actor=session.actor,
                what=LOOK,
                roles=session.roles,
                office=session.office,
            )
        except Overloaded:
            return False
        return True


Web = Request[Any, Any, Any]


def card_routes(*, cards: Cards) -> list[Any]:
    """`POST /v1/couriers/card` and `POST /v1/couriers/card/remove`. Told twice they do the same, so they need no key."""

    @post(
        "/couriers/card",
        status_code=200,
        summary="Set a courier's card",
        description=f"Roles: {', '.join(sorted(ROLES))}. Recipients see it while that courier has their item.",
        tags=["couriers"],
        opt={"roles": ROLES, "asks": CardToSet, "shows": CardSet},
    )
    async def set_card(request: Web) -> Response[Any]:
        asked = await body_of(request=request, shape=CardToSet)
        return _answer(await cards.put(session=request.state.session, asked=asked), request)

    @post(
        "/couriers/card/remove",
        status_code=200,
        summary="Take a courier's card away",
        description=f"Roles: {', '.join(sorted(ROLES))}. Its key is destroyed.",
        tags=["couriers"],
        opt={"roles": ROLES, "asks": CardToRemove, "shows": CardSet},
    )
    async def remove_card(request: Web) -> Response[Any]:
        asked = await body_of(request=request, shape=CardToRemove)
        return _answer(await cards.remove(session=request.state.session, asked=asked), request)

    return [set_card, remove_card]


def _answer(made: CardSet | Refusal, request: Web) -> Response[Any]:
    if isinstance(made, Refusal):
        return problem_response(refusal=made, request=request)
    return Response(content=made, status_code=200)
