"""The register: facts from the register and never from the number, entries once, restarts keep what changed."""

from datetime import date

import httpx
import msgspec
import pytest

from safehand.authority.register.facts import RegisterFacts
from safehand.sandbox.cast import load_cast, load_places, synthetic_person
from safehand.sandbox.world import REPOSITORY, World

pytestmark = pytest.mark.slow

TODAY = date(2024, 5, 6)
PLACES = load_places(cast_folder=REPOSITORY / "cast", cities_folder=REPOSITORY / "cities")
CAST = load_cast(cast_folder=REPOSITORY / "cast", places=PLACES, today=TODAY)
APPLICANT = CAST.person("applicant").id_number


def resident(number: int) -> str:
    """The ID number of a synthetic resident."""
    return synthetic_person(seed=7, number=number, city="310000", today=TODAY, places=PLACES).id_number


def outcomes(response: httpx.Response) -> list[dict]:
    assert response.status_code == 200, response.text
    return response.json()["outcomes"]


def issue(key: str, **other: object) -> dict:
    return {
        "key": key,
        "id_number": APPLICANT,
        "kind": "passport",
        "number": "E00000001",
        "issued_on": "2024-05-10",
        "expires_on": "2034-05-09",
        "fingerprints_stored": True,
    } | other


def test_its_answers_are_what_the_authority_reads(start, play):
    @play
    async def scene():
        async with start("register") as sandbox:
            asked = [member.person.id_number for member in CAST.people.values()] + [resident(5)]
            answers = outcomes(await sandbox.post("register", "/v1/lookup", {"id_numbers": asked}))
            read = [msgspec.convert(answer["facts"], RegisterFacts) for answer in answers]
            assert [facts.birth_date for facts in read[:-1]] == [
                member.person.birth_date for member in CAST.people.values()
            ]
            assert read[0].household_city == "310000"
            assert {document.kind for document in read[0].documents} >= {"passport"}


def test_the_number_never_decides_the_city(start, play):
    @play
    async def scene():
        async with start("register") as sandbox:
            asked = [resident(number) for number in range(40)]
            assert {number[:6] for number in asked} == {"999999"}
            answers = outcomes(await sandbox.post("register", "/v1/lookup", {"id_numbers": asked}))
            assert {answer["facts"]["household_city"] for answer in answers} == set(PLACES.cities)


def test_residents_can_be_settled_in_a_city_and_stay_there_after_a_restart(start, play):
    @play
    async def scene():
        async with start("register") as sandbox:
            settlements = [
                {"city": "440300", "first": 0, "count": 100},
                {"city": "310000", "first": 50, "count": 10},
            ]
            await sandbox.post("register", "/v1/people/settle", {"settlements": settlements})
            await sandbox.post("register", "/v1/people/settle", {"settlements": settlements})
        async with start("register") as sandbox:
            asked = [resident(number) for number in (0, 49, 50, 59, 60, 99)]
            answers = outcomes(await sandbox.post("register", "/v1/lookup", {"id_numbers": asked}))
            cities = [answer["facts"]["household_city"] for answer in answers]
            assert cities == ["440300", "440300", "310000", "310000", "440300", "440300"]


def test_every_resident_is_found_again_by_number():
    world = World(seed=7, day=TODAY, cast_folder=REPOSITORY / "cast", cities_folder=REPOSITORY / "cities")
    for number in (0, 1, 979, 980, 123_456, 999_999):
        assert world.number_of(id_number=resident(number)) == number


@pytest.mark.parametrize(
    ("number", "code"),
    [
        ("999999199001010010", "register_service.not_an_id_number"),
        ("99999919900231001X", "register_service.not_an_id_number"),
        ("12", "register_service.not_an_id_number"),
        ("１" * 18, "register_service.not_an_id_number"),
        ("11010519491231002X", "register_service.nobody"),
    ],
)
def test_a_number_that_is_nobodys_is_refused_by_itself(start, play, number, code):
    @play
    async def scene():
        async with start("register") as sandbox:
            answers = outcomes(
                await sandbox.post("register", "/v1/lookup", {"id_numbers": [number, APPLICANT]})
            )
            assert answers[0]["problem"]["code"] == code
            assert answers[1]["facts"]["household_city"] == "310000"


def test_a_document_is_entered_once_however_often_it_is_sent(start, play):
    @play
    async def scene():
        async with start("register") as sandbox:
            for _ in range(2):
                answers = outcomes(
                    await sandbox.post(
                        "register", "/v1/documents/issue", {"documents": [issue("k1"), issue("k1")]}
                    )
                )
                assert [answer["done"] for answer in answers] == [True, True]
        async with start("register") as sandbox:
            answers = outcomes(await sandbox.post("register", "/v1/lookup", {"id_numbers": [APPLICANT]}))
            numbers = [document["number"] for document in answers[0]["facts"]["documents"]]
            assert numbers.count("E00000001") == 1


def test_an_entry_which_cannot_be_is_refused_with_its_reason(start, play):
    dead = CAST.person("deceased").id_number
    own = CAST.person("applicant").documents[0].number

    @play
    async def scene():
        async with start("register") as sandbox:
            answers = outcomes(
                await sandbox.post(
                    "register",
                    "/v1/documents/issue",
                    {
                        "documents": [
                            issue("k1"),
                            issue("k1", number="E00000002"),
                            issue("k2", id_number=resident(3)),
                            issue("k3", id_number=dead, number="E00000003"),
                            issue("k4", number="E00000004", expires_on="2024-05-09"),
                            issue("k5", number=own),
                        ]
                    },
                )
            )
            assert [answer["problem"] and answer["problem"]["code"] for answer in answers] == [
                None,
                "sandbox.key_with_other_body",
                "register_service.document_number_taken",
                "register_service.deceased",
                "register_service.dates_wrong",
                "register_service.document_number_taken",
            ]


def test_a_lost_document_is_reported_and_a_replaced_one_cancelled(start, play):
    held = CAST.person("applicant").documents

    @play
    async def scene():
        async with start("register") as sandbox:
            entries = [
                {"key": "c1", "id_number": APPLICANT, "number": held[0].number, "reason": "stolen"},
                {"key": "c2", "id_number": APPLICANT, "number": held[1].number, "reason": "replaced"},
                {"key": "c3", "id_number": APPLICANT, "number": "E99999999", "reason": "replaced"},
                {"key": "c4", "id_number": APPLICANT, "number": held[0].number, "reason": "replaced"},
            ]
            answers = outcomes(await sandbox.post("register", "/v1/documents/cancel", {"documents": entries}))
            assert [answer["done"] for answer in answers] == [True, True, False, True]
            assert answers[2]["problem"]["code"] == "register_service.no_such_document"
            answers = outcomes(await sandbox.post("register", "/v1/lookup", {"id_numbers": [APPLICANT]}))
            assert [document["status"] for document in answers[0]["facts"]["documents"]] == [
                "reported_lost",
                "cancelled",
                "valid",
            ]


def test_a_document_is_suspended_for_a_while_and_a_cancelled_one_stays_cancelled(start, play):
    number = CAST.person("applicant").documents[0].number

    @play
    async def scene():
        async with start("register") as sandbox:

            async def said(path: str, key: str, which: str) -> bool:
                entry = {"key": key, "id_number": APPLICANT, "number": which}
                answers = await sandbox.post("register", f"/v1/documents/{path}", {"documents": [entry]})
                return outcomes(answers)[0]["done"]

            async def status() -> str:
                asked = {"id_numbers": [APPLICANT]}
                [answer] = outcomes(await sandbox.post("register", "/v1/lookup", asked))
                return answer["facts"]["documents"][0]["status"]

            assert await said("suspend", "s1", number)
            assert await status() == "suspended"
            assert await said("restore", "r1", number)
            assert await said("suspend", "s1", number), "told again: nothing new"
            assert await status() == "valid"
            assert not await said("suspend", "s2", "E99999999")
            assert await said("suspend", "s3", number)
            lost = {"key": "c1", "id_number": APPLICANT, "number": number, "reason": "lost"}
            await sandbox.post("register", "/v1/documents/cancel", {"documents": [lost]})
            assert await said("restore", "r2", number)
            assert await status() == "reported_lost"


def test_the_world_can_change_somebody_between_two_questions(start, play):
    @play
    async def scene():
        async with start("register") as sandbox:
            change = {"id_number": resident(1), "household_city": "330100", "in_mainland": False}
            answers = outcomes(
                await sandbox.post("register", "/v1/people/change", {"people": [change, {"id_number": "1"}]})
            )
            assert [answer["done"] for answer in answers] == [True, False]
            facts = outcomes(await sandbox.post("register", "/v1/lookup", {"id_numbers": [resident(1)]}))[0][
                "facts"
            ]
            assert (facts["household_city"], facts["in_mainland"], facts["deceased"]) == (
                "330100",
                False,
                False,
            )


def test_five_hundred_people_are_looked_up_in_one_request(start, play):
    @play
    async def scene():
        async with start("register") as sandbox:
            asked = [resident(number) for number in range(500)]
            answers = outcomes(await sandbox.post("register", "/v1/lookup", {"id_numbers": asked}))
            assert len(answers) == 500
            assert len({answer["facts"]["birth_date"] for answer in answers}) > 100, (
                "each has a life of their own"
            )


def test_more_than_five_hundred_at_once_are_refused(start, play):
    @play
    async def scene():
        async with start("register") as sandbox:
            response = await sandbox.post("register", "/v1/lookup", {"id_numbers": [APPLICANT] * 501})
            assert response.status_code == 422
            assert response.json()["code"] == "sandbox.wrong_shape"
