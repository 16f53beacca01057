"""Of all small mistakes that the deciding modules could hold, how many the project's own tests find out."""

from __future__ import annotations

from safehand.simulation.mutants.score import prove

__all__ = ["prove"]
