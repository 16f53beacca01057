"""The plain service's forms: the fifteen fields of an application and how each is checked."""

import re
from datetime import UTC, date, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, StringConstraints

_RESIDENT_ID = re.compile(r"[1-9]\d{5}(\d{4})(\d{2})(\d{2})\d{3}[\dX]")
_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_CHECKS = "10X98765432"
BORN_MIN = date(1900, 1, 1)


def _resident_id(value: str) -> str:
    found = _RESIDENT_ID.fullmatch(value)
    if found is None:
        raise ValueError("must be 17 digits and a check character")
    year, month, day = map(int, found.groups())
    try:
        born = date(year, month, day)
    except ValueError:
        raise ValueError("holds a birth date which does not exist") from None
    if not BORN_MIN <= born <= datetime.now(UTC).date():
        raise ValueError("holds a birth date which cannot be")
    rest = sum(int(digit) * weight for digit, weight in zip(value, _WEIGHTS, strict=False)) % 11
    if _CHECKS[rest] != value[17]:
        raise ValueError("has a wrong check character")
    return value


def _not_past(value: date) -> date:
    if value < datetime.now(UTC).date():
        raise ValueError("is in the past")
    return value


Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class ApplicationForm(BaseModel):
    """What an applicant sends: fifteen fields."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)

    name: Annotated[str, StringConstraints(min_length=2, max_length=100)]
    resident_id: Annotated[str, AfterValidator(_resident_id)]
    phone: Annotated[str, StringConstraints(pattern=r"^1[3-9]\d{9}$")]
    email: Annotated[str, StringConstraints(max_length=254, pattern=r"^[^@\s]+@[^@\s]+\.[^@\s.]+$")]
    region: Annotated[str, StringConstraints(pattern=r"^[1-9]\d{5}$")]
    address: Annotated[str, StringConstraints(min_length=2, max_length=300)]
    document: Literal["passport", "hong-kong-macao-permit", "taiwan-permit"]
    ground: Literal["expiring", "expired", "used_up", "damaged", "lost", "stolen"]
    delivery: Literal["post", "counter"]
    travel_on: Annotated[date, AfterValidator(_not_past)] | None
    photo: Digest
    signature: Digest
    id_card_front: Digest
    id_card_back: Digest
    consent: Literal[True]


class ApplicationTaken(BaseModel):
    """What the applicant is answered."""

    id: UUID
    state: str
    repeated: bool = False


class SessionsWanted(BaseModel):
    """Applicants for whom sessions are opened (a sign-in service does this elsewhere)."""

    actors: list[Annotated[str, StringConstraints(max_length=80)]]


class SessionsOpened(BaseModel):
    """Their tokens, in order."""

    tokens: list[str]
