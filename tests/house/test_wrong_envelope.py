"""A clerk who scans what does not belong together is told so, and the catch stays on record."""

from __future__ import annotations

import pytest

from tests.house.journey import SHANGHAI, Journey
from tests.house.living import Living

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(("number", "wrong"), [(330, "waybill"), (331, "blank")])
def test_a_wrong_envelope_is_a_refusal_for_the_clerk_and_an_event_for_the_journal(
    living: Living, number: int, wrong: str
) -> None:
    journey = Journey.begun(living, number).paid().made()
    journey.authority("handover_clerk", "handover.print_label")
    case = {"city": SHANGHAI, "case": journey.case}
    right = {"waybill": journey.waybill, "blank": journey.blank, "second_person": "st_colleague"}
    strange = {"waybill": "ZA999999999CN", "blank": journey.blank + 1}[wrong]
    answer = journey.asked("authority", "handover_clerk", "handover.seal", case | right | {wrong: strange})
    assert answer.status_code == 409
    assert answer.json()["code"] == "handover.wrong_envelope"
    assert wrong in answer.text
    handover = journey.state()["handover"]
    assert (handover["state"], handover["wrong_envelopes"]) == ("labelled", 1)
    journey.authority("handover_clerk", "handover.seal", **right)
    assert journey.state()["handover"]["state"] == "sealed"
