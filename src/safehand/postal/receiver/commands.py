"""What may be told of whoever else may receive an item, and who may tell it."""

from datetime import datetime
from typing import Annotated, Final

from msgspec import Meta

from safehand.kernel.machine import Command

Number = Annotated[int, Meta(ge=1, le=100)]


class NameReceiver(Command, frozen=True, kw_only=True, tag="receiver.name"):
    """Link 109. Who it is, goes into the vault with it."""

    number: Number
    at: datetime


class ReleaseReceiver(Command, frozen=True, kw_only=True, tag="receiver.release"):
    """Link 110. With it the vault's record is made empty."""

    number: Number
    at: datetime


class RecordForgotten(Command, frozen=True, kw_only=True, tag="receiver.record_forgotten"):
    """The job: the item is over, and with this the vault's record is made empty."""


ReceiverCommand = NameReceiver | ReleaseReceiver | RecordForgotten

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    NameReceiver: frozenset({"authority"}),
    ReleaseReceiver: frozenset({"authority"}),
    RecordForgotten: frozenset({"system"}),
}
