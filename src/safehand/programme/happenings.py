"""What can happen to an application, in the order of the process: which act of whom it is at which house."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final, NamedTuple
from zoneinfo import ZoneInfo

from safehand.link.messages import ProofMethod, Reason
from safehand.programme.setting_up import login_in, staff_reference

HOME_CITY: Final = "310000"
"""Where the cast's staff work; elsewhere their colleagues do."""
PARTS: Final = ("photo", "signature", "id_card_front", "id_card_back")
ROUND_FIRST_HOUR, ROUND_LAST_MINUTE = 6, (20, 30)
"""The post's rounds: nothing is taken out at night (postal facts)."""
DIFFERENCE_MISSING: Final = 3
_BASE32: Final = str.maketrans("0189", "ghij")
"""References are written in a-z and 2-7 (link.messages.Reference)."""


@dataclass(frozen=True, kw_only=True)
class Resident:
    """One application: whose, where, for what, what happened to it in order, and the states it ends up in."""

    who: str | int
    """A key of the cast, or the number of a resident within the city."""
    city: int
    happened: tuple[str, ...]
    rests: tuple[str, ...]
    """`house:queue` of worklists, or `house:name` of a tally."""
    document: str = "passport"
    mode: str = "post"
    bag: str = ""
    """Which of the day's bags of the city the envelope goes into."""
    destination: int = 0
    """Another district or city than the person's own."""
    phone: str = ""
    """Another number than the person's own, and no e-mail address."""


@dataclass
class Life:
    """One resident's application as far as it has come."""

    resident: Resident
    sign_in: str
    """What the sandbox's sign-in knows the person by."""
    phone: str
    email: str
    address: str
    destination: int
    done: int = 0
    facts: dict[str, Any] = field(default_factory=dict)
    """Case, blank, make, order, waybill, bag: what later acts need of earlier ones."""

    @property
    def key(self) -> str:
        """Names the life in idempotency keys and in the notes."""
        return f"{self.resident.who}-{self.resident.city}-{self.resident.document}"

    @property
    def next(self) -> str | None:
        """What happens next to this one, if anything."""
        happened = self.resident.happened
        return happened[self.done] if self.done < len(happened) else None


Fields = Callable[[Life, datetime], dict[str, Any]]


class Happening(NamedTuple):
    """One act: at which house, its action, by whom (a login of the cast, or `applicant`), with which fields."""

    house: str
    action: str
    by: str
    fields: Fields
    teaches: bool = False
    """Afterwards somebody knows more: a blank was drawn, an order placed."""


def reference(prefix: str, *parts: object) -> str:
    """A reference that always comes out the same for the same parts."""
    digest = hashlib.sha256("\x1f".join(str(part) for part in parts).encode()).hexdigest()
    return f"{prefix}_{digest[:20].translate(_BASE32)}"


def stock_of(*, city: int, document: str) -> str:
    """The stream of a city's blanks of one kind."""
    return f"st_{city}_{document}"


def seal_of(bag: str) -> str:
    """The seal on a bag."""
    return f"S-{bag.partition('_')[2].upper()}"


def in_round(at: datetime) -> datetime:
    """The moment, or in the night the end of the last round: a scan that is told late."""
    local = at.astimezone(ZoneInfo("Asia/Shanghai"))
    hour, minute = ROUND_LAST_MINUTE
    evening = local.replace(hour=hour, minute=minute, second=0, microsecond=0)
    if local.hour < ROUND_FIRST_HOUR:
        return evening - timedelta(days=1)
    return min(local, evening)


def colleague(life: Life, login: str) -> str:
    """The reference of a second person in the same city."""
    return staff_reference(login_in(login=login, city=str(life.resident.city), home=HOME_CITY))


def digest_of(life: Life, part: str) -> str:
    """Stands for the photo or scan that was sent."""
    return hashlib.sha256(f"{life.key}\x1f{part}".encode()).hexdigest()


def _application(life: Life, at: datetime) -> dict[str, Any]:
    return {
        "city": life.resident.city,
        "document": life.resident.document,
        "ground": "expiring",
        "mode": life.resident.mode,
        "office": f"{life.resident.city}-1",
        "phone": life.phone,
        "email": life.email,
        "destination": life.destination,
        "address": life.address,
        "travels": False,
        "consents_to_face_comparison": True,
    } | {part: digest_of(life, part) for part in PARTS}


def _case(*names: str, **more: Any) -> Fields:
    """City and case, facts by name, and fixed fields."""

    def fields(life: Life, at: datetime) -> dict[str, Any]:
        known = {name: life.facts[name] for name in names}
        return {"city": life.resident.city, "case": life.facts["case"], **known, **more}

    return fields


def _with_colleague(inner: Fields, **logins: str) -> Fields:
    return lambda life, at: inner(life, at) | {name: colleague(life, login) for name, login in logins.items()}


def _item(**more: Any) -> Fields:
    """City, item and waybill, and fixed fields."""
    return lambda life, at: {
        "city": life.resident.city,
        "item": life.facts["order"],
        "waybill": life.facts["waybill"],
        **more,
    }


def _acted(inner: Fields) -> Fields:
    return lambda life, at: inner(life, at) | {"occurred_at": at.isoformat()}


def _scanned(what: str, place: Callable[[Life], str], *, by_day: bool = False, **more: Any) -> Fields:
    """A scan: its name, place and time."""

    def fields(life: Life, at: datetime) -> dict[str, Any]:
        occurred_at = in_round(at) if by_day else at
        return {
            **_item(**more)(life, at),
            "scan_id": _scan(life, what),
            "place": place(life),
            "occurred_at": occurred_at.isoformat(),
        }

    return fields


def _scan(life: Life, what: str) -> str:
    return reference("sc", life.facts["waybill"], what)


def _acceptance(life: Life) -> str:
    return f"{life.resident.city}-A"


def _centre(life: Life) -> str:
    return f"{life.resident.city}-C"


def _delivery(life: Life) -> str:
    return str(life.destination)


def _taken_out(what: str) -> Fields:
    scanned = _scanned(what, _delivery, by_day=True)

    def fields(life: Life, at: datetime) -> dict[str, Any]:
        found = scanned(life, at)
        return {name: value for name, value in found.items() if name != "place"} | {"office": found["place"]}

    return fields


def _failed(reason: Reason) -> Fields:
    return lambda life, at: _acted(_item(reason=int(reason), attempt=1, place=_delivery(life)))(life, at)


def _draw(life: Life, at: datetime) -> dict[str, Any]:
    city, document = life.resident.city, life.resident.document
    return {"city": city, "stock": stock_of(city=city, document=document), "case": life.facts["case"]}


def _corrected(life: Life, at: datetime) -> dict[str, Any]:
    return _case(parts={"photo": digest_of(life, "better photo")})(life, at)


def _nothing(life: Life, at: datetime) -> dict[str, Any]:
    return {}


A, P = "authority", "post"
_PICKED = {"is_applicant": True, "face_matches": True, "id_card_valid": True}

HAPPENINGS: Final[Mapping[str, Happening]] = {
    # application, examination, payment
    "applied": Happening(A, "application.submit", "applicant", _application),
    "asked to correct": Happening(
        A, "examination.ask_correction", "examiner", _case(defects=["photo.background"])
    ),
    "corrected": Happening(A, "application.correct", "applicant", _corrected),
    "refused": Happening(A, "examination.refuse", "examiner", _case(reason="identity_doubtful")),
    "approved": Happening(A, "examination.approve", "examiner", _case()),
    "paid": Happening(A, "payment.check", "applicant", _case()),
    "withdrawn": Happening(A, "application.withdraw", "applicant", _case()),
    # production
    "blank drawn": Happening(A, "stock.draw", "production_clerk", _draw, teaches=True),
    "printed": Happening(A, "production.record_printed", "production_clerk", _case("blank")),
    "spoiled": Happening(
        A,
        "production.spoil",
        "production_clerk",
        _with_colleague(_case("blank", reason="chip_failed"), witness="second_production_clerk"),
    ),
    "issued": Happening(A, "production.pass_check", "second_production_clerk", _case("blank"), teaches=True),
    # hand-over, or the counter
    "label printed": Happening(A, "handover.print_label", "handover_clerk", _case()),
    "changed to pick-up": Happening(A, "handover.change_to_pickup", "applicant", _case()),
    "sealed": Happening(
        A,
        "handover.seal",
        "handover_clerk",
        _with_colleague(_case("waybill", "blank"), second_person="production_clerk"),
    ),
    "ready at the counter": Happening(
        A, "handover.ready_for_pickup", "authority_counter_clerk", _case("blank")
    ),
    "picked up": Happening(A, "handover.pick_up", "authority_counter_clerk", _case("blank", **_PICKED)),
    "misprint found": Happening(
        A, "handover.reject_at_counter", "authority_counter_clerk", _case(reason=int(Reason.MISPRINT))
    ),
    "bagged": Happening(A, "bag.close", "handover_clerk", _nothing),
    "bag opened again": Happening(A, "bag.reopen", "handover_clerk", _nothing),
    "offered": Happening(A, "bag.offer", "handover_clerk", _nothing),
    "counted": Happening(P, "bag.count", "acceptance_clerk", _nothing),
    "found short": Happening(P, "bag.count", "acceptance_clerk", _nothing),
    "difference settled": Happening(P, "bag.settle_differences", "postal_city_manager", _nothing),
    "declared missing": Happening(
        A,
        "handover.declare_missing",
        "handover_clerk",
        _with_colleague(_case(), second_person="production_clerk"),
    ),
    # transport
    "departed": Happening(P, "transport.depart", "driver", _scanned("departed", _acceptance, leg="LEG-1")),
    "departure voided": Happening(
        P,
        "transport.void_scan",
        "driver",
        lambda life, at: _item(scan_id=_scan(life, "departed"))(life, at),
    ),
    "at the centre": Happening(P, "transport.arrive", "sorter", _scanned("centre", _centre)),
    "at the office": Happening(P, "transport.arrive_office", "counter_clerk", _scanned("office", _delivery)),
    "recalled": Happening(A, "returns.recall", "handover_clerk", _case(reason=int(Reason.RECALLED))),
    "missed": Happening(P, "undeliverable.open_incident", "sorter", _item(reason=int(Reason.LOST))),
    "lost": Happening(P, "undeliverable.declare_loss", "postal_city_manager", _item()),
    # delivery
    "taken out": Happening(P, "delivery.take_out", "courier", _taken_out("out")),
    "nobody at home": Happening(P, "delivery.fail", "courier", _failed(Reason.ABSENT)),
    "wants the counter": Happening(P, "delivery.fail", "courier", _failed(Reason.WANTS_COUNTER)),
    "declined at the door": Happening(P, "delivery.fail", "courier", _failed(Reason.REFUSED)),
    "misprint at the door": Happening(
        P, "delivery.reject_at_door", "courier", _acted(_item(reason=int(Reason.MISPRINT)))
    ),
    "left with a neighbour": Happening(
        P, "delivery.report_nonconforming", "courier", _acted(_item(carrier_code="704-12"))
    ),
    "brought back": Happening(P, "delivery.bring_back", "courier", _scanned("back", _delivery)),
    "taken out again": Happening(P, "delivery.take_out", "courier", _taken_out("out again")),
    "confirmed at the door": Happening(A, "tracking.confirm_at_door", "applicant", _case()),
    "handed over": Happening(
        P, "delivery.claim", "courier", _acted(_item(method=int(ProofMethod.RECIPIENT_SESSION)))
    ),
    "denied": Happening(A, "tracking.deny_receipt", "applicant", _case()),
    "has it after all": Happening(A, "tracking.confirm_receipt", "applicant", _case()),
    # the way back
    "on the way back": Happening(
        P, "undeliverable.move_return", "driver", _scanned("return", _acceptance, leg="LEG-2")
    ),
    "offered back": Happening(P, "undeliverable.offer_return", "driver", _item()),
    "received back": Happening(A, "returns.receive", "handover_clerk", _case("waybill")),
    "sent again": Happening(A, "returns.resend", "handover_clerk", _case(), teaches=True),
    "kept at the counter": Happening(A, "returns.keep_for_pickup", "handover_clerk", _case()),
    "given up": Happening(A, "returns.invalidate", "handover_clerk", _case(remake=False)),
    "destroyed": Happening(
        A,
        "returns.destroy",
        "handover_clerk",
        _with_colleague(_case("make", "blank"), first_witness="handover_clerk", second_witness="examiner"),
    ),
}
"""By name, in the order of the process."""

TEACHING_QUEUES: Final = (
    "production.started",
    "handover.to_label",
    "handover.on_shelf",
    "handover.to_counter",
)
"""Where a blank or a waybill is first seen."""

_TURNS: Final = {name: number for number, name in enumerate(HAPPENINGS)} | {
    # One count finds what is there and what is short.
    "found short": list(HAPPENINGS).index("counted"),
}


def turn_of(name: str) -> int:
    """Where in the process something happens: the earliest is carried out first, for everybody."""
    return _TURNS[name]


def _bag(*, sealed: bool, **more: Any) -> Callable[[Sequence[Life]], dict[str, Any]]:
    def fields(ones: Sequence[Life]) -> dict[str, Any]:
        bag = ones[0].facts["bag"]
        seal = {"seal": seal_of(bag)} if sealed else {}
        return {"city": ones[0].resident.city, "bag": bag, **seal, **more}

    return fields


def _closed(ones: Sequence[Life]) -> dict[str, Any]:
    items = {one.facts["waybill"]: one.facts["case"] for one in ones}
    return _bag(sealed=True, office=f"{ones[0].resident.city}-1", items=items)(ones)


def _counted(ones: Sequence[Life]) -> dict[str, Any]:
    there = sorted(one.facts["waybill"] for one in ones if one.next == "counted")
    seen = {"seal_seen": seal_of(ones[0].facts["bag"]), "waybills": there, "office": _acceptance(ones[0])}
    return _bag(sealed=False, **seen)(ones)


BAGS: Final[Mapping[str, Callable[[Sequence[Life]], dict[str, Any]]]] = {
    "bagged": _closed,
    "bag opened again": _bag(sealed=False),
    "offered": _bag(sealed=True),
    "counted": _counted,
    "found short": _counted,
    "difference settled": _bag(sealed=False, how=DIFFERENCE_MISSING),
}
"""What happens to a bag happens to all envelopes in it: the fields of the one act."""
