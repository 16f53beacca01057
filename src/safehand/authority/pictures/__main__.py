"""Checks every picture of a folder and says what is wrong with each: `./do photos FOLDER`."""

import argparse
import asyncio
import sys
from collections.abc import AsyncIterator
from datetime import date
from pathlib import Path
from typing import Any, Final

import msgspec

from safehand.authority.documents import PhotoRules, load_photo_rules
from safehand.authority.pictures.examination import Judged
from safehand.authority.pictures.examining import Examining
from safehand.authority.pictures.uploads import BYTES_MAX, KINDS
from safehand.kernel.clock import SystemClock
from safehand.kernel.dated import NotInForceError
from safehand.kernel.outcome import LANGUAGES, Language, Refusal, sentence, way_out

RULES: Final = Path(__file__).resolve().parents[4] / "documents" / "_photo"
FILES_MAX: Final = 100_000
AT_ONCE: Final = 2

FINE, SOME_FAIL, NOT_AS_ASKED = 0, 1, 2


def main(arguments: list[str] | None = None) -> int:
    """Reads the command line; 0 when no picture fails, 1 when one does, 2 when nothing could be checked."""
    parser = argparse.ArgumentParser(prog="./do photos", description=(__doc__ or "").split(":")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--rules", default="photo-guide-a", metavar="CODE", help="the photo rules to judge by"
    )
    parser.add_argument("--kind", default="photo", choices=KINDS)
    parser.add_argument("--day", type=date.fromisoformat, help="the day whose rules hold (today)")
    parser.add_argument("--language", default="en", choices=LANGUAGES)
    parser.add_argument("--all", action="store_true", help="say what fits too")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measure there")
    options = parser.parse_args(arguments)
    day: date = options.day or SystemClock().now().date()
    photo_rules = load_photo_rules(RULES)
    try:
        photo_rules[options.rules].on(day)
    except (KeyError, NotInForceError):
        print(f"No photo rules {options.rules!r} hold on {day}. There are:")
        for code, rules in sorted(photo_rules.items()):
            print(f"  {code} since {rules.limits.first_day}")
        return NOT_AS_ASKED
    if not options.folder.is_dir():
        print(f"{options.folder} is no folder. Say ./do photos FOLDER.")
        return NOT_AS_ASKED
    files = sorted(path for path in options.folder.iterdir() if path.is_file())[:FILES_MAX]
    if not files:
        print(f"There is no file in {options.folder}.")
        return NOT_AS_ASKED
    return asyncio.run(_checked(files=files, photo_rules=photo_rules, day=day, options=options))


async def _checked(
    *, files: list[Path], photo_rules: dict[str, PhotoRules], day: date, options: argparse.Namespace
) -> int:
    told: list[dict[str, Any]] = []
    async for path, answer in _answers(files=files, photo_rules=photo_rules, day=day, options=options):
        told.append(_as_plain(path=path, answer=answer))
        for line in _lines(path=path, answer=answer, language=options.language, everything=options.all):
            print(line)
    verdicts = [one["verdict"] for one in told]
    counts = {verdict: verdicts.count(verdict) for verdict in ("fits", "mends", "examiner", "fails")}
    print(f"{len(files)} pictures: " + ", ".join(f"{count} {verdict}" for verdict, count in counts.items()))
    if options.json is not None:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(told)) + b"\n")
    return SOME_FAIL if counts["fails"] else FINE


async def _answers(
    *, files: list[Path], photo_rules: dict[str, PhotoRules], day: date, options: argparse.Namespace
) -> AsyncIterator[tuple[Path, Judged | Refusal]]:
    """Each file with what was found, in order; a few are looked at at once."""

    async def one(path: Path) -> Judged | Refusal:
        # One byte more than is allowed tells that it is too many; a file may be of any size.
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
        return await examining.examine(data=content, kind=options.kind, rule_set=options.rules, day=day)

    async with Examining(photo_rules=photo_rules, workers=AT_ONCE) as examining:
        for start in range(0, len(files), AT_ONCE):
            some = files[start : start + AT_ONCE]
            for path, answer in zip(some, await asyncio.gather(*map(one, some)), strict=True):
                yield path, answer


def verdict_of(answer: Judged | Refusal) -> str:
    """One word: `mends` is for what fits once the offered crop is taken; a refusal fails."""
    if isinstance(answer, Refusal):
        return "fails"
    return "mends" if answer.offer is not None and answer.verdict == "fails" else answer.verdict


def _lines(*, path: Path, answer: Judged | Refusal, language: Language, everything: bool) -> list[str]:
    head = f"{verdict_of(answer):<9}{path.name}"
    if isinstance(answer, Refusal):
        return [head, f"  {sentence(answer, language)} {way_out(answer, language)}"]
    shown = [one for one in answer.findings if everything or one.outcome != "fits"]
    return [head, *(f"  {one.outcome:<9}{one.sentence(language)}" for one in shown)]


def _as_plain(*, path: Path, answer: Judged | Refusal) -> dict[str, Any]:
    """One file as plain numbers and words, for programs."""
    if isinstance(answer, Refusal):
        return {"file": path.name, "verdict": "fails", "refused": answer.code, "findings": []}
    return {
        "file": path.name,
        "verdict": verdict_of(answer),
        "rule_set": answer.rule_set,
        "since": answer.since.isoformat(),
        "digest": answer.digest,
        "source": msgspec.to_builtins(answer.source),
        "offer": msgspec.to_builtins(answer.offer),
        "findings": [
            {
                **msgspec.to_builtins(finding),
                "sentence_en": finding.sentence("en"),
                "sentence_zh": finding.sentence("zh"),
            }
            for finding in answer.findings
        ],
    }


if __name__ == "__main__":
    sys.exit(main())
