"""What can happen to the way on which an applicant is told. Never a number, an address or a text."""

from datetime import datetime

from safehand.kernel.machine import Event


class ContactLost(Event, frozen=True, kw_only=True, tag="contact.lost"):
    """A message reached the applicant on none of the ways that were tried."""

    template: str
    """What could not be told."""
    channels: tuple[str, ...]
    """`sms`, `email`."""
    reason: str
    """The code of the last failure."""
    due_at: datetime


class ContactRegained(Event, frozen=True, kw_only=True, tag="contact.regained"):
    """The applicant can be told again, or nobody needs to be."""

    by: str
    """`message`: a later one arrived; `new_phone`: another number was proven; `erasure`; or what the manager did."""


class ContactRanLate(Event, frozen=True, kw_only=True, tag="contact.ran_late"):
    """The clock is over and nobody has told the applicant."""


ContactEvent = ContactLost | ContactRegained | ContactRanLate
