"""The process as a whole: sound tables, default-deny roles, clocks that say something, words for every state."""

import importlib
import re
from datetime import timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest

from safehand.authority import made_documents, router
from safehand.authority.contact.commands import RecordUnreachable
from safehand.authority.examination.commands import AskCorrection, RefuseApplication
from safehand.authority.group import group
from safehand.authority.handover import bag
from safehand.authority.handover.commands import (
    ChangeToPickup,
    DeclareMissing,
    MakeReadyForPickup,
    OfferHandover,
    PickUp,
    PickupExpired,
    PutInBag,
    RecordOrderRefused,
    TakeOutOfBag,
)
from safehand.authority.help.commands import AskHelp
from safehand.authority.machines import ROLES, build_machines, timer
from safehand.authority.made_documents import RecordRegisterDone
from safehand.authority.outward import _NOTICES, TEMPLATES
from safehand.authority.payment.states import Owed, PaymentState
from safehand.authority.process import NEXT
from safehand.authority.production import stock
from safehand.authority.production.commands import PassCheck, RecordPrinted, StartProduction
from safehand.authority.readdressing.commands import (
    ApproveAddressChange,
    AskAddressChange,
    DenyAddressChange,
    MakeAddressHold,
)
from safehand.authority.readdressing.states import ReaddressingState
from safehand.authority.returns.commands import (
    InvalidateReturn,
    KeepForPickup,
    RecallItem,
    ReceiveReturn,
    RecordRecallAccepted,
    RecordRecallRefused,
    ResendReturn,
)
from safehand.authority.returns.states import ReturnsState
from safehand.authority.tracking.commands import (
    ConfirmReceipt,
    DenyReceipt,
    RecordIncident,
    RecordReported,
    RecordSearchEnded,
)
from safehand.house.erasure import OrderErasure
from safehand.kernel.machine import Context, StreamKey
from safehand.kernel.outcome import RefusalKind
from safehand.kernel.steps import defects_of_step
from safehand.link.messages import Kind, OrderPlaced, PostageMode, Reason
from tests.authority.family import ONE, TWO, Family
from tests.authority.house import BAG, CASE, CITY, EVIDENCE, WITHDRAW, House, machines, tag, with_postage
from tests.authority.test_missed_promises import POSTAGE_FEN, amends, attempt, with_percent

STEPS = (
    "application",
    "examination",
    "payment",
    "production",
    "handover",
    "tracking",
    "returns",
    "contact",
    "readdressing",
    "help",
    "agent",
    "wish",
    "group",
    "telephone",
)
OWNERS = frozenset(
    {
        "applicant",
        "examiner",
        "production_clerk",
        "handover_clerk",
        "authority_counter_clerk",
        "authority_manager",
        "help_agent",
        "system",
        "post",
    }
)


def states_of(step: str) -> ModuleType:
    if step == "bag":
        return bag
    if step == "group stream":
        return group
    return importlib.import_module(f"safehand.authority.{step}.states")


@pytest.mark.parametrize("step", [*STEPS, "bag", "group stream"])
def test_every_state_of_a_step_waits_for_somebody_or_has_ended_or_has_handed_on(step: str):
    states = states_of(step)
    defects = defects_of_step(
        states=states.S,
        first=states.S.NONE,
        table=states.TABLE,
        waiting=states.WAITING,
        terminal=states.TERMINAL,
        handed_on=getattr(states, "HANDED_ON", ()),
    )
    assert defects == []
    assert {wait.owner for wait in states.WAITING.values()} <= OWNERS


@pytest.mark.parametrize("step", [*STEPS, "bag", "group stream"])
def test_every_state_has_words_in_both_languages(step: str):
    states = states_of(step)
    assert set(states.WORDS) == set(states.S)
    for en, zh in states.WORDS.values():
        assert en.isascii()
        assert any("\u4e00" <= letter <= "\u9fff" for letter in zh)


@pytest.mark.parametrize("step", STEPS)
def test_every_event_of_a_step_moves_it_somewhere(step: str):
    events = importlib.import_module(f"safehand.authority.{step}.events")
    union = getattr(events, f"{step.capitalize()}Event").__args__
    assert {event for _, event in states_of(step).TABLE} == set(union)


def test_every_command_has_roles_and_a_rule_and_nothing_else_has():
    commands = {*router.CaseCommand.__args__, *bag.BagCommand.__args__, *stock.StockCommand.__args__}
    assert set(ROLES) == commands
    assert set(router.CaseCommand.__args__) == router.COMMANDS
    assert all(roles <= OWNERS | {"authority_counter_clerk"} for roles in ROLES.values())
    follow_only = {command for command, roles in ROLES.items() if not roles}
    assert follow_only == {StartProduction, PutInBag, TakeOutOfBag, OfferHandover}


def test_tags_are_unique_and_named_after_their_step():
    for union in (router.CaseCommand, bag.BagCommand, stock.StockCommand):
        tags = [str(command.__struct_config__.tag) for command in union.__args__]
        assert len(set(tags)) == len(tags)
    events = [str(event.__struct_config__.tag) for event in machines()["case"].event.__args__]
    assert len(set(events)) == len(events)
    assert all(re.fullmatch(r"[a-z]+\.[a-z_]+", name) for name in events)


def test_only_the_post_and_the_clock_give_the_commands_that_come_from_them():
    for command, roles in ROLES.items():
        name = str(command.__struct_config__.tag)
        if name.endswith("expired"):
            assert roles == {"system"}, name
        if "post" in roles:
            assert roles == {"post"}, name


@pytest.mark.parametrize("step", STEPS)
def test_every_clock_of_a_step_says_something_when_it_runs_out(step: str):
    for state, wait in states_of(step).WAITING.items():
        if wait.clock is not None:
            assert timer(f"{step}.{state}") is not None
    assert timer("register.due") is None


def test_the_process_page_speaks_of_real_events_only():
    assert set(NEXT) <= set(machines()["case"].event.__args__)


def test_every_notice_names_a_known_template():
    source = Path(str(importlib.import_module("safehand.authority.outward").__file__)).read_text("utf-8")
    assert all(f'"{template}"' in source.split("TEMPLATES")[0] for template in TEMPLATES)
    assert set(_NOTICES) <= set(machines()["case"].event.__args__)


def test_every_refusal_of_the_steps_is_reached_by_a_test():
    modules = [importlib.import_module(f"safehand.authority.{step}.refusals") for step in STEPS]
    modules.append(made_documents)
    kinds = {kind for module in modules for kind in vars(module).values() if isinstance(kind, RefusalKind)}
    codes = sorted(kind.code for kind in kinds)
    assert len(codes) > 40
    everywhere = Path(__file__).parents[1]
    tests = "".join(path.read_text("utf-8") for path in sorted(everywhere.rglob("test_*.py")))
    # Actions answer these around a decision; no rule of a step gives them.
    by_actions = {"payment.not_paid_yet", "payment.service_silent"}
    assert {code for code in codes if f'"{code}"' not in tests} <= by_actions


def test_the_whole_way_once():
    house = House().delivered()
    assert [tag(event) for stream, event in house.events if stream == "ca_a"] == [
        "application.submitted",
        "examination.opened",
        "examination.approved",
        "payment.opened",
        "payment.settled",
        "production.opened",
        "production.started",
        "production.printed",
        "production.issued",
        "register.entry_due",
        "register.entry_due",
        "handover.opened",
        "handover.order_placed",
        "handover.waybill_recorded",
        "handover.label_printed",
        "handover.sealed",
        "handover.put_in_bag",
        "handover.offered",
        "handover.accepted",
        "tracking.opened",
        "tracking.proof_sealed",
        "application.completed",
    ]
    assert house.sent() == [101, 103, 104]


def test_an_order_without_chance_is_a_bug_and_not_an_order_that_can_be_guessed():
    house = House().drawn()
    house.ok(RecordPrinted(blank=1), actor="st_a")
    context = Context(key=StreamKey(CITY, CASE), now=house.now, actor="st_b")
    with pytest.raises(ValueError, match="token"):
        machines()["case"].decide(house.case, PassCheck(blank=1), context)


def test_whoever_withdraws_while_it_is_examined_or_corrected_ends_the_examination():
    reviewing, stopped = House().submitted(), House().submitted()
    stopped.ok(AskCorrection(defects=("photo.background",)))
    for house in (reviewing, stopped):
        assert "examination.closed" in house.ok(WITHDRAW)
        assert "examination.reviewing" not in house.waits()


# Postage: who pays it when, and what becomes of it ---------------------------------------------------------------

PREPAID: Any = {"postage": "prepaid"}
IN_PERSON = PickUp(blank=1, is_applicant=True, face_matches=True, id_card_valid=True)
POSTAGE_BACK = Owed("pay-1", 1400, "postage")


def asked_of_post(house: House) -> tuple[PostageMode, int]:
    """What the last order says of the postage."""
    body = next(m.body for m in reversed(house.messages) if isinstance(m.body, OrderPlaced))
    return body.postage_mode, body.postage_fen


def elsewhere_dearer() -> Any:
    """From today the post takes three times as much, in every mode."""
    dear = with_postage(CITY)[0][CITY].resolved.views[-1].postage.on_delivery
    dear = type(dear)(in_city=4200, in_province=4200, elsewhere=6000)
    cities, documents = with_postage(CITY, on_delivery=dear, prepaid=dear)
    return build_machines(cities=cities, documents=documents)


def by_mode(mode: str) -> Any:
    cities, documents = with_postage(CITY, mode=mode)
    return build_machines(cities=cities, documents=documents)


def fetched(house: House) -> House:
    """From the shelf, or from an order that is given up, into its applicant's hands at the counter."""
    house.ok(MakeReadyForPickup(blank=house.case.production.blank))
    house.ok(IN_PERSON)
    return house


@pytest.mark.parametrize(
    ("chosen", "said"),
    [
        ("prepaid", (PostageMode.PREPAID, 1400)),
        ("on_delivery", (PostageMode.ON_DELIVERY, 1400)),
        ("", (PostageMode.ON_DELIVERY, 1400)),
    ],
)
def test_the_post_is_ordered_as_the_applicant_chose(chosen: str, said: tuple[PostageMode, int]):
    assert asked_of_post(House().issued(postage=chosen)) == said


def test_what_was_paid_holds_though_the_tariff_has_changed_or_it_goes_farther():
    house = House().paid(**PREPAID)
    house.machines = elsewhere_dearer()
    house.ok(AskAddressChange(change=1, destination=440100))
    house.draw()
    house.make()
    house.ring("readdressing.cooling")
    house.ok(MakeAddressHold(change=1))
    assert house.case.application.destination == 440100
    assert asked_of_post(house) == (PostageMode.PREPAID, 1400)
    assert house.case.payment.owed == ()


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        (Reason.NOT_COLLECTED, (PostageMode.ON_DELIVERY, 4200)),
        (Reason.SEAL_BROKEN, (PostageMode.FREE, 0)),
    ],
)
def test_only_the_first_sending_was_prepaid(reason: Reason, said: tuple[PostageMode, int]):
    house = House().returned(reason, **PREPAID)
    house.machines = elsewhere_dearer()
    house.ok(ResendReturn())
    assert asked_of_post(house) == said


def test_an_order_that_was_given_up_before_the_post_had_it_used_up_nothing():
    house = House().issued(**PREPAID)
    house.ok(ChangeToPickup())
    house.ok(MakeReadyForPickup(blank=1))
    house.later(days=100)
    house.ok(PickupExpired())
    assert house.case.payment.owed == ()
    house.ok(ResendReturn())
    assert asked_of_post(house) == (PostageMode.PREPAID, 1400)


def test_nobody_who_paid_the_fee_alone_has_prepaid_whatever_the_citys_mode_is_by_now():
    house = House().paid()
    house.machines = by_mode("prepaid")
    house.draw()
    house.make()
    assert asked_of_post(house) == (PostageMode.ON_DELIVERY, 1400)
    house = House().paid(**PREPAID)
    house.machines = by_mode("free")
    house.draw()
    house.make()
    assert asked_of_post(house) == (PostageMode.PREPAID, 1400), "what was paid is said to the post"


@pytest.mark.parametrize("refused", [False, True])
def test_what_is_fetched_at_the_counter_and_was_never_posted_brings_the_postage_back(refused: bool):
    house = House().issued(**PREPAID)
    order = house.case.handover.order
    house.ok(RecordOrderRefused(order=order, reason=Reason.MALFORMED) if refused else ChangeToPickup())
    assert house.case.payment.owed == (), "it may yet be posted"
    fetched(house)
    assert house.case.payment.owed == (POSTAGE_BACK,)
    assert house.case.payment.state is PaymentState.PAID
    assert house.waits()["payment.refund_due"].owner == "system"
    assert house.notices[-1].template == "postage_goes_back"
    assert house.ok(IN_PERSON) == []
    assert house.case.payment.owed == (POSTAGE_BACK,)


def test_what_ends_without_having_been_posted_brings_it_back_too():
    house = House().issued(**PREPAID)
    house.ok(ChangeToPickup())
    house.ok(MakeReadyForPickup(blank=1))
    house.later(days=100)
    house.ok(PickupExpired())
    house.ok(InvalidateReturn(remake=False))
    assert house.case.payment.owed == (POSTAGE_BACK,)


def test_what_the_post_had_once_brings_nothing_back():
    house = House().returned(**PREPAID)
    house.ok(KeepForPickup())
    assert fetched(house).case.payment.owed == ()
    ended = House().returned(**PREPAID)
    ended.ok(InvalidateReturn(remake=False))
    assert ended.case.payment.owed == ()
    assert House().delivered(**PREPAID).case.payment.owed == ()


def test_what_was_made_again_before_the_post_had_any_of_it_goes_free_and_the_postage_was_for_that():
    house = House().offered(**PREPAID)
    items: Any = {house.case.handover.waybill: Reason.SHORT}
    house.ok(bag.RecordBagRefusal(items=items), stream=BAG, actor="postal")
    house.ok(DeclareMissing(second_person="st_two"))
    house.draw()
    house.make()
    assert asked_of_post(house) == (PostageMode.FREE, 0)
    assert house.case.payment.owed == ()


def test_whoever_fetches_it_or_pays_at_the_door_has_no_postage_to_get_back():
    assert fetched(House().issued(mode="counter")).case.payment.owed == ()
    house = House().issued(postage="on_delivery")
    house.ok(ChangeToPickup())
    assert fetched(house).case.payment.owed == ()


@pytest.mark.parametrize("chosen", ["prepaid", "on_delivery"])
def test_a_missed_promise_is_worth_the_days_postage_however_it_was_paid(chosen: str):
    house = House().with_post(postage=chosen)
    house.machines = elsewhere_dearer()
    house.later(days=2)
    house.ok(house.claim())
    assert house.case.payment.owed == (Owed("pay-1", 4200, "amends"),)


def test_amends_and_prepaid_postage_of_one_payment_both_go_back():
    house = House().drawn(**PREPAID)
    house.ring("production.started")
    house.make()
    house.ok(ChangeToPickup())
    fetched(house)
    assert house.case.payment.owed == (Owed("pay-1", 1400, "amends"), POSTAGE_BACK)


# What one step asks of another ----------------------------------------------------------------------------------

ELSEWHERE = AskAddressChange(change=1, destination=440100)
APPROVE, DENY_CHANGE = ApproveAddressChange(change=1), DenyAddressChange(change=1, reason="not_confirmed")
COOLING, ASKED = "readdressing.cooling", "readdressing.asked"


def report(house: House) -> RecordReported:
    return RecordReported(**house.item(), carrier_code="50", occurred_at=house.now)


def reported() -> House:
    house = House().with_post()
    house.ok(report(house), actor="postal")
    return house


def denied() -> House:
    house = reported()
    house.ok(DenyReceipt(), actor="ap_one")
    return house


def came_back_denied() -> House:
    """Left somewhere, denied by its recipient, stopped by the post, and on our return shelf."""
    house = denied()
    house.ok(RecordRecallAccepted(**house.item()), actor="postal")
    house.ok(ReceiveReturn(waybill=house.item()["waybill"]))
    return house


def frozen(house: House) -> bool:
    document = house.case.document
    assert document is not None
    return document.frozen


def recalls(house: House) -> list[Reason]:
    said: list[Any] = [one.body for one in house.messages if one.kind == Kind.RECALL_REQUESTED]
    return [body.reason for body in said]


def test_what_its_recipient_denies_is_called_back_as_our_recall_and_goes_out_again_without_postage():
    house = came_back_denied()
    assert recalls(house) == [Reason.RECALLED]
    assert house.ok(ResendReturn())[0] == "returns.resent"
    assert house.case.handover.free


def test_what_was_denied_and_then_waits_at_the_counter_is_no_longer_frozen_when_it_is_fetched():
    house = came_back_denied()
    assert frozen(house)
    assert house.ok(KeepForPickup())[:2] == ["returns.kept_for_pickup", "document.released"]
    assert not frozen(house)
    assert [entry.work for entry in house.case.papers.owed if entry.turn] == ["suspend", "restore"]


def test_a_word_taken_back_and_then_believed_by_the_post_releases_the_document():
    house = reported()
    house.ok(ConfirmReceipt(evidence=EVIDENCE), actor="ap_one")
    house.ok(DenyReceipt(), actor="ap_one")
    house.ok(RecordIncident(**house.item(), reason=Reason.PROOF_TOO_LATE), actor="postal")
    assert frozen(house)
    ended = house.ok(RecordSearchEnded(**house.item()), actor="postal")
    assert ended[:2] == ["tracking.contradiction_ended", "document.released"]
    assert not frozen(house)


@pytest.mark.parametrize("bring", [House.with_post, lambda house: reported()])
def test_another_address_calls_back_once_whatever_the_post_still_has(bring: Any):
    house = bring(House())
    house.ok(ELSEWHERE)
    assert house.ok(APPROVE)[-1] == "returns.recall_asked"
    assert recalls(house) == [Reason.RECALLED]


def test_another_address_calls_nothing_back_twice_and_not_what_is_back_already():
    again = House().with_post()
    again.ok(RecallItem(reason=Reason.RECALLED))
    denied_before, back = denied(), House().returned()
    for house in (again, denied_before, back):
        house.ok(ELSEWHERE)
        assert house.ok(APPROVE) == ["readdressing.approved", "application.readdressed"]
    assert len(recalls(again)) == len(recalls(denied_before)) == 1
    assert recalls(back) == []
    sent_again = House().returned()
    sent_again.ok(ELSEWHERE)
    sent_again.ok(ResendReturn())
    assert "returns.recall_asked" not in sent_again.ok(APPROVE), "it has never left the shelf"


def test_a_denied_envelope_that_the_post_would_not_stop_is_called_back_for_another_address():
    house = denied()
    refused = RecordRecallRefused(**house.item(), reason=Reason.TOO_LATE)
    house.ok(refused, actor="postal")
    house.ok(ELSEWHERE)
    assert house.ok(APPROVE)[-1] == "returns.recall_asked"


def test_an_address_that_the_manager_denies_sends_what_waited_for_it_to_the_old_one():
    house = House().returned()
    house.ok(ELSEWHERE)
    house.ok(ResendReturn())
    assert house.case.handover.state == "on_shelf"
    assert house.ok(DENY_CHANGE) == ["readdressing.denied", "handover.order_placed"]
    assert house.case.handover.destination == 310000


def test_nobody_waits_for_another_address_of_what_has_ended():
    refused, delivered, given_up = House().submitted(), House().with_post(), House().returned()
    for house in (refused, delivered, given_up):
        house.ok(ELSEWHERE)
    assert "readdressing.lapsed" in refused.ok(RefuseApplication(reason="duplicate"))
    assert "readdressing.lapsed" in delivered.ok(delivered.claim(), actor="postal")
    assert "readdressing.lapsed" in given_up.ok(InvalidateReturn(remake=False))
    for house in (refused, delivered, given_up):
        assert not {COOLING, ASKED} & set(house.waits())


# A promise is made good once, to whoever pays for the way -------------------------------------------------------


def test_whoever_did_not_fetch_it_and_has_it_brought_is_promised_a_day_too():
    house = House().at_counter()
    house.ring("handover.ready_for_pickup")
    house.ok(ResendReturn())
    assert not house.case.handover.free
    house.label()
    house.seal()
    house.offer()
    house.accept()
    house.later(days=5)
    house.ok(house.claim(), actor="postal")
    assert amends(house) == POSTAGE_FEN


def test_where_nothing_is_paid_back_nobody_is_told_of_a_missed_promise():
    house = House(with_percent(0)).with_post()
    house.later(days=2)
    assert "payment.promise_missed" not in house.ok(house.claim())


def test_a_first_visit_in_time_is_no_missed_promise_whatever_is_heard_late():
    told, silent, unconfirmed = House().with_post(), House().with_post(), reported()
    for house in (told, silent):
        house.ok(attempt(house))
    told.later(days=3)
    told.ok(report(told))
    assert silent.ring("tracking.on_the_way") == ["tracking.overdue"]
    assert silent.now - told.now < timedelta(days=30)
    assert unconfirmed.ring("tracking.reported") == ["tracking.overdue"]
    assert [amends(house) for house in (told, silent, unconfirmed)] == [0, 0, 0]


# Groups and whoever is forgotten --------------------------------------------------------------------------------


def test_whoever_goes_alone_has_the_clerks_own_time_though_others_are_in_the_group():
    alone = House().paid()
    alone.ok(ELSEWHERE)
    alone.draw()
    alone.make()
    family = Family().begin(together=False)
    invitation = family.invite()
    family.apply(TWO)
    moving = family.joining(invitation, together=False)
    family.ok(msgspec.structs.replace(moving, change=1, destination=310000), stream=TWO)
    family.issue(TWO)
    assert family.now == alone.now
    assert family.waits(TWO)["handover.on_shelf"].due_at == alone.waits()["handover.on_shelf"].due_at


def test_whoever_leaves_a_group_for_another_address_still_waits_for_it():
    family = Family().begin()
    assert family.ok(ELSEWHERE, stream=ONE) == ["readdressing.asked", "group.left"]
    assert family.state(ONE).readdressing.state is ReaddressingState.COOLING
    family.ring(COOLING, ONE)
    assert family.ok(MakeAddressHold(change=1), stream=ONE) == [
        "readdressing.changed",
        "application.readdressed",
    ]


def test_whoever_is_forgotten_is_neither_reached_nor_answered_any_more():
    house = House().delivered()
    lost = RecordUnreachable(template="payment_due", channels=("sms",), reason="unreachable")
    house.ok(lost, actor="system")
    house.ok(AskHelp(topic="where", text="where is it", text_number=1))
    for entry in house.case.papers.owed:
        house.ok(RecordRegisterDone(work=entry.work, make=entry.make), actor="system")
    assert house.ok(OrderErasure()) == ["erasure.ordered", "contact.regained", "help.dropped"]
    assert house.case.returns.state is ReturnsState.NONE
    assert not {"help.open", "contact.unreachable"} & set(house.waits())
