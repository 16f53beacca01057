"""What one step must know of another before it decides: late news, wrong envelopes, and what may still be chosen."""

from __future__ import annotations

from typing import Any, Final

import pytest
from msgspec.structs import replace

from safehand.authority.agent.commands import NameAgent
from safehand.authority.application.commands import WithdrawApplication
from safehand.authority.examination.commands import AskCorrection
from safehand.authority.group import commands as group
from safehand.authority.handover.commands import ChangeToPickup
from safehand.authority.machines import build_machines
from safehand.authority.readdressing.commands import AskAddressChange
from safehand.authority.returns.commands import (
    DestroyDocument,
    InvalidateReturn,
    KeepForPickup,
    RecallItem,
    RecordReturnOffered,
    ResendReturn,
)
from safehand.authority.router import wish_days
from safehand.authority.rulebook import HouseClocks, Rulebook
from safehand.authority.telephone.commands import AskPhoneChange
from safehand.authority.tracking.commands import (
    DenyReceipt,
    RecordFound,
    RecordIncident,
    RecordLoss,
    RecordReported,
    RecordSearchEnded,
    RecordVoid,
)
from safehand.authority.tracking.states import WORDS as TRACKING_WORDS
from safehand.authority.tracking.states import TrackingState
from safehand.authority.wish.commands import AskWish
from safehand.kernel.outcome import Refusal
from safehand.kernel.working_days import local_day
from safehand.link.messages import Reason, Scan
from tests.authority.family import ONE, THREE, TWO, Family
from tests.authority.house import CASE, CITY, CLAIM, House, application, loaded

POST: Final = "postal"
ELSEWHERE: Final = AskAddressChange(change=1, destination=440100)
WRONG_WAYBILL: Final = "ZA999999999CN"


def again(house: House, bag: str = "bg_b") -> House:
    """From the shelf to the post once more."""
    house.label()
    house.seal()
    house.offer(bag)
    house.accept(bag)
    return house


def destroy(house: House) -> None:
    old = house.case.papers.made[0]
    house.ok(DestroyDocument(make=old.make, blank=old.blank, first_witness="st_a", second_witness="st_b"))


def made_anew_after_a_return() -> tuple[House, dict[str, Any]]:
    """The first document came back and is destroyed; the next one is not with the post yet."""
    house = House().returned()
    first = house.item()
    house.ok(InvalidateReturn(remake=True))
    destroy(house)
    house.draw()
    house.make()
    return house, first


def losses(house: House) -> int:
    return sum(type(event).__name__ == "LossRecorded" for _, event in house.events)


# An agent's code ------------------------------------------------------------------------------------------------


def named() -> House:
    """Somebody is named, and the post has it."""
    house = House()
    house.ok(application(agent=True))
    step = house.case.agent
    posted = House().with_post()
    kind, case, units = posted.streams[CASE]
    posted.streams[CASE] = (kind, replace(case, agent=step), units)
    return posted


def test_a_code_that_is_the_recipients_own_is_not_said_to_be_the_agents():
    house = named()
    sealed = house.ok(replace(house.claim(), agent=1), actor=POST)
    assert sealed[0] == "tracking.proof_sealed"
    assert "agent.received" not in sealed


def test_an_agents_code_opens_no_other_envelope_and_is_then_nobodys_receipt():
    house = named()
    strange = house.claim(right=False, order="or_other")
    assert house.no(replace(strange, agent=1), actor=POST) == "tracking.not_this_order"
    other = house.claim(right=False, waybill=WRONG_WAYBILL)
    assert house.ok(replace(other, agent=1), actor=POST) == ["tracking.claim_refused"]


# News of another envelope ---------------------------------------------------------------------------------------


def test_a_void_of_an_earlier_order_or_with_another_waybill_lets_nothing_go_on():
    house = House().with_post()
    first = house.item()
    house.resent()
    house.ok(house.scan(Scan.RETURN_STARTED, "sc_turn"), actor=POST)
    assert house.ok(RecordVoid(**first, scan_id="sc_turn"), actor=POST) == []
    house.ok(RecordReturnOffered(**house.item(), reason=Reason.NOT_COLLECTED), actor=POST)
    strange = house.item() | {"waybill": WRONG_WAYBILL}
    assert house.no(RecordVoid(**strange, scan_id="sc_turn"), actor=POST) == "tracking.not_this_item"
    assert house.case.tracking.state is TrackingState.TURNED_BACK


def test_what_was_given_up_and_found_can_be_lost_once_more():
    house = House().with_post()
    item = house.item()
    house.ok(RecordLoss(**item), actor=POST)
    house.ok(RecordFound(**item), actor=POST)
    assert house.ok(RecordLoss(**item), actor=POST) == ["document.old_missing"]
    assert house.ok(RecordLoss(**item), actor=POST) == []


def test_late_news_of_the_first_order_harms_nothing_while_the_same_document_goes_out_again():
    house = House().returned()
    first = house.item()
    house.ok(ResendReturn())
    late = (
        RecordIncident(**first, reason=Reason.LOST),
        RecordLoss(**first),
        RecordReturnOffered(**first, reason=Reason.NOT_COLLECTED),
        RecordFound(**first),
    )
    for news in late:
        assert house.ok(news, actor=POST) == [], news
    again(house)
    for news in (RecordFound(**first), RecordSearchEnded(**first)):
        assert house.ok(news, actor=POST) == [], news
    assert house.ok(house.claim(), actor=POST)[0] == "tracking.proof_sealed"


@pytest.mark.parametrize("placed", [False, True], ids=["the next is ordered", "the next is sealed"])
def test_late_news_of_a_destroyed_document_harms_nothing_while_the_next_one_goes_out(placed: bool):
    house, first = made_anew_after_a_return()
    if placed:
        house.label()
        house.seal()
    for news in (
        RecordIncident(**first, reason=Reason.LOST),
        RecordLoss(**first),
        RecordFound(**first),
        RecordSearchEnded(**first),
    ):
        assert house.ok(news, actor=POST) == [], news
    assert house.account == "handover_shelf"


def test_the_code_of_whoever_was_named_before_proves_nothing():
    house = named()
    wrong = house.claim(right=False)
    assert house.ok(replace(wrong, agent=2), actor=POST) == ["tracking.claim_refused"]
    assert house.ok(replace(wrong, agent=1), actor=POST)[0] == "tracking.proof_sealed"


def test_news_of_what_the_post_has_not_got_yet_or_never_had_is_refused():
    house = House().sealed()
    item = {"order": house.case.handover.order, "waybill": house.case.handover.waybill}
    strange = item | {"order": "or_other"}
    for of in (item, strange):
        assert house.no(RecordLoss(**of), actor=POST) == "tracking.not_this_order"
        assert house.no(RecordSearchEnded(**of), actor=POST) == "tracking.not_this_order"
    ordered = House().issued()
    unnumbered = {"order": ordered.case.handover.order, "waybill": WRONG_WAYBILL}
    assert ordered.no(RecordLoss(**unnumbered), actor=POST) == "tracking.not_this_order"
    posted = House().with_post()
    unknown = posted.item() | {"order": "or_other"}
    assert posted.no(RecordFound(**unknown), actor=POST) == "tracking.not_this_order"


def test_only_the_loss_of_the_disputed_envelope_itself_gives_the_document_up():
    house = House().with_post()
    first = house.item()
    house.resent()
    house.ok(house.claim(), actor=POST)
    house.ok(DenyReceipt(claim=CLAIM), actor="ap_one")
    assert house.ok(RecordLoss(**first), actor=POST) == [], "that one came back to us long ago"
    strange = house.item() | {"order": "or_other"}
    assert house.no(RecordLoss(**strange), actor=POST) == "tracking.not_this_order"
    assert losses(house) == 0
    assert house.ok(RecordLoss(**house.item()), actor=POST)[0] == "tracking.lost"


def test_a_loss_of_another_envelope_gives_up_none_that_its_recipient_only_denies():
    house = House().with_post()
    house.ok(RecordReported(**house.item(), carrier_code="50", occurred_at=house.now), actor=POST)
    house.ok(DenyReceipt(claim=CLAIM), actor="ap_one")
    strange = house.item() | {"order": "or_other"}
    assert house.no(RecordLoss(**strange), actor=POST) == "tracking.not_this_order"
    assert losses(house) == 0


# What may still be chosen ---------------------------------------------------------------------------------------


def test_whoever_fetches_after_all_changes_the_number_and_no_address():
    house = House().issued()
    house.ok(ChangeToPickup())
    assert house.no(ELSEWHERE) == "readdressing.nothing_brought"
    assert house.ok(AskPhoneChange(change=1)) == ["telephone.asked"]
    kept = House().returned()
    kept.ok(KeepForPickup())
    assert kept.no(ELSEWHERE) == "readdressing.nothing_brought"


def test_whoever_has_it_brought_after_all_may_ask_for_another_address():
    house = House().at_counter()
    house.ring("handover.ready_for_pickup")
    house.ok(ResendReturn())
    again(house, "bg_a")
    assert house.ok(ELSEWHERE) == ["readdressing.put_to_manager"]


def test_somebody_may_be_named_while_it_is_corrected_and_nobody_once_the_post_stands_at_the_door():
    correcting = House().submitted()
    correcting.ok(AskCorrection(defects=("photo.pose",)))
    assert correcting.ok(NameAgent(number=1)) == ["agent.named"]
    assert House().offered().no(NameAgent(number=1)) == "agent.not_now"


def test_a_group_may_be_begun_while_one_corrects_and_not_after_the_end():
    begin = group.BeginGroup(together=True, group="gr_a")
    correcting, withdrawn = House().submitted(), House().submitted()
    correcting.ok(AskCorrection(defects=("photo.pose",)))
    assert correcting.ok(begin) == ["group.joined"]
    withdrawn.ok(WithdrawApplication())
    assert withdrawn.no(begin) == "group.not_now"


def test_whose_document_waits_for_the_others_is_told_that_it_is_in_a_group():
    family = Family().family().issue(ONE)
    assert family.no(group.BeginGroup(together=True, group="gr_b"), stream=ONE) == "group.in_a_group"


def test_nobody_receives_for_whoever_has_ended():
    family = Family().family()
    family.ok(group.OfferToReceive(receives=True), stream=TWO)
    family.ok(WithdrawApplication(), stream=ONE)
    let = group.LetReceive(receiver=TWO, number=1)
    assert family.no(let, stream=ONE) == "agent.not_now"
    assert family.ok(let, stream=THREE)[0] == "group.receiver_named"


# The days of a wish ---------------------------------------------------------------------------------------------


def refusal_of(house: House) -> dict[str, Any]:
    refused = house.do(AskWish(number=1, wish="post_office"))
    assert isinstance(refused, Refusal)
    assert refused.code == "wish.not_now"
    return dict(refused.facts)


def test_whoever_can_wish_nothing_is_told_where_it_is():
    recalled, delivered = House().with_post(), House().delivered()
    recalled.ok(RecallItem(reason=Reason.RECALLED))
    expected = {recalled: TrackingState.TURNED_BACK, delivered: TrackingState.DELIVERED}
    for house, state in expected.items():
        assert set(TRACKING_WORDS[state]) <= set(refusal_of(house).values())


def days_of(house: House, cities: Any) -> list[int]:
    book = Rulebook(
        cities=cities, documents=loaded()[1], clocks=HouseClocks(), authority="NIA", post="postal"
    )
    return [day.isoweekday() for day in wish_days(house.case, now=house.now, book=book, city=CITY)]


def test_nothing_can_be_brought_on_any_day_before_the_post_has_promised_one_or_without_rules():
    cities, _ = loaded()
    assert days_of(House().submitted(), cities) == []
    assert days_of(House().with_post(), {}) == []


def test_it_is_brought_on_the_days_of_the_city_that_it_goes_to():
    cities, documents = loaded()
    there = 440100
    city = cities[there]
    views: Any = tuple(
        replace(view, delivery=replace(view.delivery, weekdays=(1, 3))) for view in city.resolved.views
    )
    changed = {**cities, there: replace(city, resolved=replace(city.resolved, views=views))}
    house = House(build_machines(cities=changed, documents=documents)).with_post(destination=there)
    assert set(days_of(house, changed)) == {1, 3}
    assert (
        house.no(AskWish(number=1, wish="another_day", day=local_day(house.now).replace(day=10)))
        == "wish.not_that_day"
    )
    unknown = {CITY: cities[CITY]}
    assert len(set(days_of(house, unknown))) > 2, "without rules of its own, by those of the case's city"
