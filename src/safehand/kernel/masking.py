"""Masks for names, phones, addresses, e-mails and numbers of persons, at least as strict as GB/T 41833-2022.

The standard for waybill privacy asks: at least one character of the name, at least six digits of the phone, and
unit and room of the address hidden. What isn't understood is hidden more, never less.
"""

import re
import unicodedata
from typing import Final

MASK: Final = "*"
TEXT_MAX: Final = 500
PHONE_DIGITS_HIDDEN_MIN: Final = 6
_HIDDEN: Final = "***"

# Where building, unit or room begin. A house number (…号, but not …号楼) belongs to the street and stays.
_INSIDE = re.compile(
    r"[0-9A-Za-z一二三四五六七八九十百甲乙丙丁东南西北\-—]{1,8}\s*(?:号楼|号院|栋|幢|座|单元|楼|层|室|房|门|户)"
    r"|(?<=[号弄])\s*[0-9A-Za-z\-—]"
    r"|\b(?:unit|room|rm|apt|apartment|flat|suite|floor|building|block|tower|bldg)\b"
    r"|#\s*[0-9]",
    re.IGNORECASE,
)
_STREET_NUMBER = re.compile(r"[0-9]+(?:[-—][0-9]+)?\s*[号弄](?!楼|院)")


def masked_name(name: str) -> str:
    """The first character of a name stays, the rest is hidden: `张*`, `欧**`, `J*** S****`."""
    words = _plain(name).split()
    if not words:
        return _HIDDEN
    return " ".join(_masked_word(word) for word in words)


def masked_phone(phone: str) -> str:
    """At least six digits hidden, the last two and at most the first three shown; all hidden when it's short.

    `19900000001` → `199******01`. A text without digits is hidden whole.
    """
    digits = [letter for letter in _plain(phone) if letter.isdigit()]
    if not digits:
        return _HIDDEN
    shown = max(0, min(5, len(digits) - PHONE_DIGITS_HIDDEN_MIN))
    tail = min(2, shown)
    head = shown - tail
    return "".join(digits[:head]) + MASK * (len(digits) - shown) + "".join(digits[len(digits) - tail :])


def masked_address(address: str) -> str:
    """Everything from building, unit or room on is hidden; without any that can be told, the second half is.

    `上海市浦东新区世纪大道100号3单元1502室` → `上海市浦东新区世纪大道100号***`.
    """
    text = _plain(address)
    if not text:
        return _HIDDEN
    inside = _INSIDE.search(text)
    number = _STREET_NUMBER.search(text)
    cut = inside.start() if inside else None
    if number is not None and (cut is None or number.end() < cut):
        # Whatever follows the house number lies inside the estate.
        cut = number.end()
    if cut is None:
        cut = len(text) // 2
    return text[:cut].rstrip(" ,，#") + _HIDDEN


def masked_email(email: str) -> str:
    """The first character and the domain stay: `a***@example.cn`. What is no address is hidden whole."""
    local, at, domain = _plain(email).rpartition("@")
    if not at or not local or not domain or "@" in local or " " in local + domain:
        return _HIDDEN
    return f"{local[0] if len(local) > 1 else ''}{_HIDDEN}@{domain}"


def masked_number(number: str) -> str:
    """An ID or document number: first and last character stay when it has eight or more, else nothing does."""
    text = "".join(_plain(number).split())
    if len(text) < 8:
        return MASK * max(3, len(text))
    return text[0] + MASK * (len(text) - 2) + text[-1]


def _plain(text: str) -> str:
    """Compatibility forms folded (full-width digits), control and invisible characters dropped, length limited."""
    folded = unicodedata.normalize("NFKC", text[:TEXT_MAX])
    return "".join(
        " " if letter.isspace() else letter for letter in folded if letter.isspace() or letter.isprintable()
    ).strip()


def _masked_word(word: str) -> str:
    if len(word) == 1:
        return MASK
    return word[0] + MASK * (len(word) - 1)
