"""Prints the manifest of a sealed bag: A4, numbered pages, two boxes to sign; no personal data."""

import re
from datetime import datetime, timedelta, timezone
from typing import Final

import msgspec

from safehand.kernel.outcome import Refusal
from safehand.kernel.typeface import first_unprintable, plain
from safehand.postal.acceptance.labels import refusals
from safehand.postal.acceptance.labels.codes import code128_svg
from safehand.postal.acceptance.labels.label import OFFICE_NAME_CHARS_MAX, waybill_number_is_valid
from safehand.postal.acceptance.labels.typeface import breakable
from safehand.postal.acceptance.labels.typesetting import TextDoesNotFitError, typeset

BAG_ITEMS_MAX: Final = 1_000
_SEAL_BAR_HEIGHT_MODULES: Final = 32
# Numbers of bags, seals and manifests are opaque to us; 20 characters keep the seal's Code 128 within the page.
_NUMBER = re.compile(r"[A-Z0-9](?:[A-Z0-9-]{0,18}[A-Z0-9])?")
_CHINA: Final = timezone(timedelta(hours=8))


class ManifestFacts(msgspec.Struct, frozen=True, kw_only=True):
    """What is handed over in one bag; `declared_count` is counted apart from the list, so that the two can differ.

    `closed_at` is aware UTC and is printed as Chinese time. Offices are named by their public names.
    """

    manifest_number: str
    bag_number: str
    seal_number: str
    giving_office: str
    taking_office: str
    closed_at: datetime
    declared_count: int
    waybill_numbers: tuple[str, ...]


def render_manifest(*, manifest: ManifestFacts) -> bytes | Refusal:
    """The manifest as PDF of A4 pages, waybills numbered in the given order; same facts, same bytes."""
    if (refusal := check_manifest(manifest=manifest)) is not None:
        return refusal
    facts = {
        "manifest": manifest.manifest_number,
        "bag": manifest.bag_number,
        "seal": manifest.seal_number,
        "seal_svg": code128_svg(manifest.seal_number, height_modules=_SEAL_BAR_HEIGHT_MODULES),
        "giving": breakable(plain(manifest.giving_office)),
        "taking": breakable(plain(manifest.taking_office)),
        "closed": manifest.closed_at.astimezone(_CHINA).strftime("%Y-%m-%d %H:%M"),
        "count": manifest.declared_count,
        "waybills": manifest.waybill_numbers,
    }
    try:
        return typeset(template="manifest.typ", facts=facts)
    except TextDoesNotFitError as overflow:
        return _invalid(overflow.field, rule_en="it is too long for its box", rule_zh="文字过长,放不进栏位")


def check_manifest(*, manifest: ManifestFacts) -> Refusal | None:
    """The first defect of a manifest, or `None`: numbers, offices, the count against the list, no number twice."""
    return _check_numbers(manifest) or _check_offices(manifest) or _check_list(manifest)


def _check_numbers(manifest: ManifestFacts) -> Refusal | None:
    for field, number in (
        ("manifest number", manifest.manifest_number),
        ("bag number", manifest.bag_number),
        ("seal number", manifest.seal_number),
    ):
        if not _NUMBER.fullmatch(number):
            return _invalid(
                field,
                rule_en="it is 1 to 20 capital letters, digits and hyphens",
                rule_zh="应为 1 至 20 个大写字母、数字或连字符",
            )
    if manifest.closed_at.tzinfo is None:
        return _invalid("closing time", rule_en="it has no time zone", rule_zh="缺少时区")
    return None


def _check_offices(manifest: ManifestFacts) -> Refusal | None:
    for field, name in (("giving office", manifest.giving_office), ("taking office", manifest.taking_office)):
        if not name or name.isspace() or len(name) > OFFICE_NAME_CHARS_MAX:
            return _invalid(
                field,
                rule_en=f"it has 1 to {OFFICE_NAME_CHARS_MAX} characters",
                rule_zh=f"长度应为 1 至 {OFFICE_NAME_CHARS_MAX} 个字符",
            )
        if (letter := first_unprintable(plain(name))) is not None:
            point = f"U+{ord(letter):04X}"
            shown = letter if letter.isprintable() else "?"
            return _invalid(
                field,
                rule_en=f"the font lacks its character {shown} ({point})",
                rule_zh=f"字库中没有字符 {shown}({point})",
            )
    return None


def _check_list(manifest: ManifestFacts) -> Refusal | None:
    listed = manifest.waybill_numbers
    if not 1 <= len(listed) <= BAG_ITEMS_MAX:
        return _invalid(
            "waybill list",
            rule_en=f"a bag holds 1 to {BAG_ITEMS_MAX} items",
            rule_zh=f"每袋应为 1 至 {BAG_ITEMS_MAX} 件",
        )
    if manifest.declared_count != len(listed):
        return refusals.MANIFEST_COUNT_DIFFERS(
            bag=manifest.bag_number, declared=manifest.declared_count, listed=len(listed)
        )
    seen: set[str] = set()
    for waybill in listed:
        if not waybill_number_is_valid(waybill):
            return refusals.WAYBILL_INVALID(waybill=waybill[:20])
        if waybill in seen:
            return refusals.MANIFEST_WAYBILL_REPEATED(bag=manifest.bag_number, waybill=waybill)
        seen.add(waybill)
    return None


def _invalid(field: str, *, rule_en: str, rule_zh: str) -> Refusal:
    return refusals.MANIFEST_FIELD_INVALID(
        field_en=field, field_zh=refusals.FIELDS_ZH[field], rule_en=rule_en, rule_zh=rule_zh
    )
