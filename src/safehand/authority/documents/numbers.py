"""Numbers of persons, documents and applications: made, normalised and checked.

Receipt number, 15 digits (the length is published, the structure is ours): `CCCC NNNNNNNNNN K`
- `CCCC`: the first four digits of the city (GB/T 2260: prefecture level);
- `N…`: ten digits, the application's number in the city sent through a keyed permutation of 0…10¹⁰−1, so that one
  number tells nothing about the next or about how many there are, and two applications never share one;
- `K`: check digit (ISO 7064 MOD 11,10), which finds every single wrong digit.
The same key and number always give the same receipt; whoever holds the key gets the number back.
"""

import hashlib
import hmac
from datetime import date
from typing import Final

from safehand.authority.documents import refusals
from safehand.authority.documents.document import DocumentOn
from safehand.kernel.check_digits import are_digits, mod_11_2_character, mod_11_10_digit, weights_731_digit
from safehand.kernel.outcome import Refusal

RECEIPT_NUMBERS_PER_CITY: Final = 10**10
RECEIPT_DIGITS: Final = 15
RECEIPT_KEY_BYTES_MIN: Final = 16
_HALF: Final = 10**5
_ROUNDS: Final = 8
_LETTERS: Final = "ABCDEFGHJKLMNPQRSTUVWXYZ"
_INPUT_MAX: Final = 40


def resident_id(text: str) -> str | Refusal:
    """A resident ID number, normalised (spaces off, `x` as `X`) and checked, or the refusal that says what's wrong.

    GB 11643-1999: 17 digits + check character; the birth date inside must exist. Whether the area exists isn't
    asked: fixtures live in the unassigned 999999, and areas come and go. Full-width digits are not accepted.
    """
    number = "".join(text.split()).upper() if len(text) <= _INPUT_MAX else ""
    if len(number) != 18 or not are_digits(number[:17]) or not (are_digits(number[17]) or number[17] == "X"):
        return refusals.resident_id_malformed()
    if _date_of(number[6:14]) is None:
        return refusals.resident_id_date_impossible()
    if mod_11_2_character(number[:17]) != number[17]:
        return refusals.resident_id_check_wrong()
    return number


def birth_date_of(resident_id_number: str) -> date:
    """The birth date inside a checked ID number. Raises `ValueError` for one that isn't checked."""
    found = _date_of(resident_id_number[6:14])
    if found is None:
        raise ValueError("not a checked ID number")
    return found


def make_resident_id(*, area: str, birth_date: date, order: int) -> str:
    """An ID number from area (6 digits), birth date and order (0…999; odd is male). Raises `ValueError`."""
    if len(area) != 6 or not are_digits(area) or not 0 <= order <= 999:
        raise ValueError("area has six digits, order lies between 0 and 999")
    body = f"{area}{birth_date:%Y%m%d}{order:03d}"
    return body + mod_11_2_character(body)


def document_number(text: str, *, document: DocumentOn) -> str | Refusal:
    """A document's number, normalised (spaces off, capitals) and matched with the shapes in circulation."""
    number = "".join(text.split()).upper() if len(text) <= _INPUT_MAX else ""
    if not document.accepts_number(number):
        return refusals.document_number_malformed(kind_en=document.name_en, kind_zh=document.name_zh)
    return number


def number_of_blank(*, template: str, serial: int) -> str:
    """The serial-th number of a template: `@` counts through the letters but I and O, `#` through the digits.

    Raises `ValueError` below 0 and beyond the template's last number.
    """
    if serial < 0:
        raise ValueError("a serial is not negative")
    letters: list[str] = []
    rest = serial
    for place in reversed(template):
        alphabet = {"#": "0123456789", "@": _LETTERS}.get(place)
        if alphabet is None:
            letters.append(place)
        else:
            rest, digit = divmod(rest, len(alphabet))
            letters.append(alphabet[digit])
    if rest:
        raise ValueError(f"{template} has no number {serial}")
    return "".join(reversed(letters))


def mrz_check_digit(field: str) -> int:
    """The check digit of a field in the machine-readable zone (ICAO 9303). Raises `ValueError` for other characters."""
    return weights_731_digit(field)


def make_receipt_number(*, city: str, number: int, key: bytes) -> str:
    """The receipt number of an application; see the module's text for its structure.

    `number` is any number of 64 bits that tells applications of the city apart; those which agree modulo 10¹⁰
    share a receipt, so give a serial, or claim the result where the number is drawn at random. Raises `ValueError`.
    """
    if len(city) != 6 or not are_digits(city) or not 0 <= number < 2**64:
        raise ValueError("city has six digits, number 64 bits")
    hidden = _permuted(number % RECEIPT_NUMBERS_PER_CITY, key=_checked(key), city=city)
    body = f"{city[:4]}{hidden:010d}"
    return body + mod_11_10_digit(body)


def receipt_number(text: str) -> str | Refusal:
    """A receipt number, spaces and hyphens off, its length and check digit proven; or the refusal."""
    number = text.replace(" ", "").replace("-", "") if len(text) <= _INPUT_MAX else ""
    if len(number) != RECEIPT_DIGITS or not are_digits(number) or mod_11_10_digit(number[:-1]) != number[-1]:
        return refusals.receipt_number_wrong()
    return number


def number_in_receipt(*, receipt: str, city: str, key: bytes) -> int:
    """The application's number modulo 10¹⁰ behind a checked receipt: the permutation backwards."""
    if not isinstance(receipt_number(receipt), str) or receipt[:4] != city[:4]:
        raise ValueError("not a checked receipt number of this city")
    return _restored(int(receipt[4:14]), key=_checked(key), city=city)


def _checked(key: bytes) -> bytes:
    if len(key) < RECEIPT_KEY_BYTES_MIN:
        raise ValueError(f"the receipt key has at least {RECEIPT_KEY_BYTES_MIN} bytes")
    return key


def _round(key: bytes, city: str, step: int, half: int) -> int:
    digest = hmac.digest(key, f"receipt|{city[:4]}|{step}|{half}".encode(), hashlib.sha256)
    return int.from_bytes(digest[:8], "big") % _HALF


def _permuted(value: int, *, key: bytes, city: str) -> int:
    # A balanced Feistel network on two halves of five digits: a bijection whatever the round function gives.
    left, right = divmod(value, _HALF)
    for step in range(_ROUNDS):
        left, right = right, (left + _round(key, city, step, right)) % _HALF
    return left * _HALF + right


def _restored(value: int, *, key: bytes, city: str) -> int:
    left, right = divmod(value, _HALF)
    for step in reversed(range(_ROUNDS)):
        left, right = (right - _round(key, city, step, left)) % _HALF, left
    return left * _HALF + right


def _date_of(digits: str) -> date | None:
    try:
        return date(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))
    except ValueError:
        return None
