"""Custody of one item: who has it now. Its unit is the order; each move is one line of the double-entry book."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from safehand.kernel.steps import Table, Wait
from safehand.postal.custody import events
from safehand.postal.steps import PostalStep


class State(StrEnum):
    """What kind of holder has the item."""

    NOT_BEGUN = "not_begun"
    WITH_SENDER = "sender"
    AT_OFFICE = "office"
    IN_VEHICLE = "vehicle"
    WITH_COURIER = "courier"
    AT_COUNTER = "counter"
    IN_INCIDENT = "incident"
    WITH_RECIPIENT = "recipient"
    RETURNED = "returned"


class Custody(PostalStep, frozen=True, kw_only=True, omit_defaults=True):
    """The holder's account, the taker to whom it is offered (pending), and when the last act of custody happened."""

    state: State = State.NOT_BEGUN
    account: str = ""
    pending: str = ""
    acted_at: datetime | None = None


RECIPIENT: Final = "recipient"
RETURNED: Final = "returned"
INCIDENT: Final = "incident"

_HANDS: Final = (State.AT_OFFICE, State.IN_VEHICLE, State.WITH_COURIER, State.AT_COUNTER, State.IN_INCIDENT)
"""The post's own hands."""

# Every way in which an item may change hands. There is none to the recipient but by `TakenByRecipient`, which only a
# sealed proof causes (process page), and none out of the recipient's or the authority's hands
# but one: what was in hand by the recipient's own word alone, and then is scanned in by the authority.
TABLE: Final[Table] = {
    (State.NOT_BEGUN, events.Opened): State.WITH_SENDER,
    (State.WITH_SENDER, events.ToOffice): State.AT_OFFICE,
    (State.AT_OFFICE, events.ToOffice): State.AT_OFFICE,
    (State.AT_OFFICE, events.ToVehicle): State.IN_VEHICLE,
    (State.AT_OFFICE, events.ToCourier): State.WITH_COURIER,
    (State.AT_OFFICE, events.ToCounter): State.AT_COUNTER,
    (State.IN_VEHICLE, events.ToOffice): State.AT_OFFICE,
    (State.IN_VEHICLE, events.ToVehicle): State.IN_VEHICLE,
    (State.WITH_COURIER, events.ToOffice): State.AT_OFFICE,
    (State.AT_COUNTER, events.ToOffice): State.AT_OFFICE,
    (State.AT_COUNTER, events.ToVehicle): State.IN_VEHICLE,
    (State.AT_COUNTER, events.ToCourier): State.WITH_COURIER,
    (State.IN_INCIDENT, events.ToOffice): State.AT_OFFICE,
    (State.IN_INCIDENT, events.ToCourier): State.WITH_COURIER,
    (State.WITH_COURIER, events.OfferedToRecipient): State.WITH_COURIER,
    (State.AT_COUNTER, events.OfferedToRecipient): State.AT_COUNTER,
    (State.WITH_COURIER, events.TakenByRecipient): State.WITH_RECIPIENT,
    (State.AT_COUNTER, events.TakenByRecipient): State.WITH_RECIPIENT,
    # A neighbour or locker had it; the recipient confirmed to the authority, which sealed the proof.
    (State.IN_INCIDENT, events.TakenByRecipient): State.WITH_RECIPIENT,
    **{(state, events.ToIncident): State.IN_INCIDENT for state in _HANDS if state is not State.IN_INCIDENT},
    **{(state, events.GivenBack): state for state in _HANDS if state is not State.IN_INCIDENT},
    **{
        (state, events.OfferedToSender): state
        for state in (State.AT_OFFICE, State.IN_VEHICLE, State.AT_COUNTER)
    },
    **{
        (state, events.TakenBySender): State.RETURNED
        for state in (State.AT_OFFICE, State.IN_VEHICLE, State.AT_COUNTER)
    },
    # The recipient only said so, and the authority has scanned it in.
    (State.WITH_RECIPIENT, events.TakenBySender): State.RETURNED,
}

# Who answers for the item there. The clocks and worklists are those of the step that the item is in.
WAITING: Final[dict[State, Wait]] = {
    State.WITH_SENDER: Wait(owner="authority"),
    State.AT_OFFICE: Wait(owner="office_clerk"),
    State.IN_VEHICLE: Wait(owner="driver"),
    State.WITH_COURIER: Wait(owner="courier"),
    State.AT_COUNTER: Wait(owner="office_clerk"),
    State.IN_INCIDENT: Wait(owner="postal_manager"),
}
TERMINAL: Final = frozenset({State.WITH_RECIPIENT, State.RETURNED})
