"""The stock of blanks of one city and kind (stream `st_<city>_<document>`): consumed in order, none unaccounted for."""

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any, Final

import msgspec
from msgspec import Meta

from safehand.authority.production import refusals
from safehand.authority.production.commands import Ordinal, StartProduction
from safehand.authority.rulebook import Answer
from safehand.kernel.machine import Command, Context, Event, Machine, Onward, StreamKey, Waiting

LOW_BLANKS: Final = 200
"""Fewer than these: somebody must order."""
RANGES_MAX: Final = 50
MISSING_MAX: Final = 500


class BlanksReceived(Event, frozen=True, kw_only=True, tag="stock.received"):
    """A delivery of blanks, by first and last ordinal."""

    first: int
    last: int


class BlankDrawn(Event, frozen=True, kw_only=True, tag="stock.drawn"):
    """The next blank in order went to a case."""

    blank: int
    case: str


class BlankMissing(Event, frozen=True, kw_only=True, tag="stock.blank_missing"):
    """A blank that should lie in the stock does not: it is skipped, and searched for."""

    blank: int


StockEvent = BlanksReceived | BlankDrawn | BlankMissing


class ReceiveBlanks(Command, frozen=True, kw_only=True, tag="stock.receive"):
    """Take in a delivery."""

    first: Ordinal
    last: Ordinal


class DrawBlank(Command, frozen=True, kw_only=True, tag="stock.draw"):
    """Take the next blank for a case."""

    case: Annotated[str, Meta(min_length=4, max_length=64)]


class ReportMissing(Command, frozen=True, kw_only=True, tag="stock.report_missing"):
    """A blank isn't where it should be."""

    blank: Ordinal


StockCommand = ReceiveBlanks | DrawBlank | ReportMissing

ROLES: Final[dict[type[Command], frozenset[str]]] = {
    ReceiveBlanks: frozenset({"production_clerk", "authority_manager"}),
    DrawBlank: frozenset({"production_clerk"}),
    ReportMissing: frozenset({"production_clerk", "authority_manager"}),
}


class Range(msgspec.Struct, frozen=True, array_like=True):
    """Blanks that still lie in the vault, both ends with."""

    first: int
    last: int


class Stock(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What lies in the vault: rising ranges, and which of them are missing."""

    ranges: tuple[Range, ...] = ()
    end: int = 0
    """The highest ordinal ever taken in."""
    missing: tuple[int, ...] = ()
    """Reported missing and not yet reached."""
    low_since: datetime | None = None

    @property
    def left(self) -> int:
        """How many blanks can still be drawn."""
        return sum(span.last - span.first + 1 for span in self.ranges) - len(self.missing)


def _next(stock: Stock) -> int | None:
    for span in stock.ranges:
        for blank in range(span.first, span.last + 1):
            if blank not in stock.missing:
                return blank
    return None


def receive(stock: Stock, command: ReceiveBlanks, context: Context) -> Answer:
    """Ranges rise and never overlap, so that each ordinal exists once."""
    if not stock.end < command.first <= command.last:
        return refusals.STOCK_RANGE_WRONG(first=command.first, last=command.last, end=stock.end)
    if len(stock.ranges) >= RANGES_MAX:
        return refusals.STOCK_TOO_MANY(count=RANGES_MAX)
    return [BlanksReceived(first=command.first, last=command.last)]


def draw(stock: Stock, command: DrawBlank, context: Context) -> Answer:
    """The next in order; the case starts with it in the same transaction, or nothing was drawn."""
    blank = _next(stock)
    if blank is None:
        return refusals.STOCK_EXHAUSTED()
    return [BlankDrawn(blank=blank, case=command.case)]


def report_missing(stock: Stock, command: ReportMissing, context: Context) -> Answer:
    """Only a blank that should still lie here; one already drawn is reported at its case."""
    if command.blank in stock.missing:
        return []
    if not any(span.first <= command.blank <= span.last for span in stock.ranges):
        return refusals.BLANK_NOT_IN_STOCK(blank=command.blank)
    if len(stock.missing) >= MISSING_MAX:
        return refusals.STOCK_TOO_MANY(count=MISSING_MAX)
    return [BlankMissing(blank=command.blank)]


RULES: Final[Mapping[type, Callable[[Stock, Any, Context], Answer]]] = {
    ReceiveBlanks: receive,
    DrawBlank: draw,
    ReportMissing: report_missing,
}


def fold(stock: Stock, event: StockEvent, at: datetime) -> Stock:
    """The stock after the event."""
    match event:
        case BlanksReceived():
            after = msgspec.structs.replace(
                stock, ranges=(*stock.ranges, Range(event.first, event.last)), end=event.last
            )
        case BlankDrawn():
            # What lies before a drawn blank was missing: it leaves the stock with it.
            ranges = tuple(
                Range(max(span.first, event.blank + 1), span.last)
                for span in stock.ranges
                if span.last > event.blank
            )
            missing = tuple(blank for blank in stock.missing if blank > event.blank)
            after = msgspec.structs.replace(stock, ranges=ranges, missing=missing)
        case BlankMissing():
            after = msgspec.structs.replace(stock, missing=(*stock.missing, event.blank))
    low_since = (stock.low_since or at) if after.left < LOW_BLANKS else None
    return msgspec.structs.replace(after, low_since=low_since)


def waits(stock: Stock, key: StreamKey) -> Sequence[Waiting]:
    """A low stock stands on the production clerks' list until blanks come."""
    if stock.low_since is None:
        return ()
    return (Waiting(queue="stock.low", since=stock.low_since, owner="production_clerk", group=key.stream),)


def follows(stock: Stock, event: StockEvent, key: StreamKey) -> Sequence[Onward]:
    """A drawn blank starts the case's production."""
    match event:
        case BlankDrawn():
            target = StreamKey(key.city, event.case)
            return (Onward(key=target, kind="case", command=_start(key, event)),)
        case BlanksReceived() | BlankMissing():
            return ()


def _start(key: StreamKey, event: BlankDrawn) -> StartProduction:
    return StartProduction(blank=event.blank, document=key.stream.removeprefix(f"st_{key.city}_"))


def stock_machine(documents: Collection[str]) -> Machine:
    """The machine of streams `st_<city>_<document>`: there is one stock for each kind of document and city."""

    def decide(stock: Stock, command: Any, context: Context) -> Answer:
        key = context.key
        if key.stream.removeprefix(f"st_{key.city}_") not in documents:
            return refusals.STOCK_UNKNOWN(city=key.city)
        return RULES[type(command)](stock, command, context)

    return Machine(
        kind="stock",
        state=Stock,
        event=StockEvent,
        initial=lambda key: Stock(),
        decide=decide,
        fold=fold,
        waits=waits,
        follows=follows,
        touches=lambda command, key: (
            (StreamKey(key.city, command.case),) if isinstance(command, DrawBlank) else ()
        ),
    )
