"""Where a command for a case goes, and what one step must know of another before it decides."""

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

import msgspec

from safehand.authority import made_documents as papers
from safehand.authority.agent import commands as agent
from safehand.authority.agent import events as agent_events
from safehand.authority.agent import refusals as agent_refusals
from safehand.authority.agent import rules as agent_rules
from safehand.authority.agent.states import AgentState
from safehand.authority.application import commands as application
from safehand.authority.application import refusals as application_refusals
from safehand.authority.application import rules as application_rules
from safehand.authority.application.states import TERMINAL as ENDED
from safehand.authority.application.states import WORDS as APPLICATION_WORDS
from safehand.authority.application.states import ApplicationState
from safehand.authority.case import Case
from safehand.authority.contact import commands as contact
from safehand.authority.contact import rules as contact_rules
from safehand.authority.contact.states import QUEUE as CONTACT
from safehand.authority.examination import commands as examination
from safehand.authority.examination import rules as examination_rules
from safehand.authority.group import commands as group
from safehand.authority.group import refusals as group_refusals
from safehand.authority.group import rules as group_rules
from safehand.authority.group.states import MembershipState
from safehand.authority.handover import commands as handover
from safehand.authority.handover import rules as handover_rules
from safehand.authority.handover.states import HandoverState
from safehand.authority.help import commands as help_commands
from safehand.authority.help import refusals as help_refusals
from safehand.authority.help import rules as help_rules
from safehand.authority.help.states import QUEUE as HELP
from safehand.authority.made_documents import Account
from safehand.authority.outward import waits
from safehand.authority.payment import commands as payment
from safehand.authority.payment import rules as payment_rules
from safehand.authority.production import commands as production
from safehand.authority.production import rules as production_rules
from safehand.authority.readdressing import commands as readdressing
from safehand.authority.readdressing import refusals as readdressing_refusals
from safehand.authority.readdressing import rules as readdressing_rules
from safehand.authority.readdressing.states import ReaddressingState
from safehand.authority.returns import commands as returns
from safehand.authority.returns import events as returns_events
from safehand.authority.returns import refusals as returns_refusals
from safehand.authority.returns import rules as returns_rules
from safehand.authority.returns.states import ReturnsState
from safehand.authority.rulebook import Answer, Moment, Rulebook
from safehand.authority.telephone import commands as telephone
from safehand.authority.telephone import refusals as telephone_refusals
from safehand.authority.telephone import rules as telephone_rules
from safehand.authority.telephone.states import TelephoneState
from safehand.authority.tracking import commands as tracking
from safehand.authority.tracking import events as tracking_events
from safehand.authority.tracking import refusals as tracking_refusals
from safehand.authority.tracking import rules as tracking_rules
from safehand.authority.tracking.states import WORDS as TRACKING_WORDS
from safehand.authority.tracking.states import TrackingState
from safehand.authority.wish import commands as wish
from safehand.authority.wish import refusals as wish_refusals
from safehand.authority.wish import rules as wish_rules
from safehand.house import erasure
from safehand.kernel.machine import Command, StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.working_days import local_day
from safehand.link.messages import Scan

CaseCommand = (
    application.ApplicationCommand
    | examination.ExaminationCommand
    | payment.PaymentCommand
    | production.ProductionCommand
    | handover.HandoverCommand
    | tracking.TrackingCommand
    | returns.ReturnsCommand
    | contact.ContactCommand
    | readdressing.ReaddressingCommand
    | help_commands.HelpCommand
    | agent.AgentCommand
    | wish.WishCommand
    | group.GroupCommand
    | telephone.TelephoneCommand
    | papers.RecordRegisterDone
    | erasure.OrderErasure
    | erasure.RecordErased
)

STEPS: Final[Mapping[str, Mapping[type, Any]]] = {
    "application": application_rules.RULES,
    "examination": examination_rules.RULES,
    "payment": payment_rules.RULES,
    "production": production_rules.RULES,
    "handover": handover_rules.RULES,
    "tracking": tracking_rules.RULES,
    "returns": returns_rules.RULES,
    "contact": contact_rules.RULES,
    "readdressing": readdressing_rules.RULES,
    "help": help_rules.RULES,
    "agent": agent_rules.RULES,
    "wish": wish_rules.RULES,
    "group": group_rules.RULES,
    "telephone": telephone_rules.RULES,
}
_RULE_OF: Final[dict[type, tuple[str, Any]]] = {
    command: (step, rule) for step, rules in STEPS.items() for command, rule in rules.items()
}

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    **application.ROLES,
    **examination.ROLES,
    **payment.ROLES,
    **production.ROLES,
    **handover.ROLES,
    **tracking.ROLES,
    **returns.ROLES,
    **contact.ROLES,
    **readdressing.ROLES,
    **help_commands.ROLES,
    **agent.ROLES,
    **wish.ROLES,
    **group.ROLES,
    **telephone.ROLES,
    **papers.ROLES,
    erasure.OrderErasure: frozenset({"applicant", "authority_manager"}),
    erasure.RecordErased: frozenset({"system"}),
}
"""Who may give which command to a case; what is not here, nobody may."""


def routed(case: Case, command: CaseCommand, m: Moment) -> Answer:
    """The answer of the step that the command belongs to, once its neighbours have nothing against it."""
    guard = _GUARDS.get(type(command))
    if guard is not None:
        answer = guard(case, command, m)
        if answer is not None:
            return answer
    step, rule = _RULE_OF[type(command)]
    return rule(getattr(case, step), command, m)


def _withdrawal(case: Case, command: application.WithdrawApplication, m: Moment) -> Answer | None:
    """Until production starts: until a blank is drawn."""
    return application_refusals.PRODUCTION_BEGUN() if case.production.make else None


def _recall(case: Case, command: returns.RecallItem, m: Moment) -> Answer | None:
    """Only what is with the post, and not yet turned back, can be recalled."""
    states = (TrackingState.ON_THE_WAY, TrackingState.REPORTED, TrackingState.DENIED)
    on_its_way_back = case.returns.state is not ReturnsState.NONE
    if on_its_way_back or case.tracking.state in states:
        return None
    return returns_refusals.NOT_WITH_THE_POST()


def _recall_answered(
    case: Case, command: returns.RecordRecallAccepted | returns.RecordRecallRefused, m: Moment
) -> Answer | None:
    """An answer about an envelope of the past says nothing; one about a proven delivery is put on record.

    If the post stopped what was sealed as delivered, it still has it: the proof came too late for the door. But if it was
    searching for it, the recipient's own word ends the search.
    """
    if command.order != m.order or case.papers.old_by_order(command.order):
        return []
    proven = case.tracking.state in (TrackingState.DELIVERED, TrackingState.DISPUTED)
    if proven and isinstance(command, returns.RecordRecallAccepted):
        if case.tracking.searched:
            return [returns_events.RecallCrossed()]
        contradiction = tracking_rules.contradicted(case.tracking, m)
        assert not isinstance(contradiction, Refusal)
        return [returns_events.RecallCrossed(), *contradiction]
    return None


def _claim(case: Case, command: tracking.JudgeClaim, m: Moment) -> Answer | None:
    """No proof for a document that is invalid by now. An agent's code holds while that agent is the one who is named."""
    old = case.papers.old_by_order(command.order)
    if old is not None:
        return papers.about_old(old, command, m)
    named = case.agent.state is not AgentState.NONE and case.agent.number == command.agent
    if not command.agent or command.code_matches or not named:
        return None
    by_agent = msgspec.structs.replace(command, code_matches=True)
    answer = tracking_rules.judge_claim(case.tracking, by_agent, m)
    if not isinstance(answer, list):
        return answer
    proven = any(isinstance(event, tracking_events.ProofSealed) for event in answer)
    return [*answer, *([agent_events.AgentReceived()] if proven else [])]


def _news(
    case: Case,
    command: tracking.RecordScan
    | tracking.RecordVoid
    | tracking.RecordAttempt
    | tracking.RecordCourier
    | tracking.RecordNear
    | tracking.RecordInquiry,
    m: Moment,
) -> Answer | None:
    """Late news of an earlier order of the case is normal and changes nothing."""
    if command.order != m.order and m.order:
        return []
    return None


def _void(case: Case, command: tracking.RecordVoid, m: Moment) -> Answer | None:
    """A voided scan lets an envelope go on only if nothing else holds it back."""
    late = _news(case, command, m)
    if late is not None or case.tracking.turned_by != command.scan_id:
        return late
    if case.returns.state is ReturnsState.COMING_BACK and not case.returns.recalled:
        return None
    answer = tracking_rules.record_void(case.tracking, command, m)
    if not isinstance(answer, list):
        return answer
    return [event for event in answer if not isinstance(event, tracking_events.TurnVoided)]


def _trouble(
    case: Case,
    command: tracking.RecordIncident
    | tracking.RecordLoss
    | tracking.RecordRejected
    | tracking.RecordReported,
    m: Moment,
) -> Answer | None:
    """Only what the post has can go wrong there; what is given up already can't go wrong again.

    But what was sealed as delivered, and is still with the post, is put right in the book.
    """
    old = case.papers.old_by_order(command.order)
    if _is_other(old, command.waybill):
        return tracking_refusals.NOT_THIS_ITEM()
    if old is not None:
        if old.envelope == "recipient" and isinstance(command, tracking.RecordIncident):
            return [papers.OldDocumentContradicted(make=old.make)]
        # Also what stood at the door, by the post's word, though nobody had found it before.
        lost_again = (old.account is Account.POST or old.pending is not None) and not old.envelope
        return [papers.OldDocumentMissing(make=old.make)] if lost_again else []
    account, tracking_step = _account(case, command.order), case.tracking
    in_hand = tracking_step.state in (TrackingState.DELIVERED, TrackingState.DISPUTED)
    if isinstance(command, tracking.RecordLoss) and _authorised(case, command.order):
        return [tracking_events.LossRecorded(by="post")]
    if account in (Account.POST, Account.INCIDENT) or (in_hand and command.order == tracking_step.order):
        return None
    elsewhere = account is not None and case.handover.order != command.order
    if account is Account.RETURN_SHELF or elsewhere or _ended(case, command.order):
        return []  # late news of what we received back meanwhile: the post hears of that by our own message
    return tracking_refusals.NOT_THIS_ORDER()


def _authorised(case: Case, order: str) -> bool:
    """Whether the post, too, gives up what its recipient says they do not have: then nobody need settle it first."""
    document = case.document
    disputed = case.tracking.state is TrackingState.DISPUTED and case.tracking.order == order
    return disputed and document is not None and document.reissue


def _ended(case: Case, order: str) -> bool:
    """Whether an order of the case went out with a document that exists no more."""
    live = order == case.handover.order and case.handover.state is not HandoverState.ACCEPTED
    handed_over = order in case.handover.placed and not live
    return handed_over and all(document.order != order for document in case.papers.made)


def _is_other(old: papers.MadeDocument | None, waybill: str) -> bool:
    """Whether news of an invalid document names another envelope than that in which it went out."""
    return old is not None and old.waybill != waybill


def _account(case: Case, order: str) -> Account | None:
    """Where the document at work is, if it is the one that went out under this order."""
    document = case.document
    return document.account if document is not None and document.order == order else None


def _found(case: Case, command: tracking.RecordFound, m: Moment) -> Answer | None:
    """What was given up comes back as an old document."""
    old = case.papers.old_by_order(command.order)
    if _is_other(old, command.waybill):
        return tracking_refusals.NOT_THIS_ITEM()
    if old is not None:
        return papers.about_old(old, command, m)
    account = _account(case, command.order)
    in_house = account not in (Account.POST, Account.INCIDENT, Account.RECIPIENT, None)
    return [] if in_house or _ended(case, command.order) else None


def _return_offered(case: Case, command: returns.RecordReturnOffered, m: Moment) -> Answer | None:
    """An old document, or the one that the post has."""
    old = case.papers.old_by_order(command.order)
    if _is_other(old, command.waybill):
        return returns_refusals.NOT_THIS_ITEM()
    if old is not None:
        return papers.about_old(old, command, m)
    if _ended(case, command.order):
        return []  # told again about what was received and destroyed long ago
    if command.order != m.order:
        return returns_refusals.NOT_THIS_ITEM()
    if case.tracking.state in (TrackingState.DELIVERED, TrackingState.DISPUTED):
        # It is received once the manager has settled that it was not delivered.
        return tracking_rules.contradicted(case.tracking, m)
    account = _account(case, command.order)
    if account in (Account.POST, Account.INCIDENT) or case.returns.state is ReturnsState.ON_SHELF:
        return None
    if account is not None and case.handover.order != command.order:
        return []  # told again about what lies here already, and is on its next way
    # Two honest houses don't come here; whatever else is said from outside is parked and shown, not passed over.
    return returns_refusals.not_expected(case.returns.state)


def _return_received(case: Case, command: returns.ReceiveReturn, m: Moment) -> Answer | None:
    """An old document is received to be destroyed."""
    old = case.papers.old_by_waybill(command.waybill)
    return None if old is None else papers.about_old(old, command, m)


ASIDE: Final = frozenset({CONTACT, HELP})
"""Worklists on which a case stands without anything being still to come for its person."""


def _erasure(case: Case, command: erasure.OrderErasure | erasure.RecordErased, m: Moment) -> Answer:
    """Nobody is erased of whom something is still to come: an open step, a refund, an entry in the register.

    That nobody could be told of it, or that a question is open, is nothing to come.
    """
    lines = waits(case, StreamKey(m.city, m.stream))
    live = case.application.state not in ENDED or any(line.queue not in ASIDE for line in lines)
    return erasure.decide(case.erasure, command, live=live)


def _help(
    case: Case,
    command: help_commands.AskHelp
    | help_commands.AnswerHelp
    | help_commands.ReopenHelp
    | help_commands.RateHelp,
    m: Moment,
) -> Answer | None:
    """About an application, and of somebody who can be answered."""
    if case.application.state is ApplicationState.NONE:
        return help_refusals.NO_APPLICATION()
    return None if case.erasure.state is erasure.ErasureState.NONE else erasure.ERASED()


def _search_ended(case: Case, command: tracking.RecordSearchEnded, m: Moment) -> Answer | None:
    """Of a document that is invalid by now only the book of envelopes hears it."""
    old = case.papers.old_by_order(command.order)
    if _is_other(old, command.waybill):
        return tracking_refusals.NOT_THIS_ITEM()
    if old is not None:
        return [] if old.envelope else [papers.OldDocumentInHand(make=old.make)]
    return [] if _ended(case, command.order) else None


def _denial(case: Case, command: tracking.DenyReceipt, m: Moment) -> Answer | None:
    """A dispute would need the person again."""
    return None if case.erasure.state is erasure.ErasureState.NONE else erasure.ERASED()


def _unreachable(case: Case, command: contact.RecordUnreachable, m: Moment) -> Answer | None:
    """Whoever is erased is told nothing any more."""
    return None if case.erasure.state is erasure.ErasureState.NONE else []


_IN_TRANSIT: Final = frozenset(
    {
        HandoverState.ORDERED,
        HandoverState.TO_LABEL,
        HandoverState.LABELLED,
        HandoverState.SEALED,
        HandoverState.BAGGED,
        HandoverState.OFFERED,
        HandoverState.RECOUNT,
    }
)
"""From the order to the post's signature: label and envelope bear the old address (docs/decisions/0010)."""


def readdressable(case: Case) -> Refusal | None:
    """Why the address can't be changed as the case stands; none when a change may be asked for."""
    if case.application.state is not ApplicationState.RECEIVED:
        en, zh = APPLICATION_WORDS[case.application.state]
        return readdressing_refusals.NOT_RUNNING(state_en=en, state_zh=zh)
    begun = case.handover.state is not HandoverState.NONE
    if (case.handover.mode if begun else case.application.mode) != "post":
        return readdressing_refusals.NOTHING_BROUGHT()
    return readdressing_refusals.BEING_HANDED_OVER() if case.handover.state in _IN_TRANSIT else None


def _address_change(case: Case, command: readdressing.AskAddressChange, m: Moment) -> Answer:
    """By itself until the order is placed, by the manager once the post has, or had, the envelope."""
    refusal = readdressable(case) or _just_rung_up(case, m)
    if refusal is not None:
        return refusal
    handed_over = case.handover.state is HandoverState.ACCEPTED
    return readdressing_rules.ask(case.readdressing, command, m, handed_over=handed_over)


def _just_rung_up(case: Case, m: Moment) -> Refusal | None:
    """The warning about an address must not go to a number that somebody else has just put there."""
    step, hours = case.telephone, m.city_on.clocks.address_change_hours
    fresh = step.changed_at is not None and m.now < step.changed_at + timedelta(hours=hours)
    if fresh or step.state is not TelephoneState.NONE:
        return telephone_refusals.JUST_CHANGED(hours=hours)
    return None


_BEFORE_THE_ORDER: Final = frozenset(
    {
        HandoverState.NONE,
        HandoverState.ON_SHELF,
        HandoverState.TO_COUNTER,
        HandoverState.READY_FOR_PICKUP,
    }
)


def phone_changeable(case: Case) -> Refusal | None:
    """Why no other telephone number can be taken as the case stands; none when it can."""
    if case.application.state is not ApplicationState.RECEIVED:
        en, zh = APPLICATION_WORDS[case.application.state]
        return telephone_refusals.NOT_RUNNING(state_en=en, state_zh=zh)
    if case.handover.state not in _BEFORE_THE_ORDER:
        return telephone_refusals.WITH_THE_POST()
    waits = case.readdressing.state is not ReaddressingState.NONE
    return telephone_refusals.ADDRESS_WAITS() if waits else None


def _makes_hold(case: Case, command: readdressing.MakeAddressHold, m: Moment) -> Answer | None:
    """What is being corrected waits for the correction: its form may bring an address of its own."""
    if case.application.state is ApplicationState.RECEIVED:
        return None
    en, zh = APPLICATION_WORDS[case.application.state]
    return readdressing_refusals.NOT_RUNNING(state_en=en, state_zh=zh)


def agent_nameable(case: Case) -> Refusal | None:
    """Why nobody can be named as the case stands: it has ended, or the post has the envelope."""
    running = case.application.state in (ApplicationState.RECEIVED, ApplicationState.CORRECTING)
    if running and case.handover.state not in (HandoverState.ACCEPTED, HandoverState.OFFERED):
        return None
    en, zh = APPLICATION_WORDS[case.application.state]
    return agent_refusals.NOT_NOW(state_en=en, state_zh=zh)


def wishable(case: Case) -> Refusal | None:
    """Why nothing can be wished as the case stands: the post has it not (yet), or nothing is brought any more."""
    erased = case.erasure.state is not erasure.ErasureState.NONE
    if case.tracking.state is TrackingState.ON_THE_WAY and case.returns.state is ReturnsState.NONE:
        return erasure.ERASED() if erased else None
    coming_back = case.returns.state is not ReturnsState.NONE
    en, zh = TRACKING_WORDS[TrackingState.TURNED_BACK if coming_back else case.tracking.state]
    return wish_refusals.NOT_NOW(state_en=en, state_zh=zh)


def wish_days(case: Case, *, now: datetime, book: Rulebook, city: int) -> tuple[date, ...]:
    """The days on which it can still be brought: from the promised one, or tomorrow, to the last that the post may have it.

    What lies at the counter goes out again only while the post keeps it there, and has an attempt left. (Of visits that a
    wish ended the authority knows no more than their number, so it promises none of them twice.)
    """
    step, today = case.tracking, local_day(now)
    rules = book.city(city, today)
    if rules is None or step.promised_on is None:
        return ()
    there = book.city(case.handover.destination, today) or rules
    last = step.promised_on + timedelta(days=rules.delivery.held_days)
    if tracking_rules.position(step) is Scan.HELD:
        if step.attempts >= rules.delivery.attempts_max or step.held_to is None:
            return ()
        last = min(last, step.held_to)
    first = max(today + timedelta(days=1), step.promised_on)
    days = (first + timedelta(days=n) for n in range((last - first).days + 1))
    return tuple(day for day in days if day.isoweekday() in there.delivery.weekdays)


def _wish(case: Case, command: wish.AskWish, m: Moment) -> Answer:
    """As long as the post has it to bring, on a day that there is."""
    refusal = wishable(case)
    if refusal is not None:
        return refusal
    days = wish_days(case, now=m.now, book=m.book, city=m.city)
    return wish_rules.ask(case.wish, command, m, days=days)


def groupable(case: Case) -> Refusal | None:
    """Why the case can't be in a group as it stands; none when it is to be brought, and no order is placed."""
    running = case.application.state in (ApplicationState.RECEIVED, ApplicationState.CORRECTING)
    brought = case.application.mode == "post"  # whoever wants it otherwise chooses so once it is ordered
    moving = case.readdressing.state is not ReaddressingState.NONE
    fit = running and brought and not moving and not case.handover.placed
    return None if fit else group_refusals.NOT_NOW()


def _join(case: Case, command: group.JoinGroup, m: Moment) -> Answer | None:
    """Who goes elsewhere yet asks for the group's address with it: it cools down like any other."""
    if case.group.state is not MembershipState.NONE:
        return None
    refusal = groupable(case)
    if refusal is not None or not command.change:
        return refusal
    asking = readdressing.AskAddressChange(change=command.change, destination=command.destination)
    asked, joined = _address_change(case, asking, m), group_rules.join(case.group, command, m)
    assert not isinstance(joined, Refusal)  # it is in no group: see above
    return asked if isinstance(asked, Refusal) else [*asked, *joined]


def _let_receive(case: Case, command: group.LetReceive, m: Moment) -> Answer | None:
    """As anybody else who is named: until the post has it, and five one after the other (agent)."""
    refusal = agent_nameable(case)
    if refusal is not None:
        return refusal
    answer = agent_rules.name(case.agent, agent.NameAgent(number=command.number), m)
    return answer if isinstance(answer, Refusal) else None


_GUARDS: Final[Mapping[type, Callable[[Case, Any, Moment], Answer | None]]] = {
    application.WithdrawApplication: _withdrawal,
    returns.RecallItem: _recall,
    returns.RecordRecallAccepted: _recall_answered,
    returns.RecordRecallRefused: _recall_answered,
    tracking.JudgeClaim: _claim,
    tracking.DenyReceipt: _denial,
    contact.RecordUnreachable: _unreachable,
    agent.NameAgent: lambda case, command, m: agent_nameable(case),
    wish.AskWish: _wish,
    group.BeginGroup: lambda case, command, m: groupable(case),
    group.JoinGroup: _join,
    group.LetReceive: _let_receive,
    telephone.AskPhoneChange: lambda case, command, m: phone_changeable(case),
    telephone.ProvePhone: lambda case, command, m: phone_changeable(case),
    readdressing.AskAddressChange: _address_change,
    readdressing.MakeAddressHold: _makes_hold,
    help_commands.AskHelp: _help,
    help_commands.AnswerHelp: _help,
    help_commands.ReopenHelp: _help,
    help_commands.RateHelp: _help,
    erasure.OrderErasure: _erasure,
    erasure.RecordErased: _erasure,
    tracking.RecordScan: _news,
    tracking.RecordAttempt: _news,
    tracking.RecordCourier: _news,
    tracking.RecordNear: _news,
    tracking.RecordInquiry: _news,
    tracking.RecordVoid: _void,
    tracking.RecordIncident: _trouble,
    tracking.RecordLoss: _trouble,
    tracking.RecordRejected: _trouble,
    tracking.RecordReported: _trouble,
    tracking.RecordFound: _found,
    tracking.RecordSearchEnded: _search_ended,
    returns.RecordReturnOffered: _return_offered,
    returns.ReceiveReturn: _return_received,
    returns.DestroyDocument: lambda case, command, m: papers.destroy(case.papers, command),
    returns.ReportEmpty: lambda case, command, m: papers.report_missing(case.papers, command, m),
    papers.RecordRegisterDone: lambda case, command, m: papers.record_register_done(case.papers, command),
}
COMMANDS: Final = frozenset({*_RULE_OF, *_GUARDS})
"""Every command that a case understands."""
