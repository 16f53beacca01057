"""What can happen to a change of address. Never an address: only the city that it lies in."""

from datetime import datetime

from safehand.kernel.machine import Event


class AddressChangeAsked(Event, frozen=True, kw_only=True, tag="readdressing.asked"):
    """Before the hand-over: it holds from `holds_at` on, unless it is stopped."""

    change: int
    destination: int
    holds_at: datetime


class AddressChangePutToManager(Event, frozen=True, kw_only=True, tag="readdressing.put_to_manager"):
    """After the hand-over: the manager decides."""

    change: int
    destination: int
    due_at: datetime


class AddressChangeCooled(Event, frozen=True, kw_only=True, tag="readdressing.cooled"):
    """The clock: nobody has stopped it."""


class AddressChanged(Event, frozen=True, kw_only=True, tag="readdressing.changed"):
    """It holds: the vault has the new address."""

    destination: int


class AddressChangeStopped(Event, frozen=True, kw_only=True, tag="readdressing.stopped"):
    """The old address stays."""

    by: str
    """`applicant` or `authority`."""


class AddressChangeApproved(Event, frozen=True, kw_only=True, tag="readdressing.approved"):
    """The manager let it be: the vault has the new address, and what is on its way is called back."""

    destination: int


class AddressChangeDenied(Event, frozen=True, kw_only=True, tag="readdressing.denied"):
    """The manager did not: the old address stays."""

    reason: str


class AddressChangeLapsed(Event, frozen=True, kw_only=True, tag="readdressing.lapsed"):
    """Nothing is brought any more."""


class AddressChangeRanLate(Event, frozen=True, kw_only=True, tag="readdressing.ran_late"):
    """The manager has not decided in time."""


ReaddressingEvent = (
    AddressChangeAsked
    | AddressChangePutToManager
    | AddressChangeCooled
    | AddressChanged
    | AddressChangeStopped
    | AddressChangeApproved
    | AddressChangeDenied
    | AddressChangeLapsed
    | AddressChangeRanLate
)
