"""What a case shows to the outside: the lines that changed, the messages to the post, the facts of each notice."""

from typing import Any

import msgspec
import pytest

from safehand.authority import outward
from safehand.authority.agent.commands import NameAgent, ReleaseAgent
from safehand.authority.handover.commands import SealEnvelope
from safehand.authority.handover.events import OrderPlaced
from safehand.authority.made_documents import OldClaimRefused
from safehand.authority.payment.commands import SettlePayment
from safehand.authority.readdressing.commands import AskAddressChange, StopAddressChange
from safehand.authority.tracking.commands import RecordReported
from safehand.authority.tracking.states import TrackingState
from safehand.authority.wish.commands import AskWish
from safehand.kernel.machine import StreamKey
from safehand.link.messages import Kind, PostageMode, ProofRefused, Reason, Scan, Wish
from tests.authority.house import CASE, CITY, WITHDRAW, House
from tests.authority.sample_events import sample

KEY = StreamKey(CITY, CASE)
FACTS = {
    "help_answered": set(),
    "application_received": {"document"},
    "correction_asked": {"defects", "due_at"},
    "correction_received": set(),
    "payment_received": {"amount_fen"},
    "payment_received_with_postage": {"amount_fen", "fee_fen", "postage_fen"},
    "fee_kept": set(),
    "fee_kept_postage_back": {"postage_fen"},
    "postage_goes_back": {"amount_fen"},
    "running_late": {"step"},
    "changed_to_pickup": set(),
    "picked_up": set(),
    "held_at_post_office": set(),
    "delivery_goes_on": set(),
    "inquiry_ended": set(),
    "application_withdrawn": set(),
    "application_deemed_withdrawn": {"cause"},
    "application_refused": {"reason"},
    "payment_due": {"fee_fen", "due_at"},
    "payment_due_with_postage": {"fee_fen", "postage_fen", "amount_fen", "due_at"},
    "payment_goes_back": {"amount_fen"},
    "payment_refunded": {"amount_fen"},
    "promise_missed": {"step", "amount_fen"},
    "fetch_at_counter_instead": set(),
    "ready_for_pickup": {"office", "due_at"},
    "pickup_lapsed": set(),
    "with_the_post": {"waybill"},
    "courier_on_the_way": {"order"},
    "courier_near": {"order"},
    "attempt_failed": {"reason", "attempt"},
    "please_confirm_receipt": {"due_at"},
    "claim_refused": {"reason", "attempts_left"},
    "delivered": {"method"},
    "denial_taken": set(),
    "incident_opened": set(),
    "document_made_again": {"reason"},
    "document_invalidated": {"reason"},
    "coming_back": {"reason"},
    "sent_again": set(),
    "address_change_asked": {"holds_at"},
    "address_change_put_to_manager": {"due_at"},
    "address_changed": set(),
    "address_stays": set(),
    "another_day_wished": {"day"},
    "post_office_wished": set(),
    "phone_change_asked": {"due_at"},
    "phone_changed": set(),
    "agent_named": set(),
    "agent_released": set(),
    "group_joined": set(),
    "group_waits": {"due_at"},
    "group_goes_ahead": set(),
    "group_left": set(),
}


@pytest.mark.parametrize("event", sorted(outward._NOTICES, key=str))
def test_each_notice_brings_its_facts_as_the_event_has_them(event: Any):
    said = sample(event)
    notice, *_ = outward.tells(House().with_post().case, said)
    assert set(notice.facts) == FACTS[notice.template]
    assert notice.subject == CASE
    for name, value in notice.facts.items():
        if name in event.__struct_fields__:
            field = getattr(said, name)
            plain = field if isinstance(field, str | int) else None
            assert value == (plain if plain is not None else value)
            assert str(value)


def test_the_courier_is_announced_only_while_the_envelope_is_on_its_way():
    house = House().with_post()
    event = msgspec.structs.replace(
        sample(next(one for one in outward._NOTICES if one.__name__ == "ScanRecorded")),
        scan=int(Scan.OUT_FOR_DELIVERY),
        scan_id="sc_a",
    )
    for state in TrackingState:
        step = msgspec.structs.replace(house.case.tracking, state=state)
        told = outward.tells(msgspec.structs.replace(house.case, tracking=step), event)
        assert bool(told) is (state is TrackingState.ON_THE_WAY)
    voided = msgspec.structs.replace(house.case.tracking, voided=("sc_a",))
    assert outward.tells(msgspec.structs.replace(house.case, tracking=voided), event) == ()


def test_only_what_was_promised_to_the_applicant_is_said_to_be_late():
    house = House().with_post()
    late = sample(next(one for one in outward._NOTICES if one.__name__ == "TrackingRanLate"))
    said = {}
    for state in TrackingState:
        step = msgspec.structs.replace(house.case.tracking, state=state)
        told = outward.tells(msgspec.structs.replace(house.case, tracking=step), late)
        if told:
            said[state] = told[0].facts["step"]
    assert said == {
        TrackingState.ON_THE_WAY: "post",
        TrackingState.INCIDENT: "search",
        TrackingState.DENIED: "inquiry",
        TrackingState.DISPUTED: "inquiry",
    }


def test_what_the_post_office_holds_is_told_without_a_code():
    house = House().with_post()
    house.notices.clear()
    house.ok(house.scan(Scan.HELD, "sc_held"), actor="postal")
    assert [(one.template, one.facts) for one in house.notices] == [("held_at_post_office", {})]


@pytest.mark.parametrize(
    ("mode", "told"),
    [
        ("on_delivery", PostageMode.ON_DELIVERY),
        ("prepaid", PostageMode.PREPAID),
        ("free", PostageMode.FREE),
    ],
)
def test_the_post_is_told_who_pays_the_postage(mode: str, told: PostageMode):
    event = msgspec.structs.replace(sample(OrderPlaced), postage_mode=mode, postage_fen=1400)
    [message] = outward.speaks(House().issued().case, event, KEY)
    assert (message.kind, message.body.postage_mode, message.body.documents) == (101, told, 1)  # type: ignore[attr-defined]
    assert message.personal == CASE


def test_a_claim_for_an_invalid_document_leaves_no_attempt():
    event = msgspec.structs.replace(sample(OldClaimRefused), reason=int(Reason.NOT_IN_CUSTODY))
    [message] = outward.speaks(House().with_post().case, event, KEY)
    assert message.kind == Kind.PROOF_REFUSED
    assert isinstance(message.body, ProofRefused)
    assert message.body.attempts_left == 0


def test_what_does_not_concern_the_post_is_not_told_it():
    house = House().with_post()
    assert outward.speaks(house.case, house.events[0][1], KEY) == ()


def queues(lines: Any) -> set[str]:
    return {line.queue for line in lines}


def test_only_the_lines_of_the_steps_that_moved_are_looked_at():
    house = House().paid()
    house.ok(SettlePayment(reference="pay-2", amount_fen=12000, paid_at=house.now), actor="system")
    house.draw()
    house.make()
    house.label()
    house.seal()
    house.offer()
    house.accept()
    before = house.case
    assert {"payment.refund_due", "register.due", "tracking.on_the_way"} <= set(house.waits())
    house.later(hours=1)
    house.ok(house.scan(Scan.ARRIVED, "sc_a"), actor="postal")
    gone, come = outward.waited(before, house.case, KEY)
    assert queues(gone) == queues(come) == {"tracking.on_the_way"}


def test_production_is_listed_by_kind_and_all_else_by_office():
    house = House().paid()
    assert house.waits()["production.waiting_blank"].group == "passport"
    house = House().with_post()
    assert {line.group for queue, line in house.waits().items() if queue != "register.due"} == {"310000-1"}


def templates_told() -> set[str]:
    """Of all notices that events give when an envelope is with the post."""
    return {
        notice.template
        for event in outward._NOTICES
        for notice in outward.tells(House().with_post().case, sample(event))
    }


def test_every_notice_that_an_event_gives_is_one_that_has_words():
    told = templates_told()
    assert told <= outward.TEMPLATES
    assert set(FACTS) <= outward.TEMPLATES
    assert "incident_opened" in outward.TEMPLATES


def test_every_notice_that_has_words_is_given_by_some_event():
    told = templates_told()
    by_how_it_stands = {"payment_due", "payment_received", "held_at_post_office", "document_invalidated"}
    assert set(FACTS) - told == by_how_it_stands


def test_whoever_waits_is_told_which_step_runs_late():
    late = {event for event in outward._NOTICES if event.__name__.endswith("RanLate")}
    told = [outward.tells(House().with_post().case, sample(event))[0] for event in late]
    steps = {one.facts["step"] for one in told if one.template == "running_late"}
    assert steps == {"examination", "production", "handover", "returns", "post"}


def test_who_takes_back_an_agent_or_another_address_is_told_that_it_is_so():
    house = House().submitted()
    house.ok(NameAgent(number=1))
    house.ok(ReleaseAgent())
    assert house.notices[-1].template == "agent_released"
    house.ok(AskAddressChange(change=1, destination=440100))
    house.ok(StopAddressChange(change=1))
    assert house.notices[-1].template == "address_stays"


def test_the_post_hears_that_its_recipient_will_fetch_it_and_names_no_day():
    house = House().with_post()
    house.ok(AskWish(number=1, wish="post_office"), actor="ap_one")
    said: Any = house.messages[-1].body
    assert (house.messages[-1].kind, said.wish, said.day) == (Kind.DELIVERY_WISHED, Wish.POST_OFFICE, None)
    assert (said.order, said.waybill, said.number) == (house.case.tracking.order, house.item()["waybill"], 1)


def test_a_fee_that_goes_back_stands_on_the_list_once():
    house = House().paid()
    house.ok(WITHDRAW)
    lines = [line.queue for line in outward.waits(house.case, KEY)]
    assert lines.count("payment.refund_due") == 1


def caught_wrong(house: House) -> None:
    case = house.case
    command = SealEnvelope(waybill="ZA999999999CN", blank=case.production.blank, second_person="st_two")
    assert house.ok(command) == ["handover.wrong_envelope_caught"]


def test_each_wrong_envelope_is_counted_once_and_nothing_after_it_again():
    house = House().labelled()
    caught_wrong(house)
    caught_wrong(house)
    house.seal()
    house.offer()
    house.accept()
    assert house.tally["exception.wrong_envelope"] == 2


def test_an_exception_that_runs_late_is_still_one():
    house = House().with_post()
    reported = RecordReported(**house.item(), carrier_code="50", occurred_at=house.now)
    house.ok(reported, actor="postal")
    house.ring("tracking.reported")
    assert house.tally["exception.reported_not_proven"] == 1


def test_what_changes_no_number_changes_no_line_of_the_tallies():
    house = House().with_post()
    before = house.case
    house.ok(house.scan(Scan.ARRIVED, "sc_a"), actor="postal")
    assert outward.counts(before, house.case) == {}
    first = before.tracking
    failed = msgspec.structs.replace(before, tracking=msgspec.structs.replace(first, attempts=1))
    assert outward.counts(before, failed) == {"exception.attempt_failed": 1}
