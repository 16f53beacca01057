"""Cards for the made-up couriers of the living world: names of the cast, and drawn faces of nobody."""

import base64
import hashlib
import io
from typing import Any, Final

from PIL import Image, ImageDraw

from safehand.programme.setting_up import login_in, staff_reference

WIDTH, HEIGHT = 240, 320
SKINS: Final = ((240, 208, 178), (224, 184, 150), (205, 160, 125), (247, 220, 196))
HAIRS: Final = ((28, 24, 22), (52, 38, 30), (78, 60, 48), (40, 40, 44))
COATS: Final = ((0, 104, 71), (22, 78, 120), (120, 84, 20), (90, 40, 96))
GROUND: Final = (226, 236, 233)


def drawn_face(*, of: str) -> bytes:
    """A face as a child draws it, always the same for one name: a PNG."""
    digest = hashlib.sha256(of.encode()).digest()
    skin, hair, coat = SKINS[digest[0] % 4], HAIRS[digest[1] % 4], COATS[digest[2] % 4]
    wide = 58 + digest[3] % 14
    picture = Image.new("RGB", (WIDTH, HEIGHT), GROUND)
    draw = ImageDraw.Draw(picture)
    draw.ellipse((20, 232, 220, 400), fill=coat)
    draw.rectangle((102, 200, 138, 250), fill=skin)
    draw.ellipse((120 - wide, 78, 120 + wide, 226), fill=skin)
    draw.pieslice((116 - wide, 62, 124 + wide, 206), 180, 360, fill=hair)
    draw.rectangle((108 - wide, 96, 132 + wide, 112), fill=coat)
    for eye in (96, 144):
        draw.ellipse((eye - 6, 140, eye + 6, 152), fill=(30, 30, 30))
    draw.arc((96, 164, 144, 200), 20, 160, fill=(150, 70, 60), width=4)
    into = io.BytesIO()
    picture.save(into, format="PNG")
    return into.getvalue()


def card_of(*, city: str, home: str, name: str) -> dict[str, Any]:
    """What the postal manager sets for the courier of a city."""
    login = login_in(login="courier", city=city, home=home)
    reference = staff_reference(login)
    number = int.from_bytes(hashlib.sha256(login.encode()).digest()[:4], "big") % 10**6
    return {
        "courier": reference,
        "name": name,
        "number": f"{city[:2]}-{number:06d}",
        "picture": base64.b64encode(drawn_face(of=login)).decode(),
    }
