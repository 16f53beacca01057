"""How long people waited: from submission to in hand, with the time that waited for the applicant shown apart."""

from datetime import datetime
from typing import NamedTuple

import msgspec

from safehand.house.books import Books, read_books
from safehand.house.runtime import House
from safehand.house.statements import Accounts

_SUBMITTED = "application.submitted"
_IN_HAND = frozenset({"tracking.proof_sealed", "handover.picked_up"})
_WAITS_BEGIN = {"application.correction_opened": "correction", "payment.opened": "payment"}
_WAITS_END = {
    "application.corrected": "correction",
    "payment.settled": "payment",
    "application.deemed_withdrawn": "",
    "application.withdrawn": "",
}


class CityTimes(msgspec.Struct, frozen=True, kw_only=True):
    """One city: how many applied and have it in hand, when the first one had, and the days of each."""

    city: int
    applications: int
    delivered_with_proof: int
    picked_up: int
    first_delivered: datetime | None
    days: list[float]
    """Submission to in hand, in days, for each document that is in hand."""
    waited_days: list[float]
    """Of these days: those that waited for the applicant (correction, payment)."""


class AuthorityFigures(msgspec.Struct, frozen=True, kw_only=True):
    """The authority's books and its times."""

    books: Books
    times: list[CityTimes]


class _Way(NamedTuple):
    submitted: datetime
    waited_seconds: float
    open_wait: datetime | None


async def read_figures(*, house: House, accounts: Accounts) -> AuthorityFigures:
    """Everything a launch reports of the authority, from its own database."""
    return AuthorityFigures(
        books=await read_books(house=house, accounts=accounts), times=await read_times(house=house)
    )


async def read_times(*, house: House) -> list[CityTimes]:
    """Times by city. Reads each case's few telling events; for reports, never behind a page."""
    kinds = [_SUBMITTED, *_IN_HAND, *_WAITS_BEGIN, *_WAITS_END]
    rows = await house.store.fetch(
        "select city, stream, kind, at from event where kind = any($1::text[]) order by city, stream, version",
        kinds,
    )
    ways: dict[tuple[int, str], _Way] = {}
    cities: dict[int, CityTimes] = {}
    for city, stream, kind, at in rows:
        key = (city, stream)
        if kind == _SUBMITTED:
            ways[key] = _Way(at, 0.0, None)
            cities[city] = _with_application(cities.get(city), city)
            continue
        way = ways[key]
        if kind in _WAITS_BEGIN:
            ways[key] = way._replace(open_wait=at)
        elif kind in _WAITS_END and way.open_wait is not None:
            waited = way.waited_seconds + (at - way.open_wait).total_seconds()
            ways[key] = way._replace(waited_seconds=waited, open_wait=None)
        elif kind in _IN_HAND:
            cities[city] = _with_document(cities[city], kind, way, at)
    return [cities[city] for city in sorted(cities)]


def _with_application(times: CityTimes | None, city: int) -> CityTimes:
    if times is None:
        return CityTimes(
            city=city,
            applications=1,
            delivered_with_proof=0,
            picked_up=0,
            first_delivered=None,
            days=[],
            waited_days=[],
        )
    return msgspec.structs.replace(times, applications=times.applications + 1)


def _with_document(times: CityTimes, kind: str, way: _Way, at: datetime) -> CityTimes:
    times.days.append((at - way.submitted).total_seconds() / 86_400)
    times.waited_days.append(way.waited_seconds / 86_400)
    by_post = kind == "tracking.proof_sealed"
    first = min(times.first_delivered or at, at) if by_post else times.first_delivered
    return msgspec.structs.replace(
        times,
        delivered_with_proof=times.delivered_with_proof + by_post,
        picked_up=times.picked_up + (not by_post),
        first_delivered=first,
    )
