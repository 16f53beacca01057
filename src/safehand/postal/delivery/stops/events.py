"""What has happened to a stop."""

from safehand.kernel.machine import Event


class StopNamed(Event, frozen=True, kw_only=True, tag="stop.named"):
    """The authority named the orders of one door. They may be on their way, over, or not even here."""

    peer: str
    orders: tuple[str, ...]


StopEvent = StopNamed
