"""The book of custody for one item: what an act does to the holder, and the line that it writes."""

from datetime import datetime, timedelta
from typing import Final, assert_never

from safehand.kernel.machine import Move
from safehand.kernel.outcome import Refusal
from safehand.postal.custody import events, refusals
from safehand.postal.custody.states import RECIPIENT, RETURNED, TABLE, Custody
from safehand.postal.steps import moved

SENDER: Final = "sender"
CLOCK_SKEW_MAX: Final = timedelta(minutes=5)
"""How far a courier's telephone may be ahead of us (assumed)."""


def office(code: str) -> str:
    """The account of an office or centre."""
    return f"office:{code}"


def vehicle(leg: str) -> str:
    """The account of a vehicle on a leg."""
    return f"vehicle:{leg}"


def courier(reference: str) -> str:
    """The account of a courier."""
    return f"courier:{reference}"


def counter(code: str) -> str:
    """The account of a post-office counter."""
    return f"counter:{code}"


def check_time(*, occurred_at: datetime, now: datetime) -> Refusal | None:
    """Acts may be told late (a device without a network), but never before they happen."""
    if occurred_at > now + CLOCK_SKEW_MAX:
        return refusals.FROM_FUTURE(at=occurred_at.isoformat(timespec="minutes"))
    return None


def to_account(*, account: str, acted_at: datetime) -> events.ToOffice | events.ToVehicle:
    """The act by which an office or a vehicle, named by its account, has the item."""
    act = events.ToVehicle if account.startswith("vehicle:") else events.ToOffice
    return act(taker=account, acted_at=acted_at)


def fold(custody: Custody, event: events.CustodyEvent, at: datetime) -> Custody:
    """The holder after the act."""
    match event:
        case events.Opened():
            return moved(custody, event, at, TABLE, account=SENDER, acted_at=at)
        case (
            events.ToOffice(taker=taker, acted_at=acted_at)
            | events.ToVehicle(taker=taker, acted_at=acted_at)
            | events.ToCourier(taker=taker, acted_at=acted_at)
            | events.ToCounter(taker=taker, acted_at=acted_at)
            | events.ToIncident(taker=taker, acted_at=acted_at)
        ):
            return moved(custody, event, at, TABLE, account=taker, pending="", acted_at=acted_at)
        case events.OfferedToRecipient(acted_at=acted_at):
            return moved(custody, event, at, TABLE, pending=RECIPIENT, acted_at=acted_at)
        case events.OfferedToSender(acted_at=acted_at):
            return moved(custody, event, at, TABLE, pending=RETURNED, acted_at=acted_at)
        case events.TakenByRecipient():
            return moved(custody, event, at, TABLE, account=RECIPIENT, pending="", acted_at=at)
        case events.TakenBySender():
            return moved(custody, event, at, TABLE, account=RETURNED, pending="", acted_at=at)
        case events.GivenBack():
            return moved(custody, event, at, TABLE, pending="")
        case _:
            assert_never(event)


def move(custody: Custody, event: events.CustodyEvent, unit: str) -> Move | None:
    """The line in the book for an act, seen from before it; none when the item only stays where it is."""
    giver = custody.account
    match event:
        case events.Opened():
            return Move(unit=unit, giver="issued", taker=SENDER, phase="opened")
        case (
            events.ToOffice(taker=taker)
            | events.ToVehicle(taker=taker)
            | events.ToCourier(taker=taker)
            | events.ToCounter(taker=taker)
            | events.ToIncident(taker=taker)
        ):
            return Move(unit=unit, giver=giver, taker=taker, phase="moved") if taker != giver else None
        case events.OfferedToRecipient():
            return Move(unit=unit, giver=giver, taker=RECIPIENT, phase="offered")
        case events.OfferedToSender():
            return Move(unit=unit, giver=giver, taker=RETURNED, phase="offered")
        case events.TakenByRecipient():
            return Move(
                unit=unit, giver=giver, taker=RECIPIENT, phase="accepted" if custody.pending else "moved"
            )
        case events.TakenBySender():
            return Move(
                unit=unit, giver=giver, taker=RETURNED, phase="accepted" if custody.pending else "moved"
            )
        case events.GivenBack():
            return Move(unit=unit, giver=giver, taker=custody.pending, phase="refused")
        case _:
            assert_never(event)
