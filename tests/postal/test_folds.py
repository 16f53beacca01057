"""What an event says of a step of the post the step then knows, in every state that takes the event."""

import enum
import importlib
import types
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import msgspec
import pytest

from safehand.postal.acceptance.bags import events as bags
from safehand.postal.delivery import events as delivery
from safehand.postal.delivery.states import State as DeliveryState
from safehand.postal.inquiry import events as inquiry
from safehand.postal.settlement import events as settlement
from safehand.postal.transport import events as transport
from safehand.postal.undeliverable import events as undeliverable
from tests.postal.house import START

STEPS = {
    "acceptance": "Acceptance",
    "acceptance.bags": "Bag",
    "acceptance.waybills": "Numbers",
    "custody": "Custody",
    "transport": "Transport",
    "delivery": "Delivery",
    "undeliverable": "Undeliverable",
    "settlement": "Settlement",
    "receiver": "Receiver",
    "inquiry": "Inquiry",
}
LATER = START + timedelta(hours=1)
THEN = START + timedelta(days=1)
NOT_TAKEN = {
    # An answer, a recall that is noted or refused, a visit's end: they say why, and the step's own reason stays.
    (bags.BagCounted, "office"),
    (delivery.Held, "reason"),
    (delivery.OldClaimAnswered, "reason"),
    (delivery.RejectedAtDoor, "reason"),
    (delivery.ClaimRefused, "reason"),
    (undeliverable.RecallNoted, "reason"),
    (undeliverable.RecallRefused, "reason"),
    # What was collected is what was due.
    (settlement.PostageCollected, "amount_fen"),
    # What was asked last is what is answered.
    (inquiry.InquiryAnswered, "number"),
}

ANEW = {transport.Departed, transport.ArrivedAtCentre, transport.ArrivedAtOffice, inquiry.InquiryOpened}
"""With each of these scans the way goes on from there, and a question is asked anew: the state begins anew, even if it is the same."""


def value_of(kind: Any) -> Any:
    """A value of a field's type that no default has; none for what is made of parts."""
    origin = get_origin(kind)
    if origin is Annotated or isinstance(kind, types.UnionType) or origin is Union:
        return value_of(next(one for one in get_args(kind) if one is not type(None)))
    if origin is Literal:
        return get_args(kind)[0]
    if origin is tuple:
        return ()
    if isinstance(kind, type) and issubclass(kind, enum.Enum):
        return list(kind)[-1]
    return {int: 3, bool: True, bytes: b"b" * 16, str: "x", datetime: THEN}.get(kind)


def sample(event: Any) -> Any:
    """An event of a class with such values."""
    fields = {one.name: (one.required, value_of(one.type)) for one in msgspec.structs.fields(event)}
    return event(**{name: value for name, (needed, value) in fields.items() if needed or value is not None})


def edges() -> list[Any]:
    found: list[Any] = []
    for step in STEPS:
        table = importlib.import_module(f"safehand.postal.{step}.states").TABLE
        found += [
            pytest.param(step, state, event, after, id=f"{step}-{state}-{event.__name__}")
            for (state, event), after in table.items()
        ]
    return found


@pytest.mark.parametrize(("step", "state", "event", "state_after"), edges())
def test_what_an_event_says_the_step_then_knows(step: str, state: Any, event: Any, state_after: Any):
    shape = getattr(importlib.import_module(f"safehand.postal.{step}.states"), STEPS[step])
    fold = importlib.import_module(f"safehand.postal.{step}.rules").fold
    said = sample(event)
    after = fold(shape(state=state, since=START), said, LATER)
    assert after.state is state_after
    assert after.since == (START if state_after is state and event not in ANEW else LATER)
    for name in set(event.__struct_fields__) & set(after.__struct_fields__):
        if (event, name) not in NOT_TAKEN:
            assert getattr(after, name) == getattr(said, name), name


@pytest.mark.parametrize(("step", "state", "event", "state_after"), edges())
def test_a_state_that_goes_on_stays_the_managers_and_a_new_one_begins_with_its_owner(
    step: str, state: Any, event: Any, state_after: Any
):
    shape = getattr(importlib.import_module(f"safehand.postal.{step}.states"), STEPS[step])
    fold = importlib.import_module(f"safehand.postal.{step}.rules").fold
    before = shape(state=state, since=START, escalated=True)
    after = fold(before, sample(event), LATER)
    # A wish sets an office's clock anew: what the manager was to chase has another day.
    chased = (state, event) != (DeliveryState.AT_OFFICE, delivery.WishRecorded)
    assert after.escalated is (state_after is state and event not in ANEW and chased)
    fresh = fold(shape(state=state, since=START), sample(event), LATER)
    assert fresh.escalated is (event.__name__ == "Escalated")
