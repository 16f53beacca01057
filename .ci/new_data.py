"""Makes a new city, document type, or set of keys in the shape of those there are. Standard library only; writes no code."""

from __future__ import annotations

import argparse
import os
import re
import secrets
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
RANGE_SIZE = 10_000_000
SERIALS = 100_000_000
"""Eight digits of serial in an S10 identifier."""
INDICATORS = [f"Z{letter}" for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"]
"""The indicators for domestic use; no number made with them can meet an item in international mail."""
KEYS = ("signing", "sealing", "vault_wrapping", "vault_blinding")
NOT_DECIDED = "2099-01-01"

CITY = """# {name}: what differs from ../_defaults.toml.

[city]
code = "{code}" # GB/T 2260
name_zh = "{zh}"
name_en = "{name}"
province_code = "{province}"
province_zh = "{province_zh}"
province_en = "{province_en}"
opens_on = {{ from = 2024-05-06, value = {opens}, source = "assumed", ref = "not decided: put the day here" }}

[launch]
applications_week_one = [{{ from = 2024-05-06, value = 100, source = "assumed", ref = "by size of the city" }}]

[waybills]
ranges = [{{ from = 2024-05-06, value = [{{ indicator = "{indicator}", first = {first}, last = {last} }}], source = "assumed", ref = "the first range that no other city has" }}]

[[counters.open]]
from = 2024-05-06
source = "assumed"
ref = "synthetic counter; the city puts its own list here"
[[counters.open.value]]
code = "{code}-1"
name_zh = "{zh}出入境接待大厅（示例）"
name_en = "{name} Exit and Entry Hall (sample)"
address_zh = "{zh}示例路1号"
address_en = "1 Shili Road, {name}"
hours_zh = "周一至周五 9:00–17:00"
hours_en = "Mon to Fri 9:00-17:00"

[[offices.delivery]]
from = 2024-05-06
source = "assumed"
ref = "one synthetic delivery office; the post puts its own list here"
value = [
  {{ code = "{district}", district_zh = "示例区", district_en = "Shili", name_zh = "示例区投递部（示例）", name_en = "Shili Delivery Office (sample)", address_zh = "{zh}示例区示例街2号", address_en = "2 Shili Street, Shili, {name}", hours_zh = "每日 9:00–18:00", hours_en = "daily 9:00-18:00" }},
]
"""

DOCUMENT = """# {name}.

[document]
code = "{code}"
name_zh = "{zh}"
name_en = "{name}"

[numbers]
accepted = [{{ from = 2024-05-06, value = ["{letter}[0-9]{{8}}"], source = "assumed", ref = "put the official shape here" }}]
issued = [{{ from = 2024-05-06, value = "{letter}########", source = "assumed", ref = "put the official shape here; # is a digit" }}]

[fee]
amount_fen = [{{ from = 2024-05-06, value = 6000, source = "assumed", ref = "put the official fee here" }}]
"""


class Refused(Exception):
    """What was asked cannot be done; the text says why and what to do."""


def _shaped(*, value: str, shape: str, what: str) -> str:
    if re.fullmatch(shape, value) is None:
        raise Refused(f"{value!r} is no {what}.")
    return value


def _cities() -> list[dict[str, object]]:
    return [
        tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(ROOT.glob("cities/*/city.toml"))
    ]


def _free_range() -> tuple[str, int, int]:
    """The first block of serials which overlaps no city's, of all dates."""
    taken: list[tuple[str, int, int]] = []
    for city in _cities():
        for dated in city.get("waybills", {}).get("ranges", []):  # pyright: ignore[reportAttributeAccessIssue]
            taken += [(one["indicator"], one["first"], one["last"]) for one in dated["value"]]
    for indicator in INDICATORS:
        for first in range(0, SERIALS, RANGE_SIZE):
            last = first + RANGE_SIZE - 1
            if not any(one == indicator and first <= high and low <= last for one, low, high in taken):
                return indicator, first, last
    raise Refused("No block of serials is free. Give the city part of another city's range by hand.")


def _province(*, code: str, options: argparse.Namespace) -> dict[str, str]:
    """The province's names: from a city of the same province, else from the options, else the city's own."""
    province = f"{code[:2]}0000"
    for city in _cities():
        names = city["city"]
        if names["province_code"] == province:  # pyright: ignore[reportIndexIssue]
            return {"province_zh": names["province_zh"], "province_en": names["province_en"]}  # pyright: ignore[reportIndexIssue, reportReturnType]
    if not (options.province_zh and options.province_en):
        raise Refused(
            f"No city of province {province} is there yet; add --province-zh NAME --province-en NAME."
        )
    return {"province_zh": options.province_zh, "province_en": options.province_en}


def _write(*, path: Path, text: str) -> None:
    """Makes the folder and its file in one step, so that an interruption leaves nothing half done."""
    tomllib.loads(text)
    if path.parent.exists():
        raise Refused(f"{path.parent.relative_to(ROOT)} is there already. Edit it, or choose another code.")
    unfinished = path.parent.with_name(f".new-{os.getpid()}")
    try:
        unfinished.mkdir(parents=True)
        (unfinished / path.name).write_text(text, encoding="utf-8")
        unfinished.rename(path.parent)
    except OSError as error:
        raise Refused(
            f"{path.parent} cannot be made ({error.strerror}). Run ./do as the owner of this copy."
        ) from error


def new_city(*, options: argparse.Namespace) -> Path:
    """Writes `cities/CODE-name/city.toml` with a free range of waybills; the city stays closed until its day is put in."""
    code = _shaped(
        value=options.code, shape=r"[1-9]\d{3}00", what="code of a city: six digits ending in 00 (GB/T 2260)"
    )
    name = _shaped(
        value=options.name, shape=r"[A-Z][A-Za-z' ]{1,40}", what="English name: a capital, then letters"
    )
    zh = _shaped(value=options.zh or name, shape=r'[^"\\\x00-\x1f]{1,40}', what="Chinese name")
    if any(city["city"]["code"] == code for city in _cities()):  # pyright: ignore[reportIndexIssue]
        raise Refused(f"A city with the code {code} is there already. Edit its folder, or mend the code.")
    indicator, first, last = _free_range()
    text = CITY.format(
        code=code,
        name=name,
        zh=zh,
        province=f"{code[:2]}0000",
        district=f"{code[:4]}01",
        opens=NOT_DECIDED,
        indicator=indicator,
        first=first,
        last=last,
        **_province(code=code, options=options),
    )
    path = ROOT / "cities" / f"{code}-{re.sub('[^a-z]+', '-', name.lower())}" / "city.toml"
    _write(path=path, text=text)
    return path


def new_document(*, options: argparse.Namespace) -> Path:
    """Writes `documents/CODE/document.toml`; what it does not say comes from `documents/_defaults.toml`."""
    code = _shaped(
        value=options.code,
        shape=r"[a-z][a-z0-9]*(-[a-z0-9]+)*",
        what="code of a document: small letters and hyphens",
    )
    name = _shaped(value=options.name, shape=r'[^"\\\x00-\x1f]{2,80}', what="English name")
    zh = _shaped(value=options.zh or name, shape=r'[^"\\\x00-\x1f]{1,40}', what="Chinese name")
    text = DOCUMENT.format(code=code, name=name, zh=zh, letter=code[0].upper())
    path = ROOT / "documents" / code / "document.toml"
    _write(path=path, text=text)
    return path


def new_keys(*, options: argparse.Namespace) -> Path:
    """Writes a house's four keys, each 32 random bytes in a file that its owner alone can read."""
    folder = Path(options.folder).absolute()
    there = [name for name in KEYS if (folder / f"{name}.key").exists()]
    if there:
        raise Refused(
            f"{folder} has {', '.join(there)} already, and keys are never written over. Choose another folder."
        )
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in KEYS:
            # Made for its owner alone from the first moment on, and never in place of another file.
            handle = os.open(folder / f"{name}.key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "w", encoding="ascii") as file:
                file.write(secrets.token_hex(32) + "\n")
    except OSError as error:
        raise Refused(
            f"{folder} cannot be written ({error.strerror}). Choose a folder of your own."
        ) from error
    return folder


def main() -> int:
    """Makes the folder and says what to put into it."""
    parser = argparse.ArgumentParser(prog="./do new", description=__doc__)
    kinds = parser.add_subparsers(dest="kind", required=True)
    for kind, make in (("city", new_city), ("document", new_document)):
        words = kinds.add_parser(kind, help=make.__doc__)
        words.add_argument("code")
        words.add_argument("name", help="in English")
        words.add_argument("--zh", help="the name in Chinese")
        if kind == "city":
            words.add_argument("--province-zh")
            words.add_argument("--province-en")
        words.set_defaults(make=make)
    keys = kinds.add_parser("keys", help=new_keys.__doc__)
    keys.add_argument("folder")
    keys.set_defaults(make=new_keys)
    options = parser.parse_args()
    try:
        path = options.make(options=options)
    except Refused as refused:
        print(refused, file=sys.stderr)
        return 2
    if options.kind == "keys":
        print(
            f"Wrote {', '.join(f'{name}.key' for name in KEYS)} in {path}. Keep them secret; see docs/how-to/live.md"
        )
        return 0
    print(f"Wrote {path.relative_to(ROOT)}. Every line marked assumed is yours to fill; then: ./do test")
    return 0


if __name__ == "__main__":
    sys.exit(main())
