"""What may be asked of an inquiry, and who may ask."""

from typing import Annotated, Final

from msgspec import Meta

from safehand.kernel.machine import Command
from safehand.link.messages import INQUIRIES_MAX, Finding, Waybill


class HearInquiry(Command, frozen=True, kw_only=True, tag="inquiry.hear"):
    """Link 113."""

    waybill: Waybill
    number: Annotated[int, Meta(ge=1, le=INQUIRIES_MAX)]


class HearInquiryEnded(Command, frozen=True, kw_only=True, tag="inquiry.hear_ended"):
    """Link 114."""

    waybill: Waybill
    number: Annotated[int, Meta(ge=1, le=INQUIRIES_MAX)]


class AnswerInquiry(Command, frozen=True, kw_only=True, tag="inquiry.answer"):
    """What was found out; it goes to the authority, which decides."""

    waybill: Waybill
    finding: Finding


class Escalate(Command, frozen=True, kw_only=True, tag="inquiry.escalate"):
    """The clock of the inquiry ran out."""


InquiryCommand = HearInquiry | HearInquiryEnded | AnswerInquiry | Escalate

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    HearInquiry: frozenset({"authority"}),
    HearInquiryEnded: frozenset({"authority"}),
    AnswerInquiry: frozenset({"postal_manager"}),
    Escalate: frozenset({"system"}),
}
