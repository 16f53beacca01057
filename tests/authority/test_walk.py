"""Whatever commands come: one account for each document, no delivery without a proof, no two live documents."""

import copy
from datetime import date, timedelta

import msgspec
import pytest

from safehand.authority.agent.commands import NameAgent, ReleaseAgent
from safehand.authority.application import states as application
from safehand.authority.case import Case
from safehand.authority.contact.commands import RecordReached, RecordUnreachable
from safehand.authority.custody import unit_of
from safehand.authority.examination.commands import AskCorrection
from safehand.authority.group import commands as group
from safehand.authority.handover.bag import CloseBag, OfferBag, RecordBagRefusal
from safehand.authority.handover.commands import (
    ChangeToPickup,
    DeclareMissing,
    MakeReadyForPickup,
    PickUp,
    PrintLabel,
    RecordWaybill,
    SealEnvelope,
)
from safehand.authority.handover.events import PickedUp
from safehand.authority.help.commands import AnswerHelp, AskHelp, RateHelp, ReopenHelp
from safehand.authority.made_documents import Account
from safehand.authority.payment.commands import RecordRefund, SettlePayment
from safehand.authority.readdressing.commands import (
    ApproveAddressChange,
    AskAddressChange,
    DenyAddressChange,
    MakeAddressHold,
    StopAddressChange,
)
from safehand.authority.returns.commands import KeepForPickup, ReportEmpty, ResendReturn
from safehand.authority.telephone.commands import AskPhoneChange, ProvePhone, StopPhoneChange
from safehand.authority.tracking.commands import (
    ConfirmReceipt,
    DenyReceipt,
    RecordCourier,
    RecordFound,
    RecordIncident,
    RecordInquiry,
    RecordLoss,
    RecordNear,
    RecordReported,
    RecordSearchEnded,
    Settle,
)
from safehand.authority.tracking.events import ProofSealed
from safehand.authority.tracking.states import TrackingState
from safehand.authority.wish.commands import AskWish
from safehand.house.erasure import OrderErasure
from safehand.kernel.machine import Command
from safehand.kernel.outcome import Refusal
from safehand.link.messages import Finding, ProofMethod, Reason, Waybill
from tests.authority.family import ONE, THREE, TWO, Family
from tests.authority.house import BAG, CASE, CLAIM, EVIDENCE, WITHDRAW, House, machines
from tests.authority.test_payment import machines_that_keep_the_fee
from tests.authority.test_process import STEPS, states_of
from tests.authority.walker import Walker

ASIDE = frozenset(
    {
        "payment.refund_due",
        "contact.unreachable",
        "help.open",
        "telephone.proving",
        "readdressing.cooling",
        "readdressing.due",
        "readdressing.asked",
    }
)
"""What waits beside the case and does not hold it up."""
STATE_BYTES_MAX = 2_400
WALKS = 8
FROZEN_IN = frozenset(
    {
        TrackingState.DENIED,
        TrackingState.DISPUTED,
        TrackingState.INCIDENT,
        TrackingState.TURNED_BACK,
    }
)
"""Where a document may be that its recipient does not have."""
LONG_WALK, SHORT_WALK = 120, 15
SEEDS_MAX = 1_500


def check(house: House) -> None:
    case = house.case
    _, _, units = house.streams[CASE]
    for document in case.papers.made:
        standing = units[unit_of(CASE, document.make)]
        assert (standing.account, standing.pending) == (document.account, document.pending)
    assert len(units) == len(case.papers.made) + case.papers.destroyed == case.production.make
    assert sum(document.valid for document in case.papers.made) <= 1
    ended = case.application.state in application.TERMINAL
    reserved = case.document is not None and case.document.reissue
    assert (CLAIM in house.holders) is (not ended or reserved)
    for document in case.papers.made:
        assert not document.frozen or (document.valid and case.tracking.state in FROZEN_IN)
    lines = house.waits()
    assert all(line.owner or line.due_at for line in lines.values())
    steps = [name for name in lines if name.partition(".")[0] in STEPS and name not in ASIDE]
    at_rest = ended and case.tracking.state is not TrackingState.DISPUTED
    assert at_rest or steps, "a case that has not ended always waits for somebody"


def check_at_the_end(house: House) -> None:
    case = house.case
    encoded = msgspec.json.encode(case)
    assert msgspec.json.decode(encoded, type=Case) == case
    assert len(encoded) < STATE_BYTES_MAX
    accounts = {name: count for name, count in house.tally.items() if name.startswith("custody.")}
    assert all(count >= 0 for count in accounts.values())
    assert sum(accounts.values()) == house.tally["document.made"] == case.production.make
    assert sum(n for name, n in house.tally.items() if name.startswith("application.")) == 1
    proofs = sum(isinstance(event, ProofSealed | PickedUp) for _, event in house.events)
    in_hand = [document for document in case.papers.made if document.account is Account.RECIPIENT]
    assert len(in_hand) <= proofs
    for stream, event in house.events:
        kind = house.streams[stream][0]
        assert msgspec.json.decode(msgspec.json.encode(event), type=machines()[kind].event) == event


def walked(seed: int, calls: int) -> House:
    walker = Walker(seed)
    for _ in range(calls):
        outcome = walker.step()
        if not isinstance(outcome, Refusal) and outcome:
            check(walker.house)
    return walker.house


@pytest.mark.slow
@pytest.mark.parametrize("block", range(5))
def test_whatever_commands_come_the_books_hold(block: int):
    for seed in range(block * WALKS, (block + 1) * WALKS):
        check_at_the_end(walked(seed, LONG_WALK))


def prepaid_for_nothing() -> House:
    """Fetched at the counter after all."""
    house = House().issued(postage="prepaid")
    house.ok(ChangeToPickup())
    house.ok(MakeReadyForPickup(blank=house.case.production.blank))
    house.ok(PickUp(blank=1, is_applicant=True, face_matches=True, id_card_valid=True))
    return house


def scripted() -> list[House]:
    """What walks find too seldom (and, with the fee kept, never: no document of the repository has that rule)."""
    kept = House(machines_that_keep_the_fee()).paid()
    kept.ok(SettlePayment(reference="pay-2", amount_fen=12000, paid_at=kept.now))
    kept.ok(WITHDRAW)
    kept.ok(RecordRefund(reference="pay-2", refund_reference="back", amount_fen=12000))
    unpaid = House().approved()
    unpaid.ok(WITHDRAW)
    unpaid.ok(SettlePayment(reference="pay-1", amount_fen=12000, paid_at=unpaid.now))
    correcting = House().submitted()
    correcting.ok(AskCorrection(defects=("photo.pose",)))
    correcting.ok(WITHDRAW)
    denied = House().with_post()
    denied.ok(RecordReported(**denied.item(), carrier_code="50", occurred_at=denied.now))
    for at in (denied.now, denied.now + timedelta(hours=1)):
        denied.ok(RecordCourier(**denied.item(), courier="st_courier", at=at))
        denied.ok(RecordNear(**denied.item(), at=at + timedelta(minutes=5)))
    denied.ok(DenyReceipt())
    denied.ok(ConfirmReceipt(evidence=EVIDENCE))
    lost = House().with_post()
    lost.ok(RecordLoss(**lost.item()))
    lost.draw()
    lost.make()
    resent = House().returned()
    resent.ok(ResendReturn())
    for house in (lost, resent):
        house.label()
        house.seal()
        house.offer("bg_b")
        house.accept("bg_b")
    empty = House().returned()
    empty.ok(ReportEmpty(make=1, second_person="st_two"))
    untold = House().approved()
    untold.ok(RecordUnreachable(template="payment_due", channels=("sms",), reason="unreachable"))
    untold.ring("contact.unreachable")
    untold.ok(RecordReached())
    return [
        *readdressed(),
        *questioned(),
        *received_by_agents(),
        *wished(),
        *courier_ahead(),
        *asked_after(),
        *families(),
        *rung_up(),
        untold,
        kept,
        prepaid_for_nothing(),
        unpaid,
        correcting,
        denied,
        lost,
        resent,
        empty,
        *numbered_late(),
        *searched_in_vain(),
    ]


def rung_up() -> list[House]:
    """Another telephone number, ended in every way."""
    changed, stopped, lapsed, guessed = (House().approved() for _ in range(4))
    for house in (changed, stopped, lapsed, guessed):
        house.ok(AskPhoneChange(change=1))
    changed.ok(ProvePhone(change=1, code_matches=True))
    stopped.ok(StopPhoneChange(change=1))
    lapsed.ring("telephone.proving")
    guessed.ok(ProvePhone(change=1, code_matches=False))
    return [changed, stopped, lapsed, guessed]


def wished() -> list[House]:
    """The post office, and then another day all the same; and the other way round, and once more."""
    house, other = House().with_post(), House().with_post()
    house.ok(AskWish(number=1, wish="post_office"))
    house.ok(AskWish(number=2, wish="another_day", day=date(2024, 5, 9)))
    for number, day in enumerate((date(2024, 5, 9), date(2024, 5, 10)), start=1):
        other.ok(AskWish(number=number, wish="another_day", day=day))
    other.ok(AskWish(number=3, wish="post_office"))
    again = House().with_post()
    again.ok(AskWish(number=1, wish="post_office"))
    again.resent()
    again.ok(AskWish(number=1, wish="post_office"))
    return [house, other, again]


def courier_ahead() -> list[House]:
    """Who comes is told, and that they are near; late, too, when it was reported as left elsewhere."""
    houses = [House().with_post(), House().with_post()]
    houses[1].ok(RecordReported(**houses[1].item(), carrier_code="50", occurred_at=houses[1].now))
    for house in houses:
        house.ok(RecordCourier(**house.item(), courier="st_courier", at=house.now))
        house.later(hours=1)
        house.ok(RecordNear(**house.item(), at=house.now))
    return houses


def asked_after() -> list[House]:
    """What was proven delivered and is not there; the post says what it found out."""
    house = House().delivered()
    house.ok(DenyReceipt())
    house.ok(RecordInquiry(**house.item(), number=1, finding=Finding.ELSEWHERE))
    return [house]


def received_by_agents() -> list[House]:
    """Received by an agent, disputed, and named, released or received anew."""
    houses: list[House] = []
    for _ in range(3):
        house = House().paid()
        house.ok(NameAgent(number=1))
        house.ok(NameAgent(number=2))
        house.draw()
        house.make()
        house.label()
        house.seal()
        house.offer()
        house.accept()
        right = house.claim(right=False, method=ProofMethod.RECIPIENT_CODE, **house.item())
        house.ok(msgspec.structs.replace(right, agent=2))
        houses.append(house)
    named, released, again = houses
    released.ok(ReleaseAgent())
    for house in (named, again):
        house.ok(DenyReceipt())
        house.ok(Settle(in_hand=False, grade_accepted=False, claim=CLAIM, evidence=EVIDENCE))
        house.draw()
        house.make()
    named.ok(NameAgent(number=3))
    again.label()
    again.seal()
    again.offer("bg_b")
    again.accept("bg_b")
    right = again.claim(right=False, method=ProofMethod.RECIPIENT_CODE, **again.item())
    again.ok(msgspec.structs.replace(right, agent=2))
    dropped = House().approved()
    dropped.ok(NameAgent(number=1))
    dropped.ok(ReleaseAgent())
    return [*houses, dropped]


def readdressed() -> list[House]:
    """Another address, ended in every way in each of its states."""
    asked = AskAddressChange(change=1, destination=440100)
    at_counter = House().returned()
    at_counter.ok(asked)
    at_counter.ok(KeepForPickup())
    houses = [at_counter]
    for ending in (
        StopAddressChange(change=1),
        WITHDRAW,
        MakeAddressHold(change=1),
        ApproveAddressChange(change=1),
        DenyAddressChange(change=1, reason="too_late"),
        ConfirmReceipt(evidence=EVIDENCE),
    ):
        for stage, rings in (("paid", 0), ("paid", 1), ("with_post", 0), ("with_post", 1)):
            house = getattr(House(), stage)()
            house.ok(asked)
            if rings:
                house.ring("readdressing.cooling" if stage == "paid" else "readdressing.asked")
            house.do(ending)
            houses.append(house)
    return houses


def questioned() -> list[House]:
    """Asked, late, answered, rated, opened again, answered, asked anew; and asked by somebody who is erased."""
    house = House().approved()
    house.ok(AskHelp(topic="where", text="where is it", text_number=1))
    house.ring("help.open")
    house.ok(AnswerHelp(outcome="explained", text="on its way", text_number=2))
    house.ok(RateHelp(stars=2))
    house.ok(ReopenHelp(text="that was no answer", text_number=3))
    house.ok(AnswerHelp(outcome="mended", text="now it is", text_number=4))
    house.ok(AskHelp(topic="other", text="something else", text_number=5))
    left = House().submitted()
    left.ok(WITHDRAW)
    left.ok(AskHelp(topic="wrong", about=1, text="this is wrong", text_number=1))
    left.ok(OrderErasure())
    return [house, left]


def searched_in_vain() -> list[House]:
    """The recipient's own word crosses the news that the post searches; once more after a denial."""
    found = [House().with_post(), House().with_post()]
    for house, denied in zip(found, (False, True), strict=True):
        house.ok(RecordReported(**house.item(), carrier_code="50", occurred_at=house.now))
        house.ok(ConfirmReceipt(evidence=EVIDENCE))
        if denied:
            house.ok(DenyReceipt())
        house.ok(RecordIncident(**house.item(), reason=Reason.LOST))
    found[0].ok(RecordFound(**found[0].item()))
    found[0].ok(RecordSearchEnded(**found[0].item()))
    return found


def numbered_late() -> list[House]:
    """An order is cancelled before its number came; the number comes in whichever state the hand-over is by then."""
    house = House().issued()
    cancelled = house.case.handover.order
    late: list[House] = []

    def comes(to: House = house) -> None:
        other = copy.deepcopy(to)
        other.ok(RecordWaybill(order=cancelled, waybill="ZA473124829CN", routing="R", token=bytes(32)))
        late.append(other)

    def then(*commands: Command, stream: str = CASE) -> None:
        for command in commands:
            house.ok(command, stream=stream)
            comes()

    blank = house.case.production.blank
    then(ChangeToPickup(), MakeReadyForPickup(blank=blank))
    picked = copy.deepcopy(house)
    picked.ok(PickUp(blank=blank, is_applicant=True, face_matches=True, id_card_valid=True))
    comes(picked)
    house.ring("handover.ready_for_pickup")
    comes()
    kept = copy.deepcopy(house)
    kept.ok(KeepForPickup())
    comes(kept)
    then(ResendReturn())
    number = RecordWaybill(
        order=house.case.handover.order, waybill="ZA000000005CN", routing="R", token=bytes(32)
    )
    seal = SealEnvelope(waybill=number.waybill, blank=blank, second_person="st_two")
    then(number, PrintLabel(), seal)
    then(CloseBag(seal="SEAL-1", office="SH-01", items={number.waybill: CASE}), stream=BAG)
    then(OfferBag(seal="SEAL-1"), stream=BAG)
    accepted = copy.deepcopy(house)
    accepted.accept()
    accepted.ok(RecordBagRefusal(items={"ZA999999999CN": Reason.OVER}), stream=BAG)
    comes(accepted)
    too_many: dict[Waybill, Reason] = {"ZA999999999CN": Reason.UNKNOWN_ITEM}
    then(RecordBagRefusal(items={number.waybill: Reason.SHORT, **too_many}), stream=BAG)
    then(DeclareMissing(second_person="st_two"))
    house.draw()
    house.make()
    comes()
    return late


def families() -> list[House]:
    """Together, split while some wait, left and forgotten; whatever can be said, said in every state."""
    houses: list[House] = []
    for issued in ((), (ONE,), (ONE, TWO, THREE)):
        family = Family().family()
        for case in issued:
            family.issue(case)
        for going in (False, True):
            if going:
                family.job()
            said = copy.deepcopy(family)
            for receives in (False, True):
                for case in (ONE, TWO):
                    said.do(group.OfferToReceive(receives=receives), stream=case)
            said.do(group.LetReceive(receiver=TWO, number=1), stream=ONE)
            said.do(group.LetReceive(receiver=ONE, number=1), stream=TWO)
            for stream in (ONE, TWO):
                said.do(group.ForgetReceiver(receiver=TWO if stream == ONE else ONE), stream=stream)
            said.do(group.InviteToGroup(number=said.group.invitations + 1, claim="invitation:z"), stream=ONE)
            said.apply("ca_new").do(said.joining("invitation:z"), stream="ca_new")
            houses += [said, *_then(said)]
    return houses


def _then(family: Family) -> list[House]:
    ends: list[tuple[str, Command]] = [
        (ONE, group.SplitGroup()),
        (ONE, group.GoNow()),
        (TWO, group.LeaveGroup()),
        (ONE, group.LeaveGroup()),
        (THREE, WITHDRAW),
        (ONE, group.EndGroupWait(why="all")),
    ]
    found: list[House] = []
    for case, command in ends:
        house = copy.deepcopy(family)
        house.do(command, stream=case)
        if house.group.state == "going":
            later = copy.deepcopy(house)
            later.do(group.SplitGroup(), stream=THREE)
            later.issue("ca_new")
            found.append(later)
        house.job()
        found.append(house)
    return found


@pytest.mark.slow
def test_every_edge_of_every_table_is_walked():
    missing = {
        (step, state, event)
        for step in (*STEPS, "bag", "group stream")
        for state, event in states_of(step).TABLE
    }
    for house in scripted():
        missing -= house.edges
    for seed in range(SEEDS_MAX):
        missing -= walked(seed, SHORT_WALK).edges
        if not missing:
            break
    assert sorted(f"{step}: {state} x {event.__name__}" for step, state, event in missing) == []
