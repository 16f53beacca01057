"""A bag of the authority, as the post expects and counts it."""

from enum import StrEnum
from typing import Final

from safehand.kernel.steps import Table, Wait
from safehand.postal.acceptance.bags import events
from safehand.postal.steps import PostalStep


class State(StrEnum):
    """How far the count is."""

    NOT_BEGUN = "not_begun"
    EXPECTED = "expected"
    COUNTED = "counted"
    DIFFERING = "differing"
    SETTLED = "settled"


class Bag(PostalStep, frozen=True, kw_only=True, omit_defaults=True):
    """The manifest while it is needed; afterwards the digests of what was said and what was seen."""

    state: State = State.NOT_BEGUN
    peer: str = ""
    seal: str = ""
    office: str = ""
    waybills: tuple[str, ...] = ()
    """The manifest; dropped once it is counted."""
    manifest: bytes = b""
    """SHA-256 of seal, office and sorted manifest: tells a repeated announcement from another one."""
    seen: bytes = b""
    """SHA-256 of what the clerk saw: tells a repeated count from another one."""
    differences: int = 0


TABLE: Final[Table] = {
    (State.NOT_BEGUN, events.BagExpected): State.EXPECTED,
    (State.EXPECTED, events.Escalated): State.EXPECTED,
    (State.EXPECTED, events.BagCounted): State.COUNTED,
    (State.COUNTED, events.DifferencesFound): State.DIFFERING,
    (State.DIFFERING, events.Escalated): State.DIFFERING,
    (State.DIFFERING, events.DifferencesSettled): State.SETTLED,
}
WAITING: Final[dict[State, Wait]] = {
    State.EXPECTED: Wait(owner="acceptance_clerk", clock="bag_due"),
    State.DIFFERING: Wait(owner="postal_manager", clock="difference_due"),
}
TERMINAL: Final = frozenset({State.COUNTED, State.SETTLED})
