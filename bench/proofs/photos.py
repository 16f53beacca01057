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
from tests.authority.hostile_uploads import bombs, defects_of, everything, peak_bytes
from tests.authority.picture_corpus import LARGE, cases, content_of, difference
from tests.authority.signature_corpus import sheets, told_wrong

ROOT = Path(__file__).resolve().parents[2]
DAY = date(2026, 1, 1)
DAMAGED = 2_500
BESIDE_THE_LOOP = 150
EXAMINED_EVERY = 10


def prove(*, seed: int) -> dict[str, object]:
    """Everything at once; portraits and signatures are the same whatever the seed, damage is not."""
    photo_rules = load_photo_rules(ROOT / "documents" / "_photo")
    return {
        "portraits": _portraits(photo_rules["photo-guide-a"]),
        "signatures": _signatures(),
        "uploads": _uploads(photo_rules["photo-guide-a"], seed=seed),
        "beside_the_loop": asyncio.run(_beside_the_loop(photo_rules, seed=seed)),
    }


def _judged(content: bytes, rules: PhotoRules) -> tuple[Judged, float]:
    """The answer, and the seconds of one core that it took."""
    began = time.process_time()
    taken = taken_in(data=content, kind="photo")
    assert isinstance(taken, Taken)
    return examine(taken=taken, rule_set=rules, day=DAY), time.process_time() - began


def _portraits(rules: PhotoRules) -> dict[str, object]:
    _judged(content_of(LARGE), rules)  # loads the models, once
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
        "memory_growth_mb": round((peak_bytes() - before) / 1_000_000),
    }


async def _beside_the_loop(photo_rules: dict[str, PhotoRules], *, seed: int) -> dict[str, Any]:
    """Some of them through the server's own way: none may cost a worker."""
    tried = [*bombs(), *islice(everything(seed=seed + 1, damaged_count=BESIDE_THE_LOOP), 20, None)]
    answers: Counter[str] = Counter()
    async with Examining(photo_rules=photo_rules) as examining:
        for _, content in tried:
            answer = await examining.examine(data=content, kind="photo", rule_set="photo-guide-a", day=DAY)
            answers[answer.code if isinstance(answer, Refusal) else "judged"] += 1
    return {"tried": len(tried), "answers": dict(sorted(answers.items()))}
