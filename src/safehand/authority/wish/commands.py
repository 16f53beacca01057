"""What a recipient can wish, and who may."""

from datetime import date
from typing import Annotated, Final, Literal

from msgspec import Meta

from safehand.kernel.machine import Command
from safehand.link.messages import WISHES_MAX

WishedWay = Literal["another_day", "post_office"]


class AskWish(Command, frozen=True, kw_only=True, tag="wish.ask"):
    """Have it brought on another day, or fetch it. `number` counts the wishes of an order: an old page wishes nothing."""

    number: Annotated[int, Meta(ge=1, le=WISHES_MAX + 1)]
    wish: WishedWay
    day: date | None = None


WishCommand = AskWish

ROLES: Final[dict[type[Command], frozenset[str]]] = {AskWish: frozenset({"applicant"})}
