"""Who is on the way: the courier's name, number and picture, as the post shows them for as long as they have the item.

The post is asked when the page is opened and what it says is kept in memory for two minutes, nowhere else.
"""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from safehand.authority.case import Case
from safehand.authority.tracking.rules import NEAR_LASTS
from safehand.house.runtime import House
from safehand.link.couriers import CardCode, CourierCard, ask_card
from safehand.link.pump import PeerSilent

KEPT_FOR: Final = timedelta(minutes=2)
SILENT_FOR: Final = timedelta(seconds=20)
"""So long nobody asks a silent post again: a page must not wait for it each time."""
KEPT_MAX: Final = 2_000


class Comer(NamedTuple):
    """What the page says of who comes. `card` none: the post has none of this courier, or is silent."""

    since: datetime
    near: bool
    """The courier said so within the last hour."""
    card: CourierCard | None
    silent: bool


class _Kept(NamedTuple):
    said: CourierCard | CardCode | None
    """None: the post was silent."""
    until: datetime


class Comers:
    """Asks the post who comes, for pages of one's own case only."""

    def __init__(self, *, house: House) -> None:
        self._house = house
        self._kept: OrderedDict[tuple[str, str], _Kept] = OrderedDict()

    async def who(self, *, city: int, case: Case) -> Comer | None:
        """Who is on the way with a case's item; none when nobody is, or the post says: no longer."""
        step = case.tracking
        if not step.courier or step.courier_at is None:
            return None
        said = await self._said(peer=step.peer, city=city, order=step.order, courier=step.courier)
        if said is CardCode.UNKNOWN:
            return None
        card = said if isinstance(said, CourierCard) else None
        near = step.near_at is not None and self._house.clock.now() - step.near_at <= NEAR_LASTS
        return Comer(since=step.courier_at, near=near, card=card, silent=said is None)

    async def _said(self, *, peer: str, city: int, order: str, courier: str) -> CourierCard | CardCode | None:
        now, place = self._house.clock.now(), (order, courier)
        known = self._kept.get(place)
        if known is not None and now < known.until:
            return known.said
        said: CourierCard | CardCode | None
        try:
            said = await ask_card(
                pump=self._house.pump,
                ring=self._house.ring,
                peer=peer,
                city=city,
                order=order,
                courier=courier,
            )
        except PeerSilent:
            said = None
        self._kept.pop(place, None)
        while len(self._kept) >= KEPT_MAX:
            self._kept.popitem(last=False)
        self._kept[place] = _Kept(said, now + (SILENT_FOR if said is None else KEPT_FOR))
        return said
