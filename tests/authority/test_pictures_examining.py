"""Pictures are examined beside the server's loop, and whatever is sent there is answered."""

import asyncio
import hashlib
import io
from datetime import date
from pathlib import Path

import pytest
from PIL import Image

from safehand.authority.documents import PhotoRules, load_photo_rules
from safehand.authority.pictures import Examining, Judged
from safehand.kernel.outcome import Refusal, sentence, way_out
from tests.authority.hostile_uploads import saved, still

ROOT = Path(__file__).parents[2]
DAY = date(2026, 1, 1)


@pytest.fixture(scope="module")
def photo_rules() -> dict[str, PhotoRules]:
    return load_photo_rules(ROOT / "documents" / "_photo")


def _plain(*, width: int = 480, height: int = 640) -> bytes:
    into = io.BytesIO()
    Image.linear_gradient("L").resize((width, height)).convert("RGB").save(into, "JPEG", quality=90)
    return into.getvalue()


def test_a_picture_is_judged_in_a_process_of_its_own_and_the_same_bytes_get_the_same_verdict(
    photo_rules: dict[str, PhotoRules],
):
    async def go() -> tuple[Judged | Refusal, Judged | Refusal]:
        async with Examining(photo_rules=photo_rules) as examining:
            asked = {"kind": "photo", "rule_set": "photo-guide-a", "day": DAY}
            first = await examining.examine(data=_plain(), **asked)
            assert isinstance(first, Judged)
            return first, await examining.examine(data=first.cleaned, source=first.source, **asked)

    first, again = asyncio.run(go())
    assert isinstance(first, Judged)
    assert isinstance(again, Judged)
    assert (first.verdict, first.rule_set, first.since) == ("fails", "photo-guide-a", date(2024, 5, 6))
    assert (again.digest, again.findings) == (first.digest, first.findings)
    assert first.digest == hashlib.sha256(first.cleaned).hexdigest()


def test_what_cannot_be_judged_is_refused_with_a_way_out(photo_rules: dict[str, PhotoRules]):
    async def go() -> list[Judged | Refusal]:
        async with Examining(photo_rules=photo_rules) as examining:
            return [
                await examining.examine(data=data, kind=kind, rule_set=rule_set, day=day)
                for data, kind, rule_set, day in (
                    (b"", "photo", "photo-guide-a", DAY),
                    (_plain(), "portrait", "photo-guide-a", DAY),
                    (_plain(), "photo", "photo-guide-z", DAY),
                    (_plain(), "photo", "photo-guide-a", date(2020, 1, 1)),
                )
            ] + [await examining.mend(data=_plain(), kind="photo", rule_set="photo-guide-a", day=DAY)]

    refused = asyncio.run(go())
    assert [one.code for one in refused if isinstance(one, Refusal)] == [
        "picture.empty",
        "picture.unknown_kind",
        "picture.no_rules",
        "picture.no_rules",
        "picture.mended_by_nothing",
    ]
    for one in refused:
        assert isinstance(one, Refusal)
        assert sentence(one, "en")
        assert way_out(one, "zh")


def test_a_picture_that_takes_too_long_ends_its_worker_and_the_next_one_is_judged(
    photo_rules: dict[str, PhotoRules],
):
    async def go() -> list[Judged | Refusal]:
        # No picture can be judged in so little time: the kernel's alarm ends the worker wherever it is.
        async with Examining(photo_rules=photo_rules, seconds_max=0.001) as examining:
            return [
                await examining.examine(data=_plain(), kind="photo", rule_set="photo-guide-a", day=DAY)
                for _ in range(2)
            ]

    assert [one.code for one in asyncio.run(go()) if isinstance(one, Refusal)] == [
        "picture.too_much_work"
    ] * 2


def test_more_than_may_wait_are_asked_to_come_again_and_none_of_the_others_is_lost(
    photo_rules: dict[str, PhotoRules],
):
    async def go() -> list[Judged | Refusal]:
        async with Examining(photo_rules=photo_rules, waiting_max=3) as examining:
            return await asyncio.gather(
                *(
                    examining.examine(data=_plain(), kind="photo", rule_set="photo-guide-a", day=DAY)
                    for _ in range(5)
                )
            )

    answers = asyncio.run(go())
    assert [isinstance(one, Judged) for one in answers] == [True, True, True, False, False]
    assert {one.code for one in answers if isinstance(one, Refusal)} == {"picture.busy"}


def test_a_picture_that_needs_more_memory_than_it_may_have_is_refused_and_the_worker_goes_on(
    photo_rules: dict[str, PhotoRules],
):
    # 24 million pixels of nothing: a file of some kilobytes that becomes 70 MB.
    large = saved(Image.new("RGB", (4_900, 4_900)), "PNG")

    async def go() -> list[Judged | Refusal]:
        async with Examining(photo_rules=photo_rules, memory_bytes_max=60_000_000) as examining:
            return [
                await examining.examine(data=data, kind="signature", rule_set="photo-guide-a", day=DAY)
                for data in (large, saved(still(), "PNG"))
            ]

    refused, judged = asyncio.run(go())
    assert isinstance(refused, Refusal)
    assert refused.code == "picture.too_much_work"
    assert isinstance(judged, Judged)


def test_what_was_kept_and_is_damaged_is_an_answer_too(photo_rules: dict[str, PhotoRules]):
    async def go() -> Judged | Refusal:
        async with Examining(photo_rules=photo_rules) as examining:
            asked = {"kind": "photo", "rule_set": "photo-guide-a", "day": DAY}
            first = await examining.examine(data=_plain(), **asked)
            assert isinstance(first, Judged)
            return await examining.examine(data=first.cleaned[:3_000], source=first.source, **asked)

    answer = asyncio.run(go())
    assert isinstance(answer, Refusal)
    assert answer.code == "picture.broken"
