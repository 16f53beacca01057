"""A random walk through the authority: plausible and foolish commands, in any order, at any time."""

from datetime import timedelta
from random import Random
from typing import Any

from safehand.authority.agent import commands as agent
from safehand.authority.application.commands import CorrectApplication
from safehand.authority.examination import commands as examination
from safehand.authority.handover import bag
from safehand.authority.handover import commands as handover
from safehand.authority.made_documents import RecordRegisterDone
from safehand.authority.payment.commands import RecordRefund, SettlePayment
from safehand.authority.production import commands as production
from safehand.authority.production.stock import DrawBlank, ReceiveBlanks
from safehand.authority.readdressing import commands as readdressing
from safehand.authority.returns import commands as returns
from safehand.authority.tracking import commands as tracking
from safehand.authority.wish.commands import AskWish, WishedWay
from safehand.kernel.machine import Command
from safehand.kernel.outcome import Refusal
from safehand.kernel.working_days import local_day
from safehand.link.messages import WISHES_MAX, ProofMethod, Reason, Scan
from tests.authority.house import CASE, CLAIM, DIGEST, EVIDENCE, STOCK, WITHDRAW, House, application

Step = tuple[Command, str, str]
PEOPLE = ("st_a", "st_b", "st_c")
TRIES_MAX = 12
STAGES = (
    *("submitted", "approved", "paid", "issued", "sealed", "offered", "at_counter", "returned"),
    *("with_post",) * 6,
    "delivered",
)
"""Where walks begin: most would end early if all began at the beginning."""


class Walker:
    """One walk by one seed. `calm` keeps to the good way longer, so that late states are reached."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.house = House()
        self.bags = 0
        ground = self.chance.choice(("expiring", "lost"))
        stage = self.chance.choice(STAGES)
        if stage == "at_counter":
            self.house.at_counter()
        else:
            getattr(self.house, stage)(ground=ground)
        if stage == "with_post":
            self._push()

    def _push(self) -> None:
        """From the post into one of the states that a walk seldom finds by itself."""
        house, item = self.house, self.house.item()
        reported = tracking.RecordReported(**item, carrier_code="50", occurred_at=house.now)
        pushes: list[list[Command]] = [
            [],
            [reported],
            [reported, tracking.DenyReceipt()],
            [tracking.RecordIncident(**item, reason=Reason.LOST)],
            [house.scan(Scan.RETURN_STARTED, "sc_1")],
            [returns.RecallItem(reason=Reason.RECALLED)],
            [returns.RecordReturnOffered(**item, reason=Reason.ABSENT)],
        ]
        for command in self.chance.choice(pushes):
            house.ok(command)

    def step(self) -> list[str] | Refusal:
        """One call at one moment; foolish ones are tried too, until one changes something."""
        outcome: list[str] | Refusal = []
        for _ in range(TRIES_MAX):
            outcome = self._one()
            if outcome and not isinstance(outcome, Refusal):
                break
        return outcome

    def _one(self) -> list[str] | Refusal:
        if self.chance.random() < 0.1:
            self.house.later(hours=self.chance.choice((1, 5, 30, 200)))
        if self.chance.random() < 0.1:
            return self._ring()
        command, stream, actor = self.chance.choice(self._choices())
        return self.house.do(command, stream=stream, actor=actor)

    def _ring(self) -> list[str] | Refusal:
        bag_stream = self.house.case.handover.bag or f"bg_{self.bags}"
        due = [
            (queue, stream)
            for stream in (CASE, bag_stream)
            for queue, line in self.house.waits(stream).items()
            if line.due_at is not None
        ]
        return self.house.ring(*self.chance.choice(due)) if due else []

    def _choices(self) -> list[Step]:
        case = self.house.case
        by_stage: list[Command] = []
        if case.production.make == 0:
            by_stage += self._before_production()
        by_stage += self._production() + self._handover()
        if case.tracking.order:
            by_stage += self._tracking() + self._returns()
        by_stage += [RecordRegisterDone(work=e.work, make=e.make, turn=e.turn) for e in case.papers.owed]
        by_stage += self._money() + self._address()
        steps: list[Step] = [(command, CASE, self.chance.choice(PEOPLE)) for command in by_stage]
        return steps + self._bags() + self._stock()

    def _before_production(self) -> list[Command]:
        house = self.house
        rare: list[Command] = [WITHDRAW, examination.RefuseApplication(reason="duplicate")]
        return [
            *(rare if self.chance.random() < 0.15 else []),
            application(postage=self.chance.choice(("", "on_delivery", "prepaid"))),
            examination.Approve(),
            examination.AskCorrection(defects=("photo.pose",)),
            CorrectApplication(parts={"photo": DIGEST}),
            SettlePayment(reference="pay-1", amount_fen=self._to_pay(), paid_at=house.now),
            SettlePayment(reference="pay-1", amount_fen=self._to_pay(), paid_at=house.now),
        ]

    def _address(self) -> list[Command]:
        """Another address now and then, or somebody else who may receive it: while one waits, nothing is ordered."""
        number = max(self.house.case.readdressing.changes, 1)
        ends: list[Command] = [
            readdressing.StopAddressChange(change=number),
            readdressing.MakeAddressHold(change=number),
            readdressing.ApproveAddressChange(change=number),
            readdressing.DenyAddressChange(change=number, reason="too_late"),
        ]
        asks = readdressing.AskAddressChange(
            change=self.house.case.readdressing.changes + 1, destination=440100
        )
        if self.chance.random() < 0.1:
            number = self.house.case.agent.number
            return [agent.NameAgent(number=number + 1), agent.ReleaseAgent(), self._wish()]
        return [asks] if self.chance.random() < 0.05 else ends

    def _wish(self) -> AskWish:
        """The post office, or a day that there may be."""
        case = self.house.case
        number = (case.wish.number if case.wish.order == case.tracking.order else 0) + 1
        day = self.chance.choice((None, local_day(self.house.now) + timedelta(days=2)))
        way: WishedWay = "post_office" if day is None else "another_day"
        return AskWish(number=min(number, WISHES_MAX + 1), wish=way, day=day)

    def _money(self) -> list[Command]:
        pay = self.chance.choice(("pay-1", "pay-2", "pay-3"))
        owed = [
            RecordRefund(reference=o.reference, refund_reference="b", amount_fen=o.amount_fen, part=o.part)
            for o in self.house.case.payment.owed
        ]
        return [*owed, SettlePayment(reference=pay, amount_fen=self._to_pay(), paid_at=self.house.now)]

    def _to_pay(self) -> int:
        """What is asked for, or would be if the postage is paid at the door."""
        return self.house.case.payment.due_fen or 12000

    def _production(self) -> list[Command]:
        blank = self.house.case.production.blank
        reason: Any = self.chance.choice(("misprint", "missing"))
        spoil = production.SpoilDocument(blank=blank, reason=reason, witness="st_w")
        work: list[Command] = [production.RecordPrinted(blank=blank), production.PassCheck(blank=blank)]
        return [*work, *work, spoil]

    def _handover(self) -> list[Command]:
        case, chance = self.house.case, self.chance
        order, waybill, blank = case.handover.order, case.handover.waybill, case.production.blank
        fresh = f"ZA{len(self.house.events):09d}CN"
        right = handover.SealEnvelope(waybill=waybill, blank=blank, second_person="st_w")
        return [
            handover.RecordWaybill(order=order, waybill=fresh, routing="R", token=bytes(32)),
            handover.PrintLabel(),
            handover.PrintLabel(reason="damaged"),
            right,
            right,
            handover.SealEnvelope(waybill="ZA1", blank=blank, second_person="st_w"),
            handover.UnsealEnvelope(second_person="st_w", reason="label_wrong"),
            handover.FindOnShelf(waybill=waybill),
            handover.MakeReadyForPickup(blank=blank),
            handover.PickUp(
                blank=blank, is_applicant=chance.random() < 0.3, face_matches=True, id_card_valid=True
            ),
            handover.DeclareMissing(second_person="st_w"),
            handover.RejectAtCounter(reason=Reason.MISPRINT),
            *(
                [handover.ChangeToPickup(), handover.RecordOrderRefused(order=order, reason=Reason.MALFORMED)]
                if chance.random() < 0.1
                else []
            ),
        ]

    def _bags(self) -> list[Step]:
        case = self.house.case
        waybill = case.handover.waybill
        present = case.handover.bag or f"bg_{self.bags}"
        if case.handover.state == "sealed":
            self.bags += 1
            present = f"bg_{self.bags}"
        refused: Any = {waybill: Reason.SHORT}
        commands: list[Command] = [
            bag.CloseBag(seal="SEAL-1", office="SH-01", items={waybill: CASE}),
            bag.OfferBag(seal="SEAL-1"),
            bag.OfferBag(seal="SEAL-1"),
            bag.ReopenBag(),
            bag.RecordBagAcceptance(seal="SEAL-1", waybills=(waybill,)),
            bag.RecordBagAcceptance(seal="SEAL-1", waybills=(waybill,)),
            bag.RecordBagRefusal(items=refused),
        ]
        steps: list[Step] = [(command, present, "st_a") for command in commands]
        return steps

    def _stock(self) -> list[Step]:
        if self.house.case.production.state != "waiting_blank":
            return []
        if not self.house.state(STOCK).left:
            self.house.ok(_delivery(self.house), stream=STOCK)
        return [(DrawBlank(case=CASE), STOCK, "st_a")] * 3

    def _item(self) -> dict[str, Any]:
        """The envelope with the post, or an older one."""
        old = [d for d in self.house.case.papers.made if d.order and not d.valid]
        if old and self.chance.random() < 0.3:
            document = self.chance.choice(old)
            return {"order": document.order, "waybill": document.waybill}
        return self.house.item()

    def _tracking(self) -> list[Command]:
        house, chance, item = self.house, self.chance, self._item()
        scan = chance.choice(list(Scan))
        scan_id = f"sc_{chance.randrange(30)}"
        method = chance.choice(list(ProofMethod))
        return [
            house.scan(scan, scan_id, **item),
            tracking.RecordVoid(**item, scan_id=scan_id),
            tracking.RecordVoid(**item, scan_id=house.case.tracking.turned_by or scan_id),
            tracking.RecordAttempt(
                **item,
                reason=Reason.ABSENT,
                attempt=house.case.tracking.attempts + 1,
                place="P",
                occurred_at=house.now,
            ),
            tracking.ConfirmAtDoor(),
            house.claim(right=chance.random() < 0.4, method=method, **item),
            tracking.RecordReported(**item, carrier_code="50", occurred_at=house.now),
            tracking.RecordReported(**item, carrier_code="50", occurred_at=house.now),
            tracking.ConfirmReceipt(evidence=EVIDENCE),
            tracking.DenyReceipt(),
            tracking.DenyReceipt(),
            tracking.Settle(
                in_hand=chance.random() < 0.4, grade_accepted=True, claim=CLAIM, evidence=EVIDENCE
            ),
            tracking.RecordRejected(**item, reason=Reason.MISPRINT),
            tracking.RecordIncident(**item, reason=Reason.LOST),
            tracking.RecordLoss(**item),
            tracking.RecordFound(**item),
        ]

    def _returns(self) -> list[Command]:
        item, chance = self._item(), self.chance
        old = [d for d in self.house.case.papers.made if not d.valid]
        return [
            returns.RecallItem(reason=Reason.RECALLED),
            returns.RecordRecallAccepted(**item),
            returns.RecordRecallRefused(**item, reason=Reason.TOO_LATE),
            returns.RecordReturnOffered(**item, reason=Reason.NOT_COLLECTED),
            returns.ReceiveReturn(waybill=item["waybill"]),
            returns.ReceiveReturn(waybill=item["waybill"]),
            returns.ResendReturn(),
            returns.KeepForPickup(),
            returns.InvalidateReturn(remake=chance.random() < 0.8),
            *(
                returns.DestroyDocument(
                    make=d.make, blank=d.blank, first_witness="st_w", second_witness="st_x"
                )
                for d in old[:1]
            ),
        ]


def _delivery(house: House) -> Command:
    end = house.state(STOCK).end
    return ReceiveBlanks(first=end + 1, last=end + 1000)
