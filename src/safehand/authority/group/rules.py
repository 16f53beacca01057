"""A case in a group: in until its document goes out, and never kept waiting longer than the city allows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from safehand.authority.group import commands as c
from safehand.authority.group import events as e
from safehand.authority.group import refusals
from safehand.authority.group.states import TABLE, Membership
from safehand.authority.group.states import MembershipState as S
from safehand.authority.rulebook import Answer, Moment
from safehand.kernel.steps import clocked, moved

IN_GROUP: Final = (S.MEMBER, S.WAITING)
"""As long as the case can leave."""


def begin(step: Membership, command: c.BeginGroup, m: Moment) -> Answer:
    """With one's own case as the first; whether it can be in one, router.py looks."""
    if step.state is not S.NONE:
        return refusals.IN_A_GROUP()
    return [e.GroupJoined(group=command.group, together=command.together, invitation="")]


def join(step: Membership, command: c.JoinGroup, m: Moment) -> Answer:
    """Whether the invitation still holds, the group says in the same transaction."""
    if step.state is not S.NONE:
        return [] if step.group == command.group and step.state in IN_GROUP else refusals.IN_A_GROUP()
    return [e.GroupJoined(group=command.group, together=command.together, invitation=command.invitation)]


def leave(step: Membership, command: c.LeaveGroup, m: Moment) -> Answer:
    """Until the own document goes out: at no price, and without a reason."""
    return _not_in(step) or [e.GroupLeft(group=step.group, reason="own")]


def invite(step: Membership, command: c.InviteToGroup, m: Moment) -> Answer:
    """Every member may; the last invitation holds alone."""
    expires_at = m.now + c.INVITED_FOR
    invited = e.GroupInvited(number=command.number, claim=command.claim, expires_at=expires_at)
    return _not_in(step) or [invited]


def split(step: Membership, command: c.SplitGroup, m: Moment) -> Answer:
    """Every member may: it keeps nobody waiting. The other way there is none, since it would."""
    return _not_in(step) or [e.GroupSplit()]


def offer(step: Membership, command: c.OfferToReceive, m: Moment) -> Answer:
    """Also when the own one is out: the others' may still come."""
    return refusals.NO_GROUP() if step.state is S.NONE else [e.GroupOffered(receives=command.receives)]


def let_receive(step: Membership, command: c.LetReceive, m: Moment) -> Answer:
    """The agent of this number is the member (process.py); who it may be, the group says in the same transaction."""
    if step.state is S.NONE:
        return refusals.NO_GROUP()
    return [e.GroupReceiverNamed(receiver=command.receiver, number=command.number)]


def forget_receiver(step: Membership, command: c.ForgetReceiver, m: Moment) -> Answer:
    """What was chosen otherwise meanwhile stays."""
    if step.receiver != command.receiver:
        return []
    return [e.GroupReceiverForgotten(number=step.receiver_number)]


def go_now(step: Membership, command: c.GoNow, m: Moment) -> Answer:
    """One tap, and one's own goes; the others go on waiting for each other."""
    return [e.GroupWaitEnded(why="own")] if step.state is S.WAITING else refusals.NOT_WAITING()


def end_wait(step: Membership, command: c.EndGroupWait, m: Moment) -> Answer:
    """Who has left meanwhile waits for nothing."""
    return [e.GroupWaitEnded(why=command.why)] if step.state is S.WAITING else []


def expired(step: Membership, command: c.GroupExpired, m: Moment) -> Answer:
    """The limit of the city: a document waits so long for others and no longer."""
    if step.state is not S.WAITING or step.due_at is None or m.now < step.due_at:
        return []
    return [e.GroupWaitEnded(why="time")]


def _not_in(step: Membership) -> Any:
    if step.state in IN_GROUP:
        return None
    return refusals.NO_GROUP() if step.state is S.NONE else refusals.ON_ITS_WAY()


RULES: Final[Mapping[type, Any]] = {
    c.BeginGroup: begin,
    c.JoinGroup: join,
    c.LeaveGroup: leave,
    c.InviteToGroup: invite,
    c.SplitGroup: split,
    c.OfferToReceive: offer,
    c.LetReceive: let_receive,
    c.ForgetReceiver: forget_receiver,
    c.GoNow: go_now,
    c.EndGroupWait: end_wait,
    c.GroupExpired: expired,
}


def fold(step: Membership, event: e.GroupEvent, at: datetime) -> Membership:
    """The step after the event."""
    match event:
        case e.GroupJoined():
            return clocked(step, event, at, TABLE, group=event.group, together=event.together, why="")
        case e.GroupLeft():
            return clocked(step, event, at, TABLE, group="", together=False, receiver="", receiver_number=0)
        case e.GroupSplit():
            return moved(step, event, at, TABLE, together=False)
        case e.GroupReceiverNamed():
            return moved(step, event, at, TABLE, receiver=event.receiver, receiver_number=event.number)
        case e.GroupReceiverForgotten():
            return moved(step, event, at, TABLE, receiver="", receiver_number=0)
        case e.GroupWaitBegun():
            return clocked(step, event, at, TABLE, due_at=event.due_at)
        case e.GroupWaitEnded() | e.GroupGone():
            return clocked(step, event, at, TABLE, why=event.why)
        case e.GroupInvited() | e.GroupOffered():
            return moved(step, event, at, TABLE)
