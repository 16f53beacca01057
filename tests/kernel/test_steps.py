"""A step moves by its table alone, waits with a clock or an owner, and every defect of its tables is named."""

from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

import msgspec
import pytest

from safehand.kernel.machine import Event, Folded
from safehand.kernel.steps import (
    ClockedStep,
    MoveNotInTable,
    Wait,
    clocked,
    defects_of_step,
    moved,
    waiting_of,
)

AT = datetime(2024, 5, 6, tzinfo=UTC)
LATER = AT + timedelta(hours=1)


class State(StrEnum):
    NONE = "none"
    OPEN = "open"
    SHUT = "shut"


class Opened(Event, frozen=True, kw_only=True, tag="door.opened"):
    pass


class Shut(Event, frozen=True, kw_only=True, tag="door.shut"):
    pass


class Door(ClockedStep, frozen=True, kw_only=True):
    state: State = State.NONE
    knocks: int = 0


TABLE: Any = {
    (State.NONE, Opened): State.OPEN,
    (State.OPEN, Opened): State.OPEN,
    (State.OPEN, Shut): State.SHUT,
}
WAITING: Any = {State.OPEN: Wait("porter", "open_hours", "owner")}
SOUND: dict[str, Any] = {
    "states": State,
    "first": State.NONE,
    "table": TABLE,
    "waiting": WAITING,
    "terminal": {State.SHUT},
}
OPEN = Door(state=State.OPEN, since=AT, due_at=LATER, late=True)


def test_a_new_state_begins_now_and_the_same_state_goes_on():
    door = moved(Door(), Opened(), AT, TABLE, knocks=1)
    assert (door.state, door.since, door.knocks) == (State.OPEN, AT, 1)
    again = moved(door, Opened(), LATER, TABLE, knocks=2)
    assert (again.since, again.knocks) == (AT, 2)
    assert moved(door, Opened(), LATER, TABLE) is door


def test_what_the_table_does_not_know_is_a_bug():
    with pytest.raises(MoveNotInTable, match=r"Door.none does not take Shut"):
        moved(Door(), Shut(), AT, TABLE)


def test_a_clock_set_anew_is_not_late_and_a_state_inherits_no_clock():
    assert clocked(OPEN, Opened(), LATER, TABLE, due_at=AT).late is False
    assert clocked(OPEN, Opened(), LATER, TABLE, due_at=AT).due_at == AT
    shut = clocked(OPEN, Shut(), LATER, TABLE)
    assert (shut.due_at, shut.late, shut.since) == (None, False, LATER)
    assert ClockedStep(state=State.NONE) == ClockedStep(state=State.NONE, late=False, due_at=None)


def test_in_time_the_owner_has_the_line_with_its_clock_and_late_the_one_above_without():
    in_time = msgspec.structs.replace(OPEN, late=False)
    line = waiting_of(name="door", step=in_time, waits=WAITING, group="SH-01")
    assert line is not None
    assert (line.queue, line.owner, line.due_at) == ("door.open", "porter", LATER)
    assert (line.since, line.group) == (AT, "SH-01")
    late = waiting_of(name="door", step=OPEN, waits=WAITING)
    assert late is not None
    assert (late.owner, late.due_at) == ("owner", None)


def test_who_has_not_begun_or_need_not_wait_has_no_line():
    assert waiting_of(name="door", step=Door(), waits=WAITING) is None
    assert waiting_of(name="door", step=Door(state=State.OPEN), waits=WAITING) is None
    assert waiting_of(name="door", step=Door(state=State.SHUT, since=AT), waits=WAITING) is None


def test_sound_tables_have_no_defect():
    assert defects_of_step(**SOUND) == []
    handed = SOUND | {"terminal": (), "handed_on": {State.SHUT}}
    assert defects_of_step(**handed) == []


@pytest.mark.parametrize(
    ("changes", "defects"),
    [
        (
            {"table": {(State.NONE, Opened): State.OPEN}},
            ["shut is never reached"],
        ),
        ({"terminal": {State.SHUT, "ajar"}}, ["ajar is not a state"]),
        ({"waiting": WAITING | {"ajar": Wait("porter")}}, ["ajar is not a state"]),
        ({"table": TABLE | {("ajar", Opened): State.OPEN}}, ["ajar is not a state"]),
        ({"table": TABLE | {(State.OPEN, Folded): "ajar"}}, ["ajar is not a state"]),
        ({"terminal": ()}, ["shut must either wait, or be terminal, or have handed on"]),
        (
            {"terminal": {State.SHUT, State.OPEN}},
            ["open must either wait, or be terminal, or have handed on"],
        ),
        ({"waiting": {State.OPEN: Wait()}}, ["open has neither clock nor owner"]),
        ({"waiting": {State.OPEN: Wait("porter", None, "owner")}}, ["open escalates without a clock"]),
    ],
)
def test_each_defect_is_named(changes: dict[str, Any], defects: list[str]):
    assert defects_of_step(**SOUND | changes) == defects


def test_all_defects_are_named_at_once_in_order():
    found = defects_of_step(**SOUND | {"terminal": (), "waiting": {}})
    assert found == [
        "open must either wait, or be terminal, or have handed on",
        "shut must either wait, or be terminal, or have handed on",
    ]


def test_folded_events_bring_their_states_along():
    folded = Folded([Opened(), Shut()], states=[1, 2])
    assert list(folded) == [Opened(), Shut()]
    assert folded.states == [1, 2]
