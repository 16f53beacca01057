"""What stands on a label: the facts of both profiles, with personal data only in its masked form."""

import re
from typing import Final, Literal

import msgspec

from safehand.kernel.masking import MASK, PHONE_DIGITS_HIDDEN_MIN, masked_address, masked_name, masked_phone

LabelSize = Literal["100x180", "76x130"]
Profile = Literal["masked", "opaque"]
Payment = Literal["prepaid", "collect_on_delivery"]

LABELS_MAX: Final = 500
ITEM_COUNT_MAX: Final = 99
POSTAGE_FEN_MAX: Final = 10_000_00
TOKEN_NONCE_BYTES: Final = 16
TOKEN_MAC_BYTES: Final = 16
OFFICE_NAME_CHARS_MAX: Final = 40
NAME_CHARS_MAX: Final = 60
PHONE_CHARS_MAX: Final = 24
ADDRESS_CHARS_MAX: Final = 150
RETURN_ADDRESS_CHARS_MAX: Final = 80
ROUTING_CODE_CHARS_MAX: Final = 14

# GB/T 41833-2022 (express waybills): at least one character of the name, six digits of the phone, and the unit
# and the room of the address are hidden.
NAME_HIDDEN_CHARS_MIN: Final = 1
_PHONE_SHOWN_DIGITS_MAX: Final = 5
_S10 = re.compile(r"[A-Z]{2}[0-9]{9}[A-Z]{2}")
_THIRTEEN_DIGITS = re.compile(r"[0-9]{13}")
_S10_WEIGHTS: Final = (8, 6, 4, 2, 3, 5, 9, 7)
# No house number is that long; a phone or an identity number that somebody typed into an address is.
_LONG_NUMBER = re.compile(r"[0-9]{7,}")
_UNIT_OR_ROOM = re.compile(
    r"[0-9A-Za-z一二三四五六七八九十]\s*(?:单元|室|房)"
    r"|\b(?:unit|room|rm|flat|apt|apartment|suite)\b"
    r"|#\s*[0-9]",
    re.IGNORECASE,
)


class ItemToken(msgspec.Struct, frozen=True, kw_only=True):
    """The random number of an item and its MAC, the only thing that the label's QR carries.

    Both are 16 raw bytes, so that no readable text can be passed off as a token; other lengths raise `ValueError`.
    The MAC lets a scanner's server refuse an invented number at once.
    """

    nonce: bytes
    mac: bytes

    def __post_init__(self) -> None:
        if len(self.nonce) != TOKEN_NONCE_BYTES or len(self.mac) != TOKEN_MAC_BYTES:
            raise ValueError(f"a token is {TOKEN_NONCE_BYTES} bytes and a MAC of {TOKEN_MAC_BYTES} bytes")


class MaskedRecipient(msgspec.Struct, frozen=True, kw_only=True):
    """A recipient as the masked label may show them; make it with `of`.

    Unmasked values cannot be put into this type, however it is made: `ValueError`, without repeating the value, when
    a field hides less than GB/T 41833-2022 asks for.
    """

    name: str
    phone: str
    address: str

    @classmethod
    def of(cls, *, name: str, phone: str, address: str) -> "MaskedRecipient":
        """The masked form of a recipient's full name, phone and address."""
        return cls(
            name=masked_name(_LONG_NUMBER.sub(MASK, name)),
            phone=masked_phone(phone),
            address=_LONG_NUMBER.sub(MASK * 3, masked_address(address)),
        )

    def __post_init__(self) -> None:
        if self.name.count(MASK) < NAME_HIDDEN_CHARS_MIN:
            raise ValueError("the name is not masked: hide at least one character")
        shown = sum(letter.isdigit() for letter in self.phone)
        hidden = self.phone.count(MASK)
        if not hidden or shown > _PHONE_SHOWN_DIGITS_MAX or (shown and hidden < PHONE_DIGITS_HIDDEN_MIN):
            raise ValueError("the phone is not masked: hide at least six digits")
        if not self.address.endswith(MASK) or _UNIT_OR_ROOM.search(self.address):
            raise ValueError("the address is not masked: hide the unit and the room")
        if _LONG_NUMBER.search(self.name) or _LONG_NUMBER.search(self.address):
            raise ValueError("a name or an address with a number of seven digits may hide a phone")


class SendingOffice(msgspec.Struct, frozen=True, kw_only=True):
    """The issuing office under its public name, and the address to which undeliverable items go back."""

    public_name: str
    return_address: str


class OpaqueFacts(msgspec.Struct, frozen=True, kw_only=True):
    """All that an opaque label shows: nothing in it tells who receives what.

    `waybill_number` is S10 or 13 digits; `routing_code` sorts by eye, like `31-0000-07`; `round_code` names the
    delivery round, like `2`.
    """

    waybill_number: str
    routing_code: str
    round_code: str
    token: ItemToken


class LabelFacts(OpaqueFacts, frozen=True, kw_only=True):
    """All that a masked label shows; `postage_fen` is collected at the door when `payment` says so."""

    order_reference: str
    item_count: int
    postage_fen: int
    payment: Payment
    sender: SendingOffice
    recipient: MaskedRecipient


def waybill_number_is_valid(waybill_number: str) -> bool:
    """Whether it is an S10 identifier with a right check digit (UPU S10), or 13 digits (domestic, no public check)."""
    if _THIRTEEN_DIGITS.fullmatch(waybill_number):
        return True
    if not _S10.fullmatch(waybill_number):
        return False
    serial, check = waybill_number[2:10], int(waybill_number[10])
    total = sum(int(digit) * weight for digit, weight in zip(serial, _S10_WEIGHTS, strict=True))
    # UPU S10: 11 minus the remainder; 10 becomes 0 and 11 becomes 5.
    return check == {10: 0, 11: 5}.get(11 - total % 11, 11 - total % 11)
