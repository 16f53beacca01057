"""What counts as delivered: only a proof of the right person, the recipient's word and this very envelope."""

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec

from safehand.authority.rulebook import Answer, Moment
from safehand.authority.tracking import commands as c
from safehand.authority.tracking import events as e
from safehand.authority.tracking import refusals
from safehand.authority.tracking.states import TABLE, WAITING, KeptScan, Tracking
from safehand.authority.tracking.states import TrackingState as S
from safehand.kernel.outcome import Refusal
from safehand.kernel.steps import clocked, moved
from safehand.kernel.working_days import end_of_day, last_day
from safehand.link.messages import WITHOUT_CLAIM, ProofMethod, Reason, Scan

CODE_ATTEMPTS_MAX: Final = 5
"""Wrong codes and identity words for one envelope (postal facts, PIN practice); after that only the recipient's session
helps."""
_COUNTED: Final = frozenset({ProofMethod.RECIPIENT_CODE, ProofMethod.COUNTER_IDENTITY})
CONFIRMATION_MINUTES: Final = 15
NEAR_LASTS: Final = timedelta(hours=1)
"""So long "the courier is near" is true at most."""
NEARS_TOLD_MAX: Final = 3
"""Of one courier's round, whatever the post says: each is a message to a telephone."""
SCANS_KEPT_MAX: Final = 8
_WITH_POST: Final = frozenset({S.ON_THE_WAY, S.REPORTED, S.DENIED})
_RETURN_SCANS: Final = frozenset({Scan.RETURN_STARTED, Scan.RETURN_MOVED})


def position(step: Tracking) -> Scan | None:
    """Where it is: the furthest of the present round's scans that were not voided, never the peer's clock."""
    live = [kept.scan for kept in step.scans if kept.attempts == step.attempts]
    if live:
        return Scan(max(live))
    return Scan.AT_OFFICE if step.attempts else None


def _silence(m: Moment, promised: datetime | None = None) -> datetime:
    slack = timedelta(hours=m.book.clocks.silence_hours)
    return (m.now if promised is None else max(promised, m.now)) + slack


def _not_before(step: Tracking, due_at: datetime | None = None) -> datetime | None:
    """What the post says it is due at, or the end of the day that its recipient wished, if that is later."""
    wished = None if step.put_off_to is None else end_of_day(step.put_off_to)
    return max((moment for moment in (due_at, wished) if moment is not None), default=None)


def opened(m: Moment, *, order: str, waybill: str, peer: str, destination: int) -> e.TrackingOpened:
    """The post has it: the promise (policy, clocks) and the slack after it."""
    promised_at = m.promised(destination=destination)
    return e.TrackingOpened(
        order=order,
        waybill=waybill,
        peer=peer,
        due_at=_silence(m, promised_at),
        promised_on=last_day(promised_at),
    )


def put_off(step: Tracking, m: Moment, *, until: date | None) -> list[e.PutOff]:
    """What its recipient wished later is not late: the clock of silence waits, and never rings sooner than it would have."""
    if step.state is not S.ON_THE_WAY:
        return []
    if until is not None:
        return [e.PutOff(until=until, due_at=_silence(m, end_of_day(until)))]
    due_at = _silence(m)
    return [e.PutOff(until=None, due_at=max(due_at, step.due_at or due_at))]


def _mismatch(step: Tracking, order: str, waybill: str) -> Refusal | None:
    if order != step.order or step.state is S.NONE:
        return refusals.NOT_THIS_ORDER()
    return None if waybill == step.waybill else refusals.NOT_THIS_ITEM()


def record_scan(step: Tracking, command: c.RecordScan, m: Moment) -> Answer:
    """Late, repeated and out of order is normal. A scan of the way back also turns the envelope back."""
    if wrong := _mismatch(step, command.order, command.waybill):
        return wrong
    if any(kept.scan_id == command.scan_id for kept in step.scans):
        return []
    scanned = e.ScanRecorded(
        scan=int(command.scan),
        scan_id=command.scan_id,
        place=command.place,
        occurred_at=command.occurred_at,
        due_at=_silence(m, _not_before(step, command.due_at)),
        held_to=last_day(command.due_at) if command.scan is Scan.HELD and command.due_at else None,
    )
    if command.scan in _RETURN_SCANS and step.state in _WITH_POST and command.scan_id not in step.voided:
        # A void may take back only a turn of what was simply on its way: a denial stays frozen.
        voidable = step.state is S.ON_THE_WAY
        return [scanned, e.TurnedBack(reason=0, scan_id=command.scan_id if voidable else "")]
    return [scanned]


def record_void(step: Tracking, command: c.RecordVoid, m: Moment) -> Answer:
    """The scan is taken back, even before it came; if it had turned the envelope back, that too."""
    if wrong := _mismatch(step, command.order, command.waybill):
        return wrong
    if command.scan_id in step.voided:
        return []
    voided = e.ScanVoidRecorded(scan_id=command.scan_id)
    if step.state is S.TURNED_BACK and step.turned_by == command.scan_id:
        return [voided, e.TurnVoided(due_at=_silence(m, _not_before(step)))]
    return [voided]


def record_attempt(step: Tracking, command: c.RecordAttempt, m: Moment) -> Answer:
    """Attempts are numbered by the post; a number that was seen says nothing new."""
    if wrong := _mismatch(step, command.order, command.waybill):
        return wrong
    if command.attempt <= step.attempts or step.state not in _WITH_POST:
        return []
    return [
        e.AttemptRecorded(
            reason=int(command.reason),
            attempt=command.attempt,
            place=command.place,
            occurred_at=command.occurred_at,
            due_at=_silence(m, _not_before(step)),
        )
    ]


def record_courier(step: Tracking, command: c.RecordCourier, m: Moment) -> Answer:
    """Who comes is said ahead. Old and repeated news, and news of what is at no door any more, change nothing."""
    if wrong := _mismatch(step, command.order, command.waybill):
        return wrong
    old = step.courier_at is not None and command.at <= step.courier_at
    if old or step.state not in (S.ON_THE_WAY, S.REPORTED):
        return []
    return [e.CourierNamed(courier=command.courier, at=command.at)]


def record_near(step: Tracking, command: c.RecordNear, m: Moment) -> Answer:
    """Told only while it is news, and a few times at most: it comes beside the code that was sent when the courier set out."""
    if wrong := _mismatch(step, command.order, command.waybill):
        return wrong
    before = max((at for at in (step.courier_at, step.near_at) if at is not None), default=None)
    old = m.now - command.at > NEAR_LASTS or (before is not None and command.at <= before)
    if old or step.nears >= NEARS_TOLD_MAX or step.state not in (S.ON_THE_WAY, S.REPORTED):
        return []
    return [e.CourierNear(at=command.at)]


def confirm_at_door(step: Tracking, command: c.ConfirmAtDoor, m: Moment) -> Answer:
    """The recipient's word first, the courier's claim within minutes; also for what was left elsewhere and fetched again."""
    at_door = step.state in (S.ON_THE_WAY, S.REPORTED)
    return [e.ConfirmedAtDoor()] if at_door else refusals.nothing_to_confirm(step.state)


def judge_claim(step: Tracking, command: c.JudgeClaim, m: Moment) -> Answer:
    """The only door to *delivered* for a courier. After a recall, a return or a loss nothing is sealed."""
    if command.order != step.order or step.state is S.NONE:
        return refusals.NOT_THIS_ORDER()
    if step.state is S.DELIVERED:
        return []
    if command.waybill != step.waybill:
        return [_claim_refused(step, command, m, Reason.NOT_THIS_ITEM)]
    if step.state not in (S.ON_THE_WAY, S.REPORTED):
        return [_claim_refused(step, command, m, Reason.NOT_IN_CUSTODY)]
    if command.method in _COUNTED and step.wrong_codes >= CODE_ATTEMPTS_MAX:
        return [_claim_refused(step, command, m, Reason.CODE_ATTEMPTS_USED_UP)]
    if not _proven(step, command, m):
        is_code = command.method is ProofMethod.RECIPIENT_CODE
        return [
            _claim_refused(step, command, m, Reason.CODE_WRONG if is_code else Reason.IDENTITY_NOT_PROVEN)
        ]
    return [_sealed(step, m, command.method, command.claimed_at, command.evidence)]


def _proven(step: Tracking, command: c.JudgeClaim, m: Moment) -> bool:
    """Whether what the authority found out carries the method that was claimed."""
    match command.method:
        case ProofMethod.RECIPIENT_CODE:
            return command.code_matches
        case ProofMethod.RECIPIENT_SESSION:
            return command.session_confirmed or _just_confirmed(step, m)
        case ProofMethod.COUNTER_IDENTITY:
            return command.identity_confirmed
        case ProofMethod.EVIDENCE_GRADE:
            # What was reported in an improper way is ended by the recipient or the manager, never by more paper.
            return command.evidence_accepted and step.state is S.ON_THE_WAY
        case ProofMethod.RECIPIENT_WORD | ProofMethod.AUTHORITY_DECISION:
            return False  # these are ours to give


def _just_confirmed(step: Tracking, m: Moment) -> bool:
    limit = timedelta(minutes=CONFIRMATION_MINUTES)
    return step.confirmed_at is not None and m.now - step.confirmed_at <= limit


def _claim_refused(step: Tracking, command: c.JudgeClaim, m: Moment, reason: Reason) -> e.ClaimRefused:
    # An answer of yes or no can be guessed: each wrong one counts, whichever of the two was asked.
    counted = reason is Reason.CODE_WRONG or (
        reason is Reason.IDENTITY_NOT_PROVEN and command.method in _COUNTED
    )
    return e.ClaimRefused(
        order=command.order,
        waybill=command.waybill,
        peer=step.peer,
        reason=int(reason),
        attempts_left=CODE_ATTEMPTS_MAX - step.wrong_codes - counted,
        counted=counted,
        at=m.now,
    )


def _sealed(
    step: Tracking, m: Moment, method: ProofMethod, claimed_at: datetime, evidence: bytes
) -> e.ProofSealed:
    return e.ProofSealed(
        order=step.order,
        waybill=step.waybill,
        peer=step.peer,
        method=int(method),
        claimed_at=claimed_at,
        evidence=evidence,
        at=m.now,
    )


def record_reported(step: Tracking, command: c.RecordReported, m: Moment) -> Answer:
    """Reported is not delivered: the recipient confirms or denies, and silence has a clock and an owner."""
    if wrong := _mismatch(step, command.order, command.waybill):
        return wrong
    if step.state in (S.REPORTED, S.DENIED, S.DELIVERED, S.DISPUTED):
        return []
    if step.state is not S.ON_THE_WAY:
        return refusals.not_now(step.state)
    return [
        e.DeliveryReported(
            carrier_code=command.carrier_code,
            occurred_at=command.occurred_at,
            due_at=m.in_days(m.book.clocks.reported_days),
        )
    ]


def confirm_receipt(step: Tracking, command: c.ConfirmReceipt, m: Moment) -> Answer:
    """The recipient's own word ends a report, a denial, a search or a dispute."""
    match step.state:
        case S.DELIVERED:
            return []
        case S.DISPUTED if not step.contradicted:
            return [e.DisputeSettled(by_recipient=True)]
        case S.REPORTED | S.DENIED | S.INCIDENT | S.DISPUTED:
            return [_sealed(step, m, ProofMethod.RECIPIENT_WORD, m.now, command.evidence)]
        case S.NONE | S.ON_THE_WAY | S.TURNED_BACK | S.LOST:
            return refusals.nothing_to_confirm(step.state)


def deny_receipt(step: Tracking, command: c.DenyReceipt, m: Moment) -> Answer:
    """ "I don't have it" in one tap: nothing more is sealed until the manager settles it.

    Another one is authorised at once, unless the person has another live application for this kind of document.
    """
    if step.state in (S.DENIED, S.DISPUTED):
        return []
    if step.state not in (S.REPORTED, S.DELIVERED):
        return refusals.nothing_to_deny(step.state)
    due_at = m.in_working_days(m.book.clocks.dispute_working_days)
    free = m.holders.get(command.claim, m.stream) == m.stream
    return [e.ReceiptDenied(due_at=due_at, reissue=free)]


def record_inquiry(step: Tracking, command: c.RecordInquiry, m: Moment) -> Answer:
    """Only while it is disputed, and of the last question: else nobody waits for it any more."""
    if wrong := _mismatch(step, command.order, command.waybill):
        return wrong
    if step.state is not S.DISPUTED or command.number != step.denials or step.finding is command.finding:
        return []
    return [e.InquiryAnswered(finding=command.finding)]


def settle(step: Tracking, command: c.Settle, m: Moment) -> Answer:
    """The manager decides on evidence: in hand needs an accepted grade; not in hand means invalidate and remake."""
    if step.state not in (S.REPORTED, S.DENIED, S.INCIDENT, S.DISPUTED):
        return refusals.not_now(step.state)
    if not command.in_hand:
        if step.state is S.DISPUTED and m.holders.get(command.claim, m.stream) != m.stream:
            return refusals.ANOTHER_CASE_LIVE()
        return [e.LossRecorded(by="authority")]
    if step.state is S.DISPUTED and not step.contradicted:
        return [e.DisputeSettled()]
    if not command.grade_accepted or step.state is S.INCIDENT:
        return refusals.EVIDENCE_TOO_WEAK()
    return [_sealed(step, m, ProofMethod.AUTHORITY_DECISION, m.now, command.evidence)]


def record_rejected(step: Tracking, command: c.RecordRejected, m: Moment) -> Answer:
    """Handed back at the door; it returns, and another one is made free of charge if it was our fault."""
    if wrong := _mismatch(step, command.order, command.waybill):
        return wrong
    if step.state is S.TURNED_BACK:
        return []
    if step.state in (S.DELIVERED, S.DISPUTED):
        return contradicted(step, m)
    if step.state not in _WITH_POST:
        return refusals.not_now(step.state)
    return [e.RejectionRecorded(reason=int(command.reason))]


def record_incident(step: Tracking, command: c.RecordIncident, m: Moment) -> Answer:
    """The post searches; the clock says how long.

    A word that answers no claim reaches the post whatever it is doing, and ends a search. Only where the post says that it
    has heard it, and that it came too late, the word is contradicted.
    """
    if wrong := _mismatch(step, command.order, command.waybill):
        return wrong
    if step.state in (S.INCIDENT, S.LOST):
        return []
    if step.state in (S.DELIVERED, S.DISPUTED):
        if step.own_word and command.reason is not Reason.PROOF_TOO_LATE:
            return [] if step.searched else [e.SearchOvertaken()]
        return contradicted(step, m)
    due_at = m.in_days(m.book.clocks.incident_days)
    return [e.IncidentRecorded(reason=int(command.reason), due_at=due_at)]


def contradicted(step: Tracking, m: Moment) -> Answer:
    """The post has what was sealed as delivered: the proof crossed the courier's void, a rejection, or a wrong word.

    The manager settles it as any other dispute; told again it changes nothing.
    """
    if step.contradicted:
        return []
    return [e.DeliveryContradicted(due_at=m.in_working_days(m.book.clocks.dispute_working_days))]


def record_loss(step: Tracking, command: c.RecordLoss, m: Moment) -> Answer:
    """Policy, at the door: invalidate at once, remake, resend free, investigate."""
    if wrong := _mismatch(step, command.order, command.waybill):
        return wrong
    if step.state in (S.LOST, S.DISPUTED):
        # The manager settles the dispute; until then the document is in the incident's account already.
        return []
    if step.state is S.DELIVERED:
        # The post will hear the recipient's own word, and end its search.
        return [] if step.searched else refusals.not_now(step.state)
    return [e.LossRecorded(by="post")]


def record_found(step: Tracking, command: c.RecordFound, m: Moment) -> Answer:
    """Found before it was given up (what was given up is an old document: see returns)."""
    if wrong := _mismatch(step, command.order, command.waybill):
        return wrong
    if step.state in (S.DELIVERED, S.DISPUTED):
        return contradicted(step, m)
    if step.state is S.TURNED_BACK:
        return []
    return [e.FindRecorded()] if step.state is S.INCIDENT else refusals.not_now(step.state)


def record_search_ended(step: Tracking, command: c.RecordSearchEnded, m: Moment) -> Answer:
    """The post goes by the recipient's own word: what contradicted it had been said before the post heard it."""
    if wrong := _mismatch(step, command.order, command.waybill):
        return wrong
    if step.state not in (S.DELIVERED, S.DISPUTED):
        return refusals.not_now(step.state)
    return [e.ContradictionEnded()] if step.contradicted and step.own_word else []


def expired(step: Tracking, command: c.TrackingExpired, m: Moment) -> Answer:
    """Silence, an unanswered report, an endless search: the manager owns it."""
    if step.state not in WAITING or step.late or step.due_at is None or m.now < step.due_at:
        return []
    return [e.TrackingRanLate()]


RULES: Final[Mapping[type, Any]] = {
    c.RecordScan: record_scan,
    c.RecordVoid: record_void,
    c.RecordAttempt: record_attempt,
    c.RecordCourier: record_courier,
    c.RecordNear: record_near,
    c.RecordInquiry: record_inquiry,
    c.ConfirmAtDoor: confirm_at_door,
    c.JudgeClaim: judge_claim,
    c.RecordReported: record_reported,
    c.ConfirmReceipt: confirm_receipt,
    c.DenyReceipt: deny_receipt,
    c.Settle: settle,
    c.RecordRejected: record_rejected,
    c.RecordIncident: record_incident,
    c.RecordLoss: record_loss,
    c.RecordFound: record_found,
    c.RecordSearchEnded: record_search_ended,
    c.TrackingExpired: expired,
}


def fold(step: Tracking, event: e.TrackingEvent, at: datetime) -> Tracking:
    """The step after the event. Nobody is on the way with what has changed its state, failed at the door, or was scanned
    elsewhere since."""
    after = _fold(step, event, at)
    gone = (
        after.state is not step.state or isinstance(event, e.AttemptRecorded) or _seen_elsewhere(step, event)
    )
    return msgspec.structs.replace(after, courier="") if after.courier and gone else after


def _seen_elsewhere(step: Tracking, event: e.TrackingEvent) -> bool:
    # The peer's clock decides only what is shown here: a late scan must not hide the courier who stands at the door.
    return (
        isinstance(event, e.ScanRecorded)
        and event.scan != Scan.OUT_FOR_DELIVERY
        and step.courier_at is not None
        and event.occurred_at >= step.courier_at
    )


def _fold(step: Tracking, event: e.TrackingEvent, at: datetime) -> Tracking:
    match event:
        case e.CourierNamed() | e.CourierNear() | e.PutOff():
            return _fold_visit(step, event, at)
        case e.ScanRecorded() | e.ScanVoidRecorded() | e.AttemptRecorded() | e.ConfirmedAtDoor():
            return _fold_news(step, event, at)
        case e.TrackingOpened():
            fresh = Tracking(state=step.state, since=step.since)
            names = {"order": event.order, "waybill": event.waybill, "peer": event.peer}
            return clocked(
                fresh, event, at, TABLE, due_at=event.due_at, promised_on=event.promised_on, **names
            )
        case e.ClaimRefused() | e.TrackingRanLate():
            counted = event.counted if isinstance(event, e.ClaimRefused) else 0
            late = step.late or isinstance(event, e.TrackingRanLate)
            return moved(step, event, at, TABLE, late=late, wrong_codes=step.wrong_codes + counted)
        case e.TurnedBack():
            return clocked(step, event, at, TABLE, turned_by=event.scan_id)
        case e.ReceiptDenied() | e.InquiryAnswered():
            return _fold_denial(step, event, at)
        case e.DeliveryContradicted() | e.DeliveryReported() | e.IncidentRecorded() | e.TurnVoided():
            known = step.contradicted or isinstance(event, e.DeliveryContradicted)
            return clocked(step, event, at, TABLE, due_at=event.due_at, turned_by="", contradicted=known)
        case e.ProofSealed() | e.SearchOvertaken() | e.ContradictionEnded():
            return _fold_word(step, event, at)
        case e.DisputeSettled() | e.RejectionRecorded() | e.FindRecorded() | e.LossRecorded():
            return clocked(step, event, at, TABLE)


def _fold_denial(step: Tracking, event: e.ReceiptDenied | e.InquiryAnswered, at: datetime) -> Tracking:
    if isinstance(event, e.InquiryAnswered):
        return moved(step, event, at, TABLE, finding=event.finding)
    denials = step.denials + (step.state is S.DELIVERED)
    return clocked(step, event, at, TABLE, due_at=event.due_at, turned_by="", denials=denials, finding=None)


def _fold_visit(step: Tracking, event: e.CourierNamed | e.CourierNear | e.PutOff, at: datetime) -> Tracking:
    if isinstance(event, e.PutOff):
        return clocked(step, event, at, TABLE, due_at=event.due_at, put_off_to=event.until)
    if isinstance(event, e.CourierNear):
        return moved(step, event, at, TABLE, near_at=event.at, nears=step.nears + 1)
    named = {"courier": event.courier, "courier_at": event.at, "near_at": None, "nears": 0}
    return moved(step, event, at, TABLE, **named)


def _fold_word(
    step: Tracking, event: e.ProofSealed | e.SearchOvertaken | e.ContradictionEnded, at: datetime
) -> Tracking:
    if isinstance(event, e.SearchOvertaken):
        return moved(step, event, at, TABLE, searched=True)
    if isinstance(event, e.ContradictionEnded):
        return clocked(step, event, at, TABLE, contradicted=False, searched=True)
    searched = step.searched or step.state is S.INCIDENT
    word = ProofMethod(event.method) in WITHOUT_CLAIM
    return clocked(step, event, at, TABLE, contradicted=False, own_word=word, searched=searched)


def _fold_news(
    step: Tracking,
    event: e.ScanRecorded | e.ScanVoidRecorded | e.AttemptRecorded | e.ConfirmedAtDoor,
    at: datetime,
) -> Tracking:
    match event:
        case e.ScanRecorded():
            known = event.scan_id in step.voided
            kept = () if known else (KeptScan(event.scan_id, event.scan, step.attempts),)
            changes: dict[str, Any] = {"scans": (*step.scans, *kept)[-SCANS_KEPT_MAX:]}
            if event.held_to is not None:
                changes["held_to"] = event.held_to
        case e.AttemptRecorded():
            changes = {"attempts": event.attempt}
        case e.ScanVoidRecorded():
            scans = tuple(kept for kept in step.scans if kept.scan_id != event.scan_id)
            changes = {"scans": scans, "voided": (*step.voided, event.scan_id)[-SCANS_KEPT_MAX:]}
            return moved(step, event, at, TABLE, **changes)
        case e.ConfirmedAtDoor():
            return moved(step, event, at, TABLE, confirmed_at=at)
    # Only the clock of silence is wound by news; the others run whatever the post says.
    if step.state is S.ON_THE_WAY:
        return clocked(step, event, at, TABLE, due_at=event.due_at, **changes)
    return moved(step, event, at, TABLE, **changes)
