"""What was begun and uploaded: kept sealed, never overwritten from another window, and taken along with the application."""

from __future__ import annotations

import hashlib
from typing import Any

import asyncpg
from msgspec.structs import replace

from safehand.authority.application.commands import Part
from safehand.authority.application.drafts import KEPT_FOR, Draft, Drafts, Held, Picture, correction_of
from safehand.authority.application.uploads import UPLOADED
from safehand.authority.examination.commands import AskCorrection
from safehand.house.persons import read_persons
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from tests.authority.living_authority import SHANGHAI, START, World, living

MARK = b"MARKER-7f3a a face that nobody may see"


def house_of(world: World) -> House:
    return world.app.state.house


def uploads_needed(settings: Any) -> Any:
    return replace(settings, pictures_declared=False)


def judged(part: str, verdict: Any = "fits") -> Picture:
    digest = hashlib.sha256(MARK + part.encode()).hexdigest()
    return Picture(digest=digest, verdict=verdict, rule_set="photo-guide-a", findings=())


async def filled(drafts: Drafts, owner: str, parts: tuple[Part, ...] = UPLOADED, **verdicts: Any) -> Held:
    """A draft with pictures."""
    draft = Draft(
        id="draft-0001",
        city=SHANGHAI,
        document="passport",
        ground="expiring",
        phone="19900000001",
        pictures={part: judged(part, verdicts.get(part, "fits")) for part in parts},
    )
    pictures = {str(part): MARK + part.encode() for part in parts}
    saved = await drafts.save(
        owner=owner, held=drafts.begun(owner=owner, draft=draft), draft=draft, pictures=pictures
    )
    assert saved is not None
    return saved


async def applicant_of(world: World, key: str) -> tuple[Any, str]:
    """Somebody of the cast with a browser, signed in, and the actor that they are."""
    person = world.person()
    await person.sign_in(key)
    session = await house_of(world).sessions.find(token=person.browser.cookies["session"])
    assert session is not None
    return person, session.actor


def named(part: str) -> str:
    return judged(part).digest


async def rows(dsn: str, table: str) -> list[str]:
    connection = await asyncpg.connect(dsn)
    try:
        return [str(row) for row in await connection.fetch(f"select * from {table}")]
    finally:
        await connection.close()


def test_two_windows_do_not_overwrite_each_other(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path) as world:
            drafts = Drafts(house=house_of(world))
            first = await filled(drafts, "ap_one")
            one, other = await drafts.read(owner="ap_one"), await drafts.read(owner="ap_one")
            assert one is not None
            assert other is not None
            assert (one.draft, one.version) == (first.draft, 1)
            changed = replace(one.draft, phone="19900001111")
            assert await drafts.save(owner="ap_one", held=one, draft=changed) is not None
            late = replace(other.draft, phone="19900002222")
            gone = await drafts.save(owner="ap_one", held=other, draft=late, gone=["photo"])
            assert gone is None
            now = await drafts.read(owner="ap_one")
            assert now is not None
            assert now.draft.phone == "19900001111"
            pictures = await drafts.pictures(owner="ap_one", held=now, names=UPLOADED)
            assert set(pictures) == set(UPLOADED)
            # Begun twice at the same time: one of the two stands.
            twice = drafts.begun(owner="ap_one", draft=late)
            assert await drafts.save(owner="ap_one", held=twice, draft=late) is None

    run(scene())


def test_a_draft_is_found_by_its_owner_alone_and_goes_after_a_month(run, fresh_database, tmp_path):
    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path) as world:
            drafts = Drafts(house=house_of(world))
            await filled(drafts, "ap_one")
            assert await drafts.read(owner="ap_two") is None
            kept = "".join([*await rows(dsn, "draft"), *await rows(dsn, "vault_record")])
            for secret in ("ap_one", "19900000001", "MARKER"):
                assert secret not in kept
            await world.move_to(START + KEPT_FOR)
            await filled(drafts, "ap_two")
            assert await drafts.sweep() == 1
            assert await drafts.read(owner="ap_one") is None
            assert await drafts.read(owner="ap_two") is not None
            assert len(await rows(dsn, "keys.case_key")) == 1
            await drafts.forget(owners=["ap_two"])
            for table in ("draft", "vault_record", "keys.case_key"):
                assert await rows(dsn, table) == []

    run(scene())


def test_pictures_go_with_the_application_and_the_draft_is_done_with(run, fresh_database, tmp_path):
    async def scene():
        dsn = fresh_database()
        async with living(dsn=dsn, folder=tmp_path, change=uploads_needed) as world:
            drafts = Drafts(house=house_of(world))
            person, actor = await applicant_of(world, "applicant")
            await filled(drafts, actor)
            pictures = {part: named(part) for part in UPLOADED}
            case = (await world.submit(person, "applicant", **pictures))["case"]
            key = StreamKey(SHANGHAI, case)
            for part in UPLOADED:
                kept = await read_persons(house=house_of(world), keys=[key], name=part)
                assert kept[key] == MARK + part.encode()
            verdict = await read_persons(house=house_of(world), keys=[key], name="verdict.photo")
            assert b'"rule_set":"photo-guide-a"' in verdict[key]
            assert await drafts.read(owner=actor) is None
            assert await rows(dsn, "draft") == []
            assert "MARKER" not in "".join(await rows(dsn, "vault_record"))

    run(scene())


def test_what_was_not_uploaded_or_does_not_fit_is_refused_by_name(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path, change=uploads_needed) as world:
            drafts = Drafts(house=house_of(world))
            person, actor = await applicant_of(world, "applicant")

            async def refused(**changes: Any) -> tuple[str, str]:
                answer = await person.browser.post(
                    "/v1/application/submit",
                    json=world.whole_application("applicant") | changes,
                    headers={"idempotency-key": "submit-me", "accept": "application/json"},
                )
                assert answer.status_code == 422, answer.text
                return answer.json()["code"], answer.json()["facts"]["parts"]

            every = {part: named(part) for part in UPLOADED}
            assert await refused(**every) == (
                "application.pictures_not_uploaded",
                "id_card_back,id_card_front,photo,signature",
            )
            await filled(drafts, actor, photo="fails")
            assert await refused(**every) == ("application.pictures_unfit", "photo")
            # Another picture than the one in the draft is not there.
            other = {**every, "signature": "a" * 64}
            assert await refused(**other) == ("application.pictures_not_uploaded", "signature")
            assert await drafts.read(owner=actor) is not None

    run(scene())


def test_a_correction_takes_the_place_of_the_old_picture_alone(run, fresh_database, tmp_path):
    async def scene():
        async with living(dsn=fresh_database(), folder=tmp_path, change=uploads_needed) as world:
            drafts = Drafts(house=house_of(world))
            person, actor = await applicant_of(world, "applicant")
            await filled(drafts, actor)
            every = {part: named(part) for part in UPLOADED}
            case = (await world.submit(person, "applicant", **every))["case"]
            key = StreamKey(SHANGHAI, case)
            await world.do(case, AskCorrection(defects=("photo.blurred",)))

            async def correct(parts: dict[str, str], idempotency: str) -> Any:
                return await person.browser.post(
                    "/v1/application/correct",
                    json={"city": SHANGHAI, "case": case, "parts": parts},
                    headers={"idempotency-key": idempotency, "accept": "application/json"},
                )

            new = judged("a better photo")
            missing = await correct({"photo": new.digest}, "correct-1")
            assert missing.json()["code"] == "application.pictures_not_uploaded"
            owner = correction_of(actor=actor, case=case)
            draft = Draft(
                id="draft-0002",
                city=SHANGHAI,
                document="passport",
                ground="expiring",
                pictures={"photo": new},
            )
            begun = drafts.begun(owner=owner, draft=draft)
            better = MARK + b"a better photo"
            assert await drafts.save(owner=owner, held=begun, draft=draft, pictures={"photo": better})
            done = await correct({"photo": new.digest}, "correct-2")
            assert done.status_code == 200, done.text
            house = house_of(world)
            assert (await read_persons(house=house, keys=[key], name="photo"))[key] == better
            same = await read_persons(house=house, keys=[key], name="signature")
            assert same[key] == MARK + b"signature"
            assert await drafts.read(owner=owner) is None

    run(scene())
