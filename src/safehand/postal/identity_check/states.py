"""When the authority was asked about the person who is to receive an item."""

from datetime import datetime

import msgspec


class Asked(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The latest questions of one item; older ones than the window are dropped."""

    at: tuple[datetime, ...] = ()
