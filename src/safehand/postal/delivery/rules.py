"""Delivery: rounds, attempts, claims, holding. Only a sealed proof writes *delivered*. Pure."""

import re
from collections.abc import Sequence
from datetime import date, datetime, timedelta
from functools import lru_cache
from typing import Final, assert_never
from zoneinfo import ZoneInfo

import msgspec

from safehand.kernel.machine import Event
from safehand.kernel.outcome import Refusal
from safehand.kernel.working_days import SHANGHAI, add_days, end_of_day, last_day, local_day
from safehand.link.identity_word import WORD_CHARACTERS
from safehand.link.messages import WITHOUT_CLAIM, ProofMethod, Reason, Wish
from safehand.postal.custody.rules import check_time
from safehand.postal.custody.states import Custody
from safehand.postal.custody.states import State as Holder
from safehand.postal.delivery import commands, events, refusals
from safehand.postal.delivery.states import TABLE, TERMINAL, WAITING, After, Delivery, State, Wished
from safehand.postal.order import Order
from safehand.postal.steps import moved, scan_name

ROUND_FIRST_HOUR: Final = 6
ROUND_LAST_HOUR: Final = 21
"""Local hours between which a courier may take items out; at the last all must be back (assumed)."""
ANSWER_DUE: Final = timedelta(minutes=30)
"""How long the courier waits at most for the authority's answer before the manager calls (assumed)."""
NONCONFORMING_DUE: Final = timedelta(hours=24)
"""How long an envelope may be where nobody signed for it (assumed)."""
NEARS_MAX: Final = 3
"""How often a recipient is told within a round that the courier is near (assumed)."""
STALE_ANSWER: Final = timedelta(minutes=1)
"""A refusal written this long before the claim was recorded answers an earlier, voided one."""

AFTER: Final[dict[Reason, After]] = {
    # Postal facts, section 6: what stops the clock goes to the counter until the authority or recipient decides; an
    # address is never changed by the post alone (a security event for identity documents).
    Reason.ABSENT: After.TRY_AGAIN,
    Reason.RESCHEDULED_BY_RECIPIENT: After.TRY_AGAIN,
    Reason.IDENTITY_NOT_PROVEN: After.TRY_AGAIN,
    Reason.CHARGES_DUE: After.TRY_AGAIN,
    Reason.ADDRESS_INSUFFICIENT: After.COUNTER,
    Reason.UNKNOWN_PERSON: After.COUNTER,
    Reason.MOVED: After.COUNTER,
    Reason.READDRESS_REQUESTED: After.COUNTER,
    Reason.WANTS_COUNTER: After.COUNTER,
    Reason.REFUSED: After.RETURN,
    Reason.DECEASED: After.RETURN,
}
HOLD_REASONS: Final = frozenset(
    {
        Reason.WANTS_COUNTER,
        Reason.ATTEMPTS_USED_UP,
        Reason.RESCHEDULED_BY_RECIPIENT,
        Reason.ADDRESS_INSUFFICIENT,
        Reason.MOVED,
        Reason.READDRESS_REQUESTED,
    }
)
WISHED_AS: Final[dict[Reason, Wish]] = {
    Reason.RESCHEDULED_BY_RECIPIENT: Wish.ANOTHER_DAY,
    Reason.WANTS_COUNTER: Wish.POST_OFFICE,
}
"""What a courier may say of a visit that ended by the recipient's wish; without one on record it is an attempt like any."""
REJECTION_REASONS: Final = frozenset({Reason.MISPRINT, Reason.SEAL_BROKEN, Reason.DAMAGED})
_DOOR_METHODS: Final = frozenset({ProofMethod.RECIPIENT_CODE, ProofMethod.RECIPIENT_SESSION})
_COUNTER_METHODS: Final = _DOOR_METHODS | {ProofMethod.COUNTER_IDENTITY}
_WORD: Final = re.compile(f"[A-Z2-7]{{{WORD_CHARACTERS}}}")
_AT_DOOR: Final = (State.WITH_COURIER, State.ATTEMPTED)
_CLAIMED: Final = (State.CLAIMED, State.CLAIMED_AT_COUNTER)

Decided = Sequence[Event] | Refusal


def decide(  # noqa: C901 - one line per command
    step: Delivery,
    order: Order,
    custody: Custody,
    command: commands.DeliveryCommand,
    now: datetime,
    *,
    accepted_at: datetime | None = None,
) -> Decided:
    """The events of a command, or the refusal. `accepted_at`: since when the post has it."""
    match command:
        case commands.TakeOut():
            return _take_out(step, order, command, now)
        case commands.Approach():
            return _approach(step, command, now)
        case commands.Claim(courier=who):
            return _claim(step, command, who, _DOOR_METHODS, now)
        case commands.ClaimAtCounter(clerk=who):
            return _claim(step, command, who, _COUNTER_METHODS, now)
        case commands.RecordProof():
            return _record_proof(step, custody, command)
        case commands.RecordProofRefusal():
            return _record_refusal(step, order, command, now)
        case commands.VoidClaim(courier=who):
            if step.state in _CLAIMED and step.courier != who:
                return refusals.WITH_OTHER_COURIER()
            return [events.ClaimVoided()] if step.state in _CLAIMED else refusals.NOT_CLAIMED()
        case commands.Fail():
            return _fail(step, order, command, now)
        case commands.BringBack():
            return _bring_back(step, order, custody, command, now)
        case commands.Hold():
            return _hold(step, command, now)
        case commands.EndHolding():
            ended = step.state is State.HELD and now >= held_until(step, order)
            return [events.HoldingEnded()] if ended else []
        case commands.RejectAtDoor():
            return _reject(step, command, now)
        case commands.ReportNonconforming():
            return _nonconforming(step, command, now)
        case commands.TakeBack():
            return _take_back(step, command, now)
        case commands.HearWish():
            return _hear_wish(step, order, command, accepted_at or now)
        case commands.JoinStop():
            return join_stop(step, command)
        case commands.Escalate():
            wait = WAITING.get(step.state)
            waits = wait is not None and step.state is not State.HELD and not step.escalated
            return [events.Escalated()] if waits else []
        case _:
            assert_never(command)


def join_stop(step: Delivery, command: commands.JoinStop) -> Decided:
    """Never a reason for anything: what is over, or belongs to it already, stays as it is."""
    if step.state in TERMINAL or step.stop == command.stop:
        return []
    return [events.StopJoined(stop=command.stop)]


def _not_now(step: Delivery, otherwise: Refusal) -> Refusal:
    """Why nothing can be done at a door in this state; `otherwise` if the state itself is no reason."""
    match step.state:
        case State.STOPPED:
            return refusals.STOPPED()
        case State.DELIVERED:
            return refusals.DELIVERED()
        case State.CLAIMED | State.CLAIMED_AT_COUNTER:
            return refusals.CLAIM_PENDING()
        case State.NONCONFORMING:
            return refusals.LEFT_ELSEWHERE()
        case State.NOT_BEGUN | State.AT_OFFICE | State.WITH_COURIER | State.ATTEMPTED | State.HELD:
            return otherwise
        case _:
            assert_never(step.state)


def _take_out(step: Delivery, order: Order, command: commands.TakeOut, now: datetime) -> Decided:
    if step.scan_id == command.scan_id:
        return []
    if step.state in _AT_DOOR:
        return [] if step.courier == command.courier else refusals.WITH_OTHER_COURIER()
    if step.state not in (State.AT_OFFICE, State.HELD):
        return _not_now(step, refusals.NOT_AT_OFFICE())
    if step.attempts - step.excused >= order.attempts_max:
        return refusals.ATTEMPTS_USED_UP(attempts_max=order.attempts_max)
    if refused := _wished_otherwise(step, command.occurred_at):
        return refused
    hour = command.occurred_at.astimezone(SHANGHAI).hour
    if not ROUND_FIRST_HOUR <= hour < ROUND_LAST_HOUR:
        return refusals.OUTSIDE_ROUNDS(first=ROUND_FIRST_HOUR, last=ROUND_LAST_HOUR)
    return check_time(occurred_at=command.occurred_at, now=now) or [
        events.TakenOut(
            courier=command.courier,
            office=command.office,
            scan_id=command.scan_id,
            occurred_at=command.occurred_at,
        )
    ]


def wish_in_force(step: Delivery, day: date) -> Wished | None:
    """The recipient's wish, if it speaks against bringing the item on a day."""
    wished = step.wished
    if wished is None or (wished.day is not None and wished.day <= day):
        return None
    return wished


def _wished_otherwise(step: Delivery, occurred_at: datetime) -> Refusal | None:
    """Not taken out against the recipient's wish; what a courier had taken before it was heard is told late, and true."""
    wished = wish_in_force(step, local_day(occurred_at))
    if wished is None or occurred_at < wished.since:
        return None
    if wished.day is None:
        return refusals.WANTED_AT_COUNTER()
    return refusals.WANTED_LATER(day=wished.day.isoformat())


def _hear_wish(step: Delivery, order: Order, command: commands.HearWish, accepted_at: datetime) -> Decided:
    """The newest wish counts, also when an older one comes after it. Of what is over, or stopped, nothing is wished any more.

    However far a wish goes, the post keeps nothing longer than the order lets it: the way to the door and the days of holding.
    """
    if step.state in (State.DELIVERED, State.STOPPED):
        return []
    if step.wished is not None and command.number <= step.wished.number:
        return []
    if (command.wish is Wish.ANOTHER_DAY) is not (command.day is not None):
        return refusals.WISH_WITHOUT_DAY()
    kept_until = last_day(add_days(accepted_at, order.promise_days + order.held_days_max))
    day = None if command.day is None else min(command.day, kept_until)
    return [events.WishRecorded(number=command.number, wish=command.wish, day=day)]


def _approach(step: Delivery, command: commands.Approach, now: datetime) -> Decided:
    """Near is said a few times at most: whoever is told without end stops listening, and each telling is a message."""
    if step.state not in _AT_DOOR:
        return _not_now(step, refusals.NOT_WITH_COURIER())
    if step.courier != command.courier:
        return refusals.WITH_OTHER_COURIER()
    if step.nears >= NEARS_MAX:
        return refusals.NEAR_SAID(times_max=NEARS_MAX)
    return check_time(occurred_at=command.occurred_at, now=now) or [
        events.Approached(occurred_at=command.occurred_at)
    ]


def _claim(
    step: Delivery,
    command: commands.Claim | commands.ClaimAtCounter,
    who: str,
    methods: frozenset[ProofMethod],
    now: datetime,
) -> Decided:
    at_counter = isinstance(command, commands.ClaimAtCounter)
    if step.state not in ((State.HELD,) if at_counter else _AT_DOOR):
        return _not_now(step, refusals.NOT_HELD() if at_counter else refusals.NOT_WITH_COURIER())
    if not at_counter and step.courier != who:
        return refusals.WITH_OTHER_COURIER()
    if command.method not in methods:
        return refusals.METHOD_NOT_HERE()
    if wrong := _wrong_code(command.method, command.code):
        return wrong
    return check_time(occurred_at=command.occurred_at, now=now) or [
        events.Claimed(
            method=command.method,
            code=command.code,
            courier=who,
            occurred_at=command.occurred_at,
            receiver=command.receiver,
            papers=tuple(sorted(set(command.papers_seen))),
        )
    ]


def _wrong_code(method: ProofMethod, code: str) -> Refusal | None:
    match method:
        case ProofMethod.RECIPIENT_CODE:
            return None if code else refusals.CODE_MISSING()
        case ProofMethod.COUNTER_IDENTITY:
            # Exactly a word: a clerk who keys the number itself is stopped before it is written anywhere.
            return None if _WORD.fullmatch(code) else refusals.IDENTITY_WORD_MISSING()
        case _:
            return refusals.CODE_SUPERFLUOUS() if code else None


def _record_proof(step: Delivery, custody: Custody, command: commands.RecordProof) -> Decided:
    """Delivered by a sealed proof. One that comes when the claim no longer stands is kept and becomes an incident.

    But while the item is searched for, the recipient's own word is the only news of it, and ends the search. That word
    answers no claim.
    """
    if not command.proof_verified:
        return refusals.PROOF_NOT_VERIFIED()
    own_word = command.method in WITHOUT_CLAIM
    searched = step.state is State.STOPPED and custody.state is Holder.IN_INCIDENT
    if searched and own_word and step.evidence != command.evidence:
        return [
            events.ProofRecorded(
                method=command.method, evidence=command.evidence, sealed_at=command.sealed_at
            )
        ]
    match step.state:
        case State.DELIVERED:
            return [] if own_word or step.evidence == command.evidence else refusals.PROOF_DIFFERS()
        case State.CLAIMED | State.CLAIMED_AT_COUNTER | State.NONCONFORMING:
            return [
                events.ProofRecorded(
                    method=command.method, evidence=command.evidence, sealed_at=command.sealed_at
                )
            ]
        case (
            State.NOT_BEGUN
            | State.AT_OFFICE
            | State.WITH_COURIER
            | State.ATTEMPTED
            | State.HELD
            | State.STOPPED
        ):
            if not (step.claims > 0 or step.reported or step.state is State.STOPPED):
                return refusals.NO_CLAIM()
            if step.evidence == command.evidence:
                return []
            return [events.ProofCameLate(evidence=command.evidence, sealed_at=command.sealed_at)]
        case _:
            assert_never(step.state)


def _record_refusal(
    step: Delivery, order: Order, command: commands.RecordProofRefusal, now: datetime
) -> Decided:
    if step.claims == 0:
        return refusals.NO_CLAIM()
    pending = step.state in _CLAIMED and step.since is not None
    if not pending or (step.since is not None and command.at + STALE_ANSWER < step.since):
        return [events.OldClaimAnswered(reason=command.reason)]
    refused = events.ClaimRefused(reason=command.reason, attempts_left=command.attempts_left)
    if command.attempts_left > 0 or step.state is State.CLAIMED_AT_COUNTER:
        return [refused]
    # No further code will be believed: the visit has failed, and the item waits at the counter for the person.
    failed = events.AttemptFailed(
        reason=Reason.CODE_ATTEMPTS_USED_UP, attempt=step.attempts + 1, place=step.office, occurred_at=now
    )
    return [refused, failed]


def _fail(step: Delivery, order: Order, command: commands.Fail, now: datetime) -> Decided:
    if step.state is State.ATTEMPTED and (command.attempt, command.reason) == (step.attempts, step.reason):
        return []
    if step.state not in _AT_DOOR:
        return _not_now(step, refusals.NOT_WITH_COURIER())
    if step.courier != command.courier:
        return refusals.WITH_OTHER_COURIER()
    if command.reason not in AFTER:
        return refusals.NOT_A_DOOR_REASON(reason=int(command.reason))
    if step.attempts - step.excused >= order.attempts_max:
        return refusals.ATTEMPTS_USED_UP(attempts_max=order.attempts_max)
    if command.attempt != step.attempts + 1:
        return refusals.ATTEMPT_OUT_OF_TURN(expected=step.attempts + 1, attempt=command.attempt)
    return check_time(occurred_at=command.occurred_at, now=now) or [
        events.AttemptFailed(
            reason=command.reason,
            attempt=command.attempt,
            place=command.place,
            occurred_at=command.occurred_at,
            by_wish=_as_wished(step, command),
        )
    ]


def _as_wished(step: Delivery, command: commands.Fail) -> bool:
    """Whether the recipient's own wish, of which no courier can make one, ended this visit: each wish one."""
    wished = wish_in_force(step, local_day(command.occurred_at))
    return wished is not None and not wished.used and WISHED_AS.get(command.reason) is wished.wish


def _bring_back(
    step: Delivery, order: Order, custody: Custody, command: commands.BringBack, now: datetime
) -> Decided:
    """Back at the office; what the failed attempt asks for follows at once. A stopped item comes back the same way."""
    if step.scan_id == command.scan_id:
        return []
    with_courier = custody.state is Holder.WITH_COURIER
    if step.state not in _AT_DOOR and not (step.state is State.STOPPED and with_courier):
        return _not_now(step, refusals.NOT_WITH_COURIER())
    if step.courier != command.courier:
        return refusals.WITH_OTHER_COURIER()
    back = events.BroughtBack(place=command.place, scan_id=command.scan_id, occurred_at=command.occurred_at)
    after = after_attempts(step, order)
    attempted = step.state is State.ATTEMPTED and after is After.COUNTER
    wished = step.state in _AT_DOOR and wants_counter(step) and after is not After.RETURN
    if not attempted and not wished:
        return check_time(occurred_at=command.occurred_at, now=now) or [back]
    what, number = (
        ("held", step.attempts) if attempted or step.wished is None else ("wish", step.wished.number)
    )
    held = events.Held(
        place=command.place,
        reason=Reason.WANTS_COUNTER if wished else _why_held(step),
        scan_id=scan_name(order=order.order, what=what, number=number),
        occurred_at=command.occurred_at,
    )
    return check_time(occurred_at=command.occurred_at, now=now) or [back, held]


def _why_held(step: Delivery) -> Reason:
    """What the last visit failed by; but if it might have been tried again, that it may not."""
    if step.after is After.TRY_AGAIN:
        return Reason.ATTEMPTS_USED_UP
    assert step.reason is not None
    return step.reason


def wants_counter(step: Delivery) -> bool:
    """Whether the recipient's last wish is to fetch it."""
    return step.wished is not None and step.wished.wish is Wish.POST_OFFICE


def after_attempts(step: Delivery, order: Order) -> After:
    """What the last failed attempt means, with the number of attempts that the order allows."""
    if step.after is After.TRY_AGAIN and step.attempts - step.excused >= order.attempts_max:
        return After.COUNTER
    return step.after


def _hold(step: Delivery, command: commands.Hold, now: datetime) -> Decided:
    if step.state is State.HELD:
        return []
    if step.state is not State.AT_OFFICE:
        return _not_now(step, refusals.NOT_AT_OFFICE())
    if command.reason not in HOLD_REASONS:
        return refusals.NOT_A_HOLD_REASON(reason=int(command.reason))
    return check_time(occurred_at=command.occurred_at, now=now) or [
        events.Held(
            place=command.place,
            reason=command.reason,
            scan_id=command.scan_id,
            occurred_at=command.occurred_at,
        )
    ]


def _reject(step: Delivery, command: commands.RejectAtDoor, now: datetime) -> Decided:
    if step.state not in (*_AT_DOOR, *_CLAIMED, State.HELD):
        return _not_now(step, refusals.NOT_WITH_COURIER())
    if step.state in (*_AT_DOOR, State.CLAIMED) and step.courier != command.courier:
        return refusals.WITH_OTHER_COURIER()
    if command.reason not in REJECTION_REASONS:
        return refusals.NOT_A_REJECTION_REASON(reason=int(command.reason))
    return check_time(occurred_at=command.occurred_at, now=now) or [
        events.RejectedAtDoor(reason=command.reason, occurred_at=command.occurred_at)
    ]


def _nonconforming(step: Delivery, command: commands.ReportNonconforming, now: datetime) -> Decided:
    if step.state is State.NONCONFORMING:
        return []
    if step.state not in (*_AT_DOOR, State.CLAIMED):
        return _not_now(step, refusals.NOT_WITH_COURIER())
    if step.courier != command.courier:
        return refusals.WITH_OTHER_COURIER()
    return check_time(occurred_at=command.occurred_at, now=now) or [
        events.ReportedNonconforming(carrier_code=command.carrier_code, occurred_at=command.occurred_at)
    ]


def _take_back(step: Delivery, command: commands.TakeBack, now: datetime) -> Decided:
    if step.state in _AT_DOOR and step.courier == command.courier:
        return []
    if step.state is not State.NONCONFORMING:
        return _not_now(step, refusals.NOT_LEFT_ELSEWHERE())
    return check_time(occurred_at=command.occurred_at, now=now) or [
        events.TakenBack(courier=command.courier, occurred_at=command.occurred_at)
    ]


@lru_cache(maxsize=4096)
def round_end(at: datetime, zone: ZoneInfo = SHANGHAI) -> datetime:
    """The end of the round in which an instant lies: 21:00 local of that day, or of the next after it (UTC)."""
    local = at.astimezone(zone)
    end = local.replace(hour=ROUND_LAST_HOUR, minute=0, second=0, microsecond=0)
    return (end if local < end else end + timedelta(days=1)).astimezone(at.tzinfo)


def take_out_due(step: Delivery, since: datetime) -> datetime:
    """When an item at the office must have gone out, or to the counter: the next day, or the day that the recipient wished."""
    due_at, wished = add_days(since, 1), step.wished
    if wished is None:
        return due_at
    return max(due_at, add_days(wished.since, 1) if wished.day is None else end_of_day(wished.day))


def held_until(step: Delivery, order: Order) -> datetime:
    """The end of the last day on which the counter keeps the item. Raises `ValueError` when it isn't held."""
    if step.held_at is None:
        raise ValueError("the item is not held")
    return add_days(step.held_at, order.held_days_max)


def fold(  # noqa: C901 - one line per event
    step: Delivery, event: events.DeliveryEvent | events.DeliverySignal, at: datetime
) -> Delivery:
    """The step after the event."""
    match event:
        case events.Ready(office=office):
            return moved(step, event, at, TABLE, office=office)
        case events.TakenOut(courier=courier, office=office, scan_id=scan_id):
            place = {"courier": courier, "office": office, "scan_id": scan_id}
            afresh = {"reason": None, "after": After.TRY_AGAIN, "held_at": None, "nears": 0}
            return moved(step, event, at, TABLE, **place, **afresh)
        case events.Approached():
            return moved(step, event, at, TABLE, nears=step.nears + 1)
        case events.Claimed(courier=courier):
            return moved(step, event, at, TABLE, courier=courier, claims=step.claims + 1)
        case events.ProofRecorded(evidence=evidence) | events.ProofCameLate(evidence=evidence):
            return moved(step, event, at, TABLE, evidence=evidence)
        case events.AttemptFailed(attempt=attempt, reason=reason, by_wish=by_wish):
            after, wished = AFTER.get(reason, After.COUNTER), step.wished
            if by_wish and wished is not None:
                wished = msgspec.structs.replace(wished, used=True)
            excused = step.excused + by_wish
            changes = {"attempts": attempt, "reason": reason, "after": after, "excused": excused}
            return moved(step, event, at, TABLE, wished=wished, **changes)
        case events.WishRecorded(number=number, wish=wish, day=day):
            # What the manager was to chase has another day now.
            wished = Wished(number=number, wish=wish, day=day, since=at)
            waits = step.escalated and step.state is not State.AT_OFFICE
            return moved(step, event, at, TABLE, wished=wished, escalated=waits)
        case events.BroughtBack(place=place, scan_id=scan_id):
            return moved(step, event, at, TABLE, office=place, scan_id=scan_id)
        case events.Held(place=place, scan_id=scan_id):
            return moved(step, event, at, TABLE, office=place, scan_id=scan_id, held_at=at)
        case events.TakenBack(courier=courier):
            return moved(step, event, at, TABLE, courier=courier)
        case events.ReportedNonconforming():
            return moved(step, event, at, TABLE, reported=True)
        case events.StopJoined(stop=stop):
            return moved(step, event, at, TABLE, stop=stop)
        case events.Escalated():
            return moved(step, event, at, TABLE, escalated=True)
        case (
            events.ClaimRefused()
            | events.ClaimVoided()
            | events.OldClaimAnswered()
            | events.HoldingEnded()
            | events.RejectedAtDoor()
            | events.Left()
            | events.Stopped()
        ):
            return moved(step, event, at, TABLE)
        case _:
            assert_never(event)
