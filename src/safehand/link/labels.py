"""A label asked for over the link: the post knows the person and makes it, the authority puts it on the envelope.

Not a message: asking again changes nothing, so it has no number. An order of another house, of another city and one that
does not exist answer alike.
"""

from enum import IntEnum
from typing import Literal, Protocol

import msgspec

from safehand.link.pump import PeerSilent, Pump

LABELS_PATH = "/link/v1/labels"
LabelProfile = Literal["masked", "opaque"]
LabelSize = Literal["100x180", "76x130"]


class LabelCode(IntEnum):
    """What became of the question."""

    PRINTED = 0
    UNKNOWN = 1
    NO_NUMBER_YET = 2
    PERSON_ERASED = 3
    NOT_PRINTABLE = 4
    BUSY = 5


class LabelAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The label as a PDF of one page, or why there is none."""

    code: LabelCode
    pdf: bytes = b""


class LabelMaker(Protocol):
    """What the house behind the door does with the question."""

    async def label(
        self, *, peer: str, city: int, order: str, profile: LabelProfile, size: LabelSize
    ) -> LabelAnswer:
        """The label of one of the peer's own orders."""
        ...


async def ask_label(
    *, pump: Pump, peer: str, city: int, order: str, profile: LabelProfile, size: LabelSize
) -> LabelAnswer:
    """Ask the peer for a label of one of our orders. Raises `PeerSilent`."""
    query = f"?city={city}&order={order}&profile={profile}&size={size}"
    content = await pump.ask(peer=peer, method="GET", path=LABELS_PATH + query)
    try:
        return msgspec.json.decode(content, type=LabelAnswer)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as broken:
        raise PeerSilent(f"the label of {peer} can't be read: {broken}") from broken
