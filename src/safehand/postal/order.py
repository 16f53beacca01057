"""One order as the post keeps it: the authority's terms, and what the network made of them. No personal data."""

from datetime import datetime

import msgspec

from safehand.link.messages import PostageMode


class Order(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The terms of one item. Rules of the day of the order hold for its whole life."""

    order: str
    """The authority's reference; also the name of the item's stream and of its unit of custody."""
    peer: str
    """The house that ordered, as the link knows it: a post can serve several authorities."""
    authority: str
    office: str
    """The issuing office, which hands over and takes returns."""
    destination: int
    documents: int
    postage_mode: PostageMode
    postage_fen: int
    attempts_max: int
    held_days_max: int
    placed_at: datetime
    delivery_office: str = ""
    """Empty: the destination isn't served."""
    routing: str = ""
    promise_days: int = 0
    """Days to the door, from acceptance on (policy: in-city next day, in-province 2 days, elsewhere 3)."""
    return_days: int = 0
    """Days until a return must be back at the issuing office (policy: 2)."""
