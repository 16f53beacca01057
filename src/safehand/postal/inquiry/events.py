"""What has happened to an inquiry."""

from datetime import datetime

from safehand.kernel.machine import Event
from safehand.link.messages import Finding


class InquiryOpened(Event, frozen=True, kw_only=True, tag="inquiry.opened"):
    """The authority asked (113)."""

    number: int


class InquiryEnded(Event, frozen=True, kw_only=True, tag="inquiry.ended"):
    """The authority asks no more (114), before anybody had an answer."""

    number: int


class InquiryAnswered(Event, frozen=True, kw_only=True, tag="inquiry.answered"):
    """The manager asked the courier, and whoever else may know."""

    number: int
    finding: Finding
    at: datetime


class Escalated(Event, frozen=True, kw_only=True, tag="inquiry.escalated"):
    """Nobody has found out in time: it is shown as late."""


InquiryEvent = InquiryOpened | InquiryEnded | InquiryAnswered | Escalated
