"""What addresses of the portal may name: a city and a case in the shapes that there are, before anything is looked up."""

import re
from typing import Final

_CITY: Final = re.compile(r"[1-8][0-9]{5}")
_CASE: Final = re.compile(r"ca_[A-Za-z0-9_-]{4,60}")


def is_case_key(city: str, case: str) -> bool:
    """Whether both have the shape of a case's key."""
    return _CITY.fullmatch(city) is not None and _CASE.fullmatch(case) is not None
