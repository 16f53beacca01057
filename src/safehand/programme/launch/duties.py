"""What each person of the launch does with what waits for them: one small rule per worklist.

A duty looks at one line of a worklist (its state and since when it waits) and says what its person does, if anything.
Everything is drawn by name (`chance`), so the same line gets the same answer however often it is asked. Nobody acts
sooner than `PAUSE` after the line came: so each item moves one stage per moment, and a moment that was cut off and
played again ends as if nothing had happened.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from safehand.kernel.working_days import is_working_day, local_day
from safehand.link.messages import Finding, ProofMethod, Reason
from safehand.programme.launch.chance import Chance
from safehand.programme.launch.houses import Line
from safehand.programme.launch.people import reference, staff

PAUSE = timedelta(minutes=10)
ITEMS_PER_COURIER = 40
FOUND_AT_AUTHORITY = 2
"""How the post's manager clears up a short bag, in the words of its API (`bag.settle_differences`)."""


class Act(NamedTuple):
    """One thing that one person does: who, which action, with what."""

    person: Mapping[str, Any]
    action: str
    item: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Shares:
    """How often things go wrong. Rare things are scaled so that even a small launch sees about two of each."""

    defect: float = 0.06
    no_correction: float = 0.15
    refused: float = 0.01
    no_payment: float = 0.015
    withdrawn: float = 0.004
    spoiled: float = 0.005
    absent: float = 0.14
    never_home: float = 0.01
    wrong_code: float = 0.01
    wrong_envelope: float = 0.0006
    lost: float = 0.0006
    rejected: float = 0.0008
    nonconforming: float = 0.002
    never_collected: float = 0.05

    @classmethod
    def for_launch(cls, *, applications: int) -> "Shares":
        """The shares of a launch of this size."""
        rare = 2.5 / max(applications, 1)
        return cls(
            wrong_envelope=max(cls.wrong_envelope, rare),
            lost=max(cls.lost, rare),
            rejected=max(cls.rejected, rare),
        )


@dataclass(kw_only=True)
class Moment:
    """What all duties of one moment share."""

    now: datetime
    chance: Chance
    shares: Shares
    applicants: Mapping[str, Mapping[str, Any]]
    """Case -> the applicant's session."""
    orders: dict[str, tuple[int, str]] = field(default_factory=dict)
    """Order -> city and case."""

    def waited(self, line: Line, least: timedelta, most: timedelta, *about: object) -> bool:
        """Whether the line has waited as long as its person takes."""
        return line.since + self.chance.between(least, most, line.stream, line.since, *about) <= self.now

    def happens(self, share: float, line: Line, *about: object) -> bool:
        """Whether something happens to this line."""
        return self.chance.happens(share, line.stream, line.since, *about)

    @property
    def office_hours(self) -> bool:
        """Whether the authority's offices are at work."""
        local = (self.now + timedelta(hours=8)).hour
        return 9 <= local < 18 and is_working_day(local_day(self.now))


Duty = Callable[[Line, Moment], Act | None]
HOUR = timedelta(hours=1)


def _of_case(line: Line, **fields: Any) -> dict[str, Any]:
    return {"city": line.city, "case": line.stream, **fields}


def _state(line: Line, step: str) -> dict[str, Any]:
    return (line.state or {}).get(step, {})


# ---- the authority -------------------------------------------------------------------------------------------------


def examine(line: Line, m: Moment) -> Act | None:
    """The examiner asks for all corrections at once, refuses a few, approves the rest."""
    if not m.office_hours or not m.waited(line, HOUR, 20 * HOUR):
        return None
    examiner = staff("examiner", line.city)
    if m.happens(m.shares.defect, line, "defect"):
        signature = m.happens(0.4, line, "signature")
        defects = ["signature.ruled_paper"] if signature else ["photo.background", "photo.face_size"]
        return Act(examiner, "examination.ask_correction", _of_case(line, defects=defects))
    if m.happens(m.shares.refused, line, "refused"):
        return Act(examiner, "examination.refuse", _of_case(line, reason="conditions_not_met"))
    return Act(examiner, "examination.approve", _of_case(line))


def correct(line: Line, m: Moment) -> Act | None:
    """The applicant sends again what was asked for; some miss the seven days."""
    if m.happens(m.shares.no_correction, line, "misses") or not m.waited(line, 2 * HOUR, 100 * HOUR):
        return None
    asked = _state(line, "application").get("asked", [])
    parts = {part: m.chance.token("again", line.stream, part) for part in asked}
    return Act(m.applicants[line.stream], "application.correct", _of_case(line, parts=parts))


def pays(line: Line, m: Moment) -> Act | None:
    """The applicant pays within two days; a few never do. Paying itself takes more than one call (`play`)."""
    if m.happens(m.shares.no_payment, line, "never pays") or not m.waited(line, HOUR, 50 * HOUR):
        return None
    return Act(m.applicants[line.stream], "payment.begin", _of_case(line))


def looked_at(line: Line, m: Moment) -> Act | None:
    """What a collection or a round takes together; no single line is acted on."""
    return None


def draw_blank(line: Line, m: Moment) -> Act | None:
    """The production clerk draws the next blank; a few applicants withdraw in the last moment."""
    if not _state(line, "production").get("make") and m.happens(m.shares.withdrawn, line, "withdraws"):
        return Act(m.applicants[line.stream], "application.withdraw", _of_case(line))
    if not m.office_hours or not m.waited(line, HOUR, 8 * HOUR):
        return None
    stock = f"st_{line.city}_{_state(line, 'application')['document']}"
    item = {"city": line.city, "stock": stock, "case": line.stream}
    return Act(staff("production_clerk", "drawer"), "stock.draw", item)


def print_document(line: Line, m: Moment) -> Act | None:
    """The machine prints."""
    if line.since + PAUSE > m.now:
        return None
    blank = _state(line, "production")["blank"]
    return Act(staff("production_clerk", "printer"), "production.record_printed", _of_case(line, blank=blank))


def check_document(line: Line, m: Moment) -> Act | None:
    """A second person compares; a spoiled blank is burned before a witness."""
    if line.since + PAUSE > m.now:
        return None
    blank, checker = _state(line, "production")["blank"], staff("production_clerk", "checker")
    if m.happens(m.shares.spoiled, line, "spoiled"):
        witness = staff("production_clerk", "witness")["actor"]
        item = _of_case(line, blank=blank, reason="misprint", witness=witness)
        return Act(checker, "production.spoil", item)
    return Act(checker, "production.pass_check", _of_case(line, blank=blank))


def print_label(line: Line, m: Moment) -> Act | None:
    """The hand-over clerk prints the label."""
    if line.since + PAUSE > m.now:
        return None
    return Act(staff("handover_clerk", line.city), "handover.print_label", _of_case(line))


def seal(line: Line, m: Moment) -> Act | None:
    """Two persons marry document and envelope; once in a while somebody grabs the wrong one, and the scan says so."""
    if line.since + PAUSE > m.now:
        return None
    handover = _state(line, "handover")
    waybill, blank = handover["waybill"], _state(line, "production")["blank"]
    if not handover.get("wrong_envelopes") and m.happens(m.shares.wrong_envelope, line, "wrong envelope"):
        blank += 1
    item = _of_case(line, waybill=waybill, blank=blank, second_person=reference("st", "second", line.city))
    return Act(staff("handover_clerk", line.city), "handover.seal", item)


def put_on_counter(line: Line, m: Moment) -> Act | None:
    """What is to be fetched lies at the counter."""
    on_shelf_for_post = line.state is not None and _state(line, "handover").get("mode") != "counter"
    if line.since + PAUSE > m.now or (
        on_shelf_for_post and _state(line, "handover").get("state") == "on_shelf"
    ):
        return None
    blank = _state(line, "production")["blank"]
    return Act(staff("handover_clerk", line.city), "handover.ready_for_pickup", _of_case(line, blank=blank))


def pick_up(line: Line, m: Moment) -> Act | None:
    """The applicant comes to the counter and is compared with the ID card; a few never come."""
    never = m.chance.happens(m.shares.never_collected, line.stream, "never fetches")
    if never or not m.office_hours or not m.waited(line, 3 * HOUR, 150 * HOUR):
        return None
    item = _of_case(
        line,
        blank=_state(line, "production")["blank"],
        is_applicant=True,
        face_matches=True,
        id_card_valid=True,
    )
    return Act(staff("authority_counter_clerk", line.city), "handover.pick_up", item)


def recount(line: Line, m: Moment) -> Act | None:
    """What was short in the bag is mostly found on the shelf."""
    if line.since + PAUSE > m.now:
        return None
    clerk = staff("handover_clerk", line.city)
    if m.happens(0.2, line, "gone"):
        second = reference("st", "second", line.city)
        return Act(clerk, "handover.declare_missing", _of_case(line, second_person=second))
    return Act(clerk, "handover.found_on_shelf", _of_case(line, waybill=_state(line, "handover")["waybill"]))


def confirm_reported(line: Line, m: Moment) -> Act | None:
    """What a carrier only reported is confirmed by the recipient in the own session."""
    if not m.waited(line, HOUR, 30 * HOUR):
        return None
    return Act(m.applicants[line.stream], "tracking.confirm_receipt", _of_case(line))


def receive_return(line: Line, m: Moment) -> Act | None:
    """The clerk scans a returned envelope in."""
    if line.since + PAUSE > m.now:
        return None
    waybill = _state(line, "tracking").get("waybill") or _state(line, "handover").get("waybill", "")
    return Act(staff("handover_clerk", line.city), "returns.receive", _of_case(line, waybill=waybill))


def decide_return(line: Line, m: Moment) -> Act | None:
    """A misprint is made again; what nobody collected is kept at the counter, sent again, or given up."""
    if not m.office_hours or line.since + PAUSE > m.now:
        return None
    clerk, reason = staff("handover_clerk", line.city), _state(line, "returns").get("reason", 0)
    if reason in (Reason.MISPRINT, Reason.DAMAGED, Reason.SEAL_BROKEN):
        return Act(clerk, "returns.invalidate", _of_case(line, remake=True))
    if _state(line, "handover").get("mode") == "counter":
        return Act(clerk, "returns.invalidate", _of_case(line, remake=False))
    if m.happens(0.5, line, "kept"):
        return Act(clerk, "returns.keep_for_pickup", _of_case(line))
    if m.happens(0.8, line, "sent again"):
        return Act(clerk, "returns.resend", _of_case(line))
    return Act(clerk, "returns.invalidate", _of_case(line, remake=False))


def destroy(line: Line, m: Moment) -> Act | None:
    """An invalid document ends before two witnesses."""
    if not m.office_hours or line.since + PAUSE > m.now:
        return None
    made = _state(line, "papers").get("made", [])
    invalid = [one for one in made if not one.get("valid") and one["account"] == "return_shelf"]
    if not invalid:
        return None
    witnesses = {
        "first_witness": reference("st", "witness 1", line.city),
        "second_witness": reference("st", "witness 2", line.city),
    }
    item = _of_case(line, make=invalid[0]["make"], blank=invalid[0]["blank"], **witnesses)
    return Act(staff("handover_clerk", line.city), "returns.destroy", item)


AUTHORITY: Mapping[str, Duty] = {
    "application.correcting": correct,
    "examination.reviewing": examine,
    "production.waiting_blank": draw_blank,
    "production.started": print_document,
    "production.printed": check_document,
    "handover.to_label": print_label,
    "handover.labelled": seal,
    "handover.on_shelf": put_on_counter,
    "handover.to_counter": put_on_counter,
    "handover.ready_for_pickup": pick_up,
    "handover.recount": recount,
    "tracking.reported": confirm_reported,
    "returns.offered": receive_return,
    "returns.old_coming_back": receive_return,
    "returns.on_shelf": decide_return,
    "returns.to_destroy": destroy,
}


# ---- the post ------------------------------------------------------------------------------------------------------


def _of_item(line: Line, **fields: Any) -> dict[str, Any]:
    return {
        "city": line.city,
        "item": line.stream,
        "waybill": _state(line, "acceptance")["waybill"],
        **fields,
    }


def _scan(line: Line, m: Moment, what: str, place: str, **fields: Any) -> dict[str, Any]:
    scan_id = reference("sc", line.stream, what, line.since)
    return _of_item(line, scan_id=scan_id, place=place, occurred_at=m.now, **fields)


def depart(line: Line, m: Moment) -> Act | None:
    """The sorter sends the item to its delivery office."""
    if line.since + PAUSE > m.now:
        return None
    item = _scan(line, m, "depart", f"{line.city}-A", leg=f"LEG-{line.city}")
    return Act(staff("sorter", line.city), "transport.depart", item)


def arrive(line: Line, m: Moment) -> Act | None:
    """The driver arrives at the delivery office; once in a while an item is not in the vehicle any more."""
    if line.since + PAUSE > m.now:
        return None
    driver = staff("driver", line.city)
    if m.chance.happens(m.shares.lost, line.stream, "lost"):
        return Act(driver, "undeliverable.open_incident", _of_item(line, reason=int(Reason.LOST)))
    office = _state(line, "order")["delivery_office"]
    return Act(driver, "transport.arrive_office", _scan(line, m, "office", office))


def at_door(line: Line, m: Moment) -> Act | None:
    """The courier rings. At home: the recipient proves it. Away: the attempt has failed."""
    if line.since + PAUSE > m.now:
        return None
    delivery, chance, shares = _state(line, "delivery"), m.chance, m.shares
    courier = {"actor": delivery["courier"], "roles": ["courier"]}
    attempt = delivery.get("attempts", 0) + 1
    if chance.happens(shares.rejected, line.stream, "rejected"):
        item = _of_item(line, reason=int(Reason.MISPRINT), occurred_at=m.now)
        return Act(courier, "delivery.reject_at_door", item)
    if chance.happens(shares.nonconforming, line.stream, "neighbour"):
        item = _of_item(line, carrier_code="20", occurred_at=m.now)
        return Act(courier, "delivery.report_nonconforming", item)
    away = chance.happens(shares.never_home, line.stream, "never home")
    if away or chance.happens(shares.absent, line.stream, attempt, "away"):
        item = _of_item(
            line, reason=int(Reason.ABSENT), attempt=attempt, place=delivery["office"], occurred_at=m.now
        )
        return Act(courier, "delivery.fail", item)
    if delivery.get("claims", 0) == 0 and chance.happens(shares.wrong_code, line.stream, "wrong code"):
        item = _of_item(line, method=int(ProofMethod.RECIPIENT_CODE), code="00000000", occurred_at=m.now)
        return Act(courier, "delivery.claim", item)
    item = _of_item(line, method=int(ProofMethod.RECIPIENT_SESSION), occurred_at=m.now)
    return Act(courier, "delivery.claim", item)


def bring_back(line: Line, m: Moment) -> Act | None:
    """What could not be handed over comes back to the office before the evening."""
    if line.since + PAUSE > m.now:
        return None
    delivery = _state(line, "delivery")
    courier = {"actor": delivery["courier"], "roles": ["courier"]}
    return Act(courier, "delivery.bring_back", _scan(line, m, "back", delivery["office"]))


def collect(line: Line, m: Moment) -> Act | None:
    """Most recipients fetch what is held at the post office and confirm in their own session."""
    never = m.chance.happens(0.25, line.stream, "never collects")
    if never or not m.waited(line, 5 * HOUR, 120 * HOUR):
        return None
    item = _of_item(line, method=int(ProofMethod.RECIPIENT_SESSION), occurred_at=m.now)
    return Act(staff("office_clerk", line.city), "delivery.claim_at_counter", item)


def bring_home(line: Line, m: Moment) -> Act | None:
    """A return goes to the issuing office's door; what is still with the courier comes to the office first."""
    if line.since + PAUSE > m.now:
        return None
    held = _state(line, "custody").get("account", "")
    if held.startswith("courier:"):
        delivery = _state(line, "delivery")
        courier = {"actor": delivery["courier"], "roles": ["courier"]}
        return Act(courier, "delivery.bring_back", _scan(line, m, "back", delivery["office"]))
    return Act(staff("driver", line.city), "undeliverable.offer_return", _of_item(line))


def settle_bag(line: Line, m: Moment) -> Act | None:
    """The manager clears up what was short: the authority found it, or declared it missing."""
    if not m.waited(line, 20 * HOUR, 40 * HOUR):
        return None
    item = {"city": line.city, "bag": line.stream, "how": FOUND_AT_AUTHORITY}
    return Act(staff("postal_manager", line.city), "bag.settle_differences", item)


def search(line: Line, m: Moment) -> Act | None:
    """After some days the search is closed: mostly without the item."""
    if not m.waited(line, 30 * HOUR, 70 * HOUR):
        return None
    manager = staff("postal_manager", line.city)
    if m.happens(0.15, line, "found"):
        place = _state(line, "order")["delivery_office"]
        return Act(manager, "undeliverable.find", _of_item(line, place=place))
    return Act(manager, "undeliverable.declare_loss", _of_item(line))


def find_out(line: Line, m: Moment) -> Act | None:
    """The courier is asked where it was handed over."""
    if not m.waited(line, 10 * HOUR, 40 * HOUR):
        return None
    finding = Finding.HANDED_OVER if m.happens(0.7, line, "remembers") else Finding.NOT_KNOWN
    return Act(staff("postal_manager", line.city), "inquiry.answer", _of_item(line, finding=int(finding)))


POST: Mapping[str, Duty] = {
    "transport.at_origin": depart,
    "transport.on_the_way": arrive,
    "delivery.with_courier": at_door,
    "delivery.attempted": bring_back,
    "delivery.held": collect,
    "undeliverable.returning": bring_home,
    "undeliverable.incident": search,
    "inquiry.open": find_out,
    "bag.differing": settle_bag,
}
