"""Which ways a notice takes: as chosen, then the other one; never none for what the law wants told."""

from itertools import product

import pytest

from safehand.authority.contact.commands import Channel
from safehand.authority.notices.planning import (
    BOTH,
    BY_EMAIL,
    BY_SMS,
    Choice,
    State,
    Ways,
    is_told,
    to_send,
    ways_of,
)
from safehand.authority.notices.rendering import Group

HAS: frozenset[Channel] = frozenset({"sms", "email"})
GROUPS: tuple[Group, ...] = ("progress", "deadlines", "delivery")


@pytest.mark.parametrize(
    ("chosen", "other_way", "ways"),
    [
        (BOTH, True, Ways(("sms", "email"))),
        (BY_SMS, True, Ways(("sms",), ("email",))),
        (BY_EMAIL, True, Ways(("email",), ("sms",))),
        (BY_SMS, False, Ways(("sms",))),
        (BY_EMAIL, False, Ways(("email",))),
        (0, True, Ways()),
        (0, False, Ways()),
    ],
)
def test_each_group_goes_as_it_was_chosen(chosen: int, other_way: bool, ways: Ways):
    for group in GROUPS:
        choice = Choice(0, 0, 0, other_way)._replace(**{group: chosen})
        assert ways_of(group=group, always=False, choice=choice, has=HAS) == ways


def test_what_nobody_may_switch_off_goes_on_every_way_there_is():
    for bits, other_way in product(range(4), (True, False)):
        choice = Choice(bits, bits, bits, other_way)
        always = ways_of(group="delivery", always=True, choice=choice, has=HAS)
        assert always == Ways(("sms", "email"))


def test_a_way_on_which_there_is_nothing_is_no_way():
    only: frozenset[Channel] = frozenset({"sms"})
    assert ways_of(group="progress", always=False, choice=Choice(), has=only) == Ways(("sms",))
    by_mail = Choice(progress=BY_EMAIL)
    assert ways_of(group="progress", always=False, choice=by_mail, has=only) == Ways((), ("sms",))
    assert ways_of(group="progress", always=False, choice=by_mail, has=frozenset()) == Ways()


STATES: list[State | None] = [None, "sent", "delivered", "again", "failed"]


@pytest.mark.parametrize(
    "ways", [Ways(("sms", "email")), Ways(("sms",), ("email",)), Ways(("email",), ("sms",))]
)
def test_whatever_happened_it_is_told_or_tried_or_failed_on_every_way(ways: Ways):
    for sms, email in product(STATES, STATES):
        both: tuple[tuple[Channel, State | None], ...] = (("sms", sms), ("email", email))
        states: dict[Channel, State] = {name: state for name, state in both if state is not None}
        still = to_send(ways, states)
        for channel in still:
            assert states.get(channel) in (None, "again"), "what was taken is not sent twice"
        tried_on = {*ways.first, *ways.then}
        if not still and not is_told(states):
            assert {name for name, state in states.items() if state == "failed"} == tried_on
        if set(still) & set(ways.then):
            assert all(states.get(name) == "failed" for name in ways.first), "the other way is the second"


def test_the_other_way_is_left_alone_once_somebody_was_told():
    ways = Ways(("sms",), ("email",))
    assert to_send(ways, {"sms": "sent"}) == ()
    assert to_send(ways, {"sms": "again"}) == ("sms",)
    assert to_send(ways, {"sms": "failed"}) == ("email",)
    assert to_send(ways, {"sms": "failed", "email": "sent"}) == ()
