"""What an event says of a step the step then knows, in every state that takes the event."""

import importlib
from datetime import timedelta
from typing import Any

import pytest

from safehand.authority.application.events import CorrectionOpened
from safehand.authority.examination.states import Examination
from safehand.authority.handover import events as handover
from safehand.authority.handover.rules import fold as fold_handover
from safehand.authority.handover.states import HandoverState
from safehand.authority.production import events as production
from safehand.authority.returns import events as returns
from safehand.authority.tracking import events as tracking
from safehand.kernel.working_days import WorkClock
from tests.authority.house import MONDAY
from tests.authority.sample_events import DUE, sample

STEPS = ("application", "examination", "payment", "production", "handover", "tracking", "returns")
LATER = MONDAY + timedelta(hours=1)
NAME_ONLY = {
    # They name what they speak of, or end it: the step doesn't take it from them.
    production.DocumentSpoiled,
    production.DocumentIssued,
    handover.OrderRefused,
    handover.WaybillCameLate,
    handover.ChangedToPickup,
    handover.DeclaredMissing,
    tracking.ClaimRefused,
    tracking.ProofSealed,
    returns.RecallRefused,
    returns.ReturnGivenUp,
}
NEWS = {tracking.ScanRecorded, tracking.AttemptRecorded}
"""They wind the clock of silence and no other."""


def edges() -> list[Any]:
    found: list[Any] = []
    for step in STEPS:
        table = importlib.import_module(f"safehand.authority.{step}.states").TABLE
        found += [
            pytest.param(step, state, event, after, id=f"{step}-{state}-{event.__name__}")
            for (state, event), after in table.items()
        ]
    return found


def begun(step: str, state: Any, **facts: Any) -> Any:
    """The step in a state since Monday; a review has its clock."""
    states = importlib.import_module(f"safehand.authority.{step}.states")
    shape = getattr(states, step.capitalize())
    if shape is Examination:
        facts["clock"] = WorkClock(budget_days=7)
    return shape(state=state, since=MONDAY, late=True, due_at=MONDAY, **facts)


@pytest.mark.parametrize(("step", "state", "event", "state_after"), edges())
def test_what_an_event_says_the_step_then_knows(step: str, state: Any, event: Any, state_after: Any):
    before, said = begun(step, state), sample(event)
    fold = importlib.import_module(f"safehand.authority.{step}.rules").fold
    after = fold(before, said, LATER)
    assert after.state is state_after
    assert after.since == (MONDAY if state_after is state else LATER)
    known = () if event in NAME_ONLY else set(event.__struct_fields__) & set(after.__struct_fields__)
    for name in known:
        if not (name == "due_at" and event in NEWS and state != "on_the_way"):
            assert getattr(after, name) == getattr(said, name), name


def test_a_review_counts_its_rounds_and_its_clock_stands_meanwhile():
    rules = importlib.import_module("safehand.authority.examination.rules")
    events = importlib.import_module("safehand.authority.examination.events")
    states = importlib.import_module("safehand.authority.examination.states")
    opened = rules.fold(states.Examination(), events.ExaminationOpened(due_at=DUE, budget_days=7), MONDAY)
    assert opened.clock == WorkClock(budget_days=7, running_since=MONDAY)
    asked = rules.fold(opened, events.CorrectionAsked(defects=("photo.pose",), used_days=2), LATER)
    assert asked.clock == WorkClock(budget_days=7, consumed_days=2)
    assert asked.rounds == 1
    resumed = rules.fold(asked, events.ExaminationResumed(due_at=DUE), LATER)
    assert resumed.clock == WorkClock(budget_days=7, consumed_days=2, running_since=LATER)
    assert (
        rules.fold(resumed, events.CorrectionAsked(defects=("photo.pose",), used_days=3), LATER).rounds == 2
    )


def test_with_its_order_an_envelope_loses_all_that_belonged_to_it():
    full = begun(
        "handover",
        HandoverState.LABELLED,
        order="or_a",
        placed=("or_a",),
        waybill="ZA000000005CN",
        routing="SH-01",
        token=b"t",
        prints=2,
        bag="bg_a",
    )
    away = handover.ChangedToPickup(order="or_a", peer="postal", due_at=DUE, at=LATER)
    after = fold_handover(full, away, LATER)
    emptied = (after.order, after.waybill, after.routing, after.token, after.prints, after.bag)
    assert emptied == ("", "", "", b"", 0, "")
    assert (after.mode, after.cancelled, after.placed) == ("counter", "or_a", ("or_a",))
    anew = begun("handover", HandoverState.NOT_TAKEN, cancelled="or_a", order="or_b", prints=2, bag="bg_a")
    opened = handover.HandoverOpened(mode="post", free=True, due_at=DUE)
    after = fold_handover(anew, opened, LATER)
    assert (after.cancelled, after.order, after.prints, after.bag) == ("", "", 0, "")
    missing = fold_handover(
        begun("handover", HandoverState.RECOUNT, order="or_b"),
        handover.DeclaredMissing(order="or_b", peer="postal", at=LATER),
        LATER,
    )
    assert missing.cancelled == "or_b"


def test_what_only_the_label_needed_is_forgotten_with_the_envelope():
    offered = begun("handover", HandoverState.BAGGED, routing="SH-01", token=b"t", waybill="ZA000000005CN")
    after = fold_handover(offered, handover.HandoverOffered(), LATER)
    assert (after.routing, after.token, after.waybill) == ("", b"", "ZA000000005CN")


def test_a_late_step_is_late_until_its_clock_is_set_anew():
    ran_late = {
        "handover": handover.HandoverRanLate(),
        "tracking": tracking.TrackingRanLate(),
        "returns": returns.ReturnsRanLate(),
        "production": production.ProductionRanLate(),
    }
    for step, event in ran_late.items():
        rules = importlib.import_module(f"safehand.authority.{step}.rules")
        states = importlib.import_module(f"safehand.authority.{step}.states")
        for state, kind in states.TABLE:
            if kind is type(event):
                shape = getattr(states, step.capitalize())
                assert rules.fold(shape(state=state, since=MONDAY), event, LATER).late is True
    waiting = importlib.import_module("safehand.authority.application.states")
    step = waiting.Application(state=waiting.S.RECEIVED, since=MONDAY, late=True)
    rules = importlib.import_module("safehand.authority.application.rules")
    asked = rules.fold(step, CorrectionOpened(asked=("photo",), defects=("photo.pose",), due_at=DUE), LATER)
    assert (asked.late, asked.asked, asked.due_at) == (False, ("photo",), DUE)
