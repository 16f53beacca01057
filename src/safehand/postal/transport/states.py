"""Transport of one item between offices: where the last scan that counts saw it. State × event → state."""

from datetime import datetime
from enum import StrEnum
from typing import Final

import msgspec

from safehand.kernel.steps import Table, Wait
from safehand.postal.steps import PostalStep
from safehand.postal.transport import events


class State(StrEnum):
    """Where the item is between acceptance and the delivery office."""

    NOT_BEGUN = "not_begun"
    AT_ORIGIN = "at_origin"
    ON_THE_WAY = "on_the_way"
    AT_CENTRE = "at_centre"
    ARRIVED = "arrived"
    RESCAN = "rescan"
    STOPPED = "stopped"


class Scanned(msgspec.Struct, frozen=True, array_like=True):
    """One scan in the trail."""

    scan_id: str
    account: str
    """The account that the scan gave custody to; empty when it only was kept."""
    occurred_at: datetime
    giver: str = ""
    """Who had the item before: gets it back if the scan is voided."""
    voided: bool = False


class Transport(PostalStep, frozen=True, kw_only=True, omit_defaults=True):
    """The trail of scans, and whether one of them contradicts who has the item."""

    state: State = State.NOT_BEGUN
    trail: tuple[Scanned, ...] = ()
    contradicted_at: datetime | None = None


_SCANNING: Final = (State.AT_ORIGIN, State.ON_THE_WAY, State.AT_CENTRE, State.ARRIVED, State.RESCAN)

# Scans may be missing, so that from anywhere each scan that counts leads to its own place.
TABLE: Final[Table] = {
    (State.NOT_BEGUN, events.Began): State.AT_ORIGIN,
    **{(state, events.Departed): State.ON_THE_WAY for state in _SCANNING},
    **{(state, events.ArrivedAtCentre): State.AT_CENTRE for state in _SCANNING},
    **{(state, events.ArrivedAtOffice): State.ARRIVED for state in _SCANNING},
    **{(state, events.ScanKept): state for state in (*_SCANNING, State.STOPPED)},
    **{(state, events.ScanVoided): state for state in (*_SCANNING, State.STOPPED)},
    **{
        (state, events.PositionVoided): State.RESCAN
        for state in (State.ON_THE_WAY, State.AT_CENTRE, State.ARRIVED, State.RESCAN)
    },
    # Only whoever was beyond the first office can be contradicted.
    **{
        (state, events.ContradictionCleared): state
        for state in (*_SCANNING, State.STOPPED)
        if state is not State.AT_ORIGIN
    },
    **{
        (state, events.Escalated): state
        for state in (State.AT_ORIGIN, State.ON_THE_WAY, State.AT_CENTRE, State.RESCAN)
    },
    **{(state, events.Stopped): State.STOPPED for state in (*_SCANNING, State.STOPPED)},
}
WAITING: Final[dict[State, Wait]] = {
    State.AT_ORIGIN: Wait(owner="sorter", clock="departure_due"),
    State.ON_THE_WAY: Wait(owner="driver", clock="arrival_due"),
    State.AT_CENTRE: Wait(owner="sorter", clock="departure_due"),
    State.RESCAN: Wait(owner="sorter", clock="departure_due"),
}
TERMINAL: Final = frozenset({State.ARRIVED, State.STOPPED})
"""Arrived: the delivery step has it. It may depart once more when it was sorted wrongly."""
