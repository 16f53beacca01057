"""What a courier does with several envelopes of one door at once, and the list of doors. Each item is answered by itself."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from litestar import Response, get
from litestar.params import Parameter
from msgspec import Meta

from safehand.house.commanded import TIME_MAX, TIME_MIN, City, Moment
from safehand.house.front import Action, Asked
from safehand.house.problems import NOT_ALLOWED, invalid
from safehand.house.routes import Web
from safehand.house.runtime import House
from safehand.house.sessions import Session
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.outcome import Refusal, sentence, way_out
from safehand.kernel.shell import Call, Done
from safehand.link.messages import GROUPED_ORDERS_MAX, Office, Reason, Reference, Waybill
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.delivery.states import State
from safehand.postal.delivery.stops.refusals import NOTHING_NAMED
from safehand.postal.delivery.stops.rules import StopItem, StopShown, in_stops, item_shown
from safehand.postal.delivery.stops.states import Stop
from safehand.postal.item import Item
from safehand.postal.process import ITEM, STOP

WITH_COURIER: Final = ("delivery.with_courier", "delivery.attempted", "delivery.claimed")
AT_OFFICE: Final = "delivery.at_office"
STOPS_MAX: Final = 500
COURIER: Final = frozenset({"courier"})


class TakenOutItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One envelope that is scanned out."""

    item: Reference
    waybill: Waybill
    scan_id: Reference


class FailedItem(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One envelope whose recipient is not there."""

    item: Reference
    waybill: Waybill
    attempt: Annotated[int, Meta(ge=1, le=50)]


class TakeOutRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Several envelopes of one door, for one round."""

    city: City
    office: Office
    occurred_at: Moment
    items: Annotated[list[TakenOutItem], Meta(max_length=GROUPED_ORDERS_MAX)]


class FailRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Those of one door that could not be handed over, for one reason."""

    city: City
    place: Office
    occurred_at: Moment
    reason: Reason = Reason.ABSENT
    items: Annotated[list[FailedItem], Meta(max_length=GROUPED_ORDERS_MAX)]


class ItemOutcome(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What became of one item: its events, or why not and what to do."""

    item: str
    events: tuple[str, ...] = ()
    repeated: bool = False
    refused: str = ""
    said_zh: str = ""
    said_en: str = ""


class StopOutcomes(msgspec.Struct, frozen=True, kw_only=True):
    """One outcome for each item, in order."""

    outcomes: tuple[ItemOutcome, ...]


class Stops(msgspec.Struct, frozen=True, kw_only=True):
    """A list of doors."""

    stops: list[StopShown]


def _taken_out(request: TakeOutRequest, one: TakenOutItem, courier: str) -> Command:
    return to_deliver.TakeOut(
        waybill=one.waybill,
        courier=courier,
        office=request.office,
        scan_id=one.scan_id,
        occurred_at=request.occurred_at,
    )


def _failed(request: FailRequest, one: FailedItem, courier: str) -> Command:
    return to_deliver.Fail(
        waybill=one.waybill,
        courier=courier,
        reason=request.reason,
        attempt=one.attempt,
        place=request.place,
        occurred_at=request.occurred_at,
    )


@dataclass(frozen=True, kw_only=True)
class StopWork:
    """The actions and the list of doors, over an open house."""

    house: House

    def actions(self) -> list[Action]:
        """`stop.take_out` and `stop.fail`, for couriers, who act as themselves."""
        return [
            self._action("stop.take_out", "Take several envelopes of a door out", TakeOutRequest, _taken_out),
            self._action("stop.fail", "Those of a door who are not there", FailRequest, _failed),
        ]

    def _action(
        self, name: str, summary: str, asks: type[msgspec.Struct], command: Callable[[Any, Any, str], Command]
    ) -> Action:
        async def run(asked: Sequence[Asked]) -> Sequence[Done | Refusal]:
            refusals = [_refused(one.session, one.item) for one in asked]
            calls = [
                Call(
                    stream=StreamKey(one.item.city, item.item),
                    kind=ITEM,
                    command=command(one.item, item, one.session.actor),
                    actor=one.session.actor,
                    key=f"{one.key}:{item.item}",
                    request_hash=one.request_hash,
                    token=self.house.ids.token(basis=f"{one.key}:{item.item}"),
                )
                for one, refusal in zip(asked, refusals, strict=True)
                if refusal is None
                for item in one.item.items
            ]
            answered = iter(await self.house.shell.run(calls) if calls else ())
            return [
                refusal if refusal is not None else _done(one, [next(answered) for _ in one.item.items])
                for one, refusal in zip(asked, refusals, strict=True)
            ]

        return Action(
            name=name, summary=summary, roles=COURIER, asks=asks, run=run, shows=lambda done: done.state
        )

    async def of_courier(self, *, session: Session) -> list[StopShown]:
        """The courier's own items as doors, and what of each still lies at the office."""
        found = await self._listed(WITH_COURIER, session.cities, narrowed=session.actor)
        return in_stops(items=_lines(found), at_office=await self._at_office(found))

    async def of_office(self, *, session: Session, office: str) -> list[StopShown]:
        """What lies at an office, as doors: what goes out together is seen before the round."""
        return in_stops(
            items=_lines(await self._listed((AT_OFFICE,), session.cities, narrowed=office)), at_office={}
        )

    async def _listed(
        self, queues: Sequence[str], cities: Sequence[int], *, narrowed: str
    ) -> dict[StreamKey, Item]:
        keys: list[StreamKey] = []
        for queue in queues:
            rows = await self.house.store.worklist(
                queue=queue, cities=cities or None, narrowed=narrowed, limit=STOPS_MAX
            )
            keys += [StreamKey(row.city, row.stream) for row in rows]
        return await self._items(keys)

    async def _items(self, keys: Sequence[StreamKey]) -> dict[StreamKey, Item]:
        rows = await self.house.store.streams(keys=keys) if keys else {}
        return {
            key: msgspec.json.decode(rows[key].state, type=Item)
            for key in keys
            if key in rows and rows[key].kind == ITEM
        }

    async def _at_office(self, mine: Mapping[StreamKey, Item]) -> dict[str, list[StopItem]]:
        keys = {StreamKey(key.city, item.delivery.stop) for key, item in mine.items() if item.delivery.stop}
        rows = await self.house.store.streams(keys=sorted(keys)) if keys else {}
        left: dict[str, list[StopItem]] = {}
        for key, row in rows.items():
            if row.kind != STOP:
                continue
            orders = msgspec.json.decode(row.state, type=Stop).orders
            offices = {item.delivery.office for item in mine.values() if item.delivery.stop == key.stream}
            others = await self._items([StreamKey(key.city, order) for order in orders])
            left[key.stream] = [
                item_shown(city=other.city, name=other.stream, item=item)
                for other, item in others.items()
                if item.delivery.state is State.AT_OFFICE and item.delivery.office in offices
            ]
        return left


def _lines(found: Mapping[StreamKey, Item]) -> list[tuple[StopItem, str]]:
    return [
        (item_shown(city=key.city, name=key.stream, item=item), item.delivery.stop)
        for key, item in found.items()
        if item.delivery.since is not None
    ]


def _refused(session: Session, request: TakeOutRequest | FailRequest) -> Refusal | None:
    if session.cities and request.city not in session.cities:
        return NOT_ALLOWED()
    occurred: datetime = request.occurred_at
    if not TIME_MIN <= occurred < TIME_MAX:
        return invalid("a time is before the year 2000 or after 2099")
    names = [one.item for one in request.items]
    return None if names and len(set(names)) == len(names) else NOTHING_NAMED()


def _done(one: Asked, outcomes: Sequence[Done | Refusal]) -> Done:
    """An answer for each item; the request itself is done, whatever some of them met."""
    items: Sequence[TakenOutItem | FailedItem] = one.item.items
    shown = [_outcome(item.item, outcome) for item, outcome in zip(items, outcomes, strict=True)]
    first = items[0].item
    return Done(
        stream=first, city=one.item.city, version=0, events=(), state=StopOutcomes(outcomes=tuple(shown))
    )


def _outcome(item: str, outcome: Done | Refusal) -> ItemOutcome:
    if isinstance(outcome, Done):
        return ItemOutcome(item=item, events=outcome.events, repeated=outcome.repeated)
    said = {
        language: f"{sentence(outcome, language)} {way_out(outcome, language)}" for language in ("zh", "en")
    }
    return ItemOutcome(item=item, refused=outcome.code, said_zh=said["zh"], said_en=said["en"])


def stops_route(*, work: StopWork) -> Any:
    """`GET /v1/stops`: the courier's round as doors; with `office`, what lies there."""

    @get(
        "/stops",
        summary="Your items as doors",
        description="Roles: courier, office_clerk. What goes to one door is one stop; no person is in it.",
        tags=["stops"],
        opt={"roles": frozenset({"courier", "office_clerk"}), "shows": Stops},
    )
    async def stops(
        request: Web, office: Annotated[str | None, Parameter(max_length=32, pattern=r"^[A-Z0-9-]+$")] = None
    ) -> Response[Any]:
        session: Session = request.state.session
        if office is not None:
            return Response(content=Stops(stops=await work.of_office(session=session, office=office)))
        return Response(content=Stops(stops=await work.of_courier(session=session)))

    return stops
