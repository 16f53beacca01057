"""What can be asked of a change of address, and by whom. `change` numbers the changes of a case: nobody decides on another one."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from safehand.kernel.machine import Command

CHANGES_MAX: Final = 5
"""In one case: whoever is told of a sixth would think that somebody plays a game."""
Change = Annotated[int, Meta(ge=1, le=CHANGES_MAX)]


class AskAddressChange(Command, frozen=True, kw_only=True, tag="readdressing.ask"):
    """Have it brought elsewhere. The address goes into the vault with it; only the page asks, after a fresh sign-in."""

    change: Annotated[int, Meta(ge=1, le=CHANGES_MAX + 1)]
    destination: Annotated[int, Meta(ge=110000, le=829999)]


class StopAddressChange(Command, frozen=True, kw_only=True, tag="readdressing.stop"):
    """Leave the old address: the applicant, or the manager when the applicant rings."""

    change: Change


class AddressChangeExpired(Command, frozen=True, kw_only=True, tag="readdressing.expired"):
    """The clock: the cooling time is over, or the manager's time to decide."""


class MakeAddressHold(Command, frozen=True, kw_only=True, tag="readdressing.make_hold"):
    """The job: the vault gets the new address with this very command."""

    change: Change


class ApproveAddressChange(Command, frozen=True, kw_only=True, tag="readdressing.approve"):
    """Let it be, after the hand-over; an envelope on its way is called back for it."""

    change: Change


class DenyAddressChange(Command, frozen=True, kw_only=True, tag="readdressing.deny"):
    """Leave the old address, after the hand-over."""

    change: Change
    reason: Literal["not_confirmed", "too_late"]


ReaddressingCommand = (
    AskAddressChange
    | StopAddressChange
    | AddressChangeExpired
    | MakeAddressHold
    | ApproveAddressChange
    | DenyAddressChange
)

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    AskAddressChange: frozenset({"applicant"}),
    StopAddressChange: frozenset({"applicant", "authority_manager"}),
    AddressChangeExpired: frozenset({"system"}),
    MakeAddressHold: frozenset({"system"}),
    ApproveAddressChange: frozenset({"authority_manager"}),
    DenyAddressChange: frozenset({"authority_manager"}),
}
