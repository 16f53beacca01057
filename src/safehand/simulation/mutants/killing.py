"""Who may find a mutant out. The project's own tests are the first; whatever else judges behaviour can be a second."""

from collections.abc import Sequence
from typing import Protocol

from safehand.simulation.mutants.generate import Mutant


class Killer(Protocol):
    """Something that can tell a mutant from the program as it is."""

    def killed_by(self, mutant: Mutant) -> str | None:
        """What found the mutant out (a test, a seed), or none. Must leave the running program as it was."""
        ...


def killed_by(mutant: Mutant, *, killers: Sequence[Killer]) -> str | None:
    """What found the mutant out, by the first of the killers that did; none: it survived them all."""
    for killer in killers:
        found = killer.killed_by(mutant)
        if found is not None:
            return found
    return None
