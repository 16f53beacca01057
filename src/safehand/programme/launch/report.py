"""What the launch says at its end: per city and province, exceptions and how each ended, custody, differences."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from safehand.house.statements import Difference, compare_all
from safehand.link.messages import Statement
from safehand.programme.launch.arrivals import Place
from safehand.programme.launch.play import Progress

EXCEPTION = "exception."


class CityReport(msgspec.Struct, frozen=True, kw_only=True):
    """One city."""

    code: int
    name: str
    province: str
    applications: int
    states: dict[str, int]
    delivered_with_proof: int
    picked_up: int
    first_delivered: str | None
    days_p50: float | None
    days_p90: float | None
    waited_days_p50: float | None
    """Of the days: those that waited for the applicant (correction, payment), shown apart."""


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """The whole launch."""

    cities: list[CityReport]
    provinces: list[CityReport]
    exceptions: dict[str, int]
    custody: dict[str, int]
    documents_issued: int
    differences: int
    difference_lines: list[Difference]
    refused_calls: dict[str, int]
    http_calls: int
    parked: int
    seed: int
    wall_seconds: float
    lifecycles: int
    lifecycles_per_second: float
    journal_events: int
    peak_rss_mib: float


def make_report(
    *,
    authority: Mapping[str, Any],
    post: Mapping[str, Any],
    places: Sequence[Place],
    progress: Progress,
    seed: int,
    wall_seconds: float,
    peak_rss_bytes: int,
) -> Report:
    """Put both houses' own figures side by side."""
    books = authority["books"]
    tallies = _by_city(books["tallies"])
    times = {one["city"]: one for one in authority["times"]}
    cities = [_city(place, tallies.get(place.code, {}), times.get(place.code)) for place in places]
    provinces = [
        _province(name, [p.code for p in places if p.province == name], tallies, times)
        for name in sorted({place.province for place in places})
    ]
    differences = _differences(books, post)
    totals: Counter[str] = Counter()
    for counts in tallies.values():
        totals.update(counts)
    custody: Counter[str] = Counter()
    for name, count in books["accounts"].items():
        _, kind, account = name.split(":", 2)
        if kind == "document":
            custody[account] += count
    applications = sum(city.applications for city in cities)
    return Report(
        cities=cities,
        provinces=provinces,
        exceptions={
            k.removeprefix(EXCEPTION): v for k, v in sorted(totals.items()) if k.startswith(EXCEPTION)
        },
        custody=dict(sorted(custody.items())),
        documents_issued=sum(custody.values()),
        differences=len(differences),
        difference_lines=differences[:50],
        refused_calls=dict(sorted(progress.refused.items())),
        http_calls=progress.http_calls,
        parked=len(books["parked"]) + len(post["parked"]),
        seed=seed,
        wall_seconds=round(wall_seconds, 2),
        lifecycles=applications,
        lifecycles_per_second=round(applications / wall_seconds, 1),
        journal_events=books["journal_events"] + post["journal_events"],
        peak_rss_mib=round(peak_rss_bytes / 2**20, 1),
    )


def _by_city(tallies: Mapping[str, int]) -> dict[int, dict[str, int]]:
    found: dict[int, dict[str, int]] = {}
    for name, count in tallies.items():
        city, _, tally = name.partition(":")
        found.setdefault(int(city), {})[tally] = count
    return found


def _city(place: Place, tallies: Mapping[str, int], times: Mapping[str, Any] | None) -> CityReport:
    states = {
        name.removeprefix("application."): count
        for name, count in sorted(tallies.items())
        if name.startswith("application.") and count
    }
    return _report(place.code, place.name, place.province, states, [times] if times else [])


def _province(
    name: str,
    codes: Sequence[int],
    tallies: Mapping[int, Mapping[str, int]],
    times: Mapping[int, Mapping[str, Any]],
) -> CityReport:
    states: Counter[str] = Counter()
    for code in codes:
        for tally, count in tallies.get(code, {}).items():
            if tally.startswith("application.") and count:
                states[tally.removeprefix("application.")] += count
    code = codes[0] // 10_000 * 10_000
    return _report(code, name, name, dict(sorted(states.items())), [times[c] for c in codes if c in times])


def _report(
    code: int, name: str, province: str, states: dict[str, int], times: Sequence[Mapping[str, Any]]
) -> CityReport:
    days = sorted(day for one in times for day in one["days"])
    waited = sorted(day for one in times for day in one["waited_days"])
    firsts = [one["first_delivered"] for one in times if one["first_delivered"] is not None]
    return CityReport(
        code=code,
        name=name,
        province=province,
        applications=sum(one["applications"] for one in times),
        states=states,
        delivered_with_proof=sum(one["delivered_with_proof"] for one in times),
        picked_up=sum(one["picked_up"] for one in times),
        first_delivered=min(firsts) if firsts else None,
        days_p50=_quantile(days, 0.5),
        days_p90=_quantile(days, 0.9),
        waited_days_p50=_quantile(waited, 0.5),
    )


def _quantile(ordered: Sequence[float], share: float) -> float | None:
    """The nearest-rank quantile: a value that somebody really had."""
    if not ordered:
        return None
    return round(ordered[min(len(ordered) - 1, int(share * len(ordered)))], 2)


def _differences(authority: Mapping[str, Any], post: Mapping[str, Any]) -> list[Difference]:
    """Between both houses' statements, and within each house's own book."""
    ours, theirs = _statements(authority), _statements(post)
    own = [*authority["own_differences"], *post["own_differences"]]
    return [*compare_all(here=ours, there=theirs), *msgspec.convert(own, list[Difference])]


def _statements(books: Mapping[str, Any]) -> dict[tuple[int, date], Statement]:
    made = [(one["city"], msgspec.convert(one["statement"], Statement)) for one in books["statements"]]
    return {(city, statement.day): statement for city, statement in made}


def print_report(report: Report) -> None:
    """The report as a table for a terminal."""
    head = f"{'city':<12}{'applied':>8}{'in hand':>8}{'proof':>8}{'picked up':>10}{'ended':>7}{'open':>6}  {'first delivered':<17}{'p50':>6}{'p90':>7}{'waited':>8}"
    print(f"\n{head}\n{'-' * len(head)}")
    for city in report.cities:
        print(_row(city))
    print("-" * len(head))
    for province in report.provinces:
        print(_row(province))
    print("\nDays from submission to in hand; `waited` is the part that waited for the applicant (p50).")
    _print_counts("Exceptions", report.exceptions.items())
    _print_counts("Custody (documents)", report.custody.items())
    print(f"  {'documents issued':<28}{report.documents_issued:>8,}")
    print(f"\nDifferences between the houses' statements: {report.differences}")
    for one in report.difference_lines[:10]:
        print(f"  {one.city} {one.day} {one.kind} {one.item}: here {one.here!r}, there {one.there!r}")
    print(f"Parked messages: {report.parked}")
    if report.refused_calls:
        _print_counts("Calls that were refused", report.refused_calls.items())
    print(
        f"\n{report.lifecycles:,} applications to their end in {report.wall_seconds:.1f} s"
        f" ({report.lifecycles_per_second:,.0f} a second), {report.journal_events:,} journal events,"
        f" {report.http_calls:,} applicants' calls over HTTP, {report.peak_rss_mib:,.0f} MiB, seed {report.seed}"
    )


def _row(city: CityReport) -> str:
    done = city.delivered_with_proof + city.picked_up
    ended = sum(
        city.states.get(name, 0) for name in ("withdrawn", "deemed_withdrawn", "refused", "not_delivered")
    )
    left = sum(city.states.values()) - ended - city.states.get("completed", 0)
    first = (city.first_delivered or "")[:16].replace("T", " ")
    p50, p90, waited = (
        "" if value is None else f"{value:.1f}"
        for value in (city.days_p50, city.days_p90, city.waited_days_p50)
    )
    return (
        f"{city.name:<12}{city.applications:>8,}{done:>8,}{city.delivered_with_proof:>8,}{city.picked_up:>10,}"
        f"{ended:>7,}{left:>6,}  {first:<17}{p50:>6}{p90:>7}{waited:>8}"
    )


def _print_counts(title: str, counts: Iterable[tuple[str, int]]) -> None:
    print(f"\n{title}")
    for name, count in counts:
        print(f"  {name:<28}{count:>8,}")
