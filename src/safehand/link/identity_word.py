"""The identity word: what a post-office counter says of the identity document that it saw, without saying the number.

The terminal at the counter reads the document, makes the word and forgets the number; the word travels as the `code` of a
claim (207) with the method COUNTER_IDENTITY, and the authority compares it with the word of the person who applied. It is
bound to one order and so short that some hundred thousand numbers share it: who holds the word knows no number.
"""

import hmac
from base64 import b32encode
from hashlib import sha256
from typing import Final

WORD_CHARACTERS: Final = 4
"""20 bits. Five guesses, all that the authority takes, are right once in 200,000 times; and of the numbers that there can
be (areas × birth dates × sequences, about 10^11), some 10^5 have the same word."""


def identity_word(*, order: str, id_number: str) -> str:
    """The word of one identity document for one order: base32 (A–Z, 2–7)."""
    said = f"safehand identity word 1\x1f{order}\x1f{id_number.strip().upper()}".encode()
    return b32encode(sha256(said).digest())[:WORD_CHARACTERS].decode()


def word_fits(*, order: str, id_number: str, given: str) -> bool:
    """Whether the word is that of this person, compared in constant time; an unknown person has none."""
    right = identity_word(order=order, id_number=id_number)
    return bool(id_number) and given.isascii() and hmac.compare_digest(right, given)
