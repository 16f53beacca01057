"""Takes in an upload: judged by its content, decoded within limits, encoded anew; nothing of the file itself goes on."""

import hashlib
import io
from typing import Final, Literal, get_args

import msgspec
from PIL import Image, ImageCms

from safehand.authority.pictures import jpeg, refusals
from safehand.kernel.outcome import Refusal

Kind = Literal["photo", "signature", "id_card_front", "id_card_back"]
KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

SECONDS_MAX: Final = 10
BYTES_MAX: Final = 12_000_000
PIXELS_MAX: Final = 50_000_000
"""A phone's best camera; a JPEG of that size is read at a fraction of it."""
PIXELS_MAX_UNREDUCED: Final = 25_000_000
"""PNG, WebP and progressive JPEG can only be read whole, at 4 to 6 bytes a pixel."""
SIDE_PX_MAX: Final = 20_000
SIDE_PX_MIN: Final = 100
CLEANED_SIDE_PX_MAX: Final = 1_920
"""Enough for a photo of 640 pixels cut from a third of the picture, and for the small print of an ID card."""
PROFILE_BYTES_MAX: Final = 1_000_000
SMALL_PIXELS: Final = 480 * 640
"""Up to here a photo is a finished one and is encoded into the bytes of one."""
FINISHED_BYTES: Final = (20_000, 80_000)
QUALITY_LARGE: Final = 92

_ORIENTATION: Final = 0x0112
_TURNS: Final = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Exif 2.3, tag Orientation: what undoes each value."""


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """What the upload was before it was encoded anew; kept with the picture, for the original is not.

    `quality` is the JPEG quality of 1 to 100 that its quantisation tables amount to, None for a lossless or WebP file.
    `bits` are those of a pixel (8 grey, 24 colour); `turned` says that the camera's orientation had to be applied.
    """

    format: str
    bytes: int
    width_px: int
    height_px: int
    quality: int | None
    bits: int
    turned: bool


class Taken(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of ours: a clean JPEG (no Exif, no profile, upright, sRGB), by whose SHA-256 it is known from now on."""

    kind: Kind
    cleaned: bytes
    digest: str
    width_px: int
    height_px: int
    source: Source

    def pixels(self) -> Image.Image:
        """The picture, decoded from the clean JPEG."""
        return Image.open(io.BytesIO(self.cleaned), formats=["JPEG"]).convert("RGB")


def taken_in(*, data: bytes, kind: str) -> Taken | Refusal:
    """An upload as a clean picture, or why not. Never raises for what is in `data`; writes no file."""
    if kind not in KINDS:
        return refusals.UNKNOWN_KIND(kinds=", ".join(KINDS))
    refused = _refused_unopened(data=data)
    if refused is not None:
        return refused
    try:
        return _decoded(data=data, kind=kind)
    except Image.DecompressionBombError:
        return refusals.TOO_MANY_PIXELS(width="?", height="?", millions_max=PIXELS_MAX // 1_000_000)
    except MemoryError:
        return refusals.TOO_MUCH_WORK(seconds_max=SECONDS_MAX)
    except Exception:
        # Decoders meet hostile bytes here and raise whatever they like: OSError, SyntaxError, struct.error, KeyError …
        return refusals.BROKEN()


def reopened(*, cleaned: bytes, kind: Kind, source: Source) -> Taken:
    """A picture that was taken in before and kept: same bytes, same digest. Raises `OSError` for bytes that are not ours."""
    with Image.open(io.BytesIO(cleaned), formats=["JPEG"]) as picture:
        width, height = picture.size
    digest = hashlib.sha256(cleaned).hexdigest()
    return Taken(kind=kind, cleaned=cleaned, digest=digest, width_px=width, height_px=height, source=source)


def encoded(*, picture: Image.Image, kind: Kind, source: Source) -> Taken:
    """Pixels as a clean picture. A finished photo gets 20 to 80 KB (guide A) at the best quality of 85 or more that fits."""
    finished = kind == "photo" and picture.width * picture.height <= SMALL_PIXELS
    plain = Image.frombytes("RGB", picture.size, picture.tobytes())
    cleaned = (
        jpeg.encoded_within(picture=plain, bytes_between=FINISHED_BYTES)
        if finished
        else jpeg.encoded(picture=plain, quality=QUALITY_LARGE)
    )
    return reopened(cleaned=cleaned, kind=kind, source=source)


_OTHERS: Final[tuple[tuple[bytes, str, str], ...]] = (
    (b"GIF8", "a GIF picture", "GIF图片"),
    (b"BM", "a BMP picture", "BMP图片"),
    (b"II*\x00", "a TIFF or raw picture", "TIFF或RAW图片"),
    (b"MM\x00*", "a TIFF or raw picture", "TIFF或RAW图片"),
    (b"%PDF", "a PDF document", "PDF文档"),
    (b"PK\x03\x04", "a ZIP archive or office document", "ZIP压缩包或办公文档"),
    (b"\x1f\x8b", "a compressed file", "压缩文件"),
    (b"Rar!", "a compressed file", "压缩文件"),
    (b"7z\xbc\xaf", "a compressed file", "压缩文件"),
    (b"\x7fELF", "a program", "程序文件"),
    (b"MZ", "a program", "程序文件"),
)
_HEIF_BRANDS: Final = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1", b"avif", b"avis")


def _refused_unopened(*, data: bytes) -> Refusal | None:
    """What can be refused from size and first bytes alone."""
    if not data:
        return refusals.EMPTY()
    if len(data) > BYTES_MAX:
        return refusals.TOO_MANY_BYTES(megabytes_max=BYTES_MAX // 1_000_000)
    if _format_of(data=data) is not None:
        return None
    if data[4:8] == b"ftyp" and data[8:12] in _HEIF_BRANDS:
        return refusals.HEIC()
    for start, english, chinese in _OTHERS:
        if data.startswith(start):
            return refusals.NOT_A_PICTURE(found_en=english, found_zh=chinese)
    if (
        data[:1024]
        .lstrip(b"\xef\xbb\xbf \t\r\n")
        .lower()
        .startswith((b"<svg", b"<?xml", b"<!doctype", b"<html"))
    ):
        return refusals.NOT_A_PICTURE(
            found_en="a drawing or page of text (SVG, XML, HTML)", found_zh="SVG、XML或HTML文本"
        )
    return refusals.NOT_A_PICTURE(found_en="no picture that is known here", found_zh="无法识别的文件")


def _format_of(*, data: bytes) -> str | None:
    if data.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if data.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "WEBP"
    return None


def _decoded(*, data: bytes, kind: Kind) -> Taken | Refusal:
    found = str(_format_of(data=data))
    with Image.open(io.BytesIO(data), formats=[found]) as opened:
        width, height = opened.size
        refused = _refused_by_header(opened=opened, found=found)
        if refused is not None:
            return refused
        quality = jpeg.quality_of(opened) if found == "JPEG" else None
        bits = 8 if opened.mode in {"1", "L", "LA", "I", "I;16", "F"} else 24
        orientation = _orientation_of(opened)
        if found == "JPEG":
            # The decoder itself halves, quarters …: a camera's 50 million pixels never lie in memory.
            opened.draft("RGB", (CLEANED_SIDE_PX_MAX, CLEANED_SIDE_PX_MAX))
        opened.load()
        picture = _in_plain_colour(opened)
    picture.thumbnail((CLEANED_SIDE_PX_MAX, CLEANED_SIDE_PX_MAX), Image.Resampling.BICUBIC)
    if orientation in _TURNS:
        picture = picture.transpose(_TURNS[orientation])
    source = Source(
        format=found.lower(),
        bytes=len(data),
        width_px=height if orientation >= 5 else width,
        height_px=width if orientation >= 5 else height,
        quality=quality,
        bits=bits,
        turned=orientation != 1,
    )
    return encoded(picture=picture, kind=kind, source=source)


def _refused_by_header(*, opened: Image.Image, found: str) -> Refusal | None:
    """What the header tells before a pixel is decoded: a bomb says its size there."""
    width, height = opened.size
    whole = found != "JPEG" or bool(opened.info.get("progressive"))
    pixels_max = PIXELS_MAX_UNREDUCED if whole else PIXELS_MAX
    if width * height > pixels_max or max(width, height) > SIDE_PX_MAX:
        return refusals.TOO_MANY_PIXELS(width=width, height=height, millions_max=pixels_max // 1_000_000)
    if min(width, height) < SIDE_PX_MIN:
        return refusals.TOO_SMALL(width=width, height=height, side_min=SIDE_PX_MIN)
    frames = int(getattr(opened, "n_frames", 1))
    # Phones hang depth maps and brighter copies behind a JPEG; the first picture is the picture.
    if frames > 1 and found != "JPEG":
        return refusals.MOVING(frames=frames)
    return None


def _orientation_of(opened: Image.Image) -> int:
    """The camera's orientation, 1 to 8; a broken Exif block means upright."""
    try:
        value = opened.getexif().get(_ORIENTATION, 1)
    except Exception:
        return 1  # Exif is written by anybody; only this one number of it is wanted.
    return value if isinstance(value, int) and value in _TURNS else 1


def _in_plain_colour(opened: Image.Image) -> Image.Image:
    """24 bits in sRGB on white: what is transparent becomes paper, a camera's wide colours become common ones."""
    if opened.mode in {"I", "I;16", "I;16B", "F"}:
        # 16 bits of grey: the upper eight carry the picture.
        return opened.convert("I").point(lambda value: value / 256).convert("L").convert("RGB")
    if opened.mode in {"RGBA", "LA", "PA", "RGBa", "La"} or "transparency" in opened.info:
        layered = opened.convert("RGBA")
        white = Image.new("RGBA", layered.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, layered).convert("RGB")
    profile = opened.info.get("icc_profile")
    if opened.mode == "RGB" and isinstance(profile, bytes) and len(profile) <= PROFILE_BYTES_MAX:
        return _to_common_colours(picture=opened, profile=profile)
    return opened.convert("RGB")


def _to_common_colours(*, picture: Image.Image, profile: bytes) -> Image.Image:
    try:
        converted = ImageCms.profileToProfile(
            picture,
            ImageCms.ImageCmsProfile(io.BytesIO(profile)),
            ImageCms.createProfile("sRGB"),
            outputMode="RGB",
        )
    except (ImageCms.PyCMSError, OSError, ValueError, TypeError):
        return picture.convert("RGB")
    return converted if converted is not None else picture.convert("RGB")
