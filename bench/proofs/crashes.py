"""Both houses killed at each boundary of each action on real PostgreSQL: what was lost, doubled or left half done.

How it is done: `safehand.simulation.crashes` and docs/how-to/crashes.md.
"""

from __future__ import annotations

from safehand.simulation.crashes import matrix


def prove(*, seed: int) -> dict[str, object]:
    """The whole matrix: every way, every kind of strike."""
    return matrix.prove(seed=seed)
