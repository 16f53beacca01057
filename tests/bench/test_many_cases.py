"""The cases of the figure of pages: in the states that are promised, each a whole case; and what is asked for has its weights."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest

from bench.many_cases import SHARES, WAYS, beside_the_authority, make_all, plan
from bench.proofs.linked_pages import Linked, kind_of
from bench.proofs.pages import RATE_PER_SECOND, WEIGHTS, Visitor, requests_of
from bench.safehand_services import OPENING_HOUR
from safehand.kernel.ids import DerivedIds
from safehand.programme.setting_up import set_up

CASES = 200
RESTS = {
    "reviewing": "examination.reviewing",
    "correcting": "application.correcting",
    "awaiting_payment": "payment.awaiting",
    "waiting_blank": "production.waiting_blank",
    "started": "production.started",
    "sealed": "handover.sealed",
    "ready_at_counter": "handover.ready_for_pickup",
}
"""The worklist on which a case stands, for those that wait."""


def test_each_hundred_has_its_shares_and_the_same_cases_are_planned_anywhere():
    first, second = (plan(ids=DerivedIds(seed="x"), count=CASES) for _ in range(2))
    assert Counter(one.ends for one in first) == {stage: share * 2 for stage, share in SHARES.items()}
    assert [one.key for one in first] == [one.key for one in second]
    assert len({one.key for one in first}) == CASES
    assert sum(SHARES.values()) == 100
    assert set(SHARES) == set(WAYS)


@pytest.mark.slow
def test_cases_are_made_into_the_states_that_were_planned(fresh_database, tmp_path: Path):
    dsn = fresh_database()
    world = set_up(
        folder=tmp_path / "world", databases={"authority": dsn, "post": dsn}, rehearsal=True, seed=1
    )

    async def scene() -> None:
        settings = world.settings_of("authority")
        async with beside_the_authority(settings_file=settings, now=OPENING_HOUR) as house:
            planned = plan(ids=house.ids, count=CASES)
            await make_all(house=house, planned=planned)
            rows = await house.store.streams(keys=[one.key for one in planned])
            assert set(rows) == {one.key for one in planned}
            lines = await house.store.worklists(
                queues=sorted(RESTS.values()),
                states=[],
                since_before=OPENING_HOUR + timedelta(days=1),
                limit=1_000,
            )
            met = Counter(row.queue for row, _ in lines)
            assert met == {queue: SHARES[stage] * 2 for stage, queue in RESTS.items()}

    asyncio.run(scene())


def test_what_is_asked_for_comes_at_random_moments_in_the_promised_weights():
    visitors = [Visitor(f"ap_{n}", f"session={n}", [f"/cases/310000/ca_{n}"]) for n in range(60)]
    addresses = ("/help", "/cases/310000/ca_first/looked", "/cases/310000/ca_second/looked")
    linked = [Linked(kind_of(one), one, "session=1") for one in addresses]
    asked = requests_of(Random(1), visitors, linked, seconds=60)
    assert len(asked) == RATE_PER_SECOND * 60
    assert [one.due for one in asked] == sorted(one.due for one in asked)
    shares = Counter(one.page for one in asked)
    for page, weight in WEIGHTS.items():
        assert abs(shares[page] / len(asked) * 100 - weight) < 3, page
    own = {visitor.cookie: set(visitor.cases) for visitor in visitors}
    assert all(one.address in own[one.cookie] for one in asked if one.page == "case")
    kinds = Counter(one.kind for one in asked if one.page == "any")
    assert set(kinds) == {"/help", "/cases/…/…/looked"}
    assert abs(kinds["/help"] / kinds.total() - 0.5) < 0.05


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("/", "/"),
        ("/cases/310000/ca_pc4xq2/share?language=en", "/cases/…/…/share"),
        ("/apply/photo/picture", "/apply/photo/picture"),
        ("/join/abcdefghijklmnopqrstuvwxyz234567", "/join/…"),
    ],
)
def test_the_kind_of_a_page_names_no_thing(address: str, kind: str):
    assert kind_of(address) == kind
