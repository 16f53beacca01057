"""Pictures as people upload them, drawn here: a signature on plain or ruled paper, an ID card on a table, a portrait."""

import io
import random
from typing import Final

from PIL import Image, ImageDraw

from tests.authority.picture_corpus import Made, encoded, portrait

PAPER: Final = (250, 250, 248)
INK: Final = (18, 18, 24)
CARD_MM: Final = (85.6, 54.0)
"""ISO/IEC 7810, ID-1."""


def photo() -> bytes:
    """A portrait within all limits."""
    return encoded(portrait(Made()))


def big_photo() -> bytes:
    """The same face as a camera takes it: it fits once it is cropped."""
    return encoded(portrait(Made(width_px=1800, height_px=2400, face_share=0.35)))


def signature(*, ruled: bool = False) -> bytes:
    """Strokes of a pen, seeded; `ruled` paper has grey-blue lines."""
    paper = Image.new("RGB", (1200, 600), PAPER)
    draw = ImageDraw.Draw(paper)
    if ruled:
        for height in range(40, 600, 60):
            draw.line([(0, height), (1200, height)], fill=(120, 150, 205), width=3)
    chance = random.Random(7)
    for stroke in range(9):
        left = 170 + stroke * 92
        points = [(left + chance.randint(0, 110), chance.randint(150, 450)) for _ in range(4)]
        draw.line(points, fill=INK, width=9, joint="curve")
    return _jpeg(paper)


def id_card(*, seed: int = 1) -> bytes:
    """A light card with lines of text on a dark table, square to the camera."""
    table = Image.new("RGB", (1600, 1100), (92, 74, 60))
    draw = ImageDraw.Draw(table)
    width = 1300
    height = round(width * CARD_MM[1] / CARD_MM[0])
    left, top = (1600 - width) // 2, (1100 - height) // 2
    draw.rounded_rectangle([left, top, left + width, top + height], radius=48, fill=(225, 232, 236))
    chance = random.Random(seed)
    for line in range(9):
        for letter in range(22):
            x, y = left + 60 + letter * 38, top + 70 + line * 76
            if chance.random() < 0.8:
                draw.rectangle([x, y, x + chance.randint(8, 26), y + 34], fill=(40, 44, 52))
    draw.rectangle([left + 930, top + 120, left + 1240, top + 560], fill=(150, 160, 170))
    return _jpeg(table)


def _jpeg(picture: Image.Image) -> bytes:
    into = io.BytesIO()
    picture.save(into, "JPEG", quality=92)
    return into.getvalue()
