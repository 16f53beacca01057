"""A sample of the crash matrix: real houses, struck at each boundary of some acts, by each kind of strike."""

from __future__ import annotations

from typing import Any

import pytest

from safehand.simulation.crashes.matrix import STRIKING, Walked, prove, summed_up, tasks_of
from safehand.simulation.crashes.places import Passings, place_of
from safehand.simulation.crashes.walk import steps_struck
from safehand.simulation.crashes.ways import AGAIN_OF, CLOCK, HAPPEN, JOB, PAY, WAYS

ACTS = ("applied", "approved")
SAMPLE = {"approved": ACTS}
SEED = 20240506


@pytest.fixture(scope="module")
def result() -> dict[str, Any]:
    """What the sample gives: no link, so that it is quick; the link is in the whole matrix."""
    return prove(seed=SEED, ways=SAMPLE)


@pytest.mark.slow
def test_whatever_is_killed_each_action_takes_effect_once_and_its_key_tells_the_truth(
    result: dict[str, Any],
) -> None:
    assert result["findings"] == []
    assert result["violations"] == 0


@pytest.mark.slow
def test_every_kind_of_strike_strikes_at_every_kind_of_boundary(result: dict[str, Any]) -> None:
    assert set(result["strikes_by_kind"]) == set(STRIKING)
    assert result["strikes_by_kind"]["process"] >= len(ACTS) * 4
    for point in ("begun", "locked", "looked_up", "written", "committed"):
        assert result["strikes_by_point"][f"store.{point}"] >= len(ACTS)
    for cut in ("before", "in_flight", "after"):
        assert result["strikes_by_point"][f"commit.{cut}"] >= len(ACTS)
    struck = {"authority:application.submit", "authority:examination.approve"}
    assert struck.isdisjoint(result["actions_not_struck"])


@pytest.mark.slow
def test_every_way_can_be_walked_to_its_end_where_nothing_strikes() -> None:
    walked = prove(seed=SEED, ways=WAYS, kinds=())
    assert walked["findings"] == []
    assert walked["ways"] == len(WAYS)


def test_every_way_is_made_of_what_can_happen() -> None:
    for way, names in WAYS.items():
        for name in names:
            known = name.startswith((CLOCK, JOB)) or name == PAY or AGAIN_OF.get(name, name) in HAPPEN
            assert known, f"{way}: {name}"


def test_whatever_happens_on_any_way_is_struck_on_the_first_way_on_which_it_happens() -> None:
    struck = steps_struck(WAYS)
    names = {name for way in WAYS.values() for name in way if not name.startswith(CLOCK)}
    found = [WAYS[way][place] for way, places in struck.items() for place in places]
    acts = [name for name in found if not name.startswith(CLOCK)]
    assert sorted(acts) == sorted(names)


def test_no_two_walks_share_a_person_a_roll_of_blanks_or_a_database() -> None:
    numbers = [task.number for task in tasks_of(ways=WAYS, kinds=STRIKING, seed=1)]
    assert len(set(numbers)) == len(numbers)
    assert min(numbers) >= len(WAYS), "the first numbers are those of the undisturbed walks"


def test_a_boundary_is_named_by_the_point_and_is_struck_twice_at_most() -> None:
    passings = Passings()
    names = [passings.next("store.committed") for _ in range(4)]
    assert names[0].endswith("#1")
    assert names[2:] == ["", ""]
    assert passings.commits == 4
    assert place_of("store.begun").startswith("store.begun")


def test_what_was_not_walked_to_its_end_is_a_violation() -> None:
    broken = Walked(way="x", kind="process", strikes=[("a:b", "store.begun #1")], failed="it hung")
    summed = summed_up([broken], actions=["a:b", "a:c"])
    assert summed["violations"] == 1
    assert summed["actions_not_struck"] == ["a:c"]
