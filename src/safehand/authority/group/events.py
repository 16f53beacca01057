"""What can happen to a case in a group. Never a name, an address or a code."""

from datetime import datetime

from safehand.kernel.machine import Event


class GroupJoined(Event, frozen=True, kw_only=True, tag="group.joined"):
    """The applicant began a group with this case, or joined one with it."""

    group: str
    together: bool
    invitation: str
    """The claim of the invitation; empty: the group was begun."""


class GroupLeft(Event, frozen=True, kw_only=True, tag="group.left"):
    """The case goes its own way again."""

    group: str
    reason: str
    """`own`, or `address`: it goes to another address now."""


class GroupInvited(Event, frozen=True, kw_only=True, tag="group.invited"):
    """An invitation was made; the one before it opens nothing any more."""

    number: int
    claim: str
    expires_at: datetime


class GroupSplit(Event, frozen=True, kw_only=True, tag="group.split"):
    """The applicant let everybody's document go as soon as it is ready."""


class GroupOffered(Event, frozen=True, kw_only=True, tag="group.offered"):
    """The applicant may be named by the others to receive theirs, or no longer."""

    receives: bool


class GroupReceiverNamed(Event, frozen=True, kw_only=True, tag="group.receiver_named"):
    """Another one of the group may receive it: the agent of that number (agent)."""

    receiver: str
    """The case of the one who may."""
    number: int


class GroupReceiverForgotten(Event, frozen=True, kw_only=True, tag="group.receiver_forgotten"):
    """The one who might receive it left the group: only the applicant may."""

    number: int
    """Of the agent that this was."""


class GroupWaitBegun(Event, frozen=True, kw_only=True, tag="group.wait_begun"):
    """It is issued, and lies on the shelf until the others' are."""

    due_at: datetime


class GroupWaitEnded(Event, frozen=True, kw_only=True, tag="group.wait_ended"):
    """It waits no longer: `all` are there, `time` is over, the group chose `split`, or the applicant would not wait (`own`)."""

    why: str


class GroupGone(Event, frozen=True, kw_only=True, tag="group.gone"):
    """Nobody need wait for it: `ordered` already, fetched at the `counter`, or `ended`."""

    why: str


GroupEvent = (
    GroupJoined
    | GroupLeft
    | GroupInvited
    | GroupSplit
    | GroupOffered
    | GroupReceiverNamed
    | GroupReceiverForgotten
    | GroupWaitBegun
    | GroupWaitEnded
    | GroupGone
)
