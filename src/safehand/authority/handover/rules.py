"""How a document leaves the house: ordered, labelled, sealed by two, bagged, counted by the post; or fetched."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from safehand.authority.handover import commands as c
from safehand.authority.handover import events as e
from safehand.authority.handover import refusals
from safehand.authority.handover.states import TABLE, WAITING, Handover
from safehand.authority.handover.states import HandoverState as S
from safehand.authority.rulebook import Answer, Moment
from safehand.kernel.steps import clocked, moved
from safehand.link.messages import Reason

LABEL_PRINTS_MAX: Final = 20
COUNTER_REASONS: Final = frozenset({Reason.MISPRINT, Reason.DAMAGED})
_BEFORE_BAG: Final = frozenset({S.ORDERED, S.TO_LABEL, S.LABELLED, S.SEALED})


def _soon(m: Moment) -> datetime:
    return m.in_working_days(m.book.clocks.handover_working_days)


def _to_counter(m: Moment) -> datetime:
    return m.in_working_days(m.book.clocks.to_counter_working_days)


def record_waybill(step: Handover, command: c.RecordWaybill, m: Moment) -> Answer:
    """The post's number; a second one for the same order is refused, one for a cancelled order is only put on record."""
    if command.order != step.order:
        if command.order not in step.placed:
            return refusals.NOT_THIS_ORDER()
        if command.order in step.numbered:
            return []
        return [e.WaybillCameLate(order=command.order, waybill=command.waybill)]
    if step.waybill:
        return [] if step.waybill == command.waybill else refusals.WAYBILL_DIFFERS()
    if step.state is not S.ORDERED:
        return refusals.not_now(step.state)
    return [
        e.WaybillRecorded(
            waybill=command.waybill, routing=command.routing, token=command.token, due_at=_soon(m)
        )
    ]


def record_order_refused(step: Handover, command: c.RecordOrderRefused, m: Moment) -> Answer:
    """What the post can't carry is fetched at the authority's counter. Of an order that was cancelled it is late news."""
    if command.order != step.order:
        return [] if command.order in step.placed else refusals.NOT_THIS_ORDER()
    if step.state is not S.ORDERED:
        return refusals.not_now(step.state)
    return [e.OrderRefused(order=step.order, reason=int(command.reason), due_at=_to_counter(m))]


def change_to_pickup(step: Handover, command: c.ChangeToPickup, m: Moment) -> Answer:
    """Until the envelope is in a bag."""
    if step.state in (S.TO_COUNTER, S.READY_FOR_PICKUP):
        return []
    if step.state not in _BEFORE_BAG:
        return refusals.not_now(step.state)
    return [e.ChangedToPickup(order=step.order, peer=step.peer, due_at=_to_counter(m), at=m.now)]


def print_label(step: Handover, command: c.PrintLabel, m: Moment) -> Answer:
    """Each print is an event; each reprint has a reason (postal facts, label.printed)."""
    if step.state not in (S.TO_LABEL, S.LABELLED, S.SEALED):
        return refusals.not_now(step.state)
    if step.prints and not command.reason:
        return refusals.REPRINT_NEEDS_REASON()
    if step.prints >= LABEL_PRINTS_MAX:
        return refusals.PRINTS_USED_UP(count=step.prints)
    return [e.LabelPrinted(reason=command.reason, print_number=step.prints + 1)]


def seal(step: Handover, command: c.SealEnvelope, m: Moment) -> Answer:
    """Both scans must be this case's. A wrong one is caught here, counted, and changes nothing.

    It is an event and not a refusal, since what was nearly sent to a stranger must stay on record.
    """
    if step.state is S.SEALED and (command.waybill, command.blank) == (step.waybill, m.blank):
        return []
    if step.state is not S.LABELLED:
        return refusals.not_now(step.state)
    if command.second_person == m.actor:
        return refusals.SAME_PERSON()
    if command.waybill != step.waybill:
        return [e.WrongEnvelopeCaught(what="waybill")]
    if command.blank != m.blank:
        return [e.WrongEnvelopeCaught(what="blank")]
    return [e.EnvelopeSealed(second_person=command.second_person)]


def unseal(step: Handover, command: c.UnsealEnvelope, m: Moment) -> Answer:
    """By two persons, before hand-over or at a recount."""
    if step.state not in (S.SEALED, S.RECOUNT):
        return refusals.not_now(step.state)
    if command.second_person == m.actor:
        return refusals.SAME_PERSON()
    return [e.EnvelopeUnsealed(second_person=command.second_person, reason=command.reason)]


def put_in_bag(step: Handover, command: c.PutInBag, m: Moment) -> Answer:
    """The sealed envelope of this case, by its waybill."""
    if step.state is S.BAGGED and step.bag == command.bag:
        return []
    if step.state is not S.SEALED:
        return refusals.not_now(step.state)
    if command.waybill != step.waybill:
        return refusals.WRONG_ITEM()
    return [e.EnvelopeBagged(bag=command.bag)]


def take_out_of_bag(step: Handover, command: c.TakeOutOfBag, m: Moment) -> Answer:
    """Only out of the bag it lies in."""
    return _in_bag(step, command.bag, S.BAGGED) or [e.TakenOutOfBag(due_at=_soon(m))]


def offer(step: Handover, command: c.OfferHandover, m: Moment) -> Answer:
    """Custody is offered with the bag."""
    return _in_bag(step, command.bag, S.BAGGED) or [e.HandoverOffered()]


def record_acceptance(step: Handover, command: c.RecordAcceptance, m: Moment) -> Answer:
    """The post's clerk counted it: custody is the post's."""
    if step.state is S.ACCEPTED and step.bag == command.bag:
        return []
    return _in_bag(step, command.bag, S.OFFERED) or [e.HandoverAccepted()]


def record_refusal(step: Handover, command: c.RecordRefusal, m: Moment) -> Answer:
    """Custody stays here, and the clerk recounts at once."""
    if wrong := _in_bag(step, command.bag, S.OFFERED):
        return wrong
    return [e.HandoverRefused(reason=int(command.reason), due_at=m.in_hours(m.book.clocks.recount_hours))]


def find_on_shelf(step: Handover, command: c.FindOnShelf, m: Moment) -> Answer:
    """Found intact: into the next bag. (A damaged envelope is unsealed instead.)"""
    if step.state is not S.RECOUNT:
        return refusals.not_now(step.state)
    if command.waybill != step.waybill:
        return refusals.WRONG_ITEM()
    return [e.FoundOnShelf(due_at=_soon(m))]


def declare_missing(step: Handover, command: c.DeclareMissing, m: Moment) -> Answer:
    """Two persons searched in vain: the order is cancelled, the document invalidated and made anew."""
    if step.state is S.MISSING:
        return []
    if step.state is not S.RECOUNT:
        return refusals.not_now(step.state)
    if command.second_person == m.actor:
        return refusals.SAME_PERSON()
    return [e.DeclaredMissing(order=step.order, peer=step.peer, at=m.now)]


def ready_for_pickup(step: Handover, command: c.MakeReadyForPickup, m: Moment) -> Answer:
    """Policy: "pick-up at the counter: kept 90 days"."""
    if step.state is S.READY_FOR_PICKUP:
        return []
    if step.state is not S.TO_COUNTER and not (step.state is S.ON_SHELF and step.mode == "counter"):
        return refusals.not_now(step.state)
    if command.blank != m.blank:
        return refusals.WRONG_ITEM()
    return [e.ReadyForPickup(due_at=m.in_days(m.city_on.clocks.pickup_days))]


def pick_up(step: Handover, command: c.PickUp, m: Moment) -> Answer:
    """The applicant with a valid ID card, or an agent with the receipt and both cards. A stranger is refused."""
    if step.state is S.PICKED_UP:
        return []
    if step.state is not S.READY_FOR_PICKUP:
        return refusals.not_now(step.state)
    if step.due_at is not None and m.now >= step.due_at:
        return refusals.PICKUP_TOO_LATE()
    if command.blank != m.blank:
        return refusals.WRONG_ITEM()
    in_person = command.is_applicant and command.face_matches
    if not command.id_card_valid or not (in_person or command.agent_authorised):
        return refusals.NOT_THE_RECIPIENT()
    return [e.PickedUp()]


def pickup_expired(step: Handover, command: c.PickupExpired, m: Moment) -> Answer:
    """Ninety days and nobody came."""
    if step.state is not S.READY_FOR_PICKUP or step.due_at is None or m.now < step.due_at:
        return []
    return [e.PickupLapsed()]


def reject_at_counter(step: Handover, command: c.RejectAtCounter, m: Moment) -> Answer:
    """A mistake found at the counter: the document stays, another one is made."""
    if step.state is not S.READY_FOR_PICKUP:
        return refusals.not_now(step.state)
    if command.reason not in COUNTER_REASONS:
        return refusals.NOT_A_COUNTER_REASON(reason=int(command.reason))
    return [e.RejectedAtCounter(reason=int(command.reason))]


def expired(step: Handover, command: c.HandoverExpired, m: Moment) -> Answer:
    """The manager owns what the clerks or the post left lying."""
    wait = WAITING.get(step.state)
    if wait is None or wait.escalates is None or step.late or step.due_at is None or m.now < step.due_at:
        return []
    return [e.HandoverRanLate()]


def _in_bag(step: Handover, bag: str, state: S) -> Answer:
    if step.state is not state:
        return refusals.not_now(step.state)
    return [] if step.bag == bag else refusals.NOT_IN_THIS_BAG()


RULES: Final[Mapping[type, Any]] = {
    c.RecordWaybill: record_waybill,
    c.RecordOrderRefused: record_order_refused,
    c.ChangeToPickup: change_to_pickup,
    c.PrintLabel: print_label,
    c.SealEnvelope: seal,
    c.UnsealEnvelope: unseal,
    c.PutInBag: put_in_bag,
    c.TakeOutOfBag: take_out_of_bag,
    c.OfferHandover: offer,
    c.RecordAcceptance: record_acceptance,
    c.RecordRefusal: record_refusal,
    c.FindOnShelf: find_on_shelf,
    c.DeclareMissing: declare_missing,
    c.MakeReadyForPickup: ready_for_pickup,
    c.PickUp: pick_up,
    c.PickupExpired: pickup_expired,
    c.RejectAtCounter: reject_at_counter,
    c.HandoverExpired: expired,
}

_NO_ORDER: Final = {"order": "", "waybill": "", "routing": "", "token": b"", "prints": 0, "bag": ""}


def _fold_order(step: Handover, event: e.OrderEvent, at: datetime) -> Handover:
    match event:
        case e.WaybillCameLate():
            return moved(step, event, at, TABLE, numbered=(*step.numbered, event.order))
        case e.OrderPlaced():
            changes: dict[str, Any] = {
                "order": event.order,
                "placed": (*step.placed, event.order),
                "peer": event.peer,
                "destination": event.destination,
            }
        case e.WaybillRecorded():
            numbered = (*step.numbered, step.order)
            changes = {
                "waybill": event.waybill,
                "routing": event.routing,
                "token": event.token,
                "numbered": numbered,
            }
        case e.OrderRefused() | e.ChangedToPickup():
            changes = {**_NO_ORDER, "mode": "counter", "cancelled": event.order}
    return clocked(step, event, at, TABLE, due_at=event.due_at, **changes)


def fold(step: Handover, event: e.HandoverEvent, at: datetime) -> Handover:
    """The step after the event. Labelling and sealing share one clock, which runs to the bag."""
    match event:
        case (
            e.OrderPlaced()
            | e.WaybillRecorded()
            | e.WaybillCameLate()
            | e.OrderRefused()
            | e.ChangedToPickup()
        ):
            return _fold_order(step, event, at)
        case e.HandoverOpened():
            changes: dict[str, Any] = {**_NO_ORDER, "cancelled": "", "mode": event.mode, "free": event.free}
            return clocked(step, event, at, TABLE, due_at=event.due_at, **changes)
        case e.LabelPrinted():
            return moved(step, event, at, TABLE, prints=event.print_number)
        case e.WrongEnvelopeCaught():
            return moved(step, event, at, TABLE, wrong_envelopes=step.wrong_envelopes + 1)
        case e.EnvelopeBagged():
            return clocked(step, event, at, TABLE, bag=event.bag)
        case e.HandoverRanLate():
            return moved(step, event, at, TABLE, late=True)
        case e.HandoverRefused() | e.FoundOnShelf() | e.ReadyForPickup() | e.TakenOutOfBag():
            return clocked(step, event, at, TABLE, due_at=event.due_at)
        case e.DeclaredMissing():
            return clocked(step, event, at, TABLE, cancelled=step.order)
        case e.EnvelopeSealed() | e.EnvelopeUnsealed():
            return moved(step, event, at, TABLE)
        case _:
            return _fold_end(step, event, at)


def _fold_end(
    step: Handover,
    event: e.HandoverOffered | e.HandoverAccepted | e.PickedUp | e.PickupLapsed | e.RejectedAtCounter,
    at: datetime,
) -> Handover:
    # What only the label needed is not kept any longer than the envelope.
    return clocked(step, event, at, TABLE, routing="", token=b"")
