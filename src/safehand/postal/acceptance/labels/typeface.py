"""Where a line of the label may break."""

import re
from typing import Final

_PIECE_CHARS: Final = 8
_LONG_WORD = re.compile(r"[!-~\u00a1-\u024f]{13,}")
_ZERO_WIDTH_SPACE: Final = "\u200b"


def breakable(text: str) -> str:
    """The text with a break allowed inside Latin words that are longer than any line should be."""
    return _LONG_WORD.sub(lambda word: _ZERO_WIDTH_SPACE.join(_pieces(word.group())), text)


def _pieces(word: str) -> list[str]:
    return [word[start : start + _PIECE_CHARS] for start in range(0, len(word), _PIECE_CHARS)]
