"""Turns a template of this folder and facts into one PDF; facts travel as JSON text and are never template source."""

import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Final

import msgspec
import typst

from safehand.kernel.typeface import FONT_FAMILY, font_folder

TEMPLATE_FOLDER: Final = Path(__file__).parent / "templates"
# The templates say `panic("does-not-fit", index, field)` when a text is too long for its box at its smallest size.
_DOES_NOT_FIT: Final = "does-not-fit"
# A compiler remembers its last inputs, so two prints at once take turns.
_turn = threading.Lock()


class TextDoesNotFitError(Exception):
    """A text is too long for its box; `index` is its place in the batch, `field` its name."""

    def __init__(self, *, index: int, field: str) -> None:
        super().__init__(f"{field} of entry {index} does not fit")
        self.index = index
        self.field = field


def typeset(*, template: str, facts: msgspec.Struct | Mapping[str, object]) -> bytes:
    """The PDF that `template` makes of `facts`: same facts, same bytes.

    The template can read only its own folder, no system font and no package. Raises `TextDoesNotFitError` for a text
    too long for its box, and `typst.TypstError` for a defect of the template.
    """
    inputs = {"facts": msgspec.json.encode(facts).decode(), "font": FONT_FAMILY}
    with _turn:
        try:
            pdf = _compiler(template).compile(format="pdf", sys_inputs=inputs, pdf_tags=False, timestamp=0)
        except typst.TypstError as error:
            raise _named(error) from error
    assert isinstance(pdf, bytes)
    return pdf


@cache
def _compiler(template: str) -> typst.Compiler:
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(font_folder())]
    )
    nowhere = TEMPLATE_FOLDER / "no-packages"
    return typst.Compiler(
        TEMPLATE_FOLDER / template,
        root=TEMPLATE_FOLDER,
        font_paths=fonts,
        ignore_system_fonts=True,
        package_path=nowhere,
        package_cache_path=nowhere,
    )


def _named(error: typst.TypstError) -> Exception:
    message = error.message
    if _DOES_NOT_FIT not in message:
        return error
    # The panic's values are written as `"does-not-fit", 3, "recipient address"`.
    parts = [part.strip(' "') for part in message[message.index(_DOES_NOT_FIT) :].split(",")]
    return TextDoesNotFitError(index=int(parts[1]), field=parts[2])
