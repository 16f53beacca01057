"""Whom an item may go to, by name: shown to whoever has it for hand-over now, and each look is written down.

The names are for comparing with the papers at the door; the telephones, for finding who is not there. A courier sees no
other courier's items, and nobody sees anybody once the item is over.
"""

from typing import Annotated, Any, Final

import msgspec
from litestar import Request, Response, get
from litestar.params import PathParameter

from safehand.house.erasure import ERASED
from safehand.house.persons import read_persons
from safehand.house.problems import NOT_ALLOWED, NOT_FOUND, TOO_MANY
from safehand.house.reading import ReadLog, key_of
from safehand.house.routes import problem_response
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.kernel.gather import Overloaded
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal, define
from safehand.link.log import RECEIVER_RECORD
from safehand.link.messages import DeliveryPart, ReceiverPart
from safehand.postal.border.hearing import RECIPIENT_RECORD
from safehand.postal.custody.states import State as Holder
from safehand.postal.item import Item, is_over
from safehand.postal.process import ITEM
from safehand.postal.receiver.papers import Paper
from safehand.postal.receiver.states import State

ROLES: Final = frozenset({"courier", "office_clerk", "postal_manager"})
NOT_SHOWN_NOW = define(
    code="receiver.not_shown_now",
    en="Whom this item may go to is shown only to whoever has it for hand-over now.",
    zh="仅向当前持有该邮件、准备交付的人员显示可签收人。",
    way_out_en="Couriers take it out first; at the counter it must lie there. Once it is handed over or stopped, it is shown to nobody.",
    way_out_zh="投递员请先领取该邮件；窗口须先保管该邮件。邮件交付或停止投递后，不再显示。",
    owner="postal.receiver",
)


class PersonShown(msgspec.Struct, frozen=True, kw_only=True):
    """Somebody who may receive it."""

    name: str
    phone: str


class ReceiversShown(msgspec.Struct, frozen=True, kw_only=True):
    """Whom the item may go to."""

    recipient: PersonShown
    agent: PersonShown | None
    """Whoever else may receive it; none: the recipient alone."""
    papers: list[Paper]
    """What must be looked at before an agent is claimed for."""


class Showing:
    """Of one house."""

    def __init__(self, *, house: House) -> None:
        self._house, self._log = house, ReadLog(house=house)
        self._items = msgspec.json.Decoder(Item)

    async def receivers(self, *, session: Session, city: str, stream: str) -> ReceiversShown | Refusal:
        """Whom one item may go to, or why that is not shown."""
        key = key_of(city=city, stream=stream)
        if key is None:
            return NOT_FOUND()
        if session.cities and key.city not in session.cities:
            return NOT_ALLOWED()
        row = (await self._house.store.streams(keys=[key])).get(key)
        if row is None or row.kind != ITEM:
            return NOT_FOUND()
        item = self._items.decode(row.state)
        if not _may_look(item, session):
            return NOT_SHOWN_NOW()
        try:
            await self._log.write(
                key=key,
                actor=session.actor,
                what="receivers",
                roles=session.roles,
                office=session.office,
            )
        except Overloaded:
            return TOO_MANY()
        return await self._opened(key, item)

    async def _opened(self, key: StreamKey, item: Item) -> ReceiversShown | Refusal:
        found = await read_persons(house=self._house, keys=[key], name=RECIPIENT_RECORD)
        if key not in found:
            return ERASED()
        recipient, agent = msgspec.json.decode(found[key], type=DeliveryPart), None
        if item.receiver.state is State.NAMED:
            named = await read_persons(house=self._house, keys=[key], name=RECEIVER_RECORD)
            if named.get(key):
                part = msgspec.json.decode(named[key], type=ReceiverPart)
                agent = PersonShown(name=part.name, phone=part.phone)
        return ReceiversShown(
            recipient=PersonShown(name=recipient.name, phone=recipient.phone),
            agent=agent,
            papers=[] if agent is None else list(Paper),
        )


def _may_look(item: Item, session: Session) -> bool:
    """The courier who has it, the clerks while it lies at a counter, the manager while it is with either."""
    if is_over(item):
        return False
    match item.custody.state:
        case Holder.WITH_COURIER:
            own = "courier" in session.roles and item.delivery.courier == session.actor
            return own or "postal_manager" in session.roles
        case Holder.AT_COUNTER:
            return bool(session.roles & {"office_clerk", "postal_manager"})
        case _:
            return False


Web = Request[Any, Any, Any]


def showing_routes(*, showing: Showing) -> list[Any]:
    """`GET /v1/items/{city}/{item}/receivers`."""

    @get(
        "/items/{city:str}/{stream:str}/receivers",
        summary="Whom one item may go to, by name",
        description=f"Roles: {', '.join(sorted(ROLES))}; only while they have it for hand-over. Every look is written down.",
        tags=["items"],
        operation_id="read_items_receiversshown",
        opt={"roles": ROLES, "shows": ReceiversShown},
    )
    async def receivers(
        request: Web, city: Annotated[str, PathParameter()], stream: Annotated[str, PathParameter()]
    ) -> Response[Any]:
        found = await showing.receivers(session=request.state.session, city=city, stream=stream)
        if isinstance(found, Refusal):
            return problem_response(refusal=found, request=request)
        return Response(content=found)

    return [receivers]
