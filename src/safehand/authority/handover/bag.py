"""A sealed bag with its manifest (stream `bg_…`): closed, offered to the post, and answered item by item."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from safehand.authority.handover import commands as item
from safehand.authority.handover import refusals
from safehand.authority.rulebook import Answer, HouseClocks
from safehand.kernel.machine import Command, Context, Event, Machine, Onward, Outgoing, StreamKey, Waiting
from safehand.kernel.outcome import Refusal
from safehand.kernel.steps import ClockedStep, Table, Wait, clocked, moved, waiting_of
from safehand.kernel.working_days import add_working_days
from safehand.link.messages import (
    ITEMS_PER_MANIFEST_MAX,
    HandoverOffered,
    Kind,
    Office,
    Reason,
    Seal,
    Waybill,
)


class BagState(StrEnum):
    """Where the bag stands."""

    NONE = "none"
    CLOSED = "closed"
    OFFERED = "offered"
    SETTLED = "settled"
    REOPENED = "reopened"


S = BagState
WORDS: Final = {
    S.NONE: ("not closed", "未封装"),
    S.CLOSED: ("closed", "已封装"),
    S.OFFERED: ("offered to the post", "待邮政清点"),
    S.SETTLED: ("fully answered", "已全部答复"),
    S.REOPENED: ("opened again", "已拆封"),
}


class BagClosed(Event, frozen=True, kw_only=True, tag="bag.closed"):
    """Envelopes closed into a sealed bag; the count is fixed. `items`: waybill -> case."""

    seal: str
    office: str
    peer: str
    items: Mapping[str, str]
    due_at: datetime


class BagReopened(Event, frozen=True, kw_only=True, tag="bag.reopened"):
    """Opened before it was offered: its envelopes go into another bag."""


class BagOffered(Event, frozen=True, kw_only=True, tag="bag.offered"):
    """It stands ready for the collection; the manifest went to the post."""

    due_at: datetime
    at: datetime


class BagItemsAccepted(Event, frozen=True, kw_only=True, tag="bag.items_accepted"):
    """The post signed for these."""

    waybills: tuple[str, ...]


class BagItemsRefused(Event, frozen=True, kw_only=True, tag="bag.items_refused"):
    """The post did not find, or would not take, these. Waybill -> reason."""

    items: Mapping[str, int]


class BagSurplusNamed(Event, frozen=True, kw_only=True, tag="bag.surplus_named"):
    """The post counted these as well, which aren't on the manifest. Waybill -> reason.

    Nothing moves by it: they lie with the post, whose manager has the difference to settle; and if one is ours, the shelf misses it.
    """

    items: Mapping[str, int]


class BagSettled(Event, frozen=True, kw_only=True, tag="bag.settled"):
    """Every envelope of the bag has an answer."""


class BagRanLate(Event, frozen=True, kw_only=True, tag="bag.ran_late"):
    """Not offered, or not answered, in time: the manager owns it."""


BagEvent = (
    BagClosed
    | BagReopened
    | BagOffered
    | BagItemsAccepted
    | BagItemsRefused
    | BagSurplusNamed
    | BagSettled
    | BagRanLate
)

TABLE: Final[Table] = {
    (S.NONE, BagClosed): S.CLOSED,
    (S.CLOSED, BagOffered): S.OFFERED,
    (S.CLOSED, BagReopened): S.REOPENED,
    (S.CLOSED, BagRanLate): S.CLOSED,
    (S.OFFERED, BagItemsAccepted): S.OFFERED,
    (S.OFFERED, BagItemsRefused): S.OFFERED,
    (S.OFFERED, BagSurplusNamed): S.OFFERED,
    # All were signed for, and one more was in the bag: the post says so a moment later.
    (S.SETTLED, BagSurplusNamed): S.SETTLED,
    (S.OFFERED, BagSettled): S.SETTLED,
    (S.OFFERED, BagRanLate): S.OFFERED,
}
WAITING: Final = {
    S.CLOSED: Wait("handover_clerk", "handover_working_days", "authority_manager"),
    S.OFFERED: Wait("post", "offer_hours", "authority_manager"),
}
TERMINAL: Final = frozenset({S.SETTLED, S.REOPENED})


class CloseBag(Command, frozen=True, kw_only=True, tag="bag.close"):
    """Close sealed envelopes into a bag. `items`: waybill -> case."""

    seal: Seal
    office: Office
    items: Annotated[dict[Waybill, str], Meta(max_length=ITEMS_PER_MANIFEST_MAX)]


class ReopenBag(Command, frozen=True, kw_only=True, tag="bag.reopen"):
    """Open a closed bag before it is offered."""


class OfferBag(Command, frozen=True, kw_only=True, tag="bag.offer"):
    """Put the bag out for the collection; the seal is scanned once more."""

    seal: Annotated[str, Meta(max_length=40)]


class RecordBagAcceptance(Command, frozen=True, kw_only=True, tag="bag.record_acceptance"):
    """Link 203."""

    seal: Annotated[str, Meta(max_length=40)]
    waybills: Annotated[tuple[Waybill, ...], Meta(max_length=ITEMS_PER_MANIFEST_MAX)]


class RecordBagRefusal(Command, frozen=True, kw_only=True, tag="bag.record_refusal"):
    """Link 204: waybill -> reason."""

    items: Annotated[dict[Waybill, Reason], Meta(max_length=ITEMS_PER_MANIFEST_MAX)]


class BagExpired(Command, frozen=True, kw_only=True, tag="bag.expired"):
    """The clock of the bag's present state."""


BagCommand = CloseBag | ReopenBag | OfferBag | RecordBagAcceptance | RecordBagRefusal | BagExpired

_CLERK: Final = frozenset({"handover_clerk"})
ROLES: Final[dict[type[Command], frozenset[str]]] = {
    CloseBag: _CLERK,
    ReopenBag: _CLERK,
    OfferBag: _CLERK,
    RecordBagAcceptance: frozenset({"post"}),
    RecordBagRefusal: frozenset({"post"}),
    BagExpired: frozenset({"system"}),
}


class Bag(ClockedStep, frozen=True, kw_only=True, omit_defaults=True):
    """The bag and its manifest."""

    state: BagState = S.NONE
    seal: str = ""
    office: str = ""
    peer: str = ""
    items: dict[str, str] = msgspec.field(default_factory=dict)
    """Waybill -> case, as closed."""
    answered: dict[str, int] = msgspec.field(default_factory=dict)
    """Waybill -> 0 accepted, or the reason of the refusal."""
    surplus: dict[str, int] = msgspec.field(default_factory=dict)
    """Waybill -> reason: what the post counted in it and we did not put in."""


def _not_now(state: BagState) -> Refusal:
    en, zh = WORDS[state]
    return refusals.BAG_NOT_NOW(state_en=en, state_zh=zh)


class _Rules:
    """The bag's rules with the house's clocks and the peer that collects."""

    def __init__(self, *, clocks: HouseClocks, post: str) -> None:
        self.clocks = clocks
        self.post = post
        self.of: Mapping[type, Callable[[Bag, Any, Context], Answer]] = {
            CloseBag: self.close,
            ReopenBag: self.reopen,
            OfferBag: self.offer,
            RecordBagAcceptance: self.record_acceptance,
            RecordBagRefusal: self.record_refusal,
            BagExpired: self.expired,
        }

    def close(self, bag: Bag, command: CloseBag, context: Context) -> Answer:
        """Every item must be sealed and this case's own: each case says so itself, in the same transaction."""
        if bag.state is not S.NONE:
            same = bag.seal == command.seal and bag.items == command.items
            return [] if same else refusals.BAG_ALREADY_CLOSED()
        if not 1 <= len(command.items) <= ITEMS_PER_MANIFEST_MAX:
            return refusals.BAG_ITEMS_WRONG(count=len(command.items), limit=ITEMS_PER_MANIFEST_MAX)
        due_at = add_working_days(context.now, self.clocks.handover_working_days)
        return [
            BagClosed(
                seal=command.seal,
                office=command.office,
                peer=self.post,
                items={str(waybill): case for waybill, case in command.items.items()},
                due_at=due_at,
            )
        ]

    def reopen(self, bag: Bag, command: ReopenBag, context: Context) -> Answer:
        """Before the offer only: an offered bag is answered by the post."""
        if bag.state is S.REOPENED:
            return []
        return [BagReopened()] if bag.state is S.CLOSED else _not_now(bag.state)

    def offer(self, bag: Bag, command: OfferBag, context: Context) -> Answer:
        """The seal on the bag must be the one it was closed with."""
        if bag.state is S.OFFERED and command.seal == bag.seal:
            return []
        if bag.state is not S.CLOSED:
            return _not_now(bag.state)
        if command.seal != bag.seal:
            return refusals.BAG_SEAL_DIFFERS()
        due_at = context.now + timedelta(hours=self.clocks.offer_hours)
        return [BagOffered(due_at=due_at, at=context.now)]

    def record_acceptance(self, bag: Bag, command: RecordBagAcceptance, context: Context) -> Answer:
        """Custody moves for what the post counted; the rest stays offered until it is answered."""
        fresh = [waybill for waybill in command.waybills if bag.answered.get(waybill) != 0]
        if wrong := self._wrong(bag, fresh):
            return wrong
        if command.seal != bag.seal:
            return refusals.BAG_SEAL_DIFFERS()
        return self._answer(bag, BagItemsAccepted(waybills=tuple(dict.fromkeys(fresh))), len(set(fresh)))

    def record_refusal(self, bag: Bag, command: RecordBagRefusal, context: Context) -> Answer:
        """Custody stays here for what the post did not take.

        What was over is only noted: an envelope too many must not keep the answer for the others from being heard.
        """
        fresh = {
            str(waybill): int(reason)
            for waybill, reason in command.items.items()
            if int(reason) not in (bag.answered.get(waybill), bag.surplus.get(waybill))
        }
        ours = {waybill: reason for waybill, reason in fresh.items() if waybill in bag.items}
        over = {waybill: reason for waybill, reason in fresh.items() if waybill not in bag.items}
        if wrong := self._wrong(bag, list(ours)):
            return wrong
        surplus = [BagSurplusNamed(items=over)] if over else []
        return [*surplus, *self._answer(bag, BagItemsRefused(items=ours), len(ours))]

    def expired(self, bag: Bag, command: BagExpired, context: Context) -> Answer:
        """A bag that nobody offers or answers is the manager's."""
        if bag.state not in WAITING or bag.late or bag.due_at is None or context.now < bag.due_at:
            return []
        return [BagRanLate()]

    def _wrong(self, bag: Bag, fresh: Sequence[str]) -> Refusal | None:
        """None when each of these still waits for its answer (or nothing is left to do)."""
        if not fresh and bag.state in (S.OFFERED, S.SETTLED):
            return None
        unknown = sum(waybill not in bag.items or waybill in bag.answered for waybill in fresh)
        if unknown and bag.state in (S.OFFERED, S.SETTLED):
            return refusals.BAG_UNKNOWN_WAYBILL(count=unknown)
        return None if bag.state is S.OFFERED else _not_now(bag.state)

    def _answer(self, bag: Bag, event: Event, count: int) -> Sequence[Event]:
        if not count:
            return []
        return [event, BagSettled()] if len(bag.answered) + count == len(bag.items) else [event]


def fold(bag: Bag, event: BagEvent, at: datetime) -> Bag:
    """The bag after the event."""
    match event:
        case BagClosed():
            return clocked(
                bag,
                event,
                at,
                TABLE,
                due_at=event.due_at,
                seal=event.seal,
                office=event.office,
                peer=event.peer,
                items=dict(event.items),
            )
        case BagOffered():
            return clocked(bag, event, at, TABLE, due_at=event.due_at)
        case BagItemsAccepted():
            return moved(bag, event, at, TABLE, answered=bag.answered | dict.fromkeys(event.waybills, 0))
        case BagItemsRefused():
            return moved(bag, event, at, TABLE, answered=bag.answered | dict(event.items))
        case BagSurplusNamed():
            return moved(bag, event, at, TABLE, surplus=bag.surplus | dict(event.items))
        case BagRanLate():
            return moved(bag, event, at, TABLE, late=True)
        case BagReopened() | BagSettled():
            return clocked(bag, event, at, TABLE)


def follows(bag: Bag, event: BagEvent, key: StreamKey) -> Sequence[Onward]:
    """What happens to a bag happens to its envelopes."""
    stream = key.stream

    def each(waybills: Sequence[str], command: Callable[[str], Command]) -> list[Onward]:
        return [
            Onward(key=StreamKey(key.city, bag.items[waybill]), kind="case", command=command(waybill))
            for waybill in waybills
        ]

    match event:
        case BagClosed():
            return each(list(bag.items), lambda waybill: item.PutInBag(bag=stream, waybill=waybill))
        case BagReopened():
            return each(list(bag.items), lambda waybill: item.TakeOutOfBag(bag=stream))
        case BagOffered():
            return each(list(bag.items), lambda waybill: item.OfferHandover(bag=stream))
        case BagItemsAccepted():
            return each(event.waybills, lambda waybill: item.RecordAcceptance(bag=stream))
        case BagItemsRefused():
            reasons = event.items
            return each(
                list(reasons),
                lambda waybill: item.RecordRefusal(bag=stream, reason=Reason(reasons[waybill])),
            )
        case BagSurplusNamed() | BagSettled() | BagRanLate():
            return ()


def speaks(bag: Bag, event: BagEvent, key: StreamKey) -> Sequence[Outgoing]:
    """103: the manifest goes to the post with the offer."""
    if not isinstance(event, BagOffered):
        return ()
    body = HandoverOffered(
        bag=key.stream, seal=bag.seal, office=bag.office, waybills=list(bag.items), offered_at=event.at
    )
    return (Outgoing(peer=bag.peer, kind=Kind.HANDOVER_OFFERED, body=body, subject=key.stream),)


def waits(bag: Bag, key: StreamKey) -> Sequence[Waiting]:
    """One line for the whole bag."""
    line = waiting_of(name="bag", step=bag, waits=WAITING, group=bag.office)
    return () if line is None else (line,)


def bag_machine(*, clocks: HouseClocks, post: str) -> Machine:
    """The machine of streams `bg_…`."""
    rules = _Rules(clocks=clocks, post=post).of
    return Machine(
        kind="bag",
        state=Bag,
        event=BagEvent,
        initial=lambda key: Bag(),
        decide=lambda bag, command, context: rules[type(command)](bag, command, context),
        fold=fold,
        waits=waits,
        follows=follows,
        speaks=speaks,
        timer=lambda queue: BagExpired() if queue.startswith("bag.") else None,
    )
