"""The states of a change of the telephone number, how they follow each other, and who waits where."""

from datetime import datetime
from enum import StrEnum
from typing import Final

from safehand.authority.telephone import events as e
from safehand.kernel.steps import ClockedStep, Table, Wait


class TelephoneState(StrEnum):
    """Whether another number is being proven."""

    NONE = "none"
    PROVING = "proving"


S = TelephoneState

WORDS: Final = {
    S.NONE: ("no other number asked for", "未申请更换手机号"),
    S.PROVING: ("another number is being proven", "新手机号待验证"),
}

TABLE: Final[Table] = {
    (S.NONE, e.PhoneChangeAsked): S.PROVING,
    (S.PROVING, e.PhoneCodeWrong): S.PROVING,
    (S.PROVING, e.PhoneChanged): S.NONE,
    (S.PROVING, e.PhoneChangeStopped): S.NONE,
    (S.PROVING, e.PhoneChangeLapsed): S.NONE,
}
WAITING: Final = {S.PROVING: Wait("applicant", "phone_code_minutes")}
TERMINAL: Final = frozenset[TelephoneState]()


class Telephone(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """The change that is being proven, and how many there were."""

    state: TelephoneState = S.NONE
    changes: int = 0
    wrong_codes: int = 0
    changed_at: datetime | None = None
