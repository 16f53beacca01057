"""What can happen in production. A blank is named by its ordinal in the stock, never by its printed number."""

from datetime import datetime

from safehand.kernel.machine import Event


class ProductionOpened(Event, frozen=True, kw_only=True, tag="production.opened"):
    """A document is to be made: the first one, or another one free of charge."""

    cause: str
    """`paid`, or why another one must be made."""
    due_at: datetime


class ProductionStarted(Event, frozen=True, kw_only=True, tag="production.started"):
    """A blank was taken from the vault for this case."""

    blank: int
    make: int
    """Which document of the case this is, 1 for the first."""


class DocumentPrinted(Event, frozen=True, kw_only=True, tag="production.printed"):
    """The blank was personalised."""

    printed_by: str


class DocumentSpoiled(Event, frozen=True, kw_only=True, tag="production.spoiled"):
    """The blank is burned before a witness, or missing; another one is drawn."""

    blank: int
    make: int
    reason: str
    witness: str


class DocumentIssued(Event, frozen=True, kw_only=True, tag="production.issued"):
    """A second person checked it against the application: from now on it is a valid document."""

    blank: int
    make: int


class ProductionRanLate(Event, frozen=True, kw_only=True, tag="production.ran_late"):
    """Three working days are over: the manager owns it."""


class ProductionClosed(Event, frozen=True, kw_only=True, tag="production.closed"):
    """Withdrawn before a blank was drawn."""


ProductionEvent = (
    ProductionOpened
    | ProductionStarted
    | DocumentPrinted
    | DocumentSpoiled
    | DocumentIssued
    | ProductionRanLate
    | ProductionClosed
)
