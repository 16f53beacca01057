"""What can happen to a question about a case. Never its text: that lies sealed in the vault, by its number."""

from datetime import datetime

from safehand.kernel.machine import Event


class HelpAsked(Event, frozen=True, kw_only=True, tag="help.asked"):
    """The applicant asked."""

    number: int
    """The how-manieth question of the case."""
    topic: str
    about: int
    """The version of the event that it is about; 0: none."""
    text_number: int
    """0: none was written (a document is not where the books have it)."""
    due_at: datetime


class HelpAnswered(Event, frozen=True, kw_only=True, tag="help.answered"):
    """An agent answered."""

    number: int
    outcome: str
    text_number: int
    reopen_until: datetime
    """Until when the applicant may say that it is not settled."""


class HelpReopened(Event, frozen=True, kw_only=True, tag="help.reopened"):
    """The answer did not settle it."""

    number: int
    text_number: int
    due_at: datetime


class HelpRated(Event, frozen=True, kw_only=True, tag="help.rated"):
    """The applicant rated the answer."""

    number: int
    stars: int


class HelpRanLate(Event, frozen=True, kw_only=True, tag="help.ran_late"):
    """The clock is over and nobody has answered."""


class HelpDropped(Event, frozen=True, kw_only=True, tag="help.dropped"):
    """Nobody waits for the answer: whoever asked is being erased, or has the document after all."""


HelpEvent = HelpAsked | HelpAnswered | HelpReopened | HelpRated | HelpRanLate | HelpDropped
