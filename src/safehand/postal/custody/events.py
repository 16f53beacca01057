"""Acts of custody. None is written to the journal: the process page derives them from the steps' events, always alike."""

from datetime import datetime

from safehand.kernel.machine import Event


class Opened(Event, frozen=True, kw_only=True, tag="custody.opened"):
    """The item has a number: it begins with its sender."""


class _Act(Event, frozen=True, kw_only=True):
    """An act in which the taker takes the item at once. `taker` is an account; `acted_at` when it happened."""

    taker: str
    acted_at: datetime


class ToOffice(_Act, frozen=True, kw_only=True, tag="custody.to_office"):
    """An office or centre has it."""


class ToVehicle(_Act, frozen=True, kw_only=True, tag="custody.to_vehicle"):
    """A vehicle on a leg has it."""


class ToCourier(_Act, frozen=True, kw_only=True, tag="custody.to_courier"):
    """A courier has it."""


class ToCounter(_Act, frozen=True, kw_only=True, tag="custody.to_counter"):
    """The post-office counter keeps it for the recipient."""


class ToIncident(_Act, frozen=True, kw_only=True, tag="custody.to_incident"):
    """Nobody has it as they should: the manager answers for it."""


class OfferedToRecipient(Event, frozen=True, kw_only=True, tag="custody.offered_to_recipient"):
    """Claimed at the door or the counter: pending until the authority seals or refuses the proof."""

    acted_at: datetime


class TakenByRecipient(Event, frozen=True, kw_only=True, tag="custody.taken_by_recipient"):
    """The proof is sealed."""


class OfferedToSender(Event, frozen=True, kw_only=True, tag="custody.offered_to_sender"):
    """The return stands at the issuing office: pending until it is scanned in there."""

    acted_at: datetime


class TakenBySender(Event, frozen=True, kw_only=True, tag="custody.taken_by_sender"):
    """The authority scanned the return in."""


class GivenBack(Event, frozen=True, kw_only=True, tag="custody.given_back"):
    """What was offered was not taken: it stays with its holder."""


Act = ToOffice | ToVehicle | ToCourier | ToCounter | ToIncident
CustodyEvent = (
    Act | Opened | OfferedToRecipient | TakenByRecipient | OfferedToSender | TakenBySender | GivenBack
)
