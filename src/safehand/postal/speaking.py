"""What the post says to the authority about each event. The treaty (`link.messages`) has the shapes."""

from collections.abc import Sequence
from datetime import datetime

import msgspec

from safehand.kernel.machine import Event, Outgoing, StreamKey
from safehand.kernel.working_days import add_days
from safehand.link import messages as m
from safehand.postal.acceptance import events as acceptance
from safehand.postal.acceptance.bags import events as bags
from safehand.postal.acceptance.bags.states import Bag
from safehand.postal.delivery import events as delivery
from safehand.postal.delivery.rules import held_until, round_end
from safehand.postal.inquiry import events as inquiry
from safehand.postal.item import Item
from safehand.postal.settlement import events as settlement
from safehand.postal.transport import events as transport
from safehand.postal.undeliverable import events as undeliverable
from safehand.postal.waiting import return_due


def of_item(item: Item, event: Event, key: StreamKey) -> Sequence[Outgoing]:
    """The messages for an event of an item; `item` is as after it."""
    if isinstance(event, delivery.StopJoined):
        return ()  # it may have no order yet, and nobody need hear of it
    said = (
        _of_acceptance(item, event)
        or _of_scans(item, event)
        or _of_doors(item, event)
        or _of_returns(item, event)
        or _of_inquiries(item, event)
    )
    named = _of_courier(item, event)
    return [
        Outgoing(peer=item.terms.peer, kind=int(kind), body=body, subject=item.terms.order)
        for kind, body in (one for one in (said, named) if one is not None)
    ]


Said = tuple[m.Kind, msgspec.Struct] | None


def _since(moment: datetime | None) -> datetime:
    if moment is None:
        raise ValueError("a step that spoke has begun")
    return moment


def _of_acceptance(item: Item, event: Event) -> Said:
    order, at = item.terms.order, item.acceptance.since
    match event:
        case acceptance.WaybillAllocated(waybill=waybill, token=token):
            allocated = m.WaybillAllocated(
                order=order, waybill=waybill, routing=item.terms.routing, token=token, at=_since(at)
            )
            return m.Kind.WAYBILL_ALLOCATED, allocated
        case acceptance.OrderTurnedAway(reason=reason) | acceptance.OrderRefused(reason=reason):
            return m.Kind.ORDER_REFUSED, m.OrderRefused(order=order, reason=reason, at=_since(at))
        case settlement.PostageCollected(amount_fen=amount_fen, at=then):
            collected = m.PostageCollected(order=order, waybill=item.waybill, amount_fen=amount_fen, at=then)
            return m.Kind.POSTAGE_COLLECTED, collected
        case _:
            return None


def _of_scans(item: Item, event: Event) -> Said:
    match event:
        case transport.Departed():
            return _on_the_way(item, m.Scan.DEPARTED, event)
        case transport.ArrivedAtCentre():
            return _on_the_way(item, m.Scan.ARRIVED, event)
        case transport.ArrivedAtOffice():
            return _on_the_way(item, m.Scan.AT_OFFICE, event)
        case transport.ScanKept(why=transport.Kept.LATE):
            return _on_the_way(item, event.scan, event)
        case transport.ScanVoided() | transport.PositionVoided():
            voided = m.ScanVoided(
                order=item.terms.order, waybill=item.waybill, scan_id=event.scan_id, at=event.at
            )
            return m.Kind.SCAN_VOIDED, voided
        case delivery.TakenOut():
            due = round_end(event.occurred_at)
            return _scanned(
                item, m.Scan.OUT_FOR_DELIVERY, event.scan_id, event.office, event.occurred_at, due
            )
        case delivery.BroughtBack():
            return _scanned(item, m.Scan.AT_OFFICE, event.scan_id, event.place, event.occurred_at, None)
        case delivery.Held():
            due = held_until(item.delivery, item.terms)
            return _scanned(item, m.Scan.HELD, event.scan_id, event.place, event.occurred_at, due)
        case _:
            return None


_OnTheWay = transport.Departed | transport.ArrivedAtCentre | transport.ArrivedAtOffice | transport.ScanKept


def _on_the_way(item: Item, scan: m.Scan, event: _OnTheWay) -> Said:
    """A scan before the delivery office; due is what was promised from acceptance on."""
    due = add_days(_since(item.acceptance.since), item.terms.promise_days)
    return _scanned(item, scan, event.scan_id, event.place, event.occurred_at, due)


def _scanned(
    item: Item, scan: m.Scan, scan_id: str, place: str, occurred_at: datetime, due_at: datetime | None
) -> Said:
    body = m.ItemScanned(
        order=item.terms.order,
        waybill=item.waybill,
        scan=scan,
        scan_id=scan_id,
        place=place,
        occurred_at=occurred_at,
        due_at=due_at,
    )
    return m.Kind.ITEM_SCANNED, body


def _of_courier(item: Item, event: Event) -> Said:
    """Beside the scan: whose hands it is in now, and so who will stand at the door."""
    match event:
        case (
            delivery.TakenOut(courier=courier, occurred_at=at)
            | delivery.TakenBack(courier=courier, occurred_at=at)
        ):
            named = m.CourierNamed(order=item.terms.order, waybill=item.waybill, courier=courier, at=at)
            return m.Kind.COURIER_NAMED, named
        case delivery.Approached(occurred_at=at):
            return m.Kind.COURIER_NEAR, m.CourierNear(order=item.terms.order, waybill=item.waybill, at=at)
        case _:
            return None


def _of_doors(item: Item, event: Event) -> Said:
    order, waybill = item.terms.order, item.waybill
    match event:
        case delivery.AttemptFailed():
            failed = m.AttemptFailed(
                order=order,
                waybill=waybill,
                reason=event.reason,
                attempt=event.attempt,
                place=event.place,
                occurred_at=event.occurred_at,
            )
            return m.Kind.ATTEMPT_FAILED, failed
        case delivery.Claimed():
            claimed = m.DeliveryClaimed(
                order=order,
                waybill=waybill,
                method=event.method,
                code=event.code,
                courier=event.courier,
                occurred_at=event.occurred_at,
            )
            return m.Kind.DELIVERY_CLAIMED, claimed
        case delivery.ReportedNonconforming():
            nonconforming = m.DeliveryNonconforming(
                order=order,
                waybill=waybill,
                carrier_code=event.carrier_code,
                occurred_at=event.occurred_at,
            )
            return m.Kind.DELIVERY_NONCONFORMING, nonconforming
        case delivery.RejectedAtDoor():
            rejected = m.RejectedAtDoor(
                order=order, waybill=waybill, reason=event.reason, occurred_at=event.occurred_at
            )
            return m.Kind.REJECTED_AT_DOOR, rejected
        case _:
            return None


def _of_returns(item: Item, event: Event) -> Said:
    order, waybill, step = item.terms.order, item.waybill, item.undeliverable
    match event:
        case undeliverable.RecallAccepted(at=at):
            return m.Kind.RECALL_ACCEPTED, m.RecallAccepted(order=order, waybill=waybill, at=at)
        case undeliverable.RecallRefused(reason=reason, at=at):
            refused = m.RecallRefused(order=order, waybill=waybill, reason=reason, at=at)
            return m.Kind.RECALL_REFUSED, refused
        case undeliverable.ReturnStarted():
            due = return_due(item, _since(step.since))
            return _scanned(item, m.Scan.RETURN_STARTED, event.scan_id, event.place, event.occurred_at, due)
        case undeliverable.ReturnMoved() if event.scan_id:
            due = return_due(item, _since(step.since))
            return _scanned(item, m.Scan.RETURN_MOVED, event.scan_id, event.place, event.occurred_at, due)
        case undeliverable.ReturnOffered(at=at):
            reason = step.reason or m.Reason.RECALLED
            offered = m.ReturnOffered(order=order, waybill=waybill, reason=reason, at=at)
            return m.Kind.RETURN_OFFERED, offered
        case undeliverable.IncidentOpened(reason=reason, at=at):
            # Of a proof that found the item still here the authority must know that it was heard before: it ends no search.
            reason = m.Reason.PROOF_TOO_LATE if item.delivery.evidence else reason
            opened = m.IncidentOpened(order=order, waybill=waybill, reason=reason, at=at)
            return m.Kind.INCIDENT_OPENED, opened
        case undeliverable.LossDeclared():
            lost = m.LossDeclared(order=order, waybill=waybill, at=_since(step.since))
            return m.Kind.LOSS_DECLARED, lost
        case undeliverable.ItemFound(at=at):
            return m.Kind.ITEM_FOUND, m.ItemFound(order=order, waybill=waybill, at=at)
        case undeliverable.SearchEnded():
            return m.Kind.SEARCH_ENDED, m.SearchEnded(order=order, waybill=waybill, at=_since(step.since))
        case _:
            return None


def _of_inquiries(item: Item, event: Event) -> Said:
    if not isinstance(event, inquiry.InquiryAnswered):
        return None
    answered = m.InquiryAnswered(
        order=item.terms.order,
        waybill=item.waybill,
        number=event.number,
        finding=event.finding,
        at=event.at,
    )
    return m.Kind.INQUIRY_ANSWERED, answered


def of_bag(bag: Bag, event: Event, key: StreamKey) -> Sequence[Outgoing]:
    """The messages for an event of a bag; `bag` is as after it."""
    at = bag.since
    match event:
        case bags.BagCounted(accepted=accepted, clerk=clerk) if accepted:
            body = m.HandoverAccepted(
                bag=key.stream,
                seal=bag.seal,
                waybills=[waybill for waybill, _ in accepted],
                clerk=clerk,
                at=_since(at),
            )
            return (
                Outgoing(peer=bag.peer, kind=int(m.Kind.HANDOVER_ACCEPTED), body=body, subject=key.stream),
            )
        case bags.DifferencesFound(items=items, clerk=clerk):
            # What is short and what is over may together be more than one message takes.
            parts = range(0, len(items), m.ITEMS_PER_MANIFEST_MAX)
            bodies = [
                m.HandoverRefused(
                    bag=key.stream,
                    seal=bag.seal,
                    items=list(items[part : part + m.ITEMS_PER_MANIFEST_MAX]),
                    clerk=clerk,
                    at=_since(at),
                )
                for part in parts
            ]
            kind = int(m.Kind.HANDOVER_REFUSED)
            return [Outgoing(peer=bag.peer, kind=kind, body=body, subject=key.stream) for body in bodies]
        case _:
            return ()
