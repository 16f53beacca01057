"""One honest timeline: what has happened, who has it now and since when, what comes next and by when. Pure."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

import msgspec

from safehand.authority.agent.states import AgentState
from safehand.authority.application import events as application
from safehand.authority.application.states import TERMINAL, ApplicationState
from safehand.authority.case import Case, CaseEvent
from safehand.authority.group.states import MembershipState
from safehand.authority.handover import events as handover
from safehand.authority.help.events import HelpEvent
from safehand.authority.notices.wording import deadline_words
from safehand.authority.outward import overall
from safehand.authority.pace import WHOLE, Pace
from safehand.authority.payment import events as payment
from safehand.authority.payment.states import PaymentState
from safehand.authority.portal.usual import usual_words
from safehand.authority.portal.words import sentence_of, words
from safehand.authority.readdressing.states import ReaddressingState
from safehand.authority.router import agent_nameable, groupable, phone_changeable, readdressable, wishable
from safehand.authority.telephone.states import TelephoneState
from safehand.authority.tracking import events as tracking
from safehand.authority.tracking.states import TrackingState
from safehand.kernel.machine import Event, Waiting
from safehand.kernel.outcome import Language

_DAY: Final = timedelta(days=1)
WAITS_FOR_APPLICANT: Final[Mapping[type[Event], frozenset[type[Event]]]] = {
    application.CorrectionOpened: frozenset(
        {
            application.ApplicationCorrected,
            application.ApplicationWithdrawn,
            application.ApplicationDeemedWithdrawn,
        }
    ),
    payment.PaymentOpened: frozenset({payment.PaymentSettled, payment.PaymentLapsed, payment.PaymentClosed}),
    handover.ReadyForPickup: frozenset(
        {handover.PickedUp, handover.PickupLapsed, handover.RejectedAtCounter}
    ),
    tracking.DeliveryReported: frozenset(
        {
            tracking.ProofSealed,
            tracking.ReceiptDenied,
            tracking.RejectionRecorded,
            tracking.TurnedBack,
            tracking.IncidentRecorded,
            tracking.LossRecorded,
        }
    ),
}
"""Event that makes everybody wait for the applicant -> the events that end this wait."""
HOLDS: Final = frozenset({"group.waiting", "readdressing.cooling", "readdressing.due"})
"""What keeps a document on the shelf that is not going to the counter."""
_ENDS: Final = frozenset(
    {
        application.ApplicationWithdrawn,
        application.ApplicationDeemedWithdrawn,
        application.ApplicationRefused,
        application.ApplicationCompleted,
        application.ApplicationEndedUndelivered,
    }
)


class Dated(msgspec.Struct, frozen=True):
    """An event with its moment."""

    event: CaseEvent
    at: datetime
    version: int = 0
    """Its place in the journal; 0: it is not told."""


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the history."""

    at: datetime
    text: str
    taken_back: bool = False
    version: int = 0
    """By which the line is asked about."""


class Next(msgspec.Struct, frozen=True, kw_only=True):
    """What must happen next. `due` empty: no deadline of its own; `late`: its deadline is over and the manager has it."""

    text: str
    due: str
    late: bool
    yours: bool
    usual: str = ""
    """By when it usually happens; empty where history does not say, and where it waits for the applicant."""


class Clock(msgspec.Struct, frozen=True, kw_only=True):
    """Whole days since submission (to the end, if it has ended), and how many of them waited for the applicant."""

    days: int
    waiting_days: int
    ended: bool


class Timeline(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that the page of a case says."""

    word: str
    holder: str
    since: datetime
    next: tuple[Next, ...]
    clock: Clock
    lines: tuple[Line, ...]
    """Newest first."""
    acts: frozenset[str]
    frozen: bool = False
    """Nobody can travel with it until it is settled where it is."""
    reissue: bool = False
    """If it stays lost another one is made without a new application."""
    in_hand: str = ""
    """By when such applications are usually in the applicant's hands; empty once it has ended."""


def timeline(
    *,
    case: Case,
    waits: Sequence[Waiting],
    events: Sequence[Dated],
    now: datetime,
    language: Language,
    paces: Mapping[str, Pace] = {},
) -> Timeline:
    """The page of a case from its state, the worklists it stands on, and its events in order (at least one).

    `paces`: how long waiting states have lasted for others (`pace.paces_of`).
    """
    told = words().overall[overall(case)]
    ended = case.application.state in TERMINAL
    return Timeline(
        word=told.word.in_language(language),
        holder=told.holder.in_language(language),
        since=_since(waits, events),
        next=waiting_lines(waits=waits, paces=paces, now=now, language=language),
        clock=clock_of(events=events, now=now, ended=ended),
        lines=tuple(reversed(_lines(events, language))),
        acts=acts_of(case),
        frozen=case.document is not None and case.document.frozen,
        reissue=case.document is not None and case.document.reissue,
        in_hand=""
        if ended
        else usual_words(pace=paces.get(WHOLE), since=events[0].at, now=now, language=language),
    )


def _since(waits: Sequence[Waiting], events: Sequence[Dated]) -> datetime:
    """When the present situation began: of the queues on which the case stands, the one that moved last."""
    shown = [one.since for one in waits if not words().waits[one.queue].hidden]
    return max(shown) if shown else _ended_at(events) or events[-1].at


def waiting_lines(
    *, waits: Sequence[Waiting], paces: Mapping[str, Pace], now: datetime, language: Language
) -> tuple[Next, ...]:
    """What must happen next, of the worklists on which a case stands, and by when it usually does."""
    lines: list[Next] = []
    held = any(one.queue in HOLDS for one in waits)
    for one in waits:
        told = words().waits[one.queue]
        if told.hidden or (held and one.queue == "handover.on_shelf"):
            continue
        lines.append(
            Next(
                text=told.in_language(language),
                due="" if one.due_at is None else deadline_words(one.due_at, language),
                late=one.due_at is None and one.owner == "authority_manager",
                yours=told.yours,
                # How long other people took to do their own part says nothing to somebody who is asked to do theirs.
                usual=""
                if told.yours
                else usual_words(pace=paces.get(one.queue), since=one.since, now=now, language=language),
            )
        )
    return tuple(lines)


def _lines(events: Sequence[Dated], language: Language) -> list[Line]:
    voided = {one.event.scan_id for one in events if isinstance(one.event, tracking.ScanVoidRecorded)}
    lines: list[Line] = []
    for one in events:
        text = sentence_of(one.event, language)
        if text:
            gone = isinstance(one.event, tracking.ScanRecorded) and one.event.scan_id in voided
            # A question is not asked about: it is opened again.
            version = 0 if isinstance(one.event, HelpEvent) else one.version
            lines.append(Line(at=one.at, text=text, taken_back=gone, version=version))
    return lines


def _ended_at(events: Sequence[Dated]) -> datetime | None:
    return next((one.at for one in reversed(events) if type(one.event) in _ENDS), None)


def clock_of(*, events: Sequence[Dated], now: datetime, ended: bool) -> Clock:
    """The honest clock: the applicant's own waits are shown apart, never hidden in the total and never taken out of it."""
    begun = events[0].at
    until = (_ended_at(events) if ended else None) or now
    waiting = timedelta()
    open_since: dict[type[Event], datetime] = {}
    for one in events:
        kind = type(one.event)
        for opening in [o for o in open_since if kind in WAITS_FOR_APPLICANT[o]]:
            waiting += one.at - open_since.pop(opening)
        if kind in WAITS_FOR_APPLICANT:
            open_since.setdefault(kind, one.at)
    waiting += sum((max(timedelta(), until - since) for since in open_since.values()), timedelta())
    return Clock(days=(until - begun) // _DAY, waiting_days=waiting // _DAY, ended=ended)


def _acts_of_group(case: Case) -> set[str]:
    """The page of the family's documents, and not to wait for them."""
    if case.group.state is MembershipState.WAITING:
        return {"group", "go-now"}
    return {"group"} if case.group.state is not MembershipState.NONE or groupable(case) is None else set()


def acts_of(case: Case) -> frozenset[str]:
    """What the applicant can do now. The process decides; this only spares people buttons that would be refused."""
    tracked, acts = case.tracking.state, _about_the_delivery(case) | _acts_of_group(case)
    if case.application.state is ApplicationState.CORRECTING:
        acts.add("correct")
    if case.payment.state is PaymentState.AWAITING:
        acts.add("pay")
    if case.application.state not in TERMINAL and not case.production.make:
        acts.add("withdraw")
    if tracked is TrackingState.ON_THE_WAY:
        acts.add("at-door")
    in_question = (
        TrackingState.REPORTED,
        TrackingState.DENIED,
        TrackingState.INCIDENT,
        TrackingState.DISPUTED,
    )
    if tracked in in_question:
        acts.add("have-it")
    if tracked in (TrackingState.REPORTED, TrackingState.DELIVERED):
        acts.add("not-here")
    return frozenset(acts)


def _about_the_delivery(case: Case) -> set[str]:
    """What may be changed of how it comes into whose hands."""
    acts = set[str]()
    if case.readdressing.state is not ReaddressingState.NONE:
        acts.add("stop-address")
    elif readdressable(case) is None:
        acts.add("address")
    if case.agent.state is not AgentState.NONE or agent_nameable(case) is None:
        acts.add("agent")
    if wishable(case) is None:
        acts.add("wish")
    if case.telephone.state is not TelephoneState.NONE or phone_changeable(case) is None:
        acts.add("phone")
    return acts
