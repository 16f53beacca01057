"""Rare courses, played on purpose: what would take chance years to come by. Each is a few acts, one right after the other.

Whoever plays them is confused in what they want, and knows how to do it: the acts are right in form, and many at once,
before the houses hear from each other; or a course waits until they have heard, for a few days, while everybody else goes
on. What they reach is met as by any other way: through the front doors and the link.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple

from safehand.authority.readdressing.commands import CHANGES_MAX
from safehand.kernel.machine import StreamKey
from safehand.link.messages import Finding, ProofMethod, Reason
from safehand.postal.acceptance.events import ReprintReason
from safehand.postal.receiver.papers import Paper
from safehand.programme.launch.people import reference
from safehand.simulation.crowd import Deed

parse: Final = datetime.fromisoformat
LATE: Final = timedelta(hours=12)
SCANS: Final = 45
"""More than anybody's limit of scans."""
PRINTS: Final = 22
QUESTIONS: Final = 8
"""More than may be asked about one item."""
VISITS: Final = 5
"""More than anybody is visited."""
CLAIMS_PER_HOUR: Final = 64
"""More than a courier may ask in an hour."""
NEARS: Final = 4
"""More than a courier may say so in a round."""
ROUNDS: Final = 12
"""More corrections than may be asked for."""
WEARING_MAX: Final = 2
PLAYED_MAX: Final = 6
"""So often a course is played in a run: what always fits leaves the time to what seldom does."""
SEPARATE_RANGES: Final = 52
OTHER_CITY: Final = 320500
"""Nobody of the run lives there."""
PAPERS: Final = [str(paper) for paper in Paper]
ABSENT, DAMAGED, LOST = int(Reason.ABSENT), int(Reason.DAMAGED), int(Reason.LOST)
CODE, SESSION, CARD = (
    int(ProofMethod.RECIPIENT_CODE),
    int(ProofMethod.RECIPIENT_SESSION),
    int(ProofMethod.COUNTER_IDENTITY),
)
LOOKS_MAX: Final = 24
"""So many moments a course waits: some days."""
WAITING_MAX: Final = 12
"""So many courses wait at one time."""
State = Mapping[str, Any]
Fits = Callable[[State, State, datetime], bool]
"""(A stream of the house as it stands, the case of an item, now) -> whether a course may begin there."""


def at(state: State, step: str, default: str = "") -> str:
    """Where a step of a stream stands."""
    return str(state.get(step, {}).get("state", default))


def _split(steps: Mapping[str, str]) -> Mapping[str, Sequence[str]]:
    return {step: states.split() for step, states in steps.items()}


def _stands(state: State, wanted: Mapping[str, Sequence[str]], default: str) -> bool:
    for step, states in wanted.items():  # noqa: SIM110  (asked of every stream at every moment: `all` takes three times as long)
        if at(state, step, default) not in states:
            return False
    return True


class Until(NamedTuple):
    """A course goes on once this holds, and not at all where it does not within some days."""

    holds: Callable[[], bool]
    looks: int = LOOKS_MAX


class Scene:
    """One stream in one house, and what is done to it."""

    def __init__(
        self,
        *,
        key: StreamKey,
        look: Callable[[str, StreamKey], State],
        act: Callable[[str, StreamKey, str, Mapping[str, Any]], Deed],
        chance: random.Random,
        code: Callable[[str], str],
        agents_code: Callable[[str], str],
    ) -> None:
        self.key, self.chance = key, chance
        self._look, self._act, self.code, self.agents_code = look, act, code, agents_code
        self.case = key
        """The case of an item."""
        self.others: Sequence[StreamKey] = ()
        """All streams of the same house."""

    def item(self) -> State:
        """The item, or whatever the post has by this name, as it stands now."""
        return self._look("post", self.key)

    def of_case(self) -> State:
        """The case as it stands now."""
        return self._look("authority", self.case)

    def post(self, action: str, **fields: Any) -> Deed:
        """Something done at the post."""
        return self._act("post", self.key, action, fields)

    def authority(self, action: str, **fields: Any) -> Deed:
        """Something done at the authority, with the case."""
        return self._act("authority", self.case, action, fields)

    def until_case(self, **steps: str) -> Until:
        """Until steps of the case stand there: `tracking="reported denied"`."""
        return Until(lambda: _stands(self.of_case(), _split(steps), "none"))

    def until_item(self, **steps: str) -> Until:
        """Until steps of the item stand there."""
        return Until(lambda: _stands(self.item(), _split(steps), "not_begun"))

    def until_contradicted(self) -> Until:
        """Until the authority knows that the post has what it took for delivered."""
        return Until(lambda: bool(self.of_case().get("tracking", {}).get("contradicted")))

    def any_of(self, *values: Any) -> Any:
        """One of them."""
        return self.chance.choice(values)

    def scan(self) -> str:
        """A new name of a scan."""
        return reference("sc", self.chance.randrange(2**60))

    def trail(self) -> list[str]:
        """The scans of the item that may still be voided, the last one first."""
        found = self.item().get("transport", {}).get("trail", [])
        return [one[0] for one in reversed(found) if one[0]]


class Course(NamedTuple):
    """In which house, with which kind of stream."""

    house: str
    kind: str
    fits: Fits
    acts: "Acts"
    most: int
    """So often in a run: what wears a thing out leaves nothing for the others."""
    enough: int
    """Where it fits so many streams at once."""


Acts = Callable[[Scene], Iterator[Deed | Until]]
_ALL: Final[list[Course]] = []


def _course(
    house: str, kind: str, fits: Fits, most: int = PLAYED_MAX, enough: int = 1
) -> Callable[[Acts], Acts]:
    def keep(acts: Acts) -> Acts:
        _ALL.append(Course(house, kind, fits, acts, most, enough))
        return acts

    return keep


def _item(**steps: str) -> Fits:
    """An item whose steps stand there: `delivery="held attempted"`."""
    wanted = _split(steps)
    return lambda state, case, now: _stands(state, wanted, "not_begun")


def _case(**steps: str) -> Fits:
    wanted = _split(steps)
    return lambda state, case, now: _stands(state, wanted, "none")


def _at_door(tracking: str = "", most: int = PLAYED_MAX, **steps: str) -> Callable[[Acts], Acts]:
    """With the courier, who is sent out with it where it still lies at the office. `steps`: of the item."""
    where = {"delivery": "at_office with_courier attempted", "undeliverable": "not_begun", **steps}

    def keep(acts: Acts) -> Acts:
        def with_courier(s: Scene) -> Iterator[Deed | Until]:
            if at(s.item(), "delivery") == "at_office":
                yield s.post("delivery.take_out", scan_id=s.scan())
            yield from acts(s)

        fits = _item_of_case(tracking, **where) if tracking else _item(**where)
        _ALL.append(Course("post", "or_", fits, with_courier, most, 1))
        return acts

    return keep


def _item_of_case(tracking: str, **steps: str) -> Fits:
    mine = _item(**steps)
    return lambda state, case, now: (
        mine(state, case, now) and at(case, "tracking", "none") in tracking.split()
    )


# ---- on the way ----------------------------------------------------------------------------------------------------

_UNDER_WAY: Final = _item(acceptance="accepted", delivery="not_begun at_office", undeliverable="not_begun")


@_course("post", "or_", _UNDER_WAY)
def scanned_and_voided(s: Scene) -> Iterator[Deed | Until]:
    """Scans in any order, late ones with them, and taken back again, some more than once."""
    for _ in range(s.any_of(4, 6, 9)):
        way = s.any_of(
            "depart", "arrive", "arrive_office", "void", "void", "void before", "late", "late", "clear"
        )
        trail = s.trail()
        if way.startswith("void"):
            place = 1 if way == "void before" and len(trail) > 1 else 0
            if trail:
                yield s.post("transport.void_scan", scan_id=trail[place])
        elif way == "clear":
            yield s.post("transport.clear_contradiction")
        elif way == "late":
            yield _scan(s, "transport.arrive", late=True)
        else:
            yield _scan(s, f"transport.{way}")
    if s.any_of(True, False, False):
        yield s.post("undeliverable.open_incident", reason=LOST)


def _scan(s: Scene, action: str, *, late: bool = False, **fields: Any) -> Deed:
    item = s.item()
    office = str(item.get("order", {}).get("delivery_office", "")) or f"{s.key.city}-A"
    place = office if action == "transport.arrive_office" else f"{s.key.city}-C"
    if late:
        fields["ago"] = LATE
    if action == "transport.depart":
        fields["leg"] = "LEG-9"
    return s.post(action, **{"scan_id": s.scan(), "place": place, **fields})


@_at_door()
def a_copied_label_is_scanned(s: Scene) -> Iterator[Deed | Until]:
    """A scan contradicts the courier's custody; the item is brought back, goes on, and the manager looks into it late."""
    yield _scan(s, "transport.depart")
    yield s.post("delivery.bring_back", scan_id=s.scan())
    for way in s.any_of("arrive", "depart", "arrive void", "depart void", "depart arrive void void").split():
        trail = s.trail()
        if way != "void":
            yield _scan(s, f"transport.{way}")
        elif trail:
            yield s.post("transport.void_scan", scan_id=trail[0])
    yield s.post("transport.clear_contradiction")


@_course("post", "or_", _UNDER_WAY)
def two_scans_under_one_key(s: Scene) -> Iterator[Deed | Until]:
    """A scanner that begins its numbers anew after a fall."""
    first, second = _scan(s, "transport.arrive"), _scan(s, "transport.arrive")
    second.key = first.key
    yield first
    yield second


@_course("post", "or_", _UNDER_WAY, most=WEARING_MAX)
def a_scanner_that_never_stops(s: Scene) -> Iterator[Deed | Until]:
    """More scans than an item can have."""
    for _ in range(SCANS):
        yield _scan(s, "transport.arrive")


# ---- at the door and at the counter ----------------------------------------------------------------------------------


def _claim(s: Scene, *, right: bool | None = None) -> Deed:
    right = s.any_of(True, False) if right is None else right
    return s.post("delivery.claim", method=CODE, code=s.code(s.key.stream) if right else "00000000")


@_at_door()
def in_vain_at_the_door(s: Scene) -> Iterator[Deed | Until]:
    """An attempt fails, and then something else happens at the same door."""
    yield _failed(s)
    match s.any_of("fail", "claim", "reject", "elsewhere", "back"):
        case "fail":
            yield _failed(s)
        case "claim":
            yield s.post("delivery.claim", method=CODE, code="")
            yield _claim(s)
        case "reject":
            yield s.post("delivery.reject_at_door", reason=s.any_of(DAMAGED, int(Reason.REFUSED)))
        case "elsewhere":
            yield s.post("delivery.report_nonconforming", carrier_code="20")
        case _:
            yield s.post("delivery.bring_back", scan_id=s.scan())


@_at_door()
def not_wanted_at_last(s: Scene) -> Iterator[Deed | Until]:
    """Nobody was there; then somebody is, and does not want it."""
    yield _failed(s)
    yield s.post("delivery.reject_at_door", reason=s.any_of(DAMAGED, int(Reason.REFUSED)))


@_at_door()
def tried_without_end(s: Scene) -> Iterator[Deed | Until]:
    """Brought to the same door until nobody may try once more, and then once more."""
    for _ in range(VISITS):
        yield _failed(s)
        yield s.post("delivery.bring_back", scan_id=s.scan())
        yield s.post("delivery.take_out", scan_id=s.scan())


def _failed(s: Scene) -> Deed:
    attempt = s.item().get("delivery", {}).get("attempts", 0) + 1
    return s.post("delivery.fail", reason=ABSENT, attempt=attempt)


@_at_door()
def nobody_waits_for_the_answer(s: Scene) -> Iterator[Deed | Until]:
    """A claim is taken back before its answer can come, and the item goes on; the answer finds it wherever it is then."""
    yield _claim(s)
    yield s.post("delivery.void")
    after = s.any_of(
        "stays", "fails", "fails", "fails", "back", "leaves", "leaves", "leaves", "counter", "again"
    )
    if after == "fails":
        yield _failed(s)
    elif after == "again":
        yield _claim(s)
    elif after != "stays":
        yield s.post("delivery.bring_back", scan_id=s.scan())
    if after == "leaves":
        yield _scan(s, "transport.depart")
    elif after == "counter":
        yield _held(s)


@_at_door()
def the_answer_finds_it_gone(s: Scene) -> Iterator[Deed | Until]:
    """A claim is taken back, and the item is on the road again, or with the neighbour, before its answer comes."""
    yield _claim(s, right=s.any_of(True, True, False))
    yield s.post("delivery.void")
    match s.any_of("road", "road", "office", "counter", "elsewhere", "failed"):
        case "elsewhere":
            yield s.post("delivery.report_nonconforming", carrier_code="20")
        case "failed":
            yield _failed(s)
        case where:
            yield s.post("delivery.bring_back", scan_id=s.scan())
            if where != "office":
                yield _scan(s, "transport.depart") if where == "road" else _held(s)


@_course("post", "or_", _item(delivery="claimed claimed_at_counter", undeliverable="not_begun"))
def refused_while_the_claim_waits(s: Scene) -> Iterator[Deed | Until]:
    """Whoever stands there does not want it, or it is missing all at once."""
    if s.any_of(True, False):
        yield s.post("delivery.reject_at_door", reason=DAMAGED)
    else:
        yield s.post("undeliverable.open_incident", reason=LOST)


def _held(s: Scene) -> Deed:
    return s.post("delivery.hold", reason=int(Reason.WANTS_COUNTER), scan_id=s.scan())


@_course("post", "or_", _item(delivery="held", undeliverable="not_begun"))
@_course("post", "or_", _item(delivery="at_office held", undeliverable="not_begun"))
def at_the_counter_and_away_again(s: Scene) -> Iterator[Deed | Until]:
    """Held at the counter, and then it is not fetched but goes on in some other way."""
    if at(s.item(), "delivery") != "held":
        yield _held(s)
    match s.any_of("taken out", "departs", "returns", "missing", "claimed", "claimed twice", "not wanted"):
        case "taken out":
            yield s.post("delivery.take_out", scan_id=s.scan())
        case "departs":
            yield _scan(s, "transport.depart")
        case "returns":
            yield s.post("undeliverable.start_return", reason=int(Reason.REFUSED), scan_id=s.scan())
            yield s.post("undeliverable.move_return", place=f"{s.key.city}-C", scan_id=s.scan(), leg="LEG-9")
        case "missing":
            yield s.post("undeliverable.open_incident", reason=LOST)
        case "not wanted":
            yield s.post("delivery.reject_at_door", reason=DAMAGED)
        case way:
            yield _at_counter(s)
            yield s.post("delivery.void")
            if way == "claimed twice":
                yield _at_counter(s)
                if s.any_of(True, False):
                    yield s.post("delivery.reject_at_door", reason=DAMAGED)


@_course("post", "or_", _item_of_case("on_the_way", delivery="held", undeliverable="not_begun"))
def everything_at_the_counter_at_once(s: Scene) -> Iterator[Deed | Until]:
    """Claimed; and before the answer comes it is missing, not wanted, called back, wished elsewhere, or claimed anew."""
    yield _at_counter(s)
    match s.any_of("missing", "not wanted", "called back", "wished", "anew", "anew"):
        case "missing":
            yield s.post("undeliverable.open_incident", reason=LOST)
        case "not wanted":
            yield s.post("delivery.reject_at_door", reason=DAMAGED)
        case "called back":
            yield s.authority("returns.recall", reason=int(Reason.RECALLED))
        case "wished":
            yield s.authority("wish.ask", wish="post_office", day=None)
        case _:
            yield s.post("delivery.void")
            yield _at_counter(s)


def _at_counter(s: Scene) -> Deed:
    """Without the session, with a wrong code, or with a wrong word of an identity document."""
    method, code = s.any_of(
        (SESSION, ""), (CODE, "00000000"), (CARD, "AAAA"), (CARD, "12345"), (CODE, s.code(s.key.stream))
    )
    return s.post("delivery.claim_at_counter", method=method, code=code)


@_at_door()
@_course("post", "or_", _item(delivery="held", undeliverable="not_begun"))
@_at_door(receiver="named")
@_at_door(receiver="released")
@_course("post", "or_", _item(delivery="held", receiver="released", undeliverable="not_begun"))
def somebody_else_is_there(s: Scene) -> Iterator[Deed | Until]:
    """Without a paper, or without the own code; named, or not any more, or by nobody."""
    counter = at(s.item(), "delivery") == "held"
    action = "delivery.claim_at_counter" if counter else "delivery.claim"
    for method, code, papers in ((SESSION, "", PAPERS), (CODE, "00000000", PAPERS[1:])):
        yield s.post(action, method=method, code=code, receiver="agent", papers_seen=papers)
    if at(s.item(), "receiver") == "released":
        void = s.agents_code(s.key.stream)
        yield s.post(action, method=CODE, code=void, receiver="agent", papers_seen=PAPERS)
        # Another courier does not look.
        yield s.post(action, method=CODE, code=void)


@_at_door("on_the_way", receiver="named")
@_course("post", "or_", _item_of_case("on_the_way", delivery="held", receiver="named"))
def received_by_somebody_else_and_denied(s: Scene) -> Iterator[Deed | Until]:
    """Whoever was named receives it; its recipient never gets it, and names another one, or nobody."""
    counter = at(s.item(), "delivery") == "held"
    action = "delivery.claim_at_counter" if counter else "delivery.claim"
    code = s.agents_code(s.key.stream)
    yield s.post(action, method=CODE, code=code, receiver="agent", papers_seen=PAPERS)
    yield s.until_case(agent="received")
    yield s.authority("tracking.deny_receipt")
    yield s.authority("tracking.settle", in_hand=False, grade_accepted=False)
    number = s.of_case().get("agent", {}).get("number", 0)
    yield (
        s.authority("agent.release")
        if s.any_of(True, False)
        else s.authority("agent.name", number=number + 1)
    )


@_course("authority", "ca_", _case(agent="named", tracking="on_the_way"))
@_course("authority", "ca_", _case(agent="named", handover="ordered to_label"))
@_course("authority", "ca_", _case(agent="received"))
def nobody_else_any_more(s: Scene) -> Iterator[Deed | Until]:
    """Taken back while it is on its way, before the post was told, or when it was received already; and once more."""
    yield s.authority("agent.release")
    yield s.authority("agent.release")


@_course("authority", "ca_", _case(application="received", handover="none", readdressing="none"))
def asked_for_elsewhere_and_approved(s: Scene) -> Iterator[Deed | Until]:
    """A change of address that nobody decides on, decided on."""
    change = s.of_case().get("readdressing", {}).get("changes", 0) + 1
    if change <= CHANGES_MAX:
        yield s.authority("readdressing.ask", address="和平路 1000001 号", destination=s.key.city)
        yield s.authority("readdressing.approve", change=change)


@_at_door(most=WEARING_MAX)
def whether_it_is_the_right_person(s: Scene) -> Iterator[Deed | Until]:
    """Asked again and again."""
    for _ in range(QUESTIONS):
        yield _claim(s, right=False)
        yield s.post("delivery.void")


@_course("post", "or_", _item(delivery="at_office", undeliverable="not_begun"))
def scanned_at_the_office_twice(s: Scene) -> Iterator[Deed | Until]:
    """Which is no news."""
    yield _scan(s, "transport.arrive_office")


@_at_door()
def always_near(s: Scene) -> Iterator[Deed | Until]:
    """Says to be near again and again; some after an attempt in vain, or with what was fetched from a neighbour."""
    way = s.any_of("on the way", "after an attempt", "fetched again")
    if way == "after an attempt":
        yield _failed(s)
    elif way == "fetched again":
        yield s.post("delivery.report_nonconforming", carrier_code="20")
        yield s.post("delivery.take_back")
    for _ in range(NEARS):
        yield s.post("delivery.approach")


@_at_door(most=4 * PLAYED_MAX)
def left_elsewhere(s: Scene) -> Iterator[Deed | Until]:
    """With a neighbour, without asking; and once that is known, one of the courses that begin so."""
    yield s.post("delivery.report_nonconforming", carrier_code="20")
    yield s.until_case(tracking="reported")
    yield from s.any_of(*_ONCE_REPORTED)(s)


@_course("post", "or_", _item_of_case("reported", delivery="nonconforming"))
@_course("post", "or_", _item_of_case("denied", delivery="nonconforming"))
def fetched_from_the_neighbour(s: Scene) -> Iterator[Deed | Until]:
    """What was left elsewhere is fetched again, and all kinds of news of it come while its recipient is being asked."""
    if at(s.of_case(), "tracking") == "reported" and s.any_of(True, False):
        yield s.authority("tracking.deny_receipt")
    yield s.post("delivery.take_back")
    match s.any_of("fails", "rejected", "returns", "claimed", "scans"):
        case "fails":
            yield _failed(s)
        case "rejected":
            yield s.post("delivery.reject_at_door", reason=DAMAGED)
        case "claimed":
            yield _claim(s)
        case way:
            yield s.post("delivery.bring_back", scan_id=s.scan())
            if way == "returns":
                yield s.post("undeliverable.start_return", reason=int(Reason.REFUSED), scan_id=s.scan())
            elif way == "scans":
                yield _scan(s, "transport.depart")
                yield s.post("transport.void_scan", scan_id=s.trail()[0])


@_course("post", "or_", _item_of_case("reported", delivery="nonconforming", undeliverable="not_begun"))
def not_in_hand_and_carried_off(s: Scene) -> Iterator[Deed | Until]:
    """The courier fetches it again and it leaves the office, at the very moment at which its recipient says: not in hand."""
    yield s.post("delivery.take_back")
    yield s.post("delivery.bring_back", scan_id=s.scan())
    yield s.authority("tracking.deny_receipt")
    yield _scan(s, "transport.depart")
    if s.any_of(True, False):
        yield s.post("transport.void_scan", scan_id=s.trail()[0])


def in_hand_and_brought_back(s: Scene) -> Iterator[Deed | Until]:
    """In hand, says its recipient, and then not; the courier fetches it and brings it back; and it was in hand all the same."""
    yield s.authority("tracking.confirm_receipt")
    yield s.authority("tracking.deny_receipt")
    yield s.post("delivery.take_back")
    for scan in s.trail()[:1]:
        yield s.post("transport.void_scan", scan_id=scan)
    yield s.post("delivery.reject_at_door", reason=DAMAGED)
    yield s.until_contradicted()
    yield s.authority("tracking.confirm_receipt")


def claimed_when_given_up(s: Scene) -> Iterator[Deed | Until]:
    """The manager gives it up; the courier, who does not know yet, fetches it and claims."""
    yield s.authority("tracking.settle", in_hand=False, grade_accepted=False)
    yield s.post("delivery.take_back")
    yield _claim(s)


# ---- searched for, given up, called back -----------------------------------------------------------------------------


@_course("post", "or_", _item_of_case("reported", delivery="nonconforming"))
def not_with_the_neighbour(s: Scene) -> Iterator[Deed | Until]:
    """It is not with the recipient either; and the post takes a scan back that nobody asks about any more."""
    yield s.authority("tracking.deny_receipt")
    for scan in s.trail()[-1:]:
        yield s.post("transport.void_scan", scan_id=scan)


@_course("post", "or_", _item_of_case("reported", delivery="nonconforming", undeliverable="not_begun"))
def a_word_that_crosses_a_search(s: Scene) -> Iterator[Deed | Until]:
    """The post begins to search, and gives up, while the recipient says: I have it; and takes it back, some of them."""
    yield s.post("undeliverable.open_incident", reason=LOST)
    if s.any_of(True, False):
        yield s.post("undeliverable.declare_loss")
    yield s.authority("tracking.confirm_receipt")
    if s.any_of(True, False):
        yield s.authority("tracking.deny_receipt")


@_course("post", "or_", _item_of_case("incident", undeliverable="incident"))
@_course("post", "or_", _item_of_case("incident", undeliverable="incident"))
def searched_for_and_sent_back(s: Scene) -> Iterator[Deed | Until]:
    """A scan is taken back while everybody searches; and whoever comes upon the item sends it straight back, some of them."""
    for scan in s.trail()[:1]:
        yield s.post("transport.void_scan", scan_id=scan)
    if s.any_of(True, False):
        yield s.post("undeliverable.start_return", reason=int(Reason.REFUSED), scan_id=s.scan())


@_course("post", "or_", _item(undeliverable="incident"))
def missing_and_stolen(s: Scene) -> Iterator[Deed | Until]:
    """Searched for; and now somebody knows more."""
    yield s.post("undeliverable.open_incident", reason=int(Reason.STOLEN))


@_course("post", "or_", _item_of_case("incident", undeliverable="incident"))
def a_word_that_crosses_a_loss(s: Scene) -> Iterator[Deed | Until]:
    """Searched for; it is given up at the very moment at which its recipient says: I have it."""
    yield s.post("undeliverable.declare_loss")
    yield s.authority("tracking.confirm_receipt")


@_course("post", "or_", _item_of_case("incident", undeliverable="incident"))
def a_word_that_crosses_a_find(s: Scene) -> Iterator[Deed | Until]:
    """Found, and gone again, while its recipient says: I have it."""
    yield s.post("undeliverable.find", place=f"{s.key.city}-C")
    yield s.post("undeliverable.open_incident", reason=LOST)
    yield s.authority("tracking.confirm_receipt")


@_course("post", "or_", _item(acceptance="accepted", delivery="at_office", undeliverable="not_begun"))
def in_hand_and_sent_in(s: Scene) -> Iterator[Deed | Until]:
    """Searched for; in hand, says its recipient, and then not; and what is given up lies among what was sent in."""
    yield s.post("undeliverable.open_incident", reason=LOST)
    yield s.until_case(tracking="incident")
    yield s.authority("tracking.confirm_receipt")
    yield s.authority("tracking.deny_receipt")
    yield s.authority("tracking.settle", in_hand=False, grade_accepted=False)
    yield s.authority("returns.receive", waybill=s.item().get("acceptance", {}).get("waybill", ""))


@_course("post", "or_", _item_of_case("disputed", undeliverable="incident returning return_offered"))
def received_while_the_word_is_on_its_way(s: Scene) -> Iterator[Deed | Until]:
    """The manager gives up the document, and the clerk scans its envelope in; the post has not heard the word yet."""
    yield s.authority("tracking.settle", in_hand=False, grade_accepted=False)
    yield s.authority("returns.receive", waybill=s.item().get("acceptance", {}).get("waybill", ""))


def _destroyed(s: Scene, make: int, blank: int) -> Deed:
    witnesses = {"first_witness": reference("st", "one"), "second_witness": reference("st", "two")}
    return s.authority("returns.destroy", make=make, blank=blank, **witnesses)


@_course("authority", "ca_", _case(returns="coming_back recall_asked"))
def quicker_than_its_message(s: Scene) -> Iterator[Deed | Until]:
    """The clerk scans in what the post has not offered yet."""
    yield s.authority("returns.receive", waybill=s.of_case().get("tracking", {}).get("waybill", ""))


@_at_door("on_the_way")
def a_recall_that_crosses(s: Scene) -> Iterator[Deed | Until]:
    """A recall is on its way while the item is claimed, or lost."""
    if s.any_of(True, False):
        yield _claim(s)
    else:
        yield s.post("undeliverable.open_incident", reason=LOST)
        yield s.post("undeliverable.declare_loss")
    yield s.authority("returns.recall", reason=int(Reason.RECALLED))


@_course("post", "or_", _item(undeliverable="recall_pending"))
@_course("post", "or_", _item(undeliverable="return_offered returning"))
def missing_on_its_way_back(s: Scene) -> Iterator[Deed | Until]:
    """It is gone all at once."""
    yield s.post("undeliverable.open_incident", reason=LOST)


@_course("post", "or_", _item(undeliverable="returning"), most=WEARING_MAX)
def a_return_that_never_arrives(s: Scene) -> Iterator[Deed | Until]:
    """From office to office, more often than can be written down."""
    for number in range(SCANS):
        yield s.post("undeliverable.move_return", place=f"{s.key.city}-{number}", scan_id=s.scan())


@_course("post", "or_", _item(undeliverable="returning"))
def a_return_is_carried_on(s: Scene) -> Iterator[Deed | Until]:
    """By a vehicle, or from office to office; offered, and taken along again."""
    for _ in range(s.any_of(1, 2)):
        leg = s.any_of({"leg": "LEG-9"}, {})
        yield s.post("undeliverable.move_return", place=f"{s.key.city}-C", scan_id=s.scan(), **leg)
    yield s.post("undeliverable.offer_return")
    if s.any_of(True, False):
        yield s.post("undeliverable.withdraw_offer")


@_course("authority", "ca_", _case(tracking="delivered"))
def denied_after_another_application(s: Scene) -> Iterator[Deed | Until]:
    """Denied, and the manager finds that it is not in hand."""
    yield s.authority("tracking.deny_receipt")
    yield s.authority("tracking.settle", in_hand=False, grade_accepted=False)


@_course("authority", "ca_", _case(tracking="delivered disputed"))
def found_and_missed_again(s: Scene) -> Iterator[Deed | Until]:
    """Not in hand, in hand after all, and not in hand: the post is asked anew, whether it has answered or not."""
    if at(s.of_case(), "tracking") == "delivered":
        yield s.authority("tracking.deny_receipt")
    yield s.authority("tracking.confirm_receipt")
    yield s.authority("tracking.deny_receipt")


@_course("post", "or_", _item_of_case("disputed", inquiry="open"))
def an_answer_that_crosses_its_end(s: Scene) -> Iterator[Deed | Until]:
    """The recipient has it after all, and whoever was asked answers; maybe nobody knew of the other."""
    for way in s.any_of(("word", "answer"), ("answer", "word"), ("word",)):
        if way == "word":
            yield s.authority("tracking.confirm_receipt")
        else:
            yield s.post("inquiry.answer", finding=int(s.any_of(*Finding)))


# ---- in the authority's house ----------------------------------------------------------------------------------------


def _waits_for_its_number(state: State, case: State, now: datetime) -> bool:
    """Longer than messages take: the post has no number for it."""
    since = state.get("handover", {}).get("since")
    return at(state, "handover") == "ordered" and since is not None and parse(since) + LATE < now


@_course("authority", "ca_", _waits_for_its_number)
@_course("authority", "ca_", _case(handover="ordered"))
def cancelled_before_its_number(s: Scene) -> Iterator[Deed | Until]:
    """Fetched at the counter after all; the number of the cancelled order comes when it comes."""
    yield s.authority("handover.change_to_pickup")
    blank = s.of_case().get("production", {}).get("blank", 0)
    yield s.authority("handover.ready_for_pickup", blank=blank + 1)
    for act in ("ready_for_pickup", s.any_of("pick_up", "reject_at_counter", "")):
        if not act:
            return
        reason = {"reason": int(Reason.DAMAGED)} if act == "reject_at_counter" else {}
        yield s.authority(f"handover.{act}", **reason, **_recipient(act))
        if act == "reject_at_counter" and (way := s.any_of("", "resend", "keep_for_pickup")):
            yield s.authority(f"returns.{way}")


def _recipient(act: str) -> Mapping[str, Any]:
    shown = {"is_applicant": True, "face_matches": True, "id_card_valid": True}
    return shown if act == "pick_up" else {}


@_course("authority", "ca_", _case(handover="recount"))
def opened_at_the_recount(s: Scene) -> Iterator[Deed | Until]:
    """Damaged: out of its envelope."""
    yield s.authority("handover.unseal", reason="envelope_damaged")


@_course("authority", "ca_", _case(handover="to_label labelled sealed"), most=WEARING_MAX)
def printed_without_end(s: Scene) -> Iterator[Deed | Until]:
    """More labels than there may be."""
    for _ in range(PRINTS):
        yield s.authority("handover.print_label", reason="damaged")


@_course("authority", "ca_", _case(production="started printed"))
def spoiled(s: Scene) -> Iterator[Deed | Until]:
    """Before it was printed, or after: another one, by one person alone, and then as it should be."""
    blank = s.of_case().get("production", {}).get("blank", 0)
    yield s.authority("production.spoil", reason="misprint", blank=blank + 1)
    yield _alone(s.authority("production.spoil", reason="misprint"), "witness")
    yield s.authority("production.spoil", reason="misprint", witness=reference("st", "a witness"))


@_course("authority", "ca_", _case(handover="sealed"))
def printed_when_sealed(s: Scene) -> Iterator[Deed | Until]:
    """One more label, for an envelope that has one."""
    yield s.authority("handover.print_label", reason="damaged")


@_course("authority", "ca_", _case(application="correcting"))
def corrected_in_part(s: Scene) -> Iterator[Deed | Until]:
    """Not all that was asked for; with what nobody asked for."""
    yield s.authority("application.correct", parts={})
    yield s.authority("application.correct", parts={"id_card_back": "a" * 64})


@_course("authority", "ca_", _case(handover="sealed"))
def unsealed(s: Scene) -> Iterator[Deed | Until]:
    """Out of its envelope again: by one person alone, and then by two."""
    yield _alone(s.authority("handover.unseal", reason="label_wrong"), "second_person")
    yield s.authority("handover.unseal", reason="label_wrong")


def _alone(deed: Deed, second: str) -> Deed:
    """Whoever does it is the second person, too."""
    deed.item = {**deed.item, second: deed.person["actor"]}
    return deed


@_course("authority", "ca_", _case(examination="reviewing"), most=WEARING_MAX)
def corrected_without_end(s: Scene) -> Iterator[Deed | Until]:
    """Asked for another photo again and again."""
    digest = "a" * 64
    for _ in range(ROUNDS):
        yield s.authority("examination.ask_correction", defects=["photo.background"])
        yield s.authority("application.correct", parts={"photo": digest, "signature": digest})
        yield s.authority("application.correct", parts={"photo": digest})


@_course("authority", "ca_", lambda state, case, now: _due(state, now, "application", "correcting"))
def corrected_too_late(s: Scene) -> Iterator[Deed | Until]:
    """Before the clock was heard."""
    yield s.authority("application.correct")


@_course("authority", "ca_", lambda state, case, now: _due(state, now, "handover", "ready_for_pickup"))
def fetched_too_late(s: Scene) -> Iterator[Deed | Until]:
    """The same at the counter."""
    yield s.authority("handover.pick_up", **_recipient("pick_up"))


def _due(state: State, now: datetime, step: str, where: str) -> bool:
    due_at = state.get(step, {}).get("due_at")
    return at(state, step) == where and due_at is not None and parse(due_at) <= now


@_course("authority", "ca_", _case(returns="none"))
def destroyed_by_mistake(s: Scene) -> Iterator[Deed | Until]:
    """Another blank than the document's."""
    invalid = [one for one in s.of_case().get("papers", {}).get("made", []) if not one.get("valid")]
    for one in invalid:
        yield _destroyed(s, one["make"], one["blank"] + 1)


@_course(
    "post", "or_", _item(acceptance="awaiting_handover accepted", delivery="not_begun"), most=WEARING_MAX
)
def labels_of_the_post_without_end(s: Scene) -> Iterator[Deed | Until]:
    """More than there may be."""
    for _ in range(PRINTS):
        yield s.post("acceptance.print_label", reason=int(ReprintReason.DAMAGED))


@_course("post", "or_", _item_of_case("on_the_way", delivery="at_office", undeliverable="not_begun"))
def a_recall_of_what_comes_back(s: Scene) -> Iterator[Deed | Until]:
    """It is offered at the door while the recall is on its way."""
    yield s.post("undeliverable.start_return", reason=int(Reason.REFUSED), scan_id=s.scan())
    yield s.post("undeliverable.offer_return")
    yield s.authority("returns.recall", reason=int(Reason.RECALLED))


@_course("post", "or_", _item_of_case("reported", delivery="nonconforming", undeliverable="not_begun"))
def claimed_once_more(s: Scene) -> Iterator[Deed | Until]:
    """Its recipient said that it is in hand, and then that it is not; the courier has fetched it, and claims."""
    yield s.authority("tracking.confirm_receipt")
    yield s.authority("tracking.deny_receipt")
    yield s.post("delivery.take_back")
    yield _claim(s)


@_course("authority", "ca_", _case(tracking="reported"))
@_course("authority", "ca_", _case(tracking="denied"))
def in_hand_after_all(s: Scene) -> Iterator[Deed | Until]:
    """Not in hand, says its recipient; and finds it under the mat, or the manager sees on evidence where it went."""
    if at(s.of_case(), "tracking") == "reported":
        yield s.authority("tracking.deny_receipt")
    if s.any_of(True, False):
        yield s.authority("tracking.confirm_receipt")
    else:
        yield s.authority("tracking.settle", in_hand=True, grade_accepted=True)


@_course("authority", "ca_", _case(tracking="reported denied"))
def given_up_by_the_manager(s: Scene) -> Iterator[Deed | Until]:
    """Not in hand, says the manager; or in hand, on evidence that is not enough."""
    in_hand = s.any_of(True, False)
    yield s.authority("tracking.settle", in_hand=in_hand, grade_accepted=False)


@_course(
    "post",
    "or_",
    _item(delivery="at_office", undeliverable="not_begun"),
    enough=CLAIMS_PER_HOUR // QUESTIONS + 4,
)
def a_courier_who_tries_codes(s: Scene) -> Iterator[Deed | Until]:
    """Takes out whatever there is, and tries codes on all of it."""
    courier = reference("st", "courier", "greedy", s.chance.randrange(2**40))
    for key in s.others:
        s.key = key
        if at(s.item(), "delivery") == "at_office":
            taken = s.post("delivery.take_out", scan_id=s.scan())
            taken.person = {"actor": courier, "roles": ["courier"]}
            yield taken
    for key in s.others:
        s.key = key
        delivery = s.item().get("delivery", {})
        if delivery.get("courier") == courier and delivery.get("state") in ("with_courier", "attempted"):
            for _ in range(QUESTIONS):
                yield _claim(s, right=False)
                yield s.post("delivery.void")


@_at_door()
def an_attempt_is_left_out(s: Scene) -> Iterator[Deed | Until]:
    """The second is told, and the first never was."""
    attempts = s.item().get("delivery", {}).get("attempts", 0)
    yield s.post("delivery.fail", reason=ABSENT, attempt=attempts + 2)


@_at_door()
def a_code_that_nobody_asked_for(s: Scene) -> Iterator[Deed | Until]:
    """The recipient confirms in the own session, and the courier keys something all the same."""
    yield s.post("delivery.claim", method=SESSION, code="12345678")


@_course("post", "or_", _item_of_case("reported", delivery="nonconforming", undeliverable="not_begun"))
@_course("post", "or_", _item_of_case("denied", delivery="nonconforming", undeliverable="not_begun"))
def fetched_and_not_wanted(s: Scene) -> Iterator[Deed | Until]:
    """Not in hand, says its recipient; the courier fetches it, and it is damaged."""
    if at(s.of_case(), "tracking") == "reported":
        yield s.authority("tracking.deny_receipt")
    yield s.post("delivery.take_back")
    yield s.post("delivery.reject_at_door", reason=DAMAGED)


@_course("authority", "ca_", _case(examination="reviewing"))
def a_reason_that_nobody_knows(s: Scene) -> Iterator[Deed | Until]:
    """Of a list that is not ours; or none; and an answer to nobody's question."""
    yield s.authority("examination.ask_correction", defects=[])
    yield s.authority("examination.ask_correction", defects=["no.such"])
    yield s.authority("examination.refuse", reason="no.such")
    yield s.authority("help.answer")


# ---- bags and stocks -------------------------------------------------------------------------------------------------


@_course("post", "bg_", lambda state, case, now: state.get("state") == "expected")
def counted_in_two_minds(s: Scene) -> Iterator[Deed | Until]:
    """An envelope is put aside for nothing; then it is put aside and signed for."""
    bag = s.item()
    first, others = bag["waybills"][0], list(bag["waybills"][1:])
    # For what is no reason to put it aside; and then for a good one, which the count does not know of.
    for reason, counted in ((int(Reason.RECALLED), others), (DAMAGED, [first, *others])):
        aside = [{"waybill": first, "reason": reason}]
        yield s.post(
            "bag.count", seal_seen=bag["seal"], waybills=counted, put_aside=aside, office=f"{s.key.city}-A"
        )


@_course("post", "bg_", lambda state, case, now: state.get("state") == "expected")
def counted_with_one_too_many(s: Scene) -> Iterator[Deed | Until]:
    """An envelope of another house lies between them, and one of them is not there."""
    bag = s.item()
    counted = [*list(bag["waybills"])[1:], "ZA400000002CN"]
    yield s.post("bag.count", seal_seen=bag["seal"], waybills=counted, office=f"{s.key.city}-A")


@_course("authority", "bg_", lambda state, case, now: state.get("state") == "closed")
def counted_before_it_came(s: Scene) -> Iterator[Deed | Until]:
    """The post counts a bag that nobody has announced; and it is put out behind another seal than its own."""
    yield s.post("bag.count", seal_seen="SEAL-1", waybills=[], office=f"{s.key.city}-A")
    yield s.authority("bag.offer", seal="ANOTHER-SEAL")


@_course("authority", "ca_", _case(handover="sealed"))
def an_empty_bag(s: Scene) -> Iterator[Deed | Until]:
    """Closed with nothing in it."""
    s.case = StreamKey(s.key.city, reference("bg", "empty", s.chance.randrange(2**40)))
    yield s.authority("bag.close", seal="SEAL-1", office=f"{s.key.city}-1", items={})


@_course("authority", "ca_", _case(production="waiting_blank"))
def drawn_from_an_empty_stock(s: Scene) -> Iterator[Deed | Until]:
    """From a stock of another city, which holds nothing, or of another kind; and into it come blanks one by one."""
    case, city = s.key.stream, s.any_of(OTHER_CITY, s.key.city)
    kind = s.any_of("passport", "taiwan-permit", "hong-kong-macao-permit")
    s.case = StreamKey(city, f"st_{city}_{kind}")
    yield s.authority("stock.draw", case=case)
    if s.any_of(True, False):
        s.case = StreamKey(s.key.city, f"st_{s.key.city}_driving-licence")
        yield s.authority("stock.draw", case=case)
        return
    if city == OTHER_CITY:
        for number in range(SEPARATE_RANGES):
            yield s.authority("stock.receive", first=1_000 + 2 * number, last=1_000 + 2 * number)


_ONCE_REPORTED: Final[Sequence[Acts]] = (
    *[fetched_from_the_neighbour] * 8,
    not_in_hand_and_carried_off,
    not_with_the_neighbour,
    a_word_that_crosses_a_search,
    claimed_once_more,
    fetched_and_not_wanted,
    in_hand_after_all,
    given_up_by_the_manager,
    in_hand_and_brought_back,
    *[claimed_when_given_up] * 4,
)

COURSES: Final[Sequence[Course]] = tuple(_ALL)


def _case_of(key: StreamKey, cases: Mapping[str, tuple[int, str]]) -> StreamKey:
    """The case of an order; of anything else itself."""
    return StreamKey(*cases[key.stream]) if key.stream in cases else key


class _Waiting(NamedTuple):
    scene: Scene
    acts: Iterator[Deed | Until]
    until: Until
    """With as many looks as are left."""


class Courses:
    """Those of one run: what has been played least goes first."""

    def __init__(
        self,
        *,
        chance: random.Random,
        code: Callable[[str], str],
        agents_code: Callable[[str], str],
        fits: Callable[[str, StreamKey], bool] | None = None,
    ) -> None:
        """`fits`: (house, stream) -> whether courses begin with it; with everything, if it is not given."""
        self._fits = fits or (lambda house, key: True)
        self._chance, self._code, self._agents_code = chance, code, agents_code
        self._played: Counter[int] = Counter()
        self._waiting: list[_Waiting] = []
        self._touched: set[StreamKey] = set()
        """At this moment: two courses at once with one case would only spoil each other."""

    def go_on(self) -> Iterator[Deed]:
        """A new moment: what those do that wait no longer."""
        waiting, self._waiting = self._waiting, []
        self._touched.clear()
        for one in waiting:
            if one.until.holds():
                yield from self._played_on(one.scene, one.acts)
            elif one.until.looks > 1:
                left = one.until._replace(looks=one.until.looks - 1)
                self._waiting.append(one._replace(until=left))

    def _played_on(self, scene: Scene, acts: Iterator[Deed | Until]) -> Iterator[Deed]:
        """The acts up to where it must wait."""
        self._touched |= {scene.key, scene.case}
        for one in acts:
            if isinstance(one, Deed):
                yield one
            elif not one.holds():
                if len(self._waiting) < WAITING_MAX:
                    self._waiting.append(_Waiting(scene, acts, one))
                return

    def begin(
        self,
        streams: Mapping[str, Sequence[StreamKey]],
        look: Callable[[str, StreamKey], State],
        act: Callable[[str, StreamKey, str, Mapping[str, Any]], Deed],
        cases: Mapping[str, tuple[int, str]],
        now: datetime,
        at_once: int = 1,
    ) -> Iterator[Deed]:
        """The acts of so many courses, each on one stream, wherever they fit. `cases`: order -> its city and case."""
        order = list(range(len(COURSES)))
        self._chance.shuffle(order)
        seen: dict[tuple[str, str], list[tuple[StreamKey, State, State]]] = {}

        def standing(house: str, kind: str) -> list[tuple[StreamKey, State, State]]:
            """A house's streams of a kind, each with its state and its case's; looked up once for all courses."""
            found = seen.get((house, kind))
            if found is None:
                found = seen[house, kind] = [
                    (key, look(house, key), look("authority", _case_of(key, cases)))
                    for key in streams[house]
                    if key.stream.startswith(kind) and self._fits(house, key)
                ]
            return found

        for number in sorted(order, key=lambda one: self._played[one]):
            course = COURSES[number]
            if self._played[number] >= course.most:
                continue
            there = standing(course.house, course.kind)
            fitting = [
                key
                for key, state, case in there
                if course.fits(state, case, now) and self._touched.isdisjoint((key, _case_of(key, cases)))
            ]
            if len(fitting) < course.enough:
                continue
            key = self._chance.choice(fitting)
            if not course.fits(look(course.house, key), look("authority", _case_of(key, cases)), now):
                continue  # Another course of this moment has come before.
            self._played[number] += 1
            scene = Scene(
                key=key,
                look=look,
                act=act,
                chance=self._chance,
                code=self._code,
                agents_code=self._agents_code,
            )
            scene.others = [other for other, _, _ in there]
            scene.case = _case_of(key, cases)
            yield from self._played_on(scene, course.acts(scene))
            at_once -= 1
            if not at_once:
                return
