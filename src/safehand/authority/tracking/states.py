"""The states of an envelope with the post, how they follow each other, and who waits where."""

from datetime import date, datetime
from enum import StrEnum
from typing import Final

import msgspec

from safehand.authority.tracking import events as e
from safehand.kernel.steps import ClockedStep, Table, Wait
from safehand.link.messages import Finding


class TrackingState(StrEnum):
    """Where the envelope stands between the post and its recipient."""

    NONE = "none"
    ON_THE_WAY = "on_the_way"
    REPORTED = "reported"
    DENIED = "denied"
    INCIDENT = "incident"
    TURNED_BACK = "turned_back"
    LOST = "lost"
    DELIVERED = "delivered"
    DISPUTED = "disputed"


S = TrackingState

WORDS: Final = {
    S.NONE: ("not with the post", "尚未交邮"),
    S.ON_THE_WAY: ("on its way", "寄递中"),
    S.REPORTED: ("reported as delivered, not yet confirmed", "邮政称已投递，待确认"),
    S.DENIED: ("denied by the recipient", "收件人称未收到"),
    S.INCIDENT: ("being searched for", "异常查找中"),
    S.TURNED_BACK: ("on its way back", "退回中"),
    S.LOST: ("lost", "已丢失"),
    S.DELIVERED: ("delivered, proven", "已妥投并验证"),
    S.DISPUTED: ("disputed after delivery", "妥投后有争议"),
}

_ANY: Final = (
    S.ON_THE_WAY,
    S.REPORTED,
    S.DENIED,
    S.INCIDENT,
    S.TURNED_BACK,
    S.LOST,
    S.DELIVERED,
    S.DISPUTED,
)
_WITH_POST: Final = (S.ON_THE_WAY, S.REPORTED, S.DENIED)

TABLE: Final[Table] = {
    (S.NONE, e.TrackingOpened): S.ON_THE_WAY,
    (S.TURNED_BACK, e.TrackingOpened): S.ON_THE_WAY,
    (S.LOST, e.TrackingOpened): S.ON_THE_WAY,
    # Scans and voids come late and repeated: they are kept in every state and move none.
    **{(state, e.ScanRecorded): state for state in _ANY},
    **{(state, e.ScanVoidRecorded): state for state in _ANY},
    (S.ON_THE_WAY, e.PutOff): S.ON_THE_WAY,
    **{(state, e.AttemptRecorded): state for state in _WITH_POST},
    # A refused claim is answered in every state: somebody stands at a door.
    **{(state, e.ClaimRefused): state for state in _ANY if state is not S.DELIVERED},
    # Also what was left elsewhere may be fetched again, and brought to the right door.
    **{
        (state, event): state
        for state in (S.ON_THE_WAY, S.REPORTED)
        for event in (e.CourierNamed, e.CourierNear)
    },
    (S.ON_THE_WAY, e.ConfirmedAtDoor): S.ON_THE_WAY,
    (S.REPORTED, e.ConfirmedAtDoor): S.REPORTED,
    (S.ON_THE_WAY, e.ProofSealed): S.DELIVERED,
    (S.REPORTED, e.ProofSealed): S.DELIVERED,
    (S.DENIED, e.ProofSealed): S.DELIVERED,
    (S.INCIDENT, e.ProofSealed): S.DELIVERED,
    (S.ON_THE_WAY, e.DeliveryReported): S.REPORTED,
    (S.REPORTED, e.ReceiptDenied): S.DENIED,
    (S.DELIVERED, e.ReceiptDenied): S.DISPUTED,
    (S.DISPUTED, e.InquiryAnswered): S.DISPUTED,
    (S.DELIVERED, e.DeliveryContradicted): S.DISPUTED,
    **{(state, e.SearchOvertaken): state for state in (S.DELIVERED, S.DISPUTED)},
    (S.DISPUTED, e.DeliveryContradicted): S.DISPUTED,
    (S.DISPUTED, e.DisputeSettled): S.DELIVERED,
    (S.DISPUTED, e.ContradictionEnded): S.DELIVERED,
    # What the post contradicted is settled by a proof of its own, which ends the post's search.
    (S.DISPUTED, e.ProofSealed): S.DELIVERED,
    **{(state, e.RejectionRecorded): S.TURNED_BACK for state in _WITH_POST},
    **{(state, e.TurnedBack): S.TURNED_BACK for state in (*_WITH_POST, S.INCIDENT)},
    (S.INCIDENT, e.FindRecorded): S.TURNED_BACK,
    (S.TURNED_BACK, e.TurnVoided): S.ON_THE_WAY,
    **{(state, e.IncidentRecorded): S.INCIDENT for state in (*_WITH_POST, S.TURNED_BACK)},
    **{(state, e.LossRecorded): S.LOST for state in (*_WITH_POST, S.INCIDENT, S.TURNED_BACK, S.DISPUTED)},
    **{(state, e.TrackingRanLate): state for state in (*_WITH_POST, S.INCIDENT, S.DISPUTED)},
}
WAITING: Final = {
    S.ON_THE_WAY: Wait("post", "silence_hours", "authority_manager"),
    S.REPORTED: Wait("applicant", "reported_days", "authority_manager"),
    S.DENIED: Wait("authority_manager", "dispute_working_days", "authority_manager"),
    S.INCIDENT: Wait("post", "incident_days", "authority_manager"),
    S.DISPUTED: Wait("authority_manager", "dispute_working_days", "authority_manager"),
}
HANDED_ON: Final = frozenset({S.TURNED_BACK, S.LOST})
TERMINAL: Final = frozenset({S.DELIVERED})


class KeptScan(msgspec.Struct, frozen=True, array_like=True):
    """A scan still remembered: to know it again, and to take it back."""

    scan_id: str
    scan: int
    attempts: int
    """How many attempts had failed by then: each round begins anew at the office."""


class Tracking(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """One envelope with the post."""

    state: TrackingState = S.NONE
    order: str = ""
    waybill: str = ""
    peer: str = ""
    scans: tuple[KeptScan, ...] = ()
    voided: tuple[str, ...] = ()
    """Voids remembered, since a void may overtake its scan."""
    attempts: int = 0
    wrong_codes: int = 0
    turned_by: str = ""
    """The scan that said it is coming back; empty when it was something else."""
    contradicted: bool = False
    """The post said that it still has what was sealed as delivered."""
    own_word: bool = False
    """What was sealed is the recipient's own word, or the manager's decision: no claim."""
    searched: bool = False
    """The post was searching when the word was sealed: it will hear the word, and end its search."""
    promised_on: date | None = None
    held_to: date | None = None
    """The last day on which it can be fetched, if it lies at the counter."""
    put_off_to: date | None = None
    """The day that its recipient wished."""
    confirmed_at: datetime | None = None
    courier: str = ""
    """Who is on the way with it, by the post's word; empty: nobody."""
    courier_at: datetime | None = None
    """Since when, by the post's clock; of the last one, also when nobody is on the way any more."""
    near_at: datetime | None = None
    """When that courier last said to be near."""
    nears: int = 0
    """How often, since the courier was named."""
    denials: int = 0
    """How often its recipient said that they don't have it, after a proof: the number of the inquiry (113)."""
    finding: Finding | None = None
    """What the post has found out since the last of them."""
