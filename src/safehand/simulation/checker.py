"""Looks at both houses and at the world from outside, after every moment: what must never be, and what must be in the end.

The checker keeps books of its own. It reads the journals as they grow, folds them by itself, and compares: with the states
that the houses keep, with the other house, with the services, and with where things really are.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from safehand.authority import envelopes
from safehand.authority.tracking.rules import CODE_ATTEMPTS_MAX, CONFIRMATION_MINUTES, NEARS_TOLD_MAX
from safehand.kernel.hash_chain import GENESIS, event_hash
from safehand.kernel.machine import StreamKey
from safehand.kernel.outcome import Refusal
from safehand.kernel.points import watching
from safehand.kernel.store import EventRow
from safehand.kernel.working_days import local_day
from safehand.link.log import RECEIVER_RECORD
from safehand.link.messages import WITHOUT_CLAIM, Kind, ProofMethod
from safehand.postal.app import treaty_account
from safehand.postal.receiver.papers import Paper
from safehand.simulation.crowd import AGENT, Deed
from safehand.simulation.family_book import EMPTY_BYTES, FamilyBook
from safehand.simulation.family_book import JUDGES as FAMILY_JUDGES
from safehand.simulation.house import SimHouse
from safehand.simulation.services import SHORT_FEN
from safehand.simulation.world import GONE, Agreed, Followed, Make

if TYPE_CHECKING:
    from safehand.authority.cities.city import City
    from safehand.simulation.run import Run

NOTICED_WITHIN: Final = timedelta(days=20)
"""So long may a document be out of honest hands before somebody must have noticed: the longest clock on its way is the
counter's, and what is held there is looked at when it ends."""
STORY_EVENTS: Final = 60
BROKEN: Final = frozenset({"request.failed", "request.invalid", "request.key_reused", "request.key_missing"})
"""No refusal of the world that is played, but a bug of the houses or of the simulator."""
ACCOUNTS: Final[Mapping[str, frozenset[str]]] = {
    "production": frozenset({"production"}),
    "handover_shelf": frozenset({"shelf", "production", "bag", "office", "counter"}),
    "counter": frozenset({"counter", "shelf"}),
    "post": frozenset(
        {"bag", "office", "vehicle", "courier", "neighbour", "recipient", "return_shelf", "shelf"}
    ),
    "recipient": frozenset({"recipient", "courier", "office", "neighbour", "vehicle", "counter"}),
    "return_shelf": frozenset({"return_shelf", "counter", "shelf", "office"}),
    "incident": frozenset(
        {
            "office",
            "vehicle",
            "courier",
            "neighbour",
            "recipient",
            "bag",
            "shelf",
            "return_shelf",
            "production",
        }
    ),
}
"""The authority's account -> where the document may really be while news is on its way. What is out of honest hands has a
time limit of its own."""
AT_THE_END: Final[Mapping[str, frozenset[str]]] = {
    "recipient": frozenset({"recipient"}),
    "incident": frozenset(
        {"thief", "lost", "stranger", "recipient", "neighbour", "destroyed", "courier", "office"}
    ),
    "return_shelf": frozenset({"return_shelf"}),
    "counter": frozenset({"counter"}),
}


_NUMBERS: Final = re.compile(rb"999999[0-9]{11}[0-9X]")
"""Numbers of test persons begin so: an area that does not exist."""
_FOREIGN: Final = re.compile(rb"[\x80-\xff]+")
_CHINESE: Final = re.compile(rb"(?:[\xe4-\xe9][\x80-\xbf]{2})+")


HANDS: Final[Mapping[str, frozenset[str]]] = {
    "office": frozenset({"office", "return_shelf", "shelf"}),
    "vehicle": frozenset({"vehicle", "return_shelf"}),
    "courier": frozenset({"courier"}),
    "recipient": frozenset({"recipient"}),
}
"""The post's account -> where the envelope may be: a return is handed over before the news of it comes."""
FEW_PEOPLE: Final = 10
"""Of more than these at least half must have been able to apply."""
WORD_LASTS: Final = timedelta(minutes=CONFIRMATION_MINUTES)
parse: Final = datetime.fromisoformat


class Violation(NamedTuple):
    """What must never be, with the stream that tells of it."""

    invariant: str
    what: str
    stream: str = ""


class Checker:
    """The invariants of one run."""

    def __init__(self, *, run: "Run", cities: Mapping[int, "City"]) -> None:
        self.run = run
        self.families = FamilyBook(run=run, cities=cities, say=self.say)
        self.violations: list[Violation] = []
        self.edges: Counter[str] = Counter()
        self.noticed: dict[Make, timedelta] = {}
        self._decoders: dict[tuple[str, str], msgspec.json.Decoder[Any]] = {}
        self._followed: dict[tuple[str, StreamKey], Followed] = {}
        self._books: dict[str, dict[tuple[int, str], tuple[str, str | None]]] = defaultdict(dict)
        self._moves_read: Counter[str] = Counter()
        self._received: dict[tuple[str, int], int] = {}
        self._blanks: dict[tuple[int, str, int], str] = {}
        self._drawn_already: set[tuple[int, str, int]] = set()
        self._proofs: dict[str, set[str]] = {}
        self._recalled: dict[str, set[str]] = defaultdict(set)
        self._paid: set[str] = set()
        self._wrong: Counter[str] = Counter()
        self._nears: Counter[str] = Counter()
        self._answers: Counter[tuple[int, str]] = Counter()
        """Case -> answers of the post to inquiries, less those that the authority could use."""
        self._searched: set[str] = set()
        self._at = datetime.min.replace(tzinfo=UTC)
        self._wishes: dict[str, list[tuple[datetime, date | None]]] = defaultdict(list)
        self._excused: Counter[str] = Counter()
        self._named: set[str] = set()
        """Items of which the post knows that somebody else may receive them."""
        self._amends: Counter[str] = Counter()
        self._reviewed_late: set[str] = set()
        self._promised_back: set[str] = set()
        self._prepaid: dict[str, int] = {}
        """Case -> the postage that was asked for with its fee."""
        self._due: dict[str, int] = {}
        """Case -> both together."""
        self._posted: set[str] = set()
        """Cases of which the post has had an envelope."""
        self._prepaid_orders: set[str] = set()
        self._postage_back: Counter[str] = Counter()

    def say(self, invariant: str, what: str, stream: str = "") -> None:
        """Something is as it must never be."""
        self.violations.append(Violation(invariant, what, stream))

    def refused(self, deed: Deed, refusal: Refusal) -> None:
        """A person was refused: normal, unless the refusal says that we failed."""
        if refusal.code in BROKEN:
            self.say(
                "no request fails", f"{deed.action} was answered {refusal.code} {refusal.facts}", deed.key
            )

    # ---- after each moment -----------------------------------------------------------------------------------------

    def look(self) -> None:
        """Everything that must hold at every moment."""
        for house in self.run.houses.values():
            for stream, row in self._grown(house):
                self._read(house, stream, row)
            self._custody(house)
            self._stuck(house)
        self.families.look(self._case)
        self._link()
        self._documents()
        self._envelopes()
        self._thefts()
        if self.run.network.wrongly_taken:
            self.say("nothing forged is taken", self.run.network.wrongly_taken[0])

    def _case(self, key: StreamKey) -> Any:
        followed = self._followed.get(("authority", key))
        return None if followed is None else followed.state

    def _grown(self, house: SimHouse) -> Sequence[tuple[StreamKey, Any]]:
        touched, house.disk.touched = house.disk.touched, {}
        return [(key, house.disk.rows[key]) for key in touched]

    def _read(self, house: SimHouse, key: StreamKey, row: Any) -> None:
        """Read a stream's new events: the chain, the fold, and what each of them may not be."""
        machine = house.house.shell.machines[row.kind]
        followed = self._followed.get((house.name, key))
        if followed is None:
            followed = self._followed[house.name, key] = Followed(0, GENESIS, machine.initial(key))
        version, head, state = followed.version, followed.head, followed.state
        decoder = self._decoders.get((house.name, row.kind))
        if decoder is None:
            decoder = self._decoders[house.name, row.kind] = msgspec.json.Decoder(machine.event)
        events = house.disk.journal[key]
        with watching(self._edge):
            for event in events[version:]:
                hashed = _hash(head, event)
                if hashed != event.hash or event.version != version + 1:
                    self.say("chains verify", f"{house.name}: event {event.version}", key.stream)
                    return
                version, head = event.version, hashed
                state = machine.fold(state, decoder.decode(event.body), event.at)
                self._judge(house, key, event)
        if (version, head) != (row.version, row.head):
            self.say("chains verify", f"{house.name}: the state does not end the chain", key.stream)
        if msgspec.json.encode(state) != row.state:
            self.say("state is the fold of the events", f"{house.name}", key.stream)
        waits = machine.waits(state, key)
        if any(line.due_at is None and line.owner is None for line in waits):
            self.say("who waits has a clock or an owner", f"{house.name}", key.stream)
        kept = house.disk.lines.get(key, set())
        if {line.queue for line in waits} != kept:
            self.say("worklists say what the state says", f"{house.name}: {sorted(kept)}", key.stream)
        followed.version, followed.head, followed.state = version, head, state
        if row.kind == "case":
            self._one_valid(key, state)

    def _edge(self, step: str, state: str, event: str) -> None:
        self.edges[f"{step}.{state}.{event}"] += 1

    def _one_valid(self, key: StreamKey, case: Any) -> None:
        valid = [document for document in case.papers.made if document.valid]
        if len(valid) > 1:
            self.say("never two valid documents for one case", f"{len(valid)} are valid", key.stream)

    def _judge(self, house: SimHouse, key: StreamKey, event: EventRow) -> None:
        """What an event may not be, given all that was read before it."""
        judge = _JUDGES.get((house.name, event.kind))
        if judge is not None:
            self._at = event.at
            judge(self, key, msgspec.json.decode(event.body))
        of_families = FAMILY_JUDGES.get((house.name, event.kind))
        if of_families is not None:
            of_families(self.families, key, msgspec.json.decode(event.body), event.at)

    def _settled(self, key: StreamKey, body: Any) -> None:
        self._paid.add(key.stream)

    def _handed_in(self, key: StreamKey, body: Any) -> None:
        self.run.handed_in_by_mistake(key.stream, body["make"])

    def _started(self, key: StreamKey, body: Any) -> None:
        if key.stream not in self._paid:
            self.say("nothing is made unpaid", f"blank {body['blank']}", key.stream)

    def _drawn(self, key: StreamKey, body: Any) -> None:
        blank = (key.city, key.stream, body["blank"])
        if self._blanks.setdefault(blank, body["case"]) != body["case"] or blank in self._drawn_already:
            self.say("a blank is used once", f"blank {body['blank']}", body["case"])
        self._drawn_already.add(blank)

    def _sealed(self, key: StreamKey, body: Any) -> None:
        if body["order"] in self._recalled["authority"] and body["method"] not in WITHOUT_CLAIM:
            self.say("no proof after an accepted recall", body["order"], key.stream)
        self._proofs.setdefault(body["order"], set()).add(body["evidence"])
        if not self._answers_right(body["order"], body):
            self.say("a proof rests on the recipient's word", body["order"], key.stream)

    def _answers_right(self, order: str, body: Any) -> bool:
        """Whether what was sealed rests on the right code, or on the recipient's own word of the last minutes."""
        events = (
            self.run.authority.disk.journal[StreamKey(*self.run.orders[order])]
            if order in self.run.orders
            else []
        )
        match ProofMethod(body["method"]):
            case ProofMethod.RECIPIENT_CODE:
                codes = [self.run.door_code(order).encode()]
                named = _somebody_named(events, body["evidence"])
                if named:
                    codes.append(self.run.agents_code_by_number(order, named).encode())
                received = self.run.authority.disk.received.values()
                return any(
                    row.kind == Kind.DELIVERY_CLAIMED
                    and row.subject == order
                    and any(code in row.body for code in codes)
                    for row in received
                )
            case ProofMethod.RECIPIENT_SESSION:
                said = [one.at for one in events if one.kind == "tracking.confirmed_at_door"]
                return bool(said) and parse(body["at"]) - said[-1] <= WORD_LASTS
            case _:
                return True

    def _review_late(self, key: StreamKey, body: Any) -> None:
        self._reviewed_late.add(key.stream)

    def _missed(self, key: StreamKey, body: Any) -> None:
        if key.stream in self._promised_back:
            self.say(
                "a missed promise is made good", f"promised again because of {body['promise']}", key.stream
            )
        self._promised_back.add(key.stream)

    def _amended(self, key: StreamKey, body: Any) -> None:
        """Once in a case, and never of what may yet go back whole."""
        if self._amends[key.stream] or key.stream not in self._paid:
            self.say("a missed promise is made good", f"{body['amount_fen']} fen more, or unpaid", key.stream)
        self._amends[key.stream] += body["amount_fen"]

    def _asked_to_pay(self, key: StreamKey, body: Any) -> None:
        self._prepaid[key.stream] = body["postage_fen"]
        self._due[key.stream] = body["fee_fen"] + body["postage_fen"]

    def _ordered(self, key: StreamKey, body: Any) -> None:
        """What was prepaid is what the post is told of the first sending it gets; every other is paid at the door, or free."""
        prepaid_fen = self._prepaid.get(key.stream, 0)
        waits = prepaid_fen and key.stream not in self._posted
        said = (body["postage_mode"], body["postage_fen"])
        if said[0] == "prepaid":
            self._prepaid_orders.add(body["order"])
        if said[0] == "prepaid" if not waits else said not in (("prepaid", prepaid_fen), ("free", 0)):
            what = f"{prepaid_fen} fen were prepaid, and the order says {said}"
            self.say("the order says what was prepaid", what, key.stream)

    def _handed_over(self, key: StreamKey, body: Any) -> None:
        self._posted.add(key.stream)

    def _collected(self, key: StreamKey, body: Any) -> None:
        if key.stream in self._prepaid_orders:
            what = f"{body['amount_fen']} fen at the door"
            self.say("nothing is collected of what was prepaid", what, key.stream)

    def _postage_owed(self, key: StreamKey, body: Any) -> None:
        """Once in a case, no more than was prepaid, and only if no envelope ever went out."""
        self._postage_back[key.stream] += body["amount_fen"]
        too_much = self._postage_back[key.stream] > self._prepaid.get(key.stream, 0)
        if too_much or key.stream in self._posted or key.stream not in self._paid:
            what = f"{body['amount_fen']} fen of {self._prepaid.get(key.stream)}"
            self.say("unused postage goes back", what, key.stream)

    def _postage_at_the_end(self, cases: Mapping[str, Any]) -> None:
        """Whoever prepaid, and whose case is over without an envelope having gone out, has that back."""
        for stream, case in cases.items():
            over = str(case.application.state) in ("completed", "not_delivered")
            unused = self._prepaid.get(stream, 0) if over and stream not in self._posted else 0
            if str(case.payment.state) == "paid" and self._postage_back[stream] != unused:
                what = f"{unused} fen were for nothing, {self._postage_back[stream]} went back"
                self.say("unused postage goes back", what, stream)

    def _wished(self, key: StreamKey, body: Any) -> None:
        day = body.get("day")
        self._wishes[key.stream].append((self._at, date.fromisoformat(day) if day else None))

    def _taken_out(self, key: StreamKey, body: Any) -> None:
        """The last wish is obeyed by everything that is done after it was heard."""
        if not self._wishes[key.stream]:
            return
        heard, day = self._wishes[key.stream][-1]
        then = parse(body["occurred_at"])
        if then >= heard and (day is None or local_day(then) < day):
            self.say("what a recipient wishes is obeyed", f"taken out {then}, wished was {day}", key.stream)

    def _failed(self, key: StreamKey, body: Any) -> None:
        """No visit is excused but by a wish of its own that stands in the recipient's case."""
        if not body.get("by_wish"):
            return
        self._excused[key.stream] += 1
        said = [
            event
            for event in self.run.authority.disk.journal[StreamKey(*self.run.orders[key.stream])]
            if event.kind.startswith("wish.") and key.stream in event.body.decode()
        ]
        if self._excused[key.stream] > len(said):
            self.say("a visit is excused by a wish", f"{self._excused[key.stream]} of them", key.stream)

    def _guessed(self, key: StreamKey, body: Any) -> None:
        if body["counted"]:
            self._wrong[body["order"]] += 1
            if self._wrong[body["order"]] > CODE_ATTEMPTS_MAX:
                self.say("codes can't be guessed", f"{self._wrong[body['order']]} wrong ones", key.stream)

    def _proven(self, key: StreamKey, body: Any) -> None:
        if body["evidence"] not in self._proofs.get(key.stream, ()):
            self.say("no delivery without a door proof", body["evidence"], key.stream)
        # What was out of the post's hands already (left with a neighbour, lost) no recall can stop; its recipient's own
        # word about it is no delivery by the post.
        searched = key.stream in self._searched
        if key.stream in self._recalled["post"] and not searched:
            self.say("no delivery after an accepted recall", "", key.stream)

    def _named_at_post(self, key: StreamKey, body: Any) -> None:
        self._named.add(key.stream)

    def _released_at_post(self, key: StreamKey, body: Any) -> None:
        self._named.discard(key.stream)

    def _claimed(self, key: StreamKey, body: Any) -> None:
        by_another = body["receiver"] == "agent"
        if by_another and (key.stream not in self._named or len(body["papers"]) < len(Paper)):
            self.say("nobody else is claimed for who may not have it", f"{body['papers']}", key.stream)

    def _search(self, key: StreamKey, body: Any) -> None:
        self._searched.add(key.stream)

    def _stopped(self, key: StreamKey, body: Any) -> None:
        self._recalled["post"].add(key.stream)

    def _called_back(self, key: StreamKey, body: Any) -> None:
        case = self._followed.get(("authority", key))
        if case is not None and case.state.tracking.order:
            self._recalled["authority"].add(case.state.tracking.order)

    def _custody(self, house: SimHouse) -> None:
        """The book of custody, kept a second time: each unit in exactly one account, each move from where it was."""
        book, moves = self._books[house.name], house.disk.moves
        for move in moves[self._moves_read[house.name] :]:
            unit = (move.city, move.unit)
            standing = book.get(unit)
            fits = {
                "opened": standing is None,
                "offered": standing == (move.giver, None),
                "accepted": standing == (move.giver, move.taker),
                "refused": standing == (move.giver, move.taker),
                "moved": standing == (move.giver, None),
            }[move.phase]
            if not fits:
                self.say("every unit is in one account", f"{house.name}: {move} but {standing}", move.stream)
            gives = move.phase in ("offered", "refused")
            book[unit] = (
                move.giver if gives else move.taker,
                move.taker if move.phase == "offered" else None,
            )
        moved = {(move.city, move.unit) for move in moves[self._moves_read[house.name] :]}
        self._moves_read[house.name] = len(moves)
        if len(book) != len(house.disk.units):
            self.say(
                "every unit is in one account",
                f"{house.name}: {len(book)} units, {len(house.disk.units)} kept",
            )
        for unit in sorted(moved):
            row = house.disk.units.get(unit)
            if row is None or book.get(unit) != (row.account, row.pending):
                what = f"{house.name}: {row} but {book.get(unit)}"
                self.say("every unit is in one account", what, unit[1])

    def _stuck(self, house: SimHouse) -> None:
        """No clock may ring in vain."""
        for row in house.house.jobs.stuck():
            self.say("every clock does something", f"{house.name}: {row.queue}", row.stream)

    def _link(self) -> None:
        """Every message takes effect once, in order, as it was said, and none is passed over."""
        for house in self.run.houses.values():
            sender = self.run.houses[house.peer]
            for (peer, city), position in house.disk.positions.items():
                said = sender.disk.sent.get((house.name, city), [])
                first = self._received.get((house.name, city), 0)
                if position.position < first or position.position > len(said):
                    self.say("no message is lost", f"{house.name} {city}: position {position.position}")
                    continue
                for number in range(first + 1, position.position + 1):
                    row = house.disk.received.get((peer, city, number))
                    if row is None or row.hash != said[number - 1].hash:
                        self.say("messages arrive as they were said", f"{house.name} {city}: {number}")
                self._received[house.name, city] = position.position

    def _documents(self) -> None:
        """Every document is physically where the books allow it to be, or somebody knows that it is not."""
        now, world, tainted = self.run.clock.now(), self.run.world, self.run.tainted
        busy = {deed.item.get("case") for deed in self.run.unanswered} | {
            self.run.orders.get(str(deed.item.get("item", "")), (0, ""))[1] for deed in self.run.unanswered
        }
        for make, document in world.documents.items():
            place = document.place
            if place.kind == "envelope":
                place = world.envelopes[place.which].place
            if document.agreed is not None and document.agreed.still(place):
                continue
            if make.case in busy or make.case in tainted:
                continue
            followed = self._followed.get(("authority", StreamKey(make.city, make.case)))
            book = followed.state.papers.find(make.make) if followed is not None else None
            if book is None or followed is None:
                continue
            if document.gone_since is not None and place.kind in GONE:
                self._noticed(make, book, followed.state, now - document.gone_since)
            elif place.kind not in _allowed(book):
                what = f"document {make.make} is {place}, the book has {book.account}"
                self.say("documents are where the books say", what, make.case)
            else:
                document.agreed = Agreed(place, followed, followed.version)

    def _envelopes(self) -> None:
        """The post's book has each envelope in the hands that really hold it."""
        busy = {str(deed.item.get("item", "")) for deed in self.run.unanswered}
        busy |= {order for deed in self.run.unanswered for order in deed.hint.get("orders", ())}
        for order, envelope in self.run.world.envelopes.items():
            place = envelope.place
            if envelope.agreed is not None and envelope.agreed.still(place):
                continue
            if order in self.run.tainted or order in busy or place.kind in GONE:
                continue
            followed = self._followed.get(("post", StreamKey(envelope.label_of.city, order)))
            if followed is None:
                continue
            kind = followed.state.custody.account.partition(":")[0]
            if kind in HANDS and place.kind not in HANDS[kind]:
                what = f"the post's book has {followed.state.custody.account}, it is {' '.join(place)}"
                self.say("envelopes are in the hands of the book", what, order)
            else:
                envelope.agreed = Agreed(place, followed, followed.version)

    def _noticed(self, make: Make, book: Any, case: Any, since: timedelta) -> None:
        """What is out of honest hands: somebody knows, or has still time to find out."""
        if make in self.noticed:
            return
        item = self._followed.get(("post", StreamKey(make.city, book.order)))
        known = not book.valid or str(book.account) == "incident" or str(case.tracking.state) in SUSPECT
        if known or (item is not None and _is_suspect(item.state)):
            self.noticed[make] = since
        elif since > NOTICED_WITHIN:
            why = self.run.world.documents[make].why
            self.say("what is gone is noticed", f"document {make.make} gone {since} ago ({why})", make.case)

    def _thefts(self) -> None:
        """When somebody honest could first have known of each theft: a dispute, an incident, an overdue clock, a denial."""
        now = self.run.clock.now()
        for theft in self.run.street.thefts.values():
            if theft.found_at is None and self._known(theft.order):
                theft.found_at = now

    def _known(self, order: str) -> bool:
        city, case = self.run.orders.get(order, (0, ""))
        item, books = (
            self._followed.get(("post", StreamKey(city, order))),
            self._followed.get(("authority", StreamKey(city, case))),
        )
        if item is not None and _is_suspect(item.state):
            return True
        if books is None:
            return False
        document = next((one for one in books.state.papers.made if one.order == order), None)
        gone = document is None or not document.valid or str(document.account) == "incident"
        return gone or str(books.state.tracking.state) in SUSPECT

    # ---- at the end ------------------------------------------------------------------------------------------------

    def look_at_the_end(self) -> None:
        """What must hold once all is quiet."""
        if FEW_PEOPLE < self.run.plan.people > len(self.run.applicants) * 2:
            served = f"{len(self.run.applicants)} of {self.run.plan.people} people"
            self.say("liveness", f"only {served} could apply at all")
        self.families.at_the_end(self._case)
        self._all_heard()
        self._books_agree()
        self._refunds()
        self._persons()
        self._documents_at_the_end()
        self._register()
        self._forgotten()
        self._nobody_comes()
        self._nobody_looks_in_vain()
        for house in self.run.houses.values():
            for place, row in house.disk.parked.items():
                if place not in house.disk.resolved:
                    self.say("no message is parked", f"{house.name}: {row.kind} {row.reason}", row.subject)

    def _nobody_comes(self) -> None:
        """Whoever's item has found its end is not shown a courier any more."""
        for (house, key), followed in self._followed.items():
            if house == "authority" and key.stream.startswith("ca_") and followed.state.tracking.courier:
                self.say("a courier is shown while on the way", followed.state.tracking.courier, key.stream)

    def _comer_named(self, key: StreamKey, body: Any) -> None:
        self._nears[key.stream] = 0

    def _found_out(self, key: StreamKey, body: Any) -> None:
        if key.stream in self.run.orders:
            self._answers[self.run.orders[key.stream]] += 1

    def _answer_used(self, key: StreamKey, body: Any) -> None:
        self._answers[key.city, key.stream] -= 1

    def _nobody_looks_in_vain(self) -> None:
        """Whatever the post found out was of use, or it heard, maybe too late, that nobody asks any more."""
        ended = Counter(
            self.run.orders[row.subject]
            for row in self.run.post.disk.received.values()
            if row.kind == Kind.INQUIRY_ENDED and row.subject in self.run.orders
        )
        for case, answers in self._answers.items():
            if answers > ended[case]:
                what = f"{answers} answers were of no use, and {ended[case]} questions were taken back"
                self.say("nobody looks in vain", what, case[1])

    def _near(self, key: StreamKey, body: Any) -> None:
        self._nears[key.stream] += 1
        if self._nears[key.stream] > NEARS_TOLD_MAX:
            self.say("near is said a few times", f"{self._nears[key.stream]} times", key.stream)

    def _all_heard(self) -> None:
        for house in self.run.houses.values():
            for (peer, city), head in house.disk.heads.items():
                position = self.run.houses[peer].disk.positions.get((house.name, city))
                if position is None or position.position != head.number:
                    self.say("no message is lost", f"{peer} has not heard {house.name} {city} to its end")

    def _books_agree(self) -> None:
        """Item by item, in the treaty's accounts: what the daily statements compare, all days at once."""
        here, there = self._books["authority"], self._books["post"]
        ours = {unit: envelopes.treaty_account(s[0]) for unit, s in here.items() if unit[1].startswith("or_")}
        theirs = {unit: treaty_account(s[0]) for unit, s in there.items()}
        for unit in sorted(ours.keys() | theirs.keys()):
            if ours.get(unit) != theirs.get(unit) and unit[1] not in self.run.handed_in:
                what = f"authority {ours.get(unit)}, post {theirs.get(unit)}"
                self.say("both books agree after quiet", what, unit[1])

    def _refunds(self) -> None:
        """Refunds are what is owed: all money that came was heard of, and all but what a case still costs went back, once."""
        given: Counter[str] = Counter()
        for refund in self.run.payments.refunds.values():
            given[refund.payment_id] += refund.amount_fen
        booked = self.run.payments.booked
        for payment in given.keys() - booked.keys():
            self.say(
                "refunds are what is owed", f"{payment} never came, or was too little, and was given back"
            )
        cases = {key.stream: one.state for (_, key), one in self._followed.items() if key.stream[:3] == "ca_"}
        for one in booked.values():
            step = cases[one.order_ref].payment
            kept = str(step.state) == "paid" and step.references[0] == one.id
            if one.id not in step.references:
                self.say("refunds are what is owed", f"{one.id} came, and nobody heard of it", one.order_ref)
            elif given[one.id] != (self._parts_back(one.order_ref) if kept else one.amount_fen):
                what = f"{one.id}: {one.amount_fen} fen came, {given[one.id]} went back"
                self.say("refunds are what is owed", what, one.order_ref)
        self._postage_at_the_end(cases)
        self._asked_at_the_service()
        for stream in self._reviewed_late:
            case = cases[stream]
            made = str(case.payment.state) == "paid" and case.production.make
            if made and case.application.mode == "post" and not self._amends[stream]:
                self.say(
                    "a missed promise is made good", "the review was late, and nothing went back", stream
                )
        for stream, case in cases.items():
            if case.payment.owed:
                self.say("refunds are what is owed", f"still owed: {case.payment.owed}", stream)

    def _asked_at_the_service(self) -> None:
        """The payment service asked for fee and postage; where it tells of a payment that was short, for what was short."""
        for one in self.run.payments.payments.values():
            due_fen = self._due[one.order_ref]
            if one.amount_fen not in (due_fen, due_fen - SHORT_FEN):
                what = f"{one.amount_fen} fen, where {due_fen} are due"
                self.say("the service asks for fee and postage", what, one.order_ref)

    def _parts_back(self, stream: str) -> int:
        """What goes back of a payment that stands."""
        return self._amends[stream] + self._postage_back[stream]

    def _register(self) -> None:
        """The register knows exactly the documents that are valid; and a fee that was paid for nothing was given back."""
        known = set(self.run.register.valid.values())
        stopped = {self.run.register.valid[number] for number in self.run.register.suspended}
        for (house, key), followed in self._followed.items():
            if house != "authority" or not key.stream.startswith("ca_"):
                continue
            case = followed.state
            valid = {f"{key.stream}/issue/{one.make}" for one in case.papers.made if one.valid}
            listed = {one for one in known if one.startswith(f"{key.stream}/")}
            if valid != listed:
                self.say("the register knows what is valid", f"valid {valid}, listed {listed}", key.stream)
            frozen = {f"{key.stream}/issue/{one.make}" for one in case.papers.made if one.frozen}
            suspended = {entry for entry in stopped if entry.startswith(f"{key.stream}/")}
            if frozen != suspended:
                self.say("what is frozen opens no border", f"frozen {frozen}, not {suspended}", key.stream)
            ended = str(case.application.state) in ("withdrawn", "deemed_withdrawn")
            if ended and str(case.payment.state) == "paid" and not case.production.make:
                self.say("refunds are what is owed", "paid, withdrawn, and nothing given back", key.stream)

    def _persons(self) -> None:
        """Nobody's name, number, telephone or address stands anywhere but in the vault and in sealed parts."""
        for house in self.run.houses.values():
            disk = house.disk
            text = b"\n".join(
                [
                    *(event.body for events in disk.journal.values() for event in events),
                    *(row.state for row in disk.rows.values()),
                    *(row.body.encode() for rows in disk.sent.values() for row in rows),
                    *(row.facts for row in disk.notices),
                    *(name.encode() for name in disk.claims),
                    *(row.answer for row in disk.answers.values()),
                ]
            )
            said = set(_NUMBERS.findall(text)).union(*map(_CHINESE.findall, set(_FOREIGN.findall(text))))
            for applicant in self.run.applicants.values():
                if {applicant["name"].encode(), applicant["id_number"].encode(), AGENT.encode()} & said:
                    self.say("no person outside the vault", f"{house.name} holds a name or number")
                    return

    def _forgotten(self) -> None:
        """All is over, so the post keeps nobody who might have received something in another's place."""
        for (_, stream, name), sealed in self.run.post.disk.vault.items():
            if name == RECEIVER_RECORD and len(sealed) > EMPTY_BYTES:
                self.say("whoever else might receive it is forgotten", "still in the post's vault", stream)

    def _documents_at_the_end(self) -> None:
        for make in self.run.world.documents:
            place = self.run.world.where(make)
            followed = self._followed.get(("authority", StreamKey(make.city, make.case)))
            if followed is None or make.case in self.run.tainted:
                continue
            book = followed.state.papers.find(make.make)
            if book is None:
                if place.kind != "destroyed":
                    self.say(
                        "documents are where the books say",
                        f"{make.make} is {place}, destroyed in the book",
                        make.case,
                    )
                continue
            allowed = AT_THE_END.get(str(book.account), frozenset())
            if place.kind not in allowed:
                what = f"in the end document {make.make} is {place}, the book has {book.account}"
                self.say("documents are where the books say", what, make.case)
            if not book.valid and str(book.account) == "recipient":
                self.say("no invalid document is with its holder", f"document {make.make}", make.case)
        self._ends()

    def _ends(self) -> None:
        """A completed case has its one valid document in hand."""
        for (house, key), followed in self._followed.items():
            if house != "authority" or not key.stream.startswith("ca_"):
                continue
            case = followed.state
            valid = [d for d in case.papers.made if d.valid and str(d.account) == "recipient"]
            if str(case.application.state) == "completed" and len(valid) != 1:
                self.say("a completed case has its document", f"{len(valid)} in hand", key.stream)


def _allowed(book: Any) -> frozenset[str]:
    """Where a document may be: with whoever has it in the book, or with whom it is offered to; or on its way to its end."""
    accounts = {str(book.account), str(book.pending or book.account)}
    return frozenset({"destroyed"}).union(*(ACCOUNTS.get(account, frozenset()) for account in accounts))


_JUDGES: Final[Mapping[tuple[str, str], Callable[[Checker, StreamKey, Any], None]]] = {
    ("authority", "payment.settled"): Checker._settled,  # noqa: SLF001 - the checker's own table
    ("authority", "payment.opened"): Checker._asked_to_pay,  # noqa: SLF001
    ("authority", "payment.postage_owed"): Checker._postage_owed,  # noqa: SLF001
    ("authority", "handover.order_placed"): Checker._ordered,  # noqa: SLF001
    ("authority", "handover.accepted"): Checker._handed_over,  # noqa: SLF001
    ("post", "settlement.postage_collected"): Checker._collected,  # noqa: SLF001
    ("authority", "examination.ran_late"): Checker._review_late,  # noqa: SLF001
    ("authority", "payment.promise_missed"): Checker._missed,  # noqa: SLF001
    ("authority", "payment.amends_owed"): Checker._amended,  # noqa: SLF001
    ("authority", "document.old_handed_in"): Checker._handed_in,  # noqa: SLF001
    ("authority", "production.started"): Checker._started,  # noqa: SLF001
    ("authority", "stock.drawn"): Checker._drawn,  # noqa: SLF001
    ("authority", "tracking.proof_sealed"): Checker._sealed,  # noqa: SLF001
    ("authority", "tracking.courier_named"): Checker._comer_named,  # noqa: SLF001
    ("authority", "tracking.courier_near"): Checker._near,  # noqa: SLF001
    ("authority", "tracking.inquiry_answered"): Checker._answer_used,  # noqa: SLF001
    ("authority", "tracking.claim_refused"): Checker._guessed,  # noqa: SLF001
    ("authority", "returns.recall_accepted"): Checker._called_back,  # noqa: SLF001
    ("post", "delivery.wish_recorded"): Checker._wished,  # noqa: SLF001
    ("post", "delivery.taken_out"): Checker._taken_out,  # noqa: SLF001
    ("post", "delivery.attempt_failed"): Checker._failed,  # noqa: SLF001
    ("post", "delivery.proof_recorded"): Checker._proven,  # noqa: SLF001
    ("post", "delivery.claimed"): Checker._claimed,  # noqa: SLF001
    ("post", "inquiry.answered"): Checker._found_out,  # noqa: SLF001
    ("post", "receiver.named"): Checker._named_at_post,  # noqa: SLF001
    ("post", "receiver.released"): Checker._released_at_post,  # noqa: SLF001
    ("post", "receiver.forgotten"): Checker._released_at_post,  # noqa: SLF001
    ("post", "undeliverable.incident_opened"): Checker._search,  # noqa: SLF001
    ("post", "undeliverable.recall_accepted"): Checker._stopped,  # noqa: SLF001
}


SUSPECT: Final = frozenset({"denied", "disputed", "incident", "lost", "reported"})


def _is_suspect(item: Any) -> bool:
    """Whether somebody at the post has cause to look for it."""
    steps = (item.delivery, item.transport, item.undeliverable)
    return str(item.undeliverable.state) in ("incident", "lost") or any(step.escalated for step in steps)


def _somebody_named(events: Sequence[EventRow], evidence: str) -> int:
    """Who else might receive it at the moment of a proof: the number under which they are named; 0: nobody."""
    named = 0
    for event in events:
        match event.kind:
            case "agent.named":
                named = msgspec.json.decode(event.body)["number"]
            case "agent.released":
                named = 0
            case "tracking.proof_sealed" if msgspec.json.decode(event.body)["evidence"] == evidence:
                return named
            case _:
                pass
    return 0


def _hash(previous: bytes, event: EventRow) -> bytes:
    return event_hash(
        previous=previous,
        city=event.city,
        stream=event.stream,
        version=event.version,
        kind=event.kind,
        at=event.at,
        actor=event.actor,
        body=event.body,
    )
