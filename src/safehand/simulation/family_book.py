"""What must hold of families, of another address and of another telephone: the checker's own book of them.

It knows what people really asked for (`asked`), reads both journals, and says what must never be: an envelope that goes to
another door than the one that holds, a code that opens two things, somebody who receives and was never let to, a document that
waits for others longer than the city allows.
"""

from collections import defaultdict
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import msgspec

from safehand.authority.agent.person import AGENT_RECORDS
from safehand.authority.notices.sending import text_key
from safehand.authority.outward import PHONE_CODE
from safehand.kernel.machine import StreamKey
from safehand.kernel.shell import Done
from safehand.kernel.store import VaultKeyRow, VaultRow
from safehand.kernel.vault import NONCE_BYTES, unseal
from safehand.kernel.working_days import add_working_days, local_day
from safehand.link.messages import DeliveryPart
from safehand.postal.border.hearing import RECIPIENT_RECORD
from safehand.simulation.crowd import Deed
from safehand.simulation.services import codes_in

if TYPE_CHECKING:
    from safehand.authority.cities.city import City
    from safehand.simulation.run import Run

WAITS_LONGER: Final = timedelta(days=3)
"""Than its time, in a world without faults: clocks are looked at three times a day, and once on Sundays."""
EMPTY_BYTES: Final = NONCE_BYTES + 16
"""Of a sealed record in which nothing is: nonce and tag."""
parse: Final = datetime.fromisoformat


class Door(NamedTuple):
    """Where somebody lives."""

    address: str
    destination: int


class FamilyBook:
    """Of one run."""

    def __init__(
        self, *, run: "Run", cities: Mapping[int, "City"], say: Callable[[str, str, str], None]
    ) -> None:
        self._run, self._cities, self._say = run, cities, say
        self._doors: dict[str, frozenset[Door]] = {}
        """Case -> the door that holds; more than one where a link may have led to either."""
        self._phones: dict[str, frozenset[str]] = {}
        self._asked_doors: dict[str, set[Door]] = defaultdict(set)
        self._answered: dict[tuple[str, int], Door] = {}
        """Case and number of the change -> where it goes, if somebody heard the answer."""
        self._asked_phones: dict[tuple[str, int], set[str]] = defaultdict(set)
        self._moving: dict[str, tuple[datetime, frozenset[Door]]] = {}
        self._ringing: dict[str, frozenset[str]] = {}
        self._addressed: dict[str, tuple[StreamKey, frozenset[Door], frozenset[str]]] = {}
        """Order -> its case, and where it is to go."""
        self._groups: dict[str, dict[str, bool]] = {}
        """Group -> its members, and whether they receive for others."""
        self._ever: dict[str, set[str]] = defaultdict(set)
        self._receivers: dict[str, tuple[str, int]] = {}
        """Case -> the member who may receive it, as the agent of this number."""
        self._named_at: dict[str, datetime] = {}
        self._raced: set[str] = set()
        self._left: list[tuple[str, str]] = []
        self._went: dict[str, tuple[str, tuple[str, ...]]] = {}
        """Reference of a stop -> its group and its orders."""
        self._new_stops: list[str] = []
        self._waiting: dict[str, datetime] = {}
        self._calm_since: datetime | None = None

    # ---- what people do --------------------------------------------------------------------------------------------

    def asked(self, deed: Deed) -> None:
        """Somebody asks for another address, or another number."""
        item = deed.item
        if deed.action == "readdressing.ask":
            self._asked_doors[item["case"]].add(Door(item["address"], item["destination"]))
        elif deed.action == "telephone.ask":
            self._asked_phones[item["case"], item["change"]].add(item["phone"])

    def refused(self, deed: Deed) -> None:
        """And has not got it."""
        item = deed.item
        if deed.action == "readdressing.ask":
            self._asked_doors[item["case"]].discard(Door(item["address"], item["destination"]))

    def done(self, deed: Deed, done: Done) -> None:
        """It was heard, as this change of the case."""
        if deed.action == "readdressing.ask" and not done.repeated:
            door = Door(deed.item["address"], deed.item["destination"])
            self._answered[done.stream, done.state.readdressing.changes] = door

    def submitted(self, case: str, item: Mapping[str, Any]) -> None:
        """Where somebody lives who has applied."""
        self._doors[case] = frozenset({Door(item["address"], item["destination"])})
        self._phones[case] = frozenset({item["phone"]})

    # ---- another address, another telephone ------------------------------------------------------------------------

    def move_asked(self, key: StreamKey, body: Any, at: datetime) -> None:
        """It cools down, or the manager decides."""
        door = self._answered.get((key.stream, body["change"]))
        asked = self._asked_doors.get(key.stream, ()) if door is None else (door,)
        self._moving[key.stream] = (at, frozenset(asked))

    def moved(self, key: StreamKey, body: Any, at: datetime) -> None:
        """It holds by itself: not before its time."""
        since, _ = self._moving.get(key.stream, (at, frozenset()))
        city = self._cities[key.city].on(local_day(since))
        if at - since < timedelta(hours=city.clocks.address_change_hours):
            self._say("another address cools down", f"asked {since}, it held at {at}", key.stream)
        self.move_approved(key, body, at)

    def move_approved(self, key: StreamKey, body: Any, at: datetime) -> None:
        """It holds."""
        if key.stream not in self._moving:
            self._say("an address is somebody's own word", "it holds, and nobody asked for it", key.stream)
        _, self._doors[key.stream] = self._moving.pop(key.stream, (at, frozenset[Door]()))

    def move_ended(self, key: StreamKey, body: Any, at: datetime) -> None:
        """Stopped, denied, or nothing is brought any more: the old one stays."""
        self._moving.pop(key.stream, None)

    def phone_asked(self, key: StreamKey, body: Any, at: datetime) -> None:
        """A code goes to it."""
        self._ringing[key.stream] = frozenset(self._asked_phones.get((key.stream, body["change"]), ()))

    def phone_changed(self, key: StreamKey, body: Any, at: datetime) -> None:
        """It holds."""
        self._phones[key.stream] = self._ringing.pop(key.stream, frozenset())

    def phone_ended(self, key: StreamKey, body: Any, at: datetime) -> None:
        """The old one stays."""
        self._ringing.pop(key.stream, None)

    def order_placed(self, key: StreamKey, body: Any, at: datetime) -> None:
        """From now on it goes there."""
        doors, phones = self._doors.get(key.stream), self._phones.get(key.stream)
        if key.stream in self._moving:
            self._say("an order waits for the address", "ordered while another one may yet hold", key.stream)
        if doors is not None and phones is not None:
            self._addressed[body["order"]] = (key, doors, phones)

    def order_received(self, key: StreamKey, body: Any, at: datetime) -> None:
        """What the post was told of the door, opened as its couriers' labels are printed."""
        known = self._addressed.get(key.stream)
        if known is None:
            return
        case, doors, phones = known
        part = self._part_of(key)
        there = Door(part.address, body["order"]["destination"])
        if there not in doors or part.region != there.destination or part.phone not in phones:
            self._say("it goes to the address that holds", f"{key.stream} goes elsewhere", case.stream)

    def _part_of(self, key: StreamKey) -> DeliveryPart:
        post = self._run.post
        wrapped = VaultKeyRow(key.city, key.stream, post.disk.vault_keys[key.city, key.stream])
        sealed = post.disk.vault[key.city, key.stream, RECIPIENT_RECORD]
        row = VaultRow(key.city, key.stream, RECIPIENT_RECORD, sealed)
        plain = unseal(key=post.house.vault.unwrap(wrapped), row=row)
        return msgspec.json.decode(plain, type=DeliveryPart)

    # ---- families --------------------------------------------------------------------------------------------------

    def joined(self, key: StreamKey, body: Any, at: datetime) -> None:
        """By the link of somebody at another door it goes to the door of one of them."""
        if key.stream in self._moving and body["invitation"]:
            theirs = [self._doors.get(case, frozenset()) for case in self._ever[body["group"]] - {key.stream}]
            asked_at, own = self._moving[key.stream]
            self._moving[key.stream] = (asked_at, own.union(*theirs))

    def begun(self, key: StreamKey, body: Any, at: datetime) -> None:
        """The first member, or another one."""
        self._groups.setdefault(key.stream, {})[body["case"]] = False
        self._ever[key.stream].add(body["case"])

    def removed(self, key: StreamKey, body: Any, at: datetime) -> None:
        """Receives nothing from now on."""
        self._groups[key.stream].pop(body["case"], None)
        self._left.append((key.stream, body["case"]))

    def offered(self, key: StreamKey, body: Any, at: datetime) -> None:
        """Would receive for the others, or no longer."""
        self._groups[key.stream][body["case"]] = body["receives"]

    def receiver_recorded(self, key: StreamKey, body: Any, at: datetime) -> None:
        """By the word of both."""
        members, receiver = self._groups.get(key.stream, {}), body["receiver"]
        if not members.get(receiver) or receiver == body["case"] or body["case"] not in members:
            self._say("who receives has offered it", f"{receiver} never has", body["case"])

    def receiver_named(self, key: StreamKey, body: Any, at: datetime) -> None:
        """As the agent of this number."""
        self._receivers[key.stream] = (body["receiver"], body["number"])
        self._named_at[key.stream] = at

    def forgotten(self, key: StreamKey, body: Any, at: datetime) -> None:
        """In the instant of the naming: found and not mended (docs/how-to/simulate.md)."""
        if self._named_at.get(key.stream) == at:
            self._raced.add(key.stream)

    def went_together(self, key: StreamKey, body: Any, at: datetime) -> None:
        """The post is told of more than one."""
        self._went[body["reference"]] = (key.stream, tuple(body["orders"]))
        self._new_stops.append(body["reference"])

    def stop_named(self, key: StreamKey, body: Any, at: datetime) -> None:
        """Just these orders."""
        _, orders = self._went.get(key.stream, ("", ()))
        if set(orders) != set(body["orders"]) or len(orders) < 2:
            self._say(
                "a stop is the orders of one family", f"{body['orders']}, they are {orders}", key.stream
            )

    def wait_begun(self, key: StreamKey, body: Any, at: datetime) -> None:
        """As long as the city allows."""
        days = self._cities[key.city].on(local_day(at)).clocks.group_wait_working_days
        due = add_working_days(at, days)
        if parse(body["due_at"]) != due:
            self._say("nobody waits longer for a family", f"{body['due_at']}, allowed is {due}", key.stream)
        self._waiting[key.stream] = due

    def wait_ended(self, key: StreamKey, body: Any, at: datetime) -> None:
        """It goes."""
        self._waiting.pop(key.stream, None)

    def left(self, key: StreamKey, body: Any, at: datetime) -> None:
        """It goes alone. Whoever was named stays so: by nobody's word but the own."""
        self.wait_ended(key, body, at)
        self._receivers.pop(key.stream, None)

    # ---- after each moment, and at the end ---------------------------------------------------------------------------

    def look(self, state_of: Callable[[StreamKey], Any]) -> None:
        """What several streams say together. `state_of`: a case as the checker has it."""
        for group, left in self._left:
            for case, (receiver, number) in list(self._receivers.items()):
                if receiver == left and left not in self._groups[group]:
                    self._still_named(case, number, state_of)
                    del self._receivers[case]
        for reference in self._new_stops:
            group, orders = self._went[reference]
            cases = {self._addressed[order][0].stream for order in orders if order in self._addressed}
            if not cases <= self._ever[group]:
                self._say("a stop is the orders of one family", f"{cases - self._ever[group]}", group)
        self._left, self._new_stops = [], []
        self._waits_too_long()

    def _still_named(self, case: str, number: int, state_of: Callable[[StreamKey], Any]) -> None:
        """Whoever left is nobody's agent; somebody else may have been named since."""
        city = self._run.city_of.get(case, 0)
        state = state_of(StreamKey(city, case))
        if state is not None and str(state.agent.state) == "named" and state.agent.number == number:
            self._say("who left receives nothing", "is named still", case)

    def _waits_too_long(self) -> None:
        """While all is well no document waits for a family beyond its time."""
        if not self._run.calm or not self._waiting:
            return
        now = self._run.clock.now()
        self._calm_since = self._calm_since or now
        for case, due in self._waiting.items():
            if max(due, self._calm_since) + WAITS_LONGER < now:
                self._say("nobody waits longer for a family", f"since {due}", case)

    def at_the_end(self, state_of: Callable[[StreamKey], Any]) -> None:
        """Nobody waits; a code that went to one telephone proves no other; who is named no more is kept nowhere."""
        for (city, stream, name), sealed in self._run.authority.disk.vault.items():
            if name in AGENT_RECORDS and len(sealed) > EMPTY_BYTES:
                case = state_of(StreamKey(city, stream))
                if str(case.agent.state) == "none" and stream not in self._raced:
                    self._say("who is named no more is forgotten", f"still in the vault: {name}", stream)
        for case in self._waiting:
            self._say("nobody waits longer for a family", "waits in the end", case)
        sent, seen = self._run.texts.sent, defaultdict[tuple[str, str], set[str]](set)
        for number, notice in enumerate(self._run.authority.disk.notices, 1):
            text = sent.get(text_key(number, 0)) if notice.template == PHONE_CODE else None
            for code in codes_in(text.text) if text is not None else ():
                assert text is not None
                seen[notice.subject, code].add(notice.facts.decode())
        for (case, _), changes in seen.items():
            if len(changes) > 1:
                self._say("a code proves one telephone", "one code for two of them", case)


JUDGES: Final[Mapping[tuple[str, str], Callable[[FamilyBook, StreamKey, Any, datetime], None]]] = {
    ("authority", "readdressing.asked"): FamilyBook.move_asked,
    ("authority", "readdressing.put_to_manager"): FamilyBook.move_asked,
    ("authority", "readdressing.changed"): FamilyBook.moved,
    ("authority", "readdressing.approved"): FamilyBook.move_approved,
    ("authority", "readdressing.stopped"): FamilyBook.move_ended,
    ("authority", "readdressing.denied"): FamilyBook.move_ended,
    ("authority", "readdressing.lapsed"): FamilyBook.move_ended,
    ("authority", "telephone.asked"): FamilyBook.phone_asked,
    ("authority", "telephone.changed"): FamilyBook.phone_changed,
    ("authority", "telephone.stopped"): FamilyBook.phone_ended,
    ("authority", "telephone.lapsed"): FamilyBook.phone_ended,
    ("authority", "handover.order_placed"): FamilyBook.order_placed,
    ("post", "acceptance.order_received"): FamilyBook.order_received,
    ("authority", "group.joined"): FamilyBook.joined,
    ("authority", "group.begun"): FamilyBook.begun,
    ("authority", "group.member_added"): FamilyBook.begun,
    ("authority", "group.member_removed"): FamilyBook.removed,
    ("authority", "group.member_offered"): FamilyBook.offered,
    ("authority", "group.receiver_recorded"): FamilyBook.receiver_recorded,
    ("authority", "group.receiver_named"): FamilyBook.receiver_named,
    ("authority", "group.receiver_forgotten"): FamilyBook.forgotten,
    ("authority", "group.went_together"): FamilyBook.went_together,
    ("post", "stop.named"): FamilyBook.stop_named,
    ("authority", "group.wait_begun"): FamilyBook.wait_begun,
    ("authority", "group.wait_ended"): FamilyBook.wait_ended,
    ("authority", "group.left"): FamilyBook.left,
}
