"""A family by hand: several cases in one group, moved by the machines alone."""

from __future__ import annotations

from typing import Any, Final

from safehand.authority.examination.commands import Approve
from safehand.authority.group import commands as c
from safehand.authority.group.group import Group, GroupState
from safehand.authority.group.states import MembershipState as S
from safehand.authority.handover.states import HandoverState
from safehand.authority.payment.commands import SettlePayment
from safehand.authority.production import commands as production
from safehand.authority.production.stock import DrawBlank, ReceiveBlanks, Stock
from safehand.link.messages import OrdersGrouped
from tests.authority.house import STOCK, House, application

GROUP: Final = "gr_a"
ONE, TWO, THREE = "ca_one", "ca_two", "ca_three"


class Family(House):
    """Cases of people who live at one address."""

    def apply(self, case: str, **changes: Any) -> Family:
        self.ok(application(claim=f"live:{case}:passport", **changes), stream=case, actor=f"ap_{case}")
        return self

    def begin(self, *, together: bool = True) -> Family:
        self.apply(ONE)
        assert self.ok(c.BeginGroup(together=together, group=GROUP), stream=ONE) == ["group.joined"]
        return self

    def invite(self, case: str = ONE) -> str:
        number = self.group.invitations + 1
        claim = f"invitation:{number}"
        self.ok(c.InviteToGroup(number=number, claim=claim), stream=case)
        return claim

    def join(self, case: str, *, together: bool = True) -> Family:
        self.apply(case)
        self.ok(self.joining(self.invite(), together=together), stream=case)
        return self

    def joining(self, invitation: str, *, together: bool = True) -> c.JoinGroup:
        return c.JoinGroup(group=GROUP, invitation=invitation, together=together)

    def family(self, *, together: bool = True) -> Family:
        """Three of them."""
        return self.begin(together=together).join(TWO, together=together).join(THREE, together=together)

    def issue(self, case: str) -> Family:
        """Approved, paid, made."""
        self.ok(Approve(), stream=case)
        self.ok(SettlePayment(reference=f"p-{case}", amount_fen=12000, paid_at=self.now), stream=case)
        stock: Stock = self.state(STOCK)
        if not stock.left:
            self.ok(ReceiveBlanks(first=stock.end + 1, last=stock.end + 1000), stream=STOCK)
        self.ok(DrawBlank(case=case), stream=STOCK)
        blank = self.state(case).production.blank
        self.ok(production.RecordPrinted(blank=blank), stream=case, actor="st_printer")
        self.ok(production.PassCheck(blank=blank), stream=case, actor="st_checker")
        return self

    def job(self) -> list[str]:
        """What the group's job does: lets go what waits. The cases that it let go."""
        if self.group.state is not GroupState.GOING:
            return []
        let_go = self.group.standing("waiting")
        for case in let_go:
            why: Any = self.group.why
            assert "group.wait_ended" in self.ok(c.EndGroupWait(why=why), stream=case)
        return let_go

    @property
    def group(self) -> Group:
        return self.state(GROUP)

    def membership(self, case: str) -> S:
        return self.state(case).group.state

    def ordered(self, case: str) -> bool:
        return self.state(case).handover.state is HandoverState.ORDERED

    @property
    def grouped(self) -> list[OrdersGrouped]:
        return [one.body for one in self.messages if isinstance(one.body, OrdersGrouped)]

    def told(self, case: str) -> list[str]:
        return [one.template for one in self.notices if one.subject == case and "group" in one.template]
