"""The process of the post on one page: what each event of a step means for the other steps and for other streams.

Three tables in the form of functions:

- `adds`     events that a decision brings about in another step of the same item; they are journaled.
- `signals`  what an event means for custody and the other steps; derived, never journaled, always derived alike.
- `follows`  commands for other streams of the house, carried out in the same transaction.
"""

from collections.abc import Sequence
from datetime import datetime

from safehand.kernel.machine import Event, Onward, StreamKey
from safehand.link.messages import Reason
from safehand.postal.acceptance import commands as to_accept
from safehand.postal.acceptance import events as acceptance
from safehand.postal.acceptance.bags import events as bags
from safehand.postal.acceptance.waybills import commands as to_number
from safehand.postal.acceptance.waybills import events as waybills
from safehand.postal.acceptance.waybills.rules import range_stream
from safehand.postal.custody import events as custody
from safehand.postal.custody import rules as accounts
from safehand.postal.custody.states import INCIDENT
from safehand.postal.custody.states import State as Holder
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.delivery import events as delivery
from safehand.postal.delivery.rules import after_attempts
from safehand.postal.delivery.states import After
from safehand.postal.delivery.states import State as DeliveryState
from safehand.postal.delivery.stops import events as stops
from safehand.postal.item import Item, ItemEvent
from safehand.postal.settlement import events as settlement
from safehand.postal.settlement.rules import opening
from safehand.postal.settlement.states import State as SettlementState
from safehand.postal.steps import scan_name
from safehand.postal.transport import events as transport
from safehand.postal.undeliverable import events as undeliverable
from safehand.postal.undeliverable.states import State as UndeliverableState

ITEM = "item"
BAG = "bag"
RANGE = "range"
STOP = "stop"


def adds(item: Item, event: Event, now: datetime) -> Sequence[Event]:
    """What follows within the item from an event that was just decided; `item` is as before the decision."""
    recall_pending = item.undeliverable.state is UndeliverableState.RECALL_PENDING
    match event:
        case delivery.HoldingEnded():
            return [_return(item, Reason.NOT_COLLECTED, item.delivery.office, now)]
        case delivery.BroughtBack(place=place) if item.delivery.state is DeliveryState.ATTEMPTED:
            if after_attempts(item.delivery, item.terms) is After.RETURN and item.delivery.reason:
                return [_return(item, item.delivery.reason, place, now)]
            return []
        case delivery.RejectedAtDoor(reason=reason):
            if recall_pending:
                return [undeliverable.RecallAccepted(at=now)]
            return [_return(item, reason, item.delivery.office, now)]
        case delivery.ClaimRefused() | delivery.ClaimVoided() if recall_pending:
            return [undeliverable.RecallAccepted(at=now)]
        case delivery.ReportedNonconforming() if recall_pending:
            opened = undeliverable.IncidentOpened(reason=Reason.IDENTITY_NOT_PROVEN, at=now)
            return [opened, undeliverable.RecallAccepted(at=now)]
        case delivery.ProofRecorded():
            searched = item.undeliverable.state in (UndeliverableState.INCIDENT, UndeliverableState.LOST)
            ended: list[Event] = [undeliverable.SearchEnded()] if searched else []
            return [*ended, *_delivered(item, recall_pending, now)]
        case delivery.ProofCameLate() if item.undeliverable.state is UndeliverableState.NOT_BEGUN:
            return [undeliverable.IncidentOpened(reason=Reason.PROOF_TOO_LATE, at=now)]
        case _:
            return []


def _delivered(item: Item, recall_pending: bool, now: datetime) -> list[Event]:
    """With the proof the postage counts as collected, and a recall that waited for it came too late."""
    events: list[Event] = []
    if item.settlement.state is SettlementState.DUE:
        amount_fen, collector = item.settlement.amount_fen, item.delivery.courier
        events.append(settlement.PostageCollected(amount_fen=amount_fen, collector=collector, at=now))
    if recall_pending:
        events.append(undeliverable.RecallRefused(reason=Reason.TOO_LATE, at=now))
    return events


def _return(item: Item, reason: Reason, place: str, now: datetime) -> undeliverable.ReturnStarted:
    scan_id = scan_name(order=item.terms.order, what="return", number=item.delivery.attempts)
    return undeliverable.ReturnStarted(
        reason=reason, place=place or item.terms.delivery_office, scan_id=scan_id, occurred_at=now
    )


_STOP = (transport.Stopped(), delivery.Stopped(), settlement.Waived())


def signals(item: Item, event: ItemEvent, at: datetime) -> Sequence[Event]:
    """What an event means for custody and for the other steps; `item` is as before the event."""
    match event:
        case acceptance.OrderReceived(order=order):
            return (opening(order),)
        case acceptance.WaybillAllocated():
            return (custody.Opened(),)
        case acceptance.OrderCancelled() | acceptance.OrderRefused():
            return (settlement.Waived(),)
        case acceptance.Accepted(office=office):
            account = accounts.office(office)
            return (
                custody.ToOffice(taker=account, acted_at=at),
                transport.Began(account=account, occurred_at=at),
            )
        case transport.Departed(leg=leg, occurred_at=then):
            return (*_left(item), custody.ToVehicle(taker=accounts.vehicle(leg), acted_at=then))
        case transport.ArrivedAtCentre(place=place, occurred_at=then):
            return (*_left(item), custody.ToOffice(taker=accounts.office(place), acted_at=then))
        case transport.ArrivedAtOffice(place=place, occurred_at=then):
            return (
                custody.ToOffice(taker=accounts.office(place), acted_at=then),
                delivery.Ready(office=place),
            )
        case transport.PositionVoided(account=account, acted_at=then):
            return (*_left(item), accounts.to_account(account=account, acted_at=then))
        case _:
            return _signals_of_delivery(item, event)


def _left(item: Item) -> tuple[Event, ...]:
    return (delivery.Left(),) if item.delivery.state is DeliveryState.AT_OFFICE else ()


def _given_back(item: Item) -> tuple[Event, ...]:
    return (custody.GivenBack(),) if item.custody.pending else ()


def _signals_of_delivery(item: Item, event: ItemEvent) -> Sequence[Event]:
    match event:
        case delivery.TakenOut(courier=courier, occurred_at=then):
            return (custody.ToCourier(taker=accounts.courier(courier), acted_at=then),)
        case delivery.Claimed(occurred_at=then):
            return (custody.OfferedToRecipient(acted_at=then),)
        case delivery.ProofRecorded():
            return (custody.TakenByRecipient(),)
        case delivery.ClaimRefused() | delivery.ClaimVoided() | delivery.RejectedAtDoor():
            return _given_back(item)
        case delivery.BroughtBack(place=place, occurred_at=then):
            return (custody.ToOffice(taker=accounts.office(place), acted_at=then),)
        case delivery.Held(place=place, occurred_at=then):
            return (custody.ToCounter(taker=accounts.counter(place), acted_at=then),)
        case delivery.ReportedNonconforming(occurred_at=then):
            return (*_given_back(item), custody.ToIncident(taker=INCIDENT, acted_at=then))
        case delivery.TakenBack(courier=courier, occurred_at=then):
            return (custody.ToCourier(taker=accounts.courier(courier), acted_at=then),)
        case _:
            return _signals_of_undeliverable(item, event)


def _signals_of_undeliverable(item: Item, event: ItemEvent) -> Sequence[Event]:
    in_incident = item.custody.state is Holder.IN_INCIDENT
    match event:
        case undeliverable.RecallAccepted():
            return _STOP
        case undeliverable.ReturnStarted(place=place, occurred_at=then):
            at_hand = custody.ToOffice(taker=accounts.office(place), acted_at=then)
            return (*_STOP, at_hand) if in_incident else _STOP
        case undeliverable.ReturnMoved(account=account, occurred_at=then) if account:
            return (accounts.to_account(account=account, acted_at=then),)
        case undeliverable.ReturnOffered(at=then):
            return (custody.OfferedToSender(acted_at=then),)
        case undeliverable.OfferWithdrawn():
            return (custody.GivenBack(),)
        case undeliverable.ReturnReceived():
            return (custody.TakenBySender(),)
        case undeliverable.IncidentOpened(at=then):
            if in_incident:
                return _STOP
            return (*_STOP, *_given_back(item), custody.ToIncident(taker=INCIDENT, acted_at=then))
        case undeliverable.ItemFound(place=place, at=then):
            return (custody.ToOffice(taker=accounts.office(place), acted_at=then),)
        case _:
            return ()


def follows(event: Event, key: StreamKey) -> Sequence[Onward]:
    """Commands for other streams of the house."""
    match event:
        case acceptance.OrderReceived() | acceptance.NumberSought():
            draw = to_number.Draw(order=key.stream)
            return (Onward(key=StreamKey(key.city, range_stream(key.city)), kind=RANGE, command=draw),)
        case waybills.WaybillDrawn(order=order, waybill=waybill):
            allocate = to_accept.Allocate(waybill=waybill)
            return (Onward(key=StreamKey(key.city, order), kind=ITEM, command=allocate),)
        case waybills.DrawMissed(order=order):
            missed = to_accept.HearNoNumber()
            return (Onward(key=StreamKey(key.city, order), kind=ITEM, command=missed),)
        case stops.StopNamed(orders=orders, peer=peer):
            joins = to_deliver.JoinStop(stop=key.stream, peer=peer)
            return [Onward(key=StreamKey(key.city, order), kind=ITEM, command=joins) for order in orders]
        case bags.BagCounted(accepted=accepted, office=office, clerk=clerk):
            return [
                Onward(
                    key=StreamKey(key.city, order),
                    kind=ITEM,
                    command=to_accept.TakeIn(waybill=waybill, bag=key.stream, office=office, clerk=clerk),
                )
                for waybill, order in accepted
            ]
        case _:
            return ()
