"""Where in the code a point was passed: a name for each boundary, so that each is struck once and none is forgotten."""

from __future__ import annotations

import inspect
from collections import Counter
from pathlib import Path

OCCURRENCES_MAX = 2
"""How often the same place is struck within one deed: what goes round in a loop is not struck for ever."""
_OURS = f"{Path(__file__).parents[2]}/"
_NOT_OF_THE_HOUSES = (
    f"{Path(__file__).parents[1]}/",
    f"{Path(__file__).parents[2] / 'kernel' / 'points.py'}",
)


def place_of(point: str) -> str:
    """The point, and the functions of the houses that led to it: `store.written < shell._attempt:301 < …`."""
    frame, found = inspect.currentframe(), [point]
    while frame is not None:
        name = frame.f_code.co_filename
        if name.startswith(_OURS) and not name.startswith(_NOT_OF_THE_HOUSES):
            found.append(f"{Path(name).stem}.{frame.f_code.co_name}:{frame.f_lineno}")
        frame = frame.f_back
    return " < ".join(found)


class Passings:
    """The boundaries that one attempt passes, in order, each with a name; and how often it has committed."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()
        self.commits = 0

    def next(self, point: str) -> str:
        """The name of the boundary that is passed now; empty when it came too often to be struck again."""
        place = place_of(point)
        self._seen[place] += 1
        self.commits += point == "store.committed"
        number = self._seen[place]
        return f"{place} #{number}" if number <= OCCURRENCES_MAX else ""


def point_of(boundary: str) -> str:
    """The point of a boundary's name."""
    return boundary.partition(" ")[0]
