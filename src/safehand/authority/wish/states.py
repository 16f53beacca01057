"""The states of a wish, and how they follow each other. Nobody waits here: what the post does, its scans say."""

from datetime import date
from enum import StrEnum
from typing import Final

from safehand.authority.wish import events as e
from safehand.kernel.steps import ClockedStep, Table, Wait


class WishState(StrEnum):
    """What the recipient wished last."""

    NONE = "none"
    ANOTHER_DAY = "another_day"
    POST_OFFICE = "post_office"


S = WishState

WORDS: Final = {
    S.NONE: ("as the post plans it", "按邮政安排投递"),
    S.ANOTHER_DAY: ("wanted on another day", "已改约投递日"),
    S.POST_OFFICE: ("to be fetched at the post office", "到邮政网点领取"),
}

TABLE: Final[Table] = {
    **{(state, e.AnotherDayWished): S.ANOTHER_DAY for state in S},
    **{(state, e.PostOfficeWished): S.POST_OFFICE for state in S},
}
WAITING: Final[dict[WishState, Wait]] = {}
HANDED_ON: Final = frozenset({S.ANOTHER_DAY, S.POST_OFFICE})
TERMINAL: Final = frozenset[WishState]()


class Wish(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """The last wish, and of which order."""

    state: WishState = S.NONE
    number: int = 0
    day: date | None = None
    order: str = ""
