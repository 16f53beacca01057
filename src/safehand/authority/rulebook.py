"""The dated rules of cities and documents as the steps ask for them: deadlines, fees, postage, verdicts."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import Final, Literal, NamedTuple, TypeVar

import msgspec

from safehand.authority.cities.city import City, CityOn, Postage, PostageChoice, PostageMode, Zone
from safehand.authority.documents.document import Document, DocumentOn
from safehand.kernel.dated import NotInForceError
from safehand.kernel.machine import Event
from safehand.kernel.outcome import Refusal
from safehand.kernel.working_days import WorkClock, add_days, add_working_days, local_day

T = TypeVar("T")

Answer = Sequence[Event] | Refusal
"""What a rule decides: events (none: it is already so), or one refusal."""

# Municipalities are cities and provinces at once (GB/T 2260): their counties differ in the second pair of digits.
_MUNICIPALITIES: Final = frozenset({11, 12, 31, 50})


class HouseClocks(msgspec.Struct, frozen=True, kw_only=True):
    """Clocks within the house for which no source gives a value. All assumed (grade A); an operator may change them."""

    waybill_hours: int = 24
    """The post names a waybill."""
    handover_working_days: int = 1
    """Labelled, sealed and bagged: "next collection" (policy, clocks) and no later than the next working day."""
    offer_hours: int = 24
    """The post counts an offered bag."""
    recount_hours: int = 24
    to_counter_working_days: int = 2
    silence_hours: int = 48
    """No news from the post after its last promise."""
    reported_days: int = 3
    """The recipient confirms or denies what the carrier merely reported."""
    dispute_working_days: int = 5
    incident_days: int = 7
    """The post searches."""
    recall_hours: int = 24
    shelf_working_days: int = 3
    """What to do with a returned document."""
    contact_working_days: int = 2
    """The manager tells somebody whom no message reached."""
    address_change_working_days: int = 1
    """The manager decides on another address for what the post has."""
    phone_code_minutes: int = 30
    """The applicant says the code that was sent to another number."""
    help_working_days: int = 2
    """A help agent answers."""
    help_reopen_days: int = 30
    """The applicant says that the answer did not settle it."""


class Rulebook:
    """Answers by the rules of the day. Holds no state; built once from the loaded data."""

    def __init__(
        self,
        *,
        cities: Mapping[int, City],
        documents: Mapping[str, Document],
        clocks: HouseClocks,
        authority: str,
        post: str,
    ) -> None:
        self._cities = cities
        self._documents = documents
        self.clocks = clocks
        self.authority = authority
        """The authority's own code on orders."""
        self.post = post
        """The peer that delivers."""

    def city(self, code: int, day: date) -> CityOn | None:
        """The city's rules of a day; none if there is no such city, or its rules have ended."""
        city = self._cities.get(code)
        return None if city is None else _in_force(city.on, day)

    def document(self, code: str, day: date) -> DocumentOn | None:
        """The document's rules of a day; none if there is no such document, or its rules have ended."""
        document = self._documents.get(code)
        return None if document is None else _in_force(document.on, day)


def _in_force(rules_on: Callable[[date], T], day: date) -> T | None:
    try:
        return rules_on(day)
    except NotInForceError:
        return None


class Moment(NamedTuple):
    """What a rule may know beside its step and its command: the city, the time, who asks, and the rules."""

    city: int
    now: datetime
    actor: str
    book: Rulebook
    document: str = ""
    holders: Mapping[str, str] = {}
    stream: str = ""
    blank: int = 0
    """The blank of the document at work, by its ordinal."""
    order: str = ""
    """The order that is, or was last, with the post; with its waybill and the peer."""
    waybill: str = ""
    peer: str = ""
    token: bytes = b""
    """Chance for this call alone: an order reference is drawn from it."""

    @property
    def today(self) -> date:
        """The local day."""
        return local_day(self.now)

    @property
    def city_on(self) -> CityOn:
        """The city's rules today. Raises `LookupError` for a city that submission would have refused."""
        city = self.book.city(self.city, self.today)
        if city is None:
            raise LookupError(f"no city {self.city}")
        return city

    @property
    def document_on(self) -> DocumentOn:
        """The document's rules today. Raises `LookupError` for a document that submission would have refused."""
        document = self.book.document(self.document, self.today)
        if document is None:
            raise LookupError(f"no document {self.document}")
        return document

    def in_days(self, days: int) -> datetime:
        """The end of the n-th day after today."""
        return add_days(self.now, days)

    def in_working_days(self, days: int) -> datetime:
        """The end of the n-th working day after today."""
        return add_working_days(self.now, days)

    def in_hours(self, hours: int) -> datetime:
        """So many hours from now."""
        return self.now + timedelta(hours=hours)

    def review_clock(self) -> WorkClock:
        """A fresh review clock (7 working days by policy), running."""
        return WorkClock(budget_days=self.city_on.clocks.review_working_days).started(at=self.now)

    def postage(
        self, *, destination: int, free: bool, chosen: PostageChoice | Literal[""] = ""
    ) -> tuple[PostageMode, int]:
        """Mode and fen for one envelope today, as `postage_of` has it."""
        return postage_of(
            rules=self.city_on.postage, city=self.city, destination=destination, free=free, chosen=chosen
        )

    def promised(self, *, destination: int) -> datetime:
        """When the post has promised to be at the door."""
        days = self.city_on.delivery.promise_days
        match zone_of(city=self.city, destination=destination):
            case "in_city":
                return self.in_days(days.in_city)
            case "in_province":
                return self.in_days(days.in_province)
            case "elsewhere":
                return self.in_days(days.elsewhere)


def postage_of(
    *, rules: Postage, city: int, destination: int, free: bool, chosen: PostageChoice | Literal[""] = ""
) -> tuple[PostageMode, int]:
    """Mode and fen for one envelope by the tariff of a day; free after a fault that is not the recipient's.

    `chosen` was offered on the day of submission and holds, whatever is offered by now; empty: the city's own mode. Where the
    city has made it free meanwhile, nobody pays.
    """
    mode: PostageMode = "free" if free or rules.mode == "free" else chosen or rules.mode
    return mode, rules.amount_fen(zone=zone_of(city=city, destination=destination), mode=mode)


def zone_of(*, city: int, destination: int) -> Zone:
    """How far a destination lies, by the GB/T 2260 codes of both cities."""
    if city // 10_000 != destination // 10_000:
        return "elsewhere"
    if city // 100 == destination // 100 or city // 10_000 in _MUNICIPALITIES:
        return "in_city"
    return "in_province"
