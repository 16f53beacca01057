"""The one style sheet: of govuk-frontend's rules those of the components that we use, then our own; made once a process.

The components come as they were published, tested with many readers and browsers, and with another nation's face. What is
that face (typeface, crest, colours, pictures) is left out here; ours is `look.css`.
"""

import gzip
import hashlib
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

import msgspec
import tinycss2

VENDOR: Final = (
    Path(__file__).parents[4] / "web" / "node_modules" / "govuk-frontend" / "dist" / "govuk"
) / "govuk-frontend.min.css"
OWN: Final = Path(__file__).parent / "look.css"
PREFIX: Final = "govuk-"
COMPONENTS: Final = frozenset(
    {
        "back-link",
        "body",
        "body-l",
        "body-m",
        "body-s",
        "breadcrumbs",
        "button",
        "button-group",
        "checkboxes",
        "date-input",
        "details",
        "error-message",
        "error-summary",
        "fieldset",
        "file-upload",
        "form-group",
        "heading-l",
        "heading-m",
        "heading-s",
        "hint",
        "input",
        "inset-text",
        "label",
        "link",
        "list",
        "notification-banner",
        "pagination",
        "panel",
        "radios",
        "select",
        "skip-link",
        "summary-list",
        "table",
        "tag",
        "task-list",
        "textarea",
        "visually-hidden",
        "warning-text",
    }
)
"""Blocks (`govuk-<block>__part--kind`) whose rules are kept; a test proves that the templates use no other."""
FACE: Final = frozenset(
    {"font-family", "letter-spacing", "-webkit-font-smoothing", "-moz-osx-font-smoothing"}
)
"""Declarations that are another's look: type is set once, in our own sheet."""
OLD: Final = ("\\0", "\ufffd", "-ms-")
"""Marks of rules for browsers that are gone (tinycss2 reads `\\0` as U+FFFD, as the standard has it)."""
COLOURS: Final = {
    "#0b0c0c": "--ink",
    "#0b5c3e": "--act-dark",
    "#0f7a52": "--act",
    "#083d29": "--act-dark",
    "#0b4144": "--act-dark",
    "#cfe4dc": "--soft",
    "#d0e6e7": "--soft",
    "#0f385c": "--told",
    "#d2e2f1": "--told-soft",
    "#2a1950": "--told",
    "#ddd6ec": "--told-soft",
    "#ca3535": "--danger",
    "#982828": "--danger-dark",
    "#651b1b": "--danger-dark",
    "#651b3e": "--danger-dark",
    "#f4d7d7": "--danger-soft",
    "#f4d7e5": "--danger-soft",
    "#7a3c1c": "--warn",
    "#fde4d7": "--warn-soft",
    "#ffee80": "--warn-soft",
    "#858686": "--quiet",
    "#cecece": "--line",
    "#f3f3f3": "--wash",
    "#f4f8fb": "--wash",
    "#fff": "--paper",
}
"""Their colours that have no name of their own -> ours. One that is new in a later version is an error, not a leak."""
EVERY_BROWSER: Final = "not (-ms-ime-align:auto)"
"""A condition that only browsers fail that are gone."""
HEX: Final = re.compile(r"#[0-9a-f]{3,8}\b")
GROUPS: Final = frozenset({"media", "supports"})
NOTICE: Final = (
    "/*! The components' rules are a part of govuk-frontend,"
    " Copyright (c) Crown Copyright (Government Digital Service), under the MIT licence. */\n"
)


class BrowserCodeMissing(RuntimeError):
    """What `./do` fetches for browsers is not there."""


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """A file as it is served: its address holds its hash, so it may be kept for ever."""

    address: str
    plain: bytes
    packed: bytes
    """The same by gzip (RFC 1952)."""


@cache
def sheet() -> Sheet:
    """The style sheet of all pages. Raises `BrowserCodeMissing` where `./do` has fetched nothing."""
    try:
        vendor = VENDOR.read_text("utf-8")
    except FileNotFoundError as missing:
        raise BrowserCodeMissing(f"{VENDOR} is not there; `./do check` or `./do run` fetches it") from missing
    text = NOTICE + pruned(css=vendor, blocks=COMPONENTS) + "\n" + squeezed(OWN.read_text("utf-8"))
    plain = text.encode()
    return Sheet(
        address=f"/look-{hashlib.sha256(plain).hexdigest()[:12]}.css",
        plain=plain,
        packed=gzip.compress(plain, 9, mtime=0),
    )


def pruned(*, css: str, blocks: frozenset[str]) -> str:
    """The rules of these blocks, without the other's face. What `:root` and print say is left out: ours says it."""
    return "".join(_kept(tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True), blocks))


def squeezed(css: str) -> str:
    """A sheet without comments and needless white space."""
    rules = tinycss2.parse_stylesheet(css, skip_comments=True, skip_whitespace=True)
    return "".join(_squeezed(rules))


def _kept(rules: Sequence[Any], blocks: frozenset[str]) -> Iterator[str]:
    for rule in rules:
        match rule.type:
            case "qualified-rule":
                selectors = ",".join(_selectors(rule.prelude, blocks))
                body = ";".join(_declarations(rule.content)) if selectors else ""
                if body:
                    yield f"{selectors}{{{body}}}"
            case "at-rule" if rule.lower_at_keyword in GROUPS and rule.content is not None:
                condition = tinycss2.serialize(rule.prelude).strip()
                inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
                body = "".join(_kept(inner, blocks))
                foreign = condition.startswith("print") or any(word in condition for word in OLD)
                if condition == EVERY_BROWSER:
                    yield body
                elif body and not foreign:
                    yield f"@{rule.lower_at_keyword} {condition}{{{body}}}"
            case _:
                # Typefaces, imports, key frames: nothing of these is ours.
                continue


def _selectors(prelude: Sequence[Any], blocks: frozenset[str]) -> Iterator[str]:
    """Of a rule's selectors those in which every class is of a block that is kept."""
    for tokens in _split(prelude):
        # `.:focus` is a name that only their own pages of examples use.
        names = [name for name in _classes(tokens) if name != ":focus"]
        ours = [name.removeprefix(PREFIX).partition("__")[0].partition("--")[0] for name in names]
        if names and all(block in blocks for block in ours):
            yield tinycss2.serialize(tokens).strip()


def _split(tokens: Sequence[Any]) -> Iterator[list[Any]]:
    part: list[Any] = []
    for token in tokens:
        if token.type == "literal" and token.value == ",":
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _classes(tokens: Sequence[Any]) -> Iterator[str]:
    """The class names in a selector, also within `:not(…)`."""
    for before, token in zip([None, *tokens], tokens, strict=False):
        if token.type == "ident" and before is not None and before.type == "literal" and before.value == ".":
            yield token.value
        elif token.type == "function":
            yield from _classes(token.arguments)


def _declarations(content: Sequence[Any]) -> Iterator[str]:
    found: list[Any] = tinycss2.parse_declaration_list(content, skip_comments=True, skip_whitespace=True)
    for one in found:
        if one.type != "declaration" or one.lower_name in FACE:
            continue
        value = tinycss2.serialize(_without_defaults(one.value)).strip()
        value = HEX.sub(lambda found: f"var({COLOURS[found[0]]})", value)
        if "url(" in value or any(word in one.lower_name + value for word in OLD):
            continue
        yield f"{one.name}:{value}{'!important' if one.important else ''}"


def _without_defaults(tokens: Sequence[Any]) -> list[Any]:
    """`var(--colour,#123)` as `var(--colour)`: every name has a value of ours, and theirs must not shine through."""
    for token in tokens:
        if token.type == "function":
            arguments = _without_defaults(token.arguments)
            if token.lower_name == "var":
                arguments = next(_split(arguments))
            token.arguments[:] = arguments
    return list(tokens)


def _squeezed(rules: Sequence[Any]) -> Iterator[str]:
    for rule in rules:
        if rule.type == "at-rule":
            condition = tinycss2.serialize(rule.prelude).strip()
            inner = tinycss2.parse_rule_list(rule.content, skip_comments=True, skip_whitespace=True)
            yield f"@{rule.lower_at_keyword} {condition}{{{''.join(_squeezed(inner))}}}"
        elif rule.type == "qualified-rule":
            selectors = ",".join(" ".join(tinycss2.serialize(part).split()) for part in _split(rule.prelude))
            found: list[Any] = tinycss2.parse_declaration_list(
                rule.content, skip_comments=True, skip_whitespace=True
            )
            body = ";".join(
                f"{one.name}:{' '.join(tinycss2.serialize(one.value).split())}{'!important' if one.important else ''}"
                for one in found
            )
            yield f"{selectors}{{{body}}}"
        else:
            raise ValueError(f"look.css, line {rule.source_line}: {getattr(rule, 'message', rule.type)}")
