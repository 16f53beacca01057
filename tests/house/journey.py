"""One application on its way through both living houses, over their addresses alone: for tests that need a case far along."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import httpx

from tests.house.living import Living

SHANGHAI = 310000


@dataclass(kw_only=True)
class Journey:
    """A case and what is known of it so far."""

    living: Living
    number: int
    case: str
    applicant: str
    blank: int = 0
    order: str = ""
    waybill: str = ""

    @classmethod
    def begun(cls, living: Living, number: int, **changes: Any) -> Journey:
        """Applied, by the synthetic person of this number."""
        token, _ = living.applicant(number)
        return cls(living=living, number=number, case=living.case_of(number, **changes), applicant=token)

    def authority(self, role: str, action: str, **item: Any) -> dict[str, Any]:
        """An action upon the case at the authority that must succeed."""
        return self._acted("authority", role, action, {"city": SHANGHAI, "case": self.case} | item)

    def post(self, role: str, action: str, **item: Any) -> dict[str, Any]:
        """An action upon the item at the post that must succeed."""
        named = {"city": SHANGHAI, "item": self.order, "waybill": self.waybill}
        return self._acted("post", role, action, named | item)

    def _acted(self, house: str, role: str, action: str, item: dict[str, Any]) -> dict[str, Any]:
        answer = self.asked(house, role, action, item)
        assert answer.status_code == 200, (action, answer.text)
        return answer.json()

    def asked(self, house: str, role: str, action: str, item: dict[str, Any]) -> httpx.Response:
        """An action, whatever is answered. Whoever acts has a reference as the treaty wants it: letters alone."""
        staff = self.living.token(house, f"st_{role.replace('_', '')}", [role], cities=[SHANGHAI])
        return self.living.post(house, action, item, self.applicant if role == "applicant" else staff)

    def state(self) -> dict[str, Any]:
        """The case as it stands."""
        return self._read("authority", f"/v1/cases/{SHANGHAI}/{self.case}", "authority_manager")

    def item(self) -> dict[str, Any]:
        """The item as it stands."""
        return self._read("post", f"/v1/items/{SHANGHAI}/{self.order}", "postal_manager")

    def _read(self, house: str, path: str, role: str) -> dict[str, Any]:
        headers = {"authorization": f"Bearer {self.living.staff(house, role)}"}
        answer = self.living.client.get(self.living.url(house, path), headers=headers)
        assert answer.status_code == 200, answer.text
        return answer.json()["state"]

    def tell(self) -> None:
        """What the houses have to tell each other arrives, both ways and back."""
        for _ in range(3):
            for house in ("authority", "post"):
                self.living.control(house, "settle", {})

    def paid(self) -> Journey:
        """Approved and paid."""
        self.authority("examiner", "examination.approve")
        begun = self.authority("applicant", "payment.begin")
        pay = f"{self.living.world.url('payment')}/v1/payments/{begun['payment']}/pay"
        assert self.living.client.post(pay, json={"outcome": "paid"}).status_code == 200
        self.authority("applicant", "payment.check")
        return self

    def made(self) -> Journey:
        """The document is issued, and the post has given its order a number."""
        stock = {"city": SHANGHAI, "stock": "st_310000_passport"}
        known = self.living.rows("authority", "select 1 from stream where stream = 'st_310000_passport'")
        if not known:
            self._acted(
                "authority", "production_clerk", "stock.receive", {**stock, "first": 1, "last": 1_000}
            )
        self._acted("authority", "production_clerk", "stock.draw", {**stock, "case": self.case})
        self.blank = self.state()["production"]["blank"]
        self.authority("production_clerk", "production.record_printed", blank=self.blank)
        checker = self.living.token("authority", "st_checker", ["production_clerk"], cities=[SHANGHAI])
        item = {"city": SHANGHAI, "case": self.case, "blank": self.blank}
        answer = self.living.post("authority", "production.pass_check", item, checker)
        assert answer.status_code == 200, answer.text
        self.tell()
        handover = self.state()["handover"]
        # Of a family that goes together nothing is ordered until all are made.
        self.order, self.waybill = handover.get("order", ""), handover.get("waybill", "")
        return self

    def with_post(self) -> Journey:
        """Labelled, sealed, in a bag, counted by the post, and at the delivery office."""
        self.authority("handover_clerk", "handover.print_label")
        sealing = {"waybill": self.waybill, "blank": self.blank, "second_person": "st_colleague"}
        self.authority("handover_clerk", "handover.seal", **sealing)
        bag, seal = f"bg_{self.order[3:23]}", f"S-{self.waybill}"
        the_bag = {"city": SHANGHAI, "bag": bag}
        closing = {**the_bag, "seal": seal, "office": "310000-1", "items": {self.waybill: self.case}}
        self._acted("authority", "handover_clerk", "bag.close", closing)
        self._acted("authority", "handover_clerk", "bag.offer", {**the_bag, "seal": seal})
        self.tell()
        counting = {**the_bag, "seal_seen": seal, "waybills": [self.waybill], "office": "310000-A"}
        self._acted("post", "acceptance_clerk", "bag.count", counting)
        self.post("driver", "transport.depart", **self.scanned("a", "310000-A"), leg="LEG-1")
        self.post("office_clerk", "transport.arrive_office", **self.scanned("b", "310115"))
        self.tell()
        return self

    def held(self) -> Journey:
        """At the post-office counter, waiting for its recipient."""
        self.post("office_clerk", "delivery.hold", **self.scanned("c", "310115"), reason=7)
        self.tell()
        return self

    def scanned(self, letter: str, place: str) -> dict[str, Any]:
        """A scan of this moment."""
        return {
            "scan_id": f"sc_{self.order[3:15]}{letter}",
            "place": place,
            "occurred_at": self.now().isoformat(),
        }

    def now(self) -> datetime:
        """The post's clock."""
        health = self.living.client.get(self.living.url("post", "/health")).json()
        return datetime.fromisoformat(health["now"])
