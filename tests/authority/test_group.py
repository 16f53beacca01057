"""A family's documents: together on one way or each on its own, nobody kept waiting unasked, nobody named who did not offer."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import msgspec
import pytest

from safehand.authority.agent.commands import NameAgent, ReleaseAgent
from safehand.authority.agent.states import AgentState
from safehand.authority.application.commands import WithdrawApplication
from safehand.authority.examination.commands import RefuseApplication
from safehand.authority.group import commands as c
from safehand.authority.group.group import Group, GroupState, joinable
from safehand.authority.group.states import MembershipState as S
from safehand.authority.machines import ROLES
from safehand.authority.readdressing.commands import AskAddressChange, MakeAddressHold, StopAddressChange
from safehand.link.messages import Kind
from tests.authority.family import GROUP, ONE, THREE, TWO, Family

# ---------------------------------------------------------------- together


def test_what_is_issued_waits_for_the_others_and_all_go_with_one_word_to_the_post():
    family = Family().family()
    family.issue(ONE).issue(TWO)
    assert [family.membership(case) for case in (ONE, TWO, THREE)] == [S.WAITING, S.WAITING, S.MEMBER]
    assert not family.ordered(ONE)
    assert family.grouped == []
    family.issue(THREE)
    assert family.job() == [ONE, TWO, THREE]
    assert all(family.ordered(case) for case in (ONE, TWO, THREE))
    [said] = family.grouped
    assert said.orders == [family.state(case).handover.order for case in (ONE, TWO, THREE)]
    assert said.group.startswith("gp_")
    assert said.group != GROUP
    kinds = family.sent()
    assert kinds.index(Kind.ORDERS_GROUPED) > max(n for n, k in enumerate(kinds) if k == Kind.ORDER_PLACED)
    assert family.group.state is GroupState.CLOSED


def test_nobody_waits_longer_than_the_city_allows_and_those_who_are_ready_go_with_the_first():
    family = Family().family().issue(ONE)
    first = family.waits(ONE)["group.waiting"]
    family.later(days=1)
    family.issue(TWO)
    assert family.waits(TWO)["group.waiting"].due_at > first.due_at
    family.ring("group.waiting", ONE)
    assert family.ordered(ONE)
    assert family.job() == [TWO]
    assert family.now == first.due_at
    [said] = family.grouped
    assert said.orders == [family.state(case).handover.order for case in (ONE, TWO)]
    assert (family.state(ONE).group.why, family.state(TWO).group.why) == ("time", "time")
    assert "group_goes_ahead" in family.told(ONE)
    assert "group_goes_ahead" in family.told(TWO)
    family.issue(THREE)
    assert family.job() == [THREE]
    assert family.ordered(THREE)
    assert len(family.grouped) == 1, "who comes late is alone on the way"


def test_the_clerks_clock_does_not_run_out_while_the_document_waits_for_the_others():
    family = Family().family().issue(ONE)
    lines = family.waits(ONE)
    assert lines["handover.on_shelf"].due_at > lines["group.waiting"].due_at


def test_a_clock_that_rings_too_early_ends_no_waiting():
    family = Family().family().issue(ONE)
    assert family.ok(c.GroupExpired(), stream=ONE) == []
    family.later(days=10)
    assert family.ok(c.GroupExpired(), stream=TWO) == []


def test_one_tap_and_ones_own_goes_while_the_others_wait_for_each_other():
    family = Family().family().issue(ONE).issue(TWO)
    assert family.ok(c.GoNow(), stream=ONE)[0] == "group.wait_ended"
    assert family.ordered(ONE)
    assert family.job() == []
    assert family.membership(TWO) is S.WAITING
    assert family.no(c.GoNow(), stream=ONE) == "group.not_waiting"
    assert family.no(c.GoNow(), stream=THREE) == "group.not_waiting"
    family.issue(THREE)
    assert family.job() == [TWO, THREE]
    assert [len(said.orders) for said in family.grouped] == [2]


@pytest.mark.parametrize(
    "ends", [WithdrawApplication(), RefuseApplication(reason="duplicate")], ids=["withdrawn", "refused"]
)
def test_who_ends_keeps_nobody_waiting(ends: Any):
    family = Family().family().issue(ONE).issue(TWO)
    assert "group.gone" in family.ok(ends, stream=THREE)
    assert family.job() == [ONE, TWO]


def test_who_leaves_keeps_nobody_waiting_and_goes_alone_at_once():
    family = Family().family().issue(ONE).issue(TWO)
    assert "group.left" in family.ok(c.LeaveGroup(), stream=TWO)
    assert family.ordered(TWO)
    assert not family.ordered(ONE)
    family.ok(c.LeaveGroup(), stream=THREE)
    assert family.job() == [ONE], "one alone waits for nobody"
    assert family.grouped == []
    assert family.membership(TWO) is S.NONE
    assert family.no(c.LeaveGroup(), stream=TWO) == "group.no_group"
    assert family.no(c.LeaveGroup(), stream=ONE) == "group.on_its_way"


def test_what_is_fetched_at_the_counter_is_in_no_group():
    family = Family()
    family.apply(ONE, mode="counter")
    assert family.no(c.BeginGroup(together=True, group=GROUP), stream=ONE) == "group.not_now"


def test_what_is_made_anew_waits_for_nobody():
    family = Family().begin().issue(ONE)
    assert family.job() == [ONE]
    assert family.membership(ONE) is S.GONE
    assert family.no(c.BeginGroup(together=True, group="gr_b"), stream=ONE) == "group.not_now"


# ---------------------------------------------------------------- split


def test_in_a_group_that_goes_separately_each_goes_when_it_is_ready():
    family = Family().family(together=False).issue(ONE)
    assert family.ordered(ONE)
    assert family.membership(ONE) is S.GONE
    family.issue(TWO).issue(THREE)
    assert family.grouped == []
    assert family.group.state is GroupState.CLOSED


def test_anybody_may_split_and_what_waits_goes():
    family = Family().family().issue(ONE).issue(TWO)
    assert family.ok(c.SplitGroup(), stream=THREE) == ["group.split"]
    assert family.job() == [ONE, TWO]
    assert family.told(ONE)[-1] == "group_waits", "it is no news that a choice of one's own group holds"
    family.issue(THREE)
    assert family.ordered(THREE)


# ---------------------------------------------------------------- joining


def test_an_invitation_opens_for_seven_days_and_the_next_takes_its_place():
    family = Family().begin()
    old = family.invite()
    new = family.invite()
    assert set(family.holders) >= {new}
    assert old not in family.holders
    family.apply(TWO).apply(THREE)
    assert family.no(family.joining(old), stream=TWO) == "group.invitation_over"
    family.later(days=6)
    family.ok(family.joining(new), stream=TWO)
    assert family.ok(family.joining(new), stream=TWO) == []
    family.later(days=1)
    assert family.no(family.joining(new), stream=THREE) == "group.invitation_over"


def test_two_who_invite_at_once_make_one_invitation():
    family = Family().family()
    number = family.group.invitations + 1
    family.ok(c.InviteToGroup(number=number, claim="invitation:x"), stream=TWO)
    assert family.no(c.InviteToGroup(number=number, claim="invitation:y"), stream=ONE) == "group.changed"


def test_a_group_makes_so_many_invitations_and_no_more():
    family = Family().begin()
    for _ in range(c.INVITATIONS_MAX):
        family.invite()
    more = c.InviteToGroup(number=c.INVITATIONS_MAX + 1, claim="invitation:more")
    assert family.no(more, stream=ONE) == "group.too_many_invitations"


def test_who_joins_agrees_to_what_the_page_said():
    family = Family().begin()
    invitation = family.invite()
    family.ok(c.SplitGroup(), stream=ONE)
    family.apply(TWO)
    assert family.no(family.joining(invitation, together=True), stream=TWO) == "group.changed"
    family.ok(family.joining(invitation, together=False), stream=TWO)


def test_a_group_holds_ten():
    family = Family().begin()
    invitation = family.invite()
    for number in range(1, c.MEMBERS_MAX):
        family.apply(f"ca_{number}").ok(family.joining(invitation), stream=f"ca_{number}")
    family.apply(TWO)
    assert family.no(family.joining(invitation), stream=TWO) == "group.full"


def test_one_case_is_in_one_group_and_joins_none_that_is_over():
    family = Family().family()
    assert family.no(c.BeginGroup(together=True, group="gr_b"), stream=TWO) == "group.in_a_group"
    family.apply("ca_b").ok(c.BeginGroup(together=True, group="gr_b"), stream="ca_b")
    assert family.no(family.joining("invitation:2"), stream="ca_b") == "group.in_a_group"
    family.issue(ONE).issue(TWO).issue(THREE).job()
    family.apply("ca_late")
    assert family.no(family.joining("invitation:2"), stream="ca_late") == "group.closed"
    assert joinable(Group(), invitation="", now=family.now) is not None


# ---------------------------------------------------------------- one address


def test_who_asks_for_another_address_goes_alone_and_is_told():
    family = Family().family().issue(ONE)
    asked = family.ok(AskAddressChange(change=1, destination=310000), stream=ONE)
    assert asked == ["readdressing.asked", "group.left"]
    assert not family.ordered(ONE), "the new address cools down first"
    assert family.told(ONE)[-1] == "group_left"
    assert ONE not in family.group.members


def test_the_groups_address_cools_down_before_the_case_is_ready_for_the_others():
    family = Family().begin()
    invitation = family.invite()
    family.apply(TWO)
    moving = msgspec.structs.replace(family.joining(invitation), change=1, destination=310000)
    assert family.ok(moving, stream=TWO) == ["readdressing.asked", "group.joined"]
    assert family.ok(moving, stream=TWO) == []
    family.issue(TWO)
    assert family.membership(TWO) is S.MEMBER
    family.later(days=1)
    family.ring("readdressing.cooling", TWO)
    family.ok(MakeAddressHold(change=1), stream=TWO)
    assert family.membership(TWO) is S.WAITING
    family.issue(ONE)
    assert family.job() == [ONE, TWO]


def test_the_groups_address_that_holds_before_anything_is_made_leaves_the_case_in_its_group():
    family = Family().begin()
    invitation = family.invite()
    family.apply(TWO)
    family.ok(msgspec.structs.replace(family.joining(invitation), change=1, destination=310000), stream=TWO)
    family.later(days=1)
    family.ring("readdressing.cooling", TWO)
    family.ok(MakeAddressHold(change=1), stream=TWO)
    assert family.membership(TWO) is S.MEMBER


def test_nobody_joins_while_another_address_is_asked_for_or_with_an_old_page():
    family = Family().begin()
    invitation = family.invite()
    family.apply(TWO).apply(THREE)
    stale = msgspec.structs.replace(family.joining(invitation), change=2, destination=310000)
    assert family.no(stale, stream=THREE) == "readdressing.nothing_asked"
    family.ok(AskAddressChange(change=1, destination=440100), stream=TWO)
    assert family.no(family.joining(invitation), stream=TWO) == "group.not_now"
    assert family.no(c.BeginGroup(together=True, group="gr_b"), stream=TWO) == "group.not_now"


def test_who_keeps_the_own_address_after_all_is_at_another_door():
    family = Family().begin()
    invitation = family.invite()
    family.apply(TWO)
    moving = msgspec.structs.replace(family.joining(invitation), change=1, destination=310000)
    family.ok(moving, stream=TWO)
    family.issue(TWO)
    stopped = family.ok(StopAddressChange(change=1), stream=TWO)
    assert stopped[:2] == ["readdressing.stopped", "group.left"]
    assert family.ordered(TWO)


# ---------------------------------------------------------------- who may receive for whom


def test_by_default_nobody_and_only_one_who_has_offered_receives_for_another():
    family = Family().family()
    assert family.state(ONE).agent.state is AgentState.NONE
    let = c.LetReceive(receiver=TWO, number=1)
    assert family.no(let, stream=ONE) == "group.not_offered"
    family.ok(c.OfferToReceive(receives=True), stream=TWO)
    assert family.ok(let, stream=ONE) == ["group.receiver_named", "agent.named"]
    assert family.state(ONE).agent.number == 1
    assert family.group.members[ONE].receiver == TWO
    assert family.no(c.LetReceive(receiver=ONE, number=2), stream=ONE) == "group.not_offered"
    assert family.no(c.LetReceive(receiver="ca_x", number=2), stream=ONE) == "group.not_offered"
    assert family.no(c.LetReceive(receiver=TWO, number=1), stream=ONE) == "agent.changed"


def test_who_leaves_receives_for_nobody_from_that_moment_on():
    family = Family().family()
    family.ok(c.OfferToReceive(receives=True), stream=TWO)
    family.ok(c.LetReceive(receiver=TWO, number=1), stream=ONE)
    family.ok(c.LeaveGroup(), stream=TWO)
    assert family.state(ONE).agent.state is AgentState.NONE
    assert family.state(ONE).group.receiver == ""


def test_whom_the_applicant_named_otherwise_since_stays_named():
    family = Family().family()
    family.ok(c.OfferToReceive(receives=True), stream=TWO)
    family.ok(c.OfferToReceive(receives=True), stream=THREE)
    family.ok(c.LetReceive(receiver=TWO, number=1), stream=ONE)
    family.ok(c.LetReceive(receiver=THREE, number=2), stream=ONE)
    family.ok(c.LeaveGroup(), stream=TWO)
    assert family.state(ONE).agent.state is AgentState.NAMED
    family.ok(NameAgent(number=3), stream=ONE)
    family.ok(c.LeaveGroup(), stream=THREE)
    assert family.state(ONE).agent.state is AgentState.NAMED, "it is somebody outside the group now"
    family.ok(ReleaseAgent(), stream=ONE)
    assert family.state(ONE).agent.state is AgentState.NONE


def test_outside_a_group_nothing_of_it_can_be_chosen():
    family = Family().apply(ONE)
    for command in (c.SplitGroup(), c.OfferToReceive(receives=True), c.LetReceive(receiver=TWO, number=1)):
        assert family.no(command, stream=ONE) == "group.no_group"
    assert family.no(c.InviteToGroup(number=1, claim="invitation:1"), stream=ONE) == "group.no_group"
    assert family.ok(c.EndGroupWait(why="all"), stream=ONE) == []
    assert family.ok(c.ForgetReceiver(receiver=TWO), stream=ONE) == []


def test_only_the_applicant_is_in_a_group_and_the_manager_may_let_go_for_whoever_rings():
    assert ROLES[c.BeginGroup] == ROLES[c.JoinGroup] == ROLES[c.LetReceive] == {"applicant"}
    assert ROLES[c.GoNow] == ROLES[c.LeaveGroup] == {"applicant", "authority_manager"}
    assert ROLES[c.EndGroupWait] == ROLES[c.GroupExpired] == {"system"}
    assert timedelta(days=7) == c.INVITED_FOR
