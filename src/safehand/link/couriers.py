"""Who brings an item, asked for over the link: name, number and picture of a courier, for as long as that courier has it.

Not a message: nothing of a courier is kept by whoever asks. The card is sealed for the asker beside the signature. An item
of another house, another courier's, and one that is not out for delivery (any more) answer alike.
"""

from enum import IntEnum
from typing import Annotated, Final, Protocol

import msgspec
from msgspec import Meta

from safehand.kernel.entropy import random_bytes
from safehand.link.keys import KeyRing
from safehand.link.pump import PeerSilent, Pump
from safehand.link.sealing import Opener, Sealer, Unopenable

COURIERS_PATH: Final = "/link/v1/couriers"
PICTURE_BYTES_MAX: Final = 24_000
CARD_BYTES_MAX: Final = 48_000
"""A card with its picture in base64, and what sealing adds."""
_KEY_BYTES: Final = 32


class CardCode(IntEnum):
    """What became of the question."""

    SHOWN = 0
    UNKNOWN = 1
    """No such item with this courier."""
    NO_CARD = 2


class CourierCard(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a recipient compares at the door."""

    name: Annotated[str, Meta(min_length=1, max_length=60)]
    number: Annotated[str, Meta(min_length=2, max_length=16, pattern=r"^[0-9A-Z-]+$")]
    picture: Annotated[bytes, Meta(max_length=PICTURE_BYTES_MAX)] = b""
    """A small JPEG; empty: there is none."""


class CardAnswer(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The card, sealed for the asker as a personal part is, or why there is none."""

    code: CardCode
    part: bytes = b""


class CardKeeper(Protocol):
    """What the house behind the door does with the question."""

    async def card(self, *, peer: str, city: int, order: str, courier: str) -> CourierCard | CardCode:
        """The card of the courier who has one of the peer's own orders, or why there is none to show."""
        ...


def sealed_answer(*, ring: KeyRing, peer: str, city: int, order: str, card: CourierCard) -> CardAnswer:
    """The answer that only this peer opens, bound to the order that was asked about."""
    sealer = Sealer(ring=ring, peer=peer)
    plain = msgspec.json.encode(card)
    part = sealer.seal(key=random_bytes(_KEY_BYTES), city=city, subject=order, plain=plain)
    return CardAnswer(code=CardCode.SHOWN, part=part)


async def ask_card(
    *, pump: Pump, ring: KeyRing, peer: str, city: int, order: str, courier: str
) -> CourierCard | CardCode:
    """Ask the peer who brings one of our orders. Raises `PeerSilent`."""
    path = f"{COURIERS_PATH}?city={city}&order={order}&courier={courier}"
    content = await pump.ask(peer=peer, method="GET", path=path)
    try:
        answer = msgspec.json.decode(content, type=CardAnswer)
        if answer.code is not CardCode.SHOWN:
            return answer.code
        plain = Opener(ring=ring).open(
            answer.part, peer=peer, city=city, subject=order, bytes_max=CARD_BYTES_MAX
        )
        return msgspec.json.decode(plain, type=CourierCard)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, Unopenable) as broken:
        raise PeerSilent(f"the courier's card of {peer} can't be read: {type(broken).__name__}") from broken
