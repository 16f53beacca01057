"""Applicants who pay: most at once, some too late, some twice; and the payment service, which calls back until it is heard."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from safehand.authority.payment.actions import Paying, fee_key
from safehand.authority.ports.calling import ServiceUnavailable
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.programme.launch.duties import Act, Moment
from safehand.programme.launch.houses import Line
from safehand.simulation.crowd import Deed, deed_of

if TYPE_CHECKING:
    from safehand.simulation.run import Run

TOO_LATE: Final = timedelta(days=9)
"""A fee lapses after seven days."""
PAYS_AGAIN_WITHIN: Final = timedelta(days=5)
CALLED_BACK_IN_A_ROW_MAX: Final = 40
ANSWERED_LATER: Final = frozenset(
    {"request.busy", "request.unavailable", "request.too_many", "payment.service_silent", "register.silent"}
)
"""Codes of those who could not answer just now: one asks again."""


class Payers:
    """Of one run."""

    def __init__(self, *, run: "Run") -> None:
        self._run = run
        self._late: dict[str, Line] = {}
        """Who has begun to pay, and pays when the case has lapsed, or was withdrawn."""
        self._lately: dict[str, datetime] = {}
        """Who has paid, and when: some devices try again and again."""

    async def pay(self, m: Moment) -> None:
        """Those who pay now open the payment, pay at the service, and come back to tell; some pay when it is too late."""
        lines = [
            line for line in self._run.lines(self._run.authority, "payment.awaiting") if self._pays(line, m)
        ]
        late = [line for line in lines if m.chance.happens(0.03, line.stream, "pays too late")]
        lines = [line for line in lines if line not in late]
        await self._run.do(
            [_deed_of_payer("payment.begin", line, m) for line in late], self._run.authority, once=True
        )
        await self._pay_late(late, m)
        for action in ("payment.begin", "payment.check"):
            deeds = [_deed_of_payer(action, line, m) for line in lines]
            await self._run.do(deeds, self._run.authority, once=True)
            for line in lines:
                self._pay_fee(line.stream)
        self._lately = {
            case: since for case, since in self._lately.items() if m.now < since + PAYS_AGAIN_WITHIN
        }
        for case in self._lately:
            self._run.payments.pay(fee_key(case))

    async def _pay_late(self, late: Sequence[Line], m: Moment) -> None:
        withdraw = [line for line in late if m.chance.happens(0.4, line.stream, "withdraws, and pays")]
        await self._run.do(
            [_deed_of_payer("application.withdraw", line, m) for line in withdraw], self._run.authority
        )
        self._late.update((line.stream, line) for line in late)
        for line in list(self._late.values()):
            if line.since + TOO_LATE < m.now and self._pay_fee(line.stream):
                del self._late[line.stream]
                if m.chance.happens(0.5, line.stream, "comes back"):
                    await self._run.do(
                        [_deed_of_payer("payment.check", line, m)], self._run.authority, once=True
                    )

    def _pay_fee(self, case: str) -> bool:
        paid = self._run.payments.pay(fee_key(case))
        if paid:
            self._lately[case] = self._run.clock.now()
        return paid

    async def call_back(self, paying: Paying) -> int:
        """The payment service tells of what was paid, until it is heard."""
        for _ in range(CALLED_BACK_IN_A_ROW_MAX):
            keys = list(self._run.payments.calling_back)
            cases = [key.removesuffix("/fee") for key in keys]
            if not keys:
                break
            try:
                outcomes = await paying.settle([StreamKey(self._run.city_of[case], case) for case in cases])
            except ServiceUnavailable:
                break
            for key, outcome in zip(keys, outcomes, strict=True):
                code = outcome.code if isinstance(outcome, Refusal) else ""
                self._run.refusals.update([code] if code else [])
                if code not in ANSWERED_LATER:
                    self._run.payments.called_back(key, outcome)
        return 0

    def _pays(self, line: Line, m: Moment) -> bool:
        never = m.chance.happens(0.02, line.stream, "never pays") or line.stream in self._late
        return not never and m.waited(line, timedelta(hours=1), timedelta(hours=50))


def _deed_of_payer(action: str, line: Line, m: Moment) -> Deed:
    item = {"city": line.city, "case": line.stream}
    return deed_of("authority", line, Act(m.applicants[line.stream], action, item))
