"""Prints labels: checks every fact, then typesets a whole batch in one go, one page a label."""

import re
from collections.abc import Sequence
from typing import Final, assert_never

import msgspec

from safehand.kernel.outcome import Refusal
from safehand.kernel.typeface import first_unprintable, plain
from safehand.postal.acceptance.labels import refusals
from safehand.postal.acceptance.labels.codes import code128_svg, item_code_text, qr_svg
from safehand.postal.acceptance.labels.label import (
    ADDRESS_CHARS_MAX,
    ITEM_COUNT_MAX,
    LABELS_MAX,
    NAME_CHARS_MAX,
    OFFICE_NAME_CHARS_MAX,
    PHONE_CHARS_MAX,
    POSTAGE_FEN_MAX,
    RETURN_ADDRESS_CHARS_MAX,
    ROUTING_CODE_CHARS_MAX,
    LabelFacts,
    LabelSize,
    OpaqueFacts,
    Profile,
    waybill_number_is_valid,
)
from safehand.postal.acceptance.labels.typeface import breakable
from safehand.postal.acceptance.labels.typesetting import TextDoesNotFitError, typeset

_FEN_PER_YUAN: Final = 100

_ROUTING_CODE = re.compile(r"[A-Z0-9]{1,6}(-[A-Z0-9]{1,6}){0,3}")
_ROUND_CODE = re.compile(r"[A-Z0-9]{1,4}")
_ORDER_REFERENCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_./-]{0,31}")


class _Page(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What the template gets for one label; an opaque label has no `parties`."""

    waybill: str
    waybill_svg: str
    token_svg: str
    routing: str
    round: str
    parties: "_Parties | None" = None


class _Parties(msgspec.Struct, frozen=True, kw_only=True):
    order: str
    items: int
    postage: str
    collect: bool
    sender_name: str
    sender_address: str
    name: str
    phone: str
    address: str


def render_labels(*, labels: Sequence[OpaqueFacts], size: LabelSize, profile: Profile) -> bytes | Refusal:
    """One PDF with one page a label, exactly 100 × 180 or 76 × 130 mm, for thermal printers of 8 dots/mm (203 dpi).

    All or nothing: the first label with a defect gives a `Refusal` that names its waybill; `check_label` tells
    beforehand which ones to leave out. `masked` needs `LabelFacts` (recipient masked per GB/T 41833-2022); `opaque`
    takes the same or `OpaqueFacts`, and only the waybill, the routing code, the round and the token reach the page.
    The same labels give the same bytes.
    """
    if not labels:
        return refusals.NOTHING_TO_PRINT()
    if len(labels) > LABELS_MAX:
        return refusals.TOO_MANY(count=len(labels), count_max=LABELS_MAX)
    for label in labels:
        if (refusal := check_label(label=label, profile=profile)) is not None:
            return refusal
    pages = [_page(label, size=size, profile=profile) for label in labels]
    try:
        return typeset(template=f"label-{size}.typ", facts={"pages": pages})
    except TextDoesNotFitError as overflow:
        waybill = labels[overflow.index].waybill_number
        return refusals.TEXT_DOES_NOT_FIT(
            waybill=waybill, field_en=overflow.field, field_zh=refusals.FIELDS_ZH[overflow.field]
        )


def check_label(*, label: OpaqueFacts, profile: Profile) -> Refusal | None:
    """The first defect of a label's facts, or `None` when it can be printed (except for a text too long for its box)."""
    if not waybill_number_is_valid(label.waybill_number):
        return refusals.WAYBILL_INVALID(waybill=label.waybill_number[:20])
    if (refusal := _check_codes(label)) is not None:
        return refusal
    match profile, label:
        case "opaque", _:
            return None
        case "masked", LabelFacts():
            return _check_numbers(label) or _check_texts(label)
        case _:
            return refusals.RECIPIENT_MISSING(waybill=label.waybill_number)


def _check_codes(label: OpaqueFacts) -> Refusal | None:
    routing = label.routing_code
    if not _ROUTING_CODE.fullmatch(routing) or len(routing) > ROUTING_CODE_CHARS_MAX:
        return _invalid(
            label,
            "routing code",
            rule_en="it is 1 to 4 groups of capital letters and digits joined by hyphens, at most 14 characters",
            rule_zh="应为 1 至 4 组大写字母或数字,以连字符相连,最多 14 个字符",
        )
    if not _ROUND_CODE.fullmatch(label.round_code):
        return _invalid(
            label,
            "round",
            rule_en="it is 1 to 4 capital letters or digits",
            rule_zh="应为 1 至 4 个大写字母或数字",
        )
    return None


def _check_numbers(label: LabelFacts) -> Refusal | None:
    if not 1 <= label.item_count <= ITEM_COUNT_MAX:
        return _invalid(
            label,
            "item count",
            rule_en=f"it is a whole number from 1 to {ITEM_COUNT_MAX}",
            rule_zh=f"应为 1 至 {ITEM_COUNT_MAX} 的整数",
        )
    if not 0 <= label.postage_fen <= POSTAGE_FEN_MAX:
        return _invalid(
            label,
            "postage",
            rule_en=f"it is from 0 to {POSTAGE_FEN_MAX} fen",
            rule_zh=f"应为 0 至 {POSTAGE_FEN_MAX} 分",
        )
    if not _ORDER_REFERENCE.fullmatch(label.order_reference):
        return _invalid(
            label,
            "order reference",
            rule_en="it is 1 to 32 letters, digits and the signs - _ . /",
            rule_zh="应为 1 至 32 个字母、数字或 - _ . / 符号",
        )
    return None


def _check_texts(label: LabelFacts) -> Refusal | None:
    for field, text, chars_max in _texts(label):
        if not text or text.isspace() or len(text) > chars_max:
            return _invalid(
                label,
                field,
                rule_en=f"it has 1 to {chars_max} characters",
                rule_zh=f"长度应为 1 至 {chars_max} 个字符",
            )
        if (letter := first_unprintable(plain(text))) is not None:
            return refusals.CHARACTER_NOT_PRINTABLE(
                waybill=label.waybill_number,
                field_en=field,
                field_zh=refusals.FIELDS_ZH[field],
                character=letter if letter.isprintable() else "?",
                code_point=f"U+{ord(letter):04X}",
            )
    return None


def _texts(label: LabelFacts) -> tuple[tuple[str, str, int], ...]:
    sender, recipient = label.sender, label.recipient
    return (
        ("sender name", sender.public_name, OFFICE_NAME_CHARS_MAX),
        ("return address", sender.return_address, RETURN_ADDRESS_CHARS_MAX),
        ("recipient name", recipient.name, NAME_CHARS_MAX),
        ("recipient phone", recipient.phone, PHONE_CHARS_MAX),
        ("recipient address", recipient.address, ADDRESS_CHARS_MAX),
    )


def _invalid(label: OpaqueFacts, field: str, *, rule_en: str, rule_zh: str) -> Refusal:
    return refusals.FIELD_INVALID(
        waybill=label.waybill_number,
        field_en=field,
        field_zh=refusals.FIELDS_ZH[field],
        rule_en=rule_en,
        rule_zh=rule_zh,
    )


def _page(label: OpaqueFacts, *, size: LabelSize, profile: Profile) -> _Page:
    return _Page(
        waybill=label.waybill_number,
        waybill_svg=code128_svg(label.waybill_number, height_modules=_bar_height_modules(size, profile)),
        token_svg=qr_svg(item_code_text(label.token)),
        routing=label.routing_code,
        round=label.round_code,
        parties=_parties(label) if profile == "masked" and isinstance(label, LabelFacts) else None,
    )


def _bar_height_modules(size: LabelSize, profile: Profile) -> int:
    """The height of the Code 128 in modules: 0.5 mm each on the large label, 0.375 mm on the small one."""
    match size, profile:
        case "100x180", "masked":
            return 34
        case "100x180", "opaque":
            return 48
        case "76x130", "masked":
            return 32
        case "76x130", "opaque":
            return 48
        case _:
            assert_never((size, profile))


def _parties(label: LabelFacts) -> _Parties:
    return _Parties(
        order=label.order_reference,
        items=label.item_count,
        postage=f"¥{label.postage_fen // _FEN_PER_YUAN}.{label.postage_fen % _FEN_PER_YUAN:02d}",
        collect=label.payment == "collect_on_delivery",
        sender_name=breakable(plain(label.sender.public_name)),
        sender_address=breakable(plain(label.sender.return_address)),
        name=breakable(plain(label.recipient.name)),
        phone=plain(label.recipient.phone),
        address=breakable(plain(label.recipient.address)),
    )
