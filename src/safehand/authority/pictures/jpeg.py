"""JPEG as we write it, and how well somebody else wrote theirs."""

import io
from typing import Final

from PIL import Image

DOTS_PER_INCH: Final = 350
"""354 × 472 pixels on the 26 × 35 mm at which they are printed; guide A wants 300 to 600."""
QUALITIES: Final = (95, 93, 91, 89, 87, 85)
"""Guide A: 85 or more; the best that keeps within the bytes is taken."""
QUALITIES_FOR_SMALL: Final = (97, 99, 100)

# ITU-T T.81, annex K.1: the example luminance table, in natural order, which nearly every encoder scales.
_EXAMPLE: Final = (
    16, 11, 10, 16, 24, 40, 51, 61, 12, 12, 14, 19, 26, 58, 60, 55,
    14, 13, 16, 24, 40, 57, 69, 56, 14, 17, 22, 29, 51, 87, 80, 62,
    18, 22, 37, 56, 68, 109, 103, 77, 24, 35, 55, 64, 81, 104, 113, 92,
    49, 64, 78, 87, 103, 121, 120, 101, 72, 92, 95, 98, 112, 100, 103, 99,
)  # fmt: skip


def _scaled(quality: int) -> tuple[int, ...]:
    """The example table at a quality of 1 to 100, as the Independent JPEG Group's encoder scales it."""
    scale = 5000 // quality if quality < 50 else 200 - 2 * quality
    return tuple(min(255, max(1, (value * scale + 50) // 100)) for value in _EXAMPLE)


_TABLES: Final = tuple((quality, sum(_scaled(quality))) for quality in range(1, 101))


def quality_of(picture: Image.Image) -> int | None:
    """The quality of 1 to 100 whose luminance table is as coarse, in sum, as that of an opened JPEG; None without one.

    Exact for tables that are scaled from the standard's example; for a camera's own tables what they amount to.
    """
    tables: dict[int, list[int]] = getattr(picture, "quantization", None) or {}
    luminance = tables.get(0)
    if luminance is None or len(luminance) != 64:
        return None
    coarseness = sum(luminance)
    return min(_TABLES, key=lambda one: (abs(one[1] - coarseness), -one[0]))[0]


def encoded(*, picture: Image.Image, quality: int) -> bytes:
    """Pixels as JPEG: 24 bit, every pixel its own colour, no metadata but the dots per inch."""
    into = io.BytesIO()
    picture.save(into, "JPEG", quality=quality, subsampling=0, dpi=(DOTS_PER_INCH, DOTS_PER_INCH))
    return into.getvalue()


def encoded_within(*, picture: Image.Image, bytes_between: tuple[int, int]) -> bytes:
    """As JPEG of the best quality that keeps within the bytes; where none does, of the one that comes nearest."""
    low, high = bytes_between
    made = b""
    for quality in QUALITIES:
        made = encoded(picture=picture, quality=quality)
        if len(made) <= high:
            break
    if len(made) >= low:
        return made
    for quality in QUALITIES_FOR_SMALL:
        made = encoded(picture=picture, quality=quality)
        if len(made) >= low:
            break
    return made
