"""A peer that is mistaken: messages that are genuine in form (numbered, chained, signed) and wrong in what they say.

None may change anything: each must be parked with its reason and wait for a person, who closes it. And a peer that
believes to have been heard when it was not: the gap is noticed and asked for.
"""

import random
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import msgspec

from safehand.kernel.machine import StreamKey
from safehand.kernel.store import MessageRow
from safehand.link.messages import Kind, ProofMethod, ProofSealed
from safehand.link.proof import sign_proof
from safehand.programme.launch.people import staff
from safehand.simulation.crowd import Deed
from safehand.simulation.house import SimHouse
from safehand.simulation.store import SentRow

MISTAKEN_SHARE: Final = 0.3
BEGINS: Final = frozenset({Kind.ORDER_PLACED, Kind.HANDOVER_OFFERED})
"""Of another order or bag they would be no nonsense but news."""
STRANGE: Final = {
    "order": "or_nobodyknowsthisorder",
    "bag": "bg_nobodyknowsthisbag",
    "waybill": "ZB300000003CN",
}
CONFUSED: Final = ("ZA400000002CN",)
"""A number that confused people put where it does not belong (`mischief`): of what they say of it the peer knows nothing."""
STRANGE_EVIDENCE: Final = "bm90aGluZyB0aGF0IGFueWJvZHkgZXZlciBzZWFsZWQhIQ=="
CHANGED: Final[Mapping[int, Mapping[str, Any]]] = {
    Kind.ORDER_PLACED: {"documents": 7},
    Kind.HANDOVER_OFFERED: {"seal": "BG-NOT-THIS-SEAL"},
}
MANAGERS: Final = {"authority": "authority_manager", "post": "postal_manager"}


class Nonsense:
    """Says it, and remembers what was said."""

    def __init__(self, *, chance: random.Random) -> None:
        self._chance = chance
        self.said: set[tuple[str, bytes]] = set()
        """(sender, body)."""

    def say(
        self,
        house: SimHouse,
        peer: SimHouse,
        now: datetime,
        cases: Mapping[str, tuple[int, str]],
    ) -> None:
        """Put one such message into a house's outbox, made of one that it has sent before. `cases`: order -> city, case."""
        sent = [log for log in house.disk.sent.values() if log]
        if not sent:
            return
        row = self._chance.choice(self._chance.choice(sent))
        made = self._mistaken(house, peer, row, now) if self._chance.random() < MISTAKEN_SHARE else None
        made = made or self._made(row)
        if made is None:
            return
        kind, body = made
        if any(known.encode() == body for log in sent for known in (one.body for one in log)):
            return
        person = cases.get(row.subject, (0, ""))[1] if kind == Kind.ORDER_PLACED else None
        # A bag that nobody knows is announced under its own name.
        strange = kind == Kind.HANDOVER_OFFERED and STRANGE["bag"].encode() in body
        subject = STRANGE["bag"] if strange else row.subject
        message = MessageRow(house.peer, row.city, kind, subject, body, person or None, now)
        house.disk.outbox_ids += 1
        house.disk.outbox_numbered.append((house.disk.outbox_ids, message))
        self.said.add((house.name, body))

    def _mistaken(
        self, house: SimHouse, peer: SimHouse, row: SentRow, now: datetime
    ) -> tuple[int, bytes] | None:
        """What is right in itself and comes too late, too early or once too often, by where the peer stands."""
        body: dict[str, Any] = msgspec.json.decode(row.body)
        there = peer.disk.rows.get(StreamKey(row.city, row.subject))
        state = msgspec.json.decode(there.state) if there is not None else {}
        match row.kind:
            case Kind.HANDOVER_OFFERED:
                twice = {"bag": STRANGE["bag"], "waybills": [*body["waybills"][:1], *body["waybills"][:1]]}
                return row.kind, msgspec.json.encode({**body, **twice})
            case Kind.HANDOVER_ACCEPTED:
                return row.kind, msgspec.json.encode({**body, "waybills": [STRANGE["waybill"]]})
            case Kind.ORDER_PLACED if state.get("acceptance", {}).get("state") == "accepted":
                cancelled = {"order": row.subject, "at": now}
                return int(Kind.ORDER_CANCELLED), msgspec.json.encode(cancelled)
            case Kind.PROOF_SEALED if state.get("delivery", {}).get("state") == "delivered":
                return row.kind, self._another_proof(house, body, now)
            case _:
                return None

    def _another_proof(self, house: SimHouse, body: Mapping[str, Any], now: datetime) -> bytes:
        """Sealed as it should be, for what was delivered by another one."""
        facts: dict[str, Any] = {
            "order": body["order"],
            "waybill": body["waybill"],
            "method": ProofMethod.RECIPIENT_CODE,
            "claimed_at": now,
            "sealed_at": now,
            "evidence": self._chance.randbytes(32),
        }
        return msgspec.json.encode(ProofSealed(**facts, signature=sign_proof(ring=house.ring, **facts)))

    def _made(self, row: SentRow) -> tuple[int, bytes] | None:
        body: dict[str, Any] = msgspec.json.decode(row.body)
        known = [name for name in STRANGE if name in body]
        if not known:
            return None
        ways = ["kind", "shape", "field", "field", "field"]
        match self._chance.choice(ways):
            case "kind":
                return 999, msgspec.json.encode({**body, "of_kind": row.kind})
            case "shape":
                return row.kind, msgspec.json.encode({**body, known[0]: self._chance.randrange(10**9)})
            case _ if row.kind in BEGINS:
                # The same order, or bag, with something else in it.
                return row.kind, msgspec.json.encode({**body, **CHANGED[row.kind]})
            case _ if row.kind == Kind.PROOF_SEALED and self._chance.random() < 0.7:
                return row.kind, msgspec.json.encode({**body, "evidence": STRANGE_EVIDENCE})
            case _:
                name = self._chance.choice(known)
                return row.kind, msgspec.json.encode({**body, name: STRANGE[name]})

    def closed(self, house: SimHouse) -> Iterator[Deed]:
        """The manager looks at what is parked, and closes what is nonsense."""
        for peer, city, number in house.disk.parked:
            if (peer, city, number) in house.disk.resolved:
                continue
            body = house.disk.received[peer, city, number].body
            # Whoever is answered to nonsense hears it repeated.
            wrong = (*STRANGE.values(), *CONFUSED)
            if (peer, body) in self.said or any(strange.encode() in body for strange in wrong):
                item = {"city": city, "peer": peer, "number": number, "reason": "sent_in_error"}
                yield Deed(
                    house=house.name,
                    person=staff(MANAGERS[house.name], "desk"),
                    action="parked.close",
                    item=item,
                    key=f"close-{peer}-{city}-{number}",
                )


def acknowledged_ahead(house: SimHouse, chance: random.Random) -> bool:
    """A house believes that messages were taken which never were (a wrong hand in its tables): skips them, but not the last."""
    for place, head in sorted(house.disk.heads.items()):
        if head.number - head.acknowledged >= 2:
            skipped = chance.randrange(head.acknowledged + 1, head.number)
            house.disk.heads[place] = head._replace(acknowledged=skipped)
            return True
    return False
