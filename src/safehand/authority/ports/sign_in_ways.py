"""The ways to sign in as a real person, as dated data: which assurance each must yield, and which of them compares faces.

Face comparison needs separate consent and may not be the only way (the rules on face recognition in force since 2025-06-01).
"""

from collections.abc import Mapping
from datetime import date
from functools import cache
from pathlib import Path
from typing import Final

import msgspec

from safehand.authority.notices.wording import Both
from safehand.kernel.dated import Dated, Entry, NotInForceError, defects_of_entries

_FILE: Final = Path(__file__).parent / "sign_in_ways.toml"


class Way(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One way to sign in. `accepted`: the `acr` that the service must state, from which day on."""

    compares_faces: bool
    name: Both
    hint: Both
    accepted: tuple[Entry[str], ...]

    def assurance_on(self, day: date) -> str:
        """The assurance that this way must yield on a day; empty when it is not offered then."""
        try:
            return Dated(name="accepted", entries=self.accepted).value_on(day)
        except NotInForceError:
            return ""


@cache
def all_ways() -> Mapping[str, Way]:
    """Every way by its name, in the order of the file. Raises `ValueError` naming what is wrong in it."""
    ways = msgspec.toml.decode(_FILE.read_bytes(), type=dict[str, Way], strict=True)
    defects = [
        str(defect)
        for name, way in ways.items()
        for defect in defects_of_entries(entries=list(way.accepted), file=_FILE.name, key=name)
    ]
    if not any(not way.compares_faces for way in ways.values()):
        defects.append(f"{_FILE.name}: every way compares faces → offer one that does not")
    if defects:
        raise ValueError("\n".join(defects))
    return ways


def ways_on(day: date) -> dict[str, Way]:
    """The ways that are offered on a day."""
    return {name: way for name, way in all_ways().items() if way.assurance_on(day)}


def assurances_on(day: date) -> frozenset[str]:
    """Every assurance that is enough on a day, however it was reached."""
    return frozenset(way.assurance_on(day) for way in ways_on(day).values())
