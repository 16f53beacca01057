"""What a case shows to the outside: worklists, messages to the post, notices to the applicant, national tallies."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any, Final

from safehand.authority import made_documents as papers
from safehand.authority.agent import events as agent
from safehand.authority.agent.states import AgentState
from safehand.authority.application import events as application
from safehand.authority.application import states as application_states
from safehand.authority.case import Case
from safehand.authority.contact import states as contact_states
from safehand.authority.examination import events as examination
from safehand.authority.examination import states as examination_states
from safehand.authority.group import events as group
from safehand.authority.group import states as group_states
from safehand.authority.handover import events as handover
from safehand.authority.handover import states as handover_states
from safehand.authority.handover.states import HandoverState
from safehand.authority.help import events as help_events
from safehand.authority.help import states as help_states
from safehand.authority.made_documents import Account
from safehand.authority.payment import events as payment
from safehand.authority.payment import states as payment_states
from safehand.authority.payment.states import PaymentState
from safehand.authority.production import events as production
from safehand.authority.production import states as production_states
from safehand.authority.production.states import Production, ProductionState
from safehand.authority.readdressing import events as readdressing
from safehand.authority.readdressing import states as readdressing_states
from safehand.authority.returns import events as returns
from safehand.authority.returns import states as returns_states
from safehand.authority.returns.states import ReturnsState
from safehand.authority.telephone import events as telephone
from safehand.authority.telephone import states as telephone_states
from safehand.authority.tracking import events as tracking
from safehand.authority.tracking import states as tracking_states
from safehand.authority.tracking.states import TrackingState
from safehand.authority.wish import events as wish
from safehand.house import erasure
from safehand.kernel.machine import Event, Notice, Outgoing, StreamKey, Waiting
from safehand.kernel.steps import Wait, waiting_of
from safehand.link.messages import (
    INQUIRIES_MAX,
    DeliveryWished,
    InquiryAsked,
    InquiryEnded,
    Kind,
    OrderCancelled,
    OrderPlaced,
    PersonErased,
    PostageMode,
    ProofMethod,
    ProofRefused,
    ProofSealed,
    Reason,
    RecallRequested,
    ReceiverNamed,
    ReceiverReleased,
    ReturnReceived,
    Scan,
    Wish,
)

_WAITS: Final[Mapping[str, Mapping[Any, Wait]]] = {
    "application": application_states.WAITING,
    "examination": examination_states.WAITING,
    "payment": payment_states.WAITING,
    "production": production_states.WAITING,
    "handover": handover_states.WAITING,
    "tracking": tracking_states.WAITING,
    "returns": returns_states.WAITING,
    "contact": contact_states.WAITING,
    "readdressing": readdressing_states.WAITING,
    "help": help_states.WAITING,
    "group": group_states.WAITING,
    "telephone": telephone_states.WAITING,
}


def waits(case: Case, key: StreamKey) -> Sequence[Waiting]:
    """The worklists the case stands on. Production's can be narrowed by kind (one stock each), the rest by office."""
    return [
        *_lines_of(case, tuple(_WAITS), owed=True, made=True),
        *erasure.waits(case.erasure, case.application.office),
    ]


def waited(before: Case, after: Case, key: StreamKey) -> tuple[Sequence[Waiting], Sequence[Waiting]]:
    """The lines of the steps that moved, before and after; the office and the kind never change after submission."""
    moved = [name for name in _WAITS if getattr(before, name) is not getattr(after, name)]
    if "application" in moved:
        moved = list(_WAITS)
    owed, made = "payment" in moved, before.papers is not after.papers or "application" in moved
    office = after.application.office
    return (
        [
            *_lines_of(before, moved, owed=owed, made=made),
            *erasure.waits(before.erasure, before.application.office),
        ],
        [*_lines_of(after, moved, owed=owed, made=made), *erasure.waits(after.erasure, office)],
    )


def _lines_of(case: Case, names: Sequence[str], *, owed: bool, made: bool) -> Sequence[Waiting]:
    office, kind = case.application.office, case.application.document
    lines: list[Waiting] = []
    for name in names:
        group = kind if name == "production" else office
        line = waiting_of(name=name, step=getattr(case, name), waits=_WAITS[name], group=group)
        if line is not None:
            lines.append(line)
    payment = case.payment
    if owed and payment.owed and payment.state is not PaymentState.REFUND_DUE and payment.since:
        # A double payment is owed while the fee itself stays settled.
        lines.append(Waiting(queue="payment.refund_due", since=payment.since, owner="system", group=office))
    if made:
        lines.extend(papers.waits(case.papers, office))
    return lines


_POSTAGE: Final = {
    "on_delivery": PostageMode.ON_DELIVERY,
    "prepaid": PostageMode.PREPAID,
    "free": PostageMode.FREE,
}


def _order_placed(case: Case, event: handover.OrderPlaced) -> Outgoing:
    body = OrderPlaced(
        order=event.order,
        authority=event.authority,
        office=event.office,
        destination=event.destination,
        documents=1,
        postage_mode=_POSTAGE[event.postage_mode],
        postage_fen=event.postage_fen,
        attempts_max=event.attempts_max,
        held_days_max=event.held_days_max,
        placed_at=event.at,
    )
    return Outgoing(
        peer=event.peer, kind=Kind.ORDER_PLACED, body=body, subject=event.order, personal=case.case
    )


def _order_cancelled(case: Case, event: handover.ChangedToPickup | handover.DeclaredMissing) -> Outgoing:
    body = OrderCancelled(order=event.order, at=event.at)
    return Outgoing(peer=event.peer, kind=Kind.ORDER_CANCELLED, body=body, subject=event.order)


def _proof_sealed(case: Case, event: tracking.ProofSealed) -> Outgoing:
    # Keys are the border's: it signs these very fields when it numbers the message.
    body = ProofSealed(
        order=event.order,
        waybill=event.waybill,
        method=ProofMethod(event.method),
        claimed_at=event.claimed_at,
        sealed_at=event.at,
        evidence=event.evidence,
        signature=b"",
    )
    return Outgoing(peer=event.peer, kind=Kind.PROOF_SEALED, body=body, subject=event.order)


def _proof_refused(case: Case, event: tracking.ClaimRefused | papers.OldClaimRefused) -> Outgoing:
    left = event.attempts_left if isinstance(event, tracking.ClaimRefused) else 0
    body = ProofRefused(
        order=event.order,
        waybill=event.waybill,
        reason=Reason(event.reason),
        attempts_left=left,
        at=event.at,
    )
    return Outgoing(peer=event.peer, kind=Kind.PROOF_REFUSED, body=body, subject=event.order)


def _recall_requested(case: Case, event: returns.RecallAsked) -> Outgoing:
    body = RecallRequested(order=event.order, waybill=event.waybill, reason=Reason(event.reason), at=event.at)
    return Outgoing(peer=event.peer, kind=Kind.RECALL_REQUESTED, body=body, subject=event.order)


def _wished(case: Case, event: wish.AnotherDayWished | wish.PostOfficeWished) -> Outgoing:
    another_day = isinstance(event, wish.AnotherDayWished)
    body = DeliveryWished(
        order=event.order,
        waybill=event.waybill,
        number=event.number,
        wish=Wish.ANOTHER_DAY if another_day else Wish.POST_OFFICE,
        day=event.day if another_day else None,
        at=event.at,
    )
    return Outgoing(peer=event.peer, kind=Kind.DELIVERY_WISHED, body=body, subject=event.order)


def _return_received(case: Case, event: returns.ReturnReceived | papers.OldDocumentReceived) -> Outgoing:
    body = ReturnReceived(order=event.order, waybill=event.waybill, at=event.at)
    return Outgoing(peer=event.peer, kind=Kind.RETURN_RECEIVED, body=body, subject=event.order)


_MESSAGES: Final[Mapping[type[Event], Callable[[Case, Any], Outgoing]]] = {
    handover.OrderPlaced: _order_placed,
    handover.ChangedToPickup: _order_cancelled,
    handover.DeclaredMissing: _order_cancelled,
    tracking.ProofSealed: _proof_sealed,
    tracking.ClaimRefused: _proof_refused,
    papers.OldClaimRefused: _proof_refused,
    returns.RecallAsked: _recall_requested,
    wish.AnotherDayWished: _wished,
    wish.PostOfficeWished: _wished,
    returns.ReturnReceived: _return_received,
    papers.OldDocumentReceived: _return_received,
}


def _erased(case: Case) -> Sequence[Outgoing]:
    """The post holds the person under every order that was ever placed, also under those that were cancelled."""
    assert case.erasure.since is not None, "what was ordered has begun"
    return [
        Outgoing(
            peer=case.handover.peer,
            kind=Kind.PERSON_ERASED,
            body=PersonErased(order=order, at=case.erasure.since),
            subject=order,
        )
        for order in case.handover.placed
    ]


def _inquiry(case: Case) -> Sequence[Outgoing]:
    """After a proof nothing can be stopped: the post is asked what became of it."""
    step = case.tracking
    if step.state is not TrackingState.DISPUTED or step.denials > INQUIRIES_MAX or step.since is None:
        return ()
    body = InquiryAsked(order=step.order, waybill=step.waybill, number=step.denials, at=step.since)
    return (Outgoing(peer=step.peer, kind=Kind.INQUIRY_ASKED, body=body, subject=step.order),)


def _inquiry_ended(case: Case) -> Sequence[Outgoing]:
    """Who is still looking for it need look no more. What was answered is asked no more by itself."""
    step = case.tracking
    asked = 0 < step.denials <= INQUIRIES_MAX and step.finding is None
    if not asked or step.since is None:
        return ()
    body = InquiryEnded(order=step.order, waybill=step.waybill, number=step.denials, at=step.since)
    return (Outgoing(peer=step.peer, kind=Kind.INQUIRY_ENDED, body=body, subject=step.order),)


_END_A_DISPUTE: Final = (
    tracking.DisputeSettled,
    tracking.ContradictionEnded,
    tracking.LossRecorded,
    tracking.ProofSealed,
)


def _receiver_named(case: Case, *, order: str, peer: str, at: datetime) -> Sequence[Outgoing]:
    body = ReceiverNamed(order=order, number=case.agent.number, at=at)
    return (Outgoing(peer=peer, kind=Kind.RECEIVER_NAMED, body=body, subject=order, personal=case.case),)


def _of_agent(case: Case, event: agent.AgentNamed | agent.AgentReleased) -> Sequence[Outgoing]:
    """What the post must know of the order that it has; for an order that is still to come it is said with that."""
    order, peer, at = case.handover.order, case.handover.peer, case.agent.since
    if not order or at is None:
        return ()
    if isinstance(event, agent.AgentNamed):
        return _receiver_named(case, order=order, peer=peer, at=at)
    body = ReceiverReleased(order=order, number=case.agent.number, at=at)
    return (Outgoing(peer=peer, kind=Kind.RECEIVER_RELEASED, body=body, subject=order),)


def speaks(case: Case, event: Any, key: StreamKey) -> Sequence[Outgoing]:
    """The messages to the post that the event is, if it is any."""
    match event:
        case erasure.ErasureOrdered():
            return _erased(case)
        case agent.AgentNamed() | agent.AgentReleased():
            return _of_agent(case, event)
        case tracking.ReceiptDenied():
            return _inquiry(case)
        case handover.OrderPlaced() if case.agent.state is AgentState.NAMED:
            named = _receiver_named(case, order=event.order, peer=event.peer, at=event.at)
            return (_order_placed(case, event), *named)
        case _:
            message = _MESSAGES.get(type(event))
            said = () if message is None else (message(case, event),)
            return (*said, *_inquiry_ended(case)) if isinstance(event, _END_A_DISPUTE) else said


Told = tuple[str, dict[str, str | int]]


def _scanned(case: Case, event: tracking.ScanRecorded) -> Told | None:
    """The courier is on the way, unless that is old news: then a code at the door would only help a fraud."""
    step = case.tracking
    on_the_way = step.state is TrackingState.ON_THE_WAY and event.scan_id not in step.voided
    if on_the_way and event.scan == Scan.HELD:
        return "held_at_post_office", {}
    if event.scan != Scan.OUT_FOR_DELIVERY or not on_the_way:
        return None
    # The order alone: the code is made from it when the text is sent, and lies nowhere.
    return "courier_on_the_way", {"order": step.order}


WITH_CODE: Final = frozenset({"courier_on_the_way", "courier_near"})
"""Notices with the recipient's code for the door."""
AGENT_TOLD: Final = "agent_awaits_courier"
"""Beside the recipient's own: the code of who is named goes to that one's telephone."""
PHONE_CODE: Final = "phone_code"
"""Beside what the old number is told: the code that goes to the new one."""
_OVERDUE: Final = {
    TrackingState.ON_THE_WAY: "post",
    TrackingState.INCIDENT: "search",
    TrackingState.DENIED: "inquiry",
    TrackingState.DISPUTED: "inquiry",
}


def _overdue(case: Case, event: tracking.TrackingRanLate) -> Told | None:
    """What was promised is late. A report that the recipient left unanswered is not: there the manager only follows."""
    step = _OVERDUE.get(case.tracking.state)
    return None if step is None else ("running_late", {"step": step})


def _to_pay(event: payment.PaymentOpened) -> Told:
    """With postage in it both sums are said, and what they come to."""
    fee: dict[str, str | int] = {"fee_fen": event.fee_fen, "due_at": event.due_at.isoformat()}
    if not event.prepaid:
        return "payment_due", fee
    amount_fen = event.fee_fen + event.postage_fen
    return "payment_due_with_postage", {**fee, "postage_fen": event.postage_fen, "amount_fen": amount_fen}


def _received(event: payment.PaymentSettled) -> Told:
    if not event.prepaid:
        return "payment_received", {"amount_fen": event.amount_fen}
    fee_fen = event.amount_fen - event.postage_fen
    return "payment_received_with_postage", {
        "amount_fen": event.amount_fen,
        "fee_fen": fee_fen,
        "postage_fen": event.postage_fen,
    }


_NOTICES: Final[Mapping[type[Event], Callable[[Case, Any], Told | None]]] = {
    application.ApplicationSubmitted: lambda case, e: ("application_received", {"document": e.document}),
    application.CorrectionOpened: lambda case, e: (
        "correction_asked",
        {"defects": ",".join(e.defects), "due_at": e.due_at.isoformat()},
    ),
    application.ApplicationCorrected: lambda case, e: ("correction_received", {}),
    application.ApplicationWithdrawn: lambda case, e: ("application_withdrawn", {}),
    application.ApplicationDeemedWithdrawn: lambda case, e: (
        "application_deemed_withdrawn",
        {"cause": e.cause},
    ),
    # The template holds the right of appeal (examination/reasons.py).
    examination.ExaminationRefused: lambda case, e: ("application_refused", {"reason": e.reason}),
    payment.PaymentOpened: lambda case, e: _to_pay(e),
    payment.PaymentSettled: lambda case, e: _received(e),
    payment.RefundOwed: lambda case, e: (
        ("fee_kept_postage_back", {"postage_fen": e.postage_fen})
        if e.fee_kept and case.payment.fee_fen
        else None
    ),
    payment.PostageOwed: lambda case, e: ("postage_goes_back", {"amount_fen": e.amount_fen}),
    payment.PaymentKept: lambda case, e: ("fee_kept", {}),
    payment.PaymentCameLate: lambda case, e: ("payment_goes_back", {"amount_fen": e.amount_fen}),
    payment.PaymentCameTwice: lambda case, e: ("payment_goes_back", {"amount_fen": e.amount_fen}),
    payment.PromiseMissed: lambda case, e: (
        "promise_missed",
        {"step": e.promise, "amount_fen": e.amount_fen},
    ),
    payment.RefundRecorded: lambda case, e: ("payment_refunded", {"amount_fen": e.amount_fen}),
    examination.ExaminationRanLate: lambda case, e: ("running_late", {"step": "examination"}),
    production.ProductionRanLate: lambda case, e: ("running_late", {"step": "production"}),
    handover.HandoverRanLate: lambda case, e: ("running_late", {"step": "handover"}),
    handover.ChangedToPickup: lambda case, e: ("changed_to_pickup", {}),
    handover.PickedUp: lambda case, e: ("picked_up", {}),
    handover.OrderRefused: lambda case, e: ("fetch_at_counter_instead", {}),
    handover.ReadyForPickup: lambda case, e: (
        "ready_for_pickup",
        {"office": case.application.office, "due_at": e.due_at.isoformat()},
    ),
    handover.PickupLapsed: lambda case, e: ("pickup_lapsed", {}),
    tracking.TrackingOpened: lambda case, e: ("with_the_post", {"waybill": e.waybill}),
    tracking.ScanRecorded: _scanned,
    # The code once more, for whoever has deleted the first message; the order alone, as there.
    tracking.CourierNear: lambda case, e: ("courier_near", {"order": case.tracking.order}),
    tracking.AttemptRecorded: lambda case, e: ("attempt_failed", {"reason": e.reason, "attempt": e.attempt}),
    tracking.DeliveryReported: lambda case, e: (
        "please_confirm_receipt",
        {"due_at": e.due_at.isoformat()},
    ),
    tracking.ClaimRefused: lambda case, e: (
        "claim_refused",
        {"reason": e.reason, "attempts_left": e.attempts_left},
    ),
    tracking.ProofSealed: lambda case, e: ("delivered", {"method": e.method}),
    tracking.ReceiptDenied: lambda case, e: ("denial_taken", {}),
    tracking.IncidentRecorded: lambda case, e: ("incident_opened", {}),
    tracking.DeliveryContradicted: lambda case, e: ("incident_opened", {}),
    tracking.DisputeSettled: lambda case, e: ("inquiry_ended", {}),
    tracking.ContradictionEnded: lambda case, e: ("inquiry_ended", {}),
    tracking.TurnVoided: lambda case, e: ("delivery_goes_on", {}),
    tracking.TrackingRanLate: _overdue,
    papers.DocumentInvalidated: lambda case, e: (
        "document_made_again" if e.remake else "document_invalidated",
        {"reason": e.reason},
    ),
    # After a recall the envelope turns back without another word of the post (process page).
    returns.RecallAccepted: lambda case, e: ("coming_back", {"reason": int(Reason.RECALLED)}),
    returns.ReturnsRanLate: lambda case, e: ("running_late", {"step": "returns"}),
    returns.ReturnStarted: lambda case, e: ("coming_back", {"reason": e.reason}),
    returns.ReturnResent: lambda case, e: ("sent_again", {}),
    wish.AnotherDayWished: lambda case, e: ("another_day_wished", {"day": e.day.isoformat()}),
    wish.PostOfficeWished: lambda case, e: ("post_office_wished", {}),
    telephone.PhoneChangeAsked: lambda case, e: ("phone_change_asked", {"due_at": e.due_at.isoformat()}),
    telephone.PhoneChanged: lambda case, e: ("phone_changed", {}),
    agent.AgentNamed: lambda case, e: ("agent_named", {}),
    agent.AgentReleased: lambda case, e: ("agent_released", {}),
    # Nobody's contact changes with an address: who applied is told where they always are.
    readdressing.AddressChangeAsked: lambda case, e: (
        "address_change_asked",
        {"holds_at": e.holds_at.isoformat()},
    ),
    readdressing.AddressChangePutToManager: lambda case, e: (
        "address_change_put_to_manager",
        {"due_at": e.due_at.isoformat()},
    ),
    readdressing.AddressChanged: lambda case, e: ("address_changed", {}),
    readdressing.AddressChangeApproved: lambda case, e: ("address_changed", {}),
    readdressing.AddressChangeStopped: lambda case, e: ("address_stays", {}),
    readdressing.AddressChangeDenied: lambda case, e: ("address_stays", {}),
    group.GroupJoined: lambda case, e: ("group_joined", {}),
    group.GroupWaitBegun: lambda case, e: ("group_waits", {"due_at": e.due_at.isoformat()}),
    group.GroupWaitEnded: lambda case, e: ("group_goes_ahead", {}) if e.why == "time" else None,
    group.GroupLeft: lambda case, e: ("group_left", {}) if e.reason == "address" else None,
    help_events.HelpAnswered: lambda case, e: ("help_answered", {}),
}
TEMPLATES: Final = frozenset(
    {
        "application_received",
        "correction_asked",
        "correction_received",
        "application_withdrawn",
        "application_deemed_withdrawn",
        "application_refused",
        "payment_due",
        "payment_due_with_postage",
        "payment_received",
        "payment_received_with_postage",
        "fee_kept",
        "fee_kept_postage_back",
        "postage_goes_back",
        "payment_goes_back",
        "promise_missed",
        "payment_refunded",
        "running_late",
        "fetch_at_counter_instead",
        "changed_to_pickup",
        "picked_up",
        "ready_for_pickup",
        "pickup_lapsed",
        "with_the_post",
        "courier_on_the_way",
        "courier_near",
        "held_at_post_office",
        "attempt_failed",
        "please_confirm_receipt",
        "claim_refused",
        "delivered",
        "denial_taken",
        "incident_opened",
        "document_made_again",
        "document_invalidated",
        "coming_back",
        "delivery_goes_on",
        "inquiry_ended",
        "sent_again",
        "address_change_asked",
        "address_change_put_to_manager",
        "address_changed",
        "address_stays",
        "help_answered",
        "another_day_wished",
        "post_office_wished",
        "phone_change_asked",
        "phone_changed",
        PHONE_CODE,
        "agent_named",
        "agent_released",
        "group_joined",
        "group_waits",
        "group_goes_ahead",
        "group_left",
        AGENT_TOLD,
    }
)
"""Every template that a notice may name."""


def tells(case: Case, event: Any) -> Sequence[Notice]:
    """What the applicant hears of the event: a template and plain facts."""
    told = _NOTICES.get(type(event))
    said = told(case, event) if told is not None else None
    if said is None:
        return ()
    template, facts = said
    notices = [Notice(subject=case.case, template=template, facts=facts)]
    if template in WITH_CODE and case.agent.state is AgentState.NAMED:
        agents = f"{case.tracking.order} {case.agent.number}"
        notices.append(Notice(subject=case.case, template=AGENT_TOLD, facts={"agents_order": agents}))
    if isinstance(event, telephone.PhoneChangeAsked):
        change = f"{case.case} {event.change}"
        notices.append(Notice(subject=case.case, template=PHONE_CODE, facts={"phone_change": change}))
    return notices


_WITH_POST: Final = {
    TrackingState.ON_THE_WAY: "with_the_post",
    TrackingState.REPORTED: "reported",
    TrackingState.DENIED: "disputed",
    TrackingState.INCIDENT: "incident",
}


def overall(case: Case) -> str:
    """The one word for where the case stands, for the national table and the applicant's first line."""
    return _overall(
        case.application.state,
        case.payment.state,
        case.production.state,
        case.handover.state,
        case.tracking.state,
        case.returns.state,
    )


@cache
def _overall(
    application: application_states.ApplicationState,
    payment: PaymentState,
    production: ProductionState,
    handover: HandoverState,
    tracking: TrackingState,
    returns: ReturnsState,
) -> str:
    if tracking is TrackingState.DISPUTED:
        return "disputed"
    if application is not application_states.ApplicationState.RECEIVED:
        return str(application)
    if returns is not ReturnsState.NONE:
        return "coming_back"
    if production is not ProductionState.ISSUED:
        return _before_issue(production, payment)
    if handover is HandoverState.READY_FOR_PICKUP:
        return "ready_for_pickup"
    if handover is HandoverState.ACCEPTED:
        return _WITH_POST.get(tracking, "with_the_post")
    return "in_handover"


def _before_issue(production: ProductionState, payment: PaymentState) -> str:
    if production not in (ProductionState.NONE, ProductionState.CLOSED):
        return "in_production"
    return "awaiting_payment" if payment is PaymentState.AWAITING else "under_review"


_EXCEPTIONS: Final[Mapping[str, Mapping[Any, str]]] = {
    "examination": {examination_states.ExaminationState.STOPPED: "correction"},
    "payment": {PaymentState.LAPSED: "payment_lapsed"},
    "handover": {
        HandoverState.RECOUNT: "short_in_bag",
        HandoverState.MISSING: "missing_in_house",
        HandoverState.NOT_TAKEN: "not_taken_at_counter",
    },
    "tracking": {
        TrackingState.REPORTED: "reported_not_proven",
        TrackingState.DENIED: "receipt_denied",
        TrackingState.DISPUTED: "delivery_disputed",
        TrackingState.INCIDENT: "incident",
        TrackingState.LOST: "lost",
    },
    "returns": {
        ReturnsState.RECALL_ASKED: "recalled",
        ReturnsState.ON_SHELF: "came_back",
    },
}


def counts(before: Case, after: Case) -> Mapping[str, int]:
    """Changes of the tallies: cases by overall state, documents by account, documents made and issued, exceptions."""
    changes: dict[str, int] = {}
    was, now = overall(before), overall(after)
    if was != now:
        changes[f"application.{now}"] = 1
        if was != "none":
            changes[f"application.{was}"] = -1
    if before.papers is not after.papers:
        _count_papers(before.papers, after.papers, changes)
    if before.production is not after.production:
        _count_production(before.production, after.production, changes)
    if before.handover is not after.handover:
        changes["exception.wrong_envelope"] = after.handover.wrong_envelopes - before.handover.wrong_envelopes
    if before.tracking is not after.tracking:
        changes["exception.attempt_failed"] = int(after.tracking.attempts > before.tracking.attempts)
    for name, words in _EXCEPTIONS.items():
        old, new = getattr(before, name), getattr(after, name)
        if old is not new and new.state is not old.state and new.state in words:
            changes[f"exception.{words[new.state]}"] = 1
    return {name: change for name, change in changes.items() if change}


def _count_papers(before: papers.Papers, after: papers.Papers, changes: dict[str, int]) -> None:
    for documents, sign in ((before.made, -1), (after.made, 1)):
        for document in documents:
            name = f"custody.{document.account}"
            changes[name] = changes.get(name, 0) + sign
    changes[f"custody.{Account.DESTROYED}"] = after.destroyed - before.destroyed


def _count_production(before: Production, after: Production, changes: dict[str, int]) -> None:
    changes["document.made"] = after.make - before.make
    if before.state is not after.state:
        at_work = before.state in (ProductionState.STARTED, ProductionState.PRINTED)
        changes["document.issued"] = int(after.state is ProductionState.ISSUED)
        changes["exception.spoiled"] = int(at_work and after.state is ProductionState.WAITING_BLANK)
