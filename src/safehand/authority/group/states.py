"""The states of a case in a group, how they follow each other, and who waits where."""

from enum import StrEnum
from typing import Final

from safehand.authority.group import events as e
from safehand.kernel.steps import ClockedStep, Table, Wait


class MembershipState(StrEnum):
    """Whether the case is in a group, and whether it waits for the others."""

    NONE = "none"
    MEMBER = "member"
    WAITING = "waiting"
    GONE = "gone"


S = MembershipState

WORDS: Final = {
    S.NONE: ("in no group", "未加入同行组"),
    S.MEMBER: ("in a group", "已加入同行组"),
    S.WAITING: ("waits for the others of its group", "等待同行组其他证件"),
    S.GONE: ("in a group, and gone out", "已加入同行组，本件已办结或寄出"),
}

TABLE: Final[Table] = {
    (S.NONE, e.GroupJoined): S.MEMBER,
    **{(state, e.GroupLeft): S.NONE for state in (S.MEMBER, S.WAITING)},
    **{(state, e.GroupInvited): state for state in (S.MEMBER, S.WAITING)},
    **{(state, e.GroupSplit): state for state in (S.MEMBER, S.WAITING)},
    **{(state, e.GroupOffered): state for state in (S.MEMBER, S.WAITING, S.GONE)},
    **{(state, e.GroupReceiverNamed): state for state in (S.MEMBER, S.WAITING, S.GONE)},
    **{(state, e.GroupReceiverForgotten): state for state in (S.MEMBER, S.WAITING, S.GONE)},
    (S.MEMBER, e.GroupWaitBegun): S.WAITING,
    (S.WAITING, e.GroupWaitEnded): S.GONE,
    (S.MEMBER, e.GroupGone): S.GONE,
}
WAITING: Final = {
    # The group's own job ends it before, once all are there.
    S.WAITING: Wait("system", "group_wait_working_days"),
}
HANDED_ON: Final = frozenset({S.MEMBER, S.GONE})
TERMINAL: Final = frozenset[MembershipState]()


class Membership(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """Of which group, and who else may receive this case's document. Who that is, the other case knows."""

    state: MembershipState = S.NONE
    group: str = ""
    together: bool = False
    why: str = ""
    """Why it waits no longer."""
    receiver: str = ""
    """The case of the member who may receive it, as long as the agent of this number is named."""
    receiver_number: int = 0
