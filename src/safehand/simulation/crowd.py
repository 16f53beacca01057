"""What people do with what waits for them: honest staff, as in the launch, with eyes for what really lies there; applicants.

The launch's duties (`programme.launch.duties`) say what a person does with one line of a worklist. Here they have eyes: who
should find an envelope and does not find it reports it; and for every worklist that an unhappy course can reach there is
somebody who acts on it.
"""

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from safehand.authority.examination.rules import CORRECTION_ROUNDS_MAX
from safehand.authority.register.facts import RegisterFacts
from safehand.kernel.working_days import local_day
from safehand.link.messages import Finding, ProofMethod, Reason
from safehand.programme.launch import duties
from safehand.programme.launch.duties import HOUR, ITEMS_PER_COURIER, PAUSE, Act, Duty, Moment
from safehand.programme.launch.houses import Line
from safehand.programme.launch.people import reference, staff
from safehand.simulation.world import GONE, Make, Place, World

DAY: Final = timedelta(days=1)
COLLECTIONS: Final = frozenset({11, 16})
ROUNDS: Final = frozenset({8})
EXCLUDED_BY: Final = ("exit_restricted", "state_staff", "active_service", "deceased")
FAR_AWAY: Final = 320500
"""Suzhou, which is not among the cities that the post serves: the document waits at the counter."""
AGENT: Final = "岳代收"
"""Whoever is named to receive it is called so: nobody of the people here is, and no journal may hold it."""


@dataclass(kw_only=True)
class Deed:
    """One act of one person, which is repeated with the same key until somebody answers."""

    house: str
    person: Mapping[str, Any]
    action: str
    item: Mapping[str, Any]
    key: str
    state: Mapping[str, Any] = field(default_factory=dict)
    hint: Mapping[str, Any] = field(default_factory=dict)
    """What the world needs to know and the system is not told."""
    tries: int = 0
    mischief: bool = False
    """Done by somebody of whom nobody knows what they did with their hands."""


def key_of(action: str, line: Line, item: Mapping[str, Any]) -> str:
    """The same deed on the same line has the same key."""
    digest = hashlib.blake2b(msgspec.json.encode(item, order="deterministic"), digest_size=6).hexdigest()
    return f"{action}-{line.stream}-{line.since.timestamp():.0f}{digest}"[:100]


def _state(line: Line, step: str) -> Mapping[str, Any]:
    return (line.state or {}).get(step, {})


# ---- applicants ----------------------------------------------------------------------------------------------------


def sometimes_excluded(facts: RegisterFacts, m: Moment, number: int) -> RegisterFacts:
    """One person in fifty may not leave the country, or serves: such a person is told so, and never becomes a case."""
    if not m.chance.happens(0.02, number, "excluded"):
        return facts
    name = EXCLUDED_BY[int(m.chance.share(number, "why") * len(EXCLUDED_BY))]
    return msgspec.structs.replace(facts, **{name: True})


def applications(
    person: Mapping[str, Any], item: Mapping[str, Any], m: Moment, number: int
) -> Iterator[Deed]:
    """One application; now and then also one for what there is not, or the same once more, of which one must be refused."""
    key = f"submit-{item['city']}-{number}"
    away = {"destination": FAR_AWAY} if m.chance.happens(0.02, number, "moved far away") else {}
    wrong = {"document": "no-such"} if m.chance.happens(0.5, number, "which") else {"office": "310000-99"}
    if m.chance.happens(0.3, number, "names herself"):
        wrong = {"agent": _agent(item["phone"])}
    if m.chance.happens(0.2, number, "prepays for nothing"):
        wrong = {"mode": "counter", "postage": "prepaid"}
    named = {"agent": _agent(f"1998{number:07d}")} if m.chance.happens(0.15, number, "names somebody") else {}
    if m.chance.happens(0.03, number, "wrong at first"):
        yield _submission(person, {**item, **wrong}, f"{key}-wrong", mischief=True)
    yield _submission(person, {**item, **away, **named}, key)
    if m.chance.happens(0.03, number, "twice"):
        yield _submission(person, item, f"{key}-twice")


def _agent(phone: str) -> Mapping[str, str]:
    return {"name": AGENT, "relation": "friend", "phone": phone}


def take_back(line: Line, m: Moment) -> Act | None:
    """Some who named somebody take it back, soon or late: a few while the courier is on the way."""
    named = _state(line, "agent").get("state") == "named"
    if not named or not m.chance.happens(0.12, line.stream, line.since, "takes it back"):
        return None
    if not m.waited(line, HOUR, 70 * HOUR, "takes it back"):
        return None
    return Act(m.applicants[line.stream], "agent.release", {"city": line.city, "case": line.stream})


TAKEN_BACK: Final = ("examination.reviewing", "handover.ordered", "handover.to_label", "tracking.on_the_way")


def _submission(
    person: Mapping[str, Any], item: Mapping[str, Any], key: str, *, mischief: bool = False
) -> Deed:
    return Deed(
        house="authority", person=person, action="application.submit", item=item, key=key, mischief=mischief
    )


# ---- the authority -------------------------------------------------------------------------------------------------


def settle_dispute(line: Line, m: Moment, world: World) -> Act | None:
    """The manager asks the recipient and the courier, and finds out where the envelope really is; some take their time."""
    slow = m.chance.happens(0.5, line.stream, "takes his time") and line.since + 20 * DAY > m.now
    if slow or not m.waited(line, 6 * HOUR, 40 * HOUR):
        return None
    order = _state(line, "tracking").get("order", "")
    in_hand = order in world.envelopes and world.envelopes[order].place.kind == "recipient"
    item = {"city": line.city, "case": line.stream, "in_hand": in_hand, "grade_accepted": in_hand}
    return Act(staff("authority_manager", line.city), "tracking.settle", item)


def settle_search(line: Line, m: Moment, world: World) -> Act | None:
    """A search that the post never ends is ended by the authority's manager."""
    if line.owner != "authority_manager" or not m.waited(line, 12 * DAY, 20 * DAY):
        return None
    item = {"city": line.city, "case": line.stream, "in_hand": False, "grade_accepted": False}
    return Act(staff("authority_manager", line.city), "tracking.settle", item)


def recall_at_times(line: Line, m: Moment, world: World) -> Act | None:
    """Once in a while something is found wrong after the hand-over; and what has been silent too long is called back."""
    if line.owner == "authority_manager" or m.chance.happens(0.02, line.stream, "recalled"):
        reason = int(Reason.RECALLED)
        item = {"city": line.city, "case": line.stream, "reason": reason}
        if m.waited(line, 10 * HOUR, 60 * HOUR, "recall"):
            return Act(staff("handover_clerk", line.city), "returns.recall", item)
    return None


def on_the_way(line: Line, m: Moment, world: World) -> Act | None:
    """Something is called back; or its recipient will not be there, and says so, once or twice."""
    return recall_at_times(line, m, world) or wishes(line, m)


def wishes(line: Line, m: Moment) -> Act | None:
    """One recipient in eight wants another day or fetches it; half of these change their mind. Some ask for a day too late."""
    tracking, wish = _state(line, "tracking"), _state(line, "wish")
    order, since = tracking.get("order", ""), tracking.get("since")
    number = wish.get("number", 0) if wish.get("order") == order else 0
    share = (0.12, 0.5, 0.5, 0.2)[min(number, 3)]
    if line.stream not in m.applicants or not m.chance.happens(share, order, number, "wishes"):
        return None
    if since is None or not m.waited(
        line, (1 + 20 * number) * HOUR, (40 + 30 * number) * HOUR, "wish", number
    ):
        return None
    item = {"city": line.city, "case": line.stream, "number": number + 1}
    if m.chance.happens(0.4, order, number, "fetches it"):
        return Act(m.applicants[line.stream], "wish.ask", {**item, "wish": "post_office"})
    day = local_day(m.now) + (1 + int(m.chance.share(order, number, "which day") * 4)) * DAY
    return Act(m.applicants[line.stream], "wish.ask", {**item, "wish": "another_day", "day": day.isoformat()})


def confirm_or_deny(line: Line, m: Moment, world: World) -> Act | None:
    """What a carrier reported the recipient confirms or denies, once the text message was read; some never do."""
    order = _state(line, "tracking").get("order", "")
    if m.chance.happens(0.1, line.stream, "never answers"):
        return settle_dispute(line, m, world) if line.owner == "authority_manager" else None
    if not m.waited(line, HOUR, 30 * HOUR):
        return None
    envelope = world.envelopes.get(order)
    got = envelope is not None and envelope.place.kind in ("recipient", "neighbour")
    action = "tracking.confirm_receipt" if got else "tracking.deny_receipt"
    return Act(m.applicants[line.stream], action, {"city": line.city, "case": line.stream})


def settle_contact(line: Line, m: Moment, world: World) -> Act | None:
    """The manager rings whom no message reached; some take their time."""
    slow = m.chance.happens(0.25, line.stream, line.since, "rings late") and line.due_at is not None
    if slow or not m.waited(line, 6 * HOUR, 60 * HOUR):
        return None
    outcome = "told_by_phone" if m.chance.happens(0.7, line.stream, "answers the phone") else "tried_in_vain"
    item = {"city": line.city, "case": line.stream, "outcome": outcome}
    return Act(staff("authority_manager", line.city), "contact.settle", item)


def answer_help(line: Line, m: Moment, world: World) -> Act | None:
    """Whoever said "I don't have it" is answered; some late."""
    slow = m.chance.happens(0.25, line.stream, line.since, "answers late") and line.due_at is not None
    if slow or not m.waited(line, 4 * HOUR, 40 * HOUR):
        return None
    item = {"city": line.city, "case": line.stream, "outcome": "explained", "text": "We look for it."}
    return Act(staff("help_agent", line.city), "help.answer", item)


def settle_differences(line: Line, m: Moment, world: World) -> Act | None:
    """The manager names the cause of each day's differences."""
    if not m.waited(line, 2 * HOUR, 20 * HOUR):
        return None
    day = min((line.state or {}).get("differing", {"": 0}))
    if not day:
        return None
    item = {"city": line.city, "daybook": line.stream, "day": day, "cause": "across_midnight"}
    return Act(staff("authority_manager", line.city), "statement.settle", item)


def receive_old(line: Line, m: Moment, world: World) -> Act | None:
    """The clerk scans an invalid document's envelope in, once it stands at the door."""
    if line.since + PAUSE > m.now:
        return None
    for one in _state(line, "papers").get("made", []):
        offered = one.get("pending") == "return_shelf"
        envelope = world.envelopes.get(one.get("order", ""))
        there = envelope is not None and envelope.place.kind not in GONE
        if not one.get("valid") and one.get("waybill") and offered and there:
            item = {"city": line.city, "case": line.stream, "waybill": one["waybill"]}
            return Act(staff("handover_clerk", line.city), "returns.receive", item)
    return None


def _empty(line: Line, make: int) -> Act:
    second = reference("st", "second", line.city)
    item = {"city": line.city, "case": line.stream, "make": make, "second_person": second}
    return Act(staff("handover_clerk", line.city), "returns.report_empty", item)


def decide_return(line: Line, m: Moment, world: World) -> Act | None:
    """The clerk opens what came back, and decides; an empty envelope is reported."""
    act = duties.decide_return(line, m)
    make = _state(line, "production").get("make", 0)
    if act is not None and world.where(Make(line.city, line.stream, make)).kind in GONE:
        return _empty(line, make)
    return act


def destroy(line: Line, m: Moment, world: World) -> Act | None:
    """Two witnesses destroy what is invalid, if it is there."""
    act = duties.destroy(line, m)
    if act is not None and world.where(Make(line.city, line.stream, act.item["make"])).kind in GONE:
        return _empty(line, act.item["make"])
    return act


def examine(line: Line, m: Moment, world: World) -> Act | None:
    """As in the launch; whoever was asked for everything already is asked for nothing more."""
    act = duties.examine(line, m)
    asked = _state(line, "examination").get("rounds", 0)
    if act is not None and act.action == "examination.ask_correction" and asked >= CORRECTION_ROUNDS_MAX:
        return act._replace(action="examination.approve", item={"city": line.city, "case": line.stream})
    return act


def more_blanks(line: Line, m: Moment, world: World) -> Act | None:
    """Somebody orders blanks before they run out."""
    end = (line.state or {}).get("end", 0)
    item = {"city": line.city, "stock": line.stream, "first": end + 1, "last": end + 500}
    return Act(staff("production_clerk", "store"), "stock.receive", item)


def fetch(line: Line, m: Moment, world: World) -> Act | None:
    """Most fetch it in time; some come just after the last day."""
    late = line.due_at is not None and line.due_at <= m.now
    return duties.pick_up(line, m) if not late else _fetched(line)


def _fetched(line: Line) -> Act:
    item = {
        "city": line.city,
        "case": line.stream,
        "blank": _state(line, "production").get("blank", 0),
        "is_applicant": True,
        "face_matches": True,
        "id_card_valid": True,
    }
    return Act(staff("authority_counter_clerk", line.city), "handover.pick_up", item)


def decide_address(line: Line, m: Moment, world: World) -> Act | None:
    """The manager rings who applied before letting an envelope go elsewhere; one in four takes longer than allowed."""
    slow = m.chance.happens(0.25, line.stream, line.since, "rings late") and line.since + 6 * DAY > m.now
    if slow or not m.waited(line, 3 * HOUR, 50 * HOUR):
        return None
    item = {"city": line.city, "case": line.stream, "change": _state(line, "readdressing").get("changes", 1)}
    manager = staff("authority_manager", line.city)
    if m.chance.happens(0.6, line.stream, line.since, "it was the applicant"):
        return Act(manager, "readdressing.approve", item)
    reason = "too_late" if m.chance.happens(0.3, line.stream, line.since, "why not") else "not_confirmed"
    return Act(manager, "readdressing.deny", {**item, "reason": reason})


def _seen(duty: Duty) -> "Look":
    return lambda line, m, world: duty(line, m)


Look = Callable[[Line, Moment, World], Act | None]

AT_AUTHORITY: Final[Mapping[str, Look]] = {
    **{queue: _seen(duty) for queue, duty in duties.AUTHORITY.items()},
    "examination.reviewing": examine,
    "handover.ready_for_pickup": fetch,
    "returns.old_coming_back": receive_old,
    "returns.on_shelf": decide_return,
    "returns.to_destroy": destroy,
    "tracking.on_the_way": on_the_way,
    "tracking.reported": confirm_or_deny,
    "tracking.denied": settle_dispute,
    "tracking.disputed": settle_dispute,
    "tracking.incident": settle_search,
    "contact.unreachable": settle_contact,
    "readdressing.asked": decide_address,
    "help.open": answer_help,
    "statement.differences": settle_differences,
    "stock.low": more_blanks,
}


def bags(lines: Sequence[Line], m: Moment) -> Iterator[Deed]:
    """For the collection everything sealed of a city goes into one bag."""
    by_city: dict[int, list[Line]] = {}
    for line in lines:
        by_city.setdefault(line.city, []).append(line)
    for city, sealed in sorted(by_city.items()):
        bag = reference("bg", city, m.now)
        items = {_state(one, "handover")["waybill"]: one.stream for one in sealed}
        item = {"city": city, "bag": bag, "seal": seal_of(bag), "office": f"{city}-1", "items": items}
        orders = [_state(one, "handover")["order"] for one in sealed]
        yield Deed(
            house="authority",
            person=staff("handover_clerk", "collection"),
            action="bag.close",
            item=item,
            key=f"close-{bag}",
            hint={"orders": orders},
        )


def offers(lines: Sequence[Line], m: Moment) -> Iterator[Deed]:
    """What is closed is put out; once in a while a bag is opened again."""
    for line in lines:
        again = m.chance.happens(0.02, line.stream, "opened again")
        item: dict[str, Any] = {"city": line.city, "bag": line.stream}
        if not again:
            item["seal"] = seal_of(line.stream)
        action = "bag.reopen" if again else "bag.offer"
        person = staff("handover_clerk", "collection")
        yield Deed(house="authority", person=person, action=action, item=item, key=key_of(action, line, item))


def seal_of(bag: str) -> str:
    """The number of a bag's seal."""
    return bag.upper().replace("_", "-")


# ---- the post ------------------------------------------------------------------------------------------------------


def _of_item(line: Line, **fields: Any) -> dict[str, Any]:
    waybill = _state(line, "acceptance").get("waybill", "")
    return {"city": line.city, "item": line.stream, "waybill": waybill, **fields}


def missing(line: Line, m: Moment, role: str) -> Act | None:
    """Whoever should find it and does not, reports it."""
    if line.since + PAUSE > m.now:
        return None
    item = _of_item(line, reason=int(Reason.LOST))
    return Act(staff(role, line.city), "undeliverable.open_incident", item)


def _looked_for(duty: Duty, role: str) -> Look:
    def look(line: Line, m: Moment, world: World) -> Act | None:
        return duty(line, m) if world.is_there(line.stream) else missing(line, m, role)

    return look


def slow_vehicle(line: Line, m: Moment, world: World) -> Act | None:
    """Some vehicles break down and stand for days."""
    if m.chance.happens(0.03, line.stream, line.since, "breaks down") and line.since + 3 * DAY > m.now:
        return None
    return _looked_for(duties.arrive, "driver")(line, m, world)


def from_centre(line: Line, m: Moment, world: World) -> Act | None:
    """From a sorting centre, or after a contradicted scan, it goes on."""
    return _looked_for(duties.depart, "sorter")(line, m, world)


def claim_unanswered(line: Line, m: Moment, world: World) -> Act | None:
    """Nobody waits at a door for ever: the claim is taken back, and nothing was handed over."""
    delivery = _state(line, "delivery")
    if line.since + HOUR > m.now or not m.waited(line, HOUR, 40 * HOUR):
        return None
    counter = delivery["state"] == "claimed_at_counter"
    person = {"actor": delivery["courier"], "roles": ["office_clerk" if counter else "courier"]}
    return Act(person, "delivery.void", _of_item(line))


def left_elsewhere(line: Line, m: Moment, world: World) -> Act | None:
    """What lies with a neighbour is fetched again, if it lies there."""
    if not m.waited(line, 20 * HOUR, 60 * HOUR):
        return None
    envelope = world.envelopes.get(line.stream)
    if envelope is None or envelope.place.kind == "recipient":
        return None
    if not world.is_there(line.stream):
        return missing(line, m, "postal_manager")
    courier = {"actor": _state(line, "delivery")["courier"], "roles": ["courier"]}
    return Act(courier, "delivery.take_back", _of_item(line, occurred_at=m.now))


def offered_in_vain(line: Line, m: Moment, world: World) -> Act | None:
    """The issuing office was closed: the driver takes it along again."""
    if not m.waited(line, 60 * HOUR, 90 * HOUR):
        return None
    return Act(staff("driver", line.city), "undeliverable.withdraw_offer", _of_item(line))


def clear(line: Line, m: Moment, world: World) -> Act | None:
    """The manager finds out why a scan contradicted custody."""
    if not m.waited(line, HOUR, 20 * HOUR):
        return None
    return Act(staff("postal_manager", line.city), "transport.clear_contradiction", _of_item(line))


def bring_back_all(line: Line, m: Moment, world: World) -> Act | None:
    """A return that lies anywhere is brought to the issuing office."""
    if not world.is_there(line.stream):
        return missing(line, m, "office_clerk")
    return duties.bring_home(line, m)


def search(line: Line, m: Moment, world: World) -> Act | None:
    """A search ends: found where it really lies, or not found."""
    envelope = world.envelopes.get(line.stream)
    if envelope is not None and envelope.place.kind == "recipient":
        # Nobody at the post knows; the authority will hear it from the recipient, or settles it.
        return _loss(line, m) if m.waited(line, 12 * DAY, 16 * DAY) else None
    if not m.waited(line, 30 * HOUR, 70 * HOUR):
        return None
    if world.is_there(line.stream):
        place = _state(line, "order")["delivery_office"]
        return Act(staff("postal_manager", line.city), "undeliverable.find", _of_item(line, place=place))
    return _loss(line, m)


def _loss(line: Line, m: Moment) -> Act:
    return Act(staff("postal_manager", line.city), "undeliverable.declare_loss", _of_item(line))


def find_out(line: Line, m: Moment, world: World) -> Act | None:
    """The manager asks the courier, and believes them; now and then nobody knows."""
    if not m.waited(line, 10 * HOUR, 70 * HOUR):
        return None
    known = m.chance.happens(0.7, line.stream, "was asked", line.since)
    envelope = world.envelopes.get(line.stream)
    elsewhere = envelope is not None and envelope.place.kind == "neighbour"
    finding = Finding.NOT_KNOWN if not known else Finding.ELSEWHERE if elsewhere else Finding.HANDED_OVER
    return Act(staff("postal_manager", line.city), "inquiry.answer", _of_item(line, finding=int(finding)))


def settle_differences_of_post(line: Line, m: Moment, world: World) -> Act | None:
    """The same at the post."""
    act = settle_differences(line, m, world)
    return act._replace(person=staff("postal_manager", line.city)) if act is not None else None


def at_counter(line: Line, m: Moment, world: World) -> Act | None:
    """Most fetch it; who never does gets it sent back by the clock. Whoever named a day after all has it brought on that day."""
    wished = _state(line, "delivery").get("wished")
    if (
        wished is not None
        and wished.get("day") == local_day(m.now).isoformat()
        and world.is_there(line.stream)
    ):
        return _taken_out(line, m) if local_hour(m.now) in ROUNDS else None
    return _looked_for(duties.collect, "office_clerk")(line, m, world)


def _taken_out(line: Line, m: Moment) -> Act:
    office = _state(line, "delivery")["office"]
    courier = staff("courier", office, "from the counter", m.now.date())
    scan_id = reference("sc", line.stream, "out", line.since, m.now)
    item = _of_item(line, office=office, scan_id=scan_id, occurred_at=m.now)
    return Act(courier, "delivery.take_out", item)


def wished_otherwise(line: Line, m: Moment) -> str:
    """What the item's worklist says of its recipient's wish: `later`, `counter`, or nothing that speaks against today."""
    wished = _state(line, "delivery").get("wished")
    if wished is None:
        return ""
    if "day" not in wished:
        return "counter"
    return "later" if wished["day"] > local_day(m.now).isoformat() else ""


def hold(line: Line, m: Moment) -> Act:
    """The clerk puts it aside for whoever comes to fetch it."""
    scan_id, place = reference("sc", line.stream, "wished", line.since), _state(line, "delivery")["office"]
    reason = int(Reason.WANTS_COUNTER)
    item = _of_item(line, reason=reason, place=place, scan_id=scan_id, occurred_at=m.now)
    return Act(staff("office_clerk", line.city), "delivery.hold", item)


def seek_number(line: Line, m: Moment, world: World) -> Act | None:
    """The manager tries again whether there are numbers by now."""
    if line.since + PAUSE > m.now or not m.chance.happens(0.3, line.stream, "tries again", m.now):
        return None
    return Act(
        staff("postal_manager", line.city), "acceptance.seek_number", {"city": line.city, "item": line.stream}
    )


AT_POST: Final[Mapping[str, Look]] = {
    "acceptance.awaiting_number": seek_number,
    "transport.at_origin": _looked_for(duties.depart, "sorter"),
    "transport.at_centre": from_centre,
    "transport.rescan": from_centre,
    "transport.on_the_way": slow_vehicle,
    "transport.contradicted": clear,
    "delivery.claimed": claim_unanswered,
    "delivery.claimed_at_counter": claim_unanswered,
    "delivery.held": at_counter,
    "delivery.nonconforming": left_elsewhere,
    "inquiry.open": find_out,
    "undeliverable.returning": bring_back_all,
    "undeliverable.return_offered": offered_in_vain,
    "undeliverable.incident": search,
    "bag.differing": _seen(duties.settle_bag),
    "statement.differences": settle_differences_of_post,
}
AT_DOOR: Final = ("delivery.with_courier", "delivery.attempted")
"""What couriers have in hand: see `couriers`."""


def counted(
    lines: Sequence[Line], m: Moment, orders_of: Callable[[str], Mapping[str, str]]
) -> Iterator[Deed]:
    """The acceptance clerk counts each bag; now and then one comes short, damaged, or not at all."""
    for line in lines:
        if line.since + PAUSE > m.now:
            continue
        bag = line.state or {}
        waybills, aside = list(bag["waybills"]), []
        orders = orders_of(line.stream)
        if m.chance.happens(0.03, line.stream, "short") and len(waybills) > 1:
            waybills = waybills[:-1]
        elif m.chance.happens(0.03, line.stream, "damaged"):
            aside = [{"waybill": waybills.pop(), "reason": int(Reason.DAMAGED)}]
        seal = "" if m.chance.happens(0.01, line.stream, "does not come") else bag["seal"]
        seen = waybills if seal else []
        item = {
            "city": line.city,
            "bag": line.stream,
            "seal_seen": seal,
            "waybills": seen,
            "office": f"{line.city}-A",
            **({"put_aside": aside} if aside and seal else {}),
        }
        yield Deed(
            house="post",
            person=staff("acceptance_clerk", "counting"),
            action="bag.count",
            item=item,
            key=key_of("bag.count", line, item),
            hint={
                "orders": [orders[waybill] for waybill in seen if waybill in orders],
                # It never was in the bag, or is put back: it lies on the authority's shelf.
                "left_out": [order for waybill, order in orders.items() if waybill not in seen],
            },
        )


def rounds(lines: Sequence[Line], m: Moment, world: World) -> Iterator[Deed]:
    """Couriers take out what lies at their office; what does not lie there is reported."""
    by_office: dict[str, list[Line]] = {}
    for line in lines:
        again = _state(line, "delivery").get("attempts", 0) > 0
        if line.since + (10 * HOUR if again else PAUSE) > m.now:
            continue
        wish = wished_otherwise(line, m) if world.is_there(line.stream) else ""
        if wish == "counter":
            yield deed_of("post", line, hold(line, m))
        elif wish == "later":
            # One in ten is taken out all the same, by whoever does not read the list: it is refused.
            if m.chance.happens(0.1, line.stream, m.now, "does not read"):
                act = _taken_out(line, m)
                yield deed_of("post", line, act, courier=act.person["actor"])
        elif world.is_there(line.stream):
            by_office.setdefault(_state(line, "delivery")["office"], []).append(line)
        elif (act := missing(line, m, "office_clerk")) is not None:
            yield deed_of("post", line, act)
    for office, waiting in sorted(by_office.items()):
        for number, lines_of_door in enumerate(_by_door(waiting)):
            courier = staff("courier", office, number // ITEMS_PER_COURIER, m.now.date())
            yield from _out(lines_of_door, m, office, courier)


def _by_door(waiting: Sequence[Line]) -> Iterator[Sequence[Line]]:
    """What goes to one door is taken out by one courier."""
    doors: dict[str, list[Line]] = {}
    for line in sorted(waiting, key=lambda one: one.stream):
        doors.setdefault(_state(line, "delivery").get("stop") or line.stream, []).append(line)
    yield from doors.values()


def _out(lines: Sequence[Line], m: Moment, office: str, courier: Mapping[str, Any]) -> Iterator[Deed]:
    """What goes to one door, at once; now and then one of them is scanned twice, and nothing is taken."""
    scans = {line.stream: reference("sc", line.stream, "out", line.since) for line in lines}
    if len(lines) == 1:
        [line] = lines
        item = _of_item(line, office=office, scan_id=scans[line.stream], occurred_at=m.now)
        yield deed_of("post", line, Act(courier, "delivery.take_out", item), courier=courier["actor"])
        return
    items = [
        {"item": line.stream, "waybill": _of_item(line)["waybill"], "scan_id": scans[line.stream]}
        for line in lines
    ]
    first = lines[0]
    for one in (items, [*items, items[0]]):
        if one is not items and not m.chance.happens(0.1, first.stream, m.now, "scans one twice"):
            continue
        item = {"city": first.city, "office": office, "occurred_at": m.now, "items": one}
        yield Deed(
            house="post",
            person=courier,
            action="stop.take_out",
            item=item,
            key=key_of("stop", first, item),
            hint={"orders": [line.stream for line in lines]},
        )


def deed_of(house: str, line: Line, act: Act, **hint: Any) -> Deed:
    """An act on a line, as a deed."""
    return Deed(
        house=house,
        person=act.person,
        action=act.action,
        item=act.item,
        key=key_of(act.action, line, act.item),
        state=line.state or {},
        hint=hint,
    )


def door_claim(line: Line, m: Moment, method: ProofMethod, code: str = "", **more: Any) -> Act:
    """The courier keys in what the recipient says, or asks the recipient's own session; or says that another is there."""
    courier = {"actor": _state(line, "delivery")["courier"], "roles": ["courier"]}
    said = {"code": code} if code else {}
    item = _of_item(line, method=int(method), occurred_at=m.now, **said, **more)
    return Act(courier, "delivery.claim", item)


def orders_by_waybill(lines: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Waybill -> order."""
    return dict(lines)


def place_of(kind: Any, which: str = "") -> Place:
    """A place."""
    return Place(kind, which)


def local_hour(now: datetime) -> int:
    """The hour in China."""
    return (now + timedelta(hours=8)).hour
