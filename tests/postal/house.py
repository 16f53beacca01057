"""The post in the memory of a test: the real machines, run without a shell, with the book of custody kept beside."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

import msgspec

from safehand.kernel.ledger import Standing, posted
from safehand.kernel.machine import Command, Context, Event, Machine, Outgoing, StreamKey, Waiting
from safehand.kernel.outcome import Refusal, sentence, way_out
from safehand.link.messages import BODIES, Kind, PostageMode, ProofMethod, Reason
from safehand.postal.acceptance import commands as to_accept
from safehand.postal.acceptance.bags import commands as to_count
from safehand.postal.custody import rules as custody
from safehand.postal.delivery import commands as to_deliver
from safehand.postal.item import Item
from safehand.postal.machines import build_machines
from safehand.postal.network.cities import PostalCity, load_postal_cities
from safehand.postal.process import signals
from safehand.postal.transport import commands as to_carry

CITY = 310000
ORDER = "or_abcdef"
BAG = "bg_abcdef"
SEAL = "SEAL-1"
ISSUING = "SH-CRJ-1"
OFFICE = "310115"
COURIER = "co_courier"
STRANGER = "co_stranger"
CLERK = "cl_clerk"
WORD = "K7QX"
"""What a terminal made of an identity document."""
START = datetime(2024, 5, 6, 2, 0, tzinfo=UTC)
"""10:00 in Shanghai on the day of the launch."""
EVIDENCE = b"e" * 32


@lru_cache(maxsize=1)
def cities() -> dict[str, PostalCity]:
    """The cities of the repository."""
    return load_postal_cities(Path("cities").resolve())


@lru_cache(maxsize=1)
def machines() -> dict[str, Machine]:
    """The post's machines for those cities."""
    return build_machines(cities=cities())


@dataclass
class House:
    """Streams, book, messages and claims of one city; `give` carries a command out with all that follows."""

    machines: dict[str, Machine] = field(default_factory=machines)
    now: datetime = START
    states: dict[str, Any] = field(default_factory=dict)
    kinds: dict[str, str] = field(default_factory=dict)
    units: dict[str, Standing] = field(default_factory=dict)
    claims: dict[str, str] = field(default_factory=dict)
    said: list[Outgoing] = field(default_factory=list)
    journal: list[tuple[str, Event]] = field(default_factory=list)
    tallies: dict[str, int] = field(default_factory=dict)
    edges: set[tuple[str, str, type[Event]]] = field(default_factory=set)
    """(step, state before, event) of every step that moved."""
    numbers: int = 0

    def wait(self, **amount: float) -> None:
        """Let time pass."""
        self.now += timedelta(**amount)

    def scan_id(self) -> str:
        """The name of a new scan."""
        self.numbers += 1
        digits = "abcdefghijklmnopqrstuvwxyz234567"
        first, last = divmod(self.numbers, 32)
        return f"sc_aa{digits[first % 32]}{digits[last]}{digits[first // 32]}"

    def give(self, kind: str, stream: str, command: Command) -> Sequence[Event] | Refusal:
        """Carry a command out; like the shell, leave no trace if it, or what follows from it, is refused."""
        before = (
            dict(self.states),
            dict(self.kinds),
            dict(self.units),
            dict(self.claims),
            dict(self.tallies),
        )
        said, written = len(self.said), len(self.journal)
        first: Sequence[Event] | None = None
        waiting = [(StreamKey(CITY, stream), kind, command)]
        while waiting:
            key, kind, command = waiting.pop(0)
            decided = self._decide(key, kind, command)
            if isinstance(decided, Refusal):
                self.states, self.kinds, self.units, self.claims, self.tallies = before
                del self.said[said:], self.journal[written:]
                for language in ("en", "zh"):
                    assert sentence(decided, language)
                    assert way_out(decided, language)
                return decided
            first = decided if first is None else first
            for event in decided:
                waiting += self._happen(key, event)
        assert first is not None
        return first

    def _decide(self, key: StreamKey, kind: str, command: Command) -> Sequence[Event] | Refusal:
        self.kinds.setdefault(key.stream, kind)
        machine = self.machines[self.kinds[key.stream]]
        state = self.states.setdefault(key.stream, machine.initial(key))
        asked = machine.asks(command)
        holders = {name: self.claims[name] for name in asked if name in self.claims}
        context = Context(key=key, now=self.now, actor="test", holders=holders, token=b"t" * 32)
        return machine.decide(state, command, context)

    def _happen(self, key: StreamKey, event: Event) -> list[tuple[StreamKey, str, Command]]:
        machine, before = self.machines[self.kinds[key.stream]], self.states[key.stream]
        self._note_edges(key.stream, before, event)
        after = machine.fold(before, event, self.now)
        for move in machine.moves(before, event):
            self.units = posted(units=self.units, move=move)
        for claim in machine.claims(after, event):
            assert claim.taken
            assert self.claims.setdefault(claim.name, key.stream) == key.stream
        for out in machine.speaks(after, event, key):
            # What is said must keep to the treaty, every limit and pattern of it.
            assert msgspec.json.decode(msgspec.json.encode(out.body), type=BODIES[Kind(out.kind)]) == out.body
            self.said.append(out)
        for name, delta in machine.counts(before, after).items():
            self.tallies[name] = self.tallies.get(name, 0) + delta
        self.states[key.stream] = after
        self.journal.append((key.stream, event))
        return [(on.key, on.kind, on.command) for on in machine.follows(after, event, key)]

    def _note_edges(self, stream: str, before: Any, event: Event) -> None:
        if not isinstance(before, Item):
            self.edges.add((self.kinds[stream], before.state, type(event)))
            return
        item: Any = before
        for one in (event, *signals(before, event, self.now)):  # type: ignore[arg-type]
            step = tag(one).partition(".")[0]
            self.edges.add((step, getattr(item, step).state, type(one)))
            if step == "custody":
                item = msgspec.structs.replace(item, custody=custody.fold(item.custody, one, self.now))  # type: ignore[arg-type]

    # What tests ask -------------------------------------------------------------------------------------------

    @property
    def item(self) -> Item:
        """The item of the one order."""
        return self.states[ORDER]

    @property
    def waybill(self) -> str:
        """Its number."""
        return self.item.waybill

    def do(self, command: Command) -> list[str]:
        """Give the item a command that must succeed; the tags of its events."""
        decided = self.give("item", ORDER, command)
        assert not isinstance(decided, Refusal), decided
        return [tag(event) for event in decided]

    def refuse(self, command: Command) -> Refusal:
        """Give the item a command that must be refused."""
        decided = self.give("item", ORDER, command)
        assert isinstance(decided, Refusal), decided
        return decided

    def why_not(self, command: Command) -> str:
        """The code of the refusal that a command to the item meets."""
        return self.refuse(command).code

    def count(self, command: Command) -> list[str]:
        """Give the bag a command that must succeed."""
        decided = self.give("bag", BAG, command)
        assert not isinstance(decided, Refusal), decided
        return [tag(event) for event in decided]

    def account(self) -> str:
        """Who has the item, by the book."""
        return self.units[ORDER].account

    def pending(self) -> str | None:
        """To whom it is offered, by the book."""
        return self.units[ORDER].pending

    def waits(self, stream: str = ORDER) -> dict[str, Waiting]:
        """The worklists on which a stream stands, by queue."""
        machine = self.machines[self.kinds[stream]]
        return {line.queue: line for line in machine.waits(self.states[stream], StreamKey(CITY, stream))}

    def bodies(self, kind: Kind) -> list[Any]:
        """What was said to the authority in messages of a kind."""
        return [out.body for out in self.said if out.kind == kind]

    def ring(self, queue: str, stream: str = ORDER) -> list[str]:
        """Let the clock of a worklist run out."""
        due_at = self.waits(stream)[queue].due_at
        assert due_at is not None
        self.now = max(self.now, due_at)
        machine = self.machines[self.kinds[stream]]
        command = machine.timer(queue)
        assert command is not None
        decided = self.give(self.kinds[stream], stream, command)
        assert not isinstance(decided, Refusal), decided
        return [tag(event) for event in decided]

    # How far an item is brought ---------------------------------------------------------------------------------

    def ordered(self, **changes: Any) -> "House":
        """Ordered and numbered."""
        self.do(an_order(**changes))
        return self

    def accepted(self, **changes: Any) -> "House":
        """Counted out of its bag."""
        self.ordered(**changes)
        self.count(a_bag(self.waybill))
        self.count(a_count(self.waybill))
        return self

    def at_office(self, **changes: Any) -> "House":
        """At the delivery office."""
        self.accepted(**changes)
        self.wait(minutes=5)
        self.do(self.departing())
        self.wait(minutes=30)
        self.do(self.arriving())
        return self

    def with_courier(self, **changes: Any) -> "House":
        """On a round."""
        self.at_office(**changes)
        self.wait(minutes=5)
        self.do(self.taking_out())
        return self

    def claimed(self, **changes: Any) -> "House":
        """Claimed at the door."""
        self.with_courier(**changes)
        self.wait(minutes=10)
        self.do(self.claiming())
        return self

    def held(self, **changes: Any) -> "House":
        """Kept at the counter."""
        self.at_office(**changes)
        self.do(self.holding())
        return self

    def departing(self, **changes: Any) -> to_carry.Depart:
        """Leaves the acceptance office."""
        return to_carry.Depart(**{**self._scan("310000-A"), "leg": "LEG-1", **changes})

    def arriving(self, **changes: Any) -> to_carry.ArriveOffice:
        """Arrives at the delivery office."""
        return to_carry.ArriveOffice(**self._scan(OFFICE) | changes)

    def arriving_at_centre(self, **changes: Any) -> to_carry.Arrive:
        """Arrives at the sorting centre."""
        return to_carry.Arrive(**self._scan("310000-C") | changes)

    def _scan(self, place: str) -> dict[str, Any]:
        return {
            "waybill": self.waybill,
            "scan_id": self.scan_id(),
            "place": place,
            "occurred_at": self.now,
        }

    def taking_out(self, **changes: Any) -> to_deliver.TakeOut:
        """The courier takes it."""
        facts: dict[str, Any] = {
            "waybill": self.waybill,
            "courier": COURIER,
            "office": OFFICE,
            "scan_id": self.scan_id(),
            "occurred_at": self.now,
        }
        return to_deliver.TakeOut(**facts | changes)

    def claiming(self, **changes: Any) -> to_deliver.Claim:
        """The recipient gave the code."""
        facts: dict[str, Any] = {
            "waybill": self.waybill,
            "courier": COURIER,
            "method": ProofMethod.RECIPIENT_CODE,
            "code": "482913",
            "occurred_at": self.now,
        }
        return to_deliver.Claim(**facts | changes)

    def claiming_at_counter(self, **changes: Any) -> to_deliver.ClaimAtCounter:
        """The recipient stands at the counter with the ID card."""
        facts: dict[str, Any] = {
            "waybill": self.waybill,
            "clerk": CLERK,
            "method": ProofMethod.COUNTER_IDENTITY,
            "code": WORD,
            "occurred_at": self.now,
        }
        return to_deliver.ClaimAtCounter(**facts | changes)

    def proof(self, **changes: Any) -> to_deliver.RecordProof:
        """The authority's sealed proof."""
        facts: dict[str, Any] = {
            "waybill": self.waybill,
            "method": ProofMethod.RECIPIENT_CODE,
            "evidence": EVIDENCE,
            "claimed_at": self.now - timedelta(seconds=2),
            "sealed_at": self.now,
            "proof_verified": True,
        }
        return to_deliver.RecordProof(**facts | changes)

    def proof_refusal(self, **changes: Any) -> to_deliver.RecordProofRefusal:
        """The authority's refusal of a claim."""
        facts: dict[str, Any] = {
            "waybill": self.waybill,
            "reason": Reason.CODE_WRONG,
            "attempts_left": 3,
            "at": self.now,
        }
        return to_deliver.RecordProofRefusal(**facts | changes)

    def failing(self, reason: Reason = Reason.ABSENT, **changes: Any) -> to_deliver.Fail:
        """Nobody at home."""
        facts: dict[str, Any] = {
            "waybill": self.waybill,
            "courier": COURIER,
            "reason": reason,
            "attempt": self.item.delivery.attempts + 1,
            "place": OFFICE,
            "occurred_at": self.now,
        }
        return to_deliver.Fail(**facts | changes)

    def bringing_back(self, **changes: Any) -> to_deliver.BringBack:
        """Back at the office."""
        return to_deliver.BringBack(**{**self._scan(OFFICE), "courier": COURIER, **changes})

    def holding(self, **changes: Any) -> to_deliver.Hold:
        """Kept at the counter."""
        return to_deliver.Hold(**{**self._scan(OFFICE), "reason": Reason.WANTS_COUNTER, **changes})


def tag(event: Event) -> str:
    """The name under which an event stands in the journal."""
    return str(type(event).__struct_config__.tag)


def an_order(**changes: Any) -> to_accept.ReceiveOrder:
    """The authority's order."""
    facts: dict[str, Any] = {
        "order": ORDER,
        "peer": "authority",
        "authority": "NIA",
        "office": ISSUING,
        "destination": CITY,
        "documents": 1,
        "postage_mode": PostageMode.ON_DELIVERY,
        "postage_fen": 1400,
        "attempts_max": 3,
        "held_days_max": 7,
        "placed_at": START,
        "county": OFFICE,
    }
    return to_accept.ReceiveOrder(**facts | changes)


def a_bag(*waybills: str, **changes: Any) -> to_count.Expect:
    """The announcement of a bag."""
    facts: dict[str, Any] = {
        "peer": "authority",
        "seal": SEAL,
        "office": ISSUING,
        "waybills": waybills,
        "offered_at": START,
    }
    return to_count.Expect(**facts | changes)


def a_count(*waybills: str, **changes: Any) -> to_count.Count:
    """What the clerk saw."""
    facts: dict[str, Any] = {"seal_seen": SEAL, "waybills": waybills, "office": "310000-A", "clerk": CLERK}
    return to_count.Count(**facts | changes)
