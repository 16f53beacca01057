"""Uploads as somebody makes them who means harm, or whose phone is broken: bombs, polyglots, stowaways, seeded damage."""

import binascii
import gzip
import hashlib
import io
import random
import resource
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator
from typing import Any, Final

import numpy as np
from PIL import Image, PngImagePlugin

from safehand.authority.pictures.uploads import CLEANED_SIDE_PX_MAX, KINDS, Taken, taken_in
from safehand.kernel.outcome import Refusal, kind_of

STOWAWAY: Final = b"stowaway-7f3a-must-not-travel"
"""Stands in every place of a file where something can be hidden; it may never be in a clean picture."""
GPS: Final = 0x8825


def still(*, width: int = 240, height: int = 320) -> Image.Image:
    """A small picture with edges and colours."""
    y, x = np.mgrid[:height, :width]
    layers = [(x * 3 + y) % 256, (x + y * 2) % 256, ((x // 20 + y // 20) % 2) * 200]
    return Image.fromarray(np.stack(layers, axis=-1).astype(np.uint8))


def saved(picture: Image.Image, file_format: str, **options: Any) -> bytes:
    """The picture as a file."""
    into = io.BytesIO()
    picture.save(into, file_format, **options)
    return into.getvalue()


def _chunk(name: bytes, content: bytes) -> bytes:
    return (
        struct.pack(">I", len(content)) + name + content + struct.pack(">I", binascii.crc32(name + content))
    )


def _png(
    *, width: int, height: int, depth: int = 8, colour: int = 2, content: bytes, more: bytes = b""
) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", header)
        + more
        + _chunk(b"IDAT", content)
        + _chunk(b"IEND", b"")
    )


def _with_size(jpeg: bytes, *, width: int, height: int) -> bytes:
    """A JPEG whose frame header says another size."""
    place = next(at for at in range(len(jpeg)) if jpeg[at : at + 2] in (b"\xff\xc0", b"\xff\xc2"))
    return jpeg[: place + 5] + struct.pack(">HH", height, width) + jpeg[place + 9 :]


def _webp(*, width: int, height: int, chunks: bytes) -> bytes:
    """An extended WebP whose canvas says a size."""
    canvas = struct.pack("<I", 0) + (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBP" + b"VP8X" + struct.pack("<I", len(canvas)) + canvas + chunks
    return b"RIFF" + struct.pack("<I", len(body)) + body


def bombs() -> Iterator[tuple[str, bytes]]:
    """Files that say they are huge, or become so."""
    small = saved(still(), "JPEG")
    zeros = zlib.compress(b"\0" * 10_000_000, 9)
    yield "PNG of 50,000 × 50,000", _png(width=50_000, height=50_000, content=zeros)
    yield "PNG of 4 billion wide", _png(width=2**31 - 1, height=2**31 - 1, content=zeros)
    yield "PNG of 16 bits, 49 million", _png(width=7_000, height=7_000, depth=16, colour=6, content=zeros)
    yield "PNG of one bit, 24 million", _png(width=4_900, height=4_900, depth=1, colour=0, content=zeros)
    text = STOWAWAY + zlib.compress(b"\0" * 60_000_000, 9)
    yield (
        "PNG with 60 MB of text",
        _png(width=300, height=300, content=zeros, more=_chunk(b"zTXt", b"a\0\0" + text)),
    )
    profile = b"p\0\0" + zlib.compress(b"\0" * 60_000_000, 9)
    yield (
        "PNG with 60 MB of profile",
        _png(width=300, height=300, content=zeros, more=_chunk(b"iCCP", profile)),
    )
    yield "WebP of 50,000 × 50,000", _webp(width=50_000, height=50_000, chunks=saved(still(), "WEBP")[12:])
    yield "JPEG of 65,500 × 65,500", _with_size(small, width=65_500, height=65_500)
    yield "JPEG of 49 million", _with_size(small, width=7_000, height=7_000)
    slow = saved(still(), "JPEG", progressive=True)
    yield "progressive JPEG of 49 million", _with_size(slow, width=7_000, height=7_000)
    yield "progressive JPEG of 24 million", _with_size(slow, width=4_900, height=4_900)
    yield "gzip", gzip.compress(b"\0" * 20_000_000)
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("photo.jpg", b"\0" * 50_000_000)
    yield "zip", into.getvalue()
    laughs = b'<?xml version="1.0"?><!DOCTYPE l [<!ENTITY a "ha">' + b"".join(
        b'<!ENTITY a%d "%s">' % (one, b"&a;" * 10) for one in range(9)
    )
    yield "entities", laughs + b"]><svg>&a8;</svg>"
    yield "too many bytes", small + b"\0" * 12_000_001


def others() -> Iterator[tuple[str, bytes]]:
    """What is no picture that is read here, or is two things at once."""
    small, png = saved(still(), "JPEG"), saved(still(), "PNG")
    script = b"<script>alert(1)</script>" + STOWAWAY
    into = io.BytesIO()
    with zipfile.ZipFile(into, "w") as archive:
        archive.writestr("a.html", script)
    yield "nothing", b""
    yield "SVG with a script", b"<svg xmlns='http://www.w3.org/2000/svg'>" + script + b"</svg>"
    yield "SVG after blanks", b"\xef\xbb\xbf \n<?xml version='1.0'?><svg>" + script + b"</svg>"
    yield "HTML", b"<!DOCTYPE html><body>" + script
    yield "PDF with a JPEG", b"%PDF-1.7\n" + small
    yield "JPEG, then zip", small + into.getvalue()
    yield "PNG, then zip", png + into.getvalue()
    yield "PNG, then HTML", png + script
    yield "JPEG with script as comment", saved(still(), "JPEG", comment=script)
    yield "GIF that is a script", b"GIF89a/*" + script + b"*/=1;"
    for name in ("GIF", "BMP", "TIFF", "PPM", "ICO", "TGA", "PCX"):
        yield name, saved(still().resize((128, 128)), name)
    for brand in (b"heic", b"mif1", b"avif"):
        yield brand.decode(), b"\0\0\0\x18ftyp" + brand + b"\0" * 400
    yield "program", b"\x7fELF" + b"\0" * 400
    yield "numbers", bytes(range(256)) * 8
    for start in (
        b"\xff\xd8\xff",
        b"\x89PNG\r\n\x1a\n",
        b"RIFF\x10\0\0\0WEBP",
        b"RIFF\xff\xff\xff\xffWEBPVP8X",
    ):
        yield f"only {start!r}", start
        yield f"{start!r}, then zeros", start + b"\0" * 5_000
    for width, height in ((1, 1), (99, 99), (100, 20_001), (20_001, 100), (100, 20_000)):
        yield f"{width} × {height}", saved(Image.new("RGB", (width, height)), "PNG")


def stowaways() -> Iterator[tuple[str, bytes]]:
    """Whole pictures that carry something along: places, names, profiles, more pictures."""
    picture = still()
    exif = Image.Exif()
    exif[0x010E] = STOWAWAY.decode()
    exif[0x0112] = 6
    exif.get_ifd(GPS).update(
        {1: "N", 2: (31.0, 13.0, 49.0), 3: "E", 4: (121.0, 28.0, 25.0), 29: "2026:01:01"}
    )
    for file_format in ("JPEG", "PNG", "WEBP"):
        yield f"{file_format} with a place", saved(picture, file_format, exif=exif)
    plain = saved(picture, "JPEG")
    for marker in (0xE1, 0xE2, 0xED, 0xEE, 0xFE):
        body = (b"http://ns.adobe.com/xap/1.0/\0" if marker == 0xE1 else b"ICC_PROFILE\0\x01\x01") + STOWAWAY
        yield f"JPEG with marker {marker:x}", plain[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + plain[2:]  # fmt: skip
    loop = b"Exif\0\0II*\0\x08\0\0\0\x01\0\x69\x87\x04\0\x01\0\0\0\x08\0\0\0\x08\0\0\0"
    yield "Exif that points at itself", saved(picture, "JPEG", exif=loop)
    yield "Exif of nonsense", saved(picture, "JPEG", exif=b"Exif\0\0" + STOWAWAY * 9)
    notes = PngImagePlugin.PngInfo()
    notes.add_text("Author", STOWAWAY.decode())
    notes.add_itxt("XML:com.adobe.xmp", "<x>" + STOWAWAY.decode() + "</x>")
    yield "PNG with notes", saved(picture, "PNG", pnginfo=notes)
    yield "PNG with a profile of nonsense", saved(picture, "PNG", icc_profile=STOWAWAY * 20)
    yield "WebP with XMP", saved(picture, "WEBP", xmp=b"<x>" + STOWAWAY + b"</x>")
    yield "two pictures in one JPEG", saved(picture, "MPO", save_all=True, append_images=[still(width=300)])
    frames = {"save_all": True, "append_images": [still().rotate(9)], "duration": 50}
    yield "moving WebP", saved(picture, "WEBP", **frames)
    yield "moving PNG", saved(picture, "PNG", **frames)
    for mode in ("1", "L", "LA", "P", "RGBA", "I;16"):
        of_mode = picture.convert("L").convert("I;16") if mode == "I;16" else picture.convert(mode)
        yield f"PNG of mode {mode}", saved(of_mode, "PNG")
    for mode in ("L", "CMYK"):
        yield f"JPEG of mode {mode}", saved(picture.convert(mode), "JPEG")


def _seeds() -> list[bytes]:
    picture = still()
    palette = picture.convert("P")
    palette.info["transparency"] = 0
    return [
        saved(picture, "JPEG"),
        saved(picture, "JPEG", progressive=True),
        saved(picture, "JPEG", subsampling=2, quality=40),
        saved(picture, "PNG"),
        saved(palette, "PNG", transparency=0),
        saved(picture.convert("RGBA"), "PNG"),
        saved(picture, "WEBP"),
        saved(picture, "WEBP", lossless=True),
        saved(picture.convert("RGBA"), "WEBP", exif=b"Exif\0\0" + STOWAWAY),
    ]


def damaged(*, seed: int, count: int) -> Iterator[tuple[str, bytes]]:
    """Valid pictures with seeded damage: bits flipped, bytes lost, doubled, exchanged, cut off; headers hit more often."""
    chance = random.Random(seed)
    seeds = _seeds()
    ways: list[tuple[str, Callable[[bytearray], bytearray]]] = [
        ("bits", lambda one: _flipped(one, chance, within=len(one))),
        ("bits of the header", lambda one: _flipped(one, chance, within=min(len(one), 700))),
        ("cut off", lambda one: one[: chance.randrange(8, len(one))]),
        ("lost", lambda one: _without(one, chance)),
        ("doubled", lambda one: _doubled(one, chance)),
        ("overwritten", lambda one: _overwritten(one, chance)),
        (
            "spliced",
            lambda one: one[: chance.randrange(len(one))] + chance.choice(seeds)[chance.randrange(400) :],
        ),
    ]
    for number in range(count):
        name, way = ways[number % len(ways)]
        yield f"{name} {number}", bytes(way(bytearray(chance.choice(seeds))))


def _flipped(content: bytearray, chance: random.Random, *, within: int) -> bytearray:
    for _ in range(chance.choice((1, 1, 2, 5, 30))):
        content[chance.randrange(8, within)] ^= 1 << chance.randrange(8)
    return content


def _without(content: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(8, len(content))
    return content[:start] + content[start + chance.randrange(1, 200) :]


def _doubled(content: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(8, len(content))
    part = content[start : start + chance.randrange(1, 2_000)]
    return content[:start] + part * chance.randrange(2, 6) + content[start:]


def _overwritten(content: bytearray, chance: random.Random) -> bytearray:
    start = chance.randrange(8, len(content))
    length = chance.randrange(1, 64)
    content[start : start + length] = chance.randbytes(length)
    return content


def peak_bytes() -> int:
    """The most memory that this process has had so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def everything(*, seed: int, damaged_count: int) -> Iterator[tuple[str, bytes]]:
    """All of it."""
    yield from bombs()
    yield from others()
    yield from stowaways()
    yield from damaged(seed=seed, count=damaged_count)


def defects_of(*, content: bytes, number: int) -> tuple[Taken | Refusal, list[str]]:
    """Takes an upload in; the answer, and what is wrong with that answer."""
    answer = taken_in(data=content, kind=KINDS[number % len(KINDS)])
    if isinstance(answer, Refusal):
        return answer, [] if kind_of(answer).owner == "pictures" else [f"refused as {answer.code}"]
    clean = answer.cleaned
    wrong: list[str] = []
    if hashlib.sha256(clean).hexdigest() != answer.digest:
        wrong.append("the digest is not that of the clean picture")
    if STOWAWAY in clean or b"Exif" in clean or b"http" in clean or b"ICC_PROFILE" in clean:
        wrong.append("something travelled along")
    if extra := _segments_of(clean) - {0xE0, 0xDB, 0xC0, 0xC4, 0xDA}:
        wrong.append(f"the clean picture has segments {sorted(map(hex, extra))}")
    if clean.find(b"\xff\xd9") != len(clean) - 2:
        wrong.append("something follows the end of the picture")
    with Image.open(io.BytesIO(clean), formats=["JPEG"]) as picture:
        picture.load()
        if picture.mode != "RGB" or max(picture.size) > CLEANED_SIDE_PX_MAX or dict(picture.getexif()):
            wrong.append(f"it is {picture.mode}, {picture.size}")
    return answer, wrong


def _segments_of(jpeg: bytes) -> set[int]:
    """The markers of a JPEG up to its pixels."""
    found: set[int] = set()
    place = 2
    while place < len(jpeg) and jpeg[place] == 0xFF:
        marker = jpeg[place + 1]
        found.add(marker)
        if marker == 0xDA:
            break
        place += 2 + struct.unpack(">H", jpeg[place + 2 : place + 4])[0]
    return found
