"""The authority's machines, built from the loaded cities and documents: `case`, `bag`, `stock` and `group`."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

import msgspec

from safehand.authority import custody, router
from safehand.authority import made_documents as papers
from safehand.authority.agent import events as agent_events
from safehand.authority.agent import rules as agent
from safehand.authority.application import commands as application_commands
from safehand.authority.application import events as application_events
from safehand.authority.application import rules as application
from safehand.authority.case import Case, CaseEvent
from safehand.authority.cities.city import City
from safehand.authority.contact import commands as contact_commands
from safehand.authority.contact import events as contact_events
from safehand.authority.contact import rules as contact
from safehand.authority.documents.document import Document
from safehand.authority.examination import commands as examination_commands
from safehand.authority.examination import events as examination_events
from safehand.authority.examination import rules as examination
from safehand.authority.group import events as group_events
from safehand.authority.group import group
from safehand.authority.group import rules as group_rules
from safehand.authority.group.commands import GroupExpired
from safehand.authority.handover import bag
from safehand.authority.handover import commands as handover_commands
from safehand.authority.handover import events as handover_events
from safehand.authority.handover import rules as handover
from safehand.authority.help import commands as help_commands
from safehand.authority.help import events as help_events
from safehand.authority.help import rules as help_rules
from safehand.authority.made_documents import MadeDocumentEvent, changed
from safehand.authority.outward import counts, speaks, tells, waited, waits
from safehand.authority.payment import commands as payment_commands
from safehand.authority.payment import events as payment_events
from safehand.authority.payment import rules as payment
from safehand.authority.process import what_follows
from safehand.authority.production import commands as production_commands
from safehand.authority.production import events as production_events
from safehand.authority.production import rules as production
from safehand.authority.production import stock
from safehand.authority.readdressing import commands as readdressing_commands
from safehand.authority.readdressing import events as readdressing_events
from safehand.authority.readdressing import rules as readdressing
from safehand.authority.returns import commands as returns_commands
from safehand.authority.returns import events as returns_events
from safehand.authority.returns import rules as returns
from safehand.authority.rulebook import Answer, HouseClocks, Moment, Rulebook
from safehand.authority.telephone import commands as telephone_commands
from safehand.authority.telephone import events as telephone_events
from safehand.authority.telephone import rules as telephone
from safehand.authority.tracking import commands as tracking_commands
from safehand.authority.tracking import events as tracking_events
from safehand.authority.tracking import rules as tracking
from safehand.authority.wish import events as wish_events
from safehand.authority.wish import rules as wish
from safehand.house import erasure
from safehand.kernel.machine import ClaimChange, Command, Context, Event, Folded, Machine, Onward, StreamKey
from safehand.kernel.outcome import Refusal

EVENTS_PER_COMMAND_MAX: Final = 32

ROLES: Final[Mapping[type[Command], frozenset[str]]] = {**router.ROLES, **bag.ROLES, **stock.ROLES}
"""Who may give which command; what is not here, nobody may."""

_FOLDS: Final[dict[type, tuple[str, Callable[[Any, Any, datetime], Any]]]] = {
    event: (step, fold)
    for step, union, fold in (
        ("application", application_events.ApplicationEvent, application.fold),
        ("examination", examination_events.ExaminationEvent, examination.fold),
        ("payment", payment_events.PaymentEvent, payment.fold),
        ("production", production_events.ProductionEvent, production.fold),
        ("handover", handover_events.HandoverEvent, handover.fold),
        ("tracking", tracking_events.TrackingEvent, tracking.fold),
        ("returns", returns_events.ReturnsEvent, returns.fold),
        ("contact", contact_events.ContactEvent, contact.fold),
        ("readdressing", readdressing_events.ReaddressingEvent, readdressing.fold),
        ("help", help_events.HelpEvent, help_rules.fold),
        ("agent", agent_events.AgentEvent, agent.fold),
        ("wish", wish_events.WishEvent, wish.fold),
        ("group", group_events.GroupEvent, group_rules.fold),
        ("telephone", telephone_events.TelephoneEvent, telephone.fold),
        ("papers", MadeDocumentEvent, papers.fold),
        ("erasure", erasure.ErasureEvent, erasure.fold),
    )
    for event in union.__args__
}


def fold(case: Case, event: CaseEvent, at: datetime) -> Case:
    """The case after the event: its step moves by its table, its documents move by the book of custody."""
    name, step_fold = _FOLDS[type(event)]
    documents = custody.posted(case=case, event=event, at=at)
    if name == "papers":
        return msgspec.structs.replace(case, papers=step_fold(documents, event, at))
    match event:
        case production_events.DocumentIssued():
            documents = changed(documents, event.make, {"valid": True})
        case handover_events.WaybillRecorded():
            out = {
                "order": case.handover.order,
                "waybill": event.waybill,
                "peer": case.handover.peer,
                "envelope": "",
            }
            documents = changed(documents, case.production.make, out)
        case _:
            pass
    step = step_fold(getattr(case, name), event, at)
    return msgspec.structs.replace(case, **{name: step, "papers": documents})


def _decider(book: Rulebook) -> Callable[[Case, router.CaseCommand, Context], Answer]:
    def decide(case: Case, command: router.CaseCommand, context: Context) -> Answer:
        moment = _moment(case, command, context, book)
        answer = router.routed(case, command, moment)
        if isinstance(answer, Refusal) or not answer:
            return answer
        return _until_quiet(case, answer, moment)

    return decide


def _until_quiet(case: Case, first: Sequence[Event], moment: Moment) -> Folded:
    """The events with all that follow from them, each after its cause, and the case after each."""
    events, states = list(first), []
    for event in events:
        case = fold(case, event, moment.now)  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]
        states.append(case)
        events.extend(what_follows(case, event, moment))  # type: ignore[arg-type]  # ty: ignore[invalid-argument-type]
        assert len(events) <= EVENTS_PER_COMMAND_MAX, "the process page runs in a circle"
    return Folded(events, states=states)


def _moment(case: Case, command: router.CaseCommand, context: Context, book: Rulebook) -> Moment:
    document = case.application.document
    if isinstance(command, application_commands.SubmitApplication):
        document = command.document
    return Moment(
        city=context.key.city,
        now=context.now,
        actor=context.actor,
        book=book,
        document=document,
        holders=context.holders,
        stream=context.key.stream,
        blank=case.production.blank,
        order=case.tracking.order,
        waybill=case.tracking.waybill,
        peer=case.tracking.peer,
        token=context.token,
    )


def asks(command: router.CaseCommand) -> Sequence[str]:
    """The national claims that the decision needs to see."""
    match command:
        case application_commands.SubmitApplication():
            return (command.claim, command.receipt)
        case tracking_commands.Settle():
            return (command.claim,)
        case tracking_commands.DenyReceipt() if command.claim:
            return (command.claim,)
        case _:
            return ()


_RELEASING: Final = frozenset(
    {
        application_events.ApplicationCompleted,
        application_events.ApplicationWithdrawn,
        application_events.ApplicationDeemedWithdrawn,
        application_events.ApplicationRefused,
        application_events.ApplicationEndedUndelivered,
    }
)
_TAKING: Final = frozenset({application_events.ApplicationSubmitted, application_events.ApplicationReopened})


def claims(case: Case, event: CaseEvent) -> Sequence[ClaimChange]:
    """One live case per person and kind; one case per receipt number, for good; and which case an order belongs to, for as
    long as the post may speak of it."""
    kind = type(event)
    if isinstance(event, application_events.ApplicationSubmitted) and event.receipt:
        names = (case.application.claim, event.receipt)
        return tuple(ClaimChange(name=name, taken=True) for name in names)
    if isinstance(event, application_events.ApplicationReopened) and _claimed(case):
        return ()
    if kind in _TAKING:
        return (ClaimChange(name=case.application.claim, taken=True),)
    if kind in _RELEASING:
        return (ClaimChange(name=case.application.claim, taken=False),)
    if isinstance(event, papers.DocumentFrozen | papers.DocumentReleased) and event.claimed:
        # For as long as another document may have to be made; a case that goes on has its claim anyway.
        return (ClaimChange(name=case.application.claim, taken=isinstance(event, papers.DocumentFrozen)),)
    if isinstance(event, handover_events.OrderPlaced):
        return (ClaimChange(name=f"order:{event.order}", taken=True),)
    return ()


def _claimed(case: Case) -> bool:
    """Whether a completed case has had its claim again since its recipient said "I don't have it"."""
    return case.document is not None and case.document.claimed


def follows(case: Case, event: CaseEvent, key: StreamKey) -> Sequence[Onward]:
    """What the others of a case's group must know of it."""
    of_group = isinstance(event, group_events.GroupEvent)
    if isinstance(event, handover_events.OrderPlaced) and case.group.group:
        gone = group.RecordGone(case=case.case, order=event.order, why=case.group.why)
        return (Onward(key=StreamKey(key.city, case.group.group), kind=group.KIND, command=gone),)
    return group.of_member(case.case, case.group.group, event, key) if of_group else ()


_TIMERS: Final[Mapping[str, Command]] = {
    "application": application_commands.CorrectionExpired(),
    "examination": examination_commands.ReviewExpired(),
    "payment": payment_commands.PaymentExpired(),
    "production": production_commands.ProductionExpired(),
    "handover": handover_commands.HandoverExpired(),
    "tracking": tracking_commands.TrackingExpired(),
    "returns": returns_commands.ReturnsExpired(),
    "contact": contact_commands.ContactExpired(),
    "readdressing": readdressing_commands.AddressChangeExpired(),
    "help": help_commands.HelpExpired(),
    "group": GroupExpired(),
    "telephone": telephone_commands.PhoneChangeExpired(),
}


def timer(queue: str) -> Command | None:
    """What a clock that ran out says; a clock that lies about the time is found out by the rule itself."""
    if queue == "handover.ready_for_pickup":
        return handover_commands.PickupExpired()
    return _TIMERS.get(queue.partition(".")[0])


def build_machines(
    *,
    cities: Mapping[int, City],
    documents: Mapping[str, Document],
    clocks: HouseClocks | None = None,
    authority: str = "NIA",
    post: str = "postal",
) -> dict[str, Machine]:
    """All machines of the house by kind.

    `cities` by GB/T 2260 code; `authority` is the code on orders, `post` the peer of the link.
    """
    clocks = clocks or HouseClocks()
    book = Rulebook(cities=cities, documents=documents, clocks=clocks, authority=authority, post=post)
    case = Machine(
        kind="case",
        state=Case,
        event=CaseEvent,
        initial=lambda key: Case(case=key.stream),
        decide=_decider(book),
        fold=fold,
        waits=waits,
        waited=waited,
        asks=asks,
        claims=claims,
        moves=custody.moves,
        follows=follows,
        speaks=speaks,
        tells=tells,
        counts=counts,
        timer=timer,
    )
    return {
        "case": case,
        "bag": bag.bag_machine(clocks=clocks, post=post),
        "stock": stock.stock_machine(documents),
        group.KIND: group.group_machine(post=post),
    }
