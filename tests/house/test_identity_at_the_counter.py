"""The recipient at the post-office counter with the identity document, through both living houses and their link."""

from __future__ import annotations

import pytest

from safehand.link.identity_word import identity_word
from safehand.link.messages import ProofMethod, Reason
from tests.house.journey import SHANGHAI, Journey
from tests.house.living import Living, person_of

pytestmark = pytest.mark.slow


def claimed(journey: Journey, id_number: str) -> None:
    """The terminal reads a document, the clerk claims, and the houses have talked."""
    word = identity_word(order=journey.order, id_number=id_number)
    claim = {"method": ProofMethod.COUNTER_IDENTITY, "code": word, "occurred_at": journey.now().isoformat()}
    journey.post("office_clerk", "delivery.claim_at_counter", **claim)
    journey.tell()


def where(journey: Journey) -> tuple[str, str]:
    """What each house says of the delivery."""
    return journey.state()["tracking"]["state"], journey.item()["delivery"]["state"]


def test_the_right_document_proves_the_delivery_and_a_strangers_never_does(living: Living) -> None:
    journey = Journey.begun(living, 310).paid().made().with_post().held()
    assert where(journey) == ("on_the_way", "held")
    for _ in range(2):
        claimed(journey, person_of(311).id_number)
        assert where(journey) == ("on_the_way", "held")
    said = living.rows(
        "authority",
        "select body from event where stream = $1 and kind = 'tracking.claim_refused'",
        journey.case,
    )
    assert len(said) == 2
    assert all(f'"reason":{int(Reason.IDENTITY_NOT_PROVEN)}' in str(row[0]).replace(" ", "") for row in said)

    claimed(journey, person_of(310).id_number)
    assert where(journey) == ("delivered", "delivered")
    assert journey.state()["application"]["state"] == "completed"
    [sealed] = living.rows(
        "authority",
        "select body from event where stream = $1 and kind = 'tracking.proof_sealed'",
        journey.case,
    )
    assert f'"method":{int(ProofMethod.COUNTER_IDENTITY)}' in str(sealed[0]).replace(" ", "")


def test_the_number_is_nowhere_at_the_post_and_a_clerk_who_keys_it_is_stopped(living: Living) -> None:
    journey = Journey.begun(living, 312).paid().made().with_post().held()
    number = person_of(312).id_number
    for keyed in (number, number[-4:], number[:12]):
        item = {
            "city": SHANGHAI,
            "item": journey.order,
            "waybill": journey.waybill,
            "method": 3,
            "code": keyed,
            "occurred_at": journey.now().isoformat(),
        }
        answer = journey.asked("post", "office_clerk", "delivery.claim_at_counter", item)
        assert answer.status_code in (400, 422), answer.text
        assert keyed not in answer.text
    claimed(journey, number)
    assert where(journey) == ("delivered", "delivered")
    for table in ("event", "stream", "link_outbox", "link_received", "answer"):
        # As text, and as bytes are shown.
        found = living.rows(
            "post",
            f"select count(*) from {table} as t where t::text like any(array['%' || $1 || '%', '%' || $2 || '%'])",
            number,
            number.encode().hex(),
        )
        assert found[0][0] == 0, table
