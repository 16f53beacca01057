"""The process on one page: which event of one step opens what in the next.

Inside a case the next step is opened by an event of its own, in the same decision: the table `NEXT`, at the end,
reads from top to bottom as the case goes; above it stand its longer answers. What one step must know of another before it decides stands in `router.py`.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from safehand.authority.agent import events as agent
from safehand.authority.agent.states import AgentState
from safehand.authority.application import events as application
from safehand.authority.application.states import ApplicationState
from safehand.authority.case import Case, CaseEvent
from safehand.authority.cities.city import PostageMode
from safehand.authority.contact import events as contact
from safehand.authority.contact.states import ContactState
from safehand.authority.examination import events as examination
from safehand.authority.examination.reasons import DEFECTS
from safehand.authority.examination.rules import resumed
from safehand.authority.examination.states import ExaminationState
from safehand.authority.group import events as group
from safehand.authority.group.rules import IN_GROUP
from safehand.authority.group.states import MembershipState
from safehand.authority.handover import events as handover
from safehand.authority.handover.states import HandoverState
from safehand.authority.help import events as help_events
from safehand.authority.help.rules import about_denial as help_about_denial
from safehand.authority.help.states import HelpState
from safehand.authority.made_documents import (
    DocumentFrozen,
    DocumentInvalidated,
    DocumentReleased,
    RegisterEntryDue,
)
from safehand.authority.payment import events as payment
from safehand.authority.payment.rules import amends, on_withdrawal, postage_unused
from safehand.authority.production import events as production
from safehand.authority.production.states import ProductionState
from safehand.authority.readdressing import events as readdressing
from safehand.authority.readdressing.states import ReaddressingState
from safehand.authority.returns import events as returns
from safehand.authority.returns.rules import recall_asked, shelved, started
from safehand.authority.returns.states import ReturnsState
from safehand.authority.rulebook import Moment
from safehand.authority.telephone import events as telephone
from safehand.authority.tracking import events as tracking
from safehand.authority.tracking.rules import opened, put_off
from safehand.authority.tracking.states import TrackingState
from safehand.authority.wish import events as wish
from safehand.authority.wish.states import WishState
from safehand.house import erasure
from safehand.kernel.ids import readable
from safehand.kernel.machine import Event
from safehand.link.messages import ProofMethod, Reason

_WAY_BACK: Final = frozenset({ReturnsState.RECALL_ASKED, ReturnsState.COMING_BACK, ReturnsState.OFFERED})
ORDER_TOKEN_BYTES: Final = 16


def what_follows(case: Case, event: CaseEvent, m: Moment) -> Sequence[Event]:
    """The events by which other steps of the case answer this one; `case` as it is after it."""
    answer = NEXT.get(type(event))
    return () if answer is None else answer(case, event, m)


def _examine(case: Case, event: application.ApplicationSubmitted, m: Moment) -> Sequence[Event]:
    clock = m.review_clock()
    due_at = clock.deadline()
    assert due_at is not None
    begun = examination.ExaminationOpened(budget_days=clock.budget_days, due_at=due_at)
    named = [agent.AgentNamed(number=1)] if event.agent else []
    return [begun, *_old_document(case, m, moment="at_acceptance"), *named]


def _ask_applicant(case: Case, event: examination.CorrectionAsked, m: Moment) -> Sequence[Event]:
    asked = tuple(dict.fromkeys(DEFECTS[code].part for code in event.defects))
    due_at = m.in_days(m.city_on.clocks.correct_days)
    return [application.CorrectionOpened(asked=asked, defects=event.defects, due_at=due_at)]


def _ask_fee(case: Case, event: examination.ExaminationApproved, m: Moment) -> Sequence[Event]:
    due_at = m.in_days(m.city_on.clocks.pay_days)
    mode, postage_fen = _postage_chosen(case, m)
    prepaid_fen = postage_fen if case.application.mode == "post" and mode == "prepaid" else 0
    opened = payment.PaymentOpened(fee_fen=m.document_on.fee_fen, due_at=due_at, postage_fen=prepaid_fen)
    return [opened]


def _postage_chosen(case: Case, m: Moment) -> tuple[PostageMode, int]:
    """As the applicant chose, by the tariff of today, to where it goes by now."""
    step = case.application
    return m.postage(destination=step.destination, free=False, chosen=step.postage)


def _postage_of_sending(case: Case, m: Moment) -> tuple[PostageMode, int]:
    """Of the order that is placed now.

    What was prepaid pays for the first sending that the post gets, at that sum: wherever it goes by now, and whatever the
    tariff is by now. The payment is closed, a courier must not ask twice, and a few yuan between two zones are worth neither
    a second payment nor a refund. A later sending that is not free is paid at the door: there is no payment that is open.
    """
    if not case.handover.free and never_posted(case) and case.payment.postage_fen:
        return "prepaid", case.payment.postage_fen
    return m.postage(destination=case.application.destination, free=case.handover.free, chosen="on_delivery")


def never_posted(case: Case) -> bool:
    """Whether no envelope of the case was ever the post's: its tracking begins with that, and never ends to be."""
    return case.tracking.state is TrackingState.NONE


def _postage_back(case: Case) -> Sequence[Event]:
    """The case is over: prepaid postage was paid for a sending, and if there was none it goes back."""
    return postage_unused(case.payment) if never_posted(case) else []


def _hand_over(case: Case, event: production.DocumentIssued, m: Moment) -> Sequence[Event]:
    return [
        RegisterEntryDue(work="issue", make=event.make),
        *_old_document(case, m, moment="when_issued"),
        _handed_over(
            m,
            mode=case.application.mode,
            free=case.production.cause != "paid",
            waits=case.group.state is MembershipState.MEMBER and case.group.together,
        ),
    ]


def _track(case: Case, event: handover.HandoverAccepted, m: Moment) -> Sequence[Event]:
    step = case.handover
    return [opened(m, order=step.order, waybill=step.waybill, peer=step.peer, destination=step.destination)]


def _complete(case: Case, event: tracking.ProofSealed, m: Moment) -> Sequence[Event]:
    overtaken = case.returns.state is ReturnsState.RECALL_ASKED
    first_at_door = case.tracking.attempts == 0
    completed = case.application.state is ApplicationState.COMPLETED  # sealed anew, after a dispute
    return [
        *_released(case),
        *([] if completed else [application.ApplicationCompleted()]),
        *([returns.RecallOvertaken()] if overtaken else []),
        *(_answered(case) if event.method == ProofMethod.RECIPIENT_WORD else []),
        *(_too_late_at_door(case, m) if first_at_door and not completed else []),
    ]


def _too_late_at_door(case: Case, m: Moment) -> list[Event]:
    """By our own clock, for the applicant: what was heard of the first visit after the promised day is late.

    Whoever wished another day was promised that one; whoever fetches it was promised none.
    """
    step, wished = case.tracking, case.wish
    at_post_office = wished.state is WishState.POST_OFFICE and wished.order == step.order
    if step.promised_on is None or at_post_office:
        return []
    by = max(step.promised_on, step.put_off_to or step.promised_on)
    return _missed(case, m, promise="post") if m.today > by else []


def _missed(case: Case, m: Moment, *, promise: str) -> list[Event]:
    """Once in a case, and worth the day's postage, however it was paid; where none is paid there is none to pay back."""
    begun = case.handover.state is not HandoverState.NONE
    mode = case.handover.mode if begun else case.application.mode
    again = case.handover.free or case.production.cause not in ("", "paid")
    if case.payment.missed or mode != "post" or again:
        return []
    percent = m.city_on.postage.missed_promise_percent
    _, postage_fen = _postage_chosen(case, m)
    amount_fen = -(-postage_fen * percent // 100)
    return [payment.PromiseMissed(promise=promise, amount_fen=amount_fen)] if amount_fen else []


def _make_amends(case: Case, event: Event, m: Moment) -> Sequence[Event]:
    return amends(case.payment) if case.production.make else []


def _stop(case: Case, event: tracking.ReceiptDenied, m: Moment) -> Sequence[Event]:
    # Before a proof the envelope may still be stopped; after one there is nothing to stop.
    stoppable = case.tracking.state is TrackingState.DENIED and case.returns.state is ReturnsState.NONE
    return [
        *([recall_asked(m, Reason.RECALLED)] if stoppable else []),
        *_frozen(case, reissue=event.reissue),
        *help_about_denial(case.help, m),
    ]


def _frozen(case: Case, *, reissue: bool) -> list[Event]:
    document = case.document
    if document is None or not document.valid or document.frozen:
        return []
    completed = case.application.state is ApplicationState.COMPLETED
    return [
        DocumentFrozen(
            make=document.make,
            turn=document.freezes + 1,
            reissue=reissue,
            claimed=reissue and completed,
        )
    ]


def _released(case: Case) -> list[Event]:
    """What was frozen is in its recipient's hands after all, or goes out again."""
    document = case.document
    if document is None or not document.frozen:
        return []
    return [DocumentReleased(make=document.make, turn=document.freezes, claimed=document.claimed)]


def _answered(case: Case) -> list[Event]:
    """Who says "I have it after all" waits for no answer about it."""
    return [help_events.HelpDropped()] if case.help.state is HelpState.OPEN and case.help.denial else []


def _has_it_after_all(case: Case, event: tracking.DisputeSettled, m: Moment) -> Sequence[Event]:
    return [*_released(case), *(_answered(case) if event.by_recipient else [])]


def _give_up(case: Case, event: tracking.LossRecorded, m: Moment) -> Sequence[Event]:
    return [*_interrupted(case), _invalid(case, reason="lost", remake=True)]


def _bring_back(case: Case, event: tracking.TurnedBack, m: Moment) -> Sequence[Event]:
    # A recall or an offer turned it back and knows so already; a scan did not.
    known = case.returns.state in (ReturnsState.COMING_BACK, ReturnsState.OFFERED)
    return [] if known else [started(m, event.reason)]


def _old_document(case: Case, m: Moment, *, moment: str) -> list[Event]:
    """Policy, the old document: lost or stolen at acceptance, otherwise when the new one is issued; once."""
    told = "cancel_old:0" in case.papers.told or any(e.work == "cancel_old" for e in case.papers.owed)
    ground = case.application.ground
    if told or (moment == "at_acceptance" and _cancels_old(m, ground) != moment):
        return []
    return [RegisterEntryDue(work="cancel_old", make=0)]


def _cancels_old(m: Moment, ground: str) -> str:
    rules = m.document_on.old_document
    return rules.cancel_lost_or_stolen if ground in ("lost", "stolen") else rules.cancel_otherwise


def _closed(case: Case, m: Moment) -> Sequence[Event]:
    """The application has ended early: whichever step still waits is closed, and the fee goes by the dated policy."""
    events: list[Event] = []
    if case.examination.state in (ExaminationState.REVIEWING, ExaminationState.STOPPED):
        events.append(examination.ExaminationClosed())
    percent = m.document_on.refund.withdrawn_before_production_percent
    settled = on_withdrawal(case.payment, -(-case.payment.fee_fen * percent // 100))
    if not isinstance(settled, Sequence):
        raise TypeError("a withdrawal can't be refused by the payment")
    events.extend(settled)
    if case.production.state is ProductionState.WAITING_BLANK:
        events.append(production.ProductionClosed())
    return events


def _to_be_made(m: Moment, *, cause: str) -> Event:
    due_at = m.in_working_days(m.city_on.clocks.produce_working_days)
    return production.ProductionOpened(cause=cause, due_at=due_at)


def _handed_over(m: Moment, *, mode: str, free: bool, waits: bool = False) -> Event:
    # Waiting for a group is nobody's lateness: the clerk's time begins after it.
    days = m.book.clocks.to_counter_working_days + (m.city_on.clocks.group_wait_working_days if waits else 0)
    due_at = m.in_working_days(days)
    return handover.HandoverOpened(mode=mode, free=free, due_at=due_at)


def _invalid(case: Case, *, reason: str, remake: bool) -> Event:
    return DocumentInvalidated(make=case.production.make, reason=reason, remake=remake)


def _order(case: Case, event: Event, m: Moment) -> Sequence[Event]:
    """What lies on the shelf to be brought is ordered, unless another address may yet hold: then it waits for that.

    In a group that goes together it waits for the others, no longer than the city allows.

    The order names chance, not the case: the post must not be able to link two envelopes of one person.
    """
    if case.handover.mode != "post":
        return _lapsed(case)  # what is fetched is in no group: see router.py
    waits = case.readdressing.state is not ReaddressingState.NONE
    if waits or case.handover.state is not HandoverState.ON_SHELF:
        return []
    if case.group.state is MembershipState.WAITING:
        return []
    if case.group.state is MembershipState.MEMBER and case.group.together:
        due_at = m.in_working_days(m.city_on.clocks.group_wait_working_days)
        return [group.GroupWaitBegun(due_at=due_at)]
    if len(m.token) < ORDER_TOKEN_BYTES:
        raise ValueError("placing an order needs a token of its own")
    city, destination = m.city_on, case.application.destination
    mode, postage_fen = _postage_of_sending(case, m)
    placed = handover.OrderPlaced(
        order=f"or_{readable(m.token[:ORDER_TOKEN_BYTES])}",
        peer=m.book.post,
        authority=m.book.authority,
        office=case.application.office,
        destination=destination,
        postage_mode=mode,
        postage_fen=postage_fen,
        attempts_max=city.delivery.attempts_max,
        held_days_max=city.delivery.held_days,
        due_at=m.in_hours(m.book.clocks.waybill_hours),
        at=m.now,
    )
    return [placed]


def _left_for_another_address(case: Case) -> list[Event]:
    """A group is people at one address: who goes elsewhere, goes alone."""
    left = group.GroupLeft(group=case.group.group, reason="address")
    return [left] if case.group.state in IN_GROUP else []


def _address_stays(case: Case, event: Event, m: Moment) -> Sequence[Event]:
    """In a group, the address that was to hold was the group's: without it the case is not at that door. Else it is ordered."""
    return _left_for_another_address(case) or _order(case, event, m)


def _alone_again(case: Case, event: group.GroupLeft, m: Moment) -> Sequence[Event]:
    """What waited for the others is ordered."""
    return _order(case, event, m) if case.handover.state is HandoverState.ON_SHELF else []


def _needs_no_waiting(case: Case, why: str) -> list[Event]:
    return [group.GroupGone(why=why)] if case.group.state is MembershipState.MEMBER else []


def _receiver_named(case: Case, event: group.GroupReceiverNamed, m: Moment) -> Sequence[Event]:
    return [agent.AgentNamed(number=event.number)]


def _receiver_forgotten(case: Case, event: group.GroupReceiverForgotten, m: Moment) -> Sequence[Event]:
    # Somebody else may have been named since.
    still_named = case.agent.state is AgentState.NAMED and case.agent.number == event.number
    return [agent.AgentReleased()] if still_named else []


def _forgotten(case: Case, event: erasure.ErasureOrdered, m: Moment) -> Sequence[Event]:
    unreachable = case.contact.state is ContactState.UNREACHABLE
    told: list[Event] = [contact.ContactRegained(by="erasure")] if unreachable else []
    return [*told, help_events.HelpDropped()] if case.help.state is HelpState.OPEN else told


def _ended_early(case: Case, event: Event, m: Moment) -> Sequence[Event]:
    return [*_closed(case, m), *_lapsed(case), *_needs_no_waiting(case, "ended")]


def _reached(case: Case) -> list[Event]:
    unreachable = case.contact.state is ContactState.UNREACHABLE
    return [contact.ContactRegained(by="new_phone")] if unreachable else []


def _lapsed(case: Case) -> list[Event]:
    """Nothing is brought any more: whoever wanted it elsewhere waits for nothing."""
    return [] if case.readdressing.state is ReaddressingState.NONE else [readdressing.AddressChangeLapsed()]


def _readdressed(case: Case, event: readdressing.AddressChangeApproved, m: Moment) -> Sequence[Event]:
    """What is on its way to the old address is called back; it comes to the shelf and goes out again from there."""
    on_the_way = case.tracking.state in (
        TrackingState.ON_THE_WAY,
        TrackingState.REPORTED,
        TrackingState.DENIED,
    )
    stoppable = on_the_way and case.returns.state is ReturnsState.NONE
    return [
        application.ApplicationReaddressed(destination=event.destination),
        *([recall_asked(m, Reason.RECALLED)] if stoppable else []),
    ]


def _interrupted(case: Case) -> list[Event]:
    return [returns.ReturnInterrupted()] if case.returns.state in _WAY_BACK else []


def _turned(case: Case, reason: int) -> list[Event]:
    if case.tracking.state is TrackingState.TURNED_BACK:
        return []
    return [tracking.TurnedBack(reason=reason, scan_id="")]


def _after_invalidation(case: Case, event: DocumentInvalidated, m: Moment) -> list[Event]:
    """The register hears of it at once; then another document is made free of charge, or the case ends without."""
    told: list[Event] = [RegisterEntryDue(work="invalidate", make=event.make)]
    if not event.remake:
        return [*told, application.ApplicationEndedUndelivered()]
    if case.application.state is ApplicationState.COMPLETED:
        told.append(application.ApplicationReopened())
    return [*told, _to_be_made(m, cause=event.reason)]


NEXT: Final[Mapping[type[Event], Callable[[Case, Any, Moment], Sequence[Event]]]] = {
    # application -> examination -> payment -> production
    application.ApplicationSubmitted: _examine,
    examination.CorrectionAsked: _ask_applicant,
    application.ApplicationCorrected: lambda case, event, m: [resumed(case.examination, m)],
    examination.ExaminationRefused: lambda case, event, m: [
        application.ApplicationRefused(reason=event.reason)
    ],
    examination.ExaminationApproved: _ask_fee,
    payment.PaymentSettled: lambda case, event, m: [_to_be_made(m, cause="paid")],
    payment.PaymentLapsed: lambda case, event, m: [application.ApplicationDeemedWithdrawn(cause="payment")],
    application.ApplicationWithdrawn: _ended_early,
    application.ApplicationDeemedWithdrawn: _ended_early,
    application.ApplicationRefused: lambda case, event, m: [
        *_lapsed(case),
        *_needs_no_waiting(case, "ended"),
    ],
    application.ApplicationCompleted: lambda case, event, m: [*_lapsed(case), *_postage_back(case)],
    application.ApplicationEndedUndelivered: lambda case, event, m: [*_lapsed(case), *_postage_back(case)],
    # production -> handover -> tracking, or the counter -> application
    production.DocumentIssued: _hand_over,
    handover.HandoverOpened: _order,
    handover.HandoverAccepted: _track,
    handover.PickedUp: lambda case, event, m: [application.ApplicationCompleted()],
    tracking.ProofSealed: _complete,
    # a promise that was missed -> payment
    examination.ExaminationRanLate: lambda case, event, m: _missed(case, m, promise="examination"),
    production.ProductionRanLate: lambda case, event, m: _missed(case, m, promise="production"),
    tracking.AttemptRecorded: lambda case, event, m: _too_late_at_door(case, m) if event.attempt == 1 else [],
    tracking.DeliveryReported: lambda case, event, m: (
        _too_late_at_door(case, m) if case.tracking.attempts == 0 else []
    ),
    tracking.TrackingRanLate: lambda case, event, m: (
        _too_late_at_door(case, m)
        if case.tracking.state is TrackingState.ON_THE_WAY and case.tracking.attempts == 0
        else []
    ),
    payment.PromiseMissed: _make_amends,
    production.ProductionStarted: _make_amends,
    # what the recipient wishes of the post -> our own clock
    wish.AnotherDayWished: lambda case, event, m: put_off(case.tracking, m, until=event.day),
    wish.PostOfficeWished: lambda case, event, m: put_off(case.tracking, m, until=None),
    # what goes wrong
    tracking.ReceiptDenied: _stop,
    DocumentFrozen: lambda case, event, m: [
        RegisterEntryDue(work="suspend", make=event.make, turn=event.turn)
    ],
    tracking.DisputeSettled: _has_it_after_all,
    tracking.ContradictionEnded: lambda case, event, m: _released(case),
    DocumentReleased: lambda case, event, m: [
        RegisterEntryDue(work="restore", make=event.make, turn=event.turn)
    ],
    tracking.IncidentRecorded: lambda case, event, m: _interrupted(case),
    tracking.LossRecorded: _give_up,
    handover.DeclaredMissing: lambda case, event, m: [_invalid(case, reason="missing", remake=True)],
    DocumentInvalidated: _after_invalidation,
    # what comes back -> returns -> handover, or production, or the end
    tracking.TurnedBack: _bring_back,
    tracking.RejectionRecorded: lambda case, event, m: [started(m, event.reason)],
    tracking.FindRecorded: lambda case, event, m: [started(m, int(Reason.LOST))],
    tracking.TurnVoided: lambda case, event, m: [returns.ReturnCalledOff()],
    returns.RecallAccepted: lambda case, event, m: _turned(case, int(Reason.RECALLED)),
    returns.ReturnOffered: lambda case, event, m: _turned(case, event.reason),
    handover.PickupLapsed: lambda case, event, m: [shelved(m, Reason.NOT_COLLECTED)],
    handover.RejectedAtCounter: lambda case, event, m: [shelved(m, Reason(event.reason))],
    returns.ReturnResent: lambda case, event, m: [
        *_released(case),
        _handed_over(m, mode="post", free=event.free),
    ],
    returns.ReturnKeptForPickup: lambda case, event, m: [
        *_released(case),
        _handed_over(m, mode="counter", free=True),
    ],
    returns.EnvelopeEmpty: lambda case, event, m: [_invalid(case, reason="missing", remake=True)],
    returns.ReturnGivenUp: lambda case, event, m: [_invalid(case, reason="returned", remake=event.remake)],
    # another address -> the order that waited for it, or the way back
    readdressing.AddressChanged: lambda case, event, m: [
        application.ApplicationReaddressed(destination=event.destination)
    ],
    readdressing.AddressChangeApproved: _readdressed,
    application.ApplicationReaddressed: _order,
    readdressing.AddressChangeAsked: lambda case, event, m: _left_for_another_address(case),
    readdressing.AddressChangeStopped: _address_stays,
    readdressing.AddressChangeDenied: _order,
    # a group -> the order that waited for the others; who may receive it
    group.GroupLeft: _alone_again,
    group.GroupWaitEnded: _order,
    handover.OrderPlaced: lambda case, event, m: _needs_no_waiting(case, "ordered"),
    group.GroupReceiverNamed: _receiver_named,
    group.GroupReceiverForgotten: _receiver_forgotten,
    # whoever proved a number is reached by it
    telephone.PhoneChanged: lambda case, event, m: _reached(case),
    # whoever is forgotten need not be told, nor answered
    erasure.ErasureOrdered: _forgotten,
}
"""The page itself: event of one step -> the events that open (or close) the others."""
