"""The states of a change of address, how they follow each other, and who waits where."""

from enum import StrEnum
from typing import Final

from safehand.authority.readdressing import events as e
from safehand.kernel.steps import ClockedStep, Table, Wait


class ReaddressingState(StrEnum):
    """Where the change stands."""

    NONE = "none"
    COOLING = "cooling"
    DUE = "due"
    ASKED = "asked"


S = ReaddressingState

WORDS: Final = {
    S.NONE: ("no change of address", "没有变更地址的申请"),
    S.COOLING: ("another address waits out its cooling time", "变更地址处于冷静期"),
    S.DUE: ("another address is about to hold", "变更地址即将生效"),
    S.ASKED: ("the manager decides on another address", "变更地址待主管人员决定"),
}

TABLE: Final[Table] = {
    (S.NONE, e.AddressChangeAsked): S.COOLING,
    (S.NONE, e.AddressChangePutToManager): S.ASKED,
    (S.COOLING, e.AddressChangeCooled): S.DUE,
    (S.DUE, e.AddressChanged): S.NONE,
    (S.ASKED, e.AddressChangeApproved): S.NONE,
    (S.ASKED, e.AddressChangeDenied): S.NONE,
    (S.ASKED, e.AddressChangeRanLate): S.ASKED,
    **{(state, e.AddressChangeStopped): S.NONE for state in (S.COOLING, S.DUE, S.ASKED)},
    **{(state, e.AddressChangeLapsed): S.NONE for state in (S.COOLING, S.DUE, S.ASKED)},
}
WAITING: Final = {
    S.COOLING: Wait("system", "address_change_hours"),
    # A job opens the vault for it: a rule can't.
    S.DUE: Wait("system"),
    S.ASKED: Wait("authority_manager", "address_change_working_days", "authority_manager"),
}
TERMINAL: Final = frozenset[ReaddressingState]()
DUE_QUEUE: Final = f"readdressing.{S.DUE}"


class Readdressing(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """A change of address. The address itself is in the vault, under the number of the change."""

    state: ReaddressingState = S.NONE
    changes: int = 0
    """How many were asked for; the last of them is the one that waits."""
    destination: int = 0
    """The city that it would go to, while it waits."""
