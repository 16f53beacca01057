"""Hand-over: the right document in the right envelope, counted by both sides; or fetched by the right person."""

from datetime import timedelta
from typing import Any

import pytest

from safehand.authority.handover import bag
from safehand.authority.handover.commands import (
    ChangeToPickup,
    DeclareMissing,
    FindOnShelf,
    HandoverExpired,
    MakeReadyForPickup,
    OfferHandover,
    PickUp,
    PickupExpired,
    PrintLabel,
    PutInBag,
    RecordAcceptance,
    RecordOrderRefused,
    RecordRefusal,
    RecordWaybill,
    RejectAtCounter,
    SealEnvelope,
    TakeOutOfBag,
    UnsealEnvelope,
)
from safehand.authority.handover.rules import LABEL_PRINTS_MAX
from safehand.authority.returns.commands import ReceiveReturn, ResendReturn
from safehand.kernel.machine import Command, Context, StreamKey
from safehand.kernel.working_days import add_days, add_working_days
from safehand.link.messages import ITEMS_PER_MANIFEST_MAX, OrderPlaced, PostageMode, Reason
from tests.authority.house import BAG, CASE, House, counting_envelopes

RIGHT_PERSON = PickUp(blank=1, is_applicant=True, face_matches=True, id_card_valid=True)
SHORT = Reason.SHORT
UNKNOWN_ITEM = Reason.UNKNOWN_ITEM


def waybill_of(house: House) -> str:
    return house.case.handover.waybill


def short() -> House:
    house = House().offered()
    items: Any = {waybill_of(house): SHORT}
    house.ok(bag.RecordBagRefusal(items=items), stream=BAG, actor="postal")
    return house


def two_in_a_bag() -> tuple[House, str]:
    """Two cases, one bag; the other case's waybill."""
    house = House().sealed()
    first = waybill_of(house)
    streams = house.streams.pop(CASE)
    house.holders.clear()
    house.streams["ca_b"] = streams
    return house, first


def test_an_issued_document_places_an_order_that_names_no_case():
    house = House().issued()
    body = house.messages[-1].body
    assert isinstance(body, OrderPlaced)
    assert body.order.startswith("or_")
    assert (body.documents, body.postage_mode) == (1, PostageMode.ON_DELIVERY)
    assert house.messages[-1].subject == body.order
    assert house.messages[-1].personal == CASE
    assert house.holders[f"order:{body.order}"] == CASE
    assert house.waits()["handover.ordered"].owner == "post"


def test_postage_follows_the_destination():
    near = House().issued(destination=310000).messages[-1].body
    far = House().issued(destination=440100).messages[-1].body
    assert isinstance(near, OrderPlaced)
    assert isinstance(far, OrderPlaced)
    assert near.postage_fen < far.postage_fen


def test_a_waybill_once_given_never_changes():
    house = House().issued()
    order = house.case.handover.order
    record = RecordWaybill(order=order, waybill="ZA000000001CN", routing="R", token=b"t")
    assert house.ok(record) == ["handover.waybill_recorded"]
    assert house.ok(record) == []
    other = RecordWaybill(order=order, waybill="ZA000000002CN", routing="R", token=b"t")
    assert house.no(other) == "handover.waybill_differs"


def test_news_of_a_strange_order_is_refused():
    house = House().issued()
    strange = RecordWaybill(order="or_aaaa", waybill="ZA000000001CN", routing="R", token=b"t")
    assert house.no(strange) == "handover.not_this_order"
    assert house.no(RecordOrderRefused(order="or_aaaa", reason=Reason.MALFORMED)) == "handover.not_this_order"


def test_a_refusal_of_any_order_that_was_cancelled_is_late_news():
    house = House().issued()
    orders = [house.case.handover.order]
    house.ok(ChangeToPickup())
    house.ok(MakeReadyForPickup(blank=house.case.production.blank))
    house.ok(RejectAtCounter(reason=Reason.DAMAGED))
    house.ok(ResendReturn())
    orders.append(house.case.handover.order)
    house.ok(ChangeToPickup())
    for order in orders:
        assert house.ok(RecordOrderRefused(order=order, reason=Reason.TOO_LATE)) == []


def test_what_the_post_can_not_carry_is_fetched_at_the_counter():
    house = House().issued()
    order = house.case.handover.order
    refusal = RecordOrderRefused(order=order, reason=Reason.AREA_NOT_SERVED)
    assert house.ok(refusal) == ["handover.order_refused"]
    assert house.notices[-1].template == "fetch_at_counter_instead"
    assert house.ok(refusal) == []
    assert house.ok(MakeReadyForPickup(blank=1)) == ["handover.ready_for_pickup"]
    assert house.account == "counter"


def test_an_order_with_a_waybill_can_no_longer_be_refused():
    house = House().labelled()
    refusal = RecordOrderRefused(order=house.case.handover.order, reason=Reason.AREA_NOT_SERVED)
    assert house.no(refusal) == "handover.not_now"


@pytest.mark.parametrize("stage", ["issued", "labelled", "sealed"])
def test_until_the_bag_the_applicant_may_fetch_it_instead(stage: str):
    house: House = getattr(House(), stage)()
    order = house.case.handover.order
    assert house.ok(ChangeToPickup(), actor="ap_one") == ["handover.changed_to_pickup"]
    assert house.sent()[-1] == 102
    assert house.ok(ChangeToPickup()) == []
    late = RecordWaybill(order=order, waybill="ZA000000001CN", routing="R", token=b"t")
    # What the post said before it heard of the cancellation moves nothing; a number that is new is put on record, since
    # the post counts an envelope from then on.
    assert house.ok(late) == (["handover.waybill_came_late"] if stage == "issued" else [])
    assert house.ok(late) == []


def test_once_in_the_bag_it_goes_by_post():
    assert House().offered().no(ChangeToPickup()) == "handover.not_now"


def test_a_waybill_that_comes_twice_in_a_later_state_changes_nothing():
    house = House().labelled()
    step = house.case.handover
    again = RecordWaybill(order=step.order, waybill=step.waybill, routing="R", token=b"t")
    assert house.ok(again) == []


def test_every_print_is_an_event_and_every_reprint_has_a_reason():
    house = House().labelled()
    assert house.no(PrintLabel()) == "handover.reprint_needs_reason"
    assert house.ok(PrintLabel(reason="damaged")) == ["handover.label_printed"]
    for _ in range(LABEL_PRINTS_MAX - 2):
        house.ok(PrintLabel(reason="unreadable"))
    assert house.no(PrintLabel(reason="unreadable")) == "handover.prints_used_up"


def test_no_label_without_a_waybill():
    assert House().issued().no(PrintLabel()) == "handover.not_now"


@pytest.mark.parametrize(("waybill", "blank", "what"), [("ZA999999999CN", 1, "waybill"), ("", 2, "blank")])
def test_a_wrong_envelope_is_caught_at_sealing_and_counted(waybill: str, blank: int, what: str):
    house = House().labelled()
    right = waybill_of(house)
    wrong = SealEnvelope(waybill=waybill or right, blank=blank, second_person="st_two")
    assert house.ok(wrong) == ["handover.wrong_envelope_caught"]
    assert getattr(house.events[-1][1], "what") == what  # noqa: B009
    assert house.tally["exception.wrong_envelope"] == 1
    assert house.case.handover.state == "labelled"
    house.seal()


def test_sealing_and_opening_need_two_persons():
    house = House().labelled()
    seal = SealEnvelope(waybill=waybill_of(house), blank=1, second_person="st_one")
    assert house.no(seal, actor="st_one") == "handover.same_person"
    assert house.ok(seal, actor="st_two") == ["handover.sealed"]
    assert house.ok(seal, actor="st_two") == []
    unseal = UnsealEnvelope(second_person="st_one", reason="label_wrong")
    assert house.no(unseal, actor="st_one") == "handover.same_person"
    assert house.ok(unseal, actor="st_two") == ["handover.unsealed"]
    assert house.no(unseal, actor="st_two") == "handover.not_now"


def test_sealing_comes_after_labelling():
    house = House().issued()
    assert house.no(SealEnvelope(waybill="ZA1", blank=1, second_person="st_two")) == "handover.not_now"


def test_a_bag_takes_only_sealed_envelopes_with_their_own_waybills():
    house = House().labelled()
    close = bag.CloseBag(seal="S-100", office="SH-01", items={waybill_of(house): CASE})
    assert house.no(close, stream=BAG) == "handover.not_now"
    house.seal()
    strange = bag.CloseBag(seal="S-100", office="SH-01", items={"ZA999999999CN": CASE})
    assert house.no(strange, stream=BAG) == "handover.wrong_item"
    assert house.state(BAG).state == "none", "what one envelope refuses the whole bag is refused"
    assert house.ok(close, stream=BAG) == ["bag.closed"]
    assert house.ok(close, stream=BAG) == []
    assert house.no(bag.CloseBag(seal="S-101", office="SH-01", items={}), stream=BAG) == "bag.already_closed"


def test_an_empty_bag_is_refused():
    empty = bag.CloseBag(seal="S-100", office="SH-01", items={})
    assert House().no(empty, stream=BAG) == "bag.items_wrong"


def test_an_envelope_lies_in_one_bag_only():
    house = House().sealed()
    items: Any = {waybill_of(house): CASE}
    house.ok(bag.CloseBag(seal="S-100", office="SH-01", items=items), stream=BAG)
    second = bag.CloseBag(seal="S-101", office="SH-01", items=items)
    assert house.no(second, stream="bg_b") == "handover.not_now"
    assert house.no(OfferHandover(bag="bg_other")) == "handover.not_in_this_bag"


def test_a_closed_bag_can_be_opened_until_it_is_offered():
    house = House().sealed()
    house.ok(bag.CloseBag(seal="S-100", office="SH-01", items={waybill_of(house): CASE}), stream=BAG)
    assert house.ok(bag.ReopenBag(), stream=BAG) == ["bag.reopened"]
    assert house.ok(bag.ReopenBag(), stream=BAG) == []
    assert house.case.handover.state == "sealed"
    assert house.waits()["handover.sealed"].due_at is not None
    house.offer("bg_b")
    assert house.no(bag.ReopenBag(), stream="bg_b") == "bag.not_now"


def test_a_bag_is_offered_with_its_own_seal_and_once():
    house = House().sealed()
    house.ok(bag.CloseBag(seal="S-100", office="SH-01", items={waybill_of(house): CASE}), stream=BAG)
    assert house.no(bag.OfferBag(seal="S-999"), stream=BAG) == "bag.seal_differs"
    assert house.ok(bag.OfferBag(seal="S-100"), stream=BAG) == ["bag.offered"]
    assert house.ok(bag.OfferBag(seal="S-100"), stream=BAG) == []
    assert house.account == "handover_shelf"
    assert house.case.papers.made[0].pending == "post"
    assert house.sent()[-1] == 103


def test_custody_is_the_posts_only_when_it_signs():
    house = House().offered()
    assert house.account == "handover_shelf"
    house.accept()
    assert house.account == "post"
    assert house.state(BAG).state == "settled"
    assert house.ok(RecordAcceptance(bag=BAG)) == []


def test_a_repeated_answer_changes_nothing_and_an_unknown_item_is_refused():
    house = House().with_post()
    again = bag.RecordBagAcceptance(seal="SEAL-1", waybills=(waybill_of(house),))
    assert house.ok(again, stream=BAG) == []
    unknown = bag.RecordBagAcceptance(seal="SEAL-1", waybills=("ZA999999999CN",))
    assert house.no(unknown, stream=BAG) == "bag.unknown_waybill"
    both: Any = {waybill_of(house): SHORT}
    assert house.no(bag.RecordBagRefusal(items=both), stream=BAG) == "bag.unknown_waybill"


def test_an_envelope_too_many_is_noted_and_the_others_have_their_answer():
    """Long run, bedlam seed 218: a clerk counted an envelope of another house, and the answer for all others was set aside."""
    house = House().offered()
    over, said = {"ZA999999999CN": UNKNOWN_ITEM}, {waybill_of(house): SHORT}
    both: Any = said | over
    assert house.ok(bag.RecordBagRefusal(items=both), stream=BAG) == [
        "bag.surplus_named",
        "bag.items_refused",
        "bag.settled",
    ]
    assert house.case.handover.state == "recount"
    noted = house.state(BAG)
    assert noted.surplus == over
    assert noted.answered == said
    assert house.ok(bag.RecordBagRefusal(items=both), stream=BAG) == []


def test_an_envelope_too_many_in_a_bag_that_was_signed_for_is_noted():
    house = House().with_post()
    over: Any = {"ZA999999999CN": UNKNOWN_ITEM}
    assert house.ok(bag.RecordBagRefusal(items=over), stream=BAG) == ["bag.surplus_named"]
    assert house.account == "post"
    assert house.ok(bag.RecordBagRefusal(items=over), stream=BAG) == []
    contradicted: Any = over | {"ZA999999998CN": SHORT, waybill_of(house): SHORT}
    assert house.no(bag.RecordBagRefusal(items=contradicted), stream=BAG) == "bag.unknown_waybill"
    assert house.state(BAG).surplus == over


def test_an_answer_with_a_strange_seal_or_for_a_bag_not_offered_is_refused():
    house = House().offered()
    strange = bag.RecordBagAcceptance(seal="S-999", waybills=(waybill_of(house),))
    assert house.no(strange, stream=BAG) == "bag.seal_differs"
    assert house.no(strange, stream="bg_b") == "bag.not_now"


def test_a_bag_that_is_short_leaves_custody_here_and_is_recounted():
    house = short()
    assert house.account == "handover_shelf"
    assert house.waits()["handover.recount"].owner == "handover_clerk"
    assert house.state(BAG).state == "settled"
    assert house.tally["exception.short_in_bag"] == 1


def test_what_the_recount_finds_goes_into_the_next_bag():
    house = short()
    assert house.no(FindOnShelf(waybill="ZA999999999CN")) == "handover.wrong_item"
    assert house.ok(FindOnShelf(waybill=waybill_of(house))) == ["handover.found_on_shelf"]
    house.offer("bg_b")
    house.accept("bg_b")
    assert house.account == "post"


def test_a_damaged_envelope_found_by_the_recount_is_opened_and_sealed_anew():
    house = short()
    house.ok(UnsealEnvelope(second_person="st_two", reason="envelope_damaged"))
    house.seal()


def test_what_the_recount_does_not_find_is_invalidated_and_made_again_free_of_charge():
    house = short()
    assert house.no(DeclareMissing(second_person="st_one"), actor="st_one") == "handover.same_person"
    declared = house.ok(DeclareMissing(second_person="st_two"))
    assert declared == [
        "handover.declared_missing",
        "document.invalidated",
        "register.entry_due",
        "production.opened",
    ]
    assert house.ok(DeclareMissing(second_person="st_two")) == []
    assert house.sent()[-1] == 102
    assert house.account == "incident"
    house.draw()
    house.make()
    body = house.messages[-1].body
    assert isinstance(body, OrderPlaced)
    assert (body.postage_mode, body.postage_fen) == (PostageMode.FREE, 0)


def test_what_was_declared_missing_and_turns_up_in_the_house_is_received_to_be_destroyed():
    house = counting_envelopes().offered()
    waybill = waybill_of(house)
    house.ok(bag.RecordBagRefusal(items={waybill: SHORT}), stream=BAG, actor="postal")
    house.ok(DeclareMissing(second_person="st_two"))
    assert house.ok(ReceiveReturn(waybill=waybill)) == ["document.old_handed_in"]
    assert house.waits()["returns.to_destroy"].owner == "handover_clerk"
    assert 107 not in house.sent(), "it never left: the post has nothing to hear"


def test_only_a_recount_can_find_or_miss_something():
    house = House().sealed()
    assert house.no(FindOnShelf(waybill=waybill_of(house))) == "handover.not_now"
    assert house.no(DeclareMissing(second_person="st_two")) == "handover.not_now"


def test_the_counter_keeps_it_for_ninety_days():
    house = House().at_counter()
    assert house.waits()["handover.ready_for_pickup"].due_at == add_days(house.now, 90)
    assert house.ok(MakeReadyForPickup(blank=1)) == []
    assert house.ok(PickupExpired()) == []


def test_the_counter_takes_only_the_document_of_the_case():
    house = House().issued(mode="counter")
    assert 101 not in house.sent()
    assert house.no(MakeReadyForPickup(blank=2)) == "handover.wrong_item"
    assert House().issued().no(MakeReadyForPickup(blank=1)) == "handover.not_now"


@pytest.mark.parametrize(
    "person",
    [
        {"is_applicant": False, "face_matches": True, "id_card_valid": True},
        {"is_applicant": True, "face_matches": False, "id_card_valid": True},
        {"is_applicant": True, "face_matches": True, "id_card_valid": False},
        {"is_applicant": False, "face_matches": False, "id_card_valid": False, "agent_authorised": True},
    ],
)
def test_a_stranger_at_the_counter_is_always_refused(person: Any):
    house = House().at_counter()
    assert house.no(PickUp(blank=1, **person)) == "handover.not_the_recipient"
    assert house.account == "counter"


def test_the_right_person_or_an_agent_picks_it_up():
    house = House().at_counter()
    assert house.no(PickUp(blank=2, is_applicant=True, face_matches=True, id_card_valid=True)) == (
        "handover.wrong_item"
    )
    assert house.ok(RIGHT_PERSON) == ["handover.picked_up", "application.completed"]
    assert house.ok(RIGHT_PERSON) == []
    assert house.account == "recipient"
    agent = PickUp(blank=1, is_applicant=False, face_matches=False, id_card_valid=True, agent_authorised=True)
    assert House().at_counter().ok(agent)[0] == "handover.picked_up"
    assert House().issued().no(agent) == "handover.not_now"


def test_after_ninety_days_it_goes_onto_the_return_shelf():
    house = House().at_counter()
    house.later(days=100)
    assert house.no(RIGHT_PERSON) == "handover.pickup_too_late"
    assert house.ok(PickupExpired()) == ["handover.pickup_expired", "returns.shelved"]
    assert house.account == "return_shelf"


def test_a_mistake_found_at_the_counter_stays_there():
    house = House().at_counter()
    assert house.no(RejectAtCounter(reason=Reason.ABSENT)) == "handover.not_a_counter_reason"
    reject = RejectAtCounter(reason=Reason.MISPRINT)
    assert house.ok(reject) == ["handover.rejected_at_counter", "returns.shelved"]
    assert house.no(reject) == "handover.not_now"


@pytest.mark.parametrize(
    ("stage", "queue"),
    [("issued", "ordered"), ("labelled", "labelled"), ("sealed", "sealed")],
)
def test_what_is_left_lying_becomes_the_managers(stage: str, queue: str):
    house: House = getattr(House(), stage)()
    assert house.ok(HandoverExpired()) == []
    assert house.ring(f"handover.{queue}") == ["handover.ran_late"]
    assert house.waits()[f"handover.{queue}"].owner == "authority_manager"
    assert house.ok(HandoverExpired()) == []


def test_a_bag_that_nobody_answers_becomes_the_managers():
    house = House().offered()
    assert house.ok(bag.BagExpired(), stream=BAG) == []
    assert house.ring("bag.offered", BAG) == ["bag.ran_late"]
    assert house.waits(BAG)["bag.offered"].owner == "authority_manager"
    house.accept()


def test_a_bag_is_answered_item_by_item():
    house, first = two_in_a_bag()
    house.sealed(claim="live:other:passport")
    second = waybill_of(house)
    items: Any = {first: "ca_b", second: CASE}
    house.ok(bag.CloseBag(seal="S-100", office="SH-01", items=items), stream=BAG)
    house.ok(bag.OfferBag(seal="S-100"), stream=BAG)
    assert house.ok(bag.RecordBagAcceptance(seal="S-100", waybills=(first,)), stream=BAG) == [
        "bag.items_accepted"
    ]
    refused: Command = bag.RecordBagRefusal(items={second: SHORT})
    assert house.ok(refused, stream=BAG) == ["bag.items_refused", "bag.settled"]
    assert house.state("ca_b").handover.state == "accepted"
    assert house.case.handover.state == "recount"


def test_a_bag_closed_again_the_same_is_already_so_and_any_difference_is_refused():
    house = House().sealed()
    items: Any = {waybill_of(house): CASE}
    house.ok(bag.CloseBag(seal="S-100", office="SH-01", items=items), stream=BAG)
    assert house.ok(bag.CloseBag(seal="S-100", office="SH-01", items=items), stream=BAG) == []
    more = items | {"ZA999999999CN": "ca_b"}
    for seal, other in (("S-101", items), ("S-100", more)):
        closing = bag.CloseBag(seal=seal, office="SH-01", items=other)
        assert house.no(closing, stream=BAG) == "bag.already_closed"


@pytest.mark.parametrize(
    ("count", "fits"), [(ITEMS_PER_MANIFEST_MAX, True), (ITEMS_PER_MANIFEST_MAX + 1, False)]
)
def test_a_bag_holds_what_one_manifest_can_list(count: int, fits: bool):
    items: Any = {f"ZA{number:09d}CN": CASE for number in range(count)}
    closing = bag.CloseBag(seal="S-100", office="SH-01", items=items)
    machine = House().machines["bag"]
    context = Context(key=StreamKey(310000, BAG), now=House().now, actor="st_one")
    decided = machine.decide(bag.Bag(), closing, context)
    assert isinstance(decided, list) is fits


def test_a_bag_that_was_opened_or_settled_is_not_offered_nor_answered_and_rings_no_more():
    house = House().offered()
    house.ok(bag.RecordBagRefusal(items={waybill_of(house): SHORT}), stream=BAG, actor="postal")  # type: ignore[dict-item]
    assert house.ok(bag.RecordBagRefusal(items={waybill_of(house): SHORT}), stream=BAG, actor="postal") == []  # type: ignore[dict-item]
    assert house.no(bag.OfferBag(seal="SEAL-1"), stream=BAG) == "bag.not_now"
    house.later(days=30)
    assert house.ok(bag.BagExpired(), stream=BAG) == []
    nothing = bag.RecordBagAcceptance(seal="SEAL-1", waybills=())
    assert house.ok(nothing, stream=BAG) == []
    strange = bag.RecordBagRefusal(items={"ZA999999999CN": SHORT})  # type: ignore[dict-item]
    assert house.ok(strange, stream=BAG, actor="postal") == ["bag.surplus_named"]
    closed = House().sealed()
    closed.ok(bag.CloseBag(seal="S-100", office="SH-01", items={waybill_of(closed): CASE}), stream=BAG)  # type: ignore[dict-item]
    assert closed.no(strange, stream=BAG, actor="postal") == "bag.not_now"


def test_a_late_bag_rings_once():
    house = House().offered()
    house.ring("bag.offered", BAG)
    assert house.ok(bag.BagExpired(), stream=BAG) == []


def test_the_clock_of_a_bag_is_its_own():
    machine = House().machines["bag"]
    assert machine.timer("bag.offered") == bag.BagExpired()
    assert machine.timer("handover.offered") is None


@pytest.mark.parametrize("reason", [Reason.MISPRINT, Reason.DAMAGED])
def test_each_fault_found_at_the_counter_keeps_the_document_there(reason: Reason):
    assert House().at_counter().ok(RejectAtCounter(reason=reason))[0] == "handover.rejected_at_counter"


def test_at_the_counter_or_on_the_way_to_it_a_change_to_pickup_is_already_so():
    house = House().issued()
    house.ok(ChangeToPickup())
    assert house.ok(ChangeToPickup()) == []
    assert House().at_counter().ok(ChangeToPickup()) == []


def test_the_last_instant_of_the_ninety_days_is_in_time_and_the_next_is_not():
    due_at = House().at_counter().waits()["handover.ready_for_pickup"].due_at
    house = House().at_counter()
    house.now = due_at - timedelta(microseconds=1)
    assert house.ok(PickupExpired()) == []
    assert house.ok(RIGHT_PERSON)[0] == "handover.picked_up"
    house = House().at_counter()
    house.now = due_at
    assert house.no(RIGHT_PERSON) == "handover.pickup_too_late"
    assert house.ok(PickupExpired())[0] == "handover.pickup_expired"


@pytest.mark.parametrize("stage", ["issued", "labelled", "sealed"])
def test_the_manager_hears_of_it_at_the_very_instant_and_not_before(stage: str):
    house: House = getattr(House(), stage)()
    [line] = [line for queue, line in house.waits().items() if queue.startswith("handover.")]
    house.now = line.due_at - timedelta(microseconds=1)
    assert house.ok(HandoverExpired()) == []
    house.now = line.due_at
    assert house.ok(HandoverExpired()) == ["handover.ran_late"]


def test_a_waybill_for_a_cancelled_order_is_put_on_record_once_and_for_one_never_placed_refused():
    house = House().issued()
    order = house.case.handover.order
    house.ok(ChangeToPickup())
    record = RecordWaybill(order=order, waybill="ZA000000001CN", routing="SH-01", token=bytes(32))
    assert house.ok(record, actor="postal") == ["handover.waybill_came_late"]
    assert house.ok(record, actor="postal") == []
    counter = House().issued(mode="counter")
    assert counter.no(record, actor="postal") == "handover.not_this_order"


def test_labelling_and_the_way_to_the_counter_have_their_working_days():
    house = House().issued()
    house.label()
    assert house.waits()["handover.labelled"].due_at == add_working_days(house.now, 1)
    house.ok(ChangeToPickup())
    assert house.waits()["handover.to_counter"].due_at == add_working_days(house.now, 2)
    assert House().issued(mode="counter").waits()["handover.on_shelf"].due_at == add_working_days(
        house.now, 2
    )


def test_an_envelope_is_put_into_its_bag_once_and_into_no_other():
    house = House().sealed()
    house.ok(bag.CloseBag(seal="S-100", office="SH-01", items={waybill_of(house): CASE}), stream=BAG)  # type: ignore[dict-item]
    assert house.ok(PutInBag(bag=BAG, waybill=waybill_of(house))) == []
    assert house.no(PutInBag(bag="bg_other", waybill=waybill_of(house))) == "handover.not_now"


def test_only_an_offered_envelope_of_that_bag_is_refused_or_accepted():
    refusing = RecordRefusal(bag=BAG, reason=SHORT)
    assert House().sealed().no(refusing, actor="postal") == "handover.not_now"
    offered = House().offered()
    assert (
        offered.no(RecordRefusal(bag="bg_other", reason=SHORT), actor="postal") == "handover.not_in_this_bag"
    )
    assert offered.no(RecordAcceptance(bag="bg_other"), actor="postal") == "handover.not_in_this_bag"
    assert offered.no(TakeOutOfBag(bag=BAG)) == "handover.not_now"


def test_every_order_of_the_case_is_remembered_and_nothing_else_of_the_one_before():
    house = House().returned()
    [first] = house.case.handover.placed
    house.ok(ResendReturn())
    assert house.case.handover.placed == (first, house.case.handover.order)
    assert (house.case.handover.waybill, house.case.handover.bag, house.case.handover.prints) == ("", "", 0)


@pytest.mark.parametrize("stage", ["issued", "labelled", "sealed"])
def test_a_label_is_printed_from_the_waybill_to_the_bag(stage: str):
    house: House = getattr(House(), stage)()
    prints = house.case.handover.prints
    outcome = house.do(PrintLabel(reason="damaged"))
    assert (outcome == ["handover.label_printed"]) is (stage != "issued")
    assert house.case.handover.prints == prints + (stage != "issued")


def test_between_waybill_and_label_it_may_still_be_fetched_instead():
    house = House().issued()
    order = house.case.handover.order
    house.ok(RecordWaybill(order=order, waybill="ZA000000001CN", routing="R", token=b"t"), actor="postal")
    assert house.case.handover.state == "to_label"
    assert house.ok(ChangeToPickup()) == ["handover.changed_to_pickup"]


def test_the_second_waybill_of_an_order_is_refused_and_so_is_one_of_another_order():
    house = House().labelled()
    order = house.case.handover.order
    other = RecordWaybill(order=order, waybill="ZA999999999CN", routing="R", token=b"t")
    assert house.no(other, actor="postal") == "handover.waybill_differs"
    strange = RecordWaybill(order="or_other", waybill="ZA000000001CN", routing="R", token=b"t")
    assert house.no(strange, actor="postal") == "handover.not_this_order"
