"""How often the post may ask the authority whether somebody is the right person. Pure.

ID numbers never leave the authority: the post asks yes or no, and each question is a claim. Without a limit a
dishonest courier could try codes, or find out who lives where.
"""

from datetime import datetime, timedelta
from typing import Final

import msgspec

from safehand.kernel.outcome import Refusal
from safehand.postal.identity_check import refusals
from safehand.postal.identity_check.states import Asked

ITEM_WINDOW: Final = timedelta(hours=24)
ITEM_QUESTIONS_MAX: Final = 6
"""A little above the authority's own limit of wrong codes, so that its answer "no more" is heard (assumed)."""
COURIER_QUESTIONS_PER_HOUR_MAX: Final = 60
"""One a minute: nobody delivers faster into people's own hands (assumed)."""


def may_ask(*, asked: Asked, courier_asked_last_hour: int, now: datetime) -> Refusal | None:
    """The refusal when item or courier asked too often; `courier_asked_last_hour` is a fact given by the caller."""
    recent = sum(now - at < ITEM_WINDOW for at in asked.at)
    if recent >= ITEM_QUESTIONS_MAX:
        return refusals.ITEM_ASKED_TOO_OFTEN(asked=recent)
    if courier_asked_last_hour >= COURIER_QUESTIONS_PER_HOUR_MAX:
        return refusals.COURIER_ASKED_TOO_OFTEN(asked=courier_asked_last_hour)
    return None


def asked_again(asked: Asked, at: datetime) -> Asked:
    """The questions with one more; never more than the limit are kept."""
    return msgspec.structs.replace(asked, at=(*asked.at, at)[-ITEM_QUESTIONS_MAX:])
