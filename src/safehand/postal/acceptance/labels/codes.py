"""Code 128 and QR as vector paths of whole modules, and the text that an item's QR carries."""

import re
from base64 import b32decode, b32encode
from typing import Any, Final, cast

import zxingcpp

from safehand.kernel.outcome import Refusal
from safehand.postal.acceptance.labels.label import TOKEN_MAC_BYTES, TOKEN_NONCE_BYTES, ItemToken
from safehand.postal.acceptance.labels.refusals import ITEM_CODE_UNREADABLE

ITEM_CODE_PREFIX: Final = "SH1:"
"""Version of the QR's content; only characters of QR's alphanumeric mode, which needs 5.5 bits a character."""

CODE128_CHARS_MAX: Final = 32
QR_CHARS_MAX: Final = 64
QR_QUIET_MODULES: Final = 4
"""ISO/IEC 18004: four modules of blank on all sides."""
CODE128_QUIET_MODULES: Final = 10
"""ISO/IEC 15417: ten modules of blank on both sides."""

_ITEM_CODE = re.compile(re.escape(ITEM_CODE_PREFIX) + r"[A-Z2-7]{52}")
_CODE128_TEXT = re.compile(rf"[ -~]{{1,{CODE128_CHARS_MAX}}}")


def item_code_text(token: ItemToken) -> str:
    """The QR's text: version, then nonce and MAC in base32 without padding (56 characters)."""
    return ITEM_CODE_PREFIX + b32encode(token.nonce + token.mac).decode("ascii").rstrip("=")


def read_item_code(text: str) -> ItemToken | Refusal:
    """The token in a scanned QR, in its one canonical spelling; whether its MAC is right is the caller's question."""
    if not _ITEM_CODE.fullmatch(text):
        return ITEM_CODE_UNREADABLE()
    raw = b32decode(text.removeprefix(ITEM_CODE_PREFIX) + "====")
    token = ItemToken(nonce=raw[:TOKEN_NONCE_BYTES], mac=raw[TOKEN_NONCE_BYTES:][:TOKEN_MAC_BYTES])
    # 52 characters carry 4 bits more than 32 bytes: without this check one token would have 16 spellings.
    return token if item_code_text(token) == text else ITEM_CODE_UNREADABLE()


def code128_modules(text: str) -> tuple[bool, ...]:
    """The dark (`True`) and light modules of a Code 128 symbol, without quiet zones (ISO/IEC 15417).

    Raises `ValueError` for text that is not 1–32 printable ASCII characters.
    """
    if not _CODE128_TEXT.fullmatch(text):
        raise ValueError("Code 128 takes 1 to 32 printable ASCII characters")
    # The picture of a linear symbol repeats its one row.
    return _matrix(text, zxingcpp.BarcodeFormat.Code128)[0]


def qr_modules(text: str) -> tuple[tuple[bool, ...], ...]:
    """The rows of a QR symbol with error correction Q, without quiet zones (ISO/IEC 18004).

    Q restores a quarter of the symbol: envelopes are handled, stacked and rained on. Raises `ValueError` for text
    that is not 1–64 ASCII characters.
    """
    if not text.isascii() or not 1 <= len(text) <= QR_CHARS_MAX:
        raise ValueError("an item code takes 1 to 64 ASCII characters")
    return _matrix(text, zxingcpp.BarcodeFormat.QRCode, ec_level="Q")


def code128_svg(text: str, *, height_modules: int) -> str:
    """A Code 128 symbol as SVG, one unit a module, `height_modules` high, without quiet zones."""
    return _svg((code128_modules(text),), row_height=height_modules)


def qr_svg(text: str) -> str:
    """A QR symbol as SVG, one unit a module, without quiet zones."""
    return _svg(qr_modules(text), row_height=1)


def _matrix(text: str, symbology: zxingcpp.BarcodeFormat, **options: str) -> tuple[tuple[bool, ...], ...]:
    barcode = zxingcpp.create_barcode(text, symbology, **options)
    # The picture offers the buffer protocol without saying so in its types: two dimensions of grey levels.
    picture = cast(Any, barcode.to_image(scale=1, add_quiet_zones=False))
    pixels = cast(list[list[int]], memoryview(picture).tolist())
    return tuple(tuple(level == 0 for level in row) for row in pixels)


def _svg(rows: tuple[tuple[bool, ...], ...], *, row_height: int) -> str:
    """All dark runs as one path, so that no hairline shows between two neighbours."""
    path = "".join(
        f"M{start} {top * row_height}h{length}v{row_height}h-{length}z"
        for top, row in enumerate(rows)
        for start, length in _dark_runs(row)
    )
    width, height = len(rows[0]), len(rows) * row_height
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}"><path d="{path}"/></svg>'


def _dark_runs(row: tuple[bool, ...]) -> list[tuple[int, int]]:
    runs: list[tuple[int, int]] = []
    for place, dark in enumerate(row):
        if dark and runs and sum(runs[-1]) == place:
            runs[-1] = (runs[-1][0], runs[-1][1] + 1)
        elif dark:
            runs.append((place, 1))
    return runs
