"""The states of a hand-over, how they follow each other, and who waits where."""

from enum import StrEnum
from typing import Final

from safehand.authority.handover import events as e
from safehand.kernel.steps import ClockedStep, Table, Wait


class HandoverState(StrEnum):
    """Where the document stands on its way out of the house."""

    NONE = "none"
    ON_SHELF = "on_shelf"
    ORDERED = "ordered"
    TO_LABEL = "to_label"
    LABELLED = "labelled"
    SEALED = "sealed"
    BAGGED = "bagged"
    OFFERED = "offered"
    RECOUNT = "recount"
    ACCEPTED = "accepted"
    MISSING = "missing"
    TO_COUNTER = "to_counter"
    READY_FOR_PICKUP = "ready_for_pickup"
    PICKED_UP = "picked_up"
    NOT_TAKEN = "not_taken"


S = HandoverState

WORDS: Final = {
    S.NONE: ("not ready for hand-over", "尚未进入交接"),
    S.ON_SHELF: ("on the hand-over shelf", "待交接"),
    S.ORDERED: ("waiting for the post's waybill", "待邮政分配单号"),
    S.TO_LABEL: ("waiting for its label", "待打印面单"),
    S.LABELLED: ("waiting for the envelope to be sealed", "待封装"),
    S.SEALED: ("sealed", "已封装"),
    S.BAGGED: ("in a closed bag", "已装袋"),
    S.OFFERED: ("offered to the post", "待邮政签收"),
    S.RECOUNT: ("being recounted", "清点中"),
    S.ACCEPTED: ("with the post", "已交邮"),
    S.MISSING: ("missing", "遗失"),
    S.TO_COUNTER: ("on its way to the counter", "转送窗口中"),
    S.READY_FOR_PICKUP: ("ready for pick-up", "待领取"),
    S.PICKED_UP: ("picked up", "已领取"),
    S.NOT_TAKEN: ("not taken at the counter", "未领取"),
}

TABLE: Final[Table] = {
    (S.NONE, e.HandoverOpened): S.ON_SHELF,
    (S.ON_SHELF, e.OrderPlaced): S.ORDERED,
    (S.ON_SHELF, e.ReadyForPickup): S.READY_FOR_PICKUP,
    (S.ON_SHELF, e.HandoverRanLate): S.ON_SHELF,
    (S.ORDERED, e.WaybillRecorded): S.TO_LABEL,
    (S.ORDERED, e.OrderRefused): S.TO_COUNTER,
    (S.ORDERED, e.ChangedToPickup): S.TO_COUNTER,
    (S.ORDERED, e.HandoverRanLate): S.ORDERED,
    (S.TO_LABEL, e.LabelPrinted): S.LABELLED,
    (S.TO_LABEL, e.ChangedToPickup): S.TO_COUNTER,
    (S.TO_LABEL, e.HandoverRanLate): S.TO_LABEL,
    (S.LABELLED, e.LabelPrinted): S.LABELLED,
    (S.LABELLED, e.EnvelopeSealed): S.SEALED,
    (S.LABELLED, e.WrongEnvelopeCaught): S.LABELLED,
    (S.LABELLED, e.ChangedToPickup): S.TO_COUNTER,
    (S.LABELLED, e.HandoverRanLate): S.LABELLED,
    (S.SEALED, e.LabelPrinted): S.SEALED,
    (S.SEALED, e.EnvelopeUnsealed): S.LABELLED,
    (S.SEALED, e.EnvelopeBagged): S.BAGGED,
    (S.SEALED, e.ChangedToPickup): S.TO_COUNTER,
    (S.SEALED, e.HandoverRanLate): S.SEALED,
    (S.BAGGED, e.TakenOutOfBag): S.SEALED,
    (S.BAGGED, e.HandoverOffered): S.OFFERED,
    (S.OFFERED, e.HandoverAccepted): S.ACCEPTED,
    (S.OFFERED, e.HandoverRefused): S.RECOUNT,
    (S.RECOUNT, e.FoundOnShelf): S.SEALED,
    (S.RECOUNT, e.EnvelopeUnsealed): S.LABELLED,
    (S.RECOUNT, e.DeclaredMissing): S.MISSING,
    (S.RECOUNT, e.HandoverRanLate): S.RECOUNT,
    (S.TO_COUNTER, e.ReadyForPickup): S.READY_FOR_PICKUP,
    (S.TO_COUNTER, e.HandoverRanLate): S.TO_COUNTER,
    (S.READY_FOR_PICKUP, e.PickedUp): S.PICKED_UP,
    (S.READY_FOR_PICKUP, e.PickupLapsed): S.NOT_TAKEN,
    (S.READY_FOR_PICKUP, e.RejectedAtCounter): S.NOT_TAKEN,
    # The same document again after its return, or the next one after it was made anew.
    (S.ACCEPTED, e.HandoverOpened): S.ON_SHELF,
    (S.MISSING, e.HandoverOpened): S.ON_SHELF,
    (S.NOT_TAKEN, e.HandoverOpened): S.ON_SHELF,
    # News of a cancelled order comes when it comes, and moves nothing but the book of envelopes.
    **{(state, e.WaybillCameLate): state for state in S if state is not S.NONE},
}
_CLERK: Final = Wait("handover_clerk", "handover_working_days", "authority_manager")
WAITING: Final = {
    S.ON_SHELF: Wait("handover_clerk", "to_counter_working_days", "authority_manager"),
    S.ORDERED: Wait("post", "waybill_hours", "authority_manager"),
    S.TO_LABEL: _CLERK,
    S.LABELLED: _CLERK,
    S.SEALED: _CLERK,
    # Their clock is the bag's: one line for the bag, not one for each of its hundreds of items.
    S.BAGGED: Wait("handover_clerk"),
    S.OFFERED: Wait("post"),
    S.RECOUNT: Wait("handover_clerk", "recount_hours", "authority_manager"),
    S.TO_COUNTER: Wait("handover_clerk", "to_counter_working_days", "authority_manager"),
    S.READY_FOR_PICKUP: Wait("applicant", "pickup_days"),
}
HANDED_ON: Final = frozenset({S.ACCEPTED, S.MISSING, S.NOT_TAKEN})
TERMINAL: Final = frozenset({S.PICKED_UP})


class Handover(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """One document's way out: the order, the post's number, the label, the bag."""

    state: HandoverState = S.NONE
    mode: str = ""
    free: bool = False
    order: str = ""
    placed: tuple[str, ...] = ()
    numbered: tuple[str, ...] = ()
    """Of these: orders to which the post gave a number, so that both books count an envelope."""
    """Every order of the case: under each the post knows the person."""
    cancelled: str = ""
    """The order that was cancelled last: what the post still says of it crossed our cancellation."""
    destination: int = 0
    peer: str = ""
    waybill: str = ""
    routing: str = ""
    token: bytes = b""
    prints: int = 0
    bag: str = ""
    wrong_envelopes: int = 0
