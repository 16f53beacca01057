"""The start of an application, kept from `/can-i` to the application's first page: city, document, ground, and no person.

It travels in a cookie that the house has signed and that ends by itself; whoever has none just chooses again.
"""

import hashlib
import hmac
import re
from datetime import datetime, timedelta
from typing import Final, NamedTuple

import msgspec
from litestar.datastructures import Cookie

from safehand.authority.documents.document import Ground
from safehand.authority.portal.frame import Frame, Web
from safehand.kernel.ids import readable

COOKIE: Final = "start"
KEPT_FOR: Final = timedelta(hours=2)
VALUE_LETTERS_MAX: Final = 200
_SHAPE: Final = re.compile(
    r"(?P<said>(?P<city>[1-9][0-9]{5})\.(?P<document>[a-z][a-z0-9-]{1,38})\."
    r"(?P<ground>expiring|pages_used|damaged|lost|stolen)\.(?P<until>[0-9]{1,12}))\.(?P<mark>[A-Za-z0-9]{20,80})",
    re.ASCII,
)


class Start(NamedTuple):
    """What is already chosen."""

    city: int
    document: str
    ground: Ground


def start_cookie(*, frame: Frame, start: Start | None, secret: bytes, now: datetime) -> Cookie:
    """The cookie that keeps a start for two hours; with none it takes an earlier one away. `secret` is the house's for forms."""
    if start is None:
        return frame.cookie(COOKIE, "", seconds=0)
    until = int((now + KEPT_FOR).timestamp())
    said = f"{start.city}.{start.document}.{start.ground}.{until}"
    return frame.cookie(COOKIE, f"{said}.{_mark(secret, said)}", seconds=int(KEPT_FOR.total_seconds()))


def start_of(*, request: Web, secret: bytes, now: datetime) -> Start | None:
    """What this browser has chosen on `/can-i`; none if nothing, if it is too old, or if we did not write it.

    Cities and documents may have changed since: the application judges them anew.
    """
    value = request.cookies.get(COOKIE, "")
    found = _SHAPE.fullmatch(value) if len(value) <= VALUE_LETTERS_MAX else None
    if found is None or not hmac.compare_digest(found["mark"], _mark(secret, found["said"])):
        return None
    if int(found["until"]) <= now.timestamp():
        return None
    # The shape names every ground with which one may apply.
    return Start(int(found["city"]), found["document"], msgspec.convert(found["ground"], Ground))


def _mark(secret: bytes, said: str) -> str:
    return readable(hmac.digest(secret, f"start\x1f{said}".encode(), hashlib.sha256))
