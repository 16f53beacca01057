"""What can happen to a telephone number. Never the number."""

from datetime import datetime

from safehand.kernel.machine import Event


class PhoneChangeAsked(Event, frozen=True, kw_only=True, tag="telephone.asked"):
    """A code goes to the new number; the old one is told."""

    change: int
    due_at: datetime


class PhoneCodeWrong(Event, frozen=True, kw_only=True, tag="telephone.code_wrong"):
    """What was said is not the code."""


class PhoneChanged(Event, frozen=True, kw_only=True, tag="telephone.changed"):
    """It is proven and holds: the vault has it."""


class PhoneChangeStopped(Event, frozen=True, kw_only=True, tag="telephone.stopped"):
    """The old number stays."""


class PhoneChangeLapsed(Event, frozen=True, kw_only=True, tag="telephone.lapsed"):
    """The code was not said in time, or too often wrong: the old number stays."""


TelephoneEvent = PhoneChangeAsked | PhoneCodeWrong | PhoneChanged | PhoneChangeStopped | PhoneChangeLapsed
