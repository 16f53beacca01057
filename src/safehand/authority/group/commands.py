"""What can be asked about a case's group, and by whom. Everybody speaks for the own case only."""

from datetime import timedelta
from typing import Annotated, Final, Literal

from msgspec import Meta

from safehand.authority.agent.commands import AGENTS_MAX
from safehand.authority.readdressing.commands import CHANGES_MAX
from safehand.kernel.machine import Command

MEMBERS_MAX: Final = 10
"""Of one group: more than a family that lives at one address, fewer than a stop at a door can carry."""
INVITED_FOR: Final = timedelta(days=7)
INVITATIONS_MAX: Final = 50

Stream = Annotated[str, Meta(min_length=4, max_length=64)]
Claim = Annotated[str, Meta(min_length=8, max_length=100)]


class BeginGroup(Command, frozen=True, kw_only=True, tag="group.begin"):
    """Begin a group with one's own case, together or each by itself."""

    together: bool
    group: Stream
    """Drawn by the house."""


class JoinGroup(Command, frozen=True, kw_only=True, tag="group.join"):
    """Join by an invitation; only the page asks, which has found it and compared the addresses."""

    group: Stream
    invitation: Claim
    together: bool
    """As it was read on the page: the group may have chosen otherwise since."""
    change: Annotated[int, Meta(ge=0, le=CHANGES_MAX + 1)] = 0
    """Which change of address it is, where the case goes elsewhere yet; 0: it goes there already."""
    destination: int = 0


class LeaveGroup(Command, frozen=True, kw_only=True, tag="group.leave"):
    """Go one's own way again, until the own document goes out."""


class InviteToGroup(Command, frozen=True, kw_only=True, tag="group.invite"):
    """A new invitation instead of the last; only the page asks, which makes its token."""

    number: Annotated[int, Meta(ge=1, le=INVITATIONS_MAX + 1)]
    claim: Claim


class SplitGroup(Command, frozen=True, kw_only=True, tag="group.split"):
    """Let everybody's document go as soon as it is ready."""


class OfferToReceive(Command, frozen=True, kw_only=True, tag="group.offer"):
    """Let the others name one to receive theirs, or no longer."""

    receives: bool


class LetReceive(Command, frozen=True, kw_only=True, tag="group.let_receive"):
    """Let another one of the group receive one's own; only the page asks, after a fresh sign-in."""

    receiver: Stream
    number: Annotated[int, Meta(ge=1, le=AGENTS_MAX + 1)]


class ForgetReceiver(Command, frozen=True, kw_only=True, tag="group.forget_receiver"):
    """The one who might receive it has left the group."""

    receiver: Stream


class GoNow(Command, frozen=True, kw_only=True, tag="group.go_now"):
    """Don't wait for the others any longer."""


class EndGroupWait(Command, frozen=True, kw_only=True, tag="group.end_wait"):
    """The job: the group goes."""

    why: Literal["all", "time", "split"]


class GroupExpired(Command, frozen=True, kw_only=True, tag="group.expired"):
    """The clock: so long and no longer."""


GroupCommand = (
    BeginGroup
    | JoinGroup
    | LeaveGroup
    | InviteToGroup
    | SplitGroup
    | OfferToReceive
    | LetReceive
    | ForgetReceiver
    | GoNow
    | EndGroupWait
    | GroupExpired
)

_APPLICANT: Final = frozenset({"applicant"})
_SYSTEM: Final = frozenset({"system"})
ROLES: Final[dict[type[Command], frozenset[str]]] = {
    BeginGroup: _APPLICANT,
    JoinGroup: _APPLICANT,
    LeaveGroup: frozenset({"applicant", "authority_manager"}),
    InviteToGroup: _APPLICANT,
    SplitGroup: _APPLICANT,
    OfferToReceive: _APPLICANT,
    LetReceive: _APPLICANT,
    GoNow: frozenset({"applicant", "authority_manager"}),
    ForgetReceiver: _SYSTEM,
    EndGroupWait: _SYSTEM,
    GroupExpired: _SYSTEM,
}
