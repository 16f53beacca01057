"""A group (stream `gr_…`): its cases, whom they wait for, when they go together. It knows cases and orders, nobody's name."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any, Final, Literal

import msgspec

from safehand.authority.group import commands as of_case
from safehand.authority.group import events as case_events
from safehand.authority.group import refusals
from safehand.authority.rulebook import Answer
from safehand.kernel.ids import readable
from safehand.kernel.machine import (
    ClaimChange,
    Command,
    Context,
    Event,
    Folded,
    Machine,
    Onward,
    Outgoing,
    StreamKey,
    Waiting,
)
from safehand.kernel.outcome import Refusal
from safehand.kernel.steps import ClockedStep, Table, Wait, clocked, moved, waiting_of
from safehand.link.messages import Kind, OrdersGrouped

KIND: Final = "group"
REFERENCE_BYTES: Final = 16
Standing = Literal["pending", "waiting", "gone"]


class GroupState(StrEnum):
    """Where the group stands."""

    NONE = "none"
    OPEN = "open"
    GOING = "going"
    CLOSED = "closed"


S = GroupState
WORDS: Final = {
    S.NONE: ("not begun", "未建立"),
    S.OPEN: ("open", "办理中"),
    S.GOING: ("going out", "正在寄出"),
    S.CLOSED: ("all gone, or left", "已全部寄出、办结或退出"),
}


class GroupBegun(Event, frozen=True, kw_only=True, tag="group.begun"):
    """The first case."""

    case: str
    together: bool


class MemberAdded(Event, frozen=True, kw_only=True, tag="group.member_added"):
    """Another case."""

    case: str


class MemberRemoved(Event, frozen=True, kw_only=True, tag="group.member_removed"):
    """A case that left. Whoever let its applicant receive theirs does so no more."""

    case: str
    released: tuple[str, ...]


class InvitationMade(Event, frozen=True, kw_only=True, tag="group.invitation_made"):
    """A new one; `instead_of` opens nothing any more."""

    number: int
    claim: str
    instead_of: str
    expires_at: datetime


class SplitChosen(Event, frozen=True, kw_only=True, tag="group.split_chosen"):
    """Each goes as soon as it is ready."""


class MemberOffered(Event, frozen=True, kw_only=True, tag="group.member_offered"):
    """One may be named to receive others' documents, or no longer."""

    case: str
    receives: bool


class ReceiverRecorded(Event, frozen=True, kw_only=True, tag="group.receiver_recorded"):
    """One lets another receive the own document."""

    case: str
    receiver: str


class MemberWaits(Event, frozen=True, kw_only=True, tag="group.member_waits"):
    """Issued, on the shelf."""

    case: str


class MemberGone(Event, frozen=True, kw_only=True, tag="group.member_gone"):
    """Nobody waits for this one any more. `order` empty: it is not brought."""

    case: str
    order: str
    why: str


class GroupSetOut(Event, frozen=True, kw_only=True, tag="group.set_out"):
    """What waits, goes: the job places the orders. `orders`: what went already, of those that go together."""

    why: str
    orders: tuple[str, ...]


class GroupWentTogether(Event, frozen=True, kw_only=True, tag="group.went_together"):
    """All that waited are ordered. `reference` is drawn by chance for the post; it names neither group nor case."""

    reference: str
    orders: tuple[str, ...]
    peer: str
    at: datetime


class GroupClosed(Event, frozen=True, kw_only=True, tag="group.closed"):
    """Nobody is left who could wait."""


GroupStreamEvent = (
    GroupBegun
    | MemberAdded
    | MemberRemoved
    | InvitationMade
    | SplitChosen
    | MemberOffered
    | ReceiverRecorded
    | MemberWaits
    | MemberGone
    | GroupSetOut
    | GroupWentTogether
    | GroupClosed
)

_ALIVE: Final = (S.OPEN, S.GOING)
TABLE: Final[Table] = {
    (S.NONE, GroupBegun): S.OPEN,
    **{
        (state, event): state
        for state in _ALIVE
        for event in (MemberAdded, MemberRemoved, InvitationMade, SplitChosen, MemberWaits, MemberGone)
    },
    # Also when all are out: one may still come to another's door.
    **{(state, event): state for state in (*_ALIVE, S.CLOSED) for event in (MemberOffered, ReceiverRecorded)},
    (S.OPEN, GroupSetOut): S.GOING,
    (S.GOING, GroupWentTogether): S.OPEN,
    (S.OPEN, GroupClosed): S.CLOSED,
}
WAITING: Final = {S.GOING: Wait("system")}
HANDED_ON: Final = frozenset({S.OPEN})
TERMINAL: Final = frozenset({S.CLOSED})
GOING_QUEUE: Final = f"group.{S.GOING}"


class AddMember(Command, frozen=True, kw_only=True, tag="group.add_member"):
    """A case joins, or begins it."""

    case: str
    together: bool
    invitation: str


class RemoveMember(Command, frozen=True, kw_only=True, tag="group.remove_member"):
    """A case leaves."""

    case: str


class RecordInvitation(Command, frozen=True, kw_only=True, tag="group.record_invitation"):
    """A member invites."""

    number: int
    claim: str
    expires_at: datetime


class RecordSplit(Command, frozen=True, kw_only=True, tag="group.record_split"):
    """A member chose that nobody waits."""


class RecordOffer(Command, frozen=True, kw_only=True, tag="group.record_offer"):
    """A member may be named by the others, or no longer."""

    case: str
    receives: bool


class RecordReceiver(Command, frozen=True, kw_only=True, tag="group.record_receiver"):
    """A member lets another receive."""

    case: str
    receiver: str


class RecordWaiting(Command, frozen=True, kw_only=True, tag="group.record_waiting"):
    """A member's document lies on the shelf."""

    case: str


class RecordGone(Command, frozen=True, kw_only=True, tag="group.record_gone"):
    """A member's document is ordered, or nothing is brought of that case."""

    case: str
    order: str
    why: str


GroupStreamCommand = (
    AddMember
    | RemoveMember
    | RecordInvitation
    | RecordSplit
    | RecordOffer
    | RecordReceiver
    | RecordWaiting
    | RecordGone
)


class Member(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One case of the group."""

    standing: Standing = "pending"
    receives: bool = False
    receiver: str = ""


class Group(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """The group as it stands."""

    state: GroupState = S.NONE
    together: bool = False
    members: dict[str, Member] = msgspec.field(default_factory=dict)
    """By case, in the order in which they came."""
    invitation: str = ""
    invitations: int = 0
    invited_until: datetime | None = None
    why: str = ""
    going: tuple[str, ...] = ()
    """The orders of those that go together at present."""

    def standing(self, standing: Standing) -> list[str]:
        """The cases that stand so."""
        return [case for case, member in self.members.items() if member.standing == standing]


def joinable(group: Group, *, invitation: str, now: datetime) -> Refusal | None:
    """Why nobody joins the group by this invitation; none when somebody may."""
    if group.state not in _ALIVE:
        return refusals.CLOSED()
    over = group.invited_until is None or now >= group.invited_until
    if over or invitation != group.invitation:
        return refusals.INVITATION_OVER()
    full = len(group.members) >= of_case.MEMBERS_MAX
    return refusals.FULL(most=of_case.MEMBERS_MAX) if full else None


def _add(group: Group, command: AddMember, context: Context) -> Answer:
    if group.state is S.NONE:
        return [GroupBegun(case=command.case, together=command.together)]
    if command.case in group.members:
        return []
    refusal = joinable(group, invitation=command.invitation, now=context.now)
    if refusal is not None:
        return refusal
    if command.together != group.together:
        return refusals.CHANGED()
    return [MemberAdded(case=command.case)]


def _remove(group: Group, command: RemoveMember, context: Context) -> Answer:
    if command.case not in group.members:
        return []
    released = [case for case, member in group.members.items() if member.receiver == command.case]
    return [MemberRemoved(case=command.case, released=tuple(released))]


def _invite(group: Group, command: RecordInvitation, context: Context) -> Answer:
    if group.invitations >= of_case.INVITATIONS_MAX:
        return refusals.TOO_MANY_INVITATIONS(most=of_case.INVITATIONS_MAX)
    if command.number != group.invitations + 1:
        return refusals.CHANGED()
    return [
        InvitationMade(
            number=command.number,
            claim=command.claim,
            instead_of=group.invitation,
            expires_at=command.expires_at,
        )
    ]


def _split(group: Group, command: RecordSplit, context: Context) -> Answer:
    return [SplitChosen()] if group.together else []


def _offer(group: Group, command: RecordOffer, context: Context) -> Answer:
    member = group.members.get(command.case)
    if member is None or member.receives == command.receives:
        return []
    return [MemberOffered(case=command.case, receives=command.receives)]


def _receiver(group: Group, command: RecordReceiver, context: Context) -> Answer:
    """Only one who has offered: nobody is made to answer for others, nor told to them by name."""
    receiver = group.members.get(command.receiver)
    if receiver is None or not receiver.receives or command.receiver == command.case:
        return refusals.NOT_OFFERED()
    return [ReceiverRecorded(case=command.case, receiver=command.receiver)]


def _waiting(group: Group, command: RecordWaiting, context: Context) -> Answer:
    member = group.members.get(command.case)
    return [MemberWaits(case=command.case)] if member is not None and member.standing == "pending" else []


def _gone(group: Group, command: RecordGone, context: Context) -> Answer:
    """Once: what is made anew goes alone, and nobody waits for it."""
    member = group.members.get(command.case)
    if member is None or member.standing == "gone":
        return []
    return [MemberGone(case=command.case, order=command.order, why=command.why)]


_RULES: Final[Mapping[type, Any]] = {
    AddMember: _add,
    RemoveMember: _remove,
    RecordInvitation: _invite,
    RecordSplit: _split,
    RecordOffer: _offer,
    RecordReceiver: _receiver,
    RecordWaiting: _waiting,
    RecordGone: _gone,
}


def _next(group: Group, last: Event, context: Context, post: str) -> Event | None:
    """What the group does by itself after an event: sets out, has gone, closes."""
    waiting, pending = group.standing("waiting"), group.standing("pending")
    if group.state is S.GOING:
        if waiting:
            return None
        reference = f"gp_{readable(context.token[:REFERENCE_BYTES])}"
        return GroupWentTogether(reference=reference, orders=group.going, peer=post, at=context.now)
    if group.state is not S.OPEN:
        return None
    # The first one's time is over: those that are ready go with it, not each a day after the other.
    timed_out = isinstance(last, MemberGone) and last.why == "time"
    if waiting and (timed_out or not pending or not group.together):
        went = (last.order,) if timed_out and isinstance(last, MemberGone) and last.order else ()
        why = "split" if not group.together else "time" if pending else "all"
        return GroupSetOut(why=why, orders=went)
    return None if waiting or pending else GroupClosed()


def fold(group: Group, event: GroupStreamEvent, at: datetime) -> Group:
    """The group after the event."""
    members = group.members
    match event:
        case GroupBegun():
            return clocked(group, event, at, TABLE, together=event.together, members={event.case: Member()})
        case MemberAdded():
            return moved(group, event, at, TABLE, members={**members, event.case: Member()})
        case MemberRemoved():
            left = {
                case: msgspec.structs.replace(one, receiver="") if case in event.released else one
                for case, one in members.items()
                if case != event.case
            }
            return moved(group, event, at, TABLE, members=left)
        case InvitationMade():
            return moved(
                group,
                event,
                at,
                TABLE,
                invitation=event.claim,
                invitations=event.number,
                invited_until=event.expires_at,
            )
        case SplitChosen():
            return moved(group, event, at, TABLE, together=False)
        case _:
            return _fold_member(group, event, at)


def _fold_member(
    group: Group,
    event: MemberOffered
    | ReceiverRecorded
    | MemberWaits
    | MemberGone
    | GroupSetOut
    | GroupWentTogether
    | GroupClosed,
    at: datetime,
) -> Group:
    match event:
        case MemberOffered():
            return moved(group, event, at, TABLE, members=_with(group, event.case, receives=event.receives))
        case ReceiverRecorded():
            return moved(group, event, at, TABLE, members=_with(group, event.case, receiver=event.receiver))
        case MemberWaits():
            return moved(group, event, at, TABLE, members=_with(group, event.case, standing="waiting"))
        case MemberGone():
            going = (*group.going, event.order) if group.state is S.GOING and event.order else group.going
            gone = _with(group, event.case, standing="gone")
            return moved(group, event, at, TABLE, members=gone, going=going)
        case GroupSetOut():
            return clocked(group, event, at, TABLE, why=event.why, going=event.orders)
        case GroupWentTogether():
            return clocked(group, event, at, TABLE, going=())
        case GroupClosed():
            return clocked(group, event, at, TABLE)


def _with(group: Group, case: str, **changes: Any) -> dict[str, Member]:
    return {**group.members, case: msgspec.structs.replace(group.members[case], **changes)}


def follows(group: Group, event: Event, key: StreamKey) -> Sequence[Onward]:
    """Who let the one receive who left: nobody but themselves may, from this moment on."""
    if not isinstance(event, MemberRemoved):
        return ()
    command = of_case.ForgetReceiver(receiver=event.case)
    return [Onward(key=StreamKey(key.city, case), kind="case", command=command) for case in event.released]


def speaks(group: Group, event: Event, key: StreamKey) -> Sequence[Outgoing]:
    """112: what goes out together is brought together."""
    if not isinstance(event, GroupWentTogether) or len(event.orders) < 2:
        return ()
    body = OrdersGrouped(group=event.reference, orders=list(event.orders), at=event.at)
    return (Outgoing(peer=event.peer, kind=Kind.ORDERS_GROUPED, body=body, subject=event.reference),)


def claims(group: Group, event: Event) -> Sequence[ClaimChange]:
    """By an invitation the group is found; by the one before it, nothing."""
    if not isinstance(event, InvitationMade):
        return ()
    new = ClaimChange(name=event.claim, taken=True)
    return (ClaimChange(name=event.instead_of, taken=False), new) if event.instead_of else (new,)


def waits(group: Group, key: StreamKey) -> Sequence[Waiting]:
    """One line while the job places the orders."""
    line = waiting_of(name=KIND, step=group, waits=WAITING)
    return () if line is None else (line,)


def of_member(case: str, group: str, event: Event, key: StreamKey) -> Sequence[Onward]:
    """What a case's event means for its group; `group` as the case has it after the event."""
    command: Command | None = None
    match event:
        case case_events.GroupJoined():
            command = AddMember(case=case, together=event.together, invitation=event.invitation)
        case case_events.GroupLeft():
            group, command = event.group, RemoveMember(case=case)
        case case_events.GroupInvited():
            command = RecordInvitation(number=event.number, claim=event.claim, expires_at=event.expires_at)
        case case_events.GroupSplit():
            command = RecordSplit()
        case case_events.GroupOffered():
            command = RecordOffer(case=case, receives=event.receives)
        case case_events.GroupReceiverNamed():
            command = RecordReceiver(case=case, receiver=event.receiver)
        case case_events.GroupWaitBegun():
            command = RecordWaiting(case=case)
        case case_events.GroupGone():
            command = RecordGone(case=case, order="", why=event.why)
        case _:
            pass
    return () if command is None else (Onward(key=StreamKey(key.city, group), kind=KIND, command=command),)


def group_machine(*, post: str) -> Machine:
    """The machine of streams `gr_…`. Its commands follow from cases; no person gives them."""

    def decide(group: Group, command: Any, context: Context) -> Answer:
        answer = _RULES[type(command)](group, command, context)
        if isinstance(answer, Refusal) or not answer:
            return answer
        events, states = list(answer), []
        for event in events:
            group = fold(group, event, context.now)  # type: ignore[arg-type]
            states.append(group)
            following = _next(group, event, context, post)
            if following is not None:
                events.append(following)
        return Folded(events, states=states)

    return Machine(
        kind=KIND,
        state=Group,
        event=GroupStreamEvent,
        initial=lambda key: Group(),
        decide=decide,
        fold=fold,
        waits=waits,
        claims=claims,
        follows=follows,
        speaks=speaks,
    )
