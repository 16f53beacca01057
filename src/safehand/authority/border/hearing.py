"""What the post says, as commands to cases and bags. A message about an order that is not ours is parked."""

import hashlib
from collections.abc import Mapping, Sequence

import msgspec

from safehand.authority.agent.commands import AGENTS_MAX
from safehand.authority.application.persons import PERSON_RECORD
from safehand.authority.border.door_code import agent_of, fits
from safehand.authority.handover import bag
from safehand.authority.handover import commands as handover
from safehand.authority.returns import commands as returns
from safehand.authority.tracking import commands as tracking
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.shell import Call
from safehand.link import messages as m
from safehand.link.identity_word import word_fits
from safehand.link.reader import Heard

ORDER_UNKNOWN = "border.order_unknown"
NOT_FOR_US = "border.not_for_this_house"


class _Number(msgspec.Struct, frozen=True, kw_only=True):
    """Of a person's record only the number."""

    id_number: str


_NUMBER = msgspec.json.Decoder(_Number)


def order_claim(order: str) -> str:
    """The claim under which a case holds its order."""
    return f"order:{order}"


class AuthorityBorder:
    """See `link.reader.Border`."""

    def __init__(self, *, house: House, code_secret: bytes) -> None:
        self._house = house
        self._secret = code_secret

    async def calls(self, heard: Sequence[Heard]) -> Sequence[Call | str | None]:
        """One call per message, on the case that holds the order or on the bag."""
        orders = sorted({order for one in heard if (order := getattr(one.body, "order", None)) is not None})
        holders = await self._house.store.holders(names=[order_claim(order) for order in orders])
        cases = {
            order: StreamKey(holder.city, holder.stream)
            for order in orders
            if (holder := holders.get(order_claim(order))) is not None
        }
        seen = await self._identities(heard, cases)
        return [self._call(one, cases, seen) for one in heard]

    async def _identities(self, heard: Sequence[Heard], cases: Mapping[str, StreamKey]) -> frozenset[str]:
        """The orders whose identity word is right. The number is opened for this comparison alone and goes nowhere."""
        said = {
            one.body.order: one.body.code
            for one in heard
            if isinstance(one.body, m.DeliveryClaimed)
            and one.body.method is m.ProofMethod.COUNTER_IDENTITY
            and one.body.order in cases
        }
        if not said:
            return frozenset()
        keys = sorted({cases[order] for order in said})
        persons = await read_persons(house=self._house, keys=keys, name=PERSON_RECORD)
        return frozenset(
            order
            for order, given in said.items()
            if (sealed := persons.get(cases[order])) is not None
            and word_fits(order=order, id_number=_NUMBER.decode(sealed).id_number, given=given)
        )

    def _call(self, one: Heard, cases: Mapping[str, StreamKey], seen: frozenset[str]) -> Call | str | None:
        if isinstance(one.body, m.PostageCollected):
            return None  # the post's own money: kept as it came, for the day that the two settle up
        command = self._command(one, seen)
        if command is None:
            return NOT_FOR_US
        order = getattr(one.body, "order", None)
        key = cases.get(order) if order is not None else StreamKey(one.city, one.subject)
        if key is None or key.city != one.city:
            return ORDER_UNKNOWN
        token = self._house.ids.token(basis=f"link:{one.peer}:{one.subject}:{one.kind}:{key.stream}")
        kind = "case" if order is not None else "bag"
        return Call(stream=key, kind=kind, command=command, actor=f"post:{one.peer}", token=token)

    def _command(self, one: Heard, seen: frozenset[str]) -> Command | None:
        match one.body:
            case m.HandoverAccepted() as body:
                return bag.RecordBagAcceptance(seal=body.seal, waybills=tuple(body.waybills))
            case m.HandoverRefused() as body:
                return bag.RecordBagRefusal(items={item.waybill: item.reason for item in body.items})
            case m.WaybillAllocated() | m.OrderRefused():
                return _about_the_order(one.body)
            case m.DeliveryClaimed() as body:
                return self._judge(body, seen)
            case m.RecallAccepted() | m.RecallRefused() | m.ReturnOffered():
                return _about_the_return(one.body)
            case _:
                return _about_the_way(one.body)

    def _judge(self, body: m.DeliveryClaimed, seen: frozenset[str]) -> Command:
        by_code = body.method is m.ProofMethod.RECIPIENT_CODE
        return tracking.JudgeClaim(
            order=body.order,
            waybill=body.waybill,
            method=body.method,
            code_matches=by_code and fits(secret=self._secret, order=body.order, given=body.code),
            session_confirmed=False,
            agent=agent_of(secret=self._secret, order=body.order, given=body.code, most=AGENTS_MAX)
            if by_code
            else 0,
            identity_confirmed=body.method is m.ProofMethod.COUNTER_IDENTITY and body.order in seen,
            claimed_at=body.occurred_at,
            # The record is the message itself, kept as it came in `link_received`.
            evidence=hashlib.sha256(msgspec.json.encode(body)).digest(),
        )


def _about_the_order(body: m.WaybillAllocated | m.OrderRefused) -> Command:
    match body:
        case m.WaybillAllocated():
            return handover.RecordWaybill(
                order=body.order, waybill=body.waybill, routing=body.routing, token=body.token
            )
        case m.OrderRefused():
            return handover.RecordOrderRefused(order=body.order, reason=body.reason)


def _about_the_return(body: m.RecallAccepted | m.RecallRefused | m.ReturnOffered) -> Command:
    match body:
        case m.RecallAccepted():
            return returns.RecordRecallAccepted(order=body.order, waybill=body.waybill)
        case m.RecallRefused():
            return returns.RecordRecallRefused(order=body.order, waybill=body.waybill, reason=body.reason)
        case m.ReturnOffered():
            return returns.RecordReturnOffered(order=body.order, waybill=body.waybill, reason=body.reason)


def _about_the_way(body: m.Message) -> Command | None:
    match body:
        case m.ItemScanned():
            return tracking.RecordScan(
                order=body.order,
                waybill=body.waybill,
                scan=body.scan,
                scan_id=body.scan_id,
                place=body.place,
                occurred_at=body.occurred_at,
                due_at=body.due_at,
            )
        case m.ScanVoided():
            return tracking.RecordVoid(order=body.order, waybill=body.waybill, scan_id=body.scan_id)
        case m.CourierNamed():
            return tracking.RecordCourier(
                order=body.order, waybill=body.waybill, courier=body.courier, at=body.at
            )
        case m.CourierNear():
            return tracking.RecordNear(order=body.order, waybill=body.waybill, at=body.at)
        case m.AttemptFailed():
            return tracking.RecordAttempt(
                order=body.order,
                waybill=body.waybill,
                reason=body.reason,
                attempt=body.attempt,
                place=body.place,
                occurred_at=body.occurred_at,
            )
        case _:
            return _about_what_went_wrong(body)


def _about_what_went_wrong(body: m.Message) -> Command | None:
    match body:
        case m.DeliveryNonconforming():
            return tracking.RecordReported(
                order=body.order,
                waybill=body.waybill,
                carrier_code=body.carrier_code,
                occurred_at=body.occurred_at,
            )
        case m.RejectedAtDoor():
            return tracking.RecordRejected(order=body.order, waybill=body.waybill, reason=body.reason)
        case m.IncidentOpened():
            return tracking.RecordIncident(order=body.order, waybill=body.waybill, reason=body.reason)
        case m.LossDeclared():
            return tracking.RecordLoss(order=body.order, waybill=body.waybill)
        case m.ItemFound():
            return tracking.RecordFound(order=body.order, waybill=body.waybill)
        case m.InquiryAnswered():
            return tracking.RecordInquiry(
                order=body.order, waybill=body.waybill, number=body.number, finding=body.finding
            )
        case m.SearchEnded():
            return tracking.RecordSearchEnded(order=body.order, waybill=body.waybill)
        case _:
            return None
