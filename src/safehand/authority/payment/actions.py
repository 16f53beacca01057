"""Paying: open the payment, look whether it was paid, take the service's callback, give money back."""

from collections.abc import Sequence
from typing import Any

import msgspec

from safehand.authority.case import Case
from safehand.authority.payment.commands import RecordRefund, SettlePayment
from safehand.authority.payment.refusals import NOT_PAID_YET, PAYMENT_SILENT, not_now
from safehand.authority.payment.states import PaymentState
from safehand.authority.ports.calling import ServiceFault, ServiceUnavailable
from safehand.authority.ports.payment import Payments, PaymentSeen, PaymentToOpen, RefundToMake
from safehand.house.commanded import City, Owned, Stream
from safehand.house.front import Action, Asked
from safehand.house.problems import NOT_FOUND
from safehand.house.runtime import House
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.shell import Call, Done

REFUNDS_AT_ONCE_MAX = 500
REFUND_QUEUE = "payment.refund_due"


class PaymentRequest(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which case is paid for."""

    city: City
    case: Stream


class PaymentOpened(msgspec.Struct, frozen=True, kw_only=True):
    """Where to pay, and how much: the fee, and the postage if it is prepaid."""

    payment: str
    amount_fen: int
    fee_fen: int
    postage_fen: int
    pay_url: str


def fee_key(case: str) -> str:
    """The name under which the payment service keeps the case's fee."""
    return f"{case}/fee"


class Paying:
    """The payment step's actions and jobs, on one payment service."""

    def __init__(self, *, house: House, payments: Payments, owned: Owned) -> None:
        self._house = house
        self._payments = payments
        self._owned = owned
        self._cases = msgspec.json.Decoder(Case)

    def actions(self) -> list[Action]:
        """`payment.begin` and `payment.check`, for applicants."""
        applicant = frozenset({"applicant"})
        return [
            Action(
                name="payment.begin",
                summary="Open the payment of the fee, with the postage if it is prepaid, and learn where to pay",
                roles=applicant,
                asks=PaymentRequest,
                run=self.begin,
                shows=lambda done: done.state,
            ),
            Action(
                name="payment.check",
                summary="Back from paying: look whether the fee was paid, and go on",
                roles=applicant,
                asks=PaymentRequest,
                run=self.check,
            ),
        ]

    async def begin(self, asked: Sequence[Asked]) -> Sequence[Done | Refusal]:
        """Open payments. Repeating gives the same payment: the service keeps one per case."""
        cases = [
            one if isinstance(one, Refusal) or _is_payable(one[2]) else not_now(one[2].payment.state)
            for one in await self._own_cases(asked)
        ]
        wanted = [
            PaymentToOpen(
                key=fee_key(case.case),
                amount_fen=case.payment.due_fen,
                order_ref=case.case,
                return_url=self._back_at(key),
            )
            for key, _, case in (one for one in cases if not isinstance(one, Refusal))
        ]
        try:
            opened = iter(await self._payments.open(payments=wanted) if wanted else ())
        except (ServiceUnavailable, ServiceFault):
            return [one if isinstance(one, Refusal) else PAYMENT_SILENT() for one in cases]
        return [one if isinstance(one, Refusal) else _begun(one, next(opened)) for one in cases]

    def _back_at(self, key: StreamKey) -> str:
        """The page to which the payer comes back; it asks the service whether the fee was paid."""
        home = self._house.settings.public_url.rstrip("/")
        return f"{home}/cases/{key.city}/{key.stream}/paid" if home else ""

    async def check(self, asked: Sequence[Asked]) -> Sequence[Done | Refusal]:
        """Ask the service; what was paid settles the case, and what was paid too late or twice is taken in to go back."""
        cases = await self._own_cases(asked)
        keys = [StreamKey(a.item.city, a.item.case) for a in asked]
        known = [key for key, one in zip(keys, cases, strict=True) if not isinstance(one, Refusal)]
        try:
            settled = iter(await self.settle(known))
        except (ServiceUnavailable, ServiceFault):
            return [one if isinstance(one, Refusal) else PAYMENT_SILENT() for one in cases]
        return [one if isinstance(one, Refusal) else _checked(one[2], next(settled)) for one in cases]

    async def settle(self, keys: Sequence[StreamKey]) -> list[Done | Refusal]:
        """Settle the cases whose fee the service has; the others are refused as not paid yet.

        The service is asked, never believed from a callback: a callback only says where to look.
        """
        seen = await self._payments.seen(keys=[fee_key(key.stream) for key in keys]) if keys else []
        calls = [
            _settling(key, one)
            for key, one in zip(keys, seen, strict=True)
            if one is not None and one.state == "paid"
        ]
        done = iter(await self._house.shell.run(calls) if calls else ())
        return [next(done) if one is not None and one.state == "paid" else NOT_PAID_YET() for one in seen]

    async def refund(self) -> int:
        """The job: give back what is owed, and record it. Keys make each refund happen once."""
        lines = await self._house.store.worklist(queue=REFUND_QUEUE, limit=REFUNDS_AT_ONCE_MAX)
        rows = await self._house.store.streams(keys=[StreamKey(line.city, line.stream) for line in lines])
        owed = [(key, one) for key, row in rows.items() for one in self._cases.decode(row.state).payment.owed]
        if not owed:
            return 0
        asked = [
            RefundToMake(
                # The part's own name: two parts of one payment are two refunds, and each is made once.
                key=f"{key.stream}/refund/{one.name}",
                payment_id=one.reference,
                amount_fen=one.amount_fen,
            )
            for key, one in owed
        ]
        try:
            made = await self._payments.refund(refunds=asked)
        except (ServiceUnavailable, ServiceFault):
            return 0
        calls = [
            Call(
                stream=key,
                kind="case",
                command=RecordRefund(
                    reference=one.reference,
                    refund_reference=refund.id,
                    amount_fen=one.amount_fen,
                    part=one.part,
                ),
                actor="payment",
            )
            for (key, one), refund in zip(owed, made, strict=True)
            if not isinstance(refund, Refusal) and refund.state == "refunded"
        ]
        return sum(isinstance(one, Done) for one in (await self._house.shell.run(calls) if calls else ()))

    async def _own_cases(self, asked: Sequence[Asked]) -> list[tuple[StreamKey, int, Case] | Refusal]:
        """Each request's case, if it is the applicant's own and its fee was ever asked for."""
        keys = [StreamKey(one.item.city, one.item.case) for one in asked]
        own = await self._owned([(one.session.actor, key) for one, key in zip(asked, keys, strict=True)])
        rows = await self._house.store.streams(keys=keys)
        found: list[tuple[StreamKey, int, Case] | Refusal] = []
        for one, key in zip(asked, keys, strict=True):
            row = rows.get(key)
            if row is None or (one.session.actor, key) not in own:
                found.append(NOT_FOUND())
                continue
            case = self._cases.decode(row.state)
            asked_for = case.payment.state is not PaymentState.NONE
            found.append((key, row.version, case) if asked_for else not_now(case.payment.state))
        return found


def _is_payable(case: Case) -> bool:
    return case.payment.state in (PaymentState.AWAITING, PaymentState.PAID)


def _checked(case: Case, outcome: Done | Refusal) -> Done | Refusal:
    """Nobody is told to pay for what can't be paid any more."""
    unpaid = isinstance(outcome, Refusal) and outcome.code == NOT_PAID_YET.code
    return not_now(case.payment.state) if unpaid and not _is_payable(case) else outcome


def _begun(one: tuple[StreamKey, int, Case], opened: PaymentSeen | Refusal) -> Done | Refusal:
    if isinstance(opened, Refusal):
        return opened
    key, version, case = one
    shown: Any = PaymentOpened(
        payment=opened.id,
        amount_fen=opened.amount_fen,
        fee_fen=case.payment.fee_fen,
        postage_fen=case.payment.postage_fen,
        pay_url=opened.pay_url,
    )
    return Done(stream=key.stream, city=key.city, version=version, events=(), state=shown)


def _settling(key: StreamKey, seen: PaymentSeen) -> Call:
    assert seen.settled_at is not None, "a paid payment says when it was settled"
    return Call(
        stream=key,
        kind="case",
        command=SettlePayment(reference=seen.id, amount_fen=seen.amount_fen, paid_at=seen.settled_at),
        actor="payment",
    )
