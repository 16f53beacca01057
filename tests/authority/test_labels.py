"""The clerk's label when the post does not answer: a refusal with the way out, and the look stays written down."""

from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from safehand.authority.handover.api import refusal_of
from safehand.house.sessions import Session
from safehand.house.settings import Settings
from safehand.link.labels import LabelCode
from tests.authority.living_authority import SHANGHAI, living

pytestmark = pytest.mark.slow
CLOSED = "http://127.0.0.1:9"


@pytest.mark.parametrize(
    ("code", "told"),
    [
        (LabelCode.UNKNOWN, "handover.label_unknown"),
        (LabelCode.NO_NUMBER_YET, "handover.label_unknown"),
        (LabelCode.PERSON_ERASED, "handover.label_person_erased"),
        (LabelCode.NOT_PRINTABLE, "handover.label_not_printable"),
        (LabelCode.BUSY, "handover.post_away"),
    ],
)
def test_whatever_the_post_answers_the_clerk_is_told_what_to_do(code: LabelCode, told: str) -> None:
    assert refusal_of(code).code == told


def without_address(settings: Settings) -> Settings:
    return settings


def at_a_closed_port(settings: Settings) -> Settings:
    return structs.replace(settings, peers=[structs.replace(settings.peers[0], name="postal", url=CLOSED)])


@pytest.mark.parametrize("change", [without_address, at_a_closed_port])
def test_when_the_post_is_away_the_clerk_is_told_what_to_do(
    run: Any, fresh_database: Any, tmp_path: Path, change: Any
) -> None:
    async def scene() -> None:
        async with living(dsn=fresh_database(), folder=tmp_path, change=change) as world:
            someone = world.person()
            await someone.sign_in("applicant")
            case = (await world.submit(someone, "applicant"))["case"]
            await world.bring_to_label(case)
            house = world.app.state.house
            clerk = Session(actor="st_clerk", roles=frozenset({"handover_clerk"}), cities=(SHANGHAI,))
            token = await house.sessions.open(session=clerk, basis="clerk")
            answer = await someone.browser.get(
                f"/v1/labels?city={SHANGHAI}&case={case}",
                headers={"authorization": f"Bearer {token}", "accept": "application/json"},
            )
            assert (answer.status_code, answer.json()["code"]) == (503, "handover.post_away")
            assert answer.json()["way_out"]
            looks = await house.store.fetch("select actor, stream from read_log where what = 'label'")
            assert [tuple(row) for row in looks] == [("st_clerk", case)]

    run(scene())
