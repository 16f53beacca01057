"""Portraits with known faults, each judged right; thousands of hostile uploads, each answered; seconds and memory.

How it is done: docs/how-to/photos.md; `tests/authority/picture_corpus.py` and `tests/authority/hostile_uploads.py`.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from datetime import date
from itertools import islice
from pathlib import Path
from typing import Any

from safehand.authority.documents import PhotoRules, load_photo_rules
from safehand.authority.pictures import Examining, Judged, Taken, examine, taken_in
from safehand.kernel.outcome import Refusal
from tests.authority.hostile_uploads import bombs, defects_of, everything, peak_bytes, saved, still
from tests.authority.picture_corpus import LARGE, cases, difference, encoded, portrait
from tests.authority.signature_corpus import sheets, told_wrong

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 1, 1)
DAMAGED = 2_500
BESIDE_THE_LOOP = 150
EXAMINED_EVERY = 10


def prove(*, seed: int) -> dict[str, object]:
    """Everything at once; portraits and signatures are the same whatever the seed, damage is not."""
    photo_rules = load_photo_rules(ROOT / "documents" / "_photo")
    rules = photo_rules["photo-guide-a"]
    # The uploads come first: the memory that a process has had at most only ever grows.
    uploads = _uploads(rules, seed=seed)
    return {
        "portraits": _portraits(rules),
        "camera_of_48_million_pixels": _camera(rules),
        "signatures": _signatures(),
        "uploads": uploads,
        "beside_the_loop": asyncio.run(_beside_the_loop(photo_rules, seed=seed)),
    }


def _camera(rules: PhotoRules) -> dict[str, object]:
    """The largest picture that a phone makes, from its bytes to the verdict, the offer and the drawing."""
    picture = portrait(LARGE).resize((6_000, 8_000))
    answer, took = _judged(encoded(picture, quality=90), rules)
    return {"verdict_offered": answer.verdict_offered or answer.verdict, "core_seconds": round(took, 3)}


def _judged(content: bytes, rules: PhotoRules) -> tuple[Judged, float]:
    """The answer, and the seconds of one core that it took."""
    began = time.process_time()
    taken = taken_in(data=content, kind="photo")
    assert isinstance(taken, Taken)
    return examine(taken=taken, rule_set=rules, day=DAY), time.process_time() - began


def _portraits(rules: PhotoRules) -> dict[str, object]:
    seconds: list[float] = []
    wrong: list[str] = []
    verdicts: Counter[str] = Counter()
    for case in cases(rules.on(DAY)):
        answer, took = _judged(case.content, rules)
        seconds.append(took)
        verdicts[case.verdict] += 1
        if told := difference(case, answer):
            wrong.append(told)
    seconds.sort()
    return {
        "tried": len(seconds),
        "right": len(seconds) - len(wrong),
        "wrong": wrong,
        "by_verdict": dict(verdicts),
        "core_seconds_median": round(seconds[len(seconds) // 2], 3),
        "core_seconds_max": round(seconds[-1], 3),
    }


def _signatures() -> dict[str, object]:
    tried = list(sheets())
    wrong = [told for sheet in tried if (told := told_wrong(sheet))]
    return {"tried": len(tried), "right": len(tried) - len(wrong), "wrong": wrong}


def _uploads(rules: PhotoRules, *, seed: int) -> dict[str, object]:
    examine(taken=_small(), rule_set=rules, day=DAY)  # loads the models, once
    before, codes, wrong = peak_bytes(), Counter[str](), list[str]()
    longest = 0.0
    for number, (name, content) in enumerate(everything(seed=seed, damaged_count=DAMAGED)):
        began = time.process_time()
        answer, defects = defects_of(content=content, number=number)
        longest = max(longest, time.process_time() - began)
        codes[answer.code if isinstance(answer, Refusal) else "taken"] += 1
        wrong += [f"{name}: {one}" for one in defects]
        if isinstance(answer, Taken) and number % EXAMINED_EVERY == 0:
            examine(taken=answer, rule_set=rules, day=DAY)
    return {
        "tried": codes.total(),
        "answers": dict(sorted(codes.items())),
        "wrong": wrong,
        "core_seconds_max": round(longest, 3),
        "memory_mb_before": round(before / 1_000_000),
        "memory_growth_mb": round((peak_bytes() - before) / 1_000_000),
    }


def _small() -> Taken:
    taken = taken_in(data=saved(still(), "JPEG"), kind="photo")
    assert isinstance(taken, Taken)
    return taken


async def _beside_the_loop(photo_rules: dict[str, PhotoRules], *, seed: int) -> dict[str, Any]:
    """Some of them through the server's own way: none may cost a worker."""
    tried = [*bombs(), *islice(everything(seed=seed + 1, damaged_count=BESIDE_THE_LOOP), 20, None)]
    answers: Counter[str] = Counter()
    async with Examining(photo_rules=photo_rules) as examining:
        for _, content in tried:
            answer = await examining.examine(data=content, kind="photo", rule_set="photo-guide-a", day=DAY)
            answers[answer.code if isinstance(answer, Refusal) else "judged"] += 1
    return {"tried": len(tried), "answers": dict(sorted(answers.items()))}
