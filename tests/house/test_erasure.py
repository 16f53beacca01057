"""Erasing a person: only of what has ended, at both houses, by those who may; nothing of them is left, and the books verify."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from safehand.house import erasure
from safehand.house.settings import key_ring, read_settings
from safehand.house.verify import verify_house
from safehand.kernel.outcome import Refusal
from safehand.kernel.steps import defects_of_step
from safehand.kernel.store_postgres import PostgresStore
from safehand.link.identity_word import identity_word
from safehand.link.messages import ProofMethod
from tests.house.journey import SHANGHAI, Journey
from tests.house.living import Living, application_of, new_key, person_of

slow = pytest.mark.slow
HOUSES = ("authority", "post")
SHANGHAI_NOON = datetime(2024, 5, 6, 4, tzinfo=UTC)


def test_the_step_is_sound_and_happens_once() -> None:
    assert not defects_of_step(
        states=erasure.S,
        first=erasure.S.NONE,
        table=erasure.TABLE,
        waiting=erasure.WAITING,
        terminal=erasure.TERMINAL,
    )
    assert set(erasure.WORDS) == set(erasure.S)
    new = erasure.Erasure()
    refused = erasure.decide(new, erasure.OrderErasure(), live=True)
    assert isinstance(refused, Refusal)
    assert refused.code == "erasure.still_live"
    assert erasure.decide(new, erasure.RecordErased(), live=False) == []
    ordered = erasure.Erasure(state=erasure.S.ORDERED)
    for again in (erasure.OrderErasure(), erasure.HearErasure()):
        assert erasure.decide(ordered, again, live=False) == []
    done = erasure.Erasure(state=erasure.S.DONE)
    assert erasure.decide(done, erasure.RecordErased(), live=False) == []


def test_an_ordered_erasure_waits_for_the_job_and_nothing_else_does() -> None:
    at = SHANGHAI_NOON
    key = {"group": "SH-01"}
    assert erasure.waits(erasure.Erasure(), **key) == ()
    assert erasure.waits(erasure.Erasure(state=erasure.S.DONE, since=at), **key) == ()
    [line] = erasure.waits(erasure.Erasure(state=erasure.S.ORDERED, since=at), **key)
    assert (line.queue, line.since, line.owner, line.group) == ("erasure.ordered", at, "system", "SH-01")
    ordered = erasure.fold(erasure.Erasure(), erasure.ErasureOrdered(cause="asked_by_person"), at)
    assert (ordered.state, ordered.since) == (erasure.S.ORDERED, at)
    assert erasure.fold(ordered, erasure.PersonErased(), at).state is erasure.S.DONE


def test_an_erasure_says_who_asked_for_it() -> None:
    for command, cause in (
        (erasure.OrderErasure(), "asked_by_person"),
        (erasure.HearErasure(), "told_by_peer"),
    ):
        [event] = erasure.decide(erasure.Erasure(), command, live=False)  # pyright: ignore[reportGeneralTypeIssues]
        assert event == erasure.ErasureOrdered(cause=cause)
    ordered = erasure.Erasure(state=erasure.S.ORDERED)
    assert erasure.decide(ordered, erasure.RecordErased(), live=False) == [erasure.PersonErased()]


def delivered(living: Living, number: int) -> Journey:
    """A case to its end: in the recipient's hands, proven, with nothing owed to anybody."""
    journey = Journey.begun(living, number).paid().made().with_post().held()
    word = identity_word(order=journey.order, id_number=person_of(number).id_number)
    claim = {"method": ProofMethod.COUNTER_IDENTITY, "code": word, "occurred_at": journey.now().isoformat()}
    journey.post("office_clerk", "delivery.claim_at_counter", **claim)
    journey.tell()
    for _ in range(3):
        # The register hears of the new document and of the old one, each in its turn.
        living.control("authority", "chores", {"without": ["notices", "close_days", "checkpoints"]})
    assert not living.rows("authority", "select queue from work where stream = $1", journey.case)
    assert journey.state()["application"]["state"] == "completed"
    return journey


def erased(journey: Journey) -> None:
    """The jobs run, the houses talk, the jobs run."""
    for _ in range(2):
        for house in HOUSES:
            journey.living.control(house, "chores", {"without": ["notices", "close_days"]})
        journey.tell()


def asked(journey: Journey, role: str, house: str = "authority", **item: Any) -> tuple[int, str]:
    named = {"case": journey.case} if house == "authority" else {"item": journey.order}
    answer = journey.asked(house, role, "erasure.order", {"city": SHANGHAI} | named | item)
    return answer.status_code, answer.json().get("code", "")


def everything(living: Living, house: str) -> str:
    """Every table of a house as text; bytes as hexadecimal."""
    tables = living.rows(
        house,
        "select format('%I.%I', schemaname, tablename) from pg_tables where schemaname in ('public', 'keys')",
    )
    return "\n".join(
        str(row[0]) for table in tables for row in living.rows(house, f"select t::text from {table[0]} t")
    )


def kept_of(journey: Journey, house: str) -> list[int]:
    """How much a house still keeps of the person: keys, records, ways to find them."""
    subject = journey.case if house == "authority" else journey.order
    tables = ("keys.case_key", "vault_record", "blind_index")
    return [
        journey.living.rows(house, f"select count(*) from {table} where subject = $1", subject)[0][0]
        for table in tables
    ]


def breaks(living: Living, house: str) -> list[Any]:
    async def verify() -> list[Any]:
        settings = read_settings(living.world.settings_of(house))
        store = await PostgresStore.create(dsn=settings.database, connections_max=2)
        try:
            found = await verify_house(store=store, ring=key_ring(settings), witness=settings.peers[0].name)
        finally:
            await store.close()
        return [one for one in found if not one.holds]

    return asyncio.run(verify())


@slow
def test_of_an_erased_person_nothing_can_be_read_in_either_house_and_both_verify(living: Living) -> None:
    journey = delivered(living, 410)
    assert kept_of(journey, "authority") == [1, 2, 1]
    assert kept_of(journey, "post") == [1, 1, 0]
    assert asked(journey, "applicant") == (200, "")
    erased(journey)
    assert kept_of(journey, "authority") == kept_of(journey, "post") == [0, 0, 0]
    assert journey.state()["erasure"]["state"] == journey.item()["erasure"]["state"] == "done"
    person = person_of(410)
    mine = application_of(person)
    for house in HOUSES:
        text = everything(living, house)
        for known in (person.id_number, person.name_zh, person.phone, person.email, mine["address"]):
            assert known not in text, house
            assert known.encode().hex() not in text, house
        assert breaks(living, house) == []
    # The case is nobody's any more: whoever has its reference reads that, its applicant like anybody.
    assert asked(journey, "applicant") == (409, "erasure.person_erased")
    stranger, _ = living.applicant(414)
    for token in (journey.applicant, stranger):
        read = living.client.get(
            living.url("authority", f"/v1/cases/{SHANGHAI}/{journey.case}"),
            headers={"authorization": f"Bearer {token}"},
        )
        assert (read.status_code, read.json()["code"]) == (409, "erasure.person_erased")
    label = living.staff("post", "acceptance_clerk")
    answer = living.client.post(
        living.url("post", "/v1/labels"),
        json={"city": SHANGHAI, "items": [journey.order], "profile": "masked"},
        headers={"authorization": f"Bearer {label}"},
    )
    assert answer.json()["code"] == "label.person_erased"


@slow
def test_the_journal_says_that_and_why_somebody_was_erased_and_never_whom(living: Living) -> None:
    journey = delivered(living, 411)
    assert asked(journey, "authority_manager", cause="retention_over") == (200, "")
    assert asked(journey, "authority_manager", cause="retention_over") == (200, "")
    erased(journey)
    for house, stream in (("authority", journey.case), ("post", journey.order)):
        rows = living.rows(
            house,
            "select kind, body from event where stream = $1 and kind like 'erasure.%' order by version",
            stream,
        )
        assert [row[0] for row in rows] == ["erasure.ordered", "erasure.done"]
        cause = "retention_over" if house == "authority" else "told_by_peer"
        assert cause in str(rows[0][1])
    denied = journey.asked(
        "authority", "applicant", "tracking.deny_receipt", {"city": SHANGHAI, "case": journey.case}
    )
    assert denied.json()["code"] == "erasure.person_erased"


@slow
def test_what_has_not_ended_keeps_its_person(living: Living) -> None:
    begun = Journey.begun(living, 412)
    assert asked(begun, "applicant") == (409, "erasure.still_live")
    assert asked(begun, "authority_manager") == (409, "erasure.still_live")
    underway = begun.paid().made().with_post()
    assert asked(underway, "applicant") == (409, "erasure.still_live")
    assert asked(underway, "postal_manager", house="post") == (409, "erasure.still_live")
    erased(underway)
    assert kept_of(underway, "authority")[0] == kept_of(underway, "post")[0] == 1


@slow
def test_nobody_else_can_have_somebody_erased(living: Living) -> None:
    journey = delivered(living, 413)
    for role in ("examiner", "handover_clerk", "production_clerk", "nobody"):
        assert asked(journey, role) == (403, "role.not_allowed")
    for role in ("courier", "office_clerk", "acceptance_clerk"):
        assert asked(journey, role, house="post") == (403, "role.not_allowed")
    stranger, _ = living.applicant(414)
    item = {"city": SHANGHAI, "case": journey.case}
    answer = living.post("authority", "erasure.order", item, stranger, key=new_key())
    assert (answer.status_code, answer.json()["code"]) == (404, "request.not_found")
    assert asked(journey, "applicant", cause="because") == (400, "request.invalid")
    erased(journey)
    assert kept_of(journey, "authority")[0] == kept_of(journey, "post")[0] == 1
    # The post may end its own retention sooner: its item has ended, and the authority keeps what is its own.
    assert asked(journey, "postal_manager", house="post", cause="retention_over") == (200, "")
    erased(journey)
    assert kept_of(journey, "post") == [0, 0, 0]
    assert kept_of(journey, "authority")[0] == 1
