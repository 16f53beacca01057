"""What the post knows of whoever else may receive it. Never a name or a number of a telephone."""

from safehand.kernel.machine import Event


class ReceiverNamed(Event, frozen=True, kw_only=True, tag="receiver.named"):
    """Somebody else may receive it, too (109), and nobody who was named before."""

    number: int


class ReceiverReleased(Event, frozen=True, kw_only=True, tag="receiver.released"):
    """Only the recipient may receive it (110)."""

    number: int


class ReceiverForgotten(Event, frozen=True, kw_only=True, tag="receiver.forgotten"):
    """It can be handed to nobody any more, so nothing is kept of whoever was named."""


ReceiverEvent = ReceiverNamed | ReceiverReleased | ReceiverForgotten
