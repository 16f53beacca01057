"""What can be asked and answered about a case, and by whom. The texts go into the vault, never into the journal."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from safehand.kernel.machine import Command

Topic = Literal["wrong", "where", "other"]
"""Something that is said is wrong; where is it; anything else."""
Outcome = Literal["explained", "mended", "passed_on"]
TEXT_CHARACTERS_MIN: Final = 5
TEXT_CHARACTERS_MAX: Final = 1_000
STARS_MAX: Final = 5

Text = Annotated[str, Meta(min_length=TEXT_CHARACTERS_MIN, max_length=TEXT_CHARACTERS_MAX)]
"""Free text; sealed in the vault as `help.<number>`."""
TextNumber = Annotated[int, Meta(ge=1)]
"""Which text of the case it is; the house finds it out."""


class AskHelp(Command, frozen=True, kw_only=True, tag="help.ask"):
    """Ask about the own application: something is wrong, where is it, or anything else."""

    topic: Topic
    about: Annotated[int, Meta(ge=0, le=1_000_000)] = 0
    """The line of the timeline that it is about, by the version of its event; 0: none."""
    text: Text
    text_number: TextNumber


class AnswerHelp(Command, frozen=True, kw_only=True, tag="help.answer"):
    """Answer the open question of a case."""

    outcome: Outcome
    text: Text
    text_number: TextNumber


class ReopenHelp(Command, frozen=True, kw_only=True, tag="help.reopen"):
    """Say that the answer did not settle it."""

    text: Text
    text_number: TextNumber


class RateHelp(Command, frozen=True, kw_only=True, tag="help.rate"):
    """Rate the answer, from 1 to 5."""

    stars: Annotated[int, Meta(ge=1, le=STARS_MAX)]


class HelpExpired(Command, frozen=True, kw_only=True, tag="help.expired"):
    """The clock: nobody has answered in time."""


HelpCommand = AskHelp | AnswerHelp | ReopenHelp | RateHelp | HelpExpired

AGENTS: Final = frozenset({"help_agent", "authority_manager"})
ROLES: Final[dict[type[Command], frozenset[str]]] = {
    AskHelp: frozenset({"applicant"}),
    AnswerHelp: AGENTS,
    ReopenHelp: frozenset({"applicant"}),
    RateHelp: frozenset({"applicant"}),
    HelpExpired: frozenset({"system"}),
}
WITH_TEXT: Final[tuple[type[Command], ...]] = (AskHelp, AnswerHelp, ReopenHelp)
