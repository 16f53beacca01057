"""A courier's picture: decoded within limits and encoded anew, small enough for a phone's page and a sealed answer."""

import io
from typing import Final

from PIL import Image

from safehand.kernel.outcome import Refusal
from safehand.link.couriers import PICTURE_BYTES_MAX
from safehand.postal.couriers.refusals import NOT_A_PICTURE

UPLOAD_BYTES_MAX: Final = 150_000
"""What fits into a request in base64, with the rest of it."""
SIDE_PX_MIN, SIDE_PX_MAX = 96, 4_000
SHOWN_PX: Final = (240, 320)
QUALITIES: Final = (82, 70, 55, 40)
FORMATS: Final = ("JPEG", "PNG")


def taken_in(*, data: bytes) -> bytes | Refusal:
    """A clean small JPEG, or why not. Never raises for what is in `data`."""
    refused = NOT_A_PICTURE(side_min=SIDE_PX_MIN, side_max=SIDE_PX_MAX)
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as opened:
            # The header says how large it is, before a pixel is decoded.
            if min(opened.size) < SIDE_PX_MIN or max(opened.size) > SIDE_PX_MAX:
                return refused
            if opened.format == "JPEG":
                opened.draft("RGB", (SHOWN_PX[0] * 2, SHOWN_PX[1] * 2))
            picture = opened.convert("RGB")
        picture.thumbnail(SHOWN_PX, Image.Resampling.BICUBIC)
        return _encoded(picture) or refused
    except Exception:
        # Decoders meet anybody's bytes here and raise whatever they like.
        return refused


def _encoded(picture: Image.Image) -> bytes:
    """The best quality that fits; nothing but pixels goes over."""
    plain = Image.frombytes("RGB", picture.size, picture.tobytes())
    for quality in QUALITIES:
        into = io.BytesIO()
        plain.save(into, format="JPEG", quality=quality)
        if into.tell() <= PICTURE_BYTES_MAX:
            return into.getvalue()
    return b""
