"""Families, people who move and people with another telephone are played in a share of the seeds, and their known bugs are found."""

from __future__ import annotations

import logging
import random
from collections import Counter
from collections.abc import Iterator

import pytest

from safehand.simulation import seeded_bugs
from safehand.simulation.families import SEEDS_SHARE
from safehand.simulation.plan import Ended, Plan, shaped
from safehand.simulation.run import play

FAMILIES = 8
PEOPLE, DAYS = 40, 8
REACHED = (
    "Membership.none.GroupJoined",
    "Membership.waiting.GroupWaitEnded",
    "Group.open.MemberAdded",
    "Group.going.GroupWentTogether",
    "Stop.not_begun.StopNamed",
    "Delivery.not_begun.StopJoined",
    "Readdressing.cooling.AddressChangeCooled",
    "Readdressing.due.AddressChanged",
    "Telephone.none.PhoneChangeAsked",
    "Agent.none.AgentNamed",
)
SAID = ("group.invitation_over", "group.not_offered", "telephone.nothing_asked", "agent.not_now")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """Refused messages and lost races are what a simulation is made of."""
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


def drawn(seed: int) -> bool:
    return random.Random(f"families {seed}").random() < SEEDS_SHARE


def played(seed: int) -> Ended:
    return play(Plan(seed=seed, people=PEOPLE, arrival_days=DAYS))


def seeds(*, with_families: bool) -> list[int]:
    crowds = [seed for seed in range(1, 200) if not shaped(Plan(seed=seed)).bedlam]
    return [seed for seed in crowds if drawn(seed) is with_families]


def test_families_are_played_in_a_share_of_the_seeds() -> None:
    assert 0.2 < sum(drawn(seed) for seed in range(1_000)) / 1_000 < 0.4


@pytest.mark.slow
def test_families_join_wait_go_together_and_move_house_and_nothing_is_wrong() -> None:
    edges, refusals = Counter[str](), Counter[str]()
    for seed in seeds(with_families=True)[:FAMILIES]:
        ended = played(seed)
        assert ended.violations == [], f"./do sim {seed} --people {PEOPLE} --days {DAYS} tells the story"
        edges.update(ended.edges)
        refusals.update(ended.refusals)
    assert [edge for edge in REACHED if edge not in edges] == []
    assert [code for code in SAID if code not in refusals] == []


@pytest.mark.slow
def test_where_none_are_drawn_nobody_joins() -> None:
    ended = played(seeds(with_families=False)[0])
    assert ended.violations == []
    assert "Membership.none.GroupJoined" not in ended.edges or ended.faults["mischief"]
    assert not ended.edges["Group.open.MemberAdded"]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "found_by"),
    [
        ("a family is waited for longer than the city allows", "nobody waits longer for a family"),
        ("another address holds at once", "another address cools down"),
        ("the post is not told of another address", "it goes to the address that holds"),
    ],
)
def test_a_bug_of_theirs_is_found_by_one_of_the_first_seeds(name: str, found_by: str) -> None:
    [bug] = [one for one in seeded_bugs.read_bugs() if one.name == name]
    with seeded_bugs.planted(bug):
        found = (played(seed).violations for seed in seeds(with_families=True)[: 2 * FAMILIES])
        assert next((one[0].invariant for one in found if one), "") == found_by
