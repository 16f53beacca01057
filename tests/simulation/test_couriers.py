"""What the simulator's couriers do with what is in their hands."""

from datetime import UTC, datetime, timedelta

import pytest

from safehand.programme.launch.chance import Chance
from safehand.programme.launch.duties import Moment, Shares
from safehand.programme.launch.houses import Line
from safehand.simulation.couriers import STRATEGIES, Street
from safehand.simulation.world import Make, World

NOW = datetime(2024, 11, 11, 3, tzinfo=UTC)


@pytest.mark.parametrize("strategy", ["coaxes_the_code", "swaps_two", "takes_days"])
def test_what_was_left_with_a_neighbour_is_brought_to_the_right_door_afterwards(strategy: str) -> None:
    """Seed 226: whoever had nobody to betray left one envelope with the neighbour again and again, without end."""
    street = Street(world=World(), code_of=lambda order: "", agents_code_of=lambda order: "")
    if strategy == "swaps_two":
        street.world.made(Make(310000, "ca_1", 1), 7)
        street.world.seal("or_1", Make(310000, "ca_1", 1))
    seen = []
    for days in (0, 4, 6):
        now = NOW + timedelta(days=days)
        line = Line(
            city=310000,
            stream="or_1",
            since=now - timedelta(hours=4),
            due_at=None,
            owner="courier",
            narrowed="",
            state={
                "acceptance": {"waybill": "LK000000000CN"},
                "delivery": {"state": "with_courier", "courier": "st_1", "office": "310000-A"},
            },
        )
        m = Moment(now=now, chance=Chance(seed=1), shares=Shares(nonconforming=1), applicants={})
        act = STRATEGIES[strategy](line, m, street)
        seen.append(act.action if act else "")
    assert [one for one in seen if one] == [
        "delivery.report_nonconforming",
        *["delivery.claim"] * (1 if strategy == "takes_days" else 2),
    ]
