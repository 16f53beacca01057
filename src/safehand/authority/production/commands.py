"""What can be asked of production, and by whom."""

from typing import Annotated, Final, Literal

from msgspec import Meta

from safehand.kernel.machine import Command

Ordinal = Annotated[int, Meta(ge=1, le=999_999_999)]
SpoilReason = Literal["misprint", "damaged", "chip_failed", "check_failed", "missing"]


class StartProduction(Command, frozen=True, kw_only=True, tag="production.start"):
    """Follows a draw from the stock; nobody gives it by hand. `document`: for which kind the stock's blanks are."""

    blank: Ordinal
    document: str


class RecordPrinted(Command, frozen=True, kw_only=True, tag="production.record_printed"):
    """The machine personalised this blank."""

    blank: Ordinal


class PassCheck(Command, frozen=True, kw_only=True, tag="production.pass_check"):
    """A second person compared the finished document with the application: issue it."""

    blank: Ordinal


class SpoilDocument(Command, frozen=True, kw_only=True, tag="production.spoil"):
    """Burn the blank before a witness (or report it missing); another one is drawn, free of charge."""

    blank: Ordinal
    reason: SpoilReason
    witness: Annotated[str, Meta(min_length=1, max_length=64)]


class ProductionExpired(Command, frozen=True, kw_only=True, tag="production.expired"):
    """The clock: the working days for production are used up."""


ProductionCommand = StartProduction | RecordPrinted | PassCheck | SpoilDocument | ProductionExpired

_CLERKS: Final = frozenset({"production_clerk"})
ROLES: Final[dict[type[Command], frozenset[str]]] = {
    StartProduction: frozenset(),  # follows only
    RecordPrinted: _CLERKS,
    PassCheck: _CLERKS,
    SpoilDocument: _CLERKS,
    ProductionExpired: frozenset({"system"}),
}
