"""The authority's machines run by hand: decide, fold, book of custody, claims and what follows; nothing else."""

import itertools
from collections import Counter
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from safehand.authority import envelopes
from safehand.authority.application.commands import SubmitApplication, WithdrawApplication
from safehand.authority.case import Case
from safehand.authority.cities import City, load_cities
from safehand.authority.documents import Document, load_documents
from safehand.authority.examination import commands as examination
from safehand.authority.handover import bag
from safehand.authority.handover import commands as handover
from safehand.authority.machines import build_machines
from safehand.authority.payment.commands import SettlePayment
from safehand.authority.production import commands as production
from safehand.authority.production.stock import DrawBlank, ReceiveBlanks, Stock
from safehand.authority.register.facts import DocumentFact, RegisterFacts
from safehand.authority.returns import commands as returns
from safehand.authority.tracking import commands as tracking
from safehand.kernel.ledger import Standing, posted
from safehand.kernel.machine import Command, Context, Event, Machine, Notice, Outgoing, StreamKey
from safehand.kernel.outcome import Refusal, sentence, way_out
from safehand.link.messages import ProofMethod, Reason, Scan

ROOT = Path(__file__).parents[2]
CITY = 310000
MONDAY = datetime(2024, 5, 6, 1, 0, tzinfo=UTC)
"""The pilot's first morning, 09:00 in Shanghai."""
CASE, BAG, STOCK = "ca_a", "bg_a", f"st_{CITY}_passport"
DIGEST = "0" * 64
EVIDENCE = bytes(32)
PARTS: Any = dict.fromkeys(("photo", "signature", "id_card_front", "id_card_back"), DIGEST)
CLAIM = "live:abc:passport"
_FOLLOWING_MAX = 5_000


@cache
def loaded() -> tuple[dict[int, City], dict[str, Document]]:
    """The repository's own cities and documents."""
    cities = {int(code): city for code, city in load_cities(ROOT / "cities").items()}
    return cities, load_documents(ROOT / "documents")


@cache
def machines() -> dict[str, Machine]:
    """The machines by these rules."""
    cities, documents = loaded()
    return build_machines(cities=cities, documents=documents)


def with_postage(code: int, **changes: Any) -> tuple[dict[int, City], dict[str, Document]]:
    """The repository's data, but in one city other rules of postage."""
    cities, documents = loaded()
    city = cities[code]
    views: Any = tuple(
        msgspec.structs.replace(view, postage=msgspec.structs.replace(view.postage, **changes))
        for view in city.resolved.views
    )
    resolved = msgspec.structs.replace(city.resolved, views=views)
    return {**cities, code: msgspec.structs.replace(city, resolved=resolved)}, documents


def register_facts(**changes: Any) -> RegisterFacts:
    """A resident of Shanghai with a passport that expires in summer."""
    held = DocumentFact(
        kind="passport",
        number="E00000001",
        issued_on=date(2014, 7, 1),
        expires_on=date(2024, 6, 30),
        status="valid",
        fingerprints_stored=True,
    )
    facts = RegisterFacts(
        household_city="310000",
        birth_date=date(1990, 1, 1),
        state_staff=False,
        active_service=False,
        exit_restricted=False,
        deceased=False,
        in_mainland=True,
        documents=(held,),
    )
    return msgspec.structs.replace(facts, **changes)


_receipts = itertools.count(1)


def application(**changes: Any) -> SubmitApplication:
    """An application that passes."""
    command = SubmitApplication(
        document="passport",
        ground="expiring",
        mode="post",
        destination=310000,
        office="310000-1",
        travels=False,
        claim=CLAIM,
        receipt=f"receipt:{next(_receipts)}",
        facts=register_facts(),
        parts=PARTS,
    )
    return msgspec.structs.replace(command, **changes)


def _says_every_line_that_changed(machine: Machine, before: Any, after: Any, key: StreamKey) -> None:
    """`waited` may leave out what stands on both sides, and nothing else."""
    if machine.waited is None:
        return
    old, new = machine.waits(before, key), machine.waits(after, key)
    gone, come = machine.waited(before, after, key)
    assert [line for line in old if line not in new] == [line for line in gone if line not in come]
    assert [line for line in new if line not in old] == [line for line in come if line not in gone]


class House:
    """Streams in memory, moved by the machines alone."""

    def __init__(self, own: dict[str, Machine] | None = None) -> None:
        self.machines = own or machines()
        self.now = MONDAY
        self.streams: dict[str, tuple[str, Any, dict[str, Standing]]] = {}
        self.holders: dict[str, str] = {}
        self.messages: list[Outgoing] = []
        self.notices: list[Notice] = []
        self.tally: Counter[str] = Counter()
        self.events: list[tuple[str, Event]] = []
        self.edges: set[tuple[str, Any, type[Event]]] = set()
        self.calls = 0

    def later(self, **span: float) -> None:
        """Let time pass."""
        self.now += timedelta(**span)

    def do(self, command: Command, *, stream: str = CASE, actor: str = "st_one") -> list[str] | Refusal:
        """One call: the tags of the events on its own stream, or the refusal, after which nothing has changed."""
        self.calls += 1
        kept = dict(self.streams), dict(self.holders), Counter(self.tally)
        sizes = len(self.messages), len(self.notices), len(self.events)
        queue, tags = [(stream, _kind(stream), command)], None
        for stream_, kind, command_ in queue:
            decided = self._decide(stream_, kind, command_, actor)
            if isinstance(decided, Refusal):
                self.streams, self.holders, self.tally = kept
                del self.messages[sizes[0] :], self.notices[sizes[1] :], self.events[sizes[2] :]
                assert all((sentence(decided, lang), way_out(decided, lang)) for lang in ("en", "zh"))
                return decided
            if tags is None:
                tags = [tag(event) for event in decided]
            for event in decided:
                queue.extend(self._happen(stream_, event))
            assert len(queue) < _FOLLOWING_MAX
        assert tags is not None
        return tags

    def ok(self, command: Command, *, stream: str = CASE, actor: str = "st_one") -> list[str]:
        """A call that must not be refused."""
        outcome = self.do(command, stream=stream, actor=actor)
        assert not isinstance(outcome, Refusal), outcome
        return outcome

    def no(self, command: Command, *, stream: str = CASE, actor: str = "st_one") -> str:
        """A call that must be refused; the code."""
        outcome = self.do(command, stream=stream, actor=actor)
        assert isinstance(outcome, Refusal), outcome
        return outcome.code

    def state(self, stream: str) -> Any:
        """A stream's state; the first one if nothing happened yet."""
        return self._open(stream, _kind(stream))[1]

    @property
    def case(self) -> Case:
        """The case that most tests look at."""
        return self.state(CASE)

    @property
    def account(self) -> str:
        """Where the document at work is."""
        document = self.case.document
        assert document is not None
        return str(document.account)

    def waits(self, stream: str = CASE) -> dict[str, Any]:
        """The worklists that the stream stands on."""
        kind, state, _ = self._open(stream, _kind(stream))
        return {line.queue: line for line in self.machines[kind].waits(state, StreamKey(CITY, stream))}

    def ring(self, queue: str, stream: str = CASE) -> list[str]:
        """Let the clock of a worklist run out."""
        line = self.waits(stream)[queue]
        assert line.due_at is not None
        self.now = max(self.now, line.due_at)
        command = self.machines[_kind(stream)].timer(queue)
        assert command is not None
        return self.ok(command, stream=stream, actor="system")

    def sent(self) -> list[int]:
        """The kinds of the messages to the post so far."""
        return [int(message.kind) for message in self.messages]

    def _open(self, stream: str, kind: str) -> tuple[str, Any, dict[str, Standing]]:
        return self.streams.get(stream) or (kind, self.machines[kind].initial(StreamKey(CITY, stream)), {})

    def _decide(self, stream: str, kind: str, command: Any, actor: str) -> Any:
        kind, state, _ = self._open(stream, kind)
        machine = self.machines[kind]
        context = Context(
            key=StreamKey(CITY, stream),
            now=self.now,
            actor=actor,
            holders={name: self.holders[name] for name in machine.asks(command) if name in self.holders},
            token=self.calls.to_bytes(32, "little"),
        )
        return machine.decide(state, command, context)

    def _happen(self, stream: str, event: Any) -> list[tuple[str, str, Command]]:
        kind, before, units = self._open(stream, _kind(stream))
        machine, key = self.machines[kind], StreamKey(CITY, stream)
        self._note_edge(kind, before, event)
        after = machine.fold(before, event, self.now)
        for move in machine.moves(before, event):
            units = posted(units=units, move=move)
        self.streams[stream] = (kind, after, units)
        _says_every_line_that_changed(machine, before, after, key)
        for claim in machine.claims(after, event):
            if claim.taken:
                assert claim.name not in self.holders, f"{claim.name} is held already"
                self.holders[claim.name] = stream
            else:
                assert self.holders.pop(claim.name) == stream
        self.messages.extend(machine.speaks(after, event, key))
        self.notices.extend(machine.tells(after, event))
        self.tally.update(dict(machine.counts(before, after)))
        self.events.append((stream, event))
        return [(on.key.stream, on.kind, on.command) for on in machine.follows(after, event, key)]

    def _note_edge(self, kind: str, before: Any, event: Event) -> None:
        match kind:
            case "case":
                name = _STEP_OF[tag(event).partition(".")[0]]
                if name:
                    self.edges.add((name, getattr(before, name).state, type(event)))
            case "bag" | "group":
                self.edges.add((f"{kind} stream" if kind == "group" else kind, before.state, type(event)))
            case _:
                pass

    # The happy way, a stage at a time.

    def submitted(self, **changes: Any) -> "House":
        self.ok(application(**changes), actor="ap_one")
        return self

    def approved(self, **changes: Any) -> "House":
        self.submitted(**changes).ok(examination.Approve())
        return self

    def paid(self, **changes: Any) -> "House":
        self.approved(**changes)
        amount_fen = self.case.payment.due_fen
        self.ok(SettlePayment(reference="pay-1", amount_fen=amount_fen, paid_at=self.now), actor="system")
        return self

    def drawn(self, **changes: Any) -> "House":
        self.paid(**changes).draw()
        return self

    def draw(self) -> None:
        """The next blank for the case; a delivery of blanks first, if there is none."""
        stock: Stock = self.state(STOCK)
        if not stock.left:
            self.ok(ReceiveBlanks(first=stock.end + 1, last=stock.end + 1000), stream=STOCK)
        self.ok(DrawBlank(case=CASE), stream=STOCK)

    def make(self) -> None:
        """Print, and pass the check by a second person."""
        blank = self.case.production.blank
        self.ok(production.RecordPrinted(blank=blank), actor="st_printer")
        self.ok(production.PassCheck(blank=blank), actor="st_checker")

    def issued(self, **changes: Any) -> "House":
        self.drawn(**changes).make()
        return self

    def labelled(self, **changes: Any) -> "House":
        self.issued(**changes).label()
        return self

    def label(self, waybill: str = "") -> None:
        """The post's waybill comes, and the label is printed."""
        order = self.case.handover.order
        waybill = waybill or f"ZA{len(self.events):09d}CN"
        record = handover.RecordWaybill(order=order, waybill=waybill, routing="SH-01-07", token=bytes(32))
        self.ok(record, actor="postal")
        self.ok(handover.PrintLabel())

    def sealed(self, **changes: Any) -> "House":
        self.labelled(**changes).seal()
        return self

    def seal(self) -> None:
        """Two persons, both scans right."""
        case = self.case
        command = handover.SealEnvelope(
            waybill=case.handover.waybill, blank=case.production.blank, second_person="st_two"
        )
        assert self.ok(command) == ["handover.sealed"]

    def offered(self, **changes: Any) -> "House":
        self.sealed(**changes).offer()
        return self

    def offer(self, stream: str = BAG) -> None:
        """Into a bag, and out for the collection."""
        self.ok(
            bag.CloseBag(seal="SEAL-1", office="SH-01", items={self.case.handover.waybill: CASE}),
            stream=stream,
        )
        self.ok(bag.OfferBag(seal="SEAL-1"), stream=stream)

    def with_post(self, **changes: Any) -> "House":
        self.offered(**changes).accept()
        return self

    def accept(self, stream: str = BAG) -> None:
        """The post signs."""
        command = bag.RecordBagAcceptance(seal="SEAL-1", waybills=(self.case.handover.waybill,))
        self.ok(command, stream=stream, actor="postal")

    def delivered(self, **changes: Any) -> "House":
        self.with_post(**changes).ok(self.claim(), actor="postal")
        return self

    def item(self) -> dict[str, Any]:
        """Order and waybill as the post names them."""
        return {"order": self.case.tracking.order, "waybill": self.case.tracking.waybill}

    def claim(self, *, right: bool = True, **changes: Any) -> tracking.JudgeClaim:
        """A claim at the door by code."""
        command = tracking.JudgeClaim(
            **self.item(),
            method=ProofMethod.RECIPIENT_CODE,
            code_matches=right,
            session_confirmed=False,
            claimed_at=self.now,
            evidence=EVIDENCE,
        )
        return msgspec.structs.replace(command, **changes)

    def scan(self, scan: Scan, scan_id: str, **changes: Any) -> tracking.RecordScan:
        """A scan by the post."""
        command = tracking.RecordScan(
            **self.item(), scan=scan, scan_id=scan_id, place="SH-PO-1", occurred_at=self.now
        )
        return msgspec.structs.replace(command, **changes)

    def returned(self, reason: Reason = Reason.NOT_COLLECTED, **changes: Any) -> "House":
        """Back on the return shelf."""
        self.with_post(**changes)
        self.ok(returns.RecordReturnOffered(**self.item(), reason=reason), actor="postal")
        self.ok(returns.ReceiveReturn(waybill=self.case.tracking.waybill))
        return self

    def resent(self) -> None:
        """Back to the authority, and once more to the post."""
        self.ok(returns.RecordReturnOffered(**self.item(), reason=Reason.NOT_COLLECTED), actor="postal")
        self.ok(returns.ReceiveReturn(waybill=self.case.tracking.waybill))
        self.ok(returns.ResendReturn())
        self.label()
        self.seal()
        self.offer("bg_b")
        self.accept("bg_b")

    def at_counter(self) -> "House":
        """Waiting at the authority's counter."""
        self.issued(mode="counter")
        self.ok(handover.MakeReadyForPickup(blank=self.case.production.blank))
        return self


_STEP_OF = {
    name: name
    for name in (
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
} | {"document": "", "register": "", "erasure": ""}


def counting_envelopes() -> House:
    """A house that keeps the second book too: envelopes, in the treaty's accounts."""
    house = House()
    case = replace(house.machines["case"], moves=envelopes.moves)
    house.machines = {**house.machines, "case": case}
    return house


def _kind(stream: str) -> str:
    return {"ca": "case", "bg": "bag", "st": "stock", "gr": "group"}[stream[:2]]


def tag(event: Event) -> str:
    """`step.past_tense`."""
    return str(type(event).__struct_config__.tag)


WITHDRAW = WithdrawApplication()
