"""Returns: what comes back is scanned in by us, sent again, kept, or invalidated and destroyed before witnesses."""

from datetime import timedelta

import pytest

from safehand.authority.handover.commands import MakeReadyForPickup
from safehand.authority.made_documents import RecordRegisterDone
from safehand.authority.returns.commands import (
    DestroyDocument,
    InvalidateReturn,
    KeepForPickup,
    RecallItem,
    ReceiveReturn,
    RecordRecallAccepted,
    RecordRecallRefused,
    RecordReturnOffered,
    ReportEmpty,
    ResendReturn,
    ReturnsExpired,
)
from safehand.authority.tracking.commands import (
    DenyReceipt,
    RecordFound,
    RecordIncident,
    RecordLoss,
    RecordRejected,
    RecordVoid,
)
from safehand.authority.tracking.events import TurnedBack
from safehand.kernel.working_days import add_working_days
from safehand.link.messages import OrderPlaced, PostageMode, ProofRefused, Reason, Scan
from tests.authority.house import House

RECALL = RecallItem(reason=Reason.RECALLED)


def destroy(make: int = 1, blank: int = 1, *, second: str = "st_w2") -> DestroyDocument:
    return DestroyDocument(make=make, blank=blank, first_witness="st_w1", second_witness=second)


def recalled() -> House:
    house = House().with_post()
    house.ok(RECALL)
    return house


def lost() -> House:
    """Lost at the post, and the next document is on its way to the recipient."""
    house = House().with_post()
    house.ok(RecordLoss(**house.item()))
    return house


def test_a_recall_asks_the_post_and_waits_with_a_clock():
    house = recalled()
    assert house.sent()[-1] == 106
    assert house.ok(RECALL) == []
    house.ring("returns.recall_asked")
    assert house.waits()["returns.recall_asked"].owner == "authority_manager"
    assert house.ok(ReturnsExpired()) == []


def test_only_what_is_with_the_post_can_be_recalled():
    assert House().sealed().no(RECALL) == "returns.not_with_the_post"
    assert House().delivered().no(RECALL) == "returns.not_with_the_post"
    assert House().returned().no(RECALL) == "returns.not_now"


def test_an_accepted_recall_turns_the_envelope_back():
    house = recalled()
    answer = RecordRecallAccepted(**house.item())
    assert house.ok(answer) == ["returns.recall_accepted", "tracking.turned_back"]
    assert house.ok(answer) == []


def test_a_refused_recall_lets_things_stand():
    house = recalled()
    answer = RecordRecallRefused(**house.item(), reason=Reason.TOO_LATE)
    assert house.ok(answer) == ["returns.recall_refused"]
    assert house.ok(answer) == []
    assert house.ok(house.claim())[0] == "tracking.proof_sealed"


def test_an_answer_for_another_envelope_is_refused_and_one_for_an_earlier_order_ignored():
    house = recalled()
    order = house.item()["order"]
    assert house.no(RecordRecallAccepted(order=order, waybill="ZA999999999CN")) == "returns.not_this_item"
    assert (
        house.no(RecordRecallRefused(order=order, waybill="ZA999999999CN", reason=Reason.TOO_LATE))
        == "returns.not_this_item"
    )
    assert house.ok(RecordRecallAccepted(order="or_older", waybill="ZA999999999CN")) == []


@pytest.mark.parametrize("scan", [Scan.RETURN_STARTED, Scan.RETURN_MOVED])
def test_a_return_scan_turns_the_envelope_back_and_its_void_lets_it_go_on(scan: Scan):
    house = House().with_post()
    scanned = house.ok(house.scan(scan, "sc_r"))
    assert scanned == ["tracking.scanned", "tracking.turned_back", "returns.started"]
    voided = house.ok(RecordVoid(**house.item(), scan_id="sc_r"))
    assert voided == ["tracking.scan_voided", "tracking.turn_voided", "returns.called_off"]
    assert house.ok(house.claim())[0] == "tracking.proof_sealed"


def test_a_voided_scan_does_not_undo_a_recall_or_an_offer():
    house = recalled()
    house.ok(house.scan(Scan.RETURN_STARTED, "sc_r"))
    assert house.ok(RecordVoid(**house.item(), scan_id="sc_r")) == ["tracking.scan_voided"]
    house = House().with_post()
    house.ok(house.scan(Scan.RETURN_STARTED, "sc_r"))
    house.ok(RecordReturnOffered(**house.item(), reason=Reason.NOT_COLLECTED))
    assert house.ok(RecordVoid(**house.item(), scan_id="sc_r")) == ["tracking.scan_voided"]
    assert house.case.tracking.state == "turned_back"


def test_an_offer_alone_is_no_return():
    house = House().with_post()
    offer = RecordReturnOffered(**house.item(), reason=Reason.NOT_COLLECTED)
    assert house.ok(offer) == ["returns.offered", "tracking.turned_back"]
    assert house.ok(offer) == []
    assert house.account == "post"
    assert house.case.papers.made[0].pending == "return_shelf"


def test_our_own_scan_takes_custody():
    house = House().returned()
    assert house.account == "return_shelf"
    assert house.sent()[-1] == 107
    assert house.ok(ReceiveReturn(waybill=house.case.tracking.waybill)) == []
    offer = RecordReturnOffered(**house.item(), reason=Reason.NOT_COLLECTED)
    assert house.ok(offer) == [], "the message that came after its envelope"


def test_an_envelope_may_be_quicker_than_its_message():
    house = recalled()
    house.ok(RecordRecallAccepted(**house.item()))
    assert house.ok(ReceiveReturn(waybill=house.case.tracking.waybill)) == ["returns.received"]
    assert house.account == "return_shelf"


def test_nothing_is_taken_back_that_nobody_announced():
    house = House().with_post()
    assert house.no(ReceiveReturn(waybill=house.case.tracking.waybill)) == "returns.not_expected"
    assert house.no(ReceiveReturn(waybill="ZA999999999CN")) == "returns.not_this_item"
    strange = RecordReturnOffered(order="or_other", waybill="ZA1", reason=Reason.ABSENT)
    assert house.no(strange) == "returns.not_this_item"
    strange = RecordReturnOffered(order=house.item()["order"], waybill="ZA1", reason=Reason.ABSENT)
    assert house.no(strange) == "returns.not_this_item"


@pytest.mark.parametrize(
    ("reason", "mode"),
    [(Reason.NOT_COLLECTED, PostageMode.ON_DELIVERY), (Reason.SEAL_BROKEN, PostageMode.FREE)],
)
def test_a_returned_document_is_sent_again_free_if_it_was_not_the_recipients_fault(
    reason: Reason, mode: PostageMode
):
    house = House().returned(reason)
    first = house.item()["order"]
    assert house.ok(ResendReturn()) == ["returns.resent", "handover.opened", "handover.order_placed"]
    body = house.messages[-1].body
    assert isinstance(body, OrderPlaced)
    assert body.postage_mode is mode
    assert body.order != first
    late = RecordReturnOffered(order=first, waybill=house.case.tracking.waybill, reason=reason)
    assert house.ok(late) == [], "it lies here already, and is on its next way"
    house.label()
    house.seal()
    house.offer("bg_b")
    house.accept("bg_b")
    assert house.ok(house.claim())[0] == "tracking.proof_sealed"


def test_a_returned_document_may_be_kept_at_the_counter():
    house = House().returned()
    assert house.ok(KeepForPickup()) == ["returns.kept_for_pickup", "handover.opened"]
    house.ok(MakeReadyForPickup(blank=1))
    assert house.account == "counter"


def test_a_misprint_is_invalidated_and_made_again_while_the_old_one_waits_for_its_destruction():
    house = House().with_post()
    house.ok(RecordRejected(**house.item(), reason=Reason.MISPRINT))
    house.ok(RecordReturnOffered(**house.item(), reason=Reason.ABSENT))
    house.ok(ReceiveReturn(waybill=house.case.tracking.waybill))
    assert house.ok(InvalidateReturn(remake=True))[:2] == ["returns.given_up", "document.invalidated"]
    assert {"returns.to_destroy", "production.waiting_blank"} <= set(house.waits())
    house.draw()
    house.make()
    assert house.messages[-1].body.postage_mode is PostageMode.FREE  # pyright: ignore[reportAttributeAccessIssue]
    assert house.ok(destroy()) == ["document.destroyed"]
    assert "returns.to_destroy" not in house.waits()
    assert house.tally["custody.destroyed"] == 1
    # The register is told of its own time: it needs the blank of a document that is no more.
    assert [entry.blank for entry in house.case.papers.owed if entry.work == "invalidate"] == [1]


def test_a_document_never_fetched_ends_the_application():
    house = House().returned()
    house.ok(InvalidateReturn(remake=False))
    assert house.tally["application.not_delivered"] == 1
    assert not [name for name in house.holders if name.startswith("live:")]


def test_only_what_lies_on_the_shelf_can_be_resent_kept_or_invalidated():
    house = House().with_post()
    for command in (ResendReturn(), KeepForPickup(), InvalidateReturn(remake=True)):
        assert house.no(command) == "returns.not_now"


def test_a_destruction_needs_two_witnesses_an_invalid_document_and_the_right_one():
    house = House().returned()
    assert house.no(destroy(second="st_w1")) == "returns.same_person"
    assert house.no(destroy()) == "returns.nothing_to_destroy"
    house.ok(InvalidateReturn(remake=False))
    assert house.no(destroy(blank=2)) == "returns.wrong_blank"
    assert house.no(destroy(make=2)) == "returns.nothing_to_destroy"
    house.ok(destroy())
    assert house.no(destroy()) == "returns.nothing_to_destroy"


def test_a_lost_document_that_is_found_comes_back_and_is_destroyed_while_the_next_one_goes_out():
    house = lost()
    old = house.item()
    house.draw()
    house.make()
    house.label()
    house.seal()
    house.offer("bg_b")
    house.accept("bg_b")
    assert house.ok(RecordFound(**old)) == ["document.old_found"]
    assert house.waits()["returns.old_coming_back"].owner == "handover_clerk"
    assert house.ok(RecordReturnOffered(**old, reason=Reason.LOST)) == ["document.old_offered"]
    assert house.ok(RecordReturnOffered(**old, reason=Reason.LOST)) == []
    assert house.ok(ReceiveReturn(waybill=old["waybill"])) == ["document.old_received"]
    assert house.sent()[-1] == 107
    assert house.ok(ReceiveReturn(waybill=old["waybill"])) == []
    assert house.ok(RecordFound(**old)) == []
    house.ok(destroy())
    assert house.ok(house.claim())[0] == "tracking.proof_sealed"


def test_an_invalid_document_is_never_delivered():
    house = lost()
    assert house.ok(house.claim()) == ["document.old_claim_refused"]
    body = house.messages[-1].body
    assert isinstance(body, ProofRefused)
    assert body.reason is Reason.NOT_IN_CUSTODY


def test_what_is_given_up_can_not_go_wrong_again():
    house = lost()
    assert house.ok(RecordLoss(**house.item())) == []
    assert house.ok(RecordIncident(**house.item(), reason=Reason.LOST)) == []
    assert house.ok(RecordRejected(**house.item(), reason=Reason.MISPRINT)) == []


def test_an_incident_on_the_way_back_interrupts_the_return():
    house = recalled()
    house.ok(RecordRecallAccepted(**house.item()))
    incident = house.ok(RecordIncident(**house.item(), reason=Reason.LOST))
    assert incident == ["tracking.incident_opened", "returns.interrupted"]
    assert house.ok(RecordReturnOffered(**house.item(), reason=Reason.RECALLED)) == [
        "returns.offered",
        "tracking.turned_back",
    ]
    house.ok(ReceiveReturn(waybill=house.case.tracking.waybill))
    assert house.account == "return_shelf"


def test_a_loss_of_what_stands_at_the_door_voids_the_offer():
    house = House().with_post()
    house.ok(RecordReturnOffered(**house.item(), reason=Reason.NOT_COLLECTED))
    house.ok(RecordLoss(**house.item()))
    assert house.account == "incident"


def test_a_returned_document_that_lies_too_long_is_the_managers():
    house = House().returned()
    house.ring("returns.on_shelf")
    assert house.waits()["returns.on_shelf"].owner == "authority_manager"


def test_the_register_is_told_of_everything_once():
    house = lost()
    due = [(entry.work, entry.make) for entry in house.case.papers.owed]
    assert due == [("issue", 1), ("cancel_old", 0), ("invalidate", 1)]
    done = RecordRegisterDone(work="issue", make=1)
    assert house.ok(done) == ["register.entry_done"]
    assert house.ok(done) == []
    assert house.waits()["register.due"].group == "cancel_old"
    assert house.no(RecordRegisterDone(work="issue", make=7)) == "register.not_due"


def test_what_was_offered_and_is_gone_again_stands_on_nobodys_list():
    house = lost()
    item = house.item()
    assert house.ok(RecordReturnOffered(**item, reason=Reason.LOST)) == ["document.old_offered"]
    assert "returns.old_coming_back" in house.waits()
    assert house.ok(RecordIncident(**item, reason=Reason.LOST)) == ["document.old_missing"]
    assert "returns.old_coming_back" not in house.waits()
    assert house.ok(RecordIncident(**item, reason=Reason.LOST)) == []


def test_an_envelope_that_comes_back_empty_is_an_incident_and_another_document_is_made():
    house = House().returned()
    make = house.case.production.make
    assert house.no(ReportEmpty(make=make, second_person="st_one")) == "returns.alone"
    happened = house.ok(ReportEmpty(make=make, second_person="st_two"))
    assert happened[:2] == ["returns.envelope_empty", "document.invalidated"]
    assert "production.opened" in happened
    assert house.case.papers.made[0].account == "incident"
    assert "returns.to_destroy" not in house.waits(), "nobody destroys what is not there"
    assert house.ok(ReportEmpty(make=make, second_person="st_two")) == []


def test_only_what_lies_on_the_return_shelf_can_be_empty():
    assert House().with_post().no(ReportEmpty(make=1, second_person="st_two")) == "returns.not_now"


def test_a_late_offer_of_what_was_destroyed_long_ago_changes_nothing():
    house = House().returned()
    item = house.item()
    house.ok(InvalidateReturn(remake=True))
    old = house.case.papers.made[0]
    destroy = DestroyDocument(make=old.make, blank=old.blank, first_witness="st_a", second_witness="st_b")
    house.ok(destroy)
    assert house.ok(RecordReturnOffered(**item, reason=Reason.NOT_COLLECTED)) == []


@pytest.mark.parametrize("reason", [Reason.RECALLED, Reason.DAMAGED, Reason.SEAL_BROKEN, Reason.MISPRINT])
def test_what_was_our_fault_goes_out_again_without_postage(reason: Reason):
    house = House().returned(reason)
    house.ok(ResendReturn())
    body = house.messages[-1].body
    assert isinstance(body, OrderPlaced)
    assert (body.postage_mode, body.postage_fen) == (PostageMode.FREE, 0)


@pytest.mark.parametrize("turn", ["recall", "scan", "offer"])
def test_a_recall_of_what_is_coming_back_is_already_so(turn: str):
    house = House().with_post()
    match turn:
        case "recall":
            house.ok(RECALL)
        case "scan":
            house.ok(house.scan(Scan.RETURN_STARTED, "sc_r"), actor="postal")
        case _:
            house.ok(RecordReturnOffered(**house.item(), reason=Reason.NOT_COLLECTED), actor="postal")
    assert house.ok(RECALL) == []


def test_the_clerk_has_three_working_days_for_what_lies_on_the_shelf():
    house = House().returned()
    assert house.waits()["returns.on_shelf"].due_at == add_working_days(house.now, 3)


def test_after_a_return_its_reason_and_recall_are_forgotten():
    house = House().with_post()
    house.ok(RECALL)
    house.ok(RecordRecallAccepted(**house.item()))
    house.ok(RecordReturnOffered(**house.item(), reason=Reason.RECALLED))
    house.ok(ReceiveReturn(waybill=house.case.tracking.waybill))
    assert (house.case.returns.reason, house.case.returns.recalled) == (int(Reason.RECALLED), True)
    house.ok(ResendReturn())
    assert (house.case.returns.reason, house.case.returns.recalled) == (0, False)


def test_a_return_is_late_at_the_very_instant_and_once():
    house = House().returned()
    due_at = house.waits()["returns.on_shelf"].due_at
    house.now = due_at - timedelta(microseconds=1)
    assert house.ok(ReturnsExpired()) == []
    house.now = due_at
    assert house.ok(ReturnsExpired()) == ["returns.ran_late"]
    assert house.ok(ReturnsExpired()) == []


def test_each_way_back_has_its_own_reason():
    counter = House().at_counter()
    counter.ring("handover.ready_for_pickup")
    assert counter.case.returns.reason == Reason.NOT_COLLECTED
    found = House().with_post()
    found.ok(RecordIncident(**found.item(), reason=Reason.STOLEN))
    found.ok(RecordFound(**found.item()))
    assert found.case.returns.reason == Reason.LOST
    accepted = recalled()
    accepted.ok(RecordRecallAccepted(**accepted.item()))
    [turned] = [event for _, event in accepted.events if isinstance(event, TurnedBack)]
    assert turned.reason == Reason.RECALLED


def test_what_is_kept_at_the_counter_costs_no_postage():
    house = House().returned()
    house.ok(KeepForPickup())
    assert (house.case.handover.mode, house.case.handover.free) == ("counter", True)


def test_what_is_invalidated_and_not_made_again_is_told_to_the_register():
    house = House().returned()
    assert house.ok(InvalidateReturn(remake=False))[1:] == [
        "document.invalidated",
        "register.entry_due",
        "application.ended_undelivered",
    ]


def test_an_answer_to_a_recall_that_crossed_the_delivery_is_put_on_record():
    for disputed in (False, True):
        house = House().with_post()
        house.ok(RECALL)
        house.ok(house.claim(), actor="postal")
        if disputed:
            house.ok(DenyReceipt(), actor="ap_one")
        answer = RecordRecallAccepted(**house.item())
        assert house.ok(answer, actor="postal") == [
            "returns.recall_crossed",
            "tracking.delivery_contradicted",
        ]


def test_trouble_with_what_the_post_never_had_is_refused():
    house = House().sealed()
    waybill = house.case.handover.waybill
    strange = RecordIncident(order="or_other", waybill=waybill, reason=Reason.LOST)
    assert house.no(strange, actor="postal") == "tracking.not_this_order"
    back = House().returned()
    assert back.ok(RecordLoss(**back.item()), actor="postal") == [], "old news of what is on our shelf"
