"""What can be asked about an agent, and by whom."""

from typing import Annotated, Final

from msgspec import Meta

from safehand.kernel.machine import Command

AGENTS_MAX: Final = 5
"""In one case: each has a code of its own, and five wrong guesses are all that a door has."""


class NameAgent(Command, frozen=True, kw_only=True, tag="agent.name"):
    """Let somebody receive it. Who, goes into the vault with it; only the page asks, after a fresh sign-in."""

    number: Annotated[int, Meta(ge=1, le=AGENTS_MAX + 1)]


class ReleaseAgent(Command, frozen=True, kw_only=True, tag="agent.release"):
    """Let nobody else receive it any more; at any time, also while the courier is on the way."""


AgentCommand = NameAgent | ReleaseAgent

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    NameAgent: frozenset({"applicant"}),
    ReleaseAgent: frozenset({"applicant", "authority_manager"}),
}
