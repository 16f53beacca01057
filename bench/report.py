"""What the bench says: ratios first, since only they mean something on another machine; then medians with their range."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

import msgspec


class Series(msgspec.Struct, frozen=True, kw_only=True):
    """The rounds of one measured thing; empty when it was not measured."""

    key: str
    says: str
    unit: str
    rounds: tuple[float, ...]

    @property
    def middle(self) -> float | None:
        """The median of the rounds."""
        return median(self.rounds) if self.rounds else None


class Ratio(msgspec.Struct, frozen=True, kw_only=True):
    """One series by another, round by round, so that what slowed both cancels."""

    key: str
    says: str
    above: str
    below: str
    must_reach: float | None = None


RATIOS = (
    Ratio(
        key="http_vs_plain",
        says="an application over HTTP, by the plain service",
        above="http_application_rps",
        below="plain_service_rps",
        must_reach=1.0,
    ),
    Ratio(
        key="http_vs_limit",
        says="an application over HTTP, by pgbench on the same rows",
        above="http_application_rps",
        below="limit_tps",
    ),
    Ratio(
        key="plain_vs_limit",
        says="the plain service, by pgbench on Safehand's rows",
        above="plain_service_rps",
        below="limit_tps",
    ),
    Ratio(
        key="link_vs_inserts",
        says="rows of a link batch, by plain multi-row inserts",
        above="link_rows_per_second",
        below="insert_rows_per_second",
        must_reach=0.25,
    ),
    Ratio(
        key="link_vs_copy",
        says="rows of a link batch, by COPY",
        above="link_rows_per_second",
        below="copy_rows_per_second",
    ),
    Ratio(
        key="lifecycles_vs_http",
        says="whole lifecycles, by applications over HTTP",
        above="lifecycles_per_second",
        below="http_application_rps",
    ),
)


class Report(msgspec.Struct, frozen=True, kw_only=True):
    """Everything that one run of the bench found."""

    series: tuple[Series, ...]
    machine: str
    notes: tuple[str, ...]
    seconds: float

    def ratio(self, ratio: Ratio) -> float | None:
        """The median of the rounds' ratios, or the ratio of the medians when the rounds were not side by side."""
        by_key = {one.key: one for one in self.series}
        above, below = by_key[ratio.above], by_key[ratio.below]
        if above.middle is None or below.middle is None:
            return None
        if len(above.rounds) == len(below.rounds):
            return median(a / b for a, b in zip(above.rounds, below.rounds, strict=True))
        return above.middle / below.middle

    def missed(self) -> list[str]:
        """The ratios that must be reached and are not, and what was not measured at all."""
        unmeasured = [f"{one.says}: not measured" for one in self.series if one.middle is None]
        return unmeasured + [
            f"{ratio.says}: {found:.2f}, must reach {ratio.must_reach}"
            for ratio in RATIOS
            if ratio.must_reach is not None
            and (found := self.ratio(ratio)) is not None
            and found < ratio.must_reach
        ]


def as_text(report: Report) -> str:
    """The table for a terminal."""
    lines = ["", "Ratios (only these travel to other machines)"]
    for ratio in RATIOS:
        found = report.ratio(ratio)
        shown = f"{found:9.2f}×" if found is not None else "         –"
        wanted = f"   (must reach {ratio.must_reach})" if ratio.must_reach is not None else ""
        lines.append(f"  {shown}  {ratio.says}{wanted}")
    lines += ["", "Medians (lowest – highest round)"]
    for one in report.series:
        if one.middle is None:
            lines.append(f"  {'not measured':>12}  {one.says}")
            continue
        low, high = min(one.rounds), max(one.rounds)
        lines.append(
            f"  {one.middle:12,.0f}  {one.unit:<15} {one.says} ({low:,.0f} – {high:,.0f}, {len(one.rounds)})"
        )
    lines += ["", f"Machine: {report.machine}", f"Took {report.seconds:.0f} s."]
    lines += [f"Note: {note}" for note in report.notes]
    return "\n".join(lines)


def as_json(report: Report) -> Mapping[str, Any]:
    """The same for machines: medians and ratios by name (null: not measured), the rounds, machine and notes."""
    return {
        **{one.key: one.middle for one in report.series},
        **{ratio.key: report.ratio(ratio) for ratio in RATIOS},
        "rounds": {one.key: list(one.rounds) for one in report.series},
        "machine": report.machine,
        "notes": list(report.notes),
        "seconds": report.seconds,
    }


def series(*, key: str, says: str, unit: str, rounds: Sequence[float]) -> Series:
    """A series from any sequence of rounds."""
    return Series(key=key, says=says, unit=unit, rounds=tuple(rounds))
