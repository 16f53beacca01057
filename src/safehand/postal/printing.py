"""Labels and manifests over HTTP: facts from the items' states, the person from the vault only in its masked form.

Printing changes nothing; that a label was printed is said by its own action (`acceptance.print_label`). A masked label
shows a person, so it is written down who asked for it. The PDF is made beside the event loop.
"""

import asyncio
import hmac
from collections.abc import Mapping, Sequence
from hashlib import sha256
from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, post
from msgspec import Meta

from safehand.house.commanded import City, Stream
from safehand.house.persons import read_persons
from safehand.house.problems import NOT_ALLOWED, NOT_FOUND, TOO_MANY
from safehand.house.reading import ReadLog
from safehand.house.routes import body_of, problem_response
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.kernel.gather import Overloaded
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal, define
from safehand.link.labels import LabelAnswer, LabelCode
from safehand.link.messages import DeliveryPart, PostageMode
from safehand.postal.acceptance.bags.events import BagExpected
from safehand.postal.acceptance.labels.label import (
    LABELS_MAX,
    TOKEN_MAC_BYTES,
    ItemToken,
    LabelFacts,
    LabelSize,
    MaskedRecipient,
    OpaqueFacts,
    Profile,
    SendingOffice,
)
from safehand.postal.acceptance.labels.manifest import ManifestFacts, render_manifest
from safehand.postal.acceptance.labels.render import render_labels
from safehand.postal.border.hearing import RECIPIENT_RECORD
from safehand.postal.item import Item
from safehand.postal.network.cities import PostalCity
from safehand.postal.network.offices import acceptance_office
from safehand.postal.process import BAG, ITEM

ROLES: Final = frozenset({"acceptance_clerk", "office_clerk", "postal_manager"})
_NUMBER_CHARACTERS: Final = 17
"""Of a bag's name so many stand on the manifest: with what is put before them they fit its Code 128."""

UNPRINTABLE = define(
    code="label.no_number_yet",
    en="Item {item} has no waybill number yet, or there is no such item in this city.",
    zh="邮件 {item} 尚未分配邮件号，或该城市没有此邮件。",
    way_out_en="Check the order's number; a number is allocated by itself as soon as one is free. Print the others without it.",
    way_out_zh="请核对订单号；有可用号码时系统会自动分配。其他邮件可先行打印。",
    owner="postal.printing",
    status=409,
)
ERASED = define(
    code="label.person_erased",
    en="The recipient of item {item} has been erased or can't be opened.",
    zh="邮件 {item} 的收件人信息已删除或无法打开。",
    way_out_en="Print this item with the opaque profile, which shows no person.",
    way_out_zh="请改用无个人信息面单打印该邮件。",
    owner="postal.printing",
    status=409,
)


_CODES: Final[Mapping[str, LabelCode]] = {
    ERASED.code: LabelCode.PERSON_ERASED,
    TOO_MANY.code: LabelCode.BUSY,
}
"""What a peer is told; every other defect of a label is the post's to look at."""


class LabelsAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which items, on which paper, with or without the masked person."""

    city: City
    items: Annotated[list[Stream], Meta(min_length=1, max_length=LABELS_MAX)]
    size: LabelSize = "100x180"
    profile: Profile = "opaque"


class ManifestAsked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which bag."""

    city: City
    bag: Stream


class Printing:
    """Makes the PDFs of one house. `secret` makes the tokens' MACs."""

    def __init__(self, *, house: House, cities: Mapping[str, PostalCity], secret: bytes) -> None:
        self._house, self._cities, self._secret = house, cities, secret
        self._items = msgspec.json.Decoder(Item)
        self._parts = msgspec.json.Decoder(DeliveryPart)
        self._bags = msgspec.json.Decoder(BagExpected)
        self._log = ReadLog(house=house)

    async def labels(self, *, session: Session, asked: LabelsAsked) -> bytes | Refusal:
        """One page a label, in the order asked; all or none."""
        if session.cities and asked.city not in session.cities:
            return NOT_ALLOWED()
        keys = [StreamKey(asked.city, item) for item in asked.items]
        rows = await self._house.store.streams(keys=sorted(set(keys)))
        items: list[tuple[StreamKey, Item]] = []
        for key in keys:
            row = rows.get(key)
            item = self._items.decode(row.state) if row is not None and row.kind == ITEM else None
            if item is None or item.order is None or not item.waybill:
                return UNPRINTABLE(item=key.stream)
            items.append((key, item))
        return await self._printed(items, actor=session.actor, size=asked.size, profile=asked.profile)

    async def label(
        self, *, peer: str, city: int, order: str, profile: Profile, size: LabelSize
    ) -> LabelAnswer:
        """See `link.labels.LabelMaker`: the label of an order, for the house that placed it."""
        key = StreamKey(city, order)
        row = (await self._house.store.streams(keys=[key])).get(key)
        item = self._items.decode(row.state) if row is not None and row.kind == ITEM else None
        if item is None or item.order is None or item.terms.peer != peer:
            return LabelAnswer(code=LabelCode.UNKNOWN)
        if not item.waybill:
            return LabelAnswer(code=LabelCode.NO_NUMBER_YET)
        made = await self._printed([(key, item)], actor=f"authority:{peer}", size=size, profile=profile)
        if isinstance(made, Refusal):
            return LabelAnswer(code=_CODES.get(made.code, LabelCode.NOT_PRINTABLE))
        return LabelAnswer(code=LabelCode.PRINTED, pdf=made)

    async def _printed(
        self, items: Sequence[tuple[StreamKey, Item]], *, actor: str, size: LabelSize, profile: Profile
    ) -> bytes | Refusal:
        facts = (
            [self._opaque(key, item) for key, item in items]
            if profile == "opaque"
            else await self._masked(actor, items)
        )
        if isinstance(facts, Refusal):
            return facts
        return await asyncio.to_thread(render_labels, labels=facts, size=size, profile=profile)

    def token(self, *, key: StreamKey, nonce: bytes) -> ItemToken:
        """What the QR carries: the item's random number and its MAC under the house's secret."""
        said = f"item\x1f{key.city}\x1f{key.stream}\x1f".encode() + nonce
        return ItemToken(nonce=nonce, mac=hmac.digest(self._secret, said, sha256)[:TOKEN_MAC_BYTES])

    def _opaque(self, key: StreamKey, item: Item) -> OpaqueFacts:
        routing = item.terms.routing
        return OpaqueFacts(
            waybill_number=item.waybill,
            routing_code=routing,
            round_code=routing.rpartition("-")[2],
            token=self.token(key=key, nonce=item.acceptance.token),
        )

    async def _masked(
        self, actor: str, items: Sequence[tuple[StreamKey, Item]]
    ) -> list[LabelFacts] | Refusal:
        keys = sorted({key for key, _ in items})
        try:
            # Written down before anything is opened; together they are one statement.
            await asyncio.gather(*(self._log.write(key=k, actor=actor, what="label") for k in keys))
        except Overloaded:
            return TOO_MANY()
        persons = await read_persons(house=self._house, keys=keys, name=RECIPIENT_RECORD)
        facts: list[LabelFacts] = []
        for key, item in items:
            if key not in persons:
                return ERASED(item=key.stream)
            part = self._parts.decode(persons[key])
            facts.append(self._with_person(key, item, part))
        return facts

    def _with_person(self, key: StreamKey, item: Item, part: DeliveryPart) -> LabelFacts:
        terms, plain = item.terms, self._opaque(key, item)
        city = self._cities[str(key.city)].identity
        return LabelFacts(
            **msgspec.structs.asdict(plain),
            order_reference=terms.order,
            item_count=terms.documents,
            postage_fen=terms.postage_fen,
            payment="collect_on_delivery" if terms.postage_mode is PostageMode.ON_DELIVERY else "prepaid",
            sender=SendingOffice(
                public_name=f"{city.name_zh} {terms.office}",
                return_address=f"{city.province_zh}{city.name_zh} {acceptance_office(key.city)}",
            ),
            recipient=MaskedRecipient.of(name=part.name, phone=part.phone, address=part.address),
        )

    async def manifest(self, *, session: Session, asked: ManifestAsked) -> bytes | Refusal:
        """The manifest as the authority announced the bag, also after its count."""
        if session.cities and asked.city not in session.cities:
            return NOT_ALLOWED()
        rows = await self._house.store.fetch(
            "select e.body from event e join stream s on s.city = e.city and s.stream = e.stream"
            " where e.city = $1 and e.stream = $2 and e.kind = 'bag.expected' and s.kind = $3"
            " order by e.version limit 1",
            asked.city,
            asked.bag,
            BAG,
        )
        if not rows:
            return NOT_FOUND()
        bag = self._bags.decode(rows[0][0])
        letters = "".join(one for one in asked.bag[3:].upper() if one.isalnum() and one.isascii())
        facts = ManifestFacts(
            manifest_number=f"M-{letters[:_NUMBER_CHARACTERS]}",
            bag_number=f"B-{letters[:_NUMBER_CHARACTERS]}",
            seal_number=bag.seal,
            giving_office=bag.office,
            taking_office=acceptance_office(asked.city),
            closed_at=bag.offered_at,
            declared_count=len(bag.waybills),
            waybill_numbers=bag.waybills,
        )
        return await asyncio.to_thread(render_manifest, manifest=facts)


Web = Request[Any, Any, Any]


def printing_routes(*, printing: Printing) -> list[Any]:
    """`POST /v1/labels` and `POST /v1/manifests`: answered with `application/pdf`; they change nothing and need no key."""

    @post(
        "/labels",
        status_code=200,
        summary="Print labels",
        description=f"Roles: {', '.join(sorted(ROLES))}. Answers with a PDF, one page a label.",
        tags=["labels"],
        opt={"roles": ROLES, "asks": LabelsAsked},
    )
    async def labels(request: Web) -> Response[Any]:
        asked = await body_of(request=request, shape=LabelsAsked)
        return _answer(await printing.labels(session=request.state.session, asked=asked), request)

    @post(
        "/manifests",
        status_code=200,
        summary="Print the manifest of a bag",
        description=f"Roles: {', '.join(sorted(ROLES))}. Answers with a PDF.",
        tags=["labels"],
        opt={"roles": ROLES, "asks": ManifestAsked},
    )
    async def manifests(request: Web) -> Response[Any]:
        asked = await body_of(request=request, shape=ManifestAsked)
        return _answer(await printing.manifest(session=request.state.session, asked=asked), request)

    return [labels, manifests]


def _answer(made: bytes | Refusal, request: Web) -> Response[Any]:
    if isinstance(made, Refusal):
        return problem_response(refusal=made, request=request)
    return Response(content=made, status_code=200, media_type="application/pdf")
