"""What can be said of an applicant's contact, and by whom."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from safehand.kernel.machine import Command

Channel = Literal["sms", "email"]
Code = Annotated[str, Meta(min_length=1, max_length=60, pattern=r"^[a-z_.]+$")]


class RecordUnreachable(Command, frozen=True, kw_only=True, tag="contact.record_unreachable"):
    """The sending job: this could be told on no way."""

    template: Code
    channels: Annotated[tuple[Channel, ...], Meta(max_length=2)]
    reason: Code


class RecordReached(Command, frozen=True, kw_only=True, tag="contact.record_reached"):
    """The sending job: a later message arrived."""


class SettleContact(Command, frozen=True, kw_only=True, tag="contact.settle"):
    """The applicant was told in another way, or all ways were tried in vain."""

    outcome: Literal["told_by_phone", "told_in_person", "told_by_letter", "tried_in_vain"]


class ContactExpired(Command, frozen=True, kw_only=True, tag="contact.expired"):
    """The clock: nobody has told the applicant in time."""


ContactCommand = RecordUnreachable | RecordReached | SettleContact | ContactExpired

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    RecordUnreachable: frozenset({"system"}),
    RecordReached: frozenset({"system"}),
    SettleContact: frozenset({"authority_manager"}),
    ContactExpired: frozenset({"system"}),
}
