"""Years of both organisations with every fault, in eight minutes of all cores: what was played, met, and found wrong.

How it is done: `safehand.simulation` and docs/how-to/simulate.md.
"""

from __future__ import annotations

from safehand.simulation.__main__ import measured


def prove(*, seed: int) -> dict[str, object]:
    """The long run, from this seed on."""
    return measured(seed=seed)
