"""The ways on which a case is walked under kills: real actions of both houses, from submission to each kind of end.

Most acts are those of `programme.happenings`, which the living world is settled with; what it does not need stands
here. A way is a list of names. `CLOCK …` lets the time pass and the clocks ring, `JOB …` runs a house's own job.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, datetime, timedelta
from typing import Any, Final

from safehand.link.messages import ProofMethod, Reason
from safehand.programme.happenings import HAPPENINGS, Happening, Life, reference, stock_of

A, P = "authority", "post"
START_DAY: Final = date(2024, 5, 6)
"""The pilot's first day, on which every way begins."""
PAY = "paid"
CLOCK, JOB = "CLOCK ", "JOB "

Fields = Callable[[Life, datetime], dict[str, Any]]


def _case(*names: str, **more: Any) -> Fields:
    return lambda life, at: {
        "city": life.resident.city,
        "case": life.facts["case"],
        **{name: life.facts[name] for name in names},
        **more,
    }


def _item(**more: Any) -> Fields:
    return lambda life, at: {
        "city": life.resident.city,
        "item": life.facts["order"],
        "waybill": life.facts["waybill"],
        **more,
    }


def _acted(**more: Any) -> Fields:
    return lambda life, at: {**_item(**more)(life, at), "occurred_at": at.isoformat()}


def _scanned(what: str, **more: Any) -> Fields:
    return lambda life, at: {
        **_acted(**more)(life, at),
        "scan_id": reference("sc", life.facts["waybill"], what, at),
        "place": str(life.destination),
    }


def _blanks(life: Life, at: datetime) -> dict[str, Any]:
    first = life.facts["first_blank"]
    stock = stock_of(city=life.resident.city, document=life.resident.document)
    return {"city": life.resident.city, "stock": stock, "first": first, "last": first + 9}


def _a_blank_missing(life: Life, at: datetime) -> dict[str, Any]:
    stock = stock_of(city=life.resident.city, document=life.resident.document)
    return {"city": life.resident.city, "stock": stock, "blank": life.facts["first_blank"] + 9}


def _wrong_envelope(life: Life, at: datetime) -> dict[str, Any]:
    facts = life.facts
    fields = _case("waybill", second_person="st_second")(life, at)
    return {**fields, "blank": facts["blank"] + 1}


def _attempt_of(number: int) -> Fields:
    return lambda life, at: _acted(reason=int(Reason.ABSENT), attempt=number, place=str(life.destination))(
        life, at
    )


def _day_of(peer: str) -> Fields:
    """The second day's statement, which the peer's differs from."""
    return lambda life, at: {
        "city": life.resident.city,
        "daybook": f"sm_{peer}",
        "day": (START_DAY + timedelta(days=1)).isoformat(),
        "cause": "across_midnight",
    }


MORE: Final[Mapping[str, Happening]] = {
    "blanks came": Happening(A, "stock.receive", "production_clerk", _blanks),
    "a blank was missed": Happening(A, "stock.report_missing", "production_clerk", _a_blank_missing),
    "wrong envelope": Happening(A, "handover.seal", "handover_clerk", _wrong_envelope),
    "seal opened": Happening(
        A, "handover.unseal", "handover_clerk", _case(second_person="st_second", reason="label_wrong")
    ),
    "label printed again": Happening(A, "handover.print_label", "handover_clerk", _case(reason="damaged")),
    "found on the shelf": Happening(A, "handover.found_on_shelf", "handover_clerk", _case("waybill")),
    "receipt confirmed": Happening(A, "tracking.confirm_receipt", "applicant", _case()),
    "dispute settled": Happening(
        A, "tracking.settle", "authority_manager", _case(in_hand=True, grade_accepted=False)
    ),
    "erasure ordered": Happening(A, "erasure.order", "authority_manager", _case()),
    "label printed by the post": Happening(
        P,
        "acceptance.print_label",
        "acceptance_clerk",
        lambda life, at: {"city": life.resident.city, "item": life.facts["order"]},
    ),
    "held": Happening(
        P, "delivery.hold", "counter_clerk", _scanned("held", reason=int(Reason.WANTS_COUNTER))
    ),
    "collected at the counter": Happening(
        P, "delivery.claim_at_counter", "counter_clerk", _acted(method=int(ProofMethod.RECIPIENT_SESSION))
    ),
    "wrong code": Happening(
        P,
        "delivery.claim",
        "courier",
        _acted(method=int(ProofMethod.RECIPIENT_CODE), code="00000000"),
    ),
    "claim voided": Happening(P, "delivery.void", "courier", _item()),
    "taken back from the neighbour": Happening(P, "delivery.take_back", "courier", _acted()),
    "nobody at home again": Happening(P, "delivery.fail", "courier", _attempt_of(2)),
    "postage collected": Happening(
        P,
        "settlement.record_collected",
        "courier",
        lambda life, at: _item(amount_fen=life.facts["postage_fen"])(life, at),
    ),
    "return started": Happening(
        P, "undeliverable.start_return", "counter_clerk", _scanned("return", reason=int(Reason.NOT_COLLECTED))
    ),
    "offer withdrawn": Happening(P, "undeliverable.withdraw_offer", "driver", _item()),
    "found": Happening(
        P,
        "undeliverable.find",
        "sorter",
        lambda life, at: _item(place=str(life.destination))(life, at),
    ),
    "contradiction cleared": Happening(P, "transport.clear_contradiction", "postal_city_manager", _item()),
    "difference settled in writing": Happening(A, "statement.settle", "authority_manager", _day_of("post")),
    "erasure ordered at the post": Happening(
        P,
        "erasure.order",
        "postal_city_manager",
        lambda life, at: {"city": life.resident.city, "item": life.facts["order"]},
    ),
}
HAPPEN: Final[Mapping[str, Happening]] = {**HAPPENINGS, **MORE}

_PAID: Final = ("blanks came", "applied", "approved", PAY)
_ISSUED: Final = (*_PAID, "blank drawn", "printed", "issued")
_SEALED: Final = (*_ISSUED, "label printed", "sealed")
_OFFERED: Final = (*_SEALED, "bagged", "offered")
_POSTED: Final = (*_OFFERED, "counted")
_AT_OFFICE: Final = (*_POSTED, "departed", "at the centre", "at the office")
_OUT: Final = (*_AT_OFFICE, "taken out")
_IN_HAND: Final = (*_OUT, "confirmed at the door", "handed over")
_DECLINED: Final = (*_OUT, "declined at the door", "brought back")
_ON_SHELF: Final = (*_DECLINED, "on the way back", "offered back", "received back")
_AGAIN: Final = (
    "blank drawn",
    "printed",
    "issued",
    "label printed",
    "sealed",
    "bagged",
    "offered",
    "counted",
)

WAYS: Final[Mapping[str, tuple[str, ...]]] = {
    "delivered": (
        *_IN_HAND,
        "JOB authority register_entries",
        "CLOCK 30",
        "JOB authority close_days",
        "JOB post close_days",
        "JOB authority checkpoints",
        "JOB post checkpoints",
    ),
    "corrected and refused": ("applied", "asked to correct", "corrected", "refused"),
    "never corrected": ("applied", "asked to correct", "CLOCK 400"),
    "never paid": ("applied", "approved", "CLOCK 400"),
    "withdrawn and refunded": (*_PAID, "withdrawn", "JOB authority refunds"),
    "spoiled and missed": (*_PAID, "a blank was missed", "blank drawn", "spoiled", "blank drawn", "printed"),
    "wrong envelope": (
        *_ISSUED,
        "label printed by the post",
        "label printed",
        "wrong envelope",
        "label printed again",
        "sealed",
        "seal opened",
        "label printed again",
        "sealed",
        "bagged",
        "bag opened again",
    ),
    "short in the bag and found": (
        *_OFFERED,
        "found short",
        "found on the shelf",
        "difference settled",
        "bagged",
        "offered",
        "counted",
    ),
    "short in the bag and made again": (
        *_OFFERED,
        "found short",
        "difference settled",
        "declared missing",
        "JOB authority register_entries",
        *_AGAIN,
    ),
    "fetched at the authority": (
        *_ISSUED,
        "label printed",
        "changed to pick-up",
        "ready at the counter",
        "picked up",
    ),
    "misprint at the counter": (
        *_ISSUED,
        "label printed",
        "changed to pick-up",
        "ready at the counter",
        "misprint found",
        "given up",
        "destroyed",
    ),
    "second attempt with the right code": (
        *_POSTED,
        "departed",
        "departure voided",
        "departed again",
        "at the office",
        "taken out",
        "nobody at home",
        "brought back",
        "taken out again",
        "wrong code",
        "confirmed at the door",
        "postage collected",
        "handed over",
    ),
    "held and collected": (*_AT_OFFICE, "held", "confirmed at the door", "collected at the counter"),
    "held and never collected": (*_AT_OFFICE, "held", "CLOCK 240", "offered back", "received back"),
    "neighbour": (
        *_OUT,
        "left with a neighbour",
        "taken back from the neighbour",
        "left with a neighbour again",
        "receipt confirmed",
    ),
    "disputed": (*_IN_HAND, "denied", "dispute settled"),
    "claim voided": (*_OUT, "handed over, unheard", "claim voided"),
    "sent again": (*_ON_SHELF, "sent again", "label printed", "sealed"),
    "kept at the counter": (
        *_DECLINED,
        "on the way back",
        "offered back",
        "offer withdrawn",
        "offered back again",
        "received back",
        "kept at the counter",
    ),
    "return started by the clerk": (
        *_AT_OFFICE,
        "return started",
        "offered back",
        "received back",
        "given up",
    ),
    "misprint at the door": (*_OUT, "misprint at the door", "brought back"),
    "recalled": (*_POSTED, "recalled"),
    "lost and made again": (*_POSTED, "departed", "missed", "lost", *_AGAIN),
    "lost and found": (*_POSTED, "departed", "missed", "found"),
    "contradicted by a late scan": (
        *_OUT,
        "departed while it is out",
        "brought back",
        "contradiction cleared",
    ),
    "told again with what is new": (*_POSTED, "departed, not acknowledged", "at the centre", "at the office"),
    "told after the day was closed": (
        *_OFFERED,
        "CLOCK 24",
        "counted, unheard",
        "CLOCK 24 unheard",
        "JOB post close_days",
        "JOB authority close_days",
        "difference settled in writing",
    ),
    "erased": ("applied", "withdrawn", "erasure ordered", "JOB authority erasures"),
    "delivered and erased": (
        *_IN_HAND,
        "JOB authority register_entries",
        "JOB authority notices",
        "CLOCK 2",
        "JOB authority notices",
        "erasure ordered",
        "JOB authority erasures",
        "JOB post erasures",
    ),
    "erased by the post": (*_IN_HAND, "erasure ordered at the post", "JOB post erasures"),
}
"""By name. What several ways begin with is killed in the first of them only."""
AGAIN_OF: Final[Mapping[str, str]] = {
    "departed again": "departed",
    "left with a neighbour again": "left with a neighbour",
    "offered back again": "offered back",
    "handed over, unheard": "handed over",
    "counted, unheard": "counted",
    "departed while it is out": "departed",
    "departed, not acknowledged": "departed",
}
"""The same act once more, under a key of its own."""
UNHEARD: Final = frozenset({"handed over, unheard", "counted, unheard", "CLOCK 24 unheard"})
"""After these the houses tell each other nothing yet."""
UNACKNOWLEDGED: Final = frozenset({"departed, not acknowledged"})
"""What these tell the other house is taken there, and the acknowledgement is lost; it comes again, with what is new."""
